"""These tests look at what they leave running; what other tests of the same session keep running is not theirs."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest


@pytest.fixture(scope="session")
def others() -> set[psutil.Process]:
    """What ran already when the first of these tests began (a broker among it starts helpers of its own at any time)."""
    return set(psutil.Process().children())


@pytest.fixture(scope="session")
def children(others: set[psutil.Process]) -> Callable[[], list[psutil.Process]]:
    """Our children and theirs, without those that ran before."""

    def ours() -> list[psutil.Process]:
        direct = [child for child in psutil.Process().children() if child not in others]
        return [*direct, *(one for child in direct for one in child.children(recursive=True))]

    return ours


@pytest.fixture(scope="session", autouse=True)
def _before_anything(others: set[psutil.Process]) -> None:
    """Looks first, whatever fixtures a test asks for."""

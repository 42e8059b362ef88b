"""One life for all tests that look back at it; two towns for each test of a move."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.desk import desk
from tests.programmes.life import SERVICES, Life, rest


@pytest.fixture
def life(lived: Life) -> Life:
    """As a test finds it that begins a minute after the one before: so many moments a minute are for each of them, not for all together."""
    rest(lived.d)
    return lived


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Lived once; a month later."""
    with desk(tmp_path_factory.mktemp("life"), *SERVICES) as d:
        made = Life(d)
        made.live()
        d.later(30)
        yield made


_towns = itertools.count(201)


@pytest.fixture
def old() -> str:
    """A town of the test's own, so that nobody else is on its lists."""
    return f"330225{next(_towns)}"


@pytest.fixture
def new() -> str:
    """Another."""
    return f"330225{next(_towns)}"

"""One life for all tests that look back at it."""

from __future__ import annotations

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

"""What holds for all tests.

eventlet says on import that it is deprecated (docs/adr/0005 says why we use it all the same), once, so it is heard here
and no more. nameko's pytest plugin asks to be run under its own command, which patches everything: that is what we avoid.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import eventlet  # noqa: F401


from hypothesis import HealthCheck, settings

from tests.postgres import PrivatePostgres

# No timing inside a test: a machine that is busy is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

TESTS = Path(__file__).parent


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The address of a private PostgreSQL, started for this session."""
    # Not in pytest's own folders: those are for their owner alone, and the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="minzheng-postgresql-") as folder, PrivatePostgres(Path(folder)) as url:
        yield url


# Their files share one running house, which several processes would each have to start. First the longest, so that none is left to the end.
HOUSES = ("portal", "e2e", "faults", "messaging", "observing")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a folder with a house of its own run in one process, those of any other file too."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(pytest.mark.xdist_group(folder if folder in HOUSES else str(item.path.relative_to(TESTS))))
    order = {name: n for n, name in enumerate(HOUSES)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(HOUSES)))


def pytest_configure(config: pytest.Config) -> None:
    config.option.suppress_eventlet_notification = True

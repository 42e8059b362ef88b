"""What holds for all tests.

eventlet says on import that it is deprecated (docs/adr/0005 says why we use it all the same), once, so it is heard here
and no more. nameko's pytest plugin asks to be run under its own command, which patches everything: that is what we avoid.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

# They share one life (tests/programmes/conftest.py), which several processes would each live; one forgotten here costs time only.
ONE_LIFE = frozenset(f"tests/programmes/test_{name}.py" for name in ("another_town", "answers", "as_of", "business_days", "valid_at"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders with a house of their own begin."""
    order = {name: n for n, name in enumerate(HOUSES)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(HOUSES)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side (``minzheng test``): what shares a house stays together, what shares a life, and any file."""
    from xdist.scheduler import LoadScopeScheduling

    class ByHouse(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            folder = file.split("/")[1]
            return folder if folder in HOUSES else "one life" if file in ONE_LIFE else file

    return ByHouse(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.option.suppress_eventlet_notification = True

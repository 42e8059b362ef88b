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


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The address of a private PostgreSQL, started for this session."""
    # Not in pytest's own folders: those are for their owner alone, and the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="minzheng-postgresql-") as folder, PrivatePostgres(Path(folder)) as url:
        yield url


def pytest_configure(config: pytest.Config) -> None:
    config.option.suppress_eventlet_notification = True

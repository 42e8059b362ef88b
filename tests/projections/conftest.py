"""A log of each test's own, and read models in both databases."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.config import ROOT, Settings
from shared.eventlog.stores import engine_for
from tests.projections.logserver import LogServer, Running

SILENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LogServer]:
    running = LogServer(tmp_path / "eventlog")
    try:
        running.start()
        yield running
    finally:
        running.kill()  # its clients may still be there: a polite stop would wait for them


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty store for the sample service."""
    if request.param == "sqlite":
        return Settings(var=tmp_path)
    url = str(request.getfixturevalue("postgresql_url"))
    made = Settings(var=tmp_path, database_url=url)
    engine = engine_for(made, "public")
    with engine.begin() as tx:
        tx.execute(sa.text('DROP SCHEMA IF EXISTS "sample" CASCADE'))
    engine.dispose()
    return made


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    made = engine_for(settings, "sample")
    yield made
    made.dispose()


@pytest.fixture
def projector_process(server: LogServer, settings: Settings, tmp_path: Path) -> Iterator[Running]:
    """A projector in a process of its own, which can be killed and started again."""
    argv = [sys.executable, "-m", "tests.projections.run_projector", server.uri, str(settings.var), settings.database_url]
    running = Running(argv, tmp_path / "projector.log", SILENT)
    yield running
    running.kill()

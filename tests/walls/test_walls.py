"""The walls that hold for files not yet written: aggregate files are found, not listed."""
from __future__ import annotations

from pathlib import Path

import grimp
import pytest

from shared.config import ROOT

FRAMEWORKS = {"nameko", "kombu", "amqp", "pika", "grpc", "esdbclient", "eventlet", "sqlalchemy"}
DOORS = {"service", "doors", "read_model", "rows"}  # what of a service may know a framework
PORTAL = "portal"  # no service: windows on all of them, and nothing of it decides anything


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("services", "shared", include_external_packages=True, cache_dir=None)


def aggregates(graph: grimp.ImportGraph) -> set[str]:
    """Every module of a service except its door and its read model, rules and programmes included."""
    inside = {module for module in graph.modules if module.startswith("services.") and module.count(".") >= 2}
    return {module for module in inside if module.split(".")[1] != PORTAL and module.split(".")[2] not in DOORS}


def test_aggregates_are_found(graph: grimp.ImportGraph) -> None:
    """The walk below would pass for an empty set."""
    assert {"services.registry.death", "services.assistance.household"} <= aggregates(graph)


def test_no_aggregate_reaches_a_framework(graph: grimp.ImportGraph) -> None:
    """Neither directly nor through anything it imports: a decider can be read and run with nothing but Python."""
    through = {
        f"{module} → {' → '.join(graph.find_shortest_chain(module, framework) or ())}"
        for module in aggregates(graph)
        for framework in FRAMEWORKS & graph.modules
        if graph.chain_exists(module, framework)
    }
    assert not through


def test_only_one_module_of_ours_touches_each_engine(graph: grimp.ImportGraph) -> None:
    """esdbclient behind shared.eventlog; AMQP behind shared.messaging and the relay; nameko behind shared.messaging and the doors."""
    allowed = {
        "esdbclient": ("shared.eventlog",),
        "amqp": ("shared.messaging",),
        "kombu": ("shared.messaging",),
        "pika": ("shared.messaging", "shared.eventlog.relay"),
        "nameko": ("shared.messaging", *(f"services.{path.name}.service" for path in (ROOT / "services").iterdir())),
    }
    wrong = {
        f"{module} imports {engine}"
        for engine, doors in allowed.items()
        if engine in graph.modules
        for module in graph.find_modules_that_directly_import(engine)
        if not any(module == door or module.startswith(f"{door}.") for door in doors)
    }
    assert not wrong


def test_every_service_is_laid_out_alike() -> None:
    """One who knows one service finds everything in the next."""
    services = [path for path in (ROOT / "services").iterdir() if path.is_dir() and any(path.glob("[a-z]*.py")) and path.name != PORTAL]
    assert services
    missing = [f"{path.name}/{file}" for path in services for file in ("service.py", "read_model.py") if not Path(path, file).exists()]
    assert not missing

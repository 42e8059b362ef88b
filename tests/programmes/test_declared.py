"""Every declared programme lives its example through the doors: stream, read model, worklists and deadlines as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from shared.casework.shape import Declaration
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.shape_rows import decode_state
from tests.desk import Desk, desk
from tests.programmes.introduced import introduce

FIRST = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)


def _declarations() -> list[tuple[str, Declaration]]:
    found = []
    for service in discovery.services():
        try:
            room = import_module(f"services.{service}.declarations")
        except ModuleNotFoundError:
            continue
        found += [(service, d) for d in room.DECLARATIONS.values()]
    return found


ALL = _declarations()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all: records of one programme do not meet those of another."""
    with desk(tmp_path_factory.mktemp("declared"), *sorted({service for service, _ in ALL})) as made:
        introduce(made.services["assistance"].office)
        yield made


@pytest.mark.parametrize(("service", "declaration"), ALL, ids=lambda x: x.code if isinstance(x, Declaration) else x)
def test_a_declared_programme_lives_its_example(house: Desk, service: str, declaration: Declaration) -> None:
    """The doors take every step, the rows are the fold of the stream, and what is open and due waits in a worklist."""
    record_id, position = "", 0
    events: list[str] = []
    for step in declaration.example:
        house.on((FIRST + timedelta(days=step.day)).isoformat())
        house.project()  # an act may look at what the rows say
        body = {k: record_id if v == "@id" else v for k, v in step.body.items()}
        answer = house.call(step.act, step.role, service=service, **body)
        record_id = record_id or answer["id"]
        position = answer["position"]
        events += answer["events"]
    house.project()
    [row] = [
        r
        for r in house.call("list_records", "auditor", service=service, programme=declaration.code, position=position, limit=500)
        if r["record_id"] == record_id
    ]
    shown = house.call("get_record", "auditor", service=service, shape=declaration.shape.name, record_id=record_id)
    decider = next(d for d in discovery.deciders(service) if d.category == f"{service}.{declaration.shape.name}")
    made = house.services[service].office
    history = made.history(decider.stream(record_id))
    assert [r.name for r in history] == events
    folded = decider.fold([r.event for r in history])
    view = declaration.shape.view(folded)
    assert (row["status"], row["open"], row["worklist"], row["amount"]) == (view.status, view.open, view.worklist, view.amount)
    assert row["version"] == shown["version"] == len(history) - 1
    assert _stored(house, service, record_id, declaration) == folded
    assert bool(view.worklist) or not view.open or view.due_on is None, "an open record with something due waits in a worklist"


def _stored(house: Desk, service: str, record_id: str, declaration: Declaration) -> Any:
    import sqlalchemy as sa

    table = import_module(f"services.{service}.read_model").RECORDS
    with house.services[service].office.read.connect() as connection:
        text = connection.execute(sa.select(table.c.state).where(table.c.record_id == record_id)).scalar_one()
    return decode_state(declaration.shape, text)


@pytest.mark.parametrize(("service", "declaration"), ALL, ids=lambda x: x.code if isinstance(x, Declaration) else x)
def test_a_declaration_names_rows_of_the_catalogue_and_an_example_of_its_own(service: str, declaration: Declaration) -> None:
    """A carrier without rows would be counted as nothing."""
    assert declaration.catalogue
    acts = [a for a in declaration.shape.acts if not a.by_service]
    opening = {a.command for a in acts if a.opens}
    assert declaration.example[0].body["programme"] == declaration.code
    assert opening

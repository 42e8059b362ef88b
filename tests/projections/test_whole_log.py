"""The read model over the whole log: the audit index, and what else the portal folds from every service's events."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog import discovery, rebuild
from shared.eventlog.acts import Acts
from shared.eventlog.integrity.leaf import OF_THE_TREE
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventlog.reader import Reader
from shared.eventlog.showing import recorded
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.events import REGISTRY
from tests.desk import desk
from tests.e2e.conftest import resident_id
from tests.projections import sample
from tests.projections.logserver import LogServer, until
from tests.projections.test_projector import following, same_as_rebuilt
from tests.projections.test_rows import contents

SERVICES = ("assistance", "eldercare", "registry")
RESIDENT = resident_id("19480101", 121)


def overseer() -> tuple[ReadModel, list[str]]:
    """A model of the whole log, and what its functions were given."""
    metadata = sa.MetaData()
    counts = sa.Table("counts", metadata, sa.Column("what", sa.Text, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
    made, seen = ReadModel("sample", version=1, metadata=metadata, whole=True), []

    def count(rows: Rows, what: str) -> None:
        row = rows.get(counts, what=what)
        rows.put(counts, what=what, n=1 + (row["n"] if row else 0))

    @made.on_every
    def _every(rows: Rows, r: Recorded) -> None:
        count(rows, r.name)
        seen.append(f"{r.name} {r.event}")

    @made.on_short("account_moved")
    def _moved(rows: Rows, r: Recorded) -> None:
        count(rows, f"moved by {r.event.reason}")

    return made, seen


def test_a_model_of_the_whole_log_folds_every_services_streams(server: LogServer, engine: sa.Engine) -> None:
    """Streams of several services, none of the relay's, the seal's or the system's; bodies are opened for named events only."""
    (model, seen), log = overseer(), server.connect()
    sample.fill(log, ["a"], 2, close=True)
    log.append("elsewhere.thing-1", [sample.old_move("a", 250)], -1)
    for stream in ("relay.marks", "integrity.checkpoints"):
        log.append(stream, [sample.raw(sample.Noted("x", "not a fact of the house"))], -1)
    position = sample.fill(log, ["b"], 1)
    with following(model, engine, server):
        assert model.wait_for(engine, position, 20)
    assert contents(model, engine)["counts"] == [
        ("moved by stipend", 3),
        ("moved by unknown", 1),
        ("sample.account_closed", 1),
        ("sample.account_moved", 4),
        ("sample.account_opened", 2),
    ]
    assert set(seen) == {"sample.account_opened None", "sample.account_moved None", "sample.account_closed None"}
    assert same_as_rebuilt(model, engine, log) == 5


def test_an_event_of_no_known_type_stops_the_whole_too(server: LogServer, engine: sa.Engine) -> None:
    """The index would miss it for ever: it is told and waited for, also where its body would not have been looked at."""
    (model, _), log = overseer(), server.connect()
    position = sample.fill(log, ["a"], 0)
    later = sample.raw(sample.Noted("x", "of a later release"))
    later = type(later)("sample.invented_later", later.data, later.metadata, later.id)
    log.append("elsewhere.thing-1", [later], -1)
    with following(model, engine, server) as f:
        until(lambda: any("sample.invented_later" in text for text in f.said))
        reached = model.checkpoint(engine)
        assert reached is not None
        assert reached.position <= position


def test_a_services_model_may_not_fold_others_events() -> None:
    """What others did reaches a service by message, through a decision of its own."""
    with pytest.raises(ValueError, match="whole log"):
        sample.model().on_short("account_moved")


def test_the_portal_is_no_service_but_has_a_read_model() -> None:
    """It is projected and rebuilt with the others by default, and by name."""
    assert discovery.PORTAL not in discovery.services()
    assert [m.service for m in discovery.read_models()] == [*SERVICES, "portal"]
    [portal] = discovery.read_models(("portal",))
    assert portal.whole


def test_what_the_portal_folds_by_name_is_some_services_event() -> None:
    """A misspelt name would never be heard of."""
    [portal] = discovery.read_models(("portal",))
    assert portal.handled <= {kind.short for kind in REGISTRY.values()}


def test_the_index_answers_alike_on_both_databases(server: LogServer, engine: sa.Engine) -> None:
    """Texts of times sort as times do, ends belong to a period, the newest come first where they are asked for."""
    log, model = server.connect(), discovery.read_model(discovery.PORTAL)
    assert model is not None
    sample.fill(log, ["a", "b"], 4, close=True)
    rebuild.rebuild(model, engine, log)
    acts = Acts(engine, model)
    chain = acts.of_stream(f"{sample.STREAM}a")
    assert [a.version for a in chain] == list(range(6))
    assert [a.type for a in chain[:2]] == ["sample.account_opened", "sample.account_moved"]
    assert acts.of_stream(f"{sample.STREAM}a", chain[3].position, 2) == chain[2:4]
    assert acts.last_of(f"{sample.STREAM}a", chain[3].position) == chain[2]
    second, fourth = (datetime.fromisoformat(chain[n].recorded_at) for n in (1, 3))
    found = acts.of_actor("staff:test", second, fourth)
    assert sorted((a.stream, a.version) for a in found) == [(f"{sample.STREAM}{x}", n) for x in "ab" for n in (1, 2, 3)]
    assert acts.of_actor("staff:test", second, fourth, after=found[1].position, limit=2) == found[2:4]
    assert {a.version for a in acts.caused_by(["causation-2"])} == {2}
    assert acts.by_event_ids([chain[0].event_id, "nobody"]) == [chain[0]]
    assert acts.streams_there([f"{sample.STREAM}a", "sample.account-z"]) == {f"{sample.STREAM}a"}
    assert acts.looks_at("nobody", second, fourth) == []
    assert acts.position == log.head()


def test_every_read_model_follows_from_the_log_byte_for_byte(tmp_path: Path) -> None:
    """A small life over three services: each rebuilt model equals the live one; the index holds exactly what is sealed, as it stands."""
    with desk(tmp_path, *SERVICES, "portal") as d:
        member = {"resident_id": RESIDENT, "name": "某人", "relation": "户主", "monthly_income_fen": 30000}
        home = d.call("register_household", household_no="W1", division="330225101", area="rural", members=[member])["id"]
        d.call("apply", programme="minimum_living_allowance", household_id=home)
        d.settle()
        death = {"resident_id": RESIDENT, "name": "某人", "died_on": "2023-07-19", "division": "330225101"}
        d.on("2023-07-20").call("register_death", "registrar", service="registry", **death)
        d.settle()
        for name, model in d.models.items():
            report = rebuild.rebuild(model, d.offices[name].read, d.offices[name].log, check=True)
            assert (name, report.compared, report.differences) == (name, True, ())
        office, reader = d.offices["portal"], Reader(d.offices["portal"].log)
        events = [recorded(raw) for raw in reader.read(-1, office.log.head(), **OF_THE_TREE)]
        reader.close()
        acts = d.models["portal"].metadata.tables["acts"]
        with office.read.connect() as connection:
            rows = connection.execute(sa.select(acts).order_by(acts.c.position)).mappings().all()
    assert len(rows) > 10
    assert {r["service"] for r in rows} == set(SERVICES)
    told = [(r["event_id"], r["stream"], r["version"], r["type"], r["actor"], r["command_id"], r["causation_id"]) for r in rows]
    assert told == [(e.id, e.stream, e.version, e.name, e.meta.actor, e.meta.command_id, e.meta.causation_id) for e in events]
    assert [datetime.fromisoformat(r["recorded_at"]) for r in rows] == [e.meta.recorded_at for e in events]
    assert {datetime.fromisoformat(r["recorded_at"]).utcoffset() for r in rows} == {datetime(2023, 7, 1, tzinfo=SHANGHAI).utcoffset()}

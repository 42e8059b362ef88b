"""Orders decided again: a lived log comes out as it is recorded, and no decided field of any event can be changed by itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import temporary as t
from services.assistance.benefits import CASES
from shared.casework import asking
from shared.casework.programme import Terms
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventlog.client import NO_STREAM, Raw
from shared.eventlog.integrity.replay import ORDER, PASSED, Report, asked_again, replay
from shared.eventsourcing import codec
from shared.eventsourcing.commands import command_type
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import REGISTRY
from shared.eventsourcing.orders import Hand, Order
from tests.deciders import test_care_places as care
from tests.deciders import test_case_properties as cases
from tests.deciders.test_possible import ALL, FIRST, LIVES, STEP
from tests.desk import Desk
from tests.integrity import forging
from tests.programmes.life import SERVICES

LIVES_OF = {**ALL, "care_places": care.LIFE}


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with forging.lived(tmp_path_factory.mktemp("orders")) as made:
        yield made


def made_again(d: Desk, **period: Any) -> Report:
    return replay(d.offices["assistance"].log, {s: d.offices[s] for s in SERVICES}, **period)


def test_every_order_of_a_lived_log_comes_out_as_it_is_recorded(d: Desk) -> None:
    """Half a year of three services, every shape among them: nothing differs, and hundreds of orders were asked about."""
    report = made_again(d)
    assert [str(f) for f in report.findings] == []
    assert report.kinds[ORDER] > 400
    assert report.kinds[PASSED] > 5


def test_no_decided_field_of_any_event_can_be_changed_unseen(d: Desk) -> None:
    """Amounts, days, months, classes, verdicts, each by itself in every type that was lived: named, or an input by docs/replayed.md."""
    raws = list(d.offices["assistance"].log.read_all())
    finder, inputs = forging.Finder(raws), forging.typed()
    unseen, tried = set(), set()
    for forged in forging.forgeries(raws):
        tried.add(forged.type)
        if forged.field not in inputs.get(forged.type, set()) and not finder.names(forged):
            unseen.add((forged.type, forged.field))
    assert unseen == set()
    assert len(tried) > 150


def test_every_event_that_could_carry_a_decision_has_its_row() -> None:
    """By the registry of events: the table says of each what is held, and what is an input and why it is none of the held."""
    assert set(forging.could_be_decided()) == set(forging.typed())
    assert set(asking.UNHELD) <= {k.short for k in REGISTRY.values()}


def raws_of(decider: Decider[Any], key: str, happened: Sequence[tuple[Order[Any], Sequence[Any]]]) -> list[Raw]:
    """What the log holds of these orders, nothing sealed."""
    found: list[Raw] = []
    for order, events in happened:
        for e in events:
            name, data = codec.encode(e, lambda _person, text: text, decider.service)
            meta = codec.Meta(
                correlation_id="c", causation_id="c", command_id=order.command_id, command_hash="", schema=REGISTRY[name].version,
                actor=order.hand.actor, division="330225", occurred_at=order.now, recorded_at=order.now,
            )  # fmt: skip
            found.append(Raw(name, data, codec.encode_meta(meta), str(uuid.uuid4()), decider.stream(key), len(found), len(found)))
    return found


@pytest.mark.parametrize("category", sorted(LIVES_OF))
@LIVES
@for_all(steps=st.lists(STEP, min_size=4, max_size=40))
def test_whatever_a_record_went_through_comes_out_as_it_is_recorded(category: str, steps: list[tuple[int, str, int]]) -> None:
    """Random lives of every record with acts of its own, by any hand on any day: each order decided once more gives its events."""
    life = LIVES_OF[category]
    state, day, place, key = life.decider.initial, FIRST, 0, ""
    happened: list[tuple[Order[Any], Sequence[Any]]] = []
    for number, (wanted, actor, days) in enumerate(steps):
        day, place = day + timedelta(days=days), place if wanted < 60 else wanted
        asked = life.commands[place % len(life.commands)]
        command = asked if is_dataclass(asked) else asked(state)
        hand = Hand(actor or f"staff:{command_type(type(command)).permission}", division="330225")
        order = Order(command, f"c{number}", hand, datetime.combine(day, time(9), SHANGHAI))
        place += 1
        try:
            events = life.decider.decide[type(command)](state, command, order)
        except Refused:
            continue
        if events:
            key = key or str(getattr(command, fields(command)[0].name))
            happened.append((order, events))
            state = life.decider.fold(events, state)
    asked_about = list(asked_again().of_stream(life.decider, raws_of(life.decider, key, happened))) if happened else []
    assert [(a.at.name, a.differs) for a in asked_about if a.differs] == []


LATE = st.tuples(
    st.sampled_from(
        ["pay"] * 4 + ["next"] * 4 + ["reassess"] * 6 + ["earlier"] * 3 + ["restore"] * 4 + ["appeal"] * 2
        + ["grant", "end", "suspend", "resume", "assign", "open_review", "answer_review", "returned", "file"]
    ),
    st.sampled_from(cases.HANDS), st.sampled_from([0, 0, 1, 9, 31]), st.integers(0, 5),
)  # fmt: skip


@settings(parent=LIVES, max_examples=200)
@for_all(st.sampled_from(["monthly", "monthly", "none"]), st.sampled_from([0, 60]), st.lists(LATE, min_size=25, max_size=60))
def test_whatever_came_to_light_late_of_a_case_comes_out_as_it_is_recorded(payment: Any, appeal_days: int, steps: list[Any]) -> None:
    """Cases whose months are decided again and again, with months that fall out and are given back: each order decided once more."""
    terms, key = Terms(payment=payment, objection_days=appeal_days, answer_days=20, review_months=2), cases.CASE
    state, now = CASES.initial, datetime(2023, 6, 1, 9, tzinfo=SHANGHAI)
    happened: list[tuple[Order[Any], Sequence[Any]]] = []
    for number, (act, hand, days, n) in enumerate([("grant", "staff:a", 0, 3), *steps]):
        now += timedelta(days=days)
        command = cases.asked(state, act, terms, now.date(), n)
        order: Order[Any] = Order(command, f"c{number}", Hand(cases.hand_of(state, act, hand)), now)
        try:
            events = CASES.decide[type(command)](state, command, order)
        except Refused:
            continue
        if events:
            happened.append((order, events))
            state = CASES.fold(events, state)
    asked_about = list(asked_again().of_stream(CASES, raws_of(CASES, key, happened)))
    assert [(a.at.name, a.differs) for a in asked_about if a.differs] == []


def test_a_refusal_that_is_told_with_the_next_application_is_asked_about_as_that_application() -> None:
    """The order's first event names the earlier matter; the application, which follows, is of its own."""
    apply = [t.ApplyTemporary("h", m, "330225101", "5a" * 16, "expenditure", "accident", FIRST, 100) for m in ("m1", "m2")]
    state, happened = t.DECIDER.initial, []
    for n, command in enumerate((apply[0], t.RefuseTemporaryAcceptance("h", "m1", "不属于受理范围"), apply[1])):
        order: Order[Any] = Order(command, f"c{n}", Hand("staff:clerk", division="330225"), datetime.combine(FIRST, time(9), SHANGHAI))
        events = t.DECIDER.decide[type(command)](state, command, order)
        happened.append((order, events))
        state = t.DECIDER.fold(events, state)
    assert [(type(e), e.matter_id) for e in happened[-1][1]] == [(t.TemporaryRefusalTold, "m1"), (t.TemporaryApplied, "m2")]
    assert [a.differs for a in asked_again().of_stream(t.DECIDER, raws_of(t.DECIDER, "h", happened))] == [(), (), ()]


def test_a_refusal_is_told_by_the_next_application_only_where_somebody_came() -> None:
    """Need that we found ourselves, or that another town hands on, brings nobody to the window: the notice in writing is still owed."""
    said = t.TemporaryRefusalTold
    ways: list[tuple[dict[str, Any], list[type]]] = [({}, [said]), ({"discovered": True}, []), ({"handoff_id": "h1"}, [])]
    for more, told in ways:
        state = t.DECIDER.initial
        asked: list[type] = []
        first = t.ApplyTemporary("h", "m1", "330225101", "5a" * 16, "expenditure", "accident", FIRST, 100)
        again = replace(first, matter_id="m2", **more)
        for n, command in enumerate((first, t.RefuseTemporaryAcceptance("h", "m1", "不属于受理范围"), again)):
            order: Order[Any] = Order(command, f"c{n}", Hand("staff:clerk", division="330225"), datetime.combine(FIRST, time(9), SHANGHAI))
            events = t.DECIDER.decide[type(command)](state, command, order)
            asked = [type(e) for e in events]
            state = t.DECIDER.fold(events, state)
        assert [kind for kind in asked if kind is said] == told


# Kinds of decision, one event of each: what is changed in it, and which fields the finding names.
FORGED: dict[str, tuple[str, Callable[[dict[str, Any]], None], str, str]] = {
    "claim": ("assistance.recovery_opened", lambda b: b.update(amount_fen=b["amount_fen"] + 1), PASSED, "amount_fen"),
    "overpayment": ("assistance.overpayment_found", lambda b: b.update(amount_fen=b["amount_fen"] + 1), ORDER, "amount_fen"),
    "payment": ("assistance.benefit_paid", lambda b: b.update(amount_fen=b["amount_fen"] + 1), ORDER, "amount_fen"),
    "limit": ("assistance.clue_reported", lambda b: b.update(answer_by="2029-01-01"), ORDER, "answer_by"),
    "class": ("assistance.class_granted", lambda b: b.update(hardship_class="minimum_living_x"), ORDER, "hardship_class"),
    "sum of a run": ("assistance.payment_run_locked", lambda b: b.update(total_fen=b["total_fen"] + 1), ORDER, "total_fen"),
    "price linkage": ("assistance.price_linkage_completed", lambda b: b.update(amount_fen=b["amount_fen"] + 1), ORDER, "amount_fen"),
    "verdict": (
        "assistance.verification_reported",
        lambda b: b.update(verdict="different" if b["verdict"] != "different" else "consistent"),
        ORDER,
        "verdict",
    ),
    "fund": ("assistance.fund_counted", lambda b: b.update(ledger=b["ledger"] + 1), ORDER, "ledger"),
    "death": ("registry.after_death_opened", lambda b: b["steps"][0].update(due_on="2029-01-01"), ORDER, "steps"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_decision_is_named_in_the_report(d: Desk, what: str) -> None:
    """In a copy of its stream, as if it had happened so: the report names the event, what of it differs, and by which kind."""
    name, change, kind, field = FORGED[what]
    log = d.offices["assistance"].log
    raw = next(r for r in log.read_all() if r.name == name)
    copies = []
    for r in log.read(raw.stream)[: raw.version + 1]:
        body = json.loads(r.data)
        if r.version == raw.version:
            change(body)
        copies.append(Raw(r.name, json.dumps(body).encode(), r.metadata, str(uuid.uuid4())))
    stream = f"{raw.stream.partition('-')[0]}-{uuid.uuid4()}"
    log.append(stream, copies, NO_STREAM)
    found = [f for f in made_again(d).findings if f.where == f"{stream}@{raw.version}" and f.kind == kind]
    assert [field in f.differs for f in found] == [True], found

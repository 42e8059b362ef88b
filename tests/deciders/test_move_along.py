"""What goes along when somebody moves (随迁移交): each record while it goes on, once, and never what is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.assistance import means_test as mt
from services.assistance import monitoring, placement_wish
from shared.casework import clue, exchange, graded_assessment, list_entry, service_order, visit_plan
from shared.casework.shape import HandOverRecord, Shape
from shared.eventsourcing.testing import given

OLD, NEW = "330225101", "330225102"
RECORD, WHO, CASE = "6f1c5f0e-3a52-5d0e-9a0e-0d2b6f3a9c11", "0a" * 16, "c1" * 16
# Shape → in which states it goes along, and in which it stays.
GOES: dict[str, tuple[Shape, tuple[str, ...], tuple[str, ...]]] = {
    s.name: (s, goes, stays)
    for s, goes, stays in (
        (visit_plan.SHAPE, ("open",), ("none", "closed")),
        (service_order.SHAPE, service_order.RUNNING, ("none", "cancelled", "completed")),
        (graded_assessment.SHAPE, ("requested", "assessed", "disagreed", "graded", "objected", "expired"), ("none", "ended")),
        (placement_wish.SHAPE, ("wished", "offered", "taken", "placed"), ("none", "left", "withdrawn")),
        (list_entry.SHAPE, ("enlisted", "repair"), ("none", "noticed", "answered", "heard", "delisted", "dropped")),
        (clue.SHAPE, ("reported",), ("none", "assigned", "verified", "resolved", "closed")),
        (exchange.SHAPE, exchange.OPEN, ("none", "reconciled", "given_up", "moved")),
    )
}


@pytest.mark.parametrize("name", sorted(GOES))
def test_a_record_goes_along_while_it_goes_on_and_stays_when_it_is_over(name: str) -> None:
    """From one town to the other with everything it was; told twice it is one hand-over."""
    shape, goes, stays = GOES[name]
    over, decide = HandOverRecord(RECORD, NEW), shape.decide[HandOverRecord]
    order = given(shape.decider("assistance")).order
    for status in goes:
        state = replace(shape.state, status=status, programme="p", division=OLD, subject_id=WHO)
        [handed] = decide(state, over, order)
        assert (handed.programme, handed.subject_id, handed.old_division, handed.division) == ("p", WHO, OLD, NEW)
        after = shape.evolve(state, handed)
        assert after == replace(state, division=NEW)
        assert decide(after, over, order) == []
    for status in stays:
        assert decide(replace(shape.state, status=status, division=OLD), over, order) == [], status


def test_a_pending_watch_goes_along_and_none_that_was_looked_at() -> None:
    """What comes of it is the new town's to verify; on the same day as before."""
    over = monitoring.HandOverWatch(WHO, NEW)
    pending = monitoring.WatchSet(WHO, OLD, "job_lost", WHO, "2023-08", date(2023, 9, 4))
    case = given(monitoring.DECIDER, pending).when(over).then(monitoring.WatchHandedOver(WHO, OLD, NEW))
    assert (case.state.division, case.state.look_on, len(case.state.pending)) == (NEW, date(2023, 9, 4), 1)
    case.when(over).then_nothing()
    given(monitoring.DECIDER, pending, monitoring.WatchLooked(WHO, ())).when(over).then_nothing()
    given(monitoring.DECIDER).when(over).then_nothing()


def test_signatures_and_a_means_test_go_along() -> None:
    """A signature that holds holds on; the report is read and objected to where it went."""
    signed = mt.MemberAuthorisationRecorded(CASE, "p", WHO, OLD, WHO, date(2023, 7, 3), date(2024, 7, 2), "授权1", "staff:clerk")
    over = mt.HandOverAuthorisation(CASE, NEW)
    ledger = given(mt.AUTHORISATIONS, signed).when(over).then(mt.AuthorisationHandedOver(CASE, OLD, NEW, (WHO,)))
    assert (mt.AUTHORISATIONS.division(ledger.state), ledger.state.unsigned((WHO,), date(2023, 9, 1))) == (NEW, ())
    ledger.when(over).then_nothing()
    given(mt.AUTHORISATIONS).when(over).then_nothing()
    source = mt.AskedSource("bank", "银行", "e1", (mt.AskedField("deposits_fen", "存款", "savings"),))
    opened: Any = mt.VerificationOpened(
        RECORD, CASE, "p", WHO, OLD, "2023-07", (WHO,), (WHO,), (), (source,), "application", 0, date(2023, 8, 1), 5, "staff:clerk"
    )
    moved = mt.HandOverVerification(RECORD, NEW)
    check = given(mt.VERIFICATIONS, opened).when(moved).then(mt.VerificationHandedOver(RECORD, CASE, OLD, NEW))
    assert (mt.VERIFICATIONS.division(check.state), check.state.pending) == (NEW, ("bank",))
    check.when(moved).then_nothing()
    given(mt.VERIFICATIONS).when(moved).then_nothing()

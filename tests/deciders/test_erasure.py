"""The life of an erasure: proposed on a ground of the law, approved by a second hand, recorded when the keys are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.registry import erasure as e
from shared.eventsourcing.testing import given

WHO = "0a" * 16
PROPOSE = e.ProposeErasure(WHO, "330225", "period_expired", "申请书1", date(2023, 1, 31), "档案保存期满", True, "核实表1")
PROPOSED = e.ErasureProposed(WHO, "330225", 1, "period_expired", "申请书1", date(2023, 1, 31), "档案保存期满", "核实表1", "staff:dpo")
APPROVED = e.ErasureApproved(WHO, 1, "staff:supervisor")
ERASED = e.PersonErased(WHO, 1)


def answer(service: str, cases: int = 0, records: int = 0, claims: int = 0, number: int = 1) -> e.ErasureAnswerNoted:
    return e.ErasureAnswerNoted(WHO, number, service, cases, records, claims, ("330225",))


ANSWERED = (answer("assistance"), answer("eldercare"))


def test_an_erasure_is_proposed_on_a_ground_of_the_law() -> None:
    """Whoever proposed it is kept, for another hand has to approve."""
    given(e.DECIDER).by("staff:dpo").when(PROPOSE).then(PROPOSED)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"person_id": "33022519370315286X"}, "person_id"),
        ({"document_ref": " "}, "document_ref"),
        ({"retention_finding": ""}, "retention_finding"),
        ({"no_open_matter_ref": ""}, "no_open_matter_ref"),
        ({"retention_ended_on": date(2099, 1, 1)}, "retention_ended_on"),
        ({"draws_nothing": False}, "draws_nothing"),
        ({"ground": "other_law"}, "law"),
        ({"division": "33"}, "division"),
    ],
)
def test_nothing_is_proposed_without_its_findings(change: dict[str, object], field: str) -> None:
    """While a period of retention runs, or the person draws anything, the law forbids it."""
    given(e.DECIDER).when(replace(PROPOSE, **change)).then_refused("invalid_input", field)  # type: ignore[arg-type]


def test_another_law_is_named() -> None:
    """Item five is open, so it must say which."""
    told = replace(PROPOSE, ground="other_law", law="某条例第十条")
    given(e.DECIDER).by("staff:dpo").when(told).then(replace(PROPOSED, ground="other_law", law="某条例第十条"))


def test_every_ground_cites_article_47() -> None:
    """What a page shows for the code."""
    assert all(text.startswith("个人信息保护法第四十七条第一款第（") for text in e.GROUNDS.values())


def test_one_proposal_at_a_time() -> None:
    """And none for a person who is erased already."""
    given(e.DECIDER, PROPOSED).when(PROPOSE).then_refused("out_of_order")
    given(e.DECIDER, PROPOSED, APPROVED).when(PROPOSE).then_refused("out_of_order")
    given(e.DECIDER, PROPOSED, APPROVED, ERASED).when(PROPOSE).then_refused("out_of_order")


def test_a_second_hand_approves_what_was_proposed() -> None:
    """Not the proposer, and not another proposal than the one that was looked at."""
    approve = e.ApproveErasure(WHO, 1)
    given(e.DECIDER, PROPOSED, *ANSWERED).by("staff:supervisor").when(approve).then(APPROVED)
    given(e.DECIDER, PROPOSED, *ANSWERED).by("staff:dpo").when(approve).then_refused("same_hand")
    withdrawn = e.ErasureWithdrawn(WHO, 1, "申请人撤回", "staff:dpo")
    again = replace(PROPOSED, number=2)
    given(e.DECIDER, PROPOSED, withdrawn, again).by("staff:supervisor").when(approve).then_refused("out_of_order")
    given(e.DECIDER).when(approve).then_refused("out_of_order")


def test_before_the_approval_it_may_be_withdrawn_or_refused_and_proposed_anew() -> None:
    """With a reason; after the approval there is no way back."""
    withdraw, refuse = e.WithdrawErasure(WHO, 1, "申请人撤回"), e.RefuseErasure(WHO, 1, "仍有追回事项")
    withdrawn = e.ErasureWithdrawn(WHO, 1, "申请人撤回", "staff:dpo")
    refused = e.ErasureRefused(WHO, 1, "仍有追回事项", "staff:supervisor")
    given(e.DECIDER, PROPOSED).by("staff:dpo").when(withdraw).then(withdrawn)
    given(e.DECIDER, PROPOSED).by("staff:supervisor").when(refuse).then(refused)
    given(e.DECIDER, PROPOSED).by("staff:dpo").when(refuse).then_refused("same_hand")
    given(e.DECIDER, PROPOSED).when(replace(withdraw, reason=" ")).then_refused("invalid_input", "reason")
    for ended in (withdrawn, refused):
        given(e.DECIDER, PROPOSED, ended).by("staff:dpo").when(PROPOSE).then(replace(PROPOSED, number=2))
    for late in (withdraw, refuse):
        given(e.DECIDER, PROPOSED, APPROVED).when(late).then_refused("out_of_order")


def test_it_is_recorded_once_and_only_after_the_approval() -> None:
    """The reaction may come twice."""
    record = e.RecordPersonErased(WHO, 1)
    given(e.DECIDER, PROPOSED, APPROVED).when(record).then(ERASED)
    given(e.DECIDER, PROPOSED, APPROVED, ERASED).when(record).then_nothing()
    given(e.DECIDER, PROPOSED).when(record).then_refused("out_of_order")


def test_an_erasure_reaches_no_further_than_the_place_it_was_proposed_for() -> None:
    """What a service has of the person in another town is not for hands of this one to destroy."""
    elsewhere = replace(answer("eldercare"), divisions=("330226101",))
    held = given(e.DECIDER, PROPOSED, answer("assistance"), elsewhere).by("staff:supervisor")
    assert "330226101" in held.when(e.ApproveErasure(WHO, 1)).then_refused("out_of_order").message
    of_before = given(e.DECIDER, PROPOSED, answer("assistance"), replace(answer("eldercare"), divisions=("",))).by("staff:supervisor")
    of_before.when(e.ApproveErasure(WHO, 1)).then_refused("out_of_order")


def test_nothing_is_approved_that_a_service_has_not_answered_or_has_something_open_of() -> None:
    """An answer counts once and for its own proposal; a new proposal asks anew."""
    approve = given(e.DECIDER, PROPOSED).by("staff:supervisor")
    waited = approve.when(e.ApproveErasure(WHO, 1)).then_refused("out_of_order")
    assert "社会救助、养老服务尚未答复" in waited.message
    one = given(e.DECIDER, PROPOSED, answer("eldercare")).by("staff:supervisor")
    assert one.when(e.ApproveErasure(WHO, 1)).then_refused("out_of_order").message.startswith("社会救助尚未答复")
    held = given(e.DECIDER, PROPOSED, answer("assistance", 2, 0, 1), answer("eldercare", 0, 1, 0)).by("staff:supervisor")
    told = held.when(e.ApproveErasure(WHO, 1)).then_refused("out_of_order").message
    assert told.startswith("社会救助有2件在保或在办个案、1件未结追回；养老服务有1件在办事项")
    note = e.NoteErasureAnswer(WHO, 1, "assistance", 0, 0, 0, ("330225",))
    given(e.DECIDER, PROPOSED).when(note).then(answer("assistance"))
    given(e.DECIDER, PROPOSED, answer("assistance", 1)).when(note).then_nothing()
    given(e.DECIDER, PROPOSED).when(replace(note, number=2)).then_nothing()
    given(e.DECIDER).when(note).then_nothing()
    again = replace(PROPOSED, number=2)
    withdrawn = e.ErasureWithdrawn(WHO, 1, "已办结，重新提出", "staff:dpo")
    anew = given(e.DECIDER, PROPOSED, answer("assistance", 1), withdrawn, again).by("staff:supervisor")
    assert "尚未答复" in anew.when(e.ApproveErasure(WHO, 2)).then_refused("out_of_order").message

"""A person moves alone from one town's household into another's, through the real doors: what is his own follows from the month after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import household, placement
from services.assistance.benefits import CASES, DISCLOSURES
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from shared.eventlog.integrity.replay import ORDER, replay
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, case, due, grant, home, knows, pay, single

LIVING, CARE = "minimum_living_allowance", "severe_disability_care_subsidy"
ACCOUNT = {"bank_code": "102332000018", "account_no": "6228480402564890018", "holder": "成员", "document_no": "卡1"}


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("alone"), "assistance") as made:
        yield made


def two_homes(d: Desk, numbers: Numbers, old: str, new: str) -> tuple[Home, Home, str, str]:
    """In July: a household of two in the old town, one of one in the new; the second of the first draws a care subsidy of his own."""
    d.on("2023-07-03")
    left = home(d, numbers, {"born": "19700101"}, {"born": "19950101"}, town=old)
    joined = home(d, numbers, {"born": "19680101"}, town=new)
    who = left.members[1]
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2023-06-10")
    d.call("record_finding", person_id=who, found_on="2023-06-10", long_term_care=True)
    d.call("propose_payee_account", at=old, division=old, person_id=who, **ACCOUNT)
    d.settle()
    return left, joined, who, grant(d, CARE, person_id=who)


def moves(d: Desk, who: str, left: Home, joined: Home, month: str, old: str, new: str) -> None:
    """迁出 by the town he leaves, 迁入 by the one he comes to, each for its own household."""
    state: household.Household = d.offices["assistance"].load(household.DECIDER, left.household_id).state
    known = state.members[who]
    paper = {"from_month": month, "evidence": "户口簿"}
    d.call("change_household", at=old, household_id=left.household_id, reason="moved_out", left=[who], **paper)
    form = {"resident_id": known.resident_id, "name": known.name, "relation": "子女"}
    d.call("change_household", at=new, household_id=joined.household_id, reason="moved_in", joined=[form], **paper)
    d.settle()


def refused(d: Desk, method: str, role: str, at: str, **body: Any) -> str:
    with pytest.raises(Refused) as told:
        d.call(method, role, at=at, **body)
    return told.value.code


def runs(d: Desk, case_id: str) -> dict[str, str]:
    """Month → whose run paid it."""
    paid = [r.event for r in d.offices["assistance"].history(CASES.stream(case_id)) if isinstance(r.event, bc.BenefitPaid)]
    return {e.month: d.call("get_payment_run", "auditor", run_id=e.run_id)["division"] for e in paid}


def test_what_is_his_own_is_the_new_towns_from_the_first_and_his_months_stay_whose_they_were(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """Case, file, account and what is public of him; until that day the old town answers for it, and it pays its own months still."""
    left, joined, who, own = two_homes(d, numbers, old, new)
    livings = [grant(d, LIVING, household_id=h.household_id) for h in (left, joined)]
    d.on("2023-09-20").settle()
    pay(d, CARE, "2023-08", old)
    before = [due(d, c, "2023-09") for c in livings]
    moves(d, who, left, joined, "2023-10", old, new)
    after = [due(d, c, "2023-10") for c in livings]
    assert (after[0] < before[0], after[1] > before[1]) == (True, True), "decided again, without him and with him"
    assert [due(d, c, "2023-09") for c in livings] == before
    assert (case(d, own)["division"], knows(d, who).division) == (old, old), "not before the month has begun"
    assert refused(d, "get_case", "auditor", new, case_id=own) == "wrong_division"
    certificate = {"person_id": who, "grade": 1, "kind": "physical", "effective_from": "2023-10-01"}
    assert refused(d, "record_certificate", "clerk", new, **certificate, valid_until="2033-10-01") == "wrong_division"
    d.on("2023-10-01").settle()
    assert (case(d, own)["division"], knows(d, who).division, due(d, own, "2023-10") > 0) == (new, new, True)
    assert [case(d, c)["division"] for c in livings] == [old, new], "a household's case is its own household's"
    for at, has in ((old, False), (new, True)):
        assert (own in {row["case_id"] for row in d.call("list_cases", "auditor", at=at)}) == has
        assert (who in {row["person_id"] for row in d.call("list_persons", "auditor", at=at)}) == has
        assert (who in {row["person_id"] for row in d.call("list_payee_accounts", "auditor", at=at)}) == has
    assert refused(d, "get_case", "auditor", old, case_id=own) == "wrong_division"
    assert refused(d, "confirm_payee_account", "approver", old, person_id=who, number=1) == "wrong_division"
    d.call("confirm_payee_account", "approver", at=new, person_id=who, number=1)
    d.call("record_certificate", at=new, **certificate, valid_until="2033-10-01")
    d.settle()
    assert d.offices["assistance"].load(DISCLOSURES, own).state.division == new
    for month, town in (("2023-09", old), ("2023-10", new)):
        assert refused(d, "prepare_payment_run", "cashier", {old: new, new: old}[town], programme=CARE, month=month, division=town)
        pay(d, CARE, month, town)
    assert runs(d, own) == {"2023-08": old, "2023-09": old, "2023-10": new}
    warned = [c for c in d.call("list_records", "auditor", programme="disabled_subsidy_monitoring") if c["subject_id"] == who]
    assert {(c["division"], c["title"]) for c in warned} == {(new, "hukou_moved"), (new, "eligible_not_granted")}, "who nobody was sent to"


def test_a_move_that_becomes_known_late_is_handed_over_at_once(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """What the old town paid meanwhile stays its own; of the month that it did not pay yet the new town's run has the line."""
    left, joined, who, own = two_homes(d, numbers, old, new)
    d.on("2023-10-12").settle()
    for month in ("2023-08", "2023-09"):
        pay(d, CARE, month, old)
    moves(d, who, left, joined, "2023-09", old, new)
    state: bc.Case = d.offices["assistance"].load(CASES, own).state
    assert (state.division, [state.division_in(m) for m in ("2023-08", "2023-09")]) == (new, [old, new])
    pay(d, CARE, "2023-10", new)
    assert runs(d, own) == {"2023-08": old, "2023-09": old, "2023-10": new}
    moves(d, who, joined, left, "2023-09", new, old)
    state = d.offices["assistance"].load(CASES, own).state
    assert (state.division, state.towns, knows(d, who).division) == (old, (), old), "learnt after he was handed over: he never came"


def test_who_did_not_come_after_all_stays_and_who_goes_back_is_handed_back(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """He leaves again from the very month in which he was to come; later he is there for two months."""
    left, joined, who, own = two_homes(d, numbers, old, new)
    d.on("2023-09-20").settle()
    moves(d, who, left, joined, "2023-10", old, new)
    moves(d, who, joined, left, "2023-10", new, old)
    d.on("2023-10-02").settle()
    placed: placement.Placement = d.offices["assistance"].load(placement.DECIDER, who).state
    assert (case(d, own)["division"], knows(d, who).division, placed.division, placed.coming) == (old, old, old, ())
    moves(d, who, left, joined, "2023-11", old, new)
    d.on("2023-12-20").settle()
    assert case(d, own)["division"] == new
    moves(d, who, joined, left, "2024-01", new, old)
    d.on("2024-01-02").settle()
    state: bc.Case = d.offices["assistance"].load(CASES, own).state
    assert [state.division_in(m) for m in ("2023-10", "2023-11", "2023-12", "2024-01")] == [old, new, new, old]
    assert (state.division, knows(d, who).division) == (old, old)


def test_a_months_gap_between_two_households_stays_the_first_ones(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Nobody counted him: who had what is known of him answers; an application on its way goes along."""
    left, joined, who, own = two_homes(d, numbers, old, new)
    d.on("2023-09-20").settle()
    d.call("change_household", household_id=left.household_id, reason="moved_out", left=[who], from_month="2023-10", evidence="户口簿")
    d.settle()
    d.on("2023-11-20").settle()
    assert case(d, own)["division"] == old
    moves(d, who, left, joined, "2023-12", old, new)
    asked = d.call("apply", at=old, programme="disabled_living_subsidy", person_id=who)["id"]
    d.on("2023-12-01").settle()
    state: bc.Case = d.offices["assistance"].load(CASES, own).state
    assert [state.division_in(m) for m in ("2023-09", "2023-10", "2023-11", "2023-12")] == [old, old, old, new]
    d.call("accept_application", at=new, case_id=asked)


def test_who_was_registered_by_himself_takes_his_case_into_the_household_that_counts_him(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """特困 of a single man whom a household of another town takes in: his months before stay where he was registered."""
    d.on("2023-07-03")
    who = single(d, numbers, "19450101", old, area="rural")
    d.call("record_finding", person_id=who, found_on="2023-07-03", lost_acts=[], able_supporter=False, able_to_work=False)
    own = grant(d, "extreme_hardship_support", person_id=who)
    joined = home(d, numbers, {"born": "19680101"}, town=new)
    d.on("2023-09-20").settle()
    registered = knows(d, who).registered
    assert registered is not None
    form = {"resident_id": registered.resident_id, "name": registered.name, "relation": "其他"}
    paper = {"from_month": "2023-10", "reason": "moved_in", "evidence": "户口簿"}
    d.call("change_household", at=new, household_id=joined.household_id, joined=[form], **paper)
    d.settle()
    assert case(d, own)["division"] == old
    d.on("2023-10-01").settle()
    state: bc.Case = d.offices["assistance"].load(CASES, own).state
    assert (state.division, [state.division_in(m) for m in ("2023-09", "2023-10")], knows(d, who).division) == (new, [old, new], new)


def test_every_order_of_these_moves_is_decided_again_as_it_is_recorded(d: Desk) -> None:
    """And nothing is left to be handed over: the house has come to rest."""
    assert d.settle() == 0
    report = replay(d.offices["assistance"].log, {"assistance": d.offices["assistance"]})
    assert [str(f) for f in report.findings] == []
    assert report.kinds[ORDER] > 150

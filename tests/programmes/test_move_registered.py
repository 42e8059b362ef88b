"""Who is registered by himself moves to another town, or is counted by a newly registered household of one: through the real doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import means_test, placement
from services.assistance.benefits import CASES, DISCLOSURES
from services.assistance.means_test import VERIFICATIONS
from shared.casework import benefit_case as bc
from shared.eventlog.integrity.replay import ORDER, replay
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, case, due, grant, happened, knows, pay, single
from tests.programmes.test_move_alone import ACCOUNT, CARE, refused, runs
from tests.programmes.test_move_along import cared_for, waiting, whose

HARDSHIP, LIVING = "extreme_hardship_support", "disabled_living_subsidy"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("registered"), "assistance") as made:
        yield made


def disabled(d: Desk, numbers: Numbers, old: str) -> tuple[str, str]:
    """In July: a man whom no household counts, with an account and a care subsidy; (he, the case)."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101", old, area="rural")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2023-06-10")
    d.call("record_finding", person_id=who, found_on="2023-06-10", long_term_care=True)
    d.call("propose_payee_account", at=old, division=old, person_id=who, **ACCOUNT)
    d.settle()
    return who, grant(d, CARE, person_id=who)


def registered_in(d: Desk, who: str, town: str, month: str, at: str, **more: Any) -> None:
    """户籍迁移, told by a hand of ``at``."""
    d.call("change_person", at=at, person_id=who, from_month=month, evidence="户口簿", division=town, **more)
    d.settle()


def state(d: Desk, case_id: str) -> bc.Case:
    found: bc.Case = d.offices["assistance"].load(CASES, case_id).state
    return found


def placed(d: Desk, who: str) -> placement.Placement:
    found: placement.Placement = d.offices["assistance"].load(placement.DECIDER, who).state
    return found


def runs_paid(d: Desk, case_id: str) -> dict[str, int]:
    """Month → fen that were paid for it."""
    return {e.month: e.amount_fen for e in happened(d, "assistance", case_id, bc.BenefitPaid)}


def household_with(d: Desk, numbers: Numbers, who: str, town: str) -> str:
    """家庭登记 by its own town, which counts him from the start."""
    r = knows(d, who).registered
    assert r is not None
    head = {"resident_id": numbers.resident("19680101"), "name": "户主", "relation": "户主", "monthly_income_fen": 900_000}
    also = {"resident_id": r.resident_id, "name": r.name, "relation": "父"}
    form = {"household_no": f"R{numbers.next}", "division": town, "area": "rural", "members": [head, also]}
    answer = d.call("register_household", at=town, **form)
    d.settle()
    d.call("register_household", at=town, **form)  # an import may be repeated
    return str(answer["id"])


def test_what_is_his_own_is_the_new_towns_from_the_first_of_the_month(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Told ahead by the town he leaves: until the day it answers and pays, then the other one; its own months it pays still."""
    who, own = disabled(d, numbers, old)
    d.on("2023-09-20").settle()
    pay(d, CARE, "2023-08", old)
    asked = d.call("apply", at=old, programme=LIVING, person_id=who)["id"]
    about = cared_for(d, who, old)
    registered_in(d, who, new, "2023-10", old)
    assert (case(d, own)["division"], knows(d, who).division, placed(d, who).moving) == (old, old, ("2023-10",))
    assert set(whose(d, about).values()) == {old}
    assert refused(d, "get_case", "auditor", new, case_id=own) == "wrong_division"
    assert refused(d, "accept_application", "clerk", new, case_id=asked) == "wrong_division"
    d.on("2023-10-01").settle()
    assert (case(d, own)["division"], knows(d, who).division, placed(d, who).moving, due(d, own, "2023-10") > 0) == (new, new, (), True)
    for at, has in ((old, False), (new, True)):
        assert (own in {row["case_id"] for row in d.call("list_cases", "auditor", at=at)}) == has
        assert (who in {row["person_id"] for row in d.call("list_persons", "auditor", at=at)}) == has
        assert (who in {row["person_id"] for row in d.call("list_payee_accounts", "auditor", at=at)}) == has
        assert (asked in waiting(d, at)) == has
    stays = {"clue somebody was sent after", "proxy"}
    assert whose(d, about) == {name: old if name in stays else new for name in about}
    assert refused(d, "record_visit", "clerk", old, record_id=about["visits"], visited_on="2023-10-01") == "wrong_division"
    d.call("record_visit", at=new, record_id=about["visits"], visited_on="2023-10-01")
    assert refused(d, "get_case", "auditor", old, case_id=own) == "wrong_division"
    assert refused(d, "accept_application", "clerk", old, case_id=asked) == "wrong_division"
    d.call("accept_application", at=new, case_id=asked)
    assert refused(d, "confirm_payee_account", "approver", old, person_id=who, number=1) == "wrong_division"
    d.call("confirm_payee_account", "approver", at=new, person_id=who, number=1)
    d.settle()
    assert d.offices["assistance"].load(DISCLOSURES, own).state.division == new
    for month, town in (("2023-09", old), ("2023-10", new)):
        assert refused(d, "prepare_payment_run", "cashier", {old: new, new: old}[town], programme=CARE, month=month, division=town)
        pay(d, CARE, month, town)
    assert runs(d, own) == {"2023-08": old, "2023-09": old, "2023-10": new}
    warned = [c for c in d.call("list_records", "auditor", programme="disabled_subsidy_monitoring") if c["subject_id"] == who]
    assert ("hukou_moved", new) in {(c["title"], c["division"]) for c in warned}


def test_a_late_fact_about_an_old_month_claims_it_for_the_town_whose_it_was(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Entered by the new town, which has him; what the old one paid is claimed by the old one, what the new one paid by the new."""
    who, own = disabled(d, numbers, old)
    d.on("2023-09-20").settle()
    registered_in(d, who, new, "2023-10", new)
    pay(d, CARE, "2023-08", old)
    pay(d, CARE, "2023-09", old)
    d.on("2023-10-20").settle()
    pay(d, CARE, "2023-10", new)
    gone = {"person_id": who, "grade": 0, "kind": "", "effective_from": "2023-08-10"}
    assert refused(d, "record_certificate", "clerk", old, **gone) == "wrong_division"
    d.call("record_certificate", at=new, **gone)
    d.settle()
    amount = runs_paid(d, own)
    claims = {c["division"]: c["amount_fen"] for c in d.call("list_recoveries", "auditor") if c["case_id"] == own}
    assert claims == {old: amount["2023-09"], new: amount["2023-10"]}
    assert [{c["division"] for c in d.call("list_recoveries", "auditor", at=town)} for town in (old, new)] == [{old}, {new}]


def test_who_takes_him_in_may_tell_it_and_nobody_else(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """On his papers, and nothing but where he lives: whom he is paid through is still the old town's to say. A third town says nothing."""
    who, own = disabled(d, numbers, old)
    d.on("2023-09-20").settle()
    told = {"person_id": who, "from_month": "2023-10", "evidence": "户口簿"}
    assert refused(d, "change_person", "clerk", "330225107", **told, division=new) == "wrong_division"
    assert refused(d, "change_person", "clerk", new, **told, division=new, savings_fen=5) == "wrong_division"
    assert refused(d, "change_person", "clerk", new, **told, savings_fen=5) == "wrong_division"
    assert refused(d, "change_person", "clerk", "330203001", **told, division="330203001") == "wrong_division"
    assert refused(d, "change_person", "clerk", new, **told | {"evidence": " "}, division=new) == "invalid_input"
    registered_in(d, who, new, "2023-10", new, area="urban")
    assert refused(d, "change_person", "clerk", new, **told, savings_fen=5) == "wrong_division", "not before the month has begun"
    d.on("2023-10-01").settle()
    assert (case(d, own)["division"], knows(d, who).division) == (new, new)
    assert refused(d, "change_person", "clerk", old, **told, savings_fen=5) == "wrong_division"
    d.call("change_person", at=new, **told, savings_fen=5)


def test_a_move_told_late_is_handed_over_at_once_and_one_that_was_none_handed_back(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """What the old town paid meanwhile stays paid by it, of the month it did not pay yet the new town's run has the line."""
    who, own = disabled(d, numbers, old)
    d.on("2023-10-12").settle()
    for month in ("2023-08", "2023-09"):
        pay(d, CARE, month, old)
    registered_in(d, who, new, "2023-09", old)
    assert (state(d, own).division, [state(d, own).division_in(m) for m in ("2023-08", "2023-09")]) == (new, [old, new])
    pay(d, CARE, "2023-10", new)
    assert runs(d, own) == {"2023-08": old, "2023-09": old, "2023-10": new}
    registered_in(d, who, old, "2023-09", new)
    assert (state(d, own).division, state(d, own).towns, knows(d, who).division) == (old, (), old)


def test_two_moves_told_ahead_of_each_other_are_both_handed_over(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """The second, of a month to come, does not do away with the first; who left the district stays the town's he left."""
    who, own = disabled(d, numbers, old)
    third = "330225108"
    d.on("2023-09-20").settle()
    registered_in(d, who, third, "2023-10", old)
    registered_in(d, who, new, "2023-09", old)
    assert (state(d, own).division, placed(d, who).moving) == (new, ("2023-10",))
    d.on("2023-10-01").settle()
    assert [state(d, own).division_in(m) for m in ("2023-08", "2023-09", "2023-10")] == [old, new, third]
    registered_in(d, who, "330203001", "2023-11", third)
    d.on("2023-11-02").settle()
    assert (state(d, own).division, knows(d, who).division) == (third, third)


def test_whom_a_newly_registered_household_counts_takes_his_support_along_the_month_after(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """特困 with an open means test of another application: reckoned with from the start, the old town's until the month is over."""
    d.on("2023-07-03")
    who = single(d, numbers, "19450101", old, area="rural")
    d.call("record_finding", person_id=who, found_on="2023-07-03", lost_acts=[], able_supporter=False, able_to_work=False)
    own = grant(d, HARDSHIP, person_id=who)
    d.on("2023-09-20").settle()
    pay(d, HARDSHIP, "2023-08", old)
    joined = household_with(d, numbers, who, new)
    about = cared_for(d, who, old)
    assert (placed(d, who).home_in("2023-08"), placed(d, who).coming) == (joined, ("2023-10",))
    assert (case(d, own)["division"], knows(d, who).division) == (old, old)
    assert refused(d, "change_person", "clerk", old, person_id=who, from_month="2023-10", evidence="户口簿", division=new) == "out_of_order"
    d.on("2023-10-01").settle()
    assert (state(d, own).division, knows(d, who).division, placed(d, who).coming) == (new, new, ())
    assert [state(d, own).division_in(m) for m in ("2023-08", "2023-09", "2023-10")] == [old, old, new]
    stays = {"clue somebody was sent after", "proxy"}
    assert whose(d, about) == {name: old if name in stays else new for name in about}
    pay(d, HARDSHIP, "2023-09", old)
    if due(d, own, "2023-10"):
        pay(d, HARDSHIP, "2023-10", new)
    assert {m: t for m, t in runs(d, own).items() if m < "2023-10"} == {"2023-08": old, "2023-09": old}
    ends = {"person_id": who, "found_on": "2023-10-01", "able_supporter": True}
    assert refused(d, "record_finding", "clerk", old, **ends) == "wrong_division"
    d.call("record_finding", at=new, **ends)


def test_an_open_means_test_goes_along(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """The report, when it comes, is the new town's to look at."""
    d.on("2023-09-20")
    who = single(d, numbers, "19450101", old, area="rural")
    own = str(d.call("apply", at=old, programme=HARDSHIP, person_id=who)["id"])
    d.call("accept_application", at=old, case_id=own)
    signed = {"document_ref": "授权1", "signed_on": "2023-09-20", "valid_until": "2024-09-19"}
    d.call("record_member_authorisation", at=old, programme=HARDSHIP, subject_id=who, person_id=who, **signed)
    d.settle()
    check_id = means_test.verification_id(own, 1)
    registered_in(d, who, new, "2023-10", old)
    asked = d.offices["assistance"].load(VERIFICATIONS, check_id).state
    assert (asked.division, asked.status) == (old, "asking")
    d.on("2023-10-01").settle()
    assert d.offices["assistance"].load(VERIFICATIONS, check_id).state.division == new
    assert state(d, own).division == new


def test_who_left_a_household_and_is_registered_elsewhere_later_is_the_households_towns_in_between(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """Registered first in the old town, then counted in the new one, then by nobody, then registered in a third."""
    who, own = disabled(d, numbers, old)
    third = "330225109"
    d.on("2023-08-20").settle()
    joined = household_with(d, numbers, who, new)
    d.on("2023-10-20").settle()
    left = {"household_id": joined, "reason": "moved_out", "left": [who], "from_month": "2023-11", "evidence": "户口簿"}
    d.call("change_household", at=new, **left)
    d.settle()
    d.on("2023-12-20").settle()
    assert state(d, own).division == new
    registered_in(d, who, third, "2024-01", third)
    d.on("2024-01-02").settle()
    months = ("2023-08", "2023-09", "2023-11", "2023-12", "2024-01")
    assert [state(d, own).division_in(m) for m in months] == [old, new, new, new, third]
    assert (state(d, own).division, knows(d, who).division) == (third, third)


def test_every_order_of_these_moves_is_decided_again_as_it_is_recorded(d: Desk) -> None:
    """And nothing is left to be handed over: the house has come to rest."""
    assert d.settle() == 0
    report = replay(d.offices["assistance"].log, {"assistance": d.offices["assistance"]})
    assert [str(f) for f in report.findings] == []
    assert report.kinds[ORDER] > 150

"""A household moves, through the real doors: payment unit, lists, register, right to look and amounts follow from the month after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import placement
from services.assistance.benefits import CASES, DISCLOSURES
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from shared.eventlog.integrity.replay import ORDER, replay
from tests.desk import Desk, desk
from tests.programmes.district import publish
from tests.programmes.people import Home, Numbers, case, due, grant, home, knows, pay

LIVING, SUBSIDY = "minimum_living_allowance", "disabled_living_subsidy"
AWAY = "330226101"
EARNS = 20_000


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("moves"), "assistance") as made:
        publish(made, urban_fen=160_000, rural_fen=150_000, since="2023-08-01")  # in town another standard than in the country
        made.settle()
        yield made


def history(d: Desk, case_id: str) -> list[Any]:
    return [r.event for r in d.services["assistance"].office.history(CASES.stream(case_id))]


def move(d: Desk, made: Home, moved_on: str, to: str, at: str, **more: Any) -> Any:
    """家庭迁移登记 by the old town's clerk, and what follows from it."""
    body = {"household_id": made.household_id, "moved_on": moved_on, "division": to, "reason": "housing", "evidence": "户口簿", **more}
    answer = d.call("move_household", at=at, **body)
    d.settle()
    return answer


def runs(d: Desk, case_id: str) -> dict[str, tuple[str, int, int]]:
    """Month → whose run paid it, the month's amount and arrears."""
    of = {}
    for e in history(d, case_id):
        if isinstance(e, bc.BenefitPaid):
            run = d.call("get_payment_run", "auditor", run_id=e.run_id)
            of[e.month] = (run["division"], e.amount_fen, e.arrears_fen)
    return of


def owed(d: Desk, month: str, *towns: str) -> dict[str, str]:
    """Town → how a month of 低保 stands there, if it stands there at all."""
    rows = d.call("list_payment_months", "auditor", month=month, programme=LIVING)
    return {row["division"]: row["status"] for row in rows if row["division"] in towns}


def waits(d: Desk, case_id: str, at: str) -> bool:
    """Whether a town has the case among its own."""
    return case_id in {row["case_id"] for row in d.call("list_cases", "auditor", at=at)}


def test_from_the_first_of_the_month_after_the_new_town_has_and_pays_the_case(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Months before stay the old town's, also one that is paid late; in town another standard is due; nothing is paid twice or missed."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    month = case(d, case_id)["first_month"]
    rural = due(d, case_id, month)
    d.on("2023-08-10").settle()
    assert owed(d, "2023-08", old, new) == {old: "open"}
    d.on("2023-09-10").settle()
    move(d, made, "2023-09-08", new, old, area="urban")
    urban = due(d, case_id, "2023-10")
    assert (due(d, case_id, "2023-09"), urban > rural) == (rural, True), "decided ahead, from the month the move counts from"
    assert (waits(d, case_id, old), waits(d, case_id, new)) == (True, False), "until then the old town has it"
    with pytest.raises(Refused) as refused:
        d.call("get_case", "auditor", at=new, case_id=case_id)
    assert refused.value.code == "wrong_division"
    d.on("2023-10-01").settle()
    assert (waits(d, case_id, old), waits(d, case_id, new)) == (False, True)
    assert d.call("get_case", "auditor", at=new, case_id=case_id)["division"] == new
    with pytest.raises(Refused) as refused:
        d.call("get_case", "auditor", at=old, case_id=case_id)
    assert refused.value.code == "wrong_division"
    assert owed(d, "2023-10", old, new) in ({new: "open"}, {old: "without_dues", new: "open"}), "whichever came first at midnight"
    assert owed(d, "2023-09", old, new) == {old: "open"}
    with pytest.raises(Refused) as refused:
        pay(d, LIVING, "2023-09", new)
    assert refused.value.code == "out_of_order", "the month is not the new town's"
    for paid, town in (("2023-08", old), ("2023-09", old), ("2023-10", new)):
        assert pay(d, LIVING, paid, town)["status"] == "closed"
    assert runs(d, case_id) == {"2023-08": (old, rural, 0), "2023-09": (old, rural, 0), "2023-10": (new, urban, 0)}
    assert [owed(d, m, old, new).get(town) for m, town in (("2023-08", old), ("2023-09", old), ("2023-10", new))] == ["met"] * 3
    assert d.offices["assistance"].load(DISCLOSURES, case_id).state.division == new


def test_lists_of_a_day_show_the_town_of_that_day(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """The register, the cases and the households of September are the old town's, those of October the new one's."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-20").settle()
    pay(d, LIVING, "2023-08", old)
    move(d, made, "2023-09-08", new, old)
    d.on("2023-10-02").settle()
    for day, there, not_there in (("2023-09-30", old, new), ("2023-10-01", new, old)):
        for at, expected in ((there, True), (not_there, False)):
            register = d.call("list_register", "auditor", at=at, valid_at=day, unit_id=made.household_id)
            assert [e["division"] for e in register["entries"]] == ([at] if expected else []), (day, at)
            assert all(entry["aids"] for entry in register["entries"])
            homes = {h["household_id"]: h["division"] for h in d.call("list_households", "auditor", at=at, valid_at=day)}
            assert homes.get(made.household_id) == (at if expected else None), (day, at)
            assert (case_id in {c["case_id"] for c in d.call("list_cases", "auditor", at=at, valid_at=day)}) == expected, (day, at)
    whole = d.call("list_register", "auditor", valid_at="2023-09-30", unit_id=made.household_id)
    assert [e["division"] for e in whole["entries"]] == [old]


def test_a_members_subsidy_and_what_is_known_of_him_go_along_and_somebody_looks(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """户籍迁移 of somebody who draws a subsidy is a warning (A76); the new town may record his next certificate."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, {"born": "19900101"}, town=old)
    grant(d, LIVING, household_id=made.household_id)
    who = made.members[1]
    certificate = {"person_id": who, "grade": 3, "kind": "physical", "effective_from": "2023-06-10"}
    d.call("record_certificate", **certificate)
    d.settle()
    subsidy = grant(d, SUBSIDY, person_id=who)
    d.on("2023-09-20").settle()
    move(d, made, "2023-09-18", new, old)
    warned = [c for c in d.call("list_records", "auditor", programme="disabled_subsidy_monitoring") if c["subject_id"] == who]
    assert [(c["division"], c["status"]) for c in warned] == [(new, "reported")]
    account = {"person_id": who, "bank_code": "102332000018", "account_no": "6228480402564890018", "holder": "成员", "document_no": "卡1"}
    d.call("propose_payee_account", at=old, division=old, **account)
    d.on("2023-10-01").settle()
    d.call("confirm_payee_account", "approver", at=new, person_id=who, number=1)
    [waited] = [a for a in d.call("list_payee_accounts", "auditor", at=new) if a["person_id"] == who]
    assert waited["division"] == new
    assert (case(d, subsidy)["division"], knows(d, who).division) == (new, new)
    assert d.offices["assistance"].load(placement.DECIDER, who).state.division == new
    d.call("record_certificate", at=new, **{**certificate, "grade": 4, "effective_from": "2023-10-01"})
    with pytest.raises(Refused) as refused:
        d.call("record_certificate", at=old, **{**certificate, "grade": 2, "effective_from": "2023-10-01"})
    assert refused.value.code == "wrong_division"


def test_a_move_that_becomes_known_late_moves_exactly_the_months_since(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """What the old town paid meanwhile stays paid; the difference goes out with the new town's next payment; an unpaid month is its own."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    rural = due(d, case_id, "2023-08")
    d.on("2023-10-12").settle()
    for month in ("2023-08", "2023-09"):
        pay(d, LIVING, month, old)
    move(d, made, "2023-08-20", new, old, area="urban")
    urban = due(d, case_id, "2023-09")
    assert [due(d, case_id, m) for m in ("2023-08", "2023-10")] == [rural, urban]
    assert owed(d, "2023-10", old, new) == {old: "without_dues", new: "open"}
    pay(d, LIVING, "2023-10", new)
    assert runs(d, case_id) == {"2023-08": (old, rural, 0), "2023-09": (old, rural, 0), "2023-10": (new, urban, urban - rural)}


def test_an_unpaid_month_of_a_town_whose_run_is_closed_is_owed_again(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """By a follow-up run of the new town; the old one owes nothing for it any more."""
    d.on("2023-07-03")
    made, other = (home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, town=town) for town in (old, new))
    case_id, _ = (grant(d, LIVING, household_id=h.household_id) for h in (made, other))
    d.on("2023-09-20").settle()
    for month in ("2023-08", "2023-09"):
        pay(d, LIVING, month, new)
    assert owed(d, "2023-09", old, new) == {old: "open", new: "met"}
    move(d, made, "2023-08-11", new, old)
    assert owed(d, "2023-09", old, new) == {old: "without_dues", new: "again"}
    [row] = [r for r in d.call("list_payment_months", "auditor", month="2023-09", programme=LIVING) if r["division"] == new]
    run = d.call("prepare_owed_month", "cashier", calendar_id=row["calendar_id"], month="2023-09")["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    assert {month: town for month, (town, *_) in runs(d, case_id).items()} == {"2023-09": new}
    assert owed(d, "2023-09", old, new) == {old: "without_dues", new: "met"}


def test_out_of_the_district_everything_ends_with_the_month_unless_it_was_not_so(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """What was paid meanwhile is claimed back; when the move is set aside the claim is met and what was missed goes out."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, {"born": "19900101"}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    who = made.members[1]
    d.call("record_certificate", person_id=who, grade=3, kind="physical", effective_from="2023-06-10")
    d.settle()
    subsidy = grant(d, SUBSIDY, person_id=who)
    d.on("2023-10-12").settle()
    for month in ("2023-08", "2023-09", "2023-10"):
        pay(d, LIVING, month, old)
    amount, of_subsidy = due(d, case_id, "2023-10"), due(d, subsidy, "2023-10")
    answer = move(d, made, "2023-09-18", AWAY, old)
    assert list(answer["events"]) == ["assistance.household_moved"], "nobody takes it over"
    ended = next(e for e in history(d, case_id) if isinstance(e, bc.CaseEnded))
    assert (ended.first_unpaid_month, ended.reason) == ("2023-10", "户籍迁出本区")
    assert (case(d, case_id)["status"], case(d, case_id)["division"], due(d, case_id, "2023-09")) == ("ended", old, amount)
    assert (case(d, subsidy)["status"], due(d, subsidy, "2023-10")) == ("ended", 0)
    [claim] = [c for c in d.call("list_recoveries", "auditor") if c["case_id"] == case_id]
    assert (claim["division"], claim["amount_fen"]) == (old, amount)
    d.on("2023-11-06").settle()
    entries = d.call("list_register", "auditor", unit_id=made.household_id)["entries"]
    assert entries == [], "no longer in the register"
    d.call("set_aside_move", at=old, household_id=made.household_id, number=1, reason="同名误登记")
    d.settle()
    assert (case(d, case_id)["status"], due(d, case_id, "2023-11"), due(d, subsidy, "2023-10")) == ("in_force", amount, of_subsidy)
    [claim] = [c for c in d.call("list_recoveries", "auditor") if c["case_id"] == case_id]
    assert (claim["left_fen"], case(d, subsidy)["status"]) == (0, "in_force")


def test_a_move_within_the_district_that_was_none_is_handed_back(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """With all that followed: the case, the amount, the months that are still to be paid."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": EARNS}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    rural = due(d, case_id, "2023-08")
    d.on("2023-10-12").settle()
    move(d, made, "2023-09-20", new, old, area="urban")
    assert due(d, case_id, "2023-10") > rural
    with pytest.raises(Refused) as refused:
        d.call("set_aside_move", at=old, household_id=made.household_id, number=1, reason="误登记")
    assert refused.value.code == "wrong_division", "the new town has it by now"
    d.call("set_aside_move", at=new, household_id=made.household_id, number=1, reason="误登记")
    d.settle()
    assert (due(d, case_id, "2023-10"), case(d, case_id)["division"], waits(d, case_id, old)) == (rural, old, True)
    pay(d, LIVING, "2023-10", old)
    assert (runs(d, case_id), owed(d, "2023-10", old, new)) == ({"2023-10": (old, rural, 0)}, {old: "met", new: "without_dues"})


def test_every_order_of_these_moves_is_decided_again_as_it_is_recorded(d: Desk) -> None:
    """Moves, hand-overs, what was set aside and what followed: nothing of it is unlike what its events say."""
    d.settle()
    report = replay(d.offices["assistance"].log, {"assistance": d.offices["assistance"]})
    assert [str(f) for f in report.findings] == []
    assert report.kinds[ORDER] > 200

"""What goes along with a household that moves, and with who moves alone, and what stays: through the real doors, by lists and by hands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import means_test, monitoring
from services.assistance.declarations import DECIDERS
from services.assistance.means_test import AUTHORISATIONS, VERIFICATIONS
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from shared.eventlog.integrity.replay import ORDER, replay
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, grant, home
from tests.programmes.test_move_alone import moves

LIVING = "minimum_living_allowance"
WORKS = [{"code": code, "due_on": f"2023-12-{day}"} for code, day in (("survey", 10), ("works", 20), ("handover", 30))]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("along"), "assistance") as made:
        yield made


def move(d: Desk, made: Home, moved_on: str, to: str, at: str) -> None:
    """家庭迁移登记 by the old town's clerk, and what follows from it."""
    d.call("move_household", at=at, household_id=made.household_id, moved_on=moved_on, division=to, reason="housing", evidence="户口簿")
    d.settle()


def opened(d: Desk, method: str, old: str, role: str = "clerk", **body: Any) -> str:
    return str(d.call(method, role, at=old, division=old, **body)["id"])


def cared_for(d: Desk, who: str, old: str) -> dict[str, str]:
    """Everything that goes on about a person in the old town: name → record."""
    found = {
        "visits": opened(d, "open_visit_plan", old, programme="hardship_visit", subject_id=who, responsible="staff:old"),
        "service": opened(
            d, "order_service", old, programme="service_type_assistance", subject_id=who, service_class="care", entitlement=4, plan="助浴",
        ),
        "list": opened(d, "enlist", old, programme="poverty_relapse_screening", subject_id=who, reason="margin_at_risk"),
    }  # fmt: skip
    said = {"programme": "proactive_discovery", "source": "hotline", "kind": "illness", "what": "大病", "subject_id": who}
    found["clue"] = opened(d, "report_clue", old, **said)
    found["clue somebody was sent after"] = opened(d, "report_clue", old, **said)
    d.call("assign_clue", at=old, record_id=found["clue somebody was sent after"], responsible="staff:old")
    entries = {"agent": "staff:old", "principal": who, "authorisation_no": "SQ-1", "matter": LIVING, "step": "apply"}
    filed = [{"code": code, "value": value} for code, value in entries.items()]
    found["proxy"] = opened(d, "file_record", old, programme="full_process_proxy_application", subject_id=who, reference="1", entries=filed)
    d.settle()
    return found


def of_household(d: Desk, made: Home, old: str) -> dict[str, str]:
    """The same of a household."""
    about = {"subject_id": made.household_id, "responsible": "staff:old"}
    works = {**about, "goal": "修缮屋面", "budget_fen": 900_000, "milestones": WORKS}
    found = {
        "support": opened(d, "open_visit_plan", old, programme="regular_support_for_low_income", **about, measures=["助学"]),
        "needs": opened(
            d, "request_assessment", old, programme="comprehensive_assistance_assessment", subject_id=made.household_id, reason="首次评估",
        ),
        "house": opened(d, "plan_project", old, programme="home_environment_improvement", **works),
    }  # fmt: skip
    d.settle()
    return found


def whose(d: Desk, records: dict[str, str]) -> dict[str, str]:
    """Name → the town whose row it is, and in whose list it waits."""
    d.project()
    rows = {r["record_id"]: r for r in d.call("list_records", "auditor", limit=500)}
    return {name: rows[record_id]["division"] for name, record_id in records.items()}


def waiting(d: Desk, at: str) -> set[str]:
    """Keys of what waits in a town's lists."""
    return {row["key"] for row in d.call("list_waiting", "auditor", at=at, limit=500)}


def refused(d: Desk, method: str, role: str, at: str, **body: Any) -> str:
    with pytest.raises(Refused) as told:
        d.call(method, role, at=at, **body)
    return told.value.code


def test_what_comes_again_or_is_to_come_goes_along_and_what_somebody_finishes_stays(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """Lists of the new town show it, those of the old no longer; the new town's hands act, the old one's do not, except on what stays."""
    d.on("2023-08-28")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": 20_000}, {"born": "19900101"}, town=old)
    who = made.members[1]
    d.on("2023-09-08")
    of = cared_for(d, who, old) | of_household(d, made, old)
    spent = {"kind": "expenditure", "cause": "grave_illness", "happened_on": "2023-09-01", "loss_fen": 900_000}
    d.call("apply_temporary", at=old, division=old, household_id=made.household_id, **spent)
    [matter_id] = d.call("get_temporary", "auditor", at=old, subject_id=made.household_id)["matters"]
    ref = {"subject_id": made.household_id, "matter_id": matter_id}
    d.call("accept_temporary", at=old, **ref)
    d.settle()
    move(d, made, "2023-09-07", new, old)
    assert set(whose(d, of).values()) == {old}, "not before the first"
    d.on("2023-10-01").settle()
    stays = {"clue somebody was sent after", "proxy", "house"}
    assert whose(d, of) == {name: old if name in stays else new for name in of}
    assert set(of.values()) & waiting(d, new) == {record_id for name, record_id in of.items() if name not in stays}
    assert set(of.values()) & waiting(d, old) == {of[name] for name in stays}
    visit = {"record_id": of["visits"], "visited_on": "2023-10-01"}
    assert refused(d, "record_visit", "clerk", old, **visit) == "wrong_division"
    d.call("record_visit", at=new, **visit)
    d.call("change_visit_responsible", "reviewer", at=new, record_id=of["support"], responsible="staff:new", reason="迁入")
    d.call("assign_service", "reviewer", at=new, record_id=of["service"], provider="org:care")
    assert refused(d, "update_entry", "clerk", old, record_id=of["list"], result="no_need", note="已就业") == "wrong_division"
    d.call("update_entry", at=new, record_id=of["list"], result="no_need", note="已就业")
    d.call("assign_clue", at=new, record_id=of["clue"], responsible="staff:new")
    assert refused(d, "get_record", "auditor", old, shape="visit_plan", record_id=of["visits"]) == "wrong_division"
    d.call("verify_clue", at=old, record_id=of["clue somebody was sent after"], finding="hardship")
    assert refused(d, "verify_clue", "clerk", new, record_id=of["clue somebody was sent after"], finding="hardship") == "wrong_division"
    # 受理地: what was accepted is finished, decided and paid there.
    assert (matter_id in waiting(d, old), matter_id in waiting(d, new)) == (True, False)
    verified = {**ref, "finding": "属实", "loss_fen": 900_000}
    assert refused(d, "complete_papers", "clerk", new, **verified) == "wrong_division"
    d.call("complete_papers", at=old, **verified)
    d.call("propose_temporary", "reviewer", at=old, **ref)


def test_a_watch_goes_along_and_its_warning_is_the_new_towns(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Set in the last days of the old town, looked at in the new one's."""
    d.on("2023-09-27")
    made = home(d, numbers, {"monthly_income_fen": 900_000}, {"born": "20150101"}, town=old)
    income = {"household_id": made.household_id, "person_id": made.members[0], "monthly_income_fen": 10_000, "effective_from": "2023-09-20"}
    d.call("record_income", at=old, **income)
    d.settle()
    move(d, made, "2023-09-15", new, old)
    d.on("2023-10-01").settle()
    watch: monitoring.Watch = d.offices["assistance"].load(monitoring.DECIDER, made.household_id).state
    assert watch.look_on is not None
    assert (watch.division, len(watch.pending)) == (new, 1)
    d.on(watch.look_on.isoformat()).settle()
    [warned] = [r for r in d.call("list_records", "auditor", subject_id=made.members[0]) if r["shape"] == "clue"]
    assert (warned["division"], warned["worklist"]) == (new, "clue_assign")


def test_an_open_means_test_goes_along_with_its_signatures_and_its_requests(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """The new town takes further signatures down, waits for the sources, reads the report and objects to it; the case is its own too."""
    d.on("2023-09-20")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": 20_000}, town=old)
    [who] = made.members
    of = {"programme": LIVING, "subject_id": made.household_id}
    signed = {**of, "person_id": who, "signed_on": "2023-09-20", "valid_until": "2024-09-19"}
    case_id = d.call("apply", at=old, programme=LIVING, household_id=made.household_id)["id"]
    d.call("accept_application", at=old, case_id=case_id)
    d.call("record_member_authorisation", at=old, **signed, document_ref="授权1")
    d.settle()
    check_id = means_test.verification_id(case_id, 1)
    asked = d.offices["assistance"].load(VERIFICATIONS, check_id).state
    requests = [q.exchange_id for q in asked.queries.values()]
    assert (asked.status, len(requests) > 3) == ("asking", True)
    move(d, made, "2023-09-18", new, old)
    assert check_id in waiting(d, old)
    d.on("2023-10-01").settle()
    for at, has in ((old, False), (new, True)):
        assert ({check_id, *requests} <= waiting(d, at), bool({check_id, *requests} & waiting(d, at))) == (has, has), at
        assert (check_id in {v["verification_id"] for v in d.call("list_verifications", "auditor", at=at)}) == has
    assert {d.offices["assistance"].load(DECIDERS["exchange"], r).state.division for r in requests} == {new}
    later = {**signed, "signed_on": "2023-10-01", "valid_until": "2024-09-30", "document_ref": "授权2"}
    assert refused(d, "record_member_authorisation", "clerk", old, **later) == "wrong_division"
    d.call("record_member_authorisation", at=new, **later)
    ledger = d.offices["assistance"].load(AUTHORISATIONS, case_id).state
    assert (ledger.division, ledger.signatures[who].document_ref) == (new, "授权2")
    d.on("2023-11-20").settle()  # nobody answered: the report says so
    look = {"verification_id": check_id, "case_id": case_id, "purpose": "审核"}
    assert refused(d, "look_at_report", "reviewer", old, **look) == "wrong_division"
    assert d.call("look_at_report", "reviewer", at=new, **look)["report"]["completeness"] == "partial"
    assert d.call("get_case", "auditor", at=new, case_id=case_id)["division"] == new


def test_who_moves_alone_takes_his_own_along_and_leaves_what_is_his_households(
    d: Desk, numbers: Numbers, old: str, new: str
) -> None:
    """His visits, services and entries go on where he lives by now; the household that he left is supported where it is."""
    d.on("2023-09-20")
    left = home(d, numbers, {"born": "19700101"}, {"born": "19950101"}, town=old)
    joined = home(d, numbers, {"born": "19680101"}, town=new)
    who = left.members[1]
    own, shared = cared_for(d, who, old), of_household(d, left, old)
    moves(d, who, left, joined, "2023-10", old, new)
    assert set(whose(d, own | shared).values()) == {old}
    d.on("2023-10-01").settle()
    stays = {"clue somebody was sent after", "proxy"}
    assert whose(d, own) == {name: old if name in stays else new for name in own}
    assert set(whose(d, shared).values()) == {old}
    assert refused(d, "record_visit", "clerk", old, record_id=own["visits"], visited_on="2023-10-01") == "wrong_division"
    d.call("record_visit", at=new, record_id=own["visits"], visited_on="2023-10-01")


def test_a_move_that_was_none_brings_it_all_back(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """What was done meanwhile stays done."""
    d.on("2023-09-08")
    made = home(d, numbers, {"born": "19500101"}, {"born": "19900101"}, town=old)
    of = cared_for(d, made.members[1], old) | of_household(d, made, old)
    move(d, made, "2023-09-07", new, old)
    d.on("2023-10-02").settle()
    d.call("record_visit", at=new, record_id=of["visits"], visited_on="2023-10-02")
    d.call("set_aside_move", at=new, household_id=made.household_id, number=1, reason="误登记")
    d.settle()
    assert set(whose(d, of).values()) == {old}
    plan = d.call("get_record", "auditor", at=old, shape="visit_plan", record_id=of["visits"])
    assert [str(day) for day in plan["visits"]] == ["2023-10-02"]


def test_arrears_of_the_old_towns_months_go_out_with_the_new_towns_next_payment(d: Desk, numbers: Numbers, old: str, new: str) -> None:
    """Once, and by name of their months: the money is the district's, and it is the new town that has whom it pays and his account."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19500101", "monthly_income_fen": 20_000}, town=old)
    case_id = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-20").settle()
    for month in ("2023-08", "2023-09"):
        _pay(d, month, old)
    move(d, made, "2023-09-10", new, old)
    d.on("2023-10-05").settle()
    lower = {"household_id": made.household_id, "person_id": made.members[0], "monthly_income_fen": 10_000, "effective_from": "2023-07-31"}
    d.call("record_income", at=new, **lower)
    d.settle()
    events = [r.event for r in d.offices["assistance"].history(f"assistance.case-{case_id}")]
    [found] = [e for e in events if isinstance(e, bc.ArrearsFound)]
    assert (found.amount_fen, [m.month for m in found.months]) == (20_000, ["2023-08", "2023-09"])
    owed = d.call("list_payment_months", "auditor", month="2023-09", programme=LIVING)
    assert {r["division"]: r["status"] for r in owed if r["division"] in (old, new)} == {old: "met"}, "the old town owes nothing again"
    _pay(d, "2023-10", new)
    paid = [r.event for r in d.offices["assistance"].history(f"assistance.case-{case_id}") if isinstance(r.event, bc.BenefitPaid)]
    assert [(e.month, e.arrears_fen) for e in paid] == [("2023-08", 0), ("2023-09", 0), ("2023-10", 20_000)]


def _pay(d: Desk, month: str, town: str) -> None:
    run = d.call("prepare_payment_run", "cashier", programme=LIVING, month=month, division=town)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()


def test_every_order_of_these_moves_is_decided_again_as_it_is_recorded(d: Desk) -> None:
    """And no record that was handed over is unlike what its events say."""
    assert d.settle() == 0
    report = replay(d.offices["assistance"].log, {"assistance": d.offices["assistance"]})
    assert [str(f) for f in report.findings] == []
    assert report.kinds[ORDER] > 100

"""The register of low-income persons: what each entry says of aids received and of risk, on any day, from what the house has recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.assistance import referral_answers
from services.assistance.doors.determination import REGISTER
from services.assistance.risk_flags import Flag, is_elder, of_facts, severe
from services.assistance.rows.register import Page
from shared.rules.facts import PersonFacts
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, due, grant, home, pay, single

LIVING, SUPPORT = "minimum_living_allowance", "extreme_hardship_support"
PRICE, EMERGENCY, CARE = "price_linked_temporary_subsidy", "temporary_assistance", "disabled_living_subsidy"
TOWN, SECOND, THIRD = "330225101", "330225102", "330225103"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module, with a reserve fund in the town."""
    with desk(tmp_path_factory.mktemp("register"), "assistance") as made:
        made.on("2023-05-04")
        fund = made.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=TOWN)["id"]
        made.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2023〕7号")
        yield made


def entry(d: Desk, unit_id: str, day: str, **more: Any) -> dict[str, Any]:
    """The register's one entry of a unit on a day."""
    [found] = d.call("list_register", "auditor", unit_id=unit_id, valid_at=day, **more)["entries"]
    return dict(found)


def aids(d: Desk, unit_id: str, day: str, **more: Any) -> dict[tuple[str, str], tuple[str, str, int, int]]:
    """(programme, kind) → first and last month, fen so far and of the year."""
    found = entry(d, unit_id, day, **more)["aids"]
    return {(a["programme"], a["kind"]): (a["first_month"], a["last_month"], a["fen"], a["fen_this_year"]) for a in found}


def flags(d: Desk, unit_id: str, day: str, **more: Any) -> list[tuple[str, str, str]]:
    """(flag, person, detail)."""
    return [(f["flag"], f["person_id"], f["detail"]) for f in entry(d, unit_id, day, **more)["risk_flags"]]


def matter_of(d: Desk, household_id: str, **more: Any) -> dict[str, str]:
    """An emergency of today, accepted."""
    body = {"kind": "emergency", "cause": "accident", "happened_on": d.now.date().isoformat(), "division": TOWN, **more}
    d.call("apply_temporary", household_id=household_id, **body)
    ref = {"subject_id": household_id, "matter_id": list(d.call("get_temporary", "auditor", subject_id=household_id)["matters"])[-1]}
    d.call("accept_temporary", **ref)
    return ref


def decided(d: Desk, ref: dict[str, str], **more: Any) -> dict[str, Any]:
    """Verified, reviewed and approved; how the matter stands then."""
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    d.call("propose_temporary", "reviewer", **ref, **more)
    matter = d.call("get_temporary", "auditor", subject_id=ref["subject_id"])["matters"][ref["matter_id"]]
    d.call("decide_temporary", "approver", at="330225", **ref, reviewed=matter["proposal"]["reviewed"])
    d.settle()
    found: dict[str, Any] = d.call("get_temporary", "auditor", subject_id=ref["subject_id"])["matters"][ref["matter_id"]]
    return found


def test_aids_are_those_paid_by_the_asked_month_from_every_programme(d: Desk, numbers: Numbers) -> None:
    """A31: months and fen of 低保, a member's own subsidy, the price subsidy, a first grant and goods; none twice, none later."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19780101"})
    unit = made.household_id
    living = grant(d, LIVING, household_id=unit)
    d.on("2023-08-01")
    assert aids(d, unit, "2023-08-01") == {}
    d.call("record_certificate", person_id=made.members[1], grade=1, kind="physical", effective_from="2023-07-31")
    d.settle()
    own = grant(d, CARE, person_id=made.members[1])
    d.on("2023-08-21")
    index = {"month": "2023-08", "document_no": "象统〔2023〕8号", "published_on": "2023-08-18"}
    d.call("trigger_price_linkage", "reviewer", cpi_bp=360, food_bp=100, **index)
    d.call("confirm_price_linkage", "approver", month="2023-08")
    d.settle()
    price = next(c for c in d.call("list_cases", "auditor", programme=PRICE) if c["payee_id"] in made.members)["amount_fen"]
    pay(d, LIVING, "2023-08")
    pay(d, PRICE, "2023-08", "330225")
    d.on("2023-10-09")
    pay(d, LIVING, "2023-09")
    pay(d, CARE, "2023-09")
    ref = matter_of(d, unit)
    d.call("grant_first", **ref)
    matter = decided(d, ref, form="goods")
    d.settle()
    monthly, subsidy = due(d, living, "2023-09"), due(d, own, "2023-09")
    drawn, whole = matter["first"]["amount_fen"], matter["approved"]["amount_fen"]
    assert drawn < whole
    got = aids(d, unit, "2023-10-31")
    assert got[LIVING, "money"] == ("2023-08", "2023-09", 2 * monthly, 2 * monthly)
    assert got[PRICE, "money"] == ("2023-08", "2023-08", price, price)
    assert got[EMERGENCY, "money"] == ("2023-10", "2023-10", drawn, drawn)
    assert got[EMERGENCY, "goods"] == ("2023-10", "2023-10", whole - drawn, whole - drawn)
    assert got[CARE, "money"][1:3] == ("2023-09", got[CARE, "money"][3])
    assert got[CARE, "money"][2] >= subsidy
    by = {a["programme"]: a["subject_id"] for a in entry(d, unit, "2023-10-31")["aids"]}
    assert (by[LIVING], by[CARE], by[PRICE], by[EMERGENCY]) == (unit, made.members[1], unit, unit)
    assert set(aids(d, unit, "2023-08-31")) == {(LIVING, "money"), (PRICE, "money")}, "not what came later"
    assert aids(d, unit, "2024-01-31")[LIVING, "money"] == ("2023-08", "2023-09", 2 * monthly, 0), "nothing of the new year yet"


def test_what_was_improved_in_a_home_is_an_aid_once_it_is_given_over(d: Desk, numbers: Numbers) -> None:
    """A31: the project's cost stands beside the money from the month in which it was put to use; one that is given up is none."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19600101"})
    grant(d, LIVING, household_id=made.household_id)
    d.on("2023-08-01")
    stages = [{"code": code, "due_on": "2023-12-20"} for code in ("survey", "works", "handover")]
    plan = {"programme": "home_environment_improvement", "division": TOWN, "subject_id": made.household_id, "goal": "修缮屋面"}
    done, over = (
        str(d.call("plan_project", **plan, responsible="staff:zhou", budget_fen=1_800_000, milestones=stages)["id"]) for _ in range(2)
    )
    for project in (done, over):
        d.call("start_project", "approver", record_id=project, contractor="org:build")
        d.call("record_project_cost", "cashier", record_id=project, amount_fen=1_750_000, document_no=f"PZ-{project[:4]}")
    d.call("cancel_project", "approver", actor="staff:other", record_id=over, reason="住户放弃")
    evidence = {
        "survey": ("survey_sheet", "before_photo"), "works": ("after_photo",), "handover": ("acceptance_sheet", "household_signature")
    }  # fmt: skip
    for stage, kinds in evidence.items():
        papers = [{"kind": kind, "document_no": f"{kind}-1"} for kind in kinds]
        d.call("reach_milestone", record_id=done, milestone=stage, evidence=papers)
        d.call("accept_milestone", "reviewer", record_id=done)
    assert not [a for a in aids(d, made.household_id, "2023-08-31") if a[1] == "improvement"]
    d.on("2023-10-09").call("open_project", "approver", record_id=done)
    key = ("home_environment_improvement", "improvement")
    assert key not in aids(d, made.household_id, "2023-09-30")
    assert aids(d, made.household_id, "2023-10-31")[key] == ("2023-10", "2023-10", 1_750_000, 1_750_000)
    assert aids(d, made.household_id, "2024-02-01")[key] == ("2023-10", "2023-10", 1_750_000, 0)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose clock only goes forward: what the past rests on."""
    with desk(tmp_path, "assistance") as made:
        yield made


def test_aids_and_flags_of_a_moment_are_those_that_were_known_then(fresh: Desk, numbers: Numbers) -> None:
    """as_of: what was paid after the moment is not received yet, and a clue is open as long as nobody had resolved it."""
    d = fresh.on("2023-07-04")
    made = home(d, numbers, {"born": "19700101"}, {"born": "20150101"}, town=SECOND)
    unit, head = made.household_id, made.members[0]
    living = grant(d, LIVING, household_id=unit)
    d.on("2023-08-15")
    body = {"programme": "proactive_discovery", "division": SECOND, "source": "grid", "kind": "illness", "what": "突发重病"}
    d.call("report_clue", "clerk", **body, subject_id=head)
    d.settle()
    [seen] = entry(d, unit, "2023-08-15")["risk_flags"]
    assert (seen["flag"], seen["person_id"], seen["detail"]) == ("open_clue", head, "illness")
    d.on("2023-08-25")
    run = pay(d, LIVING, "2023-08", SECOND)
    assert run["status"] == "closed"
    record = {"record_id": seen["reference"]}
    d.call("assign_clue", "clerk", **record, responsible="staff:clerk")
    d.call("verify_clue", "clerk", **record, finding="already_covered", note="已在保")
    d.call("resolve_clue", "reviewer", **record, outcome="no_need", reason="已在保")
    d.settle()
    monthly = due(d, living, "2023-08")
    assert aids(d, unit, "2023-08-31") == {(LIVING, "money"): ("2023-08", "2023-08", monthly, monthly)}
    assert flags(d, unit, "2023-08-31") == []
    then = "2023-08-20T00:00:00+08:00"
    assert aids(d, unit, "2023-08-31", as_of=then) == {}
    assert flags(d, unit, "2023-08-31", as_of=then) == [("open_clue", head, "illness")]


def test_what_a_department_gave_upon_a_referral_is_an_aid_from_the_month_of_its_answer(fresh: Desk, numbers: Numbers) -> None:
    """A31: to whom it said yes, for what and by whom, without an amount; a no is none, and at an earlier moment nothing was known of it."""
    d = fresh.on("2023-07-03")
    made = home(d, numbers, {"born": "19850101"}, {"born": "20120101", "student": True}, town=SECOND)
    unit, (head, child) = made.household_id, made.members
    grant(d, LIVING, household_id=unit)
    rows = d.call("list_records", "auditor", programme="special_assistance_referral", subject_id=unit, limit=500)
    sent = {r["to_unit"]: {**r, "record_id": row["record_id"]} for row in rows for r in [
        d.call("get_record", "auditor", shape="handoff", record_id=row["record_id"])
    ]}  # fmt: skip
    medical, school = sent["医疗保障局"], sent["教育局"]
    into = referral_answers.folder(d.settings.var / "exchange" / "assistance", "medicare")
    d.on("2023-09-04")
    said = {head: ("已救助", "参保资助"), child: ("不予救助", "已参加居民医保")}
    lines = [
        f"{medical['number']},{medical['dossier_hash']},{said[who][0]},{said[who][1]},{medical['number']}-{n}\r\n"
        for n, who in enumerate(medical["concerned"], 1)
    ]
    (into / "answers.csv").write_bytes(("受理编号,材料摘要,办理情况,说明,人员编号\r\n" + "".join(lines)).encode("gb18030"))
    d.settle()
    d.on("2023-10-10")
    d.call("accept_handoff", record_id=school["record_id"], dossier_hash=school["dossier_hash"])
    d.call("finish_handoff", record_id=school["record_id"], outcome="aided", result="减免学杂费")
    body = {"programme": "disaster_victim_assistance", "division": SECOND, "from_unit": SECOND, "to_unit": "应急管理局", "subject_id": unit}
    flood = str(d.call("send_handoff", **body, what="台风受灾", dossier_hash=medical["dossier_hash"])["id"])
    d.call("accept_handoff", record_id=flood, dossier_hash=medical["dossier_hash"])
    d.call("finish_handoff", record_id=flood, outcome="aided", result="过渡期生活救助")
    d.settle()

    def given(day: str, **more: Any) -> list[tuple[str, str, str, str]]:
        found = [a for a in entry(d, unit, day, **more)["aids"] if a["kind"] == "referral"]
        assert {(a["last_month"], a["fen"], a["fen_this_year"]) for a in found} <= {("", 0, 0)}
        return [(a["subject_id"], a["given_by"], a["given_for"], a["first_month"]) for a in found]

    doctor, teacher = (head, "医疗保障局", "医疗救助", "2023-09"), (child, "教育局", "教育救助", "2023-10")
    assert given("2023-08-31") == []
    assert given("2023-09-30") == [doctor]
    assert sorted(given("2023-10-31")) == sorted([doctor, teacher, (unit, "应急管理局", "", "2023-10")])
    assert given("2023-10-31", as_of="2023-09-20T00:00:00+08:00") == [doctor]
    assert given("2023-10-31", as_of="2023-08-20T00:00:00+08:00") == []


def test_flags_follow_from_the_facts_of_the_asked_month(d: Desk, numbers: Numbers) -> None:
    """A31: an elder of 特困 alone who lost self-care acts; severe disability from its month; in an institution he is not alone."""
    d.on("2023-06-05")
    lonely = single(d, numbers, "19450101", area="rural")
    found = {"person_id": lonely, "found_on": "2023-06-05", "able_supporter": False, "able_to_work": False}
    d.call("record_finding", **found, lost_acts=["bathe", "dress"])
    grant(d, SUPPORT, person_id=lonely)
    d.on("2023-09-11")
    d.call("record_certificate", person_id=lonely, grade=3, kind="mental", effective_from="2023-09-10")
    d.on("2023-11-06")
    d.call("record_finding", person_id=lonely, found_on="2023-11-06", placement="central")
    d.settle()
    alone, lost, severely = ("elder_alone", lonely, ""), ("self_care_lost", lonely, "2"), ("severe_disability", lonely, "mental")
    assert flags(d, lonely, "2023-07-31") == [alone, lost]
    counted = next(m for m in ("2023-09-30", "2023-10-31") if severely in flags(d, lonely, m))
    assert flags(d, lonely, counted) == [alone, lost, severely]
    assert flags(d, lonely, "2024-01-31") == [lost, severely]


def test_what_is_claimed_back_is_a_flag_and_a_town_sees_its_own_register_alone(d: Desk, numbers: Numbers) -> None:
    """An income that turns out higher for a paid month: the claim stands beside the aid; another town's hand sees neither."""
    d.on("2023-07-06")
    made = home(d, numbers, {"born": "19700101"}, {"born": "20150101"}, town=THIRD)
    unit = made.household_id
    living = grant(d, LIVING, household_id=unit)
    d.on("2023-09-20")
    for month in ("2023-08", "2023-09"):
        pay(d, LIVING, month, THIRD)
    assert flags(d, unit, "2023-09-30") == []
    d.call("record_income", household_id=unit, person_id=made.members[0], monthly_income_fen=160_000, effective_from="2023-08-04")
    d.settle()
    [claim] = [r for r in d.call("list_recoveries", "auditor", limit=500) if r["case_id"] == living]
    [flag] = entry(d, unit, "2023-09-30")["risk_flags"]
    assert (flag["flag"], flag["detail"], flag["reference"]) == ("claim_open", LIVING, claim["recovery_id"])
    assert aids(d, unit, "2023-09-30")[LIVING, "money"][:2] == ("2023-08", "2023-09"), "what was paid stays what was paid"
    assert d.call("list_register", "auditor", at="330225102", unit_id=unit, valid_at="2023-09-30")["entries"] == []


def test_every_question_of_a_page_goes_by_an_index(d: Desk) -> None:
    """No table is read whole for a page, however large the district: SQLite says so of every statement that a page makes."""
    engine, asked = d.services["assistance"].office.read, []
    units = [e["unit_id"] for e in d.call("list_register", "auditor", valid_at="2023-09-30")["entries"]]
    assert len(units) >= 3

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _heard(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    try:
        beside = Page(engine, REGISTER, "330225", "2023-09", units).beside()
    finally:
        sa.event.remove(engine, "before_cursor_execute", _heard)
    assert set(beside) == set(units)
    assert len(asked) >= 9
    with engine.connect() as connection:
        plans = [row[3] for s, p in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", p)]
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def facts(born: str, grade: int = 0, kind: str = "") -> PersonFacts:
    return PersonFacts(f"p{born}", datetime.fromisoformat(born).date(), disability_grade=grade, disability_kind=kind)


@pytest.mark.parametrize(
    ("grade", "kind", "said"),
    [(0, "", False), (1, "physical", True), (2, "visual", True), (3, "physical", False), (3, "mental", True), (4, "mental", False)],
)
def test_severe_is_grade_one_and_two_and_three_of_mind(grade: int, kind: str, said: bool) -> None:
    """重度, as 困难重度残疾人照护 asks for it too."""
    assert severe(grade, kind) is said


def test_an_elder_is_alone_only_where_nobody_else_lives_and_from_the_month_of_the_birthday() -> None:
    """60 in the month, at home, by himself."""
    elder, young = facts("1963-09-30"), facts("1990-01-01")
    assert [is_elder(elder.born_on, month) for month in ("2023-08", "2023-09")] == [False, True]
    assert list(of_facts([elder], {}, set(), "2023-09")) == [Flag("elder_alone", elder.person_id)]
    assert list(of_facts([elder], {}, set(), "2023-08")) == []
    assert list(of_facts([elder, young], {}, set(), "2023-09")) == []
    assert list(of_facts([elder], {}, {elder.person_id}, "2023-09")) == []

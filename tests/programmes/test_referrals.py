"""Who comes into the low-income register is referred to the departments whose aid he needs, once a round, and called back when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.assistance import household, referrals
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from shared.casework import benefit_case as bc
from shared.casework import handoff
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.orders import Hand, Order
from shared.rules.facts import PersonFacts
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, case, case_of, decide, grant, home, single

LIVING, SUPPORT = "minimum_living_allowance", "extreme_hardship_support"
MEDICAL, SCHOOL, HOUSING, WORK = (n.unit for n in referrals.NEEDS)


# -- of whom the facts show which need


def someone(born: str, **facts: Any) -> referrals.Referred:
    """Of 低保, in a household with a home of its own, in August 2023."""
    more = {name: facts.pop(name) for name in ("hardship_class", "able", "homes", "central", "dangerous") if name in facts}
    found = PersonFacts("0a" * 16, date.fromisoformat(born), **facts)
    age = 2023 - found.born_on.year
    return replace(referrals.Referred(found, "minimum_living", age, None, 1, False), **more)


@pytest.mark.parametrize(
    ("who", "units"),
    [
        (someone("1950-01-01"), {MEDICAL}),
        (someone("2018-01-01"), {MEDICAL}),
        (someone("2015-01-01"), {MEDICAL, SCHOOL}),
        (someone("2008-01-01", student=True), {MEDICAL, SCHOOL}),
        (someone("2003-01-01", student=True), {MEDICAL, SCHOOL}),
        (someone("1980-01-01"), {MEDICAL, WORK}),
        (someone("1980-01-01", employed=True), {MEDICAL}),
        (someone("1980-01-01", gravely_ill=True), {MEDICAL}),
        (someone("1980-01-01", disability_grade=2, disability_kind="physical"), {MEDICAL}),
        (someone("1980-01-01", disability_grade=3, disability_kind="mental"), {MEDICAL}),
        (someone("1980-01-01", disability_grade=3, disability_kind="physical"), {MEDICAL, WORK}),
        (someone("1980-01-01", able=False), {MEDICAL}),
        (someone("1980-01-01", homes=0), {MEDICAL, WORK, HOUSING}),
        (someone("1980-01-01", homes=None, hardship_class="extreme_hardship"), {MEDICAL}),
        (someone("1950-01-01", homes=0, hardship_class="extreme_hardship", central=True), {MEDICAL}),
        (someone("1950-01-01", dangerous=True), {MEDICAL, HOUSING}),
        (someone("1950-01-01", dangerous=True, central=True), {MEDICAL}),
    ],
    ids=lambda value: "" if isinstance(value, referrals.Referred) else "+".join(sorted(value)),
)
def test_a_need_is_what_the_facts_show(who: referrals.Referred, units: set[str]) -> None:
    """Medical aid for everybody, the others by age, schooling, work and home; what nothing on file says is nobody's need."""
    assert {n.unit for n in referrals.NEEDS if n.of(who)} == units


@pytest.mark.parametrize(
    ("born", "month", "turn"),
    [
        ("2018-03-01", "2023-08", "2024-03"),  # six on the first of the month itself
        ("2018-03-02", "2023-08", "2024-04"),
        ("2018-03-02", "2024-04", "2034-04"),  # sixteen
        ("2008-02-29", "2023-08", "2024-03"),
        ("1950-01-01", "2023-08", ""),
    ],
)
def test_the_needs_are_looked_at_again_in_the_month_in_which_an_age_is_reached(born: str, month: str, turn: str) -> None:
    """School age and working age, as they are counted on the first of a month."""
    assert referrals.next_look([someone(born), someone("1950-01-01")], month) == turn


# -- through the doors


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test registers households of its own."""
    with desk(tmp_path_factory.mktemp("referrals"), "assistance") as made:
        yield made


@pytest.fixture
def d(house: Desk) -> Desk:
    return house.on("2023-07-03")


def out(d: Desk, unit_id: str) -> dict[str, list[dict[str, Any]]]:
    """The referrals of a unit by department, in the order in which they went out."""
    d.settle()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in d.call("list_records", "auditor", programme="special_assistance_referral", subject_id=unit_id, limit=500):
        record = d.call("get_record", "auditor", shape="handoff", record_id=row["record_id"])
        found.setdefault(record["to_unit"], []).append({"record_id": row["record_id"], "worklist": row["worklist"], **record})
    return {unit: sorted(rows, key=lambda r: len(r["concerned"]), reverse=True) for unit, rows in found.items()}


def log(d: Desk, record_id: str) -> list[str]:
    history = d.services["assistance"].office.history(DECIDERS["handoff"].stream(record_id))
    return [r.name.removeprefix("assistance.handoff_") for r in history]


def family(d: Desk, numbers: Numbers, **more: Any) -> Home:
    """A mother without work, her son at school, and her old father."""
    members = ({"born": "19850101"}, {"born": "20120101", "student": True}, {"born": "19500101"})
    return home(d, numbers, *members, **{"homes": 0, **more})


def earns(d: Desk, made: Home, fen: int, day: str) -> None:
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=fen, effective_from=day)
    d.settle()


def test_a_determination_sends_each_department_whom_it_is_for(d: Desk, numbers: Numbers) -> None:
    """One hand-off a department, every person by id; it names nobody, says class and law, and waits to be accepted."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    found = out(d, made.household_id)
    mother, son, _ = made.members
    everybody = sorted(made.members)
    assert {unit: [sorted(r["concerned"]) for r in rows] for unit, rows in found.items()} == {
        MEDICAL: [everybody], SCHOOL: [[son]], HOUSING: [everybody], WORK: [[mother]],
    }  # fmt: skip
    first = case(d, case_of(LIVING, made.household_id))["first_month"]
    [medical] = found[MEDICAL]
    assert medical["what"] == f"医疗救助：低保对象3人，自{first}起（社会救助暂行办法第二十八条）"
    assert (medical["status"], medical["worklist"], medical["from_unit"]) == ("sent", "handoff_accept", "330225101")


def test_a_department_answers_for_each_person(d: Desk, numbers: Numbers) -> None:
    """Aided one, declined the other: accepted, and answered with whom it aided."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    [medical] = out(d, made.household_id)[MEDICAL]
    d.call("accept_handoff", record_id=medical["record_id"], dossier_hash=medical["dossier_hash"])
    aided = {"outcome": "aided", "result": "其余人员已参加职工医保", "answered_for": [made.members[1]]}
    d.call("finish_handoff", record_id=medical["record_id"], **aided)
    [medical] = out(d, made.household_id)[MEDICAL]
    assert (medical["status"], medical["outcome"], medical["answered_for"]) == ("done", "aided", [made.members[1]])


def test_a_reassessment_and_the_same_news_send_nothing_again(d: Desk, numbers: Numbers) -> None:
    """The amount changes, the class does not; the determination is told twice; who changes work has been referred already."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    before = {r["record_id"] for rows in out(d, made.household_id).values() for r in rows}
    earns(d, made, 50000, "2023-08-01")
    change = {"reason": "other", "evidence": "证明", "members": [{"person_id": made.members[0], "employed": True}]}
    d.call("change_household", household_id=made.household_id, from_month="2023-08", **change)
    d.tell("assistance", "class_granted", unit_id=made.household_id, hardship_class="minimum_living", valid_from="2023-07", members=[])
    assert {r["record_id"] for rows in out(d, made.household_id).values() for r in rows} == before


def test_who_is_born_into_it_is_referred_alone(d: Desk, numbers: Numbers) -> None:
    """The child comes into the register with its household: a hand-off of its own, and none for the others once more."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    born = {"resident_id": numbers.resident("20230801"), "name": "新生儿", "relation": "女"}
    d.later(30)
    d.call("change_household", household_id=made.household_id, from_month="2023-08", reason="birth", evidence="出生医学证明", joined=[born])
    found = out(d, made.household_id)
    child = d.services["assistance"].office.person_id(born["resident_id"])
    assert [r["concerned"] for r in found[MEDICAL]][1:] == [[child]]
    assert {unit: len(rows) for unit, rows in found.items()} == {MEDICAL: 2, SCHOOL: 1, HOUSING: 2, WORK: 1}


def test_a_child_goes_to_school_and_to_work_though_nobody_says_so(d: Desk, numbers: Numbers) -> None:
    """School age comes with the month after the sixth birthday, working age with that after the sixteenth; nobody is told twice."""
    made = home(d, numbers, {"born": "19500101"}, {"born": "20171115"})
    grant(d, LIVING, household_id=made.household_id)
    assert set(out(d, made.household_id)) == {MEDICAL}
    d.on("2023-11-30")
    assert set(out(d, made.household_id)) == {MEDICAL}
    d.on("2023-12-01")
    found = out(d, made.household_id)
    assert (set(found), found[SCHOOL][0]["concerned"]) == ({MEDICAL, SCHOOL}, [made.members[1]])
    d.on("2033-12-01")
    found = out(d, made.household_id)
    assert {unit: len(rows) for unit, rows in found.items()} == {MEDICAL: 1, SCHOOL: 1, WORK: 1}
    assert found[WORK][0]["concerned"] == [made.members[1]]


def test_a_finding_that_he_can_work_refers_him_to_work(d: Desk, numbers: Numbers) -> None:
    """What his own file says counts when it is said, not at the household's next change; so does a certificate that is cancelled."""
    made = home(d, numbers, {"born": "19850101"}, {"born": "19860101"})
    mother, other = made.members
    d.call("record_finding", person_id=mother, found_on="2023-07-03", able_supporter=True, able_to_work=False)
    d.call("record_certificate", person_id=other, grade=1, kind="physical", effective_from="2020-05-01")
    d.settle()
    grant(d, LIVING, household_id=made.household_id)
    assert set(out(d, made.household_id)) == {MEDICAL}
    d.call("record_finding", person_id=mother, found_on=d.now.date().isoformat(), able_supporter=True, able_to_work=True)
    assert out(d, made.household_id)[WORK][0]["concerned"] == [mother]
    d.call("record_certificate", person_id=other, grade=0, kind="", effective_from=d.now.date().isoformat())
    assert {tuple(r["concerned"]) for r in out(d, made.household_id)[WORK]} == {(mother,), (other,)}


def test_a_dangerous_house_is_a_need_whoever_reports_it(d: Desk, numbers: Numbers) -> None:
    """By a clerk with the report, or by the housing department for somebody who lives in it; what is safe needs nothing."""
    made = family(d, numbers, homes=1)
    grant(d, LIVING, household_id=made.household_id)
    assert HOUSING not in out(d, made.household_id)
    d.call("appraise_house", household_id=made.household_id, grade="B", found_on="2023-07-05", evidence="鉴定〔2023〕11号")
    assert HOUSING not in out(d, made.household_id)
    d.tell("housing", "house_appraised", **told(d, made, "D", "鉴定〔2023〕12号"))
    d.tell("housing", "house_appraised", **told(d, made, "D", "鉴定〔2023〕12号"))
    [housing] = out(d, made.household_id)[HOUSING]
    assert sorted(housing["concerned"]) == sorted(made.members)
    entry = d.call("list_register", "auditor", unit_id=made.household_id, valid_at="2023-08-01")["entries"][0]
    assert {"flag": "dangerous_house", "person_id": "", "detail": "D", "reference": ""} in entry["risk_flags"]
    shown = d.call("get_household", "auditor", household_id=made.household_id)
    assert [(a["grade"], a["source"]) for a in shown["appraisals"]] == [("B", "staff:clerk"), ("D", "housing")]
    for wrong, field in (({"grade": "E"}, "grade"), ({"found_on": "2099-01-01"}, "found_on"), ({"evidence": " "}, "evidence")):
        form = {"household_id": made.household_id, "grade": "C", "found_on": "2023-07-05", "evidence": "鉴定", **wrong}
        with pytest.raises(Refused) as refused:
            d.call("appraise_house", **form)
        assert refused.value.field == field
    with pytest.raises(Refused) as nobody:
        d.tell("housing", "house_appraised", resident_id=numbers.resident("19700101"), grade="D", found_on="2023-07-05", report_no="鉴定")
    assert nobody.value.code == "unknown_person"


def told(d: Desk, made: Home, grade: str, report_no: str) -> dict[str, Any]:
    """What the housing department sends: by the resident ID of one who lives there."""
    state = d.services["assistance"].office.load(household.DECIDER, made.household_id).state
    return {"resident_id": state.members[made.members[0]].resident_id, "grade": grade, "found_on": "2023-07-08", "report_no": report_no}


def test_an_end_is_told_and_a_new_determination_is_a_new_round(d: Desk, numbers: Numbers) -> None:
    """What nobody has begun is taken back, who has begun is told, an answer stands; determined again, it goes out again."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    found = out(d, made.household_id)
    begun, answered = found[SCHOOL][0], found[WORK][0]
    for one in (begun, answered):
        d.call("accept_handoff", record_id=one["record_id"], dossier_hash=one["dossier_hash"])
    d.call("finish_handoff", record_id=answered["record_id"], outcome="declined", result="已就业")
    d.later(20)
    earns(d, made, 900000, d.now.date().isoformat())
    assert case(d, case_of(LIVING, made.household_id))["status"] == "ended"
    found = out(d, made.household_id)
    assert {unit: rows[0]["status"] for unit, rows in found.items()} == {
        MEDICAL: "withdrawn", HOUSING: "withdrawn", SCHOOL: "accepted", WORK: "done",
    }  # fmt: skip
    assert log(d, begun["record_id"]).count("basis_ended") == 1
    assert found[SCHOOL][0]["basis_ended"].startswith("困难类别认定自")
    d.on("2023-12-01")
    earns(d, made, 0, "2023-11-30")
    d.on("2024-01-02")
    grant(d, LIVING, household_id=made.household_id)
    assert {unit: len(rows) for unit, rows in out(d, made.household_id).items()} == {MEDICAL: 2, SCHOOL: 2, HOUSING: 2, WORK: 2}


def test_a_further_case_refers_those_whom_the_first_one_did_not_cover(d: Desk, numbers: Numbers) -> None:
    """特困 is the father's alone; when the household is determined too, its class stays the stronger one, and the others are referred."""
    made = family(d, numbers, homes=1)
    father = made.members[2]
    d.call("record_finding", person_id=father, found_on="2023-07-03", able_supporter=False, able_to_work=False, lost_acts=[])
    grant(d, SUPPORT, person_id=father)
    assert {unit: [r["concerned"] for r in rows] for unit, rows in out(d, made.household_id).items()} == {MEDICAL: [[father]]}
    grant(d, LIVING, household_id=made.household_id)
    found = out(d, made.household_id)
    named = {p for r in found[MEDICAL] for p in r["concerned"]}
    assert (named, {unit: len(rows) for unit, rows in found.items()}) == (set(made.members), {MEDICAL: 2, SCHOOL: 1, WORK: 1})
    d.later(20)
    made_service = d.services["assistance"]
    made_service.benefits.end(
        case_of(LIVING, made.household_id), "2023-10", "收入超过标准", "办法", Order(None, "over", Hand.service("assistance"), d.now)
    )
    found = out(d, made.household_id)
    stands = {tuple(sorted(r["concerned"])): r["status"] for r in found[MEDICAL]}
    assert stands == {(father,): "sent", tuple(sorted(set(made.members) - {father})): "withdrawn"}


def test_a_person_whom_no_household_counts_is_a_unit_of_his_own(d: Desk, numbers: Numbers) -> None:
    """Of his home nothing is on file: that need is for a visit, and goes out by hand beside."""
    alone = single(d, numbers, "19500101")
    d.call("record_finding", person_id=alone, found_on="2023-07-03", able_supporter=False, able_to_work=False, lost_acts=[])
    grant(d, SUPPORT, person_id=alone)
    assert {unit: [r["concerned"] for r in rows] for unit, rows in out(d, alone).items()} == {MEDICAL: [[alone]]}
    d.call(
        "send_handoff", programme="special_assistance_referral", division="330225101", from_unit="330225101", to_unit=HOUSING,
        what="住房救助：入户发现危房", dossier_hash=handoff.dossier_hash(b"visit"), subject_id=alone,
    )  # fmt: skip
    assert set(out(d, alone)) == {MEDICAL, HOUSING}


def test_what_the_one_thing_process_asked_for_is_not_asked_twice(d: Desk, numbers: Numbers) -> None:
    """The household asked for medical aid with its application: the determination refers it to the others only."""
    made = family(d, numbers)
    items = [{"code": LIVING}, {"code": "special_assistance_referral", "to_unit": MEDICAL}]
    form = {"programme": "social_assistance_one_thing", "division": "330225101", "subject_id": made.household_id}
    d.call("submit_one_thing", **form, dossier_hash=handoff.dossier_hash(b"form"), items=items)
    d.settle()
    case_id = bc.case_id(LIVING, made.household_id)
    d.call("accept_application", case_id=case_id)
    d.call("record_authorisation", case_id=case_id, reference="授权书", signed_on="2023-07-03")
    d.call("record_means_test", case_id=case_id, report_id="核对报告", verdict="complete")
    d.call("record_survey", case_id=case_id, finding="属实")
    decide(d, case_id)
    assert {unit: len(rows) for unit, rows in out(d, made.household_id).items()} == {MEDICAL: 1, SCHOOL: 1, HOUSING: 1, WORK: 1}


def test_two_that_refer_at_the_same_moment_send_it_once(d: Desk, numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither sees the other's: the same is sent once, and where the facts moved between them the later one tries again."""
    made = family(d, numbers)
    grant(d, LIVING, household_id=made.household_id)
    before = {r["record_id"]: log(d, r["record_id"]) for rows in out(d, made.household_id).values() for r in rows}
    office = d.services["assistance"].office
    order: Order[Any] = Order(None, "another", Hand.service("assistance"), d.now)
    monkeypatch.setattr(referrals, "sent", lambda *_: iter(()))
    referrals.refer(office, made.household_id, "2023-07", order)
    earlier = referrals.determined
    monkeypatch.setattr(referrals, "determined", lambda *a: earlier(*a)[:1])
    with pytest.raises(Unavailable):
        referrals.refer(office, made.household_id, "2023-07", order)
    monkeypatch.undo()
    assert {r["record_id"]: log(d, r["record_id"]) for rows in out(d, made.household_id).values() for r in rows} == before


def test_a_rise_of_the_standard_refers_nobody(d: Desk, numbers: Numbers) -> None:
    """The case is decided again for a month as a rise does it: no class changed, nothing went out."""
    made = family(d, numbers)
    case_id = grant(d, LIVING, household_id=made.household_id)
    service = d.services["assistance"]
    before = {r["record_id"] for rows in out(d, made.household_id).values() for r in rows}
    order: Order[Any] = Order(None, "rise", Hand.service("assistance"), d.now)
    service.benefits.reassess(case_id, "2023-07", "assistance.standard_published e1", order)
    assert service.office.load(CASES, case_id).state.running
    assert {r["record_id"] for rows in out(d, made.household_id).values() for r in rows} == before

"""残疾人证 and the household: a member's certificate decides the supplement by category, and a message told again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from services.assistance import household, person
from services.assistance.benefits import CASES, assessed, gather, rules_now
from shared.casework import benefit_case as bc
from shared.casework.benefits import Asked
from shared.eventlog.relay.forms import public
from shared.eventsourcing import codec
from shared.eventsourcing.events import REGISTRY
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes.people import Home, Numbers, apply, case, case_of, decide, due, grant, home, single
from tests.programmes.people import pay as pay_month

LIVING, SUBSIDY, CARE = "minimum_living_allowance", "disabled_living_subsidy", "severe_disability_care_subsidy"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module; nobody appears in two of them."""
    with desk(tmp_path_factory.mktemp("certificates"), "assistance") as made:
        yield made


def granted(d: Desk, numbers: Numbers, **second: Any) -> tuple[Home, str]:
    """A household of two in receipt since April."""
    d.on("2023-03-01")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101", **second})
    case_id = grant(d, LIVING, household_id=made.household_id)
    assert case(d, case_id)["first_month"] == "2023-04"
    return made, case_id


def if_the_grade_were(d: Desk, made: Home, month: str, grade: int) -> int:
    """What the rules say of the household with that grade of its second member, asked directly."""
    office = d.services["assistance"].office
    facts = household.facts_in(office.load(household.DECIDER, made.household_id).state, month, 0, None)
    kind = "physical" if grade else ""
    members = tuple(
        replace(m, disability_grade=grade, disability_kind=kind) if m.person_id == made.members[1] else m for m in facts.members
    )
    rules = rules_now(office, office.settings.profile)
    return assessed(rules, LIVING, replace(facts, members=members), month).amount_fen


def reassessments(d: Desk, case_id: str) -> list[str]:
    """The cause of every decision on the case since it was granted."""
    history = d.services["assistance"].office.history(CASES.stream(case_id))
    return [r.event.cause for r in history if isinstance(r.event, bc.CaseReassessed)]


def again(d: Desk, name: str, stream: str) -> None:
    """The last event of that name in the stream is delivered once more, as the broker would."""
    log = d.services["assistance"].office.log
    raw = [r for r in log.read_all(prefix="assistance.") if r.name == name and r.stream == stream][-1]
    meta = codec.decode_meta(raw.metadata)
    kind = REGISTRY[name]
    body = msgspec.json.encode(public(kind, codec.decode(name, meta.schema, raw.data, None)))
    d._hand_out(kind.service, kind.short, body, raw.id, d._headers(raw, meta))


def test_a_certificate_moves_the_households_supplement_from_the_month_it_counts(d: Desk, numbers: Numbers) -> None:
    """分类施保: what the register says of the member gives way; the months paid meanwhile go out as arrears or come back, to the fen."""
    made, case_id = granted(d, numbers)
    plain = due(d, case_id, "2023-04")
    for month in ("2023-04", "2023-05", "2023-06"):
        d.on(f"{month}-20")
        pay_month(d, LIVING, month)
    d.on("2023-07-03")
    paper = {"person_id": made.members[1], "kind": "physical"}
    d.call("record_certificate", **paper, grade=1, effective_from="2023-05-10")
    d.settle()
    more = if_the_grade_were(d, made, "2023-05", 1)
    assert [due(d, case_id, m) for m in ("2023-04", "2023-05", "2023-07")] == [plain, more, more]
    assert more > plain
    assert case(d, case_id)["arrears_fen"] == 2 * (more - plain)
    d.on("2023-08-03")
    d.call("record_certificate", **paper, grade=3, effective_from="2023-08-01", valid_until="2033-08-01")  # milder: the month after
    d.settle()
    milder = if_the_grade_were(d, made, "2023-09", 3)
    assert [due(d, case_id, m) for m in ("2023-08", "2023-09")] == [more, milder]
    assert milder < more
    causes = reassessments(d, case_id)
    assert len(causes) == 2
    assert all(cause.startswith("assistance.person_facts_changed ") for cause in causes)


def test_a_grade_of_the_register_ends_when_the_certificate_is_cancelled_or_runs_out(d: Desk, numbers: Numbers) -> None:
    """One source of truth: the certificate, as soon as there is one."""
    made, case_id = granted(d, numbers, disability_grade=2, disability_kind="physical")
    full, plain = due(d, case_id, "2023-04"), if_the_grade_were(d, made, "2023-04", 0)
    assert full > plain
    d.on("2023-05-03")
    paper = {"person_id": made.members[1], "grade": 2, "kind": "physical"}
    d.call("record_certificate", **paper, effective_from="2014-05-01", valid_until="2023-06-14")
    d.settle()
    assert due(d, case_id, "2023-06") == full
    d.on("2023-07-01T00:30:00")
    d.settle()
    assert [due(d, case_id, m) for m in ("2023-06", "2023-07")] == [full, plain], "nobody has to look at the calendar"
    d.on("2023-07-10")
    d.call("record_certificate", **paper, effective_from="2023-07-08")  # renewed
    d.settle()
    assert due(d, case_id, "2023-07") == full
    d.call("record_certificate", person_id=made.members[1], grade=0, effective_from="2023-07-09")
    d.settle()
    assert [due(d, case_id, m) for m in ("2023-07", "2023-08")] == [full, plain]


def test_a_certificate_that_came_before_the_household_counts_in_it(d: Desk, numbers: Numbers) -> None:
    """残联 told of somebody nobody knew: when his household is registered, its first decision rests on the certificate."""
    d.on("2023-03-01")
    who, number = numbers.resident("19720101"), numbers.resident("19700101")
    d.tell("dpf", "certificate_changed", resident_id=who, grade=1, kind="physical", effective_from="2020-05-01", division=town.TOWNS[0])
    d.settle()
    members = [{"resident_id": n, "name": f"成员{n[-2:]}", "relation": "成员"} for n in (number, who)]
    body = {"household_no": "C1", "division": town.TOWNS[0], "area": "rural", "members": members}
    answer = d.call("register_household", **body)
    state = d.services["assistance"].office.load(household.DECIDER, answer["id"])
    made = Home(answer["id"], tuple(state.state.members))
    assert [c.grade for c in state.state.certificates[made.members[1]]] == [1]
    d.call("register_household", **body)  # the same file once more
    assert d.services["assistance"].office.load(household.DECIDER, answer["id"]).version == state.version
    case_id = grant(d, LIVING, household_id=made.household_id)
    assert due(d, case_id, "2023-04") == if_the_grade_were(d, made, "2023-04", 1) > if_the_grade_were(d, made, "2023-04", 0)


def test_a_certificate_that_comes_during_the_publicity_voids_the_proposal(d: Desk, numbers: Numbers) -> None:
    """What was reviewed is not what would be confirmed."""
    d.on("2023-03-01")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101"})
    case_id = apply(d, LIVING, household_id=made.household_id)
    d.call("propose", "reviewer", case_id=case_id)
    assert case(d, case_id)["status"] == "publicised"
    d.call("record_certificate", person_id=made.members[1], grade=1, kind="physical", effective_from="2023-03-01")
    d.settle()
    assert case(d, case_id)["proposal"] is None


def test_a_rise_and_a_single_decision_agree_on_a_certified_member(tmp_path: Any) -> None:
    """提标: from the rows of all households, to the fen what each case alone would be decided."""
    with desk(tmp_path, "assistance") as d:
        made, case_id = granted(d, Numbers())
        paper = {"person_id": made.members[1], "grade": 1, "kind": "physical", "effective_from": "2023-05-10"}
        d.call("record_certificate", **paper, valid_until="2023-09-30")
        d.settle()
        d.on("2023-07-03")
        number = town.publish(d, 138_050, 138_050, "2023-06-01")
        d.settle()
        run = d.call("get_standard_run", "auditor", number=number)
        assert (run["status"], run["changed"], run["failed"]) == ("closed", 1, 0)
        assert due(d, case_id, "2023-06") == if_the_grade_were(d, made, "2023-06", 1) > if_the_grade_were(d, made, "2023-06", 0)
        d.on("2023-10-02")
        d.settle()  # the certificate has run out: decided by the case alone
        assert due(d, case_id, "2023-10") == if_the_grade_were(d, made, "2023-10", 0)
        checked = d.call("recheck_case", "auditor", case_id=case_id)
        assert checked
        assert all(c["same"] for c in checked)


def test_a_message_told_again_months_later_adds_no_decision(d: Desk, numbers: Numbers) -> None:
    """A redelivered ``case_granted`` finds the same facts and nothing new in the months since; a fact that came meanwhile has spoken."""
    made, case_id = granted(d, numbers)
    d.on("2023-09-04")
    for _ in range(2):
        again(d, "assistance.case_granted", CASES.stream(case_id))
        d.settle()
    assert reassessments(d, case_id) == []
    d.call(
        "record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=40_000, effective_from="2023-09-02"
    )
    d.settle()
    assert len(reassessments(d, case_id)) == 1
    d.on("2024-01-08")
    again(d, "assistance.case_granted", CASES.stream(case_id))
    again(d, "assistance.income_recorded", household.DECIDER.stream(made.household_id))
    d.settle()
    assert len(reassessments(d, case_id)) == 1
    who = single(d, numbers, "19700101")
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
    d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
    own = grant(d, CARE, person_id=who)
    before = reassessments(d, own)
    d.on("2024-06-10")
    again(d, "assistance.case_granted", CASES.stream(own))
    again(d, "assistance.person_facts_changed", person.DECIDER.stream(who))
    d.settle()
    assert reassessments(d, own) == before


def test_the_subsidies_are_counted_from_the_month_of_their_application(d: Desk, numbers: Numbers) -> None:
    """The rules are told the day: a month before it is refused with that reason, a month that was granted is reviewed without it."""
    made, _ = granted(d, numbers)
    who = made.members[1]
    d.on("2023-06-28")
    d.call("record_certificate", person_id=who, grade=2, kind="physical", effective_from="2020-05-01")
    d.settle()
    case_id = apply(d, SUBSIDY, person_id=who)
    office = d.services["assistance"].office

    def says(month: str) -> Any:
        facts = gather(office, Asked(SUBSIDY, who, month, 0, None)).facts
        return facts, assessed(rules_now(office, office.settings.profile), SUBSIDY, facts, month)

    facts, answer = says("2023-05")
    assert (facts.applied_on, answer.eligible, "申请之前" in answer.reason) == (date(2023, 6, 28), False, True)
    assert says("2023-06")[1].eligible
    d.on("2023-07-04")
    stands = decide(d, case_id)
    assert (stands["status"], stands["first_month"], case_id) == ("in_force", "2023-06", case_of(SUBSIDY, who))
    assert (says("2023-05")[0].applied_on, says("2023-06")[0].applied_on) == (date(2023, 6, 28), None)


def before_it_was_carried_over(d: Desk, made: Home) -> None:
    """A certificate of the second member that an earlier release recorded: on his own stream alone, and of that nothing followed."""
    office = d.services["assistance"].office
    since = date(2022, 1, 1)
    record = person.RecordCertificate(made.members[1], "330225101", 1, "physical", since, None)
    office.handle(person.DECIDER, made.members[1], Order(record, f"earlier {made.household_id}", Hand.service("assistance"), d.now))
    d.project()
    d._delivered = office.log.head()


def test_a_certificate_of_an_earlier_release_comes_along_with_the_next_thing_that_happens(d: Desk, numbers: Numbers) -> None:
    """The household's next fact carries it over, once; the months since it counts are decided again, and what was missed goes out."""
    made, case_id = granted(d, numbers)
    before = due(d, case_id, "2023-04")
    before_it_was_carried_over(d, made)
    d.on("2023-06-10")
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=100,
           effective_from="2023-06-10")  # fmt: skip
    d.settle()
    assert due(d, case_id, "2023-04") == if_the_grade_were(d, made, "2023-04", 1) > before
    stream = household.DECIDER.stream(made.household_id)
    carried = [r for r in d.services["assistance"].office.history(stream) if isinstance(r.event, household.MemberCertified)]
    assert len(carried) == 1
    d.settle()
    assert len([r for r in d.services["assistance"].office.history(stream) if isinstance(r.event, household.MemberCertified)]) == 1


def test_a_certificate_of_an_earlier_release_is_there_at_the_review(d: Desk, numbers: Numbers) -> None:
    """Where nothing happens, the yearly review carries it over before it decides."""
    made, case_id = granted(d, numbers)
    before_it_was_carried_over(d, made)
    d.on("2023-06-10")
    d.call("open_review", "reviewer", case_id=case_id)
    d.call("answer_review", "reviewer", actor="staff:second", case_id=case_id, finding="情况属实")
    d.settle()
    assert due(d, case_id, "2023-04") == if_the_grade_were(d, made, "2023-04", 1)

"""Who reads a case that was not due in a month and was granted again behind it (ADR 25): answers, costings, exclusions, deaths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from services.assistance.benefits import CASES
from services.assistance.doors.handoffs import DECIDERS
from services.assistance.read_model import TABLES
from services.assistance.rows.past import costed
from services.assistance.simulation import Asked
from services.portal.desk import view
from shared.domain import dates
from shared.eventlog.benefit_rows import on_account_of
from shared.eventsourcing.orders import Order
from shared.eventsourcing.titles import title
from tests.desk import Desk, desk
from tests.programmes import district
from tests.programmes.caring import dies
from tests.programmes.gaps import FALL, LIVING, MONTHLY, RISE, earns, months, stands, supported
from tests.programmes.people import Numbers, case, decide, due, grant, home, pay, single
from tests.programmes.test_handed_on import surveyed, taken

MARGIN, EXPENDITURE = "minimum_living_margin_household", "expenditure_based_hardship"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has a household of its own."""
    with desk(tmp_path_factory.mktemp("gaps"), "assistance") as made:
        yield made


@pytest.fixture
def town(old: str) -> str:
    """Nobody else is paid in it."""
    return old


def test_a_gap_is_no_news_for_who_handed_the_application_on(d: Desk, numbers: Numbers) -> None:
    """Granted from August, September falls out: the answer stands; taken back whole it is corrected, though it was granted twice."""
    d.on("2023-07-03")
    made, record_id, case_id = taken(d, numbers)
    surveyed(d, case_id)
    decide(d, case_id)

    def answer() -> tuple[str, str]:
        shown = d.call("get_record", "auditor", shape="handoff", record_id=record_id)
        return shown["outcome"], shown["result"]

    granted = ("granted", "最低生活保障：予以确认，自2023-08起。")
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    assert months(d, case_id)[1] == 0 < months(d, case_id)[2]
    history = d.services["assistance"].office.history(DECIDERS["handoff"].stream(record_id))
    assert answer() == granted
    assert not any(r.name.endswith("corrected") for r in history)
    earns(d, made, 800_000, "2023-07-05")
    earns(d, made, 800_000, "2023-09-05")
    assert (case(d, case_id)["status"], *answer()) == ("ended", "refused", "最低生活保障：原予以确认的决定已撤销，自始不发。")
    earns(d, made, 0, "2023-09-05")
    assert stands(d, case_id).status == "in_force"
    assert answer() == ("granted", "最低生活保障：予以确认，自2023-10起。")


def test_a_death_that_was_none_gives_back_every_month_around_the_gap(d: Desk, numbers: Numbers, town: str) -> None:
    """Declared dead in July, before the month that fell out: annulled, all is as it was."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, town=town)
    case_id = grant(d, LIVING, household_id=made.household_id)
    for month in dates.months_between("2023-08", "2023-11"):
        d.on(f"{month}-10")
        pay(d, LIVING, month, town)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    before = months(d, case_id)
    where = {"person_id": made.members[0], "division": town, "steps": ["household"]}
    for n, died in enumerate(("2023-08-20", "2023-07-20")):
        d.tell("registry", "after_death_opened", died_on=died, round=2 * n + 1, **where)
        d.settle()
        d.tell("registry", "after_death_annulled", round=2 * n + 2, **where)
        d.settle()
        assert months(d, case_id) == before, died
        assert stands(d, case_id).claimed == {"2023-09": before[0]}


def test_a_change_of_nothing_is_what_was_paid_around_a_gap(d: Desk, numbers: Numbers, town: str) -> None:
    """Of each month what was paid, and what was corrected since; of a determination, the months in which it was in force."""
    made, case_id = supported(d, numbers, town)
    other = home(d.on("2023-07-03"), numbers, *({"born": b, "monthly_income_fen": 150_000} for b in ("19700101", "19950101")), town=town)
    margin = grant(d, MARGIN, household_id=other.household_id)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    earns(d, other, 900_000, "2023-08-05")
    earns(d, other, 150_000, "2023-09-05")

    def ask(month: str, programme: str) -> Any:
        d.settle()
        asked = Asked({}, "2024-03", month, programme)
        return costed(d.services["assistance"].office, TABLES["standards"], "xiangshan-2023", asked, each_case=True)

    for month, fen in zip(dates.months_between("2023-08", "2023-11"), months(d, case_id), strict=False):
        report = ask(month, LIVING)
        assert report.not_as_paid == 0, month
        assert [was for c, _, was, _ in report.by_case if c == case_id] == ([fen] if fen else []), month
        mine = [c for c, *_ in ask(month, MARGIN).by_case if c == margin]
        assert mine == ([margin] if month != "2023-09" else []), month
        listed = [r["case_id"] for r in d.call("list_cases", "auditor", valid_at=f"{month}-15", limit=500)]
        assert (case_id in listed, margin in listed) == (month != "2023-09",) * 2


def test_a_determination_was_not_in_force_in_a_month_that_fell_out_of_an_earlier_round(d: Desk, numbers: Numbers, town: str) -> None:
    """低保边缘, taken out of October by a first fact, of August by the second: nobody says it was in force in either, until it was."""
    d.on("2023-07-03")
    members = [{"born": born, "monthly_income_fen": 150_000} for born in ("19700101", "19950101")]
    made = home(d, numbers, *members, town=town)
    margin = grant(d, MARGIN, household_id=made.household_id)

    def told() -> list[bool]:
        asked = ("08", "09", "10", "11", "12")
        shown = [d.call("get_case", "auditor", case_id=margin, valid_at=f"2023-{m}-15")["valid"]["status"] == "in_force" for m in asked]
        classes = [d.call("class_on", "auditor", person_id=made.members[0], day=f"2023-{m}-15")["hardship_class"] for m in asked]
        listed = [[r["case_id"] for r in d.call("list_cases", "auditor", at=town, valid_at=f"2023-{m}-15", limit=500)] for m in asked]
        assert [c == "margin" for c in classes] == shown == [margin in ids for ids in listed]
        return shown

    d.on("2023-12-20")
    earns(d, made, 900_000, "2023-09-05")
    earns(d, made, 150_000, "2023-10-05")
    assert told() == [True, True, False, True, True]
    earns(d, made, 900_000, "2023-07-05")
    earns(d, made, 150_000, "2023-08-05")
    assert told() == [False, True, False, True, True]
    earns(d, made, 900_000, "2023-08-05")
    assert told() == [False, False, False, True, True]
    earns(d, made, 150_000, "2023-07-05")
    assert told() == [True, False, False, True, True]
    earns(d, made, 150_000, "2023-08-05")
    earns(d, made, 150_000, "2023-09-05")
    assert told() == [True] * 5


def test_a_clerk_reads_that_it_was_granted_again_without_an_application_and_why(d: Desk, numbers: Numbers, town: str) -> None:
    """恢复 is no grant of an application, and names the fact on account of which it is; a month of an earlier round has its own word."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    for fen, day in (RISE, FALL):
        earns(d, made, fen, day)
    earns(d, made, 800_000, "2023-07-05")
    earns(d, made, *RISE)
    decisions = d.call("list_decisions", "auditor", case_id=case_id)
    [again] = [x for x in decisions if x["outcome"] == "granted_again"]
    assert again["effective_month"] == "2023-10"
    assert again["reason"].startswith("因“停发后各月重新核定”恢复，无须申请：")
    facts = "assistance.household_changed"
    assert title(facts) != facts
    assert on_account_of(f"{facts} 1") == f"因“{title(facts)}”恢复，无须申请："
    assert on_account_of("elsewhere.told 1") == "因“有关情况变动”恢复，无须申请："
    assert [view.outcome(x["outcome"]) for x in (decisions[0], again, decisions[-1])] == [
        "确认给予", "恢复（未经申请）", "此前期间重新核定",
    ]  # fmt: skip


def gaps_of_three(d: Desk, numbers: Numbers) -> dict[str, str]:
    """A 低保 and a 低保边缘 that ended late on September and would be due behind it with a higher standard, one with a gap."""
    d.on("2023-07-03")
    two = ("19700101", "19950101")
    ended, gap = (home(d, numbers, *({"born": b} for b in two)) for _ in range(2))
    rich = home(d, numbers, *({"born": b, "monthly_income_fen": 170_000} for b in two))
    cases = {n: grant(d, LIVING, household_id=h.household_id) for n, h in (("ended", ended), ("gap", gap))}
    cases["rich"] = grant(d, MARGIN, household_id=rich.household_id)
    for month in ("2023-08", "2023-09", "2023-10"):
        d.on(f"{month}-10")
        pay(d, LIVING, month)
    d.on("2023-11-20")
    for made, own in ((ended, 260_000), (gap, 0)):
        earns(d, made, 800_000, "2023-08-05")
        earns(d, made, own, "2023-09-05")
    for person in range(2):
        earns(d, rich, 800_000, "2023-08-05", person)
        earns(d, rich, 190_000, "2023-09-05", person)
    return cases


class Crash(Exception):
    """The process dies."""


@pytest.mark.parametrize("at", [0, 1, 2, 4, 5, 7])
def test_a_rise_reaches_what_an_end_does_not_settle_and_the_rounds_before_a_gap(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Decided in bulk, wherever the process dies meanwhile, each month is what the case alone is given, and the sums are right."""
    with desk(tmp_path, "assistance") as d:
        cases = gaps_of_three(d, Numbers())

        def now() -> dict[str, tuple[str, list[int]]]:
            return {n: (stands(d, c).status, months(d, c)) for n, c in cases.items()}

        assert now() == {
            "ended": ("ended", [MONTHLY, 0, 0, 0, 0]), "gap": ("in_force", [MONTHLY, 0, *[MONTHLY] * 3]), "rich": ("ended", [0] * 5),
        }  # fmt: skip
        owed = {n: stands(d, c).arrears_fen for n, c in cases.items()}
        d.on("2023-12-04")
        office, delivered = d.services["assistance"].office, d._delivered
        number = district.publish(d, 138_050, 138_050, "2023-08-01")
        real, calls = office.repository.handle, []

        def dying(decider: Any, aggregate_id: str, order: Any) -> Any:
            answer = real(decider, aggregate_id, order)
            calls.extend([aggregate_id] if aggregate_id in cases.values() else [])
            if at and len(calls) == at:
                raise Crash
            return answer

        with monkeypatch.context() as dies:
            dies.setattr(office.repository, "handle", dying)
            with pytest.raises(Crash) if at else nullcontext():
                d.settle()
        d._delivered = delivered  # what was not acknowledged comes again
        d.settle()
        raised = [276_100, 0, *[276_100] * 3]
        assert now() == {"ended": ("in_force", [276_100, 0, *[16_100] * 3]), "gap": ("in_force", raised), "rich": ("in_force", [0] * 5)}
        run = d.call("get_standard_run", "auditor", number=number)
        more = {n: stands(d, c).arrears_fen - owed[n] for n, c in cases.items()}
        assert (run["arrears_fen"], run["overpaid_fen"], run["failed"]) == (sum(more.values()), 0, 0)
        versions = {c: office.load(CASES, c).version for c in cases.values()}
        for c in cases.values():
            order = Order(None, f"alone {c}", d.services["assistance"].benefits.hand(), d.now)
            d.services["assistance"].benefits.reassess(c, "2023-08", "standard:alone", order)
        told = [r.event for c in cases.values() for r in office.history(CASES.stream(c))[versions[c] + 1 :]]
        assert {x.outcome for x in told} <= {"unchanged"}


def test_what_came_in_its_place_keeps_the_months_that_are_its_own(d: Desk, numbers: Numbers, town: str) -> None:
    """低保 ended late in November, 低保边缘 came in its place; October is 低保's after all, and no other: 边缘 goes on."""
    made, living = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, 300_000, RISE[1])
    margin = grant(d, MARGIN, household_id=made.household_id)
    first = stands(d, margin).first_month
    d.on("2024-02-05")
    earns(d, made, 300_000, "2023-10-12")
    earns(d, made, *FALL)
    assert (months(d, living), stands(d, living).status) == ([MONTHLY, 0, MONTHLY, 0, 0], "ended")
    assert (stands(d, margin).status, stands(d, margin).first_month) == ("in_force", first)
    earns(d, made, 0, "2023-10-12")
    assert (stands(d, living).status, stands(d, margin).status, stands(d, margin).ended_from) == ("in_force", "ended", first)
    assert all(v["same"] for c in (living, margin) for v in d.call("recheck_case", "auditor", case_id=c))


def test_what_ended_late_does_not_come_back_beside_what_excludes_it(d: Desk, numbers: Numbers, town: str) -> None:
    """支出型 ended late by a bill that was none; 低保边缘 was granted since: the bill is found again, and pays no month of 边缘's."""
    d.on("2023-07-03")
    made = home(d, numbers, *({"born": b, "monthly_income_fen": 150_000} for b in ("19700101", "19950101")), town=town)
    bill: dict[str, Any] = {"spending_id": "G-1", "kind": "medical", "spent_on": "2023-06-20"}
    d.call("record_spending", person_id=made.members[1], **bill, self_borne_fen=9_000_000)
    d.settle()
    spent = grant(d, EXPENDITURE, household_id=made.household_id)
    d.on("2023-11-20")
    d.call("record_spending", person_id=made.members[1], **bill, self_borne_fen=100)
    d.settle()
    assert stands(d, spent).status == "ended"
    margin = grant(d, MARGIN, household_id=made.household_id)
    first = stands(d, margin).first_month
    d.on("2024-01-08")
    d.call("record_spending", person_id=made.members[1], **bill, self_borne_fen=9_000_000)
    d.settle()
    assert stands(d, margin).status == "in_force"
    assert (stands(d, spent).status, stands(d, spent).ended_from) == ("ended", first)
    assert [due(d, spent, m) > 0 for m in ("2023-08", "2023-10", "2023-11", first)] == [True, True, True, False]
    assert all(v["same"] for v in d.call("recheck_case", "auditor", case_id=spent))


def test_a_person_whose_death_was_none_has_every_month_around_the_gap_again(d: Desk, numbers: Numbers, town: str) -> None:
    """A subsidy of a person, whose month was another agency's: declared dead before it, and the death annulled."""
    d.on("2023-07-03")
    who = single(d, numbers, "19700101", town=town)
    d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2013-09-01")
    d.call("record_finding", person_id=who, found_on="2023-01-02", long_term_care=True)
    d.settle()
    case_id = grant(d, "severe_disability_care_subsidy", person_id=who)
    for month in dates.months_between("2023-07", "2023-11"):
        d.on(f"{month}-20")
        pay(d, "severe_disability_care_subsidy", month, town)
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-09")
    d.call("record_benefit_elsewhere", person_id=who, code="work_injury_care", month="2023-10", drawn=False)
    d.settle()
    before = months(d, case_id, "2023-07")
    assert [fen > 0 for fen in before] == [True, True, False, True, True, True]
    where = {"person_id": who, "division": town, "steps": ["household"]}
    for n, died in enumerate(("2023-08-20", "2023-06-20", "2023-10-20")):
        d.tell("registry", "after_death_opened", died_on=died, round=2 * n + 1, **where)
        d.settle()
        assert [m for m, fen in enumerate(months(d, case_id, "2023-07"), 7) if fen] == [[7, 8], [], [7, 8, 10]][n]
        d.tell("registry", "after_death_annulled", round=2 * n + 2, **where)
        d.settle()
        assert months(d, case_id, "2023-07") == before, died
        assert sum(stands(d, case_id).claimed.values()) == before[0]
    assert all(v["same"] for v in d.call("recheck_case", "auditor", case_id=case_id))


def test_what_is_granted_again_behind_a_move_is_the_new_towns(d: Desk, numbers: Numbers, town: str, new: str) -> None:
    """It was over when they moved and stayed where it was; what runs again is the new town's from the month they live there."""
    made, case_id = supported(d, numbers, town)
    d.on("2023-11-20")
    earns(d, made, *RISE)
    body = {"household_id": made.household_id, "moved_on": "2023-11-20", "division": new, "reason": "housing", "evidence": "户口簿"}
    d.call("move_household", at=town, **body)
    d.on("2023-12-05").settle()
    assert (stands(d, case_id).status, stands(d, case_id).division) == ("ended", town)
    d.on("2024-01-08")
    earns(d, made, *FALL)
    now = stands(d, case_id)
    assert (now.status, now.division) == ("in_force", new)
    assert [now.division_in(m) for m in ("2023-09", "2023-11", "2023-12", "2024-01")] == [town, town, new, new]
    [claim] = [r for r in d.call("list_recoveries", "auditor", case_id=case_id) if r["left_fen"]]
    assert (claim["division"], claim["left_fen"]) == (town, MONTHLY)
    pay(d, LIVING, "2024-01", new)
    assert (stands(d, case_id).sent["2024-01"].amount_fen, stands(d, case_id).arrears_fen) == (MONTHLY, 0)


def test_what_runs_again_is_not_paid_to_a_guardian_who_died_meanwhile(d: Desk, numbers: Numbers) -> None:
    """It owed nothing when he died, so that nobody was to name another; what is owed again is held until somebody does."""
    d.on("2023-07-03")
    guardian = single(d, numbers, "19750101")
    who = single(d, numbers, "19450101", area="rural", payee_id=guardian)
    fact = {"person_id": who, "found_on": "2023-07-02", "lost_acts": [], "able_to_work": False}
    d.call("record_finding", able_supporter=False, **fact)
    case_id = grant(d, "extreme_hardship_support", person_id=who)
    d.on("2023-10-10")
    d.call("record_finding", able_supporter=True, **{**fact, "found_on": "2023-08-02"})
    d.settle()
    assert stands(d, case_id).status == "ended"
    d.on("2023-10-20")
    dies(d, guardian, "2023-10-19")
    d.on("2023-11-06")
    d.call("record_finding", able_supporter=False, **{**fact, "found_on": "2023-08-02"})
    d.settle()
    now = stands(d, case_id)
    assert (now.status, now.payee_id, now.payee_gone, now.arrears_fen > 0) == ("in_force", guardian, True, True)
    assert case_id in {r["key"] for r in d.call("list_waiting", "auditor", worklist="payee_lost")}

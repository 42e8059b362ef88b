"""Standards rise, everybody moves: exactly by the rules, with exact arrears, once, whatever crashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from services.assistance import household, rise
from services.assistance.benefits import CASES, rules_of
from services.assistance.read_model import TABLES
from services.assistance.rows.standards import Tables
from services.assistance.rules import engine
from shared.casework import benefit_case as bc
from shared.cli.standards import command
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes import people

URBAN, RURAL = 138_050, 138_050  # 1255 + 10 %


@pytest.fixture
def d(tmp_path: Any) -> Iterator[Desk]:
    with desk(tmp_path, "assistance") as made:
        yield made


def homes_of(d: Desk) -> list[town.Home]:
    """Six households: below the standard by little and much, in town and country, with old and gravely ill, and one that has no case."""
    d.on("2023-03-01")
    found = [
        town.register(d, 1, 60_000, 0, 0),
        town.register(d, 2, 100_000, area="rural", born=("19500101",)),
        town.register(d, 3, 120_000, 120_000),
        town.register(d, 4, 0, 0, 0, area="rural"),
        town.register(d, 5, 125_400),
    ]
    town.grant_all(d, found)
    return found


def reassessments(d: Desk, home: town.Home) -> list[bc.CaseReassessed]:
    history = d.services["assistance"].office.history(CASES.stream(home.case_id))
    return [r.event for r in history if isinstance(r.event, bc.CaseReassessed)]


def by_the_rules(d: Desk, home: town.Home, month: str, urban: int, rural: int) -> int:
    """What the rules say with other figures, asked directly."""
    rules = engine("xiangshan-2023").what_if(
        {f"{town.PROGRAMME}.standard.urban": urban, f"{town.PROGRAMME}.standard.rural": rural}, "2023-01"
    )
    facts = household.facts_in(town.house(d, home), month, town.case(d, home).due(month), None)
    return rules.assess(town.PROGRAMME, facts, month).amount_fen


def test_a_raise_of_ten_percent_moves_every_case_exactly_by_the_rules(d: Desk) -> None:
    """One decision for each, with old and new amount and the document; a repeat changes nothing; the old decision is reproduced."""
    homes = homes_of(d)
    before = {h.case_id: town.case(d, h) for h in homes}
    d.on("2023-07-03")
    number = town.publish(d, URBAN, RURAL, "2023-08-01")
    d.settle()
    run = d.call("get_standard_run", "auditor", number=number)
    assert (run["status"], run["cases"], run["changed"], run["raised"], run["lowered"], run["ended"]) == ("closed", 5, 5, 5, 0, 0)
    office = d.services["assistance"].office
    for h in homes:
        [moved] = reassessments(d, h)
        old = before[h.case_id].amount_fen
        assert (moved.outcome, moved.old_amount_fen, moved.effective_month) == ("raised", old, "2023-08")
        assert moved.new_amount_fen == by_the_rules(d, h, "2023-08", URBAN, RURAL) > old
        assert (town.case(d, h).due("2023-07"), town.case(d, h).due("2023-08")) == (old, moved.new_amount_fen)
        made = moved.assessments[-1]
        assert made.parameters_version.endswith("+published:1")
        assert any("象民〔2023〕18号" in line.basis for line in made.lines)
        assert rules_of(office, "xiangshan-2023", made.parameters_version).recheck(made)
        first = before[h.case_id].last_assessment
        assert first is not None
        assert rules_of(office, "xiangshan-2023", first.parameters_version).recheck(first)
        assert not engine("xiangshan-2023").recheck(made), "without the publication it would be another decision"
    assert run["after_fen"] - run["before_fen"] == sum(reassessments(d, h)[0].new_amount_fen - before[h.case_id].amount_fen for h in homes)
    again = d.call("recheck_case", "auditor", case_id=homes[0].case_id)
    assert [(r["event"], r["same"]) for r in again] == [
        ("assistance.case_proposed", True),
        ("assistance.case_granted", True),
        ("assistance.case_reassessed", True),
    ]
    head = office.log.head()
    d._delivered = -1  # every event of the log once more
    d.settle()
    assert office.log.head() == head


def test_a_back_dated_publication_yields_exact_arrears(d: Desk) -> None:
    """Months already paid are made up to the fen and go out with the next payment."""
    homes = homes_of(d)
    months = ("2023-04", "2023-05", "2023-06")
    for month in months:
        d.on(f"{month}-20")
        town.pay(d, month)
    paid = {h.case_id: dict(town.case(d, h).paid) for h in homes}
    d.on("2023-07-03")
    number = town.publish(d, URBAN, RURAL, "2023-05-01")
    d.settle()
    run = d.call("get_standard_run", "auditor", number=number)
    total = 0
    for h in homes:
        owed = sum(by_the_rules(d, h, m, URBAN, RURAL) - paid[h.case_id][m] for m in months[1:])
        assert town.case(d, h).arrears_fen == owed > 0
        total += owed
    assert (run["arrears_fen"], run["overpaid_fen"]) == (total, 0)
    d.on("2023-07-20")
    town.pay(d, "2023-07")
    for h in homes:
        [last] = [p for p in d.call("list_payments", "auditor", case_id=h.case_id) if p["month"] == "2023-07"]
        assert last["amount_fen"] == by_the_rules(d, h, "2023-07", URBAN, RURAL)
        assert town.case(d, h).arrears_fen == 0
    assert sum(p["arrears_fen"] for h in homes for p in d.call("list_payments", "auditor", case_id=h.case_id)) == total


class Crash(Exception):
    pass


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 7])
def test_a_crash_in_the_middle_loses_and_doubles_nothing(d: Desk, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the process dies, the run goes on where it stopped, and its sums are right."""
    homes = homes_of(d)
    monkeypatch.setattr("services.assistance.standard_run.SLICE", 2)
    d.on("2023-07-03")
    before = d._delivered
    number = town.publish(d, URBAN, RURAL, "2023-06-01")
    office = d.services["assistance"].office
    real, calls = office.repository.handle, []

    def dying(decider: Any, aggregate_id: str, order: Any) -> Any:
        answer = real(decider, aggregate_id, order)
        calls.append(aggregate_id)
        if len(calls) == at:
            raise Crash
        return answer

    monkeypatch.setattr(office.repository, "handle", dying)
    with pytest.raises(Crash):
        d.settle()
    d._delivered = before  # what was not acknowledged comes again, and more than that
    d.settle()
    run = d.call("get_standard_run", "auditor", number=number)
    assert (run["status"], run["cases"], run["raised"], run["slices_done"]) == ("closed", 5, 5, run["slices"])
    moved = {h.case_id: reassessments(d, h) for h in homes}
    assert [len(found) for found in moved.values()] == [1] * 5
    assert run["after_fen"] - run["before_fen"] == sum(e[0].new_amount_fen - e[0].old_amount_fen for e in moved.values())


def test_a_case_that_is_refused_is_told_and_holds_up_nobody(d: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run closes, the others have moved, and the one that did not is named for a person to look at."""
    homes = homes_of(d)
    d.on("2023-07-03")
    number = town.publish(d, URBAN, RURAL, "2023-08-01")
    real = bc.in_force.reassess_case

    def refusing(state: Any, c: Any, order: Any) -> Any:
        if c.case_id == homes[2].case_id:
            raise Refused("out_of_order", "不能办理。", None)
        return real(state, c, order)

    monkeypatch.setitem(CASES.decide, bc.ReassessCase, refusing)  # type: ignore[arg-type]
    d.settle()
    run = d.call("get_standard_run", "auditor", number=number)
    assert (run["status"], run["changed"], run["failed"], run["failed_cases"]) == ("closed", 4, 1, [homes[2].case_id])
    assert [len(reassessments(d, h)) for h in homes] == [1, 1, 0, 1, 1]


def test_facts_in_bulk_are_the_facts_one_by_one(d: Desk) -> None:
    """For every household and month, also after incomes changed and a member died; cases likewise."""
    homes = homes_of(d)
    first = d.call("get_household", household_id=homes[0].household_id)
    person = next(iter(first["members"]))
    d.call("record_income", household_id=homes[0].household_id, person_id=person, monthly_income_fen=90_000, effective_from="2023-05-10")
    d.settle()
    second = town.house(d, homes[3])
    office = d.services["assistance"].office
    dead = next(m for m in second.members if m != second.head_id)
    died = household.RecordDeath(homes[3].household_id, dead, d.now.date(), "2023-05")
    office.handle(household.DECIDER, homes[3].household_id, Order(died, "death", Hand.service("assistance"), d.now))
    certified = next(iter(town.house(d, homes[2]).members))
    d.call("record_certificate", person_id=certified, grade=1, kind="visual", effective_from="2023-05-03", valid_until="2023-06-20")
    d.settle()
    assert office.load(household.DECIDER, homes[2].household_id).state.certificates
    reading = Tables(office.read, TABLES["standards"])
    bulk = reading.households(h.household_id for h in homes)
    for h in homes:
        loaded = office.load(household.DECIDER, h.household_id)
        assert bulk[h.household_id][1] == loaded.version
        for month in ("2023-03", "2023-05", "2023-06", "2023-12"):
            assert household.facts_in(bulk[h.household_id][0], month, 1, None) == household.facts_in(loaded.state, month, 1, None)
    cases = {now.case_id: now.state for now in reading.cases((town.PROGRAMME,))}
    for h in homes:
        state, row = town.case(d, h), cases[h.case_id]
        kept = ("status", "schedule", "facts_version", "assessed_from", "assessed_to", "exit_since", "first_month", "arrears_fen", "paid")
        assert {k: getattr(row, k) for k in kept} == {k: getattr(state, k) for k in kept}


def test_an_assessment_from_the_bulk_is_the_assessment_of_the_case_alone(d: Desk) -> None:
    """Line by line."""
    homes = homes_of(d)
    rules = engine("xiangshan-2023")
    facts = [household.facts_in(town.house(d, h), "2023-07", 10_000 * n, None) for n, h in enumerate(homes)]
    assert rules.assess_each(town.PROGRAMME, facts, "2023-07") == [rules.assess(town.PROGRAMME, f, "2023-07") for f in facts]


def test_who_is_granted_before_the_effective_day_does_not_miss_it(d: Desk) -> None:
    """A standard published for August reaches a case whose first month is July."""
    late = town.register(d.on("2023-06-15"), 7, 30_000, 0)
    town.publish(d, URBAN, RURAL, "2023-09-01")
    d.settle()
    town.grant(d, late)
    d.settle()
    state = town.case(d, late)
    assert (state.first_month, state.due("2023-08")) == ("2023-07", by_the_rules(d, late, "2023-08", 125_500, 125_500))
    assert state.due("2023-09") == by_the_rules(d, late, "2023-09", URBAN, RURAL) > state.due("2023-08")


def test_a_proposal_made_before_the_publication_is_not_confirmed(d: Desk) -> None:
    """The amount reviewed is no longer what the rules say of the first month paid: back to the review."""
    home = town.register(d.on("2023-06-15"), 8, 30_000, 0)
    town.file(d, home)
    town.publish(d, URBAN, RURAL, "2023-07-01")
    d.settle()
    town.finish(d, home)
    assert town.case(d, home).status == "surveyed"


def test_a_withdrawn_publication_is_undone_case_by_case(d: Desk) -> None:
    """What it had raised is lowered again, and the book keeps both."""
    homes = homes_of(d)
    before = {h.case_id: town.case(d, h).amount_fen for h in homes}
    d.on("2023-07-03")
    number = town.publish(d, URBAN, RURAL, "2023-08-01")
    d.settle()
    with pytest.raises(Refused, match="同一经办人"):
        d.call("withdraw_standard", "approver", actor="staff:reviewer", number=number, reason="文号有误")
    d.call("withdraw_standard", "approver", number=number, reason="文号有误")
    d.settle()
    assert {h.case_id: town.case(d, h).due("2023-08") for h in homes} == before
    run = d.call("get_standard_run", "auditor", number=number, what="withdrawn")
    assert (run["status"], run["lowered"]) == ("closed", 5)
    [kept] = d.call("list_standards", "auditor", at="330225101")
    assert d.call("list_standards", "auditor", at="330226") == d.call("get_standards", "auditor", at="330226") == []
    assert (kept["status"], kept["values"][0]["previous_fen"]) == ("withdrawn", 125_500)


def test_a_second_raise_supersedes_the_first_from_its_day(d: Desk) -> None:
    """On any day the one that began latest is in force, and the assessment names both."""
    [home] = [town.register(d.on("2023-03-01"), 9, 0)]
    town.grant(d, home)
    d.on("2023-07-03")
    town.publish(d, 130_000, 130_000, "2023-08-01", "一号")
    town.publish(d, 140_000, 140_000, "2023-10-01", "二号")
    d.settle()
    assert [town.case(d, home).due(m) for m in ("2023-07", "2023-08", "2023-09", "2023-10")] == [125_500, 130_000, 130_000, 140_000]
    shown = d.call("get_standards", "auditor", valid_at="2023-09-15")
    [urban] = [s for s in shown if s["parameter"] == f"{town.PROGRAMME}.standard.urban"]
    assert (urban["amount_fen"], urban["reference"], urban["source"], urban["gap_fen"]) == (130_000, "一号", "published", 0)
    last = town.case(d, home).last_assessment
    assert last is not None
    assert last.parameters_version.endswith("+published:1-2")


def test_after_the_merger_there_is_one_value_for_town_and_country(d: Desk) -> None:
    """The gap narrows by the schedule, is nothing from the last step on, and two values can be published no more."""
    d.on("2023-07-03")
    standard = f"{town.PROGRAMME}.standard"
    steps = [("2023-08-01", 140_000, 130_000), ("2024-01-01", 140_000, 140_000)]
    body = [{"effective_from": day, "urban_fen": u, "rural_fen": r} for day, u, r in steps]
    drafted = d.call("merge_standards", "reviewer", standard=standard, steps=body, document_no="并轨一号")
    d.call("approve_standard", "approver", number=drafted["number"])
    d.call("publish_standard", "approver", number=drafted["number"])
    d.settle()
    gaps = [
        {s["gap_fen"] for s in d.call("get_standards", "auditor", valid_at=day) if s["parameter"].startswith(standard)}
        for day in ("2023-08-01", "2024-01-01")
    ]
    assert gaps == [{10_000}, {0}]
    with pytest.raises(Refused, match="已并轨"):
        town.publish(d, 150_000, 149_000, "2024-02-01")
    town.publish(d, 150_000, 149_000, "2023-12-01")
    both = [{"area": "both", "amount_fen": 150_000}]
    d.call("draft_standard", "reviewer", standard=standard, amounts=both, effective_from="2024-02-01", document_no="三号")


def test_a_merger_that_the_districts_own_file_would_undo_is_refused(tmp_path: Any) -> None:
    """A08: 即墨's file has two values from 2022-01 on; merged in December, town and country would be apart again a month later."""
    with desk(tmp_path, "assistance", MINZHENG_PROFILE="jimo-2022") as d:
        d.on("2021-11-10")
        merge = {"standard": f"{town.PROGRAMME}.standard", "document_no": "并轨一号"}
        step = {"urban_fen": 78_000, "rural_fen": 78_000}
        with pytest.raises(Refused, match="自2022-01起城乡数值不同") as undone:
            d.call("merge_standards", "reviewer", at="370215", steps=[{**step, "effective_from": "2021-12-01"}], **merge)
        assert (undone.value.code, undone.value.field) == ("out_of_order", "steps")
        d.call("merge_standards", "reviewer", at="370215", steps=[{**step, "effective_from": "2022-01-01"}], **merge)
        with pytest.raises(Refused, match="最后一步须为城乡同一数值"):
            d.call("merge_standards", "reviewer", at="370215", steps=[{**step, "rural_fen": 1, "effective_from": "2022-02-01"}], **merge)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"effective_from": "2023-08-15"}, "values.0.effective_from"),
        ({"effective_from": "2025-08-01"}, "values.0.effective_from"),
        ({"document_no": " "}, "document_no"),
        ({"standard": "minimum_living_allowance.nothing"}, "standard"),
        ({"standard": "minimum_living_allowance.supplement"}, "standard"),
        ({"amounts": []}, "values"),
        ({"amounts": [{"area": "urban", "amount_fen": 0}]}, "values.0.amount_fen"),
        ({"amounts": [{"area": "moon", "amount_fen": 1}]}, "area"),
    ],
)
def test_bad_standards_are_refused_with_the_field(d: Desk, change: dict[str, Any], field: str) -> None:
    """And nothing is in the book."""
    good = {
        "standard": f"{town.PROGRAMME}.standard",
        "amounts": [{"area": "urban", "amount_fen": 1}],
        "effective_from": "2023-08-01",
        "document_no": "一号",
    }
    with pytest.raises(Refused) as refused:
        d.call("draft_standard", "reviewer", **{**good, **change})
    assert refused.value.field == field
    assert d.call("list_standards", "auditor") == []


def test_drafter_and_approver_are_two_hands_and_publishing_comes_after_the_approval(d: Desk) -> None:
    """Four eyes, in their order."""
    body = {
        "standard": f"{town.PROGRAMME}.standard",
        "amounts": [{"area": "urban", "amount_fen": 130_000}],
        "effective_from": "2023-08-01",
        "document_no": "一号",
    }
    number = d.call("draft_standard", "reviewer", **body)["number"]
    with pytest.raises(Refused, match="未经批准"):
        d.call("publish_standard", "approver", number=number)
    with pytest.raises(Refused, match="同一经办人"):
        d.call("approve_standard", "approver", actor="staff:reviewer", number=number)
    with pytest.raises(Refused, match="本辖区"):
        d.call("approve_standard", "approver", at="330225101", number=number)
    d.project()
    [row] = d.call("list_waiting", "approver", worklist="standard_to_approve")
    book, _, item = row["key"].rpartition("-")
    page = d.call("get_acts", "approver", category="standards", key=book, item=item)
    assert (page["stands"]["worklist"], item) == ("standard_to_approve", str(number))
    assert {a["act"]: a["given"] for a in page["acts"]}["approve_standard"] == {"number": number}
    assert "publish_standard" not in {a["act"] for a in page["acts"]}
    d.call("approve_standard", "approver", number=number)
    page = d.call("get_acts", "approver", category="standards", key=book, item=item)
    assert page["stands"]["worklist"] == "standard_to_publish"
    assert {"publish_standard", "withdraw_standard"} <= {a["act"] for a in page["acts"]}
    shown = d.call("get_standard_book", "auditor", division=book)["publications"][item]
    assert (shown["status"], shown["document_no"], shown["values"][0]["amount_fen"]) == ("approved", "一号", 130_000)
    with pytest.raises(Refused, match="同一经办人"):
        d.call("publish_standard", "approver", actor="staff:reviewer", number=number)


def test_a_subsidy_of_persons_rises_like_any_standard(d: Desk) -> None:
    """两项补贴提标: every person's case is decided again with the publication's month, arrears for the months already paid (A81)."""
    numbers = people.Numbers()
    d.on("2023-03-01")
    poor = people.home(d, numbers, {"born": "19700101"}, {"born": "19750101"})
    people.grant(d, town.PROGRAMME, household_id=poor.household_id)
    who = poor.members[0]
    certificate = {"person_id": who, "grade": 1, "kind": "physical", "effective_from": "2023-01-01", "valid_until": "2032-01-01"}
    d.call("record_certificate", **certificate)
    d.settle()
    d.on("2023-04-03")
    case_id = people.grant(d, "disabled_living_subsidy", person_id=who)
    first = people.case(d, case_id)["first_month"]
    before = people.due(d, case_id, first)
    months = [m for m in ("2023-04", "2023-05", "2023-06") if m >= first]
    d.on("2023-06-20")
    for month in months:
        people.pay(d, "disabled_living_subsidy", month)
    d.on("2023-07-03")
    number = 0
    for kind in ("severe", "other"):
        body = {"standard": f"disabled_living_subsidy.amount.{kind}", "amounts": [{"area": "", "amount_fen": before + 5_000}]}
        number = d.call("draft_standard", "reviewer", **body, effective_from="2023-05-01", document_no="象残18号")["number"]
        d.call("approve_standard", "approver", number=number)
        d.call("publish_standard", "approver", number=number)
    d.settle()
    runs = [d.call("get_standard_run", "auditor", number=n) for n in (number - 1, number)]
    assert [r["status"] for r in runs] == ["closed", "closed"]
    assert sum(r["changed"] for r in runs) == 1, "who is not touched is not decided again"
    assert [people.due(d, case_id, m) for m in ("2023-04", "2023-05", "2023-07")] == [before, before + 5_000, before + 5_000]
    late = [m for m in months if m >= "2023-05"]
    assert people.case(d, case_id)["arrears_fen"] == sum(r["arrears_fen"] for r in runs) == 5_000 * len(late) > 0


def test_a_standard_reaches_the_programmes_whose_formulas_read_it() -> None:
    """The minimum living standard decides on more than its own allowance."""
    rules = engine("xiangshan-2023")
    assert town.PROGRAMME in rise.touched(rules, f"{town.PROGRAMME}.standard")
    assert rise.touched(rules, "nothing.at.all") == ()


class _Bureau:
    """The command line's connection, led to the desk's own doors; while it watches, the house goes on."""

    def __init__(self, d: Desk, role: str) -> None:
        self.d, self.role = d, role

    def __enter__(self) -> _Bureau:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def assistance(self) -> _Bureau:
        return self

    def __getattr__(self, method: str) -> Any:
        def call(**body: Any) -> Any:
            if method == "get_standard_run":
                self.d.settle()
            return msgspec.json.decode(msgspec.json.encode(self.d.call(method, self.role, **body)))

        return call


def test_the_command_line_publishes_under_ones_eyes(d: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafted, approved, published and watched to the end; shown with its document; taken back."""
    homes = homes_of(d)
    d.on("2023-07-03")
    monkeypatch.setattr("shared.cli.standards._bureau", lambda _token, role: _Bureau(d, role))

    def run(*words: str) -> Any:
        return CliRunner().invoke(command, words, env={"COLUMNS": "200"})

    said = run("draft", f"{town.PROGRAMME}.standard", "--both", "1380.50", "--from", "2023-08-01", "--document", "象民18号")
    assert (said.exit_code, "编号 1" in said.output) == (0, True), said.output
    assert "未经批准" in run("publish", "1").output
    assert run("approve", "1").exit_code == 0
    done = run("publish", "1", "--watch")
    assert (done.exit_code, "改变 5 件：提高 5，降低 0，停发 0" in done.output) == (0, True), done.output
    assert "1,380.50" in run("show", "--on", "2023-08-01").output
    assert "降低 5" in run("withdraw", "1", "--reason", "文号有误", "--watch").output
    assert town.case(d, homes[3]).due("2023-08") == town.case(d, homes[3]).due("2023-07")
    for words in ((), ("--both", "1.005"), ("--both", "-1"), ("--both", "many")):
        assert run("draft", "x", "--from", "2023-08-01", "--document", "x", *words).exit_code == 1


def test_the_catalogue_of_programmes_of_any_day(d: Desk) -> None:
    """Defined, amended and retired with the day each counts from; what was in force on a day is answered for it (A01)."""
    content = {"name": "低保", "tier": "basic", "eligible_class": "低保家庭", "standard": "按标准", "department": "区民政局"}
    item = {"programme_code": town.PROGRAMME, **content, "documents": "申请书", "document_no": "一号"}
    made = d.call("define_programme", "reviewer", effective_from="2023-08-01", **item)
    for act in ("approve_publication", "publish_publication"):
        d.call(act, "approver", record_id=made["id"])
    d.call("amend_programme", "reviewer", effective_from="2024-01-01", **item | {"documents": "无"})
    for act in ("approve_publication", "publish_publication"):
        d.call(act, "approver", record_id=made["id"])
    d.call("retire_programme", "approver", programme_code=town.PROGRAMME, effective_from="2025-01-01", reason="并入")
    d.settle()
    days = ("2023-07-31", "2023-08-01", "2024-06-01", "2025-01-01")
    found = [d.call("get_programme_catalogue", "auditor", valid_at=day) for day in days]
    assert [[p["documents"] for p in page] for page in found] == [[], ["申请书"], ["无"], []]
    with pytest.raises(Refused, match="取值范围"):
        d.call("define_programme", "reviewer", effective_from="2023-08-01", **item | {"programme_code": "x", "tier": "luxury"})

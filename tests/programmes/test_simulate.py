"""A change is costed before it is made: the same rules, other figures, and nothing is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.assistance.read_model import TABLES
from services.assistance.rows.past import costed
from services.assistance.simulation import Asked
from shared.cli.simulate import command
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes import people

STANDARD = f"{town.PROGRAMME}.standard"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, list[town.Home], Path]]:
    """Five households, four in receipt and paid from April to June; the fifth is just above the standard. Nothing here changes it."""
    var = tmp_path_factory.mktemp("simulate")
    with desk(var, "assistance") as d:
        d.on("2023-03-01")
        homes = [
            town.register(d, 1, 60_000, 0, 0),
            town.register(d, 2, 100_000, area="rural", born=("19500101",)),
            town.register(d, 3, 120_000, 120_000),
            town.register(d, 4, 0, 0, 0, area="rural"),
        ]
        town.grant_all(d, homes)
        town.register(d, 5, 130_000)
        d.on("2023-05-04")  # the register knows of no disability of this member, his certificate does: from May, and not in June
        who = next(iter(town.house(d, homes[2]).members))
        paper = {"grade": 1, "kind": "visual", "effective_from": "2023-05-03", "valid_until": "2023-05-31"}
        d.call("record_certificate", person_id=who, **paper)
        d.settle()
        for month in ("2023-04", "2023-05", "2023-06"):
            d.on(f"{month}-20" if month > "2023-04" else "2023-05-05")
            town.pay(d, month)
        d.on("2023-07-03")
        d.settle()
        yield d, homes, var


def ask(d: Desk, changes: dict[str, str], month: str, since: str = "2023-08", **more: Any) -> Any:
    return costed(
        d.services["assistance"].office, TABLES["standards"], "xiangshan-2023", Asked(changes, since, month, town.PROGRAMME), **more
    )


def test_a_change_of_nothing_is_what_was_paid(made: tuple[Desk, list[town.Home], Path]) -> None:
    """Per case and in total, for every month, to the fen."""
    d, homes, _ = made
    for month in ("2023-04", "2023-05", "2023-06"):
        report = ask(d, {}, month, each_case=True)
        rows = [p for h in homes for p in d.call("list_payments", "auditor", case_id=h.case_id) if p["month"] == month]
        paid, total = {p["case_id"]: p["amount_fen"] for p in rows}, sum(p["amount_fen"] for p in rows)
        assert {c: before for c, _, before, _ in report.by_case} == paid
        assert (report.paid_cases, report.paid_fen, report.before_fen, report.after_fen) == (4, total, total, total)
        assert (report.not_as_paid, report.differences, report.unchanged) == (0, [], 4)
    certified = [town.case(d, homes[2]).entitled(m) for m in ("2023-04", "2023-05", "2023-06")]
    assert certified[0] == certified[2] < certified[1], "a supplement for the month in which the certificate stands"


def test_a_raise_costs_what_the_simulation_said(tmp_path: Path) -> None:
    """What is simulated before is what is decided after, case by case."""
    with desk(tmp_path, "assistance") as d:
        d.on("2023-03-01")
        homes = [town.register(d, 1, 60_000, 0, 0), town.register(d, 2, 100_000, area="rural", born=("19500101",))]
        town.grant_all(d, homes)
        d.on("2023-07-03")
        d.settle()
        said = ask(d, {STANDARD: "+10%"}, "2023-08", each_case=True)
        number = town.publish(d, 138_050, 138_050, "2023-08-01")
        d.settle()
        run = d.call("get_standard_run", "auditor", number=number)
        assert (said.before_fen, said.after_fen, said.raised) == (run["before_fen"], run["after_fen"], run["raised"])
        assert {c: after for c, _, _, after in said.by_case} == {h.case_id: town.case(d, h).due("2023-08") for h in homes}
        now = ask(d, {}, "2023-08", each_case=True)
        assert [row[2] for row in now.by_case] == [row[3] for row in said.by_case]


def test_the_report_adds_up_and_nothing_is_written(made: tuple[Desk, list[town.Home], Path]) -> None:
    """Towns, bars and totals are of the same cases; who is newly eligible is told; the log is as it was."""
    d, _, _ = made
    office = d.services["assistance"].office
    head = office.log.head()
    r = ask(d, {f"{STANDARD}.urban": "+10%", f"{STANDARD}.rural": "1380.50"}, "2023-05")
    assert [(c.before, c.after) for c in r.changes] == [(125_500, 138_050)] * 2
    assert r.cases == r.raised + r.lowered + r.ended + r.unchanged == sum(t.cases for t in r.towns.values()) == 4
    assert sum(b.cases for b in r.distribution) == r.raised
    assert sum(t.after_fen - t.before_fen for t in r.towns.values()) == r.difference_fen == r.yearly_fen // 12 > 0
    assert (r.not_in_receipt, r.newly_eligible, r.newly_eligible_fen) == (1, 1, 8_100)  # to whole yuan, as the district rounds
    less = ask(d, {STANDARD: "-40%"}, "2023-05")
    assert (less.ended, less.lowered, less.raised, less.newly_eligible) == (2, 2, 0, 0)
    assert sum(b.cases for b in less.distribution) == 4
    assert office.log.head() == head


def test_a_past_month_may_be_asked_about_as_it_was_known_then(made: tuple[Desk, list[town.Home], Path]) -> None:
    """As of a day before the grants there is no case; as of now the log says what the read model says."""
    d, _, _ = made
    day = d.now.replace(tzinfo=SHANGHAI)
    now, then = ask(d, {STANDARD: "+10%"}, "2023-05", each_case=True), ask(d, {STANDARD: "+10%"}, "2023-05", each_case=True, as_of=day)
    assert then.as_dict() == now.as_dict()
    assert then.by_case == now.by_case
    before = ask(d, {STANDARD: "+10%"}, "2023-05", as_of=day.replace(month=3, day=2))
    assert (before.cases, before.not_in_receipt) == (0, 4)


def test_a_gradual_exit_is_costed_as_it_was_paid_and_ends_when_the_standard_overtakes_the_income(tmp_path: Path) -> None:
    """Every month of it to the fen; a raise that lifts the standard above the income restores the ordinary amount."""
    with desk(tmp_path, "assistance") as d:
        d.on("2023-03-01")
        homes = [town.register(d, 1, 0, 0), town.register(d, 2, 60_000)]
        town.grant_all(d, homes)
        head = town.house(d, homes[0]).head_id
        d.on("2023-05-08")
        job = {"household_id": homes[0].household_id, "person_id": head, "effective_from": "2023-05-05", "reason": "employment"}
        d.call("record_income", monthly_income_fen=320_000, **job)
        d.settle()
        assert town.case(d, homes[0]).status == "gradual_exit"
        for month in ("2023-04", "2023-05", "2023-06", "2023-07"):
            d.on(f"{month}-20" if month > "2023-05" else "2023-05-20")
            town.pay(d, month)
        for month in ("2023-04", "2023-05", "2023-06", "2023-07"):
            report = ask(d, {}, month)
            assert (report.paid_cases, report.not_as_paid, report.before_fen) == (2, 0, report.paid_fen), month
        said = ask(d, {STANDARD: "+20%"}, "2023-08", each_case=True)
        town.publish(d, 150_600, 150_600, "2023-08-01")
        d.settle()
        state = town.case(d, homes[0])
        assert (state.status, state.exit_since) == ("in_force", None)
        assert {c: after for c, _, _, after in said.by_case} == {h.case_id: town.case(d, h).due("2023-08") for h in homes}
        assert ask(d, {}, "2023-07").not_as_paid == 0, "the months before are as they were"


@pytest.mark.parametrize("change", ["10 percent", "+x%", "", "%", "nan", "+inf"])
def test_a_change_that_cannot_be_read_is_refused(made: tuple[Desk, list[town.Home], Path], change: str) -> None:
    """And an unknown parameter likewise."""
    with pytest.raises(Refused, match="看不懂"):
        ask(made[0], {STANDARD: change}, "2023-05")
    with pytest.raises(Refused, match="没有名为"):
        ask(made[0], {"minimum_living_allowance.nothing": "+1%"}, "2023-05")


def test_staff_may_ask_by_rpc_within_their_division(made: tuple[Desk, list[town.Home], Path]) -> None:
    """The same report; a town sees its own cases only; a clerk has no permission."""
    d, _, _ = made
    body = {"changes": {STANDARD: "+10%"}, "effective_month": "2023-08", "month": "2023-05"}
    whole = d.call("simulate_standard", "reviewer", **body)
    assert whole == json.loads(json.dumps(ask(d, {STANDARD: "+10%"}, "2023-05").as_dict()))
    part = d.call("simulate_standard", "reviewer", at=town.TOWNS[0], **body)
    assert [t["division"] for t in part["towns"]] == [town.TOWNS[0]]
    assert part["cases"] == next(t["cases"] for t in whole["towns"] if t["division"] == town.TOWNS[0])
    with pytest.raises(Refused, match="无权"):
        d.call("simulate_standard", "clerk", **body)


def test_the_command_prints_a_report_a_picture_and_a_file(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """minzheng simulate, as an official would use it."""
    d, _, var = made
    told = {"MINZHENG_VAR": var, "EVENTSTORE_URI": d.settings.eventstore_uri, "MINZHENG_CLOCK_FILE": d.clock_file, "COLUMNS": 140}
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    file = var / "测算.csv"
    done = CliRunner().invoke(command, ["--set", f"{STANDARD}=+10%", "--from", "2023-08", "--month", "2023-05", "--csv", str(file)])
    assert done.exit_code == 0, done.output
    for word in ("1,255.00元 → 1,380.50元", "在保 4 件：提高 4", "新符合条件 1 户", "█", "与实际发放逐件相等", "全年", town.TOWNS[0]):
        assert word in done.output
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 5
    as_json = CliRunner().invoke(command, ["--month", "2023-05", "--json"])
    assert json.loads(as_json.output)["not_as_paid"] == 0
    wrong = CliRunner().invoke(command, ["--set", "nonsense"])
    assert (wrong.exit_code, "看不懂" in wrong.output) == (1, True)


# -- programmes of persons, and of a household's bills: the facts are read case by case

SUPPORT, LIVING, CARE = "extreme_hardship_support", "disabled_living_subsidy", "severe_disability_care_subsidy"
MONTHS = ("2023-04", "2023-05", "2023-06", "2023-07")


def of_persons(d: Desk, programme: str, month: str, changes: dict[str, str] | None = None, **more: Any) -> Any:
    asked = Asked(changes or {}, "2023-08", month, programme)
    return costed(d.services["assistance"].office, TABLES["standards"], "xiangshan-2023", asked, **more)


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """特困 with self-care lost from June, care subsidies of which one ends with a milder grade, a living subsidy applied for twice;
    paid from April to July. Nothing here changes it."""
    numbers = people.Numbers()
    with desk(tmp_path_factory.mktemp("persons"), "assistance") as d:
        d.on("2023-03-01")
        poor = people.home(d, numbers, {"born": "19700101"}, {"born": "19750101"})
        people.grant(d, town.PROGRAMME, household_id=poor.household_id)
        alone = people.single(d, numbers, "19450101", area="rural")
        d.call("record_finding", person_id=alone, found_on="2023-03-01", lost_acts=[], able_supporter=False, able_to_work=False)
        people.grant(d, SUPPORT, person_id=alone)
        paper = {"kind": "physical", "effective_from": "2020-05-01"}
        cared = [people.single(d, numbers, "19700101") for _ in range(3)]
        for who in (*cared, *poor.members):
            d.call("record_certificate", person_id=who, grade=1, **paper)
            d.call("record_finding", person_id=who, found_on="2023-03-01", long_term_care=True)
        d.on("2023-04-03")
        for who in cared[:2]:  # the third has not applied
            people.grant(d, CARE, person_id=who)
        for who in poor.members:
            people.grant(d, LIVING, person_id=who)
        for month in MONTHS:
            d.on(f"{month}-05")
            if month == "2023-05":
                d.call("record_certificate", person_id=cared[0], grade=3, kind="physical", effective_from="2023-05-04")
                d.call("record_certificate", person_id=poor.members[0], grade=0, effective_from="2023-05-04")  # ends with May
            if month == "2023-06":
                d.call("record_finding", person_id=alone, found_on="2023-06-02", lost_acts=["eat", "dress", "bed", "toilet"])
            if month == "2023-07":
                d.call("record_certificate", person_id=poor.members[0], grade=1, kind="physical", effective_from="2023-07-02")
            d.settle()
            if month == "2023-07":
                people.grant(d, LIVING, person_id=poor.members[0])  # the second round
            for programme in (SUPPORT, LIVING, CARE):
                people.pay(d, programme, month)
        d.on("2023-08-03")
        d.settle()
        yield d


@pytest.mark.parametrize("programme", [SUPPORT, LIVING, CARE])
def test_a_change_of_nothing_is_what_was_paid_to_persons(persons: Desk, programme: str) -> None:
    """Per case and in total, for every month, to the fen; from the log as of today likewise; and nothing is written."""
    log = persons.services["assistance"].office.log
    amounts: set[int] = set()
    for month in MONTHS:
        cases = [c["case_id"] for c in persons.call("list_cases", "auditor", programme=programme)]
        rows = [p for c in cases for p in persons.call("list_payments", "auditor", case_id=c) if p["month"] == month]
        paid = {p["case_id"]: p["amount_fen"] for p in rows}
        head = log.head()
        report = of_persons(persons, programme, month, each_case=True)
        assert {c: before for c, _, before, after in report.by_case if before == after} == paid, month
        assert (report.not_as_paid, report.paid_fen, report.before_fen) == (0, sum(paid.values()), sum(paid.values()))
        then = of_persons(persons, programme, month, each_case=True, as_of=persons.now.replace(tzinfo=SHANGHAI))
        assert (then.as_dict(), then.by_case) == (report.as_dict(), report.by_case)
        assert log.head() == head
        amounts.add(sum(paid.values()))
    assert len(amounts) > 1, "something changed in these months"


def test_a_raise_for_persons_is_costed_and_who_did_not_apply_is_told(persons: Desk) -> None:
    """护理补贴 +10 yuan: one case in force, one person with a certificate who has none and would be eligible, one who is not."""
    raised = {f"{CARE}.amount": "+10"}
    report = of_persons(persons, CARE, "2023-08", raised)
    assert (report.cases, report.raised, report.difference_fen, report.subject) == (1, 1, 1_000, "person")
    assert report.already_eligible == 3, "two of the household and the one who has not applied"
    assert report.not_in_receipt == 4
    before = of_persons(persons, CARE, "2023-05", as_of=persons.now.replace(tzinfo=SHANGHAI, month=3, day=31))
    assert (before.cases, before.not_in_receipt) == (0, 5)


def test_a_household_of_great_expenses_is_costed_with_its_bills(tmp_path: Path) -> None:
    """支出型: in receipt or not yet, by the bills of its members; what is paid once cannot be costed by the month."""
    numbers = people.Numbers()
    with desk(tmp_path, "assistance") as d:
        d.on("2023-07-03")
        made = people.home(d, numbers, {"monthly_income_fen": 120_000}, {"born": "19820101", "monthly_income_fen": 120_000})
        bill = {"person_id": made.members[1], "spending_id": "B-1", "kind": "medical", "spent_on": "2023-06-20"}
        d.call("record_spending", **bill, self_borne_fen=9_000_000)
        d.settle()
        programme = "expenditure_based_hardship"
        waiting = of_persons(d, programme, "2023-08")
        assert (waiting.cases, waiting.not_in_receipt, waiting.already_eligible) == (0, 1, 1)
        people.grant(d, programme, household_id=made.household_id)
        running = of_persons(d, programme, "2023-08")
        assert (running.cases, running.eligible_before, running.not_in_receipt) == (1, 1, 0)
        for once in ("temporary_assistance", "price_linked_temporary_subsidy"):
            with pytest.raises(Refused, match="按次审批"):
                of_persons(d, once, "2023-08")


def test_the_command_costs_persons_too(persons: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the unit that is counted, and a help that says how it is read."""
    told = {"MINZHENG_VAR": persons.settings.var, "EVENTSTORE_URI": persons.settings.eventstore_uri, "COLUMNS": 140}
    for name, value in {**told, "MINZHENG_CLOCK_FILE": persons.clock_file}.items():
        monkeypatch.setenv(name, str(value))
    done = CliRunner().invoke(command, ["--programme", CARE, "--month", "2023-07"])
    assert done.exit_code == 0, done.output
    assert "与实际发放逐件相等" in done.output
    assert "登记在册未在保 4 人" in done.output
    assert "逐件读取" in CliRunner().invoke(command, ["--help"]).output

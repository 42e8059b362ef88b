"""Months in which something begins or ends by itself: what is known of a month to come, and what the calendar alone changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.assistance.benefits import CASES
from shared.casework import benefit_case as bc
from shared.casework.benefits import Asked
from shared.eventlog import deadlines
from shared.eventlog.benefit_rows import CALENDAR_TURNED
from shared.eventlog.read_model import Rows
from tests.desk import Desk, desk
from tests.programmes.district import publish
from tests.programmes.people import TOWN, Home, Numbers, apply, case, decide, due, grant, home, pay, single

LIVING, MARGIN = "minimum_living_allowance", "minimum_living_margin_household"
DISABLED, SUPPORT, EXPENDITURE = "disabled_living_subsidy", "extreme_hardship_support", "expenditure_based_hardship"


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """Assistance with nothing in it, on 2023-07-03."""
    with desk(tmp_path, "assistance") as made:
        made.on("2023-07-03")
        yield made


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def earns(d: Desk, made: Home, fen: int, day: str) -> None:
    """The head's income, which counts from the month after ``day``."""
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=fen, effective_from=day)
    d.settle()


def stands(d: Desk, case_id: str) -> Any:
    return d.services["assistance"].office.load(CASES, case_id).state


# -- known of a month to come


def test_a_subsidy_granted_after_its_class_was_ended_for_next_month_ends_with_it(d: Desk, numbers: Numbers) -> None:
    """The household's facts, and the determination made of them, are looked at as far ahead as they are known, whosever the case is."""
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    living = grant(d, LIVING, household_id=made.household_id)
    d.call("record_certificate", person_id=made.members[1], grade=2, kind="physical", effective_from="2020-01-01")
    d.on("2023-09-10")
    earns(d, made, 900000, "2023-09-05")
    assert case(d, living)["ended_from"] == "2023-10"
    d.on("2023-09-20")
    subsidy = apply(d, DISABLED, person_id=made.members[1])
    assert decide(d, subsidy)["first_month"] == "2023-09"
    assert due(d, subsidy, "2023-09") > 0
    assert (stands(d, subsidy).status, stands(d, subsidy).ended_from, due(d, subsidy, "2023-10")) == ("ended", "2023-10", 0)


def test_an_end_set_aside_on_appeal_looks_as_far_ahead_as_facts_are_known(d: Desk, numbers: Numbers) -> None:
    """A raise that counts only from next month is not lost because the appeal is answered before it."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-05")
    earns(d, made, 900000, "2023-08-20")
    ended = case(d, living)
    assert (ended["status"], ended["ended_from"]) == ("ended", "2023-09")
    earns(d, made, 20000, "2023-08-20")
    earns(d, made, 900000, "2023-09-04")
    d.call("file_appeal", case_id=living, decision=ended["decisions"][-1]["number"], reason="误登")
    d.call("assign_appeal", "approver", case_id=living, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=living, outcome="upheld", reason="误登")
    d.settle()
    assert due(d, living, "2023-09") > 0
    assert (stands(d, living).ended_from, due(d, living, "2023-10")) == ("2023-10", 0)


def test_a_subsidy_applied_for_together_with_its_class_begins_with_the_class(d: Desk, numbers: Numbers) -> None:
    """两项补贴 count from the month of the application, 低保 from the month after its confirmation: the first month of both."""
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    d.call("record_certificate", person_id=made.members[1], grade=2, kind="physical", effective_from="2020-08-09")
    d.settle()
    living = apply(d, LIVING, household_id=made.household_id)
    subsidy = apply(d, DISABLED, person_id=made.members[1])
    assert decide(d, living)["first_month"] == "2023-08"
    d.on("2023-07-20")  # before the class begins: what is known of next month is known
    shown = decide(d, subsidy)
    assert (shown["status"], shown["first_month"]) == ("in_force", "2023-08")
    assert (due(d, subsidy, "2023-07"), due(d, subsidy, "2023-08") > 0) == (0, True)
    told = [line["label"] for line in shown["last_assessment"]["lines"]]
    assert "自申请当月起逐月核定，本月为首个应予计发的月份" in told
    d.on("2023-08-20")
    pay(d, DISABLED, "2023-08")
    assert stands(d, subsidy).paid == {"2023-08": due(d, subsidy, "2023-08")}


def test_a_subsidy_decided_late_pays_the_months_since_its_first_and_one_without_a_class_is_refused(d: Desk, numbers: Numbers) -> None:
    """Months that went by meanwhile go out as arrears, said as what they are; where no month gives anything, the first says why not."""
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"})
    other = home(d, numbers, {"born": "19700101", "monthly_income_fen": 900000}, {"born": "19720101"})
    subsidies = []
    for at_home in (made, other):
        d.call("record_certificate", person_id=at_home.members[1], grade=2, kind="physical", effective_from="2020-08-09")
        subsidies.append(apply(d, DISABLED, person_id=at_home.members[1]))
    grant(d, LIVING, household_id=made.household_id)
    d.on("2023-10-10")
    late, without = (decide(d, c) for c in subsidies)
    assert (late["status"], late["first_month"], stands(d, subsidies[0]).arrears_fen) == (
        "in_force", "2023-08", 2 * due(d, subsidies[0], "2023-08"),
    )  # fmt: skip
    history = d.services["assistance"].office.history(CASES.stream(subsidies[0]))
    assert [r.event.reason for r in history if isinstance(r.event, bc.ArrearsFound)] == ["自申请后首个符合条件的月份起计发"]
    assert (without["status"], without["last_assessment"]["month"]) == ("refused", "2023-07")
    assert without["last_assessment"]["reason"] == "不属于生活补贴所及的困难家庭"


@pytest.mark.parametrize("granted_first", [True, False])
def test_a_determination_ends_in_the_month_from_which_the_rules_say_no(d: Desk, numbers: Numbers, granted_first: bool) -> None:
    """Nothing is paid in it, so no amount tells the months apart: it holds until the month whose facts end it."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 130000})
    margin = (grant if granted_first else apply)(d, MARGIN, household_id=made.household_id)
    if granted_first:
        d.on("2023-09-10")
        d.call("change_household", household_id=made.household_id, from_month="2023-10", reason="property", evidence="行驶证", vehicles=1)
        earns(d, made, 131000, "2023-07-20")  # from August, and of no consequence
    else:
        earns(d, made, 900000, "2023-09-04")
        decide(d, margin)
    s = stands(d, margin)
    assert (s.status, s.first_month, s.ended_from) == ("ended", "2023-08", "2023-10")
    unit = d.call("get_determination", "auditor", unit_id=made.household_id)
    assert [(c["hardship_class"], c["valid_from"]) for c in unit["chain"]] == [("margin", "2023-08"), ("", "2023-10")]


# -- what the calendar alone changes


def test_ages_change_a_households_amount_in_their_months_and_nobody_has_to_touch_it(d: Desk, numbers: Numbers) -> None:
    """分类施保: a child who turned 18 counts as one to the end of that month, an old person from the month in which he turns 70."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000}, {"born": "20050910"}, {"born": "19531115"})
    living = grant(d, LIVING, household_id=made.household_id)
    assert stands(d, living).next_turn == "2023-10"
    paid = {}
    for month in ("2023-08", "2023-09", "2023-10", "2023-11", "2023-12"):
        d.on(f"{month}-01")
        d.settle()
        pay(d, LIVING, month)
        paid[month] = stands(d, living).paid[month]
        by_rules = d.call("simulate_standard", "reviewer", programme=LIVING, changes={}, month=month, effective_month=month)
        assert (by_rules["paid_cases"], by_rules["not_as_paid"]) == (1, 0)
    assert paid["2023-08"] == paid["2023-09"] > paid["2023-10"] < paid["2023-11"] == paid["2023-12"]
    causes = [r.event.cause.partition(":")[0] for r in d.services["assistance"].office.history(CASES.stream(living)) if _reassessed(r)]
    assert causes == ["clock", "clock"]
    assert stands(d, living).next_turn == "2050-01"  # the head's seventieth birthday


def test_a_death_in_between_moves_the_month_to_the_next_birthday_that_is_left(d: Desk, numbers: Numbers) -> None:
    """Whose age is waited for follows from the facts of each decision; a deadline of a birthday that will not be is gone."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000}, {"born": "20050910"}, {"born": "19531115"})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-05")
    d.tell("registry", "after_death_opened", person_id=made.members[1], died_on="2023-09-01", division=TOWN, round=1, steps=["household"])
    d.settle()
    assert stands(d, living).next_turn == "2023-11"
    earns(d, made, 900000, "2023-09-05")
    assert (stands(d, living).status, stands(d, living).next_turn) == ("ended", "")
    assert not waits(d)


def test_a_minor_in_support_is_asked_about_when_the_age_is_passed_up_to_which_he_is_kept(d: Desk, numbers: Numbers) -> None:
    """特困: 未成年人 at 18, and kept on, are ages of the rules; the case ends by them in the month after, with no finding and no review."""
    who = single(d, numbers, "20070910")
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    support = grant(d, SUPPORT, person_id=who)
    rules = d.services["assistance"].benefits
    for month in ("2025-09", "2025-10", "2025-11"):
        d.on(f"{month}-01")
        d.settle()
        said = rules.assess(Asked(SUPPORT, who, month, due(d, support, "2025-08"), None)).assessment
        assert due(d, support, month) == said.amount_fen
    ended = stands(d, support)
    assert (ended.status, ended.ended_from, due(d, support, "2025-09") > 0) == ("ended", "2025-10", True)


def test_a_bill_of_more_than_a_year_ago_no_longer_counts_from_the_month_after(d: Desk, numbers: Numbers) -> None:
    """支出型: the spending of twelve months; a household whose bill leaves them is decided again in that month."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 120000}, {"born": "19820101", "monthly_income_fen": 120000})
    for n, (day, fen) in enumerate((("2022-08-20", 6_000_000), ("2022-11-20", 3_000_000))):
        d.call("record_spending", person_id=made.members[1], spending_id=f"D-{n}", kind="medical", spent_on=day, self_borne_fen=fen)
    d.settle()
    aid = grant(d, EXPENDITURE, household_id=made.household_id)
    assert (stands(d, aid).first_month, stands(d, aid).next_turn) == ("2023-08", "2023-09")
    d.on("2023-09-01")
    d.settle()
    assert due(d, aid, "2023-08") > due(d, aid, "2023-09")
    s = stands(d, aid)
    assert (s.status, s.ended_from) == ("ended", "2023-09") if not due(d, aid, "2023-09") else s.next_turn == "2023-12"


def test_a_dated_figure_of_the_files_is_waited_for_by_cases_in_force(
    tmp_path: Path, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """参数到期调整: 新城 has another standard from January 2024 in its files; the case is decided again on that day, by itself and once."""
    with desk(tmp_path, "assistance", MINZHENG_PROFILE="xincheng-2024") as d:
        monkeypatch.setattr(d, "call", partial(d.call, at="610102"))
        d.on("2023-10-08")
        made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000}, town="610102001")
        living = grant(d, LIVING, household_id=made.household_id)
        assert (due(d, living, "2023-11"), stands(d, living).next_turn) == (35000, "2024-01")
        d.on("2023-12-31").settle()
        assert due(d, living, "2024-01") == 35000
        d.on("2024-01-01").settle()
        assert (due(d, living, "2023-12"), due(d, living, "2024-01"), stands(d, living).next_turn) == (35000, 65000, "2050-01")
        decided = len(case(d, living)["decisions"])
        d.on("2024-02-01").settle()
        assert len(case(d, living)["decisions"]) == decided


def test_a_case_decided_before_the_month_was_carried_is_found_by_the_timer(d: Desk, numbers: Numbers) -> None:
    """Events of an earlier release name no month: after the upgrade each is asked about once, from the last month that was decided."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000}, {"born": "20050910"})
    living = grant(d, LIVING, household_id=made.household_id)
    office, model = d.services["assistance"].office, d.models["assistance"]
    (granted,) = [raw for raw in office.log.read(CASES.stream(living)) if raw.name == "assistance.case_granted"]
    assert waits(d) == {living: ("2023-10-01T00:00:00+08:00", "2023-10")}
    data = msgspec.json.decode(granted.data)
    assert data.pop("next_turn") == "2023-10"
    with office.read.execution_options(writes=True).begin() as tx:  # as a rebuild meets it in the log of an earlier release
        rows = Rows(model, tx)
        model.project(rows, replace(granted, data=msgspec.json.encode(data)))
        rows.flush(tx)
    assert waits(d)[living][1] == "2023-08"
    d.on("2023-12-05")
    d.settle()
    assert due(d, living, "2023-09") > due(d, living, "2023-10")
    assert waits(d) == {living: ("2050-01-01T00:00:00+08:00", "2050-01")}


def test_a_raise_in_between_leaves_the_month_as_it_is(d: Desk, numbers: Numbers) -> None:
    """提标: a run over all cases decides them in bulk, and each goes on to wait for its next birthday."""
    made = home(d, numbers, {"born": "19800101", "monthly_income_fen": 20000}, {"born": "20050910"}, area="urban")
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-08-02")
    publish(d, 135_000, 125_500, "2023-08-01")
    d.settle()
    raised = [r.event for r in d.services["assistance"].office.history(CASES.stream(living)) if _reassessed(r)][-1]
    assert (raised.cause.partition(":")[0], raised.outcome, raised.next_turn) == ("standard", "raised", "2023-10")
    d.on("2023-10-01")
    d.settle()
    assert due(d, living, "2023-09") > due(d, living, "2023-10")


def waits(d: Desk) -> dict[str, tuple[str, str]]:
    """The cases that wait for a month: when they are looked at, and from which month on."""
    rows = deadlines.due(d.services["assistance"].office.read, d.now + timedelta(days=40_000), 1000)
    return {row.aggregate_id: (row.due_at, row.data["month"]) for row in rows if row.name == CALENDAR_TURNED}


def _reassessed(r: Any) -> bool:
    return isinstance(r.event, bc.CaseReassessed)

"""The rows of the public pages: what holds from day to day, and the counts that indicators are made of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.assistance.person import FindingRecorded
from services.assistance.placement_wish import PersonMovedIn, PersonMovedOut, PlacementWished, PlacementWishWithdrawn
from services.assistance.placement_wish import Terms as WishTerms
from services.assistance.temporary import TemporaryApplied
from services.portal.read_model import MODEL, TABLES
from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED
from services.portal.rows.runs import why
from services.portal.sunshine.indicators import _with_value
from shared.casework.benefit_case import CaseEnded, CaseGranted, CaseReassessed, CaseRefused, CaseRestored
from shared.casework.fund import FundAllocated, FundDrawn, FundOpened
from shared.casework.fund import Terms as FundTerms
from shared.casework.inspection import (
    CampaignObjectChecked,
    CampaignObjectsListed,
    CampaignOpened,
    CampaignPublished,
    CampaignStarted,
    Found,
)
from shared.casework.inspection import Terms as CampaignTerms
from shared.casework.project import ProjectChangeDecided, ProjectClosed, ProjectPlanned
from shared.casework.project import Terms as ProjectTerms
from shared.casework.visit_plan import Terms as PlanTerms
from shared.casework.visit_plan import VisitPlanClosed, VisitPlanOpened, VisitResponsibleChanged
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.client import Raw
from shared.eventlog.read_model import Rows
from shared.eventsourcing import codec
from shared.rules.assessment import Assessment

FIRST = date(2023, 3, 1)
WISH, IMPROVED = "extreme_hardship_central_placement", "home_environment_improvement"


class Told:
    """Events handed to the portal's model one by one, each recorded on a day, in a database in memory."""

    def __init__(self) -> None:
        discovery.load_all()
        self.engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
        MODEL.metadata.create_all(self.engine)
        self.position = 0
        self.versions: dict[str, int] = {}

    def on(self, day: int, stream: str, event: Any, hour: int = 9) -> None:
        """``day``: so many days after the first."""
        at = datetime(FIRST.year, FIRST.month, FIRST.day, hour, tzinfo=SHANGHAI) + timedelta(days=day)
        name, data = codec.encode(event, lambda _person, text: text, "assistance")
        meta = codec.Meta(
            correlation_id="c", causation_id="c", command_id="c", command_hash="", schema=1, actor="staff:1", division="330225",
            occurred_at=at, recorded_at=at,
        )  # fmt: skip
        self.position += 1
        version = self.versions[stream] = self.versions.get(stream, -1) + 1
        raw = Raw(name, data, codec.encode_meta(meta), str(uuid.uuid4()), f"assistance.{stream}", version, self.position)
        with self.engine.begin() as tx:
            rows = Rows(MODEL, tx)
            MODEL.project(rows, raw)
            rows.flush(tx)

    def counts(self, day: int) -> dict[str, int]:
        table = TABLES["indicators"][0]
        asked = sa.select(table.c.measure, table.c.value).where(kept.on(table, (FIRST + timedelta(days=day)).isoformat()))
        with self.engine.connect() as connection:
            return {row.measure: row.value for row in connection.execute(asked)}


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.engine.dispose()


def lost(person: str, *acts: str, month: str = "2023-03") -> FindingRecorded:
    """What was found of his self-care, by assessors or a survey; none lost: he can look after himself."""
    return FindingRecorded(person, FIRST, month, acts, None, None, None, None, "", "staff:1")


SUPPORT = "extreme_hardship_support"


def supported(told: Told, day: int, *persons: str, programme: str = SUPPORT) -> None:
    """Persons are granted 特困, each in a case of his own."""
    for who in persons:
        decided = Assessment(programme, "2023-03", who, "unchanged", True, 100, "符合条件", (), {}, "1", "1", None, False)
        told.on(day, f"case-{who}", CaseGranted(programme, who, who, "330225100", "2023-03", 100, decided, 1))


def ended(person: str, reason: str = "家庭情况变化") -> CaseEnded:
    return CaseEnded(SUPPORT, person, "2023-04", reason, "")


def reassessed(person: str, outcome: str) -> CaseReassessed:
    return CaseReassessed(SUPPORT, person, outcome, 100, 100, "2023-03", (), (), "复核", 2)


def test_what_changes_twice_on_a_day_is_one_row_of_that_day(told: Told) -> None:
    """The morning's figure is on no page; the day before keeps its own, and so does the day after."""
    fund = "fund-11111111-0000-5000-8000-000000000001"
    told.on(0, fund, FundOpened("temporary_assistance_reserve_fund", "330225100", "", FundTerms(), FIRST))
    told.on(2, fund, FundAllocated(100, "一号"))
    told.on(2, fund, FundAllocated(50, "二号"), 15)
    told.on(5, fund, FundAllocated(7, "三号"))
    funds = TABLES["funds"][0]
    with told.engine.connect() as connection:
        seen = [
            connection.execute(sa.select(funds.c.balance).where(kept.on(funds, (FIRST + timedelta(days=n)).isoformat()))).scalars().all()
            for n in range(-1, 7)
        ]
        assert connection.execute(sa.select(sa.func.count()).select_from(funds)).scalar_one() == 3
    assert seen == [[], [0], [0], [150], [150], [150], [157], [157]]


def test_several_matters_of_one_household_are_one_where_draws_are_counted(told: Told) -> None:
    """Five draws for four households, one of which has two matters, are of too few to be told; the fifth household's makes them five."""
    fund, spending = "fund-11111111-0000-5000-8000-000000000002", TABLES["funds"][2]
    told.on(0, fund, FundOpened("temporary_assistance_reserve_fund", "330225100", "", FundTerms(), FIRST))
    told.on(0, fund, FundAllocated(10_000, "一号"))
    for n, household in enumerate("abcdae"):
        applied = TemporaryApplied(household, f"m{n}", "330225100", household, "emergency", "fire", FIRST, 0, "", False, "staff:1")
        told.on(1, f"temporary-{household}", applied)

    def told_from() -> list[str]:
        with told.engine.connect() as connection:
            return list(connection.execute(sa.select(spending.c.told_from).where(spending.c.until == kept.OPEN)).scalars())

    for n in range(5):
        told.on(2, fund, FundDrawn(f"m{n}", f"m{n}", 100 + n, "staff:1", None))
    assert told_from() == ["9999-12-31"]
    told.on(3, fund, FundDrawn("m5", "m5", 105, "staff:1", None))
    assert told_from() == ["2023-04-01"]


def test_whoever_cannot_look_after_himself_counts_until_that_ends(told: Told) -> None:
    """不能自理者集中供养率: counted by what was found, and above the line by moving in; out of both by a better finding."""
    supported(told, 0, *"abc")
    told.on(0, "person_facts-a", lost("a", "eat", "dress", "bed", "walk"))
    told.on(0, "person_facts-b", lost("b", "eat"))
    told.on(0, "person_facts-c", lost("c"))
    assert (told.counts(0)["dependent"], told.counts(0).get("dependent_inside", 0)) == (2, 0)
    told.on(3, "placement_wish-a", PersonMovedIn(WISH, "330225100", "a", "i1", FIRST))
    told.on(3, "placement_wish-c", PersonMovedIn(WISH, "330225100", "c", "i1", FIRST))  # lives there, and can look after himself
    assert (told.counts(3)["dependent"], told.counts(3)["dependent_inside"]) == (2, 1)
    told.on(5, "person_facts-c", lost("c", "eat", "dress"))
    told.on(5, "person_facts-c", lost("c", month="2023-01"))  # a late word about earlier months
    assert (told.counts(5)["dependent"], told.counts(5)["dependent_inside"]) == (3, 2)
    told.on(8, "person_facts-a", lost("a", month="2023-04"))
    assert (told.counts(8)["dependent"], told.counts(8)["dependent_inside"]) == (2, 1)
    assert (told.counts(4)["dependent"], told.counts(4)["dependent_inside"]) == (2, 1)  # as it was said then


def test_a_wish_counts_until_it_is_withdrawn_or_left(told: Told) -> None:
    """愿进全进: of those who wish, those who live there."""
    supported(told, 0, *"abc")
    for n, person in enumerate("abc"):
        told.on(0, f"placement_wish-{person}", PlacementWished(WISH, "330225100", person, WishTerms(), f"意愿书{n}", "staff:1", FIRST))
    told.on(1, "placement_wish-a", PersonMovedIn(WISH, "330225100", "a", "i1", FIRST))
    told.on(2, "placement_wish-b", PlacementWishWithdrawn("改变主意"))
    told.on(3, "placement_wish-a", PersonMovedOut(WISH, "330225100", "a", "i1", FIRST, "回家"))
    stands = [(told.counts(n)["wishing"], told.counts(n).get("wishing_inside", 0)) for n in range(4)]
    assert stands == [(3, 0), (3, 1), (2, 1), (1, 0)]


def test_who_is_not_in_support_counts_in_no_indicator_of_it(told: Told) -> None:
    """特困: assessed, wishing, cared for at home; refused he never counts, granted he does, and no more once his case has ended."""
    plan = VisitPlanOpened("extreme_hardship_home_care", "330225100", "a", PlanTerms(), "carer:1", "org:1", "", (), 7, FIRST, None)
    told.on(0, "person_facts-a", lost("a", "eat"))
    told.on(0, "person_facts-b", lost("b", "eat"))
    told.on(0, "placement_wish-a", PlacementWished(WISH, "330225100", "a", WishTerms(), "意愿书", "staff:1", FIRST))
    told.on(0, "visit_plan-a", plan)
    told.on(1, "case-b", CaseRefused("不符合条件", programme=SUPPORT, subject_id="b"))
    supported(told, 1, "b", programme="severe_disability_care_subsidy")  # another benefit makes nobody 特困
    supported(told, 2, "a")
    told.on(3, "case-a", reassessed("a", "ended"))
    told.on(3, "case-a", ended("a"))
    seen = [[told.counts(day).get(of, 0) for of in ("dependent", "wishing", "home_care", "home_care_commissioned")] for day in range(4)]
    assert seen == [[0] * 4, [0] * 4, [1] * 4, [0] * 4]


def test_a_case_that_runs_again_counts_again(told: Told) -> None:
    """A death taken back, an appeal upheld, a new round; a late fact about months before the end revives nothing."""
    told.on(0, "person_facts-a", lost("a", "eat"))
    supported(told, 0, "a")
    told.on(1, "case-a", ended("a", "死亡"))
    told.on(2, "case-a", CaseRestored(SUPPORT, "a", "2023-04", "误登记", None, None, "staff:1"))
    told.on(3, "case-a", ended("a"))
    told.on(4, "case-a", reassessed("a", "lowered"))  # and stays ended
    told.on(4, "case-a", ended("a"))
    told.on(5, "case-a", reassessed("a", "unchanged"))  # as an upheld appeal says it
    told.on(6, "case-a", ended("a"))
    supported(told, 7, "a")
    assert [told.counts(day)["dependent"] for day in range(8)] == [1, 0, 1, 0, 0, 1, 0, 1]


def test_a_care_plan_counts_by_who_provides_it(told: Told) -> None:
    """照料护理: of everybody who is dispersed, also without a plan; commissioned from the day on which an organisation sends the carer,
    until the plan is closed; who lives in an institution is not counted."""
    supported(told, 0, *"ab")
    plan = VisitPlanOpened("extreme_hardship_home_care", "330225100", "a", PlanTerms(), "carer:1", "", "", (), 7, FIRST, None)
    told.on(0, "visit_plan-a", plan)
    told.on(1, "visit_plan-a", VisitResponsibleChanged("carer:2", "org:1", "协议", "更换"))
    told.on(2, "visit_plan-a", VisitPlanClosed("入住机构", FIRST, "staff:1"))
    told.on(3, "placement_wish-a", PersonMovedIn(WISH, "330225100", "a", "i1", FIRST))
    seen = [(told.counts(day)["home_care"], told.counts(day).get("home_care_commissioned", 0)) for day in range(4)]
    assert seen == [(2, 0), (2, 1), (2, 0), (1, 0)]


def test_a_budget_counts_as_it_was_last_approved(told: Told) -> None:
    """善居工程: what is planned, changed by an approved change alone; what is given up goes out, what is done is a household more."""
    for n in "ab":
        told.on(0, f"project-{n}", ProjectPlanned(IMPROVED, "330225100", n, ProjectTerms(), "改造", "某站", 1000, (), "staff:1", FIRST))
    told.on(1, "project-a", ProjectChangeDecided(False, 9000, (), "不必", "staff:2"))
    told.on(2, "project-a", ProjectChangeDecided(True, 1500, (), "增项", "staff:2"))
    told.on(3, "project-a", ProjectClosed(IMPROVED, "330225100", "a", "completed", "好", 1500, 1400, FIRST))
    told.on(4, "project-b", ProjectClosed(IMPROVED, "330225100", "b", "cancelled", "", 1000, 0, FIRST))
    assert [told.counts(n)["home_improvement_fen"] for n in range(5)] == [2000, 2000, 2500, 2500, 1500]
    assert told.counts(4)["home_improvement_done"] == 1


RATE = {"identifier": "willing_destitute_institutional_admission_rate", "operator": ">=", "target": 90, "unit": "%", "status": "target"}
RATE |= {"computed": True, "says": "", "over_says": "", "counted_by": ()}


@pytest.mark.parametrize(
    ("inside", "wishing", "value", "withheld"),
    [(0, 0, None, False), (3, 10, None, True), (10, 12, None, True), (2, 4, None, True), (0, 7, 0.0, False), (9, 20, 45.0, False)],
)
def test_few_persons_follow_from_no_indicator(inside: int, wishing: int, value: float | None, withheld: bool) -> None:
    """Neither those who are counted, nor those who are left, nor all of them: a quotient of few is withheld whole."""
    found = _with_value(RATE, {"wishing": wishing, "wishing_inside": inside}, {})
    assert (found["value"], found["withheld"]) == (value, withheld)
    assert not withheld or (found["numerator"], found["denominator"]) == (None, None)


@pytest.mark.parametrize(
    ("count", "parts", "hidden", "rule"),
    [
        (200, (198, 2, 0), False, "parts"), (200, (195, 0, 5), False, ""), (12, (4, 8, 0), False, "parts"), (2, (2, 0, 0), False, "small"),
        (60, (60, 0, 0), True, "small"), (3, (3, 0, 0), True, "small"), (0, (0, 0, 0), False, ""),
    ],
)  # fmt: skip
def test_what_of_a_run_is_withheld(count: int, parts: tuple[int, ...], hidden: bool, rule: str) -> None:
    """A run of few; one of a place whose figure is withheld; and of a large one the parts, where a follow-up run over few would follow."""
    assert why(count, parts, hidden) == rule


def test_an_indicator_withheld_is_recorded_from_day_to_day(told: Told) -> None:
    """From the day on which a few were counted to that on which they were many; what counts from New Year on is recorded by the year."""
    table = TABLES["indicators"][3]

    def stands(day: int) -> dict[str, bool]:
        asked = sa.select(table.c.identifier, table.c.withheld).where(kept.on(table, (FIRST + timedelta(days=day)).isoformat()))
        with told.engine.connect() as connection:
            return {row.identifier: row.withheld for row in connection.execute(asked)}

    for n in range(5):
        supported(told, n, f"p{n}")
        told.on(n, f"placement_wish-{n}", PlacementWished(WISH, "330225100", f"p{n}", WishTerms(), f"意愿书{n}", "staff:1", FIRST))
    told.on(9, "project-a", ProjectPlanned(IMPROVED, "330225100", "a", ProjectTerms(), "改造", "某站", 1000, (), "staff:2", FIRST))
    told.on(9, "project-a", ProjectClosed(IMPROVED, "330225100", "a", "completed", "好", 1000, 900, FIRST))
    rate = RATE["identifier"]
    assert [stands(n).get(str(rate)) for n in (0, 3, 4)] == [True, True, False]
    assert [found for how, found in stands(9).items() if COMPUTED[how].count == "home_improvement_done"] == [True]
    told.on(310, "project-b", ProjectPlanned(IMPROVED, "330225100", "b", ProjectTerms(), "改造", "某站", 1000, (), "staff:2", FIRST))
    told.on(310, "project-b", ProjectClosed(IMPROVED, "330225100", "b", "completed", "好", 1000, 900, FIRST))
    with told.engine.connect() as connection:
        yearly = [how for how, made in COMPUTED.items() if made.count == "home_improvement_done"]
        years = connection.execute(sa.select(table.c.since).where(table.c.identifier.in_(yearly), table.c.withheld)).scalars().all()
    assert sorted(day[:4] for day in years) == ["2023", "2024"]


@pytest.mark.parametrize(("found", "why"), [(0, ""), (1, "small"), (6, ""), (16, "small"), (20, "")])
def test_a_result_of_few_found_among_many_is_withheld_from_its_publication_on(told: Told, found: int, why: str) -> None:
    """Of twenty cases one with a finding, or all but four: a count of few households; none, six or all of twenty are told."""
    campaign, code = "inspection-1", "assistance_special_governance"
    told.on(0, campaign, CampaignOpened(code, "330225", "", CampaignTerms(publish_days=20), "抽查", "在册个案", FIRST, FIRST))
    told.on(1, campaign, CampaignObjectsListed(tuple(f"case-{n:02d}" for n in range(20))))
    told.on(2, campaign, CampaignStarted(0, "", 20, ""))
    for n in range(20):
        findings = (Found(f"F{n}", "missing", FIRST),) if n < found else ()
        told.on(3, campaign, CampaignObjectChecked(f"case-{n:02d}", "checked", "", findings, "staff:1"))
    told.on(5, campaign, CampaignPublished(code, "330225", "公示栏", FIRST, True))
    campaigns = TABLES["inspections"][0]
    with told.engine.connect() as connection:
        said = [
            connection.execute(sa.select(campaigns.c.result).where(kept.on(campaigns, day.isoformat()))).scalar_one()
            for day in (FIRST + timedelta(days=n) for n in (3, 4, 5, 9))
        ]
    assert said == ["", "", why, why]


@pytest.mark.parametrize(("inside", "lost_there", "told_"), [(5, 5, True), (3, 3, False), (7, 5, False), (12, 5, True), (5, 0, True)])
def test_who_is_in_no_indicator_follows_from_none(told: Told, inside: int, lost_there: int, told_: bool) -> None:
    """How many receive 特困 is a public figure. Less those of an indicator it would tell of three that they live in an institution, and of
    two there that they can look after themselves. Each is withheld from the event on after which it is so, and in no other period."""
    persons = [f"p{n:02d}" for n in range(inside + 10)]
    supported(told, 0, *persons)
    for n, who in enumerate(persons):
        if n < lost_there or inside <= n < inside + 5:
            told.on(1, f"person_facts-{who}", lost(who, "eat"))
        if n < inside:
            told.on(2, f"placement_wish-{who}", PersonMovedIn(WISH, "330225100", who, "i1", FIRST))
    rates = ("dispersed_destitute_purchased_care_rate", "nonselfcare_destitute_institutional_rate")
    of = {"dispersed": not 0 < inside < 5, "nonselfcare": told_}
    table = TABLES["indicators"][3]
    for rate in rates:
        row = RATE | {"identifier": rate}
        assert _with_value(row, told.counts(5), {})["withheld"] is not of[rate.partition("_")[0]], rate
        asked = sa.select(table.c.withheld).where(kept.on(table, (FIRST + timedelta(days=5)).isoformat()), table.c.identifier == rate)
        with told.engine.connect() as connection:
            assert connection.execute(asked).scalar_one() is not of[rate.partition("_")[0]], rate


def test_what_an_indicator_says_it_counts_is_folded() -> None:
    """Every event that an indicator names as its source is one that the portal's model folds."""
    assert {event for how in COMPUTED.values() for event in how.events} <= MODEL.handled

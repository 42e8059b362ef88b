"""Monitoring (监测预警): rules over the data that say who may be in need unseen, or whose subsidy may be wrong.

Life of a watch (one stream for each household or person): a fact that speaks for need sets it → some working days later, when there was
time to apply, the rules are asked what they say of the subject now → looked at, with the warnings that were raised → set again by the
next fact. What has happened already (a certificate ran out, a class ended, money went to somebody who had died) is warned of at once.

Must hold: nothing is decided here: a warning is a clue (线索) that people assign, verify and answer in time; who has applied or draws
what he may is not warned of; the same fact warns once, and not while the warning before it is still open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import household, person, placement, standing
from services.assistance.benefits import CASES
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.discovery import DISABLED_SUBSIDY_MONITORING, LOW_INCOME_DYNAMIC_MONITORING
from services.assistance.programmes import PROGRAMMES
from shared.casework import benefit_case, clue
from shared.casework.benefits import Asked, Benefits
from shared.casework.shape import Declaration
from shared.domain import dates
from shared.domain.errors import Refused
from shared.domain.money import yuan
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id

GRACE_DAYS = 5  # working days in which somebody whose situation changed may apply by himself
STILL_OPEN = 3  # months back in which the same warning may still be open: the longest answer is a month's working days
NOT_GRANTED = "eligible_not_granted"

# Programmes that a household may be missing, the strongest first, and the level of the warning (预警等级).
HOUSEHOLD: Mapping[str, str] = MappingProxyType(
    {
        "minimum_living_allowance": "red",
        "minimum_living_margin_household": "orange",
        "expenditure_based_hardship": "orange",
        "low_income_household": "yellow",
    }
)
SUBSIDIES = tuple(code for code, p in PROGRAMMES.items() if p.facts == "disability")  # 残疾人两项补贴
KINDS = {"income": "job_lost", "death": "death", "certificate": "disability"}  # the cause of a changed fact → A32's kind
SAYS = {
    "job_lost": "家庭收入下降",
    "death": "家庭成员死亡",
    "disability": "家庭成员残疾情况变化",
    "medical_cost": "家庭自负医疗等刚性支出较大",
    "schooling": "家庭教育支出较大",
}


# -- Events


@event("assistance.watch_set")
@dataclass(frozen=True)
class WatchSet:
    """列入监测: ``subject_id`` is a household or a person; ``kind`` the rule; ``person_id`` whom the warning is about; ``month`` the one
    from which the fact counts. It is looked at on ``look_on``."""

    subject_id: str
    division: str
    kind: str
    person_id: str
    month: str
    look_on: date


@event("assistance.watch_handed_over")
@dataclass(frozen=True)
class WatchHandedOver:
    """监测移交: whom it is about moved; what comes of the watch is ``division``'s to verify."""

    subject_id: str
    old_division: str
    division: str


@event("assistance.watch_looked")
@dataclass(frozen=True)
class WatchLooked:
    """比对: the rules were asked; ``raised`` are the clues that came of it."""

    subject_id: str
    raised: tuple[str, ...]


# -- State


@dataclass(frozen=True)
class Watch:
    subject_id: str = ""
    division: str = ""
    pending: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))  # kind → (person, latest month)
    look_on: date | None = None


def evolve(state: Watch, happened: Any) -> Watch:
    match happened:
        case WatchSet():
            pending = MappingProxyType({**state.pending, happened.kind: (happened.person_id, happened.month)})
            return Watch(happened.subject_id, happened.division, pending, happened.look_on)
        case WatchHandedOver():
            return replace(state, division=happened.division)
        case WatchLooked():
            return replace(state, pending=MappingProxyType({}), look_on=None)
        case _:
            raise TypeError(f"a watch knows no {type(happened).__name__}")


# -- Commands, all by the service


@command("set_watch", permission="assistance:watch")
@dataclass(frozen=True)
class SetWatch:
    subject_id: str
    division: str
    kind: str
    person_id: str
    month: str


@command("hand_over_watch", permission="assistance:watch")
@dataclass(frozen=True)
class HandOverWatch:
    subject_id: str
    division: str


@command("note_watch_looked", permission="assistance:watch")
@dataclass(frozen=True)
class NoteWatchLooked:
    subject_id: str
    raised: tuple[str, ...]


# -- Decisions


def set_watch(state: Watch, c: SetWatch, order: Order[Any]) -> Sequence[Any]:
    """A second fact does not put the first one off, and of a kind one is enough: what is so by the latest month is looked at."""
    if c.kind in state.pending and c.month <= state.pending[c.kind][1]:
        return []
    look_on = state.look_on or dates.add_working_days(order.today, GRACE_DAYS)
    return [WatchSet(c.subject_id, c.division, c.kind, c.person_id, c.month, look_on)]


def hand_over_watch(state: Watch, c: HandOverWatch, order: Order[Any]) -> Sequence[Any]:
    """Nothing where no watch is pending: the next one is set where he lives by then."""
    if not state.pending or state.division == c.division:
        return []
    return [WatchHandedOver(c.subject_id, state.division, c.division)]


def note_watch_looked(state: Watch, c: NoteWatchLooked, order: Order[Any]) -> Sequence[Any]:
    return [WatchLooked(c.subject_id, c.raised)] if state.pending else []


DECIDER: Decider[Watch] = Decider(
    category="assistance.watch",
    initial=Watch(),
    evolve=evolve,
    decide={SetWatch: set_watch, HandOverWatch: hand_over_watch, NoteWatchLooked: note_watch_looked},
    division=lambda state: state.division,
)


# -- The rules over the data


@dataclass(frozen=True)
class RiskWarning:
    """One warning (预警) before it is a clue; ``month`` tells it from the same one at another time."""

    of: Declaration
    kind: str
    level: str
    person_id: str
    division: str
    month: str
    what: str

    @property
    def record_id(self) -> str:
        return self._in(self.month)

    def _in(self, month: str) -> str:
        return derived_id("warning", self.of.code, self.kind, self.person_id, month)

    def earlier(self) -> list[str]:
        """The same warning of the months before."""
        return [self._in(dates.add_months(self.month, -n)) for n in range(1, STILL_OPEN + 1)]


class Monitoring:
    """The rules in one office."""

    def __init__(self, office: Any, benefits: Benefits) -> None:
        self.office, self.benefits = office, benefits

    # -- a fact sets a watch

    def household_changed(self, household_id: str, month: str, cause: str, order: Order[Any]) -> None:
        """An income fell or a member died, and the household does not draw the strongest already (of most that change, it does)."""
        if cause not in KINDS or self._case(next(iter(HOUSEHOLD)), household_id).open:
            return
        state: household.Household = self.office.load(household.DECIDER, household_id).state
        if cause != "income" or _earns(state, month) < _earns(state, dates.add_months(month, -1)):
            self._watch_household(state, month, KINDS[cause], "", order)

    def person_changed(self, person_id: str, month: str, cause: str, order: Order[Any]) -> None:
        """A certificate, a bill, a finding: of the person, and of the household that counts him."""
        own: person.Person = self.office.load(person.DECIDER, person_id).state
        place: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        if own.died_on is not None:
            return
        if cause in ("certificate", "spending") and place.home_in(month):
            home: household.Household = self.office.load(household.DECIDER, place.home_in(month)).state
            self._watch_household(home, month, KINDS.get(cause) or _spent_on(own), person_id, order)
        if cause in ("certificate", "finding", "benefit_elsewhere"):
            self._watch_person(own, own.division or place.division, month, order)

    def class_came(self, members: Sequence[str], division: str, month: str, order: Order[Any]) -> None:
        """A class may give a subsidy that nobody applied for."""
        for member in members:
            own: person.Person = self.office.load(person.DECIDER, member).state
            self._watch_person(own, own.division or division, month, order)

    def _watch_household(self, state: household.Household, month: str, kind: str, person_id: str, order: Order[Any]) -> None:
        if not state.exists or self._case(next(iter(HOUSEHOLD)), state.household_id).open:
            return
        facts = household.facts_in(state, month, 0, None)
        if facts.members:
            who = person_id or household.payee_in(state, facts)
            self._set(SetWatch(state.household_id, state.division, kind, who, month), order)

    def _watch_person(self, own: person.Person, division: str, month: str, order: Order[Any]) -> None:
        holds = person.facts_in(own, month).certificate
        if division and holds is not None and holds.grade and not all(self._case(code, own.person_id).open for code in SUBSIDIES):
            self._set(SetWatch(own.person_id, division, NOT_GRANTED, own.person_id, month), order)

    def _who(self, household_id: str, month: str) -> str:
        """Who is asked about a household, "" = nobody of it lives."""
        state: household.Household = self.office.load(household.DECIDER, household_id).state
        facts = household.facts_in(state, month, 0, None)
        return household.payee_in(state, facts) if facts.members else ""

    def _set(self, watch: SetWatch, order: Order[Any]) -> None:
        self.office.handle(DECIDER, watch.subject_id, order.to(watch, f"watch {watch.subject_id} {watch.kind}"))

    # -- its day has come

    def look(self, subject_id: str, order: Order[Any]) -> None:
        """Ask the rules about everything that the watch was set for; each finding becomes a clue."""
        state: Watch = self.office.load(DECIDER, subject_id).state
        raised = []
        for kind, (person_id, counts_from) in sorted(state.pending.items()):
            month = max(counts_from, dates.month_of(order.today))
            if standing.died_on(self.office, person_id) is not None:
                person_id = "" if kind == NOT_GRANTED else self._who(subject_id, month)
            if not person_id:
                continue  # nobody is left whom it could help
            finds = self._subsidies_missed if kind == NOT_GRANTED else self._household_missed
            warning = finds(state, kind, person_id, month)
            if warning is not None and self.warn(warning, order):
                raised.append(warning.record_id)
        self.office.handle(DECIDER, subject_id, order.to(NoteWatchLooked(subject_id, tuple(raised)), "looked"))

    def _household_missed(self, state: Watch, kind: str, person_id: str, month: str) -> RiskWarning | None:
        """The strongest programme that the rules would give, unless it or a stronger one is drawn or applied for."""
        for code, level in HOUSEHOLD.items():
            if self._case(code, state.subject_id).open:
                return None
            if self._eligible(code, state.subject_id, month):
                what = f"{SAYS[kind]}，按现有数据可能符合{PROGRAMMES[code].name}，尚未申请"
                return RiskWarning(LOW_INCOME_DYNAMIC_MONITORING, kind, level, person_id, state.division, _noticed(state), what)
        return None

    def _subsidies_missed(self, state: Watch, kind: str, person_id: str, month: str) -> RiskWarning | None:
        """应补未补."""
        missed = [code for code in SUBSIDIES if not self._case(code, person_id).open and self._eligible(code, person_id, month)]
        if not missed:
            return None
        what = f"按现有数据可能符合{'、'.join(PROGRAMMES[code].name for code in missed)}，尚未申请"
        return RiskWarning(DISABLED_SUBSIDY_MONITORING, kind, "orange", person_id, state.division, _noticed(state), what)

    # -- what has happened already

    def stopped(self, person_id: str, month: str, kind: str, why: str, order: Order[Any]) -> None:
        """A subsidy ended with that month: somebody looks whether the data are right, and what the person may draw instead."""
        for code in SUBSIDIES:
            case = self._case(code, person_id)
            if case.status == "ended" and case.ended_from == month:
                what = f"{why}，{PROGRAMMES[code].name}自{month}起停发，须核实"
                self.warn(RiskWarning(DISABLED_SUBSIDY_MONITORING, kind, "yellow", person_id, case.division, month, what), order)

    def hukou_moved(self, person_id: str, month: str, division: str, away: bool, order: Order[Any]) -> None:
        """The household of somebody who draws a subsidy moved: it goes on from another town, or ends with the district."""
        for code in SUBSIDIES:
            case = self._case(code, person_id)
            if not (case.running or case.ended_from == month):
                continue
            level, where, then = ("orange", case.division, "须停发") if away else ("yellow", division, "由迁入地接续发放")
            what = f"户籍{'迁出本区' if away else '在本区内迁移'}，{PROGRAMMES[code].name}自{month}起{then}，须核实"
            self.warn(RiskWarning(DISABLED_SUBSIDY_MONITORING, "hukou_moved", level, person_id, where, month, what), order)

    def paid_after_death(self, person_id: str, code: str, month: str, fen: int, order: Order[Any]) -> None:
        """Money of a subsidy went out for months after the death."""
        if code in SUBSIDIES and fen:
            what = f"{PROGRAMMES[code].name}在死亡后仍有发放，多发{yuan(fen)}，须核实追回"
            where = self._case(code, person_id).division
            self.warn(RiskWarning(DISABLED_SUBSIDY_MONITORING, "death", "red", person_id, where, month, what), order)

    # -- inside

    def warn(self, w: RiskWarning, order: Order[Any]) -> bool:
        """Report it as a clue, once, and not beside the same one still open; whether it is there now."""
        clues = DECIDERS[clue.NAME]
        if any(self.office.load(clues, i).state.status not in ("none", "closed") for i in w.earlier()):
            return False
        if self.office.load(clues, w.record_id).state.status == "none":
            report = clue.ReportClue(
                w.of.code, w.division, "data_rule", w.kind, w.what, subject_id=w.person_id, urgency=w.level, terms=w.of.terms
            )
            self.office.handle(clues, w.record_id, order.to(report, f"warn {w.record_id}"))
        return True

    def _eligible(self, code: str, subject_id: str, month: str) -> bool:
        try:
            return self.benefits.assess(Asked(code, subject_id, month, 0, None)).assessment.eligible
        except Refused as refused:  # nobody is left, or facts that the rules cannot take: a matter for the case, not for a warning
            if refused.code == "unavailable":
                raise
            return False

    def _case(self, code: str, subject_id: str) -> benefit_case.Case:
        state: benefit_case.Case = self.office.load(CASES, benefit_case.case_id(code, subject_id)).state
        return state


def _noticed(state: Watch) -> str:
    """The month that names the warning: that of the day on which it was to be looked at, also when that was done late or twice."""
    assert state.look_on is not None
    return dates.month_of(state.look_on)


def _earns(state: household.Household, month: str) -> int:
    return sum(m.monthly_income_fen for m in household.facts_in(state, month, 0, None).members)


def _spent_on(own: person.Person) -> str:
    """What most of the person's bills are for."""
    schooling = sum(s.self_borne_fen for s in own.spending.values() if s.kind == "education")
    return "schooling" if 2 * schooling > sum(s.self_borne_fen for s in own.spending.values()) else "medical_cost"

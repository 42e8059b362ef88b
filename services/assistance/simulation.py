"""Costing a change before it is made (政策测算): the same rules, the same facts, other figures. Changes nothing. Catalogue A07, A81.

Two months matter. ``effective_month`` is the one from which the change would count. ``month`` is the one whose cases are looked at: this
month's by default; of a past month as it was, and the change is then supposed to have counted in it. Every case is put to the rules
twice, as they are and as they would be, with what was being paid before; the first must be what was paid. Where the month was decided
anew since (a fact that came late, an end, a suspension) the difference is a claim or arrears already, and is told apart; what is neither
is listed. What was paid of a case that is in force in the month no longer is among it.

The facts of households come in bulk; those of a person (特困、两项补贴) or of a household's bills (支出型) are read case by case.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from services.assistance import household
from services.assistance.household import Household
from services.assistance.programmes import PROGRAMMES
from services.assistance.rise import CaseNow, in_bulk
from shared.casework.benefit_case import in_an_earlier_round
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.rules.assessment import Outcome
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.facts import ExpenditureFacts, HouseholdFacts

PAGE = 10_000
SINGLE_PAGE = 200  # where the facts of every case are read by themselves: the progress is told as often
MOST_DIFFERENCES = 100  # listed by case id; all are counted
_BOUNDS = (0, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)  # fen a month: how much more a case would get
_TOWN = 9  # digits of a town's code


@dataclass(frozen=True)
class Asked:
    """``changes``: a parameter, or the head of several ("minimum_living_allowance.standard") → "+10%", "-5%", "+50" or "950.00" (yuan)."""

    changes: Mapping[str, str]
    effective_month: str
    month: str
    programme: str


@dataclass(frozen=True)
class Changed:
    """A parameter as it is and as it would be; fen where it is money."""

    parameter: str
    description: str
    unit: str
    before: int
    after: int


@dataclass
class Town:
    """One town (街镇), by the first nine digits of its code."""

    division: str
    cases: int = 0
    before_fen: int = 0
    after_fen: int = 0
    newly_eligible: int = 0


@dataclass
class Bar:
    """Cases whose monthly amount would change by more than ``over_fen`` and at most ``up_to_fen`` (None: no bound on that side)."""

    over_fen: int | None
    up_to_fen: int | None
    cases: int = 0


@dataclass(frozen=True)
class NotAsPaid:
    """A case for which the unchanged rules say something else than was paid for the month, and than was decided for it since."""

    case_id: str
    paid_fen: int
    by_rules_fen: int


@dataclass
class Report:
    """What would be. Money is fen a month; ``yearly_fen`` is twelve times the difference."""

    programme: str
    month: str
    effective_month: str
    changes: tuple[Changed, ...]
    parameters_version: str
    cases: int = 0
    eligible_before: int = 0
    eligible_after: int = 0
    raised: int = 0
    lowered: int = 0
    ended: int = 0
    unchanged: int = 0
    before_fen: int = 0
    after_fen: int = 0
    not_in_receipt: int = 0
    already_eligible: int = 0  # not in receipt, and eligible without the change: nobody applied
    newly_eligible: int = 0
    newly_eligible_fen: int = 0
    paid_cases: int = 0
    paid_fen: int = 0
    corrected_cases: int = 0  # paid otherwise, and decided anew since: by so much, as arrears (+) or as a claim (-)
    corrected_fen: int = 0
    not_as_paid: int = 0
    differences: list[NotAsPaid] = field(default_factory=list)
    towns: dict[str, Town] = field(default_factory=dict)
    distribution: list[Bar] = field(default_factory=list)
    subject: str = "household"  # whether cases are of households or of persons
    by_case: list[tuple[str, str, int, int]] = field(default_factory=list)  # case, town, before, after: for a file, when asked for

    @property
    def difference_fen(self) -> int:
        return self.after_fen - self.before_fen

    @property
    def yearly_fen(self) -> int:
        return 12 * self.difference_fen

    def as_dict(self) -> dict[str, Any]:
        """As plain values, without the single cases."""
        shown = {k: v for k, v in asdict(self).items() if k != "by_case"}
        shown["towns"] = [shown["towns"][k] for k in sorted(shown["towns"])]
        shown["changes"] = list(shown["changes"])
        return shown | {"difference_fen": self.difference_fen, "yearly_fen": self.yearly_fen}


def changed(rules: RulesEngine, changes: Mapping[str, str], month: str) -> tuple[Changed, ...]:
    """What each change means for each parameter it names, against the value in force in a month."""
    found: list[Changed] = []
    for name, text in changes.items():
        names = [n for n in rules.parameter_names if n == name or n.startswith(f"{name}.")]
        if not names:
            raise invalid(f"规则中没有名为 {name} 的参数。", "changes")
        for one in names:
            try:
                now = rules.parameter(one, month)
            except RulesError as error:
                raise invalid(str(error), "changes") from error
            found.append(Changed(one, now.description, now.unit, now.value, _value(text, now.value, now.unit)))
    return tuple(found)


def _value(text: str, now: int, unit: str) -> int:
    said = text.strip().replace("％", "%")
    scale = 100 if unit == "fen" else 1
    try:
        if said.endswith("%") and said[0] in "+-":
            value = Decimal(now) * (100 + Decimal(said[:-1])) / 100
        elif said[:1] in ("+", "-"):
            value = now + Decimal(said) * scale
        else:
            value = Decimal(said) * scale
        if not value.is_finite():
            raise InvalidOperation
    except (InvalidOperation, IndexError):
        raise invalid(f"看不懂的改变“{text[:20]}”：写作 +10%、-5%、+50 或 950.00（金额以元计）。", "changes") from None
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


# Each case of a page with what the rules are asked about it; without those of whom nobody is left.
FactsOf = Callable[[list[CaseNow]], list[tuple[CaseNow, Any]]]
# A page of the register behind an id, but for the subjects named: (id, subject, facts, or None when there is nothing to ask about).
Register = Callable[[str, Container[str]], list[tuple[str, str, Any]]]


def costable(programme: str) -> None:
    """Refuse what cannot be costed by the month."""
    if programme not in PROGRAMMES:
        raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
    if PROGRAMMES[programme].payment == "once":
        raise invalid("此项目按次审批、一次发放，不能按月测算。", "programme")


def simulate(
    rules: RulesEngine,
    asked: Asked,
    cases: Iterator[CaseNow],
    facts_of: FactsOf,
    register: Register,
    payments: Callable[[Iterable[str]], dict[str, int]],
    *,
    most: int = 0,
    progress: Callable[[str, int], None] = lambda _what, _n: None,
    each_case: bool = False,
) -> Report:
    """Put the cases of a month, and who of the register has none, to the rules as they are and as they would be.

    ``register`` answers [] at the end; ``most``: refuse more cases than that (0 = no bound).
    """
    costable(asked.programme)
    if asked.programme not in rules.programmes:
        raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
    size, what = (PAGE, "households") if in_bulk(asked.programme) else (SINGLE_PAGE, "persons")
    changes = changed(rules, asked.changes, asked.effective_month)
    supposed = rules.what_if({c.parameter: c.after for c in changes}, min(asked.effective_month, asked.month)) if changes else rules
    report = Report(asked.programme, asked.month, asked.effective_month, changes, rules.parameters_version)
    report.subject = PROGRAMMES[asked.programme].subject
    bounds = [None, *(-b for b in reversed(_BOUNDS[1:])), *_BOUNDS, None]
    report.distribution = [Bar(a, b) for a, b in pairwise(bounds)]
    drawing: set[str] = set()
    page: list[CaseNow] = []
    aside: list[CaseNow] = []  # not in force in the month, by what is known now
    for now in cases:
        if in_force(now, asked.month):
            page.append(now)
            drawing.add(now.state.subject_id)
        else:
            aside.append(now)
        if len(aside) == size:
            _paid_all_the_same(report, aside, payments, asked.month)
            aside = []
        if len(page) == size:
            _page(report, page, facts_of, rules, supposed, payments, asked, each_case)
            progress("cases", len(page))
            page = []
        if most and report.cases + len(page) > most:
            raise Refused("too_many", f"超过{most}件，请用命令行 minzheng simulate 测算。", None)
    if page:
        _page(report, page, facts_of, rules, supposed, payments, asked, each_case)
        progress("cases", len(page))
    _paid_all_the_same(report, aside, payments, asked.month)
    after, looked = "", 0
    while entries := register(after, drawing):
        _newly(report, [f for _, k, f in entries if f is not None and k not in drawing], rules, supposed, asked)
        progress(what, len(entries))
        after, looked = entries[-1][0], looked + len(entries)
        if most and looked > 2 * most:
            raise Refused("too_many", f"登记在册超过{2 * most}户（人），请用命令行 minzheng simulate 测算。", None)
    return report


def in_force(now: CaseNow, month: str) -> bool:
    """Whether a case was (or will be) in force in a month, by all that is known of it."""
    case = now.state
    begun = case.running and bool(case.first_month) and case.first_month <= month
    if case.terms.payment == "none":  # of a determination no amount says it, of a round that is over neither
        newest = "" < case.first_month <= month < (case.ended_from or "9999-12") and month not in case.fell_out
        begun = newest or in_an_earlier_round(case, month)
    return (case.entitled(month) > 0 or begun) and not case.suspended_in(month)


def question(now: CaseNow, month: str) -> tuple[int, str | None]:
    """What a reassessment of that month alone would ask about a case: what was being paid, and since when it is in gradual exit."""
    since = next((s for s, over in now.exits if s < month and (not over or month < over)), None)
    return now.state.entitled(dates.add_months(month, -1)) or now.state.entitled(month), since


def facts_of_households(households: Callable[[Iterable[str]], dict[str, tuple[Household, int]]], month: str) -> FactsOf:
    """In bulk."""

    def facts_of(page: list[CaseNow]) -> list[tuple[CaseNow, HouseholdFacts]]:
        houses = households(now.state.subject_id for now in page)
        there = [now for now in page if now.state.subject_id in houses]
        asked = [(now, houses[now.state.subject_id][0], *question(now, month)) for now in there]
        found = [(now, household.facts_in(house, month, paid, since, now.state.programme)) for now, house, paid, since in asked]
        return [(now, facts) for now, facts in found if facts.members]

    return facts_of


def register_of_households(register: Callable[[str], list[tuple[str, Household]]], month: str) -> Register:
    """Every household of the register."""

    def page(after: str, but: Container[str]) -> list[tuple[str, str, HouseholdFacts | None]]:
        found = ((k, None if k in but else household.facts_in(h, month, 0, None)) for k, h in register(after))
        return [(k, k, f if f is not None and f.members else None) for k, f in found]

    return page


def _division(facts: Any) -> str:
    where: str = facts.household.division if isinstance(facts, ExpenditureFacts) else facts.division
    return where


def _page(
    report: Report,
    page: list[CaseNow],
    facts_of: FactsOf,
    rules: RulesEngine,
    supposed: RulesEngine,
    payments: Callable[[Iterable[str]], dict[str, int]],
    asked: Asked,
    each_case: bool,
) -> None:
    known = facts_of(page)
    _count(report, known, rules, supposed, payments, asked, each_case)
    there = {now.case_id for now, _ in known}
    _paid_all_the_same(report, [now for now in page if now.case_id not in there], payments, asked.month)


def _paid_all_the_same(report: Report, cases: list[CaseNow], payments: Callable[[Iterable[str]], dict[str, int]], month: str) -> None:
    """What was paid for the month of cases of which the rules are asked nothing."""
    paid = payments([now.case_id for now in cases])
    for now in cases:
        if now.case_id in paid:
            _as_paid(report, now, paid[now.case_id], 0, month)


def _as_paid(report: Report, now: CaseNow, paid: int, was: int, month: str) -> None:
    report.paid_cases += 1
    report.paid_fen += paid
    if paid == was:
        return
    if now.state.due(month) == was:
        report.corrected_cases += 1
        report.corrected_fen += was - paid
        return
    report.not_as_paid += 1
    if len(report.differences) < MOST_DIFFERENCES:
        report.differences.append(NotAsPaid(now.case_id, paid, was))


def _count(
    report: Report,
    known: list[tuple[CaseNow, Any]],
    rules: RulesEngine,
    supposed: RulesEngine,
    payments: Callable[[Iterable[str]], dict[str, int]],
    asked: Asked,
    each_case: bool,
) -> None:
    if not known:
        return
    facts = [f for _, f in known]
    before = rules.assess_many(asked.programme, facts, asked.month)
    after = before if supposed is rules else supposed.assess_many(asked.programme, facts, asked.month)
    paid = payments([now.case_id for now, _ in known])
    rows = zip(known, before.amount_fen.tolist(), after.amount_fen.tolist(), before.outcome.tolist(), after.outcome.tolist(), strict=True)
    for (now, f), was, will, outcome_was, outcome_will in rows:
        report.cases += 1
        on, still = _goes_on(outcome_was), _goes_on(outcome_will)
        report.eligible_before += on
        report.eligible_after += still
        report.raised += will > was
        report.ended += on and not still
        report.lowered += will < was and still
        report.unchanged += will == was and on == still
        report.before_fen += was
        report.after_fen += will
        division = _division(f)
        town = report.towns.setdefault(division[:_TOWN], Town(division[:_TOWN]))
        town.cases, town.before_fen, town.after_fen = town.cases + 1, town.before_fen + was, town.after_fen + will
        if will != was:
            _bar(report, will - was).cases += 1
        if now.case_id in paid:
            _as_paid(report, now, paid[now.case_id], was, asked.month)
        if each_case:
            report.by_case.append((now.case_id, division, was, will))


def _newly(report: Report, facts: list[Any], rules: RulesEngine, supposed: RulesEngine, asked: Asked) -> None:
    if not facts:
        return
    before = rules.assess_many(asked.programme, facts, asked.month)
    after = before if supposed is rules else supposed.assess_many(asked.programme, facts, asked.month)
    report.not_in_receipt += len(facts)
    report.already_eligible += int(before.eligible.sum())
    new = after.eligible & ~before.eligible
    report.newly_eligible += int(new.sum())
    report.newly_eligible_fen += int(after.amount_fen[new].sum())
    for n in new.nonzero()[0].tolist():
        division = _division(facts[n])[:_TOWN]
        report.towns.setdefault(division, Town(division)).newly_eligible += 1


def _goes_on(outcome: int) -> bool:
    return outcome not in (Outcome.ineligible, Outcome.ended)


def _bar(report: Report, difference: int) -> Bar:
    for bar in report.distribution:
        if (bar.over_fen is None or difference > bar.over_fen) and (bar.up_to_fen is None or difference <= bar.up_to_fen):
            return bar
    raise AssertionError(difference)

"""Raising a standard (提标): which cases a publication changes, and what is decided in each. No SQL and no broker here.

Cases and facts come in bulk from the read model (``Reading``), the rules are asked month by month over all of them at once, and every
case is then decided in its own stream by the same command, with the same explanation, as if it had been looked at alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol

from services.assistance import household, standard_run, standards
from services.assistance.benefits import CASES, AssistanceBenefits, book, known_until, rules_now
from services.assistance.household import Household
from services.assistance.programmes import PROGRAMMES
from services.assistance.standard_run import Run, Sums
from shared.casework.benefit_case import (
    ArrearsFound,
    ArrearsWithdrawn,
    Case,
    CaseEnded,
    OverpaymentFound,
    earlier_rounds,
    looked_at_again,
    month_before,
    reaches,
    unsettled,
)
from shared.casework.benefits import Asked, Found
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Order, derived_id
from shared.rules.assessment import Assessment, Outcome
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.facts import HouseholdFacts
from shared.rules.reading import readers_of

PAGE = 20_000  # cases whose facts are held in memory at once


@dataclass(frozen=True)
class CaseNow:
    """A case as the read model has it: its folded state without the explanations, and the months of its gradual exits
    as (month in which one began, first month in which it was over or "")."""

    case_id: str
    state: Case
    exits: tuple[tuple[str, str], ...] = ()


class Reading(Protocol):
    """What is read in bulk."""

    def cases(self, programmes: Sequence[str]) -> Iterator[CaseNow]:
        """Every case of these programmes that was ever granted, in the order of its id."""
        ...

    def households(self, ids: Iterable[str]) -> dict[str, tuple[Household, int]]:
        """Household id → its folded state without names, and the version of its stream."""
        ...


@dataclass(frozen=True)
class Known:
    """What the rules say of one case in one month: the amount, whether it is a gradual exit, and whether the case ends."""

    amount_fen: int
    exit: bool
    ended: bool
    assessment: Assessment | None = None


Decide = Callable[[str, list[HouseholdFacts], str], list[Known]]


def at_once(rules: RulesEngine) -> Decide:
    """Amounts without explanations, from one vectorised call."""

    def decide(programme: str, facts: list[HouseholdFacts], month: str) -> list[Known]:
        batch = rules.assess_many(programme, facts, month)
        exits = (batch.outcome == Outcome.gradual_exit).tolist()
        ended = ((batch.outcome == Outcome.ended) | (batch.outcome == Outcome.ineligible)).tolist()
        return [Known(*row) for row in zip(batch.amount_fen.tolist(), exits, ended, strict=True)]

    return decide


def explained(rules: RulesEngine) -> Decide:
    """Whole assessments, from one vectorised call."""

    def decide(programme: str, facts: list[HouseholdFacts], month: str) -> list[Known]:
        found = rules.assess_each(programme, facts, month)
        return [Known(a.amount_fen, a.outcome == "gradual_exit", a.outcome in ("ended", "ineligible"), a) for a in found]

    return decide


@dataclass
class _Way:
    """One case on its way through the months, as ``Benefits.reassess`` goes through them."""

    case_id: str
    case: Case
    house: Household
    version: int
    first: str
    last: str
    amount: int
    since: str | None
    until: str = ""  # the first month in which it was not due any more; "" = it runs
    today: str = ""
    changed: bool = False
    over: bool = False

    def due_in(self, month: str) -> bool:
        """Whether it was due in a month by what was decided so far: of a determination no amount says."""
        return (not self.until or month < self.until) and month not in self.case.fell_out


def _ways(now: CaseNow, house: tuple[Household, int] | None, effective: str, today: str, ahead: str) -> list[_Way]:
    """Its newest round, and those before it that the change reaches."""
    if house is None:
        return []
    newest = _way(now, house, effective, today, ahead)
    return [*([newest] if newest is not None else []), *_earlier_ways(now, house, effective, today)]


def _earlier_ways(now: CaseNow, house: tuple[Household, int], effective: str, today: str) -> list[_Way]:
    case, found = now.state, []
    for r in earlier_rounds(case):
        if (again := looked_at_again(case, r, effective, {})) is not None:
            last = dates.add_months(again.before, -1)
            found.append(_Way(now.case_id, case, *house, again.first, last, again.amount_fen, again.exit_since, r.end, today))
    return found


def _way(now: CaseNow, house: tuple[Household, int], effective: str, today: str, ahead: str) -> _Way | None:
    case = now.state
    if not (case.running or case.status == "ended"):
        return None
    first = max(effective, case.first_month)
    last = max(first, today, household.known_until(house[0]), ahead, case.last_change if case.running else "")
    if case.status == "ended":
        last = max(dates.add_months(case.last_change, -1), unsettled(case))
    if first > last:
        return None
    amount, _ = month_before(case, first, {})
    since = case.exit_since if case.exit_since and case.exit_since < first else None
    return _Way(now.case_id, case, *house, first, last, amount, since, "" if case.running else case.ended_from, today)


def walk(ways: list[_Way], decide: Decide, note: Callable[[Asked, Known, _Way, HouseholdFacts], None] | None = None) -> None:
    """Go through the months over all cases at once. Without ``note`` a case is left as soon as anything in it has changed."""
    for month in dates.months_between(min(w.first for w in ways), max(w.last for w in ways)) if ways else ():
        here: dict[str, list[tuple[_Way, HouseholdFacts]]] = {}
        for w in ways:
            if w.over or not w.first <= month <= w.last or (w.changed and note is None):
                continue
            facts = household.facts_in(w.house, month, w.amount, w.since, w.case.programme)
            if facts.members:
                here.setdefault(w.case.programme, []).append((w, facts))
            else:
                w.changed = w.over = True  # nobody is left: what becomes of such a case is decided with the case alone
        for programme, asked in here.items():
            answers = decide(programme, [facts for _, facts in asked], month)
            for (w, facts), known in zip(asked, answers, strict=True):
                if note is not None:
                    note(Asked(programme, w.case.subject_id, month, w.amount, w.since), known, w, facts)
                w.changed |= known.amount_fen != w.case.entitled(month) or known.ended == w.due_in(month)
                if not w.until:
                    w.changed |= month == w.last and known.exit != (w.case.exit_since is not None)
                w.amount = known.amount_fen
                w.since = (w.since or month) if known.exit else None
                w.over = known.ended and month >= w.today  # of those behind it until now each is asked about


def in_bulk(programme: str) -> bool:
    """Whether a programme rests on the facts of a household, which the read model has; of others every case is asked by itself."""
    return PROGRAMMES[programme].subject == "household" and not PROGRAMMES[programme].facts


def touched(rules: RulesEngine, standard: str) -> tuple[str, ...]:
    """The programmes whose cases a standard may change: its own, and those whose formulas read it. What is paid once stays paid."""
    readers = frozenset(code for package in rules.packages for code in readers_of(package, standard))
    return tuple(
        code
        for code, p in PROGRAMMES.items()
        if code in rules.programmes and p.payment != "once" and (standard.startswith(f"{code}.") or code in readers)
    )


def changing(rules: RulesEngine, reading: Reading, run: Run, today: str, ahead: str) -> tuple[int, list[str]]:
    """How many cases there are, and the ids of those that the rules decide otherwise now, in the order of their ids."""
    examined, found = 0, []
    for page in _pages(reading.cases(run.programmes), PAGE):
        examined += len(page)
        alone = [now for now in page if not in_bulk(now.state.programme)]
        found += [now.case_id for now in alone if now.state.running or now.state.status == "ended" or earlier_rounds(now.state)]
        houses = reading.households(now.state.subject_id for now in page if in_bulk(now.state.programme))
        ways = [
            w
            for now in page
            if in_bulk(now.state.programme)
            for w in _ways(now, houses.get(now.state.subject_id), run.effective_month, today, ahead)
        ]
        try:
            walk(ways, at_once(rules))
        except RulesError:  # facts of one of them that the rules cannot take: each is asked about alone, and that one is told
            found += dict.fromkeys(w.case_id for w in ways)
        else:
            found += dict.fromkeys(w.case_id for w in ways if w.changed)
    return examined, sorted(found)


def _pages(cases: Iterator[CaseNow], size: int) -> Iterator[list[CaseNow]]:
    page: list[CaseNow] = []
    for now in cases:
        page.append(now)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


class Raise:
    """The business of a raise in one office."""

    def __init__(self, office: Any, profile: str, benefits: AssistanceBenefits, reading: Reading) -> None:
        self.office, self.profile, self.benefits, self.reading = office, profile, benefits, reading

    def run(self, run_id: str) -> Run:
        state: Run = self.office.load(standard_run.DECIDER, run_id).state
        return state

    def open(self, number: int, division: str, standard: str, effective_month: str, what: str, document_no: str, order: Order[Any]) -> str:
        """A publication or its withdrawal (``what``) opens one run and lists what changes. Again with the same order: it goes on."""
        run_id = standard_run.run_id(division, number, what)
        programmes = touched(rules_now(self.office, self.profile), standard)
        cause = f"standard:{number} {what} {document_no}".strip()
        opening = standard_run.OpenStandardRun(run_id, number, division, standard, programmes, effective_month, cause)
        self._give(run_id, order.to(opening, "open"))
        if self.run(run_id).status == "open":
            examined = self._list(run_id, order)
            self._give(run_id, order.to(standard_run.PlanStandardRun(examined), "plan"))
        return run_id

    def _list(self, run_id: str, order: Order[Any]) -> int:
        run = self.run(run_id)
        rules = rules_now(self.office, self.profile)
        ahead = standards.last_month(book(self.office, self.profile))
        examined, cases = changing(rules, self.reading, run, dates.month_of(order.today), ahead)
        there = run.listed
        new = [c for c in cases if c not in there]
        for n in range(0, len(new), standard_run.SLICE):
            part = tuple(new[n : n + standard_run.SLICE])
            self._give(run_id, order.to(standard_run.ListStandardSlice(part), f"slice {part[0]}"))
        return examined

    def slice(self, run_id: str, n: int, order: Order[Any]) -> None:
        """Decide the cases of one slice. What was decided before a crash is recognised and only counted."""
        run = self.run(run_id)
        if n in run.done or n >= len(run.slices):
            return
        sums, failed = self._decide(run, run.slices[n], order)
        self._give(run_id, order.to(standard_run.FinishStandardSlice(n, sums, failed), f"done {n}"))

    def finish(self, run_id: str, order: Order[Any]) -> None:
        """When every slice is done: look once more for cases that came in meanwhile, and close when there are none."""
        if not self.run(run_id).all_done:
            return
        examined = self._list(run_id, order)
        if self.run(run_id).all_done:
            self._give(run_id, order.to(standard_run.CloseStandardRun(examined), "close"))

    def _give(self, run_id: str, order: Order[Any]) -> Answer:
        answer: Answer = self.office.handle(standard_run.DECIDER, run_id, order)
        return answer

    # -- one slice

    def _decide(self, run: Run, case_ids: Sequence[str], order: Order[Any]) -> tuple[Sums, tuple[str, ...]]:
        loaded = {case_id: self.office.load(CASES, case_id) for case_id in case_ids}
        month = max(run.effective_month, dates.month_of(order.today))
        ahead = standards.last_month(book(self.office, self.profile))
        answers, until = self._answers(run, {k: v.state for k, v in loaded.items()}, dates.month_of(order.today), ahead)
        sums, failed = Sums(), []
        for case_id in case_ids:
            step = replace(
                order, command_id=derived_id(run.run_id, case_id), asked=(run.run_id, case_id), expected_version=None, command=None
            )
            desk = _CaseDesk(self.office, case_id, loaded[case_id], step, month)
            if not desk.was_done():
                try:
                    known = until[case_id] if case_id in until else self._known_until(loaded[case_id].state)
                    self._reassess(desk, run, step, answers, max(ahead, known))
                except Refused as refused:
                    if refused.code == "unavailable":
                        raise
                    try:  # A fact may have come in between: this case is asked about alone, with what is known now.
                        desk.again()
                        self._reassess(desk, run, step, {}, max(ahead, self._known_until(desk.loaded.state)))
                    except Refused as again:
                        if again.code == "unavailable":
                            raise
                        failed.append(case_id)
            sums += desk.sums()
        return sums + Sums(failed=len(failed)), tuple(failed)

    def _reassess(self, desk: _CaseDesk, run: Run, step: Order[Any], answers: Mapping[Asked, Found], until: str) -> None:
        def assess(asked: Asked) -> Found:
            return answers.get(asked) or self.benefits.assess(asked)

        at_desk = copy(self.benefits)
        at_desk.office, at_desk.assess = desk, assess
        at_desk.ahead = lambda state: until  # type: ignore[method-assign]  # known for the whole slice
        at_desk.reassess(desk.case_id, run.effective_month, run.cause, step)

    def _known_until(self, case: Case) -> str:
        return known_until(self.office, case.programme, case.subject_id)

    def _answers(
        self, run: Run, cases: Mapping[str, Case], today: str, ahead: str
    ) -> tuple[dict[Asked, Found], dict[str, str]]:
        """What the rules say of every month of every case, by the question that is going to be asked; and until when facts are known."""
        found: dict[Asked, Found] = {}
        rules = rules_now(self.office, self.profile)

        def note(asked: Asked, known: Known, w: _Way, facts: HouseholdFacts) -> None:
            assert known.assessment is not None
            turn = rules.next_look(asked.programme, facts, asked.month) if asked.month == w.last else ""
            found[asked] = Found(known.assessment, w.version, household.payee_in(w.house, facts), next_turn=turn)

        bulk = {k: c for k, c in cases.items() if c.programme in PROGRAMMES and in_bulk(c.programme)}
        houses = self.reading.households(c.subject_id for c in bulk.values())
        ways = [
            w
            for k, c in bulk.items()
            for w in _ways(CaseNow(k, c), houses.get(c.subject_id), run.effective_month, today, ahead)
        ]
        with suppress(RulesError):  # as in ``changing``
            walk(ways, explained(rules), note)
        return found, {w.case_id: household.known_until(w.house) for w in ways}


class _CaseDesk:
    """The office as one case's reassessment sees it: a decision that would change nothing is not made, and what was decided is counted."""

    def __init__(self, office: Any, case_id: str, loaded: Any, step: Order[Any], month: str) -> None:
        self.office, self.case_id, self.loaded, self.step, self.month = office, case_id, loaded, step, month
        self.reassessed = step.to(None, f"reassess {case_id}").command_id  # as Benefits.reassess derives them
        self.ids = {self.reassessed, *(step.to(None, f"{what} {case_id}").command_id for what in ("end", "restore")), *self._of_rounds()}
        self.before: Case = loaded.state
        self.events: list[Any] = []
        self.sure = True

    def was_done(self) -> bool:
        """Whether this run decided this case before. An end alone is half of it: the months before the end come after; and of one that had
        earlier rounds those come last."""
        done = self.loaded.done or {}
        self.sure = not any(i in done for i in self.ids)
        return self.reassessed in done and not earlier_rounds(self.loaded.state)

    def _of_rounds(self) -> set[str]:
        """The commands that decide its earlier rounds, as Benefits.reassess derives them."""
        state = self.loaded.state
        return {self.step.to(None, f"reassess {self.case_id} {reaches(state, r)}").command_id for r in earlier_rounds(state)}

    def again(self) -> None:
        self.loaded = self.office.load(CASES, self.case_id)
        self.before = self.loaded.state if not self.events else self.before

    def load(self, decider: Decider[Any], aggregate_id: str) -> Any:
        return self.loaded if (decider, aggregate_id) == (CASES, self.case_id) else self.office.load(decider, aggregate_id)

    def history(self, stream: str) -> Sequence[Any]:
        found: Sequence[Any] = self.office.history(stream)
        return found

    def handle(self, decider: Decider[Any], aggregate_id: str, order: Order[Any]) -> Answer:
        if (decider, aggregate_id) != (CASES, self.case_id):  # what follows where an end is set aside: a class, what it excludes
            beside: Answer = self.office.handle(decider, aggregate_id, order)
            return beside
        state = self.loaded.state
        events = list(decider.decide[type(order.command)](state, order.command, order))
        after = decider.fold(events, state)
        if not events or _same(state, after):
            return Answer(decider.stream(aggregate_id), aggregate_id, self.loaded.version, self.loaded.position)
        answer: Answer = self.office.handle(decider, aggregate_id, order)
        self.sure = self.sure and not answer.repeated and answer.version == self.loaded.version + len(events)
        self.events += events
        moved = replace(self.loaded, state=after, version=answer.version, position=answer.position)
        self.loaded = moved if self.sure else self.office.load(decider, aggregate_id)
        return answer

    def sums(self) -> Sums:
        """From what was decided here; from the stream where it was decided before, or on another state than was seen here."""
        before, events = self.before, self.events
        if not self.sure:
            history = self.office.history(CASES.stream(self.case_id))
            ids = self.ids | self._of_rounds()
            ours = [n for n, r in enumerate(history) if r.meta.command_id in ids]
            if not ours:
                return Sums(cases=1, before_fen=before.due(self.month), after_fen=before.due(self.month))
            before = CASES.fold([r.event for r in history[: ours[0]]])
            events = [history[n].event for n in ours]
        after = self.loaded.state if self.sure else CASES.fold(events, before)
        was, now = before.due(self.month), after.due(self.month)
        return Sums(
            cases=1,
            changed=int(bool(events)),
            raised=int(now > was),
            lowered=int(now < was),
            ended=int(any(isinstance(e, CaseEnded) for e in events) and before.running),
            before_fen=was,
            after_fen=now,
            arrears_fen=sum(e.amount_fen for e in events if isinstance(e, ArrearsFound))
            - sum(e.amount_fen for e in events if isinstance(e, ArrearsWithdrawn)),
            overpaid_fen=sum(e.amount_fen for e in events if isinstance(e, OverpaymentFound)),
        )


def _same(before: Case, after: Case) -> bool:
    """Whether a decision leaves everything as it is: the amounts of all months, those in which it is in force (of a determination no amount
    says them), the gradual exit, the payee, what is owed, when it is looked at again."""
    months = {s.month for s in (*before.schedule, *after.schedule)}
    kept = (
        "status", "payee_id", "exit_since", "exit_ends", "next_turn", "arrears_fen", "first_month", "ended_from", "rounds", "fell_out",
    )  # fmt: skip
    return all(before.entitled(m) == after.entitled(m) for m in months) and all(getattr(before, k) == getattr(after, k) for k in kept)

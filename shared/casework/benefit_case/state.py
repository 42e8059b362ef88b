"""How a benefit case stands (个案状态): the procedure and its limits (``Progress``), and with the money (``Case``).

``Progress`` is folded without the money, so that the read model keeps it beside each case and knows whose turn it is and until when
(``limits``, ``worklist``) from the case's own events. ``Case`` adds what decisions need: hands, proposal, schedule, what was paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from shared.casework.benefit_case import events as e
from shared.casework.benefit_case.due import due_again
from shared.casework.programme import BEFORE_TERMS, Terms
from shared.domain import dates
from shared.domain.decoders import decoder_of
from shared.domain.frozen import replace
from shared.eventsourcing.decider import people
from shared.rules.assessment import Assessment

STEPS = ("accepted", "authorised", "means_tested", "surveyed")  # 受理、授权、核对、调查: what comes before the review, if it is owed
PENDING = ("applied", *STEPS, "publicised")
RUNNING = ("in_force", "gradual_exit", "suspended")
OVER = ("none", "not_accepted", "refused", "withdrawn", "lapsed", "ended", "closed")
STATUSES = (*OVER, *PENDING, *RUNNING)

WAITS = {"accepted": "accept", "authorised": "authorise", "means_tested": "means_test", "surveyed": "survey", "": "propose"}
REVIEW_LEAD_DAYS = 30  # a review opens so many days before it is due


# -- the procedure


@dataclass(frozen=True)
class Progress:
    """Where the case is in its procedure, and the days its limits are counted from (None: as events before the limits have it)."""

    status: str = "none"
    round: int = 0  # how many times this subject has applied or been granted
    programme: str = ""
    subject_id: str = ""
    division: str = ""
    terms: Terms = BEFORE_TERMS
    filed_on: date | None = None  # the day its limits run from: of a refusal that is set aside, the day of that
    applied_on: date | None = None  # the day on which the subject applied, whatever was decided since
    accepted_on: date | None = None
    paused_days: int = 0  # working days that the limits of this stage stood still
    extended_days: int = 0  # working days by which the whole procedure was extended
    supplement_due: date | None = None  # 补正 is awaited until then
    means_requested: bool = False
    confirm_from: date | None = None  # the day behind which the time to confirm runs
    objection_open: bool = False
    objection_due: date | None = None
    notice_due: date | None = None  # a refusal has to be told until then
    refused_at: str = ""  # 不予决定前办到的环节: the status the application had come to, from which it goes on if that is set aside
    resumes_as: str = ""  # status behind a suspension
    suspended_when_ended: bool = False  # the suspension comes back with the case if the end is set aside
    review_open: bool = False
    review_due: date | None = None
    review_stood: date | None = None  # the day of a review that was open when the rules ended it: asked for still if it goes on (ADR 25)
    valid_to: date | None = None  # of a determination
    appeal_open: bool = False
    appeal_due: date | None = None
    appeal_escalated: bool = False
    overdue: tuple[str, ...] = ()  # steps that were said to be overdue

    @property
    def pending(self) -> bool:
        return self.status in PENDING

    @property
    def running(self) -> bool:
        return self.status in RUNNING

    @property
    def open(self) -> bool:
        return self.status not in OVER

    @property
    def waiting(self) -> bool:
        """Somebody has something to do with it, or it is in force."""
        return self.open or self.notice_due is not None or self.appeal_open


def owed(terms: Terms) -> tuple[str, ...]:
    """The steps before the review that a programme owes, in their order."""
    wanted = {"accepted": True, "authorised": terms.authorisation, "means_tested": terms.means_test, "surveyed": terms.survey}
    return tuple(step for step in STEPS if wanted[step])


def next_step(p: Progress) -> str:
    """The status that the next step leads to; "" when the review is next, or nothing is."""
    if p.status == "applied":
        return "accepted"
    steps = owed(p.terms)
    if p.status in steps and p.status != steps[-1]:
        return steps[steps.index(p.status) + 1]
    return ""


def ready(p: Progress) -> bool:
    """Every step before the review is done."""
    return p.status == owed(p.terms)[-1]


P = TypeVar("P", bound=Progress)


def advance(p: P, event: Any) -> P:
    """Fold one event into the procedure; money alone changes nothing here."""
    match event:
        case e.BenefitPaid() | e.OverpaymentFound() | e.ArrearsFound() | e.ArrearsWithdrawn() | e.PayeeChanged() | e.AppealAssigned():
            return p
        case e.EarlierRoundReassessed() | e.PayeeDied() | e.PayeeLives() | e.PayeeNamed():
            return p
        case e.SuspensionSetAside() | e.RepaymentRefunded() | e.RepaymentWithheld() | e.RepaymentReleased() | e.ClaimedDueAgain():
            return p
        case e.PaymentReturned():
            return replace(p, status="in_force") if p.status == "closed" else p  # the one payment is still to be made
        case e.CaseReassessed():
            status = "gradual_exit" if event.outcome == "gradual_exit" else "in_force"
            if p.status == "suspended":
                return replace(p, resumes_as=p.resumes_as if event.outcome == "ended" else status)
            if p.suspended_when_ended and event.outcome != "ended":
                return replace(p, status="suspended", resumes_as=status, suspended_when_ended=False)
            return p if event.outcome == "ended" else replace(p, status=status)
        case e.ApplicationFiled():
            return replace(
                p,
                status="applied",
                round=p.round + 1,
                programme=event.programme,
                subject_id=event.subject_id,
                division=event.division,
                terms=event.terms,
                filed_on=event.filed_on,
                applied_on=event.applied_on or event.filed_on,
                **_ANEW,
            )
        case e.SupplementRequested():
            return replace(p, supplement_due=event.due_on)
        case e.SupplementAnswered():
            return replace(p, supplement_due=None, paused_days=p.paused_days + event.paused_days)
        case e.ApplicationAccepted():
            return replace(p, status="accepted", accepted_on=event.accepted_on, paused_days=0)
        case e.ProcedureExtended():
            again = tuple(step for step in p.overdue if step != "whole")
            return replace(p, extended_days=p.extended_days + event.days, overdue=again)
        case e.AcceptanceRefused():
            return replace(p, status="not_accepted", notice_due=event.notice_due, supplement_due=None)
        case e.ApplicationWithdrawn():
            return replace(p, status="withdrawn", **_SETTLED)
        case e.ApplicationLapsed():
            return replace(p, status="lapsed", **_SETTLED)
        case e.AuthorisationRecorded():
            return replace(p, status="authorised")
        case e.MeansTestRequested():
            steps = owed(p.terms)
            return replace(p, status=steps[steps.index("means_tested") - 1], means_requested=True)
        case e.MeansTestRecorded():
            return replace(p, status="means_tested")
        case e.HouseholdSurveyed():
            return replace(p, status="surveyed")
        case e.CaseProposed():
            since = event.publicised_until or event.proposed_on
            again = tuple(step for step in p.overdue if step not in ("confirm", "objection"))
            return replace(p, status="publicised", confirm_from=since, overdue=again)
        case e.ProposalVoided():
            return replace(p, status=owed(p.terms)[-1], objection_open=False, objection_due=None)
        case e.ObjectionRaised():
            return replace(p, objection_open=True, objection_due=event.due_on)
        case e.ObjectionAnswered():
            return replace(p, objection_open=False, objection_due=None)
        case e.CaseGranted():
            stood = p.review_stood if event.cause else None
            return replace(
                p,
                status="in_force",
                round=max(p.round, 1),
                programme=event.programme,
                subject_id=event.subject_id,
                division=event.division,
                terms=event.terms,
                review_due=stood or event.review_due,
                valid_to=event.valid_to,
                review_open=stood is not None,
                review_stood=None,
                resumes_as="",
                suspended_when_ended=False,
                overdue=tuple(step for step in p.overdue if step == "appeal" or (stood and step == "review")),
                **_SETTLED,
            )
        case e.CaseRefused():
            return replace(p, status="refused", refused_at=p.status, notice_due=event.notice_due, **_SETTLED)
        case e.RefusalTold():
            return replace(p, notice_due=None)
        case e.CaseEnded():
            last = dates.last_day(dates.add_months(event.first_unpaid_month, -1))
            held = min(p.valid_to, last) if p.valid_to else None
            stood_still = p.status == "suspended" or p.suspended_when_ended
            asked = p.review_due if p.review_open and not event.gone else p.review_stood
            return replace(
                p, status="ended", resumes_as="", review_open=False, review_due=None, review_stood=asked, valid_to=held,
                suspended_when_ended=stood_still,
            )  # fmt: skip
        case e.CaseRestored():
            status, behind = ("suspended", "in_force") if p.suspended_when_ended else ("in_force", "")
            return replace(
                p, status=status, resumes_as=behind, review_open=p.review_stood is not None, review_due=p.review_stood or event.review_due,
                review_stood=None, valid_to=event.valid_to, suspended_when_ended=False,
            )  # fmt: skip
        case e.CaseSuspended():
            return replace(p, status="suspended", resumes_as=p.status)
        case e.CaseResumed():
            return replace(p, status=p.resumes_as, resumes_as="")
        case e.CaseClosed():
            return replace(p, status="closed", review_open=False, review_due=None)
        case e.CaseHandedOver():
            return replace(p, division=event.division)
        case e.ReviewOpened():
            return replace(p, review_open=True, review_due=event.due_on)
        case e.ReviewAnswered():
            again = tuple(step for step in p.overdue if step != "review")
            return replace(p, review_open=False, review_due=event.next_due, valid_to=event.valid_to, overdue=again)
        case e.CaseStepOverdue():
            return replace(p, overdue=(*p.overdue, event.step), appeal_escalated=p.appeal_escalated or event.step == "appeal")
        case e.AppealFiled():
            again = tuple(step for step in p.overdue if step != "appeal")
            return replace(p, appeal_open=True, appeal_due=event.due_on, appeal_escalated=False, overdue=again)
        case e.AppealAnswered():
            closed = replace(p, appeal_open=False, appeal_due=None, appeal_escalated=False)
            if event.review_due or event.valid_to:  # a revived case: its reviews go on
                return replace(closed, review_due=event.review_due, review_stood=None, valid_to=event.valid_to)
            return closed
        case e.AppealWithdrawn():
            return replace(p, appeal_open=False, appeal_due=None, appeal_escalated=False)
        case e.ApplicationReopened():
            start: dict[str, Any] = {"filed_on" if event.status == "applied" else "accepted_on": event.reopened_on}
            return replace(p, status=event.status, notice_due=None, paused_days=0, extended_days=0, overdue=(), **start)
        case _:
            raise TypeError(f"a benefit case knows no {type(event).__name__}")


_SETTLED: dict[str, Any] = {"supplement_due": None, "objection_open": False, "objection_due": None}
_ANEW: dict[str, Any] = {
    **_SETTLED,
    "accepted_on": None,
    "paused_days": 0,
    "extended_days": 0,
    "means_requested": False,
    "notice_due": None,
    "refused_at": "",
    "overdue": (),
    "review_open": False,
    "review_due": None,
    "review_stood": None,
    "valid_to": None,
    "suspended_when_ended": False,
}


# -- limits: step -> the last day on which it is still in time


def limits(p: Progress) -> dict[str, date]:
    """Every time limit that runs now and was not said to be overdue yet."""
    return {step: day for step, day in _limits(p).items() if step not in p.overdue}


def _limits(p: Progress) -> dict[str, date]:
    found: dict[str, date] = {}
    t = p.terms
    if p.appeal_due is not None:
        found["appeal"] = p.appeal_due
    if p.notice_due is not None:
        found["refusal_notice"] = p.notice_due
    if p.pending and p.supplement_due is not None:
        found["supplement"] = p.supplement_due  # all others stand still
    elif p.status == "applied":
        if t.accept_days and p.filed_on:
            found["accept"] = dates.add_working_days(p.filed_on, t.accept_days + p.paused_days)
    elif p.pending:
        if t.whole_days and p.accepted_on:
            found["whole"] = dates.add_working_days(p.accepted_on, t.whole_days + p.paused_days + p.extended_days)
        if t.means_test and t.means_test_days and p.accepted_on and not p.means_requested:
            found["means_test"] = dates.add_working_days(p.accepted_on, t.means_test_days + p.paused_days)
        if p.objection_due is not None:
            found["objection"] = p.objection_due
        elif p.status == "publicised" and t.confirm_days and p.confirm_from:
            found["confirm"] = dates.add_working_days(p.confirm_from, t.confirm_days)
    elif p.running:
        if p.review_due is not None:
            if p.review_open:
                found["review"] = p.review_due
            else:
                found["review_opens"] = p.review_due - timedelta(days=REVIEW_LEAD_DAYS + 1)
        if p.valid_to is not None:
            found["validity"] = p.valid_to
    return found


@dataclass(frozen=True)
class Waiting:
    """In which list a case stands (待办清单; "" when it waits for nobody), what is due there and until when."""

    worklist: str
    due_on: date | None = None
    due: str = ""


def worklist(p: Progress) -> Waiting:
    """The one list in which the case stands. What was overdue already keeps its day: it is late since then."""
    name = _list(p)
    if not name:
        return Waiting("")
    running = _limits(p)
    running.pop("review_opens", None)
    if p.running and not p.appeal_open and p.review_due is not None:
        running.setdefault("review", p.review_due)
    if p.appeal_open:
        running = {step: day for step, day in running.items() if step == "appeal"}
    elif p.notice_due is not None:
        running = {"refusal_notice": p.notice_due}
    due, day = min(running.items(), key=lambda item: item[1], default=("", None))
    return Waiting(name, day, due)


def _list(p: Progress) -> str:
    if p.appeal_open:
        return "objection_escalated" if p.appeal_escalated else "objection"
    if p.notice_due is not None:
        return "refusal_notice"
    if p.pending:
        if p.supplement_due is not None:
            return "supplement"
        if p.status == "publicised":
            if p.objection_open:
                return "objection_escalated" if "objection" in p.overdue else "objection"
            return "confirm"
        return WAITS[next_step(p)]
    if p.running:
        return "review" if p.review_open else "suspended" if p.status == "suspended" else "in_force"
    return ""


_BLANK: dict[type[Progress], tuple[tuple[str, Any], ...]] = {}  # each field of a new one with its value


def _blank(kind: type[Progress]) -> tuple[tuple[str, Any], ...]:
    if kind not in _BLANK:
        _BLANK[kind] = tuple((f.name, getattr(kind(), f.name)) for f in fields(kind))
    return _BLANK[kind]


def packed(p: Progress) -> str:
    """As read models keep it: only what differs from a new case."""
    kept = {name: value for name, new in _blank(type(p)) if (value := getattr(p, name)) != new}
    return msgspec.json.encode(kept, enc_hook=dict).decode()


def unpacked(text: str, kind: type[P]) -> P:
    if not text:
        return kind()
    return decoder_of(kind).decode(text)


# -- with the money


@dataclass(frozen=True)
class Suspension:
    """Months [first, until) without payment ("" = still); ``repaid``: due after all (补发)."""

    first: str
    until: str = ""
    repaid: bool = False

    def covers(self, month: str) -> bool:
        return self.first <= month and (not self.until or month < self.until)


@dataclass(frozen=True)
class Decision:
    """A decision that can be appealed against: its number in the case, its kind, day, month and the hands that took part."""

    number: int
    kind: str
    decided_on: date
    month: str
    hands: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """Months [first, end) of a round that is over; ``exit_since``: the month in which its gradual exit began, if it ended in one;
    ``open_to``: the last month behind it that is not settled by its end (see ``unsettled``), "" = there is none."""

    first: str
    end: str
    exit_since: str = ""
    open_to: str = ""


@dataclass(frozen=True)
class Case(Progress):
    payee_id: str = ""
    clerks: tuple[str, ...] = ()  # the hands that took a step before the review this round
    supplement: e.SupplementRequested | None = None
    authorisation: str = ""
    near_relative: str = ""  # 近亲属, as declared in the application
    handoff_id: str = ""  # of the newest application that came of a hand-off; a later one that did not leaves it
    means_test: e.MeansTestRecorded | None = None
    means_requests: int = 0
    proposal: e.CaseProposed | None = None
    objection: e.ObjectionRaised | None = None
    suspended_by: str = ""
    review_by: str = ""
    decided: int = 0  # how many decisions there were
    decisions: tuple[Decision, ...] = ()  # those that were young enough to appeal against when the newest was made
    appeals: int = 0
    appeal: e.AppealFiled | None = None
    appeal_to: str = ""
    facts_version: int = -1  # version of the subject's stream the last decision rests on
    assessed_from: str = ""  # first and last month that were decided on those facts
    assessed_to: str = ""
    first_month: str = ""  # of this round; the schedule reaches back to the first round of all
    rounds: tuple[Round, ...] = ()  # those before this one
    rounds_were: tuple[Round, ...] = ()  # before an end that took some of them back: they come back with it
    fell_out: tuple[str, ...] = ()  # months within them that are not due by what was told later: of a determination no amount says it
    schedule: tuple[e.MonthAmount, ...] = ()  # amount from that month on, ascending
    suspensions: tuple[Suspension, ...] = ()
    towns: tuple[e.CasePlace, ...] = ()  # whose each month is, where that is not the same town for all of them
    valid_from: date | None = None
    ended_from: str = ""
    gone: bool = False  # it was ended because nobody was there any more
    ended_cause: str = ""  # of the reassessment by which it ended; "" = ended otherwise
    ended_in: str = ""  # the month in which the end was decided
    exit_was: str = ""  # since when it was in gradual exit when it ended
    exit_since: str | None = None
    exit_ends: str | None = None
    next_turn: str = ""  # the month in which the calendar alone changes what it rests on: it is looked at again then
    paid: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # month -> fen accounted for, claims and arrears included
    arrears_fen: int = 0  # found, not yet paid out; negative: found for a month that is due again as a whole
    arrears_of: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # month -> fen of it that is in ``arrears_fen``
    carried: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))  # month -> arrears its payment carried
    claimed: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # month -> fen of it that is claimed back
    # What was withheld by consent, by the month whose payment it lessened; "" = by the next one.
    withheld: Mapping[str, tuple[e.RepaymentWithheld, ...]] = field(default_factory=lambda: MappingProxyType({}))
    sent: Mapping[str, e.BenefitPaid] = field(default_factory=lambda: MappingProxyType({}))  # month -> its payment, unless it came back
    proposer: str = ""  # of the proposal before us; beside it, for whoever keeps a case without its proposal
    signed: tuple[str, ...] = ()  # the people who proposed or decided what is due: none of them may pay it
    last_assessment: Assessment | None = None
    payees_lost: tuple[e.PayeeDied, ...] = ()  # who is not paid any more, also if facts that are older than his death name him
    payee_named: e.PayeeNamed | None = None  # in the place of the last of them, not confirmed yet

    @property
    def payee_gone(self) -> bool:
        """Whether who is to be paid has died, and nobody stands in his place yet."""
        return any(lost.payee_id == self.payee_id for lost in self.payees_lost)

    @property
    def owes(self) -> bool:
        """Whether anything is to be paid yet: a case that is over may owe a month before its end, or arrears."""
        if self.status not in OVER or self.arrears_fen > 0:
            return True
        months = dates.months_between(self.schedule[0].month, self.ended_from) if self.schedule and self.ended_from else ()
        return any(month not in self.paid and self.due(month) > 0 for month in months)

    def entitled(self, month: str) -> int:
        """What was decided for a month, in fen."""
        amount = 0
        for step in self.schedule:
            if step.month <= month:
                amount = step.amount_fen
        return amount

    def suspended_in(self, month: str) -> bool:
        return any(s.covers(month) and not s.repaid for s in self.suspensions)

    def due(self, month: str) -> int:
        """What is due for a month, in fen: what was decided, unless payment was suspended."""
        return 0 if self.suspended_in(month) else self.entitled(month)

    def payable(self, month: str) -> int:
        """What a payment for this month would pay now, arrears included; nothing goes out while payment is suspended."""
        return 0 if self.suspended_in(month) else self.due(month) + self.arrears_fen

    def division_in(self, month: str) -> str:
        """Whose the month is: who pays it, and is answered to for it."""
        there = [p.division for p in self.towns if p.month <= month]
        return there[-1] if there else self.division

    @property
    def last_change(self) -> str:
        """The newest month in which the amount changes; of an ended case the one from which nothing is due."""
        return self.schedule[-1].month if self.schedule else ""

    @property
    def amount_fen(self) -> int:
        return self.schedule[-1].amount_fen if self.schedule else 0


def earlier_rounds(state: Case) -> tuple[Round, ...]:
    """The rounds before the one that runs, or that ended last; behind a later application, which is pending or came to nothing, that one is
    among them."""
    return state.rounds if state.running or state.status in ("ended", "closed") else (*state.rounds, *_over(state))


def _over(state: Case) -> tuple[Round, ...]:
    """The round that was granted last, if it is over and anything was ever due in it, or may turn out to be: what took back all of it may
    be set right."""
    first = state.first_month
    if not first:
        return ()
    end = dates.add_months(first, 1) if state.terms.payment == "once" else state.ended_from
    open_to = state.ended_in if _by_the_rules(state) and state.ended_in >= end else ""
    return (Round(first, end, state.exit_was, open_to),) if first < end or (first == end and open_to) else ()


def _applied_before(before: Case, granted: e.CaseGranted) -> tuple[Round, ...]:
    """The months from that of the application to the one from which it was granted, where the first of them counts: nothing was due in them
    by what was known. What is learnt of them later belongs to the application."""
    applied = before.applied_on or before.filed_on
    if not before.pending or granted.terms.first_month != "of_application" or applied is None:
        return ()
    since = max([dates.month_of(applied), *(reaches(before, r) for r in earlier_rounds(before))])
    return (Round(since, since, "", dates.add_months(granted.first_month, -1)),) if since < granted.first_month else ()


def unsettled(state: Case) -> str:
    """The last month that the end of an ended case does not settle, "" = it settles all.

    An end by the rules that is told late reaches back: to months that went by in force, in which nobody could apply. Up to the month in
    which it was decided each of them is what the rules say of it, whenever its facts are told (ADR 25). An end that was decided ahead takes
    nothing back: who is due after all applies again, or appeals.
    """
    return state.ended_in if state.status == "ended" and _by_the_rules(state) and state.ended_in >= state.ended_from else ""


def _by_the_rules(state: Case) -> bool:
    return bool(state.ended_cause) and not state.gone and state.terms.payment != "once"


def reaches(state: Case, r: Round) -> str:
    """The first month that a late fact about an earlier round does not touch: what is behind its end and unsettled belongs to it, up to the
    next round."""
    until = dates.add_months(r.open_to, 1) if r.open_to >= r.end else r.end
    now: tuple[Round, ...] = (Round(state.first_month, ""),) if state.running or state.status in ("ended", "closed") else ()
    later = [x.first for x in (*earlier_rounds(state), *now) if x.first >= r.end and x != r]
    return min([until, *later])


def evolve(before: Case, event: Any) -> Case:
    state = advance(before, event)
    match event:
        case e.BenefitPaid():
            if "" in state.withheld:
                state = replace(state, withheld=_moved(state.withheld, "", event.month))
            if state.arrears_of:
                carried = MappingProxyType({**state.carried, event.month: state.arrears_of})
                state = replace(state, arrears_of=MappingProxyType({}), carried=carried)
            return _changed(
                state,
                paid=MappingProxyType({**state.paid, event.month: event.amount_fen}),
                arrears_fen=state.arrears_fen - event.arrears_fen,
                sent=MappingProxyType({**state.sent, event.month: event}),
            )
        case e.PaymentReturned():
            return replace(
                state,
                paid=MappingProxyType({m: fen for m, fen in state.paid.items() if m != event.month}),
                arrears_fen=state.arrears_fen + event.arrears_fen,
                sent=MappingProxyType({m: p for m, p in state.sent.items() if m != event.month}),
                claimed=_less(state.claimed, event.month, state.claimed.get(event.month, 0)),
                withheld=_moved(state.withheld, event.month, ""),
                arrears_of=_again(state, event.month),
                carried=MappingProxyType({m: of for m, of in state.carried.items() if m != event.month}),
            )
        case e.RepaymentRefunded():
            return replace(state, arrears_fen=state.arrears_fen + event.amount_fen)
        case e.RepaymentWithheld():
            withheld = MappingProxyType({**state.withheld, "": (*state.withheld.get("", ()), event)})
            return replace(state, arrears_fen=state.arrears_fen - event.amount_fen, withheld=withheld)
        case e.RepaymentReleased():
            rest = {m: tuple(w for w in ws if w.withheld_id != event.withheld_id) for m, ws in state.withheld.items()}
            withheld = MappingProxyType({m: ws for m, ws in rest.items() if ws})
            return replace(state, arrears_fen=state.arrears_fen + event.amount_fen, withheld=withheld)
        case e.CaseReassessed():
            since = _exit_since(before, event) if event.outcome == "gradual_exit" else None
            same = event.facts_version == state.facts_version
            until = max(event.assessments[-1].month, event.effective_month)
            state = replace(
                state,
                schedule=(*_until(state.schedule, event.effective_month), *event.months),
                facts_version=event.facts_version,
                assessed_from=min(state.assessed_from, event.effective_month) if same else event.effective_month,
                assessed_to=max(state.assessed_to, until) if same else until,
                exit_since=since,
                exit_ends=event.exit_ends if since else None,
                exit_was="",
                next_turn=event.next_turn or "",
                last_assessment=event.assessments[-1],
            )
            if event.outcome != "ended":
                state = replace(state, ended_from="", gone=False, suspensions=_reopened(before))
            if before.status != "ended":
                state = replace(state, ended_cause=event.cause if event.outcome == "ended" else "")
            if event.cause.startswith(("review:", "appeal:")):  # of all others the facts are the cause, whoever recorded them
                state = _signed(state, event.by)
            return _decided(state, "reassessed", event, event.effective_month)
        case e.OverpaymentFound() | e.ClaimedDueAgain():
            claimed = state.claimed
            for m in event.months:
                claimed = _less(claimed, m.month, m.due_fen - m.paid_fen)
            return replace(state, paid=_accounted(state, event.months), claimed=claimed)
        case e.ArrearsFound() | e.ArrearsWithdrawn():
            of = state.arrears_of
            for m in event.months:
                of = _less(of, m.month, m.paid_fen - m.due_fen)
            more = event.amount_fen if isinstance(event, e.ArrearsFound) else -event.amount_fen
            return replace(state, paid=_accounted(state, event.months), arrears_fen=state.arrears_fen + more, arrears_of=of)
        case e.ApplicationFiled():
            return replace(
                state,
                payee_id=event.payee_id,
                near_relative=event.near_relative,
                handoff_id=event.handoff_id or state.handoff_id,
                clerks=(event.by,),
                supplement=None,
                authorisation="",
                means_test=None,
                means_requests=0,
                proposal=None,
                objection=None,
            )
        case e.SupplementRequested():
            return replace(state, supplement=event, clerks=(*state.clerks, event.by))
        case e.SupplementAnswered():
            return replace(state, supplement=None, clerks=(*state.clerks, event.by))
        case e.ApplicationAccepted() | e.HouseholdSurveyed():
            return replace(state, clerks=(*state.clerks, event.by))
        case e.AuthorisationRecorded():
            return replace(state, authorisation=event.reference, clerks=(*state.clerks, event.by))
        case e.MeansTestRequested():
            return replace(state, means_test=None, means_requests=event.number)
        case e.MeansTestRecorded():
            return replace(state, means_test=event, clerks=(*state.clerks, event.by))
        case e.AcceptanceRefused():
            return _decided(replace(state, supplement=None), "not_accepted", event, "", *state.clerks)
        case e.CaseProposed():
            return replace(
                state, proposal=event, proposer=event.by, facts_version=event.facts_version, last_assessment=event.assessment
            )
        case e.ProposalVoided():
            return replace(state, proposal=None, objection=None)
        case e.ObjectionRaised():
            return replace(state, objection=event)
        case e.ObjectionAnswered():
            return replace(state, objection=None)
        case e.CaseHandedOver():
            return replace(state, towns=event.towns)
        case e.CaseGranted():
            first = e.MonthAmount(event.first_month, event.amount_fen)
            if state.towns and not event.cause and state.division_in(event.first_month) != event.division:  # granted anew, elsewhere
                kept = tuple(p for p in state.towns if p.month < event.first_month)
                state = replace(state, towns=(*kept, e.CasePlace(event.first_month, event.division)))
            after = (e.MonthAmount(dates.add_months(event.first_month, 1), 0),) if event.terms.payment == "once" else ()
            state = replace(
                state,
                payee_id=event.payee_id,
                first_month=event.first_month,
                schedule=(*_until(state.schedule, event.first_month), first, *after),
                fell_out=tuple(m for m in state.fell_out if m < event.first_month),
                facts_version=event.facts_version,
                assessed_from=event.first_month,
                assessed_to=event.first_month,
                rounds=(event.cause and before.rounds_were) or (*before.rounds, *_over(before), *_applied_before(before, event)),
                rounds_were=(),
                valid_from=dates.first_day(event.first_month) if event.cause else event.decided_on or dates.first_day(event.first_month),
                ended_from="",
                ended_cause="",
                gone=False,
                exit_was="",
                exit_since=None,
                exit_ends=None,
                next_turn=event.next_turn or "",
                last_assessment=event.assessment,
                signed=people(before.proposer if before.pending else "", event.by, *event.hands),
            )
            return _decided(state, "granted", event, event.first_month, *_reviewed_by(state))
        case e.CaseRefused():
            return _decided(replace(state, supplement=None, objection=None), "refused", event, "", *_reviewed_by(state))
        case e.CaseEnded():
            state = replace(
                state,
                schedule=(*_until(state.schedule, event.first_unpaid_month), e.MonthAmount(event.first_unpaid_month, 0)),
                suspensions=_closed(state.suspensions, event.first_unpaid_month, False),
                rounds=_rounds_until(state.rounds, event.first_unpaid_month),
                rounds_were=state.rounds_were or _taken_back(state.rounds, event.first_unpaid_month),
                ended_from=event.first_unpaid_month,
                ended_cause=event.cause or state.ended_cause,
                ended_in=dates.month_of(event.decided_on) if event.decided_on and before.status != "ended" else state.ended_in,
                gone=event.gone,
                exit_was=state.exit_since or state.exit_was,
                exit_since=None,
                exit_ends=None,
                next_turn="",
            )
            return _decided(state, "ended", event, event.first_unpaid_month)
        case e.CaseRestored():
            rounds = before.rounds_were or state.rounds
            return replace(state, ended_from="", gone=False, suspensions=_reopened(before), rounds=rounds, rounds_were=())
        case e.EarlierRoundReassessed():
            later = tuple(s for s in state.schedule if s.month >= event.before)
            if not later or later[0].month > event.before:  # it reaches beyond the end of its round: what was behind that goes on behind it
                later = (e.MonthAmount(event.before, state.entitled(event.before)), *later)
            state = replace(state, schedule=(*_until(state.schedule, event.from_month), *event.months, *later))
            state = _longer(replace(state, fell_out=_fell_out(state, event)), event.from_month, event.before)
            if event.cause.startswith("appeal:"):
                state = _signed(state, event.by)
            return _decided(state, "reassessed", event, event.from_month)
        case e.CaseSuspended():
            state = replace(state, suspensions=(*state.suspensions, Suspension(event.from_month)), suspended_by=event.by)
            return _decided(state, "suspended", event, event.from_month)
        case e.CaseResumed():
            return _signed(replace(state, suspensions=_closed(state.suspensions, event.from_month, event.with_arrears)), event.by)
        case e.SuspensionSetAside():
            repaid = tuple(replace(s, repaid=True) if s.first == event.from_month and s.until else s for s in state.suspensions)
            return _signed(replace(state, suspensions=repaid), event.by)
        case e.ReviewAnswered():
            return _signed(state, event.by)
        case e.ReviewOpened():
            return replace(state, review_by=event.by)
        case e.PayeeChanged():
            lost = tuple(x for x in state.payees_lost if x.payee_id != event.payee_id)
            return replace(state, payee_id=event.payee_id, payees_lost=lost, payee_named=None)
        case e.PayeeDied():
            return replace(state, payees_lost=(*state.payees_lost, event), payee_named=None)
        case e.PayeeLives():
            lost = tuple(x for x in state.payees_lost if x.payee_id != event.payee_id)
            return replace(state, payees_lost=lost, payee_named=state.payee_named if state.payee_id != event.payee_id else None)
        case e.PayeeNamed():
            return replace(state, payee_named=event)
        case e.AppealFiled():
            return replace(state, appeal=event, appeals=event.number, appeal_to="")
        case e.AppealAssigned():
            return replace(state, appeal_to=event.to)
        case e.AppealAnswered() | e.AppealWithdrawn():
            return replace(state, appeal=None, appeal_to="")
        case e.ApplicationReopened():
            return replace(state, proposal=None)
        case _:
            return state  # ``advance`` knows it: it changes the procedure alone


def folded(state: Case, events: Iterable[Any]) -> Case:
    """How the case stands after these events."""
    for event in events:
        state = evolve(state, event)
    return state


def _accounted(state: Case, months: tuple[e.MonthDifference, ...]) -> Mapping[str, int]:
    return MappingProxyType({**state.paid, **{m.month: m.due_fen for m in months}})


def _again(state: Case, month: str) -> Mapping[str, int]:
    """Arrears by month once the payment of a month came back: those that it carried wait again; its own are in its amount now."""
    back = {m: fen + state.arrears_of.get(m, 0) for m, fen in state.carried.get(month, {}).items()}
    return MappingProxyType({m: fen for m, fen in {**state.arrears_of, **back}.items() if m != month})


def _less(amounts: Mapping[str, int], month: str, fen: int) -> Mapping[str, int]:
    """So much less of a month (more, where it is negative); a month of nothing is not kept."""
    if not fen:
        return amounts
    return MappingProxyType({m: left for m, left in {**amounts, month: amounts.get(month, 0) - fen}.items() if left})


def _moved(withheld: Mapping[str, tuple[e.RepaymentWithheld, ...]], of: str, to: str) -> Mapping[str, tuple[e.RepaymentWithheld, ...]]:
    """What lessened one payment lessens another."""
    if of not in withheld:
        return withheld
    kept = {m: ws for m, ws in withheld.items() if m != of}
    return MappingProxyType({**kept, to: (*kept.get(to, ()), *withheld[of])})


def _changed(state: Case, **values: Any) -> Case:
    """``replace`` for the event of which a case has most: a tenth of the time, for nothing is set twice or checked."""
    new = object.__new__(Case)
    new.__dict__.update(state.__dict__, **values)
    return new


def _reviewed_by(state: Case) -> tuple[str, ...]:
    return (*state.clerks, state.proposal.by) if state.proposal else state.clerks


def _signed(state: Case, by: str) -> Case:
    """With one more hand that decided something of what is due."""
    signed = people(*state.signed, by)
    return state if signed == state.signed else replace(state, signed=signed)


def _decided(state: Case, kind: str, event: Any, month: str, *hands: str) -> Case:
    if event.decided_on is None:
        return state
    since = event.decided_on - timedelta(days=state.terms.objection_days)
    young = tuple(d for d in state.decisions if d.decided_on >= since)
    number = state.decided + 1
    made = Decision(number, kind, event.decided_on, month, tuple(dict.fromkeys((*hands, event.by))))
    return replace(state, decided=number, decisions=(*young, made))


def _closed(suspensions: tuple[Suspension, ...], until: str, repaid: bool) -> tuple[Suspension, ...]:
    return tuple(s if s.until else replace(s, until=until, repaid=repaid) for s in suspensions)


def _reopened(before: Case) -> tuple[Suspension, ...]:
    """A case that runs again after it was ended while suspended is suspended still."""
    if not before.suspended_when_ended:
        return before.suspensions
    return (*before.suspensions[:-1], replace(before.suspensions[-1], until=""))


def _exit_since(state: Case, event: e.CaseReassessed) -> str:
    """The month in which the gradual exit that this decision ends with began: an earlier one goes on only if it was never interrupted."""
    known = state.exit_since or state.exit_was
    if known and known < event.effective_month and all(a.outcome == "gradual_exit" for a in event.assessments):
        return known
    began = event.effective_month
    for a in reversed(event.assessments):
        if a.outcome != "gradual_exit":
            break
        began = max(a.month, event.effective_month)
    return began


def _rounds_until(rounds: tuple[Round, ...], month: str) -> tuple[Round, ...]:
    """An end that lies in an earlier round, or before it, takes back what lay behind it."""
    return tuple(r if r.end <= month else replace(r, end=month) for r in rounds if r.first < month)


def _fell_out(state: Case, decided: e.EarlierRoundReassessed) -> tuple[str, ...]:
    again = due_again(decided)
    asked = dates.months_between(decided.from_month, dates.add_months(decided.before, -1))
    out = {m for m in asked if not any(first <= m < end for first, end in again)}
    return tuple(sorted({m for m in state.fell_out if not decided.from_month <= m < decided.before} | out))


def in_an_earlier_round(state: Case, month: str) -> bool:
    """Whether it was in force in a month of a round that is over, by all that is known now."""
    return month not in state.fell_out and any(r.first <= month < r.end for r in earlier_rounds(state))


def _taken_back(rounds: tuple[Round, ...], month: str) -> tuple[Round, ...]:
    """All of them, if an end from this month on takes anything of them back."""
    return rounds if any(r.end > month for r in rounds) else ()


def _longer(state: Case, month: str, before: str) -> Case:
    """The earlier round that this month belongs to ends where it was due to after all."""
    if not state.running and state.status not in ("ended", "closed") and state.first_month <= month:
        return replace(state, ended_from=max(state.ended_from, before))
    of = next((r for r in reversed(state.rounds) if r.first <= month), None)
    return replace(state, rounds=tuple(replace(r, end=max(r.end, before)) if r is of else r for r in state.rounds))


def _until(schedule: tuple[e.MonthAmount, ...], month: str) -> tuple[e.MonthAmount, ...]:
    return tuple(s for s in schedule if s.month < month)


def on_day(state: Case, day: date) -> dict[str, Any]:
    """What was so on a day (``valid_at``): the status then and the amounts of its month, as far as is known now (or ``as_of``)."""
    month = dates.month_of(day)
    if state.terms.payment == "none":
        begun = state.valid_from is not None and state.valid_from <= day
        over = (state.valid_to is not None and day > state.valid_to) or (state.ended_from != "" and month >= state.ended_from)
        newest = begun and not over and month not in state.fell_out  # behind an application that came to nothing it is over too
        status = "in_force" if in_an_earlier_round(state, month) or newest else "not_in_force"
        if status == "in_force" and state.suspended_in(month):
            status = "suspended"
    elif state.suspended_in(month) and state.entitled(month):
        status = "suspended"
    elif state.entitled(month):
        exiting = state.exit_since is not None and state.exit_since <= month <= (state.exit_ends or month)
        status = "gradual_exit" if exiting else "in_force"
    else:
        status = "not_in_force"
    due = state.due(month)
    return {"day": day.isoformat(), "month": month, "status": status, "due_fen": due, "accounted_fen": state.paid.get(month, 0)}


def known(state: Case, case_id: str) -> dict[str, Any]:
    """What the form of an act on the case is filled in with before anybody looks at it (see shared/casework/possible.py)."""
    proposal = state.proposal
    return {
        "case_id": case_id,
        "reviewed": proposal.reviewed if proposal else "",
        "facts_version": proposal.facts_version if proposal else state.facts_version,
        "decision": state.decisions[-1].number if state.decisions else 0,
    }

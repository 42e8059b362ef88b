"""What an order said that its events do not carry under the same name (指令的原样): for whoever asks the deciders of the shapes once more.

``shared/eventlog/integrity/orders.py`` fills the rest of a command from the events by name. Each entry gives what is missing, or the few
things that it may have been (``changing``: whether incomes change is not recorded, only by when the review is due).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from shared.casework import benefit_case as bc
from shared.casework import (
    clue,
    disclosure,
    exchange,
    fund,
    graded_assessment,
    handoff,
    inspection,
    list_entry,
    payment_calendar,
    payment_part,
    project,
    publication,
    record,
    recovery,
    service_order,
    session,
    visit_plan,
)
from shared.eventsourcing.orders import Order

# (state, events, order) → fields of a command; several where they may be one thing or another
Given = Callable[[Any, Sequence[Any], Order[Any]], Iterable[Mapping[str, Any]]]


def of(events: Sequence[Any], kind: type) -> Any:
    """The first event of a kind; IndexError: there is none, and it was another command."""
    found = [e for e in events if isinstance(e, kind)]
    return found[0]


def answered(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """支持、驳回: the form has a word for what the event has as yes or no."""
    return ({"outcome": "upheld" if events[0].upheld else "dismissed"},)


def days_public(until: date | None, order: Order[Any]) -> int:
    return (until - order.today).days if until is not None else 0


def _correction(events: Sequence[Any], key: str, changing: bool, restored: bool = False) -> bc.Correction:
    """What the rules said: of the decisions that an answer brought about, those that do not follow from another."""
    reassess = end = None
    payee, earlier = "", []
    for n, e in enumerate(events):
        if isinstance(e, bc.PayeeChanged):
            payee = e.payee_id
        elif reassess is None and isinstance(e, bc.CaseReassessed | bc.CaseGranted):
            reassess = bc.ReassessCase(**{"case_id": key, "payee_id": payee, **_reassessment(events)})
        elif isinstance(e, bc.CaseEnded) and not _of_the_months(events[n - 1], restored):
            end = bc.EndCase(key, e.first_unpaid_month, e.reason, e.basis, e.gone)
        elif isinstance(e, bc.EarlierRoundReassessed):
            earlier.append(bc.ReassessEarlierRound(**_earlier(e, key)))
    return bc.Correction(reassess, end, changing, tuple(earlier))


def _of_the_months(before: Any, restored: bool) -> bool:
    """Whether an end follows from the months decided before it; ``restored``: an end of its own may stand behind them."""
    if restored:
        return isinstance(before, bc.CaseReassessed) and before.outcome == "ended"
    return isinstance(before, bc.CaseReassessed | bc.CaseGranted | bc.CaseSuspended)


def _reassessment(events: Sequence[Any]) -> dict[str, Any]:
    """What was asked about, of the decisions that it came to: months that are not due part them, and it is granted again behind those."""
    decided = [e for e in events if isinstance(e, bc.CaseReassessed | bc.CaseGranted)]
    months = (e.assessments if isinstance(e, bc.CaseReassessed) else (e.assessment,) for e in decided)
    first = decided[0]
    since = first.effective_month if isinstance(first, bc.CaseReassessed) else first.first_month
    return {
        "effective_month": events[0].from_month if isinstance(events[0], bc.CaseRestored) else since,
        "assessments": tuple(a for some in months for a in some),
        "facts_version": first.facts_version,
        "cause": first.cause,
        "next_turn": next((e.next_turn for e in decided if e.next_turn), ""),
    }


def _earlier(e: bc.EarlierRoundReassessed, key: str) -> dict[str, Any]:
    gone = e.months[-1].month if e.gone_reason else ""
    return {
        "case_id": key, "from_month": e.from_month, "before": e.before, "assessments": e.assessments,
        "facts_version": e.facts_version, "cause": e.cause, "gone_from": gone, "gone_reason": e.gone_reason,
    }  # fmt: skip


def _case_key(state: Any) -> str:
    return bc.case_id(state.programme, state.subject_id)


def _confirmed(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    asked = {"reviewed": state.proposal.reviewed, "facts_version": state.proposal.facts_version}
    turn = getattr(events[0], "next_turn", None) or ""
    for changing in (False, True):
        yield {**asked, "changing": changing, "next_turn": turn}
    yield {**asked, "outdated": True}
    yield {**asked, "facts_version": -1}  # the facts had changed


def _reviewed(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    for changing in (False, True):
        yield {"finding": events[0].finding, "correction": _correction(events, _case_key(state), changing)}


def _appealed(state: Any, events: Sequence[Any], order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    [outcome] = answered(state, events, order)
    for changing in (False, True):
        yield {**outcome, "correction": _correction(events, _case_key(state), changing)}


def _restored(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    if not isinstance(events[0], bc.CaseRestored) and not getattr(events[0], "cause", ""):
        return
    # Of a case that is granted again the reason stands with what is owed of months that went by; of none, nothing says it.
    reasons = (x.reason for x in (events[0], events[-1]) if isinstance(x, bc.CaseRestored | bc.ArrearsFound))
    told = {"account": state.ended_cause, "reason": next(reasons, "补发")}
    for changing in (False, True):
        for restored in (True, False):
            yield {**told, "correction": _correction(events, _case_key(state), changing, restored)}


def _granted(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    turn = of(events, bc.CaseGranted).next_turn or ""
    return ({"changing": changing, "next_turn": turn} for changing in (False, True))


def _reassessed(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    payee = next((e.payee_id for e in events if isinstance(e, bc.PayeeChanged)), "")
    if not any(isinstance(e, bc.CaseReassessed) for e in events):  # what was reviewed is no longer so: newer facts of a pending case
        yield {"effective_month": "2000-01", "assessments": (), "facts_version": 1 << 40, "cause": ""}
        return
    yield {"payee_id": payee, **_reassessment(events)}


def _ended(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """Of a case that is only applied for, nothing tells the month: nothing was due of any."""
    return ({} if any(isinstance(e, bc.CaseEnded) for e in events) else {"first_unpaid_month": "2999-12", "basis": ""},)


def _listed(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    if isinstance(events[0], list_entry.EntryDropped):
        return ({"outcome": "drop"},)
    return ({"outcome": "enlist", "reason": events[0].note},)


def _paid(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    return ({"expected_fen": state.payable(events[0].month), "payee_id": "", "hands": ()},)


def _step(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    steps = {bc.ApplicationLapsed: "supplement", bc.ReviewOpened: "review_opens", bc.CaseEnded: "validity"}
    return ({"step": steps.get(type(events[0])) or events[0].step},)


def _settled_lines(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    def line(no: int, outcome: Any, reason: str = "") -> payment_part.LineResult:
        return payment_part.LineResult(no, outcome, state.lines[state.at(no)].amount_fen, reason)

    lines: list[payment_part.LineResult] = []
    for e in events:
        if isinstance(e, payment_part.PaymentLinesReturned):
            lines += [line(r.no, "returned", r.reason) for r in e.lines]
        else:
            lines += [line(no, "paid") for no in e.paid] + [line(r.no, "failed", r.reason) for r in e.failed]
    return ({"lines": tuple(lines)},)


def _moot(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """Nothing that stands was touched; the case is heard anew from the day after the newest of these was received."""
    of(events, disclosure.PublicObjectionMoot)
    last = max(state.reports[e.receipt].received_on for e in events)
    stands = None if state.shown is None else disclosure.Wanted(
        state.programme, state.division, state.kind, state.fields, state.shown, "",
        state.counted, state.until, state.ends_on, state.changes_on,
    )  # fmt: skip
    yield {"wanted": stands, "case_version": state.case_version, "reason": "", "heard_from": last + timedelta(days=1)}


def _checked(state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    lacking = events[0].lacking
    return ({"checks": tuple(visit_plan.Checked(k.code, k.code not in lacking) for k in state.terms.checks)},)


def _found(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    found = events[0].findings
    yield {"findings": tuple(f.code for f in found), "rectify_by": None}
    if found:  # a day of the checker's own
        yield {"findings": tuple(f.code for f in found), "rectify_by": found[0].rectify_by}


def late(_state: Any, events: Sequence[Any], _order: Order[Any]) -> Iterable[Mapping[str, Any]]:
    """By the timer: the decider says itself what is late."""
    return ({"due": getattr(events[0], "due", "")},)


GIVEN: dict[type, Given] = {
    bc.ProposeCase: lambda _s, e, o: ({"publicity_days": days_public(e[0].publicised_until, o)},),
    bc.ConfirmCase: _confirmed,
    bc.GrantCase: _granted,
    bc.ReassessCase: _reassessed,
    bc.ReassessEarlierRound: lambda s, e, _o: (_earlier(e[0], _case_key(s)),),
    bc.EndCase: _ended,
    bc.RaiseObjection: lambda _s, e, _o: ({"received_on": e[0].raised_on},),
    bc.AnswerObjection: answered,
    bc.AnswerReview: _reviewed,
    bc.AnswerAppeal: _appealed,
    bc.RestoreCase: _restored,
    bc.PayBenefit: _paid,
    bc.NoteStepOverdue: _step,
    recovery.MeetByReturn: lambda _s, e, _o: ({"share_fen": e[0].amount_fen},),
    payment_part.ListPaymentLines: lambda _s, _e, _o: ({"accounts": True}, {"accounts": False}),
    payment_part.HoldPaymentLine: lambda _s, e, _o: ({"line_no": e[0].no},),
    payment_part.ReleasePaymentLine: lambda _s, e, _o: ({"line_no": e[0].no},),
    payment_part.SettlePaymentLines: _settled_lines,
    payment_calendar.LookAtPaymentMonths: lambda _s, e, _o: (
        {"owed": tuple(payment_calendar.OwedMonth(m.month, m.due_on, m.cases, m.total_fen) for m in e[:-1])},
    ),
    payment_calendar.NotePaymentMonth: lambda _s, e, _o: ({"cases": getattr(e[0], "cases", 0)},),
    fund.SettleFundDraw: lambda s, e, _o: ({"covered": s.open_draws[e[0].draw_id].amount - e[0].given_back},),
    inspection.RecordCheck: _found,
    inspection.VerifyRectification: lambda _s, e, _o: ({"outcome": "accepted" if e[0].accepted else "rejected"},),
    visit_plan.RecordVisit: _checked,
    exchange.AnswerExchange: lambda _s, e, _o: ({}, {"outcome": "found"}),
    list_entry.DecideListing: _listed,
    disclosure.KeepDisclosure: _moot,
    disclosure.ReportPublicObjection: lambda _s, e, _o: ({"words": e[0].objection_words, "contact": e[0].objector_contact or ""},),
    handoff.TakeUpHandoff: lambda s, _e, _o: ({"dossier_hash": s.dossier_hash},),
    session.NoteMeetingMissed: lambda _s, e, _o: ({"quarter": e[0].due, "last_day": e[0].due_on},),
    session.RecordAttendance: lambda _s, e, _o: ({"present": (*e[0].present, *e[0].walk_ins)},),
}
_OVERDUE = (
    clue.NoteClueOverdue, exchange.NoteExchangeOverdue, fund.NoteFundOverdue, graded_assessment.NoteAssessmentOverdue,
    handoff.NoteHandoffOverdue, inspection.NoteCampaignOverdue, list_entry.NoteEntryOverdue, project.NoteProjectOverdue,
    publication.NotePublicationOverdue, record.NoteRecordOverdue, service_order.NoteServiceOverdue, session.NoteSessionOverdue,
    visit_plan.NoteVisitOverdue,
)  # fmt: skip
GIVEN |= dict.fromkeys(_OVERDUE, late)

# Event type → why its order cannot be asked about: what else holds it, if it decides anything.
_DRAWN = "随机抽取：由名单、盐和种子重算（replay.py）"
_SHOWN = "公开的内容由个案和项目声明得出，不在自己的流中；以 minzheng renew-disclosures --check 逐件比较"
UNHELD: dict[str, str] = {
    "campaign_list_frozen": _DRAWN,
    "campaign_started": _DRAWN,
    "disclosure_published": _SHOWN,
    "disclosure_corrected": _SHOWN,
    "disclosure_rescheduled": _SHOWN,
    "disclosure_expired": _SHOWN,
    "disclosure_withdrawn": _SHOWN,
    "payee_account_proposed": "户名、账号是本人提供的材料，密封记载，没有推算",
    "file_looked_at": "查阅本身，没有决定",
    "audit_bundle_taken": "制作审计包本身，没有决定",
}

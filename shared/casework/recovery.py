"""Recovery claim (追回): money paid for months in which it was not due, from the notice to the last fen. Part of shape 2.

Life: open → told by a written notice (追回通知) with a due date, which is to be served in time; perhaps paid in instalments that were
agreed → settled when the last fen
is in; or waived for what is left, by a second hand; or barred (超过时效) when the limitation period ran out and nothing interrupted it.
What comes in: repayments, amounts set off (抵扣) against a payment with the payee's consent, payments of the claimed months that the
bank gave back (then the money was never had), and claimed months that turn out to be due after all (then it was rightly had).

Must hold: the amount comes from the case that found the overpayment, month by month, and is never typed; claimed = repaid + set off + met
by returns and decisions + waived + barred when it closes; instalments add up to what is left; a receipt counts once. Relied on by whoever
pays benefits.

Limitation: 民法典 第一百八十八条 (three years), 第一百八十九条 (of a debt in instalments it begins when the last is due), 第一百九十五条 (a
notice, an agreement or a repayment interrupts it, and it begins anew).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.casework.benefit_case import MonthDifference
from shared.casework.shape import said
from shared.domain import dates, money
from shared.domain.errors import invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order, derived_id

SHAPE = "recovery"
LIMITATION_YEARS = 3
NOTIFY_DAYS = 10  # working days from the claim until its notice is served; a placeholder, the district sets it
MOST_INSTALMENTS = 60

# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(
    SHAPE,
    "recovery_opened",
    published=True,
    public=lambda e: {
        "recovery_id": e.recovery_id,
        "case_id": e.case_id,
        "programme": e.programme,
        "amount_fen": e.amount_fen,
        "months": e.months,
    },
)
@dataclass(frozen=True)
class RecoveryOpened:
    """追回立项: what is claimed, from whom, for which months."""

    recovery_id: str
    case_id: str
    programme: str
    payee_id: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str
    opened_on: date | None = None  # None: before there was a limitation date
    limitation_years: int = LIMITATION_YEARS
    notify_days: int = 0  # working days; 0 and None: before there was a day for the notice
    notify_by: date | None = None


@shape_event(SHAPE, "recovery_notice_overdue", published=True)
@dataclass(frozen=True)
class RecoveryNoticeOverdue:
    """追回通知逾期未送达: the claim is open and the payee has not been told of it. Work for a person."""

    recovery_id: str
    division: str
    notify_by: date


@shape_event(SHAPE, "recovery_notified", day="told_on")
@dataclass(frozen=True)
class RecoveryNotified:
    """追回通知书 served: interrupts the limitation period."""

    notice_no: str
    told_on: date
    due_on: date
    by: str


@dataclass(frozen=True)
class Instalment:
    """One part of what is left, and the last day on which it is in time."""

    due_on: date
    amount_fen: int


@shape_event(SHAPE, "recovery_instalments_agreed")
@dataclass(frozen=True)
class RecoveryInstalmentsAgreed:
    """分期归还: replaces an earlier plan."""

    instalments: tuple[Instalment, ...]
    agreed_on: date
    by: str


@shape_event(SHAPE, "recovery_instalment_overdue", published=True)
@dataclass(frozen=True)
class RecoveryInstalmentOverdue:
    """逾期未还: an instalment, or the notice's whole amount, was not in on its day. Work for a person."""

    recovery_id: str
    division: str
    due_on: date
    missing_fen: int


@shape_event(SHAPE, "recovery_repaid")
@dataclass(frozen=True)
class RecoveryRepaid:
    """归还."""

    amount_fen: int
    receipt_no: str
    repaid_on: date | None = None


@shape_event(SHAPE, "recovery_set_off_agreed")
@dataclass(frozen=True)
class RecoverySetOffAgreed:
    """同意抵扣: the payee agrees in writing that at most ``most_fen`` of a month's payment goes to the claim."""

    most_fen: int
    document_no: str
    agreed_on: date
    by: str


@shape_event(SHAPE, "recovery_set_off")
@dataclass(frozen=True)
class RecoverySetOff:
    """抵扣: so much less is paid out with the case's next payment."""

    amount_fen: int
    withheld_id: str
    set_off_on: date


@shape_event(SHAPE, "recovery_set_off_released")
@dataclass(frozen=True)
class RecoverySetOffReleased:
    """抵扣撤销: what was withheld never lessened a payment, for the case ended; it is claimed as before, of a settled claim too, whose
    notice, if there was none, is then due anew by ``notify_by``."""

    amount_fen: int
    withheld_id: str
    released_on: date
    notify_by: date | None = None


@shape_event(SHAPE, "recovery_met_by_decision")
@dataclass(frozen=True)
class RecoveryMetByDecision:
    """重新核定冲抵: ``share_fen`` of a claimed month is due after all. ``amount_fen`` of the claim is met by that; of it ``refund_fen`` had
    been repaid or set off, and goes back to the household. ``cause`` is the event of the case that says so."""

    month: str
    cause: str
    share_fen: int
    amount_fen: int
    refund_fen: int


@shape_event(SHAPE, "recovery_met_by_return")
@dataclass(frozen=True)
class RecoveryMetByReturn:
    """退汇冲抵: the bank gave back what was claimed. ``refund_fen`` had been repaid or set off, and goes back to the household."""

    month: str
    run_id: str
    amount_fen: int
    refund_fen: int


@shape_event(SHAPE, "recovery_waiver_proposed")
@dataclass(frozen=True)
class RecoveryWaiverProposed:
    """追回免除申请."""

    reason: str
    by: str


@shape_event(SHAPE, "recovery_waiver_rejected")
@dataclass(frozen=True)
class RecoveryWaiverRejected:
    """不予免除: the claim goes on."""

    reason: str
    by: str


@shape_event(SHAPE, "recovery_waived")
@dataclass(frozen=True)
class RecoveryWaived:
    """追回免除."""

    amount_fen: int


@shape_event(SHAPE, "recovery_settled")
@dataclass(frozen=True)
class RecoverySettled:
    """追回结清."""

    repaid_fen: int


@shape_event(SHAPE, "recovery_barred", published=True)
@dataclass(frozen=True)
class RecoveryBarred:
    """时效届满: what is left can no longer be claimed."""

    recovery_id: str
    division: str
    amount_fen: int
    limitation_on: date


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recovery:
    status: str = "none"  # none | open | waiver_proposed | settled | waived | barred
    division: str = ""
    amount_fen: int = 0
    repaid_fen: int = 0  # repaid by the household and not given back to it
    proposer: str = ""
    recovery_id: str = ""
    case_id: str = ""
    programme: str = ""
    set_off_fen: int = 0
    met_fen: int = 0
    limitation_years: int = LIMITATION_YEARS
    limitation_on: date | None = None  # the last day on which it can be claimed
    notice_due_on: date | None = None
    instalments: tuple[Instalment, ...] = ()
    before_plan_fen: int = 0  # what had come in when the plan was agreed
    overdue_on: date | None = None  # the newest due day that passed with money missing
    most_set_off_fen: int = 0  # 0: no consent
    withheld: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # what was set off, by what withheld it
    # "month run" or "month event" of what met it -> fen given back to the household
    refunds: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    due_again: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # "month event" -> fen that turned out due
    receipts: tuple[str, ...] = ()
    notify_days: int = 0
    notify_by: date | None = None  # until when the notice is served
    notice_late: bool = False  # it was told that the notice was not served by then

    @property
    def notified(self) -> bool:
        """The payee knows of it in writing: by the notice, or by the plan that was agreed with him."""
        return self.notice_due_on is not None or bool(self.instalments)

    @property
    def unserved_by(self) -> date | None:
        """Until when the notice of an open claim is, or was, to be served; None where it was, or where no day was set."""
        return self.notify_by if self.open and not self.notified else None

    @property
    def left_fen(self) -> int:
        return self.amount_fen - self.repaid_fen - self.set_off_fen - self.met_fen

    @property
    def open(self) -> bool:
        return self.status in ("open", "waiver_proposed")

    def missing_on(self, day: date) -> int:
        """What should have been in by the end of a day by plan or notice, less what was."""
        if self.instalments:
            owed = sum(i.amount_fen for i in self.instalments if i.due_on <= day)
            came = self.amount_fen - self.left_fen - self.before_plan_fen
            return max(0, min(owed - came, self.left_fen))
        if self.notice_due_on is not None and self.notice_due_on <= day:
            return self.left_fen
        return 0

    @property
    def next_due(self) -> date | None:
        """The next day on which money must be in and is not yet; one that was told overdue does not come again."""
        if not self.open:
            return None
        days = [i.due_on for i in self.instalments] or ([self.notice_due_on] if self.notice_due_on else [])
        return next((d for d in days if self.missing_on(d) and (self.overdue_on is None or d > self.overdue_on)), None)


def of_overpayment(event_id: str) -> str:
    """The claim that the event of an overpayment leads to: one each."""
    return derived_id("recovery", event_id)


def evolve(state: Recovery, event: Any) -> Recovery:
    match event:
        case RecoveryOpened():
            opened = Recovery(
                "open",
                event.division,
                event.amount_fen,
                recovery_id=event.recovery_id,
                case_id=event.case_id,
                programme=event.programme,
                limitation_years=event.limitation_years,
                notify_days=event.notify_days,
                notify_by=event.notify_by,
            )
            return _anew(opened, event.opened_on)
        case RecoveryNoticeOverdue():
            return replace(state, notice_late=True)
        case RecoveryNotified():
            return _anew(replace(state, notice_due_on=event.due_on), event.told_on)
        case RecoveryInstalmentsAgreed():
            came = state.amount_fen - state.left_fen
            plan = replace(state, instalments=event.instalments, before_plan_fen=came, overdue_on=None)
            return _anew(plan, event.instalments[-1].due_on)
        case RecoveryInstalmentOverdue():
            return replace(state, overdue_on=event.due_on)
        case RecoveryRepaid():
            receipts = (*state.receipts, event.receipt_no)
            return _anew(replace(state, repaid_fen=state.repaid_fen + event.amount_fen, receipts=receipts), event.repaid_on)
        case RecoverySetOffAgreed():
            return _anew(replace(state, most_set_off_fen=event.most_fen), event.agreed_on)
        case RecoverySetOff():
            withheld = MappingProxyType({**state.withheld, event.withheld_id: event.amount_fen})
            held = replace(state, set_off_fen=state.set_off_fen + event.amount_fen, withheld=withheld)
            return _anew(held, event.set_off_on)
        case RecoverySetOffReleased():
            withheld = MappingProxyType({w: fen for w, fen in state.withheld.items() if w != event.withheld_id})
            status = "open" if state.status == "settled" else state.status
            freed = replace(state, status=status, set_off_fen=state.set_off_fen - event.amount_fen, withheld=withheld)
            if event.notify_by is not None:
                freed = replace(freed, notify_by=event.notify_by, notice_late=False)
            return _anew(freed, event.released_on)
        case RecoveryMetByReturn():
            return _met(state, event, event.run_id)
        case RecoveryMetByDecision():
            again = {**state.due_again, f"{event.month} {event.cause}": event.share_fen}
            return _met(replace(state, due_again=MappingProxyType(again)), event, event.cause)
        case RecoveryWaiverProposed():
            return replace(state, status="waiver_proposed", proposer=event.by)
        case RecoveryWaiverRejected():
            return replace(state, status="open")
        case RecoveryWaived():
            return replace(state, status="waived")
        case RecoverySettled():
            return replace(state, status="settled")
        case RecoveryBarred():
            return replace(state, status="barred")
        case _:
            raise TypeError(f"a recovery claim knows no {type(event).__name__}")


def _met(state: Recovery, event: RecoveryMetByReturn | RecoveryMetByDecision, cause: str) -> Recovery:
    """What goes back was repaid in cash first, then set off."""
    cash = min(event.refund_fen, state.repaid_fen)
    return replace(
        state,
        met_fen=state.met_fen + event.amount_fen,
        repaid_fen=state.repaid_fen - cash,
        set_off_fen=state.set_off_fen - (event.refund_fen - cash),
        refunds=MappingProxyType({**state.refunds, f"{event.month} {cause}": event.refund_fen}),
    )


def _anew(state: Recovery, since: date | None) -> Recovery:
    """The limitation period begins anew."""
    if since is None:
        return state
    year = since.year + state.limitation_years
    try:
        until = since.replace(year=year)
    except ValueError:  # 29 February
        until = date(year, 2, 28)
    return replace(state, limitation_on=max(until, state.limitation_on or until))


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_recovery", permission="recover")
@dataclass(frozen=True)
class OpenRecovery:
    """By the service itself, from an overpayment that a case found."""

    recovery_id: str
    case_id: str
    programme: str
    payee_id: str
    division: str
    months: tuple[MonthDifference, ...]
    amount_fen: int
    reason: str
    limitation_years: int = LIMITATION_YEARS
    notify_days: int = NOTIFY_DAYS


@command("record_recovery_notice", permission="review")
@dataclass(frozen=True)
class RecordRecoveryNotice:
    recovery_id: str
    notice_no: str
    told_on: date
    due_on: date


@command("agree_instalments", permission="review")
@dataclass(frozen=True)
class AgreeInstalments:
    recovery_id: str
    instalments: tuple[Instalment, ...]


@command("record_repayment", permission="pay")
@dataclass(frozen=True)
class RecordRepayment:
    recovery_id: str
    amount_fen: int
    receipt_no: str


@command("agree_set_off", permission="review")
@dataclass(frozen=True)
class AgreeSetOff:
    """``document_no`` is the payee's written consent."""

    recovery_id: str
    most_fen: int
    document_no: str


@command("record_set_off", permission="recover")
@dataclass(frozen=True)
class RecordSetOff:
    """By the service, when the case has withheld it from its next payment; ``withheld_id`` names that."""

    recovery_id: str
    amount_fen: int
    withheld_id: str


@command("meet_by_return", permission="recover")
@dataclass(frozen=True)
class MeetByReturn:
    """By the service, when the bank gave a payment back of which ``share_fen`` was claimed here."""

    recovery_id: str
    month: str
    run_id: str
    share_fen: int


@command("release_set_off", permission="recover")
@dataclass(frozen=True)
class ReleaseSetOff:
    """By the service, when the case ended before a payment from which it could be withheld."""

    recovery_id: str
    withheld_id: str


@command("meet_by_decision", permission="recover")
@dataclass(frozen=True)
class MeetByDecision:
    """By the service, when ``share_fen`` of a month that is claimed here is due after all; ``cause`` is the event that says so."""

    recovery_id: str
    month: str
    cause: str
    share_fen: int


@command("propose_waiver", permission="review")
@dataclass(frozen=True)
class ProposeWaiver:
    recovery_id: str
    reason: str


@command("approve_waiver", permission="confirm")
@dataclass(frozen=True)
class ApproveWaiver:
    recovery_id: str


@command("reject_waiver", permission="confirm")
@dataclass(frozen=True)
class RejectWaiver:
    """不予免除, or taken back by whoever proposed it."""

    recovery_id: str
    reason: str


@command("note_instalment_overdue", permission="recover")
@dataclass(frozen=True)
class NoteInstalmentOverdue:
    """By the timer, the day after."""

    recovery_id: str
    due_on: date


@command("note_recovery_notice_overdue", permission="recover")
@dataclass(frozen=True)
class NoteRecoveryNoticeOverdue:
    """By the timer, the day after."""

    recovery_id: str


@command("bar_recovery", permission="recover")
@dataclass(frozen=True)
class BarRecovery:
    """By the timer, the day after the limitation date."""

    recovery_id: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_recovery(state: Recovery, c: OpenRecovery, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        return []
    if c.amount_fen != sum(m.paid_fen - m.due_fen for m in c.months):
        raise invalid("追回金额与各月差额不符。", "amount_fen")
    opened = RecoveryOpened(
        c.recovery_id,
        c.case_id,
        c.programme,
        c.payee_id,
        c.division,
        c.months,
        c.amount_fen,
        c.reason,
        order.today,
        c.limitation_years,
        c.notify_days,
        _notify_by(c.notify_days, order),
    )
    return [opened]


def record_recovery_notice(state: Recovery, c: RecordRecoveryNotice, order: Order[Any]) -> Sequence[Any]:
    _must_be_open(state)
    if not c.notice_no.strip():
        raise invalid("请填写通知书文号。", "notice_no")
    if c.told_on > order.today:
        raise invalid("送达日期不能晚于今天。", "told_on")
    if state.limitation_on is not None and c.told_on > state.limitation_on:
        raise invalid("送达时已超过时效。", "told_on")
    if c.due_on < c.told_on:
        raise invalid("归还期限不能早于送达日期。", "due_on")
    return [RecoveryNotified(c.notice_no.strip(), c.told_on, c.due_on, order.hand.actor)]


def agree_instalments(state: Recovery, c: AgreeInstalments, order: Order[Any]) -> Sequence[Any]:
    _must_be_open(state)
    if not 0 < len(c.instalments) <= MOST_INSTALMENTS or any(i.amount_fen <= 0 for i in c.instalments):
        raise invalid(f"分期须为1至{MOST_INSTALMENTS}期，每期金额大于零。", "instalments")
    days = [i.due_on for i in c.instalments]
    if days != sorted(set(days)) or days[0] <= order.today:
        raise invalid("各期到期日须在今天之后，依次递增。", "instalments")
    if sum(i.amount_fen for i in c.instalments) != state.left_fen:
        raise invalid("各期金额之和须等于未归还金额。", "instalments")
    return [RecoveryInstalmentsAgreed(c.instalments, order.today, order.hand.actor)]


def record_repayment(state: Recovery, c: RecordRepayment, order: Order[Any]) -> Sequence[Any]:
    _must_be_open(state)
    money.check(c.amount_fen, "amount_fen")
    if not 0 < c.amount_fen <= state.left_fen:
        raise invalid("归还金额须大于零且不超过未归还金额。", "amount_fen")
    receipt = said(c.receipt_no, "receipt_no", "收据编号")
    if receipt in state.receipts:
        raise invalid("该收据已登记过。", "receipt_no")
    return _settled_after(state, RecoveryRepaid(c.amount_fen, receipt, order.today))


def agree_set_off(state: Recovery, c: AgreeSetOff, order: Order[Any]) -> Sequence[Any]:
    _must_be_open(state)
    money.check(c.most_fen, "most_fen")
    if c.most_fen <= 0:
        raise invalid("每月抵扣上限须大于零。", "most_fen")
    if not c.document_no.strip():
        raise invalid("请填写本人书面同意的材料编号。", "document_no")
    return [RecoverySetOffAgreed(c.most_fen, c.document_no.strip(), order.today, order.hand.actor)]


def can_set_off(state: Recovery, amount_fen: int) -> None:
    """Refuse a set-off that the payee did not agree to, or that is more than is left."""
    _must_be_open(state)
    money.check(amount_fen, "amount_fen")
    if not state.most_set_off_fen:
        raise out_of_order("未取得本人书面同意，不得从以后发放中抵扣。")
    if not 0 < amount_fen <= min(state.most_set_off_fen, state.left_fen):
        raise invalid("抵扣金额须大于零，且不超过本人同意的每月上限和未归还金额。", "amount_fen")


def record_set_off(state: Recovery, c: RecordSetOff, order: Order[Any]) -> Sequence[Any]:
    """The case has withheld it: of a claim that was met meanwhile no more than is left is taken."""
    if state.status == "none" or c.withheld_id in state.withheld:
        return []
    amount = min(c.amount_fen, state.left_fen) if state.open else 0
    if not amount:
        return []
    return _settled_after(state, RecoverySetOff(amount, c.withheld_id, order.today))


def meet_by_return(state: Recovery, c: MeetByReturn, order: Order[Any]) -> Sequence[Any]:
    """Of what is still claimed first; the rest had been repaid and goes back. What was waived or barred was never asked for again."""
    if state.status == "none":
        raise out_of_order("该追回事项尚未立项。")
    if f"{c.month} {c.run_id}" in state.refunds:
        return []
    left = state.left_fen if state.open else 0
    met = min(c.share_fen, left)
    refund = min(c.share_fen - met, state.repaid_fen + state.set_off_fen)
    if not met + refund:
        return []
    back = RecoveryMetByReturn(c.month, c.run_id, met + refund, refund)
    return _settled_after(state, back) if state.open else [back]


def meet_by_decision(state: Recovery, c: MeetByDecision, order: Order[Any]) -> Sequence[Any]:
    """Of what the household still has first, whether it is claimed, waived or barred: it keeps that rightly. The rest goes back to it."""
    if state.status == "none":
        raise out_of_order("该追回事项尚未立项。")
    if f"{c.month} {c.cause}" in state.refunds:
        return []
    met = min(c.share_fen, state.left_fen)
    refund = min(c.share_fen - met, state.repaid_fen + state.set_off_fen)
    again = RecoveryMetByDecision(c.month, c.cause, c.share_fen, met + refund, refund)
    return _settled_after(state, again) if state.open else [again]


def release_set_off(state: Recovery, c: ReleaseSetOff, order: Order[Any]) -> Sequence[Any]:
    """Nothing of a claim that is waived or barred: it is not asked for again."""
    if c.withheld_id not in state.withheld or not (state.open or state.status == "settled"):
        return []
    amount = min(state.withheld[c.withheld_id], state.set_off_fen)  # less what went back to the household since
    if not amount:
        return []
    again = _notify_by(state.notify_days, order) if state.status == "settled" and not state.notified else None
    return [RecoverySetOffReleased(amount, c.withheld_id, order.today, again)]


def _notify_by(days: int, order: Order[Any]) -> date | None:
    return dates.add_working_days(order.today, days) if days else None


def _settled_after(state: Recovery, event: Any) -> list[Any]:
    return [event, RecoverySettled(state.amount_fen)] if evolve(state, event).left_fen == 0 else [event]


def propose_waiver(state: Recovery, c: ProposeWaiver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open":
        raise out_of_order("该追回事项未在办理中。")
    if not c.reason.strip():
        raise invalid("请填写减免理由。", "reason")
    return [RecoveryWaiverProposed(c.reason.strip(), order.hand.actor)]


def approve_waiver(state: Recovery, c: ApproveWaiver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "waiver_proposed":
        raise out_of_order("尚无待批准的减免意见。")
    not_the_same_hand(order, state.proposer)
    return [RecoveryWaived(state.left_fen)]


def reject_waiver(state: Recovery, c: RejectWaiver, order: Order[Any]) -> Sequence[Any]:
    if state.status != "waiver_proposed":
        raise out_of_order("尚无待批准的减免意见。")
    return [RecoveryWaiverRejected(said(c.reason, "reason", "不予减免的理由"), order.hand.actor)]


def note_instalment_overdue(state: Recovery, c: NoteInstalmentOverdue, order: Order[Any]) -> Sequence[Any]:
    missing = state.missing_on(c.due_on) if state.open else 0
    if not missing or order.today <= c.due_on or (state.overdue_on is not None and state.overdue_on >= c.due_on):
        return []
    return [RecoveryInstalmentOverdue(state.recovery_id, state.division, c.due_on, missing)]


def note_notice_overdue(state: Recovery, c: NoteRecoveryNoticeOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was served, or the claim closed, meanwhile, or told already."""
    by = state.unserved_by
    if by is None or order.today <= by or state.notice_late:
        return []
    return [RecoveryNoticeOverdue(state.recovery_id, state.division, by)]


def bar_recovery(state: Recovery, c: BarRecovery, order: Order[Any]) -> Sequence[Any]:
    if not state.open or state.limitation_on is None or order.today <= state.limitation_on:
        return []  # met, or interrupted meanwhile
    return [RecoveryBarred(state.recovery_id, state.division, state.left_fen, state.limitation_on)]


def _must_be_open(state: Recovery) -> None:
    if not state.open:
        raise out_of_order("该追回事项未在办理中。")


def decider(service: str) -> Decider[Recovery]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.recovery",
        initial=Recovery(),
        evolve=evolve,
        decide={
            OpenRecovery: open_recovery,
            RecordRecoveryNotice: record_recovery_notice,
            AgreeInstalments: agree_instalments,
            RecordRepayment: record_repayment,
            AgreeSetOff: agree_set_off,
            RecordSetOff: record_set_off,
            MeetByReturn: meet_by_return,
            MeetByDecision: meet_by_decision,
            ReleaseSetOff: release_set_off,
            ProposeWaiver: propose_waiver,
            ApproveWaiver: approve_waiver,
            RejectWaiver: reject_waiver,
            NoteInstalmentOverdue: note_instalment_overdue,
            NoteRecoveryNoticeOverdue: note_notice_overdue,
            BarRecovery: bar_recovery,
        },
        division=lambda state: state.division,
    )

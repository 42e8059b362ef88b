"""Payment run (发放批次): one programme, one month, from the list to the proof that in = paid + failed + held. Shape 2.

Life: opened → listed part by part → locked with count and total → approved by another hand → sending (every line is reserved in its
own case's stream, where a month can be paid only once) → sent (the bank file is made of what was reserved) → settled part by part
from the bank's answer → closed, when every line and every fen is accounted for. Before sending it may be cancelled (退回、作废).

The lines themselves are in the run's parts (``payment_part.py``, 400 lines a stream); the run keeps only their sums, so it stays
small however many are paid. Resumable after a crash at any point: a part's number is its name, and whoever goes on finds what is there.

A run of a month that is closed is followed by another round (补发批次), which lists only what is still due. ``mode`` is "bank_file",
or "direct", in which a simulated bank (模拟银行) pays every line at once: for demos and tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order, derived_id

SHAPE = "payment_run"
CHUNK = 400  # lines in one part's list: about 56 KiB of the 64 an event may have
DIRECT, BANK_FILE = "direct", "bank_file"
BEFORE_SENDING = ("open", "locked", "approved")


def run_id(programme: str, month: str, division: str, nth: int = 0) -> str:
    """One run per programme, month, division and round."""
    return derived_id("payment_run", programme, month, division, *([str(nth)] if nth else []))


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(SHAPE, "payment_run_opened")
@dataclass(frozen=True)
class PaymentRunOpened:
    """批次开立: ``round`` 0 is the month's run, every later one a follow-up (补发批次)."""

    run_id: str
    programme: str
    month: str
    division: str
    by: str
    round: int = 0
    mode: str = DIRECT


@dataclass(frozen=True)
class PaymentLine:
    """One case's payment of the month: ``amount_fen`` with arrears. ``decision`` is the version in the case's stream it rests on,
    ``account`` the number of the payee's account (0: there was none when the list was made)."""

    case_id: str
    amount_fen: int
    payee_id: str = ""
    account: int = 0
    decision: int = -1


@dataclass(frozen=True)
class LineReason:
    """A line by its number in the run (from 1), and why it was not paid."""

    no: int
    reason: str


@shape_event(SHAPE, "payment_lines_listed")
@dataclass(frozen=True)
class PaymentLinesListed:
    """发放明细编制: a part of the list. ``held`` are the lines that cannot be sent as it stands (no account)."""

    chunk: int
    lines: tuple[PaymentLine, ...]
    run_id: str = ""
    programme: str = ""
    month: str = ""
    division: str = ""
    held: tuple[LineReason, ...] = ()


@dataclass(frozen=True)
class PartSum:
    """What a part lists."""

    count: int
    total_fen: int


@dataclass(frozen=True)
class HandLines:
    """How many lines of a part somebody proposed or decided himself: he may not prepare, lock or send them."""

    part: int
    hand: str
    cases: int


@shape_event(SHAPE, "payment_parts_listed", published=True, public=lambda e: {"run_id": e.run_id, "parts": e.first + len(e.parts)})
@dataclass(frozen=True)
class PaymentPartsListed:
    """编制进度: the next parts are listed. ``last_case`` is where the list goes on, ``hands`` who decided the cases in them."""

    run_id: str
    first: int
    parts: tuple[PartSum, ...]
    last_case: str
    hands: tuple[HandLines, ...] = ()


@shape_event(SHAPE, "payment_run_locked")
@dataclass(frozen=True)
class PaymentRunLocked:
    """批次锁定."""

    count: int
    total_fen: int


@shape_event(
    SHAPE, "payment_run_approved", published=True, public=lambda e: {"run_id": e.run_id, "programme": e.programme, "month": e.month}
)
@dataclass(frozen=True)
class PaymentRunApproved:
    """发放批准."""

    run_id: str
    programme: str
    month: str
    by: str


@shape_event(SHAPE, "payment_run_cancelled")
@dataclass(frozen=True)
class PaymentRunCancelled:
    """作废 by whoever prepares, or 退回 by whoever approves: nothing of it was sent."""

    reason: str
    by: str


@shape_event(SHAPE, "payment_run_sending", published=True, public=lambda e: {"run_id": e.run_id})
@dataclass(frozen=True)
class PaymentRunSending:
    """送发: from here on its lines are reserved in their cases, part by part."""

    run_id: str
    by: str


@shape_event(SHAPE, "payment_parts_sent", published=True, public=lambda e: {"run_id": e.run_id, "parts": e.first + len(e.parts)})
@dataclass(frozen=True)
class PaymentPartsSent:
    """送发进度: of the next parts, what their cases reserved."""

    run_id: str
    first: int
    parts: tuple[PartSum, ...]


@shape_event(SHAPE, "payment_run_sent", published=True, public=lambda e: {"run_id": e.run_id, "count": e.count, "total_fen": e.total_fen})
@dataclass(frozen=True)
class PaymentRunSent:
    """已送发: so many lines and fen are the bank's to pay."""

    run_id: str
    count: int
    total_fen: int


@shape_event(SHAPE, "payment_file_made")
@dataclass(frozen=True)
class PaymentFileMade:
    """代发文件: ``sha256`` is over its lines, and the same however often and in whatever format it is made."""

    format: str
    sha256: str
    count: int
    total_fen: int
    by: str


@dataclass(frozen=True)
class PartOutcome:
    """How a part ended: every line of it paid, failed or held."""

    number: int
    paid: int
    paid_fen: int
    failed: int
    failed_fen: int
    held: int
    held_fen: int


@shape_event(SHAPE, "payment_parts_settled")
@dataclass(frozen=True)
class PaymentPartsSettled:
    """分批回盘."""

    parts: tuple[PartOutcome, ...]


@shape_event(SHAPE, "payment_run_closed", published=True)
@dataclass(frozen=True)
class PaymentRunClosed:
    """发放关账: in = paid + failed + held, in lines and in fen."""

    run_id: str
    programme: str
    month: str
    count: int
    total_fen: int
    paid: int
    paid_fen: int
    failed: int
    failed_fen: int
    held: int = 0
    held_fen: int = 0
    round: int = 0


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    status: str = "none"  # none | open | locked | approved | sending | sent | closed | cancelled
    run_id: str = ""
    programme: str = ""
    month: str = ""
    division: str = ""
    opener: str = ""
    round: int = 0
    mode: str = DIRECT
    approver: str = ""
    parts: tuple[PartSum, ...] = ()
    last_case: str = ""
    sent: tuple[PartSum, ...] = ()  # of the parts that were sent, in order
    outcomes: Mapping[int, PartOutcome] = field(default_factory=lambda: MappingProxyType({}))  # of the parts that are settled
    file_sha256: str = ""
    sender: str = ""
    hands: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # who decided how many of the lines

    @property
    def count(self) -> int:
        return sum(p.count for p in self.parts)

    @property
    def total_fen(self) -> int:
        return sum(p.total_fen for p in self.parts)


def evolve(state: Run, event: Any) -> Run:
    match event:
        case PaymentRunOpened():
            e = event
            return Run("open", e.run_id, e.programme, e.month, e.division, e.by, e.round, e.mode)
        case PaymentPartsListed():
            hands = dict(state.hands)
            for h in event.hands:
                hands[h.hand] = hands.get(h.hand, 0) + h.cases
            return replace(state, parts=(*state.parts, *event.parts), last_case=event.last_case, hands=MappingProxyType(hands))
        case PaymentLinesListed():  # runs of before there were parts kept their lines themselves
            part = PartSum(len(event.lines), sum(line.amount_fen for line in event.lines))
            return replace(state, parts=(*state.parts, part))
        case PaymentRunLocked():
            return replace(state, status="locked")
        case PaymentRunApproved():
            return replace(state, status="approved", approver=event.by)
        case PaymentRunCancelled():
            return replace(state, status="cancelled")
        case PaymentRunSending():
            return replace(state, status="sending", sender=event.by)
        case PaymentPartsSent():
            return replace(state, sent=(*state.sent, *event.parts))
        case PaymentRunSent():
            return replace(state, status="sent")
        case PaymentFileMade():
            return replace(state, file_sha256=event.sha256)
        case PaymentPartsSettled():
            return replace(state, outcomes=MappingProxyType({**state.outcomes, **{p.number: p for p in event.parts}}))
        case PaymentRunClosed():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"a payment run knows no {type(event).__name__}")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_payment_run", permission="pay")
@dataclass(frozen=True)
class OpenPaymentRun:
    """``round`` and ``mode`` are put in by the service."""

    programme: str
    month: str
    division: str
    round: int = 0
    mode: str = DIRECT


@command("list_payment_parts", permission="pay")
@dataclass(frozen=True)
class ListPaymentParts:
    """Put in by the service from the parts as they stand in the log; never typed."""

    first: int
    parts: tuple[PartSum, ...]
    last_case: str
    hands: tuple[HandLines, ...] = ()


@command("lock_payment_run", permission="pay")
@dataclass(frozen=True)
class LockPaymentRun:
    run_id: str


@command("approve_payment_run", permission="confirm")
@dataclass(frozen=True)
class ApprovePaymentRun:
    run_id: str


@command("reject_payment_run", permission="confirm")
@dataclass(frozen=True)
class RejectPaymentRun:
    """退回: whoever should approve does not."""

    run_id: str
    reason: str


@command("cancel_payment_run", permission="pay")
@dataclass(frozen=True)
class CancelPaymentRun:
    """作废 by whoever prepares."""

    run_id: str
    reason: str


@command("send_payment_run", permission="pay")
@dataclass(frozen=True)
class SendPaymentRun:
    run_id: str


@command("record_sent_parts", permission="pay")
@dataclass(frozen=True)
class RecordSentParts:
    """Put in by the service: of the next parts, what their cases reserved."""

    first: int
    parts: tuple[PartSum, ...]


@command("record_payment_file", permission="pay")
@dataclass(frozen=True)
class RecordPaymentFile:
    """Put in by whatever wrote the file."""

    run_id: str
    format: str
    sha256: str
    count: int
    total_fen: int


@command("record_settled_parts", permission="pay")
@dataclass(frozen=True)
class RecordSettledParts:
    """Put in by the service: parts of which every line is accounted for."""

    parts: tuple[PartOutcome, ...]


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_payment_run(state: Run, c: OpenPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        raise Refused("already_exists", f"{c.month} 该项目的发放批次已存在。", "month")
    if dates.check_month(c.month) > dates.month_of(order.today):
        raise invalid("不得提前发放以后月份。", "month")
    if c.mode not in (DIRECT, BANK_FILE):
        raise invalid("没有此发放方式。", "mode")
    this = run_id(c.programme, c.month, c.division, c.round)
    return [PaymentRunOpened(this, c.programme, c.month, c.division, order.hand.actor, c.round, c.mode)]


def list_payment_parts(state: Run, c: ListPaymentParts, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none" and c.first + len(c.parts) <= len(state.parts):
        return []  # another worker was quicker with all of them, and may have locked the list already
    if state.status != "open" or c.first > len(state.parts):
        raise out_of_order("发放名单已锁定或批次次序不符。")
    new = c.parts[len(state.parts) - c.first :]  # another worker may have listed some of them meanwhile: they are the same parts
    if not new:
        return []
    if any(p.count <= 0 or p.total_fen <= 0 for p in new):
        raise invalid("发放名单分段不正确。", "parts")
    if c.last_case <= state.last_case:
        raise invalid("同一对象在名单中出现两次。", "parts")
    hands = tuple(h for h in c.hands if h.part >= len(state.parts))
    return [PaymentPartsListed(state.run_id, len(state.parts), new, c.last_case, hands)]


def lock_payment_run(state: Run, c: LockPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("none", "open", "cancelled"):
        return []  # another worker, who lists the same run, was quicker
    if state.status != "open":
        raise out_of_order("该批次不在编制中。")
    if not state.parts:
        raise out_of_order("该批次没有应发对象。")
    decided_none(state, "编制、锁定该批次", state.opener, order.hand.actor)
    return [PaymentRunLocked(state.count, state.total_fen)]


def decided_none(state: Run, act: str, *hands: str) -> None:
    """Law 9 across cases and runs: whoever proposed or decided a case does not pay it. The house's own hand decides nothing."""
    if n := max((state.hands.get(hand, 0) for hand in hands), default=0):
        raise signed_himself(n, act)


def signed_himself(lines: int, act: str) -> Refused:
    return Refused("same_hand", f"名单中有{lines}笔是同一人审核或确认的个案，此人不得{act}，请由其他经办人办理。", None)


def approve_payment_run(state: Run, c: ApprovePaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "locked":
        raise out_of_order("该批次尚未锁定或已批准。")
    not_the_same_hand(order, state.opener)
    return [PaymentRunApproved(state.run_id, state.programme, state.month, order.hand.actor)]


def cancel_payment_run(state: Run, c: CancelPaymentRun | RejectPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status not in BEFORE_SENDING:
        raise out_of_order("该批次已送发或已办结，不能作废。")
    if not c.reason.strip():
        raise invalid("请填写作废或退回的理由。", "reason")
    return [PaymentRunCancelled(c.reason.strip(), order.hand.actor)]


def send_payment_run(state: Run, c: SendPaymentRun, order: Order[Any]) -> Sequence[Any]:
    if state.status in ("sending", "sent", "closed"):
        return []
    if state.status != "approved":
        raise out_of_order("该批次尚未批准。")
    not_the_same_hand(order, state.approver)
    decided_none(state, "送发该批次", order.hand.actor)
    return [PaymentRunSending(state.run_id, order.hand.actor)]


def record_sent_parts(state: Run, c: RecordSentParts, order: Order[Any]) -> Sequence[Any]:
    if state.status in ("sent", "closed"):
        return []
    if state.status != "sending" or c.first > len(state.sent):
        raise out_of_order("该批次不在送发中。")
    new = c.parts[len(state.sent) - c.first :]
    if not new:
        return []
    listed = state.parts[len(state.sent) :]
    if len(new) > len(listed) or any(not _within(p, of) for p, of in zip(new, listed, strict=False)):
        raise invalid("送发的笔数或金额超出名单。", "parts")
    decided: list[Any] = [PaymentPartsSent(state.run_id, len(state.sent), new)]
    after = evolve(state, decided[0])
    if len(after.sent) == len(after.parts):
        decided.append(PaymentRunSent(state.run_id, sum(p.count for p in after.sent), sum(p.total_fen for p in after.sent)))
    return _closed_after(state, decided)


def _within(sent: PartSum, listed: PartSum) -> bool:
    return 0 <= sent.count <= listed.count and 0 <= sent.total_fen <= listed.total_fen


def record_payment_file(state: Run, c: RecordPaymentFile, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("sent", "closed") or state.mode != BANK_FILE:
        raise out_of_order("该批次尚未送发完毕，或不使用代发文件。")
    decided_none(state, "生成该批次的代发文件", order.hand.actor)
    sums = sum(p.count for p in state.sent), sum(p.total_fen for p in state.sent)
    if (c.count, c.total_fen) != sums:
        raise invalid("代发文件的笔数或金额与送发的不符。", "total_fen")
    if state.file_sha256 and state.file_sha256 != c.sha256:
        raise invalid("代发文件的内容与此前生成的不同。", "sha256")
    return [PaymentFileMade(c.format, c.sha256, c.count, c.total_fen, order.hand.actor)]


def record_settled_parts(state: Run, c: RecordSettledParts, order: Order[Any]) -> Sequence[Any]:
    if state.status == "closed":
        return []
    if state.status not in ("sending", "sent"):
        raise out_of_order("该批次尚未送发。")
    new = tuple(p for p in c.parts if p.number not in state.outcomes)
    if not new:
        return []
    for p in new:
        if not 0 <= p.number < len(state.parts):
            raise invalid("没有此名单分段。", "parts")
        listed = state.parts[p.number]
        if PartSum(p.paid + p.failed + p.held, p.paid_fen + p.failed_fen + p.held_fen) != listed:
            raise invalid("应发与实发、失败、暂缓之和不符，不能关账。", "parts")
    return _closed_after(state, [PaymentPartsSettled(new)])


def _closed_after(state: Run, decided: list[Any]) -> list[Any]:
    """With the proof, once everything was sent and every part is settled."""
    after = state
    for event in decided:
        after = evolve(after, event)
    ends = after.outcomes.values()
    if after.status != "sent" or len(ends) != len(after.parts):
        return decided
    paid, failed, held = sum(p.paid for p in ends), sum(p.failed for p in ends), sum(p.held for p in ends)
    fen = sum(p.paid_fen for p in ends), sum(p.failed_fen for p in ends), sum(p.held_fen for p in ends)
    if (paid + failed + held, sum(fen)) != (after.count, after.total_fen):  # each part was proven already; this is the whole
        raise invalid("应发与实发、失败、暂缓之和不符，不能关账。", "parts")
    s = after
    closed = PaymentRunClosed(
        s.run_id, s.programme, s.month, s.count, s.total_fen, paid, fen[0], failed, fen[1], held, fen[2], s.round
    )
    return [*decided, closed]


def decider(service: str) -> Decider[Run]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.payment_run",
        initial=Run(),
        evolve=evolve,
        decide={
            OpenPaymentRun: open_payment_run,
            ListPaymentParts: list_payment_parts,
            LockPaymentRun: lock_payment_run,
            ApprovePaymentRun: approve_payment_run,
            RejectPaymentRun: cancel_payment_run,
            CancelPaymentRun: cancel_payment_run,
            SendPaymentRun: send_payment_run,
            RecordSentParts: record_sent_parts,
            RecordPaymentFile: record_payment_file,
            RecordSettledParts: record_settled_parts,
        },
        division=lambda state: state.division,
    )

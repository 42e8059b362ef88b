"""Part of a payment run (发放名单分段): up to 400 lines of the list, each with its own fate.

Life of a part: listed → sending (from here on no line can be held back) → sent. Life of a line: due → held (暂缓) before sending, or
sent (reserved in its case), or refused by its case; what was sent is paid (成功) or failed (失败) by the bank's return file, and what
was paid may come back later (退汇). A line whose case says by then that its payee has died is held too. What is held, refused, failed or
returned is due again in its case: the next follow-up run of the month lists it.

Must hold: no line changes its amount; a line is settled once; a repeated return file changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.casework.payment_run import CHUNK, LineReason, PartOutcome, PartSum, PaymentLine, PaymentLinesListed
from shared.domain.errors import invalid, out_of_order
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order

SHAPE = "payment_part"
SIMULATED_BANK = "simulated_bank"  # 模拟银行: settles the runs of demos and tests
NO_ACCOUNT = "缺少已确认的收款账户"
PAYEE_DIED = "领款人死亡，须重新指定领款人"  # its case says so when the part is sent: the line is held, not refused


def part_id(run_id: str, number: int) -> str:
    """Named by its number: whoever goes on with a run finds the parts that are there."""
    return f"{run_id}-{number}"


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(SHAPE, "payment_line_held")
@dataclass(frozen=True)
class PaymentLineHeld:
    """暂缓发放."""

    no: int
    reason: str
    by: str


@shape_event(SHAPE, "payment_line_released")
@dataclass(frozen=True)
class PaymentLineReleased:
    """恢复发放."""

    no: int
    by: str


@shape_event(SHAPE, "payment_part_sending")
@dataclass(frozen=True)
class PaymentPartSending:
    """分批送发."""

    run_id: str


@shape_event(SHAPE, "payment_part_sent")
@dataclass(frozen=True)
class PaymentPartSent:
    """分批送发完成: every line was taken to its case; ``refused`` are those that the case did not reserve, with the code of the refusal."""

    run_id: str
    refused: tuple[LineReason, ...]


@shape_event(
    SHAPE, "payment_lines_settled", published=True, public=lambda e: {"run_id": e.run_id, "number": e.number, "failed": len(e.failed)}
)
@dataclass(frozen=True)
class PaymentLinesSettled:
    """回盘: what the bank answered. ``source`` is the SHA-256 of its return file, or the simulated bank."""

    run_id: str
    number: int
    paid: tuple[int, ...]
    failed: tuple[LineReason, ...]
    source: str


@shape_event(
    SHAPE, "payment_lines_returned", published=True, public=lambda e: {"run_id": e.run_id, "number": e.number, "returned": len(e.lines)}
)
@dataclass(frozen=True)
class PaymentLinesReturned:
    """退汇: paid, and come back later."""

    run_id: str
    number: int
    lines: tuple[LineReason, ...]
    source: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    status: str = "none"  # none | listed | sending | sent
    run_id: str = ""
    number: int = 0
    programme: str = ""
    month: str = ""
    division: str = ""
    lines: tuple[PaymentLine, ...] = ()
    fates: tuple[str, ...] = ()  # of each line: due | held | refused | sent | paid | failed | returned
    reasons: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """The number of its first line in the run."""
        return self.number * CHUNK + 1

    def at(self, no: int) -> int:
        """Where a line of the run stands in this part; refuses one that is not here."""
        if not self.first <= no < self.first + len(self.lines):
            raise invalid("名单中没有此序号。", "line_no")
        return no - self.first

    def of(self, *fates: str) -> PartSum:
        """How many lines, and fen, met one of these fates."""
        amounts = [line.amount_fen for line, fate in zip(self.lines, self.fates, strict=True) if fate in fates]
        return PartSum(len(amounts), sum(amounts))

    @property
    def complete(self) -> bool:
        return self.status == "sent" and "sent" not in self.fates

    @property
    def outcome(self) -> PartOutcome:
        """What came back after it was paid was paid: the run closes once."""
        paid, failed, held = self.of("paid", "returned"), self.of("refused", "failed"), self.of("held")
        return PartOutcome(self.number, paid.count, paid.total_fen, failed.count, failed.total_fen, held.count, held.total_fen)


def evolve(state: Part, event: Any) -> Part:
    match event:
        case PaymentLinesListed():
            e = event
            many = len(e.lines)
            listed = Part("listed", e.run_id, e.chunk, e.programme, e.month, e.division, e.lines, ("due",) * many, ("",) * many)
            return _fated(listed, "held", e.held)
        case PaymentLineHeld():
            return _fated(state, "held", (LineReason(event.no, event.reason),))
        case PaymentLineReleased():
            return _fated(state, "due", (LineReason(event.no, ""),))
        case PaymentPartSending():
            return replace(state, status="sending")
        case PaymentPartSent():
            sent = tuple("sent" if fate == "due" else fate for fate in state.fates)
            dead = tuple(LineReason(line.no, PAYEE_DIED) for line in event.refused if line.reason == "payee_died")
            refused = tuple(line for line in event.refused if line.reason != "payee_died")
            return _fated(_fated(replace(state, status="sent", fates=sent), "refused", refused), "held", dead)
        case PaymentLinesSettled():
            paid = _fated(state, "paid", tuple(LineReason(no, "") for no in event.paid))
            return _fated(paid, "failed", event.failed)
        case PaymentLinesReturned():
            return _fated(state, "returned", event.lines)
        case _:
            raise TypeError(f"a part of a payment run knows no {type(event).__name__}")


def _fated(state: Part, fate: str, lines: Sequence[LineReason]) -> Part:
    fates, reasons = list(state.fates), list(state.reasons)
    for line in lines:
        fates[line.no - state.first], reasons[line.no - state.first] = fate, line.reason
    return replace(state, fates=tuple(fates), reasons=tuple(reasons))


# -- Commands ----------------------------------------------------------------------------------------------------


@command("list_payment_lines", permission="pay")
@dataclass(frozen=True)
class ListPaymentLines:
    """Put in by the service from what is due; never typed."""

    chunk: int
    lines: tuple[PaymentLine, ...]
    run_id: str
    programme: str
    month: str
    division: str
    accounts: bool  # whether a line needs an account to be sent


@command("hold_payment_line", permission="pay")
@dataclass(frozen=True)
class HoldPaymentLine:
    """暂缓 one line, with the reason: the subject died, the case is suspended, the account is in doubt."""

    run_id: str
    line_no: int
    reason: str


@command("release_payment_line", permission="pay")
@dataclass(frozen=True)
class ReleasePaymentLine:
    run_id: str
    line_no: int


@command("begin_part", permission="pay")
@dataclass(frozen=True)
class BeginPart:
    run_id: str


@command("finish_part", permission="pay")
@dataclass(frozen=True)
class FinishPart:
    """Put in by the service: the lines that their cases refused."""

    run_id: str
    refused: tuple[LineReason, ...]


@dataclass(frozen=True)
class LineResult:
    """The bank's answer to one line. ``amount_fen`` as the bank has it, so that another one is noticed."""

    line_no: int
    outcome: Literal["paid", "failed", "returned"]
    amount_fen: int
    reason: str = ""


@command("settle_payment_lines", permission="pay")
@dataclass(frozen=True)
class SettlePaymentLines:
    """回盘登记: lines of one part."""

    run_id: str
    lines: tuple[LineResult, ...]
    source: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def list_payment_lines(state: Part, c: ListPaymentLines, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        return []  # listed by another worker: whoever asks reads what it listed
    if not 0 < len(c.lines) <= CHUNK or any(line.amount_fen <= 0 for line in c.lines):
        raise invalid("发放名单分段不正确。", "lines")
    ids = [line.case_id for line in c.lines]
    if ids != sorted(set(ids)):
        raise invalid("同一对象在名单中出现两次，或次序不符。", "lines")
    first = c.chunk * CHUNK + 1
    held = tuple(LineReason(first + n, NO_ACCOUNT) for n, line in enumerate(c.lines) if c.accounts and not line.account)
    return [PaymentLinesListed(c.chunk, c.lines, c.run_id, c.programme, c.month, c.division, held)]


def hold_payment_line(state: Part, c: HoldPaymentLine, order: Order[Any]) -> Sequence[Any]:
    _before_sending(state)
    if not c.reason.strip():
        raise invalid("请填写暂缓理由。", "reason")
    if state.fates[state.at(c.line_no)] == "held":
        return []
    return [PaymentLineHeld(c.line_no, c.reason.strip(), order.hand.actor)]


def release_payment_line(state: Part, c: ReleasePaymentLine, order: Order[Any]) -> Sequence[Any]:
    _before_sending(state)
    at = state.at(c.line_no)
    if state.fates[at] != "held":
        return []
    if state.reasons[at] == NO_ACCOUNT:
        raise out_of_order("该行没有收款账户，确认账户后转入补发批次。")
    return [PaymentLineReleased(c.line_no, order.hand.actor)]


def _before_sending(state: Part) -> None:
    if state.status != "listed":
        raise out_of_order("该批次尚未编制或已经送发，不能暂缓或恢复。")


def begin_part(state: Part, c: BeginPart, order: Order[Any]) -> Sequence[Any]:
    if state.status == "none":
        raise out_of_order("名单分段尚未编制。")
    return [PaymentPartSending(state.run_id)] if state.status == "listed" else []


def finish_part(state: Part, c: FinishPart, order: Order[Any]) -> Sequence[Any]:
    if state.status == "sent":
        return []
    if state.status != "sending":
        raise out_of_order("名单分段不在送发中。")
    if any(state.fates[state.at(line.no)] != "due" for line in c.refused):
        raise invalid("被拒的行不在应送发之列。", "refused")
    return [PaymentPartSent(state.run_id, c.refused)]


def problem(state: Part, result: LineResult) -> str:
    """What is wrong with one line of a return file; "" when it can be taken (or was taken before)."""
    if state.status != "sent":
        return "该批次尚未送发。"
    if not state.first <= result.line_no < state.first + len(state.lines):
        return "名单中没有此序号。"
    at = result.line_no - state.first
    line, fate = state.lines[at], state.fates[at]
    if result.amount_fen != line.amount_fen:
        return "金额与送发的不符，该行不予登记。"
    if result.outcome != "paid" and not result.reason.strip():
        return "失败或退汇须有原因。"
    if fate in ("held", "refused"):
        return "该行未送发。"
    if fate == result.outcome or (fate, result.outcome) in (("sent", "paid"), ("sent", "failed"), ("paid", "returned")):
        return ""
    if (fate, result.outcome) == ("returned", "paid"):
        return ""  # the first return file once more: what came back later stays come back
    return {
        "sent": "该行尚未登记成功，不能登记退汇。",
        "paid": "该行已登记成功；资金退回的，状态应为“退汇”。",
        "failed": "该行已登记失败。",
        "returned": "该行已登记退汇。",
    }[fate]


def settle_payment_lines(state: Part, c: SettlePaymentLines, order: Order[Any]) -> Sequence[Any]:
    seen: set[int] = set()
    for result in c.lines:
        wrong = problem(state, result) or ("同一序号出现两次。" if result.line_no in seen else "")
        if wrong:
            raise invalid(f"第{result.line_no}行：{wrong}", "lines")
        seen.add(result.line_no)
    new = [r for r in c.lines if state.fates[r.line_no - state.first] in ("sent", "paid")]
    paid = tuple(r.line_no for r in new if r.outcome == "paid" and state.fates[r.line_no - state.first] == "sent")
    failed = tuple(LineReason(r.line_no, r.reason.strip()) for r in new if r.outcome == "failed")
    returned = tuple(LineReason(r.line_no, r.reason.strip()) for r in new if r.outcome == "returned")
    decided: list[Any] = []
    if paid or failed:
        decided.append(PaymentLinesSettled(state.run_id, state.number, paid, failed, c.source))
    if returned:
        decided.append(PaymentLinesReturned(state.run_id, state.number, returned, c.source))
    return decided


def decider(service: str) -> Decider[Part]:
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.payment_part",
        initial=Part(),
        evolve=evolve,
        decide={
            ListPaymentLines: list_payment_lines,
            HoldPaymentLine: hold_payment_line,
            ReleasePaymentLine: release_payment_line,
            BeginPart: begin_part,
            FinishPart: finish_part,
            SettlePaymentLines: settle_payment_lines,
        },
        division=lambda state: state.division,
    )

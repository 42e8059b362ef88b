"""Exchange (数据交换): a request to one named outside system, and what came of it. Shape 11.

Life: prepared → sent → acknowledged → every item answered → reconciled; or the sending fails, is tried again later, and in the end
waits for a person; what does not agree waits as ``differing`` until somebody has settled it; given up, or moved to another system.

Must hold: idempotent both ways (the same request, receipt or answer again changes nothing); an item has one answer, and another
one for it is a difference that is kept and shown, never an overwriting; "none" (the outside knows nobody by that number) is an
answer and not a failure; the core never waits: what cannot be sent now is tried again by the timer; asked = found + none + failed
+ missing when it is reconciled.

What an answer says is not kept here, only its outcome and what names its content exactly (a hash, a document number): this record
is open to whoever may read lists. Relied on by the means test (家庭经济状况核对, catalogue A40, P50).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from shared.casework.shape import Act, HandOverRecord, RecordState, Shape, View, each, handing_over, must, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "exchange"
MOST_ITEMS = 10_000
Outcome = Literal["found", "none", "failed"]  # 有 | 无此人 | 查询失败


@dataclass(frozen=True)
class Terms:
    """system: the outside system (外部系统). send_working_days: until it must have been sent. answer_days: calendar days the system
    has for its answers. attempts, retry_minutes: how often and how soon a failed sending is tried again (each pause twice the last).
    by_service_only: requests and answers pass through an adapter; a person can neither send nor answer by hand."""

    system: str = ""
    send_working_days: int = 3
    answer_days: int = 15
    attempts: int = 5
    retry_minutes: int = 10
    by_service_only: bool = False


@dataclass(frozen=True)
class Item:
    """One thing asked. ``key`` is the pseudonymous number that goes out and comes back; ``about`` whom or what it concerns, by our id."""

    key: str
    about: str


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "exchange_prepared")
@dataclass(frozen=True)
class ExchangePrepared:
    """交换准备: ``purpose`` is what the request is for: the case, or the document it rests on."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    items: tuple[Item, ...]
    purpose: str
    send_by: date


@shape_event(NAME, "exchange_sent")
@dataclass(frozen=True)
class ExchangeSent:
    """发出: ``reference`` names what went out (file, message, letter)."""

    reference: str
    sent_on: date
    answer_by: date


@shape_event(NAME, "exchange_send_failed")
@dataclass(frozen=True)
class ExchangeSendFailed:
    """发送未成: the system could not be reached; tried again at ``again_at``."""

    attempt: int
    reason: str
    again_at: datetime


@shape_event(NAME, "exchange_acknowledged")
@dataclass(frozen=True)
class ExchangeAcknowledged:
    """回执: the system has it."""

    reference: str


@shape_event(NAME, "exchange_answered")
@dataclass(frozen=True)
class ExchangeAnswered:
    """交换答复: one item's answer. ``digest`` names its content; ``late``: after the day until which it was due."""

    key: str
    outcome: Outcome
    digest: str
    answered_on: date
    late: bool


@shape_event(NAME, "exchange_difference_found")
@dataclass(frozen=True)
class ExchangeDifferenceFound:
    """交换差异: another answer for an item that has one (``second_answer``), or one to a request that was moved (``after_move``)."""

    key: str
    kind: Literal["second_answer", "after_move"]
    digest: str


@shape_event(NAME, "exchange_overdue", published=True)
@dataclass(frozen=True)
class ExchangeOverdue:
    """逾期: not sent, or not fully answered, in time (``what``: send | answer)."""

    programme: str
    division: str
    subject_id: str
    system: str
    what: str
    due_on: date


@shape_event(NAME, "exchange_failed", published=True)
@dataclass(frozen=True)
class ExchangeFailed:
    """发送失败: it could not be sent, however often it was tried: work for a person."""

    programme: str
    division: str
    subject_id: str
    system: str
    reason: str


@shape_event(NAME, "exchange_retried")
@dataclass(frozen=True)
class ExchangeRetried:
    """重新发送: a person has it sent again, with fresh attempts."""

    send_by: date


@shape_event(NAME, "exchange_reconciled")
@dataclass(frozen=True)
class ExchangeReconciled:
    """对账: asked = found + none + failed + missing. ``theirs``: the system's own count (-1: it told none); ``agrees``: nothing is open."""

    asked: int
    found: int
    none: int
    failed: int
    missing: tuple[str, ...]
    theirs: int
    agrees: bool


@shape_event(NAME, "exchange_differences_settled")
@dataclass(frozen=True)
class ExchangeDifferencesSettled:
    """差异处理: what was found out about the differences, by whom."""

    note: str
    by: str


@shape_event(NAME, "exchange_given_up", published=True)
@dataclass(frozen=True)
class ExchangeGivenUp:
    """撤销: no answer is waited for any more."""

    programme: str
    division: str
    subject_id: str
    system: str
    reason: str


@shape_event(NAME, "exchange_moved")
@dataclass(frozen=True)
class ExchangeMoved:
    """迁移: what is not answered goes on under the record ``to_id`` of another system."""

    to_id: str


@shape_event(NAME, "exchange_handed_over")
@dataclass(frozen=True)
class ExchangeHandedOver:
    """交换移交: whom is asked about moved, and what is asked for went along; ``division`` waits for the answer from now on."""

    programme: str
    subject_id: str
    old_division: str
    division: str


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """An answer as it is kept."""

    outcome: Outcome
    digest: str
    late: bool


@dataclass(frozen=True)
class Difference:
    key: str
    kind: str
    digest: str


@dataclass(frozen=True)
class Exchange(RecordState):
    terms: Terms = Terms()
    purpose: str = ""
    items: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # key -> about
    answers: Mapping[str, Given] = field(default_factory=lambda: MappingProxyType({}))
    differences: tuple[Difference, ...] = ()
    attempt: int = 0
    again_at: datetime | None = None
    reference: str = ""
    receipt: str = ""
    send_by: date | None = None
    answer_by: date | None = None
    overdue: tuple[str, ...] = ()
    theirs: int = -1
    moved_to: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Items without an answer, in the order in which they were asked; a failed query is answered, if badly."""
        return tuple(key for key in self.items if key not in self.answers)


WAITING = ("sent", "acknowledged")
OPEN = ("prepared", *WAITING, "differing", "failed")


def evolve(state: Exchange, event: Any) -> Exchange:
    match event:
        case ExchangePrepared():
            return replace(
                Exchange(),
                status="prepared",
                programme=event.programme,
                division=event.division,
                subject_id=event.subject_id,
                terms=event.terms,
                purpose=event.purpose,
                items=MappingProxyType({i.key: i.about for i in event.items}),
                send_by=event.send_by,
            )
        case ExchangeSent():
            return replace(state, status="sent", reference=event.reference, answer_by=event.answer_by, again_at=None)
        case ExchangeSendFailed():
            return replace(state, attempt=event.attempt, again_at=event.again_at)
        case ExchangeAcknowledged():
            return replace(state, status="acknowledged", receipt=event.reference)
        case ExchangeAnswered():
            given = {**state.answers, event.key: Given(event.outcome, event.digest, event.late)}
            return replace(state, answers=MappingProxyType(given))
        case ExchangeDifferenceFound():
            differing = "differing" if state.status == "reconciled" else state.status
            return replace(state, status=differing, differences=(*state.differences, Difference(event.key, event.kind, event.digest)))
        case ExchangeOverdue():
            return replace(state, overdue=(*state.overdue, event.what))
        case ExchangeFailed():
            return replace(state, status="failed", again_at=None)
        case ExchangeRetried():
            return replace(state, status="prepared", attempt=0, send_by=event.send_by, overdue=())
        case ExchangeReconciled():
            return replace(state, status="reconciled" if event.agrees else "differing", theirs=event.theirs)
        case ExchangeDifferencesSettled():
            return replace(state, status="reconciled")
        case ExchangeGivenUp():
            return replace(state, status="given_up", again_at=None)
        case ExchangeMoved():
            return replace(state, status="moved", moved_to=event.to_id, again_at=None)
        case ExchangeHandedOver():
            return replace(state, division=event.division)
        case _:
            raise TypeError(f"an exchange knows no {type(event).__name__}")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("prepare_exchange", permission="accept")
@dataclass(frozen=True)
class PrepareExchange:
    """准备 a request. Keys are pseudonymous: no resident ID stands in one."""

    programme: str
    division: str
    subject_id: str
    items: tuple[Item, ...]
    purpose: str
    terms: Terms = Terms()


@command("send_exchange", permission="accept")
@dataclass(frozen=True)
class SendExchange:
    record_id: str
    reference: str


@command("note_exchange_send_failed", permission="accept")
@dataclass(frozen=True)
class NoteExchangeSendFailed:
    record_id: str
    reason: str


@command("acknowledge_exchange", permission="accept")
@dataclass(frozen=True)
class AcknowledgeExchange:
    record_id: str
    reference: str


@command("answer_exchange", permission="accept")
@dataclass(frozen=True)
class AnswerExchange:
    """``digest`` names the content exactly: a hash of it, or the number of the answering document."""

    record_id: str
    key: str
    outcome: Outcome
    digest: str


@command("reconcile_exchange", permission="review")
@dataclass(frozen=True)
class ReconcileExchange:
    record_id: str
    theirs: int = -1


@command("settle_exchange_differences", permission="review")
@dataclass(frozen=True)
class SettleExchangeDifferences:
    record_id: str
    note: str


@command("retry_exchange", permission="accept")
@dataclass(frozen=True)
class RetryExchange:
    record_id: str


@command("give_up_exchange", permission="review")
@dataclass(frozen=True)
class GiveUpExchange:
    record_id: str
    reason: str


@command("move_exchange", permission="move")
@dataclass(frozen=True)
class MoveExchange:
    """By the service, when a source goes over to another system."""

    record_id: str
    to_id: str


@command("note_exchange_overdue", permission="record")
@dataclass(frozen=True)
class NoteExchangeOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def prepare(state: Exchange, c: PrepareExchange, order: Order[Any]) -> Sequence[Any]:
    _through_the_adapter(c.terms, order)
    if not 0 < len(c.items) <= MOST_ITEMS:
        raise invalid(f"查询项须为1至{MOST_ITEMS}条。", "items")
    keys = [said(i.key, "items", "查询编号") for i in c.items]
    if len(set(keys)) != len(keys):
        raise invalid("同一查询编号出现两次。", "items")
    if state.status != "none":
        if {i.key: i.about for i in c.items} == dict(state.items):
            return []  # prepared again after a crash
        raise Refused("already_exists", "此编号的交换已存在且内容不同。", "items")
    purpose = said(c.purpose, "purpose", "查询用途")
    send_by = dates.add_working_days(order.today, c.terms.send_working_days)
    return [ExchangePrepared(c.programme, c.division, c.subject_id, c.terms, c.items, purpose, send_by)]


def send(state: Exchange, c: SendExchange, order: Order[Any]) -> Sequence[Any]:
    reference = said(c.reference, "reference", "发出凭据")
    if state.status in WAITING and state.reference == reference:
        return []
    must(state, "发出", "prepared")
    _through_the_adapter(state.terms, order)
    return [_sent(state, reference, order)]


def note_send_failed(state: Exchange, c: NoteExchangeSendFailed, order: Order[Any]) -> Sequence[Any]:
    if state.status in WAITING:
        return []  # another worker had it sent meanwhile
    must(state, "登记发送失败", "prepared")
    _through_the_adapter(state.terms, order)
    attempt = state.attempt + 1
    reason = said(c.reason, "reason", "失败原因")
    pause = timedelta(minutes=state.terms.retry_minutes * 2 ** min(attempt - 1, 10))
    failed = ExchangeSendFailed(attempt, reason, order.now + pause)
    if attempt < state.terms.attempts:
        return [failed]
    return [failed, ExchangeFailed(state.programme, state.division, state.subject_id, state.terms.system, reason)]


def acknowledge(state: Exchange, c: AcknowledgeExchange, order: Order[Any]) -> Sequence[Any]:
    reference = said(c.reference, "reference", "回执编号")
    if state.status == "acknowledged" and state.receipt == reference:
        return []
    must(state, "登记回执", "sent")
    return [ExchangeAcknowledged(reference)]


def answer(state: Exchange, c: AnswerExchange, order: Order[Any]) -> Sequence[Any]:
    must(state, "登记答复", *OPEN, "reconciled", "given_up", "moved")
    _through_the_adapter(state.terms, order)
    if c.key not in state.items:
        raise Refused("not_found", "本次交换没有此查询编号。", "key")
    digest = said(c.digest, "digest", "答复凭据")
    known = state.answers.get(c.key)
    if known is not None and known.digest == digest:
        return []
    if state.status == "moved" or (known is not None and known.outcome != "failed"):
        kind: Literal["second_answer", "after_move"] = "after_move" if state.status == "moved" else "second_answer"
        if any((d.key, d.digest) == (c.key, digest) for d in state.differences):
            return []
        return [ExchangeDifferenceFound(c.key, kind, digest)]
    late = state.answer_by is not None and order.today > state.answer_by
    # An answer proves that the request went out, also when we crashed before we could write so.
    before = [_sent(state, "先于回执收到答复", order)] if state.status in ("prepared", "failed") else []
    return [*before, ExchangeAnswered(c.key, c.outcome, digest, order.today, late)]


def reconcile(state: Exchange, c: ReconcileExchange, order: Order[Any]) -> Sequence[Any]:
    must(state, "对账", *WAITING, "differing")
    if c.theirs < -1:
        raise invalid("对方笔数不得为负。", "theirs")
    if state.missing and state.answer_by is not None and order.today <= state.answer_by:
        raise out_of_order("尚有未答复的查询且未到期，不能对账。")
    outcomes = [a.outcome for a in state.answers.values()]
    theirs = state.theirs if c.theirs == -1 else c.theirs
    agrees = not state.missing and not state.differences and theirs in (-1, len(state.items))
    done = ExchangeReconciled(
        len(state.items), outcomes.count("found"), outcomes.count("none"), outcomes.count("failed"), state.missing, theirs, agrees
    )
    return [] if state.status == "differing" and not agrees and theirs == state.theirs else [done]


def settle(state: Exchange, c: SettleExchangeDifferences, order: Order[Any]) -> Sequence[Any]:
    must(state, "处理差异", "differing")
    return [ExchangeDifferencesSettled(said(c.note, "note", "差异处理说明"), order.hand.actor)]


def retry(state: Exchange, c: RetryExchange, order: Order[Any]) -> Sequence[Any]:
    must(state, "重新发送", "failed")
    return [ExchangeRetried(dates.add_working_days(order.today, state.terms.send_working_days))]


def give_up(state: Exchange, c: GiveUpExchange, order: Order[Any]) -> Sequence[Any]:
    if state.status == "given_up":
        return []
    must(state, "撤销", "prepared", *WAITING, "failed")
    return [ExchangeGivenUp(state.programme, state.division, state.subject_id, state.terms.system, said(c.reason, "reason", "撤销理由"))]


def move(state: Exchange, c: MoveExchange, order: Order[Any]) -> Sequence[Any]:
    if state.status == "moved" and state.moved_to == c.to_id:
        return []
    must(state, "迁移", "prepared", *WAITING, "failed")
    if not state.missing:
        raise out_of_order("已全部答复，无须迁移。")
    return [ExchangeMoved(said(c.to_id, "to_id", "迁移后的编号"))]


def note_overdue(state: Exchange, c: NoteExchangeOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile: the timer may be late, or run twice."""
    what, due_on = _due(state)
    if due_on is None or due_on >= order.today:
        return []
    return [ExchangeOverdue(state.programme, state.division, state.subject_id, state.terms.system, what, due_on)]


def _sent(state: Exchange, reference: str, order: Order[Any]) -> ExchangeSent:
    return ExchangeSent(reference, order.today, order.today + timedelta(days=state.terms.answer_days))


def _through_the_adapter(terms: Terms, order: Order[Any]) -> None:
    if terms.by_service_only and not order.hand.actor.startswith("service:"):
        raise Refused("forbidden", "此项查询只能由系统接口收发，不得人工登记。", None)


def _due(state: Exchange) -> tuple[str, date | None]:
    if state.status in ("prepared", "failed") and "send" not in state.overdue:
        return "send", state.send_by
    if state.status in WAITING and state.missing and "answer" not in state.overdue:
        return "answer", state.answer_by
    return "", None


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: Exchange) -> View:
    title = f"{state.terms.system}：{len(state.answers)}/{len(state.items)}"
    if state.status not in OPEN:
        return View(state.status, False, amount=len(state.items), title=title)
    worklists = {"prepared": "exchange_send", "failed": "exchange_failed", "differing": "exchange_differing"}
    worklist = worklists.get(state.status) or ("exchange_answer" if state.missing else "exchange_reconcile")
    what, due_on = _due(state)
    return View(state.status, True, worklist, due_on=due_on, due=what, amount=len(state.items), title=title)


SHAPE = Shape(
    name=NAME,
    title="数据交换",
    state=Exchange(),
    terms=Terms,
    acts=(
        Act(PrepareExchange, "准备查询", opens=each),
        Act(SendExchange, "登记已发出"),
        Act(NoteExchangeSendFailed, "登记发送失败（稍后重试）"),
        Act(AcknowledgeExchange, "登记回执"),
        Act(AnswerExchange, "登记答复"),
        Act(ReconcileExchange, "对账"),
        Act(SettleExchangeDifferences, "处理差异"),
        Act(RetryExchange, "重新发送"),
        Act(GiveUpExchange, "撤销"),
        Act(MoveExchange, "迁移到新系统", by_service=True),
        Act(HandOverRecord, "移交迁入地", by_service=True),
        Act(NoteExchangeOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        PrepareExchange: prepare,
        SendExchange: send,
        NoteExchangeSendFailed: note_send_failed,
        AcknowledgeExchange: acknowledge,
        AnswerExchange: answer,
        ReconcileExchange: reconcile,
        SettleExchangeDifferences: settle,
        RetryExchange: retry,
        GiveUpExchange: give_up,
        MoveExchange: move,
        NoteExchangeOverdue: note_overdue,
        HandOverRecord: handing_over(ExchangeHandedOver, *OPEN),
    },
    view=view,
    overdue=NoteExchangeOverdue,
)

"""Social assistance one thing (社会救助一件事, W01): one form, several matters at once, one notice of what came of them (幸福清单).

A process with a stream of its own, one open at a time for a household. It opens with every item it owes listed, each with the day it
is due; the items run in their own streams (benefit cases, hand-offs to other departments), begun under ids derived from this one.

Life: submitted → items begun, each done or skipped with a reason → the household is told all results at once → closed.
Must hold: it closes only when each item is settled and the notice is delivered; an item that could not be begun is skipped with the reason,
never lost; a late item is said once and becomes work for a person. A case that was refused is a result too: done, with its reason; where
that is decided otherwise on appeal, or a grant is taken back whole, the item is corrected, and the household is told once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.casework.shape import Act, RecordState, Shape, View, must, one_per_subject, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "one_thing"
RESULTS = ("granted", "refused", "not_accepted", "withdrawn", "lapsed", "ended", "aided", "declined", "referred")


@dataclass(frozen=True)
class Offered:
    """What the one form offers (联办事项): a benefit programme by its code, or a hand-off programme with the department it goes to.
    ``days``: working days until it must be settled."""

    code: str
    title: str
    days: int
    to_unit: str = ""


@dataclass(frozen=True)
class Terms:
    """offers: what can be asked for. notice_days: working days after the last result until the household has the notice."""

    offers: tuple[Offered, ...] = ()
    notice_days: int = 3


# -- Events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """One matter of the process. ``subject_id``: the household, or the member it is for."""

    item_id: str
    code: str
    title: str
    subject_id: str
    to_unit: str
    due_on: date


@shape_event(NAME, "one_thing_opened", published=True, public=lambda e: {"record_id": e.record_id, "round": e.round})
@dataclass(frozen=True)
class OneThingOpened:
    """提交: ``round`` counts the processes of a household; ``dossier_hash`` is what departments get it by."""

    record_id: str
    programme: str
    division: str
    subject_id: str
    terms: Terms
    round: int
    dossier_hash: str
    items: tuple[Item, ...]


@shape_event(NAME, "one_thing_item_begun")
@dataclass(frozen=True)
class OneThingItemBegun:
    """联办事项开办: ``refers_to``: the case or hand-off in which it runs."""

    item_id: str
    refers_to: str


@shape_event(NAME, "one_thing_item_settled")
@dataclass(frozen=True)
class OneThingItemSettled:
    """办结 with a result, or skipped (``outcome`` skipped) with the reason in ``note``."""

    item_id: str
    outcome: str
    note: str


@shape_event(NAME, "one_thing_item_corrected")
@dataclass(frozen=True)
class OneThingItemCorrected:
    """联办事项结果更正: what had been said of it was decided otherwise; a notice is due again."""

    item_id: str
    old_outcome: str
    outcome: str
    note: str


@shape_event(NAME, "one_thing_item_late", published=True)
@dataclass(frozen=True)
class OneThingItemLate:
    """联办事项逾期: it goes to a person in charge."""

    record_id: str
    division: str
    item_id: str
    code: str
    due_on: date


@shape_event(NAME, "one_thing_settled")
@dataclass(frozen=True)
class OneThingSettled:
    """联办事项全部办结: every item has its result: the notice is due."""

    tell_by: date


@shape_event(NAME, "one_thing_notice_late", published=True)
@dataclass(frozen=True)
class OneThingNoticeLate:
    """送达逾期."""

    record_id: str
    division: str
    tell_by: date


@shape_event(NAME, "one_thing_closed", published=True, public=lambda e: {"subject_id": e.subject_id, "granted": e.granted})
@dataclass(frozen=True)
class OneThingClosed:
    """幸福清单送达: one notice of all results. ``granted``: how many items led to something."""

    subject_id: str
    channel: str
    told_on: date
    granted: int


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """An item as it stands: owed until it has an outcome."""

    code: str
    title: str
    subject_id: str
    to_unit: str
    due_on: date
    refers_to: str = ""
    outcome: str = ""
    note: str = ""
    late: bool = False


@dataclass(frozen=True)
class OneThing(RecordState):
    """status: none | open | settled | closed."""

    terms: Terms = Terms()
    record_id: str = ""
    round: int = 0
    dossier_hash: str = ""
    items: Mapping[str, Step] = field(default_factory=lambda: MappingProxyType({}))
    tell_by: date | None = None
    notice_late: bool = False

    def with_item(self, item_id: str, **changes: Any) -> OneThing:
        return replace(self, items=MappingProxyType({**self.items, item_id: replace(self.items[item_id], **changes)}))

    @property
    def owed(self) -> dict[str, Step]:
        """The items without a result yet, in their order."""
        return {key: self.items[key] for key in sorted(self.items) if not self.items[key].outcome}


def evolve(state: OneThing, event: Any) -> OneThing:
    match event:
        case OneThingOpened():
            items = {i.item_id: Step(i.code, i.title, i.subject_id, i.to_unit, i.due_on) for i in event.items}
            return OneThing(
                "open", event.programme, event.division, event.subject_id, event.terms, event.record_id, event.round, event.dossier_hash,
                MappingProxyType(items),
            )  # fmt: skip
        case OneThingItemBegun():
            return state.with_item(event.item_id, refers_to=event.refers_to)
        case OneThingItemSettled() | OneThingItemCorrected():
            return state.with_item(event.item_id, outcome=event.outcome, note=event.note)
        case OneThingItemLate():
            return state.with_item(event.item_id, late=True)
        case OneThingSettled():
            return replace(state, status="settled", tell_by=event.tell_by, notice_late=False)
        case OneThingNoticeLate():
            return replace(state, notice_late=True)
        case OneThingClosed():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"a one-thing process knows no {type(event).__name__}")


def notice(state: OneThing) -> tuple[str, ...]:
    """幸福清单: a line for each item, in plain words."""
    said_as = {
        "granted": "已确认", "aided": "已办理", "refused": "不予确认", "not_accepted": "不予受理", "declined": "不予办理",
        "withdrawn": "已撤回", "lapsed": "逾期未补正，视为放弃", "ended": "已终止", "referred": "已转介", "skipped": "不办理", "": "办理中",
    }  # fmt: skip
    lines = []
    for key in sorted(state.items):
        item = state.items[key]
        lines.append(f"{item.title}：{said_as[item.outcome]}" + (f"（{item.note}）" if item.note else ""))
    return tuple(lines)


# -- Commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What the form asks for: an item on offer, for the household or for one member of it."""

    code: str
    person_id: str = ""
    to_unit: str = ""


@command("submit_one_thing", permission="accept")
@dataclass(frozen=True)
class SubmitOneThing:
    """一张表申请: ``subject_id`` is the household; ``dossier_hash`` the SHA-256 of the papers handed in, once for all items."""

    programme: str
    division: str
    subject_id: str
    dossier_hash: str
    items: tuple[Wanted, ...]
    terms: Terms = Terms()


@dataclass(frozen=True)
class Result:
    """How an item stands: begun in ``refers_to`` (``outcome`` ""), settled, or "skipped" with the reason."""

    item_id: str
    refers_to: str = ""
    outcome: str = ""
    note: str = ""


@command("record_one_thing_items", permission="record")
@dataclass(frozen=True)
class RecordOneThingItems:
    """By the service: what was begun, and what came of it."""

    record_id: str
    results: tuple[Result, ...]


@command("correct_one_thing_items", permission="record")
@dataclass(frozen=True)
class CorrectOneThingItems:
    """By the service: what the matters of settled items came to in the end."""

    record_id: str
    results: tuple[Result, ...]


@command("skip_one_thing_item", permission="review")
@dataclass(frozen=True)
class SkipOneThingItem:
    """By hand, what nobody answers: with the reason."""

    record_id: str
    item_id: str
    reason: str


@command("deliver_one_thing_notice", permission="accept")
@dataclass(frozen=True)
class DeliverOneThingNotice:
    """幸福清单送达."""

    record_id: str
    channel: str


@command("note_one_thing_overdue", permission="record")
@dataclass(frozen=True)
class NoteOneThingOverdue:
    """By the timer."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def submit(state: OneThing, c: SubmitOneThing, order: Order[Any]) -> Sequence[Any]:
    if state.status in ("open", "settled"):
        raise Refused("already_exists", "该家庭已有在办的一件事。", "subject_id")
    said(c.subject_id, "subject_id", "申请家庭")
    if len(c.dossier_hash) != 64 or not set(c.dossier_hash) <= set("0123456789abcdef"):
        raise invalid("材料摘要须为64位十六进制的SHA-256。", "dossier_hash")
    if not c.items:
        raise invalid("请至少选择一个事项。", "items")
    if len(set(c.items)) != len(c.items):
        raise invalid("同一事项选择了两次。", "items")
    round_, items = state.round + 1, []
    for n, wanted in enumerate(c.items):
        offer = next((o for o in c.terms.offers if (o.code, o.to_unit) == (wanted.code, wanted.to_unit)), None)
        if offer is None:
            raise invalid("此事项不在一件事联办范围内。", f"items.{n}.code")
        due_on = dates.add_working_days(order.today, offer.days)
        items.append(Item(f"{round_}-{n + 1:02d}", offer.code, offer.title, wanted.person_id or c.subject_id, offer.to_unit, due_on))
    record_id = one_per_subject(c, "")
    return [OneThingOpened(record_id, c.programme, c.division, c.subject_id, c.terms, round_, c.dossier_hash, tuple(items))]


def record(state: OneThing, c: RecordOneThingItems, order: Order[Any]) -> Sequence[Any]:
    """What is known already changes nothing: answers come late and twice."""
    events: list[Any] = []
    for r in c.results:
        item = state.items.get(r.item_id)
        if state.status != "open" or item is None or item.outcome:
            continue
        if r.refers_to and r.refers_to != item.refers_to:
            events.append(OneThingItemBegun(r.item_id, r.refers_to))
        if r.outcome:
            if r.outcome not in (*RESULTS, "skipped"):
                raise invalid("办理结果不在允许的取值范围内。", "results")
            events.append(_settled(r.item_id, r.outcome, r.note))
    return _closing(state, events, order)


def correct(state: OneThing, c: CorrectOneThingItems, order: Order[Any]) -> Sequence[Any]:
    """What was skipped stays so; where all were told of, or are going to be, the days for the notice run anew."""
    events: list[Any] = []
    for r in c.results:
        item = state.items.get(r.item_id)
        if item is None or item.outcome in ("", "skipped", r.outcome) or r.outcome not in RESULTS:
            continue
        events.append(OneThingItemCorrected(r.item_id, item.outcome, r.outcome, r.note.strip()))
    if events and state.status in ("settled", "closed"):
        events.append(OneThingSettled(dates.add_working_days(order.today, state.terms.notice_days)))
    return events


def skip(state: OneThing, c: SkipOneThingItem, order: Order[Any]) -> Sequence[Any]:
    must(state, "跳过事项", "open")
    if c.item_id not in state.owed:
        raise Refused("not_found", "该事项不在待办中。", "item_id")
    return _closing(state, [_settled(c.item_id, "skipped", said(c.reason, "reason", "不办理的理由"))], order)


def deliver(state: OneThing, c: DeliverOneThingNotice, order: Order[Any]) -> Sequence[Any]:
    must(state, "送达幸福清单", "settled")
    granted = sum(i.outcome in ("granted", "aided") for i in state.items.values())
    return [OneThingClosed(state.subject_id, said(c.channel, "channel", "送达方式"), order.today, granted)]


def note_overdue(state: OneThing, c: NoteOneThingOverdue, order: Order[Any]) -> Sequence[Any]:
    if state.status == "settled" and state.tell_by and state.tell_by < order.today and not state.notice_late:
        return [OneThingNoticeLate(state.record_id, state.division, state.tell_by)]
    if state.status != "open":
        return []
    late = [(key, i) for key, i in state.owed.items() if i.due_on < order.today and not i.late]
    return [OneThingItemLate(state.record_id, state.division, key, i.code, i.due_on) for key, i in late]


def _settled(item_id: str, outcome: str, note: str) -> OneThingItemSettled:
    if outcome == "skipped":
        said(note, "note", "不办理的理由")
    return OneThingItemSettled(item_id, outcome, note.strip())


def _closing(state: OneThing, events: list[Any], order: Order[Any]) -> list[Any]:
    after = state
    for event in events:
        after = evolve(after, event)
    if events and not after.owed:
        events.append(OneThingSettled(dates.add_working_days(order.today, state.terms.notice_days)))
    return events


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: OneThing) -> View:
    """``amount``: how many items are still owed."""
    if state.status == "open":
        dues = sorted((i.due_on, key) for key, i in state.owed.items() if not i.late)
        due_on, due = dues[0] if dues else (None, "")
        late = any(i.late for i in state.owed.values())
        return View("open", True, "one_thing_late" if late else "one_thing_items", "", due_on, due, len(state.owed))
    if state.status == "settled":
        waits, due_on = ("one_thing_late", None) if state.notice_late else ("one_thing_notice", state.tell_by)
        return View("settled", True, waits, "", due_on, "notice" if due_on else "")
    return View(state.status, False)


SHAPE = Shape(
    name=NAME,
    title="一件事",
    state=OneThing(),
    terms=Terms,
    acts=(
        Act(SubmitOneThing, "一张表提交", opens=one_per_subject),
        Act(RecordOneThingItems, "登记各事项进展", by_service=True),
        Act(CorrectOneThingItems, "更正各事项结果", by_service=True),
        Act(SkipOneThingItem, "人工办结无人答复的事项（须说明理由）"),
        Act(DeliverOneThingNotice, "送达幸福清单"),
        Act(NoteOneThingOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        SubmitOneThing: submit,
        RecordOneThingItems: record,
        CorrectOneThingItems: correct,
        SkipOneThingItem: skip,
        DeliverOneThingNotice: deliver,
        NoteOneThingOverdue: note_overdue,
    },
    view=view,
    overdue=NoteOneThingOverdue,
)

"""Publication (公布): a text or a set of figures that holds from a day on, with every earlier one kept. Shape 15.

Life: drafted → approved by another hand → published with the day it takes effect and its document number (文号) → superseded by a later
version, drafted and approved the same way → withdrawn (废止) from a day on. A draft may be rejected with a reason, and drafted again.

Must hold: the drafter neither approves nor publishes; every field the terms require is filled in, and none beside them; on any day
the version in force is the published one that began latest (of two of one day the one published last), until the day of withdrawal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from shared.casework.shape import Act, RecordState, Shape, View, must, one_per_subject, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "publication"


@dataclass(frozen=True)
class Choice:
    """A field that takes one of a few values only."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """required, optional: names of the fields. choices: what some of them may be. approve_days, publish_days: working days until a draft
    must be approved and what is approved be published (0 = no limit). first_of_month: takes effect on the first day of a month only."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    approve_days: int = 0
    publish_days: int = 0
    first_of_month: bool = False


@dataclass(frozen=True)
class Entry:
    """One field and what it says; nobody is named in it."""

    name: str
    value: str


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "publication_opened")
@dataclass(frozen=True)
class PublicationOpened:
    """公布事项开立."""

    programme: str
    division: str
    subject_id: str
    terms: Terms


@shape_event(NAME, "publication_drafted")
@dataclass(frozen=True)
class PublicationDrafted:
    """拟定 of version ``number``."""

    number: int
    content: tuple[Entry, ...]
    effective_from: date
    document_no: str
    due_on: date | None
    by: str


@shape_event(NAME, "publication_approved")
@dataclass(frozen=True)
class PublicationApproved:
    """公布批准."""

    number: int
    due_on: date | None
    by: str


@shape_event(NAME, "publication_rejected")
@dataclass(frozen=True)
class PublicationRejected:
    """公布退回."""

    number: int
    reason: str
    by: str


@shape_event(NAME, "publication_published", published=True)
@dataclass(frozen=True)
class PublicationPublished:
    """公布: whoever goes by it can read version ``number`` from here on."""

    programme: str
    division: str
    subject_id: str
    number: int
    effective_from: date
    document_no: str
    published_on: date
    by: str


@shape_event(NAME, "publication_withdrawn", published=True)
@dataclass(frozen=True)
class PublicationWithdrawn:
    """废止: nothing is in force from ``effective_from`` on; days before it keep what they had."""

    programme: str
    division: str
    subject_id: str
    effective_from: date
    reason: str
    by: str


@shape_event(NAME, "publication_overdue", published=True)
@dataclass(frozen=True)
class PublicationOverdue:
    """公布逾期: a draft was not approved, or what was approved not published, in time (逾期)."""

    programme: str
    division: str
    number: int
    due: str
    due_on: date


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """One version. status: drafted | approved | rejected | published."""

    number: int
    content: tuple[Entry, ...]
    effective_from: date
    document_no: str
    status: str
    drafted_by: str
    due_on: date | None = None
    published_on: date | None = None
    order: int = 0  # of publishing

    def get(self, name: str) -> str:
        return next((e.value for e in self.content if e.name == name), "")


@dataclass(frozen=True)
class Publication(RecordState):
    """status: drafted (nothing published yet) | published | withdrawn."""

    terms: Terms = Terms()
    versions: tuple[Version, ...] = field(default=())
    withdrawn_from: date | None = None

    @property
    def pending(self) -> Version | None:
        """The version that waits for an approval or to be published."""
        last = self.versions[-1] if self.versions else None
        return last if last is not None and last.status in ("drafted", "approved") else None


def evolve(state: Publication, event: Any) -> Publication:
    match event:
        case PublicationOpened():
            return replace(
                state,
                status="drafted",
                programme=event.programme,
                division=event.division,
                subject_id=event.subject_id,
                terms=event.terms,
                withdrawn_from=None,
            )
        case PublicationDrafted():
            new = Version(event.number, event.content, event.effective_from, event.document_no, "drafted", event.by, event.due_on)
            return replace(state, versions=(*state.versions, new))
        case PublicationApproved():
            return _last(state, status="approved", due_on=event.due_on)
        case PublicationRejected():
            return _last(state, status="rejected", due_on=None)
        case PublicationPublished():
            order = 1 + max(v.order for v in state.versions)
            return replace(
                _last(state, status="published", due_on=None, published_on=event.published_on, order=order), status="published"
            )
        case PublicationWithdrawn():
            return replace(state, status="withdrawn", withdrawn_from=event.effective_from)
        case PublicationOverdue():
            return _last(state, due_on=None)
        case _:
            raise TypeError(f"a publication knows no {type(event).__name__}")


def _last(state: Publication, **values: Any) -> Publication:
    return replace(state, versions=(*state.versions[:-1], replace(state.versions[-1], **values)))


def valid_on(state: Publication, day: date) -> Version | None:
    """The version in force on a day (valid_at)."""
    if state.withdrawn_from is not None and day >= state.withdrawn_from:
        return None
    begun = [v for v in state.versions if v.status == "published" and v.effective_from <= day]
    return max(begun, key=lambda v: (v.effective_from, v.order), default=None)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("draft_publication", permission="review")
@dataclass(frozen=True)
class DraftPublication:
    """拟定 of what ``subject_id`` names; one record for each."""

    programme: str
    division: str
    subject_id: str
    content: tuple[Entry, ...]
    effective_from: date
    document_no: str
    terms: Terms = Terms()


@command("amend_publication", permission="review")
@dataclass(frozen=True)
class AmendPublication:
    """修订: the next version, whole."""

    record_id: str
    content: tuple[Entry, ...]
    effective_from: date
    document_no: str


@command("approve_publication", permission="confirm")
@dataclass(frozen=True)
class ApprovePublication:
    record_id: str


@command("reject_publication", permission="confirm")
@dataclass(frozen=True)
class RejectPublication:
    record_id: str
    reason: str


@command("publish_publication", permission="confirm")
@dataclass(frozen=True)
class PublishPublication:
    record_id: str


@command("withdraw_publication", permission="confirm")
@dataclass(frozen=True)
class WithdrawPublication:
    """废止 from a day on; of what was never published: given up."""

    record_id: str
    effective_from: date
    reason: str


@command("note_publication_overdue", permission="record")
@dataclass(frozen=True)
class NotePublicationOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def draft(state: Publication, c: DraftPublication, order: Order[Any]) -> Sequence[Any]:
    if state.status not in ("none", "withdrawn"):
        raise Refused("already_exists", "此项已拟定或公布，请修订。", "subject_id")
    said(c.subject_id, "subject_id", "所公布的事项")
    opened = PublicationOpened(c.programme, c.division, c.subject_id, c.terms)
    return [opened, _drafted(evolve(state, opened), c, order)]


def amend(state: Publication, c: AmendPublication, order: Order[Any]) -> Sequence[Any]:
    must(state, "修订", "drafted", "published")
    if state.pending is not None:
        raise out_of_order("上一稿尚未办结，不能再拟。")
    return [_drafted(state, c, order)]


def _drafted(state: Publication, c: DraftPublication | AmendPublication, order: Order[Any]) -> PublicationDrafted:
    t = state.terms
    seen: set[str] = set()
    for n, entry in enumerate(c.content):
        if entry.name not in (*t.required, *t.optional) or entry.name in seen:
            raise invalid("没有此项内容，或出现两次。", f"content.{n}.name")
        allowed = next((choice.values for choice in t.choices if choice.name == entry.name), ())
        if allowed and entry.value not in allowed:
            raise invalid("不在允许的取值范围内。", f"content.{n}.value")
        said(entry.value, f"content.{n}.value", "内容")
        seen.add(entry.name)
    if set(t.required) - seen:
        raise invalid(f"缺少：{'、'.join(sorted(set(t.required) - seen))}。", "content")
    if t.first_of_month and c.effective_from.day != 1:
        raise invalid("生效日须为某月1日。", "effective_from")
    if not date(2000, 1, 1) <= c.effective_from <= date(order.today.year + 5, 12, 31):
        raise invalid("生效日不合理。", "effective_from")
    due = dates.add_working_days(order.today, t.approve_days) if t.approve_days else None
    document = said(c.document_no, "document_no", "文号")
    return PublicationDrafted(len(state.versions) + 1, c.content, c.effective_from, document, due, order.hand.actor)


def approve(state: Publication, c: ApprovePublication, order: Order[Any]) -> Sequence[Any]:
    v = _pending(state, "批准", "drafted")
    not_the_same_hand(order, v.drafted_by)
    due = dates.add_working_days(order.today, state.terms.publish_days) if state.terms.publish_days else None
    return [PublicationApproved(v.number, due, order.hand.actor)]


def reject(state: Publication, c: RejectPublication, order: Order[Any]) -> Sequence[Any]:
    v = _pending(state, "退回", "drafted", "approved")
    not_the_same_hand(order, v.drafted_by)
    return [PublicationRejected(v.number, said(c.reason, "reason", "退回理由"), order.hand.actor)]


def publish(state: Publication, c: PublishPublication, order: Order[Any]) -> Sequence[Any]:
    v = _pending(state, "公布", "approved")
    not_the_same_hand(order, v.drafted_by)
    return [
        PublicationPublished(
            state.programme, state.division, state.subject_id, v.number, v.effective_from, v.document_no, order.today, order.hand.actor
        )
    ]


def withdraw(state: Publication, c: WithdrawPublication, order: Order[Any]) -> Sequence[Any]:
    must(state, "废止", "drafted", "published")
    if state.pending is not None:
        raise out_of_order("尚有未办结的修订，请先退回。")
    reason = said(c.reason, "reason", "废止理由")
    published = [v for v in state.versions if v.status == "published"]
    if published and c.effective_from < min(v.effective_from for v in published):
        raise invalid("废止日不得早于最早的生效日。", "effective_from")
    not_the_same_hand(order, state.versions[-1].drafted_by)
    return [PublicationWithdrawn(state.programme, state.division, state.subject_id, c.effective_from, reason, order.hand.actor)]


def note_overdue(state: Publication, c: NotePublicationOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile: the timer may be late, or run twice."""
    v = state.pending
    if v is None or v.due_on is None or v.due_on >= order.today:
        return []
    return [PublicationOverdue(state.programme, state.division, v.number, _due(v), v.due_on)]


def _pending(state: Publication, act: str, *statuses: str) -> Version:
    must(state, act, "drafted", "published")
    v = state.pending
    if v is None or v.status not in statuses:
        raise out_of_order(f"没有可以{act}的文稿。")
    return v


def _due(v: Version) -> str:
    return "approve" if v.status == "drafted" else "publish"


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: Publication) -> View:
    title = state.versions[-1].document_no if state.versions else ""
    if state.status in ("none", "withdrawn"):
        return View(state.status, False, title=title)
    v = state.pending
    if v is None:
        return View(state.status, True, "publication_in_force" if state.status == "published" else "publication_redraft", title=title)
    return View(state.status, True, f"publication_{_due(v)}", due_on=v.due_on, due=_due(v) if v.due_on else "", title=title)


SHAPE = Shape(
    name=NAME,
    title="公布",
    state=Publication(),
    terms=Terms,
    acts=(
        Act(DraftPublication, "拟定", opens=one_per_subject),
        Act(AmendPublication, "修订（下一稿，内容写全）"),
        Act(ApprovePublication, "批准（拟定人不得批准）"),
        Act(RejectPublication, "退回，写明理由"),
        Act(PublishPublication, "公布：自生效日起执行，此前各稿保留"),
        Act(WithdrawPublication, "自某日起废止"),
        Act(NotePublicationOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        DraftPublication: draft,
        AmendPublication: amend,
        ApprovePublication: approve,
        RejectPublication: reject,
        PublishPublication: publish,
        WithdrawPublication: withdraw,
        NotePublicationOverdue: note_overdue,
    },
    view=view,
    overdue=NotePublicationOverdue,
    valid_on=valid_on,
)

"""What can happen to a disclosure (公开事件): published, corrected, withdrawn, restored, expired; and the objections from the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.eventsourcing.events import personal, shape_event

SHAPE = "disclosure"
Kind = Literal["proposal", "recipient"]


@dataclass(frozen=True)
class Shown:
    """What the page says, cut down to what is declared: a field that is not has its default. ``place`` is the code as far as it is told."""

    place: str
    person_id: str = ""
    members: int | None = None
    area: str = ""
    amount_fen: int | None = None
    first_month: str = ""
    status: str = ""
    name: str | None = personal(of="person_id", default=None)  # masked; still somebody's


@dataclass(frozen=True)
class Counted:
    """What the case adds to the district's figures: persons and fen a month, at the place it is counted in."""

    place: str
    members: int
    amount_fen: int


@shape_event(SHAPE, "disclosure_published")
@dataclass(frozen=True)
class DisclosurePublished:
    """公示、公开 ("proposal", ``until`` its last day, on which an objection is still in time; or "recipient").

    ``fields``: what is shown; none, where a case is only counted. ``ends_on``: the last day it stands, if that is known;
    ``changes_on``: the day from which something else is to be said.
    """

    case_id: str
    programme: str
    division: str
    kind: Kind
    fields: tuple[str, ...]
    shown: Shown
    masking: str
    case_version: int
    published_on: date
    counted: Counted | None = None
    until: date | None = None
    ends_on: date | None = None
    changes_on: date | None = None


@shape_event(SHAPE, "disclosure_corrected")
@dataclass(frozen=True)
class DisclosureCorrected:
    """更正: the page says something else from now on. ``changed``: which of its fields."""

    fields: tuple[str, ...]
    shown: Shown
    changed: tuple[str, ...]
    reason: str
    case_version: int
    counted: Counted | None = None
    ends_on: date | None = None
    changes_on: date | None = None
    by: str = ""


@shape_event(SHAPE, "disclosure_rescheduled")
@dataclass(frozen=True)
class DisclosureRescheduled:
    """改期: what is said stays; only the days until which and from which it is so are others."""

    ends_on: date | None
    changes_on: date | None
    case_version: int


@shape_event(SHAPE, "disclosure_withdrawn")
@dataclass(frozen=True)
class DisclosureWithdrawn:
    """撤回: the page says nothing of it any more. ``held``: by a hand, until another restores it; ``counted``: it still counts."""

    reason: str
    held: bool
    counted: bool
    by: str = ""


@shape_event(SHAPE, "disclosure_fields_hidden")
@dataclass(frozen=True)
class DisclosureFieldsHidden:
    """隐去栏目: a hand keeps these fields (all of them named, "place" among them) from the page from now on; what the page says follows."""

    hidden: tuple[str, ...]
    reason: str
    by: str


@shape_event(SHAPE, "disclosure_restored")
@dataclass(frozen=True)
class DisclosureRestored:
    """恢复公开, by another hand than withdrew it: what is to be said follows in an event of its own."""

    reason: str
    by: str


@shape_event(SHAPE, "disclosure_expired")
@dataclass(frozen=True)
class DisclosureExpired:
    """期满: the publicity, or the time somebody stays listed, is over."""

    due_on: date


@shape_event(SHAPE, "public_objection_reported")
@dataclass(frozen=True)
class PublicObjectionReported:
    """公众异议收到 from the page, within the publicity. ``objector_id``: a pseudonym of this one objection; its words lie under its key."""

    receipt: str
    objector_id: str
    case_id: str
    programme: str
    division: str
    received_on: date
    due_on: date
    digest: str
    objection_words: str = personal(of="objector_id", default="")
    objector_contact: str | None = personal(of="objector_id", default=None)


@shape_event(SHAPE, "public_objection_taken")
@dataclass(frozen=True)
class PublicObjectionTaken:
    """公众异议受理: it is the case's objection now, or part of the one already open, at ``case_version`` of the case."""

    receipt: str
    case_version: int
    taken_on: date
    by: str


@shape_event(SHAPE, "public_objection_rejected")
@dataclass(frozen=True)
class PublicObjectionRejected:
    """公众异议不予受理, with the reason that is told by the receipt; it names nobody."""

    receipt: str
    reason: str
    rejected_on: date
    by: str


@shape_event(SHAPE, "public_objection_moot")
@dataclass(frozen=True)
class PublicObjectionMoot:
    """公众异议失去对象: the proposal it was about came to its end without a confirmation while it waited; told by the receipt."""

    receipt: str
    reason: str
    moot_on: date


@shape_event(SHAPE, "public_objection_overdue", published=True)
@dataclass(frozen=True)
class PublicObjectionOverdue:
    """公众异议逾期: nobody took or rejected it by ``due_on``."""

    receipt: str
    case_id: str
    programme: str
    division: str
    due_on: date

"""Auditor's bundles taken (审计包制作留痕), as events: who took a bundle of what and which period, why, up to which checkpoint.

A bundle holds events of many files and leaves the house, so it is recorded as looks are (ADR 23): before it is handed out, by page and
command line; when the log takes no event there is no bundle. One stream a bundle, ``operations.audit_bundle-<id>``. Pseudonyms and numbers
of matters may stand in the scope, a name never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Hand, Order

PERMISSION = "operations:bundles"
MOST_REASON = 100


@event("operations.audit_bundle_taken")
@dataclass(frozen=True)
class AuditBundleTaken:
    """制作审计包: of ``bundle_scope`` (``case:…``, ``all``), ``events`` recorded between two moments ("" = without end), under the
    checkpoint of that size."""

    bundle_scope: str
    first: str
    last: str
    reason: str
    events: int
    checkpoint: int
    division: str
    by: str


@command("operations.take_audit_bundle", permission=PERMISSION)
@dataclass(frozen=True)
class TakeAuditBundle:
    """By whoever the order's hand is; doors give the permission, as for looks."""

    bundle_scope: str
    first: datetime | None
    last: datetime | None
    reason: str
    events: int
    checkpoint: int
    division: str


def _take(state: str, c: TakeAuditBundle, order: Order[TakeAuditBundle]) -> Sequence[AuditBundleTaken]:
    first, last = (moment.isoformat(timespec="seconds") if moment else "" for moment in (c.first, c.last))
    return [AuditBundleTaken(c.bundle_scope, first, last, reason(c.reason), c.events, c.checkpoint, c.division, order.hand.actor)]


def reason(text: str) -> str:
    """A reason or a letter's number, as it may be kept; Refused where there is none, or it names somebody by his number."""
    from shared.messaging.wire import holds_resident_id

    text = text.strip()
    if not 2 <= len(text) <= MOST_REASON or not text.isprintable():
        raise invalid(f"请写明制作审计包的理由或文号（2至{MOST_REASON}字）。", "reason")
    if holds_resident_id(text):
        raise invalid("理由中不得含有身份证号码。", "reason")
    return text


BUNDLE: Decider[str] = Decider(
    category="operations.audit_bundle",
    initial="",
    evolve=lambda state, happened: happened.division,
    decide={TakeAuditBundle: _take},
    division=lambda state: state,
)


def noting(actor: str, division: str) -> Hand:
    """Whoever may take a bundle needs no permission to be noted: the portal notes it, under the hand's own name."""
    return Hand(actor, frozenset({"service:portal"}), division)

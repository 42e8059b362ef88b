"""How a disclosure stands (公开状态), and what is due of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from shared.casework.disclosure import events as e
from shared.casework.programme import LEVELS
from shared.domain.frozen import replace

PLACE = "place"  # may be hidden beside the fields: the place is then told no nearer than the town
FIELDS = tuple(f.name for f in fields(e.Shown) if f.name not in (PLACE, "person_id"))


@dataclass(frozen=True)
class Report:
    """A reported objection without its words. status: received | taken | rejected | moot. ``named``: who wrote says how to reach him."""

    receipt: str
    status: str
    received_on: date
    due_on: date
    digest: str
    named: bool = False
    late: bool = False
    case_version: int = -1
    reason: str = ""


@dataclass(frozen=True)
class State:
    """``kind`` "": nothing stands. ``held_by``: who withdrew it by hand, "" when nobody did; ``hidden_by`` likewise for single fields."""

    case_id: str = ""
    programme: str = ""
    division: str = ""
    kind: str = ""
    fields: tuple[str, ...] = ()
    shown: e.Shown | None = None
    counted: e.Counted | None = None
    until: date | None = None
    ends_on: date | None = None
    changes_on: date | None = None
    case_version: int = -1
    held_by: str = ""
    held_reason: str = ""
    hidden: tuple[str, ...] = ()
    hidden_by: str = ""
    reports: Mapping[str, Report] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def waiting(self) -> list[Report]:
        """Objections that nobody has dealt with yet."""
        return [r for r in self.reports.values() if r.status == "received"]

    def stops(self, today: date) -> bool:
        """Whether nothing is confirmed yet: somebody who can be asked objected, and the time to take or reject that is not over."""
        return any(r.named and today <= r.due_on for r in self.waiting)


_NOTHING: dict[str, Any] = {"kind": "", "fields": (), "shown": None, "counted": None, "until": None, "ends_on": None, "changes_on": None}


def evolve(state: State, event: Any) -> State:
    match event:
        case e.DisclosurePublished():
            return replace(
                state, case_id=event.case_id, programme=event.programme, division=event.division, kind=event.kind, fields=event.fields,
                shown=event.shown, counted=event.counted, until=event.until, ends_on=event.ends_on, changes_on=event.changes_on,
                case_version=event.case_version,
            )  # fmt: skip
        case e.DisclosureCorrected():
            return replace(
                state, fields=event.fields, shown=event.shown, counted=event.counted, ends_on=event.ends_on, changes_on=event.changes_on,
                case_version=event.case_version,
            )  # fmt: skip
        case e.DisclosureFieldsHidden():
            return replace(state, hidden=event.hidden, hidden_by=event.by if event.hidden else "")
        case e.DisclosureRescheduled():
            return replace(state, ends_on=event.ends_on, changes_on=event.changes_on, case_version=event.case_version)
        case e.DisclosureWithdrawn():
            held = {"held_by": event.by, "held_reason": event.reason} if event.held else {}
            if event.counted and state.shown is not None:
                return replace(state, fields=(), shown=e.Shown(state.shown.place), **held)
            return replace(state, **{**_NOTHING, **held})
        case e.DisclosureRestored():
            return replace(state, held_by="", held_reason="")
        case e.DisclosureExpired():
            return replace(state, **_NOTHING)
        case e.PublicObjectionReported():
            new = Report(event.receipt, "received", event.received_on, event.due_on, event.digest, bool(event.objector_contact))
            return _reported(state, new)
        case e.PublicObjectionTaken():
            return _reported(state, replace(state.reports[event.receipt], status="taken", case_version=event.case_version))
        case e.PublicObjectionRejected():
            return _reported(state, replace(state.reports[event.receipt], status="rejected", reason=event.reason))
        case e.PublicObjectionMoot():
            return _reported(state, replace(state.reports[event.receipt], status="moot", reason=event.reason))
        case e.PublicObjectionOverdue():
            return _reported(state, replace(state.reports[event.receipt], late=True))
        case _:
            raise TypeError(f"a disclosure knows no {type(event).__name__}")


def _reported(state: State, report: Report) -> State:
    return replace(state, reports=MappingProxyType({**state.reports, report.receipt: report}))


def due_on(state: State) -> date | None:
    """The day on which something is to be done about what stands: the day behind its last, or that of its next change."""
    ends = [day + timedelta(days=1) for day in (state.until, state.ends_on) if day is not None]
    changes = [state.changes_on] if state.changes_on is not None else []
    return min((*ends, *changes), default=None) if state.kind else None


def without(shown_fields: tuple[str, ...], shown: e.Shown, hidden: Sequence[str]) -> tuple[tuple[str, ...], e.Shown]:
    """What is left to show, less what hands keep from the page."""
    kept = tuple(f for f in shown_fields if f not in hidden)
    place = shown.place[: LEVELS["town"]] if PLACE in hidden else shown.place
    return kept, e.Shown(place, shown.person_id if "name" in kept else "", **{f: getattr(shown, f) for f in kept})

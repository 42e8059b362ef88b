"""Looks at files (查阅留痕): who looked, at whose file, why. Every answer that shows one has its event first: no look without it.

A query whose answer is somebody's file says so (``shared/messaging/doors.py``); after it was authorised and before it is answered,
``file_looked_at`` is appended to ``<service>.looks-<the file's id>``. A list that opens names is one event with the ids that were
shown, in a stream of that list, day and hand. The same hand at the same file for the same purpose within five minutes looks once:
a page that is read again, or made of three queries of which each is recorded, tells nobody more.

What a service loads for its own work is no look: it shows nothing to anybody. Private: nobody outside needs to hear of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from shared.domain.errors import invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order

SHAPE = "looks"
# Why somebody looks (查阅目的). There is no "other": a purpose that is missing here is added with its ground.
PURPOSES = {
    "casework": "经办业务",
    "review": "审核",
    "inspection": "监督检查",
    "complaint": "信访答复",
    "own_request": "本人查询",
    "legal": "依法协助",
    "audit": "审计",
    "statistics": "统计",
}
USUAL = "casework"
_ONCE = timedelta(minutes=5)
_KEPT = 20  # looks that a state remembers, to tell a repeat


@shape_event(SHAPE, "file_looked_at")
@dataclass(frozen=True)
class FileLookedAt:
    """查阅档案: ``files`` are ids (of a household, a person, a case); ``method`` the query; ``as_of`` the moment that was asked for."""

    files: tuple[str, ...]
    method: str
    purpose: str
    by: str
    at: datetime
    roles: tuple[str, ...] = ()
    reference: str = ""  # the number of the complaint, the letter, the order it is for
    as_of: datetime | None = None
    divisions: tuple[str, ...] = ()  # of a list: whose jurisdiction each of the files is in, as ``files`` names them


@command("look_at_file", permission="look")
@dataclass(frozen=True)
class LookAtFile:
    """查阅, by whoever the order's hand is; ``division``: whose jurisdiction the file is in, of a list the hand's.

    No role carries it: doors give it."""

    files: tuple[str, ...]
    method: str
    purpose: str
    division: str
    roles: tuple[str, ...] = ()
    reference: str = ""
    as_of: datetime | None = None
    divisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looks:
    """The newest looks at one file."""

    newest: tuple[FileLookedAt, ...] = ()


def evolve(state: Looks, happened: FileLookedAt) -> Looks:
    return Looks((*state.newest, happened)[-_KEPT:])


def look(state: Looks, c: LookAtFile, order: Order[LookAtFile]) -> Sequence[FileLookedAt]:
    if c.purpose not in PURPOSES:
        raise invalid(f"查阅目的须为 {'、'.join(PURPOSES)} 之一。", "purpose")
    now = FileLookedAt(c.files, c.method, c.purpose, order.hand.actor, order.now, c.roles, c.reference, c.as_of, c.divisions)
    again = any(timedelta(0) <= now.at - was.at < _ONCE and replace(was, at=now.at) == now for was in state.newest)
    return () if again else (now,)


@cache
def decider(service: str) -> Decider[Looks]:
    """The looks of a service; every service of the house keeps them (shared/eventlog/discovery.py)."""
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.looks", initial=Looks(), evolve=evolve, decide={LookAtFile: look}, division=lambda _state: ""
    )


def list_id(method: str, actor: str, day: str) -> str:
    """The stream of a hand's looks at one list on one day: hands do not meet in it, and it ends with the day."""
    return f"{method}.{day}.{hashlib.sha256(actor.encode()).hexdigest()[:16]}"

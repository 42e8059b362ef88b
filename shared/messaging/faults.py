"""What an exception means at a door (故障分类): a refusal for good, a refusal for now, the house being away, or a bug."""

from __future__ import annotations

import secrets
from enum import Enum

import sqlalchemy as sa

from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import LogUnavailable
from shared.eventsourcing.codec import BrokenEvent
from shared.messaging import logs


class Kind(Enum):
    REFUSED = "refused"  # will be refused again: dead letter at once
    NOT_NOW = "not_now"  # another try may succeed: the schedule, then dead letter
    AWAY = "away"  # log, broker or database is away: try until it is back
    BUG = "bug"  # the schedule, then dead letter


_NOT_NOW = frozenset({"not_yet", "version_conflict"})


def kind_of(error: BaseException) -> Kind:
    if isinstance(error, BrokenEvent):  # the caller is told which; it will not be better for waiting
        return Kind.BUG
    if isinstance(error, Refused):
        if error.code == "unavailable":
            return Kind.AWAY
        return Kind.NOT_NOW if error.code in _NOT_NOW else Kind.REFUSED
    if isinstance(error, LogUnavailable | sa.exc.TimeoutError | sa.exc.InterfaceError):
        return Kind.AWAY
    if isinstance(error, sa.exc.OperationalError):
        # SQLite says "no such table" with the same class: that is a bug, or a read model that is not there yet.
        return Kind.BUG if "no such" in str(error.orig) else Kind.AWAY
    return Kind.BUG


def as_refusal(error: BaseException, door: str) -> Refused:
    """What the caller of an RPC is told; of a bug only a number, under which the log has the place."""
    kind = kind_of(error)
    if isinstance(error, BrokenEvent):
        logs.say("broken_event", 40, door=door, where=error.where)
    if isinstance(error, Refused):
        return error
    if kind is Kind.AWAY:
        return Unavailable()
    number = secrets.token_hex(4).upper()
    logs.say("rpc_failed", 40, door=door, number=number, error=type(error).__name__, at=logs.place(error.__traceback__))
    return Refused("internal", f"系统内部错误，已记录编号 {number}。", None)


def reason_of(error: BaseException) -> tuple[str, str]:
    """(code, message) of a dead letter. A refusal's message holds no personal data; another exception's text may, so it is left out."""
    if isinstance(error, Refused):
        return error.code, error.message + (f"（{error.field}）" if error.field else "")
    return type(error).__name__, f"处理程序出错，位置 {logs.place(error.__traceback__)}。"

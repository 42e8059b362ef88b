"""What an append may do: the table of expected versions and idempotency, as one function without side effects.

It mirrors the real server's ``CheckCommit`` row by row, the surprising rows included: an append that names the *current* version is
written again even if the same event id is already in the stream, and an append that names a *past* version succeeds without writing
if, and only if, the ids recorded from there on are the very same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

ANY = -2
NO_STREAM = -1
STREAM_EXISTS = -4
DELETED = (1 << 63) - 1  # the revision of a tombstone, and the $tb of a soft-deleted stream


class Outcome(Enum):
    WRITE = "write"
    ALREADY_WRITTEN = "already written"
    WRONG_VERSION = "wrong version"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    last: int = -1  # ALREADY_WRITTEN: the revision of the last event of the first writing
    reopen: bool = False  # WRITE: the stream was soft-deleted, and lives again from here


WRITE = Decision(Outcome.WRITE)
REOPEN = Decision(Outcome.WRITE, reopen=True)
WRONG = Decision(Outcome.WRONG_VERSION)
GONE = Decision(Outcome.DELETED)


def decide(
    expected: int,
    ids: Sequence[bytes],
    current: int,
    soft_deleted: bool,
    has_metadata: Callable[[], bool],
    recent: Callable[[bytes], int | None],
    recorded: Callable[[int], bytes | None],
) -> Decision:
    """Judge an append of events ``ids`` to a stream whose last revision is ``current`` (-1: none).

    ``recent`` finds the revision of a recently written id in this stream, ``recorded`` the id at a revision of it.
    """
    if current == DELETED:
        return GONE
    if expected == STREAM_EXISTS:
        if soft_deleted:
            return GONE
        if current < 0 and not has_metadata():
            return WRONG
    write = REOPEN if soft_deleted else WRITE
    if expected in (ANY, STREAM_EXISTS):
        return _weakly(ids, write, recent)
    if expected < current:
        return _strongly(expected, ids, soft_deleted, recorded)
    return write if expected == current else WRONG


def _weakly(ids: Sequence[bytes], write: Decision, recent: Callable[[bytes], int | None]) -> Decision:
    """No version was named: the ids we still remember tell a repetition from a new append."""
    last = -1
    for nth, event_id in enumerate(ids):
        revision = recent(event_id)
        if revision is None:
            return write if nth == 0 else WRONG
        last = revision
    return Decision(Outcome.ALREADY_WRITTEN, last=last) if ids else write


def _strongly(expected: int, ids: Sequence[bytes], soft_deleted: bool, recorded: Callable[[int], bytes | None]) -> Decision:
    """A past version was named: compare with what the stream holds from there on."""
    revision = expected
    for event_id in ids:
        revision += 1
        if recorded(revision) == event_id:
            continue
        if revision == expected + 1 and expected == NO_STREAM and soft_deleted:
            return REOPEN
        return WRONG
    return Decision(Outcome.ALREADY_WRITTEN, last=revision) if ids else WRONG

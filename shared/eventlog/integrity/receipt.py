"""Receipts (回执) and proofs of consistency as files that a stranger checks with ``standalone.py``, without asking us anything."""

from __future__ import annotations

import base64
from typing import Any

import sqlalchemy as sa

from shared.eventlog.client import Log, Raw
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.checkpoint import size_of
from shared.eventlog.integrity.leaf import leaf_of
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.integrity.seal import STREAM, newest_note, note_in, note_of

SHOWN = 10  # checkpoints that are named to whoever asked for one that is not there
RECEIPT, SEALED, CONSISTENCY = "minzheng receipt 1", "minzheng sealed 1", "minzheng consistency 1"


class NotSealed(Exception):
    """What was asked about stands behind the newest checkpoint, or is not there; the message is in Chinese."""


def receipt(log: Log, engine: sa.Engine, stream: str, version: int) -> dict[str, Any]:
    """The receipt of one event against the newest checkpoint; raises NotSealed."""
    event, proof = _proven(log, engine, stream, version)
    return {"form": RECEIPT, "event": event_of(event), **proof}


def sealed(log: Log, engine: sa.Engine, stream: str, version: int) -> dict[str, Any]:
    """The same of an event whose content is not everybody's: its leaf's hash stands for it. Whoever holds the event can see that it is
    this one; nobody else learns anything, for what is sealed in it differs every time it is sealed."""
    event, proof = _proven(log, engine, stream, version)
    return {"form": SEALED, "leaf": leaf_of(event).hex(), **proof}


def _proven(log: Log, engine: sa.Engine, stream: str, version: int) -> tuple[Raw, dict[str, Any]]:
    """An event, and its place with the path to the root of the newest checkpoint."""
    found = [e for e in log.read(stream, version, 1) if e.version == version]
    newest = newest_note(log)
    if not found or newest is None:
        raise NotSealed(f"没有事件 {stream}@{version}。" if not found else "还没有检查点。")
    size = size_of(newest[1])
    if size < 0:
        raise NotSealed("最新的检查点读不出，请运行 minzheng audit verify。")
    with engine.connect() as connection:
        kept = Nodes(connection)
        index = kept.index_of(found[0].position)
        if index is None or index >= size:
            raise NotSealed("该事件尚未封存，请稍后再取。")
        if kept(0, index) != leaf_of(found[0]):
            raise NotSealed("该事件与封存时不同，请运行 minzheng audit verify。")
        path = tree.inclusion(index, size, kept)
    return found[0], {"index": index, "path": [p.hex() for p in path], "checkpoint": newest[1]}


def event_of(event: Raw) -> dict[str, Any]:
    """An event in a receipt: all that is hashed of it."""
    return {
        "stream": event.stream,
        "version": event.version,
        "type": event.name,
        "id": event.id,
        "data": base64.b64encode(event.data).decode(),
        "metadata": base64.b64encode(event.metadata).decode(),
    }


def consistency(log: Log, engine: sa.Engine, older: int, newer: int | None = None) -> dict[str, Any]:
    """The proof between the checkpoints of two sizes (default: the newest); raises NotSealed."""
    newest = newest_note(log)
    latest = [] if newest is None else log.read(STREAM, max(0, newest[0] - SHOWN + 1), SHOWN)
    known = sorted(size for raw in latest if (size := size_of(note_in(raw))) > 0)
    if not known:
        raise NotSealed("还没有检查点。")
    newer = known[-1] if newer is None else newer
    if older > newer:
        raise NotSealed(f"较早的检查点（{older}）须不大于较晚的（{newer}）。")
    notes = {size: note_of(log, size) for size in (older, newer)}
    for size, note in notes.items():
        if note is None or size <= 0:
            raise NotSealed(f"没有大小为 {size} 的检查点；最近的：{'、'.join(map(str, known))}。")
    return {"form": CONSISTENCY, "older": notes[older], "newer": notes[newer], "path": _path(engine, older, newer)}


def continued(log: Log, engine: sa.Engine, note: str) -> dict[str, Any]:
    """The proof from a checkpoint that somebody kept to the newest one; whether it holds, his own text decides. Raises NotSealed."""
    newest, size = newest_note(log), size_of(note)
    latest = -1 if newest is None else size_of(newest[1])
    if newest is None or latest < 0:
        raise NotSealed("还没有检查点，或最新的读不出。")
    if not 0 < size <= latest:
        raise NotSealed(f"所给的检查点有 {size} 个事件，日志现在只签名到 {latest} 个。")
    return {"form": CONSISTENCY, "older": note, "newer": newest[1], "path": _path(engine, size, latest)}


def _path(engine: sa.Engine, older: int, newer: int) -> list[str]:
    with engine.connect() as connection:
        return [p.hex() for p in tree.consistency(older, newer, Nodes(connection))]

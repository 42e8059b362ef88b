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
from shared.eventlog.integrity.seal import newest_note, notes_of

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
    notes = {size: note for note in notes_of(log) if (size := size_of(note)) > 0}
    if not notes:
        raise NotSealed("还没有检查点。")
    newer = max(notes) if newer is None else newer
    if older > newer:
        raise NotSealed(f"较早的检查点（{older}）须不大于较晚的（{newer}）。")
    for size in (older, newer):
        if size not in notes:
            raise NotSealed(f"没有大小为 {size} 的检查点；现有：{'、'.join(map(str, sorted(notes)[-10:]))}。")
    with engine.connect() as connection:
        path = tree.consistency(older, newer, Nodes(connection))
    return {"form": CONSISTENCY, "older": notes[older], "newer": notes[newer], "path": [p.hex() for p in path]}

"""What of an event is hashed (叶子): its stream, its place there, its type, id, body and metadata, byte by byte as the log gives them.

Not the commit position: the order is the tree's own, so the same history moved to another log keeps its proofs. Personal fields are hashed
as they were sealed: when a person's key is destroyed nothing in the log changes, and every proof still holds.

``receipt`` and the stand-alone verifier make the same bytes; the form is fixed: a new one would be a new tag.
"""

from __future__ import annotations

import uuid
from typing import Any

from shared.eventlog.integrity.tree import leaf_hash
from shared.eventlog.raw import Raw

TAG = b"minzheng event 1"
# Everything but the system's own streams, the relay's marks (they are dropped when old) and the seal's: those say what the tree was.
OF_THE_TREE: dict[str, Any] = {"filter_exclude": (r"relay\..*", r"integrity\..*", r"\$.*"), "filter_by_stream_name": True}


def leaf_data(event: Raw) -> bytes:
    """The bytes behind a leaf: each part with its length before it, so that no two events have the same."""
    return _data(event.stream, event.version, event.name, uuid.UUID(event.id).bytes, event.data, event.metadata)


def leaf_of(event: Raw) -> bytes:
    """The hash of an event's leaf."""
    return leaf_hash(leaf_data(event))


def leaf(stream: str, version: int, name: str, event_id: bytes, data: bytes, metadata: bytes) -> bytes:
    """The same from its parts."""
    return leaf_hash(_data(stream, version, name, event_id, data, metadata))


def _data(stream: str, version: int, name: str, event_id: bytes, data: bytes, metadata: bytes) -> bytes:
    parts = (TAG, stream.encode(), version.to_bytes(8, "big"), name.encode(), event_id, data, metadata)
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])

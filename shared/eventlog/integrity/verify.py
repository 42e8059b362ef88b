"""The check of the whole log (核验): every event is hashed anew and held against the kept leaves, the tree and every signed checkpoint.

Nothing that is kept is believed: roots are made from the log's own events. The kept leaves only serve to name what was changed, removed,
inserted or put elsewhere; where log and leaves were changed together, the checkpoints say so, and between which two. On the machine of
the embedded log its file is read instead of the wire, and looked at byte by byte (``source``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.eventlog.client import Log
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.checkpoint import Checkpoint, CheckpointError, opened
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.integrity.source import File, Wire, source_of

What = Literal["changed", "removed", "inserted", "moved", "checkpoint", "rewritten", "hidden", "file"]
SAID = {
    "changed": "被改动",
    "removed": "被删除",
    "inserted": "是后来插入的",
    "moved": "被挪动",
}
_OWN_WORDS = ("checkpoint", "rewritten", "hidden", "file")
MOST = 1_000  # findings that are told


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed; ``where`` names the event (stream@version) or says what a checkpoint shows."""

    what: What
    index: int
    where: str

    def __str__(self) -> str:
        return self.where if self.what in _OWN_WORDS else f"第 {self.index + 1} 个事件 {self.where} {SAID[self.what]}"


@dataclass
class Report:
    """What was looked at and what was found; ``sound`` when nothing was."""

    events: int = 0
    checkpoints: int = 0
    unsealed: int = 0  # events that came after the last leaf: not an error, the seal follows
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.findings

    def add(self, what: What, index: int, where: str) -> None:
        if len(self.findings) < MOST:
            self.findings.append(Finding(what, index, where))


class Frontier:
    """The tree of the leaves so far, by its perfect subtrees alone: roots of any size on the way, in memory for one path."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        level = 0
        while self._peaks and self._peaks[-1][0] == level:
            leaf = tree.node_hash(self._peaks.pop()[1], leaf)
            level += 1
        self._peaks.append((level, leaf))
        self.size += 1

    @property
    def root(self) -> bytes:
        if not self._peaks:
            return tree.EMPTY
        found = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            found = tree.node_hash(peak, found)
        return found


def verify(
    log: Log | Wire | File,
    engine: sa.Engine,
    notes: Sequence[str],
    origin: str,
    key: Ed25519PublicKey,
    progress: Callable[[int], None] = lambda _n: None,
) -> Report:
    """Check the log, or the file of one, against the kept leaves and the checkpoints ``notes`` (oldest first; those in the log, or others
    kept outside)."""
    report, source = Report(), source_of(log) if isinstance(log, Log) else log
    checkpoints = list(_opened(notes, origin, key, report))
    by_size: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        by_size.setdefault(checkpoint.size, []).append(checkpoint)
    report.checkpoints = len(checkpoints)
    frontier = Frontier()
    good = 0  # size of the last checkpoint that held
    broken = False
    with engine.connect() as connection:
        kept = Nodes(connection)
        for leaf in _compared(source, kept, report, progress):
            frontier.add(leaf)
            for checkpoint in by_size.pop(frontier.size, ()):
                if frontier.root == checkpoint.root:
                    good = checkpoint.size
                elif not broken:
                    broken = True
                    at = checkpoint.time.isoformat(timespec="seconds")
                    report.add("rewritten", checkpoint.size - 1, f"第 {good + 1} 至 {checkpoint.size} 个事件之间与 {at} 签名的检查点不符")
    for size in sorted(by_size):
        if size:
            report.add("rewritten", size - 1, f"检查点证明曾有 {size} 个事件，日志中只有 {frontier.size} 个")
    for name in source.hiding():
        report.add("hidden", -1, f"系统流 {name} 可能使 {name[2:]} 的事件读不到")
    for said in source.problems():
        report.add("file", -1, f"事件日志文件有损：{said}")
    report.events = frontier.size
    return report


def _opened(notes: Sequence[str], origin: str, key: Ed25519PublicKey, report: Report) -> Iterator[Checkpoint]:
    for n, note in enumerate(notes):
        try:
            yield opened(note, origin, key)
        except CheckpointError as error:
            report.add("checkpoint", n, f"第 {n + 1} 个检查点：{error}")


def _compared(source: Wire | File, kept: Nodes, report: Report, progress: Callable[[int], None]) -> Iterator[bytes]:
    """The leaf of each event of the log, and on the way what differs from the kept leaves; both ascend by commit position."""
    size, index = kept.size, 0
    missing: dict[bytes, tuple[int, int]] = {}  # leaf → (index, position) of what is not in its place
    strangers: dict[bytes, tuple[int, str]] = {}
    for n, (event, leaf, whole) in enumerate(source.rows(), 1):
        if n % 1000 == 0:
            progress(1000)
        while index < size and kept.position(index) < event.position:
            missing[kept(0, index)] = (index, kept.position(index))
            index += 1
        name = f"{event.stream}@{event.version}"
        if index < size and kept.position(index) == event.position:
            if not whole or kept(0, index) != leaf:
                report.add("changed", index, name)
            index += 1
        elif index < size:
            strangers[leaf] = (index, name)
        else:
            report.unsealed += 1
            if not whole:
                report.add("changed", n - 1, name)
        yield leaf
    while index < size:
        missing[kept(0, index)] = (index, kept.position(index))
        index += 1
    for leaf, (at, name) in strangers.items():
        report.add("moved" if leaf in missing else "inserted", at, name)
    for leaf, (at, position) in missing.items():
        if leaf not in strangers:
            report.add("removed", at, f"（提交位置 {position}）")

"""The check of the whole log (核验): every event is hashed anew and held against the kept leaves, the tree and every signed checkpoint.

Nothing that is kept is believed: roots are made from the log's own events. The kept leaves only serve to name what was changed, removed,
inserted or put elsewhere; where log and leaves were changed together, the checkpoints say so, and between which two. Every kept hash above
the leaves is held against the two below it, since proofs and the next checkpoint would be made from it; a tree that cannot be read is a
finding, and the checkpoints are gone by alone. On the machine of the embedded log its file is read instead of the wire, and looked at byte
by byte (``source``).
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
from shared.eventlog.integrity.nodes import DAMAGED, Nodes
from shared.eventlog.integrity.source import File, Wire, source_of

What = Literal["changed", "removed", "inserted", "moved", "checkpoint", "rewritten", "hidden", "file", "tree", "tail"]
Named = Callable[[int], str | None]  # commit position → stream@number, by whoever has an index of the log beside it
SAID = {
    "changed": "被改动",
    "removed": "被删除",
    "inserted": "是后来插入的",
    "moved": "被挪动",
}
_OWN_WORDS = ("checkpoint", "rewritten", "hidden", "file", "tree", "tail")
_NODES_TOLD = 20
REBUILD = "请清空完整性库，重新封存"
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
    source: str = field(default="", compare=False)  # what was read: 文件, 网络
    warning: str = field(default="", compare=False)  # why it was not the file, where a file was to be read
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
    named: Named = lambda _position: None,
) -> Report:
    """Check the log, or the file of one, against the kept leaves and the checkpoints ``notes`` (oldest first; those in the log, or others
    kept outside). ``named``: how an event is called of which nothing is left but its place."""
    source = source_of(log) if isinstance(log, Log) else log
    report = Report(source=source.name, warning=source.warning)
    checkpoints = list(_opened(notes, origin, key, report))
    by_size: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        by_size.setdefault(checkpoint.size, []).append(checkpoint)
    report.checkpoints = len(checkpoints)
    frontier = Frontier()
    good = 0  # size of the last checkpoint that held
    broken = False
    kept = _Kept(engine, report)
    for leaf in _compared(source, kept, report, progress, named):
        frontier.add(leaf)
        for checkpoint in by_size.pop(frontier.size, ()):
            if frontier.root == checkpoint.root:
                good = checkpoint.size
            elif not broken:
                broken = True
                at = checkpoint.time.isoformat(timespec="seconds")
                report.add("rewritten", checkpoint.size - 1, f"第 {good + 1} 至 {checkpoint.size} 个事件之间与 {at} 签名的检查点不符")
    kept.look()
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


class _Kept:
    """The kept tree, as far as it can be read; what is amiss with it is a finding, and then no more is asked of it."""

    def __init__(self, engine: sa.Engine, report: Report) -> None:
        self._engine, self._report = engine, report
        self.whole = True

    def leaves(self) -> Iterator[tuple[int, int, bytes]]:
        """(index, commit position, hash) of every leaf, in order."""
        try:
            with self._engine.connect() as connection:
                kept = Nodes(connection)
                for index in range(kept.size):
                    yield index, kept.position(index), kept(0, index)
        except DAMAGED as error:
            self._broken(error)

    def look(self) -> None:
        """Whether every hash above the leaves is that of the two below it."""
        if not self.whole:
            return
        try:
            with self._engine.connect() as connection:
                for n, (level, index) in enumerate(Nodes(connection).amiss()):
                    if n == _NODES_TOLD:
                        break
                    self._report.add("tree", -1, f"完整性树第 {level} 层第 {index + 1} 个散列与其下两个不符：树有损，{REBUILD}")
        except DAMAGED as error:
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        self.whole = False
        self._report.add("tree", -1, f"完整性树有损，此后只与检查点核对（{type(error).__name__}）：{REBUILD}")


def _compared(source: Wire | File, tree_: _Kept, report: Report, progress: Callable[[int], None], named: Named) -> Iterator[bytes]:
    """The leaf of each event of the log, and on the way what differs from the kept leaves; both ascend by commit position."""
    missing: dict[bytes, tuple[int, int]] = {}  # leaf → (index, position) of what is not in its place
    strangers: dict[bytes, tuple[int, str]] = {}
    leaves = tree_.leaves()
    kept = next(leaves, None)
    for n, (event, leaf, whole) in enumerate(source.rows(), 1):
        if n % 1000 == 0:
            progress(1000)
        while kept is not None and kept[1] < event.position:
            missing[kept[2]] = kept[:2]
            kept = next(leaves, None)
        name = f"{event.stream}@{event.version}"
        if kept is not None and kept[1] == event.position:
            if not whole or kept[2] != leaf:
                report.add("changed", kept[0], name)
            kept = next(leaves, None)
        elif kept is not None:
            strangers[leaf] = (kept[0], name)
        else:
            report.unsealed += tree_.whole
            if not whole:
                report.add("changed", n - 1, name)
        yield leaf
    while kept is not None:
        missing[kept[2]] = kept[:2]
        kept = next(leaves, None)
    for leaf, (at, name) in strangers.items():
        report.add("moved" if leaf in missing else "inserted", at, name)
    removed = sorted(place for leaf, place in missing.items() if leaf not in strangers)
    told = {position: named(position) for _, position in removed[:MOST]}
    gaps = list(_gaps(source, [p for p, name in told.items() if name is None]))
    for at, position in removed:
        known = told.get(position) or "、".join(gap for first, last, gap in gaps if first < position < last)
        report.add("removed", at, f"{known}（提交位置 {position}）")


def _gaps(source: Wire | File, positions: list[int]) -> Iterator[tuple[int, int, str]]:
    """(after which position, before which, stream@number) of every number that a stream of the log lacks, where any of these positions may
    have had it. The last of a stream leaves no gap."""
    if not positions:
        return
    seen: dict[str, tuple[int, int]] = {}
    for event, _, _ in source.rows():
        version, place = seen.get(event.stream, (-1, -1))
        if event.version > version + 1 and any(place < p < event.position for p in positions):
            numbers = range(version + 1, min(event.version, version + 1 + _NODES_TOLD))
            yield from ((place, event.position, f"{event.stream}@{n}") for n in numbers)
        seen[event.stream] = (event.version, event.position)

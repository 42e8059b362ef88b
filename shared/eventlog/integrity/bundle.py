"""The auditor's bundle (审计包): the events of a scope and a period with their proofs, the rules that decided, and what checks it all,
in one ZIP file. ``bundle_check`` is in it as ``verify.py``; whoever has Python and ``cryptography`` needs no server of ours.

A scope is a set of streams: those with an event that it is about. Of each the period's events are taken without a gap, and the events just
before and just after it as witnesses that nothing was left out at the edges. Personal fields stay sealed.

    README.txt  manifest.json  checkpoint.txt  [consistency.json]  seal.pub  events.jsonl  hashes.txt  types.json
    rules/<service>/…  profiles/<district>/…  contracts/…  verify.py  standalone.py  __main__.py
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

import sqlalchemy as sa

from shared.config import ROOT
from shared.domain.errors import Unavailable
from shared.eventlog import discovery
from shared.eventlog.client import Log, Raw
from shared.eventlog.integrity import bundle_check, standalone, tree
from shared.eventlog.integrity.checkpoint import size_of
from shared.eventlog.integrity.leaf import OF_THE_TREE, leaf_of
from shared.eventlog.integrity.nodes import Nodes
from shared.eventlog.integrity.receipt import CONSISTENCY, NotSealed, event_of
from shared.eventlog.integrity.seal import newest_note
from shared.eventlog.near import wanted as wanted_of
from shared.eventlog.reader import Reader
from shared.eventlog.showing import recorded
from shared.eventlog.walk import assessments_of
from shared.eventsourcing.codec import BrokenEvent, UnknownEvent, decode_meta
from shared.eventsourcing.events import REGISTRY, personal_plan
from shared.eventsourcing.titles import title
from shared.rules.parameters import fingerprint

Kind = Literal["stream", "person", "case", "service", "division", "all"]
STANDARD = ".standard_published"  # what a district has published belongs to the parameters
Progress = Callable[[int], None]  # events of the log gone through


@dataclass(frozen=True)
class Scope:
    """Which streams: one by its name; those that speak of a person or a case; a service's; those with a record of a place; all."""

    kind: Kind
    value: str = ""

    @staticmethod
    def parse(text: str) -> Scope:
        """``person:0f1e…``; ValueError for what is no scope."""
        kind, _, value = text.partition(":")
        if kind not in get_args(Kind) or (kind == "all") is bool(value):
            raise ValueError(text)
        if not re.fullmatch({"person": "[0-9a-f]{32}", "division": "[0-9]{2,12}", "service": "[a-z_]+"}.get(kind, "[^ ]*"), value):
            raise ValueError(text)
        return Scope(cast(Kind, kind), value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else self.kind

    @property
    def by_name(self) -> bool:
        """Whether a stream's name says it all."""
        return self.kind in ("stream", "service", "all")

    def about(self, event: Raw) -> bool:
        match self.kind:
            case "all":
                return True
            case "stream":
                return event.stream == self.value
            case "service":
                return event.stream.startswith(f"{self.value}.")
            case "division":
                return f'"division":"{self.value}'.encode() in event.metadata
            case _:
                return event.stream.endswith(f"-{self.value}") or f'"{self.value}"'.encode() in event.data


@dataclass
class Stream:
    """What of a stream is in the bundle."""

    first: int = -1
    last: int = -1
    ends: bool = True  # no event came after the period, as far as the checkpoint goes


@dataclass
class Made:
    """What went in."""

    events: int = 0
    unsealed: int = 0  # of the scope, but behind the checkpoint
    checkpoint: int = 0  # its size
    streams: dict[str, Stream] = field(default_factory=dict)
    versions: set[tuple[str, str]] = field(default_factory=set)  # (service, version of rules or parameters) that decisions name


@dataclass(frozen=True)
class Asked:
    """What was asked for. ``older``: a checkpoint that the auditor has from before."""

    scope: Scope
    first: datetime | None = None
    last: datetime | None = None
    older: str = ""


def make(
    out: Path, log: Log, engine: sa.Engine, asked: Asked, origin: str, key_pem: bytes, profile: str, at: datetime, progress: Progress,
    noted: Callable[[Made], None] = lambda _made: None,
) -> Made:  # fmt: skip
    """Write the bundle, whole or not at all. NotSealed when there is no checkpoint, or nothing of the scope is under it. ``noted`` is
    called when it is whole, before it is there: whoever cannot write down that it was taken raises."""
    newest = newest_note(log)
    if newest is None or size_of(newest[1]) == 0:
        raise NotSealed("还没有检查点，请先运行 minzheng seal --once。")
    if size_of(newest[1]) < 0:
        raise NotSealed("最新的检查点读不出，请运行 minzheng audit verify。")
    made, note = Made(checkpoint=size_of(newest[1])), newest[1]
    if asked.older and size_of(asked.older) < 1:
        raise NotSealed("所给的较早检查点中没有事件，不能据以证明。")
    if asked.older and size_of(asked.older) > size_of(note):
        beyond = f"所给的检查点证明曾有 {size_of(asked.older)} 个事件，日志中最新的检查点只有 {size_of(note)} 个"
        raise NotSealed(f"{beyond}：日志被截短或退回过，请运行 minzheng audit verify。")
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with (
            os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file,
            engine.connect() as connection,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            put = _Put(archive)
            proofs = _Proofs(Nodes(connection), size_of(note))
            put.lines("events.jsonl", _chosen(log, asked, proofs, made, progress))
            if not made.events:
                raise NotSealed("这一范围和期间内没有已封存的事件。")
            put.lines("hashes.txt", (f"{found.hex()}\n".encode() for found in proofs.hashes))
            put("checkpoint.txt", note)
            put("seal.pub", key_pem)
            if asked.older:
                path = tree.consistency(size_of(asked.older), size_of(note), Nodes(connection))
                proof = {"form": CONSISTENCY, "older": asked.older, "newer": note, "path": [p.hex() for p in path]}
                put("consistency.json", _json(proof))
            texts = _texts(put, made.versions, profile)
            put("types.json", _json(_types(put, proofs.types)))
            put("README.txt", _README.format(scope=asked.scope, at=at.isoformat(timespec="seconds")))
            for name, module in (("verify.py", bundle_check), ("standalone.py", standalone)):
                put(name, Path(str(module.__file__)).read_bytes())
            put("__main__.py", "import sys\n\nimport verify\n\nsys.exit(verify.main())\n")
            manifest = {
                "form": bundle_check.FORM,
                "origin": origin,
                "scope": str(asked.scope),
                "from": asked.first.isoformat() if asked.first else "",
                "to": asked.last.isoformat() if asked.last else "",
                "made_at": at.isoformat(timespec="seconds"),
                "checkpoint": size_of(note),
                "events": made.events,
                "unsealed": made.unsealed,
                "streams": {name: dataclasses.asdict(s) for name, s in sorted(made.streams.items())},
                "versions": sorted(made.versions),
                "texts": texts,
                "files": put.files,
            }
            archive.writestr("manifest.json", _json(manifest))
        noted(made)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return made


# -- the events ------------------------------------------------------------------------------------------------------------


class _Proofs:
    """Paths to the root of one checkpoint; the hashes that many of them share are kept once."""

    def __init__(self, kept: Nodes, size: int) -> None:
        self._kept, self.size = kept, size
        self._numbers: dict[bytes, int] = {}
        self.types: set[str] = set()

    @property
    def hashes(self) -> list[bytes]:
        return list(self._numbers)

    def line(self, event: Raw, role: str) -> bytes | None:
        """An event with its proof; None when it stands behind the checkpoint."""
        index = self._kept.index_of(event.position, self.size)
        if index is None:
            return None
        if self._kept(0, index) != leaf_of(event):
            raise NotSealed(f"{event.stream}@{event.version} 与封存时不同，请运行 minzheng audit verify。")
        path = [self._numbers.setdefault(found, len(self._numbers)) for found in tree.inclusion(index, self.size, self._kept)]
        self.types.add(event.name)
        return json.dumps({"index": index, "role": role, **event_of(event), "path": path}, ensure_ascii=False).encode() + b"\n"


def _chosen(log: Log, asked: Asked, proofs: _Proofs, made: Made, progress: Progress) -> Iterator[bytes]:
    """The lines of the bundle: the scope's events in log order, published standards among them, then the witnesses before the period."""
    wanted = None if asked.scope.by_name else {e.stream for e in _all(log, progress) if asked.scope.about(e)}
    before: dict[str, int] = {}
    over: set[str] = set()
    for event in _of_one(log, asked.scope.value) if asked.scope.kind == "stream" else _all(log, progress):
        ours = asked.scope.about(event) if wanted is None else event.stream in wanted
        if not ours:
            if event.name.endswith(STANDARD) and (line := proofs.line(event, "standard")):
                yield line
            continue
        if event.stream in over:
            continue
        at = decode_meta(event.metadata).recorded_at
        known = made.streams.get(event.stream)
        if known is None and asked.first is not None and at < asked.first:
            before[event.stream] = event.version
            continue
        ended = asked.last is not None and at > asked.last
        if ended:
            over.add(event.stream)
            if known is None:
                continue
        line = proofs.line(event, "edge" if ended else "scope")
        if line is None:
            made.unsealed += 1
            continue
        if ended:
            assert known is not None
            known.ends = False
        else:
            stream = made.streams.setdefault(event.stream, Stream(event.version))
            stream.last = event.version
            made.events += 1
            made.versions |= {(event.stream.split(".", 1)[0], v) for v in bundle_check.versions_in(event.data)}
        yield line
    for name in made.streams.keys() & before.keys():
        for event in log.read(name, before[name], 1):
            line = proofs.line(event, "edge")
            if line is not None:
                yield line


def _of_one(log: Log, stream: str) -> Iterator[Raw]:
    """A stream, and what was published of the standards that its decisions name, in the order of the log: the rest is not gone through."""
    allows = wanted_of(**OF_THE_TREE)
    own = [event for event in log.read(stream) if allows(event)]
    books = {book for event in own for book in _books(event)} - {stream}
    published = (event for book in sorted(books) for event in log.read(book) if event.name.endswith(STANDARD))
    yield from sorted([*own, *published], key=lambda event: event.position)


def _books(event: Raw) -> tuple[str, ...]:
    """The streams in which the figures of an event's decisions were published."""
    room = discovery.replaying(event.stream.partition(".")[0])
    if not hasattr(room, "figures"):
        return ()
    try:
        return tuple(book for a in assessments_of(recorded(event).event) for book in room.figures(a))
    except (BrokenEvent, UnknownEvent):  # it is in the bundle as it stands
        return ()


def _all(log: Log, progress: Progress) -> Iterator[Raw]:
    reader = Reader(log)
    try:
        for n, event in enumerate(reader.read(-1, log.head(), **OF_THE_TREE), 1):
            if n % 1000 == 0:
                progress(1000)
            yield event
    finally:
        reader.close()


# -- what goes in beside -----------------------------------------------------------------------------------------------------


class _Put:
    """Puts files into the archive and keeps what they hash to."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.files: dict[str, str] = {}

    def __call__(self, name: str, content: bytes | str) -> None:
        if name not in self.files:
            self.lines(name, iter((content.encode() if isinstance(content, str) else content,)))

    def lines(self, name: str, lines: Iterator[bytes]) -> None:
        digest = hashlib.sha256()
        with self._archive.open(name, "w", force_zip64=True) as file:
            for line in lines:
                file.write(line)
                digest.update(line)
        self.files[name] = digest.hexdigest()


def _texts(put: _Put, versions: set[tuple[str, str]], profile: str) -> list[dict[str, Any]]:
    """The texts of rules and parameters with their fingerprints, made as ``shared/rules/engine.py`` makes them: a decision names these."""
    texts: list[dict[str, Any]] = []

    def add(service: str, what: str, files: list[Path]) -> None:
        names = [path.relative_to(ROOT).as_posix() for path in files]
        for path, name in zip(files, names, strict=True):
            put(name, path.read_bytes())
        texts.append({"service": service, "what": what, "fingerprint": fingerprint(*files), "files": names})

    for service in sorted({service for service, _ in versions}):
        folder = ROOT / "services" / service / "rules"
        if not folder.is_dir():
            continue
        add(service, "规则", [*sorted((ROOT / "shared" / "rules").glob("*.py")), *sorted(folder.glob("*.py"))])
        for path in sorted((folder / "cases").glob("*.yaml")):
            put(path.relative_to(ROOT).as_posix(), path.read_bytes())
        for district in sorted({version.partition("@")[0] for of, version in versions if of == service and "@" in version} | {profile}):
            home = ROOT / "profiles" / district
            if home.is_dir():
                own = [path for path in (home / f"{service}.yaml",) if path.is_file()]
                add(service, "参数", [*sorted((folder / "parameters").glob("*.yaml")), *own])
                for path in sorted(home.glob("*.yaml")):
                    put(path.relative_to(ROOT).as_posix(), path.read_bytes())
    return texts


def _types(put: _Put, names: set[str]) -> dict[str, Any]:
    """The event types in the bundle: title, version, fields; and the frozen contracts of those that are published."""
    found: dict[str, Any] = {}
    for name in sorted(names):
        kind = REGISTRY.get(name)
        if kind is None:
            continue
        hidden = dict(personal_plan(kind.cls).own)
        fields = [{"name": f.name, "type": str(f.type), "sealed_for": hidden.get(f.name, "")} for f in dataclasses.fields(kind.cls)]
        found[name] = {"title": title(name), "version": kind.version, "published": kind.published, "fields": fields}
        contracts = sorted((ROOT / "docs" / "contracts").glob(f"{name}.v*.json"))
        if kind.published and not contracts:
            raise Unavailable(f"缺少 {name} 的消息约定（docs/contracts），审计包会不完整：请在装有它们的地方制作。")
        for path in contracts:
            put(f"contracts/{path.name}", path.read_bytes())
    return found


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


_README = """审计包

范围 {scope}；制作时间 {at}。

这里是事件日志中这一范围、这一期间的全部事件，以及任何人都能离线核验的证明。不需要连接制作单位的任何系统。

怎样核验（Python 3.9 以上，另需 cryptography 软件包）：

    python3 审计包.zip --key seal.pub                 直接核验
    python3 审计包.zip --key seal.pub --timeline      再逐流列出历史；--stream 流名：只列一条
    python3 verify.py --key seal.pub                  解开压缩包以后

封存公钥请从制作单位公布之处取得，不要只用包中所附的 seal.pub：不给 --key 时用它，只能证明包中前后一致。

核验什么：
  1. 检查点由这把密钥签名；每个事件逐字节都在检查点所签名的默克尔树（RFC 6962）中，位置相符；
  2. 每条流的号从期间的第一个到最后一个连续无缺，期间前后各一个事件（role 为 edge）证明两端没有略去；
     期间之后再没有事件的流，其末端没有见证：核验时告知有多少条；范围为 all 且不限期间的，树中每一位置都须在包中；
  3. 规则、参数的文本与各决定所载的版本相符；有较早的检查点时，较早的日志是现在的开头；
  4. 每个文件与清单（manifest.json）中的 SHA-256 相符。
不能核验什么：没有见证的流末端之后是否还有事件；范围内是否另有整条的流未列入。
要证明全部，请在制作单位运行 minzheng audit verify，或以 all 为范围另作一包。

文件：
  events.jsonl      每行一个事件：流、号、类型、编号、内容与元数据（base64，即日志中的原字节）、
                    在树中的位置、路径（hashes.txt 的行号，从 0 起）
  hashes.txt        路径所用的散列，一行一个
  checkpoint.txt    签名的检查点；consistency.json（如有）：与较早检查点的一致性证明
  types.json        事件类型：中文名、版本、字段，哪些字段以谁的密钥密封；contracts/ 是对外公布的形式
  services/、shared/、profiles/   规则与参数的文本
  verify.py、standalone.py        核验程序，可以通读；只用标准库和 cryptography
个人信息（姓名、身份证号码、账号等）在日志中即以各人的密钥密封，本包不含密钥，核验不受影响。
"""

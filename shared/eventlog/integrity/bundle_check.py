#!/usr/bin/env python3
"""核验审计包：不连任何服务器，只用 Python 标准库和 cryptography。在审计包中名为 verify.py。

    python3 审计包.zip --key seal.pub                    # 直接核验，无须解开
    python3 verify.py --key seal.pub                     # 解开以后
    python3 审计包.zip --key seal.pub --timeline          # 再逐流列出历史（--stream 流名：只列一条）

What is checked: every event, byte by byte, is a leaf of the tree whose root the checkpoint signs, at its place; every stream's numbers
follow each other without a gap, from the event before the period to the one after it, where there is one: that a stream ended with its
last event here nothing shows, and it is said of how many; in a bundle of all, every place of the tree is there; the texts of the rules
are those that the decisions name; an earlier checkpoint is the beginning of this one; no file differs from the list. Forms:
docs/integrity.md. Nothing of Minzheng is imported but ``standalone.py``, which lies beside.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

if __package__:
    from shared.eventlog.integrity import standalone
else:  # in a bundle
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import standalone  # type: ignore[import-not-found,no-redef]

FORM = "minzheng bundle 1"
MOST = 100  # findings that are told


class Bundle:
    """A bundle as a ZIP file or as a directory."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path) if path.is_file() else None
        self._folder = path

    def names(self) -> list[str]:
        if self._zip is not None:
            return sorted(n for n in self._zip.namelist() if not n.endswith("/"))
        found = (p.relative_to(self._folder) for p in self._folder.rglob("*") if p.is_file())
        return sorted(p.as_posix() for p in found if "__pycache__" not in p.parts)

    def lines(self, name: str) -> Iterator[bytes]:
        with self._zip.open(name) if self._zip is not None else (self._folder / name).open("rb") as file:
            yield from file

    def read(self, name: str) -> bytes:
        return b"".join(self.lines(name))

    def events(self) -> Iterator[dict[str, Any]]:
        return (json.loads(line) for line in self.lines("events.jsonl"))


def check(bundle: Bundle, key: Any, origin: str) -> tuple[dict[str, Any], list[str]]:
    """(the manifest, what is wrong; [] when the bundle holds)."""
    manifest = json.loads(bundle.read("manifest.json"))
    if manifest.get("form") != FORM:
        raise standalone.Wrong("不是审计包，或格式版本不认识")
    wrong = list(_files(bundle, manifest))
    note = bundle.read("checkpoint.txt").decode()
    size, root, _ = standalone.checkpoint(note, origin or manifest["origin"], key)
    if manifest["checkpoint"] != size:
        wrong.append("清单中的检查点大小与检查点不符")
    if "consistency.json" in bundle.names():
        proof = json.loads(bundle.read("consistency.json"))
        try:
            standalone.check_consistency(proof, origin or manifest["origin"], key)
        except standalone.Wrong as error:
            wrong.append(f"一致性证明：{error}")
        if proof["newer"] != note:
            wrong.append("一致性证明说的是另一个检查点")
    wrong += _events(bundle, manifest, size, root)
    return manifest, wrong + list(_rules(bundle, manifest))


def _files(bundle: Bundle, manifest: dict[str, Any]) -> Iterator[str]:
    names = set(bundle.names()) - {"manifest.json"}
    for name in sorted(names | set(manifest["files"])):
        if name not in names:
            yield f"缺少文件 {name}"
        elif name not in manifest["files"]:
            yield f"清单之外的文件 {name}"
        else:
            digest = hashlib.sha256()
            for line in bundle.lines(name):
                digest.update(line)
            if digest.hexdigest() != manifest["files"][name]:
                yield f"文件 {name} 与清单中的 SHA-256 不符"


def _events(bundle: Bundle, manifest: dict[str, Any], size: int, root: bytes) -> list[str]:
    hashes = [bytes.fromhex(line.decode().strip()) for line in bundle.lines("hashes.txt")]
    wrong: list[str] = []
    numbers: dict[str, list[int]] = {}
    edges: dict[tuple[str, int], str] = {}
    places: dict[int, str] = {}
    versions: set[tuple[str, str]] = set()
    for event in bundle.events():
        name = f"{event['stream']}@{event['version']}"
        try:
            path = [hashes[n] for n in event["path"]]
            standalone.check_event(event, int(event["index"]), path, size, root)
        except (standalone.Wrong, IndexError, ValueError) as error:
            wrong.append(f"{name}：{error}")
        if event["index"] in places:
            wrong.append(f"{name} 与 {places[event['index']]} 在同一位置")
        places[event["index"]] = name
        if event["role"] == "scope":
            versions |= {(event["stream"].split(".")[0], v) for v in versions_in(base64.b64decode(event["data"]))}
            numbers.setdefault(event["stream"], []).append(event["version"])
        elif event["role"] == "edge":
            edges[event["stream"], event["version"]] = recorded_at(event)
    for stream, told in manifest["streams"].items():
        found = numbers.pop(stream, [])
        first, last = told["first"], told["last"]
        if found != list(range(first, last + 1)):
            missing = sorted(set(range(first, last + 1)) - set(found))
            wrong.append(f"{stream}：" + (f"缺少第 {'、'.join(map(str, missing[:10]))} 号事件" if missing else "事件的号次序不对或有重复"))
        before, after = edges.get((stream, first - 1)), edges.get((stream, last + 1))
        if first > 0 and (before is None or not manifest["from"] or _later(before, manifest["from"])):
            wrong.append(f"{stream}：没有期间之前的事件证明第 {first} 号是期间内的第一个")
        if not told["ends"] and (after is None or not manifest["to"] or not _later(after, manifest["to"])):
            wrong.append(f"{stream}：没有期间之后的事件证明第 {last} 号是期间内的最后一个")
    wrong += [f"{stream}：清单中没有这条流" for stream in numbers]
    if manifest["scope"] == "all" and not manifest["from"] and not manifest["to"] and places.keys() != set(range(size)):
        absent = sorted(set(range(size)) - places.keys())
        wrong.append(f"范围为全部，而第 {'、'.join(str(n + 1) for n in absent[:10])} 个事件等 {len(absent)} 个不在包中")
    named = {tuple(v) for v in manifest["versions"]}
    if versions != named:
        wrong.append("决定所载的规则、参数版本与清单不符")
    return wrong


def _later(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) > datetime.fromisoformat(other)


def versions_in(data: bytes) -> Iterator[str]:
    """The versions of rules and parameters that an event names, at any depth."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (value[key] for key in ("rules_version", "parameters_version") if isinstance(value.get(key), str) and value[key])
            for part in value.values():
                yield from walk(part)
        elif isinstance(value, list):
            for part in value:
                yield from walk(part)

    if b"_version" in data:
        yield from walk(json.loads(data))


def _rules(bundle: Bundle, manifest: dict[str, Any]) -> Iterator[str]:
    """That the texts have the fingerprints under which the decisions name them."""
    for text in manifest["texts"]:
        digest = hashlib.sha256()
        for name in text["files"]:
            content = bundle.read(name)
            digest.update(f"{name.rsplit('/', 1)[-1]}\0{len(content)}\0".encode())
            digest.update(content)
        if digest.hexdigest()[:16] != text["fingerprint"]:
            yield f"{text['service']} 的{text['what']}文本与其版本 {text['fingerprint']} 不符"


def without_end(manifest: dict[str, Any]) -> int:
    """How many streams have nothing behind their last event that would show it to be the period's last. A bundle of all, without a period,
    needs no such witness: every place of the tree is in it."""
    if manifest["scope"] == "all" and not manifest["from"] and not manifest["to"]:
        return 0
    return sum(bool(told["ends"]) for told in manifest["streams"].values())


def without_text(manifest: dict[str, Any]) -> list[str]:
    """The versions that decisions name and whose texts are not in the bundle: those of earlier releases."""
    there = {(t["service"], t["fingerprint"]) for t in manifest["texts"]}
    return sorted({f"{service} {version}" for service, version in manifest["versions"] if (service, fingerprint_in(version)) not in there})


def fingerprint_in(version: str) -> str:
    """The hash in a version: 1e33609cc5628ce3+openfisca-46.0.1, xiangshan-2023@c026a035c1629da0+published:1-2."""
    return version.partition("@")[2].partition("+")[0] if "@" in version else version.partition("+")[0]


# -- the history, for reading ----------------------------------------------------------------------------------------------


def recorded_at(event: dict[str, Any]) -> str:
    """When it was recorded, as its metadata says."""
    return str(json.loads(base64.b64decode(event["metadata"])).get("recorded_at", ""))


def timeline(bundle: Bundle, only: str = "") -> Iterator[str]:
    """Every stream's history in order: number, time, who, what; what is sealed stays so."""
    titles = json.loads(bundle.read("types.json"))
    streams: dict[str, list[dict[str, Any]]] = {}
    for event in bundle.events():
        if event["role"] == "scope" and only in ("", event["stream"]):
            streams.setdefault(event["stream"], []).append(event)
    for stream, events in sorted(streams.items()):
        yield f"\n{stream}"
        for event in events:
            meta = json.loads(base64.b64decode(event["metadata"]))
            title = titles.get(event["type"], {}).get("title", event["type"])
            at = str(meta.get("recorded_at", ""))[:16].replace("T", " ")
            yield f"  {event['version']:>4}  {at}  {title}（{event['type']}）  {meta.get('actor', '')}  {meta.get('division', '')}"
            yield f"        {_plain(json.loads(base64.b64decode(event['data'])))}"


def _plain(value: Any) -> str:
    def open_(part: Any) -> Any:
        if isinstance(part, dict):
            return {k: open_(v) for k, v in part.items()}
        if isinstance(part, list):
            return [open_(v) for v in part]
        return "〔密封〕" if isinstance(part, str) and part.startswith("~1.") else part

    return json.dumps(open_(value), ensure_ascii=False)


def tell(bundle: Bundle, manifest: dict[str, Any], wrong: list[str]) -> Iterator[str]:
    """What an auditor reads at the end."""
    yield from (f"✗ {line}" for line in wrong[:MOST])
    period = f"{manifest['from'][:10] or '最初'} 至 {manifest['to'][:10] or '制作时'}"
    count = f"{manifest['events']} 个事件，{len(manifest['streams'])} 条流"
    yield f"范围 {manifest['scope']}，{period}；{count}；检查点 {manifest['checkpoint']}。"
    if older := without_text(manifest):
        yield f"以下版本的规则或参数文本不在包中（作出决定时的版本已不是制作时的版本）：{'、'.join(older)}。"
    if (ends := without_end(manifest)) and not wrong:
        yield f"{ends} 条流的最后一个事件之后没有见证：其后是否还有事件未列入，本包不能证明。"
    holds = "成立：每个事件都在检查点所签名的日志中，各流无缺号，所附规则文本与其版本相符。"
    yield f"不成立：有 {len(wrong)} 处不符。" if wrong else holds


def main() -> int:
    """Exit status 0: it holds; 1: it does not; 2: it could not be read."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(prog="verify", description="核验审计包；不连任何服务器。")
    parser.add_argument("--key", type=Path, help="封存公钥（PEM），须从别处取得；不给则用包中所附，只能证明前后一致")
    parser.add_argument("--origin", default="", help="检查点的来源名，例如 minzheng.330225")
    parser.add_argument("--timeline", action="store_true", help="逐流列出历史")
    parser.add_argument("--stream", default="", metavar="流名", help="只列这一条流的历史")
    asked = parser.parse_args()
    try:
        bundle = Bundle(here)
        pem = asked.key.read_bytes() if asked.key else bundle.read("seal.pub")
        key = standalone.key_in(pem)
        manifest, wrong = check(bundle, key, asked.origin)
        if asked.timeline or asked.stream:
            print("\n".join(timeline(bundle, asked.stream)), end="\n\n")
        whose = "" if asked.key else "（包中所附，请与公布的核对）"
        print(f"封存公钥指纹 {hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]}{whose}")
        print("\n".join(tell(bundle, manifest, wrong)))
    except standalone.Wrong as error:
        print(f"不成立：{error}。", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        print(f"读不出：{type(error).__name__} {error}。", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

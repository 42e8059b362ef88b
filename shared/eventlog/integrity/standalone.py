#!/usr/bin/env python3
"""核验回执：不连任何服务器，只用 Python 标准库和 cryptography。本文件可单独拷走使用。

    python3 standalone.py --key seal.pub --origin minzheng.330225 receipt.json
    python3 standalone.py --key seal.pub --origin minzheng.330225 --consistency proof.json

A receipt (回执) holds an event as the log has it, its place, the path to the root and the signed checkpoint. What is checked: the
checkpoint was signed with this key; the event, byte by byte, is a leaf of the tree with that root, at that place. The proof of consistency
between two checkpoints shows that the log was only added to between them. Forms: docs/integrity.md. Nothing of Minzheng is imported.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class Wrong(Exception):
    """The receipt or proof does not hold; says why, in Chinese."""


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _leaf(event: dict[str, Any]) -> bytes:
    parts = (
        b"minzheng event 1",
        event["stream"].encode(),
        int(event["version"]).to_bytes(8, "big"),
        event["type"].encode(),
        uuid.UUID(event["id"]).bytes,
        base64.b64decode(event["data"], validate=True),
        base64.b64decode(event["metadata"], validate=True),
    )
    return hashlib.sha256(b"\0" + b"".join(len(p).to_bytes(4, "big") + p for p in parts)).digest()


def key_in(pem: bytes) -> Ed25519PublicKey:
    """The public key of a PEM file."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise Wrong("公钥不是 Ed25519")
    return key


def checkpoint(note: str, origin: str, key: Ed25519PublicKey) -> tuple[int, bytes, str]:
    """(size, root, time) of a signed checkpoint."""
    text, found, signature = note.partition("\n\n— ")
    text += "\n"
    lines = text.splitlines()
    if not found or len(lines) != 5 or lines[0] != origin or not signature.startswith(origin + " ") or not lines[1].isdecimal():
        raise Wrong("检查点格式不正确，或不是这个系统的")
    box = base64.b64decode(signature[len(origin) :].strip(), validate=True)
    if box[:4] != hashlib.sha256(origin.encode() + b"\n\1" + key.public_bytes_raw()).digest()[:4]:
        raise Wrong("检查点由另一把密钥签名")
    try:
        key.verify(box[4:], text.encode())
    except InvalidSignature:
        raise Wrong("检查点签名不符") from None
    return int(lines[1]), base64.b64decode(lines[2], validate=True), lines[4].removeprefix("time ")


def _fold(at: int, last: int, path: list[bytes], found: bytes, both: bytes | None = None) -> tuple[bytes, bytes | None]:
    """Up the tree from a node (RFC 9162, 2.1.3.2 and 2.1.4.2); ``both`` is the older root that is made beside it."""
    for beside in path:
        if last == 0:
            raise Wrong("证明过长")
        if at % 2 or at == last:
            found, both = _node(beside, found), None if both is None else _node(beside, both)
            while at and at % 2 == 0:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("证明过短")
    return found, both


def check_receipt(receipt: dict[str, Any], origin: str, key: Ed25519PublicKey) -> tuple[int, int, str]:
    """(place, size, time of the checkpoint) of a receipt that holds."""
    if receipt.get("form") not in ("minzheng receipt 1", "minzheng sealed 1"):
        raise Wrong("不是回执，或格式版本不认识")
    # "sealed": the event itself is not everybody's; its hash alone is shown to be in the log.
    leaf = _leaf(receipt["event"]) if receipt["form"] == "minzheng receipt 1" else bytes.fromhex(receipt["leaf"])
    size, root, time = checkpoint(receipt["checkpoint"], origin, key)
    index = int(receipt["index"])
    if not 0 <= index < size:
        raise Wrong("回执中的位置不在检查点之内")
    _check_leaf(leaf, index, [bytes.fromhex(p) for p in receipt["path"]], size, root)
    return index, size, time


def check_event(event: dict[str, Any], index: int, path: list[bytes], size: int, root: bytes) -> None:
    """That an event is the leaf at this place of the tree with this root."""
    _check_leaf(_leaf(event), index, path, size, root)


def _check_leaf(leaf: bytes, index: int, path: list[bytes], size: int, root: bytes) -> None:
    if not 0 <= index < size or _fold(index, size - 1, path, leaf)[0] != root:
        raise Wrong("事件不在检查点所签名的日志中，或已被改动")


def check_consistency(proof: dict[str, Any], origin: str, key: Ed25519PublicKey) -> tuple[int, int]:
    """(older size, newer size) of a proof that holds."""
    if proof.get("form") != "minzheng consistency 1":
        raise Wrong("不是一致性证明，或格式版本不认识")
    old, old_root, _ = checkpoint(proof["older"], origin, key)
    new, new_root, _ = checkpoint(proof["newer"], origin, key)
    path = [bytes.fromhex(p) for p in proof["path"]]
    if not 0 < old <= new:
        raise Wrong("两个检查点的先后不对")
    if old == new:
        if path or old_root != new_root:
            raise Wrong("同样大小却有两个根：日志被改写过")
        return old, new
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise Wrong("证明过短")
    at, last = old - 1, new - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    found, both = _fold(at, last, path[1:], path[0], path[0])
    if both != old_root or found != new_root:
        raise Wrong("较早的日志不是较晚的开头：日志被改写过")
    return old, new


def main() -> int:
    """Exit status 0: it holds; 1: it does not; 2: it could not be read."""
    parser = argparse.ArgumentParser(description="核验回执或一致性证明；不连任何服务器。")
    parser.add_argument("file", type=Path, help="回执（JSON）；加 --consistency 时为一致性证明")
    parser.add_argument("--key", type=Path, required=True, help="封存公钥（PEM）")
    parser.add_argument("--origin", required=True, help="检查点的来源名，例如 minzheng.330225")
    parser.add_argument("--consistency", action="store_true", help="核验两个检查点的一致性证明")
    asked = parser.parse_args()
    try:
        key = key_in(asked.key.read_bytes())
        given = json.loads(asked.file.read_text(encoding="utf-8"))
        if asked.consistency:
            old, new = check_consistency(given, asked.origin, key)
            print(f"成立：前 {old} 个事件在此后增至 {new} 个时未被改动。")
        else:
            index, size, time = check_receipt(given, asked.origin, key)
            what = given["event"]["type"] if "event" in given else "内容不公开的事件"
            print(f"成立：{what}，第 {index + 1} 个事件，在 {time} 签名的 {size} 个事件之中。")
    except Wrong as error:
        print(f"不成立：{error}。", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"读不出：{type(error).__name__}。", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

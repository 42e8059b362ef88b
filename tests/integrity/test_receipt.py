"""A receipt is checked by the stand-alone script alone, in a process that imports nothing of ours, and only what was sealed holds."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from shared.cli.audit import command
from shared.config import ROOT
from shared.eventlog.client import NO_STREAM
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.receipt import NotSealed, consistency, receipt
from tests.integrity.test_seal import KEY, ORIGIN, Sealed, sealed

__all__ = ["sealed"]
SCRIPT = ROOT / "shared" / "eventlog" / "integrity" / "standalone.py"


def checked(tmp_path: Path, given: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    """The script on a copy of its own in an empty directory, with nothing of ours on its path."""
    script, file, key = tmp_path / "check.py", tmp_path / "given.json", tmp_path / "seal.pub"
    script.write_bytes(SCRIPT.read_bytes())
    file.write_text(json.dumps(given), encoding="utf-8")
    key.write_bytes(KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    argv = [sys.executable, "-P", str(script), "--key", str(key), "--origin", ORIGIN, *more, str(file)]
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")} | {"PYTHONUTF8": "1"}
    return subprocess.run(argv, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=60, check=False)


def test_every_event_has_a_receipt_that_a_stranger_can_check(sealed: Sealed, tmp_path: Path) -> None:
    """Said in Chinese, with place and time."""
    for stream in range(5):
        made = receipt(sealed.log, sealed.engine, f"sample.thing-{stream}", 2)
        done = checked(tmp_path, made)
        assert done.returncode == 0, done.stderr
        assert f"第 {11 + stream} 个事件" in done.stdout


def change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda made: made["event"].update({key: value})


@pytest.mark.parametrize(
    "damage",
    [
        change("data", base64.b64encode(b'{"note": "n9"}').decode()),
        change("version", 1),
        change("stream", "sample.thing-3"),
        change("type", "sample.undone"),
        lambda made: made.update(index=made["index"] - 1),
        lambda made: made.update(index=99),
        lambda made: made["path"].pop(),
        lambda made: made["path"].append("00" * 32),
        lambda made: made.update(checkpoint=made["checkpoint"].replace("\n15\n", "\n16\n")),
    ],
)
def test_a_receipt_that_was_changed_does_not_hold(sealed: Sealed, tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    """Whatever was changed in it."""
    made = receipt(sealed.log, sealed.engine, "sample.thing-2", 2)
    damage(made)
    done = checked(tmp_path, made)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("不成立")


def test_what_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    """Neither holds nor does not."""
    done = checked(tmp_path, {"form": "minzheng receipt 1"})
    assert done.returncode == 2
    assert done.stderr.startswith("读不出")


def test_an_event_not_sealed_yet_has_none(sealed: Sealed) -> None:
    """Nor one that is not there."""
    sealed.add("sample.thing-9", NO_STREAM)
    with pytest.raises(NotSealed, match="尚未封存"):
        receipt(sealed.log, sealed.engine, "sample.thing-9", 0)
    with pytest.raises(NotSealed, match="没有事件"):
        receipt(sealed.log, sealed.engine, "sample.thing-9", 7)


def test_consistency_of_every_two_checkpoints(sealed: Sealed, tmp_path: Path) -> None:
    """Of sizes that are powers of two and that are not; a rewritten beginning does not hold."""
    for n in range(3, 8):
        sealed.add(f"sample.more-{n}", NO_STREAM)
        sealed.seal.catch_up()
    sizes = [7, 15, 16, 17, 18, 19, 20]
    for older in sizes:
        for newer in (16, 20):
            if older <= newer:
                done = checked(tmp_path, consistency(sealed.log, sealed.engine, older, newer), "--consistency")
                assert done.returncode == 0, (older, newer, done.stderr)
    made = consistency(sealed.log, sealed.engine, 7)
    made["path"][0] = tree.leaf_hash(b"other").hex()
    assert checked(tmp_path, made, "--consistency").returncode == 1
    with pytest.raises(NotSealed, match="没有大小为 8 的检查点"):
        consistency(sealed.log, sealed.engine, 8)


def test_the_commands_seal_verify_and_hand_out_receipts(sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``minzheng audit`` over the same log, with a key of its own made on first use."""
    var = tmp_path / "house"
    for name, value in {"MINZHENG_VAR": str(var), "EVENTSTORE_URI": sealed.log.uri}.items():
        monkeypatch.setenv(name, value)
    seal = [sys.executable, "-P", "-W", "ignore", "-m", "shared.cli", "seal", "--once"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(seal, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "已封存 15 个事件" in done.stdout, done.stderr
    run = CliRunner()
    told = run.invoke(command, ["verify", "--json"])
    found = json.loads(told.output)
    assert (found["events"], found["unsealed"]) == (15, 0)
    assert {f["what"] for f in found["findings"]} == {"checkpoint"}  # those of the test's own key
    listed = run.invoke(command, ["checkpoints"]).output.splitlines()
    assert [line for line in listed if not line.startswith("✗")] == []  # the newest was signed by the other key already
    out = tmp_path / "receipt.json"
    assert "已写入" in run.invoke(command, ["receipt", "sample.thing-2@2", "--out", str(out)]).output
    assert json.loads(out.read_text(encoding="utf-8"))["index"] == 12
    assert "流名@号" in run.invoke(command, ["receipt", "sample.thing-2"]).output

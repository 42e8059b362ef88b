"""The auditor's bundle: checked and read by its own script alone, in a process that has nothing of ours; any change in it is found."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization

from shared.cli.audit import command
from shared.clock import SHANGHAI, Clock
from shared.config import ROOT
from shared.domain.errors import Unavailable
from shared.eventlog.integrity import bundle, tree
from shared.eventlog.integrity.bundle import Asked, Made, Scope, make
from shared.eventlog.integrity.checkpoint import Checkpoint, signed
from shared.eventlog.integrity.receipt import NotSealed
from shared.eventlog.integrity.seal import Seal, notes_of
from shared.eventlog.showing import day_or_moment
from shared.eventlog.stores import engine_for
from tests.desk import Desk, desk
from tests.integrity.test_seal import KEY, ORIGIN
from tests.programmes.people import TOWN, Home, Numbers, grant, home, pay, single

DIBAO = "minimum_living_allowance"
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
NAMES = ("成员1", "人员3")


@dataclass
class Town:
    """A town where a family draws 低保, a person stands in the register, and a year has passed; sealed twice on the way."""

    d: Desk
    home: Home
    case: str
    other: str
    tree: sa.Engine
    seal: Seal

    @property
    def log(self) -> Any:
        return self.d.services["assistance"].office.log

    def bundle(self, out: Path, scope: str, first: str | None = None, last: str | None = None, older: str = "") -> Made:
        asked = Asked(Scope.parse(scope), day_or_moment(first, False), day_or_moment(last, True), older)
        profile = self.d.settings.profile
        return make(out, self.log, self.tree, asked, ORIGIN, PUBLIC, profile, self.d.now, lambda _n: None)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with desk(tmp_path_factory.mktemp("bundle"), "assistance") as d:
        numbers = Numbers()
        d.on("2023-06-01")
        family = home(d, numbers, {"born": "19700101"}, {"born": "20150101"})
        tree = engine_for(d.settings, "integrity")
        seal = Seal(d.services["assistance"].office.log, tree, KEY, ORIGIN, Clock())
        seal.catch_up()
        case = grant(d, DIBAO, household_id=family.household_id)
        other = single(d, numbers)
        for month in ("2023-07", "2023-08", "2023-09"):
            d.on(f"{month}-20")
            d.settle()
            income = {"household_id": family.household_id, "person_id": family.members[0], "monthly_income_fen": 10_000 + int(month[-1])}
            d.call("record_income", effective_from=f"{month}-01", **income)
            d.settle()
            pay(d, DIBAO, month)
        seal.catch_up()
        yield Town(d, family, case, other, tree, seal)
        tree.dispose()


def alone(archive: Path, where: Path, *more: str, key: bytes | None = PUBLIC) -> subprocess.CompletedProcess[str]:
    """The archive (or what it was unpacked to) run by Python in isolated mode in an empty directory: its own files, the library and
    ``cryptography`` are all it can import."""
    where.mkdir(exist_ok=True)
    (where / "seal.pub").write_bytes(key or b"")
    script = archive if archive.is_file() else archive / "verify.py"
    given = [] if key is None else ["--key", str(where / "seal.pub")]
    argv = [sys.executable, "-I", "-X", "utf8", str(script), *given, *more]
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.run(argv, cwd=where, env=bare, capture_output=True, text=True, timeout=120, check=False)


def contents(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as found:
        return {name: found.read(name) for name in found.namelist()}


def written(archive: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return archive


def test_a_bundle_without_the_contracts_is_not_made(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the house was installed without the contracts of its published events, an auditor is told so and gets no lesser file."""
    bare = tmp_path / "installed"
    bare.mkdir()
    for part in ("services", "shared", "profiles"):
        (bare / part).symlink_to(ROOT / part)
    monkeypatch.setattr(bundle, "ROOT", bare)
    out = tmp_path / "bundle.zip"
    with pytest.raises(Unavailable, match="docs/contracts"):
        town.bundle(out, f"case:{town.case}")
    assert not out.exists()


@pytest.mark.parametrize("kind", ["stream", "person", "case", "service", "division", "all"])
def test_a_bundle_of_every_scope_holds_without_us(town: Town, tmp_path: Path, kind: str) -> None:
    """As the file itself and unpacked; nobody's name is in it."""
    scopes = {
        "stream": f"stream:assistance.case-{town.case}", "person": f"person:{town.home.members[0]}", "case": f"case:{town.case}",
        "service": "service:assistance", "division": f"division:{TOWN}", "all": "all",
    }  # fmt: skip
    out = tmp_path / "审计包.zip"
    made = town.bundle(out, scopes[kind])
    assert made.events > 5
    assert made.unsealed == 0
    done = alone(out, tmp_path / "empty")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{made.events} 个事件，{len(made.streams)} 条流" in done.stdout
    assert "成立" in done.stdout
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "open")
    again = alone(tmp_path / "open", tmp_path / "empty")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    whole = b"\0".join(base64.b64decode(json.loads(line)["data"]) for line in contents(out)["events.jsonl"].splitlines())
    assert b"~1." in whole or kind in ("stream", "case")
    assert [name for name in NAMES if name.encode() in whole] == []
    assert out.stat().st_mode & 0o077 == 0


def test_a_scope_takes_the_streams_that_speak_of_it(town: Town, tmp_path: Path) -> None:
    """A person's household, case and payments; nothing of somebody else's."""
    made = town.bundle(tmp_path / "a.zip", f"person:{town.home.members[0]}")
    streams = set(made.streams)
    assert {f"assistance.household-{town.home.household_id}", f"assistance.case-{town.case}"} <= streams
    assert any("payment" in s or "part" in s for s in streams), streams
    assert f"assistance.person_facts-{town.other}" not in streams
    only = town.bundle(tmp_path / "b.zip", f"person:{town.other}")
    assert set(only.streams) == {f"assistance.person_facts-{town.other}"}


def test_a_period_has_no_gap_and_its_edges_are_witnessed(town: Town, tmp_path: Path) -> None:
    """The event before the first and the one after the last are there too; the check misses either of them, and any in between."""
    out = tmp_path / "p.zip"
    made = town.bundle(out, f"case:{town.case}", "2023-08-01", "2023-08-31")
    stream = f"assistance.case-{town.case}"
    mine = made.streams[stream]
    assert 0 < mine.first <= mine.last
    assert not mine.ends
    files = contents(out)
    lines = [json.loads(line) for line in files["events.jsonl"].splitlines()]
    ours = [(e["role"], e["version"]) for e in lines if e["stream"] == stream]
    assert sorted(v for _, v in ours) == list(range(mine.first - 1, mine.last + 2))
    assert {v for role, v in ours if role == "edge"} == {mine.first - 1, mine.last + 1}
    assert alone(out, tmp_path / "empty").returncode == 0
    for version in (mine.first - 1, mine.first, mine.last, mine.last + 1):
        fewer = [e for e in lines if (e["stream"], e["version"]) != (stream, version)]
        done = alone(rewritten(tmp_path / "less.zip", files, fewer), tmp_path / "empty")
        assert done.returncode == 1
        assert stream in done.stdout


def test_an_end_that_was_cut_off_is_not_called_proved(town: Town, tmp_path: Path) -> None:
    """By one who leaves out a stream's last events and mends the manifest: nothing shows it, and the check says of how many streams; of a
    bundle of all every place of the tree must be there."""
    out, stream = tmp_path / "x.zip", f"assistance.case-{town.case}"
    for scope in (f"case:{town.case}", "all"):
        town.bundle(out, scope)
        files = contents(out)
        lines, told = [json.loads(line) for line in files["events.jsonl"].splitlines()], json.loads(files["manifest.json"])
        last = told["streams"][stream]["last"]
        told["streams"][stream]["last"] = last - 1
        fewer = [e for e in lines if (e["stream"], e["version"]) != (stream, last)]
        done = alone(rewritten(tmp_path / "cut.zip", files, fewer, streams=told["streams"]), tmp_path / "empty")
        if scope == "all":
            assert "没有见证" not in alone(out, tmp_path / "empty").stdout
            assert (done.returncode, "范围为全部，而第" in done.stdout) == (1, True), done.stdout
        else:
            assert f"{len(told['streams'])} 条流的最后一个事件之后没有见证" in done.stdout
    readme = contents(out)["README.txt"].decode()
    assert "没有见证的流末端之后是否还有事件" in readme


def rewritten(out: Path, files: dict[str, bytes], lines: list[dict[str, Any]], **manifest: Any) -> Path:
    """A bundle by somebody who makes its list of files fit what he has changed."""
    import hashlib

    body = b"".join(json.dumps(e, ensure_ascii=False).encode() + b"\n" for e in lines)
    told = json.loads(files["manifest.json"])
    told["files"]["events.jsonl"] = hashlib.sha256(body).hexdigest()
    return written(out, {**files, "events.jsonl": body, "manifest.json": json.dumps({**told, **manifest}).encode()})


def test_an_earlier_checkpoint_is_shown_to_be_the_beginning(town: Town, tmp_path: Path) -> None:
    """One that the auditor holds; a proof that was changed is found."""
    out = tmp_path / "c.zip"
    town.bundle(out, f"case:{town.case}", older=notes_of(town.log)[0])
    assert alone(out, tmp_path / "empty").returncode == 0
    files = contents(out)
    proof = json.loads(files["consistency.json"])
    proof["path"][0] = "00" * 32
    done = alone(written(out, {**files, "consistency.json": json.dumps(proof).encode()}), tmp_path / "empty")
    assert done.returncode == 1
    assert "一致性证明：较早的日志不是较晚的开头" in done.stdout


Damage = Callable[[list[dict[str, Any]]], Any]


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[3].update(data=base64.b64encode(base64.b64decode(lines[3]["data"]) + b" ").decode()),
        lambda lines: lines[3].update(metadata=lines[-1]["metadata"]),
        lambda lines: lines[3].update(type="assistance.case_ended"),
        lambda lines: lines[3].update(id=lines[2]["id"]),
        lambda lines: lines[3].update(stream="assistance.case-other"),
        lambda lines: lines[3].update(version=lines[3]["version"] + 1),
        lambda lines: lines[3].update(index=lines[2]["index"]),
        lambda lines: lines[3].update(index=10**9),
        lambda lines: lines[3]["path"].reverse(),
        lambda lines: lines[3]["path"].append(0),
        lambda lines: lines[3].update(path=[10**9]),
        lambda lines: lines[3].update(role="edge"),
        lambda lines: lines.pop(3),
        lambda lines: lines.insert(3, lines[3]),
        lambda lines: lines.reverse(),
    ],
)  # fmt: skip
def test_any_change_to_an_event_or_its_proof_is_found(town: Town, tmp_path: Path, damage: Damage) -> None:
    """Also by one who makes the list of files fit."""
    out = tmp_path / "e.zip"
    town.bundle(out, f"case:{town.case}")
    files = contents(out)
    lines = [json.loads(line) for line in files["events.jsonl"].splitlines()]
    damage(lines)
    done = alone(rewritten(out, files, lines), tmp_path / "empty")
    assert done.returncode == 1, done.stdout
    assert "不成立" in done.stdout


def test_a_changed_byte_in_any_file_is_found(town: Town, tmp_path: Path) -> None:
    """Events, hashes, checkpoint, rules, parameters, types, the list itself; and that a file was taken out or put in."""
    out = tmp_path / "f.zip"
    town.bundle(out, f"case:{town.case}")
    files = contents(out)
    rules = [n for n in files if n.startswith(("services/", "shared/", "profiles/"))]
    assert {"services/assistance/rules/amount.py", "profiles/xiangshan-2023/assistance.yaml", "shared/rules/engine.py"} <= set(rules)
    for name in ("events.jsonl", "hashes.txt", "checkpoint.txt", "types.json", "services/assistance/rules/amount.py", "README.txt"):
        middle = len(files[name]) // 2
        changed = files[name][:middle] + bytes((files[name][middle] ^ 1,)) + files[name][middle + 1 :]
        assert alone(written(out, {**files, name: changed}), tmp_path / "empty").returncode in (1, 2), name
    for fewer in ("hashes.txt", "services/assistance/rules/amount.py"):
        assert alone(written(out, {n: c for n, c in files.items() if n != fewer}), tmp_path / "empty").returncode in (1, 2), fewer
    done = alone(written(out, {**files, "more.txt": b"x"}), tmp_path / "empty")
    assert (done.returncode, "清单之外的文件 more.txt" in done.stdout) == (1, True)


def test_other_rules_than_those_the_decisions_name_are_found(town: Town, tmp_path: Path) -> None:
    """Even with a list of files that fits; a version whose text is not in the bundle is told."""
    import hashlib

    out = tmp_path / "r.zip"
    town.bundle(out, f"case:{town.case}")
    files = contents(out)
    told = json.loads(files["manifest.json"])
    assert {t["what"] for t in told["texts"]} == {"规则", "参数"}
    name = "profiles/xiangshan-2023/assistance.yaml"
    other = files[name] + b"# other\n"
    told["files"][name] = hashlib.sha256(other).hexdigest()
    done = alone(written(out, {**files, name: other, "manifest.json": json.dumps(told).encode()}), tmp_path / "empty")
    assert (done.returncode, "参数文本与其版本" in done.stdout) == (1, True)
    told = {**json.loads(files["manifest.json"]), "texts": []}
    done = alone(written(out, {**files, "manifest.json": json.dumps(told).encode()}), tmp_path / "empty")
    assert "以下版本的规则或参数文本不在包中" in done.stdout


def test_the_timeline_is_read_without_us(town: Town, tmp_path: Path) -> None:
    """Every event of the stream, in Chinese, with its hand; what is sealed stays sealed."""
    out = tmp_path / "t.zip"
    made = town.bundle(out, f"person:{town.home.members[0]}")
    stream = f"assistance.case-{town.case}"
    shown = alone(out, tmp_path / "empty", "--stream", stream).stdout
    assert shown.count("assistance.") > made.streams[stream].last
    assert all(f"  {v:>4}  2023-" in shown for v in range(made.streams[stream].last + 1))
    assert "staff:approver" in shown
    whole = alone(out, tmp_path / "empty", "--timeline").stdout
    assert "〔密封〕" in whole
    assert "~1." not in whole
    assert all(name not in whole for name in NAMES)


def test_another_key_does_not_open_it_and_its_own_is_said_to_be_its_own(town: Town, tmp_path: Path) -> None:
    """Whoever trusts the key in the bundle is told that he does."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    out = tmp_path / "k.zip"
    town.bundle(out, f"case:{town.case}")
    other = Ed25519PrivateKey.generate().public_key()
    pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    done = alone(out, tmp_path / "empty", key=pem)
    assert (done.returncode, "另一把密钥" in done.stderr) == (1, True)
    assert "包中所附，请与公布的核对" in alone(out, tmp_path / "empty", key=None).stdout
    assert alone(out, tmp_path / "empty", "--origin", "minzheng.110105").returncode == 1


def test_nothing_is_written_of_what_is_not_there(town: Town, tmp_path: Path) -> None:
    """No half a file either; a scope that is none is refused."""
    with pytest.raises(NotSealed):
        town.bundle(tmp_path / "n.zip", "stream:assistance.case-none")
    assert list(tmp_path.iterdir()) == []
    for bad in ("person:王某", "all:x", "stream:", "village:1", "person"):
        with pytest.raises(ValueError, match=bad):
            Scope.parse(bad)


WHY = ("--reason", "象审〔2024〕3号")


def run_with(size: int, older: Path, out: Path) -> Result:
    """The command with a checkpoint of that size, signed by the house's key."""
    root = tree.EMPTY if size == 0 else bytes(32)
    note = signed(Checkpoint(ORIGIN, size, root, -1, datetime(2023, 7, 3, tzinfo=SHANGHAI)), KEY)
    older.write_text(note, encoding="utf-8")
    return CliRunner().invoke(command, ["bundle", "--scope", "all", "--older", str(older), *WHY, "--out", str(out)])


def test_the_commands_make_and_check_one(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``audit bundle`` over the running log; ``audit open`` with our own copy of the script."""
    keys = town.d.settings.var / "keys"
    (keys / "seal.pub").write_bytes(PUBLIC)
    for name, value in {"MINZHENG_VAR": str(town.d.settings.var), "EVENTSTORE_URI": town.log.uri}.items():
        monkeypatch.setenv(name, value)
    older = tmp_path / "older"
    for size, said in ((10**9, "日志被截短或退回过"), (0, "没有事件")):
        told = run_with(size, older, tmp_path / "none.zip")
        assert (told.exit_code, said in told.output, isinstance(told.exception, SystemExit)) == (1, True, True), told.output
    first, newest = (int(note.split("\n")[1]) for note in notes_of(town.log))
    told = CliRunner().invoke(command, ["consistency", str(newest), str(first)])
    assert (told.exit_code, "须不大于较晚的" in told.output) == (1, True), told.output
    older.write_text(notes_of(town.log)[0], encoding="utf-8")
    out = tmp_path / "审计包.zip"
    run = CliRunner()
    period = ["--from", "2023-07-01", "--to", "2023-08-31"]
    told = run.invoke(command, ["bundle", "--scope", f"case:{town.case}", *period, "--older", str(older), *WHY, "--out", str(out)])
    assert (told.exit_code, "已写入" in told.output) == (0, True), told.output
    [taken] = [json.loads(r.data) for r in town.log.read_all() if r.name == "operations.audit_bundle_taken"]
    assert (taken["bundle_scope"], taken["reason"], taken["by"][:9]) == (f"case:{town.case}", "象审〔2024〕3号", "operator:")
    assert (taken["first"][:10], taken["last"][:10], taken["checkpoint"], taken["events"] > 3) == (*period[1::2], newest, True)
    told = run.invoke(command, ["open", str(out), "--timeline"])
    assert (told.exit_code, "成立" in told.output) == (0, True), told.output
    files = contents(out)
    written(out, {**files, "hashes.txt": files["hashes.txt"].replace(b"0", b"1")})
    assert run.invoke(command, ["open", str(out)]).exit_code == 1
    for bad in ("x", "王某某的身份证110101199003070003"):
        none = run.invoke(command, ["bundle", "--scope", "all", "--reason", bad, "--out", str(tmp_path / "no.zip")])
        assert (none.exit_code, "理由" in none.output, (tmp_path / "no.zip").exists()) == (1, True, False), none.output
    assert "范围写作" in run.invoke(command, ["bundle", "--scope", "x", *WHY, "--out", str(out)]).output
    out.write_bytes(b"no archive")
    assert "读不出" in run.invoke(command, ["open", str(out)]).output


def test_a_bundle_that_cannot_be_written_down_is_not_there(town: Town, tmp_path: Path) -> None:
    """No event, no bundle: what was made is gone with the refusal."""

    def away(_made: Made) -> None:
        raise Unavailable()

    asked = Asked(Scope.parse(f"stream:assistance.case-{town.case}"))
    log, now = town.log, datetime(2023, 9, 1, tzinfo=SHANGHAI)
    with pytest.raises(Unavailable):
        make(tmp_path / "no.zip", log, town.tree, asked, ORIGIN, PUBLIC, town.d.settings.profile, now, lambda _n: None, away)
    assert list(tmp_path.iterdir()) == []

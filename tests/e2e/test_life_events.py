"""The two life events, as ``./minzheng demo --once`` plays them in separate processes, on both databases."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import jwt
import psutil
import pytest

from shared.security.permissions import ROLES
from shared.security.tokens import SERVICE

ROOT = Path(__file__).resolve().parents[2]


def play(var: Path, **more: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("EVENTSTORE_URI", "AMQP_URI", "DATABASE_URL")}
    env |= {"MINZHENG_VAR": str(var), "COLUMNS": "160", **more}
    done = subprocess.run([str(ROOT / "minzheng"), "demo", "--once"], env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    left = [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("MINZHENG_VAR") == str(var / "demo")]
    assert not left, "a process was left behind"
    return done.stdout


def check(said: str) -> None:
    """Both life events to their ends, the addresses of the three doors, and for each role a token that says so."""
    for words in ("逐人签署核对授权", "1 份不一致，1 份信息不全（缺银行存款）", "核对报告", "更正该成员月收入"):
        assert words in said, words
    for words in ("渐退", "提高", "降低", "终止", "不变", "高龄津贴停发", "惠民殡葬", "追回", "两件事均已办结"):
        assert words in said, words
    # 2023-07-20 died, paid through September: August and September are claimed back, to the fen.
    assert "2023-08、2023-09 多发" in said
    at = re.search(r"http://127\.0\.0\.1:\d+(?=/desk)", said)
    assert at is not None
    for door in ("/", "/desk", "/api", "/audit", "/ops"):
        assert re.search(rf"{re.escape(at[0] + door)}\s", said), door
    shown = dict(re.findall(r"^ +(\w+) +([\w-]+\.[\w-]+\.[\w-]+)$", said, re.MULTILINE))
    assert set(shown) == {role for role in ROLES if not role.startswith(SERVICE)}
    for role, token in shown.items():
        told = jwt.decode(token, options={"verify_signature": False})
        assert (told["roles"], told["sub"].startswith("staff:")) == ([role], True), role


@pytest.mark.timeout(1300)
def test_both_life_events_on_sqlite_and_then_on_postgresql_over_what_the_first_run_left(tmp_path: Path, postgresql_url: str) -> None:
    """The demo ends well and leaves no process; a second run, with read models and keys in PostgreSQL, begins with nothing of the first."""
    check(play(tmp_path))
    first = {file.name for file in (tmp_path / "demo").glob("*.db")}
    assert {"vault.db", "assistance.db"} <= first
    check(play(tmp_path, DATABASE_URL=postgresql_url))
    assert not first & {file.name for file in (tmp_path / "demo").iterdir()}

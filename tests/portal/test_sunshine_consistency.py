"""The proof between two checkpoints, for everybody: any two that were published, or one that somebody kept, checked outside the house."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from services.portal.web.app import create_app
from shared.cli.sealing import origin_of, signing_key
from shared.clock import Clock
from shared.eventlog import discovery
from shared.eventlog.client import Raw
from shared.eventlog.integrity import nodes
from shared.eventlog.integrity.checkpoint import Checkpoint, signed, stated
from shared.eventlog.integrity.seal import STREAM, Seal, note_in, note_of
from shared.eventlog.stores import engine_for
from tests.desk import Desk, desk

PAGE = "/sunshine/verify/consistency"


@dataclass
class Sealed:
    """A log that was sealed seven times, and the portal over it."""

    desk: Desk
    client: FlaskClient
    notes: dict[int, str]  # by size
    seal: Seal

    def script(self, tmp_path: Path, proof: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """The script and the key as the page gives them, run as the page says."""
        for name in ("standalone.py", "seal.pub"):
            (tmp_path / name).write_bytes(self.client.get(f"/sunshine/verify/{name}").get_data())
        (tmp_path / "proof.json").write_text(json.dumps(proof, ensure_ascii=False), encoding="utf-8")
        run = ["-X", "utf8", "standalone.py", "--key", "seal.pub", "--origin", origin_of(self.desk.settings), "--consistency", "proof.json"]
        return subprocess.run([sys.executable, *run], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """Funds are opened, and after each the log is sealed."""
    with desk(tmp_path_factory.mktemp("proofs"), "assistance", "portal", MINZHENG_PORTAL_RATE="100000/minute") as d:
        discovery.load_all()
        log, settings = d.offices["portal"].log, d.settings
        seal = Seal(log, engine_for(settings, "integrity"), signing_key(settings), origin_of(settings), Clock(settings.clock_file))
        notes: dict[int, str] = {}
        for n in range(7):
            for village in ("", "001", "002")[: n % 3 + 1]:
                d.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=f"33022510{n}{village}")
            d.later(1)
            size, newest = seal.catch_up().size, log.last(STREAM)
            assert newest is not None
            notes[size] = note_in(newest)
        d.project()
        yield Sealed(d, create_app(settings).test_client(), notes, seal)


def test_any_two_published_checkpoints_are_proven_and_the_script_agrees(sealed: Sealed, tmp_path: Path) -> None:
    """Every pair, in whichever order they are asked for; the stand-alone script, downloaded from the page, accepts the file."""
    sizes = sorted(sealed.notes)
    assert len(sizes) == 7
    for older in sizes:
        for newer in sizes:
            proof = sealed.client.get(f"{PAGE}.json?older={older}&newer={newer}").get_json()
            assert (proof["older"], proof["newer"]) == (sealed.notes[min(older, newer)], sealed.notes[max(older, newer)])
            page = sealed.client.get(f"{PAGE}?older={older}&newer={newer}")
            assert f"成立：前 {min(older, newer):,} 个事件" in page.get_data(as_text=True)
    done = sealed.script(tmp_path, sealed.client.get(f"{PAGE}.json?older={sizes[1]}&newer={sizes[-1]}").get_json())
    assert (done.returncode, done.stdout) == (0, f"成立：前 {sizes[1]} 个事件在此后增至 {sizes[-1]} 个时未被改动。\n"), done.stderr


def test_the_page_of_checkpoints_leads_there_without_a_script_or_a_cookie(sealed: Sealed) -> None:
    """From 核验 to the proof by links alone; the proof pasted into 核验 holds as well, and changed it does not."""
    sizes = sorted(sealed.notes)
    first = sealed.client.get("/sunshine/verify").get_data(as_text=True)
    assert f'href="{PAGE}"' in first
    assert f'href="{PAGE}?older={sizes[0]}&amp;newer={sizes[-1]}"' in first
    answer = sealed.client.get(PAGE)
    text = answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in text.split('<div id="said">')[1]
    assert all(f"{size:,}</td>" in text for size in sizes)
    proof = sealed.client.get(f"{PAGE}.json?older={sizes[2]}&newer={sizes[5]}").get_json()
    good = sealed.client.post("/sunshine/verify", data={"receipt": json.dumps(proof)})
    assert good.status_code == 200
    assert "成立：前" in good.get_data(as_text=True)
    proof["path"][0] = "00" * 32
    bad = sealed.client.post("/sunshine/verify", data={"receipt": json.dumps(proof)})
    assert bad.status_code == 422
    assert "不成立" in bad.get_data(as_text=True)


def test_a_checkpoint_that_was_kept_is_held_against_the_log(sealed: Sealed, tmp_path: Path) -> None:
    """As it was kept, also with other line endings, it is the beginning; one of another tree of that size is not, though it is signed."""
    older = sorted(sealed.notes)[1]
    kept = sealed.notes[older]
    for text in (kept, kept.replace("\n", "\r\n"), f"  {kept}\n\n"):
        answer = sealed.client.post(PAGE, data={"checkpoint": text})
        assert answer.status_code == 200
        assert f"成立：前 {older:,} 个事件" in answer.get_data(as_text=True)
    for unsigned in (kept.replace(f"\n{older}\n", f"\n{older + 1}\n"), kept[:-8] + "AAAA===\n", kept.split("\n\n")[0] + "\n\n— x AAAA\n"):
        answer = sealed.client.post(PAGE, data={"checkpoint": unsigned})  # no hashes of a size that was never signed
        assert answer.status_code == 422
        assert "minzheng consistency 1" not in answer.get_data(as_text=True)
    known = stated(kept)
    assert known is not None
    other = Checkpoint(known.origin, known.size, b"\1" * 32, known.position, known.time)
    forged = signed(other, signing_key(sealed.desk.settings))  # what a house with a rewritten past would have signed before
    answer = sealed.client.post(PAGE, data={"checkpoint": forged})
    assert answer.status_code == 422
    assert "日志被改写过" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "query", ["older=1", "older=x&newer=7", "older=0&newer=7", "older=-3&newer=7", "older=²&newer=7", "older=5&newer=999999999999999999",
              "older=1e3&newer=7", "page=-1", "page=99999999", "page=x"],
)  # fmt: skip
def test_odd_sizes_are_refused_in_words(sealed: Sealed, query: str) -> None:
    """No fault, and no proof of what was never published."""
    for path in (PAGE, f"{PAGE}.json"):
        answer = sealed.client.get(f"{path}?{query}")
        assert answer.status_code in ((200, 422) if query.startswith("page") else (404, 422)), path
    for text in ("", "x", "a\n5\nb\nposition 1\ntime x\n\n— a b\n", "9" * 5000):
        assert sealed.client.post(PAGE, data={"checkpoint": text}).status_code == 422
    missing = next(n for n in range(1, 99) if n not in sealed.notes)
    answer = sealed.client.get(f"{PAGE}?older={missing}&newer={max(sealed.notes)}")
    assert (answer.status_code, f"没有大小为 {missing} 的检查点" in answer.get_data(as_text=True)) == (404, True)


def test_a_damaged_checkpoint_hides_no_other_and_a_damaged_tree_gives_no_proof(sealed: Sealed) -> None:
    """A note that somebody made unreadable is stepped over, wherever it stands; without the tree's hashes the page says so."""
    log = sealed.desk.offices["portal"].log
    version = log.last(STREAM)
    assert version is not None
    broken = Raw("integrity.checkpoint_signed", b'{"note": "x"}', b"{}", "8f14e45f-ceea-467f-a0e6-1d2c3b4a5968")
    log.append(STREAM, [broken], version.version)
    for size, note in sealed.notes.items():
        assert note_of(log, size) == note
    assert note_of(log, 10_000) is None
    assert sealed.client.get(PAGE).status_code == 200
    older, newer = sorted(sealed.notes)[1], max(sealed.notes)
    engine = engine_for(sealed.desk.settings, "integrity")
    with engine.execution_options(writes=True).begin() as tx:
        kept = tx.execute(sa.select(nodes.rows)).all()
        tx.execute(sa.delete(nodes.rows))
    assert sealed.client.get(f"{PAGE}?older={older}&newer={newer}").status_code == 503
    with engine.execution_options(writes=True).begin() as tx:
        tx.execute(sa.insert(nodes.rows), [dict(row._mapping) for row in kept])
    assert sealed.client.get(f"{PAGE}?older={older}&newer={newer}").status_code == 200


def test_the_stream_of_checkpoints_is_searched_and_not_read(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are thousands a day: of seven at most four are looked at."""
    log = sealed.desk.offices["portal"].log
    asked: list[int | None] = []
    read = type(log).read

    def counted(self: Any, stream: str, start: int = 0, limit: int | None = None) -> list[Raw]:
        asked.append(limit)
        return read(self, stream, start, limit)

    monkeypatch.setattr(type(log), "read", counted)
    assert note_of(log, min(sealed.notes)) == sealed.notes[min(sealed.notes)]
    assert (len(asked) <= 4, set(asked)) == (True, {1})

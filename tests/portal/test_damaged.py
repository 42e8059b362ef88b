"""The audit pages, the public ones and the doors over what somebody changed in log or tree: said in words, and nothing hidden."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask.testing import FlaskClient

from services.portal.web import portal
from services.portal.web.app import create_app
from shared.cli.audit import command
from shared.cli.sealing import origin_of, signing_key
from shared.clock import Clock
from shared.domain.errors import Refused
from shared.eventlog.client import Raw
from shared.eventlog.integrity.checkpoint import Checkpoint, stated
from shared.eventlog.integrity.replay import BROKEN, replay
from shared.eventlog.integrity.seal import SIGNED, STREAM, Seal, notes_of
from shared.eventlog.stores import engine_for
from shared.messaging.faults import Kind, as_refusal, kind_of
from shared.security import tokens
from tests.desk import DIVISION, Desk, desk
from tests.programmes.people import TOWN, Numbers, grant, home

RISE = {"effective_from": "2023-06-01", "document_no": "象民18号", "amounts": [{"area": "both", "amount_fen": 138_050}]}


@dataclass
class House:
    """A household on 低保 and a published standard, sealed; an auditor of the district before the pages."""

    d: Desk
    client: FlaskClient
    seal: Seal
    tree: sa.Engine
    household: str
    case: str

    @property
    def log(self) -> Any:
        return self.d.offices["assistance"].log

    @property
    def stream(self) -> str:
        return f"assistance.case-{self.case}"

    def put(self, stream: str, name: str, data: bytes, metadata: bytes = b"{}") -> int:
        """Past every door; the event's number."""
        newest = self.log.last(stream)
        self.log.append(stream, [Raw(name, data, metadata, str(uuid.uuid4()))], newest.version)
        return int(newest.version) + 1

    def note(self, data: bytes) -> int:
        return self.put(STREAM, SIGNED, data)

    def get(self, path: str) -> tuple[int, str]:
        answer = self.client.get(path)
        return answer.status_code, answer.get_data(as_text=True)

    def refused(self, path: str, said: str) -> None:
        """503 with a sentence, and not the sentence for a fault of ours."""
        status, text = self.get(path)
        assert (status, said in text) == (503, True), (path, status, text)
        assert "系统出现故障" not in text

    def bundle(self, **scope: str) -> tuple[int, str]:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/audit/bundle")[1])
        assert token is not None
        answer = self.client.post("/audit/bundle", data={"csrf_token": token[1], "reason": "象审〔2024〕3号", **scope})
        try:
            return answer.status_code, answer.get_data(as_text=True) if answer.mimetype == "text/html" else answer.mimetype
        finally:
            answer.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with desk(tmp_path, "assistance", "portal") as d:
        d.on("2023-06-01")
        lived = home(d, Numbers(), {"born": "19700101", "monthly_income_fen": 20_000})
        case = grant(d, "minimum_living_allowance", household_id=lived.household_id)
        d.call("draft_standard", "reviewer", standard="minimum_living_allowance.standard", **RISE)
        d.call("approve_standard", "approver", actor="staff:b", number=1)
        d.call("publish_standard", "approver", actor="staff:c", number=1)
        d.settle()
        tree = engine_for(d.settings, "integrity")
        seal = Seal(d.offices["assistance"].log, tree, signing_key(d.settings), origin_of(d.settings), Clock())
        seal.catch_up()
        app = create_app(d.settings)
        assert d.settings.token_private_key is not None
        with app.test_client() as client, client.session_transaction() as session:
            session["token"] = tokens.issue(d.settings.token_private_key, "staff:audit-1", ("auditor",), DIVISION)
        yield House(d, client, seal, tree, lived.household_id, case)
        portal.of(app).close()
        tree.dispose()


def body(note: Any) -> bytes:
    return json.dumps({"note": note}).encode()


WELL_FORMED = "minzheng.330225\n9\n{root}\nposition 9\ntime {time}\n\n— minzheng.330225 AAAA\n"
ROOT, TIME = "A" * 43 + "=", "2023-07-01T00:00:00+08:00"
NOTES = {
    "no JSON": b"\xff\x00 no JSON",
    "nothing in it": b"{}",
    "a list": b"[]",
    "no text": body([1, 2]),
    "another text": body("检查点"),
    "no signature": body("minzheng.330225\n9\n"),
    "half a character": body("minzheng.\ud800\n9\n"),
    "half a character signed": body(WELL_FORMED.replace("minzheng.330225", "minzheng.\ud800").format(root=ROOT, time=TIME)),
    "another root": body(WELL_FORMED.format(root="AAAA", time=TIME)),
    "no time": body(WELL_FORMED.format(root=ROOT, time="昨天")),
    "a number without end": body(WELL_FORMED.replace("\n9\n", f"\n{'9' * 5000}\n").format(root=ROOT, time=TIME)),
    "deep": b'{"note":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
}


@pytest.mark.parametrize("what", NOTES)
def test_a_checkpoint_that_is_none_is_said_so_on_every_page(house: House, what: str) -> None:
    """The auditor's first page, the list, a receipt, a bundle; everybody's page of proofs, the newest checkpoint. Others stay shown."""
    assert "最新的检查点读不出" not in house.get("/audit")[1]
    sizes = re.findall(r'<td class="number">([\d,]+)</td>', house.get("/audit/checkpoints")[1])
    number = house.note(NOTES[what])
    status, text = house.get("/audit")
    assert (status, "最新的检查点读不出" in text, "还没有检查点" in text) == (200, True, False)
    status, text = house.get("/audit/checkpoints")
    assert (status, "有 1 个检查点读不出" in text, f"第 {number} 号" in text) == (200, True, True)
    assert re.findall(r'<td class="number">([\d,]+)</td>', text) == sizes
    assert house.get("/audit/checkpoints.txt")[0] == 200
    house.refused(f"/audit/receipt/{house.stream}/0", "最新的检查点读不出，请运行 minzheng audit verify")
    size = sizes[0].replace(",", "")
    assert house.get(f"/audit/consistency?older={size}&newer={size}")[0] == 200  # of those that can be read
    status, text = house.bundle(kind="stream", value=house.stream)
    assert (status, "最新的检查点读不出" in text) == (503, True)
    status, text = house.get("/sunshine/verify")
    assert (status, "最近的检查点中有 1 个读不出" in text) == (200, True)
    house.refused("/sunshine/verify/checkpoint", "最新的检查点读不出")
    house.refused("/sunshine/receipt/standards/1", "最新的检查点读不出")


def test_a_checkpoint_of_more_than_there_is_gives_no_proof(house: House) -> None:
    """Well formed, of a size that the tree never had: pages say that the tree does not fit, and where to look."""
    size = stated(notes_of(house.log)[0]).size  # type: ignore[union-attr]
    made = Checkpoint("minzheng.330225", 10_000_000, b"\0" * 32, 9, house.d.now.replace(microsecond=0))
    house.note(body(f"{made.text}\n— minzheng.330225 AAAA\n"))
    assert house.get("/audit")[0] == house.get("/audit/checkpoints")[0] == house.get("/sunshine/verify")[0] == 200
    house.refused(f"/audit/receipt/{house.stream}/0", "请运行 minzheng audit verify")
    house.refused("/sunshine/receipt/standards/1", "完整性树有损")
    house.refused(f"/audit/consistency?older={size}&newer=10000000", "请运行 minzheng audit verify")
    status, text = house.bundle(kind="stream", value=house.stream)
    assert (status, "请运行 minzheng audit verify" in text) == (503, True)


@pytest.mark.parametrize("damage", ["DELETE FROM tree_rows", "DROP TABLE tree_rows", "UPDATE tree_rows SET hashes = 'x'"])
def test_a_damaged_tree_gives_no_proof_and_no_fault(house: House, damage: str) -> None:
    """Emptied, gone, or with something else in it."""
    with house.tree.begin() as tx:
        tx.execute(sa.text(damage))
    house.refused(f"/audit/receipt/{house.stream}/0", "请运行 minzheng audit verify")
    house.refused("/sunshine/receipt/standards/1", "完整性树有损")
    assert house.get(f"/audit/stream/{house.stream}")[0] == 200
    assert house.get("/sunshine/verify")[0] == 200


EVENTS = {
    "no JSON": lambda data, meta: (b"\xff{", meta),
    "a field gone": lambda data, meta: (b"{}", meta),
    "another kind": lambda data, meta: (json.dumps({key: [] for key in json.loads(data)}).encode(), meta),
    "no metadata": lambda data, meta: (data, b""),
    "metadata of somebody else": lambda data, meta: (data, b'{"note":"x"}'),
}


@pytest.mark.parametrize("what", EVENTS)
def test_an_event_of_a_case_that_cannot_be_read_is_named(house: House, what: str) -> None:
    """On every audit page of the case and at its doors, by stream and number; its own page, and two moments of it, show the rest.
    The household beside it, the public pages are as before. The replay has it as a finding, and goes on."""
    before = house.get("/")[1]
    proposed = next(r for r in house.log.read(house.stream) if r.name == "assistance.case_proposed")
    data, metadata = EVENTS[what](proposed.data, proposed.metadata)
    where = f"{house.stream}@{house.put(house.stream, proposed.name, data, metadata)}"
    said = f"事件 {where} 已损坏，读不出"
    for page in (f"stream/{house.stream}", f"diff/{house.stream}?first=2020-06-01T09:00&second=2029-07-01T09:00"):
        status, text = house.get(f"/audit/{page}")
        assert (status, said in text, "审核" in text) == (200, True, True)
    for page in (f"decisions/assistance/{house.case}", f"walk/{house.stream}/0", f"receipt/{house.stream}/0"):
        house.refused(f"/audit/{page}", said)
    assert house.get("/audit")[0] == 200
    assert house.get(f"/audit/stream/assistance.household-{house.household}")[0] == 200
    assert house.get("/") == (200, before)
    with pytest.raises(Refused) as refused:
        house.d.call("get_case", "auditor", case_id=house.case)
    assert (refused.value.code, said in refused.value.message) == ("unavailable", True)
    told = as_refusal(refused.value, "assistance.get_case")  # as it goes over the wire; a reaction to it waits for nothing
    assert (told.message, kind_of(refused.value)) == (refused.value.message, Kind.BUG)
    found = replay(house.log, {"assistance": house.d.offices["assistance"]})
    assert [(f.where, f.differs) for f in found.findings] == [(where, (BROKEN,))]
    assert found.equal == found.decisions - 1 > 0


def _state(text: str) -> str:
    return text.split('<h2 id="state">')[1].split("</h2>")[1].split("<form")[0]


def _sit(house: House, hand: str, division: str) -> None:
    """Another auditor before the pages."""
    assert house.d.settings.token_private_key is not None
    with house.client.session_transaction() as session:
        session["token"] = tokens.issue(house.d.settings.token_private_key, hand, ("auditor",), division)


def _looks(house: House) -> int:
    return sum(raw.name == "assistance.file_looked_at" for raw in house.log.read_all())


def test_the_rest_of_a_stream_is_shown_beside_what_cannot_be_read(house: House) -> None:
    """What stands before and behind it, the state as it was before it; the look is noted. Whoever does not see the whole district is told
    alone that it is broken, for whose record it is now follows no more."""
    events = house.log.read(house.stream)
    proposed = next(r for r in events if r.name == "assistance.case_proposed")
    whole = house.get(f"/audit/stream/{house.stream}")[1]
    looks = _looks(house)
    broken = house.put(house.stream, proposed.name, b"{}", proposed.metadata)
    behind = house.put(house.stream, proposed.name, proposed.data, proposed.metadata)
    _sit(house, "staff:audit-2", DIVISION)  # within five minutes the first one would look once
    status, text = house.get(f"/audit/stream/{house.stream}")
    assert (status, f"事件 {house.stream}@{broken} 已损坏，读不出。" in text) == (200, True)
    shown = [int(n) for n in re.findall(r'<li id="v-([0-9]+)">', text)]
    assert shown == [n for n in range(behind, -1, -1) if n != broken]
    assert f"第 {broken} 号之前的状态" in text
    assert _state(text) == _state(whole)
    assert _looks(house) == looks + 1
    status, then = house.get(f"/audit/stream/{house.stream}?as_of=2020-01-01T09:00")
    assert (status, "此时还没有事件" in then, f"@{broken} 已损坏" in then) == (200, True, True)
    said = f"事件 {house.stream}@{broken} 已损坏，读不出"
    _sit(house, "staff:audit-3", TOWN)
    house.refused(f"/audit/stream/{house.stream}", said)
    house.refused(f"/audit/diff/{house.stream}?first=2023-03-01T09:00&second=2029-07-01T09:00", said)


def test_two_moments_of_a_broken_stream_are_compared_as_far_as_they_are_known(house: House) -> None:
    """By page and command line: which event cannot be read, the fields that differ up to it, and the events around it that can be read."""
    events = house.log.read(house.stream)
    between = f"first={json.loads(events[0].metadata)['recorded_at'][:16]}&second=2029-07-01T09:00"
    changes = re.compile(r"([0-9]+) 个字段不同")
    whole = changes.search(house.get(f"/audit/diff/{house.stream}?{between}")[1])
    broken = house.put(house.stream, events[1].name, b"{}", events[1].metadata)
    behind = house.put(house.stream, events[-1].name, events[-1].data, events[-1].metadata)
    looks = _looks(house)
    _sit(house, "staff:audit-4", DIVISION)
    status, text = house.get(f"/audit/diff/{house.stream}?{between}")
    found = changes.search(text)
    assert (status, f"事件 {house.stream}@{broken} 已损坏，读不出。" in text, f"第 {broken} 号之前" in text) == (200, True, True)
    assert whole is not None
    assert found is not None
    assert found[1] == whole[1] != "0"
    assert f"第 {behind} 号" in text
    assert _looks(house) == looks + 1
    s = house.d.settings
    env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}
    moments = ["2020-01-01", "2029-07-01"]
    told = CliRunner().invoke(command, ["diff", house.stream, *moments], env=env)
    assert told.exit_code == 0, told.output
    assert (f"事件 {house.stream}@{broken} 已损坏" in told.output, "个字段不同" in told.output) == (True, True), told.output
    machine = json.loads(CliRunner().invoke(command, ["diff", house.stream, *moments, "--json"], env=env).output)
    assert (machine["broken"], machine["to"]) == ([broken], broken - 1)


def test_a_stream_of_which_nothing_can_be_read_is_said_so(house: House) -> None:
    """One event, and that is broken: there is no rest to show."""
    stream = "assistance.case-00000000-0000-4000-8000-000000000000"
    house.log.append(stream, [Raw("assistance.case_proposed", b"{}", b"{}", str(uuid.uuid4()))], -1)
    house.refused(f"/audit/stream/{stream}", f"事件 {stream}@0 已损坏，读不出")

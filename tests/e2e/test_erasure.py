"""Erasure in a running house: two hands, the bus, the keys destroyed by one process and forgotten by the others.

Asked before and after, in every way in which somebody of the bureau can ask: RPC, API and desk, now and as of an earlier moment, exports,
audit pages with personal fields opened, the auditor's bundle. And every byte of every file that any process has written.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from openpyxl import load_workbook

from shared.clock import Clock
from shared.config import run_file
from shared.domain.errors import Refused
from shared.eventlog.integrity import standalone
from shared.eventlog.stores import engine_for
from shared.eventsourcing.events import ERASED
from shared.messaging.client import RpcClient
from shared.security import tokens
from shared.security.vault import Vault, derived_key
from tests.e2e.conftest import DISTRICT, Bureau, new_id, running_house, until
from tests.spellings import everything, spellings, where

NAME, OTHER = "金丝雀孙六", "画眉鸟周七"
ACCOUNT, OTHER_ACCOUNT = "6228480402564890018", "6228480402564890026"
DOCUMENTS = {
    "document_ref": "申请书1",
    "retention_ended_on": "2023-01-31",
    "retention_finding": "档案保存期满",
    "no_open_matter_ref": "核实表1",
}
SEALED = re.compile(rb'"(~1\.[^"]+)"')


@dataclass
class Asking:
    """Somebody who asks in every way there is. ``then``: a moment before the erasure."""

    bureau: Bureau
    base: str
    household: str
    person: str
    numbers: tuple[str, str]  # his resident ID, hers
    then: datetime
    sessions: dict[str, requests.Session] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return f"assistance.household-{self.household}"

    def session(self, role: str) -> requests.Session:
        """Logged in at the portal, and with a token for the API."""
        if role not in self.sessions:
            settings = self.bureau.settings
            assert settings.token_private_key is not None
            token = tokens.issue(settings.token_private_key, f"staff:{role}-erasure", (role,), DISTRICT)
            app = Flask("login")
            app.secret_key = derived_key(settings.master_key, b"portal sessions")
            signer = SecureCookieSessionInterface().get_signing_serializer(app)
            assert signer is not None
            made = self.sessions[role] = requests.Session()
            made.headers["Connection"] = "close"
            made.headers["Authorization"] = f"Bearer {token}"
            made.cookies.set("minzheng", str(signer.dumps({"token": token})), domain="127.0.0.1", path="/")
        return self.sessions[role]

    def got(self, path: str, role: str = "clerk", **asked: str) -> bytes:
        """An answer of the portal; what is still being folded for a past moment is waited for."""

        def answered() -> requests.Response | None:
            answer = self.session(role).get(f"{self.base}{path}", params=asked, timeout=60, allow_redirects=False)
            return None if answer.status_code == 503 else answer

        answer: requests.Response = until(answered)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.content

    def opened(self, **asked: str) -> bytes:
        """The audit page with personal fields opened, for a reason."""
        session = self.session("auditor")
        page = f"{self.base}/audit/stream/{self.stream}"
        token = re.search(r'name="csrf_token" value="([^"]+)"', session.get(page, timeout=60).text)
        assert token is not None
        form = {"csrf_token": token[1], "reason": "核对删除", **asked}
        answer = session.post(f"{page}/open", data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 200, answer.headers
        return answer.content

    def bundle(self) -> bytes:
        """Of the household's stream, as soon as it is sealed."""
        session = self.session("auditor")
        token = re.search(r'name="csrf_token" value="([^"]+)"', session.get(f"{self.base}/audit/bundle", timeout=60).text)
        assert token is not None
        form = {"csrf_token": token[1], "kind": "stream", "value": self.stream, "reason": "核对删除"}

        def made() -> bytes | None:
            answer = session.post(f"{self.base}/audit/bundle", data=form, timeout=120)
            return answer.content if answer.headers["Content-Type"] == "application/zip" else None

        return bytes(until(made))

    def readable(self) -> dict[str, bytes]:
        """Every answer that names him while he is not erased, and her always."""
        rpc = self.bureau.staff("clerk")
        then, home, elders = self.then.isoformat(), {"household_id": self.household}, {"limit": "500"}
        api, desk, why = "/api/v1", "/desk", {"for": "casework"}
        return {
            "RPC": told(rpc.assistance.get_household(**home)),
            "RPC then": told(until(lambda: rpc.assistance.get_household(**home, as_of=then))),
            "API": self.got(f"{api}/assistance/get_household", **home),
            "API then": self.got(f"{api}/assistance/get_household", **home, as_of=then),
            "API list": self.got(f"{api}/eldercare/list_elders", **elders),
            "API list then": self.got(f"{api}/eldercare/list_elders", **elders, as_of=then),
            "desk": self.got(f"{desk}/assistance/household/{self.household}", **why),
            "desk then": self.got(f"{desk}/assistance/household/{self.household}", **why, as_of=then),
            "desk list": self.got(f"{desk}/eldercare/ask/list_elders", ask="1"),
            "desk list then": self.got(f"{desk}/eldercare/ask/list_elders", ask="1", as_of=then),
            "CSV": self.got(f"{api}/eldercare/list_elders", format="csv"),
            "CSV then": self.got(f"{api}/eldercare/list_elders", format="csv", as_of=then),
            "Excel": cells(self.got(f"{api}/eldercare/list_elders", format="xlsx")),
            "Excel then": cells(self.got(f"{api}/eldercare/list_elders", format="xlsx", as_of=then)),
            "desk CSV": self.got(f"{desk}/eldercare/ask/list_elders", ask="1", format="csv"),
            "desk Excel": cells(self.got(f"{desk}/eldercare/ask/list_elders", ask="1", format="xlsx")),
            "accounts": told(rpc.assistance.list_payee_accounts()),
            "audit opened": self.opened(),
            "audit opened then": self.opened(as_of=then),
            "bundle with the keys": unsealed(self.bureau, self.bundle()),
        }

    def masked(self) -> dict[str, bytes]:
        """What an auditor sees or takes away without opening anything: nobody's name, before and after."""
        pages = (f"stream/{self.stream}", f"stream/registry.erasure-{self.person}", f"walk/{self.stream}/0", f"looks?file={self.household}",
                 "acts?actor=staff:clerk", f"find?id={self.person}", f"receipt/{self.stream}/0")  # fmt: skip
        found = {}
        for page in pages:
            answer = self.session("auditor").get(f"{self.base}/audit/{page}", timeout=60)
            assert answer.status_code in (200, 404), (page, answer.status_code)
            found[page] = answer.content
        return found | dict(unpacked_bundle(self.bundle()))


@pytest.fixture(params=["sqlite", "postgresql"])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asking]:
    """A couple known to two services, with accounts, in a house of its own whose temporary files are among those that are searched."""
    (tmp_path / "tmp").mkdir()
    more = {"TMPDIR": str(tmp_path / "tmp"), "MINZHENG_PORTAL_RATE": "100000/minute", "MINZHENG_KEYS_KEPT": "6"}
    if request.param == "postgresql":
        more["DATABASE_URL"] = request.getfixturevalue("postgresql_url")
        more["MINZHENG_SCHEMA_PREFIX"] = "e2e_erasure_"
    with running_house(tmp_path, **more) as house, RpcClient(house.settings.amqp_uri, timeout=30) as link:
        settings = house.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        bureau = Bureau(house, settings, link)
        bureau.at("2023-03-01")
        base = f"http://127.0.0.1:{json.loads(run_file(settings.var).read_text())['MINZHENG_PORTAL_PORT']}"
        number, other = bureau.person("19610315"), bureau.person("19620402")
        home = bureau.household({"resident_id": number, "name": NAME}, {"resident_id": other, "name": OTHER, "relation": "配偶"})
        ids = {m["name"]: p for p, m in home["members"].items()}
        clerk, approver = bureau.staff("clerk"), bureau.staff("approver")
        for name, account in ((NAME, ACCOUNT), (OTHER, OTHER_ACCOUNT)):
            form = {"person_id": ids[name], "division": DISTRICT, "bank_code": "103332012345", "document_no": "A1"}
            clerk.assistance.propose_payee_account(command_id=new_id(), account_no=account, holder=name, **form)
            approver.assistance.confirm_payee_account(command_id=new_id(), person_id=ids[name], number=1)
        for name, whose in ((NAME, number), (OTHER, other)):
            clerk.eldercare.enrol_elder(command_id=new_id(), resident_id=whose, name=name, division=DISTRICT)
        until(lambda: all(name.encode() in told(clerk.eldercare.list_elders(limit=500)) for name in (NAME, OTHER)))
        until(lambda: NAME.encode() in told(clerk.assistance.list_payee_accounts()))
        then = Clock(settings.clock_file).now()
        bureau.at("2023-03-02")
        made = Asking(bureau, base, home["household_id"], ids[NAME], (number, other), then)
        yield made
        for session in made.sessions.values():
            session.close()


def test_a_person_is_forgotten_by_every_process(asking: Asking, tmp_path: Path) -> None:
    """Before, every answer names both of them; afterwards, within the seconds that a key may live, none names him and each names her,
    of any moment. No file has ever held a name, a number or an account in any spelling; every proof from before still holds."""
    number, other = asking.numbers
    canaries = (NAME, number, ACCOUNT)
    before = asking.readable()
    for name in (NAME, OTHER):
        assert [way for way, answer in before.items() if name.encode() not in answer] == []
    old_bundle, receipt = asking.bundle(), until(lambda: sealed_receipt(asking))
    erased(asking)
    forgotten = time.monotonic() + asking.bureau.settings.keys_kept + 2  # a page that was being written may be on its way
    until(lambda: time.monotonic() > forgotten)  # each process may have opened something a moment ago, and one answers for the other
    after = asking.readable()
    for wanted in (OTHER, ERASED):
        lacking = {way: answer for way, answer in after.items() if wanted.encode() not in answer}
        assert not lacking, (wanted, {way: answer.decode(errors="replace")[:20_000] for way, answer in lacking.items()})
    assert where(canaries, after.items()) == []
    assert where((*canaries, OTHER, other, OTHER_ACCOUNT), asking.masked().items()) == []
    assert where([NAME], [("the bundle from before, with the keys of now", unsealed(asking.bureau, old_bundle))]) == []
    with all_files(asking, tmp_path) as folders:
        assert where((*canaries, OTHER, other, OTHER_ACCOUNT), everything(folders)) == []
        the_search_finds(tmp_path, number)
    proofs_hold(asking, receipt, old_bundle, tmp_path)


def erased(asking: Asking) -> None:
    """Proposed by one hand and approved by another, when assistance and elder care have nothing open of him."""
    officer, supervisor = (asking.bureau.staff(f"data_protection_{role}").registry for role in ("officer", "supervisor"))
    whom = {"person_id": asking.person}
    officer.propose_erasure(command_id=new_id(), **whom, division=DISTRICT, ground="purpose_fulfilled", draws_nothing=True, **DOCUMENTS)
    with pytest.raises(Refused):
        officer.approve_erasure(command_id=new_id(), **whom, number=1)
    until(lambda: len(officer.get_erasure(**whom)["answers"]) == 2)
    supervisor.approve_erasure(command_id=new_id(), **whom, number=1)
    until(lambda: officer.get_erasure(**whom)["status"] == "erased")


@contextmanager
def all_files(asking: Asking, var: Path) -> Iterator[list[Path]]:
    """The folders in which anything may stand; PostgreSQL's own, written out, where it keeps rows and keys."""
    folders = [var]
    if asking.bureau.settings.database_url:
        url = sa.make_url(asking.bureau.settings.database_url).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text("CHECKPOINT"))
            folders.append(Path(str(connection.execute(sa.text("SHOW data_directory")).scalar())))
        engine.dispose()
    assert asking.person.encode() in b"".join(content for _, content in everything(folders))
    yield folders


def the_search_finds(var: Path, number: str) -> None:
    """The same search over a file in each spelling, plain and packed: so that finding nothing means something."""
    for text in (NAME, number):
        for n, spelled in enumerate(spellings(text)):
            for name, content in ((f"{n}.bin", b"x" + spelled + b"y"), (f"{n}.gz", gzip.compress(spelled))):
                (var / "tmp" / name).write_bytes(content)
                assert where([text], everything([var / "tmp"])), (n, spelled)
                (var / "tmp" / name).unlink()
    with zipfile.ZipFile(var / "tmp" / "x.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", NAME * 50)
    assert where([NAME], everything([var / "tmp"]))
    (var / "tmp" / "x.xlsx").unlink()


def sealed_receipt(asking: Asking) -> bytes | None:
    answer = asking.session("auditor").get(f"{asking.base}/audit/receipt/{asking.stream}/0", timeout=60)
    return answer.content if answer.status_code == 200 else None


def proofs_hold(asking: Asking, receipt: bytes, old_bundle: bytes, folder: Path) -> None:
    """The receipt and the bundle from before, a new bundle, and the whole log."""
    settings, origin = asking.bureau.settings, f"minzheng.{DISTRICT}"
    pem = asking.got("/sunshine/verify/seal.pub")
    standalone.check_receipt(json.loads(receipt), origin, standalone.key_in(pem))
    key = folder / "outside.pub"
    key.write_bytes(pem)
    for name, bundle in (("old.zip", old_bundle), ("new.zip", asking.bundle())):
        path = folder / name
        path.write_bytes(bundle)
        done = subprocess.run([sys.executable, str(path), "--key", str(key)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    whole = [sys.executable, "-m", "shared.cli", "audit", "verify", "--json"]
    done = subprocess.run(whole, env=asking.bureau.house.child_env, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["sound"] is True, done.stdout + done.stderr
    assert settings.eventstore_data is not None


def unsealed(bureau: Bureau, bundle: bytes) -> bytes:
    """A bundle as somebody reads it who has the house's master key and its vault: a process that starts anew."""
    engine = engine_for(bureau.settings, "vault")
    vault = Vault(engine, bureau.settings.master_key)
    found = []
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        for line in archive.read("events.jsonl").splitlines():
            event = json.loads(line)
            found += [vault.open(text.decode()) for text in SEALED.findall(base64.b64decode(event["data"]))]
    engine.dispose()
    return "\n".join(found).encode()


def unpacked_bundle(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def cells(book: bytes) -> bytes:
    """What a spreadsheet shows of an Excel file."""
    sheet = load_workbook(io.BytesIO(book)).active
    assert sheet is not None
    return "\n".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row).encode()


def told(answer: object) -> bytes:
    return json.dumps(answer, ensure_ascii=False, default=str).encode()

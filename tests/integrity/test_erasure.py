"""Erasure through the whole house: what identifies the person opens nowhere any more, the others stay readable, every proof still holds."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.clock import Clock
from shared.domain.errors import Refused
from shared.eventlog.integrity import standalone
from shared.eventlog.integrity.receipt import consistency, receipt
from shared.eventlog.integrity.seal import Seal, notes_of
from shared.eventlog.integrity.verify import verify
from shared.eventlog.stores import engine_for
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.orders import Hand, Order
from shared.messaging.doors import doors_of
from shared.security.permissions import ROLES
from shared.security.vault import Vault, keys
from tests.desk import DIVISION, Desk, desk
from tests.e2e.conftest import resident_id
from tests.integrity.test_seal import KEY, ORIGIN
from tests.programmes.people import Numbers, grant, home, single
from tests.spellings import spellings

NAME, NUMBER, ACCOUNT, CERTIFICATE = "金丝雀赵四", resident_id("19370315", 286), "6228480402564890018", "SW330225202300917"
OTHER, OTHER_NUMBER, OTHER_ACCOUNT = "白头翁钱五", resident_id("19400402", 287), "6228480402564890026"
CANARIES = (NAME, NUMBER, ACCOUNT, CERTIFICATE)
OFFICER, SUPERVISOR = "data_protection_officer", "data_protection_supervisor"


class Seconds:
    """The clock of what is kept in memory, in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@dataclasses.dataclass
class Lives:
    """A couple in one household; he died, she saw to the funeral. His keys are destroyed in the tests, hers are not."""

    d: Desk
    seconds: Seconds
    person: str
    other: str
    household: str
    seal: Seal
    tree: sa.Engine

    @property
    def log(self) -> Any:
        return self.d.services["registry"].office.log

    def propose(self, **more: Any) -> Any:
        form = {
            "ground": "period_expired",
            "document_ref": "申请书1",
            "retention_ended_on": "2023-06-30",
            "retention_finding": "档案保存期满",
            "draws_nothing": True,
            "no_open_matter_ref": "核实表1",
        }
        told = {"person_id": self.person, "division": DIVISION, **form, **more}
        return self.d.call("propose_erasure", OFFICER, service="registry", **told)

    def approve(self) -> None:
        self.d.call("approve_erasure", SUPERVISOR, service="registry", person_id=self.person, number=1)

    def erase(self) -> None:
        self.propose()
        self.d.settle()
        self.approve()
        self.d.settle()
        self.seconds.now += 31

    def status(self) -> str:
        found: str = self.d.call("get_erasure", OFFICER, service="registry", person_id=self.person)["status"]
        return found


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lives]:
    seconds = Seconds()
    monkeypatch.setattr("shared.security.vault.time", seconds)
    with desk(tmp_path, "assistance", "eldercare", "registry") as d:
        members = [
            {"resident_id": NUMBER, "name": NAME, "relation": "户主"},
            {"resident_id": OTHER_NUMBER, "name": OTHER, "relation": "配偶"},
        ]
        answer = d.call("register_household", household_no="E1", division=DIVISION, area="rural", members=members)
        office = d.services["registry"].office
        person, other = office.person_id(NUMBER), office.person_id(OTHER_NUMBER)
        for service in ("assistance", "eldercare"):
            for who, number, holder in ((person, ACCOUNT, NAME), (other, OTHER_ACCOUNT, OTHER)):
                form = {"person_id": who, "division": DIVISION, "bank_code": "103332012345", "document_no": "A1"}
                d.call("propose_payee_account", "clerk", service=service, account_no=number, holder=holder, **form)
                d.call("confirm_payee_account", "approver", service=service, person_id=who, number=1)
        for name, number in ((NAME, NUMBER), (OTHER, OTHER_NUMBER)):
            d.call("enrol_elder", "clerk", service="eldercare", resident_id=number, name=name, division=DIVISION)
        d.settle()
        death = {"resident_id": NUMBER, "name": NAME, "died_on": "2023-07-01", "division": DIVISION, "certificate_no": CERTIFICATE}
        d.call("register_death", "registrar", service="registry", **death)
        d.settle()
        claim = {"person_id": person, "organiser_resident_id": OTHER_NUMBER, "organiser_name": OTHER}
        d.call("claim_funeral_benefits", "funeral_officer", service="registry", **claim)
        d.call("approve_funeral_benefits", "funeral_officer", service="registry", actor="staff:second", person_id=person)
        d.settle()
        tree = engine_for(d.settings, "integrity")
        seal = Seal(office.log, tree, KEY, ORIGIN, Clock())
        seal.catch_up()
        yield Lives(d, seconds, person, other, answer["id"], seal, tree)
        tree.dispose()


def everything_answered(lives: Lives) -> str:
    """What every query of every service answers about the couple to a hand that may ask, as one text."""
    told = []
    ids = {"person_id": lives.person, "household_id": lives.household, "payee_id": lives.person, "subject_id": lives.household}
    for service, made in lives.d.services.items():
        for info in (i for i in doors_of(type(made)) if i.kind == "query"):
            needed = [f.name for f in dataclasses.fields(info.form) if f.default is dataclasses.MISSING]
            asked = {f.name: ids[f.name] for f in dataclasses.fields(info.form) if f.name in needed and f.name in ids}
            if set(asked) == set(needed):
                role = next(r for r, held in ROLES.items() if info.permission in held)
                with suppress(Refused):  # a record that the couple has none of
                    told.append(lives.d.call(info.method, role, service=service, **asked))
        for stream in (f"{service}.{kind}-{lives.person}" for kind in ("person", "elder", "payee_account", "death", "funeral")):
            told.append([repr(r.event) for r in made.office.history(stream)])
    told.append(repr(lives.d.services["assistance"].office.history(f"assistance.household-{lives.household}")))
    return json.dumps(told, ensure_ascii=False, default=str)


def everything_written(var: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(var.rglob("*")) if path.is_file() and path.name != "clock")


def wrapped(lives: Lives) -> dict[str, bytes | None]:
    engine = engine_for(lives.d.settings, "vault")
    with engine.connect() as connection:
        found = {row.person_id: row.wrapped for row in connection.execute(sa.select(keys))}
    engine.dispose()
    return found


def test_after_the_erasure_nothing_of_the_person_is_anywhere(lives: Lives, tmp_path: Path) -> None:
    """Every answer of every service, every byte of every file: no name, no number, no account, and no key to what is sealed."""
    before, wrapped_before = everything_answered(lives), wrapped(lives)
    assert [c for c in (NAME, CERTIFICATE, ACCOUNT, NUMBER) if c not in before] == []
    key, hers = wrapped_before[lives.person], wrapped_before[lives.other]
    assert key is not None
    assert hers is not None
    raw = AESGCM(lives.d.settings.master_key).decrypt(key[:12], key[12:], lives.person.encode())
    assert key in everything_written(tmp_path)
    lives.erase()
    assert lives.status() == "erased"
    after, files = everything_answered(lives), everything_written(tmp_path)
    masked = f"****{ACCOUNT[-4:]}"  # as lists show it; four digits alone stand by chance in somebody's random id
    assert masked in before
    assert [c for c in (*CANARIES, masked) if c in after] == []
    assert ERASED in after
    for canary in (*CANARIES, OTHER, OTHER_NUMBER):
        assert [s for s in spellings(canary) if s in files] == []
    assert key not in files
    assert raw not in files
    assert hers in files
    vault = Vault(engine_for(lives.d.settings, "vault"), lives.d.settings.master_key)  # a process that starts anew
    assert {vault.open(text) for text in sealed_for_whom(files, lives.person)} == {ERASED}
    assert {OTHER, OTHER_NUMBER, OTHER_ACCOUNT} <= {vault.open(text) for text in sealed_for_whom(files, lives.other)}


def sealed_for_whom(files: bytes, person: str) -> set[str]:
    """Every sealed text of a person that stands anywhere in the files, whole ones only."""
    boxes = rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
    found = re.findall(rb"~1\." + person.encode() + rb"\." + boxes, files)
    return {text.decode() for text in found if len(text) > 75}


def test_what_is_said_of_two_persons_stays_readable_for_the_other(lives: Lives) -> None:
    """The household they shared, the funeral she saw to, her own accounts."""
    lives.erase()
    shown = lives.d.call("get_household", "auditor", household_id=lives.household)
    names = json.dumps(shown, ensure_ascii=False, default=str)
    assert OTHER in names
    assert NAME not in names
    history = lives.d.services["assistance"].office.history(f"assistance.household-{lives.household}")
    together = [(m.name, m.resident_id) for m in history[0].event.members]
    assert together == [(ERASED, ERASED), (OTHER, OTHER_NUMBER)]
    funeral = lives.d.services["registry"].office.history(f"registry.funeral-{lives.person}")
    assert [r.event.organiser_name for r in funeral if r.name.endswith("claimed")] == [OTHER]
    accounts = lives.d.call("list_payee_accounts", "auditor")
    assert {(a["person_id"], a["holder"], a["account_no"]) for a in accounts} == {
        (lives.person, ERASED, ERASED),
        (lives.other, OTHER, f"****{OTHER_ACCOUNT[-4:]}"),
    }


def test_every_proof_still_holds(lives: Lives) -> None:
    """A receipt from before, the check of the whole, and that the log was only added to."""
    stream = f"registry.death-{lives.person}"
    old = receipt(lives.log, lives.tree, stream, 0)
    size = standalone.check_receipt(old, ORIGIN, KEY.public_key())[1]
    lives.erase()
    lives.seal.catch_up()
    report = verify(lives.log, lives.tree, notes_of(lives.log), ORIGIN, KEY.public_key())
    assert (report.sound, report.unsealed, report.checkpoints) == (True, 0, 2)
    assert standalone.check_receipt(old, ORIGIN, KEY.public_key())[1] == size
    new = receipt(lives.log, lives.tree, stream, 0)
    assert (new["event"], new["index"]) == (old["event"], old["index"])
    grown = consistency(lives.log, lives.tree, size)
    assert standalone.check_consistency(grown, ORIGIN, KEY.public_key()) == (size, report.events)


def test_a_crash_between_the_keys_and_the_record_is_made_good(lives: Lives) -> None:
    """The keys are gone, nothing is recorded; the notice comes again. And once more, after all is done: nothing happens twice."""
    lives.propose()
    lives.d.settle()
    lives.approve()
    office = lives.d.services["registry"].office
    office.vault.destroy(lives.person, "2023-07-03T09:00:00+08:00")  # as far as the process came
    assert lives.status() == "approved"
    lives.d.settle()
    assert lives.status() == "erased"
    stream = office.log.read(f"registry.erasure-{lives.person}")
    happened = [e.name.split(".")[1] for e in stream]
    assert happened == ["erasure_proposed", "erasure_answer_noted", "erasure_answer_noted", "erasure_approved", "person_erased"]
    lives.d._delivered = stream[0].position - 1
    lives.d.settle()
    assert office.log.read(f"registry.erasure-{lives.person}") == stream


def test_nobody_is_erased_while_a_service_has_something_open(tmp_path: Path) -> None:
    """A case in the household that counts him, an allowance of his own, a matter of temporary assistance; once it is over, a new
    proposal is answered anew. Who left the household is not held by it."""
    with desk(tmp_path, "assistance", "eldercare", "registry") as d:
        numbers = Numbers()
        family = home(d, numbers, {"born": "19700101"}, {"born": "19900101"})
        case = grant(d, "minimum_living_allowance", household_id=family.household_id)
        old, member = d.services["registry"].office.person_id(NUMBER), family.members[1]
        d.call("enrol_elder", "clerk", service="eldercare", resident_id=NUMBER, name=NAME, division=DIVISION)
        d.settle()
        helped = single(d, numbers)
        asked = {"kind": "expenditure", "cause": "grave_illness", "happened_on": "2023-07-01", "division": "330225101"}
        d.call("apply_temporary", person_id=helped, **asked)
        for person in (old, member, helped):
            propose(d, person)
            d.settle()  # one by one: here nobody projects while a reaction waits for the read model
        held = {old: "养老服务有1件在保或在办个案", member: "社会救助有1件在保或在办个案", helped: "社会救助有1件在办事项"}
        for person, said in held.items():
            assert said in refused(lambda p=person: approve(d, p, 1), "out_of_order")  # type: ignore[misc]
        own = Order(None, "end", Hand.service("assistance"), d.now)
        d.services["assistance"].benefits.end(case, "2023-09", "收入超过标准", "复核", own)
        d.settle()
        [matter] = d.call("get_temporary", "auditor", subject_id=helped)["matters"]
        d.call("withdraw_temporary", subject_id=helped, matter_id=matter, reason="不再需要")
        d.settle()
        d.call("withdraw_erasure", OFFICER, service="registry", person_id=helped, number=1, reason="申请已撤回，重新提出")
        propose(d, helped)
        d.settle()
        approve(d, helped, 2)
        d.call("withdraw_erasure", OFFICER, service="registry", person_id=member, number=1, reason="待遇已终止，重新提出")
        propose(d, member)
        assert "尚未答复" in refused(lambda: approve(d, member, 2), "out_of_order")
        d.settle()
        approve(d, member, 2)
        d.settle()
        assert d.call("get_erasure", OFFICER, service="registry", person_id=member)["status"] == "erased"


def test_nobody_is_erased_by_hands_of_another_place(tmp_path: Path) -> None:
    """A member of a household in one town, enrolled as an elder in another: neither town's officer and supervisor erase him, whatever place
    they write; those of the district do, and only for a place that covers both."""
    with desk(tmp_path, "assistance", "eldercare", "registry") as d:
        number_of_his = resident_id("19600315", 288)
        person = d.services["registry"].office.person_id(number_of_his)
        members = [{"resident_id": number_of_his, "name": NAME, "relation": "户主"}]
        d.call("register_household", household_no="T1", division="330225101", area="rural", members=members)
        d.call("enrol_elder", "clerk", service="eldercare", resident_id=number_of_his, name=NAME, division="330225103")
        d.settle()
        both = "330225101、330225103"
        tried = (("330225102", "330225102", both), (DIVISION, "330225103", "330225101"), (DIVISION, "330225101", "330225103"))
        for number, (hand, place, beyond) in enumerate(tried, 1):
            propose(d, person, at=hand, division=place)
            d.settle()
            said = refused(lambda n=number, at=hand: approve(d, person, n, at=at), "out_of_order")  # type: ignore[misc]
            assert f"该人员在 {beyond} 也有档案" in said
            d.call("withdraw_erasure", OFFICER, service="registry", at=hand, person_id=person, number=number, reason="由区里办理")
        propose(d, person)
        d.settle()
        refused(lambda: approve(d, person, 4, at="330225101"), "wrong_division")
        approve(d, person, 4)
        d.settle()
        assert d.call("get_erasure", OFFICER, service="registry", person_id=person)["status"] == "erased"


def propose(d: Desk, person: str, *, at: str = DIVISION, division: str = DIVISION) -> None:
    form = {
        "ground": "purpose_fulfilled", "document_ref": "申请书1", "retention_ended_on": "2023-06-30", "retention_finding": "期满",
        "draws_nothing": True, "no_open_matter_ref": "核实表1",
    }  # fmt: skip
    d.call("propose_erasure", OFFICER, service="registry", at=at, person_id=person, division=division, **form)


def approve(d: Desk, person: str, number: int, *, at: str = DIVISION) -> None:
    d.call("approve_erasure", SUPERVISOR, service="registry", at=at, person_id=person, number=number)


def test_nobody_is_erased_while_the_registry_has_something_open(tmp_path: Path) -> None:
    """The steps after the death, or a claim that waits for approval; and never by one hand alone, or by a hand of another place."""
    with desk(tmp_path, "registry") as d:
        death = {"resident_id": NUMBER, "name": NAME, "died_on": "2023-07-01", "division": "330225101"}
        person = d.call("register_death", "registrar", **death)["id"]
        d.settle()
        form: dict[str, Any] = {
            "person_id": person, "division": "330225101", "ground": "consent_withdrawn", "document_ref": "申请书1", "draws_nothing": True,
            "retention_ended_on": "2023-06-30", "retention_finding": "期满", "no_open_matter_ref": "核实表1",
        }  # fmt: skip
        refused(lambda: d.call("propose_erasure", OFFICER, **form), "out_of_order")
        shown = d.call("get_after_death", "registrar", person_id=person)
        for step in (name for name, s in shown["steps"].items() if s["status"] == "owed"):
            d.call("skip_step", "registrar", person_id=person, step=step, reason="核实无此事项")
        refused(lambda: d.call("propose_erasure", OFFICER, at="330226", **{**form, "division": "330226"}), "wrong_division")
        refused(lambda: d.call("propose_erasure", SUPERVISOR, **form), "forbidden")
        refused(lambda: d.call("propose_erasure", OFFICER, **{**form, "ground": "我愿意"}), "invalid_input")
        refused(lambda: d.call("propose_erasure", OFFICER, **{**form, "retention_finding": f"见 {NUMBER}"}), "invalid_input")
        d.call("propose_erasure", OFFICER, **form)
        refused(lambda: d.call("approve_erasure", OFFICER, person_id=person, number=1), "forbidden")
        refused(lambda: d.call("approve_erasure", SUPERVISOR, actor=f"staff:{OFFICER}", person_id=person, number=1), "same_hand")
        refused(lambda: d.call("approve_erasure", SUPERVISOR, at="330226", person_id=person, number=1), "wrong_division")
        d.settle()
        assert d.call("list_erasures", SUPERVISOR, status="proposed")[0]["person_id"] == person
        d.call("refuse_erasure", SUPERVISOR, person_id=person, number=1, reason="仍有追回事项")
        d.settle()
        assert d.call("get_erasure", OFFICER, person_id=person)["status"] == "refused"
        assert d.call("get_death", "registrar", person_id=person)["name"] == NAME


def refused(act: Callable[[], Any], code: str) -> str:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
    return caught.value.message

"""Erasure in a running house: two hands, the bus, the keys destroyed by one process and forgotten by the others, all files searched."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from shared.domain.errors import Refused
from shared.eventsourcing.events import ERASED
from tests.e2e.conftest import DISTRICT, Bureau, new_id, until

NAME, OTHER = "金丝雀孙六", "画眉鸟周七"


def test_a_person_is_forgotten_by_every_process(bureau: Bureau) -> None:
    """Assistance has the household in its memory, read models have the rows; within the half minute that a key may live none shows the
    name. The other member is shown as before."""
    number, other = bureau.person("19610315"), bureau.person("19620402")
    home = bureau.household({"resident_id": number, "name": NAME}, {"resident_id": other, "name": OTHER, "relation": "配偶"})
    clerk = bureau.staff("clerk")
    person = next(p for p, m in home["members"].items() if m["name"] == NAME)
    clerk.eldercare.enrol_elder(command_id=new_id(), resident_id=number, name=NAME, division=DISTRICT)
    until(lambda: NAME in text(clerk.eldercare.list_elders(limit=500)))
    officer, supervisor = bureau.staff("data_protection_officer").registry, bureau.staff("data_protection_supervisor").registry
    officer.propose_erasure(
        command_id=new_id(), person_id=person, division=DISTRICT, ground="purpose_fulfilled", document_ref="申请书1",
        retention_ended_on="2023-01-31", retention_finding="档案保存期满", draws_nothing=True, no_open_matter_ref="核实表1",
    )  # fmt: skip
    with pytest.raises(Refused):
        officer.approve_erasure(command_id=new_id(), person_id=person, number=1)
    until(lambda: len(officer.get_erasure(person_id=person)["answers"]) == 2)  # assistance and elder care have nothing open of him
    supervisor.approve_erasure(command_id=new_id(), person_id=person, number=1)
    until(lambda: officer.get_erasure(person_id=person)["status"] == "erased")
    until(lambda: NAME not in text(clerk.assistance.get_household(household_id=home["household_id"])))
    until(lambda: NAME not in text(clerk.eldercare.list_elders(limit=500)))
    shown = clerk.assistance.get_household(household_id=home["household_id"])
    assert [m["name"] for m in shown["members"].values()] == [ERASED, OTHER]
    assert NAME not in text(clerk.eldercare.get_elder(person_id=person))
    files = everything_written(bureau.settings.var)
    for plain in (NAME, number):
        assert plain.encode() not in files
        assert json.dumps(plain)[1:-1].encode() not in files


def everything_written(var: Path) -> bytes:
    """Of a house that goes on working: a file may be gone before it is read."""
    found = []
    for path in sorted(var.rglob("*")):
        with suppress(FileNotFoundError):
            found.append(path.read_bytes() if path.is_file() else b"")
    return b"\0".join(found)


def text(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, default=str)

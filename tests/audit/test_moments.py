"""A stream at a moment and the difference of two: by what was recorded then, field by field, personal fields masked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner

from shared.cli.audit import command
from shared.eventlog.moments import Change, NoSuchStream, as_of, difference, rewritten
from shared.eventlog.showing import MASKED, moment
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id

NUMBERS = (resident_id("19500101", 41), resident_id("19520101", 42))
NAME = "王小明"


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A household registered in June, an income of July, a death told in August; and a payee whose account changes."""
    with desk(tmp_path_factory.mktemp("moments"), "assistance", "registry") as made:
        made.on("2023-06-01")
        members = [{"resident_id": n, "name": NAME, "relation": "成员", "monthly_income_fen": 0} for n in NUMBERS]
        made.call("register_household", household_no="T1", division="330225101", area="rural", members=members)
        made.settle()
        home, person = household(made), made.offices["assistance"].person_id(NUMBERS[1])
        made.on("2023-07-10")
        income = {"household_id": home, "person_id": person, "monthly_income_fen": 40_000}
        made.call("record_income", **income, effective_from="2023-07-01", reason="employment")
        made.settle()
        made.on("2023-08-10")
        death = {"resident_id": NUMBERS[0], "name": NAME, "died_on": "2023-08-09", "division": "330225101"}
        made.call("register_death", "registrar", service="registry", **death)
        made.settle()
        for number, (day, account) in enumerate((("2023-08-11", "6222020000000000001"), ("2023-08-12", "6222020000000000002")), 1):
            made.on(day)
            changed = {"division": "330225101", "bank_code": "102332000014", "account_no": account, "holder": NAME, "document_no": "卡"}
            made.call("propose_payee_account", person_id=person, **changed)
            made.call("confirm_payee_account", "approver", person_id=person, number=number)
        yield made


def household(d: Desk) -> str:
    return next(r.stream.partition("-")[2] for r in d.offices["assistance"].log.read_all() if r.stream.startswith("assistance.household-"))


def stream_of(d: Desk) -> str:
    return f"assistance.household-{household(d)}"


def changes(d: Desk, first: str, second: str) -> dict[str, Change]:
    _, _, found = difference(d.offices["assistance"].log, stream_of(d), moment(first), moment(second))
    return {c.field: c for c in found}


def test_a_stream_as_it_was_known_at_a_moment(d: Desk) -> None:
    """What was recorded later is not in it, also where it tells of earlier days; before the first event there is nothing."""
    log, stream = d.offices["assistance"].log, stream_of(d)
    first, second, now = (as_of(log, stream, at) for at in (moment("2023-06-30"), moment("2023-07-31"), None))
    assert (first.version, second.version, now.version) == (0, 1, 2)
    assert first.recorded_at == datetime.fromisoformat("2023-06-01T09:00:00+08:00").replace(microsecond=first.recorded_at.microsecond)
    assert (first.state["died"], len(now.state["died"])) == ({}, 1)
    before = as_of(log, stream, moment("2023-05-31"))
    assert (before.version, before.recorded_at, before.state) == (-1, None, {})


def test_the_end_of_a_moment_belongs_to_it(d: Desk) -> None:
    """Exactly when it was recorded it is known, a microsecond earlier it is not."""
    log, stream = d.offices["assistance"].log, stream_of(d)
    at = as_of(log, stream, None).recorded_at
    assert at is not None
    assert as_of(log, stream, at).version == 2
    assert as_of(log, stream, at.replace(microsecond=at.microsecond - 1)).version == 1


def test_what_changed_between_two_moments(d: Desk) -> None:
    """Only the fields that differ, each with both values; the same the other way round; nothing where nothing was recorded."""
    person = d.offices["assistance"].person_id(NUMBERS[1])
    income = changes(d, "2023-06-30", "2023-07-31")
    assert income
    assert all(person in name for name in income)
    assert 40_000 in {c.after for c in income.values()}
    death = changes(d, "2023-07-31", "2023-08-31")
    assert {name.partition(".")[0] for name in death} == {"died", "left"}
    assert all(c.before is None for c in death.values())
    undone = changes(d, "2023-08-31", "2023-07-31")
    assert {name: (c.after, c.before) for name, c in undone.items()} == {name: (c.before, c.after) for name, c in death.items()}
    assert changes(d, "2023-06-02", "2023-06-30") == {}
    born = changes(d, "2023-05-31", "2023-06-30")
    assert all(c.before is None for c in born.values())


def test_personal_fields_are_masked_and_still_tell_that_they_were_rewritten(d: Desk) -> None:
    """Masked on both sides; with the vault's opener they are read."""
    office = d.offices["assistance"]
    stream = f"assistance.payee_account-{office.person_id(NUMBERS[1])}"
    a, b = moment("2023-08-11"), moment("2023-08-12")
    _, became, masked = difference(office.log, stream, a, b)
    told = {c.field: (c.before, c.after, rewritten(c)) for c in masked}
    assert told["in_force.account_no"] == told["in_force.holder"] == (MASKED, MASKED, True)
    assert told["accounts"] == (1, 2, False)
    assert became.state["in_force"]["account_no"] == MASKED
    _, became, opened = difference(office.log, stream, a, b, office.vault.open)
    read = {c.field: (c.before, c.after) for c in opened}
    assert read["in_force.account_no"] == ("6222020000000000001", "6222020000000000002")
    assert "in_force.holder" not in read
    assert became.state["in_force"]["holder"] == NAME


def test_a_stream_that_nobody_has(d: Desk) -> None:
    """Neither one without events nor one of no service."""
    for stream in ("assistance.household-nobody", "nobody.thing-1"):
        with pytest.raises(NoSuchStream):
            as_of(d.offices["assistance"].log, stream)


def test_the_command_line_shows_the_difference(d: Desk) -> None:
    """Field by field, without a name; JSON for programs."""
    s = d.settings
    env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}

    def run(*words: str) -> Any:
        return CliRunner().invoke(command, ["diff", *words], env=env)

    said = run(stream_of(d), "2023-07-31", "2023-08-31")
    assert (said.exit_code, "第 1 号 → 第 2 号" in said.output, "2023-08-09" in said.output) == (0, True, True), said.output
    born = run(stream_of(d), "2023-05-31", "2023-06-30")
    assert NAME not in born.output
    machine = json.loads(run(stream_of(d), "2023-07-31", "2023-08-31", "--json").output)
    assert (machine["from"], machine["to"]) == (1, 2)
    assert run("assistance.household-nobody", "2023-07-31", "2023-08-31").exit_code == 1
    assert run(stream_of(d), "then", "now").exit_code == 1

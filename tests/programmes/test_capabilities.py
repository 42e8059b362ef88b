"""What the catalogue asks for and what carries it: nothing is claimed that is not there, nothing finished is left out."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from shared.casework.catalogue import by_row, rows
from shared.cli.main import cli
from shared.eventlog import discovery


def test_the_catalogue_is_whole() -> None:
    """467 rows, each once."""
    assert len(rows()) == len(by_row()) == 467


@pytest.mark.parametrize("service", discovery.services())
def test_a_carrier_names_rows_that_exist_and_belong_to_it(service: str) -> None:
    """A typing slip would be a capability that nobody has."""
    found = discovery.carriers(service)
    assert found
    for carrier in found:
        assert by_row()[carrier.row].service in (service, "workflow", "platform"), carrier


def test_the_command_lists_rows_with_their_carriers() -> None:
    """For people as a table, for programs as JSON."""
    told = CliRunner().invoke(cli, ["capabilities", "--service", "assistance", "--json"])
    assert told.exit_code == 0, told.output
    listed = {r["row"]: r["carriers"] for r in json.loads(told.output)}
    assert set(listed) == {r.row for r in rows() if r.service == "assistance"}
    assert [c["code"] for c in listed["A24"]] == ["temporary_assistance_reserve_fund"]
    assert "最低生活保障" in CliRunner().invoke(cli, ["capabilities"]).output
    assert CliRunner().invoke(cli, ["capabilities", "--service", "nobody"]).exit_code == 1


FINISHED = [
    *(f"A{n:02}" for n in range(1, 35)),
    *(f"A{n}" for n in range(40, 45)),
    *(f"A{n}" for n in range(73, 83)),
    *("W01", "W02", "W05", "W08", "W15", "W22", "W28", "W29"),
]


def test_every_row_of_the_benefits_is_carried() -> None:
    """The rows that are said to be finished, each by a declaration, a programme or an aggregate that is there."""
    carried = {c.row for service in discovery.services() for c in discovery.carriers(service)}
    assert [row for row in FINISHED if row not in carried] == []

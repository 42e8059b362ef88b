"""Every version of rules and figures that a decision may name is in the list beside the rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.assistance.rules import engine
from shared.cli.rules import command
from shared.eventlog.integrity import versions
from shared.rules.profile import profile_ids


def test_the_present_versions_are_in_the_lists() -> None:
    """Whoever changes a rule or a figure runs `minzheng rules versions --add`, or its decisions would count as made up."""
    assert versions.missing() == {}
    assert {service for service in ("assistance", "eldercare") if versions.listed(service)} == {"assistance", "eldercare"}


def test_the_list_names_what_a_decision_records() -> None:
    """The very words of an engine's versions, for the figures of every district without what was published since."""
    there = versions.listed("assistance")
    for profile in profile_ids():
        made = engine(profile)
        assert versions.unknown(there, made.rules_version, made.parameters_version, made.parameters_version) == ()
        published = made.parameters_version + "+published:1-3,7"
        assert versions.unknown(there, made.rules_version, published, published) == ()
        assert len(versions.unknown(there, made.rules_version, published, made.parameters_version)) == 1


def test_a_changed_rule_fails_the_check_until_it_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check names what is missing; the one command adds it and takes nothing out."""
    path = tmp_path / "versions.txt"

    path.write_text("# 清单\n2023-01-01 规则版本 old\n", encoding="utf-8")
    whole = versions.list_of
    monkeypatch.setattr(versions, "list_of", lambda service: path if service == "assistance" else whole(service))
    versions.listed.cache_clear()
    try:
        told = CliRunner().invoke(command, ["versions"])
        assert told.exit_code == 1
        rules = engine().rules_version
        assert f"assistance  规则版本  {rules}" in told.output
        added = CliRunner().invoke(command, ["versions", "--add"])
        assert added.exit_code == 0, added.output
        assert CliRunner().invoke(command, ["versions"]).exit_code == 0
        assert {(versions.RULES, rules), (versions.RULES, "old")} <= versions.listed("assistance")
        day = path.read_text(encoding="utf-8").splitlines()[-1].split()[0]
        assert date.fromisoformat(day)
    finally:
        monkeypatch.undo()
        versions.listed.cache_clear()

"""``minzheng token`` and ``minzheng import`` as an operator meets them, without a running house."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shared.cli import import_households, token
from shared.cli.household_file import Household, parse_file
from shared.config import ROOT
from shared.domain.errors import Refused, Unavailable
from shared.security.permissions import ROLES
from shared.security.tokens import Verifier

GOOD = ROOT / "examples" / "households.csv"
BAD = ROOT / "examples" / "households-with-mistakes.csv"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AMQP_URI", "MINZHENG_MODE", "MINZHENG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINZHENG_VAR", str(tmp_path))
    return tmp_path


def test_a_token_is_signed_that_the_house_accepts(env: Path) -> None:
    """With the roles and the division asked for."""
    said = CliRunner().invoke(token.command, ["--role", "clerk", "--role", "reviewer", "--division", "330225", "--actor", "staff:wang"])
    assert said.exit_code == 0
    hand = Verifier(env / "keys" / "token.pub").hand(said.output.strip())
    assert (hand.actor, hand.roles, hand.division) == ("staff:wang", {"clerk", "reviewer"}, "330225")


def test_the_division_is_the_districts_by_default(env: Path) -> None:
    """象山县."""
    said = CliRunner().invoke(token.command, ["--role", "clerk"])
    assert Verifier(env / "keys" / "token.pub").hand(said.output.strip()).division == "330225"


def test_production_signs_no_token(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a login of its own, and says so."""
    monkeypatch.setenv("MINZHENG_MODE", "production")
    monkeypatch.setenv("MINZHENG_MASTER_KEY", "A" * 43 + "=")
    monkeypatch.setenv("MINZHENG_TOKEN_PUBLIC_KEY", str(env / "token.pub"))
    for command, arguments in ((token.command, ["--role", "clerk"]), (import_households.command, [str(GOOD)])):
        said = CliRunner().invoke(command, arguments)
        assert said.exit_code == 1
        assert "生产模式不签发令牌" in said.output


@pytest.mark.parametrize(
    "arguments", [["--role", "chief"], [], ["--role", "clerk", "--actor", "张三"], ["--role", "clerk", "--division", "33"]]
)
def test_a_slip_is_told_in_one_line(env: Path, arguments: list[str]) -> None:
    """Unknown role, no role, a name in place of a staff id, a division that is none."""
    said = CliRunner().invoke(token.command, arguments)
    assert said.exit_code != 0
    assert "Traceback" not in said.output


def test_the_help_names_every_role() -> None:
    """And no role that does not exist."""
    said = CliRunner().invoke(token.command, ["--help"]).output
    assert {r for r in ROLES if not r.startswith("service:")} == set(token.ABOUT)
    assert all(role in said for role in token.ABOUT)


def test_a_dry_run_reports_and_sends_nothing(env: Path) -> None:
    """Exit code 2 because lines are wrong; 0 for a file that is right."""
    said = CliRunner().invoke(import_households.command, [str(BAD), "--dry-run"])
    assert (said.exit_code, "可以导入4户" in said.output, "第3行" in said.output) == (2, True, True)
    assert CliRunner().invoke(import_households.command, [str(GOOD), "--dry-run"]).exit_code == 0


def test_without_a_running_house_the_import_says_what_to_do(env: Path) -> None:
    """In one line."""
    said = CliRunner().invoke(import_households.command, [str(GOOD)])
    assert (said.exit_code, "minzheng up" in said.output) == (1, True)


def test_a_file_that_cannot_be_read_is_told_in_one_line(env: Path) -> None:
    """No traceback for a wrong file."""
    (env / "x.csv").write_text("a,b\n")
    said = CliRunner().invoke(import_households.command, [str(env / "x.csv")])
    assert (said.exit_code, "表头" in said.output) == (1, True)


class Bureau:
    """Answers as the service would: ``script`` holds what each call gives, the last one for ever."""

    def __init__(self, *script: Any) -> None:
        self.script, self.calls = list(script), []
        self.assistance = self

    def register_household(self, **form: Any) -> dict[str, Any]:
        self.calls.append(form)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return {"events": step}


def one(bureau: Bureau, stop: list[str] | None = None) -> import_households.Outcome:
    household: Household = parse_file(GOOD).households[0]
    return import_households._one(bureau, household, "import:1:0", [] if stop is None else stop)


@pytest.mark.parametrize(("events", "result"), [(["assistance.household_registered"], "imported"), ([], "unchanged")])
def test_an_answer_without_events_is_a_household_that_was_there(events: list[str], result: str) -> None:
    """The second import of a file changes nothing, and says so."""
    assert one(Bureau(events)).result == result


def test_a_refusal_names_the_line_of_the_member() -> None:
    """members.2 is the third line of that household."""
    outcome = one(Bureau(Refused("already_exists", "该人员已登记在另一家庭。", "members.2.resident_id")))
    assert (outcome.result, import_households.line_of(outcome)) == ("refused", 4)


def test_an_unavailable_service_is_asked_again_under_the_same_command_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing happens twice."""
    monkeypatch.setattr(import_households.time, "sleep", lambda _: None)
    bureau = Bureau(Unavailable(), Unavailable(), ["x"])
    assert one(bureau).result == "imported"
    assert {c["command_id"] for c in bureau.calls} == {"import:1:0"}


@pytest.mark.parametrize("failure", [Unavailable(), Refused("forbidden", "无权办理此事项。")])
def test_what_cannot_succeed_stops_the_rest(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stays away, or a token that is not good enough: the other calls are not made."""
    monkeypatch.setattr(import_households.time, "sleep", lambda _: None)
    stop: list[str] = []
    assert one(Bureau(failure), stop).result == "unavailable"
    idle = Bureau(["x"])
    assert (one(idle, stop).result, idle.calls) == ("unavailable", [])


def test_the_summary_says_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """0 when all is in, 2 when something was refused, 1 when something was not sent."""
    parsed = parse_file(GOOD)
    households = parsed.households

    def told(*results: str) -> tuple[int, str]:
        outcomes = [import_households.Outcome(h, r, reason="原因。") for h, r in zip(households, results, strict=False)]
        return import_households.report(parsed, outcomes, False), capsys.readouterr().out

    assert told("unchanged", "unchanged")[0] == 0
    assert "没有任何变化" in told("unchanged")[1]
    assert told("imported", "refused")[0] == 2
    assert told("imported", "unavailable")[0] == 1

"""Sources are data: every district's file loads, and a mistake in one is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import Refused
from shared.exchange.adapter import Reply, reply_of
from shared.exchange.declared import load_sources
from shared.rules.errors import RulesError
from shared.rules.profile import PROFILES, profile_ids

BANK = load_sources("xiangshan-2023").sources["bank"]


@pytest.mark.parametrize("profile", profile_ids())
def test_every_district_declares_its_sources(profile: str) -> None:
    """Each asked source answers something that is compared or shown, and has days to do so; a planned one is not asked."""
    declared = load_sources(profile)
    asked = declared.asked_for("minimum_living_allowance")
    assert {"income", "savings", "securities", "vehicles", "homes"} <= {f.compares for s in asked for f in s.fields}
    assert all(s.timeout_days > 0 and s.owner and s.frequency and s.agreement for s in declared.sources.values())
    assert not any(s.status == "planned" for s in asked)
    assert declared.limits.start_working_days == 3, "核对 begins within three working days"


def _changed(path: tuple[Any, ...], value: Any) -> Any:
    data = yaml.safe_load((PROFILES / "xiangshan-2023" / "sources.yaml").read_text(encoding="utf-8"))
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("sources", "bank", "owner"), None, "sources.bank"),
        (("sources", "bank", "colour"), "red", "sources.bank"),
        (("sources", "bank", "adapter"), "pigeon", "sources.bank.adapter"),
        (("sources", "bank", "status"), "maybe", "sources.bank.status"),
        (("sources", "bank", "timeout_days"), -1, "timeout_days"),
        (("sources", "bank", "fields", 0, "compares"), "fortune", "fields.0"),
        (("sources", "bank", "fields", 0, "label"), None, "fields.0"),
        (("limits", "tolerance_fen"), "much", "limits.tolerance_fen"),
        (("programmes", "default"), None, "default"),
        (("programmes", "default"), ["moon"], "moon"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_its_place(tmp_path: Path, path: tuple[Any, ...], value: Any, told: str) -> None:
    """At load, not when somebody is to be checked."""
    (tmp_path / "x-2023").mkdir()
    (tmp_path / "x-2023" / "sources.yaml").write_text(yaml.safe_dump(_changed(path, value)), encoding="utf-8")
    with pytest.raises(RulesError, match=told):
        load_sources("x-2023", tmp_path)


@pytest.mark.parametrize(("text", "fen"), [("0", 0), ("12.5", 1250), ("1,234.56", 123456), (" 7 ", 700), (700, 700)])
def test_money_is_yuan_in_a_file_and_fen_in_a_message(text: Any, fen: int) -> None:
    """Exact, without floating point."""
    assert reply_of(BANK, 2, "q-01", "有", {"deposits_fen": text}) == Reply(2, "q-01", "found", (("deposits_fen", fen),))


@settings(max_examples=300)
@given(st.text(max_size=30), st.sampled_from(["有", "无", "失败", "found", "?"]), st.one_of(st.none(), st.text(max_size=30), st.integers()))
def test_whatever_a_source_writes_is_an_answer_or_refused(number: str, outcome: str, value: Any) -> None:
    """Never an accident: a checked reply with a sensible amount, or a refusal that quotes nothing."""
    try:
        reply = reply_of(BANK, 1, number, outcome, {"deposits_fen": value})
    except Refused:
        return
    assert reply.outcome in ("found", "none", "failed")
    assert all(0 <= amount <= 100_000_000_000 for _, amount in reply.values)

"""The README's two examples are run as they stand there, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from shared.messaging.definitions import agency_uri
from shared.security import tokens
from tests.e2e.conftest import Bureau, until

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def run(code: str, **env: str) -> str:
    bare = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore", **env}
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_each_example_is_about_ten_lines() -> None:
    """From outside, ten lines are enough."""
    assert len(BLOCKS) == 2
    assert all(len([line for line in block.splitlines() if line.strip()]) <= 10 for block in BLOCKS)


def test_publishing_an_event_from_outside(bureau: Bureau) -> None:
    """An agency's ten lines change a household's facts."""
    publish = next(b for b in BLOCKS if "basic_publish" in b)
    number = bureau.person()
    bureau.at("2023-07-02")
    home = bureau.household({"resident_id": number})
    run(publish, AGENCY_URI=agency_uri(bureau.settings, "hrss"), RESIDENT_ID=number)
    clerk, person = bureau.staff("clerk").assistance, next(iter(home["members"]))
    until(lambda: clerk.get_household(household_id=home["household_id"])["incomes"][person][-1]["monthly_income_fen"] == 300_000)


def test_calling_an_rpc_from_outside(bureau: Bureau) -> None:
    """A stock nameko client's ten lines register a death."""
    call = next(b for b in BLOCKS if "ClusterRpcProxy" in b)
    assert bureau.settings.token_private_key is not None
    bureau.at("2023-07-22")
    token = tokens.issue(bureau.settings.token_private_key, "staff:readme", ["registrar"], "330225")
    said = run(call, AMQP_URI=bureau.settings.amqp_uri, TOKEN=token, RESIDENT_ID=bureau.person("19350505"))
    assert "registry.death_registered" in said

"""A short round of chaos: every process of the house is killed once under load, and nothing is lost or done twice.

The long ones: ``minzheng bench chaos --rounds N --seed S``. When this fails it prints the seed and what does not hold.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import chaos


@pytest.mark.timeout(1200)
def test_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    done = chaos.run(tmp_path / "var", seed=seed, families=6, pace=0.15, say=print)
    assert set(done.kills) == set(chaos.VICTIMS)
    assert done.commands
    assert done.messages
    assert done.deaths
    assert done.decisions

"""What a service hands to the engine: its rule files, and which of their variables answer which programme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.rules.base import Rule
from shared.rules.columns import Columns
from shared.rules.explain import Working
from shared.rules.profile import Profile


@dataclass(frozen=True, eq=False)
class Programme:
    """A benefit the rules decide on.

    facts: the dataclass a case is given as. outcome, amount, reason, exit_ends: names of the variables that answer.
    reasons: the sentence for each reason code. stop_after_death: the parameter, in months, that says from which month nothing is payable.
    """

    id: str
    title: str
    facts: type[Any]
    subject: Callable[[Any], str]
    columns: Callable[[Sequence[Any], Profile], Columns]
    outcome: str
    amount: str
    reason: str
    reasons: Mapping[int, str]
    explain: Callable[[Working], None]
    stop_after_death: str
    exit_ends: str | None = None


@dataclass(frozen=True, eq=False)
class RulePackage:
    """The rules of one service. folder holds the rule files and parameters/; name is that of the district's file in a profile."""

    name: str
    folder: Path
    variables: tuple[type[Rule], ...]
    programmes: tuple[Programme, ...]

"""What a service hands to the engine: its rule files, and which of their variables answer which programme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shared.rules.assessment import Outcome
from shared.rules.base import Rule
from shared.rules.columns import Columns
from shared.rules.explain import Working
from shared.rules.profile import Profile
from shared.rules.turning import Age


@dataclass(frozen=True, eq=False)
class Programme:
    """A benefit the rules decide on.

    facts: the dataclass a case is given as. outcome, amount, reason, exit_ends: names of the variables that answer.
    reasons: the sentence for each reason code. stop_after_death: the parameter, in months, that says from which month nothing is payable.
    pays: every month until it ends, once, or nothing (a determination such as 低保边缘, whose amount is 0). draws_on: names, or beginnings
    of names, of other programmes' parameters that its rules use. ages: those at which they decide otherwise though nothing happened, of
    anybody whom the facts are about: a case in force is looked at again when one is reached.
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
    pays: Literal["monthly", "once", "nothing"] = "monthly"
    draws_on: tuple[str, ...] = ()
    ages: tuple[Age, ...] = ()

    @property
    def outcomes(self) -> frozenset[Outcome]:
        """The outcomes it can have: only what is paid monthly can change, only what says so has a gradual exit."""
        answers = {Outcome.eligible, Outcome.ineligible}
        if self.pays == "monthly":
            answers |= {Outcome.unchanged, Outcome.raised, Outcome.lowered, Outcome.ended}
        return frozenset(answers | ({Outcome.gradual_exit} if self.exit_ends else set()))

    def rests_on(self, parameter: str) -> bool:
        """Whether a parameter (full name) is one of its own or one that it draws on."""
        return any(parameter == root or parameter.startswith(root + ".") for root in (self.id, *self.draws_on))


@dataclass(frozen=True, eq=False)
class RulePackage:
    """The rules of one service. folder holds the rule files and parameters/; name is that of the district's file in a profile."""

    name: str
    folder: Path
    variables: tuple[type[Rule], ...]
    programmes: tuple[Programme, ...]

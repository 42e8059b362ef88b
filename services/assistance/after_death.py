"""Assistance's answer to the after-death process (身后一件事的救助环节): what was done for a deceased person, said once a round.

One stream per deceased; the published answer is what the registry's process waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order


@event("assistance.after_death_answered", published=True)
@dataclass(frozen=True)
class AfterDeathAnswered:
    """身后事项答复: done, or skipped with a reason. ``amount_fen`` is what is claimed back."""

    person_id: str
    division: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int


@dataclass(frozen=True)
class Answers:
    division: str = ""
    answered: tuple[tuple[int, str], ...] = ()


def evolve(state: Answers, happened: Any) -> Answers:
    match happened:
        case AfterDeathAnswered():
            return replace(state, division=happened.division, answered=(*state.answered, (happened.round, happened.step)))
        case _:
            raise TypeError(f"after-death answers know no {type(happened).__name__}")


def asked_later(state: Answers, round_: int) -> bool:
    """Whether a later round was answered: what an earlier one said of the day is so no longer."""
    return any(answered > round_ for answered, _ in state.answered)


@command("answer_after_death", permission="assistance:death")
@dataclass(frozen=True)
class AnswerAfterDeath:
    person_id: str
    division: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


def answer_after_death(state: Answers, c: AnswerAfterDeath, order: Order[Any]) -> Sequence[Any]:
    if (c.round, c.step) in state.answered:
        return []
    return [AfterDeathAnswered(c.person_id, c.division, c.round, c.step, c.outcome, c.note, c.amount_fen)]


DECIDER: Decider[Answers] = Decider(
    category="assistance.after_death",
    initial=Answers(),
    evolve=evolve,
    decide={AnswerAfterDeath: answer_after_death},
    division=lambda state: state.division,
)

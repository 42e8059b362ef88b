"""A service's answer before a person is erased (删除个人信息前的核实): what he still draws, what is under way, what is claimed of him.

One stream per person. The registry asks by ``registry.erasure_proposed`` and approves nothing that is not answered, that anybody answered
with something open, or for a place that does not cover all that the answers name. One answer a proposal: what closes afterwards needs a
new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt, shape_event
from shared.eventsourcing.orders import Order

SHAPE = "erasure_answer"


@shape_event(SHAPE, "erasure_answered", published=True)
@dataclass(frozen=True)
class ErasureAnswered:
    """在办事项核实: cases in force or under way, other open records, open claims (追回); ``divisions``: where everything stands that is on
    file here of him, open or not. An answer from before it was said names no place, which no hand covers."""

    person_id: str
    division: str
    number: int
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Answers:
    division: str = ""
    numbers: tuple[int, ...] = ()  # proposals that were answered


def evolve(state: Answers, happened: Any) -> Answers:
    match happened:
        case ErasureAnswered():
            return replace(state, division=happened.division, numbers=(*state.numbers, happened.number))
        case _:
            raise TypeError(f"answers to erasures know no {type(happened).__name__}")


@command("answer_erasure", permission="process")
@dataclass(frozen=True)
class AnswerErasure:
    person_id: str
    division: str
    number: int
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...]


def answer_erasure(state: Answers, c: AnswerErasure, order: Order[Any]) -> Sequence[Any]:
    if c.number in state.numbers:
        return []
    return [ErasureAnswered(c.person_id, c.division, c.number, c.cases, c.records, c.claims, c.divisions)]


def decider(service: str) -> Decider[Answers]:
    """The decider for one service, whose streams and events carry the service's name."""
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.erasure_answer",
        initial=Answers(),
        evolve=evolve,
        decide={AnswerErasure: answer_erasure},
        division=lambda state: state.division,
    )

"""Elder (老年人): a person on the elder-care roster, from enrolment on. The facts that allowances are decided on.

One stream per person. Relied on by 高龄津贴 (granted without application when the birthday comes) and by whatever cares
for the person later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order
from shared.rules.facts import BeneficiaryFacts, PersonFacts


@event("eldercare.elder_enrolled")
@dataclass(frozen=True)
class ElderEnrolled:
    """On the roster; ``division`` is where the person is registered (户籍地)."""

    person_id: str
    born_on: date
    division: str
    name: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")


@event("eldercare.elder_died")
@dataclass(frozen=True)
class ElderDied:
    person_id: str
    died_on: date


@event("eldercare.after_death_answered", published=True)
@dataclass(frozen=True)
class AfterDeathAnswered:
    """身后事项答复: the answer elder care owes the after-death process: done, or skipped with a reason. ``amount_fen`` is claimed back."""

    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int


@dataclass(frozen=True)
class Elder:
    person_id: str = ""
    born_on: date | None = None
    division: str = ""
    name: str = ""
    died_on: date | None = None
    answered: tuple[tuple[int, str], ...] = ()


def evolve(state: Elder, happened: Any) -> Elder:
    match happened:
        case ElderEnrolled():
            return replace(state, person_id=happened.person_id, born_on=happened.born_on, division=happened.division, name=happened.name)
        case ElderDied():
            return replace(state, died_on=happened.died_on)
        case AfterDeathAnswered():
            return replace(state, answered=(*state.answered, (happened.round, happened.step)))
        case _:
            raise TypeError(f"an elder knows no {type(happened).__name__}")


def facts(state: Elder, current_amount_fen: int) -> BeneficiaryFacts:
    assert state.born_on is not None
    return BeneficiaryFacts(PersonFacts(state.person_id, state.born_on), state.division, current_amount_fen)


@command("enrol_elder", permission="eldercare:register")
@dataclass(frozen=True)
class EnrolElder:
    person_id: str
    born_on: date
    division: str
    name: str = ""
    resident_id: str = ""


@command("record_elder_death", permission="eldercare:death")
@dataclass(frozen=True)
class RecordElderDeath:
    person_id: str
    died_on: date


@command("answer_after_death", permission="eldercare:death")
@dataclass(frozen=True)
class AnswerAfterDeath:
    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


def enrol_elder(state: Elder, c: EnrolElder, order: Order[Any]) -> Sequence[Any]:
    if not is_person_id(c.person_id):
        raise invalid("人员标识不正确。", "person_id")
    if not date(1890, 1, 1) <= c.born_on <= order.today:
        raise invalid("出生日期不合理。", "born_on")
    where = divisions.check(c.division)
    if state.person_id:
        if (state.born_on, state.division, state.name) == (c.born_on, where, c.name):
            return []
        raise Refused("already_exists", "该老人已登记且内容不同。", "person_id")
    return [ElderEnrolled(c.person_id, c.born_on, where, c.name, c.resident_id)]


def record_death(state: Elder, c: RecordElderDeath, order: Order[Any]) -> Sequence[Any]:
    if not state.person_id:
        raise Refused("unknown_person", "该人员不在养老服务登记中。", "person_id")
    return [] if state.died_on == c.died_on else [ElderDied(c.person_id, c.died_on)]


def answer_after_death(state: Elder, c: AnswerAfterDeath, order: Order[Any]) -> Sequence[Any]:
    """Also for a person who is not on the roster: that is an answer too, and the process waits for it."""
    if (c.round, c.step) in state.answered:
        return []
    return [AfterDeathAnswered(c.person_id, c.round, c.step, c.outcome, c.note, c.amount_fen)]


DECIDER: Decider[Elder] = Decider(
    category="eldercare.elder",
    initial=Elder(),
    evolve=evolve,
    decide={EnrolElder: enrol_elder, RecordElderDeath: record_death, AnswerAfterDeath: answer_after_death},
    division=lambda state: state.division,
)

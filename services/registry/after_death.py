"""After-death one-stop (公民身后一件事一次办, W02): one death notice, once; everything that hung on the person is settled by itself.

A process with a stream of its own. It opens with every step it owes listed, each with the service that answers and a due day;
it closes only when each is done, or skipped with a reason; a late step becomes work for a person (escalated), never silence.
A corrected day of death opens every step again that depends on the day; an annulled death opens those that bring back what it took.
Relied on by assistance and elder care, who answer it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

CATALOGUE = ("W02",)


@dataclass(frozen=True)
class OwedStep:
    """A step the process owes: who answers it, and within how many working days (W02; the days are inferred, a bureau may change them)."""

    step: str
    title: str
    service: str
    working_days: int


OWED: tuple[OwedStep, ...] = (
    OwedStep("household", "家庭成员减少与救助复核", "assistance", 3),
    OwedStep("old_age_allowance", "高龄津贴停发", "eldercare", 3),
    OwedStep("funeral_benefits", "惠民殡葬待遇告知", "registry", 5),
)
OWED_BACK: tuple[OwedStep, ...] = (
    OwedStep("household", "家庭成员恢复与救助复核", "assistance", 3),
    OwedStep("old_age_allowance", "高龄津贴恢复", "eldercare", 3),
    OwedStep("funeral_benefits", "惠民殡葬待遇撤回", "registry", 5),
)

# -- Events


@dataclass(frozen=True)
class Due:
    """A step with the day it is due."""

    step: str
    title: str
    service: str
    due_on: date


@event(
    "registry.after_death_opened",
    published=True,
    public=lambda e: {
        "person_id": e.person_id,
        "died_on": e.died_on,
        "division": e.division,
        "round": e.round,
        "steps": [s.step for s in e.steps],
    },
)
@dataclass(frozen=True)
class AfterDeathOpened:
    """身后事项开办. ``round`` is 1, and one more for every corrected day of death."""

    person_id: str
    died_on: date
    division: str
    round: int
    steps: tuple[Due, ...]


@event(
    "registry.after_death_annulled",
    published=True,
    public=lambda e: {"person_id": e.person_id, "division": e.division, "round": e.round, "steps": [s.step for s in e.steps]},
)
@dataclass(frozen=True)
class AfterDeathAnnulled:
    """身后事项撤销: the death was none; a round in which every service brings back what it had taken."""

    person_id: str
    division: str
    round: int
    steps: tuple[Due, ...]


@event("registry.after_death_step_done")
@dataclass(frozen=True)
class StepDone:
    """身后事项分项办结: ``detail`` says in plain Chinese what was done; ``amount_fen`` is what is claimed back, if anything."""

    step: str
    detail: str
    amount_fen: int = 0


@event("registry.after_death_step_skipped")
@dataclass(frozen=True)
class StepSkipped:
    """身后事项分项略过."""

    step: str
    reason: str


@event("registry.after_death_step_escalated", published=True)
@dataclass(frozen=True)
class StepEscalated:
    """身后事项逾期: the step is late and goes to a person in charge."""

    person_id: str
    step: str
    due_on: date


@event("registry.after_death_closed", published=True)
@dataclass(frozen=True)
class AfterDeathClosed:
    """身后事项办结: every step is done, or skipped with a reason."""

    person_id: str
    round: int


# -- State


@dataclass(frozen=True)
class Step:
    title: str
    service: str
    due_on: date
    status: str = "owed"  # owed | done | skipped
    note: str = ""
    amount_fen: int = 0
    escalated: bool = False


@dataclass(frozen=True)
class AfterDeath:
    status: str = "none"  # none | open | closed
    person_id: str = ""
    died_on: date | None = None
    division: str = ""
    round: int = 0
    steps: Mapping[str, Step] = field(default_factory=lambda: MappingProxyType({}))

    def with_step(self, name: str, **changes: Any) -> AfterDeath:
        return replace(self, steps=MappingProxyType({**self.steps, name: replace(self.steps[name], **changes)}))


def evolve(state: AfterDeath, happened: Any) -> AfterDeath:
    match happened:
        case AfterDeathOpened():
            steps = {s.step: Step(s.title, s.service, s.due_on) for s in happened.steps}
            return AfterDeath("open", happened.person_id, happened.died_on, happened.division, happened.round, MappingProxyType(steps))
        case AfterDeathAnnulled():
            steps = {s.step: Step(s.title, s.service, s.due_on) for s in happened.steps}
            return AfterDeath("open", happened.person_id, None, happened.division, happened.round, MappingProxyType(steps))
        case StepDone():
            return state.with_step(happened.step, status="done", note=happened.detail, amount_fen=happened.amount_fen)
        case StepSkipped():
            return state.with_step(happened.step, status="skipped", note=happened.reason)
        case StepEscalated():
            return state.with_step(happened.step, escalated=True)
        case AfterDeathClosed():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"an after-death process knows no {type(happened).__name__}")


# -- Commands


@command("open_after_death", permission="registry:process")
@dataclass(frozen=True)
class OpenAfterDeath:
    person_id: str
    died_on: date
    division: str


@command("annul_after_death", permission="registry:process")
@dataclass(frozen=True)
class AnnulAfterDeath:
    person_id: str


@command("record_step", permission="registry:process")
@dataclass(frozen=True)
class RecordStep:
    """A service's answer for the round it was asked in. ``outcome`` is done or skipped; a skip needs its reason in ``note``."""

    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


@command("skip_step", permission="registry:register")
@dataclass(frozen=True)
class SkipStep:
    """A registrar settles by hand a step that nobody answered."""

    person_id: str
    step: str
    reason: str


@command("escalate_step", permission="registry:process")
@dataclass(frozen=True)
class EscalateStep:
    person_id: str
    step: str


# -- Decisions


def open_after_death(state: AfterDeath, c: OpenAfterDeath, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none" and state.died_on == c.died_on:
        return []
    return [AfterDeathOpened(c.person_id, c.died_on, state.division or c.division, state.round + 1, _owed(OWED, order))]


def annul_after_death(state: AfterDeath, c: AnnulAfterDeath, order: Order[Any]) -> Sequence[Any]:
    if state.status == "none" or state.died_on is None:
        return []
    return [AfterDeathAnnulled(state.person_id, state.division, state.round + 1, _owed(OWED_BACK, order))]


def _owed(steps: tuple[OwedStep, ...], order: Order[Any]) -> tuple[Due, ...]:
    return tuple(Due(o.step, o.title, o.service, dates.add_working_days(order.today, o.working_days)) for o in steps)


def record_step(state: AfterDeath, c: RecordStep, order: Order[Any]) -> Sequence[Any]:
    if state.status == "none":
        raise out_of_order("身后事项尚未开办。")
    if c.round != state.round or c.step not in state.steps:
        return []  # an answer to an earlier day of death: the new round asks again
    if state.steps[c.step].status != "owed":
        return []
    if c.outcome not in ("done", "skipped") or not c.note.strip():
        raise invalid("事项须为已办结，或附理由的不适用。", "outcome")
    said = StepDone(c.step, c.note, c.amount_fen) if c.outcome == "done" else StepSkipped(c.step, c.note)
    return [said, *_closing(evolve(state, said))]


def skip_step(state: AfterDeath, c: SkipStep, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open":
        raise out_of_order("身后事项不在办理中。")
    if c.step not in state.steps or state.steps[c.step].status != "owed":
        raise Refused("out_of_order", "该步骤不在待办中。", "step")
    if not c.reason.strip():
        raise invalid("请填写不适用的理由。", "reason")
    said = StepSkipped(c.step, c.reason.strip())
    return [said, *_closing(evolve(state, said))]


def escalate_step(state: AfterDeath, c: EscalateStep, order: Order[Any]) -> Sequence[Any]:
    step = state.steps.get(c.step)
    if state.status != "open" or step is None or step.status != "owed" or step.escalated or order.today <= step.due_on:
        return []
    return [StepEscalated(state.person_id, c.step, step.due_on)]


def _closing(state: AfterDeath) -> list[Any]:
    return [] if any(s.status == "owed" for s in state.steps.values()) else [AfterDeathClosed(state.person_id, state.round)]


DECIDER: Decider[AfterDeath] = Decider(
    category="registry.after_death",
    initial=AfterDeath(),
    evolve=evolve,
    decide={
        OpenAfterDeath: open_after_death,
        AnnulAfterDeath: annul_after_death,
        RecordStep: record_step,
        SkipStep: skip_step,
        EscalateStep: escalate_step,
    },
    division=lambda state: state.division,
)

"""Verification source (核对数据来源): whether an outside source is in use, through which system, and what came in from it. Catalogue A44.

What a source is (owner, fields, agreement, days to answer) is declared in ``profiles/*/sources.yaml``; here is what happens to it:
suspended and resumed with a reason, switched to another system, and each delivery of answers with what of it could not be taken.

Must hold: a suspended source is not asked, and a report made meanwhile names it as missing; the same delivery again changes nothing;
a switch keeps the old system open for what is still on its way (双轨运行).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.assistance.means_test import clean
from shared.domain.errors import invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order
from shared.exchange.declared import ADAPTERS

CATALOGUE = ("A44",)
_KEPT = 200  # deliveries that are remembered: a repeat comes soon or never


@dataclass(frozen=True)
class BrokenLine:
    """A line of a delivery that is no answer to us, and why. It is not quoted."""

    line: int
    reason: str


@event("assistance.verification_source_suspended")
@dataclass(frozen=True)
class SourceSuspended:
    """停用."""

    source: str
    division: str
    reason: str
    by: str


@event("assistance.verification_source_resumed")
@dataclass(frozen=True)
class SourceResumed:
    """恢复."""

    source: str
    division: str
    by: str


@event("assistance.verification_source_switched")
@dataclass(frozen=True)
class SourceSwitched:
    """系统切换: new queries go to ``system`` by ``adapter``."""

    source: str
    division: str
    system: str
    adapter: str
    by: str


@event("assistance.source_answers_taken")
@dataclass(frozen=True)
class SourceAnswersTaken:
    """来源答复接收: one delivery (file or message), by the hash of its content: how many answers were new, repeated, different,
    for no query of ours, or no longer authorised, and which lines were broken."""

    source: str
    division: str
    digest: str
    taken: int
    repeated: int
    different: int
    unknown: int
    unauthorised: int
    broken: tuple[BrokenLine, ...]


@dataclass(frozen=True)
class System:
    """A way to the source: the name of the outside system and how it is spoken with."""

    name: str
    adapter: str


@dataclass(frozen=True)
class SourceState:
    source: str = ""
    division: str = ""
    suspended: str = ""  # the reason
    systems: tuple[System, ...] = ()  # switched to, the newest last; before the first as declared
    digests: tuple[str, ...] = ()


def evolve(state: SourceState, happened: Any) -> SourceState:
    state = replace(state, source=happened.source, division=happened.division)
    match happened:
        case SourceSuspended():
            return replace(state, suspended=happened.reason)
        case SourceResumed():
            return replace(state, suspended="")
        case SourceSwitched():
            return replace(state, systems=(*state.systems, System(happened.system, happened.adapter)))
        case SourceAnswersTaken():
            return replace(state, digests=(*state.digests, happened.digest)[-_KEPT:])
        case _:
            raise TypeError(f"a verification source knows no {type(happened).__name__}")


@command("suspend_source", permission="assistance:confirm")
@dataclass(frozen=True)
class SuspendSource:
    source: str
    division: str
    reason: str


@command("resume_source", permission="assistance:confirm")
@dataclass(frozen=True)
class ResumeSource:
    source: str
    division: str


@command("switch_source", permission="assistance:verify")
@dataclass(frozen=True)
class SwitchSource:
    source: str
    division: str
    system: str
    adapter: str
    by: str


@command("note_source_answers", permission="assistance:verify")
@dataclass(frozen=True)
class NoteSourceAnswers:
    source: str
    division: str
    digest: str
    taken: int
    repeated: int
    different: int
    unknown: int
    unauthorised: int
    broken: tuple[BrokenLine, ...]


def suspend(state: SourceState, c: SuspendSource, order: Order[Any]) -> Sequence[Any]:
    if state.suspended:
        raise out_of_order("该来源已停用。")
    return [SourceSuspended(c.source, c.division, clean(c.reason, "reason", "停用原因"), order.hand.actor)]


def resume(state: SourceState, c: ResumeSource, order: Order[Any]) -> Sequence[Any]:
    if not state.suspended:
        raise out_of_order("该来源没有停用。")
    return [SourceResumed(c.source, c.division, order.hand.actor)]


def switch(state: SourceState, c: SwitchSource, order: Order[Any]) -> Sequence[Any]:
    if c.adapter not in ADAPTERS:
        raise invalid(f"接口方式须为 {'、'.join(ADAPTERS)}。", "adapter")
    if not c.system.isascii() or not c.system.replace("-", "_").isidentifier() or len(c.system) > 40:
        raise invalid("系统代码须为字母、数字和连字符。", "system")
    if state.systems and state.systems[-1] == System(c.system, c.adapter):
        return []
    return [SourceSwitched(c.source, c.division, c.system, c.adapter, c.by)]


def note_answers(state: SourceState, c: NoteSourceAnswers, order: Order[Any]) -> Sequence[Any]:
    if c.digest in state.digests:
        return []
    return [
        SourceAnswersTaken(
            c.source, c.division, c.digest, c.taken, c.repeated, c.different, c.unknown, c.unauthorised, c.broken
        )
    ]


SOURCES: Decider[SourceState] = Decider(
    category="assistance.verification_source",
    initial=SourceState(),
    evolve=evolve,
    decide={SuspendSource: suspend, ResumeSource: resume, SwitchSource: switch, NoteSourceAnswers: note_answers},
    division=lambda state: state.division,
)

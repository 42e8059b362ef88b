"""Run of a raise (提标复核批次): every case in force that a publication touches is decided again. Catalogue A07.

Life: opened → the cases that change listed in slices → each slice decided, in any order, each case in its own stream → looked over once
more for cases that came in meanwhile → closed with its sums. Resumable after a crash at any point: a slice is a list of case ids in
the log, and the command for a case follows from run and case alone.

Must hold: a case stands in one slice; a slice is done once; the run closes only when every slice is done; its sums are those of
its slices. No amount is typed: the rules say each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from shared.domain.errors import Refused, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id

SLICE = 250  # cases: a second's work, 10 KiB of ids


def run_id(division: str, number: int, what: str) -> str:
    """One run for a publication, and one for its withdrawal: ``what`` is "published" or "withdrawn"."""
    return derived_id("standard_run", division, str(number), what)


@dataclass(frozen=True)
class Sums:
    """What was decided, in cases and in fen a month: ``before_fen`` and ``after_fen`` are what these cases are due in the run's month.

    ``arrears_fen`` and ``overpaid_fen`` are for months already paid. ``failed``: refused, left as they were, work for a person.
    """

    cases: int = 0
    changed: int = 0
    raised: int = 0
    lowered: int = 0
    ended: int = 0
    before_fen: int = 0
    after_fen: int = 0
    arrears_fen: int = 0
    overpaid_fen: int = 0
    failed: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Sums)))


# -- Events


@event("assistance.standard_run_opened")
@dataclass(frozen=True)
class StandardRunOpened:
    """提标复核开办: ``effective_month`` is the first month decided again; ``cause`` is what every case's decision names."""

    run_id: str
    number: int
    division: str
    standard: str
    programmes: tuple[str, ...]
    effective_month: str
    cause: str


@event("assistance.standard_slice_listed", published=True, public=lambda e: {"run_id": e.run_id, "slice": e.slice})
@dataclass(frozen=True)
class StandardSliceListed:
    """提标复核一批列出."""

    run_id: str
    slice: int
    cases: tuple[str, ...]


@event("assistance.standard_run_planned", published=True, public=lambda e: {"run_id": e.run_id})
@dataclass(frozen=True)
class StandardRunPlanned:
    """提标复核列完: all cases were looked at (``examined``), those that change stand in the slices so far."""

    run_id: str
    examined: int
    listed: int


@event("assistance.standard_slice_done", published=True, public=lambda e: {"run_id": e.run_id, "slice": e.slice})
@dataclass(frozen=True)
class StandardSliceDone:
    """提标复核一批完成."""

    run_id: str
    slice: int
    sums: Sums
    failed: tuple[str, ...] = ()


@event("assistance.standard_run_closed", published=True)
@dataclass(frozen=True)
class StandardRunClosed:
    """提标复核办结."""

    run_id: str
    number: int
    division: str
    examined: int
    sums: Sums


# -- State


@dataclass(frozen=True)
class Run:
    status: str = "none"  # none | open | planned | closed
    run_id: str = ""
    number: int = 0
    division: str = ""
    standard: str = ""
    programmes: tuple[str, ...] = ()
    effective_month: str = ""
    cause: str = ""
    examined: int = 0
    slices: tuple[tuple[str, ...], ...] = ()
    done: Mapping[int, Sums] = field(default_factory=lambda: MappingProxyType({}))
    failed: tuple[str, ...] = ()  # cases

    @property
    def listed(self) -> frozenset[str]:
        return frozenset(case for part in self.slices for case in part)

    @property
    def all_done(self) -> bool:
        return self.status == "planned" and len(self.done) == len(self.slices)

    @property
    def sums(self) -> Sums:
        return sum(self.done.values(), Sums())


def evolve(state: Run, happened: Any) -> Run:
    match happened:
        case StandardRunOpened():
            return Run(
                "open", happened.run_id, happened.number, happened.division, happened.standard, happened.programmes,
                happened.effective_month, happened.cause,
            )  # fmt: skip
        case StandardSliceListed():
            return replace(state, slices=(*state.slices, happened.cases))
        case StandardRunPlanned():
            return replace(state, status="planned", examined=happened.examined)
        case StandardSliceDone():
            done = MappingProxyType({**state.done, happened.slice: happened.sums})
            return replace(state, done=done, failed=(*state.failed, *happened.failed))
        case StandardRunClosed():
            return replace(state, status="closed")
        case _:
            raise TypeError(f"a run of a raise knows no {type(happened).__name__}")


# -- Commands: all by the service itself


@command("open_standard_run", permission="assistance:reassess")
@dataclass(frozen=True)
class OpenStandardRun:
    run_id: str
    number: int
    division: str
    standard: str
    programmes: tuple[str, ...]
    effective_month: str
    cause: str


@command("list_standard_slice", permission="assistance:reassess")
@dataclass(frozen=True)
class ListStandardSlice:
    """Cases that the rules decide otherwise now; those that stand in a slice already are left out."""

    cases: tuple[str, ...]


@command("plan_standard_run", permission="assistance:reassess")
@dataclass(frozen=True)
class PlanStandardRun:
    examined: int


@command("finish_standard_slice", permission="assistance:reassess")
@dataclass(frozen=True)
class FinishStandardSlice:
    slice: int
    sums: Sums
    failed: tuple[str, ...] = ()


@command("close_standard_run", permission="assistance:reassess")
@dataclass(frozen=True)
class CloseStandardRun:
    examined: int


# -- Decisions


def open_standard_run(state: Run, c: OpenStandardRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        return []
    return [StandardRunOpened(c.run_id, c.number, c.division, c.standard, c.programmes, c.effective_month, c.cause)]


def list_standard_slice(state: Run, c: ListStandardSlice, order: Order[Any]) -> Sequence[Any]:
    _must(state, "open", "planned")
    there = state.listed
    new = tuple(case for case in dict.fromkeys(c.cases) if case not in there)
    if len(new) > SLICE:
        raise Refused("invalid_input", f"一段不得多于{SLICE}件。", "cases")
    return [StandardSliceListed(state.run_id, len(state.slices), new)] if new else []


def plan_standard_run(state: Run, c: PlanStandardRun, order: Order[Any]) -> Sequence[Any]:
    if state.status != "open":
        return []
    return [StandardRunPlanned(state.run_id, c.examined, len(state.listed))]


def finish_standard_slice(state: Run, c: FinishStandardSlice, order: Order[Any]) -> Sequence[Any]:
    _must(state, "open", "planned", "closed")
    if c.slice in state.done:
        return []
    if not 0 <= c.slice < len(state.slices) or c.sums.cases != len(state.slices[c.slice]) or c.sums.failed != len(c.failed):
        raise Refused("invalid_input", "复核件数与所列不符。", "slice")
    return [StandardSliceDone(state.run_id, c.slice, c.sums, c.failed)]


def close_standard_run(state: Run, c: CloseStandardRun, order: Order[Any]) -> Sequence[Any]:
    if state.status == "closed":
        return []
    if not state.all_done:
        raise out_of_order("尚有未复核完的个案，不能关账。")
    return [StandardRunClosed(state.run_id, state.number, state.division, c.examined, state.sums)]


def _must(state: Run, *statuses: str) -> None:
    if state.status == "none":
        raise Refused("not_found", "没有此批次。", "run_id")
    if state.status not in statuses:
        raise out_of_order("该批次已关账。")


DECIDER: Decider[Run] = Decider(
    category="assistance.standard_run",
    initial=Run(),
    evolve=evolve,
    decide={
        OpenStandardRun: open_standard_run,
        ListStandardSlice: list_standard_slice,
        PlanStandardRun: plan_standard_run,
        FinishStandardSlice: finish_standard_slice,
        CloseStandardRun: close_standard_run,
    },
    division=lambda state: state.division,
)

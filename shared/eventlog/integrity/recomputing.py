"""Decisions made again (决定重算): recorded assessments against what the rules say to the same facts today, many at a time.

Assessments of one programme, month and set of versions are recomputed in one vectorised call, explanations and all, and compared field by
field. A decision of other rules or parameters than this release's cannot be made again as it was: it is told apart (``older``), with what
this release would say to it, and never counts as recomputed. One that names a version which no release ever had (``versions.py``) is none
of those: that its version is made up is what differs.

Not among the rules (``shared/rules``): those files' hash is the version that a decision records, and this one may change freely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

import msgspec

from shared.casework.benefit_case import CaseGranted, CaseReassessed, EarlierRoundReassessed, follows
from shared.domain.decoders import decoder_of
from shared.eventlog.integrity import versions
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError

W = TypeVar("W")
EngineOf = Callable[[str], RulesEngine]  # parameters version → the rules with exactly the figures it names; RulesError: not in this release
Derived = Callable[[Assessment, Assessment], bool]  # (recorded, made again): recorded is what a rule of the service's own makes of it

TOGETHER = 2_000  # assessments of one kind in one call
WAITING = 20_000  # assessments of all kinds in memory
FAILED = "（无法重算）"


@dataclass(frozen=True)
class Verdict(Generic[W]):
    """One assessment made again. ``differs``: the fields that came out otherwise, and versions that never were; () when none did.
    ``older``: by rules or figures of another release, whose name is in the list."""

    where: W
    rules_version: str
    parameters_version: str
    older: bool
    differs: tuple[str, ...]


def nothing_derived(_recorded: Assessment, _again: Assessment) -> bool:
    """Of a service that records what its rules say, and nothing else."""
    return False


AMOUNTS = "金额与月份"


def assessed(happened: Any, carried: str = "") -> Iterator[tuple[Assessment, tuple[str, ...]]]:
    """The assessments that an event carries (in the field ``carried``, if it is known), each with what the event says otherwise: its own
    amounts and months must follow from the last of them, in any release."""
    value = getattr(happened, carried) if carried else getattr(happened, "assessments", None) or getattr(happened, "assessment", None)
    several = value if isinstance(value, tuple) else (() if value is None else (value,))
    decision = isinstance(happened, CaseGranted | CaseReassessed | EarlierRoundReassessed)
    wrong = (AMOUNTS,) if decision and not follows(happened) else ()
    for n, a in enumerate(several, 1):
        yield a, wrong if n == len(several) else ()


class Recomputing(Generic[W]):
    """Takes assessments of a service one by one and answers in batches; ``W`` is whatever tells the caller which one it was."""

    def __init__(self, service: str, engine_of: EngineOf, derived: Derived = nothing_derived) -> None:
        self._listed = versions.listed(service)
        self._engine_of = engine_of
        self._derived = derived
        self._engines: dict[str, RulesEngine | None] = {}
        self._groups: dict[tuple[str, str, str, str], list[tuple[W, Assessment]]] = {}
        self._waiting = 0

    def add(self, where: W, a: Assessment) -> Iterator[Verdict[W]]:
        """Take one more; the verdicts of those that are ready by now."""
        key = (a.programme, a.month, a.rules_version, a.parameters_version)
        group = self._groups.setdefault(key, [])
        group.append((where, a))
        self._waiting += 1
        if len(group) >= TOGETHER:
            del self._groups[key]
            self._waiting -= len(group)
            yield from self._decided(group)
        elif self._waiting >= WAITING:
            yield from self.rest()

    def rest(self) -> Iterator[Verdict[W]]:
        """The verdicts of all that is left."""
        groups, self._groups, self._waiting = list(self._groups.values()), {}, 0
        for group in groups:
            yield from self._decided(group)

    def _decided(self, group: Sequence[tuple[W, Assessment]]) -> Iterator[Verdict[W]]:
        first = group[0][1]
        engine = self._engine(first.parameters_version)
        older = engine is None or (engine.rules_version, engine.parameters_version) != (first.rules_version, first.parameters_version)
        made_by = None if engine is None else engine.parameters_version
        unknown = versions.unknown(self._listed, first.rules_version, first.parameters_version, made_by) if older else ()
        again: Sequence[Assessment | None] = [None] * len(group)
        if engine is not None:
            # What was proposed and then granted is one assessment, recorded twice: the same facts are asked about once.
            facts = [msgspec.json.encode(a.inputs) for _, a in group]
            once = {text: a for text, (_, a) in zip(facts, group, strict=True)}
            made_of = dict(zip(once, _again(engine, list(once.values())), strict=True))
            again = [made_of[text] for text in facts]
        for (where, a), made in zip(group, again, strict=True):
            differs = (*unknown, *self._differences(a, made, older))
            yield Verdict(where, a.rules_version, a.parameters_version, older and not unknown, differs)

    def _engine(self, parameters_version: str) -> RulesEngine | None:
        if parameters_version not in self._engines:
            made: RulesEngine | None = None
            if versions.well_formed(parameters_version):
                with suppress(RulesError):
                    made = self._engine_of(parameters_version)
            self._engines[parameters_version] = made
        return self._engines[parameters_version]

    def _differences(self, a: Assessment, made: Assessment | None, older: bool) -> tuple[str, ...]:
        if made is None:
            return (FAILED,)
        inputs = a.inputs if older else made.inputs  # an older release may have known fewer facts, which stand in their defaults now
        made = replace(made, rules_version=a.rules_version, parameters_version=a.parameters_version, inputs=inputs)
        if made == a or self._derived(a, made):
            return ()
        return tuple(f.name for f in fields(Assessment) if getattr(a, f.name) != getattr(made, f.name))


def _again(engine: RulesEngine, recorded: Sequence[Assessment]) -> Sequence[Assessment | None]:
    """What the rules say to the recorded inputs; None where they cannot take them. One that is amiss does not spoil the others' call."""
    programme, month = recorded[0].programme, recorded[0].month
    try:
        kind = engine.facts_of(programme)
        decoder_of(kind)
        facts: list[Any] = [msgspec.convert(a.inputs, kind) for a in recorded]
        return engine.assess_each(programme, facts, month)
    except (RulesError, msgspec.ValidationError):
        if len(recorded) == 1:
            return [None]
    half = len(recorded) // 2
    return [*_again(engine, recorded[:half]), *_again(engine, recorded[half:])]

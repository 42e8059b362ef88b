"""Decision replay (决定重算): every decision in the log made again from what the log says it was made from, and compared.

Three kinds of decision rest on recorded inputs alone. What the rules decide: every assessment that an event carries, made again with the
rule and parameter versions it names (``recomputing.py``), and the event's own amounts and months, which must follow from it. Grades
(评估等级): made again from scores and the bands of the form. Random draws (随机抽取): the hash of the list they were drawn from.

A service whose rules decide has a room ``replaying.py`` (``Room``).
What was decided by rules that this release does not have is counted by itself, with what this release would say; never as equal.
"""

from __future__ import annotations

import re
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from shared.casework import graded_assessment, inspection
from shared.casework.office import Office
from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.integrity.recomputing import Recomputing, Verdict, assessed
from shared.eventlog.reader import Reader
from shared.eventlog.showing import recorded
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.events import REGISTRY
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine

RULES, GRADE, DRAW = "规则决定", "评估等级", "随机抽取"
MOST = 1_000  # findings and older decisions that are named one by one
_OF_GRADES = (graded_assessment.AssessmentRequested, graded_assessment.AssessmentScored, graded_assessment.AssessmentGraded)
_OF_DRAWS = (inspection.CampaignObjectsListed, inspection.CampaignListFrozen, inspection.CampaignStarted)


class Room(Protocol):
    """``replaying.py`` of a service."""

    def engine_of(self, office: Office, parameters_version: str) -> RulesEngine: ...

    def derived(self, recorded: Assessment, again: Assessment) -> bool: ...

    def figures(self, assessment: Assessment) -> tuple[str, ...]: ...  # the streams in which its figures were published


@dataclass(frozen=True)
class Finding:
    """A decision that came out otherwise: the event (stream@number), and what of it differs."""

    where: str
    type: str
    month: str
    differs: tuple[str, ...]

    def __str__(self) -> str:
        about = f"（{self.month}）" if self.month else ""
        return f"{self.where} {self.type}{about}：{'、'.join(self.differs)} 重算不一致"


@dataclass
class Older:
    """Decisions of one pair of versions that this release does not have."""

    decisions: int = 0
    agree: int = 0  # what this release would decide too


@dataclass
class Report:
    """What was made again. ``equal`` + ``unequal`` + ``older`` = all decisions."""

    events: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    equal: int = 0
    unequal: int = 0
    versions: dict[tuple[str, str], Older] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    others: list[Finding] = field(default_factory=list)  # of other versions, and this release would decide otherwise

    @property
    def decisions(self) -> int:
        return sum(self.kinds.values())

    @property
    def older(self) -> int:
        return sum(o.decisions for o in self.versions.values())

    def note(self, kind: str, found: Finding | None) -> None:
        """Count a decision; ``found``: what of it differs."""
        self.kinds[kind] += 1
        if found is None:
            self.equal += 1
            return
        self.unequal += 1
        if len(self.findings) < MOST:
            self.findings.append(found)

    def note_older(self, rules_version: str, parameters_version: str, found: Finding | None) -> None:
        self.kinds[RULES] += 1
        older = self.versions.setdefault((rules_version, parameters_version), Older())
        older.decisions += 1
        older.agree += found is None
        if found is not None and len(self.others) < MOST:
            self.others.append(found)


def rooms() -> dict[str, Room]:
    """Service → its room for replaying; a service without rules has none."""
    return {service: room for service in discovery.services() if (room := discovery.replaying(service)) is not None}


def carriers() -> dict[str, str]:
    """Event type → the field in which it carries its assessment or assessments."""
    found = {}
    for kind in REGISTRY.values():
        for name, hint in typing.get_type_hints(kind.cls).items():
            if hint is Assessment or Assessment in typing.get_args(hint):
                found[kind.name] = name
    return found


def replay(
    log: Log,
    offices: Mapping[str, Office],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Callable[[int], None] = lambda _position: None,
) -> Report:
    """Make every decision of these services' again that was recorded between two moments (both included), in the order of the log."""
    report, made, where_rules_are = Report(), rooms(), carriers()
    rules: dict[str, Recomputing[_Place]] = {
        service: Recomputing(partial(made[service].engine_of, office), made[service].derived)
        for service, office in offices.items()
        if service in made
    }
    grades, draws = _Grades(), _Draws()
    wanted = _names(offices, where_rules_are)
    reader = Reader(log)
    try:
        for n, raw in enumerate(reader.read(-1, log.head(), filter_include=tuple(map(re.escape, wanted)), filter_by_stream_name=False)):
            if n % 1_000 == 0:
                progress(raw.position)
            r = recorded(raw)
            counts = (since is None or since <= r.meta.recorded_at) and (until is None or r.meta.recorded_at <= until)
            carried = where_rules_are.get(r.name)
            if carried is not None:
                if counts:
                    report.events += 1
                    _rules(report, r, carried, rules[r.name.partition(".")[0]])
                continue
            for kind, looks in ((GRADE, grades), (DRAW, draws)):
                differs = looks.see(r)
                if counts and differs is not None:
                    report.events += 1
                    report.note(kind, Finding(f"{r.stream}@{r.version}", r.name, "", differs) if differs else None)
    finally:
        reader.close()
    for recomputing in rules.values():
        for verdict in recomputing.rest():
            _verdict(report, verdict)
    return report


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an assessment stands; ``wrong``: what its event says otherwise than its assessments."""

    where: str
    type: str
    month: str
    wrong: tuple[str, ...]


def _names(services: Iterable[str], carried: Mapping[str, str]) -> list[str]:
    """The event types that are read. An empty choice would be everything."""
    own = [k for k in REGISTRY.values() if k.service in services]
    return [k.name for k in own if k.name in carried or k.cls in _OF_GRADES or k.cls in _OF_DRAWS] or ["$none"]


def _rules(report: Report, r: Recorded, carried: str, recomputing: Recomputing[_Place]) -> None:
    for a, wrong in assessed(r.event, carried):
        place = _Place(f"{r.stream}@{r.version}", r.name, a.month, wrong)
        for verdict in recomputing.add(place, a):
            _verdict(report, verdict)


def _verdict(report: Report, v: Verdict[_Place]) -> None:
    differs = (*v.differs, *v.where.wrong)
    found = Finding(v.where.where, v.where.type, v.where.month, differs) if differs else None
    if v.older and not v.where.wrong:  # what an event makes of its assessments is wrong in any release
        report.note_older(v.rules_version, v.parameters_version, found)
    else:
        report.note(RULES, found)


class _Grades:
    """评估等级: total, grade and needs from the scores, by the form that the record began with."""

    def __init__(self) -> None:
        self._forms: dict[graded_assessment.Terms, graded_assessment.Terms] = {}  # one of each: there are few
        self._terms: dict[str, graded_assessment.Terms] = {}
        self._scored: dict[str, graded_assessment.AssessmentScored] = {}

    def see(self, r: Recorded) -> tuple[str, ...] | None:
        """What differs; None where nothing is decided."""
        e = r.event
        if isinstance(e, graded_assessment.AssessmentRequested):
            self._terms[r.stream] = self._forms.setdefault(e.terms, e.terms)
            return None
        if isinstance(e, graded_assessment.AssessmentScored):
            self._scored[r.stream] = e
            return _unless({"总分": e.total, "等级": e.grade}, self._made(r.stream))
        if isinstance(e, graded_assessment.AssessmentGraded):
            return _unless({"总分": e.total, "等级": e.grade, "需求": e.needs, "评估表": e.form}, self._made(r.stream))
        return None

    def _made(self, stream: str) -> dict[str, Any]:
        terms, sheet = self._terms.get(stream), self._scored.get(stream)
        if terms is None or sheet is None:
            return {}
        try:
            total = graded_assessment.total_of(terms, sheet.scores)
            grade, needs = graded_assessment.grade_of(terms, total), graded_assessment.needs_of(terms, sheet.scores)
        except (KeyError, StopIteration):  # scores of another form, a total that no band has
            return {}
        return {"总分": total, "等级": grade, "需求": needs, "评估表": terms.form}


class _Draws:
    """随机抽取: from exactly the list that was listed, and was frozen before the seed was known. Who was drawn follows from list and seed,
    and stands in no event."""

    def __init__(self) -> None:
        self._listed: dict[str, set[str]] = {}
        self._frozen: dict[str, inspection.CampaignListFrozen] = {}

    def see(self, r: Recorded) -> tuple[str, ...] | None:
        e = r.event
        if isinstance(e, inspection.CampaignObjectsListed):
            self._listed.setdefault(r.stream, set()).update(e.objects)
        elif isinstance(e, inspection.CampaignListFrozen):
            self._frozen[r.stream] = e
            return self._unless_of(e, self._listed.get(r.stream, set()))
        elif isinstance(e, inspection.CampaignStarted):
            wrong, frozen = self._unless_of(e, self._listed.pop(r.stream, set())), self._frozen.pop(r.stream, None)
            if frozen is not None and (frozen.count, frozen.list_hash) != (e.count, e.list_hash):
                wrong = (*wrong, "封存的名单")
            return wrong
        return None

    @staticmethod
    def _unless_of(e: inspection.CampaignListFrozen | inspection.CampaignStarted, objects: set[str]) -> tuple[str, ...]:
        made = {"清单摘要": inspection.list_hash(tuple(objects)), "清单件数": len(objects)}
        return _unless({"清单摘要": e.list_hash, "清单件数": e.listed}, made)


def _unless(says: Mapping[str, Any], made: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in says.items() if name not in made or value != made[name])

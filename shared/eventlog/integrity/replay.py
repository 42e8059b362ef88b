"""Decision replay (决定重算): every decision in the log made again from what the log says it was made from, and compared.

Four kinds of decision rest on recorded inputs alone. What the rules decide: every assessment that an event carries, made again with the
rule and parameter versions it names (``recomputing.py``), and the event's own amounts and months, which must follow from it. Grades
(评估等级): made again from scores and the bands of the form. Random draws (随机抽取): the hash of the list they were drawn from, the seed
as two hands read it; of a draw by pseudonyms, salt, pseudonyms and who was drawn. And what a record's decider worked out of every order
(办理结果): claims and arrears, grants and instalments, sums of runs, limits, verdicts, classes, outcomes (``orders.py``). What one record
took over from another is held against that (往来相符, ``passed.py``).

A service whose rules decide has a room ``replaying.py`` (``Room``).
What was decided by rules of an earlier release is counted by itself, with what this release would say; never as equal. A version that
no release ever had is a finding (``versions.py``).

One process reads the log and cuts it into ranges (``TOGETHER`` events that carry assessments, and whole streams of as many events); the
ranges are made again here, or in processes of their own (``replay_hands.py``), and their reports are put together in the order of the log,
whoever was done first.
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

from shared.casework import asking, draws, graded_assessment, inspection
from shared.casework.office import Office
from shared.eventlog import discovery
from shared.eventlog.client import Log, Raw
from shared.eventlog.integrity.orders import Orders
from shared.eventlog.integrity.passed import TYPES, Passed
from shared.eventlog.integrity.recomputing import Recomputing, Verdict, assessed
from shared.eventlog.reader import Reader
from shared.eventlog.showing import recorded
from shared.eventsourcing.codec import BrokenEvent, Recorded, decode_meta
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import REGISTRY
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine

RULES, GRADE, DRAW, ORDER, PASSED = "规则决定", "评估等级", "随机抽取", "办理结果", "往来相符"
BROKEN = "（事件读不出）"
MOST = 1_000  # findings and older decisions that are named one by one, those that come first in the log
TOGETHER = 4_000  # events in a range
LOOKED = ".file_looked_at"  # of a look nothing is decided
_AFTER_ITS_ASSESSMENTS = 1_000_000  # in the order in which an event's findings are told
_OF_GRADES = (graded_assessment.AssessmentRequested, graded_assessment.AssessmentScored, graded_assessment.AssessmentGraded)
_OF_DRAWS = (
    inspection.CampaignObjectsListed, inspection.CampaignListFrozen, inspection.CampaignSeedRecorded, inspection.CampaignStarted,
)  # fmt: skip


class Room(Protocol):
    """``replaying.py`` of a service."""

    def engine_of(self, office: Office, parameters_version: str) -> RulesEngine: ...

    def derived(self, recorded: Assessment, again: Assessment) -> bool: ...

    def figures(self, assessment: Assessment) -> tuple[str, ...]: ...  # the streams in which its figures were published


@dataclass(frozen=True)
class Finding:
    """A decision that came out otherwise: of what kind, the event (stream@number), and what of it differs."""

    kind: str
    where: str
    type: str
    month: str
    differs: tuple[str, ...]
    place: tuple[int, int] = field(default=(0, 0), compare=False)  # position in the log, and which one of the event

    def __str__(self) -> str:
        about = f"（{self.month}）" if self.month else ""
        return f"{self.where} {self.type}{about} 重算不一致：{'、'.join(self.differs)}"


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
    wrong: Counter[str] = field(default_factory=Counter)  # of each kind, how many came out otherwise
    equal: int = 0
    versions: dict[tuple[str, str], Older] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    others: list[Finding] = field(default_factory=list)  # of other versions, and this release would decide otherwise

    @property
    def decisions(self) -> int:
        return sum(self.kinds.values())

    @property
    def unequal(self) -> int:
        return sum(self.wrong.values())

    @property
    def older(self) -> int:
        return sum(o.decisions for o in self.versions.values())

    def note(self, kind: str, found: Finding | None) -> None:
        """Count a decision; ``found``: what of it differs."""
        self.kinds[kind] += 1
        if found is None:
            self.equal += 1
            return
        self.wrong[kind] += 1
        self.findings.append(found)

    def note_broken(self, raw: Raw, kind: str) -> None:
        """An event that nobody can read any more, whenever it was recorded: what it decided does not follow from anything."""
        self.events += 1
        self.note(kind, Finding(kind, f"{raw.stream}@{raw.version}", raw.name, "", (BROKEN,), (raw.position, 0)))

    def note_older(self, rules_version: str, parameters_version: str, found: Finding | None) -> None:
        self.kinds[RULES] += 1
        older = self.versions.setdefault((rules_version, parameters_version), Older())
        older.decisions += 1
        older.agree += found is None
        if found is not None:
            self.others.append(found)

    def add(self, part: Report) -> None:
        """What another range of the log has."""
        self.events += part.events
        self.kinds.update(part.kinds)
        self.equal += part.equal
        self.wrong.update(part.wrong)
        for version, more in part.versions.items():
            older = self.versions.setdefault(version, Older())
            older.decisions += more.decisions
            older.agree += more.agree
        self.findings += part.findings
        self.others += part.others
        self.put_in_order()

    def put_in_order(self) -> None:
        """Decisions are made again by kinds, and told as they stand in the log; of many the first."""
        for found in (self.findings, self.others):
            found.sort(key=lambda f: f.place)
            del found[MOST:]


def rooms() -> dict[str, Room]:
    """Service → its room for replaying; a service without rules has none."""
    found = ((service, discovery.replaying(service)) for service in discovery.services())
    return {service: room for service, room in found if hasattr(room, "engine_of")}


def asked_again() -> Orders:
    """Whoever asks all deciders of the house once more, with what each service says of its own orders."""
    given, unheld = dict(asking.GIVEN), dict(asking.UNHELD)
    for service in discovery.services():
        room = discovery.replaying(service)
        given |= getattr(room, "GIVEN", {})
        unheld |= getattr(room, "UNHELD", {})
    return Orders(given, unheld)


def carriers() -> dict[str, str]:
    """Event type → the field in which it carries its assessment or assessments."""
    found = {}
    for kind in REGISTRY.values():
        for name, hint in typing.get_type_hints(kind.cls).items():
            if hint is Assessment or Assessment in typing.get_args(hint):
                found[kind.name] = name
    return found


@dataclass(frozen=True)
class Span:
    """From when to when a decision was recorded (both included) to be made again."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, r: Recorded) -> bool:
        return self._covers(r.meta.recorded_at)

    def may_have(self, raw: Raw) -> bool:
        """Whether the event was recorded then; of one that cannot be read nobody knows."""
        if self.since is None and self.until is None:
            return True
        try:
            return self._covers(decode_meta(raw.metadata).recorded_at)
        except (ValueError, TypeError):
            return True

    def _covers(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at <= self.until)


@dataclass(frozen=True)
class Streams:
    """A range of whole streams, by name: their orders are asked about once more."""

    names: tuple[str, ...]


Work = list[Raw] | Streams


class Ranges(Protocol):
    """Makes ranges again and gives their reports back in the order in which they were given, maybe later."""

    def give(self, work: Work, span: Span) -> Iterable[Report]: ...

    def rest(self, work: Work, span: Span) -> Iterable[Report]: ...  # the last range, and all that is not given back yet


def replay(
    log: Log,
    offices: Mapping[str, Office],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Callable[[int], None] = lambda _position: None,
    ranges: Ranges | None = None,
    together: int = TOGETHER,
) -> Report:
    """Make every decision of these services' again that was recorded between two moments (both included), in the order of the log."""
    report, where_rules_are, span = Report(), carriers(), Span(since, until)
    made_by = Here(log, offices) if ranges is None else ranges
    grades, drawn, of_grades = _Grades(), _Draws(offices), {k.name for k in REGISTRY.values() if k.cls in _OF_GRADES}
    wanted = {k.name for k in REGISTRY.values() if k.service in offices and (k.cls in _OF_GRADES or k.cls in _OF_DRAWS)}
    own = tuple(f"{re.escape(service)}\\..*" for service in offices)
    passed, passing = Passed(), {k.name for k in REGISTRY.values() if k.short in TYPES}
    reader, carried, streams = Reader(log), list[Raw](), Counter[str]()
    try:
        for n, raw in enumerate(reader.read(-1, log.head(), filter_include=own, filter_by_stream_name=True)):
            if n % 1_000 == 0:
                progress(raw.position)
            if not raw.name.endswith(LOOKED) and (streams[raw.stream] or span.may_have(raw)):
                streams[raw.stream] += 1
            if raw.name in passing:
                _passed(report, passed, raw, span)
            if raw.name in where_rules_are:
                carried.append(raw)
                if len(carried) == together:
                    for part in made_by.give(carried, span):
                        report.add(part)
                    carried = []
                continue
            if raw.name not in wanted:
                continue
            try:
                r = recorded(raw)
            except BrokenEvent:
                report.note_broken(raw, GRADE if raw.name in of_grades else DRAW)
                continue
            for kind, looks in ((GRADE, grades), (DRAW, drawn)):
                differs = looks.see(r)
                if differs is not None and span.has(r):
                    report.events += 1
                    found = Finding(kind, f"{r.stream}@{r.version}", r.name, "", differs, (r.position, 0)) if differs else None
                    report.note(kind, found)
    finally:
        reader.close()
    *several, last = _ranges(streams, together)
    for work in several:
        for part in made_by.give(work, span):
            report.add(part)
    for rest in (carried, last):
        for part in made_by.rest(rest, span):
            report.add(part)
    report.put_in_order()
    return report


def _passed(report: Report, passed: Passed, raw: Raw, span: Span) -> None:
    try:
        r = recorded(raw)
    except BrokenEvent:
        return  # told where its stream is gone through
    differs = passed.see(r)
    if differs is not None and span.has(r):
        place = (r.position, _AFTER_ITS_ASSESSMENTS)
        report.note(PASSED, Finding(PASSED, f"{r.stream}@{r.version}", r.name, "", differs, place) if differs else None)


def _ranges(streams: Mapping[str, int], together: int) -> list[Streams]:
    """Streams, in the order of their first events, by so many events; at least one range."""
    found: list[list[str]] = [[]]
    events = 0
    for stream, many in streams.items():
        if events >= together:
            found.append([])
            events = 0
        found[-1].append(stream)
        events += many
    return [Streams(tuple(names)) for names in found]


class Here:
    """Ranges made again in this process, at once."""

    def __init__(self, log: Log, offices: Mapping[str, Office]) -> None:
        made = rooms()
        self._log = log
        self._carriers = carriers()
        self._rules: dict[str, Recomputing[_Place]] = {
            service: Recomputing(service, partial(made[service].engine_of, office), made[service].derived)
            for service, office in offices.items()
            if service in made
        }
        self._orders = asked_again()
        self._deciders: dict[str, Decider[Any] | None] = {}  # by category
        self._told = {k.name for k in REGISTRY.values() if k.name in self._carriers or k.cls in _OF_GRADES or k.cls in _OF_DRAWS}

    def give(self, work: Work, span: Span) -> Iterable[Report]:
        report = Report()
        if isinstance(work, Streams):
            for stream in work.names:
                self._asked(report, stream, span)
        else:
            self._made(report, work, span)
        report.put_in_order()
        return [report]

    def rest(self, work: Work, span: Span) -> Iterable[Report]:
        return self.give(work, span)

    def _made(self, report: Report, events: list[Raw], span: Span) -> None:
        for raw in events:
            try:
                r = recorded(raw)
            except BrokenEvent:
                report.note_broken(raw, RULES)
                continue
            if span.has(r):
                report.events += 1
                _rules(report, r, self._carriers[r.name], self._rules[r.name.partition(".")[0]])
        for recomputing in self._rules.values():
            for verdict in recomputing.rest():
                _verdict(report, verdict)

    def _asked(self, report: Report, stream: str, span: Span) -> None:
        """The orders of one stream. What cannot be read is told once, and ends it: nobody knows what came of it."""
        category = stream.partition("-")[0]
        if category not in self._deciders:
            self._deciders[category] = discovery.decider(stream)
        decider, raws = self._deciders[category], self._log.read(stream)
        if decider is None:
            return
        try:
            for asked in self._orders.of_stream(decider, raws):
                if span.has(asked.first):
                    at = asked.at
                    place = (at.position, _AFTER_ITS_ASSESSMENTS)
                    found = Finding(ORDER, f"{stream}@{at.version}", at.name, "", asked.differs, place) if asked.differs else None
                    report.events += 1
                    report.note(ORDER, found)
        except BrokenEvent as error:
            broken = raws[int(error.where.rpartition("@")[2])]
            if broken.name not in self._told:
                report.note_broken(broken, ORDER)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an assessment stands; ``wrong``: what its event says otherwise than its assessments."""

    where: str
    type: str
    month: str
    wrong: tuple[str, ...]
    place: tuple[int, int]


def _rules(report: Report, r: Recorded, carried: str, recomputing: Recomputing[_Place]) -> None:
    for n, (a, wrong) in enumerate(assessed(r.event, carried)):
        stands = _Place(f"{r.stream}@{r.version}", r.name, a.month, wrong, (r.position, n))
        for verdict in recomputing.add(stands, a):
            _verdict(report, verdict)


def _verdict(report: Report, v: Verdict[_Place]) -> None:
    differs = (*v.differs, *v.where.wrong)
    found = Finding(RULES, v.where.where, v.where.type, v.where.month, differs, v.where.place) if differs else None
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
    """随机抽取: from exactly the list that was listed, and was frozen before the seed was known, by the seed that another hand had read.
    Who was drawn from the objects themselves follows from list and seed, and stands in no event; by pseudonyms it stands in the event, and
    follows from the salt that was committed to."""

    def __init__(self, offices: Mapping[str, Any]) -> None:
        self._offices = offices  # whose vaults open the salts
        self._listed: dict[str, set[str]] = {}
        self._frozen: dict[str, inspection.CampaignListFrozen] = {}
        self._typed: dict[str, inspection.CampaignSeedRecorded] = {}

    def see(self, r: Recorded) -> tuple[str, ...] | None:
        e = r.event
        if isinstance(e, inspection.CampaignObjectsListed):
            self._listed.setdefault(r.stream, set()).update(e.objects)
        elif isinstance(e, inspection.CampaignListFrozen):
            self._frozen[r.stream] = e
            objects = self._listed.get(r.stream, set())
            return (*self._unless_of(e, objects), *self._hidden(r, e, objects))
        elif isinstance(e, inspection.CampaignSeedRecorded):
            self._typed[r.stream] = e
        elif isinstance(e, inspection.CampaignStarted):
            objects, frozen = self._listed.pop(r.stream, set()), self._frozen.pop(r.stream, None)
            typed = self._typed.pop(r.stream, None)
            wrong = self._unless_of(e, objects)
            if frozen is None:
                return wrong
            if (frozen.count, frozen.list_hash) != (e.count, e.list_hash):
                wrong = (*wrong, "封存的名单")
            return (*wrong, *self._read_twice(r, frozen, typed), *self._who(r, frozen, objects))
        return None

    def _salt(self, r: Recorded, frozen: inspection.CampaignListFrozen) -> str:
        """Opened; what reads otherwise is none any more."""
        opened = str(self._offices[r.name.partition(".")[0]].vault.open(frozen.salt or ""))
        return opened if draws.is_salt(opened) else ""

    def _hidden(self, r: Recorded, e: inspection.CampaignListFrozen, objects: set[str]) -> tuple[str, ...]:
        if e.rule == draws.BY_OBJECT:
            return ()
        salt = self._salt(r, e)
        made = {"盐的承诺值": draws.commitment(salt), "假名清单摘要": draws.list_hash(draws.pseudonyms(salt, objects))} if salt else {}
        return _unless({"盐的承诺值": e.salt_hash, "假名清单摘要": e.pseudonyms_hash}, made)

    @staticmethod
    def _read_twice(
        r: Recorded, frozen: inspection.CampaignListFrozen, typed: inspection.CampaignSeedRecorded | None
    ) -> tuple[str, ...]:
        """Since the source is told with its day, another hand has read the seed before."""
        if typed is None:
            return () if frozen.issue_on is None else ("种子的录入",)
        return tuple(what for what, same in (("种子", typed.seed == r.event.seed), ("种子的核对人", typed.by != r.meta.actor)) if not same)

    def _who(self, r: Recorded, frozen: inspection.CampaignListFrozen, objects: set[str]) -> tuple[str, ...]:
        if frozen.rule == draws.BY_OBJECT:
            return ("抽中的对象",) if r.event.chosen else ()
        salt = self._salt(r, frozen)
        made = draws.drawn_by_pseudonym(salt, objects, r.event.count, r.event.seed) if salt else None
        return () if made == inspection.chosen_of(objects, r.event) else ("抽中的对象",)

    @staticmethod
    def _unless_of(e: inspection.CampaignListFrozen | inspection.CampaignStarted, objects: set[str]) -> tuple[str, ...]:
        made = {"清单摘要": draws.list_hash(objects), "清单件数": len(objects)}
        return _unless({"清单摘要": e.list_hash, "清单件数": e.listed}, made)


def _unless(says: Mapping[str, Any], made: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in says.items() if name not in made or value != made[name])

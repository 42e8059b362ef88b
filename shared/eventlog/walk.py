"""Walks through causes (因果链): from a payment back to the application, the evidence, the rules and the hands; from a death on to all that
followed.

What stands behind an act (``back``): the event that caused it, and what caused that, to the root; what happened before in its own stream;
and the streams that these events name by a field of their own (the household a case is about, the report of a means test, the payment
run), each up to the last event before. A decision's edges to them are its grounds (依据): it rests on exactly those events; and on the
book of standards, where its figures were published. A list of others (the lines of a run) is no ground and is not followed.

What came after (``forward``): the events that it caused, what was decided with it by the same order, what these caused in turn, and the
life of every matter that was opened on the way.

Both are bounded: at most ``most`` events, and ``cut`` says that there are more. Personal fields stay sealed: nothing here opens them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from shared.eventlog import discovery
from shared.eventlog.acts import Act, Acts
from shared.eventlog.client import Log
from shared.eventlog.showing import plain, recorded
from shared.rules.assessment import Assessment

Kind = Literal["caused", "order", "before", "ground", "refers"]
KINDS: dict[Kind, str] = {"caused": "起因", "order": "同一指令", "before": "同一事项", "ground": "依据", "refers": "所涉"}
MOST = 300  # events of one walk
OF_ONE_STREAM = 80  # of its events
MOST_ITEMS = 12  # of a list in what an event says
DEEP = 2  # references from references, and no further
FACTS = frozenset({"subject_id", "household_id", "person_id", "unit_id", "report_id", "verification_id"})  # whose streams are grounds
_ID = re.compile(r"[0-9A-Za-z._-]{4,100}")


@dataclass(frozen=True)
class Edge:
    """``effect`` and ``cause`` are positions; of "before", "ground" and "refers" the cause is what was there."""

    kind: Kind
    effect: int
    cause: int


@dataclass(frozen=True)
class Node:
    """One event of a walk: what it says (sealed fields masked), and the assessments it was decided by."""

    act: Act
    says: dict[str, Any]
    assessments: tuple[Assessment, ...] = ()
    named: tuple[tuple[str, bool], ...] = ()  # the ids it names, and whether decisions rest on what they are of

    @property
    def amount_fen(self) -> int | None:
        found = self.says.get("amount_fen")
        return found if isinstance(found, int) else None


@dataclass
class Walk:
    """The graph: nodes in the order of the log, edges from effects to causes."""

    start: Act
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    cut: bool = False  # there is more than was asked for

    def hands(self) -> list[tuple[str, list[str]]]:
        """Who had a hand in it, in the order of their first act, and what each did."""
        found: dict[str, dict[str, None]] = {}
        for node in self.nodes:
            found.setdefault(node.act.actor, {})[f"{node.act.about}·{node.act.title}"] = None
        return [(actor, list(acts)) for actor, acts in found.items()]

    def streams(self) -> list[tuple[str, list[Node]]]:
        """The nodes by stream, the start's first, then in the order in which the streams began."""
        found: dict[str, list[Node]] = {self.start.stream: []}
        for node in self.nodes:
            found.setdefault(node.act.stream, []).append(node)
        return list(found.items())

    def behind(self, position: int) -> list[Edge]:
        """The edges that lead from one event to what is behind it."""
        return [e for e in self.edges if e.effect == position]

    def as_dict(self) -> dict[str, Any]:
        """For pages and programs: events by stream@number."""
        where = {n.act.position: n.act.where for n in self.nodes}
        nodes = [{**n.act.as_dict(), "says": n.says, "assessments": [plain(a) for a in n.assessments]} for n in self.nodes]
        edges = [{"kind": e.kind, "title": KINDS[e.kind], "effect": where[e.effect], "cause": where[e.cause]} for e in self.edges]
        return {"start": self.start.where, "cut": self.cut, "nodes": nodes, "edges": edges, "hands": [list(h) for h in self.hands()]}


def back(acts: Acts, log: Log, start: Act, most: int = MOST) -> Walk:
    """Everything that stands behind an act."""
    return _Back(acts, log, start, most).walk()


def forward(acts: Acts, log: Log, start: Act, most: int = MOST) -> Walk:
    """Everything that followed from an act."""
    return _Forward(acts, log, start, most).walk()


def payment(acts: Acts, log: Log, case_stream: str, month: str) -> Act | None:
    """The newest payment of a case for a month, to begin a walk at."""
    paid = [r for r in map(recorded, log.read(case_stream)) if r.name.endswith(".benefit_paid") and r.event.month == month]
    return acts.at(case_stream, paid[-1].version) if paid else None


class _Walking:
    """The nodes and edges found so far."""

    def __init__(self, acts: Acts, log: Log, start: Act, most: int) -> None:
        self.acts, self.log, self.most = acts, log, most
        self.found = Walk(start)
        self.known: dict[int, Node] = {}
        self._edges: dict[Edge, None] = {}

    def take(self, act: Act, event: Any = None) -> Node | None:
        """The node of an act, new or known; None when the walk is full. ``event``: where it was read already."""
        node = self.known.get(act.position)
        if node is None:
            if self.full:
                self.found.cut = True
                return None
            if event is None:
                [event] = [recorded(raw).event for raw in self.log.read(act.stream, act.version, 1)]
            says = {name: _short(value) for name, value in plain(event).items() if name not in ("assessment", "assessments")}
            node = self.known[act.position] = Node(act, says, tuple(assessments_of(event)), tuple(_named(act.service, event)))
        return node

    @property
    def full(self) -> bool:
        return len(self.known) >= self.most

    def edge(self, kind: Kind, effect: int, cause: int) -> None:
        self._edges[Edge(kind, effect, cause)] = None

    def done(self) -> Walk:
        self.found.nodes = [self.known[p] for p in sorted(self.known)]
        edges = [e for e in self._edges if e.effect in self.known and e.cause in self.known]
        caused = {(e.effect, e.cause) for e in edges if e.kind == "caused"}
        edges = [e for e in edges if e.kind != "refers" or (e.effect, e.cause) not in caused]
        self.found.edges = sorted(edges, key=lambda e: (e.effect, e.cause, e.kind))
        return self.found


class _Back(_Walking):
    def __init__(self, acts: Acts, log: Log, start: Act, most: int) -> None:
        super().__init__(acts, log, start, most)
        self._refs: dict[int, dict[str, bool]] = {}
        self._path = {start.position}  # the start, what caused it, and what caused that

    def walk(self) -> Walk:
        start = self.found.start
        waiting = deque([(start.stream, 0)])
        chains: dict[str, list[Act]] = {start.stream: []}
        while waiting:
            stream, depth = waiting.popleft()
            chains[stream] = self._chain(stream)
            for referred in (*self._causes(chains[stream]), *(self._referred(chains[stream]) if depth < DEEP else ())):
                if referred not in chains:
                    chains[referred] = []
                    waiting.append((referred, depth + 1))
        for chain in chains.values():
            self._grounds(chain, chains)
        return self.done()

    def _chain(self, stream: str) -> list[Act]:
        """A stream up to the start of the walk. Earlier acts of the start's own kind (the payments of other months) are left out; of a
        very long one the beginning and the end are taken."""
        start = self.found.start
        acts = self.acts.of_stream(stream, start.position)
        if stream == start.stream:
            acts = [a for a in acts if a.type != start.type or a == start]
        if len(acts) > OF_ONE_STREAM:
            acts, self.found.cut = acts[: OF_ONE_STREAM // 2] + acts[-(OF_ONE_STREAM // 2) :], True
        taken = [act for act in reversed(acts) if self.take(act) is not None][::-1]  # the newest first: they stand nearest
        for before, after in pairwise(taken):
            self.edge("before", after.position, before.position)
        return taken

    def _causes(self, effects: list[Act]) -> list[str]:
        """Take the events that caused these, and theirs, to the root; the streams in which they stand."""
        streams: list[str] = []
        while effects:
            causes = {a.event_id: a for a in self.acts.by_event_ids({a.causation_id for a in effects})}
            new = []
            for act in effects:
                cause = causes.get(act.causation_id)
                if cause is None or cause.position >= act.position:
                    continue  # a person's order, or an outside message
                if act.position in self._path:
                    self._path.add(cause.position)
                if cause.position not in self.known and self.take(cause) is not None:
                    new.append(cause)
                self.edge("caused", act.position, cause.position)
                streams.append(cause.stream)
            effects = new
        return streams

    def _referred(self, chain: list[Act]) -> list[str]:
        """The streams that the events of a stream name, in the order in which they do."""
        return list(dict.fromkeys(stream for act in chain for stream in self._streams_of(act)))

    def _streams_of(self, act: Act) -> dict[str, bool]:
        """Stream → whether it is one that decisions rest on."""
        node = self.known.get(act.position)
        if node is None:
            return {}
        found = self._refs.get(act.position)
        if found is None:
            own = (act.stream.partition("-")[2], False)  # what goes by the same id: a case's publicity, its authorisations
            # Whatever is named on the way from the start to its root; beside it only what decisions rest on.
            named = (*(n for n in node.named if n[1] or act.position in self._path), own)
            wanted: dict[str, bool] = {}
            for value, ground in named:
                for stream in _streams(act.service, value):
                    wanted[stream] = wanted.get(stream, False) or ground
            wanted.pop(act.stream, None)
            there = self.acts.streams_there(wanted)
            found = self._refs[act.position] = {stream: ground for stream, ground in wanted.items() if stream in there}
        return found

    def _grounds(self, chain: list[Act], chains: dict[str, list[Act]]) -> None:
        """A decision rests on everything that its stream has named so far, up to the last event before it; so does the start. What else
        is named is referred to once, as soon as there was something of it."""
        named: dict[str, bool] = {}
        told: set[str] = set()
        for act in chain:
            for stream, ground in self._streams_of(act).items():
                named[stream] = named.get(stream, False) or ground
            decides, starts = bool(self.known[act.position].assessments), act == self.found.start
            for stream, ground in named.items():
                if decides and ground:
                    told |= {stream} if self._to("ground", act, chains.get(stream, [])) else set()
                elif (starts and ground) or stream not in told:
                    told |= {stream} if self._to("refers", act, chains.get(stream, [])) else set()

    def _to(self, kind: Kind, act: Act, chain: list[Act]) -> bool:
        """Join an act to the last event of a stream before it, if there was one."""
        before = bisect_left(chain, act.position, key=lambda a: a.position)
        if before:
            self.edge(kind, act.position, chain[before - 1].position)
        return bool(before)

    def done(self) -> Walk:
        """Without what came after everything that named it: it stands behind nothing here."""
        causes: dict[int, list[int]] = {}
        for edge in self._edges:
            causes.setdefault(edge.effect, []).append(edge.cause)
        new = {self.found.start.position}
        behind = set(new)
        while new:
            new = {cause for effect in new for cause in causes.get(effect, ())} - behind
            behind |= new
        self.known = {position: node for position, node in self.known.items() if position in behind}
        return super().done()


class _Forward(_Walking):
    def walk(self) -> Walk:
        self.take(self.found.start)
        causes = [self.found.start]
        while causes and not self.found.cut:
            causes = self._followed(causes)
        return self.done()

    def _followed(self, causes: list[Act]) -> list[Act]:
        """What followed at once from these; taken, joined to them, and given back to go on from."""
        by_event = {a.event_id: a for a in causes}
        by_order = {a.command_id: a for a in reversed(causes)}  # of several of one order the first
        new: list[Act] = []
        for act in sorted(self.acts.caused_by({*by_event, *by_order}), key=lambda a: a.position):
            if act.causation_id in by_event:
                self._take(new, "caused", act, by_event[act.causation_id])
            else:
                self._take(new, "order", act, by_order[act.causation_id])
        for act in sorted(self.acts.of_commands(by_order), key=lambda a: a.position):
            if act.position not in self.known:  # what they have in common with the others is their cause, and that was told
                self._take(new, "order", act, by_order[act.command_id])
        for opened in [a for a in (*causes, *new) if a.version == 0]:  # a matter that began here: its life
            before = opened
            for act in self.acts.of_stream(opened.stream, limit=OF_ONE_STREAM)[1:]:
                self._take(new, "before", act, before)
                before = act
        return new

    def _take(self, new: list[Act], kind: Kind, act: Act, cause: Act) -> None:
        if act.position <= self.found.start.position or act.position <= cause.position:
            return
        if act.position not in self.known:
            if self.take(act) is None:
                return
            new.append(act)
        self.edge(kind, act.position, cause.position)


def assessments_of(event: Any) -> Iterator[Assessment]:
    """What an event was decided by: the assessments in its fields."""
    for f in fields(event):
        value = getattr(event, f.name)
        yield from (v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Assessment))


def _named(service: str, event: Any) -> Iterator[tuple[str, bool]]:
    """(id, whether a decision may rest on it): what an event names by a field of its own, and whom its assessments are about.

    Fields that are no references (how far a list of cases is) are not called ``…_id``.
    """
    room = discovery.replaying(service)
    for f in fields(event):
        value = getattr(event, f.name)
        if isinstance(value, str) and (f.name.endswith("_id") or f.name == "refers_to") and _ID.fullmatch(value):
            yield value, f.name in FACTS
            if f.name == "report_id":  # a version of a verification's report
                yield value.rpartition(".")[0], True
    for a in assessments_of(event):
        yield a.subject, True
        for person in _persons(a.inputs):
            yield person, True
        for stream in room.figures(a) if room else ():
            yield stream, True


def _persons(inputs: Any) -> Iterator[str]:
    if isinstance(inputs, Mapping):
        for name, value in inputs.items():
            if name == "person_id" and isinstance(value, str):
                yield value
            else:
                yield from _persons(value)
    elif isinstance(inputs, list | tuple):
        for value in inputs:
            yield from _persons(value)


@cache
def _categories(service: str) -> tuple[str, ...]:
    if service not in discovery.services():
        return ()
    return tuple(dict.fromkeys(d.category for d in discovery.deciders(service) if not d.category.endswith(".looks")))


def _streams(service: str, named: str) -> list[str]:
    """The streams that an id may be of: any of the service's; a look at a file is no ground of anything."""
    return [named] if "." in named and "-" in named else [f"{category}-{named}" for category in _categories(service)]


def _short(value: Any) -> Any:
    """Long lists cut: a walk is to be looked at, and the event itself is one click away."""
    if isinstance(value, list):
        return [*map(_short, value[:MOST_ITEMS]), *([f"……共 {len(value)} 项"] if len(value) > MOST_ITEMS else [])]
    return {k: _short(v) for k, v in value.items()} if isinstance(value, dict) else value

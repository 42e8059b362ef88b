"""What the shapes (办件形态) have in common, and what a declaration (项目声明) says to one. Shapes 3 to 15 of the casework.

A shape is one decider, written once in a module of this folder and tested hard. A programme of a service is a ``Declaration``
of it: its name, the catalogue rows it carries, and its terms. From that follow, with no further code, the RPCs
(shared/messaging/shape_doors.py), the rows, worklists and deadlines (shared/eventlog/shape_rows.py), and ``minzheng capabilities``.

The pattern of a shape's module, top to bottom (``fund.py`` is the shortest to read):

* ``Terms``: a frozen dataclass, what a programme may set. It is written into the first event of a record, so that a record goes
  on by the terms it began under.
* events, by ``@shape_event(NAME, ...)``; the first holds ``programme, division, subject_id, terms``.
* the state: a frozen dataclass that begins with the fields of ``RecordState``, and ``evolve``.
* commands, by ``@command``; the first is the opening one with ``programme, division, subject_id``, every other begins with ``record_id``.
* one pure function a command.
* ``view(state)``: how the record stands, for lists, worklists and deadlines.
* ``SHAPE = Shape(...)`` and ``decider(service)``.

What a shape may hold of a person is the ``person_id``; free text is written by staff who are told to name nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt
from shared.eventsourcing.orders import Order, derived_id


@dataclass(frozen=True)
class View:
    """How a record stands (办理状态): what a list shows, whose turn it is, and what happens when nobody moves.

    worklist: the list it waits in ("" when it waits for nobody: closed, or simply in force). Every open record waits in exactly one.
    responsible: the staff id or unit whose turn it is, if one is named. due_on: the day until which that must be done; due: its name.
    amount: fen, minutes, points or a count, as the shape says; 0 where there is nothing to count.
    late: of what was told to be overdue and is not done yet the first: its day and name. Lists show that day before the next that is due.
    """

    status: str
    open: bool
    worklist: str = ""
    responsible: str = ""
    due_on: date | None = None
    due: str = ""
    amount: int = 0
    title: str = ""
    late: tuple[date, str] | None = None


@dataclass(frozen=True)
class RecordState:
    """Where every shape's state begins."""

    status: str = "none"
    programme: str = ""
    division: str = ""
    subject_id: str = ""


@dataclass(frozen=True)
class Act:
    """One thing that can be done with a record: it becomes an RPC of the command's own name.

    opens: for the act that begins a record, its id from the opening command and the command's own id. One record for a subject, a
    place or a period at a time: derive it from those; any number: ``each``.

    brings: by a field of the command that no caller fills in, what the door puts there, from the programme's declaration and the record's
    events, personal fields opened.
    """

    command: type
    about: str
    opens: Callable[[Any, str], str] | None = None
    by_service: bool = False  # done by deadlines and reactions only: no RPC
    brings: Mapping[str, Callable[[Declaration, Iterable[Any]], Any]] = field(default_factory=dict)


def each(_command: Any, command_id: str) -> str:
    """As many records as are asked for."""
    return derived_id("record", command_id)


def one_per_subject(c: Any, _command_id: str) -> str:
    """One record for a programme and subject (at a time: the shape refuses a second while the first is open)."""
    return derived_id(c.programme, c.division if not c.subject_id else "", c.subject_id)


@dataclass(frozen=True, eq=False)
class Shape:
    """One of the fifteen. ``name`` is also the stream category: ``<service>.<name>-<record_id>``.

    overdue: the command the timer gives when ``View.due_on`` has passed, made from (record_id, View.due); it is by the service.
    valid_on: whether the record was so on a day (``valid_at``), where that has a meaning.
    """

    name: str
    title: str
    state: RecordState
    terms: type
    acts: tuple[Act, ...]
    evolve: Callable[[Any, Any], Any]
    decide: Mapping[type, Callable[[Any, Any, Order[Any]], Sequence[Any]]]
    view: Callable[[Any], View]
    overdue: Callable[[str, str], Any] | None = None
    valid_on: Callable[[Any, date], Any] | None = None

    def decider(self, service: str) -> Decider[Any]:
        """This shape's decider for one service, whose streams and events carry the service's name."""
        adopt(service, self.name)
        return Decider(
            category=f"{service}.{self.name}",
            initial=self.state,
            evolve=self.evolve,
            decide=self.decide,
            division=lambda state: str(state.division),
        )


@dataclass(frozen=True)
class Step:
    """One line of an example (示例): the act's command name, what is filled in, who does it and on which day after the first.

    ``"@id"`` as a value stands for the id the first step answered with.
    """

    act: str
    body: dict[str, Any]
    role: str = "clerk"
    day: int = 0


@dataclass(frozen=True)
class Declaration:
    """A programme (项目) of a service on one shape. ``code`` is the identifier column of the capability catalogue.

    catalogue: the rows it carries. subject: whose id ``subject_id`` is ("" where there is none). terms: what this programme sets.
    public: what of its rows may be published. example: a whole life, driven through the doors by the tests and shown to newcomers.
    """

    code: str
    name: str
    catalogue: tuple[str, ...]
    shape: Shape
    terms: Any
    example: tuple[Step, ...]
    subject: str = ""
    public: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not isinstance(self.terms, self.shape.terms):
            raise TypeError(f"{self.code}: terms are {self.shape.terms.__name__} of the shape {self.shape.name}")
        if not self.example:
            raise TypeError(f"{self.code}: a declaration has an example")


def declared(*declarations: Declaration) -> dict[str, Declaration]:
    """Declarations by code; a code that is taken twice is a mistake."""
    found: dict[str, Declaration] = {}
    for d in declarations:
        if d.code in found:
            raise TypeError(f"programme {d.code} is declared twice")
        found[d.code] = d
    return found


def shapes_of(declarations: Mapping[str, Declaration]) -> list[Shape]:
    """The shapes that declarations lean on, each once, in the order in which they first occur."""
    return list(dict.fromkeys(d.shape for d in declarations.values()))


def adopted(service: str, declarations: Mapping[str, Declaration]) -> dict[str, Decider[Any]]:
    """A service's own deciders of the shapes its declarations lean on, by shape name: for its ``declarations.py``."""
    return {shape.name: shape.decider(service) for shape in shapes_of(declarations)}


@command("hand_over_record", permission="record")
@dataclass(frozen=True)
class HandOverRecord:
    """By the service (移交): whom the record is about lives in another town, whose it is from now on."""

    record_id: str
    division: str


def handing_over(handed: type, *statuses: str) -> Callable[[Any, HandOverRecord, Order[Any]], Sequence[Any]]:
    """A shape's function for ``HandOverRecord``: what is over, and what was never begun, stays where it is. Told twice it is one."""

    def hand_over(state: Any, c: HandOverRecord, order: Order[Any]) -> Sequence[Any]:
        if state.status not in statuses or state.division == c.division:
            return []
        return [handed(state.programme, state.subject_id, state.division, c.division)]

    return hand_over


def must(state: RecordState, act: str, *statuses: str) -> None:
    """Refuse an act out of order."""
    if state.status not in statuses:
        if state.status == "none":
            raise Refused("not_found", "没有此记录。", "record_id")
        raise out_of_order(f"当前状态不能办理“{act}”。")


def said(text: str, field_name: str, what: str) -> str:
    """A text that must be filled in, trimmed."""
    if not text.strip():
        raise invalid(f"请填写{what}。", field_name)
    return text.strip()


def one_of(code: str, allowed: Sequence[str], field_name: str, what: str) -> str:
    """A code out of those a programme knows; any text where it names none."""
    text = said(code, field_name, what)
    if allowed and text not in allowed:
        raise invalid(f"{what}不在允许的取值范围内。", field_name)
    return text

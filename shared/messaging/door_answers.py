"""What the inherited doors answer beside states and rows (共用查询的答复): each a ``TypedDict``, named in ``@answers`` beside its query."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NotRequired, TypedDict

# -- the page of any record


class Found(TypedDict):
    """Where a person stands in a service."""

    person_id: str
    category: str
    key: str
    programme: str
    status: str


class Stands(TypedDict, total=False):
    """Where a record stands: in which list, whose turn it is, what is due and until when; nothing where in none."""

    worklist: str
    responsible: str
    due: str
    due_on: date | None


class PossibleAct(TypedDict):
    """An act and what is in its way, if anything; ``given``: what its form is filled in with."""

    act: str
    permission: str
    permitted: bool
    refused: str
    why: str
    given: dict[str, Any]


class Acts(TypedDict):
    stands: Stands
    acts: list[PossibleAct]


class CaseStep(TypedDict):
    """One event of a record; ``told``: what of it everybody may read."""

    version: int
    step: str
    by: str
    at: datetime
    told: dict[str, Any]


class Step(CaseStep):
    title: str


# -- cases


class CaseOn(TypedDict):
    """A case on a day (``valid_at``): its status then, and the amounts of that month."""

    day: date
    month: str
    status: str
    due_fen: int
    accounted_fen: int


class Rechecked(TypedDict):
    """A decision made again: the same, or what differs; ``older``: it was made by another release."""

    event: str
    version: int
    month: str
    amount_fen: int
    parameters_version: str
    rules_version: str
    older: bool
    same: bool
    differs: list[str]


# -- payments


class RunLine(TypedDict):
    """A line of a payment run."""

    line_no: int
    case_id: str
    payee_id: str
    amount_fen: int
    account: int
    decision: int
    status: str
    reason: str


# -- what is public


class Compared(TypedDict):
    """Cases whose public part was held against what should be public; ``next``: where to go on, "" at the end."""

    compared: int
    differing: list[str]
    remaining: int
    next: str


class OnTheBoard(TypedDict):
    """A line of the notice that hangs at the village board; a field that the programme does not publicise is None."""

    number: str
    name: str
    title: str
    members: int | None
    area: str | None
    amount_fen: int | None
    division: str
    until: str


class ObjectionAnswer(TypedDict):
    """What became of what somebody wrote on the public page."""

    receipt: str
    received_on: str
    status: str
    reason: str


class AboutPage(TypedDict):
    """Which record's page an objection is about."""

    category: str
    key: str
    item: str


# -- shapes


class Worklist(TypedDict):
    """How much waits in a list, of a programme, in a town."""

    worklist: str
    programme: str
    town: str
    waiting: int
    first_due: str | None
    late: int
    soon: int


class Waiting(TypedDict):
    """One thing that waits; ``place``: from where the next page goes on."""

    place: str
    list: str
    key: str
    item: str
    worklist: str
    programme: str
    division: str
    due_on: str | None
    status: str
    responsible: str
    due: str
    subject_id: str
    title: str
    shape: str
    amount: str
    amount_fen: str


class Declared(TypedDict):
    """A programme as it is declared."""

    code: str
    name: str
    shape: str
    catalogue: list[str]
    terms: Any


# -- what several services' own doors answer


class Figure(TypedDict):
    """An indicator as a fraction; ``pending``: what is not counted yet."""

    code: str
    name: str
    numerator: int
    denominator: int
    pending: NotRequired[int]

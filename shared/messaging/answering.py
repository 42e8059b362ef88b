"""What queries answer (答复): declared once beside each query, published in the API's document, held against what is really answered.

    @query(permission="read")
    @answers(kept(bc.Case, valid=CaseOn))                                       a state, with its version and position
    def get_case(…)

    @query(permission="read")
    @answers(lambda service: rows(service.tables.cases, without=("progress",)))  rows of a read model
    def list_cases(…)

    @query(permission="read")
    @answers(list[Step])                                                        what the query makes itself: a TypedDict
    def get_steps(…)

A state's fields and a table's columns are not written down again. Where a query adds something, it says so: ``adds`` is always there,
what is named beside only when it was asked for. A door that services inherit says it as a function of the service's class.
tests/programmes/test_answers.py holds what half a year of a district is answered against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, TypeVar, cast

import sqlalchemy as sa

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kept:
    """The fields of a dataclass; of a record as it is folded from its events ``version`` and ``position`` come before them (``adds``)."""

    state: type
    without: tuple[str, ...] = ()
    adds: Mapping[str, Any] = field(default_factory=dict)
    sometimes: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False  # a list of such


@dataclass(frozen=True)
class Rows:
    """A table's rows: a list of them, or one."""

    table: sa.Table
    without: tuple[str, ...] = ()
    adds: Mapping[str, Any] = field(default_factory=dict)
    sometimes: Mapping[str, Any] = field(default_factory=dict)
    many: bool = True


@dataclass(frozen=True)
class OneOf:
    """One of several, by what was asked for: each by its name."""

    kinds: Mapping[str, Any]


RECORD: Mapping[str, Any] = {"version": int, "position": int}  # beside every state that ``shown`` answers


def kept(state: type, *, adds: Mapping[str, Any] | None = None, **sometimes: Any) -> Kept:
    """What ``shown`` answers of a record of this state."""
    return Kept(state, (), {**RECORD, **(adds or {})}, sometimes)


def rows(table: sa.Table, *, without: tuple[str, ...] = (), adds: Mapping[str, Any] | None = None, **sometimes: Any) -> Rows:
    """What ``listed`` answers of a table."""
    return Rows(table, without, adds or {}, sometimes)


def answers(declared: Any) -> Callable[[F], F]:
    """Below ``@query``: a type, ``kept``, ``rows``, ``OneOf``, or fields by their names of which each is one of these; or a function that
    makes it from the service's class."""

    def register(method: F) -> F:
        cast(Any, method).answers = declared
        return method

    return register


def declared_of(service_cls: type, method: str) -> Any:
    """What a query of a service answers; None where it does not say so."""
    found = getattr(getattr(service_cls, method), "answers", None)
    return found(service_cls) if isinstance(found, FunctionType) else found

"""The capability catalogue (能力目录): the 467 things that five district plans ask of a civil-affairs bureau, a line each.

``catalogue.csv`` beside this file holds row, identifier, Chinese term, kind and the service that owns it. What carries a row says
so: a declaration or a programme by its ``catalogue``, any other room of a service by a constant ``CATALOGUE``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One capability. ``service``: who owns it, or "workflow" (across services), or "platform"."""

    row: str
    identifier: str
    term: str
    kind: str
    service: str


@dataclass(frozen=True)
class Carrier:
    """What carries a row: ``how`` is "programme" (benefit), a shape's name, or "aggregate"; ``where`` the module it is read in."""

    row: str
    service: str
    how: str
    code: str
    name: str
    where: str


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the catalogue's order."""
    with (Path(__file__).with_name("catalogue.csv")).open(encoding="utf-8", newline="") as file:
        return tuple(Row(**line) for line in csv.DictReader(file))


@cache
def by_row() -> dict[str, Row]:
    return {r.row: r for r in rows()}

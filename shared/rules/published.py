"""Published values (公布的标准): what a district has published since its parameter files were written, laid between their values by date.

A set of publications is named by their numbers in the district's book of standards, "1-4,6": an assessment says which it was made
with (in its ``parameters_version``), so that it can be made again with exactly these, whatever has been published or withdrawn since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from shared.rules.errors import ParameterError
from shared.rules.parameters import UNITS, Dated, Parameter

SOURCE = "published"
_MARK = "+published:"


@dataclass(frozen=True)
class Published:
    """One value of one parameter (full name), in force from ``first``; ``reference`` is the document that says so (文号)."""

    number: int
    parameter: str
    value: int
    first: date
    reference: str


def laid_between(base: Parameter, published: Sequence[Published]) -> Parameter:
    """The file's values and the published ones in the order of their dates; of two of one day the one published last holds."""
    by_day = {dated.first: dated for dated in base.values}
    least, greatest = UNITS[base.unit]
    for p in sorted(published, key=lambda p: p.number):
        if not least <= p.value <= greatest:
            raise ParameterError(f"公布{p.number}：{base.name} 的值 {p.value} 超出 {base.unit} 的范围 {least} 至 {greatest}")
        if p.first < base.values[0].first:
            raise ParameterError(f"公布{p.number}：{base.name} 不能早于 {base.values[0].first} 生效")
        by_day[p.first] = Dated(p.first, None, p.value, p.reference, SOURCE, "", f"公布{p.number}")
    days = sorted(by_day)
    values = []
    for day, following in zip(days, [*days[1:], None], strict=True):
        dated = by_day[day]
        if following is not None:
            if dated.last is not None and dated.last < following - timedelta(days=1):
                raise ParameterError(f"{base.name} 在 {dated.last} 之后、{following} 之前没有值（日期有空档）")
            dated = replace(dated, last=following - timedelta(days=1))
        values.append(dated)
    return replace(base, values=tuple(values))


def named(published: Iterable[Published]) -> str:
    """What a parameters version says of the publications it holds; "" for none."""
    numbers = sorted({p.number for p in published})
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return _MARK + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) if runs else ""


def numbers_in(parameters_version: str) -> frozenset[int]:
    """The publications that a parameters version names."""
    found = re.search(re.escape(_MARK) + r"([0-9,-]+)", parameters_version)
    numbers: set[int] = set()
    for part in found.group(1).split(",") if found else ():
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return frozenset(numbers)

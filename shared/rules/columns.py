"""Facts as columns: one array a variable, ready for one vectorised call over a whole district.

`household_columns` and `person_columns` turn facts into columns; whoever already has arrays (a read model, a bench)
builds `Columns` directly. Columns not given keep the variable's default. Everything is checked here once, so that
the formulas may rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from shared.rules.errors import FactsError
from shared.rules.facts import AREAS, DISABILITY_KINDS, RURAL, BeneficiaryFacts, HouseholdFacts, PersonFacts
from shared.rules.inputs import HOUSEHOLD_INPUTS, PERSON_INPUTS

# 100 亿元. OpenFisca sums members in float64, exact up to 2**53 fen: with this bound a household of nine thousand still adds up exactly.
LARGEST_FEN = 10**12
LARGEST_COUNT = 10_000

Arrays = Mapping[str, Any]

_MONEY = ("monthly_income", "excluded_income", "personal_current_amount", "savings", "securities", "current_amount")
_COUNTS = {"vehicles": LARGEST_COUNT, "homes": LARGEST_COUNT, "disability_grade": 4}
_LABELS = {variable.__name__: str(variable.label) for variable in PERSON_INPUTS + HOUSEHOLD_INPUTS}
_PERSON_NAMES = frozenset(variable.__name__ for variable in PERSON_INPUTS)
_HOUSEHOLD_NAMES = frozenset(variable.__name__ for variable in HOUSEHOLD_INPUTS)


@dataclass(frozen=True)
class Columns:
    """A population. member_of[i] is the household (0, 1, 2 …) of person i, in ascending order, none without members.

    persons and households map variable names of `shared.rules.inputs` to arrays. Dates are datetime64[D], absent dates NaT.
    """

    member_of: Any
    persons: Arrays
    households: Arrays = field(default_factory=dict)

    def __post_init__(self) -> None:
        member_of = self.member_of
        if len(member_of) == 0:
            raise FactsError("没有可评定的对象")
        step = numpy.diff(member_of)
        if member_of[0] != 0 or (step < 0).any() or (step > 1).any():
            raise FactsError("成员须按家庭次序排列，且每个家庭至少有一名成员")
        _check(self.persons, _PERSON_NAMES, self.person_count)
        _check(self.households, _HOUSEHOLD_NAMES, self.household_count)
        if "born_on" not in self.persons:
            raise FactsError("缺少出生日期")
        income, excluded = self.persons.get("monthly_income"), self.persons.get("excluded_income")
        if excluded is not None and (excluded > (0 if income is None else income)).any():
            raise FactsError("不计入收入是月收入的一部分，不能大于月收入")

    @property
    def person_count(self) -> int:
        """How many persons there are."""
        return len(self.member_of)

    @property
    def household_count(self) -> int:
        """How many households there are."""
        return int(self.member_of[-1]) + 1


def _check(columns: Arrays, known: frozenset[str], count: int) -> None:
    for name, values in columns.items():
        if name not in known:
            raise FactsError(f"没有名为 {name} 的事实")
        if len(values) != count:
            raise FactsError(f"{_LABELS[name]}：应有 {count} 个值，实有 {len(values)} 个")
        limit = LARGEST_FEN if name in _MONEY else _COUNTS.get(name)
        if limit is None:
            continue
        if values.dtype.kind not in "iu":
            raise FactsError(f"{_LABELS[name]}：只收整数")
        if values.min() < 0 or values.max() > limit:
            raise FactsError(f"{_LABELS[name]}：须在 0 与 {limit} 之间")


def _integers(values: list[int]) -> Any:
    # A Python integer too wide for 64 bits must meet the same refusal as any other absurd amount.
    try:
        array = numpy.array(values)
    except OverflowError:
        array = None
    if array is None or array.dtype.kind != "i":
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int):
                raise FactsError(f"只收整数（分），收到的是 {value!r}")
        raise FactsError(f"金额须在 0 与 {LARGEST_FEN} 分之间")
    return array


def _dates(values: list[Any]) -> Any:
    return numpy.array(values, dtype="datetime64[D]")


def _flags(values: list[bool]) -> Any:
    return numpy.array(values, dtype=bool)


def _persons(people: Sequence[PersonFacts]) -> dict[str, Any]:
    if not people:
        raise FactsError("没有可评定的对象")
    for person in people:
        if person.disability_kind not in DISABILITY_KINDS:
            raise FactsError(f"残疾类别不详：{person.disability_kind!r}")
    return {
        "born_on": _dates([p.born_on for p in people]),
        "monthly_income": _integers([p.monthly_income_fen for p in people]),
        "excluded_income": _integers([p.excluded_income_fen for p in people]),
        "employed": _flags([p.employed for p in people]),
        "newly_employed_on": _dates([p.newly_employed_on for p in people]),
        "disability_grade": _integers([p.disability_grade for p in people]),
        "intellectual_or_mental": _flags([p.disability_kind in ("intellectual", "mental") for p in people]),
        "gravely_ill": _flags([p.gravely_ill for p in people]),
        "counted": _flags([p.counted for p in people]),
    }


def household_columns(cases: Sequence[HouseholdFacts]) -> Columns:
    """Households as columns, one row a household, one row a member."""
    people: list[PersonFacts] = []
    member_of: list[int] = []
    alone: list[bool] = []
    for index, case in enumerate(cases):
        if not case.members:
            raise FactsError(f"家庭 {case.household_id} 没有成员")
        if case.area not in AREAS:
            raise FactsError(f"家庭 {case.household_id} 的城乡类别不详：{case.area!r}")
        applicants = [bool(case.applies_alone) and member.person_id == case.applies_alone for member in case.members]
        if case.applies_alone and sum(applicants) != 1:
            raise FactsError(f"单独申请人不是家庭 {case.household_id} 的成员")
        people.extend(case.members)
        alone.extend(applicants)
        member_of.extend([index] * len(case.members))
    return Columns(
        member_of=numpy.array(member_of, dtype=numpy.int64),
        persons=_persons(people) | {"applies_alone": _flags(alone)},
        households={
            "rural": _flags([case.area == RURAL for case in cases]),
            "savings": _integers([case.savings_fen for case in cases]),
            "securities": _integers([case.securities_fen for case in cases]),
            "vehicles": _integers([case.vehicles for case in cases]),
            "homes": _integers([case.homes for case in cases]),
            "gradual_exit_since": _dates([case.gradual_exit_since for case in cases]),
            "current_amount": _integers([case.current_amount_fen for case in cases]),
        },
    )


def person_columns(cases: Sequence[BeneficiaryFacts], division_code: str) -> Columns:
    """Persons as columns, each on his own. division_code is the district whose rules are asked."""
    return Columns(
        member_of=numpy.arange(len(cases)),
        persons=_persons([case.person for case in cases])
        | {
            "registered_here": _flags([case.division.startswith(division_code) for case in cases]),
            "personal_current_amount": _integers([case.current_amount_fen for case in cases]),
        },
    )

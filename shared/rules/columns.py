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
from shared.rules.facts import (
    AREAS,
    CAUSES,
    DISABILITY_KINDS,
    ELDER_EXCLUDING_BENEFITS,
    EXCLUDING_BENEFITS,
    HARDSHIP_CLASSES,
    KINDS,
    PLACEMENTS,
    RURAL,
    SELF_CARE_ACTS,
    SPENDING_KINDS,
    BeneficiaryFacts,
    DisabilityFacts,
    ExpenditureFacts,
    ExtremeHardshipFacts,
    HardElderFacts,
    HouseholdFacts,
    PersonFacts,
    PriceFacts,
    TemporaryFacts,
)
from shared.rules.inputs import HOUSEHOLD_INPUTS, PERSON_INPUTS

# 100 亿元. OpenFisca sums members in float64, exact up to 2**53 fen: with this bound a household of nine thousand still adds up exactly.
LARGEST_FEN = 10**12
LARGEST_COUNT = 10_000

# An index that has more than doubled, or gone below nothing, is a slip of the pen.
LARGEST_CHANGE = 10_000

Arrays = Mapping[str, Any]

# What an integer may be, by its variable; every amount of money has the same bounds.
_MONEY = [variable.__name__ for variable in PERSON_INPUTS + HOUSEHOLD_INPUTS if getattr(variable, "unit", "") == "fen"]
_BOUNDS = dict.fromkeys(_MONEY, (0, LARGEST_FEN)) | {
    "vehicles": (0, LARGEST_COUNT),
    "homes": (0, LARGEST_COUNT),
    "covered_persons": (0, LARGEST_COUNT),
    "disability_grade": (0, 4),
    "disability_kind": (0, len(DISABILITY_KINDS) - 1),
    "ability_grade": (0, 4),
    "lost_acts": (0, len(SELF_CARE_ACTS)),
    "personal_hardship_class": (0, len(HARDSHIP_CLASSES) - 1),
    "hardship_class": (0, len(HARDSHIP_CLASSES) - 1),
    "cause": (0, len(CAUSES) - 1),
    "cpi_change": (-LARGEST_CHANGE, LARGEST_CHANGE),
    "food_change": (-LARGEST_CHANGE, LARGEST_CHANGE),
}
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
        if name not in _BOUNDS:
            continue
        least, greatest = _BOUNDS[name]
        if values.dtype.kind not in "iu":
            raise FactsError(f"{_LABELS[name]}：只收整数")
        if values.min() < least or values.max() > greatest:
            raise FactsError(f"{_LABELS[name]}：须在 {least} 与 {greatest} 之间")


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


def _codes(values: Sequence[str], known: tuple[str, ...], what: str) -> Any:
    """Words as their place among the known ones."""
    for value in values:
        if value not in known:
            raise FactsError(f"{what}不详：{value!r}")
    return numpy.array([known.index(value) for value in values])


def _persons(people: Sequence[PersonFacts]) -> dict[str, Any]:
    if not people:
        raise FactsError("没有可评定的对象")
    return {
        "born_on": _dates([p.born_on for p in people]),
        "monthly_income": _integers([p.monthly_income_fen for p in people]),
        "excluded_income": _integers([p.excluded_income_fen for p in people]),
        "employed": _flags([p.employed for p in people]),
        "newly_employed_on": _dates([p.newly_employed_on for p in people]),
        "disability_grade": _integers([p.disability_grade for p in people]),
        "disability_kind": _codes([p.disability_kind for p in people], DISABILITY_KINDS, "残疾类别"),
        "intellectual_or_mental": _flags([p.disability_kind in ("intellectual", "mental") for p in people]),
        "gravely_ill": _flags([p.gravely_ill for p in people]),
        "student": _flags([p.student for p in people]),
        "counted": _flags([p.counted for p in people]),
        "supported_in_extreme_hardship": _flags([p.extreme_hardship for p in people]),
    }


def household_columns(cases: Sequence[HouseholdFacts], more: Arrays | None = None) -> Columns:
    """Households as columns, one row a household, one row a member. more: further columns of the households."""
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
            **(more or {}),
        },
    )


def person_columns(
    cases: Sequence[BeneficiaryFacts] | Sequence[ExtremeHardshipFacts] | Sequence[DisabilityFacts] | Sequence[HardElderFacts],
    division_code: str,
    more: Arrays | None = None,
    households: Arrays | None = None,
) -> Columns:
    """Persons as columns, each on his own. division_code is the district whose rules are asked. more, households: further columns."""
    return Columns(
        member_of=numpy.arange(len(cases)),
        persons=_persons([case.person for case in cases])
        | {
            "registered_here": _flags([case.division.startswith(division_code) for case in cases]),
            "personal_current_amount": _integers([case.current_amount_fen for case in cases]),
            **(more or {}),
        },
        households=households or {},
    )


def expenditure_columns(cases: Sequence[ExpenditureFacts]) -> Columns:
    """Households, and what they had to spend, kind by kind."""
    spent: dict[str, list[int]] = {kind: [0] * len(cases) for kind in SPENDING_KINDS}
    for index, case in enumerate(cases):
        for spending in case.spending:
            if spending.kind not in spent:
                raise FactsError(f"支出类别不详：{spending.kind!r}")
            if spending.self_borne_fen < 0:  # one negative receipt must not pass because another outweighs it
                raise FactsError(f"自负支出：须在 0 与 {LARGEST_FEN} 之间")
            spent[spending.kind][index] += spending.self_borne_fen
    return household_columns([case.household for case in cases], {f"spending_{kind}": _integers(fen) for kind, fen in spent.items()})


def extreme_hardship_columns(cases: Sequence[ExtremeHardshipFacts], division_code: str) -> Columns:
    """Persons, each on his own, and the area whose standard they are measured by."""
    for case in cases:
        if case.area not in AREAS:
            raise FactsError(f"城乡类别不详：{case.area!r}")
        if len(set(case.lost_acts)) != len(case.lost_acts) or not set(case.lost_acts) <= set(SELF_CARE_ACTS):
            raise FactsError(f"自理能力项目重复或不详：{'、'.join(map(repr, case.lost_acts))}")
    return person_columns(
        cases,
        division_code,
        {
            "able_supporter": _flags([case.able_supporter for case in cases]),
            "able_to_work": _flags([case.able_to_work for case in cases]),
            "personal_savings": _integers([case.savings_fen for case in cases]),
            "lost_acts": numpy.array([len(case.lost_acts) for case in cases]),
            "centrally_placed": _codes([case.placement for case in cases], PLACEMENTS, "供养方式") == PLACEMENTS.index("central"),
        },
        {"rural": _flags([case.area == RURAL for case in cases])},
    )


def temporary_columns(cases: Sequence[TemporaryFacts]) -> Columns:
    """Households, and the one emergency or spending each asks help for."""
    return household_columns(
        [case.household for case in cases],
        {
            "emergency": _codes([case.kind for case in cases], KINDS, "临时救助类型") == KINDS.index("emergency"),
            "cause": _codes([case.cause for case in cases], CAUSES, "救助事由"),
            "hardship_class": _codes([case.hardship_class for case in cases], HARDSHIP_CLASSES, "困难类别"),
            "loss": _integers([case.loss_fen for case in cases]),
            "given_this_year": _integers([case.given_this_year_fen for case in cases]),
            "deliberated": _integers([case.deliberated_fen for case in cases]),
            "same_cause": _flags([case.same_cause for case in cases]),
            "untrue": _flags([case.untrue for case in cases]),
        },
    )


def disability_columns(cases: Sequence[DisabilityFacts], division_code: str) -> Columns:
    """Persons, each on his own, with certificate and what else each draws."""
    return person_columns(
        cases,
        division_code,
        {
            "personal_hardship_class": _codes([case.hardship_class for case in cases], HARDSHIP_CLASSES, "困难类别"),
            "long_term_care": _flags([case.long_term_care for case in cases]),
            "certificate_until": _dates([case.certificate_until for case in cases]),
            "applied_on": _dates([case.applied_on for case in cases]),
            **{f"draws_{code}": _flags([code in case.other_benefits for case in cases]) for code in EXCLUDING_BENEFITS},
        },
    )


def hard_elder_columns(cases: Sequence[HardElderFacts], division_code: str) -> Columns:
    """Old persons, each on his own, with hardship class, ability grade and what else each draws."""
    return person_columns(
        cases,
        division_code,
        {
            "personal_hardship_class": _codes([case.hardship_class for case in cases], HARDSHIP_CLASSES, "困难类别"),
            "ability_grade": _integers([case.ability_grade for case in cases]),
            **{f"draws_{code}": _flags([code in case.other_benefits for case in cases]) for code in ELDER_EXCLUDING_BENEFITS},
        },
    )


def price_columns(cases: Sequence[PriceFacts]) -> Columns:
    """Subjects in register with their index. Whoever they are: the rule asks for their number only, so nobody's birth is known here."""
    for case in cases:
        if case.area not in AREAS:
            raise FactsError(f"城乡类别不详：{case.area!r}")
    return Columns(
        member_of=numpy.arange(len(cases)),
        persons={"born_on": _dates([None] * len(cases))},
        households={
            "rural": _flags([case.area == RURAL for case in cases]),
            "covered_persons": _integers([case.persons for case in cases]),
            "hardship_class": _codes([case.hardship_class for case in cases], HARDSHIP_CLASSES, "困难类别"),
            "cpi_change": _integers([case.cpi_bp for case in cases]),
            "food_change": _integers([case.food_bp for case in cases]),
            "current_amount": _integers([case.current_amount_fen for case in cases]),
        },
    )

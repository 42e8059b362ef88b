"""A changed record is what the standard library would have made of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.casework.benefit_case import Case
from shared.domain.frozen import replace

SOME = {"status": st.text(), "round": st.integers(), "payee_id": st.text(), "arrears_fen": st.integers()}


@given(st.fixed_dictionaries({}, optional=SOME))
def test_it_equals_the_standard_one(changes: dict[str, object]) -> None:
    """Field by field, and again from what was changed before; the record itself stays as it was."""
    before = Case(programme="p", first_month="2023-07")
    twice = replace(replace(before, **changes), division="330225")
    assert twice == dataclasses.replace(dataclasses.replace(before, **changes), division="330225")  # type: ignore[arg-type]
    assert before == Case(programme="p", first_month="2023-07")


def test_a_field_that_is_not_there_is_refused() -> None:
    """A typing slip must not become an attribute."""
    with pytest.raises(TypeError):
        replace(Case(), stauts="open")


def test_a_record_that_checks_itself_is_built_anew() -> None:
    """What stands in ``__post_init__`` holds for changed records too."""

    @dataclass(frozen=True)
    class Period:
        first: date
        last: date

        def __post_init__(self) -> None:
            if self.last < self.first:
                raise ValueError

    period = Period(date(2023, 7, 1), date(2023, 7, 31))
    assert replace(period, last=date(2023, 8, 1)).last == date(2023, 8, 1)
    with pytest.raises(ValueError):
        replace(period, last=date(2023, 6, 1))

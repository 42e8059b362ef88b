"""Every rule can be read and traced: it has a name in Chinese and the paragraph it rests on."""

from __future__ import annotations

import numpy
import pytest

from services.assistance.rules import PACKAGE as ASSISTANCE
from services.eldercare.rules import PACKAGE as ELDERCARE
from shared.rules.base import Rule
from shared.rules.inputs import INPUTS
from shared.rules.package import RulePackage

VARIABLES = [variable for package in (ASSISTANCE, ELDERCARE) for variable in package.variables]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.__name__)
def test_rule_has_label_reference_and_formula(variable: type[Rule]) -> None:
    """And counts in 64 bits where it counts."""
    made = variable()
    assert made.label
    assert made.reference
    assert made.formulas
    assert made.value_type is not int or made.dtype is numpy.int64


@pytest.mark.parametrize("variable", INPUTS, ids=lambda variable: variable.__name__)
def test_fact_has_label_and_no_formula(variable: type[Rule]) -> None:
    """A fact is given, never worked out."""
    assert variable().label
    assert not variable().formulas


@pytest.mark.parametrize("package", [ASSISTANCE, ELDERCARE], ids=lambda package: package.name)
def test_no_rule_file_is_forgotten(package: RulePackage) -> None:
    """Every variable defined in the package's files is run by its engine."""
    listed = {variable.__name__ for variable in package.variables}
    assert len(listed) == len(package.variables)
    written = {
        line.split("(")[0].removeprefix("class ")
        for path in package.folder.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("class ") and line.endswith("(Rule):")
    }
    assert written == listed

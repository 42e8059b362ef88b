"""Engines with figures of a test's own, so that no test depends on what a district decides tomorrow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.assistance.rules import PACKAGE as ASSISTANCE
from services.eldercare.rules import PACKAGE as ELDERCARE
from shared.rules.engine import RulesEngine
from shared.rules.package import RulePackage
from shared.rules.profile import load_profile

PACKAGES = {programme.id: package for package in (ASSISTANCE, ELDERCARE) for programme in package.programmes}
XIANGSHAN = {"name": "宁波市象山县", "division_code": "330225", "year": 2023}

MakeEngine = Callable[[str, Mapping[str, int]], RulesEngine]


def write_profile(folder: Path, package: RulePackage, programme: str, values: Mapping[str, int]) -> Path:
    """A profile called test-2023 whose figures for a programme are the given ones since 2023."""
    home = folder / "test-2023"
    home.mkdir(parents=True, exist_ok=True)
    (home / "profile.yaml").write_text(yaml.safe_dump(XIANGSHAN, allow_unicode=True), encoding="utf-8")
    tree: dict[str, Any] = {}
    for name, value in values.items():
        node = tree.setdefault(programme, {})
        for step in name.split("."):
            node = node.setdefault(step, {})
        node["values"] = {"2023-01-01": {"value": value, "reference": "测试用", "source": "plan"}}
    text = yaml.safe_dump(tree).replace("'", "") if tree else ""
    (home / f"{package.name}.yaml").write_text(text, encoding="utf-8")
    return folder


def write_cases(folder: Path, package: RulePackage, text: str) -> RulePackage:
    """The package with other case files: one, of this text."""
    home = folder / "rules"
    shutil.copytree(package.folder, home, ignore=shutil.ignore_patterns("__pycache__", "cases"))
    (home / "cases").mkdir()
    (home / "cases" / "cases.yaml").write_text(text, encoding="utf-8")
    return replace(package, folder=home)


@pytest.fixture(scope="session")
def make_engine(tmp_path_factory: pytest.TempPathFactory) -> MakeEngine:
    """Engines by programme and figures, each made once."""
    made: dict[tuple[str, tuple[tuple[str, int], ...]], RulesEngine] = {}

    def make(programme: str, values: Mapping[str, int]) -> RulesEngine:
        key = (programme, tuple(sorted(values.items())))
        if key not in made:
            package = PACKAGES[programme]
            folder = write_profile(tmp_path_factory.mktemp("profiles"), package, programme, values)
            made[key] = RulesEngine((package,), load_profile("test-2023", folder))
        return made[key]

    return make

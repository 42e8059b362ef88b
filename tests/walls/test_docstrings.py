"""Every test says in a sentence what the house does; a name alone says what was tried."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SPOKEN = ("cli", "contracts", "deciders", "golden", "kernel", "rules")  # folders that keep the habit; add yours


@pytest.mark.parametrize("file", [f for folder in SPOKEN for f in sorted((TESTS / folder).rglob("test_*.py"))], ids=lambda f: f.stem)
def test_every_test_has_a_docstring(file: Path) -> None:
    """One sentence for the module and for each of its tests."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    assert ast.get_docstring(tree), file.name
    assert [t.name for t in tests if not ast.get_docstring(t)] == []

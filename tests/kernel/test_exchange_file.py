"""The file in which an outside source is asked: what stands in it is text to every program that opens it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from shared.exchange.adapter import Ask
from shared.exchange.declared import Source
from shared.exchange.files import FileAdapter

SOURCE = Source("hrss", "人社局", "人社局", "协议", "daily", "files", "active", 5, ())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("王小明", "王小明"), ("", ""), ("=1+1", "'=1+1"), ("@x", "'@x"), ("\t=1", "'\t=1"), ("＝1", "'＝1"), ("  =1", "'  =1"),
        ("－王", "'－王"),
    ],
)  # fmt: skip
def test_a_name_is_no_formula_and_an_empty_one_is_empty(tmp_path: Path, name: str, written: str) -> None:
    """Also with a full-width sign, which spreadsheets take as well, or behind blanks; what is no formula stays as it is."""
    FileAdapter(tmp_path, SOURCE).send("x1", [Ask("1", "33022519800101001X", name)])
    with open(tmp_path / "hrss" / "out" / "x1.csv", encoding="utf-8-sig", newline="") as file:
        _head, row = csv.reader(file)
    assert row[2] == written


def test_what_is_forgotten_leaves_no_name_behind(tmp_path: Path) -> None:
    """The file that was asked with, and the half of it that a process left which died while it wrote; another question's stay."""
    adapter = FileAdapter(tmp_path, SOURCE)
    for exchange in ("x1", "x2"):
        adapter.send(exchange, [Ask("1", "33022519800101001X", "王小明")])
    (tmp_path / "hrss" / "out" / ".x1.4711").write_text("王小明")
    adapter.forget("x1")
    assert [path.name for path in (tmp_path / "hrss" / "out").iterdir()] == ["x2.csv"]

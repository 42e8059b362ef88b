"""The file of a bureau: what is tolerated, what is reported, and that nothing personal is ever printed."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cli import household_file as hf
from shared.config import ROOT
from shared.domain.errors import Refused

GOOD = ROOT / "examples" / "households.csv"
BAD = ROOT / "examples" / "households-with-mistakes.csv"
HEADER = ["户号", "姓名", "身份证号", "与户主关系", "行政区划", "城乡", "月收入(元)"]
ROW = ["H1", "某某", "11010519491231002X", "户主", "330225101", "农村", "300"]


def rows(*lines: list[Any], header: list[str] | None = None) -> list[tuple[int, list[Any]]]:
    return list(enumerate([header or HEADER, *lines], 1))


def problems(*lines: list[Any]) -> list[tuple[int, str]]:
    return [(p.line, p.column) for p in hf.parse_rows(rows(*lines), "330225").problems]


def changed(column: str, value: Any, header: list[str] = HEADER) -> list[Any]:
    line = [*ROW, *[""] * (len(header) - len(ROW))]
    line[header.index(column)] = value
    return line


# -- the sample files


def test_the_sample_file_is_right() -> None:
    """Sixty households without a mistake; the two of the demo stand first."""
    parsed = hf.parse_file(GOOD, "330225")
    assert (len(parsed.households), parsed.problems) == (60, [])
    first, second = parsed.households[:2]
    assert [m["relation"] for m in first.form["members"]] == ["户主", "配偶", "子"]
    assert first.form["members"][0]["employed"]
    assert second.form["members"][1]["resident_id"][6:14] == "19370315"


def test_the_sample_files_are_what_their_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded: made again, they come out the same."""
    import runpy

    made = runpy.run_path(str(ROOT / "examples" / "make_examples.py"))
    monkeypatch.setitem(made["write"].__globals__, "HERE", tmp_path)
    made["main"]()
    for file in (GOOD, BAD):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_every_mistake_of_the_sample_is_found_and_the_good_households_stay() -> None:
    """Line and column of each; whoever is right is imported all the same."""
    parsed = hf.parse_file(BAD, "330225")
    assert [h.number for h in parsed.households] == ["CW01", "CW12", "CW14", "CW16"]
    assert [(p.line, p.column) for p in parsed.problems] == [
        (3, "身份证号"),
        (4, "月收入(元)"),
        (5, "月收入(元)"),
        (6, "行政区划"),
        (7, "行政区划"),
        (8, "身份证号"),
        (9, "姓名"),
        (11, "月收入(元)"),
        (12, "与户主关系"),
        (13, "不计入收入(元)"),
        (15, "身份证号"),
        (17, "户号"),
    ]


def test_no_name_and_no_resident_id_is_in_a_report() -> None:
    """A line is told by its number; an ID is masked."""
    said = "\n".join(str(p) for p in hf.parse_file(BAD, "330225").problems)
    with BAD.open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            assert not line["姓名"] or line["姓名"] not in said
            assert line["身份证号"] not in said
    assert hf.mask("11010519491231002X") == "110105********00XX"


# -- shapes of files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_of_bureaus(encoding: str, tmp_path: Path) -> None:
    """With and without a BOM, and as older Chinese Excel writes it."""
    file = tmp_path / "户.csv"
    file.write_bytes(GOOD.read_text(encoding="utf-8-sig").encode(encoding))
    assert hf.parse_file(file).households == hf.parse_file(GOOD).households


def test_excel_says_the_same_as_csv(tmp_path: Path) -> None:
    """Numbers as numbers, a title row above the header, columns in another order."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["象山县低收入家庭花名册"])
    with GOOD.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    for line in lines:
        sheet.append([float(c) if c.isdigit() and len(c) < 6 else c for c in reversed(line)])
    path = tmp_path / "households.xlsx"
    book.save(path)
    assert [h.form for h in hf.parse_file(path).households] == [h.form for h in hf.parse_file(GOOD).households]


def test_a_resident_id_that_excel_made_a_number_is_explained() -> None:
    """The last digits are lost: the clerk is told what to do."""
    parsed = hf.parse_rows(rows(changed("身份证号", 1.1010519491231e17)))
    assert "文本格式" in parsed.problems[0].reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00\x01\xff",
        b"a,b\n1,2\n",
        b"PK\x03\x04rest",
        "户号,身份证号\n".encode(),
        "户号,身份证号,户号,姓名,与户主关系,行政区划,城乡\n".encode(),
    ],
    ids=["empty", "binary", "no header", "excel named csv", "missing columns", "doubled column"],
)
def test_a_file_that_is_no_register_is_refused_as_a_whole(data: bytes, tmp_path: Path) -> None:
    """With a word about why."""
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(hf.Unreadable):
        hf.parse_file(tmp_path / "x.csv")


def test_an_excel_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """Only the name says so."""
    (tmp_path / "x.xlsx").write_bytes(b"not a zip")
    with pytest.raises(hf.Unreadable):
        hf.parse_file(tmp_path / "x.xlsx")


def test_line_numbers_count_lines_of_the_file(tmp_path: Path) -> None:
    """Also after a cell with a line break in it, and past empty lines."""
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, changed("姓名", "某\n某"), [], changed("月收入(元)", "-1")])
    (tmp_path / "x.csv").write_text(out.getvalue(), encoding="utf-8")
    assert [p.line for p in hf.parse_file(tmp_path / "x.csv").problems][-1] == 5


def test_unknown_columns_are_named_and_ignored() -> None:
    """A bureau's own remarks are no mistake."""
    parsed = hf.parse_rows(rows([*ROW, "x"], header=[*HEADER, "备注"]))
    assert (parsed.ignored, len(parsed.households)) == (("备注",), 1)


def test_other_names_of_columns_are_understood() -> None:
    """公民身份号码 is 身份证号."""
    header = ["户编号", "姓 名", "公民身份号码", "关系", "行政区划代码", "城乡类别", "月收入（元）"]
    assert len(hf.parse_rows(rows(ROW, header=header)).households) == 1


# -- households


def test_a_bad_line_keeps_its_whole_household_out() -> None:
    """Half a household would be assessed wrongly."""
    second = changed("月收入(元)", "很多")
    second[2:4] = ["330225193703150227", "母"]
    parsed = hf.parse_rows(rows(ROW, second))
    assert parsed.households == []


def test_the_head_stands_first_in_the_form() -> None:
    """Wherever his line is; the line numbers move with him."""
    mother = list(hf.parse_file(GOOD).households)[1].form["members"][1]["resident_id"]
    child = [*ROW]
    child[2:4] = [mother, "母"]
    household = hf.parse_rows(rows(child, ROW)).households[0]
    assert ([m["relation"] for m in household.form["members"]], household.lines) == (["户主", "母"], (3, 2))


def test_what_belongs_to_the_household_is_written_once_or_the_same() -> None:
    """Two different savings in one household are a question, not a sum."""
    header = [*HEADER, "存款(元)"]
    mother = list(hf.parse_file(GOOD).households)[1].form["members"][1]["resident_id"]
    first, other = [*ROW, "100"], ["H1", "某", mother, "母", "330225101", "农村", "0", "100"]
    assert hf.parse_rows(rows(first, other, header=header)).households[0].form["savings_fen"] == 10000
    assert hf.parse_rows(rows(first, [*other[:-1], ""], header=header)).households[0].form["savings_fen"] == 10000
    assert [p.column for p in hf.parse_rows(rows(first, [*other[:-1], "90"], header=header)).problems] == ["存款(元)"]


def test_the_same_person_in_two_households_is_reported_once() -> None:
    """At the second line; the first household is imported."""
    second = ["H2", *ROW[1:]]
    parsed = hf.parse_rows(rows(ROW, second))
    assert ([h.number for h in parsed.households], [p.line for p in parsed.problems]) == (["H1"], [3])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("姓名", ""),
        ("姓名", "某" * 61),
        ("与户主关系", ""),
        ("行政区划", ""),
        ("行政区划", "330226101"),
        ("城乡", "郊区"),
        ("身份证号", "1"),
    ],
)
def test_what_must_be_there_is_asked_for(column: str, value: str) -> None:
    """By column."""
    assert (2, column) in problems(changed(column, value))


# -- cells


@pytest.mark.parametrize(
    ("cell", "fen"),
    [
        ("1255", 125500),
        ("１２５５．５", 125550),
        ("￥1,255.50元", 125550),
        (1255, 125500),
        (1255.5, 125550),
        ("", 0),
        (None, 0),
        ("无", 0),
        ("0.01", 1),
    ],
)
def test_amounts_are_read_as_people_write_them(cell: Any, fen: int) -> None:
    """Exactly, without floating point."""
    assert hf.fen(cell) == fen


@pytest.mark.parametrize("cell", ["-1", "1e5", "0.001", "壹仟", "99999999999", "1.2.3", "NaN", "Infinity", "1_000", -5, 1e300])
def test_what_is_no_amount_is_refused(cell: Any) -> None:
    """Negative, absurd, or no number at all."""
    with pytest.raises(Refused):
        hf.fen(cell)


@pytest.mark.parametrize(("cell", "grade"), [("", 0), ("一级", 1), ("2", 2), ("３级", 3), (4, 4), (4.0, 4), ("无", 0)])
def test_grades_are_read_as_people_write_them(cell: Any, grade: int) -> None:
    """In characters and figures."""
    assert hf.grade(cell) == grade


@pytest.mark.parametrize(("cell", "kind"), [("肢体", "physical"), ("视力残疾", "visual"), ("", ""), ("mental", "mental")])
def test_kinds_of_disability(cell: str, kind: str) -> None:
    """In Chinese, or as the house writes them."""
    assert hf.kind(cell) == kind


cells = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.sampled_from([*ROW, "是", "一级", "肢体"]),
)


@given(st.lists(st.lists(cells, max_size=len(hf.COLUMNS)), max_size=8))
def test_odd_cells_are_reported_and_never_a_crash(lines: list[list[Any]]) -> None:
    """Whatever stands in the cells, every line ends in a household or in the report."""
    parsed = hf.parse_rows([(1, list(hf.COLUMNS)), *enumerate(lines, 2)], "330225")
    told = {p.line for p in parsed.problems}
    inside = {n for h in parsed.households for n in h.lines}
    assert told & inside == set()
    assert parsed.groups >= len(parsed.households)
    assert all(isinstance(p.reason, str) and p.reason for p in parsed.problems)


@given(cells)
def test_a_cell_is_read_or_refused(cell: Any) -> None:
    """Every reader of a cell gives a value or a refusal that does not repeat the cell."""
    for read in (hf.fen, hf.count, hf.yes, hf.grade, hf.kind, hf._area, hf._resident_id):
        said = ""
        try:
            read(cell)
        except Refused as refused:
            said = refused.message
        shown = hf.text(cell)
        assert len(shown) < 4 or isinstance(cell, datetime) or shown not in said

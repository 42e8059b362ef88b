"""A bureau's file of households (家庭名册): CSV or Excel, one line a person, grouped by 户号. From cells to forms, no network.

Tolerant where people differ (column order, full-width digits, title rows above the header, 是/有/√), strict where money and
identity are concerned. A bad line is told by its number and column, never by its content: it may be somebody's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from shared.casework.cells import Unreadable, rows_of
from shared.domain import division as divisions
from shared.domain import money
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused

HOUSEHOLD, NAME, ID, RELATION, DIVISION, AREA = "户号", "姓名", "身份证号", "与户主关系", "行政区划", "城乡"
INCOME, EXCLUDED, EMPLOYED = "月收入(元)", "不计入收入(元)", "是否就业"
GRADE, KIND, ILL, STUDENT = "残疾等级", "残疾类别", "是否重病", "是否在校"
SAVINGS, SECURITIES, VEHICLES, HOMES = "存款(元)", "有价证券(元)", "车辆", "房产"
REQUIRED = (HOUSEHOLD, NAME, ID, RELATION, DIVISION, AREA)
COLUMNS = (*REQUIRED, INCOME, EXCLUDED, EMPLOYED, GRADE, KIND, ILL, STUDENT, SAVINGS, SECURITIES, VEHICLES, HOMES)
OTHER_NAMES = {
    "户编号": HOUSEHOLD,
    "家庭编号": HOUSEHOLD,
    "身份证号码": ID,
    "公民身份号码": ID,
    "身份证": ID,
    "户主关系": RELATION,
    "关系": RELATION,
    "行政区划代码": DIVISION,
    "区划代码": DIVISION,
    "城乡类别": AREA,
    "月收入": INCOME,
    "不计入收入": EXCLUDED,
    "就业": EMPLOYED,
    "重病": ILL,
    "在校": STUDENT,
    "存款": SAVINGS,
    "有价证券": SECURITIES,
    "车辆(辆)": VEHICLES,
    "房产(套)": HOMES,
}
AREAS = {
    "城镇": "urban",
    "城市": "urban",
    "城": "urban",
    "urban": "urban",
    "农村": "rural",
    "乡村": "rural",
    "乡": "rural",
    "rural": "rural",
}
KINDS = {
    "视力": "visual",
    "听力": "hearing",
    "言语": "speech",
    "肢体": "physical",
    "智力": "intellectual",
    "精神": "mental",
    "多重": "multiple",
}
HEADS = ("户主", "本人")
YES, NO = ("是", "有", "1", "y", "yes", "true", "√", "在校", "就业"), ("", "否", "无", "没有", "0", "n", "no", "false", "×", "/", "-")
GRADES = {"": 0, "无": 0, "0": 0, "一级": 1, "二级": 2, "三级": 3, "四级": 4, "一": 1, "二": 2, "三": 3, "四": 4}
HEADER_WITHIN = 10  # title rows a bureau may put above the header
MOST_LINES = 200_000


@dataclass(frozen=True)
class Problem:
    """What is wrong in which line (and column, if one is to blame)."""

    line: int
    reason: str
    column: str = ""

    def __str__(self) -> str:
        return f"第{self.line}行{'【' + self.column + '】' if self.column else ''}：{self.reason}"


@dataclass(frozen=True)
class Household:
    """A household whose lines are all right: the form that goes to ``assistance.register_household``. The head stands first."""

    number: str
    lines: tuple[int, ...]  # of the members, in the form's order
    form: dict[str, Any]


@dataclass
class Parsed:
    """What a file holds: the good households, everything that is wrong, and how many lines and households there were."""

    households: list[Household] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0
    groups: int = 0
    ignored: tuple[str, ...] = ()


def mask(resident_id: str) -> str:
    """A resident ID that may be shown: 330225********12XX."""
    return f"{resident_id[:6]}********{resident_id[14:16]}XX" if len(resident_id) == 18 else "*" * len(resident_id)


def parse_file(path: Path, district: str = "") -> Parsed:
    """Read a file; ``district`` (a division code) refuses lines of other districts. Raises Unreadable."""
    return parse_rows(rows_of(path.read_bytes(), path.name), district)


def parse_rows(rows: Iterable[tuple[int, list[Any]]], district: str = "") -> Parsed:
    """The same from rows of cells, each with its line number."""
    numbered = iter(rows)
    where, ignored = _header(numbered)
    parsed = Parsed(ignored=ignored)
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    bad: set[str] = set()
    for number, cells in numbered:
        row = {column: cells[n] if n < len(cells) else None for column, n in where.items()}
        if all(text(v) == "" for v in row.values()):
            continue
        parsed.lines += 1
        if parsed.lines > MOST_LINES:
            raise Unreadable(f"超过{MOST_LINES}行，请拆分后导入。")
        household = text(row[HOUSEHOLD])
        if not household or len(household) > 60:
            parsed.problems.append(Problem(number, "缺少户号。" if not household else "户号过长。", HOUSEHOLD))
            continue
        groups.setdefault(household, []).append((number, row))
    parsed.groups = len(groups)
    seen: dict[str, int] = {}
    for household, members in groups.items():
        made = _household(household, members, district, seen, parsed.problems)
        if made is None:
            bad.add(household)
        else:
            parsed.households.append(made)
    parsed.problems.sort(key=lambda p: (p.line, p.column))
    return parsed


# -- cells -------------------------------------------------------------------------------------------------------------


def text(cell: Any) -> str:
    """A cell as text: full-width forms become plain, numbers lose Excel's ".0"."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    return unicodedata.normalize("NFKC", str(cell)).strip().strip("'\u200b\ufeff").strip()


def fen(cell: Any) -> int:
    """An amount in yuan as fen: 1,255.5 → 125550; Refused for what is no sensible amount."""
    raw = re.sub(r"[,\s¥元]", "", text(cell))
    if raw in ("", "-", "无"):
        return 0
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,6})?", raw, re.ASCII):
        raise Refused("invalid_input", "金额格式不正确。")
    try:
        exact = Decimal(raw) * 100
    except InvalidOperation:
        raise Refused("invalid_input", "金额格式不正确。") from None
    if exact != exact.to_integral_value():
        raise Refused("invalid_input", "金额最多两位小数。")
    if exact < 0:
        raise Refused("invalid_input", "金额不能为负数。")
    if exact > money.ABSURD_FEN:
        raise Refused("invalid_input", "金额超出合理范围，请核对单位是否为元。")
    return int(exact)


def count(cell: Any) -> int:
    """A number of cars or homes."""
    raw = re.sub(r"[辆套处]$", "", text(cell))
    if raw in NO:
        return 0
    if not re.fullmatch(r"\d{1,3}", raw, re.ASCII) or int(raw) > 100:
        raise Refused("invalid_input", "数量须为0至100的整数。")
    return int(raw)


def yes(cell: Any) -> bool:
    raw = text(cell).lower()
    if raw in YES:
        return True
    if raw in NO:
        return False
    raise Refused("invalid_input", "请填“是”或“否”。")


def grade(cell: Any) -> int:
    raw = text(cell)
    if raw in GRADES:
        return GRADES[raw]
    found = re.fullmatch(r"([0-4])级?", raw, re.ASCII)
    if not found:
        raise Refused("invalid_input", "残疾等级须为一级至四级，或空。")
    return int(found.group(1))


def kind(cell: Any) -> str:
    raw = text(cell).removesuffix("残疾")
    if raw in ("", "无") or raw in KINDS.values():
        return "" if raw in ("", "无") else raw
    if raw not in KINDS:
        raise Refused("invalid_input", f"残疾类别须为{'、'.join(KINDS)}之一，或空。")
    return KINDS[raw]


def _resident_id(cell: Any) -> str:
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= 1e15:
        raise Refused("invalid_input", "身份证号被表格存成了数字，末几位已丢失，请改为文本格式重新填写。")
    return resident_ids.check(text(cell))


def _area(cell: Any) -> str:
    raw = text(cell).lower()
    if raw not in AREAS:
        raise Refused("invalid_input", "城乡须为“城镇”或“农村”。")
    return AREAS[raw]


# -- lines and households ------------------------------------------------------------------------------------------------


class _Line:
    """Reads the cells of one line and collects what is wrong with them."""

    def __init__(self, number: int, row: dict[str, Any]) -> None:
        self.number, self.row = number, row
        self.problems: list[Problem] = []

    def wrong(self, column: str, reason: str) -> None:
        self.problems.append(Problem(self.number, reason, column))

    def read(self, column: str, how: Any, default: Any) -> Any:
        try:
            return how(self.row.get(column))
        except Refused as refused:
            self.wrong(column, refused.message)
            return default

    def filled(self, column: str) -> bool:
        return text(self.row.get(column)) != ""


def _household(
    number: str, members: list[tuple[int, dict[str, Any]]], district: str, seen: dict[str, int], problems: list[Problem]
) -> Household | None:
    lines = [_Line(n, row) for n, row in members]
    people = [(line, _person(line, seen)) for line in lines]
    heads = [line for line in lines if text(line.row[RELATION]) in HEADS]
    if len(heads) != 1:
        lines[0].wrong(RELATION, "本户没有户主。" if not heads else "本户有多位户主。")
    form: dict[str, Any] = {"household_no": number, "source": "import"}

    def where(cell: Any) -> str:
        code = divisions.check(text(cell))
        if district and not divisions.covers(district, code):
            raise Refused("invalid_input", f"行政区划不在{district}范围内。")
        return code

    common: tuple[tuple[str, str, Any, Any], ...] = (
        ("division", DIVISION, where, None),
        ("area", AREA, _area, None),
        ("savings_fen", SAVINGS, fen, 0),
        ("securities_fen", SECURITIES, fen, 0),
        ("vehicles", VEHICLES, count, 0),
        ("homes", HOMES, count, 1),
    )
    for name, column, how, default in common:
        form[name] = _common(lines, column, how, default)
    found = [p for line in lines for p in line.problems]
    if found:
        problems.extend(found)
        return None
    people.sort(key=lambda p: p[0] is not heads[0])  # the head first, the others as they stand
    form["members"] = [person for _, person in people]
    return Household(number, tuple(line.number for line, _ in people), form)


def _common(lines: list[_Line], column: str, how: Any, default: Any) -> Any:
    """What belongs to the household: written once, or the same in every line."""
    values: list[Any] = []
    for line in lines:
        if line.filled(column):
            before = len(line.problems)
            value = line.read(column, how, None)
            if len(line.problems) == before:
                if values and value != values[0]:
                    line.wrong(column, "同一户各行填写不一致。")
                values.append(value)
            else:
                values.append(None)
    if not values and default is None:
        lines[0].wrong(column, "缺少必填内容。")
    return values[0] if values else default


def _person(line: _Line, seen: dict[str, int]) -> dict[str, Any]:
    number = line.read(ID, _resident_id, "")
    name, relation = text(line.row[NAME]), text(line.row[RELATION])
    for column, value in ((NAME, name), (RELATION, relation)):
        if not value:
            line.wrong(column, "缺少必填内容。")
        elif len(value) > 60:
            line.wrong(column, "内容过长。")
    if number and seen.setdefault(number, line.number) != line.number:
        line.wrong(ID, f"与第{seen[number]}行为同一人（{mask(number)}）。")
    person = {
        "resident_id": number,
        "name": name,
        "relation": relation,
        "monthly_income_fen": line.read(INCOME, fen, 0),
        "excluded_income_fen": line.read(EXCLUDED, fen, 0),
        "employed": line.read(EMPLOYED, yes, False),
        "disability_grade": line.read(GRADE, grade, 0),
        "disability_kind": line.read(KIND, kind, ""),
        "gravely_ill": line.read(ILL, yes, False),
        "student": line.read(STUDENT, yes, False),
    }
    if person["excluded_income_fen"] > person["monthly_income_fen"] and not any(p.column in (INCOME, EXCLUDED) for p in line.problems):
        line.wrong(EXCLUDED, "不计入收入不能大于月收入。")
    return person


# -- files -------------------------------------------------------------------------------------------------------------


def _header(rows: Iterator[tuple[int, list[Any]]]) -> tuple[dict[str, int], tuple[str, ...]]:
    for tried, (_, cells) in enumerate(rows):
        names = [re.sub(r"\s", "", text(c)) for c in cells]
        names = [OTHER_NAMES.get(n, n) for n in names]
        if HOUSEHOLD in names and ID in names:
            doubled = [c for c in COLUMNS if names.count(c) > 1]
            missing = [c for c in REQUIRED if c not in names]
            if doubled or missing:
                raise Unreadable(f"表头重复的列：{'、'.join(doubled)}。" if doubled else f"表头缺少列：{'、'.join(missing)}。")
            known = {n: i for i, n in enumerate(names) if n in COLUMNS}
            return known, tuple(n[:20] for n in names if n and n not in COLUMNS)
        if tried + 1 >= HEADER_WITHIN:
            break
    raise Unreadable(f"前{HEADER_WITHIN}行中没有找到表头（至少应有“户号”“身份证号”两列）。")

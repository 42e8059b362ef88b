"""Dated parameters: read from YAML, checked hard, handed to OpenFisca.

The format is OpenFisca's own (description, unit, values by date, each with its reference), and OpenFisca holds and
dates the values. Its loader says nothing of gaps, missing references or odd types and names no line, so the checks stand here:
every refusal begins with file and line and is in Chinese, for the person at the bureau who keeps the figures.

    standard:
      urban:
        description: 城市低保标准（每人每月）
        unit: fen
        values:
          2023-01-01:
            value: 125500
            reference: 2023年上半年工作总结“低保……标准提高到1255元/月”
            source: plan

unit: one of UNITS. source: law (national document), plan (the district's own), placeholder (no document yet: whatever
shows the figure says so). until: optional last day of a value; the next one must begin the day after. A district's file
has the same tree, gives `values` only, and overrides from its first date on; a parameter unknown to the rules is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from openfisca_core.parameters import ParameterNode

from shared.rules.errors import ParameterError

# What a value may be, by its unit: least and greatest.
UNITS: dict[str, tuple[int, int]] = {
    "fen": (0, 10**9),
    "percent": (0, 1000),
    "basis_point": (0, 10_000),
    "month": (0, 1200),
    "year": (0, 150),
    "count": (0, 10_000),
    "flag": (0, 1),
    "rounding": (0, 2),
}
SOURCES = ("law", "plan", "placeholder")

_LEAF_KEYS = {"description", "unit", "values"}
# OpenFisca reads these as metadata wherever they stand, so no parameter may bear such a name.
_RESERVED = {"description", "metadata", "unit", "reference", "documentation"}
_VALUE_KEYS = {"value", "reference", "source", "until", "note"}


@dataclass(frozen=True)
class Dated:
    """One value of a parameter, in force from its first day to its last (None: until further notice)."""

    first: date
    last: date | None
    value: int
    reference: str
    source: str
    note: str
    where: str

    @property
    def placeholder(self) -> bool:
        """Whether no document backs the value yet."""
        return self.source == "placeholder"


@dataclass(frozen=True)
class Parameter:
    """A named parameter and its values, oldest first, without gap or overlap."""

    name: str
    description: str
    unit: str
    values: tuple[Dated, ...]
    where: str

    def at(self, day: date) -> Dated | None:
        """The value in force on a day."""
        for dated in reversed(self.values):
            if dated.first <= day:
                return dated if dated.last is None or day <= dated.last else None
        return None


Parameters = Mapping[str, Parameter]


def load_parameters(base: Path, override: Path | None = None) -> dict[str, Parameter]:
    """The parameters of a rule package (a folder of YAML files, one a programme), with a district's own values laid over them."""
    parameters: dict[str, Parameter] = {}
    for path in sorted(base.glob("*.yaml")):
        for parameter in _read(path, (path.stem,), None):
            parameters[parameter.name] = parameter
    if override is not None:
        for parameter in _read(override, (), parameters):
            parameters[parameter.name] = laid_over(parameters[parameter.name], parameter)
    return parameters


def as_openfisca(parameters: Parameters) -> Any:
    """The same parameters as OpenFisca's tree."""
    tree: dict[str, Any] = {}
    for parameter in parameters.values():
        *path, leaf = parameter.name.split(".")
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        values: dict[str, Any] = {
            dated.first.isoformat(): {"value": dated.value, "reference": dated.reference, "metadata": {"source": dated.source}}
            for dated in parameter.values
        }
        last = parameter.values[-1].last
        if last is not None:
            values[(last + timedelta(days=1)).isoformat()] = {"value": None}
        node[leaf] = {"description": parameter.description, "unit": parameter.unit, "values": values}
    return ParameterNode("", data=tree)


def fingerprint(*files: Path) -> str:
    """Hash of what files say, in the order given, wherever they lie."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


SUPPOSED = "假设（仅供测算）"


def supposed(base: Parameter, value: int, first: date, reference: str = SUPPOSED) -> Parameter:
    """A parameter as it would be if it had another value from a day on: for costing a change before it is made."""
    least, greatest = UNITS[base.unit]
    if not least <= value <= greatest:
        raise ParameterError(f"假设: {base.name} 的值 {value} 超出 {base.unit} 的范围 {least} 至 {greatest}")
    dated = Dated(first, None, value, reference, "placeholder", "", "假设")
    return laid_over(base, replace(base, values=(dated,), where="假设"))


def laid_over(base: Parameter, district: Parameter) -> Parameter:
    """The base's values up to the day before the district's first one, then the district's."""
    start = district.values[0].first
    kept = [dated for dated in base.values if dated.first < start]
    if kept:
        last = kept[-1].last
        if last is not None and last < start - timedelta(days=1):
            raise ParameterError(f"{district.where}: {base.name} 在 {last} 之后、{start} 之前没有值（日期有空档）")
        kept[-1] = replace(kept[-1], last=start - timedelta(days=1))
    return replace(base, values=(*kept, *district.values))


def _read(path: Path, prefix: tuple[str, ...], known: Parameters | None) -> Iterator[Parameter]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ParameterError(f"{path}:{line}: 不是合法的 YAML：{fault.problem}") from fault
    if root is None:
        return
    yield from _Reader(path, known).tree(root, prefix)


class _Reader:
    """Walks the nodes of one file; nodes, unlike loaded data, still know their line."""

    def __init__(self, path: Path, known: Parameters | None) -> None:
        self.path = path
        self.known = known

    def where(self, node: yaml.Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def refuse(self, node: yaml.Node, message: str) -> ParameterError:
        return ParameterError(f"{self.where(node)}: {message}")

    def entries(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self.refuse(node, f"{what} 应是键值对")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.refuse(key, f"{what} 的键应是文字")
            if key.value in found:
                raise self.refuse(key, f"{what} 中 {key.value} 出现两次")
            found[key.value] = (key, value)
        return found

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.tag.endswith(":null"):
            raise self.refuse(node, f"{what} 不能为空")
        return str(node.value).strip()

    def tree(self, node: yaml.Node, path: tuple[str, ...]) -> Iterator[Parameter]:
        entries = self.entries(node, ".".join(path) or "文件")
        if "values" in entries:
            yield self.leaf(node, entries, ".".join(path))
            return
        for name, (key, child) in entries.items():
            if not name.isidentifier():
                raise self.refuse(key, f"参数名 {name} 只能用字母、数字和下划线")
            if name in _RESERVED:
                raise self.refuse(key, f"{'.'.join(path)} 缺少 values，或参数名用了保留字 {name}")
            if self.known is not None:
                dotted = ".".join((*path, name))
                if not any(known == dotted or known.startswith(dotted + ".") for known in self.known):
                    raise self.refuse(key, f"规则中没有名为 {dotted} 的参数")
            yield from self.tree(child, (*path, name))

    def leaf(self, node: yaml.Node, entries: dict[str, tuple[yaml.Node, yaml.Node]], name: str) -> Parameter:
        allowed = _LEAF_KEYS if self.known is None else {"values"}
        for key, (key_node, _) in entries.items():
            if key not in allowed:
                raise self.refuse(key_node, f"{name} 中不认识的键 {key}；可用：{'、'.join(sorted(allowed))}")
        if self.known is None:
            for key in ("description", "unit"):
                if key not in entries:
                    raise self.refuse(node, f"{name} 缺少 {key}")
            description, unit = (self.text(entries[key][1], f"{name} 的 {key}") for key in ("description", "unit"))
            if unit not in UNITS:
                raise self.refuse(entries["unit"][1], f"{name} 的单位 {unit} 不认识；可用：{'、'.join(UNITS)}")
        elif name in self.known:
            description, unit = self.known[name].description, self.known[name].unit
        else:
            raise self.refuse(node, f"{name} 不是参数，不能直接给值")
        return Parameter(name, description, unit, self.values(entries["values"][1], name, unit), self.where(node))

    def values(self, node: yaml.Node, name: str, unit: str) -> tuple[Dated, ...]:
        found: list[Dated] = []
        for start, (key, child) in self.entries(node, f"{name} 的 values").items():
            dated = self.dated(key, child, start, name, unit)
            if found:
                self.follows(key, found[-1], dated, name)
                found[-1] = replace(found[-1], last=dated.first - timedelta(days=1))
            found.append(dated)
        if not found:
            raise self.refuse(node, f"{name} 没有任何值")
        return tuple(found)

    def follows(self, key: yaml.Node, before: Dated, after: Dated, name: str) -> None:
        if after.first <= before.first:
            raise self.refuse(key, f"{name} 的日期须由早到晚，{after.first} 不在 {before.first} 之后")
        if before.last is None:
            return
        expected = before.last + timedelta(days=1)
        if after.first > expected:
            raise self.refuse(key, f"{name} 在 {expected} 至 {after.first - timedelta(days=1)} 之间没有值（日期有空档）")
        if after.first < expected:
            raise self.refuse(key, f"{name} 在 {after.first} 至 {before.last} 之间有两个值（日期重叠）")

    def dated(self, key: yaml.Node, node: yaml.Node, start: str, name: str, unit: str) -> Dated:
        first = self.day(key, start, name)
        if first.day != 1:
            raise self.refuse(key, f"{name} 自 {start} 起：按月计发，生效日须为某月1日")
        entries = self.entries(node, f"{name} 自 {start} 起的值")
        for entry, (entry_key, _) in entries.items():
            if entry not in _VALUE_KEYS:
                raise self.refuse(entry_key, f"{name} 自 {start} 起的值中不认识的键 {entry}；可用：{'、'.join(sorted(_VALUE_KEYS))}")
        for entry in ("value", "reference", "source"):
            if entry not in entries:
                raise self.refuse(key, f"{name} 自 {start} 起的值缺少 {entry}")
        source_node = entries["source"][1]
        source = self.text(source_node, f"{name} 的 source")
        if source not in SOURCES:
            raise self.refuse(source_node, f"{name} 的 source 只能是：{'、'.join(SOURCES)}")
        last = None
        if "until" in entries:
            until = entries["until"][1]
            last = self.day(until, self.text(until, f"{name} 的 until"), name)
            if last < first or (last + timedelta(days=1)).day != 1:
                raise self.refuse(until, f"{name} 的 until 须为 {start} 以后某月的最后一日")
        return Dated(
            first=first,
            last=last,
            value=self.integer(entries["value"][1], name, unit),
            reference=self.text(entries["reference"][1], f"{name} 的 reference"),
            source=source,
            note=self.text(entries["note"][1], f"{name} 的 note") if "note" in entries else "",
            where=self.where(key),
        )

    def day(self, node: yaml.Node, text: str, name: str) -> date:
        try:
            if len(text) != 10:
                raise ValueError(text)
            return date.fromisoformat(text)
        except ValueError:
            raise self.refuse(node, f"{name} 的日期 {text} 应写作 YYYY-MM-DD") from None

    def integer(self, node: yaml.Node, name: str, unit: str) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":int") or not text.lstrip("-").isdecimal():
            raise self.refuse(node, f"{name} 的值须为整数（金额以分计），收到的是 {text or '结构'}")
        if len(text.lstrip("-")) > 1 and text.lstrip("-").startswith("0"):
            raise self.refuse(node, f"{name} 的值 {text} 不能以 0 开头")
        value = int(text)
        least, greatest = UNITS[unit]
        if not least <= value <= greatest:
            raise self.refuse(node, f"{name} 的值 {value} 超出 {unit} 的范围 {least} 至 {greatest}")
        return value

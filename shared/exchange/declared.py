"""Outside data sources (信息核对数据资源) as data: ``profiles/<district>/sources.yaml``. Catalogue A44.

A source says who owns it, under which agreement, how often it is brought up to date, how it is asked (``files`` or ``amqp``), how many
days it has for an answer, and which fields it answers with. A mistake in the file is refused at load with the file and the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.rules.errors import RulesError
from shared.rules.profile import PROFILES

ADAPTERS = ("files", "amqp")
STATUSES = ("active", "planned")
KINDS = ("money", "count")
# What of the declared facts a field is compared with; "" is shown in the report and compared with nothing.
COMPARED = ("", "income", "savings", "securities", "vehicles", "homes")


@dataclass(frozen=True)
class SourceField:
    """One column of a source's answers. money: fen here, yuan in a file; count: a whole number."""

    name: str
    label: str
    kind: str
    compares: str = ""


@dataclass(frozen=True)
class Source:
    """One outside source. frequency: how often its data is brought up to date; timeout_days: calendar days it has for an answer."""

    code: str
    name: str
    owner: str
    agreement: str
    frequency: str
    status: str
    adapter: str
    timeout_days: int
    fields: tuple[SourceField, ...]


@dataclass(frozen=True)
class Limits:
    """start_working_days: until a check is begun. finish_working_days: until it is reported. objection_working_days: how long its report
    can be objected to. tolerance_fen: a difference up to this is none. authorisation_months: how long a signature can hold at most."""

    start_working_days: int
    finish_working_days: int
    objection_working_days: int
    tolerance_fen: int
    authorisation_months: int


@dataclass(frozen=True)
class Sources:
    """A district's sources, and which of them each programme asks (``default`` for those not named)."""

    limits: Limits
    programmes: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, Source]

    def asked_for(self, programme: str) -> tuple[Source, ...]:
        """The sources a programme asks, planned ones left out."""
        codes = self.programmes.get(programme, self.programmes["default"])
        return tuple(self.sources[c] for c in codes if self.sources[c].status == "active")


@cache
def load_sources(profile: str, folder: Path = PROFILES) -> Sources:
    """The sources of a district profile; RulesError names the file and what is wrong in it."""
    path = folder / profile / "sources.yaml"
    if not path.is_file():
        raise RulesError(f"{path}: 缺少信息核对数据资源声明")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    _keys(path, "", data, {"limits", "programmes", "sources"})
    _keys(path, "limits", data["limits"], set(Limits.__annotations__))
    sources = {str(code): _source(path, str(code), given) for code, given in data["sources"].items()}
    programmes = {str(k): tuple(v) for k, v in data["programmes"].items()}
    if "default" not in programmes:
        raise RulesError(f"{path}: programmes 须有 default")
    for programme, codes in programmes.items():
        for code in codes:
            if code not in sources:
                raise RulesError(f"{path}: programmes.{programme} 中没有声明的来源 {code!r}")
    return Sources(Limits(**{k: _whole(path, f"limits.{k}", v) for k, v in data["limits"].items()}), programmes, sources)


def _source(path: Path, code: str, given: Any) -> Source:
    where = f"sources.{code}"
    _keys(path, where, given, set(Source.__annotations__) - {"code"})
    for key, allowed in (("adapter", ADAPTERS), ("status", STATUSES)):
        if given[key] not in allowed:
            raise RulesError(f"{path}: {where}.{key} 须为 {'、'.join(allowed)}")
    fields = []
    for n, one in enumerate(given["fields"]):
        _keys(path, f"{where}.fields.{n}", {"compares": "", **one}, set(SourceField.__annotations__))
        if one["kind"] not in KINDS or one.get("compares", "") not in COMPARED:
            raise RulesError(f"{path}: {where}.fields.{n} 的 kind 或 compares 不在允许的取值范围内")
        fields.append(SourceField(**one))
    texts = {k: str(given[k]) for k in ("name", "owner", "agreement", "frequency", "status", "adapter")}
    return Source(code=code, timeout_days=_whole(path, f"{where}.timeout_days", given["timeout_days"]), fields=tuple(fields), **texts)


def _whole(path: Path, where: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RulesError(f"{path}: {where} 须为非负整数")
    return value


def _keys(path: Path, where: str, given: Any, wanted: set[str]) -> None:
    if not isinstance(given, dict) or set(given) != wanted:
        raise RulesError(f"{path}: {where or '文件'} 须有且只有这些键：{'、'.join(sorted(wanted))}")

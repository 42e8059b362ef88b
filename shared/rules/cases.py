"""Cases beside the rules (规则用例): what a rule file's examples are given as, and how one is run.

    programme: extreme_hardship_support
    month: 2023-07
    parameters: {standard.urban: 160000}      # of the programme; another programme's by its full name
    defaults: {person: {born_on: 1950-01-01}}  # under the facts of every case
    cases:
      - {name: 三项, facts: {lost_acts: [eat, dress, bed]}, outcome: eligible, amount: 200000, reason: …, tells: [半护理]}
      - {name: 死亡, died_on: 2023-07-31, stops: 2023-08}

A case may have a month and parameters of its own. tells, silent: words that the explanation must, and must not, hold. A line of it reads
"label = fen<tab>basis", so ``取整 = 50`` is a line with what it comes to, and a figure's full name says that one rests on it. read_by,
at the head, names the figures that no rule uses, each with the file that does. Figures lie over the national ones from 2023 on, without any
district's, so that no case depends on what a district decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import yaml

from shared.rules.assessment import Assessment, Line
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.facts import HouseholdFacts, PersonFacts
from shared.rules.package import Programme, RulePackage
from shared.rules.profile import Profile

SINCE = "2023-01"
DIVISION = "330225"
FIGURE = "用例参数 {name}"  # what a figure of a case is told to come from: so that tells can say which one a line rests on
_NOWHERE = Profile("cases-2023", "宁波市象山县", DIVISION, 2023, (), Path("/nonexistent"))
_HEAD = {"programme", "month", "parameters", "defaults", "read_by", "cases"}
_KEYS = {"name", "facts", "outcome", "amount", "reason", "exit_ends", "month", "parameters", "tells", "silent", "died_on", "stops"}


class _Loader(yaml.SafeLoader):
    """Leaves dates as text, as they come in a message."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

Figures = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Case:
    """One example. facts: what the engine is given (None for a death). expected: what was written to come out."""

    programme: str
    name: str
    month: str
    figures: Figures
    facts: Any
    expected: Mapping[str, Any]

    def faults(self, engine: RulesEngine) -> list[str]:
        """How what comes out differs from what was written; [] when it does not."""
        e = self.expected
        if self.facts is None:
            stops = engine.stop_month(self.programme, date.fromisoformat(e["died_on"]))
            return [] if stops == e["stops"] else [f"停发月份应为 {e['stops']}，实为 {stops}"]
        return self.differences(engine.assess(self.programme, self.facts, self.month))

    def differences(self, found: Assessment) -> list[str]:
        """How an assessment differs from what was written."""
        e = self.expected
        pairs = [("结果", e["outcome"], found.outcome), ("金额", e["amount"], found.amount_fen)]
        pairs += [("理由", e.get("reason", found.reason), found.reason), ("渐退止月", e.get("exit_ends"), found.exit_ends)]
        told = "\n".join(_line(line) for line in found.lines)
        faults = [f"{what}应为 {wanted}，实为 {came}" for what, wanted, came in pairs if wanted != came]
        faults += [f"说明中应有“{words}”" for words in e.get("tells", ()) if words not in told]
        return faults + [f"说明中不应有“{words}”" for words in e.get("silent", ()) if words in told]


def _line(line: Line) -> str:
    """A line of the explanation as tells and silent see it."""
    amount = "" if line.amount_fen is None else f" = {line.amount_fen}"
    return f"{line.label}{amount}\t{line.basis}"


def cases_of(package: RulePackage) -> dict[str, list[Case]]:
    """The cases of a package by programme, a programme without any among them."""
    found: dict[str, list[Case]] = {programme.id: [] for programme in package.programmes}
    for path in sorted((package.folder / "cases").glob("*.yaml")):
        for case in _read(path, package):
            found[case.programme].append(case)
    return found


def read_elsewhere(package: RulePackage) -> dict[str, str]:
    """Parameters (full names) that the gathering of facts reads and no rule does, with the file that reads each."""
    found: dict[str, str] = {}
    for path in sorted((package.folder / "cases").glob("*.yaml")):
        file = _load(path)
        found |= {f"{file['programme']}.{name}": where for name, where in file.get("read_by", {}).items()}
    return found


@lru_cache(maxsize=256)
def engine_for(package: RulePackage, figures: Figures) -> RulesEngine:
    """An engine with the figures of a case over the national ones."""
    return _bare(package).what_if(dict(figures), SINCE, FIGURE)


@lru_cache(maxsize=8)
def _bare(package: RulePackage) -> RulesEngine:
    return RulesEngine((package,), _NOWHERE)


def _load(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))  # noqa: S506 - a SafeLoader without dates


def _read(path: Path, package: RulePackage) -> list[Case]:
    file = _load(path)
    if unknown := set(file) - _HEAD:
        raise RulesError(f"{path}: 不认识的键 {'、'.join(sorted(unknown))}；可用：{'、'.join(sorted(_HEAD))}")
    programmes = {programme.id: programme for programme in package.programmes}
    if file.get("programme") not in programmes:
        raise RulesError(f"{path}: programme 须为 {'、'.join(programmes)} 之一")
    programme = programmes[file["programme"]]
    found: list[Case] = []
    for given in file["cases"]:
        if unknown := set(given) - _KEYS:
            raise RulesError(f"{path}: 用例“{given.get('name')}”中不认识的键 {'、'.join(sorted(unknown))}")
        figures = {_full(name, programme, programmes): value for name, value in (file["parameters"] | given.get("parameters", {})).items()}
        facts = None if "died_on" in given else facts_of(programme, _over(file.get("defaults", {}), given.get("facts", {})))
        found.append(Case(programme.id, given["name"], given.get("month", file["month"]), tuple(sorted(figures.items())), facts, given))
    return found


def _full(name: str, programme: Programme, programmes: Iterable[str]) -> str:
    """A parameter's full name: one that begins with a programme's is full already."""
    return name if name.split(".")[0] in programmes else f"{programme.id}.{name}"


def _over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given laid over the defaults, key by key; a list replaces a list."""
    both = {
        key: _over(base[key], value) if isinstance(value, Mapping) and isinstance(base.get(key), Mapping) else value
        for key, value in given.items()
    }
    return {**base, **both}


def facts_of(programme: Programme, given: Mapping[str, Any]) -> Any:
    """The facts that a case writes; unwritten: a household of Xiangshan with one member, a person born in 1980, no income, nothing else."""
    return msgspec.convert(_completed(programme.facts, given), programme.facts)


def _completed(kind: type[Any], given: Mapping[str, Any], number: int = 1) -> dict[str, Any]:
    if kind is PersonFacts:
        return {"person_id": f"p{number}", "born_on": "1980-01-01", **given}
    known = {"household_id": "h", "subject_id": "s", "division": DIVISION}
    names = {field.name for field in fields(kind)}
    made = {name: value for name, value in known.items() if name in names} | dict(given)
    if kind is HouseholdFacts:
        members: Sequence[Mapping[str, Any]] = made.get("members", [{}])
        return made | {"members": [_completed(PersonFacts, member, n) for n, member in enumerate(members, 1)]}
    inner = {name: hint for name, hint in get_type_hints(kind).items() if name in names and isinstance(hint, type) and is_dataclass(hint)}
    return made | {name: _completed(hint, made.get(name, {})) for name, hint in inner.items()}

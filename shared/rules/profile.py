"""District profiles (区县档案): whose parameters a rule engine speaks with.

A profile is a folder: profile.yaml says which district and year it is, and one file a rule package
(assistance.yaml, eldercare.yaml) lays the district's own figures over the national ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from shared.rules.errors import RulesError

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
DEFAULT_PROFILE = "xiangshan-2023"

_ID = re.compile(r"[a-z]+-\d{4}")
_KEYS = {"name", "division_code", "year", "towns"}


@dataclass(frozen=True)
class Profile:
    """One district in one year. division_code: GB/T 2260, six digits. towns: those its plan names, not all there are."""

    id: str
    name: str
    division_code: str
    year: int
    towns: tuple[str, ...]
    folder: Path

    def parameters_of(self, package: str) -> Path | None:
        """The district's own parameter file for a rule package, if it has one."""
        path = self.folder / f"{package}.yaml"
        return path if path.is_file() else None


def profile_ids(folder: Path = PROFILES) -> list[str]:
    """The profiles there are."""
    return sorted(path.parent.name for path in folder.glob("*/profile.yaml"))


def load_profile(profile: str, folder: Path = PROFILES) -> Profile:
    """One profile by its id, such as xiangshan-2023."""
    path = folder / profile / "profile.yaml"
    if not _ID.fullmatch(profile) or not path.is_file():
        raise RulesError(f"没有名为 {profile!r} 的区县档案；现有：{'、'.join(profile_ids(folder))}")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or set(data) - _KEYS or {"name", "division_code", "year"} - set(data):
        raise RulesError(f"{path}: 档案须有且只有这些键：{'、'.join(sorted(_KEYS))}（towns 可省略）")
    code = data["division_code"]
    if not isinstance(code, str) or not re.fullmatch(r"\d{6}", code):
        raise RulesError(f"{path}: division_code 须为加引号的六位区划代码")
    return Profile(profile, str(data["name"]), code, int(data["year"]), tuple(data.get("towns") or ()), path.parent)

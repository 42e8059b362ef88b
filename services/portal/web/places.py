"""The district's places by name and where they lie (地名): ``profiles/<district>/places.yaml``, if there is one.

``at`` is column and row on a map of tiles, one a town, as they lie to each other: enough to see where much and where little is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from shared.rules.profile import Profile


@dataclass(frozen=True)
class Place:
    """A town or street (镇街): its division code, name, and tile."""

    code: str
    name: str
    at: tuple[int, int] | None


class Places:
    """The places of one district."""

    def __init__(self, district: str, code: str, towns: tuple[Place, ...]) -> None:
        self.district, self.code, self.towns = district, code, towns
        self._names = {place.code: place.name for place in towns} | {code: district}

    def name(self, code: str | None) -> str:
        """The name of a division; a village that has none here is named by its town and its own digits."""
        if not code:
            return ""
        if code in self._names:
            return self._names[code]
        town = self._names.get(code[:9])
        return f"{town}{code[9:]}村（社区）" if town and len(code) > 9 else code


@lru_cache(maxsize=16)
def _read(file: Path, district: str, code: str) -> Places:
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["towns"] if file.exists() else {}
    towns = tuple(Place(str(c), str(t["name"]), tuple(t["at"]) if "at" in t else None) for c, t in listed.items())
    return Places(district, code, towns)


def places_of(profile: Profile) -> Places:
    return _read(profile.folder / "places.yaml", profile.name, profile.division_code)

"""The district's places by name and where they lie (地名): ``profiles/<district>/places.yaml``.

A town that has no entry there is called by its code, with 乡镇（街道） before it, and has its tile below the others.
``at`` is column and row on a map of tiles, one a town, as they lie to each other: enough to see where much and where little is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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

    @property
    def short(self) -> str:
        """What there is room for on a tile."""
        return self.name.removeprefix(UNNAMED)


UNNAMED = "乡镇（街道）"  # before the code of a town without an entry
_ACROSS = 5  # tiles in a row, where no town says where it lies


class Places:
    """The places of one district."""

    def __init__(self, district: str, code: str, towns: tuple[Place, ...]) -> None:
        self.district, self.code, self.towns = district, code, towns
        self._names = {place.code: place.name for place in towns} | {code: district}

    def name(self, code: str | None) -> str:
        """The name of a division; a village is named by its town and its own digits, a town that has none here by its code."""
        if not code:
            return ""
        if code in self._names:
            return self._names[code]
        if not (code.isascii() and code.isdigit() and code.startswith(self.code) and len(code) in (9, 12)):
            return code
        town = self._names.get(code[:9]) or f"{UNNAMED}{code[:9]}"
        return f"{town}{'' if code[:9] in self._names else ' '}{code[9:]}村（社区）" if len(code) > 9 else town

    def tiled(self, told: Iterable[str]) -> tuple[Place, ...]:
        """The towns, each with a tile: where it lies, or below all that say so. ``told``: of which there are figures, entry or not."""
        strange = sorted({*told} - {town.code for town in self.towns} - {self.code})
        every = (*self.towns, *(Place(code, self.name(code), None) for code in strange))
        lie = [place.at for place in every if place.at is not None]
        across = max((x + 1 for x, _ in lie), default=_ACROSS)
        below = max((y + 1 for _, y in lie), default=0)
        rest = [place for place in every if place.at is None]
        spots = {place.code: (n % across, below + n // across) for n, place in enumerate(rest)}
        return tuple(replace(place, at=place.at or spots[place.code]) for place in every)


@lru_cache(maxsize=16)
def _read(file: Path, district: str, code: str) -> Places:
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["towns"] if file.exists() else {}
    towns = tuple(Place(str(c), str(t["name"]), tuple(t["at"]) if "at" in t else None) for c, t in listed.items())
    return Places(district, code, towns)


def places_of(profile: Profile) -> Places:
    return _read(profile.folder / "places.yaml", profile.name, profile.division_code)

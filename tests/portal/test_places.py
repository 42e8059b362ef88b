"""The places of the districts: every profile names its towns, and a town that has no entry is called by its code and has a tile."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml

from services.portal.web.pictures import Tile, tiles
from services.portal.web.places import Place, Places, places_of
from shared.rules.profile import load_profile, profile_ids


@pytest.mark.parametrize("district", profile_ids())
def test_every_district_names_its_towns(district: str) -> None:
    """Each town once, under the district's code, on a spot of its own; those that the plan names are among them."""
    profile = load_profile(district)
    towns = places_of(profile).towns
    assert len(towns) >= 9
    listed = yaml.compose((profile.folder / "places.yaml").read_text(encoding="utf-8"))
    [codes] = [value.value for key, value in listed.value if key.value == "towns"]
    assert not [code for code, n in Counter(key.value for key, _ in codes).items() if n > 1]  # YAML itself would keep the last
    assert {(t.code[:6], len(t.code), t.code.isdigit()) for t in towns} == {(profile.division_code, 9, True)}
    for many in ([t.name for t in towns], [t.at for t in towns]):
        assert len(set(many)) == len(many)
    assert None not in [t.at for t in towns]
    assert {t.name[-1] for t in towns} <= {"道", "镇", "乡"}
    assert all((t.code[6] == "0") == t.name.endswith("街道") for t in towns)  # 0 街道, 1 镇, 2 乡
    assert set(profile.towns) <= {t.name for t in towns}


KNOWN = (Place("330299001", "城关街道", (1, 0)), Place("330299100", "大镇", (0, 1)), Place("330299101", "小镇", None))
HALF = Places("某区", "330299", KNOWN)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("330299", "某区"), ("330299001", "城关街道"), ("330299001007", "城关街道007村（社区）"),
        ("330299400", "乡镇（街道）330299400"), ("330299400002", "乡镇（街道）330299400 002村（社区）"),
        ("", ""), (None, ""), ("110101001", "110101001"), ("33029", "33029"), ("330299-ab", "330299-ab"), ("330299４００", "330299４００"),
    ],
)  # fmt: skip
def test_a_division_without_an_entry_is_called_by_its_code(code: str | None, name: str) -> None:
    """The code stands behind what it is of; what is no code of this district stays as it is."""
    assert HALF.name(code) == name


def test_a_town_without_an_entry_has_a_tile_below_the_others() -> None:
    """Those that say where they lie keep their spot; no two share one, in a district of which no place is known either."""
    told = ("330299", "330299001", "330299400", "330299401")
    found = {t.code: t.at for t in HALF.tiled(told)}
    assert found == {
        "330299001": (1, 0), "330299100": (0, 1), "330299101": (0, 2), "330299400": (1, 2), "330299401": (0, 3),
    }  # fmt: skip
    nowhere = Places("某区", "330299", ()).tiled(f"3302991{n:02}" for n in range(12))
    assert len({t.at for t in nowhere}) == 12
    assert {t.name for t in nowhere} == {f"乡镇（街道）3302991{n:02}" for n in range(12)}
    assert not Places("某区", "330299", ()).tiled(())


def test_a_tile_says_as_much_as_there_is_room_for() -> None:
    """On the tile the code alone, in the description the whole name."""
    [strange] = Places("某区", "330299", ()).tiled(("330299400",))
    assert strange.at is not None
    drawn = str(tiles("各镇街", [Tile(strange.name, strange.at, 3, "3", "", strange.short)]))
    assert ">330299400</text>" in drawn
    assert "乡镇（街道）330299400：3" in drawn.split("</desc>")[0]

"""The national system's list held against our register (A31): who is only there, only here, or of another class; each a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from services.assistance import household
from services.assistance import national_register as nr
from services.assistance.doors import national_register as door
from shared.domain.errors import Refused
from shared.eventsourcing.testing import given
from tests.desk import Desk, desk
from tests.programmes.people import TOWN, Numbers, grant, home

LIVING, SUPPORT = "minimum_living_allowance", "extreme_hardship_support"
HEAD = ("身份证号", "姓名", "救助类别", "行政区划代码")
ONE, TWO, THREE = "0a" * 16, "0b" * 16, "0c" * 16


def test_two_lists_differ_in_three_ways() -> None:
    """Only there, only here, another class; who is the same in both is no difference."""

    def listed(*persons: tuple[str, str]) -> dict[str, nr.Listed]:
        return {p: nr.Listed(p, c, TOWN) for p, c in persons}

    theirs = listed((ONE, "minimum_living"), (TWO, "margin"), ("0d" * 16, "low_income"))
    ours = listed((TWO, "minimum_living"), (THREE, "extreme_hardship"), ("0d" * 16, "low_income"))
    assert [(d.kind, d.person_id, d.what) for d in nr.differences({*theirs, *ours}, theirs, ours, "2023-09")] == [
        ("only_there", ONE, "2023-09：金民为低保，本区名册无此人"),
        ("class_differs", TWO, "2023-09：金民为低保边缘，本区为低保"),
        ("only_here", THREE, "2023-09：本区为特困，金民无此人"),
    ]


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Desk]:
    """A desk of assistance."""
    with desk(tmp_path, "assistance") as made:
        yield made


def into(d: Desk) -> Path:
    path: Path = d.settings.var / "exchange" / "assistance" / "jinmin" / "in"
    path.mkdir(parents=True, exist_ok=True)
    return path


def csv(d: Desk, name: str, *lines: tuple[str, ...]) -> None:
    (into(d) / name).write_bytes("\r\n".join(",".join(line) for line in (HEAD, *lines)).encode("gb18030"))


def number_of(d: Desk, household_id: str, person_id: str) -> str:
    state: household.Household = d.services["assistance"].office.load(household.DECIDER, household_id).state
    return state.members[person_id].resident_id


def compare(d: Desk, **body: Any) -> Any:
    """The file is taken in and compared to its end: what is told of it at once, and what came of it."""
    d.settle()
    [begun] = d.call("compare_national_register", **body)["files"]
    d.settle()
    found = d.call("get_national_comparisons", "auditor")
    assert (found["running"], list((into(d).parent / "work").iterdir())) == ([], [])
    last = found["made"][-1]
    assert {name: begun[name] for name in begun} == {name: last[name] for name in begun}
    return {name: last[name] for name in (*begun, "our_persons", "only_there", "only_here", "differs", "raised")}


def tasks(d: Desk) -> list[dict[str, Any]]:
    d.settle()
    rows = d.call("list_records", "auditor", programme="national_register_comparison", limit=500)
    return [{"record_id": r["record_id"], **d.call("get_record", "auditor", shape="clue", record_id=r["record_id"])} for r in rows]


def test_a_file_of_the_national_system_becomes_tasks_and_the_same_file_none(d: Desk) -> None:
    """特困 of one of a household is compared by person; a task is answered with an outcome, and only a later month raises it again."""
    numbers = Numbers()
    d.on("2023-07-03")
    both = home(d, numbers, {"born": "19400101"}, {"born": "19420101"})
    ill, wife = both.members
    grant(d, LIVING, household_id=both.household_id)
    d.call("record_finding", person_id=ill, found_on="2023-07-10", able_supporter=False, able_to_work=False)
    grant(d, SUPPORT, person_id=ill)
    with pytest.raises(Refused, match="没有待比对"):
        d.call("compare_national_register")
    d.on("2023-09-05")
    stranger = numbers.resident("19500101")
    ill_no, wife_no = (number_of(d, both.household_id, p) for p in both.members)
    lines = [(ill_no, "甲", "特困供养", TOWN), (wife_no, "乙", "低保边缘", TOWN), (stranger, "丙", "最低生活保障", f"{TOWN}000")]
    broken = [("33022519", "丁", "低保", TOWN), (stranger, "丙", "低保", TOWN), (wife_no, "乙", "富裕", TOWN)]
    csv(d, "1.csv", *lines, *broken)
    with pytest.raises(Refused) as elsewhere:
        d.call("compare_national_register", at=TOWN)
    assert elsewhere.value.code == "wrong_division"
    told = compare(d)
    assert [b["line"] for b in told.pop("broken")] == [5, 6, 7]
    assert told == {"month": "2023-09", "national_persons": 3, "our_persons": 2, "only_there": 1, "only_here": 0, "differs": 1, "raised": 2}
    found = {t["kind"]: t for t in tasks(d)}
    assert (found["class_differs"]["subject_id"], found["class_differs"]["what"]) == (wife, "2023-09：金民为低保边缘，本区为低保")
    assert found["only_there"]["subject_id"] == d.services["assistance"].office.person_id(stranger)
    csv(d, "1.csv", *lines, *broken)
    assert compare(d)["raised"] == 0
    ref = {"record_id": found["only_there"]["record_id"]}
    d.call("assign_clue", **ref, responsible="staff:clerk")
    d.call("verify_clue", **ref, finding="their_record_wrong", note="已于上年终止")
    d.call("resolve_clue", "reviewer", **ref, outcome="refer", opened="金民更正单7")
    d.on("2023-10-09")
    sheet = openpyxl.Workbook()
    for line in (HEAD, *lines[:2]):
        sheet.active.append(list(line))
    sheet.save(into(d) / "2.xlsx")
    told = compare(d)
    assert (told["national_persons"], told["only_there"], told["differs"], told["raised"]) == (2, 0, 1, 0), "that task is still open"
    csv(d, "3.csv", lines[0], lines[2])
    told = compare(d)
    assert (told["only_there"], told["only_here"], told["raised"]) == (1, 1, 2)
    made = d.call("get_national_comparisons", "auditor")["made"]
    assert [(m["month"], m["national_persons"], m["raised"]) for m in made] == [
        ("2023-09", 3, 2), ("2023-09", 3, 0), ("2023-10", 2, 0), ("2023-10", 2, 2)
    ]  # fmt: skip
    assert not any(number in str(made) for number in (ill_no, wife_no, stranger, "甲"))


def test_a_file_of_which_nothing_can_be_read_is_no_empty_list(d: Desk) -> None:
    """Nobody of ours is missing there because of it; it is told what was wrong."""
    numbers = Numbers()
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"})
    grant(d, LIVING, household_id=made.household_id)
    (into(d) / "1.csv").write_bytes("编号,类别\r\n1,低保\r\n".encode())
    told = compare(d, valid_at="2023-08-01")
    assert (told["national_persons"], told["our_persons"], told["raised"], told["broken"][0]["line"]) == (0, 0, 0, 0)
    assert tasks(d) == []


def test_a_register_of_any_size_is_compared_page_by_page(d: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A31: each part is an event with the place it got to; all pages together say what one would, and no part counts twice."""
    numbers = Numbers()
    d.on("2023-07-03")
    homes = [home(d, numbers, {"born": "19700101"}) for _ in range(3)]
    for made in homes:
        grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-05")
    known = number_of(d, homes[0].household_id, homes[0].members[0])
    csv(d, "1.csv", (known, "甲", "低保", TOWN), *((numbers.resident("19500101"), "乙", "低保", TOWN) for _ in range(4)))
    monkeypatch.setattr(door, "PAGE", 2)
    told = compare(d)
    assert (told["national_persons"], told["our_persons"]) == (5, 3)
    assert (told["only_there"], told["only_here"], told["differs"], told["raised"]) == (4, 2, 0, 6)
    history = list(d.services["assistance"].office.history(nr.DECIDER.stream("330225")))
    parts = [(r.event.looked, r.event.side) for r in history if isinstance(r.event, nr.NationalPartCompared)]
    assert parts == [(2, "here"), (1, "there"), (2, "there"), (2, "there"), (1, "there")]
    assert len(tasks(d)) == 6


def test_a_part_is_noted_once() -> None:
    """Two workers that compared the same page: the second says nothing; the same file while it is being compared begins nothing."""
    start = nr.StartNationalComparison("d1", "330225", "2023-09", 3, ())
    begun = given(nr.DECIDER).on("2023-09-05").when(start).accepted()
    begun.when(start).then_nothing()
    part = nr.NotePartCompared("d1", "here", "", 2, 0, 1, 1, 2, "there", "")
    once = begun.when(part).accepted()
    once.when(part).then_nothing()
    last = nr.NotePartCompared("d1", "there", "", 3, 1, 0, 0, 1, "", "")
    through = once.when(last).accepted().state
    [made] = through.made
    assert (through.running, made.our_persons, made.only_there, made.only_here, made.differs, made.raised) == ((), 2, 1, 1, 1, 3)

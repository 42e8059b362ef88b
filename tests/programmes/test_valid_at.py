"""``valid_at``: how it was on a day, by all that is known now, in lists as for one record, and together with ``as_of``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.declarations import DECLARATIONS
from services.assistance.rows import person as person_rows
from services.assistance.rows import standards as standard_rows
from services.eldercare.declarations import DECLARATIONS as OF_ELDERCARE
from shared.casework.shape import Declaration
from shared.config import ROOT
from shared.domain.errors import Refused
from shared.eventlog import benefit_rows, shape_rows
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes.life import DIED, Life, answered, queries, rest
from tests.programmes.people import Numbers, home, single

DAYS = ("2023-03-31", "2023-04-01", "2023-04-30", "2023-05-15", "2023-06-01", "2023-06-09", "2023-06-10", "2023-07-20", "2023-10-01")
TOWN = "330225101"


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of assistance and elder care."""
    with desk(tmp_path_factory.mktemp("valid_at"), "assistance", "eldercare") as made:
        yield made


@pytest.mark.parametrize("service", ["assistance", "eldercare"])
def test_a_list_of_cases_on_a_day_says_of_each_what_the_case_itself_says(life: Life, service: str) -> None:
    """Every case of a long life, on many days: in the list exactly if in force then, with the same status and amounts."""
    d = life.d
    every = [row["case_id"] for row in d.call("list_cases", "auditor", service=service, limit=500)]
    seen: set[str] = set()
    for day in DAYS:
        rows = d.call("list_cases", "auditor", service=service, valid_at=day, limit=500)
        listed = {row["case_id"]: row["valid"] for row in rows}
        own = {c: d.call("get_case", "auditor", service=service, case_id=c, valid_at=day)["valid"] for c in every}
        assert listed == {c: valid for c, valid in own.items() if valid["status"] != "not_in_force"}
        assert [row["case_id"] for row in rows] == sorted(listed)
        for status in {v["status"] for v in own.values()} - {"not_in_force"}:
            only = d.call("list_cases", "auditor", service=service, valid_at=day, status=status, limit=500)
            assert {r["case_id"] for r in only} == {c for c, v in own.items() if v["status"] == status}
        seen |= {v["status"] for v in own.values()}
    assert seen >= {"not_in_force", "in_force"}


LISTS = ("case_id", "list_cases"), ("household_id", "list_households"), ("person_id", "list_persons"), ("record_id", "list_records")


def test_pages_of_a_day_join_to_the_whole(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time, behind the last one, also where the tables are read in pages of one: nobody twice, nobody left out."""
    d = life.d
    rest(d)
    whole = {method: d.call(method, "auditor", valid_at="2023-07-10", limit=500) for _, method in LISTS}
    for module in (benefit_rows, shape_rows, person_rows, standard_rows):
        monkeypatch.setattr(module, "PAGE", 1)
    for key, method in LISTS:
        after, pages = "", []
        while page := d.call(method, "auditor", valid_at="2023-07-10", limit=1, after=after):
            pages += page
            after = page[-1][key]
        assert pages == whole[method]
        assert len(pages) > 1, method
    with pytest.raises(Refused, match="due_before"):
        d.call("list_cases", "auditor", valid_at="2023-06-20", due_before="2023-07-01")


def test_a_decision_and_a_payment_are_those_of_the_month(life: Life) -> None:
    """The decision whose amount is due in the month is the last that decided it; outside of the months in force there is none."""
    d = life.d
    checked = 0
    for case in d.call("list_cases", "auditor", limit=500):
        for day in DAYS:
            valid = d.call("get_case", "auditor", case_id=case["case_id"], valid_at=day)["valid"]
            decisions = d.call("list_decisions", "auditor", case_id=case["case_id"], valid_at=day)
            assert [x["new_amount_fen"] for x in decisions] == ([valid["due_fen"]] if valid["status"] == "in_force" else [])
            every = d.call("list_payments", "auditor", case_id=case["case_id"])
            paid = d.call("list_payments", "auditor", case_id=case["case_id"], valid_at=day)
            assert paid == [x for x in every if x["month"] == day[:7]]
            checked += bool(decisions) + bool(paid)
    assert checked > 5


def _of_a_kind(declarations: dict[str, Declaration], valid: bool) -> list[str]:
    return [code for code, declared in declarations.items() if (declared.shape.valid_on is not None) is valid]


@pytest.mark.parametrize(("service", "declarations"), [("assistance", DECLARATIONS), ("eldercare", OF_ELDERCARE)])
def test_records_valid_on_a_day_are_those_whose_shape_says_so(life: Life, service: str, declarations: dict[str, Declaration]) -> None:
    """Every record of every declared programme, against the record's own answer; of a shape without validity, how it stood that day."""
    d = life.d
    rest(d)
    every = d.call("list_records", "auditor", service=service, limit=500)
    lasting = {declared.shape.name for declared in declarations.values() if declared.shape.valid_on is not None}
    found = 0
    for day in ("2023-07-02", "2023-07-04", "2023-07-10", "2023-07-20", "2023-09-01", "2025-01-01"):
        listed = {r["record_id"]: r for r in d.call("list_records", "auditor", service=service, valid_at=day, limit=500)}
        assert list(listed) == sorted(listed)
        own, stood = {}, {}
        for row in every:
            of = {"shape": row["shape"], "record_id": row["record_id"], "valid_at": day}
            answer = answered(d, service, "get_record", "auditor", **of)
            if row["shape"] in lasting:
                own[row["record_id"]] = answer["valid"]
            elif not isinstance(answer, tuple):
                stood[row["record_id"]] = answer["version"]
        assert {k: r["valid"] for k, r in listed.items() if "valid" in r} == {record: valid for record, valid in own.items() if valid}
        assert {k: r["version"] for k, r in listed.items() if "valid" not in r} == stood
        found += len(own) + len(stood)
    assert found
    for valid in (True, False):
        for code in _of_a_kind(declarations, valid=valid):
            rows = d.call("list_records", "auditor", service=service, programme=code, valid_at="2023-07-20")
            assert all(r["programme"] == code and ("valid" in r) is valid for r in rows)


def test_a_household_and_its_persons_are_as_they_were_in_the_month(d: Desk) -> None:
    """A member who died is counted until the month in which he no longer is; income and certificate are those of the month."""
    numbers = Numbers()
    d.on("2023-03-01")
    two = home(d, numbers, {"monthly_income_fen": 30_000}, {"monthly_income_fen": 10_000, "born": "19500505"})
    one = home(d, numbers, {"monthly_income_fen": 5_000})
    d.on("2023-04-10").call(
        "record_income", household_id=two.household_id, person_id=two.members[0], monthly_income_fen=50_000, effective_from="2023-04-05"
    )
    single_id = single(d, numbers)
    certificate = {"grade": 2, "kind": "visual", "effective_from": "2023-04-03", "valid_until": "2023-08-31"}
    d.call("record_certificate", person_id=single_id, **certificate)
    d.settle()
    then, now = (d.call("get_household", household_id=two.household_id, valid_at=day)["valid"] for day in ("2023-04-30", "2023-05-01"))
    assert [m["monthly_income_fen"] for m in then["members"]] == [30_000, 10_000]
    assert [m["monthly_income_fen"] for m in now["members"]] == [50_000, 10_000]
    grades = {}
    for day in ("2023-03-31", "2023-04-30", "2023-05-01", "2023-08-31", "2023-09-01"):
        [row] = [r for r in d.call("list_persons", valid_at=day) if r["person_id"] == single_id]
        grades[day] = row["disability_grade"]
        with_two = {r["person_id"] for r in d.call("list_persons", valid_at=day, disability_grade=2)}
        assert (single_id in with_two) is (row["disability_grade"] == 2)
    assert grades["2023-03-31"] == 0
    assert grades["2023-08-31"] == 2
    assert grades["2023-09-01"] == 0
    listed = {r["household_id"]: r["members"] for r in d.call("list_households", valid_at="2023-04-01", limit=500)}
    assert (listed[two.household_id], listed[one.household_id]) == (2, 1)


def test_the_dead_and_the_living_of_a_day(life: Life) -> None:
    """A household whose only member died is listed while he counts; a person until his last day; a death from that day on."""
    d = life.d
    dead = d.services["registry"].office.person_id(DIED)

    def on(day: str) -> tuple[bool, bool]:
        deaths = {r["person_id"] for r in d.call("list_deaths", "auditor", service="registry", valid_at=day)}
        persons = {r["person_id"] for r in d.call("list_persons", "auditor", valid_at=day, limit=500)}
        return dead in deaths, dead in persons

    assert on("2023-06-08")[0] is False
    assert on("2023-06-09")[0] is True
    homes = {day: {r["household_id"] for r in d.call("list_households", "auditor", valid_at=day, limit=500)} for day in DAYS}
    place = d.call("get_death", "auditor", service="registry", person_id=dead)
    assert place["died_on"].isoformat() == "2023-06-09"
    assert len(homes["2023-06-01"]) == len(homes["2023-10-01"]) + 1
    elders = [len(d.call("list_elders", "auditor", service="eldercare", valid_at=day)) for day in ("1939-12-31", "1940-01-01", DAYS[-1])]
    enrolled = len(d.call("list_elders", "auditor", service="eldercare"))
    assert elders == [0, enrolled, enrolled - 1]  # born on one day, and one died in May


def test_an_elder_on_a_day(d: Desk) -> None:
    """Class and ability of the month, and whether he lives."""
    numbers = Numbers()
    d.on("2023-07-03")
    person = d.call("enrol_elder", service="eldercare", resident_id=numbers.resident("19350707"), name="某老人", division=TOWN)["id"]
    noted = {"person_id": person, "hardship_class": "minimum_living", "month": "2023-05"}
    d.call("record_elder_hardship", service="eldercare", **noted)
    of = {day: d.call("get_elder", service="eldercare", person_id=person, valid_at=day)["valid"] for day in ("2023-04-30", "2023-05-01")}
    assert [v["hardship_class"] for v in of.values()] == ["", "minimum_living"]
    assert all(v["living"] for v in of.values())
    assert not d.call("get_elder", service="eldercare", person_id=person, valid_at="1935-07-06")["valid"]["living"]


def test_rights_signatures_and_standards_of_a_day(life: Life) -> None:
    """A right from its first to its last day; a signature while it holds; the publication whose figures are in force."""
    d = life.d
    days = ("2023-06-11", "2023-06-12", "2024-06-12", "2024-06-13")
    assert [len(d.call("list_check_rights", "auditor", valid_at=day)) for day in days] == [0, 1, 1, 0]
    books = {day: [p["number"] for p in d.call("list_standards", "auditor", valid_at=day)] for day in ("2023-04-30", "2023-05-01")}
    assert list(books.values()) == [[], [1]]
    checked = life.known["household_id"][-1]
    of: dict[str, Any] = {"programme": town.PROGRAMME, "subject_id": checked}
    unsigned = {day: len(d.call("get_authorisation", **of, valid_at=day)["unsigned"]) for day in ("2023-06-11", "2023-06-12", "2024-06-13")}
    assert list(unsigned.values()) == [2, 0, 2]


def test_of_every_query_it_is_written_down_whether_it_has_a_valid_at(life: Life) -> None:
    """A line in the tables of docs/adr/0017: what it asks of facts that hold from a day, that it is the close of the day, or why not."""
    written = (ROOT / "docs" / "adr" / "0017-a-read-model-of-any-moment.md").read_text(encoding="utf-8")
    own, _, rest_of_it = written.partition("## `valid_at`")[2].partition("**The close of the day.**")
    stood, _, without = rest_of_it.partition("It has no meaning for")
    for service, info in queries(life.d):
        method = getattr(type(life.d.services[service]), info.method)
        says_itself = "valid_at" in inspect.signature(method).parameters
        place = without if info.timeless else own if says_itself else stood
        assert f"`{info.method}`" in place, f"{service}.{info.method}: add a line to the tables of docs/adr/0017"
        assert sum(f"`{info.method}`" in part for part in (own, stood, without)) == 1, f"{service}.{info.method}"


def test_both_clocks_at_once(life: Life) -> None:
    """What we held in force on a day, as it was known at a moment: before the income was known, and behind it."""
    d = life.d
    claimed = d.call("list_recoveries", "auditor")[0]["case_id"]
    known = []
    for moment in (life.moments[3][0], life.moments[4][0]):
        [row] = [
            r
            for r in d.call("list_cases", "auditor", valid_at="2023-04-15", as_of=moment.isoformat(), limit=500)
            if r["case_id"] == claimed
        ]
        own = d.call("get_case", "auditor", case_id=claimed, valid_at="2023-04-15", as_of=moment.isoformat())["valid"]
        assert row["valid"] == own
        known.append(own["due_fen"])
    assert known[0] > known[1] > 0

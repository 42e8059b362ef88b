"""A payment run of a smaller place than its programme may name: on the pages, in the open data and in the feed it is one of the town's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.portal.sunshine import declared, filed, public
from services.portal.web.app import create_app
from shared.casework.payment_run import run_id
from shared.eventlog import discovery
from tests.desk import desk
from tests.portal.sunshine import CARE, District, said
from tests.programmes.people import grant, pay

TOWN, OTHER = "330225101", "330225400"  # the other has no entry among the district's places
VILLAGES = (f"{TOWN}001", f"{TOWN}002")
EACH = 6  # payees of each village: none is few


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """护理补贴, counted down to the town, paid to two villages of one town, each in a run of its own, and to a town whole."""
    with desk(tmp_path_factory.mktemp("runs"), "assistance", "portal", MINZHENG_PORTAL_RATE="100000/minute") as d:
        discovery.load_all()
        made = District(d, create_app(d.settings))
        d.on("2023-07-03")
        for place in (*VILLAGES, f"{OTHER}001"):
            for n in range(EACH):
                number = made.numbers.resident("19700101")
                who = d.call("register_person", resident_id=number, name=f"赵钱孙{n}", division=place)["id"]
                d.call("record_certificate", person_id=who, grade=1, kind="physical", effective_from="2020-05-01")
                d.call("record_finding", person_id=who, found_on="2023-07-01", long_term_care=True)
                d.settle()
                grant(d, CARE, person_id=who)
        d.on("2023-07-20")
        for division in (*VILLAGES, OTHER):
            pay(d, CARE, "2023-07", division)
        d.settle()
        yield made


def test_a_run_below_the_declared_level_tells_neither_place_nor_figure(paid: District) -> None:
    """One line for the town, however many villages there are, without number, figure or receipt; the town's own run is told whole."""
    page = said(paid.client, "/sunshine/payments")
    assert "该项目不按村（社区）公布" in page
    rows = paid.client.get("/sunshine/data/payments.json").get_json()["rows"]
    below, whole = sorted(rows, key=lambda r: r["count"] or 0)
    told = {k: below[k] for k in ("programme", "month", "division", "status", "withheld", "run_id")}
    said_of = {"programme": CARE, "month": "2023-07", "division": TOWN, "status": "closed", "withheld": "level", "run_id": ""}
    assert told == said_of
    assert {below[k] for k in ("count", "total_fen", "paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")} == {None}
    assert (whole["division"], whole["count"], whole["withheld"], whole["run_id"]) == (OTHER, EACH, "", run_id(CARE, "2023-07", OTHER))
    assert whole["total_fen"] > 0
    hidden = paid.client.get("/sunshine/data/withholdings.json").get_json()["rows"]
    assert [(w["place"], w["run_id"], w["withheld"]) for w in hidden if w["what"] == "payments" and w["until_day"] == "9999-12-31"] == [
        (TOWN, "", "level")
    ]


@pytest.mark.parametrize("on", ["", "?on=2023-07-20"])
@pytest.mark.parametrize(
    "path", ["payments", "data/payments.json", "data/payments.csv", "data/withholdings.json", "data/withholdings.csv", "feed.atom", ""]
)
def test_no_village_and_no_number_made_of_it_is_anywhere(paid: District, path: str, on: str) -> None:
    """Neither the code nor the number of its run, which whoever knows the programme and the month finds by trying the codes."""
    answer = paid.client.get(f"/sunshine/{path}{on}".replace("/sunshine/?", "/sunshine?").removesuffix("/"))
    assert answer.status_code == 200
    text = answer.get_data(as_text=True)
    for village in VILLAGES:
        assert village not in text
        assert run_id(CARE, "2023-07", village) not in text
        assert paid.client.get(f"/sunshine/receipt/payments/{run_id(CARE, '2023-07', village)}").status_code == 404
    if path == "feed.atom":
        assert f"run/{CARE}/2023-07/{TOWN}/0" in text
        assert run_id(CARE, "2023-07", OTHER) in text


def test_a_town_without_an_entry_is_named_by_its_code_and_has_a_tile(paid: District) -> None:
    """Where the file of places knows it not: on the page of runs by its code, on the map of towns a tile that leads to its page."""
    assert f"乡镇（街道）{OTHER}" in said(paid.client, "/sunshine/payments")
    page = said(paid.client, f"/sunshine/recipients/{CARE}")
    drawn = page.split("<svg")[1].split("</svg>")[0]
    assert f'href="/sunshine/recipients/{CARE}/{OTHER}"' in drawn
    assert f"乡镇（街道）{OTHER}：{EACH}" in drawn
    assert f"乡镇（街道）{OTHER}" in said(paid.client, f"/sunshine/recipients/{CARE}/{OTHER}")


def test_a_past_day_names_no_smaller_place_than_the_release_of_then(paid: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next release counts down to the village: from its day on the villages' runs are lines of their own, before it one of the town's,
    as was said; one that counts no town any more reaches every day. The record of withholdings says which rule held from when to when."""
    d = paid.desk
    monkeypatch.setattr(public, "FRESH", -1.0)

    def release(level: str) -> None:
        known = {p.code: p for p in _PROGRAMMES.values()}
        of = known[CARE]
        known[CARE] = replace(of, public=replace(of.public, level=level))  # type: ignore[arg-type]
        monkeypatch.setattr(declared, "programmes", lambda: known)

    def places(on: str = "") -> list[str]:
        rows = paid.client.get(f"/sunshine/data/payments.json{on}").get_json()["rows"]
        return sorted(r["division"] for r in rows)

    def hidden(on: str = "") -> list[tuple[str, str, str]]:
        rows = paid.client.get(f"/sunshine/data/withholdings.json{on}").get_json()["rows"]
        return sorted((w["place"], w["from_day"], w["until_day"]) for w in rows if w["what"] == "payments" and w["withheld"] == "level")

    d.on("2023-08-01")
    assert filed.record(d.settings) == ("operations.standards_filed", "operations.targets_filed", "operations.scopes_filed")
    d.project()
    assert places() == places("?on=2023-07-20") == [TOWN, OTHER]
    d.on("2023-08-10")
    release("village")
    assert filed.record(d.settings) == ("operations.scopes_filed",)
    assert filed.record(d.settings) == ()  # another process of the same release
    d.project()
    d.on("2023-08-12")
    assert places() == places("?on=2023-08-10") == sorted([*VILLAGES, OTHER])
    for on in ("?on=2023-08-09", "?on=2023-07-20"):
        assert places(on) == [TOWN, OTHER]
        text = paid.client.get(f"/sunshine/payments{on}").get_data(as_text=True)
        assert "该项目不按村（社区）公布" in text
    assert hidden() == [(TOWN, "2023-07-20", "2023-08-10")]
    assert hidden("?on=2023-08-05") == [(TOWN, "2023-07-20", "9999-12-31")]
    release("district")
    assert {*places(), *places("?on=2023-08-10"), *places("?on=2023-07-20")} == {"330225"}


_PROGRAMMES = declared.programmes()

"""A town's reserve fund in public: what came in, and spending by months of five households at least; no draw of one can be worked out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.portal.sunshine import public
from services.portal.web.app import create_app
from shared.eventlog import discovery, rebuild
from tests.desk import Desk, desk
from tests.portal.sunshine import District, drawn, said

TOWN, FEW, CLOSED, LATE = "330225101", "330225102", "330225103", "330225104"
# Every amount is one household's: any of them, or a sum of fewer than five, seen in public would be a finding.
DRAWS: dict[str, list[tuple[str, str, int]]] = {
    TOWN: [
        *((f"2023-07-{3 + n:02d}", f"a{n}", 100_003 + 7**n) for n in range(5)),  # five in July: told in August
        ("2023-08-02", "a5", 110_011), ("2023-08-20", "a5", 120_013),  # one household twice in August: two draws are one
        ("2023-09-04", "a6", 130_017), ("2023-09-05", "a7", 140_019), ("2023-09-06", "a0", 150_021),  # four with August's
        *((f"2023-10-{9 + n:02d}", f"b{n}", 160_023 + 11**n) for n in range(2)),  # with these five and more: told in November
        ("2023-11-06", "b9", 170_029),
    ],
    FEW: [("2023-07-04", "c0", 180_031)],
    CLOSED: [("2023-07-04", "d0", 190_037), ("2023-07-05", "d1", 200_041)],
    LATE: [(f"2023-08-{1 + n:02d}", f"e{n}", 210_043 + 13**n) for n in range(5)],
}  # fmt: skip
GIVEN_BACK = 20_047  # of the household a5, in September
LAST = date(2023, 12, 4)


def act(d: Desk, ids: dict[str, str], day: date, town: str, case_id: str, fen: int) -> None:
    draw_id = f"{day}-{case_id}"
    drawn(d, ids[town], case_id, fen, draw_id)
    if (town, case_id, day.day) != (TOWN, "a5", 20):  # one is settled later, and gives something back
        d.call("settle_fund_draw", "approver", record_id=ids[town], draw_id=draw_id, decision=case_id, covered=fen)


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    """Town → its fund."""
    return {}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Iterator[District]:
    """Four towns' funds, lived from July to December; every page and table of every day remembered."""
    with desk(tmp_path_factory.mktemp("funds"), "assistance", "portal", MINZHENG_PORTAL_RATE="1000000/minute") as d:
        discovery.load_all()
        made = District(d, create_app(d.settings))
        public.FRESH, fresh = -1.0, public.FRESH
        by_day: dict[str, list[tuple[str, str, int]]] = {}
        for town, draws in DRAWS.items():
            for on, case_id, fen in draws:
                by_day.setdefault(on, []).append((town, case_id, fen))
        day = date(2023, 7, 3)
        d.on(day.isoformat())
        for n, town in enumerate(DRAWS):
            ids[town] = d.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=town)["id"]
            d.call("allocate_to_fund", "cashier", record_id=ids[town], amount=2_000_000 + n, document_no=f"象民〔2023〕{n}号")
        while day <= LAST:
            d.on(day.isoformat())
            for town, case_id, fen in by_day.get(day.isoformat(), ()):
                act(d, ids, day, town, case_id, fen)
            if day == date(2023, 9, 3):
                d.call(
                    "settle_fund_draw", "approver", record_id=ids[TOWN], draw_id="2023-08-20-a5", decision="a5",
                    covered=120_013 - GIVEN_BACK,
                )  # fmt: skip
            if day == date(2023, 7, 10):
                d.call("close_fund", "approver", record_id=ids[CLOSED], reason="撤并")
            if day == date(2023, 8, 10):
                d.call("close_fund", "approver", record_id=ids[LATE], reason="撤并")
                d.call("allocate_to_fund", "cashier", record_id=ids[TOWN], amount=500_000, document_no="象民〔2023〕20号")
            d.project()
            if day.isoformat() in by_day or day.day in (1, 3, 10):
                made.tables[day.isoformat()] = {code: rows(made, code) for code in ("funds", "fund-moves", "withholdings")}
                made.remembered[day.isoformat()] = {path: said(made.client, path) for path in pages(made)}
            day += timedelta(days=1)
        yield made
        public.FRESH = fresh


def rows(made: District, code: str, on: str = "") -> list[dict[str, Any]]:
    return list(made.client.get(f"/sunshine/data/{code}.json{f'?on={on}' if on else ''}").get_json()["rows"])


def pages(made: District) -> list[str]:
    return ["/sunshine/funds", *(f"/sunshine/funds/{r['record_id']}" for r in rows(made, "funds"))]


def fund(made: District, record_id: str, on: str = "") -> dict[str, Any]:
    return next(r for r in rows(made, "funds", on) if r["record_id"] == record_id)


def real(town: str, until: str = "9999") -> list[tuple[str, str, int]]:
    """(day, household, fen) of what really happened by a day."""
    back = [("2023-09-03", "a5", -GIVEN_BACK)] if town == TOWN else []
    return [m for m in (*DRAWS[town], *back) if m[0] <= until]


def test_spending_is_told_by_months_of_five_households_at_least(made: District, ids: dict[str, str]) -> None:
    """July's five at the beginning of August; August and September, four households together, with October's: each its own sum."""
    told = [m for m in rows(made, "fund-moves") if m["record_id"] == ids[TOWN]]
    assert [(m["number"], m["kind"], m["day"]) for m in told] == [
        (1, "allocated", "2023-07-03"), (2, "spent", "2023-08-01"), (3, "allocated", "2023-08-10"), (4, "spent", "2023-11-01"),
    ]  # fmt: skip
    spent = [m for m in told if m["kind"] == "spent"]
    assert [(m["first_month"], m["last_month"], m["cases"]) for m in spent] == [("2023-07", "2023-07", 5), ("2023-08", "2023-10", 6)]
    for m in spent:
        assert -m["amount"] == sum(fen for day, _, fen in real(TOWN) if m["first_month"] <= day[:7] <= m["last_month"])
    now = fund(made, ids[TOWN])
    assert (now["went"], now["through"], now["proven"]) == (-sum(m["amount"] for m in spent), "2023-10", True)
    assert now["balance"] == now["came"] - now["went"] == told[-1]["balance"]
    assert "2023年8月至2023年10月，6 户" in said(made.client, f"/sunshine/funds/{ids[TOWN]}")


def test_no_two_days_tell_a_household(made: District, ids: dict[str, str]) -> None:
    """Whoever asks for every day and compares any two of them, in any figure of any of a fund's tables and pages, finds a difference of
    five households at least; no amount that is a household's is anywhere, as fen or as yuan."""
    for town, record in ids.items():
        days, told = sorted(made.tables), []
        for on in days:
            now = fund(made, record, on)
            told.append((on, now["went"]))
            if now["balance"] is not None:
                assert now["balance"] == now["came"] - now["went"] - (now["came"] - now["went"] if now["status"] == "closed" else 0)
        for (_, before), (on, after) in pairwise(told):
            if after != before:
                by = {month for m in rows(made, "fund-moves", on) if m["day"] == on and m["record_id"] == record and m["kind"] == "spent"
                      for month in {day[:7] for day, _, _ in real(town)} if m["first_month"] <= month <= m["last_month"]}  # fmt: skip
                assert len({case for day, case, _ in real(town) if day[:7] in by}) >= 5
                assert after - before == sum(fen for day, _, fen in real(town) if day[:7] in by)
    alone = [fen for town in DRAWS for _, _, fen in real(town)]
    alone += [2_000_002 - sum(f for _, _, f in DRAWS[CLOSED]), 2_000_001 - DRAWS[FEW][0][2], 120_013 - GIVEN_BACK, GIVEN_BACK]
    written = [text for fen in alone for text in (str(abs(fen)), f"{abs(fen) / 100:,.2f}")]
    for on in (*made.tables, ""):
        asked = f"?on={on}" if on else ""
        paths = [f"/sunshine/data/{code}.{form}" for code in ("funds", "fund-moves", "withholdings") for form in ("json", "csv")]
        for path in (*pages(made), *paths, "/sunshine/feed.atom", "/sunshine"):
            text = made.client.get(path + asked).get_data(as_text=True)
            assert not [w for w in written if w in text], (path, on)
            assert not [case for town in DRAWS for _, case, _ in real(town) if f'"{case}"' in text], (path, on)


def test_neither_numbers_nor_receipts_tell_how_many_draws_there_were(made: District, ids: dict[str, str]) -> None:
    """Lines are numbered by themselves, not by the events between them; a sum has no receipt, and what is not told has none."""
    for record in ids.values():
        lines = [m for m in rows(made, "fund-moves") if m["record_id"] == record]
        assert [m["number"] for m in lines] == list(range(1, len(lines) + 1))
        for number in range(-1, 12):
            status = made.client.get(f"/sunshine/receipt/fund-moves/{record}.{number}").status_code
            has_one = any(m["number"] == number and m["kind"] != "spent" for m in lines)
            assert status == (503 if has_one else 404), number  # nothing is sealed here yet
    found = list(csv.DictReader(io.StringIO(made.client.get("/sunshine/data/fund-moves.csv").get_data().decode("utf-8-sig"))))
    assert not {"version", "stream", "case_id", "draw_id"} & set(found[0])


def test_what_is_not_told_is_recorded(made: District, ids: dict[str, str]) -> None:
    """Which fund, by which rule, from when to when; on a day of then without an end that came later."""
    hidden = [(w["record_id"], w["withheld"], w["from_day"], w["until_day"]) for w in rows(made, "withholdings") if w["what"] == "funds"]
    assert sorted(hidden) == sorted(
        [
            (ids[TOWN], "small", "2023-09-01", "2023-11-01"), (ids[TOWN], "small", "2023-12-01", "9999-12-31"),
            (ids[FEW], "small", "2023-08-01", "9999-12-31"),
            (ids[CLOSED], "small", "2023-08-01", "9999-12-31"), (ids[CLOSED], "beside", "2023-07-10", "9999-12-31"),
            (ids[LATE], "beside", "2023-08-10", "2023-09-01"),
        ]
    )  # fmt: skip
    then = [w for w in rows(made, "withholdings", "2023-10-01") if w["record_id"] == ids[TOWN]]
    assert [(w["from_day"], w["until_day"]) for w in then] == [("2023-09-01", "9999-12-31")]


def test_what_goes_back_at_the_closing_does_not_tell_what_was_spent(made: District, ids: dict[str, str]) -> None:
    """Of a fund closed after two draws never; of one closed after five from the next month on."""
    closed = next(m for m in rows(made, "fund-moves") if m["record_id"] == ids[CLOSED] and m["kind"] == "closed")
    assert (closed["amount"], closed["balance"], closed["withheld"]) == (None, None, "beside")
    assert fund(made, ids[CLOSED])["balance"] is None
    assert fund(made, ids[CLOSED])["proven"] is True
    before = next(m for m in rows(made, "fund-moves", "2023-08-10") if m["record_id"] == ids[LATE] and m["kind"] == "closed")
    assert before["amount"] is None
    after = next(m for m in rows(made, "fund-moves", "2023-09-01") if m["record_id"] == ids[LATE] and m["kind"] == "closed")
    assert after["amount"] == -(2_000_003 - sum(fen for _, _, fen in DRAWS[LATE]))
    assert fund(made, ids[LATE], "2023-09-01")["balance"] == 0


def test_a_day_says_later_what_it_said(made: District) -> None:
    """Page and table of each remembered day, word for word; and the rows follow from the log alone."""
    for on, tables in made.tables.items():
        for code, then in tables.items():
            assert rows(made, code, on) == then, (on, code)
        for path, text in made.remembered[on].items():
            assert said(made.client, f"{path}?on={on}") == text, (on, path)
    office, model = made.desk.offices["portal"], made.desk.models["portal"]
    report = rebuild.rebuild(model, office.read, office.log, check=True)
    assert (report.compared, report.differences) == (True, ())

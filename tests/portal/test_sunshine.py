"""The public pages: what they say and never say, on any day, in a real browser, with and without scripts, on a phone."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from services.assistance.declarations import DECIDERS
from services.portal.read_model import TABLES
from services.portal.sunshine import declared
from shared.casework.draws import draw, pseudonyms
from shared.casework.inspection import CampaignListFrozen, CampaignObjectsListed, salt_key
from shared.casework.shape import Declaration
from shared.cli.sealing import checking_key, origin_of
from shared.domain.errors import Refused
from shared.eventlog import rebuild
from shared.eventlog.integrity import standalone
from shared.eventlog.integrity.replay import replay
from shared.eventsourcing.events import ERASED
from tests.portal.conftest import accessible, picture
from tests.portal.sunshine import (
    ALL,
    BESIDE,
    DRAWN,
    HEPU,
    INJECTED,
    LIVING,
    PATHS,
    SEED,
    TOWNS,
    XIZHOU,
    District,
    district,
    part,
    said,
    served,
)  # fmt: skip

EVERY_KIND = (
    *PATHS,
    f"/sunshine/recipients/{LIVING}",
    f"/sunshine/recipients/{LIVING}/330225101",
    "/sunshine/recipients/severe_disability_care_subsidy",
    f"/sunshine/standards/{LIVING}",
    "/sunshine/indicators/care_visits",
    "/sunshine/data",
    "/sunshine/verify",
    "/sunshine/verify/consistency",
    "/sunshine/objections",
)
_RECEIPT = re.compile(r'href="(/sunshine/receipt/[^"]+)"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """A district that has lived half a year."""
    with district(tmp_path_factory.mktemp("sunshine")) as lived:
        yield lived


@pytest.fixture(scope="module")
def base(made: District) -> Iterator[str]:
    """Its portal, over HTTP."""
    with served(made.app) as address:
        yield address


@pytest.fixture(scope="module")
def past(made: District) -> dict[str, dict[str, str]]:
    """What every page says today of every remembered day."""
    return {day: made.read(day) for day in made.remembered}


def table(made: District, code: str, on: str = "") -> list[dict[str, Any]]:
    answer = made.client.get(f"/sunshine/data/{code}.json" + (f"?on={on}" if on else ""))
    assert answer.status_code == 200
    return list(answer.get_json()["rows"])


def test_every_page_is_accessible_and_fits_a_phone(page: Page, made: District) -> None:
    """axe finds nothing serious; on 390 pixels nothing sticks out of the page."""
    frozen_on = next(r["frozen_on"] for r in table(made, "inspections") if r["record_id"] == made.lot)
    of_cases = [f"/sunshine/inspections/{made.of_cases['330225']}{on}" for on in ("", f"?on={frozen_on}")]
    paths = (*EVERY_KIND, *of_cases, f"/sunshine/inspections/{made.lot}", f"/sunshine/funds/{table(made, 'funds')[0]['record_id']}",
             f"/sunshine/proposals/{made.waiting}/objection", "/sunshine?on=2023-04-20")  # fmt: skip
    for path in paths:
        page.set_viewport_size({"width": 1100, "height": 900})
        page.goto(path)
        accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        accessible(page)
    shots = {"/": "sunshine-home", f"/sunshine/recipients/{LIVING}": "sunshine-recipients", "/sunshine/standards": "sunshine-standards"}
    for path, name in shots.items():
        page.set_viewport_size({"width": 1100, "height": 900})
        page.goto(path)
        picture(page, name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    picture(page, "sunshine-phone")


def test_the_pages_need_no_script(chromium: Browser, base: str, made: District) -> None:
    """Without scripts one gets from the overview to a list, and is told how to repeat a draw by one line of Python."""
    context = chromium.new_context(base_url=base, locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("navigation", name="阳光公开栏目").get_by_role("link", name="在保名单").click()
    page.get_by_role("row").get_by_role("link", name="最低生活保障", exact=True).click()
    expect(page.get_by_role("table", name="").last).to_contain_text("欧阳*")
    page.goto(f"/sunshine/inspections/{made.lot}")
    expect(page.locator("#draw-again")).to_be_hidden()
    page.locator("summary", has_text="一行 Python").click()
    expect(page.locator("pre code")).to_contain_text("hashlib.sha256")
    page.fill("#on", "2023-04-20")
    page.goto("/sunshine")
    page.fill("#on", "2023-04-20")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_role("status").first).to_contain_text("这是该日公开的内容：2023年4月20日")
    context.close()


def test_a_page_says_later_what_it_said_on_the_day(made: District, past: dict[str, dict[str, str]]) -> None:
    """Every page of every remembered day, asked for today by ?on=, says word for word what it said at the end of that day; so does every
    table, row for row; and the same pages can be reached."""
    assert len(made.remembered) >= 6
    for day, then in made.remembered.items():
        assert len(then) > 40
        for path, text in past[day].items():
            assert part(text) == then[re.sub(r"[?&]on=[\d-]+", "", path)], (day, path)
        assert len(past[day]) == len(then), day
    for day, tables in made.tables.items():
        for code, then in tables.items():
            assert table(made, code, day) == then, (day, code)
    first, last = min(made.remembered), max(made.remembered)
    assert made.remembered[first]["/sunshine/standards"] != made.remembered[last]["/sunshine/standards"]  # the days do differ


@pytest.mark.parametrize("on", ["2023-02-30", "gestern", "2099-01-01", "0000-00-00"])
def test_a_day_that_is_none_or_lies_ahead_is_refused_in_words(made: District, on: str) -> None:
    """Nobody is shown a page of tomorrow."""
    answer = made.client.get("/sunshine", query_string={"on": on})
    assert answer.status_code == 422
    assert "日期" in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"


def everything(made: District, past: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Everything public that there is to be read: every page, table, list, feed and receipt, today and on every remembered day."""
    for on, pages in {"": made.read(), **past}.items():
        yield from pages.items()
        asked = f"?on={on}" if on else ""
        files = {f"/sunshine/data/{code}.{form}{asked}" for code in declared_tables(made) for form in ("json", "csv")}
        months = range(1, int((on or "2023-08")[5:7]))
        files |= {f"/sunshine/feed.atom{asked}"} | {f"/sunshine/feed/2023-{month:02d}.atom{asked}" for month in months}
        if not on:
            files |= {link for text in pages.values() for link in _RECEIPT.findall(text)}
            files |= {f"/sunshine/inspections/{made.of_cases['330225']}/pseudonyms.txt", f"/sunshine/inspections/{made.lot}/objects.txt"}
            files |= {f"/sunshine/proposals/{made.waiting}/objection", "/sunshine/verify"}
        for path in sorted(files):
            answer = made.client.get(path)
            assert answer.status_code == 200, path
            yield path, answer.get_data(as_text=True)


def declared_tables(made: District) -> list[str]:
    return [r["name"] for r in made.client.get("/sunshine/data/datapackage.json").get_json()["resources"]]


def test_no_full_name_and_no_id_of_a_person_is_anywhere(made: District, past: dict[str, dict[str, str]]) -> None:
    """Every public address is read, on every day: no name beyond its masking, nobody's id, nothing injected that a browser would run; and
    in no event that a receipt shows stands an id of a person, a household, a case or a matter, a hand's name or a word of a note."""
    count, receipts = 0, 0
    for path, text in everything(made, past):
        count += 1
        if path.startswith("/sunshine/receipt/"):
            event = json.loads(text).get("event")
            text += "".join(base64.b64decode(event[part]).decode() for part in ("data", "metadata")) if event else ""
            receipts += 1
            assert not [secret for secret in (*made.secrets, "staff:") if secret in text], path
        assert not [name for name in made.names if name in text], path
        assert not [i for i in made.ids if i in text], path
        assert INJECTED not in text or ".json" in path or ".csv" in path, path
    assert count > 500
    assert receipts > 50


def test_no_cookie_but_on_the_forms(made: District) -> None:
    """The public pages set none and depend on none; caches may keep them. The form of the objection sets one, and is kept by no cache."""
    for path in (*PATHS, "/sunshine/data", "/sunshine/verify", "/sunshine/data/standards.csv"):
        answer = made.client.get(path)
        assert "Set-Cookie" not in answer.headers, path
        assert "Cookie" not in answer.headers.get("Vary", ""), path
        assert answer.headers["Cache-Control"].startswith("public"), path
    form = made.client.get(f"/sunshine/proposals/{made.waiting}/objection")
    assert "Set-Cookie" in form.headers
    assert form.headers["Cache-Control"] == "no-store"


def test_the_rows_follow_from_the_log_alone(made: District) -> None:
    """Rebuilt from the log, the portal's rows are what they are, day by day."""
    office, model = made.desk.offices["portal"], made.desk.models["portal"]
    report = rebuild.rebuild(model, office.read, office.log, check=True)
    assert (report.compared, report.differences) == (True, ())


def test_an_erased_person_is_on_no_page_of_any_day(made: District) -> None:
    """With the key destroyed the masked name is gone from today's list, from yesterday's, and from the pages kept in memory."""
    paths = [f"/sunshine/recipients/{LIVING}/{XIZHOU}{on}" for on in ("", "?on=2023-05-08")]
    before = [said(made.client, path) for path in paths]
    assert all("欧阳*" in text for text in before)
    portal = made.app.extensions["portal"]
    lists = TABLES["sunshine"].disclosures
    with portal.read.connect() as connection:
        rows = connection.execute(sa.select(lists.c.person_id, lists.c.name).where(lists.c.place == XIZHOU)).all()
    person = next(r.person_id for r in rows if portal.vault.open(r.name) == "欧阳*")
    made.desk.offices["assistance"].vault.destroy(person, made.desk.now.isoformat())
    portal.vault._erasures = (0.0, portal.vault._erasures[1])  # half a minute later
    for path in paths:
        text = said(made.client, path)
        assert "欧阳*" not in text
        assert ERASED in text


ODD = ("page=-1", "page=0x10", "page=99999999", "after=%00", "after=~~~", "after=9%7Ea", "on=", "x=%FF", "after=" + "a" * 3000,
       "%00=1", "on=0001-01-15", "on=1900-01-01", "after=330225101~" + "9" * 15)  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_odd_addresses_are_no_fault(made: District, query: str) -> None:
    """Answered, or refused in words."""
    lists = f"/sunshine/recipients/{LIVING}"
    for path in (*PATHS, lists, f"{lists}/33022500%00", "/sunshine/data/totals.csv", "/sunshine/receipt/policies/a.b",
                 "/sunshine/receipt/fund-moves/.", "/sunshine/feed.atom"):  # fmt: skip
        assert made.client.get(f"{path}?{query}").status_code in (200, 404, 422), path


def test_no_form_brings_a_nul_to_a_database(made: District) -> None:
    """PostgreSQL takes none in a text: refused in words, whatever the field."""
    for given in ({"receipt": "\0"}, {"\0": "x"}):
        answer = made.client.post("/sunshine/verify", data=given)
        assert answer.status_code == 422
        assert "不能识别的字符" in answer.get_data(as_text=True)


def test_whoever_has_the_page_already_is_told_so(made: District) -> None:
    """304 for the same ETag; another day has another."""
    tag = made.client.get("/sunshine/standards").headers["ETag"]
    assert made.client.get("/sunshine/standards", headers={"If-None-Match": tag}).status_code == 304
    assert made.client.get("/sunshine/standards?on=2023-04-20", headers={"If-None-Match": tag}).status_code == 200
    answer = made.client.get("/sunshine/data/totals.json")
    assert answer.headers["Last-Modified"]
    assert made.client.get("/sunshine/data/totals.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_page_follows_what_happens(made: District) -> None:
    """What is recorded is on the page within its two seconds, though the page is kept in memory."""
    from services.portal.sunshine import public

    before = made.client.get("/sunshine/funds").get_data()
    made.desk.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division="330225104")
    made.desk.settle()
    kept = [one for (_, _, path), one in public._KEPT._pages.items() if path == "/sunshine/funds?"][-1]  # of today: asked for last
    kept.at += 3_600  # however long the lines above took
    assert made.client.get("/sunshine/funds").get_data() == before  # as it is kept
    kept.at -= 3_600 + public.FRESH + 1
    after = made.client.get("/sunshine/funds").get_data()
    assert before != after
    assert "墙头镇".encode() in after


def test_who_it_was_is_told_for_as_long_as_declared(made: District) -> None:
    """The publicity of March is over: its lines can still be asked for, page and table, and say of nobody whose they were."""
    lines = table(made, "proposals", "2023-03-03")
    assert len(lines) == ALL - 4
    assert {(r["name"], r["case_id"]) for r in lines} == {(None, None)}
    assert {r["until"] for r in lines} == {"2023-03-08"}
    assert all(r["amount_fen"] and r["members"] for r in lines)
    page = made.client.get("/sunshine/proposals?on=2023-03-03").get_data(as_text=True)
    assert "*" not in part(page)
    assert "提出异议</a>" not in part(page)
    assert not [secret for secret in made.secrets if secret in page]  # nor in the address of the next page
    assert {r["name"] is None for r in table(made, "recipients", "2023-03-10") if r["programme"] == LIVING} == {False}  # still listed


# -- counts


def test_few_are_not_counted_in_public_and_that_is_recorded(made: District) -> None:
    """Two households in 鹤浦镇: page, table and run withhold the figure, and so that it does not follow from the sum, another beside it."""
    text = said(made.client, f"/sunshine/recipients/{LIVING}")
    assert text.count("少于5的数") == 2
    rows = {r["place"]: r for r in table(made, "totals") if r["programme"] == LIVING}
    assert (rows["330225"]["cases"], rows["330225101"]["cases"]) == (ALL, 7)
    assert (rows[HEPU[:9]]["cases"], rows[HEPU[:9]]["amount_fen"], rows[HEPU[:9]]["withheld"]) == (None, None, "small")
    assert (rows["330225103"]["cases"], rows["330225103"]["withheld"]) == (None, "small")  # the fewest others, under the same name
    assert {"programme": LIVING, "place": HEPU[:9], "withheld": "small", "threshold": 5}.items() <= next(
        r for r in table(made, "withholdings") if r["place"] == HEPU[:9]
    ).items()
    run = next(r for r in table(made, "payments") if r["division"] == HEPU[:9])
    assert (run["withheld"], run["count"], run["total_fen"], run["paid_fen"]) == ("small", None, None, None)
    hidden = [w for w in table(made, "withholdings") if w["run_id"] == run["run_id"]]
    assert {(w["what"], w["place"], w["withheld"], w["until_day"]) for w in hidden} >= {("payments", HEPU[:9], "small", "9999-12-31")}
    assert "2023-07" not in said(made.client, "/sunshine/payments").split("<details>")[1].split("</details>")[0]


def test_below_a_withheld_figure_no_place_is_named(made: District) -> None:
    """Of the villages of a town with two households not even which of them has any is told, on no page and in no table."""
    town, villages = HEPU[:9], (HEPU, f"{HEPU[:9]}001")
    text = said(made.client, f"/sunshine/recipients/{LIVING}/{town}")
    assert "少于5" in text
    assert "按村（社区）" not in text
    cards = [said(made.client, f"/sunshine/recipients/{LIVING}/{v}").split('class="cards"')[1].split("<h2")[0] for v in villages]
    assert all("不单列 户" in card and "上级地方的数字未公布" in card for card in cards)
    for code in ("totals", "withholdings"):
        assert not [r for r in table(made, code) if r["place"].startswith(town) and r["place"] != town], code
    care = said(made.client, "/sunshine/recipients/severe_disability_care_subsidy/330225100001")
    assert "不单列" not in care  # where nothing above is withheld, none is none


def test_a_past_day_knows_no_later_one(made: District) -> None:
    """No row of any table of a past day holds a day of recording behind it: a withholding that ended later had no end then."""
    for on in made.remembered:
        for row in table(made, "withholdings", on):
            assert row["from_day"] <= on, row
            assert row["until_day"] <= on or row["until_day"] == "9999-12-31", row


def test_every_run_and_fund_adds_up(made: District) -> None:
    """in = paid + failed + held, in lines and in fen; in = out + balance, added up from the movements."""
    runs = [r for r in table(made, "payments") if not r["withheld"]]
    assert [(r["month"], r["count"]) for r in runs] == [("2023-08", ALL), ("2023-06", ALL), ("2023-05", ALL - 4), ("2023-04", ALL - 4)]
    for r in runs:
        assert r["proven"]
        assert r["count"] == r["paid"] + r["failed"] + r["held"]
        assert r["total_fen"] == r["paid_fen"] + r["failed_fen"] + r["held_fen"] > 0
    funds, moves = table(made, "funds"), table(made, "fund-moves")
    for f in funds:
        assert f["proven"]
        of = [m for m in moves if m["record_id"] == f["record_id"]]
        assert sum(m["amount"] for m in of) == f["balance"]
    mine = next(f for f in funds if f["division"] == "330225102")
    assert (mine["came"], mine["went"], mine["balance"]) == (500_000, 0, 500_000)  # of one household: test_sunshine_funds.py


def test_an_indicator_is_counted_from_the_log(made: District) -> None:
    """Visits are as many as were recorded; numerator and denominator stand on the indicator's page; what cannot be computed says why."""
    office = made.desk.offices["assistance"]
    visits = sum(raw.name == "assistance.visit_recorded" for raw in office.log.read_all())
    rows = {r["identifier"]: r for r in table(made, "indicators")}
    assert visits > 0
    assert (rows["care_visits"]["value"], rows["care_visits"]["numerator"]) == (visits, visits)
    rate = rows["destitute_institution_rectification_rate"]
    assert (rate["value"], rate["numerator"], rate["denominator"]) == (100.0, 1, 1)
    text = said(made.client, "/sunshine/indicators/destitute_institution_rectification_rate")
    assert "分子" in text
    assert "campaign_rectification_verified" in text
    others = [r for r in rows.values() if not r["computed"]]
    assert len(rows) == 74
    assert all(r["why"] and r["value"] is None for r in others)
    before = {r["identifier"]: r for r in table(made, "indicators", "2023-04-20")}
    assert before["care_visits"]["value"] == 0


def test_a_published_standard_is_in_force_from_its_month(made: District) -> None:
    """The file's figure until then, the published one with its document number from then on."""
    assert "1,255.00 元" in said(made.client, "/sunshine/standards?on=2023-05-08")
    assert "1,300.00 元" not in said(made.client, "/sunshine/standards?on=2023-05-08").split("历年")[0]
    now = said(made.client, f"/sunshine/standards/{LIVING}")
    assert "象民〔2023〕11号" in now
    rows = [r for r in table(made, "standards") if r["parameter"] == f"{LIVING}.standard.urban" and r["in_force"]]
    assert [(r["amount_fen"], r["source"]) for r in rows] == [(130000, "published")]


def test_of_a_policy_the_declared_fields_are_public_and_no_others(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that the declaration does not name is in no table; a kind that declares nothing has neither a row nor a receipt."""
    catalogue = declared.declarations()["assistance_programme_catalogue"]
    [row] = table(made, "policies")
    receipt = f"/sunshine/receipt/policies/{row['record_id']}.{row['number']}"
    assert {"层次", "对象", "主管部门", "材料"} < set(json.loads(row["content"]))
    assert made.client.get(receipt).status_code == 200
    fewer = Declaration(**{**vars(catalogue), "public": ("name", "tier")})
    monkeypatch.setattr(declared, "declarations", lambda: {catalogue.code: fewer})
    [row] = table(made, "policies")
    assert (row["title"], set(json.loads(row["content"]))) == ("最低生活保障", {"层次"})
    monkeypatch.setattr(declared, "declarations", dict)
    assert table(made, "policies") == []
    assert made.client.get(receipt).status_code == 404


# -- draws


def test_the_browser_repeats_the_draw(page: Page, made: District) -> None:
    """The button draws the same as was decided; with another seed it says that it does not."""
    page.goto(f"/sunshine/inspections/{made.lot}")
    page.get_by_role("button", name="在浏览器中重做这次抽取").click()
    expect(page.locator("#draw-said")).to_contain_text("相同：从 132 个对象中抽出的 40 个")
    objects = made.client.get(f"/sunshine/inspections/{made.lot}/objects.txt").get_data(as_text=True).split("\n")
    seed = page.locator("#draw").get_attribute("data-seed")
    assert seed is not None
    found = page.locator("#draw-said").get_attribute("data-found") or ""
    assert tuple(found.split("\n")) == draw(objects, 40, seed)
    picture(page, "sunshine-draw")
    page.evaluate("document.getElementById('draw').dataset.seed += 'x'")
    page.get_by_role("button", name="在浏览器中重做这次抽取").click()
    expect(page.locator("#draw-said")).to_contain_text("不同")
    page.evaluate("document.getElementById('draw').dataset.hash = '00'")
    page.get_by_role("button", name="在浏览器中重做这次抽取").click()
    expect(page.locator("#draw-said")).to_contain_text("名单被改动过")


def test_the_line_of_python_repeats_the_draw(page: Page, made: District, tmp_path: Path) -> None:
    """What the page gives to run, run as it stands there, prints those who were drawn."""
    page.goto(f"/sunshine/inspections/{made.lot}")
    page.locator("summary", has_text="一行 Python").click()
    argv = shlex.split(page.locator("pre code").inner_text())
    assert argv[0] == "python3"
    assert argv[-2:] == [SEED, "40"]  # one word to a shell, whatever is in it
    text = made.client.get(f"/sunshine/inspections/{made.lot}/objects.txt").get_data()
    (tmp_path / "objects.txt").write_bytes(text)
    run = [sys.executable, "-X", "utf8", *argv[1:]]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, timeout=60, check=True, encoding="utf-8")
    assert done.stdout.split("\n")[:-1] == page.locator("#drawn li code").all_inner_texts()


def test_a_draw_is_announced_before_its_seed_is_known(made: District) -> None:
    """The day before, the page named the list's hash, the number and the source of the seed; the objects table says who was drawn."""
    [row] = [r for r in table(made, "inspections") if r["record_id"] == made.lot]
    assert row["frozen_on"] < row["draw_on"]
    before = said(made.client, f"/sunshine/inspections/{made.lot}?on={row['frozen_on']}")
    assert "双色球开奖号码第2023090期" in before
    assert row["list_hash"] in before
    assert "抽中的对象" not in before
    drawn = {r["object_id"] for r in table(made, "inspection-objects") if r["record_id"] == made.lot and r["chosen"]}
    objects = [r["object_id"] for r in table(made, "inspection-objects") if r["record_id"] == made.lot]
    assert drawn == {*draw(objects, 40, SEED)}


def test_whoever_doubts_the_seed_is_told_how_to_compare_it(made: District) -> None:
    """Source, issue, its day and where to look; that two hands read it, and that the first had to correct itself."""
    text = said(made.client, f"/sunshine/inspections/{made.lot}")
    assert "请到“中国福彩网开奖公告”找到双色球开奖号码第2023090期" in text
    assert "两人各自查得" in text
    assert "录入过 2 次" in text
    [row] = [r for r in table(made, "inspections") if r["record_id"] == made.lot]
    assert (row["issue"], row["issue_on"] > row["frozen_on"], row["look_up"]) == ("第2023090期", True, "中国福彩网开奖公告")


def test_the_browser_repeats_a_draw_over_cases_and_names_nobody(page: Page, made: District, tmp_path: Path) -> None:
    """From the page alone, by button and by the line of Python: pseudonyms, none of which is known outside. With the salt, which stands
    sealed in the log, an auditor sees that they are the cases that were drawn; and the replay finds nothing wrong."""
    record = made.of_cases["330225"]
    page.goto(f"/sunshine/inspections/{record}")
    page.get_by_role("button", name="在浏览器中重做这次抽取").click()
    text = made.client.get(f"/sunshine/inspections/{record}/pseudonyms.txt").get_data()
    listed = text.decode().split("\n")
    expect(page.locator("#draw-said")).to_contain_text(f"相同：从 {len(listed)} 个对象中抽出的 {DRAWN} 个")
    shown = page.locator("#drawn li code").all_inner_texts()
    assert shown == list(draw(listed, DRAWN, SEED))
    accessible(page)
    page.locator("summary", has_text="一行 Python").click()
    argv = shlex.split(page.locator("pre code").inner_text())
    (tmp_path / "pseudonyms.txt").write_bytes(text)
    run = [sys.executable, "-X", "utf8", *argv[1:]]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, timeout=60, check=True, encoding="utf-8")
    assert done.stdout.split("\n")[:-1] == shown
    rows = [r for r in table(made, "inspection-pseudonyms") if r["record_id"] == record]
    assert ([r["pseudonym"] for r in rows], [r["pseudonym"] for r in rows if r["drawn"]]) == (listed, shown)
    page.evaluate("document.getElementById('draw').dataset.seed += 'x'")
    page.get_by_role("button", name="在浏览器中重做这次抽取").click()
    expect(page.locator("#draw-said")).to_contain_text("不同")

    office = made.desk.offices["assistance"]
    history = [r.event for r in office.history(f"assistance.inspection-{record}")]
    [frozen] = [e for e in history if isinstance(e, CampaignListFrozen)]
    cases = [o for e in history if isinstance(e, CampaignObjectsListed) for o in e.objects]
    assert len(cases) == ALL == len(listed)
    hidden = {hmac.new(bytes.fromhex(frozen.salt or ""), case.encode(), "sha256").hexdigest(): case for case in cases}
    assert sorted(hidden) == listed
    state = office.load(DECIDERS["inspection"], record).state
    assert {hidden[p] for p in shown} == set(state.objects)
    [row] = [r for r in table(made, "inspections") if r["record_id"] == record]
    assert row["salt_hash"] == hashlib.sha256(bytes.fromhex(frozen.salt or "")).hexdigest()
    opened = made.desk.call("get_draw", "auditor", record_id=record)
    assert (opened["committed"], opened["as_frozen"], opened["salt_hash"], opened["seed"]) == (True, True, row["salt_hash"], SEED)
    assert {(p, o, drawn) for o, p, drawn in opened["entries"]} == {(p, o, p in shown) for p, o in hidden.items()}
    institutions = made.desk.call("get_draw", "auditor", record_id=made.lot)
    assert (institutions["committed"], institutions["as_frozen"], sum(e[2] for e in institutions["entries"])) == (True, True, 40)
    for role in ("reviewer", "approver"):
        with pytest.raises(Refused, match="forbidden"):
            made.desk.call("get_draw", role, record_id=record)
    assert replay(office.log, {"assistance": office}).findings == []


def test_the_salt_of_a_draw_is_told_nobody(made: District, past: dict[str, dict[str, str]]) -> None:
    """It is on no page, in no table or receipt of any day; staff who are shown the record are not shown it, nor is it in the log in the
    clear. Without it no public number, under nothing that is public, gives a pseudonym; and two lists of the same cases share none."""
    office = made.desk.offices["assistance"]
    salts, lists = set(), {}
    for record in made.of_cases.values():
        shown = made.desk.call("get_record", "reviewer", shape="inspection", record_id=record)
        [frozen] = [r.event for r in office.history(f"assistance.inspection-{record}") if isinstance(r.event, CampaignListFrozen)]
        assert frozen.salt
        assert frozen.salt not in json.dumps(shown, default=str)
        salts.add(frozen.salt)
        lists[record] = pseudonyms(frozen.salt, [o for r in office.history(f"assistance.inspection-{record}")
                                                 if isinstance(r.event, CampaignObjectsListed) for o in r.event.objects])  # fmt: skip
    assert len(salts) == 4
    assert len({p for of in lists.values() for p in of}) == sum(map(len, lists.values()))  # towns' cases are in the district's list as well
    assert not [raw.name for raw in office.log.read_all() if any(salt.encode() in raw.data for salt in salts)]
    assert not [path for path, text in everything(made, past) if any(salt in text for salt in salts)]
    cases = {case for of in lists.values() for case in of.values()}
    [row] = [r for r in table(made, "inspections") if r["record_id"] == made.of_cases["330225"]]
    known = (row["salt_hash"], row["pseudonyms_hash"])
    guessed = {p for public in known for p in pseudonyms(public, cases)} | {hashlib.sha256(case.encode()).hexdigest() for case in cases}
    assert not guessed & set(lists[made.of_cases["330225"]])


def test_a_list_of_cases_is_committed_to_before_the_seed_is_known(made: District) -> None:
    """The day before, the page showed every pseudonym, the list's hash and the salt's; all three are the same after the draw."""
    record = made.of_cases["330225"]
    [row] = [r for r in table(made, "inspections") if r["record_id"] == record]
    before = said(made.client, f"/sunshine/inspections/{record}?on={row['frozen_on']}")
    after = made.client.get(f"/sunshine/inspections/{record}/pseudonyms.txt").get_data(as_text=True)
    assert made.client.get(f"/sunshine/inspections/{record}/pseudonyms.txt?on={row['frozen_on']}").get_data(as_text=True) == after
    assert [text for text in (row["salt_hash"], row["pseudonyms_hash"], *after.split("\n")) if text not in before] == []
    assert "抽中的假名" not in before
    assert hashlib.sha256(after.encode()).hexdigest() == row["pseudonyms_hash"]


def test_the_length_of_a_list_tells_no_small_count(made: District) -> None:
    """Of a town with two cases, and of the town whose figure is withheld for its sake, neither list nor length, on no day; nor of the list
    that is the district's and holds that town's cases alone. It is recorded why."""
    for of, place, why in ((HEPU[:9], HEPU[:9], "small"), (BESIDE, BESIDE, "small"), ("one town's", "330225", "small")):
        record = made.of_cases[of]
        [row] = [r for r in table(made, "inspections") if r["record_id"] == record]
        assert (row["listed"], row["withheld"]) == (None, why)
        for on in ("", f"?on={row['frozen_on']}"):
            assert made.client.get(f"/sunshine/inspections/{record}/pseudonyms.txt{on}").status_code == 404
            text = said(made.client, f"/sunshine/inspections/{record}{on}")
            assert "不公布名单和件数" in text
            assert f"名单上有 {next(n for town, n in TOWNS.items() if town[:9] == (BESIDE if of != HEPU[:9] else place))} 件" not in text
        assert record not in {r["record_id"] for r in table(made, "inspection-pseudonyms")}
        [hidden] = [r for r in table(made, "withholdings") if r["record_id"] == record]
        assert (hidden["what"], hidden["place"], hidden["withheld"], hidden["until_day"]) == ("inspections", place, why, "9999-12-31")
    [told] = [r for r in table(made, "inspections") if r["record_id"] == made.of_cases["330225"]]
    assert (told["listed"], told["withheld"]) == (ALL, "")


def test_of_a_check_of_few_cases_there_is_no_result(made: District) -> None:
    """A case's number is that of a household on the public list: nowhere on the page; of three cases neither list nor finding."""
    [row] = [r for r in table(made, "inspections") if r["programme"] == "assistance_special_governance" and r["status"] == "published"]
    assert (row["listed"], row["drawn"], row["list_hash"], row["found"], row["summary"]) == (None, 3, None, None, "")
    page = said(made.client, f"/sunshine/inspections/{row['record_id']}")
    assert "少于5件" in page
    assert not [told for told in ("case-1", "case-2", "case-3", "问题分类") if told in page]
    for file in ("objects.txt", "pseudonyms.txt"):
        assert made.client.get(f"/sunshine/inspections/{row['record_id']}/{file}").status_code == 404
    for code in ("inspection-objects", "inspection-pseudonyms", "findings"):
        assert row["record_id"] not in {r["record_id"] for r in table(made, code)}
    [other] = [r for r in table(made, "inspections") if r["programme"] == "support_institution_governance" and r["status"] == "published"]
    assert (other["found"], other["settled"], other["summary"]) == (1, 1, "检查2家，整改1项")  # institutions are no persons


def test_a_withheld_result_is_recorded(made: District) -> None:
    """From the day of its publication on, with the rule; no other campaign's is, and on a day before none was."""
    [row] = [r for r in table(made, "inspections") if r["programme"] == "assistance_special_governance" and r["status"] == "published"]
    [hidden] = [w for w in table(made, "withholdings") if w["what"] == "results"]
    told = (hidden["record_id"], hidden["withheld"], hidden["from_day"], hidden["until_day"], hidden["threshold"])
    assert told == (row["record_id"], "small", row["published_on"], "9999-12-31", 5)
    before = [w for w in table(made, "withholdings", "2023-05-08") if w["what"] == "results"]
    assert before == []


# -- open data and receipts


def test_the_tables_are_what_the_dictionary_says(made: District) -> None:
    """CSV and JSON hold the same rows with the columns of the dictionary; a formula is a text; others' pages may read them."""
    package = made.client.get("/sunshine/data/datapackage.json").get_json()
    for resource in package["resources"]:
        names = [f["name"] for f in resource["schema"]["fields"]]
        rows = table(made, resource["name"])
        answer = made.client.get(resource["path"])
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.get_data().startswith(b"\xef\xbb\xbf")
        found = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
        assert len(found) == len(rows)
        assert all(list(r) == names for r in (*rows, *found))
        assert not [v for r in found for v in r.values() if v.startswith("=")]
    assert "'=HYPERLINK(1)" in made.client.get("/sunshine/data/fund-moves.csv").get_data(as_text=True)
    assert "Access-Control-Allow-Origin" not in made.client.get("/sunshine/funds").headers
    feed = made.client.get("/sunshine/feed.atom").get_data(as_text=True)
    assert "公示：最低生活保障（石浦镇）" in feed
    assert "公布标准：最低生活保障" in made.client.get("/sunshine/feed/2023-05.atom").get_data(as_text=True)


def test_the_receipt_of_a_public_row_holds(made: District, page: Page) -> None:
    """Every link to a receipt leads to one that the stand-alone check accepts. An event is shown by it only if all that it says stands in
    the row, as with the sums of a run; of any other it shows nothing but that it is sealed. Pasted it holds, changed it does not."""
    settings = made.desk.settings
    key, origin = checking_key(settings), origin_of(settings)
    links = {link for text in made.read().values() for link in _RECEIPT.findall(text)}
    kinds: dict[str, dict[str, Any]] = {}
    for link in sorted(links):
        answer = made.client.get(link)
        if answer.status_code == 503 and "尚未封存" in answer.get_data(as_text=True):
            continue  # of what another test did after the last checkpoint
        assert answer.status_code == 200, link
        standalone.check_receipt(answer.get_json(), origin, key)
        kinds[link.split("/")[3]] = answer.get_json()
    assert set(kinds) == {"standards", "policies", "payments", "fund-moves", "inspections", "recipients", "proposals"}
    assert {kind for kind, shown in kinds.items() if set(shown) != {"form", "leaf", "index", "path", "checkpoint"}} == {"payments"}
    with pytest.raises(standalone.Wrong):
        standalone.check_receipt({**kinds["recipients"], "leaf": "00" * 32}, origin, key)
    assert made.client.get("/sunshine/receipt/recipients/nobody").status_code == 404
    assert made.client.get("/sunshine/receipt/acts/1").status_code == 404
    page.goto("/sunshine/verify")
    page.fill("#receipt", json.dumps(kinds["payments"]))
    page.get_by_role("button", name="核验").click()
    expect(page.get_by_role("alert")).to_contain_text("成立：assistance.payment_run_closed")
    kinds["payments"]["event"]["version"] += 1
    page.fill("#receipt", json.dumps(kinds["payments"]))
    page.get_by_role("button", name="核验").click()
    expect(page.get_by_role("alert")).to_contain_text("不成立")
    assert page.context.cookies() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"form": "minzheng receipt 1"}', '{"form": "minzheng sealed 1"}', "[" * 9000])
def test_what_is_no_receipt_is_told_so(made: District, text: str) -> None:
    """No fault, whatever is pasted."""
    answer = made.client.post("/sunshine/verify", data={"receipt": text})
    assert answer.status_code == 422
    assert "不成立" in answer.get_data(as_text=True) or "读不出" in answer.get_data(as_text=True)


def test_a_past_page_leads_to_the_receipts_of_its_own_rows(made: District) -> None:
    """A receipt asked for from a past page is of the event that said the row on that day, or it is no more public whose that was; checking,
    which is of today, does not say that it is of that day."""
    for on in ("2023-03-10", "2023-08-20"):
        page = made.client.get(f"/sunshine/recipients/{LIVING}/{XIZHOU}?on={on}").get_data(as_text=True)
        links = [link.replace("&amp;", "&") for link in _RECEIPT.findall(page)]
        assert links
        assert all(link.endswith(f"?on={on}") for link in links)
        assert {made.client.get(link).status_code for link in links} == {200}
    checking = made.client.get("/sunshine/verify?on=2023-04-20").get_data(as_text=True)
    assert "这是该日公开的内容" not in checking
    assert "day-picker" not in checking


# -- credit lists


def test_a_credit_list_shows_who_stands_on_it_on_the_day(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """After notice and days for an answer; off the page on the day of leaving; organisations by their code, and no person ever."""
    d, code, provider = made.desk, "care_provider_dishonesty_list", "52330225MJ12345672"
    monkeypatch.setattr("services.portal.sunshine.public.FRESH", -1.0)
    entry = {"programme": code, "division": "330225", "subject_id": provider, "reason": "subsidy_defrauded"}
    d.on("2023-09-04")
    for wrong in ("ab" * 16, provider[:-1] + "3", provider.lower(), f" {provider}"):
        with pytest.raises(Refused, match="信用代码") as refused:
            d.call("enlist", service="eldercare", **{**entry, "subject_id": wrong})
        assert refused.value.field == "subject_id"
    record = d.call("enlist", service="eldercare", **entry)["id"]
    d.on("2023-09-28")
    d.project()
    assert table(made, "credit") == []  # noticed is not listed
    receipt = f"/sunshine/receipt/credit/{record}"
    assert made.client.get(receipt).status_code == 404  # what no page shows has no receipt
    d.call("decide_listing", "approver", service="eldercare", record_id=record, outcome="enlist", reason="查实")
    d.project()
    assert [(r["subject_id"], r["reason"]) for r in table(made, "credit")] == [(provider, "subsidy_defrauded")]
    page = said(made.client, "/sunshine/credit?page=1")
    assert provider in page
    assert "骗取养老服务补贴、资金" in page
    assert table(made, "credit", "2023-09-10") == []
    assert made.client.get(receipt).status_code == 503  # it is there, and will be sealed
    d.on("2023-10-09")
    with pytest.raises(Refused, match="不能申请修复"):
        d.call("ask_for_repair", service="eldercare", record_id=record, grounds="已改正")
    d.call("delist", "reviewer", service="eldercare", record_id=record, reason="处罚决定被撤销")
    d.project()
    assert table(made, "credit") == []
    assert len(table(made, "credit", "2023-10-08")) == 1
    assert made.client.get(f"{receipt}?on=2023-10-08").status_code == 503


def test_a_list_whose_salt_is_destroyed_is_nobodys_any_more(made: District) -> None:
    """Its pseudonyms can be computed by nobody; the page says so, and what was drawn goes on being checked."""
    record = made.of_cases["330225"]
    office, portal = made.desk.offices["assistance"], made.app.extensions["portal"]
    drawn = set(office.load(DECIDERS["inspection"], record).state.objects)
    office.vault.destroy(salt_key(record), made.desk.now.isoformat())
    portal.vault._erasures = (0.0, portal.vault._erasures[1])  # half a minute later
    assert "盐已销毁" in said(made.client, f"/sunshine/inspections/{record}")
    assert made.client.get(f"/sunshine/inspections/{record}/pseudonyms.txt").status_code == 404
    assert set(office.load(DECIDERS["inspection"], record).state.objects) == drawn

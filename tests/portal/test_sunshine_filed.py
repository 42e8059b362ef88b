"""What a page of a past day takes from files: as the release of that day had them, and of days before any record it says so."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED
from services.portal.sunshine import declared, filed, public
from services.portal.sunshine.public import query
from services.portal.web.app import create_app
from shared.casework.shape import Declaration
from shared.clock import Clock
from shared.config import Settings
from shared.eventlog import discovery, rebuild
from shared.eventlog.client import Log
from shared.eventsourcing import codec
from shared.rules.profile import PROFILES, load_profile
from tests.desk import Desk, desk
from tests.e2e.conftest import Bureau, until
from tests.portal.sunshine import District, said

LIVING = "minimum_living_allowance"
URBAN = f"{LIVING}.standard.urban"
OLD, NEW = "1,255.00 元", "1,277.77 元"
FILES = {"assistance.yaml": ("value: 125500", "value: 127777"), "indicators.yaml": ("target: 537\n", "target: 538.5\n")}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[District]:
    """A portal before whose pages nothing has happened yet."""
    monkeypatch.setattr(public, "FRESH", -1.0)
    with desk(tmp_path, "assistance", "portal", MINZHENG_PORTAL_RATE="100000/minute") as d:
        discovery.load_all()
        filed.standards_here.cache_clear()
        yield District(d, create_app(d.settings))
        filed.standards_here.cache_clear()


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on the district's files are those of another release: another standard, another target."""

    def put_in_place() -> None:
        folder = tmp_path / "profiles"
        shutil.copytree(PROFILES, folder)
        for name, (before, after) in FILES.items():
            path = folder / "xiangshan-2023" / name
            text = path.read_text(encoding="utf-8")
            assert before in text
            path.write_text(text.replace(before, after), encoding="utf-8")
        monkeypatch.setattr(filed, "load_profile", lambda profile: load_profile(profile, folder))
        monkeypatch.setattr("services.portal.web.portal.load_profile", lambda profile: load_profile(profile, folder))
        filed.standards_here.cache_clear()

    return put_in_place


def rows(made: District, code: str, on: str = "") -> list[dict[str, Any]]:
    return list(made.client.get(f"/sunshine/data/{code}.json{f'?on={on}' if on else ''}").get_json()["rows"])


def found(made: District, on: str = "") -> tuple[Any, Any, Any]:
    """(the standard in force, from when it is recorded, the target of an indicator) as the tables have them."""
    [standard] = [r for r in rows(made, "standards", on) if r["parameter"] == URBAN and r["in_force"]]
    [target] = [r for r in rows(made, "indicators", on) if r["identifier"] == "proactive_discovery_households"]
    assert target["recorded_from"] == standard["recorded_from"]
    return standard["amount_fen"], standard["recorded_from"], target["target"]


def test_a_past_day_has_the_figures_of_its_own_release(made: District, next_release: Callable[[], None]) -> None:
    """A release is started on the 1st of June, the next on the 1st of July: each day says the figures of its own on every page and in every
    table; what was before the first says that it was not recorded. The pages are word for word what they were."""
    d = made.desk
    d.on("2023-06-01")
    filed.record(d.settings)
    d.project()
    paths = tuple(f"/sunshine{p}" for p in ("/standards", f"/standards/{LIVING}", "/indicators", "", "/indicators/care_visits"))
    then = {path: said(made.client, path) for path in paths}
    assert OLD in then["/sunshine/standards"]
    d.on("2023-07-01")
    next_release()
    made.app = create_app(d.settings)
    assert filed.record(d.settings) == ("operations.standards_filed", "operations.targets_filed")
    d.project()
    assert found(made) == (127777, None, 538.5)
    assert NEW in said(made.client, "/sunshine/standards")
    for on in ("2023-06-01", "2023-06-30"):
        assert found(made, on) == (125500, None, 537)
        for path in paths:
            text = said(made.client, f"{path}?on={on}")
            assert "逐日留有记录" not in text
            assert NEW not in text
    assert {path: said(made.client, f"{path}?on=2023-06-01") for path in paths} == then
    assert found(made, "2023-05-08") == (125500, "2023-06-01", 537)
    for path in paths[:3]:
        assert "自2023年6月1日起逐日留有记录" in said(made.client, f"{path}?on=2023-05-08"), path
    office, model = d.offices["portal"], d.models["portal"]
    assert rebuild.rebuild(model, office.read, office.log, check=True).differences == ()


def test_before_anything_is_recorded_the_files_themselves_are_shown(made: District) -> None:
    """Of a portal that starts before its projector."""
    assert found(made)[0] == 125500
    assert OLD in said(made.client, "/sunshine/standards")
    assert "逐日留有记录" not in said(made.client, "/sunshine/standards")
    assert "自2023年7月3日起逐日留有记录" in said(made.client, "/sunshine/standards?on=2023-06-30")


def test_what_becomes_public_later_is_not_public_of_the_days_before(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that the next release declares is on no page of a day before it; one that is declared no more is on none at all."""
    d, catalogue = made.desk, declared.declarations()["assistance_programme_catalogue"]

    def release(*fields: str) -> None:
        one = Declaration(**{**vars(catalogue), "public": fields})
        monkeypatch.setattr(declared, "declarations", lambda: {catalogue.code: one})
        filed.record(d.settings)
        d.project()

    d.on("2023-06-01")
    release("name", "tier")
    d.on("2023-07-01")
    release("name", "department")
    day = public.Day(d.now.date(), d.now.date(), asked=False)
    portal = made.app.extensions["portal"]
    assert filed.fields(portal, day) == {catalogue.code: ("name", "department")}
    before = public.Day(day.on.replace(month=6), day.on, asked=True)
    assert filed.fields(portal, before) == {catalogue.code: ("name",)}


def test_a_past_day_has_the_names_and_the_ways_of_computing_of_its_own_release(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next release calls a programme and computes an indicator otherwise: a day before it says the name of then, and beside the figure,
    which is counted anew, how it was counted then. Today says neither."""
    d, visits = made.desk, "/sunshine/indicators/care_visits"
    d.on("2023-06-01")
    filed.record(d.settings)
    d.on("2023-07-01")
    programmes = declared.programmes()
    renamed = {LIVING: replace(programmes[LIVING], name="基本生活保障")}
    monkeypatch.setattr(declared, "programmes", lambda: programmes | renamed)
    how = COMPUTED["care_visits"]
    monkeypatch.setitem(COMPUTED, "care_visits", replace(how, says="本年登记的上门探访（次）"))
    filed.targets_here.cache_clear()
    assert filed.record(d.settings) == ("operations.targets_filed", "operations.scopes_filed")
    d.project()
    for path in ("/sunshine", "/sunshine/recipients", "/sunshine/standards", f"/sunshine/recipients/{LIVING}"):
        assert "基本生活保障" in said(made.client, path)
        then = said(made.client, f"{path}?on=2023-06-30")
        assert "最低生活保障" in then
        assert "基本生活保障" not in then
    assert "算法有变动" not in said(made.client, visits)
    assert "探访（<code>visit_recorded</code>）" in said(made.client, visits)
    then = said(made.client, f"{visits}?on=2023-06-30")
    assert "算法有变动" in then
    assert f"当日的算法：{how.says}" in then
    filed.targets_here.cache_clear()


def test_of_days_whose_names_nobody_recorded_a_page_says_that_they_are_todays(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first recording, and of a release that recorded no names."""
    d, then, later = made.desk, "那时的项目名称未留有记录", "当日的算法未留有记录"
    d.on("2023-06-01")
    scopes, targets = filed.scopes_here(), filed.targets_here(load_profile(d.settings.profile).folder / "indicators.yaml")
    monkeypatch.setattr(filed, "scopes_here", lambda: tuple(replace(s, title="") for s in scopes))
    bare = tuple(replace(t, says="", over_says="", counted_by=()) for t in targets)
    monkeypatch.setattr(filed, "targets_here", lambda _file: bare)
    filed.record(d.settings)
    d.on("2023-07-01")
    monkeypatch.setattr(filed, "scopes_here", lambda: scopes)
    monkeypatch.setattr(filed, "targets_here", lambda _file: targets)
    filed.record(d.settings)
    d.on("2023-07-03").project()

    def page(on: str = "", path: str = "/sunshine") -> str:
        return str(made.client.get(f"{path}{f'?on={on}' if on else ''}").get_data(as_text=True))

    assert then in page("2023-05-08")
    assert then in page("2023-06-15")
    assert then not in page("2023-07-02")
    assert then not in page()
    assert later in page("2023-06-15", "/sunshine/indicators/care_visits")
    assert later not in page("2023-07-02", "/sunshine/indicators/care_visits")


def test_the_portal_records_by_itself_and_the_same_release_once(made: District) -> None:
    """As its processes start, beside each other: who is first makes no difference, and nothing is written twice."""
    d = made.desk
    for thread in [filed.begin(d.settings) for _ in range(3)]:
        thread.join(60)
        assert not thread.is_alive()
    log = Log(d.settings.eventstore_uri)
    events = log.read("operations.filed-330225")
    log.close()
    assert sorted(e.name for e in events) == ["operations.scopes_filed", "operations.standards_filed", "operations.targets_filed"]
    assert all(len(e.data) < 48 * 1024 for e in events)  # an event may have 64 KiB
    d.project()
    table, today = TABLES["filed"], Clock(d.settings.clock_file).now().date().isoformat()
    standing = query(made.app.extensions["portal"], table.select().where(kept.on(table, today)))
    assert {row["kind"] for row in standing} == {"standards", "targets", "scopes"}


def test_the_portal_records_when_its_vault_is_there(made: District, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be opened yet, as when it starts after the portal, is waited for as the log is."""
    monkeypatch.setattr(filed, "_AGAIN", 0.05)
    tried, engine_for = threading.Event(), filed.engine_for

    def told(settings: Settings, store: str) -> Any:
        made_one = engine_for(settings, store)
        tried.set()  # opened, as far as it can be; the first statement fails
        return made_one

    monkeypatch.setattr(filed, "engine_for", told)
    elsewhere = replace(made.desk.settings, var=made.desk.settings.var / "later")
    (elsewhere.var / "vault.db").mkdir(parents=True)
    thread = filed.begin(elsewhere)
    assert tried.wait(90)
    tried.clear()
    assert tried.wait(90), "it is tried again"
    (elsewhere.var / "vault.db").rmdir()
    thread.join(90)
    assert not thread.is_alive()
    log = Log(elsewhere.eventstore_uri)
    assert [e.name for e in log.read("operations.filed-330225")].count("operations.standards_filed") == 1
    log.close()


def test_every_district_s_files_fit_into_events(made: District) -> None:
    """Each profile's standards and targets can be recorded."""
    d: Desk = made.desk
    for profile in sorted(path.parent.name for path in PROFILES.glob("*/profile.yaml")):
        filed.standards_here.cache_clear()
        settings = type(d.settings)(**{**vars(d.settings), "profile": profile})
        assert len(filed.record(settings)) == 3


def test_a_running_house_has_recorded_its_figures(bureau: Bureau) -> None:
    """Started as it is in earnest: the portal's processes wrote them down, once."""
    log = Log(bureau.settings.eventstore_uri)
    try:
        events = until(lambda: log.read("operations.filed-330225"))
    finally:
        log.close()
    assert sorted(e.name for e in events) == ["operations.scopes_filed", "operations.standards_filed", "operations.targets_filed"]
    assert {codec.decode_meta(e.metadata).actor for e in events} == {"service:portal"}

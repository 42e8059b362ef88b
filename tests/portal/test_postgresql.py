"""The read models in PostgreSQL: the public pages say word for word what they say from a file, and the desk's lists end where they should.

The database sorts as its language does (ICU, zh-CN), as a bureau's own may have been made, and not by bytes as SQLite does: whatever
rested on one of the two without saying so would differ here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from services.portal.api import answers
from services.portal.api.operations import operation
from services.portal.web.app import create_app
from shared.eventlog import rebuild
from shared.eventlog.stores import engine_for
from tests.portal.sunshine import District, district, part

pytestmark = pytest.mark.timeout(900)  # a district is lived first
LISTS = ("list_cases", "list_waiting", "list_worklists", "list_records", "list_households", "list_persons", "list_payment_runs")


@pytest.fixture(scope="module")
def chinese_url(postgresql_url: str) -> str:
    """A database that sorts by the rules of a language."""
    server = sa.create_engine(sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(
            "CREATE DATABASE chinese TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN'"
        )
    server.dispose()
    return str(sa.make_url(postgresql_url).set(database="chinese"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The district of the public pages, lived with its rows in files."""
    with district(tmp_path_factory.mktemp("files")) as found:
        yield found


@pytest.fixture(scope="module")
def beside(made: District, chinese_url: str) -> Iterator[District]:
    """The same district from the same log, its rows folded into the database: those of the portal, and those of a service."""
    settings = replace(made.desk.settings, database_url=chinese_url, schema_prefix="portal_")
    office = made.desk.offices["assistance"]
    rows = {name: engine_for(settings, name) for name in ("portal", "assistance")}
    for name, engine in rows.items():
        made.desk.models[name].create(engine)
        rebuild.rebuild(made.desk.models[name], engine, office.log, force=True)
    app = create_app(made.desk.settings)
    app.extensions["portal"]._made["read"] = rows["portal"]
    files, office.read = office.read, rows["assistance"]
    yield replace(made, app=app)
    office.read = files
    app.extensions["portal"].close()
    rows["assistance"].dispose()


def tables(of: District, on: str) -> dict[str, Any]:
    codes = [r["name"] for r in of.client.get("/sunshine/data/datapackage.json").get_json()["resources"]]
    asked = f"?on={on}" if on else ""
    return {code: of.client.get(f"/sunshine/data/{code}.json{asked}").get_json()["rows"] for code in codes}


def test_every_public_page_and_table_is_the_same_from_either_database(made: District, beside: District) -> None:
    """Every page that links lead to and every table, row for row: of today, and of a day in the middle."""
    assert beside.app.extensions["portal"].read.dialect.name == "postgresql"
    for on in ("", sorted(made.remembered)[3]):
        here, there = ({path: part(text) for path, text in one.read(on).items()} for one in (made, beside))
        assert len(here) > 40
        assert here.keys() == there.keys()
        for path, text in here.items():
            assert text == there[path], path
        assert tables(made, on) == tables(beside, on)


@pytest.mark.parametrize("method", LISTS)
def test_a_list_of_the_desk_read_page_by_page_is_the_whole_list(beside: District, method: str) -> None:
    """In pages of three: no row twice, none left out, in the order of the list read at once."""
    d, portal = beside.desk, beside.app.extensions["portal"]
    assert d.offices["assistance"].read.dialect.name == "postgresql"
    listing = operation("assistance", method, portal.doors["assistance", method]).listing
    assert listing is not None

    def call(**more: Any) -> Any:
        return d.call(method, "reviewer", **more)

    whole = list(answers.every(listing, call))
    assert whole
    if not listing.pages:
        return
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {"limit": 3}
    while more.get("after", "") is not None:
        answer = call(**more)
        found += listing.rows(answer)
        more["after"] = answers.goes_on(listing, answer, 3)
    assert found == whole

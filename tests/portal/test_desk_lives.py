"""Every programme lived through the desk: each declared example typed into its forms, step by step, by the hands it names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from services.portal.desk import home, things
from services.portal.desk.forms import Known
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.eventlog import discovery
from shared.messaging.showing import plain
from shared.office import Office
from shared.security.permissions import ROLES
from tests.e2e.conftest import SERVICES, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture
from tests.portal.hands import Hand, enter, error_of, fits, typed
from tests.portal.test_desk_forms import DOORS
from tests.programmes.introduced import introduce

FIRST = date(2023, 7, 3)
# Whose items the house itself begins as soon as it is submitted: the rest of the example is told without a house around it.
GOES_ON_BY_ITSELF = {"social_assistance_one_thing"}
DECLARED = [(s, d) for s in discovery.services() for d in things.declared(s).values() if isinstance(d, Declaration)]
BENEFITS = [(s, d) for s in discovery.services() for d in things.declared(s).values() if isinstance(d, Programme)]
POSTS = sorted(role for role in ROLES if not role.startswith("service:") and role != "portal")


@pytest.fixture(scope="module")
def hands(chromium: Browser, base: str, bureau: Bureau) -> Iterator[dict[str, Hand]]:
    """One of every post."""
    made = {role: Hand(chromium, base, bureau, role, actor=f"staff:{role}") for role in POSTS}
    yield made
    for hand in made.values():
        hand.close()


@pytest.mark.parametrize(("service", "d"), DECLARED, ids=lambda x: getattr(x, "code", str(x)))
def test_a_declared_programme_lives_its_example_at_the_desk(bureau: Bureau, hands: dict[str, Hand], service: str, d: Declaration) -> None:
    """The start page leads to the opening act; each step is offered on the record's page, typed in, and stands in its timeline."""
    office = Office(bureau.settings, "assistance")
    introduce(office)
    office.close()
    record = ""
    example = d.example[:1] if d.code in GOES_ON_BY_ITSELF else d.example
    for n, step in enumerate(example):
        bureau.at((FIRST + timedelta(days=step.day)).isoformat())
        hand, info = hands[step.role], DOORS[service, step.act]
        known = Known(info.method, plain(d.terms))
        body = {name: record if value == "@id" else value for name, value in step.body.items()}
        if n == 0:
            start = hand.get(f"/desk/{service}/programmes/{d.code}").text()
            assert f"/desk/{service}/do/{step.act}?programme={d.code}" in start
            address = f"/desk/{service}/do/{step.act}?programme={d.code}"
        else:
            page = hand.get(f"/desk/{service}/{d.shape.name}/{record}").text()
            own = any(a.command is (info.does or info._form) for a in d.shape.acts)
            assert not own or f"/desk/{service}/do/{step.act}" in page, f"{step.act} is not offered"
            address = f"/desk/{service}/do/{step.act}?" + urlencode({"record_id": record, "in": d.shape.name})
        answer = hand.send(address, hand.form(address), list(typed(info.form, body, known)))
        assert answer.status == 303, f"{step.act}: {answer.status} {error_of(answer)}"
        if n == 0:
            record = urlsplit(answer.headers["location"]).path.rpartition("/")[2]
        shown = hand.get(answer.headers["location"])
        assert shown.status == 200
        assert "办理过程" in shown.text()
    steps = bureau.staff("auditor").call(service, "get_steps", category=d.shape.name, key=record)
    assert len({(s["by"], s["at"]) for s in steps if s["by"].startswith("staff:")}) >= len({(s.role, s.day) for s in example})


def test_every_list_in_which_something_waits_is_somebodys(page: Page, base: str, bureau: Bureau, hands: dict[str, Hand]) -> None:
    """What the examples left open waits in lists that belong to a post, and each list's page opens and is exported."""
    auditor = hands["auditor"]
    seen = 0
    for service in SERVICES:
        if (service, "list_worklists") not in DOORS:
            continue
        rows = bureau.staff("auditor").call(service, "list_worklists")
        bureau.at("2023-07-14")  # some of what was left open is late by now, some is due soon
        for row in rows:
            assert row["worklist"] in home.ACT_OF.keys() | home.STANDING, row["worklist"]
            shown = auditor.get(f"/desk/{service}/worklists/{row['worklist']}?programme={row['programme']}")
            assert shown.status == 200
            assert "待办明细" in shown.text() or row["programme"] in GOES_ON_BY_ITSELF
            seen += 1
        for kind in ("csv", "xlsx"):
            assert auditor.get(f"/desk/{service}/worklists/visit?town=330226999&format={kind}").status == 200, "a table of nothing"
        if rows:
            table = auditor.get(f"/desk/{service}/worklists/{rows[-1]['worklist']}?format=csv")
            assert table.headers["content-type"].startswith("text/csv")
            assert table.headers["cache-control"] == "no-store"
            assert things.name_of(rows[-1]["programme"]) in table.text()
    assert seen >= 8
    enter(page.context, base, bureau, "clerk", "reviewer")
    for address, name in (("/desk", "desk-home"), ("/desk/assistance/worklists/visit", ""), ("/desk/everything", "")):
        page.goto(address)
        accessible(page)
        fits(page)
        if name:
            picture(page, name)


@pytest.mark.parametrize(("service", "d"), BENEFITS, ids=lambda x: getattr(x, "code", str(x)))
def test_a_benefits_page_says_what_it_owes_and_how_it_begins(hands: dict[str, Hand], service: str, d: Programme) -> None:
    """Its name, steps and limits; the application, where there is one, is a form that a clerk may open."""
    page = hands["clerk"].get(f"/desk/{service}/programmes/{d.code}")
    assert page.status == 200
    assert d.name in page.text()
    if d.on_application:
        assert f"/desk/{service}/do/apply?programme={d.code}" in page.text()
        form = hands["clerk"].get(f"/desk/{service}/do/apply?programme={d.code}")
        assert f'name="programme" value="{d.code}"' in form.text()


@pytest.mark.parametrize("where", sorted(DOORS), ids=".".join)
def test_every_act_and_question_has_a_page_for_whoever_may_and_none_for_others(hands: dict[str, Hand], where: tuple[str, str]) -> None:
    """200 for a post that carries the permission, 403 for every one that does not; nobody is sent a fault."""
    service, method = where
    info = DOORS[where]
    kind = "do" if info.kind == "command" else "ask"
    may = {role for role in POSTS if info.permission in ROLES[role]}
    for role in POSTS:
        page = hands[role].get(f"/desk/{service}/{kind}/{method}")
        if role not in may:
            assert page.status == 403, role
        elif any(f.name == "resident_id" for f in dataclasses.fields(info.form)) and kind == "ask":
            assert page.status == 404  # asked at 查找, by a form that is posted
        else:
            assert page.status == 200, f"{role}: {page.status} {error_of(page)}"


def test_who_is_not_logged_in_is_sent_to_the_login(chromium: Browser, base: str) -> None:
    """Every kind of page of the desk asks who it is first."""
    context = chromium.new_context(base_url=base)
    pages = ("", "/find", "/everything", "/assistance/programmes", "/assistance/payments", "/assistance/do/apply",
             "/assistance/ask/list_cases", f"/assistance/case/{new_id()}", "/assistance/worklists/accept")  # fmt: skip
    for page in pages:
        answer = context.request.get(f"/desk{page}", max_redirects=0)
        assert (answer.status, answer.headers["location"].partition("?")[0]) == (302, "/login"), page
    context.close()


def test_a_death_and_what_follows_from_it_have_pages(bureau: Bureau, hands: dict[str, Hand]) -> None:
    """Registered at the desk; the process behind it, the funeral's benefits and an erasure are told, each to the post whose it is."""
    bureau.at("2023-07-20")
    registrar, officer = hands["registrar"], hands["funeral_officer"]
    address = "/desk/registry/do/register_death"
    number = bureau.person("19400101")
    body = [("resident_id", number), ("name", "测试逝者"), ("died_on", "2023-07-19"), ("division", TOWN)]
    answer = registrar.send(address, registrar.form(address), body)
    assert answer.status == 303, error_of(answer)
    person = urlsplit(answer.headers["location"]).path.rpartition("/")[2]
    assert "测试逝者" in registrar.get(answer.headers["location"]).text()
    assert "测试逝者" not in registrar.get(f"/desk/registry/death/{person}").text(), "no purpose, no file"
    until(lambda: registrar.get(f"/desk/registry/after_death/{person}").status == 200)
    assert "身后事项" in registrar.get(f"/desk/registry/after_death/{person}").text()
    until(lambda: "已关闭" in registrar.get(f"/desk/registry/after_death/{person}").text())  # nobody's household, nobody's benefits
    until(lambda: officer.get(f"/desk/registry/funeral/{person}?for=casework").status == 200)
    assert "/desk/registry/do/claim_funeral_benefits" in officer.get(f"/desk/registry/funeral/{person}?for=casework").text()
    found = registrar.send("/desk/find", registrar.form("/desk/registry/do/register_death"), [("resident_id", number)])
    assert f"/desk/registry/death/{person}" in found.text()


def test_a_person_outside_households_has_a_page_from_which_his_facts_are_recorded(bureau: Bureau, hands: dict[str, Hand]) -> None:
    """Registered, a certificate recorded from his page by codes in Chinese; the page shows it."""
    bureau.at("2023-07-20")
    clerk = hands["clerk"]
    address = "/desk/assistance/do/register_person"
    body = [("resident_id", bureau.person("19800101")), ("name", "测试人员"), ("division", TOWN), ("area", "rural")]
    answer = clerk.send(address, clerk.form(address), body)
    assert answer.status == 303, error_of(answer)
    page = clerk.get(answer.headers["location"]).text()
    person = urlsplit(answer.headers["location"]).path.rpartition("/")[2]
    address = f"/desk/assistance/do/record_certificate?person_id={person}"
    assert address.replace("&", "&amp;") in page
    assert "肢体" in clerk.get(address).text()
    back = f"/desk/assistance/person_facts/{person}?for=casework"
    body = [("grade", "1"), ("effective_from", "2023-06-01"), ("kind", "physical")]
    answer = clerk.send(address, {**clerk.form(address), "back": back}, body)
    assert answer.status == 303, error_of(answer)
    shown = clerk.get(answer.headers["location"]).text()
    assert "肢体" in shown
    assert "已办理：登记残疾人证的核发、变更或注销" in shown
    assert clerk.get(f"/desk/assistance/person_facts/{new_id()}?for=casework").status == 404


def test_a_members_income_is_recorded_from_the_households_page(bureau: Bureau, hands: dict[str, Hand]) -> None:
    """The household's page leads to the form, which offers its members by name; yuan are typed, fen are recorded."""
    bureau.at("2023-07-20")
    home_ = bureau.household({"resident_id": bureau.person("19750101"), "name": "欧阳测试"})
    clerk, household = hands["clerk"], home_["household_id"]
    address = f"/desk/assistance/do/record_income?household_id={household}"
    assert address in clerk.get(f"/desk/assistance/household/{household}?for=casework").text()
    assert "欧阳测试（户主）" in clerk.get(address).text()
    [person] = home_["members"]
    body = [("person_id", person), ("monthly_income_fen", "2,345.67"), ("effective_from", "2023-07-01"), ("reason", "pension")]
    answer = clerk.send(address, clerk.form(address), body)
    assert answer.status == 303, error_of(answer)
    assert "2,345.67 元" in clerk.get(answer.headers["location"]).text()

"""The page of a record: its matters, its limits, why somebody looks, and how it was known at an earlier moment; in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from services.portal.web.shown import day
from shared.casework import looks
from shared.eventlog.client import Log
from shared.eventlog.moments import events_of
from tests.e2e.conftest import ALLOWANCE, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible
from tests.portal.hands import Hand, enter, fits

Sit = Callable[..., None]


@pytest.fixture
def sit(page: Page, base: str, bureau: Bureau) -> Sit:
    """``sit("clerk", at=…)``: somebody of that post opens a page of the desk."""

    def down(*roles: str, actor: str = "", at: str = "/desk") -> None:
        enter(page.context, base, bureau, *roles, actor=actor)
        page.goto(at)

    return down


@pytest.fixture(scope="module")
def granted(bureau: Bureau) -> tuple[str, str]:
    """A household and its case, in force by the whole procedure: proposed on 2023-03-01, confirmed on 2023-03-09."""
    bureau.at("2023-02-20")
    home = bureau.household({"resident_id": bureau.person("19600101"), "name": "慕容测试", "monthly_income_fen": 10_000})
    return home["household_id"], bureau.granted(home["household_id"])


def looked(bureau: Bureau, key: str, service: str = "assistance") -> list[looks.FileLookedAt]:
    """The looks at a file, the newest last."""
    log = Log(bureau.settings.eventstore_uri, data=bureau.settings.eventstore_data)
    try:
        return [r.event for r in events_of(log, f"{service}.looks-{key}")]
    finally:
        log.close()


def acts(page: Page) -> list[str]:
    """What the page offers to do, as buttons or links."""
    return [text.strip() for text in page.locator(".acts button, .acts a.button").all_inner_texts()]


def test_a_case_is_seen_as_it_was_known_at_one_of_its_steps(page: Page, bureau: Bureau, sit: Sit, granted: tuple[str, str]) -> None:
    """From the timeline back to the day of 审核: publicised, that day's limit, nothing to press; the look says which moment; and back."""
    household, case = granted
    bureau.at("2023-06-01")
    sit("reviewer", actor="staff:chief-1", at=f"/desk/assistance/case/{case}?for=review")
    expect(page.locator("h1 .tag")).to_have_text("在保")
    assert "暂停发放" in acts(page)
    page.locator(".timeline li", has_text="审核").locator("a").first.click()
    moment = parse_qs(urlsplit(page.url).query)["as_of"][0]
    assert moment.startswith("2023-03-01T")
    expect(page.locator("main")).to_contain_text("此页为 2023-03-01")
    expect(page.locator("h1 .tag")).to_have_text("公示中")
    expect(page.locator("#decision")).to_contain_text("公示中")
    due = bureau.staff("reviewer").assistance.get_acts(category="case", key=case, as_of=moment)["stands"]["due_on"]
    expect(page.locator(".stands")).to_contain_text("还剩")  # by the day that was, not by today's
    expect(page.locator(".stands")).to_contain_text(day(due))
    expect(page.locator("#next")).to_have_text("当时可办")
    expect(page.locator("main")).to_contain_text("公示期至")
    assert page.locator("main form[method=post], main a[href*='/do/'], #related").count() == 0
    expect(page.locator(".timeline")).not_to_contain_text("确认")
    look = looked(bureau, case)[-1]
    assert (look.by, look.purpose, look.as_of and look.as_of.isoformat()) == ("staff:chief-1", "review", moment)
    accessible(page)
    fits(page)
    # -- what the household was then, for the same purpose
    link = page.locator(f"a[href*='/household/{household}']").get_attribute("href") or ""
    asked = parse_qs(urlsplit(link).query)
    assert (asked["for"], asked["as_of"]) == (["review"], [moment])
    page.goto(link)
    expect(page.locator("main")).to_contain_text("目的“审核”")
    expect(page.locator("main")).to_contain_text("此页为 2023-03-01")
    assert page.locator("main form[method=post], main a[href*='/do/']").count() == 0
    # -- another moment by the field, and now
    page.fill("#as_of", "2023-03-05T12:00:00")
    page.locator("form", has=page.locator("#as_of")).get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("此页为 2023-03-05")
    page.get_by_role("link", name="回到现在").click()
    assert "as_of" not in page.url
    expect(page.locator("main")).not_to_contain_text("此页为")
    expect(page.locator("main")).to_contain_text("目的“审核”")


def test_decisions_and_payments_of_then_are_shown_when_their_tables_are_ready(
    bureau: Bureau, chromium: Browser, base: str, granted: tuple[str, str]
) -> None:
    """The page is there at once; these two sections say that they are being made, and then they are."""
    _, case = granted
    # Other tests of this house move its clock back, which no past may rest on (ADR 17): this one is looked at from after them all.
    log = Log(bureau.settings.eventstore_uri, data=bureau.settings.eventstore_data)
    latest = max(json.loads(raw.metadata)["recorded_at"] for raw in log.read_all(prefix="assistance."))
    log.close()
    since = date.fromisoformat(latest[:10])
    bureau.at((since + timedelta(days=3)).isoformat())
    hand = Hand(chromium, base, bureau, "approver", actor="staff:chief-2")
    then = since + timedelta(days=1)
    address = f"/desk/assistance/case/{case}?as_of={then}"

    def page() -> str:
        answer = hand.get(address)
        assert answer.status == 200
        assert f"此页为 {then} 23:59" in answer.text()
        return "" if "正在准备该时刻" in answer.text() else answer.text()

    text = until(page)
    assert 'aria-label="历次决定"' in text
    hand.close()


def test_a_moment_that_is_none_is_told_and_one_to_come_is_now(
    bureau: Bureau, chromium: Browser, base: str, granted: tuple[str, str]
) -> None:
    """Neither a month without a day, nor the year one; a day to come is the page of now."""
    bureau.at("2023-06-01")
    hand = Hand(chromium, base, bureau, "approver")
    address = f"/desk/assistance/case/{granted[1]}?as_of="
    assert [hand.get(address + text).status for text in ("2023-07", "0001-01-01", "9999-12-31T23:00:00", "²")] == [422] * 4
    later = hand.get(address + "2030-01-01")
    assert later.status == 200
    assert "此页为" not in later.text()
    assert hand.get(address + "2023-02-01").status == 404  # there was no such case
    hand.close()


@pytest.mark.parametrize("address", ["/desk?position=²", "/desk?position=" + "9" * 400, "/desk/find?position=٣"])
def test_a_digit_that_is_no_number_breaks_no_page(bureau: Bureau, chromium: Browser, base: str, address: str) -> None:
    """Superscripts, other scripts' digits, thousands of them: the page is there as without it."""
    hand = Hand(chromium, base, bureau, "clerk")
    assert hand.get(quote(address, safe="/?=")).status == 200
    hand.close()


def test_digits_in_a_form_break_no_page(bureau: Bureau, chromium: Browser, base: str) -> None:
    """As the version of a record, or as the number of rows of a list."""
    hand = Hand(chromium, base, bureau, "clerk")
    for method, name in (("register_household", "members.rows"), ("request_supplement", "expected_version")):
        address = f"/desk/assistance/do/{method}"
        for digits in ("²", "9" * 5000):
            assert hand.send(address, hand.form(address), [(name, digits)]).status == 422
    hand.close()


def test_who_only_audits_looks_for_the_audit_and_who_says_why_is_believed(
    page: Page, bureau: Bureau, sit: Sit, granted: tuple[str, str]
) -> None:
    """The auditor's look is 审计, the clerk's 经办业务; a complaint is answered under its number, and no resident ID gets into either."""
    household, case = granted
    bureau.at("2023-06-02")
    sit("auditor", actor="staff:audit-1", at=f"/desk/assistance/case/{case}")
    expect(page.locator("main")).to_contain_text("目的“审计”")
    page.locator(f"a[href*='/household/{household}']").click()
    expect(page.locator("[value=audit]")).to_be_checked()
    page.goto(f"/desk/assistance/household/{household}?for=nothing")
    expect(page.locator("[value=audit]")).to_be_checked()
    sit("clerk", actor="staff:clerk-7", at=f"/desk/assistance/case/{case}")
    page.get_by_role("link", name="另写目的").click()
    page.check("[value=complaint]")
    number, addresses = bureau.person("19600101"), list[str]()
    page.fill("#reference", number)
    page.on("request", lambda request: addresses.append(request.url))
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text("身份证号码")
    accessible(page)
    assert not any(number in address for address in addresses)
    expect(page.locator("#reference")).to_have_value("")
    page.check("[value=complaint]")
    page.fill("#reference", "象信访〔2023〕15号")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("目的“信访答复”，文号“象信访〔2023〕15号”")
    by = {(look.by, look.purpose, look.reference) for look in looked(bureau, case)}
    assert {
        ("staff:audit-1", "audit", ""),
        ("staff:clerk-7", "casework", ""),
        ("staff:clerk-7", "complaint", "象信访〔2023〕15号"),
    } <= by
    assert ("staff:audit-1", "casework", "") not in by
    page.locator(f"a[href*='/household/{household}']").click()
    expect(page.locator("main")).to_contain_text("文号“象信访〔2023〕15号”")


def test_a_matter_offers_only_what_is_next_however_its_page_was_reached(page: Page, bureau: Bureau, sit: Sit) -> None:
    """After the application, by a link without a matter, or with a wrong one: the newest, its next act, and how its amount was reached."""
    bureau.at("2023-06-01")
    home = bureau.household({"resident_id": bureau.person("19650101"), "monthly_income_fen": 100000})["household_id"]
    clerk = bureau.staff("clerk").assistance
    told = {"kind": "expenditure", "cause": "grave_illness", "happened_on": "2023-05-20", "division": TOWN, "loss_fen": 3_800_000}
    clerk.apply_temporary(command_id=new_id(), household_id=home, **told)
    [matter] = clerk.get_temporary(subject_id=home)["matters"]
    ref = {"subject_id": home, "matter_id": matter}
    address = f"/desk/assistance/temporary/{home}"
    for given in ("", "?item=x", f"?item={matter}"):
        sit("clerk", "reviewer", "approver", at=address + given)
        assert acts(page) == ["受理", "不予受理", "撤回申请"]
        expect(page.locator(".stands")).to_contain_text("待受理")
    page.locator(".acts").get_by_role("button", name="受理").click()
    expect(page.get_by_role("status")).to_contain_text("已办理：受理")
    clerk.complete_papers(command_id=new_id(), **ref, finding="属实", loss_fen=3_650_000)
    bureau.staff("reviewer").assistance.propose_temporary(command_id=new_id(), **ref, instalments=2)
    sit("approver", at=address)
    expect(page.locator("#decision")).to_contain_text("公示中")
    expect(page.locator("main")).to_contain_text("怎样算出来的")
    expect(page.locator("details li", has_text="审批")).to_contain_text("公示期至")
    accessible(page)
    bureau.at("2023-06-20")
    page.reload()
    page.locator(".acts").get_by_role("button", name="审批").click()
    expect(page.locator("#decision")).to_contain_text("最近一次决定")
    sit("reviewer", at=address)
    assert acts(page) == ["核查进展后拨付下一期"]
    page.locator(".acts a.button").click()
    expect(page.locator("[name=no]")).to_have_value("2")


def test_aid_of_another_department_is_considered_at_the_desk_on_both_pages(page: Page, bureau: Bureau, sit: Sit) -> None:
    """A27: the matter's page says that it is held and by whose aid; the reviewer answers there, and of the hand-off on its own page."""
    bureau.at("2023-07-03")
    home = bureau.household({"resident_id": bureau.person("19650101"), "monthly_income_fen": 100000})["household_id"]
    clerk = bureau.staff("clerk").assistance
    told = {"kind": "emergency", "cause": "sudden_event", "happened_on": "2023-07-02", "division": TOWN}
    clerk.apply_temporary(command_id=new_id(), household_id=home, **told)
    [matter] = clerk.get_temporary(subject_id=home)["matters"]
    ref = {"subject_id": home, "matter_id": matter}
    clerk.accept_temporary(command_id=new_id(), **ref)
    clerk.complete_papers(command_id=new_id(), **ref, finding="属实", loss_fen=0)
    sent = {"programme": "disaster_victim_assistance", "division": TOWN, "from_unit": TOWN, "to_unit": "应急管理局", "what": "房屋倒塌"}
    record = clerk.send_handoff(command_id=new_id(), **sent, dossier_hash="0a" * 32, subject_id=home, documents=[])["id"]
    until(lambda: clerk.get_temporary(subject_id=home)["matters"][matter]["overlap"]["open"])
    sit("reviewer", at=f"/desk/assistance/temporary/{home}")
    expect(page.locator(".stands")).to_contain_text("待核对是否重复救助")
    assert acts(page)[0] == "重复救助核对"
    accessible(page)
    page.locator(".acts a.button", has_text="重复救助核对").click()
    page.select_option("[name=outcome]", label="不属同一事由重复救助")
    page.locator("[name=reason]").fill("应急修房，本次为口粮")
    page.locator("main").get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("已办理：重复救助核对")
    assert "重复救助核对" not in acts(page)
    clerk.accept_handoff(command_id=new_id(), record_id=record, dossier_hash="0a" * 32)
    clerk.finish_handoff(command_id=new_id(), record_id=record, outcome="aided", result="过渡期生活救助")
    until(lambda: clerk.get_aid_overlap(handoff_id=record)["status"] == "to_consider")
    sit("reviewer", at="/desk/assistance/worklists/overlap_consider")
    page.get_by_role("link", name=record[:8]).click()
    expect(page.locator("h1")).to_contain_text("重复救助核对")
    expect(page.locator("main")).to_contain_text("应急管理局")
    assert acts(page) == ["移交救助核对"]
    accessible(page)


def test_what_an_address_says_of_a_matter_is_no_part_of_another_record(page: Page, bureau: Bureau, sit: Sit) -> None:
    """On a case ``?item=`` fills in nothing: what must be typed is still a form."""
    bureau.at("2023-06-01")
    home = bureau.household({"resident_id": bureau.person("19650101")})["household_id"]
    case = bureau.staff("clerk").assistance.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home)["id"]
    sit("clerk", at=f"/desk/assistance/case/{case}?item={quote('任意文字')}")
    expect(page.locator(".acts").get_by_role("link", name="不予受理")).to_be_visible()
    expect(page.locator(".acts button")).to_have_count(1)  # 受理 alone
    expect(page.locator(".acts")).not_to_contain_text("任意文字")
    assert "任意文字" not in (page.locator(".acts").inner_html())


def test_somebody_elses_change_of_a_price_month_is_told_and_gone_on_from(bureau: Bureau, page: Page, sit: Sit) -> None:
    """The index was entered anew after the page was opened: the confirmation says so, and the next try confirms what is there now."""
    bureau.at("2023-06-01")
    reviewer = bureau.staff("reviewer").assistance
    index = {"month": "2023-05", "food_bp": 300, "published_on": "2023-05-31"}
    reviewer.trigger_price_linkage(command_id=new_id(), cpi_bp=110, document_no="统计1号", **index)
    sit("approver", at="/desk/assistance/price_linkage/2023-05")
    expect(page.locator(".stands")).to_contain_text("2023年6月")
    reviewer.trigger_price_linkage(command_id=new_id(), cpi_bp=120, document_no="统计2号", **index)
    page.locator(".acts").get_by_role("button", name="确认").click()
    expect(page.get_by_role("alert")).to_contain_text("记录已被他人更新")
    expect(page.locator(".note.warn")).to_contain_text("reviewer")
    page.locator("form.form > button:not(.default)").click()
    expect(page.get_by_role("status")).to_contain_text("已办理：确认")
    assert bureau.staff("approver").assistance.get_price_linkage(month="2023-05")["status"] == "stopped"


def test_whose_signature_is_wanting_is_said_by_name(page: Page, bureau: Bureau, sit: Sit) -> None:
    """The form of an authorisation names the members who have not signed; to name them is a look at the household's file."""
    bureau.at("2023-06-01")
    home = bureau.household({"resident_id": bureau.person("19650101"), "name": "公冶测试"})["household_id"]
    bureau.staff("clerk").assistance.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home)
    sit("clerk", actor="staff:sign-1", at=f"/desk/assistance/do/record_member_authorisation?programme={ALLOWANCE}&subject_id={home}")
    option = page.locator("datalist option[value]").first
    assert re.fullmatch(r"[0-9a-f]{32}", option.get_attribute("value") or "")
    assert (option.text_content() or "").startswith("公冶测试（户主）")
    assert [look.method for look in looked(bureau, home) if look.by == "staff:sign-1"].count("get_household") == 1

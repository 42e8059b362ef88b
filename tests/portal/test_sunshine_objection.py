"""公示异议 in the running house: from the public page through the portal's own hand to a clerk and back, named by nobody."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from shared.eventsourcing.events import ERASED
from tests.e2e.conftest import ALLOWANCE, Bureau, new_id, until
from tests.portal.conftest import accessible
from tests.portal.hands import enter

WORDS = "他家有两套房，另有一辆轿车在弟弟名下"


def proposed(bureau: Bureau) -> str:
    """A case under publicity."""
    bureau.at("2023-03-01")
    home = bureau.household({"resident_id": bureau.person(), "name": "周而复始", "monthly_income_fen": 10000})
    clerk, reviewer = bureau.staff("clerk").assistance, bureau.staff("reviewer").assistance
    case: str = clerk.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home["household_id"])["id"]
    clerk.accept_application(command_id=new_id(), case_id=case)
    bureau.checked(home["household_id"], case)
    clerk.record_survey(command_id=new_id(), case_id=case, finding="属实")
    reviewer.propose(command_id=new_id(), case_id=case)
    return case


def test_anybody_objects_without_a_name_and_hears_of_it(page: Page, bureau: Bureau, base: str) -> None:
    """The form on the page of what is publicised; a receipt; received, taken, answered; the same form sent twice is one objection."""
    case = proposed(bureau)
    link = page.locator(f"a[href='/sunshine/proposals/{case}/objection']")

    def listed() -> bool:
        page.goto("/sunshine/proposals")
        return link.count() == 1

    until(listed)
    expect(page.locator("main")).to_contain_text("周*")
    expect(page.locator("main")).not_to_contain_text("周而复始")
    link.click()
    accessible(page)
    page.fill("#words", WORDS)
    page.get_by_role("button", name="提交异议").click()
    expect(page.get_by_role("status")).to_contain_text("请记下回执号")
    accessible(page)
    receipt = page.locator("#receipt").inner_text()
    assert receipt not in page.url
    page.reload()  # the form once more
    assert page.locator("#receipt").inner_text() == receipt

    def answered(said: str) -> Any:
        page.goto("/sunshine/objections")
        page.fill("#receipt", receipt)
        page.get_by_role("button", name="查询").click()
        return said in page.locator("main").inner_text()

    until(lambda: answered("已收到，等待受理"))
    accessible(page)
    assert receipt not in page.url
    clerk = bureau.staff("clerk").assistance
    [waiting] = [o for o in clerk.list_public_objections(case_id=case) if o["receipt"] == receipt]
    assert waiting["case_id"] == case
    seen = bureau.staff("clerk").assistance.get_public_objection(receipt=receipt)
    assert (seen["words"], seen["contact"]) == (WORDS, "")
    assert ERASED not in seen["words"]
    # -- at the desk: out of the list to what was written, and taken in from there
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    enter(page.context, base, bureau, "clerk")
    page.goto("/desk/assistance/worklists/public_objection")
    page.locator(f"a[href='/desk/assistance/objections/{waiting['objection_id']}']").click()
    expect(page.locator("main")).to_contain_text(WORDS)
    expect(page.locator(f"a[href='/desk/assistance/case/{case}']")).to_have_count(1)
    accessible(page)
    page.fill("#reason-take_public_objection", "群众反映房产、车辆，须核实")
    page.get_by_role("button", name="受理公众异议", exact=True).click()
    page.wait_for_url("**/worklists/public_objection?*")
    assert not any(receipt in address for address in addresses)
    page.context.clear_cookies()
    until(lambda: answered("已受理，正在核实"))


def test_chosen_objections_are_rejected_together_without_scripts(chromium: Browser, base: str, bureau: Bureau) -> None:
    """Two of three are ticked in the list: one reason goes to both, the third stays; without a reason nothing is done and the ticks stay;
    a hand of the case is told that it may not; no receipt stands in an address."""
    case = proposed(bureau)
    context = chromium.new_context(base_url=base, java_script_enabled=False)
    page = context.new_page()
    until(lambda: page.request.get(f"/sunshine/proposals/{case}/objection").status == 200)
    report = bureau.staff("portal").assistance.report_objection
    receipts = [report(command_id=new_id(), case_id=case, words=f"{WORDS}{n}")["receipt"] for n in "甲乙丙"]
    clerk = bureau.staff("clerk").assistance
    until(lambda: len(clerk.list_public_objections(case_id=case)) == 3)
    ids = {o["receipt"]: o["objection_id"] for o in clerk.list_public_objections(case_id=case)}
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))

    def choose(*chosen: str) -> None:
        page.goto("/desk/assistance/worklists/public_objection")
        for receipt in chosen:
            page.check(f"input[name='objection'][value='{ids[receipt]}']")

    enter(context, base, bureau, "clerk", actor="staff:clerk")  # who took the application in
    choose(receipts[0])
    page.fill("#reason", "没有事实")
    page.get_by_role("button", name="不予受理所选异议").click()
    expect(page.get_by_role("alert")).to_contain_text("同一经办人")
    enter(context, base, bureau, "clerk", actor="staff:another-clerk")
    choose(*receipts[:2])
    page.get_by_role("button", name="不予受理所选异议").click()
    expect(page.get_by_role("alert")).to_contain_text("理由")
    assert page.locator("input[name='objection']:checked").count() == 2
    page.fill("#reason", "没有事实，同一人多次提出")
    page.get_by_role("button", name="不予受理所选异议").click()
    page.wait_for_url("**/worklists/public_objection?*")
    expect(page.get_by_role("status")).to_contain_text("2件")
    portal = bureau.staff("portal").assistance
    told = [portal.get_objection_answer(receipt=receipt) for receipt in receipts]
    assert [(t["status"], t["reason"]) for t in told] == [("rejected", "没有事实，同一人多次提出")] * 2 + [("received", "")]
    left = page.locator("input[name='objection']").evaluate_all("all => all.map(one => one.value)")
    assert ids[receipts[2]] in left
    assert not {ids[receipt] for receipt in receipts[:2]} & set(left)
    assert not any(receipt in address for receipt in receipts for address in addresses)
    assert page.request.post("/desk/assistance/objections/rejections", form={"objection": ids[receipts[2]], "reason": "x"}).status == 400
    context.close()


def test_a_receipt_that_nobody_has_is_said_to_be_none(page: Page) -> None:
    """No service knows it."""
    page.goto("/sunshine/objections")
    page.fill("#receipt", "0" * 20)
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("alert")).to_contain_text("没有此回执号")


def test_a_form_of_another_page_is_refused_and_one_sent_many_times_counts_once(page: Page, bureau: Bureau) -> None:
    """Without the page's own mark: 400. How many one address may write is in test_api_safety.py."""
    case = proposed(bureau)
    path = f"/sunshine/proposals/{case}/objection"
    until(lambda: page.request.get(path).status == 200)
    form = page.request.get(path).text()
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    command = re.search(r'name="command_id" value="([^"]+)"', form)
    assert token
    assert command
    assert page.request.post(path, form={"words": "不实", "command_id": new_id()}).status == 400
    sent = {"csrf_token": token[1], "command_id": command[1], "words": "与事实不符", "contact": ""}
    answers = [page.request.post(path, form=sent, headers={"Referer": page.url}) for _ in range(6)]
    assert [a.status for a in answers] == [200] * 6
    waiting = until(lambda: bureau.staff("clerk").assistance.list_public_objections(case_id=case))
    assert len(waiting) == 1


def test_what_a_resident_id_stands_in_is_no_address(page: Page, bureau: Bureau) -> None:
    """A resident ID typed into an address is refused before anything looks at it."""
    answer = page.request.get(f"/sunshine/recipients?page={bureau.person()}")
    assert answer.status == 422


def test_the_running_house_serves_the_public_pages(page: Page, bureau: Bureau) -> None:
    """Through gunicorn, with the seal following: overview, a receipt of a published row, the newest checkpoint."""
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("阳光公开")
    case = proposed(bureau)
    until(lambda: page.request.get(f"/sunshine/receipt/proposals/{case}").status == 200, 90)
    receipt = page.request.get(f"/sunshine/receipt/proposals/{case}").text()
    page.goto("/sunshine/verify")
    page.fill("#receipt", receipt)
    page.get_by_role("button", name="核验").click()
    expect(page.get_by_role("alert")).to_contain_text("成立：一个事件（内容不公开）")
    accessible(page)


def test_an_objection_is_sent_by_the_keyboard_alone(page: Page, bureau: Bureau) -> None:
    """From the list past the menu by the skip link, by Tab to the form and through it in order, and sent by Enter."""
    case = proposed(bureau)
    link = page.locator(f"a[href='/sunshine/proposals/{case}/objection']")

    def listed() -> bool:
        page.goto("/sunshine/proposals")
        return link.count() == 1

    def tab_to(what: Locator) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if what.evaluate("e => e === document.activeElement"):
                return
        raise AssertionError(f"Tab does not lead to {what}")

    def skipped() -> None:
        page.keyboard.press("Tab")
        expect(page.locator("a.skip")).to_be_focused()
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")

    until(listed)
    skipped()
    tab_to(link)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/sunshine/proposals/{case}/objection")
    skipped()
    page.keyboard.press("Tab")  # the way back to the list stands first
    tab_to(page.locator("#words"))
    page.keyboard.type("他家的收入不止这些")
    page.keyboard.press("Tab")
    expect(page.locator("#contact")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("请记下回执号")


def test_an_objection_is_sent_without_scripts(chromium: Browser, base: str, bureau: Bureau) -> None:
    """A browser that runs none sends it, and asks by the receipt what became of it."""
    case = proposed(bureau)
    context = chromium.new_context(base_url=base, locale="zh-CN", java_script_enabled=False)
    page = context.new_page()

    def listed() -> bool:
        page.goto("/sunshine/proposals")
        return page.locator(f"a[href='/sunshine/proposals/{case}/objection']").count() == 1

    def answered() -> bool:
        page.goto("/sunshine/objections")
        page.fill("#receipt", receipt)
        page.get_by_role("button", name="查询").click()
        return "已收到，等待受理" in page.locator("main").inner_text()

    until(listed)
    page.locator(f"a[href='/sunshine/proposals/{case}/objection']").click()
    page.fill("#words", "他家的收入不止这些")
    page.get_by_role("button", name="提交异议").click()
    expect(page.get_by_role("status")).to_contain_text("请记下回执号")
    receipt = page.locator("#receipt").inner_text()
    until(answered)
    context.close()

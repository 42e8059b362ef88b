"""The sheet for a village's board, from the desk of a running house in a real browser: the lines of the public page, and how to object."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from shared.casework.disclosure import number
from tests.e2e.conftest import ALLOWANCE, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture
from tests.portal.hands import enter
from tests.portal.test_desk_record import sit

__all__ = ["sit"]
Sit = Callable[..., None]
VILLAGES = (f"{TOWN}071", f"{TOWN}072")


def proposed(bureau: Bureau, village: str, name: str) -> str:
    """A case under publicity."""
    member = {"resident_id": bureau.person("19600101"), "name": name, "relation": "户主", "monthly_income_fen": 10_000}
    clerk, reviewer = bureau.staff("clerk").assistance, bureau.staff("reviewer").assistance
    home = clerk.register_household(command_id=new_id(), household_no=new_id(), division=village, area="urban", members=[member])["id"]
    case: str = clerk.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home)["id"]
    clerk.accept_application(command_id=new_id(), case_id=case)
    bureau.checked(home, case)
    clerk.record_survey(command_id=new_id(), case_id=case, finding="属实")
    reviewer.propose(command_id=new_id(), case_id=case)
    return case


def test_what_is_publicised_is_printed_for_each_village(page: Page, bureau: Bureau, sit: Sit) -> None:
    """One sheet a village, each of one page of A4: number, masked name, what the public page shows, how to object, a line for the seal; no
    full name, and on paper nothing of the page around it. What a hand takes back is not printed any more."""
    bureau.at("2023-03-01")
    cases = [proposed(bureau, village, name) for village, name in zip(VILLAGES, ("梅兰竹菊", "琴棋书画"), strict=True)]
    clerk = bureau.staff("clerk").assistance
    until(lambda: len(clerk.get_board_notice(division=TOWN)) >= 2)
    sit("clerk", at="/desk")
    page.get_by_role("link", name="打印公示单").click()
    page.fill("#division", VILLAGES[0])
    page.get_by_role("button", name="查看").click()
    expect(page.locator(".sheet")).to_have_count(1)
    page.goto(f"/desk/board?division={TOWN}")
    accessible(page)
    shown = clerk.get_board_notice(division=VILLAGES[0])
    assert [(line["number"], line["name"], line["members"]) for line in shown] == [(number(cases[0]), "梅*", 1)]
    assert shown[0]["amount_fen"] > 0
    for case, village, name in zip(cases, VILLAGES, ("梅*", "琴*"), strict=True):
        sheet = page.locator(".sheet", has_text=number(case))
        expect(sheet).to_have_count(1)
        expect(sheet).to_contain_text(village[9:])
        row = sheet.locator("tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(name)
        expect(row).to_contain_text("最低生活保障")
        expect(row).to_contain_text("城镇")
        expect(row).to_contain_text("2023年3月")
        amount = clerk.get_board_notice(division=village)[0]["amount_fen"]
        expect(row).to_contain_text(f"{amount // 100:,}.{amount % 100:02d}")
        for said in ("怎样提出异议", "也可以匿名", "公示单位（盖章）", "撤下日期"):
            expect(sheet).to_contain_text(said)
    text = page.locator("main").inner_text()
    assert not [name for name in ("梅兰", "琴棋") if name in text]
    picture(page, "desk-board")
    sheets = page.locator(".sheet").count()
    page.emulate_media(media="print")
    for around in (".noprint", ".top", ".foot", "nav >> nth=0"):
        expect(page.locator(around).first).to_be_hidden()
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == sheets
    boxes = {tuple(round(float(side)) for side in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", pdf)}
    assert boxes == {(0, 0, 595, 842)} or boxes == {(0, 0, 596, 842)}, boxes  # A4 in points
    page.emulate_media(media="screen")
    bureau.staff("approver").assistance.withdraw_disclosure(command_id=new_id(), case_id=cases[1], reason="人身安全")
    until(lambda: not clerk.get_board_notice(division=VILLAGES[1]))
    page.goto(f"/desk/board?division={VILLAGES[1]}")
    expect(page.locator("main")).to_contain_text("现在没有须张榜的公示事项")


def test_another_town_s_board_and_a_hand_that_may_not_are_refused(page: Page, bureau: Bureau, base: str, sit: Sit) -> None:
    """A clerk of one town prints no other's; an auditor, who hangs out nothing, none."""
    bureau.at("2023-03-01")
    enter(page.context, base, bureau, "clerk", division="330225102")
    assert page.goto(f"/desk/board?division={TOWN}").status == 403  # type: ignore[union-attr]
    answer = page.goto("/desk/board?division=x")
    assert answer is not None
    assert answer.status == 422
    sit("auditor", at="/desk")
    expect(page.get_by_role("link", name="打印公示单")).to_have_count(0)
    assert page.goto("/desk/board").status == 403  # type: ignore[union-attr]

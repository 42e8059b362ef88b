"""Pages of what waits in lists of its own, in a real browser: a proposed standard, a verification, an object of a re-verification."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import ALLOWANCE, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible
from tests.portal.test_desk_record import acts, sit

__all__ = ["sit"]
Sit = Callable[..., None]


def listed(page: Page, worklist: str, href: str) -> None:
    """Out of the list to the page it links to."""
    link = page.locator(f"main a[href^='{href}']")

    def there() -> bool:
        page.goto(f"/desk/assistance/worklists/{worklist}")
        return link.count() > 0

    until(there)
    link.first.click()
    accessible(page)
    expect(page.locator(".stands")).to_be_visible()


def test_a_proposed_standard_is_approved_from_its_page(page: Page, bureau: Bureau, sit: Sit) -> None:
    """From the list 待批准 to what is proposed; approved there, and then it is to be published or withdrawn."""
    bureau.at("2023-06-15")
    amounts = [{"area": "urban", "amount_fen": 131_300}]
    body = {"standard": f"{ALLOWANCE}.standard", "amounts": amounts, "effective_from": "2023-08-01", "document_no": "民发〔2023〕页号"}
    number = bureau.staff("reviewer").assistance.draft_standard(command_id=new_id(), **body)["number"]
    sit("approver", actor="staff:standard-page")
    listed(page, "standard_to_approve", f"/desk/assistance/standards/330225?item={number}")
    expect(page.locator("main")).to_contain_text("民发〔2023〕页号")
    expect(page.locator("main")).to_contain_text("1,313.00")
    expect(page.locator(".timeline")).to_contain_text("拟定")
    page.locator(".acts button", has_text="批准").click()
    page.wait_for_url("**/standards/330225?*done=*")
    expect(page.locator(".stands")).to_contain_text("公布")
    expect(page.locator(".acts")).to_contain_text("撤回")
    assert acts(page)[0].startswith("公布"), acts(page)
    bureau.staff("approver").assistance.withdraw_standard(command_id=new_id(), number=number, reason="试验完毕")


def test_a_verification_is_followed_on_its_page_and_its_report_read_there(page: Page, bureau: Bureau, sit: Sit) -> None:
    """While sources are asked it stands in its list; reported, the page says the conclusion and no amount, and the report is read for a
    purpose, which is shown instead of the page."""
    bureau.at("2023-06-15")
    home = bureau.household({"resident_id": bureau.person("19600101"), "name": "核对页", "monthly_income_fen": 77_713})["household_id"]
    clerk = bureau.staff("clerk").assistance
    case = clerk.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home)["id"]
    clerk.accept_application(command_id=new_id(), case_id=case)
    bureau.checked(home, case)
    [check] = clerk.list_verifications(case_id=case)
    sit("clerk", "reviewer", actor="staff:check-page", at=f"/desk/assistance/verification/{check['verification_id']}")
    accessible(page)
    main = page.locator("main")
    expect(main).to_contain_text("一致")
    expect(main.locator(f"a[href='/desk/assistance/case/{case}']")).to_have_count(1)
    assert not re.search(r"(?<![0-9a-f])(77713|777\.13)(?![0-9a-f])", main.inner_text())
    assert any("异议" in said for said in acts(page))
    page.locator(".acts a, .acts button", has_text="查阅").first.click()
    page.fill("[name=purpose]", "审核")
    page.locator("form.form button:not([name])").last.click()
    expect(page.get_by_role("status")).to_contain_text("已办理")
    expect(main).to_contain_text("77713")


def test_an_object_of_a_re_verification_that_is_blocked_is_excused_from_its_page(page: Page, bureau: Bureau, sit: Sit) -> None:
    """Out of the list of what is blocked to the one object, with its case and the reason; excused there with words."""
    bureau.at("2023-02-20")
    clerk = bureau.staff("clerk").assistance
    village = f"{TOWN}088"
    member = {"resident_id": bureau.person("19600101"), "name": "复核页", "relation": "户主", "monthly_income_fen": 10_000}
    home = clerk.register_household(command_id=new_id(), household_no=new_id(), division=village, area="urban", members=[member])["id"]
    case = bureau.granted(home)
    [signer] = clerk.get_household(household_id=home)["members"]
    of = {"programme": ALLOWANCE, "subject_id": home}
    clerk.withdraw_member_authorisation(command_id=new_id(), **of, person_id=signer, reason="暂不同意")
    reviewer = bureau.staff("reviewer").assistance
    asked = {"division": village, "period": "2023", "programmes": [ALLOWANCE], "due_on": "2023-12-29"}
    campaign = reviewer.start_reverification(command_id=new_id(), **asked)["id"]
    sit("reviewer", actor="staff:object-page")
    listed(page, "reverification_blocked", f"/desk/assistance/reverification/{campaign}?item={case}")
    main = page.locator("main")
    expect(main.locator(f"a[href='/desk/assistance/case/{case}']")).to_have_count(1)
    assert any("重新发起" in said or "受阻" in said for said in acts(page))
    page.locator(".acts a", has_text="说明").first.click()
    page.fill("[name=reason]", "已另行核实")
    page.locator("form.form button:not([name])").last.click()
    page.wait_for_url("**/reverification/**")
    assert reviewer.get_reverification(campaign_id=campaign)["excused"] == 1


def test_several_referrals_are_accepted_and_answered_from_the_list(page: Page, bureau: Bureau, sit: Sit) -> None:
    """Check boxes in the list; what was chosen is shown with its papers' hash; accepted at once, and then answered alike."""
    bureau.at("2023-01-09")
    clerk = bureau.staff("clerk").assistance
    body = {"programme": "special_assistance_referral", "division": TOWN, "from_unit": TOWN, "to_unit": "医疗保障局", "what": "成批转介"}
    sent = [clerk.send_handoff(command_id=new_id(), **body, dossier_hash=f"{n}" * 64)["id"] for n in (1, 2)]

    def choose(worklist: str) -> None:
        def there() -> bool:
            page.goto(f"/desk/assistance/worklists/{worklist}")
            return all(page.locator(f"input[name='handoff'][value='{one}']").count() for one in sent)

        until(there)
        for one in sent:
            page.check(f"input[name='handoff'][value='{one}']")
        page.get_by_role("button", name="办理所选转办").click()
        accessible(page)
        expect(page.locator("input[name='handoff']:checked")).to_have_count(2)

    sit("clerk", actor="staff:referral-page")
    choose("handoff_accept")
    page.get_by_role("button", name="签收所选转办").click()
    page.wait_for_url("**/worklists/handoff_accept?*")
    expect(page.get_by_role("status")).to_contain_text("2件")
    choose("handoff_done")
    page.select_option("#outcome", "aided")
    page.get_by_role("button", name="办结所选转办").click()
    expect(page.locator("main")).to_contain_text("结果说明")  # of each the reason why it was not done is said; nothing is lost
    page.fill("#result", "已纳入医疗救助")
    page.get_by_role("button", name="办结所选转办").click()
    page.wait_for_url("**/worklists/handoff_done?*")
    assert {clerk.get_record(shape="handoff", record_id=one)["result"] for one in sent} == {"已纳入医疗救助"}

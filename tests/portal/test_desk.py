"""The staff's desk in a real browser: from the first form to the payment, by as many hands as the procedure asks for."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from shared.security import tokens
from tests.e2e.conftest import ALLOWANCE, DISTRICT, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture

MARKUP = "<b>王某</b><script>document.title='x'</script>"


@pytest.fixture
def sit(page: Page, bureau: Bureau) -> object:
    """``sit("clerk")``: somebody of that post sits down at the desk; ``sit("reviewer", actor="staff:li4")`` names him."""

    def down(*roles: str, actor: str = "", at: str = "/desk") -> None:
        assert bureau.settings.token_private_key is not None
        page.context.clear_cookies()
        page.goto(f"/login?next={at}")
        page.fill("#token", tokens.issue(bureau.settings.token_private_key, actor or f"staff:{roles[0]}-desk", roles, DISTRICT))
        page.click("form[action='/login'] button")

    return down


def press(page: Page, name: str) -> None:
    """The button or link of an act among the next steps."""
    page.locator(".acts").get_by_role("button", name=name, exact=True).or_(
        page.locator(".acts").get_by_role("link", name=name, exact=True)
    ).click()


def submit(page: Page) -> None:
    page.locator("form.form > button:not(.default)").click()


def fits(page: Page) -> None:
    """Nothing reaches over the edge of a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1100, "height": 900})
    assert wide <= 390, f"{page.url} is {wide} px wide on a phone"


def test_an_application_goes_from_arrival_to_payment_in_the_browser(page: Page, bureau: Bureau, sit) -> None:  # type: ignore[no-untyped-def]
    """A household of two is registered, applies, is checked, surveyed, proposed, confirmed and paid; each step by the hand whose it is."""
    bureau.at("2023-03-01")
    sit("clerk")
    accessible(page)
    # -- 家庭登记: two members, the second row by the button
    page.goto("/desk/assistance/do/register_household")
    accessible(page)
    page.fill("[name=household_no]", new_id())
    page.fill("[name=division]", TOWN)
    page.select_option("[name=area]", "urban")
    page.fill("[name='members.0.resident_id']", bureau.person("19700101"))
    page.fill("[name='members.0.name']", MARKUP)
    page.fill("[name='members.0.relation']", "户主")
    page.fill("[name='members.0.monthly_income_fen']", "300.5")
    page.click("button[value=members]")
    page.fill("[name='members.1.resident_id']", "330225199901011234")
    page.fill("[name='members.1.name']", "测试乙")
    page.fill("[name='members.1.relation']", "子女")
    picture(page, "desk-form")
    submit(page)
    # -- a wrong number is told at its field, and what was typed is kept
    expect(page.get_by_role("alert")).to_contain_text("没有办成")
    expect(page.locator("#e-f-members-1-resident_id")).to_contain_text("身份证号码")
    expect(page.locator("[name='members.0.name']")).to_have_value(MARKUP)
    accessible(page)
    page.fill("[name='members.1.resident_id']", bureau.person("20100101"))
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("家庭登记")
    expect(page.locator("main")).to_contain_text("本次查阅已记入事件日志")
    expect(page.locator("main")).to_contain_text(MARKUP)  # as text: the script in it never ran
    assert page.title() != "x"
    expect(page.locator("main")).to_contain_text("300.50 元")
    fits(page)
    household = page.url.split("?")[0].rpartition("/")[2]
    # -- 申请 from the programme's page
    page.goto(f"/desk/assistance/programmes/{ALLOWANCE}?household_id={household}")
    accessible(page)
    page.get_by_role("link", name="申请", exact=True).click()
    submit(page)
    expect(page.locator("h1")).to_contain_text("最低生活保障")
    case = page.url.split("?")[0].rpartition("/")[2]
    accessible(page)
    fits(page)
    press(page, "受理")
    expect(page.get_by_role("status")).to_contain_text("已办理：受理")
    expect(page.locator(".timeline")).to_contain_text("受理")
    # -- 授权与核对: each member signs, the sources answer from processes of their own
    page.get_by_role("link", name="登记核对授权", exact=True).click()
    unsigned = page.locator("datalist option[value]").first.get_attribute("value")
    page.fill("[name=person_id]", unsigned or "")
    page.fill("[name=signed_on]", "2023-03-01")
    page.fill("[name=valid_until]", "2024-03-01")
    page.fill("[name=document_ref]", "授权书1号")
    accessible(page)
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("核对授权")
    bureau.checked(household, case)
    page.goto(f"/desk/assistance/case/{case}")
    press(page, "入户调查")
    page.fill("[name=finding]", "情况属实")
    submit(page)
    expect(page.locator(".timeline")).to_contain_text("情况属实")
    # -- the same hand may not review what it took in, and is told so
    expect(page.locator("main")).to_contain_text("由审核办理")
    sit("clerk", "reviewer", actor="staff:clerk-desk", at=f"/desk/assistance/case/{case}")
    expect(page.locator("details li", has_text="审核")).to_contain_text("同一经办人不得办理同一事项的前后环节")
    sit("reviewer", at=f"/desk/assistance/case/{case}")
    press(page, "审核")
    expect(page.locator("#decision")).to_contain_text("公示中")
    expect(page.locator("main")).to_contain_text("怎样算出来的")
    accessible(page)
    picture(page, "desk-case")
    fits(page)
    sit("approver", at=f"/desk/assistance/case/{case}")
    expect(page.locator("details li", has_text="确认")).to_contain_text("公示期至")
    bureau.at("2023-03-09")
    page.reload()
    press(page, "确认")
    expect(page.locator("h1 .tag")).to_have_text("在保")
    expect(page.get_by_role("region", name="历次决定")).to_contain_text("确认给予")
    # -- 收款账户, two hands
    state = bureau.staff("clerk").assistance.get_case(case_id=case)
    sit("clerk", at=f"/desk/assistance/do/propose_payee_account?person_id={state['payee_id']}")
    page.fill("[name=division]", TOWN)
    page.fill("[name=bank_code]", "102332000010")
    page.fill("[name=account_no]", "6222021234567890128")
    page.fill("[name=holder]", "测试甲")
    page.fill("[name=document_no]", "账户1号")
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("收款账户")
    sit("approver", at="/desk/assistance/payments")
    accessible(page)
    expect(page.locator("main")).not_to_contain_text("6222021234567890128")
    page.get_by_role("region", name="待确认的收款账户").get_by_role("link", name="确认").last.click()
    submit(page)
    # -- 发放: prepared by the cashier, approved by another, sent
    bureau.at("2023-04-03")
    sit("cashier", at="/desk/assistance/do/prepare_payment_run")
    page.select_option("[name=programme]", ALLOWANCE)
    page.fill("[name=month]", "2023-04")
    page.fill("[name=division]", TOWN)
    submit(page)
    expect(page.locator("h1")).to_contain_text("最低生活保障")
    run = page.url.split("?")[0].rpartition("/")[2]
    cashier = bureau.staff("cashier").assistance
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "locked")
    sit("approver", at=f"/desk/assistance/payment_run/{run}")
    accessible(page)
    press(page, "批准发放")
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "closed")
    page.reload()
    expect(page.locator("main")).to_contain_text("已平")
    picture(page, "desk-payment")
    fits(page)
    sit("clerk", at=f"/desk/assistance/case/{case}")
    expect(page.get_by_role("region", name="发放记录")).to_contain_text("2023年4月")
    assert cashier.list_payments(case_id=case)[0]["amount_fen"] > 0

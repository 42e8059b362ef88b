"""The staff's desk in a real browser: from the first form to the payment, by as many hands as the procedure asks for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from services.assistance.declarations.discovery import PROACTIVE_DISCOVERY
from services.portal.web import portal
from services.portal.web.app import create_app
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import ALLOWANCE, DISTRICT, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture
from tests.portal.hands import Hand, enter, fits

Sit = Callable[..., None]

MARKUP = "<b>王某</b><script>document.title='x'</script>"


@pytest.fixture
def sit(page: Page, base: str, bureau: Bureau) -> Sit:
    """``sit("clerk")``: somebody of that post sits down at the desk; ``sit("reviewer", actor="staff:li4")`` names him."""

    def down(*roles: str, actor: str = "", at: str = "/desk") -> None:
        enter(page.context, base, bureau, *roles, actor=actor)
        page.goto(at)

    return down


def press(page: Page, name: str) -> None:
    """The button or link of an act among the next steps."""
    page.locator(".acts").get_by_role("button", name=name, exact=True).or_(
        page.locator(".acts").get_by_role("link", name=name, exact=True)
    ).click()


def submit(page: Page) -> None:
    page.locator("form.form > button:not(.default)").click()


def test_an_application_goes_from_arrival_to_payment_in_the_browser(page: Page, bureau: Bureau, sit: Sit) -> None:
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
    # -- each member's own acts, his number filled in
    members = page.locator("section", has=page.locator("#members")).locator("li")
    expect(members).to_have_count(2)
    found = members.nth(1).get_by_role("link", name="登记残疾人证的核发、变更或注销")
    person = parse_qs(urlsplit(found.get_attribute("href") or "").query)["person_id"][0]
    expect(members.nth(1)).to_contain_text("测试乙（子女）")
    found.click()
    assert page.locator("input[name=person_id]").get_attribute("value") == person
    assert person in bureau.staff("clerk").assistance.get_household(household_id=household)["members"]
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
    sit("clerk", at=f"/desk/assistance/case/{case}")
    page.locator("section", has=page.locator("#related")).get_by_role("link", name="登记或变更收款账户").click()
    expect(page.locator("[name=division]")).to_have_value(TOWN)
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
    bureau.at("2023-05-03")
    sit("cashier", at="/desk/assistance/do/prepare_payment_run")
    page.select_option("[name=programme]", ALLOWANCE)
    page.fill("[name=month]", "2023-05")  # April of this town is test_audit's
    page.fill("[name=division]", TOWN)
    submit(page)
    while page.url.endswith("prepare_payment_run"):  # the read model of a busy house is behind: the page says so, and may be sent again
        expect(page.get_by_role("alert")).to_contain_text("请稍后")
        submit(page)
        page.wait_for_load_state()
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
    expect(page.get_by_role("region", name="发放记录")).to_contain_text("2023年5月")
    assert cashier.list_payments(case_id=case)[0]["amount_fen"] > 0


def applied(bureau: Bureau) -> tuple[str, int]:
    """An application for 低保, as if another window had taken it in: the case, and the place where it was written."""
    home = bureau.household({"resident_id": bureau.person("19700101")})
    clerk = bureau.staff("clerk", actor="staff:window-2").assistance
    answer = clerk.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home["household_id"])
    return answer["id"], answer["position"]


def test_the_desk_shows_what_waits_by_what_is_left(page: Page, bureau: Bureau, sit: Sit) -> None:
    """Three applications of different days in one list: over its day, due today, and with time left, in tone and in words."""
    cases, written = [], 0
    for day in ("2023-05-08", "2023-05-15", "2023-05-18"):
        bureau.at(day)
        case, written = applied(bureau)
        cases.append(case)
    bureau.at("2023-05-22")
    sit("clerk", at=f"/desk/assistance/worklists/accept?position={written}")
    for case, tone, words in zip(cases, ("bad", "warn", "good"), ("已逾期7天", "今日到期", "还剩3个工作日"), strict=True):
        row = page.locator("tr", has=page.locator(f"a[href*='{case}']"))
        expect(row.locator(f".tag.{tone}")).to_contain_text(words)
    links = page.locator("tbody a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert [link.rpartition("/")[2] for link in links if link.rpartition("/")[2] in cases] == cases, "the most urgent first"
    accessible(page)
    picture(page, "desk-worklist")
    fits(page)
    page.select_option("#town", TOWN)
    page.click("text=筛选")
    page.locator(f"a[href*='{cases[0]}']").click()
    expect(page.locator(".stands")).to_contain_text("待受理 已逾期7天")
    page.goto("/desk")
    expect(page.locator("main")).to_contain_text("我的待办")
    accessible(page)
    fits(page)
    for address in ("/desk/assistance/programmes", "/desk/everything", "/desk/find", "/desk/assistance/ask/list_cases"):
        page.goto(address)
        accessible(page)
        fits(page)


def test_who_clicks_twice_has_done_it_once(bureau: Bureau, chromium: Browser, base: str) -> None:
    """The form is sent twice with the command id it was shown with: one event, and both times the same place to go on."""
    bureau.at("2023-06-01")
    case, _ = applied(bureau)
    clerk = Hand(chromium, base, bureau, "clerk")
    address = f"/desk/assistance/do/request_supplement?case_id={case}"
    hidden, typed = clerk.form(address), [("missing", "户口簿\r\n银行流水"), ("due_on", "2023-06-20")]
    first, second = clerk.send(address, hidden, typed), clerk.send(address, hidden, typed)
    assert (first.status, second.status) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    steps = [s["step"] for s in bureau.staff("clerk").assistance.get_steps(category="case", key=case)]
    assert steps.count("supplement_requested") == 1
    # -- the same number for something else is told, and nothing is done
    other = clerk.send(address, hidden, [("missing", "收入证明"), ("due_on", "2023-06-20")])
    assert other.status == 422
    assert "已经提交过" in other.text()
    clerk.close()


def test_somebody_elses_change_is_told_before_anything_is_overwritten(page: Page, bureau: Bureau, sit: Sit) -> None:
    """The form was open while another hand acted: the page says what was done, keeps what was typed, and goes on from there."""
    bureau.at("2023-06-01")
    case, _ = applied(bureau)
    sit("clerk", at=f"/desk/assistance/case/{case}")
    press(page, "一次性告知补正")
    page.fill("[name=missing]", "户口簿")
    page.fill("[name=due_on]", "2023-06-20")
    bureau.staff("clerk", actor="staff:window-3").assistance.accept_application(command_id=new_id(), case_id=case)
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("记录已被他人更新")
    expect(page.locator(".note.warn")).to_contain_text("window-3")
    expect(page.locator(".note.warn")).to_contain_text("受理")
    expect(page.locator("[name=missing]")).to_have_value("户口簿")
    accessible(page)
    submit(page)
    expect(page.locator(".timeline")).to_contain_text("户口簿")


def test_everything_works_without_a_script(chromium: Browser, base: str, bureau: Bureau) -> None:
    """A browser that runs no script at all registers a household of two and takes in its application."""
    bureau.at("2023-06-01")
    context = chromium.new_context(base_url=base, java_script_enabled=False)
    page = context.new_page()
    enter(context, base, bureau, "clerk", actor="staff:plain")
    page.goto("/desk/assistance/do/register_household")
    page.fill("[name=household_no]", new_id())
    page.fill("[name=division]", TOWN)
    page.select_option("[name=area]", "rural")
    for n, relation in enumerate(("户主", "配偶")):
        if n:
            page.click("button[value=members]")
        page.fill(f"[name='members.{n}.resident_id']", bureau.person("19600101"))
        page.fill(f"[name='members.{n}.name']", f"测试{n}")
        page.fill(f"[name='members.{n}.relation']", relation)
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("家庭登记")
    household = page.url.split("?")[0].rpartition("/")[2]
    page.goto(f"/desk/assistance/do/apply?programme={ALLOWANCE}&household_id={household}")
    submit(page)
    press(page, "受理")
    expect(page.get_by_role("status")).to_contain_text("已办理：受理")
    context.close()


def test_somebody_is_found_by_the_number_he_shows_and_no_address_holds_it(page: Page, bureau: Bureau, sit: Sit) -> None:
    """The number goes in a form; the household and the case are found; a file is opened only with a purpose, which is recorded."""
    bureau.at("2023-06-01")
    number = bureau.person()
    home = bureau.household({"resident_id": number, "name": "=HYPERLINK(1)"})
    case = bureau.staff("clerk").assistance.apply(command_id=new_id(), programme=ALLOWANCE, household_id=home["household_id"])["id"]
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    sit("reviewer", at="/desk/find")
    page.fill("#resident_id", number)
    page.locator("form", has=page.locator("#resident_id")).get_by_role("button").click()
    expect(page.get_by_role("region", name="查找结果")).to_contain_text(home["household_id"])
    accessible(page)
    page.get_by_role("link", name=home["household_id"]).first.click()
    expect(page.locator("main")).not_to_contain_text(number)
    accessible(page)
    page.check("[value=complaint]")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("目的“信访答复”")
    expect(page.locator("main")).to_contain_text(number)
    assert not any(number in address for address in addresses)
    page.goto("/desk/find")
    page.fill("#key", case)
    page.locator("form", has=page.locator("#key")).get_by_role("button").click()
    expect(page.locator("h1")).to_contain_text("最低生活保障")
    assert page.goto(f"/desk/assistance/household/{home['household_id']}?for=nothing")  # no purpose of the house: asked again
    expect(page.locator("main")).not_to_contain_text(number)


def test_an_elders_allowance_needs_no_application(page: Page, bureau: Bureau, sit: Sit) -> None:
    """Enrolled at the desk, the elder has the allowance by the rules; its case is found by his number."""
    bureau.at("2023-06-01")
    number = bureau.person("19300101")
    sit("clerk", at="/desk/eldercare/programmes/old_age_allowance")
    accessible(page)
    page.get_by_role("link", name="老年人登记").click()
    page.fill("[name=resident_id]", number)
    page.fill("[name=name]", "测试老人")
    page.fill("[name=division]", TOWN)
    submit(page)
    expect(page.get_by_role("status")).to_contain_text("老年人登记")
    clerk = bureau.staff("clerk").eldercare
    case = until(lambda: [row for row in clerk.find_person(resident_id=number) if row["category"] == "case"])[0]
    page.goto(f"/desk/eldercare/case/{case['key']}")
    expect(page.locator("h1")).to_contain_text("高龄津贴")
    expect(page.locator("h1 .tag")).to_have_text("在保")
    expect(page.locator("main")).to_contain_text("怎样算出来的")
    accessible(page)
    fits(page)


def test_temporary_assistance_is_reviewed_and_decided_at_the_desk(page: Page, bureau: Bureau, sit: Sit) -> None:
    """支出型: applied for, accepted, verified, reviewed by a second hand and decided by a third; amounts by the rules."""
    bureau.at("2023-06-01")
    home = bureau.household({"resident_id": bureau.person("19650101"), "monthly_income_fen": 100000})
    sit("clerk", at=f"/desk/assistance/do/apply_temporary?household_id={home['household_id']}")
    page.select_option("[name=kind]", "expenditure")
    page.select_option("[name=cause]", label="重大疾病")
    page.fill("[name=happened_on]", "2023-05-20")
    page.fill("[name=division]", TOWN)
    page.fill("[name=loss_fen]", "38000")
    submit(page)
    expect(page.locator("nav[aria-label=各件]")).to_contain_text("支出型")
    page.locator("nav[aria-label=各件] a").last.click()
    press(page, "受理")
    press(page, "核实")
    page.fill("[name=finding]", "票据齐全，情况属实")
    page.fill("[name=loss_fen]", "36500.00")
    submit(page)
    matter = page.url.split("?")[0]
    item = page.locator("nav[aria-label=各件] a").last.get_attribute("href") or ""
    sit("reviewer", at=matter.removeprefix(page.url.split("/desk")[0]))
    page.goto(matter + item)
    press(page, "审核")
    submit(page)
    expect(page.locator(".timeline")).to_contain_text("审核")
    accessible(page)
    fits(page)
    sit("approver")
    bureau.at("2023-06-20")
    page.goto(matter + item)
    press(page, "审批")
    expect(page.locator("nav[aria-label=各件]")).to_contain_text("已")
    state = bureau.staff("clerk").assistance.get_temporary(subject_id=home["household_id"])
    [made] = state["matters"].values()
    assert made["status"] in ("approved", "paid_out"), made["status"]


def test_a_list_goes_on_to_its_end_and_is_exported_whole(page: Page, bureau: Bureau, sit: Sit, base: str) -> None:
    """Page by page every household once; the export holds them all, whatever a page holds; so has the register, whose rows stand inside."""
    bureau.at("2023-06-01")
    homes = {bureau.household({"resident_id": bureau.person()})["household_id"] for _ in range(3)}
    clerk = bureau.staff("clerk").assistance

    def listed() -> set[str]:
        found: set[str] = set()
        while some := clerk.list_households(after=max(found, default=""), limit=500):
            found |= {row["household_id"] for row in some}
        return found

    until(lambda: homes <= listed())
    every = listed()
    sit("clerk", at="/desk/assistance/ask/list_households?ask=1&limit=2")
    seen = [page.locator("tbody tr").count()]
    while page.get_by_role("link", name="下一页").count() and len(seen) < len(every):
        page.get_by_role("link", name="下一页").click()
        page.wait_for_load_state()
        seen.append(page.locator("tbody tr").count())
    assert sum(seen) == len(every)
    exported = page.context.request.get("/desk/assistance/ask/list_households?ask=1&limit=2&format=csv")
    lines = list(csv.DictReader(io.StringIO(exported.body().decode("utf-8-sig"))))
    assert {line["家庭标识"] for line in lines} == every
    page.goto("/desk/assistance/ask/list_register")
    assert page.get_by_role("link", name="导出 CSV").count() == 1
    register = page.context.request.get("/desk/assistance/ask/list_register?ask=1&format=csv")
    lines = list(csv.DictReader(io.StringIO(register.body().decode("utf-8-sig"))))
    listed = clerk.list_register(limit=500)["entries"]
    assert len(lines) == len(listed)


def test_what_waits_is_found_by_the_hand_that_the_page_names(page: Page, bureau: Bureau, sit: Sit) -> None:
    """承办 as the list shows it is what the list is filtered by: a hand of the bureau by his number alone, a unit as it is."""
    bureau.at("2023-07-03")
    clerk = bureau.staff("clerk").assistance
    report, assign = PROACTIVE_DISCOVERY.example[:2]
    clues, written = {}, 0
    for whose in ("staff:window-9", "丹东街道"):
        clues[whose] = clerk.report_clue(command_id=new_id(), **report.body)["id"]
        written = clerk.assign_clue(command_id=new_id(), **{**assign.body, "record_id": clues[whose], "responsible": whose})["position"]
    sit("clerk", at=f"/desk/assistance/worklists/clue_verify?position={written}")
    for whose, other in (("staff:window-9", "丹东街道"), ("丹东街道", "staff:window-9")):
        shown = page.locator("tr", has=page.locator(f"a[href*='{clues[whose]}']")).locator("td").last.inner_text()
        assert shown == whose.removeprefix("staff:")
        page.fill("#responsible", shown)
        page.click("text=筛选")
        expect(page.locator(f"a[href*='{clues[other]}']")).to_have_count(0)
        expect(page.locator(f"a[href*='{clues[whose]}']")).to_have_count(1)
        page.goto("/desk/assistance/worklists/clue_verify")


def test_a_service_that_is_away_says_so_and_the_form_is_not_lost(bureau: Bureau) -> None:
    """No broker answers: 503 in words, what was typed and the command id are in the page, so that the next try has its effect once."""
    app = create_app(replace(bureau.settings, amqp_uri="amqp://guest:guest@127.0.0.1:9/"))
    app.config["WTF_CSRF_ENABLED"] = False
    portal.of(app)._made["rpc"] = RpcClient("amqp://guest:guest@127.0.0.1:9/", timeout=0.3)
    assert bureau.settings.token_private_key is not None
    with app.test_client() as client, client.session_transaction() as session:
        session["token"] = tokens.issue(bureau.settings.token_private_key, "staff:away", ("clerk",), DISTRICT)
    given = {"command_id": "c-1", "case_id": new_id(), "finding": "情况属实"}
    answer = client.post("/desk/assistance/do/record_survey", data=given)
    assert answer.status_code == 503
    assert 'value="c-1"' in answer.text
    assert "情况属实" in answer.text
    for role, away in (("clerk", "社会救助"), ("registrar", "登记"), ("auditor", "登记")):
        with client.session_transaction() as session:
            session["token"] = tokens.issue(bureau.settings.token_private_key, "staff:away", (role,), DISTRICT)
        home = client.get("/desk")
        assert home.status_code == 200, role
        assert re.search(f"[^<>]*{away}[^<>]*暂时不可用", home.text), role
    portal.of(app).close()


def test_nothing_that_tells_who_somebody_is_goes_through_an_address(page: Page, bureau: Bureau, sit: Sit) -> None:
    """A receipt is asked about by a form that is sent, not by an address; and no address fills in an account for somebody to send on."""
    bureau.at("2023-06-01")
    sit("clerk", at="/desk/assistance/ask/get_public_objection?ask=1&receipt=YY-1234")
    assert page.locator("input[name=receipt]").input_value() == "", "an address asks nothing"
    page.fill("input[name=receipt]", "YY-1234-5678")
    page.locator("form.form button:not(.default)").click()
    expect(page.locator("main")).to_contain_text("没有此回执号")
    assert "YY-1234" not in page.url
    home = bureau.household({"resident_id": bureau.person("19650101")})
    person = home["members"][0]["person_id"] if isinstance(home["members"], list) else next(iter(home["members"]))
    page.goto(f"/desk/assistance/do/propose_payee_account?person_id={person}&account_no=6222020000000000&holder=某某")
    assert (page.locator("[name=account_no]").input_value(), page.locator("[name=holder]").input_value()) == ("", "")

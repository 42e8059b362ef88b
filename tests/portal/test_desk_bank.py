"""A run that a bank pays: sent by the cashier, its file made and the bank's answer taken in at the desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from shared.config import run_file
from shared.domain.errors import Refused
from shared.eventlog.client import Log
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import TOWN, Bureau, new_id, running_house, until
from tests.portal.conftest import accessible
from tests.portal.hands import enter, fits


@pytest.fixture(scope="module")
def with_a_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    """A house of its own, whose approved runs wait for a cashier."""
    more = {"MINZHENG_PAYMENT_MODE": "bank_file", "MINZHENG_DEV_LOGIN": "1", "MINZHENG_PORTAL_RATE": "100000/minute"}
    with running_house(tmp_path_factory.mktemp("bank"), **more) as house:
        settings = house.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        with RpcClient(settings.amqp_uri, timeout=15) as link:
            yield Bureau(house, settings, link)


@pytest.fixture
def counter(chromium: Browser, with_a_bank: Bureau) -> Iterator[Page]:
    port = json.loads(run_file(with_a_bank.settings.var).read_text())["MINZHENG_PORTAL_PORT"]
    context = chromium.new_context(base_url=f"http://127.0.0.1:{port}", locale="zh-CN", viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def test_the_banks_answer_is_taken_in_line_by_line_and_the_run_closes_even(counter: Page, with_a_bank: Bureau, tmp_path: Path) -> None:
    """Two are sent: one is paid, one comes back with a reason; wrong lines are told by their row; the same file again changes nothing."""
    page, bureau = counter, with_a_bank
    cashier, approver = bureau.staff("cashier").assistance, bureau.staff("approver").assistance
    for _ in range(2):
        home = bureau.household({"resident_id": bureau.person("19700101")})
        case = bureau.granted(home["household_id"])
        account = {"person_id": bureau.staff("clerk").assistance.get_case(case_id=case)["payee_id"]}
        bureau.staff("clerk").assistance.propose_payee_account(
            command_id=new_id(), **account, division=TOWN, bank_code="102332000010", account_no="6222021234567890128", holder="测试甲",
            document_no="账户1号",
        )  # fmt: skip
        approver.confirm_payee_account(command_id=new_id(), **account, number=1)
    bureau.at("2023-04-03")
    run = bureau.prepared()
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "locked")
    port = json.loads(run_file(bureau.settings.var).read_text())["MINZHENG_PORTAL_PORT"]
    base = f"http://127.0.0.1:{port}"
    address = f"/desk/assistance/payment_run/{run}"
    enter(page.context, base, bureau, "approver")
    page.goto(address)
    page.locator(".acts").get_by_role("button", name="批准发放").click()
    expect(page.locator("h1 .tag")).to_have_text("已批准")
    enter(page.context, base, bureau, "cashier")
    page.goto(address)
    page.locator(".acts").get_by_role("button", name="送发").click()
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "sent")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("代发文件含户名和账号")
    expect(page.locator("main")).to_contain_text("尚有 2 笔")
    accessible(page)
    fits(page)
    assert "6222021234567890128" not in page.content()
    # -- the file, by a click; who made it and whose accounts he holds is known, also of a second one
    made = {}
    for actor, kind in (("staff:cashier-desk", "CSV"), ("staff:cashier-2", "Excel")):
        enter(page.context, base, bureau, "cashier", actor=actor)
        page.goto(address)
        with page.expect_download() as download:
            page.get_by_role("button", name=f"代发文件（{kind}）").click()
        made[actor] = tmp_path / download.value.suggested_filename
        download.value.save_as(made[actor])
    sent, excel = made.values()
    assert sent.suffix == ".csv"
    rows = list(openpyxl.load_workbook(excel).worksheets[0].iter_rows(values_only=True))
    assert [str(row[5]) for row in rows[-2:]] == ["6222021234567890128"] * 2
    payees = {row["payee_id"] for row in cashier.list_payment_lines(run_id=run)}
    with closing(Log(bureau.settings.eventstore_uri)) as log:
        told = [json.loads(r.data) for r in log.read_all(prefix="assistance.looks-") if r.name == "assistance.file_looked_at"]
        makings = [json.loads(r.data)["by"] for r in log.read(f"assistance.payment_run-{run}") if r.name == "assistance.payment_file_made"]
    looks = {e["by"]: set(e["files"]) for e in told if e["reference"] == run}
    assert makings == list(made)
    assert looks == dict.fromkeys(made, payees)
    # -- for nobody else, and by no link
    for role, division in (("clerk", "330225"), ("approver", "330225"), ("cashier", "330225101")):
        enter(page.context, base, bureau, role, actor="staff:other", division=division)
        page.goto("/desk/find")
        token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
        made_by_hand = {"csrf_token": token, "format": "csv"}
        answer = page.context.request.post(f"/desk/assistance/payments/{run}/bank-file", form=made_by_hand)
        assert (answer.status, "6222021234567890128" in answer.text()) == (403, False), role
    enter(page.context, base, bureau, "cashier")
    assert page.context.request.get(f"/desk/assistance/payments/{run}/bank-file").status in (404, 405)
    assert page.context.request.post(f"/desk/assistance/payments/{run}/bank-file", form={"format": "csv"}).status == 400
    assert not [f for f in (bureau.settings.var / "run").rglob("*") if f.is_file() and b"6222021234567890128" in f.read_bytes()]
    lines = sent.read_text("utf-8-sig").splitlines()
    at = next(n for n, line in enumerate(lines) if "序号" in line)
    columns = lines[at].split(",")
    status, reason = columns.index("状态"), columns.index("原因")
    for n, (word, why) in enumerate((("成功", ""), ("失败", "账户已销户"))):
        cells = lines[at + 1 + n].split(",")
        cells[status], cells[reason] = word, why
        lines[at + 1 + n] = ",".join(cells)
    wrong = [""] * len(columns)
    wrong[columns.index("序号")], wrong[status] = "99", "不明"
    answer = tmp_path / "answer.csv"
    empty = [",".join([""] * len(columns))] * 150_000  # a file of that many lines is more than one request usually holds
    answer.write_text("\n".join([*lines, ",".join(wrong), *empty]) + "\n", "utf-8-sig")
    assert answer.stat().st_size > 1024 * 1024
    large = {"file": {"name": "x.csv", "mimeType": "text/csv", "buffer": answer.read_bytes()}}
    assert page.context.request.post(f"/desk/assistance/payments/{run}/bank-file", multipart=large).status == 413
    for told in ("登记 2 行，此前已登记 0 行，未登记 1 行", "登记 0 行，此前已登记 2 行，未登记 1 行"):
        page.goto(address)
        page.set_input_files("#file", answer)
        page.click("text=登记回盘")
        expect(page.get_by_role("status")).to_contain_text(told)
        expect(page.locator("main")).to_contain_text("状态须为")
    accessible(page)
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(excel.read_bytes()[:1000])
    page.goto(address)
    page.set_input_files("#file", broken)
    page.click("text=登记回盘")
    expect(page.locator("main")).to_contain_text("不是可以读取的 Excel 文件")
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "closed")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("已平")
    page.goto(f"{address}?after=1")
    expect(page.get_by_role("region", name="名单").locator("tbody tr")).to_have_count(1)
    page.goto(f"{address}?lines=failed")
    expect(page.get_by_role("region", name="名单")).to_contain_text("账户已销户")
    page.goto("/desk/assistance/payments")
    expect(page.get_by_role("region", name="发放批次")).to_contain_text("已平")
    page.get_by_role("link", name="2023年3月").click()
    expect(page.locator("main")).to_contain_text("这个月还没有批次")


def test_a_month_that_is_owed_waits_at_the_cashiers_desk_until_its_run_is_sent(counter: Page, with_a_bank: Bureau) -> None:
    """The timer opens the month; the list leads to it, one form to its run; whoever reviewed the case is told that he may not send it."""
    page, bureau = counter, with_a_bank
    home = bureau.household({"resident_id": bureau.person("19700101")})
    bureau.granted(home["household_id"])
    bureau.at("2023-05-04")
    cashier, approver = bureau.staff("cashier").assistance, bureau.staff("approver").assistance
    asked = {"programme": "minimum_living_allowance", "month": "2023-05"}
    [month] = until(lambda: cashier.list_payment_months(**asked))
    assert (month["status"], month["due_on"], month["division"]) == ("open", "2023-05-10", TOWN)
    port = json.loads(run_file(bureau.settings.var).read_text())["MINZHENG_PORTAL_PORT"]
    enter(page.context, f"http://127.0.0.1:{port}", bureau, "cashier")
    page.goto("/desk/")
    expect(page.locator("main")).to_contain_text("应发月份待发放")
    page.goto("/desk/assistance/worklists/payment_month_owed?programme=minimum_living_allowance")
    accessible(page)
    page.locator(f"a[href*='/payment_calendar/{month['calendar_id']}'][href*='2023-05']").first.click()
    expect(page.locator("main")).to_contain_text("应发月份")
    expect(page.locator(".stands")).to_contain_text("2023年5月10日")
    accessible(page)
    fits(page)
    page.locator(".acts").get_by_text("编制应发月份的发放名单").first.click()
    expect(page.locator("[name=month]")).to_have_value("2023-05")
    page.locator("form.form > button:not(.default)").click()
    expect(page.get_by_role("status")).to_contain_text("编制应发月份")
    [run] = until(lambda: [r["run_id"] for r in cashier.list_payment_runs(**asked) if r["status"] == "locked"])
    approver.approve_payment_run(command_id=new_id(), run_id=run)
    with pytest.raises(Refused, match="名单中有"):
        bureau.staff("cashier", actor="staff:reviewer").assistance.send_payment_run(command_id=new_id(), run_id=run)
    cashier.send_payment_run(command_id=new_id(), run_id=run)
    [met] = until(lambda: [m for m in cashier.list_payment_months(**asked) if m["status"] == "met"])
    assert (met["run_id"], met["sent_on"]) == (run, "2023-05-04")

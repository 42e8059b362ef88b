"""The audit pages in a real browser, over the running house: a life from the application to the payment, walked back and proved."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.portal.web import portal
from services.portal.web.app import create_app
from shared.clock import SHANGHAI
from shared.eventlog.integrity import report, standalone
from shared.eventsourcing.events import ERASED
from shared.security import tokens
from tests.e2e.conftest import DISTRICT, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture
from tests.portal.hands import Hand, enter, fits

OTHER_TOWN = "330225101"
NAME = "欧阳守诚"
Sit = Callable[..., None]


@dataclass(frozen=True)
class Life:
    """One household's, paid in April and dead in June; the number of its head is known to the test alone."""

    household: str
    case: str
    person: str
    number: str

    @property
    def home(self) -> str:
        return f"assistance.household-{self.household}"

    @property
    def stream(self) -> str:
        return f"assistance.case-{self.case}"


@pytest.fixture(scope="module")
def life(bureau: Bureau) -> Life:
    bureau.at("2023-02-20")
    number = bureau.person("19560101")
    home = bureau.household({"resident_id": number, "name": NAME, "monthly_income_fen": 10_000})
    case = bureau.granted(home["household_id"])
    clerk, approver, cashier = (bureau.staff(role).assistance for role in ("clerk", "approver", "cashier"))
    payee = clerk.get_case(case_id=case)["payee_id"]
    account = {"bank_code": "102332000010", "account_no": "6222021234567890128", "holder": NAME, "document_no": "账户9号", "division": TOWN}
    clerk.propose_payee_account(command_id=new_id(), person_id=payee, **account)
    approver.confirm_payee_account(command_id=new_id(), person_id=payee, number=1)
    bureau.at("2023-04-03")
    run = bureau.prepared()
    until(lambda: cashier.get_payment_run(run_id=run)["status"] == "locked")
    approver.approve_payment_run(command_id=new_id(), run_id=run)
    until(lambda: cashier.list_payments(case_id=case))
    bureau.at("2023-06-20")
    registrar = bureau.staff("registrar").registry
    registrar.register_death(command_id=new_id(), resident_id=number, name=NAME, died_on="2023-06-19", division=TOWN)
    until(lambda: clerk.get_case(case_id=case)["status"] == "ended")
    return Life(home["household_id"], case, payee, number)


@pytest.fixture
def sit(page: Page, base: str, bureau: Bureau) -> Sit:
    """``sit("/audit")``: an auditor opens a page; ``sit("/audit", division=TOWN)`` one of that town."""

    def down(at: str, *roles: str, actor: str = "staff:audit-9", division: str = DISTRICT) -> None:
        enter(page.context, base, bureau, *(roles or ("auditor",)), actor=actor, division=division)
        page.goto(at)

    return down


def good(page: Page) -> None:
    """Accessible, and no wider than a phone."""
    accessible(page)
    fits(page)


def test_the_first_page_says_what_one_can_ask(page: Page, life: Life, sit: Sit, bureau: Bureau) -> None:
    """Forms by question, the newest checkpoint, the seal's lag, figures by kind; the report of all decisions once there is one."""
    sit("/audit")
    expect(page.locator("main")).to_contain_text("个事件已签名")
    expect(page.locator("main")).to_contain_text("封存滞后")
    assert page.locator("svg[role=img] text").count() > 10
    good(page)
    env = bureau.house.child_env
    words = [sys.executable, "-m", "shared.cli", "audit", "decisions", "--json"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["equal"] > 0
    page.goto("/audit/replay")
    expect(page.locator("main")).to_contain_text(f"{told['equal']:,}")
    expect(page.locator(".card", has_text="不一致")).to_contain_text("无")
    good(page)
    page.goto("/audit")
    expect(page.locator("a.card", has_text="决定重算")).to_contain_text("0 项不一致")
    picture(page, "audit-home")


def test_a_payment_is_walked_back_to_the_application(page: Page, life: Life, sit: Sit) -> None:
    """By its case and month: application, evidence, rule, hands; the picture has what the list has, and its links lead there."""
    sit("/audit")
    page.fill("#p-case", life.case)
    page.fill("#p-month", "2023-04")
    page.locator("form[action='/audit/payment'] button").click()
    expect(page.locator("h1")).to_contain_text("发放：背后的一切")
    main = page.locator("main")
    for title in ("申请", "受理", "入户调查", "审核", "确认", "授权"):
        expect(main).to_contain_text(title)
    expect(page.get_by_role("region", name="经手人")).to_contain_text("approver")
    expect(main).to_contain_text("规则版本")
    expect(main).not_to_contain_text(NAME)
    expect(main).not_to_contain_text(life.number)
    drawn = page.locator(".graph svg a")
    listed = page.locator("ol.timeline > li[id^=e-]")
    assert drawn.count() == listed.count() > 10
    assert {drawn.nth(n).get_attribute("href") for n in range(drawn.count())} == {
        f"#{listed.nth(n).get_attribute('id')}" for n in range(listed.count())
    }
    assert page.locator(".graph svg path[fill=none]").count() >= drawn.count() - 1, "everything hangs together"
    good(page)
    page.set_viewport_size({"width": 1100, "height": 1400})
    picture(page, "audit-walk", whole=False)
    page.locator("ol.timeline > li[id^=e-]", has=page.locator("strong", has_text="申请")).first.get_by_role("link", name="因果").click()
    expect(page.locator("h1")).to_contain_text("申请")
    page.get_by_role("link", name="看由它引起的一切").click()
    expect(page.locator("main")).to_contain_text("确认")


def test_what_followed_from_a_death(page: Page, life: Life, sit: Sit) -> None:
    """Forward from the registration of the death in one service to the end of the benefit in another."""
    sit(f"/audit/walk/registry.death-{life.person}/0?forward=1")
    expect(page.locator("h1")).to_contain_text("由它引起的一切")
    expect(page.locator("#e-" + (page.locator("ol.timeline > li.bad").first.get_attribute("id") or "e-")[2:])).to_contain_text("起点")
    expect(page.locator("main")).to_contain_text("救助个案")
    good(page)


def test_a_stream_at_any_moment_and_two_moments_side_by_side(page: Page, life: Life, sit: Sit) -> None:
    """Before the confirmation nothing was due; each version is one click; what changed is told field by field."""
    sit(f"/audit/stream/{life.stream}")
    expect(page.locator("main")).to_contain_text("本次查阅已记入事件日志")
    expect(page.locator("ol.timeline")).to_contain_text("确认")
    good(page)
    picture(page, "audit-stream", whole=False)
    page.fill("#as_of", "2023-03-05T12:00:00")
    page.get_by_role("button", name="查看").click()
    expect(page.locator("h1")).to_contain_text("2023-03-05 12:00 时")
    expect(page.locator("ol.timeline")).to_contain_text("审核")
    assert page.locator("ol.timeline strong", has_text="确认").count() == 0
    assert page.locator(".versions a.later").count() > 0
    page.locator(".versions a").first.click()
    expect(page.locator("ol.timeline > li")).to_have_count(1)
    page.goto(f"/audit/stream/{life.stream}?as_of=2022-01-01")
    expect(page.locator("main")).to_contain_text("此时还没有事件")
    page.goto(f"/audit/stream/{life.stream}")
    page.fill("#first", "2023-03-05T12:00:00")
    page.get_by_role("button", name="对照").click()
    table = page.get_by_role("region", name="逐项对照")
    expect(table).to_contain_text("状态")
    expect(page.locator("#between + ol")).to_contain_text("确认")
    good(page)
    picture(page, "audit-diff")
    assert page.goto(f"/audit/diff/{life.stream}?first=soon&second=later").status == 422  # type: ignore[union-attr]
    assert page.goto("/audit/stream/assistance.case-none").status == 404  # type: ignore[union-attr]


def test_personal_fields_open_for_a_reason_that_is_recorded(page: Page, life: Life, sit: Sit, bureau: Bureau) -> None:
    """Masked on every page; opened by a form with a reason; the look says who and why, and stands among the looks at the file."""
    sit(f"/audit/stream/{life.home}", actor="staff:audit-open")
    expect(page.locator("main")).to_contain_text("〔个人信息，已加密〕")
    expect(page.locator("main")).not_to_contain_text(NAME)
    assert page.request.post(f"/audit/stream/{life.home}/open", form={"reason": "无令牌"}).status == 400
    page.fill("#reason", f"查询{life.number}")
    page.get_by_role("button", name="打开").click()
    expect(page.locator("main")).to_contain_text("不得含有身份证号码")  # a reason is kept in the clear
    page.goto(f"/audit/stream/{life.home}")
    page.fill("#reason", "信访[2023]7号")
    page.get_by_role("button", name="打开").click()
    expect(page.locator("main")).to_contain_text(NAME)
    expect(page.get_by_role("status")).to_contain_text("理由“信访[2023]7号”")
    assert "?" not in page.url, "what was typed is in no address"
    accessible(page)
    looks = page.get_by_role("region", name="查阅明细")

    def told() -> bool:
        page.goto(f"/audit/looks?file={life.household}")
        return "信访[2023]7号" in looks.inner_text()

    until(told)
    row = looks.locator("tr", has_text="信访[2023]7号")
    expect(row).to_contain_text("audit-open")
    expect(row).to_contain_text("审计：打开个人信息")
    expect(looks.locator("tr", has_text="clerk").first).to_contain_text("经办业务")
    good(page)
    row.get_by_role("link", name="audit-open").click()
    expect(page.locator("h1")).to_contain_text("audit-open 看过什么")
    assert looks.locator("tbody tr").count() == 2  # masked, then opened
    good(page)
    table = page.request.get("/audit/looks?actor=audit-open&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "信访[2023]7号" in table.text()


def test_all_acts_of_one_person_in_a_period(page: Page, life: Life, sit: Sit) -> None:
    """Bars by day, a table that pages, a CSV with as many rows; a day without a hand has everybody's."""
    sit("/audit")
    page.locator("form", has=page.locator("#a-actor")).locator("#a-actor").fill("clerk")
    page.fill("#a-from", "2023-03-01")
    page.fill("#a-to", "2023-03-31")
    page.locator("form", has=page.locator("#a-actor")).get_by_role("button").click()
    expect(page.locator("h1")).to_contain_text("clerk 办理的事项")
    rows = page.get_by_role("region", name="明细")
    expect(rows).to_contain_text("入户调查")
    assert page.locator("figure svg text", has_text="2023-03-01").count() == 1
    total = int(page.locator(".figure").inner_text().replace(",", ""))
    table = page.request.get("/audit/acts?actor=clerk&from=2023-03-01&to=2023-03-31&format=csv").text()
    assert len(table.splitlines()) == total + 1
    good(page)
    picture(page, "audit-acts")
    page.goto("/audit/acts?from=2023-04-03&to=2023-04-03")
    expect(rows).to_contain_text("cashier")
    expect(rows).to_contain_text("approver")
    good(page)
    seen, wanted = 0, int(page.locator(".figure").inner_text().replace(",", ""))
    while True:
        seen += rows.locator("tbody tr").count()
        following = page.get_by_role("link", name="下一页")
        if not following.count():
            break
        following.click()
    assert seen == wanted
    assert page.goto("/audit/acts").status == 422  # type: ignore[union-attr]


def test_every_decision_is_proved(page: Page, life: Life, sit: Sit, tmp_path: Path) -> None:
    """Inputs, versions, lines with their paragraph, the confirmation bound to what was reviewed, made again at once; its receipt holds."""
    sit("/audit/replay")
    page.fill("#case", life.case)
    page.get_by_role("button", name="重算这一件").click()
    expect(page.locator("h1")).to_contain_text("最低生活保障：历次决定核对")
    expect(page.get_by_role("status")).to_contain_text("不一致 0 项")
    confirmed = page.locator("section.card", has=page.locator("h2", has_text="确认"))
    expect(confirmed).to_contain_text("确认的正是审核的内容")
    expect(confirmed).to_contain_text("审核 reviewer，确认 approver")
    expect(confirmed).to_contain_text("依据条款")
    expect(confirmed).to_contain_text("重算一致")
    assert confirmed.locator("td:nth-child(3)").first.inner_text().strip()
    confirmed.get_by_text("所依的事实").click()
    good(page)
    picture(page, "audit-decision")
    # -- the receipt, checked by a process of its own that has nothing of ours but the script and the key
    link = confirmed.get_by_role("link", name="的回执").get_attribute("href") or ""
    answer = page.request.get(link)
    until(lambda: page.request.get(link).status == 200)
    answer = page.request.get(link)
    files = {"receipt.json": answer.body(), "seal.pub": page.request.get("/sunshine/verify/seal.pub").body()}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / "standalone.py").write_bytes(Path(standalone.__file__).read_bytes())

    def holds() -> subprocess.CompletedProcess[str]:
        given = ["standalone.py", "--key", "seal.pub", "--origin", f"minzheng.{DISTRICT}", "receipt.json"]
        return subprocess.run([sys.executable, "-I", *given], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert holds().returncode == 0, holds().stdout
    forged = json.loads(files["receipt.json"])
    forged["index"] += 1
    (tmp_path / "receipt.json").write_text(json.dumps(forged))
    assert holds().returncode != 0


def test_checkpoints_and_the_bundle(page: Page, life: Life, sit: Sit, tmp_path: Path, bureau: Bureau) -> None:
    """Checkpoints with a proof between two of them; a bundle of the case that checks itself in a process of its own."""
    sit("/audit/checkpoints")
    good(page)
    sizes = [int(s.replace(",", "")) for s in page.locator("tbody td.number").all_inner_texts()]
    assert sizes == sorted(sizes, reverse=True)
    sizes = [size for size in sizes if size]  # the tree of nothing was signed too; there is nothing to prove about it
    proof = page.request.get(f"/audit/consistency?older={sizes[-1]}&newer={sizes[0]}")
    assert proof.json()["form"] == "minzheng consistency 1"
    assert page.request.get("/audit/consistency?older=9&newer=3").status == 422
    assert f"minzheng.{DISTRICT}" in page.request.get("/audit/checkpoints.txt").text()
    page.goto("/audit/bundle")
    good(page)
    page.select_option("#kind", "case")
    page.fill("#value", life.case)
    page.fill("#reason", "象审〔2024〕3号")
    with page.expect_response(lambda r: r.request.method == "POST") as answered, page.expect_download() as waiting:
        page.get_by_role("button", name="制作并下载").click()
    assert answered.value.headers["cache-control"] == "no-store"
    path = tmp_path / "bundle.zip"
    waiting.value.save_as(path)
    (tmp_path / "seal.pub").write_bytes(page.request.get("/sunshine/verify/seal.pub").body())
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert life.stream in manifest["streams"]
    checked = subprocess.run([sys.executable, str(path), "--key", str(tmp_path / "seal.pub")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    page.fill("#value", "no such case")
    page.get_by_role("button", name="制作并下载").click()
    expect(page.get_by_role("alert")).to_contain_text("范围填写有误")


def test_a_number_leads_to_its_streams(page: Page, life: Life, sit: Sit) -> None:
    """A case's number to case, decisions and looks; what does not exist is said so."""
    sit("/audit")
    page.fill("#i-id", life.case)
    page.locator("form[action='/audit/find'] button").click()
    expect(page.locator("main")).to_contain_text("历次决定")
    good(page)
    assert page.goto(f"/audit/find?id={life.household}").status == 200  # type: ignore[union-attr]
    assert page.goto("/audit/find?id=nobodys-number").status == 404  # type: ignore[union-attr]


def test_an_auditor_of_a_town_finds_the_look_at_a_list_by_the_file(chromium: Browser, base: str, bureau: Bureau) -> None:
    """A hand of the district opens the roster: the town of somebody on it finds that look at his file, another town does not."""
    bureau.at("2023-06-15")
    elder, clerk = bureau.staff("clerk").eldercare, bureau.staff("clerk", actor="staff:audit-roster").eldercare
    answer = elder.enrol_elder(command_id=new_id(), resident_id=bureau.person("19560101"), name="欧阳阅", division=TOWN)
    until(lambda: answer["id"] in {row["person_id"] for row in clerk.list_elders(limit=500, position=answer["position"])})
    own = Hand(chromium, base, bureau, "auditor", actor="staff:audit-own", division=TOWN)
    other = Hand(chromium, base, bureau, "auditor", actor="staff:audit-other", division=OTHER_TOWN)
    until(lambda: "staff:audit-roster" in own.get(f"/audit/looks?file={answer['id']}&format=csv").text())
    assert "staff:audit-roster" not in other.get(f"/audit/looks?file={answer['id']}&format=csv").text()


def test_an_auditor_of_a_town_sees_nothing_beyond(chromium: Browser, base: str, bureau: Bureau, life: Life) -> None:
    """Streams, walks, decisions, receipts and lists of another town: refused or empty; of the own town they are there."""
    own = Hand(chromium, base, bureau, "auditor", actor="staff:audit-own", division=TOWN)
    other = Hand(chromium, base, bureau, "auditor", actor="staff:audit-other", division=OTHER_TOWN)
    pages = (f"stream/{life.stream}", f"stream/{life.home}", f"walk/{life.stream}/0", f"decisions/assistance/{life.case}",
             f"receipt/{life.stream}/0", f"diff/{life.stream}?first=2023-03-01&second=2023-04-01")  # fmt: skip
    for address in pages:
        until(lambda address=address: own.get(f"/audit/{address}").status == 200)  # type: ignore[misc]
        assert other.get(f"/audit/{address}").status == 403, address
    assert other.get(f"/audit/payment?service=assistance&case={life.case}&month=2023-04").status == 404
    assert other.get(f"/audit/find?id={life.case}").status == 404
    assert ">0</span> 件" in other.get("/audit/acts?from=2023-03-01&to=2023-04-30").text()
    assert "入户调查" in own.get("/audit/acts?actor=clerk&from=2023-03-01&to=2023-04-30").text()
    assert life.household not in other.get("/audit/looks?actor=clerk").text()
    assert "staff:clerk" not in other.get(f"/audit/looks?file={life.household}").text()
    told = {"equal": 1, "unequal": 1, "older": 0, "events": 2, "decisions": 2, "kinds": {}, "versions": [], "others": []}
    finding = {"where": f"{life.stream}@7", "type": "assistance.case_granted", "month": "2023-04", "differs": ["amount_fen"]}
    report.keep(bureau.settings.var, {**told, "findings": [finding]}, datetime(2023, 7, 3, tzinfo=SHANGHAI))
    assert life.case in own.get("/audit/replay").text()
    assert life.case not in other.get("/audit/replay").text()
    hidden = own.get(f"/audit/walk/{life.stream}/0?forward=1").text()
    assert "只列出您辖区内的事件" in hidden
    assert "由区级审计人员办理" in own.get("/audit/bundle").text()
    for hand in (own, other):
        hand.close()


def test_a_record_that_went_to_another_town_is_the_old_ones_until_then(chromium: Browser, base: str, bureau: Bureau) -> None:
    """The old town's auditor sees the account as it was there, and nothing of what came after; the new town's sees it now."""
    bureau.at("2023-05-01")
    home = bureau.household({"resident_id": bureau.person("19600101"), "monthly_income_fen": 90_000})
    person, clerk = next(iter(home["members"])), bureau.staff("clerk").assistance
    person = person if isinstance(person, str) else person["person_id"]
    for n, (day, town) in enumerate((("2023-05-02", TOWN), ("2023-05-10", OTHER_TOWN)), 1):
        bureau.at(day)
        account = {"bank_code": "102332000010", "account_no": f"622202123456789012{n}", "holder": NAME, "document_no": f"账户{n}号"}
        clerk.propose_payee_account(command_id=new_id(), person_id=person, division=town, **account)
        bureau.staff("approver").assistance.confirm_payee_account(command_id=new_id(), person_id=person, number=n)
    own = Hand(chromium, base, bureau, "auditor", division=TOWN)
    other = Hand(chromium, base, bureau, "auditor", division=OTHER_TOWN)
    stream = f"/audit/stream/assistance.payee_account-{person}"
    assert other.get(stream).status == 200
    assert own.get(stream).status == 403
    then = own.get(f"{stream}?as_of=2023-05-05")
    assert then.status == 200
    assert "共 2 个事件" in then.text()
    assert "2023-05-10" not in then.text()
    assert other.get(f"{stream}?as_of=2023-05-05").status == 403
    assert own.get(f"/audit/diff/assistance.payee_account-{person}?first=2023-05-05&second=2023-05-12").status == 403
    for hand in (own, other):
        hand.close()


def test_who_is_no_auditor_has_no_audit(chromium: Browser, base: str, bureau: Bureau, life: Life) -> None:
    """403 for every other post on every page, the login for nobody in particular."""
    case, stream = life.case, life.stream
    pages = ("", "/acts?actor=clerk", f"/looks?file={life.household}", f"/stream/{stream}", f"/walk/{stream}/0", "/replay", "/checkpoints",
             "/checkpoints.txt", "/consistency?older=1&newer=2", "/bundle", f"/receipt/{stream}/0", f"/decisions/assistance/{case}",
             f"/find?id={case}", f"/payment?case={case}&month=2023-04", f"/diff/{stream}?first=2023-03-01&second=2023-04-01")  # fmt: skip
    for role in ("clerk", "approver", "cashier", "registrar", "operator"):
        hand = Hand(chromium, base, bureau, role)
        for address in pages:
            assert hand.get(f"/audit{address}").status == 403, (role, address)
        hand.close()
    nobody = chromium.new_context(base_url=base)
    assert nobody.request.get("/audit", max_redirects=0).headers["location"].startswith("/login")
    nobody.close()


def test_who_was_erased_opens_to_nobody_and_every_receipt_holds(chromium: Browser, base: str, bureau: Bureau) -> None:
    """Opened once, so that the portal's process knows the key; within the seconds that a key may live the page reads 〔已删除〕."""
    bureau.at("2023-05-15")
    number, name = bureau.person("19610315"), "金丝雀吴九"
    home = bureau.household({"resident_id": number, "name": name}, {"resident_id": bureau.person("19620402"), "relation": "配偶"})
    person = next(p for p, m in home["members"].items() if m["name"] == name)
    stream = f"assistance.household-{home['household_id']}"
    auditor = Hand(chromium, base, bureau, "auditor", actor="staff:audit-erased")

    def opened() -> str:
        token = re.search(r'name="csrf_token" value="([^"]+)"', auditor.get(f"/audit/stream/{stream}").text())
        assert token is not None
        answer = auditor.http.post(f"/audit/stream/{stream}/open", form={"csrf_token": token[1], "reason": "核对删除"})
        assert answer.status == 200
        return answer.text()

    assert name in opened()
    officer, supervisor = bureau.staff("data_protection_officer").registry, bureau.staff("data_protection_supervisor").registry
    officer.propose_erasure(
        command_id=new_id(), person_id=person, division=DISTRICT, ground="purpose_fulfilled", document_ref="申请书1",
        retention_ended_on="2023-01-31", retention_finding="档案保存期满", draws_nothing=True, no_open_matter_ref="核实表1",
    )  # fmt: skip
    until(lambda: len(officer.get_erasure(person_id=person)["answers"]) == 2)
    supervisor.approve_erasure(command_id=new_id(), person_id=person, number=1)
    until(lambda: name not in opened())
    assert ERASED in opened()
    link = f"/audit/receipt/{stream}/0"
    until(lambda: auditor.get(link).status == 200)
    key = standalone.key_in(auditor.get("/sunshine/verify/seal.pub").body())
    index, size, _ = standalone.check_receipt(auditor.get(link).json(), f"minzheng.{DISTRICT}", key)
    assert 0 <= index < size
    auditor.close()


def test_a_log_that_is_away_is_said_so(bureau: Bureau, life: Life) -> None:
    """503 in words on every page that reads the log; nothing is shown of a file whose look could not be noted."""
    app = create_app(replace(bureau.settings, eventstore_uri="esdb://127.0.0.1:9?tls=false", eventstore_data=None))
    assert bureau.settings.token_private_key is not None
    with app.test_client() as client, client.session_transaction() as session:
        session["token"] = tokens.issue(bureau.settings.token_private_key, "staff:away", ("auditor",), DISTRICT)
    for address in ("", f"/stream/{life.stream}", f"/walk/{life.stream}/0", "/checkpoints", f"/receipt/{life.stream}/0"):
        answer = client.get(f"/audit{address}")
        assert answer.status_code == 503, address
        assert "事件日志暂不可用" in answer.text
        assert "入户调查" not in answer.text
    portal.of(app).close()


def test_the_pages_need_no_script(chromium: Browser, base: str, bureau: Bureau, life: Life) -> None:
    """Without JavaScript: picture, list, versions and forms are all there."""
    context = chromium.new_context(base_url=base, java_script_enabled=False)
    enter(context, base, bureau, "auditor")
    page = context.new_page()
    page.goto(f"/audit/payment?service=assistance&case={life.case}&month=2023-04")
    expect(page.locator(".graph svg a").first).to_be_visible()
    page.goto(f"/audit/stream/{life.stream}")
    page.locator(".versions a").nth(1).click()
    expect(page.locator("ol.timeline > li")).not_to_have_count(0)
    context.close()

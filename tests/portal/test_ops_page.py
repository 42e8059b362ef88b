"""The operators' pages in a real browser before a running house: what is shown is how it is, and acts on dead letters are recorded."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from services.portal.ops.overview import troubles
from services.portal.web.app import create_app
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.moments import NoSuchStream, events_of
from shared.eventsourcing.codec import Recorded
from shared.messaging.dead_letters import DeadLetters, Letter
from shared.ops import LagState, Overview, ProcessState, QueueState
from shared.process import free_port
from shared.security import tokens
from tests.e2e.conftest import DISTRICT, SERVICES, TOWN, Bureau, new_id, until
from tests.portal.conftest import accessible, picture
from tests.portal.hands import HIDDEN, enter, fits

Sit = Callable[..., None]
CANARY = "欧阳运维雀"  # stands in a message that nobody can handle, and on no page


@pytest.fixture(autouse=True)
def _no_letters(bureau: Bureau) -> Iterator[None]:
    """The house is others' too: what they left behind is set aside before, and what is left here after."""
    house = DeadLetters(bureau.settings.amqp_uri, bureau.settings.master_key, SERVICES)

    def clear() -> None:
        for letter_id in {letter.id for letter in house.list()}:
            house.discard(letter_id, "测试之间清理")

    clear()
    yield
    clear()


@pytest.fixture
def sit(page: Page, base: str, bureau: Bureau) -> Sit:
    """``sit()``: the operator on duty is logged in and looks at a page."""

    def down(*roles: str, at: str = "/ops", division: str = DISTRICT) -> None:
        enter(page.context, base, bureau, *(roles or ("operator",)), actor=f"staff:{(roles or ('operator',))[0]}-7", division=division)
        page.goto(at)

    return down


def poison(bureau: Bureau, **more: Any) -> Letter:
    """A message that no reaction can handle, as a dead letter."""
    bureau.at("2023-05-02")
    known = {letter.id for letter in bureau.letters()}
    body = {"resident_id": bureau.person(), "name": CANARY, "effective_from": "2023-05-01", **more}
    bureau.publish("hrss", "income_changed", body, message_id=new_id())
    found: list[Letter] = until(lambda: [letter for letter in bureau.letters() if letter.id not in known])
    return found[0]


def history(bureau: Bureau, letter_id: str) -> list[Recorded]:
    """What the log says was done to a letter."""
    discovery.load_all()
    log = Log(bureau.settings.eventstore_uri)
    try:
        return events_of(log, f"operations.dead_letter-{letter_id}")
    except NoSuchStream:
        return []
    finally:
        log.close()


def becomes(page: Page, selector: str, words: str) -> None:
    """Reloaded until it is said."""

    def said() -> bool:
        page.reload()
        return words in (page.locator(selector).first.text_content() or "")

    until(said)


def test_every_process_queue_and_follower_is_shown_and_well(page: Page, bureau: Bureau, sit: Sit) -> None:
    """What the supervisor started is in the table, each ready; the verdict is in words; a picture has its figures beside it."""
    sit()
    becomes(page, ".note", "一切正常")
    rows = page.locator("#processes tbody tr")
    names = {row.split("\n")[0] for row in rows.locator(".quiet").all_inner_texts()}
    assert names == set(bureau.house.processes())
    for name, running in bureau.house.processes().items():
        row = rows.filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(str(running.pid))
        expect(row.locator(".tag")).to_have_text(re.compile("就绪|运行"))
        expect(row).to_contain_text("MB")
    for follower in ("转发", "投影 登记 registry", "投影 社会救助 assistance", "投影 门户 portal", "封存"):
        expect(page.get_by_role("region", name="滞后", exact=True)).to_contain_text(follower)
    assert page.locator("figure svg[role=img] title").first.text_content() == "各处落后多久"
    expect(page.locator("#by-service .tag.good")).to_have_count(len(SERVICES))
    expect(page.locator("#queues")).to_contain_text("assistance.on.hrss.income_changed.on_income_changed")
    for delay in bureau.settings.retry_delays:  # what waits for its next try lies in these
        expect(page.locator("#queues")).to_contain_text(f"等待重试（隔 {delay:g} 秒）")
    accessible(page)
    fits(page)
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    page.get_by_role("link", name="30 秒").click()
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "30"
    page.get_by_role("link", name="关闭").click()
    assert page.locator("meta[http-equiv=refresh]").count() == 0


def test_a_process_that_was_killed_is_named_and_is_well_again_after_its_restart(page: Page, bureau: Bureau, sit: Sit) -> None:
    """The page says which ones do not run, whose queues nobody takes from and how far the seal is behind; restarted, all is well."""
    sit()
    bureau.house.kill9("seal")
    bureau.house.kill9("worker-eldercare")
    try:
        bureau.household({"resident_id": bureau.person()})
        becomes(page, ".note.bad", "封存（seal）没有运行")
        row = page.get_by_role("region", name="滞后", exact=True).locator("tr", has_text="封存")
        expect(row.locator(".tag")).to_have_text("正在跟上")
        expect(row).not_to_contain_text(re.compile(r"\b0\b"))  # neither the positions nor the seconds
        assert page.locator("figure svg rect").count() >= 1  # its bar
        becomes(page, ".note.bad", "服务 养老服务（worker-eldercare）没有运行")
        becomes(page, ".note.bad", "个队列无人取件")
        row = page.locator("#processes tbody tr").filter(has=page.get_by_text("worker-eldercare", exact=True))
        expect(row.locator(".tag.bad")).to_have_text("没有运行")
        expect(page.locator("#by-service tr", has_text="养老服务").locator(".tag")).to_have_text("无人取件")
        page.get_by_text("全部队列").click()
        expect(page.locator("#queues tr", has_text="rpc-eldercare")).to_contain_text("无人取件")
        accessible(page)
        fits(page)
        page.reload()
        picture(page, "ops-home")
    finally:
        bureau.house.restart("worker-eldercare")
        bureau.house.restart("seal")
    becomes(page, ".note", "一切正常")
    expect(page.locator("#processes tbody tr").filter(has=page.get_by_text("worker-eldercare", exact=True))).to_contain_text("就绪")


def test_what_is_not_well_is_told_in_words() -> None:
    """Each trouble by itself: what ends `minzheng status` with 1 is bad, and nothing else is; who is late goes by his own limit."""
    good = ProcessState("relay", 7, running=True, alive=True, ready=True)
    house = Overview(datetime.now(SHANGHAI), (good, ProcessState("broker", 8, running=True)), (), (), {}, ())
    assert (troubles(house), house.well) == ([], True)

    def said(**more: Any) -> list[tuple[str, str]]:
        changed = replace(house, **more)
        found = troubles(changed)
        assert any(one.tone == "bad" for one in found) is not changed.well
        return [tuple(one) for one in found]

    assert said(processes=(replace(good, running=False),)) == [("bad", "转发（relay）没有运行。")]
    assert said(processes=(replace(good, alive=False, ready=False, why="停住：loop"),)) == [("bad", "转发（relay）停住。")]
    assert said(processes=(replace(good, alive=False, ready=False, why="没有答复（URLError）"),)) == [("bad", "转发（relay）没有答复。")]
    assert said(processes=(replace(good, ready=False, why="事件日志：没有答复"),)) == [("bad", "转发（relay）未就绪。")]
    assert said(dead_letters={"assistance": 3, "registry": 0}) == [("bad", "社会救助有死信 3 件，须重放或丢弃。")]
    assert said(unknown=("队列：无法连接消息总线。",)) == [("bad", "没有问到 队列：无法连接消息总线。")]
    followers = (("relay", "转发"), ("projection registry", "投影 registry"), ("seal", "封存"))
    late = tuple(LagState(follower, about, 9, 61.0) for follower, about in followers)
    assert said(lags=late) == [("bad", "转发落后 61 秒。"), ("bad", "投影 登记落后 61 秒。")]
    assert said(lags=(LagState("seal", "封存", 9, 601.0),)) == [("bad", "封存落后 601 秒。")]
    assert said(processes=()) == [("bad", "没有找到任何进程。")]
    queues = (QueueState("rpc-registry", 0, 0), QueueState("registry.dead", 1, 0), QueueState("registry.discarded", 5000, 0))
    assert said(queues=queues) == [("warn", "登记有 1 个队列无人取件。")]
    assert said(queues=(QueueState("rpc-registry", 1001, 2),)) == [("warn", "队列 rpc-registry 积压 1,001 条。")]
    lying = QueueState("rpc-registry", 2, 0)
    assert said(queues=(lying,)) == [("bad", "队列 rpc-registry 有 2 条，无人取件。"), ("warn", "登记有 1 个队列无人取件。")]
    assert said(queues=(QueueState("minzheng.retry.600000", 5, 0),)) == []


def test_a_dead_letter_is_shown_given_back_and_discarded_with_reasons(page: Page, bureau: Bureau, sit: Sit) -> None:
    """From the overview to the letter; without a reason refused in words; given back it fails again and says so; discarded it is gone,
    and the log says who did both, and why. What the message said is on no page."""
    dead = poison(bureau)
    sit()
    becomes(page, ".note.bad", "社会救助有死信 1 件")
    page.locator("a.card", has_text="死信").click()
    expect(page.locator("#letters")).to_contain_text(dead.id)
    expect(page.locator("#kinds")).to_contain_text("内容不合要求")
    expect(page.locator("#kinds")).to_contain_text("收入变化通知")
    accessible(page)
    fits(page)
    page.get_by_role("link", name=dead.id).click()
    expect(page.locator("main")).to_contain_text("assistance.on.hrss.income_changed.on_income_changed")
    expect(page.locator("main")).to_contain_text("此页不显示")
    expect(page.locator("main")).not_to_contain_text(CANARY)
    expect(page.locator("main")).to_contain_text("还没有人办理过")
    accessible(page)
    fits(page)
    # -- no reason, a reason with somebody's number, then one that may stand in the log
    page.get_by_role("link", name="重放", exact=True).click()
    accessible(page)
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    accessible(page)
    number = bureau.person()
    page.fill("#why", f"核对了{number}")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_role("alert")).to_contain_text("理由中不得含有身份证号码")
    page.fill("#why", "试一次")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("h1")).to_contain_text("确认重放")
    accessible(page)
    fits(page)
    assert history(bureau, dead.id) == []  # nothing is done before it is confirmed
    page.get_by_role("button", name="修改理由").click()
    expect(page.locator("#why")).to_have_value("试一次")
    page.fill("#why", "来源单位说已更正")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认重放").click()
    expect(page.get_by_role("status")).to_contain_text("已重放")
    becomes(page, "h1", "待处理")  # nobody had mended it
    expect(page.locator(".timeline")).to_contain_text("来源单位说已更正")
    # -- discarded
    page.get_by_role("link", name="丢弃", exact=True).click()
    page.fill("#why", "来源单位书面撤回")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认丢弃").click()
    expect(page.locator("h1")).to_contain_text("已不在死信中")
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.locator(".timeline")).to_contain_text("来源单位书面撤回")
    accessible(page)
    fits(page)
    done = history(bureau, dead.id)
    told = [(r.name, r.meta.actor, r.event.why) for r in done]
    assert told == [
        ("operations.dead_letter_replayed", "staff:operator-7", "来源单位说已更正"),
        ("operations.dead_letter_discarded", "staff:operator-7", "来源单位书面撤回"),
    ]
    page.goto("/ops/dead-letters")
    becomes(page, "main", "最近办理的")
    becomes(page, "#lately", dead.id)
    expect(page.locator("main")).to_contain_text("没有死信")
    accessible(page)
    fits(page)
    page.goto("/ops")
    becomes(page, ".note", "一切正常")


def test_all_letters_of_one_kind_are_given_back_together_and_have_their_effect(page: Page, bureau: Bureau, sit: Sit) -> None:
    """Two messages about persons nobody knew: once they are registered, one act gives both back; a letter of another kind stays."""
    numbers = [bureau.person(), bureau.person()]
    mine = [poison(bureau, resident_id=number, monthly_income_fen=20_000) for number in numbers]
    other = poison(bureau)
    assert {letter.reason for letter in mine} == {"unknown_person"} != {other.reason}
    homes = [bureau.household({"resident_id": number, "monthly_income_fen": 10_000}) for number in numbers]
    sit(at="/ops/dead-letters")
    page.locator("#kinds tr", has_text="查无此人").get_by_role("link", name=re.compile("重放这一种")).click()
    expect(page.locator("h1")).to_contain_text("2 件")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    page.fill("#why", "家庭已登记")
    page.get_by_role("button", name="下一步").click()
    accessible(page)
    page.get_by_role("button", name="确认重放").click()
    expect(page.get_by_role("status")).to_contain_text("已送回 2 件")
    expect(page.locator("#letters tbody tr")).to_have_count(1)
    expect(page.locator("#letters")).to_contain_text(other.id)
    clerk = bureau.staff("clerk").assistance
    for home in homes:
        person = next(iter(home["members"]))
        until(lambda h=home, p=person: len(clerk.get_household(household_id=h["household_id"])["incomes"][p]) == 2)
    for letter in mine:
        assert [r.event.why for r in history(bureau, letter.id)] == ["家庭已登记"]


def test_who_sends_the_form_twice_has_done_it_once(page: Page, bureau: Bureau, sit: Sit, base: str) -> None:
    """The same confirmed form again, and one that was shown before the letter failed anew: one event, the same place to go on."""
    dead = poison(bureau)
    sit(at=f"/ops/dead-letters/{dead.id}/replay")
    address = f"/ops/dead-letters/{dead.id}/replay"
    hidden = {unescape(n): unescape(v) for n, v in HIDDEN.findall(page.context.request.get(address).text())}
    # -- as our own page sends it, and only so
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def send(**more: str) -> Any:
        return page.context.request.post(address, data=urlencode({**hidden, **more}), headers=headers, max_redirects=0)

    assert send(csrf_token="", why="再试", confirmed="1").status == 400
    assert history(bureau, dead.id) == []
    first = send(why="再试", confirmed="1")
    second = send(why="再试", confirmed="1")
    assert (first.status, second.status) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    until(lambda: [letter for letter in bureau.letters() if letter.id == dead.id and letter.failed_at > dead.failed_at])
    assert len(history(bureau, dead.id)) == 1
    # -- another operator's form of before is refused: he has not seen why it failed this time
    enter(page.context, base, bureau, "operator", actor="staff:operator-8")
    fresh = HIDDEN.findall(page.context.request.get(address).text())
    hidden = {**{unescape(n): unescape(v) for n, v in fresh}, "failed_at": dead.failed_at}
    late = send(why="我也试试", confirmed="1")
    assert late.status == 409
    assert "又失败过一次" in late.text()
    assert len(history(bureau, dead.id)) == 1


def test_the_pages_are_for_operators_and_auditors_read_them(page: Page, bureau: Bureau, sit: Sit, base: str) -> None:
    """A clerk gets 403 everywhere; an auditor and a town's operator see, and may do nothing; nobody else gets past the login."""
    dead = poison(bureau)
    acts = [f"/ops/dead-letters/{dead.id}/{what}" for what in ("replay", "discard")]
    acts.append("/ops/dead-letters/replay?" + urlencode({"queue": dead.queue, "reason": dead.reason}))
    looks = ["/ops", "/ops/dead-letters", f"/ops/dead-letters/{dead.id}"]
    for roles, division, seen in (
        (("clerk",), DISTRICT, 403),
        (("data_protection_officer",), DISTRICT, 403),
        (("auditor",), DISTRICT, 200),
        (("operator",), TOWN, 200),
    ):
        sit(*roles, division=division, at="/login")
        assert [page.context.request.get(address).status for address in looks] == [seen] * 3
        assert [page.context.request.get(address).status for address in acts] == [403] * 3
    sit("auditor", at=f"/ops/dead-letters/{dead.id}")
    expect(page.locator("main")).to_contain_text("由全区的运行维护岗位办理")
    assert page.locator(".act-row").count() == 0
    sit("clerk")
    expect(page.get_by_role("alert")).to_contain_text("您的岗位无权查看此页面")
    page.context.clear_cookies()
    for address in (*looks, *acts):
        assert "/login" in page.context.request.get(address, max_redirects=0).headers["location"]
    assert history(bureau, dead.id) == []
    sit(at="/ops/dead-letters/000000000000")
    expect(page.get_by_role("alert")).to_contain_text("没有这件死信")


def test_a_letter_is_discarded_without_a_script(chromium: Browser, base: str, bureau: Bureau) -> None:
    """A browser that runs no script sees the house, and sets a letter aside for a reason."""
    dead = poison(bureau)
    context = chromium.new_context(base_url=base, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    enter(context, base, bureau, "operator")
    page.goto("/ops?refresh=60")
    becomes(page, ".note.bad", "死信")
    page.goto(f"/ops/dead-letters/{dead.id}")
    page.get_by_role("link", name="丢弃", exact=True).click()
    page.fill("#why", "重复件")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认丢弃").click()
    expect(page.locator("h1")).to_contain_text("已不在死信中")
    context.close()
    assert [r.event.why for r in history(bureau, dead.id)] == ["重复件"]


def test_what_could_not_be_asked_is_named(bureau: Bureau) -> None:
    """A portal whose log and broker are away: the overview still comes and names both; letters are told to be unavailable."""
    settings = replace(
        bureau.settings,
        eventstore_uri=f"esdb://127.0.0.1:{free_port()}?Tls=false",
        amqp_uri=f"amqp://minzheng:x@127.0.0.1:{free_port()}/minzheng",
    )
    client = create_app(settings).test_client()
    assert settings.token_private_key is not None
    with client.session_transaction() as session:
        session["token"] = tokens.issue(settings.token_private_key, "staff:operator-7", ("operator",), DISTRICT)
    answer = client.get("/ops")
    told = answer.get_data(as_text=True)
    assert answer.status_code == 200
    for words in ("没有问到 队列：无法连接消息总线", "没有问到 转发滞后", "没有问到 封存滞后", "没有问到滞后", "worker-registry"):
        assert words in told, words
    assert "一切正常" not in told
    assert client.get("/ops/dead-letters").status_code == 503


def test_health_is_told_to_a_proxy_and_the_metrics_only_inside(bureau: Bureau, base: str) -> None:
    """The public port answers /healthz and /readyz without a reason, and has no /metrics; the portal's own port has all three."""

    def get(address: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - an address of ours
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    assert get(f"{base}/healthz") == (200, "ok\n")
    assert get(f"{base}/readyz") == (200, "ok\n")
    assert get(f"{base}/metrics")[0] == 404
    told = json.loads((bureau.settings.var / "run" / "portal.metrics.json").read_text())
    inside = f"http://{told['host']}:{told['port']}"
    assert get(f"{inside}/healthz")[0] == get(f"{inside}/readyz")[0] == 200
    assert "minzheng_http_seconds" in get(f"{inside}/metrics")[1]

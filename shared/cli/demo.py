"""``minzheng demo``: the whole house, and one business day of it played through the real doors (演示).

Every step is an RPC with a signed token or a message from an agency's own process; nothing is written behind the doors'
backs. The day spans months: only the business clock is moved, nothing sleeps, and no deadline is shortened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared import clock
from shared.cli.outside_sources import OutsideSources
from shared.cli.processes import SERVICES
from shared.cli.supervisor import House
from shared.cli.up import running, stay
from shared.config import ROOT, Settings, load, run_file
from shared.domain.errors import Unavailable
from shared.domain.money import yuan
from shared.eventlog.stores import drop_schemas
from shared.messaging.client import RpcClient
from shared.messaging.definitions import agency_uri
from shared.security import tokens
from shared.security.permissions import ROLES

LIMIT = 120.0  # seconds until something that should happen by itself is given up
DISTRICT = "330225"
PROGRAMME = "minimum_living_allowance"
ALLOWANCE = "old_age_allowance"


class Failed(click.ClickException):
    """The day did not go as it should."""


class Day:
    """The day, step by step. Holds the staff's tokens and one connection."""

    def __init__(self, settings: Settings, console: Console) -> None:
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        key = settings.token_private_key
        self.settings, self.console = settings, console
        self.link = RpcClient(settings.amqp_uri, timeout=15, patience=90)  # a busy machine must not end the day
        roles = {"clerk": "经办", "reviewer": "审核", "approver": "确认", "cashier": "发放", "registrar": "登记"}
        self.staff = {role: self.link.as_(tokens.issue(key, f"staff:{role}-01", [role], DISTRICT)) for role in roles}
        self.log: list[tuple[str, str]] = []

    # -- helpers

    def now(self) -> datetime:
        return clock.Clock(self.settings.clock_file).now()

    def move_to(self, day: str) -> None:
        """Set the business clock of every process to 09:00 of a day."""
        assert self.settings.clock_file is not None
        clock.move(self.settings.clock_file, datetime.fromisoformat(day).replace(hour=9, tzinfo=clock.SHANGHAI))

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{self.now():%Y-%m-%d}[/dim]  {text}")

    @contextmanager
    def bar(self, title: str, total: int | None) -> Iterator[Callable[[], None]]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda: progress.advance(task)

    def until(self, title: str, found: Callable[[], Any]) -> Any:
        """Wait for what happens by itself, with a spinner; fail clearly when it does not."""
        limit = time.monotonic() + LIMIT
        with self.console.status(title):
            while time.monotonic() < limit:
                if result := found():
                    return result
                time.sleep(0.1)
        raise Failed(f"等不到：{title}。可查看 {self.settings.var / 'log'} 和 minzheng dead-letters list。")

    def publish(self, agency: str, event: str, bodies: Iterable[dict[str, Any]]) -> None:
        """Let the agency's own process speak, as its own RabbitMQ user."""
        lines = "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)
        env = {"AMQP_URI": agency_uri(self.settings, agency), "PATH": os.environ.get("PATH", "")}
        command = [sys.executable, str(ROOT / "examples" / "agency.py"), f"{agency}.events", event]
        done = subprocess.run(command, input=lines, text=True, env=env, capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise Failed(f"{agency} 未能发送消息：{done.stderr.strip().splitlines()[-1:]}")

    # -- the day

    def import_households(self, file: Path) -> None:
        command = [sys.executable, "-P", "-m", "shared.cli", "import", str(file)]
        for time_ in ("第一次", "第二次（同一文件，应无任何变化）"):
            self.say(f"导入家庭登记 {file.name}：{time_}")
            done = subprocess.run(command, env=dict(os.environ), check=False)
            if done.returncode:
                raise Failed("导入失败。")

    def households(self) -> list[dict[str, Any]]:
        clerk = self.staff["clerk"]
        rows = self.until("家庭登记进入读模型", lambda: clerk.assistance.list_households(limit=500))
        found = [clerk.assistance.get_household(household_id=row["household_id"]) for row in rows]
        # By the head's resident ID: ids are keyed hashes and differ from run to run, the day should not.
        return sorted(found, key=lambda h: h["members"][h["head_id"]]["resident_id"])

    def bus_for_hrss(self) -> None:
        """人社局 answers over the bus from now on (系统切换); the other sources exchange files."""
        self.staff["approver"].assistance.start_cut_over(command_id=_id(), source="hrss", system="hrss", adapter="amqp", theirs=[])
        clerk = self.staff["clerk"].assistance

        def switched() -> bool:
            return any(s["systems"][-1]["adapter"] == "amqp" for s in clerk.get_verification_sources() if s["code"] == "hrss")

        self.until("人社局接入消息总线", switched)

    def apply_for(self, households: list[dict[str, Any]]) -> dict[str, str]:
        """低保: these households apply, all adults sign that they may be checked, the check begins by itself; returns household -> case."""
        cases: dict[str, str] = {}
        clerk, today = self.staff["clerk"].assistance, self.now().date()
        signature = {"signed_on": today.isoformat(), "valid_until": today.replace(year=today.year + 1).isoformat()}
        signed = 0
        with self.bar("申请 → 授权 → 受理", len(households)) as step:
            for h in households:
                of = {"programme": PROGRAMME, "subject_id": h["household_id"]}
                case = cases[h["household_id"]] = clerk.apply(command_id=_id(), programme=PROGRAMME, household_id=h["household_id"])["id"]
                for person_id in clerk.get_authorisation(**of)["unsigned"]:
                    signed += 1
                    paper = f"授权〔2023〕{signed}号"
                    clerk.record_member_authorisation(command_id=_id(), **of, person_id=person_id, **signature, document_ref=paper)
                clerk.accept_application(command_id=_id(), case_id=case)
                step()
        self.say(f"{len(cases)} 户申请低保，{signed} 名成年成员逐人签署核对授权，已受理")
        return cases

    def check_means(self, households: list[dict[str, Any]], cases: dict[str, str]) -> None:
        """核对: every source answers from a process of its own; what differs is corrected, and a report may lack a source."""
        clerk = self.staff["clerk"].assistance
        sources = OutsideSources(self.settings, clerk)
        for h in households:
            sources.know(h)
        hidden, unknown = _earner(households[-1]), households[0]["members"][households[0]["head_id"]]
        sources.say("hrss", hidden["resident_id"], wage_fen=hidden["monthly_income_fen"] + 30_000)
        sources.fail("bank", unknown["resident_id"])
        ours = set(cases.values())
        self.until("向各核对来源发出查询", lambda: sources.asked(PROGRAMME, ours))
        names = "、".join(s.name for s in sources.declared.values())
        self.say(f"逐一查询（人社局经消息总线，其余经文件；各为独立进程）：{names}")
        answered = sources.answer()
        self.until("核对报告", lambda: len(clerk.list_cases(programme=PROGRAMME, worklist="survey", limit=500)) >= len(ours))
        reports = [r for r in clerk.list_verifications(status="reported", limit=500) if r["case_id"] in ours]
        lacking = [r for r in reports if r["completeness"] == "partial"]
        different = [r for r in reports if r["verdict"] == "different"]
        self.say(
            f"{answered} 条答复，{len(reports)} 份核对报告：{len(different)} 份不一致，{len(lacking)} 份信息不全"
            f"（缺{'、'.join(sorted({sources.declared[c].name for r in lacking for c in r['missing'].split('、')}))}）"
        )
        if (len(different), len(lacking)) != (1, 1):
            raise Failed("核对结果与来源所知不符。")
        found = self.staff["reviewer"].assistance.look_at_report(
            command_id=_id(), verification_id=different[0]["verification_id"], case_id=different[0]["case_id"], purpose="审核低保申请"
        )
        [difference] = [f for f in found["report"]["findings"] if f["verdict"] == "different"]
        _show_report(self.console, sources, found)
        clerk.record_income(
            command_id=_id(),
            household_id=households[-1]["household_id"],
            person_id=difference["person_id"],
            monthly_income_fen=difference["found"],
            effective_from=self.now().date().isoformat(),
        )
        self.say(f"经办按核对结果更正该成员月收入：{yuan(difference['declared'])} → {yuan(difference['found'])}")

    def propose_all(self, cases: dict[str, str]) -> None:
        """入户调查 by the clerk, 审核 by another hand; what is to be granted is publicised."""
        clerk, reviewer = self.staff["clerk"].assistance, self.staff["reviewer"].assistance
        with self.bar("调查 → 审核公示", len(cases)) as step:
            for case in cases.values():
                clerk.record_survey(command_id=_id(), case_id=case, finding="入户调查属实，收入和财产以核对报告为准。")
                reviewer.propose(command_id=_id(), case_id=case)
                step()

    def confirm_all(self, cases: dict[str, str]) -> dict[str, dict[str, Any]]:
        """确认 by a third hand, each bound to what was reviewed; returns the cases as they stand."""
        approver = self.staff["approver"].assistance
        confirmed = {}
        with self.bar("确认（核对审核内容摘要）", len(cases)) as step:
            for household, case in cases.items():
                seen = approver.get_case(case_id=case)
                approver.confirm(command_id=_id(), case_id=case, reviewed=seen["proposal"]["reviewed"])
                confirmed[household] = approver.get_case(case_id=case)
                step()
        return confirmed

    def enrol_elders(self, households: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Everybody of 80 or more goes on the roster; the allowance then comes by itself."""
        clerk = self.staff["clerk"].eldercare
        today = self.now().date()
        old = [
            {**m, "division": h["division"], "household_id": h["household_id"]}
            for h in households
            for m in h["members"].values()
            if today.year - date.fromisoformat(m["born_on"]).year >= 81
        ]
        for m in old:
            clerk.enrol_elder(command_id=_id(), resident_id=m["resident_id"], name=m["name"], division=m["division"])
        self.until(
            "高龄津贴免申即享",
            lambda: len(clerk.list_cases(programme=ALLOWANCE, status="in_force", limit=500)) >= len(old),
        )
        return old

    def pay(self, service: str, programme: str, month: str) -> dict[str, Any]:
        """A month's run: prepared by the cashier, approved by another hand, paid and closed by itself."""
        cashier, approver = getattr(self.staff["cashier"], service), getattr(self.staff["approver"], service)
        asked = {"command_id": _id(), "programme": programme, "month": month, "division": DISTRICT}

        def prepared() -> Any:  # refused while the read model is behind: asked again under the same number, as a person would
            try:
                return cashier.prepare_payment_run(**asked)["id"]
            except Unavailable:
                return None

        run = self.until(f"{month} 编制批次", prepared)
        approver.approve_payment_run(command_id=_id(), run_id=run)
        closed = self.until(
            f"{month} 发放",
            lambda: next((r for r in cashier.list_payment_runs(status="closed", limit=500) if r["run_id"] == run), None),
        )
        self.say(f"{month} 发放 {_title(programme)}：{closed['paid']} 笔 {yuan(closed['paid_fen'])}，失败 {closed['failed']} 笔")
        return dict(closed)


def play(settings: Settings, console: Console) -> None:
    """The whole day; raises Failed when anything is not as it should be."""
    day = Day(settings, console)
    console.rule("准备：2023年3月，象山县（低保 1255 元/月）")
    day.move_to("2023-03-01")
    day.import_households(ROOT / "examples" / "households.csv")
    households = day.households()
    elders = day.enrol_elders(households)
    day.say(f"高龄津贴：{len(elders)} 位 80 周岁以上老人免申即享")
    day.bus_for_hrss()
    applicants = households[::2]  # the others are registered and ask for nothing this month
    cases = day.apply_for(applicants)
    day.check_means(applicants, cases)
    day.propose_all(cases)
    day.say(f"{len(cases)} 户已调查、审核，公示 7 天")
    day.move_to("2023-03-09")
    confirmed = day.confirm_all(cases)
    granted = {h: c for h, c in confirmed.items() if c["status"] == "in_force"}
    day.say(f"公示期满，确认 {len(granted)} 户，不予确认 {len(confirmed) - len(granted)} 户")
    for month in ("2023-04", "2023-05", "2023-06"):
        day.move_to(f"{month}-10")
        day.pay("assistance", PROGRAMME, month)
        day.pay("eldercare", ALLOWANCE, month)

    console.rule("一、收入变化 → 复核")
    day.move_to("2023-07-10")
    day.pay("assistance", PROGRAMME, "2023-07")
    day.pay("eldercare", ALLOWANCE, "2023-07")
    changes = _changes(households, granted, elders)
    day.say(f"人社局（独立进程、独立账号）发布 {len(changes)} 条 income_changed")
    day.publish("hrss", "income_changed", [c["message"] for c in changes])
    clerk = day.staff["clerk"].assistance
    for change in changes:
        case_id = cases[change["household_id"]]
        change["decision"] = day.until(f"复核（{change['title']}）", partial(_decided, clerk, case_id))
    _show_changes(console, changes)
    wanted = {"raised", "lowered", "gradual_exit", "ended", "unchanged"}
    got = {c["decision"]["outcome"] for c in changes}
    if got != wanted:
        raise Failed(f"五种决定未全部出现：缺 {'、'.join(sorted(wanted - got))}。")
    show_timeline(
        settings,
        console,
        "该户时间线",
        [
            f"assistance.household-{changes[0]['household_id']}",
            *(f"assistance.{kind}-{cases[changes[0]['household_id']]}" for kind in ("authorisation", "case")),
        ],
    )

    console.rule("二、死亡登记 → 公民身后一件事")
    for month in ("2023-08", "2023-09"):
        day.move_to(f"{month}-10")
        day.pay("assistance", PROGRAMME, month)
        day.pay("eldercare", ALLOWANCE, month)
    day.move_to("2023-09-18")
    left = {c["household_id"] for c in changes}
    size = {h["household_id"]: len(h["members"]) for h in households}
    reported = [e for e in elders if e["household_id"] in granted and e["household_id"] not in left]
    # One of each household, and first those who leave somebody behind.
    reported = sorted({e["household_id"]: e for e in reported}.values(), key=lambda e: size[e["household_id"]] == 1)[:2]
    if len(reported) < 2:
        raise Failed("示例数据中没有足够的高龄低保成员。")
    registrar = day.staff["registrar"].registry
    first, second = reported
    day.say("登记员登记一位 7 月 20 日去世的老人（迟报近两月）")
    registrar.register_death(
        command_id=_id(),
        resident_id=first["resident_id"],
        name=first["name"],
        died_on="2023-07-20",
        division=first["division"],
        certificate_no="SW-2023-0001",
    )
    day.say("医院（独立进程、独立账号）上报另一位 9 月 17 日去世的老人")
    report = {
        "message_id": "hospital-2023-0002",
        "resident_id": second["resident_id"],
        "died_on": "2023-09-17",
        "division": second["division"],
        "certificate_no": "SW-2023-0002",
    }
    day.publish("hospital", "death_reported", [report, report])  # sent twice, as hospitals do
    for person in reported:
        process = day.until("身后事项逐步办结", partial(_closed, registrar, person["person_id"]))
        _show_process(console, person, process)
    clerks = day.staff["clerk"]
    claims = day.until("追回事项", clerks.eldercare.list_recoveries)
    also = clerks.assistance.list_recoveries()
    for claim in (*claims, *also):
        day.say(f"追回 {_title(claim['programme'])}：{claim['months']} 多发 {yuan(claim['amount_fen'])}")
    pid = first["person_id"]
    allowance = next(
        c["case_id"] for c in day.staff["clerk"].eldercare.list_cases(programme=ALLOWANCE, limit=500) if c["subject_id"] == pid
    )
    streams = [
        f"registry.death-{pid}",
        f"registry.after_death-{pid}",
        f"registry.funeral-{pid}",
        f"eldercare.elder-{pid}",
        f"eldercare.case-{allowance}",
        f"assistance.after_death-{pid}",
        f"assistance.case-{cases[first['household_id']]}",
        *(f"eldercare.recovery-{c['recovery_id']}" for c in claims),
        *(f"assistance.recovery-{c['recovery_id']}" for c in also),
    ]
    show_timeline(settings, console, "身后事项时间线（各服务）", streams, since="2023-09-18")
    _totals(day, console)
    day.link.close()


def _changes(households: list[dict[str, Any]], granted: dict[str, Any], elders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Five households in force and what 人社局 says of one member of each."""
    with_elder = {e["household_id"] for e in elders}
    free = [h for h in households if h["household_id"] in granted and h["household_id"] not in with_elder]

    def adults(h: dict[str, Any]) -> list[dict[str, Any]]:
        return [m for m in h["members"].values() if 1960 <= int(m["born_on"][:4]) <= 2000]

    def earned(m: dict[str, Any]) -> int:
        return int(m["monthly_income_fen"])

    plans: list[tuple[str, Callable[[dict[str, Any]], bool], Callable[[int], int], str]] = [
        ("新就业，月收入 12000 元", lambda m: True, lambda fen: 1_200_000, "employment"),
        ("失去收入", lambda m: earned(m) >= 30_000, lambda fen: 0, "other"),
        ("月收入增加 200 元", lambda m: True, lambda fen: fen + 20_000, "other"),
        ("领取养老金 9000 元", lambda m: True, lambda fen: 900_000, "pension"),
        ("收入未变", lambda m: True, lambda fen: fen, "other"),
    ]
    chosen: list[dict[str, Any]] = []
    for title, fits, new, reason in plans:
        taken = {c["household_id"] for c in chosen}
        h, m = next(((h, m) for h in free if h["household_id"] not in taken for m in adults(h) if fits(m)), (None, None))
        if h is None or m is None:
            raise Failed(f"示例数据中找不到适合“{title}”的家庭。")
        message = {
            "message_id": f"hrss-2023-{len(chosen) + 1:04d}",
            "resident_id": m["resident_id"],
            "monthly_income_fen": new(earned(m)),
            "effective_from": "2023-07-01",
            "reason": reason,
        }
        chosen.append({"title": title, "household_id": h["household_id"], "message": message})
    return chosen


def _table(*columns: str, title: str | None = None) -> Table:
    """A table that folds long cells on a narrow terminal instead of cutting them off."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _earner(household: dict[str, Any]) -> dict[str, Any]:
    """Who of the household earns most."""
    return dict(max(household["members"].values(), key=lambda m: int(m["monthly_income_fen"])))


FACTS = {"income": "月收入", "savings": "存款", "securities": "有价证券", "vehicles": "车辆", "homes": "住房"}
VERDICTS = {"consistent": "一致", "different": "不一致", "partial": "信息不全"}


def _show_report(console: Console, sources: OutsideSources, found: dict[str, Any]) -> None:
    report = found["report"]
    table = _table("项目", "申报", "查得", "结论", "来源", title=f"核对报告 {report['report_id'][:8]}…（第{report['version']}版）")
    for f in report["findings"]:
        shown = (lambda n: str(n)) if f["what"] in ("vehicles", "homes") else yuan
        names = "、".join(sources.declared[code].name for code in f["sources"])
        table.add_row(FACTS[f["what"]], shown(f["declared"]), shown(f["found"]), VERDICTS[f["verdict"]], names)
    console.print(table)


OUTCOMES = {"raised": "提高", "lowered": "降低", "gradual_exit": "渐退", "ended": "终止", "unchanged": "不变", "granted": "确认"}


def _show_changes(console: Console, changes: list[dict[str, Any]]) -> None:
    table = _table("变化", "决定", "原金额", "新金额", "自", "理由")
    for c in changes:
        d = c["decision"]
        table.add_row(
            c["title"], OUTCOMES[d["outcome"]], yuan(d["old_amount_fen"]), yuan(d["new_amount_fen"]), d["effective_month"], d["reason"]
        )
    console.print(table)
    console.print(
        f"规则版本 {changes[0]['decision']['rules_version']}，参数版本 {changes[0]['decision']['parameters_version']}", style="dim"
    )


def _decided(clerk: Any, case_id: str) -> dict[str, Any] | None:
    """The newest decision on a case since it was granted."""
    decisions: list[dict[str, Any]] = [d for d in clerk.list_decisions(case_id=case_id) if d["outcome"] != "granted"]
    return decisions[-1] if decisions else None


def _closed(registrar: Any, person_id: str) -> dict[str, Any] | None:
    from shared.domain.errors import Refused

    try:
        process: dict[str, Any] = registrar.get_after_death(person_id=person_id)
    except Refused as refused:
        if refused.code == "not_found":
            return None
        raise
    return process if process["status"] == "closed" else None


def _show_process(console: Console, person: dict[str, Any], process: dict[str, Any]) -> None:
    table = _table("事项", "承办", "办理", "说明", title=f"身后一件事：{_masked(person['name'])}，{process['died_on']} 去世，已办结")
    for s in process["steps"].values():
        table.add_row(s["title"], s["service"], {"done": "已办", "skipped": "不适用", "owed": "待办"}[s["status"]], s["note"])
    console.print(table)


def show_timeline(settings: Settings, console: Console, title: str, streams: list[str], since: str = "") -> None:
    """What happened, in log order, whatever service it happened in; without names."""
    from shared.eventlog.client import Log
    from shared.eventsourcing.codec import decode_meta

    log = Log(settings.eventstore_uri, data=settings.eventstore_data)
    events = sorted((e for s in streams for e in log.read(s)), key=lambda e: e.position)
    log.close()
    table = _table("记录时间", "事件", "经办", "流", title=title)
    for e in events:
        meta = decode_meta(e.metadata)
        if meta.recorded_at.isoformat() >= since:
            stream, _, ident = e.stream.partition("-")
            table.add_row(f"{meta.recorded_at:%Y-%m-%d %H:%M:%S}", e.name, meta.actor, f"{stream} {ident[:8]}… @{e.version}")
    console.print(table)


def _totals(day: Day, console: Console) -> None:
    table = _table("项目", "在享", "已发放批次", "发放总额", "失败", "追回", title="合计")
    for service, programme in (("assistance", PROGRAMME), ("eldercare", ALLOWANCE)):
        clerk = getattr(day.staff["clerk"], service)
        cases = clerk.list_cases(programme=programme, limit=500)
        runs = clerk.list_payment_runs(limit=500)
        claims = clerk.list_recoveries(limit=500)
        table.add_row(
            _title(programme),
            str(sum(c["status"] in ("in_force", "gradual_exit") for c in cases)),
            str(sum(r["status"] == "closed" for r in runs)),
            yuan(sum(r["paid_fen"] for r in runs)),
            str(sum(r["failed"] for r in runs)),
            f"{len(claims)} 件 {yuan(sum(c['amount_fen'] for c in claims))}",
        )
    console.print(table)


def show_doors(settings: Settings, console: Console) -> None:
    """Where a browser or a client may come in now, and a token for each role."""
    assert settings.token_private_key is not None
    at = f"http://127.0.0.1:{settings.portal_port}"
    doors = _table("门", "地址", "给谁", title="三扇门")
    doors.add_row("阳光公开", f"{at}/", "公众：不用登录；?on=2023-07-10 看某一天公开的内容")
    doors.add_row("办事窗口与接口", f"{at}/desk  {at}/api", "工作人员：登录页上选岗位，或用下面的令牌")
    doors.add_row("审计与运行", f"{at}/audit  {at}/ops", "审计、运维：登录页上选岗位")
    console.print(doors)
    console.print("令牌（八小时内有效，仅限演示）：")
    for role in (r for r in ROLES if not r.startswith(tokens.SERVICE)):
        token = tokens.issue(settings.token_private_key, f"staff:{role.replace('_', '-')}-01", [role], DISTRICT)
        console.print(f"  {role:<26} {token}", style="dim", soft_wrap=True, highlight=False)


def _title(programme: str) -> str:
    return {PROGRAMME: "低保", ALLOWANCE: "高龄津贴"}[programme]


def _masked(name: str) -> str:
    return name[:1] + "*" * max(len(name) - 1, 1)


def _id() -> str:
    return str(uuid.uuid4())


@contextmanager
def _told(var: Path) -> Iterator[None]:
    """Let the other commands find the demo's house from the ordinary place, unless an ``up`` is there already."""
    file = run_file(load_var())
    mine = not file.exists() and file != run_file(var)
    if mine:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"MINZHENG_VAR": str(var)}))
    try:
        yield
    finally:
        if mine:
            file.unlink(missing_ok=True)


def load_var() -> Path:
    return Path(os.environ.get("MINZHENG_VAR", str(ROOT / "var"))).resolve()


@click.command("demo", context_settings={"help_option_names": ["--help"]})
@click.option("--once", is_flag=True, help="走完即停，退出码 0；不加则保持运行，直到 Ctrl-C")
@click.option("--log-port", type=int, default=None, help="事件日志的端口（默认自动寻找）")
@click.option("--amqp-port", type=int, default=None, help="消息总线的端口（默认自动寻找）")
def command(once: bool, log_port: int | None, amqp_port: int | None) -> None:
    """启动全部进程，把两件真实的业务从头到尾走一遍。

    \b
    一、人社局通报收入变化 → 家庭逐户复核：不变、提高、降低、渐退、终止
    二、死亡登记 → 公民身后一件事：家庭减员复核、高龄津贴停发、多发追回、惠民殡葬告知

    演示用自己的数据目录（var/demo），每次从空白开始，不影响 minzheng up 的数据。
    """
    console = Console()
    var = load_var() / "demo"
    env = {
        **os.environ,
        "MINZHENG_VAR": str(var),
        "MINZHENG_TIMER_PERIOD": os.environ.get("MINZHENG_TIMER_PERIOD", "1"),
        "MINZHENG_DEV_LOGIN": "1",
    }
    env.pop("EVENTSTORE_DATA", None)
    if env.pop("EVENTSTORE_URI", None):
        console.print("演示不写入现成的事件日志：忽略 EVENTSTORE_URI，使用自己的。", style="yellow")
    if env.get("DATABASE_URL"):
        env["MINZHENG_SCHEMA_PREFIX"] = "demo_"
    house = House(env, log_port=log_port, amqp_port=amqp_port, clock=True, say=lambda line: console.print(line, style="dim"))
    house.empty()
    if env.get("DATABASE_URL"):
        drop_schemas(load(env), ("vault", "integrity", "portal", *SERVICES))
    began = time.monotonic()
    with running(house), _told(var):
        console.print(f"全部就绪（{time.monotonic() - began:.1f} 秒）。")
        os.environ.update(house.child_env)  # the import below is a process of its own
        play(load(house.child_env), console)
        console.print(f"[bold green]两件事均已办结[/bold green]（{time.monotonic() - began:.0f} 秒）。")
        show_doors(house.settings, console)
        if not once:
            console.print("系统保持运行。可在另一终端试：./minzheng stream、./minzheng state、./minzheng dead-letters list")
            stay()

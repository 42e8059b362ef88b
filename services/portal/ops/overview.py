"""Everything at one look (运行总览): is the house well, and if not, what is it."""

from __future__ import annotations

import importlib
import time
from functools import cache
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request

from services.portal.ops.seeing import operating, service_name
from services.portal.web import pictures
from services.portal.web.pictures import Bar
from services.portal.web.portal import here as portal
from shared.eventlog import discovery
from shared.eventsourcing.titles import title, title_of
from shared.messaging import names
from shared.messaging.doors import reactions_of
from shared.ops import SET_ASIDE, LagState, Overview, ProcessState, QueueState, collect

REFRESH = (10, 30, 60)  # seconds; who does not choose reads in peace
LONG = 1000  # messages in one queue
BARS = 12
NAMES = {"eventlog": "事件日志", "broker": "消息总线", "projector": "投影", "seal": "封存", "portal": "门户", "relay": "转发"}
SET_ASIDE_NAMES = {"dead": "死信", "discarded": "已丢弃", "rejected": "待转死信"}


class Said(NamedTuple):
    """Something an operator should know, in a tone and in words."""

    tone: str  # bad | warn | good
    said: str


class Depth(NamedTuple):
    """The queues of one service together."""

    name: str
    queues: int
    waiting: int
    alone: int  # queues that nobody takes from
    dead: int | None  # None: they could not be counted
    discarded: int


@operating
def overview() -> Any:
    """运行总览：进程、滞后、队列、死信。"""
    began = time.monotonic()
    found = collect(portal().settings)
    wrong = troubles(found)
    refresh = request.args.get("refresh", "")
    waiting = sorted((q for q in found.queues if not q.queue.endswith(SET_ASIDE) and q.messages), key=lambda q: -q.messages)
    return render_template(
        "ops/overview.html",
        found=found,
        took=time.monotonic() - began,
        refresh=int(refresh) if refresh in map(str, REFRESH) else 0,
        choices=REFRESH,
        wrong=wrong,
        tone="bad" if any(s.tone == "bad" for s in wrong) else "warn" if wrong else "good",
        processes=[(p, process_name(p.name), state_of(p)) for p in found.processes],
        ready=sum(state_of(p).tone == "good" for p in found.processes),
        lags=[(lag, lag_name(lag), state_of_lag(lag)) for lag in found.lags],
        slowest=max((lag.seconds for lag in found.lags), default=None),
        services=by_service(found),
        waiting=waiting,
        queues=[(q, queue_name(q.queue), q.alone) for q in sorted(found.queues, key=lambda q: (-q.messages, not q.alone, q.queue))],
        dead=sum(found.dead_letters.values()) if found.dead_letters else None,
        lag_picture=pictures.bars("各处落后多久", [Bar(lag_name(one), one.seconds, lag_said(one)) for one in found.lags]),
        queue_picture=pictures.bars("等待的消息", [Bar(queue_name(q.queue), q.messages, f"{q.messages:,} 条") for q in waiting[:BARS]]),
        most=BARS,
    )


def troubles(found: Overview) -> list[Said]:
    """What is not well, the worst first. What makes ``minzheng status`` end with 1 is "bad" here."""
    processes = [(p, state_of(p)) for p in found.processes]
    said = [Said("bad", f"{process_name(p.name)}（{p.name}）{state.said}。") for p, state in processes if state.tone == "bad"]
    said += [] if processes else [Said("bad", "没有找到任何进程。")]
    said += [Said("bad", f"没有问到 {what}") for what in found.unknown]
    said += [Said("bad", f"{service_name(s)}有死信 {n:,} 件，须重放或丢弃。") for s, n in found.dead_letters.items() if n]
    said += [Said("bad", f"{lag_name(one)}落后 {one.seconds:,.0f} 秒。") for one in found.lags if one.late]
    left = [q for q in found.queues if q.alone and q.messages]
    said += [Said("bad", f"队列 {q.queue} 有 {q.messages:,} 条，无人取件。") for q in left]
    said += [Said("warn", f"{of.name}有 {of.alone} 个队列无人取件。") for of in by_service(found) if of.alone]
    piled = [q for q in found.queues if q.messages > LONG and not q.queue.endswith(SET_ASIDE)]
    said += [Said("warn", f"队列 {q.queue} 积压 {q.messages:,} 条。") for q in piled]
    return said


def state_of(p: ProcessState) -> Said:
    """A process in one word. What has no door of its own (the broker) is well while it runs."""
    if p.running is False:
        return Said("bad", "没有运行")
    if p.alive is False:
        return Said("bad", "停住" if not p.why.startswith("没有答复") else "没有答复")
    if p.ready is False:
        return Said("bad", "未就绪")
    return Said("good", "就绪" if p.ready else "运行")


def process_name(name: str) -> str:
    kind, _, service = name.partition("-")
    return f"服务 {service_name(service)}" if kind == "worker" else NAMES.get(name, name)


def state_of_lag(one: LagState) -> Said:
    if one.late:
        return Said("bad", "落后过久")
    return Said("good", "跟上了" if one.positions == 0 else "正在跟上")


def lag_name(one: LagState) -> str:
    kind, _, service = one.follower.partition(" ")
    return one.about if kind != "projection" else f"投影 {'门户' if service == 'portal' else service_name(service)}"


def lag_said(one: LagState) -> str:
    return f"{one.seconds:,.1f} 秒" if one.positions else "没有落后"


def by_service(found: Overview) -> list[Depth]:
    """What waits for a retry is nobody's: it stands in the list of all queues."""
    by: dict[str, list[QueueState]] = {}
    for q in found.queues:
        if not q.retry:
            by.setdefault(q.queue.split(".")[0].removeprefix("rpc-"), []).append(q)

    def messages(of: list[QueueState], end: str) -> int:
        return sum(q.messages for q in of if q.queue.endswith(end))

    return [
        Depth(
            name=service_name(service),
            queues=len(of),
            waiting=sum(q.messages for q in of if not q.queue.endswith(SET_ASIDE)),
            alone=sum(q.alone for q in of),
            dead=found.dead_letters.get(service),
            discarded=messages(of, ".discarded"),
        )
        for service, of in by.items()
    ]


def queue_name(queue: str) -> str:
    """A queue in words: for the calls of a service, or for what it reacts to."""
    if queue.startswith("rpc-"):
        return f"窗口 {service_name(queue.removeprefix('rpc-'))}"
    if queue.startswith(names.RETRIES):
        return f"等待重试（隔 {int(queue.removeprefix(names.RETRIES)) / 1000:g} 秒）"
    service, _, kind = queue.partition(".")
    if kind in SET_ASIDE_NAMES:
        return f"{service_name(service)} {SET_ASIDE_NAMES[kind]}"
    return _reactions().get(queue, queue)


@cache
def _reactions() -> dict[str, str]:
    """The queue of every reaction of the house → what the event is called: by its maker, or, an agency's, by the fields we read of it."""
    discovery.load_all()
    found = {}
    for service in discovery.services():
        for source, event, reads, method in reactions_of(importlib.import_module(f"services.{service}.service").SERVICE):
            own = title(f"{source}.{event}")
            called = title_of(reads) if own == f"{source}.{event}" else own
            found[names.reaction_queue(service, source, event, method)] = called or event
    return found


def add(pages: Blueprint) -> None:
    pages.add_url_rule("", view_func=overview, endpoint="overview")

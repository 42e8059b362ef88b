"""What every public page stands on (公开页面底座): the day it speaks of, and that it is made once for many readers.

``?on=2026-03-01`` on any page asks what it said on that day: what had been recorded by its end. A page made is kept in memory and given
again as long as nothing was recorded since, or for ``FRESH`` seconds; never across an erasure of a person. No cookie is set or read.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from services.portal.read_model import MODEL
from services.portal.web import portal as portals
from services.portal.web.asked import whole
from services.portal.web.portal import Portal
from shared.domain import dates
from shared.domain.errors import Refused

pages = Blueprint("sunshine", __name__, template_folder="templates")
SECTIONS = (
    ("/sunshine", "概况"),
    ("/sunshine/proposals", "公示"),
    ("/sunshine/recipients", "在保名单"),
    ("/sunshine/standards", "标准与政策"),
    ("/sunshine/payments", "发放"),
    ("/sunshine/funds", "资金"),
    ("/sunshine/inspections", "检查与抽查"),
    ("/sunshine/credit", "信用名单"),
    ("/sunshine/indicators", "指标"),
    ("/sunshine/data", "开放数据"),
    ("/sunshine/verify", "核验"),
)
FRESH = 2.0  # seconds a page may be behind what was recorded
MOST_PAGES = 600  # kept in memory by one process, the least lately read go first
MOST_BYTES = 400_000  # a larger one is made every time
PER_PAGE = 50


@dataclass(frozen=True)
class Day:
    """The day a page speaks of. ``asked``: somebody asked for it, it is not simply today."""

    on: date
    today: date
    asked: bool

    @property
    def text(self) -> str:
        return self.on.isoformat()

    def link(self, path: str, **args: Any) -> str:
        """An address of these pages that stays on the day."""
        given = MultiDict({k: v for k, v in args.items() if v not in (None, "")})
        if self.asked:
            given["on"] = self.text
        return path + (f"?{_encoded(given)}" if given else "")


def _encoded(args: MultiDict[str, Any]) -> str:
    from urllib.parse import urlencode

    return urlencode(list(args.items(multi=True)))


def day_of(portal: Portal) -> Day:
    """From ``?on=``; Refused for what is no day, or lies ahead."""
    today, asked = portal.clock.now().date(), request.args.get("on", "").strip()
    if not asked:
        return Day(today, today, False)
    try:
        on = date.fromisoformat(asked)
    except ValueError:
        raise Refused("invalid_input", "日期须写作 2026-03-01。", "on") from None
    if on.year not in dates.YEARS:
        raise Refused("invalid_input", dates.OUT_OF_YEARS, "on")
    if on > today:
        raise Refused("invalid_input", "日期不得晚于今日。", "on")
    return Day(on, today, on != today)


View = Callable[..., Any]


def page(rule: str, *more: str, keep: bool = True) -> Callable[[View], View]:
    """Declare a page: ``view(portal, day, **of_the_rule)`` gives its HTML, or a Response of any kind. ``keep``: it follows from the rows
    alone, so that it is made again only when there is news."""

    def declare(view: View) -> View:
        def answer(**kwargs: Any) -> Answer:
            portal = portals.of(current_app)
            day = day_of(portal)
            if not keep:
                return current_app.make_response(view(portal, day, **kwargs))
            return _KEPT.answer(portal, day, lambda: view(portal, day, **kwargs))

        answer.__name__ = f"{view.__module__.rsplit('.', 1)[-1]}_{view.__name__}"
        for one in (rule, *more):
            pages.add_url_rule(one, endpoint=answer.__name__, view_func=answer, methods=["GET"])
        return view

    return declare


def render(template: str, day: Day, **context: Any) -> str:
    """A page of these; ``visitor`` is nobody, whoever looks."""
    return render_template(f"sunshine/{template}", day=day, link=day.link, sections=SECTIONS, visitor=None, **context)


def query(portal: Portal, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """Rows of the portal's read model, as dicts."""
    with portal.read.execution_options(single=True).connect() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def position(portal: Portal) -> int:
    """How far the rows are in the log."""
    found = MODEL.checkpoint(portal.read)
    return -1 if found is None else found.position


@dataclass(frozen=True)
class Paging:
    """One page of a list: which, of how many."""

    number: int
    of: int
    count: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * PER_PAGE


def paging(count: int) -> Paging:
    """From ``?page=``; the last one for a number too high."""
    number = whole(request.args.get("page", ""), 8) or 1
    of = max(1, -(-count // PER_PAGE))
    return Paging(min(max(1, number), of), of, count)


@dataclass
class _Made:
    at: float
    position: int
    erasures: int
    status: int
    body: bytes
    headers: dict[str, str]
    etag: str


class _Kept:
    """Pages by address and day, made by whoever asks first; several threads may make the same one, which is no harm."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[Any, ...], _Made] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, portal: Portal, day: Day, make: Callable[[], Any]) -> Answer:
        key = (id(portal), day.on, request.full_path)
        made = self._standing(portal, key)
        if made is None:
            made = self._make(portal, make)
            if len(made.body) <= MOST_BYTES:
                with self._lock:
                    self._pages[key] = made
                    self._pages.move_to_end(key)
                    while len(self._pages) > MOST_PAGES:
                        self._pages.popitem(last=False)
        answer = Response(made.body, made.status, headers=made.headers)
        answer.set_etag(made.etag)
        return answer.make_conditional(request)

    def _standing(self, portal: Portal, key: tuple[Any, ...]) -> _Made | None:
        with self._lock:
            made = self._pages.get(key)
            if made is not None:
                self._pages.move_to_end(key)
        if made is None or made.erasures != portal.vault.erasures():
            return None
        if time.monotonic() - made.at > FRESH:
            if position(portal) != made.position:
                return None
            made.at = time.monotonic()
        return made

    @staticmethod
    def _make(portal: Portal, make: Callable[[], Any]) -> _Made:
        at, seen, erasures = time.monotonic(), position(portal), portal.vault.erasures()
        answer = current_app.make_response(make())
        body = answer.get_data()
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
        return _Made(at, seen, erasures, answer.status_code, body, headers, hashlib.sha256(body).hexdigest()[:32])


_KEPT = _Kept()

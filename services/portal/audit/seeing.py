"""Who may see what (辖区与留痕), and what the audit pages share.

Every question goes to the index as far as the auditor's division and services go (``index``), and every stream is checked by the record's
own division (``stream_at``), as in the services. A file that is shown is noted first (``note``): as a query of a service does.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, request

from services.portal.audit import said
from services.portal.web import words
from services.portal.web.asked import whole
from services.portal.web.identity import who, with_permission
from services.portal.web.portal import here as portal
from services.portal.web.problems import told
from services.portal.web.shown import cell
from shared.casework.looks import PURPOSES
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.eventlog import discovery
from shared.eventlog.acts import Acts
from shared.eventlog.integrity.nodes import MissingNode
from shared.eventlog.integrity.receipt import NotSealed
from shared.eventlog.moments import NoSuchStream, events_of, readable_of
from shared.eventlog.showing import day_or_moment, plain
from shared.eventsourcing.codec import BrokenEvent, Open, Recorded, UnknownEvent
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.titles import title
from shared.messaging import looking, wire
from shared.security.permissions import within

pages = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")
PURPOSE = "audit"
# What these pages, and the making of a bank's file, are called in a look's event, where a service's query has its method.
METHODS = {
    "audit_stream": "审计：事件流",
    "audit_open": "审计：打开个人信息",
    "audit_diff": "审计：两个时刻",
    "audit_walk": "审计：因果",
    "audit_decisions": "审计：决定核对",
    "audit_draw": "审计：抽取核对",
    "audit_receipt": "审计：回执",
    "audit_bundle": "审计：审计包",
    "write_bank_file": "代发文件",
}
NO_FILES = ("looks", "payment_run", "price_linkage", "cut_over")  # categories of streams that are nobody's file
PER_PAGE = 100
F = TypeVar("F", bound=Callable[..., Any])


def auditing(view: F) -> F:
    """A page for whoever may audit any service."""
    return with_permission(*(f"{service}:audit" for service in discovery.services()))(view)


def services() -> tuple[str, ...]:
    """The services that the visitor may audit."""
    return tuple(s for s in discovery.services() if who().may(f"{s}:audit"))


def whole_district() -> bool:
    return divisions.covers(who().hand.division, portal().profile.division_code)


def index() -> Acts:
    """The audit index as far as the visitor may see; what operators do belongs to the whole district."""
    own = Acts(portal().read, _model())
    return own.within(who().hand.division, (*services(), *((discovery.OPERATIONS,) if whole_district() else ())))


def _model() -> Any:
    model = discovery.read_model(discovery.PORTAL)
    assert model is not None
    return model


# -- one stream


@dataclass(frozen=True)
class Seen:
    """A stream at a moment: the events that count, the state they fold to, and whose record it was."""

    stream: str
    events: tuple[Recorded, ...]  # all of it; of a record that has since gone to another division no more than was known then
    known: tuple[Recorded, ...]  # recorded by the moment
    state: dict[str, Any]
    division: str
    broken: tuple[int, ...] = ()  # numbers of its events that cannot be read; the state is that before the first of them

    @property
    def service(self) -> str:
        return self.stream.partition(".")[0]

    @property
    def category(self) -> str:
        return self.stream.partition(".")[2].partition("-")[0]

    @property
    def key(self) -> str:
        return self.stream.partition("-")[2]


def stream_at(stream: str, at: datetime | None = None, open_: Open | None = None, *, rest: bool = False) -> Seen:
    """Refused where the stream is none, of a service that is not theirs, or of another division; and where one of its events cannot be
    read, but for ``rest``: what can be, for whoever sees the whole district, since whose record it is now does not follow any more."""
    service = stream.partition(".")[0]
    if service in discovery.services() and not who().may(f"{service}:audit"):
        raise Refused("forbidden", "您的岗位无权审计此服务。", None)
    decider = discovery.decider(stream)
    if decider is None or len(stream) > 300:
        raise NoSuchStream(stream)
    try:
        events = events_of(portal().log, stream, open_)
    except BrokenEvent:
        if not rest or not whole_district():
            raise
        return _rest_of(stream, decider, at, open_)
    known = tuple(r for r in events if at is None or r.meta.recorded_at <= at)
    hand = who().hand
    # Looks and what operators do belong to nobody's division: each of their events says for itself whose it is.
    state = decider.fold([r.event for r in known]) if known else None
    now = decider.division(decider.fold([r.event for r in events]))
    division = now if state is None else decider.division(state)
    if division:
        within(hand, division)
        events = events if divisions.covers(hand.division, now) else list(known)
    else:
        events = [r for r in events if divisions.covers(hand.division, r.meta.division)]
        known = tuple(r for r in known if divisions.covers(hand.division, r.meta.division))
        if not events:
            raise Refused("wrong_division", "不在本辖区内，无权查看。", None)
        division, state = hand.division, decider.fold([r.event for r in known]) if known else None
    return Seen(stream, tuple(events), known, _shown(plain(state)) if state is not None else {}, division)


def _rest_of(stream: str, decider: Decider[Any], at: datetime | None, open_: Open | None) -> Seen:
    """What can be read of a stream of which something cannot; its state as it was before that."""
    events, broken = readable_of(portal().log, stream, open_)
    if not events:
        raise broken[0]
    numbers = tuple(int(error.where.rpartition("@")[2]) for error in broken)
    known = tuple(r for r in events if at is None or r.meta.recorded_at <= at)
    before = [r.event for r in known if r.version < numbers[0]]
    state = _shown(plain(decider.fold(before))) if before else {}
    return Seen(stream, tuple(events), known, state, who().hand.division, numbers)


def _shown(state: dict[str, Any]) -> dict[str, Any]:
    """What a case was paid by month is an amount, and shown as one."""
    paid = state.get("paid")
    if isinstance(paid, dict) and all(isinstance(fen, int) for fen in paid.values()):
        state["paid"] = {month: {"amount_fen": fen} for month, fen in paid.items()}
    return state


def file_of(stream: str) -> tuple[str, str] | None:
    """(service, id) of the file that a stream belongs to; None where it is nobody's."""
    service, _, rest = stream.partition(".")
    category, _, key = rest.partition("-")
    return (service, key) if key and service in discovery.services() and category not in NO_FILES else None


def note(method: str, streams: Iterable[str], division: str = "", reason: str = "", as_of: datetime | None = None) -> None:
    """Who looks, at which files, why: an event of the service whose files they are, before anything is shown."""
    why = looking.why({looking.PURPOSE: PURPOSE, looking.REFERENCE: reason})
    by_service: dict[str, dict[str, None]] = {}
    for found in filter(None, map(file_of, streams)):
        by_service.setdefault(found[0], {})[found[1]] = None
    for service, keys in by_service.items():
        one: dict[str, Any] = {"file": next(iter(keys))} if len(keys) == 1 else {}
        answer = {"division": division} if one else [{"file": key} for key in keys]
        looking.note(portal().office(service), who().hand, method, "file", one, as_of, why, answer)


# -- what is asked


def period() -> tuple[datetime | None, datetime | None]:
    """``from`` and ``to``, days or times, both included."""
    try:
        return tuple(day_or_moment(request.values.get(n, "").strip() or None, n == "to") for n in ("from", "to"))  # type: ignore[return-value]
    except ValueError:
        raise invalid("请写作日期，如 2023-07-01。", "from") from None


def asked(name: str) -> str:
    """A text out of the address; nothing that could not be an id, a hand or a code."""
    text = request.values.get(name, "").strip()
    if len(text) > wire.MOST_ID * 2 or not (text or "-").isprintable():
        raise invalid("填写有误。", name)
    return text


# -- what is shown


def as_csv(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A table as a file that a spreadsheet opens; no cell is a formula."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(head)
    out.writerows([cell(value) for value in row] for row in rows)
    answer = Response(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def field_name(path: str) -> str:
    """``members.9f3c.monthly_income_fen`` in the house's words; places in a list are counted from one."""
    return " › ".join(f"第{int(part) + 1}项" if whole(part, 5) is not None else said.label(part) for part in path.split("."))


def hand_name(actor: str) -> str:
    """Whose hand, in a picture: a person by the number of his post, a service as the system."""
    kind, _, name = actor.partition(":")
    return f"系统（{words.SERVICES.get(name, name)}）" if kind == "service" else name or kind


def method_name(service: str, method: str) -> str:
    """A look's method in words: the page's here, or what the service's query says of itself."""
    info = portal().doors.get((service, method))
    first = info.about.strip().split("\n")[0] if info is not None else ""
    for stop in "：；。，（":
        first = first.split(stop)[0] or first
    return METHODS.get(method) or first or method


def purposes() -> Mapping[str, str]:
    return PURPOSES


def install(app: Flask) -> None:
    """What the templates use."""
    app.jinja_env.filters.update(event_title=title, about_stream=discovery.about, field_name=field_name)
    services = words.SERVICES | {"operations": "系统运行"}
    app.jinja_env.globals.update(label_of=said.label, method_name=method_name, purpose_names=PURPOSES, service_names=services)


# -- what goes wrong on these pages alone


@pages.errorhandler(NoSuchStream)
def _none(_error: NoSuchStream) -> Response:
    return told(404, "not_found", "没有这个事件流。")


@pages.errorhandler(NotSealed)
def _unsealed(error: NotSealed) -> Response:
    return told(503, "unavailable", str(error))


@pages.errorhandler(MissingNode)
@pages.errorhandler(sa.exc.SQLAlchemyError)
def _damaged(_error: Exception) -> Response:
    return told(503, "unavailable", "完整性树或审计索引有损，读不出。请运行 minzheng audit verify 查明。")


@pages.errorhandler(UnknownEvent)
def _newer(_error: UnknownEvent) -> Response:
    return told(503, "unavailable", "日志中有本版本不认识的事件，请先升级。")

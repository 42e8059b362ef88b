"""What the files of a release say (随版本公开的数字), on any day: recorded when the portal starts, read for the day that a page speaks of.

``record`` writes down what this release's files say, if it is something else than what was written down last (``shared/filed.py``). A page
takes its standards, targets and declared scopes from there and never from the files themselves, so that ``?on=`` of a past day is what
was said then whatever release answers. Of the days before the first recording nobody knows: they are shown what it recorded, and ``since``
says from when on there is a record. What is declared public counts for a past day as far as it was declared then *and* is now: less is
told at once of every day, more only from its day on.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import yaml
from flask import g, has_request_context

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED, Computed
from services.portal.sunshine import declared
from services.portal.sunshine.public import Day, pages, query
from services.portal.web.portal import Portal, here
from services.portal.web.words import SERVICES
from shared.casework.programme import LEVELS
from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import Unavailable
from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Order, derived_id
from shared.eventsourcing.repository import Repository
from shared.filed import FILED, HAND, File, FiledScope, FiledStandard, FiledTarget, FiledValue
from shared.rules.parameters import load_parameters
from shared.rules.profile import load_profile
from shared.security.vault import Vault, derived_key

ROWS = TABLES["filed"]
T = TypeVar("T")
_STANDARD = {"standard", "amount"}  # what a parameter's name holds if it is a standard (the same as at the desk that publishes them)
_AGAIN = 5.0  # seconds until a log that is away is asked again

# Why an indicator is not computed: of a service that is not there yet, or for want of something the log does not hold.
_NOT_HERE = "所属业务（{}）尚未由本系统办理"
_WHY = {
    "one_matter_joint_handling_rate": "日志记有联办事项，但哪些事项应当联办（分母）未登记",
    "support_needs_resolved": "帮扶需求分散在工单、转办和评估中，尚无统一的需求编号",
    "relief_activities_held": "救助帮扶活动未作为场次登记",
    "social_work_supervisions": "社工督导未作为场次登记",
    "relief_beneficiary_persontimes": "活动受益人次未登记",
    "disability_subsidy_coverage_rate": "全部符合条件的残疾人（分母）由残联掌握，本系统只有申请人",
    "minimum_living_admin_budget_rate": "工作经费预算由财政部门掌握",
    "purchased_assistance_budget_rate": "购买服务预算由财政部门掌握",
}
_SERVICE_WHY = {
    "eldercare": "养老设施、床位和服务尚未由本系统办理（现有津贴、补贴和能力评估）",
    "registry": "本系统的登记业务现有死亡登记与身后事，尚无此项",
    "assistance": "日志中没有计算所需的记录",
}


# -- what this release's files say


@lru_cache(maxsize=8)
def standards_here(profile: str) -> tuple[FiledStandard, ...]:
    """The standards in the district's files; money alone, and no limits or shares."""
    district, found = load_profile(profile), []
    for service in discovery.services():
        if importlib.util.find_spec(f"services.{service}.rules") is None:
            continue
        package = importlib.import_module(f"services.{service}.rules").PACKAGE
        for p in load_parameters(package.folder / "parameters", district.parameters_of(package.name)).values():
            if p.unit == "fen" and _STANDARD & set(p.name.split(".")):
                values = tuple(FiledValue(v.first, v.last, v.value, v.reference, v.source) for v in p.values)
                found.append(FiledStandard(p.name, p.description, values))
    return tuple(found)


@lru_cache(maxsize=8)
def targets_here(file: Path) -> tuple[FiledTarget, ...]:
    """The indicators of the district's plan, with whether this release computes them."""
    rows = yaml.safe_load(file.read_text(encoding="utf-8"))["indicators"] if file.exists() else ()
    return tuple(map(_target, rows))


def _target(row: dict[str, Any]) -> FiledTarget:
    same: dict[str, Any] = {n: str(row[n]) for n in ("id", "identifier", "service", "operator", "target", "unit", "status", "phrase")}
    how = {} if row["identifier"] not in COMPUTED else method(COMPUTED[row["identifier"]])
    return FiledTarget(
        **same, title=row["name"], due_by=str(row.get("due", "")), computed=row["identifier"] in COMPUTED, why=_why(row), **how
    )


def method(how: Computed) -> dict[str, Any]:
    """How this release computes an indicator, in words."""
    return {"says": how.says, "over_says": how.over_says, "counted_by": how.events}


def _why(row: dict[str, Any]) -> str:
    if row["identifier"] in COMPUTED:
        return ""
    if row["identifier"] in _WHY:
        return _WHY[row["identifier"]]
    if row["service"] not in discovery.services():
        return _NOT_HERE.format(SERVICES.get(row["service"], row["service"]))
    return _SERVICE_WHY.get(row["service"], "日志中没有计算所需的记录")


def scopes_here() -> tuple[FiledScope, ...]:
    """What this release declares public, and calls it, by code."""
    programmes = [FiledScope(p.code, p.public.level, p.public.totals, p.public.recipient, p.name) for p in declared.programmes().values()]
    return (*programmes, *(FiledScope(d.code, public=tuple(d.public), title=d.name) for d in declared.declarations().values()))


def record(settings: Settings) -> tuple[str, ...]:
    """Write down what this release's files say, if it differs from what was written down last; the names of the events."""
    profile, now = load_profile(settings.profile), Clock(settings.clock_file).now()
    division = profile.division_code
    said = File(division, standards_here(profile.id), targets_here(profile.folder / "indicators.yaml"), scopes_here())
    log, keys = Log(settings.eventstore_uri), engine_for(settings, "vault")
    try:
        vault = Vault(keys, settings.master_key)  # nothing of it is personal; a repository asks for one
        repository = Repository(log, vault, derived_key(settings.master_key, b"command hashes"))
        return repository.handle(FILED, division, Order(said, derived_id("file", repr(said), now.isoformat()), HAND, now)).events
    finally:
        log.close()
        keys.dispose()


def begin(settings: Settings) -> threading.Thread:
    """Record beside the first requests, as soon as log and vault are there: the pages do not wait for it."""

    def until_it_is_there() -> None:
        while True:
            try:
                record(settings)
                return
            except (Unavailable, sa.exc.OperationalError):
                time.sleep(_AGAIN)

    thread = threading.Thread(target=until_it_is_there, name="filed", daemon=True)
    thread.start()
    return thread


# -- what they said on a day


@lru_cache(maxsize=64)
def _read(content: str, kind: type[T]) -> tuple[T, ...]:
    return msgspec.json.decode(content, type=tuple[kind, ...])  # type: ignore[valid-type]


def _standing(portal: Portal, day: Day, kind: str) -> dict[str, Any] | None:
    """The row that held on the day, or the first there ever was; None before any was written. A page reads it once."""
    if not has_request_context():
        return _row(portal, day, kind)
    known: dict[tuple[str, str], dict[str, Any] | None] = g.setdefault("filed", {})
    if (kind, day.text) not in known:
        known[kind, day.text] = _row(portal, day, kind)
    return known[kind, day.text]


def _row(portal: Portal, day: Day, kind: str) -> dict[str, Any] | None:
    asked = sa.select(ROWS).where(ROWS.c.kind == kind)
    rows = query(portal, asked.where(kept.on(ROWS, day.text))) or query(portal, asked.order_by(ROWS.c.since).limit(1))
    return rows[0] if rows else None


def since(portal: Portal, day: Day, kind: str) -> str:
    """From which day on it is recorded what the files of that time said, where that is behind the day asked for; "" where it is not."""
    row = _standing(portal, day, kind)
    first = day.today.isoformat() if row is None else str(row["since"])  # none yet: the portal is about to write it
    return first if first > day.text else ""


def standards(portal: Portal, day: Day) -> tuple[FiledStandard, ...]:
    row = _standing(portal, day, "standards")
    return _read(row["content"], FiledStandard) if row else standards_here(portal.profile.id)


def targets(portal: Portal, day: Day) -> tuple[FiledTarget, ...]:
    row = _standing(portal, day, "targets")
    return _read(row["content"], FiledTarget) if row else targets_here(portal.profile.folder / "indicators.yaml")


def _scopes(portal: Portal, day: Day) -> dict[str, FiledScope]:
    row = _standing(portal, day, "scopes")
    return {scope.code: scope for scope in (_read(row["content"], FiledScope) if row else scopes_here())}


def names(portal: Portal, day: Day) -> Callable[[str], str]:
    """What a programme or declaration was called on the day; today's name where nobody wrote it down (``unnamed``)."""
    then = {} if not day.asked else {code: scope.title for code, scope in _scopes(portal, day).items()}
    return lambda code: then.get(code) or declared.name(code)


def unnamed(portal: Portal, day: Day) -> bool:
    """Whether names of a past day are today's: recorded behind the day, or by a release that recorded no names."""
    return day.asked and (bool(since(portal, day, "scopes")) or not any(scope.title for scope in _scopes(portal, day).values()))


@pages.context_processor
def _said_of_names() -> dict[str, Any]:
    return {"unnamed": lambda day: unnamed(here(), day)}


def counted(portal: Portal, day: Day) -> list[str]:
    """The programmes whose figures are public: on the day, and still."""
    then = _scopes(portal, day)
    return [p.code for p in declared.counted() if p.code in then and then[p.code].totals]


def listed(portal: Portal, day: Day) -> list[str]:
    """The programmes that have a public list of recipients: on the day, and still."""
    then = _scopes(portal, day)
    return [p.code for p in declared.programmes().values() if p.public.recipient and p.code in then and then[p.code].public]


def levels(portal: Portal, day: Day) -> dict[str, int]:
    """Programme → how much of a place's code its figures may name: no more than on the day, and no more than now."""
    then = _scopes(portal, day)
    return {code: _digits(code, then[code].place_level if code in then else "") for code in declared.programmes()}


def _digits(programme: str, level: str) -> int:
    now = LEVELS[declared.public(programme).level]
    return min(now, LEVELS[level]) if level else now  # type: ignore[index]


def periods(portal: Portal, programme: str) -> list[tuple[str, str, int]]:
    """(from, until, digits) of how much of a place's code was named from day to day; the first stands for what was before it."""
    found: list[tuple[str, str, int]] = []
    for row in query(portal, sa.select(ROWS).where(ROWS.c.kind == "scopes").order_by(ROWS.c.since)):
        level = next((s.place_level for s in _read(row["content"], FiledScope) if s.code == programme), "")
        if found and found[-1][2] == _digits(programme, level):
            found[-1] = (found[-1][0], row["until"], found[-1][2])
        else:
            found.append((row["since"] if found else "", row["until"], _digits(programme, level)))
    return found or [("", kept.OPEN, _digits(programme, ""))]


def fields(portal: Portal, day: Day) -> dict[str, tuple[str, ...]]:
    """Declaration → the fields that it makes public: on the day, and still. Of one that makes none there is nothing."""
    then, found = _scopes(portal, day), {}
    for declaration in declared.declarations().values():
        public = tuple(f for f in declaration.public if declaration.code in then and f in then[declaration.code].public)
        if public:
            found[declaration.code] = public
    return found

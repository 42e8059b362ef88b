"""待办: every list in which something waits, with how much, until when, and where; and the rows of one list, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, render_template, request
from markupsafe import Markup

from services.portal.desk import things
from services.portal.desk.lists import every
from services.portal.desk.view import as_file, ask, door, may, reading, towns
from services.portal.web import pictures, words
from services.portal.web.identity import logged_in, who
from services.portal.web.places import UNNAMED, places_of
from services.portal.web.portal import here as portal
from shared.domain.errors import Refused, Unavailable

# Whose turn it is in a list, by the act that leads out of it. What is not named waits for whoever may review.
ACT_OF = {
    "accept": "accept", "authorise": "accept", "means_test": "survey", "survey": "survey", "propose": "review", "confirm": "confirm",
    "supplement": "accept", "objection": "confirm", "objection_escalated": "confirm", "refusal_notice": "accept", "review": "review",
    "public_objection": "accept", "public_objection_overdue": "accept",
    "payment_prepare": "pay", "payment_approve": "confirm", "payment_send": "pay", "payment_return_file": "pay",
    "payment_month_owed": "pay", "payment_month_again": "pay", "payment_once_unpaid": "pay", "payment_month_overdue": "pay",
    "payee_account_confirm": "confirm", "payee_lost": "accept", "payee_confirm": "confirm",
    "recovery_notify": "review", "recovery_await": "pay", "recovery_overdue": "review",
    "recovery_waiver": "confirm",
    "temporary_accept": "accept", "temporary_first_grant": "accept", "temporary_papers": "survey", "temporary_verify": "survey",
    "temporary_review": "review", "temporary_decide": "confirm", "temporary_release": "review", "temporary_overlap": "review",
    "temporary_refusal_notice": "accept",
    "overlap_consider": "review",
    "verification_answers": "accept", "verification_objection": "accept", "reverification_asking": "review",
    "reverification_blocked": "review", "reverification_close": "review", "reverification_overdue": "review",
    "cut_over_migrating": "confirm", "cut_over_differing": "confirm",
    "standard_to_approve": "confirm", "standard_to_publish": "confirm", "price_confirm": "confirm", "price_granting": "confirm",
    "record_check": "review", "record_register": "confirm", "record_change": "review",
    "fund_count": "review", "fund_settle": "confirm", "fund_overdue": "confirm",
    "finding_follow_up": "survey", "household_head_wanted": "survey", "household_head_overdue": "survey",
    "inspection_list": "review", "inspection_draw": "survey", "inspection_seed_check": "review", "inspection_check": "survey",
    "inspection_rectify": "survey",
    "inspection_verify": "review", "inspection_close": "confirm", "inspection_publish": "confirm", "inspection_overdue": "review",
    "visit": "survey", "visit_overdue": "survey", "visit_review": "review", "visit_attention": "review",
    "service_assign": "review", "service_visit": "survey", "service_serving": "survey", "service_confirm": "review",
    "service_dispute": "confirm", "service_review": "review", "service_settle": "pay",
    "list_notice": "register", "list_repair": "confirm", "list_check": "survey", "list_hearing": "review", "list_decide": "confirm",
    "list_overdue": "review",
    "assessment_first": "survey", "assessment_second": "review", "assessment_third": "confirm", "assessment_objection": "confirm",
    "assessment_renew": "accept",
    "project_start": "confirm", "project_run": "register", "project_accept": "review", "project_change": "confirm",
    "project_open": "confirm", "project_close": "confirm",
    "exchange_send": "accept", "exchange_answer": "accept", "exchange_failed": "accept", "exchange_reconcile": "review",
    "exchange_differing": "review",
    "handoff_accept": "accept", "handoff_done": "accept", "handoff_resend": "accept", "handoff_acknowledge": "accept",
    "handoff_overdue": "accept",
    "clue_assign": "accept", "clue_verify": "survey", "clue_resolve": "review", "clue_tell": "accept", "clue_overdue": "accept",
    "session_scheduled": "register", "session_close": "review", "session_decisions": "review", "session_overdue": "review",
    "publication_approve": "confirm", "publication_publish": "confirm", "publication_redraft": "review",
    "placement_exception": "review", "placement_offer": "review", "placement_answer": "accept", "placement_place": "accept",
    "care_request": "review", "care_appeal": "confirm", "care_ground_lost": "review", "care_places_over": "confirm",
    "one_thing_items": "accept", "one_thing_late": "accept", "one_thing_notice": "accept",
}  # fmt: skip
# Simply in force: nobody's turn, but somebody may want to see how much there is.
STANDING = frozenset({"in_force", "suspended", "list_in_force", "fund_in_use", "publication_in_force", "care_places_in_use"})
# Lists of what is late already, even where no further day is set.
LATE = frozenset(name for name in ACT_OF if name.endswith(("_overdue", "_late", "_escalated", "_exception")))
AT_ONCE = 50
MOST_DEATHS = 20  # on the first page
COLUMNS = ("worklist", "programme", "division", "status", "responsible", "due", "due_on", "key", "title")


@dataclass
class Waiting:
    """One list of one programme: how much waits there, how much of it is late or due soon, in which town, and what is due first."""

    service: str
    worklist: str
    programme: str
    count: int = 0
    late: int = 0
    soon: int = 0
    first_due: str | None = None
    towns: dict[str, int] = field(default_factory=dict)

    @property
    def act(self) -> str:
        return ACT_OF.get(self.worklist, "review")

    @property
    def order(self) -> tuple[bool, str, str, str]:
        return not self.late, self.first_due or "9999", self.worklist, self.programme


def waiting(service: str) -> list[Waiting]:
    """What waits in a service, list by list."""
    found: dict[tuple[str, str], Waiting] = {}
    for row in ask(service, "list_worklists"):
        one = found.setdefault((row["worklist"], row["programme"]), Waiting(service, row["worklist"], row["programme"]))
        one.count += row["waiting"]
        one.late += row["waiting"] if one.worklist in LATE else row["late"]
        one.soon += 0 if one.worklist in LATE else row["soon"]
        one.towns[row["town"]] = one.towns.get(row["town"], 0) + row["waiting"]
        if row["first_due"]:
            one.first_due = min(one.first_due or row["first_due"], row["first_due"])
    return list(found.values())


def _picture(title: str, counts: Iterable[tuple[str, int]]) -> Markup:
    rows = [pictures.Bar(name, n, f"{n}件") for name, n in sorted(counts, key=lambda c: -c[1])[:12]]
    return pictures.bars(title, rows) if rows else Markup("")


@logged_in
def home() -> Any:
    """待办首页：我的待办在前，逾期的在前。"""
    found: list[Waiting] = []
    away: list[str] = []
    for service in reading():
        if not may(service, "list_worklists"):
            continue
        try:
            found += waiting(service)
        except Unavailable:
            away.append(words.SERVICES.get(service, service))
    deaths: list[dict[str, Any]] = []
    if may("registry", "list_after_death"):  # a service without worklists of its own
        try:
            deaths = ask("registry", "list_after_death", status="open", limit=MOST_DEATHS + 1)
        except Unavailable:
            away.append(words.SERVICES["registry"])
    turning = sorted((w for w in found if w.worklist not in STANDING), key=lambda w: w.order)
    mine = [w for w in turning if who().may(f"{w.service}:{w.act}")]
    by_list: dict[str, int] = {}
    by_town: dict[str, int] = {}
    for w in mine:
        by_list[words.said(w.worklist)] = by_list.get(words.said(w.worklist), 0) + w.count
        for town, n in w.towns.items():
            by_town[town] = by_town.get(town, 0) + n
    late, soon, total = (sum(figures) for figures in zip(*((w.late, w.soon, w.count) for w in mine), strict=True)) if mine else (0, 0, 0)
    named = places_of(portal().profile).name
    return render_template(
        "desk/home.html",
        mine=mine,
        others=[w for w in turning if w not in mine],
        standing=sorted((w for w in found if w.worklist in STANDING), key=lambda w: (w.worklist, w.programme)),
        picture=_picture("我的待办", by_list.items()),
        towns=sorted(((named(code), code, n) for code, n in by_town.items()), key=lambda t: -t[2]),
        town_picture=_picture("我的待办，按乡镇（街道）", ((named(code).removeprefix(UNNAMED), n) for code, n in by_town.items())),
        total=total,
        late=late,
        soon=soon,
        away=away,
        deaths=deaths[:MOST_DEATHS],
        more_deaths=len(deaths) > MOST_DEATHS,
    )


@logged_in
def worklist(service: str, name: str) -> Any:
    """一个待办清单：最急的在前，按期限着色；可按项目、乡镇、承办人筛选，可导出。"""
    if name not in words.CODES:
        raise Refused("not_found", "没有这个清单。", None)
    door(service, "list_waiting", "query")
    asked = {n: request.args.get(n, "").strip() for n in ("programme", "town", "responsible")}
    where = {n: value or None for n, value in asked.items()}
    where["responsible"] = _hand(service, name, asked["responsible"])
    kind = request.args.get("format", "")
    if kind in ("csv", "xlsx"):
        return as_file(service, "list_waiting", _all(service, name, where), kind)
    rows = ask(service, "list_waiting", worklist=name, after=request.args.get("after", ""), limit=AT_ONCE + 1, **where)
    more = rows[AT_ONCE - 1]["place"] if len(rows) > AT_ONCE else ""
    for row in rows:
        row["address"] = things.of_row(service, row)
    programmes = sorted({w.programme for w in waiting(service) if w.worklist == name and w.programme})
    shown = rows[:AT_ONCE]
    return render_template(
        "desk/worklist.html", service=service, name=name, rows=shown, more=more, asked=asked, programmes=programmes, places=towns(),
        query={n: v for n, v in asked.items() if v}, late=name in LATE,
    )  # fmt: skip


def _hand(service: str, name: str, shown: str) -> str | None:
    """Whom somebody means by 承办 as the page shows it: a unit by its name, and a hand of the bureau by his number alone."""
    if not shown or ":" in shown or ask(service, "list_waiting", worklist=name, responsible=shown, limit=1):
        return shown or None
    return f"staff:{shown}"


def _all(service: str, name: str, where: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    for row in every(service, "list_waiting", worklist=name, **where):
        told = {"worklist": words.said(name), "programme": things.name_of(row["programme"])}
        told["status"] = words.said(row.get("status", ""))
        yield {column: told.get(column, row.get(column, "")) for column in COLUMNS}


def add(pages: Blueprint) -> None:
    pages.get("/")(home)
    pages.get("", endpoint="home_")(home)
    pages.get("/<service>/worklists/<name>")(worklist)

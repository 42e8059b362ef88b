"""What has a page at the desk (办件): by the category of its stream, how it is read, and by which list its rows come.

What is not named here has no page of its own; its acts are reached by 全部业务 all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import url_for

from services.portal.web import words
from services.portal.web.portal import Portal
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.domain.errors import Refused
from shared.eventlog import discovery

SHAPE = "shape"


@dataclass(frozen=True)
class Thing:
    """A kind of record. ``read``: the query that shows it; ``key``: what that calls its id; ``personal``: whoever looks says why."""

    title: str
    read: str
    key: str
    personal: bool = False
    items: str = ""  # the part of the state whose entries are matters of their own
    asks: str = ""  # what the query calls the one of them that is meant, where there are too many to be shown


THINGS = {
    "case": Thing("救助个案", "get_case", "case_id"),
    "household": Thing("家庭", "get_household", "household_id", personal=True),
    "person_facts": Thing("人员", "get_person", "person_id", personal=True),
    "elder": Thing("老年人", "get_elder", "person_id", personal=True),
    "death": Thing("死亡登记", "get_death", "person_id", personal=True),
    "after_death": Thing("身后事项", "get_after_death", "person_id"),
    "funeral": Thing("惠民殡葬", "get_funeral_benefits", "person_id", personal=True),
    "erasure": Thing("删除个人信息", "get_erasure", "person_id"),
    "determination": Thing("困难类别认定", "get_determination", "unit_id"),
    "temporary": Thing("临时救助", "get_temporary", "subject_id", items="matters"),
    "payment_run": Thing("发放批次", "get_payment_run", "run_id"),
    "payment_calendar": Thing("应发月份", "get_payment_calendar", "calendar_id", items="months"),
    "aid_overlap": Thing("重复救助核对", "get_aid_overlap", "handoff_id"),
    "recovery": Thing("追回事项", "get_recovery", "recovery_id"),
    "price_linkage": Thing("价格联动", "get_price_linkage", "month"),
    "verification": Thing("经济状况核对", "get_verification", "verification_id"),
    "reverification": Thing("定期复核", "get_reverification", "campaign_id", items="objects", asks="case_id"),
    "standards": Thing("保障标准", "get_standard_book", "division", items="publications"),
    "cut_over": Thing("核对系统切换", "get_cut_over", "cut_over_id"),
}
# The table of a row that waits -> the category of its page, and which of its columns is the key ("key": the first).
OF_LIST = {
    "benefit_cases": ("case", "key"),
    "payment_runs": ("payment_run", "key"),
    "recoveries": ("recovery", "key"),
    "owed_months": ("payment_calendar", "key"),
    "once_unpaid": ("case", "key"),
    "payees_lost": ("case", "key"),
    "error_findings": ("inspection", "key"),
    "temporary_matters": ("temporary", "subject_id"),
    "aid_overlaps": ("aid_overlap", "key"),
    "verifications": ("verification", "key"),
    "reverification_objects": ("reverification", "item"),
    "reverifications": ("reverification", "key"),
    "household_heads_wanted": ("household", "key"),
    "standard_publications": ("standards", "division"),
    "price_linkages": ("price_linkage", "key"),
    "verification_cut_overs": ("cut_over", "key"),
    "quarterly_meetings": ("session", "subject_id"),
    "records": ("", "key"),
}


def thing(portal: Portal, service: str, category: str) -> Thing:
    """The kind of a category of a service; Refused when it has no page."""
    if service in discovery.services():
        found = THINGS.get(category)
        if found is not None and (service, found.read) in portal.doors:
            return found
        shape = shapes(service).get(category)
        if shape is not None:
            return Thing(shape, "get_record", "record_id")
    raise Refused("not_found", "没有这类记录。", None)


@cache
def declared(service: str) -> dict[str, Programme | Declaration]:
    """Every programme of a service by its code: what its rooms declare, and nothing that is written here."""
    found: dict[str, Programme | Declaration] = {}
    for module in discovery.load(service):
        for value in list(vars(module).values()):
            for one in value.values() if isinstance(value, dict) else (value,):
                if isinstance(one, Programme | Declaration):
                    found.setdefault(one.code, one)
    return dict(sorted(found.items()))


def shapes(service: str) -> dict[str, str]:
    """The shapes that a service's declarations lean on, with their titles."""
    return {d.shape.name: d.shape.title for d in declared(service).values() if isinstance(d, Declaration)}


def name_of(code: str) -> str:
    """A programme's name by its code."""
    for service in discovery.services():
        if code in declared(service):
            return declared(service)[code].name
    return words.said(code)


def address(service: str, category: str, key: str, **more: Any) -> str:
    return url_for("desk.record", service=service, category=category, key=key, **more)


def of_stream(portal: Portal, stream: str) -> tuple[str, str, str] | None:
    """(service, category, key) of a stream that has a page."""
    service, _, rest = stream.partition(".")
    category, _, key = rest.partition("-")
    try:
        thing(portal, service, category)
    except Refused:
        return None
    return service, category, key


def of_row(service: str, row: Mapping[str, Any]) -> str:
    """The address of a row that waits, "" where it has no page."""
    category, key = OF_LIST.get(str(row["list"]), (None, ""))
    if category is None:
        return ""
    if not row[key]:  # a meeting that was never held has no record: it leads to where one is begun
        return url_for("desk.act", service=service, method="schedule_session", programme=row["programme"], division=row["division"])
    item = {
        "temporary": row["key"], "payment_calendar": row["item"],
        "reverification": row["key"] if row["item"] else "",  # of a campaign itself, no object
        "standards": str(row["key"]).rpartition("-")[2],  # the number stands behind the book's place
    }.get(category)  # fmt: skip
    return address(service, category or str(row["shape"]), str(row[key]), item=item)

"""信用名单: who stands on a list that its declaration makes public, on the day; with the reason, since when, and until when at most.

A list is shown when its programme gives notice before entering (a burden, not a service) and declares ``subject_id`` public; a list whose
subjects are persons never is.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.read_model import TABLES
from services.portal.rows import kept
from services.portal.sunshine import declared, filed
from services.portal.sunshine.public import PER_PAGE, Day, page, paging, query, render
from services.portal.web.portal import Portal
from services.portal.web.words import said
from shared.casework import list_entry
from shared.casework.shape import Declaration

ENTRIES = TABLES["credit"]


def lists(portal: Portal, day: Day) -> dict[str, Declaration]:
    """The credit lists that are public, and were on the day."""
    fields = filed.fields(portal, day)
    return {
        d.code: d
        for d in declared.declarations().values()
        if d.shape is list_entry.SHAPE and d.terms.notice_days and d.subject not in ("person", "household")
        if "subject_id" in fields.get(d.code, ())
    }


def entries(portal: Portal, day: Day) -> list[dict[str, Any]]:
    """Who stands on a public list on the day, list by list."""
    e = ENTRIES.c
    on = day.text
    statement = sa.select(ENTRIES).where(
        kept.on(ENTRIES, on),
        e.programme.in_(list(lists(portal, day))),
        e.from_day <= on,
        sa.or_(e.to_day.is_(None), e.to_day > on),
        sa.or_(e.expires_on.is_(None), e.expires_on > on),  # the timer may be late; the list is not
    )
    return query(portal, statement.order_by(e.programme, e.from_day, e.record_id))


@page("/sunshine/credit")
def credit(portal: Portal, day: Day) -> str:
    """信用名单."""
    found, shown, name = entries(portal, day), lists(portal, day), filed.names(portal, day)
    p = paging(len(found))
    return render("credit.html", day, rows=found[p.offset : p.offset + PER_PAGE], p=p, lists=shown, name=name, said=said)

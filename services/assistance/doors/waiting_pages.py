"""Pages of what waits in lists of its own (待办页面): a verification, an object of a re-verification, a proposed standard.

Each is read as a case is: how it stands, and by ``get_acts`` what the next hand may do. A verification's page says how far each source
is and what the reports concluded, never an amount: those are read in the report, for a purpose (``look_at_report``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.assistance import means_test, reverification, standards
from services.assistance.doors.answers import BOOK, ReverificationShown, VerificationShown
from services.assistance.means_test import VERIFICATIONS
from services.assistance.reverification import CAMPAIGNS
from services.assistance.rows.means_test import campaign_waits
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand
from shared.messaging.answering import answers
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import query
from shared.messaging.showing import plain, shown
from shared.security.permissions import within

STANDARD_LISTS = {"drafted": "standard_to_approve", "approved": "standard_to_publish"}
OBJECT_LISTS = {"waiting": "reverification_asking", "asked": "reverification_asking", "blocked": "reverification_blocked"}
MOST_OBJECTS = 20  # of a campaign that are named where none is asked for


class WaitingPageDoors(BenefitService):
    """核对、复核对象、拟定标准的页面。"""

    def item_of(self, category: str, state: Any) -> str:
        """Of the book of standards the newest proposal, of a campaign the object that was listed last."""
        if category == "standards":
            return str(max(state.publications, default=""))
        if category == "reverification":
            return next(reversed(state.objects), "") if state.objects else ""
        return super().item_of(category, state)

    def named_by(self, category: str, key: str, item: str) -> Any:
        """A standard by its number in the book."""
        if category == "standards":
            return int(item) if item.isascii() and item.isdigit() else 0
        return super().named_by(category, key, item)

    def untold(self, category: str) -> frozenset[str]:
        """What a report found stands in the report alone."""
        return frozenset({"findings"}) if category == "verification" else super().untold(category)

    def known_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """Of a verification: its case, and the newest report."""
        if category == "verification" and state.opened is not None:
            return {"case_id": state.opened.case_id, "version": state.reports[-1].version if state.reports else 0}
        return super().known_of(category, state, key, item)

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """In which list it stands, as its row says."""
        if category == "verification":
            waits = "" if state.status != "asking" else "verification_objection" if state.objections else "verification_answers"
            return {"worklist": waits, "due_on": state.finish_by if waits else None}
        if category == "reverification":
            of = state.objects.get(item)
            itself = campaign_waits(state.status, state.overdue, len(state.having("waiting", "asked", "blocked")))
            waits = (OBJECT_LISTS.get(of.status, "") if of is not None else "") or itself
            return {"worklist": waits, "due_on": state.due_on if waits else None}
        if category == "standards":
            of = state.publications.get(self.named_by(category, "", item))
            return {"worklist": STANDARD_LISTS.get(of.status, "") if of is not None else ""}
        return super().stands_of(category, state, item)

    @query(permission="assistance:read")
    @answers(VerificationShown)
    def get_verification(self, hand: Hand, verification_id: str, as_of: datetime | None = None) -> Any:
        """一项核对：各来源进展、历版报告的结论（不含数额，数额须查阅报告）。"""
        loaded = self.office.load(VERIFICATIONS, verification_id, as_of)
        state: means_test.Verification = loaded.state
        o = state.opened
        if o is None:
            raise Refused("not_found", "没有此项核对。", "verification_id")
        within(hand, state.division)
        sources = [
            {"source": code, "status": q.status, "round": q.round, "answered": f"{len(q.answers)}/{len(o.persons)}", "reason": q.reason}
            for code, q in state.queries.items()
        ]
        reports = [
            {
                "version": r.version, "made_on": r.made_on, "completeness": r.completeness, "verdict": r.verdict,
                "missing": "、".join(m.source for m in r.missing), "objection_until": r.objection_until,
            }
            for r in state.reports
        ]  # fmt: skip
        told = {name: getattr(o, name) for name in ("programme", "division", "case_id", "subject_id", "month", "cause")}
        counts = {"objections": len(state.objections), "explained": len(state.explained), "looks": len(state.looks)}
        here = {"version": loaded.version, "position": loaded.position, "status": state.status, "finish_by": state.finish_by}
        return {**here, **told, "sources": sources, "reports": reports, **counts}

    @query(permission="assistance:read")
    @answers(ReverificationShown)
    def get_reverification(self, hand: Hand, campaign_id: str, case_id: str = "", as_of: datetime | None = None) -> Any:
        """一次定期复核：各状态的对象数；case_id：其中一个对象，未指明的列出受阻的（至多20个）。"""
        loaded = self.office.load(CAMPAIGNS, campaign_id, as_of)
        state: reverification.Campaign = loaded.state
        if loaded.version < 0:
            raise Refused("not_found", "没有此复核活动。", "campaign_id")
        within(hand, state.division)
        chosen = [case_id] if case_id in state.objects else [*state.having("blocked")[:MOST_OBJECTS]]
        told = {name: getattr(state, name) for name in ("status", "division", "period", "programmes", "due_on", "overdue")}
        counts = {status: len(state.having(status)) for status in ("waiting", "asked", "blocked", "reported", "excused")}
        objects = {key: _flat(state.objects[key]) for key in chosen}
        return {"version": loaded.version, "position": loaded.position, **told, "total": len(state.objects), **counts, "objects": objects}

    @query(permission="assistance:read")
    @answers(BOOK)
    def get_standard_book(self, hand: Hand, division: str, as_of: datetime | None = None) -> Any:
        """标准簿：每一次拟定的数值、文号、进展，由谁拟定；as_of：当时所知。"""
        book = shown(self.office, standards.DECIDER, division, hand, as_of)
        state: standards.Book = self.office.load(standards.DECIDER, division, as_of).state
        proposals = {str(n): {**plain(p), "effective_from": p.effective_from} for n, p in sorted(state.publications.items())}
        return {**book, "publications": proposals}


def _flat(o: reverification.Object) -> dict[str, Any]:
    found = plain(o)
    return {**found.pop("listed"), **found}

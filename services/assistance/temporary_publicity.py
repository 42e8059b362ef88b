"""The publicity of temporary assistance (临时救助公示): between review and decision a 支出型 matter is shown and can be objected to.

What the page says of a matter lives in the disclosure's own stream under the matter's id (``doors/temporary_publicity.py``); here is what
of it is the matter's: an objection that was taken in, and its answer.

Must hold: nothing is decided while an objection is open; who answers took no part in the matter and did not take the objection down;
one that is upheld sends the matter back to be reviewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from services.assistance.programmes import TEMPORARY_ASSISTANCE
from shared.casework import disclosure
from shared.casework.programme import Disclosure
from shared.casework.shape import said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

if TYPE_CHECKING:
    from services.assistance.temporary import Matter, Temporary

WHY = {"refused": "不予救助", "withdrawn": "申请已撤回", "deceased": "救助对象死亡，终止办理"}  # otherwise the review is void


# -- Events


@event("assistance.temporary_objection_raised", day="raised_on")
@dataclass(frozen=True)
class TemporaryObjectionRaised:
    """临时救助公示异议: somebody objects during the publicity; ``by`` took it down. ``raised_on``: the day on which it reached us."""

    matter_id: str
    reason: str
    raised_on: date
    due_on: date | None
    by: str


@event(
    "assistance.temporary_objection_answered",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "upheld": e.upheld},
)
@dataclass(frozen=True)
class TemporaryObjectionAnswered:
    """临时救助公示异议答复 by another hand: upheld (the review is void, and made once more) or dismissed."""

    subject_id: str
    matter_id: str
    upheld: bool
    reason: str
    by: str


# -- Commands


@command("raise_temporary_objection", permission="assistance:accept")
@dataclass(frozen=True)
class RaiseTemporaryObjection:
    """公示异议, taken down by a hand of the house; whoever objected is not named. ``received_on``: when it reached us, if before today."""

    subject_id: str
    matter_id: str
    reason: str
    received_on: date | None = None


@command("answer_temporary_objection", permission="assistance:confirm")
@dataclass(frozen=True)
class AnswerTemporaryObjection:
    subject_id: str
    matter_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str


# -- Decisions


def raise_objection(state: Temporary, c: RaiseTemporaryObjection, order: Order[Any]) -> Sequence[Any]:
    m = _publicised(state, c, "公示异议")
    assert m.proposal is not None
    received = c.received_on or order.today
    if received > order.today:
        raise invalid("收到日期不能晚于今日。", "received_on")
    if m.proposal.publicised_until is None or not (m.proposal.proposed_on or date.min) <= received <= m.proposal.publicised_until:
        raise out_of_order("不在公示期内。")
    if m.objection is not None:
        raise Refused("already_exists", "已有公示异议在办，请并入办理。", None)
    due = dates.add_working_days(order.today, TEMPORARY_ASSISTANCE.terms.answer_days)
    return [TemporaryObjectionRaised(m.matter_id, said(c.reason, "reason", "异议理由"), received, due, order.hand.actor)]


def answer_objection(state: Temporary, c: AnswerTemporaryObjection, order: Order[Any]) -> Sequence[Any]:
    m = _publicised(state, c, "异议答复")
    assert m.proposal is not None
    if m.objection is None:
        raise out_of_order("没有待答复的公示异议。")
    not_the_same_hand(order, *m.clerks, m.proposal.by, m.objection.by)
    reason = said(c.reason, "reason", "答复理由")
    return [TemporaryObjectionAnswered(state.subject_id, m.matter_id, c.outcome == "upheld", reason, order.hand.actor)]


def _publicised(state: Temporary, c: Any, act: str) -> Matter:
    m = state.matters.get(c.matter_id)
    if m is None:
        raise Refused("not_found", "没有此临时救助事项。", "matter_id")
    if m.status != "proposed":
        raise out_of_order(f"当前状态不能办理“{act}”。")
    return m


# -- What is to stand on the page


def wanted(m: Matter, declared: Disclosure, who: disclosure.Who | None, today: date) -> disclosure.Wanted | None:
    """What is to be public of a matter on a day; None: nothing. What is paid of it is a case, which is listed by itself."""
    if m.status != "proposed" or m.proposal is None or who is None:
        return None
    amount = m.proposal.assessment.amount_fen
    return disclosure.publicity(TEMPORARY_ASSISTANCE.code, m.division, amount, m.proposal.publicised_until, declared, who, today)


def heard_from(m: Matter) -> date | None:
    """The day from which on an objection is about what is, or was, decided of the matter; None: nothing is."""
    if m.status == "proposed" and m.proposal is not None:
        return m.proposal.proposed_on or date.min
    return date.min if m.status in ("approved", "paid_out") else None

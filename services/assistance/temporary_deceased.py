"""A death in temporary assistance (临时救助对象死亡): who is paid for what has gone out and not arrived, and what becomes of a matter of
which nobody lives any more.

A matter that is not decided yet is closed as deceased, not withdrawn: nobody gave it up, so what the first grant drew is not claimed. It
is closed by a hand, who has the file before him; were the death none, it is open again by itself, where it stood, a review apart.

An instalment that was released and not paid when its payee died or left goes to whoever is paid for the household now; where nobody is
left it is not paid (its case ends, 终止), and is due again when somebody lives after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from services.assistance import household, person
from services.assistance.programmes import TEMPORARY_ASSISTANCE
from shared.casework import benefit_case
from shared.casework.benefits import Benefits
from shared.casework.office import Office
from shared.domain import dates
from shared.domain.errors import Refused, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

if TYPE_CHECKING:
    from services.assistance.temporary import Matter, Temporary

CODE = TEMPORARY_ASSISTANCE.code
CLOSABLE = ("applied", "accepted", "granted_pending_papers", "verified", "proposed")
NOBODY_LEFT = "领款人死亡，家庭中已无可领款的成员，尚未发放的临时救助金不再发放"
BASIS = "社会救助暂行办法（国务院令第649号）：临时救助发给遇到困难的家庭或个人本人"
ALIVE = "死亡登记撤销或更正，恢复发放"


# -- Events


@event(
    "assistance.temporary_closed",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "drawn_fen": e.drawn_fen},
)
@dataclass(frozen=True)
class TemporaryClosed:
    """对象死亡终止办理 before a decision: nothing more is decided, and what the first grant drew stays where it is."""

    subject_id: str
    matter_id: str
    drawn_fen: int
    by: str


@event("assistance.temporary_reopened")
@dataclass(frozen=True)
class TemporaryReopened:
    """恢复办理: the death was none; the matter stands in ``status`` again. ``due_on``: what is waited for there (``what``), if that has a
    day and was not late already."""

    matter_id: str
    status: str
    due_on: date | None
    what: str


# -- Commands


@command("close_temporary_deceased", permission="assistance:accept")
@dataclass(frozen=True)
class CloseTemporaryDeceased:
    """终止办理. ``alive``: somebody lives whom it is for, which the service looks up."""

    subject_id: str
    matter_id: str
    alive: bool = False


@command("reopen_temporary", permission="assistance:note")
@dataclass(frozen=True)
class ReopenTemporary:
    """By the service, when a death was annulled."""

    subject_id: str
    matter_id: str


# -- Decisions


def close(state: Temporary, c: CloseTemporaryDeceased, order: Order[Any]) -> Sequence[Any]:
    m = state.matters.get(c.matter_id)
    if m is None:
        raise Refused("not_found", "没有此临时救助事项。", "matter_id")
    if m.status not in CLOSABLE:
        raise out_of_order("只有尚未作出决定的事项，可以因死亡终止办理。")
    if m.earlier is not None:  # the decision that was appealed against stands meanwhile
        raise out_of_order("该事项经复核正在重新审核，原决定继续有效，不作终止。")
    if c.alive:
        raise Refused("out_of_order", "救助对象或其家庭成员尚在，不能因死亡终止办理；死亡须先登记。", "subject_id")
    return [TemporaryClosed(state.subject_id, m.matter_id, m.drawn_fen, order.hand.actor)]


def reopen(state: Temporary, c: ReopenTemporary, order: Order[Any]) -> Sequence[Any]:
    """Nothing where it is not closed, or another matter has begun since."""
    m = state.matters.get(c.matter_id)
    if m is None or m.status != "deceased" or any(other.under_way for other in state.matters.values()):
        return []
    status = "verified" if m.closed_from == "proposed" else m.closed_from
    due, what = None, ""
    if status == "accepted" and m.first_grant_by is not None:
        due, what = m.first_grant_by.date(), "first_grant"
    elif status == "granted_pending_papers" and m.first is not None:
        due, what = m.first.papers_by, "papers"
    return [TemporaryReopened(m.matter_id, status, None if what in m.overdue else due, what)]


# -- Who is paid


def paid_today(office: Office, subject_id: str, m: Matter, today: date) -> tuple[str, bool]:
    """Who is paid for a matter on a day, and whether there is nobody any more: of a household whoever is paid for those who are alive
    and there, of a person himself, or whom he named."""
    month, home = dates.month_of(today), office.load(household.DECIDER, subject_id).state
    if home.exists:
        facts = household.facts_in(home, month, 0, None, wherever=True)  # who died counts until the month is over
        alive = replace(facts, members=tuple(p for p in facts.members if p.person_id not in home.died))
        return (household.payee_in(home, alive), False) if alive.members else ("", True)
    own: person.Person = office.load(person.DECIDER, subject_id).state
    payee = person.payee_in(own, month) or m.payee_id
    there = office.load(person.DECIDER, payee).state if payee != subject_id else own
    return payee, bool(own.died_on or there.died_on)


def _still_there(office: Office, subject_id: str, payee_id: str, month: str) -> bool:
    """Whether who is to be paid lives, and of a household is in it."""
    home: household.Household = office.load(household.DECIDER, subject_id).state
    if home.exists:
        return payee_id in home.members and payee_id not in home.died and household.lives_in(home, payee_id, month)
    return office.load(person.DECIDER, payee_id).state.died_on is None and office.load(person.DECIDER, subject_id).state.died_on is None


def payees_again(office: Office, benefits: Benefits, subject_id: str, order: Order[Any]) -> None:
    """What was released of a subject's matters and has not been paid goes to who can be paid; a matter that was closed by a death that was
    none is open again. Done again it changes nothing."""
    from services.assistance.temporary import DECIDER, grant_id

    month, state = dates.month_of(order.today), office.load(DECIDER, subject_id).state
    for m in state.matters.values():
        payee, gone = paid_today(office, subject_id, m, order.today)
        if m.status == "deceased" and not gone:
            again = ReopenTemporary(subject_id, m.matter_id)
            office.handle(DECIDER, subject_id, order.to(again, f"reopen {m.matter_id}"))
        for no in m.released:
            case_id = benefit_case.case_id(CODE, grant_id(m.matter_id, no))
            case: benefit_case.Case = office.load(benefits.cases, case_id).state
            if case.status not in ("in_force", "ended") or case.first_month in case.paid or case.last_assessment is None:
                continue  # it was paid, or news of the release is still on its way
            # What is due is not decided again: the assessment that it was granted on is what it is due by.
            whole = (case.last_assessment,)
            same = benefit_case.ReassessCase(case_id, case.first_month, whole, case.facts_version, "restored:payee", payee)
            if gone and case.status == "in_force":
                benefits.end(case_id, case.first_month, NOBODY_LEFT, BASIS, order, gone=True)
            elif not gone and case.status == "ended" and benefit_case.restorable(case):
                restore = benefit_case.RestoreCase(case_id, ALIVE, benefit_case.Correction(same))
                office.handle(benefits.cases, case_id, order.to(restore, f"restore {case_id}"))
            elif not gone and case.status == "in_force" and not _still_there(office, subject_id, case.payee_id, month):
                office.handle(benefits.cases, case_id, order.to(same, f"redirect {case_id}"))

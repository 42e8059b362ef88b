"""Error ledger of the two subsidies (两项补贴差错台账): what has to follow from a finding, and is it of whom the finding speaks of.

A finding that the checked unit accepts starts the correction (``correct``): its case is decided again from the month that is wrong. What
comes of it, a claim, arrears, the end of the case, puts the finding right by itself; where nothing comes of it the facts on file say
otherwise than the finding, and it waits until they are corrected: then what comes of that puts it right.

A finding of a campaign is put right with what it led to (``refers_to``): a claim (追回), arrears (补发), a payment, a case. That is checked
against our own streams: it is there, and it is of the person whom the finding speaks of. In the ledger an overpayment is put right by its
claim, an underpayment by its arrears or a payment, a recipient without entitlement by a claim or the end of his case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.assistance.benefits import CASES, RECOVERIES, RUNS
from services.assistance.declarations import DECIDERS
from shared.casework import benefit_case as bc
from shared.casework import inspection, payment_run, recovery
from shared.casework.benefits import Benefits
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.orders import Order

FINDING = "finding"  # begins the cause of a decision that an accepted finding led to
LEDGER = "disabled_subsidy_precision_programme"
SUBSIDIES = ("disabled_living_subsidy", "severe_disability_care_subsidy")
CLAIM, ARREARS, PAYMENT, CASE = "claim", "arrears", "payment", "case"
# What puts a finding of the ledger right; of the others nothing has to follow.
FOLLOWS: Mapping[str, tuple[str, ...]] = {"overpaid": (CLAIM,), "unpaid": (ARREARS, PAYMENT), "ineligible": (CLAIM, CASE)}
_WANTED = {
    "overpaid": "多发的，须填写该个案的追回事项编号。",
    "unpaid": "漏发、少发的，须填写该个案的补发（事件编号）或已送发的发放批次编号。",
    "ineligible": "不符合条件的，须填写该个案的追回事项编号，或已终止的该个案编号。",
}
_ID = re.compile(r"[0-9a-f-]{32,40}")


@dataclass(frozen=True)
class Named:
    """What ``refers_to`` names: its kind, and whom it is of."""

    kind: str
    people: frozenset[str]
    case_id: str = ""


def check(office: Any, c: inspection.RectifyFinding) -> None:
    """Refuse a reference that is not there, or is of somebody else, or does not put such a finding right."""
    state: inspection.Campaign = office.load(DECIDERS[inspection.NAME], c.record_id).state
    found, refers_to = state.findings.get(c.finding_id), c.refers_to.strip()
    if found is None or not (refers_to or found.code in state.terms.follow_up):
        return  # the decider says what is wrong with it, or nothing is
    case = _case(office, found.object_id)
    if state.programme == LEDGER and (case is None or case.programme not in SUBSIDIES):
        raise invalid("该问题的检查对象不是两项补贴的个案。", "finding_id")
    if not refers_to:
        raise invalid(_WANTED.get(found.code, "须填写此问题所转入的事项编号。"), "refers_to")
    named = _named(office, refers_to, found.object_id if case is not None else "")
    if named is None:
        raise Refused("not_found", "没有此编号的个案、追回事项、补发或已送发的发放批次。", "refers_to")
    about = frozenset((case.subject_id, case.payee_id)) if case is not None else _person(found.object_id)
    if about and not about & named.people:
        raise invalid("此编号的事项不是该问题所涉人员的。", "refers_to")
    if state.programme == LEDGER and found.code in FOLLOWS:
        of_this_case = named.case_id == found.object_id
        over = named.kind != CASE or (case is not None and case.status == "ended")
        if named.kind not in FOLLOWS[found.code] or not of_this_case or not over:
            raise invalid(_WANTED[found.code], "refers_to")


def _case(office: Any, case_id: str) -> bc.Case | None:
    if not _ID.fullmatch(case_id):
        return None
    state: bc.Case = office.load(CASES, case_id).state
    return state if state.status != "none" else None


def _person(object_id: str) -> frozenset[str]:
    """A person, where the object is one; of an institution there is nobody to compare."""
    return frozenset((object_id,)) if is_person_id(object_id) else frozenset()


def _named(office: Any, refers_to: str, object_case: str) -> Named | None:
    if not _ID.fullmatch(refers_to):
        return None
    if (case := _case(office, refers_to)) is not None:
        return Named(CASE, frozenset((case.subject_id, case.payee_id)), refers_to)
    claim: recovery.Recovery = office.load(RECOVERIES, refers_to).state
    if claim.status != "none":
        of = _case(office, claim.case_id)
        return Named(CLAIM, frozenset((of.subject_id, of.payee_id) if of is not None else ()), claim.case_id)
    case = _case(office, object_case)
    if case is None:  # arrears and payments are found in the case that they are of
        return None
    people = (case.subject_id, case.payee_id)
    run: payment_run.Run = office.load(RUNS, refers_to).state
    if run.status in ("sending", "sent", "closed"):
        paid_here = any(sent.run_id == refers_to for sent in case.sent.values())
        return Named(PAYMENT, frozenset(people if paid_here else ()), object_case if paid_here else "")
    history = office.history(CASES.stream(object_case))
    if any(r.id == refers_to and isinstance(r.event, bc.ArrearsFound) for r in history):
        return Named(ARREARS, frozenset(people), object_case)
    return None


# -- the correction


def correct(benefits: Benefits, a: Any, order: Order[Any]) -> None:
    """``a``: an accepted finding (``campaign_finding_accepted``). Its case is decided again from the month that it names."""
    if _case(benefits.office, a.object_id) is None:
        return  # of an institution, or of what is no case of ours, somebody says by hand what it led to
    before = benefits.office.load(CASES, a.object_id).version
    benefits.reassess(a.object_id, a.from_month, f"{FINDING}:{a.record_id}:{a.finding_id}", order)
    put_right(benefits.office, a.record_id, a.finding_id, before, order)


def put_right(office: Any, record_id: str, finding_id: str, after: int, order: Order[Any]) -> None:
    """If something behind a version of the case puts an accepted finding right, say so, and what."""
    found = office.load(DECIDERS[inspection.NAME], record_id).state.findings.get(finding_id)
    if found is None or not found.accepted or found.rectified_by:
        return
    wanted = FOLLOWS.get(found.code, (CLAIM, ARREARS, CASE))
    behind = (r for r in office.history(CASES.stream(found.object_id)) if r.version > after)
    led = [(kind, refers_to) for r in behind for kind, refers_to in _led_to(office, r)]
    refers_to = next((refers_to for kind, refers_to in led if kind in wanted), "")
    if refers_to:
        done = f"认可后自{found.accepted}起复核更正"
        rectify = inspection.RectifyFinding(record_id, finding_id, done, found.object_id if refers_to == CASE else refers_to)
        office.handle(DECIDERS[inspection.NAME], record_id, order.to(rectify, f"put right {finding_id}"))


def _led_to(office: Any, r: Recorded) -> Iterator[tuple[str, str]]:
    match r.event:
        case bc.ArrearsFound():
            yield ARREARS, r.id
        case bc.OverpaymentFound():
            claim_id = recovery.of_overpayment(r.id)
            if office.load(RECOVERIES, claim_id).version >= 0:  # it is opened by a reaction, and news of it comes here again
                yield CLAIM, claim_id
        case bc.CaseEnded():
            yield CASE, CASE


# -- quarters


def quarter_of(day: date) -> str:
    """"2023-Q3"."""
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"


def months_of(quarter: str) -> list[str]:
    """The three months of a quarter."""
    if not re.fullmatch(r"(19|20)\d\d-Q[1-4]", quarter):
        raise invalid("季度须写作 2023-Q3。", "quarter")
    first = (int(quarter[-1]) - 1) * 3 + 1
    return [f"{quarter[:4]}-{m:02d}" for m in range(first, first + 3)]

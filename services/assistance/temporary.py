"""Temporary assistance (临时救助): help in an emergency (急难型) or with spending that cannot be borne (支出型), one matter for one cause.

Life of a matter: applied (or discovered) → accepted → [emergency: first grant within 24 hours, 先行救助, from the town's reserve fund;
then granted_pending_papers until the papers are complete, 10 working days] → verified → [deliberated, 一事一议] → proposed → approved |
refused → paid out in one or several instalments, each released after a look at how things stand, or the rest cancelled. Before it is
accepted it can be refused acceptance (不予受理), before it is decided withdrawn (撤回申请), or closed when nobody of those it is for lives
(``temporary_deceased.py``); what was verified as untrue is refused by the rules, and what was taken down wrongly is corrected by a second
hand before the decision. A refusal of either kind is told in writing within its days. Against every decision an appeal (复核) is open; one
that is upheld sends the matter back to "verified", and it is proposed and decided once more; against a refusal of acceptance, back to be
accepted.

Must hold: the amount is what the rules say, also that of the first grant, and above the ceiling only what a recorded deliberation
raised it to; the sum of what is released and was drawn is never more than what was approved; what a first grant exceeded the formal
decision by becomes a claim, never a silent correction, and all of it when the application is withdrawn; clerk, reviewer and approver are
three hands, above the township's ceiling the approver is the county's; every release goes to whoever is paid for the household on its
day; an appeal is answered by a hand that took no part, and its second decision is never worse than the first; what is paid after it is
only what is missing; no second grant for the same cause within the period the rules name, and aid that another department gives for a
disaster is considered first (``aid_overlap.py``). The place of the emergency (急难发生地) accepts, approves and pays also for people
registered elsewhere, whose home place is asked and told.

A proposed matter of the kind after spending is publicised (公示) and can be objected to: ``temporary_publicity.py``.

One stream per household, or per person whom no household of the register counts. Its door looks at the streams of its members, or of the
households that ever counted the person, too: so a double one is seen, whoever applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from services.assistance import aid_overlap
from services.assistance import temporary_deceased as deceased
from services.assistance import temporary_publicity as publicity
from services.assistance.aid_overlap import (
    AidElsewhereNoted,
    AnswerTemporaryOverlap,
    Findings,
    NoteAidElsewhere,
    TemporaryOverlapAnswered,
    TemporaryOverlapFound,
    TemporaryOverlapLifted,
)
from services.assistance.programmes import TEMPORARY_ASSISTANCE
from shared.casework.benefit_case import reviewed_hash
from shared.casework.shape import said
from shared.domain import dates, money
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider, not_the_same_hand
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id
from shared.rules.assessment import Assessment, Line

CATALOGUE = ("A20", "A21", "A22", "A23", "A25", "A26")
KINDS = ("emergency", "expenditure")
CAUSES = ("sudden_event", "accident", "grave_illness", "other")  # 突发事件、意外伤害、重大疾病、其他
FORMS = ("cash", "goods", "referral")  # 发放救助金、发放实物、转介服务
ANSWERABLE = ("applied", "accepted", "granted_pending_papers", "verified")  # while the home place's answer still counts
NOTHING_GIVEN = ("refused", "not_accepted", "withdrawn")
APPEALABLE = ("approved", "paid_out", "refused", "not_accepted")
OVER = ("paid_out", "deceased", *NOTHING_GIVEN)  # nothing is under way any more
UNDECIDED = (*ANSWERABLE, "proposed")  # while aid of another department is asked about before anything is decided
FIRST_GRANT_HOURS = 24  # 先行救助: 民发〔2018〕23号
PAPERS_DAYS = 10  # working days to complete the papers after a first grant: 民发〔2018〕23号
MOST_INSTALMENTS = 12
FEWEST_DELIBERATING = 3
STAGED = "民政部、财政部关于进一步加强和改进临时救助工作的意见（民发〔2018〕23号）：一次审批、分阶段救助"
DRAWN = "减：先行救助已发"
PAID = "减：此前已拨付"
AGAIN = "复核后一次补发"
NOBODY_TO_PAY = "领款人已死亡（家庭成员均已死亡或迁出），不能继续拨付，请取消余下各期。"
TERMS = TEMPORARY_ASSISTANCE.terms
_PART = re.compile(r"分(\d+)期，第(\d+)期")


def grant_id(matter_id: str, no: int) -> str:
    """What a payment is known by: the subject of its own case, so that it is paid once."""
    return derived_id("temporary_grant", matter_id, str(no))


# -- Events


@event("assistance.temporary_applied")
@dataclass(frozen=True)
class TemporaryApplied:
    """申请, or 主动发现 (``discovered``). ``division`` is the town that handles it: for an emergency where it happened.

    ``hukou_division``: where the person is registered if that is elsewhere, else "". ``loss_fen``: what it cost, or what was spent and
    self-borne. ``handoff_id``: the hand-off (转办) that it came of.
    """

    subject_id: str
    matter_id: str
    division: str
    payee_id: str
    kind: str
    cause: str
    happened_on: date
    loss_fen: int
    hukou_division: str
    discovered: bool
    by: str
    handoff_id: str = ""


@event("assistance.hukou_place_notified", published=True)
@dataclass(frozen=True)
class HukouPlaceNotified:
    """户籍地通报: the home place is told that the place of the emergency helps, and asked whether it has helped already."""

    subject_id: str
    matter_id: str
    payee_id: str
    hukou_division: str
    division: str
    kind: str
    cause: str


@event("assistance.hukou_place_answered")
@dataclass(frozen=True)
class HukouPlaceAnswered:
    """户籍地核查结果."""

    matter_id: str
    already_helped: bool
    reference: str
    by: str


@event("assistance.temporary_accepted")
@dataclass(frozen=True)
class TemporaryAccepted:
    """受理. ``first_grant_by``: in an emergency, until when help must be there."""

    matter_id: str
    accepted_at: datetime
    first_grant_by: datetime | None
    by: str


@event("assistance.first_granted")
@dataclass(frozen=True)
class FirstGranted:
    """先行救助: drawn from the reserve fund ``fund_id``; the papers are due by ``papers_by``."""

    matter_id: str
    fund_id: str
    amount_fen: int
    assessment: Assessment
    granted_at: datetime
    in_time: bool
    papers_by: date
    by: str


@event("assistance.temporary_overdue", published=True)
@dataclass(frozen=True)
class TemporaryOverdue:
    """逾期: the first grant (``first_grant``), the papers after it (``papers``), the answer to an ``appeal`` or an ``objection``, or
    the written ``notice`` of a refusal did not come in time: work for a supervisor."""

    subject_id: str
    matter_id: str
    division: str
    what: str


@event("assistance.papers_completed")
@dataclass(frozen=True)
class PapersCompleted:
    """核实: what was claimed is verified and the papers are complete (急难型: 补齐手续). ``untrue``: it is not so (不属实)."""

    matter_id: str
    completed_on: date
    finding: str
    loss_fen: int
    by: str
    untrue: bool = False


@event("assistance.deliberation_recorded")
@dataclass(frozen=True)
class DeliberationRecorded:
    """一事一议: the only way above the ceiling. ``participants`` are staff ids."""

    matter_id: str
    participants: tuple[str, ...]
    minutes_no: str
    raised_fen: int
    reason: str
    by: str


@event(
    "assistance.temporary_proposed",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id},
)
@dataclass(frozen=True)
class TemporaryProposed:
    """审核 with the rules' assessment; ``reviewed`` names exactly what the reviewer saw. ``form``: cash, goods or referral."""

    matter_id: str
    assessment: Assessment
    reviewed: str
    instalments: int
    form: str
    publicised_until: date | None
    by: str
    subject_id: str = ""
    proposed_on: date | None = None


@event(
    "assistance.temporary_proposal_voided",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id},
)
@dataclass(frozen=True)
class TemporaryProposalVoided:
    """临时救助审核意见作废."""

    matter_id: str
    reason: str
    subject_id: str = ""


@event(
    "assistance.temporary_approved",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "amount_fen": e.amount_fen, "drawn_fen": e.drawn_fen},
)
@dataclass(frozen=True)
class TemporaryApproved:
    """审批. ``level``: township, county or deliberation. ``instalments``: what is to be paid beside the first grant, in parts.

    After an appeal: the parts that were released before, and what is missing as one more. ``repaid_fen``: what had come in on the claim
    for the first grant and is now due after all: it goes out with that part.
    """

    subject_id: str
    matter_id: str
    amount_fen: int
    drawn_fen: int
    level: str
    instalments: tuple[int, ...]
    decided_on: date
    by: str
    repaid_fen: int = 0


@event("assistance.temporary_repayment_given_back")
@dataclass(frozen=True)
class TemporaryRepaymentGivenBack:
    """归还款退还: what came in on the claim for the first grant after the second decision was made and before the claim was met by it: it
    is due after all, and goes out as one more part."""

    matter_id: str
    amount_fen: int


@event(
    "assistance.temporary_refused",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "drawn_fen": e.drawn_fen},
)
@dataclass(frozen=True)
class TemporaryRefused:
    """不予临时救助; ``at_acceptance``: 不予受理. ``decided_on``: None before it could be appealed against."""

    subject_id: str
    matter_id: str
    drawn_fen: int
    reason: str
    by: str
    decided_on: date | None = None
    at_acceptance: bool = False


@event("assistance.temporary_notice_owed")
@dataclass(frozen=True)
class TemporaryNoticeOwed:
    """书面告知期限: a refusal, of acceptance or of assistance, is to be told in writing with its reasons until then."""

    matter_id: str
    due_on: date


@event("assistance.temporary_refusal_told")
@dataclass(frozen=True)
class TemporaryRefusalTold:
    """不予决定告知: the refusal was told; ``how``: 送达方式."""

    matter_id: str
    told_on: date
    how: str
    by: str


@event(
    "assistance.temporary_withdrawn",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "drawn_fen": e.drawn_fen},
)
@dataclass(frozen=True)
class TemporaryWithdrawn:
    """撤回申请 before a decision: the matter is over, and what the first grant drew is claimed back."""

    subject_id: str
    matter_id: str
    drawn_fen: int
    reason: str
    by: str


@event(
    "assistance.instalment_released",
    published=True,
    public=lambda e: {"subject_id": e.subject_id, "matter_id": e.matter_id, "no": e.no},
)
@dataclass(frozen=True)
class InstalmentReleased:
    """拨付一期: what is released becomes a payment of its own. ``finding``: how things stand (进展核查). ``payee_id``: who is paid for the
    household on that day; "" = as it was applied for."""

    subject_id: str
    matter_id: str
    no: int
    amount_fen: int
    finding: str
    by: str
    payee_id: str = ""


@event("assistance.remaining_cancelled")
@dataclass(frozen=True)
class RemainingCancelled:
    """取消余下各期: the need has ended: the instalments not yet released fall away."""

    matter_id: str
    cancelled_fen: int
    reason: str
    by: str
    cancelled_on: date | None = None


@event("assistance.temporary_appeal_filed")
@dataclass(frozen=True)
class TemporaryAppealFiled:
    """申请复核: against the newest decision of the matter. ``hands``: who took part in it, and so may not answer."""

    matter_id: str
    number: int
    reason: str
    filed_on: date
    due_on: date | None
    hands: tuple[str, ...]
    by: str


@event("assistance.temporary_appeal_answered")
@dataclass(frozen=True)
class TemporaryAppealAnswered:
    """复核答复: dismissed, or upheld: then the matter is proposed and decided once more."""

    matter_id: str
    upheld: bool
    reason: str
    by: str


@event("assistance.temporary_appeal_withdrawn")
@dataclass(frozen=True)
class TemporaryAppealWithdrawn:
    """撤回复核申请."""

    matter_id: str
    by: str


@event("assistance.temporary_decision_stands")
@dataclass(frozen=True)
class TemporaryDecisionStands:
    """维持原决定: looked at once more, the rules give no more than was approved. ``status`` is where the matter stands again."""

    matter_id: str
    status: str
    reason: str
    by: str


# -- State


@dataclass(frozen=True)
class Standing:
    """What stands while a matter is decided once more: the status and the proposal to which it goes back if nothing better comes."""

    status: str
    proposal: TemporaryProposed | None
    answered_by: str


@dataclass(frozen=True)
class Given:
    """Fen that a matter had given, or promised, in all after the day of a grant."""

    on: date
    in_all_fen: int


@dataclass(frozen=True)
class Matter:
    matter_id: str
    # applied, accepted, granted_pending_papers, verified, proposed, approved, paid_out, refused, not_accepted, withdrawn, deceased
    status: str
    division: str
    payee_id: str
    kind: str
    cause: str
    happened_on: date
    loss_fen: int
    hukou_division: str = ""
    hukou_helped: bool | None = None  # None: not answered yet
    clerks: tuple[str, ...] = ()
    first_grant_by: datetime | None = None
    first: FirstGranted | None = None
    overdue: tuple[str, ...] = ()
    untrue: str = ""  # the finding that what was claimed is not so
    verified_by: str = ""  # who took down what was found last
    notice_due: date | None = None  # a refusal is to be told in writing until then
    closed_from: str = ""  # the status in which it was closed by a death
    to_accept: bool = False  # an appeal against the refusal of acceptance was upheld
    deliberation: DeliberationRecorded | None = None
    proposal: TemporaryProposed | None = None
    objection: publicity.TemporaryObjectionRaised | None = None  # to what is publicised, under way
    approved: TemporaryApproved | None = None
    granted_on: date | None = None  # of the first grant or the approval, whichever gave something first
    grants: tuple[Given, ...] = ()  # the first grant, and every approval that gave something
    released: tuple[int, ...] = ()  # numbers of instalments
    cancelled_fen: int = 0
    decided_on: date | None = None  # of the newest decision, from which the days to appeal count
    hands: tuple[str, ...] = ()  # everybody who took part
    appeals: int = 0
    appeal: TemporaryAppealFiled | None = None  # under way
    earlier: Standing | None = None  # while it is decided once more
    again: bool = False  # the approval in force is the second one
    referred: bool = False  # the approval in force is a referral (转介服务): it gives no money
    in_kind_fen: int = 0  # given as goods
    repaid_fen: int = 0  # of the first grant, came back and is due after all
    overlap: Findings = aid_overlap.NOTHING  # aid of another department, found and answered

    @property
    def drawn_fen(self) -> int:
        return self.first.amount_fen if self.first else 0

    @property
    def standing(self) -> str:
        """Where the matter stands by the decision in force: an appeal that was upheld takes nothing away before the second one."""
        return self.earlier.status if self.earlier else self.status

    @property
    def under_way(self) -> bool:
        """Something of it is still to be done, or an appeal may bring it back to its beginning."""
        return self.standing not in OVER or (self.status == "not_accepted" and self.appeal is not None)

    @property
    def paid_fen(self) -> int:
        """What was released, or given as goods, beside the first grant."""
        return (sum(self.approved.instalments[no - 1] for no in self.released) if self.approved else 0) + self.in_kind_fen

    def excess_fen(self, amount_fen: int) -> int:
        """What of the first grant an approval of so much does not cover."""
        return max(self.drawn_fen - amount_fen, 0)

    def met_by(self, amount_fen: int) -> int:
        """What of the first grant the decision in force claims, and one about so much would not."""
        return self.excess_fen(self.approved.amount_fen if self.approved else 0) - self.excess_fen(amount_fen)

    @property
    def given_fen(self) -> int:
        """What the household has got, or is going to get, from this matter."""
        if self.standing in NOTHING_GIVEN:
            return 0
        if self.approved is None:
            return self.drawn_fen
        if self.referred:
            return min(self.drawn_fen + self.paid_fen, self.approved.amount_fen)
        return self.approved.amount_fen - self.cancelled_fen

    def given_in(self, year: int) -> int:
        """What of it was given in a year: the first grant by its day, what an approval gave beside it by the approval's."""
        had = given = 0
        for grant in self.grants:
            new = max(min(grant.in_all_fen, self.given_fen) - had, 0)  # what was taken away since is not counted
            had += new
            given += new if grant.on.year == year else 0
        return given


@dataclass(frozen=True)
class Temporary:
    subject_id: str = ""
    division: str = ""
    matters: Mapping[str, Matter] = field(default_factory=lambda: MappingProxyType({}))
    elsewhere: Mapping[str, AidElsewhereNoted] = field(default_factory=lambda: MappingProxyType({}))  # by hand-off


def evolve(state: Temporary, happened: Any) -> Temporary:
    if isinstance(happened, AidElsewhereNoted):
        elsewhere = MappingProxyType({**state.elsewhere, happened.handoff_id: happened})
        return replace(state, subject_id=happened.subject_id, division=state.division or happened.division, elsewhere=elsewhere)
    if isinstance(happened, TemporaryApplied):
        e = happened
        new = Matter(
            e.matter_id, "applied", e.division, e.payee_id, e.kind, e.cause, e.happened_on, e.loss_fen, e.hukou_division, clerks=(e.by,),
            hands=(e.by,),
        )  # fmt: skip
        matters = MappingProxyType({**state.matters, e.matter_id: new})
        # The stream is in the jurisdiction of the town that handles the newest matter: one after another, never two at once.
        return replace(state, subject_id=e.subject_id, division=e.division, matters=matters)
    m = _evolve(state.matters[happened.matter_id], happened)
    if by := getattr(happened, "by", ""):
        also = happened.participants if isinstance(happened, DeliberationRecorded) else ()
        m = replace(m, hands=tuple(dict.fromkeys((*m.hands, *also, by))))
    return replace(state, matters=MappingProxyType({**state.matters, m.matter_id: m}))


def _evolve(m: Matter, happened: Any) -> Matter:
    match happened:
        case HukouPlaceNotified():
            return m
        case HukouPlaceAnswered():
            return replace(m, hukou_helped=happened.already_helped)
        case TemporaryAccepted():
            return replace(m, status="accepted", first_grant_by=happened.first_grant_by, clerks=(*m.clerks, happened.by))
        case FirstGranted():
            on = happened.granted_at.date()
            grants, clerks = (Given(on, happened.amount_fen),), (*m.clerks, happened.by)
            return replace(m, status="granted_pending_papers", first=happened, granted_on=on, grants=grants, clerks=clerks)
        case TemporaryOverdue():
            return replace(m, overdue=(*m.overdue, happened.what))
        case PapersCompleted():
            untrue = happened.finding if happened.untrue else ""
            clerks = (*m.clerks, happened.by)
            return replace(m, status="verified", loss_fen=happened.loss_fen, untrue=untrue, verified_by=happened.by, clerks=clerks)
        case DeliberationRecorded():
            return replace(m, deliberation=happened)
        case TemporaryProposed():
            return replace(m, status="proposed", proposal=happened)
        case TemporaryProposalVoided():
            return replace(m, status="verified", proposal=None, objection=None)
        case publicity.TemporaryObjectionRaised():
            return replace(m, objection=happened, overdue=tuple(what for what in m.overdue if what != "objection"))
        case publicity.TemporaryObjectionAnswered():
            return replace(m, status="verified", proposal=None, objection=None) if happened.upheld else replace(m, objection=None)
        case TemporaryApproved():
            return _approved(m, happened)
        case TemporaryRefused():
            status = "not_accepted" if happened.at_acceptance else "refused"
            return replace(m, status=status, decided_on=happened.decided_on, earlier=None)
        case TemporaryNoticeOwed():
            return replace(m, notice_due=happened.due_on, overdue=tuple(what for what in m.overdue if what != "notice"))
        case TemporaryRefusalTold():
            return replace(m, notice_due=None)
        case TemporaryWithdrawn():
            return replace(m, status="withdrawn", proposal=None, objection=None)
        case deceased.TemporaryClosed():
            return replace(m, status="deceased", closed_from=m.status, proposal=None, objection=None)
        case deceased.TemporaryReopened():
            return replace(m, status=happened.status, closed_from="")
        case InstalmentReleased():
            released = (*m.released, happened.no)
            assert m.approved is not None
            done = len(released) == len(m.approved.instalments)
            status = m.status if m.earlier else "paid_out" if done else "approved"  # what is decided once more stays where it is
            return replace(m, released=released, status=status, payee_id=happened.payee_id or m.payee_id)
        case TemporaryRepaymentGivenBack():
            assert m.approved is not None
            approved = replace(m.approved, instalments=(*m.approved.instalments, happened.amount_fen))
            return replace(m, approved=approved, repaid_fen=m.repaid_fen + happened.amount_fen)
        case RemainingCancelled():
            day = happened.cancelled_on or m.decided_on
            less = replace(m, status="paid_out", cancelled_fen=happened.cancelled_fen, decided_on=day)
            # What is approved again after an appeal is given by the day of that decision.
            return replace(less, grants=tuple(Given(g.on, min(g.in_all_fen, less.given_fen)) for g in m.grants))
        case TemporaryAppealFiled():
            return replace(m, appeal=happened, appeals=happened.number, overdue=tuple(what for what in m.overdue if what != "appeal"))
        case TemporaryAppealAnswered():
            if not happened.upheld:
                return replace(m, appeal=None)
            if m.status == "not_accepted":  # it begins again; who answered takes no part in its decision
                clerks = (*m.clerks, happened.by)
                return replace(m, status="applied", appeal=None, decided_on=None, to_accept=True, clerks=clerks)
            earlier = Standing(m.status, m.proposal, happened.by)
            anew = Findings(last=m.overlap.last)  # decided once more: aid of another department is considered once more
            return replace(m, status="verified", proposal=None, appeal=None, earlier=earlier, overlap=anew)
        case TemporaryAppealWithdrawn():
            return replace(m, appeal=None)
        case TemporaryDecisionStands():
            return replace(m, status=happened.status, proposal=m.earlier.proposal if m.earlier else m.proposal, earlier=None)
        case TemporaryOverlapFound() | TemporaryOverlapLifted() | TemporaryOverlapAnswered():
            return replace(m, overlap=aid_overlap.evolve_findings(m.overlap, happened))
        case _:
            raise TypeError(f"temporary assistance knows no {type(happened).__name__}")


def _approved(m: Matter, e: TemporaryApproved) -> Matter:
    """A second approval keeps the parts that were released; what had been cancelled is part of it again."""
    form, goods = m.proposal.form if m.proposal is not None else "cash", 0
    if form == "goods":
        goods = max(e.amount_fen - e.drawn_fen, 0) - m.paid_fen
    after = replace(
        m,
        status="approved" if len(e.instalments) > len(m.released) else "paid_out",
        approved=e,
        decided_on=e.decided_on,
        cancelled_fen=0,
        earlier=None,
        again=m.earlier is not None,
        referred=form == "referral",
        in_kind_fen=m.in_kind_fen + max(goods, 0),
        repaid_fen=m.repaid_fen + e.repaid_fen,
    )
    if not after.given_fen:
        return after
    return replace(after, granted_on=m.granted_on or e.decided_on, grants=(*m.grants, Given(e.decided_on, after.given_fen)))


def given_in_year(state: Temporary, year: int, but: str) -> int:
    """Fen that the household got in a year from its other matters."""
    return sum(m.given_in(year) for m in state.matters.values() if m.matter_id != but)


def helped_before(state: Temporary, matter: Matter, months: int, today: date) -> bool:
    """Whether this cause was helped with within so many months, here or where the person is registered, or by another department."""
    since = dates.add_months(dates.month_of(today), -months)
    here = any(
        m.cause == matter.cause and m.given_fen and m.granted_on and dates.month_of(m.granted_on) > since
        for m in state.matters.values()
        if m.matter_id != matter.matter_id
    )
    return here or bool(matter.hukou_helped) or bool(matter.overlap.double)


def _overlaps(state: Temporary, m: Matter) -> list[Any]:
    """What is new of aid elsewhere to a matter that is not decided yet."""
    if m.status not in UNDECIDED:
        return []
    return list(aid_overlap.found_of(m.overlap, m.matter_id, m.kind, m.cause, m.happened_on, state.elsewhere.values()))


def _considered(m: Matter) -> None:
    if m.overlap.open:
        units = "、".join(dict.fromkeys(f.unit for f in m.overlap.open))
        raise out_of_order(f"该户已移交{units}救助，须先作出是否重复救助的核对结论。")


def decided_by(m: Matter) -> tuple[str, ...]:
    """The hands that decided what is paid: reviewer, approver, and whoever raised it above the ceiling. None of them may pay it; the clerk
    who draws the first grant from the fund is none of them already."""
    raised = m.deliberation.participants if m.deliberation else ()
    return (m.proposal.by if m.proposal else "", m.approved.by if m.approved else "", *raised)


def part_of(m: Matter, no: int) -> Assessment:
    """The assessment behind one instalment that was just released: the approved one, with the part that this is as its last line."""
    assert m.proposal is not None
    assert m.approved is not None
    whole, part = m.proposal.assessment, m.approved.instalments[no - 1]
    if part == whole.amount_fen:
        return whole
    lines = [*whole.lines]
    if m.again:
        drawn = min(m.drawn_fen, whole.amount_fen) - m.repaid_fen
        lines += _again(drawn, whole.amount_fen - drawn - part, part)
        return replace(whole, amount_fen=part, lines=tuple(lines))
    if m.drawn_fen:
        lines.append(Line(DRAWN, -m.drawn_fen, STAGED))
    lines.append(Line(f"分{len(m.approved.instalments)}期，第{no}期", part, STAGED))
    return replace(whole, amount_fen=part, lines=tuple(lines))


def is_part_of(recorded: Assessment, whole: Assessment) -> bool:
    """Whether ``recorded`` is an instalment that ``part_of`` makes of this assessment: its own lines at the end say which (决定重算)."""
    own = recorded.lines[len(whole.lines) :]
    if own and own[-1].label == AGAIN:
        less = {line.label: -(line.amount_fen or 0) for line in own[:-1]}
        drawn, paid = less.get(DRAWN, 0), less.get(PAID, 0)
        part = whole.amount_fen - drawn - paid
        lines = (*whole.lines, *_again(drawn, paid, part))
        return min(drawn, paid) >= 0 and 0 < part < whole.amount_fen and recorded == replace(whole, amount_fen=part, lines=lines)
    drawn = -(own[0].amount_fen or 0) if len(own) == 2 and own[0].label == DRAWN else 0
    found = _PART.fullmatch(own[-1].label) if own else None
    if found is None or len(own) > 2 or (len(own) == 2) != (drawn > 0):
        return False
    number, no = int(found[1]), int(found[2])
    parts = _parts(max(whole.amount_fen - drawn, 0), number)
    if not 1 <= no <= len(parts) == number:
        return False
    lines = (*whole.lines, *([Line(DRAWN, -drawn, STAGED)] if drawn else []), Line(own[-1].label, parts[no - 1], STAGED))
    return recorded == replace(whole, amount_fen=parts[no - 1], lines=lines)


def _again(drawn: int, paid: int, part: int) -> list[Line]:
    """The lines of what is paid after an appeal: less what the household still has of the first grant, and what was paid before."""
    less = [Line(label, -fen, STAGED) for label, fen in ((DRAWN, drawn), (PAID, paid)) if fen]
    return [*less, Line(AGAIN, part, STAGED)]


# -- Commands


@command("apply_temporary", permission="assistance:accept")
@dataclass(frozen=True)
class ApplyTemporary:
    subject_id: str
    matter_id: str
    division: str
    payee_id: str
    kind: str
    cause: str
    happened_on: date
    loss_fen: int = 0
    hukou_division: str = ""
    discovered: bool = False
    handoff_id: str = ""


@command("accept_temporary", permission="assistance:accept")
@dataclass(frozen=True)
class AcceptTemporary:
    """受理."""

    subject_id: str
    matter_id: str


@command("refuse_temporary_acceptance", permission="assistance:accept")
@dataclass(frozen=True)
class RefuseTemporaryAcceptance:
    """不予受理，须说明理由."""

    subject_id: str
    matter_id: str
    reason: str


@command("withdraw_temporary", permission="assistance:accept")
@dataclass(frozen=True)
class WithdrawTemporary:
    """申请人撤回申请."""

    subject_id: str
    matter_id: str
    reason: str


@command("record_hukou_answer", permission="assistance:accept")
@dataclass(frozen=True)
class RecordHukouAnswer:
    """户籍地核查结果: whether the home place has helped for this cause already."""

    subject_id: str
    matter_id: str
    already_helped: bool
    reference: str


@command("grant_first", permission="assistance:accept")
@dataclass(frozen=True)
class GrantFirst:
    """The amount and the fund are put in by the service; the draw itself is the fund's."""

    subject_id: str
    matter_id: str
    fund_id: str
    amount_fen: int
    assessment: Assessment


@command("complete_papers", permission="assistance:survey")
@dataclass(frozen=True)
class CompletePapers:
    """核实（补齐手续）: what was found, what it cost as far as the papers show, and whether what was claimed is not so at all."""

    subject_id: str
    matter_id: str
    finding: str
    loss_fen: int
    untrue: bool = False


@command("correct_papers", permission="assistance:survey")
@dataclass(frozen=True)
class CorrectPapers:
    """核实更正, before the decision: what was taken down is not what was found; a review of it is void."""

    subject_id: str
    matter_id: str
    finding: str
    loss_fen: int
    untrue: bool = False


@command("record_temporary_refusal_notice", permission="assistance:accept")
@dataclass(frozen=True)
class RecordTemporaryRefusalNotice:
    """The refusal was told in writing; ``how``: 送达方式."""

    subject_id: str
    matter_id: str
    how: str


@command("record_deliberation", permission="assistance:review")
@dataclass(frozen=True)
class RecordDeliberation:
    """一事一议: participants as staff ids, the reference of the minutes, the amount it was raised to, and why."""

    subject_id: str
    matter_id: str
    participants: tuple[str, ...]
    minutes_no: str
    raised_fen: int
    reason: str


@command("propose_temporary", permission="assistance:review")
@dataclass(frozen=True)
class ProposeTemporary:
    subject_id: str
    matter_id: str
    assessment: Assessment
    instalments: int
    form: str
    publicity_days: int


@command("decide_temporary", permission="assistance:confirm")
@dataclass(frozen=True)
class DecideTemporary:
    """``reviewed`` is what the approver has before him. ``township_fen``: up to what the township decides, by the rules of the month.

    ``repaid_fen``: after an appeal, what came in on the claim for the first grant and this decision gives back. ``payee_id`` and
    ``gone``: as in a release.
    """

    subject_id: str
    matter_id: str
    reviewed: str
    outdated: bool
    township_fen: int
    repaid_fen: int = 0
    payee_id: str = ""
    gone: bool = False


@command("release_instalment", permission="assistance:review")
@dataclass(frozen=True)
class ReleaseInstalment:
    """拨付下一期，须先核查进展. The payee of the day is put in by the service; ``gone``: there is nobody any more who could be paid."""

    subject_id: str
    matter_id: str
    no: int
    finding: str
    payee_id: str = ""
    gone: bool = False


@command("cancel_remaining", permission="assistance:confirm")
@dataclass(frozen=True)
class CancelRemaining:
    """需要已消失，取消尚未拨付的各期."""

    subject_id: str
    matter_id: str
    reason: str


@command("give_back_repayment", permission="assistance:note")
@dataclass(frozen=True)
class GiveBackRepayment:
    """By the service, when the claim was met: so much more had come in than the second decision knew of."""

    subject_id: str
    matter_id: str
    amount_fen: int
    payee_id: str = ""


@command("file_temporary_appeal", permission="assistance:accept")
@dataclass(frozen=True)
class FileTemporaryAppeal:
    """申请复核: against the newest decision of the matter."""

    subject_id: str
    matter_id: str
    reason: str


@command("answer_temporary_appeal", permission="assistance:confirm")
@dataclass(frozen=True)
class AnswerTemporaryAppeal:
    subject_id: str
    matter_id: str
    outcome: Literal["upheld", "dismissed"]
    reason: str


@command("withdraw_temporary_appeal", permission="assistance:accept")
@dataclass(frozen=True)
class WithdrawTemporaryAppeal:
    subject_id: str
    matter_id: str


@command("note_temporary_overdue", permission="assistance:record")
@dataclass(frozen=True)
class NoteTemporaryOverdue:
    """By the timer: ``what`` has not been done in time."""

    subject_id: str
    matter_id: str
    what: str


# -- Decisions


def _matter(state: Temporary, c: Any, act: str, *statuses: str) -> Matter:
    m = state.matters.get(c.matter_id)
    if m is None:
        raise Refused("not_found", "没有此临时救助事项。", "matter_id")
    if statuses and m.status not in statuses:
        raise out_of_order(f"当前状态不能办理“{act}”。")
    return m


def apply_temporary(state: Temporary, c: ApplyTemporary, order: Order[Any]) -> Sequence[Any]:
    where = divisions.check(c.division)
    if c.kind not in KINDS:
        raise invalid("类型须为急难型或支出型。", "kind")
    if c.cause not in CAUSES:
        raise invalid("事由不在允许的取值范围内。", "cause")
    if not is_person_id(c.payee_id):
        raise invalid("领款人标识不正确。", "payee_id")
    if not date(2000, 1, 1) <= c.happened_on <= order.today:
        raise invalid("发生日期不合理。", "happened_on")
    money.check(c.loss_fen, "loss_fen")
    hukou = divisions.check(c.hukou_division, "hukou_division") if c.hukou_division else ""
    if any(m.under_way for m in state.matters.values()):
        raise Refused("already_exists", "该户已有在办的临时救助事项。", "subject_id")
    if c.matter_id in state.matters:
        raise Refused("already_exists", "该事项已经办过，请另行申请。", "matter_id")
    if hukou and c.kind != "emergency":
        raise invalid("户籍不在本地的，由急难发生地办理急难型救助。", "kind")
    applied = TemporaryApplied(
        c.subject_id, c.matter_id, where, c.payee_id, c.kind, c.cause, c.happened_on, c.loss_fen, hukou, c.discovered, order.hand.actor,
        c.handoff_id,
    )  # fmt: skip
    asked = [HukouPlaceNotified(c.subject_id, c.matter_id, c.payee_id, hukou, where, c.kind, c.cause)] if hukou else []
    after = evolve(state, applied)
    came = not c.discovered and not c.handoff_id  # else nobody stood at the window who could have been told
    told = [t for m in state.matters.values() for t in _told(m, "申请人再次申请时当面告知", order)] if came else []
    return [*told, applied, *asked, *_overlaps(after, after.matters[c.matter_id])]


def accept_temporary(state: Temporary, c: AcceptTemporary, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "受理", "applied")
    by = order.now + timedelta(hours=FIRST_GRANT_HOURS) if m.kind == "emergency" else None
    return [TemporaryAccepted(m.matter_id, order.now, by, order.hand.actor)]


def refuse_acceptance(state: Temporary, c: RefuseTemporaryAcceptance, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "不予受理", "applied")
    if m.to_accept:
        raise out_of_order("复核已决定应予受理。")
    reason = said(c.reason, "reason", "不予受理的理由")
    return [TemporaryRefused(state.subject_id, m.matter_id, 0, reason, order.hand.actor, order.today, True), _owed(m, order)]


def _owed(m: Matter, order: Order[Any]) -> TemporaryNoticeOwed:
    return TemporaryNoticeOwed(m.matter_id, dates.add_working_days(order.today, TERMS.refusal_notice_days))


def _told(m: Matter, how: str, order: Order[Any]) -> list[TemporaryRefusalTold]:
    """Who stands at the window has heard of it."""
    return [TemporaryRefusalTold(m.matter_id, order.today, how, order.hand.actor)] if m.notice_due else []


def record_refusal_notice(state: Temporary, c: RecordTemporaryRefusalNotice, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "不予决定告知")
    if m.notice_due is None:
        raise out_of_order("没有待告知的不予决定。")
    return _told(m, said(c.how, "how", "送达方式"), order)


def withdraw(state: Temporary, c: WithdrawTemporary, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "撤回申请", *UNDECIDED)
    if m.earlier is not None:  # the decision that was appealed against stands meanwhile
        raise out_of_order("该事项经复核正在重新审核，不能撤回申请。")
    reason = said(c.reason, "reason", "撤回理由")
    return [TemporaryWithdrawn(state.subject_id, m.matter_id, m.drawn_fen, reason, order.hand.actor)]


def record_hukou_answer(state: Temporary, c: RecordHukouAnswer, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "登记户籍地核查结果", *ANSWERABLE)
    if not m.hukou_division:
        raise out_of_order("该事项无需户籍地核查。")
    if m.hukou_helped == c.already_helped:
        return []
    return [HukouPlaceAnswered(m.matter_id, c.already_helped, said(c.reference, "reference", "核查文号或联系记录"), order.hand.actor)]


def grant_first(state: Temporary, c: GrantFirst, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "先行救助", "accepted")
    if m.kind != "emergency":
        raise out_of_order("只有急难型可以先行救助。")
    if not c.assessment.eligible or c.amount_fen <= 0:
        raise Refused("out_of_order", f"不符合临时救助条件：{c.assessment.reason}。", "assessment")
    if c.amount_fen > c.assessment.amount_fen:
        raise invalid("先行救助不得超过按规则计算的金额。", "amount_fen")
    assert m.first_grant_by is not None
    papers_by = dates.add_working_days(order.today, PAPERS_DAYS)
    in_time = order.now <= m.first_grant_by
    return [FirstGranted(m.matter_id, c.fund_id, c.amount_fen, c.assessment, order.now, in_time, papers_by, order.hand.actor)]


def complete_papers(state: Temporary, c: CompletePapers, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "核实", "accepted", "granted_pending_papers", "verified")
    if m.status == "verified" and m.earlier is None:
        raise out_of_order("当前状态不能办理“核实”。")
    return [_found(m, c, order)]


def _found(m: Matter, c: CompletePapers | CorrectPapers, order: Order[Any]) -> PapersCompleted:
    money.check(c.loss_fen, "loss_fen")
    if c.untrue and c.loss_fen:
        raise invalid("核实不属实的，损失（支出）金额应为0。", "loss_fen")
    finding = said(c.finding, "finding", "核实意见")
    return PapersCompleted(m.matter_id, order.today, finding, c.loss_fen, order.hand.actor, c.untrue)


def correct_papers(state: Temporary, c: CorrectPapers, order: Order[Any]) -> Sequence[Any]:
    """By a second hand, which then takes no part in review and decision; what was reviewed and publicised by the wrong one is void."""
    m = _matter(state, c, "核实更正", "verified", "proposed")
    if not m.verified_by:
        raise out_of_order("尚无核实记录可更正。")
    not_the_same_hand(order, m.verified_by)
    if m.objection is not None:
        raise out_of_order("公示异议尚未答复；异议成立的，重新审核前可以更正。")
    found = _found(m, c, order)
    if (found.loss_fen, found.finding if found.untrue else "") == (m.loss_fen, m.untrue) and m.status == "proposed":
        raise invalid("与原核实结论相同，无需更正。", "loss_fen")
    void = [TemporaryProposalVoided(m.matter_id, "核实情况更正，须重新审核。", state.subject_id)] if m.status == "proposed" else []
    return [*void, found]


def record_deliberation(state: Temporary, c: RecordDeliberation, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "一事一议", "verified", "proposed")
    if len(set(c.participants)) < FEWEST_DELIBERATING or any(not p.startswith("staff:") for p in c.participants):
        raise invalid(f"参加人员须为{FEWEST_DELIBERATING}名以上工作人员。", "participants")
    money.check(c.raised_fen, "raised_fen")
    if c.raised_fen == 0:
        raise invalid("请填写议定金额。", "raised_fen")
    minutes = said(c.minutes_no, "minutes_no", "会议纪要编号")
    held = DeliberationRecorded(
        m.matter_id, tuple(sorted(set(c.participants))), minutes, c.raised_fen, said(c.reason, "reason", "理由"), order.hand.actor
    )
    return [held, *([TemporaryProposalVoided(m.matter_id, "经一事一议，须重新审核。", state.subject_id)] if m.status == "proposed" else [])]


def propose_temporary(state: Temporary, c: ProposeTemporary, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "审核", "verified")
    not_the_same_hand(order, *m.clerks)
    if m.hukou_division and m.hukou_helped is None:
        raise out_of_order("尚未收到户籍地核查结果，不能审核。")
    _considered(m)
    if not 1 <= c.instalments <= MOST_INSTALMENTS:
        raise invalid(f"期数须在1至{MOST_INSTALMENTS}之间。", "instalments")
    if c.form not in FORMS:
        raise invalid("救助方式不在允许的取值范围内。", "form")
    public = m.kind == "expenditure" and c.assessment.eligible
    until = order.today + timedelta(days=c.publicity_days) if public else None
    reviewed, by = reviewed_hash(c.assessment), order.hand.actor
    return [TemporaryProposed(m.matter_id, c.assessment, reviewed, c.instalments, c.form, until, by, state.subject_id, order.today)]


def decide_temporary(state: Temporary, c: DecideTemporary, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "审批", "proposed")
    proposal = m.proposal
    assert proposal is not None
    not_the_same_hand(order, *m.clerks, proposal.by, m.earlier.answered_by if m.earlier else "")
    if c.reviewed != proposal.reviewed:
        raise Refused("version_conflict", "审批内容与审核内容不一致，请重新查看。", "reviewed")
    if c.outdated:
        return [TemporaryProposalVoided(m.matter_id, "情况发生变化，须重新审核。", state.subject_id)]
    _considered(m)
    if m.objection is not None:
        raise out_of_order("公示异议尚未答复，不能审批。")
    if proposal.publicised_until is not None and order.today <= proposal.publicised_until:
        raise Refused("not_yet_due", f"公示期至{proposal.publicised_until.isoformat()}，期满后方可审批。", None)
    by = order.hand.actor
    found = proposal.assessment
    amount = found.amount_fen if found.eligible else 0
    # Money after a referral is better than what was approved before, whatever the sum; another referral is not.
    before_fen = m.approved.amount_fen - m.cancelled_fen if m.approved and proposal.form == "referral" else m.given_fen
    if m.earlier is not None and m.standing != "refused" and amount <= before_fen:
        why = f"经重新计算，不高于原批准金额：{found.reason}" if found.reason else "经重新计算，不高于原批准金额"
        return [TemporaryDecisionStands(m.matter_id, m.standing, why, by)]
    if not found.eligible:
        return [TemporaryRefused(state.subject_id, m.matter_id, m.drawn_fen, _why_not(m, found), by, order.today), _owed(m, order)]
    raised = m.deliberation is not None and amount == m.deliberation.raised_fen
    level = "deliberation" if raised else "township" if amount <= c.township_fen else "county"
    if level != "township" and len(order.hand.division) > 6:
        raise Refused("wrong_division", "超过乡镇（街道）审批限额，须由县级审批。", "matter_id")
    if c.repaid_fen and proposal.form != "cash":
        return [TemporaryProposalVoided(m.matter_id, "已归还的先行救助款须以现金退还，请按现金方式重新审核。", state.subject_id)]
    left = max(amount - m.drawn_fen, 0)
    if m.earlier is None:
        before: tuple[int, ...] = ()
        parts = _parts(left, proposal.instalments) if proposal.form == "cash" else ()
        finding = "审批同时拨付第一期"
    else:
        before = tuple(m.approved.instalments[no - 1] for no in m.released) if m.approved else ()
        rest = left + m.repaid_fen + c.repaid_fen - m.paid_fen
        parts = (rest,) if rest > 0 and proposal.form == "cash" else ()
        finding = "复核后一次补发"
    approved = TemporaryApproved(
        state.subject_id, m.matter_id, amount, m.drawn_fen, level, (*before, *parts), order.today, by, c.repaid_fen
    )  # fmt: skip
    if not parts or c.gone:  # what nobody is left to be paid is there to be cancelled
        return [approved]
    return [approved, InstalmentReleased(state.subject_id, m.matter_id, len(before) + 1, parts[0], finding, by, c.payee_id)]


def _why_not(m: Matter, found: Assessment) -> str:
    """The reason of a refusal: of what is not so, with what was found; of aid that another department gave for the same, that, in the
    words of whoever considered it."""
    if m.untrue:
        return f"{found.reason}：{m.untrue}"
    if not m.overlap.double or m.overlap.last is None:
        return found.reason
    units = "、".join(dict.fromkeys(f.unit for f in m.overlap.double))
    return f"经核对，{units}已就同一事由救助，不重复救助：{m.overlap.last.reason}"


def _parts(total: int, instalments: int) -> tuple[int, ...]:
    """Equal parts to the fen; what does not divide goes out first."""
    each, rest = divmod(total, instalments)
    return tuple(p for p in (each + (1 if n < rest else 0) for n in range(instalments)) if p)


def release_instalment(state: Temporary, c: ReleaseInstalment, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "拨付", "approved")
    assert m.approved is not None
    not_the_same_hand(order, m.approved.by)
    if c.no != len(m.released) + 1:
        raise out_of_order(f"应拨付第{len(m.released) + 1}期。")
    if c.gone:
        raise out_of_order(NOBODY_TO_PAY)
    finding, part = said(c.finding, "finding", "进展核查情况"), m.approved.instalments[c.no - 1]
    return [InstalmentReleased(state.subject_id, m.matter_id, c.no, part, finding, order.hand.actor, c.payee_id)]


def give_back(state: Temporary, c: GiveBackRepayment, order: Order[Any]) -> Sequence[Any]:
    """As soon as it is known: it is the household's own money."""
    m = _matter(state, c, "归还款退还")
    if c.amount_fen <= 0 or m.approved is None:
        return []
    back = TemporaryRepaymentGivenBack(m.matter_id, c.amount_fen)
    no = len(m.approved.instalments) + 1
    finding = "复核决定作出后归还的先行救助款退还"
    return [back, InstalmentReleased(state.subject_id, m.matter_id, no, c.amount_fen, finding, order.hand.actor, c.payee_id)]


def cancel_remaining(state: Temporary, c: CancelRemaining, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "取消余下各期", "approved")
    assert m.approved is not None
    left = sum(m.approved.instalments[len(m.released) :])
    return [RemainingCancelled(m.matter_id, left, said(c.reason, "reason", "取消理由"), order.hand.actor, order.today)]


def file_appeal(state: Temporary, c: FileTemporaryAppeal, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "申请复核", *APPEALABLE)
    if m.appeal is not None:
        raise Refused("already_exists", "已有复核申请在办。", None)
    if m.status == "not_accepted" and any(other.under_way for other in state.matters.values()):
        raise Refused("already_exists", "该户已有在办的临时救助事项。", None)
    if m.decided_on is None or order.today > m.decided_on + timedelta(days=TERMS.objection_days):
        raise Refused("out_of_order", "已超过提出复核的期限。", "matter_id")
    reason = said(c.reason, "reason", "复核理由")
    due = dates.add_working_days(order.today, TERMS.answer_days)
    told = _told(m, "申请人提出复核时当面告知", order)
    return [*told, TemporaryAppealFiled(m.matter_id, m.appeals + 1, reason, order.today, due, m.hands, order.hand.actor)]


def answer_appeal(state: Temporary, c: AnswerTemporaryAppeal, order: Order[Any]) -> Sequence[Any]:
    m, appeal = _appealed(state, c)
    not_the_same_hand(order, *m.hands, *appeal.hands, appeal.by)
    answer = TemporaryAppealAnswered(m.matter_id, c.outcome == "upheld", said(c.reason, "reason", "复核结论的理由"), order.hand.actor)
    after = evolve(state, answer)
    return [answer, *(_overlaps(after, after.matters[m.matter_id]) if answer.upheld else ())]


def withdraw_appeal(state: Temporary, c: WithdrawTemporaryAppeal, order: Order[Any]) -> Sequence[Any]:
    m, _ = _appealed(state, c)
    return [TemporaryAppealWithdrawn(m.matter_id, order.hand.actor)]


def _appealed(state: Temporary, c: Any) -> tuple[Matter, TemporaryAppealFiled]:
    m = _matter(state, c, "复核")
    if m.appeal is None:
        raise out_of_order("没有在办的复核申请。")
    return m, m.appeal


def note_aid_elsewhere(state: Temporary, c: NoteAidElsewhere, order: Order[Any]) -> Sequence[Any]:
    """Told twice, or late, it changes nothing; every matter that is not decided yet learns what is new of it."""
    noted = aid_overlap.noted(c)
    known = state.elsewhere.get(c.handoff_id)
    if known is not None and c.status in (known.status, "sent"):
        return []
    after = evolve(state, noted)
    return [noted, *(found for m in after.matters.values() for found in _overlaps(after, m))]


def answer_overlap(state: Temporary, c: AnswerTemporaryOverlap, order: Order[Any]) -> Sequence[Any]:
    m = _matter(state, c, "重复救助核对", *UNDECIDED)
    if not m.overlap.open:
        raise out_of_order("没有待核对的重复救助情形。")
    not_the_same_hand(order, *m.clerks)
    numbers = tuple(f.number for f in m.overlap.open)
    return [TemporaryOverlapAnswered(m.matter_id, numbers, c.outcome, said(c.reason, "reason", "核对结论的理由"), order.hand.actor)]


def note_overdue(state: Temporary, c: NoteTemporaryOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or was noted before: the timer may be late, or run twice."""
    m = _matter(state, c, "逾期登记")
    late = {
        "first_grant": m.status == "accepted" and m.kind == "emergency",
        "papers": m.status == "granted_pending_papers",
        "appeal": m.appeal is not None and m.appeal.due_on is not None and order.today > m.appeal.due_on,
        "objection": m.objection is not None and m.objection.due_on is not None and order.today > m.objection.due_on,
        "notice": m.notice_due is not None and order.today > m.notice_due,
    }
    if not late.get(c.what) or c.what in m.overdue:
        return []
    return [TemporaryOverdue(state.subject_id, m.matter_id, m.division, c.what)]


DECIDER: Decider[Temporary] = Decider(
    category="assistance.temporary",
    initial=Temporary(),
    evolve=evolve,
    decide={
        ApplyTemporary: apply_temporary,
        AcceptTemporary: accept_temporary,
        RefuseTemporaryAcceptance: refuse_acceptance,
        WithdrawTemporary: withdraw,
        RecordHukouAnswer: record_hukou_answer,
        GrantFirst: grant_first,
        CompletePapers: complete_papers,
        CorrectPapers: correct_papers,
        RecordTemporaryRefusalNotice: record_refusal_notice,
        deceased.CloseTemporaryDeceased: deceased.close,
        deceased.ReopenTemporary: deceased.reopen,
        RecordDeliberation: record_deliberation,
        ProposeTemporary: propose_temporary,
        publicity.RaiseTemporaryObjection: publicity.raise_objection,
        publicity.AnswerTemporaryObjection: publicity.answer_objection,
        DecideTemporary: decide_temporary,
        ReleaseInstalment: release_instalment,
        GiveBackRepayment: give_back,
        CancelRemaining: cancel_remaining,
        FileTemporaryAppeal: file_appeal,
        AnswerTemporaryAppeal: answer_appeal,
        WithdrawTemporaryAppeal: withdraw_appeal,
        NoteTemporaryOverdue: note_overdue,
        NoteAidElsewhere: note_aid_elsewhere,
        AnswerTemporaryOverlap: answer_overlap,
    },
    division=lambda state: state.division,
    of_item=lambda state, matter_id: state.matters[matter_id].division if matter_id in state.matters else "",
    item="matter_id",
)

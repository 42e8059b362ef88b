"""Temporary assistance doors (临时救助): facts and rules are put in here, and the reserve fund, the claim and the payment follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from services.assistance import aid_overlap, determination, household, person, placement, temporary, temporary_deceased
from services.assistance.benefits import CASES, alone, assessed, known, rules_now
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.doors.handoffs import application
from services.assistance.doors.temporary_publicity import TemporaryPublicityDoors
from services.assistance.programmes import TEMPORARY_ASSISTANCE
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.temporary import APPEAL_DUE, FIRST_GRANT_DUE, NOTICE_DUE, PAPERS_DUE, by_urgency, waits
from shared.casework import benefit_case, fund, handoff, recovery
from shared.casework.shape import one_per_subject
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, Unavailable, invalid
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.messaging.answering import answers, kept, rows
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.showing import caught_up, shown
from shared.rules.assessment import Assessment
from shared.rules.facts import HouseholdFacts, TemporaryFacts
from shared.security.permissions import within

CODE = TEMPORARY_ASSISTANCE.code
FUND = "temporary_assistance_reserve_fund"
HUKOU_NOTICE = "emergency_notice_to_hukou_place"
EXCESS = "先行救助金额超过正式审批金额"
GIVEN_UP = "先行救助后撤回申请"


@dataclass(frozen=True)
class TemporaryForm:
    """临时救助申请: a household, or a person whom no household of the register counts. ``division``: the town that handles it; for an
    emergency the one where it happened. ``hukou_division``: where the person is registered, if not here. ``handoff_id``: the accepted
    hand-off (转办) that it comes of. Money is fen."""

    kind: str = field(metadata={"codes": temporary.KINDS})
    cause: str = field(metadata={"codes": temporary.CAUSES})
    happened_on: date
    division: str
    household_id: str = ""
    person_id: str = ""
    loss_fen: int = 0
    hukou_division: str = ""
    discovered: bool = False
    handoff_id: str = ""


@dataclass(frozen=True)
class MatterRef:
    """Which matter: everything else is put in from the facts and the rules."""

    subject_id: str
    matter_id: str


@dataclass(frozen=True)
class ProposalForm:
    """审核: in how many instalments, and whether in cash, goods or by referral; the amount is the rules'."""

    subject_id: str
    matter_id: str
    instalments: int = 1
    form: str = field(default="cash", metadata={"codes": temporary.FORMS})


@dataclass(frozen=True)
class DecisionForm:
    """审批: what was reviewed, by its hash."""

    subject_id: str
    matter_id: str
    reviewed: str


@dataclass(frozen=True)
class ReleaseForm:
    """拨付: which instalment, and how things stand; the payee is put in as the household stands on the day."""

    subject_id: str
    matter_id: str
    no: int
    finding: str


@dataclass(frozen=True)
class Decided:
    """Our own ``assistance.temporary_approved``, ``temporary_refused`` and ``temporary_withdrawn``; only the first approves something."""

    subject_id: str
    matter_id: str
    drawn_fen: int
    amount_fen: int = 0


@dataclass(frozen=True)
class Released:
    """Our own ``assistance.instalment_released``."""

    subject_id: str
    matter_id: str
    no: int


@dataclass(frozen=True)
class PaidBack:
    """Our own ``assistance.payment_returned``."""

    case_id: str
    programme: str


@dataclass(frozen=True)
class HukouAsked:
    """Our own ``assistance.hukou_place_notified``."""

    subject_id: str
    matter_id: str
    division: str
    hukou_division: str


@dataclass(frozen=True)
class HukouAnswered:
    """Our own ``assistance.handoff_done``."""

    programme: str
    number: str
    subject_id: str
    outcome: str


def _asked_as(matter_id: str) -> str:
    return f"hukou-{matter_id}"


class TemporaryDoors(TemporaryPublicityDoors):
    """临时救助."""

    def item_of(self, category: str, state: Any) -> str:
        """One after another: the newest matter is the one under way."""
        return list(state.matters)[-1] if category == "temporary" and state.matters else super().item_of(category, state)

    def known_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """Of a matter: what was reviewed, and which instalment comes next."""
        m = state.matters.get(item) if category == "temporary" else None
        if m is None:
            return super().known_of(category, state, key, item)
        return {"reviewed": m.proposal.reviewed if m.proposal else "", "no": len(m.released) + 1}

    def elsewhere_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """Of a matter that a death may close: whether somebody lives whom it is for."""
        m = state.matters.get(item) if category == "temporary" else None
        if m is None or m.status not in temporary_deceased.CLOSABLE:
            return super().elsewhere_of(category, state, key, item)
        return {"alive": not self._paid_today(key, m, self.office.clock.now().date())[1]}

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """A matter by its status."""
        m = state.matters.get(item) if category == "temporary" else None
        if m is None:
            return super().stands_of(category, state, item)
        worklist, due_on = waits(m)
        return {"worklist": worklist, "due_on": due_on}

    @command(TemporaryForm, permission="assistance:accept")
    def apply_temporary(self, order: Order[TemporaryForm]) -> Any:
        """临时救助申请，或主动发现；急难发生地受理，户籍在外地的同时通报户籍地。"""
        c = order.command
        division = divisions.check(c.division)
        within(order.hand, division)
        subject_id = c.household_id or c.person_id
        if not subject_id or (c.household_id and c.person_id):
            raise invalid("请填写家庭或人员之一。", "household_id")
        month = dates.month_of(order.today)
        if c.person_id and self.office.load(placement.DECIDER, c.person_id).state.home_in(month):
            raise invalid("该人员已登记在家庭中，请以其家庭申请临时救助。", "person_id")
        if any(m.under_way for _, other in self._beside(subject_id) for m in other.matters.values()):
            raise Refused("already_exists", "该户成员或其所在家庭已有在办的临时救助事项。", "subject_id")
        home = self._home_of_matter(subject_id, division, month)
        payee = c.person_id
        if c.household_id:
            payee = household.payee_in(self.office.load(household.DECIDER, c.household_id).state, home)
        else:
            payee = person.payee_in(known(self.office, c.person_id, month).state, month) or c.person_id
        apply = temporary.ApplyTemporary(
            subject_id, derived_id("temporary", order.command_id), division, payee, c.kind, c.cause, c.happened_on, c.loss_fen,
            c.hukou_division, c.discovered, c.handoff_id,
        )  # fmt: skip
        taken = self._taken_up(apply, order) if c.handoff_id else None
        self._tell_elsewhere(subject_id, order)
        # The town that handles the matter was checked; an earlier matter may have been another town's.
        applied = self.office.handle(temporary.DECIDER, subject_id, order.to(apply).by(replace(order.hand, division="")))
        if taken is not None:
            self.office.handle(DECIDERS[handoff.NAME], c.handoff_id, taken)
        return applied

    def _taken_up(self, c: temporary.ApplyTemporary, order: Order[TemporaryForm]) -> Order[Any]:
        """The matter comes of a hand-off that was accepted, of this household or somebody in it: that is known before it is filed."""
        sent = application(self.office, c.handoff_id, order.hand)
        if sent.subject_id not in ("", c.subject_id, *self.office.load(household.DECIDER, c.subject_id).state.members):
            raise invalid("此项转办所涉人员不是该申请对象。", "handoff_id")
        taken = order.to(handoff.TakeUpHandoff(c.handoff_id, c.matter_id, CODE), "take up")
        self.office.rehearse(DECIDERS[handoff.NAME], c.handoff_id, taken)
        return taken

    @command(temporary.AcceptTemporary)
    def accept_temporary(self, order: Order[temporary.AcceptTemporary]) -> Any:
        """受理；急难型自此二十四小时内须先行救助。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.RefuseTemporaryAcceptance)
    def refuse_temporary_acceptance(self, order: Order[temporary.RefuseTemporaryAcceptance]) -> Any:
        """不予受理，须说明理由；可以申请复核。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.RecordTemporaryRefusalNotice)
    def record_temporary_refusal_notice(self, order: Order[temporary.RecordTemporaryRefusalNotice]) -> Any:
        """登记不予受理、不予救助决定的书面告知。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(MatterRef, permission="assistance:accept", does=temporary_deceased.CloseTemporaryDeceased)
    def close_temporary_deceased(self, order: Order[MatterRef]) -> Any:
        """救助对象均已死亡的，终止办理尚未作出决定的事项；先行救助已发的不追回。"""
        c = order.command
        _, gone = self._paid_today(c.subject_id, self._matter(c.subject_id, c.matter_id), order.today)
        close = temporary_deceased.CloseTemporaryDeceased(c.subject_id, c.matter_id, not gone)
        return self.office.handle(temporary.DECIDER, c.subject_id, order.to(close))

    @command(temporary.WithdrawTemporary)
    def withdraw_temporary(self, order: Order[temporary.WithdrawTemporary]) -> Any:
        """撤回申请（审批前由申请人提出）；先行救助已发的，按规定追回。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.RecordHukouAnswer)
    def record_hukou_answer(self, order: Order[temporary.RecordHukouAnswer]) -> Any:
        """登记户籍地核查结果（是否已因同一事由救助）。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(MatterRef, permission="assistance:accept", does=temporary.GrantFirst)
    def grant_first(self, order: Order[MatterRef]) -> Any:
        """先行救助：按规则计算，以备用金单次限额为限，自所在乡镇（街道）备用金支取，手续后补。"""
        c = order.command
        m = self._matter(c.subject_id, c.matter_id)
        assessment = self._matter_says(c.subject_id, m, order.today)
        fund_id = self._fund_of(m.division)
        reserve: fund.Fund = self.office.load(DECIDERS["fund"], fund_id).state
        limit = reserve.terms.draw_limit  # as it was when the fund was set up
        amount = min(assessment.amount_fen, limit) if limit else assessment.amount_fen
        grant = temporary.GrantFirst(c.subject_id, c.matter_id, fund_id, amount, assessment)
        # Whether it may be granted is known before the money leaves the fund; a draw that was made before a crash is found again.
        self.office.rehearse(temporary.DECIDER, c.subject_id, order.to(grant))
        if c.matter_id in reserve.draws:
            drawn = reserve.open_draws.get(c.matter_id)
            if drawn is None or drawn.amount != amount:
                raise Refused("amount_changed", "该事项已有一笔支取且金额不同，请先核销。", "matter_id")
        else:
            draw = fund.DrawFromFund(fund_id, c.matter_id, amount, c.matter_id)
            self.office.handle(DECIDERS["fund"], fund_id, order.to(draw, "draw"))
        return self.office.handle(temporary.DECIDER, c.subject_id, order.to(grant))

    @command(temporary.CompletePapers)
    def complete_papers(self, order: Order[temporary.CompletePapers]) -> Any:
        """核实（急难型：补齐手续）；所称情况不属实的，注明并写明核实情况，按规则不予救助，先行救助已发的追回。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.CorrectPapers)
    def correct_papers(self, order: Order[temporary.CorrectPapers]) -> Any:
        """核实更正（审批前，由另一人办理）：原核实记录与实际不符的，更正后重新审核。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.RecordDeliberation)
    def record_deliberation(self, order: Order[temporary.RecordDeliberation]) -> Any:
        """一事一议：参加人员、纪要编号、议定金额、理由。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(ProposalForm, permission="assistance:review", does=temporary.ProposeTemporary)
    def propose_temporary(self, order: Order[ProposalForm]) -> Any:
        """审核：由规则计算（与经办不得为同一人）。"""
        c = order.command
        assessment = self._matter_says(c.subject_id, self._matter(c.subject_id, c.matter_id), order.today)
        propose = temporary.ProposeTemporary(
            c.subject_id, c.matter_id, assessment, c.instalments, c.form, TEMPORARY_ASSISTANCE.publicity_days
        )
        return self.office.handle(temporary.DECIDER, c.subject_id, order.to(propose))

    @command(DecisionForm, permission="assistance:confirm", does=temporary.DecideTemporary)
    def decide_temporary(self, order: Order[DecisionForm]) -> Any:
        """审批：乡镇（街道）限额以内由其审批，以上由县级审批；对所审核的内容（摘要一致）作出。"""
        c = order.command
        self.nothing_waits(c.matter_id, order.today)
        m = self._matter(c.subject_id, c.matter_id)
        now = self._matter_says(c.subject_id, m, order.today)
        reviewed = m.proposal.assessment if m.proposal else now
        outdated = (now.eligible, now.amount_fen) != (reviewed.eligible, reviewed.amount_fen)
        decide = temporary.DecideTemporary(
            c.subject_id, c.matter_id, c.reviewed, outdated, self._temporary_figure("ceiling.township", order.today),
            self._repaid(c.subject_id, m, reviewed), *self._paid_today(c.subject_id, m, order.today),
        )  # fmt: skip
        return self.office.handle(temporary.DECIDER, c.subject_id, order.to(decide))

    @command(ReleaseForm, permission="assistance:review", does=temporary.ReleaseInstalment)
    def release_instalment(self, order: Order[ReleaseForm]) -> Any:
        """核查进展后拨付下一期，发给该户当日的领款人。"""
        c = order.command
        paid = self._paid_today(c.subject_id, self._matter(c.subject_id, c.matter_id), order.today)
        release = temporary.ReleaseInstalment(c.subject_id, c.matter_id, c.no, c.finding, *paid)
        return self.office.handle(temporary.DECIDER, c.subject_id, order.to(release))

    @command(temporary.CancelRemaining)
    def cancel_remaining(self, order: Order[temporary.CancelRemaining]) -> Any:
        """取消余下各期。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.FileTemporaryAppeal)
    def file_temporary_appeal(self, order: Order[temporary.FileTemporaryAppeal]) -> Any:
        """对审批决定申请复核（决定之日起六十日内）。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.AnswerTemporaryAppeal)
    def answer_temporary_appeal(self, order: Order[temporary.AnswerTemporaryAppeal]) -> Any:
        """答复复核申请，须由未参与该事项的人员办理；予以支持的，重新审核、审批。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @command(temporary.WithdrawTemporaryAppeal)
    def withdraw_temporary_appeal(self, order: Order[temporary.WithdrawTemporaryAppeal]) -> Any:
        """撤回复核申请。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @query(permission="assistance:read")
    @answers(kept(temporary.Temporary))
    def get_temporary(self, hand: Hand, subject_id: str, as_of: datetime | None = None) -> Any:
        """一户（人）的历次临时救助（可查询过去任一时刻）。"""
        state: temporary.Temporary = self.office.load(temporary.DECIDER, subject_id, as_of).state
        if any(divisions.covers(hand.division, m.division) for m in state.matters.values()):
            hand = replace(hand, division="")  # an older matter may be another town's than the newest
        return shown(self.office, temporary.DECIDER, subject_id, hand, as_of)

    @query(permission="assistance:read")
    @answers(rows(TABLES["temporary"].matters, adds={"place": str}))
    def list_temporary(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """本辖区临时救助事项，急难和逾期的在前；未指定状态时只列在办的；after：上一页末行的 place。"""
        caught_up(self.office, MODEL, position)
        return by_urgency(self.office.read, TABLES["temporary"], hand.division, status, limit, after)

    # -- the home place of somebody from elsewhere

    @reaction(OWN, "hukou_place_notified", reads=HukouAsked)
    def on_hukou_place_notified(self, notice: Notice[HukouAsked]) -> None:
        """The home place is told, and asked, by a hand-off: one unit has it at every moment, and silence is escalated."""
        f = notice.facts
        terms = DECLARATIONS[HUKOU_NOTICE].terms
        number = handoff.acceptance_no(f.division, _asked_as(f.matter_id))
        what = "急难发生地已受理临时救助，请核对户籍地是否已因同一事由救助"
        told = handoff.SendHandoff(
            HUKOU_NOTICE, f.division, f.division, f.hukou_division, what, handoff.dossier_hash(f.matter_id.encode()), f.subject_id,
            terms=terms,
        )  # fmt: skip
        # The number of a hand-off follows from the command's id: here from the matter, so that the answer finds it.
        order = replace(notice.order(told), command_id=_asked_as(f.matter_id))
        self.office.handle(DECIDERS[handoff.NAME], handoff.record_of(number), order)

    @reaction(OWN, "handoff_done", reads=HukouAnswered)
    def on_hukou_place_answered(self, notice: Notice[HukouAnswered]) -> None:
        """The home place has answered: the review can go on."""
        f = notice.facts
        if f.programme != HUKOU_NOTICE:
            return
        state: temporary.Temporary = self.office.load(temporary.DECIDER, f.subject_id).state
        for m in state.matters.values():
            if handoff.acceptance_no(m.division, _asked_as(m.matter_id)) == f.number and m.status in temporary.ANSWERABLE:
                answer = temporary.RecordHukouAnswer(f.subject_id, m.matter_id, f.outcome == "already_aided", f.number)
                self.office.handle(temporary.DECIDER, f.subject_id, notice.order(answer))

    # -- what follows a decision

    @reaction(OWN, "temporary_approved", reads=Decided)
    def on_temporary_approved(self, notice: Notice[Decided]) -> None:
        """The formal decision settles what was drawn from the reserve fund."""
        self._settle_draw(notice)

    @reaction(OWN, "temporary_refused", reads=Decided)
    def on_temporary_refused(self, notice: Notice[Decided]) -> None:
        """Nothing is due: what was granted first is claimed back, once."""
        self._settle_draw(notice)

    @reaction(OWN, "temporary_withdrawn", reads=Decided)
    def on_temporary_withdrawn(self, notice: Notice[Decided]) -> None:
        """Nothing will be decided: what was granted first is claimed back, as after a refusal."""
        self._settle_draw(notice, GIVEN_UP)

    @reaction(OWN, "temporary_closed", reads=Decided)
    def on_temporary_closed(self, notice: Notice[Decided]) -> None:
        """终止办理 after a death: what was granted first was for him, and is not claimed back; the fund's draw is settled."""
        self._settle_draw(notice, "")

    def _settle_draw(self, notice: Notice[Decided], why: str = EXCESS) -> None:
        f = notice.facts
        before, decisions = self._until(f.subject_id, f.matter_id, notice.event_id)
        m = before.matters[f.matter_id]
        if m.first is None:
            return
        state: fund.Fund = self.office.load(DECIDERS["fund"], m.first.fund_id).state
        if f.matter_id in state.open_draws:
            # The money has left the fund, all of it: what the decision does not cover is a claim, not cash that has come back.
            settle = fund.SettleFundDraw(m.first.fund_id, f.matter_id, f.matter_id, m.drawn_fen)
            self.office.handle(DECIDERS["fund"], m.first.fund_id, notice.order(settle, "settle"))
        if not why:
            return
        month = dates.month_of(m.first.granted_at.date())
        if decisions:  # after an appeal: what of the first decision's claim is due after all
            if share := m.met_by(f.amount_fen):
                recovery_id = derived_id("recovery", decisions[0])
                if self._claim_of(recovery_id).status == "none":
                    raise Unavailable("追回事项尚未立项，稍后再试。")
                meet = recovery.MeetByDecision(recovery_id, month, notice.event_id, share)
                self.office.handle(self.benefits.payments.recoveries, recovery_id, notice.order(meet, "meet"))
                back = self._claim_of(recovery_id).refunds.get(f"{month} {notice.event_id}", 0)
                payee, _ = self._paid_today(f.subject_id, m, notice.now.date())
                more = back - self._known_repaid(f.subject_id, notice.event_id)
                since = temporary.GiveBackRepayment(f.subject_id, f.matter_id, more, payee)
                self.office.handle(temporary.DECIDER, f.subject_id, notice.order(since, "since"))
            return
        excess = m.excess_fen(f.amount_fen)
        if excess > 0:
            case_id = benefit_case.case_id(CODE, f.matter_id)
            difference = benefit_case.MonthDifference(month, m.drawn_fen, f.amount_fen)
            found = benefit_case.OverpaymentFound(case_id, CODE, m.payee_id, m.division, (difference,), excess, why)
            self.benefits.payments.open_recovery(notice.event_id, found, notice.order(f, "claim"))

    def _repaid(self, subject_id: str, m: temporary.Matter, found: Assessment) -> int:
        """What a second decision gives back of what came in on the claim: as the claim itself will say when it is met."""
        share = m.met_by(found.amount_fen) if m.earlier and m.first and found.eligible else 0
        if share <= 0:
            return 0
        _, decisions = self._until(subject_id, m.matter_id, "")
        claim = self._claim_of(derived_id("recovery", decisions[0]))
        if claim.status == "none":
            raise Unavailable("追回事项尚未立项，稍后再试。")
        return min(max(share - claim.left_fen, 0), claim.repaid_fen + claim.set_off_fen)

    def _known_repaid(self, subject_id: str, event_id: str) -> int:
        """What an approval gave back itself, in the part that it released."""
        history = self.office.history(temporary.DECIDER.stream(subject_id))
        return next((int(getattr(r.event, "repaid_fen", 0)) for r in history if r.id == event_id), 0)

    def _claim_of(self, recovery_id: str) -> recovery.Recovery:
        claim: recovery.Recovery = self.office.load(self.benefits.payments.recoveries, recovery_id).state
        return claim

    def _until(self, subject_id: str, matter_id: str, event_id: str) -> tuple[temporary.Temporary, list[str]]:
        """The stream as it was before an event of it ("": now), and the ids of the matter's decisions until then, in their order.

        A refusal of acceptance is none of them: nothing was granted before it, and nothing is claimed by it.
        """
        state, decisions = temporary.DECIDER.initial, []
        for r in self.office.history(temporary.DECIDER.stream(subject_id)):
            if r.id == event_id:
                break
            state = temporary.evolve(state, r.event)
            match r.event:
                case temporary.TemporaryApproved(matter_id=of) | temporary.TemporaryRefused(matter_id=of, at_acceptance=False):
                    decisions += [r.id] if of == matter_id else []
        return state, decisions

    def _released(self, subject_id: str, event_id: str) -> temporary.InstalmentReleased:
        """A release as it was recorded: its hand and its payee."""
        history = self.office.history(temporary.DECIDER.stream(subject_id))
        released: temporary.InstalmentReleased = next(r.event for r in history if r.id == event_id)
        return released

    @reaction(OWN, "instalment_released", reads=Released)
    def on_instalment_released(self, notice: Notice[Released]) -> None:
        """What is released becomes a case that is paid once: payment runs pay it like any other."""
        f = notice.facts
        # As it stood when it was released: an appeal may have sent the matter back since.
        before, _ = self._until(f.subject_id, f.matter_id, notice.event_id)
        m, released = before.matters[f.matter_id], self._released(f.subject_id, notice.event_id)
        part = temporary.part_of(m, f.no)
        subject_id = temporary.grant_id(f.matter_id, f.no)
        month = dates.month_of((notice.occurred_at or notice.now).date())
        terms = replace(TEMPORARY_ASSISTANCE.terms, objection_days=0)  # what can be appealed against is the matter's decision
        hands, payee = (*temporary.decided_by(m), released.by), released.payee_id or m.payee_id
        grant = benefit_case.GrantCase(CODE, subject_id, payee, m.division, month, part, 0, terms, hands=hands)
        self.office.handle(CASES, benefit_case.case_id(CODE, subject_id), notice.order(grant))
        # Whom it was released to may have died meanwhile.
        temporary_deceased.payees_again(self.office, self.benefits, f.subject_id, notice.order(None))

    @reaction(OWN, "payment_returned", reads=PaidBack)
    def on_instalment_returned(self, notice: Notice[PaidBack]) -> None:
        """What the bank gave back is due again: to whoever can be paid now."""
        f = notice.facts
        case: benefit_case.Case = self.office.load(CASES, f.case_id).state
        if f.programme == CODE and case.last_assessment is not None:
            temporary_deceased.payees_again(self.office, self.benefits, case.last_assessment.subject, notice.order(None))

    @deadline(FIRST_GRANT_DUE)
    def on_first_grant_due(self, due: Due) -> None:
        """二十四小时未先行救助."""
        self._note_late(due)

    @deadline(PAPERS_DUE)
    def on_papers_due(self, due: Due) -> None:
        """十个工作日未补齐手续."""
        self._note_late(due)

    @deadline(APPEAL_DUE)
    def on_appeal_due(self, due: Due) -> None:
        """复核申请逾期未答复。"""
        self._note_late(due)

    @deadline(NOTICE_DUE)
    def on_temporary_notice_due(self, due: Due) -> None:
        """不予决定逾期未书面告知。"""
        self._note_late(due)

    def _note_late(self, due: Due) -> None:
        note = temporary.NoteTemporaryOverdue(due.aggregate_id, due.data["matter_id"], due.data["what"])
        self.office.handle(temporary.DECIDER, due.aggregate_id, due.order(note))

    # -- inside

    def _matter(self, subject_id: str, matter_id: str) -> temporary.Matter:
        state: temporary.Temporary = self.office.load(temporary.DECIDER, subject_id).state
        if matter_id not in state.matters:
            raise Refused("not_found", "没有此临时救助事项。", "matter_id")
        return state.matters[matter_id]

    def _home_of_matter(self, subject_id: str, division: str, month: str) -> HouseholdFacts:
        """The household as it lives together; a person without one stands for himself, in the town that handles the matter."""
        state: household.Household = self.office.load(household.DECIDER, subject_id).state
        if not state.exists:
            return alone(self.office, known(self.office, subject_id, month), division)
        home = household.facts_in(state, month, 0, None)
        if not home.members:
            raise Refused("out_of_order", "家庭成员均已死亡或迁出。", "household_id")
        return home

    def _paid_today(self, subject_id: str, m: temporary.Matter, today: date) -> tuple[str, bool]:
        return temporary_deceased.paid_today(self.office, subject_id, m, today)

    def _beside(self, subject_id: str) -> list[tuple[str, temporary.Temporary]]:
        """Where the same people may have been helped beside this stream: of a household what its members had by themselves, of a person
        what the households had that ever counted him."""
        home: household.Household = self.office.load(household.DECIDER, subject_id).state
        others = home.members if home.exists else self.office.load(placement.DECIDER, subject_id).state.households
        found = ((other, self.office.load(temporary.DECIDER, other).state) for other in others if other != subject_id)
        return [(other, state) for other, state in found if state.matters or state.elsewhere]

    def _tell_elsewhere(self, subject_id: str, order: Order[Any]) -> None:
        """What another department was asked to give the people of this stream when they were counted in another one (aid_overlap.py)."""
        for _, other in self._beside(subject_id):
            for e in other.elsewhere.values():
                note = aid_overlap.NoteAidElsewhere(
                    subject_id, e.division, e.handoff_id, e.number, e.unit, e.status, e.handed_on, e.months
                )
                # By an id of its own: an application that was refused is sent again with other words.
                told = order.by(self.benefits.hand()).to(note, f"elsewhere {e.handoff_id} {e.status}")
                self.office.handle(temporary.DECIDER, subject_id, replace(told, asked=note, expected_version=None))

    def _matter_says(self, subject_id: str, m: temporary.Matter, today: date) -> Assessment:
        month = dates.month_of(today)
        state: temporary.Temporary = self.office.load(temporary.DECIDER, subject_id).state
        for _, other in self._beside(subject_id):
            state = replace(state, matters={**other.matters, **state.matters})
        unit: determination.Unit = self.office.load(determination.DECIDER, subject_id).state
        facts = TemporaryFacts(
            household=self._home_of_matter(subject_id, m.division, month),
            kind=m.kind,
            cause=m.cause,
            loss_fen=m.loss_fen,
            hardship_class=determination.class_in(unit, month),
            given_this_year_fen=temporary.given_in_year(state, today.year, m.matter_id),
            deliberated_fen=m.deliberation.raised_fen if m.deliberation else 0,
            same_cause=temporary.helped_before(state, m, self._temporary_figure("same_cause.months", today), today),
            untrue=bool(m.untrue),
        )
        return assessed(self._temporary_rules(), CODE, facts, month)

    def _temporary_rules(self) -> Any:
        return rules_now(self.office, self.office.settings.profile)

    def _temporary_figure(self, name: str, today: date) -> int:
        return int(self._temporary_rules().parameter(f"{CODE}.{name}", dates.month_of(today)).value)

    def _fund_of(self, division: str) -> str:
        """The reserve fund of the town; the district's own where the matter is the district's."""
        return one_per_subject(fund.OpenFund(FUND, division[:9]), "")

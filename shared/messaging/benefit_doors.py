"""The doors of a service that pays benefits (津贴服务的门): cases here, what is public of them in
``disclosure_doors.py``, payment and claims in ``payment_doors.py``.

The same for every such service.

A service inherits them and brings its read model and its benefit business; its own file holds what is its own. Permissions say
only the act ("pay"), and reactions that name no source listen to the service itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.casework import payment_calendar as pc
from shared.casework.benefits import AppealAnswer, CaseRef, Confirmation, ReviewAnswer
from shared.casework.shape import View
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventlog import discovery
from shared.eventlog.benefit_rows import STEP_DUE, cases_on, listed
from shared.eventlog.integrity.recomputing import AMOUNTS, Recomputing, assessed
from shared.eventlog.month_rows import month_waits
from shared.eventlog.payment_rows import claim_due_on, claim_waits, run_waits
from shared.eventlog.shape_rows import of_subjects
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.orders import Hand, Order
from shared.messaging.answering import answers, kept, rows
from shared.messaging.disclosure_doors import DisclosureDoors
from shared.messaging.door_answers import CaseOn, CaseStep, Rechecked
from shared.messaging.doors import Due, command, deadline, query
from shared.messaging.erasure_doors import ErasureDoors
from shared.messaging.page_doors import PageDoors
from shared.messaging.showing import area, caught_up, plain, shown
from shared.rules.assessment import Assessment


class BenefitService(DisclosureDoors, PageDoors, ErasureDoors):
    """``model`` and ``tables`` are the service's read model; ``benefits`` its business in this office.

    How somebody applies (who the subject is, who is paid) is the service's own: its ``apply`` ends in ``benefits.file``.
    ``records`` is the table of its declared programmes (put in by ``with_shapes``).
    """

    records: sa.Table
    views: Mapping[str, Callable[[Any], View]]  # how a record of each shape stands; put in with them

    def item_of(self, category: str, state: Any) -> str:
        """Of a payment calendar the first month that stands open, else its last."""
        if category != pc.SHAPE:
            return super().item_of(category, state)
        return str((state.open or tuple(sorted(state.months)[-1:]) or ("",))[0])

    def known_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """Of a case: what was reviewed, and the newest decision; of a payment calendar, the month."""
        if category == pc.SHAPE:
            return {"month": item or self.item_of(category, state)}
        return bc.known(state, key) if category == "case" else {}

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """A case by its procedure, a run and a claim as in their lists, a record by its shape."""
        if category == "case":
            return dict(plain(bc.worklist(state)))
        if category == "payment_run":
            return {"worklist": run_waits(state.status)}
        if category == pc.SHAPE:
            return month_waits(state.months.get(item))
        if category == "recovery":
            waits, due = claim_waits(state)
            return {"worklist": waits, "due_on": claim_due_on(state), "due": due}
        v = self.views[category](state) if category in self.views else None
        due_on, due = (v.late or (v.due_on, v.due)) if v else (None, "")
        return {"worklist": v.worklist, "due_on": due_on, "due": due, "responsible": v.responsible} if v else {}

    def rows_of(self, hand: Hand, keys: tuple[str, ...], position: int | None) -> list[dict[str, Any]]:
        """Cases by subject or payee, records by subject."""
        caught_up(self.office, self.model, position)
        return of_subjects(self.office.read, self.tables.cases, self.records, hand.division, keys)

    # -- the procedure: 申请 → 受理 → 授权 → 核对 → 调查 → 审核公示 → 确认

    @command(bc.RequestSupplement, permission="accept")
    def request_supplement(self, order: Order[bc.RequestSupplement]) -> Any:
        """一次性告知补正；补正期间各时限中止，逾期未补正视为放弃。"""
        return self.benefits.act(order)

    @command(bc.AnswerSupplement, permission="accept")
    def answer_supplement(self, order: Order[bc.AnswerSupplement]) -> Any:
        """收到补正材料，时限继续计算。"""
        return self.benefits.act(order)

    @command(bc.AcceptApplication, permission="accept")
    def accept_application(self, order: Order[bc.AcceptApplication]) -> Any:
        """受理。"""
        return self.benefits.act(order)

    @command(bc.RefuseAcceptance, permission="accept")
    def refuse_acceptance(self, order: Order[bc.RefuseAcceptance]) -> Any:
        """不予受理，说明理由。"""
        return self.benefits.act(order)

    @command(bc.WithdrawApplication, permission="accept")
    def withdraw_application(self, order: Order[bc.WithdrawApplication]) -> Any:
        """申请人撤回申请。"""
        return self.benefits.act(order)

    @command(bc.RecordAuthorisation, permission="accept")
    def record_authorisation(self, order: Order[bc.RecordAuthorisation]) -> Any:
        """登记全体成员签署的核对授权书；随即发起经济状况核对。"""
        return self.benefits.act(order)

    @command(bc.RequestMeansTest, permission="survey")
    def request_means_test(self, order: Order[bc.RequestMeansTest]) -> Any:
        """重新核对。"""
        return self.benefits.act(order)

    @command(bc.RecordMeansTest, permission="survey")
    def record_means_test(self, order: Order[bc.RecordMeansTest]) -> Any:
        """登记核对报告：完整，或部分（列明未反馈的来源）。"""
        return self.benefits.act(order)

    @command(bc.RecordSurvey, permission="survey")
    def record_survey(self, order: Order[bc.RecordSurvey]) -> Any:
        """入户调查。"""
        return self.benefits.act(order)

    @command(bc.ExtendProcedure, permission="confirm")
    def extend_procedure(self, order: Order[bc.ExtendProcedure]) -> Any:
        """特殊情况延长办理期限（一次）。"""
        return self.benefits.act(order)

    @command(CaseRef, permission="review", does=bc.ProposeCase)
    def propose(self, order: Order[CaseRef]) -> Any:
        """审核：由规则计算并公示（与经办不得为同一人）。"""
        return self.benefits.propose(order)

    @command(bc.RaiseObjection, permission="accept")
    def raise_objection(self, order: Order[bc.RaiseObjection]) -> Any:
        """登记公示异议；答复前不得确认。"""
        return self.benefits.act(order)

    @command(bc.AnswerObjection, permission="confirm")
    def answer_objection(self, order: Order[bc.AnswerObjection]) -> Any:
        """答复公示异议：成立的须重新审核（与经办、审核、登记异议者不得为同一人）。"""
        return self.benefits.act(order)

    @command(Confirmation, permission="confirm", does=bc.ConfirmCase)
    def confirm(self, order: Order[Confirmation]) -> Any:
        """确认：公示期满后，对所审核的内容（摘要一致）予以确认（与经办、审核不得为同一人）。"""
        self.nothing_waits(order.command.case_id, order.today)
        return self.benefits.confirm(order)

    @command(bc.TellRefusal, permission="accept")
    def tell_refusal(self, order: Order[bc.TellRefusal]) -> Any:
        """登记不予受理、不予确认决定的书面告知。"""
        return self.benefits.act(order)

    # -- in force

    @command(bc.SuspendCase, permission="review")
    def suspend_case(self, order: Order[bc.SuspendCase]) -> Any:
        """暂停发放。"""
        return self.benefits.act(order)

    @command(bc.ResumeCase, permission="confirm")
    def resume_case(self, order: Order[bc.ResumeCase]) -> Any:
        """恢复发放，补发或不补发暂停月份（与暂停不得为同一人）。"""
        return self.benefits.act(order)

    @command(bc.OpenReview, permission="review")
    def open_review(self, order: Order[bc.OpenReview]) -> Any:
        """提前开始复审（到期的复审自动开始）。"""
        return self.benefits.act(order)

    @command(ReviewAnswer, permission="review", does=bc.AnswerReview)
    def answer_review(self, order: Order[ReviewAnswer]) -> Any:
        """答复复审：按规则继续、调整或终止。"""
        return self.benefits.answer_review(order)

    # -- objection and appeal

    @command(bc.FileAppeal, permission="accept")
    def file_appeal(self, order: Order[bc.FileAppeal]) -> Any:
        """登记对一项决定的异议、复核申请。"""
        return self.benefits.act(order)

    @command(bc.AssignAppeal, permission="confirm")
    def assign_appeal(self, order: Order[bc.AssignAppeal]) -> Any:
        """交办复核（未参与原决定者）。"""
        return self.benefits.act(order)

    @command(AppealAnswer, permission="confirm", does=bc.AnswerAppeal)
    def answer_appeal(self, order: Order[AppealAnswer]) -> Any:
        """复核结论：成立的按规则纠正，不成立的说明理由。"""
        answer = self.benefits.answer_appeal(order)
        self.keep_disclosed(order.command.case_id, order)  # of an end that is set aside no event speaks but the appeal's own
        return answer

    @command(bc.WithdrawAppeal, permission="accept")
    def withdraw_appeal(self, order: Order[bc.WithdrawAppeal]) -> Any:
        """撤回复核申请。"""
        return self.benefits.act(order)

    # -- limits

    @deadline(STEP_DUE)
    def on_case_step_due(self, due: Due) -> None:
        """A limit of a case has passed: an event, a lapse, a review that opens, or an end of validity."""
        note = bc.NoteStepOverdue(due.aggregate_id, due.data["step"])
        self.office.handle(self.benefits.cases, due.aggregate_id, due.order(note))

    # -- cases

    @query(permission="read")
    @answers(kept(bc.Case, valid=CaseOn))
    def get_case(self, hand: Hand, case_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """个案：环节、金额、最近一次决定及其说明；as_of：当时所知；valid_at：某日的状态和当月应发。"""
        found = shown(self.office, self.benefits.cases, case_id, hand, as_of)
        if valid_at is not None:
            found["valid"] = plain(bc.on_day(self.office.load(self.benefits.cases, case_id, as_of).state, valid_at))
        return found

    @query(permission="read")
    @answers(lambda service: rows(service.tables.cases, without=("progress",), valid=CaseOn))
    def list_cases(
        self,
        hand: Hand,
        programme: str | None = None,
        status: str | None = None,
        worklist: str | None = None,
        subject_id: str | None = None,
        responsible: str | None = None,
        division: str | None = None,
        due_before: date | None = None,
        valid_at: date | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区个案列表：按项目、状态、待办清单、对象、承办人筛选；division：其中某乡镇（街道）、村（社区）的；due_before：期限早于该日（逾期清单）；
        valid_at：某日在保的个案、其当日状态和当月应发（此时 status 指当日状态）。"""
        caught_up(self.office, self.model, position)
        where = {"programme": programme, "status": status, "worklist": worklist, "subject_id": subject_id, "responsible": responsible}
        before, there = due_before.isoformat() if due_before else None, area(hand, division)
        if valid_at is None:
            rows = listed(self.office.read, self.tables.cases, there, where, limit, after, before)
        elif before is not None:
            raise invalid("期限只有现在的，不能与 valid_at 同时使用。", "due_before")
        else:
            rows = cases_on(self.office.read, self.tables, there, where, valid_at, limit, after)
        return [{k: v for k, v in row.items() if k != "progress"} for row in rows]

    @query(permission="read")
    @answers(list[CaseStep])
    def get_case_steps(self, hand: Hand, case_id: str) -> Any:
        """办理过程：一个个案的每个环节，何时、由谁、意见和理由。"""
        shown(self.office, self.benefits.cases, case_id, hand, None)  # refuses what is not there or not the hand's
        told = ("finding", "reason", "outcome", "upheld", "missing", "reference", "report_id", "verdict", "missing_sources", "how", "step")
        return [
            {
                "version": r.version,
                "step": r.name.partition(".")[2],
                "by": r.meta.actor,
                "at": r.meta.recorded_at.isoformat(),
                "told": {name: plain(getattr(r.event, name)) for name in told if getattr(r.event, name, None) not in (None, "", ())},
            }
            for r in self.office.history(self.benefits.cases.stream(case_id))
        ]

    @query(permission="read")
    @answers(lambda service: rows(service.tables.decisions))
    def list_decisions(self, hand: Hand, case_id: str, valid_at: date | None = None, position: int | None = None) -> Any:
        """一个个案的历次决定：金额、理由、规则与参数版本；valid_at：某日当月金额所依据的那一次（当月不在保的为空）。"""
        found = self._of_case(self.tables.decisions, hand, case_id, position)
        if valid_at is None:
            return found
        # A decision counts from its month until a later one decides that month anew; of several the one made last does.
        state: bc.Case = self.office.load(self.benefits.cases, case_id).state
        by_then = [row for row in found if row["effective_month"] <= dates.month_of(valid_at)]
        return [] if bc.on_day(state, valid_at)["status"] == "not_in_force" else by_then[-1:]

    @query(permission="read")
    @answers(list[Rechecked])
    def recheck_case(self, hand: Hand, case_id: str) -> Any:
        """历次决定重算：按每次决定所载的事实、规则和当时已公布的标准逐项重算，是否与所载一致。"""
        shown(self.office, self.benefits.cases, case_id, hand, None)  # refuses what is not there or not the hand's
        room = discovery.replaying(self.name)
        if room is None:
            raise Refused("not_found", "本服务没有规则决定可以重算。", "case_id")
        again: Recomputing[tuple[Recorded, Assessment, bool]] = Recomputing(
            self.name, partial(room.engine_of, self.office), room.derived
        )
        verdicts = [
            verdict
            for r in self.office.history(self.benefits.cases.stream(case_id))
            for a, wrong in assessed(r.event)
            for verdict in again.add((r, a, bool(wrong)), a)
        ]
        found = []
        for v in sorted((*verdicts, *again.rest()), key=lambda v: (v.where[0].version, v.where[1].month)):
            r, a, wrong = v.where  # what an event makes of its assessments is wrong in any release
            about = {"event": r.name, "version": r.version, "month": a.month, "amount_fen": a.amount_fen}
            made_by = {"parameters_version": a.parameters_version, "rules_version": a.rules_version}
            differs = [*v.differs, *([AMOUNTS] if wrong else [])]
            found.append({**about, **made_by, "older": v.older and not wrong, "same": not differs, "differs": differs})
        return found

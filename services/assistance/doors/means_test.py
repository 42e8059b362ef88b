"""MeansTest doors (家庭经济状况核对): authorisations, verifications, sources, rights to check, campaigns. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

from services.assistance import check_rights, household, means_test, reverification, verification_sources
from services.assistance.benefits import CASES, certificates_behind
from services.assistance.carrying import EXCHANGES
from services.assistance.check_rights import CUT_OVERS, RIGHTS
from services.assistance.doors.answers import AUTHORISATION, SOURCES_SHOWN, Traced
from services.assistance.means_test import AUTHORISATIONS, VERIFICATIONS
from services.assistance.programmes import PROGRAMMES
from services.assistance.read_model import BENEFITS, MODEL, TABLES
from services.assistance.reverification import CAMPAIGNS
from services.assistance.rows import means_test as rows
from services.assistance.verification_sources import SOURCES, System
from services.assistance.verifying import HAND, REFUSED, Checks, Taken
from shared.casework import benefit_case
from shared.casework.benefits import CaseRef, ReviewAnswer
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing import codec
from shared.eventsourcing.orders import Hand, Notice, Order, derived_id
from shared.exchange.adapter import Adapter, reply_of
from shared.exchange.declared import Source, load_sources
from shared.exchange.files import FileAdapter
from shared.messaging.answering import answers, kept
from shared.messaging.answering import rows as rows_of
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.door_answers import Figure
from shared.messaging.doors import Due, command, deadline, query, reaction
from shared.messaging.showing import all_seen, caught_up, plain, shown
from shared.messaging.source_queues import QueueAdapter
from shared.rules.profile import load_profile
from shared.security.permissions import within

PROPERTY = {"savings": "存款", "securities": "有价证券", "vehicles": "车辆", "homes": "住房"}


# -- What comes in


@dataclass(frozen=True)
class CaseOf:
    """Which case: a programme and whom it is for (a household's or a person's id)."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class AuthorisationForm(CaseOf):
    """授权书: one member's signature for one case."""

    person_id: str
    signed_on: date
    valid_until: date
    document_ref: str


@dataclass(frozen=True)
class WithdrawalForm(CaseOf):
    """撤回授权."""

    person_id: str
    reason: str


@dataclass(frozen=True)
class ObjectionForm:
    """异议: to the newest version of a report, about the sources that are named."""

    verification_id: str
    version: int
    sources: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class SourceForm:
    source: str


@dataclass(frozen=True)
class SuspensionForm:
    source: str
    reason: str


@dataclass(frozen=True)
class CutOverForm:
    """切换 of a source to another system. ``theirs``: what the old system lists as open (request numbers)."""

    source: str
    system: str
    adapter: Literal["files", "amqp"]
    theirs: tuple[str, ...]


@dataclass(frozen=True)
class CaseSaid:
    """``application_accepted``, ``means_test_requested``, ``member_authorisation_recorded`` and ``_withdrawn``: which case."""

    programme: str
    subject_id: str


@dataclass(frozen=True)
class VerificationSaid:
    """``assistance.verification_opened`` and ``report_objected``."""

    verification_id: str


@dataclass(frozen=True)
class Reported:
    """``assistance.verification_reported``."""

    case_id: str
    verification_id: str
    report_id: str
    version: int
    verdict: str
    completeness: Literal["complete", "partial"]
    cause: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mismatch:
    """``assistance.reverification_mismatch_found``."""

    case_id: str


@dataclass(frozen=True)
class ExchangeSaid:
    """``assistance.exchange_overdue``, ``exchange_failed`` and ``exchange_given_up``: ``subject_id`` is the verification."""

    programme: str
    subject_id: str
    system: str
    what: str = ""
    reason: str = ""


@dataclass(frozen=True)
class AnswerValue:
    """One value of an answer by the source's field name: fen or a count."""

    name: str
    amount: int


@dataclass(frozen=True)
class SourceAnswer:
    """核对答复: a source's answer over the bus, by our query number; it names nobody."""

    query_no: str
    outcome: str
    values: tuple[AnswerValue, ...] = ()


class MeansTestDoors(BenefitService):
    """家庭经济状况核对."""

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """A cut-over by its status."""
        if category != "cut_over":
            return super().stands_of(category, state, item)
        return {"worklist": rows.CUT_OVER_LISTS.get(state.status, "")}

    @cached_property
    def checks(self) -> Checks:
        """The business of checking, by the sources of this district."""
        settings = self.office.settings
        declared = load_sources(settings.profile)

        def adapter(source: Source, system: System) -> Adapter:
            if system.adapter == "amqp":
                return QueueAdapter(settings, source, system.name)
            return FileAdapter(settings.var / "exchange" / self.name, source, system.name)

        return Checks(self.office, declared, load_profile(settings.profile).division_code, adapter)

    # -- authorisation

    @command(AuthorisationForm, permission="assistance:accept")
    def record_member_authorisation(self, order: Order[AuthorisationForm]) -> Any:
        """登记核对授权（逐人签署，注明期限和授权书档案编号）；全部签署且办件已受理的，自动发起核对。"""
        c = order.command
        s = self.checks.subject(c.programme, c.subject_id, order.today)
        within(order.hand, s.division)
        members, most = tuple(m.person_id for m in s.members), self.checks.declared.limits.authorisation_months
        record = means_test.RecordMemberAuthorisation(
            s.case_id, c.programme, c.subject_id, s.division, members, c.person_id, c.signed_on, c.valid_until, c.document_ref, most
        )
        return self.office.handle(AUTHORISATIONS, s.case_id, order.to(record))

    @command(WithdrawalForm, permission="assistance:accept")
    def withdraw_member_authorisation(self, order: Order[WithdrawalForm]) -> Any:
        """撤回核对授权：此后不再查询，尚未收到的答复不再采用。"""
        c = order.command
        case_id = benefit_case.case_id(c.programme, c.subject_id)
        return self.office.handle(AUTHORISATIONS, case_id, order.to(means_test.WithdrawMemberAuthorisation(case_id, c.person_id, c.reason)))

    @query(permission="assistance:read")
    @answers(AUTHORISATION)
    def get_authorisation(self, hand: Hand, programme: str, subject_id: str, valid_at: date | None = None) -> Any:
        """某办件的核对授权：谁已签署、到何时、谁尚未签署；valid_at：某日（默认今日）谁没有有效的授权。"""
        case_id = benefit_case.case_id(programme, subject_id)
        today = valid_at or self.office.clock.now().date()
        subject = self.checks.subject(programme, subject_id, today)
        within(hand, subject.division)
        state: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
        return {**plain(state), "case_id": case_id, "unsigned": list(state.unsigned(subject.adults(today), today))}

    # -- verification

    @command(CaseOf, permission="assistance:accept")
    def request_verification(self, order: Order[CaseOf]) -> Any:
        """发起核对：须有全部成年家庭成员的有效授权，且本单位有核对权限。"""
        c = order.command
        within(order.hand, self.checks.subject(c.programme, c.subject_id, order.today).division)
        self._may_check(order, c.programme)
        return self.checks.request(c.programme, c.subject_id, "request", order)

    def _may_check(self, order: Order[Any], *programmes: str) -> None:
        unit = order.hand.division
        state: check_rights.CheckRight = self.office.load(RIGHTS, unit).state
        left = [p for p in programmes if not check_rights.may_check(state, unit, order.hand.roles, order.today, p)]
        if left:
            names = "、".join(PROGRAMMES[p].name if p in PROGRAMMES else p for p in left)
            raise Refused("forbidden", f"本单位没有核对权限（{names}），请报上级发起。", None)

    @command(ObjectionForm, permission="assistance:accept", does=means_test.ObjectToReport)
    def object_to_report(self, order: Order[ObjectionForm]) -> Any:
        """对核对报告提出异议：所指来源重新查询，出具新版报告，原报告保留。"""
        c = order.command
        check: means_test.Verification = self.office.load(VERIFICATIONS, c.verification_id).state
        if check.opened is not None:
            self._may_check(order, check.opened.programme)
        return self.checks.object_to(c.verification_id, c.version, c.sources, c.reason, order)

    @command(means_test.ExplainDifference)
    def explain_difference(self, order: Order[means_test.ExplainDifference]) -> Any:
        """书面说明核对报告查出的财产差异为何不作变更；说明后办件方可继续。"""
        return self.office.handle(VERIFICATIONS, order.command.verification_id, order)

    @command(CaseRef, permission="review", does=benefit_case.ProposeCase)
    def propose(self, order: Order[CaseRef]) -> Any:
        """审核：由规则计算并公示（与经办不得为同一人）；核对查出的财产差异须先登记变更或书面说明。"""
        self._differences_settled(order.command.case_id, order.today)
        self._certificates_here(order.command.case_id, order)
        return super().propose(order)

    @command(ReviewAnswer, permission="review", does=benefit_case.AnswerReview)
    def answer_review(self, order: Order[ReviewAnswer]) -> Any:
        """答复复审：按规则继续、调整或终止；核对查出的财产差异须先登记变更或书面说明。"""
        self._differences_settled(order.command.case_id, order.today)
        self._certificates_here(order.command.case_id, order)
        return super().answer_review(order)

    def _certificates_here(self, case_id: str, order: Order[Any]) -> None:
        """A household is decided on its own stream: what of its members' certificates is not there yet is carried over first."""
        case: benefit_case.Case = self.office.load(CASES, case_id).state
        if not case.subject_id:
            return  # no such case, as whatever comes next says
        home: household.Household = self.office.load(household.DECIDER, case.subject_id).state
        if not home.exists:
            return
        own = order.by(HAND)
        if month := certificates_behind(self.office, home, own):
            self.benefits.reassess(case_id, month, f"certificates:{order.command_id}", own)

    def _differences_settled(self, case_id: str, today: date) -> None:
        """A report that found more than is on file leads to a changed fact or to an explanation, never to nothing."""
        verification_id, found = self.checks.differences(case_id, today)
        if found:
            whats = "、".join(PROPERTY[f.what] for f in found)
            way = "请先在“家庭情况变更登记”（无家庭的，“人员情况变更登记”）中登记变更，或对核对报告作书面说明"
            raise Refused("out_of_order", f"核对结果与申报不一致（{whats}；核对编号 {verification_id}），{way}。", "case_id")

    @command(means_test.LookAtReport)
    def look_at_report(self, order: Order[means_test.LookAtReport]) -> Any:
        """查阅核对报告：只能用于所核对的办件，查阅人和用途留痕。"""
        c = order.command
        answer = self.office.handle(VERIFICATIONS, c.verification_id, order)
        state: means_test.Verification = self.office.load(VERIFICATIONS, c.verification_id).state
        report = state.reports[(c.version or len(state.reports)) - 1]
        sources = [
            {"source": q.source.source, "name": q.source.name, "status": q.status, "reason": q.reason, "answers": plain(q.answers)}
            for q in state.queries.values()
        ]
        newest = report.version == len(state.reports)
        return {
            **answer.as_dict(),
            "report": {"report_id": means_test.report_id(c.verification_id, report.version), **plain(report)},
            "sources": sources if newest else [],  # an older version is shown as it was made; the answers behind it may have changed
            "differing": plain(state.differing),
            "explained": plain(state.explained),
            "objections": plain(state.objections),
        }

    @query(permission="assistance:read")
    @answers(rows_of(TABLES["means_test"].verifications))
    def list_verifications(
        self,
        hand: Hand,
        status: str | None = None,
        worklist: str | None = None,
        verdict: str | None = None,
        case_id: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区的核对：进展、报告版本和结论（不含查询所得的数额，数额须查阅报告）。"""
        caught_up(self.office, MODEL, position)
        where = {"status": status, "worklist": worklist, "verdict": verdict, "case_id": case_id}
        return listed(self.office.read, TABLES["means_test"].verifications, hand.division, where, limit, after)

    @query(permission="assistance:audit")
    @answers(list[Traced])
    def get_verification_log(self, hand: Hand, verification_id: str) -> Any:
        """核对留痕：谁因何发起、何时向哪些来源查询、谁查阅过报告及用途。"""
        state: means_test.Verification = self.office.load(VERIFICATIONS, verification_id).state
        if state.opened is None:
            raise Refused("not_found", "没有此项核对。", "verification_id")
        within(hand, state.division)
        history = self.office.history(VERIFICATIONS.stream(verification_id))
        return [
            {"event": r.name, "at": r.meta.recorded_at.isoformat(), "by": r.meta.actor, **_trace(r.event)}
            for r in history
        ]  # fmt: skip

    @query(permission="assistance:read")
    @answers(list[Figure])
    def means_test_indicators(self, hand: Hand, first: date, last: date, position: int | None = None) -> Any:
        """核对指标：报告率、信息不全率、异议复核率、在册对象复核率，附分子分母。"""
        caught_up(self.office, MODEL, position)
        tables, now = TABLES["means_test"], self.office.clock.now()
        return rows.indicators(self.office.read, tables, hand.division, first.isoformat(), last.isoformat(), now)

    @reaction("assistance", "application_accepted", reads=CaseSaid)
    def on_application_accepted_check(self, notice: Notice[CaseSaid]) -> None:
        """受理: with all signatures there, the check begins by itself."""
        self._begin_if_ready(notice)

    @reaction("assistance", "member_authorisation_recorded", reads=CaseSaid)
    def on_member_authorisation_recorded(self, notice: Notice[CaseSaid]) -> None:
        """The last signature came after the acceptance: the check begins now."""
        self._begin_if_ready(notice)

    @reaction("assistance", "means_test_requested", reads=CaseSaid)
    def on_means_test_requested(self, notice: Notice[CaseSaid]) -> None:
        """The case owes a check, or one more: it begins if the signatures are there, else with the last of them."""
        self._begin_if_ready(notice)

    @command(benefit_case.AnswerSupplement, permission="accept")
    def answer_supplement(self, order: Order[benefit_case.AnswerSupplement]) -> Any:
        """收到补正材料，时限继续计算。"""
        answer = self.benefits.act(order)
        # The last signature, or the report, may have come while papers were awaited; if this is cut off, the repeat makes it good.
        case_id, own = order.command.case_id, order.by(HAND)
        case: benefit_case.Case = self.office.load(CASES, case_id).state
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
        check: means_test.Verification = self.office.load(VERIFICATIONS, means_test.verification_id(case_id, ledger.requests)).state
        if check.reports and case.accepted_on is not None and check.reports[-1].made_on >= case.accepted_on:
            r = check.reports[-1]
            missing = tuple(m.source for m in r.missing)
            self._tell_case(case_id, r.verification_id, r.version, r.completeness, missing, own)
        self._begin_check(case.programme, case.subject_id, own)
        return answer

    def _begin_if_ready(self, notice: Notice[CaseSaid]) -> None:
        self._begin_check(notice.facts.programme, notice.facts.subject_id, notice.order(None))

    def _begin_check(self, programme: str, subject_id: str, order: Order[Any]) -> None:
        case_id, today = benefit_case.case_id(programme, subject_id), order.today
        case: benefit_case.Case = self.office.load(CASES, case_id).state
        if not case.pending or case.status == "applied" or case.proposal is not None or not self.checks.declared.asked_for(programme):
            return
        if case.supplement_due is not None:
            return  # papers are awaited; with them it goes on
        ledger: means_test.Authorisation = self.office.load(AUTHORISATIONS, case_id).state
        if not ledger.case_id:
            return  # nobody has signed anything yet
        adults = self.checks.subject(programme, subject_id, today).adults(today)
        if not adults or ledger.unsigned(adults, today):
            return
        if benefit_case.next_step(case) == "authorised":
            signed = [ledger.signatures[p] for p in adults]
            reference = signed[0].document_ref + (f"等{len(signed)}份" if len(signed) > 1 else "")
            record = benefit_case.RecordAuthorisation(case_id, reference, max(s.signed_on for s in signed))
            try:
                self.office.handle(CASES, case_id, order.to(record, "authorised"))
            except Refused as refused:
                if refused.code != "out_of_order":  # else signature and acceptance were heard side by side, and the other was quicker
                    raise
            return  # the case asks for the check now, and that is heard
        if case.terms.means_test and benefit_case.next_step(case) != "means_tested":
            return  # not its turn, or it has the report already
        cause = f"application:{case.round}.{case.means_requests}"
        if ledger.cause == cause and not ledger.open_id:
            return  # has been checked
        try:
            self.checks.request(programme, subject_id, cause, order)
        except Refused as refused:
            if refused.code != "already_exists":
                raise

    @reaction("assistance", "member_authorisation_withdrawn", reads=CaseSaid)
    def on_member_authorisation_withdrawn(self, notice: Notice[CaseSaid]) -> None:
        """撤回: what is on its way ends here."""
        self.checks.withdrawn(benefit_case.case_id(notice.facts.programme, notice.facts.subject_id), notice.order(None))

    @reaction("assistance", "verification_opened", reads=VerificationSaid)
    def on_verification_opened(self, notice: Notice[VerificationSaid]) -> None:
        """The sources are asked."""
        self.checks.dispatch(notice.facts.verification_id, notice.order(None))

    @reaction("assistance", "report_objected", reads=VerificationSaid)
    def on_report_objected(self, notice: Notice[VerificationSaid]) -> None:
        """The sources that were named are asked once more."""
        self.checks.dispatch(notice.facts.verification_id, notice.order(None))

    @reaction("assistance", "verification_reported", reads=Reported)
    def on_verification_reported(self, notice: Notice[Reported]) -> None:
        """The case gets its report, and may be checked again from now on; a campaign hears what was found."""
        f = notice.facts
        settle = means_test.SettleVerification(f.verification_id)
        self.office.handle(AUTHORISATIONS, f.case_id, notice.order(settle, "settle"))
        self._tell_case(f.case_id, f.verification_id, f.version, f.completeness, f.missing, notice.order(None))
        kind, _, campaign = f.cause.partition(":")
        if kind == "reverification":
            note = reverification.NoteReport(f.case_id, f.verification_id, f.report_id, f.verdict)
            self.office.handle(CAMPAIGNS, campaign, notice.order(note, "campaign"))

    def _tell_case(
        self,
        case_id: str,
        verification_id: str,
        version: int,
        completeness: Literal["complete", "partial"],
        missing: tuple[str, ...],
        order: Order[Any],
    ) -> None:
        """The report the case waits for; or a later version of the one it has, as long as nobody has gone on from it."""
        case: benefit_case.Case = self.office.load(CASES, case_id).state
        if case.supplement_due is not None:
            return  # papers are awaited; with them it is told
        had, _, before = case.means_test.report_id.rpartition(".") if case.means_test else ("", "", "")
        if case.status == "means_tested" and had == verification_id and int(before) < version:
            again = benefit_case.RequestMeansTest(case_id, f"核对报告更新为第{version}版")
            self.office.handle(CASES, case_id, order.to(again, "case again"))
            case = self.office.load(CASES, case_id).state
        if case.pending and benefit_case.next_step(case) == "means_tested":
            report = means_test.report_id(verification_id, version)
            record = benefit_case.RecordMeansTest(case_id, report, completeness, missing)
            self.office.handle(CASES, case_id, order.to(record, "case"))

    @reaction("assistance", "reverification_mismatch_found", reads=Mismatch)
    def on_reverification_mismatch_found(self, notice: Notice[Mismatch]) -> None:
        """复核不一致 opens a review of the case (复审): visit, decision and notice follow there. The payment goes on."""
        case_id = notice.facts.case_id
        case: benefit_case.Case = self.office.load(CASES, case_id).state
        if case.running and not case.review_open:
            self.office.handle(CASES, case_id, notice.order(benefit_case.OpenReview(case_id)))

    @deadline("verification_time_limit")
    def on_verification_time_limit(self, due: Due) -> None:
        """期限已到: the report is made with what is there, and names what is not."""
        self.checks.miss(due.aggregate_id, "逾期未答复", due.order(None), why="time_limit")

    # -- the way out and in

    @reaction("assistance", "exchange_overdue", reads=ExchangeSaid)
    def on_exchange_overdue(self, notice: Notice[ExchangeSaid]) -> None:
        """A source's own days are over: the report is made without it; a late answer is still taken in."""
        if notice.facts.what == "answer":
            self._missed(notice, "逾期未答复")

    @reaction("assistance", "exchange_failed", reads=ExchangeSaid)
    def on_exchange_failed(self, notice: Notice[ExchangeSaid]) -> None:
        """A source cannot be reached."""
        self._missed(notice, f"发送失败：{notice.facts.reason}")

    @reaction("assistance", "exchange_given_up", reads=ExchangeSaid)
    def on_exchange_given_up(self, notice: Notice[ExchangeSaid]) -> None:
        """No answer is waited for any more."""
        self._missed(notice, notice.facts.reason or "已撤销查询")

    def _missed(self, notice: Notice[ExchangeSaid], reason: str) -> None:
        f = notice.facts
        if f.programme == means_test.PROGRAMME:
            self.checks.miss(f.subject_id, reason, notice.order(None), f.system)

    @reaction("hrss", "verification_answered", reads=SourceAnswer)
    def on_hrss_answered(self, notice: Notice[SourceAnswer]) -> None:
        """人社局 answers a query over the bus. An answer to what was not asked is counted and is not a dead letter."""
        self._answered("hrss", notice)

    def _answered(self, source: str, notice: Notice[SourceAnswer]) -> None:
        f, order = notice.facts, notice.order(None)
        declared = self.checks.declared.sources[source]
        reply = reply_of(declared, 0, f.query_no, f.outcome, {v.name: v.amount for v in f.values})
        outcome = self.checks.take(source, reply, order)
        counts = Taken()
        setattr(counts, outcome, 1)
        broken = (verification_sources.BrokenLine(0, REFUSED[outcome]),) if outcome in REFUSED else ()
        self.checks.note(source, reply.digest, counts, broken, order)

    @command(SourceForm, permission="assistance:accept")
    def take_in_answers(self, order: Order[SourceForm]) -> Any:
        """收取某来源的答复文件，逐行报告未能采用的行号和原因（系统也会定时收取）。"""
        within(order.hand, self.checks.district)
        return {"files": self.checks.collect(order.command.source, order)}

    @deadline("answer_pickup")
    def on_answer_pickup(self, due: Due) -> None:
        """Look whether a source has delivered."""
        if due.aggregate_id in self.checks.declared.sources:
            self.checks.collect(due.aggregate_id, due.order(None))

    @deadline("exchange_retry")
    def on_exchange_retry(self, due: Due) -> None:
        """Send what could not be sent before."""
        self.checks.send(due.aggregate_id, due.order(None))

    # -- sources

    @query(permission="assistance:read")
    @answers(SOURCES_SHOWN)
    def get_verification_sources(self, hand: Hand, position: int | None = None) -> Any:
        """信息核对数据资源：声明、停用情况、供给质量（按时、逾期、失败）。"""
        caught_up(self.office, MODEL, position)
        found = rows.source_quality(self.office.read, TABLES["means_test"], hand.division)
        return [
            {
                **plain(source),
                "suspended": self.office.load(SOURCES, code).state.suspended,
                "systems": plain(self.checks.systems(code)),
                "supply": found.get(code, {}),
            }
            for code, source in self.checks.declared.sources.items()
        ]

    @command(SuspensionForm, permission="assistance:confirm")
    def suspend_source(self, order: Order[SuspensionForm]) -> Any:
        """停用一个核对来源：停用期间不查询，报告注明缺少该来源。"""
        code = self._source(order)
        return self.office.handle(
            SOURCES, code, order.to(verification_sources.SuspendSource(code, self.checks.district, order.command.reason))
        )

    @command(SourceForm, permission="assistance:confirm")
    def resume_source(self, order: Order[SourceForm]) -> Any:
        """恢复一个核对来源。"""
        code = self._source(order)
        return self.office.handle(SOURCES, code, order.to(verification_sources.ResumeSource(code, self.checks.district)))

    def _source(self, order: Order[Any]) -> str:
        within(order.hand, self.checks.district)
        code = str(order.command.source)
        if code not in self.checks.declared.sources:
            raise Refused("not_found", "没有此核对来源。", "source")
        return code

    # -- rights and cut-over

    @command(check_rights.GrantCheckRight)
    def grant_check_right(self, order: Order[check_rights.GrantCheckRight]) -> Any:
        """下放核对权限至区县或乡镇（街道）：岗位、项目（不填为全部项目）、期限、依据。"""
        c = order.command
        if c.programme and not (c.programme in PROGRAMMES and self.checks.declared.asked_for(c.programme)):
            raise Refused("unknown_programme", "没有此项目，或该项目不作经济状况核对。", "programme")
        return self.office.handle(RIGHTS, divisions.check(c.division), order)

    @command(check_rights.WithdrawCheckRight)
    def withdraw_check_right(self, order: Order[check_rights.WithdrawCheckRight]) -> Any:
        """收回核对权限；programme：仅收回按该项目下放的，不填为该岗位的全部。"""
        return self.office.handle(RIGHTS, divisions.check(order.command.division), order)

    @query(permission="assistance:read")
    @answers(rows_of(TABLES["means_test"].rights))
    def list_check_rights(
        self,
        hand: Hand,
        valid_at: date | None = None,
        programme: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """核对权限下放情况，每次下放一行；valid_at：某日有效的；programme：可用于某项目的（含不分项目的）。"""
        caught_up(self.office, MODEL, position)
        also = rows.rights_on(TABLES["means_test"], valid_at) if valid_at is not None else ()
        if programme is not None:
            also = (*also, rows.rights_for(TABLES["means_test"], programme))
        return listed(self.office.read, TABLES["means_test"].rights, hand.division, {}, limit, after, also=also)

    @command(CutOverForm, permission="assistance:confirm")
    def start_cut_over(self, order: Order[CutOverForm]) -> Any:
        """核对系统切换：未答复的查询逐件迁移到新系统，恰好一次，并与旧系统清单对账。"""
        c, code = order.command, self._source(order)
        cut_over = derived_id("cut-over", code, order.command_id)

        seen = self.office.log.head(f"{self.name}.")
        all_seen(self.office, MODEL)
        ours = rows.open_requests(self.office.read, TABLES["means_test"], code)

        def start(ours: list[str]) -> Order[Any]:
            return order.to(check_rights.StartCutOver(code, self.checks.district, c.system, c.adapter, tuple(ours), c.theirs))

        if self.office.load(CUT_OVERS, cut_over).state.status == "none":
            if rows.cut_over_running(self.office.read, TABLES["means_test"], code):
                raise Refused("already_exists", "该来源正在切换，迁移完成后方可再次切换。", "source")
            self.office.rehearse(CUT_OVERS, cut_over, start(ours))
            # The way is switched first: what is asked from now on goes to the new system, and what was asked until then is listed.
            switch = verification_sources.SwitchSource(code, self.checks.district, c.system, c.adapter, order.hand.actor)
            switched = self.office.handle(SOURCES, code, order.by(HAND).to(switch, f"switch {cut_over}"))
            ours += self._prepared(code, seen, switched.position)
        return self.office.handle(CUT_OVERS, cut_over, start(sorted(set(ours))))

    def _prepared(self, source: str, after: int, until: int) -> list[str]:
        """The requests to a source that were prepared behind a place of the log, up to another."""
        found = []
        for raw in self.office.log.read_all(after=after, prefix=f"{EXCHANGES.category}-"):
            if raw.position > until:
                break
            if raw.name == f"{self.name}.exchange_prepared":
                prepared = codec.decode(raw.name, codec.decode_meta(raw.metadata).schema, raw.data, None)
                if (prepared.programme, prepared.terms.system) == (means_test.PROGRAMME, source):
                    found.append(raw.stream.split("-", 1)[1])
        return found

    @deadline("cut_over_slice")
    def on_cut_over_slice(self, due: Due) -> None:
        """The next requests go over."""
        self.checks.migrate(due.aggregate_id, due.order(None))

    @command(check_rights.SettleCutOver)
    def settle_cut_over(self, order: Order[check_rights.SettleCutOver]) -> Any:
        """处理切换差异（与发起切换的不得为同一人）。"""
        return self.office.handle(CUT_OVERS, order.command.cut_over_id, order)

    @query(permission="assistance:read")
    @answers(kept(check_rights.CutOver))
    def get_cut_over(self, hand: Hand, cut_over_id: str) -> Any:
        """一次系统切换：两侧清单、迁移对照、各项目各乡镇（街道）的件数和差异。"""
        return shown(self.office, CUT_OVERS, cut_over_id, hand, None)

    # -- campaigns

    @command(reverification.StartReverification)
    def start_reverification(self, order: Order[reverification.StartReverification]) -> Any:
        """开展定期复核：以在册对象生成清单，分批发起核对。"""
        c = order.command
        division = divisions.check(c.division)
        within(order.hand, division)
        if not c.programmes:
            raise invalid("请指明复核哪些项目。", "programmes")
        self._may_check(order, *c.programmes)
        all_seen(self.office, MODEL)
        objects = rows.in_register(self.office.read, BENEFITS.cases, c.programmes, division)
        opening = reverification.StartReverification(division, c.period, c.programmes, c.due_on)
        return self.checks.start_campaign(objects, order.to(opening))

    @deadline("reverification_slice")
    def on_reverification_slice(self, due: Due) -> None:
        """The next objects are asked about."""
        self.checks.ask_slice(due.aggregate_id, due.order(None))

    @deadline("reverification_overdue")
    def on_reverification_overdue(self, due: Due) -> None:
        """复核逾期."""
        self.office.handle(CAMPAIGNS, due.aggregate_id, due.order(reverification.NoteOverdue(due.aggregate_id)))

    @command(reverification.RetryBlocked)
    def retry_reverification(self, order: Order[reverification.RetryBlocked]) -> Any:
        """受阻对象（如授权缺失）补齐材料后重新发起。"""
        return self.office.handle(CAMPAIGNS, order.command.campaign_id, order)

    @command(reverification.ExcuseObject)
    def excuse_reverification(self, order: Order[reverification.ExcuseObject]) -> Any:
        """说明某对象不再复核的理由（已停发等）。"""
        return self.office.handle(CAMPAIGNS, order.command.campaign_id, order)

    @command(reverification.CloseReverification)
    def close_reverification(self, order: Order[reverification.CloseReverification]) -> Any:
        """结束复核活动：复核率须为100%。"""
        return self.office.handle(CAMPAIGNS, order.command.campaign_id, order)

    @query(permission="assistance:read")
    @answers(rows_of(TABLES["means_test"].objects))
    def list_reverification_objects(
        self,
        hand: Hand,
        campaign_id: str | None = None,
        status: str | None = None,
        worklist: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """复核对象：进展、受阻原因、结论。"""
        caught_up(self.office, MODEL, position)
        where = {"campaign_id": campaign_id, "status": status, "worklist": worklist}
        return listed(self.office.read, TABLES["means_test"].objects, hand.division, where, limit, after)

    @query(permission="assistance:read")
    @answers(rows_of(TABLES["means_test"].campaigns))
    def list_reverifications(self, hand: Hand, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """复核活动列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, TABLES["means_test"].campaigns, hand.division, {}, limit, after)


def _trace(event: Any) -> dict[str, Any]:
    """What of an event belongs in the trace: never an amount."""
    names = ("cause", "source", "exchange_id", "person_id", "outcome", "reason", "version", "verdict", "purpose", "late")
    return {n: getattr(event, n) for n in names if hasattr(event, n)}

"""Means test (家庭经济状况核对): what a household declared, held against what outside sources say. Catalogue A40, A41.

Two aggregates. The authorisation (授权) is the ledger of one purpose, the case: who signed, until when, who withdrew, and every
verification that was asked for under it. A verification (核对) asks each source its programme owes, takes the answers in as they
come, and ends in a report (核对报告): complete, or partial with the missing sources named.

    requested → asked → answered / missed, source by source → reported → (late answer or objection → asked again → next version)

Must hold: nothing is asked without the valid signatures of every adult who counts; one verification of a case at a time; every
request ends in a report, at the latest when the time limit passes; a report is never changed, only followed by the next version;
the first answer for a person stands and another one is kept beside it; whoever reads a report is written down with his purpose.
A report is evidence: it never stops or changes a payment by itself (A42).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from shared.casework.shape import said
from shared.domain import dates, money
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused, invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order, derived_id
from shared.exchange.adapter import MOST_COUNT, MOST_FEN

CATALOGUE = ("A40", "A41")
PROGRAMME = "household_economic_verification"  # of the exchanges that carry the queries
ADULT = 18
PER_PERSON = ("income",)  # what is declared person by person; the rest is the household's
Verdict = Literal["consistent", "different", "partial"]  # 一致 | 不一致 | 信息不全


def verification_id(case_id: str, number: int) -> str:
    """The n-th verification of a case."""
    return derived_id("verification", case_id, str(number))


def exchange_id(verification: str, source: str, round_: int) -> str:
    """The request of a verification to a source; a later round asks again."""
    return derived_id("means-test query", verification, source, str(round_))


def query_no(exchange: str, place: int) -> str:
    """查询编号: the pseudonymous number that stands for a person towards a source. It names the request it belongs to."""
    return f"{exchange}-{place:02d}"


def exchange_of(number: str) -> str:
    """The request that a query number belongs to."""
    return number.rpartition("-")[0]


def report_id(verification: str, version: int) -> str:
    return f"{verification}.{version}"


# -- Authorisation: events -----------------------------------------------------------------------------------------


@event(
    "assistance.member_authorisation_recorded",
    published=True,
    public=lambda e: {"case_id": e.case_id, "programme": e.programme, "subject_id": e.subject_id},
)
@dataclass(frozen=True)
class MemberAuthorisationRecorded:
    """授权: one person of the household has signed that his data may be asked for, for this case, until ``valid_until``.

    ``document_ref`` names the signed paper in the archive."""

    case_id: str
    programme: str
    subject_id: str
    division: str
    person_id: str
    signed_on: date
    valid_until: date
    document_ref: str
    by: str


@event(
    "assistance.member_authorisation_withdrawn",
    published=True,
    public=lambda e: {"case_id": e.case_id, "programme": e.programme, "subject_id": e.subject_id},
)
@dataclass(frozen=True)
class MemberAuthorisationWithdrawn:
    """撤回授权: from now on nothing more is asked about this household for this case."""

    case_id: str
    programme: str
    subject_id: str
    person_id: str
    withdrawn_on: date
    reason: str
    by: str


@event("assistance.verification_requested")
@dataclass(frozen=True)
class VerificationRequested:
    """发起核对 under the signatures of ``adults``, the first of which ends on ``authorised_until``."""

    verification_id: str
    number: int
    cause: str
    adults: tuple[str, ...]
    authorised_until: date
    by: str


@event("assistance.verification_settled")
@dataclass(frozen=True)
class VerificationSettled:
    """核对办结: the verification has its report; another one may be asked for."""

    verification_id: str


@event("assistance.authorisation_handed_over")
@dataclass(frozen=True)
class AuthorisationHandedOver:
    """核对授权移交: whom it is about moved; ``division`` takes signatures down and withdraws them from now on. Those that hold, hold on."""

    case_id: str
    old_division: str
    division: str
    signed: tuple[str, ...]  # who has signed, ever


# -- Authorisation: state, commands, decisions ------------------------------------------------------------------------


@dataclass(frozen=True)
class Signature:
    signed_on: date
    valid_until: date
    document_ref: str
    withdrawn_on: date | None = None

    def holds(self, day: date) -> bool:
        return self.withdrawn_on is None and self.signed_on <= day <= self.valid_until


@dataclass(frozen=True)
class Authorisation:
    case_id: str = ""
    programme: str = ""
    subject_id: str = ""
    division: str = ""
    signatures: Mapping[str, Signature] = field(default_factory=lambda: MappingProxyType({}))
    requests: int = 0
    cause: str = ""  # of the newest request
    open_id: str = ""  # the verification that has no report yet
    requested_by: str = ""

    def unsigned(self, adults: Iterable[str], day: date) -> tuple[str, ...]:
        """Who of these has no signature that holds on the day."""
        return tuple(p for p in adults if p not in self.signatures or not self.signatures[p].holds(day))


def evolve_authorisation(state: Authorisation, happened: Any) -> Authorisation:
    match happened:
        case MemberAuthorisationRecorded():
            signed = Signature(happened.signed_on, happened.valid_until, happened.document_ref)
            return replace(
                state,
                case_id=happened.case_id,
                programme=happened.programme,
                subject_id=happened.subject_id,
                division=happened.division,
                signatures=MappingProxyType({**state.signatures, happened.person_id: signed}),
            )
        case MemberAuthorisationWithdrawn():
            gone = replace(state.signatures[happened.person_id], withdrawn_on=happened.withdrawn_on)
            return replace(state, signatures=MappingProxyType({**state.signatures, happened.person_id: gone}))
        case VerificationRequested():
            return replace(
                state, requests=happened.number, cause=happened.cause, open_id=happened.verification_id, requested_by=happened.by
            )
        case AuthorisationHandedOver():
            return replace(state, division=happened.division)
        case VerificationSettled():
            return replace(state, open_id="" if state.open_id == happened.verification_id else state.open_id)
        case _:
            raise TypeError(f"an authorisation knows no {type(happened).__name__}")


@command("record_member_authorisation", permission="assistance:accept")
@dataclass(frozen=True)
class RecordMemberAuthorisation:
    """``members`` are those of the household, put in by the door; ``most_months`` the longest a signature can hold."""

    case_id: str
    programme: str
    subject_id: str
    division: str
    members: tuple[str, ...]
    person_id: str
    signed_on: date
    valid_until: date
    document_ref: str
    most_months: int


@command("withdraw_member_authorisation", permission="assistance:accept")
@dataclass(frozen=True)
class WithdrawMemberAuthorisation:
    case_id: str
    person_id: str
    reason: str


@command("request_verification", permission="assistance:verify")
@dataclass(frozen=True)
class RequestVerification:
    """``adults``: everybody whose signature is owed. Given by the service, after the right to check was looked at."""

    case_id: str
    adults: tuple[str, ...]
    cause: str
    by: str


@command("settle_verification", permission="assistance:verify")
@dataclass(frozen=True)
class SettleVerification:
    verification_id: str


@command("hand_over_authorisation", permission="assistance:verify")
@dataclass(frozen=True)
class HandOverAuthorisation:
    """By the service, when whom it is about was handed over to another town."""

    case_id: str
    division: str


def record_authorisation(state: Authorisation, c: RecordMemberAuthorisation, order: Order[Any]) -> Sequence[Any]:
    if c.person_id not in c.members:
        raise Refused("unknown_person", "该人员不是本家庭共同生活成员。", "person_id")
    document = clean(c.document_ref, "document_ref", "授权书档案编号")
    if c.signed_on > order.today:
        raise invalid("签署日期不能晚于今天。", "signed_on")
    if c.valid_until < order.today or c.valid_until < c.signed_on:
        raise invalid("授权已过有效期。", "valid_until")
    if dates.month_of(c.valid_until) > dates.add_months(dates.month_of(c.signed_on), c.most_months):
        raise invalid(f"授权有效期最长为{c.most_months}个月。", "valid_until")
    if state.signatures.get(c.person_id) == Signature(c.signed_on, c.valid_until, document):
        return []
    return [
        MemberAuthorisationRecorded(
            c.case_id, c.programme, c.subject_id, c.division, c.person_id, c.signed_on, c.valid_until, document, order.hand.actor
        )
    ]


def withdraw_authorisation(state: Authorisation, c: WithdrawMemberAuthorisation, order: Order[Any]) -> Sequence[Any]:
    signed = state.signatures.get(c.person_id)
    if signed is None:
        raise Refused("not_found", "该人员没有签署授权。", "person_id")
    if signed.withdrawn_on is not None:
        return []
    reason = clean(c.reason, "reason", "撤回理由")
    return [
        MemberAuthorisationWithdrawn(state.case_id, state.programme, state.subject_id, c.person_id, order.today, reason, order.hand.actor)
    ]


def request_verification(state: Authorisation, c: RequestVerification, order: Order[Any]) -> Sequence[Any]:
    if not state.case_id:
        raise Refused("forbidden", "本办件没有任何核对授权，不得查询。", "authorisation")
    if state.open_id:
        raise Refused("already_exists", "本办件的核对正在进行，尚未出具报告。", "case_id")
    unsigned = state.unsigned(c.adults, order.today)
    if unsigned or not c.adults:
        raise Refused("forbidden", f"有{len(unsigned)}名成年家庭成员没有有效授权，不得查询。", "authorisation")
    number = state.requests + 1
    until = min(state.signatures[p].valid_until for p in c.adults)
    return [VerificationRequested(verification_id(state.case_id, number), number, c.cause, c.adults, until, c.by)]


def settle_verification(state: Authorisation, c: SettleVerification, order: Order[Any]) -> Sequence[Any]:
    return [VerificationSettled(c.verification_id)] if state.open_id == c.verification_id else []


def hand_over_authorisation(state: Authorisation, c: HandOverAuthorisation, order: Order[Any]) -> Sequence[Any]:
    if not state.case_id or state.division == c.division:
        return []
    return [AuthorisationHandedOver(c.case_id, state.division, c.division, tuple(state.signatures))]


AUTHORISATIONS: Decider[Authorisation] = Decider(
    category="assistance.authorisation",
    initial=Authorisation(),
    evolve=evolve_authorisation,
    decide={
        RecordMemberAuthorisation: record_authorisation,
        WithdrawMemberAuthorisation: withdraw_authorisation,
        RequestVerification: request_verification,
        SettleVerification: settle_verification,
        HandOverAuthorisation: hand_over_authorisation,
    },
    division=lambda state: state.division,
)


# -- Verification: events ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Declared:
    """One declared fact of the month: an income of a person, or what the household has (``person_id`` empty). fen or a count."""

    person_id: str
    what: str
    amount: int


@dataclass(frozen=True)
class AskedField:
    """A field a source answers with, and what it is compared with ("" = shown only)."""

    name: str
    label: str
    compares: str


@dataclass(frozen=True)
class AskedSource:
    """One source of a verification. ``missing`` says why it is not asked at all (suspended); "" where it is."""

    source: str
    name: str
    exchange_id: str
    fields: tuple[AskedField, ...]
    missing: str = ""


@dataclass(frozen=True)
class Value:
    """One value of an answer, by the source's field: fen or a count."""

    name: str
    amount: int


@dataclass(frozen=True)
class MissingSource:
    source: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """One comparison. ``difference`` = found - declared, in fen (money) or pieces; ``person_id`` empty for the household.

    ``sources`` answered for it, ``missing`` did not; a finding with missing sources is ``partial`` unless what was found already
    exceeds what was declared."""

    person_id: str
    what: str
    declared: int
    found: int
    difference: int
    verdict: Verdict
    sources: tuple[str, ...]
    missing: tuple[str, ...]


@event("assistance.verification_opened", published=True, public=lambda e: {"verification_id": e.verification_id, "case_id": e.case_id})
@dataclass(frozen=True)
class VerificationOpened:
    """核对立项: what is asked about whom, and what was declared for ``month``. ``cause``: application, request,
    reverification:<campaign>."""

    verification_id: str
    case_id: str
    programme: str
    subject_id: str
    division: str
    month: str
    adults: tuple[str, ...]
    persons: tuple[str, ...]
    declared: tuple[Declared, ...]
    sources: tuple[AskedSource, ...]
    cause: str
    tolerance_fen: int
    finish_by: date
    objection_days: int
    by: str


@event("assistance.source_answered")
@dataclass(frozen=True)
class SourceAnswered:
    """来源答复: one source's answer about one person. ``late``: it had been given up as missing, or a report was made without it."""

    source: str
    exchange_id: str
    person_id: str
    outcome: Literal["found", "none", "failed"]
    values: tuple[Value, ...]
    late: bool


@event("assistance.source_answer_differed")
@dataclass(frozen=True)
class SourceAnswerDiffered:
    """来源答复不一: another answer for a person who has one: kept and shown; the first stands until the source is asked again."""

    source: str
    exchange_id: str
    person_id: str
    outcome: Literal["found", "none", "failed"]
    values: tuple[Value, ...]


@event("assistance.source_missed")
@dataclass(frozen=True)
class SourceMissed:
    """来源逾期未复: no answer is waited for any more; a late one is still taken in."""

    source: str
    exchange_id: str
    reason: str


@event("assistance.source_moved")
@dataclass(frozen=True)
class SourceMoved:
    """来源请求转移: the request to a source goes on under another number (新旧系统切换)."""

    source: str
    exchange_id: str
    new_exchange_id: str


@event(
    "assistance.verification_reported",
    published=True,
    public=lambda e: {
        "case_id": e.case_id,
        "programme": e.programme,
        "subject_id": e.subject_id,
        "verification_id": e.verification_id,
        "report_id": report_id(e.verification_id, e.version),
        "version": e.version,
        "verdict": e.verdict,
        "completeness": e.completeness,
        "missing": [m.source for m in e.missing],
        "cause": e.cause,
        "different": sum(f.verdict == "different" for f in e.findings),
    },
)
@dataclass(frozen=True)
class VerificationReported:
    """核对报告, version by version. ``digest`` names exactly what it rests on; it can be objected to until ``objection_until``."""

    verification_id: str
    case_id: str
    programme: str
    subject_id: str
    version: int
    completeness: Literal["complete", "partial"]
    missing: tuple[MissingSource, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    shown: tuple[str, ...]  # fields that are listed and compared with nothing
    digest: str
    made_on: date
    objection_until: date
    cause: str
    why: str


@event("assistance.report_objected", published=True, public=lambda e: {"verification_id": e.verification_id, "version": e.version})
@dataclass(frozen=True)
class ReportObjected:
    """异议: these sources are asked once more; the report stands until the next one is there."""

    verification_id: str
    version: int
    sources: tuple[AskedSource, ...]
    reason: str
    finish_by: date
    by: str


@event("assistance.report_looked_at")
@dataclass(frozen=True)
class ReportLookedAt:
    """查阅: who read the report, and what for."""

    version: int
    purpose: str
    by: str


@event("assistance.report_difference_explained")
@dataclass(frozen=True)
class ReportDifferenceExplained:
    """差异说明: why what the report found of the property is not what counts, in writing; the case may go on without a changed fact."""

    version: int
    explanation: str
    by: str


@event("assistance.verification_handed_over")
@dataclass(frozen=True)
class VerificationHandedOver:
    """核对移交: whom it is about moved; ``division`` waits for the answers from now on, reads the report, objects to it and explains it."""

    verification_id: str
    case_id: str
    old_division: str
    division: str


# -- Verification: state -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    outcome: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Query:
    """Where one source stands. ``reason``: why it counts as missing."""

    source: AskedSource
    round: int = 1
    status: Literal["pending", "answered", "missed"] = "pending"
    reason: str = ""
    answers: Mapping[str, Answered] = field(default_factory=lambda: MappingProxyType({}))
    earlier: tuple[str, ...] = ()  # requests of earlier rounds

    @property
    def exchange_id(self) -> str:
        return self.source.exchange_id


@dataclass(frozen=True)
class Verification:
    status: str = "none"  # none | asking | reported
    opened: VerificationOpened | None = None
    queries: Mapping[str, Query] = field(default_factory=lambda: MappingProxyType({}))
    differing: tuple[SourceAnswerDiffered, ...] = ()
    reports: tuple[VerificationReported, ...] = ()
    objections: tuple[ReportObjected, ...] = ()
    looks: tuple[ReportLookedAt, ...] = ()
    explained: tuple[ReportDifferenceExplained, ...] = ()
    finish_by: date | None = None
    handed_to: str = ""  # the town that has it by now; "" = where it was opened

    @property
    def division(self) -> str:
        return self.handed_to or (self.opened.division if self.opened else "")

    @property
    def pending(self) -> tuple[str, ...]:
        return tuple(code for code, q in self.queries.items() if q.status == "pending")


def evolve(state: Verification, happened: Any) -> Verification:
    match happened:
        case VerificationOpened():
            queries = {s.source: _asked(s, 1, ()) for s in happened.sources}
            return Verification("asking", happened, MappingProxyType(queries), finish_by=happened.finish_by)
        case SourceAnswered():
            q = state.queries[happened.source]
            answers = MappingProxyType({**q.answers, happened.person_id: Answered(happened.outcome, happened.values)})
            assert state.opened is not None
            whole = all(p in answers for p in state.opened.persons)
            status: Any = "answered" if whole else q.status
            return _with(state, replace(q, answers=answers, status=status, reason="" if whole else q.reason))
        case SourceAnswerDiffered():
            return replace(state, differing=(*state.differing, happened))
        case SourceMissed():
            return _with(state, replace(state.queries[happened.source], status="missed", reason=happened.reason))
        case SourceMoved():
            q = state.queries[happened.source]
            moved = replace(q.source, exchange_id=happened.new_exchange_id)
            return _with(state, replace(q, source=moved, earlier=(*q.earlier, happened.exchange_id)))
        case VerificationReported():
            return replace(state, status="reported", reports=(*state.reports, happened), finish_by=None)
        case ReportObjected():
            again = {s.source: _asked(s, state.queries[s.source].round + 1, _before(state.queries[s.source])) for s in happened.sources}
            return replace(
                state,
                status="asking",
                queries=MappingProxyType({**state.queries, **again}),
                objections=(*state.objections, happened),
                finish_by=happened.finish_by,
            )
        case VerificationHandedOver():
            return replace(state, handed_to=happened.division)
        case ReportLookedAt():
            return replace(state, looks=(*state.looks, happened))
        case ReportDifferenceExplained():
            return replace(state, explained=(*state.explained, happened))
        case _:
            raise TypeError(f"a verification knows no {type(happened).__name__}")


def _asked(source: AskedSource, round_: int, earlier: tuple[str, ...]) -> Query:
    return Query(source, round_, "missed" if source.missing else "pending", source.missing, earlier=earlier)


def _before(q: Query) -> tuple[str, ...]:
    return (*q.earlier, q.exchange_id)


def _with(state: Verification, q: Query) -> Verification:
    return replace(state, queries=MappingProxyType({**state.queries, q.source.source: q}))


def unsettled(state: Verification, now: Mapping[str, int]) -> tuple[Finding, ...]:
    """Where the newest report found more property than is on file by now, and nobody has explained it in writing."""
    if not state.reports or any(e.version == state.reports[-1].version for e in state.explained):
        return ()
    assert state.opened is not None
    most = {f.what: 0 if f.what in ("vehicles", "homes") else state.opened.tolerance_fen for f in state.reports[-1].findings}
    of_property = [f for f in state.reports[-1].findings if not f.person_id and f.verdict == "different"]
    return tuple(f for f in of_property if f.found > now.get(f.what, f.declared) + most[f.what])


# -- Verification: commands. All but objection, explanation and look are the service's own. ----------------------------------------


@command("open_verification", permission="assistance:verify")
@dataclass(frozen=True)
class OpenVerification:
    verification_id: str
    case_id: str
    programme: str
    subject_id: str
    division: str
    month: str
    adults: tuple[str, ...]
    persons: tuple[str, ...]
    declared: tuple[Declared, ...]
    sources: tuple[AskedSource, ...]
    cause: str
    tolerance_fen: int
    finish_working_days: int
    objection_days: int
    by: str


@command("take_source_answer", permission="assistance:verify")
@dataclass(frozen=True)
class TakeSourceAnswer:
    exchange_id: str
    source: str
    person_id: str
    outcome: Literal["found", "none", "failed"]
    values: tuple[Value, ...] = ()


@command("miss_sources", permission="assistance:verify")
@dataclass(frozen=True)
class MissSources:
    """No longer wait for a source ("" = for none of them); ``exchange_id`` names the request, so that a later round is left alone."""

    reason: str
    source: str = ""
    exchange_id: str = ""
    why: str = "answers"  # or time_limit, withdrawal


@command("move_source", permission="assistance:verify")
@dataclass(frozen=True)
class MoveSource:
    source: str
    exchange_id: str
    new_exchange_id: str


@command("object_to_report", permission="assistance:accept")
@dataclass(frozen=True)
class ObjectToReport:
    """``sources`` as they are asked again, put in by the service for the ones that are named."""

    verification_id: str
    version: int
    sources: tuple[AskedSource, ...]
    reason: str
    finish_working_days: int


@command("explain_difference", permission="assistance:survey")
@dataclass(frozen=True)
class ExplainDifference:
    """书面说明: of the newest report, whose ``version`` is named."""

    verification_id: str
    version: int
    explanation: str


@command("look_at_report", permission="assistance:read")
@dataclass(frozen=True)
class LookAtReport:
    """查阅 for a purpose, under the case it was made for."""

    verification_id: str
    case_id: str
    purpose: str
    version: int = 0  # 0 = the newest


@command("hand_over_verification", permission="assistance:verify")
@dataclass(frozen=True)
class HandOverVerification:
    """By the service, of one that is open or the newest of its case: an earlier one whose report is made stays with who had it made."""

    verification_id: str
    division: str


# -- Verification: decisions ---------------------------------------------------------------------------------------


def open_verification(state: Verification, c: OpenVerification, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        return []  # opened by the attempt before
    if not c.persons or not all(is_person_id(p) for p in c.persons):
        raise invalid("没有可核对的家庭成员。", "persons")
    if not c.sources:
        raise invalid("该项目没有声明核对来源。", "programme")
    opened = VerificationOpened(
        c.verification_id, c.case_id, c.programme, c.subject_id, c.division, c.month, c.adults, c.persons, c.declared, c.sources,
        c.cause, c.tolerance_fen, dates.add_working_days(order.today, c.finish_working_days), c.objection_days, c.by,
    )  # fmt: skip
    return _reported_if_whole(state, [opened], order, "answers")


def take_answer(state: Verification, c: TakeSourceAnswer, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    assert state.opened is not None
    q = state.queries.get(c.source)
    if q is None or c.person_id not in state.opened.persons or c.exchange_id not in (q.exchange_id, *q.earlier):
        raise Refused("not_found", "没有此查询。", "exchange_id")
    _check_values(q, c)
    differed = SourceAnswerDiffered(c.source, c.exchange_id, c.person_id, c.outcome, c.values)
    known = q.answers.get(c.person_id)
    given = Answered(c.outcome, c.values)
    if known == given or differed in state.differing:
        return []
    if c.exchange_id != q.exchange_id or (known is not None and known.outcome != "failed"):
        return [differed]
    late = q.status == "missed" or bool(known)
    answered = SourceAnswered(c.source, c.exchange_id, c.person_id, c.outcome, c.values, late)
    return _reported_if_whole(state, [answered], order, "late_answer" if state.status == "reported" else "answers")


def miss_sources(state: Verification, c: MissSources, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    reason = said(c.reason, "reason", "原因")
    left = [
        SourceMissed(code, q.exchange_id, reason)
        for code, q in state.queries.items()
        if q.status == "pending" and c.source in ("", code) and c.exchange_id in ("", q.exchange_id)
    ]
    return _reported_if_whole(state, left, order, c.why) if left else []


def move_source(state: Verification, c: MoveSource, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    q = state.queries.get(c.source)
    if q is None or q.exchange_id != c.exchange_id:
        return []  # moved already, or asked again meanwhile
    return [SourceMoved(c.source, c.exchange_id, c.new_exchange_id)]


def object_to_report(state: Verification, c: ObjectToReport, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    if state.status != "reported":
        raise out_of_order("报告尚未出具，或异议正在复核。")
    last = state.reports[-1]
    if c.version != last.version:
        raise Refused("version_conflict", "只能对最新的核对报告提出异议。", "version")
    if order.today > last.objection_until:
        raise out_of_order("异议期限已过，可另行申请重新核对。")
    reason = clean(c.reason, "reason", "异议理由")
    if not c.sources:
        raise invalid("请指明对哪些来源有异议。", "sources")
    for s in c.sources:
        if s.source not in state.queries:
            raise invalid("核对报告中没有此来源。", "sources")
    finish = dates.add_working_days(order.today, c.finish_working_days)
    objected = ReportObjected(c.verification_id, c.version, c.sources, reason, finish, order.hand.actor)
    return _reported_if_whole(state, [objected], order, "objection")


def explain_difference(state: Verification, c: ExplainDifference, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    if not state.reports:
        raise out_of_order("报告尚未出具。")
    if c.version != state.reports[-1].version:
        raise Refused("version_conflict", "只能对最新的核对报告作出说明。", "version")
    if not unsettled(state, {}):
        raise out_of_order("报告没有查出多于申报的财产，或差异已有说明。")
    return [ReportDifferenceExplained(c.version, clean(c.explanation, "explanation", "书面说明"), order.hand.actor)]


def look_at_report(state: Verification, c: LookAtReport, order: Order[Any]) -> Sequence[Any]:
    _exists(state)
    assert state.opened is not None
    if c.case_id != state.opened.case_id:
        raise Refused("forbidden", "核对报告只能用于所核对的办件。", "case_id")
    if not state.reports:
        raise out_of_order("报告尚未出具。")
    if not 0 <= c.version <= len(state.reports):
        raise Refused("not_found", "没有此版本的报告。", "version")
    return [ReportLookedAt(c.version or len(state.reports), clean(c.purpose, "purpose", "查阅用途"), order.hand.actor)]


def _exists(state: Verification) -> None:
    if state.status == "none":
        raise Refused("not_found", "没有此项核对。", "verification_id")


def _check_values(q: Query, c: TakeSourceAnswer) -> None:
    names = {f.name for f in q.source.fields}
    if c.outcome != "found" and c.values:
        raise invalid("没有查到时不应有数值。", "values")
    if c.outcome == "found" and ({v.name for v in c.values} != names or len(c.values) != len(names)):
        raise invalid("答复的项目与声明的不一致。", "values")
    counts = {f.name for f in q.source.fields if f.compares in ("vehicles", "homes")}
    for v in c.values:
        money.check(v.amount, "values", MOST_COUNT if v.name in counts else MOST_FEN)


# -- The report ----------------------------------------------------------------------------------------------------


def _reported_if_whole(before: Verification, happened: list[Any], order: Order[Any], why: str) -> list[Any]:
    """What happened, and the report if nothing is waited for any more."""
    state = before
    for e in happened:
        state = evolve(state, e)
    if state.pending:
        return happened
    if before.status == "reported" and state.status == "reported" and any(
        q.status == "missed" and set(q.answers) - set(before.queries[code].answers) for code, q in state.queries.items()
    ):
        return happened  # a late source that is still half answered: its next answers come soon
    return [*happened, report_of(state, order.today, "objection" if before.status == "asking" and before.objections else why)]


def report_of(state: Verification, today: date, why: str) -> VerificationReported:
    """The next version of the report: every declared fact against what the sources say of it."""
    o = state.opened
    assert o is not None
    missing = tuple(MissingSource(code, _lacking(q, o.persons)) for code, q in state.queries.items() if _lacking(q, o.persons))
    whats = dict.fromkeys(f.compares for q in state.queries.values() for f in q.source.fields if f.compares)
    declared = {(d.person_id, d.what): d.amount for d in o.declared}
    findings = tuple(
        _finding(state, what, about, declared[about, what])
        for what in whats
        for about in (o.persons if what in PER_PERSON else ("",))
        if (about, what) in declared
    )
    compared = {f.what for f in findings}
    verdicts = {f.verdict for f in findings}
    verdict: Verdict = "different" if "different" in verdicts else "partial" if missing or "partial" in verdicts else "consistent"
    shown = tuple(f.name for q in state.queries.values() for f in q.source.fields if f.compares not in compared)
    answers = [(code, sorted(q.answers.items())) for code, q in sorted(state.queries.items())]
    evidence = msgspec.json.encode((o.declared, answers, findings, missing), order="deterministic")
    return VerificationReported(
        o.verification_id, o.case_id, o.programme, o.subject_id, len(state.reports) + 1, "partial" if missing else "complete", missing,
        verdict, findings, shown, hashlib.sha256(evidence).hexdigest()[:32], today, dates.add_working_days(today, o.objection_days),
        o.cause, why,
    )  # fmt: skip


def _lacking(q: Query, persons: Sequence[str]) -> str:
    """Why a source counts as missing, "" when it has told everything."""
    if q.status != "answered":
        return q.reason or "未答复"
    return "查询失败" if any(q.answers[p].outcome == "failed" for p in persons) else ""


def _finding(state: Verification, what: str, about: str, declared: int) -> Finding:
    assert state.opened is not None
    persons = (about,) if about else state.opened.persons
    found = 0
    told: list[str] = []
    missing: list[str] = []
    for code, q in state.queries.items():
        names = {f.name for f in q.source.fields if f.compares == what}
        if not names:
            continue
        answers = [q.answers.get(p) for p in persons]
        found += sum(v.amount for a in answers if a is not None for v in a.values if v.name in names)
        whole = all(a is not None and a.outcome != "failed" for a in answers)
        (told if whole else missing).append(code)
    difference = found - declared
    tolerated = abs(difference) <= (state.opened.tolerance_fen if what not in ("vehicles", "homes") else 0)
    verdict: Verdict = "partial" if missing and (tolerated or difference < 0) else "consistent" if tolerated else "different"
    return Finding(about, what, declared, found, difference, verdict, tuple(told), tuple(missing))


def hand_over_verification(state: Verification, c: HandOverVerification, order: Order[Any]) -> Sequence[Any]:
    if state.opened is None or state.division == c.division:
        return []
    return [VerificationHandedOver(c.verification_id, state.opened.case_id, state.division, c.division)]


VERIFICATIONS: Decider[Verification] = Decider(
    category="assistance.verification",
    initial=Verification(),
    evolve=evolve,
    decide={
        OpenVerification: open_verification,
        TakeSourceAnswer: take_answer,
        MissSources: miss_sources,
        MoveSource: move_source,
        ObjectToReport: object_to_report,
        LookAtReport: look_at_report,
        ExplainDifference: explain_difference,
        HandOverVerification: hand_over_verification,
    },
    division=lambda state: state.division,
)


def clean(text: str, field_name: str, what: str) -> str:
    """A text that must be filled in and holds no resident ID: it is stored in the clear."""
    found = said(text, field_name, what)
    for start in range(len(found) - 17):
        part = found[start : start + 18]
        if part[:17].isascii() and part[:17].isdigit():
            try:
                resident_ids.check(part)
            except Refused:
                continue
            raise invalid(f"{what}中不得含有身份证号码。", field_name)
    return found

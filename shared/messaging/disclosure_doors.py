"""The doors of what is public (公开的门) of a service that pays benefits: it follows the cases by itself, and hands correct or withdraw it.

Every event of a case that may change what the page says is answered in one way: the case is looked at as it is now, and what is public is
made equal to that (``keep_disclosed``). So no message is trusted for its content or its order, and one that comes twice changes nothing.
The objections that come in from the page are here too: the portal's hand reports them, a clerk takes or rejects each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.casework import disclosure
from shared.casework.benefits import CaseRef
from shared.casework.disclosure import Who
from shared.casework.masking import masked
from shared.casework.programme import NOTHING_PUBLIC
from shared.domain import dates
from shared.domain.errors import Refused, Unavailable, invalid, out_of_order
from shared.eventlog.benefit_rows import listed
from shared.eventlog.disclosure_rows import DISCLOSURE_DUE, OBJECTION_DUE, DisclosureTables
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Hand, Notice, Order
from shared.messaging.answering import Rows, answers, kept, rows
from shared.messaging.door_answers import AboutPage, Compared, ObjectionAnswer, OnTheBoard
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.payment_month_doors import PaymentMonthDoors
from shared.messaging.showing import area, caught_up, shown
from shared.security.permissions import within

MOST_AT_ONCE = 200  # objections that are rejected with one reason
MOST_COMPARED = 200  # cases that are held against what is published in one question
MOST_ON_A_BOARD = 500
ON_A_BOARD = ("members", "area", "amount_fen")  # what may be shown of what is publicised, beside the name
TRIES = 5  # looks at a case that moves meanwhile; the reaction to what moved it looks again in any case
WHY = {
    "refused": "不予确认",
    "withdrawn": "申请已撤回",
    "lapsed": "视为放弃申请",
    "ended": "救助已终止",
    "closed": "已办结",
}  # fmt: skip


# -- What comes in


@dataclass(frozen=True)
class CaseMoved:
    """What is read of the service's own news about a case: which one it is."""

    programme: str
    subject_id: str

WRITTEN = {"words": str, "contact": str, "page": AboutPage}  # what of an objection whoever takes it in reads beside its row


@dataclass(frozen=True)
class ObjectionForm:
    """公示异议 as the public page has it; ``contact`` may be left out (匿名)."""

    case_id: str
    words: str
    contact: str = ""


@dataclass(frozen=True)
class TakingForm:
    """受理公众异议: ``reason`` is the clerk's summary for the case; it names nobody."""

    case_id: str
    receipt: str
    reason: str


@dataclass(frozen=True)
class RejectionForm:
    """不予受理公众异议: the reason is told to whoever has the receipt."""

    case_id: str
    receipt: str
    reason: str


@dataclass(frozen=True)
class RejectionsForm:
    """不予受理多件公众异议，同一理由: of whichever cases; the reason is told to whoever has one of the receipts."""

    receipts: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class About:
    """What a disclosure is about, as it is now: a case, or another procedure whose review is publicised.

    ``version``: of the stream in which it is decided; ``wants``: what is to stand of it; ``why``: why nothing stands any more;
    ``heard_from``: as in ``KeepDisclosure``; ``objected``: an objection of its own is open; ``hands``: who took a step of it;
    ``page``: category, key and item of its page at the desk.
    """

    version: int
    division: str
    wants: Callable[[], disclosure.Wanted | None]
    why: str
    heard_from: date | None
    objected: bool
    hands: tuple[str, ...]
    page: tuple[str, str, str]


class DisclosureDoors(PaymentMonthDoors):
    """``disclosures`` is the service's decider of the shape, ``disclosed`` its rows; ``whom`` says whom a case is about."""

    disclosures: Decider[disclosure.State]
    disclosed: DisclosureTables

    def whom(self, case: bc.Case, today: date) -> Who | None:
        """The applicant of a case as the service knows him today; None when nobody is left."""
        raise NotImplementedError("a service says whom its cases are about")

    # -- what it is about; a service with a procedure of its own answers for that too

    def about(self, case_id: str, today: date) -> About:
        """What a disclosure is about."""
        loaded = self.office.load(self.benefits.cases, case_id)
        if loaded.version < 0:
            return self.about_another(case_id, today)
        case: bc.Case = loaded.state

        def wants() -> disclosure.Wanted | None:
            programme = self.benefits.programmes.get(case.programme)
            declared = programme.public if programme is not None else NOTHING_PUBLIC
            who = self.whom(case, today) if declared != NOTHING_PUBLIC else None
            return disclosure.wanted(case, declared, who, today) if who is not None else None

        hands = (*case.clerks, *((case.proposal.by,) if case.proposal is not None else ()))
        why = WHY.get(case.status, "审核结果作废")
        page = ("case", case_id, "")
        return About(loaded.version, case.division, wants, why, _heard_from(case), case.objection_open, hands, page)

    def about_another(self, case_id: str, today: date) -> About:
        """What a disclosure is about that is no case's."""
        raise Refused("not_found", "没有此个案。", "case_id")

    def object_to(self, case_id: str, reason: str, received_on: date, order: Order[Any]) -> None:
        """Make what came in from the page the case's own objection."""
        self.office.handle(self.benefits.cases, case_id, order.to(bc.RaiseObjection(case_id, reason, received_on), "objection"))

    def became(self, case_id: str, version: int) -> dict[str, str]:
        """What became of the case's objection that was open at this version of the case."""
        for r in self.office.history(self.benefits.cases.stream(case_id)):
            if r.version > version and isinstance(r.event, bc.ObjectionAnswered):
                return {"status": "upheld" if r.event.upheld else "dismissed", "reason": r.event.reason}
            if r.version > version and isinstance(r.event, bc.ProposalVoided):
                return {"status": "moot", "reason": disclosure.MOOT}
        return {}

    def disclosable(self) -> list[sa.Select[Any]]:
        """Whatever may have something public: (id, division), to be held against what is published."""
        cases = self.tables.cases.c
        return [sa.select(cases.case_id.label("id"), cases.division)]

    # -- what is public follows the case

    def keep_disclosed(self, case_id: str, order: Order[Any]) -> None:
        """Make what is public of a case what the case now is (law 6)."""
        self.keep_equal(case_id, lambda: self.about(case_id, order.today), order)

    def keep_equal(self, case_id: str, look: Callable[[], About], order: Order[Any]) -> None:
        own = order.by(self.benefits.hand())
        for _ in range(TRIES):
            now = look()
            step = f"disclosure {now.version} {order.today.isoformat()}"
            self.office.handle(self.disclosures, case_id, own.to(_kept(case_id, now), step))
            if look().version == now.version:
                return
        raise Unavailable("个案正被频繁更新，请稍后重试。")

    def _follow(self, notice: Notice[CaseMoved]) -> None:
        f = notice.facts
        if f.programme in self.benefits.programmes:
            self.keep_disclosed(bc.case_id(f.programme, f.subject_id), notice.order(None))

    @reaction(OWN, "case_proposed", reads=CaseMoved)
    def disclose_proposed(self, notice: Notice[CaseMoved]) -> None:
        """公示 begins."""
        self._follow(notice)

    @reaction(OWN, "proposal_voided", reads=CaseMoved)
    def disclose_voided(self, notice: Notice[CaseMoved]) -> None:
        """What was publicised is not what will be confirmed."""
        self._follow(notice)

    @reaction(OWN, "application_withdrawn", reads=CaseMoved)
    def disclose_application_withdrawn(self, notice: Notice[CaseMoved]) -> None:
        """Nothing is applied for any more."""
        self._follow(notice)

    @reaction(OWN, "case_refused", reads=CaseMoved)
    def disclose_refused(self, notice: Notice[CaseMoved]) -> None:
        """不予确认: whoever got nothing is not shown."""
        self._follow(notice)

    @reaction(OWN, "case_granted", reads=CaseMoved)
    def disclose_granted(self, notice: Notice[CaseMoved]) -> None:
        """In force: listed among the recipients."""
        self._follow(notice)

    @reaction(OWN, "case_reassessed", reads=CaseMoved)
    def disclose_reassessed(self, notice: Notice[CaseMoved]) -> None:
        """Another amount, from its month on."""
        self._follow(notice)

    @reaction(OWN, "case_suspended", reads=CaseMoved)
    def disclose_suspended(self, notice: Notice[CaseMoved]) -> None:
        """暂停."""
        self._follow(notice)

    @reaction(OWN, "case_resumed", reads=CaseMoved)
    def disclose_resumed(self, notice: Notice[CaseMoved]) -> None:
        """恢复."""
        self._follow(notice)

    @reaction(OWN, "case_ended", reads=CaseMoved)
    def disclose_ended(self, notice: Notice[CaseMoved]) -> None:
        """停发: off the list with the last month, or so many days later."""
        self._follow(notice)

    @reaction(OWN, "case_closed", reads=CaseMoved)
    def disclose_closed(self, notice: Notice[CaseMoved]) -> None:
        """办结 of a one-off benefit."""
        self._follow(notice)

    @reaction(OWN, "case_handed_over", reads=CaseMoved)
    def disclose_handed_over(self, notice: Notice[CaseMoved]) -> None:
        """移交: shown at another place, and another town answers for it."""
        self._follow(notice)

    @deadline(DISCLOSURE_DUE)
    def on_disclosure_due(self, due: Due) -> None:
        """A publicity or a listing is over, or something else is to be said from today on."""
        self.keep_disclosed(due.aggregate_id, due.order(None))

    # -- hands

    @command(disclosure.CorrectDisclosure, permission="confirm")
    def correct_disclosure(self, order: Order[disclosure.CorrectDisclosure]) -> Any:
        """更正公开内容：列明的字段自即时起不再公开；重新公开须由他人办理。"""
        answer = self.office.handle(self.disclosures, order.command.case_id, order)
        self.keep_disclosed(order.command.case_id, order)  # what may be shown again is
        return answer

    @command(disclosure.WithdrawDisclosure, permission="confirm")
    def withdraw_disclosure(self, order: Order[disclosure.WithdrawDisclosure]) -> Any:
        """撤回公开（人身安全、法院决定、本人请求等），即时生效；统计不受影响。"""
        return self.office.handle(self.disclosures, order.command.case_id, order)

    @command(disclosure.RestoreDisclosure, permission="confirm")
    def restore_disclosure(self, order: Order[disclosure.RestoreDisclosure]) -> Any:
        """恢复公开（与撤回不得为同一人）。"""
        answer = self.office.handle(self.disclosures, order.command.case_id, order)
        self.keep_disclosed(order.command.case_id, order)
        return answer

    @command(CaseRef, permission="review")
    def renew_disclosure(self, order: Order[CaseRef]) -> Any:
        """按现行公开范围重新核对一个个案的公开内容（公开范围变更后，或补公开以前的个案）。"""
        case_id = order.command.case_id
        within(order.hand, self.about(case_id, order.today).division)
        self.keep_disclosed(case_id, order)
        loaded = self.office.load(self.disclosures, case_id)
        return Answer(self.disclosures.stream(case_id), case_id, loaded.version, loaded.position)

    @query(permission="review")
    @answers(Compared)
    def compare_disclosures(self, hand: Hand, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """逐件比对本辖区个案应公开与已公开的内容，列出不一致的（公开范围变更后，或早先的个案）：每次比对 limit 件，after 为上次的 next。"""
        caught_up(self.office, self.model, position)
        every = sa.union_all(*self.disclosable()).subquery()
        asked = sa.select(every.c.id).where(every.c.division.startswith(hand.division, autoescape=True), every.c.id > after)
        most, today = max(1, min(limit, MOST_COMPARED)), self.office.clock.now().date()
        with self.office.read.connect() as connection:
            ids = list(connection.execute(asked.order_by(every.c.id).limit(most)).scalars())
            remaining = connection.execute(sa.select(sa.func.count()).select_from(asked.subquery())).scalar_one() - len(ids)
        differing = [case_id for case_id in ids if self._differs(case_id, today)]
        return {"compared": len(ids), "differing": differing, "remaining": remaining, "next": ids[-1] if remaining else ""}

    def _differs(self, case_id: str, today: date) -> bool:
        """Whether the page says something else of a case than it should."""
        state: disclosure.State = self.office.load(self.disclosures, case_id).state
        order: Order[Any] = Order(None, "look", self.benefits.hand(), self.office.clock.now())
        return bool(disclosure.keep(state, _kept(case_id, self.about(case_id, today)), order))

    @query(permission="accept")
    @answers(list[OnTheBoard])
    def get_board_notice(
        self, hand: Hand, division: str = "", after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """村（社区）公示栏的公示单：公示编号、姓名（遮蔽）、项目、所公开的栏目、公示至何日；division：哪个村（社区）、乡镇（街道），默认本辖区。
        按村（社区）、截止日和公示编号排列；after：上一页末行的“division|until|number”，满一页的须接着翻页。"""
        caught_up(self.office, self.model, position)
        where, today = area(hand, division), self.office.clock.now().date()
        t = self.disclosed.disclosures
        asked = sa.select(t).where(t.c.kind == "proposal", t.c.until >= today.isoformat(), t.c.division.startswith(where, autoescape=True))
        with self.office.read.connect() as connection:
            rows = [dict(row) for row in connection.execute(asked).mappings()]
        places = sorted(("|".join((row["division"], row["until"], disclosure.number(row["case_id"]))), n) for n, row in enumerate(rows))
        lines = (self._on_the_board(rows[n], today) for place, n in places if place > after)
        return list(islice((line for line in lines if line is not None), max(0, min(limit, MOST_ON_A_BOARD))))

    def _on_the_board(self, row: dict[str, Any], today: date) -> dict[str, Any] | None:
        """One line of the notice: what the page shows, and the masked name. What a hand took from the page is not hung out either; None of
        a matter that it took whole, or of which it keeps the village."""
        state: disclosure.State = self.office.load(self.disclosures, row["case_id"]).state
        if state.held_by or state.kind != "proposal" or state.shown is None or disclosure.PLACE in state.hidden:
            return None
        public = self.benefits.programmes[row["programme"]].public
        who = None if "name" in state.hidden else self.named(row["case_id"], today)
        child = who is None or who.born_on is None or dates.age_on(who.born_on, today) < disclosure.FULL_AGE
        name = "" if child or who is None else masked(who.name, public.masking_on(today).keep)
        title = public.listed_as or self.benefits.programmes[row["programme"]].name
        number = disclosure.number(row["case_id"])
        told = {f: getattr(state.shown, f) if f in state.fields else None for f in ON_A_BOARD}
        return {"number": number, "name": name, "title": title, **told, "division": row["division"], "until": row["until"]}

    def named(self, case_id: str, today: date) -> Who | None:
        """Whom what is publicised is about."""
        return self.whom(self.office.load(self.benefits.cases, case_id).state, today)

    @query(permission="read")
    @answers(kept(disclosure.State))
    def get_disclosure(self, hand: Hand, case_id: str) -> Any:
        """一个个案的公开现状：所公开的字段、期限、撤回和隐去的内容。"""
        return shown(self.office, self.disclosures, case_id, hand, None)

    # -- objections from the page (公众异议)

    @command(ObjectionForm, permission="object")
    def report_objection(self, order: Order[ObjectionForm]) -> Any:
        """公众在公示期内提出异议（门户代收，可匿名）；答复凭回执号查询。"""
        c = order.command
        if not self.office.load(self.disclosures, c.case_id).state.case_id:
            raise out_of_order("该事项不在公示期内，不能提出公示异议。")
        # Keyed, so that a receipt can be had only by handing an objection in, and the same one handed in again has the same.
        receipt = self.office.pseudonym("receipt", f"{c.case_id}:{order.command_id}")[:20]
        report = disclosure.ReportPublicObjection(
            c.case_id,
            receipt,
            self.office.pseudonym("objector", receipt),
            self.office.pseudonym("objection", f"{c.case_id}:{c.words.strip()}"),
            c.words,
            c.contact,
        )
        answer = self.office.handle(self.disclosures, c.case_id, order.to(report))
        return {"receipt": receipt, **answer.as_dict()}

    @query(permission="object")
    @answers(ObjectionAnswer)
    def get_objection_answer(self, hand: Hand, receipt: str, position: int | None = None) -> Any:
        """凭回执号查询公众异议的办理结果。"""
        row = self._objection(hand, receipt, position)
        report = self._report(row["case_id"], receipt)
        told = {"receipt": receipt, "received_on": row["received_on"], "status": report.status, "reason": report.reason}
        if report.status == "taken":
            told.update(self.became(row["case_id"], report.case_version))
        return told

    @command(TakingForm, permission="accept")
    def take_public_objection(self, order: Order[TakingForm]) -> Any:
        """受理公众异议：登记为该个案的公示异议；已有在办异议的并入办理。"""
        c = order.command
        taking = order.to(disclosure.TakePublicObjection(c.case_id, c.receipt, -1))
        self.office.rehearse(self.disclosures, c.case_id, taking)  # nothing is raised for what cannot be taken
        report = self._report(c.case_id, c.receipt)
        if report.status == "received" and not self.about(c.case_id, order.today).objected:
            self.object_to(c.case_id, c.reason, report.received_on, order)
        version = self.about(c.case_id, order.today).version
        return self.office.handle(self.disclosures, c.case_id, order.to(disclosure.TakePublicObjection(c.case_id, c.receipt, version)))

    @command(RejectionForm, permission="accept")
    def reject_public_objection(self, order: Order[RejectionForm]) -> Any:
        """不予受理公众异议，说明理由（该个案的经办、审核人员不得办理）。"""
        c = order.command
        return self.office.handle(self.disclosures, c.case_id, order.to(self._rejection(c.case_id, c.receipt, c.reason, order.today)))

    @command(RejectionsForm, permission="accept")
    def reject_public_objections(self, order: Order[RejectionsForm]) -> Any:
        """以同一理由不予受理多件公众异议（如同一人对许多个案提出的、没有事实的）；办不了的逐件说明，其余照办。"""
        c = order.command
        if not 0 < len(c.receipts) <= MOST_AT_ONCE:
            raise invalid(f"请列明1至{MOST_AT_ONCE}件异议的回执号。", "receipts")
        rejected: list[str] = []
        left: list[Refused] = []
        answer: dict[str, Any] = {}
        for receipt in dict.fromkeys(c.receipts):
            try:
                case_id = self._objection(order.hand, receipt, None)["case_id"]
                rejection = order.to(self._rejection(case_id, receipt, c.reason, order.today), f"reject {receipt}")
                answer = self.office.handle(self.disclosures, case_id, rejection).as_dict()
                rejected.append(receipt)
            except Refused as refused:
                left.append(refused)
        if not rejected:
            raise left[0]
        return {"rejected": rejected, "left": [refused.message for refused in left], **answer}

    def _rejection(self, case_id: str, receipt: str, reason: str, today: date) -> disclosure.RejectPublicObjection:
        return disclosure.RejectPublicObjection(case_id, receipt, reason, self.about(case_id, today).hands)

    @query(permission="accept")
    @answers(lambda service: rows(service.disclosed.objections))
    def list_public_objections(
        self, hand: Hand, worklist: str | None = None, case_id: str | None = None, after: str = "", limit: int = 100,
        position: int | None = None,
    ) -> Any:  # fmt: skip
        """本辖区的公众异议：按待办清单、个案筛选。"""
        caught_up(self.office, self.model, position)
        where = {"worklist": worklist, "case_id": case_id}
        return listed(self.office.read, self.disclosed.objections, hand.division, where, limit, after)

    @query(permission="accept", opens="receipt")
    @answers(lambda service: Rows(service.disclosed.objections, adds=WRITTEN, many=False))
    def get_public_objection(self, hand: Hand, receipt: str, position: int | None = None) -> Any:
        """一件公众异议的内容和联系方式（仅供受理）。"""
        row = self._objection(hand, receipt, position)
        for r in self.office.history(self.disclosures.stream(row["case_id"])):
            if isinstance(r.event, disclosure.PublicObjectionReported) and r.event.receipt == receipt:
                category, key, item = self.about(row["case_id"], self.office.clock.now().date()).page
                page = {"category": category, "key": key, "item": item}
                return {**row, "words": r.event.objection_words, "contact": r.event.objector_contact or "", "page": page}
        raise Refused("not_found", "没有此异议。", "receipt")

    @deadline(OBJECTION_DUE)
    def on_public_objection_due(self, due: Due) -> None:
        """Nobody dealt with an objection in time: an event, and another worklist."""
        note = disclosure.NotePublicObjectionOverdue(due.aggregate_id, due.data["receipt"])
        self.office.handle(self.disclosures, due.aggregate_id, due.order(note))

    def _objection(self, hand: Hand, receipt: str, position: int | None) -> dict[str, Any]:
        caught_up(self.office, self.model, position)
        table = self.disclosed.objections
        with self.office.read.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.receipt == receipt)).mappings().one_or_none()
        if row is None:
            raise Refused("not_found", "没有此回执号；刚提交的请稍候再查。", "receipt")
        within(hand, row["division"])
        return dict(row)

    def _report(self, case_id: str, receipt: str) -> disclosure.Report:
        state: disclosure.State = self.office.load(self.disclosures, case_id).state
        found = state.reports.get(receipt)
        if found is None:
            raise Refused("not_found", "没有此异议。", "receipt")
        return found

    def nothing_waits(self, case_id: str, today: date) -> None:
        """Refuse to confirm while an objection from the page waits for a clerk, of somebody who can be asked, and in its time: the open
        form must not stop a benefit by itself. What waits otherwise stays in its list and is answered, behind the confirmation too."""
        state: disclosure.State = self.office.load(self.disclosures, case_id).state
        if state.stops(today):
            raise out_of_order("有留有联系方式的公众异议尚未受理或答复，期限未满，不能确认。")


def _kept(case_id: str, now: About) -> disclosure.KeepDisclosure:
    return disclosure.KeepDisclosure(case_id, now.wants(), now.version, now.why, now.heard_from)


def _heard_from(case: bc.Case) -> date | None:
    """The day from which on an objection is about what is, or was, confirmed of the case; None: nothing is."""
    if case.status == "publicised" and case.proposal is not None:
        return case.proposal.proposed_on or date.min
    return date.min if case.running or case.status in ("ended", "closed") else None

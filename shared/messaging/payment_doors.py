"""The doors of payment (发放与追回的门): runs, return files, payees' accounts, claims. The same for every service that pays benefits.

A mixin beside the doors of cases (``benefit_doors.py``), which bring the read model and the benefit business. A run goes on by itself:
each step of a long list or a long sending is the answer to the event of the one before, and a run that stalled is taken up by the timer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from shared.casework import bank_file, benefit_case, looks, payee_account, payment_part, payment_run, recovery
from shared.casework.bank_file import BankRow
from shared.casework.benefits import Benefits
from shared.casework.payments import Due as DueLines
from shared.casework.payments import Payments, Prepare
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import invalid, out_of_order
from shared.eventlog.benefit_rows import BenefitTables, listed, of_case
from shared.eventlog.payment_rows import INSTALMENT, LIMITATION, NOTICE, STALLED, accounts_of, lines_due, own_lines, signed_by
from shared.eventlog.read_model import ReadModel
from shared.eventsourcing.orders import Answer, Hand, Notice, Order, derived_id
from shared.messaging import looking
from shared.messaging.answering import answers, kept, rows
from shared.messaging.door_answers import RunLine
from shared.messaging.doors import OWN, Due, Service, command, deadline, query, reaction
from shared.messaging.showing import all_seen, caught_up, shown
from shared.messaging.side_by_side import side_by_side
from shared.security.permissions import permit, within

# -- What comes in


@dataclass(frozen=True)
class Overpaid:
    """The service's own ``overpayment_found``."""

    case_id: str
    programme: str
    payee_id: str
    division: str
    amount_fen: int
    reason: str
    months: tuple[benefit_case.MonthDifference, ...]


@dataclass(frozen=True)
class RunMoved:
    """Whatever a run of the service says of its progress."""

    run_id: str


@dataclass(frozen=True)
class PartAnswered:
    """The service's own ``payment_lines_settled`` and ``payment_lines_returned``."""

    run_id: str
    number: int


@dataclass(frozen=True)
class Returned:
    """The service's own ``payment_returned``: what we read of it."""

    case_id: str
    month: str
    run_id: str
    claimed_fen: int


@dataclass(frozen=True)
class DueAgain:
    """The service's own ``claimed_due_again``."""

    case_id: str
    months: tuple[benefit_case.MonthDifference, ...]


@dataclass(frozen=True)
class Released:
    """The service's own ``repayment_released``."""

    recovery_id: str
    withheld_id: str


@dataclass(frozen=True)
class Withheld:
    """The service's own ``repayment_withheld``."""

    case_id: str
    recovery_id: str
    withheld_id: str
    amount_fen: int


@dataclass(frozen=True)
class FollowUp:
    """补发批次: of the month, programme and division of this run."""

    run_id: str


@dataclass(frozen=True)
class ReturnFile:
    """回盘: lines of a return file, by their numbers; ``source`` is the SHA-256 of the file."""

    run_id: str
    lines: tuple[payment_part.LineResult, ...]
    source: str


@dataclass(frozen=True)
class SetOff:
    """抵扣: so much of the next payment goes to the claim."""

    recovery_id: str
    amount_fen: int


MOST_REASON = 60


def plain_reason(text: str) -> str:
    """A bank's reason without what may be an account or an identity number: it goes into the log."""
    return re.sub(r"[0-9A-Za-z*]*\d{4,}[0-9A-Za-z*]*", "＊", text.strip())[:MOST_REASON]


class PaymentDoors(Service):
    """``model`` and ``tables`` are the service's read model; ``benefits`` its business in this office."""

    model: ReadModel
    tables: BenefitTables

    @cached_property
    def benefits(self) -> Benefits:
        raise NotImplementedError("a service brings its own benefit business")

    @property
    def payments(self) -> Payments:
        return self.benefits.payments

    @query(permission="read")
    @answers(lambda service: rows(service.tables.pay.payments))
    def list_payments(self, hand: Hand, case_id: str, valid_at: date | None = None, position: int | None = None) -> Any:
        """一个个案的发放记录；valid_at：只列某日所在月份的。"""
        found = self._of_case(self.tables.pay.payments, hand, case_id, position)
        return [row for row in found if valid_at is None or row["month"] == dates.month_of(valid_at)]

    # -- runs: 编制 → 锁定 → 批准 → 送发 → 回盘 → 关账

    @command(Prepare, permission="pay")
    def prepare_payment_run(self, order: Order[Prepare]) -> Any:
        """编制并锁定一个月的发放名单；名单较长的由系统接着编制。"""
        order = self._asked(order)
        return self.payments.prepare_run(self._due(order.command), self.office.settings.payment_mode, order)

    @command(FollowUp, permission="pay")
    def prepare_follow_up_run(self, order: Order[FollowUp]) -> Any:
        """编制补发批次：该月批次关账后仍应发而未发的对象（失败、暂缓、退汇、新增）。"""
        run = self.payments.run(order.command.run_id)
        made = self._asked(order.to(Prepare(run.programme, run.month, run.division)))
        return self.payments.prepare_follow_up(self._due(made.command), self.office.settings.payment_mode, made)

    def _asked(self, order: Order[Any]) -> Order[Any]:
        c = replace(order.command, division=divisions.check(order.command.division))
        within(order.hand, c.division)
        all_seen(self.office, self.model)
        return order.to(c)

    def _due(self, asked: Any) -> DueLines:
        """The lines that are due to whom a run is for, and who decided them."""
        read, pay, of = self.office.read, self.tables.pay, (asked.programme, asked.division, asked.month)
        return DueLines(
            lambda after: lines_due(read, pay, *of, after),
            lambda cases: signed_by(read, pay, cases),
            lambda hand: own_lines(read, pay, *of, hand),
        )

    @command(payment_run.ApprovePaymentRun, permission="confirm")
    def approve_payment_run(self, order: Order[payment_run.ApprovePaymentRun]) -> Any:
        """批准发放（与编制不得为同一人）。"""
        return self.office.handle(self.payments.runs, order.command.run_id, order)

    @command(payment_run.RejectPaymentRun, permission="confirm")
    def reject_payment_run(self, order: Order[payment_run.RejectPaymentRun]) -> Any:
        """退回发放名单；可重新编制。"""
        return self.office.handle(self.payments.runs, order.command.run_id, order)

    @command(payment_run.CancelPaymentRun, permission="pay")
    def cancel_payment_run(self, order: Order[payment_run.CancelPaymentRun]) -> Any:
        """作废尚未送发的批次；可重新编制。"""
        return self.office.handle(self.payments.runs, order.command.run_id, order)

    @command(payment_part.HoldPaymentLine, permission="pay")
    def hold_payment_line(self, order: Order[payment_part.HoldPaymentLine]) -> Any:
        """暂缓发放一行（送发前）：对象死亡、个案停发、账户存疑等。"""
        within(order.hand, self.payments.run(order.command.run_id).division)
        return self.payments.hold(order)

    @command(payment_part.ReleasePaymentLine, permission="pay")
    def release_payment_line(self, order: Order[payment_part.ReleasePaymentLine]) -> Any:
        """恢复发放一行（送发前）。"""
        within(order.hand, self.payments.run(order.command.run_id).division)
        return self.payments.hold(order)

    @command(payment_run.SendPaymentRun, permission="pay")
    def send_payment_run(self, order: Order[payment_run.SendPaymentRun]) -> Any:
        """送发：逐行在个案中登记，随后可生成代发文件（与批准不得为同一人）。"""
        return self.payments.send_run(order)

    @command(ReturnFile, permission="pay")
    def record_payment_returns(self, order: Order[ReturnFile]) -> Any:
        """登记银行回盘：成功、失败、退汇；不能登记的行逐行说明。同一文件再次登记不产生变化。"""
        c = order.command
        within(order.hand, self.payments.run(c.run_id).division)
        if not re.fullmatch(r"[0-9a-f]{64}", c.source):
            raise invalid("来源须为回盘文件的 SHA-256。", "source")
        lines = tuple(replace(line, reason=plain_reason(line.reason)) for line in c.lines)
        done = self.payments.settle(c.run_id, lines, c.source, order)
        problems = [{"line_no": p.no, "reason": p.reason} for p in done.problems]
        return {"id": c.run_id, "taken": done.taken, "unchanged": done.unchanged, "problems": problems}

    @reaction(OWN, "payment_parts_listed", reads=RunMoved)
    def on_payment_parts_listed(self, notice: Notice[RunMoved]) -> None:
        """The list goes on, or is locked."""
        self._list_more(notice.facts.run_id, notice.order(notice.facts))

    @reaction(OWN, "payment_run_approved", reads=RunMoved)
    def on_payment_run_approved(self, notice: Notice[RunMoved]) -> None:
        """Without a bank (demos, tests) an approved run is sent at once; with one it waits for the cashier."""
        self.payments.approved(notice.facts.run_id, notice.order(notice.facts))

    @reaction(OWN, "payment_run_sending", reads=RunMoved)
    def on_payment_run_sending(self, notice: Notice[RunMoved]) -> None:
        """The first parts to their cases."""
        self.payments.send_more(notice.facts.run_id, notice.order(notice.facts), side_by_side)

    @reaction(OWN, "payment_parts_sent", reads=RunMoved)
    def on_payment_parts_sent(self, notice: Notice[RunMoved]) -> None:
        """The next parts to their cases."""
        self.payments.send_more(notice.facts.run_id, notice.order(notice.facts), side_by_side)

    @reaction(OWN, "payment_lines_settled", reads=PartAnswered)
    def on_payment_lines_settled(self, notice: Notice[PartAnswered]) -> None:
        """What failed is due again in its case; a part that is complete is accounted for, and the run closes with the last."""
        self.payments.settled(notice.facts.run_id, notice.facts.number, notice.order(notice.facts))

    @reaction(OWN, "payment_lines_returned", reads=PartAnswered)
    def on_payment_lines_returned(self, notice: Notice[PartAnswered]) -> None:
        """退汇: the month is due again in its case."""
        self.payments.settled(notice.facts.run_id, notice.facts.number, notice.order(notice.facts))

    @deadline(STALLED)
    def on_payment_run_stalled(self, due: Due) -> None:
        """A process died in the middle of a list or a sending: go on."""
        order = due.order(None)
        self._list_more(due.aggregate_id, order)
        self.payments.send_more(due.aggregate_id, order, side_by_side)

    def _list_more(self, run_id: str, order: Order[Any]) -> None:
        self.payments.list_more(run_id, self._due(self.payments.run(run_id)), order)

    @query(permission="read")
    @answers(kept(payment_run.Run))
    def get_payment_run(self, hand: Hand, run_id: str, as_of: datetime | None = None) -> Any:
        """发放批次（可查询过去任一时刻）。"""
        return shown(self.office, self.payments.runs, run_id, hand, as_of)

    @query(permission="read")
    @answers(lambda service: rows(service.tables.pay.runs))
    def list_payment_runs(
        self,
        hand: Hand,
        status: str | None = None,
        month: str | None = None,
        programme: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """发放批次列表：应发、送发、实发、失败、暂缓。"""
        return self._listed(self.tables.pay.runs, hand, position, after, limit, status=status, month=month, programme=programme)

    @query(permission="read")
    @answers(list[RunLine])
    def list_payment_lines(self, hand: Hand, run_id: str, status: str | None = None, after: int = 0, limit: int = 100) -> Any:
        """一个批次的名单：序号、个案、金额、所依据的决定、状态、原因。"""
        within(hand, self.payments.run(run_id).division)
        lines = self.payments.lines(run_id, max(after, 0), status)
        return [line for _, line in zip(range(min(limit, 500)), lines, strict=False)]

    # -- the bank file: written where an operator says, or given to the cashier who asks for it; never sent anywhere by the house

    def write_bank_file(
        self, hand: Hand, run_id: str, out: Path, formats: tuple[str, ...] = ("csv", "xlsx"), progress: Callable[[int], None] | None = None
    ) -> list[Path]:
        """代发文件 of a run that was sent, in a directory on this machine. Not an RPC: it holds accounts."""
        with self.bank_lines(hand, run_id, out, formats, progress) as (header, lines):
            return [bank_file.write(out, header, lines, kind) for kind in formats]

    @contextmanager
    def bank_lines(
        self, hand: Hand, run_id: str, near: Path, formats: tuple[str, ...], progress: Callable[[int], None] | None = None
    ) -> Iterator[tuple[bank_file.Header, bank_file.Body]]:
        """What a bank's file is made of, for whoever may pay. Before there is a file, its making in each of the formats is an event of the
        run, and the look at every payee one of theirs: who holds the accounts is known also of a file that was made again."""
        permit(hand, f"{self.name}:pay")
        run = self.payments.run(run_id)
        within(hand, run.division)
        for kind in formats:
            bank_file.check_format(kind)
        if run.mode != payment_run.BANK_FILE or run.status not in ("sent", "closed"):
            raise out_of_order("该批次尚未送发完毕，或不使用代发文件。")
        payment_run.decided_none(run, "生成该批次的代发文件", hand.actor)  # before anybody's account is opened
        header = bank_file.Header(run_id, run.programme, run.month, sum(p.count for p in run.sent), sum(p.total_fen for p in run.sent))
        with bank_file.body(near, self._bank_rows(hand, run_id, run, progress)) as lines:
            now = self.office.clock.now()
            for kind in formats:
                record = payment_run.RecordPaymentFile(run_id, kind, lines.sha256, lines.count, lines.total_fen)
                made = derived_id(run_id, "file", kind, lines.sha256, hand.actor, now.isoformat())
                self.office.handle(self.payments.runs, run_id, Order(record, made, hand, now, asked=record))
            yield header, lines

    def _bank_rows(self, hand: Hand, run_id: str, run: payment_run.Run, progress: Callable[[int], None] | None) -> Iterator[BankRow]:
        """What was sent, line by line, with account and holder opened at this moment; of each part the look at its payees first."""
        opened = self.office.vault.open
        for number in range(len(run.parts)):
            part = self.payments.part(run_id, number)
            mine = [
                (part.first + n, line)
                for n, (line, fate) in enumerate(zip(part.lines, part.fates, strict=True))
                if fate in ("sent", "paid", "failed", "returned")
            ]
            payees = [{"person_id": line.payee_id} for _, line in mine]
            looking.note(self.office, hand, "write_bank_file", "person_id", {}, None, (looks.USUAL, run_id), payees)
            accounts = accounts_of(self.office.read, self.tables.pay, (line.payee_id for _, line in mine))
            for no, line in mine:
                bank, account, holder = accounts[line.payee_id, line.account]
                yield BankRow(
                    no, line.case_id, line.payee_id, opened(holder), bank, opened(account), line.amount_fen, run.month, run.programme
                )
            if progress is not None:
                progress(len(mine))

    # -- payees' accounts

    @command(payee_account.ProposePayeeAccount, permission="register")
    def propose_payee_account(self, order: Order[payee_account.ProposePayeeAccount]) -> Any:
        """登记或变更收款账户；经另一人确认后生效。"""
        c = replace(order.command, division=divisions.check(order.command.division))
        if not re.fullmatch(r"[0-9a-f]{32}", c.person_id):
            raise invalid("人员编号格式不正确。", "person_id")
        return self.office.handle(self._accounts, c.person_id, order.to(c))

    @command(payee_account.ConfirmPayeeAccount, permission="confirm")
    def confirm_payee_account(self, order: Order[payee_account.ConfirmPayeeAccount]) -> Any:
        """确认收款账户（与登记不得为同一人）；此前已编制的批次仍用原账户。"""
        return self.office.handle(self._accounts, order.command.person_id, order)

    @command(payee_account.RejectPayeeAccount, permission="confirm")
    def reject_payee_account(self, order: Order[payee_account.RejectPayeeAccount]) -> Any:
        """退回收款账户的登记或变更。"""
        return self.office.handle(self._accounts, order.command.person_id, order)

    @cached_property
    def _accounts(self) -> Any:
        return payee_account.decider(self.name)

    @query(permission="read", opens="person_id")
    @answers(lambda service: rows(service.tables.pay.accounts))
    def list_payee_accounts(
        self,
        hand: Hand,
        status: str | None = None,
        person_id: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """收款账户列表（账号只显示末四位）。"""
        rows = self._listed(self.tables.pay.accounts, hand, position, after, limit, status=status, person_id=person_id)
        opened = self.office.vault.open
        return [{**row, "account_no": payee_account.masked(opened(row["account_no"])), "holder": opened(row["holder"])} for row in rows]

    # -- claims

    @reaction(OWN, "overpayment_found", reads=Overpaid)
    def on_overpayment_found(self, notice: Notice[Overpaid]) -> None:
        """What was paid too much becomes a claim of exactly that amount."""
        self.payments.open_recovery(notice.event_id, notice.facts, notice.order(notice.facts))

    @reaction(OWN, "payment_returned", reads=Returned)
    def on_payment_returned(self, notice: Notice[Returned]) -> None:
        """What was claimed of a payment that the bank gave back is met by it."""
        self.payments.payment_returned(notice.facts, notice.order(notice.facts))

    @reaction(OWN, "claimed_due_again", reads=DueAgain)
    def on_claimed_due_again(self, notice: Notice[DueAgain]) -> None:
        """What was claimed of a month that is due after all is met by that; only what had been repaid goes out."""
        self.payments.due_again(notice.event_id, notice.facts, notice.order(notice.facts))

    @command(recovery.RecordRecoveryNotice, permission="review")
    def record_recovery_notice(self, order: Order[recovery.RecordRecoveryNotice]) -> Any:
        """登记追回通知书的送达；时效重新计算。"""
        return self._claim(order)

    @command(recovery.AgreeInstalments, permission="review")
    def agree_instalments(self, order: Order[recovery.AgreeInstalments]) -> Any:
        """约定分期归还；各期之和等于未归还金额。"""
        return self._claim(order)

    @command(recovery.RecordRepayment, permission="pay")
    def record_repayment(self, order: Order[recovery.RecordRepayment]) -> Any:
        """登记归还款项。"""
        return self._claim(order)

    @command(recovery.AgreeSetOff, permission="review")
    def agree_set_off(self, order: Order[recovery.AgreeSetOff]) -> Any:
        """登记本人同意从以后发放中抵扣的书面材料及每月上限。"""
        return self._claim(order)

    @command(SetOff, permission="pay")
    def set_off_recovery(self, order: Order[SetOff]) -> Any:
        """抵扣：经本人书面同意，从该个案的下一次发放中扣还。"""
        claim = self.office.load(self.payments.recoveries, order.command.recovery_id)
        if claim.version >= 0:
            within(order.hand, claim.state.division)
        return self.payments.set_off(order.command.recovery_id, order.command.amount_fen, order)

    @reaction(OWN, "repayment_withheld", reads=Withheld)
    def on_repayment_withheld(self, notice: Notice[Withheld]) -> None:
        """The claim is met by what the case withheld."""
        self.payments.withheld(notice.facts, notice.order(notice.facts))

    @reaction(OWN, "repayment_released", reads=Released)
    def on_repayment_released(self, notice: Notice[Released]) -> None:
        """What lessened no payment is claimed as before."""
        self.payments.released(notice.facts, notice.order(notice.facts))

    @command(recovery.ProposeWaiver, permission="review")
    def propose_waiver(self, order: Order[recovery.ProposeWaiver]) -> Any:
        """提出减免意见。"""
        return self._claim(order)

    @command(recovery.ApproveWaiver, permission="confirm")
    def approve_waiver(self, order: Order[recovery.ApproveWaiver]) -> Any:
        """批准减免（另一经办人）。"""
        return self._claim(order)

    @command(recovery.RejectWaiver, permission="confirm")
    def reject_waiver(self, order: Order[recovery.RejectWaiver]) -> Any:
        """不予减免，或提出人收回：追回事项继续办理。"""
        return self._claim(order)

    @deadline(INSTALMENT)
    def on_recovery_due(self, due: Due) -> None:
        """An instalment, or the notice's amount, is not in on its day: an event, and another worklist."""
        note = recovery.NoteInstalmentOverdue(due.aggregate_id, date.fromisoformat(due.data["due_on"]))
        self.office.handle(self.payments.recoveries, due.aggregate_id, due.order(note))

    @deadline(NOTICE)
    def on_recovery_notice_due(self, due: Due) -> None:
        """追回通知 not served by its day: an event; it goes on standing among what is to be served, with that day."""
        note = recovery.NoteRecoveryNoticeOverdue(due.aggregate_id)
        self.office.handle(self.payments.recoveries, due.aggregate_id, due.order(note))

    @deadline(LIMITATION)
    def on_recovery_limitation(self, due: Due) -> None:
        """时效届满 and nothing interrupted it: the claim closes."""
        self.office.handle(self.payments.recoveries, due.aggregate_id, due.order(recovery.BarRecovery(due.aggregate_id)))

    def _claim(self, order: Order[Any]) -> Answer:
        return self.office.handle(self.payments.recoveries, order.command.recovery_id, order)

    @query(permission="read")
    @answers(kept(recovery.Recovery))
    def get_recovery(self, hand: Hand, recovery_id: str, as_of: datetime | None = None) -> Any:
        """追回事项（可查询过去任一时刻）。"""
        return shown(self.office, self.payments.recoveries, recovery_id, hand, as_of)

    @query(permission="read")
    @answers(lambda service: rows(service.tables.pay.recoveries, without=("state",)))
    def list_recoveries(
        self,
        hand: Hand,
        status: str | None = None,
        worklist: str | None = None,
        case_id: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """追回事项列表。"""
        rows = self._listed(self.tables.pay.recoveries, hand, position, after, limit, status=status, worklist=worklist, case_id=case_id)
        return [{k: v for k, v in row.items() if k != "state"} for row in rows]

    # -- inside

    def _listed(self, table: Any, hand: Hand, position: int | None, after: str, limit: int, **where: Any) -> Any:
        caught_up(self.office, self.model, position)
        return listed(self.office.read, table, hand.division, where, limit, after)

    def _of_case(self, table: Any, hand: Hand, case_id: str, position: int | None) -> Any:
        caught_up(self.office, self.model, position)
        shown(self.office, self.benefits.cases, case_id, hand, None)  # refuses what is not there or not the hand's
        return of_case(self.office.read, table, case_id)

"""How every service that pays benefits pays them (发放), and claims back what was paid too much (追回).

The deciders decide; here the lists are made, the cases told, and the commands given, each with an id that follows from its cause. Every
step may be done again, by whoever finds it undone: what is there already is found and gone on from. So that no message takes long,
a step does a few parts of the run at a time; the event that says how far it came is what the next one answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from shared.casework import benefit_case, payment_part, payment_run, recovery
from shared.casework.benefit_case import Case, OverpaymentFound
from shared.casework.office import Office
from shared.casework.payment_part import LineResult, Part, part_id
from shared.casework.payment_run import BANK_FILE, CHUNK, DIRECT, HandLines, LineReason, PartSum, PaymentLine, Run
from shared.casework.programme import Programme
from shared.casework.recovery import Recovery
from shared.domain import dates
from shared.domain.errors import Refused, Unavailable, invalid, out_of_order
from shared.eventsourcing.decider import Decider, people
from shared.eventsourcing.orders import Answer, Order, derived_id

AT_ONCE = 8  # parts of a run that one step does: 3,200 lines, far below the two minutes a reaction may take
Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]  # does something for each, perhaps side by side


@dataclass(frozen=True)
class Due:
    """What is due of a run's programme, division and month, and who decided it (from the read model).

    ``after``: the lines behind a case id, ascending by case id. ``signed``: who proposed or decided how many of some cases. ``own``: how
    many of the lines somebody proposed or decided."""

    after: Callable[[str], Iterator[PaymentLine]]
    signed: Callable[[Sequence[str]], Mapping[str, int]]
    own: Callable[[str], int]


def one_by_one(do: Callable[[Any], Any], what: Sequence[Any]) -> list[Any]:
    return [do(one) for one in what]


def programme_in(programmes: Mapping[str, Programme], code: str) -> Programme:
    if code not in programmes:
        raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
    return programmes[code]


@dataclass(frozen=True)
class Prepare:
    """编制: what a caller says; round and mode are the house's."""

    programme: str
    month: str
    division: str


@dataclass(frozen=True)
class Settled:
    """What became of the lines of a return file."""

    taken: int
    unchanged: int
    problems: tuple[LineReason, ...]


class Payments:
    """One service's payments."""

    def __init__(
        self,
        office: Office,
        programmes: Mapping[str, Programme],
        cases: Decider[Case],
        runs: Decider[Run],
        recoveries: Decider[Recovery],
    ) -> None:
        self.office = office
        self.programmes = programmes
        self.cases, self.runs, self.recoveries = cases, runs, recoveries
        self.parts = payment_part.decider(runs.service)

    def run(self, run_id: str) -> Run:
        state: Run = self.office.load(self.runs, run_id).state
        if state.status == "none":
            raise Refused("not_found", "没有此发放批次。", "run_id")
        return state

    def part(self, run_id: str, number: int) -> Part:
        state: Part = self.office.load(self.parts, part_id(run_id, number)).state
        return state

    # -- prepare

    def prepare_run(self, due: Due, mode: str, order: Order[Prepare]) -> Answer:
        """编制: open the month's run, list what is due, lock it. A long list goes on by itself (``list_more``)."""
        c = order.command
        nth = 0
        while self.office.load(self.runs, self._id(c, nth)).state.status == "cancelled" and not self._repeat(c, nth, order):
            nth += 1
        return self._open(due, mode, nth, order)

    def prepare_follow_up(self, due: Due, mode: str, order: Order[Prepare]) -> Answer:
        """补发批次: what is still due of a month whose run is closed."""
        c = order.command
        nth, before = 0, ""
        while (status := self.office.load(self.runs, self._id(c, nth)).state.status) in ("closed", "cancelled"):
            if self._repeat(c, nth, order):
                break
            before = "closed" if "closed" in (status, before) else before
            nth += 1
        fresh = status == "none" and before == "closed"
        if not fresh and not self._repeat(c, nth, order):
            raise out_of_order("该月前一批次尚未关账，不能编制补发批次。")
        return self._open(due, mode, nth, order)

    @staticmethod
    def _id(c: Prepare, nth: int) -> str:
        return payment_run.run_id(c.programme, c.month, c.division, nth)

    def _repeat(self, c: Prepare, nth: int, order: Order[Any]) -> bool:
        """Whether this very command opened that round: then it is asked again, and the answer is the first one's."""
        return order.command_id in (getattr(self.office.load(self.runs, self._id(c, nth)), "done", None) or {})

    def _open(self, due: Due, mode: str, nth: int, order: Order[Prepare]) -> Answer:
        c = order.command
        programme_in(self.programmes, c.programme)
        this = self._id(c, nth)
        opening = payment_run.OpenPaymentRun(c.programme, c.month, c.division, nth, mode)
        if self.office.load(self.runs, this).state.status == "none":
            payment_run.open_payment_run(Run(), opening, order)  # says first what is wrong with the month
            if next(due.after(""), None) is None:
                raise out_of_order("该月没有应发而未发的对象。")
            for hand in people(order.hand.actor):
                if own := due.own(hand):
                    raise payment_run.signed_himself(own, "编制该批次")
        answer = self.office.handle(self.runs, this, order.to(opening))
        return self.list_more(this, due, order) or answer

    def list_more(self, run_id: str, due: Due, order: Order[Any]) -> Answer | None:
        """The next parts of the list, and the lock after the last."""
        run = self.run(run_id)
        if run.status != "open":
            return None
        first, cursor = len(run.parts), run.last_case
        lines: Iterator[PaymentLine] | None = None
        sums: list[PartSum] = []
        hands: list[HandLines] = []
        ended = False
        while len(sums) < AT_ONCE and not ended:
            number = first + len(sums)
            part = self.part(run_id, number)
            if part.status == "none":
                lines = due.after(cursor) if lines is None else lines
                some = tuple(islice(lines, CHUNK))
                if not some:
                    ended = True
                    break
                made = payment_part.ListPaymentLines(
                    number, some, run_id, run.programme, run.month, run.division, run.mode == BANK_FILE
                )
                self.office.handle(self.parts, part_id(run_id, number), order.to(made, f"part {number}"))
                part = self.part(run_id, number)
                if part.lines != some:  # another worker listed it first: its list is the list
                    lines = None
            else:
                lines = None  # listed before a crash
            sums.append(PartSum(len(part.lines), sum(line.amount_fen for line in part.lines)))
            signed = due.signed([line.case_id for line in part.lines])
            hands += [HandLines(number, hand, many) for hand, many in signed.items()]
            cursor = part.lines[-1].case_id
        answer = None
        if sums:
            answer = self.office.handle(
                self.runs, run_id, order.to(payment_run.ListPaymentParts(first, tuple(sums), cursor, tuple(hands)), f"parts {first}")
            )
        if ended and not first + len(sums):
            nobody = payment_run.CancelPaymentRun(run_id, "没有应发而未发的对象")
            answer = self.office.handle(self.runs, run_id, order.to(nobody, "nobody"))
        elif ended and (own := self.run(run_id).hands.get(run.opener)):  # decided while the list was made
            himself = payment_run.CancelPaymentRun(run_id, f"编制期间编制人审核或确认了名单中的{own}笔，由其他经办人重新编制")
            answer = self.office.handle(self.runs, run_id, order.to(himself, "himself"))
        elif ended:
            answer = self.office.handle(self.runs, run_id, order.to(payment_run.LockPaymentRun(run_id), "lock"))
        return answer

    # -- send

    def send_run(self, order: Order[payment_run.SendPaymentRun]) -> Answer:
        return self.office.handle(self.runs, order.command.run_id, order)

    def approved(self, run_id: str, order: Order[Any]) -> None:
        """Runs of the simulated bank are sent at once; the others wait for the cashier."""
        if self.run(run_id).mode == DIRECT:
            self.office.handle(self.runs, run_id, order.to(payment_run.SendPaymentRun(run_id), "send"))

    def send_more(self, run_id: str, order: Order[Any], each: Each = one_by_one) -> None:
        """The next parts to their cases. Safe to do again after a crash, or twice at once."""
        run = self.run(run_id)
        if run.status != "sending":
            return
        first = len(run.sent)
        numbers = range(first, min(first + AT_ONCE, len(run.parts)))
        sent = [self._send_part(run, number, order, each) for number in numbers]
        if sent:
            sums = tuple(part.of("sent", "paid", "failed", "returned") for part in sent)
            self.office.handle(self.runs, run_id, order.to(payment_run.RecordSentParts(first, sums), f"sent {first}"))
        self._account(run_id, [part for part in sent if part.complete], order)

    def _send_part(self, run: Run, number: int, order: Order[Any], each: Each) -> Part:
        this = part_id(run.run_id, number)
        self.office.handle(self.parts, this, order.to(payment_part.BeginPart(run.run_id), f"begin {number}"))
        part = self.part(run.run_id, number)
        if part.status == "sending":
            due = [(part.first + n, line) for n, line in enumerate(part.lines) if part.fates[n] == "due"]
            codes = each(lambda one: self._reserve(run, one[1], order), due)
            refused = tuple(LineReason(no, code) for (no, _), code in zip(due, codes, strict=True) if code)
            finish = payment_part.FinishPart(run.run_id, refused)
            self.office.handle(self.parts, this, order.to(finish, f"finish {number}"))
        if run.mode == DIRECT:
            self._pay_at_once(run, this, order)
        return self.part(run.run_id, number)

    def _reserve(self, run: Run, line: PaymentLine, order: Order[Any]) -> str:
        """Reserve a line in its case; the code of the refusal, or ""."""
        payers = people(run.opener, run.sender)
        pay = benefit_case.PayBenefit(line.case_id, run.month, run.run_id, line.amount_fen, line.payee_id, payers, run.division)
        # The id follows from run and case alone, so two workers that pay the same run agree on every line.
        step = replace(order, command=pay, command_id=derived_id(run.run_id, line.case_id), asked=pay, expected_version=None)
        try:
            self.office.handle(self.cases, line.case_id, step)
        except Refused as refused:
            if refused.code == "unavailable":
                raise
            # The same line, told once more, perhaps by an earlier release that said less of it.
            if refused.code in ("already_paid", "command_id_reused") and self._reserved_here(run, line):
                return ""
            return refused.code
        return ""

    def _reserved_here(self, run: Run, line: PaymentLine) -> bool:
        sent = self.office.load(self.cases, line.case_id).state.sent.get(run.month)
        return sent is not None and sent.run_id == run.run_id

    def _pay_at_once(self, run: Run, this: str, order: Order[Any]) -> None:
        """模拟银行: everything that was sent is paid."""
        part: Part = self.office.load(self.parts, this).state
        lines = tuple(
            LineResult(part.first + n, "paid", line.amount_fen) for n, line in enumerate(part.lines) if part.fates[n] == "sent"
        )
        if lines:
            settle = payment_part.SettlePaymentLines(run.run_id, lines, payment_part.SIMULATED_BANK)
            self.office.handle(self.parts, this, order.to(settle, f"simulated bank {this}"))

    # -- settle

    def settle(self, run_id: str, lines: Sequence[LineResult], source: str, order: Order[Any]) -> Settled:
        """回盘: take every line of a return file that can be taken; the others are told, each with its number and reason."""
        run = self.run(run_id)
        if run.status not in ("sending", "sent", "closed"):
            raise out_of_order("该批次尚未送发，不能登记回盘。")
        of_parts: dict[int, list[LineResult]] = {}
        problems: list[LineReason] = []
        seen: set[int] = set()
        for line in lines:
            number = (line.line_no - 1) // CHUNK
            if line.line_no in seen:
                problems.append(LineReason(line.line_no, "同一序号出现两次。"))
            elif line.line_no < 1 or number >= len(run.parts):
                problems.append(LineReason(line.line_no, "名单中没有此序号。"))
            else:
                of_parts.setdefault(number, []).append(line)
            seen.add(line.line_no)
        taken = unchanged = 0
        for number, asked in sorted(of_parts.items()):
            part = self.part(run_id, number)
            wrong = [(line, payment_part.problem(part, line)) for line in asked]
            problems += [LineReason(line.line_no, reason) for line, reason in wrong if reason]
            good = tuple(line for line, reason in wrong if not reason)
            if not good:
                continue
            settle = payment_part.SettlePaymentLines(run_id, good, source)
            # The id follows from what is taken: a file that is sent again with more good lines takes those too.
            said = (f"{line.line_no}:{line.outcome}" for line in good)
            step = replace(order, command=settle, command_id=derived_id(run_id, source, *said), asked=settle, expected_version=None)
            self.office.handle(self.parts, part_id(run_id, number), step)
            after = self.part(run_id, number)
            changed = sum(a != b for a, b in zip(part.fates, after.fates, strict=True))
            taken, unchanged = taken + changed, unchanged + len(good) - changed
        return Settled(taken, unchanged, tuple(sorted(problems, key=lambda p: p.no)))

    def settled(self, run_id: str, number: int, order: Order[Any]) -> None:
        """After the bank's answer: cases whose money came back hear of it, and a part that is complete is accounted for."""
        run, part = self.run(run_id), self.part(run_id, number)
        for line, fate, reason in zip(part.lines, part.fates, part.reasons, strict=True):
            if fate in ("failed", "returned"):
                back = benefit_case.ReturnPayment(line.case_id, run.month, run_id, reason)
                step = replace(order, command=back, command_id=derived_id(run_id, line.case_id, "returned"), asked=back)
                self.office.handle(self.cases, line.case_id, step)
        if part.complete:
            self._account(run_id, [part], order)

    def _account(self, run_id: str, parts: Sequence[Part], order: Order[Any]) -> None:
        if parts:
            settled = payment_run.RecordSettledParts(tuple(part.outcome for part in parts))
            # The cause is not enough for an id: what a part says of itself only grows.
            step = order.to(settled, "account " + " ".join(str(part.number) for part in parts))
            self.office.handle(self.runs, run_id, step)

    # -- see

    def lines(self, run_id: str, after: int = 0, fate: str | None = None) -> Iterator[dict[str, Any]]:
        """The lines of a run after a line number, part by part."""
        for number in range(after // CHUNK, len(self.run(run_id).parts)):
            part = self.part(run_id, number)
            for n, (line, is_, reason) in enumerate(zip(part.lines, part.fates, part.reasons, strict=True)):
                no = part.first + n
                if no > after and fate in (None, is_):
                    yield {
                        "line_no": no,
                        "case_id": line.case_id,
                        "payee_id": line.payee_id,
                        "amount_fen": line.amount_fen,
                        "account": line.account,
                        "decision": line.decision,
                        "status": is_,
                        "reason": reason,
                    }

    def hold(self, order: Order[Any]) -> Answer:
        """Hold back or release one line, before its part is sent."""
        c = order.command
        run = self.run(c.run_id)
        if run.status not in payment_run.BEFORE_SENDING and run.status != "sending":
            raise out_of_order("该批次已经送发，不能暂缓或恢复。")
        if isinstance(c, payment_part.ReleasePaymentLine) and run.status not in ("open", "locked"):
            raise out_of_order("该批次已批准，批准时暂缓的不能再恢复，转入补发批次。")
        if not 1 <= c.line_no <= run.count:
            raise invalid("名单中没有此序号。", "line_no")
        return self.office.handle(self.parts, part_id(c.run_id, (c.line_no - 1) // CHUNK), order)

    # -- claims

    def open_recovery(self, event_id: str, found: Any, order: Order[Any]) -> Answer:
        """追回: one claim for one overpayment, of exactly its amount."""
        recovery_id = recovery.of_overpayment(event_id)
        claim = recovery.OpenRecovery(
            recovery_id, found.case_id, found.programme, found.payee_id, found.division, found.months, found.amount_fen, found.reason
        )
        return self.office.handle(self.recoveries, recovery_id, order.to(claim))

    def payment_returned(self, returned: Any, order: Order[Any]) -> None:
        """What was claimed of a payment that came back is met by it; what was repaid on such a claim goes back to the household."""
        left = returned.claimed_fen
        for recovery_id, claimed in self._claims_of(returned.case_id, returned.month):
            if left > 0:
                share = min(left, self._still(recovery_id, claimed, returned.month, ""))
                meet = recovery.MeetByReturn(recovery_id, returned.month, returned.run_id, share)
                self._meet(returned.case_id, meet, f"{returned.month} {returned.run_id}", recovery_id, order)
                left -= share

    def due_again(self, event_id: str, found: Any, order: Order[Any]) -> None:
        """Claimed months that are due after all meet their claims; what was repaid on them goes back to the household."""
        for m in found.months:
            left = m.due_fen - m.paid_fen
            for recovery_id, claimed in self._claims_of(found.case_id, m.month, event_id):
                key = f"{m.month} {event_id}"
                if left > 0 and (share := min(left, self._still(recovery_id, claimed, m.month, key))) > 0:
                    meet = recovery.MeetByDecision(recovery_id, m.month, event_id, share)
                    self._meet(found.case_id, meet, key, f"{recovery_id} {m.month}", order)
                    left -= share

    def met_by(self, case_id: str, recovery_id: str, month: str, cause: str, share_fen: int, order: Order[Any]) -> None:
        """Of a month's claim so much is the household's after all, by the decision ``cause``; what was repaid of it goes back."""
        meet = recovery.MeetByDecision(recovery_id, month, cause, share_fen)
        self._meet(case_id, meet, f"{month} {cause}", f"{recovery_id} {month}", order)

    def _still(self, recovery_id: str, claimed: int, month: str, key: str) -> int:
        """What of a month's claim has not turned out due before: the same when this is done once more after a crash."""
        claim: Recovery = self.office.load(self.recoveries, recovery_id).state
        if claim.status == "none":
            raise Unavailable("追回事项尚未立项，稍后再试。")
        return claimed - sum(fen for k, fen in claim.due_again.items() if k.startswith(f"{month} ") and k != key)

    def _meet(self, case_id: str, meet: Any, key: str, step: str, order: Order[Any]) -> None:
        """One claim by one cause, and the refund that follows."""
        self.office.handle(self.recoveries, meet.recovery_id, order.to(meet, f"meet {step}"))
        claim: Recovery = self.office.load(self.recoveries, meet.recovery_id).state
        if back := claim.refunds.get(key, 0):
            refund = benefit_case.RefundRepayment(case_id, meet.recovery_id, meet.month, back)
            self.office.handle(self.cases, case_id, order.to(refund, f"refund {step}"))

    def set_off(self, recovery_id: str, amount_fen: int, order: Order[Any]) -> Answer:
        """抵扣: withhold an agreed amount from the case's next payment; the claim is met by the event of that."""
        claim: Recovery = self.office.load(self.recoveries, recovery_id).state
        if claim.status == "none":
            raise Refused("not_found", "没有此追回事项。", "recovery_id")
        withheld = derived_id(order.command_id, "withheld")
        if withheld not in claim.withheld:
            recovery.can_set_off(claim, amount_fen)
        withhold = benefit_case.WithholdRepayment(claim.case_id, recovery_id, withheld, amount_fen)
        return self.office.handle(self.cases, claim.case_id, order.to(withhold))

    def withheld(self, what: Any, order: Order[Any]) -> None:
        """The claim takes what was withheld; what it no longer needs goes back to the household."""
        taken = recovery.RecordSetOff(what.recovery_id, what.amount_fen, what.withheld_id)
        self.office.handle(self.recoveries, what.recovery_id, order.to(taken, "set off"))
        claim: Recovery = self.office.load(self.recoveries, what.recovery_id).state
        if over := what.amount_fen - claim.withheld.get(what.withheld_id, 0):
            month = dates.month_of(order.today)
            refund = benefit_case.RefundRepayment(what.case_id, what.recovery_id, month, over)
            self.office.handle(self.cases, what.case_id, order.to(refund, "too much"))

    def released(self, what: Any, order: Order[Any]) -> None:
        """The case ended before what was withheld could lessen a payment: it is claimed as before."""
        free = recovery.ReleaseSetOff(what.recovery_id, what.withheld_id)
        self.office.handle(self.recoveries, what.recovery_id, order.to(free, "release"))

    def _claims_of(self, case_id: str, month: str, before: str = "") -> Iterable[tuple[str, int]]:
        """(claim, its share for the month), newest first: the newest found was of what is accounted for last. ``before``: an event, whose
        claims are those that were there."""
        seen = not before
        for r in reversed(self.office.history(self.cases.stream(case_id))):
            seen = seen or r.id == before
            if seen and isinstance(r.event, OverpaymentFound):
                share = sum(m.paid_fen - m.due_fen for m in r.event.months if m.month == month)
                if share:
                    yield derived_id("recovery", r.id), share

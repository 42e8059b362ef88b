"""How every service that pays benefits pays them (发放), and claims back what was paid too much (追回).

The deciders decide; here the cases are asked what is due and the commands given, each with an id that follows from its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefit_case import Case
from shared.casework.office import Office
from shared.casework.payment_run import CHUNK, PaymentLine, Run
from shared.casework.programme import Programme
from shared.casework.recovery import Recovery
from shared.domain.errors import Refused
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Order, derived_id


def programme_in(programmes: Mapping[str, Programme], code: str) -> Programme:
    if code not in programmes:
        raise Refused("unknown_programme", "没有此救助或津贴项目。", "programme")
    return programmes[code]


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

    # -- runs

    def prepare_run(self, candidates: Iterable[str], order: Order[Any]) -> Answer:
        """Open a run, list what every case is due this month, lock it. ``candidates`` are case ids from the read model; amounts
        come from the cases themselves. Called again with the same command id it goes on where it stopped."""
        c = order.command
        programme_in(self.programmes, c.programme)
        run_id = payment_run.run_id(c.programme, c.month, c.division)
        self.office.handle(self.runs, run_id, order)
        run: Run = self.office.load(self.runs, run_id).state
        if run.status == "open":
            listed = {line.case_id for line in run.lines}
            lines = [line for line in self._lines(candidates, c.programme, c.month) if line.case_id not in listed]
            for n in range(0, len(lines), CHUNK):
                part = payment_run.ListPaymentLines(run.chunks + n // CHUNK, tuple(lines[n : n + CHUNK]))
                self.office.handle(self.runs, run_id, order.to(part, f"lines {part.chunk}"))
        return self.office.handle(self.runs, run_id, order.to(payment_run.LockPaymentRun(run_id), "lock"))

    def _lines(self, candidates: Iterable[str], programme: str, month: str) -> list[PaymentLine]:
        lines = []
        for case_id in sorted(set(candidates)):
            case: Case = self.office.load(self.cases, case_id).state
            amount = case.due(month) + case.arrears_fen
            if case.programme == programme and month not in case.paid and amount > 0:
                lines.append(PaymentLine(case_id, amount))
        return lines

    def pay_run(self, run_id: str, order: Order[Any]) -> Answer:
        """Pay an approved run line by line and close it with its sums. Safe to run again after a crash, or twice at once."""
        run: Run = self.office.load(self.runs, run_id).state
        paid = paid_fen = failed = failed_fen = 0
        for line in run.lines:
            pay = benefit_case.PayBenefit(line.case_id, run.month, run_id, line.amount_fen)
            # The id follows from run and case alone, so two workers that pay the same run agree on every line.
            step = replace(order, command=pay, command_id=derived_id(run_id, line.case_id), asked=pay, expected_version=None)
            try:
                self.office.handle(self.cases, line.case_id, step)
                paid, paid_fen = paid + 1, paid_fen + line.amount_fen
            except Refused as refused:
                if refused.code == "unavailable":
                    raise
                failed, failed_fen = failed + 1, failed_fen + line.amount_fen
        close = payment_run.ClosePaymentRun(paid, paid_fen, failed, failed_fen)
        return self.office.handle(self.runs, run_id, order.to(close, "close"))

    # -- claims

    def open_recovery(self, event_id: str, found: Any, order: Order[Any]) -> Answer:
        """追回: one claim for one overpayment, of exactly its amount."""
        recovery_id = derived_id("recovery", event_id)
        claim = recovery.OpenRecovery(
            recovery_id, found.case_id, found.programme, found.payee_id, found.division, found.months, found.amount_fen, found.reason
        )
        return self.office.handle(self.recoveries, recovery_id, order.to(claim))

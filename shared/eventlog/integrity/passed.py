"""What passes from one record into another (往来相符): an amount, a class or a verdict that a record took over is the other's.

Within its stream every order is decided again (``orders.py``); what it was given by another record is its input there. Here it is held
against the event that gave it: by the id that the effect names as its cause, or by the number both carry. A claim without the overpayment
that it is of, a payment for which no run listed a line, a grant of an instalment that nobody released are named as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.orders import derived_id

NO_CAUSE = "（没有所依据的事件）"
Differs = tuple[str, ...]
_DECISIONS = ("temporary_approved", "temporary_refused", "temporary_withdrawn")


class Passed:
    """Sees the events of ``TYPES`` in the order of the log; of what is over it keeps nothing."""

    def __init__(self) -> None:
        self._causes: dict[str, Recorded] = {}  # by event id: few are ever the cause of something with an amount
        self._met: dict[tuple[str, str, str], int] = {}  # (cause, claim, month) → refunded
        self._lines: dict[str, dict[str, int]] = {}  # run → case → fen, until the run is over
        self._draws: dict[str, tuple[str, int]] = {}  # draw → (fund's stream, fen)
        self._reports: dict[str, tuple[str, str, tuple[str, ...]]] = {}  # a means test's report → verdict, how whole, what is missing

    def see(self, r: Recorded) -> Differs | None:
        """What differs of an event that took something over; None where nothing is taken over."""
        short = r.name.partition(".")[2]
        if short in _CAUSES:
            self._causes[r.id] = r
        checks = _EFFECTS.get(short)
        return None if checks is None else checks(self, r)

    # -- kept

    def _listed(self, r: Recorded) -> Differs | None:
        self._lines.setdefault(r.event.run_id, {}).update((line.case_id, line.amount_fen) for line in r.event.lines)
        return None

    def _over(self, r: Recorded) -> Differs | None:
        self._lines.pop(r.stream.partition("-")[2], None)
        return None

    def _drawn(self, r: Recorded) -> Differs | None:
        self._draws[r.event.draw_id] = (r.stream.partition("-")[2], r.event.amount)
        return None

    def _reported(self, r: Recorded) -> Differs | None:
        e = r.event
        self._reports[f"{e.verification_id}.{e.version}"] = (e.verdict, e.completeness, tuple(m.source for m in e.missing))
        return None

    # -- held

    def _claimed(self, r: Recorded) -> Differs | None:
        """追回立项: exactly what the case, or the decision about a matter of temporary assistance, found."""
        cause = self._cause(r)
        if cause is None:
            return (NO_CAUSE,)
        e, was = r.event, cause.event
        says: dict[str, Any] = {"recovery_id": e.recovery_id, "amount_fen": e.amount_fen}
        made: dict[str, Any] = {"recovery_id": derived_id("recovery", cause.id)}
        if cause.name.partition(".")[2] == "overpayment_found":
            for name in ("case_id", "programme", "payee_id", "division", "months"):
                says[name], made[name] = getattr(e, name), getattr(was, name)
            made["amount_fen"] = was.amount_fen
        else:
            due = getattr(was, "amount_fen", 0)
            says["months"], made["months"] = [(m.paid_fen, m.due_fen) for m in e.months], [(was.drawn_fen, due)]
            made["amount_fen"] = was.drawn_fen - due
        return _unless(says, made)

    def _met_by_decision(self, r: Recorded) -> Differs | None:
        cause = self._cause(r)
        if cause is None or cause.id != r.event.cause:
            return (NO_CAUSE,)
        self._note_refund(r, cause)
        if cause.name.partition(".")[2] in _DECISIONS:
            most = cause.event.drawn_fen
        else:
            most = sum(m.due_fen - m.paid_fen for m in cause.event.months if m.month == r.event.month)
        return () if 0 < r.event.share_fen <= most else ("share_fen",)

    def _met_by_return(self, r: Recorded) -> Differs | None:
        cause = self._cause(r)
        if cause is None:
            return (NO_CAUSE,)
        self._note_refund(r, cause)
        was, e = cause.event, r.event
        wrong = _unless({"month": e.month, "run_id": e.run_id}, {"month": was.month, "run_id": was.run_id})
        return (*wrong, *(() if e.amount_fen <= was.claimed_fen else ("amount_fen",)))

    def _note_refund(self, r: Recorded, cause: Recorded) -> None:
        self._met[cause.id, r.stream.partition("-")[2], r.event.month] = r.event.refund_fen

    def _set_off(self, r: Recorded) -> Differs | None:
        cause = self._cause(r)
        if cause is None or cause.event.withheld_id != r.event.withheld_id or cause.event.recovery_id != r.stream.partition("-")[2]:
            return (NO_CAUSE,)
        self._met[cause.id, cause.event.recovery_id, ""] = cause.event.amount_fen - r.event.amount_fen
        return () if r.event.amount_fen <= cause.event.amount_fen else ("amount_fen",)

    def _refunded(self, r: Recorded) -> Differs | None:
        """退还: what the claim says was repaid beyond what it needed, or what was withheld and it no longer took."""
        cause, e = self._cause(r), r.event
        if cause is None:
            return (NO_CAUSE,)
        if cause.name.partition(".")[2] == "repayment_withheld":
            over = self._met.get((cause.id, e.recovery_id, ""), cause.event.amount_fen)
        else:
            over = self._met.get((cause.id, e.recovery_id, e.month), 0)
        return _unless({"amount_fen": e.amount_fen}, {"amount_fen": over})

    def _granted(self, r: Recorded) -> Differs | None:
        """A grant that an instalment brought about is of that instalment."""
        cause = self._causes.get(r.meta.causation_id)
        if cause is None or cause.name.partition(".")[2] != "instalment_released":
            return (NO_CAUSE,) if r.event.programme == "temporary_assistance" else None
        says = {"amount_fen": r.event.amount_fen, "payee_id": r.event.payee_id}
        made = {"amount_fen": cause.event.amount_fen, "payee_id": cause.event.payee_id or r.event.payee_id}
        return _unless(says, made)

    def _paid(self, r: Recorded) -> Differs | None:
        """发放: what the run's line says; until the run is over it is known."""
        line = self._lines.get(r.event.run_id, {}).get(r.stream.partition("-")[2])
        if line is None:
            return (NO_CAUSE,)
        return _unless({"amount_fen": r.event.amount_fen + r.event.arrears_fen}, {"amount_fen": line})

    def _first(self, r: Recorded) -> Differs | None:
        """先行救助: what was drawn from that fund for this matter."""
        drawn = self._draws.get(r.event.matter_id)
        if drawn is None:
            return (NO_CAUSE,)
        return _unless({"fund_id": r.event.fund_id, "amount_fen": r.event.amount_fen}, {"fund_id": drawn[0], "amount_fen": drawn[1]})

    def _checked(self, r: Recorded) -> Differs | None:
        """核对报告 as the case took it over, where the house made it itself."""
        report = self._reports.get(r.event.report_id)
        if report is None:
            return None  # an outside one
        says = {"verdict": r.event.verdict, "missing_sources": set(r.event.missing_sources)}
        return _unless(says, {"verdict": report[1], "missing_sources": set(report[2])})

    def _rechecked(self, r: Recorded) -> Differs | None:
        report = self._reports.get(r.event.report_id)
        return None if report is None else _unless({"verdict": r.event.verdict}, {"verdict": report[0]})

    def _answered(self, r: Recorded) -> Differs | None:
        """身后事项: what the service that had to do it answered."""
        cause = self._causes.get(r.meta.causation_id)
        return None if cause is None else _unless({"amount_fen": r.event.amount_fen}, {"amount_fen": cause.event.amount_fen})

    def _cause(self, r: Recorded) -> Recorded | None:
        return self._causes.get(r.meta.causation_id)


def _unless(says: Mapping[str, Any], made: Mapping[str, Any]) -> Differs:
    return tuple(name for name, value in says.items() if name not in made or value != made[name])


_CAUSES = frozenset(
    (
        "overpayment_found", "claimed_due_again", "payment_returned", "repayment_withheld", "instalment_released", "after_death_answered",
        *_DECISIONS,
    )
)  # fmt: skip
_EFFECTS: dict[str, Callable[[Passed, Recorded], Differs | None]] = {
    "payment_lines_listed": Passed._listed,
    "payment_run_closed": Passed._over,
    "payment_run_cancelled": Passed._over,
    "fund_drawn": Passed._drawn,
    "verification_reported": Passed._reported,
    "recovery_opened": Passed._claimed,
    "recovery_met_by_decision": Passed._met_by_decision,
    "recovery_met_by_return": Passed._met_by_return,
    "recovery_set_off": Passed._set_off,
    "repayment_refunded": Passed._refunded,
    "case_granted": Passed._granted,
    "benefit_paid": Passed._paid,
    "first_granted": Passed._first,
    "means_test_recorded": Passed._checked,
    "reverification_object_reported": Passed._rechecked,
    "after_death_step_done": Passed._answered,
}
TYPES = frozenset((*_CAUSES, *_EFFECTS))

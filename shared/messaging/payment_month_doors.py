"""The doors of the payment calendar (应发月份的门): which months are owed a run, and until when. The same for every service that pays.

A month is opened by the clock, met by the run that is sent, owed again by what its closed run left unpaid, and late by the clock: a worker
that was killed, or did not run for months, finds the same rows due and gives the same commands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from shared.casework import benefit_case, payment_run
from shared.casework import payment_calendar as pc
from shared.casework.payments import Prepare
from shared.casework.programme import PAY_BY_DAY
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventlog.month_rows import BEGINS, LATE, open_months, owed_in, sent_runs, units
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.answering import answers, kept, rows
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.payment_doors import FollowUp, PaymentDoors
from shared.messaging.showing import caught_up, shown


@dataclass(frozen=True)
class RunSent:
    """The service's own ``payment_run_sent`` and ``payment_run_closed``."""

    run_id: str


@dataclass(frozen=True)
class CaseOwed:
    """The service's own ``payment_returned``."""

    case_id: str


@dataclass(frozen=True)
class SubjectOwed:
    """The service's own ``case_granted`` and ``case_resumed``."""

    programme: str
    subject_id: str


class PaymentMonthDoors(PaymentDoors):
    """``calendars`` is the service's decider of the shape."""

    calendars: Decider[pc.Calendar]

    @deadline(BEGINS)
    def on_payment_month_begins(self, due: Due) -> None:
        """A month has begun, or came to be owed: every month since the last look, however many they are, and what still stands open."""
        programme, unit = due.data["programme"], due.data["division"]
        state: pc.Calendar = self.office.load(self.calendars, due.aggregate_id).state
        now = dates.month_of(due.now.date())
        first = dates.add_months(state.looked, 1) if state.looked else due.data["first"]
        first = min(first, due.data.get("again", first))  # a case was handed over with months that are this unit's now
        months = [m for m in dates.months_between(min(first, now), now) if state.may_open(m)]
        since = date.fromisoformat(due.data["since"]) if "since" in due.data else None
        owed = self._owed(programme, unit, months)
        sent = sent_runs(self.office.read, self.tables.pay.runs, programme, unit, months)
        declared = self.benefits.programmes.get(programme)
        day = declared.pay_by_day if declared else PAY_BY_DAY
        found = tuple(pc.OwedMonth(m, pc.pay_by(m, day, since), *owed[m]) for m in months if owed[m][0] and m not in sent)
        look = pc.LookAtPaymentMonths(programme, unit, now, found)
        for month in state.open:
            self._look_again(due.aggregate_id, state, month, due.order(None, month))
        self.office.handle(self.calendars, due.aggregate_id, due.order(look))

    @deadline(LATE)
    def on_payment_month_late(self, due: Due) -> None:
        """The day until which a month's run had to be sent is over."""
        state: pc.Calendar = self.office.load(self.calendars, due.aggregate_id).state
        self._look_again(due.aggregate_id, state, due.data["month"], due.order(None))

    def _look_again(self, calendar_id: str, state: pc.Calendar, month: str, order: Order[Any]) -> None:
        """Whether a month that stands open was met meanwhile, is owed to nobody any more, or is late."""
        asked = (state.programme, state.division, [month])
        again = state.months[month].status == "again"  # then an earlier run was sent, and the follow-up tells of itself
        sent = {} if again else sent_runs(self.office.read, self.tables.pay.runs, *asked)
        if month in sent:
            step: Any = pc.MeetPaymentMonth(month, sent[month], self._sent_on(sent[month]))
        else:
            step = pc.NotePaymentMonth(month, self._owed(*asked)[month][0])
        self.office.handle(self.calendars, calendar_id, order.to(step))

    def _owed(self, programme: str, unit: str, months: list[str]) -> dict[str, tuple[int, int]]:
        pay = self.tables.pay
        return owed_in(self.office.read, pay.dues, pay.places, programme, unit, months)

    def _sent_on(self, run_id: str) -> date:
        history = self.office.history(self.payments.runs.stream(run_id))
        return next(r.meta.recorded_at.date() for r in history if isinstance(r.event, payment_run.PaymentRunSent))

    @reaction(OWN, "payment_run_sent", reads=RunSent)
    def on_payment_run_sent(self, notice: Notice[RunSent]) -> None:
        """The month is met in every town that the run covers; in one of which it covers a part, when nothing else is owed there."""
        run = self.payments.run(notice.facts.run_id)
        caught_up(self.office, self.model, notice.position)
        for calendar_id, unit in open_months(self.office.read, self.tables.pay.calendar, run.programme, run.month):
            if not unit.startswith(run.division):
                owed = self._owed(run.programme, unit, [run.month])
                if not run.division.startswith(unit) or owed[run.month][0]:
                    continue
            meet = pc.MeetPaymentMonth(run.month, notice.facts.run_id, self._sent_on(notice.facts.run_id))
            self.office.handle(self.calendars, calendar_id, notice.order(meet, unit))

    # -- owed again

    @reaction(OWN, "payment_run_closed", reads=RunSent)
    def on_payment_run_closed(self, notice: Notice[RunSent]) -> None:
        """Whatever of the month was not paid by the run is owed again: failed, held, confirmed meanwhile."""
        run = self.payments.run(notice.facts.run_id)
        caught_up(self.office, self.model, notice.position)
        for _, unit in units(self.office.read, self.tables.pay.calendar, run.programme):
            if unit.startswith(run.division) or run.division.startswith(unit):
                self._again(run.programme, unit, run.month, notice)

    @reaction(OWN, "payment_returned", reads=CaseOwed)
    def on_returned_owed_again(self, notice: Notice[CaseOwed]) -> None:
        """The bank gave a payment back after the run was closed."""
        self._owed_again(notice.facts.case_id, notice)

    @reaction(OWN, "case_granted", reads=SubjectOwed)
    def on_granted_owed_again(self, notice: Notice[SubjectOwed]) -> None:
        """Confirmed after the month's run."""
        self._owed_again(benefit_case.case_id(notice.facts.programme, notice.facts.subject_id), notice)

    @reaction(OWN, "case_resumed", reads=SubjectOwed)
    def on_resumed_owed_again(self, notice: Notice[SubjectOwed]) -> None:
        """Resumed after the month's run had passed it over."""
        self._owed_again(benefit_case.case_id(notice.facts.programme, notice.facts.subject_id), notice)

    @reaction(OWN, "case_handed_over", reads=SubjectOwed)
    def on_handed_over_owed_again(self, notice: Notice[SubjectOwed]) -> None:
        """Handed over with an unpaid month of which the new town's run is closed."""
        self._owed_again(benefit_case.case_id(notice.facts.programme, notice.facts.subject_id), notice)

    def _owed_again(self, case_id: str, notice: Notice[Any]) -> None:
        """The months of a case that have begun and are not paid."""
        case: benefit_case.Case = self.office.load(self.benefits.cases, case_id).state
        now = dates.month_of(notice.now.date())
        if case.terms.payment != "monthly" or not case.schedule or case.schedule[0].month > now:
            return
        for month in dates.months_between(case.schedule[0].month, now):
            if month not in case.paid and case.due(month) > 0 and case.payable(month) > 0:
                self._again(case.programme, pc.unit_of(case.division_in(month)), month, notice)

    def _again(self, programme: str, unit: str, month: str, notice: Notice[Any]) -> None:
        """Of a month whose run is closed; one that is on its way is looked at when it is."""
        calendar_id = pc.calendar_id(programme, unit)
        m = self.office.load(self.calendars, calendar_id).state.months.get(month)
        if m is not None and m.status != "met":
            return  # a run is owed anyway
        caught_up(self.office, self.model, notice.position)
        run_id = m.run_id if m is not None else sent_runs(self.office.read, self.tables.pay.runs, programme, unit, [month]).get(month, "")
        if not run_id or self.payments.run(run_id).status != "closed":
            return
        cases, fen = self._owed(programme, unit, [month])[month]
        again = pc.OwePaymentMonthAgain(programme, unit, month, run_id, cases, fen)
        self.office.handle(self.calendars, calendar_id, notice.order(again, f"again {calendar_id} {month}"))

    @command(pc.PrepareOwedMonth, permission="pay")
    def prepare_owed_month(self, order: Order[pc.PrepareOwedMonth]) -> Any:
        """编制应发月份的发放名单：项目、乡镇（街道）和月份由应发月份带入；只编制一部分的，填写区划。"""
        c = order.command
        state: pc.Calendar = self.office.load(self.calendars, c.calendar_id).state
        if not state.programme:
            raise Refused("not_found", "没有此应发月份。", "calendar_id")
        m = state.months.get(c.month)
        if m is not None and m.run_id and not c.division:  # a follow-up; said once more, the answer is the first one's
            if m.status == "again":
                self.office.rehearse(self.calendars, c.calendar_id, order)
            return self.prepare_follow_up_run(replace(order.to(FollowUp(m.run_id)), expected_version=None))
        # The version that the caller saw is the calendar's, not the run's.
        prepare = replace(order.to(Prepare(state.programme, c.month, c.division or state.division)), expected_version=None)
        if not self._begun(prepare):  # said once more, the answer is the first one's
            self.office.rehearse(self.calendars, c.calendar_id, order)
        return self.prepare_payment_run(prepare)

    def _begun(self, order: Order[Prepare]) -> bool:
        c = order.command
        this = payment_run.run_id(c.programme, c.month, c.division)
        return bool(self.office.load(self.payments.runs, this).state.status != "none")

    @query(permission="read")
    @answers(kept(pc.Calendar))
    def get_payment_calendar(self, hand: Hand, calendar_id: str, as_of: datetime | None = None) -> Any:
        """一个项目在一个乡镇（街道）的应发月份（可查询过去任一时刻）。"""
        return shown(self.office, self.calendars, calendar_id, hand, as_of)

    @query(permission="read")
    @answers(lambda service: rows(service.tables.pay.calendar.months))
    def list_payment_months(
        self,
        hand: Hand,
        status: str | None = None,
        month: str | None = None,
        programme: str | None = None,
        overdue: bool | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """应发月份列表：每个项目、乡镇（街道）每月应发多少、何时前送发、由哪个批次送发、是否逾期。"""
        where = {"status": status, "month": month, "programme": programme, "overdue": overdue}
        return self._listed(self.tables.pay.calendar.months, hand, position, after, limit, **where)

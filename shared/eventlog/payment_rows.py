"""Read-model tables of payment (发放与追回读模型): what is due, what was paid, runs, accounts, claims. The same for every service.

``dues`` holds, for each case, what the case itself knows of its months: lists of payment are made from it without opening a stream. A row
that is behind its case pays nothing wrong: the case checks the amount again, and refuses. Runs and claims wait in worklists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.casework import benefit_case as bc
from shared.casework import payee_account as pa
from shared.casework import payment_calendar as pc
from shared.casework import payment_run as pr
from shared.casework import recovery as rc
from shared.casework.payment_run import PaymentLine
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.domain.decoders import decoder_of
from shared.domain.frozen import replace
from shared.eventlog.month_rows import MonthTables, comes_to_be_owed, handed_over, month_tables, project_months
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.events import shape_events

STALLED = "payment_run_stalled"  # deadline: a run that lists or sends itself, and has not moved
STALLED_AFTER = timedelta(minutes=10)
INSTALMENT = "recovery_due"
NOTICE = "recovery_notice_due"  # deadline: the notice of a claim was to be served by the day before
LIMITATION = "recovery_limitation"
PAGE = 2000  # cases read at once for a list
# Whose turn it is with a run that is not closed; a run that lists or sends itself waits for nobody until it stalls.
WORKLISTS = {"open": "payment_prepare", "locked": "payment_approve", "approved": "payment_send", "sending": "payment_send"}
AWAITING_BANK = "payment_return_file"
# What is paid once has no month that would stand open again: a line that was not paid stands in a list of its own until it is.
ONCE_UNPAID = "payment_once_unpaid"
PAYEE_LOST, PAYEE_NAMED = "payee_lost", "payee_confirm"  # the payee has died: nobody is named in his place, or who is, not confirmed


@dataclass(frozen=True)
class PaymentTables:
    payments: sa.Table
    runs: sa.Table
    recoveries: sa.Table
    dues: sa.Table
    places: sa.Table
    hands: sa.Table
    accounts: sa.Table
    once: sa.Table
    lost: sa.Table
    calendar: MonthTables

    @property
    def worklists(self) -> tuple[sa.Table, ...]:
        """Those whose rows wait for somebody: for ``more_lists`` of ``with_shapes``."""
        return (self.runs, self.recoveries, self.accounts, self.once, self.lost, self.calendar.months)


def _waiting() -> tuple[sa.Column[Any], ...]:
    """What worklists look at (see ``shape_rows.worklists``)."""
    return (
        sa.Column("worklist", sa.String(40), nullable=False, default="", index=True),
        sa.Column("due_on", sa.String(10)),
        sa.Column("due", sa.String(40), nullable=False, default=""),
    )


def payment_tables(metadata: sa.MetaData) -> PaymentTables:
    """Declare the tables. Money is fen; days and times are ISO text."""
    return PaymentTables(
        payments=sa.Table(
            "benefit_payments",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("month", sa.String(7), primary_key=True),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            sa.Column("arrears_fen", sa.BigInteger, nullable=False),
            sa.Column("run_id", sa.String(36), nullable=False, index=True),
            sa.Column("status", sa.String(10), nullable=False, default="paid"),  # paid (accounted for) | returned
            sa.Column("reason", sa.Text, nullable=False, default=""),
        ),
        runs=sa.Table(
            "payment_runs",
            metadata,
            sa.Column("run_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("round", sa.Integer, nullable=False, default=0),
            sa.Column("mode", sa.String(10), nullable=False, default=""),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("count", sa.Integer, nullable=False, default=0),
            sa.Column("total_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("sent", sa.Integer, nullable=False, default=0),
            sa.Column("sent_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("paid", sa.Integer, nullable=False, default=0),
            sa.Column("paid_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("failed", sa.Integer, nullable=False, default=0),
            sa.Column("failed_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("held", sa.Integer, nullable=False, default=0),
            sa.Column("held_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("file_sha256", sa.String(64), nullable=False, default=""),
            *_waiting(),
        ),
        recoveries=sa.Table(
            "recoveries",
            metadata,
            sa.Column("recovery_id", sa.String(36), primary_key=True),
            sa.Column("case_id", sa.String(36), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("payee_id", sa.String(36), nullable=False),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("months", sa.Text, nullable=False),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            sa.Column("repaid_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("left_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("limitation_on", sa.String(10)),
            *_waiting(),
            sa.Column("state", sa.Text, nullable=False, default=""),
        ),
        dues=sa.Table(
            "benefit_dues",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False, index=True),
            sa.Column("division", sa.String(12), nullable=False),
            sa.Column("payee_id", sa.String(36), nullable=False),
            sa.Column("decision", sa.Integer, nullable=False, default=-1),
            sa.Column("payable", sa.Boolean, nullable=False, default=False),  # there is a schedule: something may be due
            sa.Column("state", sa.Text, nullable=False),
        ),
        places=sa.Table(
            "benefit_case_places",  # every town that a case which was handed over has months in; of all others the case's own says it
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("division", sa.String(12), primary_key=True, index=True),
        ),
        hands=sa.Table(
            "benefit_hands",  # who proposed or decided what a case is due: none of them may pay it
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("hand", sa.String(80), primary_key=True, index=True),
        ),
        accounts=sa.Table(
            "payee_accounts",
            metadata,
            sa.Column("person_id", sa.String(36), primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("status", sa.String(12), nullable=False),  # proposed | in_force | former | rejected
            sa.Column("bank_code", sa.String(12), nullable=False),
            sa.Column("account_no", sa.Text, nullable=False),  # sealed, as in the event
            sa.Column("holder", sa.Text, nullable=False),  # sealed, as in the event
            sa.Column("programme", sa.String(60), nullable=False, default=""),  # of no programme: for worklists
            *_waiting(),
        ),
        once=sa.Table(
            "once_unpaid",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("month", sa.String(7), nullable=False),
            sa.Column("amount_fen", sa.BigInteger, nullable=False),
            *_waiting(),
        ),
        lost=sa.Table(
            "payees_lost",
            metadata,
            sa.Column("case_id", sa.String(36), primary_key=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            *_waiting(),
        ),
        calendar=month_tables(metadata),
    )


def aggregate_id(r: Recorded) -> str:
    """The id in the stream's name."""
    return r.stream.split("-", 1)[1]


def _encode(state: Any) -> str:
    return msgspec.json.encode(state, enc_hook=dict).decode()


_decode_claim = decoder_of(rc.Recovery).decode


def _slim(case: bc.Case) -> bc.Case:
    """Without what is large and says nothing of months and amounts."""
    return replace(case, proposal=None, last_assessment=None, decisions=())


def project_payments(model: ReadModel, t: PaymentTables) -> None:
    """Fold what one service owes and paid, its runs, accounts and claims into its tables."""
    _project_cases(model, t)
    _project_runs(model, t)
    _project_accounts(model, t)
    _project_claims(model, t)
    project_months(model, t.calendar)


def _project_cases(model: ReadModel, t: PaymentTables) -> None:
    @model.on(*shape_events(bc.SHAPE))
    def _due(rows: Rows, r: Recorded) -> None:
        case_id = aggregate_id(r)
        row = rows.get(t.dues, case_id=case_id)
        before = bc.unpacked("" if row is None else row["state"], bc.Case)
        case = bc.evolve(before, r.event)
        for hand in before.signed:
            if hand not in case.signed:
                rows.delete(t.hands, case_id=case_id, hand=hand)
        for hand in case.signed:
            if hand not in before.signed:
                rows.put(t.hands, case_id=case_id, hand=hand)
        for place in before.towns if case.towns != before.towns else ():
            rows.delete(t.places, case_id=case_id, division=place.division)
        for place in case.towns if case.towns != before.towns else ():
            rows.put(t.places, case_id=case_id, division=place.division)
        decided = isinstance(r.event, bc.CaseGranted | bc.CaseReassessed)
        if isinstance(r.event, bc.CaseHandedOver):
            handed_over(model, t.calendar, rows, r, before, case)
        elif not isinstance(r.event, bc.BenefitPaid):
            comes_to_be_owed(model, t.calendar, rows, r, before, case)
        rows.put(
            t.dues,
            case_id=case_id,
            programme=case.programme,
            division=case.division,
            payee_id=case.payee_id,
            decision=r.version if decided or row is None else row["decision"],
            payable=bool(case.schedule),
            state=bc.packed(_slim(case)),
        )

    def unpaid(rows: Rows, r: Recorded, case_id: str, case: bc.Case, month: str) -> None:
        due_on = dates.add_working_days(r.meta.recorded_at.astimezone(SHANGHAI).date(), pc.FOLLOW_UP_DAYS)
        rows.put(
            t.once, case_id=case_id, programme=case.programme, division=case.division, month=month, amount_fen=case.payable(month),
            worklist=ONCE_UNPAID, due_on=due_on.isoformat(), due="payment_month",
        )  # fmt: skip

    @model.on(*shape_events(bc.SHAPE))
    def _once(rows: Rows, r: Recorded) -> None:
        """The bank paid it not, or gave it back; it leaves the list when it is paid, or not due any more."""
        case_id = aggregate_id(r)
        row = rows.get(t.dues, case_id=case_id)
        case = bc.unpacked("" if row is None else row["state"], bc.Case)
        if case.terms.payment != "once":
            return
        if isinstance(r.event, bc.PaymentReturned):
            if case.payable(r.event.month) > 0:
                unpaid(rows, r, case_id, case, r.event.month)
            return
        known = rows.get(t.once, case_id=case_id)
        if known is not None and (known["month"] in case.paid or case.payable(known["month"]) <= 0):
            rows.delete(t.once, case_id=case_id)

    @model.on(*shape_events(bc.SHAPE))
    def _lost(rows: Rows, r: Recorded) -> None:
        """领款人死亡: until somebody else is the payee, or nothing is to be paid."""
        case_id = aggregate_id(r)
        row = rows.get(t.dues, case_id=case_id)
        case = bc.unpacked("" if row is None else row["state"], bc.Case)
        if case.payee_gone and case.owes:
            due_on = next(x.due_on for x in case.payees_lost if x.payee_id == case.payee_id)
            waits = PAYEE_NAMED if case.payee_named is not None else PAYEE_LOST
            rows.put(
                t.lost, case_id=case_id, programme=case.programme, division=case.division,
                worklist=waits, due_on=due_on.isoformat(), due="payee_naming",
            )  # fmt: skip
        elif case.payees_lost or isinstance(r.event, bc.PayeeLives | bc.PayeeChanged):
            rows.delete(t.lost, case_id=case_id)

    @model.on(pr.PaymentLinesListed)
    def _without_account(rows: Rows, r: Recorded) -> None:
        """Nobody could be paid of whom there is no account yet."""
        e = r.event
        for line in e.lines if e.held else ():
            row = rows.get(t.dues, case_id=line.case_id) if not line.account else None
            case = bc.unpacked("" if row is None else row["state"], bc.Case)
            if row is not None and case.terms.payment == "once":
                unpaid(rows, r, line.case_id, case, e.month)

    @model.on(bc.BenefitPaid)
    def _paid(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(t.payments, case_id=aggregate_id(r), month=e.month, amount_fen=e.amount_fen, arrears_fen=e.arrears_fen, run_id=e.run_id)

    @model.on(bc.PaymentReturned)
    def _returned(rows: Rows, r: Recorded) -> None:
        key = {"case_id": aggregate_id(r), "month": r.event.month}
        rows.change(t.payments, key, status="returned", reason=r.event.reason)


def run_waits(status: str) -> str:
    """The list in which a run stands."""
    return AWAITING_BANK if status == "sent" else WORKLISTS.get(status, "")


def _project_runs(model: ReadModel, t: PaymentTables) -> None:
    def _set(rows: Rows, r: Recorded, **values: Any) -> None:
        run_id = aggregate_id(r)
        rows.change(t.runs, {"run_id": run_id}, **values)
        row = rows.get(t.runs, run_id=run_id)
        if row is None:
            return
        rows.change(t.runs, {"run_id": run_id}, worklist=run_waits(row["status"]))
        if row["status"] in ("open", "sending"):
            rows.due(r, STALLED, run_id, r.meta.recorded_at + STALLED_AFTER)
        else:
            rows.settle(r, STALLED)

    @model.on(pr.PaymentRunOpened)
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.runs, run_id=e.run_id, programme=e.programme, month=e.month, division=e.division, round=e.round, mode=e.mode, status="open"
        )
        _set(rows, r)

    @model.on(pr.PaymentPartsListed)
    def _listed(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.runs, run_id=aggregate_id(r))
        if row is not None:
            count, fen = sum(p.count for p in r.event.parts), sum(p.total_fen for p in r.event.parts)
            _set(rows, r, count=row["count"] + count, total_fen=row["total_fen"] + fen)

    @model.on(pr.PaymentRunLocked)
    def _locked(rows: Rows, r: Recorded) -> None:
        _set(rows, r, status="locked", count=r.event.count, total_fen=r.event.total_fen)

    @model.on(pr.PaymentRunApproved)
    def _approved(rows: Rows, r: Recorded) -> None:
        _set(rows, r, status="approved")

    @model.on(pr.PaymentRunCancelled)
    def _cancelled(rows: Rows, r: Recorded) -> None:
        _set(rows, r, status="cancelled")

    @model.on(pr.PaymentRunSending)
    def _sending(rows: Rows, r: Recorded) -> None:
        _set(rows, r, status="sending")

    @model.on(pr.PaymentPartsSent)
    def _parts_sent(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.runs, run_id=aggregate_id(r))
        if row is not None:
            count, fen = sum(p.count for p in r.event.parts), sum(p.total_fen for p in r.event.parts)
            _set(rows, r, sent=row["sent"] + count, sent_fen=row["sent_fen"] + fen)

    @model.on(pr.PaymentRunSent)
    def _sent(rows: Rows, r: Recorded) -> None:
        _set(rows, r, status="sent")

    @model.on(pr.PaymentFileMade)
    def _file(rows: Rows, r: Recorded) -> None:
        _set(rows, r, file_sha256=r.event.sha256)

    @model.on(pr.PaymentPartsSettled)
    def _settled(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.runs, run_id=aggregate_id(r))
        if row is not None:
            names = ("paid", "paid_fen", "failed", "failed_fen", "held", "held_fen")
            _set(rows, r, **{name: row[name] + sum(getattr(p, name) for p in r.event.parts) for name in names})

    @model.on(pr.PaymentRunClosed)
    def _closed(rows: Rows, r: Recorded) -> None:
        e = r.event
        values = {"paid": e.paid, "paid_fen": e.paid_fen, "failed": e.failed, "failed_fen": e.failed_fen}
        _set(rows, r, status="closed", held=e.held, held_fen=e.held_fen, **values)


def _project_accounts(model: ReadModel, t: PaymentTables) -> None:
    @model.on(pa.PayeeAccountProposed)
    def _proposed(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.accounts,
            person_id=e.person_id,
            number=e.number,
            division=e.division,
            status="proposed",
            bank_code=e.bank_code,
            account_no=e.account_no,
            holder=e.holder,
            worklist="payee_account_confirm",
        )

    @model.on(pa.PayeeAccountConfirmed)
    def _confirmed(rows: Rows, r: Recorded) -> None:
        e = r.event
        for former in range(1, e.number):
            row = rows.get(t.accounts, person_id=e.person_id, number=former)
            if row is not None and row["status"] == "in_force":
                rows.change(t.accounts, {"person_id": e.person_id, "number": former}, status="former")
        rows.change(t.accounts, {"person_id": e.person_id, "number": e.number}, status="in_force", worklist="")

    @model.on(pa.PayeeAccountHandedOver)
    def _handed_over(rows: Rows, r: Recorded) -> None:
        number = 1
        while rows.get(t.accounts, person_id=r.event.person_id, number=number) is not None:
            rows.change(t.accounts, {"person_id": r.event.person_id, "number": number}, division=r.event.division)
            number += 1

    @model.on(pa.PayeeAccountRejected)
    def _rejected(rows: Rows, r: Recorded) -> None:
        rows.change(t.accounts, {"person_id": r.event.person_id, "number": r.event.number}, status="rejected", worklist="")


def claim_waits(claim: rc.Recovery) -> tuple[str, str]:
    """(worklist, what is due) of a claim: every open claim stands in exactly one list."""
    if not claim.open:
        return "", ""
    if claim.status == "waiver_proposed":
        return "recovery_waiver", ""
    if claim.overdue_on is not None and claim.missing_on(claim.overdue_on):
        return "recovery_overdue", ""
    if not claim.notified:
        return "recovery_notify", "serve_notice" if claim.notify_by else ""
    return "recovery_await", "instalment" if claim.instalments else "notice"


def claim_due_on(claim: rc.Recovery) -> date | None:
    """The day that lists and the claim's page show: until when its notice is, or was, to be served; else when money must be in."""
    return claim.unserved_by if claim_waits(claim)[0] == "recovery_notify" else claim.next_due


def _project_claims(model: ReadModel, t: PaymentTables) -> None:
    @model.on(*shape_events(rc.SHAPE))
    def _claim(rows: Rows, r: Recorded) -> None:
        e = r.event
        recovery_id = aggregate_id(r)
        if isinstance(e, rc.RecoveryOpened):
            rows.put(
                t.recoveries,
                recovery_id=e.recovery_id,
                case_id=e.case_id,
                programme=e.programme,
                payee_id=e.payee_id,
                division=e.division,
                months="、".join(m.month for m in e.months),
                amount_fen=e.amount_fen,
                status="open",
                reason=e.reason,
            )
        row = rows.get(t.recoveries, recovery_id=recovery_id)
        if row is None:
            return
        claim = rc.evolve(_decode_claim(row["state"]) if row["state"] else rc.Recovery(), e)
        waits, due = claim_waits(claim)
        day = claim.next_due
        shown = claim_due_on(claim)
        rows.change(
            t.recoveries,
            {"recovery_id": recovery_id},
            repaid_fen=claim.repaid_fen,
            left_fen=claim.left_fen if claim.open else 0,
            status=claim.status,
            limitation_on=claim.limitation_on.isoformat() if claim.limitation_on else None,
            worklist=waits,
            due=due,
            due_on=shown.isoformat() if shown else None,
            state=_encode(claim),
        )
        if day is not None:
            rows.due(r, INSTALMENT, recovery_id, day + timedelta(days=1), {"due_on": day.isoformat()})
        else:
            rows.settle(r, INSTALMENT)
        if claim.unserved_by is not None and not claim.notice_late:
            rows.due(r, NOTICE, recovery_id, claim.unserved_by + timedelta(days=1))
        else:
            rows.settle(r, NOTICE)
        if claim.open and claim.limitation_on is not None:
            rows.due(r, LIMITATION, recovery_id, claim.limitation_on + timedelta(days=1))
        else:
            rows.settle(r, LIMITATION)


# -- Queries


def has_months_in(t: PaymentTables, of: sa.Table, division: str) -> sa.ColumnElement[bool]:
    """Of a table of cases: those of a division, and those that were its own in some months, before or after they were another's."""
    there = sa.exists().where(t.places.c.case_id == of.c.case_id, t.places.c.division.startswith(division))
    return sa.or_(of.c.division.startswith(division), there)


def lines_due(
    engine: sa.Engine, t: PaymentTables, programme: str, division: str, month: str, after: str = ""
) -> Iterator[PaymentLine]:
    """What every case of a programme and division is due for a month and was not paid, ascending by case id, beginning after one.

    Read page by page, so that a list of any length takes little memory.
    """
    d = t.dues.c
    wanted = sa.select(d.case_id, d.payee_id, d.decision, d.state).where(
        d.programme == programme, has_months_in(t, t.dues, division), d.payable.is_(True)
    )
    while True:
        with engine.connect() as connection:
            rows = connection.execute(wanted.where(d.case_id > after).order_by(d.case_id).limit(PAGE)).all()
            due = [(row, bc.unpacked(row.state, bc.Case)) for row in rows]
            here = [(row, case) for row, case in due if month not in case.paid and case.division_in(month).startswith(division)]
            owed = [(row, case.payable(month)) for row, case in here]
            owed = [(row, fen) for row, fen in owed if fen > 0]
            accounts = _in_force(connection, t, [row.payee_id for row, _ in owed])
        for row, fen in owed:
            yield PaymentLine(row.case_id, fen, row.payee_id, accounts.get(row.payee_id, 0), row.decision)
        if len(rows) < PAGE:
            return
        after = rows[-1].case_id


def signed_by(engine: sa.Engine, t: PaymentTables, cases: Sequence[str]) -> dict[str, int]:
    """Who proposed or decided how many of these cases."""
    h = t.hands.c
    found: dict[str, int] = {}
    with engine.connect() as connection:
        for n in range(0, len(cases), 500):
            asked = sa.select(h.hand, sa.func.count()).where(h.case_id.in_(cases[n : n + 500])).group_by(h.hand).order_by(h.hand)
            for hand, many in connection.execute(asked):
                found[hand] = found.get(hand, 0) + many
    return found


def own_lines(engine: sa.Engine, t: PaymentTables, programme: str, division: str, month: str, hand: str) -> int:
    """How many of the lines that are due somebody proposed or decided himself. By the hand's own rows: nothing for whoever has none."""
    d, h = t.dues.c, t.hands.c
    query = sa.select(d.state).join_from(t.hands, t.dues, h.case_id == d.case_id)
    query = query.where(h.hand == hand, d.programme == programme, has_months_in(t, t.dues, division), d.payable.is_(True))
    lines = 0
    with engine.connect() as connection:
        for state in connection.execution_options(yield_per=PAGE).execute(query).scalars():
            case = bc.unpacked(state, bc.Case)
            lines += month not in case.paid and case.payable(month) > 0 and case.division_in(month).startswith(division)
    return lines


def _in_force(connection: sa.Connection, t: PaymentTables, persons: list[str]) -> dict[str, int]:
    """The number of each person's account that is in force."""
    a = t.accounts.c
    found: dict[str, int] = {}
    for n in range(0, len(persons), 500):
        asked = sa.select(a.person_id, a.number).where(a.person_id.in_(persons[n : n + 500]), a.status == "in_force")
        found |= {row.person_id: row.number for row in connection.execute(asked)}
    return found


def accounts_of(engine: sa.Engine, t: PaymentTables, persons: Iterable[str]) -> dict[tuple[str, int], tuple[str, str, str]]:
    """(person, number) -> (bank code, account number, holder), the latter two sealed. For the bank file."""
    a = t.accounts.c
    wanted = sorted(set(persons))
    found: dict[tuple[str, int], tuple[str, str, str]] = {}
    with engine.connect() as connection:
        for n in range(0, len(wanted), 500):
            asked = sa.select(a.person_id, a.number, a.bank_code, a.account_no, a.holder).where(a.person_id.in_(wanted[n : n + 500]))
            found |= {(r.person_id, r.number): (r.bank_code, r.account_no, r.holder) for r in connection.execute(asked)}
    return found

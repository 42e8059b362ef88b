"""Rows of temporary assistance (临时救助): every matter, whose turn it is and until when; the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.assistance import aid_overlap, temporary, temporary_deceased, temporary_publicity
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

FIRST_GRANT_DUE, PAPERS_DUE, APPEAL_DUE = "temporary_first_grant_due", "temporary_papers_due", "temporary_appeal_due"
OBJECTION_DUE = "temporary_objection_due"
NOTICE_DUE = "temporary_notice_due"
NOTICE = "temporary_refusal_notice"  # a refusal that is to be told in writing
OF_APPEAL = ("objection", "objection_escalated")  # an appeal, or an objection, waits for its answer, whatever else is done meanwhile
URGENT, USUAL = 0, 1
_NEVER = "9999-12-31"
OVERLAP = "temporary_overlap"
_HELD = ("verified", "proposed")  # by an overlap that nobody considered
# The list in which a matter of a status stands, where no day is set.
_LISTS = {
    "applied": "temporary_accept",
    "accepted": "temporary_verify",
    "verified": "temporary_review",
    "proposed": "temporary_decide",
    "approved": "temporary_release",
}


@dataclass(frozen=True)
class TemporaryTables:
    matters: sa.Table


def declare(metadata: sa.MetaData) -> TemporaryTables:
    """Declare the tables. Money is fen; ``due_on`` the day until which the worklist's step must be done; ``urgency`` 0 comes first;
    ``overlap``: the numbers of the hand-offs to other departments that must be considered before the matter is decided."""
    return TemporaryTables(
        matters=sa.Table(
            "temporary_matters",
            metadata,
            sa.Column("matter_id", sa.String(40), primary_key=True),
            sa.Column("subject_id", sa.String(40), nullable=False, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("division", sa.String(12), nullable=False, index=True),
            sa.Column("hukou_division", sa.String(12), nullable=False),
            sa.Column("payee_id", sa.String(36), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("cause", sa.String(20), nullable=False),
            sa.Column("status", sa.String(30), nullable=False, index=True),
            sa.Column("worklist", sa.String(40), nullable=False, index=True),
            sa.Column("due_on", sa.String(10)),
            sa.Column("urgency", sa.Integer, nullable=False),
            sa.Column("overdue", sa.String(40), nullable=False, default=""),
            sa.Column("overlap", sa.Text, nullable=False, default=""),
            sa.Column("loss_fen", sa.BigInteger, nullable=False),
            sa.Column("drawn_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("approved_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("instalments", sa.Integer, nullable=False, default=0),
            sa.Column("released", sa.Integer, nullable=False, default=0),
            sa.Column("released_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("in_kind_fen", sa.BigInteger, nullable=False, default=0),
            sa.Column("form", sa.String(20), nullable=False, default=""),
            sa.Column("first_granted_on", sa.String(10)),
            sa.Column("decided_on", sa.String(10)),
            sa.Column("changed_at", sa.String(40), nullable=False),
        )
    )


def project(model: ReadModel, tables: TemporaryTables) -> None:
    """Fold events into them."""
    matters = tables.matters

    @model.on(temporary.TemporaryApplied)
    def _applied(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            matters,
            matter_id=e.matter_id,
            subject_id=e.subject_id,
            programme="temporary_assistance",
            division=e.division,
            hukou_division=e.hukou_division,
            payee_id=e.payee_id,
            kind=e.kind,
            cause=e.cause,
            status="applied",
            worklist="temporary_accept",
            urgency=URGENT if e.kind == "emergency" else USUAL,
            loss_fen=e.loss_fen,
            changed_at=r.meta.recorded_at.isoformat(),
        )

    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        key = {"matter_id": r.event.matter_id}
        rows.change(matters, key, changed_at=r.meta.recorded_at.isoformat(), **values)
        row = rows.get(matters, **key)
        if row is not None and row["status"] in _HELD and row["worklist"] in (OVERLAP, _LISTS[row["status"]]):
            rows.change(matters, key, worklist=OVERLAP if row["overlap"] else _LISTS[row["status"]])

    def first_due(r: Recorded) -> str:
        return f"{FIRST_GRANT_DUE}:{r.event.matter_id}"

    def papers_due(r: Recorded) -> str:
        return f"{PAPERS_DUE}:{r.event.matter_id}"

    def appeal_due(r: Recorded) -> str:
        return f"{APPEAL_DUE}:{r.event.matter_id}"

    def objection_due(r: Recorded) -> str:
        return f"{OBJECTION_DUE}:{r.event.matter_id}"

    def notice_due(r: Recorded) -> str:
        return f"{NOTICE_DUE}:{r.event.matter_id}"

    def goes_on(rows: Rows, r: Recorded, **values: Any) -> None:
        row = rows.get(matters, matter_id=r.event.matter_id)
        if row is not None and row["worklist"] in OF_APPEAL:
            values.pop("worklist")
        change(rows, r, **values)

    @model.on(temporary.TemporaryAccepted)
    def _accepted(rows: Rows, r: Recorded) -> None:
        by = r.event.first_grant_by
        if by is None:
            change(rows, r, status="accepted", worklist="temporary_verify")
            return
        change(rows, r, status="accepted", worklist="temporary_first_grant", due_on=by.date().isoformat())
        rows.due(r, first_due(r), aggregate_id(r), by + timedelta(seconds=1), {"matter_id": r.event.matter_id, "what": "first_grant"})

    @model.on(temporary.FirstGranted)
    def _first(rows: Rows, r: Recorded) -> None:
        e = r.event
        change(
            rows, r, status="granted_pending_papers", worklist="temporary_papers", due_on=e.papers_by.isoformat(), drawn_fen=e.amount_fen,
            first_granted_on=e.granted_at.date().isoformat(),
        )  # fmt: skip
        rows.settle(r, first_due(r))
        rows.due(r, papers_due(r), aggregate_id(r), e.papers_by + timedelta(days=1), {"matter_id": e.matter_id, "what": "papers"})

    @model.on(temporary.TemporaryOverdue)
    def _overdue(rows: Rows, r: Recorded) -> None:
        late = {"worklist": "objection_escalated"} if r.event.what in ("appeal", "objection") else {}
        change(rows, r, overdue=r.event.what, urgency=URGENT, **late)
        noted = {
            "first_grant": first_due, "papers": papers_due, "appeal": appeal_due, "objection": objection_due, "notice": notice_due
        }  # fmt: skip
        rows.settle(r, noted[r.event.what](r))

    @model.on(temporary.PapersCompleted)
    def _papers(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="verified", worklist="temporary_review", due_on=None, loss_fen=r.event.loss_fen)
        rows.settle(r, first_due(r))
        rows.settle(r, papers_due(r))

    @model.on(temporary.TemporaryProposed)
    def _proposed(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="proposed", worklist="temporary_decide", form=r.event.form)

    @model.on(temporary.TemporaryProposalVoided)
    def _voided(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="verified", worklist="temporary_review", due_on=None)
        rows.settle(r, objection_due(r))

    @model.on(temporary_publicity.TemporaryObjectionRaised)
    def _objected(rows: Rows, r: Recorded) -> None:
        due = r.event.due_on
        change(rows, r, worklist="objection", due_on=due.isoformat() if due else None)
        if due:
            rows.due(r, objection_due(r), aggregate_id(r), due + timedelta(days=1), {"matter_id": r.event.matter_id, "what": "objection"})

    @model.on(temporary_publicity.TemporaryObjectionAnswered)
    def _objection_answered(rows: Rows, r: Recorded) -> None:
        status = "verified" if r.event.upheld else "proposed"
        change(rows, r, status=status, worklist=_LISTS[status], due_on=None)
        rows.settle(r, objection_due(r))

    @model.on(temporary.TemporaryApproved)
    def _approved(rows: Rows, r: Recorded) -> None:
        e, row = r.event, rows.get(matters, matter_id=r.event.matter_id)
        if row is not None:
            parts, goods = len(e.instalments), row["in_kind_fen"]
            if row["form"] == "goods":  # what neither the first grant nor an instalment gave
                goods += max(e.amount_fen - e.drawn_fen - row["released_fen"] - goods, 0)
            given = {"approved_fen": e.amount_fen, "instalments": parts, "in_kind_fen": goods, "decided_on": e.decided_on.isoformat()}
            change(rows, r, **given, **_paying(row["released"], parts))

    @model.on(temporary.InstalmentReleased)
    def _released(rows: Rows, r: Recorded) -> None:
        row = rows.get(matters, matter_id=r.event.matter_id)
        if row is not None:
            fen = row["released_fen"] + r.event.amount_fen
            payee = r.event.payee_id or row["payee_id"]
            goes_on(rows, r, released=r.event.no, released_fen=fen, payee_id=payee, **_paying(r.event.no, row["instalments"]))

    @model.on(temporary.TemporaryRepaymentGivenBack)
    def _given_back(rows: Rows, r: Recorded) -> None:
        row = rows.get(matters, matter_id=r.event.matter_id)
        if row is not None:
            change(rows, r, instalments=row["instalments"] + 1)

    @model.on(temporary.RemainingCancelled)
    def _cancelled(rows: Rows, r: Recorded) -> None:
        goes_on(rows, r, status="paid_out", worklist="")

    @model.on(temporary.TemporaryRefused)
    def _refused(rows: Rows, r: Recorded) -> None:
        change(rows, r, status="not_accepted" if r.event.at_acceptance else "refused", worklist="")

    @model.on(temporary.TemporaryNoticeOwed)
    def _to_be_told(rows: Rows, r: Recorded) -> None:
        e = r.event
        change(rows, r, worklist=NOTICE, due_on=e.due_on.isoformat())
        rows.due(r, notice_due(r), aggregate_id(r), e.due_on + timedelta(days=1), {"matter_id": e.matter_id, "what": "notice"})

    @model.on(temporary.TemporaryRefusalTold)
    def _told(rows: Rows, r: Recorded) -> None:
        change(rows, r, worklist="", due_on=None)
        rows.settle(r, notice_due(r))

    @model.on(temporary.TemporaryWithdrawn, temporary_deceased.TemporaryClosed)
    def _given_up(rows: Rows, r: Recorded) -> None:
        status = "withdrawn" if isinstance(r.event, temporary.TemporaryWithdrawn) else "deceased"
        change(rows, r, status=status, worklist="", due_on=None)
        for due in (first_due, papers_due, objection_due):
            rows.settle(r, due(r))

    @model.on(temporary_deceased.TemporaryReopened)
    def _reopened(rows: Rows, r: Recorded) -> None:
        e, row = r.event, rows.get(matters, matter_id=r.event.matter_id)
        if row is not None:
            emergency = e.status == "accepted" and row["kind"] == "emergency"
            worklist = "temporary_first_grant" if emergency else _LISTS.get(e.status, "temporary_papers")
            change(rows, r, status=e.status, worklist=worklist, due_on=e.due_on.isoformat() if e.due_on else None)
        if e.due_on is not None:
            name = first_due(r) if e.what == "first_grant" else papers_due(r)
            rows.due(r, name, aggregate_id(r), e.due_on + timedelta(days=1), {"matter_id": e.matter_id, "what": e.what})

    @model.on(temporary.TemporaryAppealFiled)
    def _appealed(rows: Rows, r: Recorded) -> None:
        due = r.event.due_on
        change(rows, r, worklist="objection", due_on=due.isoformat() if due else None)
        if due:
            rows.due(r, appeal_due(r), aggregate_id(r), due + timedelta(days=1), {"matter_id": r.event.matter_id, "what": "appeal"})

    def answered(rows: Rows, r: Recorded, status: str) -> None:
        change(rows, r, status=status, worklist=_LISTS.get(status, ""), due_on=None)
        rows.settle(r, appeal_due(r))

    @model.on(temporary.TemporaryAppealAnswered)
    def _answered(rows: Rows, r: Recorded) -> None:
        row = rows.get(matters, matter_id=r.event.matter_id)
        if r.event.upheld:
            change(rows, r, overlap="")
        status = "verified" if row is None else row["status"]
        if r.event.upheld:
            status = "applied" if status == "not_accepted" else "verified"
        answered(rows, r, status)

    @model.on(temporary.TemporaryAppealWithdrawn)
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        row = rows.get(matters, matter_id=r.event.matter_id)
        if row is not None:
            answered(rows, r, row["status"])

    @model.on(aid_overlap.TemporaryOverlapFound, aid_overlap.TemporaryOverlapLifted, aid_overlap.TemporaryOverlapAnswered)
    def _overlap(rows: Rows, r: Recorded) -> None:
        e, row = r.event, rows.get(matters, matter_id=r.event.matter_id)
        about = e.numbers if isinstance(e, aid_overlap.TemporaryOverlapAnswered) else (e.number,)
        left = [n for n in (row["overlap"] if row is not None else "").split() if n not in about]
        change(rows, r, overlap=" ".join([*left, *(about if isinstance(e, aid_overlap.TemporaryOverlapFound) else ())]))

    @model.on(temporary.TemporaryDecisionStands)
    def _stands(rows: Rows, r: Recorded) -> None:
        change(rows, r, status=r.event.status, worklist=_LISTS.get(r.event.status, ""))


def waits(m: temporary.Matter) -> tuple[str, date | None]:
    """The list in which a matter stands, and until when what it waits for must be done: as its row says."""
    if m.appeal is not None:
        return ("objection_escalated" if "appeal" in m.overdue else "objection"), m.appeal.due_on
    if m.notice_due is not None:
        return NOTICE, m.notice_due
    if m.objection is not None:
        return ("objection_escalated" if "objection" in m.overdue else "objection"), m.objection.due_on
    match m.status:
        case "accepted" if m.first_grant_by is not None:
            return "temporary_first_grant", m.first_grant_by.date()
        case "granted_pending_papers":
            return "temporary_papers", m.first.papers_by if m.first else None
    if m.status in _HELD and m.overlap.open:
        return OVERLAP, None
    return _LISTS.get(m.status, ""), None


def _paying(released: int, parts: int) -> dict[str, Any]:
    done = released == parts
    status = "paid_out" if done else "approved"
    return {"status": status, "worklist": _LISTS.get(status, "")}


def by_urgency(
    engine: sa.Engine, t: TemporaryTables, division: str, status: str | None, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """Matters of a division: what is urgent or late first, then what is due first; ``after``: the ``place`` of the last row seen."""
    c = t.matters.c
    in_time = sa.case((c.overdue == "", "1"), else_="0")
    place = sa.cast(c.urgency, sa.String(1)) + in_time + "|" + sa.func.coalesce(c.due_on, _NEVER) + "|" + c.matter_id
    query = sa.select(t.matters, place.label("place")).where(c.division.startswith(division), place > after)
    query = query.where(c.worklist != "") if status is None else query.where(c.status == status)
    query = query.order_by(place).limit(min(limit, 500))
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]

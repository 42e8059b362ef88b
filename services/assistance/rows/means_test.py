"""Rows of the means test (家庭经济状况核对): verifications, their queries, sources, signatures, rights, campaigns; and the indicators.

No amount stands here: what a source said is read in the report, which writes down who looked (``look_at_report``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.assistance import check_rights as cr
from services.assistance import means_test as mt
from services.assistance import reverification as rv
from services.assistance import verification_sources as vs
from services.assistance.carrying import EXCHANGES
from shared.casework import exchange as ex
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

OUTBOX_MINUTES = 5  # what was prepared and not sent by then is sent by the timer
PAGE = 500
CUT_OVER_LISTS = {"migrating": "cut_over_migrating", "differing": "cut_over_differing"}  # by the status of a cut-over


@dataclass(frozen=True)
class MeansTestTables:
    verifications: sa.Table
    queries: sa.Table
    sources: sa.Table
    signatures: sa.Table
    rights: sa.Table
    cut_overs: sa.Table
    campaigns: sa.Table
    objects: sa.Table


def _text(name: str, length: int = 60, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False, default="", **options)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False, default=0)


def _day(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(40))


def declare(metadata: sa.MetaData) -> MeansTestTables:
    """Declare the tables. Days are ISO text."""
    return MeansTestTables(
        verifications=sa.Table(
            "verifications", metadata,
            _text("verification_id", 40, primary_key=True), _text("case_id", 40, index=True), _text("programme"), _text("subject_id"),
            _text("division", 12, index=True), _text("status", 20), _text("worklist", 40), _day("due_on"), _text("cause", 100),
            _day("requested_on"), _day("finish_by"), _day("reported_on"), _count("version"), _text("verdict", 20),
            _text("completeness", 20), _text("missing", 400), _count("objections"), _count("rechecked"), _count("looks"),
        ),
        queries=sa.Table(
            "verification_queries", metadata,
            _text("exchange_id", 40, primary_key=True), _text("verification_id", 40, index=True), _text("source", 40, index=True),
            _text("division", 12, index=True), _text("status", 20), _count("asked"), _count("answered"), _count("failed"), _count("late"),
            _count("differences"), _day("sent_on"), _day("answer_by"), _day("answered_on"), _count("overdue"), _count("send_failures"),
        ),
        sources=sa.Table(
            "verification_sources", metadata,
            _text("source", 40, primary_key=True), _text("division", 12), _text("suspended", 400), _text("system", 40), _count("waiting"),
            _count("deliveries"), _count("taken"), _count("repeated"), _count("different"), _count("unknown"), _count("broken"),
            _day("last_delivery"),
        ),
        signatures=sa.Table(
            "verification_signatures", metadata,
            _text("case_id", 40, primary_key=True), _text("person_id", 40, primary_key=True), _text("programme"),
            _text("division", 12, index=True), _day("signed_on"), _day("valid_until"), _day("withdrawn_on"),
        ),
        rights=sa.Table(
            "check_rights", metadata,
            _text("right_id", 40, primary_key=True), _text("division", 12, index=True), _text("role", 20), _day("valid_from"),
            _day("valid_until"), _day("withdrawn_on"), _text("programme"),
        ),
        cut_overs=sa.Table(
            "verification_cut_overs", metadata,
            _text("cut_over_id", 40, primary_key=True), _text("source", 40), _text("division", 12, index=True), _text("system", 40),
            _text("status", 20), _count("ours"), _count("migrated"), _count("answered"), _count("differences"), _text("worklist", 40),
            _text("programme"), _day("due_on"),
        ),
        campaigns=sa.Table(
            "reverifications", metadata,
            _text("campaign_id", 40, primary_key=True), _text("division", 12, index=True), _text("period", 40), _text("programmes", 400),
            _text("status", 20), _day("due_on"), _count("total"), _count("waiting"), _count("overdue"), _count("left"),
            _text("programme"), _text("worklist", 40),
        ),
        objects=sa.Table(
            "reverification_objects", metadata,
            _text("case_id", 40, primary_key=True), _text("campaign_id", 40, primary_key=True), _text("programme"), _text("subject_id"),
            _text("division", 12, index=True), _text("status", 20), _text("verification_id", 40), _text("reason", 400),
            _text("verdict", 20), _text("report_id", 60), _text("worklist", 40), _day("due_on"),
        ),
    )  # fmt: skip


def project(model: ReadModel, t: MeansTestTables) -> None:
    """Fold events into them, and keep what is due: time limits, sendings, deliveries, slices."""
    assert EXCHANGES.category == "assistance.exchange"  # adopts the shape before its events are named
    _project_verifications(model, t)
    _project_queries(model, t)
    _project_sources(model, t)
    _project_rights(model, t)
    _project_campaigns(model, t)


def _project_verifications(model: ReadModel, t: MeansTestTables) -> None:
    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(t.verifications, {"verification_id": aggregate_id(r)}, **values)

    @model.on(mt.MemberAuthorisationRecorded)
    def _signed(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.signatures,
            case_id=e.case_id,
            person_id=e.person_id,
            programme=e.programme,
            division=e.division,
            signed_on=e.signed_on.isoformat(),
            valid_until=e.valid_until.isoformat(),
        )

    @model.on(mt.MemberAuthorisationWithdrawn)
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.change(t.signatures, {"case_id": e.case_id, "person_id": e.person_id}, withdrawn_on=e.withdrawn_on.isoformat())

    @model.on(mt.VerificationOpened)
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        finish = e.finish_by.isoformat()
        rows.put(
            t.verifications,
            verification_id=e.verification_id,
            case_id=e.case_id,
            programme=e.programme,
            subject_id=e.subject_id,
            division=e.division,
            status="asking",
            worklist="verification_answers",
            due_on=finish,
            cause=e.cause,
            requested_on=r.meta.recorded_at.date().isoformat(),
            finish_by=finish,
        )
        rows.due(r, "verification_time_limit", e.verification_id, e.finish_by + timedelta(days=1))

    @model.on(mt.VerificationReported)
    def _reported(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = rows.get(t.verifications, verification_id=e.verification_id) or {}
        change(
            rows, r, status="reported", worklist="", due_on=None, version=e.version, verdict=e.verdict, completeness=e.completeness,
            missing="、".join(m.source for m in e.missing), reported_on=row.get("reported_on") or e.made_on.isoformat(),
            rechecked=row.get("rechecked", 0) + (e.why == "objection"),
        )  # fmt: skip
        rows.settle(r, "verification_time_limit")

    @model.on(mt.ReportObjected)
    def _objected(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = rows.get(t.verifications, verification_id=e.verification_id) or {}
        finish = e.finish_by.isoformat()
        change(
            rows, r, status="asking", worklist="verification_objection", due_on=finish, finish_by=finish, objections=row["objections"] + 1
        )
        rows.due(r, "verification_time_limit", e.verification_id, e.finish_by + timedelta(days=1))

    @model.on(mt.ReportLookedAt)
    def _looked(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.verifications, verification_id=aggregate_id(r)) or {}
        change(rows, r, looks=row["looks"] + 1)


def _project_queries(model: ReadModel, t: MeansTestTables) -> None:
    def query(rows: Rows, r: Recorded) -> dict[str, Any] | None:
        """The row of an exchange that carries a query; None for an exchange of another programme."""
        return rows.get(t.queries, exchange_id=aggregate_id(r))

    def change(rows: Rows, r: Recorded, **values: Any) -> None:
        rows.change(t.queries, {"exchange_id": aggregate_id(r)}, **values)

    def waiting(rows: Rows, r: Recorded, source: str, more: int) -> None:
        """Deliveries of a source are looked for as long as something is waited for."""
        row = rows.get(t.sources, source=source) or {"source": source, "division": r.meta.division[:6]}
        row["waiting"] = row.get("waiting", 0) + more
        rows.put(t.sources, **row)
        due = {"stream": f"assistance.verification_source-{source}", "name": "answer_pickup"}
        if row["waiting"] <= 0:
            rows.delete(model.deadlines, **due)
        elif more > 0:
            at = r.meta.recorded_at.isoformat(timespec="seconds")
            rows.put(model.deadlines, **due, aggregate_id=source, due_at=at, division=r.meta.division[:6], data="{}")

    @model.on(ex.ExchangePrepared)
    def _prepared(rows: Rows, r: Recorded) -> None:
        e = r.event
        if e.programme != mt.PROGRAMME:
            return
        rows.put(
            t.queries,
            exchange_id=aggregate_id(r),
            verification_id=e.subject_id,
            source=e.terms.system,
            division=e.division,
            status="prepared",
            asked=len(e.items),
        )
        rows.due(r, "exchange_retry", aggregate_id(r), r.meta.recorded_at + timedelta(minutes=OUTBOX_MINUTES))

    @model.on(ex.ExchangeSendFailed)
    def _send_failed(rows: Rows, r: Recorded) -> None:
        row = query(rows, r)
        if row is not None:
            change(rows, r, send_failures=row["send_failures"] + 1)
            rows.due(r, "exchange_retry", aggregate_id(r), r.event.again_at)

    @model.on(ex.ExchangeRetried)
    def _retried(rows: Rows, r: Recorded) -> None:
        if query(rows, r) is not None:
            change(rows, r, status="prepared")
            rows.due(r, "exchange_retry", aggregate_id(r), r.meta.recorded_at)

    @model.on(ex.ExchangeSent)
    def _sent(rows: Rows, r: Recorded) -> None:
        row = query(rows, r)
        if row is not None:
            e = r.event
            change(rows, r, status="sent", sent_on=e.sent_on.isoformat(), answer_by=e.answer_by.isoformat())
            rows.settle(r, "exchange_retry")
            waiting(rows, r, row["source"], +1)

    @model.on(ex.ExchangeAnswered)
    def _answered(rows: Rows, r: Recorded) -> None:
        row = query(rows, r)
        if row is None:
            return
        e = r.event
        answered = min(row["answered"] + 1, row["asked"])
        failed = row["failed"] + (e.outcome == "failed")
        change(rows, r, answered=answered, failed=failed, late=row["late"] + e.late, answered_on=e.answered_on.isoformat())
        if answered == row["asked"] and row["status"] == "sent":
            change(rows, r, status="answered")
            waiting(rows, r, row["source"], -1)

    @model.on(ex.ExchangeDifferenceFound)
    def _different(rows: Rows, r: Recorded) -> None:
        row = query(rows, r)
        if row is not None:
            change(rows, r, differences=row["differences"] + 1)

    @model.on(ex.ExchangeOverdue)
    def _overdue(rows: Rows, r: Recorded) -> None:
        change(rows, r, overdue=1)

    @model.on(ex.ExchangeFailed, ex.ExchangeGivenUp, ex.ExchangeMoved)
    def _over(rows: Rows, r: Recorded) -> None:
        row = query(rows, r)
        if row is None:
            return
        if row["status"] == "sent":
            waiting(rows, r, row["source"], -1)
        kinds = {ex.ExchangeFailed: "failed", ex.ExchangeGivenUp: "given_up", ex.ExchangeMoved: "moved"}
        change(rows, r, status=kinds[type(r.event)])
        rows.settle(r, "exchange_retry")


def _project_sources(model: ReadModel, t: MeansTestTables) -> None:
    @model.on(vs.SourceSuspended, vs.SourceResumed, vs.SourceSwitched, vs.SourceAnswersTaken)
    def _source(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = rows.get(t.sources, source=e.source) or {"source": e.source}
        row["division"] = e.division
        match e:
            case vs.SourceSuspended():
                row["suspended"] = e.reason
            case vs.SourceResumed():
                row["suspended"] = ""
            case vs.SourceSwitched():
                row["system"] = e.system
            case _:
                row["deliveries"] = row.get("deliveries", 0) + 1
                row["broken"] = row.get("broken", 0) + len(e.broken)
                for name in ("taken", "repeated", "different", "unknown"):
                    row[name] = row.get(name, 0) + getattr(e, name)
                row["last_delivery"] = r.meta.recorded_at.date().isoformat()
        rows.put(t.sources, **row)


def right_id(e: Any, number: int) -> str:
    """Of a unit and role the first grant, and those after it, of whatever programme."""
    return f"{e.unit}-{e.role}" + (f"-{number}" if number else "")


def _project_rights(model: ReadModel, t: MeansTestTables) -> None:
    @model.on(cr.CheckRightGranted)
    def _granted(rows: Rows, r: Recorded) -> None:
        e, number = r.event, 0
        first, before = e.valid_from.isoformat(), (e.valid_from - timedelta(days=1)).isoformat()
        while row := rows.get(t.rights, right_id=right_id(e, number)):
            if row["programme"] == e.programme and row["withdrawn_on"] is None and row["valid_from"] is not None:
                if row["valid_from"] >= first:  # this one takes its place
                    rows.change(t.rights, {"right_id": row["right_id"]}, withdrawn_on=row["valid_from"])
                else:
                    rows.change(t.rights, {"right_id": row["right_id"]}, valid_until=min(row["valid_until"] or before, before))
            number += 1
        rows.put(
            t.rights,
            right_id=right_id(e, number),
            division=e.unit,
            role=e.role,
            valid_from=first,
            valid_until=e.valid_until.isoformat() if e.valid_until else None,
            programme=e.programme,
        )

    @model.on(cr.CheckRightWithdrawn)
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        e, number, day, whole = r.event, 0, r.meta.recorded_at.date().isoformat(), False
        while row := rows.get(t.rights, right_id=right_id(e, number)):
            if row["withdrawn_on"] is None and e.programme in ("", row["programme"]):
                rows.change(t.rights, {"right_id": row["right_id"]}, withdrawn_on=day)
            number, whole = number + 1, whole or not row["programme"]
        if not whole and not e.programme and len(e.unit) <= 6:  # the district's own
            rows.put(t.rights, right_id=right_id(e, number), division=e.unit, role=e.role, withdrawn_on=day)

    @model.on(cr.CutOverStarted)
    def _started(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.cut_overs, cut_over_id=aggregate_id(r), source=e.source, division=e.division, system=e.system, status="migrating",
            ours=len(e.ours), worklist=CUT_OVER_LISTS["migrating"], programme=mt.PROGRAMME,
        )  # fmt: skip
        rows.due(r, "cut_over_slice", aggregate_id(r), r.meta.recorded_at)

    @model.on(cr.RequestMigrated)
    def _migrated(rows: Rows, r: Recorded) -> None:
        row = rows.get(t.cut_overs, cut_over_id=aggregate_id(r)) or {}
        over = "migrated" if r.event.new_id else "answered"
        rows.change(t.cut_overs, {"cut_over_id": aggregate_id(r)}, **{over: row[over] + 1})
        rows.due(r, "cut_over_slice", aggregate_id(r), r.meta.recorded_at)

    @model.on(cr.CutOverReconciled)
    def _reconciled(rows: Rows, r: Recorded) -> None:
        e = r.event
        status = "closed" if e.agrees else "differing"
        worklist = CUT_OVER_LISTS.get(status, "")
        differences = len(e.only_ours) + len(e.only_theirs)
        rows.change(t.cut_overs, {"cut_over_id": aggregate_id(r)}, status=status, worklist=worklist, differences=differences)
        rows.settle(r, "cut_over_slice")

    @model.on(cr.CutOverSettled)
    def _settled(rows: Rows, r: Recorded) -> None:
        rows.change(t.cut_overs, {"cut_over_id": aggregate_id(r)}, status="closed", worklist="")


def campaign_waits(status: str, overdue: bool, left: int) -> str:
    """The list in which a campaign stands, beside those of its objects."""
    if status not in ("listing", "running"):
        return ""
    return "reverification_overdue" if overdue else "reverification_close" if status == "running" and not left else ""


def _project_campaigns(model: ReadModel, t: MeansTestTables) -> None:
    def more_waiting(rows: Rows, r: Recorded, more: int) -> None:
        """There is a slice to be asked as long as an object waits."""
        row = rows.get(t.campaigns, campaign_id=aggregate_id(r)) or {}
        left = row["waiting"] + more
        rows.change(t.campaigns, {"campaign_id": aggregate_id(r)}, waiting=left)
        if left > 0 and row["status"] == "running":
            rows.due(r, "reverification_slice", aggregate_id(r), r.meta.recorded_at)
        else:
            rows.settle(r, "reverification_slice")

    def change(rows: Rows, r: Recorded, case_id: str, **values: Any) -> str:
        """Change an object's row; the status that it had."""
        row = rows.get(t.objects, campaign_id=aggregate_id(r), case_id=case_id) or {}
        rows.change(t.objects, {"campaign_id": aggregate_id(r), "case_id": case_id}, **values)
        return str(row["status"])

    def stands(rows: Rows, r: Recorded, **values: Any) -> None:
        """The campaign itself waits when all of it is done and somebody has to close it, and when its day is over."""
        key = {"campaign_id": aggregate_id(r)}
        rows.change(t.campaigns, key, **values)
        row = rows.get(t.campaigns, **key) or {}
        rows.change(t.campaigns, key, worklist=campaign_waits(row["status"], bool(row["overdue"]), row["left"]))

    @model.on(rv.ReverificationStarted)
    def _started(rows: Rows, r: Recorded) -> None:
        e = r.event
        rows.put(
            t.campaigns, campaign_id=e.campaign_id, division=e.division, period=e.period, programmes="、".join(e.programmes),
            status="listing", due_on=e.due_on.isoformat(), programme=mt.PROGRAMME, worklist="",
        )  # fmt: skip
        rows.due(r, "reverification_overdue", e.campaign_id, e.due_on + timedelta(days=1))

    @model.on(rv.ObjectsListed)
    def _listed(rows: Rows, r: Recorded) -> None:
        campaign = rows.get(t.campaigns, campaign_id=aggregate_id(r)) or {}
        for o in r.event.objects:
            rows.put(
                t.objects, campaign_id=aggregate_id(r), case_id=o.case_id, programme=o.programme, subject_id=o.subject_id,
                division=campaign["division"], status="waiting", worklist="reverification_asking", due_on=campaign["due_on"],
            )  # fmt: skip
        total = campaign["total"] + len(r.event.objects)
        rows.change(t.campaigns, {"campaign_id": aggregate_id(r)}, total=total, waiting=total, left=total)

    @model.on(rv.ListLocked)
    def _locked(rows: Rows, r: Recorded) -> None:
        stands(rows, r, status="running")
        more_waiting(rows, r, 0)

    @model.on(rv.SliceAsked)
    def _asked(rows: Rows, r: Recorded) -> None:
        for a in r.event.asked:
            status, worklist = ("blocked", "reverification_blocked") if a.reason else ("asked", "reverification_asking")
            change(rows, r, a.case_id, status=status, worklist=worklist, verification_id=a.verification_id, reason=a.reason)
        more_waiting(rows, r, -len(r.event.asked))

    @model.on(rv.BlockedRetried)
    def _retried(rows: Rows, r: Recorded) -> None:
        for case_id in r.event.case_ids:
            change(rows, r, case_id, status="waiting", worklist="reverification_asking", reason="")
        more_waiting(rows, r, len(r.event.case_ids))

    @model.on(rv.ObjectReported, rv.ObjectExcused)
    def _done(rows: Rows, r: Recorded) -> None:
        e = r.event
        if isinstance(e, rv.ObjectReported):
            was = change(rows, r, e.case_id, status="reported", worklist="", due_on=None, verdict=e.verdict, report_id=e.report_id)
        else:
            was = change(rows, r, e.case_id, status="excused", worklist="", due_on=None, reason=e.reason)
        if was == "waiting":
            more_waiting(rows, r, -1)
        if was not in ("reported", "excused"):
            stands(rows, r, left=(rows.get(t.campaigns, campaign_id=aggregate_id(r)) or {})["left"] - 1)

    @model.on(rv.ReverificationOverdue)
    def _overdue(rows: Rows, r: Recorded) -> None:
        stands(rows, r, overdue=1)
        rows.settle(r, "reverification_overdue")

    @model.on(rv.ReverificationClosed)
    def _closed(rows: Rows, r: Recorded) -> None:
        stands(rows, r, status="closed")
        rows.settle(r, "reverification_overdue")
        rows.settle(r, "reverification_slice")


# -- Queries: each takes the asking hand's division, and shows nothing beyond it -------------------------------------


def in_register(engine: sa.Engine, cases: sa.Table, programmes: tuple[str, ...], division: str) -> Iterator[rv.Listed]:
    """Every case in force of these programmes in a place (在册对象), page by page."""
    after = ""
    while True:
        asked = (
            sa.select(cases.c.case_id, cases.c.programme, cases.c.subject_id)
            .where(
                cases.c.programme.in_(programmes),
                cases.c.status.in_(("in_force", "gradual_exit", "suspended")),
                cases.c.division.startswith(division),
                cases.c.case_id > after,
            )
            .order_by(cases.c.case_id)
            .limit(PAGE)
        )
        with engine.connect() as connection:
            page = connection.execute(asked).all()
        yield from (rv.Listed(*row) for row in page)
        if len(page) < PAGE:
            return
        after = page[-1].case_id


def open_requests(engine: sa.Engine, t: MeansTestTables, source: str) -> list[str]:
    """The requests to a source that it has not answered."""
    q = t.queries.c
    asked = sa.select(q.exchange_id).where(q.source == source, q.status.in_(("prepared", "sent", "failed"))).order_by(q.exchange_id)
    with engine.connect() as connection:
        return list(connection.execute(asked).scalars())


def cut_over_running(engine: sa.Engine, t: MeansTestTables, source: str) -> bool:
    """Whether requests of a source are being taken over to another system."""
    c = t.cut_overs.c
    with engine.connect() as connection:
        asked = sa.select(c.cut_over_id).where(c.source == source, c.status == "migrating").limit(1)
        return connection.execute(asked).first() is not None


def source_quality(engine: sa.Engine, t: MeansTestTables, division: str) -> dict[str, dict[str, int]]:
    """供给质量 by source: requests answered on time, late, failed or not (yet), and what was wrong with the deliveries."""
    q = t.queries.c
    on_time = sa.and_(q.status == "answered", q.late == 0, q.failed == 0)
    sums = {
        "requests": sa.func.count(),
        "on_time": sa.func.sum(sa.case((on_time, 1), else_=0)),
        "late": sa.func.sum(sa.case((sa.or_(q.late > 0, q.overdue > 0), 1), else_=0)),
        "failed": sa.func.sum(sa.case((sa.or_(q.failed > 0, q.status.in_(("failed", "given_up"))), 1), else_=0)),
        "waiting": sa.func.sum(sa.case((q.status.in_(("prepared", "sent")), 1), else_=0)),
    }
    asked = sa.select(q.source, *(f.label(n) for n, f in sums.items())).where(q.division.startswith(division)).group_by(q.source)
    with engine.connect() as connection:
        found = {row.source: {n: int(row._mapping[n] or 0) for n in sums} for row in connection.execute(asked)}
        for row in connection.execute(sa.select(t.sources)).mappings():
            found.setdefault(row["source"], dict.fromkeys(sums, 0)).update(
                {n: row[n] or 0 for n in ("deliveries", "taken", "repeated", "different", "unknown", "broken")}
            )
    return found


def rights_on(t: MeansTestTables, day: date) -> tuple[sa.ColumnElement[bool], ...]:
    """What is so of a right to check that holds on a day: begun, not run out, not withdrawn by then."""
    c, on = t.rights.c, day.isoformat()
    return (c.valid_from <= on, sa.or_(c.valid_until.is_(None), c.valid_until >= on), sa.or_(c.withdrawn_on.is_(None), c.withdrawn_on > on))


def rights_for(t: MeansTestTables, programme: str) -> sa.ColumnElement[bool]:
    """Rights under which this programme may be checked."""
    return t.rights.c.programme.in_(("", programme))


def indicators(engine: sa.Engine, t: MeansTestTables, division: str, first: str, last: str, now: datetime) -> list[dict[str, Any]]:
    """Report rate, recheck rate and coverage, each with numerator and denominator. A verification within its time limit and without
    a report is not counted yet; it is named beside."""
    v, o, c = t.verifications.c, t.objects.c, t.campaigns.c
    today = now.date().isoformat()
    requested = (v.division.startswith(division), v.requested_on >= first, v.requested_on <= last)

    def count(*where: Any, table: sa.Table = t.verifications) -> sa.Select[Any]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    with engine.connect() as connection:

        def number(asked: sa.Select[Any]) -> int:
            return int(connection.execute(asked).scalar_one() or 0)

        reported = number(count(*requested, v.version > 0))
        pending = number(count(*requested, v.version == 0, v.finish_by >= today))
        overdue = number(count(*requested, v.version == 0, v.finish_by < today))
        partial = number(count(*requested, v.completeness == "partial"))
        objections = number(sa.select(sa.func.sum(v.objections)).where(*requested))
        rechecked = number(sa.select(sa.func.sum(v.rechecked)).where(*requested))
        of_period = t.objects.join(t.campaigns, sa.and_(c.campaign_id == o.campaign_id, c.due_on >= first, c.due_on <= last))
        counted = (o.division.startswith(division), o.status != "excused")
        everybody = number(sa.select(sa.func.count()).select_from(of_period).where(*counted))
        covered = number(sa.select(sa.func.count()).select_from(of_period).where(*counted, o.status == "reported"))
    return [
        {"code": "report_rate", "name": "生成核对报告率", "numerator": reported, "denominator": reported + overdue, "pending": pending},
        {"code": "partial_rate", "name": "信息不全报告占比", "numerator": partial, "denominator": reported},
        {"code": "recheck_rate", "name": "异议复核率", "numerator": rechecked, "denominator": objections},
        {"code": "coverage_rate", "name": "在册对象复核率", "numerator": covered, "denominator": everybody},
    ]

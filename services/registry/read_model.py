"""The registry's read model (登记读模型): deaths, after-death processes with their steps, funeral benefits, erasures."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from services.registry import after_death, death, erasure, funeral
from shared.clock import SHANGHAI
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

METADATA = sa.MetaData()

deaths = sa.Table(
    "deaths",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("died_on", sa.String(10), nullable=False),
    sa.Column("division", sa.String(12), nullable=False, index=True),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # sealed, as in the event
    sa.Column("conflict_on", sa.String(10)),
    sa.Column("registered_at", sa.String(40), nullable=False),
)
processes = sa.Table(
    "after_death_processes",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("division", sa.String(12), nullable=False, index=True),
    sa.Column("status", sa.String(10), nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("died_on", sa.String(10), nullable=False),
    sa.Column("opened_at", sa.String(40), nullable=False),
    sa.Column("closed_at", sa.String(40)),
)
steps = sa.Table(
    "after_death_steps",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("step", sa.String(40), primary_key=True),
    sa.Column("title", sa.String(80), nullable=False),
    sa.Column("service", sa.String(40), nullable=False),
    sa.Column("due_on", sa.String(10), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("amount_fen", sa.BigInteger, nullable=False, default=0),
    sa.Column("escalated", sa.Boolean, nullable=False, default=False),
)
funerals = sa.Table(
    "funeral_benefits",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("division", sa.String(12), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("items", sa.Text, nullable=False),
)
erasures = sa.Table(
    "erasures",
    METADATA,
    sa.Column("person_id", sa.String(32), primary_key=True),
    sa.Column("division", sa.String(12), nullable=False, index=True),
    sa.Column("status", sa.String(10), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("ground", sa.String(30), nullable=False),
    sa.Column("proposed_at", sa.String(40), nullable=False),
    sa.Column("proposed_by", sa.String(60), nullable=False),
    sa.Column("decided_at", sa.String(40)),
    sa.Column("erased_at", sa.String(40)),
)
MODEL = ReadModel("registry", version=3, metadata=METADATA)


@MODEL.on(death.DeathRegistered)
def _death(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(
        deaths,
        person_id=e.person_id,
        died_on=e.died_on.isoformat(),
        division=e.division,
        source=e.source,
        name=e.name,
        registered_at=r.meta.recorded_at.isoformat(),
    )


@MODEL.on(death.DeathReportConflicted)
def _conflict(rows: Rows, r: Recorded) -> None:
    rows.change(deaths, {"person_id": r.event.person_id}, conflict_on=r.event.reported_died_on.isoformat())


@MODEL.on(death.DeathDateCorrected)
def _corrected(rows: Rows, r: Recorded) -> None:
    rows.change(deaths, {"person_id": r.event.person_id}, died_on=r.event.died_on.isoformat(), conflict_on=None)


@MODEL.on(death.DeathAnnulled)
def _annulled(rows: Rows, r: Recorded) -> None:
    rows.delete(deaths, person_id=r.event.person_id)


@MODEL.on(after_death.AfterDeathOpened, after_death.AfterDeathAnnulled)
def _opened(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(
        processes,
        person_id=e.person_id,
        division=e.division,
        status="open",
        round=e.round,
        died_on=e.died_on.isoformat() if isinstance(e, after_death.AfterDeathOpened) else "",
        opened_at=r.meta.recorded_at.isoformat(),
    )
    for s in e.steps:
        rows.put(steps, person_id=e.person_id, step=s.step, title=s.title, service=s.service, due_on=s.due_on.isoformat(), status="owed")
        # Late from the day after the due day on; one row a step, all answered by the same door.
        late = datetime.combine(s.due_on + timedelta(days=1), time(), SHANGHAI)
        rows.due(r, f"late_step:{s.step}", e.person_id, late, {"step": s.step})


@MODEL.on(after_death.StepDone, after_death.StepSkipped)
def _answered(rows: Rows, r: Recorded) -> None:
    e = r.event
    person_id = r.stream.split("-", 1)[1]
    done = isinstance(e, after_death.StepDone)
    rows.change(
        steps,
        {"person_id": person_id, "step": e.step},
        status="done" if done else "skipped",
        note=e.detail if done else e.reason,
        amount_fen=e.amount_fen if done else 0,
    )
    rows.settle(r, f"late_step:{e.step}")


@MODEL.on(after_death.StepEscalated)
def _escalated(rows: Rows, r: Recorded) -> None:
    rows.change(steps, {"person_id": r.event.person_id, "step": r.event.step}, escalated=True)
    rows.settle(r, f"late_step:{r.event.step}")


@MODEL.on(after_death.AfterDeathClosed)
def _closed(rows: Rows, r: Recorded) -> None:
    rows.change(processes, {"person_id": r.event.person_id}, status="closed", closed_at=r.meta.recorded_at.isoformat())


@MODEL.on(funeral.FuneralBenefitsOffered)
def _offered(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(funerals, person_id=e.person_id, division=e.division, status="offered", items="、".join(e.items))


@MODEL.on(funeral.FuneralBenefitsTakenBack)
def _taken_back(rows: Rows, r: Recorded) -> None:
    rows.delete(funerals, person_id=r.stream.split("-", 1)[1])


@MODEL.on(funeral.FuneralBenefitsClaimed, funeral.FuneralBenefitsApproved, funeral.FuneralBenefitsDeclined)
def _funeral(rows: Rows, r: Recorded) -> None:
    status = {
        funeral.FuneralBenefitsClaimed: "claimed",
        funeral.FuneralBenefitsApproved: "approved",
        funeral.FuneralBenefitsDeclined: "declined",
    }[type(r.event)]
    rows.change(funerals, {"person_id": r.stream.split("-", 1)[1]}, status=status)


@MODEL.on(erasure.ErasureProposed)
def _erasure(rows: Rows, r: Recorded) -> None:
    e = r.event
    rows.put(
        erasures,
        person_id=e.person_id,
        division=e.division,
        status="proposed",
        number=e.number,
        ground=e.ground,
        proposed_at=r.meta.recorded_at.isoformat(),
        proposed_by=e.by,
        decided_at=None,
        erased_at=None,
    )


@MODEL.on(erasure.ErasureWithdrawn, erasure.ErasureRefused, erasure.ErasureApproved)
def _erasure_decided(rows: Rows, r: Recorded) -> None:
    status = r.name.removeprefix("registry.erasure_")
    rows.change(erasures, {"person_id": r.event.person_id}, status=status, decided_at=r.meta.recorded_at.isoformat())


@MODEL.on(erasure.PersonErased)
def _erased(rows: Rows, r: Recorded) -> None:
    rows.change(erasures, {"person_id": r.event.person_id}, status="erased", erased_at=r.meta.recorded_at.isoformat())

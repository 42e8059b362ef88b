"""Rows of what a department gave upon a hand-off of ours (转介、移交所得救助) as aids received: to whom, for what, since its answer.

A department says that it aided, for each person or for all whom the hand-off names, and no amount: none stands here. What it answers
otherwise later takes the row away; the end of the class for which it was sent does not, since the aid was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa

from services.assistance.declarations.handoffs import DISASTER_VICTIM_ASSISTANCE, SPECIAL_ASSISTANCE_REFERRAL
from services.assistance.referrals import NEEDS
from shared.casework import handoff
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.eventlog.benefit_rows import aggregate_id
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventlog.shape_rows import decode_state
from shared.eventsourcing.codec import Recorded

AIDED = "aided"
PROGRAMMES = (SPECIAL_ASSISTANCE_REFERRAL.code, DISASTER_VICTIM_ASSISTANCE.code)  # whose answer says that somebody was aided
# What each department is asked for; of another unit the programme's own name says it.
FOR: Mapping[str, str] = MappingProxyType({n.unit: n.aid for n in NEEDS})


@dataclass(frozen=True)
class ReferredTables:
    aids: sa.Table
    records: sa.Table


def declare(metadata: sa.MetaData) -> ReferredTables:
    """Declare the table. ``subject_id``: the person, or the household where the hand-off names none; ``month``: of the answer."""
    return ReferredTables(
        aids=sa.Table(
            "referred_aids",
            metadata,
            sa.Column("record_id", sa.String(36), primary_key=True),
            sa.Column("subject_id", sa.String(40), primary_key=True, index=True),
            sa.Column("programme", sa.String(60), nullable=False),
            sa.Column("given_by", sa.String(60), nullable=False),
            sa.Column("given_for", sa.String(60), nullable=False),
            sa.Column("month", sa.String(7), nullable=False),
        ),
        records=metadata.tables["records"],
    )


def aided(state: handoff.Handoff) -> tuple[str, ...]:
    """Who got aid, as far as a hand-off is answered: by each one's own answer, or by the one that is for all, or for those it names."""
    if state.answers:
        return tuple(p for p, own in state.answers.items() if own.outcome == AIDED)
    if state.status not in ("done", "acknowledged") or state.outcome != AIDED:
        return ()
    return state.answered_for or handoff.persons(state) or (state.subject_id,)


def project(model: ReadModel, tables: ReferredTables) -> None:
    """Fold events into them."""
    t = tables.aids

    @model.on(handoff.HandoffPersonAnswered, handoff.HandoffDone, handoff.HandoffCorrected)
    def _answered(rows: Rows, r: Recorded) -> None:
        record_id = aggregate_id(r)
        record = rows.get(tables.records, record_id=record_id)
        if record is None or record["programme"] not in PROGRAMMES:
            return
        state: handoff.Handoff = decode_state(handoff.SHAPE, record["state"])
        got = aided(state)
        for subject_id in dict.fromkeys((*handoff.persons(state), state.subject_id)):
            here = rows.get(t, record_id=record_id, subject_id=subject_id) is not None
            if here and subject_id not in got:
                rows.delete(t, record_id=record_id, subject_id=subject_id)
            elif subject_id in got and not here:
                rows.put(
                    t, record_id=record_id, subject_id=subject_id, programme=state.programme, given_by=state.to_unit,
                    given_for=FOR.get(state.to_unit, ""), month=dates.month_of(r.meta.recorded_at.astimezone(SHANGHAI).date()),
                )  # fmt: skip

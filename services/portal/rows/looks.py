"""Looks at files (查阅留痕): one row a file and look, so that all looks at one file are found, also those at a list on which it stood.

``division``: whose jurisdiction the file is in. So a town's auditor finds the look at a list that a hand of the district opened. A list
that was looked at before its files had their divisions has the hand's.
"""

from __future__ import annotations

import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> sa.Table:
    looks = sa.Table(
        "looks",
        metadata,
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),  # how many were shown at once: 1, or those of a list
        sa.Column("looked_at", sa.Text, nullable=False),  # as the times of acts
    )
    sa.Index("ix_looks_actor", looks.c.actor, looks.c.looked_at)
    return looks


def project(model: ReadModel, looks: sa.Table) -> None:
    @model.on_short("file_looked_at")
    def _looked(rows: Rows, r: Recorded) -> None:
        e = r.event
        for n, file_id in enumerate(e.files):
            rows.put(
                looks,
                file_id=file_id,
                position=r.position,
                service=r.name.partition(".")[0],
                actor=e.by,
                division=e.divisions[n] if e.divisions else r.meta.division,
                method=e.method,
                purpose=e.purpose,
                reference=e.reference,
                files=len(e.files),
                looked_at=e.at.astimezone(SHANGHAI).isoformat(timespec="microseconds"),
            )

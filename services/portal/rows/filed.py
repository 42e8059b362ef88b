"""What a release's files said in public (随版本公开的数字), from the day on which that was recorded: standards, targets, what is declared.

One row a kind, whole as JSON: pages take from it what they took from the files before. What was so before the first recording nobody
wrote down; the first one stands for it, and the page says so (``services/portal/sunshine/filed.py``).
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from services.portal.rows import kept
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> sa.Table:
    return kept.table(
        metadata,
        "public_filed",
        sa.Column("kind", sa.String(20), primary_key=True),  # standards | targets | scopes
        sa.Column("content", sa.Text, nullable=False),
    )


def project(model: ReadModel, filed: sa.Table) -> None:
    @model.on_short("standards_filed", "targets_filed", "scopes_filed")
    def _filed(rows: Rows, r: Recorded) -> None:
        kind = r.name.rpartition(".")[2].removesuffix("_filed")
        kept.say(rows, filed, r, kind=kind, content=msgspec.json.encode(getattr(r.event, kind)).decode())

"""Standards and policies (标准与政策): what was published, from when, by which document. Of any service that publishes some.

``standards``: one row a value of a published standard. ``policies``: one row a version of a publication, with its fields as JSON.
A draft is kept beside them, for the publication of it names it by number only.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from services.portal.rows import kept
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded


def declare(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table, sa.Table]:
    """(standards, policies, drafts, publications)."""
    standards = kept.table(
        metadata,
        "public_standards",
        sa.Column("book", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("parameter", sa.Text, primary_key=True),
        sa.Column("effective_from", sa.String(10), primary_key=True),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("area", sa.Text, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("previous_fen", sa.BigInteger, nullable=False),
        sa.Column("document_no", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("published_on", sa.String(10), nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),  # in the order of publishing: of two of one day the later one holds
        sa.Column("withdrawn", sa.Text),  # the reason; NULL: it stands
    )
    policies = kept.table(
        metadata,
        "public_policies",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("effective_from", sa.String(10), nullable=False),
        sa.Column("document_no", sa.Text, nullable=False),
        sa.Column("published_on", sa.String(10), nullable=False),
        sa.Column("withdrawn_from", sa.String(10)),
    )
    drafts = sa.Table(
        "policy_drafts",
        metadata,
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("draft", sa.Text, nullable=False),
    )
    publications = sa.Table(
        "policy_records",
        metadata,
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("published", sa.Text, nullable=False),  # numbers, JSON
    )
    return standards, policies, drafts, publications


def project(model: ReadModel, tables: tuple[sa.Table, sa.Table, sa.Table, sa.Table]) -> None:
    standards, policies, drafts, publications = tables
    _project_standards(model, standards, drafts)
    _project_policies(model, policies, drafts, publications)


def _project_standards(model: ReadModel, standards: sa.Table, drafts: sa.Table) -> None:
    @model.on_short("standard_drafted")
    def _drafted(rows: Rows, r: Recorded) -> None:
        values = [
            {
                "parameter": v.parameter,
                "effective_from": v.effective_from.isoformat(),
                "area": v.area,
                "amount_fen": v.amount_fen,
                "previous_fen": v.previous_fen,
            }
            for v in r.event.values
        ]
        rows.put(drafts, stream=r.stream, number=r.event.number, draft=json.dumps(values))

    @model.on_short("standard_published")
    def _published(rows: Rows, r: Recorded) -> None:
        e = r.event
        for value in _draft(rows, drafts, r):
            kept.say(
                rows,
                standards,
                r,
                book=r.stream,
                number=e.number,
                standard=e.standard,
                document_no=e.document_no,
                division=e.division,
                published_on=kept.day_of(r),
                place=r.position,
                withdrawn=None,
                **value,
            )

    @model.on_short("standard_withdrawn")
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        for value in _draft(rows, drafts, r) if r.event.was_published else ():
            key = {"book": r.stream, "number": r.event.number, "parameter": value["parameter"], "effective_from": value["effective_from"]}
            kept.change(rows, standards, r, key, withdrawn=r.event.reason)


def _draft(rows: Rows, drafts: sa.Table, r: Recorded) -> Any:
    found = rows.get(drafts, stream=r.stream, number=r.event.number)
    return json.loads(found["draft"]) if found else []


def _project_policies(model: ReadModel, policies: sa.Table, drafts: sa.Table, publications: sa.Table) -> None:
    @model.on_short("publication_drafted")
    def _drafted(rows: Rows, r: Recorded) -> None:
        content = json.dumps([[entry.name, entry.value] for entry in r.event.content], ensure_ascii=False)
        rows.put(drafts, stream=r.stream, number=r.event.number, draft=content)

    @model.on_short("publication_published")
    def _published(rows: Rows, r: Recorded) -> None:
        e, record_id = r.event, r.stream.split("-", 1)[1]
        draft, record = rows.get(drafts, stream=r.stream, number=e.number), rows.get(publications, stream=r.stream)
        before = json.loads(record["published"]) if record else []
        rows.put(publications, stream=r.stream, published=json.dumps([*before, e.number]))
        kept.say(
            rows,
            policies,
            r,
            record_id=record_id,
            number=e.number,
            programme=e.programme,
            division=e.division,
            subject_id=e.subject_id,
            content=draft["draft"] if draft else "[]",
            effective_from=e.effective_from.isoformat(),
            document_no=e.document_no,
            published_on=e.published_on.isoformat(),
            withdrawn_from=None,
        )

    @model.on_short("publication_withdrawn")
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        record_id, record = r.stream.split("-", 1)[1], rows.get(publications, stream=r.stream)
        for number in json.loads(record["published"]) if record else ():
            kept.change(
                rows, policies, r, {"record_id": record_id, "number": number}, withdrawn_from=r.event.effective_from.isoformat()
            )
        rows.put(publications, stream=r.stream, published="[]")  # what is drafted anew afterwards is another life

"""Inspections (检查与抽查) whose result is published: the list, the draw with its seed, what was found, and how it was put right.

Only campaigns whose terms say that their result is published (``publish_days``) are kept here; of the others nothing is public.
``object_id`` is the id of a case or an institution, as it stands in the list that is drawn from. That of a case is its number on the list
of recipients, so it names a household to whoever reads both: objects are shown only where the declaration makes them public, all others by
their pseudonyms (``services/portal/sunshine/inspections.py``). The salt stands here sealed, as in the event.

``withheld`` is the record that the length of a list, and with it the list, may not be told: few are on it, or the figure of its place (that
of the campaign, or the one in which all its cases are) was withheld of a programme whose cases are on it, and would follow (``small``, for
either: which one would tell which of the places that are withheld is the small one). It is decided as the list grows, and stands from the
freezing on: what was shown by then is shown. ``result`` is the same of a result that was published: ``small``, few were checked, few had a
finding, or few had none. Both are of lists over cases; of a campaign whose objects are public the pages pass over them.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from services.portal.rows import kept
from services.portal.rows.sunshine import LEVELS, is_withheld, small
from shared.casework.draws import BY_OBJECT
from shared.eventlog.read_model import ReadModel, Row, Rows
from shared.eventsourcing.codec import Recorded

_COUNTS = ("listed", "chosen", "checked", "with_findings", "found", "rectified", "settled")


def declare(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table]:
    """(campaigns, objects, findings)."""
    campaigns = kept.table(
        metadata,
        "public_campaigns",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("period_from", sa.String(10), nullable=False),
        sa.Column("check_by", sa.String(10), nullable=False),
        sa.Column("status", sa.Text, nullable=False),  # listing | frozen | checking | closed | published | cancelled
        sa.Column("frozen_on", sa.String(10)),
        sa.Column("source", sa.Text, nullable=False),  # of the seed, as named when the list was frozen
        sa.Column("issue", sa.Text, nullable=False),
        sa.Column("issue_on", sa.String(10)),
        sa.Column("look_up", sa.Text, nullable=False),
        sa.Column("draw_on", sa.String(10)),  # not before
        sa.Column("to_draw", sa.Integer, nullable=False),
        sa.Column("drawn", sa.Integer, nullable=False),  # how many by lot; 0: all are checked
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("seed_entries", sa.Integer, nullable=False),  # how often a first hand typed it: more than once where it was misread
        sa.Column("list_hash", sa.Text, nullable=False),
        sa.Column("rule", sa.Integer, nullable=False),  # of shared/casework/draws.py
        sa.Column("salt_hash", sa.Text, nullable=False),
        sa.Column("pseudonyms_hash", sa.Text, nullable=False),
        sa.Column("salt", sa.Text),  # sealed
        sa.Column("programmes", sa.Text, nullable=False),  # of the cases on the list that are counted in public, as JSON
        sa.Column("place", sa.String(12), nullable=False),  # in which all of these are; "" where there are none
        sa.Column("withheld", sa.String(10), nullable=False),  # "" | small
        sa.Column("result", sa.String(10), nullable=False),  # "" | small
        sa.Column("draw_version", sa.Integer, nullable=False),  # the event of the draw in the stream; -1: not drawn yet
        *(sa.Column(name, sa.Integer, nullable=False) for name in _COUNTS),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("published_where", sa.Text, nullable=False),
        sa.Column("published_on", sa.String(10)),
        sa.Column("in_time", sa.Boolean),
    )
    objects = sa.Table(
        "public_campaign_objects",
        metadata,
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("listed_on", sa.String(10), nullable=False),
    )
    findings = kept.table(
        metadata,
        "public_campaign_findings",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("finding_id", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("found_on", sa.String(10), nullable=False),
        sa.Column("rectify_by", sa.String(10), nullable=False),
        sa.Column("status", sa.Text, nullable=False),  # open | rectified | settled
        sa.Column("settled_on", sa.String(10)),
    )
    return campaigns, objects, findings


def _why(rows: Rows, of: sa.Table, row: Row) -> str:
    """Why the length of a list over cases is withheld."""
    if small(row["listed"]):
        return "small"
    places = {place[:n] for place in (row["division"], row["place"]) for n in LEVELS if n <= len(place)}
    programmes = msgspec.json.decode(row["programmes"])
    return "small" if any(is_withheld(rows, of.metadata, programme, place) for programme in programmes for place in places) else ""


def _result(row: Row) -> str:
    """Why a published result over cases is withheld."""
    told = (row["chosen"], row["with_findings"], row["chosen"] - row["with_findings"])
    return "small" if row["status"] == "published" and any(map(small, told)) else ""


def _change(rows: Rows, of: sa.Table, r: Recorded, **values: Any) -> bool:
    """From this event's day on some columns of the campaign say something else; False where nothing of it is public."""
    row = kept.now(rows, of, **_key(r))
    if row is None:
        return False
    kept.say(rows, of, r, **{**row, **values, "result": _result({**row, **values})})
    return True


def _covered(rows: Rows, of: sa.Table, r: Recorded, row: Row) -> dict[str, Any]:
    """Of which programmes the listed objects are cases that are counted in public, and the nearest place in which all of these are."""
    service, standing = r.name.partition(".")[0], of.metadata.tables["disclosure_standing"]
    found = [one for o in r.event.objects if (one := rows.get(standing, stream=f"{service}.disclosure-{o}")) and one["counted_at"]]
    programmes = {*msgspec.json.decode(row["programmes"]), *(one["programme"] for one in found)}
    places = [place for place in (row["place"], *(one["counted_at"] for one in found)) if place]
    common = {n: {place[:n] for place in places} for n in LEVELS if all(len(place) >= n for place in places)}
    nearest = max((n for n, at in common.items() if len(at) == 1), default=0)
    return {"programmes": msgspec.json.encode(sorted(programmes)).decode(), "place": places[0][:nearest] if places else ""}


def project(model: ReadModel, tables: tuple[sa.Table, sa.Table, sa.Table]) -> None:
    campaigns, objects, findings = tables
    _project_campaigns(model, campaigns, objects)
    _project_findings(model, campaigns, findings)


def _key(r: Recorded) -> dict[str, Any]:
    return {"record_id": r.stream.split("-", 1)[1]}


def _project_campaigns(model: ReadModel, campaigns: sa.Table, objects: sa.Table) -> None:
    @model.on_short("campaign_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        if not e.terms.publish_days:
            return
        counts: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
        kept.say(
            rows, campaigns, r, **_key(r), programme=e.programme, division=e.division, title=e.title, scope=e.scope,
            period_from=e.period_from.isoformat(), check_by=e.check_by.isoformat(), status="listing", frozen_on=None,
            source="", issue="", issue_on=None, look_up="", draw_on=None, to_draw=0, drawn=0, seed="", seed_entries=0, list_hash="",
            rule=BY_OBJECT, salt_hash="", pseudonyms_hash="", salt=None, programmes="[]", place="", withheld="", result="",
            draw_version=-1, summary="", published_where="", published_on=None, in_time=None, **counts,
        )  # fmt: skip

    @model.on_short("campaign_objects_listed")
    def _listed(rows: Rows, r: Recorded) -> None:
        row = kept.now(rows, campaigns, **_key(r))
        if row is None:
            return
        for one in r.event.objects:
            rows.put(objects, **_key(r), object_id=one, listed_on=kept.day_of(r))
        more = len(r.event.objects)
        chosen, listed = row["chosen"] + (more if row["status"] == "checking" else 0), row["listed"] + more
        values = {"listed": listed, "chosen": chosen, **_covered(rows, campaigns, r, row)}
        _change(rows, campaigns, r, **values, withheld=_why(rows, campaigns, {**row, **values}))

    @model.on_short("campaign_list_frozen")
    def _frozen(rows: Rows, r: Recorded) -> None:
        e = r.event
        row = kept.now(rows, campaigns, **_key(r))
        if row is None:
            return
        values = {"source": e.source, "draw_on": e.draw_on.isoformat(), "to_draw": e.count, "list_hash": e.list_hash}
        values |= {"issue": e.issue, "issue_on": e.issue_on.isoformat() if e.issue_on else None, "look_up": e.look_up}
        values |= {"rule": e.rule, "salt_hash": e.salt_hash, "pseudonyms_hash": e.pseudonyms_hash, "salt": e.salt}
        why = _why(rows, campaigns, row)
        _change(rows, campaigns, r, status="frozen", frozen_on=kept.day_of(r), withheld=why, **values)

    @model.on_short("campaign_seed_recorded")
    def _typed(rows: Rows, r: Recorded) -> None:
        row = kept.now(rows, campaigns, **_key(r))
        if row is not None:
            _change(rows, campaigns, r, seed_entries=row["seed_entries"] + 1)

    @model.on_short("campaign_started")
    def _started(rows: Rows, r: Recorded) -> None:
        e = r.event
        values = {"drawn": e.count, "seed": e.seed, "list_hash": e.list_hash, "chosen": e.count or e.listed}
        _change(rows, campaigns, r, status="checking", draw_version=r.version, **values)

    @model.on_short("campaign_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        _change(rows, campaigns, r, status="closed", summary=r.event.summary)

    @model.on_short("campaign_published")
    def _published(rows: Rows, r: Recorded) -> None:
        e = r.event
        told = {"published_where": e.where, "published_on": e.published_on.isoformat(), "in_time": e.in_time}
        _change(rows, campaigns, r, status="published", **told)

    @model.on_short("campaign_cancelled")
    def _cancelled(rows: Rows, r: Recorded) -> None:
        _change(rows, campaigns, r, status="cancelled")


def _project_findings(model: ReadModel, campaigns: sa.Table, findings: sa.Table) -> None:
    def count(rows: Rows, r: Recorded, **more: int) -> bool:
        row = kept.now(rows, campaigns, **_key(r))
        return row is not None and _change(rows, campaigns, r, **{name: row[name] + n for name, n in more.items()})

    @model.on_short("campaign_object_checked")
    def _checked(rows: Rows, r: Recorded) -> None:
        found = r.event.findings
        if not count(rows, r, checked=1, with_findings=int(bool(found)), found=len(found)):
            return
        for f in found:
            kept.say(
                rows, findings, r, **_key(r), finding_id=f.finding_id, code=f.code, found_on=kept.day_of(r),
                rectify_by=f.rectify_by.isoformat(), status="open", settled_on=None,
            )  # fmt: skip

    @model.on_short("campaign_finding_rectified")
    def _rectified(rows: Rows, r: Recorded) -> None:
        if count(rows, r, rectified=1):
            kept.change(rows, findings, r, {**_key(r), "finding_id": r.event.finding_id}, status="rectified")

    @model.on_short("campaign_rectification_verified")
    def _verified(rows: Rows, r: Recorded) -> None:
        e, key = r.event, {**_key(r), "finding_id": r.event.finding_id}
        if e.accepted:
            if count(rows, r, settled=1):
                kept.change(rows, findings, r, key, status="settled", settled_on=kept.day_of(r))
        elif count(rows, r, rectified=-1):
            kept.change(rows, findings, r, key, status="open", rectify_by=e.rectify_by.isoformat())

"""Rows of what is public (阳光公开): every period of what a disclosure said, and the district's figures with what is withheld of them.

``disclosures`` holds one row for each period in which the page said one thing of one case, from when to when by recorded time, so that the
page of any past moment is one question. ``disclosure_figures`` holds the running totals by programme and place, one row for each day on
which one changed and, where a figure may not be told, by which rule. A count below ``SMALL_CELL`` is withheld (小数值隐去), others beside
it as well, so that it does not follow from the sum, and everything below a place that is withheld. Which of those that are withheld is the
small one is told nowhere: with it the sum would give them away. That the rows say so is the record of the withholding
(``withholdings``): it follows from the log alone, like everything here.

A name is sealed as in the event; pages open it (``vault.know`` for a whole page, then ``vault.open``). The questions at the end are the
only way to these rows: no caller can forget to withhold, or what of a past day is told no more (``_past``): whatever a hand keeps from the
page, and who it was when the time for which he was to be listed is over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.clock import SHANGHAI
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

SMALL_CELL = 5  # a count below it is withheld; another number is another version of the read model
FOREVER = "9999-12-31T23:59:59.999999+08:00"
NEVER = "9999-12-31"
LEVELS = (6, 9, 12)  # digits of district, town, village
ROOT = "root"  # the parent of the districts

_TOLD = (0, 0, 0, "", "")
# Why a figure is withheld: with it or by it a small one would be known; with its place's own; as nothing is told below its place.
SMALL, ABOVE, BELOW = "small", "above", "below"


@dataclass(frozen=True)
class SunshineTables:
    disclosures: sa.Table
    standing: sa.Table
    families: sa.Table
    figures: sa.Table


def declare(metadata: sa.MetaData) -> SunshineTables:
    """Times are ISO texts in Asia/Shanghai; money is fen. ``shown_until`` and ``until_day`` are exclusive."""
    disclosures = sa.Table(
        "disclosures",
        metadata,
        sa.Column("stream", sa.String(100), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),  # of the event that began the period
        sa.Column("position", sa.BigInteger, nullable=False),  # its place in the log, which says nothing of the case: lines go by it
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("programme", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),  # proposal | recipient
        sa.Column("place", sa.String(12), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),  # what was declared and shown, as JSON
        sa.Column("person_id", sa.String(32), nullable=False),  # whose key the name is sealed with; never on a page
        sa.Column("name", sa.Text),
        sa.Column("members", sa.Integer),
        sa.Column("area", sa.String(10), nullable=False),
        sa.Column("amount_fen", sa.BigInteger),
        sa.Column("first_month", sa.String(7), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("until_day", sa.String(10)),  # the last day of a publicity
        sa.Column("shown_from", sa.String(32), nullable=False),
        sa.Column("shown_until", sa.String(32), nullable=False),
        sa.Column("ended_by", sa.String(12), nullable=False),  # "" while it stands; corrected | replaced | withdrawn | expired
    )
    c = disclosures.c
    # What stands now is asked for by equality; any other moment walks the places in their order.
    sa.Index("ix_disclosures_now", c.kind, c.programme, c.shown_until, c.place, c.position)
    sa.Index("ix_disclosures_then", c.kind, c.programme, c.place, c.position, c.shown_from, c.shown_until)
    sa.Index("ix_disclosures_proposals", c.kind, c.shown_until, c.until_day, c.position)
    sa.Index("ix_disclosures_case", c.case_id)
    sa.Index("ix_disclosures_began", c.kind, c.shown_from)  # the feed goes by months
    standing = sa.Table(
        "disclosure_standing",
        metadata,
        sa.Column("stream", sa.String(100), primary_key=True),
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("programme", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("until_day", sa.String(10)),
        sa.Column("since", sa.String(32), nullable=False),  # when this publicity or this time on the list began
        sa.Column("open_n", sa.Integer),  # the period that is open; none where nothing is listed
        sa.Column("held", sa.Boolean, nullable=False),  # withdrawn by a hand: on the page of no day
        sa.Column("hidden", sa.Text, nullable=False),  # what a hand keeps from the page of every day, as JSON
        sa.Column("cut", sa.Boolean, nullable=False, index=True),  # the place is among it
        sa.Column("counted_at", sa.String(12), nullable=False),  # "" where it is not counted
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
    )
    families = sa.Table(
        "disclosure_families",
        metadata,
        sa.Column("programme", sa.String(60), primary_key=True),
        sa.Column("parent", sa.String(12), primary_key=True),
        sa.Column("children", sa.Text, nullable=False),  # place → [cases, members, fen, withheld, day since], as JSON
    )
    figures = sa.Table(
        "disclosure_figures",
        metadata,
        sa.Column("programme", sa.String(60), primary_key=True),
        sa.Column("place", sa.String(12), primary_key=True),
        sa.Column("from_day", sa.String(10), primary_key=True),
        sa.Column("until_day", sa.String(10), nullable=False),
        sa.Column("parent", sa.String(12), nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("withheld", sa.String(10), nullable=False),  # "" | small | above | below
    )
    sa.Index("ix_disclosure_figures", figures.c.parent, figures.c.until_day, figures.c.from_day)
    return SunshineTables(disclosures, standing, families, figures)


# -- the fold ----------------------------------------------------------------------------------------------------------


def project(model: ReadModel, t: SunshineTables) -> None:
    """Fold the disclosures of every service."""

    def _shown(rows: Rows, r: Recorded, now: dict[str, Any], ended_by: str) -> None:
        """What the event says is what the page says from now on; the period before it ends."""
        e = r.event
        at = _at(r)
        _end(rows, r.stream, now["open_n"], at, ended_by)
        now["open_n"] = r.version if e.fields else None
        if e.fields:
            s = e.shown
            rows.put(
                t.disclosures, stream=r.stream, n=r.version, position=r.position, case_id=now["case_id"], service=r.name.partition(".")[0],
                programme=now["programme"], kind=now["kind"], place=s.place, fields=msgspec.json.encode(e.fields).decode(),
                person_id=s.person_id, name=s.name, members=s.members, area=s.area, amount_fen=s.amount_fen,
                first_month=s.first_month, status=s.status,
                until_day=now["until_day"], shown_from=at, shown_until=FOREVER, ended_by="",
            )  # fmt: skip
        _count(rows, r, now, e.counted)

    def _end(rows: Rows, stream: str, n: int | None, at: str, ended_by: str) -> None:
        if n is not None:
            rows.change(t.disclosures, {"stream": stream, "n": n}, shown_until=at, ended_by=ended_by)

    def _count(rows: Rows, r: Recorded, now: dict[str, Any], counted: Any) -> None:
        """The case counts as said from now on, in its place and in all above it; the row is written here."""
        before = (now["counted_at"], now["members"], now["amount_fen"])
        after = (counted.place, counted.members, counted.amount_fen) if counted is not None else ("", 0, 0)
        if before != after:
            changes: dict[str, list[int]] = {}
            for (place, members, fen), sign in ((before, -1), (after, 1)):
                for level in _chain(place):
                    change = changes.setdefault(level, [0, 0, 0])
                    for k, value in enumerate((1, members, fen)):
                        change[k] += sign * value
            _moved(rows, now["programme"], {place: c for place, c in changes.items() if any(c)}, _at(r)[:10])
        now.update(counted_at=after[0], members=after[1], amount_fen=after[2])
        rows.put(t.standing, **now)

    def _moved(rows: Rows, programme: str, changes: Mapping[str, list[int]], day: str) -> None:
        """Add to the figures of places; from the top down, for what is withheld above is withheld below."""
        known: dict[str, dict[str, list[Any]] | None] = {}  # the families looked at, each read once

        def family(parent: str) -> dict[str, list[Any]] | None:
            if parent not in known:
                row = rows.get(t.families, programme=programme, parent=parent)
                known[parent] = msgspec.json.decode(row["children"]) if row is not None else None
            return known[parent]

        of: dict[str, dict[str, list[int]]] = {}
        for place, change in changes.items():
            of.setdefault(_parent(place), {})[place] = change
        waiting = set(of)
        while waiting:
            parent = min(waiting, key=lambda p: (_depth(p), p))
            waiting.discard(parent)
            if parent in of or family(parent) is not None:
                waiting |= _family(rows, programme, parent, of.get(parent, {}), day, family, known)

    def _family(
        rows: Rows, programme: str, parent: str, changes: Mapping[str, list[int]], day: str,
        family: Callable[[str], dict[str, list[Any]] | None], known: dict[str, dict[str, list[Any]] | None],
    ) -> set[str]:  # fmt: skip
        """Fold changes into the places below one parent, and decide anew which of them are withheld; whose families must look again."""
        children = family(parent) or {}
        touched = set(changes)
        for place, change in changes.items():
            child = children.setdefault(place, [0, 0, 0, "", ""])
            for k in range(3):
                child[k] += change[k]
        known[parent] = children
        above = parent != ROOT and bool(((family(_parent(parent)) or {}).get(parent) or _TOLD)[3])
        again: set[str] = set()
        for place, why in withheld({p: c[0] for p, c in children.items()}, above=above).items():
            if children[place][3] != why:
                children[place][3] = why
                touched.add(place)
                again.add(place)
        for place in sorted(touched):
            child = children[place]
            cases, members, fen, why, since = child
            if since and since != day:
                rows.change(t.figures, {"programme": programme, "place": place, "from_day": since}, until_day=day)
            child[4] = day
            rows.put(
                t.figures, programme=programme, place=place, from_day=day, until_day=NEVER, parent=parent, cases=cases, members=members,
                amount_fen=fen, withheld=why,
            )  # fmt: skip
        if touched:
            rows.put(t.families, programme=programme, parent=parent, children=msgspec.json.encode(children).decode())
        return again

    @model.on_short("disclosure_published")
    def _published(rows: Rows, r: Recorded) -> None:
        e = r.event
        before = rows.get(t.standing, stream=r.stream) or _NEW
        until = e.until.isoformat() if e.until is not None else None
        since = before["since"] if (before["kind"], before["until_day"]) == (e.kind, until) else _at(r)
        told = {
            "stream": r.stream, "case_id": e.case_id, "programme": e.programme, "kind": e.kind, "until_day": until, "since": since,
        }  # fmt: skip
        _shown(rows, r, {**before, **told}, "replaced")

    @model.on_short("disclosure_corrected")
    def _corrected(rows: Rows, r: Recorded) -> None:
        now = rows.get(t.standing, stream=r.stream)
        if now is not None:
            _shown(rows, r, now, "corrected")

    @model.on_short("disclosure_withdrawn", "disclosure_expired")
    def _ended(rows: Rows, r: Recorded) -> None:
        now = rows.get(t.standing, stream=r.stream)
        if now is None:
            return
        _end(rows, r.stream, now["open_n"], _at(r), r.name.rpartition("_")[2])
        now.update(open_n=None, held=now["held"] or getattr(r.event, "held", False))
        if getattr(r.event, "counted", False):
            rows.put(t.standing, **now)
        else:
            _count(rows, r, {**now, "kind": "", "until_day": None}, None)

    @model.on_short("disclosure_restored")
    def _restored(rows: Rows, r: Recorded) -> None:
        rows.change(t.standing, {"stream": r.stream}, held=False)

    @model.on_short("disclosure_fields_hidden")
    def _hidden(rows: Rows, r: Recorded) -> None:
        hidden = msgspec.json.encode(r.event.hidden).decode()
        rows.change(t.standing, {"stream": r.stream}, hidden=hidden, cut="place" in r.event.hidden)


_NEW: dict[str, Any] = {
    "kind": "", "until_day": None, "since": "", "open_n": None, "held": False, "hidden": "[]", "cut": False,
    "counted_at": "", "members": 0, "amount_fen": 0,
}  # fmt: skip


def withheld(counts: Mapping[str, int], *, above: bool = False) -> dict[str, str]:
    """Which of the places below one parent are withheld, and why ("" = told).

    A count of 1 to ``SMALL_CELL`` - 1 is small. The parent's own count is told unless it is withheld itself (``above``, then nothing below
    it is told), and what is withheld adds up to the rest of it. So the next higher counts are withheld as well, all that are alike
    together, until what is left fits more than one set of counts (``_fit_others``); nobody is told which of them are small. Where no place
    with anybody could be told, none is named, for how many they are would tell with the sum what they have. A count of none is nobody's,
    and told.
    """
    if above:
        return dict.fromkeys(counts, ABOVE)
    why = {place: SMALL if small(n) else "" for place, n in counts.items()}
    if not any(why.values()) or sum(counts.values()) < SMALL_CELL:  # of no place there is a parent that tells the sum
        return why
    for smallest in sorted({n for n in counts.values() if n >= SMALL_CELL}):
        if _fit_others([counts[place] for place, w in why.items() if w], smallest):
            return why
        why |= {place: SMALL for place, n in counts.items() if n == smallest}
    return dict.fromkeys(counts, BELOW)


def _fit_others(hidden: Collection[int], told: int) -> bool:
    """Whether others than these would be withheld in the same places with the same sum, where ``told`` is the smallest that is not: they
    are neither all the least that they could be nor all the most."""
    of, total = len(hidden), sum(hidden)
    return of >= 2 and total >= SMALL_CELL and of < total < of * (told - 1)


def small(count: int) -> bool:
    """Whether a count of persons or households is withheld; nobody at all is no one's secret."""
    return 0 < count < SMALL_CELL


def is_withheld(rows: Rows, metadata: sa.MetaData, programme: str, place: str) -> bool:
    """Whether the figure of a place is withheld as it stands: for other rooms, whose counts it would follow from."""
    row = rows.get(metadata.tables["disclosure_families"], programme=programme, parent=_parent(place))
    children: dict[str, list[Any]] = msgspec.json.decode(row["children"]) if row is not None else {}
    return bool((children.get(place) or _TOLD)[3])


def _at(r: Recorded) -> str:
    return r.meta.recorded_at.astimezone(SHANGHAI).isoformat(timespec="microseconds")


def _chain(place: str) -> Iterable[str]:
    """The place and all above it, the district first."""
    return [place[:n] for n in LEVELS if n <= len(place)]


def _parent(place: str) -> str:
    above = [n for n in LEVELS if n < len(place)]
    return place[: above[-1]] if above else ROOT


def _depth(place: str) -> int:
    return 0 if place == ROOT else len(place)


# -- the questions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipient:
    """One line of a list (公示、公开一行): only what was shown. ``name`` is sealed under ``person_id``, which is never on a page."""

    key: str  # for the next page: ``after``
    stream: str  # with ``n``, the event that said it: for a receipt
    n: int
    position: int
    case_id: str  # "" where it is told no more who it was
    service: str
    programme: str
    kind: str
    place: str
    fields: tuple[str, ...]
    person_id: str
    name: str | None
    members: int | None
    area: str
    amount_fen: int | None
    first_month: str
    status: str
    until_day: str | None
    shown_from: str


@dataclass(frozen=True)
class Figure:
    """A figure of one programme at one place (统计数); where it is withheld its numbers are None, and ``withheld`` says by which rule."""

    programme: str
    place: str
    parent: str
    since: str
    cases: int | None
    members: int | None
    amount_fen: int | None
    withheld: str


def moment(on: date | datetime | None) -> str | None:
    """The instant of a question: a day is asked for as it ended. None: now."""
    if on is None:
        return None
    at = on if isinstance(on, datetime) else datetime.combine(on, time(23, 59, 59, 999999))
    at = at if at.tzinfo is not None else at.replace(tzinfo=SHANGHAI)
    return at.astimezone(SHANGHAI).isoformat(timespec="microseconds")


def recipients(
    engine: sa.Engine, t: SunshineTables, programme: str, division: str, on: date | datetime | None = None, after: str = "", limit: int = 50
) -> list[Recipient]:
    """The recipients of a programme in a division as listed then (now: None), village by village, beginning behind ``after``."""
    c, s = t.disclosures.c, t.standing.c
    place, behind = _behind(after)
    listed = (c.kind == "recipient", c.programme == programme)

    def ask(at: Any, *more: Any) -> list[Recipient]:
        asked = _asked(t, on).where(*_inside(at, division, place), *more)
        if after:
            asked = asked.where(sa.tuple_(at, c.position) > sa.tuple_(sa.literal(place), sa.literal(behind)))
        return _lines(engine, asked.order_by(at, c.position).limit(_few(limit)))

    if on is None:
        return ask(c.place, *listed)
    # By the index; and the few of which a hand keeps the place from the page stand where they are told to be, or their order would tell.
    with engine.execution_options(single=True).connect() as connection:
        cut = connection.execute(sa.select(s.stream).where(s.cut, s.programme == programme)).scalars().all()
    told = ask(c.place, *listed, ~s.cut)
    if cut:  # "no proposal" and not "recipient", so that the streams lead to the rows and no index of all recipients
        told += ask(sa.func.substr(c.place, 1, LEVELS[1]), c.stream.in_(cut), c.kind != "proposal")
    return sorted(told, key=lambda r: (r.place, r.position))[: _few(limit)]


def proposals(
    engine: sa.Engine, t: SunshineTables, division: str, on: date | datetime | None = None, *, today: date, after: str = "", limit: int = 50
) -> list[Recipient]:
    """What stands under publicity before confirmation (公示) in a division then, whatever its programme, the next to be over first.

    ``today``: the business day of the asking, for a publicity that is over by the day and not yet by an event.
    """
    c = t.disclosures.c
    day = (moment(on) or today.isoformat())[:10]
    at = c.place if on is None else sa.case((t.standing.c.cut, sa.func.substr(c.place, 1, LEVELS[1])), else_=c.place)
    asked = _asked(t, on).where(c.kind == "proposal", c.until_day >= day, *_inside(at, division))
    until, behind = _behind(after)
    if after:
        asked = asked.where(sa.tuple_(c.until_day, c.position) > sa.tuple_(sa.literal(until), sa.literal(behind)))
    return _lines(engine, asked.order_by(c.until_day, c.position).limit(_few(limit)), today=today)


def line(engine: sa.Engine, t: SunshineTables, case_id: str, kind: str, *, today: date, on: date | None = None) -> Recipient | None:
    """The line of one case as it stood then (now: None): of the list, or under publicity (whatever an objection form is for); None where
    it is told no more whose it was."""
    c = t.disclosures.c
    running = sa.or_(c.until_day.is_(None), c.until_day >= (on or today).isoformat())
    asked = _asked(t, on).where(c.case_id == case_id, c.kind == kind, running)
    found = next(iter(_lines(engine, asked.limit(1), today=today if kind == "proposal" else None)), None)
    return found if found is not None and found.case_id else None


def totals(engine: sa.Engine, t: SunshineTables, division: str, on: date | None = None) -> list[Figure]:
    """Every programme's figures of a division and of the places right below it, at the end of that day (now: None), withheld where they
    must be. The division's own come first. What lies below a place that is withheld, or of whose parts none can be told, is not given
    (``veiled``): that somebody was ever there would tell what its place does not."""
    c = t.figures.c
    when = (c.until_day == NEVER,) if on is None else (c.from_day <= on.isoformat(), c.until_day > on.isoformat())
    own = sa.and_(c.parent == _parent(division), c.place == division)
    query = sa.select(t.figures).where(sa.or_(own, c.parent == division), c.withheld.not_in((ABOVE, BELOW)), *when)
    query = query.order_by(c.programme, sa.func.length(c.place), c.place)
    with engine.execution_options(single=True).connect() as connection:
        return [_told(row) for row in connection.execute(query).mappings()]


def veiled(engine: sa.Engine, t: SunshineTables, programme: str, division: str, on: date | None = None) -> bool:
    """Whether a place above the division is withheld, or nothing below it told, so that of the division itself nothing is told, not even
    that it has none."""
    above, c = [place for place in _chain(division) if place != division], t.figures.c
    when = (c.until_day == NEVER,) if on is None else (c.from_day <= on.isoformat(), c.until_day > on.isoformat())
    covered = sa.or_(sa.and_(c.place.in_(above), c.withheld != ""), sa.and_(c.parent == _parent(division), c.withheld == BELOW))
    query = sa.select(c.place).where(c.programme == programme, covered, *when).limit(1)
    with engine.execution_options(single=True).connect() as connection:
        return connection.execute(query).first() is not None


def withholdings(
    engine: sa.Engine, t: SunshineTables, division: str, after: str = "", limit: int = 200, on: date | None = None
) -> list[dict[str, Any]]:
    """The record of what was withheld in a division (隐去记录), as it stood at the end of a day: which figure, by which rule, from which
    day to which; never the figure, nor a day on which it changed: of two rows of one rule the count could be worked out. Places below one
    that is withheld go with it, and are not named, or it were told where somebody is; where none is told that lie below one whose own
    figure is, it is that one that is named (``below``). ``key``: for the next page: ``after``."""
    c = t.figures.c
    place = sa.case((c.withheld == BELOW, c.parent), else_=c.place).label("place")
    named = sa.select(c.programme, place, c.withheld, c.from_day, c.until_day)
    query = named.where(c.withheld.in_((SMALL, BELOW)), *_inside(c.place, division))
    if on is not None:
        query = query.where(c.from_day <= on.isoformat())
    if after:
        query = query.where(sa.tuple_(c.programme, place, c.withheld, c.from_day) > sa.tuple_(*map(sa.literal, after.split("~"))))
    found: list[dict[str, Any]] = []
    ordered = query.order_by(c.programme, place, c.withheld, c.from_day).execution_options(yield_per=1_000)
    with engine.execution_options(single=True).connect() as connection, connection.execute(ordered) as result:
        for row in result.mappings():
            before, key = found[-1] if found else {}, "~".join(row[name] for name in ("programme", "place", "withheld", "from_day"))
            same = all(before.get(name) == row[name] for name in ("programme", "place", "withheld"))
            if same and before["until_day"] >= row["from_day"]:
                before.update(until_day=max(before["until_day"], row["until_day"]), key=key)
            elif len(found) == _few(limit):
                break
            else:
                found.append({**row, "key": key, "threshold": SMALL_CELL})
    return [{**row, "until_day": until(row["until_day"], on)} for row in found]


def until(day: str, on: date | None) -> str:
    """The end of a period as it was known on a day: what was to end later had no end yet."""
    return day if on is None or day <= on.isoformat() else NEVER


def _asked(t: SunshineTables, on: date | datetime | None) -> sa.Select[Any]:
    """The periods of now, or those of then with what is so of the case now: what a hand has withdrawn is on the page of no day."""
    c, s, at = t.disclosures.c, t.standing.c, moment(on)
    if at is None:
        return sa.select(t.disclosures).where(c.shown_until == FOREVER)
    now = (s.kind.label("now_kind"), s.since, s.hidden, s.cut)
    of_then = sa.select(t.disclosures, *now).join(t.standing, s.stream == c.stream)
    return of_then.where(c.shown_from <= at, c.shown_until > at, ~s.held)


def _behind(after: str) -> tuple[str, int]:
    """From a line's key: what it is sorted by first, and its place in the log."""
    first, _, position = after.partition("~")
    return first, int(position) if position.isascii() and position.isdigit() and len(position) < 16 else 0


def _inside(place: Any, division: str, first: str = "") -> tuple[Any, ...]:
    """Places of a division, beginning with ``first``, by their order, so that the index serves: digits sort alike in every database."""
    behind = str(int(division) + 1).zfill(len(division))
    return (place >= max(division, first), place < behind)


def _few(limit: int) -> int:
    return max(1, min(limit, 500))


def _lines(engine: sa.Engine, query: Any, *, today: date | None = None) -> list[Recipient]:
    """``today``: of proposals, which go by the day on which they are over."""
    with engine.execution_options(single=True).connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    return [_line(_past(row, today) if "since" in row else row, today is not None) for row in found]


def _past(row: Mapping[str, Any], today: date | None) -> dict[str, Any]:
    """A line of a past day, less what is told of it no more.

    What a hand keeps from the page, it keeps from that of every day. And a name, with the number of the case by which it could be
    found, is public for as long as declared: when the publicity or the time on the list that the line belongs to is over, it says
    what was shown and no longer of whom.
    """
    hidden = {*msgspec.json.decode(row["hidden"])}
    over = (row["kind"], row["shown_from"] >= row["since"]) != (row["now_kind"], True)
    over = over or (today is not None and row["until_day"] < today.isoformat())
    if over:
        hidden.add("name")
    told = [f for f in msgspec.json.decode(row["fields"]) if f not in hidden]
    return {
        **row,
        **{f: nothing for f, nothing in _UNTOLD.items() if f in hidden},
        "fields": msgspec.json.encode(told),
        "place": row["place"][: LEVELS[1]] if row["cut"] else row["place"],
        "person_id": row["person_id"] if "name" in told else "",
        "case_id": "" if over else row["case_id"],
    }


_UNTOLD: dict[str, Any] = {"name": None, "members": None, "area": "", "amount_fen": None, "first_month": "", "status": ""}


def _line(row: Mapping[str, Any], by_day: bool) -> Recipient:
    key = f"{row['until_day'] if by_day else row['place']}~{row['position']}"
    given = {f.name: row[f.name] for f in fields(Recipient) if f.name not in ("key", "fields")}
    return Recipient(key=key, fields=tuple(msgspec.json.decode(row["fields"])), **given)


def _told(row: Any) -> Figure:
    """Withheld, it says not even since when it is what it is: on that day somebody came or went."""
    hidden = bool(row["withheld"])
    cases, members, fen = (None if hidden else row[name] for name in ("cases", "members", "amount_fen"))
    since = "" if hidden else row["from_day"]
    return Figure(row["programme"], row["place"], row["parent"], since, cases, members, fen, row["withheld"])

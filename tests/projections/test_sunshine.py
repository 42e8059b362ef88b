"""The figures that are public: whatever happens in whatever order they are the sums of what stands, and no small one can be worked out."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.portal.read_model import MODEL, TABLES
from services.portal.rows import sunshine
from services.portal.rows.sunshine import ABOVE, BELOW, SMALL, SMALL_CELL
from shared.casework import disclosure as di
from shared.casework.payment_run import PaymentRunClosed, PaymentRunOpened, PaymentRunSent
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.client import Raw
from shared.eventlog.read_model import Rows
from shared.eventsourcing import codec

T = TABLES["sunshine"]
DISTRICT = "330225"
FIRST = datetime(2024, 1, 1, 9, tzinfo=SHANGHAI)


@dataclass
class Page:
    """A portal's tables, and events put into them one by one, as the projector would."""

    engine: sa.Engine
    rows: Rows
    position: int = 0

    def see(self, stream: str, version: int, at: datetime, event: Any, programme: str = "p") -> None:
        name, data = codec.encode(event, lambda person, text: f"~1.{person}.{text}", "assistance")
        meta = codec.Meta(
            correlation_id="c", causation_id="c", command_id="c", command_hash="h", schema=1, actor="staff:a", division=DISTRICT,
            occurred_at=at, recorded_at=at,
        )  # fmt: skip
        self.position += 1
        MODEL.project(self.rows, Raw(name, data, codec.encode_meta(meta), f"e{self.position}", stream, version, self.position))

    def flush(self) -> None:
        with self.engine.execution_options(writes=True).begin() as tx:
            self.rows.flush(tx)

    def figures(self, division: str = DISTRICT, on: date | None = None) -> dict[str, sunshine.Figure]:
        return {f.place: f for f in sunshine.totals(self.engine, T, division, on)}


@contextmanager
def page(engine: sa.Engine) -> Iterator[Page]:
    discovery.load_all()
    MODEL.create(engine)
    # Each read sees what was flushed before, on both databases.
    with engine.connect().execution_options(single=True, isolation_level="AUTOCOMMIT") as connection:
        yield Page(engine, Rows(MODEL, connection, fresh=True))


def published(
    n: int, place: str, fen: int = 10000, programme: str = "p", members: int = 1, kind: Any = "recipient"
) -> di.DisclosurePublished:
    person = f"{n:032x}"
    shown = di.Shown(place, person, amount_fen=fen, name="张*")
    return di.DisclosurePublished(
        f"case{n}", programme, place, kind, ("name", "amount_fen"), shown, "rule", 1, date(2024, 1, 1),
        di.Counted(place, members, fen) if kind == "recipient" else None, date(2024, 1, 8) if kind == "proposal" else None,
    )  # fmt: skip


# -- which figures are withheld


def test_a_small_count_is_withheld_with_the_smallest_other_beside_it() -> None:
    """One hidden place would follow from the sum: the next smallest hides with it, under the same name; a count of none is nobody's."""
    assert sunshine.withheld({"a": 3, "b": 40, "c": 7, "d": 0}) == {"a": SMALL, "b": "", "c": SMALL, "d": ""}
    assert sunshine.withheld({"a": 5, "b": 40}) == {"a": "", "b": ""}
    assert sunshine.withheld({"a": 1, "b": 2, "c": 9, "d": 40}) == {"a": SMALL, "b": SMALL, "c": SMALL, "d": ""}  # 3 together are too few
    assert sunshine.withheld({"a": 3, "b": 4, "c": 9}) == {"a": SMALL, "b": SMALL, "c": ""}
    assert sunshine.withheld({"a": 30, "b": 0}, above=True) == {"a": ABOVE, "b": ABOVE}
    assert sunshine.withheld({"a": 3}) == {"a": SMALL}  # the district itself: there is nothing above it


def test_no_place_is_named_where_none_can_be_told() -> None:
    """Five villages with one household each are five: whoever saw that five are withheld would know of each that it is one."""
    assert sunshine.withheld(dict.fromkeys("abcde", 1) | {"f": 0}) == dict.fromkeys("abcdef", BELOW)
    assert sunshine.withheld({"a": 1, "b": 5}) == {"a": BELOW, "b": BELOW}
    assert sunshine.withheld(dict.fromkeys("abcde", 1) | {"f": 6, "g": 50}) == dict.fromkeys("abcdef", SMALL) | {"g": ""}
    assert sunshine.withheld({"a": 4, "b": 4, "c": 5, "d": 50}) == dict.fromkeys("abc", SMALL) | {"d": ""}  # four is the most for two


@pytest.mark.parametrize(("places", "most"), [(2, 14), (3, 10), (4, 7), (5, 6)])
def test_whoever_knows_the_rule_works_no_small_count_out(places: int, most: int) -> None:
    """Every district of so many towns is made and looked at as the public sees it: the sum, what is told, why the rest is not. For no
    place is there but one small count that would look so."""
    looks: dict[Any, list[tuple[int, ...]]] = {}
    for counts in itertools.product(range(most + 1), repeat=places):
        if sum(counts) >= SMALL_CELL:  # otherwise the sum itself is withheld, and everything below
            why = sunshine.withheld({str(n): count for n, count in enumerate(counts)})
            seen = tuple((why[str(n)], None if why[str(n)] else count) for n, count in enumerate(counts))
            looks.setdefault((sum(counts), seen), []).append(counts)
    for (_, seen), fitting in looks.items():
        for n, (why_not, _) in enumerate(seen):
            might_be = {counts[n] for counts in fitting}
            assert not why_not or len(might_be) > 1 or min(might_be) >= SMALL_CELL, (seen, fitting)


@settings(max_examples=300, deadline=None)
@drawn(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), min_size=1))
def test_no_small_count_follows_from_what_is_told(counts: dict[str, int]) -> None:
    """However many places: whoever knows the sum and every told count still has others that fit, wherever the sum is told."""
    why = sunshine.withheld(counts)
    assert all(why[p] for p, n in counts.items() if 0 < n < SMALL_CELL)
    hidden = [n for p, n in counts.items() if why[p] == SMALL]
    if hidden and sum(counts.values()) >= SMALL_CELL:
        assert len(hidden) >= 2
        assert sum(hidden) >= SMALL_CELL
        assert len(hidden) < sum(hidden) < len(hidden) * (min(n for p, n in counts.items() if n and not why[p]) - 1)
    assert BELOW not in why.values() or set(why.values()) == {BELOW}


def test_what_is_withheld_of_a_town_is_withheld_of_its_villages(engine: sa.Engine) -> None:
    """Otherwise the town's figure would be the sum of theirs."""
    with page(engine) as p:
        n = 0
        for town, villages in (("101", (6, 7)), ("102", (2, 1)), ("103", (60,))):
            for v, cases in enumerate(villages, 1):
                for _ in range(cases):
                    n += 1
                    p.see(f"assistance.disclosure-{n}", 0, FIRST, published(n, f"{DISTRICT}{town}{v:03}"))
        p.flush()
        towns = p.figures()
        told = {place[6:]: (f.cases, f.withheld) for place, f in towns.items()}
        assert told == {"": (76, ""), "101": (None, SMALL), "102": (None, SMALL), "103": (60, "")}
        assert {f.withheld for f in p.figures(f"{DISTRICT}101").values()} == {SMALL}  # of the villages not even who has any
        assert {f.cases for f in p.figures(f"{DISTRICT}101").values()} == {None}
        [record] = sunshine.withholdings(p.engine, T, f"{DISTRICT}101")
        assert (record["from_day"], record["until_day"], record["threshold"]) == ("2024-01-01", "9999-12-31", SMALL_CELL)
        assert not {"cases", "members", "amount_fen"} & set(record)
        # Two more in the small town: nothing is small any more, and everything is told, from that day on.
        for more in (1, 2):
            p.see(f"assistance.disclosure-x{more}", 0, FIRST + timedelta(days=40), published(1000 + more, f"{DISTRICT}102001"))
        p.flush()
        assert [f.cases for f in p.figures().values()] == [78, 13, 5, 60]
        assert [f.cases for f in p.figures(f"{DISTRICT}101").values()] == [13, 6, 7]
        assert [f.cases for f in p.figures(on=date(2024, 2, 9)).values()] == [76, None, None, 60]
        ended = {(w["place"], w["until_day"]) for w in sunshine.withholdings(p.engine, T, DISTRICT)}
        assert (f"{DISTRICT}101", "2024-02-10") in ended


def test_the_record_of_a_withholding_tells_no_day_on_which_the_figure_changed(engine: sa.Engine) -> None:
    """One, two, three households one after the other are one period, however many rows it is and however the record is paged; and a
    figure that is withheld says not since when it is what it is. Otherwise whoever counts the changes knows the count."""
    with page(engine) as p:
        for n in range(60):
            p.see(f"assistance.disclosure-{n}", 0, FIRST, published(n, f"{DISTRICT}{103 if n < 20 else 104}001"))
        for k in range(3):
            p.see(f"assistance.disclosure-k{k}", 0, FIRST + timedelta(days=10 * k + 5), published(100 + k, f"{DISTRICT}102001"))
        p.flush()
        assert {f.withheld: f.since for f in p.figures().values() if f.withheld} == {SMALL: ""}
        for limit in (1, 2, 200):
            found, after = [], ""
            while rows := sunshine.withholdings(p.engine, T, DISTRICT, after, limit):
                found += [(w["place"][6:9], w["withheld"], w["from_day"], w["until_day"]) for w in rows]
                after = rows[-1]["key"]
            assert found == [("102", SMALL, "2024-01-06", "9999-12-31"), ("103", SMALL, "2024-01-06", "9999-12-31")], limit
        then = sunshine.withholdings(p.engine, T, DISTRICT, on=date(2024, 1, 17))
        assert [(w["place"][6:9], w["from_day"], w["until_day"]) for w in then] == [
            ("102", "2024-01-06", "9999-12-31"), ("103", "2024-01-06", "9999-12-31"),
        ]  # fmt: skip


def test_below_a_town_of_which_no_village_can_be_told_none_is(engine: sa.Engine) -> None:
    """A town is told with seven households; of its villages neither which two have them nor which had some once. It is the town that the
    record names, for as long as it is so, however many villages it is and however the record is paged."""
    with page(engine) as p:
        for n, village in enumerate((1, 1, 1, 2, 2, 2, 2)):
            p.see(f"assistance.disclosure-{n}", 0, FIRST, published(n, f"{DISTRICT}101{village:03}"))
        p.see("assistance.disclosure-x", 0, FIRST, published(90, f"{DISTRICT}101003"))
        p.see("assistance.disclosure-x", 1, FIRST + timedelta(days=3), di.DisclosureWithdrawn("x", False, False))
        p.flush()
        assert {f.place: f.cases for f in p.figures(f"{DISTRICT}101").values()} == {f"{DISTRICT}101": 7}
        for village in (1, 2, 3, 4):  # the fourth never had any
            assert sunshine.veiled(p.engine, T, "p", f"{DISTRICT}101{village:03}")
        assert not sunshine.veiled(p.engine, T, "p", f"{DISTRICT}101")
        for n in range(3):
            p.see(f"assistance.disclosure-m{n}", 0, FIRST + timedelta(days=20), published(50 + n, f"{DISTRICT}101001"))
            p.see(f"assistance.disclosure-l{n}", 0, FIRST + timedelta(days=20), published(60 + n, f"{DISTRICT}101002"))
        p.flush()
        assert {f.place[9:]: f.cases for f in p.figures(f"{DISTRICT}101").values()} == {"": 13, "001": 6, "002": 7, "003": 0}
        assert not sunshine.veiled(p.engine, T, "p", f"{DISTRICT}101004")
        for limit in (1, 2, 200):
            found, after = [], ""
            while rows := sunshine.withholdings(p.engine, T, DISTRICT, after, limit):
                found += [(w["place"], w["withheld"], w["from_day"], w["until_day"]) for w in rows]
                after = rows[-1]["key"]
            assert found == [(f"{DISTRICT}101", BELOW, "2024-01-01", "2024-01-21")], limit


def test_a_run_tells_no_figure_that_its_place_withholds(engine: sa.Engine) -> None:
    """The town beside a small one is withheld, so its run is; the large town's is told but for its parts, of which few failed."""
    runs = TABLES["runs"]

    def run(p: Page, town: str, at: datetime, count: int, failed: int) -> None:
        run_id = f"{town}-{at.date()}"
        opened = PaymentRunOpened(run_id, "p", "2024-01", f"{DISTRICT}{town}", "staff:a")
        closed = PaymentRunClosed(run_id, "p", "2024-01", count, count, count - failed, count - failed, failed, failed)
        for n, event in enumerate((opened, PaymentRunSent(run_id, count, count), closed)):
            p.see(f"assistance.payment_run-{run_id}", n, at, event)
        p.flush()

    with page(engine) as p:
        n = 0
        for town, cases in (("101", 13), ("102", 3), ("103", 60)):
            for _ in range(cases):
                n += 1
                p.see(f"assistance.disclosure-{n}", 0, FIRST, published(n, f"{DISTRICT}{town}001"))
        p.flush()
        for town, count, failed in (("101", 13, 0), ("102", 3, 0), ("103", 60, 2)):
            run(p, town, FIRST, count, failed)
        with p.engine.connect() as connection:
            found = connection.execute(sa.select(runs.c.run_id, runs.c.withheld).where(runs.c.until == "9999-12-31")).all()
        assert {row.run_id[:3]: row.withheld for row in found} == {"101": "small", "102": "small", "103": "parts"}


# -- figures are sums

PLACES = [DISTRICT, *(f"{DISTRICT}{t}" for t in (101, 102)), *(f"{DISTRICT}{t}{v:03}" for t in (101, 102) for v in (1, 2, 3))]


@pytest.mark.parametrize("seed", range(6))
def test_the_figures_are_the_sums_of_what_stands_whatever_happened(engine: sa.Engine, seed: int) -> None:
    """Random lives of many cases; the figures of every past day are those that were right on that day, whichever batch wrote them."""
    chance = random.Random(seed)  # noqa: S311
    then: dict[date, dict[str, tuple[int, int, int]]] = {}
    standing: dict[int, di.Counted | None] = {}
    version: dict[int, int] = {}
    with page(engine) as p:
        at = FIRST
        for _ in range(250):
            at += timedelta(hours=chance.choice([0, 1, 5, 30]))
            n = chance.randrange(40)
            stream, place, fen = f"assistance.disclosure-{n}", chance.choice(PLACES), chance.randrange(1, 90) * 100
            v = version[n] = version.get(n, -1) + 1
            act = chance.choice(["publish", "publish", "correct", "withdraw", "hold", "expire", "proposal"])
            if standing.get(n) is None and act not in ("publish", "proposal"):
                act = "publish"
            if act == "publish":
                event: Any = published(n, place, fen, members=chance.randrange(1, 5))
                standing[n] = event.counted
            elif act == "proposal":
                event, standing[n] = published(n, place, fen, kind="proposal"), None
            elif act == "correct":
                counted = di.Counted(place, 2, fen)
                event = di.DisclosureCorrected(("amount_fen",), di.Shown(place, amount_fen=fen), ("amount_fen",), "x", 2, counted)
                standing[n] = counted
            elif act == "hold":
                event = di.DisclosureWithdrawn("人身安全", True, True, "staff:a")
            else:
                event = di.DisclosureExpired(date(2024, 1, 1)) if act == "expire" else di.DisclosureWithdrawn("x", False, False)
                standing[n] = None
            p.see(stream, v, at, event)
            if chance.random() < 0.2:
                p.flush()
                if chance.random() < 0.5:
                    p.rows.forget()
            sums: dict[str, tuple[int, int, int]] = {}
            for c in filter(None, standing.values()):
                for level in (6, 9, 12):
                    if level <= len(c.place):
                        a, b, f = sums.get(c.place[:level], (0, 0, 0))
                        sums[c.place[:level]] = (a + 1, b + c.members, f + c.amount_fen)
            then[at.date()] = sums
        p.flush()
        for day, sums in then.items():
            for division in (DISTRICT, f"{DISTRICT}101", f"{DISTRICT}102"):
                for place, f in p.figures(division, day).items():
                    if not f.withheld:
                        assert (f.cases, f.members, f.amount_fen) == sums.get(place, (0, 0, 0)), (day, place)
                    assert f.withheld or not 0 < sums.get(place, (0, 0, 0))[0] < SMALL_CELL
        assert p.figures() == p.figures(on=at.date())


# -- what the page said


def test_every_moment_s_page_can_be_asked_for(engine: sa.Engine) -> None:
    """Periods of one case do not overlap and leave no gap; a page that is longer than its limit goes on behind its last key."""
    with page(engine) as p:
        stream = "assistance.disclosure-1"
        p.see(stream, 0, FIRST, published(1, "330225101001", kind="proposal"))
        p.see(stream, 1, FIRST + timedelta(days=8), di.DisclosureExpired(date(2024, 1, 8)))
        p.see(stream, 2, FIRST + timedelta(days=9), published(1, "330225101001"))
        lower = di.DisclosureCorrected(("amount_fen",), di.Shown("330225101001", amount_fen=7000), ("amount_fen",), "调整", 5)
        p.see(stream, 3, FIRST + timedelta(days=40), lower)
        p.see(stream, 4, FIRST + timedelta(days=60), di.DisclosureWithdrawn("不予确认", False, False))
        p.flush()

        def said(day: str) -> list[Any]:
            on = date.fromisoformat(day)
            listed = sunshine.recipients(p.engine, T, "p", DISTRICT, on)
            return [r.amount_fen for r in listed] + [r.kind for r in sunshine.proposals(p.engine, T, DISTRICT, on, today=on)]

        days = (
            "2023-12-31", "2024-01-01", "2024-01-08", "2024-01-09", "2024-01-10", "2024-02-09", "2024-02-10", "2024-02-29", "2024-03-01",
        )  # fmt: skip
        assert [said(day) for day in days] == [[], ["proposal"], ["proposal"], [], [10000], [10000], [7000], [7000], []]
        assert sunshine.recipients(p.engine, T, "p", DISTRICT) == []
        instant = FIRST + timedelta(days=9)
        assert sunshine.recipients(p.engine, T, "p", DISTRICT, instant - timedelta(microseconds=1)) == []
        assert len(sunshine.recipients(p.engine, T, "p", DISTRICT, instant)) == 1
        p.see(stream, 5, FIRST + timedelta(days=70), published(1, "330225101001"))
        p.see(stream, 6, FIRST + timedelta(days=71), di.DisclosureWithdrawn("法院决定", True, False, "staff:a"))
        p.flush()
        assert [said(day) for day in days] == [[]] * len(days)  # by a hand: of no day any more


def test_lines_of_which_a_hand_keeps_the_place_stand_in_no_village(engine: sa.Engine) -> None:
    """On a past day they come first in their town, whichever village they were in, page after page, and each line comes once."""
    with page(engine) as p:
        for n in range(14):
            p.see(f"assistance.disclosure-{n:02}", 0, FIRST, published(n, f"330225101{n % 3 + 1:03}"))
        for n in (2, 7, 13):
            p.see(f"assistance.disclosure-{n:02}", 1, FIRST + timedelta(days=5), di.DisclosureFieldsHidden(("place",), "请求", "staff:a"))
        p.flush()
        on, found = date(2024, 1, 2), list[sunshine.Recipient]()
        while lines := sunshine.recipients(p.engine, T, "p", "330225101", on, found[-1].key if found else "", 2):
            found += lines
        assert len({r.stream for r in found}) == len(found) == 14
        assert [(r.place, r.stream[-2:]) for r in found[:3]] == [("330225101", "02"), ("330225101", "07"), ("330225101", "13")]
        villages = [r for v in (1, 2, 3) for r in sunshine.recipients(p.engine, T, "p", f"330225101{v:03}", on)]
        assert [r.stream for r in villages] == [r.stream for r in found[3:]]


def test_pages_follow_each_other_village_by_village(engine: sa.Engine) -> None:
    """Every recipient once, in the order of the places; those of another town or programme on none of them."""
    with page(engine) as p:
        for n in range(23):
            p.see(f"assistance.disclosure-{n:02}", 0, FIRST, published(n, f"330225101{n % 4:03}"))
        p.see("assistance.disclosure-y", 0, FIRST, published(98, "330225102001"))
        p.see("assistance.disclosure-z", 0, FIRST, replace(published(99, "330225101001"), programme="q"))
        p.flush()
        for on in (None, date(2024, 1, 2)):
            found: list[sunshine.Recipient] = []
            while lines := sunshine.recipients(p.engine, T, "p", "330225101", on, found[-1].key if found else "", 5):
                found += lines
            assert len({r.stream for r in found}) == len(found) == 23
            assert [r.place for r in found] == sorted(r.place for r in found)
        assert [r.stream[-1] for r in sunshine.recipients(p.engine, T, "p", "330225102")] == ["y"]

"""``valid_at`` of what is done day by day: how it stood at the close of a business day, with what was entered later than it was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.registry.read_model import deaths
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventsourcing.codec import Meta, Recorded
from shared.eventsourcing.days import close_of, day_of, held_on
from shared.eventsourcing.events import REGISTRY
from shared.office import Office
from tests.desk import Desk, desk
from tests.programmes import district as town
from tests.programmes.life import Life, answered, queries, rest, role_of

TIMELESS = {("assistance", "list_programmes"), ("eldercare", "list_programmes")}  # what a release declares
DUE = date(2023, 5, 31)


# -- every query


def test_every_query_takes_both_clocks_but_those_that_say_why_not(life: Life) -> None:
    """``as_of`` in every form, ``valid_at`` in every one that does not say in Chinese why it has no business day."""
    without = {}
    for service, info in queries(life.d):
        names = {f.name for f in dataclasses.fields(info.form)}
        assert "as_of" in names, f"{service}.{info.method}"
        assert ("valid_at" in names) is not bool(info.timeless), f"{service}.{info.method}"
        if info.timeless:
            without[service, info.method] = info.timeless
    assert without.keys() == TIMELESS
    assert all("日期" in why for why in without.values())


def _own(d: Desk, service: str, method: str) -> bool:
    """Whether a query says itself what was so on the day."""
    found = getattr(type(d.services[service]), method)
    return "valid_at" in found.__code__.co_varnames[: found.__code__.co_argcount]


def _late(d: Desk, service: str, day: date) -> list[Recorded]:
    """What was done by a day and entered behind it."""
    office = d.services[service].office
    found = []
    for raw in office.log.read_all(prefix=f"{service}."):
        if REGISTRY[raw.name].day:
            [r] = [r for r in office.history(raw.stream) if r.version == raw.version]
            found += [r] if day_of(r) <= day < r.meta.recorded_at.astimezone(SHANGHAI).date() else []
    return found


def test_a_day_of_which_nothing_was_entered_later_is_its_close(life: Life) -> None:
    """Every query about every day of the life on which somebody asked: what held by its close, and no event stands where it cannot."""
    d, told = life.d, set()
    for day in sorted({m.date() for m, _ in life.moments}):
        rest(d)
        assert all(not _late(d, service, day) for service in d.services), "this life enters nothing late"
        for service, info in queries(d):
            if info.timeless or _own(d, service, info.method):
                continue
            for body in life.bodies(info):
                then = answered(d, service, info.method, role_of(info), **body, as_of=close_of(day).isoformat())
                assert answered(d, service, info.method, role_of(info), **body, valid_at=day.isoformat()) == then, f"{info.method} {day}"
                if not isinstance(then, tuple):
                    told.add(info.method)
    assert told >= {
        "get_temporary", "get_verification", "get_recovery", "list_payment_runs", "list_recoveries", "list_worklists", "list_verifications",
        "list_temporary", "get_steps", "get_payment_run", "get_price_linkage",
    }  # fmt: skip


def test_a_day_that_is_not_over_is_now_and_one_before_any_record_is_refused(life: Life) -> None:
    """Today and a day to come show what is so; 1969 names the field."""
    d = life.d
    files = set((d.settings.var / "past").rglob("*.db"))
    for day in (d.now.date(), d.now.date() + timedelta(days=400)):
        assert d.call("list_recoveries", "auditor", valid_at=day.isoformat()) == d.call("list_recoveries", "auditor")
    assert set((d.settings.var / "past").rglob("*.db")) == files
    with pytest.raises(Refused, match="1970") as refused:
        d.call("list_recoveries", "auditor", valid_at="1969-12-31")
    assert refused.value.field == "valid_at"


def test_an_office_that_looks_back_may_look_further_back(life: Life) -> None:
    """A query that itself asks how it was earlier can be asked about the past: no later than there, from its streams and from its rows."""
    rest(life.d)
    here = life.d.services["registry"].office
    early, late = life.moments[0][0], life.moments[-1][0]

    def known(office: Office) -> list[str]:
        with office.read.connect() as connection:
            return list(connection.execute(sa.select(deaths.c.person_id)).scalars())

    assert known(here.then(early)) == []
    assert known(here.then(late)) != []
    for looking in (here.then(late), here.on_day(late.date())):
        assert known(looking.then(early)) == []
        assert known(looking.then(late + timedelta(days=1))) == known(here.then(looking.clock.now()))


def test_one_day_under_two_names_is_one_day(life: Life) -> None:
    """Queries of one day take it as ``day`` or as ``valid_at``; two different days are refused."""
    d, person = life.d, life.known["person_id"][1]
    role = next(role_of(info) for _, info in queries(d) if info.method == "class_on")
    asked = {"service": "assistance", "person_id": person}
    assert d.call("class_on", role, **asked, day="2023-04-15") == d.call("class_on", role, **asked, valid_at="2023-04-15")
    with pytest.raises(Refused, match="valid_at"):
        d.call("class_on", role, **asked, day="2023-04-15", valid_at="2023-04-16")


# -- what was entered later than it was done


@dataclasses.dataclass(frozen=True)
class Claimed:
    """A desk with one claim."""

    d: Desk
    claim: str

    def stood(self, day: str, **known: str) -> tuple[str, Any]:
        """In which list the claim stood, and until when the money was due, by the list and by the record; "" where there was none."""
        listed = [row["worklist"] for row in self.d.call("list_recoveries", "auditor", valid_at=day, **known)]
        found = answered(self.d, "assistance", "get_recovery", "auditor", recovery_id=self.claim, valid_at=day, **known)
        if isinstance(found, tuple):
            assert found[0] == "not_found"
            return "".join(listed), None
        return "".join(listed), found["notice_due_on"]


@pytest.fixture(scope="module")
def claimed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Claimed]:
    """A claim of 2023-04-06, its notice served on the 12th and entered on the 20th."""
    with desk(tmp_path_factory.mktemp("days"), "assistance") as d:
        home = town.register(d.on("2023-03-01"), 1, 60_000, 0, 0)
        person = next(iter(d.call("get_household", household_id=home.household_id)["members"]))
        town.file(d, home)
        town.finish(d, home)
        d.settle()
        d.on("2023-04-03")
        town.pay(d, "2023-04")
        changed = {"monthly_income_fen": 90_000, "effective_from": "2023-02-10"}
        d.on("2023-04-06").call("record_income", household_id=home.household_id, person_id=person, **changed)
        d.settle()
        [claim] = d.call("list_recoveries", "auditor")
        notice = {"notice_no": "象民追1号", "told_on": "2023-04-12", "due_on": DUE.isoformat()}
        d.on("2023-04-20").call("record_recovery_notice", "reviewer", recovery_id=claim["recovery_id"], **notice)
        d.on("2023-04-25").settle()
        yield Claimed(d, claim["recovery_id"])


def test_a_notice_served_on_a_day_and_entered_later_held_from_that_day(claimed: Claimed) -> None:
    """Before the claim there is none; until the notice was served it waits for it; from that day on it waits for the money."""
    assert claimed.stood("2023-04-05") == ("", None)
    assert claimed.stood("2023-04-06") == ("recovery_notify", None)
    assert claimed.stood("2023-04-11") == ("recovery_notify", None)
    for day in ("2023-04-12", "2023-04-19", "2023-04-20"):
        assert claimed.stood(day) == ("recovery_await", DUE)
    lists = {row["worklist"] for row in claimed.d.call("list_worklists", "auditor", valid_at="2023-04-15")}
    assert "recovery_await" in lists
    assert "recovery_notify" not in lists
    waiting = claimed.d.call("list_waiting", "auditor", worklist="recovery_await", valid_at="2023-04-15")
    assert [row["key"] for row in waiting] == [claimed.claim]


def test_the_business_day_by_what_was_known_at_a_moment(claimed: Claimed) -> None:
    """Both clocks: on the 15th nobody knew of the notice of the 12th; on the 20th it was known; a moment before the day is that moment."""
    assert claimed.stood("2023-04-12", as_of="2023-04-15T12:00:00+08:00") == ("recovery_notify", None)
    assert claimed.stood("2023-04-12", as_of="2023-04-20T23:00:00+08:00") == ("recovery_await", DUE)
    assert claimed.stood("2023-04-12", as_of="2023-04-07T12:00:00+08:00") == ("recovery_notify", None)
    assert claimed.stood("2023-04-12", as_of="2023-04-05T12:00:00+08:00") == ("", None)


def test_the_steps_of_a_day_have_what_was_entered_later(claimed: Claimed) -> None:
    """办理过程 of the 15th: opened, and told; ``at`` still says when it was entered."""
    steps = claimed.d.call("get_steps", "auditor", category="recovery", key=claimed.claim, valid_at="2023-04-15")
    assert [step["step"] for step in steps] == ["recovery_opened", "recovery_notified"]
    assert steps[1]["at"].startswith("2023-04-20")


def test_a_hand_sees_of_a_day_no_more_than_of_now(claimed: Claimed) -> None:
    """The next district's hand: an empty list, and no record."""
    assert claimed.d.call("list_recoveries", "auditor", at="330226", valid_at="2023-04-12") == []
    with pytest.raises(Refused, match="wrong_division"):
        claimed.d.call("get_recovery", "auditor", at="330226", recovery_id=claimed.claim, valid_at="2023-04-12")


def test_a_payment_run_of_a_day(claimed: Claimed) -> None:
    """Not there the day before it was prepared; then as far as it had come."""
    assert claimed.d.call("list_payment_runs", "auditor", valid_at="2023-04-02") == []
    [row] = claimed.d.call("list_payment_runs", "auditor", valid_at="2023-04-03")
    assert (row["month"], row["status"]) == ("2023-04", claimed.d.call("list_payment_runs", "auditor")[0]["status"])


def test_the_file_of_such_a_day_is_one_more_beside_the_moments(claimed: Claimed) -> None:
    """Made once, used again; of a day that nothing was entered late for there is none; an act entered since makes another."""
    d, past = claimed.d, claimed.d.services["assistance"].office.past
    rest(d)

    def late() -> set[Path]:
        return set(past.directory.glob("20230413*-late*.db"))  # the close of the 13th, in UTC

    d.call("list_recoveries", "auditor", valid_at="2023-04-13")
    [made] = late()
    inode = made.stat().st_ino
    d.call("list_waiting", "auditor", valid_at="2023-04-13")
    d.call("list_recoveries", "auditor", valid_at="2023-04-13", as_of="2023-04-15T12:00:00+08:00")
    assert [p.stat().st_ino for p in late()] == [inode]
    d.call("list_recoveries", "auditor", valid_at="2023-04-10")
    assert not list(past.directory.glob("20230410*-late*"))
    assert not [*past.directory.glob("*.new"), *past.directory.glob("*.building")]
    again = {"notice_no": "象民追2号", "told_on": "2023-04-13", "due_on": "2023-06-15"}
    position = d.call("record_recovery_notice", "reviewer", recovery_id=claimed.claim, **again)["position"]
    d.project()
    [row] = d.call("list_recoveries", "auditor", valid_at="2023-04-13", position=position)
    assert row["due_on"] == "2023-06-15"
    assert len(late()) == 2


def test_a_file_left_half_made_is_made_again(claimed: Claimed) -> None:
    """Killed while it copied: what lies there is not taken for the file, and not in its way."""
    d, past = claimed.d, claimed.d.services["assistance"].office.past
    rest(d)
    then = d.call("list_recoveries", "auditor", valid_at="2023-04-16")
    [made] = past.directory.glob("20230416*-late*.db")
    made.unlink()
    made.with_suffix(".building").write_bytes(b"half")
    assert d.call("list_recoveries", "auditor", valid_at="2023-04-16") == then
    assert made.exists()
    assert not made.with_suffix(".building").exists()


# -- the day of an event


def _recorded(name: str, event: Any, at: str, version: int = 0) -> Recorded:
    when = datetime.fromisoformat(at)
    meta = Meta(
        correlation_id="c", causation_id="c", command_id="c", command_hash="h", schema=1, actor="a", division="330225", occurred_at=when,
        recorded_at=when,
    )  # fmt: skip
    return Recorded(event, name, str(version), "assistance.recovery-x", version, version, meta)


def test_the_day_of_an_event_is_what_it_says_but_never_later_than_its_record() -> None:
    """A day to come counts from the record; the day of the record is Shanghai's; nothing is done before its own record began."""
    discovery.load_all()
    told, settled = (REGISTRY[f"assistance.{name}"].cls for name in ("recovery_notified", "recovery_settled"))
    early, late = told("1", date(2023, 4, 1), date(2023, 5, 1), "h"), told("2", date(2023, 4, 30), date(2023, 5, 1), "h")
    first = _recorded("assistance.recovery_settled", settled(0), "2023-04-05T17:00:00+00:00")  # the 6th in Shanghai
    before, ahead = (_recorded("assistance.recovery_notified", e, "2023-04-10T09:00:00+08:00", 1) for e in (early, late))
    assert [day_of(r) for r in (first, before, ahead)] == [date(2023, 4, 6), date(2023, 4, 1), date(2023, 4, 10)]
    assert held_on([first, before], date(2023, 4, 5)) == []
    assert held_on([first, before], date(2023, 4, 6)) == [first, before]
    assert held_on([first, ahead], date(2023, 4, 9)) == [first]


def test_every_field_that_is_named_as_a_day_is_one() -> None:
    """Of every type that names one; and there are some in every kind of record in which a day is typed."""
    discovery.load_all()
    named = {kind.short: kind for kind in REGISTRY.values() if kind.day and kind.service in discovery.services()}
    assert named.keys() >= {"recovery_notified", "visit_recorded", "objection_raised", "authorisation_recorded", "session_held"}
    for kind in named.values():
        [field] = [f for f in dataclasses.fields(kind.cls) if f.name == kind.day]
        assert field.type in ("date", "date | None"), kind.name

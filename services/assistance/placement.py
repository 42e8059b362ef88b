"""Placement (人户关系): in which household a person is counted. One stream per person; a person is in one household only.

A register with two households for one person would pay twice. This claim is written before the household is, and is what
reactions look in when an event about a person comes: the log itself, never a read model that may lag behind. Who moves out stays on
file with his last household, which has what is known of him, until another one takes him in; every month knows where he was counted.

Who moves alone into another household is handed over (移交) when the month has begun from which that one counts him, as a household that
moves is (``move.py``): until then the town he comes from answers for what is his own. So is who was registered by himself, once a newly
registered household of another town counts him (from the month after, for the register names none), and who is registered elsewhere from
a month on (``person_move_noted``). What goes with him: ``doors/move.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.assistance.move import DISTRICT_DIGITS, MONTHS_AFTER
from shared.domain import dates
from shared.domain.errors import Refused
from shared.domain.frozen import replace
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Order

ALWAYS = "0000-01"


@event("assistance.person_placed")
@dataclass(frozen=True)
class PersonPlaced:
    """编入家庭: ``division`` is that of the household; from the first month that is asked about, or from ``from_month`` on (迁入).
    ``over_from``: the first month in which what is his own is that town's, where another one, ``known_in``, had it and no month is told."""

    person_id: str
    household_id: str
    division: str
    from_month: str = ALWAYS
    over_from: str = ""
    known_in: str = ""


@event("assistance.person_left_household")
@dataclass(frozen=True)
class PersonLeftHousehold:
    """迁出家庭: from ``from_month`` on no household counts him."""

    person_id: str
    household_id: str
    from_month: str


@event("assistance.person_followed")
@dataclass(frozen=True)
class PersonFollowed:
    """随户迁移: the household that has him was handed over to another town, and he with it."""

    person_id: str
    household_id: str
    division: str


@event("assistance.person_move_noted")
@dataclass(frozen=True)
class PersonMoveNoted:
    """个人迁移: whom no household counts is registered elsewhere from ``from_month`` on, as ``person.py`` says; he is handed over then."""

    person_id: str
    from_month: str


@event("assistance.person_handed_over", published=True)
@dataclass(frozen=True)
class PersonHandedOver:
    """个人移交: the month has begun from which another household counts him, or he is registered elsewhere (``from_month``, the latest
    one); from today on what is his own is ``division``'s, the town of the household that has him, or ("" = none) where he is registered."""

    person_id: str
    household_id: str
    division: str
    from_month: str


@dataclass(frozen=True)
class Stay:
    """In this household ("" = in none) from ``month`` on."""

    month: str
    household_id: str
    over_from: str = ""  # the month from which what is his own is its town's, where that is a later one


@dataclass(frozen=True)
class Placement:
    household_id: str = ""  # the household that has what is known of him: where he is counted, or was last
    division: str = ""
    stays: tuple[Stay, ...] = ()  # as recorded
    coming: tuple[str, ...] = ()  # months from which a later household counts him, and for which he was not handed over yet
    moving: tuple[str, ...] = ()  # likewise: from which he is registered elsewhere

    @property
    def households(self) -> tuple[str, ...]:
        """Every household that ever counted him, in the order of recording."""
        return tuple(dict.fromkeys(s.household_id for s in self.stays if s.household_id))

    def home_in(self, month: str) -> str:
        """The household that counts him in a month; "" = none."""
        known = [(s.month, n) for n, s in enumerate(self.stays) if s.month <= month]
        return self.stays[max(known)[1]].household_id if known else ""

    def known_by(self, month: str) -> str:
        """The household that has what is known of him in a month: the one that counts him, or did last; "" = none did by then."""
        return self.answering(month)[0]

    def answering(self, month: str) -> tuple[str, str]:
        """The same, with the month in which that one counts him no more; "" = it counts him still."""
        for home, first, end in reversed(self.spans()):
            begins = max((first, *(s.over_from for s in self.stays if (s.household_id, s.month) == (home, first))))
            if home and begins <= month and (not end or begins < end):
                return home, end if end and end <= month else ""
        return "", ""

    @property
    def has_him(self) -> str:
        """The household that has him by now: of who was not handed over yet, the one he comes from; "" = he comes from none."""
        return self.known_by(dates.add_months(min(self.coming), -1)) if self.coming else self.household_id

    @property
    def free_from(self) -> str | None:
        """The month from which no household counts him; None while one does."""
        _, first, _ = self.spans()[-1]
        return None if self.home_in(first) else first

    def spans(self) -> tuple[tuple[str, str, str], ...]:
        """Where he was counted when, as (household or "", first month, first month no more or ""), in order."""
        edges = sorted({s.month for s in self.stays} | {ALWAYS})
        return tuple((self.home_in(first), first, end) for first, end in zip(edges, (*edges[1:], ""), strict=True))


def evolve(state: Placement, happened: Any) -> Placement:
    match happened:
        case PersonPlaced():
            stays = (*state.stays, Stay(happened.from_month, happened.household_id, happened.over_from))
            first = happened.over_from or happened.from_month
            coming = state.coming if first == ALWAYS else (*state.coming, first)
            return replace(state, household_id=happened.household_id, division=happened.division, stays=stays, coming=coming)
        case PersonLeftHousehold():
            return replace(state, stays=(*state.stays, Stay(happened.from_month, "")))
        case PersonFollowed():
            return replace(state, division=happened.division)
        case PersonMoveNoted():
            return replace(state, moving=(*state.moving, happened.from_month))
        case PersonHandedOver():
            coming, moving = (tuple(m for m in of if m > happened.from_month) for of in (state.coming, state.moving))
            return replace(state, coming=coming, moving=moving)
        case _:
            raise TypeError(f"a placement knows no {type(happened).__name__}")


@command("place_person", permission="assistance:register")
@dataclass(frozen=True)
class PlacePerson:
    """``known_in``: the town that has what is known of him, put in by the door of a newly registered household."""

    person_id: str
    household_id: str
    division: str
    from_month: str = ALWAYS
    known_in: str = ""


@command("release_person", permission="assistance:survey")
@dataclass(frozen=True)
class ReleasePerson:
    person_id: str
    household_id: str
    from_month: str


@command("follow_household", permission="assistance:note")
@dataclass(frozen=True)
class FollowHousehold:
    """By the service, when the household was handed over; ``month``: the one that runs."""

    person_id: str
    household_id: str
    division: str
    month: str


@command("note_person_move", permission="assistance:note")
@dataclass(frozen=True)
class NotePersonMove:
    """By the service: he is registered elsewhere from the month on."""

    person_id: str
    from_month: str


@command("hand_over_person", permission="assistance:note")
@dataclass(frozen=True)
class HandOverPerson:
    """By the service, when the month has begun; ``division``: the town by now of the household that has him in ``month``, which runs."""

    person_id: str
    household_id: str
    division: str
    month: str


def place_person(state: Placement, c: PlacePerson, order: Order[Any]) -> Sequence[Any]:
    if c.from_month == ALWAYS and c.household_id in state.households:
        return []  # the same register once more
    if state.household_id == c.household_id and state.home_in(c.from_month) == c.household_id:
        return []
    # Who moved out of another household is counted in a newly registered one from then on.
    month = max(c.from_month, free) if (free := state.free_from) is not None else ""
    if not month or (c.from_month != ALWAYS and month != c.from_month):
        raise Refused("already_exists", "该人员已登记在另一家庭，请先在该户办理迁出。", "person_id")
    # Until the register of a household was told of him, the town that has him had him by right: its months stay its own.
    elsewhere = month == ALWAYS and c.known_in != c.division and c.known_in[:DISTRICT_DIGITS] == c.division[:DISTRICT_DIGITS]
    over = dates.add_months(dates.month_of(order.today), MONTHS_AFTER) if elsewhere else ""
    return [PersonPlaced(c.person_id, c.household_id, c.division, month, over, c.known_in if elsewhere else "")]


def release_person(state: Placement, c: ReleasePerson, order: Order[Any]) -> Sequence[Any]:
    """Nothing for somebody whom another household has by now, or none."""
    if state.home_in(c.from_month) != c.household_id:
        return []
    return [PersonLeftHousehold(c.person_id, c.household_id, c.from_month)]


def follow_household(state: Placement, c: FollowHousehold, order: Order[Any]) -> Sequence[Any]:
    """Nothing for somebody whom another household has by now, or none: he stayed."""
    if state.home_in(c.month) != c.household_id or state.division == c.division:
        return []
    return [PersonFollowed(c.person_id, c.household_id, c.division)]


def note_person_move(state: Placement, c: NotePersonMove, order: Order[Any]) -> Sequence[Any]:
    """Nothing where he is to be handed over for that month as it is."""
    return [] if c.from_month in state.moving else [PersonMoveNoted(c.person_id, c.from_month)]


def hand_over_person(state: Placement, c: HandOverPerson, order: Order[Any]) -> Sequence[Any]:
    """Once for all that have begun by the month; also when he is not there after all, or back: it is said where he is."""
    begun = [m for m in (*state.coming, *state.moving) if m <= c.month]
    return [PersonHandedOver(c.person_id, c.household_id, c.division, max(begun))] if begun else []


DECIDER: Decider[Placement] = Decider(
    category="assistance.person",
    initial=Placement(),
    evolve=evolve,
    decide={
        PlacePerson: place_person,
        ReleasePerson: release_person,
        FollowHousehold: follow_household,
        NotePersonMove: note_person_move,
        HandOverPerson: hand_over_person,
    },
    division=lambda state: state.division,
)

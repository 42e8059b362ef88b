"""Doors for what outside agencies report of a household (外部通报): who is believed in what is declared in ``reported.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.assistance.doors.person import PersonDoors
from services.assistance.reported import Report, take
from shared.eventsourcing.orders import Notice
from shared.messaging.doors import reaction


@dataclass(frozen=True)
class WholeHouseholdMoved:
    """全户迁移通报: the household of this resident moved, all of it: the fields we read of it. ``reference``: the agency's own number."""

    person_id: str
    moved_on: date
    division: str
    reference: str


@dataclass(frozen=True)
class MemberLeft:
    """成员户籍迁出通报: this resident's registration left the household's; the fields we read of it."""

    person_id: str
    left_on: date
    reference: str


@dataclass(frozen=True)
class ChildBorn:
    """出生通报: a child was born to this resident; the fields we read of it. The child is entered by a clerk, from the papers."""

    person_id: str
    born_on: date
    reference: str


class ReportedDoors(PersonDoors):
    """外部通报."""

    @reaction("psb", "household_moved", reads=WholeHouseholdMoved)
    def on_household_move_reported(self, notice: Notice[WholeHouseholdMoved]) -> None:
        """公安部门 says that a whole household moved its registration."""
        self._whole(notice)

    @reaction("housing", "household_resettled", reads=WholeHouseholdMoved)
    def on_household_resettled(self, notice: Notice[WholeHouseholdMoved]) -> None:
        """住建部门 says that a household was resettled (搬迁安置)."""
        self._whole(notice)

    def _whole(self, notice: Notice[WholeHouseholdMoved]) -> None:
        f = notice.facts
        take(self.office, Report("moved", f.person_id, f.moved_on, f.reference, f.division), notice)

    @reaction("psb", "member_left", reads=MemberLeft)
    def on_member_left_reported(self, notice: Notice[MemberLeft]) -> None:
        """公安部门 says that one member's registration left the household's."""
        f = notice.facts
        take(self.office, Report("left", f.person_id, f.left_on, f.reference), notice)

    @reaction("psb", "birth_registered", reads=ChildBorn)
    def on_birth_registered(self, notice: Notice[ChildBorn]) -> None:
        """公安部门 registered a child of somebody of a household."""
        self._born(notice)

    @reaction("hospital", "birth_reported", reads=ChildBorn)
    def on_birth_reported(self, notice: Notice[ChildBorn]) -> None:
        """A hospital says that somebody of a household has borne a child (出生医学证明)."""
        self._born(notice)

    def _born(self, notice: Notice[ChildBorn]) -> None:
        f = notice.facts
        take(self.office, Report("born", f.person_id, f.born_on, f.reference), notice)

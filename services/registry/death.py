"""Death registration (死亡登记): that a person has died, on which day, on whose word. One stream per person.

One that was registered wrongly is annulled, and may be registered again.

Registered by a registrar, or on a hospital's electronic report (死亡医学证明). A second report of the same day confirms the
first; one of another day is kept as a conflict for a person to settle, because benefits hang on the day.
Relied on by the after-death one-stop process, and through it by every service that pays or cares for anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypedDict

from shared.domain import division as divisions
from shared.domain.errors import invalid, out_of_order
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order

# -- Events


@event(
    "registry.death_registered",
    published=True,
    public=lambda e: {"person_id": e.person_id, "died_on": e.died_on, "division": e.division, "source": e.source},
)
@dataclass(frozen=True)
class DeathRegistered:
    """死亡登记. ``source`` is "registrar" or the agency that reported ("hospital")."""

    person_id: str
    died_on: date
    division: str
    source: str
    certificate_no: str = personal(of="person_id", default="")
    name: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")


@event("registry.death_confirmed")
@dataclass(frozen=True)
class DeathConfirmed:
    """死亡信息印证: another source reported the same death."""

    person_id: str
    source: str


@event("registry.death_report_conflicted")
@dataclass(frozen=True)
class DeathReportConflicted:
    """死亡日期不一: another source reported another day; work for a registrar."""

    person_id: str
    source: str
    reported_died_on: date


@event("registry.death_date_corrected", published=True, public=lambda e: {"person_id": e.person_id, "died_on": e.died_on})
@dataclass(frozen=True)
class DeathDateCorrected:
    """死亡日期更正: everything that hung on the day is asked again."""

    person_id: str
    died_on: date
    reason: str


@event("registry.death_annulled", published=True, public=lambda e: {"person_id": e.person_id, "division": e.division})
@dataclass(frozen=True)
class DeathAnnulled:
    """死亡登记撤销: the person lives, the certificate was another's or was wrong; what hung on the death is brought back."""

    person_id: str
    division: str
    reason: str
    by: str


# -- State


@dataclass(frozen=True)
class Death:
    registered: bool = False
    person_id: str = ""
    died_on: date | None = None
    division: str = ""
    source: str = ""
    registered_by_source: tuple[str, ...] = ()
    conflict_on: date | None = None
    name: str = ""
    certificate_no: str = ""


class OnDay(TypedDict):
    """Whether somebody lived on a day."""

    living: bool


def evolve(state: Death, happened: Any) -> Death:
    match happened:
        case DeathRegistered():
            return Death(
                True,
                happened.person_id,
                happened.died_on,
                happened.division,
                happened.source,
                (happened.source,),
                None,
                happened.name,
                happened.certificate_no,
            )
        case DeathConfirmed():
            return replace(state, registered_by_source=(*state.registered_by_source, happened.source))
        case DeathReportConflicted():
            return replace(state, conflict_on=happened.reported_died_on)
        case DeathDateCorrected():
            return replace(state, died_on=happened.died_on, conflict_on=None)
        case DeathAnnulled():
            return Death(person_id=state.person_id, division=state.division)
        case _:
            raise TypeError(f"a death knows no {type(happened).__name__}")


# -- Commands


@command("register_death", permission="registry:register")
@dataclass(frozen=True)
class RegisterDeath:
    person_id: str
    died_on: date
    division: str
    source: str
    born_on: date | None = None
    certificate_no: str = ""
    name: str = ""
    resident_id: str = ""


@command("correct_death_date", permission="registry:register")
@dataclass(frozen=True)
class CorrectDeathDate:
    person_id: str
    died_on: date
    reason: str


@command("annul_death", permission="registry:register")
@dataclass(frozen=True)
class AnnulDeath:
    person_id: str
    reason: str


# -- Decisions


def register_death(state: Death, c: RegisterDeath, order: Order[Any]) -> Sequence[Any]:
    if not is_person_id(c.person_id):
        raise invalid("人员标识不正确。", "person_id")
    if c.died_on > order.today:
        raise invalid("死亡日期不能晚于今天。", "died_on")
    if c.born_on is not None and c.died_on < c.born_on:
        raise invalid("死亡日期不能早于出生日期。", "died_on")
    if not state.registered:
        where = divisions.check(c.division)
        return [DeathRegistered(c.person_id, c.died_on, where, c.source, c.certificate_no, c.name, c.resident_id)]
    if c.died_on != state.died_on:
        return [] if state.conflict_on == c.died_on else [DeathReportConflicted(c.person_id, c.source, c.died_on)]
    return [] if c.source in state.registered_by_source else [DeathConfirmed(c.person_id, c.source)]


def correct_death_date(state: Death, c: CorrectDeathDate, order: Order[Any]) -> Sequence[Any]:
    if not state.registered:
        raise out_of_order("尚未登记死亡，无从更正。")
    if c.died_on > order.today:
        raise invalid("死亡日期不能晚于今天。", "died_on")
    if not c.reason.strip():
        raise invalid("请填写更正理由。", "reason")
    return (
        [] if c.died_on == state.died_on and state.conflict_on is None else [DeathDateCorrected(c.person_id, c.died_on, c.reason.strip())]
    )


def annul_death(state: Death, c: AnnulDeath, order: Order[Any]) -> Sequence[Any]:
    if not state.registered:
        raise out_of_order("尚未登记死亡，或已撤销。")
    if not c.reason.strip():
        raise invalid("请填写撤销理由。", "reason")
    return [DeathAnnulled(c.person_id, state.division, c.reason.strip(), order.hand.actor)]


DECIDER: Decider[Death] = Decider(
    category="registry.death",
    initial=Death(),
    evolve=evolve,
    decide={RegisterDeath: register_death, CorrectDeathDate: correct_death_date, AnnulDeath: annul_death},
    division=lambda state: state.division,
)

"""The registry's doors (登记服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.registry import after_death, death, funeral
from services.registry.read_model import MODEL, deaths, processes
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.doors import Due, Service, command, deadline, query, reaction
from shared.messaging.showing import caught_up, shown
from shared.security.permissions import within

# -- What comes in


@dataclass(frozen=True)
class DeathForm:
    """A registrar's form (死亡登记表). The resident ID becomes a person_id here and goes no further in the clear."""

    resident_id: str
    name: str
    died_on: date
    division: str
    certificate_no: str = ""


@dataclass(frozen=True)
class FuneralClaimForm:
    """惠民殡葬申领: the deceased by pseudonym, the organiser by resident ID."""

    person_id: str
    organiser_resident_id: str
    organiser_name: str = ""


@dataclass(frozen=True)
class DeathReported:
    """死亡医学证明: the health bureau's ``hospital.death_reported``, the fields we read of it."""

    person_id: str
    died_on: date
    division: str
    certificate_no: str = ""


@dataclass(frozen=True)
class DeathRegistered:
    """Our own ``registry.death_registered`` and ``registry.death_date_corrected``."""

    person_id: str
    died_on: date
    division: str = ""


@dataclass(frozen=True)
class Opened:
    """Our own ``registry.after_death_opened``."""

    person_id: str
    died_on: date
    division: str
    round: int
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """``<service>.after_death_answered``: a service settled its step."""

    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


class Registry(Service):
    """登记: deaths, what follows from them, funeral benefits."""

    name = "registry"

    # -- deaths

    @command(DeathForm, permission="registry:register")
    def register_death(self, order: Order[DeathForm]) -> Any:
        """死亡登记。"""
        form = order.command
        number = resident_ids.check(form.resident_id)
        person_id = self.office.person_id(number)
        register = death.RegisterDeath(
            person_id,
            form.died_on,
            divisions.check(form.division),
            "registrar",
            resident_ids.born_on(number),
            form.certificate_no,
            form.name,
            number,
        )
        within(order.hand, register.division)
        return self.office.handle(death.DECIDER, person_id, order.to(register))

    @command(death.CorrectDeathDate)
    def correct_death_date(self, order: Order[death.CorrectDeathDate]) -> Any:
        """更正死亡日期；随后身后事项按新日期重办。"""
        return self.office.handle(death.DECIDER, order.command.person_id, order)

    @query(permission="registry:read")
    def get_death(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """查询死亡登记（可查询过去任一时刻）。"""
        return shown(self.office, death.DECIDER, person_id, hand, as_of)

    @query(permission="registry:read")
    def list_deaths(self, hand: Hand, after: str = "", limit: int = 100, position: int | None = None) -> Any:
        """本辖区死亡登记列表。"""
        caught_up(self.office, MODEL, position)
        return [
            {**row, "name": self.office.vault.open(row["name"])}
            for row in listed(self.office.read, deaths, hand.division, {}, limit, after)
        ]

    @reaction("hospital", "death_reported", reads=DeathReported)
    def on_death_reported(self, notice: Notice[DeathReported]) -> None:
        """A hospital reports a death: it is registered on the hospital's word."""
        f = notice.facts
        register = death.RegisterDeath(f.person_id, f.died_on, divisions.check(f.division), "hospital", None, f.certificate_no)
        self.office.handle(death.DECIDER, f.person_id, notice.order(register))

    # -- after a death

    @reaction("registry", "death_registered", reads=DeathRegistered)
    def on_death_registered(self, notice: Notice[DeathRegistered]) -> None:
        """One notice, once: the process opens with every step it owes."""
        self._open(notice)

    @reaction("registry", "death_date_corrected", reads=DeathRegistered)
    def on_death_date_corrected(self, notice: Notice[DeathRegistered]) -> None:
        """Another day of death: everything that hung on the day is asked again."""
        self._open(notice)

    def _open(self, notice: Notice[DeathRegistered]) -> None:
        # The day and the place come from the stream: a registration that is retried late must not undo a correction (law 6).
        person_id = notice.facts.person_id
        known: death.Death = self.office.load(death.DECIDER, person_id).state
        opening = after_death.OpenAfterDeath(person_id, known.died_on or notice.facts.died_on, known.division or notice.facts.division)
        self.office.handle(after_death.DECIDER, person_id, notice.order(opening))

    @reaction("registry", "after_death_opened", reads=Opened)
    def on_after_death_opened(self, notice: Notice[Opened]) -> None:
        """The registry's own step: offer the funeral benefits, and say so to the process."""
        f = notice.facts
        offer = funeral.OfferFuneralBenefits(f.person_id, f.died_on, f.division)
        self.office.handle(funeral.DECIDER, f.person_id, notice.order(offer, "offer"))
        said = after_death.RecordStep(f.person_id, f.round, "funeral_benefits", "done", "已告知惠民殡葬待遇，待承办人申领")
        self.office.handle(after_death.DECIDER, f.person_id, notice.order(said, "step"))

    @reaction("assistance", "after_death_answered", reads=Answered)
    def on_assistance_answered(self, notice: Notice[Answered]) -> None:
        """Assistance settled its step."""
        self._record(notice)

    @reaction("eldercare", "after_death_answered", reads=Answered)
    def on_eldercare_answered(self, notice: Notice[Answered]) -> None:
        """Elder care settled its step."""
        self._record(notice)

    def _record(self, notice: Notice[Answered]) -> None:
        f = notice.facts
        said = after_death.RecordStep(f.person_id, f.round, f.step, f.outcome, f.note, f.amount_fen)
        self.office.handle(after_death.DECIDER, f.person_id, notice.order(said))

    @deadline("late_step")
    def on_late_step(self, due: Due) -> None:
        """A step is late: it goes to a person."""
        escalate = after_death.EscalateStep(due.aggregate_id, due.data["step"])
        self.office.handle(after_death.DECIDER, due.aggregate_id, due.order(escalate))

    @command(after_death.SkipStep)
    def skip_step(self, order: Order[after_death.SkipStep]) -> Any:
        """人工办结无人答复的步骤，须写明理由。"""
        return self.office.handle(after_death.DECIDER, order.command.person_id, order)

    @query(permission="registry:read")
    def get_after_death(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """身后事项办理情况：每一步应办、已办、不适用及理由。"""
        return shown(self.office, after_death.DECIDER, person_id, hand, as_of)

    @query(permission="registry:read")
    def list_after_death(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """本辖区身后事项列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, processes, hand.division, {"status": status}, limit, after)

    # -- funeral benefits

    @command(FuneralClaimForm, permission="registry:funeral")
    def claim_funeral_benefits(self, order: Order[FuneralClaimForm]) -> Any:
        """申领惠民殡葬待遇，每位逝者一次。"""
        form = order.command
        organiser = self.office.person_id(resident_ids.check(form.organiser_resident_id, "organiser_resident_id"))
        claim = funeral.ClaimFuneralBenefits(form.person_id, organiser, form.organiser_name)
        return self.office.handle(funeral.DECIDER, form.person_id, order.to(claim))

    @command(funeral.ApproveFuneralBenefits)
    def approve_funeral_benefits(self, order: Order[funeral.ApproveFuneralBenefits]) -> Any:
        """批准惠民殡葬待遇（另一经办人）。"""
        return self.office.handle(funeral.DECIDER, order.command.person_id, order)

    @command(funeral.DeclineFuneralBenefits)
    def decline_funeral_benefits(self, order: Order[funeral.DeclineFuneralBenefits]) -> Any:
        """不申领或不予批准，须写明理由。"""
        return self.office.handle(funeral.DECIDER, order.command.person_id, order)

    @query(permission="registry:read")
    def get_funeral_benefits(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """惠民殡葬待遇办理情况。"""
        return shown(self.office, funeral.DECIDER, person_id, hand, as_of)


SERVICE = Registry

"""The registry's doors (登记服务): RPC methods, reactions, deadlines. No decisions here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from services.registry import after_death, death, erasure, funeral
from services.registry.read_model import MODEL, deaths, erasures, processes
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import invalid, out_of_order
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging import wire
from shared.messaging.answering import answers, kept, rows
from shared.messaging.doors import Due, command, deadline, query, reaction
from shared.messaging.page_doors import PageDoors
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
class DeathAnnulled:
    """Our own ``registry.death_annulled``."""

    person_id: str


@dataclass(frozen=True)
class Annulled:
    """Our own ``registry.after_death_annulled``."""

    person_id: str
    round: int


@dataclass(frozen=True)
class Answered:
    """``<service>.after_death_answered``: a service settled its step."""

    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


@dataclass(frozen=True)
class ErasureApproved:
    """Our own ``registry.erasure_approved``."""

    person_id: str


@dataclass(frozen=True)
class ErasureAnswered:
    """``<service>.erasure_answered``: what a service has open of the person."""

    person_id: str
    number: int
    cases: int
    records: int
    claims: int
    divisions: tuple[str, ...] = ("",)


class Registry(PageDoors):
    """登记: deaths, what follows from them, funeral benefits; the erasure of a person."""

    name = "registry"

    def files_of(self, person_id: str) -> tuple[tuple[str, str], ...]:
        """The death, what follows from it, the funeral's benefits, an erasure."""
        return tuple((category, person_id) for category in ("death", "after_death", "funeral", "erasure"))

    def known_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """Of an erasure: which proposal is decided."""
        return {"number": state.number} if category == "erasure" else {}

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

    @command(death.AnnulDeath)
    def annul_death(self, order: Order[death.AnnulDeath]) -> Any:
        """撤销误登记的死亡；随后因死亡停发的待遇自停发之月起恢复，少发的补发。"""
        return self.office.handle(death.DECIDER, order.command.person_id, order)

    @query(permission="registry:read")
    @answers(kept(death.Death, valid=death.OnDay))
    def get_death(self, hand: Hand, person_id: str, as_of: datetime | None = None, valid_at: date | None = None) -> Any:
        """查询死亡登记；as_of：当时所知；valid_at：某日是否在世。"""
        found = shown(self.office, death.DECIDER, person_id, hand, as_of)
        if valid_at is not None:
            found["valid"] = {"living": found["died_on"] is None or valid_at < found["died_on"]}
        return found

    @query(permission="registry:read", opens="person_id")
    @answers(rows(deaths))
    def list_deaths(
        self, hand: Hand, valid_at: date | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """本辖区死亡登记列表；valid_at：至某日（含）已死亡的。"""
        caught_up(self.office, MODEL, position)
        by_then = () if valid_at is None else (deaths.c.died_on <= valid_at.isoformat(),)
        return [
            {**row, "name": self.office.vault.open(row["name"])}
            for row in listed(self.office.read, deaths, hand.division, {}, limit, after, also=by_then)
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
        if not known.registered:
            return  # annulled meanwhile
        opening = after_death.OpenAfterDeath(person_id, known.died_on or notice.facts.died_on, known.division or notice.facts.division)
        self.office.handle(after_death.DECIDER, person_id, notice.order(opening))

    @reaction("registry", "death_annulled", reads=DeathAnnulled)
    def on_death_annulled(self, notice: Notice[DeathAnnulled]) -> None:
        """The person lives: what was taken because of the death is asked back, unless he is registered as dead again by now."""
        person_id = notice.facts.person_id
        if not self.office.load(death.DECIDER, person_id).state.registered:
            self.office.handle(after_death.DECIDER, person_id, notice.order(after_death.AnnulAfterDeath(person_id)))

    @reaction("registry", "after_death_annulled", reads=Annulled)
    def on_after_death_annulled(self, notice: Notice[Annulled]) -> None:
        """The registry's own step: the funeral benefits are taken back; what was approved already goes to a person."""
        f = notice.facts
        before: funeral.Funeral = self.office.load(funeral.DECIDER, f.person_id).state
        take_back = funeral.TakeBackFuneralBenefits(f.person_id)
        self.office.handle(funeral.DECIDER, f.person_id, notice.order(take_back, "take back"))
        note = "惠民殡葬待遇已撤回" + ("；已批准的须人工核实并追回" if before.status == "approved" else "")
        said = after_death.RecordStep(f.person_id, f.round, "funeral_benefits", "done", note)
        self.office.handle(after_death.DECIDER, f.person_id, notice.order(said, "step"))

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
    @answers(kept(after_death.AfterDeath))
    def get_after_death(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """身后事项办理情况：每一步应办、已办、不适用及理由。"""
        return shown(self.office, after_death.DECIDER, person_id, hand, as_of)

    @query(permission="registry:read")
    @answers(rows(processes))
    def list_after_death(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """本辖区身后事项列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, processes, hand.division, {"status": status}, limit, after)

    # -- funeral benefits

    @command(FuneralClaimForm, permission="registry:funeral", does=funeral.ClaimFuneralBenefits)
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
    @answers(kept(funeral.Funeral))
    def get_funeral_benefits(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """惠民殡葬待遇办理情况。"""
        return shown(self.office, funeral.DECIDER, person_id, hand, as_of)

    # -- erasure of a person

    @command(erasure.ProposeErasure)
    def propose_erasure(self, order: Order[erasure.ProposeErasure]) -> Any:
        """提出删除个人信息：写明法定事由、依据材料，认定保存期限已届满，并声明不再领取待遇、无在办事项。"""
        self._may_be_erased(order)
        return self.office.handle(erasure.DECIDER, order.command.person_id, order)

    @command(erasure.WithdrawErasure)
    def withdraw_erasure(self, order: Order[erasure.WithdrawErasure]) -> Any:
        """撤回尚未批准的提议。"""
        _names_nobody(order.command)
        return self.office.handle(erasure.DECIDER, order.command.person_id, order)

    @command(erasure.RefuseErasure)
    def refuse_erasure(self, order: Order[erasure.RefuseErasure]) -> Any:
        """不予批准，须写明理由（与提出不得为同一人）。"""
        _names_nobody(order.command)
        return self.office.handle(erasure.DECIDER, order.command.person_id, order)

    @command(erasure.ApproveErasure)
    def approve_erasure(self, order: Order[erasure.ApproveErasure]) -> Any:
        """批准删除个人信息（与提出不得为同一人）；随即销毁密钥，不可恢复。"""
        self._may_be_erased(order)
        return self.office.handle(erasure.DECIDER, order.command.person_id, order)

    def _may_be_erased(self, order: Order[Any]) -> None:
        """What the registry itself can see: the person's record is the hand's, and nothing of ours is open."""
        _names_nobody(order.command)
        person_id = order.command.person_id
        known: death.Death = self.office.load(death.DECIDER, person_id).state
        if known.registered:
            within(order.hand, known.division)
        process: after_death.AfterDeath = self.office.load(after_death.DECIDER, person_id).state
        claim: funeral.Funeral = self.office.load(funeral.DECIDER, person_id).state
        if process.status == "open" or claim.status == "claimed":
            raise out_of_order("该人员的身后事项或惠民殡葬申领尚未办结，不得删除个人信息。")

    @reaction("assistance", "erasure_answered", reads=ErasureAnswered)
    def on_assistance_erasure_answered(self, notice: Notice[ErasureAnswered]) -> None:
        """What assistance has open of the person."""
        self._note_answer(notice)

    @reaction("eldercare", "erasure_answered", reads=ErasureAnswered)
    def on_eldercare_erasure_answered(self, notice: Notice[ErasureAnswered]) -> None:
        """What elder care has open of the person."""
        self._note_answer(notice)

    def _note_answer(self, notice: Notice[ErasureAnswered]) -> None:
        f = notice.facts
        note = erasure.NoteErasureAnswer(f.person_id, f.number, notice.source, f.cases, f.records, f.claims, f.divisions)
        self.office.handle(erasure.DECIDER, f.person_id, notice.order(note))

    @reaction("registry", "erasure_approved", reads=ErasureApproved)
    def on_erasure_approved(self, notice: Notice[ErasureApproved]) -> None:
        """The keys are destroyed, and only then it is recorded. Cut off in between, the notice comes again and both are harmless twice."""
        person_id = notice.facts.person_id
        decided: erasure.Erasure = self.office.load(erasure.DECIDER, person_id).state
        if decided.status != "approved":
            return  # done already
        self.office.vault.destroy(person_id, notice.now.isoformat(timespec="seconds"))
        record = erasure.RecordPersonErased(person_id, decided.number)
        self.office.handle(erasure.DECIDER, person_id, notice.order(record))

    @query(permission="registry:read")
    @answers(kept(erasure.Erasure, adds={"ground_said": str}))
    def get_erasure(self, hand: Hand, person_id: str, as_of: datetime | None = None) -> Any:
        """删除个人信息的办理情况：事由、依据、何人提出、何人决定、是否已删除。"""
        found = shown(self.office, erasure.DECIDER, person_id, hand, as_of)
        return {**found, "ground_said": erasure.GROUNDS.get(found["ground"], "")}

    @query(permission="registry:read")
    @answers(rows(erasures))
    def list_erasures(
        self, hand: Hand, status: str | None = None, after: str = "", limit: int = 100, position: int | None = None
    ) -> Any:
        """本辖区删除个人信息的事项列表。"""
        caught_up(self.office, MODEL, position)
        return listed(self.office.read, erasures, hand.division, {"status": status}, limit, after)


def _names_nobody(form: Any) -> None:
    """What is said about an erasure stands in the clear for ever: no resident ID in it."""
    for f in fields(form):
        value = getattr(form, f.name)
        if isinstance(value, str) and wire.holds_resident_id(value):
            raise invalid("不得含有身份证号码。", f.name)


SERVICE = Registry

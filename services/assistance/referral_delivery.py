"""Referrals on their way to a department (专项救助转介送达, A28): the list of persons goes out by file or over the bus, as queries to other
outside sources do, and waits there until each is answered for.

    <exchange>/assistance/referrals/<department>/out/<id>.csv   人员编号, 身份证号, 姓名, 受理编号, 材料摘要, 转介事项, 答复期限
    <department>.queries                                        the same, sealed (shared/messaging/source_queues.py)

One exchange (shape 11) carries one hop of one referral, an item a person. Its id follows from both, so that whatever is cut off goes on
where it stopped. Names and numbers are opened as they are written and kept nowhere; what lies there is taken away when the referral is
answered, returned or called back. Which way a department has, ``switch_referral_way`` says; until it does, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from services.assistance import household, person, placement
from services.assistance.carrying import EXCHANGES, carry, to_send
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.handoffs import SPECIAL_ASSISTANCE_REFERRAL
from services.assistance.verification_sources import SOURCES, System
from shared.casework import exchange, handoff
from shared.casework.office import Office
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.exchange.adapter import Adapter, Ask
from shared.exchange.declared import Source

CATALOGUE = ("A28",)
CODE = SPECIAL_ASSISTANCE_REFERRAL.code
DEPARTMENTS: Mapping[str, str] = MappingProxyType(
    {"medicare": "医疗保障局", "education": "教育局", "housing": "住房和城乡建设局", "hrss": "人力资源和社会保障局"}
)
CODES: Mapping[str, str] = MappingProxyType({unit: code for code, unit in DEPARTMENTS.items()})
PERSON_NO = "人员编号"
HANDOFFS = DECIDERS[handoff.NAME]
HAND = Hand.service("assistance")
AdapterFor = Callable[[Source, System], Adapter]


def exchange_id(record_id: str, hop: int) -> str:
    return derived_id("referral exchange", record_id, str(hop))


def person_no(number: str, n: int) -> str:
    """By what a department speaks of one person of a referral: the acceptance number and his place in it."""
    return f"{number}-{n}"


def source_of(department: str) -> str:
    """The name under which deliveries and the way of a department are kept."""
    return f"referral_{department}"


def way_of(office: Office, department: str) -> System:
    """How a department is spoken with now."""
    systems = office.load(SOURCES, source_of(department)).state.systems
    return systems[-1] if systems else System(department, "files")


class Delivery:
    """The referrals of one office on their way out."""

    def __init__(self, office: Office, adapter: AdapterFor) -> None:
        self.office, self.adapter = office, adapter

    def see_to(self, record_id: str, order: Order[Any]) -> None:
        """Send what is to go out; give up what is not wanted there any more."""
        state: handoff.Handoff = self.office.load(HANDOFFS, record_id).state
        wanted = state.status in ("sent", "accepted") and state.to_unit in CODES
        for hop in range(1, len(state.hops) + (not wanted)):
            self._over(exchange_id(record_id, hop), order)
        if wanted and state.programme == CODE:
            self._send(record_id, state, order)

    def _send(self, record_id: str, state: handoff.Handoff, order: Order[Any]) -> None:
        this, department = exchange_id(record_id, len(state.hops)), CODES[state.to_unit]
        items = tuple(exchange.Item(person_no(state.number, n), p) for n, p in enumerate(handoff.persons(state), 1))
        if self.office.load(EXCHANGES, this).version < 0:
            days = 2 * (state.terms.accept_days + state.terms.done_days)  # the referral's own days, which are working days, come first
            terms = exchange.Terms(system=state.to_unit, send_working_days=1, answer_days=days, by_service_only=True)
            prepare = exchange.PrepareExchange(CODE, state.home, record_id, items, f"专项救助转介 {state.number}", terms)
            self.office.handle(EXCHANGES, this, order.to(prepare, f"prepare {this}"))
        e: exchange.Exchange = self.office.load(EXCHANGES, this).state
        if not to_send(e, order.now):
            return
        asks = self._asks(state, e, order)
        if not asks:
            self._give_up(this, "所涉人员未登记，或个人信息已删除", order)
            return
        carry(self.office, this, e.attempt, lambda: self._way(department).send(this, asks), order)

    def _asks(self, state: handoff.Handoff, e: exchange.Exchange, order: Order[Any]) -> list[Ask]:
        until = state.due_on.isoformat() if state.due_on else ""
        more = (("受理编号", state.number), ("材料摘要", state.dossier_hash), ("转介事项", state.what), ("答复期限", until))
        named = [(key, *self._named(about, dates.month_of(order.today))) for key, about in e.items.items()]
        return [Ask(key, resident_id, name, more) for key, resident_id, name in named if resident_id not in ("", ERASED)]

    def _named(self, person_id: str, month: str) -> tuple[str, str]:
        """Resident ID and name, from the household that has him or his own file."""
        place: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        where = place.home_in(month) or place.household_id
        home: household.Household = self.office.load(household.DECIDER, where).state if where else household.DECIDER.initial
        if person_id in home.members:
            return home.members[person_id].resident_id, home.members[person_id].name
        own: person.Person = self.office.load(person.DECIDER, person_id).state
        return (own.registered.resident_id, own.registered.name) if own.registered is not None else ("", "")

    def answered(self, record_id: str, outcomes: Mapping[str, tuple[str, str]], order: Order[Any]) -> None:
        """What a department said of persons (outcome and a digest of it), in the exchange that asked; the last one closes it."""
        state: handoff.Handoff = self.office.load(HANDOFFS, record_id).state
        this, own = exchange_id(record_id, len(state.hops)), order.by(HAND)
        e: exchange.Exchange = self.office.load(EXCHANGES, this).state
        for key, about in e.items.items():
            if about in outcomes and key not in e.answers:
                outcome, digest = outcomes[about]
                answer = exchange.AnswerExchange(this, key, "found" if outcome == "aided" else "none", digest)
                self.office.handle(EXCHANGES, this, own.to(answer, f"answer {key}"))
        self._over(this, own, only_whole=True)

    def _over(self, this: str, order: Order[Any], only_whole: bool = False) -> None:
        """Reconcile what is answered; give up the rest, for nobody waits for it."""
        e: exchange.Exchange = self.office.load(EXCHANGES, this).state
        if e.status not in exchange.OPEN or (only_whole and e.missing):
            return
        if e.missing:
            self._give_up(this, "转介已办结、退回或撤回", order)
            return
        try:
            self.office.handle(EXCHANGES, this, order.to(exchange.ReconcileExchange(this), f"reconcile {this}"))
        except Refused as refused:
            if refused.code != "out_of_order":  # else the timer was quicker
                raise
        self._forget(e.terms.system, this)

    def _give_up(self, this: str, reason: str, order: Order[Any]) -> None:
        e: exchange.Exchange = self.office.load(EXCHANGES, this).state
        self.office.handle(EXCHANGES, this, order.to(exchange.GiveUpExchange(this, reason), f"give up {this}"))
        self._forget(e.terms.system, this)

    def _forget(self, system: str, this: str) -> None:
        """Take the list away, by whichever way it went."""
        department = CODES[system]
        for way in (System(department, "files"), *self.office.load(SOURCES, source_of(department)).state.systems):
            self.adapter(declared(department), way).forget(this)

    def _way(self, department: str) -> Adapter:
        return self.adapter(declared(department), way_of(self.office, department))


def declared(department: str) -> Source:
    """A department as an outside source: it is told and answers, there is no field to compare."""
    unit = DEPARTMENTS[department]
    return Source(department, unit, unit, "", "逐件", "active", "files", 0, ())

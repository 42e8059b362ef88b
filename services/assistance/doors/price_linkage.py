"""Price linkage doors (价格临时补贴): triggered by one hand, confirmed by another; the register is gone through slice by slice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.assistance import determination, household, price_linkage
from services.assistance.benefits import CASES, assessed, district, rules_now
from services.assistance.programmes import PRICE_LINKED_TEMPORARY_SUBSIDY
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.determination import in_register
from services.assistance.rows.price_linkage import PAY_DUE, unpaid, waits
from shared.casework import benefit_case
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.showing import all_seen, shown
from shared.rules.facts import URBAN, PriceFacts
from shared.security.permissions import within

CODE = PRICE_LINKED_TEMPORARY_SUBSIDY.code


@dataclass(frozen=True)
class TriggerForm:
    """价格指数: changes against a year before in basis points (350 = 3.5 %), the document and the day it was published."""

    month: str
    cpi_bp: int
    food_bp: int
    document_no: str
    published_on: date


@dataclass(frozen=True)
class LinkageRef:
    month: str


@dataclass(frozen=True)
class LinkageConfirmed:
    """Our own ``assistance.price_linkage_confirmed``."""

    month: str


@dataclass(frozen=True)
class SliceGranted:
    """Our own ``assistance.price_slice_granted``."""

    month: str
    no: int


class PriceLinkageDoors(BenefitService):
    """价格临时补贴."""

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """A month until it is paid."""
        if category != "price_linkage":
            return super().stands_of(category, state, item)
        worklist, due_on = waits(state)
        return {"worklist": worklist, "due_on": due_on}

    @command(TriggerForm, permission="assistance:review")
    def trigger_price_linkage(self, order: Order[TriggerForm]) -> Any:
        """登记一个月的价格指数，提出启动联动机制。"""
        c = order.command
        division = district(self.office.settings.profile)
        within(order.hand, division)
        dates.check_month(c.month)
        trigger = price_linkage.TriggerPriceLinkage(c.month, division, c.cpi_bp, c.food_bp, c.document_no, c.published_on)
        return self.office.handle(price_linkage.DECIDER, c.month, order.to(trigger))

    @command(LinkageRef, permission="assistance:confirm", does=price_linkage.ConfirmPriceLinkage)
    def confirm_price_linkage(self, order: Order[LinkageRef]) -> Any:
        """确认（与登记不得为同一人）：达到启动条件的，自动逐户发给；都不达到的，该月中止。"""
        month = dates.check_month(order.command.month)
        state = self._linkage(month)
        if state.status == "none":
            raise Refused("not_found", "没有该月的价格指数。", "month")
        # Whether the index triggers anything is the same for everybody: the rules are asked about one person of 低保.
        said = self._price_says("minimum_living", URBAN, "index", 1, state)
        confirm = price_linkage.ConfirmPriceLinkage(month, said.eligible, said.reason)
        return self.office.handle(price_linkage.DECIDER, month, order.to(confirm))

    @query(permission="assistance:read")
    def get_price_linkage(self, hand: Hand, month: str, as_of: datetime | None = None) -> Any:
        """一个月的价格指数、启动情况和发放结果。"""
        return shown(self.office, price_linkage.DECIDER, dates.check_month(month), hand, as_of)

    @reaction(OWN, "price_linkage_confirmed", reads=LinkageConfirmed)
    def on_price_linkage_confirmed(self, notice: Notice[LinkageConfirmed]) -> None:
        """The first slice of the register."""
        all_seen(self.office, MODEL)
        self._grant_slice(notice.facts.month, 1, notice)

    @reaction(OWN, "price_slice_granted", reads=SliceGranted)
    def on_price_slice_granted(self, notice: Notice[SliceGranted]) -> None:
        """The next slice, until nobody is left."""
        self._grant_slice(notice.facts.month, notice.facts.no + 1, notice)

    def _grant_slice(self, month: str, no: int, notice: Notice[Any]) -> None:
        state = self._linkage(month)
        if state.status != "granting" or no != state.slices + 1:
            return  # granted before, or all done
        size = price_linkage.SLICE
        entries = in_register(self.office.read, TABLES["determination"], state.division, month, state.through, size)
        units = persons = amount = 0
        for entry in entries:
            granted = self._grant_unit(entry["unit_id"], state, notice)
            units, persons, amount = units + bool(granted[1]), persons + granted[0], amount + granted[1]
        through = entries[-1]["entry_id"] if entries else state.through
        close = price_linkage.ClosePriceSlice(month, no, through, units, persons, amount, len(entries) < size)
        self.office.handle(price_linkage.DECIDER, month, notice.order(close, f"slice {no}"))

    def _grant_unit(self, unit_id: str, state: price_linkage.Linkage, notice: Notice[Any]) -> tuple[int, int]:
        """Persons covered and fen granted. Each member is asked about by his own class: the rules may cover one and not another."""
        unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
        home: household.Household = self.office.load(household.DECIDER, unit_id).state
        strongest = determination.class_in(unit, state.month)
        area, payee, classes = URBAN, unit_id, Counter([strongest])
        if home.exists:
            facts = household.facts_in(home, state.month, 0, None)
            classes = Counter(determination.class_of(unit, m.person_id, state.month) for m in facts.members if m.counted)
            area, payee = home.area, household.payee_in(home, facts)
        persons = amount = 0
        for hardship_class, covered in sorted(classes.items()):
            if hardship_class:
                said = self._price_says(hardship_class, area, unit_id, covered, state, unit.division)
                if said.eligible:
                    other = hardship_class if hardship_class != strongest else ""
                    self._grant_price(unit, payee, said, other, state, notice)
                    persons, amount = persons + covered, amount + said.amount_fen
        return persons, amount

    def _grant_price(
        self, unit: determination.Unit, payee: str, said: Any, other_class: str, state: price_linkage.Linkage, notice: Notice[Any]
    ) -> None:
        subject_id = price_linkage.subsidy_subject(unit.unit_id, state.month, other_class)
        case_id = benefit_case.case_id(CODE, subject_id)
        if self.office.load(CASES, case_id).version < 0:  # else granted by a slice that did not come to its end
            terms = PRICE_LINKED_TEMPORARY_SUBSIDY.terms
            grant = benefit_case.GrantCase(CODE, subject_id, payee, unit.division, state.month, said, 0, terms)
            self.office.handle(CASES, case_id, notice.order(grant, f"grant {unit.unit_id} {other_class}".rstrip()))

    @deadline(PAY_DUE)
    def on_price_subsidy_due(self, due: Due) -> None:
        """指数公布后二十个工作日: everybody must have been paid."""
        state = self._linkage(due.data["month"])
        paid = state.status == "completed" and not unpaid(self.office.read, self.tables.cases, CODE, state.month)
        note = price_linkage.NotePriceOverdue(due.data["month"], paid)
        self.office.handle(price_linkage.DECIDER, due.data["month"], due.order(note))

    def _linkage(self, month: str) -> price_linkage.Linkage:
        state: price_linkage.Linkage = self.office.load(price_linkage.DECIDER, month).state
        return state

    def _price_says(
        self, hardship_class: str, area: str, unit_id: str, persons: int, state: price_linkage.Linkage, division: str = ""
    ) -> Any:
        facts = PriceFacts(unit_id, division or state.division, persons, hardship_class, state.cpi_bp, state.food_bp, area)
        return assessed(rules_now(self.office, self.office.settings.profile), CODE, facts, state.month)

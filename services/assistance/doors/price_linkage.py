"""Price linkage doors (价格临时补贴): triggered by one hand, confirmed by another; the register is gone through slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.assistance import determination, price_linkage
from services.assistance.benefits import CASES, assessed, district, price_facts, price_unit, rules_now
from services.assistance.programmes import PRICE_LINKED_TEMPORARY_SUBSIDY
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.determination import in_register
from services.assistance.rows.price_linkage import PAY_DUE, unpaid, waits
from shared.casework import benefit_case
from shared.casework.benefits import Benefits
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.answering import answers, kept
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, Due, command, deadline, query, reaction
from shared.messaging.showing import all_seen, shown
from shared.office import Office
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


IN_REGISTER_AGAIN = "该月又在册，恢复价格临时补贴"


def grant_unit(
    office: Office, benefits: Benefits, unit_id: str, state: price_linkage.Linkage, order: Order[Any], cause: str = ""
) -> tuple[int, int]:
    """Persons covered and fen granted of a unit; a class that the rules leave out gets nothing.

    What was granted before, by a slice that did not come to its end, counts as it stands. With a ``cause`` it is decided again: the
    register of the month turned out otherwise, and the difference is arrears or a claim.
    """
    month = state.month
    at = price_unit(office, unit_id, month)
    strongest = determination.class_in(at.unit, month)
    rules = rules_now(office, office.settings.profile)
    said = {name: assessed(rules, CODE, price_facts(at, name, state), month) for name in at.classes}
    cases: dict[str, str] = {}
    for other in ("", *determination.PRECEDENCE):
        case_id = benefit_case.case_id(CODE, price_linkage.subsidy_subject(unit_id, month, other))
        case: benefit_case.Case = office.load(CASES, case_id).state
        if case.last_assessment is not None:
            cases[str(case.last_assessment.inputs["hardship_class"])] = case_id
    if cause:
        for hardship_class, case_id in cases.items():
            now = said.get(hardship_class)
            due = office.load(CASES, case_id).state.due(month)
            if due == (now.amount_fen if now is not None and now.eligible else 0) or benefits.restore(case_id, IN_REGISTER_AGAIN, order):
                continue
            benefits.reassess(case_id, month, cause, order)
    persons = amount = 0
    for hardship_class, covered in at.classes.items():
        now = said[hardship_class]
        if not now.eligible:
            continue
        persons, amount = persons + covered, amount + now.amount_fen
        if hardship_class not in cases:
            subject_id = price_linkage.subsidy_subject(unit_id, month, hardship_class if hardship_class != strongest or cases else "")
            terms = PRICE_LINKED_TEMPORARY_SUBSIDY.terms
            hands = (state.by, state.confirmed_by)  # the linkage was decided once, for everybody
            grant = benefit_case.GrantCase(
                CODE, subject_id, at.payee_id, at.division, month, now, at.version, terms, hands=hands
            )
            office.handle(CASES, benefit_case.case_id(CODE, subject_id), order.to(grant, f"grant {subject_id}"))
    return persons, amount


def price_again(office: Office, benefits: Benefits, unit_id: str, since: str, cause: str, order: Order[Any]) -> None:
    """A unit's class, or its members, turned out otherwise from ``since`` on: its subsidies of the months whose
    linkage ran are decided again."""
    for month in dates.months_between(since, dates.month_of(order.today)):
        state: price_linkage.Linkage = office.load(price_linkage.DECIDER, month).state
        if state.status in ("granting", "completed", "paid"):
            grant_unit(office, benefits, unit_id, state, order, cause)


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
        anybody = PriceFacts("index", state.division, 1, "minimum_living", state.cpi_bp, state.food_bp, URBAN)
        said = assessed(rules_now(self.office, self.office.settings.profile), CODE, anybody, month)
        confirm = price_linkage.ConfirmPriceLinkage(month, said.eligible, said.reason)
        return self.office.handle(price_linkage.DECIDER, month, order.to(confirm))

    @query(permission="assistance:read")
    @answers(kept(price_linkage.Linkage))
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
            granted = grant_unit(self.office, self.benefits, entry["unit_id"], state, notice.order(None))
            units, persons, amount = units + bool(granted[1]), persons + granted[0], amount + granted[1]
        through = entries[-1]["entry_id"] if entries else state.through
        close = price_linkage.ClosePriceSlice(month, no, through, units, persons, amount, len(entries) < size)
        self.office.handle(price_linkage.DECIDER, month, notice.order(close, f"slice {no}"))

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

"""The benefit business with the real rules and an office in memory: late facts, in whatever order they come, give the same money."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import pytest

from services.assistance import household as h
from services.assistance.benefits import CASES, business
from shared.casework import benefit_case as bc
from shared.clock import SHANGHAI
from shared.eventsourcing.orders import Answer, Hand, Order

PROGRAMME, HOUSE = "minimum_living_allowance", "a1" * 16
HEAD = h.Member("0a" * 16, date(1985, 4, 12), "户主", 260000, employed=True)
WIFE = h.Member("0b" * 16, date(1987, 9, 3), "配偶")
CHILD = h.Member("0c" * 16, date(2015, 5, 20), "子", student=True)
REGISTER = h.RegisterHousehold(HOUSE, "330225101", "rural", HEAD.person_id, (HEAD, WIFE, CHILD))
CASE = bc.case_id(PROGRAMME, HOUSE)


@dataclass
class Loaded:
    state: Any
    version: int


@dataclass
class Office:
    """Deciders over lists."""

    streams: dict[str, list[Any]] = field(default_factory=dict)

    def load(self, decider: Any, aggregate_id: str) -> Loaded:
        events = self.streams.get(decider.stream(aggregate_id), [])
        return Loaded(decider.fold(events), len(events) - 1)

    def handle(self, decider: Any, aggregate_id: str, order: Order[Any]) -> Answer:
        stream = decider.stream(aggregate_id)
        decided = decider.decide[type(order.command)](self.load(decider, aggregate_id).state, order.command, order)
        self.streams.setdefault(stream, []).extend(decided)
        return Answer(stream, aggregate_id, 0, 0)

    def history(self, stream: str) -> list[Any]:
        return self.streams.get(stream, [])


def order(command: Any, day: str, hand: str = "service:assistance") -> Order[Any]:
    return Order(command, "c", Hand(hand), datetime.fromisoformat(day).replace(tzinfo=SHANGHAI))


@dataclass
class Town:
    """One household whose 低保 runs since August 2023."""

    office: Office
    benefits: Any

    @property
    def case(self) -> bc.Case:
        state: bc.Case = self.office.load(CASES, CASE).state
        return state

    def fact(self, command: Any, day: str) -> Any:
        """Record a fact; returns what was recorded, whose notice may come later."""
        self.office.handle(h.DECIDER, HOUSE, order(command, day))
        return self.office.streams[h.DECIDER.stream(HOUSE)][-1]

    def notice(self, fact: Any, day: str) -> None:
        month = getattr(fact, "changed_from", "") or fact.effective_month
        until = h.known_until(self.office.load(h.DECIDER, HOUSE).state)
        self.benefits.reassess(CASE, month, "fact", order(None, day), until)

    def pay(self, *months: str) -> None:
        for month in months:
            pay = bc.PayBenefit(CASE, month, "run", self.case.due(month) + self.case.arrears_fen)
            self.office.handle(CASES, CASE, order(pay, f"{month}-20"))


def town() -> Town:
    office = Office()
    made = Town(office, business(office, "xiangshan-2023"))
    office.handle(h.DECIDER, HOUSE, order(REGISTER, "2023-07-01"))
    office.handle(CASES, CASE, order(bc.FileApplication(PROGRAMME, HOUSE, HEAD.person_id, "330225101"), "2023-07-03", "staff:a"))
    office.handle(CASES, CASE, order(bc.AcceptApplication(CASE), "2023-07-03", "staff:a"))
    office.handle(CASES, CASE, order(bc.RecordSurvey(CASE, "属实"), "2023-07-04", "staff:a"))
    return made


def running() -> Town:
    made = town()
    ref = order(type("Ref", (), {"case_id": CASE})(), "2023-07-05", "staff:b")
    made.benefits.propose(ref)
    assert made.case.proposal is not None
    made.benefits.confirm(order(bc.ConfirmCase(CASE, made.case.proposal.reviewed, 0), "2023-07-13", "staff:c"))
    assert made.case.status == "in_force"
    return made


def earns(fen: int, day: str) -> h.RecordIncome:
    return h.RecordIncome(HOUSE, HEAD.person_id, fen, date.fromisoformat(day), "other", "hrss")


DIES = h.RecordDeath(HOUSE, WIFE.person_id, date(2023, 8, 20), "2023-09")
FACTS = (earns(300000, "2023-08-05"), DIES, earns(220000, "2023-10-02"))  # from September, September, and November (to come)


def outcome(made: Town) -> tuple[list[int], int]:
    months = [f"2023-{m:02d}" for m in range(8, 13)]
    events = made.office.streams[CASES.stream(CASE)]
    claims = sum(e.amount_fen for e in events if isinstance(e, bc.OverpaymentFound))
    return [made.case.due(m) for m in months], claims - made.case.arrears_fen


@pytest.mark.parametrize("told", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("together", [True, False], ids=["all known before the first notice", "one by one"])
def test_late_facts_give_the_same_money_in_any_order(told: tuple[int, ...], together: bool) -> None:
    """Three facts, two back-dated and one to come, with their notices in any order: what is due and what is claimed is one."""
    usual, made = running(), running()
    for one in (usual, made):
        one.pay("2023-08", "2023-09", "2023-10")
    for fact in FACTS:
        usual.notice(usual.fact(fact, "2023-10-25"), "2023-10-25")
    if together:
        recorded = [made.fact(fact, "2023-10-25") for fact in FACTS]
        for n in told:
            made.notice(recorded[n], "2023-10-25")
    else:
        for n in told:
            made.notice(made.fact(FACTS[n], "2023-10-25"), "2023-10-25")
    due, net = outcome(made)
    assert (due, net) == outcome(usual)
    assert len(set(due)) == 3  # before, between, and what is to come
    assert net == sum(a - b for a, b in zip([due[0]] * 3, due[:3], strict=True))


def test_what_is_confirmed_is_the_first_month_that_is_paid() -> None:
    """An income that counts from August and comes in during the review in July is not missed."""
    made = town()
    made.fact(earns(300000, "2023-07-04"), "2023-07-05")
    made.benefits.propose(order(type("Ref", (), {"case_id": CASE})(), "2023-07-06", "staff:b"))
    proposal = made.case.proposal
    assert proposal is not None
    assert proposal.assessment.month == "2023-08"
    members = str(proposal.assessment.inputs)
    assert "300000" in members


def test_a_rise_of_the_standard_during_publicity_voids_the_proposal() -> None:
    """What the rules say of the first month paid must be what was reviewed."""
    made = town()
    made.benefits.propose(order(type("Ref", (), {"case_id": CASE})(), "2023-07-05", "staff:b"))
    proposal = made.case.proposal
    assert proposal is not None
    real = made.benefits.assess

    def richer(asked: Any) -> Any:
        found = real(asked)
        return replace(found, assessment=replace(found.assessment, amount_fen=found.assessment.amount_fen + 100))

    made.benefits.assess = richer
    made.benefits.confirm(order(bc.ConfirmCase(CASE, proposal.reviewed, 0), "2023-07-13", "staff:c"))
    assert made.case.status == "surveyed"


def test_a_corrected_day_of_death_restores_the_months_between() -> None:
    """Thought dead since August, dead since October: the months in between are paid as if nobody had said anything."""
    made = running()
    made.pay("2023-08", "2023-09")
    before = made.case.due("2023-10")
    made.notice(made.fact(DIES, "2023-10-10"), "2023-10-10")
    later = h.RecordDeath(HOUSE, WIFE.person_id, date(2023, 10, 3), "2023-11")
    made.notice(made.fact(later, "2023-10-20"), "2023-10-20")
    assert [made.case.due(m) for m in ("2023-09", "2023-10")] == [before, before]
    assert made.case.due("2023-11") != before


def test_nobody_is_paid_after_his_death() -> None:
    """When the head dies, the household is paid through the eldest of those who are left."""
    made = running()
    made.pay("2023-08", "2023-09", "2023-10")
    dead = h.RecordDeath(HOUSE, HEAD.person_id, date(2023, 8, 20), "2023-09")
    child = h.RecordDeath(HOUSE, CHILD.person_id, date(2023, 8, 20), "2023-09")
    made.notice(made.fact(child, "2023-10-25"), "2023-10-25")
    assert made.case.payee_id == HEAD.person_id
    made.notice(made.fact(dead, "2023-10-26"), "2023-10-26")
    assert made.case.payee_id == WIFE.person_id
    assert [type(e) for e in made.office.streams[CASES.stream(CASE)]].count(bc.PayeeChanged) == 1


def test_an_application_is_confirmed_for_the_living() -> None:
    """The head died before the review: who is left becomes the payee with the confirmation."""
    made = town()
    made.fact(h.RecordDeath(HOUSE, HEAD.person_id, date(2023, 6, 30), "2023-07"), "2023-07-05")
    made.benefits.propose(order(type("Ref", (), {"case_id": CASE})(), "2023-07-05", "staff:b"))
    assert made.case.proposal is not None
    made.benefits.confirm(order(bc.ConfirmCase(CASE, made.case.proposal.reviewed, 0), "2023-07-13", "staff:c"))
    assert made.case.payee_id == WIFE.person_id

"""What a record's page offers is what the decider does (可办事项): random lives of every record with a page and acts, by any hand.

As ``get_acts`` asks: by the doors of the service, and with what the service knows beforehand. Cases and the shapes' records are held to the
same by their own properties (``test_case_properties.py``, ``shapes.py``, ``walks.py``).
"""

from __future__ import annotations

import dataclasses
import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.assistance import aid_overlap, check_rights, price_linkage, standards
from services.assistance import means_test as mt
from services.assistance import reverification as rv
from services.assistance import temporary as t
from services.assistance import temporary_deceased as td
from services.portal.desk import things
from services.registry import after_death, death, erasure, funeral
from shared.casework import payment_calendar as pc
from shared.casework import payment_run as pr
from shared.casework import recovery as rc
from shared.casework.benefit_case import MonthDifference
from shared.casework.possible import Possible, possible
from shared.clock import SHANGHAI
from shared.domain.errors import Refused
from shared.eventlog import discovery
from shared.eventsourcing.commands import command_type
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Order
from tests.deciders.samples import PAYEE, SUBJECT, TOWN, assessed

FIRST = date(2023, 7, 3)
HANDS = ("staff:a", "staff:b", "staff:c")
STEP = st.tuples(
    st.integers(0, 99), st.sampled_from(("", "", "", *HANDS)), st.sampled_from((0, 0, 1, 3, 8))
)  # which act, by whom, days later
LIVES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Life:
    """The commands of a record in the order in which it usually goes: a walk goes on from its place, or anywhere else.

    A command may follow from the state, for what can only be said knowing it.
    """

    service: str
    decider: Decider[Any]
    commands: tuple[Any, ...]


def _matters(life: Callable[[str], tuple[Any, ...]]) -> tuple[Any, ...]:
    return (*life("m1"), *life("m2"))


def _matter(m: str) -> tuple[Any, ...]:
    def released(state: t.Temporary) -> Any:
        found = state.matters.get(m)
        return t.ReleaseInstalment(SUBJECT, m, len(found.released) + 1 if found else 1, "仍有困难")

    def decided(state: t.Temporary) -> Any:
        found = state.matters.get(m)
        return t.DecideTemporary(SUBJECT, m, found.proposal.reviewed if found and found.proposal else "", False, 10**9)

    kind, hukou = ("emergency", "330226101") if m == "m1" else ("expenditure", "")
    return (
        t.ApplyTemporary(SUBJECT, m, TOWN, PAYEE, kind, "accident", FIRST, 100, hukou),
        t.RefuseTemporaryAcceptance(SUBJECT, m, "不属于受理范围"),
        t.RecordTemporaryRefusalNotice(SUBJECT, m, "邮寄"),
        t.FileTemporaryAppeal(SUBJECT, m, "应予受理"),
        t.AnswerTemporaryAppeal(SUBJECT, m, "upheld", "应予受理"),
        t.AcceptTemporary(SUBJECT, m),
        t.GrantFirst(SUBJECT, m, "fund", 50000, assessed("2023-07", 100000)),
        td.CloseTemporaryDeceased(SUBJECT, m),
        td.ReopenTemporary(SUBJECT, m),
        t.CompletePapers(SUBJECT, m, "属实", 100),
        t.CorrectPapers(SUBJECT, m, "部分属实", 80),
        t.RecordHukouAnswer(SUBJECT, m, False, "复函1号"),
        _elsewhere(m, "sent"),
        t.AnswerTemporaryOverlap(SUBJECT, m, "distinct", "事由不同"),
        t.ProposeTemporary(SUBJECT, m, assessed("2023-07", 100000), 2, "cash", 7),
        t.RecordDeliberation(SUBJECT, m, HANDS, "纪要1号", 200000, "特别困难"),
        t.ProposeTemporary(SUBJECT, m, assessed("2023-07", 300000 if m == "m1" else 0), 3, "cash", 7),
        decided,
        released,
        t.FileTemporaryAppeal(SUBJECT, m, "金额过低"),
        t.CancelRemaining(SUBJECT, m, "困难已消除"),
        t.AnswerTemporaryAppeal(SUBJECT, m, "upheld", "核实有误"),
        t.WithdrawTemporaryAppeal(SUBJECT, m),
        _elsewhere(m, "aided"),
        t.AnswerTemporaryOverlap(SUBJECT, m, "double", "同一事由"),
        _elsewhere("m1", "declined"),
    )


def _elsewhere(handoff: str, status: str) -> t.NoteAidElsewhere:
    return t.NoteAidElsewhere(SUBJECT, TOWN, handoff, f"{handoff}号", "应急管理局", status, FIRST, 6)


def _compared(occasion: str, *references: str) -> aid_overlap.CompareAid:
    ours = tuple(
        aid_overlap.OurAid("temporary", r, SUBJECT, "temporary_assistance", "paid_out", "other", "2023-07-03", 1, True) for r in references
    )
    return aid_overlap.CompareAid("f1", "1号", "disaster_victim_assistance", SUBJECT, TOWN, "应急管理局", occasion, FIRST, 6, ours)


def _rise(fen: int) -> standards.DraftStandard:
    values = (standards.StandardValue("minimum_living_allowance.standard.urban", "urban", fen, date(2023, 8, 1), 120_000),)
    return standards.DraftStandard("330225", "minimum_living_allowance.standard", values, "象民〔2023〕8号")


def _newest(state: mt.Verification) -> int:
    return len(state.reports)


BANK = mt.AskedSource("bank", "银行", "x-bank", (mt.AskedField("deposits_fen", "存款余额", "savings"),))
CAMPAIGN = rv.campaign_id("330225", "2023", ("minimum_living_allowance",))
LISTED = (rv.Listed("c1", "minimum_living_allowance", SUBJECT), rv.Listed("c2", "minimum_living_allowance", "5a" * 16))
MONTHS = (MonthDifference("2023-06", 100000, 70000),)
PERSON = SUBJECT
ALL = {
    "temporary": Life("assistance", t.DECIDER, _matters(_matter)),
    "aid_overlap": Life(
        "assistance",
        aid_overlap.DECIDER,
        (
            _compared("sent", "m1"),
            aid_overlap.ConsiderAidOverlap("f1", "distinct", "事由不同"),
            _compared("aided", "m1", "m2"),
            aid_overlap.ConsiderAidOverlap("f1", "double", "同一事由"),
        ),
    ),
    "recovery": Life(
        "assistance",
        rc.decider("assistance"),
        (
            rc.OpenRecovery("r", "c", "p", PAYEE, TOWN, MONTHS, 30000, "收入变化"),
            rc.RecordRecoveryNotice("r", "追1号", FIRST, date(2023, 7, 20)),
            rc.AgreeInstalments("r", (rc.Instalment(date(2024, 1, 1), 30000),)),
            rc.RecordRepayment("r", 10000, "收据"),
            rc.AgreeSetOff("r", 5000, "同意书"),
            rc.ProposeWaiver("r", "家庭困难"),
            rc.ApproveWaiver("r"),
            rc.NoteRecoveryNoticeOverdue("r"),
            rc.BarRecovery("r"),
        ),
    ),
    "payment_run": Life(
        "assistance",
        pr.decider("assistance"),
        (
            pr.OpenPaymentRun("p", "2023-07", TOWN, 0, pr.BANK_FILE),
            pr.ListPaymentParts(0, (pr.PartSum(2, 200),), "c"),
            pr.LockPaymentRun("run"),
            pr.ApprovePaymentRun("run"),
            pr.RejectPaymentRun("run", "名单有误"),
            pr.SendPaymentRun("run"),
            pr.RecordSentParts(0, (pr.PartSum(2, 200),)),
            pr.CancelPaymentRun("run", "重编"),
        ),
    ),
    "payment_calendar": Life(
        "assistance",
        pc.decider("assistance"),
        (
            pc.LookAtPaymentMonths("p", TOWN, "2023-07", (pc.OwedMonth("2023-07", date(2023, 7, 15), 2, 200),)),
            lambda s: pc.PrepareOwedMonth("calendar", s.open[0] if s.open else "2023-07"),
            pc.NotePaymentMonth("2023-07", 2),
            pc.LookAtPaymentMonths("p", TOWN, "2023-08", (pc.OwedMonth("2023-08", date(2023, 8, 15), 2, 200),)),
            pc.MeetPaymentMonth("2023-07", "run", date(2023, 7, 15)),
            lambda s: pc.PrepareOwedMonth("calendar", s.open[0] if s.open else "2023-08", f"{TOWN}001"),
            pc.NotePaymentMonth("2023-08", 0),
            pc.OwePaymentMonthAgain("p", TOWN, "2023-07", "run", 1, 100),
            lambda s: pc.PrepareOwedMonth("calendar", s.open[0] if s.open else "2023-07"),
            pc.MeetPaymentMonth("2023-07", "run-2", date(2023, 7, 25)),
        ),
    ),
    "verification": Life(
        "assistance",
        mt.VERIFICATIONS,
        (
            mt.OpenVerification(
                "v", "c", "minimum_living_allowance", SUBJECT, TOWN, "2023-07", (PAYEE,), (PAYEE,),
                (mt.Declared("", "savings", 100),), (BANK,), "application", 0, 20, 30, "staff:a",
            ),
            mt.TakeSourceAnswer("x-bank", "bank", PAYEE, "found", (mt.Value("deposits_fen", 900_000),)),
            lambda s: mt.ExplainDifference("v", _newest(s), "系代管他人款项"),
            mt.LookAtReport("v", "c", "审核"),
            lambda s: mt.ObjectToReport("v", _newest(s), (dataclasses.replace(BANK, exchange_id=f"x-bank-{_newest(s)}"),), "有误", 20),
            mt.MissSources("逾期未复"),
        ),
    ),
    "reverification": Life(
        "assistance",
        rv.CAMPAIGNS,
        (
            rv.StartReverification("330225", "2023", ("minimum_living_allowance",), date(2023, 12, 31)),
            rv.ListObjects(0, LISTED),
            rv.LockList(CAMPAIGN),
            rv.NoteSlice((rv.Asked("c1", "v1"), rv.Asked("c2", "", "缺少授权"))),
            rv.RetryBlocked(CAMPAIGN),
            rv.NoteReport("c1", "v1", "r1", "different"),
            rv.ExcuseObject(CAMPAIGN, "c2", "已终止"),
            rv.CloseReverification(CAMPAIGN),
        ),
    ),
    "standards": Life(
        "assistance",
        standards.DECIDER,
        (
            _rise(130_000),
            standards.ApproveStandard(1),
            standards.PublishStandard(1),
            _rise(140_000),
            standards.WithdrawStandard(1, "文件有误"),
            standards.ApproveStandard(2),
            standards.PublishStandard(2),
            standards.WithdrawStandard(2, "文件有误"),
        ),
    ),
    "price_linkage": Life(
        "assistance",
        price_linkage.DECIDER,
        (
            price_linkage.TriggerPriceLinkage("2023-06", "330225", 400, 700, "统计1号", FIRST),
            price_linkage.ConfirmPriceLinkage("2023-06", True, "达到"),
            price_linkage.ConfirmPriceLinkage("2023-06", False, "未达到"),
            price_linkage.ClosePriceSlice("2023-06", 1, "u", 1, 1, 100, True),
            price_linkage.NotePriceOverdue("2023-06", True),
        ),
    ),
    "cut_over": Life(
        "assistance",
        check_rights.CUT_OVERS,
        (
            check_rights.StartCutOver("civil", "330225", "new", "file", ("a",), ("a", "b")),
            check_rights.MigrateRequest("a", "a2"),
            check_rights.ReconcileCutOver("x"),
            check_rights.SettleCutOver("x", "旧系统多一件，已核实"),
        ),
    ),
    "death": Life(
        "registry",
        death.DECIDER,
        (
            death.RegisterDeath(PERSON, FIRST, TOWN, "registrar"),
            death.RegisterDeath(PERSON, date(2023, 7, 1), TOWN, "hospital"),
            death.CorrectDeathDate(PERSON, date(2023, 7, 2), "以医院为准"),
        ),
    ),
    "after_death": Life(
        "registry",
        after_death.DECIDER,
        (
            after_death.OpenAfterDeath(PERSON, FIRST, TOWN),
            *(after_death.SkipStep(PERSON, owed.step, "无此事项") for owed in after_death.OWED),
            *(after_death.RecordStep(PERSON, 1, owed.step, "done", "已办") for owed in after_death.OWED),
        ),
    ),
    "funeral": Life(
        "registry",
        funeral.DECIDER,
        (
            funeral.OfferFuneralBenefits(PERSON, FIRST, TOWN),
            funeral.ClaimFuneralBenefits(PERSON, PAYEE, "经办"),
            funeral.ApproveFuneralBenefits(PERSON),
            funeral.DeclineFuneralBenefits(PERSON, "不符合"),
        ),
    ),
    "erasure": Life(
        "registry",
        erasure.DECIDER,
        (
            erasure.ProposeErasure(PERSON, TOWN, "period_expired", "1号", date(2023, 1, 1), "届满", True, "2号"),
            *(lambda s, of=service: erasure.NoteErasureAnswer(PERSON, s.number, of, 0, 0, 0, (TOWN,)) for service in erasure.ASKED),
            lambda s: erasure.ApproveErasure(PERSON, s.number),
            lambda s: erasure.RefuseErasure(PERSON, s.number, "仍在领取"),
            lambda s: erasure.WithdrawErasure(PERSON, s.number, "材料不全"),
            lambda s: erasure.RecordPersonErased(PERSON, s.number),
        ),
    ),
}


@cache
def made(service: str) -> Any:
    """The service itself: its doors, and what it knows of a record. It has no office, and needs none for either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"services.{service}.service").SERVICE()


def test_every_record_with_a_page_and_acts_is_walked() -> None:
    """A category that gets a page and acts gets its life here."""
    with_acts = {
        category
        for service in discovery.services()
        for decider in discovery.deciders(service)
        for category in (decider.category.partition(".")[2],)
        if category in things.THINGS and (doors := getattr(made(service), "_doors_to", None)) and doors(decider)
    }
    assert with_acts - {"case"} == ALL.keys()


@pytest.mark.parametrize("category", sorted(ALL))
@LIVES
@for_all(steps=st.lists(STEP, min_size=4, max_size=40))
def test_what_is_offered_is_in_order_and_what_is_done_was_offered(category: str, steps: list[tuple[int, str, int]]) -> None:
    """Of every act at every step: refused as out of order, it was not offered as free; done, it was."""
    life = ALL[category]
    service, decider = made(life.service), life.decider
    doors = {command for command, _ in service._doors_to(decider)}
    state, day, place = decider.initial, FIRST, 0
    for number, (wanted, actor, days) in enumerate(steps):
        day += timedelta(days=days)
        place = place if wanted < 60 else wanted  # as it usually goes, and now and then anything
        asked = life.commands[place % len(life.commands)]
        command = asked if dataclasses.is_dataclass(asked) else asked(state)
        hand = Hand(actor or f"staff:{command_type(type(command)).permission}", division="330225")  # as it usually goes, by the post
        order = Order(command, f"c{number}", hand, datetime.combine(day, time(9), SHANGHAI))
        place += 1
        events: Sequence[Any] = ()
        refused: Refused | None = None
        try:
            events = decider.decide[type(command)](state, command, order)
        except Refused as why:
            refused = why
        if type(command) in doors and state != decider.initial:
            held(service, category, decider, state, order, events, refused)
        state = decider.fold(events, state)


def held(
    service: Any, category: str, decider: Decider[Any], state: Any, order: Order[Any], events: Sequence[Any], refused: Refused | None
) -> None:
    """The act as the page of the record, or of the matter it is about, would offer it."""
    kind = type(order.command)
    names = [f.name for f in dataclasses.fields(kind)]
    of_item = "case_id" if category == "reverification" else "matter_id"
    item = str(getattr(order.command, of_item, ""))
    key = getattr(order.command, names[0])
    given = {**service.known_of(category, state, key, item), names[0]: key, **({of_item: item} if item else {})}
    free = Possible(kind)
    offered = possible(decider.decide, state, order, [kind], given)
    if events:
        assert offered == [free], f"{kind.__name__} was done, but not offered: {offered}"
    elif refused is None:
        assert (offered == [free]) == bool(set(names) - given.keys()), f"{kind.__name__} changes nothing any more: {offered}"
    elif refused.code in ("out_of_order", "not_found") and (refused.field is None or refused.field in given):
        assert offered != [free], f"{kind.__name__} was offered, but is out of order: {refused}"


def test_a_matter_that_is_not_there_has_no_acts() -> None:
    """What is known beforehand and is not found offers nothing; what somebody is yet to fill in and is not found does."""
    applied = t.TemporaryApplied(SUBJECT, "m1", TOWN, PAYEE, "emergency", "accident", FIRST, 100, "", False, "staff:a")
    state = t.DECIDER.fold([applied])
    order: Order[Any] = Order(None, "look", Hand("staff:b"), datetime.combine(FIRST, time(9), SHANGHAI))
    known = {"subject_id": SUBJECT, "matter_id": "m1"}
    assert possible(t.DECIDER.decide, state, order, [t.AcceptTemporary, t.CompletePapers], known) == [Possible(t.AcceptTemporary)]
    assert possible(t.DECIDER.decide, state, order, [t.AcceptTemporary], {**known, "matter_id": "x"}) == []
    assert possible(t.DECIDER.decide, state, order, [t.AcceptTemporary], {"subject_id": SUBJECT}) == [Possible(t.AcceptTemporary)]

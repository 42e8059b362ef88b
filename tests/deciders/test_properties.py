"""Any sequence of commands: no illegal state, no fen lost, no month paid twice, and nothing but refusals raised."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.casework import benefit_case as bc
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.deciders.samples import CASE, FILE, PAYEE, PROGRAMME, SUBJECT, TOWN, D, assessed

MONTHS = [f"2023-{m:02d}" for m in range(6, 13)] + ["2024-01", "2024-02"]
HANDS = ["staff:clerk", "staff:reviewer", "staff:approver"]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

months = st.sampled_from(MONTHS)
amounts = st.sampled_from([0, 30000, 50000, 100000])


def order(command: Any, hand: str, month: str, day: int) -> Order[Any]:
    now = datetime(int(month[:4]), int(month[5:]), day, 9, tzinfo=SHANGHAI)
    return Order(command, "c", Hand(hand), now)


@st.composite
def assessments(draw: Any, first: str) -> tuple[Any, ...]:
    """One a month from ``first``, as the benefit business makes them: nothing after an end."""
    last = draw(st.sampled_from([m for m in MONTHS if m >= first]))
    found = []
    for month in dates.months_between(first, last):
        kind = draw(st.sampled_from(["eligible", "eligible", "gradual_exit", "ended", "ineligible"]))
        amount = draw(st.sampled_from([30000, 50000, 100000])) if kind in ("eligible", "gradual_exit") else 0
        found.append(assessed(month, amount, kind, "2024-05" if kind == "gradual_exit" else None))
        if kind == "ended":
            break
    return tuple(found)


@st.composite
def commands(draw: Any) -> Any:
    month, facts = draw(months), draw(st.integers(0, 6))
    assessment = assessed(month, draw(amounts))
    return draw(
        st.sampled_from(
            [
                FILE,
                bc.AcceptApplication(CASE),
                bc.RecordSurvey(CASE, draw(st.sampled_from(["属实", ""]))),
                bc.ProposeCase(CASE, assessment, facts, 7),
                bc.ConfirmCase(CASE, bc.reviewed_hash(assessment), facts, draw(st.booleans())),
                bc.GrantCase(PROGRAMME, SUBJECT, PAYEE, TOWN, month, assessment, facts),
                bc.ReassessCase(CASE, month, draw(assessments(month)), facts, draw(st.sampled_from(["fact", "clock:x"]))),
                bc.ReassessCase(CASE, month, draw(assessments(month)), facts, "fact"),
                bc.EndCase(CASE, month, "死亡", ""),
                bc.PayBenefit(CASE, month, "run", draw(amounts)),
                "pay",
                "pay",
                "confirm",
            ]
        )
    )


def _put_in(state: bc.Case, command: Any, month: str) -> Any:
    """What the benefit business would put in: the amount that is due, the hash that was reviewed."""
    if command == "pay":
        return bc.PayBenefit(CASE, month, "run", state.due(month) + state.arrears_fen)
    if command == "confirm":
        return bc.ConfirmCase(CASE, state.proposal.reviewed if state.proposal else "", state.facts_version)
    return command


@FEW
@given(
    st.one_of(st.just(0), st.integers(1, 4)),
    st.lists(st.tuples(commands(), st.sampled_from(HANDS), months, st.integers(1, 28)), max_size=25),
)
def test_any_life_of_a_case_is_legal_and_conserves_money(steps_before: int, steps: list[Any]) -> None:
    """Whatever is asked in whatever order, the case stays legal and every fen of it is accounted for."""
    state = D.initial
    procedure = [
        (FILE, "staff:clerk"),
        (bc.AcceptApplication(CASE), "staff:clerk"),
        (bc.RecordSurvey(CASE, "属实"), "staff:clerk"),
        (bc.ProposeCase(CASE, assessed("2023-07", 100000), 0, 7), "staff:reviewer"),
    ][:steps_before]
    out: dict[str, int] = {}  # month -> fen that left the house for it
    extra = claims = 0
    for command, hand, month, day in [(c, h, "2023-06", 1) for c, h in procedure] + steps:
        command = _put_in(state, command, month)
        try:
            events = D.decide[type(command)](state, command, order(command, hand, month, day))
        except Refused:
            continue
        for event in events:
            state = D.evolve(state, event)
            if isinstance(event, bc.BenefitPaid):
                assert event.month not in out, "a month was paid twice"
                assert event.amount_fen + event.arrears_fen > 0
                out[event.month] = event.amount_fen
                extra += event.arrears_fen
            elif isinstance(event, bc.OverpaymentFound):
                assert event.amount_fen == sum(m.paid_fen - m.due_fen for m in event.months) > 0
                claims += event.amount_fen
            elif isinstance(event, bc.ClaimedDueAgain):
                assert event.amount_fen == sum(m.due_fen - m.paid_fen for m in event.months) > 0
                claims -= event.amount_fen
            elif isinstance(event, bc.ArrearsFound):
                assert event.amount_fen == sum(m.due_fen - m.paid_fen for m in event.months) > 0
        assert state.status in bc.STATUSES
        assert state.arrears_fen >= 0
        assert set(state.paid) == set(out)
        assert list(state.schedule) == sorted(state.schedule, key=lambda s: s.month)
        assert len({s.month for s in state.schedule}) == len(state.schedule)
        # Every fen: what went out, less what is claimed back, plus what is still owed, is what was due for the months paid.
        assert sum(out.values()) + extra - claims + state.arrears_fen == sum(state.due(m) for m in out)
        if state.status == "ended":
            assert state.due("2099-01") == 0
        if state.status == "gradual_exit":
            assert state.exit_since is not None
            assert state.exit_ends is not None
        else:
            assert state.exit_since is None


@FEW
@given(commands(), st.sampled_from(HANDS), months)
def test_a_repeated_reassessment_decides_nothing_new(command: Any, hand: str, month: str) -> None:
    """A fact told twice is decided once."""
    state = D.fold([bc.CaseGranted(PROGRAMME, SUBJECT, PAYEE, TOWN, "2023-06", 100000, assessed("2023-06", 100000), 0)])
    if not isinstance(command, bc.ReassessCase) or command.cause != "fact":
        return
    try:
        first = D.decide[bc.ReassessCase](state, command, order(command, hand, month, 1))
        again = D.decide[bc.ReassessCase](D.fold(first, state), command, order(command, hand, month, 1))
    except Refused:
        return
    assert list(again) == []

"""Any life of a benefit case, whatever its programme owes: no step skipped, one worklist, a way out, every fen accounted for."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.casework import benefit_case as bc
from shared.casework.possible import Possible, possible
from shared.casework.programme import Terms
from shared.clock import SHANGHAI
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.deciders.samples import CASE, PAYEE, PROGRAMME, SUBJECT, TOWN, D, assessed

MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
HANDS = ("staff:a", "staff:b", "staff:c", "staff:d")
LISTS = {
    "accept", "authorise", "means_test", "survey", "propose", "confirm", "objection", "objection_escalated", "supplement",
    "refusal_notice", "in_force", "suspended", "review",
}  # fmt: skip
STEP_OF = {
    bc.ApplicationAccepted: "accepted",
    bc.AuthorisationRecorded: "authorised",
    bc.MeansTestRecorded: "means_tested",
    bc.HouseholdSurveyed: "surveyed",
}
ANY_TERMS = st.builds(
    Terms,
    authorisation=st.booleans(),
    means_test=st.booleans(),
    survey=st.booleans(),
    publicity=st.booleans(),
    payment=st.sampled_from(["monthly", "monthly", "once", "none"]),
    first_month=st.sampled_from(["after", "of_application", "of_decision"]),
    accept_days=st.sampled_from([0, 5]),
    means_test_days=st.sampled_from([0, 3]),
    whole_days=st.sampled_from([0, 30]),
    extend_days=st.sampled_from([0, 15]),
    confirm_days=st.sampled_from([0, 10]),
    refusal_notice_days=st.sampled_from([0, 3]),
    answer_days=st.sampled_from([0, 20]),
    objection_days=st.sampled_from([0, 60]),
    review_months=st.sampled_from([0, 2, 12]),
    review_months_changing=st.sampled_from([0, 1]),
    valid_months=st.sampled_from([0, 3]),
)
ACTS = (
    "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next", "next",
    "file", "supplement", "answer_supplement", "refuse_acceptance", "withdraw", "recheck", "extend", "object", "object", "answer_objection",
    "confirm", "refuse", "tell", "grant", "grant", "reassess", "reassess", "end", "suspend", "suspend", "resume", "resume", "open_review",
    "answer_review", "pay", "pay", "returned", "overdue", "appeal", "appeal", "assign", "answer_appeal", "withdraw_appeal", "stray",
    "withhold", "withhold", "refund",
    "earlier", "earlier", "restore", "restore",
)  # fmt: skip
STEPS = st.tuples(st.sampled_from(ACTS), st.sampled_from(HANDS), st.sampled_from([0, 0, 1, 9, 31]), st.integers(0, 5))


def months_of(state: bc.Case, today: date, n: int, revive: bool = False) -> bc.ReassessCase:
    """What the benefit business would ask for: an assessment of every month to this one, and those decided ahead."""
    first = dates.add_months(dates.month_of(today), n - 3)
    last = max(first, dates.month_of(today), state.last_change if state.running else "")
    found = []
    for k, month in enumerate(dates.months_between(first, last)):
        kind = ("eligible", "eligible", "eligible", "gradual_exit", "ended", "eligible")[(n + k) % 6]
        if revive:
            kind = "eligible"
        amount = 0 if kind == "ended" else (30000, 50000, 100000)[(n + k) % 3]
        found.append(assessed(month, amount, kind, "2025-05" if kind == "gradual_exit" else None))
        if kind == "ended" and month >= dates.month_of(today):
            break
    return bc.ReassessCase(CASE, first, tuple(found), state.facts_version + n % 2, ("fact", "review:x", "standard:y")[n % 3])


def late(state: bc.Case, today: date, n: int) -> tuple[bc.ReassessEarlierRound, bc.RestoreCase]:
    """A late fact about a round that is over, and a death that was none, or was on a later day."""
    rounds = bc.earlier_rounds(state) or (bc.Round("2023-01", "2023-03"),)
    r = rounds[n % len(rounds)]
    before = bc.reaches(state, r) if state.first_month else r.end
    span = dates.months_between(r.first, dates.add_months(before, -1))[n % 2 :] or [r.first]
    found = tuple(assessed(m, (30000, 0, 100000)[(n + k) % 3]) for k, m in enumerate(span))
    gone = span[-1] if n > 3 and before == r.end else ""
    earlier = bc.ReassessEarlierRound(CASE, span[0], before, found[: 1 + n % 2] if gone else found, state.facts_version, "fact", gone)
    since = state.ended_from or dates.month_of(today)
    since = dates.add_months(since, n % 3) if since < bc.unsettled(state) else since
    last = max(since, dates.month_of(today))
    there = tuple(assessed(m, (50000, 100000, 0)[(n + k) % 3 if k else n % 2]) for k, m in enumerate(dates.months_between(since, last)))
    again = bc.EndCase(CASE, dates.add_months(last, 1 - n % 2), "死亡", "", gone=True) if n % 3 else None
    if again is not None:
        there = tuple(a for a in there if a.month < again.first_unpaid_month)
    revived = bc.ReassessCase(CASE, since, there, state.facts_version, "restored:x")
    return earlier, bc.RestoreCase(CASE, "误登", bc.Correction(revived, again), state.ended_cause if n % 2 else "")


def asked(state: bc.Case, act: str, terms: Terms, today: date, n: int) -> Any:
    """The command an act comes down to, filled in as the doors and the business would."""
    month = dates.add_months(dates.month_of(today), n - 3)
    follows = {
        "accepted": bc.AcceptApplication(CASE),
        "authorised": bc.RecordAuthorisation(CASE, "授权1", today),
        "means_tested": bc.RecordMeansTest(CASE, "报告", *(("complete", ()), ("partial", ("不动产",)))[n % 2]),
        "surveyed": bc.RecordSurvey(CASE, "属实"),
    }
    first = bc.first_month(state, today)
    proposal = bc.ProposeCase(CASE, assessed(first, (0 if n == 5 else (30000, 50000, 100000)[n % 3])), state.facts_version, 7)
    reviewed = state.proposal.reviewed if state.proposal else ""
    appealed = state.decisions[-1 - n % 2].number if len(state.decisions) > n % 2 else 1
    since = state.suspensions[-1].first if state.suspensions else month
    steps = sorted(bc.limits(state)) or ["review"]
    file = bc.FileApplication(PROGRAMME, SUBJECT, PAYEE, TOWN, terms)
    correction = bc.Correction(months_of(state, today, n, revive=n > 2))
    made = {
        "file": file,
        "supplement": bc.RequestSupplement(CASE, ("户口簿",), today + timedelta(days=n)),
        "answer_supplement": bc.AnswerSupplement(CASE),
        "refuse_acceptance": bc.RefuseAcceptance(CASE, "不属本辖区"),
        "withdraw": bc.WithdrawApplication(CASE, "已就业"),
        "recheck": bc.RequestMeansTest(CASE, "补查"),
        "extend": bc.ExtendProcedure(CASE, "情况复杂"),
        "object": bc.RaiseObjection(CASE, "另有住房"),
        "answer_objection": bc.AnswerObjection(CASE, ("upheld", "dismissed")[n % 2], "已查"),
        "confirm": bc.ConfirmCase(CASE, reviewed, state.facts_version, changing=n % 2 == 0),
        "refuse": bc.ProposeCase(CASE, assessed(first, 0), state.facts_version, 7),
        "tell": bc.TellRefusal(CASE, "当面送达"),
        "grant": bc.GrantCase(PROGRAMME, SUBJECT, PAYEE, TOWN, dates.month_of(today), assessed(month, 50000), 0, terms),
        "reassess": months_of(state, today, n),
        "end": bc.EndCase(CASE, month, "死亡", "", gone=n % 2 == 0),
        "earlier": late(state, today, n)[0],
        "restore": late(state, today, n)[1],
        "suspend": bc.SuspendCase(CASE, month, "失联"),
        "resume": bc.ResumeCase(CASE, max(since, month), n % 2 == 0, "返回"),
        "open_review": bc.OpenReview(CASE),
        "answer_review": bc.AnswerReview(CASE, "无变化", correction),
        "pay": bc.PayBenefit(CASE, month, "run", state.payable(month)),
        "returned": bc.ReturnPayment(CASE, month, "run", "账户已销"),
        "withhold": bc.WithholdRepayment(CASE, "rec", f"w{today.isoformat()}-{len(state.paid)}", (n + 1) * 5000),
        "refund": bc.RefundRepayment(CASE, "rec", month, (n + 1) * 1000),
        "overdue": bc.NoteStepOverdue(CASE, steps[n % len(steps)]),
        "appeal": bc.FileAppeal(CASE, appealed, "有异议"),
        "assign": bc.AssignAppeal(CASE, HANDS[n % 4]),
        "answer_appeal": bc.AnswerAppeal(CASE, ("upheld", "upheld", "dismissed")[n % 3], "已查", correction),
        "withdraw_appeal": bc.WithdrawAppeal(CASE),
        "stray": list(follows.values())[n % 4],  # whatever the order
    }
    if act == "next":
        if state.appeal is not None:
            return made["answer_appeal"] if state.appeal_to else made["assign"]
        if state.running:
            unpaid = [m for m in dates.months_between(state.first_month, dates.month_of(today)) if m not in state.paid and state.payable(m)]
            return bc.PayBenefit(CASE, unpaid[0], "run", state.payable(unpaid[0])) if unpaid else made["answer_review"]
        if not state.pending:
            return file
        if state.supplement is not None:
            return made["answer_supplement"]
        if state.status == "publicised":
            return made["answer_objection"] if state.objection_open else made["confirm"]
        return follows.get(bc.next_step(state), proposal)
    return made[act]


def hand_of(state: bc.Case, act: str, hand: str) -> str:
    """``next`` is done by the hand whose turn it is; everything else by anybody."""
    if act == "answer_appeal" or (act == "next" and state.appeal is not None):
        return state.appeal_to or hand
    if act == "next" and state.pending:
        if state.status == "publicised":
            return "staff:d" if state.objection_open else "staff:c"
        return "staff:b" if bc.next_step(state) == "" else "staff:a"
    return hand


class Books:
    """What a witness writes down beside the case: steps, money that left, claims."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.out: dict[str, int] = {}
        self.beside: dict[str, int] = {}  # arrears that went out with a month
        self.extra = self.claims = 0
        self.withheld: dict[str, int] = {}  # met claims without money going round
        self.refunded = 0

    def see(self, before: bc.Case, event: Any, command: Any) -> None:
        if isinstance(event, bc.ApplicationFiled):
            self.done = []
        elif type(event) in STEP_OF:
            step = STEP_OF[type(event)]
            self.done = [s for s in self.done if s != step] + [step]
        elif isinstance(event, bc.CaseProposed):
            assert tuple(self.done) == bc.owed(before.terms), "every step owed was taken, in its order"
            assert event.by not in before.clerks
        elif isinstance(event, bc.CaseGranted):
            assert event.amount_fen in (0, event.assessment.amount_fen)
            if event.reviewed:
                assert before.status == "publicised"
                assert before.proposal is not None
                assert event.by not in (*before.clerks, before.proposal.by)
                assert event.reviewed == bc.reviewed_hash(event.assessment), "what is confirmed is what was reviewed"
                assert not before.objection_open
        elif isinstance(event, bc.CaseReassessed):
            given = command.correction.reassess if hasattr(command, "correction") else command
            assert {m.amount_fen for m in event.months} <= {0, *(a.amount_fen for a in given.assessments)}, "only the rules' amounts"
        elif isinstance(event, bc.BenefitPaid):
            assert event.month not in self.out, "a month was paid twice"
            assert event.amount_fen + event.arrears_fen > 0
            assert not before.suspended_in(event.month)
            self.out[event.month] = event.amount_fen
            self.extra += event.arrears_fen
            self.beside[event.month] = event.arrears_fen
        elif isinstance(event, bc.PaymentReturned):
            assert self.out.pop(event.month) == event.amount_fen
            self.extra -= self.beside.pop(event.month)
            self.claims -= event.claimed_fen  # met by the money that came back
        elif isinstance(event, bc.OverpaymentFound):
            assert event.amount_fen == sum(m.paid_fen - m.due_fen for m in event.months) > 0
            self.claims += event.amount_fen
        elif isinstance(event, bc.ClaimedDueAgain):
            assert event.amount_fen == sum(m.due_fen - m.paid_fen for m in event.months) > 0
            assert all(m.due_fen - m.paid_fen <= before.claimed[m.month] for m in event.months), "no more than was claimed of the month"
            self.claims -= event.amount_fen
        elif isinstance(event, bc.RepaymentWithheld):
            assert "" not in before.withheld, "one before each payment"
            self.withheld[event.withheld_id] = event.amount_fen
        elif isinstance(event, bc.RepaymentReleased):
            assert self.withheld.pop(event.withheld_id) == event.amount_fen
        elif isinstance(event, bc.RepaymentRefunded):
            self.refunded += event.amount_fen
        elif isinstance(event, bc.ArrearsFound):
            assert event.amount_fen == sum(m.due_fen - m.paid_fen for m in event.months) > 0
        elif isinstance(event, bc.AppealAnswered):
            assert before.appeal is not None
            assert event.by not in (*before.appeal.hands, before.appeal.by), "answered by a hand that took no part"

    def balance(self, state: bc.Case) -> None:
        """What went out, less what is claimed back, plus what is owed, is what is due for the months accounted for."""
        net = sum(self.out.values()) + self.extra - self.claims + state.arrears_fen
        assert net + sum(self.withheld.values()) - self.refunded == sum(state.due(m) for m in state.paid)
        assert sum(w.amount_fen for ws in state.withheld.values() for w in ws) == sum(self.withheld.values())
        assert all(fen > 0 for fen in state.claimed.values())
        assert set(self.out) <= set(state.paid)


def order(command: Any, hand: str, now: datetime) -> Order[Any]:
    return Order(command, "c", Hand(hand), now)


def decide(state: bc.Case, command: Any, hand: str, now: datetime) -> list[Any]:
    return list(D.decide[type(command)](state, command, order(command, hand, now)))


NO_DOOR = (
    bc.GrantCase, bc.ReassessCase, bc.ReassessEarlierRound, bc.RestoreCase, bc.EndCase, bc.PayBenefit, bc.ReturnPayment,
    bc.NoteStepOverdue, bc.FileApplication,
)  # fmt: skip
# Where only what is filled in shows that it is out of order: which decision, what was decided on it meanwhile.
BY_CONTENT = (bc.FileAppeal, bc.AnswerAppeal)


def offered_as_decided(state: bc.Case, given: Order[Any], refused: Refused | None) -> None:
    """What is done was offered before, and what was offered is never out of order, whatever is filled in."""
    kind = type(given.command)
    if isinstance(given.command, NO_DOOR):
        return
    offered = possible(D.decide, state, given, [kind], bc.known(state, CASE))
    if refused is None:
        assert offered == [Possible(kind)], f"{kind.__name__} was done, but not offered: {offered}"
    elif refused.code == "out_of_order" and kind not in BY_CONTENT:
        assert offered != [Possible(kind)], f"{kind.__name__} was offered, but is out of order: {refused}"


def way_out(state: bc.Case, now: datetime) -> None:
    """From every state in which something waits, few acts lead to one where nothing does."""
    for _ in range(5):
        if not state.waiting:
            return
        if state.appeal_open:
            command: Any = bc.WithdrawAppeal(CASE)
        elif state.notice_due is not None:
            command = bc.TellRefusal(CASE, "当面送达")
        elif state.pending:
            command = bc.WithdrawApplication(CASE, "不再申请")
        else:
            command = bc.EndCase(CASE, dates.month_of(now.date()), "终止", "")
        state = D.fold(decide(state, command, "staff:z", now), state)
    raise AssertionError(f"no way out of {state.status}")


@MANY
@given(ANY_TERMS, st.lists(STEPS, max_size=40))
def test_any_life_of_a_case_keeps_every_promise(terms: Terms, steps: list[Any]) -> None:
    """Random commands on random days by random hands, under random terms."""
    state, progress, books = D.initial, bc.Progress(), Books()
    now = datetime(2023, 6, 1, 9, tzinfo=SHANGHAI)
    for act, hand, days, n in steps:
        now += timedelta(days=days)
        command = asked(state, act, terms, now.date(), n)
        by = hand_of(state, act, hand)
        try:
            decided = decide(state, command, by, now)
        except Refused as refused:
            offered_as_decided(state, order(command, by, now), refused)
            continue
        offered_as_decided(state, order(command, by, now), None)
        for event in decided:
            books.see(state, event, command)
            state, progress = D.evolve(state, event), bc.advance(progress, event)
        assert state.status in bc.STATUSES
        assert progress == bc.Progress(**{f.name: getattr(state, f.name) for f in fields(bc.Progress)}), "the rows know what the case knows"
        assert bc.unpacked(bc.packed(progress), bc.Progress) == progress
        assert bc.unpacked(bc.packed(state), bc.Case) == state, "nothing is lost in the rows"
        waiting = bc.worklist(progress)
        assert bool(waiting.worklist) == progress.waiting, "what is open stands in exactly one list"
        assert not waiting.worklist or waiting.worklist in LISTS
        assert list(state.schedule) == sorted(state.schedule, key=lambda s: s.month)
        assert len({s.month for s in state.schedule}) == len(state.schedule)
        assert sum(not s.until for s in state.suspensions) == (state.status == "suspended")
        assert (state.exit_since is not None) == ("gradual_exit" in (state.status, state.resumes_as))
        if state.status == "ended":
            assert state.due("2099-01") == 0
        if state.terms.payment == "none":
            assert state.amount_fen == 0
        books.balance(state)
        way_out(state, now)


@MANY
@given(ANY_TERMS, st.lists(STEPS, max_size=30))
def test_every_limit_is_said_to_be_overdue_once(terms: Terms, steps: list[Any]) -> None:
    """Long after, every limit that runs is said once; said again, nothing happens."""
    state = D.initial
    now = datetime(2023, 6, 1, 9, tzinfo=SHANGHAI)
    for act, hand, days, n in steps:
        now += timedelta(days=days)
        command = asked(state, act, terms, now.date(), n)
        try:
            state = D.fold(decide(state, command, hand_of(state, act, hand), now), state)
        except Refused:
            continue
    late = now + timedelta(days=1000)
    said: list[str] = []
    while passed := [step for step, day in bc.limits(state).items() if day < late.date()]:
        events = decide(state, bc.NoteStepOverdue(CASE, passed[0]), "service:assistance", late)
        assert events, f"{passed[0]} passed in silence"
        state = D.fold(events, state)
        said.append(passed[0])
        assert len(said) == len(set(said)), "said twice"
    assert all(decide(state, bc.NoteStepOverdue(CASE, step), "service:assistance", late) == [] for step in said if step != "review")


def test_no_command_of_a_case_names_an_amount() -> None:
    """An amount is the rules' word; those that name one repeat what the case or its claim has said, and are given by the service."""
    named = {c.__name__: {f.name for f in fields(c) if "fen" in f.name or "amount" in f.name} for c in D.decide}
    settled = {"RefundRepayment": {"amount_fen"}, "WithholdRepayment": {"amount_fen"}}
    assert {c: names for c, names in named.items() if names} == {"PayBenefit": {"expected_fen"}, **settled}

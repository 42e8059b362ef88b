"""What assistance knows of a person: facts with the month they count from, in whatever order they come."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import person as p
from shared.domain.errors import Refused
from shared.eventsourcing.testing import Given, given
from shared.rules.facts import Spending

WHO, TOWN = "0a" * 16, "330225101"
BLIND = p.RecordCertificate(WHO, TOWN, 1, "visual", date(2023, 3, 15))
MILDER = p.RecordCertificate(WHO, TOWN, 3, "visual", date(2023, 6, 10), source="dpf")
CANCELLED = p.RecordCertificate(WHO, TOWN, 0, "", date(2023, 8, 2), source="dpf")


def known(*more: Any) -> Given[p.Person]:
    return given(p.DECIDER, p.PersonEntered(WHO, TOWN), *more).on("2023-10-10").by("staff:a")


def after(*commands: Any) -> p.Person:
    """The person after these commands, each decided on what came before."""
    state = p.DECIDER.initial
    for c in commands:
        for happened in p.DECIDER.decide[type(c)](state, c, known().order):
            state = p.evolve(state, happened)
    return state


def grades(state: p.Person) -> list[int]:
    found = [p.facts_in(state, f"2023-{m:02d}").certificate for m in range(1, 13)]
    return [c.grade if c else -1 for c in found]


def test_a_better_certificate_counts_from_its_month_and_a_milder_one_from_the_next() -> None:
    """Nobody pays back a month begun in good faith."""
    assert grades(after(BLIND, MILDER, CANCELLED)) == [-1, -1, 1, 1, 1, 1, 3, 3, 0, 0, 0, 0]


@pytest.mark.parametrize("told", list(itertools.permutations((BLIND, MILDER, CANCELLED))), ids=lambda t: "-".join(str(c.grade) for c in t))
def test_the_grade_of_a_later_day_does_not_depend_on_the_order(told: tuple[p.RecordCertificate, ...]) -> None:
    """Certificates that come late are laid in where they belong."""
    assert grades(after(*told))[8:] == [0, 0, 0, 0]


ISSUED_AGAIN = p.RecordCertificate(WHO, TOWN, 2, "physical", date(2023, 10, 28))
CANCELLED_THEN = p.RecordCertificate(WHO, TOWN, 0, "", date(2023, 10, 12))


@pytest.mark.parametrize(
    "told", list(itertools.permutations((BLIND, CANCELLED_THEN, ISSUED_AGAIN))), ids=lambda t: "-".join(str(c.grade) for c in t)
)
def test_of_two_certificates_of_one_month_the_later_dated_holds_in_whatever_order_they_are_told(told: tuple[Any, ...]) -> None:
    """Cancelled on the 12th and issued anew on the 28th: nobody loses November to the order in which somebody learnt of it."""
    state = after(*told)
    assert grades(state)[8:] == [1, 1, 2, 2]
    assert p.known_until(state) == "2023-11"


def test_a_certificate_told_late_moves_the_month_of_a_milder_one_and_is_announced_from_the_first_month_it_changes() -> None:
    """A better one that was in force all along makes the milder one count from the month after."""
    assert grades(after(MILDER, BLIND)) == grades(after(BLIND, MILDER))
    corrected = replace(BLIND, grade=4)  # the same day: the one recorded last is right
    assert _events(BLIND, MILDER, corrected)[-1] == p.PersonFactsChanged(WHO, "2023-03", "certificate")
    assert grades(after(BLIND, MILDER, corrected))[2] == 4


def test_a_change_is_announced_with_the_month_from_which_it_counts_and_told_twice_once() -> None:
    """The service reassesses from that month on."""
    known(*_events(BLIND)).when(BLIND).then()
    happened = _events(BLIND, MILDER)[-2:]
    assert happened[1] == p.PersonFactsChanged(WHO, "2023-07", "certificate")


def _events(*commands: Any) -> list[Any]:
    state, events = p.evolve(p.DECIDER.initial, p.PersonEntered(WHO, TOWN)), []
    for c in commands:
        for happened in p.DECIDER.decide[type(c)](state, c, known().order):
            state, events = p.evolve(state, happened), [*events, happened]
    return events


def test_a_finding_says_only_what_it_says() -> None:
    """Care need found in May does not take back the lost acts found in March."""
    first = p.RecordFinding(WHO, TOWN, date(2023, 3, 2), lost_acts=("walk", "eat"), able_supporter=False)
    second = p.RecordFinding(WHO, TOWN, date(2023, 5, 20), long_term_care=True, placement="central")
    for told in ((first, second), (second, first)):
        state = after(*told)
        in_april, in_may = p.facts_in(state, "2023-04"), p.facts_in(state, "2023-05")
        assert (in_april.lost_acts, in_april.long_term_care, in_april.placement) == (("eat", "walk"), False, "dispersed")
        assert (in_may.lost_acts, in_may.long_term_care, in_may.placement) == (("eat", "walk"), True, "central")


def test_spending_counts_for_the_twelve_months_after_it_and_a_correction_replaces_it() -> None:
    """支出 of March 2023 stands in every decision from April 2023 to March 2024."""
    bill = p.RecordSpending(WHO, TOWN, "B-1", "medical", date(2023, 3, 9), 500_000)
    state = after(bill, p.RecordSpending(WHO, TOWN, "B-1", "medical", date(2023, 3, 9), 200_000))
    counted = [m for m in ("2023-03", "2023-04", "2024-03", "2024-04") if p.spending_in(state, m)]
    assert counted == ["2023-04", "2024-03"]
    assert p.spending_in(state, "2023-04") == (Spending("medical", 200_000),)


def test_what_was_given_up_stays_given_up_until_the_person_chooses_again() -> None:
    """择高: of two choices the one that counts from the later month holds."""
    keep_care = p.ChooseBenefit(WHO, TOWN, "care", "elder", "2023-05")
    keep_elder = p.ChooseBenefit(WHO, TOWN, "elder", "care", "2023-09")
    state = after(keep_care, keep_elder)
    given_up = {m: [c for c in ("care", "elder") if p.gave_up(state, c, m)] for m in ("2023-04", "2023-05", "2023-08", "2023-09")}
    assert given_up == {"2023-04": [], "2023-05": ["elder"], "2023-08": ["elder"], "2023-09": ["care"]}


def test_the_dead_get_no_new_facts() -> None:
    """Only what ends by death goes on."""
    gone = p.PersonDeathRecorded(WHO, date(2023, 9, 1))
    with pytest.raises(Refused):
        p.record_certificate(p.DECIDER.fold([p.PersonEntered(WHO, TOWN), gone]), BLIND, known().order)


def test_a_person_known_only_from_elsewhere_gets_his_town_with_the_first_fact_of_ours() -> None:
    """Elder care does not say where somebody is registered; who registers him does."""
    told = p.RecordBenefitElsewhere(WHO, "", "old_age_allowance", "2023-05", True, "eldercare")
    assert after(told).division == ""
    assert after(told, BLIND).division == TOWN


@settings(max_examples=60, deadline=None)
@drawn(st.dictionaries(st.sampled_from(["2023-02", "2023-05", "2023-08"]), st.booleans()), st.randoms())
def test_other_benefits_do_not_depend_on_the_order_of_the_news(told: dict[str, bool], shuffled: Any) -> None:
    """One mark a month, in any order: the months between are the same."""
    news = [p.RecordBenefitElsewhere(WHO, TOWN, "old_age_allowance", m, on, "eldercare") for m, on in told.items()]
    mixed = news[:]
    shuffled.shuffle(mixed)
    months = [f"2023-{m:02d}" for m in range(1, 11)]
    usual = [p.facts_in(after(*sorted(news, key=lambda c: c.month)), m).other_benefits for m in months]
    assert [p.facts_in(after(*mixed), m).other_benefits for m in months] == usual


def test_of_what_elder_care_decided_of_a_month_the_last_holds_in_whatever_order_it_is_told() -> None:
    """Ended from July and granted again from September; June fell out later, and last of all it ended from August; a form says nothing."""
    said = (("2023-05", True, 1, ""), ("2023-07", False, 4, ""), ("2023-09", True, 5, ""), ("2023-06", False, 9, "2023-07"))
    form = p.RecordBenefitElsewhere(WHO, TOWN, "work_injury_care", "2023-08", True, "declared")
    for decided, due in ((said, [5, 9, 10]), ((*said, ("2023-08", False, 12, "")), [5])):
        for told in itertools.permutations(decided):
            allowance = [
                p.RecordBenefitElsewhere(WHO, TOWN, "old_age_allowance", month, on, "eldercare", position, until)
                for month, on, position, until in told
            ]
            state = after(*allowance, form, *allowance[:1])
            found = [p.facts_in(state, f"2023-{m:02d}").other_benefits for m in range(4, 11)]
            assert [m for m, codes in enumerate(found, 4) if "old_age_allowance" in codes] == due
            assert [m for m, codes in enumerate(found, 4) if "work_injury_care" in codes] == [8, 9, 10]


def test_the_end_of_a_certificate_is_noted_once_and_again_after_another() -> None:
    """残疾人证到期: what follows is announced as a changed fact of the first month behind it."""
    note = p.NoteCertificateExpired(WHO, "2023-10")
    case = known().when(note).accepted()
    assert case.events[-2:] == (p.CertificateExpired(WHO, "2023-10"), p.PersonFactsChanged(WHO, "2023-10", "certificate_expired"))
    case.when(note).then_nothing()
    renewed = case.when(p.RecordCertificate(WHO, TOWN, 1, "visual", date(2023, 3, 15), date(2023, 9, 30))).accepted()
    assert renewed.when(note).accepted().state.expired == "2023-10"
    known(p.PersonDeathRecorded(WHO, date(2023, 9, 1))).when(note).then_nothing()


# -- changes (人员情况变更)

REGISTERED = p.PersonRegistered(WHO, date(1945, 1, 1), TOWN, "rural", 0, 1000, "", "甲", "1")


def registered(*more: Any) -> Given[p.Person]:
    return known(REGISTERED, *more)


def change(month: str, **what: Any) -> p.ChangePerson:
    return p.ChangePerson(WHO, month, "证明材料", **what)


def test_a_registered_person_may_be_otherwise_from_a_month_on() -> None:
    """Savings, payee, place and whether he counts, each from its month; what decisions rest on is announced from then."""
    case = registered().when(change("2023-06", savings_fen=900, payee_id="0b" * 16, counted=False)).accepted()
    assert case.events[-1] == p.PersonFactsChanged(WHO, "2023-06", "change")
    assert [p.figure_in(case.state, "savings_fen", m, 1000) for m in ("2023-05", "2023-06")] == [1000, 900]
    assert [p.payee_in(case.state, m) for m in ("2023-05", "2023-06")] == ["", "0b" * 16]
    assert [p.person_facts(case.state, m).counted for m in ("2023-05", "2023-06")] == [True, False]
    back = case.when(change("2023-08", payee_id="", counted=True)).accepted()
    assert [p.payee_in(back.state, m) for m in ("2023-07", "2023-08")] == ["0b" * 16, ""]
    assert [p.person_facts(back.state, m).counted for m in ("2023-07", "2023-08")] == [False, True]


def test_whose_a_registered_person_is_in_a_month_is_where_he_is_registered_or_was_before_he_left_the_district() -> None:
    """The rules are asked about where he is registered; the file is the new town's only when he is handed over to it."""
    case = registered().when(change("2023-06", division="330225105", area="urban")).accepted()
    assert (p.where_in(case.state, "2023-05"), p.where_in(case.state, "2023-06")) == ((TOWN, "rural"), ("330225105", "urban"))
    assert [p.town_in(case.state, m) for m in ("2023-05", "2023-06")] == [(TOWN, ""), ("330225105", "2023-06")]
    assert case.state.division == TOWN
    over = case.when(p.MoveAlong(WHO, "330225105")).then(p.PersonMovedAlong(WHO, "330225105"))
    away = over.when(change("2023-08", division="330203001")).accepted()
    assert (p.where_in(away.state, "2023-08")[0], away.state.division) == ("330203001", "330225105")
    assert p.town_in(away.state, "2023-09") == ("330225105", "2023-06")
    none = away.when(change("2023-06", division=TOWN)).accepted()
    assert p.town_in(none.state, "2023-09") == (TOWN, "2023-06"), "of two of one month the later told"


def test_a_change_of_a_person_told_twice_or_of_nothing_is_not_recorded() -> None:
    """Only what was not told of that month is, and of place and payee what is not so."""
    registered().when(change("2023-06", area="rural")).then_nothing()
    case = registered().when(change("2023-06", savings_fen=5, area="rural")).accepted()
    assert (case.events[-2].savings_fen, case.events[-2].area) == (5, None)
    case.when(change("2023-06", savings_fen=5, area="rural")).then_nothing()


def test_savings_as_before_bound_what_comes_to_light_later() -> None:
    """They were counted in August and were as registered; then it is learnt what lay there in May."""
    case = registered().when(change("2023-08", savings_fen=1000)).accepted().when(change("2023-05", savings_fen=9_000_000)).accepted()
    assert [p.figure_in(case.state, "savings_fen", month, 1000) for month in ("2023-04", "2023-07", "2023-08")] == [1000, 9_000_000, 1000]


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (change("2023-6", savings_fen=5), "invalid_input", "from_month"),
        (change("2023-12", savings_fen=5), "invalid_input", "from_month"),
        (p.ChangePerson(WHO, "2023-06", " ", savings_fen=5), "invalid_input", "evidence"),
        (change("2023-06", area="village"), "invalid_input", "area"),
        (change("2023-06", payee_id="110105"), "invalid_input", "payee_id"),
        (change("2023-06", savings_fen=-1), "invalid_input", "savings_fen"),
        (change("2023-06", division="33022"), "invalid_input", "division"),
    ],
)
def test_a_change_of_a_person_that_cannot_be_is_refused(command: p.ChangePerson, code: str, field: str) -> None:
    """Code and field are named."""
    registered().when(command).then_refused(code, field)


def test_who_is_not_registered_by_himself_or_dead_is_not_changed() -> None:
    """Of a member of a household the household tells; savings that a survey found are corrected by the next finding."""
    known().when(change("2023-06", savings_fen=5)).then_refused("not_found", "person_id")
    registered(p.PersonDeathRecorded(WHO, date(2023, 9, 1))).when(change("2023-06", savings_fen=5)).then_refused("out_of_order")
    found = registered().when(p.RecordFinding(WHO, TOWN, date(2023, 5, 2), savings_fen=7)).accepted()
    found.when(change("2023-06", savings_fen=5)).then_refused("out_of_order", "savings_fen")

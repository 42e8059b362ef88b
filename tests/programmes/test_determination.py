"""Hardship classes: one current class a household, never overwritten, the same in whatever order the cases tell of themselves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from services.assistance import determination as dt
from services.assistance.price_linkage import subsidy_subject
from shared.domain.errors import Refused
from shared.eventsourcing.testing import given
from tests.deciders import samples  # noqa: F401  (adopts the shape)
from tests.desk import Desk, desk
from tests.programmes.people import Numbers, case, case_of, due, grant, home, pay, single

UNIT, TOWN = "a1" * 16, "330225101"
LIVING, MARGIN, SUPPORT = "minimum_living_allowance", "minimum_living_margin_household", "extreme_hardship_support"


def note(programme: str, *spans: tuple[str, str], subject: str = UNIT) -> dt.NoteGround:
    """A case of the unit with the months in which it runs."""
    case_id = case_of(programme, subject)
    return dt.NoteGround(UNIT, TOWN, case_id, programme, subject, tuple(dt.Span(*s) for s in spans), (UNIT,))


def after(*notes: dt.NoteGround) -> dt.Unit:
    """The unit after these notes, in this order."""
    state = dt.DECIDER.initial
    for n in notes:
        events = given(dt.DECIDER).on("2023-10-10").by("service:assistance", "service:assistance").order
        for happened in dt.note_ground(state, n, events):
            state = dt.evolve(state, happened)
    return state


MONTHS = [f"2023-{m:02d}" for m in range(1, 13)]
span = st.tuples(st.integers(0, 10), st.integers(1, 6), st.booleans()).map(
    lambda t: (MONTHS[t[0]], "" if t[2] or t[0] + t[1] > 11 else MONTHS[t[0] + t[1]])
)


def classes(state: dt.Unit) -> list[str]:
    return [dt.class_in(state, m) for m in MONTHS]


def test_the_strongest_ground_is_the_class_and_the_weaker_one_comes_back_when_it_ends() -> None:
    """低保 from March to June over a margin determination of the whole year."""
    state = after(note(MARGIN, ("2023-02", "")), note(LIVING, ("2023-03", "")), note(LIVING, ("2023-03", "2023-07")))
    assert classes(state) == ["", "margin", *["minimum_living"] * 4, *["margin"] * 6]
    assert [type(d).__name__ for d in state.chain] == ["ClassGranted", "ClassChanged", "ClassChanged"]
    assert [d.old_class for d in state.chain] == ["", "margin", "minimum_living"]
    assert [d.reason for d in state.chain] == ["最低生活保障边缘家庭在保", "最低生活保障在保", "最低生活保障边缘家庭在保"]


def test_a_back_dated_end_supersedes_and_overwrites_nothing() -> None:
    """The end turns out to lie earlier: the later determinations stay readable, the newest one counts."""
    state = after(note(LIVING, ("2023-03", "")), note(LIVING, ("2023-03", "2023-09")), note(LIVING, ("2023-03", "2023-06")))
    assert classes(state) == ["", "", *["minimum_living"] * 3, *[""] * 7]
    ended = state.chain[-1]
    assert isinstance(ended, dt.ClassEnded)
    assert (ended.supersedes, ended.cuts) == ((1,), 0)
    assert len(state.chain) == 3


def test_a_note_that_is_repeated_changes_nothing() -> None:
    """The same months of the same case, told again."""
    once = after(note(LIVING, ("2023-03", "")))
    assert after(note(LIVING, ("2023-03", "")), note(LIVING, ("2023-03", ""))) == once


def test_a_person_of_extreme_hardship_does_not_make_his_family_so() -> None:
    """特困 is his alone; the household stands in the register with its strongest class."""
    person = "b2" * 16
    state = after(note(LIVING, ("2023-03", "")), note(SUPPORT, ("2023-05", ""), subject=person))
    assert dt.class_in(state, "2023-06") == "extreme_hardship"
    assert dt.class_of(state, person, "2023-06") == "extreme_hardship"
    assert dt.class_of(state, "c3" * 16, "2023-06") == "minimum_living"


ILL, OTHER = "b2" * 16, "c3" * 16  # 特困, and who lives with him


def of_two(made: dt.NoteGround) -> dt.NoteGround:
    """The unit has two members."""
    return replace(made, members=(ILL, OTHER))


def heard(state: dt.Unit, person_id: str) -> list[str]:
    """What a reader of the unit's events takes the person to be, month by month."""
    return [dt.told_of(state, person_id, m) for m in MONTHS]


def test_what_begins_and_ends_behind_another_members_class_is_noted_of_whom_it_is() -> None:
    """特困 of one is the unit's class all along: of the other member's 低保 nothing else would tell."""
    state = after(
        of_two(note(SUPPORT, ("2023-02", ""), subject=ILL)),
        of_two(note(LIVING, ("2023-04", ""))),
        of_two(note(LIVING, ("2023-04", "2023-07"))),
    )
    assert [d.hardship_class for d in state.chain] == ["extreme_hardship"]
    assert [(n.person_id, n.hardship_class, n.month, n.turn) for n in state.noted] == [
        (OTHER, "minimum_living", "2023-04", 1), (OTHER, "", "2023-07", 2),
    ]  # fmt: skip
    assert heard(state, ILL) == ["", *["extreme_hardship"] * 11]


def test_another_members_allowance_alone_is_not_ones_own() -> None:
    """单人保: the unit stands as 低保, the rest of the margin household is what it was, and hears it."""
    alone = replace(of_two(note(LIVING, ("2023-04", ""))), spans=(dt.Span("2023-04", "", ILL),))
    state = after(of_two(note(MARGIN, ("2023-02", ""))), alone)
    assert dt.class_in(state, "2023-04") == "minimum_living"
    assert [(n.person_id, n.hardship_class, n.month) for n in state.noted] == [(OTHER, "margin", "2023-04")]


@settings(max_examples=60, deadline=None)
@drawn(st.lists(st.tuples(st.sampled_from(sorted(dt.CLASSES)), span), min_size=1, max_size=6))
def test_determinations_and_notes_together_say_what_every_member_is(told: list[tuple[str, tuple[str, str]]]) -> None:
    """Whatever the cases tell, in any order, a reader knows of every month what each member is."""
    state = after(*(of_two(note(p, s, subject=ILL if p == SUPPORT else UNIT)) for p, s in told))
    for person_id in (ILL, OTHER):
        assert heard(state, person_id) == [dt.class_of(state, person_id, m) for m in MONTHS]


def test_who_is_asked_for_is_told_of_from_that_month_on() -> None:
    """Also what is known to come; of who is nothing there is nothing to say."""
    state = after(of_two(note(LIVING, ("2023-02", "2023-09"))))
    at = given(dt.DECIDER).on("2023-07-10").by("service:assistance", "service:assistance").order
    said = dt.answer_class(state, dt.AnswerClass(UNIT, OTHER, "2023-07"), at)
    assert [(n.hardship_class, n.month, n.no, n.turn) for n in said] == [("minimum_living", "2023-07", 1, 1), ("", "2023-09", 1, 2)]
    assert not dt.answer_class(state, dt.AnswerClass(UNIT, OTHER, "2023-10"), at)


@settings(max_examples=60, deadline=None)
@drawn(st.lists(st.tuples(st.sampled_from(sorted(dt.CLASSES)), span), min_size=1, max_size=5))
def test_the_class_of_a_month_does_not_depend_on_the_order(told: list[tuple[str, tuple[str, str]]]) -> None:
    """Whatever comes first, the last note of each case decides, and every month has the strongest of them."""
    last = dict(told)
    notes = [note(programme, spans) for programme, spans in last.items()]
    expected = [
        next((c for c in dt.PRECEDENCE for p, s in last.items() if dt.CLASSES[p] == c and dt.Span(*s).holds(m)), "") for m in MONTHS
    ]
    for order in itertools.islice(itertools.permutations(notes), 6):
        state = after(*(note(p, s) for p, s in told), *order)
        assert classes(state) == expected
        standing = {d.no for d in state.chain} - {n for d in state.chain for n in d.supersedes}
        months = [d.valid_from for d in state.chain if d.no in standing]
        assert len(months) == len(set(months))


# -- through the doors


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module."""
    with desk(tmp_path_factory.mktemp("determination"), "assistance") as made:
        yield made


def register(d: Desk, day: str, **where: Any) -> dict[str, dict[str, Any]]:
    """The register of a day, by unit."""
    found = d.call("list_register", "auditor", valid_at=day, limit=500, **where)
    return {e["unit_id"]: e for e in found["entries"]}


def test_the_register_answers_for_any_day_and_the_members_are_published(d: Desk, numbers: Numbers) -> None:
    """A31, W08: the family stands in it from the first month to the last, by class and day."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "20150101"})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-05")
    head = made.members[0]
    d.call("record_income", household_id=made.household_id, person_id=head, monthly_income_fen=900000, effective_from="2023-09-04")
    d.settle()
    assert case(d, living)["status"] == "ended"
    assert made.household_id not in register(d, "2023-07-31")
    entry = register(d, "2023-08-01")[made.household_id]
    assert (entry["hardship_class"], entry["persons"], entry["valid_to"]) == ("minimum_living", 2, "2023-10")
    assert made.household_id not in register(d, "2023-10-01")
    assert made.household_id not in register(d, "2023-08-01", hardship_class="margin")
    shown = d.call("get_determination", "auditor", unit_id=made.household_id, valid_at="2023-09-30")
    assert (shown["valid"]["hardship_class"], len(shown["chain"])) == ("minimum_living", 2)
    assert shown["chain"][0]["members"] == list(made.members)
    early = d.call("get_determination", "auditor", unit_id=made.household_id, valid_at="2023-11-01", as_of="2023-08-30T00:00:00+08:00")
    assert early["valid"]["hardship_class"] == "minimum_living"  # that is what was known then


def test_an_end_set_aside_on_appeal_gives_the_class_back(d: Desk, numbers: Numbers) -> None:
    """The months without a class were never without one: the chain says so, and keeps what was thought meanwhile."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"})
    living = grant(d, LIVING, household_id=made.household_id)
    head = {"household_id": made.household_id, "person_id": made.members[0]}
    d.on("2023-09-05")
    d.call("record_income", **head, monthly_income_fen=900000, effective_from="2023-09-04")
    d.settle()
    assert not d.call("class_on", "auditor", person_id=made.members[0], day="2023-10-01")["hardship_class"]
    d.call("record_income", **head, monthly_income_fen=0, effective_from="2023-09-04")
    d.settle()
    [ended] = [x for x in case(d, living)["decisions"] if x["kind"] == "ended"]
    d.call("file_appeal", case_id=living, decision=ended["number"], reason="收入登记有误")
    d.call("assign_appeal", "approver", case_id=living, to="staff:other")
    d.call("answer_appeal", "approver", actor="staff:other", case_id=living, outcome="upheld", reason="收入登记有误")
    d.settle()
    assert d.call("class_on", "auditor", person_id=made.members[0], day="2023-10-01")["hardship_class"] == "minimum_living"
    assert [x["hardship_class"] for x in d.call("get_determination", "auditor", unit_id=made.household_id)["chain"]] == [
        "minimum_living", "", "minimum_living",
    ]  # fmt: skip
    assert register(d, "2023-10-01")[made.household_id]["valid_to"] == ""


def test_who_has_left_meanwhile_is_told_of_a_class_that_was_none_while_he_was_there(d: Desk, numbers: Numbers) -> None:
    """低保 ends by a late fact from a month in which he still lived there: his subsidy of that month is claimed, and of no other."""
    d.on("2024-04-01")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 20000}, {"born": "19720101"}, town="330225109")
    grant(d, LIVING, household_id=made.household_id)
    who = made.members[1]
    d.call("record_certificate", person_id=who, grade=2, kind="physical", effective_from="2020-01-01")
    d.settle()
    d.on("2024-05-03")
    subsidy = grant(d, "disabled_living_subsidy", person_id=who)
    for month in ("2024-05", "2024-06"):
        d.on(f"{month}-20")
        pay(d, "disabled_living_subsidy", month, "330225109")
    fen = due(d, subsidy, "2024-06")
    d.on("2024-07-05")
    left = {"from_month": "2024-07", "reason": "moved_out", "evidence": "户籍迁移证明", "left": [who]}
    d.call("change_household", household_id=made.household_id, **left)
    d.settle()
    assert (due(d, subsidy, "2024-06"), due(d, subsidy, "2024-07")) == (fen, 0)
    d.on("2024-07-20")
    d.call("record_income", household_id=made.household_id, person_id=made.members[0], monthly_income_fen=900000,
           effective_from="2024-05-10")  # fmt: skip
    d.settle()
    assert (due(d, subsidy, "2024-05"), due(d, subsidy, "2024-06")) == (fen, 0)
    assert [r["amount_fen"] for r in d.call("list_recoveries", "auditor", case_id=subsidy)] == [fen]


def test_the_class_of_a_member_whose_own_support_ended_is_over(d: Desk, numbers: Numbers) -> None:
    """特困 of one whom a household counts ends: the months in which he lives there are open, those in which he was supported are not."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101", "monthly_income_fen": 600_000}, {"born": "19450101"})
    who = made.members[1]
    d.call("record_finding", person_id=who, found_on="2023-07-03", able_supporter=False, able_to_work=False)
    support = grant(d, SUPPORT, person_id=who)
    d.on("2023-09-04").call("record_finding", person_id=who, found_on="2023-09-04", able_supporter=True)
    d.settle()
    over = case(d, support)["ended_from"]
    assert over in ("2023-09", "2023-10")
    classes = {m: d.call("class_on", "auditor", person_id=who, day=f"{m}-15")["hardship_class"] for m in ("2023-08", over, "2024-01")}
    assert classes == {"2023-08": "extreme_hardship", over: "", "2024-01": ""}


def test_a_hand_of_another_town_does_not_see_the_class(d: Desk, numbers: Numbers) -> None:
    """The register ends at the hand's division."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"})
    grant(d, LIVING, household_id=made.household_id)
    with pytest.raises(Refused) as refused:
        d.call("class_on", "auditor", at="330225109", person_id=made.members[0], day="2023-08-01")
    assert refused.value.code == "wrong_division"
    assert d.call("list_register", "auditor", at="330225109", valid_at="2023-08-01")["entries"] == []


def test_a_funeral_officer_learns_the_class_on_the_day_of_death_and_nothing_else(d: Desk, numbers: Numbers) -> None:
    """R28 goes by that class: who decides on funeral aid may ask for it, who registers the death has no use for it."""
    d.on("2023-07-03")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19720101"})
    grant(d, LIVING, household_id=made.household_id)
    who = made.members[1]
    d.on("2023-09-12")
    d.tell("registry", "after_death_opened", person_id=who, died_on="2023-09-10", division="330225101", round=1, steps=["household"])
    d.settle()
    answer = d.call("class_on", "funeral_officer", person_id=who, day="2023-09-10")
    assert answer["hardship_class"] == "minimum_living"
    for method, role, body in (
        ("class_on", "registrar", {"person_id": who, "day": "2023-09-10"}),
        ("get_household", "funeral_officer", {"household_id": made.household_id}),
        ("get_determination", "funeral_officer", {"unit_id": made.household_id}),
        ("list_cases", "funeral_officer", {}),
    ):
        with pytest.raises(Refused) as refused:
            d.call(method, role, **body)
        assert refused.value.code == "forbidden", (method, role)
    with pytest.raises(Refused) as elsewhere:
        d.call("class_on", "funeral_officer", at="330225109", person_id=who, day="2023-09-10")
    assert elsewhere.value.code == "wrong_division"


def test_the_price_subsidy_goes_once_to_everybody_in_the_months_register(d: Desk, numbers: Numbers) -> None:
    """A29: triggered, confirmed by another hand, granted slice by slice, paid once; stops where no threshold holds."""
    from services.assistance import price_linkage

    d.on("2023-06-05")
    family = home(d, numbers, {"born": "19700101"}, {"born": "20150101"})
    grant(d, LIVING, household_id=family.household_id)
    lonely = single(d, numbers, "19450101", area="rural")
    d.call("record_finding", person_id=lonely, found_on="2023-06-10", able_supporter=False, able_to_work=False)
    grant(d, SUPPORT, person_id=lonely)
    margin = home(d, numbers, {"born": "19700101", "monthly_income_fen": 450_000}, {"born": "19450101"}, {"born": "20150101"})
    grant(d, MARGIN, household_id=margin.household_id)
    for person in margin.members[1:2]:  # his own class is 特困, his family's is none that is covered
        d.call("record_finding", person_id=person, found_on="2023-06-20", able_supporter=False, able_to_work=False)
        grant(d, SUPPORT, person_id=person)
    d.on("2023-08-21")
    index = {"month": "2023-08", "document_no": "象统〔2023〕8号", "published_on": "2023-08-18"}
    d.call("trigger_price_linkage", "reviewer", cpi_bp=360, food_bp=100, **index)
    with pytest.raises(Refused) as same:
        d.call("confirm_price_linkage", "approver", actor="staff:reviewer", month="2023-08")
    assert same.value.code == "same_hand"
    page = {"category": "price_linkage", "key": "2023-08"}
    stands = d.call("get_acts", "approver", **page)["stands"]
    assert (stands["worklist"], str(stands["due_on"])) == ("price_confirm", "2023-09-15")
    price_linkage_slice, price_linkage.SLICE = price_linkage.SLICE, 1
    try:
        d.call("confirm_price_linkage", "approver", month="2023-08")
        d.settle()
    finally:
        price_linkage.SLICE = price_linkage_slice
    stands = d.call("get_acts", "approver", **page)["stands"]
    assert (stands["worklist"], str(stands["due_on"])) == ("", "2023-09-15")  # granted, and not paid yet
    found = d.call("get_price_linkage", "auditor", month="2023-08")
    granted = d.call("list_cases", "auditor", programme="price_linked_temporary_subsidy", limit=500)
    assert found["status"] == "completed"
    assert found["slices"] > found["units"] >= 2
    assert (found["units"], found["amount_fen"]) == (len(granted), sum(g["amount_fen"] for g in granted))
    amounts = {unit: due(d, case_of("price_linked_temporary_subsidy", subsidy_subject(unit, "2023-08")), "2023-08") for unit in
               (family.household_id, lonely, margin.household_id)}  # fmt: skip
    assert amounts[family.household_id] == 2 * amounts[lonely] > 0
    assert amounts[margin.household_id] == amounts[lonely], "one of the three is covered"
    for told in ({"month": "2023-08"}, {"month": "2023-08", "no": 1}, {"month": "2023-08", "no": found["slices"]}):
        d.tell("assistance", "price_slice_granted" if "no" in told else "price_linkage_confirmed", **told)  # delivered again
    d.settle()
    again = d.call("get_price_linkage", "auditor", month="2023-08")
    assert (again["version"], again["amount_fen"]) == (found["version"], found["amount_fen"])
    with pytest.raises(Refused, match="已办理"):
        d.call("trigger_price_linkage", "reviewer", cpi_bp=400, food_bp=100, **index)
    asked = {"programme": "price_linked_temporary_subsidy", "month": "2023-08", "division": "330225"}
    with pytest.raises(Refused, match=f"名单中有{len(granted)}笔"):  # whoever confirmed the linkage decided all of them
        d.call("prepare_payment_run", "cashier", actor="staff:approver", **asked)
    run = pay(d, "price_linked_temporary_subsidy", "2023-08", "330225")
    assert run["status"] == "closed"
    # The register of August turns out otherwise: what was paid to who was not in it is claimed, and the other way round it goes out.
    gone = case_of("price_linked_temporary_subsidy", subsidy_subject(lonely, "2023-08"))
    d.tell("registry", "after_death_opened", person_id=lonely, died_on="2023-07-20", division=TOWN, round=1, steps=["household"])
    d.settle()
    [claim] = [r for r in d.call("list_recoveries", "auditor", limit=500) if r["case_id"] == gone]
    assert claim["amount_fen"] == amounts[lonely]
    d.on("2023-09-25")
    d.settle()
    assert d.call("get_price_linkage", "auditor", month="2023-08")["status"] == "paid"
    assert d.call("get_acts", "approver", **page)["stands"] == {"worklist": "", "due_on": None}
    d.call("trigger_price_linkage", "reviewer", month="2023-09", cpi_bp=120, food_bp=300, document_no="九月", published_on="2023-09-20")
    d.call("confirm_price_linkage", "approver", month="2023-09")
    d.settle()
    assert d.call("get_price_linkage", "auditor", month="2023-09")["status"] == "stopped"
    assert len(d.call("list_cases", "auditor", programme="price_linked_temporary_subsidy", limit=500)) == len(granted)


def test_a_price_subsidy_that_is_not_paid_in_time_is_an_event(d: Desk, numbers: Numbers) -> None:
    """Twenty working days after the index somebody must hear of it."""
    d.on("2023-10-20")
    home_again = home(d, numbers, {"born": "19700101"})
    grant(d, LIVING, household_id=home_again.household_id)
    d.on("2023-11-20")
    d.call("trigger_price_linkage", "reviewer", month="2023-11", cpi_bp=400, food_bp=0, document_no="十一月", published_on="2023-11-20")
    d.call("confirm_price_linkage", "approver", month="2023-11")
    d.settle()
    d.on("2023-12-18")
    d.settle()
    assert not d.call("get_price_linkage", "auditor", month="2023-11")["overdue"]
    d.on("2023-12-19")
    d.settle()
    assert d.call("get_price_linkage", "auditor", month="2023-11")["overdue"]

"""Places of an institution (供养机构床位): entrusted residents get what is free, those in extreme hardship come first."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.assistance import care_appeals as ca
from services.assistance import care_places as cp
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, TOWN, live
from tests.deciders.test_possible import Life

D = cp.SHAPE.decider("assistance")
P = "entrusted_care_for_low_income_disabled"
TERMS = cp.Terms((cp.CareClass("dibao", "低保", "free", 999), cp.CareClass("low", "低收入", "low", 60_000)), reserve=1, objection_days=60)
OPEN = cp.OpenCarePlaces(P, TOWN, "org-1", 3, TERMS)


def opened() -> Given[Any]:
    return given_that(D).by("staff:clerk").when(OPEN).accepted()


def asked(g: Given[Any], person: str, care_class: str = "low") -> Given[Any]:
    return g.by("staff:clerk").when(cp.RequestEntrustedCare(ID, person, care_class, "证")).accepted().by("staff:reviewer")


def admitted(g: Given[Any], person: str) -> Given[Any]:
    return asked(g, person).when(cp.AdmitToEntrustedCare(ID, person)).accepted()


def priority(g: Given[Any], person: str) -> Given[Any]:
    return g.by("service:assistance").when(cp.TakePriorityPlace(ID, person, FIRST)).accepted()


def test_the_fee_is_that_of_the_class() -> None:
    """Free is free; low pays what the terms say; another class is not taken at all."""
    [low] = asked(opened(), "p1").when(cp.AdmitToEntrustedCare(ID, "p1")).events
    assert low == cp.CareResidentAdmitted("org-1", TOWN, "p1", "low", "low", 60_000, FIRST)
    [free] = asked(opened(), "p1", "dibao").when(cp.AdmitToEntrustedCare(ID, "p1")).events
    assert (free.fee_rule, free.fee_fen) == ("free", 0)
    opened().when(cp.RequestEntrustedCare(ID, "p1", "rich", "证")).then_refused("invalid_input", "care_class")


def test_another_hand_admits_whom_it_did_not_ask_for() -> None:
    """Neither by the same hand, nor somebody who never asked, nor twice."""
    asked(opened(), "p1").by("staff:clerk").when(cp.AdmitToEntrustedCare(ID, "p1")).then_refused("same_hand")
    opened().when(cp.AdmitToEntrustedCare(ID, "p9")).then_refused("not_found", "person_id")
    admitted(opened(), "p1").when(cp.RequestEntrustedCare(ID, "p1", "low", "证")).then_refused("already_exists", "person_id")


def test_the_entrusted_get_what_is_free_and_not_reserved() -> None:
    """Of three places one is kept for those in extreme hardship."""
    two = admitted(admitted(opened(), "p1"), "p2")
    third = asked(two, "p3")
    third.when(cp.AdmitToEntrustedCare(ID, "p3")).then_refused("out_of_order")
    gone = third.by("staff:clerk").when(cp.LeaveCarePlace(ID, "p1", "回家")).accepted().by("staff:reviewer")
    assert len(gone.when(cp.AdmitToEntrustedCare(ID, "p3")).accepted().state.residents) == 2


def test_those_in_extreme_hardship_are_never_turned_away() -> None:
    """They come in even to a full house, which is then a case for a person; their place ends with their own placement."""
    full = priority(admitted(admitted(opened(), "p1"), "p2"), "t1")
    over = priority(full, "t2")
    assert cp.view(over.state).worklist == "care_places_over"
    over.when(cp.TakePriorityPlace(ID, "t2", FIRST)).then_nothing()
    over.when(cp.LeaveCarePlace(ID, "t2", "回家")).then_refused("out_of_order")
    out = over.when(cp.GiveUpPriorityPlace(ID, "t2", date(2023, 8, 1), "随亲属生活")).accepted()
    assert cp.view(out.state).worklist == "care_places_in_use"
    out.when(cp.GiveUpPriorityPlace(ID, "t2", date(2023, 8, 1), "x")).then_nothing()
    given_that(D).when(cp.TakePriorityPlace(ID, "t1", FIRST)).then_nothing()


def test_an_entrusted_resident_who_falls_into_extreme_hardship_pays_no_longer() -> None:
    """The stay under the old class ends, the one with priority begins."""
    moved = admitted(opened(), "p1").when(cp.TakePriorityPlace(ID, "p1", FIRST))
    assert [type(e) for e in moved.events] == [cp.CareResidentLeft, cp.CareResidentAdmitted]
    assert moved.accepted().state.residents == (cp.Resident("p1", cp.PRIORITY, FIRST),)


def test_a_request_that_nobody_answers_is_told() -> None:
    """Fifteen working days, once each."""
    waiting = asked(opened(), "p1")
    assert cp.view(waiting.state).due_on == date(2023, 7, 24)
    late = waiting.on("2023-07-25").when(cp.NoteCareOverdue(ID, "answer"))
    told = late.then(cp.CareRequestOverdue("org-1", TOWN, "p1", date(2023, 7, 24)))
    told.when(cp.NoteCareOverdue(ID, "answer")).then_nothing()


def refused() -> Given[Any]:
    return asked(opened(), "p1").when(cp.RefuseEntrustedCare(ID, "p1", "传染病未愈")).accepted()


def appealed() -> Given[Any]:
    return refused().on("2023-07-10").by("staff:clerk").when(ca.FileEntrustedCareAppeal(ID, "p1", "已治愈")).accepted()


def test_a_refusal_can_be_appealed_against_within_its_days() -> None:
    """Sixty days, by its last one; once at a time; not against what was never refused, nor where the terms know of no appeal."""
    file = ca.FileEntrustedCareAppeal(ID, "p1", "已治愈")
    assert refused().state.refusals == (ca.Refusal("p1", "low", "staff:clerk", ("staff:reviewer",), date(2023, 9, 1)),)
    last = refused().by("staff:clerk").on("2023-09-01").when(file)
    hands = ("staff:reviewer", "staff:clerk")
    last.then(ca.EntrustedCareAppealFiled("p1", "已治愈", date(2023, 9, 1), date(2023, 10, 7), hands, "staff:clerk"))
    refused().on("2023-09-02").when(file).then_refused("out_of_order", "person_id")
    refused().when(ca.FileEntrustedCareAppeal(ID, "p1", " ")).then_refused("invalid_input", "reason")
    refused().when(ca.FileEntrustedCareAppeal(ID, "p9", "已治愈")).then_refused("not_found", "person_id")
    opened().when(file).then_refused("out_of_order")
    appealed().when(file).then_refused("out_of_order")
    none = given_that(D).by("staff:clerk").when(cp.OpenCarePlaces(P, TOWN, "org-1", 3, cp.Terms(TERMS.classes))).accepted()
    old = asked(none, "p1").when(cp.RefuseEntrustedCare(ID, "p1", "否")).then(cp.EntrustedCareRefused("p1", "否", "staff:reviewer"))
    old.when(file).then_refused("out_of_order")


def test_an_appeal_is_answered_by_a_hand_that_took_no_part() -> None:
    """Neither who asked, refused or filed; dismissed, the refusal stands and cannot be appealed against again."""
    answer = ca.AnswerEntrustedCareAppeal(ID, "p1", "dismissed", "证明不足")
    assert cp.view(appealed().state).worklist == "care_appeal"
    for hand in ("staff:clerk", "staff:reviewer"):
        appealed().by(hand).when(answer).then_refused("same_hand")
    done = appealed().by("staff:approver").when(answer).then(ca.EntrustedCareAppealAnswered("p1", False, "证明不足", "staff:approver"))
    assert (done.state.refusals, cp.view(done.state).worklist) == ((), "care_places_in_use")
    done.when(ca.FileEntrustedCareAppeal(ID, "p1", "已治愈")).then_refused("out_of_order")
    done.when(answer).then_refused("out_of_order")
    assert asked(done, "p1").state.requests[0].refused_by == (), "a new request is a new one"


def test_an_appeal_that_is_upheld_opens_the_request_again_for_another_hand() -> None:
    """It admits nobody by itself; who refused it decides it no more, also after he was right and it was refused by another again."""
    upheld = appealed().by("staff:approver").when(ca.AnswerEntrustedCareAppeal(ID, "p1", "upheld", "已治愈"))
    again = upheld.then(
        ca.EntrustedCareAppealAnswered("p1", True, "已治愈", "staff:approver"), ca.EntrustedCareReopened("p1", date(2023, 7, 31))
    )
    assert (again.state.refusals, cp.view(again.state).worklist) == ((), "care_request")
    admit, refuse = cp.AdmitToEntrustedCare(ID, "p1"), cp.RefuseEntrustedCare(ID, "p1", "否")
    for hand in ("staff:clerk", "staff:reviewer"):
        again.by(hand).when(admit).then_refused("same_hand")
        again.by(hand).when(refuse).then_refused("same_hand")
    assert again.by("staff:other").when(admit).accepted().state.residents[0].care_class == "low"
    twice = again.by("staff:other").when(refuse).accepted()
    assert twice.state.refusals[0].refused_by == ("staff:reviewer", "staff:other")
    late = again.on("2023-08-01").by("service:assistance").when(cp.NoteCareOverdue(ID, "answer"))
    late.then(cp.CareRequestOverdue("org-1", TOWN, "p1", date(2023, 7, 31)))


def test_an_appeal_that_nobody_answers_is_told_once() -> None:
    """Twenty working days; until it is answered it stands first among what is late."""
    waiting = appealed()
    assert (cp.view(waiting.state).due_on, cp.view(waiting.state).due) == (date(2023, 8, 7), "appeal")
    waiting.on("2023-08-07").when(cp.NoteCareOverdue(ID, "appeal")).then_nothing()
    late = waiting.on("2023-08-08").when(cp.NoteCareOverdue(ID, "appeal"))
    told = late.then(ca.EntrustedCareAppealOverdue("org-1", TOWN, "p1", date(2023, 8, 7)))
    told.when(cp.NoteCareOverdue(ID, "appeal")).then_nothing()
    assert cp.view(told.state).late == (date(2023, 8, 7), "appeal")


def test_an_appeal_ends_with_what_it_was_for() -> None:
    """Withdrawn, it may be filed anew in time; while it is open nobody asks anew; a death or 特困 ends it; no house closes over it."""
    open_, withdraw = appealed(), ca.WithdrawEntrustedCareAppeal(ID, "p1", "不再申请")
    open_.when(cp.RequestEntrustedCare(ID, "p1", "low", "证")).then_refused("already_exists", "person_id")
    open_.by("staff:approver").when(cp.CloseCarePlaces(ID, "撤并")).then_refused("out_of_order")
    back = open_.when(withdraw).then(ca.EntrustedCareAppealWithdrawn("p1", "不再申请", "staff:clerk"))
    back.when(withdraw).then_refused("out_of_order")
    back.when(ca.FileEntrustedCareAppeal(ID, "p1", "仍申请")).accepted()
    back.when(cp.CloseCarePlaces(ID, "撤并")).accepted()
    assert back.when(cp.RequestEntrustedCare(ID, "p1", "low", "证")).accepted().state.refusals == ()
    dead = open_.by("service:assistance").when(cp.LeaveForGood(ID, "p1", FIRST, "死亡"))
    assert dead.then(ca.EntrustedCareAppealWithdrawn("p1", "死亡", "service:assistance")).state.refusals[0].appeal is None
    taken = open_.by("service:assistance").when(cp.TakePriorityPlace(ID, "p1", FIRST))
    assert [type(e) for e in taken.events] == [ca.EntrustedCareAppealWithdrawn, cp.CareResidentAdmitted]
    assert taken.accepted().state.refusals == ()


def test_refusals_whose_days_are_over_are_not_kept() -> None:
    """What can be appealed against no more leaves with the next refusal; what is under appeal stays."""
    next_one = asked(refused().on("2023-09-02"), "p2").when(cp.RefuseEntrustedCare(ID, "p2", "否")).accepted()
    assert [r.person_id for r in next_one.state.refusals] == ["p2"]
    kept = asked(appealed().on("2023-09-02"), "p2").when(cp.RefuseEntrustedCare(ID, "p2", "否")).accepted()
    assert [r.person_id for r in kept.state.refusals] == ["p1", "p2"]


def test_a_house_closes_empty() -> None:
    """Nobody is left in a closed institution, nor waiting for it."""
    admitted(opened(), "p1").when(cp.CloseCarePlaces(ID, "撤并")).then_refused("out_of_order")
    asked(opened(), "p1").when(cp.CloseCarePlaces(ID, "撤并")).then_refused("out_of_order")
    opened().when(cp.CloseCarePlaces(ID, "撤并")).accepted()


# As a record of places may go, for whoever asks its orders once more (tests/integrity/test_orders.py).
LIFE = Life(
    "assistance",
    D,
    (
        OPEN,
        *(cp.RequestEntrustedCare("r", who, "low", "证") for who in ("p1", "p2")),
        *(cp.RefuseEntrustedCare("r", who, "传染病未愈") for who in ("p1", "p2")),
        *(ca.FileEntrustedCareAppeal("r", who, "已治愈") for who in ("p1", "p2")),
        ca.AnswerEntrustedCareAppeal("r", "p1", "upheld", "已治愈"),
        ca.AnswerEntrustedCareAppeal("r", "p2", "dismissed", "证明不足"),
        cp.AdmitToEntrustedCare("r", "p1"),
        cp.RequestEntrustedCare("r", "p2", "low", "证"),
        cp.RefuseEntrustedCare("r", "p2", "否"),
        ca.FileEntrustedCareAppeal("r", "p2", "仍申请"),
        cp.NoteCareOverdue("r", "appeal"),
        cp.LeaveForGood("r", "p1", FIRST, "死亡"),
        cp.TakePriorityPlace("r", "p2", FIRST),
        cp.GiveUpPriorityPlace("r", "p2", FIRST, "随亲属生活"),
        cp.RequestEntrustedCare("r", "p1", "low", "证"),
        cp.RefuseEntrustedCare("r", "p1", "否"),
        ca.FileEntrustedCareAppeal("r", "p1", "仍申请"),
        ca.WithdrawEntrustedCareAppeal("r", "p1", "撤回"),
        cp.CloseCarePlaces("r", "撤并"),
    ),
)

PEOPLE = st.sampled_from(["p1", "p2", "p3", "p4"])
COMMANDS = st.one_of(
    st.sampled_from([OPEN, cp.ChangeCarePlaces(ID, 2, "改造"), cp.CloseCarePlaces(ID, "撤并"), cp.NoteCareOverdue(ID, "answer")]),
    st.builds(cp.RequestEntrustedCare, st.just(ID), PEOPLE, st.sampled_from(["dibao", "low"]), st.just("证")),
    st.builds(cp.AdmitToEntrustedCare, st.just(ID), PEOPLE),
    st.builds(cp.RefuseEntrustedCare, st.just(ID), PEOPLE, st.just("否")),
    st.builds(ca.FileEntrustedCareAppeal, st.just(ID), PEOPLE, st.just("复核")),
    st.builds(ca.AnswerEntrustedCareAppeal, st.just(ID), PEOPLE, st.sampled_from(["upheld", "dismissed"]), st.just("由")),
    st.builds(ca.WithdrawEntrustedCareAppeal, st.just(ID), PEOPLE, st.just("撤")),
    st.builds(cp.TakePriorityPlace, st.just(ID), PEOPLE, st.just(FIRST)),
    st.builds(cp.GiveUpPriorityPlace, st.just(ID), PEOPLE, st.just(FIRST), st.just("离")),
    st.builds(cp.LeaveCarePlace, st.just(ID), PEOPLE, st.just("离")),
    st.builds(cp.LeaveForGood, st.just(ID), PEOPLE, st.just(FIRST), st.just("死亡")),
    st.builds(cp.NoteCareGroundLost, st.just(ID), PEOPLE, st.just("类别不符")),
    st.builds(cp.ReclassifyCareResident, st.just(ID), PEOPLE, st.sampled_from(["dibao", "low"])),
)


def legal(before: cp.CarePlaces, events: Any, after: cp.CarePlaces, day: date) -> None:
    """What the places promise after any step."""
    people = [r.person_id for r in after.residents]
    assert len(people) == len(set(people))
    asked_for = [r.person_id for r in after.requests]
    assert len(asked_for) == len(set(asked_for))
    appeals = {a.person_id for a in ca.open_appeals(after.refusals)}
    assert not appeals & {*people, *asked_for}, "an appeal of somebody who asks or lives here"
    assert after.status == "open" or not appeals
    for event in events:
        if isinstance(event, cp.CareResidentAdmitted) and event.care_class != cp.PRIORITY:
            assert len(after.residents) <= after.places - after.terms.reserve, "an entrusted resident in a reserved place"
            assert event.person_id in {r.person_id for r in before.requests}


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 0, 1, 30])), max_size=30))
def test_any_life_of_the_places_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: nobody twice, the entrusted only where there is room, a way out."""
    exits: list[tuple[Any, str]] = []
    for person in ("p1", "p2", "p3", "p4"):
        exits += [(cp.RefuseEntrustedCare(ID, person, "否"), "staff:x"), (cp.LeaveCarePlace(ID, person, "离"), "staff:x")]
        exits.append((ca.WithdrawEntrustedCareAppeal(ID, person, "撤"), "staff:x"))
        exits.append((cp.GiveUpPriorityPlace(ID, person, FIRST, "离"), "service:assistance"))
    live(cp.SHAPE, [(OPEN, "staff:approver", 0), *steps], [*exits, (cp.CloseCarePlaces(ID, "撤并"), "staff:x")], legal)


def entrusted() -> Given[Any]:
    return asked(opened(), "p1", "dibao").by("staff:reviewer").when(cp.AdmitToEntrustedCare(ID, "p1")).accepted()


def test_who_has_died_keeps_no_place_and_waits_for_none() -> None:
    """As a resident from the day of death, not before he came; as one who asked he is answered; whoever is not there is not spoken of."""
    gone = entrusted().on("2023-07-20").by("service:assistance").when(cp.LeaveForGood(ID, "p1", date(2023, 7, 18), "死亡"))
    gone.then(cp.CareResidentLeft("org-1", TOWN, "p1", date(2023, 7, 18), "死亡"))
    early = entrusted().when(cp.LeaveForGood(ID, "p1", date(2023, 6, 1), "死亡")).accepted()
    assert early.state.residents == ()
    waiting = asked(opened(), "p2", "low").by("service:assistance").when(cp.LeaveForGood(ID, "p2", FIRST, "死亡")).accepted()
    assert waiting.state.requests == ()
    opened().when(cp.LeaveForGood(ID, "p9", FIRST, "死亡")).then_nothing()


def test_a_class_that_has_gone_is_looked_at_by_a_day_and_ends_with_another_fee() -> None:
    """Told once, late once; the same class again is an answer too, where it is his again."""
    lost = entrusted().by("service:assistance").when(cp.NoteCareGroundLost(ID, "p1", "已退出低保")).accepted()
    lost.when(cp.NoteCareGroundLost(ID, "p1", "已退出低保")).then_nothing()
    view = cp.view(lost.state)
    assert (view.worklist, view.due) == ("care_ground_lost", "look")
    late = lost.on("2023-12-01").when(cp.NoteCareOverdue(ID, "look")).accepted()
    assert cp.view(late.state).late == (view.due_on, "look")
    late.when(cp.NoteCareOverdue(ID, "look")).then_nothing()
    other = late.by("staff:reviewer").when(cp.ReclassifyCareResident(ID, "p1", "low")).accepted()
    assert (other.state.residents[0].care_class, cp.view(other.state).worklist) == ("low", "care_places_in_use")
    other.when(cp.ReclassifyCareResident(ID, "p1", "low")).then_nothing()
    assert late.by("staff:reviewer").when(cp.ReclassifyCareResident(ID, "p1", "dibao")).accepted().state.residents[0].lost == ""
    late.by("staff:reviewer").when(cp.ReclassifyCareResident(ID, "p1", "other")).then_refused("invalid_input", "care_class")

"""A campaign closes when everything was checked and put right, its draw can be repeated by anybody, and its result is published in time."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date
from typing import Any

from hypothesis import given as drawn
from hypothesis import strategies as st

from services.assistance.declarations import inspections as declarations
from shared.casework import draws
from shared.casework import inspection as ins
from shared.eventsourcing import codec
from shared.eventsourcing.events import ERASED
from shared.eventsourcing.testing import Given, given
from tests.deciders.walks import FEW, HANDS, START, lead_out, walk

D = ins.SHAPE.decider("assistance")
TOWN, BY = "330225101", date(2023, 7, 31)
TERMS = ins.Terms(results=("pass", "problem"), findings=("fire", "ledger"), rectify_days=10, publish_days=20)
OPEN = ins.OpenCampaign("p", TOWN, "专项治理", "全部机构", START, BY, terms=TERMS)


def started(*objects: str) -> Given[ins.Campaign]:
    """From 2023-07-03 to 2023-07-31, all of them."""
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", objects or ("a", "b"))).accepted()
    return case.when(ins.StartCampaign("r")).accepted()


def freezing(count: int, issue_on: date = date(2023, 7, 4), draw_on: date | None = None, salt: str = "", **other: Any) -> Any:
    """名单封存, by the double-colour ball of a later day."""
    given = {"source": "双色球", "issue": "第2023077期", "look_up": "中国福彩网", **other}
    return ins.FreezeCampaignList("r", count, issue_on=issue_on, draw_on=draw_on or issue_on, salt=salt, **given)


def with_finding() -> Given[ins.Campaign]:
    return started("a").by("staff:one").when(ins.RecordCheck("r", "a", "problem", ("fire",))).accepted()


def test_a_campaign_lives_from_the_list_to_the_publication() -> None:
    """It waits in one list at a time, as far as it has come."""
    case = started("a", "b")
    steps: list[tuple[str, Any]] = [
        ("one", ins.RecordCheck("r", "a", "pass")),
        ("one", ins.RecordCheck("r", "b", "problem", ("fire",))),
        ("two", ins.RectifyFinding("r", "F0001", "已更换灭火器")),
        ("one", ins.VerifyRectification("r", "F0001", "accepted")),
        ("head", ins.CloseCampaign("r", "查2家，问题1个，销号1个")),
        ("head", ins.PublishCampaign("r", "区政府网站")),
    ]
    seen = [ins.view(case.state).worklist]
    for who, command in steps:
        case = case.by(f"staff:{who}").when(command).accepted()
        seen.append(ins.view(case.state).worklist)
    lists = ["check", "check", "rectify", "verify", "close", "publish"]
    assert seen == [*(f"inspection_{x}" for x in lists), ""]
    assert isinstance(case.events[-2], ins.CampaignClosed)
    assert (case.events[-2].objects, case.events[-2].with_findings, case.events[-2].findings) == (2, 1, 1)


def test_nothing_closes_with_an_unchecked_object_or_an_open_finding() -> None:
    """The refusal says how many."""
    half = started("a", "b").when(ins.RecordCheck("r", "a", "pass")).accepted()
    refused = half.when(ins.CloseCampaign("r", "x")).then_refused("out_of_order")
    assert "1个对象" in refused.message
    assert "1个问题" in with_finding().when(ins.CloseCampaign("r", "x")).then_refused("out_of_order").message


def test_another_hand_verifies_and_may_ask_for_more() -> None:
    """Then it is due anew, and put right anew."""
    mended = with_finding().by("staff:two").when(ins.RectifyFinding("r", "F0001", "已整改", "recovery-1")).accepted()
    mended.when(ins.VerifyRectification("r", "F0001", "accepted")).then_refused("same_hand")
    mended.by("staff:one").when(ins.VerifyRectification("r", "F0001", "again")).then_refused("invalid_input", "note")
    again = mended.by("staff:one").on("2023-07-10").when(ins.VerifyRectification("r", "F0001", "again", "仍有缺项")).accepted()
    assert again.state.findings["F0001"].rectify_by == date(2023, 7, 24)
    again.when(ins.VerifyRectification("r", "F0001", "accepted")).then_refused("out_of_order")


def test_a_check_is_of_a_listed_object_once() -> None:
    """With the codes of the programme."""
    case = started("a")
    case.when(ins.RecordCheck("r", "z", "pass")).then_refused("not_found", "object_id")
    case.when(ins.RecordCheck("r", "a", "fine")).then_refused("invalid_input", "result")
    case.when(ins.RecordCheck("r", "a", "problem", ("x",))).then_refused("invalid_input", "findings")
    case.when(ins.RecordCheck("r", "a", "problem", ("fire", "fire"))).then_refused("invalid_input", "findings")
    case.when(ins.RecordCheck("r", "a", "problem", ("fire",), rectify_by=date(2023, 7, 2))).then_refused("invalid_input", "rectify_by")
    case = case.when(ins.RecordCheck("r", "a", "pass")).accepted()
    case.when(ins.RecordCheck("r", "a", "pass")).then_refused("already_exists", "object_id")


def test_a_draw_is_repeated_from_its_seed_by_anybody() -> None:
    """Sort, hash, take the smallest: done here once more without the house's own function."""
    objects = tuple(f"case-{n:02d}" for n in range(20))
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", objects[::-1])).accepted()
    case = case.when(freezing(5)).accepted().on("2023-07-04")
    case = case.by("staff:one").when(ins.RecordCampaignSeed("r", "2023-07-02 双色球 03 07 11")).accepted()
    case = case.by("staff:two").when(ins.StartCampaign("r", 5, "2023-07-02 双色球 03 07 11")).accepted()
    by_hash = {hashlib.sha256(f"2023-07-02 双色球 03 07 11:{o}".encode()).hexdigest(): o for o in objects}
    assert set(case.state.objects) == {by_hash[h] for h in sorted(by_hash)[:5]}
    assert case.state.list_hash == hashlib.sha256("\n".join(objects).encode()).hexdigest()
    case.when(ins.ListCampaignObjects("r", ("late",))).then_refused("out_of_order")


def test_a_draw_has_a_seed_and_takes_no_more_than_there_are() -> None:
    """And a campaign over nothing does not start."""
    case = given(D).when(OPEN).accepted()
    case.when(ins.StartCampaign("r")).then_refused("out_of_order")
    case = case.when(ins.ListCampaignObjects("r", ("a", "b"))).accepted()
    case.when(freezing(3, BY)).then_refused("invalid_input", "count")
    case = case.when(freezing(1, BY)).accepted().on("2023-07-31")
    case.when(ins.RecordCampaignSeed("r", " ")).then_refused("invalid_input", "seed")
    case = case.by("staff:one").when(ins.RecordCampaignSeed("r", "s")).accepted()
    case.by("staff:two").when(ins.StartCampaign("r", 1)).then_refused("invalid_input", "seed")


def test_nobody_chooses_by_the_seed_who_is_drawn() -> None:
    """The list, the number and the source of the seed are recorded before the source has spoken; nothing of it changes afterwards."""
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", ("a", "b", "c"))).accepted()
    case.when(ins.StartCampaign("r", 1, "s")).then_refused("invalid_input", "count")
    case.when(freezing(1, START)).then_refused("invalid_input", "issue_on")
    case.when(freezing(1, BY, date(2023, 7, 30))).then_refused("invalid_input", "draw_on")
    case.when(freezing(1, date(2023, 8, 1))).then_refused("invalid_input", "draw_on")
    for needed in ("source", "issue", "look_up"):
        case.when(freezing(1, **{needed: " "})).then_refused("invalid_input", needed)
    hashed = draws.list_hash(("a", "b", "c"))
    told = ("第2023077期", date(2023, 7, 4), "中国福彩网", draws.BY_OBJECT, "", "", "", None)
    frozen = case.when(freezing(1, draw_on=date(2023, 7, 5)))
    case = frozen.then(ins.CampaignListFrozen(1, "双色球", date(2023, 7, 5), 3, hashed, *told))
    assert ins.view(case.state).worklist == "inspection_draw"
    case.when(ins.ListCampaignObjects("r", ("d",))).then_refused("out_of_order")
    case.when(freezing(2, BY, source="另一来源")).then_refused("out_of_order")
    case.when(ins.RecordCampaignSeed("r", "s")).then_refused("not_yet_due")
    case.when(ins.StartCampaign("r", 1, "s")).then_refused("not_yet_due")
    later = case.on("2023-07-05").by("staff:one").when(ins.RecordCampaignSeed("r", "s")).then(ins.CampaignSeedRecorded("s", "staff:one"))
    later = later.by("staff:two")
    later.when(ins.StartCampaign("r", 2, "s")).then_refused("invalid_input", "count")
    later.when(ins.StartCampaign("r")).then_refused("invalid_input", "count")
    later.when(ins.StartCampaign("r", 1, "s")).then(ins.CampaignStarted(1, "s", 3, hashed))


def test_two_hands_read_the_seed_each_by_itself() -> None:
    """One types it, another types it again and draws; a different reading draws nothing, whoever misread types it anew."""
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", ("a", "b", "c"))).accepted()
    case.when(ins.RecordCampaignSeed("r", "03 07 11")).then_refused("out_of_order")
    case = case.when(freezing(1)).accepted().on("2023-07-04").by("staff:one")
    case.when(ins.StartCampaign("r", 1, "03 07 11")).then_refused("out_of_order")
    case = case.when(ins.RecordCampaignSeed("r", " 03 07 12 ")).accepted()
    case.when(ins.RecordCampaignSeed("r", "03 07 12")).then_nothing()
    assert ins.view(case.state).worklist == "inspection_seed_check"
    case.when(ins.StartCampaign("r", 1, "03 07 12")).then_refused("same_hand")
    case.by("staff:two").when(ins.StartCampaign("r", 1, "03 07 11")).then_refused("invalid_input", "seed")
    case = case.when(ins.RecordCampaignSeed("r", "03 07 11")).accepted()
    case = case.by("staff:two").when(ins.StartCampaign("r", 1, "03 07 11")).accepted()
    assert (case.state.seed, tuple(case.state.objects)) == ("03 07 11", draws.draw(("a", "b", "c"), 1, "03 07 11"))


SALT, ANOTHER = "5a" * 32, "a5" * 32


def test_a_draw_by_pseudonyms_is_repeated_without_knowing_anybody() -> None:
    """From what is public (pseudonyms, seed, number) follows which pseudonyms are drawn; with the salt, whose they are. Done here once more
    without the house's own functions; and by no salt but the one that was committed to."""
    objects = tuple(f"case-{n:02d}" for n in range(20))
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", objects)).accepted()
    case = case.when(freezing(5, salt=SALT)).accepted()
    frozen = case.events[-1]
    assert isinstance(frozen, ins.CampaignListFrozen)
    hidden = {hmac.new(bytes.fromhex(SALT), o.encode(), "sha256").hexdigest(): o for o in objects}
    assert frozen.salt_hash == hashlib.sha256(bytes.fromhex(SALT)).hexdigest()
    assert frozen.pseudonyms_hash == hashlib.sha256("\n".join(sorted(hidden)).encode()).hexdigest()
    assert (frozen.rule, frozen.salt, frozen.salt_key) == (draws.BY_PSEUDONYM, SALT, ins.salt_key("r"))
    assert SALT not in repr(case.state)
    case = case.on("2023-07-04").by("staff:one").when(ins.RecordCampaignSeed("r", "s")).accepted().by("staff:two")
    for wrong in ("", ANOTHER, ERASED):
        case.when(ins.StartCampaign("r", 5, "s", wrong)).then_refused("salt_lost", "salt")
    case = case.when(ins.StartCampaign("r", 5, "s", SALT)).accepted()
    by_hash = {hashlib.sha256(f"s:{p}".encode()).hexdigest(): p for p in hidden}
    drawn = [by_hash[h] for h in sorted(by_hash)[:5]]
    assert set(case.state.objects) == {hidden[p] for p in drawn}
    assert set(case.state.objects) != set(draws.draw(objects, 5, "s"))  # by the numbers themselves others would be drawn


def test_pseudonyms_of_two_campaigns_cannot_be_laid_together() -> None:
    """The same cases under another salt share none; whoever knows the numbers and the commitment, but not the salt, finds none."""
    objects = [f"case-{n}" for n in range(200)]
    one, other = (set(draws.pseudonyms(salt, objects)) for salt in (SALT, ANOTHER))
    assert len(one) == len(other) == 200
    assert not one & other
    guesses = {hashlib.sha256(o.encode()).hexdigest() for o in objects}
    guesses |= set(draws.pseudonyms(draws.commitment(SALT), objects)) | set(draws.pseudonyms("00" * 32, objects))
    assert not one & guesses
    assert list(draws.pseudonyms(SALT, objects)) == list(draws.pseudonyms(SALT, objects[::-1]))  # the order is the pseudonyms' own
    assert len({draws.new_salt() for _ in range(100)}) == 100


def test_only_a_list_that_is_shown_as_it_stands_has_no_salt() -> None:
    """The door looks at the declaration; for the draw it finds the salt in the record's events."""
    declared = {d.code: d for d in declarations.ALL}
    assert ins.fresh_salt(declared["support_institution_governance"], ()) == ""
    drawn = ins.fresh_salt(declared["assistance_special_governance"], ())
    assert draws.is_salt(drawn)
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", ("a", "b"))).accepted()
    case = case.when(freezing(1, salt=drawn)).accepted()
    assert ins.frozen_salt(declared["assistance_special_governance"], case.events) == drawn


def test_a_draw_of_the_time_before_lists_were_frozen_still_reads() -> None:
    """Its events are as they were."""
    state = ins.SHAPE.state
    listed = (ins.CampaignOpened("p", TOWN, "", TERMS, "x", "y", START, BY), ins.CampaignObjectsListed(("a", "b")))
    for event in (*listed, ins.CampaignStarted(1, "s", 2, draws.list_hash(("a", "b")))):
        state = ins.evolve(state, event)
    assert (state.status, tuple(state.objects)) == ("checking", draws.draw(("a", "b"), 1, "s"))


def test_a_list_frozen_before_there_were_pseudonyms_is_drawn_by_the_old_rule() -> None:
    """Its event is read as of rule 1, without a salt; the seed is read by two hands, and list and seed give again who was drawn."""
    body = {"count": 1, "source": "双色球第2023077期", "draw_on": "2023-07-05", "listed": 2, "list_hash": draws.list_hash(("a", "b"))}
    frozen = codec.decode("assistance.campaign_list_frozen", 1, json.dumps(body).encode(), lambda sealed: sealed)
    assert (frozen.rule, frozen.salt, frozen.issue_on) == (draws.BY_OBJECT, None, None)
    case = given(D).when(OPEN).accepted().when(ins.ListCampaignObjects("r", ("a", "b"))).accepted()
    case = given(D, *case.events, frozen).on("2023-07-05").by("staff:one").when(ins.RecordCampaignSeed("r", "s")).accepted()
    case = case.by("staff:two").when(ins.StartCampaign("r", 1, "s"))
    case = case.then(ins.CampaignStarted(1, "s", 2, draws.list_hash(("a", "b"))))
    assert tuple(case.state.objects) == draws.draw(("a", "b"), 1, "s")


def test_an_object_is_listed_once_and_a_campaign_has_a_size() -> None:
    """The same list once more adds nothing; too many are held town by town."""
    case = started("a")
    case.when(ins.ListCampaignObjects("r", ("a",))).then_nothing()
    case.when(ins.ListCampaignObjects("r", ("b", "a", "b"))).then(ins.CampaignObjectsListed(("b",)))
    case.on("2023-08-01").when(ins.ListCampaignObjects("r", ("b",))).then_refused("out_of_order")
    case.when(ins.ListCampaignObjects("r", tuple(map(str, range(ins.CHUNK + 1))))).then_refused("invalid_input", "objects")
    for chunk in range(ins.MOST_OBJECTS // ins.CHUNK):
        some = tuple(f"{chunk}-{n}" for n in range(ins.CHUNK - (chunk == 0)))
        case = case.when(ins.ListCampaignObjects("r", some)).accepted()
    case.when(ins.ListCampaignObjects("r", ("one more",))).then_refused("too_large", "objects")


def test_what_is_late_is_said_once_by_kind() -> None:
    """A check with the number that is missing, each finding, and the publication."""
    case = started("a", "b").when(ins.RecordCheck("r", "a", "problem", ("fire",))).accepted()
    case = case.on("2023-08-01").when(ins.NoteCampaignOverdue("r", "check"))
    case = case.then(
        ins.CampaignOverdue("p", TOWN, "F0001", date(2023, 7, 17), 1), ins.CampaignOverdue("p", TOWN, "check", BY, 1)
    )
    case.when(ins.NoteCampaignOverdue("r", "check")).then_nothing()
    assert ins.view(case.state).worklist == "inspection_overdue"
    closed = started("a").when(ins.RecordCheck("r", "a", "pass")).accepted().when(ins.CloseCampaign("r", "x")).accepted()
    assert ins.view(closed.state).due_on == date(2023, 7, 31)
    late = closed.on("2023-08-01").when(ins.NoteCampaignOverdue("r", "publish")).accepted()
    assert not late.when(ins.PublishCampaign("r", "网站")).accepted().events[-1].in_time


def test_an_internal_campaign_is_over_when_it_is_closed() -> None:
    """Where nothing is published nothing is owed."""
    case = given(D).when(ins.OpenCampaign("p", TOWN, "x", "y", START, BY)).accepted().when(ins.ListCampaignObjects("r", ("a",))).accepted()
    case = case.when(ins.StartCampaign("r")).accepted().when(ins.RecordCheck("r", "a", "pass")).accepted()
    case = case.when(ins.CloseCampaign("r", "x")).accepted()
    assert not ins.view(case.state).open
    case.when(ins.PublishCampaign("r", "网站")).then_refused("out_of_order")


def test_a_campaign_is_cancelled_only_before_anything_was_checked() -> None:
    """What was found is not undone by ending the search."""
    started("a").when(ins.CancelCampaign("r", "并入年度检查")).accepted()
    with_finding().when(ins.CancelCampaign("r", "x")).then_refused("out_of_order")
    given(D).when(ins.OpenCampaign("p", TOWN, "x", "y", BY, START)).then_refused("invalid_input", "check_by")


NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=12, unique=True)


@drawn(NAMES, st.integers(1, 12), st.text(max_size=5), st.randoms())
def test_a_draw_rests_on_the_set_and_the_seed_alone(objects: list[str], count: int, seed: str, shuffle: Any) -> None:
    """However the list is ordered; of a longer draw the shorter is a part."""
    first = draws.draw(objects, count, seed)
    shuffle.shuffle(objects)
    assert draws.draw(objects, count, seed) == first
    assert len(first) == min(count, len(objects))
    assert set(draws.draw(objects, count - 1, seed)) <= set(first) <= set(objects)


STEPS = {
    ("none", "listing"), ("listing", "checking"), ("listing", "frozen"), ("frozen", "checking"),
    ("frozen", "cancelled"), ("listing", "cancelled"), ("checking", "cancelled"), ("checking", "closed"),
    ("closed", "published"),
}  # fmt: skip
OBJECTS, FINDINGS = st.sampled_from(["a", "b", "c"]), st.sampled_from(["F0001", "F0002", "F0003"])
COMMANDS = st.one_of(
    st.builds(ins.ListCampaignObjects, st.just("r"), st.lists(OBJECTS, max_size=3).map(tuple)),
    st.builds(freezing, st.integers(0, 3), st.sampled_from([START, date(2023, 7, 6), BY]), salt=st.sampled_from(["", SALT])),
    st.builds(ins.RecordCampaignSeed, st.just("r"), st.sampled_from(["seed", "seed", "misread", ""])),
    st.builds(ins.StartCampaign, st.just("r"), st.integers(0, 3), st.sampled_from(["seed", ""]), st.sampled_from(["", SALT])),
    st.builds(
        ins.RecordCheck, st.just("r"), OBJECTS, st.sampled_from(["pass", "problem"]),
        st.lists(st.sampled_from(["fire", "ledger"]), max_size=2).map(tuple),
    ),
    st.builds(ins.RecordCheck, st.just("r"), OBJECTS, st.just("pass")),
    st.builds(ins.RectifyFinding, st.just("r"), FINDINGS, st.sampled_from(["已整改", ""])),
    st.builds(ins.VerifyRectification, st.just("r"), FINDINGS, st.sampled_from(["accepted", "again"]), st.just("意见")),
    st.builds(ins.CloseCampaign, st.just("r"), st.just("小结")),
    st.builds(ins.PublishCampaign, st.just("r"), st.just("网站")),
)  # fmt: skip
BEGIN = [(OPEN, "staff:head", 0), (ins.ListCampaignObjects("r", ("a", "b")), "staff:head", 0), (ins.StartCampaign("r"), "staff:head", 0)]


def way_out(state: ins.Campaign, day: date) -> tuple[Any, str, date]:
    if state.status == "closed":
        return ins.PublishCampaign("r", "网站"), "staff:x", day
    if state.status in ("listing", "frozen"):
        return ins.CancelCampaign("r", "取消"), "staff:x", day
    for key, result in state.objects.items():
        if not result:
            return ins.RecordCheck("r", key, "pass"), "staff:x", day
    for key, f in state.findings.items():
        if f.rectified_by:
            return ins.VerifyRectification("r", key, "accepted"), "staff:z", day
        return ins.RectifyFinding("r", key, "改"), "staff:y", day
    return ins.CloseCampaign("r", "小结"), "staff:x", day


@FEW
@drawn(st.integers(1, 3), st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.integers(0, 8)), max_size=20))
def test_any_life_of_a_campaign_is_legal(begun: int, steps: list[Any]) -> None:
    """Counts are right, nobody verifies their own work, nothing closes unfinished, and there is always a way on."""
    state, day, seen, mended = ins.SHAPE.state, START, set(), {}
    for moment in walk(ins.SHAPE, [*BEGIN[:begun], *steps]):
        state, day = moment.after, moment.day
        seen.add((moment.before.status, state.status))
        assert state.checked == sum(bool(r) for r in state.objects.values())
        for event in moment.events:
            if isinstance(event, ins.CampaignFindingRectified):
                mended[event.finding_id] = event.by
            elif isinstance(event, ins.CampaignRectificationVerified):
                assert event.by != mended[event.finding_id]
            elif isinstance(event, ins.CampaignClosed):
                assert event.objects == state.checked == len(state.objects) > 0
                assert not state.findings
    assert {s for s in seen if s[0] != s[1]} <= STEPS
    assert not ins.view(lead_out(ins.SHAPE, state, day, way_out)).open

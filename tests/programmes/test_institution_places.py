"""Places of the institutions: offered where the register has the institution and a bed is free, the last one once. Catalogue A14, A18."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance import placement_wish
from services.assistance.doors import care_checks
from services.assistance.rows import care
from shared.casework import record as register
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk
from tests.programmes.caring import TOWN, WISH, dies, disabled, lives, places, record, residents, supported, today
from tests.programmes.introduced import register_institution

FULL = "没有空床位"


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk; every test has institutions and persons of its own."""
    with desk(tmp_path_factory.mktemp("places"), "assistance") as made:
        yield made.on("2024-08-01")


def house(d: Desk, institution: str, beds: int, division: str = TOWN) -> str:
    register_institution(d.services["assistance"].office, institution, division, beds)
    d.project()
    return institution


def wished(d: Desk) -> tuple[str, str]:
    """Somebody in 特困 who wishes for a place: person and wish."""
    who, _ = supported(d)
    wish = str(d.call("record_placement_wish", **WISH, subject_id=who)["id"])
    d.settle()
    return who, wish


def offer(d: Desk, wish: str, institution: str, **more: Any) -> None:
    d.call("offer_place", "reviewer", record_id=wish, institution_id=institution, **more)
    d.project()


def move_in(d: Desk, wish: str) -> None:
    d.call("take_offered_place", record_id=wish)
    d.call("place_in_institution", record_id=wish, moved_on=today(d))
    d.settle()


def full(d: Desk, wish: str, institution: str) -> None:
    with pytest.raises(Refused, match=FULL) as refused:
        offer(d, wish, institution)
    assert refused.value.field == "institution_id"
    assert record(d, "placement_wish", wish)["status"] == "wished"


def told(d: Desk, institution: str, **more: Any) -> dict[str, Any]:
    d.project()
    [found] = [r for r in d.call("list_institution_places", "reviewer", **more) if r["institution_id"] == institution]
    return dict(found)


def counts(d: Desk, institution: str, **more: Any) -> tuple[int, int, int]:
    found = told(d, institution, **more)
    return found["in_residence"], found["promised"], found["free"]


def test_a_place_is_offered_only_in_an_institution_of_the_districts_register(d: Desk) -> None:
    """One that is in none, filed but not registered, taken out of it, or another district's: refused by the field that names it."""
    _, wish = wished(d)
    entries = {"name": "敬老院", "managing_body": "town", "operation": "public", "places": "八十"}
    body = {"programme": "support_institution_register", "division": TOWN, "subject_id": "org:filed"}
    with pytest.raises(Refused, match="床位数") as uncounted:
        d.call("file_record", **body, entries=[{"code": code, "value": value} for code, value in entries.items()])
    assert uncounted.value.field == "entries"
    filed = [{"code": code, "value": value} for code, value in (entries | {"places": "8"}).items()]
    d.call("file_record", **body, entries=filed)
    gone = house(d, "org:gone", 8)
    d.call("cancel_record", record_id=care_checks.derived_id("support_institution_register", "", gone, ""), reason="撤并")
    register_institution_elsewhere(d, "org:elsewhere")
    d.project()
    for institution in ("org:nowhere", "org:filed", gone, "org:elsewhere"):
        with pytest.raises(Refused, match="登记") as refused:
            offer(d, wish, institution)
        assert (refused.value.code, refused.value.field) == ("invalid_input", "institution_id"), institution
    assert record(d, "placement_wish", wish)["status"] == "wished"
    assert not {"org:filed", gone, "org:elsewhere"} & {r["institution_id"] for r in d.call("list_institution_places", "reviewer")}
    offer(d, wish, house(d, "org:stands", 8))
    assert record(d, "placement_wish", wish)["institution_id"] == "org:stands"


def register_institution_elsewhere(d: Desk, institution: str) -> None:
    """By another district's three hands."""
    office, decider = d.services["assistance"].office, care_checks.DECIDERS[register.NAME]
    record_id = care_checks.derived_id("support_institution_register", "", institution, "")
    terms = care_checks.SUPPORT_INSTITUTION_REGISTER.terms
    told = {"name": "邻区敬老院", "managing_body": "district", "operation": "public", "places": "9"}
    entries = tuple(register.Entry(code, value) for code, value in told.items())
    steps = (
        ("clerk", register.FileRecord("support_institution_register", "330226101", institution, entries=entries, terms=terms)),
        ("reviewer", register.CheckRecord(record_id)),
        ("approver", register.RegisterRecord(record_id)),
    )
    for role, command in steps:
        hand = Hand(f"staff:{role}", frozenset({role}), "330226")
        office.handle(decider, record_id, Order(command, f"{institution}-{role}", hand, d.now))


def test_free_places_are_seen_before_one_is_offered_and_none_is_promised_beyond_them(d: Desk) -> None:
    """By town with the managing body; an offer, a stay and an end of either change what is free, and the day of each is asked again."""
    institution = house(d, "org:two", 2, "330225102")
    started = today(d)
    (first, one), (_, two), (_, three) = wished(d), wished(d), wished(d)
    found = told(d, institution, town="330225102")
    assert (found["town"], found["managing_body"], found["operation"], found["beds"]) == ("330225102", "district", "public", 2)
    assert institution not in {r["institution_id"] for r in d.call("list_institution_places", "reviewer", town="330225109")}
    assert told(d, institution, at="330225109") == found, "a window of another town offers places here too"
    with pytest.raises(Refused, match="wrong_division"):
        d.call("list_institution_places", "reviewer", town="330226101")
    assert counts(d, institution) == (0, 0, 2)
    repeated = {"command_id": "3b0f2d9e-5d8a-4e60-9a44-1f2c3d4e5f60"}
    offer(d, one, institution, **repeated)
    offer(d, one, institution, **repeated)  # the same order once more
    offer(d, two, institution)
    assert counts(d, institution) == (0, 2, 0)
    full(d, three, institution)
    d.call("decline_offered_place", record_id=two, reason="离家太远")
    move_in(d, one)
    assert counts(d, institution) == (1, 0, 1)
    offer(d, three, institution)
    full(d, two, institution)
    d.call("withdraw_placement_wish", record_id=three, reason="随亲属生活")
    d.project()
    offer(d, two, institution)
    move_in(d, two)
    _, four = wished(d)
    full(d, four, institution)
    d.later(1)
    dies(d, first, today(d))
    offer(d, four, institution)
    assert counts(d, institution) == (1, 1, 0)
    lives(d, first)  # the death was none: he never left, and the house is over its beds until somebody finds a place
    assert counts(d, institution) == (2, 1, -1)
    _, five = wished(d)
    full(d, five, institution)
    assert counts(d, institution, valid_at=started) == (0, 0, 2)


def test_two_who_offer_the_last_place_at_the_same_moment_promise_it_once(d: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has seen it free: whose bed is held first offers it, the other is refused until that has come to nothing."""
    institution = house(d, "org:last", 1)
    (_, one), (_, two) = wished(d), wished(d)
    seen, during = care.places_taken, [one]

    def overtaken(*asked: Any) -> Any:
        found = seen(*asked)
        if during:
            offer(d, during.pop(), institution)  # between the look and the hold
        return found

    monkeypatch.setattr(care, "places_taken", overtaken)
    full(d, two, institution)
    monkeypatch.undo()
    assert record(d, "placement_wish", one)["status"] == "offered"
    assert counts(d, institution) == (0, 1, 0)
    d.call("decline_offered_place", record_id=one, reason="离家太远")
    d.project()
    offer(d, two, institution)


def test_a_bed_held_for_an_offer_that_never_came_is_given_up_after_a_day(d: Desk) -> None:
    """Whoever died between the two may go on with his order; where nobody does, the bed is not lost."""
    institution = house(d, "org:cut", 1)
    (_, one), (_, two) = wished(d), wished(d)
    service = d.services["assistance"]
    asked = placement_wish.OfferPlace(one, institution)
    hand = Hand("staff:reviewer", frozenset({"reviewer"}), "330225")
    care_checks.place_offered(service, Order(asked, "cut-off", hand, d.now))
    d.project()
    full(d, two, institution)
    d.later(1)
    full(d, two, institution)
    d.later(1)
    offer(d, two, institution)
    full(d, one, institution)


def test_who_is_entrusted_takes_no_bed_from_a_person_in_support(d: Desk) -> None:
    """A19: 特困 is never turned away for one who has no priority; who lives there entrusted is told beside the free places."""
    institution = house(d, "org:both", 1)
    kept = places(d, institution)
    who, wish = wished(d)
    guest, _ = disabled(d)
    d.call("request_entrusted_care", record_id=kept, person_id=guest, care_class="minimum_living_allowance")
    d.call("admit_to_entrusted_care", "reviewer", record_id=kept, person_id=guest)
    assert (counts(d, institution), told(d, institution)["entrusted"]) == ((0, 0, 1), 1)
    offer(d, wish, institution)
    move_in(d, wish)
    assert residents(d, kept) == [guest, who]
    assert (counts(d, institution), told(d, institution)["entrusted"]) == ((1, 0, 0), 1)

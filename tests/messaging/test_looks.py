"""Looks at files: who looked, at whose file, why, before anything is shown; and no query shows a name without being one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from shared.casework import looks
from shared.clock import SHANGHAI
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.eventlog.client import LogUnavailable
from shared.eventsourcing.testing import given
from shared.messaging.doors import FILES, doors_of
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id

TOWN = "330225101"
CANARY = "金丝雀"
D = looks.decider("assistance")
AT = datetime(2023, 7, 3, 9, tzinfo=SHANGHAI)
LOOK = looks.LookAtFile(("f1",), "get_household", "casework", TOWN, ("clerk",))
LOOKED = looks.FileLookedAt(("f1",), "get_household", "casework", "staff:li", AT, ("clerk",))


def test_a_look_is_an_event_with_the_hand_and_the_purpose() -> None:
    """Who, whose, why, by which query and when."""
    given(D).on("2023-07-03").by("staff:li").when(LOOK).then(LOOKED)


def test_the_same_look_within_five_minutes_is_no_second_one() -> None:
    """A page that is read again tells an auditor nothing more; one that is read later does."""
    assert given(D, LOOKED).on("2023-07-03T09:04:59").by("staff:li").when(LOOK).events == ()
    assert len(given(D, LOOKED).on("2023-07-03T09:05:00").by("staff:li").when(LOOK).events) == 1


OTHERS: list[dict[str, Any]] = [
    {"purpose": "complaint"},
    {"reference": "信访〔2023〕7号"},
    {"method": "get_case"},
    {"as_of": AT},
    {"roles": ("auditor",)},
    {"files": ("f2",)},
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: next(iter(other)))
def test_a_look_that_differs_is_one_of_its_own(other: dict[str, Any]) -> None:
    """Another purpose, query, moment, role or file within the five minutes is told."""
    assert len(given(D, LOOKED).on("2023-07-03T09:01:00").by("staff:li").when(dataclasses.replace(LOOK, **other)).events) == 1


def test_another_hand_is_told_within_the_five_minutes() -> None:
    """Two hands at one file are two looks."""
    assert len(given(D, LOOKED).on("2023-07-03T09:01:00").by("staff:wang").when(LOOK).events) == 1


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Three services, and one person in each whose name is the canary's."""
    with desk(tmp_path_factory.mktemp("looks"), "assistance", "eldercare", "registry") as d:
        member = {"resident_id": resident_id("19400101", 1), "name": CANARY, "relation": "户主"}
        home = d.call("register_household", household_no="L1", division=TOWN, area="rural", members=[member])["id"]
        case = d.call("apply", programme="minimum_living_allowance", household_id=home)["id"]
        alone = d.call("register_person", resident_id=resident_id("19450101", 2), name=CANARY, division=TOWN)["id"]
        elder = d.call("enrol_elder", service="eldercare", resident_id=resident_id("19400101", 3), name=CANARY, division=TOWN)["id"]
        dead = d.call(
            "register_death", "registrar", service="registry", resident_id=resident_id("19400101", 4), name=CANARY, died_on="2023-07-01",
            division=TOWN,
        )["id"]  # fmt: skip
        account = {"bank_code": "102100099996", "account_no": "6228480402564890018", "document_no": "复印件"}
        d.call("propose_payee_account", person_id=alone, division=TOWN, holder=CANARY, **account)
        d.project()
        d.known = {"household_id": home, "case_id": case, "person_id": alone, "elder": elder, "dead": dead}  # type: ignore[attr-defined]
        yield d


def _looks(d: Desk, service: str, file: str) -> list[looks.FileLookedAt]:
    return [r.event for r in d.offices[service].history(looks.decider(service).stream(file))]


def test_to_look_at_a_file_is_recorded(district: Desk) -> None:
    """The household's stream of looks says who, in which role, by which query, why and for which letter."""
    home = district.known["household_id"]  # type: ignore[attr-defined]
    shown = district.call("get_household", household_id=home, why={"purpose": "complaint", "purpose_reference": "信访7号"})
    assert CANARY in json.dumps(shown, ensure_ascii=False, default=str)
    last = _looks(district, "assistance", home)[-1]
    assert (last.by, last.roles, last.method) == ("staff:clerk", ("clerk",), "get_household")
    assert (last.purpose, last.reference, last.files) == ("complaint", "信访7号", (home,))
    recorded = district.offices["assistance"].history(looks.decider("assistance").stream(home))[-1]
    assert (recorded.meta.actor, recorded.meta.division) == ("staff:clerk", TOWN)


def test_a_look_into_the_past_says_at_which_moment(district: Desk) -> None:
    """as_of is part of the look."""
    home = district.known["household_id"]  # type: ignore[attr-defined]
    moment = district.now.isoformat()
    district.on("2023-07-04").call("get_household", household_id=home, as_of=moment)
    told = _looks(district, "assistance", home)[-1].as_of
    district.on("2023-07-03")
    assert told is not None
    assert told.isoformat() == moment


def test_a_list_that_opens_names_is_one_look_with_the_ids_shown(district: Desk) -> None:
    """The roster of elders: one event, in a stream of this hand, list and day."""
    rows = district.call("list_elders", service="eldercare", actor="staff:sun", why={"purpose": "statistics"})
    told = _looks(district, "eldercare", looks.list_id("list_elders", "staff:sun", "2023-07-03"))
    assert [e.files for e in told] == [tuple(r["person_id"] for r in rows)]
    assert [e.divisions for e in told] == [(TOWN,) * len(rows)]  # a hand of the district looked: the files are the town's
    assert told[0].purpose == "statistics"


def test_a_list_narrowed_to_one_file_is_a_look_at_it(district: Desk) -> None:
    """The cases of a household, the records of a person: whose, by which list, in its own division; the whole list of ids is none."""
    home = district.known["household_id"]  # type: ignore[attr-defined]

    def told(file: str, method: str) -> list[looks.FileLookedAt]:
        return [e for e in _looks(district, "assistance", file) if e.method == method]

    district.on("2023-07-03T11:00").call("list_cases", actor="staff:qi")
    assert told(home, "list_cases") == []
    [row] = district.call("list_cases", actor="staff:qi", subject_id=home, why={"purpose": "complaint"})
    assert row["subject_id"] == home
    [look] = told(home, "list_cases")
    assert (look.by, look.files, look.purpose) == ("staff:qi", (home,), "complaint")
    recorded = district.offices["assistance"].history(looks.decider("assistance").stream(home))[-1]
    assert recorded.meta.division == TOWN  # the file's, where the hand is the district's
    district.call("list_records", actor="staff:qi", subject_id=home)
    assert len(told(home, "list_records")) == 1
    with pytest.raises(Refused, match="编号"):
        district.call("list_cases", subject_id=resident_id("19400101", 1))
    claims = "c" * 32
    district.call("list_recoveries", "auditor", case_id=claims)
    assert len(told(claims, "list_recoveries")) == 1
    district.on("2023-07-03")


def test_every_list_that_may_be_narrowed_to_a_file_knows_it(district: Desk) -> None:
    """Of every service: whichever parameter names a file, required or not, is a look when it is given."""
    for made in district.services.values():
        for door in doors_of(type(made)):
            if door.kind != "query":
                continue
            named = [f.name for f in dataclasses.fields(door.form) if f.name in FILES]
            [entry] = [e for e in getattr(type(made), door.method).nameko_entrypoints if hasattr(e, "narrows")]
            assert not named or entry.opens or set(entry.narrows) == set(named), door.method


def test_what_is_refused_is_no_look(district: Desk) -> None:
    """A hand of another district, and a file that is not there: nothing was shown, so nothing is recorded."""
    home = district.known["household_id"]  # type: ignore[attr-defined]
    before = len(_looks(district, "assistance", home))
    with pytest.raises(Refused, match="辖区"):
        district.call("get_household", household_id=home, at="330226")
    with pytest.raises(Refused, match="没有此记录"):
        district.call("get_household", household_id="0" * 32)
    assert len(_looks(district, "assistance", home)) == before
    assert _looks(district, "assistance", "0" * 32) == []


def test_a_purpose_that_is_none_is_refused(district: Desk) -> None:
    """Curiosity is no purpose."""
    with pytest.raises(Refused) as refused:
        district.call("get_household", household_id=district.known["household_id"], why={"purpose": "curiosity"})  # type: ignore[attr-defined]
    assert refused.value.field == "purpose"


def test_a_resident_id_never_names_a_file(district: Desk) -> None:
    """It would stand in a stream's name, or in the clear beside the purpose."""
    number = resident_id("19400101", 1)
    with pytest.raises(Refused, match="编号"):
        district.call("benefit_statement", subject_id=number, first="2023-06", last="2023-07")
    with pytest.raises(Refused, match="身份证"):
        district.call("list_programmes", why={"purpose_reference": number})


def test_without_the_event_nothing_is_shown(district: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log takes no event, the answer is kept back."""
    home = district.known["household_id"]  # type: ignore[attr-defined]

    def away(*_: object) -> int:
        raise LogUnavailable

    monkeypatch.setattr(district.offices["assistance"].log, "append", away)
    with pytest.raises(Unavailable):
        district.call("get_household", "reviewer", household_id=home)


def test_no_query_shows_a_name_without_a_look(district: Desk) -> None:
    """Every query of every service is asked; where the canary sings, a look was recorded."""
    known = district.known  # type: ignore[attr-defined]
    usual = {
        "subject_id": known["household_id"], "unit_id": known["household_id"], "first": "2023-06", "last": "2023-07", "month": "2023-07",
        "day": "2023-07-03", "programme": "minimum_living_allowance", "effective_month": "2023-09", "changes": {}, "shape": "fund",
    }  # fmt: skip
    ids = {"assistance": known["person_id"], "eldercare": known["elder"], "registry": known["dead"]}
    roles = {"assistance:audit": "auditor", "assistance:review": "reviewer", "registry:read": "registrar"}
    sang = set()
    for service, made in district.services.items():
        log = made.office.log
        for door in doors_of(type(made)):
            if door.kind != "query":
                continue
            given_ = {**known, **usual, "person_id": ids[service]}
            fields = dataclasses.fields(door.form)
            body = {f.name: given_.get(f.name, known["case_id"]) for f in fields if f.default is dataclasses.MISSING}
            before = log.head()
            try:
                answer = district.call(door.method, roles.get(door.permission, "clerk"), service=service, actor="staff:canary", **body)
            except Refused:
                continue
            if CANARY in json.dumps(answer, ensure_ascii=False, default=str):
                sang.add(door.method)
                assert log.head() > before, door.method
    assert sang >= {"get_household", "get_person", "get_elder", "get_death", "list_elders", "list_deaths", "list_payee_accounts"}


def test_every_service_keeps_looks() -> None:
    """The events of looks are known wherever a service's events are read: projector, relay, seal, tools."""
    for service in discovery.services():
        assert any(d is looks.decider(service) for d in discovery.deciders(service))

"""What bad input gets: by RPC a typed error with a code, a message in Chinese and the field; on the bus a dead letter
with its reason. In either case nothing is half done."""

from __future__ import annotations

import re
import time
from typing import Any

import jwt
import pytest

from shared.cli.processes import SERVICES
from shared.domain.errors import Refused
from shared.eventlog.client import Log
from shared.messaging.client import RpcClient
from tests.e2e.conftest import TOWN, Bureau, new_id, resident_id, until

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def refused(call: Any, code: str, field: str | None = None, **kwargs: Any) -> Refused:
    """The call is refused with this code, in Chinese, naming the field, and without echoing what came in."""
    with pytest.raises(Refused) as caught:
        call(**kwargs)
    assert caught.value.code == code, caught.value
    assert CHINESE.search(caught.value.message)
    if field is not None:
        assert caught.value.field == field
    for value in kwargs.values():
        assert not (isinstance(value, str) and len(value) >= 15 and value in str(caught.value))
    return caught.value


def head(bureau: Bureau) -> int:
    """The position of the services' last event; the portal writes down what its files say when it starts."""
    log = Log(bureau.settings.eventstore_uri)
    try:
        return max((raw.position for raw in log.read_all(None) if raw.stream.partition(".")[0] in SERVICES), default=-1)
    finally:
        log.close()


def death(**changes: Any) -> dict[str, Any]:
    fields = {
        "command_id": new_id(),
        "resident_id": resident_id("19400101", 7),
        "name": "测试乙",
        "died_on": "2023-02-01",
        "division": TOWN,
    }
    return {**fields, **changes}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"resident_id": "330225194001010077"[:17] + "Q"}, "invalid_input", "resident_id"),
        ({"resident_id": resident_id("19400101", 7)[:-1] + "Z"}, "invalid_input", "resident_id"),
        ({"resident_id": "3302251940"}, "invalid_input", "resident_id"),
        ({"resident_id": 330225194001010077}, "invalid_input", "resident_id"),
        ({"died_on": "2099-01-01"}, "invalid_input", "died_on"),
        ({"died_on": "1930-01-01"}, "invalid_input", "died_on"),
        ({"died_on": "2023-02-30"}, "invalid_input", "died_on"),
        ({"division": "33022"}, "invalid_input", "division"),
        ({"division": "110101001"}, "wrong_division", "division"),
        ({"surprise": 1}, "invalid_input", "surprise"),
        ({"command_id": None}, "invalid_input", "command_id"),
        ({"command_id": "x" * 101}, "invalid_input", "command_id"),
        ({"expected_version": 5}, "version_conflict", "expected_version"),
        ({"expected_version": "five"}, "invalid_input", "expected_version"),
        ({"name": "名" * 5000}, "invalid_input", "name"),
    ],
)
def test_a_wrong_death_form_is_refused_and_nothing_is_written(bureau: Bureau, changes: dict[str, Any], code: str, field: str) -> None:
    """Each wrong field is named, and the log does not move."""
    bureau.at("2023-03-01")
    before = head(bureau)
    refused(bureau.staff("registrar").registry.register_death, code, field, **death(**changes))
    assert head(bureau) == before


def test_an_oversized_payload_is_refused(bureau: Bureau) -> None:
    """A request over the size limit is answered, not carried."""
    refused(bureau.staff("registrar").registry.register_death, "too_large", **death(name="名" * 600_000))


@pytest.mark.parametrize("fen", [-1, 10**12, 1.5, "100", True, None])
def test_negative_absurd_and_non_integer_amounts_are_refused(bureau: Bureau, fen: Any) -> None:
    """Money is a sensible whole number of fen."""
    member = {"resident_id": bureau.person(), "name": "测试丙", "relation": "户主", "monthly_income_fen": fen}
    call = bureau.staff("clerk").assistance.register_household
    error = refused(call, "invalid_input", command_id=new_id(), household_no=new_id(), division=TOWN, area="urban", members=[member])
    assert error.field == "members.0.monthly_income_fen"


def test_a_household_with_one_wrong_member_leaves_no_trace_of_the_others(bureau: Bureau) -> None:
    """The claims on persons are made only when the whole household is right."""
    good = {"resident_id": bureau.person(), "name": "测试丁", "relation": "户主"}
    wrong = {"resident_id": bureau.person(), "name": "测试戊", "relation": "子", "disability_grade": 9}
    clerk, before = bureau.staff("clerk").assistance, head(bureau)
    fields = {"household_no": new_id(), "division": TOWN, "area": "urban"}
    refused(clerk.register_household, "invalid_input", "members.1.disability_grade", command_id=new_id(), members=[good, wrong], **fields)
    assert head(bureau) == before
    clerk.register_household(command_id=new_id(), members=[good], **fields)


def test_a_person_is_in_one_household_only(bureau: Bureau) -> None:
    """The second household that claims a person is refused."""
    number = bureau.person()
    bureau.household({"resident_id": number})
    member = {"resident_id": number, "name": "测试甲", "relation": "户主"}
    call = bureau.staff("clerk").assistance.register_household
    refused(call, "already_exists", command_id=new_id(), household_no=new_id(), division=TOWN, area="urban", members=[member])


def test_unknown_programme_and_unknown_household(bureau: Bureau) -> None:
    """What does not exist is named as such."""
    clerk = bureau.staff("clerk").assistance
    home = bureau.household({"resident_id": bureau.person()})
    refused(clerk.apply, "unknown_programme", "programme", command_id=new_id(), programme="free_money", household_id=home["household_id"])
    refused(clerk.apply, "not_found", command_id=new_id(), programme="minimum_living_allowance", household_id="f" * 32)


def test_steps_out_of_order_and_the_same_hand_twice(bureau: Bureau) -> None:
    """No step before its turn, and nobody does two steps that must be different hands."""
    everything = bureau.staff("clerk", "reviewer", "approver", actor="staff:everything").assistance
    home = bureau.household({"resident_id": bureau.person()})
    bureau.at("2023-03-01")
    case = everything.apply(command_id=new_id(), programme="minimum_living_allowance", household_id=home["household_id"])["id"]
    refused(everything.record_survey, "out_of_order", command_id=new_id(), case_id=case, finding="属实")
    refused(everything.propose, "out_of_order", command_id=new_id(), case_id=case)
    everything.accept_application(command_id=new_id(), case_id=case)
    refused(everything.record_survey, "out_of_order", command_id=new_id(), case_id=case, finding="属实")
    refused(everything.propose, "out_of_order", command_id=new_id(), case_id=case)
    signed = {"reference": "授权书", "signed_on": "2023-03-01"}
    report = {"report_id": "核对报告", "verdict": "complete"}
    refused(everything.record_means_test, "out_of_order", command_id=new_id(), case_id=case, **report)
    everything.record_authorisation(command_id=new_id(), case_id=case, **signed)
    refused(everything.record_survey, "out_of_order", command_id=new_id(), case_id=case, finding="属实")
    everything.record_means_test(command_id=new_id(), case_id=case, **report)
    everything.record_survey(command_id=new_id(), case_id=case, finding="属实")
    refused(everything.propose, "same_hand", command_id=new_id(), case_id=case)
    bureau.staff("reviewer").assistance.propose(command_id=new_id(), case_id=case)
    seen = everything.get_case(case_id=case)["proposal"]["reviewed"]
    refused(everything.confirm, "same_hand", command_id=new_id(), case_id=case, reviewed=seen)
    approver = bureau.staff("approver").assistance
    refused(approver.confirm, "not_yet_due", command_id=new_id(), case_id=case, reviewed=seen)
    refused(approver.confirm, "version_conflict", "reviewed", command_id=new_id(), case_id=case, reviewed="0" * 32)


def test_the_same_command_again_and_with_another_body(bureau: Bureau) -> None:
    """A repeat gets the first answer; the same id for something else is refused."""
    registrar = bureau.staff("registrar").registry
    bureau.at("2023-03-01")
    form = death(resident_id=bureau.person("19410101"))
    first = registrar.register_death(**form)
    again = registrar.register_death(**form)
    assert again["repeated"]
    assert {**again, "repeated": False} == first
    refused(registrar.register_death, "command_id_reused", "command_id", **{**form, "died_on": "2023-01-31"})


def test_tokens_missing_forged_expired_and_of_another_division(bureau: Bureau) -> None:
    """Whoever cannot prove who he is, or is of another place, gets nothing."""
    key = bureau.settings.token_private_key
    assert key is not None
    claims = {"sub": "staff:x", "roles": ["registrar"], "division": "330225", "iss": "development", "aud": "minzheng"}
    now = int(time.time())
    expired = jwt.encode({**claims, "exp": now - 60}, key.read_text(), algorithm="EdDSA")
    forged = jwt.encode({**claims, "exp": now + 600}, "a secret of somebody else, long enough", algorithm="HS256")
    unsigned = jwt.encode({**claims, "exp": now + 600}, "", algorithm="none")
    for token in (None, "", "nonsense", expired, forged, unsigned):
        client: RpcClient = bureau.link.as_(token)
        refused(client.registry.register_death, "unauthenticated", **death())
    elsewhere = bureau.staff("registrar", division="330226")
    refused(elsewhere.registry.register_death, "wrong_division", **death())
    refused(bureau.staff("clerk").registry.register_death, "forbidden", **death())
    home = bureau.household({"resident_id": bureau.person()})
    refused(bureau.staff("clerk", division="330225101").assistance.get_household, "wrong_division", household_id=home["household_id"])
    assert home["household_id"] not in {h["household_id"] for h in bureau.staff("clerk", division="330225101").assistance.list_households()}


# -- on the bus


def letter_for(bureau: Bureau, known: set[str]) -> Any:
    return until(lambda: next((letter for letter in bureau.letters() if letter.id not in known), None))


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"{not json", "application/json", None),
        (b'{"a": 1}', "application/x-python-serialize", None),
        (
            {"resident_id": "330225199001010000", "monthly_income_fen": 1, "effective_from": "2023-05-01"},
            "application/json",
            "invalid_input",
        ),
        ({"resident_id": resident_id("19900101", 1), "monthly_income_fen": -5, "effective_from": "2023-05-01"}, "application/json", None),
        ({"resident_id": resident_id("19900101", 1), "effective_from": "2023-05-01"}, "application/json", "invalid_input"),
        (
            {"resident_id": resident_id("19900101", 2), "monthly_income_fen": 1, "effective_from": "2023-05-01"},
            "application/json",
            "unknown_person",
        ),
        ([1, 2, 3], "application/json", None),
    ],
)
def test_a_wrong_message_becomes_a_dead_letter_with_its_reason(bureau: Bureau, body: Any, content_type: str, reason: str | None) -> None:
    """It is set aside, sealed, with a reason; and the next valid message goes through."""
    bureau.at("2023-05-02")
    known = {letter.id for letter in bureau.letters()}
    number = bureau.person()
    home = bureau.household({"resident_id": number, "monthly_income_fen": 10_000})
    bureau.publish("hrss", "income_changed", body, content_type)
    bureau.publish("hrss", "income_changed", {"resident_id": number, "monthly_income_fen": 20_000, "effective_from": "2023-05-01"})
    letter = letter_for(bureau, known)
    assert letter.service == "assistance"
    assert letter.reason
    if reason is not None:
        assert letter.reason == reason
    person = next(iter(home["members"]))
    clerk = bureau.staff("clerk").assistance
    until(lambda: len(clerk.get_household(household_id=home["household_id"])["incomes"][person]) == 2)


def test_the_same_message_twice_has_one_effect(bureau: Bureau) -> None:
    """At least once is delivery; the effect is once."""
    bureau.at("2023-05-02")
    number = bureau.person()
    home = bureau.household({"resident_id": number})
    message = {"resident_id": number, "monthly_income_fen": 30_000, "effective_from": "2023-05-01"}
    marker = {"resident_id": number, "monthly_income_fen": 40_000, "effective_from": "2023-05-02"}
    for _ in range(3):
        bureau.publish("hrss", "income_changed", message, message_id=f"twice-{number[-5:]}")
    bureau.publish("hrss", "income_changed", marker)
    clerk, person = bureau.staff("clerk").assistance, next(iter(home["members"]))

    def amounts() -> list[int]:
        return [i["monthly_income_fen"] for i in clerk.get_household(household_id=home["household_id"])["incomes"][person]]

    until(lambda: 40_000 in amounts())
    assert sorted(amounts()) == [0, 30_000, 40_000]


def test_no_resident_id_is_kept_in_the_clear_behind_the_door(bureau: Bureau) -> None:
    """After all of the above: no file of the log, the read models, the logs or the keys holds a known resident ID or name."""
    name, number = "金丝雀甲乙丙", bureau.person("19770707")
    bureau.household({"resident_id": number, "name": name})
    bureau.publish(
        "hrss", "income_changed", {"resident_id": number, "monthly_income_fen": -1, "effective_from": "2023-05-01", "name": name}
    )
    until(lambda: any(letter.reason == "invalid_input" for letter in bureau.letters()))
    for file in bureau.settings.var.rglob("*"):
        if file.is_file() and "rabbitmq" not in file.parts:
            data = file.read_bytes()
            assert number.encode() not in data, file
            assert name.encode() not in data, file

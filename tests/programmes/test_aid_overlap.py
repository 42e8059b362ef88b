"""A27 through the doors: a household struck by a disaster is handed over, and what both departments give for it is considered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.declarations.handoffs import DISASTER_VICTIM_ASSISTANCE, SPECIAL_ASSISTANCE_REFERRAL
from services.assistance.temporary import TemporaryNoticeOwed
from shared.casework import handoff
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.people import Home, Numbers, grant, home, single

TOWN = "330225101"
DOSSIER = handoff.dossier_hash(b"disaster")
LIVING = "minimum_living_allowance"


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """One series for the module's desk."""
    return Numbers()


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all tests of the module, with a reserve fund in the town."""
    with desk(tmp_path_factory.mktemp("overlap"), "assistance") as made:
        made.on("2023-06-01")
        fund = made.call("open_fund", "approver", programme="temporary_assistance_reserve_fund", division=TOWN)["id"]
        made.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2023〕7号")
        yield made


def family(d: Desk, numbers: Numbers) -> Home:
    return home(d, numbers, {"born": "19800101", "monthly_income_fen": 300000}, {"born": "20150101"})


def hand_over(d: Desk, subject_id: str, of: Any = DISASTER_VICTIM_ASSISTANCE) -> str:
    """To the first department that receives such; the record's id."""
    body = {"division": TOWN, "from_unit": TOWN, "to_unit": of.terms.units[0], "what": "台风受灾，房屋倒塌", "dossier_hash": DOSSIER}
    sent = str(d.call("send_handoff", programme=of.code, subject_id=subject_id, documents=[], **body)["id"])
    d.settle()
    return sent


def back(d: Desk, record_id: str, outcome: str) -> None:
    d.call("accept_handoff", record_id=record_id, dossier_hash=DOSSIER)
    d.call("finish_handoff", record_id=record_id, outcome=outcome, result="过渡期生活救助")
    d.settle()


def acknowledge(d: Desk, record_id: str) -> str:
    d.call("acknowledge_handoff", record_id=record_id, told="短信")
    return str(d.call("get_record", "auditor", shape="handoff", record_id=record_id)["status"])


def matter(d: Desk, subject_id: str, **more: Any) -> dict[str, str]:
    """An emergency of today, taken in and verified."""
    who = {} if "person_id" in more else {"household_id": subject_id}
    body = {"kind": "emergency", "cause": "sudden_event", "happened_on": d.now.date().isoformat(), "division": TOWN, **who, **more}
    d.call("apply_temporary", **body)
    ref = {"subject_id": subject_id, "matter_id": list(d.call("get_temporary", "auditor", subject_id=subject_id)["matters"])[-1]}
    d.call("accept_temporary", **ref)
    return ref


def stands(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_temporary", "auditor", subject_id=ref["subject_id"])["matters"][ref["matter_id"]]
    return found


def decide(d: Desk, ref: dict[str, str]) -> dict[str, Any]:
    d.call("propose_temporary", "reviewer", **ref)
    d.call("decide_temporary", "approver", **ref, reviewed=stands(d, ref)["proposal"]["reviewed"])
    d.settle()
    return stands(d, ref)


def row(d: Desk, ref: dict[str, str]) -> tuple[str, str]:
    """The matter's worklist and the hand-offs that must be considered."""
    d.project()
    [found] = [m for m in d.call("list_temporary", "auditor", limit=500) if m["matter_id"] == ref["matter_id"]]
    return found["worklist"], found["overlap"]


def overlap(d: Desk, record_id: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_aid_overlap", "auditor", handoff_id=record_id)
    return found


def waiting(d: Desk, worklist: str) -> list[str]:
    d.project()
    return [w["key"] for w in d.call("list_waiting", "auditor", worklist=worklist, limit=500)]


def test_a_household_that_was_aided_applies_and_the_reviewer_must_say_why_it_is_not_double(d: Desk, numbers: Numbers) -> None:
    """First grant at once; found, shown in the row and the acts, refused at the review, answered by the reviewer, approved."""
    d.on("2023-07-20")
    made = family(d, numbers)
    record_id = hand_over(d, made.household_id)
    assert overlap(d, record_id)["status"] == "clear"
    back(d, record_id, "aided")
    assert acknowledge(d, record_id) == "acknowledged"
    d.on("2023-08-02")
    ref = matter(d, made.household_id)
    d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    number = d.call("get_record", "auditor", shape="handoff", record_id=record_id)["number"]
    assert row(d, ref) == ("temporary_overlap", number)
    [found] = stands(d, ref)["overlap"]["open"]
    assert (found["unit"], found["status"], found["handed_on"].isoformat(), found["months"]) == ("应急管理局", "aided", "2023-07-20", 6)
    page = {"category": "temporary", "key": made.household_id}
    assert d.call("get_acts", "reviewer", **page)["stands"]["worklist"] == "temporary_overlap"
    with pytest.raises(Refused, match="应急管理局") as held:
        d.call("propose_temporary", "reviewer", **ref)
    assert held.value.code == "out_of_order"
    with pytest.raises(Refused) as same:
        d.call("answer_temporary_overlap", "reviewer", actor="staff:clerk", **ref, outcome="distinct", reason="口粮")
    assert same.value.code == "same_hand"
    d.call("answer_temporary_overlap", "reviewer", **ref, outcome="distinct", reason="应急修房，本次为口粮")
    assert row(d, ref) == ("temporary_review", "")
    m = decide(d, ref)
    assert (m["status"], m["overlap"]["last"]["by"], m["overlap"]["last"]["numbers"]) == ("paid_out", "staff:reviewer", [number])


def test_what_is_found_to_be_the_same_is_refused_with_that_reason(d: Desk, numbers: Numbers) -> None:
    """Double: the rules are told of the same cause; the household hears what the reviewer found."""
    d.on("2023-07-21")
    made = family(d, numbers)
    back(d, hand_over(d, made.household_id), "aided")
    ref = matter(d, made.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    d.call("answer_temporary_overlap", "reviewer", **ref, outcome="double", reason="同一次房屋倒塌")
    assert decide(d, ref)["status"] == "refused"
    office = d.services["assistance"].office
    refused, owed = (r.event for r in office.history(f"assistance.temporary-{made.household_id}")[-2:])
    assert isinstance(owed, TemporaryNoticeOwed)  # what is to be told in writing is this refusal
    assert refused.reason == "经核对，应急管理局已就同一事由救助，不重复救助：同一次房屋倒塌"


def test_a_hand_off_while_the_matter_waits_for_approval_holds_it_and_lets_go_when_it_is_declined(d: Desk, numbers: Numbers) -> None:
    """Proposed before the disaster was handed over; declined there, and nothing is to be answered any more."""
    d.on("2023-07-24")
    made = family(d, numbers)
    ref = matter(d, made.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    d.call("propose_temporary", "reviewer", **ref)
    record_id = hand_over(d, made.members[0])  # by its head: the household is meant
    assert row(d, ref)[0] == "temporary_overlap"
    decision = {**ref, "reviewed": stands(d, ref)["proposal"]["reviewed"]}
    with pytest.raises(Refused, match="应急管理局"):
        d.call("decide_temporary", "approver", **decision)
    back(d, record_id, "declined")
    assert row(d, ref) == ("temporary_decide", "")
    assert acknowledge(d, record_id) == "acknowledged"
    d.call("decide_temporary", "approver", **decision)
    assert stands(d, ref)["status"] == "paid_out"


def test_aid_of_a_household_that_we_helped_is_considered_before_it_is_acknowledged(d: Desk, numbers: Numbers) -> None:
    """Compared when it is sent and when it comes back, with matters and cases; a case of years before is listed and no question."""
    d.on("2023-01-03")
    made = home(d, numbers, {"born": "19800101"}, {"born": "20150101"})
    living = grant(d, LIVING, household_id=made.household_id)
    d.on("2023-09-04")
    ref = matter(d, made.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    decide(d, ref)
    record_id = hand_over(d, made.household_id)
    sent = overlap(d, record_id)
    aids = {a["reference"]: (a["kind"], a["programme"], a["cause"], a["near"]) for a in sent["compared"]["aids"]}
    assert aids[ref["matter_id"]] == ("temporary", "temporary_assistance", "sudden_event", True)
    assert aids[living] == ("case", LIVING, "", False)
    assert (sent["status"], waiting(d, "overlap_consider")) == ("found", [])
    back(d, record_id, "aided")
    assert overlap(d, record_id)["status"] == "to_consider"
    assert waiting(d, "overlap_consider") == [record_id]
    with pytest.raises(Refused, match="重复救助核对结论"):
        acknowledge(d, record_id)
    d.call("consider_aid_overlap", "reviewer", handoff_id=record_id, outcome="distinct", reason="应急修房，我局发口粮")
    found = overlap(d, record_id)
    assert (found["status"], found["considered"][0]["by"]) == ("considered", "staff:reviewer")
    assert found["considered"][0]["references"] == [ref["matter_id"]]
    assert waiting(d, "overlap_consider") == []
    assert acknowledge(d, record_id) == "acknowledged"


def test_a_matter_that_was_withdrawn_is_no_aid_of_ours(d: Desk, numbers: Numbers) -> None:
    """Nothing was given: a hand-off of the household after it finds nothing to consider."""
    d.on("2023-11-06")
    house = family(d, numbers).household_id
    ref = matter(d, house)
    d.call("withdraw_temporary", **ref, reason="不再需要")
    d.settle()
    record_id = hand_over(d, house)
    assert [a["reference"] for a in overlap(d, record_id)["compared"]["aids"]] == []


def test_who_is_answered_at_once_is_compared_before_the_acknowledgement_all_the_same(d: Desk, numbers: Numbers) -> None:
    """The bus is slow: nobody has compared yet, and the acknowledgement does it itself, under the service's hand."""
    d.on("2023-09-18")
    made = family(d, numbers)
    ref = matter(d, made.household_id)
    d.call("complete_papers", **ref, finding="属实", loss_fen=0)
    decide(d, ref)
    body = {"division": TOWN, "from_unit": TOWN, "to_unit": "应急管理局", "what": "房屋倒塌", "dossier_hash": DOSSIER, "documents": []}
    record_id = d.call("send_handoff", programme=DISASTER_VICTIM_ASSISTANCE.code, subject_id=made.household_id, **body)["id"]
    d.call("accept_handoff", record_id=record_id, dossier_hash=DOSSIER)
    version = d.call("finish_handoff", record_id=record_id, outcome="aided", result="已救助")["version"]
    for words in ("短信", "电话"):  # the same form sent again, with another word in it
        with pytest.raises(Refused, match="重复救助核对结论"):
            d.call("acknowledge_handoff", command_id="told", record_id=record_id, told=words, expected_version=version)
    assert overlap(d, record_id)["compared"]["occasion"] == "aided"
    d.settle()
    assert overlap(d, record_id)["version"] == 0, "the reactions find what was compared"
    d.call("consider_aid_overlap", "reviewer", handoff_id=record_id, outcome="distinct", reason="不同事由")
    d.call("acknowledge_handoff", record_id=record_id, told="短信", expected_version=version)


def test_a_person_whom_no_household_counts_is_found_by_himself_and_other_hand_offs_are_no_aid(d: Desk, numbers: Numbers) -> None:
    """Somebody alone stands for himself; a referral to another department is compared with nothing."""
    d.on("2023-10-09")
    who = single(d, numbers, "19600101")
    referral = hand_over(d, who, SPECIAL_ASSISTANCE_REFERRAL)
    with pytest.raises(Refused, match="没有此记录"):
        overlap(d, referral)
    hand_over(d, who)
    ref = matter(d, who, person_id=who)
    assert [f["status"] for f in stands(d, ref)["overlap"]["open"]] == ["sent"]


def test_who_was_handed_over_with_his_household_and_left_it_is_found_when_he_applies_alone(d: Desk, numbers: Numbers) -> None:
    """What stands in the stream of the household that counted him is told to his own before he applies."""
    d.on("2023-10-10")
    made = home(d, numbers, {"born": "19700101"}, {"born": "19950101"})
    who = made.members[1]
    hand_over(d, made.household_id)
    left = {"left": [who], "from_month": "2023-11", "reason": "moved_out", "evidence": "迁出证明"}
    d.call("change_household", "clerk", household_id=made.household_id, **left)
    d.on("2023-11-06")
    d.settle()
    form = {"person_id": who, "kind": "expenditure", "cause": "accident", "happened_on": "2023-11-06", "division": TOWN}
    for elsewhere in ("330206101", "330206102"):  # the same form sent again, with another place in it
        with pytest.raises(Refused, match="急难发生地"):
            d.call("apply_temporary", command_id="form", hukou_division=elsewhere, **form)
    ref = matter(d, who, person_id=who, cause="accident")
    assert [f["unit"] for f in stands(d, ref)["overlap"]["open"]] == ["应急管理局"]

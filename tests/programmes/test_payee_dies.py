"""A guardian who is paid for somebody dies: what is due is held, not lost and not sent to him, until two hands have named another payee."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.assistance.benefits import CASES
from services.portal.desk import home as lists
from services.portal.web import words
from shared.casework import benefit_case as bc
from shared.casework.payment_part import PAYEE_DIED
from shared.domain.errors import Refused
from tests.desk import Desk, desk
from tests.programmes.caring import dies, lives
from tests.programmes.people import TOWN, Numbers, case, due, grant, pay, single

SUPPORT = "extreme_hardship_support"


@pytest.fixture
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("payee"), "assistance") as made:
        yield made


def ward(d: Desk, numbers: Numbers, guardian: str) -> str:
    """Somebody in 特困 whose guardian is paid; the case."""
    who = single(d, numbers, "19450101", area="rural", payee_id=guardian)
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    return grant(d, SUPPORT, person_id=who)


def waiting(d: Desk, worklist: str) -> list[tuple[str, str]]:
    d.project()
    return [(r["key"], r["due_on"]) for r in d.call("list_waiting", "auditor", worklist=worklist)]


def happened(d: Desk, case_id: str) -> list[type]:
    return [type(r.event) for r in d.services["assistance"].office.history(CASES.stream(case_id))]


def lines(d: Desk, run: str) -> list[tuple[str, str, str, str]]:
    found: list[dict[str, Any]] = d.call("list_payment_lines", "auditor", run_id=run, limit=9)
    return [(x["case_id"], x["payee_id"], x["status"], x["reason"]) for x in found]


def test_a_guardian_dies_and_what_he_was_paid_is_held_until_another_is_named(d: Desk) -> None:
    """The run that was made before he died sends the others and holds his line; the new payee gets it with the follow-up run."""
    numbers = Numbers()
    d.on("2023-07-03")
    guardian, other, heir = (single(d, numbers, "19750101") for _ in range(3))
    held, goes_on = ward(d, numbers, guardian), ward(d, numbers, other)
    d.on("2023-08-10")
    fen = due(d, held, "2023-08")
    run = str(d.call("prepare_payment_run", "cashier", programme=SUPPORT, month="2023-08", division=TOWN)["id"])
    d.settle()
    dies(d, guardian, "2023-08-09")
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()

    stood = d.call("get_payment_run", "auditor", run_id=run)
    told = {c: (payee, status, reason) for c, payee, status, reason in lines(d, run)}
    assert told == {held: (guardian, "held", PAYEE_DIED), goes_on: (other, "paid", "")}
    d.project()
    [row] = [r for r in d.call("list_payment_runs", "auditor", programme=SUPPORT) if r["run_id"] == run]
    assert (row["total_fen"], row["failed_fen"], row["held_fen"]) == (row["paid_fen"] + row["held_fen"], 0, fen), stood
    assert waiting(d, "payee_lost") == [(held, "2023-08-24")]
    dies(d, guardian, "2023-08-09", 2)
    assert happened(d, held).count(bc.PayeeDied) == 1, "told twice"

    with pytest.raises(Refused, match="已死亡"):
        d.call("name_payee", case_id=held, payee_id=guardian, evidence="监护协议")
    with pytest.raises(Refused, match="已死亡"):
        d.call("change_person", person_id=case(d, goes_on)["subject_id"], from_month="2023-09", evidence="协议", payee_id=guardian)
    d.call("name_payee", case_id=held, payee_id=heir, evidence="居委会指定监护人证明")
    assert (waiting(d, "payee_lost"), waiting(d, "payee_confirm")) == ([], [(held, "2023-08-24")])
    d.call("confirm_payee", "approver", case_id=held, payee_id=heir)
    d.settle()
    assert (case(d, held)["payee_id"], waiting(d, "payee_confirm")) == (heir, [])

    follow = str(d.call("prepare_follow_up_run", "cashier", run_id=run)["id"])
    d.settle()
    d.call("approve_payment_run", "approver", run_id=follow)
    d.settle()
    assert lines(d, follow) == [(held, heir, "paid", "")]
    # The registration still names who died: facts that change do not bring him back.
    d.call("change_person", person_id=case(d, held)["subject_id"], from_month="2023-09", evidence="查询结果", savings_fen=100)
    d.settle()
    assert case(d, held)["payee_id"] == heir


def test_a_death_that_was_none_leaves_everything_as_it_was(d: Desk) -> None:
    """The task is closed and the guardian is paid again."""
    numbers = Numbers()
    d.on("2023-07-03")
    guardian = single(d, numbers, "19750101")
    case_id = ward(d, numbers, guardian)
    d.on("2023-08-10")
    dies(d, guardian, "2023-08-09")
    assert waiting(d, "payee_lost") == [(case_id, "2023-08-24")]
    lives(d, guardian)
    assert waiting(d, "payee_lost") == []
    run = pay(d, SUPPORT, "2023-08")
    assert lines(d, run["run_id"]) == [(case_id, guardian, "paid", "")]


def test_a_death_of_the_beneficiary_himself_opens_no_task(d: Desk) -> None:
    """His case ends by his own death, whoever is paid."""
    numbers = Numbers()
    d.on("2023-07-03")
    who = single(d, numbers, "19450101", area="rural")
    d.call("record_finding", person_id=who, found_on="2023-07-02", lost_acts=[], able_supporter=False, able_to_work=False)
    case_id = grant(d, SUPPORT, person_id=who)
    dies(d, who, "2023-07-20")
    assert (case(d, case_id)["status"], waiting(d, "payee_lost"), bc.PayeeDied in happened(d, case_id)) == ("ended", [], False)


def test_the_lists_have_names_and_hands() -> None:
    """Of whoever takes in applications, and of whoever confirms."""
    said = [(words.said(name), lists.ACT_OF[name]) for name in ("payee_lost", "payee_confirm")]
    assert said == [("监护人（领款人）死亡，须重新指定领款人", "accept"), ("重新指定的领款人待确认", "confirm")]

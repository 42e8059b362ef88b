"""A case of 低保 through its whole life by RPC: three hands, every step, limit, objection, suspension, review and appeal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from services.assistance.programmes import MINIMUM_LIVING_ALLOWANCE
from shared.casework import benefit_case as bc
from shared.domain.errors import Refused
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.orders import Hand, Order
from tests.desk import Desk, desk

CODE = MINIMUM_LIVING_ALLOWANCE.code
NUMBERS = ("330225194801011219", "330225195203040024")
TOWN = "330225101"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for all: every test has a household of its own and goes on from the day on which the one before ended."""
    with desk(tmp_path_factory.mktemp("life"), "assistance", "eldercare") as made:
        yield made


def resident(n: int) -> str:
    """A valid resident number, another for every n."""
    body = f"33022519480101{n:03d}"
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    check = (12 - sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11) % 11
    return body + ("X" if check == 10 else str(check))


class Life:
    """One household and its case."""

    def __init__(self, house: Desk, n: int, income: int = 30000) -> None:
        self.house, self.n = house, n
        answer = house.call(
            "register_household",
            household_no=f"L{n}",
            division=TOWN,
            area="rural",
            members=[{"resident_id": resident(n), "name": "某人", "relation": "户主", "monthly_income_fen": income}],
        )
        self.household_id = answer["id"]
        self.person_id = house.services["assistance"].office.person_id(resident(n))
        self.case_id = bc.case_id(CODE, self.household_id)

    def act(self, method: str, role: str = "clerk", **body: Any) -> Any:
        return self.house.call(method, role, case_id=self.case_id, **body)

    def apply(self) -> None:
        self.house.call("apply", programme=CODE, household_id=self.household_id)

    @property
    def case(self) -> dict[str, Any]:
        found: dict[str, Any] = self.house.call("get_case", "auditor", case_id=self.case_id)
        return found

    @property
    def row(self) -> dict[str, Any]:
        self.house.settle()
        [row] = self.house.call("list_cases", "auditor", subject_id=self.household_id, programme=CODE)
        return dict(row)

    def stands(self) -> tuple[str, str, str | None]:
        row = self.row
        return row["status"], row["worklist"], row["due_on"]

    def names(self) -> list[str]:
        return [r.name.split(".", 1)[1] for r in self.history()]

    def history(self) -> list[Recorded]:
        made = self.house.services["assistance"]
        return list(made.office.history(made.benefits.cases.stream(self.case_id)))

    def surveyed(self) -> Life:
        """Until everything before the review is done."""
        self.apply()
        self.act("accept_application")
        self.act("record_authorisation", reference=f"授权{self.n}", signed_on=self.today())
        self.act("record_means_test", report_id=f"核对{self.n}", verdict="complete")
        self.act("record_survey", finding="情况属实")
        return self

    def proposed(self) -> Life:
        self.surveyed().act("propose", "reviewer")
        return self

    def confirm(self) -> Any:
        return self.act("confirm", "approver", reviewed=self.case["proposal"]["reviewed"])

    def in_force(self) -> Life:
        self.proposed()
        self.house.later(8)
        self.confirm()
        self.house.settle()
        assert self.case["status"] == "in_force"
        return self

    def today(self) -> str:
        return self.house.now.date().isoformat()

    def pay(self, month: str) -> int:
        """Pay what the case itself says is due for a month, as a run would."""
        made = self.house.services["assistance"]
        state = made.office.load(made.benefits.cases, self.case_id).state
        fen: int = state.payable(month)
        paid = bc.PayBenefit(self.case_id, month, f"run {month}", fen)
        order: Order[Any] = Order(paid, str(uuid.uuid4()), Hand.service("assistance"), self.house.now)
        made.office.handle(made.benefits.cases, self.case_id, order)
        return fen

    def earns(self, fen: int, since: str) -> None:
        self.house.call(
            "record_income", household_id=self.household_id, person_id=self.person_id, monthly_income_fen=fen, effective_from=since
        )

    def by(self, actor: str, method: str, role: str, **body: Any) -> Any:
        """An act by a hand of its own."""
        return self.house.call(method, role, actor=actor, case_id=self.case_id, **body)


def refused(code: str, call: Any, *args: Any, **body: Any) -> None:
    with pytest.raises(Refused) as found:
        call(*args, **body)
    assert found.value.code == code


def test_every_step_of_the_procedure_is_taken_in_its_order_by_three_hands(house: Desk) -> None:
    """Applied, papers asked for, accepted, authorised, checked, surveyed, publicised, objected to, confirmed, paid."""
    house.on("2023-07-03")
    life = Life(house, 1)
    life.apply()
    assert life.stands() == ("applied", "accept", "2023-07-10")
    refused("out_of_order", life.act, "record_survey", finding="属实")
    life.act("request_supplement", missing=["户口簿"], due_on="2023-07-20")
    assert life.stands() == ("applied", "supplement", "2023-07-20")
    refused("out_of_order", life.act, "accept_application")
    house.on("2023-07-06")
    life.act("answer_supplement")
    assert life.stands() == ("applied", "accept", "2023-07-13"), "three working days of waiting are added"
    life.act("accept_application")
    assert life.stands()[:2] == ("accepted", "authorise")
    refused("out_of_order", life.act, "record_means_test", report_id="r", verdict="complete")
    life.act("record_authorisation", reference="授权2023-1", signed_on="2023-07-06")
    assert "means_test_requested" in life.names(), "the check of means is asked for by itself"
    assert life.stands() == ("authorised", "means_test", "2023-08-17"), "thirty working days after acceptance"
    refused("invalid_input", life.act, "record_means_test", report_id="核对1", verdict="partial")
    life.act("record_means_test", report_id="核对1", verdict="partial", missing_sources=["不动产"])
    life.act("request_means_test", reason="不动产补查")
    life.act("record_means_test", report_id="核对2", verdict="complete")
    refused("out_of_order", life.act, "propose", "reviewer")
    life.act("record_survey", finding="情况属实")
    assert life.stands()[:2] == ("surveyed", "propose")
    refused("same_hand", life.by, "staff:clerk", "propose", "reviewer")
    life.act("propose", "reviewer")
    reviewed = life.case["proposal"]["reviewed"]
    life.act("raise_objection", reason="另有住房")
    assert life.stands()[:2] == ("publicised", "objection")
    house.on("2023-07-14")
    refused("out_of_order", life.act, "confirm", "approver", reviewed=reviewed)
    refused("same_hand", life.by, "staff:reviewer", "answer_objection", "approver", outcome="dismissed", reason="x")
    life.act("answer_objection", "approver", outcome="dismissed", reason="查无此事")
    refused("version_conflict", life.act, "confirm", "approver", reviewed="0" * 32)
    life.act("confirm", "approver", reviewed=reviewed)
    case = life.case
    assert (case["status"], case["first_month"], case["review_due"]) == ("in_force", "2023-08", date(2024, 7, 31))
    assert case["schedule"][0]["amount_fen"] > 0
    assert life.stands()[1] == "in_force"
    steps = {s["step"]: s for s in house.call("get_case_steps", "auditor", case_id=life.case_id)}
    assert (steps["household_surveyed"]["by"], steps["household_surveyed"]["told"]) == ("staff:clerk", {"finding": "情况属实"})
    assert {steps[s]["by"] for s in ("application_accepted", "case_proposed", "case_granted")} == {
        "staff:clerk",
        "staff:reviewer",
        "staff:approver",
    }
    house.on("2023-08-20")
    assert life.pay("2023-08") == case["schedule"][0]["amount_fen"]
    refused("already_paid", life.pay, "2023-08")


def test_an_upheld_objection_sends_the_case_back_to_the_reviewer(house: Desk) -> None:
    """What was publicised is void; the reviewer reviews again, and the hash is another day's."""
    house.on("2023-09-01")
    life = Life(house, 2).proposed()
    life.act("raise_objection", reason="人不在此居住")
    life.act("answer_objection", "approver", outcome="upheld", reason="须重新核实居住情况")
    assert life.stands()[:2] == ("surveyed", "propose")
    refused("out_of_order", life.act, "confirm", "approver", reviewed="0" * 32)
    life.act("propose", "reviewer")
    house.later(8)
    life.confirm()
    assert life.case["status"] == "in_force"


def test_an_application_ends_before_the_review_in_three_ways(house: Desk) -> None:
    """Not accepted with a notice to be told, withdrawn by the applicant, lapsed because nobody answered."""
    house.on("2023-09-18")
    life = Life(house, 3)
    life.apply()
    life.act("refuse_acceptance", reason="不属本辖区")
    assert life.stands() == ("not_accepted", "refusal_notice", "2023-09-21")
    life.act("tell_refusal", how="当面送达")
    assert life.stands() == ("not_accepted", "", None)
    life.apply()
    life.act("withdraw_application", reason="已就业")
    assert life.stands() == ("withdrawn", "", None)
    refused("out_of_order", life.act, "withdraw_application", reason="再撤")
    life.apply()
    life.act("request_supplement", missing=["收入证明"], due_on="2023-09-25")
    house.on("2023-09-26")
    assert life.stands() == ("lapsed", "", None)
    assert life.names()[-1] == "application_lapsed"


def test_a_refused_household_is_told_and_may_have_the_refusal_reviewed(house: Desk) -> None:
    """Refused by the rules, told within three working days; the appeal is answered by a hand that took no part, and reopens it."""
    house.on("2023-10-09")
    life = Life(house, 4, income=500000).surveyed()
    life.act("propose", "reviewer")
    life.confirm()
    assert life.stands() == ("refused", "refusal_notice", "2023-10-12")
    house.on("2023-10-13")
    assert life.stands() == ("refused", "refusal_notice", "2023-10-12")
    overdue = [r.event for r in life.history() if isinstance(r.event, bc.CaseStepOverdue)]
    assert [(e.step, e.due_on) for e in overdue] == [("refusal_notice", date(2023, 10, 12))]
    life.act("tell_refusal", how="邮寄送达")
    [decision] = life.case["decisions"]
    life.act("file_appeal", decision=decision["number"], reason="收入已减少")
    assert life.stands()[1] == "objection"
    refused("out_of_order", life.apply)
    refused("out_of_order", life.by, "staff:other", "answer_appeal", "approver", outcome="dismissed", reason="x")
    refused("same_hand", life.act, "assign_appeal", "approver", to="staff:reviewer")
    house.on("2023-11-13")
    assert life.stands()[1] == "objection_escalated", "nobody answered in twenty working days"
    life.act("assign_appeal", "approver", to="staff:other")
    house.settle()
    assert [r["case_id"] for r in house.call("list_cases", "auditor", responsible="staff:other")] == [life.case_id]
    refused("same_hand", life.act, "answer_appeal", "approver", outcome="upheld", reason="收入减少属实")
    life.earns(20000, "2023-10-01")
    life.by("staff:other", "answer_appeal", "approver", outcome="upheld", reason="收入减少属实")
    assert life.stands()[:2] == ("surveyed", "propose")
    life.act("propose", "reviewer")
    house.later(8)
    life.confirm()
    assert life.case["status"] == "in_force"


def test_a_suspended_case_pays_nothing_and_may_be_resumed_with_arrears(house: Desk) -> None:
    """暂停 and 恢复: by two hands; the suspended months go out with the next payment, or not at all."""
    house.on("2024-01-02")
    life = Life(house, 5).in_force()
    amount = life.case["schedule"][-1]["amount_fen"]
    house.on("2024-02-20")
    assert life.pay("2024-02") == amount
    refused("already_paid", life.act, "suspend_case", "reviewer", from_month="2024-02", reason="失联")
    life.act("suspend_case", "reviewer", from_month="2024-03", reason="失联")
    assert life.stands()[:2] == ("suspended", "suspended")
    house.on("2024-03-20")
    refused("out_of_order", life.pay, "2024-03")
    then = house.call("get_case", "auditor", case_id=life.case_id, valid_at="2024-03-15")["valid"]
    assert (then["status"], then["due_fen"]) == ("suspended", 0)
    house.on("2024-04-02")
    refused("same_hand", life.by, "staff:reviewer", "resume_case", "approver", from_month="2024-04", with_arrears=True, reason="x")
    life.act("resume_case", "approver", from_month="2024-04", with_arrears=True, reason="人已返回")
    house.on("2024-04-20")
    assert life.pay("2024-04") == 2 * amount
    life.act("suspend_case", "reviewer", from_month="2024-05", reason="失联")
    house.on("2024-06-03")
    life.act("resume_case", "approver", from_month="2024-06", with_arrears=False, reason="人已返回")
    house.on("2024-06-20")
    assert life.pay("2024-06") == amount
    then = house.call("get_case", "auditor", case_id=life.case_id, valid_at="2024-02-10")["valid"]
    assert (then["status"], then["due_fen"], then["accounted_fen"]) == ("in_force", amount, amount)


def test_a_review_opens_by_itself_and_is_answered_by_the_rules(house: Desk) -> None:
    """年度复审: opened thirty days before it is due, overdue once, answered with what the rules say; the next follows."""
    house.on("2024-07-01")
    life = Life(house, 6).in_force()
    due = life.case["review_due"]
    assert due == date(2025, 7, 31)
    house.on("2025-07-01")
    assert life.stands() == ("in_force", "review", "2025-07-31")
    house.on("2025-08-01")
    assert life.stands() == ("in_force", "review", "2025-07-31")
    assert [r.event.step for r in life.history() if isinstance(r.event, bc.CaseStepOverdue)] == ["review"]
    late = house.call("list_cases", "auditor", worklist="review", due_before="2025-08-01")
    assert life.case_id in {row["case_id"] for row in late}
    assert life.case_id not in {row["case_id"] for row in house.call("list_cases", "auditor", worklist="review", due_before="2025-07-31")}
    life.act("answer_review", "reviewer", finding="情况无变化", command_id="review 6")
    assert life.act("answer_review", "reviewer", finding="情况无变化", command_id="review 6")["repeated"]
    [answered] = [r.event for r in life.history() if isinstance(r.event, bc.ReviewAnswered)]
    assert (answered.outcome, answered.next_due) == ("continue", date(2026, 8, 31))
    assert life.stands()[:2] == ("in_force", "in_force")
    life.act("open_review", "reviewer")
    refused("same_hand", life.act, "answer_review", "reviewer", finding="收入上升")
    life.earns(900000, "2025-07-05")
    life.by("staff:second", "answer_review", "reviewer", finding="收入上升")
    assert life.case["status"] == "ended"
    assert [r.event.outcome for r in life.history() if isinstance(r.event, bc.ReviewAnswered)] == ["continue", "terminate"]
    assert life.stands() == ("ended", "", None)


def test_an_upheld_appeal_against_an_end_brings_the_case_back_with_its_arrears(house: Desk) -> None:
    """The income that ended it was wrong: the rules decide the months again, and what was not paid meanwhile is owed to the fen."""
    house.on("2025-09-01")
    life = Life(house, 7).in_force()
    amount = life.case["schedule"][-1]["amount_fen"]
    house.on("2025-10-20")
    assert life.pay("2025-10") == amount
    life.earns(900000, "2025-10-02")
    assert life.stands()[0] == "ended"
    life.earns(30000, "2025-10-02")
    assert life.stands()[0] == "ended", "a fact alone does not revive it"
    ended = [d for d in life.case["decisions"] if d["kind"] == "ended"][-1]
    house.on("2026-01-05")
    refused("out_of_order", life.act, "file_appeal", decision=ended["number"], reason="收入登记有误")
    house.on("2025-12-10")
    life.act("file_appeal", decision=ended["number"], reason="收入登记有误")
    life.act("assign_appeal", "approver", to="staff:other")
    house.on("2026-01-05")
    life.by("staff:other", "answer_appeal", "approver", outcome="upheld", reason="收入登记有误")
    case = life.case
    assert (case["status"], case["arrears_fen"]) == ("in_force", 2 * amount), "November and December"
    house.on("2026-01-20")
    assert life.pay("2026-01") == 3 * amount


def test_the_doors_of_a_case_are_the_same_in_elder_care(house: Desk) -> None:
    """高龄津贴, granted without application: suspended, resumed with its arrears, appealed against."""
    house.on("2026-02-02")
    person_id = house.call("enrol_elder", service="eldercare", resident_id=resident(900), name="某老人", division=TOWN)["id"]
    house.on("2028-02-03").settle()
    [row] = house.call("list_cases", "auditor", service="eldercare", subject_id=person_id)
    case_id, amount = row["case_id"], row["amount_fen"]
    assert (row["status"], row["worklist"], amount > 0) == ("in_force", "in_force", True)

    def act(method: str, role: str, **body: Any) -> Any:
        return house.call(method, role, service="eldercare", case_id=case_id, **body)

    act("suspend_case", "reviewer", from_month="2028-02", reason="失联")
    house.on("2028-04-03")
    act("resume_case", "approver", from_month="2028-04", with_arrears=True, reason="人已返回")
    case = act("get_case", "auditor", valid_at="2028-04-03")
    assert (case["status"], case["arrears_fen"], case["valid"]["due_fen"]) == ("in_force", 2 * amount, amount)
    act("file_appeal", "clerk", decision=case["decisions"][-1]["number"], reason="暂停无据")
    act("withdraw_appeal", "clerk")
    house.settle()
    assert house.call("list_cases", "auditor", service="eldercare", subject_id=person_id)[0]["worklist"] == "in_force"


def test_what_waits_is_listed_by_programme_and_town(house: Desk) -> None:
    """Every open case stands in one list, and nothing else does."""
    house.settle()
    rows = house.call("list_cases", "auditor", limit=500)
    months = {"payment_month_owed", "payment_month_overdue"}  # no case of its own
    lists = [x for x in house.call("list_worklists", "auditor") if x["programme"] == CODE and x["worklist"] not in months]
    assert sum(x["waiting"] for x in lists) == sum(bool(r["worklist"]) for r in rows if r["programme"] == CODE) > 0
    assert {x["town"] for x in lists} == {TOWN}
    after = {"", "objection", "objection_escalated", "refusal_notice"}  # what may be left to do when the case itself is over
    assert all(r["worklist"] in after if r["status"] in bc.OVER else r["worklist"] for r in rows)


def test_a_repeated_order_changes_nothing_and_a_wrong_one_is_told_what_is_wrong(house: Desk) -> None:
    """The same command id twice is one command; what is missing, unknown or elsewhere is refused with its field."""
    house.on("2026-03-02")
    life = Life(house, 8)
    first = house.call("apply", programme=CODE, household_id=life.household_id, command_id="one")
    again = house.call("apply", programme=CODE, household_id=life.household_id, command_id="one")
    assert (first["version"], again["version"], again["repeated"]) == (0, 0, True)
    refused("command_id_reused", house.call, "apply", programme=CODE, household_id=life.household_id, payee_id="x", command_id="one")
    refused("already_exists", life.apply)
    refused("unknown_programme", house.call, "apply", programme="nothing", household_id=life.household_id)
    refused("wrong_division", life.act, "accept_application", at="330226")
    refused("forbidden", life.act, "accept_application", "reviewer")
    refused("invalid_input", life.act, "request_supplement", missing=[], due_on="2026-03-10")
    refused("invalid_input", life.act, "request_supplement", missing=["户口簿"], due_on="2026-03-01")
    refused("invalid_input", life.act, "refuse_acceptance", reason="  ")
    refused("invalid_input", life.act, "accept_application", amount_fen=100)
    refused("out_of_order", house.call, "suspend_case", "reviewer", case_id=life.case_id, from_month="2026-04", reason="x")
    refused("out_of_order", house.call, "file_appeal", case_id=life.case_id, decision=1, reason="x")
    refused("not_found", house.call, "propose", "reviewer", case_id=bc.case_id(CODE, "nobody"))
    assert life.names() == ["application_filed"]

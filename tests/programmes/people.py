"""Households and persons for the tests of the programmes: registered and taken through the procedure by three hands, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.assistance import household, person
from services.assistance.benefits import CASES
from services.assistance.programmes import PROGRAMMES
from services.eldercare.benefits import CASES as ELDER_CASES
from shared.casework import benefit_case as bc
from tests.desk import Desk
from tests.e2e.conftest import resident_id

TOWN = "330225101"


@dataclass(frozen=True)
class Home:
    """A household of the register with its members' ids, the head first."""

    household_id: str
    members: tuple[str, ...]


class Numbers:
    """Serial numbers, so that nobody in a module has another's resident ID."""

    def __init__(self) -> None:
        self.next = 0

    def resident(self, born: str) -> str:
        self.next += 1
        return resident_id(born, self.next % 1000)


def home(d: Desk, numbers: Numbers, *members: dict[str, Any], area: str = "rural", town: str = TOWN, **more: Any) -> Home:
    """A household; each member as the form has him, with ``born`` in place of the resident ID."""
    forms = []
    for n, m in enumerate(members):
        given = {k: v for k, v in m.items() if k != "born"}
        number = numbers.resident(m.get("born", "19800101"))
        forms.append({"resident_id": number, "name": f"成员{numbers.next}", "relation": "户主" if n == 0 else "成员", **given})
    answer = d.call("register_household", household_no=f"P{numbers.next}", division=town, area=area, members=forms, **more)
    state = d.services["assistance"].office.load(household.DECIDER, answer["id"]).state
    return Home(answer["id"], tuple(state.members))


def single(d: Desk, numbers: Numbers, born: str = "19500101", town: str = TOWN, **more: Any) -> str:
    """A person whom no household of the register counts."""
    number = numbers.resident(born)
    return str(d.call("register_person", resident_id=number, name=f"人员{numbers.next}", division=town, **more)["id"])


def apply(d: Desk, programme: str, **who: str) -> str:
    """Application, acceptance, means test and survey by the clerk; the case's id."""
    case_id = str(d.call("apply", programme=programme, **who)["id"])
    d.call("accept_application", case_id=case_id)
    check_means(d, case_id)
    if PROGRAMMES[programme].survey:
        d.call("record_survey", case_id=case_id, finding="情况属实")
    return case_id


def check_means(d: Desk, case_id: str) -> None:
    """Authorisation and means test where the case owes them, taken down from paper; how a check itself goes is in test_means_test."""
    if _next(d, case_id) == "authorised":
        d.call("record_authorisation", case_id=case_id, reference="授权书", signed_on=d.now.date().isoformat())
    if _next(d, case_id) == "means_tested":
        d.call("record_means_test", case_id=case_id, report_id=f"核对报告{case_id[:8]}", verdict="complete")


def _next(d: Desk, case_id: str) -> str:
    return bc.next_step(d.services["assistance"].office.load(CASES, case_id).state)


def decide(d: Desk, case_id: str) -> dict[str, Any]:
    """Review and confirmation by two more hands, after the publicity; how the case stands then."""
    d.call("propose", "reviewer", case_id=case_id)
    shown = d.call("get_case", "auditor", case_id=case_id)
    if shown["proposal"]["publicised_until"]:
        d.later(8)
    d.call("confirm", "approver", case_id=case_id, reviewed=shown["proposal"]["reviewed"])
    d.settle()
    return case(d, case_id)


def grant(d: Desk, programme: str, **who: str) -> str:
    """The whole procedure; the case in force."""
    case_id = apply(d, programme, **who)
    stands = decide(d, case_id)
    assert stands["status"] == "in_force", stands["last_assessment"]["reason"]
    return case_id


def case(d: Desk, case_id: str) -> dict[str, Any]:
    found: dict[str, Any] = d.call("get_case", "auditor", case_id=case_id)
    return found


def due(d: Desk, case_id: str, month: str) -> int:
    """Fen due for a month."""
    return int(d.services["assistance"].office.load(CASES, case_id).state.due(month))


def pay(d: Desk, programme: str, month: str, town: str = TOWN) -> dict[str, Any]:
    """A month's run of one town from the list to the close; how the run stands then."""
    run = d.call("prepare_payment_run", "cashier", programme=programme, month=month, division=town)["id"]
    d.settle()
    d.call("approve_payment_run", "approver", run_id=run)
    d.settle()
    found: dict[str, Any] = d.call("get_payment_run", "auditor", run_id=run)
    return found


def happened(d: Desk, service: str, case_id: str, kind: type) -> list[Any]:
    """The events of a kind in a case, oldest first."""
    decider = ELDER_CASES if service == "eldercare" else CASES
    return [r.event for r in d.services[service].office.history(decider.stream(case_id)) if isinstance(r.event, kind)]


def case_of(programme: str, subject_id: str) -> str:
    return bc.case_id(programme, subject_id)


def knows(d: Desk, person_id: str) -> person.Person:
    state: person.Person = d.services["assistance"].office.load(person.DECIDER, person_id).state
    return state

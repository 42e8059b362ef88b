"""Assistance's benefit business: the shared shapes with this service's facts and rules put in."""

from __future__ import annotations

from typing import Any

from services.assistance import household, standards
from services.assistance.programmes import PROGRAMMES
from services.assistance.rules import engine
from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefits import Asked, Benefits, Found, Office, SubjectGone
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Answer, Order
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.profile import load_profile
from shared.rules.published import numbers_in

CASES = benefit_case.decider("assistance")
RUNS = payment_run.decider("assistance")
RECOVERIES = recovery.decider("assistance")


def book(office: Office, profile: str) -> standards.Book:
    """What the district has published: the log is asked at every decision, so that every process decides by it at once."""
    state: standards.Book = office.load(standards.DECIDER, load_profile(profile).division_code).state
    return state


def rules_now(office: Office, profile: str) -> RulesEngine:
    """The district's rules with everything published so far."""
    return engine(profile, standards.in_the_rules(book(office, profile)))


def rules_of(office: Office, profile: str, parameters_version: str) -> RulesEngine:
    """The rules with exactly the publications that an assessment's ``parameters_version`` names: for rechecking an old decision."""
    return engine(profile, standards.in_the_rules(book(office, profile), numbers_in(parameters_version)))


class AssistanceBenefits(Benefits):
    """Looks ahead to what is published for later months, so that a case decided meanwhile does not miss it."""

    profile: str

    def reassess(self, case_id: str, effective_month: str, cause: str, order: Order[Any], until: str = "") -> Answer | None:
        ahead = standards.last_month(book(self.office, self.profile))
        return super().reassess(case_id, effective_month, cause, order, max(until, ahead))


def business(office: Office, profile: str) -> AssistanceBenefits:
    """Benefits of this service in one office, by one district's rules."""

    def assess(asked: Asked) -> Found:
        loaded = office.load(household.DECIDER, asked.subject_id)
        if not loaded.state.exists:
            raise Refused("not_found", "没有此家庭。", "subject_id")
        facts = household.facts_in(loaded.state, asked.month, asked.current_amount_fen, asked.gradual_exit_since)
        if not facts.members:
            raise SubjectGone("家庭成员均已死亡或迁出", "最低生活保障审核确认办法（民发〔2021〕57号）动态管理：家庭不再存在的，终止救助")
        try:
            assessment = rules_now(office, profile).assess(asked.programme, facts, asked.month)
        except RulesError as error:
            raise invalid(str(error), "facts") from error
        return Found(assessment, loaded.version, household.payee_in(loaded.state, facts))

    made = AssistanceBenefits("assistance", office, PROGRAMMES, assess, CASES, RUNS, RECOVERIES)
    made.profile = profile
    return made

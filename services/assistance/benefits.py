"""Assistance's benefit business: the shared shapes with this service's facts and rules put in."""

from __future__ import annotations

from services.assistance import household
from services.assistance.programmes import PROGRAMMES
from services.assistance.rules import engine
from shared.casework import benefit_case, payment_run, recovery
from shared.casework.benefits import Asked, Benefits, Found, Office, SubjectGone
from shared.domain.errors import Refused, invalid
from shared.rules.errors import RulesError

CASES = benefit_case.decider("assistance")
RUNS = payment_run.decider("assistance")
RECOVERIES = recovery.decider("assistance")


def business(office: Office, profile: str) -> Benefits:
    """Benefits of this service in one office, by one district's rules."""
    rules = engine(profile)

    def assess(asked: Asked) -> Found:
        loaded = office.load(household.DECIDER, asked.subject_id)
        if not loaded.state.exists:
            raise Refused("not_found", "没有此家庭。", "subject_id")
        facts = household.facts_in(loaded.state, asked.month, asked.current_amount_fen, asked.gradual_exit_since)
        if not facts.members:
            raise SubjectGone("家庭成员均已死亡或迁出", "最低生活保障审核确认办法（民发〔2021〕57号）动态管理：家庭不再存在的，终止救助")
        try:
            assessment = rules.assess(asked.programme, facts, asked.month)
        except RulesError as error:
            raise invalid(str(error), "facts") from error
        return Found(assessment, loaded.version, household.payee_in(loaded.state, facts))

    return Benefits("assistance", office, PROGRAMMES, assess, CASES, RUNS, RECOVERIES)

"""Elder care's benefit business: the shared shapes with this service's facts and rules put in."""

from __future__ import annotations

from typing import Any

from services.eldercare import elder
from services.eldercare.programmes import HARDSHIP_AGED_DISABLED_SUBSIDY, PROGRAMMES
from services.eldercare.rules import engine
from shared.casework import benefit_case, disclosure, payee_account, payment_calendar, payment_part, payment_run, recovery
from shared.casework.benefits import Asked, Benefits, Found, Office, SubjectGone
from shared.domain.errors import invalid
from shared.rules.errors import RulesError

CASES = benefit_case.decider("eldercare")
RUNS = payment_run.decider("eldercare")
PARTS = payment_part.decider("eldercare")
CALENDARS = payment_calendar.decider("eldercare")
ACCOUNTS = payee_account.decider("eldercare")
RECOVERIES = recovery.decider("eldercare")
DISCLOSURES = disclosure.decider("eldercare")

DECEASED = "经济困难高龄失能老人补贴：领取人死亡的，终止发放"
GIVEN_UP = "不得重复享受的待遇由本人择高选择一项（国发〔2015〕52号）"


def whom(office: Office, case: benefit_case.Case) -> disclosure.Who | None:
    """Whom a case is about: the elder, while he lives."""
    state: elder.Elder = office.load(elder.DECIDER, case.subject_id).state
    if not state.person_id or state.died_on is not None:
        return None
    return disclosure.Who(state.person_id, state.name, state.born_on)


def turns(programme: str) -> bool:
    """Whether an age decides in a programme, so that the calendar alone may change its cases."""
    return engine().has_ages(programme)


def business(office: Office, profile: str) -> Benefits:
    """Benefits of this service in one office, by one district's rules."""
    rules = engine(profile)

    def assess(asked: Asked) -> Found:
        loaded = office.load(elder.DECIDER, asked.subject_id)
        state: elder.Elder = loaded.state
        if elder.gave_up(state, asked.programme, asked.month):
            raise SubjectGone("本人已选择领取另一项待遇", GIVEN_UP)
        facts: Any = elder.facts(state, asked.current_amount_fen)
        if asked.programme == HARDSHIP_AGED_DISABLED_SUBSIDY.code:
            if state.died_on is not None and asked.month >= rules.stop_month(asked.programme, state.died_on):
                raise SubjectGone("领取人死亡", DECEASED)
            facts = elder.hard_elder_facts(state, asked.month, asked.current_amount_fen)
        try:
            assessment = rules.assess(asked.programme, facts, asked.month)
        except RulesError as error:
            raise invalid(str(error), "facts") from error
        return Found(assessment, loaded.version, next_turn=rules.next_look(asked.programme, facts, asked.month))

    return Benefits("eldercare", office, PROGRAMMES, assess, CASES, RUNS, RECOVERIES)

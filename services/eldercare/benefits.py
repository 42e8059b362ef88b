"""Elder care's benefit business: the shared shapes with this service's facts and rules put in."""

from __future__ import annotations

from services.eldercare import elder
from services.eldercare.programmes import PROGRAMMES
from services.eldercare.rules import engine
from shared.casework import benefit_case, payee_account, payment_part, payment_run, recovery
from shared.casework.benefits import Asked, Benefits, Found, Office
from shared.domain.errors import invalid
from shared.rules.errors import RulesError

CASES = benefit_case.decider("eldercare")
RUNS = payment_run.decider("eldercare")
PARTS = payment_part.decider("eldercare")
ACCOUNTS = payee_account.decider("eldercare")
RECOVERIES = recovery.decider("eldercare")


def business(office: Office, profile: str) -> Benefits:
    """Benefits of this service in one office, by one district's rules."""
    rules = engine(profile)

    def assess(asked: Asked) -> Found:
        loaded = office.load(elder.DECIDER, asked.subject_id)
        try:
            assessment = rules.assess(asked.programme, elder.facts(loaded.state, asked.current_amount_fen), asked.month)
        except RulesError as error:
            raise invalid(str(error), "facts") from error
        return Found(assessment, loaded.version)

    return Benefits("eldercare", office, PROGRAMMES, assess, CASES, RUNS, RECOVERIES)

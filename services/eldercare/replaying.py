"""How this service's decisions are made again (决定重算). See ``shared/eventlog/integrity/replay.py``."""

from __future__ import annotations

from services.eldercare import elder
from services.eldercare.rules import engine
from shared.casework.asking import Given
from shared.casework.benefits import Office
from shared.domain import dates
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine


def engine_of(_office: Office, parameters_version: str) -> RulesEngine:
    """The rules of the district that ``parameters_version`` names, with the figures of this release's files."""
    return engine(parameters_version.partition("@")[0])


def derived(_recorded: Assessment, _again: Assessment) -> bool:
    """Nothing: what is recorded is what the rules say."""
    return False


def figures(_assessment: Assessment) -> tuple[str, ...]:
    """Nowhere in the log: elder care's figures are those of the files."""
    return ()


# What an order said that its events do not carry under the same name (shared/eventlog/integrity/orders.py).
GIVEN: dict[type, Given] = {
    # A milder grade counts from the month after the one that was told.
    elder.NoteElderAbility: lambda _s, e, _o: ({"month": e[0].month}, {"month": dates.add_months(e[0].month, -1)}),
}

"""How this service's decisions are made again (决定重算): with the figures an assessment names, published standards included.

``shared/eventlog/integrity/replay.py`` looks for this room in every service whose rules decide anything.
"""

from __future__ import annotations

from services.assistance import standards
from services.assistance.benefits import district, rules_of
from services.assistance.temporary import is_part_of
from shared.casework.benefits import Office
from shared.rules.assessment import Assessment
from shared.rules.engine import RulesEngine
from shared.rules.published import numbers_in


def engine_of(office: Office, parameters_version: str) -> RulesEngine:
    """The rules as ``parameters_version`` names them: the district's files of this release, and exactly those publications."""
    return rules_of(office, parameters_version.partition("@")[0], parameters_version)


def derived(recorded: Assessment, again: Assessment) -> bool:
    """临时救助 is paid in instalments: each part's assessment is the whole one with the part as its last line."""
    return is_part_of(recorded, again)


def figures(assessment: Assessment) -> tuple[str, ...]:
    """Where the figures of an assessment were published: the district's book of standards, if anything of it was in the rules."""
    if not numbers_in(assessment.parameters_version):
        return ()
    return (standards.DECIDER.stream(district(assessment.parameters_version.partition("@")[0])),)

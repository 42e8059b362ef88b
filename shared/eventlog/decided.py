"""How many decisions stand in a service's read model, by programme and version of the rules (决定计数)."""

from __future__ import annotations

import sqlalchemy as sa

from shared.config import Settings
from shared.eventlog.stores import engine_for

Decided = dict[str, dict[str, int]]


def decisions_by_version(settings: Settings, service: str) -> Decided | None:
    """Programme → version of the rules → decisions; None when there is no such read model here, or it can not be read."""
    if not settings.database_url and not (settings.var / f"{service}.db").is_file():
        return None  # asking would create the file
    engine = engine_for(settings, service)
    decisions = sa.table("benefit_decisions", sa.column("case_id"), sa.column("rules_version"))
    cases = sa.table("benefit_cases", sa.column("case_id"), sa.column("programme"))
    counted = (
        sa.select(cases.c.programme, decisions.c.rules_version, sa.func.count())
        .join_from(decisions, cases, decisions.c.case_id == cases.c.case_id)
        .group_by(cases.c.programme, decisions.c.rules_version)
    )
    found: Decided = {}
    try:
        with engine.connect() as connection:
            for programme, version, count in connection.execute(counted):
                found.setdefault(programme, {})[version] = count
    except sa.exc.SQLAlchemyError:
        return None
    finally:
        engine.dispose()
    return found

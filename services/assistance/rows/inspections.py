"""How far an inspection has come, by town (检查覆盖情况): its objects, those checked, the problems that are open.

No table of its own: the folded state of the campaign, and the cases by which its objects (cases, or persons in support) are known to a
town.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from services.assistance.programmes import EXTREME_HARDSHIP_SUPPORT
from shared.casework.inspection import Campaign

_IN = 500


def coverage(engine: sa.Engine, cases: sa.Table, state: Campaign) -> dict[str, Any]:
    """Percent of the objects that were checked, and problems not accepted as put right: of the whole and of each town. An object that no
    case of ours says the town of (an institution) counts where the campaign is."""
    towns: dict[str, dict[str, Any]] = {}
    where = _towns(engine, cases, state.objects)

    def town_of(object_id: str) -> dict[str, Any]:
        code = where.get(object_id, state.division)[:9]
        return towns.setdefault(code, {"town": code, "objects": 0, "checked": 0, "open_findings": 0, "to_verify": 0})

    for object_id, result in state.objects.items():
        town_of(object_id)["objects"] += 1
        town_of(object_id)["checked"] += bool(result)
    for finding in state.findings.values():
        town_of(finding.object_id)["open_findings"] += 1
        town_of(finding.object_id)["to_verify"] += bool(finding.rectified_by)
    rows = [{**t, "percent": _percent(t["checked"], t["objects"])} for _, t in sorted(towns.items())]
    total = {name: sum(t[name] for t in towns.values()) for name in ("objects", "checked", "open_findings", "to_verify")}
    return {**total, "percent": _percent(total["checked"], total["objects"]), "towns": rows}


def _towns(engine: sa.Engine, cases: sa.Table, objects: Iterable[str]) -> dict[str, str]:
    """Object → the town of its case: of the case itself, or of the support that a person is in."""
    c, wanted, found = cases.c, sorted(objects), dict[str, str]()
    with engine.connect() as connection:
        for n in range(0, len(wanted), _IN):
            some = wanted[n : n + _IN]
            of_person = sa.select(c.subject_id, c.division).where(c.programme == EXTREME_HARDSHIP_SUPPORT.code, c.subject_id.in_(some))
            for query in (of_person, sa.select(c.case_id, c.division).where(c.case_id.in_(some))):
                found.update({str(row[0]): str(row[1]) for row in connection.execute(query)})
    return found


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None

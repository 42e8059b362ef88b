"""How the registry's orders are decided again (决定重算): see ``shared/eventlog/integrity/orders.py``."""

from __future__ import annotations

from services.registry import after_death
from shared.casework.asking import Given

GIVEN: dict[type, Given] = {
    after_death.RecordStep: lambda s, e, _o: (
        {
            "round": s.round,
            "outcome": "done" if isinstance(e[0], after_death.StepDone) else "skipped",
            "note": e[0].detail if isinstance(e[0], after_death.StepDone) else e[0].reason,
        },
    ),
}

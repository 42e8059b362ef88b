"""How the registry's orders are decided again (决定重算): see ``shared/eventlog/integrity/orders.py``."""

from __future__ import annotations

from services.registry import after_death, death, erasure
from shared.casework.asking import Given

GIVEN: dict[type, Given] = {
    # A report that confirms does not say the day again.
    death.RegisterDeath: lambda s, e, _o: ({"died_on": getattr(e[0], "reported_died_on", getattr(e[0], "died_on", s.died_on))},),
    erasure.ProposeErasure: lambda _s, _e, _o: ({"draws_nothing": True},),  # nothing else is taken
    after_death.RecordStep: lambda s, e, _o: (
        {
            "round": s.round,
            "outcome": "done" if isinstance(e[0], after_death.StepDone) else "skipped",
            "note": e[0].detail if isinstance(e[0], after_death.StepDone) else e[0].reason,
        },
    ),
}

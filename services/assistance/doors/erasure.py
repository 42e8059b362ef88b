"""Before a person is erased: what of him is open in assistance beside cases and declared records (删除个人信息前的核实)."""

from __future__ import annotations

from services.assistance import household, placement, temporary
from services.assistance.doors import care_checks
from shared.domain import dates
from shared.messaging.erasure_doors import ErasureDoors


class OpenMatters(ErasureDoors):
    """社会救助: the household that counts him draws for him too, and temporary assistance has matters of its own."""

    def subjects_of(self, person_id: str) -> tuple[str, ...]:
        """Himself, and his household while it counts him."""
        home = self.office.load(placement.DECIDER, person_id).state.household_id
        if not home:
            return (person_id,)
        state: household.Household = self.office.load(household.DECIDER, home).state
        counted = person_id not in state.died and household.lives_in(state, person_id, dates.month_of(self.office.clock.now().date()))
        return (person_id, home) if counted else (person_id,)

    def files_about(self, person_id: str) -> tuple[str, ...]:
        """Himself, and every household that ever counted him."""
        places: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        return (person_id, *places.households)

    def open_beside(self, person_id: str) -> int:
        """Matters of temporary assistance not done with, and institutions in which he is, or asks to be, entrusted."""
        matters: list[temporary.Matter] = []
        for subject in self.subjects_of(person_id):
            state: temporary.Temporary = self.office.load(temporary.DECIDER, subject).state
            matters += state.matters.values()
        return sum(m.status not in temporary.OVER for m in matters) + len(care_checks.entrusted_to(self.office, person_id))

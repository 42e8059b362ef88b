"""Referral doors (专项救助转介): referrals follow a determination by themselves; what a visit finds goes out by ``send_handoff``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.assistance import determination, placement
from services.assistance.benefits import CASES
from services.assistance.programmes import PROGRAMMES
from services.assistance.referrals import call_back, refer
from shared.casework import benefit_case
from shared.eventsourcing.orders import Notice
from shared.messaging.benefit_doors import BenefitService
from shared.messaging.doors import OWN, reaction


@dataclass(frozen=True)
class UnitDetermined:
    """Our own ``assistance.class_granted``, ``class_changed`` and ``class_ended``."""

    unit_id: str
    valid_from: str


@dataclass(frozen=True)
class Joined:
    """Our own ``assistance.household_changed``."""

    household_id: str
    effective_month: str


class ReferralDoors(BenefitService):
    """专项救助转介."""

    @reaction(OWN, "class_granted", reads=UnitDetermined)
    def on_referral_begun(self, notice: Notice[UnitDetermined]) -> None:
        """Who came into the register is referred by what he needs."""
        refer(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))

    @reaction(OWN, "class_changed", reads=UnitDetermined)
    def on_referral_changed(self, notice: Notice[UnitDetermined]) -> None:
        """Another ground may cover others: who is new is referred, of whoever is covered no more it is called back; the rest stays."""
        refer(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))
        call_back(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None))

    @reaction(OWN, "class_ended", reads=UnitDetermined)
    def on_referral_over(self, notice: Notice[UnitDetermined]) -> None:
        """The departments are told: what they have not begun is taken back."""
        call_back(self.office, notice.facts.unit_id, notice.facts.valid_from, notice.order(None), over=True)

    @reaction(OWN, "household_changed", reads=Joined)
    def on_referral_joined(self, notice: Notice[Joined]) -> None:
        """Who was born into a determined household, or moved in, comes into the register with it."""
        refer(self.office, notice.facts.household_id, notice.facts.effective_month, notice.order(None))

    def covered_otherwise(self, programme: str, subject_id: str, month: str, notice: Notice[Any]) -> None:
        """A case began or ended in a unit whose class is another case's, so that no class changed: others may be covered all the same."""
        if programme not in determination.CLASSES:
            return
        case_id = benefit_case.case_id(programme, subject_id)
        places = placement.Placement()
        if PROGRAMMES[programme].subject == "person":
            places = self.office.load(placement.DECIDER, subject_id).state
        for unit_id in places.households or (subject_id,):
            unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
            if unit.current is None or not unit.current.hardship_class or unit.current.case_id == case_id:
                continue  # of that the class itself speaks
            if self.office.load(CASES, case_id).state.running:
                refer(self.office, unit_id, month, notice.order(None))
            else:
                call_back(self.office, unit_id, month, notice.order(None))

"""Doors of overlap (重复救助核对): a hand-off for a disaster is told to temporary assistance and held against civil-affairs aid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from services.assistance import aid_overlap, household, placement, temporary
from services.assistance.benefits import CASES, cases_of_household, cases_of_person
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.handoffs import OVERLAPS
from services.assistance.doors.temporary import TemporaryDoors
from services.assistance.programmes import TEMPORARY_ASSISTANCE
from shared.casework import benefit_case, handoff
from shared.domain import dates
from shared.domain.errors import out_of_order
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.answering import answers, kept
from shared.messaging.doors import OWN, command, query, reaction
from shared.messaging.showing import shown


@dataclass(frozen=True)
class HandedOver:
    """Our own ``assistance.handoff_sent``, ``handoff_done`` and ``handoff_withdrawn``."""

    number: str


@dataclass(frozen=True)
class Handed:
    """How a hand-off stands, of whom, and the day on which it first went out."""

    record_id: str
    state: handoff.Handoff
    subject_id: str
    status: str
    on: date


class OverlapDoors(TemporaryDoors):
    """重复救助核对."""

    @reaction(OWN, "handoff_sent", reads=HandedOver)
    def on_aid_asked_elsewhere(self, notice: Notice[HandedOver]) -> None:
        """A household was handed over: its matters learn of it, and it is compared with what the house gives."""
        self._elsewhere(notice)

    @reaction(OWN, "handoff_done", reads=HandedOver)
    def on_aid_answered_elsewhere(self, notice: Notice[HandedOver]) -> None:
        """The other department aided, or declined."""
        self._elsewhere(notice)

    @reaction(OWN, "handoff_withdrawn", reads=HandedOver)
    def on_aid_withdrawn_elsewhere(self, notice: Notice[HandedOver]) -> None:
        """Nothing comes of it."""
        self._elsewhere(notice)

    def _elsewhere(self, notice: Notice[HandedOver]) -> None:
        handed = self._handed(handoff.record_of(notice.facts.number))
        if handed is None:
            return
        watched = OVERLAPS[handed.state.programme]
        subjects = (handed.subject_id, *(other for other, _ in self._beside(handed.subject_id)))
        for subject_id in dict.fromkeys(subjects):
            note = aid_overlap.NoteAidElsewhere(
                subject_id, handed.state.home, handed.record_id, handed.state.number, handed.state.to_unit, handed.status, handed.on,
                watched.months,
            )  # fmt: skip
            self.office.handle(temporary.DECIDER, subject_id, notice.order(note, f"elsewhere {subject_id}"))
        self._compare(handed, notice.order(None, "compare"))

    def acknowledged_after_overlap(self, record_id: str, order: Order[Any]) -> None:
        """结果签收 of aid that was given: compared, and what lies near it considered, before the matter is closed."""
        handed = self._handed(record_id)
        if handed is None or handed.status != "aided":
            return
        # By an id of its own: an acknowledgement that was refused is sent again with other words.
        compare = order.by(self.benefits.hand()).to(None, f"compare {record_id}")
        self._compare(handed, replace(compare, asked=record_id, expected_version=None))
        if self._overlap(record_id).status == "to_consider":
            raise out_of_order("与本局的救助可能重复，须先作出重复救助核对结论，再签收结果。")

    @command(aid_overlap.ConsiderAidOverlap)
    def consider_aid_overlap(self, order: Order[aid_overlap.ConsiderAidOverlap]) -> Any:
        """移交救助核对：与本局救助是否属同一事由，须说明理由；结论作出前不能签收移交结果。"""
        return self.office.handle(aid_overlap.DECIDER, order.command.handoff_id, order)

    @command(aid_overlap.AnswerTemporaryOverlap)
    def answer_temporary_overlap(self, order: Order[aid_overlap.AnswerTemporaryOverlap]) -> Any:
        """重复救助核对：该户已移交其他部门救助，是否属同一事由，须说明理由（与经办不得为同一人）；结论作出前不能审核、审批。"""
        return self.office.handle(temporary.DECIDER, order.command.subject_id, order)

    @query(permission="assistance:read")
    @answers(kept(aid_overlap.Overlap))
    def get_aid_overlap(self, hand: Hand, handoff_id: str, as_of: datetime | None = None) -> Any:
        """一次移交与本局救助的比对：比对了什么、是否须核对、结论。"""
        return shown(self.office, aid_overlap.DECIDER, handoff_id, hand, as_of)

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """A comparison until it is considered."""
        if category != "aid_overlap":
            return super().stands_of(category, state, item)
        worklist, due_on = aid_overlap.waits(state)
        return {"worklist": worklist, "due_on": due_on}

    # -- inside

    def _overlap(self, record_id: str) -> aid_overlap.Overlap:
        state: aid_overlap.Overlap = self.office.load(aid_overlap.DECIDER, record_id).state
        return state

    def _handed(self, record_id: str) -> Handed | None:
        """None of a hand-off that gives no aid which could overlap, or that speaks of nobody."""
        decider = DECIDERS[handoff.NAME]
        state: handoff.Handoff = self.office.load(decider, record_id).state
        watched = OVERLAPS.get(state.programme)
        if watched is None or not state.subject_id:
            return None
        status = "withdrawn" if state.status == "withdrawn" else "sent"
        if state.outcome:
            status = "aided" if state.outcome in watched.aid else "declined"
        sent = self.office.history(decider.stream(record_id))[0]
        return Handed(record_id, state, self._household_of(state.subject_id), status, sent.meta.occurred_at.date())

    def _household_of(self, subject_id: str) -> str:
        """The household that is meant: where a member was handed over, that which counts him; who has none stands for himself."""
        home: household.Household = self.office.load(household.DECIDER, subject_id).state
        if home.exists:
            return subject_id
        place: placement.Placement = self.office.load(placement.DECIDER, subject_id).state
        return place.household_id or subject_id

    def _compare(self, handed: Handed, order: Order[Any]) -> None:
        if handed.status not in aid_overlap.COUNTED:
            return
        s, months = handed.state, OVERLAPS[handed.state.programme].months
        aids = (*self._given(handed, months), *self._in_force(handed, months))
        compare = aid_overlap.CompareAid(
            handed.record_id, s.number, s.programme, handed.subject_id, s.home, s.to_unit, handed.status, handed.on, months, aids
        )
        self.office.handle(aid_overlap.DECIDER, handed.record_id, order.to(compare))

    def _given(self, handed: Handed, months: int) -> tuple[aid_overlap.OurAid, ...]:
        """Temporary assistance of the household and of its people by themselves, given or under way: by cause and day."""
        own: temporary.Temporary = self.office.load(temporary.DECIDER, handed.subject_id).state
        streams = ((handed.subject_id, own), *self._beside(handed.subject_id))
        return tuple(
            aid_overlap.OurAid(
                "temporary", m.matter_id, subject_id, TEMPORARY_ASSISTANCE.code, m.status, m.cause, m.happened_on.isoformat(), m.given_fen,
                aid_overlap.near(handed.on, dates.month_of(m.happened_on), months),
            )
            for subject_id, state in streams
            for m in state.matters.values()
            if m.standing not in temporary.NOTHING_GIVEN
        )  # fmt: skip

    def _in_force(self, handed: Handed, months: int) -> tuple[aid_overlap.OurAid, ...]:
        """Cases in force of the household and its members: what began near the hand-off may be for the same cause."""
        home: household.Household = self.office.load(household.DECIDER, handed.subject_id).state
        people = home.members if home.exists else (handed.subject_id,)
        ids = dict.fromkeys((*cases_of_household(handed.subject_id), *(c for p in people for c in cases_of_person(p))))
        cases: dict[str, benefit_case.Case] = {case_id: self.office.load(CASES, case_id).state for case_id in ids}
        return tuple(
            aid_overlap.OurAid(
                "case", case_id, case.subject_id, case.programme, case.status, "", case.first_month, case.amount_fen,
                aid_overlap.near(handed.on, case.first_month, months),
            )
            for case_id, case in cases.items()
            if case.running
        )  # fmt: skip

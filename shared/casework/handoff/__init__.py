"""Hand-off (转办): a matter goes from one unit to another with its dossier, and its result comes back. Shape 12.

Life: sent → accepted → done → acknowledged; or returned with a reason, and then sent again, to the same unit or another, or withdrawn, as
it may be by its sender before anybody has accepted it.
Of an accepted one a case may come (taken up, 立案): then its decision is the answer, and one that is corrected on appeal is an answer anew.

Must hold: one responsible unit at every moment from the sending to the acknowledgement (``responsible_unit``); what was accepted is
what was sent, by the hash of the dossier; nothing is returned without a reason; each hop has its due day, and a late one is an event;
where a case came of it nobody types the result; whoever it concerns (``concerned``) is answered for, one way or the other: all by one
answer, or each by his own, and then it is done with the last of them.

Every hand-off has an acceptance number (统一受理编号), which a citizen can ask by: the record's id follows from it.

``state.py`` has what can happen and how it stands, ``acts.py`` what can be done and what is decided.
"""

from __future__ import annotations

from shared.casework.handoff.acts import (
    AcceptHandoff,
    AcknowledgeHandoff,
    AnswerHandoffForPerson,
    FinishHandoff,
    FollowCase,
    NoteBasisEnded,
    NoteHandoffOverdue,
    ResendHandoff,
    ReturnHandoff,
    SendHandoff,
    TakeUpHandoff,
    WithdrawHandoff,
    accept,
    acknowledge,
    answer_for_person,
    finish,
    follow_case,
    note_basis_ended,
    note_overdue,
    resend,
    return_,
    send,
    take_up,
    withdraw,
)
from shared.casework.handoff.state import (
    NAME,
    Handoff,
    HandoffAccepted,
    HandoffAcknowledged,
    HandoffBasisEnded,
    HandoffCorrected,
    HandoffDone,
    HandoffOverdue,
    HandoffPersonAnswered,
    HandoffResent,
    HandoffReturned,
    HandoffSent,
    HandoffTakenUp,
    HandoffWithdrawn,
    PersonAnswer,
    Terms,
    acceptance_no,
    dossier_hash,
    evolve,
    persons,
    place_of,
    record_of,
    responsible_unit,
    view,
)
from shared.casework.shape import Act, Shape

__all__ = [
    "NAME",
    "SHAPE",
    "AcceptHandoff",
    "AcknowledgeHandoff",
    "AnswerHandoffForPerson",
    "FinishHandoff",
    "FollowCase",
    "Handoff",
    "HandoffAccepted",
    "HandoffAcknowledged",
    "HandoffBasisEnded",
    "HandoffCorrected",
    "HandoffDone",
    "HandoffOverdue",
    "HandoffPersonAnswered",
    "HandoffResent",
    "HandoffReturned",
    "HandoffSent",
    "HandoffTakenUp",
    "HandoffWithdrawn",
    "NoteBasisEnded",
    "NoteHandoffOverdue",
    "PersonAnswer",
    "ResendHandoff",
    "ReturnHandoff",
    "SendHandoff",
    "TakeUpHandoff",
    "Terms",
    "WithdrawHandoff",
    "acceptance_no",
    "dossier_hash",
    "evolve",
    "persons",
    "place_of",
    "record_of",
    "responsible_unit",
    "view",
]

SHAPE = Shape(
    name=NAME,
    title="转办",
    state=Handoff(),
    terms=Terms,
    acts=(
        Act(SendHandoff, "转出", opens=lambda c, command_id: record_of(acceptance_no(c.division, command_id))),
        Act(AcceptHandoff, "签收（材料摘要须一致）"),
        Act(TakeUpHandoff, "立案", by_service=True),
        Act(ReturnHandoff, "退回（须说明理由）"),
        Act(ResendHandoff, "补正后或改向重新转出"),
        Act(WithdrawHandoff, "撤回"),
        Act(FinishHandoff, "办结并反馈结果"),
        Act(AnswerHandoffForPerson, "逐人答复（全部答复后即办结）"),
        Act(AcknowledgeHandoff, "结果签收并告知申请人"),
        Act(FollowCase, "按办件的决定反馈结果", by_service=True),
        Act(NoteBasisEnded, "转办依据终止登记", by_service=True),
        Act(NoteHandoffOverdue, "超时登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        SendHandoff: send,
        AcceptHandoff: accept,
        TakeUpHandoff: take_up,
        ReturnHandoff: return_,
        ResendHandoff: resend,
        WithdrawHandoff: withdraw,
        FinishHandoff: finish,
        AnswerHandoffForPerson: answer_for_person,
        AcknowledgeHandoff: acknowledge,
        FollowCase: follow_case,
        NoteBasisEnded: note_basis_ended,
        NoteHandoffOverdue: note_overdue,
    },
    view=view,
    overdue=NoteHandoffOverdue,
)

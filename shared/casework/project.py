"""Project (项目): works or a pilot with milestones, a budget and somebody who accepts what was done. Shape 10.

Life: planned → started by another hand → each milestone reached with evidence, accepted by another hand (or sent back) → all accepted:
opened → closed with its result; cancelled on the way with a reason. A milestone that is late is an event.

Must hold: milestones are reached in their order, the next only when the one before is accepted; what was spent never exceeds the
budget; budget and days change only by a change that another hand approved, and never below what was spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

from shared.casework.shape import Act, RecordState, Shape, View, each, must, said
from shared.domain import dates, money
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order

NAME = "project"


@dataclass(frozen=True)
class Stage:
    """A milestone of every project of this kind (阶段), with the kinds of evidence it must show."""

    code: str
    title: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """stages: the milestones, in order. budget_limit: fen, the most one project may be planned or changed to cost (0 = no limit).
    start_days, accept_days, change_days, open_days: working days until a step must be taken. results: what it may end with."""

    stages: tuple[Stage, ...] = ()
    budget_limit: int = 0
    start_days: int = 20
    accept_days: int = 10
    change_days: int = 10
    open_days: int = 20
    results: tuple[str, ...] = ("completed",)


@dataclass(frozen=True)
class Milestone:
    """里程碑: to be reached by this day."""

    code: str
    due_on: date


@dataclass(frozen=True)
class Evidence:
    """A paper or picture (佐证材料), by its number in the archive."""

    kind: str
    document_no: str


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "project_planned")
@dataclass(frozen=True)
class ProjectPlanned:
    """项目立项."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    goal: str
    responsible: str
    budget_fen: int
    milestones: tuple[Milestone, ...]
    by: str
    start_by: date


@shape_event(NAME, "project_started")
@dataclass(frozen=True)
class ProjectStarted:
    """项目开工: ``contractor``: who does the works, "" where nobody was commissioned."""

    contractor: str
    by: str


@shape_event(NAME, "milestone_reached")
@dataclass(frozen=True)
class MilestoneReached:
    """节点完成."""

    milestone: str
    evidence: tuple[Evidence, ...]
    by: str
    accept_by: date


@shape_event(NAME, "milestone_accepted")
@dataclass(frozen=True)
class MilestoneAccepted:
    """验收; ``open_by``: all are accepted, the project is to be opened until then."""

    milestone: str
    by: str
    open_by: date | None


@shape_event(NAME, "milestone_returned")
@dataclass(frozen=True)
class MilestoneReturned:
    """整改: to be reached again, by the day it was due or this one if that has passed."""

    milestone: str
    reason: str
    by: str
    due_on: date


@shape_event(NAME, "project_cost_recorded")
@dataclass(frozen=True)
class ProjectCostRecorded:
    """项目费用登记."""

    amount_fen: int
    document_no: str
    by: str


@shape_event(NAME, "project_change_proposed")
@dataclass(frozen=True)
class ProjectChangeProposed:
    """项目变更申请."""

    budget_fen: int
    milestones: tuple[Milestone, ...]
    reason: str
    by: str
    decide_by: date


@shape_event(NAME, "project_change_decided")
@dataclass(frozen=True)
class ProjectChangeDecided:
    """项目变更审批."""

    approved: bool
    budget_fen: int
    milestones: tuple[Milestone, ...]
    reason: str
    by: str


@shape_event(NAME, "project_opened", published=True)
@dataclass(frozen=True)
class ProjectOpened:
    """投入使用."""

    programme: str
    division: str
    subject_id: str
    opened_on: date


@shape_event(NAME, "project_closed", published=True)
@dataclass(frozen=True)
class ProjectClosed:
    """结项: what came of it and what it cost; ``result`` is "cancelled" for one that was given up."""

    programme: str
    division: str
    subject_id: str
    result: str
    evaluation: str
    budget_fen: int
    spent_fen: int
    closed_on: date


@shape_event(NAME, "project_overdue", published=True)
@dataclass(frozen=True)
class ProjectOverdue:
    """逾期: ``due`` is start, accept, change, open, or the milestone that was not reached."""

    programme: str
    division: str
    subject_id: str
    responsible: str
    due: str
    due_on: date


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A change that waits to be decided."""

    budget_fen: int
    milestones: tuple[Milestone, ...]
    by: str


@dataclass(frozen=True)
class Project(RecordState):
    terms: Terms = Terms()
    goal: str = ""
    responsible: str = ""
    contractor: str = ""
    budget_fen: int = 0
    spent_fen: int = 0
    milestones: tuple[Milestone, ...] = ()
    accepted: int = 0  # how many, from the first on
    reached_by: str = ""  # the one that waits to be accepted
    planned_by: str = ""
    documents: tuple[str, ...] = ()  # of the costs recorded
    change: Change | None = None
    step_due: date | None = None  # until when to start, accept or open
    change_due: date | None = None
    told: tuple[str, ...] = ()  # which dues were found overdue, "name day"


def evolve(state: Project, event: Any) -> Project:
    match event:
        case ProjectPlanned():
            begun = Project("planned", event.programme, event.division, event.subject_id, event.terms, event.goal, event.responsible)
            plan = replace(begun, budget_fen=event.budget_fen, milestones=event.milestones)
            return replace(plan, planned_by=event.by, step_due=event.start_by)
        case ProjectStarted():
            return replace(state, status="running", contractor=event.contractor, step_due=None)
        case MilestoneReached():
            return replace(state, status="reached", reached_by=event.by, step_due=event.accept_by)
        case MilestoneAccepted():
            status = "accepted" if event.open_by else "running"
            return replace(state, status=status, accepted=state.accepted + 1, reached_by="", step_due=event.open_by)
        case MilestoneReturned():
            again = tuple(Milestone(m.code, event.due_on) if m.code == event.milestone else m for m in state.milestones)
            return replace(state, status="running", milestones=again, reached_by="", step_due=None)
        case ProjectCostRecorded():
            return replace(state, spent_fen=state.spent_fen + event.amount_fen, documents=(*state.documents, event.document_no))
        case ProjectChangeProposed():
            change = Change(event.budget_fen, event.milestones, event.by)
            return replace(state, change=change, change_due=event.decide_by)
        case ProjectChangeDecided():
            decided = replace(state, change=None, change_due=None)
            return replace(decided, budget_fen=event.budget_fen, milestones=event.milestones) if event.approved else decided
        case ProjectOpened():
            return replace(state, status="opened", step_due=None)
        case ProjectClosed():
            over = replace(state, step_due=None, change=None, change_due=None)
            return replace(over, status="cancelled" if event.result == "cancelled" else "closed")
        case ProjectOverdue():
            return replace(state, told=(*state.told, f"{event.due} {event.due_on}"))
        case _:
            raise TypeError(f"a project knows no {type(event).__name__}")


# -- Commands ----------------------------------------------------------------------------------------------------


@command("plan_project", permission="register")
@dataclass(frozen=True)
class PlanProject:
    """``subject_id``: the household, place or organisation it is for, if it is for one."""

    programme: str
    division: str
    goal: str
    responsible: str
    budget_fen: int
    milestones: tuple[Milestone, ...]
    subject_id: str = ""
    terms: Terms = Terms()


@command("start_project", permission="confirm")
@dataclass(frozen=True)
class StartProject:
    record_id: str
    contractor: str = ""


@command("reach_milestone", permission="register")
@dataclass(frozen=True)
class ReachMilestone:
    record_id: str
    milestone: str
    evidence: tuple[Evidence, ...] = ()


@command("accept_milestone", permission="review")
@dataclass(frozen=True)
class AcceptMilestone:
    record_id: str


@command("return_milestone", permission="review")
@dataclass(frozen=True)
class ReturnMilestone:
    """``due_on``: until when it is to be put right."""

    record_id: str
    reason: str
    due_on: date


@command("record_project_cost", permission="pay")
@dataclass(frozen=True)
class RecordProjectCost:
    record_id: str
    amount_fen: int
    document_no: str


@command("propose_project_change", permission="register")
@dataclass(frozen=True)
class ProposeProjectChange:
    """The whole plan as it should be: the budget, and the day of every milestone (those accepted keep theirs)."""

    record_id: str
    budget_fen: int
    milestones: tuple[Milestone, ...]
    reason: str


@command("decide_project_change", permission="confirm")
@dataclass(frozen=True)
class DecideProjectChange:
    record_id: str
    approved: bool
    reason: str = ""


@command("open_project", permission="confirm")
@dataclass(frozen=True)
class OpenProject:
    record_id: str


@command("close_project", permission="confirm")
@dataclass(frozen=True)
class CloseProject:
    record_id: str
    result: str
    evaluation: str


@command("cancel_project", permission="confirm")
@dataclass(frozen=True)
class CancelProject:
    record_id: str
    reason: str


@command("note_project_overdue", permission="record")
@dataclass(frozen=True)
class NoteProjectOverdue:
    """By the timer: what was due has not been done."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------

RUNNING = ("planned", "running", "reached", "accepted", "opened")


def plan(state: Project, c: PlanProject, order: Order[Any]) -> Sequence[Any]:
    if state.status != "none":
        raise Refused("already_exists", "该项目已立项。", "record_id")
    if not c.terms.stages:
        raise TypeError("a kind of project has stages")
    budget = _budget(c.terms, c.budget_fen)
    _in_time(c.terms, c.milestones, 0, order.today)
    who = (said(c.goal, "goal", "目标"), said(c.responsible, "responsible", "责任人"))
    start_by = dates.add_working_days(order.today, c.terms.start_days)
    return [ProjectPlanned(c.programme, c.division, c.subject_id, c.terms, *who, budget, c.milestones, order.hand.actor, start_by)]


def start(state: Project, c: StartProject, order: Order[Any]) -> Sequence[Any]:
    must(state, "开工", "planned")
    not_the_same_hand(order, state.planned_by)
    return [ProjectStarted(c.contractor.strip(), order.hand.actor)]


def reach(state: Project, c: ReachMilestone, order: Order[Any]) -> Sequence[Any]:
    must(state, "完成阶段", "running")
    stage = state.terms.stages[state.accepted]
    if c.milestone != stage.code:
        raise Refused("out_of_order", f"现阶段为“{stage.title}”，阶段须依次完成。", "milestone")
    shown = {e.kind for e in c.evidence if e.document_no.strip()}
    if missing := [kind for kind in stage.evidence if kind not in shown]:
        raise invalid(f"缺少佐证材料：{missing[0]}。", "evidence")
    if any(not e.document_no.strip() for e in c.evidence):
        raise invalid("佐证材料须有编号。", "evidence")
    return [MilestoneReached(c.milestone, c.evidence, order.hand.actor, dates.add_working_days(order.today, state.terms.accept_days))]


def accept(state: Project, c: AcceptMilestone, order: Order[Any]) -> Sequence[Any]:
    must(state, "验收", "reached")
    not_the_same_hand(order, state.reached_by)
    last = state.accepted + 1 == len(state.milestones)
    open_by = dates.add_working_days(order.today, state.terms.open_days) if last else None
    return [MilestoneAccepted(state.milestones[state.accepted].code, order.hand.actor, open_by)]


def return_(state: Project, c: ReturnMilestone, order: Order[Any]) -> Sequence[Any]:
    must(state, "退回整改", "reached")
    not_the_same_hand(order, state.reached_by)
    if c.due_on <= order.today:
        raise invalid("整改期限须晚于今天。", "due_on")
    here = state.milestones[state.accepted]
    return [MilestoneReturned(here.code, said(c.reason, "reason", "整改理由"), order.hand.actor, c.due_on)]


def record_cost(state: Project, c: RecordProjectCost, order: Order[Any]) -> Sequence[Any]:
    must(state, "记录支出", "running", "reached", "accepted", "opened")
    money.check(c.amount_fen, "amount_fen")
    if c.amount_fen == 0:
        raise invalid("金额须大于零。", "amount_fen")
    document = said(c.document_no, "document_no", "凭证编号")
    if document in state.documents:
        raise Refused("already_exists", "该凭证已入账。", "document_no")
    if state.spent_fen + c.amount_fen > state.budget_fen:
        raise Refused("out_of_order", "超出预算，须先办理变更。", "amount_fen")
    return [ProjectCostRecorded(c.amount_fen, document, order.hand.actor)]


def propose_change(state: Project, c: ProposeProjectChange, order: Order[Any]) -> Sequence[Any]:
    must(state, "申请变更", *RUNNING)
    if state.change:
        raise out_of_order("已有变更待审批。")
    budget = _budget(state.terms, c.budget_fen)
    if budget < state.spent_fen:
        raise invalid("预算不得低于已支出金额。", "budget_fen")
    if c.milestones[: state.accepted] != state.milestones[: state.accepted]:
        raise invalid("已验收的阶段不得变更。", "milestones")
    _in_time(state.terms, c.milestones, state.accepted, order.today)
    decide_by = dates.add_working_days(order.today, state.terms.change_days)
    return [ProjectChangeProposed(budget, c.milestones, said(c.reason, "reason", "变更理由"), order.hand.actor, decide_by)]


def decide_change(state: Project, c: DecideProjectChange, order: Order[Any]) -> Sequence[Any]:
    must(state, "审批变更", *RUNNING)
    if state.change is None:
        raise out_of_order("没有待审批的变更。")
    not_the_same_hand(order, state.change.by)
    if not c.approved:
        said(c.reason, "reason", "不予变更的理由")
    elif state.change.budget_fen < state.spent_fen:
        raise Refused("out_of_order", "此后的支出已超过所申请的预算。", None)
    elif state.change.milestones[: state.accepted] != state.milestones[: state.accepted]:
        raise Refused("out_of_order", "此后已有阶段通过验收，请重新申请变更。", None)
    else:
        _in_time(state.terms, state.change.milestones, state.accepted, order.today)
    change = state.change
    return [ProjectChangeDecided(c.approved, change.budget_fen, change.milestones, c.reason.strip(), order.hand.actor)]


def open_project(state: Project, c: OpenProject, order: Order[Any]) -> Sequence[Any]:
    must(state, "投入使用", "accepted")
    return [ProjectOpened(state.programme, state.division, state.subject_id, order.today)]


def close(state: Project, c: CloseProject, order: Order[Any]) -> Sequence[Any]:
    must(state, "结项", "opened")
    if state.change:
        raise out_of_order("尚有待审批的变更。")
    if c.result not in state.terms.results:
        raise invalid("结项结果不在允许的取值范围内。", "result")
    return [_closing(state, c.result, said(c.evaluation, "evaluation", "评估意见"), order.today)]


def cancel(state: Project, c: CancelProject, order: Order[Any]) -> Sequence[Any]:
    must(state, "终止项目", "planned", "running", "reached", "accepted")
    return [_closing(state, "cancelled", said(c.reason, "reason", "终止理由"), order.today)]


def note_overdue(state: Project, c: NoteProjectOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile, or told already."""
    who = (state.programme, state.division, state.subject_id, state.responsible)
    return [ProjectOverdue(*who, due, on) for on, due in _dues(state) if on < order.today]


def _dues(state: Project) -> list[tuple[date, str]]:
    """What is due and was not told: the next step, the change, and every milestone that is not reached."""
    if state.status not in RUNNING:
        return []
    step = {"planned": "start", "reached": "accept", "accepted": "open"}.get(state.status)
    dues = [(state.step_due, step)] if state.step_due and step else []
    dues += [(state.change_due, "change")] if state.change_due else []
    ahead = state.accepted + (state.status == "reached")
    dues += [(m.due_on, m.code) for m in state.milestones[ahead:]]
    return sorted((on, due) for on, due in dues if f"{due} {on}" not in state.told)


def _budget(terms: Terms, fen: int) -> int:
    money.check(fen, "budget_fen", most=100_000_000_00)
    if terms.budget_limit and fen > terms.budget_limit:
        raise invalid("超过单个项目的预算上限。", "budget_fen")
    return fen


def _in_time(terms: Terms, milestones: tuple[Milestone, ...], accepted: int, today: date) -> None:
    """One day for every stage, in their order, those ahead not in the past."""
    if [m.code for m in milestones] != [s.code for s in terms.stages]:
        raise invalid("须依次列出各阶段的完成日期。", "milestones")
    if any(b.due_on < a.due_on for a, b in pairwise(milestones[accepted:])):
        raise invalid("后一阶段不得早于前一阶段。", "milestones")
    if any(m.due_on < today for m in milestones[accepted:]):
        raise invalid("完成日期不得早于今天。", "milestones")


def _closing(state: Project, result: str, evaluation: str, today: date) -> ProjectClosed:
    who = (state.programme, state.division, state.subject_id)
    return ProjectClosed(*who, result, evaluation, state.budget_fen, state.spent_fen, today)


# -- How it stands -----------------------------------------------------------------------------------------------


def view(state: Project) -> View:
    """``amount``: fen spent."""
    lists = {"planned": "project_start", "running": "project_run", "reached": "project_accept"}
    lists |= {"accepted": "project_open", "opened": "project_close"}
    worklist = "project_change" if state.change else lists.get(state.status, "")
    due_on, due = min(_dues(state), default=(None, ""))
    late = state.status in RUNNING and any(f"{m.code} {m.due_on}" in state.told for m in state.milestones[state.accepted :])
    title = f"【逾期】{state.goal}" if late else state.goal
    return View(state.status, bool(worklist), worklist, state.responsible, due_on, due, state.spent_fen, title)


SHAPE = Shape(
    name=NAME,
    title="项目",
    state=Project(),
    terms=Terms,
    acts=(
        Act(PlanProject, "立项（阶段、日期、预算）", opens=each),
        Act(StartProject, "批准开工"),
        Act(ReachMilestone, "完成阶段（附佐证材料）"),
        Act(AcceptMilestone, "阶段验收（完成人不得验收）"),
        Act(ReturnMilestone, "退回整改"),
        Act(RecordProjectCost, "记录支出（不超预算）"),
        Act(ProposeProjectChange, "申请变更"),
        Act(DecideProjectChange, "审批变更"),
        Act(OpenProject, "投入使用"),
        Act(CloseProject, "结项"),
        Act(CancelProject, "终止"),
        Act(NoteProjectOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        PlanProject: plan,
        StartProject: start,
        ReachMilestone: reach,
        AcceptMilestone: accept,
        ReturnMilestone: return_,
        RecordProjectCost: record_cost,
        ProposeProjectChange: propose_change,
        DecideProjectChange: decide_change,
        OpenProject: open_project,
        CloseProject: close,
        CancelProject: cancel,
        NoteProjectOverdue: note_overdue,
    },
    view=view,
    overdue=NoteProjectOverdue,
)

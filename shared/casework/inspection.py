"""Inspection (检查): one campaign over a list of objects, each checked, each finding rectified and verified, the result published. Shape 5.

Life: listing → checking all of it, or list frozen → seed read by one hand, and by another that draws → checking → every finding
rectified and verified → closed → published.

Must hold: nothing closes with an open finding or an unchecked object; a rectification is verified by another hand than made it; who was
drawn can be repeated by anybody from the published seed (``draws.py``), and could be chosen by nobody: the list is
frozen, its hash and the public source of the seed (a lottery's numbers of a later day) are recorded, before that day comes; two hands
read the seed there, each by itself; what is late (a check, a finding, the publication) is an event.

The salt of a list whose objects are not public (``draws.py``) stands sealed in the event of the freezing, under a key of this one
record, and nowhere else: not in the state, which staff are shown. The door draws it, and brings it again for the draw.

One record is one campaign, of at most ``MOST_OBJECTS``: a larger one is held town by town.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Literal

from shared.casework import draws
from shared.casework.shape import Act, Declaration, RecordState, Shape, View, each, must, one_of, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid, out_of_order
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import personal, shape_event
from shared.eventsourcing.orders import Order, derived_id

NAME = "inspection"
MOST_OBJECTS = 2000
VERIFY_DAYS = 10  # working days in which another hand looks whether a finding was put right; a placeholder
CHUNK = 500  # objects in one command and event


@dataclass(frozen=True)
class Terms:
    """results, findings: the codes of a check (none = free text). rectify_days: working days to put a finding right, where the check sets
    none. publish_days: working days after the close until the result is published, 0 = it is not. follow_up: the findings that
    are put right only by what follows from them (a claim, arrears), which is named."""

    results: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    rectify_days: int = 20
    publish_days: int = 0
    follow_up: tuple[str, ...] = ()


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "campaign_opened", published=True)
@dataclass(frozen=True)
class CampaignOpened:
    """部署: every object is checked from ``period_from`` to ``check_by``."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    title: str
    scope: str
    period_from: date
    check_by: date


@shape_event(NAME, "campaign_objects_listed")
@dataclass(frozen=True)
class CampaignObjectsListed:
    """检查对象列入."""

    objects: tuple[str, ...]


def _frozen_2(body: dict[str, Any]) -> dict[str, Any]:
    """A list of before pseudonyms and before the source was told apart: drawn from the objects themselves."""
    told: dict[str, Any] = {"issue": "", "issue_on": None, "look_up": "", "rule": draws.BY_OBJECT}
    return {**body, **told, "salt_hash": "", "pseudonyms_hash": "", "salt_key": "", "salt": None}


@shape_event(NAME, "campaign_list_frozen", version=2, upcasters={1: _frozen_2})
@dataclass(frozen=True)
class CampaignListFrozen:
    """名单封存: from the list with this hash ``count`` will be drawn, not before ``draw_on``, by what ``source`` then says.

    ``issue``: which of the source's publications (期号); ``issue_on``: its day; ``look_up``: where everybody finds it. ``rule``: that of
    ``draws.py``; by rule 2 the salt is here, sealed, with what is published of it and of the pseudonyms."""

    count: int
    source: str
    draw_on: date
    listed: int
    list_hash: str
    issue: str
    issue_on: date | None
    look_up: str
    rule: int
    salt_hash: str
    pseudonyms_hash: str
    salt_key: str  # under which the salt is sealed: of this one record
    salt: str | None = personal(of="salt_key", default=None)


@shape_event(NAME, "campaign_seed_recorded")
@dataclass(frozen=True)
class CampaignSeedRecorded:
    """种子录入: what one hand read at the source. Another reads it there too, and draws."""

    seed: str
    by: str


@shape_event(NAME, "campaign_started")
@dataclass(frozen=True)
class CampaignStarted:
    """开始检查 of all that is listed (``count`` 0), or of ``count`` drawn by ``seed`` from the list, whose hash is ``list_hash``.

    ``chosen``: who was drawn by pseudonyms, as places in the sorted list, for without the salt it does not follow. A draw before which no
    list was frozen, or whose seed one hand typed, is of the time when that was not asked for."""

    count: int
    seed: str
    listed: int
    list_hash: str
    chosen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Found:
    """One finding (问题) of a check."""

    finding_id: str
    code: str
    rectify_by: date


@shape_event(NAME, "campaign_object_checked")
@dataclass(frozen=True)
class CampaignObjectChecked:
    """检查记录."""

    object_id: str
    result: str
    note: str
    findings: tuple[Found, ...]
    by: str


@shape_event(NAME, "campaign_finding_accepted", published=True)
@dataclass(frozen=True)
class CampaignFindingAccepted:
    """认可问题: the checked unit says that it is so, and from which month; what corrects the case begins with this."""

    record_id: str
    programme: str
    division: str
    finding_id: str
    object_id: str
    code: str
    from_month: str
    by: str


@shape_event(NAME, "campaign_finding_rectified", version=2, upcasters={1: lambda stored: {**stored, "verify_by": None}})
@dataclass(frozen=True)
class CampaignFindingRectified:
    """整改; ``refers_to``: the recovery, arrears or other case it led to. ``verify_by``: until when somebody else looks (None: of before
    that was said)."""

    finding_id: str
    done: str
    refers_to: str
    by: str
    verify_by: date | None


@shape_event(NAME, "campaign_rectification_verified")
@dataclass(frozen=True)
class CampaignRectificationVerified:
    """复查: accepted, or once more until ``rectify_by``."""

    finding_id: str
    accepted: bool
    note: str
    rectify_by: date | None
    by: str


@shape_event(NAME, "campaign_closed", published=True)
@dataclass(frozen=True)
class CampaignClosed:
    """结束: the sums."""

    programme: str
    division: str
    objects: int
    with_findings: int
    findings: int
    summary: str
    publish_by: date | None


@shape_event(NAME, "campaign_published", published=True)
@dataclass(frozen=True)
class CampaignPublished:
    """结果公开."""

    programme: str
    division: str
    where: str
    published_on: date
    in_time: bool


@shape_event(NAME, "campaign_cancelled")
@dataclass(frozen=True)
class CampaignCancelled:
    """检查取消: before anything was checked."""

    reason: str


@shape_event(NAME, "campaign_overdue", published=True)
@dataclass(frozen=True)
class CampaignOverdue:
    """逾期: ``due`` is check, publish, or the id of a finding; ``open_items`` how many things of the kind are open."""

    programme: str
    division: str
    due: str
    due_on: date
    open_items: int


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """An open finding; ``rectified_by`` "" until somebody put it right. ``accepted``: the month from which the checked unit says that it is
    so, "" until then."""

    object_id: str
    code: str
    rectify_by: date
    rectified_by: str = ""
    checked_by: str = ""
    accepted: str = ""
    verify_by: date | None = None


@dataclass(frozen=True)
class Campaign(RecordState):
    """status: none | listing | frozen | checking | closed | published | cancelled.

    ``objects``: each with its result, "" until it is checked."""

    terms: Terms = Terms()
    title: str = ""
    period_from: date | None = None
    check_by: date | None = None
    objects: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    checked: int = 0
    to_draw: int = 0
    source: str = ""
    issue: str = ""
    issue_on: date | None = None
    look_up: str = ""
    draw_on: date | None = None
    rule: int = draws.BY_OBJECT
    salt_hash: str = ""
    pseudonyms_hash: str = ""
    typed: str = ""  # the seed as one hand read it
    typed_by: str = ""
    drawn: int = 0
    seed: str = ""
    list_hash: str = ""
    findings: Mapping[str, Finding] = field(default_factory=lambda: MappingProxyType({}))  # the open ones
    found: int = 0
    with_findings: int = 0
    publish_by: date | None = None
    late: tuple[str, ...] = ()


def evolve(state: Campaign, event: Any) -> Campaign:
    match event:
        case CampaignOpened():
            return Campaign(
                "listing", event.programme, event.division, event.subject_id, event.terms, event.title, event.period_from, event.check_by
            )
        case CampaignObjectsListed():
            return replace(state, objects=MappingProxyType({**state.objects, **dict.fromkeys(event.objects, "")}))
        case CampaignListFrozen():
            return replace(
                state, status="frozen", to_draw=event.count, source=event.source, draw_on=event.draw_on, list_hash=event.list_hash,
                issue=event.issue, issue_on=event.issue_on, look_up=event.look_up, rule=event.rule, salt_hash=event.salt_hash,
                pseudonyms_hash=event.pseudonyms_hash,
            )  # fmt: skip
        case CampaignSeedRecorded():
            return replace(state, typed=event.seed, typed_by=event.by)
        case CampaignStarted():
            chosen = chosen_of(state.objects, event)
            return replace(
                state, status="checking", objects=MappingProxyType(dict.fromkeys(chosen, "")), drawn=event.count, seed=event.seed,
                list_hash=event.list_hash,
            )  # fmt: skip
        case CampaignObjectChecked():
            new = {f.finding_id: Finding(event.object_id, f.code, f.rectify_by, checked_by=event.by) for f in event.findings}
            checked = state.checked + 1
            late = _without(state, "check") if checked == len(state.objects) else state.late
            return replace(
                state, objects=MappingProxyType({**state.objects, event.object_id: event.result}), checked=checked,
                findings=MappingProxyType({**state.findings, **new}), found=state.found + len(new),
                with_findings=state.with_findings + bool(new), late=late,
            )  # fmt: skip
        case CampaignFindingAccepted():
            known = replace(state.findings[event.finding_id], accepted=event.from_month)
            return replace(state, findings=MappingProxyType({**state.findings, event.finding_id: known}))
        case CampaignFindingRectified():
            mended = replace(state.findings[event.finding_id], rectified_by=event.by, verify_by=event.verify_by)
            return replace(
                state, findings=MappingProxyType({**state.findings, event.finding_id: mended}), late=_without(state, event.finding_id)
            )
        case CampaignRectificationVerified():
            left = {k: f for k, f in state.findings.items() if k != event.finding_id}
            if event.rectify_by is not None:  # not accepted
                again = replace(state.findings[event.finding_id], rectified_by="", rectify_by=event.rectify_by, accepted="")
                left[event.finding_id] = replace(again, verify_by=None)
            return replace(state, findings=MappingProxyType(left), late=_without(state, verifying(event.finding_id)))
        case CampaignClosed():
            return replace(state, status="closed", publish_by=event.publish_by)
        case CampaignPublished():
            return replace(state, status="published", late=())
        case CampaignCancelled():
            return replace(state, status="cancelled", late=())
        case CampaignOverdue():
            return replace(state, late=(*state.late, event.due))
        case _:
            raise TypeError(f"an inspection knows no {type(event).__name__}")


def _without(state: Campaign, due: str) -> tuple[str, ...]:
    return tuple(x for x in state.late if x != due)


def chosen_of(objects: Iterable[str], started: CampaignStarted) -> tuple[str, ...]:
    """Who is to be checked: all, or those drawn."""
    if not started.count:
        return tuple(objects)
    if places := set(started.chosen):
        return tuple(one for n, one in enumerate(sorted(objects)) if n in places)
    return draws.draw(objects, started.count, started.seed)


# -- Commands ----------------------------------------------------------------------------------------------------


@command("open_campaign", permission="review")
@dataclass(frozen=True)
class OpenCampaign:
    programme: str
    division: str
    title: str
    scope: str
    period_from: date
    check_by: date
    subject_id: str = ""
    terms: Terms = Terms()


@command("list_campaign_objects", permission="review")
@dataclass(frozen=True)
class ListCampaignObjects:
    """Objects by their ids (case, person or institution); also later ones, where all are checked."""

    record_id: str
    objects: tuple[str, ...]


@command("freeze_campaign_list", permission="review")
@dataclass(frozen=True)
class FreezeCampaignList:
    """``source``: a public source that nobody here has a hand in (双色球开奖号码); ``issue``: which of its publications (第2023090期),
    one that is not out yet; ``issue_on``: the later day on which it comes out; ``look_up``: where everybody can read it; ``draw_on``: that
    day or later. ``salt`` is brought by the door."""

    record_id: str
    count: int
    source: str
    issue: str
    issue_on: date
    look_up: str
    draw_on: date
    salt: str = ""


@command("record_campaign_seed", permission="survey")
@dataclass(frozen=True)
class RecordCampaignSeed:
    """What the source has published since, as it stands there; once more where it was misread."""

    record_id: str
    seed: str


@command("start_campaign", permission="review")
@dataclass(frozen=True)
class StartCampaign:
    """``count`` 0: all are checked; otherwise as many as were said when the list was frozen are drawn by ``seed``, which this second
    hand has read at the source as well. ``salt`` is brought by the door."""

    record_id: str
    count: int = 0
    seed: str = ""
    salt: str = ""


@command("record_check", permission="survey")
@dataclass(frozen=True)
class RecordCheck:
    record_id: str
    object_id: str
    result: str
    findings: tuple[str, ...] = ()
    note: str = ""
    rectify_by: date | None = None


@command("accept_finding", permission="survey")
@dataclass(frozen=True)
class AcceptFinding:
    """认可问题: ``from_month``: the first month that is wrong."""

    record_id: str
    finding_id: str
    from_month: str


@command("rectify_finding", permission="survey")
@dataclass(frozen=True)
class RectifyFinding:
    record_id: str
    finding_id: str
    done: str
    refers_to: str = ""


@command("verify_rectification", permission="review")
@dataclass(frozen=True)
class VerifyRectification:
    record_id: str
    finding_id: str
    outcome: Literal["accepted", "again"]
    note: str = ""


@command("close_campaign", permission="confirm")
@dataclass(frozen=True)
class CloseCampaign:
    record_id: str
    summary: str


@command("publish_campaign", permission="confirm")
@dataclass(frozen=True)
class PublishCampaign:
    record_id: str
    where: str


@command("cancel_campaign", permission="confirm")
@dataclass(frozen=True)
class CancelCampaign:
    record_id: str
    reason: str


@command("note_campaign_overdue", permission="record")
@dataclass(frozen=True)
class NoteCampaignOverdue:
    """By the timer."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def open_campaign(state: Campaign, c: OpenCampaign, order: Order[Any]) -> Sequence[Any]:
    if not c.period_from <= c.check_by <= c.period_from + timedelta(days=1200):
        raise invalid("检查截止日须在开始日之后、四十个月以内。", "check_by")
    if c.check_by < order.today:
        raise invalid("检查截止日不得早于今日。", "check_by")
    title, scope = said(c.title, "title", "检查名称"), said(c.scope, "scope", "检查范围")
    return [CampaignOpened(c.programme, c.division, c.subject_id, c.terms, title, scope, c.period_from, c.check_by)]


def list_objects(state: Campaign, c: ListCampaignObjects, order: Order[Any]) -> Sequence[Any]:
    must(state, "列入检查对象", "listing", "checking")
    if state.drawn:
        raise out_of_order("已随机抽取，不得再增加对象。")
    if state.check_by is not None and order.today > state.check_by:
        raise out_of_order("检查截止日已过，不得再增加对象。")
    if not c.objects or len(c.objects) > CHUNK or not all(o.strip() for o in c.objects):
        raise invalid(f"每次须列入1至{CHUNK}个对象。", "objects")
    new = tuple(o for o in dict.fromkeys(c.objects) if o not in state.objects)
    if len(state.objects) + len(new) > MOST_OBJECTS:
        raise Refused("too_large", f"一次检查最多{MOST_OBJECTS}个对象，请按乡镇（街道）分别开展。", "objects")
    return [CampaignObjectsListed(new)] if new else []


def freeze(state: Campaign, c: FreezeCampaignList, order: Order[Any]) -> Sequence[Any]:
    must(state, "封存名单", "listing")
    if not state.objects:
        raise out_of_order("尚未列入检查对象。")
    if not 0 < c.count <= len(state.objects):
        raise invalid("抽取数量须在1与对象总数之间。", "count")
    if c.issue_on <= order.today:
        raise invalid("种子的公布日须在今日之后：封存时种子不得已知。", "issue_on")
    if c.draw_on < c.issue_on:
        raise invalid("抽取日不得早于种子的公布日。", "draw_on")
    assert state.check_by is not None
    if c.draw_on > state.check_by:
        raise invalid("抽取日不得晚于检查截止日。", "draw_on")
    source, issue = said(c.source, "source", "公开的种子来源"), said(c.issue, "issue", "种子来源的期号")
    look_up = said(c.look_up, "look_up", "公众查对种子的途径")
    hidden: tuple[Any, ...] = (draws.BY_OBJECT, "", "", "", None)
    if c.salt:
        shown = draws.list_hash(draws.pseudonyms(c.salt, state.objects))
        hidden = (draws.BY_PSEUDONYM, draws.commitment(c.salt), shown, salt_key(c.record_id), c.salt)
    listed, hashed = len(state.objects), draws.list_hash(state.objects)
    return [CampaignListFrozen(c.count, source, c.draw_on, listed, hashed, issue, c.issue_on, look_up, *hidden)]


def record_seed(state: Campaign, c: RecordCampaignSeed, order: Order[Any]) -> Sequence[Any]:
    must(state, "录入种子", "frozen")
    _due_to_draw(state, order)
    seed = said(c.seed, "seed", f"种子（{state.source}{state.issue}）")
    return [] if seed == state.typed else [CampaignSeedRecorded(seed, order.hand.actor)]


def start(state: Campaign, c: StartCampaign, order: Order[Any]) -> Sequence[Any]:
    must(state, "开始检查", "listing", "frozen")
    if not state.objects:
        raise out_of_order("尚未列入检查对象。")
    if state.status == "listing":
        if c.count:
            raise invalid("随机抽取前须封存名单，并定下种子的公开来源和抽取日。", "count")
        return [CampaignStarted(0, "", len(state.objects), draws.list_hash(state.objects))]
    _due_to_draw(state, order)
    if not state.typed:
        raise out_of_order("须先由一人在公开来源查得种子并录入，再由另一人核对后抽取。")
    not_the_same_hand(order, state.typed_by)
    if c.count != state.to_draw:
        raise invalid(f"须按封存名单时定下的数量抽取：{state.to_draw}个。", "count")
    if said(c.seed, "seed", f"种子（{state.source}{state.issue}）") != state.typed:
        raise invalid("与另一人录入的种子不同。请两人各自对照公开来源，录错的一方重新录入。", "seed")
    return [CampaignStarted(c.count, state.typed, len(state.objects), draws.list_hash(state.objects), _places(state, c.salt))]


def _due_to_draw(state: Campaign, order: Order[Any]) -> None:
    assert state.draw_on is not None
    if order.today < state.draw_on:
        raise Refused("not_yet_due", f"{state.draw_on.isoformat()}起方可抽取。", None)


def _places(state: Campaign, salt: str) -> tuple[int, ...]:
    """Rule 2: who is drawn, as places in the sorted list; by no other salt than was committed to. By rule 1 it follows from the seed."""
    if state.rule == draws.BY_OBJECT:
        return ()
    if not draws.is_salt(salt) or draws.commitment(salt) != state.salt_hash:
        raise Refused("salt_lost", "封存名单时的盐已不可读，不能抽取。请取消本次检查，另行开展。", "salt")
    chosen = set(draws.drawn_by_pseudonym(salt, state.objects, state.to_draw, state.typed))
    return tuple(n for n, one in enumerate(sorted(state.objects)) if one in chosen)


def check(state: Campaign, c: RecordCheck, order: Order[Any]) -> Sequence[Any]:
    must(state, "检查", "checking")
    if c.object_id not in state.objects:
        raise Refused("not_found", "该对象不在本次检查名单中。", "object_id")
    if state.objects[c.object_id]:
        raise Refused("already_exists", "该对象的检查结果已登记。", "object_id")
    assert state.period_from is not None
    if order.today < state.period_from:
        raise Refused("not_yet_due", "检查尚未开始。", None)
    result = one_of(c.result, state.terms.results, "result", "检查结果")
    for code in c.findings:
        one_of(code, state.terms.findings, "findings", "问题代码")
    if len(set(c.findings)) != len(c.findings):
        raise invalid("同一问题填写了两次。", "findings")
    by = c.rectify_by or dates.add_working_days(order.today, state.terms.rectify_days)
    if by < order.today:
        raise invalid("整改期限不得早于今日。", "rectify_by")
    found = tuple(Found(f"F{state.found + n:04d}", code, by) for n, code in enumerate(c.findings, 1))
    return [CampaignObjectChecked(c.object_id, result, c.note.strip(), found, order.hand.actor)]


def accept_finding(state: Campaign, c: AcceptFinding, order: Order[Any]) -> Sequence[Any]:
    """By the checked unit: whoever found it says nothing for the other side."""
    found = _finding(state, c.finding_id)
    if found.code not in state.terms.follow_up:
        raise out_of_order("此类问题不涉及个案的更正，请直接登记整改。")
    if found.accepted or found.rectified_by:
        raise out_of_order("此问题已认可或已整改。")
    not_the_same_hand(order, found.checked_by)
    if not "2000-01" <= dates.check_month(c.from_month, "from_month") <= dates.month_of(order.today):
        raise invalid("起始月份不合理，最晚为本月。", "from_month")
    return [
        CampaignFindingAccepted(
            c.record_id, state.programme, state.division, c.finding_id, found.object_id, found.code, c.from_month, order.hand.actor
        )
    ]


def rectify(state: Campaign, c: RectifyFinding, order: Order[Any]) -> Sequence[Any]:
    found = _finding(state, c.finding_id)
    if found.rectified_by:
        raise out_of_order("此问题已整改，待复查。")
    if found.code in state.terms.follow_up and not c.refers_to.strip():
        raise invalid("请填写此问题所转入的追回、补发等事项的编号。", "refers_to")
    by, verify_by = order.hand.actor, dates.add_working_days(order.today, VERIFY_DAYS)
    return [CampaignFindingRectified(c.finding_id, said(c.done, "done", "整改情况"), c.refers_to.strip(), by, verify_by)]


def verify(state: Campaign, c: VerifyRectification, order: Order[Any]) -> Sequence[Any]:
    found = _finding(state, c.finding_id)
    if not found.rectified_by:
        raise out_of_order("此问题尚未整改。")
    not_the_same_hand(order, found.rectified_by)
    if c.outcome == "accepted":
        return [CampaignRectificationVerified(c.finding_id, True, c.note.strip(), None, order.hand.actor)]
    by = dates.add_working_days(order.today, state.terms.rectify_days)
    return [CampaignRectificationVerified(c.finding_id, False, said(c.note, "note", "复查意见"), by, order.hand.actor)]


def close(state: Campaign, c: CloseCampaign, order: Order[Any]) -> Sequence[Any]:
    must(state, "结束检查", "checking")
    if left := len(state.objects) - state.checked:
        raise out_of_order(f"尚有{left}个对象未检查。")
    if state.findings:
        raise out_of_order(f"尚有{len(state.findings)}个问题未销号。")
    publish_by = dates.add_working_days(order.today, state.terms.publish_days) if state.terms.publish_days else None
    s, summary = state, said(c.summary, "summary", "检查小结")
    return [CampaignClosed(s.programme, s.division, len(s.objects), s.with_findings, s.found, summary, publish_by)]


def publish(state: Campaign, c: PublishCampaign, order: Order[Any]) -> Sequence[Any]:
    must(state, "公开结果", "closed")
    if state.publish_by is None:
        raise out_of_order("本项目的结果不公开。")
    where = said(c.where, "where", "公开渠道")
    return [CampaignPublished(state.programme, state.division, where, order.today, order.today <= state.publish_by)]


def cancel(state: Campaign, c: CancelCampaign, order: Order[Any]) -> Sequence[Any]:
    must(state, "取消", "listing", "frozen", "checking")
    if state.checked:
        raise out_of_order("已有检查结果，不能取消。")
    return [CampaignCancelled(said(c.reason, "reason", "取消理由"))]


def note_overdue(state: Campaign, c: NoteCampaignOverdue, order: Order[Any]) -> Sequence[Any]:
    counts = {"check": len(state.objects) - state.checked}
    return [
        CampaignOverdue(state.programme, state.division, due, day, counts.get(due, 1)) for day, due in _dues(state) if day < order.today
    ]


def _finding(state: Campaign, finding_id: str) -> Finding:
    must(state, "整改", "checking")
    if finding_id not in state.findings:
        raise Refused("not_found", "没有此项未销号的问题。", "finding_id")
    return state.findings[finding_id]


# -- How it stands -----------------------------------------------------------------------------------------------


def verifying(finding_id: str) -> str:
    """The name of what is owed once a finding was put right."""
    return f"{finding_id}复查"


def _owed(state: Campaign) -> list[tuple[date, str]]:
    """What is still to be done, and until when."""
    owed: dict[str, date | None] = {}
    if state.status in ("listing", "frozen") or (state.status == "checking" and state.checked < len(state.objects)):
        owed["check"] = state.check_by
    if state.status == "checking":
        owed |= {key: f.rectify_by for key, f in state.findings.items() if not f.rectified_by}
        owed |= {verifying(key): f.verify_by for key, f in state.findings.items() if f.rectified_by}
    if state.status == "closed":
        owed["publish"] = state.publish_by
    return sorted((day, due) for due, day in owed.items() if day)


def _dues(state: Campaign) -> list[tuple[date, str]]:
    """Of that what was not said to be late yet."""
    return [(day, due) for day, due in _owed(state) if due not in state.late]


def view(state: Campaign) -> View:
    """``amount``: how many objects are still to be checked."""
    waits = _waits(state)
    due_on, due = next(iter(_dues(state)), (None, ""))
    worklist = "inspection_overdue" if waits and state.late else waits
    late = next(((day, due) for day, due in _owed(state) if due in state.late), None)
    return View(state.status, bool(waits), worklist, "", due_on, due, len(state.objects) - state.checked, state.title, late)


def _waits(state: Campaign) -> str:
    if state.status == "listing":
        return "inspection_list"
    if state.status == "frozen":
        return "inspection_seed_check" if state.typed else "inspection_draw"
    if state.status == "checking":
        if state.checked < len(state.objects):
            return "inspection_check"
        if any(not f.rectified_by for f in state.findings.values()):
            return "inspection_rectify"
        return "inspection_verify" if state.findings else "inspection_close"
    return "inspection_publish" if state.status == "closed" and state.publish_by else ""


# -- What the door brings ----------------------------------------------------------------------------------------


def salt_key(record_id: str) -> str:
    """Whose key seals the salt: nobody's, only this record's (as short as a person's id)."""
    return derived_id("campaign salt", record_id).replace("-", "")


def fresh_salt(declaration: Declaration, _history: Iterable[Any]) -> str:
    """A list whose objects are public is drawn from as it stands; every other gets a salt."""
    return "" if "objects" in declaration.public else draws.new_salt()


def frozen_salt(_declaration: Declaration, history: Iterable[Any]) -> str:
    """The salt that was drawn when the list was frozen, out of the record's events."""
    return next((e.salt or "" for e in history if isinstance(e, CampaignListFrozen)), "")


SHAPE = Shape(
    name=NAME,
    title="检查",
    state=Campaign(),
    terms=Terms,
    acts=(
        Act(OpenCampaign, "部署检查", opens=each),
        Act(ListCampaignObjects, "列入检查对象"),
        Act(FreezeCampaignList, "封存名单，定下种子来源（随机抽取前）", brings={"salt": fresh_salt}),
        Act(RecordCampaignSeed, "录入种子（在封存时定下的公开来源查得）"),
        Act(StartCampaign, "开始检查（全部；或由另一人核对种子后随机抽取）", brings={"salt": frozen_salt}),
        Act(RecordCheck, "登记检查结果与问题"),
        Act(AcceptFinding, "认可问题（检查人不得认可；随即自该月起复核更正个案）"),
        Act(RectifyFinding, "整改"),
        Act(VerifyRectification, "复查（整改人不得复查）"),
        Act(CloseCampaign, "结束（无未检查对象、无未销号问题）"),
        Act(PublishCampaign, "公开结果"),
        Act(CancelCampaign, "取消"),
        Act(NoteCampaignOverdue, "逾期登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        OpenCampaign: open_campaign,
        ListCampaignObjects: list_objects,
        FreezeCampaignList: freeze,
        RecordCampaignSeed: record_seed,
        StartCampaign: start,
        RecordCheck: check,
        AcceptFinding: accept_finding,
        RectifyFinding: rectify,
        VerifyRectification: verify,
        CloseCampaign: close,
        PublishCampaign: publish,
        CancelCampaign: cancel,
        NoteCampaignOverdue: note_overdue,
    },
    view=view,
    overdue=NoteCampaignOverdue,
)

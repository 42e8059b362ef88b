"""Record (登记): something is entered in a register, certified, changed, and taken out again. Shape 4.

Life: filed → checked by another hand → registered → certified where the terms say so → changed (new version, old kept) → revoked,
cancelled or expired. Before it is registered it may be refused or withdrawn.

Must hold: nobody checks what he filed, nor registers what he checked; a certificate number follows from the record's id and version,
so no two are alike, and carries a check code (``certificate.verify_code``) from which the record is found again; what relied on a record is
named when it is revoked, cancelled or expires, so that it hears of it; a version once in force is never rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from shared.casework.certificate import certificate_no
from shared.casework.shape import Act, RecordState, Shape, View, each, must, said
from shared.domain import dates
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import not_the_same_hand
from shared.eventsourcing.events import shape_event
from shared.eventsourcing.orders import Order, derived_id

NAME = "record"
OPEN = ("filed", "checked")  # not registered yet


@dataclass(frozen=True)
class Field:
    """登记项. ``choices`` bounds the values; ``stepwise`` lets a change move to the next choice only; ``fixed`` never changes."""

    code: str
    title: str
    required: bool = True
    choices: tuple[str, ...] = ()
    stepwise: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Terms:
    """fields: what the register holds. single: one record for a subject and reference at a time (else as many as are filed).
    check_days, register_days: working days each step may take. certificate: prefix of the number ("" = none is
    issued). valid_days: calendar days from registration (0 = without end). checked_changes: a change waits for another hand."""

    fields: tuple[Field, ...] = ()
    single: bool = False
    check_days: int = 5
    register_days: int = 5
    certificate: str = ""
    valid_days: int = 0
    checked_changes: bool = True


@dataclass(frozen=True)
class Entry:
    """One filled-in field. Persons by ``person_id``, papers by number: never a name."""

    code: str
    value: str


# -- Events ------------------------------------------------------------------------------------------------------


@shape_event(NAME, "record_filed")
@dataclass(frozen=True)
class RecordFiled:
    """登记申请."""

    programme: str
    division: str
    subject_id: str
    terms: Terms
    reference: str
    entries: tuple[Entry, ...]
    by: str
    check_by: date


@shape_event(NAME, "record_checked")
@dataclass(frozen=True)
class RecordChecked:
    """核验."""

    note: str
    by: str
    register_by: date


@shape_event(NAME, "record_refused")
@dataclass(frozen=True)
class RecordRefused:
    """不予登记."""

    reason: str
    by: str


@shape_event(NAME, "record_registered", published=True)
@dataclass(frozen=True)
class RecordRegistered:
    """登记在册 from this day; ``valid_to`` is the last day, None without end."""

    programme: str
    division: str
    subject_id: str
    reference: str
    by: str
    registered_on: date
    valid_to: date | None


@shape_event(NAME, "record_certified")
@dataclass(frozen=True)
class RecordCertified:
    """发证: the certificate shows this version."""

    certificate: str
    version: int
    by: str


@shape_event(NAME, "record_change_filed")
@dataclass(frozen=True)
class RecordChangeFiled:
    """申请变更: waits for another hand."""

    entries: tuple[Entry, ...]
    reason: str
    by: str
    check_by: date


@shape_event(NAME, "record_change_refused")
@dataclass(frozen=True)
class RecordChangeRefused:
    """不予变更."""

    reason: str
    by: str


@shape_event(NAME, "record_changed")
@dataclass(frozen=True)
class RecordChanged:
    """变更: a new version; ``certificate`` is that of the certificate which shows it, "" where none was issued."""

    version: int
    entries: tuple[Entry, ...]
    reason: str
    by: str
    changed_on: date
    certificate: str


@shape_event(NAME, "record_relied_on")
@dataclass(frozen=True)
class RecordReliedOn:
    """采信: something else rests on this record: a case, another record, an agency."""

    relied_by: str


@shape_event(NAME, "record_ended", published=True)
@dataclass(frozen=True)
class RecordEnded:
    """撤销 (revoked), 注销 (cancelled), 期满 (expired) or 撤回 (withdrawn): ``relied_by`` are those who must look again."""

    programme: str
    division: str
    subject_id: str
    reference: str
    outcome: str
    certificate: str
    relied_by: tuple[str, ...]
    reason: str
    ended_on: date


@shape_event(NAME, "record_overdue", published=True)
@dataclass(frozen=True)
class RecordOverdue:
    """登记事项逾期: a step was not taken in time (逾期): check, register or change."""

    programme: str
    division: str
    subject_id: str
    due: str
    due_on: date


# -- State -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    number: int
    entries: tuple[Entry, ...]
    since: date


@dataclass(frozen=True)
class Period:
    """A time in which the record was in force; both days included, ``last`` None = still."""

    first: date
    last: date | None


@dataclass(frozen=True)
class Record(RecordState):
    terms: Terms = Terms()
    reference: str = ""
    entries: tuple[Entry, ...] = ()
    current: int = 0  # counts on when a record is filed anew, so that a number is never issued twice
    versions: tuple[Version, ...] = ()
    periods: tuple[Period, ...] = ()
    filed_by: str = ""
    checked_by: str = ""
    registered_by: str = ""
    certificate: str = ""
    change: tuple[Entry, ...] = ()
    change_reason: str = ""
    change_by: str = ""
    relied_by: tuple[str, ...] = ()
    valid_to: date | None = None
    due: str = ""
    due_on: date | None = None  # of the step that is due; None once it was found overdue
    overdue: bool = False


def evolve(state: Record, event: Any) -> Record:
    match event:
        case RecordFiled():
            kept = Record(current=state.current, versions=state.versions, periods=state.periods)
            begun = replace(kept, programme=event.programme, division=event.division, subject_id=event.subject_id, terms=event.terms)
            filed = replace(begun, status="filed", reference=event.reference, entries=event.entries, filed_by=event.by)
            return _due(filed, "check", event.check_by)
        case RecordChecked():
            return _due(replace(state, status="checked", checked_by=event.by), "register", event.register_by)
        case RecordRefused():
            return _due(replace(state, status="refused"))
        case RecordRegistered():
            number = state.current + 1
            in_force = replace(
                state,
                status="registered",
                registered_by=event.by,
                valid_to=event.valid_to,
                current=number,
                versions=(*state.versions, Version(number, state.entries, event.registered_on)),
                periods=(*state.periods, Period(event.registered_on, event.valid_to)),
            )
            return _due(in_force)
        case RecordCertified():
            return replace(state, certificate=event.certificate)
        case RecordChangeFiled():
            waiting = replace(state, change=event.entries, change_reason=event.reason, change_by=event.by)
            return _due(waiting, "change", event.check_by)
        case RecordChangeRefused():
            return _due(replace(state, change=(), change_reason="", change_by=""))
        case RecordChanged():
            changed = replace(
                state,
                current=event.version,
                entries=event.entries,
                versions=(*state.versions, Version(event.version, event.entries, event.changed_on)),
                certificate=event.certificate,
                change=(),
                change_reason="",
                change_by="",
            )
            return _due(changed)
        case RecordReliedOn():
            return replace(state, relied_by=(*state.relied_by, event.relied_by))
        case RecordEnded():
            return _ended(state, event)
        case RecordOverdue():
            return replace(state, due_on=None, overdue=True)
        case _:
            raise TypeError(f"a record knows no {type(event).__name__}")


def _due(state: Record, due: str = "", due_on: date | None = None) -> Record:
    return replace(state, due=due, due_on=due_on, overdue=False)


def _ended(state: Record, event: RecordEnded) -> Record:
    periods = state.periods
    if state.status == "registered" and event.outcome != "expired":
        # No longer in force on the very day it ends.
        periods = (*periods[:-1], replace(periods[-1], last=event.ended_on - timedelta(days=1)))
    return _due(replace(state, status=event.outcome, periods=periods, change=(), change_reason="", change_by=""))


# -- Commands ----------------------------------------------------------------------------------------------------


@command("file_record", permission="register")
@dataclass(frozen=True)
class FileRecord:
    """申请登记. ``reference`` tells several records of one subject apart: a period, a paper's number."""

    programme: str
    division: str
    subject_id: str = ""
    reference: str = ""
    entries: tuple[Entry, ...] = ()
    terms: Terms = Terms()


@command("check_record", permission="review")
@dataclass(frozen=True)
class CheckRecord:
    """核验: of what was filed, or of a change to what is registered."""

    record_id: str
    note: str = ""


@command("refuse_record", permission="review")
@dataclass(frozen=True)
class RefuseRecord:
    """不予登记, or the refusal of a change: what is registered then stays as it is."""

    record_id: str
    reason: str


@command("register_record", permission="confirm")
@dataclass(frozen=True)
class RegisterRecord:
    record_id: str


@command("certify_record", permission="confirm")
@dataclass(frozen=True)
class CertifyRecord:
    record_id: str


@command("change_record", permission="register")
@dataclass(frozen=True)
class ChangeRecord:
    """变更: the fields that change; the others stay."""

    record_id: str
    entries: tuple[Entry, ...]
    reason: str


@command("rely_on_record", permission="accept")
@dataclass(frozen=True)
class RelyOnRecord:
    record_id: str
    relied_by: str


@command("revoke_record", permission="confirm")
@dataclass(frozen=True)
class RevokeRecord:
    """撤销: it should not have been registered."""

    record_id: str
    reason: str


@command("cancel_record", permission="register")
@dataclass(frozen=True)
class CancelRecord:
    """注销 by the holder's wish or because it is done; before registration 撤回."""

    record_id: str
    reason: str


@command("note_record_overdue", permission="record")
@dataclass(frozen=True)
class NoteRecordOverdue:
    """By the timer: a step is late, or the record has expired."""

    record_id: str
    due: str


# -- Decisions ---------------------------------------------------------------------------------------------------


def file(state: Record, c: FileRecord, order: Order[Any]) -> Sequence[Any]:
    if state.status in (*OPEN, "registered"):
        raise Refused("already_exists", "该事项已有登记或正在办理。", "subject_id")
    entries = _filled(c.terms, c.entries, ())
    check_by = dates.add_working_days(order.today, c.terms.check_days)
    return [RecordFiled(c.programme, c.division, c.subject_id, c.terms, c.reference.strip(), entries, order.hand.actor, check_by)]


def check(state: Record, c: CheckRecord, order: Order[Any]) -> Sequence[Any]:
    if state.change:
        not_the_same_hand(order, state.change_by)
        return [_changed(state, state.change, state.change_reason, c.record_id, order)]
    must(state, "核验", "filed")
    not_the_same_hand(order, state.filed_by)
    register_by = dates.add_working_days(order.today, state.terms.register_days)
    return [RecordChecked(c.note.strip(), order.hand.actor, register_by)]


def refuse(state: Record, c: RefuseRecord, order: Order[Any]) -> Sequence[Any]:
    if state.change:
        not_the_same_hand(order, state.change_by)
        return [RecordChangeRefused(said(c.reason, "reason", "理由"), order.hand.actor)]
    must(state, "不予登记", *OPEN)
    not_the_same_hand(order, state.filed_by)
    return [RecordRefused(said(c.reason, "reason", "理由"), order.hand.actor)]


def register(state: Record, c: RegisterRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "登记", "checked")
    not_the_same_hand(order, state.filed_by, state.checked_by)
    valid_to = order.today + timedelta(days=state.terms.valid_days - 1) if state.terms.valid_days else None
    made = RecordRegistered(state.programme, state.division, state.subject_id, state.reference, order.hand.actor, order.today, valid_to)
    return [made]


def certify(state: Record, c: CertifyRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "发证", "registered")
    if not state.terms.certificate:
        raise Refused("out_of_order", "此项登记不发证书。", None)
    if state.certificate:
        raise Refused("already_exists", "已发证书。", "record_id")
    return [RecordCertified(certificate_no(state.terms.certificate, c.record_id, state.current), state.current, order.hand.actor)]


def change(state: Record, c: ChangeRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "变更", "registered")
    if state.change:
        raise Refused("out_of_order", "已有变更待核验。", None)
    if state.valid_to and state.valid_to < order.today:
        raise Refused("out_of_order", "登记已过有效期。", None)
    entries = _filled(state.terms, c.entries, state.entries)
    reason = said(c.reason, "reason", "变更理由")
    if entries == state.entries:
        return []
    if not state.terms.checked_changes:
        return [_changed(state, entries, reason, c.record_id, order)]
    return [RecordChangeFiled(entries, reason, order.hand.actor, dates.add_working_days(order.today, state.terms.check_days))]


def _changed(state: Record, entries: tuple[Entry, ...], reason: str, record_id: str, order: Order[Any]) -> RecordChanged:
    number = state.current + 1
    shown = certificate_no(state.terms.certificate, record_id, number) if state.certificate else ""
    return RecordChanged(number, entries, reason, order.hand.actor, order.today, shown)


def rely_on(state: Record, c: RelyOnRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "采信", "registered")
    if not valid_on(state, order.today):
        raise Refused("out_of_order", "登记已过有效期，不得采信。", None)
    who = said(c.relied_by, "relied_by", "采信的办件或单位")
    return [] if who in state.relied_by else [RecordReliedOn(who)]


def revoke(state: Record, c: RevokeRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "撤销登记", "registered")
    not_the_same_hand(order, state.registered_by)
    return [_ending(state, "revoked", said(c.reason, "reason", "撤销理由"), order.today)]


def cancel(state: Record, c: CancelRecord, order: Order[Any]) -> Sequence[Any]:
    must(state, "注销", "registered", *OPEN)
    outcome = "cancelled" if state.status == "registered" else "withdrawn"
    return [_ending(state, outcome, said(c.reason, "reason", "注销理由"), order.today)]


def note_overdue(state: Record, c: NoteRecordOverdue, order: Order[Any]) -> Sequence[Any]:
    """Nothing when it was done meanwhile. An expired record takes a change that waits with it."""
    if state.status == "registered" and state.valid_to and state.valid_to < order.today:
        return [_ending(state, "expired", "有效期届满", order.today)]
    if state.due_on and state.due_on < order.today:
        return [RecordOverdue(state.programme, state.division, state.subject_id, state.due, state.due_on)]
    return []


def _ending(state: Record, outcome: str, reason: str, today: date) -> RecordEnded:
    return RecordEnded(
        state.programme, state.division, state.subject_id, state.reference, outcome, state.certificate, state.relied_by, reason, today
    )


def _filled(terms: Terms, given: tuple[Entry, ...], before: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries after what was given, in the terms' order; refused where a field is unknown, missing, or may not become this."""
    known = {f.code for f in terms.fields}
    if unknown := [e for e in given if e.code not in known]:
        raise invalid(f"没有此登记项：{unknown[0].code}。", "entries")
    if len({e.code for e in given}) < len(given):
        raise invalid("同一登记项填写了两次。", "entries")
    old = {e.code: e.value for e in before}
    new = old | {e.code: e.value.strip() for e in given}
    for f in terms.fields:
        value = new.get(f.code, "")
        if f.required and not value:
            raise invalid(f"请填写{f.title}。", "entries")
        if value and f.choices and value not in f.choices:
            raise invalid(f"{f.title}不在允许的取值范围内。", "entries")
        if before and f.fixed and value != old.get(f.code, ""):
            raise invalid(f"{f.title}不得变更。", "entries")
        if value and f.stepwise:
            # The first entry stands on the first step; after that one step at a time, none back.
            here = f.choices.index(old[f.code]) if old.get(f.code) else -1
            if f.choices.index(value) not in ((here, here + 1) if here >= 0 else (0,)):
                raise Refused("out_of_order", f"{f.title}须逐步办理。", "entries")
    return tuple(Entry(f.code, new[f.code]) for f in terms.fields if new.get(f.code))


# -- How it stands -----------------------------------------------------------------------------------------------


def certificate_stands(state: Record, number: str, day: date) -> bool:
    """Whether this certificate may be relied on that day: its record in force, and no newer version of it."""
    return bool(state.certificate) and number.strip().upper() == state.certificate.upper() and valid_on(state, day)


def valid_on(state: Record, day: date) -> bool:
    """在册 on that day."""
    return any(p.first <= day and (p.last is None or day <= p.last) for p in state.periods)


def view(state: Record) -> View:
    worklists = {"filed": "record_check", "checked": "record_register"}
    worklist = "record_change" if state.change else worklists.get(state.status, "")
    title = f"【逾期】{state.reference}" if state.overdue else state.reference
    dues = [(state.due_on, state.due)] if state.due_on else []
    if state.status == "registered" and state.valid_to:
        dues.append((state.valid_to, "expire"))
    due_on, due = min(dues, default=(None, ""))
    return View(state.status, bool(worklist), worklist, due_on=due_on, due=due, amount=state.current, title=title)


def _opens(c: FileRecord, command_id: str) -> str:
    if not c.terms.single:
        return each(c, command_id)
    return derived_id(c.programme, c.division if not c.subject_id else "", c.subject_id, c.reference.strip())


SHAPE = Shape(
    name=NAME,
    title="登记",
    state=Record(),
    terms=Terms,
    acts=(
        Act(FileRecord, "申请登记", opens=_opens),
        Act(CheckRecord, "核验（申请人不得核验）"),
        Act(RefuseRecord, "不予登记（或不予变更）"),
        Act(RegisterRecord, "登记"),
        Act(CertifyRecord, "发证（编号可校验）"),
        Act(ChangeRecord, "变更（新版本，旧版本保留）"),
        Act(RelyOnRecord, "采信此登记"),
        Act(RevokeRecord, "撤销登记（通知采信方）"),
        Act(CancelRecord, "注销或撤回"),
        Act(NoteRecordOverdue, "逾期或期满登记", by_service=True),
    ),
    evolve=evolve,
    decide={
        FileRecord: file,
        CheckRecord: check,
        RefuseRecord: refuse,
        RegisterRecord: register,
        CertifyRecord: certify,
        ChangeRecord: change,
        RelyOnRecord: rely_on,
        RevokeRecord: revoke,
        CancelRecord: cancel,
        NoteRecordOverdue: note_overdue,
    },
    view=view,
    overdue=NoteRecordOverdue,
    valid_on=valid_on,
)

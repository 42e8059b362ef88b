"""Record (登记): filed, checked, registered, certified, changed and ended, each by the hand that may, in the order that must be."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.casework import record as rec
from shared.casework.certificate import certificate_no, verify_code
from shared.casework.record import Entry, Field
from shared.domain.errors import Refused
from shared.eventsourcing.testing import Given
from shared.eventsourcing.testing import given as given_that
from tests.deciders.shapes import FEW, FIRST, HANDS, ID, SUBJECT, TOWN, live

D = rec.SHAPE.decider("assistance")
FIELDS = (
    Field("agent", "代办人", fixed=True),
    Field("step", "环节", choices=("apply", "submit", "collect"), stepwise=True),
    Field("note_no", "文号", required=False),
)
TERMS = rec.Terms(FIELDS, single=True, certificate="DB", valid_days=365)
ENTRIES = (Entry("agent", "staff:li"), Entry("step", "apply"))
FILE = rec.FileRecord("full_process_proxy_application", TOWN, SUBJECT, "2023-1", ENTRIES, TERMS)


def filed() -> Given[Any]:
    return given_that(D).by("staff:clerk").when(FILE).accepted()


def registered() -> Given[Any]:
    checked = filed().by("staff:reviewer").when(rec.CheckRecord(ID)).accepted()
    return checked.by("staff:approver").when(rec.RegisterRecord(ID)).accepted()


def certified() -> Given[Any]:
    return registered().when(rec.CertifyRecord(ID)).accepted()


def test_a_record_is_registered_by_three_hands() -> None:
    """Filed, checked and registered by three; valid for as long as the terms say, both days included."""
    state = registered().state
    assert state.status == "registered"
    assert state.versions == (rec.Version(1, ENTRIES, FIRST),)
    assert rec.valid_on(state, FIRST)
    assert rec.valid_on(state, date(2024, 7, 1))
    assert not rec.valid_on(state, date(2024, 7, 2))


def test_nobody_checks_his_own_filing_nor_registers_his_own_check() -> None:
    """Law 9 holds at both steps."""
    filed().when(rec.CheckRecord(ID)).then_refused("same_hand")
    checked = filed().by("staff:reviewer").when(rec.CheckRecord(ID)).accepted()
    checked.when(rec.RegisterRecord(ID)).then_refused("same_hand")
    checked.by("staff:clerk").when(rec.RegisterRecord(ID)).then_refused("same_hand")


def test_no_step_is_skipped() -> None:
    """Not registered unchecked, not certified or changed unregistered, not filed twice."""
    filed().by("staff:approver").when(rec.RegisterRecord(ID)).then_refused("out_of_order")
    filed().by("staff:approver").when(rec.CertifyRecord(ID)).then_refused("out_of_order")
    filed().when(rec.ChangeRecord(ID, (Entry("note_no", "1"),), "补录")).then_refused("out_of_order")
    filed().when(FILE).then_refused("already_exists", "subject_id")


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Entry("agent", "staff:li"),),
        (Entry("agent", "staff:li"), Entry("step", "elsewhere")),
        (*ENTRIES, Entry("colour", "红")),
        (*ENTRIES, Entry("step", "apply")),
    ],
    ids=["nothing", "one missing", "no such choice", "unknown", "twice"],
)
def test_the_register_takes_only_what_its_terms_name(entries: tuple[Entry, ...]) -> None:
    """Missing, unknown, doubled and impossible entries are refused with the field."""
    command = rec.FileRecord(FILE.programme, TOWN, SUBJECT, "", entries, TERMS)
    given_that(D).when(command).then_refused("invalid_input", "entries")


def test_a_step_of_a_record_is_never_skipped_nor_taken_back() -> None:
    """A stepwise entry begins with its first choice and moves to the next only; a fixed one never moves."""
    started = (Entry("agent", "staff:li"), Entry("step", "submit"))
    given_that(D).when(rec.FileRecord("p", TOWN, SUBJECT, "", started, TERMS)).then_refused("out_of_order", "entries")
    here = certified().by("staff:clerk")
    here.when(rec.ChangeRecord(ID, (Entry("step", "collect"),), "领取")).then_refused("out_of_order", "entries")
    here.when(rec.ChangeRecord(ID, (Entry("agent", "staff:wang"),), "换人")).then_refused("invalid_input", "entries")
    submitted = here.when(rec.ChangeRecord(ID, (Entry("step", "submit"),), "提交")).accepted().by("staff:reviewer")
    submitted = submitted.when(rec.CheckRecord(ID)).accepted().by("staff:clerk")
    submitted.when(rec.ChangeRecord(ID, (Entry("step", "apply"),), "退")).then_refused("out_of_order", "entries")


def test_a_change_is_checked_by_another_hand_and_keeps_the_old_version() -> None:
    """The new version has a certificate of its own, the old certificate stands no longer, the old entries are there still."""
    before = certified().state
    asked = certified().by("staff:clerk").when(rec.ChangeRecord(ID, (Entry("step", "submit"),), "已提交")).accepted()
    assert rec.view(asked.state).worklist == "record_change"
    assert asked.state.entries == ENTRIES
    asked.when(rec.CheckRecord(ID)).then_refused("same_hand")
    after = asked.by("staff:reviewer").when(rec.CheckRecord(ID)).accepted().state
    assert [v.entries[1].value for v in after.versions] == ["apply", "submit"]
    assert after.certificate != before.certificate
    assert rec.certificate_stands(after, after.certificate.lower(), FIRST)
    assert not rec.certificate_stands(after, before.certificate, FIRST)
    refused = asked.by("staff:reviewer").when(rec.RefuseRecord(ID, "未提交")).accepted().state
    assert (refused.status, refused.entries, refused.current) == ("registered", ENTRIES, 1)


def test_a_certificate_leads_back_to_its_record() -> None:
    """The number is the record's id and version, readable by anybody, with a check code."""
    state = certified().state
    assert verify_code(state.certificate) == (ID, 1)
    certified().when(rec.CertifyRecord(ID)).then_refused("already_exists")


@given(st.uuids(), st.integers(1, 300), st.integers(0, 200), st.sampled_from("0189AKZ-"))
@example(uuid.UUID(int=0), 1, 3, "1")
@example(uuid.UUID(int=(1 << 128) - 1), 12, 3, "Z")
def test_a_mistyped_number_is_no_number(record_id: uuid.UUID, version: int, place: int, other: str) -> None:
    """Numbers of different records or versions differ, and one wrong character is noticed."""
    number = certificate_no("DB", str(record_id), version)
    assert verify_code(f" {number.lower()} ") == (str(record_id), version)
    place %= len(number)
    if number[place] != other:
        assert verify_code(number[:place] + other + number[place + 1 :]) is None


@given(st.text(max_size=40))
def test_anything_may_be_verified(text: str) -> None:
    """What is no number at all is answered with None, never with an error."""
    assert verify_code(text) is None or verify_code(text)


def test_revocation_names_whoever_relied_on_it() -> None:
    """撤销 is by another hand than registered it, and its published event names the cases that rest on it."""
    relied = certified().by("staff:clerk").when(rec.RelyOnRecord(ID, "case-7")).accepted()
    relied.when(rec.RelyOnRecord(ID, "case-7")).then_nothing()
    relied.by("staff:approver").when(rec.RevokeRecord(ID, "冒用")).then_refused("same_hand")
    ended = relied.on("2023-08-01").by("staff:approver2").when(rec.RevokeRecord(ID, "冒用"))
    number = relied.state.certificate
    ended.then(
        rec.RecordEnded(
            FILE.programme, TOWN, SUBJECT, "2023-1", "revoked", number, ("case-7",), "冒用", date(2023, 8, 1)
        )
    )  # fmt: skip
    state = ended.accepted().state
    assert rec.valid_on(state, date(2023, 7, 31))
    assert not rec.valid_on(state, date(2023, 8, 1))
    assert not rec.certificate_stands(state, number, date(2023, 8, 1))


def test_a_record_filed_anew_never_gets_an_old_number() -> None:
    """Versions count on over the end of a record, and its earlier time in force is still answered for."""
    again = certified().on("2023-09-01").by("staff:clerk").when(rec.CancelRecord(ID, "办结")).accepted().when(FILE).accepted()
    again = again.by("staff:reviewer").when(rec.CheckRecord(ID)).accepted().by("staff:approver").when(rec.RegisterRecord(ID)).accepted()
    again = again.when(rec.CertifyRecord(ID)).accepted()
    assert verify_code(again.state.certificate) == (ID, 2)
    assert rec.valid_on(again.state, date(2023, 7, 10))
    assert rec.valid_on(again.state, date(2023, 9, 1))


def test_a_late_check_and_an_expiry_are_events() -> None:
    """The timer tells that nobody checked, once; and takes an expired record out of force."""
    late = filed().on("2023-07-11").when(rec.NoteRecordOverdue(ID, "check"))
    late.then(rec.RecordOverdue(FILE.programme, TOWN, SUBJECT, "check", date(2023, 7, 10))).when(rec.NoteRecordOverdue(ID, "check")).then()
    filed().on("2023-07-10").when(rec.NoteRecordOverdue(ID, "check")).then_nothing()
    over = certified().on("2024-07-02").when(rec.NoteRecordOverdue(ID, "expire")).accepted()
    assert over.state.status == "expired"
    over.when(rec.RelyOnRecord(ID, "case-1")).then_refused("out_of_order")


def test_a_certificate_needs_an_id_that_a_door_made() -> None:
    """An id of another form is refused, never certified under a number that leads nowhere."""
    with pytest.raises(Refused):
        certificate_no("DB", "case-1", 1)


COMMANDS = st.sampled_from(
    [
        FILE,
        rec.CheckRecord(ID),
        rec.RefuseRecord(ID, "不实"),
        rec.RegisterRecord(ID),
        rec.CertifyRecord(ID),
        rec.ChangeRecord(ID, (Entry("step", "submit"),), "提交"),
        rec.ChangeRecord(ID, (Entry("step", "collect"),), "领取"),
        rec.ChangeRecord(ID, (Entry("note_no", "8"),), "补录"),
        rec.RelyOnRecord(ID, "case-1"),
        rec.RevokeRecord(ID, "冒用"),
        rec.CancelRecord(ID, "办结"),
        rec.NoteRecordOverdue(ID, "check"),
    ]
)
NEXT = {
    "none": {"filed"},
    "filed": {"checked", "refused", "withdrawn"},
    "checked": {"registered", "refused", "withdrawn"},
    "registered": {"revoked", "cancelled", "expired"},
}


def legal(before: rec.Record, events: Any, after: rec.Record, day: date) -> None:
    """What a record promises after any step."""
    assert after.status == before.status or after.status in NEXT.get(before.status, {"filed"})
    assert [v.number for v in after.versions] == list(range(1, after.current + 1))
    assert after.versions[: len(before.versions)] == before.versions, "a version was rewritten"
    assert rec.valid_on(after, day) == (after.status == "registered" and (after.valid_to is None or day <= after.valid_to))
    if after.certificate:
        assert verify_code(after.certificate) == (ID, after.current)
    if after.status == "registered":
        assert len({after.filed_by, after.checked_by, after.registered_by}) == 3
        steps = [v.entries[1].value for v in after.versions]
        assert [s for s in steps if s not in ("apply", "submit", "collect")] == []
    for event in events:
        if isinstance(event, rec.RecordEnded) and event.outcome != "withdrawn":
            assert event.relied_by == before.relied_by


@FEW
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(HANDS), st.sampled_from([0, 0, 1, 9, 200])), max_size=25))
def test_any_life_of_a_record_is_legal(steps: list[Any]) -> None:
    """Whatever is asked in whatever order: no step skipped, no number twice, one worklist, a way out."""
    exits = [(rec.RefuseRecord(ID, "不实"), hand) for hand in HANDS]
    procedure = [(FILE, "staff:clerk", 0), (rec.CheckRecord(ID), "staff:reviewer", 0), (rec.RegisterRecord(ID), "staff:approver", 0)]
    live(rec.SHAPE, [*procedure[: len(steps) % 4], *steps], exits, legal)

"""Looks noted at the door (查阅留痕): what a query is asked for, the event before its answer. See shared/casework/looks.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.casework import looks
from shared.domain import division as divisions
from shared.domain.errors import invalid
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.messaging import wire
from shared.office import Office

PURPOSE, REFERENCE = "purpose", "purpose_reference"  # in an RPC's context, beside the token


def why(context: Mapping[str, Any]) -> tuple[str, str]:
    """The purpose a caller gives, and the number of what it is for; refused when it is none of the house's."""
    purpose, reference = context.get(PURPOSE) or looks.USUAL, context.get(REFERENCE) or ""
    if purpose not in looks.PURPOSES:
        raise invalid(f"查阅目的须为 {'、'.join(looks.PURPOSES)} 之一。", PURPOSE)
    if not isinstance(reference, str) or len(reference) > wire.MOST_ID or not (reference or "-").isprintable():
        raise invalid(f"须为至多{wire.MOST_ID}个字符的文本。", REFERENCE)
    if wire.holds_resident_id(reference):
        raise invalid("文号中不得含有身份证号码。", REFERENCE)  # it is stored in the clear
    return purpose, reference


def check_file(given: Mapping[str, Any], name: str) -> None:
    """A file's id will be a stream's: refuse what cannot be one before anything is read."""
    value = given.get(name)
    if not isinstance(value, str):
        return
    if len(value) > wire.MOST_ID or not all(c.isalnum() or c in "-_." for c in value) or wire.holds_resident_id(value):
        raise invalid("编号格式不正确。", name)


def note(
    office: Office, hand: Hand, method: str, name: str, given: Mapping[str, Any], as_of: datetime | None, why: tuple[str, str], answer: Any
) -> None:
    """Append the look at what ``answer`` shows; Unavailable when the log is away, and then nothing is shown."""
    now = office.clock.now()
    if given.get(name):
        files: tuple[str, ...] = (str(given[name]),)
        places: tuple[str, ...] = ()
        stream_id = files[0]
    else:
        rows = answer if isinstance(answer, list) else ()  # asked about nobody, a query of one file shows none
        listed = {str(row[name]): str(row.get("division") or hand.division) for row in rows if row.get(name)}
        files, places = tuple(listed), tuple(listed.values())
        stream_id = looks.list_id(method, hand.actor, now.date().isoformat())
    if not files:
        return
    shown = answer[0] if isinstance(answer, list) and answer and given.get(name) else answer  # of a list that was narrowed to the file
    said = shown.get("division") if isinstance(shown, Mapping) else None
    where = said if isinstance(said, str) and divisions.covers(hand.division, said) else hand.division
    look = looks.LookAtFile(files, method, why[0], where, tuple(sorted(hand.roles)), why[1], as_of, places)
    # A hand that may ask needs no permission to be noted: the service notes it, under the hand's own name.
    noting = Hand(hand.actor, Hand.service(office.service).roles, hand.division)
    command_id = derived_id("look", stream_id, hand.actor, method, *why, str(as_of), now.isoformat(), *files)
    office.handle(looks.decider(office.service), stream_id, Order(look, command_id, noting, now))

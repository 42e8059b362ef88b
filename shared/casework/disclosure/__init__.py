"""What is public of a benefit case (阳光公开), and the objections that come in from the public page (公众异议). Beside the fifteen shapes.

One stream per case, under the case's id. Life: nothing → proposal (公示, until a day) → recipient (在保公开) → nothing again; or withdrawn
by a hand (personal safety, a court's order), restored by another. What stands always follows from the case as it is now (``wanted``),
cut down to what the programme declares (``Programme.public``); a change is a correction, and what is over expires by itself.
Beside it: an objection reported from the page → taken (it becomes the case's objection) | rejected with a reason | moot, when the
proposal comes to nothing meanwhile. It is told to whoever asks by the receipt number.

Must hold: nothing is public that is not declared, never a full name, never a minor's; what is withdrawn by hand stays away until another
hand restores it, but is still counted; an objection stands in one worklist until a clerk has dealt with it, is late aloud and once, is not
put aside by a hand of the case, and the same words twice are one; who objected may stay unnamed, and what he wrote is sealed under a
key of his own. Relied on by the portal, whose pages are folded from these events.

The files, in the order in which they are read: ``events.py``, ``state.py``, ``wanted.py`` (what is to stand), ``acts.py``.
"""

from __future__ import annotations

from shared.casework.disclosure.acts import (
    MOOT,
    MOST_OPEN,
    CorrectDisclosure,
    KeepDisclosure,
    NotePublicObjectionOverdue,
    RejectPublicObjection,
    ReportPublicObjection,
    RestoreDisclosure,
    TakePublicObjection,
    WithdrawDisclosure,
    correct,
    keep,
    note_overdue,
    reject,
    report,
    restore,
    take,
    withdraw,
)
from shared.casework.disclosure.events import (
    SHAPE,
    Counted,
    DisclosureCorrected,
    DisclosureExpired,
    DisclosureFieldsHidden,
    DisclosurePublished,
    DisclosureRescheduled,
    DisclosureRestored,
    DisclosureWithdrawn,
    PublicObjectionMoot,
    PublicObjectionOverdue,
    PublicObjectionRejected,
    PublicObjectionReported,
    PublicObjectionTaken,
    Shown,
)
from shared.casework.disclosure.state import PLACE, Report, State, due_on, evolve
from shared.casework.disclosure.wanted import FULL_AGE, Wanted, Who, number, publicity, wanted
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import adopt

__all__ = [
    "FULL_AGE", "MOOT", "MOST_OPEN", "PLACE", "SHAPE", "CorrectDisclosure", "Counted", "DisclosureCorrected", "DisclosureExpired",
    "DisclosureFieldsHidden", "DisclosurePublished", "DisclosureRescheduled", "DisclosureRestored", "DisclosureWithdrawn",
    "KeepDisclosure", "NotePublicObjectionOverdue", "PublicObjectionMoot", "PublicObjectionOverdue", "PublicObjectionRejected",
    "PublicObjectionReported", "PublicObjectionTaken", "RejectPublicObjection", "Report", "ReportPublicObjection",
    "RestoreDisclosure", "Shown", "State", "TakePublicObjection", "Wanted", "Who", "WithdrawDisclosure", "decider", "due_on",
    "evolve", "keep", "number", "publicity", "wanted",
]  # fmt: skip


def decider(service: str) -> Decider[State]:
    """The decider for one service, whose streams and events carry the service's name."""
    adopt(service, SHAPE)
    return Decider(
        category=f"{service}.disclosure",
        initial=State(),
        evolve=evolve,
        decide={
            KeepDisclosure: keep,
            CorrectDisclosure: correct,
            WithdrawDisclosure: withdraw,
            RestoreDisclosure: restore,
            ReportPublicObjection: report,
            TakePublicObjection: take,
            RejectPublicObjection: reject,
            NotePublicObjectionOverdue: note_overdue,
        },
        division=lambda state: state.division,
    )

"""What operators do to the messages of the house (运行操作), as events: a dead letter is given back or discarded by somebody, for a reason.

One stream a letter, ``operations.dead_letter-<id>``. The event is written first and the letter moved after it: nothing is given back or
discarded that is not recorded, and whoever repeats the act after a crash in between repeats only the move. Nobody is named in it: the
letter's id is a keyed hash, the event's id was made safe at the door, and a reason that holds a resident ID is refused.

A bundle for an auditor that was taken is recorded by itself (``shared/bundles.py``).

To put another release in place is what operators do as well: what its files say in public is recorded by itself (``shared/filed.py``).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.bundles import BUNDLE, TakeAuditBundle, noting
from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import invalid
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.eventsourcing.repository import Repository
from shared.filed import FILED  # noqa: F401 - the other decider of these streams, found here (shared/eventlog/discovery.py)
from shared.rules.profile import load_profile
from shared.security.vault import Vault, derived_key

if TYPE_CHECKING:
    from shared.messaging.dead_letters import Letter

PERMISSION = "operations:dead_letters"
MOST_REASON = 500


@dataclass(frozen=True)
class _Act:
    letter_id: str
    service: str
    queue: str  # the reaction it was for
    event_id: str
    failed_at: str  # when it became a dead letter; a letter that fails again after it was given back is another matter
    failure: str  # code of the refusal or class of the exception
    why: str
    division: str


@event("operations.dead_letter_replayed")
@dataclass(frozen=True)
class DeadLetterReplayed(_Act):
    """死信重放。"""


@event("operations.dead_letter_discarded")
@dataclass(frozen=True)
class DeadLetterDiscarded(_Act):
    """死信丢弃。"""


@command("operations.replay_dead_letter", permission=PERMISSION)
@dataclass(frozen=True)
class ReplayDeadLetter(_Act):
    """Give a letter back to its reaction."""


@command("operations.discard_dead_letter", permission=PERMISSION)
@dataclass(frozen=True)
class DiscardDeadLetter(_Act):
    """Set a letter aside for good."""


def _told(act: _Act) -> dict[str, str]:
    return {name: getattr(act, name) for name in _Act.__dataclass_fields__}


def _replay(state: str, act: ReplayDeadLetter, order: Order[ReplayDeadLetter]) -> Sequence[DeadLetterReplayed]:
    reason(act.why)
    return [DeadLetterReplayed(**_told(act))]


def _discard(state: str, act: DiscardDeadLetter, order: Order[DiscardDeadLetter]) -> Sequence[DeadLetterDiscarded]:
    reason(act.why)
    return [DeadLetterDiscarded(**_told(act))]


DEAD_LETTER: Decider[str] = Decider(
    category="operations.dead_letter",
    initial="",
    evolve=lambda state, happened: happened.division,
    decide={ReplayDeadLetter: _replay, DiscardDeadLetter: _discard},
    division=lambda state: state,
)


class Records:
    """Where acts on dead letters are written down; one of a process, thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._log = Log(settings.eventstore_uri)
        self._clock = Clock(settings.clock_file)
        vault = Vault(engine_for(settings, "vault"), settings.master_key, settings.keys_kept)
        self._repository = Repository(self._log, vault, derived_key(settings.master_key, b"command hashes"))
        self._division = load_profile(settings.profile).division_code

    def replayed(self, letter: Letter, hand: Hand, why: str) -> None:
        self._record(ReplayDeadLetter, letter, hand, why)

    def discarded(self, letter: Letter, hand: Hand, why: str) -> None:
        self._record(DiscardDeadLetter, letter, hand, why)

    def _record(self, kind: type[ReplayDeadLetter] | type[DiscardDeadLetter], letter: Letter, hand: Hand, why: str) -> None:
        act = kind(
            letter_id=letter.id,
            service=letter.service,
            queue=letter.queue,
            event_id=letter.event_id,
            failed_at=letter.failed_at,
            failure=letter.reason,
            why=why,
            division=self._division,
        )
        asked = (kind.__name__, letter.id, letter.failed_at)  # repeated with other words it is the same act
        self._repository.handle(
            DEAD_LETTER, letter.id, Order(command=act, command_id=derived_id(*asked), hand=hand, now=self._clock.now(), asked=asked)
        )

    def bundle(self, taken: TakeAuditBundle, actor: str) -> None:
        """An auditor's bundle that is about to be handed out."""
        bundle_id = str(uuid.uuid4())
        self._repository.handle(BUNDLE, bundle_id, Order(taken, bundle_id, noting(actor, taken.division), self._clock.now()))

    def close(self) -> None:
        self._log.close()


def reason(text: str) -> str:
    """A reason as it may be kept; Refused when there is none, it is too long, or it names somebody by his number."""
    from shared.messaging.wire import holds_resident_id

    text = text.strip()
    if not text:
        raise invalid("请写明理由。", "reason")
    if len(text) > MOST_REASON:
        raise invalid(f"理由不超过{MOST_REASON}字。", "reason")
    if holds_resident_id(text):
        raise invalid("理由中不得含有身份证号码。", "reason")
    return text

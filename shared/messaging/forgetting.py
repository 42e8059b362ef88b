"""What stands aside in the broker of an erased person (个人信息删除): an agency's message may hold a resident ID, which no key of the
person's seals, only the house's.

Dead letters that name an erased person are emptied and discarded, discarded ones are emptied where they are. What waits for a retry is
left: in minutes it is in the log, where nothing of an erased person is kept, or among the dead letters. For the command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from shared.clock import SHANGHAI
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused
from shared.messaging import names, wire
from shared.messaging.dead_letters import Before, DeadLetters, Letter, _nothing

REASON = "个人信息已删除，内容清空"
_NUMBERS = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")


def names_one(text: str, erased: Callable[[str], bool]) -> bool:
    """Whether a resident ID of an erased person stands anywhere in a text."""
    for number in _NUMBERS.findall(text):
        try:
            if erased(resident_ids.check(number.upper())):
                return True
        except Refused:
            continue
    return False


def _plain(body: bytes) -> str:
    """A body without the escapes of JSON, which may end in a digit just before a number."""
    try:
        body = msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return body.decode("utf-8", "ignore")


class Forgetting(DeadLetters):
    """The dead and the discarded letters of some services."""

    def forget(self, erased: Callable[[str], bool], before: Before = _nothing) -> int:
        """Empty every letter that names a person of whose resident ID ``erased`` says so; how many there were."""
        count = 0
        with self._channel() as channel:
            for service in self._services:
                for queue in (names.dead(service), names.discarded(service)):
                    for letter in tuple(self._taken(channel, service, queue)):  # all, before one is moved: perhaps to the same queue
                        envelope = self._names_one(letter, erased)
                        if envelope is None:
                            continue
                        if queue == names.dead(service):
                            self._must_be_there(channel, names.discarded(service))
                            before(letter)
                        told = {"x-mz-discarded-at": datetime.now(SHANGHAI).isoformat(timespec="seconds"), **letter.headers}
                        self._move(channel, letter, names.discarded(service), envelope, {**told, "x-mz-discarded": REASON})
                        count += 1
        return count

    def _names_one(self, letter: Letter, erased: Callable[[str], bool]) -> bytes | None:
        """The emptied message in the place of one that names an erased person; None for any other."""
        try:
            found = wire.unseal(letter.body, self._sealer)
        except Refused:
            return None  # not ours, or of another master key: nobody opens it here
        if not names_one(f"{_plain(found.body)} {found.message_id}", erased):
            return None
        empty = wire.Envelope(
            body=b"{}", content_type=found.content_type, message_id=letter.event_id, exchange=found.exchange,
            routing_key=found.routing_key, queue=found.queue, headers={},
        )  # fmt: skip
        return wire.seal(empty, self._sealer)

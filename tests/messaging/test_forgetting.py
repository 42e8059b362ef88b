"""After an erasure nothing that stands aside in the broker names the person any more; everybody else's letters stay as they were."""

from __future__ import annotations

import pytest

from shared.domain import resident_id as resident_ids
from shared.messaging import names, wire
from shared.messaging.dead_letters import Letter
from shared.messaging.forgetting import REASON, Forgetting, names_one
from shared.security.vault import Sealer
from tests.messaging.house import RESIDENT_ID, House, wait_for

OTHER = "110105194912310038"
KEY = b"p" * 32


def erased(number: str) -> bool:
    return resident_ids.person_id(number, KEY) == resident_ids.person_id(RESIDENT_ID, KEY)


@pytest.mark.usefixtures("standing")
def test_letters_that_name_an_erased_person_are_emptied(house: House) -> None:
    """The dead ones are discarded with the reason, and recorded before; the discarded ones are emptied where they are."""
    house.purge(names.dead("counter"), names.discarded("counter"))
    named = house.publish("clock", "ticked", {"counter_id": 5, "resident_id": RESIDENT_ID, "name": "金丝雀"})
    deep = house.publish("clock", "ticked", {"counter_id": 5, "members": [{"note": f"身份证{RESIDENT_ID}。"}]})
    before = house.publish("clock", "ticked", {"counter_id": 5, "by": RESIDENT_ID})
    other = house.publish("clock", "ticked", {"counter_id": 5, "resident_id": OTHER, "name": "白头翁"})
    wait_for(lambda: len(house.letters()) == 4, "four dead letters")
    house.dead.discard(house.letters(before)[0].id, "不办")
    seen: list[Letter] = []
    forgetting = Forgetting(house.broker.uri, house.settings.master_key, ("counter",))
    assert forgetting.forget(erased, seen.append) == 3
    assert {letter.event_id for letter in seen} == {named, deep}
    assert [letter.event_id for letter in house.letters()] == [other]
    discarded = letters_in(house, names.discarded("counter"))
    assert {envelope.message_id: envelope.body for envelope, _ in discarded} == {named: b"{}", deep: b"{}", before: b"{}"}
    assert {headers["x-mz-discarded"] for _, headers in discarded} == {REASON}
    kept = wire.unseal(house.letters(other)[0].body, Sealer(house.settings.master_key))
    assert OTHER in kept.body.decode()
    assert forgetting.forget(erased, seen.append) == 0
    house.purge(names.dead("counter"), names.discarded("counter"))


def letters_in(house: House, queue: str) -> list[tuple[wire.Envelope, dict[str, str]]]:
    found = []
    with house.channel() as channel:
        while (got := channel.basic_get(queue))[0] is not None:
            found.append((wire.unseal(got[2], Sealer(house.settings.master_key)), dict(got[1].headers)))
    return found


def test_a_number_is_found_wherever_it_stands() -> None:
    """And no other, however like one it looks."""
    assert names_one(f"a{RESIDENT_ID.lower()}b", erased)
    assert names_one(f'{{"id": "{OTHER}", "x": "{RESIDENT_ID}"}}', erased)
    for text in ("", OTHER, RESIDENT_ID[:-1] + "3", f"9{RESIDENT_ID}", "无"):
        assert not names_one(text, erased)

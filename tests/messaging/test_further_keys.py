"""A reaction that needs some of an event alone: the broker hands it those, and a binding of an earlier release is taken off in time."""

from __future__ import annotations

import contextlib
from typing import Any

from pika.exceptions import UnroutableError

from shared.messaging import names
from tests.messaging.house import STRUCK, House, new_id, wait_for


def struck(house: House, counter: str) -> list[str]:
    """The events of a counter that came to the reaction."""
    return [line.split()[1] for line in house.board_lines("struck") if line.startswith(counter)]


def strikes(house: House, counter: str, *hours: str, **more: Any) -> list[str]:
    """The clock strikes these hours: the ids of the events. One that no queue takes is given back by the broker."""
    told = [new_id() for _ in hours]
    for hour, event_id in zip(hours, told, strict=True):
        with contextlib.suppress(UnroutableError):
            house.publish("clock", "struck", {"counter_id": counter, **more}, event_id, further=names.further_key("struck", hour))
    return told


def handed_on(house: House, counter: str, *hours: str) -> list[int]:
    """Which of these hours came to the reaction, by their place; another one that it listens to, struck last, says that all have come."""
    told = strikes(house, counter, *hours)
    [last] = strikes(house, counter, "midnight")
    wait_for(lambda: last in struck(house, counter), "the last one")
    return [n for n, event_id in enumerate(told) if event_id in struck(house, counter)]


def bound_by_an_earlier_release(house: House) -> None:
    """The queue as it was before the reaction was narrowed."""
    with house.channel() as channel:
        channel.exchange_declare("clock.events", "topic", durable=True)
        channel.queue_declare(STRUCK, durable=True, arguments=names.reaction_arguments("counter"))
        channel.queue_bind(STRUCK, "clock.events", "struck")


def relay_has_been_here(house: House, here: bool) -> None:
    with house.channel() as channel:
        if here:
            channel.exchange_declare(names.FURTHER_KEYS, "topic", durable=True)
        else:
            channel.exchange_delete(names.FURTHER_KEYS)


def test_the_broker_hands_on_what_was_asked_for_and_that_once(alone: House) -> None:
    """Of four hours the two that were asked for; while the wide binding of an earlier release is there too, each comes once."""
    relay_has_been_here(alone, False)
    bound_by_an_earlier_release(alone)
    with alone.worker():
        assert handed_on(alone, counter := new_id(), "noon", "morning") == [0, 1]
        assert len(struck(alone, counter)) == 3
    relay_has_been_here(alone, True)
    with alone.worker():
        assert handed_on(alone, counter := new_id(), "morning", "noon", "evening", "midnight") == [1, 3]
        assert len(struck(alone, counter)) == 3


def test_a_relay_of_an_earlier_release_is_heard_until_it_is_replaced(alone: House) -> None:
    """It says the event's name alone: as long as no other has been here, the wide binding stays and nothing is lost."""
    relay_has_been_here(alone, False)
    bound_by_an_earlier_release(alone)
    with alone.worker():
        event_id = alone.publish("clock", "struck", {"counter_id": (counter := new_id())})
        wait_for(lambda: struck(alone, counter) == [event_id], "what an earlier relay said")


def test_a_message_with_a_further_key_is_set_aside_and_comes_back_to_its_reaction(alone: House) -> None:
    """The further key stays behind: the dead letter is in no other queue, and what is given back comes to its own reaction alone."""
    with alone.worker():
        [event_id] = strikes(alone, counter := new_id(), "noon", behave="refuse")
        [letter] = wait_for(lambda: alone.letters(event_id), "a dead letter")
        assert (letter.queue, letter.reason) == (STRUCK, "not_found")
        assert struck(alone, counter) == [event_id]

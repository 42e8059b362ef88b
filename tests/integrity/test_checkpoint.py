"""A checkpoint is believed only as it was signed, and an event's leaf changes with every byte of it."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.clock import SHANGHAI
from shared.eventlog.integrity import tree
from shared.eventlog.integrity.checkpoint import Checkpoint, CheckpointError, opened, signed, size_of, stated
from shared.eventlog.integrity.leaf import leaf_of
from shared.eventlog.raw import Raw

ORIGIN = "minzheng.330225"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MADE = Checkpoint(ORIGIN, 1_200_000, tree.leaf_hash(b"x"), 734_003_200, datetime(2026, 11, 22, 23, 10, tzinfo=SHANGHAI))


def test_what_was_signed_is_read_back() -> None:
    """The form is the signed note that witnesses of transparency logs read."""
    note = signed(MADE, KEY)
    assert opened(note, ORIGIN, KEY.public_key()) == MADE
    text, signature = note.split("\n\n")
    assert text.splitlines()[:2] == [ORIGIN, "1200000"]
    assert signature.startswith(f"— {ORIGIN} ")
    assert note.endswith("\n")


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("1200000", "1200001"),
        ("position 7", "position 8"),
        ("23:10", "23:11"),
        ("minzheng.330225\n1", "minzheng.330226\n1"),
        ("\n\n", "\n"),
    ],
)
def test_a_changed_checkpoint_is_refused(was: str, is_now: str) -> None:
    """Size, place, time, origin, form."""
    note = signed(MADE, KEY)
    changed = note.replace(was, is_now, 1)
    assert changed != note
    with pytest.raises(CheckpointError):
        opened(changed, ORIGIN, KEY.public_key())


def test_another_key_another_origin_and_another_spelling_are_refused() -> None:
    """One statement has one form: a leading zero would be a second one with the same meaning."""
    note = signed(MADE, KEY)
    with pytest.raises(CheckpointError, match="另一把密钥"):
        opened(note, ORIGIN, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(CheckpointError, match="不是本系统的"):
        opened(note, "minzheng.330226", KEY.public_key())

    class Spelt(Checkpoint):
        @property
        def text(self) -> str:
            return super().text.replace("\n1200000\n", "\n01200000\n")

    with pytest.raises(CheckpointError, match="格式"):
        opened(signed(Spelt(**dataclasses.asdict(MADE)), KEY), ORIGIN, KEY.public_key())


EVENT = Raw("assistance.case_granted", b'{"a":1}', b'{"m":2}', str(uuid.UUID(int=7)), "assistance.case-1", 3, 900)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "assistance.case_ended"},
        {"data": b'{"a":2}'},
        {"metadata": b'{"m":3}'},
        {"id": str(uuid.UUID(int=8))},
        {"stream": "assistance.case-2"},
        {"version": 4},
        {"data": b'{"a":1}{"m":2}', "metadata": b""},  # the same bytes, cut elsewhere
    ],
)
def test_every_part_of_an_event_is_in_its_leaf(change: dict[str, object]) -> None:
    """And where one part ends and the next begins."""
    assert leaf_of(dataclasses.replace(EVENT, **change)) != leaf_of(EVENT)  # type: ignore[arg-type]


def test_the_leaf_does_not_know_where_the_log_keeps_the_event() -> None:
    """The same history in another log has the same tree."""
    assert leaf_of(dataclasses.replace(EVENT, position=1)) == leaf_of(EVENT)


@pytest.mark.parametrize("note", ["", "\n", "x\n5", "a\n5\nb\n", "minzheng.330225\n9\n!!\nposition x\ntime y\n\n— minzheng.330225 AAAA\n"])
def test_what_is_no_note_states_nothing(note: str) -> None:
    """Pages and commands go on over a checkpoint that somebody changed in the log; the check names it."""
    assert stated(note) is None
    assert size_of(note) == -1

"""The log against a model of it: random appends, deletes, tombstones and metadata, judged alike by both after every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from esdbclient import EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import EventStoreDBClientException, NotFound, StreamIsDeleted, WrongCurrentVersion
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

ANY, NONE, EXISTS = StreamState.ANY, StreamState.NO_STREAM, StreamState.EXISTS


@dataclass
class Stream:
    """What the model remembers of a stream."""

    ids: list[UUID] = field(default_factory=list)
    first: int = 0
    max_count: int | None = None
    soft_deleted: bool = False
    tombstoned: bool = False
    has_metadata: bool = False

    def shown(self) -> list[UUID]:
        first = self.first
        if self.max_count is not None:
            first = max(first, len(self.ids) - self.max_count)
        return self.ids[first:]

    def judge(self, expected: int | StreamState, ids: list[UUID]) -> str:
        """The table of engines: "write", "again" (idempotent), "wrong" or "gone"."""
        current = len(self.ids) - 1
        if self.tombstoned:
            return "gone"
        if expected is EXISTS:
            if self.soft_deleted:
                return "gone"
            if current < 0 and not self.has_metadata:
                return "wrong"
        if expected is ANY or expected is EXISTS:
            known = [identifier in self.ids for identifier in ids]
            return "write" if not known[0] else ("again" if all(known) else "wrong")
        version = -1 if expected is NONE else expected
        assert isinstance(version, int)
        if version < current:
            if self.ids[version + 1 : version + 1 + len(ids)] == ids:
                return "again"
            return "write" if expected is NONE and self.soft_deleted and self.ids[0] != ids[0] else "wrong"
        return "write" if version == current else "wrong"


VERSIONS = st.one_of(st.sampled_from([ANY, NONE, EXISTS]), st.integers(0, 6))
NAMES = st.integers(0, 2)


class LogMachine(RuleBasedStateMachine):
    """Drives a server and the model side by side, on three streams of each run's own."""

    client: EventStoreDBClient

    def __init__(self) -> None:
        super().__init__()
        self.run = uuid4().hex
        self.streams = [Stream() for _ in range(3)]
        self.pool = [uuid4() for _ in range(4)]

    def name(self, nth: int) -> str:
        return f"m.{self.run}-{nth}"

    def attempt(self, action: Any) -> str:
        try:
            action()
        except WrongCurrentVersion:
            return "wrong"
        except NotFound:
            return "absent"
        except StreamIsDeleted:
            return "gone"
        except EventStoreDBClientException as error:
            return "gone" if "is deleted" in str(error) else repr(error)
        return "done"

    @rule(nth=NAMES, version=VERSIONS, picks=st.lists(st.one_of(st.integers(0, 3), st.none()), min_size=1, max_size=3))
    def append(self, nth: int, version: int | StreamState, picks: list[int | None]) -> None:
        ids = [uuid4() if pick is None else self.pool[pick] for pick in picks]
        stream = self.streams[nth]
        events = [NewEvent(type="T", data=b"{}", id=identifier) for identifier in ids]
        verdict = stream.judge(version, ids)
        single = len(events) == 1
        outcome = self.attempt(
            lambda: self.client.append_event(self.name(nth), current_version=version, event=events[0])
            if single
            else self.client.append_events(self.name(nth), current_version=version, events=events)
        )
        assert outcome == {"write": "done", "again": "done"}.get(verdict, verdict)
        if verdict == "write":
            if stream.soft_deleted:
                stream.soft_deleted, stream.first = False, len(stream.ids)
            stream.ids += ids

    @rule(nth=NAMES, version=VERSIONS)
    def delete(self, nth: int, version: int | StreamState) -> None:
        stream = self.streams[nth]
        verdict = stream.judge(version, [uuid4()])
        never = not stream.ids and not stream.has_metadata
        expected = "absent" if not stream.ids and verdict == "wrong" else {"write": "absent" if never else "done"}.get(verdict, verdict)
        assert self.attempt(lambda: self.client.delete_stream(self.name(nth), current_version=version)) == expected
        if expected == "done":
            stream.soft_deleted, stream.has_metadata = True, True
            stream.max_count, stream.first = None, 0

    @rule(nth=NAMES, version=VERSIONS, sure=st.integers(0, 5))
    def tombstone(self, nth: int, version: int | StreamState, sure: int) -> None:
        if sure:  # rarely, or nothing else would happen
            return
        stream = self.streams[nth]
        verdict = stream.judge(version, [uuid4()])
        expected = "absent" if not stream.ids and verdict == "wrong" else {"write": "done"}.get(verdict, verdict)
        assert self.attempt(lambda: self.client.tombstone_stream(self.name(nth), current_version=version)) == expected
        stream.tombstoned = stream.tombstoned or expected == "done"

    @rule(nth=NAMES, count=st.one_of(st.none(), st.integers(1, 4)), before=st.integers(0, 4))
    def set_metadata(self, nth: int, count: int | None, before: int) -> None:
        stream = self.streams[nth]
        metadata = {"$tb": before} if count is None else {"$tb": before, "$maxCount": count}
        expected = "gone" if stream.tombstoned else "done"
        assert self.attempt(lambda: self.client.set_stream_metadata(self.name(nth), metadata=metadata)) == expected
        if expected == "done":
            stream.max_count, stream.has_metadata = count, True
            stream.first = len(stream.ids) if stream.soft_deleted else before
            stream.soft_deleted = False

    @invariant()
    def reads_agree(self) -> None:
        for nth, stream in enumerate(self.streams):
            for backwards in (False, True):
                found: list[UUID] = []

                def read(nth: int = nth, backwards: bool = backwards, found: list[UUID] = found) -> None:
                    found += [event.id for event in self.client.get_stream(self.name(nth), backwards=backwards)]

                outcome = self.attempt(read)
                if stream.tombstoned:
                    assert outcome == "gone"
                elif not stream.ids or stream.soft_deleted:
                    assert outcome == "absent"
                else:
                    assert (outcome, found) == ("done", stream.shown()[::-1] if backwards else stream.shown())


def test_the_log_behaves_as_its_model(client: EventStoreDBClient) -> None:
    """Whatever the order of commands, server and model agree on every outcome and every read."""
    machine = type("Machine", (LogMachine,), {"client": client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
            phases=(Phase.generate,),  # shrinking against a server takes minutes; the steps of a failure are short enough to read
        ),
    )


@pytest.mark.parametrize("expected", [ANY, NONE, EXISTS, 0, 1])
def test_the_model_knows_a_new_stream(expected: int | StreamState) -> None:
    """The model itself: only any and no-stream open a stream."""
    assert Stream().judge(expected, [uuid4()]) == ("write" if expected in (ANY, NONE) else "wrong")

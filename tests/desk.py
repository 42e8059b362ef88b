"""A desk (办公桌): services of the house in one process, over a real log and their real doors, with the business day in the test's hand.

For tests of what happens in a service, day by day: commands go through token, permission, form and division as over the wire, and what a
query answers is held against what it declares (``tests/answers.py``);
``settle`` brings the read models up to date, hands every event to the reactions that listen to it, and calls the deadlines
that are due, until nothing moves any more. What needs several processes or the broker is tested in tests/e2e and tests/messaging.
"""

from __future__ import annotations

import asyncio
import copy
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import sqlalchemy as sa

from shared.clock import SHANGHAI, move
from shared.config import load
from shared.eventlog import deadlines, discovery
from shared.eventlog.client import Raw
from shared.eventlog.embedded.server import EmbeddedServer
from shared.eventlog.near import past, wanted
from shared.eventlog.read_model import ReadModel, Rows, shapes_of
from shared.eventlog.relay.forms import public
from shared.eventsourcing import codec
from shared.eventsourcing.events import REGISTRY
from shared.eventsourcing.orders import Hand
from shared.messaging import wire
from shared.messaging.doors import Due, _Command, _Query
from shared.messaging.reactions import Reaction, _Held
from shared.messaging.timer import deadline_methods
from shared.office import Office
from shared.security import tokens
from tests.answers import hold

DIVISION = "330225"
ROUNDS = 200  # of settling, before it is called endless


@contextmanager
def running_log(directory: Path) -> Iterator[str]:
    """A real embedded log in a thread; answers its URI."""
    ready, done, uri = threading.Event(), threading.Event(), []

    async def serve() -> None:
        async with EmbeddedServer(directory, port=0) as server:
            uri.append(f"esdb://127.0.0.1:{server.port}?Tls=false")
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(90)
    try:
        yield uri[0]
    finally:
        done.set()
        thread.join(90)


@cache
def reactions_of(cls: type) -> list[tuple[str, Reaction]]:
    """What a service does of events, with the method that does it."""
    entrypoints = [(name, entrypoint) for name in dir(cls) for entrypoint in getattr(getattr(cls, name), "nameko_entrypoints", ())]
    return [(name, entrypoint) for name, entrypoint in entrypoints if isinstance(entrypoint, Reaction)]


methods_due = cache(deadline_methods)


class Desk:
    """``with desk(tmp_path, "assistance") as d: d.on("2023-07-03"); d.call("apply", "clerk", programme=…)``."""

    def __init__(self, var: Path, uri: str, services: Sequence[str], **env: str) -> None:
        self.clock_file = var / "clock"
        told = {"MINZHENG_VAR": str(var), "EVENTSTORE_URI": uri, "EVENTSTORE_DATA": str(var / "eventlog")}
        self.settings = load({**told, "MINZHENG_CLOCK_FILE": str(self.clock_file), **env})
        self.services: dict[str, Any] = {}
        self.models: dict[str, ReadModel] = {}
        self._shapes: dict[str, Any] = {}
        discovery.load_all()
        self.offices = {name: Office(self.settings, name) for name in services}
        for name, office in self.offices.items():
            if name != discovery.PORTAL:  # of the portal, its read model over the whole log
                cls = import_module(f"services.{name}.service").SERVICE
                self.services[name] = cls()
                self.services[name].office = office
            model = discovery.read_model(name)
            if model is not None:
                model.create(office.read)
                self.models[name] = model
                self._shapes[name] = shapes_of(model, office.read.dialect.name)  # as a projector does: they take longer than a batch
        self._projected = dict.fromkeys(self.models, -1)
        self._delivered = -1
        self._tokens: dict[tuple[str, str, str], str] = {}
        self.on("2023-07-03")

    # ---- the day -----------------------------------------------------------------------------------------------

    def on(self, day: str) -> Desk:
        """Set the business day, "2023-07-03" (9 o'clock) or a full ISO time in Asia/Shanghai."""
        at = datetime.fromisoformat(day)
        move(self.clock_file, at.replace(hour=at.hour or 9, tzinfo=SHANGHAI))
        return self

    def later(self, days: int) -> Desk:
        move(self.clock_file, self.now + timedelta(days=days))
        return self

    @property
    def now(self) -> datetime:
        return next(iter(self.services.values())).office.clock.now()

    # ---- the doors ---------------------------------------------------------------------------------------------

    def call(
        self, method: str, role: str = "clerk", *, service: str = "", at: str = DIVISION, actor: str = "", raw: bool = False,
        why: dict[str, str] | None = None, **body: Any,
    ) -> Any:  # fmt: skip
        """Call an RPC as a person of that role (``staff:<role>`` unless ``actor`` says who); raises Refused as the caller would see it.

        A command gets a fresh ``command_id`` unless one is given. ``why``: the purpose of a look, as in an RPC's context.
        """
        made = self.services[service or next(iter(self.services))]
        door = self._door(made, method)
        token = self._token(actor or f"staff:{role}", role, at)
        if isinstance(door, _Command) and not raw:
            body.setdefault("command_id", str(uuid.uuid4()))
        answer = door.serve(made, msgspec.json.decode(msgspec.json.encode(body)), {"auth_token": token, **(why or {})})
        if isinstance(door, _Query):
            hold(type(made), method, answer)
        if isinstance(door, _Query) and (door.opens or door.narrows):
            self.project()  # a look is an event: whoever waits until all of them are seen must not wait for this one
        return answer

    def _token(self, *who: str) -> str:
        """Whoever calls again shows the same token, as at a window."""
        if who not in self._tokens:
            private, (actor, role, at) = self.settings.token_private_key, who
            assert private is not None
            self._tokens[actor, role, at] = tokens.issue(private, actor, (role,), at)
        return self._tokens[who]  # type: ignore[index,unused-ignore]

    @staticmethod
    def _door(made: Any, method: str) -> Any:
        found = getattr(type(made), method, None)
        for entrypoint in getattr(found, "nameko_entrypoints", ()):
            if isinstance(entrypoint, _Command | _Query):
                door = copy.copy(entrypoint)
                door.method_name = method
                if isinstance(door, _Query):
                    from shared.messaging.parsing import form_of

                    door.form = form_of(found)
                return door
        raise AttributeError(f"no door {method}")

    # ---- what follows by itself --------------------------------------------------------------------------------

    def settle(self) -> int:
        """Project, deliver and call what is due until nothing moves; how many events there were. A reaction that refuses raises."""
        seen = 0
        for _ in range(ROUNDS):
            self.project()
            moved = self._deliver() + self._due()
            if not moved:
                return seen
            seen += moved
        raise AssertionError("the house does not come to rest")

    def tell(self, source: str, event: str, **body: Any) -> None:
        """An outside agency's message, delivered to whoever listens."""
        self._hand_out(source, event, msgspec.json.encode(body), str(uuid.uuid4()), {})

    def _news(self, after: int) -> list[Raw]:
        """The events of the whole log after a position, from its file, as a projector and a worker read what is past."""
        log = next(iter(self.offices.values())).log
        near = log._nearby.take(log.holds)
        if near is None:  # nothing stands in it yet
            return [raw for raw in log.read_all(after=after if after >= 0 else None) if raw.position > after]
        try:
            found = [raw for page, _ in past(near, after, wanted()) for raw in page]
        except BaseException:
            near.close()
            raise
        log._nearby.give_back(near)
        return found

    def project(self) -> None:
        news = self._news(min(self._projected.values())) if self.models else []
        head = max(news[-1].position if news else 0, *self._projected.values(), 0)
        for name, model in self.models.items():
            seen = self._projected[name]
            if seen >= head and seen >= 0:
                continue
            office, allows = self.offices[name], wanted(**model.reads)
            with office.read.execution_options(writes=True).begin() as tx:
                rows = Rows(model, tx, shapes=self._shapes[name])
                known = model.checkpoint(office.read)
                assert known is not None
                for raw in news:
                    if raw.position > seen and (model.whole or raw.stream.startswith(f"{name}.")) and allows(raw):
                        model.project(rows, raw)
                rows.flush(tx)
                # It passes other services' events too, as the projector does.
                tx.execute(sa.update(model.checkpoints).values(position=max(known.position, head)))
            self._projected[name] = head

    def _deliver(self) -> int:
        news = self._news(self._delivered)
        for raw in news:  # of looks nothing follows
            self._delivered = raw.position
            kind = REGISTRY.get(raw.name)
            if kind is None or not kind.published:
                continue
            meta = codec.decode_meta(raw.metadata)
            told = public(kind, codec.decode(raw.name, meta.schema, raw.data, None))
            by = told[kind.keyed] if kind.keyed else ""
            self._hand_out(kind.service, kind.short, msgspec.json.encode(told), raw.id, self._headers(raw, meta), by)
        return sum(not raw.name.endswith(".file_looked_at") for raw in news)

    @staticmethod
    def _headers(raw: Raw, meta: codec.Meta) -> dict[str, str]:
        return {
            "cloudEvents_correlationid": meta.correlation_id,
            "cloudEvents_time": meta.occurred_at.isoformat(),
            "cloudEvents_position": str(raw.position),
        }

    def _hand_out(self, source: str, event: str, body: bytes, message_id: str, headers: dict[str, str], by: str = "") -> None:
        for name, made in self.services.items():
            container = SimpleNamespace(service_name=name, settings=self.settings)
            for attribute, entrypoint in reactions_of(type(made)):
                if ((entrypoint.source or name), entrypoint.event) != (source, event) or (entrypoint.of and by not in entrypoint.of):
                    continue
                reaction = copy.copy(entrypoint)
                reaction.source, reaction.method_name = source, attribute
                reaction.container, reaction.held = container, _Held(container)
                envelope = wire.Envelope(
                    body=body, content_type="application/json", message_id=message_id, exchange=f"{source}.events",
                    routing_key=event, queue="desk", headers=headers,
                )  # fmt: skip
                getattr(made, attribute)(reaction.notice(made.office, envelope))

    def _due(self) -> int:
        called, head = 0, self._delivered
        for raw in self._news(head):
            head = raw.position
        for name, made in self.services.items():
            methods = methods_due(type(made))
            for row in deadlines.due(made.office.read, self.now, 500) if name in self.models else ():
                due = Due(row.stream, row.aggregate_id, row.name, row.due_at, row.division, row.data, Hand.service(name), self.now)
                getattr(made, methods[row.name.partition(":")[0]])(due)
                if news := self._news(head):
                    called, head = called + 1, news[-1].position
        return called

    def close(self) -> None:
        for office in self.offices.values():
            office.close()


@contextmanager
def desk(var: Path, *services: str, **env: str) -> Iterator[Desk]:
    """A desk over a log of its own in ``var``."""
    with running_log(var / "eventlog") as uri:
        made = Desk(var, uri, services, **env)
        try:
            yield made
        finally:
            made.close()

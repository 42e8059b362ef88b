"""The limit beside the RPC and the reaction (光秃的 nameko): the same wire, the same log, and nothing of ours between.

Stock nameko with its own entrypoints, the patching that works with gRPC, as many workers as ours, the log behind eventlet's
tpool. One RPC and one event handler; each does one raw append of the size it is told and that is all.
"""

import eventlet

eventlet.monkey_patch(thread=False)

import itertools  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import uuid  # noqa: E402
from typing import Any  # noqa: E402

import kombu.pools  # noqa: E402
from esdbclient import EventStoreDBClient, NewEvent, StreamState  # noqa: E402
from eventlet import tpool  # noqa: E402
from eventlet.event import Event  # noqa: E402
from nameko.events import event_handler  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.rpc import rpc  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from shared.cli.ready import mark_ready  # noqa: E402

DATA = b'"' + b"x" * (int(os.environ.get("BENCH_DATA", "250")) - 2) + b'"'
FILLER = "x" * int(os.environ.get("BENCH_METADATA", "350"))
_streams = itertools.count()


class Store(DependencyProvider):  # type: ignore[misc]
    """esdbclient, every call on a native thread."""

    def setup(self) -> None:
        self.client = tpool.execute(EventStoreDBClient, uri=os.environ["EVENTSTORE_URI"])

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self._append

    def _append(self, stream: str, metadata: bytes) -> int:
        return int(tpool.execute(self._raw, stream, metadata))

    def _raw(self, stream: str, metadata: bytes) -> int:
        new = NewEvent(type="bench.done", data=DATA, metadata=metadata, content_type="application/json", id=uuid.uuid4())
        # A list of one: esdbclient is quicker that way than with one event.
        return int(self.client.append_to_stream(stream, current_version=StreamState.ANY, events=[new], timeout=10.0))


class Bare:
    name = "bare"
    append = Store()

    @rpc  # type: ignore[untyped-decorator,unused-ignore]
    def record(self, **fields: Any) -> dict[str, Any]:
        """An answer of about the size of ours."""
        stream = f"bare.record-{fields['household_id']}"
        position = self.append(stream, json.dumps({"filler": FILLER[16:]}).encode())  # type: ignore[operator]
        return {
            "stream": stream, "id": fields["household_id"], "version": 0, "position": position, "events": ["bench.done"], "repeated": False,
        }  # fmt: skip

    @event_handler("bench", "happened")  # type: ignore[untyped-decorator,unused-ignore]
    def on_happened(self, body: dict[str, Any]) -> None:
        metadata = json.dumps({"$causationId": body["id"], "filler": FILLER[70:]}).encode()
        self.append(f"bare.effect-{body['id']}", metadata)  # type: ignore[operator]


def main() -> None:
    workers = int(os.environ.get("MINZHENG_MAX_WORKERS", "20"))
    tpool.set_num_threads(workers + 4)  # as many native threads as ours has
    kombu.pools.set_limit(500)  # with real locks a full pool would stop the hub
    runner = ServiceRunner({"AMQP_URI": os.environ["AMQP_URI"], "max_workers": workers, "HEARTBEAT": 10})
    runner.add_service(Bare)
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(lambda: stopping.ready() or stopping.send(None)))
    runner.start()
    mark_ready()
    stopping.wait()
    os._exit(0)


if __name__ == "__main__":
    main()

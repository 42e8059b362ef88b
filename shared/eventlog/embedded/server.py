"""The process: a gRPC server over a log in a directory, from start to a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc

from shared import metrics
from shared.eventlog.embedded import gossip, storage
from shared.eventlog.embedded.log import Log
from shared.eventlog.embedded.streams import DEFAULT_MAX_APPEND_SIZE, StreamsService
from shared.health import beat
from shared.logs import Teller
from shared.process import answer_quickly

logger = logging.getLogger("minzheng.eventlog")

MAX_MESSAGE = 17 << 20
GRACE = 3.0
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port that is taken must be an error, not a share
    # Callers may ping as often as they like: it is their way of noticing a dead connection.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)


class AddressInUse(storage.StorageError):
    """The port cannot be had."""


class EmbeddedServer:
    """An embedded log inside somebody's event loop: ``async with EmbeddedServer(...) as server: server.port``."""

    def __init__(
        self,
        data_dir: Path | str,
        host: str = "127.0.0.1",
        port: int = 2113,
        *,
        max_append_size: int = DEFAULT_MAX_APPEND_SIZE,
        advertise: str | None = None,
        store: bool = True,
    ) -> None:
        self.host = host
        self.port = port
        self._data_dir = Path(data_dir)
        self._max_append_size = max_append_size
        self._advertise = advertise
        self._store = store
        self._log: Log | None = None
        self._server: Any = None
        self._lock: Any = None

    async def start(self) -> None:
        """Take the directory, open the log, listen. Raises StorageError with a sentence for the operator."""
        self._lock = storage.take_directory(self._data_dir)
        try:
            self._log = Log(self._data_dir)
            self._server = grpc.aio.server(options=_OPTIONS)
            streams = StreamsService(self._log, self._max_append_size, self._store)
            authority = f"[{self.host}]" if ":" in self.host else self.host
            try:
                _check_free(self.host, self.port)
                self.port = self._server.add_insecure_port(f"{authority}:{self.port}")
            except (OSError, RuntimeError) as error:
                raise AddressInUse(f"无法监听 {authority}:{self.port}，地址无效或端口已被占用") from error
            self._server.add_generic_rpc_handlers(
                (
                    streams.handler(),
                    gossip.Cluster(self.host, self.port, self._advertise).handler(),
                    gossip.server_features(),
                    gossip.persistent_subscriptions(),
                    gossip.health(),
                )
            )
            await self._server.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the subscriptions, finish the appends already accepted, close the file, let the directory go."""
        if self._log is not None:
            self._log.stop_listening()
        if self._server is not None:
            await self._server.stop(GRACE)
        if self._log is not None:
            await self._log.close()
        if self._lock is not None:
            self._lock.close()
        self._log = self._server = self._lock = None

    def unready(self) -> str:
        """Why it takes no appends, in Chinese; "" when it does."""
        return "不接受写入" if self._log is None or self._log.closing else ""

    def values(self) -> Iterable[metrics.Value]:
        """For a scrape."""
        return self._log.values() if self._log is not None else ()

    async def __aenter__(self) -> EmbeddedServer:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()


async def _beat() -> None:
    while True:
        beat("eventlog")
        await asyncio.sleep(1.0)


def _check_free(host: str, port: int) -> None:
    """Ask for the port ourselves first: gRPC reports a taken one with a page of its own on standard error."""
    if port:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


def serve(
    host: str,
    port: int,
    data_dir: Path | str,
    *,
    max_append_size: int = DEFAULT_MAX_APPEND_SIZE,
    advertise: str | None = None,
    store: bool = True,
    begun: Callable[[EmbeddedServer], None] = lambda server: None,
) -> None:
    """Run an embedded log in the foreground until SIGTERM or SIGINT; ``begun`` is called when it listens.

    Raises StorageError if it cannot start.
    """

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = EmbeddedServer(data_dir, host, port, max_append_size=max_append_size, advertise=advertise, store=store)
        async with server:
            Teller("eventlog", out=sys.stdout)(f"事件日志已就绪：{server.host}:{server.port}（数据目录 {data_dir}）")
            begun(server)
            beating = asyncio.create_task(_beat())
            await stop.wait()
            beating.cancel()

    answer_quickly()  # the loop and the committing thread hand each other the interpreter at every batch
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())

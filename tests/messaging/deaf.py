"""A wire to the broker that may go deaf (断线而不报): what is sent over it arrives nowhere, and nobody says so. New ones are sound."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Between a client and the broker of ``uri``; the client takes ``wire.uri``."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        assert parts.port is not None
        self._there = (parts.hostname or "127.0.0.1", parts.port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        where = f"{parts.username}:{parts.password}@127.0.0.1:{self._listening.getsockname()[1]}"
        self.uri = urlunsplit(parts._replace(netloc=where))
        self._deaf: list[threading.Event] = []
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def deafen(self) -> None:
        """Every connection that there is; both sides keep it open."""
        for one in self._deaf:
            one.set()

    @property
    def connections(self) -> int:
        """How many were ever made."""
        return len(self._deaf)

    def close(self) -> None:
        for one in (self._listening, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there, deaf = socket.create_connection(self._there), threading.Event()
                self._deaf.append(deaf)
                self._sockets += [here, there]
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=(source, sink, deaf), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not deaf.is_set():
                    sink.sendall(data)
            if not deaf.is_set():
                sink.shutdown(socket.SHUT_WR)


@contextmanager
def may_go_deaf(uri: str) -> Iterator[Wire]:
    made = Wire(uri)
    try:
        yield made
    finally:
        made.close()

"""The connections of the stores."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from shared.config import Settings
from shared.eventlog.stores import engine_for


def test_a_database_server_that_goes_away_without_a_word_is_noticed(tmp_path: Path, postgresql_url: str) -> None:
    """The kernel asks after it by itself, within half a minute, while somebody waits for an answer."""
    engine = engine_for(Settings(var=tmp_path, database_url=postgresql_url, schema_prefix="stores_"), "registry")
    with engine.connect() as connection, socket.socket(fileno=os.dup(connection.connection.driver_connection.pgconn.socket)) as used:
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        told = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        idle, pause, count = (used.getsockopt(socket.IPPROTO_TCP, option) for option in told)
        assert idle + pause * count <= 30
        assert 0 < used.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
    engine.dispose()

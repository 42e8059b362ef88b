"""A worker that fetches the login's keys: the fetch happens on a native thread of a process whose sockets are eventlet's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain.errors import Refused
from shared.messaging.client import RpcClient
from tests.kernel.test_jwks import Login
from tests.messaging.house import House


def test_a_worker_believes_the_logins_keys(alone: House) -> None:
    """Many first calls at once, each with a token of the address's key; a forged one is refused; the worker goes on."""
    login = Login()
    login.add("k1", "ES256")
    try:
        with alone.worker(MINZHENG_TOKEN_JWKS=login.uri), RpcClient(alone.broker.uri, timeout=20) as client, ThreadPoolExecutor(16) as pool:

            def call(n: int) -> str:
                return str(client.as_(login.sign("k1", sub=f"staff:{n}")).counter.echo(text=str(n), day="2023-07-01")["text"])

            assert list(pool.map(call, range(48))) == [str(n) for n in range(48)]
            assert login.asked == 1
            forger = Login()
            forger.add("k1", "ES256")
            with pytest.raises(Refused, match="登录令牌无效"):
                client.as_(forger.sign("k1")).counter.echo(text="x", day="2023-07-01")
            forger.stop()
    finally:
        login.stop()

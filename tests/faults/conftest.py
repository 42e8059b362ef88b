"""The faults need a real broker; where there is none they are skipped, and say so."""

from __future__ import annotations

import pytest

from shared.messaging.node import BrokerError, find_server


@pytest.fixture(autouse=True, scope="session")
def _rabbitmq() -> None:
    try:
        find_server()
    except BrokerError:
        pytest.skip("RabbitMQ is not installed")

"""One broker and one log for all tests of this folder; a worker that is left standing for those that break nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.messaging.client import RpcClient
from shared.messaging.node import BrokerError, find_server
from tests.messaging.house import House, Worker


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    try:
        find_server()
    except BrokerError:
        pytest.skip("RabbitMQ is not installed")
    house = House(tmp_path_factory.mktemp("house"))
    try:
        house.open()
        yield house
    finally:
        house.close()


@pytest.fixture(scope="session")
def standing(house: House) -> Worker:
    """Counter's worker. A test that kills workers starts its own."""
    return house.start_worker()


@pytest.fixture(scope="session")
def client(house: House, standing: Worker) -> Iterator[RpcClient]:
    with house.client() as client:
        yield client

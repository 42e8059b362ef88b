"""One broker and one log for all tests of this folder; a worker that is left standing for those that break nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.messaging.client import RpcClient
from shared.messaging.node import BrokerError, find_server
from tests.messaging.house import House, Worker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who must be alone comes last: the standing worker is started once, and not anew after each of them."""
    here = [n for n, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    ordered = sorted((items[n] for n in here), key=lambda item: "alone" in getattr(item, "fixturenames", ()))
    for n, item in zip(here, ordered, strict=True):
        items[n] = item


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


class Standing:
    """Counter's worker, started when a test needs it and stopped when a test must be alone with its own."""

    worker: Worker | None = None


@pytest.fixture(scope="session")
def _standing(house: House) -> Standing:
    return Standing()


@pytest.fixture
def standing(house: House, _standing: Standing) -> Worker:
    if _standing.worker is None:
        _standing.worker = house.start_worker()
    assert _standing.worker.process.poll() is None, "the standing worker has died"
    return _standing.worker


@pytest.fixture
def alone(house: House, _standing: Standing) -> House:
    """The house without a worker: the test starts, stops and kills its own."""
    if _standing.worker is not None:
        _standing.worker.stop()
        _standing.worker = None
    assert not house.running(), "an earlier test left a worker of its own behind: it would take half of this one's messages"
    return house


@pytest.fixture(scope="session")
def _client(house: House) -> Iterator[RpcClient]:
    with house.client() as client:
        yield client


@pytest.fixture
def client(_client: RpcClient, standing: Worker) -> RpcClient:
    return _client

"""Pitfall 16: the durable queues of the house follow from its methods' names, so a renamed method leaves a queue behind that fills.

``queues.txt`` is the list an operator may rely on. A reaction that is added is added there; one that is renamed or removed
is also unbound and deleted on the broker by whoever deploys it, once it is empty.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from shared.cli.processes import SERVICES
from shared.messaging import names
from shared.messaging.doors import check_service, reactions_of


def test_pitfall_16_the_queues_of_the_house_are_the_expected_ones() -> None:
    found = []
    for service in SERVICES:
        cls = importlib.import_module(f"services.{service}.service").SERVICE
        check_service(cls)
        found += [names.rpc_queue(service), names.dead(service), names.rejected(service), names.discarded(service)]
        found += [names.reaction_queue(service, source, event, method) for source, event, _, method in reactions_of(cls)]
    expected = Path(__file__).with_name("queues.txt").read_text().split()
    assert sorted(found) == expected

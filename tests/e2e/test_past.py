"""The past over the real processes: a list asked through the broker, answered by a worker from a file it folds on its native threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

import pytest

from shared.clock import Clock
from shared.domain.errors import Refused
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import TOWN, Bureau, new_id, running_house, until


def test_a_list_over_the_broker_answers_about_then(tmp_path: Path) -> None:
    """What was listed at a moment is listed for it again, when more has happened; asked by many at once, folded once."""
    with running_house(tmp_path) as house, RpcClient(house.settings.amqp_uri, timeout=15) as link:
        assert house.settings.token_private_key is not None
        assert house.settings.token_public_key is not None
        tokens.development_keys(house.settings.token_private_key, house.settings.token_public_key)
        bureau = Bureau(house, house.settings, link)
        bureau.at("2023-03-01")
        clerk = bureau.staff("clerk").assistance
        first = bureau.household({"resident_id": bureau.person()})
        clerk.apply(command_id=new_id(), programme="minimum_living_allowance", household_id=first["household_id"])
        listed = until(lambda: clerk.list_cases())
        moment = Clock(house.settings.clock_file).now()
        second = bureau.household({"resident_id": bureau.person()})
        clerk.accept_application(command_id=new_id(), case_id=listed[0]["case_id"])
        until(lambda: len(clerk.list_households()) == 2 and clerk.list_cases()[0]["status"] == "accepted")

        def asked(_n: int) -> object:
            return bureau.staff("clerk").assistance.list_cases(as_of=moment.isoformat())

        with ThreadPoolExecutor(8) as several:
            assert list(several.map(asked, range(16))) == [listed] * 16
        assert [h["household_id"] for h in clerk.list_households(as_of=moment.isoformat())] == [first["household_id"]]
        just_now = Clock(house.settings.clock_file).now().isoformat()
        assert {h["household_id"] for h in clerk.list_households(as_of=just_now)} == {first["household_id"], second["household_id"]}
        town = bureau.staff("clerk", division=f"{TOWN[:6]}999").assistance
        assert town.list_households(as_of=moment.isoformat()) == []
        with pytest.raises(Refused, match="时间须带时区"):
            clerk.list_cases(as_of="2023-03-01T09:00:00")
        kept = [path.name for path in (tmp_path / "past" / "assistance").glob("*.db")]
        assert sum(moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f") in name for name in kept) == 1

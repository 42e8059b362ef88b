"""Parts of the house away, and coming back: what a caller is told meanwhile, and that work goes on by itself.

One house for all of them; each test leaves it whole. The last word has the same account as after chaos.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import chaos
from bench.chaos import Agency, Family, Ledger, Load, Message, Staff, Town
from shared import process
from shared.cli.supervisor import House
from shared.config import ROOT, ConfigError, load
from shared.domain.errors import Refused, Unavailable
from shared.eventlog.client import Log
from shared.messaging.client import RpcClient

LIMIT = 150.0
TIMEOUT = 12.0  # of an RPC caller


class Bureau:
    """The house, its staff and a few families in benefit."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ledger = Ledger()
        self.town = Town(11)
        self.staff = Staff(house, self.ledger, timeout=TIMEOUT)
        self.families: list[Family] = chaos.settle_families(house, self.town, self.staff, 3)

    @property
    def clerk(self) -> RpcClient:
        return self.staff.hands["clerk"]

    def income(self, amount: int, family: int = 0) -> dict[str, Any]:
        f = self.families[family]
        body = {"household_id": f.household_id, "person_id": f.head, "monthly_income_fen": amount, "effective_from": "2023-03-05"}
        return {"command_id": str(uuid.uuid4()), **body}

    def stream(self, stream: str) -> list[Any]:
        log = Log(self.house.settings.eventstore_uri)
        try:
            return log.read(stream)
        finally:
            log.close()

    def household(self, family: int = 0) -> list[Any]:
        return self.stream(f"assistance.household-{self.families[family].household_id}")

    def loaded(self, seed: int) -> Load:
        return Load(self.house, self.town, self.families, self.staff, self.ledger, seed, 0.08)

    def all_in_order(self) -> None:
        """The account of everything so far."""
        *_, wrong = chaos.settle_account(self.house, self.ledger)
        assert not wrong, "\n".join(wrong[:20])


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with chaos.open_house(tmp_path_factory.mktemp("outages") / "var") as house:
        bureau = Bureau(house)
        yield bureau
        bureau.staff.close()


def until(condition: Callable[[], Any], what: str) -> None:
    assert process.wait_until(lambda: bool(condition()), LIMIT, 0.1), f"not within {LIMIT} s: {what}"


def answered(call: Callable[[], Any]) -> Any:
    """The answer of a call that is made again, under the same command id, for as long as somebody is away."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_log_away_is_told_in_time_and_nothing_is_half_done(bureau: Bureau) -> None:
    before = len(bureau.household())
    command = bureau.income(101)
    bureau.house.kill9("eventlog")
    try:
        with pytest.raises(Refused) as caught:
            bureau.clerk.assistance.record_income(**command)
        assert caught.value.code == "unavailable"
        # The worker itself says so; a caller who had waited in vain would be told of the time that is over.
        assert "规定时间" not in caught.value.message
    finally:
        bureau.house.restart("eventlog")
    assert len(bureau.household()) == before
    answer = answered(lambda: bureau.clerk.assistance.record_income(**command))
    assert answer["version"] == before
    assert bureau.clerk.assistance.record_income(**command)["repeated"]
    assert len(bureau.household()) == before + 1


def test_a_message_that_comes_while_the_log_is_away_has_its_effect_later(bureau: Bureau) -> None:
    before = len(bureau.household(1))
    agency = Agency(bureau.house, "hrss")
    body = {"person_id": bureau.families[1].head, "monthly_income_fen": 202, "effective_from": "2023-03-05"}
    bureau.house.kill9("eventlog")
    try:
        assert agency.publish(Message("hrss", "income_changed", body))
    finally:
        agency.close()
        bureau.house.restart("eventlog")
    until(lambda: len(bureau.household(1)) == before + 1, "the income is recorded")


def test_broker_away_is_told_and_the_relay_loses_nothing(bureau: Bureau) -> None:
    number = bureau.town.resident(1949)
    form = {"resident_id": number, "name": "逝者", "died_on": "2023-03-10", "division": chaos.DISTRICT}
    person = answered(lambda: bureau.staff.hands["registrar"].registry.register_death(command_id=str(uuid.uuid4()), **form))["id"]
    bureau.house.kill9("broker")  # with the death, at the earliest, on its way
    command = bureau.income(303, 2)
    try:
        with pytest.raises(Unavailable):
            bureau.clerk.as_(_token(bureau), timeout=2.0).assistance.record_income(**command)
    finally:
        bureau.house.restart("broker")
    answered(lambda: bureau.clerk.assistance.record_income(**command))
    assert [e.name for e in bureau.household(2)].count("assistance.income_recorded") == 1
    process_of = f"registry.after_death-{person}"
    until(lambda: [e.name for e in bureau.stream(process_of)][-1:] == ["registry.after_death_closed"], "the process closes")


def _token(bureau: Bureau) -> str:
    from shared.security import tokens

    assert bureau.house.settings.token_private_key is not None
    return tokens.issue(bureau.house.settings.token_private_key, "staff:clerk-01", ["clerk"], chaos.DISTRICT)


def test_a_worker_stopped_in_the_middle_of_work_neither_loses_nor_repeats(bureau: Bureau) -> None:
    with bureau.loaded(21) as busy:
        for name in ("worker-assistance", "worker-registry", "worker-eldercare", "worker-assistance"):
            busy.more()
            bureau.house.restart(name)  # SIGTERM, and a new one when it is gone
    bureau.all_in_order()


def test_three_workers_of_a_service_have_one_effect_for_each_command(bureau: Bureau) -> None:
    def race(command: dict[str, Any], answers: list[Any]) -> None:
        answers.append(answered(lambda: bureau.clerk.assistance.record_income(**command)))

    raced = []
    with _more_workers(bureau, 2), bureau.loaded(22) as busy:
        for n in range(15):
            if n % 5 == 0:
                busy.more()
            command, answers = bureau.income(60_000 + n, n % 3), list[Any]()
            raced.append(command["command_id"])
            threads = [threading.Thread(target=race, args=(command, answers)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(answers) == 3
            assert len({(a["version"], a["position"]) for a in answers}) == 1
    appended = [json.loads(e.metadata)["command_id"] for n in range(3) for e in bureau.household(n)]
    assert [appended.count(c) for c in raced] == [1] * len(raced)
    bureau.all_in_order()


@contextmanager
def _more_workers(bureau: Bureau, count: int) -> Iterator[None]:
    """Further workers of assistance beside the house's own."""
    var = bureau.house.settings.var
    started = []
    try:
        for n in range(count):
            ready = var / "run" / f"more-{n}.ready"
            env = bureau.house.child_env | {"MINZHENG_READY_FILE": str(ready)}
            argv = [sys.executable, "-P", "-m", "shared.cli", "worker", "assistance"]
            started.append((process.spawn(argv, log=var / "log" / f"more-{n}.log", env=env, cwd=ROOT), ready))
        for _, ready in started:
            until(ready.exists, "another worker is ready")
        yield
    finally:
        for worker, _ in started:
            process.terminate(worker)
        for worker, _ in started:
            process.finish(worker, 60)


def test_production_refuses_a_business_clock_that_can_be_moved(tmp_path: Path) -> None:
    env = {"MINZHENG_MODE": "production", "MINZHENG_VAR": str(tmp_path), "MINZHENG_CLOCK_FILE": str(tmp_path / "clock")}
    with pytest.raises(ConfigError, match="业务时钟"):
        load(env)
    with pytest.raises(ConfigError, match="业务时钟"):
        House({k: v for k, v in env.items() if k != "MINZHENG_CLOCK_FILE"}, clock=True).start()
    assert not (tmp_path / "eventlog").exists()

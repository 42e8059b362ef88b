"""One running house for these tests, with a business clock and quick retries; nothing in it is replaced."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from stdnum.cn import ric

from shared import clock
from shared.cli.outside_sources import OutsideSources
from shared.cli.supervisor import House
from shared.config import Settings
from shared.domain.errors import Unavailable
from shared.messaging.client import RpcClient
from shared.messaging.dead_letters import DeadLetters, Letter
from shared.messaging.definitions import agency_uri
from shared.security import tokens

DISTRICT = "330225"
TOWN = "330225100"
ALLOWANCE = "minimum_living_allowance"
SERVICES = ("registry", "assistance", "eldercare")


def resident_id(born: str, serial: int, area: str = DISTRICT) -> str:
    """A synthetic resident ID with a right checksum."""
    body = f"{area}{born}{serial:03d}"
    return body + ric.calc_check_digit(body + "0")


def new_id() -> str:
    return str(uuid.uuid4())


def until(found: Callable[[], Any], limit: float = 150.0, seen: Callable[[], Any] = lambda: "") -> Any:
    """Wait for what happens by itself; the limit is only there so that a failing test ends, and ``seen`` says then what there was."""
    deadline = time.monotonic() + limit
    while True:
        result = found()
        if result:
            return result
        assert time.monotonic() < deadline, f"what was waited for did not happen {seen()}"
        time.sleep(0.05)


@dataclass
class Bureau:
    """A running house as its users see it."""

    house: House
    settings: Settings
    link: RpcClient
    serial: int = 100
    _staff: dict[tuple[str, ...], RpcClient] = field(default_factory=dict)

    def staff(self, *roles: str, actor: str = "", division: str = DISTRICT) -> RpcClient:
        key = (*roles, actor, division)
        if key not in self._staff:
            assert self.settings.token_private_key is not None
            name = "-".join(roles) if len(roles) < 4 else f"{roles[0]}-and-{len(roles) - 1}"  # a staff id has its length
            token = tokens.issue(self.settings.token_private_key, actor or f"staff:{name}", roles, division)
            self._staff[key] = self.link.as_(token, patience=90)  # a busy machine is no finding
        return self._staff[key]

    def person(self, born: str = "19800101") -> str:
        """A resident ID nobody had before."""
        self.serial += 1
        return resident_id(born, self.serial % 1000, area=f"33{self.serial // 1000:04d}" if self.serial >= 1000 else DISTRICT)

    def at(self, day: str) -> None:
        assert self.settings.clock_file is not None
        clock.move(self.settings.clock_file, datetime.fromisoformat(day).replace(hour=9, tzinfo=clock.SHANGHAI))

    def household(self, *members: dict[str, Any], **more: Any) -> dict[str, Any]:
        rows = [{"name": "测试甲", "relation": "户主", **m} for m in members]
        clerk = self.staff("clerk")
        answer = clerk.assistance.register_household(
            command_id=new_id(), household_no=new_id(), division=TOWN, area="urban", members=rows, **more
        )
        return dict(clerk.assistance.get_household(household_id=answer["id"]))

    def granted(self, household_id: str) -> str:
        """A case in force, by the whole procedure and four hands; the clock is moved over the publicity."""
        clerk, reviewer, approver = self.staff("clerk").assistance, self.staff("reviewer").assistance, self.staff("approver").assistance
        self.at("2023-03-01")
        case: str = clerk.apply(command_id=new_id(), programme=ALLOWANCE, household_id=household_id)["id"]
        clerk.accept_application(command_id=new_id(), case_id=case)
        self.checked(household_id, case)
        clerk.record_survey(command_id=new_id(), case_id=case, finding="属实")
        reviewer.propose(command_id=new_id(), case_id=case)
        self.at("2023-03-09")
        seen = approver.get_case(case_id=case)
        approver.confirm(command_id=new_id(), case_id=case, reviewed=seen["proposal"]["reviewed"])
        assert approver.get_case(case_id=case)["status"] == "in_force"
        return case

    def checked(self, household_id: str, case: str) -> None:
        """授权 and 核对: everybody signs, the sources answer from processes of their own, the case has its report."""
        clerk = self.staff("clerk").assistance
        today = self.today()
        for person_id in clerk.get_authorisation(programme=ALLOWANCE, subject_id=household_id)["unsigned"]:
            clerk.record_member_authorisation(
                command_id=new_id(), programme=ALLOWANCE, subject_id=household_id, person_id=person_id, signed_on=today.isoformat(),
                valid_until=today.replace(year=today.year + 1).isoformat(), document_ref="授权书",
            )  # fmt: skip
        sources = OutsideSources(self.settings, clerk)
        sources.know(clerk.get_household(household_id=household_id))
        until(lambda: sources.asked(ALLOWANCE, {case}))
        sources.answer()
        until(lambda: clerk.get_case(case_id=case)["status"] == "means_tested")
        [check] = until(lambda: [c for c in clerk.list_verifications(case_id=case) if c["verdict"]])  # the rows follow the case
        assert (check["verdict"], check["completeness"]) == ("consistent", "complete")

    def prepared(self, programme: str = ALLOWANCE, month: str = "2023-04") -> str:
        """A payment run of the town, asked for again under the same number while the read model of a busy house is behind."""
        asked = {"command_id": new_id(), "programme": programme, "month": month, "division": TOWN}

        def run() -> Any:
            try:
                return self.staff("cashier").assistance.prepare_payment_run(**asked)["id"]
            except Unavailable:
                return None

        return str(until(run))

    def today(self) -> date:
        return clock.Clock(self.settings.clock_file).now().date()

    def publish(self, agency: str, event: str, body: Any, content_type: str = "application/json", message_id: str | None = None) -> None:
        """As the agency's own user; ``body`` may be bytes that are no JSON."""
        connection = pika.BlockingConnection(pika.URLParameters(agency_uri(self.settings, agency)))
        channel = connection.channel()
        channel.confirm_delivery()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        properties = pika.BasicProperties(content_type=content_type, delivery_mode=2, message_id=message_id)
        channel.basic_publish(f"{agency}.events", event, raw, properties, mandatory=True)
        connection.close()

    def letters(self) -> list[Letter]:
        return list(DeadLetters(self.settings.amqp_uri, self.settings.master_key, SERVICES).list())


def running_house(var: Path, **more: str) -> House:
    env = {**os.environ, "MINZHENG_VAR": str(var), "MINZHENG_TIMER_PERIOD": "0.5", "MINZHENG_RETRY_DELAYS": "0.2,0.5", **more}
    for name in ("EVENTSTORE_URI", "AMQP_URI", "MINZHENG_CLOCK_FILE"):
        env.pop(name, None)
    return House(env, clock=True, restarts=False)


@pytest.fixture(scope="session")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with running_house(tmp_path_factory.mktemp("e2e")) as house:
        settings = house.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        with RpcClient(settings.amqp_uri, timeout=30) as link:
            yield Bureau(house, settings, link)

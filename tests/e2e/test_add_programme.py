"""A programme that nobody had heard of is given to a running worker, and is driven over the broker from the application to the payment."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from shared.cli.processes import PROCESSES
from shared.cli.supervisor import House
from shared.domain.errors import Refused
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import Bureau, new_id, until
from tests.e2e.services import taking_in
from tests.programmes.test_add_programme import CODE, written

ONLY = ("eventlog", "broker", "worker-assistance", "projector", "relay")


def house(var: Path) -> House:
    """The processes that a benefit needs, with the worker to which a programme can be given."""
    declared = [replace(p, argv=("worker", taking_in.__name__)) if p.name == "worker-assistance" else p for p in PROCESSES]
    env = {**os.environ, "MINZHENG_VAR": str(var), "MINZHENG_TIMER_PERIOD": "0.5", "MINZHENG_RETRY_DELAYS": "0.2,0.5"}
    for name in ("EVENTSTORE_URI", "AMQP_URI", "MINZHENG_CLOCK_FILE"):
        env.pop(name, None)
    return House(env, clock=True, restarts=False, only=ONLY, declared=declared)


def test_a_programme_given_to_a_running_worker_is_driven_by_rpc(tmp_path: Path) -> None:
    """Unknown before; then applied for, confirmed, listed, paid, decided again upon a fact and claimed back: by calls over the broker."""
    folder = written(tmp_path / "heating", "")
    with house(tmp_path / "var") as running, RpcClient(running.settings.amqp_uri, timeout=30) as link:
        settings = running.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        bureau = Bureau(running, settings, link)
        bureau.at("2023-09-04")
        clerk, approver = bureau.staff("clerk").assistance, bureau.staff("approver").assistance
        home = bureau.household({"resident_id": bureau.person(), "monthly_income_fen": 100_000}, {"resident_id": bureau.person("20150101")})
        asked = {"programme": CODE, "household_id": home["household_id"]}
        with pytest.raises(Refused) as unknown:
            clerk.apply(command_id=new_id(), **asked)
        assert unknown.value.code == "unknown_programme"

        note = tmp_path / "var" / taking_in.NOTE
        (tmp_path / "note").write_text(str(folder), encoding="utf-8")
        (tmp_path / "note").rename(note)  # whole, or not there
        until(note.with_suffix(".done").exists)
        case: str = clerk.apply(command_id=new_id(), **asked)["id"]
        clerk.accept_application(command_id=new_id(), case_id=case)
        clerk.record_survey(command_id=new_id(), case_id=case, finding="属实")
        bureau.staff("reviewer").assistance.propose(command_id=new_id(), case_id=case)
        reviewed = approver.get_case(case_id=case)["proposal"]["reviewed"]
        bureau.at("2023-09-12")
        approver.confirm(command_id=new_id(), case_id=case, reviewed=reviewed)
        stands = approver.get_case(case_id=case, valid_at="2023-10-31")
        assert (stands["status"], stands["valid"]["due_fen"]) == ("in_force", 12_000)
        assert any("区冬季取暖补贴办法第四条" in line["basis"] for line in stands["last_assessment"]["lines"])
        until(lambda: [c["case_id"] for c in clerk.list_cases(programme=CODE, status="in_force")] == [case])

        bureau.at("2023-10-20")
        run = bureau.prepared(CODE, "2023-10")
        until(lambda: approver.get_payment_run(run_id=run)["status"] == "locked")
        approver.approve_payment_run(command_id=new_id(), run_id=run)
        until(lambda: approver.get_payment_run(run_id=run)["status"] == "closed")

        bureau.at("2023-11-06")
        head = home["head_id"]
        changed = {"household_id": home["household_id"], "person_id": head, "monthly_income_fen": 900_000, "effective_from": "2023-09-15"}
        clerk.record_income(command_id=new_id(), **changed)
        [claim] = until(lambda: bureau.staff("auditor").assistance.list_recoveries())
        assert (claim["programme"], claim["amount_fen"]) == (CODE, 12_000)
        assert bureau.letters() == []

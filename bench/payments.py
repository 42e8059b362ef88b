"""A payment run of N payees (发放): listed, locked, sent, its file written, answered by the bank, closed with its proof.

    .venv/bin/python -m bench.payments 3000             the work itself, in one process, with a projector beside it

Limit: 10 minutes for everything with 100,000 payees, and in proportion for fewer. The steps are the doors' own; what the events of a run
would set going in a worker is called here in the same order.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import resource
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import fill
from bench.parts import DISTRICT, Parts, Row, Say, row
from services.eldercare.benefits import ACCOUNTS, CASES
from services.eldercare.service import ElderCare
from shared.casework import bank_file, benefit_case, payee_account
from shared.casework.payment_run import ApprovePaymentRun, SendPaymentRun
from shared.casework.payments import Prepare
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.stores import engine_for
from shared.eventsourcing.orders import Hand, Order
from shared.messaging.payment_doors import ReturnFile
from shared.messaging.side_by_side import side_by_side
from shared.office import Office
from shared.process import wait_until
from shared.rules.assessment import Assessment

PROGRAMME, MONTH, DAY = "old_age_allowance", "2023-07", datetime(2023, 7, 20, 9, tzinfo=SHANGHAI)
LIMIT = 600.0  # seconds for 100,000
IN_FILE = 2000  # lines of the return file in one call, as the command line sends them


def payment_run(parts: Parts, payees: int, say: Say) -> list[Row]:
    """One run of ``payees``; seconds of all its steps together against the limit."""
    office = _filled(parts, payees, say)
    service = ElderCare()
    service.office = office
    try:
        return _run(parts, service, payees, say)
    finally:
        office.close()


def _run(parts: Parts, service: ElderCare, payees: int, say: Say) -> list[Row]:
    own, cashier, chief = Hand.service("eldercare"), *(Hand(f"staff:{r}", frozenset({r}), DISTRICT) for r in ("cashier", "approver"))
    money = service.payments
    steps: dict[str, float] = {}

    def order(hand: Hand, command: Any) -> Order[Any]:
        return Order(command, str(uuid.uuid4()), hand, service.office.clock.now())

    def timed(name: str, do: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = do()
        steps[name] = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(f"{name}：{steps[name]:,.1f} 秒（每秒 {payees / max(steps[name], 1e-9):,.0f} 笔）；本进程最多占用内存 {memory:,.0f} MB")
        return found

    def prepare() -> str:
        made: str = service.prepare_payment_run(order(cashier, Prepare(PROGRAMME, MONTH, DISTRICT))).id
        while money.run(made).status == "open":
            service._list_more(made, order(own, None))
        return made

    def send() -> None:
        service.approve_payment_run(order(chief, ApprovePaymentRun(run_id)))
        service.send_payment_run(order(cashier, SendPaymentRun(run_id)))
        while money.run(run_id).status == "sending":
            money.send_more(run_id, order(own, None), side_by_side)

    def settle() -> None:
        with file.open(encoding="utf-8-sig", newline="") as content:
            rows = ([*cells[:9], "成功", ""] if cells[0].isdigit() else cells for cells in csv.reader(content))
            lines = bank_file.parse_return(enumerate(rows, 1)).lines
        source = hashlib.sha256(file.read_bytes()).hexdigest()
        for n in range(0, len(lines), IN_FILE):
            done = service.record_payment_returns(order(cashier, ReturnFile(run_id, tuple(lines[n : n + IN_FILE]), source)))
            if done["problems"]:
                raise RuntimeError(str(done["problems"][:3]))

    def close() -> None:
        for number in range(len(money.run(run_id).parts)):
            money.settled(run_id, number, order(own, None))

    run_id: str = timed("编制并锁定", prepare)
    timed("批准并送发", send)
    [file] = timed("代发文件", lambda: service.write_bank_file(cashier, run_id, parts.var / "bank", ("csv",)))
    timed("登记回盘", settle)
    timed("关账", close)
    run = money.run(run_id)
    paid = sum(o.paid for o in run.outcomes.values())
    if (run.status, run.count, paid) != ("closed", payees, payees):
        raise RuntimeError(f"批次{run.status}：应发 {run.count} 笔，实发 {paid} 笔")
    timed("读模型赶上", lambda: _seen(service.office, payees))
    say(f"投影进程占用内存 {parts.memory('projector'):,.0f} MB")
    return [row(f"发放：{payees:,} 笔，自编制至关账", sum(list(steps.values())[:5]), LIMIT * payees / 100_000, "秒", "<= 1")]


def _filled(parts: Parts, payees: int, say: Say) -> Office:
    parts.eventlog()
    parts.on(DAY)
    office = Office(parts.settings(MINZHENG_PAYMENT_MODE="bank_file"), "eldercare")
    person = uuid.uuid4().hex
    own, chief = Hand.service("eldercare"), Hand("staff:chief", frozenset({"approver"}), DISTRICT)

    def give(decider: Any, aggregate_id: str, command: Any, hand: Hand = own) -> None:
        office.handle(decider, aggregate_id, Order(command, str(uuid.uuid4()), hand, office.clock.now()))

    account = payee_account.ProposePayeeAccount(person, DISTRICT, "103332012345", "6228480012345678", "某人", "A1")
    give(ACCOUNTS, person, account)
    give(ACCOUNTS, person, payee_account.ConfirmPayeeAccount(person, 1), chief)
    assessed = Assessment(PROGRAMME, MONTH, person, "eligible", True, 10_000, "到龄", (), {}, "rules 1", "law 1", None, False)
    grant = benefit_case.GrantCase(PROGRAMME, person, person, DISTRICT, MONTH, assessed, 0, hands=("staff:reviewer", "staff:approver"))
    give(CASES, benefit_case.case_id(PROGRAMME, person), grant)
    copies = fill.Copies(list(office.log.read_all(prefix="eldercare.")))
    began = time.perf_counter()
    office.log.close()  # it comes back
    events = parts.write(stream for n in range(1, payees) for stream in copies.streams(n))
    parts.start("projector", "shared.cli", "projector", limit=60 + events / 2_000)
    _seen(office, payees)
    say(f"{events:,} 个事件已写入并投影（{time.perf_counter() - began:,.1f} 秒）")
    return office


def _seen(office: Office, payees: int) -> None:
    [model] = discovery.read_models(("eldercare",))
    engine = engine_for(office.settings, "eldercare")
    head = office.log.head("eldercare.")
    try:
        if not wait_until(lambda: (k := model.checkpoint(engine)) is not None and k.position >= head, 120 + payees / 100, 0.2):
            raise RuntimeError("读模型没有赶上")
    finally:
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("payees", type=int, nargs="?", default=3000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minzheng-bench-") as var, Parts(Path(var)) as parts:
        for found in payment_run(parts, asked.payees, lambda line: print(f"  {line}", flush=True)):
            print(f"{found.work}：{found.ours:,.4g} {found.unit}，限 {found.limit:,.4g}，{'达到' if found.met else '未达到'}")


if __name__ == "__main__":
    main()

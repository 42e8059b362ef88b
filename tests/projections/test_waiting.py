"""What waits, read from tables of several kinds: the same answers by both databases."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from shared.eventlog.benefit_rows import benefit_tables
from shared.eventlog.shape_rows import record_table, waiting, worklists

TOWN, NEXT = "330225101", "330225102"


def test_lists_of_several_tables_are_one_in_the_order_of_their_days(engine: sa.Engine) -> None:
    """Cases, records and accounts with two keys stand together, what has no day last; pages, towns and filters cut it alike."""
    metadata = sa.MetaData(schema=engine.get_execution_options().get("schema"))
    benefits, records = benefit_tables(metadata), record_table(metadata)
    metadata.create_all(engine)
    tables = (records, benefits.cases, *benefits.pay.worklists)
    case = {"programme": "p", "subject_id": "s", "payee_id": "x", "status": "applied", "version": 0, "changed_at": ""}
    record = {
        "programme": "q", "subject_id": "", "status": "open", "open": True, "worklist": "visit", "responsible": "staff:li4", "due": "visit",
        "amount": 0, "title": "题目", "version": 0, "changed_at": "", "state": "{}",
    }  # fmt: skip
    account = {"status": "proposed", "bank_code": "1", "account_no": "sealed", "holder": "sealed", "programme": "", "document_no": ""}
    known = {c.name for c in benefits.pay.accounts.c}
    with engine.begin() as tx:
        tx.execute(sa.insert(benefits.cases), [
            {**case, "case_id": "c1", "division": TOWN, "worklist": "accept", "due_on": "2023-07-05"},
            {**case, "case_id": "c2", "division": NEXT, "worklist": "accept", "due_on": "2023-07-10"},
            {**case, "case_id": "c3", "division": TOWN, "worklist": "", "due_on": "2023-07-01"},
        ])  # fmt: skip
        tx.execute(sa.insert(records), [
            {**record, "record_id": "r1", "shape": "visit_plan", "division": TOWN, "due_on": "2023-07-03"},
            {**record, "record_id": "r2", "shape": "visit_plan", "division": TOWN, "due_on": None},
        ])  # fmt: skip
        row = {**account, "person_id": "a1", "number": 2, "division": TOWN, "worklist": "payee_account_confirm", "due_on": "2023-07-06"}
        tx.execute(sa.insert(benefits.pay.accounts), [{n: v for n, v in row.items() if n in known}])
    asked = {"worklist": None, "programme": None, "responsible": None}
    rows = waiting(engine, tables, "330225", asked, None, 100, "")
    assert [(r["list"], r["key"], r["item"]) for r in rows] == [
        ("records", "r1", ""), ("benefit_cases", "c1", ""), ("payee_accounts", "a1", "2"), ("benefit_cases", "c2", ""),
        ("records", "r2", ""),
    ]  # fmt: skip
    assert "sealed" not in str(rows)
    paged, after = [], ""
    while page := waiting(engine, tables, "330225", asked, None, 2, after):
        paged += page
        after = page[-1]["place"]
    assert paged == rows
    assert [r["key"] for r in waiting(engine, tables, "330225", asked, NEXT, 100, "")] == ["c2"]
    assert [r["key"] for r in waiting(engine, tables, "330225", {**asked, "responsible": "staff:li4"}, None, 100, "")] == ["r1", "r2"]
    assert waiting(engine, tables, "330226", asked, None, 100, "") == []
    counts = worklists(engine, tables, "330225", date(2023, 7, 4))
    assert {(c["worklist"], c["town"]): (c["waiting"], c["late"], c["soon"]) for c in counts} == {
        ("visit", TOWN): (2, 1, 0), ("accept", TOWN): (1, 0, 1), ("accept", NEXT): (1, 0, 0), ("payee_account_confirm", TOWN): (1, 0, 1),
    }  # fmt: skip

"""A small service of the tests' own: accounts (账户) with holders, movements and a deadline."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.eventlog.client import NO_STREAM, Log, Raw
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing import codec
from shared.eventsourcing.codec import Meta, Recorded
from shared.eventsourcing.events import event, personal

STREAM = "sample.account-"


@event("sample.account_opened", published=True)
@dataclass(frozen=True)
class Opened:
    account_id: str
    person_id: str
    opened_on: str
    name: str = personal(of="person_id", default="")


@event(
    "sample.account_moved",
    version=2,
    published=True,
    upcasters={1: lambda d: {"account_id": d["account_id"], "fen": d["amount"], "reason": "unknown"}},
)
@dataclass(frozen=True)
class Moved:
    account_id: str
    fen: int
    reason: str


@event("sample.account_noted")
@dataclass(frozen=True)
class Noted:
    """Private: never leaves the service."""

    account_id: str
    text: str


@event("sample.account_closed", published=True, public=lambda e: {"account": e.account_id}, public_version=3, keyed="account")
@dataclass(frozen=True)
class Closed:
    account_id: str
    secret: str


def model(version: int = 1) -> ReadModel:
    """The read model, made anew: a test may declare a later version of it beside."""
    metadata = sa.MetaData()
    accounts = sa.Table(
        "accounts",
        metadata,
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("opened_on", sa.String(10), nullable=False),
        sa.Column("fen", sa.BigInteger, nullable=False, default=0),
        sa.Column("moves", sa.Integer, nullable=False, default=0),
        sa.Column("division", sa.String(12), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False, default=True),
        *([sa.Column("version", sa.Integer)] if version > 1 else []),
    )
    moves = sa.Table(
        "moves",
        metadata,
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("fen", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Index("moves_by_reason", "reason"),
    )
    made = ReadModel("sample", version=version, metadata=metadata)

    @made.on(Opened)
    def _opened(rows: Rows, r: Recorded) -> None:
        e = r.event
        more = {"version": version} if version > 1 else {}
        rows.put(
            accounts, account_id=e.account_id, person_id=e.person_id, name=e.name, opened_on=e.opened_on, division=r.meta.division, **more
        )
        rows.due(r, "review", e.account_id, r.meta.occurred_at + timedelta(days=7), {"of": e.account_id})

    @made.on(Moved)
    def _moved(rows: Rows, r: Recorded) -> None:
        e = r.event
        account = rows.get(accounts, account_id=e.account_id)
        if account is None:
            return
        rows.put(moves, account_id=e.account_id, number=r.version, fen=e.fen, reason=e.reason, at=r.meta.occurred_at.isoformat())
        rows.change(accounts, {"account_id": e.account_id}, fen=account["fen"] + e.fen, moves=account["moves"] + 1)

    @made.on(Noted)
    def _noted(rows: Rows, r: Recorded) -> None:
        if r.event.text == "poison":
            raise KeyError("王小明 must not be seen")

    @made.on(Closed)
    def _closed(rows: Rows, r: Recorded) -> None:
        rows.settle(r, "review")
        rows.change(accounts, {"account_id": r.event.account_id}, open=False)
        rows.delete(moves, account_id=r.event.account_id, number=1)

    return made


def meta(schema: int = 1, n: int = 0) -> bytes:
    at = datetime(2023, 7, 1, 9, 0, tzinfo=UTC) + timedelta(seconds=n)
    return codec.encode_meta(
        Meta(
            correlation_id=f"correlation-{n}",
            causation_id=f"causation-{n}",
            command_id=str(uuid.uuid4()),
            command_hash="0" * 32,
            schema=schema,
            actor="staff:test",
            division="330225",
            occurred_at=at,
            recorded_at=at,
        )
    )


def raw(happened: Any, n: int = 0) -> Raw:
    name, data = codec.encode(happened, lambda person, text: f"~1.{person}.sealed")
    return Raw(name, data, meta(2 if name == "sample.account_moved" else 1, n), str(uuid.uuid4()))


def old_move(account_id: str, amount: int) -> Raw:
    """A movement as version 1 stored it."""
    return Raw("sample.account_moved", json.dumps({"account_id": account_id, "amount": amount}).encode(), meta(1), str(uuid.uuid4()))


def life(account_id: str, moves: int, *, close: bool = False) -> list[Raw]:
    """The events of one account."""
    person = f"p{account_id}"
    happened: list[Any] = [Opened(account_id, person, "2023-07-01", "王小明")]
    happened += [Moved(account_id, 100 + n, "stipend") for n in range(moves)]
    if close:
        happened.append(Closed(account_id, "never shown"))
    return [raw(e, n) for n, e in enumerate(happened)]


def fill(log: Log, accounts: Iterable[str], moves: int = 9, *, close: bool = False) -> int:
    """Write whole lives into the log; the position of the last event."""
    position = -1
    for account_id in accounts:
        position = append(log, account_id, life(account_id, moves, close=close))
    return position


def append(log: Log, account_id: str, events: Sequence[Raw], expected: int = NO_STREAM) -> int:
    return log.append(STREAM + account_id, events, expected)

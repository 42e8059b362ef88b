"""Requests on their way out (发出): handed to an adapter, and what came of it noted in the exchange (shape 11) that they are kept in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.assistance.declarations import DECIDERS
from shared.casework import exchange
from shared.casework.office import Office
from shared.eventsourcing.orders import Order
from shared.exchange.adapter import AdapterDown

EXCHANGES = DECIDERS[exchange.NAME]


def to_send(e: exchange.Exchange, now: datetime) -> bool:
    """Whether it waits to be sent, and the pause after the last try is over."""
    return e.status == "prepared" and (e.again_at is None or now >= e.again_at)


def carry(office: Office, exchange_id: str, attempt: int, send: Callable[[], str], order: Order[Any]) -> None:
    """``send`` answers the adapter's reference; what it cannot bring to the source is tried again by the timer. ``attempt``: how often it
    was tried in vain."""
    noted: Any
    try:
        noted, step = exchange.SendExchange(exchange_id, send()), f"sent {exchange_id}"
    except AdapterDown as down:
        noted, step = exchange.NoteExchangeSendFailed(exchange_id, str(down)), f"send failed {exchange_id} {attempt + 1}"
    office.handle(EXCHANGES, exchange_id, order.to(noted, step))

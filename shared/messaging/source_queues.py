"""Queries to an outside source over the bus (消息接口): one sealed message a request, in a queue that only the source may read.

    <system>.queries      quorum; body: AES-256-GCM (nonce in front, the request's id as associated data) of
                          {"exchange_id": …, "queries": [{"query_no", "resident_id", "name", …}, …]}

A resident ID stands in no queue in the clear: the body is sealed with a key that the source alone has beside us
(``source_key``). Answers come as ``<source>.events`` / ``verification_answered`` by query number and name nobody.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import pika
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pika.exceptions import AMQPError

from shared.config import Settings
from shared.exchange.adapter import AdapterDown, Ask
from shared.exchange.declared import Source
from shared.messaging import names
from shared.security.vault import derived_key

SEALED = "application/vnd.minzheng.sealed-query"


def source_key(settings: Settings, system: str) -> bytes:
    """The key that one source's queries are sealed with: handed to the source once, by the operator."""
    return derived_key(settings.master_key, b"queries to " + system.encode())


def sealed(key: bytes, exchange_id: str, asks: Sequence[Ask]) -> bytes:
    """A request as it goes out."""
    queries = [{"query_no": a.query_no, "resident_id": a.resident_id, "name": a.name, **dict(a.more)} for a in asks]
    body = {"exchange_id": exchange_id, "queries": queries}
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, json.dumps(body, ensure_ascii=False).encode(), exchange_id.encode())


class QueueAdapter:
    """One source's queue. A repeat is a second message with the same id, which the source takes for what it is."""

    def __init__(self, settings: Settings, source: Source, system: str = "") -> None:
        self._settings, self.source, self.system = settings, source, system or source.code

    def send(self, exchange_id: str, asks: Sequence[Ask]) -> str:
        queue = names.queries(self.system)
        if not self._settings.amqp_uri:
            raise AdapterDown("消息总线未设置")
        parameters = pika.URLParameters(self._settings.amqp_uri)
        parameters.socket_timeout = parameters.blocked_connection_timeout = parameters.stack_timeout = 5
        parameters.connection_attempts = 1
        properties = pika.BasicProperties(content_type=SEALED, delivery_mode=2, message_id=exchange_id)
        body = sealed(source_key(self._settings, self.system), exchange_id, asks)
        try:
            connection = pika.BlockingConnection(parameters)
            try:
                channel = connection.channel()
                channel.queue_declare(queue, durable=True, arguments=names.queries_arguments())
                channel.confirm_delivery()
                channel.basic_publish("", queue, body, properties, mandatory=True)
            finally:
                if connection.is_open:
                    connection.close()
        except (AMQPError, OSError) as error:
            raise AdapterDown(f"消息总线不可用：{type(error).__name__}") from None
        return f"{queue}/{exchange_id}"

    def forget(self, exchange_id: str) -> None:
        """The source took the message away when it read it; an unread one dies in the queue by its age."""

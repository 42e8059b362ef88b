"""The limit beside the relay: plain pika with a window of unconfirmed messages, and nothing to read or to remember."""

from __future__ import annotations

import json
import os
import uuid
from collections import deque
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection


def publish(uri: str, to: tuple[str, str], like: pika.BasicProperties, body: bytes, count: int, window: int) -> float:
    """Seconds from the first of ``count`` messages to ``to`` (exchange, routing key) until the last is confirmed."""
    sent = 0
    waiting: deque[int] = deque()
    failure: list[BaseException] = []
    headers = dict(like.headers or {})

    def opened(connection: Any) -> None:
        connection.channel(on_open_callback=lambda channel: channel.confirm_delivery(
            ack_nack_callback=lambda frame: confirmed(channel, frame.method), callback=lambda _: more(channel)
        ))  # fmt: skip

    def more(channel: Any) -> None:
        nonlocal sent
        while sent < count and len(waiting) < window:
            sent += 1
            waiting.append(sent)
            one = str(uuid.UUID(int=sent))
            properties = pika.BasicProperties(
                content_type=like.content_type, content_encoding=like.content_encoding, delivery_mode=2, type=like.type,
                correlation_id=like.correlation_id, message_id=one, timestamp=like.timestamp, headers={**headers, "cloudEvents_id": one},
            )  # fmt: skip
            channel.basic_publish(*to, body, properties, mandatory=True)

    def confirmed(channel: Any, method: Any) -> None:
        if method.NAME != "Basic.Ack":
            failure.append(RuntimeError("消息总线没有收下一条消息"))
            connection.ioloop.stop()
            return
        if method.multiple:
            while waiting and waiting[0] <= method.delivery_tag:
                waiting.popleft()
        else:
            waiting.remove(method.delivery_tag)  # nearly always the first
        if sent == count and not waiting:
            connection.close()
        else:
            more(channel)

    connection = SelectConnection(
        pika.URLParameters(uri),
        on_open_callback=opened,
        on_close_callback=lambda closed, _reason: closed.ioloop.stop(),
        on_open_error_callback=lambda closed, error: (failure.append(error), closed.ioloop.stop()),
    )
    connection.ioloop.start()
    if failure:
        raise failure[0]


if __name__ == "__main__":
    task = json.loads(os.environ["BENCH_TASK"])
    like = pika.BasicProperties(**task["like"])
    publish(task["uri"], (task["to"][0], task["to"][1]), like, bytes.fromhex(task["body"]), task["count"], task["window"])

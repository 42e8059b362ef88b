"""The relay writes its frames itself: they must be byte for byte what pika would write."""

from __future__ import annotations

import pika
import pytest
from pika import frame, spec

from shared.eventlog.relay.frames import CHANNEL, Template, key, long, several, short


def by_pika(exchange: str, key: str, kind: str, headers: dict[str, str | list[str]], body: bytes, frame_max: int) -> bytes:
    properties = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        headers=headers,
        delivery_mode=2,
        correlation_id="关联-1",
        message_id="m-1",
        timestamp=1_688_000_000,
        type=kind,
    )
    parts = [frame.Method(CHANNEL, spec.Basic.Publish(exchange=exchange, routing_key=key, mandatory=True)).marshal()]
    parts.append(frame.Header(CHANNEL, len(body), properties).marshal())
    most = frame_max - 8
    parts += [frame.Body(CHANNEL, body[i : i + most]).marshal() for i in range(0, len(body), most)]
    return b"".join(parts)


@pytest.mark.parametrize("size", [0, 2, 4088, 4089, 70_000])
def test_frames_are_the_same_as_pikas(size: int) -> None:
    """Small, exactly one frame, and several frames."""
    body = b"x" * size
    made = Template("sample.events", "account_opened", "sample.account_opened", {"cloudEvents_specversion": "1.0"}).message(
        key("cloudEvents_id") + long("编号"), short("关联-1"), short("m-1"), 1_688_000_000, body, 4096
    )
    headers: dict[str, str | list[str]] = {"cloudEvents_specversion": "1.0", "cloudEvents_id": "编号"}
    assert made == by_pika("sample.events", "account_opened", "sample.account_opened", headers, body, 4096)


def test_a_header_that_is_a_list_is_the_same_as_pikas() -> None:
    """The further routing keys of a message, which the broker reads from a list."""
    keys = ["account_opened.savings", "account_opened.定期"]
    made = Template("sample.events", "account_opened", "sample.account_opened", {"cloudEvents_specversion": "1.0"}).message(
        short("CC") + several(keys), short("关联-1"), short("m-1"), 1_688_000_000, b"{}", 4096
    )
    headers: dict[str, str | list[str]] = {"cloudEvents_specversion": "1.0", "CC": keys}
    assert made == by_pika("sample.events", "account_opened", "sample.account_opened", headers, b"{}", 4096)

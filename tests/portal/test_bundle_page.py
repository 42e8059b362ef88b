"""The auditor's bundle made on the page: written down before it is handed out, and of one stream however large the log is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.portal.audit import receipts
from tests.portal.test_damaged import House, house

__all__ = ["house"]


def taken(house: House) -> list[dict[str, Any]]:
    return [json.loads(r.data) for r in house.log.read_all() if r.name == "operations.audit_bundle_taken"]


def test_a_bundle_is_written_down_before_it_is_handed_out(house: House) -> None:
    """Who, what, which period, why, under which checkpoint; and it stands among what the hand did. Without a reason there is none."""
    status, text = house.bundle(kind="case", value=house.case, reason="")
    assert (status, "理由或文号" in text) == (422, True)
    assert taken(house) == []
    status, kind = house.bundle(kind="case", value=house.case, **{"from": "2023-06-01"})
    assert (status, kind) == (200, "application/zip")
    [one] = taken(house)
    assert (one["bundle_scope"], one["reason"]) == (f"case:{house.case}", "象审〔2024〕3号")
    assert (one["first"][:10], one["last"]) == ("2023-06-01", "")
    assert one["by"].startswith("staff:")
    assert one["events"] > 3
    assert one["checkpoint"] > 0


def test_a_stream_s_bundle_is_made_of_any_log(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own events count, not all of the log's; of a larger scope the command is told, with the reason, and nothing is written down."""
    monkeypatch.setattr(receipts, "MOST_EVENTS", house.log.last(house.stream).version + 1)
    assert house.bundle(kind="stream", value=house.stream) == (200, "application/zip")
    [one] = taken(house)
    assert one["bundle_scope"] == f"stream:{house.stream}"
    status, text = house.bundle(kind="all")
    assert (status, "minzheng audit bundle --scope all --reason 象审〔2024〕3号" in text.replace("&#39;", "")) == (200, True)
    assert len(taken(house)) == 1

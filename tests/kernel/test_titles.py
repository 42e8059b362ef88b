"""Every event can be called by a Chinese name: on the pages of auditors and clerks nobody meets a type's English one."""

from __future__ import annotations

from dataclasses import dataclass

from shared.eventlog import discovery
from shared.eventsourcing.events import REGISTRY
from shared.eventsourcing.titles import title, title_of


def test_every_registered_event_begins_with_its_chinese_title() -> None:
    """Also those that a service adopts from a shape, and those that will be added."""
    discovery.load_all()
    house = {*discovery.services(), discovery.OPERATIONS}
    own = {name: kind.cls for name, kind in REGISTRY.items() if kind.service in house}
    assert len(own) > 300
    assert sorted({f"{cls.__module__}.{cls.__qualname__}" for cls in own.values() if not title_of(cls)}) == []


def test_a_title_is_the_first_words_of_the_docstring() -> None:
    """Up to the colon or whatever else is no part of it; a type of a later release is called by its own name."""
    discovery.load_all()
    assert title("assistance.case_granted") == "确认"
    assert title("eldercare.benefit_paid") == "发放"
    assert title("assistance.case_invented_later") == "assistance.case_invented_later"

    @dataclass(frozen=True)
    class Bare:
        """Told in English (英文)."""

    assert title_of(Bare) == ""

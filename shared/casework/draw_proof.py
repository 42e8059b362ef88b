"""A draw by lot laid open to an auditor (抽取核对): what is behind each pseudonym of a public list, and whether all is as frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.casework import draws, inspection


@dataclass(frozen=True)
class DrawLaidOpen:
    """``committed``: the salt is the one that was committed to; ``as_frozen``: the list, and its pseudonyms, are those that were frozen.
    ``entries``: (object, pseudonym, drawn), by pseudonyms; a draw from the objects themselves has none of them."""

    rule: int
    seed: str
    salt_hash: str
    committed: bool
    as_frozen: bool
    entries: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class DrawRegister:
    """The register of which a list was to be, as it stood when the list was frozen, against that list."""

    frozen_at: datetime
    registered: int
    missing: tuple[str, ...]  # in the register, not on the list
    beyond: tuple[str, ...]  # on the list, not in the register


def against(listed: Iterable[str], register: Iterable[str], frozen_at: datetime) -> DrawRegister:
    """A list held against the register it was to be the whole of."""
    here, there = set(listed), set(register)
    return DrawRegister(frozen_at, len(there), tuple(sorted(there - here)), tuple(sorted(here - there)))


def laid_open(history: Iterable[Any]) -> DrawLaidOpen | None:
    """A draw with the objects behind its pseudonyms, out of the record's events with the salt opened; None where no list was frozen."""
    objects: list[str] = []
    frozen: inspection.CampaignListFrozen | None = None
    started: inspection.CampaignStarted | None = None
    for e in history:
        if isinstance(e, inspection.CampaignObjectsListed):
            objects += e.objects
        elif isinstance(e, inspection.CampaignListFrozen):
            frozen = e
        elif isinstance(e, inspection.CampaignStarted):
            started = e
    if frozen is None:
        return None
    salt = frozen.salt or ""
    hidden = {o: p for p, o in draws.pseudonyms(salt, objects).items()} if draws.is_salt(salt) else dict.fromkeys(sorted(objects), "")
    drawn = set(inspection.chosen_of(objects, started)) if started else set()
    shown = draws.list_hash(hidden.values()) if any(hidden.values()) else ""
    return DrawLaidOpen(
        rule=frozen.rule, seed=started.seed if started else "", salt_hash=frozen.salt_hash,
        committed=frozen.rule == draws.BY_OBJECT or (draws.is_salt(salt) and draws.commitment(salt) == frozen.salt_hash),
        as_frozen=(draws.list_hash(objects), shown) == (frozen.list_hash, frozen.pseudonyms_hash),
        entries=tuple((o, p, o in drawn) for o, p in hidden.items()),
    )  # fmt: skip

"""What the page of any record needs (办件页面的门): what may be done with it now, what was done. The same for every service."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from shared.casework.possible import possible
from shared.domain import division as divisions
from shared.domain import resident_id as resident_ids
from shared.domain.errors import Refused, invalid
from shared.eventlog import discovery
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Hand, Order
from shared.eventsourcing.titles import title
from shared.messaging.answering import answers
from shared.messaging.door_answers import Acts, Found, Step
from shared.messaging.doors import DoorInfo, Service, doors_of, query
from shared.messaging.showing import plain
from shared.security.permissions import permit, within

# What a step says for everybody who may see the record. No amount a source answered, no name, no account stands in these.
TOLD = (
    "finding", "findings", "reason", "outcome", "upheld", "missing", "reference", "report_id", "verdict", "missing_sources", "how", "step",
    "result", "note", "statement", "document_no", "amount_fen", "month", "due_on", "to", "responsible", "to_unit", "grade", "status",
    "publicised_until", "first_month", "effective_month", "new_amount_fen", "from_month", "first_unpaid_month",
)  # fmt: skip


class PageDoors(Service):
    """Inherited by the services whose records have pages at the desk."""

    def item_of(self, category: str, state: Any) -> str:
        """Of a record that is made of matters (事项) the newest one; "" of any other."""
        return ""

    def named_by(self, category: str, key: str, item: str) -> Any:
        """What the first field of an act says: the record's id, or of a book of numbered things the number."""
        return key

    def untold(self, category: str) -> frozenset[str]:
        """What a record's steps do not say, because it is read elsewhere, for a purpose."""
        return frozenset()

    def known_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """What the form of an act on this record, or on one matter of it, is filled in with before anybody looks at it."""
        return {}

    def elsewhere_of(self, category: str, state: Any, key: str, item: str) -> dict[str, Any]:
        """What a door tells a command of other records: looked up for the page too, or the act would be offered out of order."""
        return {}

    def files_of(self, person_id: str) -> tuple[tuple[str, str], ...]:
        """Where a person may stand in this service: (category, key)."""
        return ()

    def rows_of(self, hand: Hand, keys: tuple[str, ...], position: int | None) -> list[dict[str, Any]]:
        """Cases and records whose subject is one of these, as far as the hand's division goes: category, key, programme, status.
        Whoever reads them from a read model waits until it has seen ``position``."""
        return []

    def stands_of(self, category: str, state: Any, item: str) -> dict[str, Any]:
        """In which list a record, or one matter of it, stands, whose turn it is, what is due and until when; nothing where in none."""
        return {}

    @query(permission="read", opens="person_id")
    @answers(list[Found])
    def find_person(self, hand: Hand, resident_id: str, position: int | None = None) -> Any:
        """按公民身份号码查找：此人及其家庭在本服务的登记、个案和记录（只列编号）。"""
        person_id = self.office.person_id(resident_ids.check(resident_id, "resident_id"))
        found, keys = [], [person_id]
        for category, key in self.files_of(person_id):
            decider = self._decider(category)
            loaded = self.office.load(decider, key)
            if loaded.version >= 0 and divisions.covers(hand.division, decider.division(loaded.state)):
                found.append({"category": category, "key": key, "programme": "", "status": ""})
                keys.append(key)
        found += self.rows_of(hand, tuple(dict.fromkeys(keys)), position)
        return [{"person_id": person_id, **row} for row in found]

    @query(permission="read")
    @answers(Acts)
    def get_acts(self, hand: Hand, category: str, key: str, item: str = "") -> Any:
        """此时可办的事项：每项由何岗位办理，本人能否办理及原因，已知的填写内容；在哪个待办清单、何时到期。item：一条记录中的哪一件（默认最近一件）。"""
        decider = self._decider(category)
        loaded = self.office.load(decider, key)
        if loaded.version < 0:
            raise Refused("not_found", "没有此记录。", "key")
        newest = self.item_of(category, loaded.state)
        item = (item or newest) if newest else ""
        within(hand, decider.where(loaded.state, item))
        order: Order[Any] = Order(None, "look", hand, self.office.clock.now())
        found, known = [], {**self.known_of(category, loaded.state, key, item), **self.elsewhere_of(category, loaded.state, key, item)}
        for command, info in self._doors_to(decider):
            names = [f.name for f in dataclasses.fields(command)]
            given = {**known, names[0]: self.named_by(category, key, item)}
            if item and len(names) > 1 and names[1].endswith("_id"):
                given[names[1]] = item
            asked = {f.name for f in dataclasses.fields(info.form)}
            for act in possible(decider.decide, loaded.state, order, [command], given):
                found.append(
                    {
                        "act": info.method,
                        "permission": info.permission,
                        "permitted": _permitted(hand, info.permission),
                        "refused": act.refused,
                        "why": act.why,
                        "given": {name: value for name, value in given.items() if name in asked and value not in ("", 0, None)},
                    }
                )
        return {"stands": self.stands_of(category, loaded.state, item), "acts": found}

    @query(permission="read", opens="key")
    @answers(list[Step])
    def get_steps(self, hand: Hand, category: str, key: str, item: str = "") -> Any:
        """办理过程：一条记录的每一步，何时、由谁、意见和理由；item：从其中哪一件看（可能是另一乡镇的）。"""
        decider = self._decider(category)
        loaded = self.office.load(decider, key)
        if loaded.version < 0:
            raise Refused("not_found", "没有此记录。", "key")
        within(hand, decider.where(loaded.state, item))
        return steps_of(self.office.history(decider.stream(key)), self.untold(category))

    def _doors_to(self, decider: Decider[Any]) -> list[tuple[type, DoorInfo]]:
        """The doors that come down to a command of the decider, in the decider's order."""
        doors = [(info.does or info._form, info) for info in doors_of(type(self)) if info.kind == "command"]
        return [(command, info) for command in decider.decide for does, info in doors if does is command]

    def _decider(self, category: str) -> Decider[Any]:
        for decider in discovery.deciders(self.name):
            if decider.category == f"{self.name}.{category}":
                return decider
        raise invalid("没有这类记录。", "category")


def steps_of(history: Iterable[Recorded], untold: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """The events of a record as steps: what, by whom, when, with what was said (less what is ``untold`` here)."""
    told = [name for name in TOLD if name not in untold]
    return [
        {
            "version": r.version,
            "step": r.name.partition(".")[2],
            "title": title(r.name),
            "by": r.meta.actor,
            "at": r.meta.recorded_at.isoformat(),
            "told": {name: plain(getattr(r.event, name)) for name in told if getattr(r.event, name, None) not in (None, "", ())},
        }
        for r in history
    ]


def _permitted(hand: Hand, permission: str) -> bool:
    try:
        permit(hand, permission)
    except Refused:
        return False
    return True

"""Every field of every event that could be a decision, changed by itself: what of it the replay names, and what it takes for typed.

python -m tests.integrity.forging          writes the table of docs/replayed.md anew, from what a lived log shows
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from shared.casework import asking
from shared.eventlog import discovery
from shared.eventlog.client import Raw
from shared.eventlog.integrity.passed import TYPES, Passed
from shared.eventlog.integrity.replay import asked_again
from shared.eventlog.showing import recorded
from shared.eventsourcing.codec import BrokenEvent
from shared.eventsourcing.events import REGISTRY
from tests.desk import Desk, desk
from tests.programmes.life import SERVICES, Life

DOC = Path(__file__).parents[2] / "docs" / "replayed.md"
WORDS = frozenset(
    ("outcome", "verdict", "hardship_class", "old_class", "level", "grade", "status", "care_class", "result", "completeness", "fee_rule")
)
# Replayed by other rooms, which have tests of their own: what the rules said, with its inputs and versions; terms are the declaration's.
ELSEWHERE = frozenset(("assessment", "assessments", "terms"))
_DAY, _MONTH = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d")
ROW = re.compile(r"\| `(\w+)` \|([^|]*)\|([^|]*)\|")
MOST = 2  # events of a type that are changed


class Quiet(Life):
    """The half year, without asking every query about it."""

    def remember(self) -> None:
        self.d.project()


@contextmanager
def lived(var: Path) -> Iterator[Desk]:
    """A log in which nearly everything has happened."""
    with desk(var, *SERVICES) as d:
        Quiet(d).live()
        d.settle()
        yield d


@dataclass(frozen=True)
class Forged:
    """A field of an event with another value."""

    type: str
    field: str
    at: int  # which of the log's events
    raw: Raw


def otherwise(name: str, value: Any) -> Any:
    """Another value of the kind, as somebody who forges it would take; None where a field tells nothing that could be decided."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        if _DAY.fullmatch(value):
            return (date.fromisoformat(value) + timedelta(days=1)).isoformat()
        if _MONTH.fullmatch(value):
            return f"{value[:5]}{'02' if value.endswith('01') else '01'}"
        return "otherwise" if name in WORDS else None
    if isinstance(value, list) and value:
        first = otherwise(name, value[0])
        return None if first is None else [first, *value[1:]]
    if isinstance(value, dict):
        changed = ((key, otherwise(key, inner)) for key, inner in value.items())
        one = next(((key, inner) for key, inner in changed if inner is not None), None)
        return None if one is None else {**value, one[0]: one[1]}
    return None


def forgeries(raws: list[Raw]) -> Iterator[Forged]:
    """Of the first events of each type, every such field by itself."""
    seen: dict[str, int] = defaultdict(int)
    for at, raw in enumerate(raws):
        short = raw.name.partition(".")[2]
        if seen[short] == MOST or short in asking.UNHELD or short not in {k.short for k in REGISTRY.values()}:
            continue
        seen[short] += 1
        body = json.loads(raw.data)
        for name in body.keys() - ELSEWHERE:
            value = otherwise(name, body[name])
            if value is not None:
                yield Forged(short, name, at, replace_data(raw, {**body, name: value}))


def replace_data(raw: Raw, body: dict[str, Any]) -> Raw:
    return Raw(raw.name, json.dumps(body).encode(), raw.metadata, raw.id, raw.stream, raw.version, raw.position)


class Finder:
    """Whether the replay names a forgery: by its order in its stream, or by what passes between records."""

    def __init__(self, raws: list[Raw]) -> None:
        self._raws, self._orders = raws, asked_again()
        self._streams: dict[str, list[Raw]] = defaultdict(list)
        for raw in raws:
            self._streams[raw.stream].append(raw)

    def names(self, forged: Forged) -> bool:
        raw = forged.raw
        decider = discovery.decider(raw.stream)
        assert decider is not None
        stream = [raw if r.version == raw.version else r for r in self._streams[raw.stream]]
        try:
            if any(a.differs for a in self._orders.of_stream(decider, stream)):
                return True
        except BrokenEvent:
            return True
        return forged.type in TYPES and self._passed(forged)

    def _passed(self, forged: Forged) -> bool:
        passed = Passed()
        for at, was in enumerate(self._raws):
            raw = forged.raw if at == forged.at else was
            if raw.name.partition(".")[2] in TYPES and passed.see(recorded(raw)):
                return True
        return False


def typed() -> dict[str, set[str]]:
    """By the table: event type → fields that are inputs."""
    rows = (ROW.fullmatch(line) for line in DOC.read_text(encoding="utf-8").splitlines())
    return {row[1]: set(re.findall(r"`(\w+)`", row[3])) for row in rows if row}


def could_be_decided() -> dict[str, set[str]]:
    """Every event type of the house → its fields that could be amounts, classes, verdicts, days, months. Types that other tests registered
    in the same process for themselves are none of the house."""
    discovery.load_all()
    house = {*discovery.services(), discovery.OPERATIONS}
    found: dict[str, set[str]] = defaultdict(set)
    for kind in REGISTRY.values():
        if kind.service not in house:
            continue
        for f in fields(kind.cls):
            hint = str(f.type)
            if f.name in ELSEWHERE:
                continue
            if f.name in WORDS or re.search(r"\b(int|bool|date|datetime)\b", hint) or "month" in f.name or hint.startswith("tuple[Month"):
                found[kind.short].add(f.name)
    return found


def main() -> None:
    """What a forgery of each field shows, written into the table; of what this log does not hold, the row says what it said."""
    head, _, table = DOC.read_text(encoding="utf-8").partition("| --- | --- | --- |\n| `")
    before = {row[1]: row[0] for line in f"| `{table}".splitlines() if (row := ROW.fullmatch(line))}
    shown: dict[str, dict[str, bool]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as var, lived(Path(var)) as d:
        raws = list(d.offices["assistance"].log.read_all())
        finder = Finder(raws)
        for forged in forgeries(raws):
            shown[forged.type][forged.field] = shown[forged.type].get(forged.field, True) and finder.names(forged)
    rows = []
    for short, names in sorted(could_be_decided().items()):
        if short in asking.UNHELD:
            rows.append(f"| `{short}` | {asking.UNHELD[short]} | |")
        elif not shown[short] and short in before:
            rows.append(before[short])
        else:
            inputs = {name for name, held in shown[short].items() if not held}
            held = "、".join(sorted((names | shown[short].keys()) - inputs)) or "—"
            mark = "" if shown[short] else "·· "
            rows.append(f"| `{short}` | {mark}{held} | {'、'.join(f'`{n}`' for n in sorted(inputs))} |")
    DOC.write_text(f"{head}| --- | --- | --- |\n" + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

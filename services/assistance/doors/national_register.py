"""The door of the comparison with the national system (金民数据比对的门)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from services.assistance import determination, national_register
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.discovery import NATIONAL_REGISTER_COMPARISON
from services.assistance.doors.determination import REGISTER, DeterminationDoors
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.determination import in_register
from services.assistance.rows.register import Page
from shared.casework import clue
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.messaging.answering import answers, kept
from shared.messaging.doors import command, query
from shared.messaging.showing import all_seen, shown
from shared.rules.profile import load_profile
from shared.security.permissions import within

PAGE = 500


@dataclass(frozen=True)
class ComparisonForm:
    """比对: the register of a day (none = today) against the files that lie there."""

    valid_at: date | None = None


class NationalRegisterDoors(DeterminationDoors):
    """金民数据比对."""

    @command(ComparisonForm, permission="assistance:accept")
    def compare_national_register(self, order: Order[ComparisonForm]) -> Any:
        """收取金民低收入人口文件，与某日（默认今日）的本区名册逐人比对；每项差异成为一件待核实的线索，逐行报告不能读取的行。"""
        district = load_profile(self.office.settings.profile).division_code
        within(order.hand, district)
        month = dates.month_of(order.command.valid_at or order.today)
        all_seen(self.office, MODEL)
        into = self.office.settings.var / "exchange" / self.name / "jinmin" / "in"
        for directory in (into.parent.parent, into.parent, into):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = sorted(p for p in into.iterdir() if p.is_file() and not p.name.startswith(".") and p.suffix in (".csv", ".xlsx"))
        if not paths:
            raise Refused("not_found", "没有待比对的金民文件。", None)
        ours = {one.person_id: one for one in self._everybody_of(district, month)}
        return {"files": [self._national(path, ours, district, month, order) for path in paths]}

    def _everybody_of(self, division: str, month: str) -> Iterator[national_register.Listed]:
        after = ""
        while rows := in_register(self.office.read, TABLES["determination"], division, month, after, PAGE):
            page = Page(self.office.read, REGISTER, division, month, [row["unit_id"] for row in rows])
            for unit_id, there in page.units.items():
                unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
                yield from national_register.members_of(unit, [p.person_id for p in there.there] or [unit_id], month)
            after = rows[-1]["entry_id"]

    def _national(
        self, path: Path, ours: dict[str, national_register.Listed], district: str, month: str, order: Order[Any]
    ) -> dict[str, Any]:
        read = national_register.read(path, self.office.person_id)
        counts: Counter[str] = Counter()
        if read.persons:  # a file of which nothing can be read is no list on which nobody stands
            for d in national_register.differences(read.persons, ours, month):
                counts[d.kind] += 1
                counts["raised"] += self._open_task(d, order)
        note = national_register.NoteComparison(
            read.digest, district, month, len(read.persons), len(ours), counts["only_there"], counts["only_here"], counts["class_differs"],
            counts["raised"], tuple(read.broken),
        )  # fmt: skip
        self.office.handle(national_register.DECIDER, district, order.to(note, f"compared {read.digest}"))
        path.unlink(missing_ok=True)
        told = {name: value for name, value in vars(note).items() if name not in ("digest", "division", "broken")}
        return {**told, "broken": [{"line": b.line, "reason": b.reason} for b in read.broken]}

    def _open_task(self, d: national_register.Difference, order: Order[Any]) -> bool:
        """A task for a difference, unless the last one of the same is still open."""
        clues, number = DECIDERS[clue.NAME], 0
        while True:
            record_id = derived_id("jinmin", d.kind, d.person_id, str(number))
            state: clue.Clue = self.office.load(clues, record_id).state
            if state.status == "none":
                break
            if state.status != "closed" or (state.what == d.what):
                return False
            number += 1
        report = clue.ReportClue(
            NATIONAL_REGISTER_COMPARISON.code, d.division, "jinmin", d.kind, d.what, d.person_id, terms=NATIONAL_REGISTER_COMPARISON.terms
        )
        own = order.by(Hand.service(self.name))
        self.office.handle(clues, record_id, own.to(report, f"differs {record_id}"))
        return True

    @query(permission="assistance:read")
    @answers(kept(national_register.Comparisons))
    def get_national_comparisons(self, hand: Hand, as_of: datetime | None = None) -> Any:
        """历次金民数据比对：两边人数、仅金民有、仅本区有、类别不一致的人数，和不能读取的行。"""
        district = load_profile(self.office.settings.profile).division_code
        return shown(self.office, national_register.DECIDER, district, hand, as_of)

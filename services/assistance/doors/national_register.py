"""The door of the comparison with the national system (金民数据比对的门)."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from services.assistance import determination, national_register, placement
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.discovery import NATIONAL_REGISTER_COMPARISON
from services.assistance.doors.determination import REGISTER, DeterminationDoors
from services.assistance.read_model import MODEL, TABLES
from services.assistance.rows.determination import in_register
from services.assistance.rows.national_register import NEXT_PART
from services.assistance.rows.register import Page
from shared.casework import clue
from shared.domain import dates
from shared.domain.errors import Refused
from shared.eventsourcing.orders import Hand, Order, derived_id
from shared.messaging.answering import answers, kept
from shared.messaging.doors import Due, command, deadline, query
from shared.messaging.showing import all_seen, shown
from shared.rules.profile import load_profile
from shared.security.permissions import within

PAGE = 500  # units of the register, persons of the file, that are compared at once
_read = lru_cache(maxsize=1)(national_register.read)  # many pages are held against one file, which bears the hash of what is in it


@dataclass(frozen=True)
class ComparisonForm:
    """比对: the register of a day (none = today) against the files that lie there."""

    valid_at: date | None = None


class NationalRegisterDoors(DeterminationDoors):
    """金民数据比对."""

    @command(ComparisonForm, permission="assistance:accept")
    def compare_national_register(self, order: Order[ComparisonForm]) -> Any:
        """收取金民低收入人口文件，与某日（默认今日）的本区名册逐人、分批比对；每项差异成为一件待核实的线索，逐行报告不能读取的行，
        结果见 get_national_comparisons。"""
        district = load_profile(self.office.settings.profile).division_code
        within(order.hand, district)
        month = dates.month_of(order.command.valid_at or order.today)
        into, work = (self._jinmin(name) for name in ("in", "work"))
        paths = sorted(p for p in into.iterdir() if p.is_file() and not p.name.startswith(".") and p.suffix in (".csv", ".xlsx"))
        if not paths:
            raise Refused("not_found", "没有待比对的金民文件。", None)
        return {"files": [self._begin_national(path, work, district, month, order) for path in paths]}

    def _jinmin(self, name: str) -> Path:
        """Where files lie; made on first sight, readable by us alone."""
        found = self.office.settings.var / "exchange" / self.name / "jinmin" / name
        for directory in (found.parent.parent, found.parent, found):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    def _begin_national(self, path: Path, work: Path, district: str, month: str, order: Order[Any]) -> dict[str, Any]:
        read = national_register.read(path, self.office.person_id)
        broken = [{"line": b.line, "reason": b.reason} for b in read.broken]
        begun: Any
        if read.persons:
            shutil.copyfile(path, work / f"{read.digest}{path.suffix}")  # it stays until the comparison is begun, whatever is killed
            begun = national_register.StartNationalComparison(read.digest, district, month, len(read.persons), tuple(read.broken))
        else:
            begun = national_register.NoteComparison(read.digest, district, month, 0, 0, 0, 0, 0, 0, tuple(read.broken))
        self.office.handle(national_register.DECIDER, district, order.to(begun, f"compared {read.digest}"))
        path.unlink(missing_ok=True)
        return {"month": month, "national_persons": len(read.persons), "broken": broken}

    @deadline(NEXT_PART)
    def on_national_comparison_part(self, due: Due) -> None:
        """The next page of the register, or of the file, is compared."""
        state: national_register.Comparisons = self.office.load(national_register.DECIDER, due.aggregate_id).state
        if not state.running:
            return
        r = state.running[0]
        all_seen(self.office, MODEL)
        file = next((p for p in self._jinmin("work").iterdir() if p.stem == r.digest), None)
        if file is None:
            raise Refused("not_found", "正在比对的金民文件已不在，请将原文件放回 work 目录。", None)
        theirs = _read(file, self.office.person_id).persons
        side, place = r.side, ""
        if r.side == "here":
            ours, place = self._register_page(state.division, r.month, r.behind)
            persons = list(ours)
            side = "here" if place else "there"
        else:
            left = sorted(p for p in theirs if p > r.behind)
            persons = left[:PAGE]
            ours = {p: found for p in persons if (found := self._national_place(p, state.division, r.month)) is not None}
            side, place = ("there", persons[-1]) if len(left) > PAGE else ("", "")
        counts: Counter[str] = Counter()
        for d in national_register.differences(persons, theirs, ours, r.month):
            if r.side == "here" or d.kind == "only_there":  # of whoever is on both lists the register's turn has told
                counts[d.kind] += 1
                counts["raised"] += self._open_task(d, due.order(None))
        part = national_register.NotePartCompared(
            r.digest, r.side, r.behind, len(persons), counts["only_there"], counts["only_here"], counts["class_differs"], counts["raised"],
            side, place,
        )  # fmt: skip
        self.office.handle(national_register.DECIDER, due.aggregate_id, due.order(part, f"part {len(state.made)} {r.side} {r.behind}"))
        if not side:
            file.unlink(missing_ok=True)
            _read.cache_clear()

    def _register_page(self, division: str, month: str, after: str) -> tuple[dict[str, national_register.Listed], str]:
        """Who of the next page of the register has a class, and the place behind which it goes on, "" = it is through."""
        rows = in_register(self.office.read, TABLES["determination"], division, month, after, PAGE)
        page = Page(self.office.read, REGISTER, division, month, [row["unit_id"] for row in rows])
        found: dict[str, national_register.Listed] = {}
        for unit_id, there in page.units.items():
            unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
            for one in national_register.members_of(unit, [p.person_id for p in there.there] or [unit_id], month):
                found[one.person_id] = one
        return found, rows[-1]["entry_id"] if len(rows) == PAGE else ""

    def _national_place(self, person_id: str, division: str, month: str) -> national_register.Listed | None:
        """What one person stands as in our register: with his household, or as a unit of his own."""
        place: placement.Placement = self.office.load(placement.DECIDER, person_id).state
        for unit_id in dict.fromkeys((place.home_in(month) or person_id, person_id)):
            unit: determination.Unit = self.office.load(determination.DECIDER, unit_id).state
            if unit.division.startswith(division):
                for one in national_register.members_of(unit, [person_id], month):
                    return one
        return None

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
        """历次金民数据比对：两边人数、仅金民有、仅本区有、类别不一致的人数，和不能读取的行；running：正在进行的，比对到何处。"""
        district = load_profile(self.office.settings.profile).division_code
        return shown(self.office, national_register.DECIDER, district, hand, as_of)

"""Costing over this office's read model, or over its log as it was known on an earlier day (``as_of``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.assistance import household, simulation, standards
from services.assistance.benefits import CASES, district
from services.assistance.household import Household
from services.assistance.rise import CaseNow
from services.assistance.rows.standards import StandardTables, Tables, exits_after, lean, payments_of
from services.assistance.rules import engine
from shared.casework import benefit_case as bc
from shared.eventlog.reader import Reader, of_service
from shared.eventlog.showing import recorded
from shared.office import Office


class Past:
    """``rise.Reading`` as of a moment: every case and household of the log, folded up to it, and what had been paid by then."""

    def __init__(self, office: Office, as_of: datetime, progress: Callable[[str, int], None] = lambda _what, _n: None) -> None:
        self._cases: dict[str, CaseNow] = {}
        self._houses: dict[str, tuple[Household, int]] = {}
        self._paid: dict[tuple[str, str], int] = {}
        case_stream, house_stream = f"{CASES.category}-", f"{household.DECIDER.category}-"
        reader = Reader(office.log)
        try:
            for n, raw in enumerate(reader.read(-1, office.log.head(), **of_service(office.service))):
                if n % 1000 == 0:
                    progress("events", 1000)
                if not raw.stream.startswith((case_stream, house_stream)):
                    continue
                r = recorded(raw)
                if r.meta.recorded_at > as_of:
                    continue
                key = raw.stream.split("-", 1)[1]
                if raw.stream.startswith(case_stream):
                    self._case(key, r.event)
                else:
                    state = household.evolve(self._houses[key][0] if key in self._houses else Household(), r.event)
                    self._houses[key] = (state, r.version)
        finally:
            reader.close()

    def _case(self, key: str, event: Any) -> None:
        before = self._cases.get(key, CaseNow(key, bc.Case()))
        after = lean(CASES.evolve(before.state, event))
        self._cases[key] = replace(before, state=after, exits=exits_after(before.exits, after, event))
        if isinstance(event, bc.BenefitPaid):
            self._paid[key, event.month] = event.amount_fen

    def cases(self, programmes: Sequence[str]) -> Iterator[CaseNow]:
        """Every case of these programmes that had been granted."""
        for key in sorted(self._cases):
            now = self._cases[key]
            if now.state.programme in programmes and now.state.first_month:
                yield now

    def households(self, ids: Iterable[str]) -> dict[str, tuple[Household, int]]:
        """Household id → its folded state, and the version of its stream."""
        return {key: self._houses[key] for key in set(ids) if key in self._houses}

    def all_households(self, after: str = "") -> list[tuple[str, Household]]:
        """All at once: they are in memory."""
        return [] if after else [(key, self._houses[key][0]) for key in sorted(self._houses)]

    def paid(self, month: str, ids: Iterable[str]) -> dict[str, int]:
        return {key: self._paid[key, month] for key in ids if (key, month) in self._paid}


def costed(
    office: Office,
    tables: StandardTables,
    profile: str,
    asked: simulation.Asked,
    *,
    as_of: datetime | None = None,
    division: str = "",
    most: int = 0,
    progress: Callable[[str, int], None] = lambda _what, _n: None,
    each_case: bool = False,
) -> simulation.Report:
    """What a change would cost, on the cases of ``asked.month``; as was known at ``as_of``, publications included. Changes nothing."""
    state: standards.Book = office.load(standards.DECIDER, district(profile), as_of).state
    rules = engine(profile, standards.in_the_rules(state))
    if as_of is None:
        now = Tables(office.read, tables, division)
        return simulation.simulate(
            rules, asked, now.cases((asked.programme,)), now.households, now.all_households,
            lambda ids: payments_of(office.read, asked.month, ids), most=most, progress=progress, each_case=each_case,
        )  # fmt: skip
    then = Past(office, as_of, progress)
    return simulation.simulate(
        rules, asked, then.cases((asked.programme,)), then.households, then.all_households,
        lambda ids: then.paid(asked.month, ids), most=most, progress=progress, each_case=each_case,
    )  # fmt: skip

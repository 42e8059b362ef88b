"""What the register of low-income persons says beside the class (低收入人口数据库): aids received (已获救助) and risk flags (风险提示).

No table of its own and nothing copied: a page of the register is joined with what stands in the rows already: cases and their payments,
temporary assistance, orders of service, improvement projects, answers to referrals, clues, re-verifications, claims, and the folded states
of households and persons. Every question goes by an index over the units of the page, so a page costs the same in a small district and in
a large one.

Aids are those up to the asked month, of the unit and of whoever lived there in it; what the bank gave back is none, and what is claimed
back is said as a flag, not taken off. Flags of facts are of the asked month; whether a clue, a re-verification or a claim is open is a
matter of what is known (``as_of``), as with every worklist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from services.assistance import determination, household, housing, person, price_linkage, temporary
from services.assistance.programmes import PRICE_LINKED_TEMPORARY_SUBSIDY, TEMPORARY_ASSISTANCE
from services.assistance.risk_flags import Flag, of_facts
from services.assistance.rows.aids_elsewhere import AidTables
from services.assistance.rows.improvements import ImprovementTables
from services.assistance.rows.means_test import MeansTestTables
from services.assistance.rows.person import PersonTables, persons_of
from services.assistance.rows.referred_aids import ReferredTables
from services.assistance.rows.standards import StandardTables, Tables
from services.assistance.rows.temporary import TemporaryTables
from shared.casework import benefit_case as bc
from shared.casework import clue, service_order
from shared.eventlog.benefit_rows import BenefitTables
from shared.eventlog.payment_rows import has_months_in
from shared.eventlog.shape_rows import decode_state
from shared.rules.facts import PersonFacts

_IN = 500  # ids in one question
PRICE, TEMPORARY = PRICE_LINKED_TEMPORARY_SUBSIDY.code, TEMPORARY_ASSISTANCE.code


@dataclass(frozen=True)
class Sources:
    """The rows that are joined."""

    benefits: BenefitTables
    records: sa.Table
    standards: StandardTables
    persons: PersonTables
    temporary: TemporaryTables
    means_test: MeansTestTables
    elsewhere: AidTables
    improvements: ImprovementTables
    referred: ReferredTables


@dataclass(frozen=True)
class Unit:
    """Who lived in a unit of the register in the month, and who ever did."""

    there: tuple[PersonFacts, ...]
    ever: tuple[str, ...]
    house: str = ""  # the grade of its house


@dataclass(frozen=True)
class Aid:
    """One programme as the unit or one of its persons (``subject_id``) got it. kind: money | goods | service | improvement (done in the
    home, with what it cost) | elsewhere (paid by somebody else) | referral (given by a department to which he was referred: ``given_by``,
    ``given_for``, from the month of its answer; it tells no amount and no end). Months are "" where the rows do not say them;
    ``fen_this_year``: of the asked month's year, up to it."""

    programme: str
    subject_id: str
    kind: str
    first_month: str
    last_month: str
    fen: int = 0
    fen_this_year: int = 0
    given_by: str = ""
    given_for: str = ""


class Page:
    """A page of the register's units, in one month, as far as a division may see."""

    def __init__(self, engine: sa.Engine, sources: Sources, division: str, month: str, unit_ids: Sequence[str]) -> None:
        self._engine, self._t, self._division, self._month, self._year = engine, sources, division, month, month[:4]
        homes = Tables(engine, sources.standards).households(unit_ids)
        self.units = {key: self._household(homes[key][0]) if key in homes else Unit((), (key,)) for key in unit_ids}
        everybody = {p for u in self.units.values() for p in u.ever}
        self.persons = persons_of(engine, sources.persons, everybody)
        for key in unit_ids:
            if key not in homes and key in self.persons and self.persons[key].registered is not None:
                self.units[key] = Unit((person.person_facts(self.persons[key], month),), (key,))
        # Whoever lives there, or the unit itself → the unit that shows it; who is a unit of his own is shown there.
        self._shows = {p.person_id: key for key, u in self.units.items() for p in u.there} | {key: key for key in self.units}
        self._cases = self._cases_of()
        self._heard: set[tuple[str, str]] = set()  # (person, programme) of which another service tells every payment

    def _household(self, state: household.Household) -> Unit:
        house = housing.grade_in(state, self._month)
        return Unit(household.facts_in(state, self._month, 0, None).members, tuple(state.members), house)

    def beside(self) -> dict[str, dict[str, Any]]:
        """Unit → its aids and flags, as the register's entry shows them."""
        aids: dict[str, list[Aid]] = {key: [] for key in self.units}
        flags: dict[str, list[Flag]] = {key: [] for key in self.units}
        kept = (*self._paid(), *self._emergencies(), *self._services(), *self._improved(), *self._referred())
        for key, aid in (*kept, *self._told(), *self._elsewhere()):
            aids[key].append(aid)
        for key, flag in (*self._facts(), *self._clues(), *self._differences(), *self._claims()):
            flags[key].append(flag)
        return {
            key: {
                "aids": [asdict(a) for a in sorted(aids[key], key=lambda a: (a.programme, a.subject_id, a.kind, a.given_by))],
                "risk_flags": [asdict(f) for f in sorted(flags[key], key=lambda f: (f.flag, f.person_id, f.reference))],
            }
            for key in self.units
        }

    # -- aids

    def _cases_of(self) -> dict[str, tuple[str, str, str, str]]:
        """Case → (unit, subject that is shown, programme, progress): by whom it is for. A price subsidy is a case of its month: it is
        found by whom it is paid to, and known by its own id."""
        c = self._t.benefits.cases.c
        here = has_months_in(self._t.benefits.pay, self._t.benefits.cases, self._division)
        columns = (c.case_id, c.programme, c.subject_id, c.payee_id, c.first_month, c.progress)
        found = {
            row.case_id: (self._shows[row.subject_id], row.subject_id, row.programme, row.progress)
            for row in self._rows(sa.select(*columns).where(here), c.subject_id, self._shows)
        }
        lives = {p: key for key, u in self.units.items() for p in u.ever}
        subsidies = sa.select(*columns).where(here, c.programme == PRICE)
        for row in self._rows(subsidies, c.payee_id, lives):
            for key in (k for k, u in self.units.items() if row.payee_id in u.ever):
                own = (price_linkage.subsidy_subject(key, row.first_month, other) for other in ("", *determination.PRECEDENCE))
                if row.subject_id in own:
                    found[row.case_id] = (key, key, row.programme, row.progress)
        return found

    def _paid(self) -> Iterator[tuple[str, Aid]]:
        """What payment runs paid, by programme and subject."""
        yield from self._added({case_id: (key, subject, code) for case_id, (key, subject, code, _) in self._cases.items()})

    def _added(self, cases: Mapping[str, tuple[str, str, str]]) -> Iterator[tuple[str, Aid]]:
        p = self._t.benefits.pay.payments.c
        fen = p.amount_fen + p.arrears_fen
        asked = sa.select(
            p.case_id,
            sa.func.min(p.month).label("first"),
            sa.func.max(p.month).label("last"),
            sa.func.sum(fen).label("fen"),
            sa.func.sum(sa.case((p.month >= f"{self._year}-01", fen), else_=0)).label("this_year"),
        ).where(p.status == "paid", p.month <= self._month)
        sums: dict[tuple[str, str, str], Aid] = {}
        for row in self._rows(asked.group_by(p.case_id), p.case_id, cases):
            of = cases[row.case_id]
            _, subject, code = of
            had = sums.get(of, Aid(code, subject, "money", row.first, row.last))
            first, last = min(had.first_month, row.first), max(had.last_month, row.last)
            sums[of] = Aid(code, subject, "money", first, last, had.fen + int(row.fen), had.fen_this_year + int(row.this_year))
        yield from ((key, aid) for (key, _, _), aid in sums.items())

    def _matters(self) -> list[Any]:
        m = self._t.temporary.matters
        asked = sa.select(m).where(m.c.division.startswith(self._division))
        return list(self._rows(asked, m.c.subject_id, self._shows))

    def _emergencies(self) -> Iterator[tuple[str, Aid]]:
        """临时救助: the first grants from the reserve fund, the parts as they were paid, and what was given as goods."""
        parts: dict[str, tuple[str, str, str]] = {}
        given: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
        for m in self._matters():
            key = self._shows[m.subject_id]
            for no in range(1, m.released + 1):
                parts[bc.case_id(TEMPORARY, temporary.grant_id(m.matter_id, no))] = (key, m.subject_id, TEMPORARY)
            for kind, on, amount in (("money", m.first_granted_on, m.drawn_fen), ("goods", m.decided_on, m.in_kind_fen)):
                if amount and on and on[:7] <= self._month:
                    given.setdefault((key, m.subject_id, kind), []).append((on[:7], amount))
        paid = list(self._added(parts))
        for key, aid in paid:
            first = given.pop((key, aid.subject_id, "money"), [])
            months = [month for month, _ in first]
            yield key, Aid(
                TEMPORARY, aid.subject_id, "money", min([aid.first_month, *months]), max([aid.last_month, *months]),
                aid.fen + self._sum(first), aid.fen_this_year + self._sum(first, self._year),
            )  # fmt: skip
        for (key, subject, kind), rows in given.items():
            months = [month for month, _ in rows]
            yield key, Aid(TEMPORARY, subject, kind, min(months), max(months), self._sum(rows), self._sum(rows, self._year))

    @staticmethod
    def _sum(rows: Iterable[tuple[str, int]], year: str = "") -> int:
        return sum(fen for month, fen in rows if month.startswith(year))

    def _services(self) -> Iterator[tuple[str, Aid]]:
        """服务: orders of which something was rendered; a period is a month, a year, or the whole order ("")."""
        r = self._t.records.c
        asked = sa.select(r.subject_id, r.programme, r.state).where(
            r.shape == service_order.NAME, r.division.startswith(self._division)
        )
        for row in self._rows(asked, r.subject_id, self._shows):
            order: service_order.ServiceOrder = decode_state(service_order.SHAPE, row.state)
            periods = ["" if u.period == "order" else u.period for u in order.used if u.units]
            known = [period for period in periods if period <= self._month]
            if known:
                yield self._shows[row.subject_id], Aid(row.programme, row.subject_id, "service", min(known), max(known))

    def _improved(self) -> Iterator[tuple[str, Aid]]:
        """改造项目: what was given over in their home by the month."""
        t = self._t.improvements.improvements.c
        asked = sa.select(t.subject_id, t.programme, t.month, t.fen).where(
            t.month != "", t.month <= self._month, t.division.startswith(self._division)
        )
        sums: dict[tuple[str, str], Aid] = {}
        for row in self._rows(asked, t.subject_id, self._shows):
            fen, this_year = int(row.fen), int(row.fen) if row.month.startswith(self._year) else 0
            had = sums.get((row.subject_id, row.programme), Aid(row.programme, row.subject_id, "improvement", row.month, row.month))
            first, last = min(had.first_month, row.month), max(had.last_month, row.month)
            whole = (first, last, had.fen + fen, had.fen_this_year + this_year)
            sums[row.subject_id, row.programme] = Aid(row.programme, row.subject_id, "improvement", *whole)
        yield from ((self._shows[subject_id], aid) for (subject_id, _), aid in sums.items())

    def _referred(self) -> Iterator[tuple[str, Aid]]:
        """转介、移交所得救助: what a department says it gave, since the first month in which it did."""
        t = self._t.referred.aids.c
        asked = sa.select(t.subject_id, t.programme, t.given_by, t.given_for, sa.func.min(t.month).label("first")).where(
            t.month <= self._month
        )
        for row in self._rows(asked.group_by(t.subject_id, t.programme, t.given_by, t.given_for), t.subject_id, self._shows):
            aid = Aid(row.programme, row.subject_id, "referral", row.first, "", given_by=row.given_by, given_for=row.given_for)
            yield self._shows[row.subject_id], aid

    def _told(self) -> Iterator[tuple[str, Aid]]:
        """What another service of the house paid, as it told of every payment."""
        a = self._t.elsewhere.aids.c
        asked = sa.select(
            a.person_id,
            a.programme,
            sa.func.min(a.month).label("first"),
            sa.func.max(a.month).label("last"),
            sa.func.sum(a.fen).label("fen"),
            sa.func.sum(sa.case((a.month >= f"{self._year}-01", a.fen), else_=0)).label("this_year"),
        ).where(a.fen > 0, a.month <= self._month)
        for row in self._rows(asked.group_by(a.person_id, a.programme), a.person_id, self._shows):
            self._heard.add((row.person_id, row.programme))
            aid = Aid(row.programme, row.person_id, "money", row.first, row.last, int(row.fen), int(row.this_year))
            yield self._shows[row.person_id], aid

    def _elsewhere(self) -> Iterator[tuple[str, Aid]]:
        """他项待遇: what others pay, by the events that told of it, where they do not say how much."""
        for key, unit in self.units.items():
            for p in unit.there:
                known = self.persons.get(p.person_id, person.Person())
                for code in person.facts_in(known, self._month).other_benefits:
                    if (p.person_id, code) in self._heard:
                        continue
                    months = [e.month for e in known.elsewhere if e.code == code and e.drawn and e.month <= self._month]
                    yield key, Aid(code, p.person_id, "elsewhere", min(months), self._month)

    # -- flags

    def _facts(self) -> Iterator[tuple[str, Flag]]:
        for key, unit in self.units.items():
            said = {p.person_id: person.facts_in(self.persons[p.person_id], self._month) for p in unit.there if p.person_id in self.persons}
            lost = {person_id: s.lost_acts for person_id, s in said.items()}
            inside = {person_id for person_id, s in said.items() if s.placement == "central"}
            yield from ((key, flag) for flag in of_facts(unit.there, lost, inside, self._month))
            if unit.house in housing.DANGEROUS:
                yield key, Flag("dangerous_house", "", unit.house)

    def _clues(self) -> Iterator[tuple[str, Flag]]:
        """线索、预警 that nobody has resolved."""
        r = self._t.records.c
        asked = sa.select(r.record_id, r.subject_id, r.programme, r.state).where(
            r.shape == clue.NAME, r.status.in_(("reported", "assigned", "verified")), r.division.startswith(self._division)
        )
        for row in self._rows(asked, r.subject_id, self._shows):
            key, about = self._shows[row.subject_id], row.subject_id
            state: clue.Clue = decode_state(clue.SHAPE, row.state)
            of_household = about == key and self.units[key].ever != (key,)
            yield key, Flag("open_clue", "" if of_household else about, state.kind, row.record_id)

    def _differences(self) -> Iterator[tuple[str, Flag]]:
        """复核: an object of a re-verification whose report differs from what was declared, as long as the review that it opened is."""
        o = self._t.means_test.objects.c
        asked = sa.select(o.case_id, o.campaign_id, o.programme).where(o.verdict == "different")
        reviewed = {case_id: of for case_id, of in self._cases.items() if bc.unpacked(of[3], bc.Progress).review_open}
        for row in self._rows(asked, o.case_id, reviewed):
            yield reviewed[row.case_id][0], Flag("reverification_difference", "", row.programme, row.case_id)

    def _claims(self) -> Iterator[tuple[str, Flag]]:
        """追回: what was paid too much and is not back yet."""
        c = self._t.benefits.pay.recoveries.c
        of = {case_id: key for case_id, (key, *_) in self._cases.items()}
        for m in self._matters():
            of[bc.case_id(TEMPORARY, m.matter_id)] = self._shows[m.subject_id]
        asked = sa.select(c.case_id, c.recovery_id, c.programme).where(c.left_fen > 0, c.status.in_(("open", "waiver_proposed")))
        for row in self._rows(asked, c.case_id, of):
            yield of[row.case_id], Flag("claim_open", "", row.programme, row.recovery_id)

    # -- inside

    def _rows(self, query: sa.Select[Any], column: sa.ColumnElement[Any], ids: Iterable[str]) -> Iterator[Any]:
        """The rows of a question whose column is one of these, so many at once."""
        wanted = sorted(set(ids))
        for n in range(0, len(wanted), _IN):
            with self._engine.connect() as connection:
                found = connection.execute(query.where(column.in_(wanted[n : n + _IN]))).all()
            yield from found

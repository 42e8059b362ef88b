"""What the district's indicators are made of (指标的分子分母): running counts, each as it stood at the end of any day.

Two kinds of count. What happens is added up (``add``): visits, lectures, resolved clues; a page takes the difference between two days.
What is so is kept in step with the records (``stand``): of every record it is known which counts it stands in, so that it leaves one as it
enters another. Nobody types a figure. Which indicator is which quotient says ``computed.py``. ``withheld``
records which indicators over persons may not be told, from which day to which.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from services.portal.rows import kept
from services.portal.rows.computed import COMPUTED, Computed, few
from shared.eventlog.read_model import ReadModel, Rows
from shared.eventsourcing.codec import Recorded

SUPPORT = "extreme_hardship_support"  # 特困
HOME_CARE = "extreme_hardship_home_care"
HOME_IMPROVEMENT = "home_environment_improvement"
INSTITUTIONS, DISCOVERY = "support_institution_governance", "proactive_discovery"


Tables = tuple[sa.Table, sa.Table, sa.Table, sa.Table]


def declare(metadata: sa.MetaData) -> Tables:
    """(counts, parts, years, withheld): ``parts`` says of a record what it is and in which counts it stands, ``years`` at what a count
    began a year in which it moved."""
    counts = kept.table(
        metadata,
        "public_counts",
        sa.Column("measure", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    parts = sa.Table(
        "public_count_parts",
        metadata,
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("stands", sa.Text, nullable=False),
    )
    years = sa.Table(
        "public_count_years",
        metadata,
        sa.Column("measure", sa.Text, primary_key=True),
        sa.Column("year", sa.String(4), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    withheld = kept.table(
        metadata,
        "public_indicators_withheld",
        sa.Column("identifier", sa.Text, primary_key=True),
        sa.Column("withheld", sa.Boolean, nullable=False),
    )
    return counts, parts, years, withheld


_OVER_PERSONS: dict[str, dict[str, Computed]] = {}  # count → the indicators over persons that it moves, or that it withholds
for _identifier, _how in COMPUTED.items():
    for _count in (_how.count, _how.over, *_how.beside) if _how.persons else ():
        if _count:
            _OVER_PERSONS.setdefault(_count, {})[_identifier] = _how


class _Counts:
    def __init__(self, tables: Tables) -> None:
        self.counts, self.parts, self.years, self.withheld = tables

    def add(self, rows: Rows, r: Recorded, measure: str, more: int = 1) -> None:
        """So much more of it happened."""
        self._move(rows, r, {measure: more})

    def _move(self, rows: Rows, r: Recorded, changes: dict[str, int]) -> None:
        """Whether an indicator is withheld is asked when all of them have moved: what it was in between has never been so."""
        year, touched = kept.day_of(r)[:4], dict[str, Computed]()
        for measure, more in changes.items():
            if more:
                before = self._now(rows, measure)
                if rows.get(self.years, measure=measure, year=year) is None:
                    rows.put(self.years, measure=measure, year=year, value=before)
                kept.say(rows, self.counts, r, measure=measure, value=before + more)
                touched |= _OVER_PERSONS.get(measure, {})
        for identifier, how in touched.items():
            self._withhold(rows, r, identifier, how)

    def _now(self, rows: Rows, measure: str) -> int:
        found = kept.now(rows, self.counts, measure=measure)
        return int(found["value"]) if found else 0

    def _withhold(self, rows: Rows, r: Recorded, identifier: str, how: Computed) -> None:
        count = self._now(rows, how.count)
        if how.yearly:
            began = rows.get(self.years, measure=how.count, year=kept.day_of(r)[:4])
            count -= began["value"] if began else count
        withheld = few(count, self._now(rows, how.over) if how.over else None, (self._now(rows, one) for one in how.beside))
        before = kept.now(rows, self.withheld, identifier=identifier)
        # A year that began since is another time of withholding, though the rule is the same.
        if withheld != bool(before and before["withheld"]) or (before and how.yearly and before["since"][:4] != kept.day_of(r)[:4]):
            kept.say(rows, self.withheld, r, identifier=identifier, withheld=withheld)

    def facts(self, rows: Rows, part: str) -> dict[str, Any]:
        found = rows.get(self.parts, part=part)
        return dict(json.loads(found["facts"])) if found else {}

    def stand(self, rows: Rows, r: Recorded, part: str, facts: dict[str, Any], stands: dict[str, int]) -> None:
        """From now on the record stands in these counts with these amounts, and in no other."""
        found = rows.get(self.parts, part=part)
        before: dict[str, int] = json.loads(found["stands"]) if found else {}
        self._move(rows, r, {measure: stands.get(measure, 0) - before.get(measure, 0) for measure in sorted({*before, *stands})})
        rows.put(self.parts, part=part, facts=json.dumps(facts, ensure_ascii=False), stands=json.dumps(stands))


def project(model: ReadModel, tables: Tables) -> None:
    counts = _Counts(tables)
    _visits(model, counts)
    _destitute(model, counts)
    _projects(model, counts)
    _inspections(model, counts)
    _checks(model, counts)
    _happenings(model, counts)


def _visits(model: ReadModel, c: _Counts) -> None:
    @model.on_short("visit_recorded")
    def _visited(rows: Rows, r: Recorded) -> None:
        c.add(rows, r, "visits")


def _destitute(model: ReadModel, c: _Counts) -> None:
    """Of a person in 特困: whether he can look after himself, whether he wishes to live in an institution, whether he does, and who cares
    for him at home. He is counted while his case runs: whoever is refused, or has left it, may be assessed, wish and be visited too."""

    def know(rows: Rows, r: Recorded, person: str, **news: Any) -> None:
        part = f"person {person}"
        facts = {**c.facts(rows, part), **news}
        inside = int(facts.get("inside", False))
        plans = facts.get("plans", {}).values()
        standing: dict[str, int] = {}
        if facts.get("supported"):
            where = "inside" if inside else "dispersed"
            if facts.get("dependent"):
                standing |= {"dependent": 1, "dependent_inside": inside}
            else:
                standing |= {f"able_{where}": 1}
            if facts.get("wishes"):
                standing |= {"wishing": 1, "wishing_inside": inside}
            else:
                standing |= {f"unwilling_{where}": 1}
            if inside:
                standing |= {"inside": 1}
            else:  # everybody who is dispersed, also who has no plan
                standing |= {"home_care": 1, "home_care_commissioned": int(any(plans))}
        c.stand(rows, r, part, facts, standing)

    @model.on_short("case_granted", "case_restored")
    def _supported(rows: Rows, r: Recorded) -> None:
        if r.event.programme == SUPPORT:
            know(rows, r, r.event.subject_id, supported=True)

    @model.on_short("case_reassessed")
    def _reassessed(rows: Rows, r: Recorded) -> None:
        """An appeal that is upheld revives a case by no other event; what ends it, or leaves it ended, says case_ended right behind."""
        if r.event.programme == SUPPORT and r.event.outcome != "ended":
            know(rows, r, r.event.subject_id, supported=True)

    @model.on_short("case_ended")
    def _left(rows: Rows, r: Recorded) -> None:
        if r.event.programme == SUPPORT:
            know(rows, r, r.event.subject_id, supported=False)

    @model.on_short("person_finding_recorded")
    def _found(rows: Rows, r: Recorded) -> None:
        """Self-care as the care component is paid by it: what assessors or a survey found, the latest month's."""
        e = r.event
        if e.lost_acts is not None and e.effective_month >= c.facts(rows, f"person {e.person_id}").get("found", ""):
            know(rows, r, e.person_id, dependent=bool(e.lost_acts), found=e.effective_month)

    @model.on_short("placement_wished")
    def _wished(rows: Rows, r: Recorded) -> None:
        rows.put(c.parts, part=r.stream, facts=json.dumps({"person": r.event.subject_id}), stands="{}")
        know(rows, r, r.event.subject_id, wishes=True)

    @model.on_short("placement_wish_withdrawn")
    def _withdrawn(rows: Rows, r: Recorded) -> None:
        if person := c.facts(rows, r.stream).get("person"):
            know(rows, r, person, wishes=False)

    @model.on_short("person_moved_in")
    def _moved_in(rows: Rows, r: Recorded) -> None:
        know(rows, r, r.event.subject_id, inside=True)

    @model.on_short("person_moved_out")
    def _moved_out(rows: Rows, r: Recorded) -> None:
        know(rows, r, r.event.subject_id, inside=False, wishes=False)

    def plan(rows: Rows, r: Recorded, commissioned: bool | None) -> None:
        """None: there is no such plan any more."""
        if person := c.facts(rows, r.stream).get("person"):
            plans = dict(c.facts(rows, f"person {person}").get("plans", {}))
            plans.pop(r.stream, None)
            know(rows, r, person, plans=plans if commissioned is None else {**plans, r.stream: int(commissioned)})

    @model.on_short("visit_plan_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        if r.event.programme == HOME_CARE:
            rows.put(c.parts, part=r.stream, facts=json.dumps({"person": r.event.subject_id}), stands="{}")
            plan(rows, r, bool(r.event.provider))

    @model.on_short("visit_responsible_changed")
    def _changed(rows: Rows, r: Recorded) -> None:
        plan(rows, r, bool(r.event.provider))

    @model.on_short("visit_plan_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        plan(rows, r, None)


def _projects(model: ReadModel, c: _Counts) -> None:
    @model.on_short("project_planned")
    def _planned(rows: Rows, r: Recorded) -> None:
        e = r.event
        if e.programme == HOME_IMPROVEMENT:
            c.stand(rows, r, r.stream, {"programme": e.programme}, {"home_improvement_fen": e.budget_fen})

    @model.on_short("project_change_decided")
    def _changed(rows: Rows, r: Recorded) -> None:
        facts = c.facts(rows, r.stream)
        if facts and r.event.approved:
            c.stand(rows, r, r.stream, facts, {"home_improvement_fen": r.event.budget_fen})

    @model.on_short("project_closed")
    def _closed(rows: Rows, r: Recorded) -> None:
        facts, e = c.facts(rows, r.stream), r.event
        if facts:
            done = e.result != "cancelled"
            c.stand(rows, r, r.stream, facts, {"home_improvement_fen": e.budget_fen} if done else {})
            c.add(rows, r, "home_improvement_done", int(done))


def _inspections(model: ReadModel, c: _Counts) -> None:
    @model.on_short("campaign_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        if r.event.programme == INSTITUTIONS:
            rows.put(c.parts, part=r.stream, facts=json.dumps({"programme": INSTITUTIONS}), stands="{}")

    @model.on_short("campaign_object_checked")
    def _checked(rows: Rows, r: Recorded) -> None:
        if c.facts(rows, r.stream):
            c.add(rows, r, "institution_findings", len(r.event.findings))

    @model.on_short("campaign_rectification_verified")
    def _verified(rows: Rows, r: Recorded) -> None:
        if c.facts(rows, r.stream):
            c.add(rows, r, "institution_findings_settled", int(r.event.accepted))


def _checks(model: ReadModel, c: _Counts) -> None:
    """Means tests by application, and the rounds in which those on record are checked once more."""

    @model.on_short("verification_opened")
    def _opened(rows: Rows, r: Recorded) -> None:
        if r.event.cause == "application":
            c.stand(rows, r, r.stream, {"cause": "application"}, {"checks": 1, "checks_reported": 0})

    @model.on_short("verification_reported")
    def _reported(rows: Rows, r: Recorded) -> None:
        if facts := c.facts(rows, r.stream):
            c.stand(rows, r, r.stream, facts, {"checks": 1, "checks_reported": 1})

    @model.on_short("reverification_objects_listed")
    def _listed(rows: Rows, r: Recorded) -> None:
        c.add(rows, r, "rechecks", len(r.event.objects))

    @model.on_short("reverification_object_reported")
    def _rechecked(rows: Rows, r: Recorded) -> None:
        c.add(rows, r, "rechecks_reported")

    @model.on_short("reverification_object_excused")
    def _excused(rows: Rows, r: Recorded) -> None:
        c.add(rows, r, "rechecks", -1)  # dead, ended, moved away: nobody to check any more


def _happenings(model: ReadModel, c: _Counts) -> None:
    @model.on_short("clue_resolved")
    def _resolved(rows: Rows, r: Recorded) -> None:
        if r.event.programme == DISCOVERY and r.event.outcome != "no_need":
            c.add(rows, r, "discovered")

    @model.on_short("record_registered")
    def _registered(rows: Rows, r: Recorded) -> None:
        c.add(rows, r, f"registered {r.event.programme}")

    @model.on_short("session_scheduled")
    def _scheduled(rows: Rows, r: Recorded) -> None:
        rows.put(c.parts, part=r.stream, facts=json.dumps({"programme": r.event.programme}), stands="{}")

    @model.on_short("session_held")
    def _held(rows: Rows, r: Recorded) -> None:
        if programme := c.facts(rows, r.stream).get("programme"):
            c.add(rows, r, f"sessions {programme}")

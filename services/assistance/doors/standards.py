"""Standards doors (标准): drafting, approving and publishing a standard, what follows from it in the cases, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.assistance import rise, simulation, standard_run, standards
from services.assistance.benefits import book, business, district, rules_now
from services.assistance.declarations import DECIDERS
from services.assistance.declarations.catalogue import ASSISTANCE_PROGRAMME_CATALOGUE as CATALOGUE
from services.assistance.doors.answers import SIMULATED, STANDARD_RUN, CataloguedProgramme, PublicationShown, StandardInForce
from services.assistance.read_model import MODEL, RECORDS, TABLES
from services.assistance.rows.past import costed
from services.assistance.rows.standards import Tables
from services.assistance.rules import engine
from services.assistance.standards import AREAS, BOTH, StandardValue
from shared.casework import publication
from shared.casework.shape import one_per_subject
from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.eventlog.benefit_rows import listed
from shared.eventsourcing.orders import Hand, Notice, Order
from shared.messaging.answering import answers
from shared.messaging.doors import Service, command, query, reaction
from shared.messaging.showing import caught_up, plain
from shared.rules.engine import RulesEngine
from shared.rules.errors import RulesError
from shared.rules.published import Published
from shared.security.permissions import within

STANDARDS = {"standard", "amount"}  # what a parameter's name holds if it is one: 低保标准, 补贴标准
MOST_SIMULATED = 5_000  # cases: an RPC answers within seconds; the command line has no such limit


@dataclass(frozen=True)
class AreaAmount:
    """One value: area is urban, rural, both, or "" for a standard that makes no difference."""

    area: str = field(metadata={"codes": AREAS})
    amount_fen: int


@dataclass(frozen=True)
class StandardForm:
    """拟定标准. ``standard`` is a parameter of the rules without its area, such as "minimum_living_allowance.standard"."""

    standard: str
    amounts: tuple[AreaAmount, ...]
    effective_from: date
    document_no: str


@dataclass(frozen=True)
class MergeStep:
    effective_from: date
    urban_fen: int
    rural_fen: int


@dataclass(frozen=True)
class MergeForm:
    """城乡标准并轨: dated steps by which the difference goes to nothing; from the last on there is one value."""

    standard: str
    steps: tuple[MergeStep, ...]
    document_no: str


@dataclass(frozen=True)
class Change:
    """Our own ``standard_published``."""

    number: int
    division: str
    standard: str
    effective_from: date
    document_no: str


@dataclass(frozen=True)
class Withdrawn:
    """Our own ``standard_withdrawn``."""

    number: int
    division: str
    standard: str
    effective_from: date
    was_published: bool


@dataclass(frozen=True)
class Slice:
    """Our own ``standard_slice_listed`` and ``standard_slice_done``."""

    run_id: str
    slice: int


@dataclass(frozen=True)
class Planned:
    """Our own ``standard_run_planned``."""

    run_id: str


@dataclass(frozen=True)
class ProgrammeForm:
    """目录的一项. tier: basic 基本生活救助, special 专项救助, emergency 急难救助, supplement 社会力量."""

    programme_code: str
    name: str
    tier: str
    eligible_class: str
    standard: str
    department: str
    documents: str
    effective_from: date
    document_no: str
    note: str = ""

    @property
    def content(self) -> tuple[publication.Entry, ...]:
        names = (*CATALOGUE.terms.required, *CATALOGUE.terms.optional)
        return tuple(publication.Entry(n, value) for n in names if (value := getattr(self, n)) or n in CATALOGUE.terms.required)


@dataclass(frozen=True)
class RetireForm:
    programme_code: str
    effective_from: date
    reason: str


class StandardsDoors(Service):
    """标准."""

    # -- the book

    @command(StandardForm, permission="assistance:review")
    def draft_standard(self, order: Order[StandardForm]) -> Any:
        """拟定一项保障标准（城乡分列或同一数值），记下此前的数值；须由另一人批准后公布。"""
        c = order.command
        values = [v for a in c.amounts for v in self._values(c.standard, a.area, a.amount_fen, c.effective_from)]
        return self._draft(order, c.standard, tuple(values), c.document_no, False)

    @command(MergeForm, permission="assistance:review")
    def merge_standards(self, order: Order[MergeForm]) -> Any:
        """拟定城乡标准并轨：按日期逐步缩小差距，最后一步起城乡同一数值，此后只能公布一个数值。"""
        c = order.command
        values: list[StandardValue] = []
        for n, s in enumerate(c.steps):
            last = n == len(c.steps) - 1 and s.urban_fen == s.rural_fen
            for area, amount in ((BOTH, s.urban_fen),) if last else (("urban", s.urban_fen), ("rural", s.rural_fen)):
                values += self._values(c.standard, area, amount, s.effective_from)
        return self._draft(order, c.standard, tuple(values), c.document_no, True)

    def _draft(self, order: Order[Any], standard: str, values: tuple[StandardValue, ...], document_no: str, merges: bool) -> Any:
        where = district(self.office.settings.profile)
        within(order.hand, where)
        state = book(self.office, self.office.settings.profile)
        now = standards.in_the_rules(state)
        number = 1 + max((p.number for p in now), default=0)
        try:  # what the rules could not take must not get into the book: every decision rests on it
            drafted = engine(
                self.office.settings.profile,
                (*now, *(Published(number, v.parameter, v.amount_fen, v.effective_from, document_no) for v in values)),
            )
        except RulesError as error:
            raise invalid(str(error), "values") from error
        last = max(values, key=lambda v: v.effective_from, default=None)
        if merges and last is not None and last.area == BOTH:
            _stays_one(drafted, standard, dates.month_of(last.effective_from))
        draft = standards.DraftStandard(where, standard, values, document_no, merges)
        answer = self.office.handle(standards.DECIDER, where, order.to(draft)).as_dict()
        # Its number, also when the same command comes again: that of the draft made by it.
        history = self.office.history(standards.DECIDER.stream(where))
        made = [r.event.number for r in history if r.version == answer["version"] and isinstance(r.event, standards.StandardDrafted)]
        return {**answer, "number": made[0] if made else None}

    def _values(self, standard: str, area: str, amount_fen: int, since: date) -> list[StandardValue]:
        """The parameters a standard and area stand for, each with the value it has had until then."""
        rules = rules_now(self.office, self.office.settings.profile)
        if area not in AREAS:
            raise invalid("城乡类别须为 urban、rural 或 both。", "area")
        names = [standard] if area == "" else [f"{standard}.{a}" for a in (("urban", "rural") if area == BOTH else (area,))]
        found = []
        for name in names:
            try:
                now = rules.parameter(name, dates.month_of(since))
            except RulesError as error:
                raise invalid(str(error), "standard") from error
            if now.unit != "fen":
                raise invalid(f"{now.description}不是金额标准，不能公布。", "standard")
            found.append(StandardValue(name, area, amount_fen, since, now.value))
        return found

    @command(standards.ApproveStandard)
    def approve_standard(self, order: Order[standards.ApproveStandard]) -> Any:
        """批准拟定的标准（与拟定不得为同一人）。"""
        return self._in_the_book(order)

    @command(standards.PublishStandard)
    def publish_standard(self, order: Order[standards.PublishStandard]) -> Any:
        """公布标准：自生效月起进入规则，所涉个案随即逐一复核，补发或追回按月计算。"""
        return self._in_the_book(order) | {
            "run_id": standard_run.run_id(district(self.office.settings.profile), order.command.number, "published")
        }

    @command(standards.WithdrawStandard)
    def withdraw_standard(self, order: Order[standards.WithdrawStandard]) -> Any:
        """撤回：已公布的，所涉个案按撤回后的标准重新复核。"""
        return self._in_the_book(order)

    def _in_the_book(self, order: Order[Any]) -> dict[str, Any]:
        where = district(self.office.settings.profile)
        within(order.hand, where)
        return self.office.handle(standards.DECIDER, where, order).as_dict()

    @query(permission="assistance:read")
    @answers(list[PublicationShown])
    def list_standards(self, hand: Hand, valid_at: date | None = None, as_of: datetime | None = None) -> Any:
        """标准簿：历次拟定、批准、公布、撤回（valid_at：只列某日有数值生效的公布；as_of：当时所知）。"""
        if not self._of_here(hand):
            return []
        state: standards.Book = self.office.load(standards.DECIDER, district(self.office.settings.profile), as_of).state
        held = {} if valid_at is None else standards.in_force_on(state, valid_at)
        return [
            plain(p) | {"effective_from": p.effective_from}
            for _, p in sorted(state.publications.items())
            if valid_at is None or any(held.get(v.parameter) is v for v in p.values)
        ]

    @query(permission="assistance:read")
    @answers(list[StandardInForce])
    def get_standards(self, hand: Hand, valid_at: date | None = None, as_of: datetime | None = None) -> Any:
        """某日有效的各项金额标准：数值、文号、来源；分城乡的并列城乡差距（并轨后为零）。"""
        if not self._of_here(hand):
            return []
        profile = self.office.settings.profile
        state: standards.Book = self.office.load(standards.DECIDER, district(profile), as_of).state
        rules = engine(profile, standards.in_the_rules(state))
        return _standards(rules, state, valid_at or self.office.clock.now().date())

    def _of_here(self, hand: Hand) -> bool:
        """Standards are the whole district's: its towns see them, the next district does not."""
        where = district(self.office.settings.profile)
        return divisions.covers(where, hand.division) or divisions.covers(hand.division, where)

    # -- what follows

    @property
    def _raise(self) -> rise.Raise:
        profile = self.office.settings.profile
        reading = Tables(self.office.read, TABLES["standards"])
        return rise.Raise(self.office, profile, business(self.office, profile), reading)

    @reaction("assistance", "standard_published", reads=Change)
    def on_standard_published(self, notice: Notice[Change]) -> None:
        """A standard is published: list the cases that it changes. Those decided after it are decided by it already."""
        caught_up(self.office, MODEL, notice.position)
        f = notice.facts
        self._raise.open(
            f.number, f.division, f.standard, dates.month_of(f.effective_from), "published", f.document_no, notice.order(None)
        )

    @reaction("assistance", "standard_withdrawn", reads=Withdrawn)
    def on_standard_withdrawn(self, notice: Notice[Withdrawn]) -> None:
        """A published standard is taken back: what it changed is decided again."""
        f = notice.facts
        if f.was_published:
            caught_up(self.office, MODEL, notice.position)
            self._raise.open(f.number, f.division, f.standard, dates.month_of(f.effective_from), "withdrawn", "", notice.order(None))

    @reaction("assistance", "standard_slice_listed", reads=Slice)
    def on_standard_slice_listed(self, notice: Notice[Slice]) -> None:
        """Decide the cases of one slice."""
        self._raise.slice(notice.facts.run_id, notice.facts.slice, notice.order(None))

    @reaction("assistance", "standard_slice_done", reads=Slice)
    def on_standard_slice_done(self, notice: Notice[Slice]) -> None:
        """After the last slice the run is looked over and closed."""
        self._finish(notice.facts.run_id, notice)

    @reaction("assistance", "standard_run_planned", reads=Planned)
    def on_standard_run_planned(self, notice: Notice[Planned]) -> None:
        """A run that changes nothing, or whose slices were quicker than its list, is closed from here."""
        self._finish(notice.facts.run_id, notice)

    def _finish(self, run_id: str, notice: Notice[Any]) -> None:
        if self._raise.run(run_id).all_done:
            caught_up(self.office, MODEL, notice.position)
            self._raise.finish(run_id, notice.order(None))

    @query(permission="assistance:read")
    @answers(STANDARD_RUN)
    def get_standard_run(self, hand: Hand, number: int = 0, run_id: str = "", what: str = "published") -> Any:
        """提标复核的进度与结果：应复核、已复核、提高、降低、停发件数，月保障金前后合计，补发与多发（按标准编号或批次号查）。"""
        run_id = run_id or standard_run.run_id(district(self.office.settings.profile), number, what)
        run: standard_run.Run = self.office.load(standard_run.DECIDER, run_id).state
        if run.status == "none":
            raise Refused("not_found", "没有此批次。", "run_id")
        within(hand, run.division)
        return {
            "run_id": run_id,
            "number": run.number,
            "standard": run.standard,
            "status": run.status,
            "effective_month": run.effective_month,
            "programmes": list(run.programmes),
            "examined": run.examined,
            "listed": len(run.listed),
            "slices": len(run.slices),
            "slices_done": len(run.done),
            **plain(run.sums),
            "failed_cases": list(run.failed[:100]),
        }

    # -- the catalogue of programmes

    @command(ProgrammeForm, permission="assistance:review")
    def define_programme(self, order: Order[ProgrammeForm]) -> Any:
        """社会救助项目目录：拟定一个项目（层次、对象、标准、部门、材料）；批准、公布后自生效日起列入目录。"""
        c, where = order.command, district(self.office.settings.profile)
        within(order.hand, where)
        draft = publication.DraftPublication(
            CATALOGUE.code, where, c.programme_code, c.content, c.effective_from, c.document_no, CATALOGUE.terms
        )
        return self.office.handle(DECIDERS[publication.NAME], self._catalogued(c.programme_code), order.to(draft))

    @command(ProgrammeForm, permission="assistance:review")
    def amend_programme(self, order: Order[ProgrammeForm]) -> Any:
        """社会救助项目目录：修订一个项目，内容写全；此前各版保留。"""
        c = order.command
        record_id = self._catalogued(c.programme_code)
        amend = publication.AmendPublication(record_id, c.content, c.effective_from, c.document_no)
        return self.office.handle(DECIDERS[publication.NAME], record_id, order.to(amend))

    @command(RetireForm, permission="assistance:confirm")
    def retire_programme(self, order: Order[RetireForm]) -> Any:
        """社会救助项目目录：自某日起不再设此项目。"""
        c = order.command
        record_id = self._catalogued(c.programme_code)
        retire = publication.WithdrawPublication(record_id, c.effective_from, c.reason)
        return self.office.handle(DECIDERS[publication.NAME], record_id, order.to(retire))

    def _catalogued(self, code: str) -> str:
        where = district(self.office.settings.profile)
        return one_per_subject(publication.DraftPublication(CATALOGUE.code, where, code, (), date.min, ""), "")

    @query(permission="assistance:read")
    @answers(list[CataloguedProgramme])
    def get_programme_catalogue(
        self, hand: Hand, valid_at: date | None = None, as_of: datetime | None = None, position: int | None = None
    ) -> Any:
        """社会救助项目目录：某日有效的全部项目（valid_at；as_of：当时所知）。"""
        if not self._of_here(hand):
            return []
        caught_up(self.office, MODEL, position)
        day = valid_at or self.office.clock.now().date()
        found = []
        for row in listed(self.office.read, RECORDS, "", {"programme": CATALOGUE.code}, 500):
            state = self.office.load(DECIDERS[publication.NAME], row["record_id"], as_of).state
            version = publication.valid_on(state, day)
            if version is not None:
                values = {e.name: e.value for e in version.content}
                about = {"effective_from": version.effective_from, "document_no": version.document_no}
                found.append({"programme_code": state.subject_id, **values, **about})
        return sorted(found, key=lambda p: (p["tier"], p["programme_code"]))

    # -- what it would cost

    @query(permission="assistance:review")
    @answers(SIMULATED)
    def simulate_standard(
        self, hand: Hand, changes: dict[str, str], effective_month: str, programme: str = "", month: str = "",
        position: int | None = None,
    ) -> Any:  # fmt: skip
        """测算：若干参数改变（"+10%"、"+50"、"950.00"，金额以元计）后的月支出与人数；不改变任何记录。至多五千件，更多请用命令行。"""
        caught_up(self.office, MODEL, position)
        profile = self.office.settings.profile
        asked = simulation.Asked(
            changes,
            dates.check_month(effective_month, "effective_month"),
            dates.check_month(month) if month else max(effective_month, dates.month_of(self.office.clock.now().date())),
            programme or "minimum_living_allowance",
        )
        try:
            report = costed(self.office, TABLES["standards"], profile, asked, division=hand.division, most=MOST_SIMULATED)
        except RulesError as error:  # a month for which there are no figures
            raise invalid(str(error), "month") from error
        return report.as_dict()


def _stays_one(rules: RulesEngine, standard: str, since: str) -> None:
    """城乡并轨: what the district's files say of later months must not part town and country again."""
    month = since
    while month:
        town, country = (rules.parameter(f"{standard}.{area}", month) for area in ("urban", "rural"))
        if town.value != country.value:
            raise Refused("out_of_order", f"参数文件自{month}起城乡数值不同（{town.reference}），须先更正，方可并轨。", "steps")
        month = rules.next_step(standard.split(".", 1)[0], month)


def _standards(rules: RulesEngine, state: standards.Book, day: date) -> list[dict[str, Any]]:
    month = dates.month_of(day)
    found: list[dict[str, Any]] = []
    for name in (n for n in rules.parameter_names if STANDARDS & set(n.split("."))):
        try:
            value = rules.parameter(name, month)
        except RulesError:
            continue  # not in force yet in that month
        if value.unit == "fen":
            found.append(
                {
                    "parameter": name,
                    "description": value.description,
                    "amount_fen": value.value,
                    "since": value.since,
                    "reference": value.reference,
                    "source": value.source,
                    "placeholder": value.placeholder,
                }
            )
    by_name = {f["parameter"]: f for f in found}
    for f in found:
        stem, _, area = f["parameter"].rpartition(".")
        other = by_name.get(f"{stem}.{'rural' if area == 'urban' else 'urban'}") if area in ("urban", "rural") else None
        f["gap_fen"] = abs(f["amount_fen"] - other["amount_fen"]) if other else None
        merged = state.merged_from(stem) if other else None
        f["merged"] = bool(merged and merged <= day)
    return found

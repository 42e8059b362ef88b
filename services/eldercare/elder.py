"""Elder (老年人): a person on the elder-care roster, from enrolment on. The facts that allowances are decided on.

Life: enrolled; then facts as they come, each with the month from which it counts: the hardship class that assistance determined, the
grade of the ability assessment, which benefit assistance pays him, which of two he chose; at last the death.
What assistance pays, and the choice between two benefits, are noted of anybody: he may enrol only later, and elder care must know
before it grants (W15). It is asked of nobody at that moment: elder care works on while assistance is away.

Must hold: a fact is added, never overwritten; what assistance says is taken in any order, and twice; nothing follows from anything
here: the rules decide. A fact of somebody on the roster that may change a decision is announced (``elder_facts_changed``).
One stream per person. Relied on by 高龄津贴 (granted without application when the birthday comes) and 经济困难高龄失能老人补贴.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypedDict

from shared.domain import dates
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.domain.resident_id import is_person_id
from shared.eventsourcing.commands import command
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.events import event, personal
from shared.eventsourcing.orders import Order
from shared.rules.facts import HARDSHIP_CLASSES, BeneficiaryFacts, HardElderFacts, PersonFacts

CATALOGUE = ("W15",)
ASSISTANCE = "assistance"


@event(
    "eldercare.elder_enrolled",
    version=2,
    published=True,
    public=lambda e: {"person_id": e.person_id},
    upcasters={1: lambda stored: {**stored, "allowance_from": ""}},
)
@dataclass(frozen=True)
class ElderEnrolled:
    """老年人登记: on the roster; ``division`` is where the person is registered (户籍地). Whoever determines classes hears of it and
    answers. ``allowance_from``: the month from which his age entitles him to 高龄津贴, by the rules of that day; "" = not told."""

    person_id: str
    born_on: date
    division: str
    allowance_from: str
    name: str = personal(of="person_id", default="")
    resident_id: str = personal(of="person_id", default="")


@event("eldercare.elder_died")
@dataclass(frozen=True)
class ElderDied:
    """老年人死亡."""

    person_id: str
    died_on: date


@event("eldercare.elder_death_annulled")
@dataclass(frozen=True)
class ElderDeathAnnulled:
    """死亡登记撤销: the person lives."""

    person_id: str


@event("eldercare.elder_hardship_noted", version=2, upcasters={1: lambda stored: {**stored, "turn": 0}})
@dataclass(frozen=True)
class ElderHardshipNoted:
    """困难类别 from ``month`` on ("" = none). ``unit_id``, ``no``, ``turn``: assistance's determination, or its note of this one member;
    "" and 0 where a clerk looked it up."""

    person_id: str
    hardship_class: str
    month: str
    unit_id: str
    no: int
    source: str
    turn: int


@event("eldercare.elder_ability_noted")
@dataclass(frozen=True)
class ElderAbilityNoted:
    """能力等级 from ``month`` on, 0 to 4 (0: able, or no grade is valid any more)."""

    person_id: str
    grade: int
    month: str


@event("eldercare.elder_benefit_elsewhere_noted")
@dataclass(frozen=True)
class ElderBenefitElsewhereNoted:
    """他项待遇: from ``month`` on assistance pays, or no longer pays, a benefit that excludes one of ours. ``position``: where the decision
    stands in the log; a later one says anew of every month from its own on, to before ``until`` if it says so (-1: told before this was
    kept)."""

    person_id: str
    code: str
    month: str
    drawn: bool
    position: int = -1
    until: str = ""


@event("eldercare.elder_choice_noted")
@dataclass(frozen=True)
class ElderChoiceNoted:
    """择高选择: the person keeps one of two benefits that exclude each other; assistance's decision, told to us, names both cases."""

    person_id: str
    kept: str
    given_up: str
    effective_month: str
    kept_case: str
    given_up_case: str


@event("eldercare.elder_facts_changed", published=True)
@dataclass(frozen=True)
class ElderFactsChanged:
    """老年人情况变动: a fact of somebody on the roster that decisions may rest on; ``cause``: hardship, ability, benefit_elsewhere or
    choice."""

    person_id: str
    effective_month: str
    cause: str


@event("eldercare.after_death_answered", published=True)
@dataclass(frozen=True)
class AfterDeathAnswered:
    """身后事项答复: the answer elder care owes the after-death process: done, or skipped with a reason. ``amount_fen`` is claimed back."""

    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int


@dataclass(frozen=True)
class Elder:
    person_id: str = ""
    born_on: date | None = None
    division: str = ""
    name: str = ""
    died_on: date | None = None
    answered: tuple[tuple[int, str], ...] = ()
    hardship: tuple[ElderHardshipNoted, ...] = ()
    ability: tuple[ElderAbilityNoted, ...] = ()
    elsewhere: tuple[ElderBenefitElsewhereNoted, ...] = ()
    choices: tuple[ElderChoiceNoted, ...] = ()


def evolve(state: Elder, happened: Any) -> Elder:
    match happened:
        case ElderEnrolled():
            return replace(state, person_id=happened.person_id, born_on=happened.born_on, division=happened.division, name=happened.name)
        case ElderDied():
            return replace(state, died_on=happened.died_on)
        case ElderDeathAnnulled():
            return replace(state, died_on=None)
        case AfterDeathAnswered():
            return replace(state, answered=(*state.answered, (happened.round, happened.step)))
        case ElderHardshipNoted():
            return replace(state, hardship=(*state.hardship, happened))
        case ElderAbilityNoted():
            return replace(state, ability=(*state.ability, happened))
        case ElderBenefitElsewhereNoted():
            return replace(state, elsewhere=(*state.elsewhere, happened))
        case ElderChoiceNoted():
            return replace(state, choices=(*state.choices, happened))
        case ElderFactsChanged():
            return state
        case _:
            raise TypeError(f"an elder knows no {type(happened).__name__}")


def facts(state: Elder, current_amount_fen: int) -> BeneficiaryFacts:
    assert state.born_on is not None
    return BeneficiaryFacts(PersonFacts(state.person_id, state.born_on), state.division, current_amount_fen)


def _latest(known: Sequence[Any]) -> Any:
    """Of two of one month the one noted last corrects the other."""
    return max(enumerate(known), key=lambda n: (n[1].month, n[0]), default=(0, None))[1]


def class_in(state: Elder, month: str) -> str:
    """The hardship class in a month: of a unit's determinations that begin by then its last one holds, as assistance counts them; of
    several sources the one that spoke last."""
    of_unit: dict[str, tuple[int, ElderHardshipNoted]] = {}
    for n, noted in enumerate(state.hardship):
        known = of_unit.get(noted.unit_id)
        if noted.month <= month and (known is None or (noted.no, noted.turn) >= (known[1].no, known[1].turn)):
            of_unit[noted.unit_id] = (n, noted)
    last = max(of_unit.values(), key=lambda found: found[0], default=None)
    return last[1].hardship_class if last else ""


def ability_in(state: Elder, month: str) -> int:
    """The ability grade in a month; 0 where none is valid."""
    last = _latest([a for a in state.ability if a.month <= month])
    return last.grade if last else 0


def gave_up(state: Elder, code: str, month: str) -> bool:
    """Whether the person gave this benefit up for another one that still stands so in the month."""
    of_it = [c for c in state.choices if code in (c.kept, c.given_up) and c.effective_month <= month]
    last = max(enumerate(of_it), key=lambda n: (n[1].effective_month, n[0]), default=(0, None))[1]
    return last is not None and last.given_up == code


def drawn_in(state: Elder, month: str) -> tuple[str, ...]:
    """What assistance pays the person in a month, less what he has given up for something else. Of what was told of it the decision made
    last holds: an end takes back what was granted behind it, in whatever order they come."""
    last: dict[str, tuple[tuple[int, str, int], bool]] = {}
    for n, e in enumerate(state.elsewhere):
        if e.month <= month and (not e.until or month < e.until):
            last[e.code] = max(last.get(e.code, ((-2, "", -1), False)), ((e.position, e.month, n), e.drawn))
    return tuple(sorted(code for code, (_, drawn) in last.items() if drawn and not gave_up(state, code, month)))


class OnDay(TypedDict):
    """An elder on a day, and in its month."""

    day: str
    month: str
    living: bool
    hardship_class: str
    ability: int
    benefits_elsewhere: list[str]


def on_day(state: Elder, day: date) -> OnDay:
    """How the elder was on a day (``valid_at``), and in its month, by all that is known now."""
    month = dates.month_of(day)
    lived = state.born_on is not None and state.born_on <= day and (state.died_on is None or day <= state.died_on)
    return {
        "day": day.isoformat(),
        "month": month,
        "living": lived,
        "hardship_class": class_in(state, month),
        "ability": ability_in(state, month),
        "benefits_elsewhere": list(drawn_in(state, month)),
    }


def known_until(state: Elder) -> str:
    """The last month from which a known fact counts; it may be still to come."""
    dated: tuple[Any, ...] = (*state.hardship, *state.ability, *state.elsewhere)
    return max((*(f.month for f in dated), *(c.effective_month for c in state.choices)), default="")


def hard_elder_facts(state: Elder, month: str, current_amount_fen: int) -> HardElderFacts:
    """经济困难高龄失能老人补贴: the elder in one month, by all that is known now."""
    assert state.born_on is not None
    return HardElderFacts(
        PersonFacts(state.person_id, state.born_on), state.division, class_in(state, month), ability_in(state, month),
        drawn_in(state, month), current_amount_fen,
    )  # fmt: skip


@command("enrol_elder", permission="eldercare:register")
@dataclass(frozen=True)
class EnrolElder:
    person_id: str
    born_on: date
    division: str
    name: str = ""
    resident_id: str = ""
    allowance_from: str = ""


@command("record_elder_death", permission="eldercare:death")
@dataclass(frozen=True)
class RecordElderDeath:
    person_id: str
    died_on: date


@command("annul_elder_death", permission="eldercare:death")
@dataclass(frozen=True)
class AnnulElderDeath:
    person_id: str


@command("note_elder_hardship", permission="eldercare:survey")
@dataclass(frozen=True)
class NoteElderHardship:
    """By the service when assistance determines a class, or answers of whom enrolled; by a clerk who looked it up otherwise."""

    person_id: str
    hardship_class: str
    month: str
    unit_id: str = ""
    no: int = 0
    source: str = "staff"
    turn: int = 0


@command("note_elder_ability", permission="eldercare:record")
@dataclass(frozen=True)
class NoteElderAbility:
    """By the service when an ability assessment is graded, has expired or was ended."""

    person_id: str
    grade: int
    month: str


@command("note_elder_benefit_elsewhere", permission="eldercare:record")
@dataclass(frozen=True)
class NoteElderBenefitElsewhere:
    """By the service when assistance grants or ends a benefit that excludes one of ours, or gives it back."""

    person_id: str
    code: str
    month: str
    drawn: bool
    position: int = -1
    until: str = ""


@command("note_elder_choice", permission="eldercare:record")
@dataclass(frozen=True)
class NoteElderChoice:
    """By the service when the person chose at assistance's window."""

    person_id: str
    kept: str
    given_up: str
    effective_month: str
    kept_case: str = ""
    given_up_case: str = ""


@command("answer_after_death", permission="eldercare:death")
@dataclass(frozen=True)
class AnswerAfterDeath:
    person_id: str
    round: int
    step: str
    outcome: str
    note: str
    amount_fen: int = 0


def enrol_elder(state: Elder, c: EnrolElder, order: Order[Any]) -> Sequence[Any]:
    if not is_person_id(c.person_id):
        raise invalid("人员标识不正确。", "person_id")
    if not date(1890, 1, 1) <= c.born_on <= order.today:
        raise invalid("出生日期不合理。", "born_on")
    where = divisions.check(c.division)
    if state.person_id:
        if (state.born_on, state.division, state.name) == (c.born_on, where, c.name):
            return []
        raise Refused("already_exists", "该老人已登记且内容不同。", "person_id")
    return [ElderEnrolled(c.person_id, c.born_on, where, c.allowance_from, c.name, c.resident_id)]


def record_death(state: Elder, c: RecordElderDeath, order: Order[Any]) -> Sequence[Any]:
    if not state.person_id:
        raise Refused("unknown_person", "该人员不在养老服务登记中。", "person_id")
    return [] if state.died_on == c.died_on else [ElderDied(c.person_id, c.died_on)]


def annul_death(state: Elder, c: AnnulElderDeath, order: Order[Any]) -> Sequence[Any]:
    return [] if state.died_on is None else [ElderDeathAnnulled(c.person_id)]


def asked_later(state: Elder, round_: int) -> bool:
    """Whether a later round of the after-death process was answered: what an earlier one said of the day is so no longer."""
    return any(answered > round_ for answered, _ in state.answered)


def answer_after_death(state: Elder, c: AnswerAfterDeath, order: Order[Any]) -> Sequence[Any]:
    """Also for a person who is not on the roster: that is an answer too, and the process waits for it."""
    if (c.round, c.step) in state.answered:
        return []
    return [AfterDeathAnswered(c.person_id, c.round, c.step, c.outcome, c.note, c.amount_fen)]


def note_hardship(state: Elder, c: NoteElderHardship, order: Order[Any]) -> Sequence[Any]:
    """Only of who is on the roster: assistance determines classes of everybody, and of who enrols later it answers then."""
    if not state.person_id:
        if c.source == ASSISTANCE:
            return []
        raise Refused("unknown_person", "该人员不在养老服务登记中。", "person_id")
    dates.check_month(c.month)
    if c.hardship_class not in HARDSHIP_CLASSES:
        raise invalid("困难类别不在允许的取值范围内。", "hardship_class")
    new = ElderHardshipNoted(c.person_id, c.hardship_class, c.month, c.unit_id, c.no, c.source, c.turn)
    if new in state.hardship if c.unit_id else class_in(state, c.month) == c.hardship_class:
        return []  # told twice
    return _noted(state, new, c.month, "hardship")


def note_ability(state: Elder, c: NoteElderAbility, order: Order[Any]) -> Sequence[Any]:
    """An assessment of somebody who is not on the roster is kept: he may be enrolled because of it."""
    if not 0 <= c.grade <= 4:
        raise invalid("能力等级须为0至4。", "grade")
    month = dates.check_month(c.month)
    if c.grade < ability_in(state, month):
        month = dates.add_months(month, 1)  # a milder grade counts from the month after: nobody pays back a month begun in good faith
    if ability_in(state, month) == c.grade and not any(a.month > month for a in state.ability):
        return []
    return _noted(state, ElderAbilityNoted(c.person_id, c.grade, month), month, "ability")


def note_benefit_elsewhere(state: Elder, c: NoteElderBenefitElsewhere, order: Order[Any]) -> Sequence[Any]:
    """An end that comes before its beginning is kept, it will be needed."""
    of_it = [e for e in state.elsewhere if (e.code, e.month) == (c.code, c.month)]
    known = _latest([e for e in of_it if c.position in (-1, e.position)])
    if known is not None and known.drawn == c.drawn:
        return []  # told twice
    new = ElderBenefitElsewhereNoted(c.person_id, c.code, dates.check_month(c.month), c.drawn, c.position, c.until)
    return _noted(state, new, c.month, "benefit_elsewhere")


def note_choice(state: Elder, c: NoteElderChoice, order: Order[Any]) -> Sequence[Any]:
    new = ElderChoiceNoted(c.person_id, c.kept, c.given_up, dates.check_month(c.effective_month), c.kept_case, c.given_up_case)
    same = [k for k in state.choices if k.effective_month == c.effective_month and {k.kept, k.given_up} == {c.kept, c.given_up}]
    return [] if same and same[-1] == new else _noted(state, new, c.effective_month, "choice")


def _noted(state: Elder, new: Any, month: str, cause: str) -> list[Any]:
    """Who is not on the roster has no case that could change."""
    return [new, ElderFactsChanged(state.person_id, month, cause)] if state.person_id else [new]


DECIDER: Decider[Elder] = Decider(
    category="eldercare.elder",
    initial=Elder(),
    evolve=evolve,
    decide={
        EnrolElder: enrol_elder,
        RecordElderDeath: record_death,
        AnnulElderDeath: annul_death,
        AnswerAfterDeath: answer_after_death,
        NoteElderHardship: note_hardship,
        NoteElderAbility: note_ability,
        NoteElderBenefitElsewhere: note_benefit_elsewhere,
        NoteElderChoice: note_choice,
    },
    division=lambda state: state.division,
)

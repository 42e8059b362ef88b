"""Referrals (专项救助转介, A28): who comes into a class of the low-income register is referred to the departments whose aid he needs.

What is needed follows from the facts that the household and the person hold already (``NEEDS``); what only a visit finds is referred by
hand, as before. One hand-off for a unit (household, or a person whom none counts), a department and a round, in which every person it is
for is named by id and answered for: a round begins when a class is granted and ends with it. So a rise or a reassessment, which change no
class, send nothing; who comes in later (born, moved in, covered by a further case) goes out with a hand-off of its own, once. So does who
comes to need what he did not need: facts are looked at as they come, and ages by the timer, in the month of ``next_look``.

The hand-offs are the ledger: their ids follow from unit, department, round and number, so what went out is found without a list, and a
repeat finds it gone out. When the class ends, or none of those named has one any more, what was not begun is taken back and who has
begun is told (``NoteBasisEnded``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from services.assistance import determination, household, housing, one_thing, person
from services.assistance.benefits import known
from services.assistance.declarations import DECIDERS, DECLARATIONS
from services.assistance.declarations.handoffs import SPECIAL_ASSISTANCE_REFERRAL
from shared.casework import handoff
from shared.casework.office import Office
from shared.domain import dates
from shared.domain.errors import Refused, Unavailable
from shared.eventsourcing.orders import Order, derived_id
from shared.rules.facts import PersonFacts

CATALOGUE = ("A28",)
CODE = SPECIAL_ASSISTANCE_REFERRAL.code
NAMES: Mapping[str, str] = MappingProxyType(
    {"extreme_hardship": "特困", "minimum_living": "低保", "margin": "低保边缘", "low_income": "其他低收入", "expenditure": "支出型困难"}
)
COMPULSORY_SCHOOL = (6, 15)  # 义务教育法 (2018) 第十一条: from six on, nine years
WORKING_AGE = (16, 59)  # 劳动年龄, as it is counted; the employment department knows who has retired earlier
SEVERE_AT_THREE = ("intellectual", "mental")  # 重度: grades one and two, of these kinds three


@dataclass(frozen=True)
class Referred:
    """One determined person (认定对象) with the facts that needs are read from. ``able``: what a finding says of his ability to work,
    None = none does; ``homes``: those of his household, None = not known; ``central``: lives in an institution (集中供养);
    ``dangerous``: the household's house is (危房)."""

    facts: PersonFacts
    hardship_class: str
    age: int
    able: bool | None
    homes: int | None
    central: bool
    dangerous: bool = False


def _school(p: Referred) -> bool:
    return p.facts.student or COMPULSORY_SCHOOL[0] <= p.age <= COMPULSORY_SCHOOL[1]


def _work(p: Referred) -> bool:
    """Of working age, without work, and nothing on file says that he cannot: 特困 has no ability to work by its definition."""
    f = p.facts
    severe = 0 < f.disability_grade <= 2 or (f.disability_grade == 3 and f.disability_kind in SEVERE_AT_THREE)
    free = not (f.employed or f.student or f.gravely_ill or severe or p.able is False)
    return free and p.hardship_class != "extreme_hardship" and WORKING_AGE[0] <= p.age <= WORKING_AGE[1]


@dataclass(frozen=True)
class Need:
    """转介事项: which department, for what aid, by which law, and of whom the facts show the need."""

    unit: str
    aid: str
    law: str
    of: Callable[[Referred], bool]


def _housing(p: Referred) -> bool:
    """Nowhere to live, or not safely; whoever is supported in an institution lives there."""
    return (p.homes == 0 or p.dangerous) and not p.central


# 社会救助暂行办法（国务院令第649号） names 低保 and 特困; 国办发〔2023〕39号 has the same aids given to 低保边缘 and 刚性支出困难 by need.
NEEDS = (
    Need("医疗保障局", "医疗救助", "社会救助暂行办法第二十八条", lambda p: True),
    Need("教育局", "教育救助", "社会救助暂行办法第三十三条", _school),
    Need("住房和城乡建设局", "住房救助", "社会救助暂行办法第三十七条", _housing),
    Need("人力资源和社会保障局", "就业救助", "社会救助暂行办法第四十二条", _work),
)


# -- who


def determined(office: Office, unit: determination.Unit, month: str) -> list[Referred]:
    """Everybody of the unit who has a class in the month: by a ground of the unit, or of his own."""
    home: household.Household = office.load(household.DECIDER, unit.unit_id).state
    homes, dangerous = None, False
    if home.exists:
        at_home = household.facts_in(home, month, 0, None)
        counted, homes = [m for m in at_home.members if m.counted], at_home.homes
        dangerous = housing.grade_in(home, month) in housing.DANGEROUS
    else:
        try:
            counted = [known(office, unit.unit_id, month).facts]
        except Refused:
            return []  # he has died, or nothing is known of him but his case
    classes = {m.person_id: determination.class_of(unit, m.person_id, month) for m in counted}
    return [
        replace(_referred(office, m, classes[m.person_id], month, homes), dangerous=dangerous) for m in counted if classes[m.person_id]
    ]


def _referred(office: Office, facts: PersonFacts, hardship_class: str, month: str, homes: int | None) -> Referred:
    age, able, central = dates.age_on(facts.born_on, dates.first_day(month)), None, False
    if WORKING_AGE[0] <= age <= WORKING_AGE[1] or hardship_class == "extreme_hardship":  # of others nothing in his own file is looked at
        own: person.Person = office.load(person.DECIDER, facts.person_id).state
        found = [f for f in own.findings if f.effective_month <= month and f.able_to_work is not None]
        able = max(enumerate(found), key=lambda n: (n[1].effective_month, n[0]))[1].able_to_work if found else None
        central = hardship_class == "extreme_hardship" and person.facts_in(own, month).placement == "central"
    return Referred(facts, hardship_class, age, able, homes, central)


def next_look(everybody: Iterable[Referred], month: str) -> str:
    """The first month after this one in which somebody reaches an age from which on he may need something; "" = nobody does."""
    turns = (_of_age(p.facts.born_on, age) for p in everybody for age in (COMPULSORY_SCHOOL[0], WORKING_AGE[0]))
    return min((turn for turn in turns if turn > month), default="")


def _of_age(born_on: date, age: int) -> str:
    """The first month on whose first day somebody is that old: as ``Referred`` counts."""
    birthday = f"{born_on.year + age:04d}-{born_on.month:02d}"
    return birthday if dates.age_on(born_on, dates.first_day(birthday)) >= age else dates.add_months(birthday, 1)


# -- what went out


@dataclass(frozen=True)
class Sent:
    """A referral that went out, and its place among those of its unit, department and round."""

    record_id: str
    state: handoff.Handoff


def rounds(unit: determination.Unit) -> int:
    """How many classes of the unit have ended: the round that runs, or would run next."""
    return sum(isinstance(d, determination.ClassEnded) for d in unit.chain)


def _command_id(unit_id: str, need: Need, no: int, number: int) -> str:
    return derived_id("referral", unit_id, need.unit, str(no), str(number))


def sent(office: Office, unit: determination.Unit, need: Need, no: int) -> Iterator[Sent]:
    """The referrals of a unit to a department in a round, in the order in which they went out."""
    number = 0
    while True:
        record_id = handoff.record_of(handoff.acceptance_no(unit.division, _command_id(unit.unit_id, need, no, number)))
        state: handoff.Handoff = office.load(DECIDERS[handoff.NAME], record_id).state
        if state.status == "none":
            return
        yield Sent(record_id, state)
        number += 1


def _asked_for(office: Office, unit_id: str, need: Need) -> set[str]:
    """Who is with the department already by a one-thing process (一件事) that is not closed: the whole unit, or one of it."""
    found = set()
    for code in (code for code, d in DECLARATIONS.items() if d.shape is one_thing.SHAPE):
        process: one_thing.OneThing = office.load(DECIDERS[one_thing.NAME], derived_id(code, "", unit_id)).state
        if process.status in ("open", "settled"):
            asked = (i for i in process.items.values() if (i.code, i.to_unit) == (CODE, need.unit))
            found |= {i.subject_id for i in asked if i.outcome not in ("skipped", "withdrawn")}
    return found


# -- what follows


def refer(office: Office, unit_id: str, month: str, order: Order[Any]) -> None:
    """Send what is needed by whom and has not gone out in this round; nothing for a unit without a class, or whose end is known."""
    unit: determination.Unit = office.load(determination.DECIDER, unit_id).state
    if unit.current is None or not unit.current.hardship_class:
        return
    month = max(month, unit.current.valid_from, dates.month_of(order.today))
    everybody = determined(office, unit, month)
    for need in NEEDS:
        wanted = [p for p in everybody if need.of(p)]
        if not wanted:
            continue
        before = list(sent(office, unit, need, rounds(unit)))
        there = {p for s in before for p in s.state.concerned} | _asked_for(office, unit_id, need)
        new = [p for p in wanted if p.facts.person_id not in there]
        if new and unit_id not in there:
            _send(office, unit, need, len(before), new, month, order)
    look = determination.ForeseeNeed(unit_id, next_look(everybody, month))
    office.handle(determination.DECIDER, unit_id, order.to(look, f"look {unit_id}"))


def _send(
    office: Office, unit: determination.Unit, need: Need, number: int, of: list[Referred], month: str, order: Order[Any]
) -> None:
    command_id = _command_id(unit.unit_id, need, rounds(unit), number)
    persons = tuple(p.facts.person_id for p in of)
    classes = "、".join(NAMES[c] for c in determination.PRECEDENCE if any(p.hardship_class == c for p in of))
    what = f"{need.aid}：{classes}对象{len(of)}人，自{month}起（{need.law}）"
    papers = handoff.dossier_hash(unit.unit_id.encode(), what.encode(), *(p.encode() for p in persons))
    send = handoff.SendHandoff(
        CODE, unit.division, unit.division, need.unit, what, papers, unit.unit_id, terms=DECLARATIONS[CODE].terms, concerned=persons
    )
    record_id = handoff.record_of(handoff.acceptance_no(unit.division, command_id))
    try:
        # Its id follows from what it is, not from what caused it: whoever else sends the same at this moment sends it once with this.
        office.handle(DECIDERS[handoff.NAME], record_id, replace(order, command=send, command_id=command_id, asked=None))
    except Refused as refused:
        if refused.code == "command_id_reused":
            raise Unavailable("该转介正由另一事项办理，稍后再试。") from refused
        raise


def call_back(office: Office, unit_id: str, month: str, order: Order[Any], over: bool = False) -> None:
    """In the round that runs a referral loses its ground when none of those named has a class any more; ``over``: so does every one of
    the rounds that have ended, which news of the ends may reach in any order."""
    unit: determination.Unit = office.load(determination.DECIDER, unit_id).state
    now = rounds(unit)
    runs, still = unit.current is not None and bool(unit.current.hardship_class), set()
    if runs:
        still = {p.facts.person_id for p in determined(office, unit, max(month, dates.month_of(order.today)))}
    for no in range(0 if over else now, now + runs):
        for need in NEEDS:
            for s in sent(office, unit, need, no):
                ended = no < now or not any(p in still for p in s.state.concerned)
                if ended and s.state.status in ("sent", "accepted", "returned") and not s.state.basis_ended:
                    told = handoff.NoteBasisEnded(s.record_id, f"困难类别认定自{month}起终止")
                    office.handle(DECIDERS[handoff.NAME], s.record_id, order.to(told, f"call back {s.record_id}"))

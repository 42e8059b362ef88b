"""One life from the application to the death, walked from its payment back to the signatures and from the death on to the claim."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from services.assistance.temporary import grant_id
from shared.cli.audit import command
from shared.eventlog.acts import Act, Acts
from shared.eventlog.integrity.replay import replay
from shared.eventlog.moments import as_of
from shared.eventlog.walk import Node, Walk, back, forward, payment
from shared.eventsourcing.orders import Hand, Order
from shared.operations import DEAD_LETTER, ReplayDeadLetter
from shared.rules.published import numbers_in
from tests.desk import Desk, desk
from tests.programmes import people
from tests.programmes import test_temporary as temporary
from tests.programmes.test_means_test import CODE, SOURCES, TOWN, Checked

SERVICES = ("assistance", "eldercare", "registry")


@dataclass
class Life:
    """A household of three on 低保 whose head dies after the July payment, and its neighbour, who has nothing to do with it."""

    d: Desk
    one: Checked
    other: Checked
    acts: Acts

    @property
    def case_stream(self) -> str:
        return f"assistance.case-{self.one.case_id}"

    def act(self, stream: str, version: int) -> Act:
        found = self.acts.at(stream, version)
        assert found is not None
        return found

    def paid(self) -> Act:
        found = payment(self.acts, self.d.offices["assistance"].log, self.case_stream, "2023-07")
        assert found is not None
        return found

    def death(self) -> Act:
        return self.act(f"registry.death-{self.one.persons[0]}", 0)

    def back(self, start: Act, most: int = 300) -> Walk:
        return back(self.acts, self.d.offices["assistance"].log, start, most)

    def forward(self, start: Act, most: int = 300) -> Walk:
        return forward(self.acts, self.d.offices["assistance"].log, start, most)

    def run(self, *words: str) -> Any:
        s = self.d.settings
        env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}
        return CliRunner().invoke(command, words, env=env)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with desk(tmp_path_factory.mktemp("walks"), *SERVICES, "portal") as d:
        d.on("2023-06-01")
        rise = {"effective_from": "2023-06-01", "document_no": "象民18号", "amounts": [{"area": "both", "amount_fen": 138_050}]}
        d.call("draft_standard", "reviewer", standard=f"{CODE}.standard", **rise)
        d.call("approve_standard", "approver", actor="staff:b", number=1)
        d.call("publish_standard", "approver", actor="staff:c", number=1)
        one, other = [Checked(d, n, "2023-06-02").applied().sign() for n in (1, 2)]
        for household in (one, other):
            household.answers(*SOURCES)
            d.settle()
            d.call("record_survey", case_id=household.case_id, finding="情况属实")
            people.decide(d, household.case_id)
        d.on("2023-07-05")
        people.pay(d, CODE, "2023-07", TOWN)
        d.on("2023-07-20")
        death = {"resident_id": one.numbers[0], "name": "某0", "died_on": "2023-06-19", "division": TOWN}
        d.call("register_death", "registrar", service="registry", **death)
        d.settle()
        acts = Acts(d.offices["portal"].read, d.models["portal"])
        recovery = next(a for a in acts.of_actor("service:assistance") if a.type == "assistance.recovery_opened")
        d.on("2023-07-24")
        claim = {"recovery_id": recovery.stream.partition("-")[2], "notice_no": "追1", "told_on": "2023-07-24", "due_on": "2023-08-24"}
        d.call("record_recovery_notice", "reviewer", **claim)
        d.settle()
        yield Life(d, one, other, acts)


def node(walk: Walk, title: str, about: str = "") -> Node:
    """The last node of a title."""
    found = [n for n in walk.nodes if n.act.title == title and (not about or n.act.about == about)]
    assert found, f"{title} is not in {[f'{n.act.about}·{n.act.title}' for n in walk.nodes]}"
    return found[-1]


def reached(walk: Walk) -> set[int]:
    """Whatever the edges lead to from the start, from effects to causes (or, of a forward walk, the other way)."""
    start = walk.start.position
    ahead = all(e.cause >= start for e in walk.edges)
    edges = {(e.cause, e.effect) if ahead else (e.effect, e.cause) for e in walk.edges}
    seen, new = {start}, {start}
    while new:
        new = {b for a, b in edges if a in new} - seen
        seen |= new
    return seen


def test_a_payment_leads_back_to_application_evidence_rules_and_hands(life: Life) -> None:
    """Every event that it rests on is there, joined by edges to the payment, and nothing of the neighbour's."""
    walk = life.back(life.paid())
    assert not walk.cut
    assert reached(walk) == {n.act.position for n in walk.nodes}
    told = {(n.act.about, n.act.title) for n in walk.nodes}
    assert told >= {("救助个案", title) for title in ("申请", "受理", "入户调查", "审核", "确认", "发放")}
    assert told >= {("家庭经济状况核对", title) for title in ("授权", "来源答复", "核对报告")}
    assert told >= {("家庭", "家庭登记"), ("人户关系", "编入家庭"), ("保障标准簿", "公布"), ("发放批次", "发放批准"), ("发放批次", "送发")}
    assert "阳光公开" in {about for about, _ in told}
    streams = " ".join(n.act.stream for n in walk.nodes)
    assert life.one.household_id in streams
    assert not [mine for mine in (life.other.household_id, life.other.case_id, *life.other.persons) if mine in streams]


def test_a_decision_rests_on_the_very_events_that_were_known_then(life: Life) -> None:
    """Its grounds are the household as registered, the report, the published standard; with versions and explanation of the rules."""
    walk = life.back(life.paid())
    granted = node(walk, "确认", "救助个案")
    grounds = {e.cause for e in walk.behind(granted.act.position) if e.kind == "ground"}
    wanted = [node(walk, "家庭登记"), node(walk, "公布", "保障标准簿")]
    assert {n.act.position for n in wanted} <= grounds
    verification = next(n for n in walk.nodes if n.act.type == "assistance.verification_reported").act.stream
    assert any(n.act.position in grounds for n in walk.nodes if n.act.stream == verification)
    assert all(p < granted.act.position for p in grounds)
    [assessment] = granted.assessments
    assert assessment.amount_fen == granted.amount_fen
    assert numbers_in(assessment.parameters_version) == {1}
    assert any("象民18号" in line.basis for line in assessment.lines)
    assert replay(life.d.offices["assistance"].log, {s: life.d.offices[s] for s in SERVICES}).unequal == 0


def test_the_hands_of_a_payment_are_named_with_what_each_did(life: Life) -> None:
    """Clerk, reviewer, approver, cashier, and the three of the standard; a person who had no part is not among them."""
    hands = dict(life.back(life.paid()).hands())
    assert {"staff:clerk", "staff:reviewer", "staff:approver", "staff:cashier", "staff:b", "staff:c"} <= hands.keys()
    assert "staff:registrar" not in hands
    assert "救助个案·确认" in hands["staff:approver"]
    assert "发放批次·发放批准" in hands["staff:approver"]


def test_what_followed_from_a_death(life: Life) -> None:
    """Household, case, overpayment, claim and its notice, the answers of both services, the closing: each led back to the death."""
    walk = life.forward(life.death())
    assert not walk.cut
    assert reached(walk) == {n.act.position for n in walk.nodes}
    told = {(n.act.about, n.act.title) for n in walk.nodes}
    assert told >= {("死亡登记", "死亡登记"), ("家庭", "家庭成员死亡"), ("救助个案", "动态管理"), ("救助个案", "多发")}
    assert told >= {("追回", "追回立项"), ("追回", "追回通知书"), ("老年人", "身后事项答复"), ("惠民殡葬", "惠民殡葬待遇告知")}
    assert told >= {("公民身后一件事一次办", "身后事项开办"), ("公民身后一件事一次办", "身后事项办结")}
    assert node(walk, "追回立项").says["amount_fen"] == node(walk, "多发").amount_fen
    assert "staff:reviewer" in dict(walk.hands()), "the notice was a person's act, in a matter that the death opened"
    assert not [n for n in walk.nodes if life.other.case_id in n.act.stream or life.other.household_id in n.act.stream]


def test_the_claim_leads_back_to_the_death_and_to_the_payment(life: Life) -> None:
    """Causes cross the borders of services and end at a person's order."""
    opened = node(life.forward(life.death()), "追回立项").act
    walk = life.back(opened)
    assert reached(walk) == {n.act.position for n in walk.nodes}
    assert life.death().position in {n.act.position for n in walk.nodes}
    assert life.paid().position in {n.act.position for n in walk.nodes}


def test_the_payments_of_other_months_are_not_behind_this_one(life: Life) -> None:
    """The neighbour's August payment leads to its own run and hands, not to July's; the procedure behind both is there."""
    d, stream = life.d, f"assistance.case-{life.other.case_id}"
    d.on("2023-08-05")
    people.pay(d, CODE, "2023-08", TOWN)
    july, august = (payment(life.acts, d.offices["assistance"].log, stream, month) for month in ("2023-07", "2023-08"))
    assert july is not None
    assert august is not None
    walk = life.back(august)
    assert reached(walk) == {n.act.position for n in walk.nodes}
    assert july.position not in {n.act.position for n in walk.nodes}
    assert len({n.act.stream for n in walk.nodes if n.act.about == "发放批次"}) == 1
    assert node(walk, "申请", "救助个案").act.version == 0


def test_an_instalment_leads_back_through_the_matter_it_is_a_part_of(life: Life) -> None:
    """临时救助 is paid by a case of its own: its cause's stream holds application, papers, review and approval."""
    d, numbers = life.d, people.Numbers()
    family = people.home(d, numbers, {"born": "19790505", "monthly_income_fen": 100_000})
    ref = temporary.applied(d, household_id=family.household_id, kind="expenditure", cause="grave_illness", loss_fen=2_000_000)
    d.call("complete_papers", **ref, finding="属实", loss_fen=2_000_000)
    temporary.proposed(d, ref, instalments=2)
    d.later(10)
    temporary.decide(d, ref)
    first = f"assistance.case-{people.case_of('temporary_assistance', grant_id(ref['matter_id'], 1))}"
    walk = life.back(life.act(first, 0))
    assert reached(walk) == {n.act.position for n in walk.nodes}
    told = {(n.act.about, n.act.title) for n in walk.nodes}
    assert told >= {("临时救助", title) for title in ("申请", "受理", "核实", "审核", "审批", "拨付一期")}
    assert ("家庭", "家庭登记") in told


def test_what_an_operator_did_is_walked_like_anything_else(life: Life) -> None:
    """Operators' events are in the index too, though they are of no service."""
    office = life.d.offices["assistance"]
    hand = Hand("staff:operator", frozenset({"operator"}), "330225")
    act = ReplayDeadLetter("letter1", "assistance", "queue", "event", "2023-08-05T09:00:00+08:00", "KeyError", "已修复", "330225")
    office.handle(DEAD_LETTER, "letter1", Order(act, str(uuid.uuid4()), hand, life.d.now))
    life.d.settle()
    [done] = life.acts.of_actor("staff:operator")
    assert (done.about, done.title) == ("运行操作", "死信重放")
    assert [n.act for n in life.back(done).nodes] == [n.act for n in life.forward(done).nodes] == [done]
    assert as_of(office.log, done.stream).version == 0


def test_a_walk_is_bounded_and_says_so(life: Life) -> None:
    """The nearest are kept: what is cut off is far from the start."""
    whole, some = life.back(life.paid()), life.back(life.paid(), 5)
    assert (len(some.nodes) <= 5, some.cut) == (True, True)
    assert {n.act.position for n in some.nodes} < {n.act.position for n in whole.nodes}
    assert life.paid().position in {n.act.position for n in some.nodes}
    assert all({e.effect, e.cause} <= {n.act.position for n in some.nodes} for e in some.edges)
    ahead = life.forward(life.death(), 3)
    assert (len(ahead.nodes), ahead.cut) == (3, True)


def test_no_name_and_no_number_of_a_person_is_in_a_walk(life: Life) -> None:
    """Sealed fields are masked; resident IDs are not in the log at all."""
    text = json.dumps([life.back(life.paid()).as_dict(), life.forward(life.death()).as_dict()], ensure_ascii=False)
    assert "〔个人信息，已加密〕" in text
    assert "~1." not in text
    for number in life.one.numbers:
        assert number not in text
    assert "某0" not in text


def test_everything_one_hand_did_in_a_period(life: Life) -> None:
    """In order, by ends that belong to it; to be gone on from where a page ended."""
    from shared.eventlog.showing import day_or_moment

    everything = life.acts.of_actor("staff:reviewer")
    june = life.acts.of_actor("staff:reviewer", day_or_moment("2023-06-01", False), day_or_moment("2023-06-30", True))
    july = life.acts.of_actor("staff:reviewer", day_or_moment("2023-07-01", False), day_or_moment("2023-07-31", True))
    later = life.acts.of_actor("staff:reviewer", day_or_moment("2023-08-01", False))
    assert june + july + later == everything
    assert [a.title for a in july] == ["追回通知书"]
    assert [a.position for a in everything] == sorted(a.position for a in everything)
    first = life.acts.of_actor("staff:reviewer", limit=3)
    assert first + life.acts.of_actor("staff:reviewer", after=first[-1].position) == everything
    assert life.acts.of_actor("staff:nobody") == []


def test_the_index_finds_an_event_by_every_thread(life: Life) -> None:
    """By its place, its id, its order, its matter; a stream's events in order, up to a position."""
    paid = life.paid()
    assert life.acts.by_event_ids([paid.event_id]) == [paid]
    assert paid in life.acts.of_commands([paid.command_id])
    assert paid in life.acts.of_correlation(paid.correlation_id)
    assert paid in life.acts.caused_by([paid.causation_id])
    chain = life.acts.of_stream(life.case_stream, paid.position)
    assert [a.version for a in chain] == list(range(paid.version + 1))
    assert life.acts.of_stream(life.case_stream, paid.position, 2) == chain[-2:]
    assert life.acts.last_of(life.case_stream, paid.position) == chain[-2]
    assert life.acts.at(life.case_stream, 999) is None
    assert life.acts.streams_there([life.case_stream, "assistance.case-nobody"]) == {life.case_stream}


def test_all_looks_at_one_file(life: Life) -> None:
    """Who, when, why; the newest first. A look at somebody else's file is not among them."""
    life.d.call("get_case", "auditor", case_id=life.one.case_id)
    life.d.settle()
    seen = life.acts.looks_at(life.one.case_id)
    assert "staff:auditor" in {look.actor for look in seen}
    assert [look.looked_at for look in seen] == sorted((look.looked_at for look in seen), reverse=True)
    assert {look.file_id for look in seen} == {life.one.case_id}
    assert life.acts.looks_at("nobody") == []


def test_the_command_line_tells_it(life: Life) -> None:
    """A tree for people, JSON for programs, in the same order; what is not there is said in Chinese."""
    walked = life.run("walk", life.case_stream, "--month", "2023-07")
    assert walked.exit_code == 0, walked.output
    for told in ("依据 ← 家庭·家庭登记", "参数 xiangshan-2023@", "象民18号", "staff:cashier：", "起因 ← 发放批次·送发"):
        assert told in walked.output
    machine = json.loads(life.run("walk", life.paid().where, "--json").output)
    assert machine["start"] == life.paid().where
    assert {e["title"] for e in machine["edges"]} == {"起因", "同一事项", "依据", "所涉"}
    assert "追回·追回通知书" in life.run("walk", life.death().where, "--forward").output
    assert "还有更多" in life.run("walk", life.death().where, "--forward", "--most", "2").output
    acts = life.run("acts", "staff:approver", "--from", "2023-07-05", "--to", "2023-07-05")
    assert (acts.exit_code, "发放批次·发放批准" in acts.output, "staff:approver：1 个" in acts.output) == (0, True, True), acts.output
    assert "次查阅" in life.run("looks", life.one.case_id).output
    for words in (("walk", "nonsense"), ("walk", f"{life.case_stream}@999"), ("acts", "staff:clerk", "--from", "soon")):
        assert life.run(*words).exit_code == 1


def test_an_index_that_is_not_there_yet_is_asked_for(life: Life, tmp_path: Any) -> None:
    """Nothing is answered from an empty index as if nothing had happened."""
    s = life.d.settings
    env = {"MINZHENG_VAR": str(tmp_path), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}
    said = CliRunner().invoke(command, ["acts", "staff:clerk"], env=env)
    assert (said.exit_code, "还没有审计索引" in said.output) == (1, True), said.output

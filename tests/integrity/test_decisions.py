"""Decision replay: what the doors decided comes out equal; what was put into the log by other means is named."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from services.assistance.temporary import AGAIN, DRAWN, PAID, grant_id
from shared.casework.benefit_case import case_id
from shared.cli.audit import command
from shared.cli.audit_decisions import as_dict
from shared.eventlog.client import NO_STREAM, Raw
from shared.eventlog.integrity import versions
from shared.eventlog.integrity.replay import DRAW, GRADE, ORDER, PASSED, RULES, Report, carriers, replay, rooms
from shared.eventlog.integrity.replay_hands import Hands
from shared.eventlog.integrity.versions import files_in
from shared.eventlog.showing import day_or_moment
from shared.eventsourcing.events import REGISTRY, nested_dataclass
from shared.rules.assessment import Assessment
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import district as town
from tests.programmes import test_temporary as temporary
from tests.programmes.people import TOWN, Numbers, home, single
from tests.programmes.test_care import ACTS

OLD, NEVER = "0123456789abcdef+openfisca-1", "fedcba9876543210+openfisca-46.0.1"
OLD_FIGURES = "xiangshan-2001@0123456789abcdef"
WANTED = {"minimum_living_allowance", "temporary_assistance", "old_age_allowance"}


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A summer of decisions of every kind: grants, a raise of the standard, instalments, an allowance, a grade, a draw."""
    with desk(tmp_path_factory.mktemp("decisions"), "assistance", "eldercare") as made:
        numbers = Numbers()
        made.on("2023-06-01")
        fund = made.call("open_fund", "approver", programme=temporary.FUND, division=TOWN)["id"]
        made.call("allocate_to_fund", "cashier", record_id=fund, amount=5_000_000, document_no="象民〔2023〕7号")
        for number, income in enumerate((0, 60_000)):
            town.grant(made, town.register(made, number, income, 0))
        made.settle()
        rise = {"effective_from": "2023-06-01", "document_no": "象民18号", "amounts": [{"area": "both", "amount_fen": 138_050}]}
        made.call("draft_standard", "reviewer", standard=f"{town.PROGRAMME}.standard", **rise)
        made.call("approve_standard", "approver", actor="staff:b", number=1)
        made.call("publish_standard", "approver", actor="staff:c", number=1)
        made.settle()
        helped(made, numbers)
        made.call("enrol_elder", service="eldercare", resident_id=resident_id("19400101", 77), name="老人", division=TOWN)
        who = single(made, numbers, "19450101", area="rural")
        asked = made.call("request_assessment", programme="extreme_hardship_self_care_assessment", division=TOWN, subject_id=who)["id"]
        scores = [{"item": act, "points": int(n < 3)} for n, act in enumerate(ACTS)]
        made.call("submit_assessment", record_id=asked, scores=scores)
        made.call("submit_second_assessment", "reviewer", record_id=asked, scores=scores)
        opening = {"title": "抽查", "scope": "在册", "period_from": "2023-07-03", "check_by": "2023-09-30", "division": TOWN}
        drawn = made.call("open_campaign", "reviewer", programme="assistance_special_governance", **opening)["id"]
        for listed in (["a", "b"], ["c"]):
            made.call("list_campaign_objects", "reviewer", record_id=drawn, objects=listed)
        tomorrow = (made.now.date() + timedelta(days=1)).isoformat()
        source = {"source": "公开摇号", "issue": "第77期", "issue_on": tomorrow, "look_up": "市公证处网站", "draw_on": tomorrow}
        made.call("freeze_campaign_list", "reviewer", record_id=drawn, count=2, **source)
        made.later(1)
        made.call("record_campaign_seed", record_id=drawn, seed="公开摇号20230703")
        made.call("start_campaign", "reviewer", record_id=drawn, count=2, seed="公开摇号20230703")
        made.settle()
        yield made


def helped(d: Desk, numbers: Numbers) -> None:
    """A first grant from the fund, and the rest in three parts, or decided once more after an appeal: each part's assessment is derived
    from the whole."""
    family = home(d, numbers, {"born": "19790505", "monthly_income_fen": 100_000}, {"born": "20140505"})
    ref = temporary.applied(d, household_id=family.household_id, loss_fen=2_000_000)
    d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=2_000_000)
    temporary.proposed(d, ref, instalments=3)
    temporary.decide(d, ref)
    d.call("release_instalment", "reviewer", **ref, no=2, finding="仍需救助")
    family = home(d, numbers, {"born": "19790606", "monthly_income_fen": 100_000}, {"born": "20140606"})
    ref = temporary.applied(d, household_id=family.household_id, loss_fen=50_000)
    d.call("grant_first", **ref)
    d.call("complete_papers", **ref, finding="属实", loss_fen=100_000)
    temporary.proposed(d, ref)
    temporary.decide(d, ref)
    temporary.upheld(d, ref)
    d.call("complete_papers", **ref, finding="原核实有遗漏", loss_fen=200_000)
    temporary.proposed(d, ref)
    [_, again] = temporary.decide(d, ref)["released"]
    case = d.call("get_case", "auditor", case_id=case_id("temporary_assistance", grant_id(ref["matter_id"], again)))
    assert [line["label"] for line in case["last_assessment"]["lines"]][-3:] == [DRAWN, PAID, AGAIN]


def made_again(d: Desk, *services: str, **period: Any) -> Report:
    return replay(d.offices["assistance"].log, {s: d.offices[s] for s in services or ("assistance", "eldercare")}, **period)


def beside_orders(report: Report) -> dict[str, int]:
    """How much is wrong, of each kind but orders: an event alone in a stream follows from no order, whatever it says."""
    return {kind: n for kind, n in report.wrong.items() if kind != ORDER}


def equal(report: Report) -> int:
    """How much came out as it is recorded, orders left out."""
    return report.equal - (report.kinds[ORDER] - report.wrong[ORDER])


def run(d: Desk, *words: str) -> Any:
    s = d.settings
    env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}
    return CliRunner().invoke(command, ["decisions", *words], env=env)


def forged(d: Desk, name: str, change: Callable[[dict[str, Any]], None], *, of: str = "", append_to: str = "") -> str:
    """Put a changed copy of an event into a stream of its own, past the doors; how a finding names it."""
    log = d.offices["assistance"].log
    raw = next(r for r in log.read_all() if r.name == name and of in r.data.decode())
    body = json.loads(raw.data)
    change(body)
    stream = append_to or f"{raw.stream.partition('-')[0]}-{uuid.uuid4()}"
    log.append(stream, [Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4()))], NO_STREAM)
    return f"{stream}@0"


def test_everything_decided_comes_out_equal(d: Desk) -> None:
    """Rules of three programmes, published standards, first grants and instalments, grades and draws; nothing is left out."""
    report = made_again(d)
    assert (report.unequal, report.older, report.equal) == (0, 0, report.decisions)
    assert [str(f) for f in report.findings] == []
    assert (report.kinds[GRADE], report.kinds[DRAW]) == (3, 2)  # of a draw: the list as frozen, and the draw
    log = d.offices["assistance"].log
    carried, expected, programmes = carriers(), 0, set()
    for raw in log.read_all():
        if raw.name in carried:
            value = json.loads(raw.data)[carried[raw.name]]
            several = value if isinstance(value, list) else [value]
            expected += len(several)
            programmes |= {a["programme"] for a in several}
    assert report.kinds[RULES] == expected
    assert programmes == WANTED


ANOTHER_DRAW: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "number": ("campaign_started", lambda b: b.update(count=b["count"] + 1), "封存的名单"),
    "who": ("campaign_started", lambda b: b.update(chosen=[n for n in range(3) if n not in b["chosen"][:1]]), "抽中的对象"),
    "nobody of the list": ("campaign_started", lambda b: b.update(chosen=[0, 9]), "抽中的对象"),
    "seed": ("campaign_seed_recorded", lambda b: b.update(seed="另一期"), "种子"),
    "one hand": ("campaign_seed_recorded", lambda b: b.update(by="staff:reviewer"), "种子的核对人"),
    "no first hand": ("campaign_seed_recorded", lambda b: b.clear(), "种子的录入"),
}


@pytest.mark.parametrize("what", ANOTHER_DRAW)
def test_a_draw_that_does_not_follow_is_named(d: Desk, what: str) -> None:
    """In a campaign that is else like another: another number than was frozen, another object than salt and seed say, a seed that no other
    hand had read."""
    name, change, field = ANOTHER_DRAW[what]
    log = d.offices["assistance"].log
    started = next(r for r in log.read_all() if r.name == "assistance.campaign_started")
    copies, at = [], 0
    for raw in log.read(started.stream)[: started.version + 1]:
        body = json.loads(raw.data)
        if raw.name == f"assistance.{name}":
            change(body)
        if body:
            at = len(copies)
            copies.append(Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4())))
    stream = f"assistance.inspection-{uuid.uuid4()}"
    log.append(stream, copies, NO_STREAM)
    found = [f for f in made_again(d).findings if f.where == f"{stream}@{at}" and f.kind == DRAW]
    assert [field in f.differs for f in found] == [True]


def test_the_doors_and_the_command_say_the_same_of_an_amount_that_does_not_follow(d: Desk) -> None:
    """A grant above its own assessment, in a case that is else like another: unequal for whoever asks at the case, and in the report."""
    log, case_id = d.offices["assistance"].log, str(uuid.uuid4())
    granted = next(r for r in log.read_all() if r.name == "assistance.case_granted")
    copies = []
    for raw in log.read(granted.stream)[: granted.version + 1]:
        body = json.loads(raw.data)
        if raw.version == granted.version:
            body["amount_fen"] += 1
        copies.append(Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4())))
    log.append(f"assistance.case-{case_id}", copies, NO_STREAM)
    again = d.call("recheck_case", "auditor", case_id=case_id)
    assert [(a["event"], a["same"]) for a in again][-2:] == [("assistance.case_proposed", True), ("assistance.case_granted", False)]
    assert f"assistance.case-{case_id}@{granted.version}" in {f.where for f in made_again(d).findings}


MADE_UP: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "rules": (lambda a: a.update(rules_version=NEVER), f"规则版本 {NEVER} 不在清单中"),
    "nothing": (lambda a: a.update(rules_version=""), "规则版本  不在清单中"),
    "figures": (lambda a: a.update(parameters_version="nowhere-2001@1234"), "参数版本 nowhere-2001@1234 不在清单中"),
    "never published": (lambda a: a.update(parameters_version=files_in(a["parameters_version"]) + "+published:7"), "不在标准公布簿中"),
    "no number": (lambda a: a.update(parameters_version=files_in(a["parameters_version"]) + "+published:-"), "不在清单中"),
    "supposed": (lambda a: a.update(parameters_version=a["parameters_version"] + "+x=1@2023-07"), "不在清单中"),
}


@pytest.mark.parametrize("what", MADE_UP)
def test_a_version_that_no_release_ever_had_is_a_finding(d: Desk, what: str) -> None:
    """By name and unequal, whatever the rules of this release say to its facts; at the case's own page too."""
    change, said = MADE_UP[what]
    before, case = made_again(d), str(uuid.uuid4())
    log = d.offices["assistance"].log
    granted = next(r for r in log.read_all() if r.name == "assistance.case_granted")
    copies = []
    for raw in log.read(granted.stream)[: granted.version]:
        body = json.loads(raw.data)
        if raw.name == "assistance.case_proposed":
            change(body["assessment"])
        copies.append(Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4())))
    log.append(f"assistance.case-{case}", copies, NO_STREAM)
    report = made_again(d)
    assert (report.wrong[RULES], equal(report), report.older) == (before.wrong[RULES] + 1, equal(before), before.older)
    [found] = [f for f in report.findings if f.where.startswith(f"assistance.case-{case}@") and f.kind == RULES]
    assert said in str(found)
    [again] = d.call("recheck_case", "auditor", case_id=case)
    assert (again["older"], again["same"]) == (False, False)
    assert said in "、".join(again["differs"])
    assert run(d).exit_code == 1


def test_no_assessment_is_hidden_where_the_replay_does_not_look(d: Desk) -> None:
    """An event carries its assessments in a field of its own; every service that has such events has a room for replaying."""

    def holds(cls: type) -> bool:
        from typing import get_type_hints

        inner = [nested_dataclass(hint)[0] for hint in get_type_hints(cls).values()]
        return any(i is Assessment or (i is not None and holds(i)) for i in inner)

    assert {k.name for k in REGISTRY.values() if holds(k.cls)} == set(carriers())
    assert {name.partition(".")[0] for name in carriers()} == set(rooms())


FORGERIES: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "amount": ("assistance.case_proposed", lambda b: b["assessment"].update(amount_fen=b["assessment"]["amount_fen"] + 1), "amount_fen"),
    "line": ("assistance.case_proposed", lambda b: b["assessment"]["lines"][0].update(amount_fen=7), "lines"),
    "reason": ("assistance.case_proposed", lambda b: b["assessment"].update(reason="另有理由"), "reason"),
    "facts": ("assistance.case_proposed", lambda b: b["assessment"]["inputs"]["members"][0].update(monthly_income_fen=999_999), "outcome"),
    "unknown facts": ("assistance.case_proposed", lambda b: b["assessment"]["inputs"].update(area="moon"), "（无法重算）"),
    "no facts": ("assistance.case_proposed", lambda b: b["assessment"].update(inputs={}), "（无法重算）"),
    "paid more": ("assistance.case_granted", lambda b: b.update(amount_fen=b["amount_fen"] + 100), "金额与月份"),
    "months": ("assistance.case_reassessed", lambda b: b["months"][0].update(amount_fen=1), "金额与月份"),
    "outcome": ("assistance.case_reassessed", lambda b: b.update(outcome="lowered"), "金额与月份"),
    "grade": ("assistance.assessment_graded", lambda b: b.update(grade="none"), "等级"),
    "list": ("assistance.campaign_started", lambda b: b.update(list_hash="0" * 64), "清单摘要"),
    "salt": ("assistance.campaign_list_frozen", lambda b: b.update(salt_hash="0" * 64), "盐的承诺值"),
    "pseudonyms": ("assistance.campaign_list_frozen", lambda b: b.update(pseudonyms_hash="0" * 64), "假名清单摘要"),
    "frozen list": ("assistance.campaign_list_frozen", lambda b: b.update(list_hash="0" * 64), "清单摘要"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_does_not_follow_is_named(d: Desk, what: str) -> None:
    """By stream and number, with the fields that differ; the decisions beside it stay equal."""
    before = made_again(d)
    name, change, field = FORGERIES[what]
    where = forged(d, name, change)
    report = made_again(d)
    assert sum(beside_orders(report).values()) == sum(beside_orders(before).values()) + 1
    assert equal(report) == equal(before)
    [found] = [f for f in report.findings if f.where == where and f.kind != ORDER]
    assert (found.type, field in found.differs) == (name, True)


def test_an_instalment_of_another_amount_is_named(d: Desk) -> None:
    """A part is made again from the whole, its number and what the fund had given: neither amount nor lines can be moved."""

    def more(body: dict[str, Any]) -> None:
        a = body["assessment"]
        a["amount_fen"] = body["amount_fen"] = a["amount_fen"] + 100
        a["lines"][-1]["amount_fen"] += 100

    where = forged(d, "assistance.case_granted", more, of="第2期")
    [found] = [f for f in made_again(d).findings if f.where == where and f.kind == RULES]
    assert set(found.differs) == {"amount_fen", "lines"}


def _other(level: str) -> str:
    return "county" if level == "township" else "township"


GIVEN: dict[str, tuple[str, Callable[[dict[str, Any]], None], str, str]] = {
    "more than the rules say": (
        "first_granted", lambda b: b.update(amount_fen=b["assessment"]["amount_fen"] + 1), ORDER, "（不能由此前的记载得出）",
    ),
    "more than was drawn": ("first_granted", lambda b: b.update(amount_fen=b["amount_fen"] - 1), PASSED, "amount_fen"),
    "approved": ("temporary_approved", lambda b: b.update(amount_fen=b["amount_fen"] + 1), ORDER, "amount_fen"),
    "parts": ("temporary_approved", lambda b: b["instalments"].append(100), ORDER, "instalments"),
    "drawn": ("temporary_approved", lambda b: b.update(drawn_fen=b["drawn_fen"] + 1), ORDER, "drawn_fen"),
    "level": ("temporary_approved", lambda b: b.update(level=_other(b["level"])), ORDER, "level"),
    "an instalment": ("instalment_released", lambda b: b.update(amount_fen=b["amount_fen"] + 1), ORDER, "amount_fen"),
    "in time": ("first_granted", lambda b: b.update(in_time=not b["in_time"]), ORDER, "in_time"),
}  # fmt: skip


@pytest.mark.parametrize("what", GIVEN)
def test_what_temporary_assistance_gave_is_held_against_its_assessment(d: Desk, what: str) -> None:
    """First grant, approval, level, parts: in a copy of the matter's stream, as if it had gone so; named with what differs."""
    name, change, kind, field = GIVEN[what]
    log = d.offices["assistance"].log
    first = next(r for r in log.read_all() if r.name == f"assistance.{name}")
    copies = []
    for raw in log.read(first.stream)[: first.version + 1]:
        body = json.loads(raw.data)
        if raw.version == first.version:
            change(body)
        copies.append(Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4())))
    stream = f"assistance.temporary-{uuid.uuid4()}"
    log.append(stream, copies, NO_STREAM)
    found = [f for f in made_again(d).findings if f.where == f"{stream}@{first.version}" and f.kind == kind]
    assert [field in f.differs for f in found] == [True], found


@pytest.fixture
def once_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of versions with two of an earlier release: this repository has had no release yet."""
    there = versions.listed("assistance") | {(versions.RULES, OLD), (versions.FIGURES, OLD_FIGURES)}
    monkeypatch.setattr(versions, "listed", lambda service: there if service == "assistance" else frozenset())


@pytest.mark.usefixtures("once_had")
def test_decisions_of_an_earlier_release_are_told_apart(d: Desk) -> None:
    """Neither equal nor unequal: counted by version, with what this release would say; also of a district that has no file here."""
    before = made_again(d)

    def older(a: dict[str, Any], amount: int = 0) -> None:
        a.update(rules_version=OLD, amount_fen=a["amount_fen"] + amount)

    forged(d, "assistance.case_proposed", lambda b: older(b["assessment"]))
    disputed = forged(d, "assistance.case_proposed", lambda b: older(b["assessment"], 1))
    abroad = forged(d, "assistance.case_proposed", lambda b: b["assessment"].update(parameters_version=OLD_FIGURES))
    report = made_again(d)
    assert (equal(report), report.wrong[RULES]) == (equal(before), before.wrong[RULES])
    assert report.older == before.older + 3
    old = {rules: o for (rules, _), o in report.versions.items() if rules == OLD}
    assert [(o.decisions, o.agree) for o in old.values()] == [(2, 1)]
    assert {f.where for f in report.others} == {disputed, abroad}
    for raw in (r for r in d.offices["assistance"].log.read_all() if f"{r.stream}@{r.version}" == disputed):
        recorded_at = json.loads(raw.metadata)["recorded_at"]
    told = run(d, "--since", recorded_at, "--until", recorded_at, "--json")
    alone = json.loads(told.output)
    assert (told.exit_code != 0, bool(alone["others"])) == (True, True), told.output
    assert told.exit_code == (1 if alone["unequal"] else 3)


def test_one_process_and_several_give_the_same_report(d: Desk) -> None:
    """Findings in the order of the log, whoever was done first; ranges so short that each process has several."""
    for what in ("amount", "facts", "paid more", "grade"):
        name, change, _ = FORGERIES[what]
        forged(d, name, change)
    one = made_again(d, together=3)
    hands = Hands(d.settings, d.offices["assistance"].log, {s: d.offices[s] for s in ("assistance", "eldercare")}, 2)
    try:
        two = made_again(d, together=3, ranges=hands)
    finally:
        hands.close()
    assert one.unequal >= 4
    assert as_dict(two) == as_dict(one)
    assert two == one == made_again(d)
    places = [f.place for f in one.findings]
    assert places == sorted(places)
    told = [run(d, "--json", "--workers", n) for n in ("1", "2")]
    assert [t.exit_code for t in told] == [1, 1]
    assert told[0].output == told[1].output


def test_a_period_and_a_service(d: Desk) -> None:
    """Both ends belong to it; what began before it is still known: a grade needs the form it began with."""
    everything = made_again(d)
    until = day_or_moment("2023-06-01", True)
    first, rest = made_again(d, until=until), made_again(d, since=day_or_moment("2023-06-02", False))
    assert first.decisions > 0
    assert rest.decisions > 0
    assert first.decisions + rest.decisions == everything.decisions
    [own] = [made_again(d, "eldercare")]
    assert set(own.kinds) == {RULES, ORDER}


def test_the_command_line_names_them_and_fails(d: Desk) -> None:
    """Exit code 1 while anything is unequal, 0 for a service where nothing is; JSON for programs."""
    where = forged(d, "assistance.case_proposed", FORGERIES["amount"][1])
    told = run(d)
    assert told.exit_code == 1, told.output
    assert "不一致" in told.output
    machine = run(d, "--json")
    assert machine.exit_code == 1
    report = json.loads(machine.output)
    assert report["equal"] + report["unequal"] + report["older"] == report["decisions"]
    assert where in {f["where"] for f in report["findings"]}
    sound = run(d, "--service", "eldercare")
    assert (sound.exit_code, "不一致 0" in sound.output) == (0, True), sound.output
    assert run(d, "--service", "nobody").exit_code == 1
    assert run(d, "--since", "yesterday").exit_code == 1

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
from shared.eventlog.client import NO_STREAM, Raw
from shared.eventlog.integrity.replay import DRAW, GRADE, RULES, Report, carriers, replay, rooms
from shared.eventlog.showing import day_or_moment
from shared.eventsourcing.events import REGISTRY, nested_dataclass
from shared.rules.assessment import Assessment
from tests.desk import Desk, desk
from tests.e2e.conftest import resident_id
from tests.programmes import district as town
from tests.programmes import test_temporary as temporary
from tests.programmes.people import TOWN, Numbers, home, single
from tests.programmes.test_care import ACTS

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
        drawn = made.call("open_campaign", "reviewer", programme="annual_entitlement_review", **opening)["id"]
        for listed in (["a", "b"], ["c"]):
            made.call("list_campaign_objects", "reviewer", record_id=drawn, objects=listed)
        tomorrow = (made.now.date() + timedelta(days=1)).isoformat()
        made.call("freeze_campaign_list", "reviewer", record_id=drawn, count=2, source="公开摇号", draw_on=tomorrow)
        made.later(1)
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


def test_a_draw_of_another_number_than_was_frozen_is_named(d: Desk) -> None:
    """In a campaign that is else like another: more drawn than was said when the list was frozen."""
    log = d.offices["assistance"].log
    started = next(r for r in log.read_all() if r.name == "assistance.campaign_started")
    copies = []
    for raw in log.read(started.stream)[: started.version + 1]:
        body = json.loads(raw.data)
        if raw.version == started.version:
            body["count"] += 1
        copies.append(Raw(raw.name, json.dumps(body).encode(), raw.metadata, str(uuid.uuid4())))
    stream = f"assistance.inspection-{uuid.uuid4()}"
    log.append(stream, copies, NO_STREAM)
    [found] = [f for f in made_again(d).findings if f.where == f"{stream}@{started.version}"]
    assert "封存的名单" in str(found)


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
    "frozen list": ("assistance.campaign_list_frozen", lambda b: b.update(list_hash="0" * 64), "清单摘要"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_does_not_follow_is_named(d: Desk, what: str) -> None:
    """By stream and number, with the fields that differ; the decisions beside it stay equal."""
    before = made_again(d)
    name, change, field = FORGERIES[what]
    where = forged(d, name, change)
    report = made_again(d)
    assert report.unequal == before.unequal + 1
    assert report.equal == before.equal
    [found] = [f for f in report.findings if f.where == where]
    assert (found.type, field in found.differs) == (name, True)


def test_an_instalment_of_another_amount_is_named(d: Desk) -> None:
    """A part is made again from the whole, its number and what the fund had given: neither amount nor lines can be moved."""

    def more(body: dict[str, Any]) -> None:
        a = body["assessment"]
        a["amount_fen"] = body["amount_fen"] = a["amount_fen"] + 100
        a["lines"][-1]["amount_fen"] += 100

    where = forged(d, "assistance.case_granted", more, of="第2期")
    [found] = [f for f in made_again(d).findings if f.where == where]
    assert set(found.differs) == {"amount_fen", "lines"}


def test_decisions_of_rules_that_are_not_here_are_told_apart(d: Desk) -> None:
    """Neither equal nor unequal: counted by version, with what this release would say; also of a district that has no file here."""
    before = made_again(d)

    def older(a: dict[str, Any], amount: int = 0) -> None:
        a.update(rules_version="0123+openfisca-1", amount_fen=a["amount_fen"] + amount)

    forged(d, "assistance.case_proposed", lambda b: older(b["assessment"]))
    disputed = forged(d, "assistance.case_proposed", lambda b: older(b["assessment"], 1))
    abroad = forged(d, "assistance.case_proposed", lambda b: b["assessment"].update(parameters_version="nowhere-2001@1234"))
    report = made_again(d)
    assert (report.equal, report.unequal) == (before.equal, before.unequal)
    assert report.older == before.older + 3
    old = {rules: o for (rules, _), o in report.versions.items() if rules.startswith("0123")}
    assert [(o.decisions, o.agree) for o in old.values()] == [(2, 1)]
    assert {f.where for f in report.others} == {disputed, abroad}
    s = d.settings
    env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}
    for raw in (r for r in d.offices["assistance"].log.read_all() if f"{r.stream}@{r.version}" == disputed):
        recorded_at = json.loads(raw.metadata)["recorded_at"]
    told = CliRunner().invoke(command, ["decisions", "--since", recorded_at, "--until", recorded_at, "--json"], env=env)
    alone = json.loads(told.output)
    assert (told.exit_code != 0, bool(alone["others"])) == (True, True), told.output
    assert told.exit_code == (1 if alone["unequal"] else 3)


def test_a_period_and_a_service(d: Desk) -> None:
    """Both ends belong to it; what began before it is still known: a grade needs the form it began with."""
    everything = made_again(d)
    until = day_or_moment("2023-06-01", True)
    first, rest = made_again(d, until=until), made_again(d, since=day_or_moment("2023-06-02", False))
    assert first.decisions > 0
    assert rest.decisions > 0
    assert first.decisions + rest.decisions == everything.decisions
    [own] = [made_again(d, "eldercare")]
    assert set(own.kinds) == {RULES}


def test_the_command_line_names_them_and_fails(d: Desk) -> None:
    """Exit code 1 while anything is unequal, 0 for a service where nothing is; JSON for programs."""
    where = forged(d, "assistance.case_proposed", FORGERIES["amount"][1])
    s = d.settings
    env = {"MINZHENG_VAR": str(s.var), "EVENTSTORE_URI": s.eventstore_uri, "EVENTSTORE_DATA": str(s.eventstore_data)}

    def run(*words: str) -> Any:
        return CliRunner().invoke(command, ["decisions", *words], env=env)

    told = run()
    assert told.exit_code == 1, told.output
    assert where in told.output
    machine = run("--json")
    assert machine.exit_code == 1
    report = json.loads(machine.output)
    assert report["equal"] + report["unequal"] + report["older"] == report["decisions"]
    assert where in {f["where"] for f in report["findings"]}
    sound = run("--service", "eldercare")
    assert (sound.exit_code, "不一致 0" in sound.output) == (0, True), sound.output
    assert run("--service", "nobody").exit_code == 1
    assert run("--since", "yesterday").exit_code == 1

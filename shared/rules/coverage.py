"""Coverage of the rules (规则覆盖): each rule, its paragraph, the cases that reach it, and what no case holds to account.

A case reaches a rule when deciding or explaining it asks for the rule's variable. Held to account means three things:

- every reason and every outcome a programme can give has a case;
- every rule that answers yes or no has a case for each;
- every figure that a rule uses has cases at its boundary: one unit more changes what some case comes to, and one unit less does. A
  figure that could be moved without a case noticing is a figure nobody has tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.rules.cases import FIGURE, SINCE, Case, Figures, cases_of, engine_for, read_elsewhere
from shared.rules.engine import RulesEngine
from shared.rules.package import Programme, RulePackage
from shared.rules.parameters import UNITS


@dataclass
class RuleCoverage:
    """One rule (OpenFisca variable). cases: names by programme. answers: by programme, how many cases saw a no and how many a yes."""

    name: str
    label: str
    reference: str
    yes_or_no: bool
    cases: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def unseen(self) -> list[str]:
        """The answers that no case of any programme saw."""
        if not self.yes_or_no:
            return []
        return [word for n, word in enumerate(("否", "是")) if not any(answers[n] for answers in self.answers.values())]


@dataclass(frozen=True)
class ProgrammeCoverage:
    """One programme. reasons, outcomes: the cases that end in each. figures: the cases that notice one unit less and one more.

    wrong: cases that do not come out as written. missing: what no case holds to account, in words.
    """

    programme: Programme
    cases: tuple[str, ...]
    reasons: Mapping[str, list[str]]
    outcomes: Mapping[str, list[str]]
    figures: Mapping[str, Mapping[int, str]]
    rules: tuple[RuleCoverage, ...]
    wrong: tuple[str, ...]
    missing: tuple[str, ...]

    def reasons_reached(self, rule: RuleCoverage) -> list[str]:
        """The reasons that the cases reaching a rule end in: the branches of the procedure in which it was tried."""
        through = set(rule.cases[self.programme.id])
        return [reason for reason, its in self.reasons.items() if through.intersection(its)]


def coverage(package: RulePackage, only: Iterable[str] = ()) -> list[ProgrammeCoverage]:
    """The coverage of a package's programmes, all or those named."""
    wanted = tuple(only)
    cases = cases_of(package)
    rules: dict[str, RuleCoverage] = {}
    for variable in package.variables:
        made = variable()
        rules[made.name] = RuleCoverage(made.name, str(made.label), "；".join(made.reference or ()), made.value_type is bool)
    for case in (case for its in cases.values() for case in its):
        _reach(rules, case, package)
    return [_of(programme, cases[programme.id], package, rules) for programme in package.programmes if not wanted or programme.id in wanted]


def _reach(rules: Mapping[str, RuleCoverage], case: Case, package: RulePackage) -> None:
    if case.facts is None:
        return
    for name, values in engine_for(package, case.figures).variables_used(case.programme, case.facts, case.month).items():
        rule = rules.get(name)
        if rule is None:  # a fact, not a rule
            continue
        rule.cases.setdefault(case.programme, []).append(case.name)
        if rule.yes_or_no:
            no, yes = rule.answers.get(case.programme, (0, 0))
            rule.answers[case.programme] = (no + (not values.all()), yes + bool(values.any()))


def _of(programme: Programme, cases: Sequence[Case], package: RulePackage, rules: Mapping[str, RuleCoverage]) -> ProgrammeCoverage:
    reasons: dict[str, list[str]] = {reason: [] for reason in programme.reasons.values()}
    outcomes: dict[str, list[str]] = {outcome.name: [] for outcome in sorted(programme.outcomes)}
    wrong: list[str] = []
    sound: list[Case] = []
    for case in cases:
        engine = engine_for(package, case.figures)
        faults = case.faults(engine)
        wrong += [f"{case.name}：{fault}" for fault in faults]
        if not faults:
            sound.append(case)
        if case.facts is None:
            continue
        found = engine.assess(programme.id, case.facts, case.month)
        reasons.setdefault(found.reason, []).append(case.name)
        outcomes.setdefault(found.outcome, []).append(case.name)
    own = tuple(rule for rule in rules.values() if programme.id in rule.cases)
    figures = _figures(programme, sound, package)  # a case that is wrong anyway would notice everything
    missing = tuple(_missing(reasons, outcomes, figures, own))
    return ProgrammeCoverage(programme, tuple(case.name for case in cases), reasons, outcomes, figures, own, tuple(wrong), missing)


def _missing(
    reasons: Mapping[str, list[str]],
    outcomes: Mapping[str, list[str]],
    figures: Mapping[str, Mapping[int, str]],
    rules: Sequence[RuleCoverage],
) -> Iterable[str]:
    yield from (f"理由没有用例：{reason}" for reason, its in reasons.items() if not its)
    yield from (f"结果没有用例：{outcome}" for outcome, its in outcomes.items() if not its)
    for rule in rules:
        for answer in rule.unseen():
            yield f"规则 {rule.name}（{rule.label}）没有答案为{answer}的用例"
    for name, noticed in figures.items():
        for step in (-1, 1):
            if noticed.get(step) == "":
                yield f"参数 {name} {'少' if step < 0 else '多'}一个单位，没有用例察觉"


def _figures(programme: Programme, cases: Sequence[Case], package: RulePackage) -> dict[str, dict[int, str]]:
    """For each figure of the programme: the case that notices one unit less, and one more; "" where none does."""
    groups: dict[tuple[Figures, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.figures, case.month), []).append(case)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    found: dict[str, dict[int, str]] = {}
    elsewhere = read_elsewhere(package)
    for (figures, month), group in ordered:
        engine = engine_for(package, figures)
        for figure in engine.parameters(programme.id, month):
            if not figure.name.startswith(f"{programme.id}."):
                continue  # it is another programme's, whose cases hold it to account
            if figure.name in elsewhere:
                continue
            noticed = found.setdefault(figure.name, {})
            least, greatest = UNITS[figure.unit]
            for step in (-1, 1):
                if least <= figure.value + step <= greatest and not noticed.get(step):
                    noticed[step] = _notices(engine.what_if({figure.name: figure.value + step}, SINCE, FIGURE), programme, group, month)
    return found


def _notices(engine: RulesEngine, programme: Programme, group: Sequence[Case], month: str) -> str:
    """The first case that does not come out as written under these figures; the whole group is decided in one call."""
    decided = [case for case in group if case.facts is not None]
    if decided:
        for case, row in zip(decided, engine.assess_many(programme.id, [case.facts for case in decided], month), strict=True):
            e = case.expected
            written = (e["outcome"], e["amount"], e.get("reason", row.reason), e.get("exit_ends"))
            if written != (row.outcome, row.amount_fen, row.reason, row.exit_ends):
                return case.name
    told = (case for case in group if case.facts is None or "tells" in case.expected or "silent" in case.expected)
    return next((case.name for case in told if case.faults(engine)), "")

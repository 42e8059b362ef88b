"""The engine: facts in, explained decision out, for one case or for a whole district at once.

One engine speaks for one district (profile) with the rules of the packages it was made from. It is built once, never
changes, and may be called from many threads: every call works in an OpenFisca simulation of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy
from openfisca_core.populations import GroupPopulation, Population
from openfisca_core.simulations import Simulation
from openfisca_core.taxbenefitsystems import TaxBenefitSystem

from shared.domain.decoders import decoder_of
from shared.rules.assessment import Assessment, Outcome
from shared.rules.columns import Columns
from shared.rules.entities import Household, Person
from shared.rules.errors import RulesError
from shared.rules.explain import Working
from shared.rules.facts import births
from shared.rules.inputs import INPUTS
from shared.rules.months import add_months, month_of, period_of
from shared.rules.package import Programme, RulePackage
from shared.rules.parameters import SUPPOSED, Dated, Parameter, as_openfisca, fingerprint, load_parameters, supposed
from shared.rules.profile import DEFAULT_PROFILE, PROFILES, Profile, load_profile
from shared.rules.published import SOURCE as PUBLISHED
from shared.rules.published import Published, laid_between, named
from shared.rules.turning import next_turn


class _Seen:
    """A population that remembers what it was asked: OpenFisca checks name, entity and period anew at every mention of a variable.

    The first mention goes the whole way, checks included; on one household the others are a third of all calls made.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: dict[tuple[str, Any], Any] = {}

    def __call__(self, variable: str, period: Any, options: Any = None) -> Any:
        found = self._seen.get((variable, period)) if options is None else None
        if found is None:
            found = super().__call__(variable, period, options)  # type: ignore[misc]
            if options is None:
                self._seen[variable, period] = found
        return found


class _People(_Seen, Population):  # type: ignore[misc]
    pass


class _Households(_Seen, GroupPopulation):  # type: ignore[misc]
    pass


class _Law(TaxBenefitSystem):  # type: ignore[misc]
    """OpenFisca's system with parameters compiled once a month: 46.0.1 builds the whole tree anew for every formula."""

    def __init__(self) -> None:
        super().__init__([Person, Household])
        self._compiled: dict[str, Any] = {}

    def instantiate_entities(self) -> dict[str, Any]:
        people = _People(self.person_entity)
        return {self.person_entity.key: people} | {group.key: _Households(group, people) for group in self.group_entities}

    def with_parameters(self, parameters: Any) -> _Law:
        """The same variables under other figures; making them anew is most of the cost of an engine."""
        other = copy(self)
        other.parameters = parameters
        other._compiled = {}
        return other

    def get_parameters_at_instant(self, instant: Any) -> Any:
        key = str(getattr(instant, "start", instant))
        if key not in self._compiled:
            self._compiled[key] = super().get_parameters_at_instant(instant)
        return self._compiled[key]


@dataclass(frozen=True)
class ParameterValue:
    """A parameter as it stands in one month, with the document it comes from. unit: one of `parameters.UNITS`."""

    name: str
    description: str
    unit: str
    value: int
    since: str
    reference: str
    source: str
    placeholder: bool
    note: str


@dataclass(frozen=True)
class Decision:
    """One row of a batch: the result without its explanation."""

    outcome: str
    eligible: bool
    amount_fen: int
    reason: str
    exit_ends: str | None


@dataclass(frozen=True)
class Batch:
    """Decisions over a population, as arrays in the order of the facts.

    outcome: codes of `Outcome`. reason: codes of the programme, worded in reasons. exit_ends: datetime64[M], NaT where there is none.
    placeholders: parameters of the programme in that month that no document backs, whether or not a row needed them.
    """

    programme: str
    month: str
    outcome: Any
    eligible: Any
    amount_fen: Any
    reason: Any
    exit_ends: Any
    reasons: dict[int, str]
    rules_version: str
    parameters_version: str
    placeholders: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.outcome)

    def __getitem__(self, index: int) -> Decision:
        ends = None if self.exit_ends is None or numpy.isnat(self.exit_ends[index]) else str(self.exit_ends[index])
        return Decision(
            outcome=Outcome(int(self.outcome[index])).name,
            eligible=bool(self.eligible[index]),
            amount_fen=int(self.amount_fen[index]),
            reason=self.reasons[int(self.reason[index])],
            exit_ends=ends,
        )

    def __iter__(self) -> Iterator[Decision]:
        return (self[index] for index in range(len(self)))

    def total_fen(self) -> int:
        """What the whole population is paid a month."""
        return int(self.amount_fen.sum())


class RulesEngine:
    """Rules of some packages, with the parameters of one district."""

    def __init__(
        self,
        packages: Sequence[RulePackage],
        profile: Profile,
        changes: Sequence[tuple[str, int, str]] = (),
        published: Sequence[Published] = (),
    ) -> None:
        self.profile = profile
        self._packages = tuple(packages)
        self._changes = tuple(changes)
        self.published = tuple(published)
        self._programmes = {programme.id: programme for package in packages for programme in package.programmes}
        self._parameters = {
            name: parameter
            for package in packages
            for name, parameter in load_parameters(package.folder / "parameters", profile.parameters_of(package.name)).items()
        }
        for name in dict.fromkeys(p.parameter for p in self.published):
            self._parameters[name] = laid_between(self._known(name), [p for p in self.published if p.parameter == name])
        for name, value, month in self._changes:
            self._parameters[name] = supposed(self._known(name), value, period_of(month).start.date)
        self._law = _Law()
        self._law.add_variables(*INPUTS, *(variable for package in packages for variable in package.variables))
        self._law.parameters = as_openfisca(self._parameters)
        self._in_force: dict[tuple[str, str], dict[str, Dated]] = {}
        self._steps: dict[str, tuple[str, ...]] = {}  # by programme, the months of dated figures
        self.rules_version = f"{_rules_fingerprint(packages)}+openfisca-{version('openfisca-core')}"
        self.parameters_version = f"{profile.id}@{_parameters_fingerprint(packages, profile)}{named(self.published)}" + "".join(
            f"+{name}={value}@{month}" for name, value, month in self._changes
        )

    @property
    def packages(self) -> tuple[RulePackage, ...]:
        """Where its rules come from."""
        return self._packages

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The full names of all parameters."""
        return tuple(self._parameters)

    @property
    def programmes(self) -> tuple[str, ...]:
        """The ids of the programmes this engine decides on."""
        return tuple(self._programmes)

    def what_if(self, changes: Mapping[str, int], month: str, reference: str = SUPPOSED) -> RulesEngine:
        """This engine with some parameters (full names) changed from a month on: what would a rise cost, whom would it reach?

        ``reference`` is the document they are said to come from; ``{name}`` in it is the parameter's.
        """
        other = copy(self)
        other._parameters = dict(self._parameters)
        for name, value in changes.items():
            other._parameters[name] = supposed(self._known(name), value, period_of(month).start.date, reference.format(name=name))
            other._changes = (*other._changes, (name, value, month))
            other.parameters_version += f"+{name}={value}@{month}"
        other._law = self._law.with_parameters(as_openfisca(other._parameters))
        other._in_force, other._steps = {}, {}
        return other

    def assess(self, programme: str, facts: Any, month: str) -> Assessment:
        """Decide one case for one month, with its explanation."""
        rules = self._programme(programme)
        period = period_of(month)
        in_force = self._parameters_in_force(programme, month)
        simulation = self._simulate(rules.columns([facts], self.profile), period)
        row = self._batch(rules, simulation, period, month)[0]
        working = Working(lambda name: _value(simulation, name, period), in_force.__getitem__, self._references)
        rules.explain(working)
        return Assessment(
            programme=programme,
            month=month,
            subject=rules.subject(facts),
            outcome=row.outcome,
            eligible=row.eligible,
            amount_fen=row.amount_fen,
            reason=row.reason,
            lines=tuple(working.lines),
            # Through JSON, so that what is compared at a recheck is what an event store gives back (lists, not tuples).
            inputs=msgspec.json.decode(msgspec.json.encode(facts)),
            rules_version=self.rules_version,
            parameters_version=self.parameters_version,
            exit_ends=row.exit_ends,
            placeholder=working.placeholder,
        )

    def assess_many(self, programme: str, facts: Sequence[Any] | Columns, month: str) -> Batch:
        """Decide a whole population for one month in one vectorised call. Facts as objects, or as columns without the objects."""
        rules = self._programme(programme)
        period = period_of(month)
        self._parameters_in_force(programme, month)
        columns = facts if isinstance(facts, Columns) else rules.columns(facts, self.profile)
        return self._batch(rules, self._simulate(columns, period), period, month)

    def assess_each(self, programme: str, facts: Sequence[Any], month: str) -> list[Assessment]:
        """What ``assess`` says of each of these, explanations and all, from one vectorised call."""
        if not facts:
            return []
        rules = self._programme(programme)
        period = period_of(month)
        in_force = self._parameters_in_force(programme, month)
        columns = rules.columns(facts, self.profile)
        simulation = self._simulate(columns, period)
        batch = self._batch(rules, simulation, period, month)
        starts: Any = numpy.searchsorted(columns.member_of, numpy.arange(len(facts) + 1)).tolist()
        seen: dict[str, tuple[Any, bool]] = {}
        bases: dict[tuple[str, ...], tuple[str, bool]] = {}

        def column(name: str) -> tuple[Any, bool]:
            if name not in seen:
                values = _value(simulation, name, period)
                plain = values.tolist() if values.dtype.kind in "biu" else values  # read one by one, lists are much quicker than arrays
                seen[name] = plain, bool(self._law.get_variable(name).entity.is_person)
            return seen[name]

        def values_of(n: int) -> Callable[[str], Any]:
            def values(name: str) -> Any:
                found, of_persons = column(name)
                return found[starts[n] : starts[n + 1]] if of_persons else found[n : n + 1]

            return values

        found = []
        for n, fact in enumerate(facts):
            row = batch[n]
            working = Working(values_of(n), in_force.__getitem__, self._references, bases)
            rules.explain(working)
            found.append(
                Assessment(
                    programme=programme,
                    month=month,
                    subject=rules.subject(fact),
                    outcome=row.outcome,
                    eligible=row.eligible,
                    amount_fen=row.amount_fen,
                    reason=row.reason,
                    lines=tuple(working.lines),
                    inputs=msgspec.json.decode(msgspec.json.encode(fact)),
                    rules_version=self.rules_version,
                    parameters_version=self.parameters_version,
                    exit_ends=row.exit_ends,
                    placeholder=working.placeholder,
                )
            )
        return found

    def variables_used(self, programme: str, facts: Any, month: str) -> dict[str, Any]:
        """Every variable that deciding and explaining one case asked for, facts among them, and what it came to: the rules it reaches."""
        rules = self._programme(programme)
        period = period_of(month)
        simulation = self._simulate(rules.columns([facts], self.profile), period)
        self._batch(rules, simulation, period, month)
        in_force = self._parameters_in_force(programme, month)
        rules.explain(Working(lambda name: _value(simulation, name, period), in_force.__getitem__, self._references))
        return {name: values for population in (simulation.persons, simulation.household) for (name, _), values in population._seen.items()}

    def recheck(self, assessment: Assessment) -> bool:
        """Recompute an assessment from its recorded inputs: the same result, line by line?

        Versions are not compared: a later parameter file has another version and must still give the same answer for an old month.
        """
        rules = self._programme(assessment.programme)
        decoder_of(rules.facts)
        again = self.assess(assessment.programme, msgspec.convert(assessment.inputs, rules.facts), assessment.month)
        return replace(again, rules_version="", parameters_version="") == replace(assessment, rules_version="", parameters_version="")

    def parameter(self, name: str, month: str) -> ParameterValue:
        """A parameter by its full name (programme.group.name) in a month."""
        parameter = self._known(name)
        dated = parameter.at(period_of(month).start.date)
        if dated is None:
            raise RulesError(f"参数 {name}（{parameter.description}）在 {month} 没有生效的值；最早自 {parameter.values[0].first} 起")
        return ParameterValue(
            name, parameter.description, parameter.unit, dated.value, dated.first.isoformat(),
            dated.reference, dated.source, dated.placeholder, dated.note,
        )  # fmt: skip

    def parameters(self, programme: str, month: str) -> list[ParameterValue]:
        """All parameters a programme rests on, in a month, its own and those it draws on: what a page of standards shows."""
        return [self.parameter(name, month) for name in self._parameters_in_force(programme, month)]

    def facts_of(self, programme: str) -> type[Any]:
        """The dataclass that a case of this programme is given as."""
        return self._programme(programme).facts

    def next_turn(self, programme: str, facts: Any, month: str) -> str:
        """The first month after this one from which the age of somebody whom these facts are about changes what is said of them."""
        ages = self._programme(programme).ages
        figures = [(age, self._known(age.parameter), self._known(age.later) if age.later else None) for age in ages]
        return next_turn(figures, births(facts), month) if ages else ""

    def next_step(self, programme: str, month: str) -> str:
        """The first month after this one from which a figure that the programme rests on is another by the district's files (到期调整的
        参数); "" when none is known. What was published since is no step: whoever publishes it has every case looked at."""
        steps = self._steps.get(programme)
        if steps is None:
            rules = self._programme(programme)
            values = [p.values for name, p in self._parameters.items() if rules.rests_on(name)]
            pairs = [(before, d) for v in values for before, d in pairwise(v) if d.source != PUBLISHED and d.value != before.value]
            steps = self._steps[programme] = tuple(sorted({_whole_month(d.first) for _, d in pairs}))
        return next((step for step in steps if step > month), "")

    def next_look(self, programme: str, facts: Any, month: str) -> str:
        """The first month after this one in which the rules may say otherwise though nothing happens: an age reached, or a dated figure."""
        return min((m for m in (self.next_turn(programme, facts, month), self.next_step(programme, month)) if m), default="")

    def has_ages(self, programme: str) -> bool:
        """Whether a programme declares any."""
        return bool(self._programme(programme).ages)

    def stop_month(self, programme: str, died_on: date) -> str:
        """The first month no longer payable (for a household: to be assessed anew without the member) after a death."""
        month = month_of(died_on)
        return add_months(month, self.parameter(self._programme(programme).stop_after_death, month).value)

    def last_month_payable(self, programme: str, died_on: date) -> str:
        """The last month still payable after a death."""
        return add_months(self.stop_month(programme, died_on), -1)

    def _known(self, name: str) -> Parameter:
        if name not in self._parameters:
            raise RulesError(f"规则中没有名为 {name} 的参数")
        return self._parameters[name]

    def _programme(self, programme: str) -> Programme:
        if programme not in self._programmes:
            raise RulesError(f"没有名为 {programme!r} 的项目；现有：{'、'.join(self._programmes)}")
        return self._programmes[programme]

    def _parameters_in_force(self, programme: str, month: str) -> dict[str, Dated]:
        """Every parameter of a programme in a month; one without a value is refused here rather than met halfway in a formula."""
        found = self._in_force.get((programme, month))
        if found is None:
            rules = self._programme(programme)
            day = period_of(month).start.date
            found = {}
            for name, parameter in self._parameters.items():
                if rules.rests_on(name):
                    self.parameter(name, month)
                    dated = parameter.at(day)
                    if dated is not None:
                        found[name] = dated
            self._in_force[programme, month] = found
        return found

    def _references(self, variable: str) -> str:
        return "；".join(self._law.get_variable(variable).reference or ())

    def _simulate(self, columns: Columns, period: Any) -> Any:
        simulation = Simulation(self._law, self._law.instantiate_entities())
        for population, count, arrays in (
            (simulation.persons, columns.person_count, columns.persons),
            (simulation.household, columns.household_count, columns.households),
        ):
            population.count = count
            for name, values in arrays.items():
                population.get_holder(name).set_input(period, values)
        simulation.household.members_entity_id = columns.member_of
        return simulation

    def _batch(self, rules: Programme, simulation: Any, period: Any, month: str) -> Batch:
        outcome = _value(simulation, rules.outcome, period)
        ends = _value(simulation, rules.exit_ends, period).astype("datetime64[M]") if rules.exit_ends else None
        in_force = self._parameters_in_force(rules.id, month)
        return Batch(
            programme=rules.id,
            month=month,
            outcome=outcome,
            eligible=(outcome != Outcome.ineligible) & (outcome != Outcome.ended) & (outcome != Outcome.gradual_exit),
            amount_fen=_value(simulation, rules.amount, period),
            reason=_value(simulation, rules.reason, period),
            exit_ends=ends,
            reasons=dict(rules.reasons),
            rules_version=self.rules_version,
            parameters_version=self.parameters_version,
            placeholders=tuple(name for name, dated in in_force.items() if dated.placeholder),
        )


def _value(simulation: Any, variable: str, period: Any) -> Any:
    return simulation.get_variable_population(variable)(variable, period)


def _whole_month(first: date) -> str:
    """The first month that a value counts for: a month goes by what is in force on its first day."""
    return month_of(first) if first.day == 1 else add_months(month_of(first), 1)


def _rules_fingerprint(packages: Sequence[RulePackage]) -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    for package in packages:
        files += sorted(package.folder.glob("*.py"))
    return fingerprint(*files)


def _parameters_fingerprint(packages: Sequence[RulePackage], profile: Profile) -> str:
    files: list[Path] = []
    for package in packages:
        files += sorted((package.folder / "parameters").glob("*.yaml"))
        own = profile.parameters_of(package.name)
        files += [own] if own else []
    return fingerprint(*files)


_loading = threading.Lock()


@lru_cache(maxsize=64)
def _load(packages: tuple[RulePackage, ...], profile: str, folder: Path, published: tuple[Published, ...]) -> RulesEngine:
    return RulesEngine(packages, load_profile(profile, folder), (), published)


def load_engine(
    packages: tuple[RulePackage, ...], profile: str = DEFAULT_PROFILE, folder: Path = PROFILES, published: tuple[Published, ...] = ()
) -> RulesEngine:
    """The engine of a district for some rule packages and publications, made once and kept. Safe to call from any thread."""
    with _loading:
        return _load(packages, profile, folder, published)

"""``minzheng rules``: the rules, their figures, and what holds them to account (规则)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from shared.eventlog.decided import Decided
    from shared.rules.coverage import ProgrammeCoverage
    from shared.rules.engine import ParameterValue
    from shared.rules.package import Programme, RulePackage

_HELP = {"help_option_names": ["--help"]}
_SOURCES = {"law": "全国规定", "plan": "区计划", "published": "已公布", "placeholder": "占位，待核定"}
_PAYS = {"monthly": "按月发放", "once": "一次性", "nothing": "认定，不发放"}
_NO_LOG = "没有读模型（尚未启动过，或连不上数据库），决定数记作 0。"
_ROUNDING = ("舍去", "进位", "四舍五入")


@click.group("rules", context_settings=_HELP, options_metavar="", subcommand_metavar="命令 [参数…]")
def command() -> None:
    """规则：有哪些项目由规则决定，用什么参数，依据哪一条，由哪些用例证明。

    \b
    例：
      minzheng rules list
      minzheng rules show extreme_hardship_support --profile xiangshan-2023 --month 2023-07
      minzheng rules coverage
      minzheng rules coverage temporary_assistance
      minzheng rules versions
    """


@command.command("list", context_settings=_HELP)
def list_() -> None:
    """列出规则所决定的项目：标识、名称、怎样发放、规则和参数各有多少、其中多少参数还是占位。"""
    from rich.console import Console
    from rich.table import Table

    from shared import config
    from shared.rules.cases import cases_of

    profile = config.load().profile
    table = Table(title=f"规则所决定的项目（参数按 {profile}，本月）")
    for column in ("标识", "名称", "服务", "发放"):
        table.add_column(column, overflow="fold")
    for column in ("参数", "占位", "用例"):
        table.add_column(column, justify="right")
    for package in packages():
        engine, cases = _engine(package, profile), cases_of(package)
        for programme in package.programmes:
            own = [figure for figure in engine.parameters(programme.id, _this_month()) if figure.name.startswith(f"{programme.id}.")]
            placeholders = sum(figure.placeholder for figure in own)
            counts = (str(len(own)), f"[yellow]{placeholders}[/yellow]" if placeholders else "0", str(len(cases[programme.id])))
            table.add_row(programme.id, programme.title, package.name, _PAYS[programme.pays], *counts)
    Console().print(table)


@command.command("show", context_settings=_HELP)
@click.argument("programme", metavar="项目")
@click.option("--profile", metavar="区县档案", help="按哪个区县的参数，如 jimo-2022；默认为 MINZHENG_PROFILE。")
@click.option("--month", metavar="月份", help="哪个月生效的参数，如 2023-07；默认本月。")
def show(programme: str, profile: str | None, month: str | None) -> None:
    """显示一个项目当月生效的参数：数值、自何时起、依据哪份文件；占位的参数逐条标明。

    只含档案文件中的数字；此后公布的标准在标准公布簿中。项目借用其他项目的参数（如低保标准）一并列出。
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from shared import config
    from shared.rules.errors import RulesError

    package, found = _programme(programme)
    try:
        engine = _engine(package, profile or config.load().profile)
        figures = engine.parameters(found.id, month or _this_month())
    except RulesError as error:
        raise click.ClickException(str(error)) from error
    table = Table(title=f"{found.title}（{engine.profile.name}，{month or _this_month()}）")
    table.add_column("参数", overflow="fold")
    table.add_column("数值", justify="right", no_wrap=True)
    table.add_column("自", no_wrap=True)
    table.add_column("来源", no_wrap=True)
    table.add_column("依据", overflow="fold")
    for figure in sorted(figures, key=lambda figure: not figure.name.startswith(f"{found.id}.")):
        source = _SOURCES.get(figure.source, figure.source)
        mark = f"[yellow]{source}[/yellow]" if figure.placeholder else source
        basis = escape(figure.reference) + (f"\n[dim]{escape(figure.note)}[/dim]" if figure.note else "")
        table.add_row(f"{escape(figure.description)}\n[dim]{figure.name}[/dim]", _value(figure), figure.since, mark, basis)
    console = Console()
    console.print(table)
    placeholders = sum(figure.placeholder for figure in figures)
    console.print(f"共 {len(figures)} 个参数，其中 {placeholders} 个占位；由占位参数算出的金额，凡显示处都会注明。")
    console.print(f"规则版本 {engine.rules_version}\n参数版本 {engine.parameters_version}", style="dim")


@command.command("coverage", context_settings=_HELP)
@click.argument("programme", metavar="[项目]", required=False)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON：每条规则的依据、用例、决定数，供程序读取。")
def coverage(programme: str | None, as_json: bool) -> None:
    """规则覆盖：每条规则的依据、走到它的用例、据它作出的决定；没有用例证明的，退出码为 1。

    \b
    三件事缺一不可：
      每个理由、每种结果都有用例；
      每条答“是”或“否”的规则，两种答案都有用例；
      每个参数少一个单位、多一个单位，都有用例察觉（界线上有用例）。

    用例在 services/<服务>/rules/cases/ 中，写在规则旁边。不带项目时只列汇总和欠缺。
    """
    from rich.console import Console

    from shared import config
    from shared.eventlog.decided import decisions_by_version
    from shared.rules import coverage as covering
    from shared.rules.errors import RulesError

    settings = config.load()
    chosen = [_programme(programme)[0]] if programme else packages()
    told: list[tuple[RulePackage, str, Decided | None, ProgrammeCoverage]] = []
    try:
        with Console(stderr=True).status("正在运行用例，并逐个变动参数……"):
            for package in chosen:
                version, decided = _engine(package, settings.profile).rules_version, decisions_by_version(settings, package.name)
                only = (programme,) if programme else ()
                told += [(package, version, decided, found) for found in covering.coverage(package, only)]
    except RulesError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([_plain(*one) for one in told], ensure_ascii=False, indent=2))
    else:
        console = Console()
        if programme:
            for _, version, decided, found in told:
                _tell_rules(console, version, decided, found)
        else:
            _tell_summary(console, told)
        for _, _, _, found in told:
            for fault in (*found.wrong, *found.missing):
                console.print(f"欠缺  {found.programme.title}：{fault}", style="red", markup=False)
        if any(decided is None for _, _, decided, _ in told):
            console.print(_NO_LOG, style="dim")
    if any(found.wrong or found.missing for _, _, _, found in told):
        raise SystemExit(1)


@command.command("versions", context_settings=_HELP)
@click.option("--add", "adding", is_flag=True, help="把缺的版本写入清单。")
def versions(adding: bool) -> None:
    """规则版本清单：本版本的规则和参数文件的版本是否都在清单中；缺的逐一列出，退出码为 1。

    决定以版本为名。版本不在清单中的决定，重算（minzheng audit decisions）时是不一致：没有哪个版本作得出它。
    改了规则或参数，用 --add 写入清单，与改动一并提交。
    """
    from shared.clock import Clock
    from shared.eventlog.integrity import versions as kept

    missing = kept.missing()
    for service, found in missing.items():
        if adding:
            kept.add(service, found, Clock().now().date())
        for kind, version in found:
            click.echo(f"{'已写入' if adding else '缺'}  {service}  {kind}  {version}")
    if missing and not adding:
        raise click.ClickException("规则或参数已变动，版本不在清单中；请运行 minzheng rules versions --add。")
    if not missing:
        click.echo("规则和参数的版本都在清单中。")


def packages() -> list[RulePackage]:
    """The rule packages of all services, found by where they stand."""
    import importlib
    import importlib.util

    from shared.eventlog import discovery

    names = [f"services.{service}.rules" for service in discovery.services()]
    return [importlib.import_module(name).PACKAGE for name in names if importlib.util.find_spec(name) is not None]


def _programme(name: str) -> tuple[RulePackage, Programme]:
    everything = [(package, programme) for package in packages() for programme in package.programmes]
    for package, programme in everything:
        if programme.id == name:
            return package, programme
    raise click.ClickException(f"没有名为 {name} 的项目；现有：{'、'.join(programme.id for _, programme in everything)}。")


def _engine(package: RulePackage, profile: str) -> Any:
    from shared.rules.engine import load_engine

    return load_engine((package,), profile)


def _this_month() -> str:
    from shared.clock import Clock
    from shared.rules.months import month_of

    return month_of(Clock().now().date())


def _value(figure: ParameterValue) -> str:
    value = figure.value
    match figure.unit:
        case "fen":
            return f"{value // 100:,}.{value % 100:02d} 元"
        case "percent":
            return f"{value}%"
        case "basis_point":
            return f"{value // 100}.{value % 100:02d}%"
        case "month":
            return f"{value} 个月"
        case "year":
            return f"{value} 岁"
        case "flag":
            return "是" if value else "否"
        case "rounding":
            return _ROUNDING[value]
    return str(value)


def _decided(decided: Decided | None, version: str, programmes: list[str]) -> tuple[int, int]:
    """Decisions made under this version of the rules, and under any."""
    versions = [(decided or {}).get(programme, {}) for programme in programmes]
    return sum(counts.get(version, 0) for counts in versions), sum(sum(counts.values()) for counts in versions)


def _tell_summary(console: Console, told: list[tuple[RulePackage, str, Decided | None, ProgrammeCoverage]]) -> None:
    from rich.table import Table

    table = Table(title="规则覆盖")
    table.add_column("项目", overflow="fold")
    for column in ("规则", "用例", "理由", "参数界线", "决定：本版本/共", "欠缺"):
        table.add_column(column, justify="right")
    for _, version, decided, found in told:
        steps = [case for noticed in found.figures.values() for case in noticed.values()]
        here, ever = _decided(decided, version, [found.programme.id])
        faults = len(found.wrong) + len(found.missing)
        table.add_row(
            f"{found.programme.title}\n[dim]{found.programme.id}[/dim]",
            str(len(found.rules)),
            str(len(found.cases)),
            f"{sum(bool(its) for its in found.reasons.values())}/{len(found.reasons)}",
            f"{sum(bool(case) for case in steps)}/{len(steps)}",
            f"{here}/{ever}",
            f"[red]{faults}[/red]" if faults else "0",
        )
    console.print(table)


def _tell_rules(console: Console, version: str, decided: Decided | None, found: ProgrammeCoverage) -> None:
    from rich.markup import escape
    from rich.table import Table

    programme = found.programme
    here, ever = _decided(decided, version, [programme.id])
    rules = Table(title=f"{programme.title}：{len(found.rules)} 条规则，{len(found.cases)} 个用例，本版本 {here} 个决定，共 {ever} 个")
    rules.add_column("规则", overflow="fold")
    rules.add_column("依据", overflow="fold")
    for column in ("用例", "理由", "否", "是", "决定"):
        rules.add_column(column, justify="right", no_wrap=True)
    for rule in found.rules:
        answers = tuple(map(str, rule.answers[programme.id])) if rule.yes_or_no else ("—", "—")
        reached = str(len(rule.cases[programme.id])), f"{len(found.reasons_reached(rule))}/{len(found.reasons)}"
        under = str(_decided(decided, version, list(rule.cases))[0])
        rules.add_row(f"{escape(rule.label)}\n[dim]{rule.name}[/dim]", escape(rule.reference), *reached, *answers, under)
    console.print(rules)
    reasons = Table(title="理由与用例")
    reasons.add_column("理由", overflow="fold")
    reasons.add_column("用例", overflow="fold")
    for reason, its in found.reasons.items():
        reasons.add_row(escape(reason), escape("、".join(its)) or "[red]没有[/red]")
    console.print(reasons)
    figures = Table(title="参数界线：变动一个单位，由哪个用例察觉")
    for column in ("参数", "少一个单位", "多一个单位"):
        figures.add_column(column, overflow="fold")
    for name, noticed in found.figures.items():
        figures.add_row(name.removeprefix(f"{programme.id}."), *(escape(noticed.get(step, "—")) or "[red]没有[/red]" for step in (-1, 1)))
    console.print(figures)


def _plain(package: RulePackage, version: str, decided: Decided | None, found: ProgrammeCoverage) -> dict[str, Any]:
    """One programme's coverage as JSON values. decisions: by version of the rules; note: why there are none to count, if so."""
    return {
        "programme": found.programme.id,
        "title": found.programme.title,
        "service": package.name,
        "rules_version": version,
        "decisions": (decided or {}).get(found.programme.id, {}),
        "note": _NO_LOG if decided is None else "",
        "cases": list(found.cases),
        "rules": [
            {
                "name": rule.name,
                "label": rule.label,
                "reference": rule.reference,
                "cases": rule.cases[found.programme.id],
                "reasons": found.reasons_reached(rule),
                "answers": dict(zip(("no", "yes"), rule.answers[found.programme.id], strict=True)) if rule.yes_or_no else None,
                "decisions": _decided(decided, version, list(rule.cases))[0],
            }
            for rule in found.rules
        ],
        "reasons": dict(found.reasons),
        "outcomes": dict(found.outcomes),
        "figures": {name: {"less": noticed.get(-1), "more": noticed.get(1)} for name, noticed in found.figures.items()},
        "wrong": list(found.wrong),
        "missing": list(found.missing),
    }

"""``minzheng import``: households from a bureau's file, through the same door that a clerk's form comes in by (批量导入).

Every line is either imported with its household or reported with its number and the reason. The same file once more changes
nothing. No name and no resident ID is ever printed.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from shared.cli.household_file import Household, Parsed

IN_FLIGHT = 8
PAUSES = (0.5, 1.0, 2.0, 4.0)  # between tries while the service is away; the command id stays, so nothing happens twice
HOPELESS = ("unauthenticated", "forbidden")  # every further household would be refused the same way


@dataclass(frozen=True)
class Outcome:
    """What became of one household: imported, unchanged, refused or unavailable."""

    household: Household
    result: str
    code: str = ""
    reason: str = ""
    field: str = ""


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="文件")
@click.option("--token", default=None, metavar="令牌", help="经办人的令牌；开发模式下可省略（自行签发一枚经办岗位的）。")
@click.option("--division", default="", metavar="区划", help="只接受该行政区划之内的家庭；默认为所用区县方案的代码。")
@click.option("--dry-run", is_flag=True, help="只检查文件，不导入。")
def command(file: Path, token: str | None, division: str, dry_run: bool) -> None:
    """从 CSV（UTF-8 或 GB18030）或 Excel（.xlsx）导入家庭，每行一人，按户号成户。

    必有的列：户号、姓名、身份证号、与户主关系、行政区划、城乡。可有的列：月收入(元)、不计入收入(元)、是否就业、残疾等级、残疾类别、
    是否重病、是否在校、存款(元)、有价证券(元)、车辆、房产。列的次序不限。

    有错的行连同所在的户不导入，逐行报告；其余各户照常导入。同一文件再次导入不产生任何变化。

    退出码：0 全部导入，2 有未导入的行，1 服务不可用或无权办理。
    """
    from rich.console import Console

    from shared.cli.household_file import parse_file
    from shared.cli.token import development_token, home_division
    from shared.config import load
    from shared.domain import division as divisions
    from shared.domain.errors import Refused

    settings = load()
    try:
        district = divisions.check(division or home_division(settings))
        parsed = parse_file(file, district)
        if not dry_run and token is None:
            token = development_token(settings, ("clerk",), district, "staff:import", 8)
    except Refused as refused:
        raise click.ClickException(refused.message) from None
    console = Console(stderr=True)
    outcomes: list[Outcome] = []
    if not dry_run and parsed.households:
        if not settings.amqp_uri:
            raise click.ClickException("没有运行中的系统：请先运行 minzheng up，或设置 AMQP_URI。")
        outcomes = send(parsed.households, settings.amqp_uri, str(token), console)
    sys.exit(report(parsed, outcomes, dry_run))


def send(households: list[Household], amqp_uri: str, token: str, console: Console) -> list[Outcome]:
    """Register every household, several calls in flight; the rest is left when no call can succeed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from shared.messaging.client import RpcClient

    outcomes: list[Outcome] = []
    batch = uuid.uuid4()  # not from the content: a hash of resident IDs would be as good as the IDs
    columns = (TextColumn("导入家庭"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with RpcClient(amqp_uri, token, 15.0) as bureau, Progress(*columns, console=console) as bar, ThreadPoolExecutor(IN_FLIGHT) as pool:
        task = bar.add_task("", total=len(households))
        stop: list[str] = []
        waiting = [pool.submit(_one, bureau, h, f"import:{batch}:{n}", stop) for n, h in enumerate(households)]
        for done in as_completed(waiting):
            outcomes.append(done.result())
            bar.advance(task)
    return sorted(outcomes, key=lambda o: o.household.lines)


def _one(bureau: Any, household: Household, command_id: str, stop: list[str]) -> Outcome:
    from shared.domain.errors import Refused, Unavailable

    for pause in (*PAUSES, None):
        if stop:
            return Outcome(household, "unavailable", reason=stop[0])
        try:
            answer = bureau.assistance.register_household(command_id=command_id, **household.form)
        except Unavailable as away:
            if pause is None:
                stop.append(away.message)
                break
            time.sleep(pause)
            continue
        except Refused as refused:
            if refused.code in HOPELESS:
                stop.append(refused.message)
                break
            return Outcome(household, "refused", refused.code, refused.message, refused.field or "")
        return Outcome(household, "imported" if answer["events"] else "unchanged")
    return Outcome(household, "unavailable", reason=stop[0])


def report(parsed: Parsed, outcomes: list[Outcome], dry_run: bool) -> int:
    """Tell every bad line and the sums; returns the exit code."""
    for problem in parsed.problems:
        click.echo(str(problem))
    for o in outcomes:
        if o.result == "refused":
            click.echo(f"第{line_of(o)}行（本户未导入）：{o.reason}")
    if parsed.ignored:
        click.echo(f"未使用的列：{'、'.join(parsed.ignored)}")
    results = Counter(o.result for o in outcomes)
    bad = parsed.groups - len(parsed.households)
    said = [f"共{parsed.lines}行、{parsed.groups}户"]
    if dry_run:
        said.append(f"可以导入{len(parsed.households)}户（只检查，未导入）")
    else:
        said.append(f"新导入{results['imported']}户")
        said.append(f"已登记且相同{results['unchanged']}户")
    if results["refused"]:
        said.append(f"被拒绝{results['refused']}户")
    if parsed.problems:
        said.append(f"有错的{len({p.line for p in parsed.problems})}行、{bad}户未导入")
    if results["unavailable"]:
        said.append(f"未提交{results['unavailable']}户")
    click.echo("，".join(said) + "。")
    if outcomes and results["unchanged"] == len(outcomes):
        click.echo("没有任何变化：这些家庭均已登记，内容相同。")
    if results["unavailable"]:
        click.echo(f"未能全部提交：{next(o.reason for o in outcomes if o.result == 'unavailable')} 恢复后重新导入同一文件即可，不会重复。")
        return 1
    return 2 if parsed.problems or results["refused"] else 0


def line_of(outcome: Outcome) -> int:
    """The line of the file that a refusal of the service is about: "members.2.resident_id" names the third member."""
    parts = outcome.field.split(".")
    if len(parts) > 1 and parts[0] == "members" and parts[1].isdigit() and int(parts[1]) < len(outcome.household.lines):
        return outcome.household.lines[int(parts[1])]
    return outcome.household.lines[0]

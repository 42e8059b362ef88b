"""``minzheng disclosures``: what is public of each programme, as declared (公开范围); also written into docs/disclosure.md."""

from __future__ import annotations

import click

from shared.config import ROOT

FILE = ROOT / "docs" / "disclosure.md"
BEGIN, END = "<!-- minzheng disclosures --write -->", "<!-- end -->"


@click.command("disclosures", context_settings={"help_option_names": ["--help"]})
@click.option("--write", is_flag=True, help="把表格写入 docs/disclosure.md。")
def command(write: bool) -> None:
    """各项目公开什么：公示字段、在保公开字段、地点层级、终止后保留天数、统计、依据。没有声明的一概不公开。

    \b
    例：
      minzheng disclosures
      minzheng disclosures --write
    """
    if write:
        text = FILE.read_text(encoding="utf-8")
        FILE.write_text(placed(text), encoding="utf-8")
        click.echo(f"已写入 {FILE.relative_to(ROOT)}。")
    else:
        click.echo(table())


def placed(text: str) -> str:
    """The document with the table as the declarations say now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def table() -> str:
    """The table, programme by programme, in Markdown."""
    from shared.casework.programme import DISCLOSABLE
    from shared.eventlog import discovery

    levels = {"village": "村（社区）", "town": "乡镇（街道）", "district": "区县"}

    def named(fields: tuple[str, ...]) -> str:
        return "、".join(DISCLOSABLE[f] for f in fields) or "—"

    head = ("项目", "公示（确认前）", "在保公开", "地点", "终止后保留", "统计", "依据")
    rows = [head, ("---",) * len(head)]
    for _, p in discovery.programmes().values():
        d = p.public
        proposal = f"{named(d.proposal)}（{p.publicity_days}天）" if d.proposal else "—"
        called = f"（公示作“{d.listed_as}”）" if d.listed_as else ""
        shown = bool(d.proposal or d.recipient or d.totals)
        rows.append(
            (
                f"{p.name} `{p.code}`{called}", proposal, named(d.recipient), levels[d.level] if shown else "—",
                f"{d.listed_days}天" if d.recipient else "—", "公开" if d.totals else "—", "；".join(d.basis) or "—",
            )
        )  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

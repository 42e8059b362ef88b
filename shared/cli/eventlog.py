"""``minzheng eventlog``: the embedded log alone (内嵌事件日志)."""
from __future__ import annotations

import sys

import click


@click.command(
    "eventlog", add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """只运行内嵌事件日志：minzheng eventlog --port 2113 --data 目录"""
    from shared.eventlog.embedded.__main__ import main

    sys.exit(main(list(ctx.args)))

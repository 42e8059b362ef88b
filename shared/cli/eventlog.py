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
    from shared import metrics, observing
    from shared.cli.ready import mark_ready
    from shared.eventlog.embedded.__main__ import main
    from shared.eventlog.embedded.server import EmbeddedServer
    from shared.health import HEALTH

    if {"-h", "--help"} & set(ctx.args):
        sys.exit(main(list(ctx.args)))
    seen = observing.begin("eventlog")

    def begun(server: EmbeddedServer) -> None:
        HEALTH.check("事件日志", server.unready)
        metrics.ask("eventlog", server.values)
        metrics.tell(metrics.LOG_EVENTS, metrics.LOG_GROUP, metrics.LOG_COMMIT_SECONDS)
        mark_ready()

    try:
        status = main(list(ctx.args), begun=begun)
    finally:
        seen.end()
    sys.exit(status)

"""``minzheng worker``: one or several services (工作进程)."""

from __future__ import annotations

import os

import click


@click.command("worker")
@click.argument("services", nargs=-1, required=True, metavar="服务…")
@click.option("--doors", metavar="rpc,bus,timer", help="只开这些入口：rpc（窗口调用）、bus（对事件的反应）、timer（到期事项）；默认全开。")
def command(services: tuple[str, ...], doors: str | None) -> None:
    """运行一个或几个服务：RPC、对事件的反应、定时器。

    服务名即 services/ 下的目录名，例如：minzheng worker registry assistance

    同一服务可以开任意多个进程。收到 SIGTERM 后先办完手头的事再退出。

    繁忙的服务可把窗口与事件分开，例如：minzheng worker assistance --doors rpc 与 minzheng worker assistance --doors bus,timer
    """
    if doors is not None:
        os.environ["MINZHENG_DOORS"] = doors
    from shared.messaging import runner  # patches the standard library on its first line: before anything else of ours
    from shared.config import load  # isort: skip

    runner.main(services, load())

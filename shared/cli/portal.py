"""``minzheng portal``: the HTTP door (门户), on gunicorn."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

import click


@click.command("portal")
@click.option("--host", default=None, metavar="地址", help="监听地址（默认 MINZHENG_PORTAL_HOST 或 127.0.0.1）。")
@click.option("--port", type=int, default=None, metavar="端口", help="监听端口（默认 MINZHENG_PORTAL_PORT 或 8080）。")
@click.option("--processes", type=int, default=None, metavar="个数", help="进程数（默认 MINZHENG_PORTAL_PROCESSES 或 2）。")
def command(host: str | None, port: int | None, processes: int | None) -> None:
    """运行门户：工作人员接口（/api）、办事窗口（/desk）、阳光公开（/）、审计（/audit）、运行（/ops）。

    可以多开，放在反向代理之后；TLS 由代理终止。收到 SIGTERM 后答完手头的请求再退出。
    """
    from gunicorn.app.base import BaseApplication
    from gunicorn.glogging import Logger

    from shared import process
    from shared.config import load

    settings = load()
    _count_together(settings.var / "run" / "portal.counts", os.getpid())
    from shared import observing
    from shared.cli.ready import mark_ready
    from shared.eventlog.stores import engine_for

    seen = observing.load("portal")
    observing.succeed(seen)
    address = (host or settings.portal_host, settings.portal_port if port is None else port)

    def ready(_worker: Any) -> None:
        observing.begin_shared(seen)
        observing.needs_store(engine_for(settings, "portal"))  # not log and broker: without them the public pages are still there
        process.answer_quickly()
        importlib.import_module("services.portal.sunshine.filed").begin(settings)
        importlib.import_module("services.portal.web.watching").begin(*address)
        mark_ready()

    class OurLines(Logger):  # type: ignore[misc]
        """The server's own lines quote addresses and exceptions: whenever it sets them up, also at a terminal, they become ours."""

        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            observing.adopt_logs(seen, "gunicorn.error")

    class Portal(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            self.cfg.set("bind", f"{address[0]}:{address[1]}")
            self.cfg.set("workers", processes or settings.portal_processes)
            self.cfg.set("worker_class", "services.portal.web.staying.Staying")
            self.cfg.set("threads", 16)
            self.cfg.set("timeout", 60)
            self.cfg.set("graceful_timeout", 15)
            self.cfg.set("keepalive", 15)
            self.cfg.set("limit_request_line", 4000)
            self.cfg.set("errorlog", "-")
            self.cfg.set("loglevel", "warning")  # no access log: an address may tell whose file was read
            self.cfg.set("logger_class", OurLines)
            self.cfg.set("post_worker_init", ready)
            self.cfg.set("worker_exit", lambda _server, _worker: observing.end_shared())

        def load(self) -> Any:
            """In each worker process: the application, with every form it offers."""
            return importlib.import_module("services.portal.web.app").create_app(settings)

    Portal().run()


def _count_together(counts: Path, server: int) -> None:
    """What the server's processes count, they count together, in files of this server's own; to be said before prometheus_client is
    imported. Those of servers that are gone are taken away; another one may be running beside this one."""
    from shared.process import birth

    for left in counts.glob("*"):
        if not left.name.isdigit() or int(left.name) == server or not birth(int(left.name)):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    own = counts / str(server)
    own.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)

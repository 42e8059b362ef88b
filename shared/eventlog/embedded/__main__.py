"""``python -m shared.eventlog.embedded``: run an embedded event log."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from shared.eventlog.embedded.server import EmbeddedServer, serve
from shared.eventlog.embedded.storage import StorageError
from shared.eventlog.embedded.streams import DEFAULT_MAX_APPEND_SIZE

_EPILOG = """\
说明：
  客户端用 esdbclient 连接：esdb://主机:端口?Tls=false
  一次追加在写入磁盘之后才得到应答；进程被杀、断电之后，已应答的事件都在。
  一个数据目录同时只能由一个进程使用。收到 SIGTERM 或 SIGINT 时完成已接受的追加后退出，退出码为 0。
  没有用户与口令，也不加密：只应监听本机或内网地址。投影与持久订阅不提供，请用追赶订阅。
"""


def parser() -> argparse.ArgumentParser:
    """The command line, apart from running it: the project's own command mounts the same options."""
    made = argparse.ArgumentParser(
        prog="eventlog",
        description="嵌入式事件日志：在一个 SQLite 文件上提供 EventStoreDB 的 gRPC 协议。",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    made.add_argument("-h", "--help", action="help", help="显示本说明并退出")
    made.add_argument("--port", type=int, default=2113, metavar="端口", help="监听端口；0 表示任选一个空闲端口（默认 2113）")
    made.add_argument("--data", required=True, metavar="目录", help="数据目录，不存在则创建")
    made.add_argument("--host", default="127.0.0.1", metavar="地址", help="监听地址（默认 127.0.0.1）")
    made.add_argument("--advertise", metavar="主机名", help="告诉客户端的本机名；默认取客户端能到达的地址")
    made.add_argument(
        "--max-append-size",
        type=int,
        default=DEFAULT_MAX_APPEND_SIZE,
        metavar="字节",
        help=f"一次追加的总大小上限（默认 {DEFAULT_MAX_APPEND_SIZE}）",
    )
    levels = ["debug", "info", "warning", "error"]
    made.add_argument("--log-level", default="warning", choices=levels, help="写到标准错误的日志级别（默认 warning）")
    made.add_argument("--no-store", action="store_true", help=argparse.SUPPRESS)  # answers without storing: for benchmarks
    return made


def main(argv: Sequence[str] | None = None, *, begun: Callable[[EmbeddedServer], None] = lambda server: None) -> int:
    """Run the server; the exit status: 0 after a graceful stop, 1 if it could not start, 2 for a wrong command line."""
    options = parser().parse_args(argv)
    if not logging.getLogger().handlers:  # else the process writes JSON already (shared/observing.py)
        logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        serve(
            options.host,
            options.port,
            options.data,
            max_append_size=options.max_append_size,
            advertise=options.advertise,
            store=not options.no_store,
            begun=begun,
        )
    except (StorageError, OSError) as error:
        print(f"事件日志无法启动：{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``minzheng test``: the whole test suite, or what pytest is told (测试)."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from shared.config import ROOT

ENGINES = ("AMQP_URI", "EVENTSTORE_URI", "EVENTSTORE_DATA", "DATABASE_URL")
KEPT = ("MINZHENG_RABBITMQ_SERVER", "MINZHENG_PICTURES")


def at_root(argument: str) -> str:
    """A path the caller gave relative to where they stand, as it reads from the repository root, where pytest runs."""
    path, separator, node = argument.partition("::")
    if not argument.startswith("-") and Path(path).exists():
        return f"{Path(path).resolve()}{separator}{node}"
    return argument


def side_by_side(arguments: list[str]) -> list[str]:
    """What is asked for as a whole runs in several processes; files that share a running house stay together (tests/conftest.py)."""
    if any(a.startswith("-n") or not a.startswith("-") for a in arguments):
        return []
    return ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadscope", "--no-loadscope-reorder"]


@click.command("test", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": ["--help"]})
@click.pass_context
def command(ctx: click.Context) -> None:
    """运行测试。参数原样交给 pytest，例如：

    \b
    minzheng test                      全部，几个进程并行（每个处理器一个，至多四个）
    minzheng test -n 0                 全部，一个接一个
    minzheng test tests/domain -q      一个目录
    minzheng test -k death             名字里有 death 的
    """
    # A test sets what it needs itself, and must never meet the systems that the caller's environment points to.
    env = {k: v for k, v in os.environ.items() if k not in ENGINES and (not k.startswith("MINZHENG_") or k in KEPT)}
    arguments = [*side_by_side(ctx.args), *map(at_root, ctx.args)]
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode)

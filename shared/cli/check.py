"""``minzheng check``: what can be known without running the house (静态检查)."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

from shared.config import ROOT

BIN = Path(sys.executable).parent
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("代码规范（ruff）", (sys.executable, "-m", "ruff", "check", ".")),
    ("类型（mypy strict）", (sys.executable, "-m", "mypy")),
    ("模块边界（import-linter）", (str(BIN / "lint-imports"), "--config", ".importlinter")),
    ("规则版本清单", (sys.executable, "-P", "-m", "shared.cli", "rules", "versions")),
    ("依赖许可证", (sys.executable, "-P", "-m", "shared.cli", "licences")),
)


@click.command("check", context_settings={"help_option_names": ["--help"]})
def command() -> None:
    """代码规范、类型、模块边界、规则版本清单、依赖许可证，逐项检查，每项一行结果；全部做完再以失败与否结束。"""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    failed = []
    for title, argv in CHECKS:
        began = time.monotonic()
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        verdict = "通过" if done.returncode == 0 else "未通过"
        click.echo(f"{verdict}  {title}  {time.monotonic() - began:.1f} 秒")
        if done.returncode:
            failed.append(title)
            click.echo((done.stdout + done.stderr).rstrip())
    if failed:
        raise click.ClickException(f"未通过：{'、'.join(failed)}。")

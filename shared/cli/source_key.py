"""``minzheng source-key``: the key that queries to one outside source are sealed with, for handing it over once (核对来源密钥)."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import click

from shared.config import ConfigError, load


@click.command("source-key", context_settings={"help_option_names": ["--help"]})
@click.argument("system")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="写到哪个文件（权限0600，不覆盖）")
def command(system: str, out: Path) -> None:
    """写出某核对来源系统（如 hrss）的查询密钥，当面交给该单位；不在屏幕上显示。"""
    from shared.messaging.source_queues import source_key

    try:
        key = source_key(load(), system)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    try:
        with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(key))
    except FileExistsError:
        raise click.ClickException(f"文件 {out} 已存在。") from None

"""``minzheng definitions``: the broker's users, permissions and exchanges, rendered for a broker that we do not start (compose)."""
from __future__ import annotations

import os
from pathlib import Path

import click

from shared.config import ConfigError
from shared.messaging.definitions import passwords_from_environment, render_definitions


@click.command("definitions", context_settings={"help_option_names": ["--help"]})
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="写到哪个文件")
def command(out: Path) -> None:
    """由 deploy/rabbitmq/definitions.json 和环境变量中的密码生成 RabbitMQ 的定义文件。

    密码只以加盐的 SHA-256 写入；缺少任何一个用户的密码都会拒绝。
    """
    try:
        text = render_definitions(passwords_from_environment(os.environ))
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    out.chmod(0o644)  # RabbitMQ's container runs as another user; the hashes are salted

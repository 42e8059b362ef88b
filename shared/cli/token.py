"""``minzheng token``: a signed token for development and tests (令牌). Production has the bureau's own login, and no key to sign with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shared.config import Settings

ABOUT = {
    "clerk": "经办：登记、受理、入户调查",
    "reviewer": "审核",
    "approver": "确认、批准",
    "cashier": "发放",
    "registrar": "死亡等登记",
    "funeral_officer": "惠民殡葬经办",
    "data_protection_officer": "个人信息保护负责人：提出删除个人信息",
    "data_protection_supervisor": "批准删除个人信息",
    "auditor": "审计（只读）",
    "operator": "运维：运行状况、死信",
    "portal": "门户自己：转交公众异议",
}


def _roles() -> str:
    return "\n".join(f"  {name:<26} {about}" for name, about in ABOUT.items())


@click.command("token")
@click.option("--role", "roles", multiple=True, required=True, metavar="岗位", help="岗位，可重复给出。")
@click.option("--division", default="", metavar="区划", help="行政区划代码；默认为所用区县方案的代码。")
@click.option("--actor", default="staff:dev", show_default=True, metavar="编号", help="经办人编号，形如 staff:zhang3；不得是姓名。")
@click.option("--hours", type=click.FloatRange(0, 24 * 31, min_open=True), default=8.0, show_default=True, help="有效小时数。")
def command(roles: tuple[str, ...], division: str, actor: str, hours: float) -> None:
    from shared.config import load
    from shared.domain.errors import Refused

    try:
        click.echo(development_token(load(), roles, division, actor, hours))
    except Refused as refused:
        raise click.ClickException(refused.message) from None


command.help = f"""签发一枚工作人员令牌，供开发和测试使用；生产模式拒绝签发。

\b
岗位：
{_roles()}

例如：minzheng token --role clerk --role reviewer --division 330225
"""


def development_token(settings: Settings, roles: tuple[str, ...], division: str, actor: str, hours: float) -> str:
    """Sign with the development key, which is made on first use. Refused in production and for an actor that is no staff id."""
    import re

    from shared.domain.errors import Refused
    from shared.security import tokens

    if settings.production or settings.token_private_key is None or settings.token_public_key is None:
        raise Refused("forbidden", "生产模式不签发令牌：请使用本单位的登录系统签发的令牌。")
    if not re.fullmatch(r"staff:[A-Za-z0-9_.-]{1,40}", actor):
        raise Refused("invalid_input", "经办人编号须形如 staff:zhang3（字母、数字、_.-）。", "actor")
    tokens.development_keys(settings.token_private_key, settings.token_public_key)
    return tokens.issue(settings.token_private_key, actor, roles, division or home_division(settings), int(hours * 3600))


def home_division(settings: Settings) -> str:
    """The division of the district whose profile is used."""
    from shared.rules.profile import load_profile

    return load_profile(settings.profile).division_code

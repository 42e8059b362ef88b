"""Who may do what on the broker (消息总线的定义): vhost, users, permissions and exchanges, from one file.

``deploy/rabbitmq/definitions.json`` is a template: in place of each password hash stands the name of the environment
variable that holds the password. The private node and compose both render it with :func:`render_definitions`, so the
two cannot drift apart, and no secret is in the repository.

An outside agency (外部单位) has a user of its own that may write to its own exchange ``<agency>.events`` and, where queries are put
to it (shared/messaging/source_queues.py), read its own queue ``<agency>.queries``; nothing else.
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from shared.config import ROOT, ConfigError, Settings

TEMPLATE = ROOT / "deploy" / "rabbitmq" / "definitions.json"
HOUSE_USER = "minzheng"
VHOST = "minzheng"


def template() -> dict[str, Any]:
    """The definitions as they stand in the repository, without secrets."""
    found: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    return found


def password_variables() -> dict[str, str]:
    """User name -> the environment variable that holds the user's password."""
    return {user["name"]: user["password_hash"].removeprefix("$") for user in template()["users"]}


def agencies() -> list[str]:
    """The outside agencies that have a user on the broker."""
    return [name for name in password_variables() if name != HOUSE_USER]


def exchanges() -> list[str]:
    """The exchanges that must exist; all are durable topic exchanges."""
    return [exchange["name"] for exchange in template()["exchanges"]]


def hashed(password: str) -> str:
    """A password as RabbitMQ keeps it: base64(salt + SHA-256(salt + password)), with a fresh 4-byte salt."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def render_definitions(passwords: Mapping[str, str]) -> str:
    """The definitions with password hashes filled in, as JSON that RabbitMQ loads at boot."""
    definitions = template()
    for user in definitions["users"]:
        password = passwords.get(user["name"], "")
        if not password:
            raise ConfigError(f"缺少消息总线用户 {user['name']} 的密码，请设置环境变量 {user['password_hash'].removeprefix('$')}。")
        user["password_hash"] = hashed(password)
    return json.dumps(definitions, ensure_ascii=False, indent=2)


def passwords_from_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The passwords that were given; a user without one is missing from the answer."""
    return {user: env[variable] for user, variable in password_variables().items() if env.get(variable)}


def local_passwords(var: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Every user's password on this machine: from the environment, else made up once and kept in var/keys, mode 0600."""
    given = passwords_from_environment(env)
    return {user: given.get(user) or _kept(var / "keys" / f"amqp-{user}") for user in password_variables()}


def _kept(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(24))
        try:
            os.link(new, file)  # the first process to get here wins; the others read what it wrote
        except FileExistsError:
            pass
        new.unlink()
    return file.read_text().strip()


def uri(user: str, password: str, host: str, vhost: str = VHOST) -> str:
    """An AMQP URI; ``host`` may carry a port."""
    return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{host}/{quote(vhost, safe='')}"


def agency_uri(settings: Settings, agency: str, env: Mapping[str, str] | None = None) -> str:
    """What an outside agency connects with: the broker's own address, the agency's own user."""
    if agency not in agencies():
        raise ConfigError(f"消息总线上没有外部单位 {agency}；已定义的有：{'、'.join(agencies())}。")
    env = os.environ if env is None else env
    passwords = passwords_from_environment(env) if settings.production else local_passwords(settings.var, env)
    if agency not in passwords:
        raise ConfigError(f"缺少外部单位 {agency} 的密码，请设置环境变量 {password_variables()[agency]}。")
    parts = urlsplit(settings.amqp_uri)
    if not parts.hostname:
        raise ConfigError("不知道消息总线的地址：请先 minzheng up，或设置 AMQP_URI。")
    return parts._replace(netloc=f"{quote(agency)}:{quote(passwords[agency], safe='')}@{parts.netloc.rpartition('@')[2]}").geturl()


def ensure_definitions(amqp_uri: str) -> list[str]:
    """Declare the exchanges on a broker that somebody else runs; users and permissions are its operator's to make.

    Answers the exchanges. Raises ConfigError when the login fails or an exchange exists in another form.
    """
    import pika
    from pika.exceptions import AMQPError

    names = exchanges()
    try:
        connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
        try:
            channel = connection.channel()
            for name in names:
                channel.exchange_declare(name, exchange_type="topic", durable=True)
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, OSError) as error:
        raise ConfigError(f"无法使用 AMQP_URI 所指的消息总线：{type(error).__name__} {error}") from error
    return names


def external_notice() -> str:
    """What the operator of an outside broker has to provide, in words."""
    rules = {p["user"]: p for p in template()["permissions"]}
    users = [f"  {name}：" + "  ".join(f"{what} {rules[name][what]}" for what in ("configure", "write", "read")) for name in agencies()]
    return "\n".join([
        "使用外部消息总线（AMQP_URI）。交换机已由本系统声明；以下用户须由其管理员建立，各单位只能写自己的交换机：",
        "  AMQP_URI 中的用户：对所用 vhost 有全部权限",
        *users,
    ])

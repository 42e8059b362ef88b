"""Settings of one process (设置): read once from the environment, then passed on as a value.

Order of precedence: environment variable, then ``var/run.json`` (what a running ``minzheng up`` wrote about the ports
it found), then the default. Nothing below this module reads ``os.environ``.

Production mode (``MINZHENG_MODE=production``) refuses what is meant for demos and tests: the business clock that
can be moved, and keys that were made up on first use.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOORS = ("rpc", "bus", "timer")  # calls of the staff, reactions to events, what is due


class ConfigError(Exception):
    """A setting is missing or refused; the message is in Chinese and names the variable."""


@dataclass(frozen=True)
class Settings:
    """Everything a process must be told. URIs may hold passwords, so ``repr`` leaves them out."""

    mode: str = "development"  # development | production
    var: Path = ROOT / "var"
    eventstore_uri: str = field(default="", repr=False)  # esdb://127.0.0.1:2113?Tls=false
    eventstore_data: Path | None = None  # the embedded log's directory, if it is on this machine: the past is read there, quicker
    amqp_uri: str = field(default="", repr=False)  # amqp://minzheng:…@127.0.0.1:5672/minzheng
    database_url: str = field(default="", repr=False)  # "" = SQLite files in var/
    schema_prefix: str = ""  # PostgreSQL: put before every schema's name, so that a demo keeps apart from what is real
    profile: str = "xiangshan-2023"
    payment_mode: str = "direct"  # direct: a simulated bank pays approved runs at once (demos, tests) | bank_file: through the bank's files
    clock_file: Path | None = None  # demos and tests: holds the shift of the business clock in seconds
    master_key: bytes = field(default=b"", repr=False)  # 32 bytes; wraps the persons' keys, seals dead letters, keys person_id
    token_public_key: Path | None = None
    token_private_key: Path | None = None  # only where tokens are issued (development)
    token_jwks: str = ""  # https://…/jwks.json of the bureau's login: its keys, beside or instead of the file
    development_login: bool = False  # the portal issues tokens itself (demos); production refuses it
    portal_host: str = "127.0.0.1"
    portal_port: int = 8080
    portal_processes: int = 2
    portal_token: Path | None = None  # the portal's own hand (role portal), by which it hands in the public's objections
    objection_rate: str = "10/minute;20/hour;30/day"  # objections of the public from one address, over all cases
    portal_rate: str = "600/minute"  # requests of one token or address, where a page says nothing stricter
    portal_proxies: int = 0  # reverse proxies in front of the portal whose X-Forwarded-For is believed
    seal_private_key: Path | None = None  # signs checkpoints of the log (minzheng seal)
    seal_public_key: Path | None = None  # checks them (minzheng audit)
    max_workers: int = 20
    doors: tuple[str, ...] = DOORS  # what a worker opens: the reactions of a busy service may have processes of their own
    retry_delays: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0)  # seconds between tries of a reaction, then dead letter
    past_free: int = 1024 << 20  # bytes that stay free where the read models of earlier moments are: the log may be on the same disk
    timer_period: float = 5.0  # seconds between two looks at what is due
    keys_kept: float = 30.0  # seconds that a person's key is held in memory, and so until an erasure is known to every process; no more
    log_level: str = "INFO"

    @property
    def production(self) -> bool:
        return self.mode == "production"


def run_file(var: Path) -> Path:
    """Where a running ``minzheng up`` says which ports it found."""
    return var / "run.json"


def _runtime(var: Path) -> dict[str, str]:
    try:
        found = json.loads(run_file(var).read_text())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _master_key(env: Mapping[str, str], var: Path, production: bool) -> bytes:
    given = env.get("MINZHENG_MASTER_KEY", "")
    file = env.get("MINZHENG_MASTER_KEY_FILE", "")
    if not given and file:
        given = Path(file).read_text().strip()
    if given:
        key = base64.b64decode(given)
        if len(key) != 32:
            raise ConfigError("MINZHENG_MASTER_KEY 须为 32 字节的 base64 编码。")
        return key
    if production:
        raise ConfigError("生产模式须提供 MINZHENG_MASTER_KEY 或 MINZHENG_MASTER_KEY_FILE。")
    kept = var / "keys" / "master.key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = kept.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        new.touch(mode=0o600)
        new.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        try:
            os.link(new, kept)  # the first one wins; a second process that starts at the same instant reads the first's
        except FileExistsError:
            pass
        new.unlink()
    return base64.b64decode(kept.read_text())


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process; raises ConfigError with a message for the operator."""
    env = os.environ if env is None else env
    mode = env.get("MINZHENG_MODE", "development")
    if mode not in ("development", "production"):
        raise ConfigError("MINZHENG_MODE 只能是 development 或 production。")
    production = mode == "production"
    var = Path(env.get("MINZHENG_VAR", str(ROOT / "var"))).resolve()
    running = {} if production else _runtime(var)
    if "MINZHENG_VAR" in running:  # a demo runs in a directory of its own
        var = Path(running["MINZHENG_VAR"])
        running = _runtime(var)

    def pick(name: str, default: str = "") -> str:
        return env.get(name) or running.get(name) or default

    payment_mode = pick("MINZHENG_PAYMENT_MODE", "bank_file" if production else "direct")
    if payment_mode not in ("direct", "bank_file"):
        raise ConfigError("MINZHENG_PAYMENT_MODE 只能是 direct（模拟银行）或 bank_file（代发文件）。")
    if production and payment_mode == "direct":
        raise ConfigError("生产模式不接受模拟银行（MINZHENG_PAYMENT_MODE=direct）。")

    # What is running belongs to its own log, not to another one that the environment names.
    data = env.get("EVENTSTORE_DATA") or ("" if env.get("EVENTSTORE_URI") else running.get("EVENTSTORE_DATA", ""))
    clock = pick("MINZHENG_CLOCK_FILE")
    if clock and production:
        raise ConfigError("生产模式不接受业务时钟（MINZHENG_CLOCK_FILE）。")
    public = pick("MINZHENG_TOKEN_PUBLIC_KEY") or ("" if production else str(var / "keys" / "token.pub"))
    if production and not public and not pick("MINZHENG_TOKEN_JWKS"):
        raise ConfigError("生产模式须提供 MINZHENG_TOKEN_PUBLIC_KEY（令牌公钥文件）或 MINZHENG_TOKEN_JWKS（公钥集地址）。")
    if production and not pick("MINZHENG_TOKEN_JWKS", "https://").startswith("https://"):
        raise ConfigError("生产模式的 MINZHENG_TOKEN_JWKS 须为 https 地址。")
    development_login = pick("MINZHENG_DEV_LOGIN") in ("1", "true", "yes")
    if development_login and production:
        raise ConfigError("生产模式不接受开发登录（MINZHENG_DEV_LOGIN）。")
    private = "" if production else pick("MINZHENG_TOKEN_PRIVATE_KEY", str(var / "keys" / "token.key"))
    return Settings(
        mode=mode,
        var=var,
        eventstore_uri=pick("EVENTSTORE_URI"),
        eventstore_data=Path(data) if data else None,
        amqp_uri=pick("AMQP_URI"),
        database_url=pick("DATABASE_URL"),
        schema_prefix=env.get("MINZHENG_SCHEMA_PREFIX", ""),
        profile=pick("MINZHENG_PROFILE", "xiangshan-2023"),
        payment_mode=payment_mode,
        clock_file=Path(clock) if clock else None,
        master_key=_master_key(env, var, production),
        token_public_key=Path(public) if public else None,
        token_private_key=Path(private) if private else None,
        token_jwks=pick("MINZHENG_TOKEN_JWKS"),
        development_login=development_login,
        portal_host=pick("MINZHENG_PORTAL_HOST", "127.0.0.1"),
        portal_port=int(pick("MINZHENG_PORTAL_PORT", "8080")),
        portal_processes=int(pick("MINZHENG_PORTAL_PROCESSES", "2")),
        portal_token=_path(pick("MINZHENG_PORTAL_TOKEN")),
        objection_rate=_rates(pick("MINZHENG_OBJECTION_RATE", "10/minute;20/hour;30/day")),
        portal_rate=_rate(pick("MINZHENG_PORTAL_RATE", "600/minute")),
        portal_proxies=int(pick("MINZHENG_PORTAL_PROXIES", "0")),
        seal_private_key=_path(pick("MINZHENG_SEAL_KEY", "" if production else str(var / "keys" / "seal.key"))),
        seal_public_key=_path(pick("MINZHENG_SEAL_PUBLIC_KEY", "" if production else str(var / "keys" / "seal.pub"))),
        max_workers=int(pick("MINZHENG_MAX_WORKERS", "20")),
        doors=_doors(pick("MINZHENG_DOORS", ",".join(DOORS))),
        retry_delays=tuple(float(x) for x in pick("MINZHENG_RETRY_DELAYS", "1,5,30,120,600").split(",") if x.strip()),
        past_free=_megabytes(pick("MINZHENG_PAST_FREE_MB", "1024")),
        timer_period=float(pick("MINZHENG_TIMER_PERIOD", "5")),
        keys_kept=_kept(pick("MINZHENG_KEYS_KEPT", "30")),
        log_level=pick("MINZHENG_LOG_LEVEL", "INFO"),
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _megabytes(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ConfigError("MINZHENG_PAST_FREE_MB 须为整数（MB），如 1024。")
    return int(text) << 20


def _kept(text: str) -> float:
    if not re.fullmatch(r"[1-9]|[12][0-9]|30", text):
        raise ConfigError("MINZHENG_KEYS_KEPT 须为 1 至 30 的整数（秒）：删除个人信息后，各进程至迟 30 秒须忘记其密钥。")
    return float(text)


def _rate(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", text):
        raise ConfigError("MINZHENG_PORTAL_RATE 须为“次数/期间”，期间为 second、minute、hour 或 day，如 600/minute。")
    return text


def _rates(text: str) -> str:
    """Several of them, each of which holds."""
    try:
        return ";".join(_rate(part.strip()) for part in text.split(";"))
    except ConfigError:
        raise ConfigError("MINZHENG_OBJECTION_RATE 须为以分号分隔的“次数/期间”，如 10/minute;20/hour;30/day。") from None


def _doors(text: str) -> tuple[str, ...]:
    chosen = tuple(door for part in text.split(",") if (door := part.strip()))
    if not chosen or not set(chosen) <= set(DOORS):
        raise ConfigError(f"MINZHENG_DOORS 须为 {'、'.join(DOORS)} 中的一个或几个，以逗号分隔。")
    return chosen

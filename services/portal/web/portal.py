"""What the pages work with (门户的手): the doors of all services as data, one connection to them, the public rows, the vault."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from flask import Flask, current_app

from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import Unavailable
from shared.eventlog import discovery
from shared.eventlog.client import Log
from shared.eventlog.stores import engine_for
from shared.messaging.client import RpcClient
from shared.messaging.doors import DoorInfo, doors_of
from shared.office import Office
from shared.operations import Records
from shared.rules.profile import Profile, load_profile
from shared.security import tokens
from shared.security.tokens import Verifier
from shared.security.vault import Vault

T = TypeVar("T")
RPC_TIMEOUT = 8.0  # seconds: a page is answered before a browser's user gives up


class Portal:
    """One of a process. Everything that connects is made at its first use, by one thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock_file)
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    def _once(self, name: str, make: Callable[[], T]) -> T:
        found = self._made.get(name)
        if found is None:
            with self._lock:
                found = self._made.get(name)
                if found is None:
                    found = self._made[name] = make()
        return cast(T, found)

    @cached_property
    def doors(self) -> dict[tuple[str, str], DoorInfo]:
        """Every RPC of every service, by (service, method): from these follow the API, the forms and the desk."""
        found = {}
        for service in discovery.services():
            for info in doors_of(service_class(service)):
                found[service, info.method] = info
        return found

    @cached_property
    def profile(self) -> Profile:
        """The district (区县) this house works for."""
        return load_profile(self.settings.profile)

    @property
    def verifier(self) -> Verifier:
        return self._once("verifier", self._verifier)

    def _verifier(self) -> Verifier:
        public = self.settings.token_public_key
        public = public if public is not None and public.exists() else None
        if public is None and not self.settings.token_jwks:
            raise Unavailable("系统未配置令牌公钥，无法登录。")
        return Verifier(public, self.settings.token_jwks)

    @property
    def rpc(self) -> RpcClient:
        """The connection to all services; ``portal.rpc.as_(token)`` speaks for somebody."""
        return self._once("rpc", lambda: RpcClient(self.settings.amqp_uri, timeout=RPC_TIMEOUT, at_once=True))

    def call(self, token: str | None, service: str, method: str, /, *, correlation_id: str = "", **fields: Any) -> Any:
        """Call an RPC with somebody's token; Refused as the service says it, Unavailable, at once, when it is away.

        Of a query, ``purpose`` and ``reference`` are no fields: they say why somebody looks (shared/casework/looks.py).
        """
        door = self.doors.get((service, method))
        asks = door is not None and door.kind == "query"
        purpose, reference = (str(fields.pop(name, "") or "") if asks else "" for name in ("purpose", "reference"))
        hand = self.rpc.as_(token, correlation_id=correlation_id, purpose=purpose, reference=reference)
        return hand.call(service, method, **fields)

    @property
    def own_token(self) -> str:
        """The portal's own hand (role ``portal``): it hands in what the public writes, and looks up the answer. Read anew every time,
        for whoever issues it renews it; in development the portal signs it itself."""
        s = self.settings
        if s.portal_token is not None and s.portal_token.exists():
            return s.portal_token.read_text(encoding="utf-8").strip()
        if s.production or s.token_private_key is None or not s.token_private_key.exists():
            raise Unavailable("门户未配置自己的令牌（MINZHENG_PORTAL_TOKEN），暂不能在网上提交。")
        return tokens.issue(s.token_private_key, "portal:sunshine", ("portal",), self.profile.division_code, seconds=300)

    @property
    def log(self) -> Log:
        return self._once("log", lambda: Log(self.settings.eventstore_uri, data=self.settings.eventstore_data))

    @property
    def read(self) -> sa.Engine:
        """The portal's own read model (``services/portal/read_model.py``)."""
        return self._once("read", lambda: engine_for(self.settings, "portal"))

    @property
    def tree(self) -> sa.Engine:
        """The sealed tree of the log (``shared/eventlog/integrity``): where proofs are read."""
        return self._once("tree", lambda: engine_for(self.settings, "integrity"))

    @property
    def vault(self) -> Vault:
        keys = self._once("keys", lambda: engine_for(self.settings, "vault"))
        return self._once("vault", lambda: Vault(keys, self.settings.master_key, self.settings.keys_kept))

    @property
    def records(self) -> Records:
        """Where acts of operators, and bundles that were taken, are written down."""
        return self._once("records", lambda: Records(self.settings))

    def office(self, service: str) -> Office:
        """The office of a service, where a page that reads the log itself notes who looked (``audit/seeing.py``)."""
        return self._once(f"office {service}", lambda: Office(self.settings, service))

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, {}
        for name in made:
            if name in ("rpc", "log", "records") or name.startswith("office "):
                made[name].close()
        for name in ("read", "tree", "keys"):
            if name in made:
                made[name].dispose()


def service_class(service: str) -> type:
    """The class whose methods are a service's doors."""
    found: type = importlib.import_module(f"services.{service}.service").SERVICE
    return found


def of(app: Flask) -> Portal:
    """The portal of an application: ``of(current_app)``."""
    return cast(Portal, app.extensions["portal"])


def here() -> Portal:
    """The portal of the request under way."""
    return of(current_app)

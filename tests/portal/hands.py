"""Hands at the desk without a browser's window: the same pages over HTTP, for walks over every form there is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page

from services.portal.desk.forms import Known, kind_of, yuan
from shared.eventsourcing.commands import hints_of
from shared.eventsourcing.events import nested_dataclass
from shared.security import tokens
from shared.security.vault import derived_key
from tests.e2e.conftest import DISTRICT, Bureau

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
MAIN = re.compile(r'<form method="post" action="(/desk/[^"]*/do/[^"]*)" class="card form">(.*?)</form>', re.S)


def enter(context: BrowserContext, base: str, bureau: Bureau, *roles: str, actor: str = "", division: str = DISTRICT) -> None:
    """Somebody has logged in: the session's cookie as the login leaves it. The login itself, and how often it is tried: test_login."""
    assert bureau.settings.token_private_key is not None
    token = tokens.issue(bureau.settings.token_private_key, actor or f"staff:{roles[0]}-desk", roles, division)
    app = Flask("login")
    app.secret_key = derived_key(bureau.settings.master_key, b"portal sessions")
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    context.clear_cookies()
    context.add_cookies([{"name": "minzheng", "value": str(signer.dumps({"token": token})), "url": base}])


class Hand:
    """Somebody of these posts, logged in."""

    def __init__(self, chromium: Browser, base: str, bureau: Bureau, *roles: str, actor: str = "", division: str = DISTRICT) -> None:
        self._context = chromium.new_context(base_url=base)
        self.http = self._context.request
        enter(self._context, base, bureau, *roles, actor=actor, division=division)

    def get(self, address: str) -> APIResponse:
        return self.http.get(address)

    def form(self, address: str) -> dict[str, str]:
        """What the form of an address sends by itself: the hidden fields."""
        found = MAIN.search(self.http.get(address).text())
        assert found is not None, f"no form at {address}"
        return {unescape(name): unescape(value) for name, value in HIDDEN.findall(found[2])}

    def send(self, address: str, hidden: Mapping[str, str], typed: list[tuple[str, str]]) -> APIResponse:
        """Send a form as a browser does; the redirect behind it is not followed."""
        pairs = [(n, v) for n, v in hidden.items() if n not in {name for name, _ in typed}] + typed
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.http.post(address.partition("?")[0], data=urlencode(pairs), headers=headers, max_redirects=0)

    def close(self) -> None:
        self._context.close()


def typed(form: type, body: Mapping[str, Any], known: Known, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A body as somebody would type it into the form."""
    for f in dataclasses.fields(form):
        if f.name not in body:
            continue
        value, path, hint = body[f.name], f"{prefix}{f.name}", hints_of(form)[f.name]
        kind = kind_of(f, hint, known)
        nested, _ = nested_dataclass(hint)
        if kind == "rows" and nested is not None:
            yield f"{path}.rows", str(len(value))
            for n, row in enumerate(value):
                yield from typed(nested, row, known, f"{path}.{n}.")
        elif kind == "part" and nested is not None:
            yield from typed(nested, value, known, f"{path}.")
        elif kind == "many":
            yield from ((path, str(code)) for code in value)
        elif kind == "lines":
            yield path, "\r\n".join(value)
        elif kind == "pairs":
            yield path, "\r\n".join(f"{n}={v}" for n, v in value.items())
        elif kind == "money":
            yield path, yuan(value)
        elif isinstance(value, bool):
            needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            if needed or kind == "yes_no":
                yield path, "true" if value else "false"
            elif value:
                yield path, "1"
        elif value is not None:
            yield path, str(value)


def error_of(answer: APIResponse) -> str:
    """What a page said was wrong."""
    found = re.findall(r'(?:role="alert">|class="field-error"[^>]*>)(.*?)</(?:div|p)>', answer.text(), re.S)
    return unescape(re.sub(r"<[^>]+>", "", " ".join(found))).strip()


def fits(page: Page) -> None:
    """Nothing reaches over the edge of a phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1100, "height": 900})
    assert wide <= 390, f"{page.url} is {wide} px wide on a phone"

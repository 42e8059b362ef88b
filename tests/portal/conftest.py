"""A running house with its portal, and a real browser before it; nothing in either is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from shared.config import run_file
from shared.messaging.client import RpcClient
from shared.security import tokens
from tests.e2e.conftest import DISTRICT, Bureau, running_house

expect.set_options(timeout=30_000)  # a busy machine is no finding

# Debian's Chromium looks for updates and accounts when it starts; there is nobody to answer.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    """The house, with the portal's own login, no limit on how often a test may ask, and keys that are soon forgotten."""
    often = {"MINZHENG_PORTAL_RATE": "100000/minute", "MINZHENG_OBJECTION_RATE": "100000/minute", "MINZHENG_KEYS_KEPT": "5"}
    with running_house(tmp_path_factory.mktemp("portal"), MINZHENG_DEV_LOGIN="1", **often) as house:
        settings = house.settings
        assert settings.token_private_key is not None
        assert settings.token_public_key is not None
        tokens.development_keys(settings.token_private_key, settings.token_public_key)
        with RpcClient(settings.amqp_uri, timeout=30) as link:
            yield Bureau(house, settings, link)


@pytest.fixture(scope="session")
def base(bureau: Bureau) -> str:
    """The portal's address."""
    return f"http://127.0.0.1:{json.loads(run_file(bureau.settings.var).read_text())['MINZHENG_PORTAL_PORT']}"


@pytest.fixture(scope="package")  # Playwright has an event loop running in this thread: other packages want one of their own
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, base: str) -> Iterator[Page]:
    """A page of a browser of its own (no cookies): every request to another server fails the test."""
    context = chromium.new_context(base_url=base, locale="zh-CN", viewport={"width": 1100, "height": 900})
    foreign: list[str] = []
    context.on("request", lambda request: None if request.url.startswith((base, "data:")) else foreign.append(request.url))
    made = context.new_page()
    made.set_default_timeout(60_000)
    yield made
    context.close()
    assert not foreign, foreign


Login = Callable[..., None]


@pytest.fixture
def login(page: Page) -> Login:
    """``login("clerk")``: through the login page, as a person of that role (or several)."""

    def enter(role: str, next_: str = "/desk", division: str = DISTRICT) -> None:
        page.context.clear_cookies()
        page.goto(f"/login?next={next_}")
        page.check(f"input[name=role][value={role}]")
        page.fill("input[name=division]", division)
        page.click("form[action='/login/development'] button")

    return enter


def accessible(page: Page) -> None:
    """axe finds nothing serious on the page as it stands."""
    found = Axe().run(page)
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert not bad, "\n".join(f"{v['id']}: {n['html'][:200]}" for v in bad for n in v["nodes"][:3])


def picture(page: Page, name: str, whole: bool = True) -> None:
    """A screenshot for the docs (docs/pictures/<name>.png), when they are asked for: MINZHENG_PICTURES=1 ./minzheng test tests/portal.
    ``whole``: the page, else what the window shows of it."""
    import os

    from shared.config import ROOT

    if os.environ.get("MINZHENG_PICTURES"):
        folder = Path(ROOT) / "docs" / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)

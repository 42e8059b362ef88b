"""The login: how somebody comes in, and who does not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from shared.security import tokens
from tests.e2e.conftest import DISTRICT, Bureau
from tests.portal.conftest import Login, accessible


def test_a_token_of_the_bureaus_login_opens_the_desk(page: Page, base: str, bureau: Bureau) -> None:
    """Whoever has a signed token posts it and is known by his staff id and role."""
    assert bureau.settings.token_private_key is not None
    page.goto("/login")
    accessible(page)
    page.fill("#token", tokens.issue(bureau.settings.token_private_key, "staff:zhang3", ("clerk",), DISTRICT))
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("form[action='/login'] button")
    expect(page.locator(".who")).to_contain_text("zhang3（经办）")
    assert sent.value.all_headers()["referer"] == f"{base}/login"  # which the server insists on where forms are sent over https


def test_a_forged_token_is_refused_in_words(page: Page) -> None:
    """A token that nobody signed says so on the page and opens nothing."""
    page.goto("/login")
    page.fill("#token", "eyJhbGciOiJub25lIn0.e30.")
    page.click("form[action='/login'] button")
    expect(page.get_by_role("alert")).to_have_text("登录令牌无效。")


def test_who_leaves_is_unknown_again(page: Page, login: Login) -> None:
    """Leaving ends the session."""
    login("clerk")
    page.click("text=退出")
    expect(page.locator(".who")).not_to_contain_text("staff:")


def test_the_login_sends_nobody_to_another_server(page: Page, base: str) -> None:
    """An address of somewhere else in ?next= is not followed."""
    page.goto("/login?next=https://example.org/")
    page.check("input[name=role][value=clerk]")
    page.click("form[action='/login/development'] button")
    assert page.url.startswith(base)


@pytest.mark.parametrize(("role", "home"), [("clerk", "/desk"), ("auditor", "/audit"), ("operator", "/ops")])
def test_everybody_begins_at_his_own_door(page: Page, login: Login, role: str, home: str) -> None:
    """Who comes without an address in mind is taken to where his post works."""
    login(role, next_="")
    page.wait_for_url(f"**{home}")

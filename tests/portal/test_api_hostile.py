"""Requests that nobody should send: each is refused in words, and none is heeded in part. Nothing is connected: what got through is 503."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.portal.web.app import create_app
from shared.config import Settings
from shared.security import tokens
from tests.portal.nowhere import unconnected

LIST, ACT, SEARCH = "/api/v1/assistance/list_cases", "/api/v1/assistance/accept_application", "/api/v1/assistance/find_person"
GOOD = b'{"case_id": "x"}'


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return unconnected(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions["portal"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def clerk(settings: Settings) -> dict[str, str]:
    assert settings.token_private_key is not None
    return {"Authorization": f"Bearer {tokens.issue(settings.token_private_key, 'staff:clerk', ('clerk',), '330225')}"}


def told(answer: TestResponse) -> tuple[int, str, str | None]:
    """(status, code, field) of a problem document."""
    assert answer.content_type == "application/problem+json", answer.text
    return answer.status_code, answer.json["code"], answer.json.get("field")


BAD_LISTS = [
    ("limit=-1&limit=2", "limit"), ("limit=1&limit=2", "limit"), ("after=a&after=b", "after"), ("format=csv&format=json", "format"),
    ("position=5&position=6", "position"), ("position=-1", "position"), ("position=99999999999999999999", "position"),
    ("limit=1.0", "limit"), ("limit=%C2%B2", "limit"), ("limit=", "limit"), ("limit=1_0", "limit"), ("limit=0x1", "limit"),
    ("colour=red", "colour"), ("case_id[]=x", "?"), ("valid_at=", "valid_at"), ("valid_at=2023-02-30", "valid_at"),
    ("valid_at=0001-01-01", "valid_at"), ("as_of=2023-07-01T00:00:00", "as_of"), ("as_of=9999-12-31T23:59:59Z", "as_of"),
    ("format=pdf", "format"), ("after=%00", None), ("after=" + "x" * 201, "after"), ("due_before=x", "due_before"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "field"), BAD_LISTS, ids=[query[:30] for query, _ in BAD_LISTS])
def test_a_list_that_is_asked_for_wrongly_is_refused(client: FlaskClient, clerk: dict[str, str], query: str, field: str | None) -> None:
    """Numbers that are none, a parameter twice or unknown, days and moments that are none: 422 with the field."""
    assert told(client.get(f"{LIST}?{query}", headers=clerk)) == (422, "invalid_input", field)


def test_the_same_list_asked_for_rightly_goes_through(client: FlaskClient, clerk: dict[str, str]) -> None:
    """To the services, which are away here: the refusals above are of what was asked and of nothing else."""
    query = "limit=1&after=a&position=5&valid_at=2023-07-01&as_of=2023-07-01T00:00:00%2B08:00&format=csv&programme=x"
    assert told(client.get(f"{LIST}?{query}", headers={**clerk, "X-Position": "5"})) == (503, "unavailable", None)


BAD_HEADERS = [
    ({"X-Position": "-5"}, "", "X-Position"), ({"X-Position": "abc"}, "", "X-Position"), ({"X-Position": "5"}, "?position=6", "position"),
    ({"X-Purpose": "curiosity"}, "", "X-Purpose"), ({"X-Purpose-Reference": "%ff%fe"}, "", "X-Purpose-Reference"),
    ({"X-Purpose-Reference": "x" * 101}, "", "X-Purpose-Reference"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "query", "field"), BAD_HEADERS, ids=[str(next(iter(h.items())))[:40] for h, _, _ in BAD_HEADERS])
def test_a_header_that_is_wrong_is_refused(
    client: FlaskClient, clerk: dict[str, str], headers: dict[str, str], query: str, field: str
) -> None:
    """A position that is none or is said twice and differs, a purpose that is none, a reference that is no text."""
    assert told(client.get(f"{LIST}{query}", headers=clerk | headers)) == (422, "invalid_input", field)


BAD_BODIES: list[tuple[bytes, dict[str, str], str, int]] = [
    (b"{", {}, "", 422), (b"", {}, "", 422), (b"null", {}, "", 422), (b'"x"', {}, "", 422), (b"[1]", {}, "", 422),
    (b'{"case_id": "a", "case_id": "b"}', {}, "", 422), (b'{"case_id": ' + b"9" * 5000 + b"}", {}, "", 422),
    (b"[" * 5000 + b"]" * 5000, {}, "", 422), (b'{"case_id": "\\ud800"}', {}, "", 422), (GOOD.decode().encode("utf-16"), {}, "", 422),
    (b"\xef\xbb\xbf" + GOOD, {}, "", 422), (b'{"case_id": NaN}', {}, "", 422),
    (b'{"case_id": "x", "command_id": "y"}', {}, "", 422), (b'{"case_id": "x", "expected_version": 1}', {}, "", 422),
    (GOOD, {}, "?case_id=y", 422), (GOOD, {}, "?x=1", 422),
    (gzip.compress(GOOD), {"Content-Encoding": "gzip"}, "", 415), (GOOD, {"Content-Encoding": "br"}, "", 415),
    (b"case_id=x", {"Content-Type": "application/x-www-form-urlencoded"}, "", 415), (GOOD, {"Content-Type": ""}, "", 415),
    (GOOD, {"Content-Type": "application/merge-patch+json"}, "", 415), (GOOD, {"Content-Type": "text/plain"}, "", 415),
    (GOOD, {"Idempotency-Key": ""}, "", 422), (GOOD, {"Idempotency-Key": "k" * 101}, "", 422),
    (GOOD, {"If-Match": "*"}, "", 422), (GOOD, {"If-Match": "3"}, "", 422), (GOOD, {"If-Match": 'W/"3"'}, "", 422),
    (GOOD, {"If-Match": '"1", "2"'}, "", 422), (GOOD, {"If-Match": ""}, "", 422), (b"x" * 1_100_000, {}, "", 413),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "query", "status"), BAD_BODIES, ids=[str(n) for n in range(len(BAD_BODIES))])
def test_a_command_that_is_sent_wrongly_is_refused(
    client: FlaskClient, clerk: dict[str, str], body: bytes, headers: dict[str, str], query: str, status: int
) -> None:
    """No JSON, a field twice, numbers and depths that nobody means, a body that is packed or is another kind, what belongs into a header
    or the body beside it: refused, and never done in part."""
    given = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json", **clerk, **headers}
    answer = client.post(f"{ACT}{query}", data=body, headers=given)
    assert told(answer)[0] == status


def test_the_same_command_sent_rightly_goes_through(client: FlaskClient, clerk: dict[str, str]) -> None:
    """To the services, which are away here; also with a version, a charset, and a body that says that it is packed in no way."""
    extra = {"If-Match": '"3"', "Content-Type": "application/json; charset=utf-8", "Content-Encoding": "identity"}
    given = {"Idempotency-Key": str(uuid.uuid4()), **clerk, **extra}
    assert told(client.post(ACT, data=GOOD, headers=given)) == (503, "unavailable", None)
    assert told(client.post(SEARCH, json={"resident_id": "x"}, headers=clerk))[0] == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_another_method_is_refused_with_those_there_are(client: FlaskClient, clerk: dict[str, str], method: str) -> None:
    """405 with Allow."""
    answer = client.open(LIST, method=method, headers=clerk)
    assert told(answer)[0] == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api/v1/none/none", f"{LIST}/", "/api/v1//assistance/list_cases", "/api/v1/%00"])
def test_an_address_that_is_none_is_said_to_be_none(client: FlaskClient, clerk: dict[str, str], path: str) -> None:
    """404 in the form of the API, and no redirect in another language."""
    assert told(client.get(path, headers=clerk))[0] in (404, 422)

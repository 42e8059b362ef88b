"""How the portal is watched (门户的观测): each request's time, span and correlation id; ``/healthz`` and ``/readyz`` for a proxy.

The correlation id of a request is its Idempotency-Key if it may stand in the log, else a new one. Whatever is called while the request is
answered carries it (shared/messaging/client.py), so do the log lines, and the answer says it in ``X-Correlation-Id``: who reports a fault
can name it. The metrics are not here: an address that the public reaches is no place for them (shared/cli/portal.py).

That the requests' threads hang nobody could ask through them. So each process asks the portal's own door, as a browser would
(``begin``): that is a heart like any other (``shared/health.py``), and the private door, ``/ops`` and ``status`` say when it stops.
"""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from contextlib import AbstractContextManager
from typing import Any, cast

from flask import Flask, Response, g, make_response, request

from services.portal.web import safety
from shared import health, observing
from shared.messaging import wire

HEADER = "X-Correlation-Id"
HEART = "答复请求"
EVERY = 10.0  # seconds between two rounds
AT_ONCE = 4  # times a round: of several processes behind one door one may hang and the others answer
PATIENCE = 8.0  # seconds for one answer


def install(app: Flask) -> None:
    """Before everything else: the first to see a request and the last to see its answer, so that what is refused is counted too."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)
    safety.limiter.exempt(_health)
    for path in ("/healthz", "/readyz"):
        app.add_url_rule(path, endpoint=f"health.{path[1:]}", view_func=_health)


def _begin() -> None:
    correlation = wire.fit_id(request.headers.get("Idempotency-Key")) or str(uuid.uuid4())
    route = request.url_rule.rule if request.url_rule is not None else "（没有此页）"
    method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "OTHER"
    watched = observing.http_request(method, route, correlation)
    g.watched, g.watched_request, g.correlation_id = watched, watched.__enter__(), correlation


def _answered(answer: Response) -> Response:
    if "watched_request" in g:
        g.watched_request.status = answer.status_code
        answer.headers[HEADER] = g.correlation_id
    return answer


def _end(_error: BaseException | None) -> None:
    watched = g.pop("watched", None)
    if watched is not None:
        cast(AbstractContextManager[Any], watched).__exit__(None, None, None)


def begin(host: str, port: int) -> None:
    """Hear from now on whether this door answers."""
    health.beat(HEART)
    threading.Thread(target=_hear, args=(_reachable(host), port), name="own-door", daemon=True).start()


def _hear(host: str, port: int) -> None:
    while True:
        if all(_answers(host, port) for _ in range(AT_ONCE)):
            health.beat(HEART)
        time.sleep(EVERY)


def _answers(host: str, port: int) -> bool:
    """Whatever it says: what is wrong behind the door others tell."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Who listens everywhere is asked here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host)


def _health() -> Response:
    """Nothing of it is said to the public but the status."""
    status = health.answer(request.path)[0]
    answer = make_response("ok\n" if status == 200 else "unavailable\n", status)
    answer.mimetype = "text/plain"
    answer.headers["Cache-Control"] = "no-store"
    return answer

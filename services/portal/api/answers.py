"""What goes out (答复): JSON as the service said it, with the version and the position as headers; lists by pages, or whole as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from services.portal.api import tables
from services.portal.api.operations import MOST_A_PAGE, Listing, Operation
from services.portal.api.requests import Fields

Call = Callable[..., Any]


def _json(answer: Any) -> Response:
    made = Response(msgspec.json.encode(answer), content_type="application/json")
    if isinstance(answer, dict):
        version, position = answer.get("version"), answer.get("position")
        if isinstance(version, int) and version >= 0:
            made.set_etag(str(version))
        if isinstance(position, int) and position >= 0:
            made.headers["X-Position"] = str(position)
    return made


def of_command(answer: Any) -> Response:
    """What a command did: X-Position lets a read wait for it, ETag lets the next command insist on it."""
    return _json(answer)


def of_query(op: Operation, given: Fields, call: Call) -> Response:
    """A query's answer; of a list one page with a link to the next, or all of it as the table that was asked for."""
    listing, wanted = op.listing, given.pop("format", "") or _accepted()
    if listing is None or wanted == "json":
        answer = call()
        made = _json(answer)
        if listing is not None and listing.pages:
            following = _next(listing, answer, given)
            if following:
                made.headers["Link"] = f'<{request.path}?{urlencode(following, doseq=True)}>; rel="next"'
        return made
    return tables.download(op, every(listing, call), wanted)


def _accepted() -> str:
    """What Accept prefers of what a list can be; JSON unless it says otherwise."""
    found = request.accept_mimetypes.best_match(["application/json", *tables.TYPES.values()], "application/json")
    return next((name for name, kind in tables.TYPES.items() if kind == found), "json")


def _next(listing: Listing, answer: Any, given: Fields) -> Fields | None:
    after = goes_on(listing, answer, given.get("limit", 100))
    if after is None:
        return None
    plain = {name: value if isinstance(value, str | int | list) else value.isoformat() for name, value in given.items()}
    return {**plain, "after": after}


def goes_on(listing: Listing, answer: Any, limit: int) -> Any:
    """What the next page of a list goes on from; None when this was the last."""
    rows = listing.rows(answer)
    return listing.after(rows[-1]) if listing.pages and rows and len(rows) >= min(limit, MOST_A_PAGE) else None


def every(listing: Listing, call: Call) -> Iterator[dict[str, Any]]:
    """Every row from where the caller began, page by page."""
    more: Fields = {"limit": MOST_A_PAGE} if listing.pages else {}
    while True:
        rows = listing.rows(call(**more))
        yield from rows
        if not listing.pages or len(rows) < MOST_A_PAGE:
            return
        more["after"] = listing.after(rows[-1])

"""Lists at the desk (清单): from page to page, or every row of them, as the API reads them, so that none ends without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.portal.api import answers
from services.portal.api.operations import Listing, operation
from services.portal.desk.view import ask
from services.portal.web.portal import here as portal


def listing(service: str, method: str) -> Listing | None:
    """How a query lists; None of one that shows no rows."""
    return operation(service, method, portal().doors[service, method]).listing


def every(service: str, method: str, why: str = "", /, **fields: Any) -> Iterator[dict[str, Any]]:
    """Every row of a list, asked for page by page."""
    found = listing(service, method)
    assert found is not None
    return answers.every(found, lambda **page: ask(service, method, why, **{**fields, **page}))

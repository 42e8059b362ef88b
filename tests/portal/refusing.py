"""A check of Schemathesis' own, for tests/portal/test_api_schemathesis.py (its process imports this by SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

UNKNOWN_HEADER = "x-schemathesis-unknown-property"


@schemathesis.check
def refuses_bad_input(ctx: Any, response: Any, case: Any) -> bool | None:
    """Every input that breaks the document is refused; only a header that nobody knows is nobody's business, as everywhere in HTTP."""
    if UNKNOWN_HEADER in {name.lower() for name in case.headers or {}} or response.status_code == 414:  # too long an address is refused too
        return None
    return negative_data_rejection(ctx, response, case)

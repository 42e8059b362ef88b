"""Whether an answer is what its query declares (``shared/messaging/answering.py``), as the API's document says it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from jsonschema_rs import Draft202012Validator

from services.portal.api.schemas import Schemas
from shared.messaging import wire
from shared.messaging.answering import declared_of


@cache
def _validator(service_cls: type, method: str) -> Draft202012Validator:
    schemas = Schemas()
    schema = schemas.of(declared_of(service_cls, method), f"{service_cls.name}.{method}")  # type: ignore[attr-defined]
    return Draft202012Validator({"components": {"schemas": schemas.parts}, **schema})


def hold(service_cls: type, method: str, answer: Any) -> None:
    """As it goes over the wire: no field more and none less, each of its type."""
    if declared_of(service_cls, method) is None:  # tests/programmes/test_answers.py says so of it
        return
    for error in _validator(service_cls, method).iter_errors(msgspec.json.decode(wire.encode(answer))):
        raise AssertionError(f"{service_cls.__name__}.{method}: {'.'.join(map(str, error.instance_path))}: {error.message[-500:]}")

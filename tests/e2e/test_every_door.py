"""Every RPC of every service, walked: nobody without a token, nobody without the role, and no list beyond one's division."""

from __future__ import annotations

import dataclasses
import importlib
import warnings

import pytest

from shared.domain.errors import Refused
from shared.messaging.doors import doors_of
from shared.security.permissions import ROLES
from tests.e2e.conftest import SERVICES, TOWN, Bureau

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    CLASSES = {name: importlib.import_module(f"services.{name}.service").SERVICE for name in SERVICES}
DOORS = [(service, info) for service, cls in CLASSES.items() for info in doors_of(cls)]
IDS = [f"{service}.{info.method}" for service, info in DOORS]


OF_NOBODY = ("list_programmes", "list_standards", "list_sources")  # what is declared or published is the same for everybody


def _required(form: type) -> bool:
    """Lists of one record's parts ask which; whoever may not see the record is refused there."""
    return any(f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING for f in dataclasses.fields(form))


@pytest.mark.parametrize(("service", "info"), DOORS, ids=IDS)
def test_no_door_opens_without_a_token_or_without_its_permission(bureau: Bureau, service: str, info: object) -> None:
    """The token is asked for first, then the permission; only then anybody looks at the form."""
    method, permission = info.method, info.permission  # type: ignore[attr-defined]
    with pytest.raises(Refused) as caught:
        bureau.link.as_(None).call(service, method)
    assert caught.value.code == "unauthenticated"
    without = [role for role, held in ROLES.items() if permission not in held and not role.startswith("service:")]
    with pytest.raises(Refused) as caught:
        bureau.staff(*without).call(service, method)
    assert caught.value.code == "forbidden"


def test_every_permission_is_held_by_some_role() -> None:
    """A door that nobody may open is a mistake."""
    held = set().union(*ROLES.values())
    assert {info.permission for _, info in DOORS} <= held


def test_every_door_says_in_chinese_what_it_is_for() -> None:
    """The first line of its docstring becomes the API's description."""
    for service, info in DOORS:
        assert any("\u4e00" <= c <= "\u9fff" for c in info.about), f"{service}.{info.method}"


def test_lists_end_at_the_border_of_the_division(bureau: Bureau) -> None:
    """A town's hand sees its own records; the next town's and the next district's see none of them."""
    home = bureau.household({"resident_id": bureau.person()})
    bureau.granted(home["household_id"])
    for service, info in DOORS:
        if not info.method.startswith("list_") or info.kind != "query" or info.method in OF_NOBODY or _required(info.form):
            continue
        role = next(r for r, held in ROLES.items() if info.permission in held and not r.startswith("service:"))
        for elsewhere in ("330225999", "330226"):
            rows = bureau.staff(role, division=elsewhere).call(service, info.method)
            listed = [rows] if isinstance(rows, list) else [part for part in rows.values() if isinstance(part, list)]
            assert listed, f"{service}.{info.method} answers no list"
            assert not any(listed), f"{service}.{info.method}"
    clerk = bureau.staff("clerk", division=TOWN).assistance
    assert home["household_id"] in {row["household_id"] for row in clerk.list_households(limit=500)}

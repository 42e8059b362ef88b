"""The benefit programmes of assistance (社会救助项目), declared as data."""

from __future__ import annotations

from shared.casework.programme import Programme

MINIMUM_LIVING_ALLOWANCE = Programme(
    code="minimum_living_allowance",
    name="最低生活保障",
    catalogue=("A02", "A09", "A10", "A11"),
    subject="household",
    on_application=True,
    publicity_days=7,
    confirm_days=10,
)

PROGRAMMES: dict[str, Programme] = {p.code: p for p in (MINIMUM_LIVING_ALLOWANCE,)}

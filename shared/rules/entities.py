"""Whom the rules speak of: persons, and the households they live in."""

from __future__ import annotations

from openfisca_core.entities import build_entity

Person = build_entity(key="person", plural="persons", label="居民", is_person=True)
Household = build_entity(
    key="household",
    plural="households",
    label="家庭",
    roles=[{"key": "member", "plural": "members", "label": "成员"}],
)

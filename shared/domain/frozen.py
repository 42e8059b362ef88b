"""Changing a frozen record (不可变记录): ``dataclasses.replace`` for states that are wide and change at every event.

The standard one builds the record anew through ``__init__``, field by field; for a state of forty fields that is most of what a
fold, a projection or a rebuild costs. A frozen record without ``__post_init__`` is what its fields say, so a copy with some of
them set is the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")
_FIELDS: dict[type, frozenset[str] | None] = {}  # None: to be built anew


def replace(record: T, /, **changes: Any) -> T:
    """The record with some fields changed; TypeError for a field it does not have."""
    cls = type(record)
    try:
        fields = _FIELDS[cls]
    except KeyError:
        fields = _FIELDS[cls] = _copied(cls)
    if fields is None:
        built: T = dataclasses.replace(record, **changes)  # type: ignore[type-var]
        return built
    if not fields.issuperset(changes):
        raise TypeError(f"{cls.__name__} has no field {sorted(changes.keys() - fields)}")
    made = cls.__new__(cls)
    made.__dict__.update(record.__dict__)
    made.__dict__.update(changes)
    return made


def _copied(cls: type) -> frozenset[str] | None:
    """The fields of a record that may be copied."""
    fields = dataclasses.fields(cls)
    plain = not hasattr(cls, "__post_init__") and "__slots__" not in vars(cls) and all(f.init for f in fields)
    return frozenset(f.name for f in fields) if plain else None

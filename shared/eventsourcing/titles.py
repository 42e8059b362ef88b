"""What an event is called in Chinese (事件名称): the words with which its docstring begins, "确认: in force, paid from …".

The declaration is the one place where an event is described; ``tests/kernel/test_titles.py`` holds every registered type to it.
"""

from __future__ import annotations

import re
from functools import cache

from shared.eventsourcing.events import REGISTRY

_TITLE = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff、/]*")


def words(about: str) -> str:
    """The Chinese words at the beginning of a text; "" when there are none."""
    found = _TITLE.match(about.strip())
    return found[0] if found else ""


def title_of(cls: type) -> str:
    """The Chinese words at the beginning of an event's docstring; "" when it has none there."""
    return words(cls.__doc__ or "")


@cache
def title(name: str) -> str:
    """The title of an event type by its full name; the name itself where this release does not know it."""
    kind = REGISTRY.get(name)
    return (title_of(kind.cls) if kind else "") or name

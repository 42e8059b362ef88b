"""What programmes and declarations are called, and what of them is public (项目名称与公开声明): read from what the services declare."""

from __future__ import annotations

from functools import lru_cache

from shared.casework.programme import NOTHING_PUBLIC, Disclosure, Programme
from shared.casework.shape import Declaration
from shared.eventlog import discovery


@lru_cache(maxsize=1)
def _declared() -> tuple[dict[str, Programme], dict[str, Declaration]]:
    programmes: dict[str, Programme] = {}
    declarations: dict[str, Declaration] = {}
    for service in discovery.services():
        for module in discovery.load(service):
            for value in list(vars(module).values()):
                for one in list(value.values()) if isinstance(value, dict) else [value]:
                    if isinstance(one, Programme):
                        programmes[one.code] = one
                    elif isinstance(one, Declaration):
                        declarations[one.code] = one
    return programmes, declarations


def programmes() -> dict[str, Programme]:
    """The benefit programmes of all services, by code."""
    return _declared()[0]


def declarations() -> dict[str, Declaration]:
    """What leans on a shape as it is, by code."""
    return _declared()[1]


def name(code: str) -> str:
    """What a programme or declaration is called; its code, where nobody knows."""
    found = programmes().get(code) or declarations().get(code)
    return found.name if found else code


def public(code: str) -> Disclosure:
    """What a programme makes public of its cases."""
    found = programmes().get(code)
    return found.public if found else NOTHING_PUBLIC


def listed_as(code: str) -> str:
    """The programme of what is publicised: its code, or the title that tells less, where it declares one."""
    return public(code).listed_as or code


def counted() -> list[Programme]:
    """The programmes whose figures are public."""
    return [p for p in programmes().values() if p.public.totals]

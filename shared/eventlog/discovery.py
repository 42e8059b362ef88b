"""What the services of the house have declared (清点): found by where things stand, so that nothing needs a list.

A service is a folder in ``services/``; its rooms are its modules. Its door, ``service.py``, is left out: it brings in nameko,
which has no business in a projector, a relay or a tool.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from shared.casework import looks
from shared.casework.catalogue import Carrier
from shared.casework.programme import Programme
from shared.casework.shape import Declaration
from shared.eventlog.read_model import ReadModel
from shared.eventsourcing.decider import Decider

_DOORS = frozenset({"service"})
PORTAL = "portal"  # no service: it has a read model over the whole log, and neither streams nor deciders of its own
OPERATIONS = "operations"  # what operators do (shared/operations.py): streams of their own, no service
_ROOM_OF_MODULES = "declarations"  # the one room that may be a folder: it holds the service's deciders of the shapes


def services() -> tuple[str, ...]:
    """The names of all services."""
    import services as houses

    return tuple(sorted(m.name for m in pkgutil.iter_modules(houses.__path__) if m.ispkg and m.name != PORTAL))


def load(service: str) -> list[Any]:
    """Import every room of a service, which registers its event types; its modules. Looks at files are every service's own."""
    looks.decider(service)
    return [importlib.import_module(room) for room in _rooms(service)]


@cache
def _rooms(service: str) -> tuple[str, ...]:
    """The rooms of a service: its folder is looked through once, for whoever looks at a record asks for them every time."""
    package = importlib.import_module(f"services.{service}")
    found = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in _DOORS and (not m.ispkg or m.name == _ROOM_OF_MODULES)]
    return tuple(f"services.{service}.{room}" for room in sorted(found))


def load_all() -> None:
    """Every event type of the house: the services', and what operators do."""
    importlib.import_module(f"shared.{OPERATIONS}")
    for service in services():
        load(service)


def read_model(service: str) -> ReadModel | None:
    """The read model of a service, which its ``read_model.py`` calls MODEL; None when it has none. The portal's knows every event."""
    if service == PORTAL:
        load_all()
        modules = [importlib.import_module(f"services.{PORTAL}.read_model")]
    else:
        modules = load(service)
    for module in modules:
        if module.__name__.endswith(".read_model"):
            model = module.MODEL
            assert isinstance(model, ReadModel)
            return model
    return None


def read_models(names: tuple[str, ...] = ()) -> list[ReadModel]:
    """The read models of these services, or of all and the portal; a name that is no service, or has no read model, is a ValueError."""
    known = (*services(), PORTAL)
    for name in names:
        if name not in known:
            raise ValueError(f"没有服务 {name}。现有：{'、'.join(known)}。")
    found = [(name, read_model(name)) for name in names or known]
    if names and (without := [name for name, model in found if model is None]):
        raise ValueError(f"服务 {'、'.join(without)} 没有读模型。")
    return [model for _, model in found if model is not None]


def decider(stream: str) -> Decider[Any] | None:
    """The decider whose stream this is."""
    service = stream.split(".", 1)[0]
    if service == OPERATIONS:
        own: Iterator[Any] = iter(vars(importlib.import_module(f"shared.{OPERATIONS}")).values())
        return next((d for d in own if isinstance(d, Decider) and stream.startswith(f"{d.category}-")), None)
    if service not in services():
        return None
    return next((d for d in deciders(service) if stream.startswith(f"{d.category}-")), None)


def deciders(service: str) -> Iterator[Decider[Any]]:
    """Every decider that stands in a room of the service, under whatever name, and that of the looks at its files."""
    yield looks.decider(service)
    for module in load(service):
        for value in vars(module).values():
            several = value.values() if isinstance(value, dict) else (value,)  # a room may keep the deciders of its shapes by name
            yield from (d for d in several if isinstance(d, Decider) and d.service == service)


@cache
def replaying(service: str) -> Any:
    """The room of a service that says how its decisions are made again (shared/eventlog/integrity/replay.py); None without rules."""
    rooms = load(service) if service in services() else []
    return next((module for module in rooms if module.__name__.endswith(".replaying")), None)


_IN_CHINESE = re.compile(r"\(([\u4e00-\u9fff][\u4e00-\u9fff、/]*)")


@cache
def _abouts(service: str) -> dict[str, str]:
    """Category → the Chinese words of the file (or, of a shape in several files, of the folder) in which its decider stands."""
    found: dict[str, str] = {}
    for one in deciders(service):
        room = importlib.import_module(".".join(one.evolve.__module__.split(".")[:3]))
        words = _IN_CHINESE.search((room.__doc__ or "").split("\n", 1)[0])
        found.setdefault(one.category, words[1] if words else one.category)
    return found


def about(stream: str) -> str:
    """What kind of matter a stream is, in Chinese: 救助个案, 家庭, 发放批次; its own category where nobody says."""
    service, category = stream.split(".", 1)[0], stream.split("-", 1)[0]
    if service == OPERATIONS:
        return "运行操作"
    return _abouts(service).get(category, category) if service in services() else category


def programmes() -> dict[str, tuple[str, Programme]]:
    """Every benefit programme of the house by its code, with the service whose it is."""
    found: dict[str, tuple[str, Programme]] = {}
    for service in services():
        for module in load(service):
            for value in list(vars(module).values()):
                for one in value.values() if isinstance(value, dict) else (value,):
                    if isinstance(one, Programme):
                        found.setdefault(one.code, (service, one))
    return dict(sorted(found.items()))


def carriers(service: str) -> list[Carrier]:
    """What of a service carries which rows of the capability catalogue, in the order of the rows."""
    found: dict[tuple[str, str], Carrier] = {}
    for module in load(service):
        for value in list(vars(module).values()):
            several = list(value.values()) if isinstance(value, dict) else [value]
            for one in several:
                if isinstance(one, Declaration):
                    how, where = one.shape.name, f"{module.__name__}"
                elif isinstance(one, Programme):
                    how, where = "programme", module.__name__
                else:
                    continue
                for row in one.catalogue:
                    found.setdefault((row, one.code), Carrier(row, service, how, one.code, one.name, where))
        room = module.__name__.rsplit(".", 1)[1]
        for row in getattr(module, "CATALOGUE", ()):
            title = (module.__doc__ or room).split("。")[0].splitlines()[0].split(":")[0]
            found.setdefault((row, room), Carrier(row, service, "aggregate", room, title, module.__name__))
    return sorted(found.values(), key=lambda c: (c.row, c.code))

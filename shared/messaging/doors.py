"""The doors of a service (门): what its ``service.py`` is written with.

    class Registry(Service):
        name = "registry"

        @command(death.RegisterDeath)
        def register_death(self, order): return self.office.handle(death.DECIDER, order.command.person_id, order)

        @query(permission="registry:read")
        def list_deaths(self, hand, after: str = "", limit: int = 100): ...  # asked with as_of: on an office that looks back

        @reaction("hospital", "death_reported", reads=DeathReported)
        def on_death_reported(self, notice): self.office.handle(death.DECIDER, …, notice.order(RegisterDeath(…)))

        @deadline("late_step")
        def on_late_step(self, due): ...

    SERVICE = Registry

A decorated method stays an ordinary method. It runs on a native thread, after token, permission and form were checked.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared.messaging import green  # noqa: F401  before nameko

# isort: split
from nameko.extensions import DependencyProvider, register_entrypoint

from shared.domain.errors import Refused, Unavailable, invalid
from shared.eventlog import discovery
from shared.eventsourcing.commands import command_type, parse
from shared.eventsourcing.orders import Answer, Hand, Order
from shared.messaging import looking, wire
from shared.messaging.parsing import AS_OF, VALID_AT, form_of
from shared.messaging.reactions import Door, Reaction, Rejected, is_agency
from shared.messaging.rpc import LOG_LIMIT, Rpc
from shared.messaging.showing import caught_up
from shared.messaging.timer import Due, Timer, deadline_methods
from shared.security.permissions import permit

if TYPE_CHECKING:
    from shared.eventlog.read_model import ReadModel
    from shared.office import Office

OWN = ""  # as a reaction's source: the service itself, whichever it is

__all__ = ["OWN", "DoorInfo", "Due", "Service", "command", "deadline", "doors_of", "query", "reaction", "reactions_of"]

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # nothing was recorded before
FIRST_DAY = _FIRST.date()
F = TypeVar("F", bound=Callable[..., Any])


class _OfficeProvider(DependencyProvider):  # type: ignore[misc]
    """One office for each service of a process, made on a native thread when the container is set up."""

    def setup(self) -> None:
        from shared.messaging.boundary import Lane

        self.office: Office = Lane("office", 1).call(self._make, self.container.settings, self.container.service_name)

    @staticmethod
    def _make(settings: Any, service: str) -> Office:
        from shared.office import Office

        office = Office(settings, service)
        office.log.timeout = LOG_LIMIT
        return office

    def get_dependency(self, worker_ctx: Any) -> Office:
        return self.office

    def stop(self) -> None:
        self.office.close()

    kill = stop


class Service:
    """Base of the services. Subclasses set ``name``; ``office`` is put in by the worker, or by a test."""

    name: str
    office: Office = cast("Office", _OfficeProvider())

    def _timer(self) -> None:
        """Carries the timer; see shared/messaging/timer.py."""

    def _rejected(self) -> None:
        """Carries the drain of what the broker rejected; see shared/messaging/reactions.py."""


register_entrypoint(Service._timer, Timer())
register_entrypoint(Service._rejected, Rejected())


# -- RPC ---------------------------------------------------------------------------------------------------------------


def command(form: type, *, permission: str | None = None, does: type | None = None) -> Callable[[F], F]:
    """An RPC that changes something: ``method(self, order: Order[form])``, which returns an Answer.

    ``form`` is a registered command, or any frozen dataclass when ``permission`` is given (what the caller fills in differs
    from the command); the method then passes on ``order.to(command)``. ``does``: the command of a decider that this comes down to, where
    it differs from the form: the decider is asked by it whether the act is in order (shared/messaging/page_doors.py).
    """
    needed = permission or command_type(form).permission

    def register(method: F) -> F:
        cast(Any, method).minzheng_door = DoorInfo(method.__name__, "command", needed, form, method.__doc__ or "", does=does)
        register_entrypoint(method, _Command(form, needed))
        return method

    return register


# What names somebody's file: a query that must be told one of these shows that file, and showing it is a look (shared/casework/looks.py).
FILES = ("household_id", "person_id", "case_id", "record_id", "recovery_id", "unit_id", "verification_id", "subject_id")


def query(*, permission: str, opens: str = "", timeless: str = "") -> Callable[[F], F]:
    """An RPC that only reads: ``method(self, hand, …)``; its annotated parameters are its form, and ``as_of`` and ``valid_at`` are in it.

    Every look at a file has its event before it is answered. Whose file it is, a required parameter out of ``FILES`` says; a query
    without one that opens personal fields all the same says with ``opens`` which parameter names the file, or which field of its rows.
    A list that may be narrowed to one file (an optional parameter out of ``FILES``) shows that file when it is.

    Asked with an ``as_of`` that is past, the method runs on an office that looks back to that moment; it need not know of it. Asked with a
    ``valid_at``, on an office as it stood at the close of that business day; a query of facts with a time of their own (an income from a
    month on) has a parameter ``valid_at``, and says itself what was so. ``timeless`` is the reason for which a query has no business day.
    """

    def register(method: F) -> F:
        cast(Any, method).timeless = timeless
        about = method.__doc__ or ""
        cast(Any, method).minzheng_door = DoorInfo(method.__name__, "query", permission, None, about, method, timeless=timeless)
        asked = inspect.signature(method).parameters
        named = next((p.name for p in asked.values() if p.name in FILES and p.default is p.empty), "")
        narrows = tuple(p.name for p in asked.values() if p.name in FILES) if not opens and not named else ()
        register_entrypoint(method, _Query(permission, AS_OF in asked, VALID_AT in asked, opens or named, narrows))
        return method

    return register


def permission_in(service: str, permission: str) -> str:
    """A permission that says only the act belongs to the service whose door it is."""
    return permission if ":" in permission else f"{service}:{permission}"


class _Door(Rpc):
    def hand(self, service: Any, context: dict[str, Any], permission: str) -> Hand:
        verifier = service.office.verifier
        if verifier is None:
            raise Unavailable("系统未配置令牌公钥，无法办理。")
        hand: Hand = verifier.hand(context.get("auth_token"))
        permit(hand, permission_in(service.name, permission))
        return hand


class _Command(_Door):
    def __init__(self, form: type, permission: str, **kwargs: Any) -> None:
        self.form, self.permission = form, permission
        super().__init__(**kwargs)

    def serve(self, service: Any, kwargs: dict[str, Any], context: dict[str, Any]) -> Any:
        hand = self.hand(service, context, self.permission)
        body = dict(kwargs)
        command_id = _id(body.pop("command_id", None), "command_id")
        expected = body.pop("expected_version", None)
        if expected is not None and (not isinstance(expected, int) or isinstance(expected, bool) or expected < -1):
            raise invalid("格式或类型不正确。", "expected_version")
        correlation = context.get("correlation_id")
        order: Order[Any] = Order(
            command=parse(self.form, body),
            command_id=command_id,
            hand=hand,
            now=service.office.clock.now(),
            correlation_id="" if correlation is None else _id(correlation, "correlation_id"),
            expected_version=expected,
        )
        answer = getattr(service, self.method_name)(order)
        return answer.as_dict() if isinstance(answer, Answer) else answer


class _Query(_Door):
    def __init__(
        self,
        permission: str,
        knows_as_of: bool = False,
        knows_valid_at: bool = False,
        opens: str = "",
        narrows: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        self.permission, self.knows_as_of, self.knows_valid_at = permission, knows_as_of, knows_valid_at
        self.opens, self.narrows = opens, narrows
        super().__init__(**kwargs)

    def setup(self) -> None:
        self.form = form_of(getattr(self.container.service_cls, self.method_name))
        super().setup()

    def serve(self, service: Any, kwargs: dict[str, Any], context: dict[str, Any]) -> Any:
        hand = self.hand(service, context, self.permission)
        asked = parse(self.form, kwargs)
        given = {f.name: getattr(asked, f.name) for f in dataclasses.fields(asked)}
        if given.get("limit", 1) < 1:
            raise invalid("须为正整数。", "limit")  # none at all, or in SQL all there are
        as_of = given[AS_OF] if self.knows_as_of else given.pop(AS_OF)
        day = None if self.knows_valid_at else given.pop(VALID_AT, None)
        office, why = service.office, looking.why(context)
        opens = self.opens or next((name for name in self.narrows if given[name]), "")
        if opens:
            looking.check_file(given, opens)
        if as_of is not None and as_of < _FIRST:
            raise invalid("须为1970年以后的时刻。", AS_OF)
        if day is not None and day < FIRST_DAY:
            raise invalid("须为1970年以后的日期。", VALID_AT)
        if as_of is not None and as_of < office.clock.now():
            service = _in(service, office.then(as_of))
        elif day is not None and given.get("position") is not None:
            caught_up(office, _model(service), given["position"])  # what was entered later than it was done is in the live read model
        if day is not None:
            service = _in(service, service.office.on_day(day))
        if service.office is not office and "position" in given:
            given["position"] = None  # of what the log holds, all that was known by then is in it
        answer = getattr(service, self.method_name)(hand, **given)
        if opens:
            looking.note(office, hand, self.method_name, opens, given, as_of, why, answer)
        return answer


def _model(service: Any) -> ReadModel:
    model = discovery.read_model(service.name)
    assert model is not None  # whoever waits for a position reads from one
    return model


def _in(service: Any, office: Office) -> Any:
    """A service of the same class that keeps nothing of this one, in an office that looks back."""
    then = type(service)()
    then.office = office
    return then


def _id(value: object, field: str) -> str:
    if value is None:
        raise invalid("缺少必填字段。", field)
    if not isinstance(value, str) or not value or len(value) > wire.MOST_ID or not value.isprintable():
        raise invalid(f"须为1至{wire.MOST_ID}个字符的文本。", field)
    if wire.holds_resident_id(value):
        raise invalid("编号中不得含有身份证号码。", field)  # it is stored in the clear
    return value


# -- events and deadlines ----------------------------------------------------------------------------------------------


def reaction(source: str, event: str, *, reads: type, door: Door | None = None, of: Iterable[str] = ()) -> Callable[[F], F]:
    """An answer to another service's or an agency's event: ``method(self, notice: Notice[reads])``.

    ``reads`` is a frozen dataclass with the fields the reaction needs; others are ignored. ``door(office, body) -> body``
    is applied before; for agencies it turns ``resident_id`` into ``person_id`` unless another one is given. ``of``: the values of the
    field by which the event is ``keyed`` (the programmes of a case); the broker hands on these alone.
    """
    if not dataclasses.is_dataclass(reads):
        raise TypeError(f"{source}.{event}: reads= is a dataclass")
    if door is None and source != OWN and is_agency(source) and any(f.name == "resident_id" for f in dataclasses.fields(reads)):
        raise TypeError(f"{source}.{event}: a resident_id becomes a person_id at the door; read that")

    def register(method: F) -> F:
        register_entrypoint(method, Reaction(source, event, reads, door, tuple(of)))
        return method

    return register


def deadline(name: str) -> Callable[[F], F]:
    """What to do when a row of that name in the service's deadlines table is due: ``method(self, due: Due)``. May be called twice."""

    def register(method: F) -> F:
        cast(Any, method).minzheng_deadline = name
        return method

    return register


# -- for those who describe the doors (API, contracts, tests) ------------------------------------------------------------


@dataclass(frozen=True)
class DoorInfo:
    """One RPC as data."""

    method: str
    kind: str  # "command" | "query"
    permission: str
    _form: type | None
    about: str
    _method: Callable[..., Any] | None = None
    does: type | None = None  # the command of a decider, where it differs from the form
    timeless: str = ""  # of a query without a business day: why

    @property
    def form(self) -> type:
        """The dataclass of what the caller fills in (for a command beside command_id and expected_version)."""
        return self._form if self._form is not None else form_of(cast(Callable[..., Any], self._method))


def doors_of(service_cls: type) -> list[DoorInfo]:
    found = (getattr(getattr(service_cls, name), "minzheng_door", None) for name in dir(service_cls))
    service = str(getattr(service_cls, "name", ""))
    return [dataclasses.replace(info, permission=permission_in(service, info.permission)) for info in found if info is not None]


def reactions_of(service_cls: type) -> list[tuple[str, str, type, str]]:
    """(source, event, reads, method name) of every reaction."""
    found = []
    for name in dir(service_cls):
        for entrypoint in getattr(getattr(service_cls, name), "nameko_entrypoints", ()):
            if isinstance(entrypoint, Reaction):
                found.append((entrypoint.source or str(getattr(service_cls, "name", "")), entrypoint.event, entrypoint.reads, name))
    return sorted(found, key=lambda r: (r[0], r[1], r[3]))


def check_service(service_cls: type) -> None:
    """Fail at start rather than at the first call."""
    for info in doors_of(service_cls):
        _ = info.form
    deadline_methods(service_cls)
    if not isinstance(getattr(service_cls, "name", None), str):
        raise Refused("invalid_input", f"{service_cls.__name__} 没有 name。", None)

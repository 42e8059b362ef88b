"""The doors of declared programmes (项目的门): one RPC for every act of every shape that a service's declarations lean on.

    @with_shapes(DECLARATIONS, MODEL, RECORDS)
    class Assistance(BenefitService): ...

gives the service ``open_fund``, ``draw_from_fund`` … (the commands' own names), ``get_record``, ``list_records``, ``list_worklists``,
``list_programmes``, and the deadline that tells a shape that something is overdue. A programme's terms come from its
declaration and are never the caller's.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any, TypeVar

import sqlalchemy as sa

from shared.casework.shape import Act, Declaration, Shape, shapes_of
from shared.domain import division as divisions
from shared.domain.errors import Refused, invalid
from shared.eventlog.benefit_rows import listed
from shared.eventlog.read_model import ReadModel
from shared.eventlog.shape_rows import OVERDUE, valid_records, waiting, worklists
from shared.eventsourcing.commands import command_type
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.orders import Answer, Hand, Order
from shared.messaging.answering import OneOf, answers, kept, rows
from shared.messaging.door_answers import Declared, Waiting, Worklist
from shared.messaging.doors import FIRST_DAY, Due, Service, command, deadline, query
from shared.messaging.showing import area, caught_up, plain, shown
from shared.messaging.wire import holds_resident_id
from shared.security.permissions import within

S = TypeVar("S", bound=type[Service])
NOTHING_BEFORE: Mapping[str, Callable[[Any, Order[Any]], Order[Any] | None]] = {}


def with_shapes(
    declarations: Mapping[str, Declaration],
    model: ReadModel,
    records: sa.Table,
    deciders: Mapping[str, Decider[Any]],
    *,
    more_lists: tuple[sa.Table, ...] = (),
    before: Mapping[str, Callable[[Any, Order[Any]], Order[Any] | None]] = NOTHING_BEFORE,
) -> Callable[[S], S]:
    """Give a service the doors of its declarations. ``deciders``: by shape name, as adopted in the service's rooms;
    ``more_lists``: other tables with ``worklist, programme, division, due_on`` columns, whose open rows wait in worklists too;
    ``before``: by an act's name, what the service looks at first and may refuse for, where more than the record has a say; it may answer
    with the order as it is to be, where it puts in what is known."""

    def furnish(cls: S) -> S:
        for shape in shapes_of(declarations):
            for act in shape.acts:
                if not act.by_service:
                    _add(cls, _act_door(shape, act, declarations, deciders[shape.name], before))
        _add(cls, _overdue(declarations, deciders))
        lists = (records, *more_lists)
        for door in (_get(declarations, deciders), _list(declarations, model, records), _lists(model, lists), _waiting(model, lists)):
            _add(cls, door)
        _add(cls, _programmes(declarations))
        for name, value in (("records", records), ("views", {shape.name: shape.view for shape in shapes_of(declarations)})):
            setattr(cls, name, value)  # for the doors of pages (shared/messaging/benefit_doors.py)
        return cls

    return furnish


def _add(cls: type, method: Any) -> None:
    if hasattr(cls, method.__name__):
        raise TypeError(f"{cls.__name__} has a door {method.__name__} already")
    method.__qualname__ = f"{cls.__qualname__}.{method.__name__}"
    setattr(cls, method.__name__, method)


def declaration_of(declarations: Mapping[str, Declaration], shape: Shape, programme: str) -> Declaration:
    found = declarations.get(programme)
    if found is None or found.shape is not shape:
        raise Refused("unknown_programme", f"没有此{shape.title}类项目。", "programme")
    return found


def _form(act: Act) -> type:
    """What a caller fills in of an act: for an opening command all but the terms, for another all but what the door brings."""
    if act.opens is None and not act.brings:
        return act.command
    hints = typing.get_type_hints(act.command)
    not_asked = {"terms"} if act.opens is not None else set(act.brings)
    asked = [(f.name, hints[f.name], _copied(f)) for f in dataclasses.fields(act.command) if f.name not in not_asked]
    made = dataclasses.make_dataclass(f"{act.command.__name__}Form", asked, frozen=True)
    made.__doc__, made.__module__ = act.command.__doc__, act.command.__module__
    return made


def _copied(f: dataclasses.Field[Any]) -> Any:
    given: dict[str, Any] = {"metadata": f.metadata}
    if f.default is not dataclasses.MISSING:
        given["default"] = f.default
    if f.default_factory is not dataclasses.MISSING:
        given["default_factory"] = f.default_factory
    return dataclasses.field(**given)


def _act_door(
    shape: Shape,
    act: Act,
    declarations: Mapping[str, Declaration],
    decider: Decider[Any],
    before: Mapping[str, Callable[[Any, Order[Any]], Order[Any] | None]],
) -> Any:
    kind = command_type(act.command)
    form = _form(act)

    def door(self: Service, order: Order[Any]) -> Answer:
        c = order.command
        _names_nobody(c)
        if act.opens is None:
            if kind.name in before:  # asked of the record: whose it is comes first, as a refusal says how it stands
                _within(self, decider, c.record_id, order)
                order = before[kind.name](self, order) or order
                c = order.command
            if act.brings:
                order = order.to(act.command(**_asked(c), **_brought(self, act, declarations, decider, c.record_id)))
            return self.office.handle(decider, c.record_id, order)
        declared = declaration_of(declarations, shape, c.programme)
        asked = _asked(c)
        if "division" in asked:
            asked["division"] = divisions.check(asked["division"])
            within(order.hand, asked["division"])
        if kind.name in before:
            order = before[kind.name](self, order) or order
            asked |= {name: value for name, value in _asked(order.command).items() if name != "division"}
        opening = order.to(act.command(**asked, terms=declared.terms))
        return self.office.handle(decider, act.opens(opening.command, order.command_id), opening)

    door.__name__, door.__doc__ = kind.name, f"{shape.title}：{act.about}。"
    return command(form, permission=kind.permission, does=act.command if act.brings else None)(door)


def _names_nobody(value: Any, field: str = "") -> None:
    """Refuse a resident ID in what is written in the clear: a record of a shape knows persons by their ids alone."""
    if isinstance(value, str):
        if holds_resident_id(value):
            raise invalid("不得填写身份证号码，请只写人员编号。", field or None)
    elif dataclasses.is_dataclass(value):
        for f in dataclasses.fields(value):
            _names_nobody(getattr(value, f.name), field or f.name)
    elif isinstance(value, (tuple, list)):
        for one in value:
            _names_nobody(one, field)


def _within(self: Service, decider: Decider[Any], record_id: str, order: Order[Any]) -> None:
    """Refuse a record of another division; what is not there the decider refuses."""
    loaded = self.office.load(decider, record_id)
    if loaded.version >= 0:
        within(order.hand, decider.division(loaded.state))


def _asked(form: Any) -> dict[str, Any]:
    return {f.name: getattr(form, f.name) for f in dataclasses.fields(form)}


def _brought(
    self: Service, act: Act, declarations: Mapping[str, Declaration], decider: Decider[Any], record_id: str
) -> dict[str, Any]:
    """What the door puts into a command beside what was asked for. Of a record that is not there, nothing: the decider says so."""
    declaration = declarations.get(self.office.load(decider, record_id).state.programme)
    if declaration is None:
        return {}
    history = [r.event for r in self.office.history(decider.stream(record_id))]
    return {name: bring(declaration, history) for name, bring in act.brings.items()}


def _overdue(declarations: Mapping[str, Declaration], deciders: Mapping[str, Decider[Any]]) -> Any:
    shapes = {shape.name: shape for shape in shapes_of(declarations)}

    @deadline(OVERDUE)
    def on_record_overdue(self: Service, due: Due) -> None:
        """What was due was not done: an event, which whoever must hear of it can subscribe to."""
        shape = shapes[due.data["shape"]]
        assert shape.overdue is not None
        given = shape.overdue(due.aggregate_id, due.data["due"])
        self.office.handle(deciders[shape.name], due.aggregate_id, due.order(given))

    return on_record_overdue


def _kept(shape: Shape) -> Any:
    """The answer about a record of a shape; ``valid``: what its ``valid_on`` says of the day that was asked for."""
    return kept(type(shape.state), **_valid((shape,)))


def _valid(shapes: Iterable[Shape]) -> dict[str, Any]:
    found = [typing.get_type_hints(shape.valid_on)["return"] for shape in shapes if shape.valid_on is not None]
    return {"valid": reduce(or_, found)} if found else {}


def _get(declarations: Mapping[str, Declaration], deciders: Mapping[str, Decider[Any]]) -> Any:
    shapes = {shape.name: shape for shape in shapes_of(declarations)}

    @query(permission="read")
    @answers(OneOf({name: _kept(shape) for name, shape in shapes.items()}))
    def get_record(
        self: Service, hand: Hand, shape: str, record_id: str, as_of: datetime | None = None, valid_at: date | None = None
    ) -> Any:
        """一条记录的现状；as_of：当时所知；valid_at：某日是否有效（登记、名单、评估、发布、供养意愿类），其他各类为该日终了时的情况。"""
        decider = deciders.get(shape)
        if decider is None:
            raise invalid("没有此形态。", "shape")
        if valid_at is None:
            return shown(self.office, decider, record_id, hand, as_of)
        valid_on = shapes[shape].valid_on
        if valid_on is None:
            return shown(self.office.on_day(valid_at), decider, record_id, hand, as_of)
        found = shown(self.office, decider, record_id, hand, as_of)
        found["valid"] = plain(valid_on(self.office.load(decider, record_id, as_of).state, valid_at))
        return found

    return get_record


def _list(declarations: Mapping[str, Declaration], model: ReadModel, records: sa.Table) -> Any:
    shapes = shapes_of(declarations)
    lasting = [shape.name for shape in shapes if shape.valid_on is not None]

    @query(permission="read")
    @answers(rows(records, without=("state",), **_valid(shapes)))
    def list_records(
        self: Service,
        hand: Hand,
        programme: str | None = None,
        status: str | None = None,
        worklist: str | None = None,
        subject_id: str | None = None,
        responsible: str | None = None,
        division: str | None = None,
        valid_at: date | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """本辖区的记录列表：按项目、状态、待办清单、对象、责任人筛选；division：其中某乡镇（街道）、村（社区）的；
        valid_at：登记、名单、评估、发布、供养意愿类为某日有效的，其他各类为该日终了时的情况。"""
        caught_up(self.office, model, position)
        where = {"programme": programme, "status": status, "worklist": worklist, "subject_id": subject_id, "responsible": responsible}
        there = area(hand, division)
        if valid_at is None:
            rows = listed(self.office.read, records, there, where, limit, after)
            return [{k: v for k, v in row.items() if k != "state"} for row in rows]
        valid = valid_records(self.office.read, records, shapes, there, where, valid_at, limit, after)
        found = [{**row, "valid": plain(told)} for row, told in valid]
        declared = declarations.get(programme or "")
        if (declared is None or declared.shape.valid_on is None) and valid_at >= FIRST_DAY:  # of the rest, how they stood
            others = (records.c.shape.not_in(lasting),)
            found += listed(self.office.on_day(valid_at).read, records, there, where, limit, after, also=others)
        found.sort(key=lambda row: str(row["record_id"]))
        return [{k: v for k, v in row.items() if k != "state"} for row in found[: min(limit, 500)]]

    return list_records


def _lists(model: ReadModel, tables: tuple[sa.Table, ...]) -> Any:
    @query(permission="read")
    @answers(list[Worklist])
    def list_worklists(self: Service, hand: Hand, position: int | None = None) -> Any:
        """待办清单：每个清单、项目、乡镇（街道）有多少待办，其中多少逾期、多少两个工作日内到期，最早何时到期。"""
        caught_up(self.office, model, position)
        return worklists(self.office.read, tables, hand.division, self.office.clock.now().date())

    return list_worklists


def _waiting(model: ReadModel, tables: tuple[sa.Table, ...]) -> Any:
    @query(permission="read")
    @answers(list[Waiting])
    def list_waiting(
        self: Service,
        hand: Hand,
        worklist: str | None = None,
        programme: str | None = None,
        town: str | None = None,
        responsible: str | None = None,
        after: str = "",
        limit: int = 100,
        position: int | None = None,
    ) -> Any:
        """待办明细：最急的在前；after：上一页末行的 place。"""
        caught_up(self.office, model, position)
        where = {"worklist": worklist, "programme": programme, "responsible": responsible}
        return waiting(self.office.read, tables, hand.division, where, town, limit, after)

    return list_waiting


def _programmes(declarations: Mapping[str, Declaration]) -> Any:
    @query(permission="read", timeless="本版本所声明的项目，不随日期变化；某日施行的见 get_programme_catalogue。")
    @answers(list[Declared])
    def list_programmes(self: Service, hand: Hand) -> Any:
        """本服务声明的项目：名称、形态、目录编号、条款。"""
        return [
            {"code": d.code, "name": d.name, "shape": d.shape.name, "catalogue": list(d.catalogue), "terms": plain(d.terms)}
            for d in declarations.values()
        ]

    return list_programmes

"""Forms (表单), made from the dataclass that a door asks for: what to show, and what was typed as the body of a call.

    fields_of(info.form, typed, Known(method, …))      what the page shows, with what was typed and what was wrong with it
    body_of(info.form, typed, known)                   the body, and what could not be read of it

Only what a page must know is decided here: that money is typed in yuan, that a day is a day, that a list has rows. Whether it is right
is the service's to say, in its own words, at the field it names. Everything works without JavaScript: a row is added by a button that
sends the form back.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from services.portal.web import words
from services.portal.web.asked import whole as number
from shared.clock import SHANGHAI
from shared.eventsourcing.commands import hints_of
from shared.eventsourcing.events import nested_dataclass

MOST_ROWS = 60
LONG = frozenset(
    {
        "finding", "reason", "note", "statement", "summary", "result", "evaluation", "text", "words", "record", "what", "done", "grounds",
        "plan", "goal", "scope", "retention_finding", "no_open_matter_ref", "basis", "documents", "measures", "outcome",
    }
)  # fmt: skip
# Lists whose rows the terms of the programme name: the list's name in the form -> in the terms, one row each at first.
ROWS = {"scores": "items", "entries": "fields", "milestones": "stages", "checks": "checks", "content": "required"}
_MONTHS = frozenset({"month", "first", "last"})
Option = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """What the page knows beside the form: whose it is, what the record's terms allow, which options there are."""

    method: str
    terms: Mapping[str, Any] = field(default_factory=dict)  # of the programme, as plain values
    options: Mapping[str, Sequence[Option]] = field(default_factory=dict)  # by field: nothing else is right
    hints: Mapping[str, Sequence[Option]] = field(default_factory=dict)  # by field: offered, and something else may be right
    fixed: frozenset[str] = frozenset()  # what the page has filled in and nobody should change
    sent: bool = False  # the form came back: a box that is not there was not ticked

    def label(self, name: str, part: str = "") -> str:
        said = words.label(name, self.method, part)
        return said.replace("（分）", "（元）")

    def money(self, name: str) -> bool:
        return name.endswith("_fen") or (self.terms.get("unit") == "fen" and name in ("amount", "counted", "covered"))


@dataclass(frozen=True)
class Field:
    """One field as it is shown.

    ``kind``: text, long, int, money, date, month, moment, box, yes_no, one, many, lines, pairs, part, rows, or fixed.
    """

    path: str
    label: str
    kind: str
    needed: bool
    value: str = ""
    chosen: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    hints: tuple[Option, ...] = ()
    error: str = ""
    rows: tuple[tuple[Field, ...], ...] = ()


def fields_of(form: type, typed: Mapping[str, Any], known: Known, errors: Mapping[str, str] = types.MappingProxyType({})) -> list[Field]:
    """Every field of the form. ``typed``: by path, lists where several were ticked; ``errors``: by path."""
    return [_field(f, hints_of(form)[f.name], "", typed, known, errors, form.__name__) for f in dataclasses.fields(form)]


def _needed(f: Any) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _inner(hint: Any) -> tuple[Any, bool]:
    """The type without None, and whether None is one of its values."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        arms = [a for a in typing.get_args(hint) if a is not type(None)]
        return arms[0], len(arms) < len(typing.get_args(hint))
    return hint, False


def _default(f: Any) -> Any:
    if f.default is not dataclasses.MISSING:
        return f.default
    return f.default_factory() if f.default_factory is not dataclasses.MISSING else None


LISTED = {"urgency": ("levels",)}  # where the terms have another word for it


def _options(f: Any, known: Known) -> tuple[Option, ...]:
    """What a code may be: said by the page, by the form itself, or by the terms of the programme (``kinds`` for ``kind``)."""
    name = f.name
    if name in known.options:
        return tuple(known.options[name])
    if "codes" in f.metadata:
        return tuple((code, words.said(code, name) or "无") for code in f.metadata["codes"])
    for listed in (*LISTED.get(name, ()), f"{name}s", f"{name}es", f"{name[:-1]}ies", f"{name.rpartition('_')[2]}es", name):
        found = known.terms.get(listed)
        if isinstance(found, list | tuple) and found:
            return tuple(option_of(one, name) for one in found)
    return ()


def option_of(one: Any, name: str = "") -> Option:
    """A code out of the terms, with its title where it has one."""
    if isinstance(one, Mapping):
        code = next((str(one[k]) for k in ("code", "grade", "name", "urgency") if k in one), "")
        return code, str(one.get("title") or words.said(code, name))
    return str(one), words.said(one, name)


def kind_of(f: Any, hint: Any, known: Known) -> str:
    """How a field of a form's dataclass is filled in."""
    name = f.name
    inner, none = _inner(hint)
    origin = typing.get_origin(inner)
    nested, many = nested_dataclass(inner)
    if nested is not None:
        return "rows" if many else "part"
    if origin is tuple:
        return "many" if _options(f, known) else "lines"
    if origin is dict or inner is dict:
        return "pairs"
    if inner is bool:
        return "yes_no" if none else "bool"
    if origin is Literal:
        return "one"
    if inner is int:
        return "money" if known.money(name) else "int"
    if inner is date:
        return "date"
    if inner is datetime:
        return "moment"
    if _options(f, known):
        return "one"
    if name in _MONTHS or name.endswith("_month"):
        return "month"
    return "long" if name in LONG else "text"


def _field(f: Any, hint: Any, prefix: str, typed: Mapping[str, Any], known: Known, errors: Mapping[str, str], part: str) -> Field:
    path, inner = f"{prefix}{f.name}", _inner(hint)[0]
    kind, needed = kind_of(f, hint, known), _needed(f)
    label, error = known.label(f.name, part), errors.get(path, "")
    if path in known.fixed and isinstance(typed.get(path), str):
        return Field(path, label, "fixed", needed, str(typed[path]), error=error, options=_options(f, known))
    nested, _many = nested_dataclass(inner)
    if kind == "part" and nested is not None:
        row = tuple(
            _field(g, hints_of(nested)[g.name], f"{path}.", typed, known, errors, nested.__name__) for g in dataclasses.fields(nested)
        )
        return Field(path, label, kind, needed, error=error, rows=(row,))
    if kind == "rows" and nested is not None:
        return _rows(Field(path, label, kind, needed and not known.sent, error=error), f.name, nested, typed, known, errors)
    if kind == "bool":
        if needed:
            return Field(path, label, "yes_no", True, str(typed.get(path, "")), options=YES_NO, error=error)
        ticked = path in typed if known.sent else _default(f) is True
        return Field(path, label, "box", False, "1" if ticked else "", error=error)
    options: tuple[Option, ...] = ()
    if kind == "one":
        args = typing.get_args(inner) if typing.get_origin(inner) is Literal else ()
        options = tuple((str(code), words.said(code, f.name)) for code in args) or _options(f, known)
    elif kind == "many":
        options = _options(f, known)
    elif kind == "yes_no":
        options = YES_NO
    value = typed.get(path)
    if value is None and not known.sent:
        value = _shown(_default(f), kind)
    chosen = tuple(map(str, value)) if isinstance(value, list | tuple) else ()
    return Field(
        path, label, kind, needed, "" if chosen or value is None else str(value), chosen, options,
        tuple(known.hints.get(f.name, ())), error,
    )  # fmt: skip


YES_NO = (("true", "是"), ("false", "否"))


def _shown(value: Any, kind: str) -> Any:
    """A default as it would have been typed."""
    if value is None or value == () or value == "" or value == {}:
        return None
    if kind == "money":
        return yuan(value) if value else None
    return value.isoformat() if isinstance(value, date) else value


def _rows(shown: Field, name: str, nested: type, typed: Mapping[str, Any], known: Known, errors: Mapping[str, str]) -> Field:
    """As many rows as there were, at first as many as the terms name, or one where one is owed."""
    listed = known.terms.get(ROWS.get(name, ""), ())
    codes = tuple(option_of(one) for one in listed) if isinstance(listed, list | tuple) else ()
    first = dataclasses.fields(nested)[0].name
    count = rows_in(typed, shown.path)
    if count is None:
        count = len(codes) or (1 if shown.needed else 0)
        typed = {**typed, **{f"{shown.path}.{n}.{first}": code for n, (code, _) in enumerate(codes)}}
        inside = dataclasses.replace(known, sent=False)
    else:
        # A row that was added by the button has never been sent: its boxes stand as they do at first.
        inside = known
    if codes:
        inside = dataclasses.replace(inside, options={**inside.options, first: codes})
    hints = hints_of(nested)
    made = []
    for n in range(min(count, MOST_ROWS)):
        new = not any(key.startswith(f"{shown.path}.{n}.") for key in typed)
        row_known = dataclasses.replace(inside, sent=False) if new else inside
        made.append(
            tuple(
                _field(g, hints[g.name], f"{shown.path}.{n}.", typed, row_known, errors, nested.__name__)
                for g in dataclasses.fields(nested)
            )
        )
    return dataclasses.replace(shown, rows=tuple(made))


def rows_in(typed: Mapping[str, Any], path: str) -> int | None:
    """How many rows a list had when the form was sent; None when it never was."""
    found = number(str(typed.get(f"{path}.rows", "")))
    return None if found is None else min(found, MOST_ROWS)


# -- what was typed, as a body


def body_of(form: type, typed: Mapping[str, Any], known: Known) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """The body of the call; what could not be read (path -> why); where a list's rows stood (path in the body -> in the form)."""
    errors: dict[str, str] = {}
    places: dict[str, str] = {}
    return _body(form, "", "", typed, known, errors, places), errors, places


def _body(
    form: type, prefix: str, place: str, typed: Mapping[str, Any], known: Known, errors: dict[str, str], places: dict[str, str]
) -> dict[str, Any]:
    hints = hints_of(form)
    body: dict[str, Any] = {}
    for f in dataclasses.fields(form):
        path, said = f"{prefix}{f.name}", f"{place}{f.name}"
        kind, inner = kind_of(f, hints[f.name], known), _inner(hints[f.name])[0]
        nested, _ = nested_dataclass(inner)
        if kind == "part" and nested is not None:
            body[f.name] = _body(nested, f"{path}.", f"{said}.", typed, known, errors, places)
        elif kind == "rows" and nested is not None:
            listed = known.terms.get(ROWS.get(f.name, ""), ())
            own = known
            if isinstance(listed, list | tuple) and listed:
                own = dataclasses.replace(known, options={**known.options, dataclasses.fields(nested)[0].name: ()})
            rows: list[Any] = []
            for n in range(rows_in(typed, path) or 0):
                if _empty(nested, f"{path}.{n}.", typed, own, bool(listed)):
                    continue
                places[f"{said}.{len(rows)}."] = f"{path}.{n}."
                rows.append(_body(nested, f"{path}.{n}.", f"{said}.{len(rows)}.", typed, own, errors, places))
            if rows or _needed(f):
                body[f.name] = rows
        else:
            value = _value(kind, typed.get(path), inner, path, errors)
            if kind == "bool" and not _needed(f):
                value = path in typed
            if value is None and inner is str and _needed(f):
                value = ""  # the service says what it misses, in its own words
            if value is None and typing.get_origin(inner) is tuple and _needed(f):
                value = []
            if value is not None:
                body[f.name] = value
    return body


def _empty(nested: type, prefix: str, typed: Mapping[str, Any], known: Known, first_is_given: bool) -> bool:
    """A row in which nothing was typed; what was preset, and boxes, do not count."""
    hints = hints_of(nested)
    asked = dataclasses.fields(nested)[1 if first_is_given else 0 :]
    typing_in = [f.name for f in asked if _needed(f) or kind_of(f, hints[f.name], known) not in ("bool", "rows")]
    return not any(str(typed.get(f"{prefix}{name}", "")).strip() for name in typing_in)


def _value(kind: str, text: Any, inner: Any, path: str, errors: dict[str, str]) -> Any:
    if kind == "many":
        return [str(code) for code in (text if isinstance(text, list) else [text] if text else [])] or None
    raw = str(text if text is not None else "").strip()
    if not raw:
        return None
    if kind in ("bool", "yes_no"):
        return {"true": True, "false": False}.get(raw)
    if kind == "lines":
        return [part.strip() for part in raw.splitlines() if part.strip()]
    try:
        if kind == "money":
            return fen(raw)
        if kind == "int":
            return whole(raw)
        if kind == "date":
            return date.fromisoformat(raw).isoformat()
        if kind == "moment":
            at = datetime.fromisoformat(raw)
            return (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).isoformat()
        if kind == "pairs":
            return dict(_pair(part) for part in raw.splitlines() if part.strip())
    except ValueError as error:
        errors[path] = _SAID.get(kind, str(error))
        return None
    return raw


_SAID = {
    "money": "金额须以元填写，至多两位小数。",
    "int": "须为整数。",
    "date": "日期不正确。",
    "moment": "时间不正确。",
    "pairs": "每行一项，写作“名称=数值”。",
}


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ValueError
    return name.strip(), value.strip()


def whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise ValueError
    return int(text)


def fen(text: str) -> int:
    """Yuan as they are typed ("1,234.5", "1234.50 元") in fen, exactly; ValueError for anything else."""
    raw = re.sub(r"[,，\s¥￥元]", "", text)
    found = re.fullmatch(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?", raw)
    if found is None:
        raise ValueError
    amount = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -amount if found[1] else amount


def yuan(amount: int) -> str:
    """Fen as one would type them: 1234.50, or 1234 where there are no fen."""
    text = f"{abs(amount) // 100}" + (f".{abs(amount) % 100:02d}" if amount % 100 else "")
    return f"-{text}" if amount < 0 else text

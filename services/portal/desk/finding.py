"""查找: somebody by the number he shows (sent as a form, never in an address), a case or record by its own number."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request

from services.portal.desk import things
from services.portal.desk.view import ask, may, reading
from services.portal.web.identity import logged_in
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.domain.errors import Refused, Unavailable


@logged_in
def find() -> Any:
    """查找页。"""
    return _page()


@logged_in
def found() -> Any:
    """按公民身份号码查找，或打开一个编号。"""
    number, key = request.form.get("resident_id", "").strip().upper(), request.form.get("key", "").strip()
    if key:
        return _by_key(key)
    rows: list[dict[str, Any]] = []
    for service in reading():
        if not may(service, "find_person"):
            continue
        try:
            rows += [{"service": service, **row} for row in ask(service, "find_person", resident_id=number)]
        except Unavailable:
            raise
        except Refused as refused:
            return _page(refused=refused.message, number=number), status_of(refused)
    for row in rows:
        row["address"] = _address(row["service"], row["category"], row["key"])
    return _page(rows=rows, looked=True, number=number)


def _address(service: str, category: str, key: str) -> str:
    try:
        things.thing(portal(), service, category)
    except Refused:
        return ""
    return things.address(service, category, key, item=None)


def _by_key(key: str) -> Any:
    """The first record of that number that the visitor may see."""
    if not re.fullmatch(r"[0-9A-Za-z-]{4,40}", key):
        return _page(refused="编号格式不正确。", key=key), 422
    for service in reading():
        for category in ("case", "payment_run", "recovery", *things.shapes(service)):
            if (service, "get_acts") not in portal().doors:
                continue
            try:
                ask(service, "get_acts", category=category, key=key)
            except Unavailable:
                raise
            except Refused:
                continue
            return redirect(things.address(service, category, key), 303)
    return _page(refused="没有找到这个编号的个案或记录，或不在您的辖区。", key=key), 404


def _page(**given: Any) -> str:
    return render_template("desk/find.html", **{"rows": [], "looked": False, "number": "", "key": "", "refused": "", **given})


def add(pages: Blueprint) -> None:
    pages.get("/find")(find)
    pages.post("/find")(found)

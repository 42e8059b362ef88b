"""How values are shown (显示): money in yuan, days and months in Chinese, places by name; and a cell that is no formula in Excel."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask

from services.portal.web.places import places_of
from services.portal.web.portal import Portal
from shared.casework.workbook import is_formula
from shared.clock import SHANGHAI


def money(fen: int | None) -> str:
    """Fen as yuan: 1,234.50 元."""
    return "" if fen is None else f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d} 元"


def day(value: Any) -> str:
    """A day, or the day of a time, as 2023年7月3日; what is neither is shown as it is."""
    at = value
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(at, datetime):
        at = at.astimezone(SHANGHAI).date()
    return f"{at.year}年{at.month}月{at.day}日" if isinstance(at, date) else str(value or "")


def moment(value: Any) -> str:
    """A time as 2023-07-03 09:12, Asia/Shanghai."""
    at = value
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if isinstance(at, datetime) else str(value or "")


def month(value: str | None) -> str:
    """2023-07 as 2023年7月."""
    if not value or len(value) != 7:
        return value or ""
    return f"{value[:4]}年{int(value[5:])}月"


def cell(value: Any) -> Any:
    """A value for CSV or Excel: a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value


def install(app: Flask, portal: Portal) -> None:
    app.jinja_env.filters.update(money=money, day=day, moment=moment, month=month, place=places_of(portal.profile).name)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def _district() -> dict[str, Any]:
        return {"district": portal.profile.name, "development": not portal.settings.production}

"""Rows of standards (标准)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shared.eventlog.read_model import ReadModel


def declare(metadata: sa.MetaData) -> Any:
    """Declare the tables."""
    return None


def project(model: ReadModel, tables: Any) -> None:
    """Fold events into them."""

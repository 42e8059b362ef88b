"""The last report of all decisions made again (重算报告), kept for the audit pages: ``var/integrity/decisions.json``, written whole."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = Path("integrity") / "decisions.json"


def keep(var: Path, told: dict[str, Any], at: datetime) -> None:
    """Of a run over everything; ``told`` as ``minzheng audit decisions --json`` tells it."""
    path = var / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps({"at": at.isoformat(timespec="seconds"), **told}, ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def last(var: Path) -> dict[str, Any] | None:
    """What the last run told; None when there was none, or its file is not ours."""
    try:
        found = json.loads((var / FILE).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) and {"at", "equal", "unequal", "older", "findings", "others"} <= found.keys() else None
    except (OSError, ValueError):
        return None

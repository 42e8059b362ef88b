"""Assistance as it is, in a worker to which a programme can be given while it runs: a file of ``var`` says in which folder it is."""

from __future__ import annotations

import os
from pathlib import Path

import eventlet

from services.assistance import adding
from services.assistance.service import SERVICE

__all__ = ["NOTE", "SERVICE"]
NOTE = "take-in"


def _watch() -> None:
    note = Path(os.environ["MINZHENG_VAR"]) / NOTE
    while not note.exists():
        eventlet.sleep(0.1)
    adding.take_in(Path(note.read_text(encoding="utf-8")))
    note.rename(note.with_suffix(".done"))


eventlet.spawn_n(_watch)

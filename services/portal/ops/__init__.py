"""The operators' pages (运行): how the house is, and what to do with messages that nobody could handle. No record of anybody is shown.

    seeing.py    who may see and who may act; what the pages share
    overview.py  everything at one look: processes, lags, queues, dead letters
    letters.py   dead letters: by kind, one by one; given back or discarded for a reason that is recorded

What is asked, and of whom, is in ``shared/ops.py``; acts on dead letters are events (``shared/operations.py``).
"""

from __future__ import annotations

from flask import Flask

from services.portal.ops import letters, overview, seeing
from services.portal.web.portal import Portal

for _room in (overview, letters):
    _room.add(seeing.pages)


def install(app: Flask, portal: Portal) -> None:
    """All pages under /ops."""
    app.register_blueprint(seeing.pages)

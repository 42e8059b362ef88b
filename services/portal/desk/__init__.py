"""The staff's desk (办事窗口): what waits, cases and records with their next acts, and the form of every act.

Nothing here knows a programme: pages follow from what the services declare (doors, shapes, programmes), so a new one appears by itself.

    forms.py      a form from a dataclass, and what was typed as a body
    things.py     what has a page, and how it is read
    home.py       待办: worklists, what waits, by what is left
    record.py     the page of a case or record
    act.py        the form of an act: sent once, whatever is clicked
    catalogue.py  办理业务 by programme, and everything that can be done or asked
    finding.py    查找: somebody by the number he shows, a case by its own
    payments.py   发放: runs, the bank's file and the bank's answer
    objections.py 公众异议: what the public wrote, taken in or not
    board.py      公示单: what is publicised, as a sheet to print for a village's board
    handoffs.py   转办: several accepted or answered at once
    lists.py      lists from page to page, or whole
"""

from __future__ import annotations

from flask import Flask

from services.portal.desk import act as acts
from services.portal.desk import board, catalogue, finding, handoffs, home, objections, payments, view
from services.portal.desk import record as records
from services.portal.web.portal import Portal

# The page of any record last: its address fits many.
for _room in (home, acts, catalogue, finding, payments, objections, board, handoffs, records):
    _room.add(view.pages)


def install(app: Flask, portal: Portal) -> None:
    """All pages under /desk."""
    view.install(app, portal)
    app.register_blueprint(view.pages)

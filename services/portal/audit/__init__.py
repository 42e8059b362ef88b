"""The audit pages (审计): any stream at any moment, what led to what, who did and who looked, every decision made again, receipts.

They read the log and the audit index (``shared/eventlog``: acts, walk, moments, integrity) and decide nothing. An auditor of one town sees
that town; whatever shows somebody's file has its event before it is shown, purpose "audit"; personal fields stay sealed until the auditor
opens them for a reason that is recorded.

    seeing.py    who may see what; the look that is noted; what the pages share
    home.py      what one can ask, the seal, figures by kind of act; finding by a number
    streams.py   a stream at any moment; two moments side by side
    walks.py     causes and consequences as a picture and a list
    acts.py      what one hand did, what happened on a day, who looked at what
    draws.py     a draw by lot laid open: the whole list, who was drawn, the register it was of
    proof.py     decisions: what each rests on, made again at once; the report of all
    said.py      what the parts of events are called
    receipts.py  receipts, checkpoints, the auditor's bundle
"""

from __future__ import annotations

from flask import Flask

from services.portal.audit import acts, draws, home, proof, receipts, seeing, streams, walks
from services.portal.web.portal import Portal

for _room in (home, acts, walks, streams, proof, draws, receipts):
    _room.add(seeing.pages)


def install(app: Flask, portal: Portal) -> None:
    """All pages under /audit."""
    seeing.install(app)
    app.register_blueprint(seeing.pages)

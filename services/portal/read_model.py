"""The portal's read model (门户读模型): folded from the whole log, whichever service an event is of.

The portal imports no service: it knows their events by the name without the service (``MODEL.on_short("disclosure_published")``), as the
shapes declare them. Another table is another room in ``rows/`` and its name in ``FEATURES``; ``version`` grows with every such change.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.portal.rows import acts, credit, filed, funds, indicators, inspections, looks, runs, standards, sunshine
from shared.eventlog.read_model import ReadModel

METADATA = sa.MetaData()
FEATURES = (acts, credit, filed, funds, indicators, inspections, looks, runs, standards, sunshine)
TABLES: dict[str, Any] = {feature.__name__.rsplit(".", 1)[1]: feature.declare(METADATA) for feature in FEATURES}
MODEL = ReadModel("portal", version=15, metadata=METADATA, whole=True)
for _feature in FEATURES:
    _feature.project(MODEL, TABLES[_feature.__name__.rsplit(".", 1)[1]])

"""The programmes of assistance that lean on a shape as it is (社会救助项目声明): funds, clues, lists, visits, inspections …

Each is a declaration; its doors, rows, worklists and deadlines follow from it (shared/casework/shape.py). One module a topic, each
with its declarations in ``ALL``. The benefits, which the rules decide, are in ``programmes.py``.
"""

from __future__ import annotations

from services.assistance.declarations import (
    care,
    catalogue,
    discovery,
    exchanges,
    funds,
    handoffs,
    inspections,
    institutions,
    lists,
    one_things,
    sessions,
    support,
)
from shared.casework.shape import adopted, declared

DECLARATIONS = declared(
    *care.ALL,
    *catalogue.ALL,
    *discovery.ALL,
    *exchanges.ALL,
    *funds.ALL,
    *handoffs.ALL,
    *inspections.ALL,
    *institutions.ALL,
    *lists.ALL,
    *one_things.ALL,
    *sessions.ALL,
    *support.ALL,
)
DECIDERS = adopted("assistance", DECLARATIONS)

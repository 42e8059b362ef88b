"""Counts of persons that are too small to be told (小数值隐去): below ``SMALL_CELL`` somebody could be recognised by them.

Those of the programmes by place are withheld where they are folded (``services/portal/rows/sunshine.py``), with what must be withheld
beside them; payees of a run and what an indicator counts likewise, each in its room. Here is how it is said.
"""

from __future__ import annotations

from services.portal.rows.sunshine import SMALL_CELL

FEW = f"少于{SMALL_CELL}"
WITHHELD = {"small": "不公布", "above": "不单列"}
WHY = {
    "small": f"人数少于{SMALL_CELL}，或由它可以推算出少于{SMALL_CELL}的数，为保护个人隐私不公布",
    "above": "上级地方的数字未公布，或同级各地都不公布，故不单列",
    "below": f"下级各地的数字一经公布，可以推算出少于{SMALL_CELL}的数，故都不公布",
}

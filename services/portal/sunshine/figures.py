"""Counts of persons that are too small to be told (小数值隐去): below ``SMALL_CELL`` somebody could be recognised by them.

Those of the programmes by place are withheld where they are folded (``services/portal/rows/sunshine.py``), with what must be withheld
beside them; payees of a run and what an indicator counts likewise, each in its room. Here is how it is said.
"""

from __future__ import annotations

from services.portal.rows.sunshine import SMALL_CELL

FEW = f"少于{SMALL_CELL}"
WITHHELD = {"small": FEW, "beside": "不单列", "above": "不单列"}
WHY = {
    "small": f"人数少于{SMALL_CELL}，为保护个人隐私不公布具体数字",
    "beside": "公布后可推算出邻近地方的小数值，故不单列",
    "above": "上级地方的数字未公布，故不单列",
}

"""Administrative division codes (行政区划代码, GB/T 2260 and the town/village codes below it).

6 digits name a district or county, 9 a town or street, 12 a village or community. A hand whose division is a prefix
of a record's division may act on it: the district on all its towns, a town on its villages only.
"""

from __future__ import annotations

from shared.domain.errors import invalid


def check(code: str, field: str = "division") -> str:
    """Return the code in its shortest spelling (trailing 000 groups dropped); refuse what is no division code."""
    if not (code.isascii() and code.isdigit() and len(code) in (6, 9, 12)):
        raise invalid("行政区划代码须为6、9或12位数字。", field)
    while len(code) > 6 and code.endswith("000"):
        code = code[:-3]
    return code


def covers(hand: str, record: str) -> bool:
    """Whether somebody of division ``hand`` may act on a record of division ``record``; "" is everywhere (services)."""
    return record.startswith(hand)

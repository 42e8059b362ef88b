"""Money (金额): an integer number of fen (分) everywhere; yuan only on a page."""

from __future__ import annotations

from shared.domain.errors import invalid

# A month's income of ten million yuan in one household is a slip of the keyboard, not a fact about a poor family.
ABSURD_FEN = 1_000_000_000


def check(fen: int, field: str, most: int = ABSURD_FEN) -> int:
    """Refuse what is no sensible amount: not a whole number, negative, or absurdly large."""
    if isinstance(fen, bool) or not isinstance(fen, int):
        raise invalid("金额须为整数（单位：分）。", field)
    if fen < 0:
        raise invalid("金额不能为负数。", field)
    if fen > most:
        raise invalid("金额超出合理范围，请核对单位是否为分。", field)
    return fen


def yuan(fen: int) -> str:
    """For a page or an explanation: 125500 -> "1255.00元"."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}元"

"""The number of a certificate (证书编号): unique by construction, verifiable by its check code, and leading back to its record."""

from __future__ import annotations

import uuid

from shared.domain.errors import invalid

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def certificate_no(prefix: str, record_id: str, version: int) -> str:
    """证书编号: prefix, the record's id in base 36, the version it shows, two check characters. Another id or version, another number."""
    try:
        number = uuid.UUID(record_id).int
    except ValueError:
        raise invalid("编号格式不正确。", "record_id") from None
    body = ""
    while number:
        number, digit = divmod(number, 36)
        body = _DIGITS[digit] + body
    bare = f"{prefix}-{body:0>25}-{version}"
    return f"{bare}-{_check_code(bare)}"


def verify_code(number: str) -> tuple[str, int] | None:
    """(record id, version) of a certificate number, None when it is mistyped or was made up without the check code.

    Whether the record still stands is for the record to say: ``certificate_stands``.
    """
    prefix, _, rest = number.strip().upper().partition("-")
    parts = rest.split("-")
    if len(parts) != 3 or len(parts[0]) != 25 or not parts[0].isascii() or not parts[0].isalnum():
        return None
    value = int(parts[0], 36)
    if not parts[1].isascii() or not parts[1].isdigit() or value >= 1 << 128:
        return None
    if parts[2] != _check_code(f"{prefix}-{parts[0]}-{parts[1]}"):
        return None
    return str(uuid.UUID(int=value)), int(parts[1])


def _check_code(bare: str) -> str:
    """ISO 7064 MOD 1271-36, two characters: finds every mistyped character and every exchange of two neighbours."""
    value = 0
    for ch in bare.upper():
        if ch in _DIGITS:
            value = (value + _DIGITS.index(ch)) * 36 % 1271
    check = (1 - value * 36) % 1271
    return _DIGITS[check // 36] + _DIGITS[check % 36]

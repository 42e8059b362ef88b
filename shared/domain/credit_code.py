"""Unified social credit code (统一社会信用代码, GB 32100-2015): by which an organisation is named in public."""

from __future__ import annotations

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from shared.domain.errors import invalid


def check(code: str, field: str = "subject_id") -> str:
    """Return the code if it is one in its one spelling (18 characters, capitals); refuse a wrong length, letter or checksum."""
    try:
        number = str(uscc.validate(code))
    except ValidationError as error:
        raise invalid("须为18位统一社会信用代码，且校验位相符。", field) from error
    if number != code:
        raise invalid("统一社会信用代码须连写、大写。", field)
    return number

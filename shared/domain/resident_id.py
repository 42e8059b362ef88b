"""Resident identity number (公民身份号码, GB 11643) and the pseudonym that stands for it inside the house.

The 18 digits are personal data: they come in at a door, become a ``person_id`` there, and go no further in the clear.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from shared.domain.errors import Refused, invalid

_DIGITS = re.compile(r"\d{17}[\dXx]")
_GAPS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")  # what an input method or somebody who copies it puts between the digits


def check(resident_id: str, field: str = "resident_id") -> str:
    """Return the number in its one spelling (18 characters, capital X); refuse a wrong length, date or checksum."""
    try:
        number = ric.compact(resident_id.strip().upper())
        if len(number) != 18 or not number[:17].isascii() or not number[:17].isdigit():
            raise invalid("身份证号码须为18位。", field)
        # The province is not checked against a list: codes of abolished districts stay valid for those born there.
        if ric.calc_check_digit(number) != number[17]:  # it wants the check digit included
            raise invalid("身份证号码校验位不符。", field)
        born_on(number, field)
    except ValidationError as error:
        raise invalid("身份证号码格式不正确。", field) from error
    return str(number)


def stands_in(text: str) -> bool:
    """Whether a resident ID stands anywhere in a text, in full-width digits or with gaps too. Any row of digits may look like one."""
    if not text.isascii() or " " in text:
        text = _GAPS.sub("", unicodedata.normalize("NFKC", text))
    for start in range(len(text) - 17):
        found = _DIGITS.match(text, start)
        if found:
            try:
                check(found.group())
            except Refused:
                continue
            return True
    return False


def born_on(number: str, field: str = "resident_id") -> date:
    """The birth date inside the number (digits 7 to 14)."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise invalid("身份证号码中的出生日期不存在。", field) from error


def person_id(number: str, key: bytes) -> str:
    """Keyed hash of a checked number: the only person key that crosses a service border. 32 hex characters.

    Keyed, because the space of resident IDs is small enough to try them all against a bare hash.
    """
    return hmac.new(key, b"person:" + check(number).encode(), hashlib.sha256).hexdigest()[:32]


def is_person_id(value: str) -> bool:
    return len(value) == 32 and all(c in "0123456789abcdef" for c in value)

"""Refusals (拒绝): what a caller did that the house will not do, as a code, a message in Chinese and the field.

A refusal never holds personal data: it crosses the wire and stands in logs.
"""

from __future__ import annotations


class Refused(Exception):
    """A typed refusal. ``args`` is ``(code, message, field)``, so a foreign nameko client sees it whole in RemoteError.

    Codes: invalid_input, unknown_person, not_found, already_exists, unauthenticated, forbidden, wrong_division, same_hand,
    out_of_order, version_conflict, command_id_reused, unknown_programme, too_large, not_yet_due, already_paid,
    amount_changed, not_yet, unavailable; internal for a fault of ours.
    """

    code: str = "refused"

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(code, message, field)
        self.code, self.message, self.field = code, message, field

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f"（{self.field}）" if self.field else "")


class Unavailable(Refused):
    """The log, the broker or a store is away: try again later, nothing was done that was acknowledged."""

    def __init__(self, message: str = "系统暂时不可用，请稍后重试。") -> None:
        super().__init__("unavailable", message, None)
        self.args = ("unavailable", message, None)

    def __reduce__(self) -> tuple[type[Unavailable], tuple[str]]:
        return Unavailable, (self.message,)


def invalid(message: str, field: str | None = None) -> Refused:
    """The input itself is wrong."""
    return Refused("invalid_input", message, field)


def out_of_order(message: str) -> Refused:
    """The step does not fit the state the aggregate is in."""
    return Refused("out_of_order", message, None)

"""Explaining one decision: the lines an applicant, a reviewer and an auditor read.

The explanation is read off the very simulation that decided, so it cannot tell another story. Each line names the paragraph it
rests on; a line that rests on a placeholder says so, and marks the whole assessment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.rules.assessment import Line
from shared.rules.parameters import Dated

PLACEHOLDER_NOTE = "（占位参数，待本区核定）"


class Working:
    """The worked-out case of one subject, and the lines told of it so far.

    ``bases``: where several are explained for one programme and month, what a line rests on is put into words once for all.
    """

    def __init__(
        self,
        values: Callable[[str], Any],
        parameter: Callable[[str], Dated],
        references: Callable[[str], str],
        bases: dict[tuple[str, ...], tuple[str, bool]] | None = None,
    ) -> None:
        self._values = values
        self._parameter = parameter
        self._references = references
        self._bases = {} if bases is None else bases
        self.lines: list[Line] = []
        self.placeholder = False

    def value(self, variable: str) -> int:
        """What a variable came to for the subject, as a plain integer (a flag is 0 or 1)."""
        return int(self._values(variable)[0])

    def each(self, variable: str) -> list[int]:
        """What a variable of persons came to, member by member."""
        return [int(value) for value in self._values(variable)]

    def parameter(self, name: str) -> int:
        """The value of a parameter in the month of the decision. Asking is not yet resting on it: see tell."""
        return self._parameter(name).value

    def tell(self, label: str, amount_fen: int | None, variable: str = "", *parameters: str) -> None:
        """Add a line resting on a variable's paragraph and on parameters' documents."""
        key = (variable, *parameters)
        found = self._bases.get(key)
        if found is None:
            found = self._bases[key] = self._basis(variable, parameters)
        self.placeholder = self.placeholder or found[1]
        self.lines.append(Line(label, amount_fen, found[0]))

    def _basis(self, variable: str, parameters: tuple[str, ...]) -> tuple[str, bool]:
        """What a line rests on, and whether a placeholder is among it."""
        dated = [self._parameter(name) for name in parameters]
        basis = [self._references(variable)] if variable else []
        basis += [d.reference + (PLACEHOLDER_NOTE if d.placeholder else "") for d in dated]
        # A paragraph is not told twice, nor beside a reference that begins with it and says more.
        told = [one for one in dict.fromkeys(basis) if not any(other != one and other.startswith(one) for other in basis)]
        return "；".join(told), any(d.placeholder for d in dated)

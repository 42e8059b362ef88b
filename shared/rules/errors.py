"""What the rules refuse, in words that a clerk or an operator can act on."""

from __future__ import annotations


class RulesError(Exception):
    """Something about the rules or what was asked of them is wrong."""


class ParameterError(RulesError):
    """A parameter file is refused; the message begins with file and line."""


class FactsError(RulesError):
    """The facts of a case cannot be assessed as they stand."""

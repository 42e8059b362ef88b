"""Assistance's answers to the after-death process: one for each step and round."""

from __future__ import annotations

from services.assistance import after_death as a
from shared.eventsourcing.testing import given

WHO = "0a" * 16


def answer(round_: int = 1, note: str = "已办") -> a.AnswerAfterDeath:
    return a.AnswerAfterDeath(WHO, "330225101", round_, "household", "done", note, 500)


def answered(round_: int = 1) -> a.AfterDeathAnswered:
    return a.AfterDeathAnswered(WHO, "330225101", round_, "household", "done", "已办", 500)


def test_the_answer_is_given() -> None:
    """With what was done and what is claimed back."""
    given(a.DECIDER).when(answer()).then(answered())


def test_a_round_is_answered_once() -> None:
    """The first answer stands."""
    given(a.DECIDER, answered()).when(answer(note="另一说法")).then_nothing()


def test_a_new_round_is_answered_anew() -> None:
    """The day of death was corrected, and everything was asked again."""
    given(a.DECIDER, answered()).when(answer(2)).then(answered(2))

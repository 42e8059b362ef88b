"""A benefit programme (救助/津贴项目) as data: what the shapes need to know about it, about twenty lines each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Programme:
    """One programme of one service. ``code`` is the identifier column of the capability catalogue.

    A household programme is assessed on the household's facts, a person programme on the person's. ``on_application``
    programmes run the whole procedure (申请→受理→调查→审核→公示→确认); the others are granted when the facts say so.
    """

    code: str
    name: str
    catalogue: tuple[str, ...]
    subject: Literal["household", "person"]
    on_application: bool
    publicity_days: int = 7  # 公示期; 最低生活保障审核确认办法: 7 days in the village
    confirm_working_days: int = 10  # county confirms within 10 working days

"""What this service says before a person is erased (删除个人信息前的核实). See ``shared/casework/erasure_answer.py``."""

from __future__ import annotations

from shared.casework import erasure_answer

ANSWERS = erasure_answer.decider("eldercare")

"""Answers of the departments to referrals (专项救助转介答复), by file or by message: as other outside sources answer.

    <exchange>/assistance/referrals/<department>/in/*.csv | *.xlsx    受理编号, 材料摘要, 办理情况, 说明[, 人员编号]
    <department>.events / referral_answered                           number, dossier_hash, outcome, result[, person_no]

A department answers for what was referred to it and for nothing else, by the acceptance number and the hash of the papers it read; for
one person of a referral by the number under which it got him (人员编号), without one for whoever has no answer yet. What it answers is told
to the hand-off itself, by the same acts a clerk has at the desk, and to the exchange that carried it out. The same answer again changes
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.assistance.declarations import DECIDERS
from services.assistance.declarations.handoffs import SPECIAL_ASSISTANCE_REFERRAL
from services.assistance.referral_delivery import DEPARTMENTS, PERSON_NO, Delivery, person_no
from shared.casework import handoff
from shared.casework.office import Office
from shared.domain.errors import Refused, invalid
from shared.eventsourcing.orders import Order
from shared.exchange.files import MOST_BYTES, rows_of

OUTCOMES: Mapping[str, str] = MappingProxyType({"签收": "accepted", "已救助": "aided", "不予救助": "declined", "退回": "returned"})
DECIDED = ("aided", "declined")
COLUMNS = ("受理编号", "材料摘要", "办理情况", "说明")


@dataclass(frozen=True)
class Answer:
    """What a department says of one referral, or of one person of it (``person_no``). ``outcome``: accepted, aided, declined or returned;
    ``result`` is for people."""

    number: str
    dossier_hash: str
    outcome: str
    result: str = ""
    person_no: str = ""


def take(office: Office, delivery: Delivery, department: str, answer: Answer, order: Order[Any]) -> bool:
    """Tell a hand-off; False: it was told before. Refused with the reason where it is no answer to anything of this department's."""
    record_id = handoff.record_of(answer.number)
    state: handoff.Handoff = office.load(DECIDERS[handoff.NAME], record_id).state
    if state.programme != SPECIAL_ASSISTANCE_REFERRAL.code or state.to_unit != DEPARTMENTS[department]:
        raise Refused("not_found", "没有转给本单位的此受理编号。", "number")
    of = _persons(state, answer)
    acts = list(_acts(record_id, state, answer, of))
    for act in acts:
        step = f"{type(act).__name__} {record_id} {len(state.hops)} {getattr(act, 'person_id', '')}".rstrip()
        office.handle(DECIDERS[handoff.NAME], record_id, order.to(act, step))
    if answer.outcome in DECIDED:
        digest = hashlib.sha256(f"{answer.outcome} {answer.result}".encode()).hexdigest()[:32]
        delivery.answered(record_id, dict.fromkeys(of, (answer.outcome, digest)), order)
    return bool(acts)


def _persons(state: handoff.Handoff, a: Answer) -> tuple[str, ...]:
    """Whom an answer speaks of: the one that it names, or whoever has none yet."""
    whole = handoff.persons(state)
    if not a.person_no:
        return tuple(p for p in whole if p not in state.answers)
    found = [p for n, p in enumerate(whole, 1) if person_no(state.number, n) == a.person_no]
    if not found:
        raise invalid("此受理编号中没有此人员编号。", "person_no")
    return tuple(found)


def _acts(record_id: str, state: handoff.Handoff, a: Answer, of: tuple[str, ...]) -> Iterator[Any]:
    """What has to be done with it for the answer to stand; nothing, where it stands already."""
    if a.outcome == "returned":
        if a.person_no:
            raise invalid("退回须整件退回，不分人员。", "person_no")
        if state.status != "returned":
            yield handoff.ReturnHandoff(record_id, a.result)
        return
    if a.outcome not in ("accepted", *DECIDED):
        raise invalid("办理情况须为“签收”“已救助”“不予救助”或“退回”。", "outcome")
    if a.dossier_hash != state.dossier_hash:
        raise invalid("材料摘要与转出时不一致，请退回并说明。", "dossier_hash")
    if state.status == "sent":
        yield handoff.AcceptHandoff(record_id, a.dossier_hash)
    elif a.outcome == "accepted" and state.status not in ("accepted", "done", "acknowledged"):
        raise Refused("out_of_order", "此项转介已撤回或已退回。", "number")
    if a.outcome == "accepted":
        return
    if a.person_no or (state.answers and of):
        said = handoff.PersonAnswer(a.outcome, a.result.strip())
        yield from (
            handoff.AnswerHandoffForPerson(record_id, p, a.outcome, a.result) for p in of if state.answers.get(p) != said
        )
    elif not (state.status in ("done", "acknowledged") and (state.outcome, state.result) == (a.outcome, a.result.strip())):
        yield handoff.FinishHandoff(record_id, a.outcome, a.result)


# -- files


@dataclass(frozen=True)
class Line:
    """A line of a file: its answer, or why it is none. It is not quoted."""

    line: int
    answer: Answer | None
    reason: str = ""


def folder(root: Path, department: str) -> Path:
    """Where a department puts its files; made on first sight, readable by us alone."""
    into = root / "referrals" / department / "in"
    for directory in (root, root / "referrals", into.parent, into):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return into


def files(into: Path) -> list[Path]:
    """What a department has delivered, in the order of names; one that is still being written begins with a dot."""
    return sorted(p for p in into.iterdir() if p.is_file() and not p.name.startswith(".") and p.suffix in (".csv", ".xlsx"))


def read(path: Path) -> tuple[str, list[Line]]:
    """The hash of a file, and its lines."""
    data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    digest = hashlib.sha256(data or path.name.encode()).hexdigest()[:32]
    rows = rows_of(data, path.suffix) if data else None
    if rows is None:
        return digest, [Line(0, None, "文件过大或无法读取，须为 UTF-8 或 GB18030 的 CSV，或 .xlsx。")]
    names = [str(c or "").strip().lstrip("\ufeff") for c in rows[0]] if rows else []
    if missing := [c for c in COLUMNS if c not in names]:
        return digest, [Line(0, None, f"没有表头“{'”“'.join(missing)}”。")]
    at = [names.index(c) for c in (*COLUMNS, *([PERSON_NO] if PERSON_NO in names else []))]
    found = []
    for n, cells in enumerate(rows[1:], 2):
        said = [str(cells[i]).strip() if i < len(cells) and cells[i] is not None else "" for i in at]
        if any(said):
            found.append(Line(n, Answer(said[0], said[1], OUTCOMES.get(said[2], said[2]), *said[3:])))
    return digest, found

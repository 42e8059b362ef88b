"""The page of a case or record (办件): how it stands, what may be done next and by whom, the decision with its explanation, every step.

Which acts are in order the service says (``get_acts``: the decider itself is asked); which of them this visitor may take follows from
his posts and from the hands that acted before.

``?as_of=`` shows the page as it was known at an earlier moment: state, steps, limits, and in words what could be done. There is no act.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from markupsafe import Markup

from services.portal.desk import things
from services.portal.desk.act import opening_acts
from services.portal.desk.payments import lines as run_lines
from services.portal.desk.view import about, ask, looking_back, may, outcome, purpose_asked, reference_asked, roles_with, title, usual
from services.portal.web import pictures, words
from services.portal.web.asked import field_value
from services.portal.web.identity import logged_in, who
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.casework.looks import PURPOSES
from shared.casework.shape import Declaration
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.messaging import looking
from shared.messaging.doors import FILES, DoorInfo

# What of a state the page tells elsewhere, or nobody reads: hands and hashes, terms, what was paid when.
ELSEWHERE = frozenset(
    {
        "version", "position", "terms", "status", "programme", "division", "proposal", "last_assessment", "decisions", "schedule",
        "suspensions", "paid", "sent", "appeal", "objection", "supplement", "means_test", "clerks", "parts", "outcomes", "told", "progress",
        "facts_version", "assessed_from", "assessed_to", "decided", "appeals", "means_requests", "valid", "last_case",
        "signed", "proposer", "hands", "sender",
    }
)  # fmt: skip
# Ids by which other forms name what this page is about, beside its own key.
ALSO = {"case": ("subject_id", "payee_id"), "recovery": ("case_id", "payee_id"), "determination": ()}


# What of a page's address goes on with its links: which matter, which moment, why somebody looks and by which letter.
KEPT = ("item", "as_of", "for", "reference")
# The act that leads a case out of the list in which it stands; the others are beside it.
MAIN = {
    "accept": "accept_application", "authorise": "record_authorisation", "means_test": "record_means_test", "survey": "record_survey",
    "propose": "propose", "confirm": "confirm", "supplement": "answer_supplement", "objection": "answer_objection",
    "objection_escalated": "answer_objection", "refusal_notice": "tell_refusal", "review": "answer_review", "suspended": "resume_case",
    "payee_lost": "name_payee", "payee_confirm": "confirm_payee",
    "temporary_accept": "accept_temporary", "temporary_first_grant": "grant_first", "temporary_papers": "complete_papers",
    "temporary_verify": "complete_papers", "temporary_review": "propose_temporary", "temporary_decide": "decide_temporary",
    "temporary_release": "release_instalment", "temporary_overlap": "answer_temporary_overlap", "overlap_consider": "consider_aid_overlap",
    "temporary_refusal_notice": "record_temporary_refusal_notice",
    "price_confirm": "confirm_price_linkage", "standard_to_approve": "approve_standard", "standard_to_publish": "publish_standard",
    "reverification_blocked": "retry_reverification", "reverification_close": "close_reverification",
    "reverification_overdue": "close_reverification",
    "payment_month_owed": "prepare_owed_month", "payment_month_again": "prepare_owed_month", "payment_month_overdue": "prepare_owed_month",
}  # fmt: skip

# In the list of objections stands what was appealed against, too: of these the act that is in order leads on.
OBJECTED = ("answer_objection", "answer_temporary_objection", "answer_appeal", "answer_temporary_appeal", "assign_appeal")

NOT_OF_MEMBERS = frozenset({"record_person_income"})  # of persons outside households


@dataclasses.dataclass(frozen=True)
class Act:
    """One act as the page offers it. ``ready``: nothing is left to fill in, one button does it."""

    info: DoorInfo
    title: str
    about: str
    post: str
    given: Mapping[str, str]
    ready: bool
    mine: bool
    why: str = ""


def main_act(worklist: str, acts: Iterable[str]) -> str:
    """The act that leads on from a list, of several the first that is in order."""
    main = MAIN.get(worklist, "")
    return next((name for name in OBJECTED if name in acts), "") if main == "answer_objection" else main


@logged_in
def record(service: str, category: str, key: str) -> Any:
    """一件个案或记录：现状、下一步、决定及说明、办理过程。"""
    thing = things.thing(portal(), service, category)
    read = portal().doors[service, thing.read]
    if not who().may(read.permission):
        raise Refused("forbidden", "您的岗位无权查看此记录。", None)
    at, purpose = looking_back(), purpose_asked()
    if not purpose and (thing.personal or "for" in request.args):
        return _purpose(thing, request.args)
    purpose = purpose or usual()
    shape = {"shape": category} if thing.read == "get_record" else {}
    meant = {thing.asks: request.args["item"]} if thing.asks and request.args.get("item") else {}
    state = ask(service, thing.read, purpose, **{thing.key: key}, **shape, **meant)
    items = _items(thing, state)
    item = request.args.get("item", "")
    if item not in items:
        item = next(reversed(items), "")  # the newest
    next_ = ask(service, "get_acts", category=category, key=key, item=item)
    acts, waits = _acts(service, key, next_["acts"])
    case = category == "case"
    run = category == "payment_run"
    lines, more_lines = run_lines(service, key) if run else ([], 0)
    decisions, payments, preparing = _paid(service, key, purpose, at) if case else ([], [], "")
    return render_template(
        "desk/record.html",
        service=service,
        category=category,
        key=key,
        thing=thing,
        state=state,
        status=words.said(state.get("status", "")),
        stands=next_["stands"],
        main=main_act(next_["stands"].get("worklist", ""), [act["act"] for act in next_["acts"]]),
        acts=acts,
        waits=waits,
        related=[] if at else _related(service, category, key, state),
        members=[] if at or category != "household" else _of_members(service, key, state),
        steps=ask(service, "get_steps", purpose, category=category, key=key, item=item),
        facts={n: v for n, v in state.items() if n not in ELSEWHERE and v not in (None, "", [], {})},
        decision=_decision(state if case else items.get(item)),
        decisions=decisions,
        payments=payments,
        preparing=preparing,
        money=_money(state) if run else None,
        lines=lines,
        more_lines=more_lines,
        picture=_money_picture(state) if run else Markup(""),
        subject=_subject(service, state),
        file=thing.key in FILES,
        purpose=purpose,
        reference=reference_asked(),
        purposes=PURPOSES,
        items=items,
        item=item,
        at=at,
        moment=field_value(at or portal().clock.now()),
        kept={n: request.args[n] for n in ("item", "for", "reference") if request.args.get(n)},
        link=_link,
        done=_done(),
        here=request.full_path.rstrip("?"),
        new_id=lambda: str(uuid.uuid4()),
    )


@logged_in
def purpose(service: str, category: str, key: str) -> Any:
    """查阅目的和文号：先行核对，再打开记录。"""
    thing = things.thing(portal(), service, category)
    given = {n: value for n in KEPT if (value := request.form.get(n, "").strip())}
    try:
        given["for"], _ = looking.why({looking.PURPOSE: given.get("for"), looking.REFERENCE: given.get("reference")})
    except Refused as refused:  # what must not be kept does not get into an address either
        return _purpose(thing, given, refused.message), status_of(refused)
    return redirect(things.address(service, category, key, **given), 303)


def _purpose(thing: things.Thing, given: Mapping[str, str], refused: str = "") -> str:
    chosen = given["for"] if given.get("for") in PURPOSES else usual()
    return render_template("desk/purpose.html", thing=thing, purposes=PURPOSES, given=given, chosen=chosen, refused=refused)


def _link(**changes: str) -> str:
    """The page itself, but for what is changed."""
    query = {**{n: request.args.get(n, "") for n in KEPT}, **changes}
    return f"?{urlencode({n: value for n, value in query.items() if value})}"


def _paid(service: str, key: str, why: str, at: datetime | None) -> tuple[list[Any], list[Any], str]:
    """Decisions and payments of a case. Of an earlier moment they need its read model: while that is made, what is said instead."""
    try:
        return ask(service, "list_decisions", why, case_id=key), ask(service, "list_payments", why, case_id=key), ""
    except Unavailable as preparing:
        if at is None:
            raise
        return [], [], preparing.message


def _done() -> str:
    """What was just done, by the name of its door; only what there is."""
    service, _, method = request.args.get("done", "").partition(".")
    info = portal().doors.get((service, method))
    return title(info) if info is not None else ""


# -- what may be done


def _acts(service: str, key: str, found: list[dict[str, Any]]) -> tuple[list[Act], list[Act]]:
    """What this visitor may do now, and what waits for other hands or another day."""
    mine: list[Act] = []
    others: list[Act] = []
    for row in found:
        info = portal().doors[service, row["act"]]
        names = [f.name for f in dataclasses.fields(info.form)]
        given = {names[0]: key, **{name: str(value) for name, value in row["given"].items()}}
        why = row["why"]
        if not row["permitted"]:
            why = f"由{roles_with(row['permission'])}办理。{why if row['refused'] == 'not_yet_due' else ''}"
        ready, free = set(names) == set(given), row["permitted"] and not row["refused"]
        act = Act(info, title(info), about(info), f"/desk/{service}/do/{info.method}", given, ready, free, why)
        (mine if act.mine else others).append(act)
    return mine, others


def _related(service: str, category: str, key: str, state: Mapping[str, Any]) -> list[Act]:
    """Other acts that can be begun from here: those whose forms ask for this record, and for nothing else that must be looked up."""
    thing = things.THINGS.get(category)
    if thing is None or thing.key in ("month", "run_id", "cut_over_id", "verification_id", "campaign_id", "division"):
        return []
    known = {thing.key: key, **{n: str(state[n]) for n in ALSO.get(category, ()) if state.get(n)}}
    if state.get("programme"):
        known["programme"] = str(state["programme"])
    decider = next((d for d in discovery.deciders(service) if d.category == f"{service}.{category}"), None)
    own = frozenset(decider.decide) if decider else frozenset()
    opening = {m for d in things.declared(service).values() if isinstance(d, Declaration) for m in opening_acts(d)}
    found = []
    for (of, _), info in sorted(portal().doors.items()):
        if of != service or info.kind != "command" or not who().may(info.permission):
            continue
        if (info.does or info._form) in own or info.method in opening:
            continue
        fields = dataclasses.fields(info.form)
        owed = {f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        lookups = {n for n in owed if n.endswith("_id") and n not in ("spending_id", "draw_id", "report_id", "person_id")} | (
            owed & {"programme"}
        )
        given = {n: v for n, v in known.items() if n in {f.name for f in fields}}
        named = {n for n in given if n not in ("programme", "payee_id")}
        if named and lookups <= given.keys() and not (category == "case" and named == {"subject_id"} and "programme" not in given):
            found.append(_begun(service, info, given))
    if category == "case" and state.get("payee_id") and may(service, "propose_payee_account"):
        given = {"person_id": str(state["payee_id"]), "division": str(state["division"])}
        found.append(_begun(service, portal().doors[service, "propose_payee_account"], given))
    return found


def _begun(service: str, info: DoorInfo, given: Mapping[str, str]) -> Act:
    return Act(info, title(info), about(info), f"/desk/{service}/do/{info.method}", given, False, True)


def _of_members(service: str, key: str, state: Mapping[str, Any]) -> list[tuple[str, str, list[Act]]]:
    """Who belongs to a household, and the acts about one person of it: those whose forms ask for him, and for no other record."""
    known = {"household_id": key, "division": str(state["division"])}
    asked = []
    for (of, _), info in sorted(portal().doors.items()):
        fields = dataclasses.fields(info.form)
        owed = {f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        lookups = {n for n in owed if n.endswith("_id") and n != "spending_id"} | owed & {"programme", "number"}
        own = of == service and info.kind == "command" and info.method not in NOT_OF_MEMBERS and who().may(info.permission)
        if own and "person_id" in owed and lookups <= {"person_id", "household_id"}:
            asked.append((info, {n: v for n, v in known.items() if n in {f.name for f in fields}}))
    return [
        (person_id, f"{m['name']}（{m['relation']}）", [_begun(service, info, {"person_id": person_id, **given}) for info, given in asked])
        for person_id, m in state["members"].items()
    ]


# -- the parts of the page


TOLD = ("month", "eligible", "amount_fen", "reason", "lines", "rules_version", "parameters_version", "placeholder")


def _decision(of: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of a case or a matter: what is proposed, or what was decided last; the outcome, the amount, and every line it was reached by."""
    if of is None:
        return None
    proposal = of.get("proposal")
    proposed = proposal is not None and of["status"] in ("publicised", "proposed")
    decided = (proposal or of.get("first") or {}).get("assessment") if "matter_id" in of else of.get("last_assessment")
    assessment = (proposal or {})["assessment"] if proposed else decided
    if not assessment:
        return None
    return {
        "proposed": proposed,
        **{n: (proposal or {}).get(n) if proposed else None for n in ("publicised_until", "by", "reviewed")},
        "outcome": outcome(str(assessment["outcome"])),
        **{n: assessment[n] for n in TOLD},
        "pays": (of.get("terms") or {}).get("payment") != "none",
    }  # fmt: skip


def _subject(service: str, state: Mapping[str, Any]) -> dict[str, str]:
    """Whose case it is: where the file is, to be looked at with a purpose."""
    declared = things.declared(service).get(str(state.get("programme", "")))
    subject, kind = str(state.get("subject_id") or ""), getattr(declared, "subject", "")
    if not subject or len(subject) != 32:
        return {}
    if service == "eldercare":
        category = "elder"
    else:
        category = "household" if kind == "household" else "person_facts"
    return {"category": category, "key": subject, "title": things.THINGS[category].title}


def _items(thing: things.Thing, state: Mapping[str, Any]) -> dict[str, Any]:
    return dict(state.get(thing.items) or {}) if thing.items else {}


def _money(state: Mapping[str, Any]) -> dict[str, Any]:
    """What went in and what came of it, in lines and in fen: in = paid + failed + held."""
    ends = list((state.get("outcomes") or {}).values())

    def sums(parts: list[Any], count: str, fen: str) -> tuple[int, int]:
        return sum(p[count] for p in parts), sum(p[fen] for p in parts)

    listed = sums(state.get("parts") or [], "count", "total_fen")
    paid, failed, held = (sums(ends, n, f"{n}_fen") for n in ("paid", "failed", "held"))
    told = (paid[0] + failed[0] + held[0], paid[1] + failed[1] + held[1])
    return {
        "listed": listed, "sent": sums(state.get("sent") or [], "count", "total_fen"), "paid": paid, "failed": failed, "held": held,
        "told": told, "open": (listed[0] - told[0], listed[1] - told[1]), "parts": len(state.get("parts") or []), "ends": len(ends),
    }  # fmt: skip


def _money_picture(state: Mapping[str, Any]) -> Markup:
    m = _money(state)
    names = {"listed": "应发", "sent": "送发", "paid": "实发", "failed": "失败", "held": "暂缓"}
    return pictures.bars("发放金额", [pictures.Bar(said, m[n][1], f"{m[n][1] / 100:,.2f}元") for n, said in names.items()])


def add(pages: Blueprint) -> None:
    pages.get("/<service>/<category>/<key>")(record)
    pages.post("/<service>/<category>/<key>", endpoint="purpose")(purpose)

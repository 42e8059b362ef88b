"""Dead letters (死信): what no reaction could handle, by kind and one by one; given back or discarded for a reason.

A letter's content stays sealed: where it came from, why it was set aside and how often it was tried is what an operator goes by. An act is
asked for twice (the form, then what exactly will be done) and done once: sent again, it finds its own event in the letter's history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for

from services.portal.ops.overview import queue_name
from services.portal.ops.seeing import may_act, operating, service_name
from services.portal.web.asked import whole
from services.portal.web.identity import who
from services.portal.web.portal import here as portal
from services.portal.web.problems import status_of
from shared.domain.errors import Refused, Unavailable
from shared.eventlog import discovery
from shared.eventlog.acts import Acts
from shared.eventlog.client import LogUnavailable
from shared.eventlog.moments import NoSuchStream, events_of
from shared.eventsourcing.codec import Recorded
from shared.eventsourcing.titles import title
from shared.messaging.dead_letters import REASONS, DeadLetters, Letter
from shared.operations import DEAD_LETTER, DeadLetterDiscarded, DeadLetterReplayed, Records, reason

SHOWN = 200  # letters on one page; whoever has more sees to them by kind
LATELY = timedelta(days=30)
Done = type[DeadLetterReplayed] | type[DeadLetterDiscarded]
ACTS: dict[str, tuple[str, Done]] = {"replay": ("重放", DeadLetterReplayed), "discard": ("丢弃", DeadLetterDiscarded)}


@dataclass(frozen=True)
class Kind:
    """Letters of one reaction with one reason."""

    queue: str
    reason: str
    letters: Sequence[Letter]


# ---- looking -----------------------------------------------------------------------------------------------------------


@operating
def letters() -> Any:
    """死信清单，按种类与逐件。"""
    found = _letters()
    return render_template(
        "ops/letters.html",
        kinds=_kinds(found),
        letters=found[:SHOWN],
        more=max(0, len(found) - SHOWN),
        lately=_lately(),
        given=_count("given"),
        left=_count("left"),
        may_act=may_act(),
        **_words(),
    )


@operating
def letter(letter_id: str) -> Any:
    """一件死信：来历、原因、何人何时办过什么。"""
    found = [one for one in _letters() if one.id == letter_id]
    known = _history(letter_id)
    if not found and not known:
        raise Refused("not_found", "没有这件死信。", None)
    done = ACTS[request.args["done"]][0] if request.args.get("done") in ACTS else ""
    return render_template(
        "ops/letter.html",
        letter_id=letter_id,
        letter=found[-1] if found else None,
        times=len(found),
        history=known,
        done=done,
        may_act=may_act(),
        **_words(),
    )


def _house() -> DeadLetters:
    settings = portal().settings
    return DeadLetters(settings.amqp_uri, settings.master_key, discovery.services())


def _letters() -> Sequence[Letter]:
    return _house().list()


def _kinds(found: Sequence[Letter]) -> list[Kind]:
    by: dict[tuple[str, str], list[Letter]] = {}
    for one in found:
        by.setdefault((one.queue, one.reason), []).append(one)
    return sorted((Kind(*key, of) for key, of in by.items()), key=lambda kind: -len(kind.letters))


def _history(letter_id: str) -> list[Recorded] | None:
    """What was done to a letter; None when the log does not answer."""
    try:
        return events_of(portal().log, DEAD_LETTER.stream(letter_id))
    except NoSuchStream:
        return []
    except LogUnavailable:
        return None


def _lately() -> list[dict[str, str]]:
    """The newest acts of the last days, by the audit index."""
    model = discovery.read_model(discovery.PORTAL)
    assert model is not None
    index = Acts(portal().read, model, portal().profile.division_code, (discovery.OPERATIONS,))
    try:
        found = index.of_actor("", since=portal().clock.now() - LATELY, limit=5_000)
    except sa.exc.SQLAlchemyError:
        return []
    newest = reversed(found[-50:])
    return [{"at": a.recorded_at, "by": a.actor, "title": a.title, "letter": a.stream.partition("-")[2]} for a in newest]


def _count(name: str) -> int | None:
    return whole(request.args.get(name, ""), 7)


def _words() -> dict[str, Any]:
    """For the templates: codes in words."""
    return {"reasons": REASONS, "queue_name": queue_name, "service_name": service_name, "title": title}


# ---- acting ------------------------------------------------------------------------------------------------------------


@operating
def act(letter_id: str, what: str) -> Any:
    """重放或丢弃一件死信：先写理由，再确认。"""
    name, kind = ACTS[what]
    _permitted()
    if request.method == "GET" or "back" in request.form:
        found = [one for one in _letters() if one.id == letter_id]
        if not found:
            raise Refused("not_found", "没有这件死信，可能已被别人重放或丢弃。", None)
        known = _history(letter_id)
        if known is None:
            raise Unavailable("事件日志没有答复：何人、为何办理须先记入日志，请稍后重试。")
        return _form(what, found, letter_id=letter_id, failed_at=found[-1].failed_at, seen=len(known))
    form = request.form
    given = {"letter_id": letter_id, "failed_at": form.get("failed_at", ""), "seen": form.get("seen", "")}
    try:
        why = reason(form.get("why", ""))
        if "confirmed" not in form:
            return render_template("ops/confirm.html", what=what, name=name, why=why, count=1, **given, **_words())
        _do(what, letter_id, given["failed_at"], why)
    except Refused as refused:
        if refused.code not in ("not_found", "version_conflict") or not _done_already(letter_id, kind, given["seen"]):
            return _refused(what, refused, **given)
    return redirect(url_for("ops.letter", letter_id=letter_id, done=what), 303)


@operating
def replay_kind() -> Any:
    """重放同一种类的全部死信：先写理由，再确认。"""
    _permitted()
    queue, code = request.values.get("queue", ""), request.values.get("reason", "")
    if request.method == "GET" or "back" in request.form:
        found = [one for one in _letters() if (one.queue, one.reason) == (queue, code)]
        if not found:
            raise Refused("not_found", "没有这一种类的死信，可能已被别人重放或丢弃。", None)
        return _form("replay", found, queue=queue, reason=code, failed_at=found[-1].failed_at)
    given = {"queue": queue, "reason": code, "failed_at": request.form.get("failed_at", ""), "count": request.form.get("count", "")}
    try:
        why = reason(request.form.get("why", ""))
        if "confirmed" not in request.form:
            return render_template("ops/confirm.html", what="replay", name="重放", why=why, **given, **_words())
        hand, records = who().hand, _records()

        def of_this_kind(one: Letter) -> bool:
            # Whatever failed after the form was shown was not what the operator saw; a repeated form finds nothing more to do.
            return (one.queue, one.reason) == (queue, code) and one.failed_at <= given["failed_at"]

        done, left = _house().replay_all(lambda one: records.replayed(one, hand, why), of_this_kind)
    except Refused as refused:
        return _refused("replay", refused, **given)
    return redirect(url_for("ops.letters", given=done, left=len(left)), 303)


def _permitted() -> None:
    if not may_act():
        raise Refused("forbidden", "您的岗位或辖区无权重放、丢弃死信。", None)


def _do(what: str, letter_id: str, failed_at: str, why: str) -> None:
    hand, records = who().hand, _records()

    def record(found: Letter) -> None:
        if found.failed_at > failed_at:
            raise Refused("version_conflict", "您打开此页之后，这件死信又失败过一次，请返回重新查看。", None)
        (records.replayed if what == "replay" else records.discarded)(found, hand, why)

    if what == "replay":
        _house().replay(letter_id, record)
    else:
        _house().discard(letter_id, why, hand.actor, record)


def _done_already(letter_id: str, kind: Done, seen: str) -> bool:
    """Whether this very form was sent before: since it was shown, its act has been recorded by the same hand, and the letter has moved."""
    known = _history(letter_id) or []
    after = whole(seen, 7)
    since = known[after:] if after is not None else []
    done = [r.event.failed_at for r in since if isinstance(r.event, kind) and r.meta.actor == who().hand.actor]
    return bool(done) and not any(one.id == letter_id and one.failed_at in done for one in _letters())


def _form(what: str, found: Sequence[Letter], **given: Any) -> Any:
    given = {"letter": found[-1], "count": len(found), "why": request.form.get("why", ""), **given}
    return render_template("ops/act.html", what=what, name=ACTS[what][0], **given, **_words())


def _refused(what: str, refused: Refused, **given: Any) -> Any:
    """The form again with what was wrong and all that was typed."""
    given = {"count": 1, "why": request.form.get("why", ""), **given}
    return render_template("ops/act.html", what=what, name=ACTS[what][0], wrong=refused, **given, **_words()), status_of(refused)


def _records() -> Records:
    """Where acts are recorded."""
    return portal().records


def add(pages: Blueprint) -> None:
    pages.add_url_rule("/dead-letters", view_func=letters, endpoint="letters")
    pages.add_url_rule("/dead-letters/replay", view_func=replay_kind, endpoint="replay_kind", methods=["GET", "POST"])
    pages.add_url_rule("/dead-letters/<letter_id>", view_func=letter, endpoint="letter")
    pages.add_url_rule("/dead-letters/<letter_id>/<any(replay, discard):what>", view_func=act, endpoint="act", methods=["GET", "POST"])

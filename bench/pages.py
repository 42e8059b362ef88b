"""Public pages under load (公开页面): two hundred requests a second among a hundred thousand recipients, by the portal's own processes.

The rows are folded by the portal's projector from disclosures in the log, each with a name sealed under a key of its own, as in life. The
limit is the reader's (50 milliseconds), not the machine's. What is asked for is spread so wide that most of it is in no memory: any
village, any page of a list, any past day.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from bench.parts import Parts, Row, Say, opened, row
from services.portal.read_model import MODEL
from shared.casework import disclosure
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.client import Raw
from shared.eventlog.stores import engine_for
from shared.eventsourcing import codec
from shared.eventsourcing.events import adopt
from shared.office import Office
from shared.process import free_port, wait_until
from shared.rules.profile import load_profile

PROGRAMME, RATE = "minimum_living_allowance", 200  # requests a second
VILLAGES = 20  # of each town
DAY = datetime(2023, 6, 10, 9, tzinfo=SHANGHAI)
FIELDS = ("name", "members", "area", "amount_fen", "first_month", "status")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"


def pages(parts: Parts, recipients: int, seconds: float, say: Say) -> list[Row]:
    """p50 and p95 of public pages, each timed from when it was due; the rows in PostgreSQL where DATABASE_URL names one."""
    where = ""
    if url := os.environ.get("DATABASE_URL"):
        parts.in_postgresql(url)
        where = "，PostgreSQL"
    discovery.load_all()
    adopt("assistance", disclosure.SHAPE)
    uri = parts.eventlog()
    parts.on(DAY)
    settings = parts.settings()
    office = Office(settings, "assistance")
    towns = [place.code for place in _towns(settings.profile)]
    listed = [_listed(n, towns) for n in range(recipients)]
    office.vault.prepare(person for person, _, _ in listed)
    events = parts.write((_stream(case), [_disclosed(office, person, case, place)]) for person, case, place in listed)
    office.close()
    say(f"{events:,} 名在保对象的公开事件已写入")
    with opened(uri) as log:
        head = log.head("assistance.")
    parts.start("projector", "shared.cli", "projector", "portal", limit=120 + events / 100)
    engine = engine_for(settings, "portal")
    if not wait_until(lambda: (at := MODEL.checkpoint(engine)) is not None and at.position >= head, 120 + events / 100, 0.5):
        raise RuntimeError("读模型没有赶上")
    engine.dispose()
    parts.end("projector")
    port = free_port()
    parts.start("portal", "shared.cli", "portal", "--port", str(port), MINZHENG_PORTAL_RATE="1000000/minute")
    task: dict[str, Any] = {"port": port, "rate": RATE, "paths": list(_asked(listed, towns, int(RATE * seconds)))}
    parts.run("bench.readers", {**task, "paths": task["paths"][: RATE * 3]}, 120)  # every process warm
    found: dict[str, Any] = parts.run("bench.readers", task, seconds + 120)
    if found["errors"]:
        raise RuntimeError(f"{found['failed']} 个失败：{found['errors']}")
    say(f"{found['count']:,} 次：p50 {found['p50']:.1f}，p95 {found['p95']:.1f}，最慢 {found['max']:.0f} 毫秒")
    return [row(f"公开页面 p95（每秒 {RATE} 次，{recipients:,} 名在保{where}）", found["p95"], 50.0, "毫秒", "<= 1")]


def _towns(profile: str) -> Any:
    from services.portal.web.places import places_of

    return places_of(load_profile(profile)).towns


def _stream(case_id: str) -> str:
    return f"assistance.{disclosure.SHAPE}-{case_id}"


def _listed(n: int, towns: list[str]) -> tuple[str, str, str]:
    """(person, case, village) of one recipient."""
    made = uuid.uuid5(uuid.NAMESPACE_OID, f"recipient {n}")
    return made.hex, str(made), f"{towns[n % len(towns)]}{1 + n // len(towns) % VILLAGES:03d}"


def _disclosed(office: Office, person_id: str, case_id: str, place: str) -> Raw:
    members, n = 1 + int(case_id[0], 16) % 4, int(case_id[1:3], 16)
    name = f"{SURNAMES[n % len(SURNAMES)]}*"
    shown = disclosure.Shown(place, person_id, members, "rural", 30_000 + 100 * n, "2023-07", "in_force", name)
    event = disclosure.DisclosurePublished(
        case_id, PROGRAMME, place, "recipient", FIELDS, shown, "surname", 7, date(2023, 6, 10),
        disclosure.Counted(place, members, shown.amount_fen or 0),
    )  # fmt: skip
    kind, data = codec.encode(event, office.vault.seal, "assistance")
    meta = codec.Meta(
        correlation_id=case_id, causation_id=case_id, command_id=case_id, command_hash="", schema=1, actor="service:assistance",
        division=place, occurred_at=DAY, recorded_at=DAY,
    )  # fmt: skip
    return Raw(kind, data, codec.encode_meta(meta), case_id)


def _asked(listed: list[tuple[str, str, str]], towns: list[str], count: int) -> Iterator[str]:
    """What readers ask for: overviews by some, lists by most, at any place and any page; past days by a few."""
    chance = random.Random(11)  # noqa: S311 - not a secret
    base = f"/sunshine/recipients/{PROGRAMME}"
    fixed = ("/", "/sunshine/standards", "/sunshine/indicators", "/sunshine/payments", "/sunshine/proposals", "/sunshine/funds", base)
    for _ in range(count):
        _, case, village = chance.choice(listed)
        kind = chance.random()
        if kind < 0.3:
            yield chance.choice(fixed)
        elif kind < 0.5:
            yield f"{base}/{chance.choice(towns)}"
        elif kind < 0.7:
            yield f"{base}/{village}"
        elif kind < 0.9:
            yield f"{base}/{village[:9]}?after={village}~{_stream(case)}"
        else:
            yield f"{base}/{village}?on=2023-06-{chance.randrange(1, 10):02d}" if kind < 0.95 else f"{chance.choice(fixed)}?on=2023-06-09"

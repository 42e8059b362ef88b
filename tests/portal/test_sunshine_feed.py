"""The feed of what is new: nothing is lost behind its end, corrections and withdrawals are in it, and what a hand took back is not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from services.portal.sunshine import public
from services.portal.web.app import create_app
from shared.casework.disclosure.events import (
    DisclosureCorrected,
    DisclosureFieldsHidden,
    DisclosurePublished,
    DisclosureRestored,
    DisclosureWithdrawn,
    Shown,
)
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.client import NO_STREAM, Raw
from shared.eventsourcing import codec
from tests.desk import Desk, desk
from tests.portal.sunshine import District

LIVING, HIDDEN_NAME = "minimum_living_allowance", "hardship_aged_disabled_subsidy"
ATOM, HISTORY = "{http://www.w3.org/2005/Atom}", "{http://purl.org/syndication/history/1.0}"
XIZHOU, SHIPU, HEPU, DANXI = "330225101001", "330225100002", "330225102003", "330225002001"
FIELDS = ("members", "amount_fen")


class Told:
    """Disclosures as their services would record them, each on a day."""

    def __init__(self, d: Desk) -> None:
        self.d, self.versions = d, dict[str, int]()

    def on(self, day: str, case: str, event: Any) -> None:
        at = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=SHANGHAI)
        name, data = codec.encode(event, lambda _person, text: text, "assistance")
        meta = codec.Meta(
            correlation_id="c", causation_id="c", command_id=str(uuid.uuid4()), command_hash="", schema=1, actor="service:assistance",
            division="330225", occurred_at=at, recorded_at=at,
        )  # fmt: skip
        stream = f"assistance.disclosure-{case}"
        before = self.versions.get(stream, NO_STREAM)
        self.d.offices["portal"].log.append(stream, [Raw(name, data, codec.encode_meta(meta), str(uuid.uuid4()))], before)
        self.versions[stream] = before + 1

    def published(self, day: str, case: str, place: str, fen: int = 80_000, programme: str = LIVING) -> None:
        until = date.fromisoformat(day).replace(day=28)
        shown = Shown(place, "", 2, "", fen)
        self.on(day, case, DisclosurePublished(case, programme, place, "proposal", FIELDS, shown, "", 1, until, None, until))

    def corrected(self, day: str, case: str, place: str, fen: int) -> None:
        self.on(day, case, DisclosureCorrected(FIELDS, Shown(place, "", 2, "", fen), ("amount_fen",), "改算", 2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """Publicity from January to June 2023, a standard that was taken back, an inspection that was cancelled."""
    with desk(tmp_path_factory.mktemp("feed"), "assistance", "portal", MINZHENG_PORTAL_RATE="100000/minute") as d:
        discovery.load_all()
        made, told = District(d, create_app(d.settings)), Told(d)
        public.FRESH, fresh = -1.0, public.FRESH
        for n in range(1, 28):  # more than sixty in January alone
            for place in (XIZHOU, SHIPU, HEPU):
                told.published(f"2023-01-{n:02d}", f"jan-{n}-{place}", place)
        told.published("2023-03-06", "plain", XIZHOU)
        told.corrected("2023-03-08", "plain", XIZHOU, 90_000)
        told.on("2023-03-09", "plain", DisclosureWithdrawn("审核结果作废", False, False))
        told.published("2023-03-06", "held", HEPU)
        told.on("2023-03-10", "held", DisclosureWithdrawn("人身安全", True, False, "staff:1"))
        told.published("2023-05-04", "held in may", HEPU)  # and nothing else of that month
        told.on("2023-05-10", "held in may", DisclosureWithdrawn("人身安全", True, False, "staff:1"))
        told.published("2023-03-06", "hidden", DANXI)
        told.on("2023-03-10", "hidden", DisclosureFieldsHidden(("place",), "本人请求", "staff:1"))
        told.corrected("2023-03-10", "hidden", DANXI[:9], 80_000)
        told.published("2023-06-05", "elder", SHIPU, programme=HIDDEN_NAME)
        d.on("2023-06-06")
        number = d.call(
            "draft_standard", "reviewer", standard=f"{LIVING}.standard", amounts=[{"area": "both", "amount_fen": 130000}],
            effective_from="2023-08-01", document_no="象民〔2023〕11号",
        )["number"]  # fmt: skip
        d.call("approve_standard", "approver", number=number)
        d.call("publish_standard", "approver", number=number)
        opening = {"programme": "support_institution_governance", "division": "330225", "title": "六月抽查", "scope": "全部机构"}
        record = d.call("open_campaign", "reviewer", **opening, period_from="2023-06-06", check_by="2023-12-31")["id"]
        d.on("2023-06-09")
        d.call("withdraw_standard", "approver", actor="staff:second", number=number, reason="文号有误")
        d.call("cancel_campaign", "approver", record_id=record, reason="并入下半年")
        d.on("2023-06-20")
        d.project()
        yield made
        public.FRESH = fresh


def document(made: District, path: str) -> ET.Element:
    answer = made.client.get(path)
    assert answer.status_code == 200, path
    assert answer.mimetype == "application/atom+xml"
    return ET.fromstring(answer.get_data())  # noqa: S314 - our own


def link(root: ET.Element, rel: str) -> str:
    return next((one.attrib["href"] for one in root.findall(f"{ATOM}link") if one.attrib["rel"] == rel), "")


def entries(root: ET.Element) -> list[tuple[str, str, str]]:
    """(day, category, title) of each."""
    found = []
    for entry in root.findall(f"{ATOM}entry"):
        category = entry.find(f"{ATOM}category")
        assert category is not None
        found.append((entry.findtext(f"{ATOM}updated", "")[:10], category.attrib["term"], entry.findtext(f"{ATOM}title", "")))
    return found


def whole(made: District, on: str = "", follow: str = "prev-archive") -> list[tuple[str, str, str]]:
    """What a reader has who follows the links to the end."""
    path, found, seen = f"/sunshine/feed.atom{f'?on={on}' if on else ''}", list[tuple[str, str, str]](), set[str]()
    while path:
        assert path not in seen
        seen.add(path)
        root = document(made, path)
        if len(seen) > 1:
            assert root.find(f"{HISTORY}archive") is not None
            assert link(root, "current").startswith("/sunshine/feed.atom")
        found += entries(root)
        path = link(root, follow)
    return found


def test_a_reader_who_follows_the_links_has_everything_once(made: District) -> None:
    """All 81 entries of January, behind five months in which there was little; by the links of an archive and by those of a paged feed."""
    found = whole(made)
    assert found == whole(made, follow="next")
    assert [day for day, _, _ in found] == sorted((day for day, _, _ in found), reverse=True)
    assert sum(day.startswith("2023-01") for day, _, _ in found) == 81
    current = document(made, "/sunshine/feed.atom")
    assert {day[:7] for day, _, _ in entries(current)} == {"2023-06"}
    assert link(current, "prev-archive") == "/sunshine/feed/2023-03.atom"  # not May, of which a hand took everything back
    ids = [e.findtext(f"{ATOM}id") for e in current.findall(f"{ATOM}entry")]
    assert len(set(ids)) == len(ids)


def test_corrections_and_withdrawals_are_news(made: District) -> None:
    """Of a publicity by day, programme and town; of a standard, of an inspection. What was published before stays published."""
    found = whole(made)
    assert [e for e in found if "西周镇" in e[2] and e[0].startswith("2023-03")] == [
        ("2023-03-09", "撤回", "公示撤回：最低生活保障（西周镇）"),
        ("2023-03-08", "更正", "公示更正：最低生活保障（西周镇）"),
        ("2023-03-06", "公布", "公示：最低生活保障（西周镇）"),
    ]
    standards = sorted((day, kind) for day, kind, title in found if "象民〔2023〕11号" in title)
    assert standards == sorted([("2023-06-06", "公布"), ("2023-06-09", "撤回")] * (len(standards) // 2))
    assert standards
    assert ("2023-06-09", "撤回", "检查取消：六月抽查") in found


def test_what_a_hand_took_back_is_in_no_entry_of_any_day(made: District) -> None:
    """Neither that it was public nor that it ended; of hidden fields no correction; the programme that tells is called otherwise."""
    for on in ("", "2023-03-09", "2023-03-10", "2023-06-07"):
        found = whole(made, on)
        assert not [e for e in found if "鹤浦镇" in e[2] and e[0].startswith("2023-03")], on
        assert [e[:2] for e in found if "丹西街道" in e[2]] == [("2023-03-06", "公布")], on
        assert not [e for e in found if "失能" in e[2] or HIDDEN_NAME in e[2]]
    assert ("2023-06-05", "公布", "公示：养老服务补贴（石浦镇）") in whole(made)


def test_a_past_day_knows_no_later_news(made: District) -> None:
    """What was corrected or withdrawn afterwards was not yet."""
    assert max(day for day, _, _ in whole(made, "2023-03-08")) == "2023-03-08"
    assert not [e for e in whole(made, "2023-03-08") if e[1] == "撤回"]
    assert not [e for e in whole(made, "2023-06-08") if e[1] == "撤回" and e[0] >= "2023-06"]


def test_a_month_that_is_not_over_or_is_none_has_no_archive(made: District) -> None:
    """Refused in words; one without news is a document without entries."""
    for month, status in (("2023-06", 404), ("2024-01", 404), ("2023-13", 422), ("x", 422), ("2023-6", 422)):
        assert made.client.get(f"/sunshine/feed/{month}.atom").status_code == status, month
    assert made.client.get("/sunshine/feed/2023-03.atom?on=2023-03-20").status_code == 404
    assert entries(document(made, "/sunshine/feed/2023-04.atom")) == []


def test_what_comes_back_is_news_again(made: District) -> None:
    """A hand's withdrawal that another lifted: its publication is in the feed as before."""
    told = Told(made.desk)
    told.versions["assistance.disclosure-held"] = 1
    told.on("2023-06-19", "held", DisclosureRestored("已解除", "staff:2"))
    told.published("2023-06-19", "held", HEPU)
    made.desk.project()
    assert ("2023-06-19", "公布", "公示：最低生活保障（鹤浦镇）") in whole(made)

"""Parts of the audit pages by themselves: the picture of causes, the kept report, and the names of fields."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from services.portal.audit import said, seeing
from services.portal.web.pictures import LINES, Event, graph
from shared.clock import SHANGHAI
from shared.eventlog import discovery
from shared.eventlog.integrity import report
from shared.eventlog.walk import KINDS
from shared.eventsourcing.events import REGISTRY

SVG = "{http://www.w3.org/2000/svg}"
EVENTS = [
    Event(1, "a", "申请", "救助个案 · <b>li4</b>", "2023-03-01 09:00", "#e-1"),
    Event(5, "b", "授权", '核对 · "x"', "2023-03-02 09:00", "#e-5", "decision"),
    Event(9, "a", "发放", "救助个案 · 系统", "2023-04-03 09:00", "#e-9", "start"),
]


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))  # noqa: S314  made by ourselves a line above


def test_the_graph_has_every_event_and_every_line_between_two_of_them() -> None:
    """Time from above, one column a lane; a line whose other end is not drawn is left out; nothing given becomes markup."""
    made = graph("来由", EVENTS, [(1, 9, "before"), (1, 5, "caused"), (5, 9, "ground"), (0, 1, "refers")], about="说明")
    root = parsed(made)
    links = root.findall(f"{SVG}a")
    assert [link.get("href") for link in links] == ["#e-1", "#e-5", "#e-9"]
    assert "<b>li4</b>" in "".join(links[0].itertext())
    assert not root.findall(f".//{SVG}b")
    assert len([p for p in root.findall(f"{SVG}path") if p.get("fill") == "none"]) == 3
    heights = [float(link.find(f"{SVG}text").get("y", "0")) for link in links]  # type: ignore[union-attr]
    assert heights == sorted(heights)
    first, last = (link.find(f"{SVG}circle") for link in (links[0], links[2]))
    assert first is not None
    assert last is not None
    assert first.get("cx") == last.get("cx")
    assert graph("来由", [], [], about="") == ""


def test_many_lanes_fit_the_width() -> None:
    """However many matters there are, words and times stand within 1040 px."""
    many = [Event(n, f"lane-{n}", "来源答复", "家庭经济状况核对 · 系统", "2023-03-01 09:00", f"#{n}") for n in range(90)]
    root = parsed(graph("来由", many, [], about=""))
    assert root.get("width") == "1040"
    assert all(float(text.get("x", "0")) < 460 for text in root.findall(f".//{SVG}a/{SVG}text") if text.get("text-anchor") != "end")


def test_every_kind_of_edge_has_a_line() -> None:
    """What a walk may say, the picture can draw."""
    assert KINDS.keys() == LINES.keys()


def test_the_report_that_is_kept_is_the_last(tmp_path: Path) -> None:
    """None before the first; the newer one stands; what is no report of ours is none."""
    assert report.last(tmp_path) is None
    told = {"equal": 3, "unequal": 0, "older": 0, "findings": [], "others": []}
    report.keep(tmp_path, told, datetime(2023, 7, 3, tzinfo=SHANGHAI))
    report.keep(tmp_path, {**told, "equal": 4}, datetime(2023, 7, 4, tzinfo=SHANGHAI))
    found = report.last(tmp_path)
    assert found is not None
    assert (found["equal"], found["at"][:10]) == (4, "2023-07-04")
    assert [p.name for p in (tmp_path / "integrity").iterdir()] == ["decisions.json"]
    (tmp_path / report.FILE).write_text("[]")
    assert report.last(tmp_path) is None
    (tmp_path / report.FILE).write_text("{")
    assert report.last(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [("schedule.0.amount_fen", "各月金额 › 第1项 › 金额"), ("status", "状态"), ("paid.2023-04", "已发放 › 2023-04")],
)
def test_a_field_is_named_in_the_house_s_words(path: str, said: str) -> None:
    """Parts by their labels, places in a list from one, keys as they are."""
    assert seeing.field_name(path) == said


@pytest.mark.parametrize(
    ("stream", "file"),
    [
        ("assistance.household-9f3c", ("assistance", "9f3c")),
        ("assistance.case-1f3c-22", ("assistance", "1f3c-22")),
        ("assistance.payment_run-8787", None),
        ("assistance.looks-9f3c", None),
        ("operations.dead_letter-1", None),
    ],
)
def test_whose_file_a_stream_belongs_to(stream: str, file: tuple[str, str] | None) -> None:
    """A look is noted at somebody's file; runs, looks themselves and the operators' own acts are nobody's."""
    assert seeing.file_of(stream) == file


def _unsaid(kinds: Iterable[type], seen: set[type]) -> Iterator[str]:
    """The fields of these, and of what stands in them, that have no word."""
    for kind in kinds:
        if kind in seen:
            continue
        seen.add(kind)
        hints = typing.get_type_hints(kind)
        for f in dataclasses.fields(kind):
            if said.label(f.name) == f.name:
                yield f"{kind.__name__}.{f.name}"
            inner = [hints[f.name], *typing.get_args(hints[f.name])]
            inner += [a for one in inner[1:] for a in typing.get_args(one)]
            yield from _unsaid([one for one in inner if isinstance(one, type) and dataclasses.is_dataclass(one)], seen)


def test_every_field_of_every_event_and_of_every_rule_s_facts_has_a_word() -> None:
    """An auditor reads all of them; a code in English letters is no word."""
    discovery.load_all()
    rooms = [vars(module) for name, module in list(sys.modules.items()) if name.startswith("services.") and ".rules" in name]
    facts = [v for room in rooms for n, v in list(room.items()) if n.endswith("Facts") and dataclasses.is_dataclass(v)]
    events = [kind.cls for kind in REGISTRY.values() if kind.service in discovery.services()]
    assert len(facts) > 5
    assert len(events) > 100
    assert sorted(_unsaid([*events, *facts], set())) == []

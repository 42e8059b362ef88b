"""Pictures as inline SVG (图): bars, lines over time, a map of tiles, a graph of causes. Made on the server, no script, no colour alone.

Each has a title and a description for a screen reader; the page puts the same figures in a table beside it. Whoever calls gives texts
unescaped: everything is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

BLUE, SOFT, INK, LINE = "#0b4f8a", "#4d5968", "#1b2430", "#cfd6de"
_SHADES = ("#eef3f8", "#cfe0f0", "#9fc3e0", "#5b97c8", "#1f6cab", "#083c69")
SMALL_WIDTH = 360  # a picture so narrow fits on a phone as it is; a wider one is scrolled there
_FONT = 'font-family="Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"'


@dataclass(frozen=True)
class Bar:
    """One bar: what it is of, its length, and how the figure is said. ``value`` None = withheld (未公布)."""

    label: str
    value: float | None
    said: str


def _svg(width: int, height: int, title: str, about: str, inside: str, role: str = "img") -> Markup:
    # everything put into ``inside`` was escaped piece by piece; what holds links is a group, for an image has nothing inside
    small = ' class="small"' if width <= SMALL_WIDTH else ""
    return Markup(
        f'<svg{small} role="{role}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {_FONT} xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc>{inside}</svg>"
    )


def _text(x: float, y: float, said: str, *, anchor: str = "start", size: int = 14, fill: str = INK, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}>{escape(said)}</text>'


def _long(said: str, size: int = 14) -> float:
    """About how long a text is: a Chinese character is as wide as it is high, others about half."""
    return size * sum(0.58 if c.isascii() else 1.0 for c in said)


def bars(title: str, rows: Sequence[Bar], *, about: str = "", width: int = 720) -> Markup:
    """Horizontal bars, the longest as long as there is room."""
    most = max((r.value or 0 for r in rows), default=0) or 1
    left = 20 + max((_long(r.label[:14]) for r in rows), default=0.0)
    right, step = 24 + max((_long(r.said) for r in rows), default=0.0), 30
    room = max(40.0, width - left - right)
    inside = []
    for n, row in enumerate(rows):
        y = 12 + n * step
        inside.append(_text(left - 10, y + 15, row.label[:14], anchor="end"))
        if row.value is None:
            inside.append(_text(left + 8, y + 15, row.said, fill=SOFT))
            continue
        long = max(2.0, room * row.value / most) if row.value else 0
        inside.append(f'<rect x="{left:.1f}" y="{y}" width="{long:.1f}" height="20" rx="2" fill="{BLUE}"/>')
        inside.append(_text(left + long + 8, y + 15, row.said))
    return _svg(width, 24 + len(rows) * step, title, about or "；".join(f"{r.label}：{r.said}" for r in rows), "".join(inside))


def line(title: str, points: Sequence[Bar], *, about: str = "", width: int = 720, height: int = 240) -> Markup:
    """A figure over time: one point a label, in order."""
    known = [p.value for p in points if p.value is not None]
    most = max(known, default=0) or 1
    left, right, top, bottom = 20, 20, 30, 40
    across = (width - left - right) / max(1, len(points) - 1)
    end = len(points) - 1

    def anchor(n: int) -> str:
        return "start" if n == 0 else "end" if n == end else "middle"

    inside = [f'<line x1="{left}" y1="{height - bottom}" x2="{width - right}" y2="{height - bottom}" stroke="{LINE}"/>']
    path = []
    every = max(1, len(points) // 12)
    for n, p in enumerate(points):
        x = left + n * across
        if n % every == 0 or n == end:
            inside.append(_text(x, height - 14, p.label, anchor=anchor(n), size=12, fill=SOFT))
        if p.value is None:
            continue
        y = top + (height - top - bottom) * (1 - p.value / most)
        path.append(f"{x:.1f},{y:.1f}")
        inside.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{BLUE}"/>')
        if n % every == 0 or n == end:
            inside.append(_text(x, y - 9, p.said, anchor=anchor(n), size=12))
    inside.append(f'<polyline points="{" ".join(path)}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    return _svg(width, height, title, about or "；".join(f"{p.label}：{p.said}" for p in points), "".join(inside))


@dataclass(frozen=True)
class Tile:
    """One place on the map: its name, column and row, its figure (None = withheld) and how it is said. ``short``: its name, where the whole
    has no room."""

    name: str
    at: tuple[int, int]
    value: float | None
    said: str
    href: str = ""
    short: str = ""


def tiles(title: str, places: Sequence[Tile], *, about: str = "", size: int = 92) -> Markup:
    """A map of tiles: each place where it lies to the others, the darker the more; the figure stands on it."""
    if not places:
        return Markup("")
    most = max((p.value or 0 for p in places), default=0) or 1
    columns, rows = max(p.at[0] for p in places) + 1, max(p.at[1] for p in places) + 1
    inside = []
    for p in places:
        x, y = p.at[0] * size + 3, p.at[1] * size * 0.72 + 3
        shade = 0 if not p.value else 1 + min(4, int(4.999 * p.value / most))
        ink = "#fff" if shade >= 4 else INK
        tile = (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{size - 5}" height="{size * 0.72 - 5:.1f}" rx="4" '
            f'fill="{_SHADES[shade]}" stroke="{LINE}"/>'
            + _text(x + size / 2 - 2, y + 26, p.short or p.name, anchor="middle", size=14, fill=ink, bold=True)
            + _text(x + size / 2 - 2, y + 46, p.said, anchor="middle", size=12, fill=ink)
        )
        inside.append(f'<a href="{escape(p.href)}">{tile}</a>' if p.href else tile)
    said = about or "；".join(f"{p.name}：{p.said}" for p in places)
    role = "group" if any(p.href for p in places) else "img"
    return _svg(columns * size + 2, int(rows * size * 0.72) + 4, title, said, "".join(inside), role)


@dataclass(frozen=True)
class Steps:
    """A figure that holds from a day until the next: (day as an ordinal, value, how it is said)."""

    label: str
    values: tuple[tuple[int, float, str], ...]


_DASHES = ("", "8 4", "2 4", "10 3 2 3")


def steps(title: str, series: Sequence[Steps], last: int, years: Sequence[tuple[int, str]], *, about: str = "") -> Markup:
    """Lines that go up and down in steps, true to time, up to the day ``last``; ``years``: where the marks below stand. Lines differ by
    their dashes, and each is named at its end."""
    width, left, right, top, bottom = 720, 20, 170, 26, 34
    height = 200 + 16 * max(0, len(series) - 3)
    first = min((v[0] for one in series for v in one.values), default=last)
    most = max((v[1] for one in series for v in one.values), default=0) or 1
    across = (width - left - right) / max(1, last - first)

    def place(day: int, value: float) -> tuple[float, float]:
        return left + (min(max(day, first), last) - first) * across, top + (height - top - bottom) * (1 - value / most)

    base = height - bottom
    inside = [f'<line x1="{left}" y1="{base}" x2="{width - right}" y2="{base}" stroke="{LINE}"/>']
    for day, label in years:
        if first <= day <= last:
            x, _ = place(day, 0)
            inside.append(f'<line x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{base + 5}" stroke="{SOFT}"/>')
            inside.append(_text(x, height - 12, label, anchor="middle", size=12, fill=SOFT))
    taken: list[float] = []
    told: list[tuple[float, float, str]] = []  # where values stand already: of two lines that lie close one says its value below itself
    for n, one in enumerate(series):
        points, before = [], None
        for day, value, said in one.values:
            x, y = place(day, value)
            if before is not None:
                points.append(f"{x:.1f},{before:.1f}")
            points.append(f"{x:.1f},{y:.1f}")
            same = any(abs(x - a) < 1 and word == said for a, _, word in told)  # town and country alike: said once
            if (before is None or abs(before - y) > 1) and not same:
                free = [at for at in (y - 6, y + 15, y - 20, y + 29) if not any(abs(x - a) < 44 and abs(at - b) < 13 for a, b, _ in told)]
                told.append((x, free[0] if free else y - 6, said))
                inside.append(_text(x + 3, told[-1][1], said, size=12))
            before = y
        if before is None:
            continue
        points.append(f"{width - right:.1f},{before:.1f}")
        dash = f' stroke-dasharray="{_DASHES[n % 4]}"' if _DASHES[n % 4] else ""
        inside.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{BLUE}" stroke-width="2"{dash}/>')
        at = before + 4
        while any(abs(at - other) < 15 for other in taken):
            at += 15
        taken.append(at)
        inside.append(_text(width - right + 6, at, one.label[:12], size=13))
    said = about or "；".join(f"{one.label}：" + "，".join(v[2] for v in one.values) for one in series)
    return _svg(width, height, title, said, "".join(inside))


@dataclass(frozen=True)
class Event:
    """One event of a graph. ``lane``: the column it stands in; ``mark``: "start", "decision" or ""."""

    key: int
    lane: str
    label: str
    beside: str
    time: str
    href: str
    mark: str = ""


_RED, _BROWN = "#a3211a", "#8a5200"
# Kind of a line between two events -> (colour, width, dashes).
LINES = {
    "before": ("#8b97a5", 2.0, ""), "caused": (BLUE, 2.5, ""), "order": (BLUE, 2.5, "2 4"), "ground": (_BROWN, 2.0, "8 4"),
    "refers": (SOFT, 1.5, "2 4"),
}  # fmt: skip


def graph(title: str, events: Sequence[Event], links: Sequence[tuple[int, int, str]], *, about: str) -> Markup:
    """Causes and effects: time from above, a column for every lane in the order in which they come up, each event a link with its words
    at the right. ``links``: (cause, effect, kind). All of it reads at 1100 px however many events there are."""
    if not events:
        return Markup("")
    lanes = {lane: n for n, lane in enumerate(dict.fromkeys(e.lane for e in events))}
    step = min(30.0, 380 / len(lanes))
    width, row, left = 1040, 30, 22.0
    words_at = left + step * len(lanes) + 6
    at = {e.key: (left + lanes[e.lane] * step, 24.0 + n * row) for n, e in enumerate(events)}
    striped = range(0, len(events), 2)
    inside = [f'<rect x="0" y="{24 + n * row - row / 2:.0f}" width="{width}" height="{row}" fill="#f2f6fa"/>' for n in striped]
    for cause, effect, kind in sorted(links, key=lambda link: link[2] != "before"):
        if cause not in at or effect not in at:
            continue
        (x1, y1), (x2, y2) = at[cause], at[effect]
        colour, thick, dash = LINES[kind]
        aside, bend = (16, 8) if x1 == x2 else (0, min(40, (y2 - y1) * 0.6))  # within a column beside its own line
        curve = f"C{x1 - aside:.1f} {y1 + bend:.1f} {x2 - aside:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
        way = f"M{x1:.1f} {y1:.1f}" + (f"V{y2:.1f}" if x1 == x2 and kind == "before" else curve)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        inside.append(f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="{thick}"{dashes}/>')
    for e in events:
        x, y = at[e.key]
        fill = _RED if e.mark == "start" else BLUE
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{8 if e.mark == "start" else 6}" fill="{fill}" stroke="#fff" stroke-width="2"/>'
        if e.mark == "decision":
            shape = f'<path d="M{x:.1f} {y - 9:.1f}l9 9l-9 9l-9 -9Z" fill="{_BROWN}" stroke="#fff" stroke-width="2"/>'
        label = f'<tspan font-weight="700" fill="{fill if e.mark == "start" else INK}">{escape(e.label)}</tspan>'
        beside = f'<tspan fill="{SOFT}" font-size="13" dx="10">{escape(e.beside)}</tspan>'
        words = f'<text x="{words_at:.1f}" y="{y + 5:.1f}" font-size="14">{label}{beside}</text>'
        when = _text(width - 10, y + 5, e.time, anchor="end", size=12, fill=SOFT)
        inside.append(f'<a href="{escape(e.href)}">{shape}{words}{when}</a>')
    return _svg(width, 24 + len(events) * row, title, about, "".join(inside), "group")

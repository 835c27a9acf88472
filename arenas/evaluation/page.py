"""The page of a report: one self-contained HTML file, whose text from files is escaped."""

from __future__ import annotations

import html
import importlib.resources
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from arenas.evaluation.ratings import Rating
from arenas.evaluation.report import Report, methods_text

MANY = 16
"""Of more agents the payoff table's cells are small, and its numbers short."""

MOST_IN_GRAPH = 12
"""Agents in alpha-Rank's graph, those of the largest mass."""

MOST_LINES = 8
"""Lines in a plot of performance profiles."""

# From blue over a dark ground to orange: told apart by all common kinds of colour vision.
LOW, MIDDLE, HIGH = (0x56, 0xB4, 0xE9), (0x24, 0x2C, 0x37), (0xF0, 0xA0, 0x30)
LINES = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#e8edf2")


def html_page(report: Report) -> str:
    """The page, as text."""
    from arenas.renderers import html as films

    sections = [s for s in _sections(report) if s[2]]
    title = f"Tournament: {report.spec.id}"
    links = "".join(f'<li><a href="#{name}">{head}</a></li>' for name, head, _ in sections)
    body = "\n".join(
        f'<section id="{name}"><h2>{head}</h2>\n{content}</section>'
        for name, head, content in sections
    )
    blobs = "\n".join(
        f'<script type="text/plain" id="film-{i}">{s.blob}</script>'
        for i, s in enumerate(report.samples.values())
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{_e(title)}</title>
<style>
{_asset("report.css")}</style>
{films.player()}
</head>
<body>
<header>
<h1>{_e(title)}</h1>
{_lead(report)}
</header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{body}
</main>
<footer><p>Made by Arenas {_e(report.software["Arenas"])}; <span class="command">arenas report
DIR</span> makes it again from the folder's episodes.</p></footer>
<script type="application/json" id="report-data">{films.json_for_script(_data(report))}</script>
{blobs}
<script>
{_asset("report.js")}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    folder = importlib.resources.files("arenas.evaluation") / "browser"
    return (folder / name).read_text(encoding="utf-8")


def _e(text: Any) -> str:
    return html.escape(str(text))


def _number(value: int | float | None, digits: int = 4) -> str:
    """For people; a dash for what is undefined."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value + 0.0:.{digits}g}"  # no negative zeros
    if "e" in text and abs(value) >= 1:
        text = f"{value:,.0f}"
    elif "e" in text:
        text = np.format_float_positional(float(f"{value:.1g}"))
    return text.replace("-", "−")


def _data(report: Report) -> dict[str, Any]:
    """What the page's script needs."""
    table = report.table
    place = report.order()
    orders = [{"name": "standing", "order": place}]
    orders += [{"name": r.title, "order": [int(i) for i in r.order()]} for r in report.ratings]
    by_name = sorted(range(len(place)), key=lambda i: table.agents[i])
    orders.append({"name": "name", "order": by_name})
    return {
        "agents": list(table.agents),
        "mean": _finite(table.mean),
        "half": _finite(table.half_width()),
        "count": table.count.tolist(),
        "orders": orders,
        "films": [
            {
                "id": f"film-{i}",
                "pair": list(pair),
                "agents": list(s.agents),
                "seed": s.seed,
                "shown": s.shown,
                "length": s.length,
                "file": s.file,
            }
            for i, (pair, s) in enumerate(report.samples.items())
        ],
        "without": [[*pair, why] for pair, why in report.without.items()],
    }


def _finite(values: np.ndarray) -> list[Any]:
    return [[x if math.isfinite(x) else None for x in row] for row in values.tolist()]


# Sections ----------------------------------------------------------------------------------------


def _lead(report: Report) -> str:
    s = report.settings
    count = len(report.table.agents)
    parts = [
        f"{_e(report.spec.summary)}",
        f"{count} agents, {report.episodes:,} episodes, seed {_e(s['seed'])}, Arenas "
        f"{_e(', '.join(report.played_by))}.",
    ]
    lines = "".join(f'<p class="faint">{part}</p>' for part in parts)
    if report.missing:
        lines += (
            f'<p class="warning">{report.missing:,} planned episodes have not been played: '
            "the tournament was interrupted.</p>"
        )
    return lines


def _sections(report: Report) -> Iterator[tuple[str, str, str]]:
    """Anchor, heading and content; an empty content is left out."""
    yield "standings", "Standings", _standings(report)
    yield "payoffs", "Payoffs and replays", _payoffs(report)
    yield "ratings", "Ratings side by side", _ratings(report)
    yield "graph", "α-Rank’s graph", _graph(report)
    yield "exploitability", "Exploitability", _exploitability(report)
    yield "crossplay", "Cross-play", _crossplay(report)
    yield "profiles", "Comparisons", _comparisons(report)
    yield "methods", "Methods", _methods(report)
    yield "settings", "Settings, seeds and versions", _settings(report)
    yield "files", "Files", _files(report)


Cell = tuple[str, int | float | str | None]
"""What a cell shows, as HTML, and what it is sorted by; a word is itself."""


def _table(head: Sequence[str], rows: Iterable[Sequence[Cell]], words: Sequence[str] = ()) -> str:
    """A table that sorts by any column; those named in ``words`` hold text."""
    tops = []
    for name in head:
        kind = ' class="words" data-first="ascending"' if name in words else ""
        tops.append(f'<th scope="col"{kind}><button type="button">{_e(name)}</button></th>')
    lines = []
    for row in rows:
        cells = []
        for name, (shown, value) in zip(head, row, strict=True):
            if name in words:
                cells.append(f'<td class="words" title="{_e(value)}">{shown}</td>')
            else:
                known = isinstance(value, int | float) and math.isfinite(value)
                cells.append(f'<td data-value="{value if known else ""}">{shown}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll"><table class="sorts"><thead><tr>{"".join(tops)}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _plain(value: int | float | None, digits: int = 4) -> Cell:
    return _number(value, digits), value


def _standings(report: Report) -> str:
    contest = report.spec.kind == "competitive"
    means = np.array([s.mean for s in report.standings])
    halves = np.array([s.half_width or 0.0 for s in report.standings])
    known = np.isfinite(means)
    low = float((means - halves)[known].min()) if known.any() else 0.0
    high = float((means + halves)[known].max()) if known.any() else 1.0
    head = ["", "agent", "return", "± 95 %", "interval", "self-play"]
    head += ["won", "drawn", "lost"] if contest else []
    head += ["episodes", "forfeits"]
    rows: list[list[Cell]] = []
    for k, s in enumerate(report.standings, 1):
        row: list[Cell] = [(str(k), k), (_e(s.agent), s.agent), _plain(s.mean)]
        row += [_plain(s.half_width), (_bar(s.mean, s.half_width or 0.0, low, high), s.mean)]
        row.append(_plain(s.self_play))
        if contest:
            row += [(f"{n:,}", n) for n in (s.wins, s.draws, s.losses)]
        row += [(f"{n:,}", n) for n in (s.episodes, s.forfeits)]
        rows.append(row)
    note = (
        "Mean return with or against the others, each of them weighing the same, with its 95 % "
        "interval. A click on a heading sorts."
    )
    return f'<p class="note">{note}</p>' + _table(head, rows, words=("agent",))


def _bar(value: float, half: float, low: float, high: float) -> str:
    """An interval on the scale of its column."""
    if not math.isfinite(value) or high <= low:
        return ""
    left, right, at = (100 * (x - low) / (high - low) for x in (value - half, value + half, value))
    zero = f'<u style="left:{100 * -low / (high - low):.1f}%"></u>' if low < 0 < high else ""
    return (
        f'<span class="interval" aria-hidden="true">{zero}<i style="left:{left:.1f}%;width:'
        f'{max(right - left, 0.5):.1f}%"></i><b style="left:{at:.1f}%"></b></span>'
    )


class Scale:
    """Colours of a table's cells.

    Around 0 where there is gain and loss, in equal steps on both sides; else from low to high.
    """

    def __init__(self, values: np.ndarray) -> None:
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        self.both = low < 0 < high
        if self.both:
            high = max(-low, high)
            low = -high
        self.low, self.high = low, high if high > low else low + 1

    def color(self, value: float) -> tuple[str, str]:
        """Of the ground, and of the text on it."""
        share = (value - self.low) / (self.high - self.low)
        if self.both:
            end, part = (HIGH, 2 * share - 1) if share > 0.5 else (LOW, 1 - 2 * share)
        else:
            end, part = HIGH, share
        mixed = [round(m + part * (e - m)) for m, e in zip(MIDDLE, end, strict=True)]
        light = 0.2126 * mixed[0] + 0.7152 * mixed[1] + 0.0722 * mixed[2] > 118
        return f"rgb({','.join(map(str, mixed))})", "#0b0f14" if light else "#f2f5f8"

    def legend(self) -> str:
        """A bar of the colours with its ends."""
        stops = ", ".join(
            self.color(self.low + (self.high - self.low) * i / 8)[0] for i in range(9)
        )
        return (
            f'<span class="legend"><span class="small">{_number(self.low, 3)}</span><span '
            f'class="bar" style="background:linear-gradient(90deg, {stops})"></span><span '
            f'class="small">{_number(self.high, 3)}</span></span>'
        )


def _short(value: float, many: bool, largest: float) -> str:
    """A number of as many places as a cell has room for."""
    if largest >= 100 or (many and largest >= 10):
        text = f"{value:.0f}"
    elif largest >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.1f}" if many else f"{value:.2f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def _heat_map(
    agents: Sequence[str],
    order: Sequence[int],
    mean: np.ndarray,
    titles: Any,
    films: Any = (),
    *,
    interactive: bool = True,
) -> tuple[str, Scale]:
    """A table whose cells are coloured by their value."""
    many = len(agents) > MANY
    scale = Scale(mean)
    known = mean[np.isfinite(mean)]
    largest = float(np.abs(known).max()) if len(known) else 1.0
    tag = "button type=button" if interactive else "span"
    end = tag.split()[0]
    heads = "".join(
        f'<th scope="col" data-agent="{j}" title="{_e(agents[j])}"><{tag}>{_e(agents[j])}</{end}>'
        "</th>"
        for j in order
    )
    lines = []
    for place, i in enumerate(order):
        cells = []
        for j in order:
            value = float(mean[i, j])
            first = ' tabindex="0"' if place == 0 and j == order[0] and interactive else ""
            first = first or (' tabindex="-1"' if interactive else "")
            film = ' data-film=""' if (min(i, j), max(i, j)) in films else ""
            about = f'data-column="{j}"{first}{film} title="{_e(titles(i, j))}"'
            if not math.isfinite(value):
                cells.append(f'<td class="none" {about}>–</td>')
                continue
            ground, ink = scale.color(value)
            style = f"background:{ground};color:{ink}"
            cells.append(f'<td {about} style="{style}">{_short(value, many, largest)}</td>')
        lines.append(
            f'<tr data-agent="{i}"><th scope="row" title="{_e(agents[i])}"><{tag}>{_e(agents[i])}'
            f"</{end}></th>{''.join(cells)}</tr>"
        )
    kind = " many" if many else ""
    kind += "" if interactive else " plain-map"
    id_ = ' id="payoff-map"' if interactive else ""
    return (
        f'<div class="scroll map{kind}"{id_}><table><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>",
        scale,
    )


def _payoffs(report: Report) -> str:
    table, half = report.table, report.table.half_width()
    names = table.agents

    def title(i: int, j: int) -> str:
        if not math.isfinite(table.mean[i, j]):
            return f"{names[i]} and {names[j]} have not met"
        about = f" ± {_number(half[i, j])}" if math.isfinite(half[i, j]) else ""
        return (
            f"{names[i]} with or against {names[j]}: {_number(float(table.mean[i, j]))}{about} "
            f"({int(table.count[i, j])} paired episodes)"
        )

    shown, scale = _heat_map(names, report.order(), table.mean, title, report.samples)
    orders = ["standing", *(r.title for r in report.ratings), "name"]
    options = "".join(f'<option value="{k}">{_e(o)}</option>' for k, o in enumerate(orders))
    sampled, met = len(report.samples), len(report.samples) + len(report.without)
    if not sampled:
        films = "No replays were recorded, or none was to be in the page."
    else:
        films = "A click on a cell opens the pairing’s sample replay below; "
        films += (
            "every pairing that met has one."
            if sampled == met
            else f"{sampled} of {met} pairings have one here (marked by a dot)."
        )
    return (
        '<p class="note">Mean return of the row’s agent with or against the column’s. A click on '
        "an agent’s name sorts by its column or row. "
        f"{films}</p>"
        '<div class="controls"><label>Order by <select id="payoff-order">'
        f"{options}</select></label>{scale.legend()}</div>{shown}{_without(report)}"
        '<div id="pairing" aria-live="polite"><p class="faint">Choose a cell.</p></div>'
    )


def _without(report: Report) -> str:
    """The pairings that have no sample, by name; nothing where none has one."""
    if not report.samples or not report.without:
        return ""
    names = report.table.agents
    by_reason: dict[str, list[str]] = {}
    for (i, j), why in sorted(report.without.items()):
        pair = names[i] if i == j else f"{names[i]} and {names[j]}"
        by_reason.setdefault(why, []).append(_e(pair))
    lists = "".join(
        f"<p><b>{_e(why[:1].upper() + why[1:])}:</b> {'; '.join(pairs)}.</p>"
        for why, pairs in by_reason.items()
    )
    count = len(report.without)
    plural = "s" * (count > 1)
    return (
        f"<details><summary>{count} pairing{plural} without a sample replay</summary>{lists}"
        "</details>"
    )


def _ratings(report: Report) -> str:
    ratings = report.ratings
    if not ratings:
        return ""
    names = report.table.agents
    places = {}
    for rating in ratings:
        for place, agent in enumerate(rating.order(), 1):
            places[rating.by, int(agent)] = place

    def cell(rating: Rating, agent: int) -> Cell:
        value, low, high = (float(x[agent]) for x in (rating.values, rating.lower, rating.upper))
        interval = "" if math.isnan(low) else f"{_number(low, 3)} to {_number(high, 3)}"
        shown = (
            f"<b>{_number(value)}</b> <span class=small>#{places[rating.by, agent]}</span><br>"
            f"<span class=small>{interval}</span>"
        )
        return shown, value

    rows = [
        [(_e(names[i]), names[i]), *(cell(rating, i) for rating in ratings)] for i in report.order()
    ]
    head = ["agent", *(r.title for r in ratings)]
    meanings = "".join(
        f"<dt>{_e(r.title)}</dt><dd>{_e(r.explanation)} "
        f"{'' if r.higher_is_better else 'Lower is better. '}"
        f'<span class="faint">{_e(r.citation)}.</span></dd>'
        for r in ratings
    )
    leaders: dict[str, list[str]] = {}
    for r in ratings:
        leaders.setdefault(names[int(r.order()[0])], []).append(r.title)
    said = "; ".join(f"{_e(agent)} by {_e(', '.join(by))}" for agent, by in leaders.items())
    note = (
        "Each rating answers a question of its own, so rankings disagree by nature. "
        f"First are here: {said}. Below each value its place and its 95 % interval."
    )
    left = "".join(
        f'<p class="note">{_e(name)} is left out: {_e(why.rstrip("."))}.</p>'
        for name, why in report.left_out.items()
    )
    return (
        f'<p class="note">{note}</p>{_table(head, rows, words=("agent",))}'
        f'{left}<h3>What each one means</h3><dl class="ratings">{meanings}</dl>'
    )


def _graph(report: Report) -> str:
    """Who replaces whom: alpha-Rank's response graph among the agents of the largest mass."""
    rating = next((r for r in report.ratings if r.by == "alpharank"), None)
    if rating is None:
        return ""
    mean, names = report.table.mean, report.table.agents
    shown = [int(i) for i in rating.order()][:MOST_IN_GRAPH]
    width, height, radius = 920, 560, 200
    cx, cy = width / 2, height / 2
    at = {}
    for k, i in enumerate(shown):
        angle = 2 * math.pi * k / len(shown) - math.pi / 2
        at[i] = (cx + radius * math.cos(angle), cy + radius * math.sin(angle))
    size = {i: 9 + 26 * math.sqrt(max(0.0, float(rating.values[i]))) for i in shown}
    span = float(np.nanmax(np.abs(mean - mean.T))) or 1.0
    edges = []
    for i in shown:
        for j in shown:
            lead = float(mean[j, i] - mean[i, j])
            if i == j or not lead > 0:  # j replaces i
                continue
            (x0, y0), (x1, y1) = at[i], at[j]
            far = math.hypot(x1 - x0, y1 - y0)
            ux, uy = (x1 - x0) / far, (y1 - y0) / far
            x0, y0 = x0 + ux * size[i], y0 + uy * size[i]
            x1, y1 = x1 - ux * (size[j] + 7), y1 - uy * (size[j] + 7)
            strong = 0.25 + 0.65 * lead / span
            edges.append(
                f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="#a3b0be" '
                f'stroke-opacity="{strong:.2f}" stroke-width="{1 + 1.6 * lead / span:.1f}" '
                'marker-end="url(#arrow)"/>'
            )
    nodes = []
    for i in shown:
        (x, y), mass = at[i], float(rating.values[i])
        side = "start" if x > cx + 5 else "end" if x < cx - 5 else "middle"
        dx = (size[i] + 10) * (1 if side == "start" else -1 if side == "end" else 0)
        dy = 5 if side != "middle" else (size[i] + 20) * (1 if y > cy else -1)
        nodes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size[i]:.1f}" fill="#e69f00" fill-opacity='
            f'"{0.25 + 0.75 * min(1.0, mass):.2f}" stroke="#e8edf2"/>'
            f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{side}" fill="#e8edf2" '
            f'font-size="14">{_e(_cut(names[i], 26))} {mass:.3f}</text>'
        )
    left_out = len(names) - len(shown)
    more = f" {left_out} agents of smaller mass are not drawn." if left_out else ""
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" style="max-width:100%" '
        'role="img" aria-label="alpha-Rank response graph"><defs><marker id="arrow" '
        'viewBox="0 0 8 8" refX="2" refY="4" markerWidth="7" markerHeight="7" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#a3b0be"/>'
        f"</marker></defs>{''.join(edges)}{''.join(nodes)}</svg>"
        "<figcaption>An arrow leads from an agent to one that does better against it than it does "
        "in return, and so takes its place in the population; the wider, the larger the lead. "
        f"Circles and numbers: the mass that α-Rank gives.{more}</figcaption></figure>"
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _exploitability(report: Report) -> str:
    parts = []
    within = next((r for r in report.ratings if r.by == "popexpl"), None)
    mean, names = report.table.mean, report.table.agents
    against = report.spec.kind not in ("cooperative", "single-agent")
    if against and within is not None and np.isfinite(mean).all():
        rows: list[list[Cell]] = []
        for i in map(int, within.order()):
            worst = int(np.argmin(mean[i]))
            button = (
                f' <button type="button" class="plain" data-open="{i},{worst}">replay</button>'
                if (min(i, worst), max(i, worst)) in report.samples
                else ""
            )
            value, low, high = (float(x[i]) for x in (within.values, within.lower, within.upper))
            interval = "–" if math.isnan(low) else f"{_number(low)} to {_number(high)}"
            rows.append(
                [
                    (_e(names[i]), names[i]),
                    _plain(value),
                    (interval, low),
                    (_e(names[worst]) + button, names[worst]),
                ]
            )
        parts.append(
            "<h3>Within this population</h3>"
            f'<p class="note">{_e(within.explanation)}</p>'
            + _table(["agent", "loses", "95 % interval", "to"], rows, words=("agent", "to"))
        )
    bounds: list[list[Cell]] = []
    for kind, file, content in report.attachments:
        try:
            if kind == "exact":
                bounds.append(_exact(content, file))
            elif kind == "exploit":
                bounds.append(_bound(content, file))
            elif kind == "nemesis":
                bounds.append(_nemesis(content, file))
        except (KeyError, TypeError, ValueError):
            parts.append(_unread(file))
    if bounds:
        parts.append(
            "<h3>By best responses and exploiters</h3>"
            + _table(
                ["agent", "how", "exploitability", "95 % interval", "from"],
                bounds,
                words=("agent", "how", "from"),
            )
        )
    return "".join(parts)


def _exact(content: dict[str, Any], file: str) -> list[Cell]:
    agent, value = str(content["settings"]["agent"]), float(content["exploitability"])
    how = f"exact best response; NashConv {_number(float(content['nash_conv']))}"
    return [(_e(agent), agent), (how, how), _plain(value), ("exact", value), (_e(file), file)]


def _bound(content: dict[str, Any], file: str) -> list[Cell]:
    agent = str(content["settings"]["agent"])
    found = content["exploitability"]
    value, low, high, least = (float(found[k]) for k in ("mean", "low", "high", "at_least"))
    how = f"trained best response; with 95 % confidence at least {_number(least)}"
    interval = f"{_number(low)} to {_number(high)}"
    return [(_e(agent), agent), (how, how), _plain(value), (interval, low), (_e(file), file)]


def _nemesis(content: dict[str, Any], file: str) -> list[Cell]:
    agent, low, high = content["settings"]["agent"], float(content["low"]), float(content["high"])
    how = f"worst of {len(content['members'])}: {content['nemesis']}"
    return [
        (_e(agent), str(agent)),
        (_e(how), how),
        _plain(float(content["takes"])),
        (f"{_number(low)} to {_number(high)}", low),
        (_e(file), file),
    ]


def _crossplay(report: Report) -> str:
    parts = []
    for kind, file, content in report.attachments:
        if kind != "crossplay":
            continue
        try:
            names = [str(a) for a in content["agents"]]
            matrix = np.array(
                [[math.nan if x is None else float(x) for x in row] for row in content["matrix"]]
            )

            def title(i: int, j: int, names: Any = names, matrix: Any = matrix) -> str:
                return f"{names[i]} with {names[j]}: {_number(float(matrix[i, j]))}"

            order = list(range(len(names)))
            shown, scale = _heat_map(names, order, matrix, title, interactive=False)
            scores: list[list[Cell]] = [
                [(word, word), _plain(score["mean"]), (_span(score), score["mean"])]
                for word, score in (
                    ("self-play", content["self_play"]),
                    ("cross-play", content["cross_play"]),
                    ("gap", content["gap"]),
                    ("with held-out partners", content["with_partners"]),
                )
                if score
            ]
        except (KeyError, TypeError, ValueError, IndexError):
            parts.append(_unread(file))
            continue
        parts.append(
            f'<p class="note">From {_e(file)}: mean return of agents of independent training runs '
            "that play together.</p>"
            + _table(["", "mean", "95 % interval"], scores, words=("",))
            + f'<div class="controls">{scale.legend()}</div>{shown}'
        )
    return "".join(parts)


def _span(score: dict[str, Any]) -> str:
    if score.get("low") is None:
        return "–"
    return f"{_number(score['low'])} to {_number(score['high'])}"


def _comparisons(report: Report) -> str:
    parts = []
    for kind, file, content in report.attachments:
        if kind != "comparison":
            continue
        try:
            parts.append(
                f'<p class="note">From {_e(file)}.</p>' + _profiles(content) + _aggregates(content)
            )
        except (KeyError, TypeError, ValueError, IndexError):
            parts.append(_unread(file))
    return "".join(parts)


def _unread(file: str) -> str:
    return f'<p class="warning">{_e(file)} does not hold what its name says, and is left out.</p>'


def _aggregates(content: dict[str, Any]) -> str:
    names = list(next(iter(content["aggregates"].values())))
    rows: list[list[Cell]] = []
    for algorithm, each in content["aggregates"].items():
        row: list[Cell] = [(_e(algorithm), algorithm)]
        for name in names:
            e = each[name]
            shown = (
                f"<b>{_number(e['value'])}</b><br><span class=small>{_number(e['lower'])} to "
                f"{_number(e['upper'])}</span>"
            )
            row.append((shown, float(e["value"])))
        rows.append(row)
    return _table(["algorithm", *names], rows, words=("algorithm",))


def _profiles(content: dict[str, Any]) -> str:
    """Performance profiles: the share of scores above each threshold, with bands."""
    curves = dict(content["profiles"])
    at = [float(x) for x in curves.pop("thresholds")]
    width, height, left, top, right, bottom = 720, 340, 60, 16, 20, 46
    low, high = at[0], at[-1] if at[-1] > at[0] else at[0] + 1

    def point(x: float, y: float) -> str:
        px = left + (width - left - right) * (x - low) / (high - low)
        return f"{px:.1f},{top + (height - top - bottom) * (1 - y):.1f}"

    drawn = []
    for k in range(5):
        y = k / 4
        a, b = point(low, y).split(","), point(high, y).split(",")
        drawn.append(
            f'<line x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}" stroke="#3a4656"/>'
            f'<text x="{left - 8}" y="{float(a[1]) + 5}" text-anchor="end" fill="#a3b0be" '
            f'font-size="13">{y:.2f}</text>'
        )
        x = low + (high - low) * y
        px = point(x, 0.0).split(",")[0]
        drawn.append(
            f'<text x="{px}" y="{height - 24}" text-anchor="middle" fill="#a3b0be" '
            f'font-size="13">{_number(x, 3)}</text>'
        )
    legend = []
    for k, (name, curve) in enumerate(list(curves.items())[:MOST_LINES]):
        color = LINES[k]
        upper, lower, middle = (  # one run has no band
            [point(x, float(y)) for x, y in zip(at, curve[part], strict=True) if y is not None]
            for part in ("upper", "lower", "fraction")
        )
        band, line = upper + lower[::-1], " ".join(middle)
        drawn.append(f'<polygon points="{" ".join(band)}" fill="{color}" fill-opacity=".18"/>')
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2.2"/>')
        legend.append(f'<span style="color:{color}">■</span> {_e(_cut(name, 40))}')
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" style="max-width:100%" '
        f'role="img" aria-label="performance profiles">{"".join(drawn)}<text x="{width / 2}" '
        f'y="{height - 4}" text-anchor="middle" fill="#a3b0be" font-size="13">score</text></svg>'
        f"<figcaption>{' &nbsp; '.join(legend)}<br>Performance profiles: the share of runs and "
        "tasks that score above each value, with pointwise 95 % bands.</figcaption></figure>"
    )


def _methods(report: Report) -> str:
    paragraphs = "".join(f"<p>{_e(p)}</p>" for p in methods_text(report).split("\n\n"))
    return f'<p class="note">Generated from what was run; also in methods.txt.</p>{paragraphs}'


def _settings(report: Report) -> str:
    facts = {**report.settings, "episodes in the store": report.episodes}
    facts["episodes that ended by a forfeit"] = report.forfeits
    facts["played by Arenas"] = ", ".join(report.played_by)
    facts["report made by"] = ", ".join(f"{k} {v}" for k, v in report.software.items())
    lines = []
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"<dt>{_e(name.replace('_', ' '))}</dt><dd>{_e(text)}</dd>")
    note = (
        "The seed of an episode follows from the tournament’s seed, the two agents’ names and the "
        "episode’s number; the same seed gives the same episodes. Seeds of all are in episodes.csv."
    )
    return f'<dl class="facts">{"".join(lines)}</dl><p class="note">{note}</p>'


def _files(report: Report) -> str:
    files = {
        "standings.csv": "standings", "payoffs.csv": "mean returns",
        "payoffs_half_width.csv": "half of each cell’s interval", "ratings.csv": "ratings",
        "episodes.csv": "every episode", "report.json": "all of this page’s numbers",
        "standings.tex": "standings, LaTeX", "payoffs.tex": "payoffs, LaTeX",
        "ratings.tex": "ratings, LaTeX", "methods.txt": "methods",
    }  # fmt: skip
    links = "".join(f'<li><a href="{n}">{n}</a>: {what}</li>' for n, what in files.items())
    return f'<p class="note">Beside this page, in the same folder.</p><ul>{links}</ul>'

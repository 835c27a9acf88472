"""Films in the browser: one self-contained page, a notebook's cell, or a part of another page.

:func:`export_html` writes a page with everything in it, :func:`page` returns it, :func:`show` puts
it into a notebook. A page of its own kind, such as a tournament's report, takes the parts:

1. once, :func:`player`: a ``<style>`` and a ``<script>`` element, which define ``ArenasPlayer``;
2. for each film, :func:`blob`: a string of base64, safe anywhere in HTML and JavaScript, for
   example in ``<script type="text/plain" id="film-3">…</script>``;
3. where a film is to be watched, in a script of the page::

       const blob = document.getElementById("film-3").textContent;
       const player = ArenasPlayer.mount(element, [blob]);   // several blobs: several films
       player.remove();                                      // takes it out again

   Nothing is unpacked before ``mount``, so that a page may hold hundreds of blobs.

Whatever else of a page comes from files goes through ``html.escape`` or, as JSON inside a script,
through :func:`json_for_script`. The scripts are in ``arenas/renderers/browser``; they write data as
text only, never as markup.

The blob: zlib-compressed JSON, in base64. A film is a list of *pictures*, of which a step may have
several, seen in *views*: the whole one and those of seats. All primitives of all views are in one
table, each once, coordinates in tenths of a logical pixel and angles in thousandths of a radian
(:class:`Packer`), and what follows one another there told by differences (:func:`told_apart`). A
picture is told by its difference to the one before it in its view, or to what
the whole view shows at that time (:func:`edits`); the side panel's facts likewise
(:func:`difference`). Where seats see all, their views hold no pictures of their own.
"""

from __future__ import annotations

import base64
import html
import importlib.resources
import itertools
import json
import math
import operator
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from arenas._files import write_atomically
from arenas.errors import BadArgument
from arenas.renderers import scene as scenes
from arenas.renderers.film import Film
from arenas.renderers.panel import badge, command
from arenas.renderers.panel import panel as panel_of
from arenas.renderers.scene import STAGE, Item, Scene
from arenas.renderers.text import game_name
from arenas.replay import Replay

FORMAT = 2
"""Of blobs; the player refuses others."""

FPS = 30
"""Pictures a second that a page holds of games that have more."""

MOST_VIEWS = 10
"""Seats whose views are packed unless told otherwise; see :func:`seats_to_pack`."""

Shown = Replay | Film | str | os.PathLike[str]
"""What can be shown: a recorded episode, a film, or a replay's file."""


def export_html(
    shown: Shown | Iterable[Shown],
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    seats: Sequence[int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Write one self-contained page, which opens from disk in any current browser.

    Args:
        shown: what to show; of several, one after another or side by side as the reader likes.
        path: of the file; replaced whole or not at all.
        title: of the page; the default names environments and agents.
        seats: whose views the reader may choose besides the whole; the default is
            :func:`seats_to_pack`.
        progress: called with how many steps of all are packed, and how many there are.

    Raises:
        BadArgument: nothing to show, no such seat, or it cannot be written.
        BadFile: a file that is no replay.
        ReplayMismatch: the environment answers otherwise than when it was recorded.
    """
    write_atomically(path, page(shown, title=title, seats=seats, progress=progress))


def page(
    shown: Shown | Iterable[Shown],
    *,
    title: str | None = None,
    seats: Sequence[int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> str:
    """The page that :func:`export_html` writes."""
    films = films_of(shown)
    if title is None:
        title = "; ".join(dict.fromkeys(_caption(film) for film in films))
        title = title if len(title) <= 200 else f"{title[:199]}…"
    blobs, done, total = [], 0, sum(len(film) for film in films)

    def counted(steps: int, _: int) -> None:
        if progress is not None:
            progress(done + steps, total)

    for film in films:
        packed = blob(film, seats=seats, progress=counted)
        blobs.append(f'<script type="text/plain" class="film">{packed}</script>')
        done += len(film)
    data = "\n".join(blobs)
    # Nothing but the player's own script runs, and nothing is fetched, whatever a name holds.
    start = (
        'ArenasPlayer.mount(document.getElementById("player"), '
        'Array.from(document.querySelectorAll("script.film"), (s) => s.textContent), '
        "{ whole: true });"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
{player()}
</head>
<body class="arenas-page">
<div id="player"><noscript>This replay is shown by a script; scripts are off.</noscript></div>
{data}
<script>{start}</script>
</body>
</html>
"""


POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Content security policy of the page: it fetches nothing and sends nothing."""


class Notebook:
    """A player that a notebook displays; see :func:`show`.

    Args:
        page: the page.
        height: of the cell, in pixels.
    """

    def __init__(self, page: str, height: int) -> None:
        self.page, self.height = page, height

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" title="Arenas replay" width="100%" '
            f'height="{self.height}" style="border:0" sandbox="allow-scripts" '
            'allow="clipboard-write; fullscreen" allowfullscreen></iframe>'
        )

    def __repr__(self) -> str:
        return f"<arenas.show: a page of {len(self.page):,} characters, for a notebook>"


def show(
    shown: Shown | Iterable[Shown], *, height: int = 660, seats: Sequence[int] | None = None
) -> Notebook:
    """The player in a notebook, as the last value of a cell or by IPython's ``display``.

    The page lies in the notebook's file, so that it plays wherever the notebook is opened.

    Args:
        shown: what to show, as for :func:`export_html`.
        height: of the cell, in pixels.
        seats: whose views the reader may choose besides the whole.

    Raises:
        BadArgument: nothing to show, or no such seat.
        BadFile: a file that is no replay.
        ReplayMismatch: the environment answers otherwise than when it was recorded.
    """
    return Notebook(page(shown, seats=seats), height)


def player() -> str:
    """The player's ``<style>`` and ``<script>`` elements; a page needs them once."""
    css, script = asset("player.css"), asset("player.js")
    return f"<style>\n{css}</style>\n<script>\n{script}</script>"


def asset(name: str) -> str:
    """A file of ``arenas/renderers/browser``."""
    folder = importlib.resources.files("arenas.renderers") / "browser"
    return (folder / name).read_text(encoding="utf-8")


def json_for_script(value: Any) -> str:
    """JSON that may stand anywhere inside a ``<script>`` element, whatever strings it holds.

    ``</script>``, ``<!--`` and the line separators U+2028 and U+2029 would end the element, turn it
    into a comment, or end a line of JavaScript; they are written as escapes of JSON.
    """
    text = json.dumps(value, separators=(",", ":"))  # ASCII: the separators are escapes already
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def films_of(shown: Shown | Iterable[Shown]) -> list[Film]:
    """The films of one thing to show, or of several.

    Raises:
        BadArgument: nothing to show, or a film without a moment.
        BadFile: a file that is no replay.
        ReplayMismatch: the environment answers otherwise than when it was recorded.
    """
    single = isinstance(shown, Replay | Film | str | os.PathLike)
    films = []
    for one in [shown] if single else shown:  # type: ignore[union-attr]
        if isinstance(one, str | os.PathLike):
            one = Replay.load(one)
        film = Film.of(one) if isinstance(one, Replay) else one
        if not len(film):
            raise BadArgument("a film without a moment cannot be shown: add one after reset")
        films.append(film)
    if not films:
        raise BadArgument("nothing to show: give at least one replay")
    return films


def seats_to_pack(film: Film, most: int = MOST_VIEWS) -> list[int]:
    """Seats whose views a page holds: all, or where there are more than ``most`` some of each team.

    Every view is another film to draw. Of a game with more seats, the first of each team are taken
    in turn, ``most`` in all; without teams, the first ``most``.
    """
    teams = film.env.teams or [0] * film.env.num_agents
    turn: dict[int, int] = {}
    order = []
    for seat, team in enumerate(teams):
        turn[team] = turn.get(team, -1) + 1
        order.append((turn[team], seat))
    return sorted(seat for _, seat in sorted(order)[:most])


def blob(
    film: Film,
    *,
    seats: Sequence[int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> str:
    """A film for ``ArenasPlayer.mount``: letters, digits, ``+``, ``/`` and ``=`` only.

    Args:
        film: all its moments are packed.
        seats: whose views; the default is :func:`seats_to_pack`.
        progress: called with how many steps are packed, and how many there are.

    Raises:
        BadArgument: no such seat.
    """
    packed = pack(film, seats=seats, progress=progress)
    content = json.dumps(packed, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(content.encode(), 9)).decode()


def pack(
    film: Film,
    *,
    seats: Sequence[int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """A film as JSON values: what a blob holds.

    Raises:
        BadArgument: no such seat.
    """
    if seats is None:
        seats = seats_to_pack(film)
    for seat in seats:
        if not 0 <= seat < film.env.num_agents:
            raise BadArgument(f"seat {seat}; accepted are 0 to {film.env.num_agents - 1}")
    packer = Packer()
    drawing = film.drawing
    frames = len(drawing.between(min(1, len(film) - 1)))
    every = max(1, math.ceil(frames * drawing.fps / FPS - 0.5))
    views = [{"seat": seat, "pictures": [], "panels": []} for seat in (None, *seats)]
    shown: list[list[int]] = [[] for _ in views]  # the last picture of each view
    panels: list[Any] = [None for _ in views]
    counts = []
    for t in range(len(film)):
        whole: list[list[int]] = []
        for v, view in enumerate(views):
            facts = panel_of(film, t, view["seat"])
            view["panels"].append(difference(panels[v], facts))
            panels[v] = facts
            if v and drawing.sees_all:
                continue
            pictures = [packer.picture(s) for s in drawing.between(t, view["seat"], every)]
            if v == 0:
                whole = pictures
                counts.append(len(whole))
            elif len(pictures) != len(whole):
                who = film.env.agents[view["seat"]]
                raise AssertionError(
                    f"step {t} has {len(whole)} pictures, and {len(pictures)} as {who} sees it"
                )
            for picture, beside in zip(pictures, whole, strict=True):
                script = edits(shown[v], picture)
                if v and _length(script) > 6:  # a seat often sees nearly everything
                    other = edits(beside, picture)
                    script = min(script, [FROM_WHOLE, *other], key=_length)
                view["pictures"].append(packer.coded(script))
                shown[v] = picture
        if progress is not None:
            progress(t + 1, len(film))
    return {
        "format": FORMAT,
        "stage": list(STAGE),
        "fps": drawing.fps,
        "counts": counts,
        "events": [[e.step, e.kind, e.label, e.seat, list(e.unseen)] for e in film.events],
        "seats": list(film.env.agents),
        "agents": list(film.agents),
        "title": _caption(film),
        "badge": badge(film),
        "command": command(film),
        "views": views,
        **packer.table(),
    }


class Packer:
    """The table of primitives of a film.

    An item is a *style* and *numbers*. A style is its kind and whatever seldom changes: colours,
    text, the pixels of an image, how many points a line has. Numbers are where it lies. Items are
    numbered in the order in which pictures first show them. A scene's background is its first item.
    """

    def __init__(self) -> None:
        self._known: dict[Item | str, int] = {}  # as drawn, to the item's number
        self._items: dict[tuple[int, ...], int] = {}  # the style's number and all others
        self._styles: dict[tuple[Any, ...], int] = {}
        self._last: tuple[Item | str, ...] = ()  # as drawn, of the last picture
        self._numbers: list[int | None] = []
        self._told = 0  # items that scripts passed to coded() mention

    def picture(self, scene: Scene) -> list[int]:
        """The numbers of a scene's items, the background first."""
        items = (scene.background, *scene.items)
        # Whatever stays is the same object in most scenes, which is told faster than found.
        same = sum(
            1 for _ in itertools.takewhile(operator.truth, map(operator.is_, items, self._last))
        )
        numbers: list[int | None] = [*self._numbers[:same], *map(self._known.get, items[same:])]
        if None in numbers:
            numbers = [
                self._add(i) if n is None else n for i, n in zip(items, numbers, strict=True)
            ]
        self._last, self._numbers = items, numbers
        return numbers  # type: ignore[return-value]

    def _add(self, item: Item | str) -> int:
        style, numbers = _split(item)
        key = (self._styles.setdefault(style, len(self._styles)), *numbers)
        number = self._known[item] = self._items.setdefault(key, len(self._items))
        return number

    def coded(self, script: list[Any]) -> list[Any]:
        """An edit script with each item put there as how far back its number lies: 0 is new.

        Scripts are to be passed in the order in which they will be read: by steps, of a step by
        views, of a view by pictures.
        """
        for added in script:
            if isinstance(added, int):
                continue
            for i, item in enumerate(added):
                added[i] = self._told - item
                self._told += item == self._told
        return script

    def table(self) -> dict[str, Any]:
        """Styles, and items by columns."""
        styles = [list(style) for style in self._styles]
        return {
            "styles": styles,
            "items": [key[0] for key in self._items],
            "numbers": told_apart([(styles[key[0]][0], key[1:]) for key in self._items]),
        }


def told_apart(items: Iterable[tuple[str, Sequence[int]]]) -> list[int]:
    """The numbers of all items, as differences, which are small and repeat: they pack well.

    Of a line's or polygon's points, those to the point before. Then, of every item, those to the
    last one of the same kind and as many numbers, or to zeros.

    Args:
        items: kind and numbers of each.
    """
    last: dict[tuple[str, int], Sequence[int]] = {}
    told: list[int] = []
    for kind, numbers in items:
        if kind in ("line", "polygon"):
            steps = (b - a for a, b in zip(numbers, numbers[2:], strict=False))
            numbers = (*numbers[:2], *steps)
        before = last.get((kind, len(numbers)))
        told += numbers if before is None else map(int.__sub__, numbers, before)
        last[kind, len(numbers)] = numbers
    return told


_PLACE = {scenes.Rect: 4, scenes.Ellipse: 4, scenes.Arc: 5, scenes.Text: 2, scenes.Image: 4}
"""How many fields of a primitive say where it lies."""


def _split(item: Item | str) -> tuple[tuple[Any, ...], list[int]]:
    """The style of an item, and its numbers."""
    if isinstance(item, str):
        return ("ground", item), []
    kind = type(item).__name__.lower()
    if isinstance(item, scenes.Line | scenes.Polygon):
        return (kind, len(item.points), *item[1:]), _tenths(c for p in item.points for c in p)
    place = _PLACE[type(item)]
    numbers, style = _tenths(item[:place]), item[place:]
    if isinstance(item, scenes.Arc):
        numbers[3:] = (round(1000 * item.start), round(1000 * item.end))
    elif isinstance(item, scenes.Image):
        style = (item.columns, item.rows, base64.b64encode(item.pixels).decode())
    return (kind, *style), numbers


def _tenths(values: Iterable[Any]) -> list[int]:
    return [round(10 * v) for v in values]


FROM_WHOLE = -1
"""Before an edit script: it starts from the whole view's picture, not from the view's last one."""


def _length(script: list[Any]) -> int:
    return len(script) + sum(len(added) for added in script if isinstance(added, list))


def edits(before: Sequence[int], now: Sequence[int]) -> list[Any]:
    """How to come from one list of items to the next.

    Flat triples: how many to keep, how many to drop, and the list of those to put there; what is
    left at the end is kept. The way is the shortest one where items are put in the place of others,
    and where those that stay do not change their order; else it is one that leads there.
    """
    if before == now:
        return []
    start = _same_start(before, now)
    end = _same_start(before[start:][::-1], now[start:][::-1])
    before, now = before[start : len(before) - end], now[start : len(now) - end]
    script: list[Any] = []
    if len(before) == len(now):  # often items are put in the place of others
        places = [i for i, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
        if 4 * len(places) <= len(now) + 12:
            script = _replacements(places, now)
    if not script:
        script = _walk(before, now)
    script[0] += start
    return script


def _same_start(a: Sequence[int], b: Sequence[int], stride: int = 32) -> int:
    """How many items two lists begin with alike."""
    most, i = min(len(a), len(b)), 0
    while i < most and a[i : i + stride] == b[i : i + stride]:
        i += stride
    while i < most and a[i] == b[i]:
        i += 1
    return min(i, most)


def _walk(before: Sequence[int], now: Sequence[int]) -> list[Any]:
    """The script by walking through both lists."""
    last_before = {item: i for i, item in enumerate(before)}
    last_now = {item: j for j, item in enumerate(now)}
    script: list[Any] = []
    i = j = 0
    while i < len(before) or j < len(now):
        kept = 0
        while i < len(before) and j < len(now) and before[i] == now[j]:
            i, j, kept = i + 1, j + 1, kept + 1
        dropped, added = 0, []
        while True:
            if i < len(before) and last_now.get(before[i], -1) < j:
                i, dropped = i + 1, dropped + 1
            elif j < len(now) and (
                last_before.get(now[j], -1) < i or (i < len(before) and before[i] != now[j])
            ):
                added.append(now[j])
                j += 1
            else:
                break
        if dropped or added:
            script += [kept, dropped, added]
    return script


def _replacements(places: Sequence[int], now: Sequence[int]) -> list[Any]:
    """The script that puts the items of ``now`` at these places where others were."""
    script: list[Any] = []
    reached = 0
    for i in places:
        if script and i == reached:
            script[-2] += 1
            script[-1].append(now[i])
        else:
            script += [i - reached, 1, [now[i]]]
        reached = i + 1
    return script


def difference(before: Any, now: Any) -> Any:
    """How to come from one JSON value to the next, for values that change little.

    0: they are equal. A list of one: the new value. An object: what changed, by key in an object of
    the same keys, or by index in a list of the same length.
    """
    if type(before) is type(now) and before == now:
        return 0
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        pairs = ((key, before[key], now[key]) for key in now)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = ((str(i), a, b) for i, (a, b) in enumerate(zip(before, now, strict=True)))
    else:
        return [now]
    return {key: d for key, a, b in pairs if (d := difference(a, b)) != 0}


def _caption(film: Film) -> str:
    """One line: the environment and who plays."""
    agents = list(film.agents)
    if len(set(agents)) < len(agents):
        agents = [
            f"{agents.count(a)} × {a}" if agents.count(a) > 1 else a for a in dict.fromkeys(agents)
        ]
    return f"{game_name(film.env)}: {', '.join(agents)}"

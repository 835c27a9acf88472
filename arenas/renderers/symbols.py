"""What drawings of several games share: symbols, text that fits, curves that grow."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from arenas.host import HostEnv
from arenas.renderers.scene import (
    FAINT,
    SMALLEST_TEXT,
    Item,
    Line,
    Number,
    Point,
    Polygon,
    Text,
    circle,
    line,
    regular,
    rgba,
)

SYMBOLS = ("circle", "square", "triangle", "diamond", "star", "cross", "drop", "hexagon")

EM = 0.56
"""Mean width of a letter as a share of the text's height, on the wide side for sans-serif faces."""


@functools.lru_cache(maxsize=1 << 14)
def symbol(name: str, x: Number, y: Number, r: Number, fill: str, stroke: str = "") -> Item:
    """One of :data:`SYMBOLS`, as large to the eye as a circle of radius ``r`` around its middle."""
    # Cached: of a whole board, few symbols change in a step.
    if name == "circle":
        return circle(x, y, r, fill, stroke)
    if name == "square":
        return regular(x, y, 1.25 * r, 4, math.pi / 4, fill, stroke)
    if name == "triangle":
        return regular(x, y + 0.18 * r, 1.3 * r, 3, 0.0, fill, stroke)
    if name == "diamond":
        return regular(x, y, 1.25 * r, 4, 0.0, fill, stroke)
    if name == "hexagon":
        return regular(x, y, 1.1 * r, 6, 0.0, fill, stroke)
    if name == "star":
        return Polygon(_around(x, y + 0.08 * r, [1.3 * r, 0.58 * r] * 5), fill, stroke)
    if name == "cross":  # four arms, along the diagonals
        a, b = 0.36 * r, 1.0 * r
        arm = [(-a, 0), (-b, -b + a), (-b + a, -b), (0, -a)]
        points = []
        for _ in range(4):
            points += arm[1:]
            arm = [(-q, p) for p, q in arm]
        return Polygon(tuple((x + p, y + q) for p, q in points), fill, stroke)
    if name == "drop":  # a point above, then around the round part from right to left
        turns = [math.pi * (-0.14 + i / 11 * 1.28) for i in range(12)]
        belly = ((x + 0.88 * r * math.cos(a), y + (0.3 + 0.88 * math.sin(a)) * r) for a in turns)
        return Polygon(((x, y - 1.4 * r), *belly), fill, stroke)
    raise KeyError(name)


def _around(x: Number, y: Number, radii: Sequence[float]) -> tuple[Point, ...]:
    """Points around a middle, clockwise from the top."""
    turns = [2 * math.pi * i / len(radii) - math.pi / 2 for i in range(len(radii))]
    return tuple(
        (x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, turns, strict=True)
    )


def fitted(text: str, width: Number, size: Number) -> str:
    """The text, cut with an ellipsis where it would be wider than ``width`` at this height."""
    room = max(1, int(width / (EM * size)))
    return text if len(text) <= room else text[: room - 1] + "…"


def signed(value: Number) -> str:
    """A score with its sign, ``+12`` or ``−3.5``; ``0`` for nothing."""
    return f"{value:+.6g}".replace("-", "−") if value else "0"


def unwrapped(env: HostEnv) -> Any:
    """The game itself, within what hosts and wraps it."""
    inner = getattr(env, "env", env)
    return getattr(inner, "unwrapped", inner)


def blend(color: str, ground: str, share: Number) -> str:
    """``share`` of one opaque colour over another, opaque too: what overlaps does not show."""
    mixed = (
        round(share * a + (1 - share) * b)
        for a, b in zip(rgba(color)[:3], rgba(ground)[:3], strict=True)
    )
    return "#" + "".join(f"{c:02x}" for c in mixed)


class Curves:
    """Lines that grow with an episode, over a fixed stretch of steps.

    Pieces that are complete do not change any more, so that a file of scenes need not repeat them.

    Args:
        box: left, top, width and height.
        horizon: steps that the box spans.
        colors: one for each line.
    """

    _points = 240  # most points of a line
    _piece = 20  # points of a piece

    def __init__(
        self, box: tuple[float, float, float, float], horizon: int, colors: Sequence[str]
    ) -> None:
        self.box, self.horizon, self.colors = box, max(1, horizon), tuple(colors)
        self._stride = -(-self.horizon // self._points)
        self._values: list[tuple[float, ...]] = []
        self._reach: list[tuple[float, float]] = []  # lowest and highest so far, zero included
        self._pieces: dict[tuple[float, float, int], list[Line]] = {}  # complete, by range and line

    def __len__(self) -> int:
        return len(self._values)

    def add(self, values: Sequence[float]) -> None:
        """The lines' values at the next step."""
        low, high = self._reach[-1] if self._reach else (0.0, 0.0)
        self._values.append(tuple(values))
        self._reach.append((min(low, *values), max(high, *values)))

    def items(self, t: int) -> Iterator[Item]:
        """The lines up to step ``t``, the line of zero, and the range in numbers."""
        left, top, width, height = self.box
        low, high = (_round_up(-self._reach[t][0]), _round_up(self._reach[t][1]))
        high = high or (0.0 if low else 1.0)
        span = low + high
        zero = top + height * high / span

        def at(step: int, value: Number) -> Point:
            x = left + width * min(step, self.horizon) / self.horizon
            return round(x, 1), round(zero - height * value / span, 1)

        def piece(line: int, first: int, last: int) -> Line:
            steps = [*range(first, last, self._stride), last]
            points = tuple(at(step, self._values[step][line]) for step in steps)
            return Line(points, self.colors[line], 2)

        yield line(left, zero, left + width, zero, "#4a5665")
        size = SMALLEST_TEXT
        if high:
            yield Text(left - 6, top + size / 2, signed(high), size, FAINT, "end")
        if low:
            yield Text(left - 6, top + height - size / 2, signed(-low), size, FAINT, "end")
        long = self._piece * self._stride
        for i, color in enumerate(self.colors):
            done = self._pieces.setdefault((low, high, i), [])
            for n in range(len(done), t // long):
                done.append(piece(i, n * long, (n + 1) * long))
            yield from done[: t // long]
            if t % long:
                yield piece(i, t // long * long, t)
            yield circle(*at(t, self._values[t][i]), 4.0, color)


def _round_up(value: Number) -> float:
    """The next of 1, 2, 5, 10, 20, 50, ...; 0 for nothing."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))

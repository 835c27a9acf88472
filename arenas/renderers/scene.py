"""What to draw, as primitives: the one form in which a game draws itself, for every backend.

A scene lies on a stage of :data:`STAGE` logical pixels, x to the right and y down, whose origin is
the upper left corner. A backend scales the whole stage. Items are drawn in order, later ones over
earlier ones. Colours are ``#rrggbb`` or ``#rrggbbaa``; an empty string is no fill or no stroke.
Primitives are plain tuples, so that equal ones can be told, shared and written compactly.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

STAGE = (960, 640)
"""Width and height of every scene, in logical pixels."""

SMALLEST_TEXT = 13
"""Height in logical pixels below which text is not legible where the window is 720 pixels high."""

Number = float | int
"""A coordinate; whole numbers too, also where types are checked at run time."""

Point = tuple[Number, Number]


class Rect(NamedTuple):
    """A rectangle by its upper left corner, with corners of ``radius``."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    stroke: str = ""
    thickness: float = 1.0
    radius: float = 0.0


class Ellipse(NamedTuple):
    """An ellipse by its centre and half axes; a circle where both are equal."""

    x: float
    y: float
    rx: float
    ry: float
    fill: str = ""
    stroke: str = ""
    thickness: float = 1.0


class Line(NamedTuple):
    """Straight pieces through ``points``, with round ends and joins."""

    points: tuple[Point, ...]
    stroke: str
    thickness: float = 1.0


class Polygon(NamedTuple):
    """A closed polygon."""

    points: tuple[Point, ...]
    fill: str = ""
    stroke: str = ""
    thickness: float = 1.0


class Arc(NamedTuple):
    """A piece of a circle's edge, clockwise from ``start`` to ``end``: radians, 0 to the right."""

    x: float
    y: float
    radius: float
    start: float
    end: float
    stroke: str
    thickness: float = 1.0


class Text(NamedTuple):
    """One line of text. ``x`` is where it begins, its middle or its end; ``y`` is its middle."""

    x: float
    y: float
    text: str
    size: float = 16.0
    fill: str = "#ffffff"
    anchor: str = "start"  # start, middle or end
    bold: bool = False


class Image(NamedTuple):
    """RGBA pixels, ``rows × columns × 4`` bytes, scaled to a rectangle without smoothing."""

    x: float
    y: float
    width: float
    height: float
    columns: int
    rows: int
    pixels: bytes


Item = Rect | Ellipse | Line | Polygon | Arc | Text | Image


class Scene(NamedTuple):
    """One picture.

    Attributes:
        background: colour of the empty stage.
        items: primitives, from the lowest to the highest.
    """

    background: str
    items: tuple[Item, ...]


def circle(
    x: Number, y: Number, r: Number, fill: str = "", stroke: str = "", thickness: Number = 1.0
) -> Ellipse:
    """A circle by its centre and radius."""
    return Ellipse(x, y, r, r, fill, stroke, thickness)


def line(
    x0: Number, y0: Number, x1: Number, y1: Number, stroke: str, thickness: Number = 1.0
) -> Line:
    """A straight line between two points."""
    return Line(((x0, y0), (x1, y1)), stroke, thickness)


def regular(
    x: Number,
    y: Number,
    r: Number,
    corners: int,
    turn: Number = 0.0,
    fill: str = "",
    stroke: str = "",
) -> Polygon:
    """A regular polygon, one corner of which lies ``turn`` radians clockwise from the top."""
    angles = (turn - math.pi / 2 + 2 * math.pi * i / corners for i in range(corners))
    points = tuple((x + r * math.cos(a), y + r * math.sin(a)) for a in angles)
    return Polygon(points, fill, stroke)


def image(x: Number, y: Number, width: Number, height: Number, pixels: np.ndarray) -> Image:
    """An image of uint8 pixels: ``[rows, columns]`` grey, ``[.., 3]`` RGB, ``[.., 4]`` RGBA."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    rows, columns, channels = pixels.shape
    if channels == 3:
        opaque = np.full((rows, columns, 1), 255, np.uint8)
        pixels = np.concatenate([pixels, opaque], axis=2)
    return Image(x, y, width, height, columns, rows, pixels.astype(np.uint8).tobytes())


def bar(
    x: Number,
    y: Number,
    width: Number,
    height: Number,
    share: Number,
    fill: str,
    back: str = "#00000088",
) -> Iterable[Item]:
    """A horizontal bar, filled from the left by ``share`` (0 to 1)."""
    share = min(1.0, max(0.0, share))
    yield Rect(x, y, width, height, back)
    if share > 0:
        yield Rect(x, y, width * share, height, fill)


def with_alpha(color: str, alpha: float) -> str:
    """The colour ``#rrggbb`` with an opacity from 0 to 1."""
    return f"{color[:7]}{round(255 * min(1.0, max(0.0, alpha))):02x}"


@functools.lru_cache(maxsize=4096)
def rgba(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue and opacity, 0 to 255, of ``#rrggbb`` or ``#rrggbbaa``."""
    numbers: Sequence[int] = bytes.fromhex(color[1:])
    red, green, blue = numbers[:3]
    return red, green, blue, numbers[3] if len(numbers) > 3 else 255


# Colours that people with any common kind of colour blindness tell apart: Okabe and Ito, "Color
# Universal Design" (2008), https://jfly.uni-koeln.de/color/.
ORANGE = "#e69f00"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
VERMILION = "#d55e00"
PURPLE = "#cc79a7"
WHITE = "#ffffff"
BLACK = "#000000"

INK = "#e8edf2"
"""Text on the dark ground."""
FAINT = "#93a1b0"
"""Text and lines of lesser weight; still legible on the dark ground."""
GROUND = "#161b22"
"""The stage's usual background."""
PANEL = "#212934"
"""Areas on the ground."""
SEATS = (SKY, ORANGE, GREEN, PURPLE, YELLOW)
"""The colour of each seat, of seat ``i`` at ``i % 5``, wherever seats are told by colour."""

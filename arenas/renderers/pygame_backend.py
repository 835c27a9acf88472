"""Scenes on pygame surfaces: what the window, ``rgb_array`` and exported pictures show.

Small shapes are rasterized with exact coverage, kept as sprites, and copied; so edges are smooth
at any place, and a picture that resembles the last one costs little. Large shapes are drawn by
pygame. The last picture is kept, and only rectangles in which something has changed are painted
anew; in them, the first items that equal those of the last pictures are copied in one piece.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # its greeting is no part of our output

import pygame
import pygame.gfxdraw

from arenas.renderers.scene import (
    STAGE,
    Arc,
    Ellipse,
    Image,
    Item,
    Line,
    Number,
    Point,
    Polygon,
    Rect,
    Scene,
    Text,
    rgba,
)

Color = tuple[int, int, int, int]
Contour = Sequence[Point]

QUARTER = 4
"""Corners of a shape lie whole quarters of a pixel from its first one."""

HALF = 2
"""Sprites are made for places half a pixel apart."""

LARGEST_SPRITE = 40_000
"""Pixels above which a shape is drawn by pygame, since a sprite would cost more."""

LARGEST_OVAL = 200_000
"""The same for ellipses, which keep their shape and so are seldom made anew."""

MOST_CHANGED = 0.7
"""Share of a picture above which all of it is painted anew."""

NEARBY = 8
"""Pixels that changes must be apart for what is between them not to be painted anew."""

WORTH_A_BASE = 12
"""Items that must be alike in pictures that follow each other for their picture to be kept."""

MOST_BASES = 4
"""Such pictures at once, the empty ground among them."""

CACHE_PIXELS = 16_000_000
"""Pixels of sprites that a painter keeps, 64 MB."""

MOST_MARKS = 20_000
"""Items whose marks a painter keeps."""

Mark = tuple[Callable[..., object], tuple[Any, ...]]
"""One operation that leaves its mark on a surface: it is called with the surface and these."""


class Marked(NamedTuple):
    """What is to be done for an item.

    Attributes:
        marks: in their order.
        bounds: that they do not reach beyond.
        whole: they come out otherwise where only a part of them is painted.
    """

    marks: tuple[Mark, ...]
    bounds: pygame.Rect
    whole: bool


class Painter:
    """Draws scenes, and remembers what it has made for them.

    What is to be done for an item, its *marks*, is worked out once and then repeated wherever the
    item comes again. Both they and sprites depend on the scale; one painter serves one scale well,
    and any scale correctly.
    """

    def __init__(self) -> None:
        # Sprites are kept in two halves: once the new ones are many, the old ones go, which are
        # those that were not used since the last time.
        self._sprites: dict[Any, pygame.Surface] = {}
        self._old_sprites: dict[Any, pygame.Surface] = {}
        self._pixels = 0  # of new sprites
        # Corners, left, top and radius of the line whose distances are kept, and these: a line's
        # outline is the same line but thicker, and comes just before it.
        self._near: tuple[Any, int, int, Number, np.ndarray] | None = None
        self._marks: dict[type, dict[Item, Marked]] = {kind: {} for kind in _MARKS}
        self._count = 0  # of items with marks
        self._marks_place: Any = None
        self._bases: list[tuple[int, pygame.Surface]] = []  # items in it, picture; ever more items
        self._spare: list[pygame.Surface] = []  # that were bases; new memory costs more than a copy
        self._place: Any = None  # of the bases and the last picture
        self._picture: pygame.Surface | None = None  # the last one
        self._last: tuple[Item, ...] = ()  # its items
        self._marked: list[Marked] = []  # and what was done for each
        self.changed: list[pygame.Rect] = []  # where it differs from the one before, or more
        self._steady = 0  # how many items the last two pictures began with alike

    def paint(
        self,
        scene: Scene,
        surface: pygame.Surface,
        x: Number = 0.0,
        y: Number = 0.0,
        scale: Number = 1.0,
        size: tuple[Number, Number] = STAGE,
    ) -> None:
        """Draw a scene on a surface, clipped to its stage.

        Args:
            scene: what to draw.
            surface: is drawn on; 32 bits a pixel.
            x: of the stage's upper left corner on the surface, in pixels.
            y: likewise.
            scale: pixels of the surface per logical pixel.
            size: of the stage in logical pixels.
        """
        area = pygame.Rect(round(x), round(y), round(size[0] * scale), round(size[1] * scale))
        if area.clip(surface.get_clip()).size != (0, 0):
            x, y = x - area.left, y - area.top
            surface.blit(self.picture(scene, area.size, x, y, scale), area.topleft)

    def picture(
        self,
        scene: Scene,
        size: tuple[int, int],
        x: Number = 0.0,
        y: Number = 0.0,
        scale: Number = 1.0,
    ) -> pygame.Surface:
        """A scene on a surface of this size, which the next call of this or ``paint`` draws over.

        Args:
            scene: what to draw.
            size: of the surface in pixels.
            x: of the stage's upper left corner on it, in pixels.
            y: likewise.
            scale: pixels per logical pixel.
        """
        place = (scene.background, size, x, y, scale)
        if place != self._place or self._picture is None:
            self._place, self._picture = place, pygame.Surface(size, 0, 32)
            self._bases, self._spare, self._last, self._marked = [], [], (), []
            changed = [self._picture.get_rect()]
            same = 0
        else:
            changed = []
            same = _same_start(scene.items, self._last)
        marked = self._marked[:same]
        marked += self._all_marks(scene.items[same:], x, y, scale)
        count, ground = self._base(scene, marked, same, size)
        changed = changed or _changed(self._marked[same:], marked[same:])
        self._repaint(changed, ground, marked[count:])
        self._last, self._marked = scene.items, marked
        return self._picture

    def _repaint(
        self, changed: list[pygame.Rect], ground: pygame.Surface, marked: Sequence[Marked]
    ) -> None:
        """Paint these rectangles of the picture anew, with the marks over the ground."""
        assert self._picture is not None
        self.changed = changed = _apart(changed, self._picture.get_rect())
        if not changed:
            return
        whole = [one.bounds for one in marked if one.whole]
        while touched := [b for b in whole if b.collidelist(changed) >= 0]:
            changed = _apart([*changed, *touched], self._picture.get_rect())
            whole = [b for b in whole if b not in touched]
        self.changed = changed
        for area in changed:
            self._picture.blit(ground, area.topleft, area)
        for marks, bounds, _ in marked:
            for i in bounds.collidelistall(changed):
                self._picture.set_clip(changed[i])
                for leave, given in marks:
                    leave(self._picture, *given)
        self._picture.set_clip(None)

    def _base(
        self, scene: Scene, marked: Sequence[Marked], same: int, size: tuple[int, int]
    ) -> tuple[int, pygame.Surface]:
        """A picture of what this scene begins with like the last one, and how many items those are.

        Several such beginnings are kept, each with the one before it below, so that a figure that
        moves again after a pause does not cost the ground below it.
        """
        while self._bases and self._bases[-1][0] > same:
            self._spare.append(self._bases.pop()[1])
        if not self._bases:
            ground = pygame.Surface(size, 0, 32)
            ground.fill(rgba(scene.background)[:3])
            self._bases.append((0, ground))
        # Worth a copy of the picture once it held for a second time.
        steady, self._steady = min(same, self._steady), same
        count, picture = self._bases[-1]
        if steady > count + WORTH_A_BASE:
            below = picture
            picture = self._spare.pop() if self._spare else pygame.Surface(size, 0, 32)
            picture.blit(below, (0, 0))
            for marks, _, _ in marked[count:steady]:
                for leave, given in marks:
                    leave(picture, *given)
            if len(self._bases) == MOST_BASES:
                self._spare.append(self._bases.pop()[1])
            self._bases.append((steady, picture))
            count = steady
        return count, picture

    def items(
        self, items: Iterable[Item], surface: pygame.Surface, x: Number, y: Number, scale: Number
    ) -> None:
        """Draw items over what is there; the arguments are those of :meth:`paint`."""
        for marks, _, _ in self._all_marks(items, x, y, scale):
            for leave, given in marks:
                leave(surface, *given)

    def _all_marks(
        self, items: Iterable[Item], x: Number, y: Number, scale: Number
    ) -> Iterator[Marked]:
        """What is to be done for each item."""
        place = (x, y, scale)
        if place != self._marks_place or self._count > MOST_MARKS:
            self._forget_marks()
            self._marks_place = place
        for item in items:
            kind = type(item)
            known = self._marks[kind]  # equal fields do not make a rectangle an ellipse
            found = known.get(item)
            if found is None:
                # Made before it is put there: making sprites may have all marks forgotten.
                found = _plain(item, x, y, scale) if isinstance(item, Rect) else None
                found = found or _marked(tuple(_MARKS[kind](self, item, x, y, scale)))
                known[item] = found
                self._count += 1
            yield found

    def _forget_marks(self) -> None:
        for known in self._marks.values():
            known.clear()
        self._count = 0

    def _sprite(self, key: Any, make: Callable[[], pygame.Surface]) -> pygame.Surface:
        """The sprite with this key, made if it is not kept."""
        found = self._sprites.get(key)
        if found is not None:
            return found
        found = self._old_sprites.get(key)
        if found is None:
            found = make()
        self._pixels += found.get_width() * found.get_height()
        if self._pixels > CACHE_PIXELS // 2 and self._sprites:
            self._old_sprites, self._sprites = self._sprites, {}
            self._pixels = found.get_width() * found.get_height()
            self._forget_marks()  # which hold sprites too
        self._sprites[key] = found
        return found

    # Primitives ---------------------------------------------------------------------------------

    def _rect(self, r: Rect, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        left, top = round(x + r.x * scale), round(y + r.y * scale)
        width = round(x + (r.x + r.width) * scale) - left
        height = round(y + (r.y + r.height) * scale) - top
        if width <= 0 or height <= 0:
            return
        radius = min(round(r.radius * scale), width // 2, height // 2)
        if r.fill:
            if radius > 0:
                yield from self._round(pygame.Rect(left, top, width, height), radius, rgba(r.fill))
            else:
                yield from _box(left, top, width, height, rgba(r.fill))
        if not r.stroke:
            return
        thick = max(1, round(r.thickness * scale))
        color = rgba(r.stroke)
        out = thick // 2  # the line's middle lies on the edge
        left, top, width, height = left - out, top - out, width + 2 * out, height + 2 * out
        if radius > 0:
            area = pygame.Rect(left, top, width, height)
            yield from self._round(area, radius + out, color, thick)
            return
        thick = min(thick, width // 2, height // 2) or 1
        inner = max(0, height - 2 * thick)
        yield from _box(left, top, width, thick, color)
        yield from _box(left, top + height - thick, width, thick, color)
        yield from _box(left, top + thick, thick, inner, color)
        yield from _box(left + width - thick, top + thick, thick, inner, color)

    def _round(self, area: pygame.Rect, radius: int, color: Color, line: int = 0) -> Iterator[Mark]:
        """A rectangle with round corners, or with ``line`` its edge of that thickness inwards."""
        if area.width * area.height > LARGEST_SPRITE:
            yield from self._round_pieces(area, radius, color, line, _box)
            return

        def make() -> pygame.Surface:
            made = pygame.Surface(area.size, pygame.SRCALPHA, 32)
            made.fill((*color[:3], 0))
            here = pygame.Rect((0, 0), area.size)
            for leave, given in self._round_pieces(here, radius, color, line, _fill):
                leave(made, *given)
            return made

        found = self._sprite(("round", area.size, radius, line, color), make)
        yield _BLIT, (found, area.topleft)

    def _round_pieces(
        self,
        area: pygame.Rect,
        radius: int,
        color: Color,
        line: int,
        box: Callable[..., Iterator[Mark]],
    ) -> Iterator[Mark]:
        """The four corners of one sprite, and boxes between them."""

        def make() -> pygame.Surface:
            middle, inner = float(radius), float(radius - line)
            contours = [_ellipse(middle, middle, middle, middle)]
            if line and inner > 0:
                contours.append(_ellipse(middle, middle, inner, inner)[::-1])
            return _filled(contours, 2 * radius, 2 * radius, color)

        found = self._sprite(("corner", radius, line, color), make)
        left, top, right, bottom = area.left, area.top, area.right - radius, area.bottom - radius
        yield _BLIT, (found, (left, top), (0, 0, radius, radius))
        yield _BLIT, (found, (right, top), (radius, 0, radius, radius))
        yield _BLIT, (found, (left, bottom), (0, radius, radius, radius))
        yield _BLIT, (found, (right, bottom), (radius, radius, radius, radius))
        across, down = area.width - 2 * radius, area.height - 2 * radius
        if line:
            yield from box(left + radius, top, across, line, color)
            yield from box(left + radius, area.bottom - line, across, line, color)
            yield from box(left, top + radius, line, down, color)
            yield from box(area.right - line, top + radius, line, down, color)
        else:
            yield from box(left + radius, top, across, radius, color)
            yield from box(left, top + radius, area.width, down, color)
            yield from box(left + radius, bottom, across, radius, color)

    def _oval(self, e: Ellipse, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        cx, cy, rx, ry = x + e.x * scale, y + e.y * scale, e.rx * scale, e.ry * scale
        thick = max(1.0, e.thickness * scale) if e.stroke else 0.0
        if 4 * rx * ry <= LARGEST_OVAL:
            if e.fill or e.stroke:
                yield self._oval_sprite(cx, cy, rx, ry, e.fill, e.stroke, thick)
            return
        points = _ellipse(cx, cy, rx, ry)
        if e.fill:
            yield from _large(points, rgba(e.fill))
        if e.stroke:
            yield from self._strokes([*points, points[0]], thick, rgba(e.stroke))

    def _oval_sprite(
        self,
        cx: Number,
        cy: Number,
        rx: Number,
        ry: Number,
        fill: str,
        stroke: str,
        thick: Number,
    ) -> Mark:
        """Fill and edge in one, since most that have both are small and many."""
        reach_x, reach_y = math.ceil(rx + thick / 2) + 1, math.ceil(ry + thick / 2) + 1
        left, top = math.floor(cx) - reach_x, math.floor(cy) - reach_y
        fx, fy = round((cx - left) * HALF), round((cy - top) * HALF)

        def made(color: str, line: Number) -> pygame.Surface:
            mx, my = fx / HALF, fy / HALF
            size = 2 * reach_x + 2, 2 * reach_y + 2
            if rx == ry:
                return _colored(circle_coverage(mx, my, rx, line, *size), rgba(color))
            contours = [_ellipse(mx, my, rx + line / 2, ry + line / 2)]
            if line and min(rx, ry) > line / 2:
                contours.append(_ellipse(mx, my, rx - line / 2, ry - line / 2)[::-1])
            return _filled(contours, *size, rgba(color))

        def make() -> pygame.Surface:
            layers = [made(fill, 0.0)] if fill else []
            layers += [made(stroke, thick)] if stroke else []
            for layer in layers[1:]:
                layers[0].blit(layer, (0, 0))
            return layers[0]

        key = ("oval", fx, fy, round(rx * 8), round(ry * 8), round(thick * 8), fill, stroke)
        return _BLIT, (self._sprite(key, make), (left, top))

    def _line(self, line: Line, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        points = [(x + px * scale, y + py * scale) for px, py in line.points]
        return self._strokes(points, max(1.0, line.thickness * scale), rgba(line.stroke))

    def _polygon(self, polygon: Polygon, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        points = [(x + px * scale, y + py * scale) for px, py in polygon.points]
        if polygon.fill:
            yield from self._shape(points, rgba(polygon.fill))
        if polygon.stroke:
            thick = max(1.0, polygon.thickness * scale)
            yield from self._strokes([*points, points[0]], thick, rgba(polygon.stroke))

    def _arc(self, arc: Arc, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        cx, cy, radius = x + arc.x * scale, y + arc.y * scale, arc.radius * scale
        turn = min(max(arc.end - arc.start, 0.0), 2 * math.pi)
        pieces = max(2, math.ceil(turn * math.sqrt(radius)))
        angles = (arc.start + turn * i / pieces for i in range(pieces + 1))
        points = [(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles]
        return self._strokes(points, max(1.0, arc.thickness * scale), rgba(arc.stroke))

    def _text(self, text: Text, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        size = max(1, round(text.size * scale))

        def make() -> pygame.Surface:
            color = rgba(text.fill)
            written = font(size, text.bold).render(_printable(text.text), True, color[:3])
            if color[3] < 255:
                written.set_alpha(color[3])
            return written

        found = self._sprite(("text", text.text, size, text.fill, text.bold), make)
        width, height = found.get_size()
        back = {"start": 0.0, "middle": width / 2, "end": width}[text.anchor]
        at = (round(x + text.x * scale - back), round(y + text.y * scale - height / 2))
        yield _BLIT, (found, at)

    def _image(self, image: Image, x: Number, y: Number, scale: Number) -> Iterator[Mark]:
        left, top = round(x + image.x * scale), round(y + image.y * scale)
        width = round(x + (image.x + image.width) * scale) - left
        height = round(y + (image.y + image.height) * scale) - top
        if width <= 0 or height <= 0:
            return

        def make() -> pygame.Surface:
            size = (image.columns, image.rows)
            source = pygame.image.frombuffer(image.pixels, size, "RGBA")
            opaque = set(image.pixels[3::4]) == {255}
            # In the order of bytes that other surfaces have, which is copied several times faster.
            made = pygame.Surface((width, height), 0 if opaque else pygame.SRCALPHA, 32)
            made.blit(pygame.transform.scale(source, (width, height)), (0, 0))
            return made

        key = ("image", image.columns, image.rows, image.pixels, width, height)
        yield _BLIT, (self._sprite(key, make), (left, top))

    # Shapes -------------------------------------------------------------------------------------

    def _strokes(self, points: Sequence[Point], thick: Number, color: Color) -> Iterator[Mark]:
        """Straight pieces with round ends and joins."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        across, down = max(xs) - min(xs), max(ys) - min(ys)
        thin = len(points) == 2 and color[3] == 255 and thick < 2.5 and max(across, down) > 24
        if thin and min(across, down) < 0.01:
            yield from _straight(points, thick, color)
        elif thin:
            # Many such lines are new in every picture, shots for one: two smooth ones, side by
            # side, take a tenth of the time of a sprite.
            a, b = points
            off = (thick - 1) / 2 / math.dist(a, b)
            x, y = (a[1] - b[1]) * off, (b[0] - a[0]) * off
            for way in (1, -1):
                ends = (a[0] + way * x, a[1] + way * y), (b[0] + way * x, b[1] + way * y)
                yield pygame.draw.aaline, (color[:3], *ends)
        elif (across + thick) * (down + thick) <= LARGEST_SPRITE:
            yield from self._shape(points, color, thick)
        elif color[3] == 255 and thick < 1.75:
            yield pygame.draw.aalines, (color[:3], False, points)
        else:
            for a, b in itertools.pairwise(points):
                wide, high = abs(b[0] - a[0]) + thick, abs(b[1] - a[1]) + thick
                if wide * high <= LARGEST_SPRITE:
                    yield from self._shape((a, b), color, thick)
                else:
                    yield from _large(_capsule(a, b, thick / 2), color)

    def _shape(self, points: Sequence[Point], color: Color, line: Number = 0.0) -> Iterator[Mark]:
        """A filled polygon, or with ``line`` an open line of that thickness."""
        # The first corner to halves of a pixel, and the others to quarters by how far they lie from
        # it, so that a shape that moves is the same sprite wherever its first corner is as far in a
        # pixel.
        x, y = points[0]
        halves = QUARTER // HALF
        qx, qy = round(x * HALF) * halves, round(y * HALF) * halves
        xs = [qx + round((p[0] - x) * QUARTER) for p in points]
        ys = [qy + round((p[1] - y) * QUARTER) for p in points]
        margin = QUARTER * (line / 2 + 1)
        left, top = (
            math.floor((min(xs) - margin) / QUARTER),
            math.floor((min(ys) - margin) / QUARTER),
        )
        wide = math.ceil((max(xs) + margin) / QUARTER) - left
        high = math.ceil((max(ys) + margin) / QUARTER) - top
        if wide * high > LARGEST_SPRITE:
            if line:
                for a, b in itertools.pairwise(points):
                    yield from _large(_capsule(a, b, line / 2), color)
            else:
                yield from _large(points, color)
            return
        near_x, near_y = QUARTER * left, QUARTER * top
        corners = tuple([(px - near_x, py - near_y) for px, py in zip(xs, ys, strict=True)])

        def make() -> pygame.Surface:
            if line:
                covered = self._line_coverage((xs, ys), left, top, line / 2, wide + 1, high + 1)
                return _colored(covered, color)
            rounded = [(px / QUARTER, py / QUARTER) for px, py in corners]
            return _filled([rounded], wide + 1, high + 1, color)

        found = self._sprite(("shape", corners, round(line * 8), color), make)
        yield _BLIT, (found, (left, top))

    def _line_coverage(
        self,
        corners: tuple[list[int], list[int]],
        left: int,
        top: int,
        radius: Number,
        width: int,
        height: int,
    ) -> np.ndarray:
        """That of corners in quarters of a pixel, with the left and top edges in pixels."""
        if self._near is not None and self._near[0] == corners and self._near[3] >= radius:
            _, its_left, its_top, _, distances = self._near
            row, column = top - its_top, left - its_left
            return covered_within(distances[row : row + height, column : column + width], radius)
        points = [
            (px / QUARTER - left, py / QUARTER - top) for px, py in zip(*corners, strict=True)
        ]
        distances = line_distances(points, radius, width, height)
        self._near = (corners, left, top, radius, distances)
        return covered_within(distances, radius)


_BLIT = pygame.Surface.blit

_MARKS: dict[type, Any] = {
    Rect: Painter._rect,
    Ellipse: Painter._oval,
    Line: Painter._line,
    Polygon: Painter._polygon,
    Arc: Painter._arc,
    Text: Painter._text,
    Image: Painter._image,
}


def _plain(r: Rect, x: Number, y: Number, scale: Number) -> Marked | None:
    """What is to be done for an opaque rectangle without an edge or round corners; None for others.

    As :meth:`Painter._rect`, in a third of the time: crowds have hundreds of bars.
    """
    if r.stroke or r.radius or not r.fill:
        return None
    color = rgba(r.fill)
    if color[3] < 255:
        return None
    left, top = round(x + r.x * scale), round(y + r.y * scale)
    width = round(x + (r.x + r.width) * scale) - left
    height = round(y + (r.y + r.height) * scale) - top
    bounds = pygame.Rect(left, top, max(0, width), max(0, height))
    return Marked(((pygame.Surface.fill, (color[:3], bounds)),), bounds, False)


def _marked(marks: tuple[Mark, ...]) -> Marked:
    """With what they cover."""
    if len(marks) == 1 and marks[0][0] in (_BLIT, pygame.Surface.fill):
        return Marked(marks, _bounds(*marks[0]), False)
    bounds = [_bounds(leave, given) for leave, given in marks]
    # Where a smooth line is cut off, pygame starts it anew, and its shades differ.
    whole = any(
        leave in (pygame.draw.aaline, pygame.draw.aalines, _large_layer) for leave, _ in marks
    )
    return Marked(
        marks, bounds[0].unionall(bounds[1:]) if bounds else pygame.Rect(0, 0, 0, 0), whole
    )


def _bounds(leave: Callable[..., object], given: tuple[Any, ...]) -> pygame.Rect:
    """A rectangle that a mark does not reach beyond."""
    if leave is _BLIT:
        sprite, at, *part = given
        return pygame.Rect(at, part[0][2:] if part else sprite.get_size())
    if leave is pygame.Surface.fill:
        return pygame.Rect(given[1])
    if leave is pygame.gfxdraw.box:
        return pygame.Rect(given[0])
    if leave is _large_layer:
        points = given[0]
    else:
        points = given[1:] if leave is pygame.draw.aaline else given[-1]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    left, top = math.floor(min(xs)) - 2, math.floor(min(ys)) - 2
    return pygame.Rect(left, top, math.ceil(max(xs)) + 3 - left, math.ceil(max(ys)) + 3 - top)


def _changed(before: Sequence[Marked], after: Sequence[Marked]) -> list[pygame.Rect]:
    """Where two pictures differ: the bounds of what is in one only, or elsewhere in the order."""
    tail = 0
    for one, other in zip(reversed(before), reversed(after), strict=False):
        if one is not other:
            break
        tail += 1
    before, after = before[: len(before) - tail], after[: len(after) - tail]
    places: dict[int, list[int]] = {}
    for i in reversed(range(len(before))):
        places.setdefault(id(before[i]), []).append(i)
    gone = [True] * len(before)
    low, found = -1, []
    for one in after:
        here = places.get(id(one), [])
        while here and here[-1] <= low:
            here.pop()
        if here:
            low = here.pop()
            gone[low] = False
        else:
            found.append(one.bounds)
    return found + [one.bounds for one, left in zip(before, gone, strict=True) if left]


def _apart(areas: Iterable[pygame.Rect], all_of_it: pygame.Rect) -> list[pygame.Rect]:
    """Rectangles that cover these and do not overlap.

    Where they did, paint through which one sees would lie twice.
    """
    found: list[pygame.Rect] = []
    for area in areas:
        area = area.inflate(2 * NEARBY, 2 * NEARBY).clip(all_of_it)
        if not area.width or not area.height:
            continue
        while (i := area.collidelist(found)) >= 0:
            area = area.union(found.pop(i))
        found.append(area)
    pixels = sum(area.width * area.height for area in found)
    return [all_of_it] if pixels > MOST_CHANGED * all_of_it.width * all_of_it.height else found


def _same_start(a: tuple[Item, ...], b: tuple[Item, ...]) -> int:
    count = 0
    for one, other in zip(a, b, strict=False):
        if one is not other and (type(one) is not type(other) or one != other):
            break
        count += 1
    return count


def _box(left: int, top: int, width: int, height: int, color: Color) -> Iterator[Mark]:
    if width <= 0 or height <= 0:
        return
    if color[3] == 255:
        yield pygame.Surface.fill, (color[:3], (left, top, width, height))
    elif color[3]:
        yield pygame.gfxdraw.box, ((left, top, width, height), color)


def _straight(points: Sequence[Point], thick: Number, color: Color) -> Iterator[Mark]:
    """An opaque line along a row or a column of pixels, which it covers in part at its edges."""
    (ax, ay), (bx, by) = points
    level = abs(ay - by) < abs(ax - bx)
    begin, end = (round(e) for e in sorted((ax, bx) if level else (ay, by)))
    middle = (ay + by) / 2 if level else (ax + bx) / 2
    low, high = middle - thick / 2, middle + thick / 2
    for i in range(math.floor(low), math.ceil(high)):
        share = min(high, i + 1) - max(low, i)
        shade = (*color[:3], round(255 * share))
        if level:
            yield from _box(begin, i, end - begin, 1, shade)
        else:
            yield from _box(i, begin, 1, end - begin, shade)


def _fill(left: int, top: int, width: int, height: int, color: Color) -> Iterator[Mark]:
    """As :func:`_box` on an empty sprite, whose opacity becomes that of the colour."""
    yield pygame.Surface.fill, (color, (left, top, max(0, width), max(0, height)))


def _large(points: Sequence[Point], color: Color) -> Iterator[Mark]:
    """A polygon by pygame, with smooth edges."""
    if color[3] == 255:
        yield pygame.draw.polygon, (color[:3], [(round(x), round(y)) for x, y in points])
        yield pygame.draw.aalines, (color[:3], True, points)
    elif color[3]:
        yield _large_layer, (points, color)


def _large_layer(surface: pygame.Surface, points: Sequence[Point], color: Color) -> None:
    """A large polygon through which one sees."""
    left, top = (math.floor(min(p[axis] for p in points)) - 1 for axis in (0, 1))
    right, bottom = (math.ceil(max(p[axis] for p in points)) + 1 for axis in (0, 1))
    seen = pygame.Rect(left, top, right - left, bottom - top).clip(surface.get_clip())
    if not seen.size[0] or not seen.size[1]:
        return
    # Pieces of a smooth line are mixed with what is below them, opacity included, so that over
    # the same colour without opacity nothing but opacity changes.
    layer = pygame.Surface(seen.size, pygame.SRCALPHA, 32)
    layer.fill((*color[:3], 0))
    moved = [(x - seen.left, y - seen.top) for x, y in points]
    pygame.draw.polygon(layer, color, [(round(x), round(y)) for x, y in moved])
    pygame.draw.aalines(layer, color, True, moved)
    surface.blit(layer, seen.topleft)


def _ellipse(cx: Number, cy: Number, rx: Number, ry: Number) -> list[Point]:
    """Points of an ellipse, clockwise, near enough that no corner is seen."""
    count = max(12, math.ceil(6 * math.sqrt(max(rx, ry))))
    angles = (2 * math.pi * i / count for i in range(count))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


def _capsule(a: Point, b: Point, radius: Number) -> list[Point]:
    """The outline, clockwise, of a straight line with round ends."""
    angle = math.atan2(b[1] - a[1], b[0] - a[0])
    count = max(4, math.ceil(3 * math.sqrt(radius)))
    points = []
    for (x, y), start in ((b, angle - math.pi / 2), (a, angle + math.pi / 2)):
        for i in range(count + 1):
            turn = start + math.pi * i / count
            points.append((x + radius * math.cos(turn), y + radius * math.sin(turn)))
    return points


def _filled(contours: Sequence[Contour], width: int, height: int, color: Color) -> pygame.Surface:
    """A surface in one colour, as opaque in each pixel as the contours cover it."""
    return _colored(coverage(contours, width, height), color)


def _colored(covered: np.ndarray, color: Color) -> pygame.Surface:
    """A surface in one colour, as opaque in each pixel as it is ``covered``."""
    sprite = pygame.Surface(covered.shape[::-1], pygame.SRCALPHA, 32)
    sprite.fill((*color[:3], 0))
    alpha = pygame.surfarray.pixels_alpha(sprite)
    shares = covered.T * color[3]
    shares += 0.5
    alpha[:] = shares  # rounded down to whole numbers
    del alpha  # unlocks the surface
    return sprite


def circle_coverage(
    x: float, y: float, radius: float, line: float, width: int, height: int
) -> np.ndarray:
    """How much of each pixel a disc covers, or with ``line`` its edge of that thickness.

    By distance, as :func:`line_coverage`; float ``[height, width]``.
    """
    across = np.arange(width, dtype=np.float32)[None, :] + (0.5 - x)
    down = np.arange(height, dtype=np.float32)[:, None] + (0.5 - y)
    distance = np.sqrt(across * across + down * down)
    inside = line / 2 - np.abs(distance - radius) if line else radius - distance
    return np.clip(inside + 0.5, 0.0, 1.0)


def line_coverage(points: Sequence[Point], radius: Number, width: int, height: int) -> np.ndarray:
    """How much of each pixel a line with round ends and joins covers, float ``[height, width]``.

    By the distance of each pixel's middle from the line, which is off by less than a fifth where
    the line is thicker than a pixel, and takes a quarter of the time of :func:`coverage`.

    Args:
        points: that the line leads through, in pixels, within the picture.
        radius: half of the line's thickness.
        width: of the picture, pixels.
        height: likewise.
    """
    return covered_within(line_distances(points, radius, width, height), radius)


def covered_within(distances: np.ndarray, radius: Number) -> np.ndarray:
    """How much of pixels is within ``radius`` of what their middles are so far from."""
    covered = np.subtract(radius + 0.5, distances)
    np.maximum(covered, 0.0, out=covered)  # clip takes several times as long
    return np.minimum(covered, 1.0, out=covered)


def line_distances(points: Sequence[Point], radius: Number, width: int, height: int) -> np.ndarray:
    """How far the middle of each pixel is from a line, float ``[height, width]``.

    The arguments are those of :func:`line_coverage`. Distances beyond ``radius`` and a pixel may be
    too large.
    """
    nearest = np.full((height, width), np.inf, np.float32)
    ends = list(points) if len(points) > 1 else [points[0], points[0]]
    for (ax, ay), (bx, by) in itertools.pairwise(ends):
        left, right = max(0, math.floor(min(ax, bx) - radius) - 1), math.ceil(max(ax, bx) + radius)
        top, bottom = max(0, math.floor(min(ay, by) - radius) - 1), math.ceil(max(ay, by) + radius)
        dx, dy = bx - ax, by - ay
        squared = dx * dx + dy * dy or 1.0
        x = np.arange(left, min(width, right + 1), dtype=np.float32)[None, :] + (0.5 - ax)
        y = np.arange(top, min(height, bottom + 1), dtype=np.float32)[:, None] + (0.5 - ay)
        along = x * (dx / squared) + y * (dy / squared)
        np.maximum(along, 0.0, out=along)
        np.minimum(along, 1.0, out=along)
        off_x, off_y = x - along * dx, y - along * dy
        off_x *= off_x
        off_y *= off_y
        off_x += off_y
        window = nearest[top : top + len(y), left : left + x.shape[1]]
        np.minimum(window, np.sqrt(off_x, out=off_x), out=window)
    return nearest


def coverage(contours: Sequence[Contour], width: int, height: int) -> np.ndarray:
    """How much of each pixel lies within closed contours, exactly, float ``[height, width]``.

    Clockwise contours (y is down) add what is within them, others take it away; what lies in
    several counts as covered once. Each edge is cut where it passes from pixel to pixel; a piece
    adds the area to its right in its own pixel and its height in all further ones, as font
    renderers do (R. Levien, "Inside the fastest font renderer in the world", 2016).

    Args:
        contours: points in pixels, within the picture; each is closed by its first point.
        width: of the picture, pixels.
        height: likewise.
    """
    starts = np.array([p for c in contours for p in c], float)
    ends = np.array([p for c in contours for p in itertools.chain(c[1:], c[:1])], float)
    if len(contours) == 1:  # whichever way round it goes
        cross = starts[:, 0] * ends[:, 1] - starts[:, 1] * ends[:, 0]
        sign = 1.0 if cross.sum() >= 0 else -1.0
    else:
        sign = 1.0
    sloped = starts[:, 1] != ends[:, 1]
    starts, ends = starts[sloped], ends[sloped]
    if not len(starts):
        return np.zeros((height, width))
    step = ends - starts
    edges, shares = [np.arange(len(starts))] * 2, [np.zeros(len(starts)), np.ones(len(starts))]
    for axis in (0, 1):  # where edges cross from one column or row of pixels to the next
        low = np.minimum(starts[:, axis], ends[:, axis])
        high = np.maximum(starts[:, axis], ends[:, axis])
        first = np.floor(low).astype(int) + 1
        count = np.maximum(np.ceil(high).astype(int) - first, 0)
        edge = np.repeat(np.arange(len(starts)), count)
        place = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        edges.append(edge)
        shares.append((place - starts[edge, axis]) / step[edge, axis])
    edge, share = np.concatenate(edges), np.concatenate(shares)
    order = np.argsort(edge + np.minimum(np.maximum(share, 0.0), 1.0) * 0.999999, kind="stable")
    edge, share = edge[order], share[order]
    pieces = edge[1:] == edge[:-1]
    edge, first, last = edge[1:][pieces], share[:-1][pieces], share[1:][pieces]
    fall = (last - first) * step[edge, 1]
    middle = starts[edge] + ((first + last) / 2)[:, None] * step[edge]
    # Within the picture whole numbers are the floor; at its edges rounding may be off by a piece.
    column = np.minimum(np.maximum(middle[:, 0].astype(int), 0), width - 1)
    row = np.minimum(np.maximum(middle[:, 1].astype(int), 0), height - 1)
    right = np.minimum(np.maximum(column + 1 - middle[:, 0], 0.0), 1.0)
    cell = row * (width + 1) + column
    size = height * (width + 1)
    grown = np.bincount(cell, fall * right, size) + np.bincount(cell + 1, fall * (1 - right), size)
    covered = np.cumsum(grown.reshape(height, width + 1), axis=1)[:, :width]
    covered *= -sign
    return np.minimum(np.maximum(covered, 0.0, out=covered), 1.0, out=covered)


# Fonts ------------------------------------------------------------------------------------------


@functools.cache
def font(size: int, bold: bool = False) -> pygame.font.Font:
    """DejaVu Sans, which comes with Matplotlib and holds the symbols that games use.

    Args:
        size: height of the em square in pixels.
        bold: the bold cut.
    """
    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.font.Font(_font_file(bold), size)


@functools.cache
def _font_file(bold: bool) -> str | None:
    spec = importlib.util.find_spec("matplotlib")  # found, not imported: that takes a second
    for folder in (spec.submodule_search_locations or []) if spec else []:
        name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
        file = Path(folder) / "mpl-data" / "fonts" / "ttf" / name
        if file.is_file():
            return str(file)
    return None  # pygame's own, which lacks some symbols


def _printable(text: str) -> str:
    """The text without what no font draws: control characters, and those beyond what SDL takes."""
    return "".join(c if c.isprintable() else " " for c in text) or " "


# Pictures ---------------------------------------------------------------------------------------


def picture_size(height: int = 720) -> tuple[int, int]:
    """Width and height in pixels of a picture of this height; both even, as videos need."""
    width = round(STAGE[0] * height / STAGE[1])
    return width + width % 2, height + height % 2


class Pictures:
    """Scenes as arrays. Keeps sprites between pictures, so use one for many.

    Args:
        height: of the pictures in pixels; the width follows from the stage.
    """

    def __init__(self, height: int = 720) -> None:
        self.size = picture_size(height)
        self._scale = height / STAGE[1]
        self._painter = Painter()

    def surface(self, scene: Scene) -> pygame.Surface:
        """The picture as a surface, which the next call draws over."""
        return self._painter.picture(scene, self.size, scale=self._scale)

    @property
    def changed(self) -> list[pygame.Rect]:
        """Where the last picture may differ from the one before; all of it for the first."""
        return self._painter.changed

    def array(self, scene: Scene) -> np.ndarray:
        """The picture, uint8 ``[height, width, 3]``, red, green, blue."""
        data = pygame.image.tobytes(self.surface(scene), "RGB")
        return np.frombuffer(data, np.uint8).reshape(self.size[1], self.size[0], 3).copy()

    def save(self, scene: Scene, path: str | os.PathLike[str]) -> None:
        """Write the picture as PNG."""
        pygame.image.save(self.surface(scene), os.fspath(path))


def picture(scene: Scene, height: int = 720) -> np.ndarray:
    """One scene as an array, uint8 ``[height, width, 3]``; of many see :class:`Pictures`."""
    return Pictures(height).array(scene)

"""Pictures: coverage by closed forms; sprites and copied pieces change nothing."""

import math

import numpy as np
import pygame
import pytest
import shapes
from hypothesis import given, settings
from hypothesis import strategies as st

from arenas.renderers import pygame_backend
from arenas.renderers import scene as s
from arenas.renderers.pygame_backend import (
    Painter,
    Pictures,
    coverage,
    line_coverage,
    picture,
    picture_size,
)
from arenas.renderers.scene import Scene

points = st.tuples(st.floats(2, 38), st.floats(2, 38))


@given(st.lists(points, min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_a_triangle_covers_is_its_area(corners):
    (ax, ay), (bx, by), (cx, cy) = corners
    area = abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
    covered = coverage([corners], 40, 40)
    assert covered.sum() == pytest.approx(area, abs=1e-6)
    # A pixel whose four corners lie inside is covered wholly, and one far outside not at all.
    assert covered.min() >= 0 and covered.max() <= 1


def test_half_a_pixel_is_half_covered_and_a_hole_is_not():
    square = [(2.5, 3.0), (6.0, 3.0), (6.0, 7.0), (2.5, 7.0)]
    covered = coverage([square], 8, 8)
    assert covered[4].tolist() == pytest.approx([0, 0, 0.5, 1, 1, 1, 0, 0])
    hole = [(3.0, 4.0), (3.0, 5.0), (5.0, 5.0), (5.0, 4.0)]  # the other way round
    assert coverage([square, hole], 8, 8).sum() == pytest.approx(14 - 2)


def test_a_line_covers_its_length_and_its_round_ends():
    covered = line_coverage([(10.0, 20.0), (40.0, 20.0)], 4.0, 50, 40)
    assert covered.sum() == pytest.approx(30 * 8 + math.pi * 16, rel=0.01)


def test_a_circle_is_round_and_where_it_belongs():
    seen = picture(Scene("#000000", (s.circle(300.0, 200.0, 50.0, "#ffffff"),)), 640)[..., 0] / 255
    assert seen.sum() == pytest.approx(math.pi * 2500, rel=0.005)
    y, x = (np.mgrid[:640, :960] + 0.5).reshape(2, 640, 960)
    assert (seen * x).sum() / seen.sum() == pytest.approx(300, abs=0.05)
    assert (seen * y).sum() / seen.sum() == pytest.approx(200, abs=0.05)


def test_opacity_mixes_with_what_lies_below():
    items = (s.Rect(0, 0, 960, 640, "#0000ff"), s.Rect(100, 100, 200, 200, "#ff000080"))
    assert picture(Scene("#000000", items), 640)[200, 200].tolist() == pytest.approx(
        [128, 0, 127], abs=2
    )
    large = (items[0], s.Polygon(((10, 10), (900, 20), (500, 600)), "#ff000080"))
    assert picture(Scene("#000000", large), 640)[200, 450].tolist() == pytest.approx(
        [128, 0, 127], abs=2
    )


def test_a_painter_that_remembers_gives_the_same_pictures_as_a_fresh_one():
    film = shapes.film()
    kept = Pictures(480)
    for t in (0, 1, 1, 2, 7, 3, 12, 0):
        for seat in (None, 1):
            scene = film.scene(t, seat)
            assert np.array_equal(kept.array(scene), picture(scene, 480)), (t, seat)


def test_figures_that_pause_and_move_again_are_where_they_belong():
    """Of three groups of items, later ones move more often, with pauses between."""
    painter = Pictures(180)
    for t in range(40):
        moves = (t // 17, t // 7, max(0, t % 7 - 3) + t // 7)
        items = tuple(
            s.circle(40 + 30 * i + 9 * move, 120 + 150 * layer, 14, ("#ff0000", "#00ff0080")[i % 2])
            for layer, move in enumerate(moves)
            for i in range(8)
        )
        scene = Scene("#101820", items)
        np.testing.assert_array_equal(painter.array(scene), picture(scene, 180))


def test_wherever_a_picture_changes_it_is_that_of_a_fresh_painter():
    """Items of every kind come, go, change places and lie over each other."""
    rng = np.random.default_rng(3)
    colors = ("#ff0000", "#00ff0080", "#0072b2", "#ffffff40")

    def item():
        x, y = (float(v) for v in rng.integers(0, (960, 640)))
        a, b = (float(v) for v in rng.integers(2, 300, 2))
        color = colors[rng.integers(4)]
        return (
            lambda: s.Rect(x, y, a, b, color, colors[2], 3.0, 8.0),
            lambda: s.Ellipse(x, y, a / 4, b / 4, color, colors[2]),
            lambda: s.line(x, y, x + a, y + b - 150, color, 2.0),
            lambda: s.line(x, y, x + 2 * a, y, colors[0], 2.0),
            lambda: s.Polygon(((x, y), (x + 3 * a, y + b), (x, y + 3 * b)), color),
            lambda: s.Text(x, y, f"{x:g}", 20, color, "middle"),
        )[rng.integers(6)]()

    painter, items = Pictures(180), [item() for _ in range(24)]
    for _ in range(60):
        for _ in range(rng.integers(4)):
            old = items.pop(rng.integers(len(items)))
            items.insert(rng.integers(len(items)), item() if rng.random() < 0.7 else old)
        scene = Scene("#101820", tuple(items))
        np.testing.assert_array_equal(painter.array(scene), picture(scene, 180))


def test_every_primitive_leaves_its_mark_and_ends_at_the_stage():
    for item in shapes.film().scene(3).items:
        assert (picture(Scene("#123456", (item,)), 320) != (0x12, 0x34, 0x56)).any(), item
    surface = pygame.Surface((400, 300))
    surface.fill("#010203")
    outside = Scene(
        s.GROUND, (s.Rect(-500, -500, 3000, 3000, s.SKY), s.circle(5.0, 5.0, 90.0, s.SKY))
    )
    Painter().paint(outside, surface, 50, 40, 0.25)
    assert surface.get_at((49, 100))[:3] == surface.get_at((100, 39))[:3] == (1, 2, 3)
    assert surface.get_at((50 + 240, 100))[:3] == (1, 2, 3)
    assert surface.get_at((60, 60))[:3] != (1, 2, 3)


def test_sizes_are_even_and_720_high_by_default():
    assert picture_size() == (1080, 720)
    assert picture_size(333) == (500, 334)
    assert picture(shapes.film().scene(0)).shape == (720, 1080, 3)


def test_names_with_characters_that_no_font_has_are_drawn():
    odd = "a\0b\n\t" + chr(0x1F600) + chr(0xD7FF) + "é♥←"
    assert picture(Scene(s.GROUND, (s.Text(10, 300, odd, 30, s.INK),)), 320).std() > 0


def test_a_plain_rectangle_has_the_marks_of_any_other():
    rng = np.random.default_rng(4)
    sides = [*rng.uniform(0, 40, (60, 2)), (0.0, 9.0), (9.0, 0.0), (0.3, 0.3)]
    for width, height in sides:
        rect = s.Rect(*rng.uniform(-9, 60, 2), width, height, "#7bd88f")
        plain = pygame_backend._plain(rect, 0.5, 0.25, 1.125)
        assert plain is not None
        surfaces = [pygame.Surface((64, 64), 0, 32) for _ in range(2)]
        slow = pygame_backend.Painter()._rect(rect, 0.5, 0.25, 1.125)
        for surface, marks in zip(surfaces, (plain.marks, slow), strict=True):
            for leave, what in marks:
                leave(surface, *what)
        one, other = (pygame.surfarray.array3d(x) for x in surfaces)
        np.testing.assert_array_equal(one, other)
    for rect in (s.Rect(1, 1, 5, 5, "#7bd88f80"), s.Rect(1, 1, 5, 5, "#7bd88f", radius=2)):
        assert pygame_backend._plain(rect, 0, 0, 1) is None
    assert pygame_backend._plain(s.Rect(1, 1, 5, 5, "#7bd88f", "#000000"), 0, 0, 1) is None

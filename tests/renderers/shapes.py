"""Films for tests of viewers: every primitive, several pictures a step, views, hostile names."""

from unittest import mock

import numpy as np

import arenas
from arenas.renderers import film as film_module
from arenas.renderers import scene as s
from arenas.renderers.film import Drawing, Event, Film

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<!--<script>\u2028\u2029<img src=x onerror='window.hacked = 1'> \"&amp;\\u003c",
)
"""Names of two agents that would run a script where they are not taken as text."""

PIXELS = np.zeros((2, 3, 4), np.uint8)
PIXELS[..., 3] = 255
PIXELS[0, :, 0] = 255  # a red row above a blue one, of which the last pixel shows the ground
PIXELS[1, :2, 2] = 255
PIXELS[1, 2] = 0


class Shapes(Drawing):
    """Every primitive, filled and stroked, opaque and not; each moves in its own way."""

    fps = 10.0

    def scene(self, t, seat=None):
        return self._at(t, seat)

    def between(self, t, seat=None, every=1):
        assert every == 1
        return [self._at(t - 1 + (i + 1) / 3, seat) for i in range(3)] if t else [self._at(0, seat)]

    def _at(self, time, seat):
        x = 20 + 7.0 * time
        items = [
            s.Rect(x, 40, 120, 60, s.ORANGE),
            s.Rect(60, 140, 100, 50, s.SKY, s.WHITE, 4.0, 12.0),
            s.Rect(120, 100, 90, 90, "#00ff0080"),
            s.Ellipse(400, 90, 70, 40 + time, s.GREEN, s.INK, 3.0),
            s.circle(560.0, 90.0, 45.5, s.YELLOW),
            s.Line(((40, 260), (160, 320), (240, 240)), s.VERMILION, 8.0),
            s.line(300.0, 250.0, 460.0, 330.25, s.WHITE, 2.0),
            s.regular(600.0, 280.0, 60.0, 5, time / 9, s.PURPLE, s.WHITE),
            s.Polygon(((720, 220), (840, 240), (700, 330)), "", s.SKY, 5.0),
            s.Arc(800, 100, 50, -1.0, 2.5, s.BLUE, 10.0),
            s.image(60.0, 400.0, 180.0, 120.0, PIXELS),
            s.Text(480, 560, f"step {time:.2f}", 28, s.INK, "middle", True),
            s.Text(920, 600, "right", 20, s.FAINT, "end"),
            s.Text(300, 450, " · ".join(self.film.agents), 13, s.INK),
        ]
        if seat is not None:
            del items[3 + seat]
            items.append(s.Text(20, 620, self.film.env.agents[seat], 16, s.SEATS[seat]))
        return s.Scene(s.GROUND if time < 5 else s.PANEL, tuple(items))

    def events(self, t):
        found = [Event(t, "round", f"round {t // 4}")] if t % 4 == 0 else []
        return [*found, Event(t, "hit", self.film.agents[1], 1, (0,))] if t == 5 else found


def film(steps=12, drawing=Shapes, agents=HOSTILE, **kwargs):
    """A film of repeated rock-paper-scissors, drawn by ``drawing``."""
    env = arenas.make_host("rrps-v0", throws=steps, **kwargs)
    env.reset(seed=7)
    with mock.patch.dict(film_module._DRAWINGS, {"rrps": drawing}):
        made = Film(env, agents, 7)
    made.add()
    for t in range(steps):
        action = [t % 3, t * t % 3]
        env.step(action)
        made.add(action)
    return made

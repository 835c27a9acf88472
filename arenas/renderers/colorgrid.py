"""ColorGrid's drawing: the grid with trails, the goal, scores and what was taken."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arenas.envs.colorgrid.game import COLORS, FOLLOWER, ColorGrid
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GROUND,
    INK,
    ORANGE,
    PANEL,
    SKY,
    SMALLEST_TEXT,
    VERMILION,
    WHITE,
    Item,
    Line,
    Number,
    Rect,
    Scene,
    Text,
    circle,
    image,
    line,
    rgba,
    with_alpha,
)
from arenas.renderers.symbols import Curves, blend, fitted, signed, symbol, unwrapped

PAINT = (VERMILION, BLUE, GREEN)
SHAPES = ("circle", "square", "triangle")
"""The colours of the game as painted, and a shape for each; in the order of ``COLORS``."""
AGENTS = (SKY, ORANGE)  # leader, follower

FIELD = "#0f141a"
MESH = "#1d2530"
SIDE = 592  # the grid's longer side
CORNER = 24.0
COLUMN = 644.0  # where the column beside the grid begins
WIDTH = 292.0
TRAIL = 14  # steps that a trail shows
NEWS = 3  # steps for which a taken block is marked
SMALLEST_CELL = 7
"""Cells that are smaller are painted as pixels, without shapes."""


class Took(NamedTuple):
    """A block that an agent took."""

    step: int  # the moment in which it is gone
    seat: int
    color: int
    goal: bool  # it was of the goal colour


class ColorGridDrawing(Drawing):
    """A seat that is not told the goal sees neither the goal nor what tells it: scores and signs.

    All seats see the whole grid, and so does this drawing for every seat.
    """

    fps = 6.0

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        self.game: ColorGrid = unwrapped(film.env)
        self._horizon = int(self.game.max_steps or 1)
        self._cell = SIDE / max(self.game.width, self.game.height)
        self._x0 = CORNER + (SIDE - self._cell * self.game.width) / 2
        self._y0 = CORNER + (SIDE - self._cell * self.game.height) / 2
        # The middles of columns and rows on the stage; the game's y points up.
        cell, half = self._cell, 0.5
        self._x = [round(self._x0 + (i + half) * cell, 1) for i in range(self.game.width)]
        self._y = [round(self._y0 + (i + half) * cell, 1) for i in range(self.game.height)][::-1]
        fading = [0.85 * (1 - age / TRAIL) for age in range(TRAIL)]
        self._trail = [[blend(color, FIELD, share) for share in fading] for color in AGENTS]
        self._taken: list[Took] = []
        self._counts: list[np.ndarray] = []  # by moment: goal and other blocks so far, [A, 2]
        self._goals: list[tuple[int, int]] = []  # from which moment on, which colour
        seats = self.game.num_agents
        self._curves = Curves(
            (COLUMN + 46.0, 450.0, WIDTH - 54.0, 96.0), self._horizon, AGENTS[:seats]
        )
        self._board = tuple(self._empty_board())

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The grid as all see it, and beside it what this seat is told."""
        self._read(t)
        told = seat is None or seat != FOLLOWER or not self.game.asymmetric
        items: list[Item] = [*self._board]
        items += self._trails(t)
        items += self._blocks(t)
        items += self._players(t)
        items += self._news(t, told)
        items += self._column(t, told)
        return Scene(GROUND, tuple(items))

    def events(self, t: int) -> list[Event]:
        """Blocks taken, and changes of the goal colour."""
        self._read(t)
        unseen = (FOLLOWER,) if self.game.asymmetric else ()  # whom they would tell the goal
        found = [
            Event(
                t,
                "block" if took.goal else "wrong block",
                f"{self.game.agents[took.seat]} takes {COLORS[took.color]}"
                + ("" if took.goal else ", which is not the goal"),
                took.seat,
                unseen,
            )
            for took in self._taken_at(t)
        ]
        if bool(self.film.moments[t].timestep.info["goal_switched"]):
            found.append(
                Event(t, "goal", f"the goal becomes {COLORS[self._goal(t)]}", None, unseen)
            )
        return found

    # What happened -------------------------------------------------------------------------------

    def _read(self, t: int) -> None:
        """Go through the moments up to ``t`` that were not read yet."""
        moments = self.film.moments
        for i in range(len(self._counts), t + 1):
            info, seats = moments[i].timestep.info, self.game.num_agents
            now = np.stack([info["goal_blocks"], info["incorrect_blocks"]], axis=1)
            if i == 0:
                now = np.zeros((seats, 2), int)
            for seat in np.flatnonzero(now.any(axis=1)):
                # A taken block lay, the moment before, where the agent stands now.
                x, y = (int(v) for v in moments[i].state.position[seat])
                code = int(moments[i - 1].state.cells[y, x])
                self._taken.append(Took(i, int(seat), code - 1, bool(now[seat, 0])))
            self._counts.append(now if i == 0 else self._counts[-1] + now)
            if not self._goals or self._goals[-1][1] != self._goal(i):
                self._goals.append((i, self._goal(i)))
            self._curves.add([float(r) for r in moments[i].returns])

    def _goal(self, t: int) -> int:
        return int(self.film.moments[t].state.goal)

    def _taken_at(self, t: int, steps: int = 1) -> list[Took]:
        """Blocks taken in the last ``steps`` steps up to moment ``t``."""
        low = 0
        high = len(self._taken)
        while low < high:  # the first after t
            middle = (low + high) // 2
            if self._taken[middle].step <= t:
                low = middle + 1
            else:
                high = middle
        found = []
        while low and self._taken[low - 1].step > t - steps:
            low -= 1
            found.append(self._taken[low])
        return found[::-1]

    # For who plays ------------------------------------------------------------------------------

    @property
    def cell(self) -> float:
        """Side of a cell on the stage."""
        return self._cell

    def middle(self, x: int, y: int) -> tuple[float, float]:
        """Where the middle of a cell lies on the stage."""
        return self._x[x], self._y[y]

    def cell_at(self, x: Number, y: Number) -> tuple[int, int] | None:
        """The cell, as the game counts them, at a place of the stage; None beside the grid."""
        column = math.floor((x - self._x0) / self._cell)
        row = math.floor((y - self._y0) / self._cell)
        if 0 <= column < self.game.width and 0 <= row < self.game.height:
            return column, self.game.height - 1 - row
        return None

    # The grid ------------------------------------------------------------------------------------

    def _at(self, t: int, seat: int) -> tuple[float, float]:
        """Where an agent stands, on the stage."""
        x, y = self.film.moments[t].state.position[seat].tolist()
        return self._x[x], self._y[y]

    def _empty_board(self) -> list[Item]:
        cell, game = self._cell, self.game
        width, height = cell * game.width, cell * game.height
        items: list[Item] = [Rect(self._x0, self._y0, width, height, FIELD, "#2c3644", 1, 4)]
        if cell >= SMALLEST_CELL:
            for i in range(1, game.width):
                x = round(self._x0 + i * cell, 1)
                items.append(line(x, self._y0, x, self._y0 + height, MESH))
            for i in range(1, game.height):
                y = round(self._y0 + i * cell, 1)
                items.append(line(self._x0, y, self._x0 + width, y, MESH))
        if game.hemispheres:
            x = self._x0 + game.regions[0].right * cell
            items.append(line(x, self._y0, x, self._y0 + height, FAINT, 2.0))
        return items

    def _blocks(self, t: int) -> list[Item]:
        cells = np.asarray(self.film.moments[t].state.cells)
        game, cell = self.game, self._cell
        if cell < SMALLEST_CELL:
            paint = np.zeros((256, 4), np.uint8)
            for code, color in enumerate(PAINT, 1):
                paint[code] = rgba(color)
            # Where several cells share a pixel, the highest code shows, so that no block is lost.
            blocks = np.where(cells <= len(COLORS), cells, 0)
            by = -(-max(cells.shape) // SIDE)
            if by > 1:
                rows, columns = (-(-n // by) * by for n in cells.shape)
                blocks = np.pad(blocks, [(0, rows - cells.shape[0]), (0, columns - cells.shape[1])])
                blocks = blocks.reshape(rows // by, by, columns // by, by).max(axis=(1, 3))
            width, height = cell * by * blocks.shape[1], cell * by * blocks.shape[0]
            bottom = self._y0 + cell * game.height
            return [image(self._x0, bottom - height, width, height, paint[blocks[::-1]])]
        items: list[Item] = []
        lettered = cell >= 1.9 * SMALLEST_TEXT
        rows, columns = np.nonzero((cells > 0) & (cells <= len(COLORS)))
        codes = cells[rows, columns]
        for y, x, code in zip(rows.tolist(), columns.tolist(), codes.tolist(), strict=True):
            color, px, py = code - 1, self._x[x], self._y[y]
            items.append(symbol(SHAPES[color], px, py, 0.36 * cell, PAINT[color]))
            if lettered:
                size = max(SMALLEST_TEXT, 0.32 * cell)
                items.append(Text(px, py, COLORS[color][0].upper(), size, WHITE, "middle", True))
        return items

    def _trails(self, t: int) -> list[Item]:
        items: list[Item] = []
        width = min(6.0, max(2.0, 0.16 * self._cell))
        for seat in range(self.game.num_agents):
            way = [self._at(i, seat) for i in range(max(0, t - TRAIL), t + 1)]
            for i in range(len(way) - 1):
                if way[i] != way[i + 1]:
                    color = self._trail[seat][len(way) - 2 - i]
                    items.append(Line((way[i], way[i + 1]), color, width))
        return items

    def _players(self, t: int) -> list[Item]:
        items: list[Item] = []
        r = max(0.46 * self._cell, 9.5)
        for seat in range(self.game.num_agents):
            x, y = self._at(t, seat)
            items.append(circle(x, y, r, AGENTS[seat], BLACK, 1.5))
            letter = self.game.agents[seat][0].upper()
            items.append(
                Text(x, y, letter, max(SMALLEST_TEXT, 1.2 * r), BLACK, "middle", bold=True)
            )
        return items

    def _news(self, t: int, told: bool) -> list[Item]:
        """Rings where blocks were taken in the last steps, and, just now, what they earned."""
        items: list[Item] = []
        r = max(0.62 * self._cell, 12.0)
        for took in self._taken_at(t, NEWS):
            x, y = self._at(took.step, took.seat)
            age = t - took.step
            color = with_alpha(PAINT[took.color], 1 - age / NEWS)
            items.append(circle(x, y, r + 3 * age, "", color, 3.0))
            if told and age == 0:
                sign = "+" if took.goal else "−"
                top = y - r - 12 if y - r - 20 > CORNER else y + r + 12
                items.append(circle(x, top, 10.0, WHITE if took.goal else "#2c3644", BLACK, 1))
                ink = BLACK if took.goal else WHITE
                items.append(Text(x, top, sign, 17, ink, "middle", bold=True))
        return items

    # The column beside it ------------------------------------------------------------------------

    def _column(self, t: int, told: bool) -> list[Item]:
        game = self.game
        right = COLUMN + WIDTH
        items: list[Item] = [
            Text(COLUMN, 38, "ColorGrid", 22, INK, bold=True),
            Text(right, 38, f"step {t} of {game.max_steps}", 15, FAINT, "end"),
            Rect(COLUMN, 60, WIDTH, 104, PANEL, radius=8),
        ]
        if told:
            goal = self._goal(t)
            items += [
                symbol(SHAPES[goal], COLUMN + 56, 112.0, 32.0, PAINT[goal], WHITE),
                Text(COLUMN + 112, 92, "goal", 15, FAINT),
                Text(COLUMN + 112, 122, COLORS[goal], 30, INK, bold=True),
            ]
        else:
            items += [
                circle(COLUMN + 56, 112.0, 32.0, "", FAINT, 2.0),
                Text(COLUMN + 56, 112, "?", 34, FAINT, "middle", bold=True),
                Text(COLUMN + 112, 92, "goal", 15, FAINT),
                Text(COLUMN + 112, 122, "not told", 26, INK, bold=True),
            ]
        for seat in range(game.num_agents):
            items += self._card(t, seat, 178.0 + 94 * seat, told)
        if told:
            items += self._goal_strip(t)
            items.append(Text(COLUMN, 434, "returns", 14, FAINT))
            items += self._curves.items(t)
        else:
            items += self._evidence(t)
        return items + self._legend()

    def _card(self, t: int, seat: int, y: Number, told: bool) -> list[Item]:
        """One agent: its name, return, and the blocks that it took."""
        name, agent = self.game.agents[seat], self.film.agents[seat]
        good, wrong = (int(n) for n in self._counts[t][seat])
        right = COLUMN + WIDTH
        items: list[Item] = [
            Rect(COLUMN, y, WIDTH, 84, PANEL, radius=8),
            circle(COLUMN + 28, y + 30, 15.0, AGENTS[seat]),
            Text(COLUMN + 28, y + 30, name[0].upper(), 18, BLACK, "middle", bold=True),
            Text(COLUMN + 54, y + 22, name, 17, INK, bold=True),
        ]
        if agent != name:
            items.append(Text(COLUMN + 54, y + 42, fitted(agent, 160.0, 14.0), 14, FAINT))
        if told:
            total = float(self.film.moments[t].returns[seat])
            items.append(Text(right - 14, y + 30, signed(total), 26, INK, "end", bold=True))
            count = f"{good} of the goal, {wrong} wrong"
        else:
            count = f"{good + wrong} blocks taken"
        items.append(Text(COLUMN + 54, y + 66, count, 14, FAINT))
        return items

    def _evidence(self, t: int) -> list[Item]:
        """What can be seen by all: the colours of the blocks that each took last."""
        items: list[Item] = []
        for seat, name in enumerate(self.game.agents):
            y, room = 386.0 + 74 * seat, 12
            items.append(Text(COLUMN, y, f"taken last by the {name}", 15, FAINT))
            colors = [took.color for took in self._taken_at(t, t) if took.seat == seat][-room:]
            for i, color in enumerate(colors):
                x = COLUMN + 12 + 24 * i
                items.append(symbol(SHAPES[color], x, y + 30, 8.5, PAINT[color]))
        items.append(Text(COLUMN, 544, "older to the left", 14, FAINT))
        return items

    def _goal_strip(self, t: int) -> list[Item]:
        """Which colour scored when, from the left to the end of the episode."""
        x0, y, width, height = COLUMN, 392.0, WIDTH, 20.0
        items: list[Item] = [
            Text(x0, 378, "goal so far", 14, FAINT),
            Rect(x0, y, width, height, PANEL, radius=3),
        ]
        turns = [(s, c) for s, c in self._goals if s <= t]
        scale = width / self._horizon
        for (start, color), (end, _) in zip(turns, [*turns[1:], (t, 0)], strict=True):
            left, wide = round(x0 + start * scale, 1), round((end - start) * scale, 1)
            if wide > 0:
                items.append(Rect(left, y, wide, height, PAINT[color]))
            if wide > 14:
                items.append(symbol(SHAPES[color], left + wide / 2, y + height / 2, 4.5, WHITE))
        return items

    def _legend(self) -> list[Item]:
        items: list[Item] = [Rect(COLUMN, 572, WIDTH, 44, PANEL, radius=8)]
        for i, name in enumerate(COLORS):
            x = COLUMN + 24 + 96 * i
            items.append(symbol(SHAPES[i], x, 594.0, 10.0, PAINT[i]))
            items.append(Text(x + 20, 594, name, 15, INK))
        return items

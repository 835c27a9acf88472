"""SMAX drawn: the map from above, y upwards, with every unit, and both teams in numbers beside it.

What a seat is shown comes from its observation: whoever is not in it is not drawn.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from arenas.envs.smax.conic import ROOM, SECTIONS
from arenas.envs.smax.observation import OWN_FEATURES, UNIT_FEATURES
from arenas.envs.smax.scenarios import (
    MAP_SIZE,
    NUM_MOVES,
    NUM_TYPES,
    SCENARIOS,
    SUB_STEPS,
    TIME_STEP,
    UNIT_TYPES,
)
from arenas.envs.smax.units import (
    ATTACK_RANGE,
    COOLDOWN,
    MAX_HEALTH,
    RADIUS,
    SIGHT_RANGE,
)
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    BLACK,
    FAINT,
    GROUND,
    INK,
    ORANGE,
    PANEL,
    SKY,
    SMALLEST_TEXT,
    WHITE,
    Ellipse,
    Item,
    Number,
    Point,
    Polygon,
    Rect,
    Scene,
    Text,
    line,
)
from arenas.renderers.symbols import blend, fitted, symbol, unwrapped

SIDE, LEFT, TOP = 608.0, 16.0, 16.0
"""Of the picture of the map on the stage."""
VIEWS, PLACES, MARGIN = (16, 24, 32), 4, 1.5
"""Map units that the picture may be wide, those that its middle moves by, and those that it leaves
around the units."""
SEAT_VIEW = 24
"""The same where a seat is watched: its sight range fits in."""
SMALLEST_RADIUS = 8.5
"""Of a unit, so that its letter can be read; bodies may overlap by a little."""
TEAMS = (SKY, ORANGE)
SHOTS = (blend(SKY, WHITE, 0.6), blend(ORANGE, WHITE, 0.7))
NAMES = ("allies", "enemies")
FIELD, FOG, GRID = "#2b3a35", "#151b1c", "#34463f"
FALLEN, DYING = ("#41687c", "#7c6432"), ("#1f6f9e", "#a86400")
HEALTH, LOST, WAITING = "#7bd88f", "#40201c", "#dfe8ff"
HEALTH_HEIGHT, COOLDOWN_HEIGHT = 4.0, 2.0
NUMBERED = 12
"""Units of teams of this size or smaller bear their numbers."""
SHAPES = ("circle", "square", "triangle", "diamond", "star", "hexagon")
"""The symbol of each type of unit."""
COLUMN = 644.0
"""Where the numbers beside the map begin."""
COLUMN_WIDTH = 300.0
_FULL_HEALTH, _FULL_COOLDOWN = MAX_HEALTH.tolist(), COOLDOWN.tolist()
NOT_YET = 1e-4
"""Seconds; cooldowns that differ by less are the same."""


def targets(orders: np.ndarray, num_allies: int) -> np.ndarray:
    """Whom each unit is ordered to attack, index of a unit, −1 for nobody; allies first."""
    number = orders.astype(int) - NUM_MOVES
    allied = np.arange(len(orders)) < num_allies
    unit = np.where(allied, num_allies + number, num_allies - 1 - number)
    return np.where(number >= 0, unit, -1)


def shooters(before: Any, now: Any) -> np.ndarray:
    """Who shot in a step, bool ``[U]``: those whose cooldown began anew.

    Without a shot a cooldown runs down by the step's half a second, to 0. After one it is above
    that: the shortest is as long as the rest of a step can be.
    """
    left = np.maximum(np.asarray(before.cooldown) - SUB_STEPS * TIME_STEP, 0)
    return np.asarray(now.cooldown) > left + NOT_YET


class View(NamedTuple):
    """The part of the map in the picture: a square, in map units."""

    left: float
    low: float
    side: int

    @property
    def unit(self) -> float:
        """Logical pixels of a map unit."""
        return SIDE / self.side

    def place(self, position: np.ndarray) -> np.ndarray:
        """Whole logical pixels of points on the map."""
        # Whole, so that a unit looks the same wherever it stands, and a viewer draws it once.
        x = LEFT + (position[..., 0] - self.left) * self.unit
        y = TOP + SIDE - (position[..., 1] - self.low) * self.unit
        return np.stack([x, y], axis=-1).round()

    def map(self, x: Number, y: Number) -> np.ndarray:
        """The point of the map at a place of the stage, ``[2]``."""
        up = (TOP + SIDE - y) / self.unit
        return np.array([self.left + (x - LEFT) / self.unit, self.low + up])

    def radius(self, kind: int) -> float:
        """Of a unit in the picture."""
        return _radius(self.unit, kind)


@functools.cache
def _radius(unit: Number, kind: int) -> float:
    return max(SMALLEST_RADIUS, round(float(RADIUS[kind]) * unit, 1))


def view_of(position: np.ndarray) -> View:
    """The smallest part of the map with all these units ``[n, 2]``; all of it for none."""
    if not len(position):
        return View(0.0, 0.0, VIEWS[-1])
    low, high = position.min(axis=0), position.max(axis=0)
    middle = np.round((low + high) / 2 / PLACES) * PLACES
    for side in VIEWS:
        view = _around(middle, side)
        corner = np.array([view.left, view.low])
        if (low >= corner + MARGIN).all() and (high <= corner + side - MARGIN).all():
            return view
    return View(0.0, 0.0, VIEWS[-1])


def _around(middle: np.ndarray, side: int) -> View:
    """The part of this width around a point, moved onto the map."""
    left, low = np.clip(middle - side / 2, 0, MAP_SIZE - side).tolist()
    return View(left, low, side)


class SmaxDrawing(Drawing):
    """A battle from above."""

    fps = 4.0

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        env = unwrapped(film.env)
        self._allies: int = env.num_allies
        self._conic: bool = env.observation_type == "conic"
        self._see_enemy_actions: bool = env.see_enemy_actions
        known = [name for name, scenario in SCENARIOS.items() if scenario == env.scenario]
        self._title = known[0] if known else f"{env.num_allies} against {env.num_enemies}"

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The map after ``t`` steps, with the shots of the last one.

        With a ``seat``: what its observation holds, within its sight range.
        """
        state = self.film.moments[t].state
        alive = np.asarray(state.health) > 0
        shown = alive if seat is None else self.seen(t, seat)
        position = np.asarray(state.position)
        view = self.view(t, seat)
        at = view.place(position).tolist()
        items: list[Item] = []
        if seat is None:
            items += _field(view, FIELD)
            items += self._fallen(view, alive, at)
        else:
            items += _field(view, FOG)
            if alive[seat]:
                items += _sight(view, at[seat], int(state.unit_type[seat]))
        items += self._shots(t, view, shown, at, seat)
        items += self._units(view, state, shown, at, seat)
        items += _margins(view)
        items += self._numbers(t, shown, seat)
        return Scene(GROUND, tuple(items))

    def view(self, t: int, seat: int | None = None) -> View:
        """The part of the map in the picture: all the living, or what is around the seat's unit."""
        state = self.film.moments[t].state
        position = np.asarray(state.position)
        if seat is None:
            return view_of(position[np.asarray(state.health) > 0])
        return _around(np.round(position[seat] / PLACES) * PLACES, SEAT_VIEW)

    def seen(self, t: int, seat: int) -> np.ndarray:
        """Whom a seat sees, itself included, bool ``[U]``; read from its observation."""
        moment = self.film.moments[t]
        row = np.asarray(moment.timestep.observation)[seat]
        own, others = row[-len(OWN_FEATURES) :], row[: -len(OWN_FEATURES)]
        others = others.reshape(-1, len(UNIT_FEATURES))
        there = others[:, -NUM_TYPES:].any(axis=1)
        position = np.asarray(moment.state.position)
        found = np.zeros(len(position), bool)
        found[seat] = own.any()
        if self._conic:
            # Who they are is not told, but where.
            assert len(others) == SECTIONS * ROOM
            reach = SIGHT_RANGE[int(moment.state.unit_type[seat])]
            alive = np.where(np.asarray(moment.state.health) > 0, 0.0, np.inf)
            for x, y in position[seat] + others[there, 1:3] * reach:
                found[np.argmin(alive + np.hypot(position[:, 0] - x, position[:, 1] - y))] = True
            return found
        rest = np.delete(np.arange(len(position)), seat)
        # Enemies list all units backwards.
        found[rest if seat < self._allies else rest[::-1]] = there
        return found

    def events(self, t: int) -> list[Event]:
        """Deaths, and the end."""
        if t == 0:
            return []
        before, moment = self.film.moments[t - 1].state, self.film.moments[t]
        state = moment.state
        alive = np.asarray(state.health) > 0
        found = []
        dead = np.flatnonzero((np.asarray(before.health) > 0) & ~alive).tolist()
        seats = range(self.film.env.num_agents)
        seen = [self.seen(t - 1, seat) for seat in seats] if dead else []
        for i in dead:
            kind = UNIT_TYPES[int(state.unit_type[i])].name
            seat = i if i < self.film.env.num_agents else None
            unseen = tuple(s for s in seats if not seen[s][i])
            found.append(Event(t, "death", f"{self._name(i)}, a {kind}, falls", seat, unseen))
        end = self._end(t)
        if end:
            found.append(Event(t, "end", end))
        return found

    def _end(self, t: int) -> str:
        """How the battle ended, empty before."""
        moment = self.film.moments[t]
        alive = np.asarray(moment.state.health) > 0
        sides = alive[: self._allies].any(), alive[self._allies :].any()
        if moment.timestep.terminated:
            if not any(sides):
                return "both teams are dead"
            return f"the {NAMES[int(sides[1])]} win"
        return "time is up" if moment.timestep.truncated else ""

    def _name(self, unit: int) -> str:
        n = self._allies
        return f"ally_{unit}" if unit < n else f"enemy_{unit - n}"

    # The map ------------------------------------------------------------------------------------

    def _fallen(self, view: View, alive: np.ndarray, at: list[list[Number]]) -> Iterator[Item]:
        for i in np.flatnonzero(~alive).tolist():
            x, y = at[i]
            if LEFT < x < LEFT + SIDE and TOP < y < TOP + SIDE:
                yield symbol("cross", x, y, 6, FALLEN[i >= self._allies])

    def _shots(
        self, t: int, view: View, shown: np.ndarray, at: list[list[Number]], seat: int | None
    ) -> Iterator[Item]:
        """Lines from who shot to who was shot at, where both are shown, and a mark at the end."""
        if t == 0:
            return
        before, state = self.film.moments[t - 1].state, self.film.moments[t].state
        shot, target = shooters(before, state), targets(np.asarray(state.last_action), self._allies)
        if seat is None:
            shown = np.asarray(before.health) > 0  # who fell in this step may have shot before
        elif not self._see_enemy_actions:
            opposed = (np.arange(len(shot)) < self._allies) != (seat < self._allies)
            shot = shot & ~opposed
        shot = shot & shown & (target >= 0)
        shot[shot] = shown[target[shot]]
        for i in np.flatnonzero(shot).tolist():
            (x0, y0), (x1, y1) = at[i], at[int(target[i])]
            far = math.hypot(x1 - x0, y1 - y0)
            if far < 1:
                continue
            # From the shooter's edge; melee is a slash before the target.
            start = min(0.9, view.radius(int(state.unit_type[i])) / far)
            if ATTACK_RANGE[int(state.unit_type[i])] <= 2:
                start = max(start, 1 - 1.2 * view.unit / far)
            x0, y0 = round(x0 + start * (x1 - x0), 1), round(y0 + start * (y1 - y0), 1)
            team = int(i >= self._allies)
            yield line(x0, y0, x1, y1, SHOTS[team], 2.0)
        for i in np.unique(target[shot]).tolist():
            x, y = at[i]
            yield symbol("star", x, y, view.radius(int(state.unit_type[i])) + 6, "#fff3b0")
            if not state.health[i]:
                yield symbol("cross", x, y, 8, DYING[i >= self._allies])

    def _units(
        self, view: View, state: Any, shown: np.ndarray, at: list[list[Number]], seat: int | None
    ) -> Iterator[Item]:
        n = self._allies
        numbered = max(n, len(shown) - n) <= NUMBERED
        kinds, health = state.unit_type.tolist(), state.health.tolist()
        cooldown, orders = state.cooldown.tolist(), state.last_action.tolist()
        movement = None if state.last_movement is None else state.last_movement.tolist()
        hidden = self._see_enemy_actions or seat is None
        mine = seat is not None and seat >= self._allies
        marks: list[Item] = []  # over all bodies
        for i in np.flatnonzero(shown).tolist():
            (x, y), kind, team = at[i], kinds[i], int(i >= n)
            r = view.radius(kind)
            if i == seat:
                yield Ellipse(x, y, r + 6, r + 6, "", WHITE, 2)
            if hidden or team == mine:
                way = _WAYS.get(orders[i], (0.0, 0.0)) if movement is None else movement[i]
                yield from _heading(x, y, r, way, TEAMS[team])
            yield from _unit(x, y, r, kind, team)
            marks += _health(x, y, r, kind, health[i], cooldown[i])
            if numbered:
                number = str(i - n if team else i)
                marks.append(Text(x, y + r + 9, number, SMALLEST_TEXT, SHOTS[team], "middle"))
        yield from marks

    # Numbers ------------------------------------------------------------------------------------

    def _numbers(self, t: int, shown: np.ndarray, seat: int | None) -> Iterator[Item]:
        moment = self.film.moments[t]
        state = moment.state
        yield Text(COLUMN, 32, fitted(self._title, COLUMN_WIDTH, 22), 22, INK, bold=True)
        end = self._end(t)
        seconds = t * SUB_STEPS * TIME_STEP
        words = end if end and seat is None else f"{seconds:.1f} s of battle"
        yield Text(COLUMN, 58, words, 16, WHITE if end else FAINT, bold=bool(end))
        y = 80.0
        for team in (0, 1):
            card = list(self._team(y, team, state, shown, seat))
            yield from card
            y += card[0].height + 12  # type: ignore[union-attr]
        if seat is None:
            yield from _legend(max(y + 16, 508.0))
        else:
            yield from self._watched(y + 16, state, shown, seat)

    def _team(
        self, y: Number, team: int, state: Any, shown: np.ndarray, seat: int | None
    ) -> Iterator[Item]:
        """A team: who plays it, how many live (or are seen), and of which types."""
        mine = np.arange(len(shown)) >= self._allies
        mine = mine if team else ~mine
        color, x = TEAMS[team], COLUMN
        kinds = np.asarray(state.unit_type)
        here, total = int((shown & mine).sum()), int(mine.sum())
        listed = np.unique(kinds[mine] if seat is None else kinds[mine & shown]).tolist()
        top = 92 if seat is None else 74
        height = top + 22 * len(listed) - (4 if listed else 14)
        yield Rect(x, y, COLUMN_WIDTH, height, PANEL, radius=10)
        yield Rect(x, y, 6, height, color, radius=3)
        yield Text(x + 20, y + 22, NAMES[team], 18, color, bold=True)
        yield Text(x + 20, y + 46, fitted(self._players(team), 264, 14), 14, FAINT)
        count = f"{here} / {total}" if seat is None else f"{here} seen"
        yield Text(x + 284, y + 22, count, 18, INK, "end", True)
        if seat is None:
            share = float((np.asarray(state.health) / MAX_HEALTH[kinds])[mine].mean())
            yield Rect(x + 20, y + 62, 264, 12, LOST, radius=3)
            if share > 0:
                yield Rect(x + 20, y + 62, round(264 * share, 1), 12, HEALTH, radius=3)
        for row, kind in enumerate(listed):
            of_kind = mine & (kinds == kind)
            here, total = int((shown & of_kind).sum()), int(of_kind.sum())
            at = y + top + 22 * row
            yield from _unit(x + 32, at, SMALLEST_RADIUS, kind, team)
            yield Text(x + 52, at, UNIT_TYPES[kind].name, 15, INK)
            count = f"{here} of {total}" if seat is None else str(here)
            yield Text(x + 284, at, count, 15, INK, "end")

    def _players(self, team: int) -> str:
        names = list(self.film.agents)
        names = names[: self._allies] if team == 0 else names[self._allies :]
        if not names:
            return "played by the environment"
        different = list(dict.fromkeys(names))
        if len(different) == 1:
            return different[0] + (f" × {len(names)}" if len(names) > 1 else "")
        return ", ".join(different)

    def _watched(self, y: Number, state: Any, shown: np.ndarray, seat: int) -> Iterator[Item]:
        """The seat that is watched."""
        x, team = COLUMN, int(seat >= self._allies)
        kind = int(state.unit_type[seat])
        yield Text(x, y, f"{self._name(seat)} sees", 18, TEAMS[team], bold=True)
        if not shown[seat]:
            yield Text(x, y + 28, "nothing: it has fallen", 16, INK)
            return
        about, health = UNIT_TYPES[kind], float(state.health[seat])
        yield from _unit(x + 12, y + 30, SMALLEST_RADIUS, kind, team)
        words = f"{about.name}, health {health:g} of {about.health:g}"
        yield Text(x + 32, y + 30, words, 15, INK)
        yield Text(x, y + 54, f"cooldown {float(state.cooldown[seat]):.2f} s", 15, INK)
        yield line(x, y + 80, x + 24, y + 80, "#aab7c4", 1.5)
        yield Text(x + 32, y + 80, f"sight {about.sight_range:g}", 14, FAINT)
        yield line(x + 130, y + 80, x + 154, y + 80, WHITE, 1.5)
        yield Text(x + 162, y + 80, f"attack range {about.attack_range:g}", 14, FAINT)
        if self._conic:
            words = "at most two in each of 32 directions"
            yield Text(x, y + 104, words, 14, FAINT)


_WAYS: dict[int, Point] = {
    0: (0.0, 1.0),
    1: (1.0, 0.0),
    2: (0.0, -1.0),
    3: (-1.0, 0.0),
}
"""Direction of each action that moves."""


@functools.lru_cache(maxsize=256)
def _field(view: View, color: str) -> tuple[Item, ...]:
    """The ground, with a line every four map units."""
    items: list[Item] = [Rect(LEFT, TOP, SIDE, SIDE, color)]
    for i in range(PLACES, view.side, PLACES) if color == FIELD else ():
        x, y = LEFT + i * view.unit, TOP + i * view.unit
        items.append(line(x, TOP, x, TOP + SIDE, GRID, 1.0))
        items.append(line(LEFT, y, LEFT + SIDE, y, GRID, 1.0))
    return tuple(items)


@functools.lru_cache(maxsize=256)
def _margins(view: View) -> tuple[Item, ...]:
    """What is around the picture of the map: walls where the map ends, and where on it this is."""
    right, bottom = LEFT + SIDE, TOP + SIDE
    size = float(MAP_SIZE)
    items: list[Item] = [  # over what reaches out of the picture
        Rect(0, 0, 960, TOP, GROUND),
        Rect(0, bottom, 960, TOP, GROUND),
        Rect(0, 0, LEFT, 640, GROUND),
        Rect(right, 0, 960 - right, 640, GROUND),
    ]
    ends = (
        (view.low == 0, (LEFT, bottom, right, bottom)),
        (view.low + view.side == size, (LEFT, TOP, right, TOP)),
        (view.left == 0, (LEFT, TOP, LEFT, bottom)),
        (view.left + view.side == size, (right, TOP, right, bottom)),
    )
    items += [line(*edge, "#3b454f", 1.5) for wall, edge in ends if not wall]
    items += [line(*edge, "#aeb8c2", 5.0) for wall, edge in ends if wall]
    x, y, small = COLUMN + COLUMN_WIDTH - 50, 16.0, 50 / size
    items.append(Rect(x, y, 50, 50, FIELD, "#8d97a3", 1.5))
    items.append(
        Rect(
            round(x + view.left * small, 1),
            round(y + (size - view.low - view.side) * small, 1),
            round(view.side * small, 1),
            round(view.side * small, 1),
            "#ffffff30",
            WHITE,
            1.5,
        )
    )
    return tuple(items)


def _ring(at: list[Number], radius: Number) -> tuple[Point, ...]:
    """A circle around a unit, cut at the edges of the picture."""
    x, y = at
    turns = (2 * math.pi * i / 72 for i in range(72))
    points = ((x + radius * math.cos(a), y + radius * math.sin(a)) for a in turns)
    return tuple(
        (
            round(min(max(px, LEFT), LEFT + SIDE), 1),
            round(min(max(py, TOP), TOP + SIDE), 1),
        )
        for px, py in points
    )


def _sight(view: View, at: list[Number], kind: int) -> Iterator[Item]:
    """What a unit can see of the ground, and how far it can attack."""
    yield Polygon(_ring(at, float(SIGHT_RANGE[kind]) * view.unit), FIELD, "#aab7c4", 1.5)
    yield Polygon(_ring(at, float(ATTACK_RANGE[kind]) * view.unit), "", WHITE, 1.5)


@functools.lru_cache(maxsize=1 << 13)
def _unit(x: Number, y: Number, r: Number, kind: int, team: int) -> tuple[Item, ...]:
    """A unit: its type by shape and letter, its team by colour."""
    size = max(float(SMALLEST_TEXT), round(1.3 * r))
    return (
        symbol(SHAPES[kind], x, y, r, TEAMS[team], BLACK),
        Text(x, y, UNIT_TYPES[kind].letter, size, BLACK, "middle", True),
    )


def _health(
    x: Number, y: Number, r: Number, kind: int, health: Number, cooldown: Number
) -> Iterator[Item]:
    """Health above a unit, and below that the part of the cooldown that is left."""
    width, top = round(2 * r) + 4, round(y - r - 9)
    left = x - width / 2
    full = round(width * min(1.0, health / _FULL_HEALTH[kind]), 1)
    # Beside each other, not one over the other: in a crowd most are whole, and are drawn once.
    if full > 0:
        yield Rect(left, top, full, HEALTH_HEIGHT, HEALTH)
    if full < width:
        yield Rect(left + full, top, width - full, HEALTH_HEIGHT, LOST)
    if cooldown > 0:
        share = min(1.0, cooldown / _FULL_COOLDOWN[kind])
        yield Rect(left, top + HEALTH_HEIGHT, round(width * share, 1), COOLDOWN_HEIGHT, WAITING)


def _heading(x: Number, y: Number, r: Number, way: Any, color: str) -> Iterator[Item]:
    """A pointer in the direction that a unit moved in."""
    length = math.hypot(*way)
    if length < 1e-3:
        return
    dx, dy = way[0] / length, -way[1] / length
    tip = (round(x + (r + 8) * dx, 1), round(y + (r + 8) * dy, 1))
    back_x, back_y = x + r * dx, y + r * dy
    sides = (
        (round(back_x - 6 * dy, 1), round(back_y + 6 * dx, 1)),
        (round(back_x + 6 * dy, 1), round(back_y - 6 * dx, 1)),
    )
    yield Polygon((tip, *sides), color)


@functools.cache
def _legend(y: Number) -> tuple[Item, ...]:
    """What the marks on the map mean."""
    x, items = COLUMN, []
    for i, (what, words) in enumerate(
        (("bar", "health, and below it the cooldown"), ("shot", "a shot in this step"),
         ("cross", "has fallen here"), ("way", "moved in this direction"))
    ):  # fmt: skip
        row = y + 26 * i
        if what == "bar":
            items += _health(x + 16, row + 16, SMALLEST_RADIUS, 0, 30.0, 0.4)
        elif what == "shot":
            items += [
                symbol("star", x + 28, row, 9, "#fff3b0"),
                line(x, row, x + 24, row, SHOTS[0], 2),
            ]
        elif what == "cross":
            items.append(symbol("cross", x + 16, row, 6, FALLEN[0]))
        else:
            items += _heading(x + 4, row, SMALLEST_RADIUS, (1.0, 0.0), TEAMS[0])
        items.append(Text(x + 44, row, words, 14, FAINT))
    return tuple(items)

"""FightLadder drawn: two figures on a stage, and what players of fighting games look for above.

Where limbs are comes from the boxes of :mod:`arenas.envs.fightladder.poses`, which the pixel
observation draws too; joints between them are worked out in :mod:`arenas.renderers.figures`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from arenas.envs.fightladder import fight
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import ROUND_FRAMES, STAGE, Fighter
from arenas.envs.fightladder.game import WINS_NEEDED
from arenas.envs.fightladder.ladder import STAGES
from arenas.envs.fightladder.moves import (
    FIRST_SPECIAL,
    PROJECTILE_HALF_HEIGHT,
    PROJECTILE_HALF_WIDTH,
    SUB,
    Kind,
)
from arenas.renderers import figures
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    INK,
    SEATS,
    SMALLEST_TEXT,
    VERMILION,
    WHITE,
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
    circle,
    line,
    with_alpha,
)
from arenas.renderers.symbols import fitted, unwrapped

SCALE = 3.1
"""Logical pixels of a unit; the stage of 288 units leaves a margin on both sides."""
MIDDLE, FLOOR = 480.0, 580.0
"""Where the middle of the stage is, and the ground."""
HIT, BLOCKED = "#ffe08a", "#bfe6ff"
HEALTH, LOW_HEALTH, LOST = "#f2c14e", VERMILION, "#fff3d6"
BAR = 384.0
"""Length of the bar of the healthiest character; a point of health is as long for all."""
POINT = BAR / int(TABLES.stats.health.max())
BAR_TOP, BAR_HEIGHT = 16.0, 22.0
GAP = 44.0
"""From the middle to where bars begin."""
STUN_BAR = 160.0
BATCH = 32
"""Steps that are played again at once, since a single one takes nearly as long."""
RECENT = 6
"""Steps for which health that was lost is shown."""

STRUCK = (Kind.HIT_STANDING, Kind.HIT_CROUCHING, Kind.FALL)
BLOCKING = (Kind.BLOCK_STANDING, Kind.BLOCK_CROUCHING)
DOWN = (Kind.FALL, Kind.DOWN, Kind.THROWN)


class Look(NamedTuple):
    """A frame of a fight, in whole numbers."""

    sides: tuple[Fighter, Fighter]
    clock: int
    round: int
    match: int  # of the ladder, from 0
    level: int  # of the ladder's opponent, else 0

    @property
    def over(self) -> bool:
        """Whether the round has ended."""
        return self.clock == 0 or any(f.health == 0 for f in self.sides)

    @property
    def ahead(self) -> int | None:
        """Who has more health; None if nobody has."""
        a, b = (f.health for f in self.sides)
        return None if a == b else int(b > a)


def look_at(state: Any) -> Look:
    """The frame that a state of any of the game's environments ends with."""
    match = getattr(state, "match", state)
    return Look(
        _sides(match.fighters),
        int(match.clock),
        int(match.round),
        int(getattr(state, "stage", 0)),
        int(getattr(state, "level", 0)),
    )


def _sides(fighters: np.ndarray) -> tuple[Fighter, Fighter]:
    a, b = np.asarray(fighters).tolist()
    return Fighter(*a), Fighter(*b)


class FightLadderDrawing(Drawing):
    """A fight from the side. Both seats see all of it."""

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        env = unwrapped(film.env)
        self._climb = hasattr(env, "fight")  # the ladder
        self._stages: int = env.stages if self._climb else 1
        self._game: Any = env.fight if self._climb else env
        self._rounds: int = self._game.rounds
        self.fps = 60 / self._game.frame_skip
        self._looks: list[Look] = []
        self._frames: dict[int, list[Look]] = {}  # between steps, of the last ones asked for

    def _look(self, t: int) -> Look:
        for moment in self.film.moments[len(self._looks) : t + 1]:
            self._looks.append(look_at(moment.state))
        return self._looks[t]

    def _before(self, t: int) -> Look:
        """What step ``t`` began with: the moment before, or the start of a new round."""
        last = self._look(max(t - 1, 0))
        if t == 0 or not last.over:
            return last
        now = self._look(t)
        start = fight.fresh(np.array([f.character for f in now.sides]))
        sides = tuple(
            new._replace(wins=0 if now.match != last.match else f.wins)
            for new, f in zip(_sides(np.asarray(start)), last.sides, strict=True)
        )
        return now._replace(sides=sides, clock=ROUND_FRAMES)

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The fight after ``t`` steps; the same for every seat."""
        return self._scene(t, self._look(t), seat)

    sees_all = True

    def between(self, t: int, seat: int | None = None, every: int = 1) -> list[Scene]:
        """The single frames of step ``t``, played again by the game; 60 of them are a second.

        The first call compiles the program that plays them. Without a seed the ladder's opponent
        is not known, and there is the last picture only.
        """
        if t == 0:
            return [self.scene(0, seat)]
        looks = self._single(t)[::-1][::every][:0:-1]  # every so many before the last one
        scenes = [self._scene(t, look, seat) for look in looks]
        return [*scenes, self.scene(t, seat)]

    def _single(self, t: int) -> list[Look]:
        """Every frame of step ``t``."""
        if t not in self._frames:
            if len(self._frames) > 2 * BATCH:
                self._frames.clear()
            self._play(t)
        return self._frames[t]

    def _play(self, t: int) -> None:
        """Play step ``t`` again, and those beside it that are there."""
        env, moments = unwrapped(self.film.env), self.film.moments
        if self._climb and self.film.seed is None:
            self._frames[t] = [self._look(t)]
            return
        import jax

        first = (t - 1) // BATCH * BATCH + 1
        there = [min(i, len(moments) - 1) for i in range(first, first + BATCH)]
        begun, play = _programs(env)
        states = jax.tree.map(lambda *x: np.stack(x), *(moments[i - 1].state for i in there))
        dtype = self.film.env.action_space.dtype
        actions = np.stack([np.asarray(moments[i].action) for i in there])
        actions = actions.astype(np.float32 if dtype == np.float32 else np.int32)
        matches, keys = begun(np.uint32(self.film.seed or 0), states, actions)
        fighters, clocks = jax.device_get(play(matches.fighters, matches.clock, keys))
        for i, sides, clock in zip(there, fighters, clocks.tolist(), strict=True):
            if i not in self._frames:
                now = self._look(i)
                frames = zip(sides, clock, strict=True)
                self._frames[i] = [now._replace(sides=_sides(f), clock=c) for f, c in frames]

    def events(self, t: int) -> list[Event]:
        """Hits, throws, knock-downs, dizziness, ends of rounds, and new matches of the ladder."""
        if t == 0:
            return []
        before, now = self._before(t), self._look(t)
        names = self._names(now)
        found = []
        if self._stages > 1 and now.match > self._look(t - 1).match:
            found.append(Event(t, "match", f"match {now.match + 1}: against {names[1]}"))
        for seat in (0, 1):
            found += self._suffered(t, before.sides[seat], now.sides[seat], 1 - seat, names)
        if now.over:
            found.append(Event(t, "round", self._verdict(now)[1], now.ahead))
        return found

    def _suffered(
        self, t: int, was: Fighter, now: Fighter, by: int, names: tuple[str, str]
    ) -> Iterator[Event]:
        """What the other, in seat ``by``, did to a fighter in step ``t``."""
        lost = was.health - now.health
        whose = by if by < self.film.env.num_agents else None
        other, me = names[by], names[1 - by]
        fell = now.move in DOWN and was.move not in DOWN
        if lost > 0 and now.health == 0:
            yield Event(t, "ko", f"{other} knocks {me} out", whose)
        elif lost > 0 and now.move == Kind.THROWN:
            yield Event(t, "throw", f"{other} throws {me}: −{lost}", whose)
        elif lost > 0 and fell:
            yield Event(t, "knockdown", f"{other} knocks {me} down: −{lost}", whose)
        elif lost > 0 and now.move not in BLOCKING:
            yield Event(t, "hit", f"{other} hits {me}: −{lost}", whose)
        if now.move == Kind.DIZZY and was.move != Kind.DIZZY:
            yield Event(t, "dizzy", f"{me} is dizzy", whose)

    # Words --------------------------------------------------------------------------------------

    def _names(self, look: Look) -> tuple[str, str]:
        """Characters, with the side where both are the same."""
        a, b = (NAMES[f.character] for f in look.sides)
        return (f"{a} (left)", f"{b} (right)") if a == b else (a, b)

    def _players(self, look: Look) -> tuple[str, str]:
        """Who plays the two fighters."""
        first, *others = self.film.agents
        return first, others[0] if others else f"computer, level {look.level}"

    def _verdict(self, look: Look) -> tuple[str, str]:
        """How a round ended, loudly and in words."""
        standing = [f.health for f in look.sides]
        how = "TIME"
        if 0 in standing:
            how = "DOUBLE K.O." if max(standing) == 0 else "K.O."
        if look.ahead is None:
            return how, "a draw"
        name = self._names(look)[look.ahead]
        wins = [f.wins for f in look.sides]
        if self._rounds == 1 or wins[look.ahead] < WINS_NEEDED:
            return how, f"{name} wins the round"
        return how, f"{name} wins the match, {wins[look.ahead]} : {wins[1 - look.ahead]}"

    # Pictures -----------------------------------------------------------------------------------

    def _scene(self, t: int, now: Look, seat: int | None) -> Scene:
        before = self._before(t)
        # First what stays: viewers keep the picture of what a scene begins with like the last one.
        items: list[Item] = [*BACKDROP, *self._labels(now)]
        for i, f in enumerate(now.sides):
            items += _shadow(f, SEATS[i])
        # Whoever strikes is in front.
        order = (1, 0) if now.sides[0].flags & 3 or now.sides[0].move >= Kind.STAND_LP else (0, 1)
        mirror = now.sides[0].character == now.sides[1].character
        for i in order:
            f = now.sides[i]
            x, y = place(f.x, f.y)
            items += figures.figure(
                f, x, y, SCALE, other_clothes=mirror and i == 1, clock=now.clock
            )
        for i in (0, 1):
            items += _marker(now.sides[i], SEATS[i], i == seat)
            items += _projectile(now.sides[i], SEATS[i], now.clock)
        items += self._touches(before, now)
        items += self._bars(t, now)
        items += self._announced(now)
        return Scene(SKY[0], tuple(items))

    def _labels(self, now: Look) -> list[Item]:
        """What stays the same for a whole round."""
        characters = tuple(f.character for f in now.sides)
        wins = tuple(f.wins for f in now.sides) if self._rounds > 1 else None
        below = ""
        if self._stages > 1:
            below = f"opponent {now.match + 1} of {STAGES}"
        return _labels(characters, self._players(now), wins, below)  # type: ignore[arg-type]

    def _bars(self, t: int, now: Look) -> Iterator[Item]:
        seconds = math.ceil(now.clock / 60)
        yield Text(
            MIDDLE, 36, str(seconds), 30, LOW_HEALTH if seconds <= 10 else WHITE, "middle", True
        )
        for seat, f in enumerate(now.sides):
            sign = 2 * seat - 1
            lately = f.health
            for i in range(t, max(0, t - RECENT), -1):
                before = self._before(i)
                lately = max(lately, before.sides[seat].health)
                if before.clock == ROUND_FRAMES or before.round != now.round:
                    break
            full = int(TABLES.stats.health[f.character])
            color = HEALTH if 4 * f.health >= full else LOW_HEALTH
            for amount, fill in ((lately, LOST), (f.health, color)):
                if amount and (fill != LOST or lately > f.health):
                    yield _outward(sign, GAP, BAR_TOP, amount * POINT, BAR_HEIGHT, fill)
            x = round(MIDDLE + sign * (GAP + full * POINT + 8), 1)
            anchor = "start" if sign > 0 else "end"
            yield Text(x, BAR_TOP + 11.5, str(f.health), 17, WHITE, anchor, True)
            limit = int(TABLES.stats.stun_limit[f.character])
            share = min(1.0, f.stun / limit)
            if share:
                yield _outward(sign, GAP, 44, STUN_BAR * share, 7, SEATS[3])
            if f.move == Kind.DIZZY:
                x = MIDDLE + sign * (GAP + STUN_BAR + 8)
                yield Text(x, 48, "DIZZY", 14, SEATS[3], "start" if sign > 0 else "end", True)

    def _touches(self, before: Look, now: Look) -> Iterator[Item]:
        """Sparks where something touches, what it took, and combinations."""
        calm = True
        for seat, f in enumerate(now.sides):
            foe, was = now.sides[1 - seat], before.sides[seat]
            lost = was.health - f.health
            still = f.freeze > 0
            blocks, struck = f.move in BLOCKING, f.move in STRUCK or f.health == 0
            calm &= not ((still and (struck or blocks)) or lost > 0)
            x, y = _contact(f, foe)
            if blocks and (still or lost > 0):
                yield from _guard(x, y, 1 if foe.x > f.x else -1, 1.0 if still else 0.7)
            elif f.move != Kind.THROWN and ((struck and still) or lost > 0):
                yield from _spark(x, y, 26 + min(lost, 30) * 0.9 if still else 20)
            if lost > 0:
                mark, feet = place(f.x, f.y)
                mark -= 34 if foe.x > f.x else -34
                high = feet - (150 if f.move in DOWN else 268)
                yield from _written(mark, max(100.0, high), f"−{lost}", 24, HIT)
            if f.combo > 1:
                x = 190 if seat else 770
                yield from _written(x, 132, f"{f.combo} HITS", 30, SEATS[1 - seat])
        a, b = before.sides
        both_gone = all(f.projectile_life == 0 for f in now.sides)
        if calm and both_gone and a.projectile_life > 8 and b.projectile_life > 8:
            x, y = place((a.projectile_x + b.projectile_x) / 2, a.projectile_y)
            yield from _spark(x, y, 40)

    def _announced(self, now: Look) -> Iterator[Item]:
        if now.over:
            loud, words = self._verdict(now)
            color = WHITE if now.ahead is None else SEATS[now.ahead]
            yield Rect(0, 196, 960, 112, "#0d1016b8")
            yield Text(MIDDLE, 236, loud, 54, WHITE, "middle", True)
            yield Text(MIDDLE, 284, words, 22, color, "middle", True)
        elif now.clock > ROUND_FRAMES - 50:
            words = f"ROUND {now.round + 1}" if self._rounds > 1 else "FIGHT"
            yield Rect(330, 206, 300, 72, "#0d1016a0", radius=14)
            yield Text(MIDDLE, 242, words, 42, WHITE, "middle", True)


@functools.lru_cache(maxsize=4)
def _programs(env: Any) -> tuple[Any, Any]:
    """How steps of this environment begin, and their frames; the second serves all environments."""
    import jax

    from arenas.rollout import step_key

    def begun(seed: Any, state: Any, action: Any) -> Any:
        return env.begun(step_key(jax.random.key(seed), state.steps + 1), state, action)

    return jax.jit(jax.vmap(begun, (None, 0, 0))), _film()


@functools.cache
def _film() -> Any:
    import jax

    return jax.jit(jax.vmap(fight.film))


def place(x: Number, y: Number) -> Point:
    """Logical pixels of a point of the stage, given in sixteenths of a unit; whole ones."""
    # Whole, so that a pose looks the same wherever it stands, and a viewer draws it once.
    return float(round(MIDDLE + x / SUB * SCALE)), float(round(FLOOR - y / SUB * SCALE))


# Above --------------------------------------------------------------------------------------------


def _outward(
    sign: int, start: Number, y: Number, width: Number, height: Number, fill: str, **line: Any
) -> Rect:
    """A bar that begins beside the middle and reaches to the left (−1) or right (1)."""
    x = MIDDLE + start if sign > 0 else MIDDLE - start - width
    return Rect(round(x, 1), y, round(width, 1), height, fill, **line)


@functools.lru_cache(maxsize=64)
def _labels(
    characters: tuple[int, int], players: tuple[str, str], wins: tuple[int, int] | None, below: str
) -> list[Item]:
    """Frames of bars, names, and rounds won."""
    items: list[Item] = [Rect(MIDDLE - 36, 10, 72, 50, "#0d1016c8", "#ffffff66", 1.5, 10)]
    for seat, (character, player) in enumerate(zip(characters, players, strict=True)):
        sign, color = 2 * seat - 1, SEATS[seat]
        full = int(TABLES.stats.health[character]) * POINT
        items += [
            _outward(sign, GAP, BAR_TOP, full, BAR_HEIGHT, "#5c1f22", stroke=color, thickness=3.0),
            _outward(sign, GAP, 44, STUN_BAR, 7, "#0d1016aa", stroke="#ffffff55"),
        ]
        anchor = "start" if sign < 0 else "end"
        x = MIDDLE + sign * (GAP + BAR)
        name = NAMES[character].upper()
        items.append(Text(x, 54, name, 20, color, anchor, True))
        items.append(Text(x, 76, fitted(player, 330, 15), 15, INK, anchor))
        for won in range(WINS_NEEDED) if wins else ():
            at = MIDDLE + sign * (GAP + 10 + 22 * won)
            full_one = wins is not None and won < wins[seat]
            items.append(circle(at, 66, 7, HEALTH if full_one else "#0d1016aa", WHITE, 1.5))
    if below:
        items.append(Text(MIDDLE, 92, below, SMALLEST_TEXT + 1, INK, "middle"))
    return items


# Effects ------------------------------------------------------------------------------------------


def _shadow(f: Fighter, color: str) -> Iterator[Item]:
    x, _ = place(f.x, 0)
    high = round(4 * min(1.0, f.y / SUB / 90)) / 4
    wide = 58 if f.move in DOWN else 46
    yield Ellipse(x, FLOOR + 3, round(wide * (1 - 0.4 * high)), 11 - 4 * high, "#00000055")
    yield Ellipse(x, FLOOR + 3, wide + 4, 13, "", with_alpha(color, 0.9), 2.5)


def _marker(f: Fighter, color: str, mine: bool) -> Iterator[Item]:
    """A pointer above the head in the seat's colour; larger for the seat that is watched."""
    x, y = place(f.x, f.y)
    y -= 145 if f.move in DOWN else 285
    y, r = max(y, 104.0), 12 if mine else 8
    yield Polygon(((x - r, y - 1.5 * r), (x + r, y - 1.5 * r), (x, y)), color, "#14161c", 2.0)


def _star(x: Number, y: Number, r: Number, inner: Number, corners: int, turn: Number) -> list[Any]:
    points = []
    for i in range(2 * corners):
        a, size = turn + math.pi * i / corners, inner if i % 2 else r
        points.append((round(x + size * math.cos(a), 1), round(y + size * math.sin(a), 1)))
    return points


def _spark(x: Number, y: Number, r: Number) -> Iterator[Item]:
    """A hit: a star."""
    x, y, r = round(x), round(y), round(r)
    yield Polygon(tuple(_star(x, y, r * 1.5, r * 0.5, 8, 0.2)), "#ff9d2ee0")
    yield Polygon(tuple(_star(x, y, r, r * 0.45, 6, 0.6)), HIT)
    yield circle(x, y, r * 0.36, WHITE)


def _guard(x: Number, y: Number, way: int, size: Number) -> Iterator[Item]:
    """A block: a shield, bent towards whence the blow came."""
    x, y = round(x), round(y)
    for reach, thick in ((44, 6), (30, 4)):
        points = []
        for i in range(-4, 5):
            a = i * 0.24
            points.append(
                (
                    round(x - way * 20 + way * reach * size * math.cos(a)),
                    round(y + 54 * size * math.sin(a)),
                )
            )
        yield Line(tuple(points), BLOCKED, thick * size)
    for i in (-1, 0, 1):
        yield line(x + way * 32, y + 22 * i, x + way * 50, y + 32 * i, WHITE, 2.5)


def _contact(f: Fighter, foe: Fighter) -> Point:
    """Where the foe touches: the end of the limb that strikes, else the near side."""
    x, y = place(f.x, f.y)
    way = 1 if foe.x > f.x else -1
    tip = figures.tip(foe)
    lying = f.move in (Kind.DOWN, Kind.THROWN)
    if tip is None or not foe.freeze:
        return x + way * 34, y - (40 if lying else 150)
    tip_x = place(foe.x, 0)[0] + foe.facing * tip[0] * SCALE
    tip_y = place(0, foe.y)[1] - tip[1] * SCALE
    return min(max(tip_x, x - 36), x + 36), min(max(tip_y, y - 250), y - 20)


def _written(x: Number, y: Number, text: str, size: Number, fill: str) -> Iterator[Item]:
    """Text with a dark one behind, so that it can be read on anything."""
    x, y = round(x), round(y)
    yield Text(x + 2, y + 2, text, size, "#14161c", "middle", True)
    yield Text(x, y, text, size, fill, "middle", True)


def _projectile(f: Fighter, color: str, clock: int) -> Iterator[Item]:
    if f.projectile_life == 0:
        return
    x, y = place(f.projectile_x, f.projectile_y)
    way = 1 if f.projectile_speed > 0 else -1
    rx, ry = PROJECTILE_HALF_WIDTH * SCALE, PROJECTILE_HALF_HEIGHT * SCALE
    special = CHARACTERS[f.character].specials[max(0, f.projectile_move - FIRST_SPECIAL) // 3].name
    pulse = clock // 3 % 2

    def at(*points: Point) -> tuple[Point, ...]:
        return tuple((round(x + way * a * rx, 1), round(y + b * ry, 1)) for a, b in points)

    yield Ellipse(x, y, rx * 1.5, ry * 1.5, with_alpha(color, 0.35))
    if special == "air blade":  # a crescent
        arc = [(math.cos(i * 0.3) * 1.1, 1.5 * math.sin(i * 0.3)) for i in range(-5, 6)]
        back = [(math.cos(i * 0.3) * 0.5, 1.3 * math.sin(i * 0.3)) for i in range(4, -5, -1)]
        yield Polygon(at(*arc, *back), WHITE, color, 3)
    elif special == "dart":
        yield Polygon(at((1.1, 0), (-0.2, -0.4), (-1.1, 0), (-0.2, 0.4)), "#dfe7ef", color, 3)
        yield Line(at((-1.3, 0), (-2.3 - 0.3 * pulse, 0)), with_alpha(color, 0.8), 4)
    elif special in ("high fire", "low fire", "flame"):
        tail = -1.9 - 0.4 * pulse
        yield Polygon(
            at((1.05, 0), (0.5, -0.95), (-0.6, -0.7), (tail, -0.9), (-1.0, -0.1), (tail - 0.3, 0.3),
               (-0.8, 0.6), (0.4, 0.95)), color, "#7a2b12", 2
        )  # fmt: skip
        yield Ellipse(x + way * rx * 0.25, y, rx * 0.55, ry * 0.5, "#fff1b8")
    else:
        yield Polygon(at((0.2, -0.7), (-1.9 - 0.4 * pulse, 0), (0.2, 0.7)), with_alpha(color, 0.7))
        yield Ellipse(x, y, rx, ry, color, WHITE, 2.5)
        yield Ellipse(x + way * rx * 0.2, y, rx * 0.5, ry * 0.5, WHITE)


# The stage ----------------------------------------------------------------------------------------

SKY = ("#1d2740", "#3c4f78", "#8a87a5", "#e3b596", "#f0cfa0")
"""From the top to the horizon, at dusk."""
HORIZON = 500.0


def _gradient(colors: tuple[str, ...], rows: int) -> bytes:
    marks = np.array([list(bytes.fromhex(c[1:])) for c in colors], float)
    at = np.linspace(0, len(colors) - 1, rows)
    rgb = np.stack([np.interp(at, range(len(colors)), marks[:, i]) for i in range(3)], axis=1)
    alpha = np.full((rows, 1), 255)
    return np.concatenate([rgb, alpha], axis=1).round().astype(np.uint8).tobytes()


def _hills(base: Number, waves: tuple[tuple[Number, Number, Number], ...], fill: str) -> Polygon:
    """A ridge: its height is a sum of waves, each of height, length and shift."""
    top = [
        (float(x), round(base - sum(h * math.sin(x / w + s) for h, w, s in waves), 1))
        for x in range(0, 961, 24)
    ]
    return Polygon(((0.0, HORIZON), *top, (960.0, HORIZON)), fill)


def _hall() -> Iterator[Item]:
    """An open hall with a curved roof, far behind."""
    dark, light, edge = "#4a4560", "#6a5f78", "#38344c"
    for x in range(252, 709, 76):
        yield Rect(x - 7, 384, 14, 96, light)
    yield Rect(226, 470, 508, 14, dark)
    yield Rect(206, 484, 548, 18, edge)
    yield Rect(240, 376, 480, 12, dark)
    yield Polygon(
        ((170, 368), (214, 372), (280, 346), (320, 314), (640, 314), (680, 346), (746, 372),
         (790, 368), (744, 386), (216, 386)), edge
    )  # fmt: skip
    yield Polygon(((300, 316), (340, 300), (620, 300), (660, 316)), dark)
    yield Polygon(((318, 302), (352, 290), (392, 262), (568, 262), (608, 290), (642, 302)), edge)
    yield Rect(470, 246, 20, 18, edge)


def _lantern(x: Number) -> Iterator[Item]:
    """A stone lantern; the two stand at the edges of the stage."""
    stone, dark = "#7d7a8c", "#5a576b"
    yield Rect(x - 9, 452, 18, 104, stone)
    yield Rect(x - 24, 552, 48, 20, dark, radius=3)
    yield Rect(x - 22, 440, 44, 12, dark, radius=2)
    yield Ellipse(x, 424, 40, 34, "#ffd98a30")
    yield Rect(x - 15, 408, 30, 32, "#ffe2a0", dark, 4)
    yield Polygon(((x - 32, 410), (x, 384), (x + 32, 410)), stone, dark, 2)


def _backdrop() -> tuple[Item, ...]:
    items: list[Item] = [
        Image(0, 0, 960, HORIZON, 1, 125, _gradient(SKY, 125)),
        circle(706, 388, 64, "#fbe3b6"),
        circle(706, 388, 88, "#fbe3b640"),
        _hills(400, ((34, 70, 0.4), (18, 31, 1.0)), "#9a8ba3"),
        _hills(446, ((22, 90, 2.2), (10, 37, 0.0)), "#7b7590"),
        *_hall(),
        _hills(492, ((8, 44, 0.6), (4, 13, 0.0)), "#565a63"),
        Image(
            0, HORIZON, 960, 640 - HORIZON, 1, 35, _gradient(("#8d7458", "#a98b67", "#6d5640"), 35)
        ),
    ]
    # Planks towards a point behind the hall.
    for i in range(-11, 12):
        items.append(line(MIDDLE + 52 * i, HORIZON, MIDDLE + 118 * i, 640, "#5d493680", 1.5))
    for y in (508, 522, 546, 586):
        items.append(line(0, y, 960, y, "#5d493650", 1.5))
    edge = STAGE / SUB * SCALE
    for x in (MIDDLE - edge - 6, MIDDLE + edge + 6):
        items += _lantern(x)
    items.append(Image(0, 0, 960, 100, 1, 25, _fade()))
    return tuple(items)


def _fade() -> bytes:
    """Darker towards the top, where bars and names are."""
    rows = np.zeros((25, 4))
    rows[:, :3] = (13, 16, 22)
    rows[:, 3] = np.linspace(190, 0, 25)
    return rows.astype(np.uint8).tobytes()


BACKDROP: tuple[Item, ...] = _backdrop()
"""What never changes, first in every scene."""

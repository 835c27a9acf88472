"""FightLadder's pictures: 100 rows of 128 pixels, drawn on the device.

The whole stage is in view, and a pixel is 2¼ units wide and high. A fighter is eight shapes,
those of :class:`arenas.envs.fightladder.poses.Shape`; where they are in each frame of each move is
a row of :data:`arenas.envs.fightladder.poses.POSES`, and a picture looks its rows up.

Every shape is a set of rows crossed with a set of columns, so that a frame of a fighter is one byte
for each row and one for each column, a bit for each shape, and a pixel is in the shapes of
``row & column``. That is what makes pictures cheap: a few operations on bytes for each pixel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int16, UInt8

from arenas.env import AnyArray
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import NUM_FIELDS, ROUND_FRAMES, Fighter
from arenas.envs.fightladder.looks import LOOKS, Look
from arenas.envs.fightladder.moves import (
    PROJECTILE_HALF_HEIGHT,
    PROJECTILE_HALF_WIDTH,
    SUB,
    Kind,
)
from arenas.envs.fightladder.poses import BOXES, POSES, SPANS, Shape

HEIGHT, WIDTH, FRAMES = 100, 128, 3
SPACE = gymnasium.spaces.Box(0, 255, (HEIGHT, WIDTH, FRAMES), np.uint8)
PIXEL = 36
"""Width and height of a pixel, in sixteenths of a unit."""
GROUND = 94
"""The row on which fighters stand: their feet are in the one above."""
KEPT = 9
"""Frames that a state keeps, the last of them the present one."""
SHOWN = (0, 4, 8)
"""Which of them a picture shows, one in each channel: 8 and 4 frames ago, and now."""


# What is kept of a frame --------------------------------------------------------------------------


class Seen(NamedTuple):
    """What is drawn of one fighter, as in :class:`arenas.envs.fightladder.fight.Fighter`."""

    x: Any
    y: Any
    facing: Any
    move: Any
    frame: Any
    health: Any
    stun: Any
    wins: Any
    projectile_x: Any
    projectile_y: Any  # 0 without a projectile


NUM_SEEN = 2 * len(Seen._fields) + 1  # and the clock


def seen(a: Fighter, b: Fighter, clock: Any) -> Int16[Array, " seen"]:
    """What is drawn of a frame, from whole numbers."""

    def of(f: Fighter) -> Seen:
        named = {n: getattr(f, n) for n in Seen._fields}
        return Seen(**named)._replace(
            projectile_y=jnp.where(f.projectile_life > 0, f.projectile_y, 0)
        )

    return jnp.stack([jnp.asarray(v).astype(jnp.int16) for v in (*of(a), *of(b), clock)])


def still(fighters: Any, clock: Any) -> Int16[Array, "kept seen"]:
    """The history of a fight in which nothing moved yet.

    Args:
        fighters: rows of :class:`arenas.envs.fightladder.fight.Fighter`, int16 ``[2, fields]``.
        clock: frames left.
    """
    a, b = (Fighter(*(fighters[s, i] for i in range(NUM_FIELDS))) for s in (0, 1))
    return jnp.tile(seen(a, b, clock), (KEPT, 1))


# Levels -------------------------------------------------------------------------------------------

DARK, FLOOR, LOST, TIMER = 16, 44, 48, 190
OWN, OTHER = 230, 120
_ROW = np.arange(HEIGHT)
_BACKGROUND = np.where(_ROW < GROUND, DARK, FLOOR).astype(np.uint8)
_HEALTH_ROWS, _STUN_ROWS, _TIMER_ROWS = ((2, 7), (8, 10), (12, 14))
_BAR = 54  # pixels of the longest bar
_MOST_HEALTH, _MOST_STUN, _HALF_CLOCK = 256, 128, 62


def _levels() -> np.ndarray:
    """Grey levels of the shapes of each character, uint8 ``[other and own, characters, 8]``."""
    table = np.zeros((2, len(CHARACTERS), len(Shape)), np.uint8)
    for i, name in enumerate(NAMES):
        shades = LOOKS.get(name, Look()).shades
        for own, (first, step) in enumerate(((70, 18), (164, 18))):
            legs, torso, head = (first + step * shade for shade in shades)
            mark = first - 24 if shades[2] > 1 else first + 3 * step + 8
            arm = (legs + torso) // 2 + (9 if torso < first + 2 * step else -9)
            tip, sent = (250, 150) if not own else (255, 245)
            table[own, i] = (legs, torso, head, mark, arm, arm, tip, sent)
    return table


LEVELS = _levels()


def _colours() -> np.ndarray:
    """The same in colours, uint8 ``[seats, characters, 8, 3]``; the second seat wears others."""
    table = np.zeros((2, len(CHARACTERS), len(Shape), 3), np.uint8)
    for i, name in enumerate(NAMES):
        legs, torso, head = LOOKS.get(name, Look()).colours
        skin, mark = head, tuple(255 - c // 2 for c in torso)
        for seat in (0, 1):
            clothes = [c if seat == 0 else (c[2], c[0], c[1]) for c in (legs, torso)]
            sent = (120, 220, 255) if seat == 0 else (255, 170, 90)
            table[seat, i] = (*clothes, head, mark, skin, skin, (255, 255, 120), sent)
    return table


COLOURS = _colours()


# Drawing ------------------------------------------------------------------------------------------

_CHANNEL = np.arange(WIDTH * FRAMES) % FRAMES
_IN_CHANNEL = tuple(np.where(k == _CHANNEL, 255, 0).astype(np.uint8) for k in range(FRAMES))
_COLUMN = np.repeat(np.arange(WIDTH), FRAMES)
_MIDDLE = (WIDTH - 1) * PIXEL // 2


class _Palette(NamedTuple):
    """Levels for every column of every channel, or for all alike: uint8, last axis 384 or 1."""

    other: Any  # [seats, 8, ·]
    own: Any  # [seats, 8, ·]
    left: Any  # [seats, ·], bars of the first fighter
    right: Any  # [seats, ·]
    lost: Any  # [·]
    timer: Any  # [·]
    background: Any  # [100, ·]


def _column(edge: Any) -> Any:
    """The first column whose middle is at or right of an edge, in sixteenths of a unit."""
    return (edge + _MIDDLE + PIXEL - 1) // PIXEL


def _row_of(edge: Any) -> Any:
    return GROUND - (edge + PIXEL // 2) // PIXEL


def _split(words: Any) -> Any:
    """The four signed bytes of each word ``[n]``, ``[4 n]``."""
    return ((words[:, None] << np.array([24, 16, 8, 0], np.int32)) >> 24).reshape(-1)


class _Spans(NamedTuple):
    """Where the shapes of a fighter are in a frame: first pixel and number of them, uint8."""

    left: Any  # [boxes], those of BOXES and the projectile
    width: Any
    top: Any  # [shapes], those of SPANS and the projectile
    tall: Any


def _spans(one: Seen, character: Any) -> _Spans:
    row = (jnp.asarray(TABLES.first)[character, one.move] & 0xFFFF) + one.frame
    walks = (one.move == int(Kind.WALK_FORWARD)) | (one.move == int(Kind.WALK_BACK))
    second = walks & ((jnp.abs(one.x) >> 7) & 1 == 1)
    row = jnp.where(second, len(TABLES.frames) + character, row)
    edges = _split(jnp.asarray(POSES)[row]) * SUB
    sides = edges[: 2 * len(BOXES)].reshape(-1, 2)
    spans = edges[2 * len(BOXES) : 2 * len(BOXES) + 2 * len(SPANS)].reshape(-1, 2)
    ahead = one.facing > 0
    left = one.x + jnp.where(ahead, sides[:, 0], -sides[:, 1])
    right = one.x + jnp.where(ahead, sides[:, 1], -sides[:, 0])
    half_width, half_height = PROJECTILE_HALF_WIDTH * SUB, PROJECTILE_HALF_HEIGHT * SUB
    flies = one.projectile_y > 0
    left = jnp.append(left, one.projectile_x - half_width)
    right = jnp.append(
        right, jnp.where(flies, one.projectile_x + half_width, one.projectile_x - half_width)
    )
    low = jnp.append(one.y + spans[:, 0], one.projectile_y - half_height)
    high = jnp.append(one.y + spans[:, 1], one.projectile_y + half_height)

    first, end = _column(left), _column(right + 1)
    first, end = jnp.clip(first, 0, WIDTH), jnp.clip(end, 0, WIDTH)
    top, bottom = jnp.clip(_row_of(high), 0, HEIGHT), jnp.clip(_row_of(low), 0, HEIGHT)
    width = jnp.where(left < right, end - first, 0)
    spans = _Spans(first, width, top, bottom - top)
    return jax.tree.map(lambda x: x.astype(jnp.uint8), spans)


def _bits(shapes: Any, position: np.ndarray, first: Any, number: Any) -> Any:
    """A byte for each position, with the bits of the shapes that reach over it."""
    answer = jnp.zeros(len(position), jnp.uint8)
    for i, shape in enumerate(shapes):  # one unsigned comparison tells what is inside
        inside = position.astype(np.uint8) - first[i] < number[i]
        answer |= jnp.where(inside, np.uint8(1 << shape), np.uint8(0))
    return answer


class _Lengths(NamedTuple):
    """How long bars are, in pixels: uint8."""

    whole: Any  # of full health
    health: Any
    stun: Any
    wins: Any  # rounds


def _lengths(one: Seen, character: Any) -> _Lengths:
    def bar(value: Any, most: int) -> Any:
        return ((value * _BAR + most - 1) // most).astype(jnp.uint8)

    whole = jnp.asarray(TABLES.stats.health)[character]
    return _Lengths(
        whole=bar(whole, _MOST_HEALTH),
        health=bar(one.health, _MOST_HEALTH),
        stun=bar(one.stun, _MOST_STUN),
        wins=one.wins.astype(jnp.uint8),
    )


def _bars(lengths: Sequence[_Lengths], half_clock: Any, palette: _Palette) -> Any:
    """Levels of the columns of the three bands above, ``[seats, 384]`` each."""
    health = stun = np.uint8(0)
    # Bars begin beside the middle and reach outward; rounds are between them.
    sides = ((56 - _COLUMN, palette.left), (_COLUMN - 71, palette.right))
    for one, (at, level) in zip(lengths, sides, strict=True):
        outward = np.where(at >= 0, at, 255).astype(np.uint8)
        won = np.select([(at <= -2) & (at >= -3), (at <= -5) & (at >= -6)], [0, 1], 255)
        health = jnp.where(outward < one.whole, palette.lost, health)
        there = (outward < one.health) | (won.astype(np.uint8) < one.wins)
        health = jnp.where(there, level, health)
        stun = jnp.where(outward < one.stun, level, stun)
    inside = (np.abs(2 * _COLUMN - WIDTH + 1) // 2).astype(np.uint8) < half_clock
    return health, stun, jnp.where(inside, palette.timer, np.uint8(0))[None]


def _draw(shown: Any, character: Any, palette: Callable[[], _Palette]) -> Any:
    """Both seats' pictures of three frames, uint8 ``[2, 100, 128, 3]``.

    Loops, because what one leaves behind is computed once: otherwise XLA works out anew in every
    pixel what its row and its column hold.

    Args:
        shown: whole numbers ``[3, NUM_SEEN]``, one row for each channel.
        character: of both, ``[2]``.
        palette: makes the levels.
    """
    seats = 2
    shown = jnp.asarray(shown).astype(jnp.int32)
    character = jnp.asarray(character).astype(jnp.int32)
    size = len(Seen._fields)

    def measure(_: None, row: Any) -> Any:
        fighters = [Seen(*(row[s * size + i] for i in range(size))) for s in range(seats)]
        spans = [_spans(one, character[s]) for s, one in enumerate(fighters)]
        lengths = [_lengths(one, character[s]) for s, one in enumerate(fighters)]
        half_clock = (row[-1] * _HALF_CLOCK + ROUND_FRAMES - 1) // ROUND_FRAMES
        return None, (spans, lengths, half_clock.astype(jnp.uint8), palette())

    def spread(columns: Any, frame: Any) -> Any:
        """What rows and columns of one frame hold; columns of its channel only."""
        channel, (spans, lengths, half_clock, colours) = frame
        rows = [_bits((*SPANS, Shape.PROJECTILE), _ROW, one.top, one.tall) for one in spans]
        across = [_bits((*BOXES, Shape.PROJECTILE), _COLUMN, one.left, one.width) for one in spans]
        new = (across, _bars(lengths, half_clock, colours))
        here = channel == _CHANNEL
        return jax.tree.map(lambda n, o: jnp.where(here, n, o), new, columns), rows

    _, measures = jax.lax.scan(measure, None, shown)
    colours = jax.tree.map(lambda x: x[0], measures[-1])
    line = jnp.zeros(WIDTH * FRAMES, jnp.uint8)
    lines = jnp.zeros((seats, WIDTH * FRAMES), jnp.uint8)
    nothing = ([line] * seats, (lines, lines, line[None]))
    (columns, bars), rows = jax.lax.scan(spread, nothing, (np.arange(FRAMES), measures))

    def shapes(fighter: int) -> Any:  # [1, 100, 384]
        in_channels = (rows[fighter][k][:, None] & _IN_CHANNEL[k] for k in range(FRAMES))
        return (functools.reduce(jnp.bitwise_or, in_channels) & columns[fighter])[None]

    # Of each seat the other fighter first, so that its own covers it; then all that may strike.
    a, b = shapes(0), shapes(1)
    first = np.arange(seats)[:, None, None] == 0
    layers = ((jnp.where(first, b, a), colours.other), (jnp.where(first, a, b), colours.own))
    picture = jnp.broadcast_to(colours.background[None], (seats, HEIGHT, WIDTH * FRAMES))
    for part in (tuple(Shape)[: Shape.ARM], tuple(Shape)[Shape.ARM :]):
        for here, level in layers:
            for shape in part:
                inside = here & np.uint8(1 << shape) != 0
                picture = jnp.where(inside, level[:, shape, None, :], picture)
    for (top, bottom), band in zip((_HEALTH_ROWS, _STUN_ROWS, _TIMER_ROWS), bars, strict=True):
        inside = ((top <= _ROW) & (bottom > _ROW))[:, None]
        picture = jnp.where(inside, band[:, None, :], picture)
    return picture.reshape(seats, HEIGHT, WIDTH, FRAMES)


def observation(
    history: Int16[AnyArray, "kept seen"], character: AnyArray
) -> UInt8[Array, "2 height width frames"]:
    """What both seats see: the same picture, each with itself in brighter greys.

    Args:
        history: the last :data:`KEPT` frames.
        character: of both, ``[2]``.
    """
    character = jnp.asarray(character).astype(jnp.int32)

    def palette() -> _Palette:
        chosen = jnp.asarray(LEVELS)[:, character]
        return _Palette(
            other=chosen[0][::-1, :, None],
            own=chosen[1][:, :, None],
            left=np.array([[OWN], [OTHER]], np.uint8),
            right=np.array([[OTHER], [OWN]], np.uint8),
            lost=np.uint8(LOST),
            timer=np.uint8(TIMER),
            background=_BACKGROUND[:, None],
        )

    return _draw(jnp.asarray(history)[np.array(SHOWN)], character, palette)


def render(now: AnyArray, character: AnyArray) -> UInt8[Array, "height width rgb"]:
    """One frame in colours, for people.

    Args:
        now: what :func:`seen` returned, or the last row of a state's history.
        character: of both, ``[2]``.
    """
    character = jnp.asarray(character).astype(jnp.int32)

    def flat(*rgb: int) -> np.ndarray:
        return np.tile(np.array(rgb, np.uint8), WIDTH)

    sky = np.stack([flat(16 + r // 4, 20 + r // 3, 40 + r // 2) for r in range(HEIGHT)])
    floor = (_ROW >= GROUND)[:, None]

    def palette() -> _Palette:
        chosen = jnp.stack([jnp.asarray(COLOURS)[s, character[s]] for s in (0, 1)])  # [2, 8, 3]
        wide = jnp.tile(chosen, (1, 1, WIDTH))
        gold = np.tile(flat(250, 220, 60), (2, 1))
        return _Palette(
            other=wide[::-1],
            own=wide,
            left=gold,
            right=gold,
            lost=flat(150, 40, 40),
            timer=flat(235, 235, 235),
            background=np.where(floor, flat(110, 85, 60), sky),
        )

    return _draw(jnp.tile(jnp.asarray(now)[None], (FRAMES, 1)), character, palette)[0]

"""FightLadder's pictures: 100 rows of 128 pixels, drawn on the device.

The whole stage is in view, and a pixel is 2¼ units wide and high. A fighter is eight shapes, in
:class:`Shape`: what the body is made of, the limb that strikes, its projectile and a mark. Where
they are in each frame of each move is worked out once, when this module is imported, into
:data:`POSES`, one row for each row of the table of frames; a picture looks its rows up.

Every shape is a set of rows crossed with a set of columns, so that a frame of a fighter is one byte
for each row and one for each column, a bit for each shape, and a pixel is in the shapes of
``row & column``. That is what makes pictures cheap: a few operations on bytes for each pixel.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int16, UInt8

from arenas.env import AnyArray
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import NUM_FIELDS, ROUND_FRAMES, Fighter
from arenas.envs.fightladder.moves import (
    FIRST_AIR,
    FIRST_SPECIAL,
    FIRST_STAND,
    HIT,
    NOWHERE,
    PROJECTILE_HALF_HEIGHT,
    PROJECTILE_HALF_WIDTH,
    SUB,
    Box,
    Character,
    Height,
    Kind,
    Move,
    Stance,
    height_at,
)

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
    ball_x: Any
    ball_y: Any  # 0 without a projectile


NUM_SEEN = 2 * len(Seen._fields) + 1  # and the clock


def seen(a: Fighter, b: Fighter, clock: Any) -> Int16[Array, " seen"]:
    """What is drawn of a frame, from whole numbers."""

    def of(f: Fighter) -> Seen:
        named = {n: getattr(f, n) for n in Seen._fields}
        return Seen(**named)._replace(ball_y=jnp.where(f.ball_life > 0, f.ball_y, 0))

    return jnp.stack([jnp.asarray(v).astype(jnp.int16) for v in (*of(a), *of(b), clock)])


def still(fighters: Any, clock: Any) -> Int16[Array, "kept seen"]:
    """The history of a fight in which nothing moved yet.

    Args:
        fighters: rows of :class:`arenas.envs.fightladder.fight.Fighter`, int16 ``[2, fields]``.
        clock: frames left.
    """
    a, b = (Fighter(*(fighters[s, i] for i in range(NUM_FIELDS))) for s in (0, 1))
    return jnp.tile(seen(a, b, clock), (KEPT, 1))


# Looks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How a character is built, in units; shades are from 0, dark, to 3, bright.

    Attributes:
        head: half of its width, and its height.
        torso: half of its width.
        leg: width.
        hip: where legs end, of 80.
        shades: of legs, torso and head.
        colours: red, green and blue of legs, torso and head, for people.
        mark: what it wears, as a box from the part in ``worn``: from the top of the head, or from
            the hip.
        worn: ``"head"`` or ``"hip"``.
    """

    head: tuple[int, int] = (6, 15)
    torso: int = 9
    leg: int = 8
    hip: int = 36
    shades: tuple[int, int, int] = (1, 2, 3)
    colours: tuple[tuple[int, int, int], ...] = ((150, 150, 160), (190, 190, 200), (230, 190, 160))
    mark: Box = NOWHERE
    worn: str = "head"


_SKIN, _TAN, _DARK = (235, 190, 160), (205, 150, 110), (150, 100, 75)
LOOKS: dict[str, Look] = {
    "asano": Look(
        (6, 15), 9, 8, 36, (3, 3, 1), ((235, 235, 235), (245, 245, 245), _SKIN), (-16, 6, -7, -3)
    ),
    "brandt": Look(
        (6, 13), 11, 8, 38, (0, 1, 3), ((70, 90, 50), (90, 130, 60), _SKIN), (-7, 9, 0, 5)
    ),
    "cleo": Look(
        (5, 14), 7, 9, 42, (3, 1, 2), ((240, 190, 160), (60, 110, 220), _SKIN), (-11, -5, -16, 0)
    ),
    "dozer": Look(
        (6, 13), 15, 11, 34, (0, 2, 1), ((150, 30, 40), (215, 160, 120), _TAN), (-4, 4, 0, 5)
    ),
    "esme": Look(
        (5, 14), 7, 6, 40, (2, 0, 3), ((200, 200, 220), (130, 60, 160), _SKIN),
        (-22, -7, 2, 6), "hip",
    ),
    "fang": Look(
        (8, 15), 10, 8, 30, (1, 3, 3), ((60, 140, 60), (90, 190, 80), (90, 190, 80)),
        (-24, -9, -6, -1), "hip",
    ),
    "goro": Look(
        (6, 14), 16, 12, 32, (3, 2, 0), ((70, 80, 150), (235, 195, 165), _SKIN), (-2, 4, 0, 5)
    ),
    "hex": Look(
        (5, 13), 8, 10, 28, (0, 0, 2), ((90, 40, 120), (110, 50, 150), _SKIN), (-10, 12, -4, -1)
    ),
    "ilya": Look(
        (6, 14), 10, 8, 38, (1, 0, 1), ((130, 130, 90), (160, 40, 40), _TAN), (-8, 8, -1, 4)
    ),
    "juno": Look(
        (6, 15), 9, 7, 36, (2, 1, 0), ((220, 60, 60), (220, 180, 60), _DARK), (-7, -5, -16, -1)
    ),
    "kiri": Look(
        (5, 13), 7, 6, 38, (0, 1, 0), ((110, 150, 150), (60, 190, 190), (110, 150, 150)),
        (-20, -5, -8, -5),
    ),
    "lazar": Look(
        (6, 15), 11, 7, 42, (2, 3, 2), ((100, 20, 90), (200, 40, 60), _SKIN), (-15, -9, -40, -12)
    ),
}  # fmt: skip
"""By name; a character without an entry gets the average :class:`Look`."""


# Poses --------------------------------------------------------------------------------------------


class Shape(enum.IntEnum):
    """A bit of a row and of a column; later ones cover earlier ones."""

    LEGS = 0
    TORSO = 1
    HEAD = 2
    MARK = 3
    """What the character wears; stars of the dizzy, the spark of a hit."""
    ARM = 4
    """Of someone who blocks, a bar in front."""
    LIMB = 5
    """An arm or a leg that is stretched out to strike."""
    TIP = 6
    """Its end, in the frames in which it hits."""
    BALL = 7


class Pose(NamedTuple):
    """Where the shapes of a fighter are, as boxes from its feet; two of legs, and of marks."""

    legs: Box = NOWHERE
    leg: Box = NOWHERE
    torso: Box = NOWHERE
    head: Box = NOWHERE
    mark: Box = NOWHERE
    mark_2: Box = NOWHERE
    arm: Box = NOWHERE
    limb: Box = NOWHERE
    tip: Box = NOWHERE


_BODY = (  # which shape each box of a pose is part of; two of one shape share their rows
    Shape.LEGS,
    Shape.LEGS,
    Shape.TORSO,
    Shape.HEAD,
    Shape.MARK,
    Shape.MARK,
    Shape.ARM,
    Shape.LIMB,
    Shape.TIP,
)


def _figure(
    look: Look,
    hip: int,
    neck: int,
    *,
    feet: tuple[int, int] = (-12, 12),
    foot: int = 0,
    lean: int = 0,
    arm: int | None = 0,
) -> Pose:
    """An upright body: feet at ``foot``, outer edges of the legs at ``feet``."""
    half, tall = look.head
    worn = look.mark
    base = neck + tall if look.worn == "head" else hip
    shift = 2 * lean if look.worn == "head" else 0
    mark = (worn[0] + shift, worn[1] + shift, worn[2] + base, worn[3] + base)
    reach = look.torso + 8
    return Pose(
        legs=(feet[0], feet[0] + look.leg, foot, hip),
        leg=(feet[1] - look.leg, feet[1], foot, hip),
        torso=(lean - look.torso, lean + look.torso, hip - 2, neck),
        head=(2 * lean + 2 - half, 2 * lean + 2 + half, neck, neck + tall),
        mark=mark if worn != NOWHERE else NOWHERE,
        arm=(look.torso - 2 + lean, reach + lean, neck - 14 + arm, neck - 6 + arm)
        if arm is not None
        else NOWHERE,
    )


def _standing(look: Look, **changes: Any) -> Pose:
    return _figure(look, look.hip, 80 - look.head[1], **changes)


def _crouching(look: Look, **changes: Any) -> Pose:
    return _figure(look, 16, 54 - look.head[1], **{"feet": (-15, 15), **changes})


def _flying(look: Look, **changes: Any) -> Pose:
    given = {"feet": (-9, 6), "foot": 20, **changes}
    return _figure(look, 44, 84 - look.head[1], **given)


def _lying(look: Look, height: int, arm: bool = False) -> Pose:
    """On its back, the head away from where it faces."""
    half, tall = look.head
    thick = look.torso + 3
    return Pose(
        legs=(0, 14, height, height + 7),
        leg=(16, 34, height, height + 7),
        torso=(-28, 0, height, height + thick),
        head=(-28 - tall, -28, height + 1, height + 1 + 2 * half),
        arm=(-20, -12, height + thick, height + thick + 10) if arm else NOWHERE,
    )


def _spark(pose: Pose, x: int, y: int) -> Pose:
    return pose._replace(mark=(x, x + 4, y, y + 8), mark_2=(x + 8, x + 12, y, y + 8))


def _plain(look: Look, kind: Kind, frame: int) -> Pose:
    """Everything that is no attack."""
    stand, torso = _standing(look), look.torso
    if kind is Kind.WALK_FORWARD or kind is Kind.WALK_BACK:
        return _standing(look, feet=(-17, 15))
    if kind is Kind.CROUCH:
        return _crouching(look)
    if kind is Kind.PREJUMP or kind is Kind.LAND:
        return _figure(look, 22, 66 - look.head[1], feet=(-13, 13), arm=-8)
    if kind is Kind.JUMP:
        return _flying(look)
    if kind is Kind.BLOCK_STANDING:
        return _standing(look, lean=-3)._replace(arm=(torso + 2, torso + 8, 26, 82))
    if kind is Kind.BLOCK_CROUCHING:
        return _crouching(look, lean=-3)._replace(arm=(torso + 4, torso + 10, 0, 56))
    if kind is Kind.HIT_STANDING:
        hurt = _standing(look, lean=-7, feet=(-10, 15))._replace(arm=(2, 14, 66, 72))
        return _spark(hurt, 6, 52)
    if kind is Kind.HIT_CROUCHING:
        hurt = _crouching(look, lean=-7)._replace(arm=(2, 14, 40, 46))
        return _spark(hurt, 8, 26)
    if kind is Kind.FALL:
        return _lying(look, 4, arm=True)
    if kind is Kind.DOWN:
        return _lying(look, 0)
    if kind is Kind.THROWN:
        return _lying(look, 34, arm=True)
    if kind is Kind.RISE:
        if frame < 7:
            return _figure(look, 10, 38 - look.head[1], feet=(-18, 18), lean=-3, arm=None)
        return _crouching(look, lean=-1, arm=-10)
    if kind is Kind.DIZZY:
        reel = _standing(look, lean=2, feet=(-15, 15))._replace(arm=(torso, torso + 5, 20, 48))
        return reel._replace(mark=(-12, -6, 86, 91), mark_2=(10, 16, 86, 91))
    if kind is Kind.BREAK:
        return _spark(_standing(look, lean=-5)._replace(arm=(2, 16, 58, 64)), 16, 46)
    if kind is Kind.THROWING:
        return _standing(look, lean=1)._replace(arm=NOWHERE, limb=(4, 30, 56, 66))
    return stand


def _attack(look: Look, move: Move, kind: Kind, frame: int, kick: bool, hit: bool) -> Pose:
    """A frame of an attack: drawn back, stretched out, or on its way home."""
    torso, (back, front, bottom, top) = look.torso, move.box
    raised = bool(height_at(move, frame)) or move.stance is Stance.AIRBORNE
    low = move.stance is Stance.CROUCHING or (move.box != NOWHERE and top <= 32 and not raised)
    curled = move.box != NOWHERE and bottom <= 8 and 38 <= top <= 62 and not move.rise
    since = frame - move.startup
    until = move.active * move.hits
    body = _flying if raised else _crouching if low or curled else _standing
    lean = -2 if since < -2 else 2 if since < until else 0
    pose = body(look, lean=lean, arm=0)
    shoulder = pose.torso[3] - 10
    if move.grab:
        if since < 0:
            return pose._replace(arm=(-torso - 8, -torso + 2, shoulder - 4, shoulder + 6))
        reach = (torso - 4, 36, shoulder - 6, shoulder + 2)
        end = (30, 37, shoulder - 14, shoulder + 8) if since < until else NOWHERE
        return pose._replace(arm=NOWHERE, limb=reach if since < until + 6 else NOWHERE, tip=end)
    if move.projectile is not None:
        at = move.projectile.height
        if since < 0:
            return pose._replace(
                arm=(-torso - 9, -torso + 3, min(at, shoulder) - 5, min(at, shoulder) + 5)
            )
        if since < 14:
            hands = (18, 26, at - 9, at + 9) if since < until else NOWHERE
            return pose._replace(arm=NOWHERE, limb=(torso - 3, 26, at - 5, at + 5), tip=hands)
        return pose._replace(arm=(torso - 2, torso + 6, 26, 44))
    out = -2 <= since < until + move.recovery // 2
    wide, tall = front - max(back, 0), top - bottom
    if not out:
        if since < 0 and kick:  # a knee is raised
            knee = (pose.legs[3] - 10) if not low else 2
            return pose._replace(leg=NOWHERE, limb=(2, torso + 8, knee, knee + 12))
        if since < 0:
            return pose._replace(arm=(-torso - 9, -torso + 2, shoulder - 5, shoulder + 4))
        return pose._replace(arm=(torso - 2, torso + 5, shoulder - 22, shoulder - 6))
    pose = pose._replace(arm=NOWHERE)
    if kick and not raised:
        pose = pose._replace(leg=NOWHERE)
    thick = 5 if kick else 4
    if move.hits > 1:  # another place with each hit
        step = (max(since, 0) // 3) % 3
        middle = bottom + tall * (1 + 2 * step) // 6
    else:
        middle = (bottom + top) // 2
    if raised and tall > 20 and kind >= FIRST_AIR and kind < FIRST_AIR + 6:
        middle = bottom + thick + 4 if kick else top - thick - 6
    if back <= -12:  # to both sides
        limb = (back, front, middle - thick, middle + thick)
        tip = (back, front, middle - 3, middle + 3)
    elif tall > wide and top > 84:  # upward
        x = min(torso + 3, front - 8)
        limb = (x - thick, x + thick + 2, shoulder - 4, top)
        tip = (x - thick - 4, front, top - 16, top)
    elif move.height is Height.OVERHEAD and move.rise:  # down on a head
        limb = (torso - 8, front - 6, 36, 46)
        tip = (front - 14, front, bottom, 40)
    elif top <= 16:  # along the ground
        limb, tip = (4, front, 0, 9), (front - 12, front, 0, top)
    elif tall >= 38 and wide <= 42 and move.hits == 1:  # with the whole body
        pose = pose._replace(torso=(-torso - 3, front - 6, bottom + 4, top - 4))
        limb, tip = NOWHERE, (front - 7, front, bottom, top)
    else:
        limb = (torso - 6, front, middle - thick, middle + thick)
        reach = min(tall, 22) // 2
        tip = (front - 9, front, middle - reach, middle + reach)
    if not hit and since >= until:  # on its way back
        limb = (limb[0], max(limb[0] + 8, limb[1] * 2 // 3), *limb[2:]) if limb != NOWHERE else limb
    return pose._replace(limb=limb, tip=tip if hit else NOWHERE)


def _pose(character: Character, kind: Kind, move: Move, frame: int, hit: bool) -> Pose:
    look = LOOKS.get(character.name, Look())
    if kind < FIRST_STAND or kind is Kind.THROWING:
        return _plain(look, kind, frame)
    if kind >= FIRST_SPECIAL:
        kick = character.specials[(kind - FIRST_SPECIAL) // 3].button == "K"
    else:
        kick = kind.name.endswith("K")
    return _attack(look, move, kind, frame, kick, hit)


def _edges(pose: Pose) -> list[int]:
    """A row of :data:`POSES`: left and right of every box, then bottom and top of every shape."""
    sides = [edge for box in pose for edge in box[:2]]
    spans: dict[Shape, tuple[int, int]] = {}
    for shape, box in zip(_BODY, pose, strict=True):
        if box != NOWHERE:
            assert spans.get(shape, box[2:]) == box[2:], "two boxes of a shape share their rows"
            spans[shape] = box[2:]
    return sides + [edge for shape in _ROWS for edge in spans.get(shape, (0, 0))]


_ROWS = tuple(dict.fromkeys(_BODY))


def _poses() -> np.ndarray:
    rows = []
    for character, firsts in zip(CHARACTERS, TABLES.first, strict=True):
        for kind, move, first in zip(Kind, character.moves(), firsts, strict=True):
            for frame in range(move.frames):
                hit = bool(TABLES.frames[(first & 0xFFFF) + frame, 3] & HIT)
                rows.append(_edges(_pose(character, kind, move, frame, hit)))
    for character in CHARACTERS:  # the other step of a walk, behind all the rest
        look = LOOKS.get(character.name, Look())
        rows.append(_edges(_standing(look, feet=(-8, 8), lean=1)))
    table = np.array(rows)
    assert table.min() >= -128 and table.max() < 128, "edges are bytes"
    return table.astype(np.int8).view(np.int32)


POSES: np.ndarray = _poses()
"""int32 ``[rows of the table of frames + characters, 8]``: four edges in each, units."""


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
            tip, ball = (250, 150) if not own else (255, 245)
            table[own, i] = (legs, torso, head, mark, arm, arm, tip, ball)
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
            ball = (120, 220, 255) if seat == 0 else (255, 170, 90)
            table[seat, i] = (*clothes, head, mark, skin, skin, (255, 255, 120), ball)
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

    left: Any  # [boxes], those of _BODY and the projectile
    width: Any
    top: Any  # [shapes], those of _ROWS and the projectile
    tall: Any


def _spans(one: Seen, character: Any) -> _Spans:
    row = (jnp.asarray(TABLES.first)[character, one.move] & 0xFFFF) + one.frame
    walks = (one.move == int(Kind.WALK_FORWARD)) | (one.move == int(Kind.WALK_BACK))
    second = walks & ((jnp.abs(one.x) >> 7) & 1 == 1)
    row = jnp.where(second, len(TABLES.frames) + character, row)
    edges = _split(jnp.asarray(POSES)[row]) * SUB
    sides = edges[: 2 * len(_BODY)].reshape(-1, 2)
    spans = edges[2 * len(_BODY) : 2 * len(_BODY) + 2 * len(_ROWS)].reshape(-1, 2)
    ahead = one.facing > 0
    left = one.x + jnp.where(ahead, sides[:, 0], -sides[:, 1])
    right = one.x + jnp.where(ahead, sides[:, 1], -sides[:, 0])
    half_width, half_height = PROJECTILE_HALF_WIDTH * SUB, PROJECTILE_HALF_HEIGHT * SUB
    flies = one.ball_y > 0
    left = jnp.append(left, one.ball_x - half_width)
    right = jnp.append(right, jnp.where(flies, one.ball_x + half_width, one.ball_x - half_width))
    low = jnp.append(one.y + spans[:, 0], one.ball_y - half_height)
    high = jnp.append(one.y + spans[:, 1], one.ball_y + half_height)

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
        rows = [_bits((*_ROWS, Shape.BALL), _ROW, one.top, one.tall) for one in spans]
        across = [_bits((*_BODY, Shape.BALL), _COLUMN, one.left, one.width) for one in spans]
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

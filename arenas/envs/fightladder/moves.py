"""What a move is, and the moves that all fighters share.

Lengths are in units, of which the stage is 288 wide and a standing fighter 80 tall; times in
frames, of which there are 60 a second. Speeds are in sixteenths of a unit a frame (:data:`SUB`).
Boxes are ``(back, front, bottom, top)`` from the fighter's feet, in the direction that it faces.

A move is described once, as a :class:`Move`; :mod:`arenas.envs.fightladder.tables` unrolls it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import NamedTuple

SUB = 16
"""Parts of a unit: positions and speeds are whole numbers of these."""

Box = tuple[int, int, int, int]
NOWHERE: Box = (0, 0, 0, 0)


class Height(enum.IntEnum):
    """Which block stops an attack."""

    MID = 0  # standing or crouching
    LOW = 1  # crouching only
    OVERHEAD = 2  # standing only


class Stance(enum.IntEnum):
    """How a body stands, which is where it can be hit; :data:`BODIES` has the boxes."""

    STANDING = 0
    CROUCHING = 1
    AIRBORNE = 2
    LYING = 3


BODIES: tuple[Box, ...] = ((-13, 13, 0, 80), (-14, 14, 0, 54), (-13, 13, 20, 84), NOWHERE)
"""Where a body can be hit, by stance, beside the limbs that it stretches out."""


@dataclass(frozen=True)
class Projectile:
    """What a special sends across the stage; one of each fighter's at a time."""

    speed: int  # sixteenths of a unit a frame
    life: int  # frames, up to 127
    height: int  # of its middle above the ground, units, a multiple of 4


PROJECTILE_HALF_WIDTH, PROJECTILE_HALF_HEIGHT, PROJECTILE_START = 9, 7, 30


@dataclass(frozen=True)
class Move:
    """One move, as a line of a frame table.

    Attributes:
        startup: frames before it can hit.
        active: frames in which it hits, or in which each of ``hits`` does.
        recovery: frames after that.
        damage: of each hit, of 176 points of health.
        box: where it hits.
        height: which block stops it.
        hitstun: frames in which whoever is hit can do nothing.
        blockstun: frames in which whoever blocks can do nothing but block.
        push: how fast whoever is hit slides away, sixteenths of a unit a frame; half as fast
            when it blocks.
        stun: points of the stun meter for each hit.
        chip: damage when it is blocked.
        knockdown: whoever is hit falls.
        cancel: a special may follow once it touched.
        stance: of the body while it is made.
        hits: how often it hits.
        travel: sixteenths of a unit forward a frame, during ``travels``.
        travels: first frame of the travel and the one after the last.
        rise: greatest height above the ground, units, of a leap during ``leaps``.
        leaps: first frame of the leap and the one after the last.
        strike_proof: frames of immunity to strikes, first and one after the last.
        projectile_proof: the same, for projectiles.
        projectile: what it sends, when it becomes active.
        grab: whoever is close is thrown, instead of a hit.
    """

    startup: int
    active: int
    recovery: int
    damage: int = 0
    box: Box = NOWHERE
    height: Height = Height.MID
    hitstun: int = 0
    blockstun: int = 0
    push: int = 0
    stun: int = 0
    chip: int = 0
    knockdown: bool = False
    cancel: bool = False
    stance: Stance = Stance.STANDING
    hits: int = 1
    travel: int = 0
    travels: tuple[int, int] = (0, 0)
    rise: int = 0
    leaps: tuple[int, int] = (0, 0)
    strike_proof: tuple[int, int] = (0, 0)
    projectile_proof: tuple[int, int] = (0, 0)
    projectile: Projectile | None = None
    grab: bool = False

    @property
    def frames(self) -> int:
        """How long it takes."""
        return self.startup + self.active * self.hits + self.recovery

    @property
    def hitstop(self) -> int:
        """Frames in which both stand still when it touches: more for harder hits."""
        return 6 + min(self.damage, 24) // 4

    def on_hit(self) -> int:
        """Frames by which it can act before whoever it hit with its first active frame."""
        return self.hitstun - (self.frames - self.startup)

    def on_block(self) -> int:
        """Frames by which it can act before whoever blocked its first active frame."""
        return self.blockstun - (self.frames - self.startup)


def height_at(move: Move, frame: int) -> int:
    """Height of a scripted leap, in parts of a unit: a parabola over ``leaps``."""
    start, end = move.leaps
    if not start <= frame < end:
        return 0
    done, length = 2 * (frame - start) + 1, 2 * (end - start)
    return 4 * SUB * move.rise * done * (length - done) // length**2


# Moves that all fighters share, and where each character's own begin ------------------------------


class Kind(enum.IntEnum):
    """Index of a move, the same for every character."""

    STAND = 0
    WALK_FORWARD = 1
    WALK_BACK = 2
    CROUCH = 3
    PREJUMP = 4
    JUMP = 5
    LAND = 6
    BLOCK_STANDING = 7
    BLOCK_CROUCHING = 8
    HIT_STANDING = 9
    HIT_CROUCHING = 10
    FALL = 11
    DOWN = 12
    RISE = 13
    DIZZY = 14
    THROWN = 15
    BREAK = 16
    """Two throws met, and both fighters part."""
    STAND_LP = 17
    STAND_MP = 18
    STAND_HP = 19
    STAND_LK = 20
    STAND_MK = 21
    STAND_HK = 22
    CROUCH_LP = 23
    CROUCH_MP = 24
    CROUCH_HP = 25
    CROUCH_LK = 26
    CROUCH_MK = 27
    CROUCH_HK = 28
    AIR_LP = 29
    AIR_MP = 30
    AIR_HP = 31
    AIR_LK = 32
    AIR_MK = 33
    AIR_HK = 34
    THROW = 35
    """The reach for a throw."""
    THROWING = 36
    """The throw, once it caught."""
    SPECIAL_1_LIGHT = 37
    SPECIAL_1_MEDIUM = 38
    SPECIAL_1_HEAVY = 39
    SPECIAL_2_LIGHT = 40
    SPECIAL_2_MEDIUM = 41
    SPECIAL_2_HEAVY = 42
    SPECIAL_3_LIGHT = 43
    SPECIAL_3_MEDIUM = 44
    SPECIAL_3_HEAVY = 45


NUM_MOVES = len(Kind)
FIRST_STAND, FIRST_CROUCH, FIRST_AIR = Kind.STAND_LP, Kind.CROUCH_LP, Kind.AIR_LP
FIRST_SPECIAL = Kind.SPECIAL_1_LIGHT
BUTTONS = ("LP", "MP", "HP", "LK", "MK", "HK")
NUM_SPECIALS = 3

PREJUMP_FRAMES, LAND_FRAMES, RISE_FRAMES = 4, 3, 14
THROW_REACHES = 5
"""Frames of a throw in which one that comes from the other breaks it."""

BASIC: dict[Kind, Move] = {
    Kind.STAND: Move(1, 0, 0),
    Kind.WALK_FORWARD: Move(1, 0, 0),
    Kind.WALK_BACK: Move(1, 0, 0),
    Kind.CROUCH: Move(1, 0, 0, stance=Stance.CROUCHING),
    Kind.PREJUMP: Move(PREJUMP_FRAMES, 0, 0),
    Kind.JUMP: Move(1, 0, 0, stance=Stance.AIRBORNE),
    Kind.LAND: Move(LAND_FRAMES, 0, 0),
    Kind.BLOCK_STANDING: Move(1, 0, 0),
    Kind.BLOCK_CROUCHING: Move(1, 0, 0, stance=Stance.CROUCHING),
    Kind.HIT_STANDING: Move(1, 0, 0),
    Kind.HIT_CROUCHING: Move(1, 0, 0, stance=Stance.CROUCHING),
    Kind.FALL: Move(1, 0, 0, stance=Stance.LYING),
    Kind.DOWN: Move(1, 0, 0, stance=Stance.LYING),
    Kind.RISE: Move(RISE_FRAMES, 0, 0, stance=Stance.LYING),
    Kind.DIZZY: Move(1, 0, 0),
    Kind.THROWN: Move(1, 0, 0, stance=Stance.LYING),
    Kind.BREAK: Move(1, 0, 0),
    Kind.THROW: Move(3, 2, 18, grab=True),
    Kind.THROWING: Move(36, 0, 0, stance=Stance.LYING),
}

LOW, OVERHEAD = Height.LOW, Height.OVERHEAD


class _Normal(NamedTuple):
    """A line of :data:`NORMALS`."""

    startup: int
    active: int
    recovery: int
    damage: int
    hitstun: int
    blockstun: int
    box: Box
    height: Height = Height.MID
    cancel: bool = False
    knockdown: bool = False


_LINES: dict[Kind, _Normal] = {
    Kind.STAND_LP: _Normal(4, 3, 6, 6, 14, 11, (8, 42, 52, 70), cancel=True),
    Kind.STAND_MP: _Normal(6, 4, 11, 12, 18, 14, (8, 50, 52, 72), cancel=True),
    Kind.STAND_HP: _Normal(9, 4, 18, 18, 22, 17, (8, 58, 50, 72)),
    Kind.STAND_LK: _Normal(5, 3, 8, 7, 14, 11, (8, 46, 30, 50)),
    Kind.STAND_MK: _Normal(7, 4, 13, 13, 18, 14, (8, 58, 40, 60)),
    Kind.STAND_HK: _Normal(11, 4, 19, 20, 23, 18, (8, 66, 50, 80)),
    Kind.CROUCH_LP: _Normal(4, 3, 7, 5, 13, 10, (8, 40, 30, 46), cancel=True),
    Kind.CROUCH_MP: _Normal(6, 4, 12, 11, 18, 14, (8, 46, 32, 50), cancel=True),
    Kind.CROUCH_HP: _Normal(7, 6, 22, 18, 21, 16, (2, 38, 50, 108)),
    Kind.CROUCH_LK: _Normal(4, 3, 8, 5, 13, 10, (8, 44, 0, 14), LOW),
    Kind.CROUCH_MK: _Normal(6, 4, 14, 11, 18, 13, (8, 54, 0, 16), LOW, cancel=True),
    Kind.CROUCH_HK: _Normal(9, 4, 24, 15, 0, 15, (8, 62, 0, 16), LOW, knockdown=True),
    # In the air an attack lasts until the landing: its last frame, which hits nothing, stays.
    Kind.AIR_LP: _Normal(4, 18, 0, 7, 14, 11, (4, 34, 18, 44), OVERHEAD),
    Kind.AIR_MP: _Normal(5, 10, 0, 12, 17, 14, (4, 40, 16, 46), OVERHEAD),
    Kind.AIR_HP: _Normal(7, 7, 0, 17, 20, 17, (4, 44, 12, 46), OVERHEAD),
    Kind.AIR_LK: _Normal(4, 20, 0, 7, 14, 11, (-4, 34, 12, 36), OVERHEAD),
    Kind.AIR_MK: _Normal(5, 12, 0, 13, 17, 14, (-12, 38, 12, 36), OVERHEAD),
    Kind.AIR_HK: _Normal(8, 8, 0, 18, 20, 17, (4, 54, 14, 44), OVERHEAD),
}

_STRENGTH = {"L": (70, 4), "M": (100, 8), "H": (120, 13)}  # push, stun by the button


def _normal(kind: Kind, line: _Normal) -> Move:
    push, stun = _STRENGTH[kind.name[-2]]
    stance = {"S": Stance.STANDING, "C": Stance.CROUCHING, "A": Stance.AIRBORNE}[kind.name[0]]
    move = Move(**line._asdict(), push=push, stun=stun, stance=stance)
    return replace(move, recovery=1) if stance is Stance.AIRBORNE else move


NORMALS: dict[Kind, Move] = {kind: _normal(kind, line) for kind, line in _LINES.items()}
"""The eighteen normal attacks of an average fighter; a character changes them."""

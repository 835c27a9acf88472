"""What a move is, and how a table of moves becomes arrays that a fight reads frame by frame.

Lengths are in units, of which the stage is 288 wide and a standing fighter 80 tall; times in
frames, of which there are 60 a second. Speeds are in sixteenths of a unit a frame (:data:`SUB`).
Boxes are ``(back, front, bottom, top)`` from the fighter's feet, in the direction that it faces.

A move is described once, as a :class:`Move`, and unrolled into one row for each of its frames:
where it hits, where it can be hit, how it travels, and what it is immune to.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

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

# A row of the table of frames: two boxes, the travel, and these flags.
HIT = 0b11  # the number of the hit that is active now, from 1; 0 for none
STRIKE_PROOF = 1 << 2  # strikes pass through
PROJECTILE_PROOF = 1 << 3
THROW_PROOF = 1 << 4
CANCEL = 1 << 5  # once it touched, a special may follow from here
SPAWN = 1 << 6  # the projectile leaves the hand
GRAB = 1 << 7  # whoever is close is thrown
SCRIPTED_AIR = 1 << 8  # the height is the row's, not gravity's
STANCE_SHIFT = 9  # two bits


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

_BASIC: dict[Kind, Move] = {
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


class Motion(enum.IntEnum):
    """How a special is entered. Directions are those of a numeric pad, facing right."""

    QUARTER_FORWARD = 0  # 2 3 6 and the button
    QUARTER_BACK = 1  # 2 1 4
    DRAGON = 2  # 6 2 3
    CHARGE_BACK = 3  # back for a while, then 6
    CHARGE_DOWN = 4  # down for a while, then 8


class Special(NamedTuple):
    """A special attack: how it is entered, and the move for each strength of the button."""

    name: str
    motion: Motion
    button: str  # "P" or "K"
    moves: tuple[Move, Move, Move]


# Kinds of special, from which characters take theirs ----------------------------------------------


def _by_strength(light: Move, **steps: int) -> tuple[Move, Move, Move]:
    """A special for each strength, with these attributes rising by a step each."""
    return tuple(  # type: ignore[return-value]
        replace(light, **{name: getattr(light, name) + i * step for name, step in steps.items()})
        for i in range(3)
    )


def projectile(
    speed: int,
    step: int,
    damage: int,
    startup: int,
    recovery: int,
    height: int = 52,
    life: int = 90,
) -> tuple[Move, Move, Move]:
    """A projectile, faster by ``step`` for each strength."""
    return tuple(  # type: ignore[return-value]
        Move(
            startup,
            2,
            recovery,
            damage + i,
            hitstun=20,
            blockstun=15,
            push=100,
            stun=8,
            chip=2,
            projectile=Projectile(speed + i * step, life, height),
        )
        for i in range(3)
    )


def uppercut(
    damage: int, rise: int, proof: int, startup: int = 4, travel: int = 14
) -> tuple[Move, Move, Move]:
    """A leaping anti-air, immune at first, and open for long when it misses."""
    light = Move(
        startup,
        10,
        24,
        damage,
        (-2, 34, 44, 112),
        blockstun=16,
        push=110,
        stun=12,
        chip=2,
        knockdown=True,
        travel=travel,
        travels=(startup, startup + 12),
        rise=rise,
        leaps=(startup + 1, startup + 26),
        strike_proof=(0, proof),
        projectile_proof=(0, proof),
    )
    return _by_strength(light, damage=3, rise=8, recovery=3)


def rush(
    damage: int,
    travel: int,
    frames: int,
    startup: int,
    recovery: int,
    box: Box = (4, 44, 30, 72),
    height: Height = Height.MID,
    knockdown: bool = False,
    projectile_proof: bool = False,
    rise: int = 0,
    hits: int = 1,
) -> tuple[Move, Move, Move]:
    """An attack that travels far along the ground, or in a low arc."""
    active = frames // hits
    light = Move(
        startup,
        active,
        recovery,
        damage,
        box,
        height,
        hitstun=0 if knockdown else 20,
        blockstun=14,
        push=130,
        stun=10,
        chip=2,
        knockdown=knockdown,
        hits=hits,
        travel=travel,
        travels=(startup - 2, startup + frames),
        rise=rise,
        leaps=(startup - 2, startup + frames + 4) if rise else (0, 0),
        projectile_proof=(0, startup + frames) if projectile_proof else (0, 0),
    )
    return _by_strength(light, damage=2, travel=10, recovery=2)


def flurry(
    damage: int, hits: int, startup: int, recovery: int, box: Box
) -> tuple[Move, Move, Move]:
    """Many hits on the spot."""
    light = Move(
        startup,
        5,
        recovery,
        damage,
        box,
        hitstun=18,
        blockstun=14,
        push=60,
        stun=5,
        chip=1,
        hits=hits,
        travel=8,
        travels=(0, startup + 5 * hits),
    )
    return _by_strength(light, damage=1, startup=2)


def hop(
    damage: int, startup: int, recovery: int, travel: int, rise: int = 26
) -> tuple[Move, Move, Move]:
    """A short leap that must be blocked standing."""
    light = Move(
        startup,
        5,
        recovery,
        damage,
        (2, 40, 0, 50),
        Height.OVERHEAD,
        hitstun=22,
        blockstun=16,
        push=90,
        stun=12,
        chip=2,
        travel=travel,
        travels=(3, startup + 4),
        rise=rise,
        leaps=(3, startup + 6),
    )
    return _by_strength(light, damage=2, startup=3, travel=6)


def grab(
    damage: int, startup: int, recovery: int, travel: int = 0, proof: int = 0
) -> tuple[Move, Move, Move]:
    """A throw by command: from farther than the plain one, and harder."""
    light = Move(
        startup,
        3,
        recovery,
        damage,
        grab=True,
        travel=travel,
        travels=(0, startup),
        strike_proof=(0, proof),
        projectile_proof=(0, proof),
    )
    return _by_strength(light, damage=2, startup=2, travel=8 if travel else 0)


# Characters ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Character:
    """One fighter, as data.

    Attributes:
        name: by which it is chosen.
        style: a line for people.
        walk_forward: sixteenths of a unit a frame.
        walk_back: sixteenths of a unit a frame.
        jump_speed: upward speed at the start of a jump, sixteenths of a unit a frame.
        gravity: what that loses each frame.
        jump_travel: sideways speed in a jump.
        specials: three, of the highest priority first where inputs overlap.
        health: points at the start of a round.
        half_width: half of the width that it keeps others away from, units.
        throw_range: distance between two middles at which a throw catches, units.
        throw_damage: of a throw.
        stun_limit: points of the stun meter that make it dizzy.
        reach: percent of the average normal attack's reach.
        power: percent of the average normal attack's damage.
        normals: attributes that differ in single normal attacks.
    """

    name: str
    style: str
    walk_forward: int
    walk_back: int
    jump_speed: int
    gravity: int
    jump_travel: int
    specials: tuple[Special, Special, Special]
    health: int = 176
    half_width: int = 14
    throw_range: int = 44
    throw_damage: int = 22
    stun_limit: int = 60
    reach: int = 100
    power: int = 100
    normals: Mapping[Kind, Mapping[str, Any]] | None = None

    def moves(self) -> tuple[Move, ...]:
        """Every move of this character, by :class:`Kind`."""
        table = dict(_BASIC)
        table[Kind.THROW] = replace(table[Kind.THROW], damage=self.throw_damage)
        for kind, average in NORMALS.items():
            back, front, bottom, top = average.box
            box = (back, front * self.reach // 100, bottom, top)
            move = replace(average, box=box, damage=average.damage * self.power // 100)
            table[kind] = replace(move, **(self.normals or {}).get(kind, {}))
        for slot, special in enumerate(self.specials):
            for strength, move in enumerate(special.moves):
                table[Kind(FIRST_SPECIAL + 3 * slot + strength)] = move
        return tuple(table[kind] for kind in Kind)


class Stats(NamedTuple):
    """A character's numbers that are no moves, each an array by character, int32."""

    health: Any
    walk_forward: Any
    walk_back: Any
    jump_speed: Any
    gravity: Any
    jump_travel: Any
    half_width: Any  # in parts of a unit
    throw_range: Any  # in parts of a unit
    stun_limit: Any
    commands: Any  # three bytes, first special lowest: motion, 8 for kicks, 16 if it sends


class Tables(NamedTuple):
    """All characters' moves, as arrays: what a fight reads."""

    first: np.ndarray
    """int32 ``[characters, moves]``: index of a move's first row, and its length << 16."""
    frames: np.ndarray
    """int32 ``[rows, 4]``: the box that hits and the limb that can be hit (four signed bytes each,
    back, front, bottom, top, lowest byte first), travel and height (two signed halves, in parts of
    a unit), flags."""
    effects: np.ndarray
    """int32 ``[characters, moves, 2]``: damage, stun, hitstun, blockstun (a byte each); push (8
    bits), chip (4), hitstop (5), height (2), knockdown (1), life (7) and height >> 2 (5) of
    what it sends, lowest first."""
    speed: np.ndarray  # int32 [characters, moves]: of what a move sends
    stats: Stats


def _pack(values: Sequence[int], bits: int) -> int:
    """Signed numbers in one word of 32 bits, the first lowest."""
    word = 0
    for i, value in enumerate(values):
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise ValueError(f"{value} does not fit into {bits} bits")
        word |= (value & (1 << bits) - 1) << i * bits
    return word


def _fields(*fields: tuple[int, int]) -> int:
    """Numbers from 0, each with its width in bits, in one word, the first lowest."""
    word = shift = 0
    for value, bits in fields:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit into {bits} bits")
        word |= value << shift
        shift += bits
    return word


def _within(frame: int, span: tuple[int, int]) -> bool:
    return span[0] <= frame < span[1]


def height_at(move: Move, frame: int) -> int:
    """Height of a scripted leap, in parts of a unit: a parabola over ``leaps``."""
    start, end = move.leaps
    if not start <= frame < end:
        return 0
    done, length = 2 * (frame - start) + 1, 2 * (end - start)
    return 4 * SUB * move.rise * done * (length - done) // length**2


def _row(move: Move, frame: int) -> list[int]:
    since = frame - move.startup
    striking = 0 <= since < move.active * move.hits
    hit = since // move.active + 1 if striking and move.box != NOWHERE else 0
    back, front, bottom, top = move.box
    # The limb is out while it hits and for half of the recovery, and on its way just before.
    out = -2 <= since < move.active * move.hits + move.recovery // 2 and move.box != NOWHERE
    limb = (max(back, 0), front - 6, bottom + 2, top - 4) if out else NOWHERE
    flags = hit | move.stance << STANCE_SHIFT
    flags |= STRIKE_PROOF * _within(frame, move.strike_proof)
    flags |= PROJECTILE_PROOF * _within(frame, move.projectile_proof)
    flags |= CANCEL * (move.cancel and 0 <= since < move.active + 8)
    flags |= SPAWN * (move.projectile is not None and since == 0)
    flags |= GRAB * (move.grab and striking)
    flags |= SCRIPTED_AIR * _within(frame, move.leaps)
    flags |= THROW_PROOF * (_within(frame, move.leaps) or _within(frame, move.strike_proof))
    travel = move.travel if _within(frame, move.travels) else 0
    return [
        _pack(move.box if hit else NOWHERE, 8),
        _pack(limb, 8),
        _pack((travel, height_at(move, frame)), 16),
        flags,
    ]


def compile_tables(characters: Sequence[Character]) -> Tables:
    """The arrays of these characters."""
    first, frames, effects, speed = [], [], [], []
    for character in characters:
        for move in character.moves():
            if move.hits > HIT or (move.projectile and move.projectile.height % 4):
                raise ValueError(f"{character.name}: {move} hits too often, or sends too oddly")
            first.append(len(frames) | move.frames << 16)
            frames += [_row(move, frame) for frame in range(move.frames)]
            sent = move.projectile
            effects.append(
                (
                    _fields(
                        (move.damage, 8), (move.stun, 8), (move.hitstun, 8), (move.blockstun, 8)
                    ),
                    _fields(
                        (move.push, 8),
                        (move.chip, 4),
                        (move.hitstop, 5),
                        (move.height, 2),
                        (move.knockdown, 1),
                        (sent.life if sent else 0, 7),
                        (sent.height >> 2 if sent else 0, 5),
                    ),
                )
            )
            speed.append(sent.speed if sent else 0)
    shape = (len(characters), NUM_MOVES)

    def stat(name: str, scale: int = 1) -> np.ndarray:
        return np.array([getattr(c, name) * scale for c in characters], np.int32)

    commands = [
        _fields(
            *(
                (s.motion | 8 * (s.button == "K") | 16 * (s.moves[0].projectile is not None), 8)
                for s in c.specials
            )
        )
        for c in characters
    ]
    scaled = {"half_width": SUB, "throw_range": SUB}
    plain = {n: stat(n, scaled.get(n, 1)) for n in Stats._fields if n != "commands"}
    return Tables(
        first=np.array(first, np.int32).reshape(shape),
        frames=np.array(frames, np.int64).astype(np.uint32).view(np.int32),
        effects=np.array(effects, np.int64).astype(np.uint32).view(np.int32).reshape(*shape, 2),
        speed=np.array(speed, np.int32).reshape(shape),
        stats=Stats(**plain, commands=np.array(commands, np.int32)),
    )

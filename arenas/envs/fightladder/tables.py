"""What a character is, and how characters become the arrays that a fight reads frame by frame.

Each move is unrolled into one row for each of its frames: where it hits, where it can be hit, how
it travels, and what it is immune to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from arenas.envs.fightladder.moves import (
    BASIC,
    FIRST_SPECIAL,
    NORMALS,
    NOWHERE,
    NUM_MOVES,
    SUB,
    Kind,
    Move,
    height_at,
)
from arenas.envs.fightladder.specials import Special

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
        table = dict(BASIC)
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

"""FightLadder's state vector, number by number.

One seat's vector is its own fighter (:data:`PUBLIC`), the other fighter (:data:`PUBLIC`), its own
inputs (:data:`PRIVATE`), and :data:`SHARED`. :data:`NAMES` names every number, and
:func:`decode` gives back the whole numbers that they were made from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from arenas.env import AnyArray
from arenas.envs.fightladder import characters, tables
from arenas.envs.fightladder.fight import CHARGE, ROUND_FRAMES, STAGE, Fighter
from arenas.envs.fightladder.moves import SUB, Kind, Stance

_FIELDS = Fighter._fields

SCALES: dict[str, int] = {
    "x": STAGE,
    "y": 144 * SUB,
    "vx": 64,
    "vy": 128,
    "facing": 1,
    "health": 176,
    "stun": 64,
    "frame": 64,
    "timer": 64,
    "freeze": 16,
    "hits": 4,
    "combo": 8,
    "push": 128,
    "safe": 8,
    "wins": 2,
    "projectile_x": STAGE,
    "projectile_y": 144 * SUB,
    "projectile_speed": 64,
    "projectile_life": 64,
    "since_1": 32,
    "since_2": 32,
    "since_3": 32,
    "since_4": 32,
    "since_6": 32,
    "charge_left": CHARGE,
    "charge_right": CHARGE,
    "charge_down": CHARGE,
}
"""What a fighter's number is divided by."""

NUMBERS = _FIELDS[: _FIELDS.index("character")]
INPUTS = _FIELDS[_FIELDS.index("since_1") : _FIELDS.index("held")]
FLAGS: tuple[tuple[str, int], ...] = (
    ("striking", tables.HIT),
    ("strike-proof", tables.STRIKE_PROOF),
    ("projectile-proof", tables.PROJECTILE_PROOF),
    ("throw-proof", tables.THROW_PROOF),
    ("cancels", tables.CANCEL),
    ("grabs", tables.GRAB),
)
PUBLIC = (
    *NUMBERS,
    *(name for name, _ in FLAGS),
    *(f"stance:{s.name.lower()}" for s in Stance),
    *(f"move:{k.name.lower()}" for k in Kind),
    *(f"character:{name}" for name in characters.NAMES),
)
"""Numbers of either fighter; flags, stances, moves and characters are 0 or 1."""
PRIVATE = INPUTS
SHARED = ("clock", "round", "distance")
"""Time left of 99 seconds, rounds before this one of 2, the other's x minus one's own."""

NAMES = (
    *(f"own {name}" for name in PUBLIC),
    *(f"other {name}" for name in PUBLIC),
    *(f"own {name}" for name in PRIVATE),
    *SHARED,
)
SIZE = len(NAMES)
LARGEST = 8.0
"""No number is larger than this; most are within -1 and 1."""
SPACE = gymnasium.spaces.Box(-LARGEST, LARGEST, (SIZE,), np.float32)

_SLICES: dict[str, slice] = {}
_start = 0
for _name, _size in (
    ("numbers", len(NUMBERS)),
    ("flags", len(FLAGS)),
    ("stance", len(Stance)),
    ("move", len(Kind)),
    ("character", len(characters.NAMES)),
):
    _SLICES[_name] = slice(_start, _start + _size)
    _start += _size


def _inverse(names: tuple[str, ...]) -> np.ndarray:
    return np.array([1 / SCALES[name] for name in names], np.float32)


def vector(fighters: AnyArray, clock: AnyArray, round: AnyArray) -> Float32[Array, "2 size"]:
    """What both seats see.

    Args:
        fighters: int16 ``[2, fields]``.
        clock: frames left.
        round: rounds before this one.
    """
    f = jnp.asarray(fighters)
    numbers = f[:, : len(NUMBERS)].astype(jnp.float32) * _inverse(NUMBERS)
    start = _FIELDS.index("since_1")
    inputs = f[:, start : start + len(INPUTS)].astype(jnp.float32) * _inverse(INPUTS)

    def column(name: str) -> Array:
        return f[:, _FIELDS.index(name), None]

    flags = column("flags")
    bits = np.array([bit for _, bit in FLAGS], np.int16)
    public = jnp.concatenate(
        [
            numbers,
            (flags & bits != 0).astype(jnp.float32),
            ((flags >> tables.STANCE_SHIFT & 3) == np.arange(len(Stance))).astype(jnp.float32),
            (column("move") == np.arange(len(Kind))).astype(jnp.float32),
            (column("character") == np.arange(len(characters.NAMES))).astype(jnp.float32),
        ],
        axis=1,
    )
    x = numbers[:, 0]
    shared = jnp.stack(
        [
            jnp.broadcast_to(jnp.asarray(clock, jnp.float32) * np.float32(1 / ROUND_FRAMES), 2),
            jnp.broadcast_to(jnp.asarray(round, jnp.float32) * np.float32(0.5), 2),
            x[::-1] - x,
        ],
        axis=1,
    )
    return jnp.concatenate([public, public[::-1], inputs, shared], axis=1)


class Side(NamedTuple):
    """One fighter as a seat sees it: what scripted players read, int32 scalars."""

    numbers: dict[str, Any]  # by name, those of NUMBERS
    flags: dict[str, Any]  # by name, bool
    stance: Any
    move: Any
    character: Any


class View(NamedTuple):
    """What a seat sees, in whole numbers."""

    own: Side
    other: Side
    inputs: dict[str, Any]  # by name, those of INPUTS
    clock: Any


def decode(observation: AnyArray) -> View:
    """The whole numbers behind one seat's vector ``[SIZE]``."""
    row = jnp.asarray(observation)
    size = len(PUBLIC)

    def whole(values: Array, names: tuple[str, ...]) -> dict[str, Any]:
        scales = np.array([SCALES[name] for name in names], np.float32)
        rounded = jnp.round(values * scales).astype(jnp.int32)
        return {name: rounded[i] for i, name in enumerate(names)}

    def index(values: Array) -> Array:
        return jnp.argmax(values).astype(jnp.int32)

    def side(part: Array) -> Side:
        flags = part[_SLICES["flags"]] > 0
        return Side(
            numbers=whole(part[_SLICES["numbers"]], NUMBERS),
            flags={name: flags[i] for i, (name, _) in enumerate(FLAGS)},
            stance=index(part[_SLICES["stance"]]),
            move=index(part[_SLICES["move"]]),
            character=index(part[_SLICES["character"]]),
        )

    rest = row[2 * size :]
    return View(
        own=side(row[:size]),
        other=side(row[size : 2 * size]),
        inputs=whole(rest[: len(INPUTS)], INPUTS),
        clock=jnp.round(rest[len(INPUTS)] * ROUND_FRAMES).astype(jnp.int32),
    )


def view(fighters: AnyArray, clock: AnyArray, seat: int) -> View:
    """What a seat sees, straight from a state: equal to ``decode`` of its vector."""
    f = jnp.asarray(fighters).astype(jnp.int32)

    def side(row: Array) -> Side:
        named = Fighter(*(row[i] for i in range(len(_FIELDS))))
        return Side(
            numbers={name: getattr(named, name) for name in NUMBERS},
            flags={name: named.flags & bit != 0 for name, bit in FLAGS},
            stance=named.flags >> tables.STANCE_SHIFT & 3,
            move=named.move,
            character=named.character,
        )

    return View(
        own=side(f[seat]),
        other=side(f[1 - seat]),
        inputs={name: f[seat, _FIELDS.index(name)] for name in INPUTS},
        clock=jnp.asarray(clock).astype(jnp.int32),
    )

"""Fights from constructed situations, frame by frame, for the tests of FightLadder."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from arenas.envs.fightladder import controls, fight
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import BUTTON_SHIFT, DOWN, LEFT, RIGHT, UP, Fighter
from arenas.envs.fightladder.moves import BUTTONS, SUB, Kind, Move
from arenas.envs.fightladder.specials import Motion

FRAMES = 160
"""Length of every run, so that all share one program; inputs are filled up with nothing."""
FIELDS = {name: i for i, name in enumerate(Fighter._fields)}
LP, MP, HP, LK, MK, HK = (1 << BUTTON_SHIFT + i for i in range(len(BUTTONS)))
MOVES: tuple[tuple[Move, ...], ...] = tuple(c.moves() for c in CHARACTERS)

_MIRRORED = np.arange(fight.NUM_FIELDS)
for _pair in (("since_1", "since_3"), ("since_4", "since_6"), ("charge_left", "charge_right")):
    _left, _right = (FIELDS[name] for name in _pair)
    _MIRRORED[[_left, _right]] = _right, _left
_SIGN = np.ones(fight.NUM_FIELDS, np.int32)
for _name in ("x", "vx", "facing", "push", "projectile_x", "projectile_speed"):
    _SIGN[FIELDS[_name]] = -1


def mirrored(states: np.ndarray) -> np.ndarray:
    """``[..., 2, fields]`` seen in a mirror, each fighter in the other's seat."""
    return (states[..., ::-1, :] * _SIGN)[..., _MIRRORED]


def mirrored_keys(keys: Any) -> Any:
    """The same keys with left and right swapped."""
    rest = keys & ~(LEFT | RIGHT)
    return rest | ((keys & LEFT) // LEFT * RIGHT) | ((keys & RIGHT) // RIGHT * LEFT)


def tick(fighters: Any, clock: Any, keys: Any, live: Any) -> Any:
    """One frame of ``[2, fields]``, int32."""
    a, b = fight.unpack(fighters, 0), fight.unpack(fighters, 1)
    stats = fight.stats_of(a), fight.stats_of(b)
    a, b = fight.frame(a, b, *stats, clock, keys[0], keys[1], live)
    return jnp.stack([jnp.stack(a), jnp.stack(b)])


@jax.jit
def _record(fighters: Any, clock: Any, keys: Any, frames: Any) -> Any:
    """States after each of the first ``frames``, int32 ``[FRAMES, 2, fields]``."""

    def frame(i: Any, carry: Any) -> Any:
        fighters, seen = carry
        fighters = tick(fighters, clock - i, keys[i], i >= 0)
        return fighters, seen.at[i].set(fighters)

    seen = jnp.zeros((FRAMES, 2, fight.NUM_FIELDS), jnp.int32)
    return jax.lax.fori_loop(0, frames, frame, (fighters, seen))[1]


def fresh(a: str = "asano", b: str = "asano") -> np.ndarray:
    """The start of a fight, int32 ``[2, fields]``."""
    return np.array(fight.fresh(np.array([NAMES.index(a), NAMES.index(b)])), np.int32)


class Fight:
    """A fight that was played: ``f.a("health")`` is the first's health, ``[frames + 1]``."""

    def __init__(self, states: np.ndarray) -> None:
        self.states = states

    def a(self, field: str) -> np.ndarray:
        return self.states[:, 0, FIELDS[field]]

    def b(self, field: str) -> np.ndarray:
        return self.states[:, 1, FIELDS[field]]

    def moves(self, seat: int) -> list[Kind]:
        """The moves of a seat, one after another, without repetition."""
        moves = self.states[:, seat, FIELDS["move"]]
        kept = [0, *(np.flatnonzero(np.diff(moves)) + 1)]
        return [Kind(m) for m in moves[kept]]


def spread(keys: Any, frames: int = FRAMES) -> np.ndarray:
    """Keys of every frame, from keys or pairs of keys and for how many frames."""
    runs = [entry if isinstance(entry, tuple) else (entry, 1) for entry in keys]
    flat = [key for key, count in runs for _ in range(count)]
    assert len(flat) <= frames
    return np.array(flat + [0] * (frames - len(flat)), np.int32)


def situation(
    a: str = "asano",
    b: str = "asano",
    gap: int | None = None,
    first: Any = None,
    second: Any = None,
) -> np.ndarray:
    """Two fighters so many parts of a unit apart around the middle, with fields set."""
    state = fresh(a, b)
    if gap is not None:
        state[0, FIELDS["x"]], state[1, FIELDS["x"]] = -(gap // 2), gap - gap // 2
    for seat, fields in enumerate((first, second)):
        for name, value in (fields or {}).items():
            state[seat, FIELDS[name]] = value
    return state


def play(
    state: np.ndarray,
    keys_a: Any = (),
    keys_b: Any = (),
    clock: int = 5001,
    frames: int = FRAMES,
) -> Fight:
    """What these keys lead to; the clock's start keeps the stun meter's decay out of the way."""
    keys = np.stack([spread(keys_a), spread(keys_b)], 1)
    states = np.asarray(_record(state, np.int32(clock), keys, np.int32(frames)))[:frames]
    return Fight(np.concatenate([state[None], states]))


TYPED: dict[Motion, tuple[int, ...]] = {  # facing right, by the book: a direction a frame
    Motion.QUARTER_FORWARD: (DOWN, DOWN | RIGHT, RIGHT),
    Motion.QUARTER_BACK: (DOWN, DOWN | LEFT, LEFT),
    Motion.DRAGON: (RIGHT, DOWN, DOWN | RIGHT),
    Motion.CHARGE_BACK: (LEFT,) * 40 + (RIGHT,),
    Motion.CHARGE_DOWN: (DOWN,) * 40 + (UP,),
}


# Long play of all pairs ---------------------------------------------------------------------------

PAIRS = [(i, j) for i in range(len(NAMES)) for j in range(len(NAMES))]
STYLES = ("actions", "mashing")
CHUNK, CHUNKS = 300, 4


@jax.jit
def _battle(carry: Any, keys: Any) -> Any:
    """``CHUNK`` frames of all rows, int32; whose round is over starts again."""

    def one(carry: Any, keys: Any, live: Any) -> Any:
        fighters, clock = carry
        over = (fighters[:, FIELDS["health"]] == 0).any() | (clock == 0)
        again = fight.fresh(fighters[:, FIELDS["character"]]).astype(jnp.int32)
        fighters = jnp.where(over, again, fighters)
        clock = jnp.where(over, fight.ROUND_FRAMES, clock)
        new = tick(fighters, clock, keys, live)
        return (new, clock - 1), new

    def frame(carry: Any, x: Any) -> Any:
        return jax.vmap(one, (0, 0, None))(carry, x[0], x[1] >= 0)

    return jax.lax.scan(frame, carry, (keys, jnp.arange(CHUNK)))


def _numbers(count: int, seed: int) -> np.ndarray:
    """Numbers below 2^16 that no library's next version changes (xorshift of 32 bits)."""
    state = (np.arange(count, dtype=np.uint64) * 2654435761 + seed * 40503 + 1) & 0xFFFFFFFF
    state |= np.uint64(1)
    for _ in range(6):
        for left, by in ((True, 13), (False, 17), (True, 5)):
            state ^= (state << np.uint64(by)) if left else (state >> np.uint64(by))
            state &= np.uint64(0xFFFFFFFF)
    return (state >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)


def _battle_keys() -> np.ndarray:
    """Keys ``[frames, styles * pairs, 2]``: whole actions of 8 frames, or anything at any time."""
    frames, table = CHUNK * CHUNKS, controls.key_table(8)
    drawn = _numbers(frames // 8 * len(PAIRS) * 2, 1).reshape(frames // 8, len(PAIRS), 2)
    # A quarter specials, a quarter attacks, and half directions alone, which walk, jump and block.
    special = controls.FIRST_MACRO + drawn // 128 % 6
    anything = drawn // 8 % controls.NUM_PLAIN
    direction = drawn // 8 % len(controls.DIRECTIONS) * len(controls.ATTACKS)
    action = np.where(drawn % 8 < 2, special, np.where(drawn % 8 < 4, anything, direction))
    whole = table[np.array(PAIRS)[None], action]  # [steps, pairs, 2, 8]
    whole = whole.transpose(0, 3, 1, 2).reshape(frames, len(PAIRS), 2)
    mashed = _numbers(frames * len(PAIRS) * 2, 2).reshape(frames, len(PAIRS), 2)
    mashed = mashed & (mashed >> 3) & 0x3FF | mashed >> 6 & 0xF  # few buttons, any directions
    return np.concatenate([whole, mashed & 0x3FF], 1).astype(np.int32)


@functools.cache
def battles() -> tuple[np.ndarray, np.ndarray]:
    """All pairs at two styles of play, and the same fights mirrored: int32 states.

    Returns:
        states ``[frames, styles * pairs, 2, fields]``, and those of the mirrored fights.
    """
    start = np.array(fight.fresh(np.array([0, 0])), np.int32)
    start = np.tile(start, (len(STYLES) * len(PAIRS), 1, 1))
    start[..., FIELDS["character"]] = PAIRS * len(STYLES)
    start[..., FIELDS["health"]] = TABLES.stats.health[start[..., FIELDS["character"]]]
    start[::2, :, FIELDS["x"]] = -20 * SUB, 20 * SUB
    # Half of the fights start near a knock-out, and some of those near a dizziness.
    start[::2, :, FIELDS["health"]] = 40
    start[::4, :, FIELDS["stun"]] = TABLES.stats.stun_limit[start[::4, :, FIELDS["character"]]] - 3
    keys = _battle_keys()
    keys = np.concatenate([keys, mirrored_keys(keys)[..., ::-1]], 1)
    both = np.concatenate([start, mirrored(start)])
    carry = both, np.full(len(both), fight.ROUND_FRAMES, np.int32)
    parts = []
    for chunk in range(CHUNKS):
        carry, states = _battle(carry, keys[chunk * CHUNK : (chunk + 1) * CHUNK])
        parts.append(np.asarray(states))
    states = np.concatenate(parts)
    return states[:, : len(start)], states[:, len(start) :]

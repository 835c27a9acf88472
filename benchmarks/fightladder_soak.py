"""Random play of FightLadder, long: is every number in its range, and is int16 wide enough?

    python benchmarks/fightladder_soak.py --steps 1000 --num-envs 1024

Fighters of all characters press random actions, specials among them. The fight is run twice side by
side, in numbers of 32 bits and in states of 16 bits, as the environment keeps them between its
steps. After every frame the lowest and highest value of each field is taken, and compared with the
range that follows from the table of characters (:func:`ranges`).
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from arenas.envs.fightladder import controls, fight
from arenas.envs.fightladder.characters import CHARACTERS, TABLES
from arenas.envs.fightladder.fight import STAGE, Fighter
from arenas.envs.fightladder.moves import NUM_MOVES, SUB, Kind

FIELDS = {name: i for i, name in enumerate(Fighter._fields)}
SKIP = 8


def ranges() -> dict[str, tuple[int, int]]:
    """Lowest and highest value of each field, from the characters' numbers."""
    moves = [m for c in CHARACTERS for m in c.moves()]
    sent = [m.projectile for m in moves if m.projectile]
    jump = max(c.jump_speed * (c.jump_speed // c.gravity + 1) // 2 for c in CHARACTERS)
    leap = max(jump, max(m.rise for m in moves) * SUB)
    g, up = fight.FALL_GRAVITY, fight.FALL_SPEED
    top = leap + max(c.jump_speed for c in CHARACTERS) + up * (up // g + 1) // 2
    drop = math.isqrt(up * up + 2 * g * top) + g + 1
    deepest = max(drop, max(c.jump_speed + 2 * c.gravity for c in CHARACTERS))
    push = max(m.push for m in moves) + 48
    fast = max((s.speed for s in sent), default=0)
    edge = STAGE - min(c.half_width for c in CHARACTERS) * SUB
    sideways = max(fight.FALL_TRAVEL, *(c.jump_travel for c in CHARACTERS))
    flags = [int(f) for f in TABLES.frames[:, 3]]
    stuns = max(max(m.hitstun, m.blockstun) for m in moves)
    counts = (fight.DOWN_FRAMES, fight.DIZZY_FRAMES, fight.BREAK_FRAMES, fight.THROWN_FRAMES)
    health = max(c.health for c in CHARACTERS)
    old = (0, fight.FOREVER)
    return {
        "x": (-edge, edge),
        "y": (0, top),
        "vx": (-sideways, sideways),
        "vy": (-deepest, max(up, *(c.jump_speed for c in CHARACTERS))),
        "facing": (-1, 1),
        "health": (0, health),
        "stun": (0, max(c.stun_limit for c in CHARACTERS) - 1 + max(m.stun for m in moves)),
        "frame": (0, max(m.frames for m in moves) - 1),
        "timer": (0, max(stuns, *counts)),
        "freeze": (0, max(m.hitstop for m in moves)),
        "hits": (0, max(m.hits for m in moves)),
        "combo": (0, health),
        "push": (-push, push),
        "safe": (0, fight.SAFE),
        "wins": (0, 2),
        "projectile_x": (-STAGE, STAGE),
        "projectile_y": (0, max((s.height for s in sent), default=0) * SUB),
        "projectile_speed": (-fast, fast),
        "projectile_life": (0, max((s.life for s in sent), default=0)),
        "character": (0, len(CHARACTERS) - 1),
        "move": (0, NUM_MOVES - 1),
        "flags": (min(flags), max(flags)),
        "projectile_move": (0, max(Kind)),
        **dict.fromkeys(("since_1", "since_2", "since_3", "since_4", "since_6"), old),
        **dict.fromkeys(("charge_left", "charge_right", "charge_down"), old),
        "held": (0, 63),
        "want": (0, 15),
        "want_age": old,
    }


def check(lowest: np.ndarray, highest: np.ndarray) -> None:
    """Raise unless every field stayed in its range, and every range in 16 bits."""
    for name, (low, high) in ranges().items():
        i = FIELDS[name]
        if not -(2**15) <= low <= lowest[i] <= highest[i] <= high < 2**15:
            raise ValueError(f"{name} was {lowest[i]} to {highest[i]}; stated is {low} to {high}")


@dataclasses.dataclass
class Soak:
    """What a run saw."""

    frames: int
    rounds: int  # that ended
    lowest: np.ndarray  # int32 [fields]
    highest: np.ndarray
    narrow_equals_wide: bool


def _frames(wide: Any, clock: Any, keys: Any) -> tuple[Any, Any, Any, Any]:
    """One step of ``[2, fields]`` and its lowest and highest values."""
    stats = [fight.stats_of(fight.unpack(wide, seat)) for seat in (0, 1)]

    def frame(i: Any, carry: Any) -> Any:
        wide, clock, low, high = carry
        a, b = fight.unpack(wide, 0), fight.unpack(wide, 1)
        over = (a.health == 0) | (b.health == 0) | (clock == 0)
        a, b = fight.frame(a, b, stats[0], stats[1], clock, keys[0, i], keys[1, i], i >= 0)
        new = jnp.stack([jnp.stack(a), jnp.stack(b)])
        wide = jnp.where(over, wide, new)
        return (
            wide,
            jnp.where(over, clock, clock - 1),
            jnp.minimum(low, wide.min(0)),
            jnp.maximum(high, wide.max(0)),
        )

    return jax.lax.fori_loop(0, SKIP, frame, (wide, clock, wide.min(0), wide.max(0)))


def _row(wide: Any, narrow: Any, clock: Any, bits: Any) -> Any:
    over = (wide[:, FIELDS["health"]] == 0).any() | (clock == 0)
    characters = (bits >> 16 & 0xFF) % len(CHARACTERS)
    again = fight.fresh(characters.astype(jnp.int32))
    wide = jnp.where(over, again.astype(jnp.int32), wide)
    narrow = jnp.where(over, again, narrow)
    clock = jnp.where(over, fight.ROUND_FRAMES, clock)
    low_bits = (bits & 0xFFFF).astype(jnp.int32)
    # A third of the actions are specials.
    action = jnp.where(
        low_bits % 3 == 0,
        controls.FIRST_MACRO + low_bits // 3 % 6,
        low_bits // 3 % controls.NUM_PLAIN,
    )
    table = jnp.asarray(controls.key_table(SKIP))
    keys = table[wide[:, FIELDS["character"]], action].astype(jnp.int32)
    new_narrow = _frames(narrow.astype(jnp.int32), clock, keys)[0].astype(jnp.int16)
    new_wide, new_clock, low, high = _frames(wide, clock, keys)
    same = (new_wide == new_narrow.astype(jnp.int32)).all()
    return new_wide, new_narrow, new_clock, over, low, high, same


def soak(num_envs: int, steps: int, seed: int) -> Soak:
    """Play ``steps`` steps of ``num_envs`` fights, 8 frames each."""

    def step(carry: Any, key: Any) -> Any:
        wide, narrow, clock, low, high = carry
        bits = jax.random.bits(key, (num_envs, 2), jnp.uint32)
        wide, narrow, clock, over, lows, highs, same = jax.vmap(_row)(wide, narrow, clock, bits)
        low, high = jnp.minimum(low, lows.min(0)), jnp.maximum(high, highs.max(0))
        return (wide, narrow, clock, low, high), (over.sum(), same.all())

    start = jnp.zeros((num_envs, 2, fight.NUM_FIELDS), jnp.int32)  # no health: starts afresh
    empty = jnp.full(fight.NUM_FIELDS, 2**30, jnp.int32)
    carry = start, start.astype(jnp.int16), jnp.zeros(num_envs, jnp.int32), empty, -empty
    keys = jax.random.split(jax.random.key(seed), steps)
    carry, (over, same) = jax.jit(lambda c, k: jax.lax.scan(step, c, k))(carry, keys)
    return Soak(
        frames=num_envs * steps * SKIP,
        rounds=int(over.sum()) - num_envs,
        lowest=np.asarray(carry[3]),
        highest=np.asarray(carry[4]),
        narrow_equals_wide=bool(same.all()),
    )


def main(num_envs: int = 1024, steps: int = 1000, seed: int = 0) -> None:
    """Play and report.

    Args:
        num_envs: fights side by side.
        steps: of each, 8 frames long.
        seed: of the play.
    """
    started = time.perf_counter()
    result = soak(num_envs, steps, seed)
    seconds = time.perf_counter() - started
    print(f"{num_envs * steps:,} steps, {result.frames:,} frames, {result.rounds:,} rounds ended")
    print(f"in {seconds:.0f} s, compiling and a second run in int16 included")
    for name, (low, high) in ranges().items():
        i = FIELDS[name]
        print(f"  {name:12} {result.lowest[i]:6} to {result.highest[i]:6}   of {low} to {high}")
    check(result.lowest, result.highest)
    if not result.narrow_equals_wide:
        raise SystemExit("states of 16 bits and of 32 differ")
    print("every number is in its range, and 16 bits give what 32 bits give")


if __name__ == "__main__":
    from timing import command

    command(main)

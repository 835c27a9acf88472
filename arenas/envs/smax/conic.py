"""SMAX's conic observation: the two first units in each of 32 directions, then the observer's own.

Its size does not depend on the number of units. The plane around the observer is cut in 32 sections
of 11.25 degrees, counterclockwise from the direction of −x; each has room for two units, which are
the two that come first in the order of units, allies before enemies, whoever observes.

Differences from JaxMARL 0.2.0, all deliberate. There,

* the first unit of all (``ally_0``) is never seen, since its index marks empty room;
* the dead are seen like the living, and take their room;
* a unit exactly on the border between two sections is in neither, so that nobody sees whoever
  stands exactly to its left or right. Here it is in one of the two.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32, UInt8

from arenas.env import AnyArray
from arenas.envs.smax.battle import by_type
from arenas.envs.smax.observation import OWN_FEATURES, UNIT_FEATURES, own_features, visible
from arenas.envs.smax.scenarios import NUM_MOVES, NUM_TYPES
from arenas.envs.smax.units import COOLDOWN, MAX_HEALTH, SIGHT_RANGE

SECTIONS = 32
ROOM = 2
"""Units that a section shows."""

SIZE = SECTIONS * ROOM * len(UNIT_FEATURES) + len(OWN_FEATURES)

_QUARTER = SECTIONS // 4


def conic(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    cooldown: Float32[AnyArray, " units"],
    last_movement: Float32[AnyArray, "units 2"],
    last_attack: Int32[AnyArray, " units"],
    *,
    num_allies: int,
    observers: int,
    see_enemy_actions: bool,
) -> Float32[Array, "observers features"]:
    """``UNIT_FEATURES`` of the units in sight, by section and room, then ``OWN_FEATURES``.

    Empty room is zeros, and so is all that a dead observer sees.

    Args:
        position: of all units, allies first.
        health: of all units; above 0 in those alive.
        unit_type: of all units.
        cooldown: of all units, in seconds.
        last_movement: of all units.
        last_attack: of all units, the attack action, 0 where there was none.
        num_allies: units of the first team.
        observers: the first so many units are observers.
        see_enemy_actions: whether the last movement and attack of opponents are seen.
    """
    units = len(health)
    position, unit_type = jnp.asarray(position), jnp.asarray(unit_type)
    index = np.arange(units, dtype=np.int32)
    allied = index < num_allies
    x, y = position.T
    seen = visible(position, health, unit_type, observers) & (index[:observers, None] != index)
    section = section_of(x - x[:observers, None], y - y[:observers, None])
    in_section = seen[:, None, :] & (section[:, None, :] == np.arange(SECTIONS)[:, None])
    first = jnp.where(in_section, index, units).min(axis=-1)  # [observers, sections]
    later = in_section & (index > first[..., None])
    second = jnp.where(later, index, units).min(axis=-1)
    shown = jnp.stack([first, second], axis=-1).reshape(observers, SECTIONS * ROOM)

    last_action = np.where(allied, units - num_allies, num_allies) + (NUM_MOVES - 1)
    features = jnp.concatenate(
        [
            (health / by_type(MAX_HEALTH, unit_type))[:, None],
            position,
            last_movement,
            (last_attack / last_action.astype(np.float32))[:, None],
            jnp.clip(cooldown / by_type(COOLDOWN, unit_type), 0.0, 1.0)[:, None],
            (unit_type[:, None] == np.arange(NUM_TYPES)).astype(jnp.float32),
        ],
        axis=1,
    )
    features = jnp.concatenate([features, jnp.zeros_like(features[:1])])  # nobody's
    rows = features[shown]  # [observers, room, features]
    column = np.arange(len(UNIT_FEATURES))
    here = position[:observers, None]
    rows -= jnp.where(column == 1, here[..., :1], 0.0) + jnp.where(column == 2, here[..., 1:], 0.0)
    sight = by_type(SIGHT_RANGE, unit_type[:observers])[:, None, None]
    rows /= jnp.where((column == 1) | (column == 2), sight, 1.0)
    hidden = (shown == units)[..., None]
    if not see_enemy_actions:
        opponent = (shown < num_allies) != allied[:observers, None]
        hidden |= opponent[..., None] & ((column >= 3) & (column <= 5))
    rows = jnp.where(hidden, 0.0, rows).reshape(observers, -1)
    own = own_features(position, health, unit_type, cooldown)[:observers]
    return jnp.concatenate([rows, own], axis=1)


def section_of(
    dx: Float32[AnyArray, "*shape"], dy: Float32[AnyArray, "*shape"]
) -> Int32[Array, "*shape"]:
    """The section that a direction lies in, from 0 to 31.

    Without an arctangent: the borders that a direction has passed within its quarter are counted.
    """
    steep, flat = jnp.abs(dy), jnp.abs(dx)
    passed = jnp.zeros(dx.shape, jnp.int32)
    for border in range(1, _QUARTER):
        angle = 2 * math.pi * border / SECTIONS
        passed += steep * np.float32(math.cos(angle)) >= flat * np.float32(math.sin(angle))
    # Quarters are counted from −x, through −y; the second and fourth from their far side.
    above = jnp.where(dx < 0, SECTIONS - 1 - passed, SECTIONS // 2 + passed)
    below = jnp.where(dx < 0, passed, SECTIONS // 2 - 1 - passed)
    return jnp.where(dy < 0, below, above)

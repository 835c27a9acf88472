"""What the units see: a list of the other units, and the whole battle for a centralised critic."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, UInt8

from arenas.env import AnyArray
from arenas.envs.smax.battle import by_type
from arenas.envs.smax.scenarios import MAP_SIZE, NUM_MOVES, NUM_TYPES
from arenas.envs.smax.units import COOLDOWN, MAX_HEALTH, SIGHT_RANGE

OWN_FEATURES = (
    "health",
    "position_x",
    "position_y",
    "weapon_cooldown",
    *(f"unit_type_bit_{i}" for i in range(NUM_TYPES)),
)
UNIT_FEATURES = (
    "health",
    "position_x",
    "position_y",
    "last_movement_x",
    "last_movement_y",
    "last_targeted",
    "weapon_cooldown",
    *(f"unit_type_bits_{i}" for i in range(NUM_TYPES)),
)
"""Names and order are JaxMARL's."""

WRITTEN_OUT = 20
"""Lists of so many observers or fewer are put together piece by piece, which is up to twice as fast
as :func:`without_diagonal`, and for many takes seconds to compile."""

_X, _Y, _MOVEMENT, _ATTACK = 1, 2, slice(3, 5), 5


def unit_list(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    cooldown: Float32[AnyArray, " units"],
    last_movement: Float32[AnyArray, "units 2"],
    last_attack: AnyArray,
    *,
    num_allies: int,
    observers: int,
    see_enemy_actions: bool,
) -> Float32[Array, "observers features"]:
    """The features of all other units in a list, then the observer's own.

    Its own team comes first: an enemy lists all units backwards, as its attack actions count.

    A unit that is dead or not nearer than the sight range is zeros; a dead observer sees zeros.

    Args:
        position: of all units, allies first.
        health: of all units.
        unit_type: of all units.
        cooldown: of all units.
        last_movement: of all units, direction.
        last_attack: of all units, the attack action, 0 where there was none.
        num_allies: units of the first team.
        observers: the first so many units are observers.
        see_enemy_actions: whether the last movement and attack of opponents are seen.
    """
    units = len(health)
    features = _shared_features(
        health, unit_type, cooldown, last_movement, last_attack, position, num_allies
    )
    seen = visible(position, health, unit_type, observers)
    x, y = jnp.asarray(position)[:observers].T
    column = np.arange(len(UNIT_FEATURES))
    here = jnp.where(column == _X, x[:, None], jnp.where(column == _Y, y[:, None], 0.0))
    sight = by_type(SIGHT_RANGE, jnp.asarray(unit_type)[:observers])
    scale = jnp.where((column == _X) | (column == _Y), 1 / sight[:, None], 1.0)
    shown = seen[..., None]
    if not see_enemy_actions:
        is_ally = np.arange(units) < num_allies
        opponents = is_ally[:observers, None] != is_ally
        is_action = (column == _ATTACK) | ((column >= _MOVEMENT.start) & (column < _MOVEMENT.stop))
        shown &= ~(opponents[..., None] & is_action)
    # First everyone's features as everyone sees them, [observers, units, features], in one loop at
    # the speed of memory; then the lists, which omit the observer itself, as pieces of those. To
    # pick by index or select for each entry takes three times as long.
    table = jnp.where(shown, (features - here[:, None]) * scale[:, None], 0.0)
    own = own_features(position, health, unit_type, cooldown)[:observers]
    if observers > WRITTEN_OUT:
        lists = without_diagonal(table[:num_allies])
        if observers > num_allies:
            enemies = without_diagonal(table[num_allies:][::-1, ::-1])[::-1]
            lists = jnp.concatenate([lists, enemies])
        return jnp.concatenate([lists, own], axis=1)
    size = len(UNIT_FEATURES)
    pieces = []
    for i in range(observers):
        row = (table[i] if i < num_allies else table[i, ::-1]).reshape(-1)
        place = i if i < num_allies else units - 1 - i
        pieces += [row[: size * place], row[size * (place + 1) :], own[i]]
    return jnp.concatenate(pieces).reshape(observers, -1)


def without_diagonal(table: Float32[Array, "rows units features"]) -> Float32[Array, "rows rest"]:
    """Each row without its entry of the row's own number.

    Seen as one list, the entries left out are ``units + 1`` apart: rows of that length have them in
    their last place, where a slice leaves them out.
    """
    rows, units, size = table.shape
    flat = table.reshape(-1)
    whole = (rows - 1) * (units + 1)
    head = flat[size : size * (1 + whole)].reshape(rows - 1, (units + 1) * size)
    parts = [head[:, : units * size].reshape(-1), flat[size * (1 + whole) :]]
    return jnp.concatenate(parts).reshape(rows, (units - 1) * size)


def visible(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    observers: int,
) -> Bool[Array, "observers units"]:
    """Whom each of the first ``observers`` units sees: the living nearer than its sight range."""
    x, y = jnp.asarray(position).T
    dx, dy = x - x[:observers, None], y - y[:observers, None]
    alive = jnp.asarray(health) > 0
    squared = jnp.where(alive & alive[:observers, None], dx * dx + dy * dy, jnp.inf)
    # A division, so that XLA computes it once for a pair, not once for each feature of a pair.
    return squared / by_type(SIGHT_RANGE**2, jnp.asarray(unit_type)[:observers, None]) < 1


def _shared_features(
    health: AnyArray,
    unit_type: AnyArray,
    cooldown: AnyArray,
    last_movement: AnyArray,
    last_attack: AnyArray,
    position: AnyArray,
    num_allies: int,
) -> Float32[Array, "units features"]:
    """Each unit's features, with its position on the map where a list has the relative one."""
    units = len(health)
    last_action = np.where(np.arange(units) < num_allies, units - num_allies, num_allies) + (
        NUM_MOVES - 1
    )
    return jnp.concatenate(
        [
            (health / by_type(MAX_HEALTH, unit_type))[:, None],
            position,
            last_movement,
            (last_attack / last_action.astype(np.float32))[:, None],
            jnp.clip(cooldown / by_type(COOLDOWN, unit_type), 0.0, 1.0)[:, None],
            _type_bits(unit_type),
        ],
        axis=1,
    )


def own_features(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    cooldown: Float32[AnyArray, " units"],
) -> Float32[Array, "units features"]:
    """What each unit knows of itself; zeros if it is dead."""
    features = jnp.concatenate(
        [
            (health / by_type(MAX_HEALTH, unit_type))[:, None],
            position / np.float32(MAP_SIZE),
            jnp.clip(cooldown / by_type(COOLDOWN, unit_type), 0.0, 1.0)[:, None],
            _type_bits(unit_type),
        ],
        axis=1,
    )
    return jnp.where(jnp.asarray(health)[:, None] > 0, features, 0.0)


def whole_battle(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    cooldown: Float32[AnyArray, " units"],
    *,
    num_allies: int,
) -> Float32[Array, " size"]:
    """JaxMARL's ``world_state``: features of every unit, zeros of the dead; teams; types.

    Positions are in map units and cooldowns in seconds.
    """
    features = jnp.concatenate(
        [
            (health / by_type(MAX_HEALTH, unit_type))[:, None],
            position,
            jnp.asarray(cooldown)[:, None],
            _type_bits(unit_type),
        ],
        axis=1,
    )
    features = jnp.where(jnp.asarray(health)[:, None] > 0, features, 0.0)
    teams = (np.arange(len(health)) >= num_allies).astype(np.float32)
    return jnp.concatenate([features.reshape(-1), teams, jnp.asarray(unit_type, jnp.float32)])


def _type_bits(unit_type: AnyArray) -> Float32[Array, "units types"]:
    return (jnp.asarray(unit_type)[:, None] == np.arange(NUM_TYPES)).astype(jnp.float32)

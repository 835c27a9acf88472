"""What the units see: a list of the other units, and the whole battle for a centralised critic."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, UInt8

from arenas.env import AnyArray
from arenas.envs.smax.battle import by_type
from arenas.envs.smax.scenarios import (
    COOLDOWN,
    MAP_SIZE,
    MAX_HEALTH,
    NUM_MOVES,
    NUM_TYPES,
    SIGHT_RANGE,
)

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

_X, _Y, _MOVEMENT, _ATTACK = 1, 2, slice(3, 5), 5


def others_in_order(num_allies: int, num_units: int) -> np.ndarray:
    """The units that each unit sees in its list, in order; int ``[U, U - 1]``.

    Its own team first: allies count forwards, enemies backwards, as attack actions do.
    """
    units = np.arange(num_units)
    rows = [units if i < num_allies else units[::-1] for i in units]
    return np.stack([row[row != i] for i, row in enumerate(rows)])


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

    def of_team(features: Array, seen: Array, rows: slice, index: np.ndarray) -> Array:
        sight = by_type(SIGHT_RANGE, jnp.asarray(unit_type)[rows])
        column = np.arange(len(UNIT_FEATURES))
        is_position = (column == _X) | (column == _Y)
        scale = jnp.where(is_position, 1 / sight[:, None], 1.0)[:, None]
        here = jnp.asarray(position)[rows]
        offset = jnp.where(column == _X, here[:, :1], 0.0)
        offset = jnp.where(column == _Y, here[:, 1:], offset)[:, None]
        relative = jnp.where(seen[..., None], (features - offset) * scale, 0.0)
        before_self = (np.arange(units - 1) < index[:, None])[..., None]
        return jnp.where(before_self, relative[:, :-1], relative[:, 1:])

    is_action = np.isin(np.arange(len(UNIT_FEATURES)), (3, 4, 5))

    def as_seen_by(team: np.ndarray) -> Array:
        """The features, without the last actions of the other team where they are not seen."""
        opponents = team[:, None] & is_action
        return features if see_enemy_actions else jnp.where(opponents, 0.0, features)

    is_ally = np.arange(units) < num_allies
    lists = [
        of_team(
            as_seen_by(~is_ally)[None],
            seen[:num_allies],
            slice(0, num_allies),
            np.arange(num_allies),
        )
    ]
    if observers > num_allies:
        # Enemies' lists run backwards, where the i-th unit is at place U - 1 - i.
        lists.append(
            of_team(
                as_seen_by(is_ally)[None, ::-1],
                seen[num_allies:, ::-1],
                slice(num_allies, units),
                units - 1 - np.arange(num_allies, units),
            )
        )
    rows = jnp.concatenate(lists).reshape(observers, -1)
    own = own_features(position, health, unit_type, cooldown)[:observers]
    return jnp.concatenate([rows, own], axis=1)


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
    reach = by_type(SIGHT_RANGE**2, jnp.asarray(unit_type)[:observers, None])
    return (dx * dx + dy * dy < reach) & alive & alive[:observers, None]


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

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
"""Lists of so many observers or fewer are put together piece by piece; of more, that takes seconds
to compile, and :func:`_lists` computes each entry where it goes."""

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
    own = own_features(position, health, unit_type, cooldown)[:observers]
    if observers > WRITTEN_OUT:
        ours = _lists(features, shown, here, scale, slice(num_allies), np.arange(num_allies))
        lists = [ours]
        if observers > num_allies:
            backwards = units - 1 - np.arange(num_allies, observers)
            rest = slice(num_allies, observers)
            lists += [_lists(features[::-1], shown[:, ::-1], here, scale, rest, backwards)]
        return jnp.concatenate([jnp.concatenate(lists), own], axis=1)
    # First everyone's features as everyone sees them, [observers, units, features], in one loop at
    # the speed of memory; then the lists, which omit the observer itself, as pieces of those. To
    # pick by index or select for each entry takes three times as long.
    table = jnp.where(shown, (features - here[:, None]) * scale[:, None], 0.0)
    size = len(UNIT_FEATURES)
    pieces = []
    for i in range(observers):
        row = (table[i] if i < num_allies else table[i, ::-1]).reshape(-1)
        place = i if i < num_allies else units - 1 - i
        pieces += [row[: size * place], row[size * (place + 1) :], own[i]]
    return jnp.concatenate(pieces).reshape(observers, -1)


def _lists(
    features: Float32[Array, "units features"],
    shown: Bool[Array, "all units any"],
    here: Float32[Array, "all features"],
    scale: Float32[Array, "all features"],
    observers: slice,
    place: np.ndarray,
) -> Float32[Array, "some rest"]:
    """Lists of some observers, which omit the observer at its ``place``.

    An entry before that place is the unit of the same number, one after it is the next unit: a
    choice between two slices of the same features, one unit apart, with no table of all pairs.
    """
    size = features.shape[1]
    flat = features.reshape(-1)
    others = len(features) - 1
    unit = np.arange(others)
    before = unit < place[:, None]
    entries = np.repeat(before, size, axis=1)
    value = jnp.where(entries, flat[:-size], flat[size:])
    rows = shown[observers]
    seen = jnp.where(before[..., None], rows[:, :-1], rows[:, 1:])
    seen = jnp.broadcast_to(seen, (len(place), others, size)).reshape(len(place), -1)
    own, by = (jnp.tile(x[observers], (1, others)) for x in (here, scale))
    return jnp.where(seen, (value - own) * by, 0.0)


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

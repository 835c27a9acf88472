"""How a battle starts: where the units stand, and of which type they are."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, UInt8

from arenas.envs.smax.scenarios import MAP_SIZE, NUM_TYPES

SPREAD = 2.0
"""Units start at most this far from their team's or group's place, in x and in y."""

MARGIN = 0.1
"""Nobody starts nearer to the edge of the map."""

_MIDDLE = MAP_SIZE / 2
_CORNERS = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32) * MAP_SIZE


def draws_needed(num_allies: int, num_enemies: int, *, random: bool) -> int:
    """How many uniform draws a start takes."""
    units = num_allies + num_enemies
    return 2 * units + (2 * units + units + 6 + units if random else 0)


def face_to_face(draws: Float32[Array, "units 2"], num_allies: int) -> Float32[Array, "units 2"]:
    """Each team in a square around its place, at a quarter and three quarters of the width."""
    is_ally = np.arange(len(draws))[:, None] < num_allies
    place = np.where(is_ally, (MAP_SIZE / 4, _MIDDLE), (3 * MAP_SIZE / 4, _MIDDLE))
    return around(draws) + place.astype(np.float32)


def mirrored(draws: Float32[Array, "units 2"], num_allies: int) -> Float32[Array, "units 2"]:
    """Allies anywhere in the left half, and each enemy opposite to an ally.

    Enemies without an ally to mirror stand anywhere in the right half.
    """
    half = draws * np.array([_MIDDLE, MAP_SIZE], np.float32)
    allies, enemies = half[:num_allies], half[num_allies:]
    opposite = jnp.concatenate([allies, enemies[num_allies:]])[: len(enemies)]
    left = np.array([MAP_SIZE, 0], np.float32)
    return jnp.concatenate([allies, left + opposite * np.array([-1, 1], np.float32)])


def surrounded(
    draws: Float32[Array, "units 2"],
    group_draws: Float32[Array, " units"],
    distance_draws: Float32[Array, " 4"],
    inside: Array,
) -> Float32[Array, "units 2"]:
    """One team around the centre; the other in up to four groups between it and the corners.

    Args:
        draws: place within the group.
        group_draws: which group each unit outside is in.
        distance_draws: where each group is, from 0 in the corner to 1 in the centre.
        inside: bool ``[U]``, who is in the centre.
    """
    share = distance_draws[:, None]
    places = share * _MIDDLE + (1 - share) * _CORNERS
    group = jnp.floor(group_draws * len(_CORNERS))
    place = jnp.full_like(draws, _MIDDLE)
    for g in range(len(_CORNERS)):
        place = jnp.where((~inside & (group == g))[:, None], places[g], place)
    return kept_inside(place + around(draws))


def around(draws: Float32[Array, "units 2"]) -> Float32[Array, "units 2"]:
    """Uniform from ``-SPREAD`` to ``SPREAD``."""
    return draws * np.float32(2 * SPREAD) - np.float32(SPREAD)


def kept_inside(position: Float32[Array, "units 2"]) -> Float32[Array, "units 2"]:
    """Units nearer than 1 to the edge, or beyond it, mirrored at that line into the map.

    A group in the corner of the map would stand on the wall, which kills, or outside.
    """
    position = 1 + jnp.abs(position - 1)
    return MAP_SIZE - 1 - jnp.abs(MAP_SIZE - 1 - position)


def random_types(draws: Float32[Array, " units"], num_allies: int) -> UInt8[Array, " units"]:
    """Uniform types; enemies have those of the allies, in order, and drawn ones beyond."""
    types = jnp.floor(draws * NUM_TYPES).astype(jnp.uint8)
    num_enemies = len(draws) - num_allies
    enemies = jnp.concatenate([types[:num_allies], types[2 * num_allies :]])[:num_enemies]
    return jnp.concatenate([types[:num_allies], enemies])

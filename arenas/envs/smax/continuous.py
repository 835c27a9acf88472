"""SMAX's continuous actions: four numbers from 0 to 1 for each unit.

========  ====================  ==================================================================
Number    Name                  Meaning
========  ====================  ==================================================================
0         ``shoot_last_enemy``  probability of shooting, if at all, at whom it shot last
1         ``do_shoot``          probability of shooting; else the unit moves
2         ``coordinate_1``      length r of a vector, in map units
3         ``coordinate_2``      angle of the vector, in turns from the x-axis, counterclockwise
========  ====================  ==================================================================

A unit that moves does so along the vector, at r of its speed. One that shoots does so at the
opponent nearest to the vector's end; or, with the probability above, it repeats its last step's
attack, and where that was no attack, does nothing.

Differences from JaxMARL 0.2.0, all deliberate:

* There, ``do_shoot`` is the probability of moving, and ``shoot_last_enemy`` that of choosing anew.
  Here they are what their names say: at 1 always, at 0 never.
* There, the dead are aimed at like the living, so that units fire at whoever fell beside them.
  Here nobody dead is, and with no opponent left nobody shoots.

The angle of the movement's y-component, which JaxMARL reads beyond the end of an array, is clamped
there to the same angle as the x-component's; so both agree.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32

from arenas.env import AnyArray
from arenas.envs.smax.scenarios import NUM_MOVES

ACTION_DIMS = ("shoot_last_enemy", "do_shoot", "coordinate_1", "coordinate_2")

NO_ATTACK = 0
"""The attack of a unit that attacks nobody."""


def decode(
    action: Float32[AnyArray, "members 4"],
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    last_attack: Int32[AnyArray, " units"],
    draws: Float32[AnyArray, "members 2"],
    *,
    num_allies: int,
) -> tuple[Float32[Array, "members 2"], Int32[Array, " members"]]:
    """Directions of movement, in parts of the unit's speed, and attacks.

    Attacks are numbered as discrete actions are; ``NO_ATTACK`` is none.

    Args:
        action: of the first units, from 0 to 1; of the allies, or of all units.
        position: of all units, allies first.
        health: of all units; above 0 in those alive.
        last_attack: the attack of each unit in the last step.
        draws: uniform in [0, 1): whether to shoot (below ``do_shoot``), and whether at the last
            enemy (below ``shoot_last_enemy``).
        num_allies: units of the first team.
    """
    members, units = len(action), len(position)
    index = np.arange(units, dtype=np.int32)
    allied = index < num_allies
    opposed = allied[:members, None] != allied[None, :]  # [members, units]
    number = np.where(allied, num_allies - 1 - index, index - num_allies) + NUM_MOVES

    last_enemy, do_shoot, length, turns = (action[:, i] for i in range(4))
    x, y = length * jnp.cos(2 * math.pi * turns), length * jnp.sin(2 * math.pi * turns)
    dx = position[None, :, 0] - (position[:members, 0] + x)[:, None]
    dy = position[None, :, 1] - (position[:members, 1] + y)[:, None]
    target = opposed & (health > 0)[None, :]
    squared = jnp.where(target, dx * dx + dy * dy, jnp.inf)
    # argmin as two reductions, which vectorise; of equally near ones the first unit
    nearest = squared.min(axis=1, keepdims=True)
    first = jnp.where(squared == nearest, index, units).min(axis=1, keepdims=True)
    attack = jnp.where(index == first, number, 0).sum(axis=1)
    attack = jnp.where(target.any(axis=1), attack, NO_ATTACK)
    attack = jnp.where(draws[:, 1] < last_enemy, last_attack[:members], attack)
    shoots = draws[:, 0] < do_shoot
    movement = jnp.where(shoots[:, None], 0.0, jnp.stack([x, y], axis=-1))
    return movement, jnp.where(shoots, attack, NO_ATTACK).astype(jnp.int32)

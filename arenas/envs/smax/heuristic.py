"""SMAX's scripted team: a pure function from a battle, a memory and random draws to actions.

The policy is that of JaxMARL 0.2.0 (``create_heuristic_policy``): a unit attacks an opponent in
range, and keeps to it while it stays in range; with none in range it walks towards a random
opponent that it sees; and with none in sight to where it would have started, had it been in the
other team: its first position turned by 180 degrees about the centre of the map. Three things in
which it is odd are kept, since results in the literature hang on them:

* The walk of a unit that sees opponents is drawn anew in every step, so it wavers between them.
* A unit remembers whom it attacks from the step in which it could attack, whether it may shoot
  (``shoots``) or not; it forgets an opponent that leaves its range.
* Walking takes the one of four directions nearest to the target's, first of up, right, down and
  left, and never stops: at its target a unit walks on and turns around.

JaxMARL's policy reads the observation, in which positions are divided by the sight range in float32
and multiplied by it again. This one reads positions. A relative position so differs by one rounding
(a relative error of 2⁻²³, at most 10⁻⁶ map units), and a choice differs only where a distance is
that near to a range or to another distance, or a direction that near to a diagonal. Reading
positions agrees with the game's own test of who is in range.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int8, Int32, UInt8

from arenas.env import AnyArray
from arenas.envs.smax.battle import by_type
from arenas.envs.smax.scenarios import DOWN, LEFT, MAP_SIZE, NUM_MOVES, RIGHT, UP
from arenas.envs.smax.units import ATTACK_RANGE, SIGHT_RANGE

Mode = Literal["closest", "random"]
"""Whom a unit attacks that attacks nobody yet: the closest in range, or a random one in range."""

NOBODY = -1


class Memory(NamedTuple):
    """What the units of a team remember; of all units, or of one."""

    target: Float32[AnyArray, "*units 2"]  # where to walk with nobody in sight
    attacked: Int8[AnyArray, "*units"]  # the opponent attacked last, or NOBODY


def initial_memory(position: Float32[AnyArray, "*units 2"]) -> Memory:
    """The memory of units that start at these positions.

    JaxMARL makes it at the first action instead, from the same positions.
    """
    centre = MAP_SIZE / 2
    return Memory(
        target=centre - (position - centre),
        attacked=jnp.full(position.shape[:-1], NOBODY, jnp.int8),
    )


def team_actions(
    position: Float32[AnyArray, "units 2"],
    health: Float32[AnyArray, " units"],
    unit_type: UInt8[AnyArray, " units"],
    memory: Memory,
    draws: Float32[AnyArray, "members 2"],
    *,
    num_allies: int,
    team: int,
    mode: Mode = "closest",
    shoots: bool = True,
) -> tuple[Int32[Array, " members"], Memory]:
    """The actions of one team's units, and what they remember now.

    A dead unit walks as if it stood at (0, 0), as in JaxMARL; the game lets nobody dead move.

    Args:
        position: of all units, allies first.
        health: of all units; above 0 in those alive.
        unit_type: of all units.
        memory: of the team's units.
        draws: see :func:`choose`, for each unit of the team.
        num_allies: units of team 0.
        team: 0 for the allies, 1 for the enemies. Opponents of an enemy are numbered backwards: its
            ``j``-th is ally ``num_allies - 1 - j``.
        mode: whom to attack.
        shoots: with False, units only walk.
    """
    allies, enemies = slice(num_allies), slice(num_allies, None)
    own, others = (allies, enemies) if team == 0 else (enemies, allies)
    kind = jnp.asarray(unit_type)[own]
    order = slice(None) if team == 0 else slice(None, None, -1)
    here, there = position[own], position[others][order]
    dx = there[None, :, 0] - here[:, None, 0]
    dy = there[None, :, 1] - here[:, None, 1]
    squared = dx * dx + dy * dy
    alive = (health > 0)[own]
    alive_both = alive[:, None] & (health > 0)[others][order][None, :]
    return choose(
        jnp.where(alive[:, None], here, 0.0),
        dx,
        dy,
        alive_both & (squared < by_type(SIGHT_RANGE**2, kind)[:, None]),
        alive_both & (squared < by_type(ATTACK_RANGE**2, kind)[:, None]),
        memory,
        draws,
        mode=mode,
        shoots=shoots,
    )


def choose(
    position: Float32[AnyArray, "*units 2"],
    dx: Float32[AnyArray, "*units opponents"],
    dy: Float32[AnyArray, "*units opponents"],
    visible: Bool[AnyArray, "*units opponents"],
    in_range: Bool[AnyArray, "*units opponents"],
    memory: Memory,
    draws: Float32[AnyArray, "*units 2"],
    *,
    mode: Mode,
    shoots: bool,
) -> tuple[Int32[Array, "*units"], Memory]:
    """What units do about the opponents that they see, in the order of attack actions.

    Args:
        position: of each unit.
        dx: from the unit to each opponent, rightwards. Read where the opponent is visible.
        dy: upwards.
        visible: whom the unit sees.
        in_range: whom it can attack; a subset.
        memory: of each unit.
        draws: uniform in [0, 1): whom to attack (read with ``mode="random"`` only), and whom to
            walk to. The choice is the ``ceil((1 - draw) * n)``-th of ``n``, as JAX's ``choice``
            makes of the same draw.
        mode: whom to attack.
        shoots: with False, units only walk.
    """
    opponent = np.arange(dx.shape[-1], dtype=np.int32)
    if mode == "closest":
        cost = dx * dx + dy * dy
    else:
        rank, wanted = _ranks(in_range, draws[..., 0])
        cost = jnp.where(rank >= wanted, rank, jnp.inf)
    faithful = opponent.astype(np.int8) == memory.attacked[..., None]
    cost = jnp.where(in_range, jnp.where(faithful, -1.0, cost), jnp.inf)
    # argmin, which XLA's CPU backend does not vectorise, as two reductions that it does
    least = cost.min(axis=-1, keepdims=True)
    attacked = jnp.where(cost == least, opponent, len(opponent)).min(axis=-1)
    can_attack = least[..., 0] < jnp.inf

    rank, wanted = _ranks(visible, draws[..., 1])
    followed = visible & (rank >= wanted) & (rank < wanted + 1)
    sees = visible.any(axis=-1)
    home = memory.target - position
    x = jnp.where(sees, jnp.where(followed, dx, 0.0).sum(axis=-1), home[..., 0])
    y = jnp.where(sees, jnp.where(followed, dy, 0.0).sum(axis=-1), home[..., 1])
    most = jnp.maximum(jnp.abs(x), jnp.abs(y))
    walk = jnp.where(-y == most, DOWN, LEFT)
    walk = jnp.where(x == most, RIGHT, walk)
    walk = jnp.where(y == most, UP, walk)

    action = jnp.where(can_attack, NUM_MOVES + attacked, walk) if shoots else walk
    remembered = jnp.where(can_attack, attacked, NOBODY).astype(jnp.int8)
    return action.astype(jnp.int32), Memory(memory.target, remembered)


def _ranks(
    candidates: Bool[AnyArray, "*units opponents"], draw: Float32[AnyArray, "*units"]
) -> tuple[Array, Array]:
    """The number of each candidate, counted from 1, and a number that the chosen one reaches first.

    Ranks are float32; of those that are no candidates, the rank of the candidate before.
    """
    before = np.triu(np.ones((candidates.shape[-1],) * 2, np.float32))
    rank = jnp.dot(candidates.astype(jnp.float32), before)
    return rank, (rank[..., -1] * (1 - draw))[..., None]

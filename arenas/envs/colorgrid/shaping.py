"""Reward shaping of ColorGrid's published ablations: what an agent earns for where it stands."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int8, Int16, Int32, UInt8

from arenas.env import AnyArray

NUM_COLORS = 3


def manhattan(a: Int16[AnyArray, " 2"], b: Int16[AnyArray, " 2"]) -> Int32[Array, ""]:
    """Manhattan distance between two cells."""
    return jnp.abs(jnp.asarray(a, jnp.int32) - b).sum()


def potential_field(
    cells: UInt8[AnyArray, "height width"],
    position: Int16[AnyArray, "agents 2"],
    goal: Int8[AnyArray, ""],
    weight: float,
    block_penalty_coef: Float32[AnyArray, ""],
) -> Float32[Array, " agents"]:
    """What each agent earns for the blocks around it.

    ``weight`` × (the sum of ``1 / (1 + Manhattan distance)`` over the goal blocks, less
    ``block_penalty_coef`` × that over the others).

    Computed in fixed point: the order of a sum and the fusing of a product with an addition, which
    the compiler chooses by the size of the batch, would change the last bits of floats.

    Returns:
        Multiples of 2⁻²⁰, right to about 1e-6.
    """
    height, width = cells.shape
    # A ring at distance d has at most 4 d cells of 1 / (1 + d): under 4 for each distance.
    unit = 2 ** math.floor(math.log2((2**31 - 1) / (4 * (height + width))))
    row, column = np.divmod(np.arange(height * width), width)
    x, y = jnp.asarray(position, jnp.int32).T[:, :, None]
    distance = jnp.abs(row - y) + jnp.abs(column - x)  # [A, H · W]
    term = jnp.round(unit / (1 + distance).astype(jnp.float32)).astype(jnp.int32)

    flat = cells.reshape(-1)
    is_goal = flat == goal.astype(jnp.uint8) + 1
    is_other = (flat > 0) & (flat <= NUM_COLORS) & ~is_goal
    attracts = jnp.where(is_goal, term, 0).sum(axis=1)
    repels = jnp.where(is_other, term, 0).sum(axis=1).astype(jnp.float32)
    field = attracts - jnp.round(block_penalty_coef * repels).astype(jnp.int32)
    return jnp.round(field.astype(jnp.float32) * (weight * 2**20 / unit)) * jnp.float32(2**-20)

"""Exactly uniform random cells, found by rejection: no sort, no sum over the grid.

A candidate is the top bits of a random word, so every number below the next power of two is
equally likely; one that names no cell, or a cell that is taken, is thrown away. What remains is
uniform over the free cells, without the small bias of a remainder.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, PRNGKeyArray, UInt8, UInt32

EMPTY = 0

CANDIDATES = 4
"""Candidates for one block in one draw; at a density of 0.10, 1 in 10,000 needs another draw."""

_REDRAW = 0x80000000
"""Where the indices of further draws start, away from the counters of the step's own draw."""


class Region(NamedTuple):
    """Columns ``[left, right)`` of the grid, over all rows."""

    left: int
    right: int


def candidate_cells(words: UInt32[Array, "*batch"], num_cells: int) -> Int32[Array, "*batch"]:
    """Uniform numbers from 0 to the next power of two of ``num_cells``; some name no cell."""
    bits = max(1, (num_cells - 1).bit_length())
    return (words >> (32 - bits)).astype(jnp.int32)


def random_free_cells(
    key: PRNGKeyArray,
    words: UInt32[Array, "agents candidates"],
    cells: UInt8[Array, "height width"],
    wanted: Bool[Array, " agents"],
    regions: tuple[Region, ...],
) -> Int32[Array, " agents"]:
    """A free cell for each agent who wants one, one after the other, all distinct.

    Each is uniform over the empty cells of the agent's region that were not given to an agent
    before it. The expected number of draws is at most ``2 · cells / free cells / CANDIDATES``,
    and one draw is nearly always enough.

    Args:
        key: randomness of further draws, where the first finds nothing.
        words: randomness of the first draw.
        cells: the grid; 0 is empty. Every region of an agent who wants a cell must have one.
        wanted: who wants a cell.
        regions: where each agent's cell must lie.

    Returns:
        Indices ``y · width + x``; ``height · width``, which is no cell, for those who want none.
    """
    height, width = cells.shape
    num_cells, flat = height * width, cells.reshape(-1)

    def look(words: Array, found: tuple[Array, ...]) -> tuple[Array, ...]:
        found_now = list(found)
        for agent, region in enumerate(regions):
            columns = region.right - region.left
            drawn = candidate_cells(words[agent], height * columns)
            candidate = drawn // columns * width + region.left + drawn % columns
            accepted = drawn < height * columns
            accepted &= flat[jnp.minimum(candidate, num_cells - 1)] == EMPTY
            for other in range(len(regions)):
                if other != agent:
                    accepted &= candidate != found_now[other]
            first = jnp.int32(num_cells)
            for i in reversed(range(words.shape[1])):
                first = jnp.where(accepted[i], candidate[i], first)
            looking = wanted[agent] & (found_now[agent] == num_cells)
            found_now[agent] = jnp.where(looking, first, found_now[agent])
        return tuple(found_now)

    def unfound(carry: tuple[Array, tuple[Array, ...]]) -> Array:
        return (wanted & (jnp.stack(carry[1]) == num_cells)).any()

    def draw_again(carry: tuple[Array, tuple[Array, ...]]) -> tuple[Array, tuple[Array, ...]]:
        draw, found = carry
        again = jax.random.bits(jax.random.fold_in(key, draw), words.shape)
        return draw + 1, look(again, found)

    nothing = (jnp.int32(num_cells),) * len(regions)
    _, found = jax.lax.while_loop(unfound, draw_again, (jnp.uint32(_REDRAW), look(words, nothing)))
    return jnp.stack(found)


def scatter_blocks(
    key: PRNGKeyArray, cells: UInt8[Array, "height width"], blocks_per_color: int, num_colors: int
) -> UInt8[Array, "height width"]:
    """Put blocks of colours 1 to ``num_colors`` on distinct empty cells, all ways equally likely.

    Independent uniform cells are drawn in bulk. Of those, the empty ones, each at its first
    occurrence, are in order a uniform sample without replacement.
    """
    height, width = cells.shape
    num_cells, num_blocks = height * width, blocks_per_color * num_colors
    draws = num_blocks + num_blocks // 2 + 8
    order = jnp.arange(draws)

    def draw(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        index, flat, placed = carry
        candidate = candidate_cells(
            jax.random.bits(jax.random.fold_in(key, index), (draws,)), num_cells
        )
        empty = flat.at[candidate].get(mode="fill", fill_value=255) == EMPTY
        first_draw = jnp.full(num_cells, draws).at[candidate].min(order, mode="drop")
        fresh = empty & (first_draw.at[candidate].get(mode="fill", fill_value=-1) == order)
        number = placed + jnp.cumsum(fresh) - 1  # in the order of placement
        used = fresh & (number < num_blocks)
        color = (number // blocks_per_color + 1).astype(jnp.uint8)
        flat = flat.at[jnp.where(used, candidate, num_cells)].set(color, mode="drop")
        return index + 1, flat, jnp.minimum(placed + fresh.sum(), num_blocks)

    start = (jnp.uint32(0), cells.reshape(-1), jnp.int32(0))
    _, flat, _ = jax.lax.while_loop(lambda carry: carry[2] < num_blocks, draw, start)
    return flat.reshape(height, width)

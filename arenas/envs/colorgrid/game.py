"""ColorGrid: a leader, who knows which colour scores, and a follower, who may not, take blocks.

Source: Risukhin et al. 2025, "ColorGrid: A Multi-Agent Non-Stationary Environment for Goal
Inference and Assistance" (arXiv 2501.10593). The rules, as pure functions; then the environment.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int, Int8, Int16, Int32, PRNGKeyArray, UInt8, UInt32

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, require, struct
from arenas.envs import _checks
from arenas.envs._checks import Choice, Flag, Number, Whole
from arenas.envs.colorgrid import shaping
from arenas.envs.colorgrid.placement import (
    CANDIDATES,
    EMPTY,
    Region,
    random_free_cells,
    scatter_blocks,
)

COLORS = ("red", "blue", "green")
PLANES = (*COLORS, "leader", "follower")
"""What a cell may hold; ``state.cells`` has the plane's index + 1, and 0 where it is empty."""
LEADER, FOLLOWER = 0, 1  # seats
MOVES = ("up", "down", "left", "right")
STEP_OF_MOVE = ((0, 1), (0, -1), (-1, 0), (1, 0))  # (x, y): up is y + 1
GOAL_SWITCH_PROB = 2 / 3 * 1 / 32
MAX_SIDE = 1024

Size = int | tuple[int, int] | Any


@struct
class ColorGridState(State):
    """One cell holds at most one thing: a block or an agent."""

    cells: UInt8[AnyArray, "*batch height width"]  # 0 empty, 1 + index in PLANES; row = y
    position: Int16[AnyArray, "*batch agents 2"]  # (x, y), the agents' cells
    goal: Int8[AnyArray, "*batch"]  # the colour that scores, index in COLORS
    block_penalty_coef: Float32[AnyArray, "*batch"]  # share of the penalty; see set_block_penalty


class Taken(NamedTuple):
    """Which blocks the agents took in a step."""

    color: Array  # uint8 [A], cell code of the block taken, 0 for none
    goal: Array  # bool [A], took a block of the goal colour
    incorrect: Array  # bool [A], took another


# The rules ---------------------------------------------------------------------------------------


def move(
    position: Int16[AnyArray, "agents 2"],
    action: Int32[Array, " agents"],
    regions: tuple[Region, ...],
    height: int,
) -> Int16[Array, "agents 2"]:
    """Where the agents stand after both moved; the leader moves first.

    A move over the edge stays. A follower who would enter the leader's cell stays. The leader may
    enter the follower's cell if the follower leaves it in the same step, so the two may swap; if
    the follower cannot leave, because its own move is over the edge, the leader stays.
    """
    step = jnp.array(STEP_OF_MOVE, jnp.int16)[action]
    low = jnp.array([(r.left, 0) for r in regions], jnp.int16)
    high = jnp.array([(r.right - 1, height - 1) for r in regions], jnp.int16)
    target = jnp.clip(position + step, low, high)
    if len(regions) == 1:
        return target
    stuck = (target[FOLLOWER] == position[FOLLOWER]).all()
    blocked = stuck & (target[LEADER] == position[FOLLOWER]).all()
    leader = jnp.where(blocked, position[LEADER], target[LEADER])
    stays = (target[FOLLOWER] == leader).all()
    follower = jnp.where(stays, position[FOLLOWER], target[FOLLOWER])
    return jnp.stack([leader, follower])


def take(
    cells: UInt8[AnyArray, "height width"],
    position: Int16[AnyArray, "agents 2"],
    goal: Int8[AnyArray, ""],
) -> Taken:
    """The blocks in the cells that the agents moved to."""
    code = jnp.asarray(cells)[position[:, 1], position[:, 0]]
    color = jnp.where(code <= len(COLORS), code, EMPTY)
    is_goal = color == goal.astype(jnp.uint8) + 1
    return Taken(color, is_goal, (color != EMPTY) & ~is_goal)


def place_agents(
    cells: UInt8[AnyArray, "height width"],
    old: Int16[AnyArray, "agents 2"],
    new: Int16[AnyArray, "agents 2"],
) -> UInt8[Array, "height width"]:
    """The grid after the agents went from their old cells to the new; what was there is gone."""
    codes = jnp.arange(len(old), dtype=jnp.uint8) + (len(COLORS) + 1)
    left = jnp.asarray(cells).at[old[:, 1], old[:, 0]].set(EMPTY)
    return left.at[new[:, 1], new[:, 0]].set(codes)


def reappear(
    key: PRNGKeyArray,
    words: UInt32[Array, "agents candidates"],
    cells: UInt8[Array, "height width"],
    color: UInt8[Array, " agents"],
    regions: tuple[Region, ...],
) -> UInt8[Array, "height width"]:
    """Put a block of each taken colour on a uniform cell that is free of blocks and agents."""
    found = random_free_cells(key, words, cells, color != EMPTY, regions)
    return cells.reshape(-1).at[found].set(color, mode="drop").reshape(cells.shape)


def switch_goal(
    word: UInt32[Array, ""], goal: Int8[AnyArray, ""], probability: float
) -> tuple[Int8[Array, ""], Bool[Array, ""]]:
    """With this probability (to 2⁻²⁴) the goal becomes one of the other two colours, uniformly.

    The word's upper 24 bits decide whether, its lowest bit to which.
    """
    switched = (word >> 8) < jnp.uint32(round(probability * 2**24))
    other = (goal + 1 + (word & 1).astype(jnp.int8)) % len(COLORS)
    return jnp.where(switched, other, goal).astype(jnp.int8), switched


def annealed_block_penalty(
    step: int | Int[AnyArray, ""], start: int, end: int
) -> Float32[Array, ""]:
    """Share of the penalty at a training step: 0 until ``start``, then linearly to 1 at ``end``.

    Pure, so a training loop under jit computes it from its own step counter without compiling
    again; hand the result to :func:`set_block_penalty`.

    Args:
        step: the training step, an integer or an array.
        start: training step at which the penalty begins.
        end: training step from which on it is whole; after ``start``.

    Raises:
        BadArgument: ``end`` is not after ``start``.
    """
    require(
        end > start, f"annealing ends at step {end}; accepted are steps after its start, {start}"
    )
    return jnp.clip((jnp.asarray(step, jnp.float32) - start) / (end - start), 0.0, 1.0)


def set_block_penalty(state: Any, coef: float | AnyArray) -> Any:
    """The state with another ``block_penalty_coef``, until its episode ends.

    Args:
        state: a :class:`ColorGridState`, one or a batch, or a :class:`arenas.rollout.VectorState`
            of such. An automatic reset starts with the constructor's coefficient, so set it before
            each step, or at least before each rollout.
        coef: from 0 to 1.
    """
    if isinstance(state, ColorGridState):
        old = state.block_penalty_coef
        return state.replace(
            block_penalty_coef=jnp.broadcast_to(jnp.asarray(coef, jnp.float32), jnp.shape(old))
        )
    return dataclasses.replace(state, env=set_block_penalty(state.env, coef))


# The environment ---------------------------------------------------------------------------------


class ColorGrid(Env[ColorGridState]):
    """ColorGrid, for a leader and a follower (or a leader alone), moving at the same time.

    **Observation**, ``A`` agents: ``{"grid": uint8 [A, 5, height, width], "goal": uint8 [A, 3]}``.
    The planes are red, blue, green, leader, follower; row = y, column = x. ``goal`` is the one-hot
    of the colour that scores, in the order red, blue, green; with ``asymmetric``, the follower's
    is zeros. All moves are always legal.

    **Action**: 0 up (y + 1), 1 down (y − 1), 2 left (x − 1), 3 right (x + 1).

    **Reward**: ``positive_reward`` for a block of the goal colour, ``negative_reward`` ×
    ``block_penalty_coef`` for another; each agent its own or the sum of all, plus shaping.

    **End**: never by the rules; truncated at ``max_steps``.

    **Info**: ``individual_reward``, ``shared_reward`` (both before shaping) and ``shaping_reward``,
    float32 ``[A]``; ``goal_blocks`` and ``incorrect_blocks`` taken in this step, int32 ``[A]``;
    ``goal``, the colour that scored in this step, int32; ``goal_switched``, whether it is another
    from the next step on, bool.

    Args:
        size: side of the grid, or ``(width, height)``.
        block_density: share of the cells that hold a block; ``floor(width × height ×
            block_density / 3)`` blocks of each colour.
        stationary: the goal colour is red, always.
        goal_switch_prob: chance per step that the goal colour changes; not read if stationary.
        asymmetric: the follower does not see the goal colour.
        leader_only: one agent; the follower's plane stays zero.
        hemispheres: the leader keeps to the left half of the columns (``x < width // 2``), the
            follower to the right, and a block reappears in the half where it was taken.
        rewards: ``"individual"``, each agent its own, or ``"shared"``, each the sum.
        positive_reward: for a block of the goal colour.
        negative_reward: for another, at most 0.
        block_penalty_coef: share of ``negative_reward`` that an episode starts with, 0 to 1. To
            anneal it in training, see :func:`set_block_penalty`.
        proximity_penalty_for: who pays ``proximity_penalty`` while the Manhattan distance of the
            two is under ``proximity_threshold``: ``"none"``, ``"leader"`` or ``"follower"``.
        proximity_penalty: how much, per step.
        proximity_threshold: the distance from which on nothing is paid.
        potential_field: weight of the sum of ``1 / (1 + Manhattan distance)`` over the goal blocks
            less ``block_penalty_coef`` times that over the others, for each agent; 0 is off, 0.2
            published.
        max_steps: the episode is truncated after so many steps.

    Raises:
        BadArgument: a value that is not accepted; says which are.

    Example:
        >>> import arenas, jax, jax.numpy as jnp
        >>> env = arenas.make("colorgrid-v0", size=8)
        >>> state, timestep = jax.jit(env.reset)(jax.random.key(0))
        >>> timestep.observation["grid"].shape
        (2, 5, 8, 8)
        >>> state, timestep = jax.jit(env.step)(jax.random.key(1), state, jnp.array([0, 3]))
        >>> timestep.info["shared_reward"].shape
        (2,)
    """

    action_labels = MOVES
    hidden = {"goal": len(COLORS)}  # noqa: RUF012  (read only)

    def __init__(
        self,
        *,
        size: Size = 32,
        block_density: Number = 0.10,
        stationary: Flag = False,
        goal_switch_prob: Number = GOAL_SWITCH_PROB,
        asymmetric: Flag = False,
        leader_only: Flag = False,
        hemispheres: Flag = False,
        rewards: Choice = "individual",
        positive_reward: Number = 1.0,
        negative_reward: Number = -1.0,
        block_penalty_coef: Number = 1.0,
        proximity_penalty_for: Choice = "none",
        proximity_penalty: Number = 0.1,
        proximity_threshold: Whole = 10,
        potential_field: Number = 0.0,
        max_steps: Whole = 1000,
    ) -> None:
        self.width, self.height = _checked_size(size)
        self.stationary = _checks.flag("stationary", stationary)
        self.asymmetric = _checks.flag("asymmetric", asymmetric)
        self.hemispheres = _checks.flag("hemispheres", hemispheres)
        leader_only = _checks.flag("leader_only", leader_only)
        self.agents = ("leader",) if leader_only else ("leader", "follower")
        require(
            not (leader_only and asymmetric),
            "asymmetric=True hides the goal from the follower, and leader_only=True has none; "
            "accepted is one of the two",
        )
        require(
            self.width > 1 or not hemispheres,
            f"hemispheres=True needs two columns; width is {self.width}",
        )
        self.goal_switch_prob = _checks.number("goal_switch_prob", goal_switch_prob, 0.0, 1.0)
        self.rewards = _checks.one_of("rewards", rewards, ("individual", "shared"))
        self.positive_reward = _checks.number("positive_reward", positive_reward, 0.0, math.inf)
        self.negative_reward = _checks.number("negative_reward", negative_reward, -math.inf, 0.0)
        self.block_penalty_coef = _checks.number("block_penalty_coef", block_penalty_coef, 0.0, 1.0)
        self.proximity_penalty_for = _checks.one_of(
            "proximity_penalty_for", proximity_penalty_for, ("none", "leader", "follower")
        )
        require(
            proximity_penalty_for == "none" or not leader_only,
            f"proximity_penalty_for is {proximity_penalty_for!r}, and leader_only=True has no "
            "follower; accepted is 'none'",
        )
        self.proximity_penalty = _checks.number(
            "proximity_penalty", proximity_penalty, 0.0, math.inf
        )
        self.proximity_threshold = _checks.whole("proximity_threshold", proximity_threshold, 0)
        self.potential_field = _checks.number("potential_field", potential_field, 0.0, math.inf)
        self.max_steps = _checks.whole("max_steps", max_steps, 1)
        self.block_density = _checks.number("block_density", block_density, 0.0, 1.0)
        self.blocks_per_color = self._checked_blocks()

        self.regions = self._halves() if hemispheres else (Region(0, self.width),) * 2
        self.regions = self.regions[: len(self.agents)]
        self.action_space = gymnasium.spaces.Discrete(len(MOVES))
        self.observation_space = gymnasium.spaces.Dict(
            grid=gymnasium.spaces.Box(0, 1, (len(PLANES), self.height, self.width), np.uint8),
            goal=gymnasium.spaces.Box(0, 1, (len(COLORS),), np.uint8),
        )

    def _halves(self) -> tuple[Region, Region]:
        middle = self.width // 2
        return Region(0, middle), Region(middle, self.width)

    def _checked_blocks(self) -> int:
        cells = self.width * self.height
        per_color = blocks_per_color(self.width, self.height, self.block_density)
        most = (cells - len(self.agents)) // len(COLORS)
        accepted = (
            f"accepted are densities that give from 1 to {most}"
            if most
            else "accepted are larger grids"
        )
        require(
            1 <= per_color <= most,
            f"block_density {self.block_density} puts {per_color} blocks of each colour on "
            f"{self.width}×{self.height} cells; {accepted}, so that each colour can be taken and a "
            "free cell is left where a block reappears",
        )
        return per_color

    def _initial(
        self, key: PRNGKeyArray, block_penalty_coef: float | AnyArray | None = None
    ) -> ColorGridState:
        agents_key, redraw_key, blocks_key, goal_key = jax.random.split(key, 4)
        empty = jnp.zeros((self.height, self.width), jnp.uint8)
        words = jax.random.bits(agents_key, (self.num_agents, CANDIDATES))
        everyone = jnp.ones(self.num_agents, bool)
        place = random_free_cells(redraw_key, words, empty, everyone, self.regions)
        position = jnp.stack([place % self.width, place // self.width], axis=-1).astype(jnp.int16)
        cells = place_agents(empty, position, position)
        coef = self.block_penalty_coef if block_penalty_coef is None else block_penalty_coef
        goal = 0 if self.stationary else jax.random.randint(goal_key, (), 0, len(COLORS))
        return ColorGridState(
            **NOT_STARTED,
            cells=scatter_blocks(blocks_key, cells, self.blocks_per_color, len(COLORS)),
            position=position,
            goal=jnp.asarray(goal, jnp.int8),
            block_penalty_coef=jnp.asarray(coef, jnp.float32),
        )

    def _transition(
        self, key: PRNGKeyArray, state: ColorGridState, action: Int32[Array, " agents"]
    ) -> Transition[ColorGridState]:
        # One draw for all that is random in a step: calls of the generator are what costs.
        words = jax.random.bits(key, (1 + self.num_agents * CANDIDATES,))
        position = move(state.position, action, self.regions, self.height)
        taken = take(state.cells, position, state.goal)
        cells = place_agents(state.cells, state.position, position)
        cells = reappear(
            key,
            words[1:].reshape(self.num_agents, CANDIDATES),
            cells,
            taken.color,
            self.regions,
        )
        goal, switched = state.goal, jnp.zeros((), bool)
        if not self.stationary:
            goal, switched = switch_goal(words[0], state.goal, self.goal_switch_prob)

        new = state.replace(cells=cells, position=position, goal=goal)
        individual = (
            self.positive_reward * taken.goal
            + self.negative_reward * state.block_penalty_coef * taken.incorrect
        ).astype(jnp.float32)
        shared = jnp.broadcast_to(individual.sum(), individual.shape)
        # Shaping sees the grid after the step, and the goal colour that the step was scored by.
        shaped = self._shaping(new.replace(goal=state.goal))
        info = {
            "individual_reward": individual,
            "shared_reward": shared,
            "shaping_reward": shaped,
            "goal_blocks": taken.goal.astype(jnp.int32),
            "incorrect_blocks": taken.incorrect.astype(jnp.int32),
            "goal": state.goal.astype(jnp.int32),
            "goal_switched": switched,
        }
        reward = (individual if self.rewards == "individual" else shared) + shaped
        return Transition(new, reward, False, info)

    def _shaping(self, state: ColorGridState) -> Float32[Array, " agents"]:
        reward = jnp.zeros(self.num_agents, jnp.float32)
        if self.proximity_penalty_for != "none":
            seat = self.agents.index(self.proximity_penalty_for)
            near = shaping.manhattan(*state.position) < self.proximity_threshold
            reward = reward.at[seat].add(-self.proximity_penalty * near)
        if self.potential_field:
            reward += shaping.potential_field(
                state.cells,
                state.position,
                state.goal,
                self.potential_field,
                state.block_penalty_coef,
            )
        return reward

    def _hidden(self, state: ColorGridState) -> dict[str, Array]:
        return {"goal": jnp.asarray(state.goal, jnp.int32)}

    def _observation(self, state: ColorGridState) -> dict[str, Array]:
        # A cell holds one thing, so a plane is one comparison, and all agents see the same planes.
        # A concatenation of flat planes compiles to wide vector code on CPU; a comparison in the
        # shape of the result, to scalar code, 5 to 15 times slower.
        codes = jnp.arange(1, len(PLANES) + 1, dtype=jnp.uint8)[:, None]
        flat = state.cells.reshape(-1)
        parts = [codes[:3], codes[3:]] if self.num_agents == 1 else [codes] * self.num_agents
        grid = jnp.concatenate([(flat == part).astype(jnp.uint8) for part in parts])
        goal = (jnp.arange(len(COLORS)) == state.goal).astype(jnp.uint8)
        sees = jnp.array([True, not self.asymmetric][: self.num_agents])
        return {
            "grid": grid.reshape(self.num_agents, len(PLANES), self.height, self.width),
            "goal": goal * sees[:, None].astype(jnp.uint8),
        }


def blocks_per_color(width: int, height: int, density: float) -> int:
    """``floor(width × height × density / 3)``, with the density as it is written in decimals.

    In binary, 0.12 of 5 × 5 cells would be just under 3 blocks.
    """
    return math.floor(width * height * Fraction(repr(float(density))) / len(COLORS))


# What the constructor accepts --------------------------------------------------------------------


def _checked_size(size: Any) -> tuple[int, int]:
    pair = (size, size) if _checks.is_whole(size) else size
    require(
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(_checks.is_whole(side) and 1 <= side <= MAX_SIDE for side in pair),
        f"size is {size!r}; accepted are an integer from 1 to {MAX_SIDE}, or (width, height)",
    )
    return int(pair[0]), int(pair[1])

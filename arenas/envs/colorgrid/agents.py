"""Scripted players of ColorGrid, as device agents that see one seat's observation."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, UInt8

from arenas.agent import DeviceAgent
from arenas.env import require
from arenas.envs._checks import Number
from arenas.envs.colorgrid.game import COLORS, LEADER, MOVES, STEP_OF_MOVE, ColorGrid

FAR = 30_000
"""A distance longer than any path that a player looks for; of cells that cannot be reached."""


def distance_field(
    goals: Bool[Array, "height width"],
    walkable: Bool[Array, "height width"],
    start: Int32[Array, " 2"],
    wanted: Bool[Array, ""],
) -> Int32[Array, "height width"]:
    """Length of the shortest walkable path from each cell to a goal, as far out as ``start``.

    A wave spreads from the goals, one step a round, until it meets ``start``. Cells that it has not
    met by then, or cannot meet, are ``FAR``.

    Args:
        goals: where paths end; those that are walkable.
        walkable: cells that a path may use.
        start: ``(x, y)``, where the wave may stop.
        wanted: with False, nothing is computed and everything is ``FAR``.
    """

    def spread(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        steps, distance, _ = carry
        wave = jnp.pad(distance == steps, 1)
        beside = wave[2:, 1:-1] | wave[:-2, 1:-1] | wave[1:-1, 2:] | wave[1:-1, :-2]
        fresh = beside & walkable & (distance == FAR)
        return steps + 1, jnp.where(fresh, steps + 1, distance), fresh.any()

    def unmet(carry: tuple[Array, Array, Array]) -> Array:
        _, distance, spreading = carry
        return wanted & spreading & (distance[start[1], start[0]] == FAR)

    distance = jnp.where(goals & walkable, 0, FAR)
    return jax.lax.while_loop(unmet, spread, (jnp.int32(0), distance, jnp.array(True)))[1]


class Walker(DeviceAgent):
    """What the players share: reading the observation, and walking to blocks or around them."""

    def __init__(self, env: Any) -> None:
        game = getattr(env, "env", env).unwrapped  # a host environment holds the game as `env`
        require(isinstance(game, ColorGrid), f"{env!r} is not ColorGrid, which this agent plays")
        self.game: ColorGrid = game
        columns = jnp.arange(game.width)
        # [A, H, W]: where each seat may stand.
        self._region = jnp.stack(
            [
                jnp.broadcast_to(
                    (columns >= r.left) & (columns < r.right), (game.height, game.width)
                )
                for r in game.regions
            ]
        )

    def init(self, key, seat) -> Any:
        return jnp.asarray(seat, jnp.int32)

    def _walk(
        self,
        seat: Array,
        grid: UInt8[Array, "planes height width"],
        target: Bool[Array, " colors"],
        key: Array,
        *,
        around_others: bool,
    ) -> Int32[Array, ""]:
        """The move that a shortest path to the nearest block of the target colours starts with.

        Of several such moves one at random, but rather not into the other agent's cell. Blocks of
        other colours are walked around, unless there is no way around them or ``around_others`` is
        False. Where there is no block to walk to, a move that takes none, at random.
        """
        blocks = grid[: len(COLORS)] == 1
        agents = grid[len(COLORS) :] == 1
        region = self._region[seat]
        goals = (blocks & target[:, None, None]).any(axis=0) & region
        others = (blocks & ~target[:, None, None]).any(axis=0)
        own = jnp.argmax(agents[seat].reshape(-1))
        start = jnp.stack([own % self.game.width, own // self.game.width]).astype(jnp.int32)

        any_goal = goals.any()
        distance = distance_field(
            goals, region & ~others if around_others else region, start, any_goal
        )
        if around_others:
            walled_off = any_goal & (distance[start[1], start[0]] == FAR)
            straight = distance_field(goals, region, start, walled_off)
            distance = jnp.where(walled_off, straight, distance)

        cell = start + jnp.array(STEP_OF_MOVE, jnp.int32)
        size = jnp.array([self.game.width, self.game.height])
        x, y = jnp.clip(cell, 0, size - 1).T
        enters = ((cell >= 0) & (cell < size)).all(axis=1) & region[y, x]
        into_agent = enters & agents.any(axis=0)[y, x]
        to_goal = jnp.where(enters, distance[y, x], FAR)
        to_goal = jnp.where(any_goal, to_goal, 0)
        # Without a goal: rather walk than stand, rather stand (over the edge) than take a block.
        astray = jnp.where(enters & blocks.any(axis=0)[y, x], 2, jnp.where(enters, 0, 1))
        cost = 4 * to_goal + jnp.where(any_goal, 0, astray) + into_agent
        return jnp.argmin(cost + jax.random.uniform(key, (len(MOVES),))).astype(jnp.int32)


class AStar(Walker):
    """Walks a shortest path to the nearest goal block around wrong-coloured blocks.

    The expert leader. A path leads through wrong blocks only where none leads around them. In a
    seat that does not see the goal colour it walks about at random and takes no block, since a
    block of unknown colour costs more than it earns on average.
    """

    around_others = True

    def act(self, params, carry, observation, action_mask, key):
        target = jnp.asarray(observation["goal"]) == 1
        grid = jnp.asarray(observation["grid"])
        return carry, self._walk(carry, grid, target, key, around_others=self.around_others)


class Greedy(AStar):
    """Walks straight to the Manhattan-nearest goal block, through whatever lies on the way.

    In a seat that does not see the goal colour it walks about at random and takes no block.
    """

    around_others = False


class Belief(NamedTuple):
    """What :class:`Inference` carries."""

    seat: Array  # int32 []
    before: Array  # uint8 [3, H, W], the blocks before the last step; zeros at first
    probability: Array  # float32 [3], of each colour to be the goal


class Inference(Walker):
    """A follower that infers the goal colour from what the leader takes.

    Its belief starts uniform. By Bayes' rule, a leader takes the goal colour with probability
    ``1 − leader_error``, and each other with half the rest; then the goal may switch, with the
    environment's probability. It walks to blocks of the likeliest colour, around the others, while
    taking one is worth more than nothing on average; else it walks about and takes none. Where it
    sees the goal, as a leader does, it needs no inference and plays as ``colorgrid/astar``.

    Args:
        env: the environment.
        leader_error: probability that the leader takes a block of another colour, given that it
            takes one; over 0 and under 2/3, at which its blocks would say nothing.
    """

    def __init__(self, env: Any, leader_error: Number = 0.05) -> None:
        super().__init__(env)
        require(
            isinstance(leader_error, float) and 0 < leader_error < 2 / 3,
            f"leader_error is {leader_error!r}; accepted are numbers over 0 and under 2/3",
        )
        self.leader_error = float(leader_error)

    def init(self, key, seat) -> Any:
        shape = (len(COLORS), self.game.height, self.game.width)
        uniform = jnp.full(len(COLORS), 1 / len(COLORS), jnp.float32)
        return Belief(jnp.asarray(seat, jnp.int32), jnp.zeros(shape, jnp.uint8), uniform)

    def update(
        self, probability: Float32[Array, " colors"], taken: Bool[Array, " colors"]
    ) -> Float32[Array, " colors"]:
        """The belief after a step in which the leader took this colour (or none, all False)."""
        likelihood = jnp.where(taken, 1 - self.leader_error, self.leader_error / 2)
        posterior = probability * jnp.where(taken.any(), likelihood, 1.0)
        posterior /= posterior.sum()
        switch = 0.0 if self.game.stationary else self.game.goal_switch_prob
        return (1 - switch) * posterior + switch * (1 - posterior) / (len(COLORS) - 1)

    def act(self, params, carry, observation, action_mask, key):
        grid, goal = jnp.asarray(observation["grid"]), jnp.asarray(observation["goal"])
        # A block that lay where the leader stands now was taken by it; others reappear elsewhere.
        leader = grid[len(COLORS) + LEADER]
        taken = (carry.before * leader).any(axis=(1, 2))
        probability = self.update(carry.probability, taken)
        probability = jnp.where(goal.any(), goal.astype(jnp.float32), probability)

        wrong = self.game.negative_reward * self.game.block_penalty_coef
        worth = probability * self.game.positive_reward + (1 - probability) * wrong
        likeliest = jnp.arange(len(COLORS)) == jnp.argmax(probability)
        target = likeliest & ((worth > 0) | goal.any())
        action = self._walk(carry.seat, grid, target, key, around_others=True)
        return Belief(carry.seat, grid[: len(COLORS)], probability), action

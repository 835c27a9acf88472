"""Small games for tests of the machinery, each with its rules once more in plain Python."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

import arenas
from arenas.agent import DeviceAgent
from arenas.env import NOT_STARTED, Env, State, Transition, require, struct

with warnings.catch_warnings():  # its import of its own example games is deprecated, it says
    warnings.simplefilter("ignore", DeprecationWarning)
    import pettingzoo.test as pettingzoo_test  # noqa: F401  (for the tests that use it)

SMAX_SAMPLE = ("smax-3m-v0", "smax-5m_vs_6m-selfplay-v0")
ALIKE = (
    "colorgrid-shared-v0",
    "colorgrid-stationary-v0",
    "colorgrid-stationary-asymmetric-v0",
    "fightladder-match-v0",
    "fightladder-zerosum-v0",
    "hanabi-very-small-lenient-v0",
)
"""Variants whose rules others of their game hold to the contract too."""

IDS = tuple(
    id
    for id, spec in arenas.registry.envs.items()
    if id not in ALIKE and (spec.game != "smax" or id in SMAX_SAMPLE)
)
"""Registered ids for the contract of every environment, without those that differ from another in
numbers only and have tests of their own."""

SAMPLE = (
    "colorgrid-v0",
    "colorgrid-leader-v0",
    "fightladder-v0",
    "hanabi-v0",
    "hanabi-very-small-lenient-v0",
    "rrps-v0",
    "rrps-water-v0",
    *SMAX_SAMPLE,
)
"""Registered ids for tests of adapters, which a game's variants pass alike: one or two of each
game, with one seat and several, dictionaries and arrays, masks, teams."""

_SMALL: dict[str, dict[str, Any]] = {
    "colorgrid": {"size": (7, 5), "block_density": 0.3, "max_steps": 20},
    "fightladder": {"frame_skip": 60},
    "fightladder-ladder-v0": {"level": 8},  # one match, soon lost, instead of a climb
    "rrps": {"throws": 20},
}


def small(id: str) -> dict[str, Any]:
    """Arguments that make episodes of a registered environment short enough for a test."""
    return _SMALL.get(id) or _SMALL.get(arenas.registry.envs[id].game, {})


MASKED = ("hanabi", "smax")
"""Registered games in which not everything is legal always."""


@struct
class RaceState(State):
    position: Any  # int32 [A]


class Race(Env[RaceState]):
    """Simultaneous: each agent stays (0) or goes 1 or 2 cells, and may slip back one by chance.

    Whoever reaches ``goal`` ends the race by the rules; ``max_steps`` cuts it. Rewards are the
    cells gained, +10 at the goal. Agents observe their own and the mean position.
    """

    agents = ("runner_0", "runner_1", "runner_2")
    action_space = Discrete(3)
    action_labels = ("stay", "walk", "run")

    def __init__(self, goal: int = 6, max_steps: int | None = 8) -> None:
        self.goal, self.max_steps = goal, max_steps
        self.observation_space = Box(-1, goal + 2, (2,), np.float32)

    def _initial(self, key):
        position = jax.random.randint(key, (3,), 0, 3, jnp.int32)
        return RaceState(position=position, **NOT_STARTED)

    def _transition(self, key, state, action):
        slip = jax.random.bernoulli(key, 0.3, (3,))
        moved = jnp.maximum(state.position + action - slip, -1)
        won = moved >= self.goal
        return Transition(
            state.replace(position=moved),
            (moved - state.position) + 10.0 * won,
            won.any(),
            {"gain": moved - state.position, "leader": jnp.argmax(moved)},
        )

    def _observation(self, state):
        mean = jnp.broadcast_to(state.position.mean(), (3,))
        return jnp.stack([state.position.astype(jnp.float32), mean], axis=1)


@struct
class NimState(State):
    pile: Any  # int8 []
    turn: Any  # int8 []


class Nim(Env[NimState]):
    """Turn-based with masks: take 1 to 3 from the pile (actions 0 to 2); the last taken wins."""

    agents = ("player_0", "player_1")
    action_space = Discrete(3)

    def __init__(self, pile: int = 9, random_pile: bool = True, max_steps: int | None = None):
        self.pile, self.random_pile, self.max_steps = pile, random_pile, max_steps
        self.observation_space = Dict(
            {"pile": Discrete(pile + 1), "mine": Box(0, 1, (1,), np.int8)}
        )

    def _initial(self, key):
        pile = jax.random.randint(key, (), 1, self.pile + 1) if self.random_pile else self.pile
        return NimState(pile=jnp.asarray(pile, jnp.int8), turn=jnp.int8(0), **NOT_STARTED)

    def _transition(self, key, state, action):
        pile = state.pile - (action[state.turn] + 1).astype(jnp.int8)
        mover = jnp.arange(2) == state.turn
        over = pile == 0
        return Transition(
            state.replace(pile=pile, turn=1 - state.turn),
            jnp.where(mover, 1.0, -1.0) * over,
            over,
            {"left": pile},
        )

    def _observation(self, state):
        pile = jnp.broadcast_to(state.pile.astype(jnp.int32), (2,))
        return {"pile": pile, "mine": (jnp.arange(2) == state.turn).astype(jnp.int8)[:, None]}

    def _acting(self, state):
        return jnp.arange(2) == state.turn

    def _action_mask(self, state):
        return jnp.broadcast_to(jnp.arange(1, 4) <= state.pile, (2, 3))


class PerfectNim(DeviceAgent):
    """Leaves a multiple of four where it can, which wins; else takes one."""

    def __init__(self, env: Any) -> None:
        pass

    def act(self, params, carry, observation, action_mask, key):
        surplus = jnp.asarray(observation["pile"]) % 4
        return carry, jnp.where(surplus > 0, surplus - 1, 0).astype(jnp.int32)


class Matrix(Env[State]):
    """A matrix game of one decision: the row's throw earns ``payoff[mine][other's]``.

    ``dilemma``: 1 is dominant, and both get 1. ``coordination``: both get 10 or 5 by doing the
    same, 0 else.
    """

    agents = ("row", "column")
    action_space = Discrete(2)
    observation_space = Box(0, 1, (1,), np.float32)

    def __init__(self, game: str = "dilemma") -> None:
        payoffs = {"dilemma": [[3.0, 0.0], [5.0, 1.0]], "coordination": [[10.0, 0.0], [0.0, 5.0]]}
        self.payoff = np.asarray(payoffs[game], np.float32)

    def _initial(self, key):
        return State(**NOT_STARTED)

    def _transition(self, key, state, action):
        return Transition(state, jnp.asarray(self.payoff)[action, action[::-1]], True)

    def _observation(self, state):
        return jnp.ones((2, 1), jnp.float32)


class Always(DeviceAgent):
    """One action, always; -1 is the last one."""

    def __init__(self, env: Any, action: int = 0) -> None:
        self.action = action % env.num_actions

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.int32(self.action)


class NimWithPass(Nim):
    """Nim with a no-op, 3, for the seat that waits; and a pile that may be given at the reset."""

    action_space = Discrete(4)
    no_op = 3

    def _initial(self, key, pile=None):
        state = super()._initial(key)
        return state if pile is None else state.replace(pile=jnp.asarray(pile, jnp.int8))

    def _concrete_reset_options(self, options):
        pile = options.get("pile", 1)
        require(0 < pile <= self.pile, f"pile is {pile}; accepted are 1 to {self.pile}")
        return {n: np.int8(v) for n, v in options.items()}

    def _action_mask(self, state):
        return jnp.broadcast_to(jnp.append(jnp.arange(1, 4) <= state.pile, False), (2, 4))


@struct
class AimState(State):
    target: Any  # float32 [2]
    at: Any  # float32 [A, 2]


class Aim(Env[AimState]):
    """A ``Box`` action space: move by a vector; the reward is minus the distance to the target."""

    agents = ("archer_0", "archer_1")
    action_space = Box(-1, 1, (2,), np.float32)
    observation_space = Box(-20, 20, (4,), np.float32)
    max_steps = 5

    def _initial(self, key):
        target = jax.random.uniform(key, (2,), jnp.float32, -5, 5)
        return AimState(target=target, at=jnp.zeros((2, 2), jnp.float32), **NOT_STARTED)

    def _transition(self, key, state, action):
        at = state.at + action
        distance = jnp.abs(at - state.target).max(axis=1)
        return Transition(state.replace(at=at), -distance, False)

    def _observation(self, state):
        target = jnp.broadcast_to(state.target, (2, 2))
        return jnp.concatenate([state.at, target], axis=1)


class Counter(arenas.HostEnv):
    """A host environment without JAX: one agent names the next number of a row, ``seed`` long."""

    agents = ("counter_0",)
    action_space = Discrete(4)
    observation_space = Discrete(4)

    def _timestep(self, reward: float) -> arenas.TimeStep:
        over = self._at == self._length
        return arenas.TimeStep(
            observation=np.array([self._at % 4]),
            action_mask=np.ones((1, 4), bool),
            reward=np.array([reward], np.float32),
            terminated=np.array(over),
            truncated=np.array(False),
            acting=np.array([not over]),
            info={"at": np.int64(self._at)},
        )

    def _reset(self, seed: int) -> arenas.TimeStep:
        self._at, self._length = 0, 2 + seed % 5
        return self._timestep(0.0)

    def _step(self, action: np.ndarray) -> arenas.TimeStep:
        reward = float(action[0] == self._at % 4)
        self._at += 1
        return self._timestep(reward)

    def state(self) -> Any:
        return {"at": np.int64(self._at), "length": np.int64(self._length)}


def random_actions(env: Any, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random legal joint action."""
    if isinstance(env.action_space, gymnasium.spaces.Box):
        shape = (env.num_agents, *env.action_shape)
        return rng.uniform(env.action_space.low, env.action_space.high, shape).astype(np.float32)
    return np.array([rng.choice(np.flatnonzero(row)) for row in mask], np.int32)


class Alternating(DeviceAgent):
    """Takes 1, 2, 1, 2, ... of a pile of Nim, at its own turns."""

    name = "alternating"

    def init(self, key, seat):
        return jnp.int32(0)

    def act(self, params, carry, observation, action_mask, key):
        return carry + 1, carry % 2

"""Scripted players of repeated rock-paper-scissors, as device agents."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from arenas.agent import DeviceAgent
from arenas.env import require
from arenas.envs.rrps.game import Rules, Whole, rules_of


class Scripted(DeviceAgent):
    """A player that reads the rules and the newest joint throw."""

    def __init__(self, env: Any) -> None:
        self.rules: Rules = rules_of(env)

    def opponent_threw(self, observation: Any) -> Array:
        """The opponent's last throw as a one-hot ``[K]``; zeros before the first throw."""
        size = self.rules.num_throws
        return jnp.asarray(observation)[size : 2 * size]

    def best_response(self, weights: Array) -> Array:
        """The throw that earns most against the opponent's throws with these weights ``[K]``.

        The lowest-numbered of several; rock where all weights are zero.
        """
        # Not a matrix product, which accelerators round to fewer bits: ties must stay ties.
        values = (jnp.asarray(self.rules.matrix, jnp.float32) * weights).sum(axis=1)
        return jnp.argmax(values).astype(jnp.int32)


class Constant(Scripted):
    """Always the same throw.

    Args:
        env: the environment.
        action: the throw, from 0.
    """

    def __init__(self, env: Any, action: Whole) -> None:
        super().__init__(env)
        size = self.rules.num_throws
        whole = isinstance(action, int | np.integer) and not isinstance(action, bool)
        require(
            whole and 0 <= int(action) < size, f"action is {action!r}; accepted are 0 to {size - 1}"
        )
        self.action = int(action)

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.int32(self.action)


class Copy(Scripted):
    """The opponent's last throw; rock first."""

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.argmax(self.opponent_threw(observation)).astype(jnp.int32)


class BeatLast(Scripted):
    """Best response to the opponent's last throw; rock first."""

    def act(self, params, carry, observation, action_mask, key):
        return carry, self.best_response(self.opponent_threw(observation))


class Cycle(Scripted):
    """Rock, paper, scissors, ... in turn; carries the next throw."""

    def init(self, key, seat):
        return jnp.int32(0)

    def act(self, params, carry, observation, action_mask, key):
        return (carry + 1) % self.rules.num_throws, carry


class Frequency(Scripted):
    """Best response to the frequencies of the opponent's throws so far; carries their counts.

    Fictitious play (Brown 1951) against one opponent. Rock first; ties go to the lowest number.
    """

    def init(self, key, seat):
        return jnp.zeros(self.rules.num_throws, jnp.float32)

    def act(self, params, carry, observation, action_mask, key):
        counts = carry + self.opponent_threw(observation)
        return counts, self.best_response(counts)

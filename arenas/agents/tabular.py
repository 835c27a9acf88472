"""Policies as tables, such as solvers of small games give them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from arenas.agent import PolicyAgent
from arenas.env import require


class TabularAgent(PolicyAgent):
    """Looks its probabilities up by what it observes.

    Args:
        env: what it plays; an observation is one array, and tells all that the seat knows.
        observations: ``[N, ...]``, each different.
        probabilities: ``[N, K]``, each row summing to 1. An observation that is not in the table
            is played uniformly over the legal actions.
    """

    def __init__(self, env: Any, observations: Any, probabilities: Any) -> None:
        keys = np.asarray(observations, np.float32).reshape(len(observations), -1)
        values = np.asarray(probabilities, np.float32)
        require(
            values.shape == (len(keys), env.num_actions),
            f"probabilities have shape {values.shape}; accepted is {(len(keys), env.num_actions)}",
        )
        self.params = (keys, values)

    def probabilities(self, params, carry, observation, action_mask):
        keys, values = params
        same = (keys == jnp.ravel(jnp.asarray(observation))).all(axis=1)
        uniform = action_mask / jnp.sum(action_mask)
        return carry, jnp.where(same.any(), values[jnp.argmax(same)], uniform)

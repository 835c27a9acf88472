"""The random player."""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp

from arenas.agent import DeviceAgent


class RandomAgent(DeviceAgent):
    """Uniform over the legal actions, or over the box in ``Box`` action spaces."""

    def __init__(self, env: Any) -> None:
        self._space = env.action_space

    def act(self, params, carry, observation, action_mask, key):
        if isinstance(self._space, gymnasium.spaces.Box):
            low, high = jnp.asarray(self._space.low), jnp.asarray(self._space.high)
            return carry, jax.random.uniform(key, low.shape, low.dtype, low, high)
        # The n-th legal action, n uniform: one random number, against one per action by Gumbel.
        count = jnp.cumsum(action_mask)
        chosen = jax.random.randint(key, (), 0, count[-1])
        return carry, jnp.argmax(count > chosen).astype(jnp.int32)

    def probabilities(self, params, carry, observation, action_mask):
        if isinstance(self._space, gymnasium.spaces.Box):
            return super().probabilities(params, carry, observation, action_mask)
        legal = jnp.asarray(action_mask, jnp.float32)
        return carry, legal / legal.sum()

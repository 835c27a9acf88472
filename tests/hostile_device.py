"""Device agents that fail; named ``hostile_device:NAME``. Apart, since they import jax."""

import jax.numpy as jnp

from arenas import DeviceAgent


class Nan(DeviceAgent):
    def __init__(self, env) -> None:
        pass

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.float32(jnp.nan)


class WrongShape(Nan):
    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.zeros(2, jnp.int32)


class Raises(Nan):
    def act(self, params, carry, observation, action_mask, key):
        raise RuntimeError("no idea what to compile")

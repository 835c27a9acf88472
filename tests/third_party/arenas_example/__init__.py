"""A distribution that brings a game and an agent to Arenas by entry points alone."""

import gymnasium
import jax
import jax.numpy as jnp

import arenas
from arenas.env import NOT_STARTED
from arenas.registry import AgentSpec, EnvSpec


@arenas.struct
class CoinState(arenas.State):
    """Nothing beyond the step count."""


class Coin(arenas.Env[CoinState]):
    """Matching pennies, ``throws`` times."""

    agents = ("even", "odd")
    observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, throws: int = 3) -> None:
        self.throws = throws

    def _initial(self, key):
        return CoinState(**NOT_STARTED)

    def _transition(self, key, state, action):
        won = jnp.where(action[0] == action[1], 1.0, -1.0)
        over = state.steps + 1 >= self.throws
        return arenas.Transition(state, jnp.stack([won, -won]), over)

    def _observation(self, state):
        return jnp.full((2, 1), state.steps / self.throws, jnp.float32)


class Heads(arenas.DeviceAgent):
    """Always heads."""

    def __init__(self, env) -> None:
        pass

    def act(self, params, carry, observation, action_mask, key):
        return carry, jax.numpy.int32(0)


ENVS = [
    EnvSpec(
        id="coin-v0",
        entry_point=Coin,
        game="coin",
        summary="Matching pennies.",
        players=2,
        kind="competitive",
        horizon=3,
    )
]
AGENTS = [AgentSpec(name="coin/heads", entry_point=Heads, game="coin", summary="Always heads.")]

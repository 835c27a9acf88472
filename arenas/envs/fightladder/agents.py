"""FightLadder's scripted players as device agents: the computer's levels, and single ideas."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from arenas.agent import DeviceAgent
from arenas.agents.uniform import RandomAgent
from arenas.env import require
from arenas.envs._checks import Choice, one_of
from arenas.envs.fightladder import cpu
from arenas.envs.fightladder.game import FightLadder
from arenas.envs.fightladder.ladder import Ladder
from arenas.envs.fightladder.observation import SIZE, decode
from arenas.envs.fightladder.styles import STYLE_NAMES


def game_of(env: Any) -> FightLadder:
    """The fight behind an environment that a FightLadder agent is made for.

    Raises:
        BadArgument: it is not FightLadder.
    """
    game = getattr(env, "env", env)  # a host environment holds the game as `env`
    game = getattr(game, "unwrapped", game)
    game = game.fight if isinstance(game, Ladder) else game
    require(isinstance(game, FightLadder), f"{env!r} is not FightLadder, which this agent plays")
    return game


class Scripted(DeviceAgent):
    """A player of :mod:`arenas.envs.fightladder.cpu`, in either seat.

    It reads the state vector and gives transformed actions, whatever the characters.

    Args:
        env: the environment.
        style: one of ``cpu-1`` to ``cpu-8``, ``turtle``, ``rushdown``, ``zoner``, ``jumper``.

    Raises:
        BadArgument: another environment, observation or action type; or no such style.
    """

    def __init__(self, env: Any, style: Choice = "cpu-8") -> None:
        game = game_of(env)
        self.style = STYLE_NAMES.index(one_of("style", style, STYLE_NAMES))
        require(
            game.action_type == "transformed",
            f"action_type is {game.action_type!r}; scripted players accept 'transformed' alone",
        )
        space = game.observation_space
        require(
            space.shape == (SIZE,),
            f"observations have shape {space.shape}; scripted players read the state vector, "
            f"{(SIZE,)}",
        )
        self.frame_skip = game.frame_skip

    def init(self, key, seat) -> Any:
        return cpu.start()

    def act(self, params, carry, observation, action_mask, key):
        view = decode(observation)
        bits = jax.random.bits(key, (2,), jnp.uint32)
        return cpu.act(jnp.int32(self.style), carry, view, bits, self.frame_skip)


class Random(RandomAgent):
    """Presses anything: uniform over the actions, of any action type.

    Raises:
        BadArgument: another environment.
    """

    def __init__(self, env: Any) -> None:
        game_of(env)
        super().__init__(env)

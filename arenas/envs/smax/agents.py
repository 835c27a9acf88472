"""SMAX's scripted player, as a device agent that sees one seat's observation."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from arenas.agent import DeviceAgent
from arenas.env import require
from arenas.envs.smax import heuristic
from arenas.envs.smax.game import Smax
from arenas.envs.smax.scenarios import MAP_SIZE, NUM_MOVES, STOP
from arenas.envs.smax.units import SIGHT_RANGE

_HEALTH, _X, _Y = 0, 1, 2


class Carry(NamedTuple):
    """What the player carries."""

    seat: Array  # int32 []
    memory: heuristic.Memory  # of one unit; its target is (0, 0) before the first action


class Heuristic(DeviceAgent):
    """Plays one unit of either team as :mod:`arenas.envs.smax.heuristic` does.

    In range is who may be attacked by the action mask; what is not legal (a walk, for the dead) is
    a stop.

    Args:
        env: SMAX with ``unit_list`` observations and discrete actions.
        mode: ``"closest"`` or ``"random"``: whom of those in range it attacks first.
        shoots: with False, it only walks.

    Raises:
        BadArgument: another environment, or an argument that is not accepted.
    """

    def __init__(
        self, env: Any, mode: heuristic.Mode | Any = "closest", shoots: bool | Any = True
    ) -> None:
        game = getattr(env, "env", env).unwrapped  # a host environment holds the game as `env`
        require(isinstance(game, Smax), f"{env!r} is not SMAX, which this agent plays")
        for name, given, played in (
            ("observation_type", game.observation_type, "unit_list"),
            ("action_type", game.action_type, "discrete"),
        ):
            require(
                given == played,
                f"the environment's {name} is {given!r}; this agent plays with {played!r} only",
            )
        require(
            mode in ("closest", "random"),
            f"mode is {mode!r}; accepted are 'closest' and 'random'",
        )
        require(isinstance(shoots, bool), f"shoots is {shoots!r}; accepted are True and False")
        self.game: Smax = game
        self.mode: heuristic.Mode = mode
        self.shoots = shoots

    def init(self, key, seat) -> Any:
        memory = heuristic.Memory(
            jnp.zeros(2, jnp.float32), jnp.asarray(heuristic.NOBODY, jnp.int8)
        )
        return Carry(jnp.asarray(seat, jnp.int32), memory)

    def act(self, params, carry, observation, action_mask, key):
        game = self.game
        others = (game.num_units - 1) * len(game.unit_features)
        rows = observation[:others].reshape(game.num_units - 1, -1)
        own = observation[others:]
        position = own[_X : _Y + 1] * MAP_SIZE
        sight = (own[-len(SIGHT_RANGE) :] * SIGHT_RANGE).sum()
        is_ally = carry.seat < game.num_allies
        opponents = jnp.where(
            is_ally, self._after(rows, game.num_allies), self._after(rows, game.num_enemies)
        )
        memory = carry.memory
        started = (memory.target != 0).any()
        first = heuristic.initial_memory(position)
        memory = memory._replace(target=jnp.where(started, memory.target, first.target))
        action, memory = heuristic.choose(
            position,
            opponents[:, _X] * sight,
            opponents[:, _Y] * sight,
            opponents[:, _HEALTH] > 0,
            action_mask[NUM_MOVES:],
            memory,
            jax.random.uniform(key, (2,)),
            mode=self.mode,
            shoots=self.shoots,
        )
        legal = (action_mask & (np.arange(game.num_actions) == action)).any()
        return Carry(carry.seat, memory), jnp.where(legal, action, STOP)

    def _after(self, rows: Array, team_size: int) -> Array:
        """The rows after those of one's own team, one for each attack action."""
        attacks = self.game.num_actions - NUM_MOVES
        rows = rows[team_size - 1 :][:attacks]
        return jnp.pad(rows, ((0, attacks - len(rows)), (0, 0)))

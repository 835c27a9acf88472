"""Evaluation in the course of training, on episodes that training never sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from arenas.agent import DeviceAgent
from arenas.agents.ppo.export import LearnedAgent
from arenas.agents.ppo.games import Games, Seating
from arenas.env import Env
from arenas.rollout import select_rows

FIRST_SEED = 3_000_000_000
"""Seeds of evaluation episodes count on from here; training derives its own from one key."""


LONGEST = 100_000
"""Steps after which an evaluation ends, where the environment has no step limit: it may have no
end by its rules either."""


class Evaluation:
    """Plays whole episodes with an agent, as it would be exported.

    Against opponents, the agent takes each side (or those given) against each of them in turn;
    without, it holds all seats.

    Args:
        env: the environment.
        agent: whose structure is played; the parameters are given with each call.
        episodes: how many, rounded up so that each opponent is met on each side equally often.
        opponents: whom it meets.
        sides: that it takes, as :class:`arenas.agents.ppo.games.Seating` has it.
        first_seed: of the episodes.
        longest: steps after which what has not ended counts as it stands, where the environment
            has no step limit.
    """

    def __init__(
        self,
        env: Env[Any],
        agent: LearnedAgent,
        episodes: int,
        opponents: Sequence[DeviceAgent] = (),
        sides: Sequence[int] = (),
        first_seed: int = FIRST_SEED,
        longest: int = LONGEST,
    ) -> None:
        self.agent, self.names = agent, tuple(o.name for o in opponents)
        if opponents:
            of = env.num_agents if env.teams is None else max(env.teams) + 1
            pairs = len(opponents) * (len(sides) or of)
            episodes = -(-episodes // pairs) * pairs
        self.limit = longest if env.max_steps is None else env.max_steps
        self.seating = Seating(env, episodes, opponents, sides=sides)
        self.games = Games(env, self.seating)
        self._keys = jax.vmap(jax.random.key)(
            jnp.arange(first_seed, first_seed + episodes, dtype=jnp.uint32)
        )
        self._play = jax.jit(self._run)

    def __call__(self, params: Any) -> dict[str, Any]:
        """Play all episodes.

        Args:
            params: as the agent's ``params``.

        Returns:
            ``return`` (mean over episodes and the agent's seats), ``return_error`` (standard error
            of that mean), ``return_by_seat`` (None where the agent never sits), ``win_rate`` (None
            where nobody wins), ``length``, ``episodes``; against opponents ``return_against`` and
            ``win_rate_against``, by name; and, where there are any, how many episodes were
            ``unfinished`` after ``longest`` steps: they count with their returns so far, and as
            won by nobody.
        """
        (mine, won, length, returns), done = jax.device_get(self._play(params))
        sums, seats = (returns * self.seating.learns).sum(0), self.seating.learns.sum(0)
        result: dict[str, Any] = {
            "return": float(mine.mean()),
            "return_error": float(mine.std(ddof=1) / np.sqrt(len(mine))) if len(mine) > 1 else None,
            "return_by_seat": [
                float(x / n) if n else None for x, n in zip(sums, seats, strict=True)
            ],
            "win_rate": None if np.isnan(won).any() else float(won.mean()),
            "length": float(length.mean()),
            "episodes": len(mine),
        }
        if self.names:
            met = [self.seating.opponent_of == p for p in range(len(self.names))]
            result["return_against"] = {
                n: float(mine[m].mean()) for n, m in zip(self.names, met, strict=True)
            }
            result["win_rate_against"] = {
                n: float(won[m].mean()) for n, m in zip(self.names, met, strict=True)
            }
        if not done.all():
            result |= {"unfinished": int((~done).sum()), "longest": self.limit}
        return result

    def _run(self, params: Any) -> tuple[tuple[Array, Array, Array, Array], Array]:
        """Of the first episode of each copy: the agent's mean return, whether it won, the length,
        and the returns of all seats, ``[N, A]``; and whether it ended, ``[N]``.
        """
        [rows] = self.seating.rows
        seats = jnp.asarray(rows % self.seating.agents)
        key = jax.random.key(0)
        copies = self.seating.copies
        carry = jax.vmap(self.agent.init, (None, 0))(key, seats)
        none = jnp.full(copies, jnp.nan)
        start = (
            self.games.start(self._keys),
            carry,
            jnp.int32(0),
            (none, none, none, jnp.zeros((copies, self.seating.agents))),
            jnp.zeros(copies, bool),
        )

        def step(state: Any) -> Any:
            playing, carry, t, results, done = state
            draw, others = jax.random.split(jax.random.fold_in(key, t))
            view = (
                self.games.own(playing.seen),
                playing.mask.reshape(-1, playing.mask.shape[-1]),
                playing.acting.reshape(-1),
            )
            observation, mask, acting = jax.tree.map(lambda x: x[rows], view)
            keys = jax.random.split(draw, len(rows))
            new, action = jax.vmap(self.agent.act, (None, 0, 0, 0, 0))(
                params, carry, observation, mask, keys
            )
            carry = select_rows(acting, new, carry)
            playing, timestep, returns, length = self.games.step(playing, [action], others)
            mine, won = self.games.outcome(timestep, returns)
            won = jnp.where(playing.fresh | jnp.isnan(won), won, 0.0)  # until it ends, by nobody
            results = select_rows(~done, (mine, won, length * 1.0, returns), results)
            return playing, carry, t + 1, results, done | playing.fresh

        end = jax.lax.while_loop(lambda s: ~s[4].all() & (s[2] < self.limit), step, start)
        return end[3], end[4]

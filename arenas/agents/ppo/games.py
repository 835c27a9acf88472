"""Copies of an environment in which learners and fixed agents hold the seats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import arenas
from arenas.agent import DeviceAgent
from arenas.env import AnyArray, Env, struct
from arenas.errors import BadArgument
from arenas.rollout import VectorEnv, VectorTimeStep, select_rows


class Seating:
    """Who holds which seat of which copy. A flat seat is ``copy · A + seat``.

    Opponents are spread evenly over the copies, and stay there: every update sees all of them, and
    each acts on its own seats only. A side is a team, or a seat where the game has no teams.

    Args:
        env: the environment.
        copies: ``N``.
        opponents: the fixed agents; none: learners hold all seats.
        self_play: share of the copies, where there are opponents, that learners hold alone.
        sides: the sides that learners take against opponents; none: each in turn.
        sharing: ``shared``, ``teams`` or ``separate``: which seats learn with the same parameters.

    Attributes:
        learns: bool ``[N, A]``, held by learners.
        opponent_of: int ``[N]``, index of the copy's opponent; their number where there is none.
        rows: for each group of seats with the same parameters, the flat seats that it holds.
        group_of: ``[A]``, the group of each seat.

    Raises:
        BadArgument: fewer copies than opponents and sides; no such side.
    """

    def __init__(
        self,
        env: Env[Any],
        copies: int,
        opponents: Sequence[DeviceAgent] = (),
        *,
        self_play: float = 0.0,
        sides: Sequence[int] = (),
        sharing: str = "shared",
    ) -> None:
        self.copies, self.agents, self.opponents = copies, env.num_agents, tuple(opponents)
        side_of = np.arange(self.agents) if env.teams is None else np.asarray(env.teams)
        count = int(side_of.max()) + 1
        for side in sides:
            if not 0 <= side < count:
                raise BadArgument(f"side {side} is not one of this game's: 0 to {count - 1}")
        if opponents and count < 2:
            raise BadArgument("opponents were given, and the game has one seat")
        self.opponent_of = np.full(copies, len(self.opponents))
        self.learns = np.ones((copies, self.agents), bool)
        if self.opponents:
            alone = round(copies * self_play)
            pairs = [(p, s) for p in range(len(self.opponents)) for s in sides or range(count)]
            if copies - alone < len(pairs):
                raise BadArgument(
                    f"{copies - alone} environments meet opponents; accepted are at least "
                    f"{len(pairs)}, one for each opponent and side"
                )
            for copy in range(copies - alone):
                opponent, side = pairs[copy % len(pairs)]
                self.opponent_of[copy] = opponent
                self.learns[copy] = side_of == side
        groups = {"shared": np.zeros(self.agents, int), "separate": np.arange(self.agents)}
        group_of = groups.get(sharing, side_of)
        learning = np.unique(group_of[self.learns.any(0)])
        self.rows = tuple(
            np.flatnonzero(self.learns & (group_of == group)).astype(np.int32) for group in learning
        )
        # A seat that never learns plays as the first group, should somebody seat it there.
        number = {group: i for i, group in enumerate(learning)}
        self.group_of = tuple(number.get(group, 0) for group in group_of)
        held = np.where(self.learns, len(self.opponents), self.opponent_of[:, None])
        self.held = tuple(
            np.flatnonzero(held == p).astype(np.int32) for p in range(len(self.opponents))
        )


def load_opponents(env: Env[Any], names: Sequence[str]) -> list[DeviceAgent]:
    """The agents of these names.

    Raises:
        UnknownName: no such agent.
        BadArgument: one runs on the host only.
    """
    agents = []
    for name in names:
        agent = arenas.load_agent(name, env)
        if not isinstance(agent, DeviceAgent):
            raise BadArgument(f"agent {name!r} runs on the host; training meets those in JAX only")
        agents.append(agent)
    return agents


class Watched(Env[Any]):
    """An environment whose observation holds also what only a learner may see.

    ``{"own": the observation, "state": the world state, "hidden": what seats may not see}``, of
    which the latter two have no agent axis.

    Args:
        env: the environment.
        state: whether to add its ``world_state``.
    """

    def __init__(self, env: Env[Any], *, state: bool) -> None:
        self.env, self.with_state = env, state
        self.describe_as(env)

    def _initial(self, key: Any) -> Any:
        return self.env._initial(key)

    def _transition(self, key: Any, state: Any, action: Any) -> Any:
        return self.env._transition(key, state, action)

    def _observation(self, state: Any) -> Any:
        seen = {"own": self.env._observation(state), "hidden": self.env._hidden(state)}
        if self.with_state:
            seen["state"] = self.env.world_state(state)  # type: ignore[attr-defined]
        return seen

    def _action_mask(self, state: Any) -> Array:
        return self.env._action_mask(state)

    def _acting(self, state: Any) -> Array:
        return self.env._acting(state)


@struct
class Playing:
    """Episodes in progress in all copies."""

    envs: Any  # VectorState
    seen: Any  # observation of all seats, [N, A, ...]; see Watched
    mask: AnyArray  # bool [N, A, K]
    acting: AnyArray  # bool [N, A]
    fresh: AnyArray  # bool [N], what is seen is the first of an episode
    carries: tuple[Any, ...]  # of each opponent, on the seats that it holds
    params: tuple[Any, ...]  # of each opponent
    returns: Array  # float32 [N, A], of the episodes in progress
    length: Array  # int32 [N], steps of the episodes in progress


class Games:
    """Steps all copies, the opponents included.

    Args:
        env: the environment.
        seating: who holds which seat.
        state: whether learners see the game's world state.
        hidden: whether they see what the game hides.
    """

    def __init__(
        self, env: Env[Any], seating: Seating, *, state: bool = False, hidden: bool = False
    ) -> None:
        self.env, self.seating = env, seating
        self.watched = state or hidden
        watched = Watched(env.unwrapped, state=state) if self.watched else env
        self.vector = VectorEnv(watched, seating.copies)

    def start(self, key: Any) -> Playing:
        """All episodes at their beginning; ``key`` as :meth:`arenas.VectorEnv.reset` takes it."""
        envs, timestep = self.vector.reset(key)
        seating = self.seating
        carries = []
        for agent, rows in zip(seating.opponents, seating.held, strict=True):
            keys = jax.random.split(jax.random.key(0), len(rows))
            carries.append(jax.vmap(agent.init)(keys, jnp.asarray(rows % seating.agents)))
        return Playing(
            envs=envs,
            seen=timestep.observation,
            mask=timestep.action_mask,
            acting=timestep.acting,
            fresh=jnp.ones(seating.copies, bool),
            carries=tuple(carries),
            params=tuple(agent.params for agent in seating.opponents),
            returns=jnp.zeros((seating.copies, seating.agents)),
            length=jnp.zeros(seating.copies, jnp.int32),
        )

    def own(self, seen: Any) -> Any:
        """The seats' observations ``[N·A, ...]``, of what all see."""
        seen = seen["own"] if self.watched else seen
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), seen)

    def step(
        self, playing: Playing, actions: Sequence[Array], key: Any
    ) -> tuple[Playing, VectorTimeStep, Array, Array]:
        """One step of all copies.

        Args:
            playing: the episodes.
            actions: of each group of learners, ``[M]``, in the order of ``seating.rows``.
            key: randomness of the opponents.

        Returns:
            The episodes afterwards; the time step; the returns ``[N, A]`` and lengths ``[N]`` of
            the episodes, this step included, before those that ended begin anew.
        """
        seating = self.seating
        carries = []
        whole = len(seating.rows) == 1 and len(seating.rows[0]) == seating.learns.size
        if whole:
            joint = actions[0]
        else:
            joint = jnp.zeros(seating.learns.size, jnp.int32)
            for rows, action in zip(seating.rows, actions, strict=True):
                joint = joint.at[rows].set(action)
        view = (self.own(playing.seen), playing.mask.reshape(-1, playing.mask.shape[-1]))
        for i, agent in enumerate(seating.opponents):
            rows = seating.held[i]
            start, act = jax.random.split(jax.random.fold_in(key, i))
            fresh, acting = playing.fresh[rows // seating.agents], playing.acting.reshape(-1)[rows]
            seats = jnp.asarray(rows % seating.agents)
            new = jax.vmap(agent.init)(jax.random.split(start, len(rows)), seats)
            carry = select_rows(fresh, new, playing.carries[i])
            observation, mask = jax.tree.map(lambda x, rows=rows: x[rows], view)
            new, action = jax.vmap(agent.act, (None, 0, 0, 0, 0))(
                playing.params[i], carry, observation, mask, jax.random.split(act, len(rows))
            )
            carries.append(select_rows(acting, new, carry))
            joint = joint.at[rows].set(action.astype(jnp.int32))
        envs, timestep = self.vector.step(playing.envs, joint.reshape(-1, seating.agents))
        ended = timestep.terminated | timestep.truncated
        returns, length = playing.returns + timestep.reward, playing.length + 1
        after = Playing(
            envs=envs,
            seen=timestep.observation,
            mask=timestep.action_mask,
            acting=timestep.acting,
            fresh=ended,
            carries=tuple(carries),
            params=playing.params,
            returns=jnp.where(ended[:, None], 0.0, returns),
            length=jnp.where(ended, 0, length),
        )
        return after, timestep, returns, length

    def outcome(self, timestep: VectorTimeStep, returns: Array) -> tuple[Array, Array]:
        """Mean return of the learners' seats, and whether they won, of each copy, ``[N]``.

        Who won is the game's own word where ``info`` has ``won``; else, against opponents, who has
        the higher return, an equal one counting a half; NaN in other games.
        """
        learns = jnp.asarray(self.seating.learns)

        def mean(x: Array, of: Array) -> Array:
            return (x * of).sum(1) / of.sum(1)  # NaN where there are none

        mine = mean(returns, learns)
        if "won" in timestep.info:
            won = jnp.asarray(timestep.info["won"], jnp.float32)
            return mine, mean(won if won.ndim == 2 else won[:, None] * learns, learns)
        theirs = mean(returns, ~learns)
        won = jnp.where(mine > theirs, 1.0, jnp.where(mine == theirs, 0.5, 0.0))
        return mine, jnp.where(jnp.isnan(theirs), jnp.nan, won)

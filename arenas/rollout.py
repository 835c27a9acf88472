"""Batched stepping with auto-reset, and the keys that make an episode repeatable.

An episode has one key, made from its seed. ``step_key(key, 0)`` starts it, ``step_key(key, t)`` is
the randomness of step ``t`` (from 1). The agent in a seat has a seed of its own, ``agent_seed``.
Whoever plays the episode, on the device in a batch or on the host one by one, derives them by the
functions here; so the same seed and the same agents give the same episode everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Generic

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from arenas.env import AnyArray, Env, StateT, TimeStep, struct
from arenas.errors import BadArgument, BadShape

_NEXT_EPISODE = 0xFFFFFFFF  # an index that no step reaches


def episode_key(seed: int | np.integer) -> PRNGKeyArray:
    """The key of the episode with this seed.

    Raises:
        BadArgument: ``seed`` is not an integer from 0 to 2³²−1.
    """
    return jax.random.key(np.uint32(check_seed(seed)))


def check_seed(seed: Any) -> int:
    """``seed`` as an int, if it is an integer from 0 to 2³²−1; else :class:`BadArgument`."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise BadArgument(f"seed is {seed!r}; accepted are integers from 0 to 4294967295")
    if not 0 <= seed < 2**32:
        raise BadArgument(f"seed is {seed}; accepted are integers from 0 to 4294967295")
    return int(seed)


def step_key(key: PRNGKeyArray, step: int | AnyArray) -> PRNGKeyArray:
    """Randomness of step ``step`` of an episode (0 is its reset)."""
    return jax.random.fold_in(key, jnp.asarray(step, jnp.uint32))


def agent_seed(seed: int, seat: int) -> int:
    """The seed of the agent in a seat, in the episode with this seed; from 0 to 2³²−1."""
    digest = hashlib.blake2s(f"{seed}/{seat}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def next_episode_key(key: PRNGKeyArray) -> PRNGKeyArray:
    """The key of the episode that follows this one in a batch."""
    return jax.random.fold_in(key, jnp.uint32(_NEXT_EPISODE))


@struct
class VectorState(Generic[StateT]):
    """States of a batch of ``N`` episodes, and each episode's key."""

    env: Any  # StateT with a leading axis N
    key: Array  # keys, [N]


@struct
class VectorTimeStep(TimeStep):
    """A batch of time steps, ``[N, ...]``, around the automatic reset.

    ``reward``, ``terminated``, ``truncated`` and ``info`` belong to the step just made.
    ``observation``, ``action_mask`` and ``acting`` are what the next action answers to: of the
    new episode where one ended. ``final_observation`` is what the step just made led to: where an
    episode was truncated, bootstrap from it; elsewhere it equals ``observation``.
    """

    final_observation: PyTree[AnyArray]


class VectorEnv(Generic[StateT]):
    """``N`` copies of an environment, stepped as one, each reset when its episode ends.

    Only what ended is reset: ended episodes are gathered into chunks of ``chunk``, a fresh start is
    made for those, and scattered back; a step in which nothing ended starts nothing. ``reset`` and
    ``step`` are pure: jit, scan and differentiate through them as you like. Episode ``e`` of copy
    ``i`` depends on the key and ``i`` alone, never on ``N``.

    Args:
        env: the environment.
        num_envs: ``N``.
        chunk: how many ended episodes are restarted at once; the default suits episodes that end
            at different times.

    Example:
        >>> import arenas, jax, jax.numpy as jnp
        >>> envs = arenas.VectorEnv(arenas.make("rrps-v0"), 4)
        >>> state, timestep = jax.jit(envs.reset)(jax.random.key(0))
        >>> state, timestep = jax.jit(envs.step)(state, jnp.zeros((4, 2), int))
        >>> timestep.reward.shape
        (4, 2)
    """

    def __init__(self, env: Env[StateT], num_envs: int, chunk: int | None = None) -> None:
        if num_envs < 1:
            raise BadArgument(f"num_envs is {num_envs}; accepted are integers from 1")
        self.env, self.num_envs = env, num_envs
        self._chunk = min(num_envs, chunk) if chunk else default_chunk(num_envs)

    def reset(self, key: Array) -> tuple[VectorState[StateT], VectorTimeStep]:
        """Start all episodes.

        Args:
            key: one key, from which copy ``i`` gets ``fold_in(key, i)``; or ``N`` keys, one for
                each copy's first episode (``episode_key(seed)`` to meet a seed elsewhere).
        """
        if key.ndim == (0 if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else 1):
            key = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(self.num_envs))
        if key.shape[0] != self.num_envs:
            raise BadShape(f"{key.shape[0]} keys for {self.num_envs} environments")
        state, timestep = jax.vmap(self._start)(key)
        return VectorState(env=state, key=key), _vector(timestep, timestep.observation)

    def step(
        self, state: VectorState[StateT], action: Array
    ) -> tuple[VectorState[StateT], VectorTimeStep]:
        """Make one transition in every copy, and restart those whose episodes ended.

        Args:
            state: as ``reset`` or ``step`` returned it.
            action: ``[N, A]``.
        """
        keys = jax.vmap(step_key)(state.key, state.env.steps + 1)
        env, timestep = jax.vmap(self.env.step_unfinished)(keys, state.env, action)
        return self._restart(VectorState(env=env, key=state.key), timestep)

    def _start(self, key: PRNGKeyArray) -> tuple[StateT, TimeStep]:
        return self.env.reset(step_key(key, 0))

    def _restart(
        self, state: VectorState[StateT], timestep: TimeStep
    ) -> tuple[VectorState[StateT], VectorTimeStep]:
        def start(keys: Array) -> Any:
            keys = jax.vmap(next_episode_key)(keys)
            env, fresh = jax.vmap(self._start)(keys)
            return VectorState(env=env, key=keys), _next_inputs(fresh)

        ended = timestep.terminated | timestep.truncated
        kept = (state, _next_inputs(timestep))
        state, inputs = replace_ended(ended, state.key, kept, start, self._chunk)
        final = timestep.observation
        return state, _vector(timestep.replace(**inputs), final)


def replace_ended(
    ended: Bool[AnyArray, " envs"],
    source: PyTree[AnyArray],
    kept: PyTree[AnyArray],
    start: Callable[[Any], PyTree[Array]],
    chunk: int,
) -> PyTree[Array]:
    """``kept``, with the rows that ended replaced by fresh ones, made ``chunk`` rows at a time.

    Where nothing ended, nothing is made. Derivatives pass through the rows that are kept.

    Args:
        ended: ``[N]``, which rows to replace.
        source: ``[N, ...]``, what a fresh row is made from, such as a key.
        kept: ``[N, ...]``.
        start: from ``chunk`` rows of ``source``, ``chunk`` fresh rows of ``kept``.
        chunk: how many rows are made at once.
    """

    # A while loop has no reverse mode. What is made afresh depends on no parameter, so the
    # derivative is plain: that of the kept rows.
    @jax.custom_jvp
    def replace(ended: Any, source: Any, kept: Any) -> Any:
        def replace_chunk(carry: Any) -> Any:
            left, kept = carry
            rows = jnp.nonzero(left, size=chunk, fill_value=len(ended))[0]
            fresh = start(jax.tree.map(lambda x: x[rows], source))
            kept = jax.tree.map(lambda old, new: old.at[rows].set(new, mode="drop"), kept, fresh)
            return left.at[rows].set(False, mode="drop"), kept

        return jax.lax.while_loop(lambda carry: carry[0].any(), replace_chunk, (ended, kept))[1]

    @replace.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        def derivative(tangent: Any) -> Any:
            if tangent.dtype == jax.dtypes.float0:
                return tangent
            return jnp.where(ended.reshape(-1, *[1] * (tangent.ndim - 1)), 0, tangent)

        ended, _, _ = primals
        return replace(*primals), jax.tree.map(derivative, tangents[2])

    return replace(ended, source, kept)


def select_rows(condition: Bool[AnyArray, " rows"], new: Any, old: Any) -> Any:
    """``new`` where ``condition`` holds, else ``old``: pytrees of arrays ``[rows, ...]``."""

    def choose(n: Any, o: Any) -> Any:
        return jnp.where(condition.reshape(-1, *[1] * (n.ndim - 1)), n, o)

    return jax.tree.map(choose, new, old)


def default_chunk(num_envs: int) -> int:
    """Rows restarted at once in a batch of ``num_envs``: for episodes that end at many times."""
    return min(num_envs, max(8, num_envs // 32))


def _next_inputs(timestep: TimeStep) -> dict[str, Any]:
    """The part of a time step that the next action answers to."""
    return {n: getattr(timestep, n) for n in ("observation", "action_mask", "acting")}


def _vector(timestep: TimeStep, final_observation: Any) -> VectorTimeStep:
    fields = {n: getattr(timestep, n) for n in TimeStep.__dataclass_fields__}  # type: ignore[attr-defined]
    return VectorTimeStep(**fields, final_observation=final_observation)

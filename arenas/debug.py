"""Checks under jit, with JAX's ``checkify``: what ``arenas.make(id, debug=True)`` adds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import jax.core
import jax.numpy as jnp
from jax.experimental import checkify
from jaxtyping import Array, PRNGKeyArray

from arenas.env import Env, StateT, TimeStep, Transition, check_action
from arenas.rollout import step_key


class CheckedEnv(Env[StateT]):
    """An environment that checks what it is given and what it gives, under jit too.

    Checked: the actions of acting seats are in range and legal; no finished episode is stepped;
    observations and rewards are finite. Nothing else differs from the environment itself, which
    is ``unwrapped``.

    Called by themselves, ``reset`` and ``step`` raise
    ``jax.experimental.checkify.JaxRuntimeError``. Inside a transformation of your own (``jit``,
    ``vmap``, ``scan``), give the outermost function to ``checkify``, as JAX demands of every
    program with checks.

    Example:
        >>> import arenas, jax, jax.numpy as jnp
        >>> from jax.experimental import checkify
        >>> envs = arenas.VectorEnv(arenas.make("rrps-v0", debug=True), 4)
        >>> error, (state, timestep) = jax.jit(checkify.checkify(envs.reset))(jax.random.key(0))
        >>> step = jax.jit(checkify.checkify(envs.step))
        >>> error, (state, timestep) = step(state, jnp.zeros((4, 2), int))
        >>> error.throw()  # raises if a check failed, in whatever row of the batch
    """

    def __init__(self, env: Env[StateT]) -> None:
        self.env = env
        self.describe_as(env)

    @property
    def unwrapped(self) -> Env[Any]:
        """The game itself."""
        return self.env.unwrapped

    def reset(self, key: PRNGKeyArray, **options: Any) -> tuple[StateT, TimeStep]:
        """As the environment's own; checks what it gives."""
        if _traced(key, options):
            return self._checked_reset(key, options)
        return _throw(self._reset_program(key, options))

    def step(self, key: PRNGKeyArray, state: StateT, action: Any) -> tuple[StateT, TimeStep]:
        """As the environment's own; checks what it is given and what it gives."""
        action = check_action(self, action)
        if _traced(key, state, action):
            return self._checked_step(key, state, action)
        return _throw(self._step_program(key, state, action))

    def step_unfinished(
        self, key: PRNGKeyArray, state: StateT, action: Any
    ) -> tuple[StateT, TimeStep]:
        """As :meth:`step`."""
        return self.step(key, state, action)

    @functools.cached_property
    def _reset_program(self) -> Callable[..., Any]:
        return jax.jit(checkify.checkify(self._checked_reset))

    @functools.cached_property
    def _step_program(self) -> Callable[..., Any]:
        return jax.jit(checkify.checkify(self._checked_step))

    @functools.cached_property
    def _host_programs(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """What :class:`arenas.host.JaxHost` calls: the checks must be thrown outside of jit."""

        def start(seed: Any, options: dict[str, Any]) -> Any:
            key = jax.random.key(seed)
            return key, *self.reset(step_key(key, 0), **options)

        def step(key: Any, state: Any, action: Any) -> Any:
            return self.step(step_key(key, state.steps + 1), state, action)

        return start, step

    def _checked_reset(self, key: PRNGKeyArray, options: dict[str, Any]) -> tuple[StateT, TimeStep]:
        state, timestep = self.env.reset(key, **options)
        self._check_finite(timestep)
        return state, timestep

    def _checked_step(
        self, key: PRNGKeyArray, state: StateT, action: Array
    ) -> tuple[StateT, TimeStep]:
        checkify.check(
            ~jnp.asarray(state.terminated | state.truncated),
            "the episode is over after {steps} steps: reset it before another step",
            steps=state.steps,
        )
        self._check_action(state, action)
        state, timestep = self.env.step(key, state, action)
        self._check_finite(timestep)
        return state, timestep

    def _check_action(self, state: StateT, action: Array) -> None:
        acting = self.env._acting(state)
        space = self.action_space
        mask = self.env._action_mask(state)
        for seat, name in enumerate(self.agents):
            given = action[seat]
            if isinstance(space, gymnasium.spaces.Box):
                inside = ((given >= space.low) & (given <= space.high)).all()  # False for NaN
                what = f"{name}: action {{action}} is outside {space}"
                checkify.check(inside | ~acting[seat], what, action=given)
                continue
            in_range = (given >= 0) & (given < space.n)
            what = f"{name}: action {{action}} is out of range; accepted are 0 to {space.n - 1}"
            checkify.check(in_range | ~acting[seat], what, action=given)
            legal = mask[seat, jnp.clip(given, 0, space.n - 1)]
            what = f"{name}: action {{action}} is illegal now; legal: {{mask}}"
            checkify.check(legal | ~acting[seat], what, action=given, mask=mask[seat])

    def _check_finite(self, timestep: TimeStep) -> None:
        leaves = jax.tree_util.tree_leaves_with_path(timestep.observation)
        for path, leaf in leaves:
            if jnp.issubdtype(leaf.dtype, jnp.inexact):
                for seat, name in enumerate(self.agents):
                    what = f"{name}: observation{jax.tree_util.keystr(path)} is not finite"
                    checkify.check(jnp.isfinite(leaf[seat]).all(), what)
        checkify.check(
            jnp.isfinite(timestep.reward).all(),
            "rewards {reward} are not finite",
            reward=timestep.reward,
        )

    # The game's own parts, for whoever asks a checked environment for them.

    def _initial(self, key: PRNGKeyArray) -> StateT:
        return self.env._initial(key)

    def _transition(self, key: PRNGKeyArray, state: StateT, action: Array) -> Transition[StateT]:
        return self.env._transition(key, state, action)

    def _observation(self, state: StateT) -> Any:
        return self.env._observation(state)

    def _action_mask(self, state: StateT) -> Array:
        return self.env._action_mask(state)

    def _acting(self, state: StateT) -> Array:
        return self.env._acting(state)

    @property
    def hidden(self) -> Any:  # type: ignore[override]
        return self.env.hidden

    def _hidden(self, state: StateT) -> Any:
        return self.env._hidden(state)


def _traced(*arguments: Any) -> bool:
    """Whether JAX is tracing, so that the caller has to functionalise the checks."""
    leaves = [*jax.tree.leaves(arguments), jnp.zeros(())]  # jit traces constants, too
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def _throw(checked: Any) -> Any:
    error, result = checked
    error.throw()
    return result

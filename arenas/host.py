"""Environments on the host: one episode at a time, NumPy in and out, every input checked.

This is what the PettingZoo and Gymnasium adapters, the command line and matches with host agents
step. A game in JAX becomes one by :class:`JaxHost`; OpenSpiel's games are nothing else.
"""

from __future__ import annotations

import abc
import hashlib
from typing import Any

import gymnasium
import jax
import numpy as np

from arenas.env import Described, Env, TimeStep
from arenas.errors import BadArgument, BadShape, EpisodeOver, IllegalAction
from arenas.rollout import check_seed, step_key


class HostEnv(Described, abc.ABC):
    """One episode of a game on the host. Bad input raises, and changes nothing.

    Implement :meth:`_reset`, :meth:`_step`, :meth:`state` and the attributes of
    :class:`arenas.env.Described`, of which ``agents`` and the two spaces have no default.

    Example:
        >>> import arenas
        >>> env = arenas.make_host("rrps-v0")
        >>> timestep = env.reset(seed=7)
        >>> env.step([0, 1]).reward.tolist()
        [-1.0, 1.0]
    """

    timestep: TimeStep | None = None  # the latest, None before the first reset
    steps: int = 0  # made in this episode

    @abc.abstractmethod
    def _reset(self, seed: int) -> TimeStep:
        """Start an episode; all arrays are NumPy's."""

    def _reset_with(self, seed: int, options: dict[str, Any]) -> TimeStep:
        """Start an episode with options of ``reset_options``; for environments that have some."""
        return self._reset(seed)

    @abc.abstractmethod
    def _step(self, action: np.ndarray) -> TimeStep:
        """One transition, for a legal joint action in an unfinished episode."""

    @abc.abstractmethod
    def state(self) -> Any:
        """The present state, a pytree of NumPy arrays; never to be changed."""

    def reset(self, seed: int, **options: Any) -> TimeStep:
        """Start the episode with this seed (0 to 2³²−1).

        Args:
            seed: the randomness of the episode.
            options: those of ``reset_options``, such as a given deck.

        Raises:
            BadArgument: not such an integer; an option that is not accepted.
        """
        self.check_reset_options(options)
        self.timestep, self.steps = self._reset_with(check_seed(seed), options), 0
        return self.timestep

    def step(self, action: Any) -> TimeStep:
        """Make one transition.

        Args:
            action: integers ``[A]`` (``Box`` spaces: floats ``[A, K]``). Entries of seats that do
                not act are not read.

        Raises:
            EpisodeOver: the episode has ended, or none was started.
            BadShape: another shape or dtype.
            IllegalAction: a seat that acts gave an action that the rules forbid now.
        """
        self.timestep = self._step(self._checked(action))
        self.steps += 1
        return self.timestep

    def _checked(self, action: Any) -> np.ndarray:
        last = self.timestep
        if last is None:
            raise EpisodeOver("no episode: call reset first")
        if last.terminated or last.truncated:
            raise EpisodeOver("the episode is over: call reset before another step")
        action = np.asarray(action)
        expected = (self.num_agents, *self.action_shape)
        if action.shape != expected:
            raise BadShape(
                f"action has shape {action.shape}; accepted is {expected}, one entry per agent"
            )
        for seat in np.flatnonzero(last.acting):
            self.check_legal(int(seat), action[seat])
        if isinstance(self.action_space, gymnasium.spaces.Box):
            return np.where(np.isfinite(action), action, 0).astype(self.action_space.dtype)
        if not last.acting.all():  # what the others pass is not read, whatever it is
            action = np.where(last.acting, action, 0)
        return action.astype(np.int32)

    def check_legal(self, seat: int, action: Any) -> None:
        """Raise unless ``action`` is one that the agent in ``seat`` may take now.

        Raises:
            BadShape: not an integer (``Box`` spaces: not floats of the space's shape).
            IllegalAction: out of range, not finite, or masked.
        """
        assert self.timestep is not None
        refuse_illegal(self, seat, action, self.timestep.action_mask[seat])

    def checksum(self) -> str:
        """SHA-256 over the present state: paths, dtypes, shapes and bytes of its arrays."""
        return state_checksum(self.state())

    def close(self) -> None:
        """Free what the environment holds."""


def refuse_illegal(env: Described, seat: int, action: Any, action_mask: Any) -> None:
    """Raise unless ``action`` is one that the agent in ``seat`` may take under this mask, ``[K]``.

    Raises:
        BadShape: not an integer (``Box`` spaces: not floats of the space's shape).
        IllegalAction: out of range, not finite, or masked.
    """
    who = env.agents[seat]
    value = np.asarray(action)
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Box):
        if value.shape != env.action_shape or value.dtype.kind not in "fiu":
            raise BadShape(f"{who}: action {action!r} is not {env.num_actions} numbers")
        if not np.isfinite(value).all() or (value < space.low).any() or (value > space.high).any():
            raise IllegalAction(f"{who}: action {value.tolist()} is outside {space}", seat)
        return
    if value.shape != () or value.dtype.kind not in "iu":
        raise BadShape(
            f"{who}: action {action!r} is not an integer; accepted are 0 to {space.n - 1}"
        )
    if not 0 <= value < space.n:
        raise IllegalAction(
            f"{who}: action {value} is out of range; accepted are 0 to {space.n - 1}", seat
        )
    if not action_mask[value]:
        label = f" ({env.action_labels[int(value)]})" if env.action_labels else ""
        legal = np.flatnonzero(action_mask).tolist()
        raise IllegalAction(f"{who}: action {value}{label} is illegal now; legal: {legal}", seat)


class JaxHost(HostEnv):
    """A JAX environment on the host; compiled once per environment object, whoever steps it."""

    def __init__(self, env: Env[Any]) -> None:
        self.env = env
        self.describe_as(env)
        if not hasattr(env, "_host_programs"):

            def start(seed: Any, options: dict[str, Any]) -> Any:
                key = jax.random.key(seed)
                return key, *env.reset(step_key(key, 0), **options)

            def step(key: Any, state: Any, action: Any) -> Any:
                return env.step_unfinished(step_key(key, state.steps + 1), state, action)

            env._host_programs = jax.jit(start), jax.jit(step)  # type: ignore[attr-defined]
        self._programs = env._host_programs  # type: ignore[attr-defined]

    @property
    def unwrapped(self) -> Env[Any]:
        """The game itself, as of :class:`arenas.Env`: agents ask for it wherever they are made."""
        return self.env.unwrapped

    def _reset(self, seed: int) -> TimeStep:
        return self._reset_with(seed, {})

    def _reset_with(self, seed: int, options: dict[str, Any]) -> TimeStep:
        options = self.env.unwrapped._concrete_reset_options(options)
        self._key, self._state, timestep = self._programs[0](np.uint32(seed), options)
        return jax.device_get(timestep)

    def _step(self, action: np.ndarray) -> TimeStep:
        self._state, timestep = self._programs[1](self._key, self._state, action)
        return jax.device_get(timestep)

    def state(self) -> Any:
        """The present state, as NumPy arrays."""
        return jax.device_get(self._state)


def as_host(env: Any) -> HostEnv:
    """``env`` as a host environment: itself if it is one.

    Raises:
        BadArgument: neither an :class:`arenas.Env` nor an :class:`arenas.HostEnv`.
    """
    if isinstance(env, HostEnv):
        return env
    if isinstance(env, Env):
        return JaxHost(env)
    raise BadArgument(f"{env!r} is not an environment of Arenas")


def state_checksum(state: Any) -> str:
    """SHA-256 over a pytree of arrays: paths, dtypes, shapes and little-endian bytes."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        header = f"{jax.tree_util.keystr(path)}:{array.dtype.str}:{array.shape};"
        digest.update(header.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()

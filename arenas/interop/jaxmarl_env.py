"""An Arenas environment as a JaxMARL environment. Importing this imports jaxmarl."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array

from arenas.env import Env
from arenas.errors import BadArgument, BadShape
from arenas.interop.jaxmarl import import_jaxmarl
from arenas.rollout import default_chunk, replace_ended

import_jaxmarl()  # without its prints, before the imports below

from jaxmarl.environments import spaces  # noqa: E402
from jaxmarl.environments.multi_agent_env import MultiAgentEnv  # noqa: E402
from jaxmarl.environments.multi_agent_env import State as BaseState  # noqa: E402


@struct.dataclass
class ArenasState(BaseState):
    """JaxMARL's ``done`` and ``step``, and the Arenas state that they are read from."""

    done: Any  # bool [], or batched
    step: Any  # int32 [], or batched
    arenas: Any


class ArenasJaxMARL(MultiAgentEnv):
    """An :class:`arenas.Env` as a JaxMARL ``MultiAgentEnv``; ``arenas.make(id, api="jaxmarl")``.

    Dictionaries are keyed by the names in ``agents``. With the keys of an Arenas episode
    (``reset(step_key(key, 0))``, then ``step_env(step_key(key, t), ...)``, see
    :mod:`arenas.rollout`) the trajectory is Arenas' own, bit for bit; typed and legacy ``uint32``
    keys are the same. ``step`` splits its key as JaxMARL's does and gives what JaxMARL's own
    ``MultiAgentEnv.step`` would give, but under ``vmap`` it starts new episodes only where one
    ended.

    * **Observation**: a ``Box`` stays as it is. Any other becomes one float32 vector, as
      ``gymnasium.spaces.flatten`` makes it: entries of a ``Dict`` in its order (sorted by name),
      ``Discrete`` one-hot.
    * **Done**: ``terminated or truncated``, the same for every agent and ``"__all__"``: JaxMARL has
      no truncation. ``info["terminated"]`` and ``info["truncated"]`` keep the difference; after an
      automatic reset the final observation is not handed out.
    * **Masks**: ``get_avail_actions`` answers for every game, bool ``[K]``, all True where
      everything is legal. Seats that do not act have the no-op alone where the game has one
      (Hanabi, and the dead of SMAX), else all True; what they pass is not read. With ``Box``
      actions, the dimensions that the agent uses.
    * **Info**: each entry an array ``[num_agents]``, the layout to which JaxMARL's ``LogWrapper``
      adds its own and which its training scripts reshape to actors. A scalar is repeated for every
      agent; an array of another shape is split into entries ``name/0``, ``name/1``, ...
    * ``"world_state"`` is added to the observations where the game has one: our SMAX, and some of
      JaxMARL's environments.
    * **What else scripts ask a game for**, such as SMAX's ``num_allies`` or ``state_size``, is the
      game's own public attribute.

    Attributes:
        env: the Arenas environment.
    """

    def __init__(self, env: Env[Any]) -> None:
        super().__init__(num_agents=env.num_agents)
        self.env = env
        self.agents = list(env.agents)
        self.observation_spaces = {a: _observation_space(env) for a in self.agents}
        self.action_spaces = {a: _space(env.action_space) for a in self.agents}
        self._auto_reset = _auto_reset(lambda keys: jax.vmap(self.reset)(keys))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "env" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return getattr(self.env.unwrapped, name)

    @property
    def name(self) -> str:
        """The id, such as ``rrps-v0``."""
        return self.env.spec.id if self.env.spec else type(self.env.unwrapped).__name__

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """One class, since all seats are of one shape; a JaxMARL environment's own if it says."""
        try:
            original: Any = self.env.unwrapped.original  # type: ignore[attr-defined]
            classes: Any = original.agent_classes
            classes = classes() if callable(classes) else classes
        except (AttributeError, NotImplementedError):
            # A game of ours; or one of JaxMARL's whose classes its base class leaves open.
            return {"agent": list(self.agents)}
        return {c: [a] if isinstance(a, str) else list(a) for c, a in classes.items()}

    @functools.partial(jax.jit, static_argnums=(0,))
    def reset(self, key: Array, **options: Any) -> tuple[dict[str, Array], ArenasState]:
        """Start an episode: observations by agent, and the state.

        Args:
            key: the randomness of the start.
            options: those of the game's ``reset_options``, such as Hanabi's ``deck``.
        """
        state, timestep = self.env.reset(_typed(key), **options)
        return self._observations(state, timestep.observation), _wrap(state)

    @functools.partial(jax.jit, static_argnums=(0,))
    def step(
        self,
        key: Array,
        state: ArenasState,
        actions: Mapping[str, Any],
        reset_state: ArenasState | None = None,
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Make one transition, and start a new episode where this one ended.

        Args:
            key: split in two, as JaxMARL does: for the step, and for the new episode.
            state: as ``reset`` or ``step`` returned it.
            actions: by agent; integers, or floats ``[K]`` with ``Box`` actions.
            reset_state: start from this state instead of a fresh one.

        Returns:
            Observations, state, rewards, dones and info; the first two of the new episode where
            one ended, the others of the step just made.
        """
        key, key_reset = jax.random.split(key)
        observations, state, rewards, dones, info = self.step_env(key, state, actions)
        kept = (observations, state)
        if reset_state is None:
            rows = jax.tree.map(lambda x: x[None], (dones["__all__"], key_reset, kept))
            kept = jax.tree.map(lambda x: x[0], self._auto_reset(*rows))
        else:
            fresh = (self.get_obs(reset_state), reset_state)
            kept = jax.tree.map(lambda f, k: jnp.where(dones["__all__"], f, k), fresh, kept)
        return *kept, rewards, dones, info

    def step_env(  # type: ignore[override]
        self, key: Array, state: ArenasState, actions: Mapping[str, Any]
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Make one transition; never resets by itself. See :meth:`step`.

        Raises:
            BadArgument: an agent's action is missing.
            BadShape: an action has another shape or dtype.
        """
        return self._step_env(key, state, actions)

    @functools.partial(jax.jit, static_argnums=(0,))
    def _step_env(self, key: Array, state: ArenasState, actions: Mapping[str, Any]) -> Any:
        new, timestep = self.env.step(_typed(key), state.arenas, self._joint_action(actions))
        done = timestep.terminated | timestep.truncated
        rewards = {a: timestep.reward[i] for i, a in enumerate(self.agents)}
        dones = dict.fromkeys((*self.agents, "__all__"), done)
        info = _by_agent(timestep.info, self.num_agents) | {
            n: jnp.broadcast_to(getattr(timestep, n), self.num_agents)
            for n in ("terminated", "truncated")
        }
        return self._observations(new, timestep.observation), _wrap(new), rewards, dones, info

    def get_obs(self, state: ArenasState) -> dict[str, Array]:  # type: ignore[override]
        """Observations by agent."""
        return self._get_obs(state)

    @functools.partial(jax.jit, static_argnums=(0,))
    def _get_obs(self, state: ArenasState) -> dict[str, Array]:
        return self._observations(state.arenas, self._timestep(state).observation)

    @functools.partial(jax.jit, static_argnums=(0,))
    def get_avail_actions(self, state: ArenasState) -> dict[str, Array]:
        """Legal actions by agent, bool ``[K]``."""
        mask = self._timestep(state).action_mask
        return {a: mask[i] for i, a in enumerate(self.agents)}

    def get_legal_moves(self, state: ArenasState) -> dict[str, Array]:
        """:meth:`get_avail_actions`, by the name that JaxMARL's Hanabi and its wrappers use."""
        return self.get_avail_actions(state)

    def _timestep(self, state: ArenasState) -> Any:
        env = self.env.unwrapped
        return env._timestep(state.arenas, jnp.zeros(self.num_agents, jnp.float32), {})

    def _observations(self, state: Any, observation: Any) -> dict[str, Array]:
        space = self.env.observation_space
        by_agent = {
            a: jax.tree.map(lambda x, i=i: x[i], observation) for i, a in enumerate(self.agents)
        }
        if not isinstance(space, gymnasium.spaces.Box):
            by_agent = {a: _flatten(space, x) for a, x in by_agent.items()}
        world_state = getattr(self.env.unwrapped, "world_state", None)
        return by_agent if world_state is None else {**by_agent, "world_state": world_state(state)}

    def _joint_action(self, actions: Mapping[str, Any]) -> Array:
        missing = [a for a in self.agents if a not in actions]
        if missing:
            raise BadArgument(f"no action for {', '.join(missing)}; every agent needs one")
        rows = [jnp.asarray(actions[a]) for a in self.agents]
        size = int(np.prod(self.env.action_shape))
        for agent, row in zip(self.agents, rows, strict=True):
            if row.size != size:  # JaxMARL's scripts leave an axis of one
                raise BadShape(
                    f"action of {agent} has shape {row.shape}; accepted is {self.env.action_shape}"
                )
        return jnp.stack([row.reshape(self.env.action_shape) for row in rows])


def _typed(key: Array) -> Array:
    """A legacy ``uint32`` key as a typed one, with the same bits."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return key if typed else jax.random.wrap_key_data(key)


def _wrap(state: Any) -> ArenasState:
    return ArenasState(done=state.terminated | state.truncated, step=state.steps, arenas=state)


def _auto_reset(start: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """``(ended, keys, kept)`` of ``N`` rows to ``kept`` with fresh rows where ended.

    A select would start an episode for every row of a ``vmap``, at every step, to throw it away.
    This one merges the axis of each ``vmap`` around it into its rows, and starts what ended only.
    """

    @jax.custom_batching.custom_vmap
    def auto_reset(ended: Any, keys: Any, kept: Any) -> Any:
        return replace_ended(ended, keys, kept, start, default_chunk(len(ended)))

    @auto_reset.def_vmap
    def _(size: int, batched: Any, *arguments: Any) -> Any:
        def merged(is_batched: bool, x: Any) -> Any:
            x = x if is_batched else jnp.broadcast_to(x, (size, *x.shape))
            return x.reshape(size * x.shape[1], *x.shape[2:])

        out = auto_reset(*jax.tree.map(merged, tuple(batched), arguments))
        out = jax.tree.map(lambda x: x.reshape(size, x.shape[0] // size, *x.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return auto_reset


def _by_agent(info: Any, num_agents: int) -> dict[str, Array]:
    """``info`` as entries ``[num_agents]``."""
    entries: dict[str, Array] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(info):
        name = "/".join(str(getattr(p, "key", getattr(p, "name", p))) for p in path)
        leaf = jnp.asarray(leaf)
        if leaf.ndim == 0 or leaf.shape[0] != num_agents:
            leaf = jnp.broadcast_to(leaf, (num_agents, *leaf.shape))
        if leaf.ndim == 1:
            entries[name] = leaf
            continue
        parts = leaf.reshape(num_agents, -1)
        entries |= {f"{name}/{i}": parts[:, i] for i in range(parts.shape[1])}
    return entries


def _flatten(space: gymnasium.Space[Any], x: Any) -> Array:
    """What ``gymnasium.spaces.flatten`` makes of one observation, as a float32 vector."""
    parts = _parts(space, x)
    if len({p.dtype for p in parts}) > 1:
        parts = [p.astype(jnp.float32) for p in parts]
    return jnp.concatenate(parts).astype(jnp.float32)  # small dtypes are joined before they grow


def _parts(space: gymnasium.Space[Any], x: Any) -> list[Array]:
    if isinstance(space, gymnasium.spaces.Dict):
        return [part for k, s in space.spaces.items() for part in _parts(s, x[k])]
    if isinstance(space, gymnasium.spaces.Discrete):
        return [jax.nn.one_hot(x - int(space.start), int(space.n), dtype=jnp.float32)]
    return [jnp.ravel(x)]


def _observation_space(env: Env[Any]) -> spaces.Space:
    space = env.observation_space
    if isinstance(space, gymnasium.spaces.Box):
        return _space(space)
    if not _flattens(space):
        raise BadArgument(f"observation space {space} of {env!r}; accepted are Box, Discrete, Dict")
    flat = gymnasium.spaces.flatten_space(space)
    assert isinstance(flat, gymnasium.spaces.Box)
    return _space(gymnasium.spaces.Box(flat.low.astype(np.float32), flat.high.astype(np.float32)))


def _flattens(space: gymnasium.Space[Any]) -> bool:
    if isinstance(space, gymnasium.spaces.Dict):
        return all(_flattens(s) for s in space.spaces.values())
    return isinstance(space, gymnasium.spaces.Box | gymnasium.spaces.Discrete)


def _space(space: gymnasium.Space[Any]) -> spaces.Space:
    if isinstance(space, gymnasium.spaces.Discrete):
        return spaces.Discrete(int(space.n))
    assert isinstance(space, gymnasium.spaces.Box)
    shape = _Length(space.shape) if len(space.shape) == 1 else space.shape
    return spaces.Box(space.low, space.high, shape, space.dtype)


class _Length(tuple[int, ...]):
    """A shape ``(n,)`` that is also the integer ``n`` where a length is asked for.

    JaxMARL's Hanabi declares its observations' shape as a bare integer, which its training scripts
    put into ``jnp.zeros((1, envs, space.shape))``; scripts for other games take ``space.shape[0]``.
    """

    __slots__ = ()

    def __index__(self) -> int:
        return self[0]

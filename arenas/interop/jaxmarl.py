"""JaxMARL's environments in Arenas, and Arenas' environments in JaxMARL.

Importing this does not import jaxmarl, which takes seconds and prints.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, struct
from arenas.errors import BadArgument, UnknownName
from arenas.registry import EnvSpec

# JaxMARL's registered environments, so far as they are known without importing it:
# name: (players with default arguments, kind, turn-based, horizon with default arguments, summary)
_MPE = "Multi-agent particles: "
_KNOWN: dict[str, tuple[int | str, Any, bool, int | None, str]] = {
    "MPE_simple_v3": (1, "single-agent", False, 26, _MPE + "reach a landmark."),
    "MPE_simple_tag_v3": (4, "mixed", False, 26, _MPE + "predators chase prey."),
    "MPE_simple_world_comm_v3": (6, "mixed", False, 26, _MPE + "tag with a leader who speaks."),
    "MPE_simple_spread_v3": (3, "cooperative", False, 26, _MPE + "cover all landmarks."),
    "MPE_simple_crypto_v3": (3, "mixed", False, 26, _MPE + "a secret, and one who listens in."),
    "MPE_simple_speaker_listener_v4": (2, "cooperative", False, 26, _MPE + "say where to go."),
    "MPE_simple_push_v3": (2, "competitive", False, 26, _MPE + "push the other off."),
    "MPE_simple_adversary_v3": (3, "mixed", False, 26, _MPE + "hide the goal from one."),
    "MPE_simple_reference_v3": (2, "cooperative", False, 26, _MPE + "both speak, both move."),
    "MPE_simple_facmac_v1": (4, "mixed", False, 26, _MPE + "continuous tag of FACMAC."),
    "MPE_simple_facmac_3a_v1": (4, "mixed", False, 26, _MPE + "FACMAC tag, 3 predators."),
    "MPE_simple_facmac_6a_v1": (8, "mixed", False, 26, _MPE + "FACMAC tag, 6 predators."),
    "MPE_simple_facmac_9a_v1": (12, "mixed", False, 26, _MPE + "FACMAC tag, 9 predators."),
    "switch_riddle": (3, "cooperative", True, 6, "A hundred prisoners and a light bulb."),
    "SMAX": (10, "mixed", False, 101, "StarCraft-like battles; every unit is an agent."),
    "HeuristicEnemySMAX": (5, "cooperative", False, 101, "SMAX against scripted enemies."),
    "LearnedPolicyEnemySMAX": (5, "cooperative", False, 101, "SMAX against a given policy."),
    "ant_4x2": (4, "cooperative", False, None, "Multi-agent MuJoCo ant in brax."),
    "halfcheetah_6x1": (6, "cooperative", False, None, "Multi-agent half-cheetah in brax."),
    "hopper_3x1": (3, "cooperative", False, None, "Multi-agent hopper in brax."),
    "humanoid_9|8": (2, "cooperative", False, None, "Multi-agent humanoid in brax."),
    "walker2d_2x3": (2, "cooperative", False, None, "Multi-agent walker in brax."),
    "storm": (2, "mixed", False, 152, "Matrix games met on a grid."),
    "storm_2p": (2, "mixed", False, 152, "Matrix games met on a grid, for two."),
    "storm_np": (2, "mixed", False, 152, "Matrix games met on a grid, for many."),
    "hanabi": (2, "cooperative", True, None, "The card game Hanabi."),
    "overcooked": (2, "cooperative", False, 400, "Cooks share a kitchen."),
    "overcooked_v2": (2, "cooperative", False, 400, "Cooks share a kitchen, with recipes to tell."),
    "coin_game": (2, "mixed", False, 100, "Coins of two colours: a social dilemma."),
    "jaxnav": (2, "mixed", False, 500, "Robots drive past each other to their goals."),
    "JaxRobotarium_navigation": ("?", "cooperative", False, None, "Robotarium: navigation."),
    "JaxRobotarium_discovery": ("?", "cooperative", False, None, "Robotarium: discovery."),
    "JaxRobotarium_material_transport": ("?", "cooperative", False, None, "Robotarium: loads."),
    "JaxRobotarium_warehouse": ("?", "cooperative", False, None, "Robotarium: warehouse."),
    "JaxRobotarium_arctic_transport": ("?", "cooperative", False, None, "Robotarium: ice."),
    "JaxRobotarium_foraging": ("?", "cooperative", False, None, "Robotarium: foraging."),
    "JaxRobotarium_rware": ("?", "cooperative", False, None, "Robotarium: RWARE."),
    "JaxRobotarium_predator_prey": ("?", "mixed", False, None, "Robotarium: predators, prey."),
}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep JaxMARL's prints off standard output, and its advice about its own code unsaid."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def import_jaxmarl() -> Any:
    """The module ``jaxmarl``, imported without its prints."""
    if "jaxmarl.environments" not in sys.modules:
        # Its import prints, and points sys.stdout and sys.stderr at the original streams.
        saved = {n: getattr(sys, n) for n in ("stdout", "stderr", "__stdout__", "__stderr__")}
        try:
            with _quiet():
                sys.__stdout__ = sys.stdout  # type: ignore[misc]
                importlib.import_module("jaxmarl.environments")
        finally:
            for name, stream in saved.items():
                setattr(sys, name, stream)
    return importlib.import_module("jaxmarl")


def env_names() -> tuple[str, ...]:
    """Names registered in the installed JaxMARL; imports it."""
    return tuple(import_jaxmarl().registration.registered_envs)


def env_spec(name: str) -> EnvSpec:
    """The entry of a JaxMARL environment, behind ``jaxmarl/``.

    Players and horizon are those of the default arguments.

    Raises:
        UnknownName: JaxMARL has no environment of this name; names the nearest.
    """
    if name not in _KNOWN and name not in (names := env_names()):
        raise UnknownName("environment of JaxMARL", name, names)
    players, kind, turn_based, horizon, summary = _KNOWN.get(
        name, ("?", "unknown", False, None, "")
    )
    return EnvSpec(
        id=f"jaxmarl/{name}",
        entry_point=functools.partial(from_jaxmarl, name),
        game=f"jaxmarl/{name}",
        summary=summary,
        players=players,
        kind=kind,
        turn_based=turn_based,
        horizon=horizon,
        paper="https://arxiv.org/abs/2311.10090",
    )


def from_jaxmarl(name: str, /, **kwargs: Any) -> JaxmarlEnv:
    """An environment registered in JaxMARL, as an :class:`arenas.Env`.

    Args:
        name: as JaxMARL registers it.
        kwargs: handed to ``jaxmarl.make``. Text stands for JaxMARL's own objects where it has a
            table of them: ``scenario="3m"`` (SMAX), ``layout="coord_ring"`` (Overcooked),
            ``observation_type="featurized"`` (Overcooked v2).

    Raises:
        UnknownName: no such scenario or layout; names the nearest.
        BadArgument: JaxMARL does not make it; says JaxMARL's reason.
    """
    jaxmarl = import_jaxmarl()
    given = _objects(name, kwargs)
    try:
        with _quiet():
            env = jaxmarl.make(name, **given)
    except Exception as error:  # whatever another library raises, the reason is for the user
        raise BadArgument(f"JaxMARL does not make {name!r}: {_reason(error)}") from error
    return JaxmarlEnv(env, name)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _objects(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """``kwargs`` with JaxMARL's objects in place of their names."""
    from jaxmarl.environments.overcooked import overcooked_layouts
    from jaxmarl.environments.overcooked_v2.overcooked import ObservationType
    from jaxmarl.environments.smax import smax_env

    tables: dict[tuple[bool, str], tuple[str, Mapping[str, Any]]] = {
        ("SMAX" in name, "scenario"): ("SMAX scenario", smax_env.MAP_NAME_TO_SCENARIO),
        (name == "overcooked", "layout"): ("Overcooked layout", overcooked_layouts),
        (name == "overcooked_v2", "observation_type"): (
            "Overcooked observation type",
            {t.value: t for t in ObservationType},
        ),
    }
    given = dict(kwargs)
    for (applies, argument), (what, table) in tables.items():
        value = given.get(argument)
        if applies and isinstance(value, str):
            if value not in table:
                raise UnknownName(what, value, table)
            given[argument] = table[value]
    if name == "hanabi" and isinstance(given.get("num_cards_of_rank"), list | tuple):
        given["num_cards_of_rank"] = np.asarray(given["num_cards_of_rank"])
    return given


@struct
class JaxmarlState(State):
    """JaxMARL's state and what JaxMARL said beside it.

    JaxMARL's observations depend on more than the state in some games, so they are kept.
    """

    inner: Any  # JaxMARL's own state
    observation: PyTree[AnyArray]  # [A, ...]
    mask: Bool[AnyArray, "*batch agents actions"] | None  # None where it never changes
    agent_done: Bool[AnyArray, "*batch agents"]


class JaxmarlEnv(Env[JaxmarlState]):
    """A JaxMARL environment as an :class:`arenas.Env`; made by ``arenas.make("jaxmarl/<NAME>")``.

    The same keys give JaxMARL's own trajectory: ``reset(key)`` is its ``reset(key)`` and
    ``step(key, ...)`` its ``step_env(key, ...)`` (its ``step`` splits the key first).

    * **Observation**: ``[A, ...]``, as JaxMARL returns them. Shapes that differ between agents are
      filled up with zeros at the end of each axis; where the rank differs, flattened first. A
      dictionary per agent becomes a ``Dict`` space. The bounds are those of the dtype, because
      JaxMARL's declared ones do not always hold. What JaxMARL returns for no agent (SMAX's
      ``world_state``) is left out: ``env.world_state(state)`` answers it.
    * **Action**: ``Discrete`` of the most actions that an agent has, or ``Box`` of the most
      dimensions, within the widest bounds; each agent's values are clipped to its own.
    * **Mask**: JaxMARL's ``get_avail_actions`` (Hanabi: ``get_legal_moves``) where it answers, else
      everything; never an action, or dimension, that the agent does not have.
    * **Acting**: agents that JaxMARL says are done do not act. In ``hanabi`` and ``switch_riddle``
      the seat whose turn it is acts alone; Hanabi's no-op, legal for the others in JaxMARL, stays
      an action that is never legal.
    * **Reward**: by agent, as JaxMARL returns it, for done agents also.
    * **Termination**: JaxMARL reports one ``done``. Where the environment has ``max_steps``, the
      episode is truncated if a copy of it without that limit would not be done in this step, and
      terminated otherwise. Where it has none, every end is a termination.
    * **Info**: JaxMARL's, with dictionaries by agent as arrays ``[A]``; and ``agent_done``, bool
      ``[A]``.

    Attributes:
        original: JaxMARL's environment.
        world_state: from a state, what JaxMARL's ``get_world_state`` answers; None where it has
            none.

    Example:
        >>> import arenas, jax
        >>> env = arenas.make("jaxmarl/SMAX", scenario="3m")
        >>> state, timestep = jax.jit(env.reset)(jax.random.key(0))
        >>> timestep.action_mask.shape
        (6, 8)
    """

    def __init__(self, original: Any, name: str) -> None:
        """Wrap an environment.

        Args:
            original: a ``jaxmarl`` ``MultiAgentEnv``.
            name: the name that JaxMARL registers it under.

        Raises:
            BadArgument: its action spaces are neither all ``Discrete`` nor all ``Box``, or JaxMARL
                fails to trace it.
        """
        self.original, self._name = original, name
        self._names = list(original.agents)  # JaxMARL's, which are numbers in some games
        self.agents = tuple(a if isinstance(a, str) else f"agent_{a}" for a in self._names)
        self._set_action_space()
        self._limitless = _without_limit(original)
        self.max_steps = _limit(original)
        self.world_state: Callable[[JaxmarlState], Array] | None = None
        if hasattr(original, "get_world_state"):
            self.world_state = lambda state: original.get_world_state(state.inner)
        try:
            self._legal_moves = self._find_legal_moves()
            self._template = jax.eval_shape(self._initial, jax.random.key(0))
            action = jax.ShapeDtypeStruct(
                (self.num_agents, *self.action_shape),
                self.action_space.dtype if self._bounds else np.int32,
            )
            jax.eval_shape(self._transition, jax.random.key(0), self._template, action)
        except BadArgument:
            raise
        except Exception as error:  # whatever another library raises, the reason is for the user
            raise BadArgument(f"JaxMARL's {name!r} does not run: {_reason(error)}") from error
        self.observation_space = _spaces(self._template.observation)

    # Spaces ---------------------------------------------------------------------------------------

    def _set_action_space(self) -> None:
        from jaxmarl.environments import spaces

        own = [self.original.action_space(a) for a in self._names]
        self._bounds: list[tuple[np.ndarray, np.ndarray]] | None = None
        if all(isinstance(s, spaces.Discrete) for s in own):
            sizes = [int(s.n) for s in own]
            self.action_space = gymnasium.spaces.Discrete(max(sizes))
        elif all(isinstance(s, spaces.Box) for s in own):
            self._shapes = [tuple(np.atleast_1d(s.shape).tolist()) for s in own]
            self._bounds = bounds = [(_bound(s, s.low), _bound(s, s.high)) for s in own]
            sizes = [len(low) for low, _ in bounds]
            low = np.full(max(sizes), np.inf, np.float32)
            high = -low
            for own_low, own_high in bounds:
                low[: len(own_low)] = np.minimum(low[: len(own_low)], own_low)
                high[: len(own_high)] = np.maximum(high[: len(own_high)], own_high)
            self.action_space = gymnasium.spaces.Box(low, high, dtype=np.float32)
        else:
            kinds = sorted({type(s).__name__ for s in own})
            raise BadArgument(
                f"JaxMARL's {self._name!r} has action spaces {', '.join(kinds)}; accepted are all "
                "Discrete or all Box"
            )
        self._own = np.arange(max(sizes)) < np.array(sizes)[:, None]  # [A, K]

    def _find_legal_moves(self) -> Callable[[Any], Mapping[Any, Array]] | None:
        """JaxMARL's function from its state to legal actions by agent, if it answers."""
        if self._bounds:
            return None
        state = jax.eval_shape(self._started, jax.random.key(0))[1]
        for method in ("get_avail_actions", "get_legal_moves"):
            function = getattr(self.original, method, None)
            if function is not None:
                try:
                    jax.eval_shape(function, state)
                except NotImplementedError:  # JaxMARL's base class, where a game does not answer
                    continue
                return function
        return None

    # The rules, which are JaxMARL's ---------------------------------------------------------------

    def _started(self, key: PRNGKeyArray) -> tuple[Any, Any]:
        with _quiet():
            return self.original.reset(key)

    def _initial(self, key: PRNGKeyArray) -> JaxmarlState:
        observation, inner = self._started(key)
        inner = jax.tree.map(_strong, inner)
        return JaxmarlState(
            **NOT_STARTED,
            inner=inner,
            observation=self._by_agent(observation, pad=True),
            mask=self._mask(inner),
            agent_done=jnp.zeros(self.num_agents, bool),
        )

    def _transition(
        self, key: PRNGKeyArray, state: JaxmarlState, action: AnyArray
    ) -> Transition[JaxmarlState]:
        actions = self._to_jaxmarl(jnp.asarray(action))
        with _quiet():
            observation, inner, reward, dones, info = self.original.step_env(
                key, state.inner, actions
            )
            done = jnp.asarray(dones["__all__"], bool)
            by_rules = done
            if self._limitless is not None:
                if "SMAX" in self._name:  # its battle is a loop, which would be run twice
                    by_rules = done & self._limitless.is_terminal(inner)
                else:
                    by_rules = self._limitless.step_env(key, state.inner, actions)[3]["__all__"]
        inner = jax.tree.map(lambda t, x: _like(t, x), self._template.inner, inner)
        agent_done = jnp.stack([jnp.asarray(dones.get(a, done), bool) for a in self._dones(dones)])
        new = state.replace(
            inner=inner,
            observation=jax.tree.map(
                _like, self._template.observation, self._by_agent(observation, pad=True)
            ),
            mask=self._mask(inner),
            agent_done=agent_done,
        )
        reward = self._by_agent(reward, pad=False).astype(jnp.float32)
        return Transition(
            state=new,
            reward=reward,
            terminated=by_rules,
            truncated=done & ~by_rules,
            info={"agent_done": agent_done} | self._info(info),
        )

    def _observation(self, state: JaxmarlState) -> PyTree[Array]:
        return state.observation

    def _action_mask(self, state: JaxmarlState) -> Bool[Array, "agents actions"]:
        return jnp.asarray(self._own) if state.mask is None else jnp.asarray(state.mask)

    def _acting(self, state: JaxmarlState) -> Bool[Array, " agents"]:
        acting = ~jnp.asarray(state.agent_done)
        if self._name == "hanabi":
            seat = jnp.argmax(state.inner.cur_player_idx)
            acting &= jnp.arange(self.num_agents) == state.inner.seat_order[seat]
        elif self._name == "switch_riddle":
            acting &= jnp.arange(self.num_agents) == state.inner.agent_in_room
        return acting

    # JaxMARL's dictionaries -----------------------------------------------------------------------

    def _to_jaxmarl(self, action: Array) -> dict[Any, Array]:
        if self._bounds is None:
            return {a: action[i] for i, a in enumerate(self._names)}
        return {
            a: jnp.clip(action[i, : len(low)], low, high).reshape(self._shapes[i])
            for i, (a, (low, high)) in enumerate(zip(self._names, self._bounds, strict=True))
        }

    def _dones(self, dones: Mapping[Any, Any]) -> Sequence[Any]:
        """The keys of ``dones`` by agent: our names where JaxMARL does not use its own."""
        return [n if n in dones else a for n, a in zip(self._names, self.agents, strict=True)]

    def _mask(self, inner: Any) -> Array | None:
        if self._legal_moves is None:
            return None
        with _quiet():
            legal = self._legal_moves(inner)
        rows = [
            jnp.pad(jnp.asarray(legal[a], bool), (0, self.num_actions - len(legal[a])))
            for a in self._names
        ]
        return jnp.stack(rows)

    def _by_agent(self, values: Any, *, pad: bool) -> Any:
        """What JaxMARL says of each agent, as arrays ``[A, ...]``."""
        if isinstance(values, Mapping) and all(a in values for a in self._names):
            return _stack([values[a] for a in self._names], pad=pad)
        if isinstance(values, list | tuple):
            return _stack(list(values), pad=pad)
        if self._name == "storm" and isinstance(values, Mapping):  # [5, A], beside [A, ...]
            values = {**values, "inventory": values["inventory"].T}
        return jax.tree.map(_plain, values)

    def _info(self, info: Any) -> dict[str, Any]:
        if not isinstance(info, Mapping):
            return {}
        return {
            str(k): self._info_entry(v) for k, v in info.items() if v is not None and k is not None
        }

    def _info_entry(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if all(a in value for a in self._names):
                return _stack([value[a] for a in self._names], pad=True)
            return {str(k): self._info_entry(v) for k, v in value.items()}
        return jax.tree.map(_strong, value)


def _bound(space: Any, bound: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(bound, np.float32), space.shape).reshape(-1)


def _limit(original: Any) -> int | None:
    """Steps in the longest episode, where JaxMARL's environment declares it."""
    from jaxmarl.environments.mpe.simple import SimpleMPE
    from jaxmarl.environments.smax import SMAX

    if (inner := getattr(original, "num_inner_steps", None)) is not None:
        return int(inner) * int(original.num_outer_steps)
    limit = getattr(original, "max_steps", None)
    if limit is None:
        return None
    battle = getattr(original, "_env", original)
    return int(limit) + isinstance(battle, SimpleMPE | SMAX)  # these compare before they count


def _without_limit(original: Any) -> Any:
    """A copy of an environment whose step limit is never reached, or None if it has no limit."""
    if getattr(original, "max_steps", None) is None:
        return None
    # not copy.copy: JaxMARL's wrappers answer attributes of the environment that they hold
    twin = object.__new__(type(original))
    twin.__dict__.update(original.__dict__)
    if "max_steps" in twin.__dict__:
        twin.max_steps = 2**30
    if "_env" in twin.__dict__:
        twin._env = _without_limit(original._env)
    return twin


def _plain(x: Any) -> Array:
    """An array of a dtype that gymnasium's ``Box`` knows."""
    x = _strong(x)
    return x.astype(jnp.uint8) if x.dtype == bool else x


def _strong(x: Any) -> Array:
    """An array whose dtype is its own: Python numbers made it weak, which loops do not carry."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jax.dtypes.extended) else x.astype(x.dtype)


def _like(template: jax.ShapeDtypeStruct, x: Any) -> Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jax.dtypes.extended) else x.astype(template.dtype)


def _stack(values: list[Any], *, pad: bool) -> Any:
    """One pytree per agent as one pytree of arrays ``[A, ...]``, shapes made equal by zeros."""
    values = [jax.tree.map(_plain if pad else _strong, v) for v in values]
    if len({jax.tree.structure(v) for v in values}) > 1:
        values = [jnp.concatenate([x.ravel() for x in jax.tree.leaves(v)]) for v in values]
    return jax.tree.map(lambda *leaves: _stack_arrays(leaves), *values)


def _stack_arrays(arrays: Sequence[Array]) -> Array:
    if len({x.ndim for x in arrays}) > 1:
        arrays = [x.ravel() for x in arrays]
    shape = np.max([x.shape for x in arrays], axis=0)
    if all(x.shape == tuple(shape) for x in arrays):
        return jnp.stack(arrays)
    return jnp.stack(
        [jnp.pad(x, [(0, int(n) - m) for n, m in zip(shape, x.shape, strict=True)]) for x in arrays]
    )


def _spaces(observation: Any) -> gymnasium.Space[Any]:
    """The space of one agent's observation, from shapes ``[A, ...]``; bounds are the dtype's."""
    if isinstance(observation, Mapping):
        return gymnasium.spaces.Dict({k: _spaces(v) for k, v in observation.items()})
    dtype = np.dtype(observation.dtype)
    if dtype.kind == "f":
        low, high = -np.inf, np.inf
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return gymnasium.spaces.Box(low, high, observation.shape[1:], dtype.type)


def to_jaxmarl(env: Env[Any]) -> Any:
    """``env`` as a JaxMARL ``MultiAgentEnv``: :class:`arenas.interop.jaxmarl_env.ArenasJaxMARL`."""
    from arenas.interop.jaxmarl_env import ArenasJaxMARL

    return ArenasJaxMARL(env)

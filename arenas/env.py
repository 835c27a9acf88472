"""What an environment is: pure functions of an explicit state and an explicit key.

Agents are an array axis, never dictionary keys: ``A`` agents, ``K`` actions. Dictionaries exist at
the edges only (:mod:`arenas.interop`). :class:`Env` keeps the contract once for every game:
stepping a finished episode, illegal actions, the step limit and the masks of seats that do not act
are handled here, and a game states its rules and nothing else.
"""

from __future__ import annotations

import abc
import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, dataclass_transform

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int, Int32, PRNGKeyArray, PyTree

from arenas.errors import BadArgument, BadShape

if TYPE_CHECKING:
    from arenas.registry import EnvSpec

AnyArray = Array | np.ndarray
T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def struct(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only dataclass that is a JAX pytree of all its fields.

    Rebuilding one from leaves does not run ``__init__``, because JAX puts placeholders of any type
    where the arrays were.
    """
    data = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    names = tuple(f.name for f in dataclasses.fields(data))  # type: ignore[arg-type]

    def flatten(x: Any) -> tuple[tuple[Any, ...], None]:
        return tuple(getattr(x, n) for n in names), None

    def flatten_with_keys(x: Any) -> tuple[tuple[Any, ...], None]:
        return tuple((jax.tree_util.GetAttrKey(n), getattr(x, n)) for n in names), None

    def unflatten(_: None, children: Any) -> Any:
        new = object.__new__(data)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(new, name, child)
        return new

    jax.tree_util.register_pytree_with_keys(data, flatten_with_keys, unflatten, flatten)
    return data


class _Replace:
    def replace(self: T, **changes: Any) -> T:
        """A copy with these fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@struct
class State(_Replace):
    """What every game's state holds; a game's own state derives from it with ``@struct``.

    The base class :class:`Env` keeps these three fields; a game only reads them.
    """

    steps: Int32[AnyArray, "*batch"]  # steps taken in this episode
    terminated: Bool[AnyArray, "*batch"]  # the game ended by its rules
    truncated: Bool[AnyArray, "*batch"]  # the episode was cut by the step limit


StateT = TypeVar("StateT", bound=State)

NOT_STARTED: dict[str, Any] = {
    "steps": np.zeros((), np.int32),
    "terminated": np.zeros((), bool),
    "truncated": np.zeros((), bool),
}
"""Values of :class:`State`'s own fields in ``_initial``; ``Env.reset`` makes them arrays."""


@struct
class TimeStep(_Replace):
    """What the agents learn from one step. ``A`` agents, ``K`` actions.

    Termination and truncation are never merged, and never both true.
    """

    observation: PyTree[AnyArray]  # [A, ...], or a pytree of such
    action_mask: Bool[AnyArray, "*batch agents actions"]
    """What is legal now. Rows of seats that do not act are ``env.waiting_mask``: the no-op alone
    where the game has one, else all True; what they pass is not read. With a ``Box`` action space,
    the dimensions that the agent uses."""
    reward: Float32[AnyArray, "*batch agents"]  # for the step just made; zeros after a reset
    terminated: Bool[AnyArray, "*batch"]
    truncated: Bool[AnyArray, "*batch"]
    acting: Bool[AnyArray, "*batch agents"]
    """Whose action the next step reads: one-hot in turn-based games, all False after the end."""
    info: dict[str, Any]  # what a researcher logs; the same structure at reset, as zeros


class _Transition(NamedTuple):
    state: Any
    reward: Array  # [A]
    terminated: Array | bool  # []
    info: dict[str, Array] = {}  # noqa: RUF012  (read only)
    truncated: Array | bool = False  # [], where a game cuts episodes by itself


class Transition(_Transition, Generic[StateT]):  # in two steps: beartype reads no generic one
    """What the rules of a game answer to one joint action."""


class Described:
    """What an environment says of itself, in JAX or on the host.

    Attributes:
        agents: names of the seats, in axis order.
        observation_space: gymnasium space of one agent (``Box``, ``Discrete``, ``Dict`` of such).
        action_space: gymnasium space of one agent, ``Discrete`` from 0 or ``Box`` of rank 1.
        max_steps: the step limit that truncates an episode, or None.
        action_labels: a word for each action, for people, or None.
        no_op: the action that does nothing, which is all that a seat that does not act may take;
            None where the game has no such action.
        teams: the team of each seat, from 0, where seats fight in teams: a tournament seats an
            agent by the team, and a match takes one agent for each team; else None.
        reset_options: what ``reset`` accepts beside the seed or key, such as a given deck.
        return_range: lowest and highest return of an episode, where known; what a forfeit costs.
        open_spiel: OpenSpiel's name of this very game, with the same actions, whose information
            state tensor is the observation; None where there is none. See
            :mod:`arenas.evaluation.exploitability`.
        spec: the registry's entry, set by ``arenas.make``.
        kwargs: the arguments given to ``arenas.make`` beyond the entry's own.
    """

    agents: tuple[str, ...]
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.spaces.Discrete | gymnasium.spaces.Box
    max_steps: int | None = None
    action_labels: tuple[str, ...] | None = None
    no_op: int | None = None
    teams: tuple[int, ...] | None = None
    reset_options: tuple[str, ...] = ()
    return_range: tuple[float, float] | None = None
    open_spiel: str | None = None
    spec: EnvSpec | None = None
    kwargs: dict[str, Any] = {}  # noqa: RUF012  (replaced, never changed)

    @property
    def num_agents(self) -> int:
        """Number of seats, ``A``."""
        return len(self.agents)

    @property
    def num_actions(self) -> int:
        """Number of actions, ``K``; of dimensions in a ``Box`` action space."""
        space = self.action_space
        return int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else space.shape[0]

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Shape of one agent's action: ``()``, or ``(K,)`` in a ``Box`` action space."""
        return self.action_space.shape or ()

    @property
    def waiting_mask(self) -> np.ndarray:
        """Row ``[K]`` of ``action_mask`` of a seat that does not act, bool.

        A policy that draws from it for every seat, as JaxMARL's scripts do, is sure of the no-op,
        so that such seats add nothing to its gradient.
        """
        if self.no_op is None:
            return np.ones(self.num_actions, bool)
        return np.arange(self.num_actions) == self.no_op

    def check_reset_options(self, options: Mapping[str, Any]) -> None:
        """Raise unless ``reset`` accepts options of these names.

        Raises:
            BadArgument: one is not accepted.
        """
        unknown = [name for name in options if name not in self.reset_options]
        if unknown:
            accepted = ", ".join(self.reset_options) or "none"
            raise BadArgument(f"reset option {unknown[0]!r} is not accepted; accepted: {accepted}")

    def describe_as(self, other: Described) -> None:
        """Say of oneself what another environment says: for what wraps it."""
        for name in Described.__annotations__:
            setattr(self, name, getattr(other, name))


class Env(Described, abc.ABC, Generic[StateT]):
    """A multi-agent environment: pure functions that jit, vmap and scan.

    **Contract.** ``reset(key)`` starts an episode and ``step(key, state, action)`` makes one
    transition; neither resets by itself (see :class:`arenas.VectorEnv` for that). The same key,
    state and action give the same result, on CPU bit for bit, whatever the batch.

    * Stepping a finished episode changes nothing: the same state and observation, zero rewards,
      the flags as they were.
    * ``terminated`` and ``truncated`` are never both true; an end by the rules in the very step of
      the limit is a termination.
    * After the end, nobody is ``acting``.
    * Every row of ``action_mask`` has a True; rows of seats that do not act are
      :attr:`waiting_mask`.
    * An illegal action cannot raise under jit. It has one meaning, the lowest-numbered legal
      action in its place (out-of-range numbers are clipped first; in ``Box`` spaces values are
      clipped to the bounds, NaN to the lower one), unless the game's docstring states its own. At
      every host boundary it raises :class:`arenas.errors.IllegalAction`.
      ``arenas.make(id, debug=True)`` checks it under jit.
    * Wrong shapes and dtypes raise :class:`arenas.errors.BadShape` when traced.

    A game implements :meth:`_initial`, :meth:`_transition` and :meth:`_observation`, and, where not
    everything is legal or not everyone acts, :meth:`_action_mask` and :meth:`_acting`; and sets the
    attributes of :class:`Described`, of which ``agents`` and the two spaces have no default.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.reset_options = tuple(inspect.signature(cls._initial).parameters)[2:]  # self, key

    # What a game implements ---------------------------------------------------------------------

    @abc.abstractmethod
    def _initial(self, key: PRNGKeyArray) -> StateT:
        """A first state; its :class:`State` fields are ``**NOT_STARTED``.

        A game may take keyword arguments beside the key, which ``reset`` hands on.
        """

    @abc.abstractmethod
    def _transition(
        self, key: PRNGKeyArray, state: StateT, action: Int32[Array, " agents"]
    ) -> Transition[StateT]:
        """The rules, for a legal joint action in an unfinished episode.

        ``state.steps`` is the number of steps made before this one; the base class counts on.
        """

    @abc.abstractmethod
    def _observation(self, state: StateT) -> PyTree[Array]:
        """What each agent sees, ``[A, ...]``."""

    def _action_mask(self, state: StateT) -> Bool[Array, "agents actions"]:
        """Legal actions of the seats that act; other rows are not read."""
        return jnp.ones((self.num_agents, self.num_actions), bool)

    def _acting(self, state: StateT) -> Bool[Array, " agents"]:
        """Whose action the next step reads."""
        return jnp.ones(self.num_agents, bool)

    def _concrete_reset_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options given on the host, where their values are known, as arrays for ``_initial``.

        Raises:
            BadArgument: a value is not accepted.
        """
        return options

    hidden: Mapping[str, int] = {}
    """What seats may not see and a learner may be asked to predict, and its number of classes."""

    def _hidden(self, state: StateT) -> dict[str, Int[Array, ""]]:
        """The class of each name in ``hidden``."""
        return {}

    # What everyone uses -------------------------------------------------------------------------

    @property
    def unwrapped(self) -> Env[Any]:
        """The game itself, without wrappers such as the debugging one."""
        return self

    def reset(self, key: PRNGKeyArray, **options: Any) -> tuple[StateT, TimeStep]:
        """Start an episode.

        Args:
            key: the randomness of the start.
            options: those of ``reset_options``, such as a given deck. Their values are checked on
                the host only (:meth:`arenas.HostEnv.reset`).

        Raises:
            BadArgument: an option that the game does not have.
        """
        self.check_reset_options(options)
        state = self._initial(key, **options)
        state = state.replace(
            steps=jnp.zeros((), jnp.int32),
            terminated=jnp.zeros((), bool),
            truncated=jnp.zeros((), bool),
        )
        discrete = isinstance(self.action_space, gymnasium.spaces.Discrete)
        action = jax.ShapeDtypeStruct(
            (self.num_agents, *self.action_shape),
            jnp.int32 if discrete else self.action_space.dtype,
        )
        shapes = jax.eval_shape(lambda *a: self._transition(*a).info, key, state, action)
        info = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return state, self._timestep(state, jnp.zeros(self.num_agents, jnp.float32), info)

    def step(
        self, key: PRNGKeyArray, state: StateT, action: Int[AnyArray, " agents"] | AnyArray
    ) -> tuple[StateT, TimeStep]:
        """Make one transition; a finished episode stays as it is.

        Args:
            key: the randomness of this step.
            state: as ``reset`` or ``step`` returned it.
            action: integers ``[A]`` (``Box`` spaces: floats ``[A, K]``).

        Raises:
            BadShape: for another shape or dtype of ``action``.
        """
        return self._step(key, state, action, may_be_over=True)

    def step_unfinished(
        self, key: PRNGKeyArray, state: StateT, action: Int[AnyArray, " agents"] | AnyArray
    ) -> tuple[StateT, TimeStep]:
        """:meth:`step` for callers who know that the episode goes on: spares a select per leaf."""
        return self._step(key, state, action, may_be_over=False)

    def _step(
        self, key: PRNGKeyArray, state: StateT, action: Any, *, may_be_over: bool
    ) -> tuple[StateT, TimeStep]:
        action = self._legal(state, check_action(self, action))
        if self.no_op is not None:  # what seats that wait pass is not read, nor kept in a state
            action = jnp.where(self._acting(state), action, self.no_op)
        new, reward, terminated, info, truncated = self._transition(key, state, action)
        steps = state.steps + 1
        terminated = jnp.asarray(terminated, bool)
        truncated = jnp.asarray(truncated, bool)
        if self.max_steps is not None:
            truncated |= steps >= self.max_steps
        new = new.replace(steps=steps, terminated=terminated, truncated=truncated & ~terminated)
        reward = reward.astype(jnp.float32)
        if may_be_over:
            over = state.terminated | state.truncated
            new = jax.tree.map(lambda old, n: jnp.where(over, old, n), state, new)
            reward, info = jax.tree.map(
                lambda x: jnp.where(over, jnp.zeros_like(x), x), (reward, info)
            )
        return new, self._timestep(new, reward, info)

    def _timestep(self, state: StateT, reward: Array, info: dict[str, Array]) -> TimeStep:
        acting = self._acting(state) & ~(state.terminated | state.truncated)
        return TimeStep(
            observation=self._observation(state),
            action_mask=jnp.where(acting[:, None], self._action_mask(state), self.waiting_mask),
            reward=reward,
            terminated=state.terminated,
            truncated=state.truncated,
            acting=acting,
            info=info,
        )

    def _legal(self, state: StateT, action: Array) -> Array:
        """``action`` with every illegal entry replaced as the contract says."""
        if isinstance(self.action_space, gymnasium.spaces.Box):
            low, high = self.action_space.low, self.action_space.high
            return jnp.clip(jnp.where(jnp.isnan(action), low, action), low, high)
        action = jnp.clip(action, 0, self.num_actions - 1)
        if type(self)._action_mask is Env._action_mask:
            return action
        mask = self._action_mask(state)
        legal = jnp.take_along_axis(mask, action[:, None], axis=1)[:, 0]
        return jnp.where(legal, action, jnp.argmax(mask, axis=1).astype(action.dtype))

    def __repr__(self) -> str:
        name = self.spec.id if self.spec else type(self).__name__
        return f"<{name}: {self.num_agents} agents, {self.num_actions} actions>"


def check_action(env: Any, action: Any) -> Array:
    """``action`` as an array of the right shape and dtype.

    Args:
        env: anything with ``num_agents``, ``action_shape`` and ``action_space``.
        action: what was given: an array, or what NumPy makes one of.

    Raises:
        BadShape: what was given is not a joint action of this environment.
    """
    array = action if isinstance(action, Array) else np.asarray(action)
    expected = (env.num_agents, *env.action_shape)
    if array.shape != expected:
        raise BadShape(
            f"action has shape {array.shape}; accepted is {expected}, one entry per agent"
        )
    if isinstance(env.action_space, gymnasium.spaces.Box):
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise BadShape(f"action has dtype {array.dtype}; accepted are floating dtypes")
        return jnp.asarray(array, env.action_space.dtype)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise BadShape(f"action has dtype {array.dtype}; accepted are integer dtypes")
    return jnp.asarray(array, jnp.int32)


def require(condition: bool, message: str) -> None:
    """Raise :class:`BadArgument` unless ``condition``; for constructors of games."""
    if not condition:
        raise BadArgument(message)

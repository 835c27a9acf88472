"""Holding an environment to the contract of :class:`arenas.Env`: :func:`check_env`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from arenas import registry
from arenas.env import Env, State, TimeStep
from arenas.errors import (
    ArenasError,
    BadArgument,
    BadShape,
    ContractViolation,
    EpisodeOver,
    IllegalAction,
)
from arenas.host import HostEnv, JaxHost, as_host
from arenas.rollout import check_seed, episode_key, step_key

FLOAT_TOLERANCE = 1e-5
"""How far floats may differ with and without jit, where XLA may round in another order."""

STEPS_WITHOUT_JIT = 3
STEPS_WITH_ILLEGAL_ACTIONS = (0, 1, 2, 5, 20)


def check_env(
    env: Any,
    seeds: Sequence[int] = (0, 1),
    max_steps: int | None = None,
    tolerance: float = 0.0,
) -> None:
    """Play whole episodes at random and verify the contract at every step.

    Verified of everything: attributes and spaces make sense; every agent's observation is in its
    space exactly (structure, shape, dtype, bounds, no NaN or infinity); masks are bool ``[A, K]``
    with a legal action in every row and ``env.waiting_mask`` where the seat does not act; rewards
    are finite float32 ``[A]``, zeros at the reset; ``terminated`` and ``truncated`` are bool
    scalars, never both; somebody acts until the end and nobody after it; ``info`` keeps the
    structure, shapes and dtypes that it has at the reset; an episode is over at the step limit at
    the latest; the same seed and actions give the same trajectory.

    Of an :class:`arenas.Env` besides: the state keeps its structure, counts its steps and carries
    the flags; stepping a finished episode changes nothing; wrong shapes and dtypes of actions raise
    :class:`arenas.errors.BadShape`; an illegal action leads nowhere outside the spaces; what a seat
    that does not act passes changes nothing; a batch
    under ``vmap`` gives what single environments give, bit for bit on CPU; so does the host form;
    without jit the result is the same (floats within 1e-5).

    Of an :class:`arenas.HostEnv` besides: illegal actions, wrong shapes and steps after the end
    raise, and change nothing.

    Args:
        env: an :class:`arenas.Env`, an :class:`arenas.HostEnv`, or an id. With an id, the game's
            own host form is checked as well.
        seeds: of the episodes, at least one.
        max_steps: leave an episode after so many steps; None plays to the end, and an environment
            without a step limit to 10,000 steps.
        tolerance: how far floats may differ, relatively and absolutely, between the environment
            alone, in a batch and on the host. With 0, bit for bit on CPU; physics in floats that
            XLA rounds in another order in another program needs more.

    Raises:
        ContractViolation: says what was seen, and where: seed, step, agent.
        BadArgument: not an environment, or no seeds.

    Example:
        >>> from arenas.testing import check_env
        >>> check_env("rrps-v0", max_steps=50)
    """
    seeds = [check_seed(seed) for seed in seeds]
    if not seeds:
        raise BadArgument("seeds is empty; check_env needs at least one")
    if not tolerance >= 0:
        raise BadArgument(f"tolerance is {tolerance}; accepted are numbers from 0")
    if max_steps is not None and max_steps < 1:
        raise BadArgument(f"max_steps is {max_steps}; accepted are integers from 1, and None")
    own_host: HostEnv | None = None
    if isinstance(env, str):
        name = env
        env = registry.make(name)
        own_host = registry.make_host(name)
    if isinstance(env, HostEnv):
        _HostCheck(env, seeds, max_steps).run()
        return
    if not isinstance(env, Env):
        raise BadArgument(f"{env!r} is not an environment of Arenas")
    if not tolerance and jax.default_backend() != "cpu":
        tolerance = FLOAT_TOLERANCE
    trajectories = _DeviceCheck(env, seeds, max_steps, tolerance).run()
    for host in (as_host(env), own_host):
        if host is not None and not (host is own_host and isinstance(own_host, JaxHost)):
            _HostCheck(host, seeds, max_steps, tolerance, trajectories).run()


# What is seen ------------------------------------------------------------------------------------


@dataclasses.dataclass
class _Step:
    """One recorded step: the action taken, and what it led to."""

    action: np.ndarray | None  # None at the reset
    timestep: TimeStep
    state: Any


Trajectories = dict[int, list[_Step]]


class _Check:
    """The checks that hold for every environment; ``at`` says where the episode stands."""

    def __init__(
        self, env: Any, seeds: Sequence[int], max_steps: int | None, tolerance: float = 0.0
    ) -> None:
        self.env, self.seeds, self.tolerance = env, seeds, tolerance
        self.limit = max_steps
        self.at = ""
        self.info: Any = None

    def fail(self, what: str, agent: int | None = None) -> None:
        who = f", agent {self.env.agents[agent]!r}" if agent is not None else ""
        where = f" ({self.at}{who})" if self.at else ""
        raise ContractViolation(f"{_name(self.env)}: {what}{where}")

    def require(self, condition: Any, what: str, agent: int | None = None) -> None:
        if not condition:
            self.fail(what, agent)

    def where(self, seed: int, step: int, note: str = "") -> None:
        self.at = f"seed {seed}, step {step}{note}"

    def steps_to_play(self) -> int:
        limits = [n for n in (self.limit, self.env.max_steps) if n is not None]
        return min(limits, default=10_000)

    def attributes(self) -> None:
        """What the environment says of itself."""
        env = self.env
        agents = env.agents
        self.require(
            isinstance(agents, tuple) and agents and all(isinstance(a, str) for a in agents),
            f"agents is {agents!r}; it must be a tuple of names",
        )
        self.require(len(set(agents)) == len(agents), f"agents {agents!r} are not all different")
        space = env.action_space
        if isinstance(space, gymnasium.spaces.Discrete):
            self.require(
                space.start == 0, f"action_space starts at {space.start}; it must start at 0"
            )
        else:
            self.require(
                isinstance(space, gymnasium.spaces.Box)
                and len(space.shape) == 1
                and np.issubdtype(space.dtype, np.floating)
                and space.is_bounded(),
                f"action_space is {space}; it must be Discrete, or a bounded float Box of rank 1",
            )
        for path, leaf in _leaf_spaces(env.observation_space):
            self.require(
                isinstance(
                    leaf,
                    gymnasium.spaces.Box
                    | gymnasium.spaces.Discrete
                    | gymnasium.spaces.MultiBinary
                    | gymnasium.spaces.MultiDiscrete,
                ),
                f"observation_space{path} is {leaf}; accepted are Box, Discrete, MultiBinary, "
                "MultiDiscrete, and Dict or Tuple of such",
            )
        limit = env.max_steps
        whole = isinstance(limit, int | np.integer) and not isinstance(limit, bool)
        self.require(
            limit is None or (whole and limit >= 1),
            f"max_steps is {limit!r}; it must be an integer from 1, or None",
        )
        labels = env.action_labels
        self.require(
            labels is None or len(labels) == env.num_actions,
            f"{len(labels or ())} action_labels for {env.num_actions} actions",
        )

    def timestep(self, t: Any, first: bool) -> None:
        """One time step by itself."""
        self.require(isinstance(t, TimeStep), f"a {type(t).__name__} is not an arenas.TimeStep")
        agents, actions = self.env.num_agents, self.env.num_actions
        for name in ("terminated", "truncated"):
            self.array(name, getattr(t, name), (), np.bool_)
        self.array("acting", t.acting, (agents,), np.bool_)
        self.array("action_mask", t.action_mask, (agents, actions), np.bool_)
        self.array("reward", t.reward, (agents,), np.float32)
        self.require(not (t.terminated and t.truncated), "terminated and truncated are both True")
        waiting = self.env.waiting_mask
        allowed = "all True" if self.env.no_op is None else f"True for no_op {self.env.no_op} alone"
        for seat in range(agents):
            self.require(
                np.isfinite(t.reward[seat]), f"reward is {t.reward[seat]}, not finite", seat
            )
            mask = t.action_mask[seat]
            self.require(mask.any(), "action_mask has no legal action", seat)
            self.require(
                t.acting[seat] or (mask == waiting).all(),
                f"action_mask of a seat that does not act is not {allowed}",
                seat,
            )
        over = bool(t.terminated or t.truncated)
        if over:
            self.require(not t.acting.any(), "somebody is acting after the end")
        else:
            self.require(t.acting.any(), "nobody is acting, and the episode is not over")
        if first:
            self.require(not over, "the episode is over at its reset")
            self.require(not t.reward.any(), f"reward at the reset is {t.reward}, not zeros")
        self.observation("observation", self.env.observation_space, t.observation)
        self.information(t.info, first)

    def array(self, name: str, x: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self.require(
            isinstance(x, np.ndarray | np.generic),
            f"{name} is a {type(x).__name__}, not an array",
        )
        self.require(x.shape == shape, f"{name} has shape {x.shape}, not {shape}")
        self.require(x.dtype == dtype, f"{name} has dtype {x.dtype}, not {np.dtype(dtype)}")

    def observation(self, name: str, space: gymnasium.Space[Any], x: Any) -> None:
        """All agents' observations against the space of one."""
        if isinstance(space, gymnasium.spaces.Dict):
            keys = sorted(space.spaces)
            self.require(
                isinstance(x, dict) and sorted(x) == keys,
                f"{name} is {_structure(x)}, not a dictionary of {keys}",
            )
            for key, part in space.spaces.items():
                self.observation(f"{name}[{key!r}]", part, x[key])
            return
        if isinstance(space, gymnasium.spaces.Tuple):
            self.require(
                isinstance(x, tuple) and len(x) == len(space.spaces),
                f"{name} is {_structure(x)}, not a tuple of {len(space.spaces)}",
            )
            for i, (part, value) in enumerate(zip(space.spaces, x, strict=True)):
                self.observation(f"{name}[{i}]", part, value)
            return
        self.require(
            isinstance(x, np.ndarray | np.generic), f"{name} is {_structure(x)}, not an array"
        )
        shape = (self.env.num_agents, *(space.shape or ()))
        self.require(x.shape == shape, f"{name} has shape {x.shape}, not {shape}, one per agent")
        if isinstance(space, gymnasium.spaces.Box):
            self.require(x.dtype == space.dtype, f"{name} has dtype {x.dtype}, not {space.dtype}")
            low, high = space.low, space.high
        else:  # no JAX array has these spaces' dtype, int64
            self.require(
                np.issubdtype(x.dtype, np.integer)
                or (isinstance(space, gymnasium.spaces.MultiBinary) and x.dtype == np.bool_),
                f"{name} has dtype {x.dtype}, which is not one of integers",
            )
            low, high = _bounds(space)
        for what, bad in (
            ("is not finite", ~np.isfinite(x)),
            (f"is outside {space}", (x < low) | (x > high)),
        ):
            if bad.any():
                seat, *index = (int(i) for i in np.argwhere(bad)[0])
                value = x[(seat, *index)]
                at = f" at index {tuple(index)}" if index else ""
                self.fail(f"{name}{at} is {value}, which {what}", seat)

    def information(self, info: Any, first: bool) -> None:
        self.require(isinstance(info, dict), f"info is a {type(info).__name__}, not a dictionary")
        described = _description(info)
        if first:
            self.info = described
        for path, now in described.items():
            self.require(path in self.info, f"info{path} was not there at the reset")
            self.require(
                now == self.info[path],
                f"info{path} is {now}, and was {self.info[path]} at the reset",
            )
        for path in self.info:
            self.require(path in described, f"info{path} was there at the reset and is not now")

    def end(self, t: TimeStep, step: int) -> None:
        """The step limit."""
        limit = self.env.max_steps
        if limit is not None and step >= limit:
            self.require(
                t.terminated or t.truncated,
                f"the episode goes on after max_steps = {limit} steps; it must be truncated",
            )

    def actions(self, t: TimeStep, rng: np.random.Generator) -> np.ndarray:
        """A random legal joint action."""
        space = self.env.action_space
        if isinstance(space, gymnasium.spaces.Box):
            shape = (self.env.num_agents, *space.shape)
            return rng.uniform(space.low, space.high, shape).astype(space.dtype)
        weights = rng.random(t.action_mask.shape) + 1
        return np.argmax(np.where(t.action_mask, weights, 0), axis=1).astype(np.int32)

    def illegal(self, t: TimeStep) -> Iterator[tuple[str, int, Any]]:
        """For each acting seat, entries that are not legal: what is wrong, the seat, the entry."""
        space = self.env.action_space
        for seat in np.flatnonzero(t.acting):
            seat = int(seat)
            if isinstance(space, gymnasium.spaces.Box):
                yield "above the bounds", seat, (space.high + 1).astype(space.dtype)
                yield "below the bounds", seat, (space.low - 1).astype(space.dtype)
                yield "NaN", seat, np.full_like(space.low, np.nan)
                continue
            yield "out of range", seat, np.int32(space.n)
            yield "negative", seat, np.int32(-1)
            masked = np.flatnonzero(~t.action_mask[seat])
            if masked.size:
                yield "masked", seat, np.int32(masked[0])

    def wrong_arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Joint actions of a wrong shape or dtype."""
        shape = (self.env.num_agents, *self.env.action_shape)
        if isinstance(self.env.action_space, gymnasium.spaces.Box):
            right, wrong = self.env.action_space.dtype, np.int32
        else:
            right, wrong = np.int32, np.float32
        yield "one agent more", np.zeros((shape[0] + 1, *shape[1:]), right)
        yield "no agent axis", np.zeros(shape[1:], right)
        yield f"dtype {np.dtype(wrong)}", np.zeros(shape, wrong)

    def same(self, what: str, seen: Any, expected: Any, tolerance: float = 0.0) -> None:
        """Two pytrees of arrays are equal: bits, or floats within a tolerance."""
        for (path, x), (_, y) in zip(_leaves(seen), _leaves(expected), strict=True):
            if tolerance and np.issubdtype(x.dtype, np.floating):
                equal = x.shape == y.shape and np.allclose(x, y, tolerance, tolerance)
            else:
                equal = x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
            if not equal:  # of the many leaves of a check, only this one's words are put together
                self.require(False, f"{what}: {path or 'it'} is {_short(x)} against {_short(y)}")


# JAX environments --------------------------------------------------------------------------------


class _DeviceCheck(_Check):
    """An :class:`arenas.Env`, in one compiled program."""

    env: Env[Any]

    def run(self) -> Trajectories:
        self.attributes()
        env = self.env
        self._reset: Callable[..., Any] = jax.jit(env.reset)
        self._step: Callable[..., Any] = jax.jit(env.step)
        trajectories = {}
        for seed in self.seeds:
            trajectories[seed] = self.episode(seed)
        for seed in self.seeds:
            self.again(seed, trajectories[seed])
        self.batch(trajectories)
        for seed in self.seeds[:1]:
            self.without_jit(seed, trajectories[seed])
        self.bad_arrays(self.seeds[0], trajectories[self.seeds[0]])
        return trajectories

    def call(self, what: str, function: Callable[..., Any], *args: Any) -> tuple[Any, TimeStep]:
        try:
            state, timestep = function(*args)
        except ArenasError:
            raise
        except Exception as error:
            raise ContractViolation(
                f"{_name(self.env)}: {what} raises {type(error).__name__} ({self.at}): {error}"
            ) from error
        return state, jax.device_get(timestep)

    def episode(self, seed: int) -> list[_Step]:
        key, rng = episode_key(seed), np.random.default_rng(seed)
        self.where(seed, 0)
        state, t = self.call("reset under jit", self._reset, step_key(key, 0))
        self.state_shape = _description(jax.device_get(state))
        self.state(state, t, 0)
        self.timestep(t, first=True)
        trajectory = [_Step(None, t, state)]
        for step in range(1, self.steps_to_play() + 1):
            self.where(seed, step)
            action, last = self.actions(t, rng), (state, t)
            state, t = self.call("step under jit", self._step, step_key(key, step), state, action)
            self.timestep(t, first=False)
            self.waiting(key, step, *last, action, (state, t))
            if step - 1 in STEPS_WITH_ILLEGAL_ACTIONS:
                self.after_illegal(key, step, *last, rng)
            self.state(state, t, step)
            self.end(t, step)
            trajectory.append(_Step(action, t, state))
            if t.terminated or t.truncated:
                self.after_end(seed, key, step, state, t, rng)
                break
            if step == 1 and self.env.max_steps is not None:
                self.at_limit(key, state, t, rng)
        return trajectory

    def state(self, state: Any, t: TimeStep, step: int) -> None:
        self.require(isinstance(state, State), f"the state is a {type(state).__name__}, no State")
        state = jax.device_get(state)
        described = _description(state)
        for path in sorted(described.keys() | self.state_shape.keys()):
            now, then = described.get(path), self.state_shape.get(path)
            self.require(now == then, f"state{path} is {now}, and was {then} at the reset")
        self.require(state.steps == step, f"state.steps is {state.steps} after {step} steps")
        for flag in ("terminated", "truncated"):
            self.require(
                getattr(state, flag) == getattr(t, flag),
                f"{flag} is {getattr(t, flag)}, and state.{flag} is {getattr(state, flag)}",
            )

    def after_illegal(
        self, key: Any, step: int, state: Any, t: TimeStep, rng: np.random.Generator
    ) -> None:
        at = self.at
        for what, seat, entry in self.illegal(t):
            self.at = f"{at}, after an action that is {what}"
            action = self.actions(t, rng)
            action[seat] = entry
            _, after = self.call("step under jit", self._step, step_key(key, step), state, action)
            self.timestep(after, first=False)
        self.at = at

    def waiting(
        self,
        key: Any,
        step: int,
        state: Any,
        t: TimeStep,
        action: np.ndarray,
        made: tuple[Any, Any],
    ) -> None:
        """What seats that do not act pass changes nothing in the step that was ``made``."""
        if t.acting.all():
            return
        space, other, waits = self.env.action_space, action.copy(), ~t.acting
        if isinstance(space, gymnasium.spaces.Box):
            other[waits] = np.where(action[waits] == space.low, space.high, space.low)
        else:
            other[waits] = (action[waits] + 1) % space.n
        again = self.call("step under jit", self._step, step_key(key, step), state, other)
        what = "the action of a seat that does not act is read"
        self.same(what, jax.device_get(again), jax.device_get(made))

    def at_limit(self, key: Any, state: Any, t: TimeStep, rng: np.random.Generator) -> None:
        """One step before the limit, the next step ends the episode."""
        limit, at = self.env.max_steps, self.at
        assert limit is not None
        late = state.replace(steps=jnp.full_like(state.steps, limit - 1))
        self.at = f"{at}, with state.steps set to {limit - 1}"
        _, after = self.call("step", self._step, step_key(key, limit), late, self.actions(t, rng))
        self.end(after, limit)
        self.at = at

    def after_end(
        self, seed: int, key: Any, step: int, state: Any, t: TimeStep, rng: np.random.Generator
    ) -> None:
        self.where(seed, step + 1, " after the end")
        before = jax.device_get(state)
        for later in (1, 2):
            action = self.actions(t, rng)
            state, after = self.call("step", self._step, step_key(key, step + later), state, action)
            self.same("a step after the end changes the state", jax.device_get(state), before)
            for name in ("observation", "action_mask", "terminated", "truncated", "acting"):
                what = f"a step after the end changes {name}"
                self.same(what, getattr(after, name), getattr(t, name))
            self.require(
                not after.reward.any(), f"reward of a step after the end is {after.reward}"
            )

    def again(self, seed: int, trajectory: list[_Step]) -> None:
        """The same program, key and actions again."""
        key = episode_key(seed)
        state: Any = None
        for step, seen in enumerate(trajectory):
            self.where(seed, step)
            program = self._reset if step == 0 else self._step
            args = () if step == 0 else (state, seen.action)
            state, t = self.call("the second run", program, step_key(key, step), *args)
            what = "the same seed and actions give another trajectory"
            self.same(what, t, seen.timestep)
            self.same(what, jax.device_get(state), jax.device_get(seen.state))

    def batch(self, trajectories: Trajectories) -> None:
        """All episodes side by side under vmap."""
        rows = [*self.seeds, self.seeds[0]]  # at least two rows
        keys = jnp.stack([episode_key(seed) for seed in rows])
        reset = jax.jit(jax.vmap(lambda key: self.env.reset(step_key(key, 0))))
        step = jax.jit(
            jax.vmap(
                lambda key, state, action: self.env.step(
                    step_key(key, state.steps + 1), state, action
                )
            )
        )
        self.at = "step 0"
        states, t = self.call("reset under vmap", reset, keys)
        length = max(len(trajectory) for trajectory in trajectories.values())
        what = "under vmap the trajectory differs from the single environment's"
        for i in range(length):
            host_states = jax.device_get(states)
            for row, seed in enumerate(rows):
                if i < len(trajectories[seed]):
                    self.where(seed, i)
                    seen = trajectories[seed][i]
                    self.same(what, _row(t, row), seen.timestep, self.tolerance)
                    single = jax.device_get(seen.state)
                    self.same(what, _row(host_states, row), single, self.tolerance)
            if i + 1 < length:
                at = [min(i + 1, len(trajectories[seed]) - 1) for seed in rows]
                actions = [trajectories[seed][j].action for seed, j in zip(rows, at, strict=True)]
                self.at = f"step {i + 1}"
                states, t = self.call("step under vmap", step, keys, states, np.stack(actions))  # type: ignore[arg-type]

    def without_jit(self, seed: int, trajectory: list[_Step]) -> None:
        key = episode_key(seed)
        state: Any = None
        what = (
            "without jit the result differs: something is decided when the function is traced, "
            "such as a draw from Python's or NumPy's generator"
        )
        for step, seen in enumerate(trajectory[: STEPS_WITHOUT_JIT + 1]):
            self.where(seed, step)
            function = self.env.reset if step == 0 else self.env.step
            args = () if step == 0 else (state, seen.action)
            state, t = self.call("without jit it", function, step_key(key, step), *args)
            tolerance = max(self.tolerance, FLOAT_TOLERANCE)
            self.same(what, t, seen.timestep, tolerance)
            self.same(what, jax.device_get(state), jax.device_get(seen.state), tolerance)

    def bad_arrays(self, seed: int, trajectory: list[_Step]) -> None:
        self.where(seed, 1)
        key = step_key(episode_key(seed), 1)
        for what, action in self.wrong_arrays():
            try:
                jax.eval_shape(self.env.step, key, trajectory[0].state, action)
            except BadShape:
                continue
            except Exception as error:
                self.fail(
                    f"an action with {what} raises {type(error).__name__}, not BadShape: {error}"
                )
            self.fail(f"an action with {what} is accepted; it must raise BadShape")


# Host environments -------------------------------------------------------------------------------


class _HostCheck(_Check):
    """An :class:`arenas.HostEnv`; against the trajectories of its JAX form, where there is one."""

    env: HostEnv

    def __init__(
        self,
        env: HostEnv,
        seeds: Sequence[int],
        max_steps: int | None,
        tolerance: float = 0.0,
        trajectories: Trajectories | None = None,
    ) -> None:
        super().__init__(env, seeds, max_steps, tolerance)
        self.expected = trajectories

    def run(self) -> None:
        if self.expected is None:
            self.attributes()
            self.expected = {seed: self.episode(seed) for seed in self.seeds}
            for seed in self.seeds:
                what = "the same seed and actions give another trajectory"
                self.replay(seed, self.expected[seed], what)
        else:
            for seed in self.seeds:
                what = "the host form differs from the JAX environment"
                self.replay(seed, self.expected[seed], what)

    def episode(self, seed: int) -> list[_Step]:
        rng = np.random.default_rng(seed)
        self.where(seed, 0)
        t = self.env.reset(seed)
        self.timestep(t, first=True)
        trajectory = [_Step(None, t, None)]
        for step in range(1, self.steps_to_play() + 1):
            self.where(seed, step)
            action = self.actions(t, rng)
            t = self.env.step(action)
            self.timestep(t, first=False)
            self.require(self.env.steps == step, f"steps is {self.env.steps} after {step} steps")
            self.end(t, step)
            trajectory.append(_Step(action, t, None))
            if t.terminated or t.truncated:
                break
        return trajectory

    def replay(self, seed: int, trajectory: list[_Step], what: str) -> None:
        t = None
        for step, seen in enumerate(trajectory):
            self.where(seed, step)
            if step - 1 in STEPS_WITH_ILLEGAL_ACTIONS and t is not None:
                self.refuses(t, seen.action)
            t = self.env.reset(seed) if step == 0 else self.env.step(seen.action)
            self.same(what, t, seen.timestep, self.tolerance)
        assert t is not None
        if t.terminated or t.truncated:
            self.where(seed, len(trajectory), " after the end")
            action = np.zeros((self.env.num_agents, *self.env.action_shape), np.int32)
            if isinstance(self.env.action_space, gymnasium.spaces.Box):
                action = action.astype(self.env.action_space.dtype)
            self.raises(EpisodeOver, "a step after the end", action)

    def refuses(self, t: TimeStep, legal: Any) -> None:
        """Bad input raises and changes nothing; the episode then goes on as if it had not been."""
        for what, seat, entry in self.illegal(t):
            action = np.array(legal)
            action[seat] = entry
            self.raises(IllegalAction, f"an action that is {what}", action, seat)
        for what, action in self.wrong_arrays():
            if what.startswith("dtype") and action.dtype.kind in "iu":
                continue  # on the host, whole numbers are numbers
            self.raises(BadShape, f"an action with {what}", action)

    def raises(
        self, error: type[Exception], what: str, action: np.ndarray, seat: int | None = None
    ) -> None:
        before = self.env.checksum()
        try:
            self.env.step(action)
        except error:
            pass
        except Exception as other:
            self.fail(f"{what} raises {type(other).__name__}, not {error.__name__}: {other}", seat)
        else:
            self.fail(f"{what} is accepted; it must raise {error.__name__}", seat)
        self.require(self.env.checksum() == before, f"{what} raises, but changes the state", seat)


# Words and arrays --------------------------------------------------------------------------------


def _name(env: Any) -> str:
    return env.spec.id if env.spec else type(env).__name__


def _leaf_spaces(space: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(space, gymnasium.spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaf_spaces(part, f"{path}[{key!r}]")
    elif isinstance(space, gymnasium.spaces.Tuple):
        for i, part in enumerate(space.spaces):
            yield from _leaf_spaces(part, f"{path}[{i}]")
    else:
        yield path, space


def _bounds(space: Any) -> tuple[Any, Any]:
    """The lowest and highest value in a space of whole numbers."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(space.start), int(space.start + space.n - 1)
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    return 0, 1


def _structure(x: Any) -> str:
    if isinstance(x, dict):
        return f"a dictionary of {sorted(x)}"
    if isinstance(x, tuple):
        return f"a tuple of {len(x)}"
    return f"a {type(x).__name__}"


def _leaves(tree: Any) -> list[tuple[str, np.ndarray]]:
    """Leaves as NumPy arrays, with their paths; keys of random generators as their data."""
    leaves = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        leaves.append((jax.tree_util.keystr(path), np.asarray(leaf)))
    return leaves


def _description(tree: Any) -> dict[str, str]:
    """Each leaf's shape and dtype in words, by its path."""
    return {path: f"{x.dtype}{list(x.shape)}" for path, x in _leaves(tree)}


def _row(tree: Any, row: int) -> Any:
    return jax.tree.map(lambda x: x[row], tree)


def _short(x: np.ndarray) -> str:
    return np.array2string(x, threshold=8, separator=", ").replace("\n", "")

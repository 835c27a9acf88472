"""Playing: agents hold the seats of an environment for whole episodes, and a record is kept.

Between device agents all episodes run in one compiled program (:class:`DeviceMatches`); as soon as
one agent lives on the host, the episode is stepped there (:func:`play_episode`). The records are
the same either way. An agent that fails forfeits the episode; the episode ends, the caller goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

import arenas
from arenas.agent import Agent, DeviceAgent, HostAgent, as_host_agents
from arenas.env import Env
from arenas.errors import ArenasError, BadArgument, IllegalAction
from arenas.host import HostEnv, as_host, refuse_illegal, state_checksum
from arenas.rollout import agent_seed, check_seed, select_rows, step_key

T = TypeVar("T")

STEPS_PER_CALL = 100
"""Steps that a device program makes before it returns to Python (progress, Ctrl-C)."""

FEWEST_SEATS = 64
"""An agent acts on so many seats at least, empty ones among them. XLA multiplies matrices of fewer
rows by another program on CPU, which adds in another order: an agent's choices would depend on how
many episodes are played beside its own, and so on what was left when a tournament goes on."""


@dataclasses.dataclass(frozen=True)
class Forfeit:
    """Why an episode was forfeited.

    Attributes:
        seat: index of the seat whose agent failed.
        reason: for people; what happened.
    """

    seat: int
    reason: str


@dataclasses.dataclass(frozen=True)
class Policies:
    """What agents told of their choices in an episode of ``length`` steps.

    Attributes:
        probabilities: float32 ``[length, A, K]``: of a seat's actions when it chose, NaN where it
            did not act or its agent does not tell.
        values: float32 ``[length, A]``: the return that the agent expected from there on, in its
            own scale; NaN likewise.
    """

    probabilities: np.ndarray
    values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Episode:
    """The record of one episode.

    Attributes:
        env_id: the environment's id.
        env_kwargs: its arguments beyond the id.
        agents: names by seat.
        seed: of the episode.
        returns: sum of rewards by seat, as float32 added in order; None where a forfeit leaves it
            undefined (see :func:`forfeit_returns`).
        length: steps made.
        outcome: ``terminated``, ``truncated`` or ``forfeit``.
        forfeit: who failed and why, or None.
        actions: ``[length, A]`` (``Box`` spaces: ``[length, A, K]``), or None where not kept.
        checksum: of the final state (``HostEnv.checksum``), or None where not kept.
        policies: what agents told of their choices, or None where not kept.
    """

    env_id: str
    env_kwargs: dict[str, Any]
    agents: tuple[str, ...]
    seed: int
    returns: tuple[float, ...] | None
    length: int
    outcome: str
    forfeit: Forfeit | None = None
    actions: np.ndarray | None = None
    checksum: str | None = None
    policies: Policies | None = None


class LeftTheGame(ArenasError):
    """Somebody has left before the episode was over; raised while any agent is asked.

    Args:
        seat: of who has left, and forfeits.
        reason: for people.
    """

    def __init__(self, seat: int, reason: str) -> None:
        super().__init__(reason)
        self.seat = seat


class Watch:
    """Told when an agent begins and ends to think; a worker shows it to its supervisor."""

    def begin(self, seat: int, step: int) -> None:
        """The agent in ``seat`` is about to be asked, after ``step`` steps."""

    def end(self) -> None:
        """It has answered."""

    def failed(self, error: BaseException) -> None:
        """It raised this, and forfeits; unless this raises, which ends the episode unrecorded."""


def play(
    env: Any,
    agents: Sequence[Agent | str],
    *,
    episodes: int = 1,
    seed: int = 0,
    record: bool = True,
) -> list[Episode]:
    """Play a match: ``episodes`` episodes between these agents in these seats.

    Args:
        env: an environment, or its id.
        agents: one per seat, in seat order, or one per team in a game of teams; agents or their
            names.
        episodes: how many, from 1.
        seed: of the first episode; the others follow by counting on.
        record: keep actions and the final state's checksum, as a replay needs.

    Raises:
        BadArgument: another number of agents than seats or teams, or no episodes.

    Example:
        >>> import arenas
        >>> [episode] = arenas.play("rrps-v0", ["rrps/rock", "rrps/paper"])
        >>> episode.returns
        (-1000.0, 1000.0)
    """
    if episodes < 1:
        raise BadArgument(f"episodes is {episodes}; accepted are integers from 1")
    game: Any = arenas.make(env) if isinstance(env, str) else env
    check_seed(seed)
    players = _loaded(game, by_seat(game, agents))
    seeds = [(seed + e) % 2**32 for e in range(episodes)]
    device = [p for p in players if isinstance(p, DeviceAgent)]
    if isinstance(game, Env) and len(device) == len(players) and episodes > 1:
        unique = list({id(p): p for p in device}.values())
        seats = [[unique.index(p) for p in device]] * episodes
        return list(DeviceMatches(game, unique).play(seats, seeds, record=record))
    hosts = [p for p in players if not isinstance(p, DeviceAgent)]
    if len({id(p) for p in hosts}) < len(hosts):
        raise BadArgument("one host agent object holds two seats; give each seat its own")
    host = arenas.make_host(env) if isinstance(env, str) else as_host(game)
    in_seats = as_host_agents(players)
    return [play_episode(host, in_seats, s, record=record) for s in seeds]


def by_seat(env: Any, agents: Sequence[T]) -> tuple[T, ...]:
    """The agent of each seat, given one for each seat, or for each team in a game of teams.

    Raises:
        BadArgument: another number of agents.
    """
    if env.teams is not None and len(agents) == max(env.teams) + 1:
        return tuple(agents[team] for team in env.teams)
    if len(agents) != env.num_agents:
        teams = "" if env.teams is None else f"{max(env.teams) + 1} teams, or "
        raise BadArgument(
            f"{len(agents)} agents given; {env.spec.id if env.spec else env} has "
            f"{teams}{env.num_agents} seats: {', '.join(env.agents)}"
        )
    return tuple(agents)


def _loaded(env: Any, agents: Sequence[Agent | str]) -> list[Agent]:
    """Agents for names. A device agent keeps nothing of its own, so one serves all its seats."""
    shared: dict[str, Agent] = {}
    players = []
    for agent in agents:
        if isinstance(agent, str):
            player = shared.get(agent) or arenas.load_agent(agent, env)
            if isinstance(player, DeviceAgent):
                shared[agent] = player
            players.append(player)
        else:
            players.append(agent)
    return players


def play_episode(
    env: HostEnv,
    agents: Sequence[Any],
    seed: int,
    *,
    watch: Watch | None = None,
    record: bool = True,
    policies: bool = False,
    after: Callable[[list[Any]], None] | None = None,
) -> Episode:
    """Play one episode on the host.

    Args:
        env: is reset first.
        agents: host agents by seat.
        seed: of the episode; the agent in a seat gets ``agent_seed(seed, seat)``.
        watch: told when an agent thinks.
        record: keep actions and checksum.
        policies: keep what agents tell of their choices too.
        after: called after each step with the joint action that was taken.
    """
    watch = watch or Watch()
    timestep = env.reset(seed)
    names = tuple(a.name for a in agents)
    box = isinstance(env.action_space, gymnasium.spaces.Box)
    actions: list[list[Any]] = []
    rewards: list[Any] = [np.zeros(env.num_agents, np.float32)]
    told = Told(env) if policies else None

    def finish(outcome: str, forfeit: Forfeit | None = None) -> Episode:
        shape = (len(actions), env.num_agents, *env.action_shape)
        action_type = np.float32 if box else np.int32
        # cumsum adds in order, one float32 after the other, as the device does; sum would not.
        final = np.cumsum(rewards, axis=0, dtype=np.float32)[-1].tolist()
        return Episode(
            env_id=env.spec.id if env.spec else "",
            env_kwargs=dict(env.kwargs),
            agents=names,
            seed=seed,
            returns=tuple(final) if forfeit is None else forfeit_returns(env, forfeit.seat, final),
            length=len(actions),
            outcome=outcome,
            forfeit=forfeit,
            actions=np.asarray(actions, action_type).reshape(shape) if record else None,
            checksum=env.checksum() if record else None,
            policies=told.policies(len(actions)) if told else None,
        )

    for seat, agent in enumerate(agents):
        watch.begin(seat, 0)
        try:
            agent.watch(env)
            agent.reset(seat, agent_seed(seed, seat))
        except LeftTheGame as error:
            return finish("forfeit", Forfeit(error.seat, str(error)))
        except (Exception, SystemExit) as error:
            watch.failed(error)
            return finish("forfeit", Forfeit(seat, _failure(error)))
        finally:
            watch.end()

    idle: Any = np.zeros(env.action_shape, np.float32) if box else 0
    acting: Any = None
    masks: Any = None
    seats: list[Any] = []
    while not (timestep.terminated or timestep.truncated):
        action = []
        if timestep.acting is not acting or timestep.action_mask is not masks:  # often the same
            acting, masks = timestep.acting, timestep.action_mask
            seats = list(zip(agents, acting.tolist(), masks, strict=True))
        observations = _by_seat(timestep.observation)
        for seat, (agent, acts, mask) in enumerate(seats):
            if not acts:
                action.append(idle)
                continue
            watch.begin(seat, len(actions))
            try:
                if told:
                    told.ask(len(actions), seat, agent, observations(seat), mask)
                chosen = agent.act(observations(seat), mask)
                env.check_legal(seat, chosen)
            except LeftTheGame as error:
                return finish("forfeit", Forfeit(error.seat, str(error)))
            except (Exception, SystemExit) as error:
                watch.failed(error)
                return finish("forfeit", Forfeit(seat, _failure(error)))
            finally:
                watch.end()
            action.append(chosen if box else int(chosen))
        timestep = env.step(action)
        actions.append(action)
        rewards.append(timestep.reward)
        if after:
            after(action)
    return finish("terminated" if timestep.terminated else "truncated")


class Told:
    """What agents tell of their choices, while an episode is played.

    Args:
        env: what is played.
    """

    def __init__(self, env: HostEnv) -> None:
        self._shape = (env.num_agents, env.num_actions)
        self._probabilities: list[np.ndarray] = []
        self._values: list[np.ndarray] = []

    def ask(self, step: int, seat: int, agent: Any, observation: Any, mask: np.ndarray) -> None:
        """Ask an agent that is about to act, after ``step`` steps."""
        self._reach(step + 1)
        told = agent.tell(observation, mask) if isinstance(agent, HostAgent) else None
        if told is not None:
            self._probabilities[step][seat], self._values[step][seat] = told

    def _reach(self, length: int) -> None:
        while len(self._values) < length:
            self._probabilities.append(np.full(self._shape, np.nan, np.float32))
            self._values.append(np.full(self._shape[0], np.nan, np.float32))

    def policies(self, length: int) -> Policies | None:
        """What was told in the first ``length`` steps; None where nobody told anything."""
        self._reach(length)
        probabilities, values = self._probabilities[:length], self._values[:length]
        if not any(np.isfinite(p).any() for p in probabilities):
            return None
        return Policies(np.stack(probabilities), np.stack(values))


def _by_seat(observation: Any) -> Callable[[int], Any]:
    if isinstance(observation, np.ndarray):
        return observation.__getitem__
    return lambda seat: jax.tree.map(lambda x: x[seat], observation)


def _failure(error: BaseException) -> str:
    """An exception in one line: what, why, and where in the agent's code."""
    if isinstance(error, ArenasError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"exited with {error.code!r}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {frames[-1].name})" if len(frames) > 1 else ""
    return f"{type(error).__name__}: {error}{where}"[:500]


def forfeit_returns(env: Any, seat: int, returns: Sequence[float]) -> tuple[float, ...] | None:
    """Returns of an episode that the agent in ``seat`` forfeited.

    Failing must never pay. Where the game declares its ``return_range``, the agent that failed, and
    its team in a game of teams, get the lowest return; in a competitive game the others get the
    highest, in a cooperative one the lowest too, in a mixed one what they had. Elsewhere the
    returns are undefined (None): the episode counts as a forfeit, and not in means.
    """
    if env.return_range is None:
        return None
    low, high = env.return_range
    kind = env.spec.kind if env.spec else "unknown"
    others = {"competitive": [high] * len(returns), "cooperative": [low] * len(returns)}
    final = list(others.get(kind, returns))
    teams = env.teams or range(len(final))
    lost = [team == teams[seat] for team in teams]
    return tuple(float(low if mine else r) for mine, r in zip(lost, final, strict=True))


def acts_on_device(env: Env[Any], agents: Sequence[DeviceAgent]) -> list[bool]:
    """Whether each agent can be compiled for this game, and its actions have the right shape."""
    view = _view(env)
    return [_acts(env, agent, *view) for agent in agents]


def _view(env: Env[Any]) -> tuple[Any, Any, Any]:
    """Shapes of a key, of what one seat observes, and of its mask."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    _, timestep = jax.eval_shape(env.reset, key)
    seen = (timestep.observation, timestep.action_mask)
    return key, *jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), seen)


def alike(env: Env[Any], agents: Sequence[DeviceAgent]) -> list[list[int]]:
    """Indices of agents that play by the same program, and differ in their ``params`` at most.

    Programs are the same whose text is, as it goes to the compiler, constants included.
    """
    groups: dict[Any, list[int]] = {}
    view = _view(env)
    for i, agent in enumerate(agents):
        groups.setdefault(_program(agent, *view), []).append(i)
    return list(groups.values())


def _program(agent: DeviceAgent, key: Any, observation: Any, mask: Any) -> Any:
    def both(params: Any, key: Any, observation: Any, mask: Any) -> Any:
        carry = agent.init(key, jnp.int32(0))
        return carry, agent.act(params, carry, observation, mask, key)

    text = jax.jit(both).lower(agent.params, key, observation, mask).as_text()
    return jax.tree.structure(agent.params), hashlib.sha256(text.encode()).digest()


def _acts(env: Env[Any], agent: DeviceAgent, key: Any, observation: Any, mask: Any) -> bool:
    def once(key: Any, observation: Any, mask: Any) -> Any:
        carry = agent.init(key, jnp.int32(0))
        new, action = agent.act(agent.params, carry, observation, mask, key)
        return carry, new, jnp.asarray(action)

    try:
        carry, new, action = jax.eval_shape(once, key, observation, mask)
    except Exception:  # whatever its author did; the host says what
        return False
    box = isinstance(env.action_space, gymnasium.spaces.Box)
    kind = jnp.floating if box else jnp.integer
    same = jax.tree.structure(carry) == jax.tree.structure(new)
    return same and action.shape == env.action_shape and bool(jnp.issubdtype(action.dtype, kind))


class DeviceMatches:
    """Episodes between device agents, all pairs and all episodes in one compiled program.

    At each step every agent acts once, on the seats that it holds across all episodes; an agent
    costs nothing where it does not sit. Agents that differ in their parameters only act in one
    operation, so that a field of many compiles as fast as one of few; it also plays fast where each
    agent holds about as many seats as the others. Episodes that have ended stand still until all
    have; so do those that an agent forfeited by an illegal action.

    Args:
        env: the environment.
        agents: the players that seats refer to by index.
        batch: how many episodes run at once, and are lost if interrupted; the default is as many as
            fit about 256 MB of observations, from 64 to 1,024 (on an accelerator 8,192).
    """

    def __init__(
        self, env: Env[Any], agents: Sequence[DeviceAgent], batch: int | None = None
    ) -> None:
        self.env, self.agents = env, list(agents)
        if batch is None:
            leaves = jax.tree.leaves(
                jax.eval_shape(env.reset, jax.random.key(0))[1].observation,
            )
            size = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
            most = 1024 if jax.default_backend() == "cpu" else 8192
            batch = int(np.clip(2**28 // max(1, size), 64, most))
        self.batch = batch
        self._alike = alike(env, self.agents)
        self._shape = (0, [FEWEST_SEATS] * len(self._alike))
        self._start, self._run = jax.jit(self._start_all), jax.jit(self._run_steps)
        game = env.unwrapped
        self._masked = type(game)._action_mask is not Env._action_mask
        self._turn = jax.jit(lambda state: (game._acting(state), game._action_mask(state)))

    def play(
        self,
        seats: Sequence[Sequence[int]],
        seeds: Sequence[int],
        *,
        record: bool | Sequence[bool] = True,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[Episode]:
        """Play one episode for each row, and yield their records in order.

        Args:
            seats: ``[episodes][A]``, the index of the agent in each seat.
            seeds: ``[episodes]``.
            record: keep actions and checksums; of all episodes, or said for each.
            progress: called now and then with how many episodes' worth of steps were made since
                the last call, where the environment has a step limit or horizon.
        """
        count = len(seeds)
        # A call that fits into the program of an earlier one uses it.
        batch, room = max(min(self.batch, count), self._shape[0]), self._shape[1]
        pieces = [slice(i, min(i + batch, count)) for i in range(0, count, batch)]
        table = np.asarray(seats, np.int64).reshape(count, self.env.num_agents)
        # A program has fixed shapes: each agent gets room for the most seats that it, or another of
        # its kind, holds in a piece, and not for few.
        for p in pieces:
            held = np.bincount(table[p].ravel(), minlength=len(self.agents))
            most = [int(held[kind].max()) for kind in self._alike]
            room = [max(pair) for pair in zip(room, most, strict=True)]
        self._shape = (batch, room)
        keep = [record] * count if isinstance(record, bool) else list(record)
        for p in pieces:
            yield from self._play_piece(table[p], seeds[p], batch, room, keep[p], progress)

    def _play_piece(
        self,
        seats: np.ndarray,
        seeds: Sequence[int],
        batch: int,
        room: list[int],
        record: list[bool],
        progress: Callable[[float], None] | None,
    ) -> Iterator[Episode]:
        real, width = seats.shape
        nowhere = batch * width  # an index out of range: read as anything, written nowhere
        slots = []
        for kind, size in zip(self._alike, room, strict=True):
            where = np.full((len(kind), size), nowhere, np.int32)
            for row, agent in zip(where, kind, strict=True):
                held = np.flatnonzero(seats.reshape(-1) == agent)
                row[: len(held)] = held
            slots.append(where)
        padded = np.zeros(batch, np.uint32)
        padded[:real] = seeds
        agent_seeds = np.zeros((batch, width), np.uint32)
        agent_seeds[:real] = [[agent_seed(s, i) for i in range(width)] for s in seeds]
        carry = self._start(padded, agent_seeds.reshape(-1), tuple(slots))
        params = [
            jax.tree.map(lambda *x: jnp.stack(x), *(self.agents[a].params for a in kind))
            for kind in self._alike
        ]
        taken = []
        horizon = self.env.max_steps or (self.env.spec.horizon if self.env.spec else None)
        told = 0.0
        while True:
            carry, actions = self._run(params, carry, tuple(slots))
            if any(record):
                taken.append(np.asarray(actions))
            state = carry[0]
            if progress and horizon:
                share = min(1.0, float(np.asarray(state.steps[:real]).mean()) / horizon)
                progress((share - told) * real)
                told = share
            if (np.asarray(state.terminated | state.truncated)[:real]).all():
                break
        if progress and horizon:
            progress((1.0 - told) * real)
        final, returns, stopped, wrong = jax.device_get((carry[0], carry[4], *carry[7]))
        all_actions = np.concatenate(taken) if taken else None  # [steps, batch, A, ...]
        spec = self.env.spec
        for i in range(real):
            length = int(final.steps[i])
            total: Any = tuple(float(r) for r in returns[i])
            outcome, forfeit = "terminated" if final.terminated[i] else "truncated", None
            end: Any = None
            actions = checksum = None
            if stopped[i] or record[i]:
                end = jax.tree.map(lambda x, i=i: x[i], final)
            if stopped[i]:
                end = end.replace(truncated=np.bool_(False))  # it was, to stand still
                outcome, forfeit = "forfeit", self._forfeit(end, wrong[i])
                total = forfeit_returns(self.env, forfeit.seat, total)
            if record[i] and all_actions is not None:
                actions = all_actions[:length, i].copy()
                checksum = state_checksum(end)
            yield Episode(
                env_id=spec.id if spec else "",
                env_kwargs=dict(self.env.kwargs),
                agents=tuple(self.agents[a].name for a in seats[i]),
                seed=int(seeds[i]),
                returns=total,
                length=length,
                outcome=outcome,
                forfeit=forfeit,
                actions=actions,
                checksum=checksum,
            )

    def _forfeit(self, state: Any, action: np.ndarray) -> Forfeit:
        """Of the first seat whose action is illegal in this state, in the words of the host."""
        acting, mask = jax.device_get(self._turn(state))
        for seat in np.flatnonzero(acting).tolist():
            try:
                refuse_illegal(self.env, seat, action[seat], mask[seat])
            except IllegalAction as error:
                return Forfeit(seat, str(error))
        raise AssertionError(f"{action} is legal, and was found not to be")

    def _legal(self, action: Any, mask: Any) -> Any:
        """Whether a host would accept actions ``[E, A, *action_shape]``, bool ``[E, A]``."""
        space = self.env.action_space
        if isinstance(space, gymnasium.spaces.Box):
            within = (action >= space.low) & (action <= space.high)  # false for NaN
            return within.reshape(*mask.shape[:2], -1).all(-1)
        legal = (action >= 0) & (action < mask.shape[-1])
        if self._masked:
            nearest = jnp.clip(action, 0, mask.shape[-1] - 1)
            legal &= jnp.take_along_axis(mask, nearest[..., None], -1)[..., 0]
        return legal

    def _start_all(self, seeds: Any, agent_seeds: Any, slots: Any) -> Any:
        keys = jax.vmap(jax.random.key)(seeds)
        state, timestep = jax.vmap(lambda k: self.env.reset(step_key(k, 0)))(keys)
        agent_keys = jax.vmap(jax.random.key)(agent_seeds)  # [episodes * A]
        seat = jnp.tile(jnp.arange(self.env.num_agents, dtype=jnp.int32), len(seeds))

        def start(kind: list[int], where: Any) -> Any:
            init = self.agents[kind[0]].init
            each = jax.vmap(jax.vmap(lambda k, s: init(step_key(k, 0), s)))
            return each(agent_keys[where], seat[where])

        carries = tuple(start(k, w) for k, w in zip(self._alike, slots, strict=True))
        acts = jnp.zeros(agent_seeds.shape, jnp.uint32)
        returns = jnp.zeros((len(seeds), self.env.num_agents), jnp.float32)
        view = (timestep.observation, timestep.action_mask, timestep.acting)
        box = isinstance(self.env.action_space, gymnasium.spaces.Box)
        action_type = jnp.float32 if box else jnp.int32
        wrong = jnp.zeros((*returns.shape, *self.env.action_shape), action_type)
        fault = jnp.zeros(len(seeds), bool), wrong  # stopped by an illegal action, and by which
        return state, view, carries, acts, returns, keys, agent_keys, fault

    def _run_steps(self, params: Any, carry: Any, slots: Any) -> Any:
        box = isinstance(self.env.action_space, gymnasium.spaces.Box)
        action_type = jnp.float32 if box else jnp.int32

        def step(carry: Any, _: None) -> Any:
            state, view, carries, acts, returns, keys, agent_keys, fault = carry
            observation, mask, acting = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), view)
            acts = acts + acting
            act_keys = jax.vmap(step_key)(agent_keys, acts)
            action = jnp.zeros((*acts.shape, *self.env.action_shape), action_type)
            new_carries = []
            for kind, own, held, where in zip(self._alike, params, carries, slots, strict=True):
                seen = jax.tree.map(lambda x, where=where: x[where], (observation, mask, act_keys))
                act = jax.vmap(jax.vmap(self.agents[kind[0]].act, (None, 0, 0, 0, 0)))
                new, chosen = act(own, held, *seen)
                acts_now = jax.vmap(select_rows, (0, 0, 0))
                chosen = acts_now(acting[where], chosen.astype(action_type), action[where])
                action = action.at[where].set(chosen, mode="drop")
                new_carries.append(acts_now(acting[where], new, held))
            action = action.reshape(*returns.shape, *self.env.action_shape)
            stop = (view[2] & ~self._legal(action, view[1])).any(1)
            fault = fault[0] | stop, select_rows(stop, action, fault[1])
            state = state.replace(truncated=state.truncated | stop)  # it stands still from here on
            step_keys = jax.vmap(step_key)(keys, state.steps + 1)
            state, timestep = jax.vmap(self.env.step)(step_keys, state, action)
            returns = returns + timestep.reward
            view = (timestep.observation, timestep.action_mask, timestep.acting)
            carries = tuple(new_carries)
            return (state, view, carries, acts, returns, keys, agent_keys, fault), action

        return jax.lax.scan(step, carry, None, length=STEPS_PER_CALL)

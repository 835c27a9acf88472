"""A single-agent Gymnasium view of any environment: named agents hold the other seats.

Importing this module registers every environment of Arenas with Gymnasium, as ``arenas/<id>``
(``ns/game-v0`` as ``arenas/ns.game-v0``), and FightLadder's ladder also as
``arenas/FightLadder-v0``. Gymnasium 1.0 dropped entry points for plugins, so the
import is needed; ``gymnasium.make("arenas.interop.gymnasium:arenas/rrps-v0")`` does it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

import arenas
from arenas.agent import Agent, HostAgent, as_host_agent
from arenas.env import Env
from arenas.errors import BadArgument, EpisodeOver, UnknownName
from arenas.host import HostEnv
from arenas.interop._seats import RENDER_FPS, RENDER_MODES, Seats
from arenas.rollout import agent_seed

ALIASES = {"arenas/FightLadder-v0": "fightladder-ladder-v0"}
"""Names in Gymnasium's manner of environments for one player."""

Opponents = str | Agent | Sequence[Any] | Mapping[Any, Any]  # of names and agents


def single_agent_env(
    id: str | Env[Any] | HostEnv,
    seat: int | str = 0,
    opponents: Opponents = "random",
    render_mode: str | None = None,
    *,
    flatten: bool = False,
    **kwargs: Any,
) -> SingleAgentEnv:
    """An environment as one seat sees it, in Gymnasium's interface; see :class:`SingleAgentEnv`."""
    return SingleAgentEnv(id, seat, opponents, render_mode, flatten=flatten, **kwargs)


class SingleAgentEnv(gymnasium.Env[Any, Any]):
    """One seat of an environment, the others held by agents.

    Where it is not this seat's turn, the others play on until it is, and rewards add up between
    two turns of this seat; ``info`` is of the latest step. What is rewarded before the first turn
    comes with the first step. An episode that ends before the first turn takes one step, whose
    action is not read.

    ``info["action_mask"]`` (int8 ``[K]``, for ``action_space.sample``) says what is legal; illegal
    actions raise :class:`arenas.errors.IllegalAction`.

    Args:
        env: an id, as for ``arenas.make``; or an environment itself.
        seat: which seat is this one: an index or an agent's name.
        opponents: who holds the others: one agent for all; a mapping from seats (indices or
            names) to agents; or a sequence in the order of the other seats. An agent is a name,
            as for ``arenas.load_agent``, or an :class:`arenas.Agent`; a host agent holds one seat.
        render_mode: None, ``"human"`` (a window; prints where there is no display),
            ``"rgb_array"`` (pictures, uint8 ``[720, 1080, 3]``) or ``"ansi"`` (text).
        flatten: make each observation one vector, in the order of ``gymnasium.spaces.flatten``.
        kwargs: arguments of the environment.

    Raises:
        UnknownName: no such id, argument, seat or agent.
        BadArgument: a value that is not accepted: a seat without an agent, or with two.

    Example:
        >>> import gymnasium, arenas.interop.gymnasium
        >>> env = gymnasium.make("arenas/rrps-v0", seat=1, opponents="random")
        >>> observation, info = env.reset(seed=7)
        >>> observation, reward, terminated, truncated, info = env.step(0)
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}  # noqa: RUF012

    def __init__(
        self,
        env: str | Env[Any] | HostEnv,
        seat: int | str = 0,
        opponents: Opponents = "random",
        render_mode: str | None = None,
        *,
        flatten: bool = False,
        **kwargs: Any,
    ) -> None:
        self._seats = Seats(env, kwargs, render_mode=render_mode, flatten=flatten)
        self.render_mode = render_mode
        self.metadata = self._seats.metadata(is_parallelizable=False)
        self.seat = self._seat_index(seat)
        self.name = self._seats.names[self.seat]
        self.observation_space = self._seats.observation_spaces[self.name]
        self.action_space = self._seats.action_spaces[self.name]
        self._opponents = self._load(opponents)
        self._reward, self._over = 0.0, True

    @property
    def episode_seed(self) -> int | None:
        """The seed of the present episode: ``reset`` with it starts the same again."""
        return self._seats.seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode, and play until it is this seat's turn.

        Args:
            seed: the episode's (0 to 2³²−1): the same as everywhere else in Arenas. Without one,
                the next of the sequence that the last given seed began, or a random one.
            options: those of the game's ``reset_options``.

        Raises:
            BadArgument: a value that the game does not accept.
        """
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2**32)) if seed is None else seed
        self._seats.reset(episode, options)
        for seat, agent in self._opponents.items():
            agent.watch(self._seats.host)
            agent.reset(seat, agent_seed(int(episode), seat))
        self._reward, self._over = 0.0, False
        self._play_others()
        return self._seats.observation(self.seat), self._seats.info(self.seat)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act, and play until it is this seat's turn again or the episode has ended.

        Raises:
            IllegalAction: the rules forbid ``action`` now; nothing has changed.
            BadShape: not an action.
            EpisodeOver: the episode has ended, or none was started.
        """
        if self._over:
            raise EpisodeOver("no episode is going on: call reset first")
        if not self._seats.over:
            self._seats.host.check_legal(self.seat, action)
            self._step({self.name: action})
            self._play_others()
        timestep = self._seats.timestep
        reward, self._reward = self._reward, 0.0
        self._over = self._seats.over
        return (
            self._seats.observation(self.seat),
            reward,
            bool(timestep.terminated),
            bool(timestep.truncated),
            self._seats.info(self.seat),
        )

    def render(self) -> str | np.ndarray | None:  # type: ignore[override]
        """A picture in ``"rgb_array"`` mode, text in ``"ansi"`` mode; ``"human"`` shows itself."""
        return self._seats.render()

    def close(self) -> None:
        """Free what the environment holds, and close its window."""
        self._seats.close()

    def _play_others(self) -> None:
        while not self._seats.over and self.name not in self._seats.acting:
            self._step({})

    def _step(self, actions: dict[str, Any]) -> None:
        """One step of the game: ``actions``, and those of the others who act."""
        for name in self._seats.acting:
            seat = self._seats.seat(name)
            if seat != self.seat:
                mask = np.asarray(self._seats.timestep.action_mask[seat])
                observation = self._seats.raw_observation(seat)
                actions[name] = self._opponents[seat].act(observation, mask)
        self._seats.step(actions)
        self._reward += float(self._seats.timestep.reward[self.seat])

    # Seats and agents ---------------------------------------------------------------------------

    def _seat_index(self, seat: Any) -> int:
        names = self._seats.names
        if isinstance(seat, int | np.integer) and not isinstance(seat, bool):
            if 0 <= seat < len(names):
                return int(seat)
        elif isinstance(seat, str) and seat in names:
            return names.index(seat)
        known = [f"{i} or {name}" for i, name in enumerate(names)]
        raise UnknownName("seat", str(seat), known)

    def _load(self, opponents: Opponents) -> dict[int, HostAgent]:
        others = [i for i in range(len(self._seats.names)) if i != self.seat]
        if isinstance(opponents, str | Agent):
            given: dict[int, Any] = dict.fromkeys(others, opponents)
        elif isinstance(opponents, Mapping):
            given = {}
            for seat, agent in opponents.items():
                index = self._seat_index(seat)
                if index in given:
                    raise BadArgument(f"seat {self._seats.names[index]} is given two agents")
                given[index] = agent
        elif isinstance(opponents, Sequence):
            if len(opponents) != len(others):
                raise BadArgument(
                    f"{len(opponents)} opponents for {len(others)} other seats: "
                    f"{', '.join(self._seats.names[i] for i in others) or 'none'}"
                )
            given = dict(zip(others, opponents, strict=True))
        else:
            raise BadArgument(
                f"opponents are {opponents!r}; accepted are an agent, a mapping from seats to "
                "agents, or a sequence of agents"
            )
        if self.seat in given:
            raise BadArgument(f"seat {self.name} is this environment's own; it takes no opponent")
        missing = [self._seats.names[i] for i in others if i not in given]
        if missing:
            raise BadArgument(f"no opponent for: {', '.join(missing)}")
        hosts = [id(agent) for agent in given.values() if isinstance(agent, HostAgent)]
        if len(set(hosts)) < len(hosts):
            raise BadArgument("one host agent object holds two seats; give each seat its own")
        game = self._game()
        return {i: self._agent(given[i], game) for i in others}

    def _game(self) -> Any:
        """What agents are made for: the JAX environment, where there is one."""
        return getattr(self._seats.host, "env", self._seats.host)

    @staticmethod
    def _agent(agent: Any, game: Any) -> HostAgent:
        if isinstance(agent, str):
            agent = arenas.load_agent(agent, game)
        if not isinstance(agent, Agent):
            raise BadArgument(f"{agent!r} is not an agent; give a name or an arenas.Agent")
        return as_host_agent(agent)


def register_all() -> None:
    """Register with Gymnasium every environment that Arenas knows now and did not before."""
    for id in arenas.registry.envs:
        name = f"arenas/{id.replace('/', '.')}"
        if name not in gymnasium.registry:
            _register(name, id)
    for name, id in ALIASES.items():
        if name not in gymnasium.registry:
            _register(name, id)


def _register(name: str, id: str) -> None:
    gymnasium.register(
        name, entry_point="arenas.interop.gymnasium:SingleAgentEnv", kwargs={"env": id}
    )


register_all()

"""PettingZoo's two interfaces over any environment of Arenas."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pettingzoo

from arenas.env import Env
from arenas.errors import EpisodeOver
from arenas.host import HostEnv
from arenas.interop._seats import MaskIn, Seats


def parallel_env(
    id: str | Env[Any] | HostEnv,
    render_mode: str | None = None,
    *,
    flatten: bool = False,
    mask_in: MaskIn = "info",
    max_cycles: int | None = None,
    **kwargs: Any,
) -> ParallelEnv:
    """An environment in PettingZoo's parallel interface.

    Args:
        id: as for ``arenas.make``; or an environment itself.
        render_mode: None, ``"human"`` (every situation is shown in a window as it comes, at the
            speed at which the game is usually watched; where there is no display it is printed),
            ``"rgb_array"`` (``render`` returns a picture, uint8 ``[720, 1080, 3]``; needs no
            display) or ``"ansi"`` (``render`` returns text).
        flatten: make each observation one vector, in the order of
            ``gymnasium.spaces.flatten``; wrappers such as SuperSuit's need it where observations
            are dictionaries.
        mask_in: where legal actions are given, int8 ``[K]``: ``"info"``, as
            ``infos[agent]["action_mask"]``; ``"observation"``, as
            ``{"observation": ..., "action_mask": ...}``, the form of PettingZoo's classic games.
        max_cycles: truncate episodes after so many steps. A game's own limit, if lower, comes
            first, and is an argument of the game.
        kwargs: arguments of the environment.

    Raises:
        UnknownName: no such id, argument, ``render_mode`` or ``mask_in``.
        BadArgument: a value that is not accepted.

    Example:
        >>> import arenas
        >>> env = arenas.parallel_env("rrps-v0")
        >>> observations, infos = env.reset(seed=7)
        >>> actions = {agent: 0 for agent in env.agents}
        >>> observations, rewards, terminations, truncations, infos = env.step(actions)
    """
    return ParallelEnv(
        Seats(
            id,
            kwargs,
            render_mode=render_mode,
            flatten=flatten,
            mask_in=mask_in,
            max_cycles=max_cycles,
        )
    )


def aec_env(
    id: str | Env[Any] | HostEnv,
    render_mode: str | None = None,
    *,
    flatten: bool = False,
    mask_in: MaskIn = "info",
    max_cycles: int | None = None,
    **kwargs: Any,
) -> AecEnv:
    """An environment in PettingZoo's agent-by-agent interface.

    Where several agents act at once, they are asked in the order of their seats, and the step is
    made when the last has answered: nobody sees another's choice before making their own. In
    turn-based games the order is the game's. The arguments are those of :func:`parallel_env`;
    ``max_cycles`` counts steps of the game.
    """
    return AecEnv(
        Seats(
            id,
            kwargs,
            render_mode=render_mode,
            flatten=flatten,
            mask_in=mask_in,
            max_cycles=max_cycles,
        )
    )


class _View:
    """What both interfaces share. ``seats`` holds the episode."""

    seats: Seats
    agents: list[str]
    metadata: dict[str, Any]

    def _adopt(self, seats: Seats, *, is_parallelizable: bool) -> None:
        self.seats = seats
        self.possible_agents = list(seats.names)
        self.agents = []
        self.metadata = seats.metadata(is_parallelizable=is_parallelizable)
        self.render_mode = seats.render_mode
        self.np_random = np.random.default_rng()  # of episodes' seeds; SuperSuit draws from it too

    @property
    def max_cycles(self) -> int | None:
        """Where this view truncates episodes."""
        return self.seats.max_cycles

    @max_cycles.setter
    def max_cycles(self, value: int | None) -> None:
        self.seats.max_cycles = value

    @property
    def episode_seed(self) -> int | None:
        """The seed of the present episode: ``reset`` with it starts the same again."""
        return self.seats.seed

    @property
    def state_space(self) -> gymnasium.Space[Any]:
        """The space of ``state()``."""
        return self.seats.state_space

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """The space of this agent's observations: the same object every time."""
        self.seats.seat(agent)
        return self.seats.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """The space of this agent's actions: the same object every time."""
        self.seats.seat(agent)
        return self.seats.action_spaces[agent]

    def state(self) -> np.ndarray:
        """All agents' observations in one vector, in the order of ``possible_agents``."""
        return self.seats.state()

    def render(self) -> str | np.ndarray | None:  # type: ignore[override]
        """A picture in ``"rgb_array"`` mode, text in ``"ansi"`` mode; see :func:`parallel_env`."""
        return self.seats.render()

    def close(self) -> None:
        """Free what the environment holds, and close its window."""
        self.seats.close()

    def _start(self, seed: int | None, options: dict[str, Any] | None) -> None:
        if seed is None:
            self.seats.reset(int(self.np_random.integers(2**32)), options)
        else:
            self.seats.reset(seed, options)
            self.np_random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)


class ParallelEnv(_View, pettingzoo.ParallelEnv[str, Any, Any]):
    """See :func:`parallel_env`.

    All agents live from the first step to the last. In turn-based games, too, each step takes and
    gives something for all: entries of agents who do not act (``infos[agent]["acting"]`` is False)
    may be left out of ``actions`` and are not read.
    """

    def __init__(self, seats: Seats) -> None:
        self._adopt(seats, is_parallelizable=True)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode.

        Args:
            seed: the episode's (0 to 2³²−1): the same as everywhere else in Arenas. Without one,
                the next of the sequence that the last given seed began, or a random one.
            options: those of the game's ``reset_options``, such as Hanabi's ``{"deck": [...]}``.

        Raises:
            BadArgument: a value that the game does not accept.
        """
        self._start(seed, options)
        return self._observations(), self._infos()

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Make one step.

        Args:
            actions: one for each agent that acts. After the end, when no agent lives, nobody's.

        Returns:
            observations, rewards, terminations, truncations and infos of all agents; after the
            end, of nobody.

        Raises:
            UnknownName: an action for somebody who is no agent.
            BadArgument: no action for an agent that acts.
            IllegalAction: the rules forbid an action now; nothing has changed.
            BadShape: not an action.
            EpisodeOver: the episode has ended, or none was started.
        """
        if not self.agents:
            if self.seats.started and not actions:
                return {}, {}, {}, {}, {}
            raise EpisodeOver("no episode is going on: call reset first")
        self.seats.step(actions)
        timestep = self.seats.timestep
        rewards = dict(zip(self.possible_agents, map(float, timestep.reward), strict=True))
        terminations = dict.fromkeys(self.possible_agents, bool(timestep.terminated))
        truncations = dict.fromkeys(self.possible_agents, bool(timestep.truncated))
        if self.seats.over:
            self.agents = []
        return self._observations(), rewards, terminations, truncations, self._infos()

    def _observations(self) -> dict[str, Any]:
        return {name: self.seats.observation(i) for i, name in enumerate(self.possible_agents)}

    def _infos(self) -> dict[str, dict[str, Any]]:
        return {name: self.seats.info(i) for i, name in enumerate(self.possible_agents)}


class AecEnv(_View, pettingzoo.AECEnv[str, Any, Any]):
    """See :func:`aec_env`."""

    def __init__(self, seats: Seats) -> None:
        # Wrappers that make AEC environments parallel expect all agents in every cycle.
        self._adopt(seats, is_parallelizable=not seats.turn_based)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode; arguments as in :meth:`ParallelEnv.reset`."""
        self._start(seed, options)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self._skip_agent_selection: str | None = None
        self._read_timestep()

    def observe(self, agent: str) -> Any:
        """What this agent sees since the last step of the game."""
        return self.seats.observation(self.seats.seat(agent))

    def step(self, action: Any) -> None:
        """Give the action of ``agent_selection``; None, once, for each agent after the end.

        Raises:
            IllegalAction: the rules forbid it now; nothing has changed.
            BadShape: not an action.
            EpisodeOver: the episode has ended, or none was started.
        """
        if not self.agents:
            raise EpisodeOver("no episode is going on: call reset first")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.seats.host.check_legal(self.seats.seat(agent), action)
        self._cumulative_rewards[agent] = 0.0
        self._chosen[agent] = action
        waiting = [name for name in self.seats.acting if name not in self._chosen]
        if waiting:
            self._clear_rewards()
            self.agent_selection = waiting[0]
            return
        self.seats.step(self._chosen)
        rewards = map(float, self.seats.timestep.reward)
        self.rewards = dict(zip(self.possible_agents, rewards, strict=True))
        self._accumulate_rewards()
        self._read_timestep()

    def _read_timestep(self) -> None:
        """Take over everything but rewards from the latest step of the game."""
        timestep = self.seats.timestep
        self._chosen: dict[str, Any] = {}
        self.terminations = dict.fromkeys(self.agents, bool(timestep.terminated))
        self.truncations = dict.fromkeys(self.agents, bool(timestep.truncated))
        self.infos = {name: self.seats.info(i) for i, name in enumerate(self.possible_agents)}
        self.agent_selection = self.agents[0] if self.seats.over else self.seats.acting[0]

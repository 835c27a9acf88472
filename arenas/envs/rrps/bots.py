"""The 43 bots of the benchmark as host agents, each match repeatable by its seed.

OpenSpiel's bots draw from the C library's ``random()``, whose state belongs to the process, and
OpenSpiel has no seed for them. So each bot here has a generator state of its own, seeded at
``reset`` and put in place for the time of each throw only. A match then depends on its seeds and
the throws alone: not on what was played before, nor on other matches going on in the process; and
nobody else's random numbers are touched. On one thread, that is: the C library has one state.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
import pyspiel

from arenas.agent import HostAgent
from arenas.env import require
from arenas.envs.rrps.game import rules_of
from arenas.envs.rrps.host import RRPSHost
from arenas.envs.rrps.population import BOTS
from arenas.errors import UnknownName
from arenas.rollout import check_seed

MAX_THROWS = 1000
"""The length that the bots were written for, and believe in: told of a shorter one, as OpenSpiel
allows, ``greenberg`` writes past the end of its tables and takes the process down."""
_STATE_BYTES = 128  # the C library's default: srandom(seed) and initstate(seed) draw alike

# PyDLL: calls of a few nanoseconds need not hand over the interpreter's lock.
_libc = ctypes.PyDLL(None)
_initstate = _libc.initstate
_initstate.argtypes = (ctypes.c_uint, ctypes.c_void_p, ctypes.c_size_t)
_initstate.restype = ctypes.c_void_p
_setstate = _libc.setstate
_setstate.argtypes = (ctypes.c_void_p,)
_setstate.restype = ctypes.c_void_p


class RoshamboBot(HostAgent):
    """A bot of OpenSpiel's population.

    It reads the newest joint throw from its observation, or, where it is shown the environment
    before an episode (:meth:`watch`), all throws from there, which is faster. It believes that the
    payoffs are the classic ones and the match has 1,000 throws, whatever the environment's are.

    Args:
        env: an environment of this game with three throws to choose from and at most 1,000 throws
            an episode.
        bot: the bot's name in OpenSpiel, one of ``pyspiel.roshambo_bot_names()``.

    Raises:
        BadArgument: an environment that the bots cannot play.
        UnknownName: no such bot.
    """

    def __init__(self, env: Any, bot: str) -> None:
        rules = rules_of(env)
        if bot not in BOTS:
            raise UnknownName("bot", bot, BOTS)
        require(
            rules.num_throws == 3,
            f"rrps/{bot} knows rock, paper and scissors; {env!r} has {rules.num_throws} actions",
        )
        require(
            rules.throws <= MAX_THROWS,
            f"rrps/{bot} plays at most {MAX_THROWS} throws; {env!r} has throws={rules.throws}",
        )
        self.bot = bot
        self._watched: Any = None
        # Owned by this object, and never the process's state outside of ``act``.
        self._random = ctypes.create_string_buffer(_STATE_BYTES)
        self._address = ctypes.addressof(self._random)

    def watch(self, env: Any) -> None:
        """Read the throws of the next episode off the live environment, where that has them."""
        self._watched = env if isinstance(env, RRPSHost) else None

    def reset(self, seat: int, seed: int) -> None:
        seed = check_seed(seed)
        self._bot = pyspiel.make_roshambo_bot(seat, self.bot, MAX_THROWS)
        watched, self._watched = self._watched, None  # for one episode
        self._history = _Observed(seat) if watched is None else _live_history(watched)
        _setstate(_initstate(seed, self._address, _STATE_BYTES))

    def act(self, observation: Any, action_mask: np.ndarray) -> int:
        history = self._history.state(observation)
        process_state = _setstate(self._address)
        try:
            return self._bot.step(history)
        finally:
            _setstate(process_state)


class _Observed:
    """The throws so far as OpenSpiel's state, from one seat's observations."""

    def __init__(self, seat: int) -> None:
        self._seat, self._state = seat, None

    def state(self, observation: Any) -> pyspiel.State:
        if self._state is None:
            self._state = _repeated_game().new_initial_state()
            return self._state
        seen = observation.tolist()  # own one-hot of three, then the opponent's
        own, other = seen.index(1.0, 0, 3), seen.index(1.0, 3, 6) - 3
        self._state.apply_actions([other, own] if self._seat else [own, other])
        return self._state


class _Live:
    """The throws so far as OpenSpiel's state, from the environment: one for both seats."""

    def __init__(self, env: RRPSHost) -> None:
        self._env, self._throws = env, None

    def state(self, observation: Any) -> pyspiel.State:
        throws = self._env.throws
        if throws is not self._throws:  # another episode
            self._throws, self._applied = throws, 0
            self._state = _repeated_game().new_initial_state()
        while self._applied < len(throws):
            self._state.apply_actions(_PAIRS[throws[self._applied]])
            self._applied += 1
        return self._state


_PAIRS = [[a, b] for a in range(3) for b in range(3)]


def _live_history(env: RRPSHost) -> _Live:
    # It lies with the environment, so that two bots of a match share it, and it goes with it.
    return vars(env).setdefault("_openspiel_history", _Live(env))


@functools.cache
def _repeated_game() -> pyspiel.Game:
    stage = "stage_game=matrix_rps()"
    return pyspiel.load_game(f"repeated_game({stage},num_repetitions={MAX_THROWS})")

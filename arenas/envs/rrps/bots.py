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

    It reads the newest joint throw from its observation. It believes that the payoffs are the
    classic ones and the match has 1,000 throws, whatever the environment's are.

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
        self._game = _repeated_game()
        # Owned by this object, and never the process's state outside of ``act``.
        self._random = ctypes.create_string_buffer(_STATE_BYTES)
        self._address = ctypes.addressof(self._random)

    def reset(self, seat: int, seed: int) -> None:
        seed = check_seed(seed)
        self._bot = pyspiel.make_roshambo_bot(seat, self.bot, MAX_THROWS)
        self._history = self._game.new_initial_state()
        self._first, self._seat = True, seat
        _setstate(_initstate(seed, self._address, _STATE_BYTES))

    def act(self, observation: Any, action_mask: np.ndarray) -> int:
        if self._first:
            self._first = False
        else:
            seen = observation.tolist()  # own one-hot of three, then the opponent's
            own, other = seen.index(1.0, 0, 3), seen.index(1.0, 3, 6) - 3
            self._history.apply_actions([other, own] if self._seat else [own, other])
        process_state = _setstate(self._address)
        try:
            return self._bot.step(self._history)
        finally:
            _setstate(process_state)


@functools.cache
def _repeated_game() -> pyspiel.Game:
    stage = "stage_game=matrix_rps()"
    return pyspiel.load_game(f"repeated_game({stage},num_repetitions={MAX_THROWS})")

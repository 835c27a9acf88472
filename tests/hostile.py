"""Agents that fail, each in its own way; named ``hostile:NAME`` in tests."""

import os
import signal
import sys
import time
from typing import ClassVar

import numpy as np

from arenas import HostAgent
from arenas.errors import BadArgument


class Honest(HostAgent):
    """Throws rock; the base of the others."""

    def __init__(self, env, at: int = 0) -> None:
        self.at = at

    def reset(self, seat: int, seed: int) -> None:
        self.step = 0

    def act(self, observation, action_mask):
        self.step += 1
        return self.fail() if self.step > self.at else 0

    def fail(self):
        return 0


class Beats(Honest):
    """Fails at nothing: throws paper in ``level`` of four throws, else rock."""

    def __init__(self, env, level: int) -> None:
        self.level = level

    def reset(self, seat: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, observation, action_mask):
        return 1 if self.rng.random() < self.level / 4 else 0


class Raises(Honest):
    def fail(self):
        raise RuntimeError("no idea what to play")


class Exits(Honest):
    def fail(self):
        sys.exit(3)


class Dies(Honest):
    def fail(self):
        os._exit(5)


class Killed(Honest):
    def fail(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Honest):
    def fail(self):
        while True:
            time.sleep(1)


class HangsHard(Honest):
    """Deaf to polite signals."""

    def fail(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass


class HangsInReset(Honest):
    def reset(self, seat: int, seed: int) -> None:
        time.sleep(3600)


class HangsInInit(Honest):
    def __init__(self, env) -> None:
        time.sleep(3600)


class FailsInInit(Honest):
    def __init__(self, env) -> None:
        raise RuntimeError("no weights")


class RefusesInInit(Honest):
    def __init__(self, env, level: int = 1) -> None:
        if level > 3:
            raise BadArgument(f"level is {level}; accepted are 1 to 3")


class OutOfRange(Honest):
    def fail(self):
        return 17


class Nan(Honest):
    def fail(self):
        return float("nan")


class WrongShape(Honest):
    def fail(self):
        return np.zeros(2, int)


class Nothing(Honest):
    def fail(self):
        return None


class Prints(Honest):
    """Prints what would ruin a protocol on standard output, and plays on."""

    def act(self, observation, action_mask):
        os.write(1, b"\x80\x04garbage\n" * 100)
        print("{}", file=sys.stderr)
        return 0


class Hoards(Honest):
    """Allocates without bound."""

    def fail(self):
        hoard = []
        while True:
            hoard.append(bytearray(16_000_000))


class Leaks(Honest):
    """Keeps more and more, across episodes, a little short of what would fail here."""

    kept: ClassVar[list] = []

    def act(self, observation, action_mask):
        if len(self.kept) < 20:
            self.kept.append(bytearray(16_000_000))
        return 0


class Needs(Honest):
    """Allocates what it may, and gives it back."""

    def act(self, observation, action_mask):
        return bytearray(220_000_000)[0]

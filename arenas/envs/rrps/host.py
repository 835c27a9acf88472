"""Repeated rock-paper-scissors on the host: the same game as :class:`RRPS`, from tables.

Everything that depends on one joint throw is looked up, so that a step costs microseconds where a
compiled call costs a hundred. Results equal those of the JAX environment bit for bit.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from arenas.env import TimeStep
from arenas.envs.rrps.game import AGENTS, Payoff, RRPSState, Whole, make_rules
from arenas.host import HostEnv


class RRPSHost(HostEnv):
    """:class:`arenas.envs.rrps.game.RRPS` step by step in NumPy; the same arguments and results.

    Arrays that time steps share are read-only.

    Attributes:
        throws: the joint throws of this episode, oldest first, as numbers ``a * K + b``.

    Example:
        >>> import arenas
        >>> env = arenas.make_host("rrps-v0", throws=10)
        >>> timestep = env.reset(seed=0)
        >>> env.step([0, 1]).reward.tolist()
        [-1.0, 1.0]
    """

    def __init__(self, throws: Whole = 1000, recall: Whole = 1, payoff: Payoff = "rps") -> None:
        rules = self.rules = make_rules(throws, recall, payoff)
        self.agents = AGENTS
        self.observation_space = rules.observation_space()
        self.action_space = gymnasium.spaces.Discrete(rules.num_throws)
        self.action_labels = rules.labels
        self.return_range = rules.return_range
        self._length, self._size = rules.throws, rules.num_throws
        self._joint = 2 * rules.num_throws  # entries of an observation for one joint throw
        self._older = rules.recall > 1
        self._time = rules.time.tolist()  # floats of a list are faster to read than an array's
        size = rules.num_throws
        self._outcomes = [self._outcome(a, b) for a in range(size) for b in range(size)]
        self._fields = {
            "action_mask": _constant(np.ones((2, size), bool)),
            "terminated": _constant(np.zeros((), bool)),
            "truncated": _constant(np.zeros((), bool)),
            "acting": _constant(np.ones(2, bool)),
        }
        self._last_fields = self._fields | {
            "terminated": _constant(np.ones((), bool)),
            "acting": _constant(np.zeros(2, bool)),
        }
        self._open = False  # an episode goes on

    def _outcome(self, a: int, b: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What follows from one joint throw: observation so far, earned, reward, win."""
        rules = self.rules
        observation = np.zeros((2, rules.observation_size), np.float32)
        for seat, (own, other) in enumerate(((a, b), (b, a))):
            observation[seat, own] = 1
            observation[seat, self._size + other] = 1
        earned = rules.matrix[[a, b], [b, a]]
        return observation, earned, _constant(earned.astype(np.float32)), _constant(earned > 0)

    def _reset(self, seed: int) -> TimeStep:
        rules = self.rules
        self.throws: list[int] = []  # a new list for each episode
        self._score: Any = np.zeros(2, rules.matrix.dtype)
        self._observation: Any = np.zeros((2, rules.observation_size), np.float32)
        self._open = True
        return TimeStep(
            observation=self._observation,
            reward=np.zeros(2, np.float32),
            info={"win": np.zeros(2, bool), "score": self._score},
            **self._fields,
        )

    def check_legal(self, seat: int, action: Any) -> None:
        """Raise unless ``action`` is one that the agent in ``seat`` may take now.

        Raises:
            BadShape: not an integer.
            IllegalAction: out of range.
        """
        if type(action) is not int or not 0 <= action < self._size:
            super().check_legal(seat, action)

    def _checked(self, action: Any) -> Any:
        # What is plainly a legal joint action passes here; the base class judges all else.
        if self._open:
            pair = action.tolist() if type(action) is np.ndarray else action
            if type(pair) in (list, tuple) and len(pair) == 2:
                a, b = pair
                size = self._size
                if type(a) is int and type(b) is int and 0 <= a < size and 0 <= b < size:
                    return a * size + b
        checked = super()._checked(action)
        return int(checked[0]) * self._size + int(checked[1])

    def _step(self, action: Any) -> TimeStep:
        made = self.throws
        made.append(action)
        throws = len(made)
        table, earned, reward, win = self._outcomes[action]
        observation = table.copy()
        if self._older:
            observation[:, self._joint : -1] = self._observation[:, : -1 - self._joint]
        observation[0, -1] = observation[1, -1] = self._time[throws]
        self._observation = observation
        self._score = score = self._score + earned
        fields = self._fields
        if throws == self._length:
            fields, self._open = self._last_fields, False
        # As TimeStep(...) would, without the generated __init__'s call per frozen field.
        timestep = object.__new__(TimeStep)
        values = timestep.__dict__
        values.update(fields)
        values["observation"] = observation
        values["reward"] = reward
        values["info"] = {"win": win, "score": score}
        return timestep

    def state(self) -> RRPSState:
        """The present state: that of the JAX environment, as NumPy arrays."""
        rules, throws = self.rules, len(self.throws)
        recent = np.full((rules.recall, 2), self._size, np.uint8)
        newest = self.throws[: -rules.recall - 1 : -1]
        if newest:
            recent[: len(newest)] = np.stack(np.divmod(newest, self._size), axis=1)
        return RRPSState(
            steps=np.array(throws, np.int32),
            terminated=np.array(throws == rules.throws),
            truncated=np.zeros((), bool),
            recent=recent,
            score=self._score.copy(),
        )


def _constant(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array

"""Repeated rock-paper-scissors in JAX: payoffs, rules, and the environment around them.

Source: Lanctot et al. 2023, "Population-based Evaluation in Repeated Rock-Paper-Scissors as a
Benchmark for Multiagent RL" (TMLR); payoff matrices as in OpenSpiel's matrix games.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32, PRNGKeyArray, Shaped, UInt8

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, require, struct
from arenas.envs import _checks
from arenas.errors import BadArgument, UnknownName

PAYOFFS: dict[str, tuple[tuple[int, ...], ...]] = {
    "rps": ((0, -1, 1), (1, 0, -1), (-1, 1, 0)),
    "brps": ((0, -25, 50), (25, 0, -5), (-50, 5, 0)),
    "rpsw": ((0, -1, 1, 0), (1, 0, -1, 0), (-1, 1, 0, 0), (0, 0, 0, 0)),
}
"""What the row's throw earns against the column's; the opponent earns the negative."""

LABELS = ("rock", "paper", "scissors", "water")
AGENTS = ("player_0", "player_1")
MAX_THROWS = 1_000_000

# What is checked at run time, with messages for the user, is typed as what is meant or anything.
Whole = int | Any
Payoff = str | Sequence[Sequence[float]] | np.ndarray | Any


@dataclasses.dataclass(frozen=True, eq=False)
class Rules:
    """The checked arguments of the game, shared by its forms in JAX and on the host.

    Attributes:
        throws: length of an episode.
        recall: how many joint throws are observed.
        matrix: ``[K, K]``, int32 or, where a payoff is fractional, float32.
        labels: a word for each throw, or None.
    """

    throws: int
    recall: int
    matrix: np.ndarray
    labels: tuple[str, ...] | None

    @property
    def num_throws(self) -> int:
        """``K``, the number of different throws."""
        return len(self.matrix)

    @property
    def observation_size(self) -> int:
        """Entries of an observation: one-hot throws of both, ``recall`` times, and the time."""
        return 2 * self.recall * self.num_throws + 1

    @functools.cached_property
    def time(self) -> np.ndarray:
        """Share of the episode after each number of throws, float32 ``[throws + 1]``.

        Looked up, not divided: compilers multiply by a reciprocal, here but not there.
        """
        share = np.arange(self.throws + 1, dtype=np.float32) / np.float32(self.throws)
        share.setflags(write=False)
        return share

    @property
    def return_range(self) -> tuple[float, float]:
        """Lowest and highest return of an episode."""
        most = float(self.matrix.max()) * self.throws
        return -most, most

    def observation_space(self) -> gymnasium.spaces.Box:
        """The space of one agent's observation."""
        return gymnasium.spaces.Box(0.0, 1.0, (self.observation_size,), np.float32)


def make_rules(throws: Any, recall: Any, payoff: Any) -> Rules:
    """Check the arguments of the game.

    Raises:
        BadArgument: a value that is not accepted; says what is.
        UnknownName: no payoff matrix of this name.
    """
    throws = _checks.whole("throws", throws, 1, MAX_THROWS)
    recall = _checks.whole("recall", recall, 1, MAX_THROWS)
    require(recall <= throws, f"recall is {recall}; accepted are 1 to throws, {throws}")
    if isinstance(payoff, str) and payoff not in PAYOFFS:
        raise UnknownName("payoff", payoff, PAYOFFS)
    rows = PAYOFFS[payoff] if isinstance(payoff, str) else payoff
    matrix = _matrix(rows)
    size = len(matrix)
    labels = LABELS[:size] if isinstance(payoff, str) or size == 3 else None
    # Sums stay exact integers, in 32 bits, wherever payoffs are integers.
    if (matrix == np.round(matrix)).all():
        largest = float(np.abs(matrix).max())
        require(
            largest * throws < 2**31,
            f"a payoff of {largest:g} over {throws} throws does not fit a 32-bit score",
        )
        matrix = matrix.astype(np.int32)
    else:
        matrix = matrix.astype(np.float32)
    matrix = matrix + matrix.dtype.type(0)  # no negative zeros
    matrix.setflags(write=False)
    return Rules(int(throws), int(recall), matrix, labels)


def _matrix(rows: Any) -> np.ndarray:
    accepted = "accepted are a name or a square, finite, antisymmetric table of at least 2 throws"
    try:
        matrix = np.array(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"payoff is {rows!r}; {accepted}") from error
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    require(square and 2 <= len(matrix) < 255, f"payoff has shape {matrix.shape}; {accepted}")
    require(bool(np.isfinite(matrix).all()), f"payoff has entries that are not finite; {accepted}")
    skew = matrix + matrix.T
    if skew.any():
        i, j = (int(x) for x in np.argwhere(skew)[0])
        raise BadArgument(
            f"payoff[{i}][{j}] is {matrix[i, j]:g} and payoff[{j}][{i}] is {matrix[j, i]:g}; "
            "what one earns the other must lose"
        )
    return matrix


def rules_of(env: Any) -> Rules:
    """The rules of an environment of this game, in JAX or on the host.

    Raises:
        BadArgument: it is another game.
    """
    rules = getattr(getattr(env, "unwrapped", env), "rules", None)
    if not isinstance(rules, Rules):
        raise BadArgument(f"{env!r} is not repeated rock-paper-scissors")
    return rules


@struct
class RRPSState(State):
    """State of repeated rock-paper-scissors; ``K`` stands for a throw that was not made yet."""

    recent: UInt8[AnyArray, "*batch recall 2"]  # joint throws, newest first
    score: Shaped[AnyArray, "*batch 2"]  # sums of payoffs: int32, float32 for fractional ones


class RRPS(Env[RRPSState]):
    """Two players throw at once, again and again; each sees the other's throw afterwards.

    * **Action**: ``Discrete(K)``: rock, paper, scissors (and water, in the water variant). All
      are legal always.
    * **Observation**: float32 ``[2 * recall * K + 1]``: for the last ``recall`` joint throws,
      newest first, the agent's own throw as a one-hot of ``K`` and then the opponent's, zeros
      where there was none yet; last, the throws made divided by ``throws``.
    * **Reward**: ``payoff[own][opponent's]``, per throw; zero-sum. The return is the sum.
    * **End**: terminated after ``throws`` throws.
    * **info**: ``win``, bool ``[2]``: who won this throw; ``score``, ``[2]``: the returns so far.

    Args:
        throws: length of an episode.
        recall: how many joint throws are observed.
        payoff: ``"rps"``, ``"brps"`` (biased), ``"rpsw"`` (with water), or a square antisymmetric
            table: what the row's throw earns against the column's.

    Example:
        >>> import arenas, jax
        >>> env = arenas.make("rrps-v0", throws=10)
        >>> state, timestep = env.reset(jax.random.key(0))
        >>> state, timestep = env.step(jax.random.key(1), state, jax.numpy.array([0, 1]))
        >>> timestep.reward.tolist()
        [-1.0, 1.0]
    """

    def __init__(self, throws: Whole = 1000, recall: Whole = 1, payoff: Payoff = "rps") -> None:
        self.rules = make_rules(throws, recall, payoff)
        self.agents = AGENTS
        self.observation_space = self.rules.observation_space()
        self.action_space = gymnasium.spaces.Discrete(self.rules.num_throws)
        self.action_labels = self.rules.labels
        self.return_range = self.rules.return_range

    def _initial(self, key: PRNGKeyArray) -> RRPSState:
        none_yet = self.rules.num_throws
        return RRPSState(
            recent=jnp.full((self.rules.recall, 2), none_yet, jnp.uint8),
            score=jnp.zeros(2, self.rules.matrix.dtype),
            **NOT_STARTED,
        )

    def _transition(
        self, key: PRNGKeyArray, state: RRPSState, action: Int32[Array, " agents"]
    ) -> Transition[RRPSState]:
        earned = jnp.asarray(self.rules.matrix)[action, action[::-1]]
        throw = action.astype(jnp.uint8)[None]
        new = state.replace(
            recent=jnp.concatenate([throw, state.recent[:-1]]), score=state.score + earned
        )
        info = {"win": earned > 0, "score": new.score}
        over = jnp.asarray(state.steps + 1 >= self.rules.throws)
        return Transition(new, earned, over, info)

    def _observation(self, state: RRPSState) -> Float32[Array, "2 size"]:
        throws = jax.nn.one_hot(state.recent, self.rules.num_throws, dtype=jnp.float32)
        seen = jnp.stack([throws, throws[:, ::-1]]).reshape(2, -1)  # own first, for both
        time = jnp.asarray(self.rules.time)[state.steps]
        return jnp.concatenate([seen, jnp.broadcast_to(time, (2, 1))], axis=1)

"""What results say about agents' strengths while a tournament runs, and about their places.

The model is Bradley and Terry's (1952): agent *i* beats *j* with probability
``1 / (1 + exp(s_j - s_i))``, a draw being half a win. A normal prior keeps the strengths of agents
that have not lost, or not met, finite; the posterior is taken as normal around its mode (Laplace's
method). The model takes the field for one scale: where *a* beats *b* beats *c* beats *a*, strengths
say who wins more, and no more.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, special

if TYPE_CHECKING:
    from arenas.evaluation.payoffs import Outcomes

ELO = 400.0 / np.log(10.0)
"""Points of Elo's scale in one unit of strength."""

SPREADS = (100.0 / ELO, 1000.0 / ELO, 4000.0 / ELO)
"""Standard deviation of strengths in a field: the least, where the search begins, the most."""

LEVEL = 0.95
DRAWS = 1000
"""Strengths are drawn so often from the posterior to see how places vary."""

_LEAST_DISPERSION = 0.1
_FITS, _STEPS = 10, 100


class Scores:
    """Results between pairs of ``n`` agents, as sums.

    The unit is one episode number of a pairing, the mean over its seatings: they share a seed, and
    so are no independent draws.

    Attributes:
        count: ``[n, n]``, units played; symmetric.
        won: ``[n, n]``, sum of the row agent's scores against the column's: 1 won, 0.5 drawn,
            0 lost.
        squares: ``[n, n]``, sum of the squares of these.
    """

    def __init__(self, agents: int) -> None:
        self.count = np.zeros((agents, agents))
        self.won = np.zeros((agents, agents))
        self.squares = np.zeros((agents, agents))

    def add(self, pair: np.ndarray, score: np.ndarray) -> None:
        """Count units.

        Args:
            pair: ``[units, 2]``, who met.
            score: ``[units]``, what the first took from the second, from 0 to 1.
        """
        for i, j, s in ((*pair.T, score), (*pair.T[::-1], 1.0 - score)):
            np.add.at(self.count, (i, j), 1.0)
            np.add.at(self.won, (i, j), s)
            np.add.at(self.squares, (i, j), s * s)

    def add_outcomes(self, outcomes: Outcomes) -> None:
        """Count what was played, self-play apart."""
        seatings = outcomes.wins.sum(1) + outcomes.draws
        met = seatings > 0
        taken = outcomes.wins[met, 0] + outcomes.draws[met] / 2.0
        self.add(outcomes.pair[met], taken / seatings[met])


@dataclasses.dataclass(frozen=True)
class Strengths:
    """The posterior of ``n`` strengths.

    Attributes:
        mean: ``[n]``, about 0.
        covariance: ``[n, n]``.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, scores: Scores, start: np.ndarray | None = None) -> Strengths:
        """The posterior, given results.

        A unit's score varies less than a win or loss would, where there are draws or where both
        seatings are averaged: by how much is estimated (Pearson's dispersion; McCullagh and
        Nelder 1989, 4.5), and at most 1, as scores between 0 and 1 allow.

        Args:
            scores: what was played.
            start: where to look for the mode first, such as the mean before the last round.
        """
        n = len(scores.count)
        mean = np.zeros(n) if start is None else start
        spread, dispersion = SPREADS[1], 1.0
        covariance = np.eye(n)
        for _ in range(_FITS):
            prior = np.eye(n) / spread**2
            mean = _mode(scores, mean, dispersion, spread)
            dispersion = _dispersion(scores, mean)
            information = _information(scores.count, _win_chance(mean))
            covariance = linalg.inv(information / dispersion + prior)
            learnt = n - np.trace(covariance) / spread**2
            before = spread
            spread = np.sqrt((mean**2).sum() / max(learnt, 1e-12))
            spread = float(np.clip(spread, SPREADS[0], SPREADS[2]))
            if abs(spread - before) < 0.02 * before:
                break
        return cls(mean, covariance)

    def places(self, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and highest place of each agent, from 1, in its 95 % interval, ``[n]`` each.

        Central intervals of the places in draws from the posterior.
        """
        rng = np.random.default_rng(seed)
        # By eigenvectors: a covariance may be singular to rounding, and Cholesky's root refuses it.
        values, vectors = linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = self.mean + rng.standard_normal((DRAWS, len(self.mean))) @ root.T
        places = np.argsort(np.argsort(-drawn, axis=1), axis=1) + 1
        tail = (1.0 - LEVEL) / 2.0
        low = np.quantile(places, tail, axis=0, method="inverted_cdf")
        high = np.quantile(places, 1.0 - tail, axis=0, method="inverted_cdf")
        return low.astype(int), high.astype(int)

    def settled(self, width: float) -> np.ndarray:
        """Whose place is known: its 95 % interval spans ``width`` places or fewer, bool ``[n]``."""
        low, high = self.places()
        return high - low <= width

    def information_gain(self) -> np.ndarray:
        """What one more win or loss of each pair is expected to say of its strengths, in nats.

        The mutual information of the outcome and the difference of the strengths, ``[n, n]``, as
        in Li et al. (2018), by Gauss–Hermite quadrature; 0 on the diagonal.
        """
        own = np.diag(self.covariance)
        variance = np.maximum(own[:, None] + own[None, :] - 2.0 * self.covariance, 0.0)
        nodes, weights = np.polynomial.hermite_e.hermegauss(15)
        first, second = np.triu_indices(len(self.mean), 1)
        middle = (self.mean[:, None] - self.mean[None, :])[first, second]
        spread = np.sqrt(variance[first, second])
        chance = special.expit(middle[:, None] + spread[:, None] * nodes)
        weights = weights / weights.sum()
        gain = np.zeros_like(self.covariance)
        gain[first, second] = np.maximum(_entropy(chance @ weights) - _entropy(chance) @ weights, 0)
        return gain + gain.T


def _mode(scores: Scores, mean: np.ndarray, dispersion: float, spread: float) -> np.ndarray:
    """The likeliest strengths a posteriori, by Newton's method from ``mean``."""
    prior = np.eye(len(mean)) / spread**2
    for _ in range(_STEPS):
        chance = _win_chance(mean)
        slope = (scores.won - scores.count * chance).sum(1) / dispersion - mean / spread**2
        curvature = _information(scores.count, chance) / dispersion + prior
        step = linalg.solve(curvature, slope, assume_a="pos")
        # It overshoots where all was won or lost: nobody moves by more than 2 at once.
        mean = mean + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return mean


def _win_chance(mean: np.ndarray) -> np.ndarray:
    return special.expit(mean[:, None] - mean[None, :])


def _information(count: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Fisher's information of the strengths, ``[n, n]``."""
    weight = count * chance * chance.T  # exact where a chance is nearly 1, as 1 - chance is not
    np.fill_diagonal(weight, 0.0)
    return np.diag(weight.sum(1)) - weight


def _dispersion(scores: Scores, mean: np.ndarray) -> float:
    """Pearson's, drawn towards 1 as by two units more of every agent; few units tell little."""
    n = len(mean)
    freedom = max(scores.count.sum() / 2.0 - n + 1.0, 0.0)
    chance = _win_chance(mean)
    squares = scores.squares - 2.0 * chance * scores.won + chance**2 * scores.count
    with np.errstate(divide="ignore", invalid="ignore"):
        pearson = np.where(scores.count > 0, squares / (chance * chance.T), 0.0)
    estimate = (pearson.sum() / 2.0 + 2.0 * n) / (freedom + 2.0 * n)
    return float(np.clip(estimate, _LEAST_DISPERSION, 1.0))


def _entropy(chance: np.ndarray) -> np.ndarray:
    return special.entr(chance) + special.entr(1.0 - chance)

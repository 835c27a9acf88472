"""How good each member of a population is within it: PopReturn, WithinPopExpl, AggScore.

Source: Lanctot et al. 2023, "Population-based Evaluation in Repeated Rock-Paper-Scissors as a
Benchmark for Multiagent RL" (TMLR). NumPy only.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from arenas.errors import BadArgument, BadShape


@dataclasses.dataclass(frozen=True)
class PopulationMetrics:
    """Scores of ``n`` agents. Intervals are ``[n, 2]``, NaN where no standard errors were given.

    Attributes:
        pop_return: mean return against the population, itself included.
        within_pop_expl: what the worst nemesis in the population takes from it.
        agg_score: ``pop_return - within_pop_expl``.
        nemesis: index of that nemesis; the first of several.
        pop_return_interval: lower and upper bound.
        within_pop_expl_interval: the same.
        agg_score_interval: the same.
        confidence: of each interval by itself.
    """

    pop_return: Float64[np.ndarray, " n"]
    within_pop_expl: Float64[np.ndarray, " n"]
    agg_score: Float64[np.ndarray, " n"]
    nemesis: Int64[np.ndarray, " n"]
    pop_return_interval: Float64[np.ndarray, "n 2"]
    within_pop_expl_interval: Float64[np.ndarray, "n 2"]
    agg_score_interval: Float64[np.ndarray, "n 2"]
    confidence: float

    def order(self) -> Int64[np.ndarray, " n"]:
        """Indices of the agents by AggScore, best first; ties stay in the given order."""
        return np.argsort(-self.agg_score, kind="stable").astype(np.int64)

    def rows(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """A dict for each agent, best AggScore first, for tables and JSON.

        Bounds of the intervals are there where standard errors were given.
        """
        if len(names) != len(self.agg_score):
            raise BadShape(f"{len(names)} names given for {len(self.agg_score)} agents")
        scores = {
            "PopReturn": (self.pop_return, self.pop_return_interval),
            "WithinPopExpl": (self.within_pop_expl, self.within_pop_expl_interval),
            "AggScore": (self.agg_score, self.agg_score_interval),
        }
        rows = []
        for i in self.order():
            row: dict[str, Any] = {"agent": names[int(i)], "nemesis": names[int(self.nemesis[i])]}
            for name, (value, interval) in scores.items():
                row[name] = float(value[i])
                if not np.isnan(interval[i]).any():
                    row[f"{name}_low"], row[f"{name}_high"] = map(float, interval[i])
            rows.append(row)
        return rows


def population_metrics(
    payoff: Any, standard_error: Any | None = None, *, confidence: float = 0.95
) -> PopulationMetrics:
    r"""Score every agent of a population by its payoff table.

    With ``v[i, j]`` the expected return of ``i`` against ``j``::

        PopReturn(i)     = mean over j of v[i, j]
        WithinPopExpl(i) = max  over j of -v[i, j]
        AggScore(i)      = PopReturn(i) - WithinPopExpl(i)

    both over all ``j``, ``i`` among them. Intervals take the cells of a row as independent, each
    mean as normal (tens of games a cell), and hold with at least the given confidence, for each
    score by itself:

    * PopReturn: normal, with the error of a mean of independent cells.
    * WithinPopExpl: the maximum of noisy means is too high on average, the more so the more cells
      are near it. So its lower bound is the highest of the cells' lower bounds that hold at once
      (Šidák); its upper bound is the highest of the cells' single upper bounds, since the true
      nemesis exceeds its own no more often than allowed.
    * AggScore: both at half the error each.

    Args:
        payoff: ``[n, n]``, ``v`` or its estimate.
        standard_error: ``[n, n]``, of the estimates; zero where play is deterministic.
        confidence: of each interval, between 0 and 1.

    Raises:
        BadShape: not square tables of one size.
        BadArgument: a payoff that is not finite, a negative error, another confidence.
    """
    v = np.asarray(payoff, np.float64)
    if v.ndim != 2 or v.shape[0] != v.shape[1] or not v.size:
        raise BadShape(f"payoff has shape {v.shape}; accepted is [n, n], a row for each agent")
    if not np.isfinite(v).all():
        raise BadArgument("payoff has cells that are not finite: play every pair")
    if not 0 < confidence < 1:
        raise BadArgument(f"confidence is {confidence}; accepted are 0 to 1, exclusively")
    error = np.full_like(v, np.nan)
    if standard_error is not None:
        error = np.asarray(standard_error, np.float64)
        if error.shape != v.shape:
            raise BadShape(f"standard_error has shape {error.shape}; payoff has {v.shape}")
        if (error < 0).any():
            raise BadArgument("standard_error has negative cells")
    pop_return = v.mean(axis=1)
    expl = (-v).max(axis=1) + 0.0  # no negative zero
    miss = 1 - confidence
    returns = _mean_interval(v, error, miss / 2)
    taken = max_interval(-v, error, miss / 2)
    half_returns, half_taken = (
        _mean_interval(v, error, miss / 4),
        max_interval(-v, error, miss / 4),
    )
    return PopulationMetrics(
        pop_return=pop_return,
        within_pop_expl=expl,
        agg_score=pop_return - expl,
        nemesis=(-v).argmax(axis=1).astype(np.int64),
        pop_return_interval=returns,
        within_pop_expl_interval=taken,
        agg_score_interval=half_returns - half_taken[:, ::-1],
        confidence=confidence,
    )


def _mean_interval(v: np.ndarray, error: np.ndarray, miss: float) -> np.ndarray:
    """``[n, 2]``: bounds of the rows' means, each missed with this probability."""
    mean = v.mean(axis=1)
    width = _normal_quantile(1 - miss) * np.sqrt((error**2).sum(axis=1)) / v.shape[1]
    return np.stack([mean - width, mean + width], axis=1)


def max_interval(u: np.ndarray, error: np.ndarray, miss: float) -> np.ndarray:
    """``[n, 2]``: bounds of the rows' maxima, each missed with at most this probability."""
    at_once = _normal_quantile((1 - miss) ** (1 / u.shape[1]))
    lower = (u - at_once * error).max(axis=1)
    upper = (u + _normal_quantile(1 - miss) * error).max(axis=1)
    return np.stack([lower, upper], axis=1)


def _normal_quantile(probability: float) -> float:
    return statistics.NormalDist().inv_cdf(probability)

"""Ratings and rankings of a field, each by a method that is known, behind one interface.

:func:`rate` takes a tournament's results, or :class:`arenas.evaluation.payoffs.Outcomes`, and gives
a :class:`Rating`: a value for each agent, with a bootstrap interval over episodes. ``METHODS`` says
of each method what it means and where it is from. Rankings disagree by nature: each answers a
question of its own.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from scipy import special, stats
from scipy.sparse import csgraph

from arenas.errors import BadArgument, UnknownName
from arenas.evaluation import payoffs
from arenas.evaluation.payoffs import Outcomes
from arenas.evaluation.population import population_metrics
from arenas.evaluation.rankings import (
    CannotRate,
    alpha_rank,
    alpha_rank_batch,
    nash_average,
    nash_average_batch,
)

Tell = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Rating:
    """A field rated by one method, ``n`` agents.

    Attributes:
        by: the method's name.
        title: for people.
        agents: names, in the order of the values.
        values: ``[n]``.
        lower: ``[n]``, lower end of each value's interval; NaN where it is undefined (``notes``).
        upper: ``[n]``.
        higher_is_better: how to sort.
        explanation: what a value means, in a plain sentence.
        interval: how the intervals were made, in a plain sentence.
        citation: where the method is from.
        settings: all that it was computed with, the bootstrap's among them.
        extra: further columns of ``[n]`` by name, such as the mass of a Nash equilibrium. The first
            breaks ties of the values.
        notes: what a reader must know about these values.
        replicates: ``[B, n]``, the values in each bootstrap sample.
    """

    by: str
    title: str
    agents: tuple[str, ...]
    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    higher_is_better: bool
    explanation: str
    interval: str
    citation: str
    settings: dict[str, Any]
    extra: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replicates: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def order(self) -> np.ndarray:
        """``[n]``: indices of the agents, best first; ties by the first extra column, then name."""
        sign = -1 if self.higher_is_better else 1
        span = float(np.ptp(self.values)) or 1.0
        # What differs by less than a solver's tolerance is a tie.
        value = np.round(sign * self.values / span, 6)
        second = -next(iter(self.extra.values())) if self.extra else np.zeros(len(value))
        return np.array(
            sorted(range(len(value)), key=lambda i: (value[i], second[i], self.agents[i]))
        )

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each agent, best first: agent, value, lower, upper and the extra columns."""
        return [
            {
                "agent": self.agents[i],
                "value": float(self.values[i]),
                "lower": float(self.lower[i]),
                "upper": float(self.upper[i]),
                **{name: float(column[i]) for name, column in self.extra.items()},
            }
            for i in map(int, self.order())
        ]

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``; what is undefined or infinite becomes None."""
        return {
            "by": self.by,
            "title": self.title,
            "higher_is_better": self.higher_is_better,
            "ranking": [
                {
                    k: None if isinstance(v, float) and not math.isfinite(v) else v
                    for k, v in r.items()
                }
                for r in self.rows()
            ],
            "explanation": self.explanation,
            "interval": self.interval,
            "citation": self.citation,
            "settings": {name: _json(v, str(v)) for name, v in self.settings.items()},
            "notes": list(self.notes),
        }


def _json(value: Any, otherwise: Any) -> Any:
    return otherwise if isinstance(value, float) and not math.isfinite(value) else value


@dataclasses.dataclass(frozen=True)
class Computed:
    """What a method gives.

    Attributes:
        values: ``[n]``.
        replicates: ``[B, n]``.
        extra: as in the rating.
        notes: as in the rating.
        bounds: of the intervals for a confidence, where they are not the bootstrap's.
        defined: whether there are intervals.
    """

    values: np.ndarray
    replicates: np.ndarray
    extra: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    bounds: Callable[[float], tuple[np.ndarray, np.ndarray]] | None = None
    defined: bool = True


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to rate.

    Attributes:
        name: as ``--by`` has it.
        title: for people.
        explanation: what a value means, in a plain sentence.
        citation: where it is from.
        settings: their defaults.
        higher_is_better: how to sort.
        bootstrap: how many samples by default.
        interval: a name in ``INTERVALS``.
        table: every pair must have been played.
        pooled: pairs that met once are resampled together; else there are no intervals with such.
        contest: the agents must be able to win.
        compute: called with the outcomes, the draws, the progress and the settings by name.
    """

    name: str
    title: str
    explanation: str
    citation: str
    compute: Callable[..., Computed]
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    higher_is_better: bool = True
    bootstrap: int = 1000
    interval: str = "student"
    table: bool = True
    pooled: bool = False
    contest: bool = True


INTERVALS = {
    "student": (
        "the value ± a quantile of Student's t times the bootstrap's standard deviation, with as "
        "many degrees of freedom as the agent has paired episodes beyond one for each pair"
    ),
    "percentile": "percentiles of the bootstrap",
    "simultaneous": (
        "bounds of the cells' means that hold at once, since the maximum of noisy means is too "
        "high on average; they cover at least as often as they say"
    ),
}


class Draws:
    """Bootstrap samples of paired episodes, drawn apart for each pair of agents.

    From ``m`` paired episodes of a pair ``m - 1`` are drawn with replacement and weigh ``m / (m -
    1)`` each: so the variance of a mean is that of the unbiased estimate, with few episodes too,
    where drawing ``m`` gives ``(m - 1) / m`` of it. Source: Rao and Wu 1988, "Resampling inference
    with complex survey data", Journal of the American Statistical Association 83.

    Args:
        outcomes: the field.
        samples: how many.
        seed: of the draws.
        pooled: pairs with one paired episode are drawn from together, as one stratum.

    Attributes:
        defined: False where a pair has one paired episode, so that its variance is unknown.
        units: ``[n]``, paired episodes of each agent.
        freedom: ``[n]``, those beyond one for each of its strata.
    """

    def __init__(self, outcomes: Outcomes, samples: int, seed: int, pooled: bool) -> None:
        n = len(outcomes.agents)
        stratum = outcomes.pair[:, 0] * n + outcomes.pair[:, 1]
        names, stratum, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
        if pooled and len(names):
            stratum = np.where(sizes[stratum] == 1, len(names), stratum)
            _, stratum, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
        self.defined = bool(len(sizes)) and sizes.min() > 1
        touched = [(outcomes.pair == i).any(1) for i in range(n)]
        self.units = np.array([t.sum() for t in touched])
        strata = np.array([len(np.unique(stratum[t])) for t in touched])
        self.freedom = np.maximum(self.units - strata, 1)
        self.samples, self._seed = samples, seed
        self._order = np.argsort(stratum, kind="stable")
        self._sizes = sizes
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._stratum = stratum

    def weights(self) -> Iterator[np.ndarray]:
        """Yields ``[U]`` float weights, one array for each sample."""
        yield from self._draw(np.maximum(self._sizes - 1, 1))

    def counts(self) -> Iterator[np.ndarray]:
        """Yields ``[U]`` float whole numbers, as many drawn from each pair as it has."""
        yield from self._draw(self._sizes)

    def _draw(self, take: np.ndarray) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self._seed)
        of = np.repeat(np.arange(len(take)), take)
        scale = (self._sizes / take)[self._stratum]
        for _ in range(self.samples):
            place = self._starts[of] + (rng.random(len(of)) * self._sizes[of]).astype(np.int64)
            drawn = np.bincount(self._order[place], minlength=len(self._order))
            yield drawn * scale


def rate(
    results: Any,
    by: str = "elo",
    *,
    bootstrap: int | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Tell | None = None,
    **settings: Any,
) -> Rating:
    """Rate a field of agents.

    Args:
        results: :class:`arenas.evaluation.Results`, :class:`arenas.evaluation.payoffs.Outcomes`, or
            a tournament's folder.
        by: the method, a name in ``METHODS``.
        bootstrap: samples for the intervals; 0 for none; by default what the method needs.
        confidence: of each interval, between 0 and 1.
        seed: of the bootstrap.
        progress: called with numbers of samples, as they are made.
        settings: of the method; what is not given has the default that ``METHODS`` shows.

    Raises:
        UnknownName: no such method or setting.
        CannotRate: the method does not apply to this field, or not every pair was played.
        BadArgument: another argument.

    Example:
        >>> from arenas.evaluation import Store, Tournament, rate
        >>> tournament = Tournament("rrps-v0,throws=10", ["rrps/rock", "rrps/paper", "rrps/copy"])
        >>> with Store("/tmp/ratings.db") as store:
        ...     tournament.play(store)
        ...     rating = rate(tournament.results(store), "return")
        >>> rating.agents[rating.order()[0]]
        'rrps/copy'
    """
    method = METHODS.get(by)
    if method is None:
        raise UnknownName("rating", by, METHODS)
    unknown = [name for name in settings if name not in method.settings]
    if unknown:
        raise UnknownName(f"setting of {by}", unknown[0], method.settings)
    if not 0 < confidence < 1:
        raise BadArgument(f"confidence is {confidence}; accepted are 0 to 1, exclusively")
    samples = method.bootstrap if bootstrap is None else bootstrap
    if samples < 0:
        raise BadArgument(f"bootstrap is {samples}; accepted are integers from 0")
    outcomes = as_outcomes(results)
    _check_field(method, outcomes)
    chosen = {**method.settings, **settings}
    draws = Draws(outcomes, samples, seed, method.pooled)
    done = method.compute(outcomes, draws, progress or (lambda _: None), **chosen)
    lower, upper = _interval(method, done, draws, confidence)
    notes = done.notes
    if samples and not draws.defined:
        notes += ("Intervals need two episodes or more of every pair.",)
    return Rating(
        by=by,
        title=method.title,
        agents=outcomes.agents,
        values=done.values,
        lower=lower,
        upper=upper,
        higher_is_better=method.higher_is_better,
        explanation=method.explanation,
        interval=f"{confidence:.0%} intervals: {INTERVALS[method.interval]}",
        citation=method.citation,
        settings={**chosen, "bootstrap": samples, "confidence": confidence, "seed": seed},
        extra=done.extra,
        notes=notes,
        replicates=done.replicates,
    )


def as_outcomes(results: Any) -> Outcomes:
    """The episodes of anything that :func:`rate` takes."""
    if isinstance(results, Outcomes):
        return results
    if hasattr(results, "rows") and hasattr(results, "settings"):
        at = results.settings
        rows = [row for _, row in results.rows]
        return payoffs.outcomes(at["agents"], rows, at["environment"], at["arguments"])
    return payoffs.load(results)


def _check_field(method: Method, outcomes: Outcomes) -> None:
    n = len(outcomes.agents)
    if n < 2:
        raise CannotRate(f"{method.name} compares agents; this field has {n}")
    if method.contest and outcomes.kind in ("cooperative", "single-agent"):
        others = ", ".join(m.name for m in METHODS.values() if not m.contest)
        raise CannotRate(
            f"{method.name} needs agents that win against each other; {outcomes.environment} is "
            f"{outcomes.kind}: for it there are {others}"
        )
    if method.table:
        table = outcomes.table()
        missing = table.missing()
        if missing:
            some = ", ".join(f"{a} and {b}" for a, b in missing[:3])
            raise CannotRate(
                f"{method.name} needs every pair; {len(missing)} of {n * (n - 1) // 2} have no "
                f"episode with returns: {some}{', ...' if len(missing) > 3 else ''}"
            )


def _interval(
    method: Method, done: Computed, draws: Draws, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    undefined = np.full_like(done.values, np.nan)
    if not (draws.samples and draws.defined and done.defined):
        return undefined, undefined
    if done.bounds is not None:
        return done.bounds(confidence)
    tail = (1 - confidence) / 2
    if method.interval == "student":
        half = stats.t.ppf(1 - tail, draws.freedom) * done.replicates.std(axis=0, ddof=1)
        return done.values - half, done.values + half
    lower, upper = np.quantile(done.replicates, [tail, 1 - tail], axis=0)
    return np.minimum(lower, done.values), np.maximum(upper, done.values)


# Elo


def _score_matrix(outcomes: Outcomes, score: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """``[n, n]``: what each agent took from each other, of ``score`` ``[U, 2]``."""
    n = len(outcomes.agents)
    i, j = outcomes.pair.T
    met = (i != j) & ~np.isnan(score).any(1)
    w = np.ones(len(i)) if weight is None else weight
    cells = np.concatenate([(i * n + j)[met], (j * n + i)[met]])
    taken = np.concatenate([(w * score[:, 0])[met], (w * score[:, 1])[met]])
    return np.bincount(cells, taken, n * n).reshape(n, n)


def bradley_terry(
    scores: np.ndarray, smoothing: float = 0.01, start: np.ndarray | None = None
) -> np.ndarray:
    r"""Maximum-likelihood strengths: ``P(i beats j) = 1 / (1 + exp(t_j - t_i))``.

    A draw is half a win for both. The likelihood is concave; solved by Newton's method with steps
    of bounded length, all tables of a batch together.

    Args:
        scores: ``[..., n, n]``, what the row agent took from the column agent, in wins.
        smoothing: wins added to both sides of every pair, so that who never lost has a finite
            strength.
        start: ``[..., n]``, where to begin.

    Returns:
        ``[..., n]``, strengths in natural units, of mean zero.

    Raises:
        CannotRate: no convergence.
    """
    scores = np.asarray(scores, np.float64)
    n = scores.shape[-1]
    off = ~np.eye(n, dtype=bool)
    taken = np.where(off, scores + smoothing, 0.0)
    played = taken + np.swapaxes(taken, -1, -2)
    total = taken.sum(-1)
    theta = np.zeros(total.shape) if start is None else np.broadcast_to(start, total.shape).copy()
    for _ in range(200):
        chance = 1 / (1 + np.exp(theta[..., None, :] - theta[..., :, None]))
        gradient = total - (played * chance).sum(-1)
        weight = played * chance * np.swapaxes(chance, -1, -2)
        # The strengths' sum is free: 1 added to every cell fixes it and leaves the step alone.
        scale = weight.sum((-1, -2), keepdims=True) / n**2
        curvature = scale - weight
        index = np.arange(n)
        curvature[..., index, index] += weight.sum(-1)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        longest = np.abs(step).max(-1, keepdims=True)
        theta += step * np.minimum(1, 2 / np.maximum(longest, 1e-300))
        if longest.max() < 1e-9:
            return theta - theta.mean(-1, keepdims=True)
    raise CannotRate("the strengths of the Bradley-Terry model did not converge")


def _rate_scores(
    outcomes: Outcomes, score: np.ndarray, draws: Draws, tell: Tell, smoothing: float, mean: float
) -> Computed:
    if smoothing < 0:
        raise BadArgument(f"smoothing is {smoothing}; accepted are numbers from 0")
    taken = _score_matrix(outcomes, score, None)
    parts, label = csgraph.connected_components(taken > 0, connection="strong")
    together, _ = csgraph.connected_components(taken + taken.T > 0, directed=False)
    if together > 1:
        raise CannotRate("the agents fall into groups that never met, so no scale holds them all")
    notes: tuple[str, ...] = ()
    if parts > 1:
        if smoothing == 0:
            raise CannotRate("some agents never lost to others; without smoothing this is infinite")
        notes = (_one_sided(outcomes, label),)
    theta = bradley_terry(taken, smoothing)
    found = []
    for chunk in _chunks(draws.weights(), max(1, 2_000_000 // taken.size)):
        tables = np.stack([_score_matrix(outcomes, score, w) for w in chunk])
        found.append(bradley_terry(tables, smoothing, theta))
        tell(len(chunk))
    samples = np.concatenate(found) if found else np.zeros((0, len(theta)))
    unit = 400 / math.log(10)
    return Computed(mean + unit * theta, mean + unit * samples, notes=notes, defined=parts == 1)


def _one_sided(outcomes: Outcomes, label: np.ndarray) -> str:
    groups = [np.flatnonzero(label == g) for g in np.unique(label)]
    smallest = min(groups, key=len)
    names = ", ".join(outcomes.agents[i] for i in smallest[:3])
    more = f" and {len(smallest) - 3} more" if len(smallest) > 3 else ""
    return (
        f"Between {names}{more} and others every episode went one way, so these differences are "
        "infinite by likelihood, are bounded by the smoothing alone, and have no interval."
    )


def _elo(outcomes: Outcomes, draws: Draws, tell: Tell, **settings: Any) -> Computed:
    score = outcomes.wins + 0.5 * outcomes.draws[:, None]
    return _rate_scores(outcomes, score, draws, tell, **settings)


def _elo_return(
    outcomes: Outcomes, draws: Draws, tell: Tell, span: float | None, **settings: Any
) -> Computed:
    if span is None:
        span = _span(outcomes)
    if not span > 0:
        raise BadArgument(f"span is {span}; accepted are numbers above 0")
    lead = (outcomes.payoff[:, 0] - outcomes.payoff[:, 1]) / span
    if np.nanmax(np.abs(lead), initial=0) > 1:
        raise BadArgument(f"span is {span}; returns of a pair lie further apart")
    score = np.stack([(1 + lead) / 2, (1 - lead) / 2], 1)
    return _rate_scores(outcomes, score, draws, tell, **settings)


def _span(outcomes: Outcomes) -> float:
    import arenas

    bounds = None
    if outcomes.environment is not None:
        bounds = arenas.make(outcomes.environment, **outcomes.arguments).return_range
    if bounds is None:
        raise CannotRate(
            "elo-return needs the span of the returns, which this environment does not declare: "
            "give the setting span"
        )
    return float(bounds[1] - bounds[0])


# OpenSkill


def _openskill(outcomes: Outcomes, draws: Draws, tell: Tell, **settings: Any) -> Computed:
    n = len(outcomes.agents)
    met = outcomes.pair[outcomes.unit, 0] != outcomes.pair[outcomes.unit, 1]
    pairs, unit = outcomes.pair[outcomes.unit[met]], outcomes.unit[met]
    # Pairs have other numbers of seatings where some were left out: so samples have other numbers
    # of games. A game between two agents more fills them up.
    pairs, empty = np.concatenate([pairs, [[n, n + 1]]]), len(unit)
    score = np.append((1 + outcomes.sign[met]) / 2, 0.5)
    rng = np.random.default_rng(0)

    def play(chunk: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations ``[b, n]`` by these numbers of times for each unit, ``[b][U]``."""
        games = [np.repeat(np.arange(empty), times[unit].astype(np.int64)) for times in chunk]
        order = np.full((len(chunk), ORDERS, max(map(len, games))), empty, np.int32)
        for row, some in itertools.product(range(len(chunk)), range(ORDERS)):
            order[row, some, : len(games[row])] = rng.permutation(games[row])
        mu, sigma = plackett_luce(
            pairs, score, order.reshape(-1, order.shape[-1]), n + 2, **settings
        )
        tell(len(chunk))
        return tuple(x.reshape(*order.shape[:2], -1)[..., :n].mean(1) for x in (mu, sigma))

    mu, sigma = play([np.ones(len(outcomes.pair))])
    size = max(1, 20_000_000 // (ORDERS * max(empty, 1)))
    samples = [play(chunk)[0] for chunk in _chunks(draws.counts(), size)]
    replicates = np.concatenate([np.zeros((0, n)), *samples])
    if len(replicates):
        # As many games as were played vary too little; see Draws.
        middle = replicates.mean(0)
        replicates = middle + (replicates - middle) * np.sqrt(draws.units / draws.freedom)
    return Computed(mu[0], replicates, {"sigma": sigma[0]})


ORDERS = 10
"""OpenSkill's ratings are averaged over so many random orders of the episodes."""


def plackett_luce(
    pair: np.ndarray, score: np.ndarray, order: np.ndarray, agents: int, **settings: Any
) -> tuple[np.ndarray, np.ndarray]:
    """OpenSkill's beliefs after games between two, in many sequences of them at once.

    The numbers of ``openskill.models.PlackettLuce``, which takes one game at a time: algorithm 4 of
    Weng and Lin 2011 for two players, where the chance to win is the logistic function of the lead
    in mean over ``c``, and a draw is half a win.

    Args:
        pair: ``[G, 2]``, who meets in each game.
        score: ``[G]``, of the first: 1 won, 0.5 drawn, 0 lost.
        order: ``[B, S]``, indices of games, in the order in which they are played.
        agents: how many.
        settings: of the library's model, where others than its own are wanted.

    Returns:
        Mean and standard deviation of the beliefs, ``[B, agents]`` each.
    """
    from openskill.models import PlackettLuce

    model = PlackettLuce(**settings)
    shape = len(order), agents
    mean, variance = np.full(shape, model.mu).ravel(), np.full(shape, model.sigma**2).ravel()
    row = np.arange(len(order)) * agents
    one, two = pair.T
    for game in order.T:
        i, j = row + one[game], row + two[game]
        own, other = variance[i] + model.tau**2, variance[j] + model.tau**2
        square = own + other + 2 * model.beta**2
        c, mine, its = np.sqrt(square), mean[i], mean[j]
        chance = special.expit((mine - its) / c)
        gain = (score[game] - chance) / c
        mean[i], mean[j] = mine + own * gain, its - other * gain
        open_ = chance * (1 - chance)
        for at, v in ((i, own), (j, other)):
            share = v / square
            learnt = share * np.sqrt(share) * open_
            variance[at] = v * np.maximum(1 - learnt, model.kappa)
    return mean.reshape(shape), np.sqrt(variance).reshape(shape)


# Rankings of a payoff table


def _tables(outcomes: Outcomes, draws: Draws) -> Iterator[np.ndarray]:
    """Yields the ``[n, n]`` table of mean payoffs in each bootstrap sample."""
    n = len(outcomes.agents)
    i, j = outcomes.pair.T
    met = i != j
    cell = np.concatenate([i * n + j, (j * n + i)[met]])
    value = np.concatenate([outcomes.payoff[:, 0], outcomes.payoff[met, 1]])
    known = ~np.isnan(value)
    index = np.concatenate([np.arange(len(i)), np.flatnonzero(met)])[known]
    cell, value = cell[known], value[known]
    for weight in draws.weights():
        w = weight[index]
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.bincount(cell, w, n * n)
            yield (np.bincount(cell, w * value, n * n) / total).reshape(n, n)


def _by_table(
    outcomes: Outcomes, draws: Draws, tell: Tell, batch: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """``[B, n]``: ``batch`` of the bootstrap's tables ``[b, n, n]``."""
    n = len(outcomes.agents)
    found = [np.zeros((0, n))]
    for chunk in _chunks(_tables(outcomes, draws), max(1, 2_000_000 // n**2)):
        found.append(batch(np.stack(chunk)))
        tell(len(chunk))
    return np.concatenate(found)


def _chunks(items: Iterable[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    waiting: list[Any] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _return(outcomes: Outcomes, draws: Draws, tell: Tell) -> Computed:
    def against_others(tables: np.ndarray) -> np.ndarray:
        n = tables.shape[-1]
        others = np.where(np.eye(n, dtype=bool), np.nan, tables)
        known = ~np.isnan(others)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(known, others, 0).sum(-1) / known.sum(-1)

    values = against_others(outcomes.table().mean)
    return Computed(values, _by_table(outcomes, draws, tell, against_others))


def _mean_rank(outcomes: Outcomes, draws: Draws, tell: Tell) -> Computed:
    n = len(outcomes.agents)
    i, j = outcomes.pair.T
    met = np.flatnonzero(i != j)
    agent, opponent = np.concatenate([i[met], j[met]]), np.concatenate([j[met], i[met]])
    payoff = np.concatenate([outcomes.payoff[met, 0], outcomes.payoff[met, 1]])
    unit = np.concatenate([met, met])
    keep = ~np.isnan(payoff)
    agent, opponent, payoff, unit = (x[keep] for x in (agent, opponent, payoff, unit))
    # By opponent and payoff, highest first; equal payoffs against an opponent form a tie.
    order = np.lexsort((-payoff, opponent))
    agent, opponent, payoff, unit = (x[order] for x in (agent, opponent, payoff, unit))
    new = np.r_[True, (np.diff(opponent) != 0) | (np.diff(payoff) != 0)]
    tie, first = np.cumsum(new) - 1, np.flatnonzero(new)
    cell, start = agent * n + opponent, np.searchsorted(opponent, np.arange(n))

    def places(weight: np.ndarray) -> np.ndarray:
        """Each agent's payoffs against an opponent weigh 1 together."""
        w = weight[unit]
        w = w / np.bincount(cell, w, n * n)[cell]
        total = np.concatenate([[0.0], np.cumsum(w)])
        ends = np.append(first, len(w))
        above = total[ends[:-1]][tie] - total[start][opponent]
        level = (total[ends[1:]] - total[ends[:-1]])[tie]
        # Its own payoffs are above it by half: among n - 1 agents it begins at 1 + above - 1/2.
        place = 0.5 + above + level / 2
        return np.bincount(agent, w * place, n) / (n - 1)

    samples = [np.zeros((0, n))]
    for weight in draws.weights():
        samples.append(places(weight)[None])
        tell(1)
    return Computed(places(np.ones(len(i))), np.concatenate(samples))


def _population(name: str) -> Callable[..., Computed]:
    def compute(outcomes: Outcomes, draws: Draws, tell: Tell) -> Computed:
        table = outcomes.table()
        if np.isnan(table.mean).any():
            raise CannotRate("population metrics need self-play too; some was not played")

        def batch(tables: np.ndarray) -> np.ndarray:
            return np.stack([getattr(population_metrics(t), name) for t in tables])

        def bounds(confidence: float) -> tuple[np.ndarray, np.ndarray]:
            tail = (1 - confidence) / 2
            # With few episodes a standard error is itself uncertain.
            wider = stats.t.ppf(1 - tail, table.count - 1) / stats.norm.ppf(1 - tail)
            scores = population_metrics(
                table.mean, table.standard_error() * wider, confidence=confidence
            )
            lower, upper = getattr(scores, f"{name}_interval").T
            return lower, upper

        values = getattr(population_metrics(table.mean), name)
        samples = _by_table(outcomes, draws, tell, batch)
        return Computed(values, samples, bounds=None if name == "pop_return" else bounds)

    return compute


# alpha-Rank


def _alpha_rank(
    outcomes: Outcomes,
    draws: Draws,
    tell: Tell,
    alpha: float,
    m: int,
    epsilon: float,
    selection: str,
) -> Computed:
    if not alpha > 0:
        raise BadArgument(f"alpha is {alpha}; accepted are numbers above 0, and inf")
    if m < 2:
        raise BadArgument(f"m is {m}; accepted are integers from 2")
    if not 0 < epsilon < 0.5:
        raise BadArgument(f"epsilon is {epsilon}; accepted are 0 to 0.5, exclusively")
    if selection not in ("local", "global"):
        raise BadArgument(f"selection is {selection!r}; accepted are 'local' and 'global'")
    payoff = outcomes.table().mean
    whole = selection == "global" and not math.isinf(alpha)
    if whole and np.isnan(payoff).any():
        raise CannotRate("alpha-Rank with global selection needs self-play too")
    if not whole:
        np.fill_diagonal(payoff, 0.0)  # not read

    def batch(tables: np.ndarray) -> np.ndarray:
        return alpha_rank_batch(tables, alpha, m, epsilon, selection)

    values = alpha_rank(payoff, alpha, m, epsilon, selection)
    return Computed(values, _by_table(outcomes, draws, tell, batch))


# Nash averaging


def _nash(outcomes: Outcomes, draws: Draws, tell: Tell) -> Computed:
    mass, values = nash_average(outcomes.table().mean)

    def batch(tables: np.ndarray) -> np.ndarray:
        return nash_average_batch(tables)[1]

    return Computed(values, _by_table(outcomes, draws, tell, batch), {"mass": mass})


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="elo",
            title="Elo",
            explanation=(
                "How likely an agent is to win: 400 points more than another are ten wins to one "
                "loss, a draw being half a win. The field's mean is set to 1500. It is one number "
                "for each agent, so it cannot show that A beats B, B beats C and C beats A."
            ),
            citation=(
                "Elo 1978, The Rating of Chessplayers, Past and Present; maximum likelihood of "
                "Bradley and Terry 1952, Biometrika 39; as in Hunter 2004, Annals of Statistics 32"
            ),
            compute=_elo,
            settings={"smoothing": 0.01, "mean": 1500.0},
            table=False,
            pooled=True,
        ),
        Method(
            name="elo-return",
            title="Elo of returns",
            explanation=(
                "Elo where an episode is shared out by its returns and not by who won: a lead as "
                "large as the game allows is a win, half of it three quarters of one. By how much "
                "an agent wins counts here, how often counts in elo."
            ),
            citation=(
                "As elo; the share of a game as its score, as in Lanctot et al. 2023, "
                "arXiv:2303.03196"
            ),
            compute=_elo_return,
            settings={"smoothing": 0.01, "mean": 1500.0, "span": None},
            table=False,
            pooled=True,
        ),
        Method(
            name="openskill",
            title="OpenSkill (Plackett-Luce)",
            explanation=(
                "The mean of a belief about an agent's skill, begun at 25 and moved by every "
                "episode in turn; sigma is the belief's standard deviation. For ladders that grow; "
                "episodes played once and for all are better used by elo."
            ),
            citation=(
                "Joshy 2024, OpenSkill, Journal of Open Source Software 9(93), 5901; Weng and Lin "
                "2011, Journal of Machine Learning Research 12"
            ),
            compute=_openskill,
            bootstrap=100,
            table=False,
            pooled=True,
        ),
        Method(
            name="alpharank",
            title="alpha-Rank",
            explanation=(
                "The share of time that a population spends with this agent, when agents that do "
                "better against the present one take its place. Cycles share the mass; agents that "
                "are beaten by what replaces them get none."
            ),
            citation=(
                "Omidshafiei et al. 2019, alpha-Rank, Scientific Reports 9; the limit of infinite "
                "alpha as in Rowland et al. 2019, arXiv:1909.09849; by OpenSpiel"
            ),
            compute=_alpha_rank,
            settings={"alpha": math.inf, "m": 50, "epsilon": 0.01, "selection": "local"},
            interval="percentile",
        ),
        Method(
            name="nash",
            title="Nash averaging",
            explanation=(
                "An agent's lead over the strongest mixture of the field, the Nash equilibrium of "
                "choosing an agent: 0 for members of the mixture, below for all others. mass is "
                "its share in the mixture. Copies of an agent change nothing."
            ),
            citation=(
                "Balduzzi et al. 2018, Re-evaluating Evaluation, arXiv:1806.02643; by OpenSpiel"
            ),
            compute=_nash,
            bootstrap=200,
            interval="percentile",
        ),
        Method(
            name="popreturn",
            title="PopReturn",
            explanation=(
                "Mean return against a member of the population drawn at random, itself included."
            ),
            citation="Lanctot et al. 2023, arXiv:2303.03196",
            compute=_population("pop_return"),
            contest=False,
        ),
        Method(
            name="popexpl",
            title="WithinPopExpl",
            explanation=(
                "What the worst nemesis in the population takes from an agent: the largest mean "
                "loss against any one of them."
            ),
            citation="Lanctot et al. 2023, arXiv:2303.03196",
            compute=_population("within_pop_expl"),
            interval="simultaneous",
            higher_is_better=False,
            contest=False,
        ),
        Method(
            name="popscore",
            title="AggScore",
            explanation=(
                "PopReturn minus WithinPopExpl: good against the population and hard to exploit by "
                "any of it."
            ),
            citation="Lanctot et al. 2023, arXiv:2303.03196",
            compute=_population("agg_score"),
            interval="simultaneous",
            contest=False,
        ),
        Method(
            name="meanrank",
            title="Mean rank",
            explanation=(
                "The place to expect when all others meet the same opponent once, averaged over "
                "the opponents; 1 is best. It asks who does better against each, not by how much."
            ),
            citation=(
                "Friedman 1937, Journal of the American Statistical Association 32; as the "
                "average rank of Agarwal et al. 2021, NeurIPS 34, with opponents for tasks and "
                "episodes for runs"
            ),
            compute=_mean_rank,
            higher_is_better=False,
            contest=False,
        ),
        Method(
            name="return",
            title="Mean return",
            explanation="Mean return with or against the others, each of them weighing the same.",
            citation="The standings of arenas tournament",
            compute=_return,
            table=False,
            contest=False,
        ),
    )
}

"""Sound comparisons of algorithms: scores of several training runs on several tasks.

The estimators are those of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice" (rliable), computed with NumPy and SciPy; their intervals are corrected for
few runs (``INTERVALS``). Whether enough runs were made is decided by AdaStop (Mathieu et al. 2023,
arXiv:2306.10882).
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64
from scipy import stats

from arenas.errors import BadArgument, BadFile, BadShape, UnknownName
from arenas.evaluation.formats import plain

AGGREGATES: dict[str, str] = {
    "iqm": "interquartile mean: the mean of the middle half of all scores",
    "mean": "mean over the tasks of the mean over the runs",
    "median": "median over the tasks of the mean over the runs",
    "optimality_gap": "how far scores lie below the target on average; lower is better",
}
CITATION = (
    "Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice, "
    "NeurIPS 34; intervals for few runs: Hesterberg 2015, What Teachers Should Know About the "
    "Bootstrap, The American Statistician 69(4), with degrees of freedom by Welch 1947, Biometrika "
    "34; AdaStop: Mathieu et al. 2023, arXiv:2306.10882"
)
INTERVALS: dict[str, str] = {
    "corrected": (
        "by bootstrap over runs, stratified by task and corrected for few runs: Student's t with "
        "the bootstrap's standard error for the mean, the median, the optimality gap and the "
        "profiles; expanded percentiles for the interquartile mean and the probability of "
        "improvement, and t where the bootstrap does not reach as far (Hesterberg 2015). Those of "
        "very skewed scores are too narrow all the same"
    ),
    "percentile": (
        "percentiles of the bootstrap over runs, stratified by task, as in rliable; too narrow "
        "with few runs: of 95 % ones of a mean 82 % held the truth with 5 runs of one task"
    ),
}
"""How intervals are made, in plain words; what they are worth is from
benchmarks/ratings_coverage.py."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its interval, which is NaN where there is one run only."""

    value: float
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What :func:`compare` says.

    Attributes:
        tasks: names, ``T``.
        scores: of each algorithm, ``[runs, T]``.
        aggregates: of each algorithm, one for each name in ``AGGREGATES``.
        improvement: for each ordered pair of algorithms, the probability that a run of the first
            scores more than a run of the second on a task drawn at random, a tie counting half.
        thresholds: ``[K]``, scores at which the profiles are given.
        profiles: of each algorithm ``[3, K]``: the fraction of its scores above each threshold,
            and the lower and upper ends of the interval at each, for that threshold by itself.
        settings: all that this was computed with.
    """

    tasks: tuple[str, ...]
    scores: dict[str, np.ndarray]
    aggregates: dict[str, dict[str, Estimate]]
    improvement: dict[tuple[str, str], Estimate]
    thresholds: np.ndarray
    profiles: dict[str, np.ndarray]
    settings: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``."""
        content = {
            "tasks": list(self.tasks),
            "scores": {a: s.tolist() for a, s in self.scores.items()},
            "aggregates": {
                a: {name: dataclasses.asdict(e) for name, e in each.items()}
                for a, each in self.aggregates.items()
            },
            "probability_of_improvement": [
                {"better": a, "than": b, **dataclasses.asdict(e)}
                for (a, b), e in self.improvement.items()
            ],
            "profiles": {
                "thresholds": self.thresholds.tolist(),
                **{
                    a: dict(zip(("fraction", "lower", "upper"), p.tolist(), strict=True))
                    for a, p in self.profiles.items()
                },
            },
            "settings": self.settings,
            "intervals": INTERVALS[self.settings["interval"]],
            "citation": CITATION,
        }
        return plain(content)


def compare(
    scores: Mapping[str, Any],
    tasks: Sequence[str] | None = None,
    *,
    bootstrap: int = 10_000,
    confidence: float = 0.95,
    interval: str = "corrected",
    seed: int = 0,
    target: float = 1.0,
    thresholds: Any | None = None,
    resample_tasks: bool = False,
) -> Comparison:
    """Compare algorithms by their runs' scores, with stratified bootstrap intervals.

    Runs are drawn with replacement for each task apart. The bootstrap's distribution of a mean of
    ``n`` runs has ``(n - 1) / n`` of its variance, and percentiles know nothing of Student's t, so
    that with few runs they make too narrow an interval. Hesterberg 2015 takes percentiles further
    out, at the levels that make them as wide as Student's t in a normal distribution. So they are
    for the interquartile mean and the probability of improvement. They never leave the range of the
    scores: where they would have to (a level rarer than drawing one run every time, as with four
    runs of one task), and for means and fractions of all scores, which take too few values so far
    out, it is the bootstrap's standard error times Student's t. The degrees of freedom are those of
    Welch and Satterthwaite, with each task's runs as a sample.

    Args:
        scores: of each algorithm, ``[runs, T]``; the number of runs may differ between them.
        tasks: names, ``T``; by default numbers.
        bootstrap: samples, 2 or more; expanded percentiles are those of one in a thousand.
        confidence: of each interval, between 0 and 1.
        interval: a name in ``INTERVALS``.
        seed: of the bootstrap.
        target: score that the optimality gap counts from.
        thresholds: ``[K]``, of the profiles; by default 101 from the lowest score to the highest.
        resample_tasks: draw tasks too, to say what other tasks of this kind would give.

    Raises:
        BadShape: scores that are no table, or tables of other tasks.
        BadArgument: no algorithms, scores that are not finite, another argument.
        UnknownName: no such interval.

    Example:
        >>> from arenas.evaluation.comparisons import compare
        >>> result = compare({"a": [[0.1], [0.2], [0.3]], "b": [[0.6], [0.5], [0.9]]})
        >>> result.improvement["b", "a"].value
        1.0
    """
    tables = _checked(scores)
    count = next(iter(tables.values())).shape[1]
    names = tuple(tasks) if tasks is not None else tuple(str(t) for t in range(count))
    if len(names) != count:
        raise BadShape(f"{len(names)} names given for {count} tasks")
    if bootstrap < 2:
        raise BadArgument(f"bootstrap is {bootstrap}; accepted are integers from 2")
    if not 0 < confidence < 1:
        raise BadArgument(f"confidence is {confidence}; accepted are 0 to 1, exclusively")
    if interval not in INTERVALS:
        raise UnknownName("interval", interval, INTERVALS)
    every = np.concatenate([t.ravel() for t in tables.values()])
    if thresholds is None:
        thresholds = np.linspace(every.min(), every.max(), 101)
    thresholds = np.asarray(thresholds, np.float64)
    of = np.broadcast_to(np.arange(count), (bootstrap, 1, count))
    if resample_tasks:  # the same for all, so that two algorithms are compared on one task
        of = np.random.default_rng([seed, 0, 1]).integers(count, size=of.shape)
    # Each algorithm has draws of its own, whoever else is compared.
    draws = {
        a: _resampled(t, of, np.random.default_rng([seed, i]))
        for i, (a, t) in enumerate(tables.items())
    }

    def strata(*names: str) -> _Strata:
        if resample_tasks:
            return _Strata(np.array([count]), np.ones(1), float(count) ** -count)
        return _Strata.of_tables([tables[name] for name in names])

    def between(kind: str, strata: _Strata, value: Any, sampled: np.ndarray) -> np.ndarray:
        kind = "percentile" if interval == "percentile" else kind
        return strata.interval(kind, value, sampled, confidence)

    aggregates, profiles = {}, {}
    for a, table in tables.items():
        value, sampled, own = aggregate(table, target), aggregate(draws[a], target), strata(a)
        aggregates[a] = {
            name: Estimate(
                float(value[name]), *map(float, between(kind, own, value[name], sampled[name]))
            )
            for name, kind in _KINDS.items()
        }
        fraction = profile(table, thresholds)
        band = between("student", own, fraction, profile(draws[a], thresholds))
        profiles[a] = np.stack([fraction, *np.clip(band, 0, 1)])
    improvement = {}
    for a, b in itertools.combinations(tables, 2):
        value = float(probability_of_improvement(tables[a], tables[b]))
        sampled = _sampled_improvement(draws[a], draws[b])
        band = between("expanded", strata(a, b), value, sampled)
        lower, upper = map(float, np.clip(band, 0, 1))
        improvement[a, b] = Estimate(value, lower, upper)
        improvement[b, a] = Estimate(1 - value, 1 - upper, 1 - lower)
    settings = {
        "bootstrap": bootstrap,
        "confidence": confidence,
        "interval": interval,
        "seed": seed,
        "target": target,
        "resample_tasks": resample_tasks,
        "runs": {a: len(t) for a, t in tables.items()},
    }
    return Comparison(names, tables, aggregates, improvement, thresholds, profiles, settings)


_KINDS = {
    "iqm": "expanded",
    "mean": "student",
    "median": "student",
    "optimality_gap": "student",
}
"""How the interval of each aggregate is corrected."""


@dataclasses.dataclass(frozen=True)
class _Strata:
    """Samples of runs that a number rests on, each drawn from apart.

    Attributes:
        runs: ``[S]``, how many each holds.
        variance: ``[S]``, of each one's mean: how much of the number's variance comes from it.
        chance: of drawing one run every time, in a task and of each algorithm.
    """

    runs: np.ndarray
    variance: np.ndarray
    chance: float

    @classmethod
    def of_tables(cls, tables: Sequence[np.ndarray]) -> _Strata:
        """Each task's runs of each algorithm are a sample."""
        runs = np.concatenate([np.full(t.shape[1], len(t)) for t in tables])
        chance = math.prod(float(len(t)) ** -len(t) for t in tables)
        variance = np.concatenate([t.var(0, ddof=min(1, len(t) - 1)) / len(t) for t in tables])
        return cls(runs, variance if variance.any() else 1 / runs, chance)

    def reach(self, tail: float) -> float:
        """How many of the bootstrap's standard errors away the interval of a mean ends."""
        runs, variance = self.runs, self.variance
        freedom = variance.sum() ** 2 / (variance**2 / (runs - 1)).sum()
        wider = np.sqrt(variance.sum() / (variance * (runs - 1) / runs).sum())
        return float(wider * stats.t.isf(tail, freedom))

    def interval(self, kind: str, value: Any, sampled: np.ndarray, confidence: float) -> np.ndarray:
        """``[2, ...]``, from the bootstrap's samples ``[B, ...]``.

        Kinds: ``percentile``; ``student``; ``expanded``, the percentiles that lie as far out in a
        normal distribution as ``student``, or this where no sample lies so far out.
        """
        tail = (1 - confidence) / 2
        if kind == "percentile":
            return np.quantile(sampled, [tail, 1 - tail], axis=0)
        if self.runs.min() < 2:
            return np.full((2, *sampled.shape[1:]), np.nan)
        reach = self.reach(tail)
        level = stats.norm.sf(reach)
        if kind == "expanded" and level >= self.chance:
            return np.quantile(sampled, [level, 1 - level], axis=0)
        half = reach * sampled.std(axis=0, ddof=1)
        return np.stack([value - half, value + half])


def aggregate(scores: Float[np.ndarray, "*batch runs tasks"], target: float = 1.0) -> Any:
    """The aggregates of ``AGGREGATES``, by name: each ``[*batch]``."""
    means = scores.mean(-2)
    flat = scores.reshape(*scores.shape[:-2], -1)
    count = flat.shape[-1]
    outside = count // 4
    return {
        "iqm": np.sort(flat, axis=-1)[..., outside : count - outside].mean(-1),
        "mean": means.mean(-1),
        "median": np.median(means, axis=-1),
        "optimality_gap": target - np.minimum(flat, target).mean(-1),
    }


def profile(
    scores: Float[np.ndarray, "*batch runs tasks"], thresholds: Float[np.ndarray, " k"]
) -> Float64[np.ndarray, "*batch k"]:
    """The fraction of scores above each threshold: a performance profile of score distributions."""
    flat = scores.reshape(*scores.shape[:-2], -1)
    above = [(flat > t).mean(-1) for t in thresholds]
    return np.stack(above, axis=-1)


def probability_of_improvement(
    first: Float[np.ndarray, "*batch runs tasks"], second: Float[np.ndarray, "*batch others tasks"]
) -> Any:
    """``[*batch]``: mean over tasks of P(a run of ``first`` > a run of ``second``), ties half."""
    first, second = first[..., :, None, :], second[..., None, :, :]
    return (first > second).mean((-3, -2, -1)) + (first == second).mean((-3, -2, -1)) / 2


def _resampled(table: np.ndarray, of: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``[samples, runs, T]``: runs drawn with replacement, in tasks ``of`` ``[samples, 1, T]``."""
    runs, tasks = table.shape
    return table[rng.integers(runs, size=(len(of), runs, tasks)), of]


def _sampled_improvement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """:func:`probability_of_improvement` of many samples ``[B, runs, T]``, in little memory."""
    own, others = (np.ascontiguousarray(np.moveaxis(x, 0, -1)) for x in (first, second))
    twice = np.zeros(own.shape[1:], np.int32)
    for one, other in itertools.product(own, others):
        twice += one > other
        twice += one >= other
    return twice.mean(0) / (2 * len(own) * len(others))


def _checked(scores: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not scores:
        raise BadArgument("no algorithms given; accepted are one or more")
    tables = {name: np.asarray(table, np.float64) for name, table in scores.items()}
    for name, table in tables.items():
        if table.ndim != 2 or not table.size:
            raise BadShape(f"scores of {name} have shape {table.shape}; accepted is [runs, tasks]")
        if not np.isfinite(table).all():
            raise BadArgument(f"scores of {name} are not all finite")
    counts = {name: t.shape[1] for name, t in tables.items()}
    if len(set(counts.values())) > 1:
        raise BadShape(f"algorithms have other numbers of tasks: {counts}")
    return tables


@dataclasses.dataclass(frozen=True)
class Decision:
    """What AdaStop says of two algorithms.

    Attributes:
        first: an algorithm.
        second: another.
        verdict: ``larger`` or ``smaller``, of the first's mean score against the second's;
            ``equal``: no difference was found in all the runs that were allowed; ``continue``: more
            runs are needed.
    """

    first: str
    second: str
    verdict: str


class AdaStop:
    """Decides after each group of runs which algorithms differ, and which need more runs.

    A sequential permutation test of all pairs at once, whose chance of calling any two algorithms
    different that are not is at most ``alpha``, however often it looks. Runs are looked at in
    groups of ``group``, at most ``groups`` times; both must be chosen before the first run.

    Source: Mathieu et al. 2023, "AdaStop: adaptive statistical testing for sound comparisons of
    Deep RL agents", arXiv:2306.10882; computed by the package ``adastop``, which is given half of
    ``alpha``: it compares absolute differences with a bound for signed ones, and so at its own
    ``alpha`` of 5 % calls two equal algorithms different 11 % of the time (adastop 0.1.3, one look
    at 5 runs each, 600 repetitions).

    Args:
        algorithms: names, two or more.
        group: runs of each algorithm between two looks.
        groups: looks at most.
        alpha: chance of any false difference.
        permutations: drawn at most, for the test's distribution.
        seed: of those.

    Raises:
        BadArgument: an argument that is not accepted, and ``group`` and ``groups`` so few that
            nothing can ever be decided.
    """

    def __init__(
        self,
        algorithms: Sequence[str],
        *,
        group: int = 5,
        groups: int = 5,
        alpha: float = 0.05,
        permutations: int = 10_000,
        seed: int = 0,
    ) -> None:
        if len(set(algorithms)) < 2 or len(set(algorithms)) < len(algorithms):
            raise BadArgument(f"algorithms are {list(algorithms)}; accepted are two or more names")
        if group < 2 or groups < 1:
            raise BadArgument(
                f"group is {group} and groups {groups}; accepted are integers from 2 and from 1"
            )
        if not 0 < alpha < 1:
            raise BadArgument(f"alpha is {alpha}; accepted are 0 to 1, exclusively")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of its plotting module's text
            from adastop import MultipleAgentsComparator

        self.algorithms, self.group, self.groups = tuple(algorithms), group, groups
        self.alpha, self.permutations, self.seed = alpha, permutations, seed
        self._test = MultipleAgentsComparator(
            n=group, K=groups, B=permutations, alpha=alpha / 2, seed=seed
        )
        self._pairs = list(itertools.combinations(range(len(self.algorithms)), 2))
        self.decisions = [
            Decision(self.algorithms[i], self.algorithms[j], "continue") for i, j in self._pairs
        ]
        self.looks = 0

    @property
    def undecided(self) -> tuple[str, ...]:
        """The algorithms that need more runs."""
        open_ = [d for d in self.decisions if d.verdict == "continue"]
        return tuple(a for a in self.algorithms if any(a in (d.first, d.second) for d in open_))

    def look(self, scores: Mapping[str, Any]) -> list[Decision]:
        """Look at all runs so far.

        Args:
            scores: of each algorithm, ``[runs]``, those of earlier looks first; of the
                undecided ones ``group`` more than at the last look.

        Raises:
            BadArgument: another number of scores, or all is decided.
        """
        if not self.undecided:
            raise BadArgument("everything is decided")
        need = (self.looks + 1) * self.group
        for name in self.undecided:
            if len(scores[name]) != need:
                raise BadArgument(
                    f"{name} has {len(scores[name])} scores; look {self.looks + 1} needs {need}"
                )
        given = {name: np.asarray(scores[name], np.float64) for name in self.algorithms}
        self._test.partial_compare(given, verbose=False)
        self.looks += 1
        verdicts = [self._test.decisions[str(np.array(pair))] for pair in self._pairs]
        self.decisions = [
            dataclasses.replace(d, verdict=v) for d, v in zip(self.decisions, verdicts, strict=True)
        ]
        return self.decisions

    def follow(
        self,
        run: Callable[[str, int, int], Sequence[float]],
        told: Callable[[AdaStop], None] | None = None,
    ) -> dict[str, list[float]]:
        """Make runs, group by group, until all is decided.

        Args:
            run: makes runs of an algorithm: called with its name, the number of the first run
                (from 0) and how many, it returns their scores.
            told: called after each look.

        Returns:
            The scores of each algorithm.
        """
        scores: dict[str, list[float]] = {name: [] for name in self.algorithms}
        while self.undecided:
            for name in self.undecided:
                scores[name] += list(run(name, len(scores[name]), self.group))
            self.look(scores)
            if told:
                told(self)
        return scores


def read_scores(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Scores from a CSV file with the columns algorithm, task, run and score.

    Returns:
        The scores of each algorithm ``[runs, T]``, and the tasks' names.

    Raises:
        BadFile: it cannot be read, a column is missing, a cell is there twice or not at all.
    """
    path = Path(path)
    cells: dict[tuple[str, str, str], float] = {}
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            missing = {"algorithm", "task", "run", "score"} - set(reader.fieldnames or ())
            if missing:
                raise BadFile(
                    f"{path} has no column {', '.join(sorted(missing))}; accepted is a CSV file "
                    "with the columns algorithm, task, run, score"
                )
            for line in reader:
                key = (line["algorithm"], line["task"], line["run"])
                if key in cells:
                    raise BadFile(f"{path} gives {', '.join(key)} twice")
                cells[key] = float(line["score"])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(f"cannot read scores from {path}: {error}") from error
    return tabulated(cells)


def tabulated(
    cells: Mapping[tuple[str, str, str], float],
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Scores by (algorithm, task, run) as tables.

    Runs of another number on some task of an algorithm are refused: its tasks would not weigh the
    same.

    Raises:
        BadFile: no scores, or an algorithm with fewer runs on one task than on another.
    """
    if not cells:
        raise BadFile("no scores given")
    tasks = tuple(dict.fromkeys(task for _, task, _ in cells))
    tables = {}
    for algorithm in dict.fromkeys(a for a, _, _ in cells):
        # A run that is there on every task has one line of the table.
        runs = list(dict.fromkeys(run for a, _, run in cells if a == algorithm))
        by_task = {
            t: [cells[algorithm, t, r] for r in runs if (algorithm, t, r) in cells] for t in tasks
        }
        counts = {t: len(s) for t, s in by_task.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{n} on {t}" for t, n in counts.items())
            raise BadFile(f"{algorithm} has other numbers of runs: {told}; give as many on each")
        tables[algorithm] = np.array(list(by_task.values())).T
    return tables, tasks


def score_lines(scores: Mapping[str, np.ndarray], tasks: Sequence[str]) -> Iterator[list[Any]]:
    """Lines of a CSV file that :func:`read_scores` reads, without its header."""
    for algorithm, table in scores.items():
        for run, line in enumerate(table.tolist()):
            for task, score in zip(tasks, line, strict=True):
                yield [algorithm, task, run, score]

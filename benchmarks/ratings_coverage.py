"""How often the intervals of ratings and comparisons hold the truth, in simulated tournaments.

Every field is known: the gap between two agents, the luck of the start that seatings share, the
noise of an episode. The truth of a rating is the same rating of the expected results. Prints a
line for each field, rating and number of episodes, and writes them as Markdown:

    python benchmarks/ratings_coverage.py --out docs/results/ratings_coverage.md
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy import stats

from arenas._files import write_atomically
from arenas._machine import machine
from arenas.evaluation import comparisons, ratings
from arenas.evaluation.payoffs import Outcomes

SPAN = 40.0
"""Of the returns, for elo-return: no lead comes near it."""


@dataclasses.dataclass(frozen=True)
class Field:
    """Agents whose leads are known.

    Attributes:
        name: for people.
        lead: ``[n, n]``, antisymmetric: the expected return of the row agent against the column
            agent, in standard deviations of an episode's noise.
        luck: standard deviation of what the seed gives to the first seat, in every seating.
        draw: a lead below this is a draw.
    """

    name: str
    lead: np.ndarray
    luck: float = 1.0
    draw: float = 0.3

    @property
    def agents(self) -> tuple[str, ...]:
        """Names."""
        return tuple(f"agent-{i}" for i in range(len(self.lead)))

    def play(self, episodes: int, rng: np.random.Generator) -> Outcomes:
        """A round robin: every pair in both seatings, self-play included."""
        n = len(self.lead)
        i, j = (np.tile(x, episodes) for x in np.triu_indices(n))
        luck = rng.normal(0, self.luck, len(i))
        first = self.lead[i, j] + luck + rng.normal(size=len(i))
        second = self.lead[i, j] - luck - rng.normal(size=len(i))
        met = i != j
        lead = np.concatenate([first, second[met]])
        unit = np.concatenate([np.arange(len(i)), np.flatnonzero(met)])
        holder = np.repeat([[0, 1], [1, 0]], [len(i), met.sum()], axis=0)
        holder[: len(i)][~met] = 0
        seat0 = np.where(holder[:, 0] == 0, lead, -lead)
        sign = np.where(np.abs(lead) < self.draw, 0.0, np.sign(lead))
        sign[: len(i)][~met] = 0
        pair = np.stack([i, j], 1)
        returns = np.stack([seat0, -seat0], 1)
        return Outcomes(self.agents, pair, unit, holder, returns, sign)

    def truth(self, by: str) -> np.ndarray:
        """``[n]``: the rating of the expected results."""
        if by in ("elo", "elo-return"):
            # In either seating luck and noise of this size stand between the lead and the score.
            scale = np.hypot(1, self.luck)
            won = stats.norm.cdf((self.lead - self.draw) / scale)
            score = won + (1 - won - won.T) / 2 if by == "elo" else 0.5 + self.lead / SPAN
            return 1500 + 400 / np.log(10) * ratings.bradley_terry(1e6 * score)
        n = len(self.lead)
        if by == "meanrank":  # a paired episode averages two noises, and luck cancels
            above = stats.norm.cdf(self.lead[:, None, :] - self.lead[None, :, :])  # [k, i, j]
            k, i, j = np.indices((n, n, n))
            return 1 + np.where((k != i) & (k != j) & (i != j), above, 0).sum((0, 2)) / (n - 1)
        i, j = np.triu_indices(n)
        payoff = np.stack([self.lead[i, j], self.lead[j, i]], 1)
        expected = Outcomes.of_payoffs(self.agents, np.stack([i, j], 1), payoff)
        return ratings.rate(expected, by, bootstrap=0).values


def fields() -> list[Field]:
    """A ladder, a cycle within a ladder, and a field whose best are equal."""
    ladder = np.subtract.outer(np.linspace(0.6, -0.6, 6), np.linspace(0.6, -0.6, 6))
    cycle = ladder.copy()
    for a, b in ((0, 1), (1, 2), (2, 0)):
        cycle[a, b], cycle[b, a] = 0.5, -0.5
    strength = np.array([0.4, 0.4, 0.4, 0.0, -0.4, -0.8])
    return [
        Field("ladder", ladder),
        Field("cycle", cycle),
        Field("ties", np.subtract.outer(strength, strength)),
    ]


def rating_coverage(
    field: Field, by: str, episodes: int, runs: int, samples: int, seed: int = 0
) -> tuple[np.ndarray, float]:
    """How often each agent's 95 % interval holds the truth, ``[n]``, and the mean width."""
    settings = {"span": SPAN} if by == "elo-return" else {}
    found = []
    for run in range(runs):
        outcomes = field.play(episodes, np.random.default_rng([seed, run]))
        found.append(ratings.rate(outcomes, by, bootstrap=samples, seed=run, **settings))
    lower, upper = (np.stack([getattr(r, end) for r in found]) for end in ("lower", "upper"))
    # OpenSkill has no closed form: what it gives on average for this many episodes.
    own = np.mean([r.values for r in found], axis=0)
    truth = own if by == "openskill" else field.truth(by)
    slack = 1e-9 * max(1.0, float(np.abs(truth).max()))
    held = (lower <= truth + slack) & (truth - slack <= upper)
    return held.mean(axis=0), float((upper - lower).mean())


def run_coverage(
    tasks: int,
    runs: int,
    repeats: int,
    interval: str = "corrected",
    skewed: bool = False,
    seed: int = 0,
) -> dict[str, float]:
    """How often 95 % intervals of aggregates hold the truth, of ``runs`` runs on ``tasks`` tasks.

    Scores are normal, or skewed like an exponential distribution, with means that differ between
    the tasks and a standard deviation of 0.2; the other algorithm's means are 0.1 higher. The truth
    is that of two million runs. Profiles are looked at where half of the first algorithm's scores
    are expected above, or about half of them if they are skewed.
    """

    def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
        noise = rng.exponential(size=shape) - 1 if skewed else rng.normal(size=shape)
        return means + 0.2 * noise

    def all_of(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
        above = comparisons.profile(first, thresholds).item()
        return {
            **comparisons.aggregate(first),
            "profile": above,
            "improvement": (second > first).mean(),
        }

    means = np.linspace(0.2, 0.8, tasks) if tasks > 1 else np.array([0.5])
    thresholds = np.array([0.5])
    samples = 10_000 if tasks == 1 else 2000  # then no percentile is far out
    many = draw(np.random.default_rng([seed, 10**6]), 2, 2_000_000 // tasks, tasks)
    true = all_of(many[0], many[1] + 0.1)
    held = dict.fromkeys(true, 0.0)
    for repeat in range(repeats):
        scores = draw(np.random.default_rng([seed, repeat]), 2, runs, tasks)
        found = comparisons.compare(
            {"a": scores[0], "b": scores[1] + 0.1},
            bootstrap=samples,
            interval=interval,
            seed=repeat,
            thresholds=thresholds,
        )
        band = comparisons.Estimate(*found.profiles["a"][:, 0].tolist())
        estimates = {
            **found.aggregates["a"],
            "profile": band,
            "improvement": found.improvement["b", "a"],
        }
        for name in held:
            e = estimates[name]
            held[name] += (e.lower <= true[name] <= e.upper) / repeats
    return held


def _rating_line(by: str, which: int, episodes: int, tournaments: int, samples: int) -> str:
    field = fields()[which]
    if ratings.METHODS[by].interval == "simultaneous":
        samples = 2  # these intervals are not the bootstrap's
    held, width = rating_coverage(field, by, episodes, tournaments, samples)
    return (
        f"| {by} | {field.name} | {episodes} | {tournaments} | {held.mean():.1%} | "
        f"{held.min():.1%} | {width:.3g} |"
    )


def _run_line(interval: str, skewed: bool, runs: int, tasks: int, repeats: int) -> str:
    held = run_coverage(tasks, runs, repeats, interval, skewed)
    cells = [interval, "skewed" if skewed else "normal", str(runs), str(tasks)]
    return "| " + " | ".join([*cells, *(f"{h:.1%}" for h in held.values())]) + " |"


def told(line: str) -> str:
    """Print it on the way."""
    print(line, file=sys.stderr, flush=True)
    return line


def main() -> None:
    """Simulate, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tournaments", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--by", nargs="*", choices=list(ratings.METHODS))
    parser.add_argument("--no-runs", action="store_true", help="ratings only")
    parser.add_argument("--episodes", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    lines = [
        "| rating | field | paired episodes | tournaments | covered | least of an agent | "
        "mean width |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    cells = [
        (by, field, episodes)
        for by in (ratings.METHODS if args.by is None else args.by)
        for field in range(len(fields()))
        for episodes in args.episodes
    ]
    compared_with = [] if args.no_runs else COMPARISONS
    with ProcessPoolExecutor(args.jobs) as pool:
        rated = [pool.submit(_rating_line, *c, args.tournaments, args.samples) for c in cells]
        compared = [pool.submit(_run_line, *c, args.tournaments) for c in compared_with]
        lines += [told(line.result()) for line in rated]
        lines += ["", COMPARED]
        lines += ["|:--|:--|" + "--:|" * 8, *(told(line.result()) for line in compared)]
    split = lines.index("")
    text = PAGE.format(
        ratings="\n".join(lines[:split]),
        runs="\n".join(lines[split + 1 :]),
        command=" ".join(["python benchmarks/ratings_coverage.py", *sys.argv[1:]]),
        machine=machine(),
    )
    print(text)
    if args.out:
        write_atomically(args.out, text)


COMPARED = (
    "| interval | scores | runs | tasks | interquartile mean | mean | median | optimality gap | "
    "profile | probability of improvement |"
)
COMPARISONS = [
    (interval, skewed, runs, tasks)
    for interval, skewed, sizes in (
        ("corrected", False, ((3, 1), (5, 1), (10, 1), (20, 1), (3, 6), (5, 6), (10, 6), (5, 26))),
        ("corrected", True, ((5, 1), (10, 1), (5, 6), (10, 6))),
        ("percentile", False, ((5, 1), (10, 1), (5, 6), (10, 6), (5, 26))),
    )
    for runs, tasks in sizes
]

PAGE = """# How often intervals hold the truth

Simulated tournaments of six agents whose leads are known: how often the 95 % intervals of `arenas
rank` hold the rating of the expected results, over agents and tournaments. Made by

```
{command}
```

with other work on the machine ({machine}). A paired episode is both seatings with one seed. An
episode's noise has a standard deviation of 1, as has the luck of the start. *ladder*: six agents
0.24 apart. *cycle*: the same, but the first three beat each other in a circle. *ties*: three equal
best agents. A share of one agent has a standard error of 0.7 points over 1,000 tournaments, that of
all six together one of about half of it.

{ratings}

Elo, the mean return and rank and OpenSkill are smooth, and their intervals hold the truth as often
as they say (PopReturn is the mean return with self-play). OpenSkill's truth is its own mean over
the tournaments, since it depends on how many episodes there are.

WithinPopExpl and AggScore depend on a maximum: their bounds hold at once for all opponents, and
cover more often than they say. Neither published way to narrow them kept WithinPopExpl's share from
93 to 97 % in all fields (200 tournaments of each, 5 to 20 episodes): where the lower bound counts
only opponents that may be the nemesis (Chernozhukov, Lee and Rosen 2013, Econometrica 81) the share
was 94.2 to 97.8 % with a tight selection, of single agents down to 90 %, and 96.2 to 98.6 % with a
wide one; the numerical delta method (Fang and Santos 2019, Review of Economic Studies 86), which
allows for no bias of the maximum, held 57 to 94 %. alpha-Rank and Nash averaging jump where a lead
changes its sign, so no bootstrap has an exact interval for them: theirs are wide, and cover more
often than they say.

## Runs and tasks

The same of `arenas compare`, each time with 10,000 samples of the bootstrap (2,000 with several
tasks): over 1,000 comparisons a share has a standard error of 0.5 to 1.2 points. Scores of a task
are normal, or *skewed* like an exponential distribution, with a standard deviation of 0.2 and means
from 0.2 to 0.8 (0.5 where there is one task); the other algorithm is better by 0.1. The profile is
looked at where a score is 0.5. *corrected* is what is shown by default, *percentile* what rliable
has.

{runs}

Percentiles of the bootstrap are too narrow with few runs: drawing from five runs gives four fifths
of the variance, and percentiles know nothing of Student's t. The corrected intervals are those of
Hesterberg 2015 (The American Statistician 69(4)): expanded percentiles for the interquartile mean
and the probability of improvement, and Student's t with the bootstrap's standard error for the
others. One of the two for all would not do. The bootstrap knows 126 means of five runs, and
expanded percentiles of them held the truth in 92.7 % of 3,000 cases, of four runs in 88.1 %; t made
the interquartile mean of five runs cover 98 %, and the probability of improvement 91 % (500 cases
each). With three or four runs on a task no percentile lies far enough out, and the interquartile
mean has t. Where a share of the corrected ones on normal scores is above 97 %, it is by half a
point at most, its standard error.

What is left. Few runs seldom show the tail of skewed scores, and no interval here mends that for
one task's mean and the median over tasks. With three runs of one task a fraction is out of reach:
where all three score above a value, or more than all three of the other algorithm, the bootstrap
knows no other fraction than 1. Whether there are enough runs is for AdaStop to say, which does not
rest on these intervals.
"""


if __name__ == "__main__":
    main()

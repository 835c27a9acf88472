"""Episodes that a ranking needs: round robin, Swiss and active, on fields of known strengths.

    python benchmarks/schedules.py

Agents are numbers: one beats another with the probability that Bradley and Terry's model gives for
their strengths, independently in each episode. Fields differ in how far strengths spread, which
decides what there is to save: a round robin spends most episodes of a wide field on pairs whose
winner is no secret, and hardly any of a narrow one. A field is drawn anew for every repeat, and its
agents are in random order. The error of a ranking is the share of pairs in the wrong order. Round
robin ranks by mean score, the others by strength.
"""

from __future__ import annotations

import dataclasses
import math
import sys

import numpy as np
import rich.console
from scipy import special, stats
from timing import command, print_json, table

from arenas.evaluation.schedule import Field, Fixture, active, round_robin, swiss, swiss_rounds
from arenas.evaluation.strengths import ELO, Scores, Strengths

FIELDS = {
    "normal, sd 400": lambda rng, n: rng.normal(0.0, 400.0, n),
    "even over 1,000": lambda rng, n: rng.uniform(0.0, 1000.0, n),
    "even over 2,000": lambda rng, n: rng.uniform(0.0, 2000.0, n),
    "even over 3,500": lambda rng, n: rng.uniform(0.0, 3500.0, n),
    "even over 5,000": lambda rng, n: rng.uniform(0.0, 5000.0, n),
    "even over 7,000": lambda rng, n: rng.uniform(0.0, 7000.0, n),
}
"""Strengths in points of Elo."""


@dataclasses.dataclass
class Result:
    """Means over the repeats, but for ``share``, the median.

    Attributes:
        field: how strengths spread.
        episodes: of the round robin, once in each seating of each pair.
        error: of its ranking.
        swiss_episodes: of a Swiss tournament of the usual length.
        swiss_error: of its ranking.
        fifth_error: of the active schedule's ranking with a fifth of the round robin's episodes.
        share: of the round robin's episodes that the active schedule takes to its error; infinite
            if more than ``search`` of them.
        stop_share: where the active schedule stopped by itself.
        stop_error: of its ranking then.
        covered: share of agents whose place was in its 95 % interval then.
    """

    field: str
    episodes: int
    error: float
    swiss_episodes: float
    swiss_error: float
    fifth_error: float
    share: float
    stop_share: float
    stop_error: float
    covered: float


class Contest:
    """Synthetic agents that play by their strengths.

    Args:
        strengths: ``[n]``, in points of Elo.
        seed: of their luck.
    """

    def __init__(self, strengths: np.ndarray, seed: int) -> None:
        self.strengths = strengths / ELO
        self.field = Field(tuple(f"agent-{i}" for i in range(len(strengths))), 2, seed)
        self.rng = np.random.default_rng(seed)
        self.scores = Scores(len(strengths))
        self.played = 0

    def play(self, fixtures: list[Fixture]) -> None:
        """Add a round's scores."""
        units: dict[tuple[tuple[int, int], int], int] = {}
        for f in fixtures:
            if f.pair[0] != f.pair[1]:
                units[f.pair, f.index] = units.get((f.pair, f.index), 0) + 1
        pair = np.array([pair for pair, _ in units])
        seatings = np.array(list(units.values()))
        chance = special.expit(self.strengths[pair[:, 0]] - self.strengths[pair[:, 1]])
        self.scores.add(pair, self.rng.binomial(seatings, chance) / seatings)
        self.played += int(seatings.sum())

    def error(self, found: np.ndarray) -> float:
        """The share of pairs that a ranking by these numbers has in the wrong order."""
        return float(1.0 - stats.kendalltau(self.strengths, found).statistic) / 2.0

    def covered(self, strengths: Strengths) -> float:
        """The share of agents whose place is in its interval."""
        low, high = strengths.places()
        true = np.argsort(np.argsort(-self.strengths)) + 1
        return float(((low <= true) & (true <= high)).mean())


def full(strengths: np.ndarray, seed: int) -> tuple[int, float]:
    """Episodes of a round robin, self-play left out, and the error of its ranking."""
    contest = Contest(strengths, seed)
    contest.play(round_robin(contest.field.agents, 2, 1, seed))
    return contest.played, contest.error(contest.scores.won.sum(1))


def in_swiss(strengths: np.ndarray, seed: int) -> tuple[int, float]:
    """Episodes of a Swiss tournament, and the error of its ranking."""
    contest = Contest(strengths, seed)
    rounds = swiss_rounds(len(strengths))
    for fixtures in swiss(contest.field, 1, rounds, contest.scores):
        contest.play(fixtures)
    return contest.played, contest.error(Strengths.of(contest.scores).mean)


def curve(strengths: np.ndarray, seed: int, most: float) -> list[tuple[int, float]]:
    """Episodes and error after every fourth active round, up to ``most``."""
    contest = Contest(strengths, seed)
    mean, points = None, []
    for number, fixtures in enumerate(active(contest.field, 1, -1.0, contest.scores), 1):
        contest.play(fixtures)
        if number % 4:  # a round is a two-hundredth of a round robin of 200 agents
            continue
        mean = Strengths.of(contest.scores, mean).mean
        points.append((contest.played, contest.error(mean)))
        if contest.played >= most:
            break
    return points


def stopped(strengths: np.ndarray, seed: int, width: float) -> tuple[int, float, float]:
    """Episodes, error and coverage where an active schedule stopped by its rule."""
    contest = Contest(strengths, seed)
    for fixtures in active(contest.field, 1, width, contest.scores):
        contest.play(fixtures)
    found = Strengths.of(contest.scores)
    return contest.played, contest.error(found.mean), contest.covered(found)


def main(
    agents: int = 200,
    repeats: int = 5,
    width: float = 14.0,
    search: float = 0.3,
    seed: int = 0,
    json_: bool = False,
) -> None:
    """Measure.

    Args:
        agents: in a field.
        repeats: fields of each kind.
        width: of intervals, in places, at which the active schedule stops.
        search: up to which share of the round robin's episodes the same error is looked for; from
            0.2.
        seed: of the first field; the others follow.
        json_: print JSON.
    """
    results = []
    for name, draw in FIELDS.items():
        rows = []
        for repeat in range(seed, seed + repeats):
            strengths = draw(np.random.default_rng([repeat, 1]), agents)
            episodes, error = full(strengths, repeat)
            points = curve(strengths, repeat, search * episodes)
            fifth = max(
                i for i, (n, _) in enumerate(points) if n <= max(0.2 * episodes, points[0][0])
            )
            share = next((n / episodes for n, e in points if e <= error), math.inf)
            spent, stop_error, covered = stopped(strengths, repeat, width)
            rows.append(
                (
                    episodes,
                    error,
                    *in_swiss(strengths, repeat),
                    points[fifth][1],
                    share,
                    spent / episodes,
                    stop_error,
                    covered,
                )
            )
        mean = np.mean(rows, axis=0)
        mean[5] = np.median([r[5] for r in rows])
        results.append(Result(name, int(mean[0]), *mean[1:].tolist()))
        print(results[-1], file=sys.stderr, flush=True)
    if json_:
        print_json(results, agents=agents, repeats=repeats, width=width)
        return
    title = f"Share of pairs in the wrong order, {agents} agents, {repeats} fields of each kind"
    lines = table(
        title,
        [
            "",
            "round robin",
            "Swiss",
            "of episodes",
            "active, a fifth",
            "as good with",
            f"stops at width {width:g}",
            "error",
            "covered",
        ],
    )
    for r in results:
        lines.add_row(
            r.field,
            f"{r.error:.2%}",
            f"{r.swiss_error:.2%}",
            f"{r.swiss_episodes / r.episodes:.0%}",
            f"{r.fifth_error:.2%}",
            f"{r.share:.0%}" if r.share < math.inf else f"> {search:.0%}",
            f"{r.stop_share:.0%}",
            f"{r.stop_error:.2%}",
            f"{r.covered:.1%}",
        )
    rich.console.Console(width=140).print(lines)


if __name__ == "__main__":
    command(main)

"""Play the population of repeated rock-paper-scissors against itself, and rank it.

    python benchmarks/rrps_population.py --minutes 30

plays a tournament of the 43 bots, every pair in both seatings and each bot against itself, round by
round for half an hour, and writes the ranking (rrps.md) and the table of mean returns
(rrps_table.csv) into docs/results. With --games instead, the number of rounds is fixed, and the
same seed gives the same numbers, whatever --jobs. Ctrl-C ends early and writes the whole rounds
that were played; with --store the rows are kept, and the same command goes on from them.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import command, machine

from arenas._files import make_folder, write_atomically
from arenas.cli import output
from arenas.envs.rrps.population import BOTS
from arenas.errors import BadArgument
from arenas.evaluation import Store, Tournament
from arenas.evaluation.payoffs import PayoffTable
from arenas.evaluation.population import PopulationMetrics, population_metrics

DOCS = Path(__file__).parent.parent / "docs" / "results"
PREFIX = "rrps/"


class _OutOfTime(Exception):
    pass


def play(
    bots: tuple[str, ...], rounds: int, seed: int, jobs: int, store: Store, deadline: float
) -> int:
    """Play so many rounds, or until the deadline, and return how many rounds are whole."""
    contest = Tournament(
        "rrps-v0", [PREFIX + b for b in bots], episodes=rounds, seed=seed, jobs=jobs
    )
    with output.progress() as bar:
        total = contest.most
        task = bar.add_task("playing", total=total, completed=total - len(contest.missing(store)))

        def tell(episodes: float) -> None:
            bar.advance(task, episodes)
            if time.monotonic() > deadline:
                raise _OutOfTime

        try:
            contest.play(store, tell)
        except _OutOfTime:
            pass
        except KeyboardInterrupt:
            output.warn("interrupted: writing the whole rounds that were played")
    return min((f.index for f in contest.missing(store)), default=rounds)


def table_of(bots: tuple[str, ...], rounds: int, seed: int, store: Store) -> PayoffTable:
    """The payoff table of so many rounds, from their rows."""
    contest = Tournament("rrps-v0", [PREFIX + b for b in bots], episodes=rounds, seed=seed)
    return contest.results(store).table


def write_results(
    folder: Path, table: PayoffTable, *, rounds: int, seed: int, jobs: int, seconds: float
) -> PopulationMetrics:
    """Write rrps.md and rrps_table.csv."""
    bots = tuple(a.removeprefix(PREFIX) for a in table.agents)
    error = np.sqrt(table.variance / rounds) if rounds > 1 else None
    scores = population_metrics(table.mean, error)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["bot", *bots])
    for bot, row in zip(bots, table.mean, strict=True):
        writer.writerow([bot, *(f"{v:.3f}" for v in row)])
    make_folder(folder)
    write_atomically(folder / "rrps_table.csv", text.getvalue())
    command = f"python benchmarks/rrps_population.py --games {rounds} --seed {seed}"
    if len(bots) < len(BOTS):
        command += " --bots " + " ".join(bots)
    largest = "unknown (one round)" if error is None else f"{error.max():.2f}"
    lines = [
        "# Repeated rock-paper-scissors: the population",
        "",
        f"{len(bots)} bots against each other in both seats and against themselves, 1,000 throws a "
        f"match, {rounds} rounds: {2 * rounds} matches in each cell, "
        f"{rounds * len(bots) ** 2:,} in all, in {seconds / 60:.1f} minutes with {jobs} worker "
        f"processes ({machine()}), seed {seed}. Made again, whatever the number of workers, by",
        "",
        "```",
        command,
        "```",
        "",
        "(`--minutes 30` plays what fits.) The metrics are those of Lanctot et al. 2023, explained "
        "in [the game's page](../envs/rrps.md#metrics); the mean returns of all pairs are in "
        f"[rrps_table.csv](rrps_table.csv), with a largest standard error of {largest}.",
        "",
        "Sorted by AggScore; # is the rank by the column before it. Brackets are 95 % intervals; "
        "those of WithinPopExpl and AggScore allow for the choice of the nemesis, since the "
        "maximum of noisy means is too high on average.",
        "",
        "| # | bot | AggScore | | PopReturn | | # | WithinPopExpl | | # | nemesis |",
        "|--:|:--|--:|:-:|--:|:-:|--:|--:|:-:|--:|:--|",
    ]
    by_return = np.argsort(np.argsort(-scores.pop_return, kind="stable"))
    by_expl = np.argsort(np.argsort(scores.within_pop_expl, kind="stable"))
    for rank, i in enumerate(scores.order(), 1):
        lines.append(
            f"| {rank} | {bots[i]} "
            f"| {scores.agg_score[i]:.2f} | {_interval(scores.agg_score_interval[i])} "
            f"| {scores.pop_return[i]:.2f} | {_interval(scores.pop_return_interval[i])} "
            f"| {by_return[i] + 1} "
            f"| {scores.within_pop_expl[i]:.2f} | {_interval(scores.within_pop_expl_interval[i])} "
            f"| {by_expl[i] + 1} | {bots[scores.nemesis[i]]} |"
        )
    write_atomically(folder / "rrps.md", "\n".join(lines) + "\n")
    return scores


def _interval(bounds: np.ndarray) -> str:
    return "" if np.isnan(bounds).any() else f"[{bounds[0]:.1f}, {bounds[1]:.1f}]"


def main(
    games: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    jobs: int | None = None,
    bots: tuple[str, ...] = tuple(BOTS),
    out: Path = DOCS,
    store: str | None = None,
) -> int:
    """Play the population of repeated rock-paper-scissors against itself, and rank it.

    Args:
        games: rounds; each is every pair in both seatings, and each bot against itself.
        minutes: stop after this time; without --games, as many rounds as fit.
        seed: the same seed and rounds give the same table.
        jobs: worker processes; by default one a core.
        bots: a part of the population.
        out: folder of the results.
        store: keep the rows in this SQLite file.
    """
    if games is None and minutes is None:
        raise BadArgument("give --games, --minutes or both")
    if games is not None and games < 1:
        raise BadArgument(f"--games is {games}; accepted are integers from 1")
    if minutes is not None and not minutes > 0:
        raise BadArgument(f"--minutes is {minutes}; accepted are numbers above 0")
    jobs = jobs or os.cpu_count() or 1
    bots = tuple(sorted(bots))
    limit = float("inf") if minutes is None else 60 * minutes
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, Store(store or f"{scratch}/rows.db") as rows:
        whole, planned = 0, games or 1
        while True:
            whole = play(bots, planned, seed, jobs, rows, start + limit)
            if whole < planned or planned == games:
                break
            planned *= 2  # with the time alone given: as many rounds again, until it is over
        seconds = time.monotonic() - start
        if not whole:
            output.warn("no whole round was played: nothing is written")
            return 130
        table = table_of(bots, whole, seed, rows)
    scores = write_results(out, table, rounds=whole, seed=seed, jobs=jobs, seconds=seconds)
    shown = output.table("", "bot", "AggScore", "PopReturn", "WithinPopExpl")
    for i in scores.order()[:5]:
        values = (scores.agg_score[i], scores.pop_return[i], scores.within_pop_expl[i])
        shown.add_row(bots[i], *(f"{v:.1f}" for v in values))
    console = output.console()
    console.print(shown)
    console.print(f"{whole} rounds in {seconds:.0f} s: {out / 'rrps.md'}", highlight=False)
    return 0


if __name__ == "__main__":
    command(main)

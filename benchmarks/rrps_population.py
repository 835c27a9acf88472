"""Play the population of repeated rock-paper-scissors against itself, and rank it.

    python benchmarks/rrps_population.py --minutes 30

plays rounds of all 946 pairs of the 43 bots (each bot against itself included) for half an hour,
and writes the ranking (rrps.md) and the table of mean returns (rrps_table.csv) into docs/results.
With --games instead, the number of games a pair is fixed, and the same seed gives the same
numbers, whatever --jobs. Ctrl-C ends early and writes the rounds that were finished.

The game is zero-sum, so each unordered pair is played and v(j, i) = -v(i, j). Seats change from
game to game. A bot against itself counts from the seat that the first player of a pair would hold;
what is seen there is noise around zero.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import multiprocessing
import os
import pathlib
import platform
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import arenas
from arenas.envs.rrps.population import BOTS
from arenas.errors import BadArgument
from arenas.evaluation.population import PopulationMetrics, population_metrics
from arenas.rollout import agent_seed, check_seed

PAIRS_PER_TASK = 11  # short tasks: workers end a round together
DOCS = pathlib.Path(__file__).parent.parent / "docs" / "results"


def match_seed(seed: int, first: str, second: str, game: int) -> int:
    """The seed of a pair's game: of the run's seed, the names and the game's number alone."""
    digest = hashlib.blake2s(f"{seed}/{first}/{second}/{game}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


class Player:
    """Plays matches one after the other, with an environment and bots that it keeps."""

    def __init__(self, throws: int = 1000) -> None:
        self.env = arenas.make_host("rrps-v0", throws=throws)
        self._agents: dict[tuple[str, int], Any] = {}

    def _agent(self, bot: str, seat: int) -> Any:
        if (bot, seat) not in self._agents:
            self._agents[bot, seat] = arenas.load_agent(f"rrps/{bot}", self.env)
        return self._agents[bot, seat]

    def play(self, first: str, second: str, seed: int) -> int:
        """The return of ``first``, in seat 0, against ``second``."""
        env = self.env
        agents = self._agent(first, 0), self._agent(second, 1)
        timestep = env.reset(seed)
        for seat, agent in enumerate(agents):
            agent.reset(seat, agent_seed(seed, seat))
        act_0, act_1, step = agents[0].act, agents[1].act, env.step
        mask = timestep.action_mask[0]
        for _ in range(env.rules.throws):
            seen_0, seen_1 = timestep.observation
            timestep = step((act_0(seen_0, mask), act_1(seen_1, mask)))
        assert timestep.terminated
        return int(timestep.info["score"][0])


def play_match(first: str, second: str, seed: int) -> int:
    """The return of bot ``first``, in seat 0, against ``second`` over 1,000 throws."""
    return Player().play(first, second, seed)


def _start_worker(throws: int) -> None:
    global _player
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _player = Player(throws)


def _play_task(task: tuple[int, list[tuple[int, str, str]], int]) -> list[tuple[int, int]]:
    """Returns of the first of each pair, by the pair's number, in one game."""
    game, pairs, seed = task
    results = []
    for number, first, second in pairs:
        s = match_seed(seed, first, second, game)
        swapped = game % 2 == 1
        value = -_player.play(second, first, s) if swapped else _player.play(first, second, s)
        results.append((number, value))
    return results


def play_rounds(
    bots: Sequence[str], jobs: int, seed: int, throws: int = 1000
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Play round after round of all pairs.

    Yields:
        After each task, the number of matches that it made and, where it ended a round, the round's
        returns ``[pairs]`` in the order of ``combinations_with_replacement``; else None.
    """
    names = list(itertools.combinations_with_replacement(bots, 2))
    pairs = [(number, *pair) for number, pair in enumerate(names)]
    tasks = [pairs[i : i + PAIRS_PER_TASK] for i in range(0, len(pairs), PAIRS_PER_TASK)]
    # Spawn, not fork: the parent may hold threads.
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _start_worker, (throws,)) as pool:
        for game in itertools.count():
            returns = np.zeros(len(pairs), np.int64)
            done = 0
            for results in pool.imap_unordered(_play_task, [(game, t, seed) for t in tasks]):
                for number, value in results:
                    returns[number] = value
                done += len(results)
                yield len(results), returns if done == len(pairs) else None


def table_of(bots: Sequence[str], rounds: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean returns ``[n, n]`` of the row's bot, and their standard errors (NaN for one game)."""
    n = len(bots)
    samples = np.stack(rounds).astype(np.float64)  # [games, pairs]
    first, second = np.array(list(itertools.combinations_with_replacement(range(n), 2)), np.int64).T
    mean, error = np.zeros((n, n)), np.zeros((n, n))
    spread = np.full(len(first), np.nan)
    if len(samples) > 1:
        spread = samples.std(axis=0, ddof=1) / len(samples) ** 0.5
    mean[second, first] = -samples.mean(axis=0)
    mean[first, second] = samples.mean(axis=0)
    error[first, second] = error[second, first] = spread
    return mean + 0.0, error


def write_results(
    folder: pathlib.Path,
    bots: Sequence[str],
    rounds: Sequence[np.ndarray],
    *,
    seed: int,
    jobs: int,
    seconds: float,
) -> PopulationMetrics:
    """Write rrps.md and rrps_table.csv."""
    mean, error = table_of(bots, rounds)
    scores = population_metrics(mean, error)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rrps_table.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["bot", *bots])
        for bot, row in zip(bots, mean, strict=True):
            writer.writerow([bot, *(f"{v:.3f}" for v in row)])
    matches = sum(len(r) for r in rounds)
    text = _report(bots, scores, error, len(rounds), matches, seed, jobs, seconds)
    (folder / "rrps.md").write_text(text)
    return scores


def _report(
    bots: Sequence[str],
    scores: PopulationMetrics,
    error: np.ndarray,
    games: int,
    matches: int,
    seed: int,
    jobs: int,
    seconds: float,
) -> str:
    by_return = np.argsort(np.argsort(-scores.pop_return, kind="stable"))
    command = f"python benchmarks/rrps_population.py --games {games} --seed {seed}"
    if len(bots) < len(BOTS):
        command += " --bots " + " ".join(bots)
    by_expl = np.argsort(np.argsort(scores.within_pop_expl, kind="stable"))
    lines = [
        "# Repeated rock-paper-scissors: the population",
        "",
        f"{len(bots)} bots against each other and themselves, {games} games a pair, 1,000 throws "
        f"a game: {matches:,} matches in {seconds / 60:.1f} minutes with {jobs} worker "
        f"processes on a {_machine()}, seed {seed}.",
        "",
        "Made again by",
        "",
        "```",
        command,
        "```",
        "",
        "whatever the number of workers (`--minutes 30` plays what fits). The metrics are those of "
        "Lanctot et al. 2023, explained in [the game's page](../envs/rrps.md#metrics); the mean "
        "returns of all pairs are in [rrps_table.csv](rrps_table.csv), whose largest standard "
        f"error is {np.nanmax(error) if np.isfinite(error).any() else float('nan'):.2f}.",
        "",
        "Sorted by AggScore; # is the rank by the column before it. ± is half of a 95% interval, "
        "and [low, high] are 95% intervals that allow for the choice of the nemesis (the "
        "maximum of noisy means is too high on average).",
        "",
        "| # | bot | AggScore | [low, high] | PopReturn | ± | # | WithinPopExpl | [low, high] | "
        "# | nemesis |",
        "|--:|:--|--:|:-:|--:|--:|--:|--:|:-:|--:|:--|",
    ]
    for rank, i in enumerate(scores.order(), 1):
        half = np.diff(scores.pop_return_interval[i])[0] / 2
        lines.append(
            f"| {rank} | {bots[i]} | {scores.agg_score[i]:.2f} "
            f"| {_interval(scores.agg_score_interval[i])} "
            f"| {scores.pop_return[i]:.2f} | {half:.2f} | {by_return[i] + 1} "
            f"| {scores.within_pop_expl[i]:.2f} | {_interval(scores.within_pop_expl_interval[i])} "
            f"| {by_expl[i] + 1} | {bots[scores.nemesis[i]]} |"
        )
    return "\n".join(lines) + "\n"


def _interval(bounds: np.ndarray) -> str:
    return f"[{bounds[0]:.1f}, {bounds[1]:.1f}]"


def _machine() -> str:
    """Such as ``2-core AMD EPYC machine``."""
    name = platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{os.cpu_count()}-core {name} machine"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", type=int, help="games of each pair (default: as time allows)")
    parser.add_argument("--minutes", type=float, help="start no round after this time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bots", nargs="+", default=list(BOTS), help="a part of the population")
    parser.add_argument("--out", type=pathlib.Path, default=DOCS, help="folder of the results")
    args = parser.parse_args(argv)
    if args.games is None and args.minutes is None:
        parser.error("give --games, --minutes or both")
    if args.games is not None and args.games < 1:
        parser.error(f"--games is {args.games}; accepted are integers from 1")
    if args.minutes is not None and not args.minutes > 0:
        parser.error(f"--minutes is {args.minutes}; accepted are positive numbers")
    if args.jobs < 1:
        parser.error(f"--jobs is {args.jobs}; accepted are integers from 1")
    for bot in args.bots:
        if bot not in BOTS or args.bots.count(bot) > 1:
            parser.error(f"--bots has {bot!r} twice or unknown; known: {', '.join(BOTS)}")
    try:
        check_seed(args.seed)
    except BadArgument as error:
        parser.error(str(error))
    bots = sorted(args.bots)
    pairs = len(bots) * (len(bots) + 1) // 2
    console = Console()
    rounds: list[np.ndarray] = []
    start = time.monotonic()
    limit = args.minutes * 60 if args.minutes is not None else float("inf")
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        total = args.games * pairs if args.games is not None else limit
        bar = progress.add_task("starting workers", total=total)
        matches = 0
        try:
            for made, returns in play_rounds(bots, args.jobs, args.seed):
                matches += made
                elapsed = time.monotonic() - start
                done = matches if args.games is not None else min(elapsed, limit)
                label = f"game {len(rounds) + 1}, {matches / elapsed:.0f} matches/s"
                progress.update(bar, completed=done, description=label)
                if returns is not None:
                    rounds.append(returns)
                    if len(rounds) == args.games or elapsed >= limit:
                        break
        except KeyboardInterrupt:
            console.print(f"interrupted after {len(rounds)} whole rounds")
    seconds = time.monotonic() - start
    if not rounds:
        console.print("no round was finished: nothing is written")
        return 130
    scores = write_results(args.out, bots, rounds, seed=args.seed, jobs=args.jobs, seconds=seconds)
    for i in scores.order()[:5]:
        numbers = {
            "AggScore": scores.agg_score,
            "PopReturn": scores.pop_return,
            "WithinPopExpl": scores.within_pop_expl,
        }
        line = "  ".join(f"{name} {values[i]:8.2f}" for name, values in numbers.items())
        console.print(f"{bots[i]:>16}  {line}", highlight=False)
    console.print(
        f"{len(rounds)} games a pair, {matches} matches in {seconds:.0f} s: "
        f"{args.out / 'rrps.md'}, {args.out / 'rrps_table.csv'}",
        highlight=False,
        soft_wrap=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

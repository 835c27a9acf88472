"""Matches a second: a tournament of two OpenSpiel bots, against a plain loop over the same bots.

    python benchmarks/tournament_speed.py

The plain loop is what a researcher would write first: OpenSpiel's repeated game and two bots in one
process; nothing is seeded, checked, limited in time or kept. The tournament plays the same matches
in watched worker processes and keeps every one as a row. Both run alternately, several times. The
start of the workers is part of the tournament's time, and shown apart.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import tempfile
import time

import pyspiel
import rich.box
import rich.console
import rich.table
from timing import command, machine

from arenas.evaluation import Store, Tournament

PAIRS = (("copybot", "rotatebot"), ("flatbot3", "biopic"), ("greenberg", "iocainebot"))


@dataclasses.dataclass
class Result:
    """Medians over the repeats.

    Attributes:
        pair: the two bots.
        jobs: worker processes; 0 for the plain loop.
        matches: in one repeat.
        per_second: matches a second, everything included.
        per_second_started: the same, counted from the first match on.
        start: seconds until the first match was back.
        ratio: ``per_second`` against the plain loop's.
    """

    pair: tuple[str, str]
    jobs: int
    matches: int
    per_second: float
    per_second_started: float
    start: float
    ratio: float


def plain_loop(matches: list[tuple[str, str]]) -> float:
    """Seconds for these matches in OpenSpiel's own terms."""
    stage = pyspiel.load_game("matrix_rps")
    game = pyspiel.create_repeated_game(stage, {"num_repetitions": 1000})
    start = time.perf_counter()
    for pair in matches:
        state = game.new_initial_state()
        bots = [pyspiel.make_roshambo_bot(i, b) for i, b in enumerate(pair)]
        while not state.is_terminal():
            state.apply_actions([bot.step(state) for bot in bots])
        state.returns()
    return time.perf_counter() - start


def contest(pair: tuple[str, str], episodes: int, jobs: int) -> Tournament:
    """The tournament of these two."""
    return Tournament("rrps-v0", [f"rrps/{b}" for b in pair], episodes=episodes, jobs=jobs)


def tournament(pair: tuple[str, str], episodes: int, jobs: int) -> tuple[float, float]:
    """Seconds for a tournament, and those until its first match was back."""
    played = contest(pair, episodes, jobs)
    first: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/episodes.db") as store:
        start = time.perf_counter()

        def tell(_: float) -> None:
            if not first:
                first.append(time.perf_counter() - start)

        played.play(store, tell)
        return time.perf_counter() - start, first[0]


def main(seconds: float = 10.0, repeats: int = 3, json_: bool = False) -> None:
    """Measure.

    Args:
        seconds: about how long the plain loop of a pair takes in each repeat.
        repeats: how often each is run, alternately.
        json_: print JSON.
    """
    results = []
    every_jobs = sorted({1, os.cpu_count() or 1})
    for pair in PAIRS:
        field = contest(pair, 1, 1).field
        fixtures = [f for both in field.pairs() for f in field.fixtures(both, 0)]
        matches = [tuple(pair[a] for a in f.seats) for f in fixtures]
        once = plain_loop(matches) / len(matches)
        episodes = max(1, round(seconds / once / len(matches)))
        times: dict[int, list[tuple[float, float]]] = {j: [] for j in (0, *every_jobs)}
        for _ in range(repeats):
            times[0].append((plain_loop(matches * episodes), 0.0))
            for jobs in every_jobs:
                times[jobs].append(tournament(pair, episodes, jobs))
        count = len(matches) * episodes
        base = statistics.median(t for t, _ in times[0])
        for jobs, measured in times.items():
            whole = statistics.median(t for t, _ in measured)
            start = statistics.median(f for _, f in measured)
            results.append(
                Result(
                    pair=pair,
                    jobs=jobs,
                    matches=count,
                    per_second=count / whole,
                    per_second_started=count / (whole - start),
                    start=start,
                    ratio=base / whole,
                )
            )
    if json_:
        rows = [dataclasses.asdict(r) for r in results]
        print(json.dumps({"machine": machine(), "results": rows}, indent=2))
        return
    table = rich.table.Table(title=f"Matches a second ({machine()})", box=rich.box.SIMPLE_HEAD)
    for column in ("pair", "played by", "matches", "a second", "once started", "start s", "ratio"):
        table.add_column(column, justify="left" if column in ("pair", "played by") else "right")
    for r in results:
        table.add_row(
            " – ".join(r.pair),
            f"tournament, {r.jobs} workers" if r.jobs else "plain loop",
            str(r.matches),
            f"{r.per_second:.1f}",
            f"{r.per_second_started:.1f}",
            f"{r.start:.1f}",
            f"{r.ratio:.2f}",
        )
    rich.console.Console(width=120).print(table)


if __name__ == "__main__":
    command(main)

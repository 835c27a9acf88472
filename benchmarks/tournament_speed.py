"""Matches a second: tournaments of host bots, on local workers and on Ray, and of trained agents.

    python benchmarks/tournament_speed.py

Host bots: a tournament of two OpenSpiel bots, against a plain loop over the same bots, which is
what a researcher would write first: OpenSpiel's repeated game and two bots in one process; nothing
is seeded, checked, limited in time or kept. The tournament plays the same matches in watched worker
processes and keeps every one as a row. All run alternately, several times. The start of the workers
is part of the tournament's time, and shown apart. Where Ray is installed it plays them, too.

Trained agents: the exported agents of SMAX 3m and of very small Hanabi, two copies of each, one of
which takes its place among the others in turn, in one compiled program; compilation is apart.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import statistics
import tempfile
import time
from typing import Any

import pyspiel
import rich.console
from timing import command, in_turns, machine, once, print_json, table

import arenas
from arenas.evaluation import Store, Tournament
from arenas.match import DeviceMatches

PAIRS = (("copybot", "rotatebot"), ("flatbot3", "biopic"), ("greenberg", "iocainebot"))
TRAINED = (("smax-3m-v0", "zoo/smax-3m"), ("hanabi-very-small-lenient-v0", "zoo/hanabi-very-small"))
MATCHES = 1024
"""Of trained agents, in one call."""


@dataclasses.dataclass
class Result:
    """Medians over the repeats.

    Attributes:
        pair: the two agents.
        played_by: what plays them.
        matches: in one repeat.
        per_second: matches a second, everything included.
        per_second_started: the same, counted from the first match on.
        start: seconds until the first match was back; of trained agents, those of the first call,
            which compiles.
        ratio: ``per_second`` against the plain loop's, None where there is none.
    """

    pair: tuple[str, str]
    played_by: str
    matches: int
    per_second: float
    per_second_started: float
    start: float
    ratio: float | None


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


def contest(pair: tuple[str, str], episodes: int, jobs: int, backend: str = "local") -> Tournament:
    """The tournament of these two."""
    names = [f"rrps/{b}" for b in pair]
    return Tournament("rrps-v0", names, episodes=episodes, jobs=jobs, backend=backend)


def tournament(
    pair: tuple[str, str], episodes: int, jobs: int, backend: str
) -> tuple[float, float]:
    """Seconds for a tournament, and those until its first match was back."""
    played = contest(pair, episodes, jobs, backend)
    first: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/episodes.db") as store:
        start = time.perf_counter()

        def tell(_: float) -> None:
            if not first:
                first.append(time.perf_counter() - start)

        played.play(store, tell)
        return time.perf_counter() - start, first[0]


def host_results(seconds: float, repeats: int) -> list[Result]:
    """Of bots that run on the host."""
    results = []
    backends = ["local"] + ["ray"] * (importlib.util.find_spec("ray") is not None)
    ways = [(b, j) for b in backends for j in sorted({1, os.cpu_count() or 1})]
    for pair in PAIRS:
        field = contest(pair, 1, 1).field
        fixtures = [f for both in field.pairs() for f in field.fixtures(both, 0)]
        matches = [tuple(pair[a] for a in f.seats) for f in fixtures]
        each = plain_loop(matches) / len(matches)
        episodes = max(1, round(seconds / each / len(matches)))
        times: dict[str, list[tuple[float, float]]] = {}
        for _ in range(repeats):
            plain = plain_loop(matches * episodes), 0.0
            times.setdefault("plain loop", []).append(plain)
            for backend, jobs in ways:
                played = tournament(pair, episodes, jobs, backend)
                times.setdefault(f"tournament, {backend}, {jobs} workers", []).append(played)
        count = len(matches) * episodes
        base = statistics.median(t for t, _ in times["plain loop"])
        for name, measured in times.items():
            whole = statistics.median(t for t, _ in measured)
            start = statistics.median(f for _, f in measured)
            each, started = count / whole, count / (whole - start)
            results.append(Result(pair, name, count, each, started, start, base / whole))
    return results


def device_results(seconds: float, repeats: int) -> list[Result]:
    """Of trained agents."""
    results = []
    for env, name in TRAINED:
        game: Any = arenas.make(env)
        two: list[Any] = [arenas.load_agent(name, game) for _ in range(2)]
        seats = [[int(seat == i % game.num_agents) for seat in range(game.num_agents)]
                 for i in range(MATCHES)]  # fmt: skip
        matches = DeviceMatches(game, two)

        def play(matches: Any = matches, seats: Any = seats) -> None:
            for _ in matches.play(seats, range(MATCHES), record=False):
                pass

        compiling = once(play)
        rates = in_turns({"": play}, repeats, seconds)[""]
        each = MATCHES * statistics.median(rates)
        results.append(
            Result((name, "its copy"), f"{env}, one program", MATCHES, each, each, compiling, None)
        )
    return results


def main(seconds: float = 10.0, repeats: int = 3, json_: bool = False) -> None:
    """Measure.

    Args:
        seconds: about how long the plain loop of a pair takes in each repeat.
        repeats: how often each is run, alternately.
        json_: print JSON.
    """
    results = device_results(seconds, repeats) + host_results(seconds, repeats)
    if json_:
        print_json(results)
        return
    console = rich.console.Console(width=180)
    names = ("pair", "played by", "matches", "a second", "once started", "start s", "ratio")
    lines = table(f"Matches a second ({machine()})", names)
    for r in results:
        lines.add_row(
            " – ".join(r.pair),
            r.played_by,
            str(r.matches),
            f"{r.per_second:.1f}",
            f"{r.per_second_started:.1f}",
            f"{r.start:.1f}",
            "" if r.ratio is None else f"{r.ratio:.2f}",
        )
    console.print(lines)


if __name__ == "__main__":
    command(main)

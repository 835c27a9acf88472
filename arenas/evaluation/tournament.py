"""A tournament: a schedule, played where its agents live, kept as rows, and reported.

Episodes between device agents run in one compiled program; those with a host agent in watched
worker processes. Rows are written as they come, so that an interrupted tournament, started again,
plays what is missing.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import arenas
from arenas import registry
from arenas._files import make_folder, write_atomically
from arenas.agent import DeviceAgent
from arenas.env import Env
from arenas.errors import BadArgument
from arenas.evaluation import payoffs, schedule
from arenas.evaluation.population import population_metrics
from arenas.evaluation.schedule import Fixture
from arenas.evaluation.store import Row, Store, canonical
from arenas.evaluation.workers import Task, Workers
from arenas.match import DeviceMatches, Episode
from arenas.replay import Replay
from arenas.rollout import check_seed

COMMIT_SECONDS = 1.0
"""Rows wait at most this long before they are written."""


@dataclasses.dataclass(frozen=True)
class Results:
    """What a tournament shows, computed from rows.

    Attributes:
        settings: everything that names the tournament.
        standings: best first.
        table: the payoff table.
        population: PopReturn, WithinPopExpl and AggScore by agent, for repeated RPS; else None.
        rows: with their fixtures, in the schedule's order.
        missing: how many scheduled episodes have no row yet.
    """

    settings: dict[str, Any]
    standings: list[payoffs.Standing]
    table: payoffs.PayoffTable
    population: list[dict[str, Any]] | None
    rows: list[tuple[Fixture, Row]]
    missing: int

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``; NaN becomes None."""
        return _plain(
            {
                "settings": self.settings,
                "missing_episodes": self.missing,
                "standings": [dataclasses.asdict(s) for s in self.standings],
                "payoff": {
                    "agents": list(self.table.agents),
                    "mean": self.table.mean.tolist(),
                    "half_width": self.table.half_width().tolist(),
                    "episodes": self.table.count.tolist(),
                },
                "population": self.population,
            }
        )


class Tournament:
    """Every pair in every seating, self-play included.

    Args:
        env: the environment's id, with arguments if any.
        agents: names, each once.
        episodes: for each seating of each pair.
        seed: from 0 to 2³²−1; with it everything is repeatable, whatever ``jobs``.
        jobs: worker processes for episodes with host agents; default all cores.
        move_timeout: seconds that an agent may take to answer; None for no limit.
        record: keep a replay of the first so many episodes of each seating.

    Raises:
        ArenasError: an unknown environment or agent, a bad argument.

    Example:
        >>> from arenas.evaluation import Store, Tournament
        >>> tournament = Tournament("rrps-v0", ["rrps/rock", "rrps/paper"], episodes=1)
        >>> with Store("/tmp/example.db") as store:
        ...     tournament.play(store)
        ...     tournament.results(store).standings[0].agent
        'rrps/paper'
    """

    def __init__(
        self,
        env: str,
        agents: Sequence[str],
        *,
        episodes: int = 1,
        seed: int = 0,
        jobs: int | None = None,
        move_timeout: float | None = 60.0,
        record: int = 0,
    ) -> None:
        check_seed(seed)
        if record < 0:
            raise BadArgument(f"record is {record}; accepted are integers from 0")
        if move_timeout is not None and not move_timeout > 0:
            raise BadArgument(f"move timeout is {move_timeout}; accepted are seconds above 0")
        self.jobs = (os.cpu_count() or 1) if jobs is None else jobs
        if self.jobs < 1:
            raise BadArgument(f"jobs is {jobs}; accepted are integers from 1")
        self.move_timeout, self.record = move_timeout, record
        self.agents = tuple(agents)
        self.spec, self.env_kwargs = registry.resolve(registry.envs, env)
        canonical(self.env_kwargs)
        self.env = arenas.make(env)
        self._env_name = env
        self._on_device = {}
        for name in self.agents:
            spec, _ = registry.resolve(registry.agents, name)
            if isinstance(self.env, Env) and spec.kind == "device":
                agent = arenas.load_agent(name, self.env)
                if isinstance(agent, DeviceAgent):
                    self._on_device[name] = agent
            elif spec.game not in ("*", self.spec.game):
                raise BadArgument(f"agent {name!r} plays {spec.game!r}, not {self.spec.game!r}")
        self.fixtures = schedule.round_robin(
            self.agents, self.env.num_agents, episodes, seed, self.env.teams
        )
        self.settings = {
            "environment": self.spec.id,
            "arguments": self.env_kwargs,
            "agents": list(self.agents),
            "episodes_per_seating": episodes,
            "seed": seed,
            "move_timeout": move_timeout,
            "arenas_version": arenas.__version__,
        }

    def missing(self, store: Store) -> list[Fixture]:
        """The scheduled episodes that have no row yet."""
        found = {(r.agents, r.seed) for r in store.rows(self.spec.id, self.env_kwargs)}
        return [f for f in self.fixtures if (self._names(f), f.seed) not in found]

    def play(self, store: Store, progress: Callable[[float], None] | None = None) -> None:
        """Play what is missing, and write it.

        Whatever ends it early, Ctrl-C included, what was played is written first.

        Args:
            store: where the rows are, and go.
            progress: called with numbers of episodes, as they are made.
        """
        missing = self.missing(store)
        tell = progress or (lambda _: None)
        on_device = set(self._on_device)
        device = [f for f in missing if {self.agents[a] for a in f.pair} <= on_device]
        host = [f for f in missing if not {self.agents[a] for a in f.pair} <= on_device]
        self._write(store, self._device_episodes(device, tell))
        self._write(store, self._host_episodes(host, tell))

    def _device_episodes(
        self, fixtures: Sequence[Fixture], tell: Callable[[float], None]
    ) -> Iterator[tuple[Episode, bool]]:
        if not fixtures:
            return
        names = sorted({n for f in fixtures for n in self._names(f)})
        matches = DeviceMatches(self.env, [self._on_device[n] for n in names])
        seats = [[names.index(n) for n in self._names(f)] for f in fixtures]
        keep = [f.index < self.record for f in fixtures]
        seeds = [f.seed for f in fixtures]
        yield from zip(matches.play(seats, seeds, record=keep, progress=tell), keep, strict=True)
        if not (self.env.max_steps or self.spec.horizon):
            tell(len(fixtures))

    def _host_episodes(
        self, fixtures: Sequence[Fixture], tell: Callable[[float], None]
    ) -> Iterator[tuple[Episode, bool]]:
        if not fixtures:
            return
        tasks = [
            Task(i, self._names(f), f.seed, f.index < self.record) for i, f in enumerate(fixtures)
        ]
        name = self._env_name
        with Workers(name, {}, min(self.jobs, len(tasks)), self.move_timeout) as workers:
            for task, episode in workers.run(tasks):
                tell(1)
                yield episode, task.record

    def _write(self, store: Store, episodes: Iterable[tuple[Episode, bool]]) -> None:
        waiting: list[tuple[Episode, bytes | None]] = []
        last = time.monotonic()
        try:
            for episode, keep in episodes:
                replay = None
                if keep and episode.actions is not None:
                    replay = Replay.of(episode).to_bytes()
                waiting.append((episode, replay))
                if time.monotonic() - last > COMMIT_SECONDS:
                    store.add(waiting)
                    waiting, last = [], time.monotonic()
        finally:
            store.add(waiting)

    def results(self, store: Store) -> Results:
        """Everything that is shown, from the rows of this schedule."""
        rows = store.rows(self.spec.id, self.env_kwargs)
        table = payoffs.payoff_table(self.agents, self.fixtures, rows)
        played = payoffs.with_rows(self.agents, self.fixtures, rows)
        lines = payoffs.standings(table, self.fixtures, rows)
        scores = None
        if self.spec.game == "rrps" and not np.isnan(table.mean).any():
            scores = _population(table)
        missing = len(self.fixtures) - len(played)
        return Results(self.settings, lines, table, scores, played, missing)

    def export(self, results: Results, store: Store, folder: str | os.PathLike[str]) -> list[Path]:
        """Write CSV and JSON files, and the replays that were kept, into a folder.

        Returns:
            The files, without the single replays.
        """
        folder = make_folder(folder)
        files = {
            "results.json": json.dumps(results.as_json(), indent=2) + "\n",
            "standings.csv": _csv(
                [f.name for f in dataclasses.fields(payoffs.Standing)],
                [dataclasses.astuple(s) for s in results.standings],
            ),
            "payoffs.csv": _csv(
                ["agent", *results.table.agents],
                [
                    [name, *row]
                    for name, row in zip(
                        results.table.agents, results.table.mean.tolist(), strict=True
                    )
                ],
            ),
            "episodes.csv": self._episodes_csv(results),
        }
        if results.population is not None:
            files["population.csv"] = _csv(
                list(results.population[0]), [list(p.values()) for p in results.population]
            )
        for name, text in files.items():
            write_atomically(folder / name, text)
        if self.record:
            self._export_replays(results, store, make_folder(folder / "replays"))
        return [folder / name for name in files]

    def _episodes_csv(self, results: Results) -> str:
        seats = range(self.env.num_agents)
        return _csv(
            [
                *(f"agent_{i}" for i in seats),
                "seed",
                *(f"return_{i}" for i in seats),
                "length",
                "outcome",
                "forfeit_seat",
                "forfeit_reason",
            ],
            [
                [
                    *row.agents,
                    row.seed,
                    *(row.returns or [None] * len(seats)),
                    row.length,
                    row.outcome,
                    row.forfeit.seat if row.forfeit else None,
                    row.forfeit.reason if row.forfeit else None,
                ]
                for _, row in results.rows
            ],
        )

    def _export_replays(self, results: Results, store: Store, folder: Path) -> None:
        for fixture, row in results.rows:
            if fixture.index >= self.record:
                continue
            data = store.replay(self.spec.id, self.env_kwargs, row.agents, row.seed)
            if data is not None:
                names = "-vs-".join(re.sub(r"[^\w.=-]+", "_", n) for n in row.agents)
                write_atomically(folder / f"{names[:200]}-{row.seed}.replay", data)

    def _names(self, fixture: Fixture) -> tuple[str, ...]:
        return tuple(self.agents[a] for a in fixture.seats)


def _population(table: payoffs.PayoffTable) -> list[dict[str, Any]]:
    error = None
    if table.count.min() > 1:
        error = np.sqrt(table.variance / table.count)
    return population_metrics(table.mean, error).rows(table.agents)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if v is None or v != v else v for v in row] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value != value:
        return None
    return value.item() if isinstance(value, np.generic) else value

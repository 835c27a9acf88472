"""A tournament: a schedule, played where its agents live, kept as rows, and reported.

Episodes between device agents run in one compiled program; those with a host agent in watched
worker processes. Rows are written as they come, so that an interrupted tournament, started again,
plays what is missing.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import arenas
from arenas._files import make_folder, write_atomically
from arenas.errors import BadArgument, UnknownName
from arenas.evaluation import payoffs
from arenas.evaluation.formats import csv_text, plain
from arenas.evaluation.lineups import Lineup, Lineups
from arenas.evaluation.population import population_metrics
from arenas.evaluation.schedule import (
    SCHEDULES,
    Field,
    Fixture,
    active,
    round_robin,
    swiss,
    swiss_rounds,
)
from arenas.evaluation.store import Row, Store
from arenas.evaluation.strengths import ELO, Scores, Strengths
from arenas.evaluation.workers import MEMORY
from arenas.rollout import check_seed


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an agent stands by its strength, whomever it met.

    Attributes:
        agent: its name.
        strength: points on Elo's scale above the field's mean, drawn towards it as far as little
            was played (see :mod:`arenas.evaluation.strengths`).
        first: the best place in its 95 % interval, from 1.
        last: the worst.
    """

    agent: str
    strength: float
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class Results:
    """What a tournament shows, computed from rows.

    Attributes:
        settings: everything that names the tournament.
        standings: best first.
        table: the payoff table.
        population: PopReturn, WithinPopExpl and AggScore by agent, for repeated RPS; else None.
        rows: with their fixtures, in the schedule's order.
        missing: how many scheduled episodes have no row yet; of a schedule that looks at results,
            in the round that is being played.
        places: by strength, best first, where the schedule looks at results or stops by them; else
            None.
    """

    settings: dict[str, Any]
    standings: list[payoffs.Standing]
    table: payoffs.PayoffTable
    population: list[dict[str, Any]] | None
    rows: list[tuple[Fixture, Row]]
    missing: int
    places: list[Place] | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``; NaN becomes None."""
        return plain(
            {
                "settings": self.settings,
                "missing_episodes": self.missing,
                "standings": [dataclasses.asdict(s) for s in self.standings],
                "payoff": self.table.as_json(),
                "population": self.population,
                "places": self.places and [dataclasses.asdict(p) for p in self.places],
            }
        )


class Tournament:
    """A schedule of pairs, each in every seating.

    Args:
        env: the environment's id, with arguments if any.
        agents: names, each once.
        episodes: for each seating of each pair.
        seed: from 0 to 2³²−1; with it everything is repeatable, whatever ``jobs``.
        jobs: worker processes for episodes with host agents; default all cores.
        move_timeout: seconds that an agent may take to answer; None for no limit.
        record: keep a replay of the first so many episodes of each seating.
        schedule: ``round-robin``: every pair, self-play included. ``swiss``: agents of like scores
            meet. ``active``: pairs whose episodes say most about places that are uncertain; at
            most as many as a round robin of ``episodes``.
        rounds: of a Swiss tournament; by default about log2 of the number of agents.
        width: stop once every agent's 95 % interval of places spans so many or fewer, last place
            minus first. By default active takes a tenth of the field, and the others do not stop.
        backend: ``local`` processes or a ``ray`` cluster, for episodes with host agents.
        memory: gigabytes that an agent may allocate in its process; None for no limit.

    Raises:
        ArenasError: an unknown environment or agent, a bad argument, or a schedule that asks who
            won in a game where nobody does.

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
        schedule: str = "round-robin",
        rounds: int | None = None,
        width: float | None = None,
        backend: str = "local",
        memory: float | None = MEMORY,
    ) -> None:
        check_seed(seed)
        if schedule not in SCHEDULES:
            raise UnknownName("schedule", schedule, SCHEDULES)
        if episodes < 1:
            raise BadArgument(f"episodes is {episodes}; accepted are integers from 1")
        if rounds is not None and (schedule != "swiss" or rounds < 1):
            raise BadArgument(
                f"rounds is {rounds}; accepted are integers from 1, with the schedule swiss"
            )
        if width is not None and not width >= 0:
            raise BadArgument(f"width is {width}; accepted are numbers of places from 0")
        if record < 0:
            raise BadArgument(f"record is {record}; accepted are integers from 0")
        self.agents, self.record = tuple(agents), record
        self.lineups = Lineups(
            env,
            self.agents,
            jobs=jobs,
            move_timeout=move_timeout,
            backend=backend,
            memory=memory,
        )
        self.env, self.spec = self.lineups.env, self.lineups.spec
        self.env_kwargs = self.lineups.env_kwargs
        self.field = Field(self.agents, self.env.num_agents, seed, self.env.teams)
        if schedule != "round-robin" or width is not None:
            if self.spec.kind in ("cooperative", "single-agent") or self.env.num_agents == 1:
                raise BadArgument(
                    f"{schedule} with places asks who won, and in {self.spec.id} nobody wins "
                    "against another; accepted is round-robin without width"
                )
            if len(self.agents) < 2:
                raise BadArgument("one agent given; places need two or more")
        if schedule == "active" and width is None:
            width = len(self.agents) // 10
        width = None if width is None else float(width)
        if schedule == "swiss" and rounds is None:
            rounds = swiss_rounds(len(self.agents))
        self.schedule, self.episodes, self.rounds, self.width = schedule, episodes, rounds, width
        self.settings = {
            "environment": self.spec.id,
            "arguments": self.env_kwargs,
            "agents": list(self.agents),
            "schedule": schedule,
            "rounds": rounds,
            "width": width,
            "episodes_per_seating": episodes,
            "seed": seed,
            "move_timeout": move_timeout,
            "memory": memory,
            "arenas_version": arenas.__version__,
        }

    @functools.cached_property
    def most(self) -> int:
        """The most episodes that it may take."""
        if self.schedule == "round-robin":
            pairs = self.field.pairs()
            return self.episodes * sum(len(self.field.fixtures(p, 0)) for p in pairs)
        both = len(self.field.fixtures((0, 1), 0))
        n = len(self.agents)
        units = (self.rounds or 0) * (n // 2) if self.schedule == "swiss" else n * (n - 1) // 2
        return self.episodes * units * both

    def missing(self, store: Store) -> list[Fixture]:
        """The scheduled episodes that have no row yet, as far as results tell the schedule."""
        found = self.lineups.found(store)
        return [
            f for fixtures in self._rounds(found) for f in fixtures if self._key(f) not in found
        ]

    def played(self, store: Store) -> list[Fixture]:
        """The scheduled episodes that have a row."""
        found = self.lineups.found(store)
        return [f for fixtures in self._rounds(found) for f in fixtures if self._key(f) in found]

    def play(self, store: Store, progress: Callable[[float], None] | None = None) -> None:
        """Play what is missing, and write it.

        Whatever ends it early, Ctrl-C included, what was played is written first.

        Args:
            store: where the rows are, and go.
            progress: called with numbers of episodes, as they are made.
        """
        found = self.lineups.found(store)
        later = self.schedule != "round-robin"
        with self.lineups.sitting(store, progress, everyone=later) as play:
            for fixtures in self._rounds(found):
                missing = [f for f in fixtures if self._key(f) not in found]
                rows = play([self._lineup(f) for f in missing])
                found.update({(r.agents, r.seed): r for r in rows})

    def _rounds(self, found: dict[Any, Row]) -> Iterator[list[Fixture]]:
        """The schedule's rounds, until one of them has not been played.

        Args:
            found: rows by agents and seed; whoever plays a round adds its rows before the next.
        """
        scores = Scores(len(self.agents))
        for fixtures in self._plan(scores):
            yield fixtures
            if not all(self._key(f) in found for f in fixtures):
                return
            rows = [found[self._key(f)] for f in fixtures]
            scores.add_outcomes(payoffs.outcomes(self.agents, rows))
            stops = self.schedule != "active" and self.width is not None
            if stops and Strengths.of(scores).settled(self.width or 0.0).all():
                return

    def _plan(self, scores: Scores) -> Iterator[list[Fixture]]:
        if self.schedule == "active":
            return active(self.field, self.episodes, self.width or 0.0, scores)
        if self.schedule == "swiss":
            return swiss(self.field, self.episodes, self.rounds or 1, scores)
        every = round_robin(
            self.agents, self.field.seats, self.episodes, self.field.seed, self.field.teams
        )
        if self.width is None:
            return iter([every])  # nothing to wait for between episodes
        by_number = itertools.groupby(every, lambda f: f.index)
        return (list(fixtures) for _, fixtures in by_number)

    def _key(self, fixture: Fixture) -> tuple[tuple[str, ...], int]:
        return self._names(fixture), fixture.seed

    def _lineup(self, fixture: Fixture) -> Lineup:
        return Lineup(self._names(fixture), fixture.seed, fixture.index < self.record)

    def results(self, store: Store) -> Results:
        """Everything that is shown, from the rows of this schedule."""
        found = self.lineups.found(store)
        fixtures = [f for fixtures in self._rounds(found) for f in fixtures]
        rows = [found[self._key(f)] for f in fixtures if self._key(f) in found]
        table = payoffs.payoff_table(self.agents, fixtures, rows)
        played = payoffs.with_rows(self.agents, fixtures, rows)
        lines = payoffs.standings(table, fixtures, rows)
        scores = None
        if self.spec.game == "rrps" and not np.isnan(table.mean).any():
            scores = _population(table)
        places = None
        if self.width is not None or self.schedule != "round-robin":
            places = _places(self.agents, payoffs.outcomes(self.agents, rows))
        missing = len(fixtures) - len(played)
        return Results(self.settings, lines, table, scores, played, missing, places)

    def export(self, results: Results, store: Store, folder: str | os.PathLike[str]) -> list[Path]:
        """Write CSV and JSON files, and the replays that were kept, into a folder.

        Returns:
            The files, without the single replays.
        """
        folder = make_folder(folder)
        files = {
            "results.json": json.dumps(results.as_json(), indent=2) + "\n",
            "standings.csv": csv_text(
                [f.name for f in dataclasses.fields(payoffs.Standing)],
                [dataclasses.astuple(s) for s in results.standings],
            ),
            "payoffs.csv": csv_text(
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
        if results.places is not None:
            files["places.csv"] = csv_text(
                [f.name for f in dataclasses.fields(Place)],
                [dataclasses.astuple(p) for p in results.places],
            )
        if results.population is not None:
            files["population.csv"] = csv_text(
                list(results.population[0]), [list(p.values()) for p in results.population]
            )
        for name, text in files.items():
            write_atomically(folder / name, text)
        if self.record:
            self._export_replays(results, store, make_folder(folder / "replays"))
        return [folder / name for name in files]

    def _episodes_csv(self, results: Results) -> str:
        seats = range(self.env.num_agents)
        return csv_text(
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
                write_atomically(folder / replay_name(row.agents, row.seed), data)

    def _names(self, fixture: Fixture) -> tuple[str, ...]:
        return tuple(self.agents[a] for a in fixture.seats)


def replay_name(agents: Sequence[str], seed: int) -> str:
    """The file in ``replays/`` of an episode between these agents."""
    names = "-vs-".join(re.sub(r"[^\w.=-]+", "_", n) for n in agents)
    return f"{names[:200]}-{seed}.replay"


def _places(agents: Sequence[str], outcomes: payoffs.Outcomes) -> list[Place]:
    scores = Scores(len(agents))
    scores.add_outcomes(outcomes)
    strengths = Strengths.of(scores)
    points = ELO * (strengths.mean - strengths.mean.mean())
    low, high = strengths.places()
    lines = zip(agents, points.tolist(), low.tolist(), high.tolist(), strict=True)
    return sorted((Place(*x) for x in lines), key=lambda p: (-p.strength, p.agent))


def _population(table: payoffs.PayoffTable) -> list[dict[str, Any]]:
    error = None
    if table.count.min() > 1:
        error = np.sqrt(table.variance / table.count)
    return population_metrics(table.mean, error).rows(table.agents)

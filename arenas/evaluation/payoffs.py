"""Payoff tables and standings, from rows.

The unit that is averaged is one episode number of a pairing: the mean over its seatings, which
share a seed and so are no independent draws. Forfeits whose returns are undefined are counted, and
left out of means.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from arenas.evaluation.schedule import Fixture
from arenas.evaluation.store import Row

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class PayoffTable:
    """Mean return of each agent against each other, ``n`` agents.

    Attributes:
        agents: names, in the order of the axes.
        mean: ``[n, n]``, the row agent's mean return against the column agent; NaN where nothing
            was played.
        variance: ``[n, n]``, unbiased, of one episode's return (averaged over the seatings); NaN
            under two episodes.
        count: ``[n, n]``, episodes averaged.
    """

    agents: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    count: np.ndarray

    def half_width(self) -> np.ndarray:
        """``[n, n]``: half of each cell's 95 % interval, by Student's t; NaN where undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            width = stats.t.ppf(0.5 + CONFIDENCE / 2, np.maximum(self.count - 1, 1))
            return np.where(self.count > 1, width * np.sqrt(self.variance / self.count), np.nan)


@dataclasses.dataclass(frozen=True)
class Standing:
    """One agent's line.

    Attributes:
        agent: its name.
        mean: return with or against the others: the mean over the other agents of the cell's mean,
            so that each weighs the same; NaN where nothing was played. An agent alone in the field
            is its own.
        half_width: half of its 95 % interval (Welch–Satterthwaite t); None with under two episodes
            in a cell.
        self_play: mean return with or against itself; NaN where that was not played.
        wins: episodes in which its seats returned more than the other agent's; itself apart.
        draws: as much.
        losses: less.
        forfeits: episodes that it forfeited.
        episodes: episodes that it took part in.
    """

    agent: str
    mean: float
    half_width: float | None
    self_play: float
    wins: int
    draws: int
    losses: int
    forfeits: int
    episodes: int


def payoff_table(
    agents: Sequence[str], fixtures: Sequence[Fixture], rows: Sequence[Row]
) -> PayoffTable:
    """Average the rows of a schedule's fixtures; other rows are left out."""
    samples: dict[tuple[int, int], dict[int, list[float]]] = collections.defaultdict(
        lambda: collections.defaultdict(list)
    )
    for fixture, row in with_rows(agents, fixtures, rows):
        if row.returns is None:
            continue
        for agent, value in _by_agent(fixture, row.returns).items():
            other = fixture.pair[1] if agent == fixture.pair[0] else fixture.pair[0]
            samples[agent, other][fixture.index].append(value)
    n = len(agents)
    mean, variance = np.full((n, n), np.nan), np.full((n, n), np.nan)
    count = np.zeros((n, n), np.int64)
    for cell, by_episode in samples.items():
        values = np.array([np.mean(v) for v in by_episode.values()])
        mean[cell], count[cell] = values.mean(), len(values)
        if len(values) > 1:
            variance[cell] = values.var(ddof=1)
    return PayoffTable(tuple(agents), mean, variance, count)


def standings(
    table: PayoffTable, fixtures: Sequence[Fixture], rows: Sequence[Row]
) -> list[Standing]:
    """Agents by their mean return against the field, best first."""
    tally = {a: collections.Counter() for a in range(len(table.agents))}
    for fixture, row in with_rows(table.agents, fixtures, rows):
        first, second = fixture.pair
        for agent in {first, second}:
            tally[agent]["episodes"] += 1
        if row.forfeit is not None:
            tally[fixture.seats[row.forfeit.seat]]["forfeits"] += 1
        if first == second:
            continue
        if row.forfeit is not None:
            loser = fixture.seats[row.forfeit.seat]
            sign = -1.0 if loser == first else 1.0
        else:
            assert row.returns is not None
            by_agent = _by_agent(fixture, row.returns)
            sign = np.sign(by_agent[first] - by_agent[second])
        for agent, won in ((first, sign), (second, -sign)):
            tally[agent]["wins" if won > 0 else "losses" if won < 0 else "draws"] += 1
    lines = []
    for a, name in enumerate(table.agents):
        cells = _field(table, a)
        lines.append(
            Standing(
                agent=name,
                mean=float(table.mean[a, cells].mean()) if len(cells) else float("nan"),
                half_width=_mean_half_width(table.variance[a, cells], table.count[a, cells]),
                self_play=float(table.mean[a, a]),
                **{k: tally[a][k] for k in ("wins", "draws", "losses", "forfeits", "episodes")},
            )
        )
    return sorted(lines, key=lambda s: (np.isnan(s.mean), -s.mean, s.agent))


def _field(table: PayoffTable, agent: int) -> np.ndarray:
    """Indices of the others that it has played; of itself, where there are no others."""
    played = np.flatnonzero(table.count[agent] > 0)
    others = played[played != agent]
    return others if len(table.agents) > 1 else played


def _mean_half_width(variance: np.ndarray, count: np.ndarray) -> float | None:
    """Half of the interval of a mean of independent cell means."""
    if len(count) == 0 or count.min() < 2:
        return None
    parts = variance / count / len(count) ** 2
    total = float(parts.sum())
    if total == 0:
        return 0.0
    freedom = total**2 / float((parts**2 / (count - 1)).sum())
    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * total**0.5


def _by_agent(fixture: Fixture, returns: Sequence[float]) -> dict[int, float]:
    """Each agent's mean return over the seats that it holds."""
    held: dict[int, list[float]] = collections.defaultdict(list)
    for agent, value in zip(fixture.seats, returns, strict=True):
        held[agent].append(value)
    return {agent: float(np.mean(values)) for agent, values in held.items()}


def with_rows(
    agents: Sequence[str], fixtures: Sequence[Fixture], rows: Sequence[Row]
) -> list[tuple[Fixture, Row]]:
    """The fixtures that have a row, with it, in the schedule's order; other rows are left out."""
    by_key: dict[Any, Row] = {(r.agents, r.seed): r for r in rows}
    found = []
    for fixture in fixtures:
        row = by_key.get((tuple(agents[a] for a in fixture.seats), fixture.seed))
        if row is not None:
            found.append((fixture, row))
    return found

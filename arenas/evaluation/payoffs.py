"""Payoff tables and standings, from rows.

The unit that is averaged is one *paired episode*: the episodes of a pair of agents that share a
seed, one for each seating. They are no independent draws, so their mean counts as one. Forfeits
whose returns are undefined are counted, and left out of means.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from arenas import registry
from arenas.errors import BadFile, BadShape
from arenas.evaluation.schedule import Fixture
from arenas.evaluation.store import Row, Store

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class PayoffTable:
    """Mean return of each agent against each other, ``n`` agents.

    Attributes:
        agents: names, in the order of the axes.
        mean: ``[n, n]``, the row agent's mean return against the column agent; NaN where nothing
            was played.
        variance: ``[n, n]``, unbiased, of one paired episode's return (averaged over its
            seatings); NaN under two of them.
        count: ``[n, n]``, paired episodes averaged.
        unpaired: ``[n, n]``, what ``variance`` would be if every seating had a seed of its own: the
            sum over the K seatings of the variance in each, by K²; NaN where that cannot be told.
            None where it was not asked.
    """

    agents: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    count: np.ndarray
    unpaired: np.ndarray | None = None

    def as_json(self) -> dict[str, Any]:
        """Names and the cells' means, half intervals and numbers of episodes, as lists."""
        return {
            "agents": list(self.agents),
            "mean": self.mean.tolist(),
            "half_width": self.half_width().tolist(),
            "episodes": self.count.tolist(),
        }

    def half_width(self) -> np.ndarray:
        """``[n, n]``: half of each cell's 95 % interval, by Student's t; NaN where undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            width = stats.t.ppf(0.5 + CONFIDENCE / 2, np.maximum(self.count - 1, 1))
            return np.where(self.count > 1, width * np.sqrt(self.variance / self.count), np.nan)

    def standard_error(self) -> np.ndarray:
        """``[n, n]``: of each cell's mean; NaN where undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(self.variance / self.count)

    def variance_cut(self) -> tuple[float, float] | None:
        """How much of the variance the seeds take away that seatings share, and its 95 % interval.

        1 minus the variance of paired episodes, summed over the pairs, by what it would be with a
        seed for every seating. 0.5: half of the episodes give intervals as wide. Negative where
        the agents of a pair share their luck, so that pairing costs.

        Returns:
            The cut, and half of its interval (of a ratio of sums over pairs). None where it
            cannot be told: under two pairs, one seating, or under two paired episodes.
        """
        if self.unpaired is None:
            return None
        told = np.triu(np.isfinite(self.unpaired) & np.isfinite(self.variance), 1)
        paired, apart = ((x + x.T)[told] for x in (self.variance, self.unpaired))
        if len(apart) < 2 or apart.sum() <= 0:
            return None
        ratio = float(paired.sum() / apart.sum())
        spread = float(np.sqrt(((paired - ratio * apart) ** 2).sum() / (1 - 1 / len(apart))))
        half = stats.t.ppf(0.5 + CONFIDENCE / 2, len(apart) - 1) * spread / float(apart.sum())
        return 1 - ratio, float(half)

    def missing(self) -> list[tuple[str, str]]:
        """The pairs of two agents that have no mean."""
        n = len(self.agents)
        return [
            (self.agents[i], self.agents[j])
            for i in range(n)
            for j in range(i + 1, n)
            if np.isnan(self.mean[i, j])
        ]


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """What a field's episodes gave, as arrays: ``R`` of them, in ``U`` paired ones, in ``S`` seats.

    Every table and rating is computed from this, and the bootstrap resamples its paired episodes.

    Attributes:
        agents: names.
        pair: ``[U, 2]``, indices of the two agents, the smaller first; the same twice in self-play.
        unit: ``[R]``, the paired episode that an episode is of.
        holder: ``[R, S]``, who holds each seat: 0 the first agent of the pair, 1 the second.
        returns: ``[R, S]``, by seat; NaN where a forfeit leaves them undefined.
        sign: ``[R]``, 1 where the first agent won (its seats returned more on average, or the other
            forfeited), -1 where it lost, 0 where neither, and in self-play.
        environment: its id, where known.
        arguments: its arguments.
    """

    agents: tuple[str, ...]
    pair: np.ndarray
    unit: np.ndarray
    holder: np.ndarray
    returns: np.ndarray
    sign: np.ndarray
    environment: str | None = None
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_payoffs(
        cls, agents: Sequence[str], pair: Any, payoff: Any, environment: str | None = None
    ) -> Outcomes:
        """From bare numbers: one episode each, in two seats, the higher payoff winning.

        Args:
            agents: names.
            pair: ``[U, 2]``, indices of who played.
            payoff: ``[U, 2]``, what they got.
            environment: its id, where there is one.

        Raises:
            BadShape: the shapes differ.
        """
        pair, payoff = np.asarray(pair, np.int64), np.asarray(payoff, np.float64)
        if pair.ndim != 2 or pair.shape[1] != 2 or payoff.shape != pair.shape:
            raise BadShape(
                f"pair has shape {pair.shape}, payoff {payoff.shape}; accepted is [U, 2] for both"
            )
        swap = pair[:, 0] > pair[:, 1]
        holder = np.where(swap[:, None], [1, 0], [0, 1])
        sign = np.where(swap, -1.0, 1.0) * np.sign(payoff[:, 0] - payoff[:, 1])
        sign[pair[:, 0] == pair[:, 1]] = 0
        unit = np.arange(len(pair))
        return cls(tuple(agents), np.sort(pair, axis=1), unit, holder, payoff, sign, environment)

    @property
    def kind(self) -> str:
        """What the agents are to each other, as :class:`arenas.registry.EnvSpec` has it."""
        if self.environment is None:
            return "unknown"
        return registry.resolve(registry.envs, self.environment)[0].kind

    @functools.cached_property
    def episode_payoff(self) -> np.ndarray:
        """``[R, 2]``: an episode's mean return over the seats of the first, and of the second."""
        mine = [self.holder == which for which in (0, 1)]
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = [(self.returns * m).sum(1) / m.sum(1) for m in mine]
        both = np.stack(sums, axis=1)
        alone = self.pair[self.unit, 0] == self.pair[self.unit, 1]
        return np.where(alone[:, None], self.returns.mean(1, keepdims=True), both)

    @functools.cached_property
    def payoff(self) -> np.ndarray:
        """``[U, 2]``: a paired episode's payoff to the first and to the second, over its seatings.

        NaN where no seating has a defined return.
        """
        return _grouped_mean(self.unit, self.episode_payoff, len(self.pair))

    @functools.cached_property
    def wins(self) -> np.ndarray:
        """``[U, 2]``: seatings of a paired episode that the first won, and the second."""
        u = len(self.pair)
        return np.stack([np.bincount(self.unit[self.sign == s], minlength=u) for s in (1, -1)], 1)

    @functools.cached_property
    def draws(self) -> np.ndarray:
        """``[U]``: seatings of a paired episode that nobody won; zero in self-play."""
        met = self.pair[self.unit, 0] != self.pair[self.unit, 1]
        return np.bincount(self.unit[met & (self.sign == 0)], minlength=len(self.pair))

    def table(self) -> PayoffTable:
        """The payoff table, with the variance that pairing saves."""
        table = _tabulate(self.agents, self.pair, self.payoff)
        return dataclasses.replace(table, unpaired=self._unpaired())

    def seat_tables(self) -> tuple[PayoffTable, ...]:
        """One table for each seat: the row agent's returns in it, the column agent in others."""
        tables = []
        for seat in range(self.holder.shape[1]):
            value = np.full(self.episode_payoff.shape, np.nan)
            held = self.holder[:, seat]
            value[np.arange(len(held)), held] = self.returns[:, seat]
            tables.append(
                _tabulate(self.agents, self.pair, _grouped_mean(self.unit, value, len(self.pair)))
            )
        return tuple(tables)

    def _unpaired(self) -> np.ndarray:
        """As :class:`PayoffTable` has it, of pairs that have met twice in every seating."""
        n = len(self.agents)
        unpaired = np.full((n, n), np.nan)
        met = self.pair[self.unit, 0] != self.pair[self.unit, 1]
        value = self.episode_payoff[met]
        seating = self.holder[met] @ (1 << np.arange(self.holder.shape[1]))
        keys = np.column_stack([self.pair[self.unit[met]], seating])[~np.isnan(value).any(1)]
        value = value[~np.isnan(value).any(1)]
        groups, group = np.unique(keys, axis=0, return_inverse=True)
        count = np.bincount(group, minlength=len(groups))
        centred = value - _grouped_mean(group, value, len(groups))[group]
        squares = np.stack([np.bincount(group, c**2, len(groups)) for c in centred.T], 1)
        for i, j in np.unique(groups[:, :2], axis=0):
            of = (groups[:, 0] == i) & (groups[:, 1] == j)
            if of.sum() > 1 and count[of].min() > 1:
                each = squares[of] / (count[of, None] - 1)
                unpaired[i, j], unpaired[j, i] = each.sum(0) / len(each) ** 2
        return unpaired


def outcomes(
    agents: Sequence[str],
    rows: Iterable[Row],
    environment: str | None = None,
    arguments: dict[str, Any] | None = None,
) -> Outcomes:
    """Arrange rows as arrays. Rows of other agents, or of three and more, are left out.

    Args:
        agents: names.
        rows: of one environment.
        environment: its id.
        arguments: its arguments.
    """
    place = {name: i for i, name in enumerate(agents)}
    units: dict[tuple[int, int, int], int] = {}
    unit, holder, returns, sign = [], [], [], []
    # In an order of their own, so that nothing depends on who wrote first.
    for row in sorted(rows, key=lambda r: (r.agents, r.seed)):
        if not set(row.agents) <= set(place):
            continue
        held = [place[name] for name in row.agents]
        first, second = min(held), max(held)
        if not set(held) <= {first, second}:
            continue
        unit.append(units.setdefault((first, second, row.seed), len(units)))
        holder.append([int(a != first) for a in held])
        given = row.returns if row.returns is not None else [np.nan] * len(held)
        returns.append(given)
        sign.append(_winner(held, first, second, row))
    seats = len(holder[0]) if holder else 2
    return Outcomes(
        tuple(agents),
        np.array([k[:2] for k in units], np.int64).reshape(-1, 2),
        np.array(unit, np.int64),
        np.array(holder, np.int64).reshape(-1, seats),
        np.array(returns, np.float64).reshape(-1, seats),
        np.array(sign, np.float64),
        environment,
        dict(arguments or {}),
    )


def _winner(held: Sequence[int], first: int, second: int, row: Row) -> float:
    if first == second:
        return 0.0
    if row.forfeit is not None:
        return -1.0 if held[row.forfeit.seat] == first else 1.0
    assert row.returns is not None
    value = [
        np.mean([r for h, r in zip(held, row.returns, strict=True) if h == agent])
        for agent in (first, second)
    ]
    return float(np.sign(value[0] - value[1]))


def _grouped_mean(group: np.ndarray, value: np.ndarray, groups: int) -> np.ndarray:
    """``[groups, 2]``: mean of the rows of ``value`` in each group, NaN left out."""
    sums = np.zeros((groups, 2))
    counts = np.zeros((groups, 2))
    known = ~np.isnan(value)
    np.add.at(sums, group, np.where(known, value, 0))
    np.add.at(counts, group, known)
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / counts


def _tabulate(agents: Sequence[str], pair: np.ndarray, payoff: np.ndarray) -> PayoffTable:
    """Mean, variance and count of each cell; self-play counts once, by the first column."""
    n = len(agents)
    met = pair[:, 0] != pair[:, 1]
    cells = np.concatenate([pair[:, 0] * n + pair[:, 1], (pair[:, 1] * n + pair[:, 0])[met]])
    values = np.concatenate([payoff[:, 0], payoff[met, 1]])
    known = ~np.isnan(values)
    cells, values = cells[known], values[known]
    count = np.bincount(cells, minlength=n * n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(cells, values, n * n) / count
        squares = np.bincount(cells, (values - mean[cells]) ** 2, n * n)
        variance = np.where(count > 1, squares / (count - 1), np.nan)
    return PayoffTable(
        tuple(agents), mean.reshape(n, n), variance.reshape(n, n), count.reshape(n, n)
    )


def load(folder: str | os.PathLike[str], store: str | None = None) -> Outcomes:
    """The episodes that a tournament's folder holds, between the agents of its last run.

    Args:
        folder: as ``arenas tournament --out`` made it.
        store: the database, where the tournament had its own.

    Raises:
        BadFile: not a tournament's folder.
    """
    settings = read_results(folder)["settings"]
    environment, arguments = settings["environment"], settings["arguments"]
    with open_store(folder, store) as rows:
        found = rows.rows(environment, arguments)
    return outcomes(settings["agents"], found, environment, arguments)


def read_results(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What a tournament's ``results.json`` holds, its settings for certain.

    Raises:
        BadFile: not a tournament's folder.
    """
    named = Path(folder) / "results.json"
    try:
        content = json.loads(named.read_text())
        settings = content["settings"]
        for name in ("agents", "environment", "arguments"):
            settings[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile(
            f"{folder} is no tournament's folder: cannot read {named.name} "
            "(arenas tournament ... --out DIR writes it, when it ends or is interrupted)"
        ) from error
    return content


def open_store(folder: str | os.PathLike[str], store: str | None = None) -> Store:
    """The store of a tournament's folder, or its own.

    Raises:
        BadFile: the folder has none.
    """
    database = Path(folder) / "episodes.db"
    if store is None and not database.exists():
        raise BadFile(f"{folder} has no {database.name}; name the tournament's --store")
    return Store(store or os.fspath(database))


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
    return outcomes(agents, [row for _, row in with_rows(agents, fixtures, rows)]).table()


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

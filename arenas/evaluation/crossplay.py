"""Cooperation with others: self-play, cross-play, the gap between them, and held-out partners.

Agents that were trained together agree on conventions that others do not share, so the score in
self-play says little about a new partner. *Cross-play* pairs agents of independent training runs
(Hu et al. 2020, "Other-Play for Zero-Shot Coordination", arXiv 2003.02979); *held-out partners* are
agents of another kind, which nobody trained with (ad-hoc teamwork, Stone et al. 2010).

What is inferred is about training runs like these, so the agents are the sample: intervals are by
the jackknife over agents, to which the error of finitely many episodes is added.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy import stats

import arenas
from arenas._files import make_folder, write_atomically
from arenas.errors import BadArgument
from arenas.evaluation.formats import csv_text, plain
from arenas.evaluation.lineups import Lineup, Lineups, side_means
from arenas.evaluation.schedule import episode_seed, seatings
from arenas.evaluation.store import Store
from arenas.rollout import check_seed

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Score:
    """A mean over agents.

    Attributes:
        mean: the mean.
        low: lower end of its 95 % interval; None with too few agents for one.
        high: its upper end.
    """

    mean: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Partner:
    """How well the agents do with one held-out partner.

    Attributes:
        name: of the partner.
        scores: mean return with each agent, ``[n]``.
        score: over the agents.
        by_seat: in games of two seats, ``scores`` by the name of the partner's seat; else empty.
    """

    name: str
    scores: tuple[float, ...]
    score: Score
    by_seat: dict[str, tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class CrossPlay:
    """What agents make together.

    Attributes:
        settings: everything that names it.
        agents: names, in the order of the axes; of independent training runs.
        matrix: ``[n, n]``, mean return of all seats. With two seats the row's agent holds the first
            one, the column's the second; with more, the mean over all ways to share them.
        self_play: mean of the diagonal.
        cross_play: mean of the rest; None with one agent.
        gap: self-play minus cross-play.
        partners: held-out ones, each with every agent, in every seating.
        with_partners: the agents' mean score over all held-out partners, who are taken as given.
        episodes: numbers of episodes averaged in each cell.
        left_out: numbers of episodes in which somebody forfeited without returns.
    """

    settings: dict[str, Any]
    agents: tuple[str, ...]
    matrix: np.ndarray
    self_play: Score
    cross_play: Score | None
    gap: Score | None
    partners: tuple[Partner, ...]
    with_partners: Score | None
    episodes: int
    left_out: int

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``."""
        return plain({**dataclasses.asdict(self), "matrix": self.matrix.tolist()})


def jackknife(
    statistic: Callable[[np.ndarray], np.ndarray], agents: int, *, least: int = 2
) -> Score:
    """A statistic over agents and episodes, with its interval.

    The variance is the jackknife's over agents (Efron and Stein 1981; consistent for means over
    pairs, as cross-play is) plus that of the mean over episodes, which all agents share; Student's
    t with ``agents − 1`` degrees of freedom. The sum counts what agents and episodes have in common
    twice: the interval is rather too wide.

    Args:
        statistic: of the indices of the agents that are kept, ``[E]``, its value in each episode.
        agents: how many there are.
        least: how few of them have an interval.
    """
    everyone = np.arange(agents)
    by_episode = statistic(everyone)
    mean = float(by_episode.mean())
    if agents < least:
        return Score(mean, None, None)
    without = np.array([statistic(np.delete(everyone, i)).mean() for i in everyone])
    variance = (agents - 1) / agents * ((without - without.mean()) ** 2).sum()
    if len(by_episode) > 1:
        variance += by_episode.var(ddof=1) / len(by_episode)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, agents - 1)) * float(variance) ** 0.5
    return Score(mean, mean - half, mean + half)


def scores(
    values: Float64[np.ndarray, "n n episodes"],
) -> tuple[Score, Score | None, Score | None]:
    """Self-play, cross-play and the gap, with intervals: of two agents for the first, three else.

    Args:
        values: the return of row's and column's agent together in each episode.
    """
    n = len(values)

    def self_play(kept: np.ndarray) -> np.ndarray:
        return values[kept, kept].mean(axis=0)

    def cross_play(kept: np.ndarray) -> np.ndarray:
        some = values[np.ix_(kept, kept)]
        return some[~np.eye(len(kept), dtype=bool)].mean(axis=0)

    own = jackknife(self_play, n)
    if n < 2:
        return own, None, None
    return (
        own,
        jackknife(cross_play, n, least=3),
        jackknife(lambda kept: self_play(kept) - cross_play(kept), n, least=3),
    )


class CrossPlayMatches:
    """Every agent with itself, with every other and with every held-out partner, on the same seeds.

    Args:
        env: the environment's id; its seats score together.
        agents: names, each once: of independent training runs.
        partners: held-out ones, none of them among the agents.
        episodes: in each seating.
        seed: the same seed gives the same result.
        jobs: worker processes for agents that run on the host; default all cores.
        move_timeout: seconds that an agent may take to answer; None for no limit.

    Raises:
        BadArgument: the game has one seat, or is competitive; a name twice.
    """

    def __init__(
        self,
        env: str,
        agents: Sequence[str],
        partners: Sequence[str] = (),
        *,
        episodes: int = 100,
        seed: int = 0,
        jobs: int | None = None,
        move_timeout: float | None = 60.0,
    ) -> None:
        check_seed(seed)
        if episodes < 1:
            raise BadArgument(f"episodes is {episodes}; accepted are integers from 1")
        names = [*agents, *partners]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice or not agents:
            what = f"{', '.join(twice)} named twice" if twice else "no agents are named"
            raise BadArgument(f"{what}; accepted are one or more, each once")
        self.field = Lineups(env, names, jobs=jobs, move_timeout=move_timeout)
        self.agents, self.partners, self.episodes = tuple(agents), tuple(partners), episodes
        game, kind = self.field.env, self.field.spec.kind
        if game.num_agents < 2:
            raise BadArgument(f"{game!r} has one seat: there is nobody to cooperate with")
        if kind == "competitive":
            raise BadArgument(
                f"{game!r} is competitive, where nothing is scored together; see arenas tournament"
            )
        self.ordered = game.num_agents == 2
        n = len(agents)
        pairs = [(i, j) for i in range(n) for j in range(n)]
        pairs += [(i, n + p) for i in range(n) for p in range(len(partners))]
        self._seatings = {pair: self._ways(*pair) for pair in pairs}
        seeds = [episode_seed(seed, ("", ""), e) for e in range(episodes)]
        unique = list(dict.fromkeys(w for ways in self._seatings.values() for w in ways))
        self.lineups = {
            way: [Lineup(tuple(names[a] for a in way), s, record=s == seeds[0]) for s in seeds]
            for way in unique
        }
        self.settings = {
            "environment": env,
            "agents": list(agents),
            "partners": list(partners),
            "episodes_per_seating": episodes,
            "seed": seed,
            "arenas_version": arenas.__version__,
        }

    def _ways(self, first: int, second: int) -> list[tuple[int, ...]]:
        """The seatings of a cell; of two agents in two seats, the one way that it stands for."""
        if self.ordered and second < len(self.agents):
            return [(first, second)]
        game = self.field.env
        low, high = sorted((first, second))
        return seatings(low, high, game.num_agents, game.teams)

    @property
    def total(self) -> int:
        """Number of episodes in all."""
        return len(self.lineups) * self.episodes

    def missing(self, store: Store) -> int:
        """How many of them have no row yet."""
        every = [x for xs in self.lineups.values() for x in xs]
        return sum(row is None for row in self.field.rows(every, store))

    def play(self, store: Store, progress: Callable[[float], None] | None = None) -> None:
        """Play what is missing; interrupted, what was played is written first."""
        every = [x for xs in self.lineups.values() for x in xs]
        self.field.play(every, store, progress)

    def results(self, store: Store) -> CrossPlay:
        """The scores, from the rows.

        Raises:
            BadArgument: no episode was played in all seatings.
        """
        every = [x for xs in self.lineups.values() for x in xs]
        rows = self.field.rows(every, store)
        everybody = list(range(self.field.env.num_agents))
        returns = side_means(rows, everybody).reshape(len(self.lineups), self.episodes)
        played = np.array([r is not None for r in rows]).reshape(returns.shape).all(axis=0)
        whole = np.isfinite(returns).all(axis=0)
        if not whole.any():
            raise BadArgument("no episode was played to its end in all seatings: nothing to score")
        place = {way: i for i, way in enumerate(self.lineups)}
        n = len(self.agents)

        def cell(pair: tuple[int, int], partner_in: int | None = None) -> np.ndarray:
            ways = self._seatings[pair]
            if partner_in is not None:
                ways = [w for w in ways if w[partner_in] == pair[1]]
            return returns[[place[w] for w in ways]][:, whole].mean(axis=0)

        values = np.array([[cell((i, j)) for j in range(n)] for i in range(n)])
        own, cross, gap = scores(values)
        partners, together = [], None
        if self.partners:
            held_out = np.array(
                [[cell((i, n + p)) for p in range(len(self.partners))] for i in range(n)]
            )
            for p, name in enumerate(self.partners):
                score = jackknife(lambda kept, p=p: held_out[kept, p].mean(axis=0), n)
                each = tuple(float(x) for x in held_out[:, p].mean(axis=1))
                seats: tuple[str, ...] = self.field.env.agents if self.ordered else ()
                by_seat = {
                    seat: tuple(float(cell((i, n + p), number).mean()) for i in range(n))
                    for number, seat in enumerate(seats)
                }
                partners.append(Partner(name, each, score, by_seat))
            together = jackknife(lambda kept: held_out[kept].mean(axis=(0, 1)), n)
        return CrossPlay(
            settings=self.settings,
            agents=self.agents,
            matrix=values.mean(axis=2),
            self_play=own,
            cross_play=cross,
            gap=gap,
            partners=tuple(partners),
            with_partners=together,
            episodes=int(whole.sum()),
            left_out=int((played & ~whole).sum()),
        )

    def export(
        self, results: CrossPlay, store: Store, folder: str | os.PathLike[str]
    ) -> list[Path]:
        """Write ``crossplay.json``, ``crossplay.csv``, ``partners.csv`` and, of the first episode
        in each seating, ``replays/``.

        Returns:
            The files, without the single replays.
        """
        place = make_folder(folder)
        files = {
            "crossplay.json": json.dumps(results.as_json(), indent=2) + "\n",
            "crossplay.csv": csv_text(
                ["agent", *self.agents],
                [[a, *row] for a, row in zip(self.agents, results.matrix.tolist(), strict=True)],
            ),
        }
        if results.partners:
            files["partners.csv"] = csv_text(
                ["partner", "seat", *self.agents],
                [
                    [p.name, seat, *with_each]
                    for p in results.partners
                    for seat, with_each in ((None, p.scores), *p.by_seat.items())
                ],
            )
        for name, text in files.items():
            write_atomically(place / name, text)
        replays = make_folder(place / "replays")
        names = [*self.agents, *self.partners]
        numbered = {name: f"{i}" for i, name in enumerate(names)}
        for way, lineups in self.lineups.items():
            data = self.field.replay(lineups[0], store)
            if data is not None:
                seats = "-".join(numbered[names[a]] for a in way)
                write_atomically(replays / f"agents-{seats}.replay", data)
        return [place / name for name in files]

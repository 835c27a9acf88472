"""Who plays whom: pairings, seatings and the seed of every episode.

A schedule comes in rounds. Round robin knows them beforehand; Swiss and active look at the scores
of the rounds before. The same scores give the same rounds, so that a tournament that was
interrupted finds its way again from its rows.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from arenas.errors import BadArgument

if TYPE_CHECKING:
    from arenas.evaluation.strengths import Scores

SCHEDULES = ("round-robin", "swiss", "active")

REMATCH = 1e6
"""What a second meeting weighs against a difference of one point, squared, in a Swiss pairing."""

EXHAUSTIVE_SEATS = 4
"""Up to this many seats a pair plays every way to share them."""


@dataclasses.dataclass(frozen=True)
class Fixture:
    """One episode to play.

    Attributes:
        pair: indices of the two agents, the smaller first; the same twice for self-play.
        seats: index of the agent in each seat.
        index: number of the episode in its pairing, from 0.
        seed: of the episode; the same in every seating of the pair, so that luck of the start
            falls to both.
    """

    pair: tuple[int, int]
    seats: tuple[int, ...]
    index: int
    seed: int


def seatings(
    first: int, second: int, seats: int, teams: Sequence[int] | None = None
) -> list[tuple[int, ...]]:
    """Every way for two agents to share the seats, both sitting somewhere.

    With more than four seats: one of them in one seat and the other in all others, for each seat
    and both ways around, as in ad-hoc teamwork. Alone (``first == second``): in all seats.

    With ``teams``, the team of each seat, it is teams that are shared so.
    """
    if teams is not None:
        return [tuple(held[t] for t in teams) for held in seatings(first, second, max(teams) + 1)]
    if first == second or seats == 1:
        return [(first,) * seats]
    if seats <= EXHAUSTIVE_SEATS:
        every = itertools.product((first, second), repeat=seats)
        return [s for s in every if len(set(s)) == 2]
    alone = []
    for one, rest in ((first, second), (second, first)):
        alone += [tuple(one if i == s else rest for i in range(seats)) for s in range(seats)]
    return alone


@dataclasses.dataclass(frozen=True)
class Field:
    """Who takes part, and how a pair shares the seats.

    An episode's seed depends on the tournament's, on the pair's names and on its number alone:
    another schedule, more agents or more episodes leave it as it was.

    Attributes:
        agents: names, each once.
        seats: of the environment.
        seed: of the tournament.
        teams: the team of each seat, where an agent holds whole teams.

    Raises:
        BadArgument: no agents, or an agent twice.
    """

    agents: tuple[str, ...]
    seats: int
    seed: int
    teams: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if not self.agents:
            raise BadArgument("no agents given; accepted are one or more")
        twice = sorted(a for a, n in collections.Counter(self.agents).items() if n > 1)
        if twice:
            raise BadArgument(
                f"agents named twice: {', '.join(twice)}; an agent meets itself without that"
            )

    def pairs(self) -> list[tuple[int, int]]:
        """Every pair, self-play included; with one seat every agent plays by itself."""
        if self.seats == 1:
            return [(i, i) for i in range(len(self.agents))]
        return list(itertools.combinations_with_replacement(range(len(self.agents)), 2))

    def fixtures(self, pair: tuple[int, int], index: int) -> list[Fixture]:
        """A pairing's episode of this number, in every seating."""
        seed = episode_seed(self.seed, (self.agents[pair[0]], self.agents[pair[1]]), index)
        shared = seatings(*pair, self.seats, self.teams)
        return [Fixture(pair, seats, index, seed) for seats in shared]


def round_robin(
    agents: Sequence[str],
    seats: int,
    episodes: int,
    seed: int,
    teams: Sequence[int] | None = None,
) -> list[Fixture]:
    """Every pair, self-play included, in every seating, ``episodes`` times.

    Episodes come round by round, so that whatever part of them was played is nearly balanced.

    Args:
        agents: names, each once.
        seats: of the environment. With one seat every agent plays by itself.
        episodes: for each seating.
        seed: of the tournament.
        teams: the team of each seat, where an agent holds whole teams.

    Raises:
        BadArgument: no agents, an agent twice, or no episodes.
    """
    field = Field(tuple(agents), seats, seed, teams)
    if episodes < 1:
        raise BadArgument(f"episodes is {episodes}; accepted are integers from 1")
    return [f for e in range(episodes) for pair in field.pairs() for f in field.fixtures(pair, e)]


def swiss_rounds(agents: int) -> int:
    """As many rounds as leave one agent of so many unbeaten, if the better always won."""
    return max(1, math.ceil(math.log2(max(2, agents))))


def swiss(field: Field, episodes: int, rounds: int, scores: Scores) -> Iterator[list[Fixture]]:
    """Rounds in which agents of like points meet, and no pair again while that can be avoided.

    In each round every agent plays one other, ``episodes`` times in every seating, for one point
    at most; of an odd field one of the last sits out, another each time, and gets the point. Who
    meets whom is a matching of least cost, as in Sauer, Cseh and Lenzner (2024), "Improving ranking
    quality and fairness in Swiss-system chess tournaments": the squared differences of points, and
    far above that what a rematch costs. Among equals the tournament's seed decides.

    Args:
        field: two agents or more.
        episodes: of a pair in each seating, in a round.
        rounds: how many.
        scores: of the rounds before; whoever plays a round adds its scores before the next.
    """
    n = len(field.agents)
    lots = _lots(field)
    byes = np.zeros(n)
    for _ in range(rounds):
        points = scores.won.sum(1) / episodes + byes
        cost = REMATCH * scores.count + (points[:, None] - points[None, :]) ** 2 + 1e-6 * lots
        inside = list(range(n))
        if n % 2:
            out = min(inside, key=lambda a: (byes[a], points[a], lots[a].sum()))
            byes[out] += 1.0
            inside.remove(out)
        found = matching(-cost[np.ix_(inside, inside)])
        pairs = [(inside[i], inside[j]) for i, j in found]
        met = [int(scores.count[p]) for p in pairs]
        yield [
            f
            for e in range(episodes)
            for p, before in zip(pairs, met, strict=True)
            for f in field.fixtures(p, before + e)
        ]


def active(field: Field, episodes: int, width: float, scores: Scores) -> Iterator[list[Fixture]]:
    """Rounds that go where places are still uncertain, until no agent's is.

    The pairs that promise most information about the strengths play next, once in every seating:
    the expected gain by which Glickman and Jensen (2005), "Adaptive paired comparison design", and
    Li et al. (2018), "Hybrid-MST: a hybrid active sampling strategy for pairwise preference
    aggregation", choose pairs (:meth:`Strengths.information_gain`). It is greatest between agents
    of like strength that are little known. A round is a matching, so that no agent plays twice on
    the same knowledge; Li et al. take a spanning tree, which in trials needed more episodes for
    the same ranking. An agent whose place is known (its interval spans ``width`` places or fewer)
    plays only where it teaches about others.

    Args:
        field: two agents or more.
        episodes: of each pair and seating in a round robin; no more than that are played in all,
            since equal agents would be compared for ever.
        width: of an agent's 95 % interval of places, last place minus first, at which it is known.
        scores: of the rounds before; whoever plays a round adds its scores before the next.
    """
    from arenas.evaluation.strengths import Strengths  # statistics: workers do without

    n = len(field.agents)
    lots = _lots(field)
    most = episodes * n * (n - 1) // 2
    known = None
    units = 0
    while units < most:
        known = Strengths.of(scores, None if known is None else known.mean)
        settled = known.settled(width)
        gain = known.information_gain() * (1.0 + 1e-6 * lots)
        gain[np.ix_(settled, settled)] = 0.0
        inside = np.arange(n)
        if n % 2:
            inside = np.delete(inside, np.argmin(gain.max(1)))
        found = matching(gain[np.ix_(inside, inside)])
        pairs = [(int(inside[i]), int(inside[j])) for i, j in found]
        pairs = [p for p in pairs if gain[p] > 0.0][: most - units]
        if not pairs:
            return
        units += len(pairs)
        yield [f for p in pairs for f in field.fixtures(p, int(scores.count[p]))]


def matching(weight: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of everyone, of great weight in all.

    The heaviest pairs first, then partners exchanged between two pairs while that adds weight: for
    four the most there is, for more close to it, in a hundredth of the time of Edmonds' algorithm.

    Args:
        weight: ``[n, n]``, symmetric, ``n`` even.

    Returns:
        Pairs ``(i, j)``, ``i < j``, in order.
    """
    n = len(weight)
    first, second = np.triu_indices(n, 1)
    free = np.ones(n, bool)
    pairs = []
    for k in np.argsort(-weight[first, second], kind="stable"):
        i, j = first[k], second[k]
        if free[i] and free[j]:
            free[i] = free[j] = False
            pairs.append((i, j))
    a, b = np.array(pairs, int).reshape(-1, 2).T
    while len(pairs) > 1:
        now = weight[a, b][:, None] + weight[a, b][None, :]
        cross = weight[np.ix_(a, a)] + weight[np.ix_(b, b)] - now
        swap = weight[np.ix_(a, b)] + weight[np.ix_(b, a)] - now
        better = np.triu(np.maximum(cross, swap), 1)
        ps, qs = np.nonzero(better > 1e-12 * np.maximum(1.0, np.abs(now)))
        touched = np.zeros(len(pairs), bool)
        for k in np.argsort(-better[ps, qs], kind="stable"):
            p, q = ps[k], qs[k]
            if touched[p] or touched[q]:
                continue
            touched[p] = touched[q] = True
            if cross[p, q] >= swap[p, q]:
                b[p], a[q] = a[q], b[p]
            else:
                b[p], b[q] = b[q], b[p]
        if not touched.any():
            break
    return sorted((int(min(i, j)), int(max(i, j))) for i, j in zip(a, b, strict=True))


def _lots(field: Field) -> np.ndarray:
    """``[n, n]``, symmetric, from 0 to 1: decides among equals, whatever the agents' order."""
    n = len(field.agents)
    drawn = np.random.default_rng(field.seed).random((n, n))
    order = np.argsort(np.argsort(np.array(field.agents)))
    return ((drawn + drawn.T) / 2.0)[np.ix_(order, order)]


def episode_seed(seed: int, pair: tuple[str, str], index: int) -> int:
    """The seed of a pair's episode: different for each index, and for other pairs (by a hash)."""
    text = "\0".join([str(seed), *sorted(pair)])
    start = int.from_bytes(hashlib.blake2s(text.encode(), digest_size=4).digest(), "little")
    return (start + index * 0x9E3779B1) % 2**32  # an odd factor: no index repeats a seed

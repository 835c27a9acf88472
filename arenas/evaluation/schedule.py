"""Who plays whom: pairings, seatings and the seed of every episode."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Sequence

from arenas.errors import BadArgument

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


def round_robin(
    agents: Sequence[str],
    seats: int,
    episodes: int,
    seed: int,
    teams: Sequence[int] | None = None,
) -> list[Fixture]:
    """Every pair, self-play included, in every seating, ``episodes`` times.

    Episodes come round by round, so that whatever part of them was played is nearly balanced. An
    episode's seed depends on the tournament's, on the pair's names and on its number alone: more
    agents or more episodes leave it as it was.

    Args:
        agents: names, each once.
        seats: of the environment. With one seat every agent plays by itself.
        episodes: for each seating.
        seed: of the tournament.
        teams: the team of each seat, where an agent holds whole teams.

    Raises:
        BadArgument: no agents, an agent twice, or no episodes.
    """
    if not agents:
        raise BadArgument("no agents given; accepted are one or more")
    twice = sorted({a for a in agents if list(agents).count(a) > 1})
    if twice:
        raise BadArgument(
            f"agents named twice: {', '.join(twice)}; an agent meets itself without that"
        )
    if episodes < 1:
        raise BadArgument(f"episodes is {episodes}; accepted are integers from 1")
    pairs = list(itertools.combinations_with_replacement(range(len(agents)), 2))
    if seats == 1:
        pairs = [(i, i) for i in range(len(agents))]
    return [
        Fixture((i, j), s, e, episode_seed(seed, (agents[i], agents[j]), e))
        for e in range(episodes)
        for i, j in pairs
        for s in seatings(i, j, seats, teams)
    ]


def episode_seed(seed: int, pair: tuple[str, str], index: int) -> int:
    """The seed of a pair's episode: different for each index, and for other pairs (by a hash)."""
    text = "\0".join([str(seed), *sorted(pair)])
    start = int.from_bytes(hashlib.blake2s(text.encode(), digest_size=4).digest(), "little")
    return (start + index * 0x9E3779B1) % 2**32  # an odd factor: no index repeats a seed

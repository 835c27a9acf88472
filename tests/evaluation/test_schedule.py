import collections
import itertools

import networkx
import numpy as np
import pytest
from scipy import special, stats

from arenas.errors import BadArgument
from arenas.evaluation.schedule import (
    Field,
    active,
    episode_seed,
    matching,
    round_robin,
    seatings,
    swiss,
    swiss_rounds,
)
from arenas.evaluation.strengths import ELO, Scores, Strengths


def test_every_pair_meets_in_every_seating_and_itself_once():
    fixtures = round_robin(["a", "b", "c"], seats=2, episodes=2, seed=0)
    met = collections.Counter(f.seats for f in fixtures)
    assert met == dict.fromkeys(itertools.product(range(3), repeat=2), 2)


def test_one_seat_means_everyone_plays_alone():
    assert [f.seats for f in round_robin(["a", "b"], 1, 1, 0)] == [(0,), (1,)]


def test_three_seats_are_shared_in_every_way_that_seats_both():
    assert set(seatings(0, 1, 3)) == set(itertools.product((0, 1), repeat=3)) - {
        (0, 0, 0),
        (1, 1, 1),
    }


def test_many_seats_are_shared_as_one_among_the_others():
    shared = seatings(3, 8, 6)
    assert len(shared) == len(set(shared)) == 12
    assert all(sorted(collections.Counter(s).values()) == [1, 5] for s in shared)


def test_in_a_game_of_teams_an_agent_holds_whole_teams():
    assert seatings(3, 8, 5, teams=(0, 0, 1, 1, 1)) == [(3, 3, 8, 8, 8), (8, 8, 3, 3, 3)]
    assert seatings(3, 3, 5, teams=(0, 0, 1, 1, 1)) == [(3, 3, 3, 3, 3)]
    met = [f.seats for f in round_robin(["a", "b"], 3, 1, 0, teams=(0, 1, 1))]
    assert sorted(met) == [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1)]


def test_both_seatings_of_a_pair_share_the_seed_and_other_pairs_do_not():
    seeds = collections.defaultdict(set)
    for f in round_robin(["a", "b", "c"], 2, 1, 0):
        seeds[f.pair].add(f.seed)
    assert all(len(s) == 1 for s in seeds.values())
    assert len(set.union(*seeds.values())) == len(seeds)


def test_more_episodes_and_more_agents_leave_the_seeds_as_they_were():
    few = round_robin(["a", "b"], 2, 2, 5)
    many = round_robin(["c", "b", "a"], 2, 4, 5)

    def named(fixtures, names):
        return {(tuple(names[a] for a in f.seats), f.index): f.seed for f in fixtures}

    few, many = named(few, "ab"), named(many, "cba")
    assert few.items() <= many.items()


def test_no_seed_comes_twice_in_a_pairing():
    assert len({episode_seed(1, ("a", "b"), i) for i in range(20_000)}) == 20_000


@pytest.mark.parametrize(
    ("agents", "episodes", "message"),
    [
        ([], 1, "no agents"),
        (["a", "b", "a"], 1, "named twice: a"),
        (["a"], 0, "episodes is 0"),
        (["a"], -3, "episodes is -3"),
    ],
)
def test_impossible_tournaments_are_refused(agents, episodes, message):
    with pytest.raises(BadArgument, match=message):
        round_robin(agents, 2, episodes, 0)


def field(n, seed=0, prefix="agent-"):
    return Field(tuple(f"{prefix}{i}" for i in range(n)), 2, seed)


def play(scores, fixtures, chance):
    """Add a round: ``chance(i, j, seatings)`` gives what i takes from j, from 0 to 1."""
    units = collections.Counter((f.pair, f.index) for f in fixtures)
    score = [chance(*pair, seatings) for (pair, _), seatings in units.items()]
    scores.add(np.array([pair for pair, _ in units]), np.array(score, float))
    return {pair for pair, _ in units}


def the_lower_number_wins(i, j, _):
    return 1.0 if i < j else 0.0


@pytest.mark.parametrize("n", [2, 4, 6, 10, 30])
def test_a_matching_weighs_nearly_as_much_as_edmonds_algorithm_finds(n):
    for seed in range(5):
        weight = np.random.default_rng(seed).random((n, n))
        weight = weight + weight.T
        found = matching(weight)
        assert sorted(a for pair in found for a in pair) == list(range(n))
        graph = networkx.Graph()
        graph.add_weighted_edges_from((i, j, weight[i, j]) for i in range(n) for j in range(i))
        best = networkx.max_weight_matching(graph, maxcardinality=True)
        share = sum(weight[p] for p in found) / sum(weight[p] for p in best)
        assert share > (1 - 1e-9 if n <= 4 else 0.85)


@pytest.mark.parametrize("n", [8, 11])
def test_swiss_rounds_pair_everyone_with_like_points_and_no_pair_twice(n):
    scores, met, sat_out = Scores(n), set(), []
    for fixtures in swiss(field(n), 2, 3, scores):
        pairs = {f.pair for f in fixtures}
        assert all(len({f.seats for f in fixtures if f.pair == p}) == 2 for p in pairs)
        assert len(fixtures) == 2 * 2 * (n // 2)  # twice in both seatings
        inside = [a for p in pairs for a in p]
        assert len(inside) == len(set(inside)) == n - n % 2
        sat_out += sorted(set(range(n)) - set(inside))
        if n % 2 == 0:
            points = scores.won.sum(1) / 2
            assert all(points[i] == points[j] for i, j in pairs)
        assert not met & pairs
        met |= play(scores, fixtures, the_lower_number_wins)
    assert len(set(sat_out)) == len(sat_out) == 3 * (n % 2)


def test_swiss_finds_who_always_wins_in_as_many_rounds_as_it_takes():
    assert [swiss_rounds(n) for n in (2, 3, 8, 9, 200)] == [1, 2, 3, 4, 8]
    scores = Scores(16)
    for fixtures in swiss(field(16), 1, swiss_rounds(16), scores):
        play(scores, fixtures, the_lower_number_wins)
    assert np.flatnonzero(scores.won.sum(1) == 4).tolist() == [0]


def test_swiss_pairs_by_name_and_seed_and_not_by_order():
    def first_round(names, seed):
        one = Field(tuple(names), 2, seed)
        fixtures = next(swiss(one, 1, 1, Scores(len(names))))
        return {frozenset(names[a] for a in f.pair) for f in fixtures}

    names = list("abcdefgh")
    assert first_round(names, 0) == first_round(names[::-1], 0) != first_round(names, 1)


def test_active_stops_where_places_are_known_and_never_beyond_a_round_robin():
    scores = Scores(7)
    units = 0
    for fixtures in active(field(7), 40, 0.0, scores):
        units += len(play(scores, fixtures, the_lower_number_wins))
    assert Strengths.of(scores).settled(0.0).all()
    assert units < 40 * 21
    scores = Scores(5)
    for fixtures in active(field(5), 3, 0.0, scores):  # equals: no place is ever known
        play(scores, fixtures, lambda i, j, _: 0.5)
    assert scores.count.sum() / 2 == 3 * 10


def test_active_compares_neighbours_more_than_others():
    """Two pairs of near equals, far apart: a round robin gives them a third of the episodes."""
    strengths = np.array([0.0, 0.1, 3.0, 3.1])
    rng = np.random.default_rng(0)
    scores = Scores(4)
    for fixtures in itertools.islice(active(field(4), 50, 0.0, scores), 60):
        play(
            scores,
            fixtures,
            lambda i, j, n: rng.binomial(n, special.expit(strengths[i] - strengths[j])) / n,
        )
    assert scores.count[0, 1] + scores.count[2, 3] > 0.5 * scores.count.sum() / 2


def test_seeds_of_a_pairs_episodes_are_the_same_in_every_schedule():
    every = {(f.seats, f.index): f.seed for f in round_robin(field(4).agents, 2, 9, 0)}
    for plan in (swiss, active):
        scores = Scores(4)
        rounds = plan(field(4), 9, 2 if plan is swiss else 0.0, scores)
        for fixtures in itertools.islice(rounds, 2):
            assert all(every[f.seats, f.index] == f.seed for f in fixtures)
            play(scores, fixtures, the_lower_number_wins)


@pytest.mark.slow
def test_active_ranks_a_wide_field_of_200_as_well_as_a_round_robin_with_a_fifth_of_the_episodes():
    """Strengths over 7,000 points of Elo, as from a random to a trained agent.

    Fields that are narrower have less to save: docs/results/schedules.md.
    """
    rng = np.random.default_rng(0)
    strengths = rng.uniform(0, 7000, 200) / ELO

    def chance(i, j, n):
        return rng.binomial(n, special.expit(strengths[i] - strengths[j])) / n

    def error(found):
        return (1 - stats.kendalltau(strengths, found).statistic) / 2

    full = Scores(200)
    fixtures = [f for f in round_robin(field(200).agents, 2, 1, 0) if f.pair[0] != f.pair[1]]
    play(full, fixtures, chance)
    scores = Scores(200)
    played = 0
    for batch in active(field(200), 1, -1.0, scores):
        if played + len(batch) > len(fixtures) / 5:
            break
        play(scores, batch, chance)
        played += len(batch)
    assert error(Strengths.of(scores).mean) <= error(full.won.sum(1)) < 0.02

import collections
import itertools

import pytest

from arenas.errors import BadArgument
from arenas.evaluation.schedule import episode_seed, round_robin, seatings


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

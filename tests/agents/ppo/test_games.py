"""Who holds which seat: counted by hand."""

import jax
import numpy as np
import pytest
from toys import Nim, Race

import arenas
from arenas.agents.ppo.games import Seating, load_opponents
from arenas.errors import BadArgument, UnknownName

PAIR = load_opponents(arenas.make("rrps-v0"), ["rrps/rock", "rrps/copy"])


def test_copies_are_shared_out_evenly_by_opponent_and_side_and_the_rest_is_self_play():
    seating = Seating(Nim(), 20, PAIR, self_play=0.2)
    met = [
        (int(p), *map(int, learns))
        for p, learns in zip(seating.opponent_of, seating.learns, strict=True)
    ]
    counts = {x: met.count(x) for x in set(met)}
    assert counts == {(0, 1, 0): 4, (0, 0, 1): 4, (1, 1, 0): 4, (1, 0, 1): 4, (2, 1, 1): 4}


def test_every_seat_of_every_copy_has_one_holder():
    for sharing in ("shared", "teams", "separate"):
        seating = Seating(Race(), 13, PAIR, self_play=0.3, sharing=sharing)
        held = np.concatenate([*seating.rows, *seating.held])
        np.testing.assert_array_equal(np.sort(held), np.arange(13 * 3))
        for p, rows in enumerate(seating.held):
            assert set(seating.opponent_of[rows // 3]) == {p}
            assert not seating.learns.reshape(-1)[rows].any()


def test_without_opponents_learners_hold_all():
    seating = Seating(Race(), 5)
    assert seating.learns.all() and seating.held == ()
    np.testing.assert_array_equal(seating.rows[0], np.arange(15))


def test_a_given_side_is_the_only_one_taken():
    seating = Seating(Nim(), 6, PAIR, sides=(1,))
    np.testing.assert_array_equal(seating.learns, [[False, True]] * 6)
    assert np.bincount(seating.opponent_of).tolist() == [3, 3]


def test_a_side_is_a_team_where_there_are_teams():
    env = arenas.make("smax-5m_vs_6m-selfplay-v0")
    assert env.teams == (0,) * 5 + (1,) * 6
    one = load_opponents(env, ["random"])
    seating = Seating(env, 4, one, sharing="teams")
    assert {tuple(row) for row in seating.learns.tolist()} == {
        (True,) * 5 + (False,) * 6,
        (False,) * 5 + (True,) * 6,
    }
    assert seating.group_of == env.teams and [len(r) for r in seating.rows] == [10, 12]


def test_parameters_are_of_all_seats_of_a_team_or_of_each():
    assert Seating(Race(), 2, sharing="shared").group_of == (0, 0, 0)
    separate = Seating(Race(), 2, sharing="separate")
    assert separate.group_of == (0, 1, 2)
    assert [r.tolist() for r in separate.rows] == [[0, 3], [1, 4], [2, 5]]
    assert Seating(Race(), 2, sharing="teams").group_of == (0, 1, 2)  # no teams: as separate
    # Only the seat that learns has parameters; the others play with them, should they be asked.
    alone = Seating(Race(), 2, PAIR, sides=(2,), sharing="separate")
    assert alone.group_of == (0, 0, 0) and [r.tolist() for r in alone.rows] == [[2, 5]]


def test_seatings_that_cannot_be_are_refused():
    with pytest.raises(BadArgument, match="3 environments meet opponents; .* at least 4"):
        Seating(Nim(), 3, PAIR)
    with pytest.raises(BadArgument, match="3 environments meet opponents"):
        Seating(Nim(), 6, PAIR, self_play=0.5)
    with pytest.raises(BadArgument, match="side 2 is not one of this game's: 0 to 1"):
        Seating(Nim(), 8, PAIR, sides=(2,))
    single = arenas.make("colorgrid-v0", leader_only=True)
    with pytest.raises(BadArgument, match="the game has one seat"):
        Seating(single, 8, PAIR)


def test_opponents_are_device_agents_known_by_name():
    env = arenas.make("rrps-v0")
    with pytest.raises(BadArgument, match="'rrps/greenberg' runs on the host"):
        load_opponents(env, ["rrps/greenberg"])
    with pytest.raises(UnknownName, match="rrps/copy"):
        load_opponents(env, ["rrps/cop"])
    assert jax.tree.leaves(load_opponents(env, ["rrps/rock"])[0].params) == []

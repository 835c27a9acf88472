"""Against numbers worked out by hand, and scipy's own intervals."""

import itertools

import numpy as np
import pytest
from scipy import stats

from arenas.evaluation.payoffs import outcomes, payoff_table, standings
from arenas.evaluation.schedule import round_robin
from arenas.evaluation.store import Row
from arenas.match import Forfeit


def row(agents, seed, returns, forfeit=None):
    return Row(agents, seed, returns, 1, "forfeit" if forfeit else "terminated", forfeit)


def rows_of(agents, fixtures, returns):
    return [
        row(tuple(agents[a] for a in f.seats), f.seed, returns(f.seats, f.index)) for f in fixtures
    ]


def test_a_cell_is_the_mean_over_episodes_of_the_mean_over_seatings():
    agents = ["a", "b"]
    fixtures = round_robin(agents, 2, 2, 0)
    # a wins 4 and 2 from the first seat, loses 1 and 1 from the second.
    given = {((0, 1), 0): 4.0, ((0, 1), 1): 2.0, ((1, 0), 0): 1.0, ((1, 0), 1): 1.0}
    rows = rows_of(
        agents,
        fixtures,
        lambda seats, i: (given.get((seats, i), 0.0), -given.get((seats, i), 0.0)),
    )
    table = payoff_table(agents, fixtures, rows)
    assert table.mean.tolist() == [[0.0, 1.0], [-1.0, 0.0]]  # (4 - 1) / 2 and (2 - 1) / 2
    assert table.variance[0, 1] == pytest.approx(np.var([1.5, 0.5], ddof=1))
    assert table.count.tolist() == [[2, 2], [2, 2]]
    low, high = stats.t.interval(0.95, 1, 1.0, stats.sem([1.5, 0.5]))
    assert table.half_width()[0, 1] == pytest.approx((high - low) / 2)


def test_standings_weigh_every_other_agent_the_same_and_leave_self_play_apart():
    agents = ["a", "b", "c"]
    fixtures = round_robin(agents, 2, 2, 0)
    strength = [3.0, 2.0, -5.0]
    rows = rows_of(
        agents,
        fixtures,
        lambda seats, i: tuple(
            7.0 if seats[0] == seats[1] else strength[x] - strength[y]
            for x, y in (seats, seats[::-1])
        ),
    )
    lines = standings(payoff_table(agents, fixtures, rows), fixtures, rows)
    assert [(s.agent, s.mean, s.self_play, s.half_width) for s in lines] == [
        ("a", 4.5, 7.0, 0.0),  # (1 + 8) / 2
        ("b", 3.0, 7.0, 0.0),
        ("c", -7.5, 7.0, 0.0),
    ]
    assert [(s.wins, s.draws, s.losses, s.episodes) for s in lines] == [
        (8, 0, 0, 10),
        (4, 0, 4, 10),
        (0, 0, 8, 10),
    ]


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    """Simulated tournaments of known agents: 95 % of the intervals hold the truth."""
    random = np.random.default_rng(0)
    agents = ["a", "b", "c", "d"]
    fixtures = round_robin(agents, 2, 8, 0)
    covered = []
    for _ in range(250):
        rows = rows_of(
            agents, fixtures, lambda s, i: tuple(random.normal(10.0 * s[0], [1.0 + s[1], 5.0]))
        )
        table = payoff_table(agents, fixtures, rows)
        by_name = {s.agent: s for s in standings(table, fixtures, rows)}
        for i, name in enumerate(agents):
            others = [j for j in range(4) if j != i]
            truth = np.mean([(10.0 * i + 10.0 * j) / 2 for j in others])
            line = by_name[name]
            covered.append(abs(line.mean - truth) <= line.half_width)
    assert 0.93 < np.mean(covered) < 0.97


def test_missing_cells_and_undefined_forfeits_are_left_out_of_means_and_counted():
    agents = ["a", "b"]
    fixtures = [f for f in round_robin(agents, 2, 1, 0) if f.pair == (0, 1)]
    rows = [
        row(("a", "b"), fixtures[0].seed, None, Forfeit(0, "crashed")),
        row(("b", "a"), fixtures[1].seed, (1.0, 3.0)),
        row(("a", "stranger"), fixtures[0].seed, (100.0, 100.0)),
        row(("a", "b"), 12345, (100.0, 100.0)),
    ]
    table = payoff_table(agents, fixtures, rows)
    assert table.mean[0, 1] == 3.0
    assert table.mean[1, 0] == 1.0
    assert np.isnan(table.mean[[0, 1], [0, 1]]).all()
    a, b = standings(table, fixtures, rows)
    assert (a.agent, a.wins, a.losses, a.forfeits, a.half_width) == ("a", 1, 1, 1, None)
    assert (b.agent, b.wins, b.losses, b.forfeits) == ("b", 1, 1, 0)


def test_nothing_played_gives_no_numbers_and_no_error():
    agents = ["a", "b"]
    fixtures = round_robin(agents, 2, 1, 0)
    table = payoff_table(agents, fixtures, [])
    assert np.isnan(table.mean).all()
    assert all(np.isnan(s.mean) and s.episodes == 0 for s in standings(table, fixtures, []))


def test_an_agent_in_several_seats_gets_their_mean():
    agents = ["a", "b"]
    fixtures = round_robin(agents, 3, 1, 0)
    rows = rows_of(
        agents, fixtures, lambda seats, i: tuple(float(s * 10 + k) for k, s in enumerate(seats))
    )
    table = payoff_table(agents, fixtures, rows)
    expected = []
    for seats in itertools.product((0, 1), repeat=3):
        if len(set(seats)) == 2:
            expected.append(np.mean([k for k, s in enumerate(seats) if s == 0]))
    assert table.mean[0, 1] == pytest.approx(np.mean(expected))


def test_each_seat_has_a_table_of_its_own():
    agents = ["a", "b"]
    fixtures = round_robin(agents, 2, 2, 0)
    value = {(0, 1): (4.0, -4.0), (1, 0): (-1.0, 1.0), (0, 0): (2.0, 0.0), (1, 1): (6.0, 5.0)}
    rows = rows_of(agents, fixtures, lambda seats, i: value[seats])
    first, second = outcomes(agents, rows).seat_tables()
    assert first.mean.tolist() == [[2, 4], [-1, 6]]
    assert second.mean.tolist() == [[0, 1], [-4, 5]]
    assert first.count.tolist() == second.count.tolist() == [[2, 2], [2, 2]]


def test_luck_that_falls_to_both_is_cut_from_the_variance_and_luck_of_an_agent_is_doubled():
    random = np.random.default_rng(0)
    agents = ["a", "b", "c", "d"]
    fixtures = round_robin(agents, 2, 200, 0)
    luck = {f.seed: random.normal() for f in fixtures}

    def cut(returns):
        rows = [
            row(tuple(agents[x] for x in f.seats), f.seed, returns(f.seats, luck[f.seed]))
            for f in fixtures
        ]
        value, half = outcomes(agents, rows).table().variance_cut()
        return value, half

    # The seed favours the first seat as much as an episode's own noise does: half of the variance.
    def of_the_seat(seats, seed_luck):
        lead = seed_luck + random.normal()
        return lead, -lead

    def of_the_agent(seats, seed_luck):
        lead = (seed_luck if seats[0] < seats[1] else -seed_luck) + random.normal()
        return lead, -lead

    value, half = cut(of_the_seat)
    assert value == pytest.approx(0.5, abs=0.1) and abs(value - 0.5) < 2 * half
    value, half = cut(of_the_agent)
    assert value == pytest.approx(-0.5, abs=0.15)
    assert payoff_table(agents, fixtures, []).variance_cut() is None

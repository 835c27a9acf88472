"""Ratings against closed forms, OpenSpiel's own examples, and simulated tournaments."""

import csv
import itertools
import sys
from pathlib import Path

import numpy as np
import pyspiel
import pytest
from cvxpy.error import SolverError
from open_spiel.python.algorithms import elo as open_spiel_elo
from open_spiel.python.algorithms.nash_averaging import nash_averaging

from arenas.errors import BadArgument, UnknownName
from arenas.evaluation.payoffs import Outcomes, outcomes
from arenas.evaluation.population import population_metrics
from arenas.evaluation.rankings import (
    CannotRate,
    alpha_rank,
    alpha_rank_batch,
    nash_average,
    nash_average_batch,
)
from arenas.evaluation.ratings import METHODS, Draws, bradley_terry, plackett_luce, rate
from arenas.evaluation.schedule import round_robin
from arenas.evaluation.store import Row

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import ratings_coverage

ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])


def field(payoff, times=2, noise=0.0, environment=None):
    """Everyone meets everyone, self included, with these mean payoffs [n, n]."""
    n = len(payoff)
    rng = np.random.default_rng(0)
    pair = np.array(
        [p for _ in range(times) for p in itertools.combinations_with_replacement(range(n), 2)]
    )
    value = np.stack([payoff[pair[:, 0], pair[:, 1]], payoff[pair[:, 1], pair[:, 0]]], 1)
    value = value + noise * rng.normal(size=(len(pair), 1)) * [1, -1]
    return Outcomes.of_payoffs([f"a{i}" for i in range(n)], pair, value, environment)


def contests(wins, draws=0):
    """Agent 0 against agent 1: as many wins, losses and draws."""
    won, lost = wins
    payoff = [[1, 0]] * won + [[0, 1]] * lost + [[0, 0]] * draws
    return Outcomes.of_payoffs(["a", "b"], [[0, 1]] * len(payoff), payoff)


@pytest.mark.parametrize(
    ("wins", "draws", "odds"), [((8, 2), 0, 4), ((6, 0), 4, 4), ((5, 5), 7, 1)]
)
def test_elo_of_two_is_the_logarithm_of_their_odds_a_draw_being_half_a_win(wins, draws, odds):
    rating = rate(contests(wins, draws), "elo", smoothing=0.0, bootstrap=0)
    assert rating.values[0] - rating.values[1] == pytest.approx(400 * np.log10(odds))
    assert rating.values.mean() == pytest.approx(1500)


def test_the_interval_of_elo_of_two_is_that_of_their_log_odds():
    rating = rate(contests((60, 40)), "elo", bootstrap=2000)
    # Half of the delta method's interval of 400 log10(p / (1 - p)): the mean is held.
    half = 0.5 * 400 / np.log(10) * 1.984 / (0.6 * 0.4 * 99) ** 0.5
    assert (rating.upper - rating.values)[0] == pytest.approx(half, rel=0.06)


def test_elo_is_that_of_open_spiel():
    rng = np.random.default_rng(1)
    draws = np.triu(rng.integers(0, 5, (6, 6)), 1)
    cases = [
        (np.array([[0, 4, 2], [1, 0, 2], [3, 3, 0]]), np.zeros((3, 3), int)),  # its own example
        (rng.integers(1, 20, (6, 6)), draws + draws.T),
    ]
    for wins, drawn in cases:
        theirs = open_spiel_elo.compute_ratings_from_matrices(wins, drawn)
        ours = 400 / np.log(10) * bradley_terry(wins + drawn / 2)
        assert ours - ours.min() == pytest.approx(theirs - theirs.min(), abs=1e-4)
    a, b, c = bradley_terry(cases[0][0])
    assert a == pytest.approx(c) and b < a


def test_strengths_that_are_far_apart_are_found_and_meet_the_condition_of_the_maximum():
    ladder = np.triu(np.full((30, 30), 50.0), 1)
    theta = bradley_terry(np.stack([ladder, ladder.T]))
    taken = ladder + 0.01 * ~np.eye(30, dtype=bool)
    chance = 1 / (1 + np.exp(theta[0][None] - theta[0][:, None]))
    assert ((taken + taken.T) * chance).sum(1) == pytest.approx(taken.sum(1), abs=1e-6)
    assert theta[1] == pytest.approx(-theta[0], abs=1e-6)


def test_who_never_lost_has_no_interval_and_groups_that_never_met_no_scale():
    rating = rate(contests((9, 0)), "elo")
    assert np.isnan(rating.lower).all() and "one way" in rating.notes[0]
    with pytest.raises(CannotRate, match="without smoothing this is infinite"):
        rate(contests((9, 0)), "elo", smoothing=0.0)
    apart = Outcomes.of_payoffs("abcd", [[0, 1], [2, 3]], [[1, 0], [0, 1]])
    with pytest.raises(CannotRate, match="never met"):
        rate(apart, "elo")


def test_elo_of_returns_shares_an_episode_out():
    half_lead = Outcomes.of_payoffs(["a", "b"], [[0, 1]] * 4, [[5, -5]] * 4)
    rating = rate(half_lead, "elo-return", span=20.0, smoothing=0.0)
    assert rating.values[0] - rating.values[1] == pytest.approx(400 * np.log10(3))  # 0.75 to 0.25
    with pytest.raises(BadArgument, match="further apart"):
        rate(half_lead, "elo-return", span=5.0)
    with pytest.raises(CannotRate, match="give the setting span"):
        rate(half_lead, "elo-return")


def test_alpha_rank_gives_the_published_example():
    """Han et al. 2013, in OpenSpiel's tests."""
    r, t, p, s, delta, eps = 1.0, 2.0, 0.0, -1.0, 4.0, 0.25
    payoff = np.array(
        [
            [r - eps / 2, r - eps, 0, s + delta - eps, r - eps],
            [r, r, s, s, s],
            [0, t, p, p, p],
            [t - delta, t, p, p, p],
            [r, t, p, p, p],
        ]
    )
    expected = [0.40966787, 0.07959841, 0.20506998, 0.08505983, 0.2206039]
    at = {"alpha": 0.1, "m": 20, "selection": "global"}
    assert rate(field(payoff), "alpharank", bootstrap=0, **at).values == pytest.approx(
        expected, abs=1e-4
    )
    assert alpha_rank_batch(payoff[None], **at)[0] == pytest.approx(expected, abs=1e-4)
    assert alpha_rank(ROCK_PAPER_SCISSORS) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("selection", ["local", "global"])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 3.0, np.inf])
def test_alpha_rank_of_many_tables_is_that_of_open_spiel(alpha, selection):
    tables = np.random.default_rng(2).normal(size=(4, 7, 7))
    tables[0, 1, 2] = tables[0, 2, 1]  # a tie
    ours = alpha_rank_batch(tables, alpha, 20, 0.02, selection)
    for table, mass in zip(tables, ours, strict=True):
        assert mass == pytest.approx(alpha_rank(table, alpha, 20, 0.02, selection), abs=1e-9)


def test_an_alpha_too_large_for_open_spiel_is_refused_and_its_limit_is_right():
    ladder = np.subtract.outer([2.0, 1, 0], [2.0, 1, 0])
    with pytest.raises(CannotRate, match="give alpha=inf"):
        alpha_rank(ladder, 1000.0)
    assert alpha_rank_batch(ladder[None], 1000.0)[0] == pytest.approx([1, 0, 0])


def test_nash_averaging_gives_open_spiels_examples():
    ladder = np.array([[0.0, -1, -1], [1, 0, -1], [1, 1, 0]])
    mass, values = nash_average(ladder)
    assert mass == pytest.approx([0, 0, 1], abs=1e-5)
    assert values == pytest.approx([-1, -1, 0], abs=1e-5)
    mass, values = nash_average(ROCK_PAPER_SCISSORS)
    assert mass == pytest.approx([1 / 3] * 3, abs=1e-5)
    assert values == pytest.approx([0, 0, 0], abs=1e-5)
    dominated = np.array(
        [[0, 234.0, 34, -270], [-234, 0, -38, -464], [-34, 38, 0, -270], [270, 464, 270, 0]]
    )
    mass, values = nash_average(dominated)
    assert mass == pytest.approx([0, 0, 0, 1], abs=1e-5)
    assert values == pytest.approx([-270, -464, -270, 0], abs=0.01)


def test_a_copy_changes_nothing_in_nash_averaging_and_measured_tables_are_made_antisymmetric():
    noisy = np.array([[0.0, -1, 2], [1.5, 0, -1], [-2, 1, 0]])  # 1.5 where -(-1) would be 1
    _, values = nash_average(noisy)
    again = [0, 1, 2, 2]
    mass, copied = nash_average(noisy[np.ix_(again, again)])
    assert copied == pytest.approx(values[again], abs=1e-4)
    assert mass[2] == pytest.approx(mass[3], abs=1e-4)


def test_where_the_solver_of_maximum_entropy_fails_the_equilibrium_is_found_all_the_same():
    """Eight bots of the published table, of which one leads all others but by little."""
    rows = list(
        csv.reader(
            (Path(__file__).parents[2] / "docs" / "results" / "rrps_table.csv")
            .read_text()
            .splitlines()
        )
    )
    names = [
        *("peterbot", "pibot", "switchbot", "debruijn81"),
        *("driftbot", "antiflatbot", "biopic", "copybot"),
    ]
    of = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    table = np.array([[float(of[a][b]) for b in names] for a in names])
    lead = (table - table.T) / 2 / np.abs(table).max()
    with pytest.raises((SolverError, AttributeError)):
        nash_averaging(pyspiel.create_matrix_game(lead, -lead))
    mass, values = nash_average(table)
    assert mass.sum() == pytest.approx(1) and (mass >= 0).all()
    assert values.max() <= 1e-3  # of returns up to 1,000: nobody leads the mixture
    assert mass @ values == pytest.approx(0, abs=1e-3)


def test_without_cvxpy_nash_averaging_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    monkeypatch.setitem(sys.modules, "cvxpy.error", None)
    with pytest.raises(CannotRate, match=r"pip install 'arenas\[evaluation\]'"):
        rate(field(ROCK_PAPER_SCISSORS), "nash")


def test_population_scores_are_those_of_the_population():
    payoff = np.array([[0.0, 6, -12], [-6, 0, 3], [12, -3, 0]])
    outcomes_ = field(payoff, times=8, noise=1.0)
    mean = outcomes_.table().mean
    expected = population_metrics(mean)
    for by, name in (
        ("popreturn", "pop_return"),
        ("popexpl", "within_pop_expl"),
        ("popscore", "agg_score"),
    ):
        rating = rate(outcomes_, by, bootstrap=20)
        assert rating.values == pytest.approx(getattr(expected, name))
        assert (rating.lower < rating.values).all() and (rating.values < rating.upper).all()
    assert (
        rate(outcomes_, "popexpl", bootstrap=0).order().tolist()
        == np.argsort(expected.within_pop_expl).tolist()
    )


def test_mean_rank_is_the_expected_place_when_all_meet_an_opponent_once():
    payoff = np.random.default_rng(3).integers(0, 3, (40, 2)).astype(float)  # with ties
    pair = np.array([p for p in itertools.combinations(range(5), 2) for _ in range(4)])
    value = Outcomes.of_payoffs("abcde", pair, payoff)
    expected = np.zeros(5)
    for i, j in itertools.permutations(range(5), 2):
        samples = {
            k: [x[list(p).index(k)] for p, x in zip(pair, payoff, strict=True) if {k, j} == set(p)]
            for k in range(5)
            if k != j
        }
        place = 1.0
        for k in samples:
            if k != i:
                lead = np.sign(np.subtract.outer(samples[k], samples[i]))
                place += ((lead + 1) / 2).mean()
        expected[i] += place / 4
    assert rate(value, "meanrank", bootstrap=5).values == pytest.approx(expected)


def test_openskill_is_that_of_the_library_where_the_order_cannot_matter():
    from openskill.models import PlackettLuce

    model = PlackettLuce()
    a, b = model.rating(), model.rating()
    for _ in range(5):
        [[a], [b]] = model.rate([[a], [b]])  # the first wins
    rating = rate(contests((5, 0)), "openskill", bootstrap=3)
    assert rating.values == pytest.approx([a.mu, b.mu])
    assert rating.extra["sigma"] == pytest.approx([a.sigma, b.sigma])
    [[x], [y]] = model.rate([[model.rating()], [model.rating()]], ranks=[0, 0])
    drawn = rate(contests((0, 0), 1), "openskill", bootstrap=0)
    assert drawn.values == pytest.approx([x.mu, y.mu]) and x.mu == y.mu


def test_sequences_of_games_are_rated_as_openskill_does_one_by_one():
    from openskill.models import PlackettLuce

    rng = np.random.default_rng(3)
    pairs = np.array([rng.permutation(4)[:2] for _ in range(50)])
    scores = rng.choice([0.0, 0.5, 1.0], 50)
    orders = rng.integers(50, size=(3, 60))
    mean, deviation = plackett_luce(pairs, scores, orders, 4)
    model = PlackettLuce()
    for order, mu, sigma in zip(orders, mean, deviation, strict=True):
        players = [model.rating() for _ in range(4)]
        for (i, j), first in zip(pairs[order], scores[order], strict=True):
            ranks = [1.0 - first, first]
            [[players[i]], [players[j]]] = model.rate([[players[i]], [players[j]]], ranks=ranks)
        assert mu == pytest.approx([p.mu for p in players], abs=1e-10)
        assert sigma == pytest.approx([p.sigma for p in players], abs=1e-10)


def test_a_pair_that_met_less_often_leaves_openskills_samples_whole():
    """Of one paired episode a seating is missing, so that samples have other numbers of games."""
    agents = ["a", "b", "c"]
    rows = [
        Row(tuple(agents[x] for x in f.seats), f.seed, (1.0, -1.0), 1, "terminated", None)
        for f in round_robin(agents, 2, 3, 0)
    ]
    rating = rate(outcomes(agents, rows[:-1]), "openskill", bootstrap=20)
    assert np.isfinite(rating.replicates).all()
    assert rating.replicates.shape == (20, 3)
    assert rating.replicates.mean() == pytest.approx(25, abs=0.5)


def test_many_nash_averages_at_once_are_openspiels_one_by_one():
    rng = np.random.default_rng(5)
    tables = rng.normal(size=(40, 5, 5))
    tables[:3] = 0  # all equal: many equilibria, of which that of most entropy is wanted
    tables[3:6] = np.kron(ROCK_PAPER_SCISSORS, np.ones((2, 2)))[:5, :5]  # copies
    mass, values = nash_average_batch(tables)
    for table, m, v in zip(tables, mass, values, strict=True):
        expected = nash_average(table)
        assert m == pytest.approx(expected[0], abs=2e-4)
        assert v == pytest.approx(expected[1], abs=1e-3)
    assert mass[0] == pytest.approx([0.2] * 5, abs=1e-4)


def test_bootstrap_weights_keep_every_pair_and_give_the_unbiased_variance_of_its_mean():
    value = np.array([0.0, 1.0, 5.0])
    pairs = [[0, 1]] * 3 + [[0, 2]] * 2 + [[1, 2]] * 2
    outcomes_ = Outcomes.of_payoffs("abc", pairs, [[v, -v] for v in [*value, 1, 2, 3, 4]])
    draws = Draws(outcomes_, 4000, 0, pooled=False)
    means = []
    for weight in draws.weights():
        assert weight[:3].sum() == pytest.approx(3) and weight[3:5].sum() == pytest.approx(2)
        means.append((weight[:3] * value).sum() / 3)
    assert np.var(means) == pytest.approx(value.var(ddof=1) / 3, rel=0.06)
    assert draws.freedom.tolist() == [3, 3, 2]


def test_the_seed_decides_and_the_order_of_rows_does_not():
    agents = ["a", "b", "c"]
    rng = np.random.default_rng(4)
    rows = [
        Row(
            tuple(agents[x] for x in f.seats),
            f.seed,
            tuple(rng.normal(size=2)),
            1,
            "terminated",
            None,
        )
        for f in round_robin(agents, 2, 4, 0)
    ]
    first = rate(outcomes(agents, rows), "elo", bootstrap=50, smoothing=0.5)
    again = rate(outcomes(agents, rows[::-1]), "elo", bootstrap=50, smoothing=0.5)
    other = rate(outcomes(agents, rows), "elo", bootstrap=50, smoothing=0.5, seed=1)
    assert np.array_equal(first.replicates, again.replicates)
    assert not np.array_equal(first.replicates, other.replicates)


def test_fields_that_a_rating_cannot_judge_are_refused_with_the_reason():
    with pytest.raises(CannotRate, match=r"hanabi\S+ is cooperative: for it there are popreturn"):
        rate(field(ROCK_PAPER_SCISSORS, environment="hanabi-v0"), "elo")
    assert rate(field(ROCK_PAPER_SCISSORS, environment="hanabi-v0"), "meanrank", bootstrap=0)
    part = Outcomes.of_payoffs("abc", [[0, 1], [1, 2]], [[1, 0], [1, 0]])
    with pytest.raises(CannotRate, match="1 of 3 have no episode with returns: a and c"):
        rate(part, "alpharank")
    with pytest.raises(CannotRate, match="self-play"):
        rate(Outcomes.of_payoffs("ab", [[0, 1]], [[1, 0]]), "popscore")
    assert "two episodes or more" in rate(field(ROCK_PAPER_SCISSORS, 1), "return").notes[0]
    with pytest.raises(UnknownName, match="did you mean 'elo'"):
        rate(part, "eloo")
    with pytest.raises(UnknownName, match="smoothing"):
        rate(part, "elo", smooth=1)
    with pytest.raises(BadArgument, match="confidence is 95"):
        rate(part, "elo", confidence=95.0)


def test_every_rating_says_what_it_means_and_is_written_as_plain_values():
    for by in METHODS:
        settings = {"span": 40.0} if by == "elo-return" else {}
        rating = rate(field(ROCK_PAPER_SCISSORS, 3, 0.5), by, bootstrap=3, **settings)
        told = rating.as_json()
        assert len(told["explanation"]) > 40 and len(told["citation"]) > 20
        assert told["settings"]["bootstrap"] == 3 and len(told["ranking"]) == 3
        assert sorted(row["agent"] for row in told["ranking"]) == ["a0", "a1", "a2"]


@pytest.mark.parametrize("by", ["elo", "return", "meanrank"])
def test_intervals_hold_the_truth_as_often_as_they_say(by):
    """A small part of benchmarks/ratings_coverage.py: 600 intervals."""
    cycle = ratings_coverage.fields()[1]
    held, _ = ratings_coverage.rating_coverage(cycle, by, 6, runs=100, samples=60, seed=7)
    assert 0.92 < held.mean() < 0.98

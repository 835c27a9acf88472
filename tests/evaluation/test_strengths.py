"""Strengths and places, against closed forms, another fit, and coverage in simulated fields."""

import numpy as np
import pytest
from scipy import optimize, special

from arenas.evaluation.strengths import SPREADS, Scores, Strengths


def scores_of(n, pair, score):
    scores = Scores(n)
    scores.add(np.array(pair), np.array(score, float))
    return scores


def simulated(rng, strengths, units):
    """``units`` of random pairs, a coin each."""
    n = len(strengths)
    first = rng.integers(n, size=units)
    second = (first + rng.integers(1, n, size=units)) % n
    chance = special.expit(strengths[first] - strengths[second])
    scores = Scores(n)
    scores.add(np.stack([first, second], 1), rng.binomial(1, chance).astype(float))
    return scores


def test_scores_are_kept_from_both_sides():
    scores = scores_of(3, [[0, 1], [0, 1], [1, 2]], [1.0, 0.5, 0.0])
    assert scores.count.tolist() == [[0, 2, 0], [2, 0, 1], [0, 1, 0]]
    assert scores.won.tolist() == [[0, 1.5, 0], [0.5, 0, 0], [0, 1, 0]]
    assert scores.squares.tolist() == [[0, 1.25, 0], [0.25, 0, 0], [0, 1, 0]]


def test_with_much_played_the_difference_is_the_log_odds():
    """75 of 100 won: ln 3 apart, as the prior's weight vanishes."""
    pair = [[0, 1]] * 10_000
    found = Strengths.of(scores_of(2, pair, [1.0] * 7_500 + [0.0] * 2_500))
    assert found.mean[0] - found.mean[1] == pytest.approx(np.log(3), abs=0.01)
    contrast = np.array([1.0, -1.0])
    variance = contrast @ found.covariance @ contrast
    assert variance == pytest.approx(1 / (10_000 * 0.75 * 0.25), rel=0.01)


def test_the_mode_is_where_a_general_optimizer_finds_it(monkeypatch):
    """With the spread held: scipy's BFGS on the written-out posterior."""
    spread = 1.5
    monkeypatch.setattr("arenas.evaluation.strengths.SPREADS", (spread,) * 3)
    monkeypatch.setattr("arenas.evaluation.strengths._dispersion", lambda *_: 1.0)
    rng = np.random.default_rng(3)
    scores = simulated(rng, rng.normal(0, 1.5, 8), 100)

    def loss(s):
        won = scores.won * np.log(special.expit(s[:, None] - s[None, :]))
        return -won.sum() + (s**2).sum() / 2 / spread**2

    expected = optimize.minimize(loss, np.zeros(8), tol=1e-10).x
    assert np.allclose(Strengths.of(scores).mean, expected, atol=1e-4)


def test_where_to_begin_does_not_matter():
    rng = np.random.default_rng(4)
    scores = simulated(rng, rng.normal(0, 3, 20), 150)
    one, other = Strengths.of(scores), Strengths.of(scores, rng.normal(0, 2, 20))
    assert np.allclose(one.mean, other.mean, atol=1e-5)
    for here, there in zip(one.places(), other.places(), strict=True):
        assert np.abs(here - there).max() <= 1  # a quantile may sit between two places


def test_nothing_played_leaves_every_place_open():
    low, high = Strengths.of(Scores(10)).places()
    assert (low.max(), high.min()) == (1, 10)
    assert not Strengths.of(Scores(10)).settled(8.0).any()
    assert Strengths.of(Scores(10)).settled(9.0).all()


def test_who_always_won_is_first_and_finite():
    scores = scores_of(3, [[0, 1], [0, 2], [1, 2]] * 40, [1.0] * 120)
    found = Strengths.of(scores)
    assert np.isfinite(found.mean).all()
    assert found.mean.max() < 4 * SPREADS[2]
    assert [p.tolist() for p in found.places()] == [[1, 2, 3]] * 2
    assert found.settled(0.0).all()


def test_a_95_percent_interval_covers_an_agents_place_in_93_percent_of_fields_or_more():
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        strengths = rng.normal(0, rng.choice([1.0, 3.0, 6.0]), 25)
        low, high = Strengths.of(simulated(rng, strengths, 25 * 20)).places()
        place = np.argsort(np.argsort(-strengths)) + 1
        covered.append(((low <= place) & (place <= high)).mean())
    assert 0.93 < np.mean(covered) < 0.99


def test_information_is_most_where_the_outcome_is_open_and_the_strengths_are_unknown():
    mean, variance = np.array([0.0, 0.0, 4.0, 0.0]), np.array([1.0, 1.0, 1.0, 0.01])
    gain = Strengths(mean, np.diag(variance)).information_gain()
    assert np.allclose(gain, gain.T)
    assert np.diag(gain).tolist() == [0.0] * 4
    assert gain[0, 1] > gain[0, 3] > gain[0, 2]
    rng = np.random.default_rng(0)  # by plain sampling: H(E p) - E H(p)
    chance = special.expit(rng.normal(0, np.sqrt(2), 200_000))
    entropy = -special.xlogy(chance, chance) - special.xlogy(1 - chance, 1 - chance)
    middle = np.log(2)
    assert gain[0, 1] == pytest.approx(middle - entropy.mean(), abs=0.003)

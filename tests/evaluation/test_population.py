"""Population metrics: a table computed by hand, closed forms, and the coverage of intervals."""

import statistics

import numpy as np
import pytest

from arenas.errors import BadArgument, BadShape
from arenas.evaluation.population import population_metrics

# Three agents: a beats b by 6, b beats c by 3, c beats a by 12.
TABLE = [[0, 6, -12], [-6, 0, 3], [12, -3, 0]]


def test_a_table_computed_by_hand():
    scores = population_metrics(TABLE)
    assert scores.pop_return.tolist() == [-2, -1, 3]
    assert scores.within_pop_expl.tolist() == [12, 6, 3]
    assert scores.agg_score.tolist() == [-14, -7, 0]
    assert scores.nemesis.tolist() == [2, 0, 1]
    assert scores.order().tolist() == [2, 1, 0]
    assert np.isnan(scores.agg_score_interval).all()


def test_rows_are_the_ranking_by_name():
    assert population_metrics(TABLE).rows("abc")[0] == {
        "agent": "c",
        "PopReturn": 3,
        "WithinPopExpl": 3,
        "AggScore": 0,
        "nemesis": "b",
    }
    assert [row["agent"] for row in population_metrics(TABLE).rows("abc")] == ["c", "b", "a"]


def test_who_never_loses_has_no_exploitability_for_it_meets_itself():
    scores = population_metrics([[0, 1000], [-1000, 0]])
    assert scores.within_pop_expl.tolist() == [0, 1000]
    assert not np.signbit(scores.within_pop_expl).any()
    assert scores.agg_score.tolist() == [500, -1500]


def test_rock_paper_scissors_is_symmetric():
    scores = population_metrics([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    assert scores.pop_return.tolist() == [0, 0, 0]
    assert scores.within_pop_expl.tolist() == [1, 1, 1]
    assert scores.order().tolist() == [0, 1, 2]


def test_without_noise_intervals_are_points():
    scores = population_metrics(TABLE, np.zeros((3, 3)))
    for name in ("pop_return", "within_pop_expl", "agg_score"):
        interval = getattr(scores, f"{name}_interval")
        assert np.array_equal(interval, np.stack([getattr(scores, name)] * 2, axis=1))


def test_the_interval_of_pop_return_is_that_of_a_mean_of_independent_cells():
    error = np.array([[0, 3, 4], [3, 0, 0], [4, 0, 0]])
    low, high = population_metrics(TABLE, error).pop_return_interval[0]
    half = statistics.NormalDist().inv_cdf(0.975) * 5 / 3
    assert (low, high) == pytest.approx((-2 - half, -2 + half))


def test_a_clear_nemesis_has_the_upper_bound_of_its_own_cell():
    error = np.full((3, 3), 0.5)
    low, high = population_metrics(TABLE, error).within_pop_expl_interval[0]
    assert high == pytest.approx(12 + 0.5 * 1.959964)
    assert low == pytest.approx(12 - 0.5 * statistics.NormalDist().inv_cdf(0.975 ** (1 / 3)))


@pytest.mark.parametrize("row", ["ties", "nemesis", "spread"])
def test_intervals_cover_the_truth_as_often_as_they_say(row):
    """The hard case is a row of ties, where the estimated maximum is noise."""
    n, repeats = 43, 2000
    truth = {
        "ties": np.zeros(n),
        "nemesis": np.r_[-200.0, np.linspace(0, 900, n - 1)],
        "spread": np.linspace(-20, 20, n),
    }[row]
    error = np.linspace(1, 6, n)
    noise = np.random.default_rng(0).normal(size=(repeats, n))
    true = {"pop_return": truth.mean(), "within_pop_expl": (-truth).max()}
    true["agg_score"] = true["pop_return"] - true["within_pop_expl"]
    covered = dict.fromkeys(true, 0)
    for sample in truth + error * noise:
        table, errors = np.zeros((n, n)), np.zeros((n, n))
        table[0], errors[0] = sample, error
        scores = population_metrics(table, errors)
        for name, value in true.items():
            low, high = getattr(scores, f"{name}_interval")[0]
            covered[name] += low <= value <= high
    slack = 3 * (0.95 * 0.05 / repeats) ** 0.5
    assert covered["pop_return"] / repeats == pytest.approx(0.95, abs=slack)
    assert covered["within_pop_expl"] / repeats >= 0.95 - slack
    assert covered["agg_score"] / repeats >= 0.95 - slack


def test_more_confidence_is_a_wider_interval():
    error = np.ones((3, 3))
    wide = population_metrics(TABLE, error, confidence=0.99)
    narrow = population_metrics(TABLE, error, confidence=0.9)
    for name in ("pop_return", "within_pop_expl", "agg_score"):
        a, b = (getattr(s, f"{name}_interval") for s in (wide, narrow))
        assert (a[:, 0] < b[:, 0]).all()
        assert (a[:, 1] > b[:, 1]).all()


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([1, 2],), BadShape, r"payoff has shape \(2,\)"),
        (([[1, 2]],), BadShape, r"payoff has shape \(1, 2\)"),
        ((np.zeros((0, 0)),), BadShape, "shape"),
        (([[0, np.nan], [0, 0]],), BadArgument, "not finite: play every pair"),
        ((TABLE, [[0.0]]), BadShape, r"standard_error has shape \(1, 1\)"),
        ((TABLE, -np.ones((3, 3))), BadArgument, "negative"),
    ],
)
def test_bad_tables_are_refused(args, error, message):
    with pytest.raises(error, match=message):
        population_metrics(*args)


def test_a_bad_confidence_or_number_of_names_is_refused():
    with pytest.raises(BadArgument, match=r"confidence is 95\.0"):
        population_metrics(TABLE, confidence=95.0)
    with pytest.raises(BadShape, match="2 names given for 3 agents"):
        population_metrics(TABLE).rows("ab")

"""Comparisons against direct calls of rliable and adastop; seeds that may not be reported on."""

import json

import numpy as np
import pytest
from rliable import metrics
from scipy import stats

from arenas.errors import BadArgument, BadFile, BadShape, UnknownName
from arenas.evaluation import runs, seeds
from arenas.evaluation.comparisons import (
    AdaStop,
    _sampled_improvement,
    _Strata,
    aggregate,
    compare,
    probability_of_improvement,
    profile,
    read_scores,
    tabulated,
)

RNG = np.random.default_rng(0)
A, B = RNG.normal(0.4, 0.2, (7, 5)), np.round(RNG.normal(0.5, 0.2, (10, 5)), 1)
A[:3] = np.round(A[:3], 1)  # some ties with B


def test_point_values_are_those_of_rliable():
    result = compare({"a": A, "b": B}, bootstrap=2, target=0.6)
    for name, scores in (("a", A), ("b", B)):
        expected = {
            "iqm": metrics.aggregate_iqm(scores),
            "mean": metrics.aggregate_mean(scores),
            "median": metrics.aggregate_median(scores),
            "optimality_gap": metrics.aggregate_optimality_gap(scores, 0.6),
        }
        for what, value in expected.items():
            assert result.aggregates[name][what].value == pytest.approx(value)
    assert result.improvement["a", "b"].value == pytest.approx(
        metrics.probability_of_improvement(A, B)
    )
    assert result.improvement["a", "b"].value + result.improvement["b", "a"].value == 1


def test_samples_of_the_bootstrap_are_aggregated_as_rliable_does_one_by_one():
    batch = RNG.normal(size=(3, 6, 4)).round(1)
    others = RNG.normal(size=(3, 9, 4)).round(1)
    ours = probability_of_improvement(batch, others)
    theirs = [metrics.probability_of_improvement(x, y) for x, y in zip(batch, others, strict=True)]
    assert ours == pytest.approx(theirs)
    assert _sampled_improvement(batch, others) == pytest.approx(theirs)


def test_a_profile_is_the_fraction_of_scores_above():
    scores = np.array([[0.1, 0.5], [0.3, 0.9]])
    assert profile(scores, np.array([0.0, 0.3, 0.6, 0.9])).tolist() == [1, 0.5, 0.25, 0]
    result = compare({"a": A}, bootstrap=200)
    fraction, lower, upper = result.profiles["a"]
    assert result.thresholds[[0, -1]].tolist() == [A.min(), A.max()]
    assert (lower <= fraction).all() and (fraction <= upper).all() and (lower < upper).any()
    assert fraction[-1] == 0 and (np.diff(fraction) <= 0).all()


def test_the_bootstrap_is_stratified_by_task_and_heeds_its_seed():
    # Between tasks the scores differ, within them they do not: there is nothing to resample.
    still = np.tile([0.0, 0.5, 1.0], (4, 1))
    iqm = compare({"a": still}, bootstrap=50).aggregates["a"]["iqm"]
    assert iqm.lower == iqm.value == iqm.upper
    tasks = compare({"a": still}, bootstrap=200, resample_tasks=True).aggregates["a"]["mean"]
    assert tasks.lower < 0.2 and tasks.upper > 0.8
    first, again, other = (compare({"a": A}, bootstrap=50, seed=s).aggregates for s in (0, 0, 1))
    assert first == again != other


def test_the_interval_of_a_mean_is_that_of_the_bootstrap_distribution():
    scores = RNG.normal(size=(40, 1))
    mean = compare({"a": scores}, interval="percentile").aggregates["a"]["mean"]
    half = 1.96 * scores.std() / 40**0.5
    assert (mean.upper - mean.lower) / 2 == pytest.approx(half, rel=0.06)


def test_percentiles_are_those_of_all_samples_there_are():
    """Of one task's five runs 3,125 can be drawn."""
    scores = RNG.normal(size=(5, 1))
    every = aggregate(scores[np.indices((5,) * 5).reshape(5, -1).T])
    found = compare({"a": scores}, bootstrap=40_000, interval="percentile").aggregates["a"]
    for name, sampled in every.items():
        for end, level in ((found[name].lower, 0.025), (found[name].upper, 0.975)):
            low, high = np.quantile(sampled, [level - 0.004, level + 0.004])
            assert low <= end <= high and low < high, name


def test_a_mean_has_the_interval_of_student_and_of_welch_over_tasks():
    x, y = RNG.normal(0, 1, 5), RNG.normal(0, 3, 5)
    one = compare({"a": x[:, None]}).aggregates["a"]["mean"]
    ends = stats.ttest_1samp(x, 0).confidence_interval()
    assert (one.lower, one.upper) == pytest.approx(ends, abs=0.03 * (ends.high - ends.low))
    two = compare({"a": np.stack([x, y], 1)}).aggregates["a"]["mean"]
    # The sum of two means has the width of their difference.
    welch = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    half = (welch.high - welch.low) / 4
    middle = (x.mean() + y.mean()) / 2
    assert (two.lower, two.upper) == pytest.approx((middle - half, middle + half), abs=0.05 * half)


def test_expanded_percentiles_lie_as_far_out_as_student_reaches():
    normal = stats.norm.isf((np.arange(200_000) + 0.5) / 200_000)
    for n in (5, 10, 30):  # Hesterberg 2015: Phi(-sqrt(n / (n - 1)) t)
        own = _Strata.of_tables([RNG.normal(size=(n, 1))])
        end = (n / (n - 1)) ** 0.5 * stats.t.isf(0.025, n - 1)
        found = own.interval("expanded", 0.0, normal, 0.95)
        assert found == pytest.approx([-end, end], rel=0.01)
    # Of two algorithms with other numbers of runs, as Welch's t has it.
    x, y = RNG.normal(0, 1, 6), RNG.normal(0, 2, 11)
    test = stats.ttest_ind(x, y, equal_var=False)
    bootstrap = (x.var() / 6 + y.var() / 11) ** 0.5
    student = stats.t.isf(0.025, test.df) * (x.mean() - y.mean()) / test.statistic
    found = _Strata.of_tables([x[:, None], y[:, None]]).interval("expanded", 0.0, normal, 0.95)
    assert found[1] == pytest.approx(student / bootstrap, rel=0.01)


def test_where_no_sample_lies_far_enough_out_it_is_student():
    """Of three runs no bootstrap leaves the range, which holds the truth in three of four cases."""
    three = np.array([[0.1], [0.2], [0.6]])
    found = compare({"a": three}).aggregates["a"]
    assert found["iqm"] == found["mean"] and found["iqm"].lower < 0.1 < 0.6 < found["iqm"].upper
    fraction, lower, upper = compare({"a": three}, thresholds=[0.15]).profiles["a"][:, 0]
    assert (lower, upper) == (0, 1) and fraction == pytest.approx(2 / 3)


def test_intervals_of_five_runs_hold_the_truth_as_often_as_they_say():
    """The truth of all four is known; percentiles hold a mean's in 82 of 100 cases."""
    true = {"iqm": 0.5, "mean": 0.5, "improvement": stats.norm.cdf(0.5)}
    samples = {"corrected": 1000, "percentile": 200}
    held = {(kind, name): 0 for kind in samples for name in true}
    for repeat in range(300):
        scores = 0.5 + 0.2 * np.random.default_rng(repeat).normal(size=(2, 5, 1))
        given = {"a": scores[0], "b": scores[1] + 0.1 * 2**0.5}
        for kind, n in samples.items():
            found = compare(given, bootstrap=n, interval=kind, seed=repeat, thresholds=[0.5])
            estimates = {**found.aggregates["a"], "improvement": found.improvement["b", "a"]}
            for name, value in true.items():
                held[kind, name] += estimates[name].lower <= value <= estimates[name].upper
    rates = {key: n / 300 for key, n in held.items()}
    # A share of 300 has a standard error of 1.3 points.
    assert all(0.915 < rates["corrected", name] < 0.99 for name in true), rates
    assert rates["percentile", "mean"] < 0.88, rates


def test_one_run_has_no_interval():
    found = compare({"a": [[0.3, 0.4]], "b": [[0.1, 0.2], [0.2, 0.5]]}, bootstrap=10)
    told = found.as_json()
    assert told["aggregates"]["a"]["iqm"]["lower"] is None
    assert told["aggregates"]["b"]["iqm"]["lower"] is not None
    assert told["probability_of_improvement"][0]["upper"] is None
    assert set(told["profiles"]["a"]["upper"]) == {None}
    json.dumps(told, allow_nan=False)


def test_when_tasks_are_drawn_two_algorithms_meet_on_the_same_ones():
    still = np.tile([0.0, 0.5, 1.0], (4, 1))
    better = compare({"a": still, "b": still + 0.1}, bootstrap=50, resample_tasks=True).improvement
    assert better["b", "a"].lower == 1 and better["a", "b"].upper == 0


@pytest.mark.parametrize("gap", [0.0, 0.7, 3.0])
def test_decisions_are_those_of_adastop(gap):
    from adastop import MultipleAgentsComparator

    draw = np.random.default_rng(int(10 * gap)).normal(size=(3, 16))
    draw += np.array([[0], [gap], [2 * gap]])
    scores = {name: draw[i].tolist() for i, name in enumerate("abc")}
    theirs = MultipleAgentsComparator(n=4, K=4, B=200, alpha=0.025, seed=3)
    while not theirs.is_finished:
        shown = {n: np.array(s[: 4 * (theirs.k + 1)]) for n, s in scores.items()}
        theirs.partial_compare(shown, verbose=False)
    ours = AdaStop("abc", group=4, groups=4, alpha=0.05, permutations=200, seed=3)
    made = ours.follow(lambda name, first, count: scores[name][first : first + count])
    assert [d.verdict for d in ours.decisions] == list(theirs.decisions.values())
    assert ours.looks == theirs.k and not ours.undecided
    verdicts = {(d.first, d.second): d.verdict for d in ours.decisions}
    if gap == 3.0:
        assert set(verdicts.values()) == {"smaller"} and max(map(len, made.values())) < 16
    if gap == 0.0:
        assert set(verdicts.values()) == {"equal"} and len(made["a"]) == 16


def test_adastop_calls_equal_algorithms_different_as_seldom_as_it_says():
    """At half of alpha; at alpha itself the library's bound is passed about twice as often."""
    called = 0
    for seed in range(200):
        draw = np.random.default_rng(seed).normal(size=(2, 4))
        test = AdaStop("ab", group=4, groups=1, alpha=0.2, permutations=100, seed=seed)
        called += test.look({"a": draw[0], "b": draw[1]})[0].verdict != "equal"
    assert 20 < called < 56  # 40 expected; a third of them at most by chance


def test_adastop_refuses_what_its_guarantee_does_not_cover():
    with pytest.raises(BadArgument, match="two or more names"):
        AdaStop(["a", "a"])
    with pytest.raises(BadArgument, match="group is 1"):
        AdaStop("ab", group=1)
    test = AdaStop("ab", group=2, groups=1)
    with pytest.raises(BadArgument, match="a has 3 scores; look 1 needs 2"):
        test.look({"a": [1, 2, 3], "b": [1, 2]})
    test.look({"a": [1, 2], "b": [1, 2]})
    with pytest.raises(BadArgument, match="everything is decided"):
        test.look({"a": [1, 2], "b": [1, 2]})


def test_scores_are_read_from_a_file_and_runs_keep_their_lines(tmp_path):
    file = tmp_path / "scores.csv"
    lines = ["a,x,1,0.1", "a,y,2,0.4", "a,y,1,0.3", "a,x,2,0.2"]
    file.write_text("algorithm,task,run,score\n" + "\n".join(lines) + "\n")
    scores, tasks = read_scores(file)
    assert tasks == ("x", "y")
    assert scores["a"].tolist() == [[0.1, 0.3], [0.2, 0.4]]
    for text, message in (
        ("algorithm,task,score\na,x,1\n", "no column run"),
        ("algorithm,task,run,score\na,x,1,1\na,x,1,2\n", "gives a, x, 1 twice"),
        ("algorithm,task,run,score\na,x,1,much\n", "could not convert"),
        ("algorithm,task,run,score\na,x,1,1\na,y,1,1\na,y,2,1\n", "1 on x, 2 on y"),
        ("algorithm,task,run,score\n", "no scores"),
    ):
        file.write_text(text)
        with pytest.raises(BadFile, match=message):
            read_scores(file)
    with pytest.raises(BadFile, match="cannot read"):
        read_scores(tmp_path / "none.csv")
    assert tabulated({("a", "x", "1"): 1.0})[0]["a"].shape == (1, 1)


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ({}, BadArgument, "no algorithms"),
        ({"a": [1, 2]}, BadShape, r"shape \(2,\)"),
        ({"a": [[np.nan]]}, BadArgument, "not all finite"),
        ({"a": [[1.0]], "b": [[1.0, 2.0]]}, BadShape, "other numbers of tasks"),
    ],
)
def test_bad_scores_are_refused(scores, error, message):
    with pytest.raises(error, match=message):
        compare(scores)


def test_bad_settings_are_refused():
    with pytest.raises(BadArgument, match="bootstrap is 1; accepted are integers from 2"):
        compare({"a": A}, bootstrap=1)
    with pytest.raises(UnknownName, match="did you mean 'percentile'"):
        compare({"a": A}, interval="percentiles")


def card(seed, environment="rrps-v0"):
    return {"environment": {"id": environment, "arguments": {}}, "training": {"seed": seed}}


def test_the_ranges_of_seeds_do_not_meet_and_training_evaluates_in_its_own():
    from arenas.agents.ppo.evaluate import FIRST_SEED

    ranges = (seeds.TRAINING, seeds.TESTING, seeds.TUNING)
    assert [r.start for r in ranges[1:]] == [r.stop for r in ranges[:-1]]
    assert ranges[0].start == 0 and ranges[-1].stop == 2**32
    assert FIRST_SEED == seeds.TUNING.start == seeds.first_episode("tune")
    assert seeds.first_episode("test") in seeds.TESTING
    assert {seeds.first_run(p) for p in ("test", "tune")} <= set(seeds.TRAINING[::500_000_000])
    assert seeds.first_run("test") != seeds.first_run("tune")


def test_episodes_of_training_and_tuning_are_refused():
    seeds.refuse_training_seeds(range(seeds.TESTING[0], seeds.TESTING[0] + 9), {"x": card(0)})
    with pytest.raises(BadArgument, match="x was trained with seed 7, which is among"):
        seeds.refuse_training_seeds(range(5, 9), {"x": card(7)})
    with pytest.raises(BadArgument, match="seeds 3000000000 to 3000000001 are for tuning"):
        seeds.refuse_training_seeds(range(2_999_999_990, 3_000_000_002), {})
    seeds.refuse_training_seeds(range(3_000_000_000, 3_000_000_002), {}, "tune")


def test_two_agents_of_one_run_are_no_two_runs():
    runs.refuse_copies("a", {"x": card(0), "y": card(1), "z": card(0, "smax-3m-v0")})
    with pytest.raises(BadArgument, match="a: x and y were both trained with seed 0 on rrps-v0"):
        runs.refuse_copies("a", {"x": card(0), "y": card(0)})

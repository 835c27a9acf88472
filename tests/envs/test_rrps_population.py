"""The benchmark that plays the population: seeds, workers, seats, files, interruption."""

import csv
import itertools
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

import arenas

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "rrps_population.py"
BOTS = ["greenberg", "randbot", "rockbot", "switchbot"]


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(SCRIPT.parent))  # so that worker processes find it too
    try:
        import rrps_population

        yield rrps_population
    finally:
        sys.path.remove(str(SCRIPT.parent))


def rounds_of(benchmark, jobs, count=3, seed=0):
    rounds = []
    for _, returns in benchmark.play_rounds(BOTS, jobs, seed, throws=60):
        if returns is not None:
            rounds.append(returns)
            if len(rounds) == count:
                return rounds
    raise AssertionError


def test_the_table_does_not_depend_on_the_number_of_workers(benchmark):
    benchmark.PAIRS_PER_TASK, kept = 2, benchmark.PAIRS_PER_TASK  # several tasks a round
    try:
        two = rounds_of(benchmark, 2)
    finally:
        benchmark.PAIRS_PER_TASK = kept
    # One process, the games in another order.
    player = benchmark.Player(throws=60)
    pairs = list(itertools.combinations_with_replacement(BOTS, 2))
    for game in (2, 0, 1):
        for number in reversed(range(len(pairs))):
            first, second = pairs[number]
            seed = benchmark.match_seed(0, first, second, game)
            if game % 2:
                value = -player.play(second, first, seed)
            else:
                value = player.play(first, second, seed)
            assert two[game][number] == value
    assert np.array_equal(rounds_of(benchmark, 1), two)
    assert not np.array_equal(rounds_of(benchmark, 1, seed=1), two)


def test_a_match_is_the_one_that_arenas_play_makes(benchmark):
    [episode] = arenas.play("rrps-v0", ["rrps/biopic", "rrps/halbot"], seed=9, record=False)
    assert benchmark.play_match("biopic", "halbot", 9) == episode.returns[0] != 0


def test_rock_and_switchbot_meet_closed_forms(benchmark):
    assert benchmark.play_match("rockbot", "copybot", 0) == -1000  # copybot starts with paper
    assert benchmark.play_match("copybot", "rotatebot", 0) == 1  # paper on rock; then the same


def test_the_table_is_antisymmetric_and_keeps_self_play(benchmark):
    rounds = [np.array([5, 1, -4, 0, 2, 0]), np.array([1, 3, 0, 0, 2, 0])]  # three bots
    mean, error = benchmark.table_of("abc", rounds)
    assert mean.tolist() == [[3, 2, -2], [-2, 0, 2], [2, -2, 0]]
    assert error.tolist() == [[2, 1, 2], [1, 0, 0], [2, 0, 0]]
    _, unknown = benchmark.table_of("abc", rounds[:1])
    assert np.isnan(unknown).all()


def run(*args, **kwargs):
    command = [sys.executable, str(SCRIPT), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **kwargs)


def test_the_command_writes_a_ranking_and_a_table(tmp_path):
    done = run("--games", "2", "--jobs", "1", "--out", str(tmp_path), "--bots", *BOTS)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader((tmp_path / "rrps_table.csv").read_text().splitlines()))
    assert rows[0] == ["bot", *BOTS]
    table = np.array([[float(x) for x in row[1:]] for row in rows[1:]])
    off_diagonal = ~np.eye(4, dtype=bool)
    assert (table + table.T)[off_diagonal].tolist() == [0] * 12
    assert table[2, 2] == 0  # rock against rock
    assert table[0, 2] > 900  # greenberg sees through rock
    text = (tmp_path / "rrps.md").read_text()
    assert "| 1 | greenberg |" in text
    assert "--games 2 --seed 0 --bots greenberg" in text
    assert f"{table[0].mean():.2f}" in text


def test_ctrl_c_writes_the_rounds_that_were_finished(benchmark, tmp_path, monkeypatch, capsys):
    play_rounds = benchmark.play_rounds

    def interrupted(*args):
        finished = 0
        for made, returns in play_rounds(*args):
            yield made, returns
            finished += returns is not None
            if finished == 3:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(benchmark, "play_rounds", interrupted)
    bots = ["--bots", "rockbot", "copybot"]
    assert benchmark.main(["--minutes", "5", "--jobs", "1", "--out", str(tmp_path), *bots]) == 0
    assert "interrupted after 3 whole rounds" in capsys.readouterr().out
    assert "| 1 | copybot | 500.00 |" in (tmp_path / "rrps.md").read_text()


def test_nothing_is_written_before_a_round_is_finished(benchmark, tmp_path, monkeypatch):
    def interrupted(*args):
        yield 1, None
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "play_rounds", interrupted)
    assert benchmark.main(["--games", "1", "--out", str(tmp_path)]) == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give --games, --minutes or both"),
        (["--games", "0"], "--games is 0"),
        (["--minutes", "-1"], "--minutes is -1.0"),
        (["--games", "1", "--jobs", "0"], "--jobs is 0"),
        (["--games", "1", "--seed", "-1"], "seed is -1"),
        (["--games", "1", "--bots", "rock"], "'rock' twice or unknown"),
    ],
)
def test_bad_options_are_refused(benchmark, capsys, args, message):
    with pytest.raises(SystemExit):
        benchmark.main(args)
    assert message in capsys.readouterr().err

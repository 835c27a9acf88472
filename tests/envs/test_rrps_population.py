"""The benchmark that plays the population: files, rounds, closed forms, bad input."""

import csv
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "rrps_population.py"
BOTS = ("greenberg", "randbot", "rockbot", "copybot")


def run(*args):
    command = [sys.executable, str(SCRIPT), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("population")
    done = run("--games", 2, "--jobs", 1, "--out", folder, "--bots", *BOTS,
               "--store", folder / "rows.db")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def table(folder):
    rows = list(csv.reader((folder / "rrps_table.csv").read_text().splitlines()))
    return rows[0][1:], np.array([[float(x) for x in row[1:]] for row in rows[1:]])


def test_the_table_is_antisymmetric_and_meets_closed_forms(results):
    bots, mean = table(results)
    assert bots == sorted(BOTS)
    assert np.array_equal(mean, -mean.T)
    assert mean[bots.index("copybot"), bots.index("rockbot")] == 1000  # starts with paper
    assert mean[bots.index("greenberg"), bots.index("rockbot")] > 900


def test_the_ranking_names_its_command_and_the_best(results):
    text = (results / "rrps.md").read_text()
    bots, mean = table(results)
    assert "| 1 | greenberg |" in text
    assert "--games 2 --seed 0 --bots copybot greenberg randbot rockbot" in text
    assert "4 matches in each cell, 32 in all" in text
    assert f"{mean[bots.index('greenberg')].mean():.2f}" in text


def test_the_time_limit_keeps_whole_rounds_of_the_same_numbers(results, tmp_path):
    done = run("--minutes", 0.05, "--jobs", 2, "--out", tmp_path, "--bots", *BOTS,
               "--store", results / "rows.db")  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "rrps.md").read_text()
    rounds = int(text.split("a match, ")[1].split(" rounds")[0])
    assert rounds >= 2
    again = tmp_path / "again"
    done = run("--games", rounds, "--jobs", 2, "--out", again, "--bots", *BOTS)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(table(again)[1], table(tmp_path)[1])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give --games, --minutes or both"),
        (["--games", 0], "--games is 0; accepted are integers from 1"),
        (["--minutes", -1], "--minutes is -1.0; accepted"),
        (["--games", 1, "--bots", "greenburg"], "did you mean 'rrps/greenberg'"),
        (["--games", 1, "--bots", "rockbot", "rockbot"], "named twice"),
        (["--games", 1, "--seed", -4], "accepted are integers from 0"),
    ],
)
def test_bad_input_exits_with_2(args, message):
    done = run(*args)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

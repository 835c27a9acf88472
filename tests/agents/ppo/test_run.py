"""Runs: what they write, and that one which is killed ends as one which is not."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import arenas
from arenas.agents.ppo import records
from arenas.agents.ppo import train as training
from arenas.agents.ppo.config import Config, to_json
from arenas.agents.ppo.train import train
from arenas.errors import BadArgument, BadFile

ENV = "rrps-v0,throws=8"
CONFIG = Config(
    num_envs=4, rollout=8, steps=32 * 120, hidden=8, layers=1, epochs=1, minibatches=2, lr=0.01,
    opponents=("rrps/copy",), evaluations=4, eval_episodes=8, network="gru",
).check()  # fmt: skip
ROOT = Path(__file__).parent.parent.parent.parent


def lines(folder, name):
    """The rows of a file, without the time that they took."""
    rows = [json.loads(x) for x in (folder / name).read_text().splitlines()]
    return [{n: x for n, x in row.items() if n != "seconds"} for row in rows]


def params(folder):
    return (folder / "params.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    told = []
    agents = train(ENV, CONFIG, folder, tensorboard=False, progress=told.append)
    assert agents == [folder / "agent"]
    return folder, told


@pytest.mark.slow
def test_every_update_and_evaluation_is_a_line_and_is_told(whole):
    folder, told = whole
    metrics, evaluations = lines(folder, "metrics.jsonl"), lines(folder, "evaluations.jsonl")
    assert [r["update"] for r in metrics] == list(range(1, 121))
    assert [r["update"] for r in evaluations] == [30, 60, 90, 120]
    assert [r["steps"] for r in metrics] == [32 * (i + 1) for i in range(120)]
    assert len(told) == 124 and sum("evaluation" in r for r in told) == 4
    assert set(metrics[-1]["return_against"]) == {"rrps/copy"}
    assert json.loads((folder / "config.json").read_text())["environment"] == ENV


@pytest.mark.slow
def test_the_best_agent_is_the_one_that_was_evaluated_best(whole):
    folder, _ = whole
    evaluations = lines(folder, "evaluations.jsonl")
    best = max(evaluations, key=lambda r: r["return"])  # the first of equal ones
    card = json.loads((folder / "best" / "agent.json").read_text())["training"]
    assert card["steps"] == best["steps"] and card["evaluation"]["return"] == best["return"]
    last = json.loads((folder / "agent" / "agent.json").read_text())["training"]
    assert last["steps"] == 32 * 120 and not last["interrupted"]
    assert last["evaluation"]["return"] == evaluations[-1]["return"]
    agent = arenas.load_agent(str(folder / "best"), ENV)
    [episode] = arenas.play(ENV, [agent, "rrps/copy"])
    assert episode.length == 8


SCRIPT = """
import sys
from arenas.agents.ppo.config import from_json
from arenas.agents.ppo.train import train
import json
train(sys.argv[1], from_json(json.loads(sys.argv[2])), sys.argv[3], tensorboard=False, resume=True)
"""


def killed(folder, updates):
    """Run in a process of its own, and kill it once so many updates are written."""
    args = [sys.executable, "-c", SCRIPT, ENV, json.dumps(to_json(CONFIG)), str(folder)]
    process = subprocess.Popen(args, env={**os.environ, "PYTHONPATH": str(ROOT)})
    path, deadline = folder / "metrics.jsonl", time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= updates:
            break
        time.sleep(0.002)
    process.kill()
    assert process.wait() in (0, -signal.SIGKILL)
    return path.read_bytes().count(b"\n")


@pytest.mark.slow
def test_a_run_killed_twice_ends_as_one_that_never_was_bit_for_bit(whole, tmp_path):
    folder, _ = whole
    again = tmp_path / "killed"
    assert killed(again, 1) >= 1  # mostly before there is a checkpoint
    assert killed(again, 61) >= 61
    with (again / "metrics.jsonl").open("a") as file:
        file.write('{"seed": 0, "upda')  # it was killed in the middle of a line
    train(ENV, CONFIG, again, tensorboard=False, resume=True)
    for name in ("metrics.jsonl", "evaluations.jsonl"):
        assert lines(again, name) == lines(folder, name)
    for name in ("agent", "best"):
        assert params(again / name) == params(folder / name)


@pytest.mark.slow
def test_a_finished_run_is_not_run_again(whole):
    folder, _ = whole
    before = (folder / "metrics.jsonl").read_bytes(), params(folder / "agent")
    told = []
    agents = train(ENV, CONFIG, folder, tensorboard=False, resume=True, progress=told.append)
    assert agents == [folder / "agent"] and told == []
    assert before == ((folder / "metrics.jsonl").read_bytes(), params(folder / "agent"))


@pytest.mark.slow
def test_another_configuration_is_refused_by_the_name_of_what_differs(whole):
    folder, _ = whole
    other = dataclasses.replace(CONFIG, lr=0.02)
    with pytest.raises(BadArgument, match=r"started with lr = 0\.01, and 0\.02 is given"):
        train(ENV, other, folder, resume=True)
    with pytest.raises(BadArgument, match="started with seed = 0, and 1 is given"):
        train(ENV, CONFIG, folder, seed=1, resume=True)
    with pytest.raises(BadArgument, match="holds a run already"):
        train(ENV, CONFIG, folder)


@pytest.mark.slow
def test_a_run_may_start_with_the_parameters_of_an_agent_of_the_same_network(whole, tmp_path):
    folder, _ = whole
    given = str(folder / "agent")

    def first(**changes):
        config = dataclasses.replace(CONFIG, **changes)
        run = training.Run(arenas.make(ENV), config, tmp_path, "ippo", [0])
        return run, run.first_state()

    run, state = first(start=given)
    assert run.origin and run.origin["steps"] == 32 * 120 and run.origin["seed"] == 0
    ours, theirs = state.groups[0].params["policy"], arenas.load_agent(given, ENV).params
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    _, fresh = first()
    assert any(
        (a != b).any()
        for a, b in zip(
            *map(jax.tree.leaves, (ours, fresh.groups[0].params["policy"])), strict=True
        )
    )
    with pytest.raises(BadArgument, match=r"hidden = 8; accepted is that of this run, 16"):
        first(start=given, hidden=16)
    with pytest.raises(BadArgument, match=r"'rrps/copy'; accepted are exported agents"):
        first(start="rrps/copy")
    with pytest.raises(BadArgument):
        train(ENV, dataclasses.replace(CONFIG, start="rrps/copy"), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    # What goes on needs the agent no more.
    run = training.Run(
        arenas.make(ENV), dataclasses.replace(CONFIG, start="gone"), tmp_path, "ippo", [0]
    )
    run.first_state(begin=False)


def test_lines_after_the_checkpoint_and_what_is_no_line_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"update": 1}\n{"update": 2}\n{"update": 3}\n{"upd')
    records.forget_after(path, 2)
    assert path.read_text() == '{"update": 1}\n{"update": 2}\n'


def test_evaluations_are_spread_evenly_and_the_last_is_at_the_end():
    for updates, evaluations, expected in (
        (10, 2, {5, 10}),
        (10, 3, {4, 7, 10}),
        (3, 10, {1, 2, 3}),
        (5, 0, set()),
    ):
        config = Config(num_envs=1, rollout=1, steps=updates, evaluations=evaluations)
        assert training._marks(config) == expected


def test_what_is_no_configuration_of_a_run_is_refused(tmp_path):
    for text in ("{", "[]", "{}"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(BadFile, match=r"config\.json is not the configuration of a run"):
            records.read_settings(tmp_path)


def test_a_number_that_is_none_is_written_as_null():
    assert records._plain(np.array([1.5, np.nan])) == [1.5, None]

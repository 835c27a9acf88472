"""``arenas train`` as a person runs it."""

import dataclasses
import json
import time

import pytest
from test_cli import arenas, interrupt, start

from arenas.agents.ppo.config import Config
from arenas.cli import main

SMALL = ("--num-envs", 4, "--rollout", 8, "--hidden", 8, "--epochs", 1, "--minibatches", 2)


@pytest.fixture
def refused(capsys):
    """Run in this process what should be refused; its message."""

    def run(*args):
        with pytest.raises(SystemExit) as end:
            main(["train", *map(str, args)])
        out, err = capsys.readouterr()
        assert end.value.code == 2 and "Traceback" not in out + err
        return err

    return run


def test_every_hyperparameter_is_a_flag_with_help(ok):
    out = ok("train", "--help")
    for field in dataclasses.fields(Config):
        assert f"--{field.name.replace('_', '-')}" in out
    for word in ("lambda of generalised advantage", "Ctrl-C", "--resume", "--seeds"):
        assert word in out


@pytest.mark.slow
def test_several_agents_are_trained_at_once_exported_and_play(ok, tmp_path):
    run = tmp_path / "run"
    args = ("train", "ippo", "--env", "rrps-v0,throws=8", "--steps", 64, *SMALL, "--out", run)
    args = (*args, "--opponents", "rrps/copy", "--evaluations", 1, "--eval-episodes", 4)
    result = json.loads(ok(*args, "--seeds", 2, "--json"))
    assert result["agents"] == [str(run / "agent-0"), str(run / "agent-1")]
    assert result["last"]["steps"] == 64
    assert [row["seed"] for row in result["evaluations"]] == [0, 1]
    rows = [json.loads(x) for x in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(r["seed"], r["update"]) for r in rows] == [(0, 1), (1, 1), (0, 2), (1, 2)]
    played = ok("match", "rrps-v0,throws=8", "--agents", *result["agents"], "--json")
    assert json.loads(played)["episodes"][0]["length"] == 8


def test_what_is_not_accepted_is_refused_with_what_is(tmp_path, refused):
    def at(*args, env="rrps-v0,throws=8"):
        return refused("ippo", "--env", env, "--steps", 64, *SMALL, "--out", tmp_path / "x", *args)

    err = at("--gamma", 2)
    assert "gamma is 2.0; accepted are numbers from 0 to 1" in err
    assert "preset of rrps" not in err
    err = at("--opponents", "rrps/cop")
    assert "rrps/copy" in err
    assert "preset of rrps: " in err and "--lr 0.002" in err and "--network gru" in err
    assert "--hidden 32" not in err  # what is given is not the preset's
    assert "--no-greedy" in err and "--eval-against" not in err
    assert "--greedy and --no-greedy are given" in at("--greedy", "--no-greedy")
    assert "'rrps/greenberg' runs on the host" in at("--opponents", "rrps/greenberg")
    assert "rrps-v0" in at(env="rrsp-v0")
    assert "hides nothing by name" in at("--auxiliary", "goal")
    assert "opponent" in at("--opponents", "rrps/copy", "--auxiliary", "oponent")
    assert "no environment is named" in refused("ippo", "--steps", 64)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_ctrl_c_exports_and_a_run_goes_on_from_there_unless_it_is_damaged(ok, tmp_path, refused):
    run = tmp_path / "run"
    args = ("train", "ippo", "--env", "rrps-v0,throws=8", "--steps", 10**9, *SMALL, "--out", run)
    lines = run / "metrics.jsonl"

    def until_interrupted(*args, more=2):
        process = start(*args, start_new_session=True)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if lines.exists() and lines.read_text().count("\n") >= more:
                break
            time.sleep(0.05)
        code, out, err = interrupt(process)
        assert code == 130 and "Traceback" not in out + err
        card = json.loads((run / "agent" / "agent.json").read_text())
        updates = [json.loads(x)["update"] for x in lines.read_text().splitlines()]
        assert updates == list(range(1, len(updates) + 1))
        assert card["training"]["interrupted"]
        assert card["training"]["steps"] == 32 * len(updates) > 0
        assert (run / "checkpoints" / str(len(updates))).is_dir()
        return len(updates)

    first = until_interrupted(*args)
    second = until_interrupted("train", "ippo", "--resume", "--out", run, more=first + 1)
    assert second > first
    ok("match", "rrps-v0,throws=8", "--agents", run / "agent", "rrps/copy", "--json")
    assert "holds a run already" in refused(*args[1:])
    err = refused("ippo", "--resume", "--out", run, "--lr", 0.5)
    assert "started with lr = 0.002, and 0.5 is given" in err
    err = refused("mappo", "--resume", "--out", run)
    assert "started with algorithm = 'ippo', and 'mappo' is given" in err
    for file in (run / "checkpoints" / str(second) / "state").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:3])
    code, _, err = arenas("train", "ippo", "--resume", "--out", run)  # no traceback
    assert code == 2 and "cannot be read" in err

"""``arenas train`` as a person runs it."""

import json
import time

import pytest
from test_cli import arenas, interrupt, ok, start

SMALL = ("--num-envs", 4, "--rollout", 8, "--hidden", 8, "--epochs", 1, "--minibatches", 2)


def test_every_hyperparameter_is_a_flag_with_help():
    out = ok("train", "--help")
    for word in ("--gae-lambda", "--entropy-final", "lambda of generalised advantage", "Ctrl-C"):
        assert word in out


@pytest.mark.slow
def test_a_trained_agent_is_exported_and_plays(tmp_path):
    run = tmp_path / "run"
    args = ("train", "ippo", "--env", "rrps-v0,throws=8", "--steps", 64, *SMALL, "--out", run)
    result = json.loads(ok(*args, "--json"))
    assert result["last"]["steps"] == 64
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2
    played = ok("match", "rrps-v0,throws=8", "--agents", result["agent"], "rrps/copy", "--json")
    assert json.loads(played)["episodes"][0]["length"] == 8
    code, _, err = arenas(*args)
    assert code == 2 and "holds a run already" in err


def test_bad_values_are_refused_with_what_is_accepted(tmp_path):
    code, _, err = arenas("train", "ippo", "--env", "rrps-v0", "--gamma", 2, "--out", tmp_path)
    assert code == 2 and "gamma is 2.0; accepted are numbers from 0 to 1" in err


@pytest.mark.slow
def test_ctrl_c_exports_what_was_learnt_so_far(tmp_path):
    run = tmp_path / "run"
    args = ("train", "ippo", "--env", "rrps-v0,throws=8", "--steps", 10**9, *SMALL, "--out", run)
    process = start(*args, start_new_session=True)
    lines, deadline = run / "metrics.jsonl", time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if lines.exists() and lines.read_text().count("\n") >= 2:
            break
        time.sleep(0.05)
    code, out, err = interrupt(process)
    assert code == 130 and "Traceback" not in out + err
    card = json.loads((run / "agent" / "agent.json").read_text())
    updates = len(lines.read_text().splitlines())
    assert card["training"]["interrupted"] and card["training"]["steps"] == 32 * updates > 0
    ok("match", "rrps-v0,throws=8", "--agents", run / "agent", "rrps/copy", "--json")

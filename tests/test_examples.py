"""The examples run as a user runs them, in reduced form."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import arenas

EXAMPLES = Path(__file__).parent.parent / "examples"
ENV = "rrps-v0,throws=100,recall=2"


def run(script, *arguments, cwd):
    cache = Path(__file__).parent.parent / ".cache" / "jax"
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs_sb3():
    return pytest.importorskip(
        "stable_baselines3",
        reason="Stable-Baselines3 is not installed (docs/examples.md): pip install 'arenas[sb3]'",
    )


def shown(text, name):
    """The numbers that the example prints on its lines of this name."""
    return [float(n.replace(",", "")) for n in re.findall(rf"^  {name} +([\d.,]+)", text, re.M)]


@pytest.mark.slow
def test_jaxmarls_wrappers_drive_our_environments(tmp_path):
    text = run("jaxmarl_wrappers.py", "--envs", "8", "--steps", "60", cwd=tmp_path)
    assert "SMAXLogWrapper on smax-3m-v0: 8 environments, 60 steps each" in text
    assert min(shown(text, "steps per second")) > 0
    logged, managed = shown(text, "episodes ended")
    assert logged == managed >= 8, "both play the same episodes"
    assert 0 < shown(text, "mean returns")[0] < 2
    assert 0 <= shown(text, "win rate")[0] <= 1
    assert 3 < shown(text, "mean length")[0] <= 60
    size = arenas.make("smax-3m-v0", api="jaxmarl").state_size
    assert f"global state       ({size},)" in text


@pytest.mark.slow
def test_stable_baselines3_trains_an_agent_that_beats_random_in_a_tournament(tmp_path):
    needs_sb3()
    arguments = ("--steps", "30000", "--episodes", "2", "--entrants", "random", "--out", "agent")
    text = run("sb3_supersuit.py", *arguments, cwd=tmp_path)
    results = json.loads((tmp_path / "agent" / "results.json").read_text())
    assert results["missing_episodes"] == 0
    lines = {s["agent"]: s for s in results["standings"]}
    ours = lines["sb3_supersuit:Sb3Agent,path=agent"]
    assert "sb3_supersuit:Sb3Agent,path=agent" in text
    assert all(s["forfeits"] == 0 for s in lines.values())
    assert (
        ours["mean"] - ours["half_width"] > lines["random"]["mean"] + lines["random"]["half_width"]
    )
    assert ours["mean"] > 15
    kept = {f.suffix for f in (tmp_path / "agent").iterdir()}
    assert kept == {".json", ".safetensors", ".db", ".csv"}, "no pickles"


@pytest.mark.filterwarnings("ignore")
def test_the_saved_policy_is_the_trained_one(tmp_path, monkeypatch):
    needs_sb3()
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("sb3_supersuit")
    env = arenas.make_host(ENV)
    policy = example.new_policy(env.observation_space, env.action_space, [8, 8])
    example.save(policy, ENV, [8, 8], tmp_path)
    agents = [arenas.load_agent(f"sb3_supersuit:Sb3Agent,path={tmp_path}", env) for _ in range(2)]
    observation = env.reset(seed=1).observation[0]
    expected = policy.get_distribution(policy.obs_to_tensor(observation)[0]).distribution.probs
    for agent in agents:
        np.testing.assert_array_equal(agent.probabilities(observation), expected[0].tolist())
        agent.reset(0, seed=3)
    mask = np.array([True, False, True])
    actions = [[a.act(observation, mask) for _ in range(50)] for a in agents]
    assert actions[0] == actions[1], "the seed decides"
    assert set(actions[0]) == {0, 2}, "legal actions alone"


@pytest.mark.filterwarnings("ignore")
def test_the_other_seat_is_played_by_the_named_players(monkeypatch):
    """Rock is always thrown by one of them, and what beats our last throw by the other."""
    needs_sb3()
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("sb3_supersuit")
    players = ("rrps/rockbot", "rrps/copybot")
    env = example.Against(arenas.parallel_env("rrps-v0", throws=6), "rrps-v0,throws=6", players)
    met = set()
    for seed in range(8):
        observations, _ = env.reset(seed=seed)
        assert list(observations) == env.agents == env.possible_agents == ["player_0"]
        theirs = []
        for ours in (0, 1, 2, 0, 1, 2):
            observations, rewards, *_ = env.step({"player_0": ours})
            theirs.append(int(np.argmax(observations["player_0"][3:6])))
            assert rewards == {"player_0": [0, 1, -1][(ours - theirs[-1]) % 3]}
        assert env.agents == []
        rock, beats_last = [0] * 6, [1, 1, 2, 0, 1, 2]
        assert theirs in (rock, beats_last)
        met.add(tuple(theirs))
    assert len(met) == 2

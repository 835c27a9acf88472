"""Distillation: a student answers as its teacher does, also where its own play leads."""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Nim

import arenas
from arenas.agents.ppo import export, losses, networks
from arenas.errors import BadArgument
from arenas.match import DeviceMatches

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import distil

NIM = Nim(pile=30)


def teacher(env, kind="mlp", greedy=True):
    """A network that nobody trained, but which is sure of what it does."""
    leaves = networks.describe(env.observation_space)
    spec = networks.Spec(leaves, env.num_actions, kind, 24, 1, kind == "mlp", (4,))
    params = networks.build(spec, jax.random.key(1))[1]
    params["policy"]["last"] = jax.tree.map(lambda x: x * 300, params["policy"]["last"])
    return export.LearnedAgent(env, spec, params, greedy=greedy)


def lessons(master, hidden, updates=1):
    return distil.Distillation(NIM, master, hidden, 64, updates, 3e-3, 0.25)


def answers(spec, params):
    """Logits ``[30, 3]`` and values ``[30]`` of every pile, for the seat whose turn it is."""
    pile = jnp.arange(1, NIM.pile + 1)
    seen = {"mine": jnp.ones((1, NIM.pile, 1), jnp.int8), "pile": pile[None]}
    no = jnp.zeros((1, NIM.pile), bool)
    _, said = networks.apply(
        networks.structure(spec), params, seen, jnp.zeros((NIM.pile, 0)), no, ~no
    )
    mask = jnp.arange(1, 4) <= pile[:, None]
    return np.asarray(losses.masked_logits(said["logits"][0], mask)), np.asarray(said["value"][0])


def test_a_student_as_wide_as_its_teacher_begins_as_the_same_policy():
    master = teacher(NIM)
    same = lessons(master, master.spec.hidden)
    logits, _ = answers(same.spec, same.init(jax.random.key(1)).params)
    expected, _ = answers(master.spec, master.params)
    assert np.ptp(expected[4:]) > 1
    # Ridge regression moves them a little.
    np.testing.assert_allclose(logits, expected, atol=0.02 * np.ptp(expected[4:]))


def test_a_smaller_student_learns_the_decisions_and_values_of_its_teacher():
    master = teacher(NIM)
    small = lessons(master, 8, updates=600)
    state = small.init(jax.random.key(1))
    expected, values = answers(master.spec, master.params)

    def apart(state):
        logits, value = answers(small.spec, state.params)
        kl = np.asarray(distil.divergence(jnp.asarray(expected), jnp.asarray(logits)))
        return kl.mean(), ((value - values) ** 2).mean() / values.var(), logits.argmax(-1)

    before = apart(state)
    state, sums = small.run(state, jax.random.key(2), 600)
    kl, error, decided = apart(state)
    assert kl < 0.3 * before[0] and error < 0.3 * before[1]
    right = expected.argmax(-1)
    assert np.bincount(right).max() < 0.7 * NIM.pile  # one action for all piles would not do
    assert (decided == right).mean() >= 0.9
    assert sums["decisions"] == 600 * 64  # one of the two seats decides
    assert sums["episodes"] > 600


def test_the_command_exports_an_agent_that_plays_as_the_teacher(tmp_path, monkeypatch):
    env = arenas.make("kuhn-v0")
    master = teacher(env)
    about = {"command": "arenas train ippo --env kuhn-v0", "seed": 3, "config": {}}
    source = export.save(
        tmp_path / "teacher", env, master.spec, master.params, greedy=True, training=about
    )
    given = ["--teacher", str(source), "--env", "kuhn-v0", "--out", str(tmp_path / "out")]
    given += ["--hidden", "12", "--copies", "64", "--steps", "6400", "--episodes", "50"]
    monkeypatch.setattr(sys, "argv", ["benchmarks/distil.py", *given])
    with pytest.raises(SystemExit) as ended:
        distil.command(distil.main)
    assert ended.value.code == 0
    card = json.loads((tmp_path / "out" / "agent" / "agent.json").read_text())
    training = card["training"]
    assert training["command"] == f"python benchmarks/distil.py {' '.join(given)}"
    assert training["steps"] == 6400 and not training["interrupted"]
    assert training["teacher"] == {"command": about["command"], "seed": 3}
    assert card["network"]["hidden"] == 12 and card["network"]["layers"] == 2
    agents = [arenas.load_agent(str(f), env) for f in (tmp_path / "out" / "agent", source)]
    matches = DeviceMatches(env, agents)  # the student by itself, then the teacher, same seeds
    found = list(matches.play([[0, 0]] * 60 + [[1, 1]] * 60, [*range(60)] * 2))
    played = [e.actions.tolist() for e in found]
    games = list(zip(played[:60], played[60:], strict=True))
    assert len({str(b) for _, b in games}) > 1
    assert np.mean([a == b for a, b in games]) > 0.9


def test_what_cannot_teach_or_learn_is_refused():
    with pytest.raises(BadArgument, match="has a memory"):
        lessons(teacher(NIM, "gru"), 8)
    with pytest.raises(BadArgument, match="accepted are 1 to 24"):
        lessons(teacher(NIM), 25)
    with pytest.raises(BadArgument, match="accepted are exported agents"):
        lessons("random", 8)

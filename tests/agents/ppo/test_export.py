"""Exported agents: they play as they were, and what is not one is refused with its reason."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from toys import Nim, Race

import arenas
from arenas.agents.ppo import export, networks
from arenas.errors import BadArgument, BadFile

ENV = arenas.make("rrps-v0", throws=10)


@pytest.fixture
def folder(tmp_path):
    spec = networks.Spec(networks.describe(ENV.observation_space), 3, "gru", 8, 1, False, (4,))
    params = networks.build(spec, jax.random.key(1))[1]
    saved = export.save(tmp_path / "a", ENV, spec, params, greedy=False, training={"seed": 1})
    agent = arenas.load_agent(str(saved), ENV)
    jax.tree.map(np.testing.assert_array_equal, agent.params, params)
    return saved


def test_an_agent_plays_the_same_on_the_device_and_on_the_host(folder):
    device = arenas.play(ENV, [str(folder), "rrps/copy"], episodes=2, seed=5)
    host = arenas.play(ENV, [str(folder), "rrps/copy"], episodes=1, seed=5)
    np.testing.assert_array_equal(device[0].actions, host[0].actions)
    assert device[0].agents == (str(folder), "rrps/copy")


def test_greedy_is_an_argument_of_its_name(folder):
    assert arenas.load_agent(f"{folder},greedy=true", ENV).greedy
    assert not arenas.load_agent(str(folder), ENV).greedy


def test_another_game_or_observation_is_refused(folder):
    with pytest.raises(BadArgument, match="plays 'rrps', not 'hanabi'"):
        arenas.load_agent(str(folder), "hanabi-very-small-v0")
    with pytest.raises(BadArgument, match=r"observation \(7,\).*\(13,\)"):
        arenas.load_agent(str(folder), arenas.make("rrps-v0", recall=2))
    with pytest.raises(BadArgument, match="knows 3 actions"):
        arenas.load_agent(str(folder), "rrps-water-v0")


def test_a_damaged_file_is_refused(folder):
    params = folder / "params.safetensors"
    whole = params.read_bytes()
    for broken in (whole[:-5], whole[:4], b""):
        params.write_bytes(broken)
        with pytest.raises(BadFile, match="damaged"):
            arenas.load_agent(str(folder), ENV)
    params.write_bytes(whole)
    card = json.loads((folder / "agent.json").read_text())
    for change, message in (
        ({"format": 99}, "format 99; this version reads 1"),
        ({"network": {}}, "not described as expected"),
        ({"network": {**card["network"], "hidden": 9}}, "the network needs"),
    ):
        (folder / "agent.json").write_text(json.dumps({**card, **change}))
        with pytest.raises(BadFile, match=message):
            arenas.load_agent(str(folder), ENV)
    (folder / "agent.json").write_text("{")
    with pytest.raises(BadFile, match="not an agent's card"):
        arenas.load_agent(str(folder), ENV)


def test_parameters_may_be_kept_in_half_precision_and_in_no_other(folder):
    params = folder / "params.safetensors"
    whole = safetensors.numpy.load(params.read_bytes())

    def kept(dtype):
        params.write_bytes(safetensors.numpy.save({n: x.astype(dtype) for n, x in whole.items()}))
        return arenas.load_agent(str(folder), ENV).params

    for where, x in jax.tree_util.tree_leaves_with_path(kept(np.float16)):
        expected = whole[jax.tree_util.keystr(where)].astype(np.float16).astype(np.float32)
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, expected)
    with pytest.raises(BadFile, match="float64"):
        kept(np.float64)


def test_an_agent_enters_a_tournament_by_its_folder(folder, tmp_path):
    from arenas.evaluation import Store, Tournament

    contest = Tournament("rrps-v0,throws=10", [str(folder), "rrps/rock"], episodes=1)
    with Store(str(tmp_path / "rows.db")) as rows:
        contest.play(rows)
        standings = contest.results(rows).standings
    assert {s.agent for s in standings} == {str(folder), "rrps/rock"}
    assert sum(s.forfeits for s in standings) == 0


def test_each_seat_plays_with_the_parameters_of_its_group(tmp_path):
    env = Race()
    spec = networks.Spec(networks.describe(env.observation_space), 3, "gru", 8, 1, False, (4,))
    groups = tuple(
        jax.tree.map(lambda x: 5 * x, networks.build(spec, jax.random.key(i))[1]) for i in (1, 2)
    )
    folder = export.save(
        tmp_path / "a", env, spec, groups, greedy=True, training={}, group_of=(1, 0, 1)
    )
    agent = export.load(env, folder)
    seen = np.random.default_rng(0).normal(size=(12, 3, 2)).astype(np.float32)
    yes, key = jnp.ones((1, 1), bool), jax.random.key(0)
    act, chosen = jax.jit(agent.act), []
    for seat, group in enumerate((1, 0, 1)):
        carry, memory = agent.init(key, jnp.int32(seat)), jnp.zeros((1, 8))
        for x in seen[:, seat]:
            carry, action = act(agent.params, carry, x, jnp.ones(3, bool), key)
            memory, answers = networks.apply(
                networks.structure(spec), groups[group], x[None, None], memory, ~yes, yes
            )
            assert int(action) == int(answers["logits"].argmax())
            np.testing.assert_allclose(carry[0], memory[0], atol=1e-5)
            chosen.append(int(action))
    assert len(set(chosen)) > 1
    with pytest.raises(BadArgument, match="parameters for 3 seats; .* has 2"):
        export.load(Nim(), folder)


def test_a_group_that_is_not_there_is_refused(folder):
    card = json.loads((folder / "agent.json").read_text())
    for groups in ([0, 2], [-1, 0]):
        (folder / "agent.json").write_text(json.dumps({**card, "group_of": groups}))
        with pytest.raises(BadFile, match="group_of is"):
            arenas.load_agent(str(folder), ENV)
    (folder / "agent.json").write_text(json.dumps({**card, "group_of": [0, 1]}))
    with pytest.raises(BadFile, match="the network needs"):  # parameters of one group only
        arenas.load_agent(str(folder), ENV)

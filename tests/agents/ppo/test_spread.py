"""Training on two devices computes what it computes on one, and goes on bit for bit."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Alternating, Nim, Race

from arenas.agents.ppo import losses, spread
from arenas.agents.ppo.config import Config
from arenas.agents.ppo.learner import Learner
from arenas.agents.ppo.train import train
from arenas.errors import BadArgument

# A large epsilon of Adam: with a small one the first steps are the gradients' signs, and a
# gradient of nearly 0 has another sign for another order of a sum.
SMALL = {"hidden": 8, "layers": 1, "lr": 0.1, "adam_eps": 0.1}
WITH_MEMORY = (
    "ippo",
    [Alternating()],
    {"network": "gru", "self_play": 0.5, "auxiliary": "opponent", "minibatches": 2},
)
WITH_CRITIC = ("mappo", [], {"minibatches": 2})  # and only the rows of whose turn it is


def trained(devices, algorithm, opponents, values, seeds=()):
    """The state and the metrics after four updates in two calls."""
    names = ("alternating",) * len(opponents)
    config = Config(
        num_envs=8, rollout=8, steps=8 * 8 * 4, devices=devices, opponents=names, **SMALL, **values
    ).check()
    learner = Learner(Nim(), config, algorithm, opponents)
    if seeds:
        state = jax.vmap(learner.init)(jnp.stack([jax.random.key(s) for s in seeds]))
    else:
        state = jax.jit(learner.init)(jax.random.key(3))
    state, first = learner.run(state, 2, seeds=bool(seeds))
    state, second = learner.run(state, 2, seeds=bool(seeds))
    axis = 1 if seeds else 0
    return state, {n: np.concatenate([first[n], second[n]], axis) for n in first}


def assert_same(ours, other):
    (state, metrics), (reference, expected) = ours, other
    assert set(metrics) == set(expected)
    for name, values in metrics.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-4, err_msg=name)
    assert metrics["policy"].any()
    for got, want in zip(state.groups, reference.groups, strict=True):
        for a, b in zip(jax.tree.leaves(got.params), jax.tree.leaves(want.params), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.slow
def test_two_devices_learn_what_one_does():
    ours = trained(2, *WITH_MEMORY)
    assert_same(ours, trained(1, *WITH_MEMORY))
    # And each of them has half of the work, after a call as before it.
    place = ours[0].playing.returns.sharding
    assert len(place.device_set) == 2 and not place.is_fully_replicated


@pytest.mark.slow
def test_so_do_several_seeds_at_once():
    ours = trained(2, *WITH_CRITIC, seeds=(0, 1))
    assert_same(ours, trained(1, *WITH_CRITIC, seeds=(0, 1)))
    assert not np.allclose(*ours[1]["value"])


def test_parts_of_a_mean_add_up_to_it():
    rng = np.random.default_rng(0)
    advantage = rng.normal(3, 2, size=(2, 30)).astype(np.float32)
    weight = (rng.random((2, 30)) < [[0.2], [0.9]]).astype(np.float32)  # unequal parts

    def parts(advantage, weight):
        scaled = losses.normalized(advantage, weight, "parts")
        return scaled, losses.weighted_mean(advantage, weight, "parts")

    scaled, mean = jax.vmap(parts, axis_name="parts")(advantage, weight)
    counted = advantage[weight > 0]
    assert np.isclose(mean.sum(), counted.mean(), rtol=1e-5)
    expected = (advantage - counted.mean()) / counted.std()
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-5)


RUN = Config(
    num_envs=4, rollout=8, steps=32 * 40, hidden=8, layers=1, epochs=1, minibatches=2, lr=0.01,
    opponents=("rrps/copy",), evaluations=4, eval_episodes=8, network="gru", devices=2,
).check()  # fmt: skip


@pytest.mark.slow
def test_a_run_on_two_devices_that_breaks_off_ends_as_one_that_does_not(tmp_path):
    def breaks(row):
        if row["update"] == 25:
            raise ZeroDivisionError

    def files(name):
        place = tmp_path / name
        rows = (place / "evaluations.jsonl").read_text().splitlines()
        params = (place / "agent" / "params.safetensors").read_bytes()
        return params, [r.split('"return"')[1] for r in rows]  # without the seconds before it

    train("rrps-v0,throws=8", RUN, tmp_path / "whole", tensorboard=False)
    with pytest.raises(ZeroDivisionError):
        train("rrps-v0,throws=8", RUN, tmp_path / "broken", tensorboard=False, progress=breaks)
    train("rrps-v0,throws=8", RUN, tmp_path / "broken", tensorboard=False, resume=True)
    assert files("broken") == files("whole")


def test_what_devices_cannot_divide_is_refused():
    with pytest.raises(BadArgument, match="num_envs is 4, and devices is 3"):
        dataclasses.replace(RUN, devices=3).check()
    with pytest.raises(BadArgument, match="devices is 0; accepted are numbers from 1"):
        dataclasses.replace(RUN, devices=0).check()
    config = Config(num_envs=2, rollout=4, steps=8, network="gru", minibatches=2, devices=2)
    with pytest.raises(BadArgument, match=r"a minibatch has 3 sequences .*, and devices is 2"):
        Learner(Race(), config.check())
    with pytest.raises(BadArgument, match=r"devices is 99; accepted here are at most \d+ \(cpu\)"):
        spread.mesh(99)

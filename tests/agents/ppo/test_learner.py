"""Learning on games whose optimum is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Nim, Race

from arenas.agents.ppo import losses
from arenas.agents.ppo.config import Config
from arenas.agents.ppo.learner import Learner
from arenas.errors import BadArgument

NIM = {"num_envs": 64, "rollout": 32, "steps": 64 * 32 * 60, "lr": 3e-3, "hidden": 32}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "network"), [("ippo", "mlp"), ("mappo", "gru")], ids=["ippo-mlp", "mappo-gru"]
)
def test_self_play_learns_to_leave_a_multiple_of_four_in_nim(algorithm, network):
    # Whoever leaves a multiple of four wins: the reward comes on the other seat's turn, or later.
    config = Config(network=network, layers=1, **NIM).check()
    learner = Learner(Nim(), config, algorithm)
    state, metrics = learner.run(jax.jit(learner.init)(jax.random.key(3)), config.updates)
    assert np.isfinite(metrics["value"]).all()
    piles = np.array([p for p in range(1, 10) if p % 4])
    observation = {
        "mine": jnp.ones((len(piles), 2, 1), jnp.int8),
        "pile": jnp.repeat(jnp.asarray(piles)[:, None], 2, 1),
    }
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), observation)
    yes = jnp.ones(2 * len(piles), bool)
    memory = jax.tree.map(lambda x: jnp.zeros((len(yes), x.shape[1])), state.memory)
    _, logits, _ = learner._step_networks(state.params, flat, memory, yes, yes)
    legal = jnp.arange(1, 4)[None] <= flat["pile"][:, None]
    best = losses.masked_logits(logits, legal).argmax(-1)[::2] + 1
    np.testing.assert_array_equal(best, piles % 4)


@pytest.mark.slow
def test_the_same_key_gives_the_same_parameters_however_updates_are_chunked():
    config = Config(num_envs=4, rollout=8, steps=4 * 8 * 4, hidden=8, minibatches=2).check()
    learner = Learner(Race(), config)
    start = jax.jit(learner.init)
    whole, _ = learner.run(start(jax.random.key(0)), 4)
    state = start(jax.random.key(0))
    for _ in range(2):
        state, _ = learner.run(state, 2)
    jax.tree.map(np.testing.assert_array_equal, whole.params, state.params)


def test_minibatches_that_do_not_divide_are_refused():
    with pytest.raises(BadArgument, match="do not divide into 5 minibatches"):
        Learner(Race(), Config(num_envs=4, rollout=8, steps=32, minibatches=5))

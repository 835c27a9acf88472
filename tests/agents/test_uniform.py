"""The random player against what uniform means."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats
from toys import Aim, Nim

from arenas.agents.uniform import RandomAgent

KEYS = jax.random.split(jax.random.key(0), 3000)


def test_every_legal_action_is_as_likely_and_no_other_is_taken():
    agent = RandomAgent(Nim())
    mask = jnp.array([True, False, True])
    _, actions = jax.vmap(lambda k: agent.act((), (), None, mask, k))(KEYS)
    counts = np.bincount(np.asarray(actions), minlength=3)
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2]]).pvalue > 1e-4


def test_a_single_legal_action_is_taken():
    agent = RandomAgent(Nim())
    for legal in range(3):
        mask = jnp.arange(3) == legal
        _, actions = jax.vmap(lambda k, m=mask: agent.act((), (), None, m, k))(KEYS[:50])
        assert set(np.asarray(actions).tolist()) == {legal}


def test_in_a_box_every_dimension_is_uniform_between_its_bounds():
    agent = RandomAgent(Aim())
    _, actions = jax.vmap(lambda k: agent.act((), (), None, jnp.ones(2, bool), k))(KEYS)
    assert actions.shape == (3000, 2)
    for column in np.asarray(actions).T:
        assert stats.kstest(column, "uniform", (-1, 2)).pvalue > 1e-4

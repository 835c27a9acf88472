"""SMAX's continuous actions against JaxMARL's, with the same draws."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smax_states import NAMES, battles, oracle, their_state

from arenas.envs.smax.continuous import NO_ATTACK, decode
from arenas.envs.smax.scenarios import NUM_MOVES, SCENARIOS

COUNT = 500


@functools.cache
def _theirs(name):
    env = oracle(name, action_type="continuous")

    def act(key, state, action):
        # JaxMARL draws Gumbels for (first, second) outcome; the first comes out where
        # log p + g0 > log(1 - p) + g1, which is where sigmoid(g1 - g0), a uniform, is below p.
        keys = jax.random.split(key)
        gumbel = jnp.stack([jax.random.gumbel(k, (2, env.num_agents)) for k in keys], axis=-1)
        uniform = jax.nn.sigmoid(gumbel[1] - gumbel[0])
        return *env._decode_actions(key, state, action), uniform

    return jax.jit(jax.vmap(act))


@functools.cache
def _ours(name):
    return jax.jit(jax.vmap(functools.partial(decode, num_allies=SCENARIOS[name].num_allies)))


def _arrays(battle):
    return battle["position"], battle["health"], battle["last_attack"]


def _turned(action):
    """Our action of the meaning of JaxMARL's, whose probabilities are those not to."""
    return np.concatenate([1 - action[..., :2], action[..., 2:]], axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_movements_and_attacks_are_jaxmarls_for_the_opposite_probabilities(name):
    battle = battles(name, COUNT, seed=0, deaths=0)
    units = battle["health"].shape[1]
    action = np.random.default_rng(1).random((COUNT, units, 4)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), COUNT)
    movement, attack, uniform = _theirs(name)(keys, their_state(battle), action)
    draws = 1 - uniform
    our_movement, our_attack = _ours(name)(_turned(action), *_arrays(battle), draws)
    clear = (np.abs(uniform - action[..., :2]) > 1e-5).all(-1)
    assert clear.mean() > 0.99
    np.testing.assert_allclose(our_movement[clear], movement[clear], atol=1e-5)
    assert (our_attack == attack)[clear].mean() == 1
    assert (attack != NO_ATTACK).any(axis=0).all()


@pytest.mark.parametrize("draw", [0.0, 0.3, 1 - 2.0**-24])
def test_do_shoot_1_always_shoots_and_0_never_does(draw):
    battle = battles("3m", COUNT, seed=1, deaths=0)
    action = np.random.default_rng(1).random((COUNT, 6, 4)).astype(np.float32)
    action[..., 0] = 0
    draws = np.full((COUNT, 6, 2), draw, np.float32)
    action[..., 1] = 1
    movement, attack = _ours("3m")(action, *_arrays(battle), draws)
    assert (attack >= NUM_MOVES).all()
    assert (movement == 0).all()
    action[..., 1] = 0
    movement, attack = _ours("3m")(action, *_arrays(battle), draws)
    assert (attack == NO_ATTACK).all()
    np.testing.assert_allclose(np.linalg.norm(movement, axis=-1), action[..., 2], atol=1e-5)


def test_jaxmarls_do_shoot_1_never_shoots():
    battle = battles("3m", COUNT, seed=1, deaths=0)
    action = np.full((COUNT, 6, 4), [0.5, 1, 0.5, 0.5], np.float32)
    keys = jax.random.split(jax.random.key(0), COUNT)
    assert (_theirs("3m")(keys, their_state(battle), action)[1] == NO_ATTACK).all()


@pytest.mark.parametrize("draw", [0.0, 0.3, 1 - 2.0**-24])
def test_shoot_last_enemy_1_always_repeats_the_attack_and_0_never_does(draw):
    battle = battles("3m", COUNT, seed=2, deaths=0)
    draws = np.full((COUNT, 6, 2), draw, np.float32)
    action = np.full((COUNT, 6, 4), [1, 1, 0.5, 0.25], np.float32)
    assert (_ours("3m")(action, *_arrays(battle), draws)[1] == battle["last_attack"]).all()
    action[..., 0] = 0
    position, health, last = _arrays(battle)
    anew = _ours("3m")(action, position, health, last, draws)[1]
    assert (anew == _ours("3m")(action, position, health, np.zeros_like(last), draws)[1]).all()


def test_the_dead_are_not_aimed_at():
    position = np.array([[10, 10], [10.5, 10], [14, 10]], np.float32)
    action = np.array([[0, 1, 0.5, 0]], np.float32)
    state = np.array([1, 1, 1], np.float32), np.zeros(3, np.int32), np.zeros((1, 2), np.float32)
    health, last, draws = state
    assert decode(action, position, health, last, draws, num_allies=1)[1].item() == NUM_MOVES
    health = np.array([1, 0, 1], np.float32)
    assert decode(action, position, health, last, draws, num_allies=1)[1].item() == NUM_MOVES + 1
    health = np.array([1, 0, 0], np.float32)
    assert decode(action, position, health, last, draws, num_allies=1)[1].item() == NO_ATTACK


def test_jaxmarl_aims_at_the_dead():
    battle = battles("3m", COUNT, seed=1, deaths=0.5)
    action = np.full((COUNT, 6, 4), [1, 0, 0.5, 0.5], np.float32)
    keys = jax.random.split(jax.random.key(0), COUNT)
    attack = np.asarray(_theirs("3m")(keys, their_state(battle), action)[1])
    assert (np.take_along_axis(battle["health"][:, 3:], attack[:, :3] - 5, axis=1) == 0).any()


def test_a_vector_points_counterclockwise_from_the_x_axis():
    position = np.array([[10, 10], [20, 10]], np.float32)
    health, last, draws = np.ones(2, np.float32), np.zeros(2, np.int32), np.full((1, 2), 0.5)
    for turns, direction in ((0, (0.5, 0)), (0.25, (0, 0.5)), (0.5, (-0.5, 0)), (1, (0.5, 0))):
        action = np.array([[0, 0, 0.5, turns]], np.float32)
        movement, _ = decode(action, position, health, last, draws.astype(np.float32), num_allies=1)
        np.testing.assert_allclose(movement[0], direction, atol=1e-6)


@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_actions_at_the_bounds_give_numbers(corner):
    battle = battles("5m_vs_6m", COUNT, seed=3, deaths=0.5)
    draws = np.random.default_rng(0).random((COUNT, 11, 2)).astype(np.float32)
    movement, attack = _ours("5m_vs_6m")(
        np.full((COUNT, 11, 4), corner, np.float32), *_arrays(battle), draws
    )
    assert np.isfinite(movement).all()
    assert (attack[:, :5] < NUM_MOVES + 6).all()
    assert (attack[:, 5:] < NUM_MOVES + 5).all()


def test_actions_of_the_allies_alone_are_the_first_rows():
    battle = battles("5m_vs_6m", COUNT, seed=4)
    rng = np.random.default_rng(0)
    action = rng.random((COUNT, 11, 4)).astype(np.float32)
    draws = rng.random((COUNT, 11, 2)).astype(np.float32)
    everyone = _ours("5m_vs_6m")(action, *_arrays(battle), draws)
    allies = _ours("5m_vs_6m")(action[:, :5], *_arrays(battle), draws[:, :5])
    for a, e in zip(allies, everyone, strict=True):
        np.testing.assert_array_equal(a, e[:, :5])

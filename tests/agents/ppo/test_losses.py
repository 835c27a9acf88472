"""Advantages and the objective against plain NumPy, and the recurrent cell against Flax's."""

import jax
import jax.numpy as jnp
import numpy as np

from arenas.agents.ppo import losses

GAMMA, LAMBDA = 0.9, 0.8


def reference(reward, value, acting, terminated, truncated, final, bootstrap, last, last_acting):
    """One seat, forwards: for each decision, look for the seat's next one, and add up."""
    steps = len(reward)
    advantage, weight = np.zeros(steps), np.zeros(steps)
    for t in reversed(range(steps)):
        if not acting[t]:
            continue
        earned, discount, u = 0.0, 1.0, t
        while True:
            earned += discount * reward[u]
            discount *= GAMMA
            if terminated[u]:
                known, next_value, next_advantage = True, 0.0, 0.0
                break
            if truncated[u]:
                known, next_value, next_advantage = bootstrap[u], final[u], 0.0
                break
            u += 1
            if u == steps:
                known, next_value, next_advantage = last_acting, last, 0.0
                break
            if acting[u]:
                known, next_value, next_advantage = True, value[u], advantage[u]
                break
        if known:
            weight[t] = 1
            delta = earned + discount * next_value - value[t]
            advantage[t] = delta + discount * LAMBDA * next_advantage
    return advantage, weight


def test_advantages_between_own_decisions_are_those_of_a_plain_search_for_the_next_one():
    rng = np.random.default_rng(0)
    steps, seats = 40, 60
    shape = (steps, seats)
    reward, value, final = (rng.normal(size=shape).astype(np.float32) for _ in range(3))
    acting, bootstrap = rng.random(shape) < 0.6, rng.random(shape) < 0.5
    terminated = rng.random(shape) < 0.08
    truncated = (rng.random(shape) < 0.08) & ~terminated
    last, last_acting = rng.normal(size=seats).astype(np.float32), rng.random(seats) < 0.5
    got = losses.advantages(
        reward, value, acting, terminated, truncated, final, bootstrap, last, last_acting,
        GAMMA, LAMBDA,
    )  # fmt: skip
    for m in range(seats):
        columns = (x[:, m] for x in (reward, value, acting, terminated, truncated, final))
        expected = reference(*columns, bootstrap[:, m], last[m], last_acting[m])
        np.testing.assert_allclose(got.advantage[:, m], expected[0], atol=1e-5)
        np.testing.assert_array_equal(got.weight[:, m], expected[1])


def test_a_truncation_bootstraps_and_a_termination_does_not():
    def of(terminated):
        one = np.ones((1, 1), np.float32)
        yes, no = np.ones((1, 1), bool), np.zeros((1, 1), bool)
        ends = (yes, no) if terminated else (no, yes)
        zero = np.zeros(1, np.float32)
        return float(
            losses.advantages(
                one, one * 2, yes, *ends, one * 5, yes, zero, zero > 0, GAMMA, LAMBDA
            ).advantage[0, 0]
        )

    assert np.isclose(of(terminated=True), 1 - 2)
    assert np.isclose(of(terminated=False), 1 + GAMMA * 5 - 2)


def test_the_objective_is_that_of_a_loop_in_numpy():
    rng = np.random.default_rng(1)
    n, k, clip = 50, 4, 0.2
    logits = rng.normal(size=(n, k)).astype(np.float32)
    mask = rng.random((n, k)) < 0.7
    action = rng.integers(0, k, n)
    mask[np.arange(n), action] = True
    arrays = [rng.normal(size=n).astype(np.float32) for _ in range(5)]
    value, old_value, advantage, target, noise = arrays
    weight = (rng.random(n) < 0.8).astype(np.float32)
    policy, values, entropies, old = [], [], [], np.zeros(n, np.float32)
    for i in range(n):
        p = np.where(mask[i], np.exp(logits[i].astype(np.float64)), 0)
        p /= p.sum()
        old[i] = np.log(p[action[i]]) + 0.3 * noise[i]
        ratio = p[action[i]] / np.exp(old[i])
        bound = np.clip(ratio, 1 - clip, 1 + clip)
        near = old_value[i] + np.clip(value[i] - old_value[i], -clip, clip)
        if weight[i]:
            policy.append(-min(ratio * advantage[i], bound * advantage[i]))
            values.append(max((value[i] - target[i]) ** 2, (near - target[i]) ** 2) / 2)
            entropies.append(-sum(x * np.log(x) for x in p if x > 0))
    masked = losses.masked_logits(logits, mask)
    got = losses.ppo(
        masked, value, action, old, old_value, advantage, target, weight, clip, clip_value=True
    )
    expected = [np.mean(policy), np.mean(values), np.mean(entropies)]
    np.testing.assert_allclose(got[:3], expected, rtol=1e-4)


def test_what_is_masked_is_never_sampled_and_gets_no_gradient():
    mask = jnp.array([True, False, True])
    logits = jnp.array([0.0, 50.0, 1.0])
    keys = jax.random.split(jax.random.key(0), 2000)
    masked = losses.masked_logits(logits, mask)
    drawn = jax.vmap(lambda k: jax.random.categorical(k, masked))(keys)
    assert set(np.unique(drawn)) == {0, 2}
    slope = jax.grad(lambda x: losses.entropy(losses.masked_logits(x, mask)))(logits)
    assert slope[1] == 0 and np.isfinite(slope).all() and slope[0] != 0

"""Batched stepping against a plain loop over single environments, and the keys of episodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st

import arenas
from arenas.errors import BadArgument, BadShape
from arenas.rollout import (
    agent_seed,
    check_seed,
    episode_key,
    next_episode_key,
    replace_ended,
    step_key,
)

STEPS = 30


class CountingRace(toys.Race):
    """Race that tells how many episodes were started, in compiled code too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.started = 0

    def _count(self, key):
        self.started += 1

    def _initial(self, key):
        jax.debug.callback(self._count, jax.random.key_data(key))
        return super()._initial(key)


class Loop:
    """The oracle: one environment after another, in Python, each with keys of its own.

    Keys are made here as the module's documentation says, not by its functions.
    """

    def __init__(self, env):
        self.env, self.reset_one = env, jax.jit(env.reset)
        self.step_one = jax.jit(env.step)

    def reset(self, keys):
        self.keys, self.steps = list(keys), [0] * len(keys)
        started = [self.reset_one(jax.random.fold_in(k, 0)) for k in keys]
        self.states = [state for state, _ in started]
        return [timestep for _, timestep in started]

    def step(self, actions):
        """For each copy: the step's own time step, and the one that the next action answers to."""
        out = []
        for i, action in enumerate(actions):
            self.steps[i] += 1
            key = jax.random.fold_in(self.keys[i], self.steps[i])
            self.states[i], timestep = self.step_one(key, self.states[i], action)
            following = timestep
            if timestep.terminated or timestep.truncated:
                self.keys[i] = jax.random.fold_in(self.keys[i], 0xFFFFFFFF)
                self.steps[i] = 0
                first = jax.random.fold_in(self.keys[i], 0)
                self.states[i], following = self.reset_one(first)
            out.append((timestep, following))
        return out


def bits(x):
    x = np.asarray(x)
    return x.dtype, x.shape, x.tobytes()


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert bits(x) == bits(y)


@pytest.fixture(scope="module")
def trajectories():
    """64 copies of each game in a plain Python loop: keys, actions and results."""
    out = {}
    for name, env, copies in (("race", toys.Race(), 64), ("nim", toys.Nim(), 8)):
        key = jax.random.key(17)
        keys = [jax.random.fold_in(key, i) for i in range(copies)]
        loop, rng = Loop(env), np.random.default_rng(0)
        first = loop.reset(keys)
        masks = [np.asarray(t.action_mask) for t in first]
        steps = []
        for _ in range(STEPS):
            actions = np.stack([toys.random_actions(env, m, rng) for m in masks])
            results = loop.step(actions)
            masks = [np.asarray(following.action_mask) for _, following in results]
            steps.append((actions, jax.device_get(results)))
        out[name] = env, key, jax.device_get(first), steps
    return out


@pytest.mark.parametrize(
    ("name", "num_envs", "chunk"),
    [
        ("race", 1, None),
        ("race", 3, None),
        ("race", 64, None),
        ("race", 64, 1),
        ("race", 64, 5),
        ("nim", 8, 3),
    ],
)
def test_a_batch_is_a_loop_over_single_environments(trajectories, name, num_envs, chunk):
    """Bit for bit, so it depends neither on the size of the batch nor on the chunk."""
    env, key, first, steps = trajectories[name]
    envs = arenas.VectorEnv(env, num_envs, chunk)
    state, timestep = jax.jit(envs.reset)(key)
    step = jax.jit(envs.step)
    for i in range(num_envs):
        seen = jax.device_get(timestep)
        assert_same(row(seen, i, "observation", "action_mask", "acting"), inputs(first[i]))
        assert_same(row(seen, i, "final_observation"), (first[i].observation,))
    most, kinds = 0, set()
    for actions, results in steps:
        state, timestep = step(state, actions[:num_envs])
        seen = jax.device_get(timestep)
        ended = 0
        for i, (own, following) in enumerate(results[:num_envs]):
            own_part = (own.reward, own.terminated, own.truncated, own.info, own.observation)
            fields = ("reward", "terminated", "truncated", "info", "final_observation")
            assert_same(row(seen, i, *fields), own_part)
            assert_same(row(seen, i, "observation", "action_mask", "acting"), inputs(following))
            kinds |= {"terminated"} if own.terminated else set()
            kinds |= {"truncated"} if own.truncated else set()
            ended += bool(own.terminated or own.truncated)
        most = max(most, ended)
    # The trajectory has what it is to test: ends of both kinds, and more of them than a chunk.
    if name == "race" and num_envs == 64:
        assert kinds == {"terminated", "truncated"}
        assert most > (chunk or 8)


def row(timestep, i, *fields):
    return tuple(jax.tree.map(lambda x: x[i], getattr(timestep, f)) for f in fields)


def inputs(timestep):
    return timestep.observation, timestep.action_mask, timestep.acting


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_only_what_ended_is_started_again(chunk):
    env = CountingRace(goal=5, max_steps=6)
    envs = arenas.VectorEnv(env, 8, chunk)
    reset, step = jax.jit(envs.reset), jax.jit(envs.step)
    state, timestep = reset(jax.random.key(2))
    jax.effects_barrier()
    assert env.started == 8
    rng, quiet, busy = np.random.default_rng(1), 0, 0
    for _ in range(20):
        env.started = 0
        state, timestep = step(state, rng.integers(0, 3, (8, 3)))
        jax.effects_barrier()
        ended = int((timestep.terminated | timestep.truncated).sum())
        assert env.started == -(-ended // chunk) * chunk  # whole chunks, and none for nothing
        quiet, busy = quiet + (ended == 0), busy + (ended > chunk)
    assert quiet > 0
    assert busy > 0 or chunk == 8


def test_a_whole_batch_may_end_at_once():
    envs = arenas.VectorEnv(toys.Aim(), 20, chunk=8)  # every episode takes five steps
    state, _ = jax.jit(envs.reset)(jax.random.key(0))
    step = jax.jit(envs.step)
    still = jnp.zeros((20, 2, 2))
    targets = [np.asarray(state.env.target)]
    for n in range(1, 11):
        state, timestep = step(state, still)
        assert timestep.truncated.tolist() == [n % 5 == 0] * 20
        assert not timestep.terminated.any()
        if n % 5 == 0:
            targets.append(np.asarray(state.env.target))
            assert state.env.steps.tolist() == [0] * 20
            np.testing.assert_array_equal(timestep.final_observation[:, 0, 2:], targets[-2])
            np.testing.assert_array_equal(timestep.observation[:, 0, 2:], targets[-1])
    assert len(np.unique(np.concatenate(targets), axis=0)) == 60  # each episode has its own


def test_the_final_observation_is_what_the_step_led_to():
    """A truncated episode's value is bootstrapped from it, so it is not of the next episode."""
    envs = arenas.VectorEnv(toys.Race(goal=50, max_steps=2), 4)
    state, _ = envs.reset(jax.random.key(1))
    step = jax.jit(envs.step)
    run = jnp.full((4, 3), 2)
    state, one = step(state, run)
    assert_same(one.observation, one.final_observation)
    before = np.asarray(one.observation)[..., 0]
    state, two = step(state, run)
    assert two.truncated.all()
    gained = np.asarray(two.final_observation)[..., 0] - before
    np.testing.assert_array_equal(gained, two.info["gain"])
    assert (np.asarray(two.observation)[..., 0] <= 2).all()  # where a race starts


def test_a_batch_with_a_key_for_each_meets_the_seeds_of_the_host():
    seeds = [4, 2**32 - 1, 0]
    envs = arenas.VectorEnv(toys.Race(), 3)
    state, timestep = jax.jit(envs.reset)(jnp.stack([episode_key(s) for s in seeds]))
    step = jax.jit(envs.step)
    hosts = [arenas.host.as_host(toys.Race()) for _ in seeds]
    firsts = [host.reset(seed) for host, seed in zip(hosts, seeds, strict=True)]
    for i, first in enumerate(firsts):
        assert_same(jax.device_get(timestep.observation[i]), first.observation)
    live = set(range(3))
    while live:
        state, timestep = step(state, jnp.ones((3, 3), int))
        for i in sorted(live):
            own = hosts[i].step(np.ones(3, int))
            assert_same(jax.device_get(timestep.final_observation[i]), own.observation)
            assert_same(jax.device_get(timestep.reward[i]), own.reward)
            if own.terminated or own.truncated:
                live.remove(i)


def test_rollouts_scan():
    env = toys.Nim()
    envs = arenas.VectorEnv(env, 4)
    actions = jnp.zeros((15, 4, 2), int)
    state, _ = envs.reset(jax.random.key(0))
    _, scanned = jax.lax.scan(envs.step, state, actions)
    step = jax.jit(envs.step)
    for i in range(15):
        state, timestep = step(state, actions[i])
        assert_same(jax.tree.map(lambda x: x[i], scanned), timestep)  # noqa: B023
    assert scanned.terminated.any()


def test_derivatives_pass_through_a_rollout_and_stop_at_its_resets():
    """Against derivatives of single episodes, which know of no reset."""
    env = toys.Aim()  # five steps an episode
    envs = arenas.VectorEnv(env, 2)
    key = jax.random.key(3)
    start, _ = envs.reset(key)
    actions = jax.random.uniform(key, (7, 2, 2, 2), minval=-0.9, maxval=0.9)

    def batched(actions):
        _, timesteps = jax.lax.scan(envs.step, start, actions)
        return timesteps.reward.sum()

    def single(actions, i):
        total, k = 0.0, jax.random.fold_in(key, i)
        for episode in (actions[:5], actions[5:]):
            state, _ = env.reset(jax.random.fold_in(k, 0))
            for t, action in enumerate(episode, 1):
                state, timestep = env.step_unfinished(jax.random.fold_in(k, t), state, action[i])
                total += timestep.reward.sum()
            k = jax.random.fold_in(k, 0xFFFFFFFF)
        return total

    expected = jax.jit(jax.grad(lambda a: single(a, 0) + single(a, 1)))(actions)
    for mode in (jax.grad, jax.jacfwd):
        np.testing.assert_allclose(jax.jit(mode(batched))(actions), expected, rtol=1e-6)
    assert np.abs(expected).max() > 1


def test_rows_that_ended_are_replaced_from_their_own_source():
    ended = jnp.array([True, False, True, True, False])
    source = jnp.arange(5) * 10
    kept = {"x": jnp.zeros(5, int), "y": jnp.zeros((5, 2))}
    for chunk in (1, 2, 5):
        new = replace_ended(
            ended,
            source,
            kept,
            lambda s: {"x": s + 1, "y": jnp.stack([s, s], 1).astype(float)},
            chunk,
        )
        assert new["x"].tolist() == [1, 0, 21, 31, 0]
        assert new["y"][:, 1].tolist() == [0, 0, 20, 30, 0]


def test_bad_sizes_are_refused():
    with pytest.raises(BadArgument, match="num_envs is 0; accepted are integers from 1"):
        arenas.VectorEnv(toys.Race(), 0)
    with pytest.raises(BadShape, match="2 keys for 3 environments"):
        arenas.VectorEnv(toys.Race(), 3).reset(jax.random.split(jax.random.key(0), 2))


# Keys and seeds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, True, 1.0, "7", None])
def test_seeds_are_integers_of_32_bits(seed):
    with pytest.raises(BadArgument, match="accepted are integers from 0 to 4294967295"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.uint32(5), np.int64(5)])
def test_numpys_integers_are_seeds(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


def test_the_key_of_an_episode_is_that_of_its_seed():
    for seed in (0, 7, 2**32 - 1):
        expected = jax.random.key_data(jax.random.key(np.uint32(seed)))
        assert bits(jax.random.key_data(episode_key(seed))) == bits(expected)


def test_every_step_and_every_next_episode_has_a_key_of_its_own():
    key = episode_key(1)
    keys = [step_key(key, t) for t in range(200)] + [key, next_episode_key(key)]
    keys += [step_key(next_episode_key(key), t) for t in range(200)]
    data = np.stack([jax.random.key_data(k) for k in keys])
    assert len(np.unique(data, axis=0)) == len(keys)


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_the_seed_of_an_agent_is_a_seed(seed, seat):
    assert check_seed(agent_seed(seed, seat)) == agent_seed(seed, seat)


def test_agents_in_different_seats_and_episodes_have_different_seeds():
    seeds = {agent_seed(seed, seat) for seed in range(500) for seat in range(4)}
    assert len(seeds) == 2000


def test_seeds_of_agents_stay_what_they_are():
    """Records name seeds of episodes only: another derivation would change what they mean."""
    seeds = [agent_seed(0, 0), agent_seed(0, 1), agent_seed(2**32 - 1, 3)]
    assert seeds == [3529370323, 1228612563, 996094483]  # as version 0.1 derived them

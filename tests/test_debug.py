"""What debug=True checks, called by itself, under jit and in a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toys
from jax.experimental import checkify

import arenas
from arenas.debug import CheckedEnv
from arenas.errors import BadArgument, BadShape
from arenas.rollout import episode_key, step_key


class SometimesNaN(toys.Aim):
    """Not a number where the first archer goes left."""

    max_steps = 50

    def _transition(self, key, state, action):
        whole = super()._transition(key, state, action)
        reward = jnp.where(action[0, 0] < 0, jnp.nan, whole.reward)
        return whole._replace(reward=reward)

    def _observation(self, state):
        right = super()._observation(state)
        return right.at[1, 2].set(jnp.where(state.at[0, 1] > 1, jnp.inf, right[1, 2]))


@pytest.fixture(scope="module")
def nim():
    return CheckedEnv(toys.Nim(pile=2, random_pile=False))


@pytest.fixture(scope="module")
def aim():
    return CheckedEnv(SometimesNaN())


def play(env, *actions):
    state, timestep = env.reset(jax.random.key(0))
    for action in actions:
        state, timestep = env.step(jax.random.key(1), state, jnp.asarray(action))
    return timestep


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([[2, 0]], r"player_0: action 2 is illegal now; legal: \[ ?True +True +False\]"),
        ([[3, 0]], "player_0: action 3 is out of range; accepted are 0 to 2"),
        ([[-1, 0]], "player_0: action -1 is out of range"),
        ([[0, 0], [0, 1]], "player_1: action 1 is illegal now"),
        ([[1, 0], [0, 0]], "the episode is over after 1 steps: reset it before another step"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_action_is_raised(nim, actions, message):
    with pytest.raises(checkify.JaxRuntimeError, match=message):
        play(nim, *actions)


def test_actions_of_seats_that_do_not_act_are_not_checked(nim):
    timestep = play(nim, [0, 99], [-5, 0])
    assert bool(timestep.terminated)


@pytest.mark.parametrize("value", [2.0, np.nan, -np.inf])
def test_a_vector_outside_its_box_is_raised(aim, value):
    action = np.zeros((2, 2), np.float32)
    action[1, 0] = value
    with pytest.raises(checkify.JaxRuntimeError, match=r"archer_1: action .* is outside Box"):
        play(aim, action)


def test_rewards_and_observations_that_are_not_finite_are_raised(aim):
    with pytest.raises(checkify.JaxRuntimeError, match=r"rewards \[nan nan\] are not finite"):
        play(aim, [[-0.5, 0], [0, 0]])
    with pytest.raises(checkify.JaxRuntimeError, match="archer_1: observation is not finite"):
        play(aim, [[0, 1.0], [0, 0]], [[0, 1.0], [0, 0]])


def test_under_jit_the_outermost_function_is_given_to_checkify(nim):
    @jax.jit
    @checkify.checkify
    def episode(actions):
        state, _ = nim.reset(jax.random.key(0))

        def body(state, action):
            state, timestep = nim.step(jax.random.key(1), state, action)
            return state, timestep.reward

        return jax.lax.scan(body, state, actions)[1]

    error, rewards = episode(jnp.array([[0, 0], [0, 0]]))
    error.throw()
    assert rewards.tolist() == [[0, 0], [-1, 1]]
    error, _ = episode(jnp.array([[0, 0], [0, 1]]))
    with pytest.raises(checkify.JaxRuntimeError, match="player_1: action 1 is illegal now"):
        error.throw()


def test_in_a_batch_one_bad_row_is_found():
    envs = arenas.VectorEnv(CheckedEnv(toys.Nim(pile=3, random_pile=False)), 3)
    reset = jax.jit(checkify.checkify(envs.reset))
    step = jax.jit(checkify.checkify(envs.step))
    error, (state, _) = reset(jax.random.key(0))
    error.throw()
    error, (after, _) = step(state, jnp.array([[0, 0], [1, 0], [2, 0]]))  # the last row is over
    error.throw()
    assert after.env.pile.tolist() == [2, 1, 3]
    error, _ = step(after, jnp.array([[0, 0], [0, 1], [0, 0]]))
    with pytest.raises(checkify.JaxRuntimeError, match="player_1: action 1 is illegal now"):
        error.throw()


@pytest.mark.parametrize("game", [toys.Race, toys.Nim])
def test_nothing_else_differs(game):
    plain, checked = game(), CheckedEnv(game())
    key = episode_key(3)
    state, timestep = plain.reset(step_key(key, 0))
    same_state, same_timestep = checked.reset(step_key(key, 0))
    rng = np.random.default_rng(0)
    for step in range(1, 4):
        for a, b in zip(
            jax.tree.leaves((state, timestep)),
            jax.tree.leaves((same_state, same_timestep)),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
        if timestep.terminated or timestep.truncated:
            break
        action = toys.random_actions(plain, np.asarray(timestep.action_mask), rng)
        state, timestep = plain.step(step_key(key, step), state, action)
        same_state, same_timestep = checked.step(step_key(key, step), same_state, action)
    assert step >= 2


def test_what_describes_the_environment_is_kept():
    env = arenas.make("colorgrid-v0", debug=True, size=6)
    assert isinstance(env, CheckedEnv)
    game = env.unwrapped
    assert type(game).__name__ == "ColorGrid"
    for name in ("agents", "observation_space", "action_space", "max_steps", "action_labels"):
        assert getattr(env, name) == getattr(game, name)
    assert env.spec is arenas.registry.envs["colorgrid-v0"]
    assert env.kwargs == {"size": 6}
    assert "colorgrid-v0" in repr(env)
    assert arenas.load_agent("random", env).name == "random"


def test_options_of_the_reset_are_passed_on():
    class Chosen(toys.Nim):
        def _initial(self, key, pile=2):
            return super()._initial(key).replace(pile=jnp.asarray(pile, jnp.int8))

    env = CheckedEnv(Chosen())
    assert int(env.reset(jax.random.key(0), pile=5)[0].pile) == 5
    assert int(env.reset(jax.random.key(0))[0].pile) == 2


def test_wrong_shapes_raise_as_they_do_without_checks(nim):
    state, _ = nim.reset(jax.random.key(0))
    with pytest.raises(BadShape, match=r"action has shape \(3,\); accepted is \(2,\)"):
        nim.step(jax.random.key(0), state, jnp.zeros(3, int))


def test_on_the_host_it_plays_and_raises_too(aim):
    host = arenas.host.as_host(aim)
    host.reset(0)
    assert host.step(np.zeros((2, 2), np.float32)).reward.shape == (2,)
    with pytest.raises(checkify.JaxRuntimeError, match="are not finite"):
        host.step(np.full((2, 2), -0.5, np.float32))


def test_environments_on_the_host_only_are_refused(monkeypatch):
    spec = arenas.registry.EnvSpec(id="toys/counter-v0", entry_point=toys.Counter)
    monkeypatch.setitem(arenas.registry.envs._specs, spec.id, spec)
    with pytest.raises(BadArgument, match="runs on the host only; debug=True needs"):
        arenas.make("toys/counter-v0", debug=True)

"""The contract that the base class keeps for every game."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toys
from gymnasium.spaces import Box, Discrete
from hypothesis import given, settings
from hypothesis import strategies as st

from arenas.env import NOT_STARTED, Env, State, Transition, check_action, require, struct
from arenas.errors import BadArgument, BadShape
from arenas.host import as_host

KEY = jax.random.key(0)


@struct
class OddState(State):
    total: jax.Array  # int32 []


class Odd(Env[OddState]):
    """Two agents add to a total: the first odd numbers only, the second three or four."""

    agents = ("odd_0", "large_1")
    observation_space = Discrete(100)
    action_space = Discrete(5)

    def __init__(self, max_steps=None, terminal=None, own_limit=None):
        self.max_steps, self.terminal, self.own_limit = max_steps, terminal, own_limit

    def _initial(self, key, total=0):
        return OddState(total=jnp.int32(total), **NOT_STARTED)

    def _transition(self, key, state, action):
        total = state.total + action.sum()
        never = jnp.zeros((), bool)
        return Transition(
            state.replace(total=total),
            action,  # integers: the base class makes rewards of them
            total == self.terminal if self.terminal is not None else never,
            {"added": action, "large": total > 9},
            truncated=total >= self.own_limit if self.own_limit is not None else never,
        )

    def _observation(self, state):
        return jnp.broadcast_to(state.total, (2,))

    def _action_mask(self, state):
        return jnp.array([[False, True, False, True, False], [False, False, False, True, True]])


def start(env, **options):
    return env.reset(KEY, **options)


# Illegal actions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("given_0", range(-2, 8))
@pytest.mark.parametrize("given_1", [0, 3, 4, 9])
def test_an_illegal_action_means_the_lowest_legal_one(given_0, given_1):
    env = Odd()
    state, _ = start(env)
    _, timestep = env.step(KEY, state, np.array([given_0, given_1]))
    legal = ([1, 3], [3, 4])
    expected = []
    for given_action, allowed in zip((given_0, given_1), legal, strict=True):
        clipped = min(max(given_action, 0), 4)
        expected.append(clipped if clipped in allowed else allowed[0])
    assert timestep.info["added"].tolist() == expected


@pytest.mark.parametrize(
    ("given_action", "meant"),
    [(0.5, 0.5), (-1.0, -1.0), (3.0, 1.0), (-np.inf, -1.0), (np.inf, 1.0), (np.nan, -1.0)],
)
def test_a_number_outside_its_box_means_the_nearest_bound(given_action, meant):
    env = toys.Aim()
    state, _ = start(env)
    action = np.array([[given_action, 0], [0, given_action]], np.float32)
    after, _ = env.step(KEY, state, action)
    assert after.at.tolist() == [[meant, 0], [0, meant]]


def test_actions_out_of_range_are_clipped_where_all_are_legal():
    env = toys.Race(goal=50)
    state, _ = start(env)
    one, _ = env.step(KEY, state, np.array([-7, 1, 99]))
    other, _ = env.step(KEY, state, np.array([0, 1, 2]))
    assert one.position.tolist() == other.position.tolist()


# Ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_limit_truncates_at_its_step_and_not_before(limit):
    env = Odd(max_steps=limit)
    state, _ = start(env)
    for step in range(1, limit + 1):
        state, timestep = env.step(KEY, state, np.array([1, 3]))
        assert int(state.steps) == step
        assert bool(timestep.truncated) == (step == limit)
        assert not timestep.terminated


@pytest.mark.parametrize("own_limit", [None, 4])
def test_an_end_by_the_rules_in_the_step_of_the_limit_is_a_termination(own_limit):
    env = Odd(max_steps=1, terminal=4, own_limit=own_limit)
    _, timestep = env.step(KEY, start(env)[0], np.array([1, 3]))
    assert timestep.terminated
    assert not timestep.truncated
    _, timestep = env.step(KEY, start(env)[0], np.array([3, 3]))
    assert not timestep.terminated
    assert timestep.truncated


def test_a_game_may_cut_its_episodes_by_itself():
    env = Odd(own_limit=5)
    state, timestep = env.step(KEY, start(env)[0], np.array([1, 3]))
    assert not timestep.truncated
    _, timestep = env.step(KEY, state, np.array([1, 3]))
    assert timestep.truncated
    assert not timestep.terminated


@pytest.mark.parametrize(
    ("env", "action"),
    [
        (Odd(terminal=4), np.array([1, 3])),
        (Odd(max_steps=1), np.array([1, 3])),
        (toys.Nim(pile=1, random_pile=False), np.array([0, 0])),
    ],
    ids=["terminated", "truncated", "in turns"],
)
def test_stepping_a_finished_episode_changes_nothing(env, action):
    over, last = env.step(KEY, start(env)[0], action)
    assert last.terminated | last.truncated
    state = over
    for seed, other in enumerate((action, action * 0, action + 2)):
        state, timestep = env.step(jax.random.key(seed), state, other)
        assert_same(state, over)
        assert_same(timestep.observation, last.observation)
        assert timestep.reward.tolist() == [0, 0]
        for value in jax.tree.leaves(timestep.info):
            assert not np.asarray(value).any()
        assert (timestep.terminated, timestep.truncated) == (last.terminated, last.truncated)
        assert not timestep.acting.any()
        assert timestep.action_mask.all()


def test_step_unfinished_is_step_while_the_episode_goes_on():
    env = toys.Race(goal=50, max_steps=3)
    a, _ = start(env)
    b = a
    for step in range(3):
        key = jax.random.key(step)
        a, one = env.step(key, a, np.array([2, 1, 0]))
        b, other = env.step_unfinished(key, b, np.array([2, 1, 0]))
        assert_same((a, one), (b, other))
    assert one.truncated


# Time steps --------------------------------------------------------------------------------------


def test_the_first_time_step_has_zeros_of_the_same_structure():
    env = Odd()
    state, first = start(env)
    _, later = env.step(KEY, state, np.array([1, 3]))
    assert jax.tree.structure(first) == jax.tree.structure(later)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(later), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert first.reward.tolist() == [0, 0]
    assert not any(np.asarray(x).any() for x in jax.tree.leaves(first.info))
    assert not (first.terminated | first.truncated)
    assert first.acting.all()
    assert int(state.steps) == 0


def test_rewards_are_float32_whatever_the_rules_give():
    _, timestep = Odd().step(KEY, start(Odd())[0], np.array([3, 4]))
    assert timestep.reward.dtype == jnp.float32
    assert timestep.reward.tolist() == [3, 4]


def test_rows_of_seats_that_do_not_act_are_all_true():
    env = toys.Nim(pile=2, random_pile=False)
    state, timestep = start(env)
    assert timestep.acting.tolist() == [True, False]
    assert timestep.action_mask.tolist() == [[True, True, False], [True, True, True]]
    _, timestep = env.step(KEY, state, np.array([0, 0]))
    assert timestep.acting.tolist() == [False, True]
    assert timestep.action_mask.tolist() == [[True, True, True], [True, False, False]]


def test_what_a_seat_that_does_not_act_passes_is_not_read():
    env = toys.Nim(pile=5, random_pile=False)
    state, _ = start(env)
    outcomes = [env.step(KEY, state, np.array([1, other])) for other in (0, 2, -9, 99)]
    for outcome in outcomes[1:]:
        assert_same(outcome, outcomes[0])


def test_options_of_a_reset_reach_the_game():
    state, timestep = start(Odd(), total=7)
    assert int(state.total) == 7
    assert timestep.observation.tolist() == [7, 7]


@pytest.mark.parametrize("mover", [0, 1])
def test_taking_from_the_pile_follows_the_rules_of_nim(mover):
    """Every pile and every action, against the rules in plain Python."""
    env = toys.Nim()
    state, _ = start(env)
    for pile, action in itertools.product(range(1, 10), range(3)):
        here = state.replace(pile=jnp.int8(pile), turn=jnp.int8(mover))
        joint = [0, 0]
        joint[mover] = action
        after, timestep = env.step(KEY, here, np.array(joint))
        taken = action + 1 if action + 1 <= pile else 1
        left = pile - taken
        assert int(after.pile) == left
        assert bool(timestep.terminated) == (left == 0)
        expected = [0.0, 0.0]
        if left == 0:
            expected[mover], expected[1 - mover] = 1.0, -1.0
        assert timestep.reward.tolist() == expected


# Shapes, dtypes and transformations --------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(3, int), r"action has shape \(3,\); accepted is \(2,\), one entry per agent"),
        (np.zeros((), int), r"action has shape \(\); accepted is \(2,\)"),
        (np.zeros((2, 1), int), r"action has shape \(2, 1\); accepted is \(2,\)"),
        (np.zeros(2, np.float32), "action has dtype float32; accepted are integer dtypes"),
        (np.zeros(2, bool), "action has dtype bool; accepted are integer dtypes"),
        (np.array(["a", "b"]), "accepted are integer dtypes"),
    ],
)
def test_wrong_shapes_and_dtypes_raise(action, message):
    with pytest.raises(BadShape, match=message):
        check_action(Odd(), action)
    if action.dtype.kind in "if":
        env = Odd()
        state, _ = start(env)
        with pytest.raises(BadShape, match=message):
            jax.jit(env.step)(KEY, state, action)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(2, np.float32), r"action has shape \(2,\); accepted is \(2, 2\)"),
        (np.zeros((2, 2), int), r"action has dtype int64; accepted are floating dtypes"),
    ],
)
def test_wrong_shapes_and_dtypes_of_vectors_raise(action, message):
    with pytest.raises(BadShape, match=message):
        check_action(toys.Aim(), action)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_every_integer_dtype_is_an_action(dtype):
    checked = check_action(Odd(), np.array([1, 3], dtype))
    assert checked.dtype == jnp.int32
    assert checked.tolist() == [1, 3]
    assert check_action(Odd(), [1, 3]).tolist() == [1, 3]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_jit_vmap_and_neither_agree_bit_for_bit(seed):
    env = toys.Race()
    keys = jax.random.split(jax.random.key(seed), 3)
    states, timesteps = RESET(keys)
    actions = np.random.default_rng(seed).integers(0, 3, (3, 3))
    after, results = STEP(keys, states, actions)
    for row in range(3):
        state, timestep = env.reset(keys[row])
        assert_same((state, timestep), jax.tree.map(lambda x: x[row], (states, timesteps)))  # noqa: B023
        single = env.step(keys[row], state, actions[row])
        assert_same(single, jax.tree.map(lambda x: x[row], (after, results)))  # noqa: B023


RESET = jax.jit(jax.vmap(toys.Race().reset))
STEP = jax.jit(jax.vmap(toys.Race().step))


def test_an_episode_scans():
    env = toys.Nim(pile=4, random_pile=False)
    state, _ = start(env)

    def body(state, action):
        state, timestep = env.step(KEY, state, action)
        return state, (timestep.reward, timestep.terminated)

    _, (rewards, terminated) = jax.lax.scan(body, state, jnp.zeros((6, 2), int))
    assert terminated.tolist() == [False] * 3 + [True] * 3
    assert rewards[:, 1].tolist() == [0, 0, 0, 1, 0, 0]  # the fourth taken is the second player's


def test_numbers_of_agents_and_actions():
    assert (toys.Race().num_agents, toys.Race().num_actions, toys.Race().action_shape) == (3, 3, ())
    assert (toys.Aim().num_agents, toys.Aim().num_actions, toys.Aim().action_shape) == (2, 2, (2,))
    assert isinstance(toys.Aim().action_space, Box)
    game = toys.Nim()
    assert game.unwrapped is game
    assert repr(game) == "<Nim: 2 agents, 3 actions>"


# Structures --------------------------------------------------------------------------------------


def test_a_struct_is_a_frozen_pytree_whose_leaves_have_names():
    state = OddState(total=jnp.int32(3), **NOT_STARTED)
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(state)]
    assert paths == [".steps", ".terminated", ".truncated", ".total"]
    with pytest.raises(AttributeError):
        state.total = 4
    assert int(state.replace(total=jnp.int32(4)).total) == 4
    assert int(state.total) == 3
    with pytest.raises(TypeError):
        OddState(jnp.int32(3))  # by keyword only
    doubled = jax.tree.map(lambda x: x * 2, state)
    assert isinstance(doubled, OddState)
    assert int(doubled.total) == 6


def test_require_speaks_to_the_user():
    require(True, "never said")
    with pytest.raises(BadArgument, match="size is 0; accepted are integers from 1"):
        require(False, "size is 0; accepted are integers from 1")


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_array_equal(x, y)


# Seats that wait, and options of the reset -------------------------------------------------------


def test_a_seat_that_waits_may_take_the_no_op_alone():
    env = toys.NimWithPass(random_pile=False)
    state, t = start(env)
    assert t.action_mask.tolist() == [[True, True, True, False], [False, False, False, True]]
    _, t = env.step(KEY, state, jnp.array([0, 3]))
    assert t.action_mask.tolist() == [[False, False, False, True], [True, True, True, False]]


def test_after_the_end_everybody_waits():
    env = toys.NimWithPass()
    state, _ = start(env, pile=1)
    _, t = env.step(KEY, state, jnp.array([0, 3]))
    assert t.terminated and t.action_mask.tolist() == [[False, False, False, True]] * 2


def test_an_option_of_the_reset_reaches_the_game():
    env = toys.NimWithPass()
    assert env.reset_options == ("pile",) and toys.Nim.reset_options == ()
    assert start(env, pile=2)[0].pile == 2


def test_an_unknown_option_of_the_reset_names_those_accepted():
    with pytest.raises(BadArgument, match="option 'pill' is not accepted; accepted: pile"):
        start(toys.NimWithPass(), pill=2)
    with pytest.raises(BadArgument, match="option 'pile' is not accepted; accepted: none"):
        start(toys.Nim(), pile=2)


def test_a_host_checks_the_value_of_an_option():
    host = as_host(toys.NimWithPass())
    assert host.reset(0, pile=2).observation["pile"].tolist() == [2, 2]
    with pytest.raises(BadArgument, match="pile is 99; accepted are 1 to 9"):
        host.reset(0, pile=99)
    with pytest.raises(BadArgument, match="option 'pile' is not accepted; accepted: none"):
        as_host(toys.Nim()).reset(0, pile=2)

"""The rules of ColorGrid, one by one; its invariants; and what is left to chance."""

from __future__ import annotations

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas
import arenas.testing
from arenas.envs.colorgrid.game import (
    ColorGrid,
    ColorGridState,
    annealed_block_penalty,
    blocks_per_color,
    set_block_penalty,
    switch_goal,
)
from arenas.errors import BadArgument, UnknownName

UP, DOWN, LEFT, RIGHT = range(4)
RED, BLUE, GREEN = range(3)
CODES = ".rbgLF"


def state_of(picture: str, goal: int = RED, coef: float = 1.0) -> ColorGridState:
    """The state in a picture: rows from the top (greatest y) down; r, b, g, L, F, or a dot."""
    rows = picture.split()[::-1]
    cells = np.array([[CODES.index(c) for c in row] for row in rows], np.uint8)
    position = [np.argwhere(cells == code)[0][::-1] for code in (4, 5) if (cells == code).any()]
    return ColorGridState(
        steps=jnp.int32(0),
        terminated=jnp.bool(False),
        truncated=jnp.bool(False),
        cells=jnp.asarray(cells),
        position=jnp.asarray(np.array(position), jnp.int16),
        goal=jnp.int8(goal),
        block_penalty_coef=jnp.float32(coef),
    )


def picture_of(state: ColorGridState) -> list[str]:
    return ["".join(CODES[c] for c in row) for row in np.asarray(state.cells)[::-1]]


@functools.cache
def env_of(env_id: str = "colorgrid-stationary-v0", **options) -> ColorGrid:
    return arenas.make(env_id, **options)


@functools.cache
def step_of(env_id: str, options: tuple) -> object:
    return jax.jit(env_of(env_id, **dict(options)).step)


def play(picture: str, *actions: int, goal=RED, env_id="colorgrid-stationary-v0", key=0, **options):
    rows = picture.split()
    options = {"size": (len(rows[0]), len(rows)), "block_density": 0.34, **options}
    step = step_of(env_id, tuple(options.items()))
    return step(jax.random.key(key), state_of(picture, goal), jnp.array(actions))


# Moves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (UP, "..L... ...... .....F"),
        (DOWN, "...... ...... ..L..F"),
        (LEFT, "...... .L.... .....F"),
        (RIGHT, "...... ...L.. .....F"),
    ],
)
def test_up_is_plus_y_and_left_is_minus_x(action, after):
    state, _ = play("...... ..L... .....F", action, RIGHT)
    assert picture_of(state) == after.split()


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize(
    ("picture", "action"),
    [
        (".A. ... ..B", UP),
        ("... ..B .A.", DOWN),
        ("..B A.. ...", LEFT),
        ("B.. ..A ...", RIGHT),
    ],
)
def test_a_move_over_the_edge_stays(seat, picture, action):
    names = "LF" if seat == 0 else "FL"
    picture = picture.replace("A", names[0]).replace("B", names[1])
    other = UP if names[1] in picture.split()[0] else RIGHT  # also over the edge
    actions = (action, other) if seat == 0 else (other, action)
    state, _ = play(picture, *actions)
    assert picture_of(state) == picture.split()


@pytest.mark.parametrize(
    ("what", "picture", "leader", "follower", "after"),
    [
        ("the follower stays where the leader went", "L.F", RIGHT, LEFT, ".LF"),
        ("the follower stays where the leader stays", "LF.", LEFT, LEFT, "LF."),
        ("the follower enters the cell that the leader left", ".LF", LEFT, LEFT, "LF."),
        ("the leader enters the cell that the follower leaves", "LF.", RIGHT, RIGHT, ".LF"),
        ("the two swap", "LF.", RIGHT, LEFT, "FL."),
        ("the leader stays where the follower cannot leave", ".LF", RIGHT, RIGHT, ".LF"),
        ("the leader stays beside a follower at the border", "FL.", LEFT, UP, "FL."),
    ],
)
def test_meeting(what, picture, leader, follower, after):
    state, _ = play(f"{picture} ... ...", leader, follower)
    assert picture_of(state)[0] == after, what


def test_agents_keep_to_their_hemispheres():
    options = {"env_id": "colorgrid-hemispheres-v0"}
    state, _ = play(".LF.. ..... .....", RIGHT, LEFT, **options)
    assert picture_of(state)[0] == ".LF.."  # five columns: two to the left, three to the right


# Blocks and rewards ------------------------------------------------------------------------------


def test_the_goal_colour_pays_and_another_costs():
    _, timestep = play("..... Lr.bF .....", RIGHT, LEFT)
    assert timestep.reward.tolist() == [1, -1]
    assert timestep.info["goal_blocks"].tolist() == [1, 0]
    assert timestep.info["incorrect_blocks"].tolist() == [0, 1]
    _, timestep = play("..... Lr.bF .....", RIGHT, LEFT, goal=BLUE)
    assert timestep.reward.tolist() == [-1, 1]


def test_the_agent_who_takes_a_block_stands_on_its_cell_and_it_reappears_elsewhere():
    state, _ = play("Lr... ..... ....F", RIGHT, RIGHT)
    rows = picture_of(state)
    assert rows[0][1] == "L"
    assert sum(row.count("r") for row in rows) == 1


def test_shared_rewards_are_the_sum_and_info_has_both():
    options = {"env_id": "colorgrid-shared-v0", "positive_reward": 3.0, "goal_switch_prob": 0.0}
    _, timestep = play("..... Lr.bF .....", RIGHT, LEFT, **options)
    assert timestep.reward.tolist() == [2, 2]
    assert timestep.info["individual_reward"].tolist() == [3, -1]
    assert timestep.info["shared_reward"].tolist() == [2, 2]


def test_the_follower_who_is_kept_out_takes_no_block_but_the_leader_does():
    state, timestep = play("..... LrF.. .....", RIGHT, LEFT)
    assert timestep.info["goal_blocks"].tolist() == [1, 0]
    assert picture_of(state)[1][1:3] == "LF"


def test_a_block_reappears_in_the_half_where_it_was_taken():
    for key in range(30):
        state, _ = play("Lr.. .... ..bF", RIGHT, LEFT, env_id="colorgrid-hemispheres-v0", key=key)
        columns = {CODES[state.cells[y, x]]: x for y, x in np.argwhere(np.asarray(state.cells))}
        assert columns["r"] < 2 <= columns["b"]


@pytest.mark.parametrize(
    ("who", "picture", "penalty"),
    [
        ("follower", "L..F. ..... .....", [0, -0.25]),
        ("leader", "L..F. ..... .....", [-0.25, 0]),
        ("leader", "L.... ..... ...F.", [0, 0]),
        ("none", "L..F. ..... .....", [0, 0]),
    ],
)
def test_standing_nearer_than_the_threshold_costs_one_of_the_two(who, picture, penalty):
    options = {
        "proximity_penalty_for": who,
        "proximity_penalty": 0.25,
        "proximity_threshold": 4,
        "rewards": "shared",
    }
    _, timestep = play(picture, LEFT, UP if picture[3] == "F" else DOWN, **options)
    assert timestep.reward.tolist() == penalty
    assert timestep.info["shared_reward"].tolist() == [0, 0]


def test_the_potential_field_attracts_to_the_goal_and_repels_from_the_rest():
    _, timestep = play("L.r.. ..... b...F", LEFT, RIGHT, potential_field=0.2)
    expected = [0.2 * (1 / 3 - 1 / 3), 0.2 * (1 / 5 - 1 / 5)]
    np.testing.assert_allclose(timestep.reward, expected, atol=2e-6)
    _, timestep = play("L.r.. ..... b..F.", LEFT, DOWN, potential_field=0.2)
    np.testing.assert_allclose(timestep.reward[1], 0.2 * (1 / 4 - 1 / 4), atol=2e-6)
    _, timestep = play("Lrr.. ..... ...bF", UP, DOWN, potential_field=0.3)
    expected = [0.3 * (1 / 2 + 1 / 3 - 1 / 6), 0.3 * (1 / 6 + 1 / 5 - 1 / 2)]
    np.testing.assert_allclose(timestep.reward, expected, atol=2e-6)


# The goal colour ---------------------------------------------------------------------------------


def test_the_goal_switches_after_the_blocks_were_scored():
    options = {"env_id": "colorgrid-v0", "goal_switch_prob": 1.0}
    state, timestep = play("..... Lr.bF .....", RIGHT, LEFT, **options)
    assert timestep.info["goal"] == RED
    assert timestep.info["goal_switched"]
    assert timestep.reward.tolist() == [1, -1]
    assert state.goal in (BLUE, GREEN)
    assert timestep.observation["goal"][0].tolist() == [int(c == state.goal) for c in range(3)]


def test_the_asymmetric_follower_sees_no_goal():
    _, timestep = play("L.... ..... ....F", UP, DOWN, goal=BLUE, env_id="colorgrid-asymmetric-v0")
    assert timestep.observation["goal"].tolist()[1] == [0, 0, 0]
    assert timestep.observation["goal"].sum() == 1
    _, timestep = play("L.... ..... ....F", UP, DOWN, goal=BLUE)
    assert timestep.observation["goal"].tolist() == [[0, 1, 0], [0, 1, 0]]


def test_the_leader_alone_has_an_empty_follower_plane():
    _, timestep = play("L.r.. ..... .....", RIGHT, env_id="colorgrid-leader-v0")
    assert timestep.observation["grid"].shape == (1, 5, 3, 5)
    assert timestep.observation["grid"].sum(axis=(0, 2, 3)).tolist() == [1, 0, 0, 1, 0]
    assert timestep.reward.shape == (1,)


def test_an_episode_is_truncated_at_its_limit_and_never_terminates():
    env = env_of("colorgrid-v0", size=5, block_density=0.2, max_steps=7)

    def step(carry, key):
        state, timestep = env.step_unfinished(key, carry, jnp.zeros(2, int))
        return state, (timestep.truncated, timestep.terminated)

    state, _ = env.reset(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 7)
    _, (truncated, terminated) = jax.jit(lambda s: jax.lax.scan(step, s, keys))(state)
    assert truncated.tolist() == [False] * 6 + [True]
    assert not terminated.any()
    assert env_of("colorgrid-v0").max_steps == 1000


# The penalty's share -----------------------------------------------------------------------------


def test_the_penalty_is_scaled_by_its_coefficient():
    state = set_block_penalty(state_of("..... Lr.bF ....."), 0.25)
    options = (("size", (5, 3)), ("block_density", 0.34))
    step = step_of("colorgrid-stationary-v0", options)
    _, timestep = step(jax.random.key(0), state, jnp.array([RIGHT, LEFT]))
    assert timestep.reward.tolist() == [1, -0.25]


@pytest.mark.parametrize(
    ("step", "coef"), [(0, 0), (100, 0), (150, 0.25), (200, 0.5), (300, 1), (10**9, 1)]
)
def test_the_penalty_is_annealed_between_two_training_steps(step, coef):
    assert annealed_block_penalty(step, 100, 300) == coef


def test_annealing_in_a_training_loop_does_not_compile_again():
    envs = arenas.VectorEnv(env_of("colorgrid-stationary-v0", size=4, block_density=0.5), 3)
    compiled = 0

    @jax.jit
    def train(step, state):
        nonlocal compiled
        compiled += 1
        state = set_block_penalty(state, annealed_block_penalty(step, 0, 4))
        return envs.step(state, jnp.zeros((3, 2), int))[0]

    state, _ = jax.jit(envs.reset)(jax.random.key(0))
    assert state.env.block_penalty_coef.tolist() == [1, 1, 1]
    for step in range(5):
        state = train(jnp.int32(step), state)
        assert state.env.block_penalty_coef.tolist() == [step / 4] * 3
    assert compiled == 1


def test_an_episode_may_start_with_another_penalty():
    env = env_of("colorgrid-stationary-v0", size=4, block_density=0.5)
    state, _ = env.reset(jax.random.key(0), block_penalty_coef=0.5)
    assert state.block_penalty_coef == 0.5


# Invariants --------------------------------------------------------------------------------------

LENGTH = 60


@functools.cache
def rollout_of(env_id: str, size, density: float):
    env = env_of(env_id, size=size, block_density=density)

    def rollout(key, actions):
        start, key = jax.random.split(key)
        state, first = env.reset(start)

        def step(state, inputs):
            state, timestep = env.step_unfinished(inputs[0], state, inputs[1])
            return state, (state, timestep)

        keys = jax.random.split(key, LENGTH)
        return first, jax.lax.scan(step, state, (keys, actions))[1]

    return jax.jit(rollout)


@settings(max_examples=40, deadline=None)
@given(
    case=st.sampled_from(
        [
            ("colorgrid-v0", (4, 3), 0.5),
            ("colorgrid-shared-v0", (6, 6), 0.2),
            ("colorgrid-hemispheres-v0", (3, 4), 0.75),
        ]
    ),
    seed=st.integers(0, 2**32 - 1),
    actions=st.lists(st.integers(0, 15), min_size=1, max_size=LENGTH),
)
def test_invariants_hold_whatever_the_agents_do(case, seed, actions):
    rollout = rollout_of(*case)
    joint = np.resize(np.array(actions), LENGTH)
    pairs = jnp.array(np.stack([joint % 4, joint // 4], axis=1))
    first, (states, timesteps) = jax.device_get(rollout(jax.random.key(seed), pairs))
    grids = np.concatenate([first.observation["grid"][None], timesteps.observation["grid"]])

    assert (grids[:, 0] == grids[:, 1]).all()  # all see the same planes
    grids = grids[:, 0]
    per_color = blocks_per_color(*case[1], case[2])
    assert (grids[:, :3].sum(axis=(2, 3)) == per_color).all()  # blocks are conserved
    assert (grids[:, 3:].sum(axis=(2, 3)) == 1).all()
    assert (grids.sum(axis=1) <= 1).all()  # one thing in a cell: nothing overlaps
    steps = np.arange(LENGTH)[:, None]
    for seat in range(2):
        x, y = states.position[:, seat].T
        assert (grids[1:, 3 + seat][steps[:, 0], y, x] == 1).all()

    info = timesteps.info
    assert (info["individual_reward"] == info["goal_blocks"] - info["incorrect_blocks"]).all()
    assert (info["shared_reward"] == info["individual_reward"].sum(axis=1, keepdims=True)).all()
    shared = case[0] == "colorgrid-shared-v0"
    paid = info["shared_reward"] if shared else info["individual_reward"]
    assert (timesteps.reward == paid).all()
    assert (info["goal_blocks"] + info["incorrect_blocks"] <= 1).all()
    goals = timesteps.observation["goal"].argmax(axis=2)[:, 0]
    assert ((goals != info["goal"]) == info["goal_switched"]).all()
    assert (info["goal"][1:] == goals[:-1]).all()


def test_the_same_seed_gives_the_same_trajectory_in_any_batch():
    env = env_of("colorgrid-v0", size=(5, 4), block_density=0.4, max_steps=9, potential_field=0.2)

    def trajectory(num_envs, chunk):
        envs = arenas.VectorEnv(env, num_envs, chunk)
        actions = jax.random.randint(jax.random.key(5), (25, 16, 2), 0, 4)[:, :num_envs]

        @jax.jit
        def run(key):
            state, timestep = envs.reset(key)
            return timestep, jax.lax.scan(lambda s, a: envs.step(s, a), state, actions)

        return jax.tree.leaves(jax.device_get(run(jax.random.key(3))[1][1]))

    small, large = trajectory(3, 2), trajectory(16, 5)
    assert small[0].shape[:2] == (25, 3)
    for a, b in zip(small, large, strict=True):
        np.testing.assert_array_equal(a, b[:, :3])


# Chance ------------------------------------------------------------------------------------------


def fits(observed: np.ndarray, expected: float | np.ndarray) -> bool:
    """Chi-square at a level that a right program fails once in 100,000 seeds; the seed is fixed."""
    expected = np.broadcast_to(expected, observed.shape)
    return scipy.stats.chisquare(observed, expected).pvalue > 1e-5


def outcomes(picture, actions, n, **options):
    """The grids after one step from the picture, under ``n`` keys."""
    rows = picture.split()
    env = env_of(size=(len(rows[0]), len(rows)), block_density=0.34, **options)
    step = jax.jit(jax.vmap(env.step_unfinished, in_axes=(0, None, None)))
    state, _ = step(jax.random.split(jax.random.key(1), n), state_of(picture), jnp.array(actions))
    return np.asarray(state.cells).reshape(n, -1)


def test_a_block_reappears_uniformly_over_the_free_cells():
    cells = outcomes("Lr... .b... .g..F", (RIGHT, RIGHT), 26_000)
    where = (cells == 1).argmax(axis=1)
    counts = np.bincount(where, minlength=15)
    # Rows run from y = 0 up: not on a block or an agent; 11 of 15 cells are free.
    assert np.flatnonzero(counts == 0).tolist() == [1, 4, 6, 11]
    assert fits(counts[counts > 0], 26_000 / 11)


def test_two_blocks_reappear_on_all_pairs_of_free_cells_alike():
    cells = outcomes("Lr. .g. .bF", (RIGHT, LEFT), 30_000)
    pairs = (cells == 1).argmax(axis=1) * 9 + (cells == 2).argmax(axis=1)
    counts = np.bincount(pairs, minlength=81)
    assert (counts > 0).sum() == 6 * 5
    assert fits(counts[counts > 0], 30_000 / 30)


def test_the_last_free_cells_are_found_with_equal_chance():
    cells = outcomes("Lrrr bbbb gggg rrr. ggFb", (RIGHT, UP), 4_000)
    counts = np.bincount((cells == 0).argmax(axis=1), minlength=20)
    # The leader's old cell, the follower's old cell and the hole compete for two blocks.
    assert (counts > 0).sum() == 3
    assert fits(counts[counts > 0], 4_000 / 3)


def test_blocks_reappear_uniformly_within_each_half():
    env = env_of("colorgrid-hemispheres-v0", size=(5, 3), block_density=0.34)
    step = jax.jit(jax.vmap(env.step_unfinished, in_axes=(0, None, None)))
    keys = jax.random.split(jax.random.key(1), 12_000)
    state, _ = step(keys, state_of("Lr... ..... ..bF."), jnp.array([RIGHT, LEFT]))
    cells = np.asarray(state.cells)
    for code, columns, free in ((1, slice(0, 2), 5), (2, slice(2, 5), 8)):
        counts = (cells == code).sum(axis=0)
        assert counts.sum() == counts[:, columns].sum() == 12_000
        assert (counts[:, columns] > 0).sum() == free
        inside = counts[:, columns].reshape(-1)
        assert fits(inside[inside > 0], 12_000 / free)


def test_every_start_is_equally_likely():
    env = env_of("colorgrid-v0", size=(3, 2), block_density=0.5)
    keys = jax.random.split(jax.random.key(2), 36_000)
    state = jax.jit(jax.vmap(lambda key: env.reset(key)[0]))(keys)
    cells = np.asarray(state.cells).reshape(-1, 6)
    places, counts = np.unique(cells @ 6 ** np.arange(6), return_counts=True)
    assert len(places) == 720  # 6! orders of five things and a hole
    assert fits(counts, 36_000 / 720)
    assert fits(np.bincount(state.goal, minlength=3), 36_000 / 3)


def test_in_hemispheres_each_starts_uniformly_in_its_half():
    env = env_of("colorgrid-hemispheres-v0", size=(5, 3), block_density=0.34)
    keys = jax.random.split(jax.random.key(2), 9_000)
    state = jax.jit(jax.vmap(lambda key: env.reset(key)[0]))(keys)
    for code, columns in ((4, slice(0, 2)), (5, slice(2, 5))):
        counts = (np.asarray(state.cells) == code).sum(axis=0)
        assert counts[:, columns].sum() == 9_000
        assert fits(counts[:, columns].reshape(-1), 9_000 / counts[:, columns].size)
    blocks = ((np.asarray(state.cells) > 0) & (np.asarray(state.cells) < 4)).sum(axis=(1, 2))
    assert (blocks == 3).all()


def test_a_stationary_goal_is_red():
    env = env_of("colorgrid-stationary-v0", size=4, block_density=0.3)
    state = jax.jit(jax.vmap(lambda key: env.reset(key)[0]))(
        jax.random.split(jax.random.key(2), 100)
    )
    assert (state.goal == RED).all()


def test_the_goal_switches_with_the_documented_probability_to_either_other_colour():
    n = 60_000
    env = env_of("colorgrid-v0", size=4, block_density=0.3)
    step = jax.jit(jax.vmap(env.step_unfinished, in_axes=(0, None, None)))
    start = state_of("L... .rbg .... ...F", goal=BLUE)
    keys = jax.random.split(jax.random.key(3), n)
    state, timestep = step(keys, start, jnp.array([UP, DOWN]))
    counts = np.bincount(state.goal, minlength=3)
    assert counts[[RED, GREEN]].sum() == timestep.info["goal_switched"].sum()
    p = 2 / 3 * 1 / 32
    assert fits(counts, n * np.array([p / 2, 1 - p, p / 2]))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_any_switching_probability_is_kept(p):
    n = 60_000
    words = jax.random.bits(jax.random.key(4), (n,))
    switch = jax.vmap(lambda word: switch_goal(word, jnp.int8(GREEN), p))
    goal, switched = switch(words)
    counts = np.bincount(goal, minlength=3)
    assert counts[[RED, BLUE]].sum() == switched.sum()
    expected = n * np.array([p / 2, p / 2, 1 - p])
    assert (counts[expected == 0] == 0).all()
    if p > 0:
        assert fits(counts[expected > 0], expected[expected > 0])


def test_probabilities_zero_and_one_have_no_exceptions():
    for goal in range(3):
        assert not switch_goal(jnp.uint32(0), jnp.int8(goal), 0.0)[1]
        assert switch_goal(jnp.uint32(2**32 - 1), jnp.int8(goal), 1.0)[1]


# Options and registry ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0; accepted are an integer from 1 to 1024"),
        ({"size": "big"}, "size is 'big'"),
        ({"size": (4, 5, 6)}, "size is (4, 5, 6)"),
        ({"size": True}, "size is True"),
        ({"size": 5}, "block_density 0.1 puts 0 blocks of each colour on 5×5 cells; accepted are"),
        ({"size": 2, "block_density": 1}, "accepted are larger grids"),
        ({"size": 3, "block_density": 1}, "accepted are densities that give from 1 to 2"),
        ({"block_density": -0.1}, "block_density is -0.1"),
        ({"block_density": float("nan")}, "block_density is nan"),
        ({"goal_switch_prob": 1.5}, "accepted are finite numbers from 0 up to 1"),
        ({"goal_switch_prob": "often"}, "goal_switch_prob is 'often'"),
        ({"rewards": "mine"}, "rewards is 'mine'; accepted are 'individual', 'shared'"),
        ({"rewards": ["shared"]}, "rewards is ['shared']"),
        ({"positive_reward": -1}, "positive_reward is -1"),
        ({"negative_reward": 1}, "negative_reward is 1; accepted are finite numbers up to 0"),
        ({"block_penalty_coef": 2}, "block_penalty_coef is 2"),
        ({"potential_field": float("inf")}, "potential_field is inf"),
        ({"proximity_penalty_for": "both"}, "accepted are 'none', 'leader', 'follower'"),
        ({"proximity_penalty": -1}, "proximity_penalty is -1"),
        ({"proximity_threshold": 1.5}, "proximity_threshold is 1.5"),
        ({"max_steps": 0}, "max_steps is 0; accepted are integers from 1"),
        ({"max_steps": True}, "max_steps is True"),
        ({"asymmetric": "yes"}, "asymmetric is 'yes'; accepted are True and False"),
        ({"asymmetric": True, "leader_only": True}, "accepted is one of the two"),
        ({"leader_only": True, "proximity_penalty_for": "leader"}, "accepted is 'none'"),
        ({"hemispheres": True, "size": (1, 40)}, "needs two columns; width is 1"),
    ],
)
def test_a_bad_option_says_what_is_accepted(options, message):
    with pytest.raises(BadArgument, match=re.escape(message)):
        arenas.make("colorgrid-v0", **options)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UnknownName, match="block_density"):
        arenas.make("colorgrid-v0", block_densty=0.1)


@pytest.mark.parametrize(
    ("width", "height", "density", "blocks"),
    [(32, 32, 0.10, 34), (32, 32, 0.05, 17), (5, 5, 0.12, 1), (10, 10, 0.3, 10), (7, 5, 0.4, 4)],
)
def test_the_number_of_blocks_of_a_colour_is_rounded_down(width, height, density, blocks):
    assert blocks_per_color(width, height, density) == blocks


def test_the_registered_variants_are_what_their_names_say():
    def differs(env_id):
        return dict(arenas.registry.envs[env_id].kwargs)

    assert differs("colorgrid-v0") == {}
    assert differs("colorgrid-asymmetric-v0") == {"asymmetric": True}
    assert differs("colorgrid-stationary-v0") == {"stationary": True}
    assert differs("colorgrid-hemispheres-v0") == {"hemispheres": True}
    assert differs("colorgrid-shared-v0") == {"rewards": "shared"}
    assert arenas.make("colorgrid-leader-v0").agents == ("leader",)
    env = arenas.make("colorgrid-v0")
    assert env.agents == ("leader", "follower")
    assert env.action_labels == ("up", "down", "left", "right")
    assert env.observation_space["grid"].shape == (5, 32, 32)


@pytest.mark.slow
def test_the_contract_is_kept_with_the_shaping_on():
    """Every variant without it is checked in ``tests/test_testing.py``."""
    env = arenas.make("colorgrid-v0", size=(7, 5), max_steps=20, potential_field=0.2)
    arenas.testing.check_env(env)

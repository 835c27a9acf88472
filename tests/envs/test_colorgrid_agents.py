"""ColorGrid's scripted players against plain breadth-first search, Bayes' rule and each other."""

from __future__ import annotations

import collections
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas
from arenas.envs.colorgrid.agents import FAR, Inference, distance_field
from arenas.errors import BadArgument
from arenas.match import DeviceMatches

STEPS = ((0, 1), (0, -1), (-1, 0), (1, 0))  # up, down, left, right
CODES = "rbgLF"


@functools.cache
def env_of(env_id: str = "colorgrid-v0", **options):
    return arenas.make(env_id, **options)


def search(goals, walkable, width, height):
    """Steps from each cell to the nearest goal over walkable cells, by breadth-first search."""
    distance = dict.fromkeys(goals, 0)
    queue = collections.deque(goals)
    while queue:
        x, y = queue.popleft()
        for dx, dy in STEPS:
            cell = (x + dx, y + dy)
            inside = 0 <= cell[0] < width and 0 <= cell[1] < height
            if inside and cell in walkable and cell not in distance:
                distance[cell] = distance[(x, y)] + 1
                queue.append(cell)
    return distance


def observation_of(picture: str, goal: int | None) -> dict[str, np.ndarray]:
    """What the seats see in a picture; rows from the top down."""
    rows = picture.split()[::-1]
    planes = np.array([[[c == code for c in row] for row in rows] for code in CODES], np.uint8)
    return {"grid": planes, "goal": np.array([c == goal for c in range(3)], np.uint8)}


@functools.cache
def moves_of(name: str, env_id: str, size: tuple[int, int]):
    agent = arenas.load_agent(name, env_of(env_id, size=size, block_density=0.4))

    def move(observation, seat, key):
        carry = agent.init(jax.random.key(0), seat)
        return agent.act(agent.params, carry, observation, jnp.ones(4, bool), key)[1]

    return jax.jit(jax.vmap(move, in_axes=(None, None, 0)))


def moves(name, picture, goal=0, seat=0, env_id="colorgrid-v0"):
    """The moves that a player makes in a picture, under many keys."""
    rows = picture.split()
    move = moves_of(name, env_id, (len(rows[0]), len(rows)))
    keys = jax.random.split(jax.random.key(1), 40)
    actions = move(observation_of(picture, goal), jnp.int32(seat), keys)
    return {("up", "down", "left", "right")[a] for a in actions.tolist()}


@pytest.mark.parametrize("seat", [0, 1])
def test_astar_takes_a_shortest_path_around_wrong_blocks(seat):
    env = env_of(size=(9, 8), block_density=0.68)
    agent = arenas.load_agent("colorgrid/astar", env)

    @jax.jit
    @jax.vmap
    def first_moves(key):
        _, timestep = env.reset(key)
        observation = jax.tree.map(lambda x: x[seat], timestep.observation)
        carry = agent.init(key, jnp.int32(seat))
        return observation, agent.act((), carry, observation, timestep.action_mask[seat], key)[1]

    observations, actions = jax.device_get(first_moves(jax.random.split(jax.random.key(0), 400)))
    around = through = detours = 0
    for planes, goal, action in zip(
        observations["grid"], observations["goal"], actions, strict=True
    ):
        goal = int(goal.argmax())
        goals = [(int(x), int(y)) for y, x in np.argwhere(planes[goal])]
        everywhere = {(x, y) for x in range(9) for y in range(8)}
        wrong = {(int(x), int(y)) for c in range(3) if c != goal for y, x in np.argwhere(planes[c])}
        clear = search(goals, everywhere - wrong, 9, 8)
        straight = search(goals, everywhere, 9, 8)
        y, x = map(int, np.argwhere(planes[3 + seat])[0])
        cell = (x + STEPS[action][0], y + STEPS[action][1])
        if (x, y) in clear:
            around += 1
            detours += clear[(x, y)] > straight[(x, y)]
            assert clear[cell] == clear[(x, y)] - 1
        else:  # walled off: through the wall, straight
            through += 1
            assert straight[cell] == straight[(x, y)] - 1
    assert around > 200  # the test means nothing unless these happened
    assert through > 10
    assert detours > 10


def test_the_distance_field_is_that_of_breadth_first_search():
    rng = np.random.default_rng(0)
    field = jax.jit(distance_field)
    for _ in range(20):
        walkable = rng.random((7, 6)) < 0.7
        goals = rng.random((7, 6)) < 0.1
        cells = {(int(x), int(y)) for y, x in np.argwhere(walkable)}
        targets = [(int(x), int(y)) for y, x in np.argwhere(goals & walkable)]
        expected = search(targets, cells, 6, 7)
        x, y = rng.integers(6), rng.integers(7)
        distance = np.asarray(field(goals, walkable, jnp.array([x, y]), jnp.bool(True)))
        own = expected.get((x, y))
        assert distance[y, x] == (FAR if own is None else own)
        for cell, steps in expected.items():  # the wave stops where it meets the start
            met = own is None or steps <= own
            assert distance[cell[1], cell[0]] == (steps if met else FAR)
        assert (distance[~walkable] == FAR).all()


def test_astar_walks_around_a_wrong_block_and_greedy_through_it():
    picture = "..... .Lb.r .F... ....."
    assert moves("colorgrid/astar", picture) == {"up"}  # below stands the follower
    assert moves("colorgrid/greedy", picture) == {"right"}


def test_of_equally_short_paths_one_is_taken_at_random_but_not_into_the_other_agent():
    assert moves("colorgrid/astar", "...r .... L... ...F") == {"up", "right"}
    assert moves("colorgrid/astar", "...r .... LF.. ....") == {"up"}
    assert moves("colorgrid/astar", "...r .... FL.. ....", seat=1) == {"up"}
    assert moves("colorgrid/astar", "LFr. .... .... ....") == {"right"}  # no other is as short


def test_players_look_for_blocks_in_their_own_hemisphere():
    env_id = "colorgrid-hemispheres-v0"
    for name in ("colorgrid/astar", "colorgrid/greedy"):
        assert moves(name, "...... r.Lr.F ......", env_id=env_id) == {"left"}
        assert moves(name, "...... .LrF.r ......", seat=1, env_id=env_id) == {"right"}


@pytest.mark.parametrize("name", ["colorgrid/astar", "colorgrid/greedy", "colorgrid/inference"])
def test_a_player_that_knows_no_goal_takes_no_block(name):
    assert moves(name, "L..b .rFg ..b.", goal=None, seat=1) == {"up"}
    assert moves(name, "L.gF ...b ....", goal=None, seat=1) == {"up", "right"}  # over the edge
    assert moves(name, "L... ..F. ....", goal=None, seat=1) == {"up", "down", "left", "right"}


# Inference ---------------------------------------------------------------------------------------


def forward(steps, switch, error):
    """The goal's probability after these steps, by summing over all paths of a hidden chain."""
    joint = {(g,): 1 / 3 for g in range(3)}
    for taken in steps:
        after = collections.defaultdict(float)
        for path, weight in joint.items():
            goal = path[-1]
            seen = 1.0 if taken is None else (1 - error if taken == goal else error / 2)
            for other in range(3):
                moved = 1 - switch if other == goal else switch / 2
                after[(*path, other)] += weight * seen * moved
        joint = after
    total = sum(joint.values())
    return [sum(w for p, w in joint.items() if p[-1] == g) / total for g in range(3)]


def test_the_belief_is_that_of_a_hidden_markov_chain():
    agent = arenas.load_agent(
        "colorgrid/inference,leader_error=0.1",
        env_of(size=6, block_density=0.2, goal_switch_prob=0.15),
    )
    assert isinstance(agent, Inference)
    steps = [None, 1, None, 1, 0, 0, None]
    probability = jnp.full(3, 1 / 3)
    for n, taken in enumerate(steps, 1):
        probability = agent.update(probability, jnp.arange(3) == (-1 if taken is None else taken))
        np.testing.assert_allclose(probability, forward(steps[:n], 0.15, 0.1), rtol=1e-5)


def test_inference_learns_from_the_block_that_the_leader_took():
    agent = arenas.load_agent("colorgrid/inference", env_of(size=(5, 3), block_density=0.4))
    act = jax.jit(agent.act)
    carry = agent.init(jax.random.key(0), jnp.int32(1))
    mask, key = jnp.ones(4, bool), jax.random.key(0)
    np.testing.assert_allclose(carry.probability, 1 / 3)
    carry, _ = act((), carry, observation_of("Lb..r ..F.. .g..b", None), mask, key)
    np.testing.assert_allclose(carry.probability, 1 / 3, rtol=1e-6)  # nobody took anything yet
    # The leader takes the blue block, which reappears; the follower takes the green one.
    carry, action = act((), carry, observation_of(".L..r g...b ..F.b", None), mask, key)
    assert carry.probability.argmax() == 1
    assert carry.probability[1] > 0.9
    assert action in (0, 3)  # towards the nearest blue block, two steps up and to the right
    # It sees the goal where the environment shows it, whatever it believed.
    carry, _ = act((), carry, observation_of(".L..r g...b ..F.b", 2), mask, key)
    assert carry.probability.tolist() == [0, 0, 1]


def test_a_belief_that_fades_ends_the_taking_of_blocks():
    agent = arenas.load_agent("colorgrid/inference", env_of(size=(5, 3), block_density=0.4))
    update = jax.jit(agent.update)
    probability = update(jnp.full(3, 1 / 3), jnp.arange(3) == 2)
    assert probability[2] > 0.5
    for _ in range(200):
        probability = update(probability, jnp.zeros(3, bool))
    np.testing.assert_allclose(probability, 1 / 3, atol=2e-3)


@pytest.mark.parametrize("error", [0, 0.7, "often", True])
def test_a_bad_leader_error_says_what_is_accepted(error):
    with pytest.raises(BadArgument, match="over 0 and under 2/3"):
        Inference(env_of(size=6, block_density=0.2), error)


def test_players_of_colorgrid_play_no_other_game():
    with pytest.raises(BadArgument, match="plays 'colorgrid', not 'rrps'"):
        arenas.load_agent("colorgrid/astar", "rrps-v0")


# Against each other ------------------------------------------------------------------------------

NAMES = ("colorgrid/astar", "colorgrid/greedy", "random", "colorgrid/inference")


@functools.cache
def mean_returns(episodes: int = 24):
    """Mean returns of matches where only the leader sees the goal, and their standard errors.

    Both are ``{(leader, follower): [2]}``: astar leads each follower, and each leads random.
    """
    env = env_of("colorgrid-asymmetric-v0", size=12, block_density=0.1, max_steps=150)
    pairs = [(0, follower) for follower in range(len(NAMES))] + [(1, 2), (2, 2)]
    matches = DeviceMatches(env, [arenas.load_agent(name, env) for name in NAMES])
    seats = [pair for pair in pairs for _ in range(episodes)]
    seeds = list(range(episodes)) * len(pairs)
    played = [e.returns for e in matches.play(seats, seeds, record=False)]
    returns = np.array(played).reshape(len(pairs), episodes, 2)
    named = [(NAMES[a], NAMES[b]) for a, b in pairs]
    error = returns.std(axis=1) / np.sqrt(episodes)
    return dict(zip(named, returns.mean(axis=1), strict=True)), error.max()


def test_astar_scores_higher_than_greedy_and_greedy_than_random():
    mean, error = mean_returns()
    astar, greedy, random = (mean[(name, "random")][0] for name in NAMES[:3])
    assert astar > greedy + 4 * error
    assert greedy > random + 4 * error
    assert abs(random) < 10


def test_inferring_the_goal_beats_having_no_information_where_it_is_hidden():
    mean, error = mean_returns()
    leader, inference = mean[("colorgrid/astar", "colorgrid/inference")]
    for name in ("colorgrid/astar", "colorgrid/greedy"):
        assert mean[("colorgrid/astar", name)][1] == 0  # they know that they do not know
    assert inference > 4 * error
    assert inference > mean[("colorgrid/astar", "random")][1] + 4 * error
    assert inference > 0.4 * leader  # much of what the leader earns, who sees the goal

"""One seat of an environment in Gymnasium's interface, the others held by agents."""

import subprocess
import sys
import warnings

import gymnasium
import jax.numpy as jnp
import numpy as np
import pytest
import toys
from gymnasium.utils.env_checker import check_env

import arenas
from arenas.agent import DeviceAgent, HostAgent
from arenas.errors import BadArgument, BadShape, EpisodeOver, IllegalAction, UnknownName
from arenas.interop.gymnasium import SingleAgentEnv, register_all, single_agent_env
from arenas.rollout import agent_seed

GRID = {"size": 6, "max_steps": 20}
VARIANTS = [  # of games in which everything is legal: Gymnasium's check looks at no masks
    id
    for id in toys.SAMPLE
    if id not in ("colorgrid-v0", "rrps-v0") and arenas.registry.envs[id].game not in toys.MASKED
]


class Fixed(DeviceAgent):
    """Always the same action."""

    def __init__(self, action):
        self.action = action

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.int32(self.action)


class Notes(HostAgent):
    """Writes down what it is told; takes the first legal action."""

    def __init__(self):
        self.resets, self.seen = [], []

    def watch(self, env):
        self.watched = env.state()

    def reset(self, seat, seed):
        self.resets.append((seat, seed))

    def act(self, observation, action_mask):
        self.seen.append((observation, action_mask))
        return int(np.flatnonzero(action_mask)[0])


def strict(env):
    """Gymnasium's check, whose warnings are errors here, but for advice on what games are."""
    with warnings.catch_warnings():
        for advice in (".*Not able to test alternative render modes", ".*is different from the"):
            warnings.filterwarnings("ignore", advice)
        check_env(env)


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize(
    ("id", "options"),
    [
        ("colorgrid-v0", GRID),
        ("colorgrid-v0", {**GRID, "flatten": True}),
        ("rrps-v0", {"throws": 20}),
    ],
    ids=str,
)
def test_gymnasiums_check_passes(id, options, seat):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Casting input x to numpy array")
        strict(gymnasium.make(f"arenas/{id}", seat=seat, **options).unwrapped)


@pytest.mark.parametrize("game", [toys.Race, toys.Aim])
def test_gymnasiums_check_passes_on_objects(game):
    strict(single_agent_env(game(), seat=1))


def test_gymnasiums_check_passes_in_turns():
    strict(single_agent_env(toys.Nim(pile=9, random_pile=False), seat=0, opponents=Fixed(0)))


@pytest.mark.slow
@pytest.mark.parametrize("id", VARIANTS)
def test_each_game_passes(id):
    name = f"arenas/{id.replace('/', '.')}"
    strict(gymnasium.make(name, **toys.small(id)).unwrapped)


def test_every_registered_environment_is_registered_with_gymnasium():
    register_all()
    for id in arenas.registry.envs:
        assert f"arenas/{id.replace('/', '.')}" in gymnasium.registry


def test_an_environment_registered_later_is_added(monkeypatch):
    spec = arenas.registry.EnvSpec(id="toys/race-v0", entry_point=toys.Race, game="race")
    monkeypatch.setitem(arenas.registry.envs._specs, spec.id, spec)
    register_all()
    try:
        env = gymnasium.make("arenas/toys.race-v0", seat="runner_2", goal=4)
        env.reset(seed=0)
        assert env.unwrapped.seat == 2
    finally:
        del gymnasium.registry["arenas/toys.race-v0"]


def test_the_name_can_import_the_module_by_itself():
    code = (
        "import gymnasium\n"
        "env = gymnasium.make('arenas.interop.gymnasium:arenas/rrps-v0', throws=3)\n"
        "env.reset(seed=0)\n"
        "print([env.step(0)[2] for _ in range(3)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False, False, True]"


def test_the_api_is_made_by_its_name():
    env = arenas.make("rrps-v0", api="gymnasium", seat="player_1", opponents="rrps/rock", throws=5)
    assert isinstance(env, SingleAgentEnv)
    env.reset(seed=0)
    assert env.step(1)[1] == 1.0  # paper beats rock


def test_gymnasiums_vector_environments_run():
    envs = gymnasium.make_vec("arenas/rrps-v0", num_envs=3, vectorization_mode="sync", throws=4)
    envs.reset(seed=0)
    ends = np.zeros(3, int)
    for _ in range(10):
        *_, terminated, truncated, _ = envs.step(envs.action_space.sample())
        assert not truncated.any()
        ends += terminated
    assert ends.tolist() == [2, 2, 2]
    envs.close()


# Seeds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seat", [0, 1])
@pytest.mark.parametrize(
    ("id", "kwargs"), [("colorgrid-v0", GRID), ("rrps-v0", {"throws": 20})], ids=str
)
def test_the_seed_is_the_episode_that_it_is_on_the_host(id, kwargs, seat):
    env = single_agent_env(id, seat=seat, opponents="random", **kwargs)
    host = arenas.make_host(id, **kwargs)
    other = arenas.agent.as_host_agent(arenas.load_agent("random", host))
    rng = np.random.default_rng(0)
    observation, _ = env.reset(seed=9)
    timestep = host.reset(9)
    other.reset(1 - seat, agent_seed(9, 1 - seat))
    while True:
        for path, mine in (
            [("", observation)] if seat_is_array(observation) else observation.items()
        ):
            whole = timestep.observation[path] if path else timestep.observation
            np.testing.assert_array_equal(mine, whole[seat])
        if timestep.terminated or timestep.truncated:
            break
        actions = [0, 0]
        actions[seat] = int(rng.integers(env.action_space.n))
        view = arenas.interop._seats.select(host.observation_space, timestep.observation, 1 - seat)
        actions[1 - seat] = int(other.act(view, timestep.action_mask[1 - seat]))
        observation, reward, terminated, truncated, _ = env.step(actions[seat])
        timestep = host.step(actions)
        assert reward == timestep.reward[seat]
        assert (terminated, truncated) == (timestep.terminated, timestep.truncated)


def seat_is_array(observation):
    return isinstance(observation, np.ndarray)


def test_opponents_have_the_seeds_that_they_have_in_matches():
    notes = Notes()
    env = single_agent_env(toys.Nim(), seat="player_1", opponents=notes)
    env.reset(seed=5)
    env.reset(seed=6)
    assert notes.resets == [(0, agent_seed(5, 0)), (0, agent_seed(6, 0))]


def test_opponents_may_watch_the_episode_from_its_start():
    notes = Notes()
    env = single_agent_env(toys.Nim(pile=7, random_pile=False), seat=1, opponents=notes)
    env.reset(seed=5)
    assert (int(notes.watched.pile), int(notes.watched.steps)) == (7, 0)


def test_without_a_seed_episodes_follow_from_the_last_seed():
    env = single_agent_env("rrps-v0", throws=3)

    def three():
        env.reset(seed=1)
        for _ in range(3):
            env.reset()
            yield env.episode_seed

    first = list(three())
    assert len(set(first)) == 3
    assert list(three()) == first


# Turns -------------------------------------------------------------------------------------------


def test_the_others_play_until_it_is_this_seats_turn():
    notes = Notes()
    env = single_agent_env(toys.Nim(pile=4, random_pile=False), seat=1, opponents=notes)
    observation, info = env.reset(seed=0)
    assert observation == {"pile": 3, "mine": np.array([1])}  # the first player took one
    assert info["action_mask"].tolist() == [1, 1, 1]
    assert info["acting"]
    observation, reward, terminated, _, info = env.step(0)
    assert observation["pile"] == 1  # this seat took one, and the other one
    assert (reward, terminated) == (0.0, False)
    assert info["action_mask"].tolist() == [1, 0, 0]
    _, reward, terminated, truncated, _ = env.step(0)
    assert (reward, terminated, truncated) == (1.0, True, False)
    seen = [(int(o["pile"]), m.tolist()) for o, m in notes.seen]
    assert seen == [(4, [True] * 3), (2, [True, True, False])]


def test_the_others_last_move_is_rewarded_with_this_seats_step():
    env = single_agent_env(toys.Nim(pile=2, random_pile=False), seat=0, opponents=Notes())
    env.reset(seed=0)
    _, reward, terminated, _, _ = env.step(0)
    assert (reward, terminated) == (-1.0, True)


def test_an_episode_that_ends_before_the_first_turn_takes_one_step():
    env = single_agent_env(toys.Nim(pile=1, random_pile=False), seat=1, opponents=Notes())
    observation, info = env.reset(seed=0)
    assert (observation["pile"], info["acting"]) == (0, False)
    _, reward, terminated, truncated, _ = env.step(2)
    assert (reward, terminated, truncated) == (-1.0, True, False)
    with pytest.raises(EpisodeOver):
        env.step(0)


def test_a_device_agent_plays_every_other_seat():
    env = single_agent_env(toys.Race(goal=9, max_steps=2), seat="runner_1", opponents=Fixed(0))
    env.reset(seed=3)
    _, _, _, _, info = env.step(2)
    assert info["gain"] >= 1
    with pytest.raises(UnknownName, match=r"unknown seat '3'; known: 0 or runner_0, 1 or"):
        single_agent_env(toys.Race(), seat=3)


# Bad input ---------------------------------------------------------------------------------------


def test_an_illegal_action_raises_and_changes_nothing():
    notes = Notes()
    env = single_agent_env(toys.Nim(pile=2, random_pile=False), seat=0, opponents=notes)
    env.reset(seed=0)
    with pytest.raises(IllegalAction, match=r"player_0: action 2 is illegal now; legal: \[0, 1\]"):
        env.step(2)
    with pytest.raises(BadShape, match="player_0: action None is not an integer"):
        env.step(None)
    assert notes.seen == []
    assert env.step(1)[1:3] == (1.0, True)


def test_an_opponents_illegal_action_names_it():
    env = single_agent_env(toys.Nim(pile=1, random_pile=False), seat="player_1", opponents=Fixed(2))
    with pytest.raises(IllegalAction, match="player_0: action 2 is illegal now"):
        env.reset(seed=0)


def test_no_step_before_a_reset():
    with pytest.raises(EpisodeOver, match="call reset first"):
        single_agent_env("rrps-v0", throws=3).step(0)


@pytest.mark.parametrize(
    ("seat", "opponents", "error", "message"),
    [
        (2, "random", UnknownName, "unknown seat '2'"),
        (-1, "random", UnknownName, "unknown seat '-1'"),
        ("player_2", "random", UnknownName, "unknown seat 'player_2'"),
        (0, "rrps/greenber", UnknownName, "unknown agent 'rrps/greenber'; did you mean"),
        (0, {}, BadArgument, "no opponent for: player_1"),
        (0, {0: "random", 1: "random"}, BadArgument, "seat player_0 is this environment's own"),
        (0, {1: "random", "player_1": "random"}, BadArgument, "seat player_1 is given two agents"),
        (0, {5: "random"}, UnknownName, "unknown seat '5'"),
        (0, ["random"] * 2, BadArgument, "2 opponents for 1 other seats: player_1"),
        (0, {1: 3}, BadArgument, "3 is not an agent"),
    ],
    ids=str,
)
def test_bad_seats_and_opponents_are_refused(seat, opponents, error, message):
    with pytest.raises(error, match=message):
        SingleAgentEnv("rrps-v0", seat, opponents)


def test_opponents_are_given_in_many_ways():
    for opponents in (
        "rrps/rock",
        {1: "rrps/rock"},
        {"player_1": "rrps/rock"},
        ["rrps/rock"],
        Fixed(0),
        {1: Fixed(0)},
    ):
        env = single_agent_env("rrps-v0", opponents=opponents, throws=2)
        env.reset(seed=0)
        assert env.step(1)[1] == 1.0


def test_one_host_agent_does_not_hold_two_seats():
    with pytest.raises(BadArgument, match="one host agent object holds two seats"):
        single_agent_env(toys.Race(), opponents=Notes())


def test_an_agent_of_another_game_is_refused():
    with pytest.raises(BadArgument, match="plays 'rrps', not 'colorgrid'"):
        single_agent_env("colorgrid-v0", opponents="rrps/rock", **GRID)


def test_text_in_ansi_mode():
    env = gymnasium.make("arenas/rrps-v0", render_mode="ansi", opponents="rrps/rock", throws=5)
    env.reset(seed=0)
    env.step(2)
    assert "player_0: scissors  player_1: rock\nscore  player_0: -1  player_1: 1" in env.render()

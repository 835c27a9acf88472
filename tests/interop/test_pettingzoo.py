"""Our environments in PettingZoo's interfaces: its own tests, SuperSuit's wrappers, our rules."""

import copy
import itertools
import pathlib
import pickle
import re
import sys
import types
import warnings

import cloudpickle
import gymnasium
import jax
import numpy as np
import pygame
import pytest
import supersuit
import toys
from pettingzoo.utils.conversions import aec_to_parallel, parallel_to_aec
from toys import pettingzoo_test

import arenas
from arenas.errors import BadArgument, BadShape, EpisodeOver, IllegalAction, UnknownName
from arenas.rollout import episode_key

GAMES = {
    "race": (toys.Race(), {}),
    "nim": (toys.Nim(), {}),
    "aim": (toys.Aim(), {}),
    "counter": (toys.Counter, {}),
    "colorgrid": ("colorgrid-v0", {"size": 6, "max_steps": 20}),
    "rrps": ("rrps-v0", {"throws": 20}),
}
VARIANTS = [id for id in toys.SAMPLE if id not in ("colorgrid-v0", "rrps-v0")]

THEIR_ADVICE = (
    "Observation numpy array is all zeros",
    "Observation is not a NumPy array",
    "Observation is a single number",
    "Observation space for each agent probably should be",
    "We recommend agents to be named",
    "The base environment",
    "The observation contains negative numbers",
    ".*reset option .options. is ignored",
)
"""What PettingZoo's tests warn of beyond its interface; the games are what they are."""


@pytest.fixture(params=GAMES)
def game(request):
    return GAMES[request.param]


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Environments of one id share compiled programs while one of them lives."""
    return [parallel(game) for game in GAMES.values()]


@pytest.fixture(autouse=True)
def _advice():
    with warnings.catch_warnings():
        for start in THEIR_ADVICE:
            warnings.filterwarnings("ignore", start)
        yield


def parallel(game, **options):
    return arenas.parallel_env(subject(game), **options, **game[1])


def aec(game, **options):
    return arenas.aec_env(subject(game), **options, **game[1])


def subject(game):
    """An id or an environment; each view of a host environment has one of its own."""
    return game[0]() if isinstance(game[0], type) else game[0]


def masked(game):
    return isinstance(game[0], toys.Nim)


def where_masks_are_looked_for(game):
    """Some of PettingZoo's tests read masks in observations only."""
    return {"mask_in": "observation"} if masked(game) else {}


# PettingZoo's own tests --------------------------------------------------------------------------


def test_parallel_api(game):
    env = parallel(game, **where_masks_are_looked_for(game))
    pettingzoo_test.parallel_api_test(env, num_cycles=60)


@pytest.mark.parametrize("options", [{}, {"flatten": True}], ids=str)
def test_api(game, options):
    pettingzoo_test.api_test(aec(game, **options), num_cycles=30)


def test_api_with_masks_in_observations():
    env = aec(GAMES["nim"], mask_in="observation", flatten=True)
    pettingzoo_test.api_test(env, num_cycles=30)


def test_seed(game):
    pettingzoo_test.seed_test(lambda: aec(game), num_cycles=30)


def test_parallel_seed(game):
    if masked(game):
        pytest.skip("this test of PettingZoo draws actions without looking at masks")
    pettingzoo_test.parallel_seed_test(lambda: parallel(game), num_cycles=30)


def test_render(game):
    options = where_masks_are_looked_for(game)
    pettingzoo_test.render_test(lambda render_mode: aec(game, render_mode=render_mode, **options))


@pytest.mark.parametrize("name", ["race", "aim", "colorgrid", "rrps"])
def test_max_cycles(name):
    id, kwargs = GAMES[name]
    if name == "race":
        id = toys.Race(goal=100, max_steps=None)  # nobody gets there in four steps
    module = types.SimpleNamespace(
        parallel_env=lambda max_cycles: arenas.parallel_env(id, max_cycles=max_cycles, **kwargs),
        env=lambda max_cycles: arenas.aec_env(id, max_cycles=max_cycles, **kwargs),
    )
    pettingzoo_test.max_cycles_test(module)


def test_state(game):
    if masked(game):
        pytest.skip("this test of PettingZoo draws actions without looking at masks")
    from pettingzoo.test.state_test import state_test

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "State numpy array is all zeros")
        warnings.filterwarnings("ignore", "State is a single number")
        warnings.filterwarnings("ignore", "Environment's (max|min)imum state space value")
        state_test(aec(game), parallel(game), num_cycles=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nim", "colorgrid", "rrps"])
def test_performance_benchmark(name, capsys):
    game = GAMES[name]
    pettingzoo_test.performance_benchmark(aec(game, **where_masks_are_looked_for(game)))
    assert "turns per second" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("id", VARIANTS)
def test_every_registered_environment_passes(id):
    kwargs = toys.small(id)
    masked = arenas.registry.envs[id].game in toys.MASKED
    masks = {"mask_in": "observation"} if masked else {}
    pettingzoo_test.parallel_api_test(arenas.parallel_env(id, **masks, **kwargs), num_cycles=30)
    pettingzoo_test.api_test(arenas.aec_env(id, flatten=True, **kwargs), num_cycles=20)
    pettingzoo_test.seed_test(lambda: arenas.aec_env(id, **kwargs), num_cycles=20)
    pettingzoo_test.render_test(
        lambda render_mode: arenas.aec_env(id, render_mode=render_mode, **masks, **kwargs)
    )


# One seed, one trajectory ------------------------------------------------------------------------


def play_parallel(env, seed, rng):
    """Each step's observations, rewards, flags and actions of one episode."""
    observations, infos = env.reset(seed=seed)
    yield observations, None, False, False, None
    while env.agents:
        actions = {}
        for agent in env.agents:
            space = env.action_space(agent)
            if isinstance(space, gymnasium.spaces.Box):
                actions[agent] = rng.uniform(space.low, space.high).astype(np.float32)
            else:
                actions[agent] = int(rng.choice(np.flatnonzero(infos[agent]["action_mask"])))
        observations, rewards, terminations, truncations, infos = env.step(actions)
        [terminated], [truncated] = set(terminations.values()), set(truncations.values())
        yield observations, rewards, terminated, truncated, actions


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def joint(env, by_agent):
    """Observations by agent as the environment's own, with an agent axis."""
    return jax.tree.map(lambda *x: np.stack(x), *(by_agent[a] for a in env.possible_agents))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_seed_is_the_episode_that_it_is_on_the_host(game, seed):
    env, rng = parallel(game), np.random.default_rng(5)
    host = arenas.make_host(game[0], **game[1]) if game[1] else arenas.host.as_host(subject(game))
    for step, seen in enumerate(play_parallel(env, seed, rng)):
        observations, rewards, terminated, truncated, actions = seen
        if step == 0:
            timestep = host.reset(seed)
        else:
            timestep = host.step(np.stack([actions[a] for a in env.possible_agents]))
            np.testing.assert_array_equal(list(rewards.values()), timestep.reward)
        same(joint(env, observations), timestep.observation)
        assert (terminated, truncated) == (timestep.terminated, timestep.truncated)
    assert terminated or truncated


@pytest.mark.parametrize("name", ["race", "nim", "aim", "colorgrid", "rrps"])
def test_the_seed_is_the_episode_that_it_is_in_a_batch(name):
    id, kwargs = GAMES[name]
    game = arenas.make(id, **kwargs) if isinstance(id, str) else id
    env, seeds = parallel(GAMES[name]), [7, 8]
    episodes = [list(play_parallel(env, s, np.random.default_rng(s))) for s in seeds]
    batch = arenas.VectorEnv(game, 2)
    states, timestep = jax.jit(batch.reset)(jax.numpy.stack([episode_key(s) for s in seeds]))
    step = jax.jit(batch.step)
    for i in itertools.count():
        for row, episode in enumerate(episodes):
            if i < len(episode):
                observations, rewards, terminated, truncated, _ = episode[i]
                batched = jax.tree.map(lambda x: np.asarray(x[row]), timestep)  # noqa: B023
                same(joint(env, observations), batched.final_observation)
                assert (terminated, truncated) == (batched.terminated, batched.truncated)
                if rewards is not None:
                    np.testing.assert_array_equal(list(rewards.values()), batched.reward)
        rows = [episode[min(i + 1, len(episode) - 1)][4] for episode in episodes]
        if i + 1 >= max(map(len, episodes)):
            break
        actions = np.array([[row[a] for a in env.possible_agents] for row in rows])
        states, timestep = step(states, actions)


def test_agent_by_agent_the_seed_is_the_same_episode(game):
    together, one_by_one = parallel(game), aec(game)
    one_by_one.reset(seed=3)
    returns = dict.fromkeys(one_by_one.possible_agents, 0.0)
    for seen in play_parallel(together, 3, np.random.default_rng(0)):
        observations, rewards, terminated, truncated, actions = seen
        if actions is not None:
            asked = [a for a, info in one_by_one.infos.items() if info["acting"]]
            for agent in asked:
                assert one_by_one.agent_selection == agent
                one_by_one.step(actions[agent])
            assert one_by_one.rewards == rewards
        for agent in one_by_one.agents:
            same(one_by_one.observe(agent), observations[agent])
            assert one_by_one.terminations[agent] == terminated
            assert one_by_one.truncations[agent] == truncated
    for agent in one_by_one.agent_iter():
        *_, info = one_by_one.last()
        assert info["acting"] is False
        returns[agent] += one_by_one.last()[1]
        one_by_one.step(None)
    assert one_by_one.agents == []


def test_without_a_seed_episodes_follow_from_the_last_seed():
    env = parallel(GAMES["race"])
    env.reset(seed=4)
    seeds = []
    for _ in range(3):
        env.reset()
        seeds.append(env.episode_seed)
    assert len(set(seeds)) == 3
    env.reset(seed=4)
    again = []
    for _ in range(3):
        env.reset()
        again.append(env.episode_seed)
    assert again == seeds


def test_without_any_seed_episodes_are_random():
    a, b = parallel(GAMES["race"]), parallel(GAMES["race"])
    a.reset()
    b.reset()
    assert a.episode_seed != b.episode_seed  # alike once in four thousand million runs


@pytest.mark.parametrize("seed", [-1, 2**32, True])
def test_a_seed_that_no_episode_has_is_refused(seed):
    for env in (parallel(GAMES["race"]), aec(GAMES["race"])):
        with pytest.raises(BadArgument, match="accepted are integers from 0 to 4294967295"):
            env.reset(seed=seed)


# Actions -----------------------------------------------------------------------------------------


def test_an_end_by_the_rules_is_a_termination_and_the_limit_a_truncation():
    game = toys.Race(goal=5, max_steps=3), {}
    run, stay = dict.fromkeys(toys.Race.agents, 2), dict.fromkeys(toys.Race.agents, 0)
    for actions, kind in ((run, "terminated"), (stay, "truncated")):
        env = parallel(game)
        env.reset(seed=0)
        while env.agents:
            _, _, terminations, truncations, _ = env.step(actions)
        assert set(terminations.values()) == {kind == "terminated"}
        assert set(truncations.values()) == {kind == "truncated"}


@pytest.mark.parametrize("mask_in", ["info", "observation"])
def test_legal_actions_are_given_as_gymnasium_samples_them(mask_in):
    game = toys.Nim(pile=2, random_pile=False), {}
    env = parallel(game, mask_in=mask_in)
    observations, infos = env.reset(seed=0)
    for agent, mask in (("player_0", [1, 1, 0]), ("player_1", [1, 1, 1])):
        given = infos[agent] if mask_in == "info" else observations[agent]
        assert given["action_mask"].dtype == np.int8
        assert given["action_mask"].tolist() == mask
        assert env.observation_space(agent).contains(observations[agent])
    assert [infos[a]["acting"] for a in env.agents] == [True, False]


def test_an_illegal_action_raises_and_changes_nothing():
    game = toys.Nim(pile=2, random_pile=False), {}
    env = parallel(game)
    env.reset(seed=0)
    before = env.seats.host.checksum()
    with pytest.raises(IllegalAction, match=r"player_0: action 2 is illegal now; legal: \[0, 1\]"):
        env.step({"player_0": 2, "player_1": 0})
    with pytest.raises(IllegalAction, match="player_0: action 3 is out of range"):
        env.step({"player_0": 3, "player_1": 0})
    with pytest.raises(BadShape, match=r"player_0: action 0\.5 is not an integer"):
        env.step({"player_0": 0.5, "player_1": 0})
    assert env.seats.host.checksum() == before
    assert env.agents == ["player_0", "player_1"]

    one_by_one = aec(game)
    one_by_one.reset(seed=0)
    with pytest.raises(IllegalAction, match="player_0: action 2 is illegal now"):
        one_by_one.step(2)
    assert one_by_one.agent_selection == "player_0"
    one_by_one.step(1)
    assert one_by_one.rewards == {"player_0": 1.0, "player_1": -1.0}


def test_an_illegal_action_of_one_does_not_use_up_what_another_chose():
    env = aec(GAMES["race"])
    env.reset(seed=0)
    env.step(1)
    with pytest.raises(IllegalAction):
        env.step(7)
    assert env.agent_selection == "runner_1"
    env.step(1)
    env.step(1)
    assert env.seats.host.steps == 1


def test_every_agent_that_acts_must_be_given_an_action():
    env = parallel(GAMES["race"])
    env.reset(seed=0)
    with pytest.raises(BadArgument, match="no action for runner_1, runner_2; a step needs one"):
        env.step({"runner_0": 0})
    with pytest.raises(UnknownName, match="unknown agent 'runner_3'; did you mean 'runner_"):
        env.step(dict.fromkeys(["runner_0", "runner_1", "runner_2", "runner_3"], 0))
    assert env.seats.host.steps == 0


def test_actions_of_agents_who_do_not_act_are_not_read():
    env = parallel(GAMES["nim"])
    outcomes = []
    for other in ({}, {"player_1": 0}, {"player_1": 99}):
        env.reset(seed=0)
        outcomes.append(env.step({"player_0": 0} | other)[0]["player_0"]["pile"])
    assert len(set(outcomes)) == 1


def test_no_step_after_the_end_or_before_the_start():
    env, one_by_one = parallel(GAMES["nim"]), aec(GAMES["nim"])
    for each in (env, one_by_one):
        with pytest.raises(EpisodeOver, match="call reset first"):
            each.step({})
        with pytest.raises(EpisodeOver, match="call reset first"):
            each.state()
    game = toys.Nim(pile=1, random_pile=False), {}
    env, one_by_one = parallel(game), aec(game)
    env.reset(seed=0)
    env.step({"player_0": 0})
    assert env.agents == []
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(EpisodeOver, match="call reset first"):
        env.step({"player_1": 0})
    one_by_one.reset(seed=0)
    one_by_one.step(0)
    with pytest.raises(ValueError, match="the only valid action is None"):
        one_by_one.step(0)


def test_agents_who_act_at_once_do_not_see_each_others_choice():
    env = aec(GAMES["race"])
    env.reset(seed=0)
    before = {agent: env.observe(agent) for agent in env.agents}
    env.step(2)
    env.step(2)
    same({agent: env.observe(agent) for agent in env.agents}, before)
    assert env.seats.host.steps == 0
    env.step(2)
    assert env.seats.host.steps == 1


def test_turns_are_those_of_the_game():
    env = aec((toys.Nim(pile=3, random_pile=False), {}))
    env.reset(seed=0)
    order = []
    for agent in env.agent_iter():
        order.append(agent)
        *_, terminated, truncated, _ = env.last()
        env.step(None if terminated or truncated else 0)
    assert order[:3] == ["player_0", "player_1", "player_0"]
    assert sorted(order[3:]) == ["player_0", "player_1"]  # once each, after the end


def test_max_cycles_truncates_and_leaves_the_rest_as_it_is():
    whole, cut = parallel(GAMES["rrps"]), parallel(GAMES["rrps"], max_cycles=3)
    one = list(play_parallel(whole, 1, np.random.default_rng(1)))
    two = list(play_parallel(cut, 1, np.random.default_rng(1)))
    assert len(two) == 4
    same([x[0] for x in one[:4]], [x[0] for x in two])
    assert [x[2:4] for x in two] == [(False, False)] * 3 + [(False, True)]
    with pytest.raises(BadArgument, match="max_cycles is 0; accepted are integers from 1, and"):
        parallel(GAMES["rrps"], max_cycles=0)


def test_an_end_by_the_rules_at_max_cycles_is_a_termination():
    env = parallel((toys.Nim(pile=1, random_pile=False), {}), max_cycles=1)
    env.reset(seed=0)
    _, _, terminations, truncations, _ = env.step({"player_0": 0})
    assert terminations == dict.fromkeys(terminations, True)
    assert truncations == dict.fromkeys(truncations, False)


# Views -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nim", "colorgrid"])
def test_flattened_observations_are_in_gymnasiums_order(name):
    plain, flat = parallel(GAMES[name]), parallel(GAMES[name], flatten=True)
    observations, _ = plain.reset(seed=2)
    flattened, _ = flat.reset(seed=2)
    for agent, observation in observations.items():
        expected = gymnasium.spaces.flatten(plain.observation_space(agent), observation)
        np.testing.assert_array_equal(flattened[agent], expected)
        assert isinstance(flat.observation_space(agent), gymnasium.spaces.Box)
        assert flat.observation_space(agent).contains(flattened[agent])


def test_the_state_is_all_observations_in_seat_order(game):
    env = parallel(game)
    observations, _ = env.reset(seed=2)
    parts = [
        gymnasium.spaces.flatten(env.observation_space(a), observations[a]) for a in env.agents
    ]
    np.testing.assert_array_equal(env.state(), np.concatenate(parts))
    assert env.state_space.contains(env.state())


def test_information_is_split_by_agent_where_it_has_an_agent_axis():
    env = parallel(GAMES["race"])
    observations, infos = env.reset(seed=0)
    assert all(infos[a]["gain"] == 0 and infos[a]["leader"] == 0 for a in env.agents)
    before = {a: observations[a][0] for a in env.agents}
    observations, _, _, _, infos = env.step(dict.fromkeys(env.agents, 1))
    after = {a: observations[a][0] for a in env.possible_agents}
    for agent in env.possible_agents:
        assert infos[agent]["gain"] == after[agent] - before[agent]
        assert infos[agent]["leader"] == np.argmax(list(after.values()))


def test_what_a_user_writes_into_an_observation_stays_theirs():
    env = parallel(GAMES["rrps"])
    observations, _ = env.reset(seed=0)
    observations["player_0"][:] = 9
    env.step({"player_0": 0, "player_1": 0})
    expected, _ = env.reset(seed=0)
    assert not expected["player_0"].any()


def test_seeding_one_agents_action_space_leaves_the_others():
    env = parallel(GAMES["race"])
    spaces = [env.action_space(a) for a in env.possible_agents]
    assert len({id(s) for s in spaces}) == 3
    assert env.action_space("runner_1") is spaces[1]
    with pytest.raises(UnknownName, match="unknown agent 'runner'"):
        env.action_space("runner")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("name", ["race", "nim", "counter", "colorgrid", "rrps"])
def test_a_copy_goes_on_where_the_original_stands(name, copied):
    env = aec(GAMES[name])
    env.reset(seed=11)
    for _ in range(2 * len(env.agents) - 1):  # in the middle of a step, where agents act at once
        env.step(0)
    twin = copied(env)
    for _ in range(3):
        if env.terminations[env.agent_selection]:
            break
        assert twin.agent_selection == env.agent_selection
        env.step(0)
        twin.step(0)
        same(twin.state(), env.state())
        assert twin.rewards == env.rewards
    env.reset()
    twin.reset()
    assert twin.episode_seed == env.episode_seed


def test_environments_of_one_id_share_compiled_programs():
    a, b = parallel(GAMES["colorgrid"]), parallel(GAMES["colorgrid"])
    assert a.seats.host is not b.seats.host
    assert a.seats.host.env is b.seats.host.env
    c = pickle.loads(pickle.dumps(a))
    assert c.seats.host.env is a.seats.host.env


def test_metadata():
    race, nim = aec(GAMES["race"]), aec(GAMES["nim"])
    assert race.metadata["is_parallelizable"]
    assert not nim.metadata["is_parallelizable"]  # aec_to_parallel wants all agents in a cycle
    assert parallel(GAMES["nim"]).metadata["is_parallelizable"]
    assert str(parallel(GAMES["colorgrid"])) == "colorgrid_v0"
    assert race.metadata["render_modes"] == ["human", "rgb_array", "ansi"]


def test_every_api_is_made_by_its_name():
    made = arenas.make("rrps-v0", api="pettingzoo", throws=5, flatten=True)
    assert isinstance(made, arenas.interop.pettingzoo.ParallelEnv)
    assert isinstance(
        arenas.make("rrps-v0,throws=5", api="pettingzoo-aec"), arenas.interop.pettingzoo.AecEnv
    )


def test_bad_options_are_refused():
    with pytest.raises(
        UnknownName, match="unknown render_mode 'rgb'; known: ansi, human, rgb_array"
    ):
        arenas.parallel_env("rrps-v0", render_mode="rgb")
    with pytest.raises(UnknownName, match="unknown argument of rrps-v0 'throw'; did you mean"):
        arenas.parallel_env("rrps-v0", throw=3)
    with pytest.raises(BadArgument, match="needs numbered actions"):
        parallel(GAMES["aim"], mask_in="observation")
    with pytest.raises(BadArgument, match=r"arguments \['size'\] need an id"):
        arenas.parallel_env(toys.Race(), size=3)


# Text --------------------------------------------------------------------------------------------


@pytest.fixture
def no_display(monkeypatch):
    """As on a server: no display, and no driver asked for that shows nothing."""
    pygame.display.quit()
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="always has a display")
def test_without_a_display_human_mode_prints_each_situation_once(capsys, no_display):
    env = parallel(GAMES["rrps"], render_mode="human")
    with pytest.warns(UserWarning, match="prints, since there is no display"):
        env.reset(seed=0)
    env.step({"player_0": 0, "player_1": 1})
    assert env.render() is None
    printed = capsys.readouterr().out
    assert printed.count("rrps-v0 step 0") == 1
    assert printed.count("rrps-v0 step 1 | reward: player_0 -1, player_1 +1") == 1
    assert "player_0: rock  player_1: paper\nscore  player_0: -1  player_1: 1" in printed


def test_human_mode_shows_a_window_that_may_be_closed(capsys):
    env = parallel(GAMES["rrps"], render_mode="human")
    env.reset(seed=0)
    window = pygame.display.get_surface()
    assert window is not None
    before = pygame.image.tobytes(window, "RGB")
    env.step({"player_0": 0, "player_1": 1})
    assert pygame.image.tobytes(window, "RGB") != before
    assert env.render() is None
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    env.step({"player_0": 0, "player_1": 1})
    assert not pygame.display.get_init()
    env.step({"player_0": 0, "player_1": 1})
    assert not pygame.display.get_init()  # and stays closed
    env.close()
    assert capsys.readouterr().out == ""


def test_pictures_are_those_of_the_scene_and_a_copy_gives_the_same(no_display):
    env = parallel(GAMES["colorgrid"], render_mode="rgb_array")
    with pytest.raises(EpisodeOver, match="call reset before render"):
        env.render()
    env.reset(seed=5)
    first = env.render()
    assert (first.shape, first.dtype) == ((720, 1080, 3), np.uint8)
    env.step(dict.fromkeys(env.agents, 0))
    second = env.render()
    assert (first != second).any()
    other = copy.deepcopy(env)
    assert np.array_equal(other.render(), second)
    env.reset(seed=5)
    assert np.array_equal(env.render(), first)
    assert not pygame.display.get_init()


def test_the_grid_is_drawn_as_it_is_observed():
    env = parallel(GAMES["colorgrid"], render_mode="ansi")
    observations, _ = env.reset(seed=5)
    headline, goal, *rows = env.render().splitlines()
    assert headline.startswith("colorgrid-v0 step 0/20 | reward: leader +0, follower +0")
    seen = observations["leader"]
    assert goal == "goal: " + ("red", "blue", "green")[int(np.argmax(seen["goal"]))]
    for y, row in enumerate(reversed(rows)):  # up is y + 1, so the lowest line is y = 0
        for x, letter in enumerate(row.split()):
            here = np.flatnonzero(seen["grid"][:, y, x]).tolist()
            assert here == ([] if letter == "." else ["rbgLF".index(letter)])


def test_a_game_without_a_drawing_says_whose_turn_it_is():
    env = parallel((toys.Nim(pile=2, random_pile=False), {}), render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == "Nim step 0 | reward: player_0 +0, player_1 +0\n" + (
        "player_0 to act: 0 1\nleft: 0"
    )
    env.step({"player_0": 1})
    assert env.render().startswith("Nim step 1 terminated | reward: player_0 +1, player_1 -1")


def test_without_a_render_mode_render_warns():
    env = parallel(GAMES["rrps"])
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="give render_mode='human', 'rgb_array' or 'ansi'"):
        assert env.render() is None


# Conversions and SuperSuit -----------------------------------------------------------------------


def test_pettingzoos_conversions_give_the_same_episode():
    native = list(play_parallel(parallel(GAMES["race"]), 6, np.random.default_rng(1)))
    converted = aec_to_parallel(aec(GAMES["race"]))
    rng = np.random.default_rng(1)
    for ours, theirs in zip(native, play_parallel(converted, 6, rng), strict=True):
        same(ours[0], theirs[0])
        assert ours[1] is None or dict(ours[1]) == dict(theirs[1])
        assert ours[2:4] == theirs[2:4]
    pettingzoo_test.api_test(parallel_to_aec(parallel(GAMES["race"])), num_cycles=10)


VECTOR_WRAPPERS = {
    "clip_reward": supersuit.clip_reward_v0,
    "dtype": lambda e: supersuit.dtype_v0(e, np.float64),
    "flatten": supersuit.flatten_v0,
    "frame_stack": lambda e: supersuit.frame_stack_v1(e, 3),
    "normalize_obs": lambda e: supersuit.normalize_obs_v0(supersuit.dtype_v0(e, np.float32)),
    "sticky_actions": lambda e: supersuit.sticky_actions_v0(e, 0.3),
    "delay_observations": lambda e: supersuit.delay_observations_v0(e, 2),
    "max_observation": lambda e: supersuit.max_observation_v0(e, 2),
    "agent_indicator": supersuit.agent_indicator_v0,
    "pad_observations": supersuit.pad_observations_v0,
    "pad_action_space": supersuit.pad_action_space_v0,
    "observation_lambda": lambda e: supersuit.observation_lambda_v0(e, lambda x, space: x),
    "reward_lambda": lambda e: supersuit.reward_lambda_v0(e, lambda r: 2 * r),
}
PARALLEL_WRAPPERS = {
    "black_death": supersuit.black_death_v3,
    "frame_skip": lambda e: supersuit.frame_skip_v0(e, 2),
}


@pytest.mark.parametrize("name", ["race", "colorgrid", "rrps"])
@pytest.mark.parametrize("wrapper", VECTOR_WRAPPERS | PARALLEL_WRAPPERS)
def test_supersuits_wrappers_run_on_parallel_environments(name, wrapper):
    wrap = (VECTOR_WRAPPERS | PARALLEL_WRAPPERS)[wrapper]
    env = wrap(parallel(GAMES[name], flatten=True))
    steps = 0
    observations, _ = env.reset(seed=1)
    for i, agent in enumerate(env.agents):
        env.action_space(agent).seed(i)
    while env.agents and steps < 50:
        for agent in env.agents:
            assert env.observation_space(agent).contains(observations[agent])
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, *_ = env.step(actions)
        assert all(np.isfinite(list(rewards.values())))
        steps += 1
    assert steps >= 2  # of two steps of the game each, where frames are skipped
    assert not env.agents


@pytest.mark.parametrize("wrapper", VECTOR_WRAPPERS)
def test_supersuits_wrappers_run_on_agent_by_agent_environments(wrapper):
    env = VECTOR_WRAPPERS[wrapper](aec(GAMES["race"], flatten=True))
    env.reset(seed=1)
    turns = 0
    for agent in env.agent_iter(max_iter=200):
        observation, _, terminated, truncated, _ = env.last()
        assert env.observation_space(agent).contains(observation)
        env.step(None if terminated or truncated else env.action_space(agent).sample())
        turns += 1
    assert 9 <= turns < 200


def test_supersuits_image_wrappers_run_on_planes():
    env = arenas.parallel_env(Planes())
    env = supersuit.frame_stack_v1(
        supersuit.resize_v1(supersuit.color_reduction_v0(env, "full"), 5, 4), 2
    )
    observations, _ = env.reset(seed=0)
    assert observations["walker_0"].shape == (4, 5, 2)
    assert env.observation_space("walker_0").contains(observations["walker_0"])


class Planes(toys.Race):
    """Race, seen as a picture."""

    agents = ("walker_0", "walker_1", "walker_2")

    def __init__(self):
        super().__init__()
        self.observation_space = gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)

    def _observation(self, state):
        return jax.numpy.full((3, 8, 8, 3), 100, jax.numpy.uint8)


def test_clip_actions_runs_on_boxes():
    env = supersuit.clip_actions_v0(parallel(GAMES["aim"]))
    env.reset(seed=0)
    far = {agent: np.full(2, 9, np.float32) for agent in env.agents}
    observations, *_ = env.step(far)
    assert observations["archer_0"][:2].tolist() == [1, 1]


@pytest.mark.parametrize("name", ["aim", "colorgrid", "rrps"])
def test_supersuits_vector_environments_run(name):
    env = parallel(GAMES[name], flatten=True)
    agents = len(env.possible_agents)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    batch = supersuit.concat_vec_envs_v1(vector, 3, num_cpus=0, base_class="gymnasium")
    observations, _ = batch.reset(seed=0)
    assert batch.num_envs == 3 * agents == len(observations)
    ends = 0
    for _ in range(45):
        actions = np.stack([batch.action_space.sample() for _ in range(batch.num_envs)])
        observations, _, terminations, truncations, _ = batch.step(actions)
        ends += int(np.sum(terminations) + np.sum(truncations))
        assert all(batch.observation_space.contains(o) for o in observations)
    assert ends >= 2 * 3 * agents  # 20 steps an episode, or 5
    batch.close()


def test_an_environment_survives_cloudpickle_before_its_first_reset():
    twin = cloudpickle.loads(cloudpickle.dumps(parallel(GAMES["rrps"])))
    with pytest.raises(EpisodeOver):
        twin.step({})
    twin.reset(seed=0)


def test_the_page_about_adapters_runs(capsys):
    page = pathlib.Path(__file__).parent.parent.parent / "docs" / "adapters.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(compile(block.replace("size=16", "size=6, max_steps=20"), str(page), "exec"), names)
    assert "colorgrid-v0 step 20/20 truncated" in capsys.readouterr().out
    assert names["envs"].num_envs == 16


def test_options_reach_the_game_and_its_copies():
    game = toys.NimWithPass(), {}
    for env in (parallel(game), aec(game)):
        env.reset(seed=3, options={"pile": 2})
        twin = copy.deepcopy(env)
        for e in (env, twin):
            assert e.seats.observation(0)["pile"] == 2
            assert [e.seats.mask(seat).tolist() for seat in (0, 1)] == [[1, 1, 0, 0], [0, 0, 0, 1]]
        with pytest.raises(BadArgument, match="pile is 99; accepted are 1 to 9"):
            env.reset(seed=3, options={"pile": 99})
        with pytest.warns(UserWarning, match="'pill' is ignored; .* has pile"):
            env.reset(seed=3, options={"pill": 1})


def test_a_cut_leaves_the_no_op_alone():
    env = parallel((toys.NimWithPass(random_pile=False), {}), max_cycles=1)
    env.reset(seed=0)
    _, _, _, truncations, infos = env.step({"player_0": 0})
    assert all(truncations.values())
    assert all(info["action_mask"].tolist() == [0, 0, 0, 1] for info in infos.values())

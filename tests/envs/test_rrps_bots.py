"""The 43 bots: what they are, and that a match depends on its seeds alone."""

import ctypes
import functools
import hashlib
import json
import subprocess
import sys

import numpy as np
import pyspiel
import pytest

import arenas
from arenas.envs.rrps.population import BOTS
from arenas.errors import BadArgument, UnknownName

THROWS = 1000
OPPONENTS = ("rrps/randbot", "rrps/greenberg")  # draws at every throw; strong, and seldom draws


def match(first, second, seed, throws=THROWS, env=None, agents=None):
    """Joint throws ``[T, 2]`` of one match; in the order of a match runner."""
    env = env or arenas.make_host("rrps-v0", throws=throws)
    agents = agents or [arenas.load_agent(n, env) for n in (first, second)]
    timestep = env.reset(seed)
    for seat, agent in enumerate(agents):
        agent.reset(seat, seed + seat)
    made = []
    while not timestep.terminated:
        joint = [
            agent.act(timestep.observation[i], timestep.action_mask[i])
            for i, agent in enumerate(agents)
        ]
        timestep = env.step(joint)
        made.append(joint)
    return np.array(made, np.uint8)


def digest(throws):
    return hashlib.sha256(throws.tobytes()).hexdigest()


@functools.cache
def fresh_matches():
    """Digests of each bot's matches, played in a process of its own that plays in another order."""
    program = (
        "import json, sys; sys.path.insert(0, 'tests/envs'); import test_rrps_bots as t;"
        "print(json.dumps({f'{b} {o}': t.digest(t.match(f'rrps/{b}', o, 11))"
        " for o in t.OPPONENTS for b in reversed(t.BOTS)}))"
    )
    root = __file__.rsplit("/tests/", 1)[0]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("bot", BOTS)
def test_the_same_seed_gives_the_same_match_in_any_process(bot):
    for opponent in OPPONENTS:
        env = arenas.make_host("rrps-v0", throws=THROWS)
        agents = [arenas.load_agent(n, env) for n in (f"rrps/{bot}", opponent)]
        again = functools.partial(match, f"rrps/{bot}", opponent, env=env)
        first = again(11, agents=agents)
        assert digest(first) == fresh_matches()[f"{bot} {opponent}"]
        # The same objects, after other matches, one of them abandoned, and with a generator that
        # others use; then a new first bot beside the unchanged second.
        ctypes.CDLL(None).srandom(123)
        again(12, agents=agents)
        agents[0].reset(0, 13)
        agents[0].act(np.zeros(7, np.float32), np.ones(3, bool))
        assert np.array_equal(again(11, agents=agents), first)
        agents[0] = arenas.load_agent(f"rrps/{bot}", env)
        assert np.array_equal(again(11, agents=agents), first)


@pytest.mark.parametrize("bot", BOTS)
def test_matches_that_go_on_at_once_do_not_disturb_each_other(bot):
    throws = 60
    alone = [match(f"rrps/{bot}", "rrps/randbot", seed, throws) for seed in (1, 2)]
    envs = [arenas.make_host("rrps-v0", throws=throws) for _ in alone]
    agents = [
        [arenas.load_agent(n, envs[0]) for n in (f"rrps/{bot}", "rrps/randbot")] for _ in envs
    ]
    timesteps = [env.reset(seed) for env, seed in zip(envs, (1, 2), strict=True)]
    for pair, seed in zip(agents, (1, 2), strict=True):
        for seat, agent in enumerate(pair):
            agent.reset(seat, seed + seat)
    for t in range(throws):
        for m in range(2):
            seen = timesteps[m].observation
            joint = [agent.act(seen[i], np.ones(3, bool)) for i, agent in enumerate(agents[m])]
            assert joint == alone[m][t].tolist()
            timesteps[m] = envs[m].step(joint)


@pytest.mark.parametrize("bot", BOTS)
@pytest.mark.parametrize("seat", [0, 1])
def test_a_bot_plays_as_in_openspiels_own_loop(bot, seat):
    """Against throws that are given, where one bot alone draws from the process's generator."""
    given = np.random.default_rng(4).integers(0, 3, 1000).tolist()
    game = pyspiel.load_game("repeated_game(stage_game=matrix_rps(),num_repetitions=1000)")
    state, oracle = game.new_initial_state(), pyspiel.make_roshambo_bot(seat, bot)
    env = arenas.make_host("rrps-v0")
    agent = arenas.load_agent(f"rrps/{bot}", env)
    timestep = env.reset(0)
    agent.reset(seat, 77)
    ctypes.CDLL(None).srandom(77)
    for throw in given:
        mine = agent.act(timestep.observation[seat], timestep.action_mask[seat])
        assert mine == oracle.step(state)
        joint = [throw, mine] if seat else [mine, throw]
        state.apply_actions(joint)
        timestep = env.step(joint)
    assert timestep.info["score"].tolist() == state.returns()


def test_a_bot_leaves_the_processs_generator_as_it_was():
    libc = ctypes.CDLL(None)
    libc.random.restype = ctypes.c_long
    libc.srandom(5)
    undisturbed = [libc.random() for _ in range(4)]
    libc.srandom(5)
    agent = arenas.load_agent("rrps/randbot", "rrps-v0")
    drawn = [libc.random()]
    agent.reset(0, 1)
    drawn.append(libc.random())
    agent.act(np.zeros(7, np.float32), np.ones(3, bool))
    drawn.append(libc.random())
    del agent
    drawn.append(libc.random())
    assert drawn == undisturbed


def test_other_seeds_give_other_matches():
    made = [match("rrps/randbot", "rrps/switchbot", seed).tobytes() for seed in range(5)]
    assert len(set(made)) == 5


@pytest.mark.parametrize(
    ("bot", "rule"),
    [
        ("rockbot", lambda own, other: own == 0),
        ("rotatebot", lambda own, other: own == np.arange(THROWS) % 3),
        ("copybot", lambda own, other: own[1:] == (other[:-1] + 1) % 3),
        ("switchbot", lambda own, other: own[1:] != own[:-1]),
    ],
)
def test_simple_bots_do_what_their_summary_says(bot, rule):
    made = match(f"rrps/{bot}", "rrps/randbot", 3).astype(int)
    assert rule(made[:, 0], made[:, 1]).all()


def test_biased_bots_keep_their_proportions():
    made = match("rrps/r226bot", "rrps/randbot", 0, 1000)
    shares = np.bincount(made[:, 0], minlength=3) / 1000
    assert np.abs(shares - [0.2, 0.2, 0.6]).max() < 4 * (0.24 / 1000) ** 0.5
    shares = np.bincount(made[:, 1], minlength=3) / 1000
    assert np.abs(shares - 1 / 3).max() < 4 * (0.23 / 1000) ** 0.5


def test_bots_read_the_newest_throw_whatever_the_recall():
    def play(recall):
        env = arenas.make_host("rrps-v0", throws=100, recall=recall)
        agents = [arenas.load_agent(n, env) for n in ("rrps/copybot", "rrps/freqbot2")]
        return match("", "", 1, env=env, agents=agents)

    assert np.array_equal(play(1), play(5))


@pytest.mark.parametrize(
    ("env_id", "kwargs", "message"),
    [
        ("rrps-water-v0", {}, "knows rock, paper and scissors; .* has 4 actions"),
        ("rrps-v0", {"payoff": [[0, 1], [-1, 0]]}, "has 2 actions"),
        ("rrps-v0", {"throws": 1001}, "plays at most 1000 throws; .* has throws=1001"),
    ],
)
@pytest.mark.parametrize("make", [arenas.make, arenas.make_host])
def test_games_that_the_bots_cannot_play_are_refused_when_they_are_made(
    make, env_id, kwargs, message
):
    with pytest.raises(BadArgument, match=message):
        arenas.load_agent("rrps/greenberg", make(env_id, **kwargs))


def test_a_shorter_match_is_the_beginning_of_a_long_one():
    long = match("rrps/greenberg", "rrps/iocainebot", 2, 1000)
    assert np.array_equal(match("rrps/greenberg", "rrps/iocainebot", 2, 150), long[:150])


def test_an_unknown_bot_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'rrps/greenberg'"):
        arenas.load_agent("rrps/grenberg", "rrps-v0")

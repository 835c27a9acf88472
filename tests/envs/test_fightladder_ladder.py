"""The ladder: who comes next, when it ends, and that the opponent is the player of its level."""

from __future__ import annotations

import functools

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas
import arenas.interop.gymnasium
from arenas.envs.fightladder import cpu, observation
from arenas.envs.fightladder.characters import CHARACTERS, NAMES
from arenas.envs.fightladder.fight import ROUND_FRAMES, Fighter
from arenas.envs.fightladder.ladder import STAGE_LEVELS
from arenas.errors import BadArgument

FIELDS = {name: i for i, name in enumerate(Fighter._fields)}


@functools.cache
def made(**options):
    env = arenas.make("fightladder-ladder-v0", **options)
    return env, jax.jit(env.reset), jax.jit(env.step)


def nearly_over(state, wins, health):
    """The same run, a frame before the end of a round, with these wins and healths."""
    fighters = np.array(state.match.fighters)
    fighters[:, FIELDS["wins"]] = wins
    fighters[:, FIELDS["health"]] = health
    # Far apart, and without projectiles, so that nothing is touched in that frame.
    fighters[:, FIELDS["x"]] = (-2000, 2000)
    fighters[:, FIELDS["projectile_life"]] = 0
    match = state.match.replace(fighters=jnp.asarray(fighters), clock=jnp.int16(1))
    return state.replace(match=match)


NOTHING = np.zeros(1, np.int32)


def test_twelve_characters_come_in_order_at_levels_that_rise_from_1_to_8() -> None:
    _, reset, step = made()
    key = jax.random.key(0)
    state, _ = reset(key)
    mine = int(state.match.fighters[0, FIELDS["character"]])
    for stage, name in enumerate(NAMES):
        state, timestep = step(key, state, NOTHING)  # begins the match
        info = timestep.info
        assert NAMES[int(info["opponent"])] == name and int(info["stage"]) == stage
        assert int(info["level"]) == STAGE_LEVELS[stage] and int(info["matches_won"]) == stage
        assert info["wins"].tolist() == [0, 0] and int(state.match.round) == 0
        assert info["health"].tolist() == [CHARACTERS[mine].health, CHARACTERS[stage].health]
        assert int(state.match.clock) == ROUND_FRAMES - 8 and not timestep.terminated
        state, timestep = step(key, nearly_over(state, (1, 0), (50, 40)), NOTHING)
        assert timestep.info["match_over"] and int(timestep.info["matches_won"]) == stage + 1
        assert bool(timestep.info["won"]) == (stage == len(NAMES) - 1)
    assert timestep.terminated and not timestep.truncated
    assert list(STAGE_LEVELS) == sorted(STAGE_LEVELS)
    assert (STAGE_LEVELS[0], STAGE_LEVELS[-1], len(STAGE_LEVELS)) == (1, 8, 12)


@pytest.mark.parametrize(
    ("wins", "health"),
    [((0, 1), (40, 50)), ((1, 1), (40, 50)), ((1, 1), (45, 45)), ((0, 1), (45, 45))],
    ids=["lost", "lost in the third round", "drawn", "lost by a drawn round"],
)
def test_a_match_that_is_not_won_ends_the_run(wins, health) -> None:
    _, reset, step = made()
    key = jax.random.key(1)
    state, _ = step(key, nearly_over(reset(key)[0], (1, 0), (50, 40)), NOTHING)
    state, timestep = step(key, state, NOTHING)
    assert int(timestep.info["stage"]) == 1
    _, timestep = step(key, nearly_over(state, wins, health), NOTHING)
    assert timestep.terminated and int(timestep.info["matches_won"]) == 1
    assert not timestep.info["won"]


@pytest.mark.parametrize("wins", [(0, 0), (1, 0)])
def test_a_round_lost_goes_on_within_the_match(wins) -> None:
    _, reset, step = made()
    key = jax.random.key(1)
    state, timestep = step(key, nearly_over(reset(key)[0], wins, (40, 50)), NOTHING)
    assert timestep.info["round_over"] and not timestep.terminated
    state, timestep = step(key, state, NOTHING)
    assert int(state.match.round) == 1 and int(timestep.info["stage"]) == 0
    assert timestep.info["wins"].tolist() == [wins[0], 1]


def test_the_opponent_is_the_player_of_its_level() -> None:
    level = 6
    _, reset, step = made(character="hex", opponent="fang", level=level)
    match = arenas.make("fightladder-match-v0", characters=("hex", "fang"))
    rng, key = np.random.default_rng(0), jax.random.key(3)

    @jax.jit
    def by_hand(key, state, carry, mine):
        view = observation.view(state.fighters, state.clock, 1)
        bits = jax.random.bits(key, (2,), jnp.uint32)
        carry, theirs = cpu.act(level - 1, carry, view, bits)
        state, timestep = match.step(key, state, jnp.stack([mine, theirs]))
        return state, carry, timestep.reward[0], timestep.observation[0]

    state, timestep = reset(key)
    other, carry = match.reset(key)[0], cpu.start()
    for n in range(60):
        k, mine = jax.random.fold_in(key, n), np.int32(rng.integers(69))
        state, timestep = step(k, state, mine[None])
        other, carry, reward, vector = by_hand(k, other, carry, mine)
        np.testing.assert_array_equal(state.match.fighters, other.fighters)
        assert timestep.reward[0] == reward
        np.testing.assert_array_equal(timestep.observation[0], vector)
    assert (np.asarray(state.match.fighters[1, FIELDS["x"]]) != 52 * 16).all()  # it did something


def test_one_match_ends_when_it_is_won() -> None:
    env, reset, step = made(character="hex", opponent="fang", level=6)
    key = jax.random.key(0)
    state, timestep = step(key, nearly_over(reset(key)[0], (1, 1), (50, 40)), NOTHING)
    assert state.terminated and timestep.info["won"]
    assert env.stages == 1 and env.levels == (6,)


def test_gymnasium_makes_it_by_its_own_name() -> None:
    env = gymnasium.make("arenas/FightLadder-v0", opponent="dozer", level=3, character="juno")
    env.reset(seed=4)
    observation_, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert env.observation_space.contains(observation_)
    assert (NAMES[info["opponent"]], int(info["level"])) == ("dozer", 3)
    assert not terminated and not truncated and isinstance(reward, float)
    health = {c.name: c.health for c in CHARACTERS}
    assert info["health"].tolist() == [health["juno"], health["dozer"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"character": "ryo"}, "character is 'ryo'; accepted are 'asano'"),
        ({"opponent": "ryo"}, "opponent is 'ryo'; accepted are 'asano'"),
        ({"level": 9}, "level is 9; accepted are integers from 1 to 8"),
        ({"frame_skip": 4}, "frame_skip is 4; accepted are integers from 5"),
    ],
)
def test_the_ladder_says_what_it_accepts(options, message) -> None:
    with pytest.raises(BadArgument, match=message):
        arenas.make("fightladder-ladder-v0", **options)


@pytest.mark.parametrize("action_type", ["plain", "buttons"])
def test_the_player_may_have_another_action_type(action_type: str) -> None:
    env = arenas.make("fightladder-ladder-v0", action_type=action_type, level=1)
    state, timestep = jax.eval_shape(env.reset, jax.random.key(0))
    dtype = jnp.float32 if env.action_shape else jnp.int32
    action = jnp.zeros((1, *env.action_shape), dtype)
    _, after = jax.eval_shape(env.step, jax.random.key(0), state, action)
    assert after.observation.shape == timestep.observation.shape == (1, observation.SIZE)

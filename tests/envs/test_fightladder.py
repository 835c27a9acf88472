"""FightLadder as an environment: contract, arguments, actions, rewards, rounds."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fightladder_fights import FIELDS

import arenas
import arenas.testing
from arenas.envs.fightladder import controls, fight, observation
from arenas.envs.fightladder.characters import CHARACTERS, NAMES, TABLES
from arenas.envs.fightladder.fight import DOWN, LEFT, RIGHT, UP
from arenas.envs.fightladder.game import FightLadder
from arenas.envs.fightladder.moves import NORMALS, SUB, Kind
from arenas.errors import ArenasError, BadArgument

KEY = jax.random.key(0)
IDLE = jnp.zeros(2, jnp.int32)


@functools.cache
def env_of(env_id: str = "fightladder-v0", **options) -> FightLadder:
    return arenas.make(env_id, **options).unwrapped


@functools.cache
def programs(env_id: str):
    env = env_of(env_id, characters="asano")
    return env, jax.jit(env.reset), jax.jit(env.step)


def prepared(state, clock: int = 5000, a=(), b=()):
    """A state with fields of both fighters set."""
    fighters = np.array(state.fighters)
    for seat, fields in enumerate((a, b)):
        for name, value in dict(fields).items():
            fighters[seat, FIELDS[name]] = value
    return state.replace(fighters=jnp.asarray(fighters), clock=jnp.int16(clock))


JAB = TABLES.stats.half_width[0]
STRIKING = {"move": Kind.STAND_LP, "frame": NORMALS[Kind.STAND_LP].startup - 1}
DAMAGE = CHARACTERS[0].moves()[Kind.STAND_LP].damage
CLOSE = ({"x": -JAB}, {"x": JAB})


# The contract -------------------------------------------------------------------------------------


def test_a_batch_repeats_itself_and_is_what_single_fights_are():
    env, reset, step = programs("fightladder-v0")
    envs = arenas.VectorEnv(env, 3)
    actions = np.random.default_rng(0).integers(0, env.num_actions, (60, 3, 2)).astype(np.int32)
    start, advance = jax.jit(envs.reset), jax.jit(envs.step)

    def run():
        state, _ = start(jax.random.key(7))
        seen = []
        for action in actions:
            state, t = advance(state, action)
            seen.append((np.array(state.env.fighters), np.array(t.reward)))
        return seen

    first, second = run(), run()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    key = jax.random.fold_in(jax.random.key(7), 1)
    state, _ = reset(arenas.rollout.step_key(key, 0))
    for i, action in enumerate(actions):
        state, t = step(arenas.rollout.step_key(key, i + 1), state, action[1])
        np.testing.assert_array_equal(np.array(state.fighters), first[i][0][1])
        np.testing.assert_array_equal(np.array(t.reward), first[i][1][1])
        if t.terminated:
            break


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"characters": "nobody"}, "asano"),
        ({"characters": ("asano",)}, "one name for both or a pair"),
        ({"characters": ("asano", "hex", "juno")}, "one name for both or a pair"),
        ({"characters": ("asano", 3)}, "characters"),
        ({"characters": 3}, "random"),
        ({"rounds": 2}, "1 and 3"),
        ({"action_type": "keyboard"}, "transformed"),
        ({"rewards": "money"}, "zero_sum"),
        ({"frame_skip": 0}, "from 5"),
        ({"frame_skip": 4}, "from 5"),
        ({"frame_skip": 61}, "60"),
        ({"frame_skip": 8.0}, "integers"),
        ({"frame_skip": 0, "action_type": "plain"}, "from 1"),
    ],
)
def test_arguments_that_are_refused_are_named_with_what_is_accepted(options, words):
    with pytest.raises(BadArgument, match=words):
        arenas.make("fightladder-v0", **options)


def test_characters_by_name_for_one_both_or_at_random():
    def chosen(key=KEY, reset=None, **options):
        env = env_of(**options)
        state = env._initial(key, **(reset or {}))
        return [NAMES[int(i)] for i in state.fighters[:, FIELDS["character"]]]

    assert chosen(characters="hex") == ["hex", "hex"]
    assert chosen(characters=("juno", "goro")) == ["juno", "goro"]
    drawn = [chosen(jax.random.key(i), characters=("random", "fang")) for i in range(12)]
    assert {b for _, b in drawn} == {"fang"} and len({a for a, _ in drawn}) > 3
    assert len({tuple(chosen(jax.random.key(i))) for i in range(8)}) > 5
    given = {"characters": jnp.array([2, 5])}
    assert chosen(reset=given, characters="hex") == ["cleo", "fang"]


def test_characters_at_reset_on_the_host_are_names():
    host = arenas.make_host("fightladder-v0", characters="asano")
    t = host.reset(0, characters=("dozer", "kiri"))
    view = observation.decode(np.asarray(t.observation)[0])
    assert [NAMES[int(side.character)] for side in (view.own, view.other)] == ["dozer", "kiri"]
    for bad in ("nobody", ("asano", "random"), 7):
        with pytest.raises(ArenasError, match="characters"):
            host.reset(0, characters=bad)


# Actions ------------------------------------------------------------------------------------------


def test_actions_are_nine_directions_by_seven_attacks_and_six_specials():
    labels = controls.labels("transformed")
    assert len(labels) == len(set(labels)) == 69 == env_of().num_actions
    assert labels[:63] == controls.labels("plain")
    assert labels[0] == "neutral" and labels[controls.plain("down-right", "HK")] == "down-right+HK"
    assert labels[63:66] == ("special-1-right", "special-2-right", "special-3-right")
    assert env_of(action_type="plain").num_actions == 63
    assert env_of(action_type="buttons").action_space.shape == (12,)
    assert controls.labels("buttons") == controls.BUTTON_NAMES


def test_an_action_holds_its_keys_attacks_for_half_a_step():
    table = controls.key_table(8)
    row = table[0, controls.plain("down-left", "MK")]
    assert (row & (DOWN | LEFT) == DOWN | LEFT).all() and not (row & (UP | RIGHT)).any()
    assert (row >> 4).tolist() == [0b010000] * 4 + [0] * 4


@pytest.mark.parametrize("action_type", ["transformed", "plain"])
def test_mirrored_actions_are_mirrored_keys(action_type):
    table, mirror = controls.key_table(8), controls.mirror_table(action_type)
    assert (mirror[mirror] == np.arange(len(mirror))).all()
    keys, other = table[:, : len(mirror)], table[:, mirror]
    assert (keys & ~(LEFT | RIGHT) == other & ~(LEFT | RIGHT)).all()
    assert ((keys & LEFT > 0) == (other & RIGHT > 0)).all()
    assert ((keys & RIGHT > 0) == (other & LEFT > 0)).all()


def test_buttons_of_the_pad_are_keys():
    env = env_of(action_type="buttons", characters="asano")
    state, _ = env.reset(KEY)
    for name, key in (("UP", UP), ("LEFT", LEFT), ("Y", 1 << 4), ("R", 1 << 9), ("START", 0)):
        pressed = np.array([[n == name for n in controls.BUTTON_NAMES], [False] * 12], np.float32)
        keys = env.keys(state, jnp.asarray(pressed))
        assert keys.tolist() == [[key] * 8, [0] * 8]


# Rewards and rounds -------------------------------------------------------------------------------


def value(health: int) -> float:
    return 176 ** ((health + 1) / 177)


def published(taken: tuple[int, int], health: tuple[int, int], over: bool) -> list[float]:
    """The formula of Li et al. 2024, in plain numbers."""
    rewards = []
    for i, j in ((0, 1), (1, 0)):
        r = 3 * taken[j] - taken[i]
        if over and health[i] > health[j]:
            r += 3 * value(health[i])
        elif over and health[i] < health[j]:
            r -= value(health[j])
        elif over:
            r += 1
        rewards.append(r * 0.001)
    return rewards


LATE = 4  # frames left: the clock ends the round in this step
CASES = [  # health of both, who strikes, clock; then who is ahead at the end: 1, -1, 0, None
    ("nothing happens", (100, 100), (), 5000, None),
    ("a hit", (100, 90), (0,), 5000, None),
    ("a hit by the right", (100, 90), (1,), 5000, None),
    ("both hit", (100, 90), (0, 1), 5000, None),
    ("a knock-out", (77, 2), (0,), 5000, 1),
    ("a knock-out by the right", (1, 150), (1,), 5000, -1),
    ("a double knock-out", (2, 1), (0, 1), 5000, 0),
    ("time, the left ahead", (100, 60), (), LATE, 1),
    ("time, the right ahead", (59, 60), (), LATE, -1),
    ("time, a draw", (60, 60), (), LATE, 0),
    ("a hit before the time decides", (60, 60), (0,), LATE, 1),
]


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
@pytest.mark.parametrize("env_id", ["fightladder-v0", "fightladder-zerosum-v0"])
def test_rewards_are_the_published_formula_or_the_rounds_result(env_id, case):
    _, health, strikers, clock, ahead = case
    _, reset, step = programs(env_id)
    fighters = [
        {**CLOSE[i], "health": health[i], **(STRIKING if i in strikers else {})} for i in (0, 1)
    ]
    _, t = step(KEY, prepared(reset(KEY)[0], clock, *fighters), IDLE)
    taken = tuple(min(health[i], DAMAGE) if 1 - i in strikers else 0 for i in (0, 1))
    after = tuple(health[i] - taken[i] for i in (0, 1))
    over = ahead is not None
    assert tuple(t.info["health"].tolist()) == after
    if env_id == "fightladder-v0":
        np.testing.assert_allclose(t.reward, published(taken, after, over), rtol=1e-5)  # type: ignore[arg-type]
    else:
        assert t.reward.tolist() == [ahead or 0, -(ahead or 0)]
    assert bool(t.terminated) == bool(t.info["round_over"]) == over
    score = {None: [0, 0], 1: [1, 0], -1: [0, 1], 0: [0.5, 0.5]}[ahead]
    assert t.info["score"].tolist() == score


@pytest.mark.parametrize("ahead", [1, 0, -1])
def test_a_fight_that_nobody_wins_ends_at_99_seconds(ahead):
    _, reset, step = programs("fightladder-v0")
    state = prepared(reset(KEY)[0], 99 * 60, {"health": 100 + ahead}, {"health": 100})
    steps = -(-99 * 60 // 8)
    for made in range(1, steps + 1):
        state, t = step(KEY, state, IDLE)
        assert bool(t.terminated) == (made == steps)
    assert state.clock == 0
    assert t.info["score"].tolist() == [0.5 + ahead / 2, 0.5 - ahead / 2]


def play_rounds(results):
    """A match in which each round ends so at once: 1, -1 or 0 for who is ahead."""
    _, reset, step = programs("fightladder-match-v0")
    state, _ = reset(KEY)
    seen = []
    for result in results:
        assert not bool(state.terminated)
        state, _ = step(KEY, state, IDLE)
        health = [100 + result, 100]
        assert state.fighters[:, FIELDS["health"]].tolist() == [CHARACTERS[0].health] * 2
        assert abs(int(state.fighters[0, FIELDS["x"]])) == fight.START
        state = prepared(state, LATE, {"health": health[0]}, {"health": health[1]})
        state, t = step(KEY, state, IDLE)
        assert bool(t.info["round_over"])
        seen.append((t.info["wins"].tolist(), int(state.round)))
    return seen, t


@pytest.mark.parametrize(
    ("results", "wins", "score"),
    [
        ((1, 1), [2, 0], [1, 0]),
        ((-1, -1), [0, 2], [0, 1]),
        ((1, -1, 1), [2, 1], [1, 0]),
        ((-1, 1, -1), [1, 2], [0, 1]),
        ((0, 1), [2, 1], [1, 0]),
        ((0, 0), [2, 2], [0.5, 0.5]),
        ((1, -1, 0), [2, 2], [0.5, 0.5]),
        ((-1, 0), [1, 2], [0, 1]),
    ],
)
def test_the_best_of_three_where_a_draw_counts_for_both(results, wins, score):
    seen, t = play_rounds(results)
    assert seen[-1][0] == wins
    assert [round for _, round in seen] == list(range(len(results)))
    assert bool(t.terminated)
    assert t.info["score"].tolist() == score


def test_the_vector_says_the_state_and_each_seat_sees_itself_first():
    env, reset, step = programs("fightladder-v0")
    state, t = reset(KEY)
    for i in range(40):
        action = jnp.array([(i * 17) % env.num_actions, (i * 29 + 5) % env.num_actions])
        state, t = step(KEY, state, action)
    assert t.observation.shape == (2, observation.SIZE) == (2, len(observation.NAMES))
    assert np.isfinite(t.observation).all()
    fighters = np.array(state.fighters)
    for seat in (0, 1):
        view = observation.decode(np.asarray(t.observation)[seat])
        for side, row in ((view.own, fighters[seat]), (view.other, fighters[1 - seat])):
            for name, number in side.numbers.items():
                assert int(number) == row[FIELDS[name]], name
            assert int(side.move) == row[FIELDS["move"]]
        for name, number in view.inputs.items():
            assert int(number) == fighters[seat, FIELDS[name]], name
        assert int(view.clock) == int(state.clock)


def test_start_positions_are_mirrored():
    state, _ = env_of(characters="asano").reset(KEY)
    x = state.fighters[:, FIELDS["x"]].tolist()
    assert x[0] == -x[1] < 0 and abs(x[0]) < 144 * SUB

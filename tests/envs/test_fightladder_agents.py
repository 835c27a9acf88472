"""FightLadder's scripted players: what they see and do in constructed situations, and who wins."""

from __future__ import annotations

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arenas
from arenas.envs.fightladder import controls, cpu, fight, observation, styles
from arenas.envs.fightladder.agents import Scripted
from arenas.envs.fightladder.characters import NAMES
from arenas.envs.fightladder.fight import Fighter
from arenas.envs.fightladder.game import FightLadder
from arenas.envs.fightladder.moves import SUB, Kind, Stance
from arenas.errors import BadArgument

FIELDS = {name: i for i, name in enumerate(Fighter._fields)}
LABELS = controls.labels("transformed")
MIRROR = controls.mirror_table("transformed")
STYLE = {name: i for i, name in enumerate(styles.STYLE_NAMES)}
SLOTS = 128
CLOCK = np.array(3210, np.int16)
env = FightLadder()


@jax.jit
def play(key, styles, characters):
    """One round in each slot: who won (1, 0 or 0.5), and fights seen on the way."""
    state = jax.vmap(lambda c: env.reset(key, characters=c)[0])(characters)
    carries = jax.tree.map(lambda x: jnp.broadcast_to(x, (SLOTS, 2, *x.shape)), cpu.start())

    def one(state, carries, styles, bits):
        carry = [jax.tree.map(lambda x, s=seat: x[s], carries) for seat in (0, 1)]
        views = [observation.view(state.fighters, state.clock, seat) for seat in (0, 1)]
        acted = [cpu.act(styles[s], carry[s], views[s], bits[s]) for s in (0, 1)]
        action = jnp.stack([a for _, a in acted])
        state, timestep = env.step(key, state, action)
        carries = jax.tree.map(lambda *x: jnp.stack(x), *[c for c, _ in acted])
        return state, carries, timestep.info["score"][0]

    def body(loop):
        n, state, carries, score, film = loop
        bits = jax.random.bits(jax.random.fold_in(key, n), (SLOTS, 2, 2), jnp.uint32)
        film = film.at[n % 8].set(state.fighters)
        state, carries, new = jax.vmap(one)(state, carries, styles, bits)
        return n + 1, state, carries, score + new, film

    film = jnp.zeros((8, *state.fighters.shape), state.fighters.dtype)
    start = (jnp.int32(0), state, carries, jnp.zeros(SLOTS), film)
    loop = jax.lax.while_loop(lambda loop: ~loop[1].terminated.all(), body, start)
    return loop[3], loop[4]


@functools.cache
def rate(first: str, second: str) -> float:
    """Rounds that the first wins, over 128 of all kinds of characters, half on each side."""
    rng = np.random.default_rng(5)
    pair = (STYLE[first], STYLE[second])
    styles = np.tile([pair, pair[::-1]], (SLOTS // 2, 1))
    characters = rng.integers(0, len(NAMES), (SLOTS, 2)).astype(np.int32)
    score, _ = play(jax.random.key(3), styles.astype(np.int32), characters)
    score = np.asarray(score)
    return float(np.concatenate([score[::2], 1 - score[1::2]]).mean())


@functools.cache
def fights() -> np.ndarray:
    """Moments of fights, int16 ``[n, 2, fields]``, with everything that happens in them."""
    characters = np.arange(2 * SLOTS, dtype=np.int32).reshape(SLOTS, 2) % len(NAMES)
    styles = np.tile([[STYLE["cpu-8"], STYLE["zoner"]]], (SLOTS, 1)).astype(np.int32)
    _, film = play(jax.random.key(9), styles, characters)
    return np.asarray(film).reshape(-1, 2, fight.NUM_FIELDS)


def test_the_highest_level_beats_the_lowest_and_a_level_far_below() -> None:
    assert rate("cpu-8", "cpu-1") > 0.9
    assert rate("cpu-6", "cpu-3") > 0.65  # 0.86 over 600 rounds; five deviations below


@pytest.mark.parametrize(
    ("idea", "counter"),
    [("turtle", "zoner"), ("zoner", "jumper"), ("jumper", "turtle"), ("rushdown", "zoner")],
)
def test_a_single_idea_has_its_counter(idea: str, counter: str) -> None:
    assert rate(counter, idea) > 0.55  # 0.7 and more over 400 rounds


# What they see ------------------------------------------------------------------------------------


def test_a_player_reads_from_its_vector_what_the_state_holds() -> None:
    states = fights()

    @jax.jit
    @jax.vmap
    def both(fighters):
        vectors = observation.vector(fighters, CLOCK, jnp.int16(1))
        return [
            (observation.decode(vectors[s]), observation.view(fighters, CLOCK, s)) for s in (0, 1)
        ]

    for decoded, seen in both(states):
        assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), decoded, seen)))


def _mirrored(fighters: np.ndarray) -> np.ndarray:
    """The same fights in a mirror, each fighter in the other seat."""
    out = fighters[:, ::-1].copy()
    for name in ("x", "vx", "facing", "push", "projectile_x", "projectile_speed"):
        out[..., FIELDS[name]] *= -1
    for a, b in (("since_1", "since_3"), ("since_4", "since_6"), ("charge_left", "charge_right")):
        out[..., [FIELDS[a], FIELDS[b]]] = out[..., [FIELDS[b], FIELDS[a]]]
    return out


@jax.jit
def acts(style, seat, fighters, bits):
    """What a player does that has seen this moment for long: int32 ``[n]``."""

    def one(fighters, bits):
        two = [observation.view(fighters, CLOCK, s) for s in (0, 1)]
        view = jax.tree.map(lambda a, b: jnp.where(seat == 0, a, b), *two)
        carry = cpu.start()
        for _ in range(styles.MAX_DELAY):
            carry, action = cpu.act(style, carry._replace(left=jnp.int32(0)), view, bits)
        return action

    return jax.vmap(one)(fighters, bits)


def some_bits(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 2**32, (count, 2), np.uint32)


def test_a_player_acts_in_a_mirror_as_the_mirror_of_itself() -> None:
    states = fights()
    bits = some_bits(len(states))
    for style in ("cpu-3", "cpu-8", "jumper"):
        plain = acts(STYLE[style], 0, states, bits)
        other = acts(STYLE[style], 1, _mirrored(states), bits)
        np.testing.assert_array_equal(MIRROR[plain], other)


# What they do -------------------------------------------------------------------------------------


def situation(characters=("asano", "asano"), gap: int = 60, mine=None, theirs=None) -> np.ndarray:
    """Two fighters so many units from middle to middle, with these fields changed."""
    indices = jnp.array([NAMES.index(c) for c in characters])
    f = np.array(fight.fresh(indices))
    f[:, FIELDS["x"]] = (-gap * SUB // 2, gap * SUB // 2)
    f[:, FIELDS["flags"]] = int(Stance.STANDING)
    for seat, changes in ((0, mine), (1, theirs)):
        for name, value in (changes or {}).items():
            f[seat, FIELDS[name]] = value
    return f


COUNT = 1024  # as many as the moments of `fights`, so that one program serves


def labels_of(style: str, fighters: np.ndarray) -> list[str]:
    """What a style does in a situation, over many throws of the dice."""
    states = np.broadcast_to(fighters, (COUNT, *fighters.shape))
    return [LABELS[a] for a in np.asarray(acts(STYLE[style], 0, states, some_bits(COUNT)))]


def share(labels: list[str], *prefixes: str) -> float:
    return sum(label.startswith(prefixes) for label in labels) / len(labels)


def test_a_turtle_guards_low_against_a_sweep_and_high_against_a_jump() -> None:
    sweep = situation(gap=50, theirs={"move": Kind.CROUCH_HK, "frame": 0})
    assert share(labels_of("turtle", sweep), "down-left") > 0.85  # nine in ten at the right height
    jump = {"move": Kind.AIR_HK, "frame": 2, "y": 40 * SUB, "vx": -40, "vy": -40}
    high = labels_of("turtle", situation(gap=60, theirs=jump))
    assert sum(label == "left" for label in high) / COUNT > 0.6


def test_a_zoner_sends_projectiles_from_afar_and_has_one_out_at_a_time() -> None:
    assert share(labels_of("zoner", situation(gap=200)), "special-2-right") > 0.5
    out = {
        "projectile_life": 40,
        "projectile_x": 0,
        "projectile_speed": 40,
        "projectile_move": Kind.SPECIAL_2_MEDIUM,
    }
    assert share(labels_of("zoner", situation(gap=200, mine=out)), "special-2") == 0


def test_a_jumper_jumps_at_the_other_from_the_middle_distance() -> None:
    assert share(labels_of("jumper", situation(gap=75)), "up-right") > 0.95


def test_level_8_strikes_a_jump_out_of_the_air_and_level_1_rarely() -> None:
    jump = {"move": Kind.JUMP, "y": 100 * SUB, "vx": -40, "vy": -20}
    falling = situation(gap=64, theirs=jump)
    rates = {s: share(labels_of(s, falling), "special-1-right") for s in ("cpu-8", "cpu-1")}
    assert rates["cpu-8"] > 0.8 > 0.3 > rates["cpu-1"]


def test_level_8_punishes_a_sweep_that_missed_and_lower_levels_less() -> None:
    missed = situation(gap=56, theirs={"move": Kind.CROUCH_HK, "frame": 10})
    attacks = ("special", "LP", "MP", "HP", "LK", "MK", "HK", "down-left+", "right+HP")
    rates = [share(labels_of(f"cpu-{n}", missed), *attacks) for n in (8, 2)]
    assert rates[0] > 0.85 and rates[0] > rates[1] + 0.2


def test_level_8_goes_on_from_a_hit_that_cancels_into_a_special() -> None:
    hit = situation(
        gap=50,
        mine={"move": Kind.STAND_MP, "frame": 7, "hits": 1, "freeze": 6, "flags": 1 << 5},
        theirs={"move": Kind.HIT_STANDING, "timer": 18, "freeze": 6},
    )
    assert share(labels_of("cpu-8", hit), "special") > 0.85


def test_a_charge_special_comes_only_where_it_is_charged() -> None:
    far = {"characters": ("brandt", "asano"), "gap": 200}
    assert share(labels_of("zoner", situation(**far)), "special") == 0
    charged = situation(**far, mine={"charge_left": 50})
    assert share(labels_of("zoner", charged), "special-2-right") > 0.5


# As agents ----------------------------------------------------------------------------------------


def test_every_registered_player_loads_for_fights_and_for_the_ladder() -> None:
    names = [name for name in arenas.registry.agents if name.startswith("fightladder/")]
    assert len(names) == len(styles.STYLES) + 1
    for env_id in ("fightladder-v0", "fightladder-ladder-v0"):
        for name in names:
            agent = arenas.load_agent(name, arenas.make(env_id))
            jax.eval_shape(agent.init, jax.random.key(0), 0)


def test_an_agent_acts_as_the_player_of_its_style_in_either_seat() -> None:
    game = arenas.make("fightladder-v0")
    agent = arenas.load_agent("fightladder/cpu-4", game)
    fighters, key = fights()[300], jax.random.key(4)
    vectors = observation.vector(fighters, CLOCK, jnp.int16(0))
    act = jax.jit(agent.act)
    bits = jax.random.bits(key, (2,), jnp.uint32)
    for seat in (0, 1):
        mask = jnp.ones(controls.NUM_TRANSFORMED, bool)
        _, action = act((), agent.init(key, seat), vectors[seat], mask, key)
        view = observation.view(fighters, CLOCK, seat)
        assert action == jax.jit(cpu.act)(STYLE["cpu-4"], cpu.start(), view, bits)[1]


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("rrps-v0", "is not FightLadder"),
        ("fightladder-v0,action_type=plain", "action_type is 'plain'"),
        ("fightladder-v0,action_type=buttons", "action_type is 'buttons'"),
        ("fightladder-v0,observation_type=pixels", "read the state vector"),
    ],
)
def test_a_scripted_player_says_what_it_cannot_play(env_id: str, message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        Scripted(arenas.make(env_id))


def test_an_unknown_style_is_told_the_known_ones() -> None:
    with pytest.raises(BadArgument, match="cpu-9.*'cpu-8'"):
        Scripted(arenas.make("fightladder-v0"), style="cpu-9")


def test_the_page_of_players_shows_their_numbers() -> None:
    page = (Path(__file__).parents[2] / "docs/envs/fightladder_players.md").read_text()
    for style in styles.STYLES:
        numbers = " | ".join(str(getattr(style, skill)) for skill in styles.SKILLS)
        assert f"| `{style.name}` | {numbers} |" in page

"""SMAX's rules, and each deliberate difference from JaxMARL 0.2.0."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import smax_states

import arenas
from arenas.agent import DeviceAgent
from arenas.envs.smax import observation, starts
from arenas.envs.smax.battle import Battle
from arenas.envs.smax.game import Smax
from arenas.envs.smax.scenarios import SCENARIOS, STOP, Scenario
from arenas.envs.smax.units import COOLDOWN, DAMAGE, MAX_HEALTH, RADIUS, SPEED
from arenas.errors import BadArgument, UnknownName
from arenas.interop.jaxmarl import import_jaxmarl
from arenas.registry import make_host
from arenas.renderers.text import render_text
from arenas.testing import check_env

jaxmarl = import_jaxmarl()

MARINE, STALKER, ZEALOT = 0, 2, 3
UP, RIGHT, DOWN, LEFT = range(4)


@functools.cache
def duel(**kwargs):
    """One marine against one marine, both agents, and its compiled step."""
    env = Smax(scenario=Scenario((MARINE,), (MARINE,)), enemy=None, **kwargs)
    return env, jax.jit(env.reset), jax.jit(env.step)


def stand(state, *places, **changes):
    """The state with units at these places."""
    return state.replace(position=jnp.array(places, jnp.float32), **changes)


def fight(places, actions, steps=1, env=None, **changes):
    """The state and time step after both marines did the same for some steps."""
    env, reset, step = env or duel()
    state, timestep = reset(jax.random.key(0))
    state = stand(state, *places, **changes)
    for i in range(steps):
        state, timestep = step(jax.random.key(i), state, jnp.array(actions))
    return state, timestep


# Tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_scenarios_are_jaxmarls(name):
    from jaxmarl.environments.smax.smax_env import MAP_NAME_TO_SCENARIO

    theirs, mine = MAP_NAME_TO_SCENARIO[name], SCENARIOS[name]
    assert (mine.num_allies, mine.num_enemies) == (theirs.num_allies, theirs.num_enemies)
    assert [*mine.allies, *mine.enemies] == theirs.unit_types.tolist()
    assert mine.random == theirs.smacv2_unit_type_generation
    assert set(MAP_NAME_TO_SCENARIO) == set(SCENARIOS)


def test_the_units_are_jaxmarls():
    theirs = smax_states.oracle("3m")
    for mine, name in (
        (MAX_HEALTH, "health"),
        (DAMAGE, "attacks"),
        (SPEED, "velocities"),
        (RADIUS, "radiuses"),
        (COOLDOWN, "weapon_cooldowns"),
    ):
        assert np.array_equal(mine, np.asarray(getattr(theirs, f"unit_type_{name}"))), name


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_registered_both_ways(name):
    for env_id, agents in (
        (f"smax-{name}-v0", SCENARIOS[name].num_allies),
        (f"smax-{name}-selfplay-v0", SCENARIOS[name].num_allies + SCENARIOS[name].num_enemies),
    ):
        env = arenas.make(env_id)
        assert env.num_agents == agents
        assert env.spec.players == agents
        state, timestep = jax.eval_shape(env.reset, jax.random.key(0))
        assert timestep.observation.shape == (agents, *env.observation_space.shape)
        assert timestep.action_mask.shape == (agents, env.action_space.n)
        assert state.position.shape == (env.num_allies + env.num_enemies, 2)


# The contract ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "options"),
    [
        ("smax-3m-v0", {"max_steps": 25}),
        ("smax-3s_vs_5z-selfplay-v0", {"max_steps": 12}),
    ],
)
def test_the_contract_is_kept_bit_for_bit_whatever_the_batch(env_id, options):
    check_env(arenas.make(env_id, **options), seeds=(0,))


# The battle --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "way"), [(UP, (0, 1)), (RIGHT, (1, 0)), (DOWN, (0, -1)), (LEFT, (-1, 0))]
)
def test_a_marine_walks_half_a_second(action, way):
    state, _ = fight([(10, 16), (25, 16)], [action, STOP])
    walked = np.asarray(state.position) - [(10, 16), (25, 16)]
    np.testing.assert_allclose(walked[0], 3.15 * 0.5 * np.array(way), atol=1e-5)
    np.testing.assert_allclose(walked[1], 0, atol=1e-5)


def test_a_shot_takes_nine_and_the_next_waits_for_the_cooldown():
    state, timestep = fight([(10, 16), (14, 16)], [5, STOP])
    assert state.health.tolist() == [45, 36]
    # 0.61 s and a deviation from −1/16 to 2/16, of which 7 of the 8 world steps have passed.
    assert 0.61 - 1 / 16 - 7 / 16 <= state.cooldown[0] <= 0.61 + 2 / 16 - 7 / 16
    assert state.cooldown[1] == 0
    np.testing.assert_allclose(timestep.reward, [0.2, -0.2], atol=1e-6)


def test_no_unit_shoots_twice_in_a_step():
    """So one draw for each unit and step is enough: even the quickest cooldown outlasts it."""
    zergling = 4
    battle = Battle(types=(zergling, ZEALOT), num_allies=1, num_units=2, walls_cause_death=True)
    after = battle(
        np.array([(10, 16), (11.5, 16)], np.float32), np.array([35, 150], np.float32),
        np.zeros(2, np.float32), np.array([zergling, ZEALOT], np.uint8),
        np.zeros((2, 2), np.float32), np.array([0, -1], np.int32),
        np.full((1, 2), -1 / 16, np.float32),
    )  # fmt: skip
    assert after.wounds.tolist() == [0, 5]
    assert after.cooldown[0] <= 1e-6  # the next shot would fall in the very next world step


def test_a_target_at_the_range_is_out_of_it():
    for distance, health in ((5.0, 45), (4.999, 36)):
        state, timestep = fight([(10, 16), (10 + distance, 16)], [STOP, STOP])
        assert bool(timestep.action_mask[0, 5]) == (distance < 5)
        state, _ = fight([(10, 16), (10 + distance, 16)], [5, STOP])
        assert state.health[1] == health


def test_an_illegal_attack_stands_and_shoots_who_comes_into_range():
    away, _ = fight([(10, 16), (16, 16)], [5, STOP])
    assert away.health[1] == 45
    assert np.allclose(away.position[0], [10, 16])
    comes, _ = fight([(10, 16), (16, 16)], [5, LEFT])
    assert comes.health[1] == 36


def test_numbers_that_name_nothing_are_a_stop():
    for action in (-1, 6, 99):
        state, _ = fight([(10, 16), (14, 16)], [action, STOP])
        assert state.health.tolist() == [45, 45]
        assert np.allclose(state.position[0], [10, 16])


def test_both_may_die_at_once_which_nobody_wins():
    state, timestep = fight([(10, 16), (14, 16)], [5, 5], health=jnp.full(2, 9.0))
    assert state.health.tolist() == [0, 0]
    assert timestep.terminated
    assert timestep.info["won"].tolist() == [False, False]
    assert timestep.reward.tolist() == [0, 0]


def test_overlapping_units_are_pushed_to_where_they_touch():
    state, _ = fight([(16, 16), (16.3, 16)], [STOP, STOP])
    apart = np.asarray(state.position[1] - state.position[0])
    np.testing.assert_allclose(apart, [2 * RADIUS[MARINE], 0], atol=1e-4)
    assert np.asarray(state.position).mean(axis=0) == pytest.approx([16.15, 16], abs=1e-4)


def test_the_dead_push_nobody_and_stay_where_they_fell():
    env = Smax(scenario=Scenario((MARINE, MARINE), (MARINE,)), enemy=None)
    state, _ = env.reset(jax.random.key(0))
    state = stand(state, (16, 16), (16.3, 16), (30, 30), health=jnp.array([45.0, 0, 45]))
    state, timestep = env.step(jax.random.key(0), state, jnp.array([STOP, RIGHT, STOP]))
    np.testing.assert_allclose(state.position[:2], [(16, 16), (16.3, 16)], atol=1e-5)
    assert timestep.acting.tolist() == [True, False, True]
    assert np.flatnonzero(timestep.action_mask[1]).tolist() == [STOP]
    assert not timestep.observation[1].any()
    # The others do not see the dead, who are first in ally_0's list.
    assert not timestep.observation[0, :13].any()


def test_an_enemy_numbers_the_allies_backwards():
    env = Smax(scenario=Scenario((MARINE, MARINE), (MARINE,)), enemy=None)
    state, _ = env.reset(jax.random.key(0))
    state = stand(state, (10, 16), (10, 20), (13, 18))
    state, _ = env.step(jax.random.key(0), state, jnp.array([STOP, STOP, 5]))
    assert state.health.tolist() == [45, 36, 45]


# Starts ------------------------------------------------------------------------------------------


def test_teams_start_at_a_quarter_and_three_quarters():
    env = arenas.make("smax-3m-v0")
    state, _ = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 500))
    position = np.asarray(state.position)
    for team, x in ((slice(0, 3), 8), (slice(3, 6), 24)):
        mean = position[:, team].mean(axis=(0, 1))
        np.testing.assert_allclose(mean, [x, 16], atol=0.15)
        assert np.abs(position[:, team] - [x, 16]).max() < 2 + 2 * RADIUS[MARINE]
    assert np.linalg.norm(position[:, 0] - position[:, 1], axis=1).min() > 0.5  # pushed apart


def test_random_scenarios_draw_types_that_both_teams_share_and_two_kinds_of_start():
    env = arenas.make("smax-smacv2_5_units-v0")
    state, _ = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 2000))
    kinds, position = np.asarray(state.unit_type), np.asarray(state.position)
    assert np.array_equal(kinds[:, :5], kinds[:, 5:])
    share = np.bincount(kinds[:, :5].ravel(), minlength=6) / kinds[:, :5].size
    np.testing.assert_allclose(share, 1 / 6, atol=0.02)
    assert np.array_equal(state.health, MAX_HEALTH[kinds])
    near = np.abs(position - 16).max(axis=-1) < 4
    inside = [near[:, :5].all(axis=1), near[:, 5:].all(axis=1)]
    for team in inside:  # half of the time somebody is in the centre, and each team as often
        assert team.mean() == pytest.approx(0.25, abs=0.04)


def test_mirrored_starts_are_mirrored():
    draws = jax.random.uniform(jax.random.key(0), (12, 2))
    for allies in (6, 4, 8):
        position = starts.mirrored(draws, allies)
        both = min(allies, 12 - allies)
        opposite = position[allies : allies + both] * jnp.array([-1, 1]) + jnp.array([32, 0])
        np.testing.assert_allclose(position[:both], opposite, atol=1e-5)
        assert (position[:allies, 0] <= 16).all()
        assert (position[allies:, 0] >= 16).all()


# Deliberate differences --------------------------------------------------------------------------


def test_difference_max_steps_is_the_length_of_an_episode():
    _, timestep = fight([(8, 16), (24, 16)], [STOP, STOP], steps=10, env=duel(max_steps=10))
    assert timestep.truncated
    _, timestep = fight([(8, 16), (24, 16)], [STOP, STOP], steps=9, env=duel(max_steps=10))
    assert not timestep.truncated
    theirs = jaxmarl.make("SMAX", num_allies=1, num_enemies=1, max_steps=10)
    _, state = theirs.reset(jax.random.key(0))
    for i in range(10):
        stop = dict.fromkeys(theirs.agents, jnp.int32(STOP))
        _, state, _, dones, _ = theirs.step_env(jax.random.key(i), state, stop)
    assert not dones["__all__"]


def test_difference_cooldowns_stop_at_zero_also_in_the_world_state():
    env = duel()[0]
    state, _ = fight([(8, 16), (24, 16)], [STOP, STOP], steps=20)
    assert state.cooldown.tolist() == [0, 0]
    assert env.world_state(state)[jnp.array([3, 13])].tolist() == [0, 0]


def test_difference_death_and_the_end_are_separate():
    env = Smax(scenario=Scenario((MARINE, MARINE), (MARINE,)), enemy=None)
    state, _ = env.reset(jax.random.key(0))
    state = stand(state, (16, 16), (10, 16), (20, 16), health=jnp.array([9.0, 45, 45]))
    state, timestep = env.step(jax.random.key(0), state, jnp.array([STOP, STOP, 6]))
    assert timestep.info["alive"].tolist() == [False, True, True]
    assert not timestep.terminated
    # Rewards of the dead go on with their team's.
    state, timestep = env.step(jax.random.key(1), state, jnp.array([STOP, RIGHT, STOP]))
    state = stand(state, (16, 16), (18, 16), (20, 16))
    state, timestep = env.step(jax.random.key(2), state, jnp.array([STOP, 5, STOP]))
    assert timestep.reward[0] == timestep.reward[1] > 0


def test_difference_a_death_by_wall_pays_nobody_for_the_health_lost():
    state, timestep = fight([(0.5, 16), (24, 16)], [LEFT, STOP])
    assert state.health.tolist() == [0, 45]
    assert timestep.terminated
    # Winning is being alive when the others are dead, however they died.
    assert timestep.info["won"].tolist() == [False, True]
    assert timestep.reward.tolist() == [-1, 1]
    state, timestep = fight([(0.5, 16), (24, 16)], [LEFT, STOP], env=duel(walls_cause_death=False))
    assert state.health.tolist() == [45, 45]
    assert state.position[0, 0] == 0


@pytest.mark.slow
def test_difference_rewards_of_self_play_are_zero_sum_between_the_teams():
    env = arenas.make("smax-3s_vs_5z-selfplay-v0")
    envs = arenas.VectorEnv(env, 16)
    heuristic = arenas.load_agent("smax/heuristic", env)
    state, timestep = jax.jit(envs.reset)(jax.random.key(0))
    seats = jnp.arange(env.num_agents)
    carry = jax.vmap(jax.vmap(heuristic.init))(
        jax.random.split(jax.random.key(1), (16, env.num_agents)),
        jnp.broadcast_to(seats, (16, env.num_agents)),
    )

    @jax.jit
    def step(state, timestep, carry, key):
        act = jax.vmap(jax.vmap(functools.partial(heuristic.act, heuristic.params)))
        keys = jax.random.split(key, (16, env.num_agents))
        carry, action = act(carry, timestep.observation, timestep.action_mask, keys)
        return *envs.step(state, action), carry

    total = 0.0
    for i in range(60):
        state, timestep, carry = step(state, timestep, carry, jax.random.key(i))
        reward = np.asarray(timestep.reward)
        assert (reward == reward[:, :1] * np.where(np.arange(8) < 3, 1, -1)).all()
        total += np.abs(reward).sum()
    assert total > 10


def test_difference_types_of_surplus_enemies_are_drawn():
    """JaxMARL drops what it draws for them, so they are always marines."""
    draws = jax.random.uniform(jax.random.key(0), (600,))
    kinds = np.asarray(starts.random_types(draws, 200))
    assert np.array_equal(kinds[:200], kinds[200:400])
    assert (np.bincount(kinds[400:], minlength=6) > 15).all()
    from jaxmarl.environments.smax.distributions import UniformUnitTypeDistribution

    theirs = UniformUnitTypeDistribution(200, 400, 32, 32, 6).generate(jax.random.key(0))
    assert not theirs[400:].any()


def test_difference_nobody_starts_on_or_behind_the_wall():
    """In JaxMARL a surrounding group near a corner does, and dies before anybody acts."""
    env = arenas.make("smax-smacv2_5_units-v0")
    keys = jax.random.split(jax.random.key(0), 2000)
    state, _ = jax.jit(jax.vmap(env.reset))(keys)
    position = np.asarray(state.position)
    assert position.min() > 0
    assert position.max() < 32
    _, theirs = jax.jit(jax.vmap(smax_states.oracle("smacv2_5_units").reset))(keys)
    assert (np.asarray(theirs.unit_positions) <= 0).any()


# Enemies -----------------------------------------------------------------------------------------


class Rightwards(DeviceAgent):
    """Counts its acts and walks right; it remembers its seat and what it last saw of itself."""

    def init(self, key, seat):
        return {"acts": jnp.int32(0), "seat": jnp.asarray(seat, jnp.int32), "own": jnp.zeros(3)}

    def act(self, params, carry, observation, action_mask, key):
        seen = {"acts": carry["acts"] + 1, "seat": carry["seat"], "own": observation[-10:-7]}
        return seen, jnp.int32(RIGHT)


def test_a_given_agent_plays_the_enemys_seats_with_its_own_view():
    env = arenas.make("smax-3s_vs_5z-v0", enemy=Rightwards())
    state, timestep = env.reset(jax.random.key(0))
    before = state
    for i in range(2):
        last = state
        state, timestep = env.step(jax.random.key(i), state, jnp.full(3, STOP))
    assert timestep.reward.shape == (3,)
    assert state.memory["acts"].tolist() == [2] * 5
    assert state.memory["seat"].tolist() == [3, 4, 5, 6, 7]
    own = np.concatenate([np.ones((5, 1)), np.asarray(last.position[3:]) / 32], axis=1)
    np.testing.assert_allclose(state.memory["own"], own, atol=1e-6)
    assert (state.position[3:, 0] - before.position[3:, 0] > 2).all()


def test_an_agents_name_plays_the_enemys_seats():
    env = arenas.make("smax-3m-v0,enemy=random,action_type=continuous")
    state, timestep = env.reset(jax.random.key(0))
    state, timestep = env.step(jax.random.key(0), state, jnp.full((3, 4), 0.5))
    assert timestep.observation.shape == (3, 75)


# Options -----------------------------------------------------------------------------------------


def test_enemies_actions_are_hidden_where_not_seen():
    for see in (True, False):
        env = Smax(scenario="3m", enemy=None, see_enemy_actions=see)
        state, _ = env.reset(jax.random.key(0))
        state = stand(state, *[(10 + 2 * i, 16) for i in range(6)])
        _, timestep = env.step(jax.random.key(0), state, jnp.array([UP, UP, UP, UP, 5, 6]))
        units = np.asarray(timestep.observation[0, :-10]).reshape(5, 13)
        assert (units[:2, 4] == 1).all()  # friends walked up
        assert units[2:, 3:6].any() == see


def test_continuous_actions_walk_along_their_vector():
    env = arenas.make("smax-3m-v0", action_type="continuous")
    state, _ = env.reset(jax.random.key(0))
    action = jnp.tile(jnp.array([0.0, 0.0, 1.0, 0.25]), (3, 1))  # never shoot; up at full speed
    new, timestep = env.step(jax.random.key(0), state, action)
    walked = np.asarray(new.position[:3] - state.position[:3])
    np.testing.assert_allclose(walked, np.tile([0, 3.15 / 2], (3, 1)), atol=0.3)  # pushes
    assert timestep.action_mask.shape == (3, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"scenario": 3},
        {"scenario": Scenario((), (0,))},
        {"scenario": Scenario((9,), (0,))},
        {"enemy": 3},
        {"see_enemy_actions": 1},
        {"action_type": "both"},
        {"observation_type": "image"},
        {"max_steps": 0},
        {"won_battle_bonus": -1.0},
        {"damage_weight": float("nan")},
    ],
)
def test_bad_arguments_say_what_is_accepted(options):
    with pytest.raises(BadArgument, match=r"accepted"):
        Smax(**options)


def test_an_unknown_scenario_suggests_the_nearest():
    with pytest.raises(UnknownName, match="2s3z"):
        arenas.make("smax-3m-v0", scenario="2s3Z")


# JaxMARL's clients -------------------------------------------------------------------------------


def test_jaxmarls_log_wrapper_and_critics_find_what_they_read():
    from jaxmarl.wrappers.baselines import SMAXLogWrapper

    env = arenas.make("smax-3m-v0", api="jaxmarl")
    assert (env.num_allies, env.num_enemies, env.state_size) == (3, 3, 72)
    wrapped = SMAXLogWrapper(env)
    observations, state = wrapped.reset(jax.random.key(0))
    assert observations["world_state"].shape == (env.state_size,)
    keys = jax.random.split(jax.random.key(1), 60)
    won = 0.0
    for key in keys:
        masks = wrapped.get_avail_actions(state.env_state)
        actions = {a: jnp.argmax(m * jnp.arange(m.size)) for a, m in masks.items()}
        observations, state, _, dones, info = wrapped.step(key, state, actions)
        assert info["returned_won_episode"].shape == (3,)
        if dones["__all__"]:
            break
        won += float(info["won"].sum())
    assert dones["__all__"]
    assert won == 0
    assert bool(info["returned_won_episode"][0]) == bool(info["won"][0])


def test_the_world_state_is_jaxmarls():
    battle = smax_states.battles("2s3z", 1, 0)
    battle = {k: v[0] for k, v in battle.items()}
    env = Smax(scenario="2s3z")
    state, _ = env.reset(jax.random.key(0))
    state = state.replace(
        **{k: jnp.asarray(battle[k]) for k in ("position", "health")},
        cooldown=jnp.maximum(jnp.asarray(battle["cooldown"]), 0),
    )
    theirs = smax_states.their_state(battle).replace(
        unit_weapon_cooldowns=state.cooldown,
        unit_teams=jnp.array([0.0] * 5 + [1.0] * 5),
    )
    expected = smax_states.oracle("2s3z").get_world_state(theirs)
    np.testing.assert_allclose(env.world_state(state), expected, atol=1e-5)


def test_the_text_shows_every_unit_once():
    env = make_host("smax-2s3z-v0")
    env.reset(3)
    text = render_text(env)
    grid = "".join(line for line in text.splitlines() if line.startswith("|"))
    assert sum(c.isalpha() for c in grid) == 10
    assert "ally_0" in text
    assert "160/160" in text


@pytest.mark.parametrize(("observers", "units"), [(1, 2), (3, 3), (2, 5), (27, 57)])
def test_a_list_leaves_out_its_observer(observers, units):
    features = np.arange(units * 3, dtype=np.float32).reshape(units, 3)
    shown = np.ones((observers, units, 1), bool)
    here, scale = np.zeros((observers, 3), np.float32), np.ones((observers, 3), np.float32)
    place = np.arange(observers)
    lists = observation._lists(
        *map(jnp.asarray, (features, shown, here, scale)), slice(observers), place
    )
    expected = [np.delete(features, i, axis=0).reshape(-1) for i in place]
    assert np.array_equal(lists, expected)


@pytest.mark.parametrize(
    "id",
    [
        "smax-3m-v0",
        "smax-5m_vs_6m-selfplay-v0",
        "smax-5m_vs_6m-selfplay-v0,see_enemy_actions=False",
    ],
)
def test_lists_of_many_observers_are_those_of_few(id, monkeypatch):
    env = arenas.make(id)
    state, timestep = jax.jit(env.reset)(jax.random.key(3))
    monkeypatch.setattr(observation, "WRITTEN_OUT", 0)
    assert np.array_equal(jax.jit(env._observation)(state), timestep.observation)

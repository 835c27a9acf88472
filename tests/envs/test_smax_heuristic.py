"""SMAX's scripted team against JaxMARL's, unit by unit, with the same draws."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.smax.heuristic_enemy import (
    HeuristicPolicyState,
    create_heuristic_policy,
)
from smax_states import battles, oracle, their_state

from arenas.envs.smax.heuristic import NOBODY, Memory, initial_memory, team_actions
from arenas.envs.smax.scenarios import LEFT, NUM_MOVES, RIGHT, SCENARIOS, UP
from arenas.envs.smax.units import ATTACK_RANGE, SIGHT_RANGE

COUNT, STEPS = 200, 6


def _team(name, team):
    allies = SCENARIOS[name].num_allies
    return slice(allies) if team == 0 else slice(allies, None)


@functools.cache
def _seen(name):
    """JaxMARL's observations ``[count, U, features]`` of a batch of battles."""
    env = oracle(name)

    def see(state):
        seen = env.get_obs_unit_list(state)
        return jnp.stack([seen[agent] for agent in env.agents])

    return jax.jit(jax.vmap(see))


@functools.cache
def _theirs(name, team, mode, shoots=True):
    """JaxMARL's policy for units of a team; and the draws that it makes."""
    policy = create_heuristic_policy(oracle(name), team, shoot=shoots, attack_mode=mode)

    def act(key, memory, seen):
        walk_key, attack_key = jax.random.split(key)
        draws = jnp.stack([jax.random.uniform(attack_key), jax.random.uniform(walk_key)])
        return *policy(key, memory, seen), draws

    return jax.jit(jax.vmap(jax.vmap(act)))


@functools.cache
def _ours(name, team, mode, shoots=True):
    act = functools.partial(
        team_actions, num_allies=SCENARIOS[name].num_allies, team=team, mode=mode, shoots=shoots
    )
    return jax.jit(jax.vmap(act))


def _too_near_to_call(battle, own, others, memory):
    """``[count, members]``: a choice hangs on less than a float32 position can say."""
    position, alive = battle["position"].astype(float), battle["health"] > 0
    away = position[:, None, others] - position[:, own, None]
    distance = np.linalg.norm(away, axis=-1)
    seen = alive[:, own, None] & alive[:, None, others]
    near = np.zeros(distance.shape[:2], bool)
    for ranges in (SIGHT_RANGE, ATTACK_RANGE):
        border = ranges[battle["unit_type"][:, own]][..., None]
        near |= (seen & (np.abs(distance - border) < 1e-5)).any(-1)
    gap = np.abs(distance[..., :, None] - distance[..., None, :])
    gap += np.eye(gap.shape[-1])
    near |= ((gap < 1e-5) & seen[..., None] & seen[..., None, :]).any((-1, -2))
    home = memory - np.where(alive[:, own, None], position[:, own], 0)
    for x, y in ((away[..., 0], away[..., 1]), (home[..., None, 0], home[..., None, 1])):
        near |= (np.abs(np.abs(x) - np.abs(y)) < 1e-5).any(-1)
    return near


def _drift(battle, seed):
    """The battle some steps later: units have moved a little, and some have died."""
    rng = np.random.default_rng(seed)
    position = battle["position"] + rng.normal(size=battle["position"].shape).astype(np.float32)
    dead = rng.random(battle["health"].shape) < 0.05
    return battle | {
        "position": position,
        "health": np.where(dead, np.float32(0), battle["health"]),
    }


CASES = (
    ("3m", 0, "closest"),
    ("3m", 1, "random"),
    ("2s3z", 1, "closest"),
    ("5m_vs_6m", 0, "closest"),
    ("5m_vs_6m", 0, "random"),
    ("5m_vs_6m", 1, "closest"),
    ("5m_vs_6m", 1, "random"),
    ("smacv2_5_units", 0, "random"),
)
"""Compiling JaxMARL's policy takes most of the time, so not every combination."""


@pytest.mark.parametrize(("name", "team", "mode"), CASES)
def test_every_choice_and_memory_is_jaxmarls(name, team, mode):
    own, others = _team(name, team), _team(name, 1 - team)
    battle = battles(name, COUNT, seed=0, deaths=0)
    members = len(range(*own.indices(battle["health"].shape[1])))
    theirs = HeuristicPolicyState(
        default_target=jnp.zeros((COUNT, members, 2)),
        last_attacked_enemy=jnp.full((COUNT, members), -1),
    )
    ours = initial_memory(battle["position"][:, own])
    unclear = attacks = kept = 0
    for step in range(STEPS):
        keys = jax.random.split(jax.random.key(step), (COUNT, members))
        seen = _seen(name)(their_state(battle))[:, own]
        wanted, after, draws = _theirs(name, team, mode)(keys, theirs, seen)
        arrays = (battle["position"], battle["health"], battle["unit_type"])
        action, memory = _ours(name, team, mode)(*arrays, ours, draws)
        near = _too_near_to_call(battle, own, others, np.asarray(after.default_target))
        same = (action == wanted) & (memory.attacked == after.last_attacked_enemy)
        assert (same | near).all()
        np.testing.assert_allclose(memory.target, after.default_target, atol=1e-5)
        unclear += near.sum()
        attacks += (wanted >= NUM_MOVES).sum()
        kept += ((after.last_attacked_enemy == theirs.last_attacked_enemy) & (step > 0)).sum()
        theirs = after
        ours = Memory(after.default_target, after.last_attacked_enemy.astype(jnp.int8))
        battle = _drift(battle, step)
    assert unclear < 0.01 * COUNT * STEPS * members
    assert attacks > 0.1 * COUNT * STEPS * members
    assert kept > 0.1 * COUNT * STEPS * members


def _battle(*units):
    """Positions, healths and types of marines, from ``(x, y, health)``."""
    table = np.array(units, np.float32)
    return table[:, :2], table[:, 2], np.zeros(len(units), np.uint8)


def _act(battle, memory=None, draws=0.5, *, num_allies=1, team=0, **options):
    own = slice(num_allies) if team == 0 else slice(num_allies, None)
    members = len(battle[0][own])
    memory = memory or initial_memory(battle[0][own])
    draws = np.full((members, 2), draws, np.float32)
    return team_actions(*battle, memory, draws, num_allies=num_allies, team=team, **options)


def test_units_that_may_not_shoot_walk_and_remember_all_the_same():
    battle = battles("3m", COUNT, seed=1)
    own = _team("3m", 0)
    memory = HeuristicPolicyState(
        default_target=jnp.full((COUNT, 3, 2), 7.0),
        last_attacked_enemy=jnp.zeros((COUNT, 3), int),
    )
    keys = jax.random.split(jax.random.key(0), (COUNT, 3))
    seen = _seen("3m")(their_state(battle))[:, own]
    wanted, after, draws = _theirs("3m", 0, "closest", shoots=False)(keys, memory, seen)
    ours = Memory(memory.default_target, memory.last_attacked_enemy.astype(jnp.int8))
    arrays = (battle["position"], battle["health"], battle["unit_type"])
    action, ours = _ours("3m", 0, "closest", shoots=False)(*arrays, ours, draws)
    near = _too_near_to_call(battle, own, _team("3m", 1), np.full((COUNT, 3, 2), 7.0))
    assert (action < NUM_MOVES).all()
    assert (((action == wanted) & (ours.attacked == after.last_attacked_enemy)) | near).all()
    assert (ours.attacked != NOBODY).any()


def test_of_two_equally_near_opponents_the_first_in_action_order_is_attacked():
    battle = _battle((10, 10, 1), (12, 10, 1), (8, 10, 1))
    action, memory = _act(battle)
    assert (action.item(), memory.attacked.item()) == (NUM_MOVES, 0)
    # An enemy counts the allies backwards: its first opponent is the last ally.
    battle = _battle((12, 10, 1), (8, 10, 1), (10, 10, 1))
    action, memory = _act(battle, num_allies=2, team=1)
    assert (action.item(), memory.attacked.item()) == (NUM_MOVES, 0)
    battle = _battle((12, 10, 1), (8, 10, 0), (10, 10, 1))
    assert _act(battle, num_allies=2, team=1)[0].item() == NUM_MOVES + 1


def test_a_unit_keeps_to_whom_it_attacked_until_it_leaves_the_range():
    battle = _battle((10, 10, 1), (12, 10, 1), (14, 10, 1))
    memory = Memory(jnp.zeros((1, 2)), jnp.array([1], jnp.int8))
    action, after = _act(battle, memory)
    assert (action.item(), after.attacked.item()) == (NUM_MOVES + 1, 1)
    away = _battle((10, 10, 1), (12, 10, 1), (16, 10, 1))
    action, after = _act(away, memory)
    assert (action.item(), after.attacked.item()) == (NUM_MOVES, 0)


def test_a_unit_that_attacks_nobody_forgets():
    battle = _battle((10, 10, 1), (18, 10, 1))
    action, after = _act(battle, Memory(jnp.zeros((1, 2)), jnp.array([0], jnp.int8)))
    assert (action.item(), after.attacked.item()) == (RIGHT, NOBODY)


def test_a_unit_that_sees_nobody_walks_to_its_start_turned_about_the_centre():
    battle = _battle((4, 10, 1), (30, 30, 1))
    action, memory = _act(battle)
    assert memory.target.tolist() == [[28, 22]]
    assert action.item() == RIGHT
    beyond = _battle((29, 22, 1), (2, 2, 1))
    assert _act(beyond, memory)[0].item() == LEFT


def test_a_walk_along_a_diagonal_prefers_up():
    battle = _battle((10, 10, 1), (14.5, 14.5, 1))
    assert _act(battle)[0].item() == UP


@pytest.mark.parametrize(("draw", "followed"), [(0.0, LEFT), (0.5, UP), (0.9, UP), (0.49, LEFT)])
def test_a_low_draw_follows_the_last_opponent_in_sight(draw, followed):
    battle = _battle((10, 10, 1), (10, 16, 1), (15.5, 10, 0), (4, 10, 1))
    assert _act(battle, draws=draw)[0].item() == followed


def test_a_dead_unit_walks_from_the_corner_and_attacks_nobody():
    battle = _battle((10, 10, 0), (12, 10, 1))
    action, after = _act(battle, Memory(jnp.array([[3.0, 5.0]]), jnp.array([0], jnp.int8)))
    assert (action.item(), after.attacked.item()) == (UP, NOBODY)

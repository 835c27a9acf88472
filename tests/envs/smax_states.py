"""Battles at random for SMAX's tests, as plain arrays and as JaxMARL's states.

They hold what play reaches and what it seldom reaches: crowds, lone units, dead ones, all types.
"""

import functools

import jax.numpy as jnp
import jaxmarl
import numpy as np
from jaxmarl.environments.smax.smax_env import State, map_name_to_scenario

from arenas.envs.smax.scenarios import MAP_SIZE, SCENARIOS
from arenas.envs.smax.units import COOLDOWN, MAX_HEALTH

NAMES = ("3m", "2s3z", "5m_vs_6m", "smacv2_5_units")


@functools.cache
def oracle(name, **kwargs):
    """JaxMARL's environment of a scenario."""
    return jaxmarl.make("SMAX", scenario=map_name_to_scenario(name), **kwargs)


def _folded(position):
    """Positions beyond the map's edges mirrored into it, so that no two lie on one edge."""
    size = MAP_SIZE - 0.2
    return 0.1 + size - np.abs((position - 0.1) % (2 * size) - size)


def battles(name, count, seed, *, deaths=0.2):
    """``count`` battles: a dict of arrays ``[count, U, ...]``."""
    rng = np.random.default_rng(seed)
    scenario = SCENARIOS[name]
    units = scenario.num_allies + scenario.num_enemies
    kind = np.tile(np.array(scenario.allies + scenario.enemies, np.uint8), (count, 1))
    if scenario.random:
        kind = rng.integers(len(MAX_HEALTH), size=kind.shape).astype(np.uint8)
    spread = rng.choice([1.5, 4.0, 12.0], size=(count, 1, 1))
    position = rng.uniform(4, MAP_SIZE - 4, (count, 1, 2)) + spread * rng.normal(
        size=(count, units, 2)
    )
    health = MAX_HEALTH[kind] * rng.uniform(0.01, 1, kind.shape)
    health[rng.random(kind.shape) < deaths] = 0
    angle = rng.integers(4, size=kind.shape) * np.pi / 2
    movement = np.stack([np.cos(angle), np.sin(angle)], -1) * rng.integers(2, size=(*kind.shape, 1))
    opponents = np.where(
        np.arange(units) < scenario.num_allies, scenario.num_enemies, scenario.num_allies
    )
    attack = np.where(
        rng.random(kind.shape) < 0.5, 5 + (rng.random(kind.shape) * opponents).astype(int), 0
    )
    return {
        "position": _folded(position).astype(np.float32),
        "health": health.astype(np.float32),
        "unit_type": kind,
        "cooldown": (COOLDOWN[kind] * rng.uniform(-1, 1.1, kind.shape)).astype(np.float32),
        "last_movement": movement.astype(np.float32),
        "last_attack": attack.astype(np.int32),
    }


def their_state(battle):
    """JaxMARL's state of battles, or of one."""
    batch = battle["health"].shape[:-1]
    units = battle["health"].shape[-1]
    return State(
        done=jnp.zeros(batch, bool),
        step=jnp.zeros(batch, int),
        unit_positions=jnp.asarray(battle["position"]),
        unit_alive=jnp.asarray(battle["health"] > 0),
        unit_teams=jnp.zeros((*batch, units)),
        unit_health=jnp.asarray(battle["health"]),
        unit_types=jnp.asarray(battle["unit_type"]),
        unit_weapon_cooldowns=jnp.asarray(battle["cooldown"]),
        prev_movement_actions=jnp.asarray(battle["last_movement"]),
        prev_attack_actions=jnp.asarray(battle["last_attack"]),
    )

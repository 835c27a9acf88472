"""SMAX held against JaxMARL's: one step from the same state with the same draws gives the same.

    python benchmarks/smax_parity.py

plays JaxMARL's two-team game in every scenario, a third of the copies by random legal actions, a
third by the scripted policy on both sides, and a third by a mixture of both with attacks that are
not legal. At every step it takes JaxMARL's state, makes the same step with ours, fed with the
numbers that JaxMARL's keys draw, and compares what follows: positions, health, cooldowns, rewards
of both reward schemes, the end, masks, observations of all units, and the state that a centralised
critic sees. It writes smax.md into docs/results.

Set apart, since they are deliberate differences: cooldowns below 0, which JaxMARL lets run on, are
0 in ours; a death by the wall pays nobody in ours, so rewards of such a step are not compared.
Masks and observations are not compared where a distance is within 1e-4 of a range, since rounding
decides there.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from arenas._files import write_atomically
from arenas.env import NOT_STARTED
from arenas.envs.smax import heuristic
from arenas.envs.smax.game import Smax, SmaxState, directions
from arenas.envs.smax.scenarios import NUM_MOVES, SCENARIOS, STOP, SUB_STEPS, TIME_STEP
from arenas.envs.smax.units import ATTACK_RANGE, SIGHT_RANGE
from arenas.errors import UnknownName
from arenas.interop.jaxmarl import import_jaxmarl

jaxmarl = import_jaxmarl()

DOCS = Path(__file__).parent.parent / "docs" / "results"
TOLERANCE = 1e-5
EDGE = 1e-4
STEPS = 60
"""Steps that the copies play; those whose battle ended begin another."""


class Difference(NamedTuple):
    """Of each step compared; arrays ``[steps, copies]``."""

    position: Any  # largest absolute difference
    health: Any
    cooldown: Any
    reward: Any  # of either reward scheme; 0 where a wall killed
    observation: Any  # 0 where a distance is at a range's edge
    world_state: Any
    mask: Any  # bool, differs; not at an edge
    end: Any  # bool, differs
    wall: Any  # bool, a wall killed
    edge: Any  # bool


def oracle(name: str, **kwargs: Any) -> Any:
    """JaxMARL's two-team game."""
    from jaxmarl.environments.smax.smax_env import map_name_to_scenario

    return jaxmarl.make("SMAX", scenario=map_name_to_scenario(name), max_steps=10**6, **kwargs)


def deviations(key: Any, units: int) -> Any:
    """The numbers that JaxMARL's ``step_env(key)`` draws, ``[world steps, units]``."""

    def world_step(key: Any, _: Any) -> Any:
        key, used = jax.random.split(key)
        draw = jax.vmap(lambda k: jax.random.uniform(k, minval=-TIME_STEP, maxval=2 * TIME_STEP))
        return key, draw(jax.random.split(used, units))

    return jax.lax.scan(world_step, jax.random.split(key)[0], None, SUB_STEPS)[1]


def ours(theirs: Any) -> SmaxState:
    """JaxMARL's state as ours, without the last actions."""
    return SmaxState(
        **NOT_STARTED,
        position=theirs.unit_positions,
        health=theirs.unit_health,
        cooldown=jnp.maximum(theirs.unit_weapon_cooldowns, 0.0),
        unit_type=theirs.unit_types,
        last_action=jnp.full(theirs.unit_health.shape, STOP, jnp.int8),
        last_movement=None,
        memory=(),
    )


def compare(name: str, copies: int, seed: int = 0, steps: int = STEPS, **kwargs: Any) -> Difference:
    """Steps of a scenario, ``steps`` × ``copies``.

    Args:
        name: of the scenario.
        copies: battles played side by side.
        seed: of starts, actions and draws.
        steps: that each plays.
        kwargs: ``see_enemy_actions``, ``walls_cause_death``: of both sides.
    """
    keys = jax.random.split(jax.random.key(seed), copies)
    program = _program(name, steps, tuple(kwargs.items()))
    return jax.device_get(program(keys, jnp.arange(copies) % 3))


@functools.cache
def _program(name: str, steps: int, options: tuple[tuple[str, Any], ...]) -> Any:
    kwargs = dict(options)
    original = oracle(name, **kwargs)
    both = Smax(scenario=name, enemy=None, **kwargs)
    scripted = Smax(scenario=name, **kwargs)
    n, units = both.num_allies, both.num_units
    is_ally = np.arange(units) < n
    own_actions = NUM_MOVES + np.where(is_ally, both.num_enemies, n)

    def act(key: Any, state: Any, memory: Any, player: Any) -> Any:
        keys = jax.random.split(key, 5)
        mine = ours(state)
        legal = both._timestep(mine, jnp.zeros(units, jnp.float32), {}).action_mask
        chance = jax.random.uniform(keys[0], legal.shape)
        random = jnp.argmax(jnp.where(legal, chance, -1.0), axis=1)
        teams = [
            heuristic.team_actions(
                mine.position, mine.health, mine.unit_type, memory[t],
                jax.random.uniform(keys[1 + t], (len(memory[t].attacked), 2)),
                num_allies=n, team=t,
            )
            for t in range(2)
        ]  # fmt: skip
        rule = jnp.concatenate([actions for actions, _ in teams])
        wild = jnp.floor(jax.random.uniform(keys[3], (units,)) * own_actions).astype(jnp.int32)
        which = jax.random.uniform(keys[4], (units,))
        mixed = jnp.where(which < 0.5, rule, jnp.where(which < 0.7, random, wild))
        action = jnp.stack([random, rule, mixed])[player]
        return action.astype(jnp.int32), tuple(m for _, m in teams)

    def battle(key: Any, state: Any, action: Any) -> Any:
        before = ours(state)
        after = both.battle(
            before.position, before.health, before.cooldown, before.unit_type,
            directions(action), both.targets(action), deviations(key, units),
        )  # fmt: skip
        new = before.replace(
            position=after.position,
            health=after.health,
            cooldown=after.cooldown,
            last_action=action.astype(jnp.int8),
        )
        return new, both._judged(new, after), scripted._judged(new, after)

    def differences(before: Any, theirs: Any, new: Any, made: Any, out: Any) -> Difference:
        observations, rewards, dones = out
        zero_sum, one_sided = made
        ally, enemy = rewards["ally_0"], rewards["enemy_0"]
        expected = jnp.where(is_ally, ally - enemy, enemy - ally)
        reward = jnp.maximum(
            jnp.abs(zero_sum.reward - expected).max(), jnp.abs(one_sided.reward - ally).max()
        )
        x, y = theirs.unit_positions.T
        touches = (x <= 0) | (x >= 32) | (y <= 0) | (y >= 32)
        wall = (touches & before.unit_alive & ~theirs.unit_alive).any()
        dx, dy = x - x[:, None], y - y[:, None]
        distance = jnp.sqrt(dx * dx + dy * dy)
        kinds = theirs.unit_types
        edge = jnp.zeros((), bool)
        for table in (ATTACK_RANGE, SIGHT_RANGE):
            edge |= (jnp.abs(distance - jnp.asarray(table)[kinds][:, None]) < EDGE).any()
        over = zero_sum.terminated
        timestep = both._timestep(new.replace(terminated=over), jnp.zeros(units, jnp.float32), {})
        masks = original.get_avail_actions(theirs)
        mask = jnp.stack(
            [
                jnp.pad(masks[a].astype(bool), (0, both.num_actions - len(masks[a])))
                for a in original.agents
            ]
        )
        seen = jnp.stack([observations[a] for a in original.agents])
        whole = original.get_world_state(
            theirs.replace(unit_weapon_cooldowns=jnp.maximum(theirs.unit_weapon_cooldowns, 0.0))
        )
        return Difference(
            position=jnp.abs(new.position - theirs.unit_positions).max(),
            health=jnp.abs(new.health - theirs.unit_health).max(),
            cooldown=jnp.abs(new.cooldown - jnp.maximum(theirs.unit_weapon_cooldowns, 0.0)).max(),
            reward=jnp.where(wall, 0.0, reward),
            observation=jnp.where(edge, 0.0, jnp.abs(timestep.observation - seen).max()),
            world_state=jnp.abs(both.world_state(new) - whole).max(),
            mask=(timestep.action_mask != mask).any() & ~over & ~edge,
            end=over != dones["__all__"],
            wall=wall,
            edge=edge,
        )

    def start(key: Any) -> Any:
        _, state = original.reset(key)
        position = state.unit_positions
        return state, (
            heuristic.initial_memory(position[:n]),
            heuristic.initial_memory(position[n:]),
        )

    def step(carry: Any, key: Any) -> Any:
        state, memory, player = carry
        act_key, step_key, start_key = jax.random.split(key, 3)
        action, memory = act(act_key, state, memory, player)
        by_agent = {a: action[i] for i, a in enumerate(original.agents)}
        observations, theirs, rewards, dones, _ = original.step_env(step_key, state, by_agent)
        new, *made = battle(step_key, state, action)
        found = differences(state, theirs, new, made, (observations, rewards, dones))
        fresh = start(start_key)
        state, memory = jax.tree.map(
            lambda f, k: jnp.where(dones["__all__"], f, k).astype(k.dtype), fresh, (theirs, memory)
        )
        return (state, memory, player), found

    def play(key: Any, player: Any) -> Difference:
        start_key, key = jax.random.split(key)
        carry = (*start(start_key), player)
        carry = jax.tree.map(  # JaxMARL's dtypes settle after one step
            lambda c, s: c.astype(s.dtype), carry, jax.eval_shape(lambda: step(carry, key)[0])
        )
        return jax.lax.scan(step, carry, jax.random.split(key, steps))[1]

    return jax.jit(jax.vmap(play, out_axes=1))


def row(name: str, found: Difference) -> str:
    """A line of the table."""
    count = found.position.size
    cells = [
        f"{count:,}",
        *(f"{x.max():.1e}" for x in (found.position, found.health, found.cooldown)),
        str(int((found.position > TOLERANCE).sum())),
        *(f"{x.max():.1e}" for x in (found.reward, found.observation, found.world_state)),
        str(int(found.mask.sum())),
        str(int(found.end.sum())),
        str(int(found.wall.sum())),
        str(int(found.edge.sum())),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


HEADER = """# SMAX against JaxMARL, step by step

```
python benchmarks/smax_parity.py --states {states} --seed {seed}
```

From states that JaxMARL's own game reached, a third each by random legal play, by the scripted
policy on both sides, and by a mixture with attacks that are not legal: one step of ours with the
numbers that JaxMARL's keys draw, against JaxMARL's. Largest absolute differences in map units,
health points, seconds, reward; counts of steps.

"""

COLUMNS = (
    "scenario",
    "steps",
    "position",
    "health",
    "cooldown",
    "position > 1e-5",
    "reward",
    "observation",
    "world state",
    "masks differ",
    "ends differ",
    "deaths by wall",
    "at an edge",
)

FOOTER = """
Cooldowns below 0 count as 0 (ours stop there). Rewards of steps with a death by wall are not
compared (it pays nobody in ours). Masks and observations are not compared in the steps of the last
column, in which a distance is within 1e-4 of a range. Where units crowd, pushing multiplies the
rounding of float32: positions around 20 are kept to 2e-6, and the column "position > 1e-5" counts
the steps in which that grew past five such roundings. With both sides in float64
(`python benchmarks/smax_parity_float64.py`) nothing of it is left: positions differ by at most
6.8e-14 in 66,240 steps of 8m, 25m and 27m_vs_30m.
"""


def copies_of(name: str) -> int:
    """Battles played side by side: a large scenario's pairs take gigabytes in JaxMARL."""
    if name not in SCENARIOS:
        raise UnknownName("SMAX scenario", name, SCENARIOS)
    units = SCENARIOS[name].num_allies + SCENARIOS[name].num_enemies
    return max(6, min(504, 60_000 // units**2))


def main(
    states: int = 30_000,
    seed: int = 0,
    scenarios: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = tuple(SCENARIOS),
    out: Path = DOCS,
) -> None:
    """Compare and write the table.

    Args:
        states: least number of steps compared in each scenario.
        seed: of everything.
        scenarios: names.
        out: folder of smax.md.
    """
    lines = []
    for name in scenarios:
        copies = copies_of(name)
        parts = -(-states // (copies * STEPS))
        found = [compare(name, copies, seed * 1000 + i) for i in range(parts)]
        joined = Difference(*(np.concatenate(x, axis=1) for x in zip(*found, strict=True)))
        lines.append(row(name, joined))
        print(lines[-1], flush=True)
    head = f"| {' | '.join(COLUMNS)} |\n|:--|{'--:|' * (len(COLUMNS) - 1)}\n"
    text = HEADER.format(states=states, seed=seed) + head + "\n".join(lines) + "\n" + FOOTER
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "smax.md", text)


if __name__ == "__main__":
    from timing import command

    command(main)

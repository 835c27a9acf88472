"""The scripted team of SMAX against itself, in ours and in JaxMARL: who wins how often?

    python benchmarks/smax_winrates.py

plays 1,000 games of each of five scenarios on both sides and writes smax_winrates.md into
docs/results. Ours are the registered players, smax/heuristic in every allied seat against the
scripted enemy; theirs are HeuristicEnemySMAX with create_heuristic_policy for the allies.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import tyro
from jaxmarl.environments.smax.heuristic_enemy import (
    create_heuristic_policy,
    get_heuristic_policy_initial_state,
)
from jaxmarl.environments.smax.smax_env import map_name_to_scenario
from scipy import stats
from timing import command, machine, share_interval

import arenas
from arenas._files import write_atomically

DOCS = Path(__file__).parent.parent / "docs" / "results"
SCENARIOS = ("3m", "2s3z", "3s5z", "5m_vs_6m", "smacv2_5_units")
OUTCOMES = ("ally wins", "enemy wins", "both dead", "out of time")
STEPS = 101  # JaxMARL's episodes last one step more than its max_steps says


def _outcomes(allies: np.ndarray, enemies: np.ndarray) -> np.ndarray:
    """How many games ended in each of ``OUTCOMES``, from whether the teams had living units."""
    ends = (allies & ~enemies, enemies & ~allies, ~allies & ~enemies, allies & enemies)
    return np.array([end.sum() for end in ends])


def ours(scenario: str, games: int, seed: int) -> np.ndarray:
    """Outcomes of games of ours."""
    env = arenas.make(f"smax-{scenario}-v0")
    agent = arenas.load_agent("smax/heuristic", env)

    def game(key):
        key, reset_key, init_key = jax.random.split(key, 3)
        state, timestep = env.reset(reset_key)
        carry = jax.vmap(agent.init)(
            jax.random.split(init_key, env.num_agents), jnp.arange(env.num_agents)
        )

        def step(moving, key):
            state, timestep, carry = moving
            step_key, act_key = jax.random.split(key)
            carry, action = jax.vmap(agent.act, (None, 0, 0, 0, 0))(
                agent.params,
                carry,
                timestep.observation,
                timestep.action_mask,
                jax.random.split(act_key, env.num_agents),
            )
            return (*env.step(step_key, state, action), carry), None

        keys = jax.random.split(key, STEPS)
        (state, timestep, _), _ = jax.lax.scan(step, (state, timestep, carry), keys)
        alive = state.health > 0
        n = env.num_allies
        return alive[:n].any(), alive[n:].any(), timestep.terminated | timestep.truncated

    allies, enemies, over = jax.jit(jax.vmap(game))(jax.random.split(jax.random.key(seed), games))
    assert over.all()
    return _outcomes(np.asarray(allies), np.asarray(enemies))


def theirs(scenario: str, games: int, seed: int) -> np.ndarray:
    """Outcomes of games of JaxMARL's."""
    env = jaxmarl.make("HeuristicEnemySMAX", scenario=map_name_to_scenario(scenario))
    policy = create_heuristic_policy(env._env, 0)

    def game(key):
        key, reset_key = jax.random.split(key)
        observation, state = env.reset(reset_key)
        memory = get_heuristic_policy_initial_state()
        memory = jax.tree.map(lambda x: jnp.stack([jnp.asarray(x)] * env.num_agents), memory)

        def step(moving, key):
            observation, state, memory, over, allies, enemies = moving
            step_key, act_key = jax.random.split(key)
            seen = jnp.stack([observation[agent] for agent in env.agents])
            action, memory = jax.vmap(policy)(
                jax.random.split(act_key, env.num_agents), memory, seen
            )
            actions = dict(zip(env.agents, action, strict=True))
            observation, state, _, done, _ = env.step_env(step_key, state, actions)
            alive = state.state.unit_alive
            allies = jnp.where(over, allies, alive[: env.num_allies].any())
            enemies = jnp.where(over, enemies, alive[env.num_allies :].any())
            return (observation, state, memory, over | done["__all__"], allies, enemies), None

        start = (observation, state, memory, jnp.array(False), jnp.array(True), jnp.array(True))
        (_, _, _, over, allies, enemies), _ = jax.lax.scan(
            step, start, jax.random.split(key, STEPS)
        )
        return allies, enemies, over

    allies, enemies, over = jax.jit(jax.vmap(game))(jax.random.split(jax.random.key(seed), games))
    assert over.all()
    return _outcomes(np.asarray(allies), np.asarray(enemies))


def p_value(a: np.ndarray, b: np.ndarray) -> float:
    """Of the chi-squared test that both come from one distribution.

    Outcomes that neither saw are left out.
    """
    table = np.stack([a, b])
    return float(stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False).pvalue)


def _share(count: int, games: int) -> str:
    low, high = share_interval(count / games, games)
    return f"{100 * count / games:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def report(results: dict[str, tuple[np.ndarray, np.ndarray]], games: int, seed: int) -> str:
    """The page."""
    level = 0.05 / len(results)
    lines = [
        "# SMAX: the scripted team against itself",
        "",
        "```",
        f"python benchmarks/smax_winrates.py --games {games} --seed {seed}",
        "```",
        "",
        f"{games:,} games of each scenario on each side, with independent draws: per cent, and",
        "Wilson's 95 % intervals. Ours: `smax/heuristic` in every allied seat of `smax-...-v0`;",
        "JaxMARL 0.2.0: `HeuristicEnemySMAX`, its allies played by `create_heuristic_policy`. p is",
        "that of the chi-squared test that both rows come from one distribution of outcomes;",
        f"of {len(results)} such tests, one below {level:.2g} would show a difference.",
        "",
        "| scenario | side | " + " | ".join(OUTCOMES) + " | p |",
        "|:--|:--|" + "--:|" * (len(OUTCOMES) + 1),
    ]
    for scenario, (a, b) in results.items():
        for side, counts, p in (("ours", a, f"{p_value(a, b):.2f}"), ("JaxMARL", b, "")):
            cells = [_share(int(c), games) for c in counts]
            lines.append(f"| {scenario} | {side} | " + " | ".join(cells) + f" | {p} |")
            scenario = ""
    lines += ["", f"Played on {machine()}."]
    return "\n".join(lines) + "\n"


def main(
    games: int = 1000,
    seed: int = 0,
    scenarios: tuple[str, ...] = SCENARIOS,
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = DOCS,
) -> None:
    """Play and compare.

    Args:
        games: of each scenario on each side.
        seed: of ours; JaxMARL's games take the next.
        scenarios: names.
        out: the folder for the page.
    """
    results = {}
    for scenario in scenarios:
        results[scenario] = ours(scenario, games, seed), theirs(scenario, games, seed + 1)
        print(scenario, *(r.tolist() for r in results[scenario]), file=sys.stderr, flush=True)
    page = report(results, games, seed)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "smax_winrates.md", page)
    print(page)


if __name__ == "__main__":
    command(main)

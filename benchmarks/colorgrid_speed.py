"""Where the time of a ColorGrid step goes, and what options and restarts cost.

Usage: python benchmarks/colorgrid_speed.py [--envs N] [--repeats R]

Everything runs through ``arenas.VectorEnv`` with random actions drawn inside the program, automatic
reset, and the time step kept in the carry of the scan, so that every observation is written. Rows
"without final observation" drop that one field from the carry, as a learner does that never reads
it. Times are the best and the median of the repeats.
"""

from __future__ import annotations

import argparse
import functools
import platform
import statistics
import time

import jax
import jax.numpy as jnp

import arenas
from arenas.rollout import step_key

STEPS = 100


def rollout(envs, with_final):
    """A program of STEPS steps, and what it starts from."""

    def kept(timestep):
        return timestep if with_final else timestep.replace(final_observation=())

    def step(carry, _):
        key, state, _ = carry
        key, draw = jax.random.split(key)
        shape = (envs.num_envs, envs.env.num_agents)
        action = jax.random.randint(draw, shape, 0, envs.env.num_actions)
        state, timestep = envs.step(state, action)
        return (key, state, kept(timestep)), None

    state, timestep = jax.jit(envs.reset)(jax.random.key(0))
    return step, (jax.random.key(1), state, kept(timestep))


def parts(env, num_envs):
    """Programs of the parts of a step, by name."""
    keys = jax.random.split(jax.random.key(0), num_envs)
    state, timestep = jax.jit(jax.vmap(env.reset))(keys)
    action = jnp.zeros((num_envs, env.num_agents), jnp.int32)

    def randomness(carry, _):
        steps, words = carry
        drawn = jax.vmap(step_key)(keys, steps)
        return (steps + 1, jax.vmap(lambda k: jax.random.bits(k, words.shape[1:]))(drawn)), None

    def rules(carry, _):
        def one(key, state, action):
            return env._transition(key, state, action).state

        moved = jax.vmap(one)(keys, carry, (action + carry.steps[:, None]) % 4)
        return moved.replace(steps=carry.steps + 1), None

    def observation(carry, _):
        state, _ = carry
        state = state.replace(cells=state.cells.at[:, 0, 0].add(1))
        return (state, jax.vmap(env._observation)(state)), None

    words = jnp.zeros((num_envs, 1 + 4 * env.num_agents), jnp.uint32)
    return {
        "randomness: one key, 9 words": (randomness, (state.steps, words)),
        "rules, with 9 words": (rules, state),
        "observation": (observation, (state, timestep.observation)),
    }


def measure(program, carry, repeats):
    """Milliseconds for one step: the best and the median."""
    run = jax.jit(functools.partial(lambda c: jax.lax.scan(program, c, None, length=STEPS)[0]))
    carry = jax.block_until_ready(run(carry))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        carry = jax.block_until_ready(run(carry))
        times.append((time.perf_counter() - start) * 1e3 / STEPS)
    return min(times), statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=40)
    given = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {jax.devices()[0]}, jax {jax.__version__}"
    )
    print(f"{'':58}{'best ms':>9}{'median':>9}{'steps/s (best)':>17}{'(median)':>12}")
    cases = [
        ("colorgrid-v0", {}, True),
        ("colorgrid-v0", {}, False),
        ("colorgrid-v0", {"max_steps": 128}, False),
        ("colorgrid-v0", {"block_density": 0.9}, False),
        ("colorgrid-v0", {"potential_field": 0.2}, False),
        ("colorgrid-hemispheres-v0", {}, False),
        ("colorgrid-leader-v0", {}, False),
    ]
    for env_id, options, with_final in cases:
        envs = arenas.VectorEnv(arenas.make(env_id, **options), given.envs)
        best, median = measure(*rollout(envs, with_final), given.repeats)
        name = " ".join([env_id, *(f"{k}={v}" for k, v in options.items())])
        name += "" if with_final else ", without final observation"
        rates = f"{given.envs * 1e3 / best:>17,.0f}{given.envs * 1e3 / median:>12,.0f}"
        print(f"{name:58}{best:>9.3f}{median:>9.3f}{rates}", flush=True)
    for name, (program, carry) in parts(arenas.make("colorgrid-v0"), given.envs).items():
        best, median = measure(program, carry, given.repeats)
        print(f"  {name:56}{best:>9.3f}{median:>9.3f}", flush=True)


if __name__ == "__main__":
    main()

"""FightLadder's speed: environment steps, frames and pictures a second.

    python benchmarks/fightladder_speed.py --num-envs 1 1024 8192

Every side plays random actions through ``arenas.VectorEnv`` with automatic restarts, in one
compiled scan that goes on from where the last run ended, and keeps every observation of both seats.
A step is 8 frames of a fight of two. "Final observation unread" leaves that field of the time step
out, as a learner does that reads no truncations. Compile times are apart: of ``step`` for a batch,
and of the whole program with drawing actions and restarts. Sides take turns; given are the median
of the repeats and their range.

Where ``stable-retro`` is installed, the frames a second of its free game Airstriker-Genesis are
measured as well, with random actions in one process: what a benchmark on an emulator runs at.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import rich.console
import rich.table
import tyro
from env_speed import Side, compiled, vector_env
from timing import command, in_turns, machine, print_json, table

import arenas

IDS = ("fightladder-v0", "fightladder-pixels-v0")
FRAMES = 8
LARGEST_RUN = 2**30  # bytes of observations in a run; more steps than one only below it


@dataclasses.dataclass
class Result:
    """One side.

    Attributes:
        side: which environment, and what is read of it.
        num_envs: copies in the batch.
        steps_per_second: median; a step of one copy is 8 frames and two observations.
        lowest: of the repeats.
        highest: of the repeats.
        frames_per_second: median.
        observations_per_second: median.
        step_compile_seconds: of ``step`` for the batch.
        program_compile_seconds: until the first run was back.
    """

    side: str
    num_envs: int
    steps_per_second: float
    lowest: float
    highest: float
    frames_per_second: float
    observations_per_second: float
    step_compile_seconds: float
    program_compile_seconds: float


def sides(id: str, num_envs: int) -> dict[str, Side]:
    """What is measured of an id, by name."""
    env = arenas.make(id)
    whole = vector_env(env, num_envs)

    def dropped(carry: Any) -> Any:
        state, timestep = carry
        return state, timestep.replace(final_observation=())

    unread = Side(
        lambda key: dropped(whole.reset(key)),
        lambda carry, key: dropped(whole.step(carry, key)),
        whole.state,
    )
    found = {id: whole}
    if id == "fightladder-pixels-v0":
        found[f"{id}, final observation unread"] = unread
    return found


def compile_seconds(id: str, num_envs: int) -> float:
    """Of ``step`` for a batch."""
    env = arenas.make(id)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), num_envs))
    state, _ = jax.eval_shape(jax.vmap(env.reset), keys)
    action = jax.ShapeDtypeStruct((num_envs, env.num_agents), jnp.int32)
    start = time.perf_counter()
    jax.jit(jax.vmap(env.step)).lower(keys, state, action).compile()
    return time.perf_counter() - start


def measure(num_envs: int, ids: tuple[str, ...], repeats: int, seconds: float) -> list[Result]:
    """All sides at one batch size."""
    runs: dict[str, Callable[[], Any]] = {}
    steps, of_step, of_program = {}, {}, {}
    for id in ids:
        space = arenas.make(id).observation_space
        bytes_per_step = (
            2 * num_envs * space.dtype.itemsize * functools.reduce(lambda a, b: a * b, space.shape)
        )
        count = max(4, min(64, LARGEST_RUN // bytes_per_step))
        seconds_of_step = compile_seconds(id, num_envs)
        for name, side in sides(id, num_envs).items():
            runs[name], of_program[name], _ = compiled(side, count, num_envs)
            steps[name], of_step[name] = count, seconds_of_step
    rates = in_turns(runs, repeats, seconds)
    results = []
    for name, found in rates.items():
        per_second = [rate * steps[name] * num_envs for rate in found]
        median = statistics.median(per_second)
        results.append(
            Result(
                side=name,
                num_envs=num_envs,
                steps_per_second=median,
                lowest=min(per_second),
                highest=max(per_second),
                frames_per_second=FRAMES * median,
                observations_per_second=2 * median,
                step_compile_seconds=of_step[name],
                program_compile_seconds=of_program[name],
            )
        )
    return results


def emulator(repeats: int, seconds: float) -> list[float] | None:
    """Frames a second of Airstriker-Genesis, or None where its emulator is not installed."""
    name = next((n for n in ("stable_retro", "retro") if importlib.util.find_spec(n)), None)
    if name is None:
        return None
    retro = importlib.import_module(name)
    games = [
        g for g in ("Airstriker-Genesis-v0", "Airstriker-Genesis") if g in retro.data.list_games()
    ]
    env = retro.make(game=games[0], render_mode="rgb_array")
    env.reset()

    def run() -> None:
        for _ in range(200):
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()

    run()
    return [200 * rate for rate in in_turns({"": run}, repeats, seconds)[""]]


def shown(results: list[Result]) -> rich.table.Table:
    """All sides."""
    names = (
        "",
        "copies",
        "steps/s",
        "lowest",
        "highest",
        "frames/s",
        "obs/s",
        "step compile s",
        "program s",
    )
    numbers = table(None, names)
    for r in results:
        numbers.add_row(
            r.side,
            f"{r.num_envs:,}",
            f"{r.steps_per_second:,.0f}",
            f"{r.lowest:,.0f}",
            f"{r.highest:,.0f}",
            f"{r.frames_per_second:,.0f}",
            f"{r.observations_per_second:,.0f}",
            f"{r.step_compile_seconds:.1f}",
            f"{r.program_compile_seconds:.1f}",
        )
    return numbers


def main(
    num_envs: tuple[int, ...] = (1, 1024, 8192),
    ids: Annotated[tuple[str, ...], tyro.conf.arg(metavar="ID")] = IDS,
    repeats: int = 7,
    seconds: float = 1.0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """FightLadder's speed: environment steps, frames and pictures a second.

    Args:
        num_envs: batch sizes.
        ids: of FightLadder's environments for two.
        repeats: turns of each side.
        seconds: least duration of a turn.
        json_: print JSON instead of tables.
    """
    console = rich.console.Console(stderr=json_, width=150)
    console.print(machine())
    results: list[Result] = []
    for n in num_envs:
        found = measure(n, ids, repeats, seconds)
        results += found
        console.print(shown(found))
    rates = emulator(repeats, seconds)
    if rates is None:
        console.print("Airstriker-Genesis: skipped, stable-retro is not installed")
    else:
        median = statistics.median(rates)
        console.print(
            f"Airstriker-Genesis, stable-retro, one process: {median:,.0f} frames/s"
            f" ({min(rates):,.0f} to {max(rates):,.0f})"
        )
    if json_:
        print_json(results, airstriker=rates)


if __name__ == "__main__":
    command(main)

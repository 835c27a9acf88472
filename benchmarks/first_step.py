"""Seconds from import to the first step, against JaxMARL: compilation and all.

    python benchmarks/first_step.py --envs hanabi-v0 smax-3m-selfplay-v0

Each measurement is a process of its own, without a compilation cache. The library is imported and
JAX is started; then the clock runs while the environment is made, ``--num-envs`` copies are reset,
random legal actions are drawn and the first step is back, with observations and masks of all agents
and the automatic reset in the program. The sides take turns; reported are medians.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from typing import Annotated, Any, Literal

import rich.box
import rich.console
import rich.table
import tyro
from timing import command, machine

SIDES = ("arenas", "jaxmarl")
ENVS = (
    "hanabi-v0",
    "hanabi-v0,players=5",
    "smax-3m-selfplay-v0",
    "smax-2s3z-selfplay-v0",
    "smax-27m_vs_30m-selfplay-v0",
    "smax-2s3z-v0",
)


def first_step(id: str, num_envs: int, side: str) -> float:
    """Seconds until the first step is back, in this process."""
    import jax
    from env_speed import draw, own_version

    import arenas
    from arenas.errors import BadArgument
    from arenas.interop.jaxmarl import import_jaxmarl

    import_jaxmarl()
    env = arenas.make(id)  # tells what JaxMARL's version must be made of
    assert isinstance(env, arenas.Env)
    keys = jax.random.split(jax.random.key(0), num_envs)

    def ours() -> Any:
        envs = arenas.VectorEnv(arenas.make(id), num_envs)  # type: ignore[arg-type]
        state, timestep = jax.jit(envs.reset)(keys)
        action = jax.jit(lambda mask: draw(env, mask, keys[0]))(timestep.action_mask)
        return jax.jit(envs.step)(state, action)

    def theirs() -> Any:
        found = own_version(env)
        if found is None:
            raise BadArgument(f"JaxMARL has no version of {id!r}; accepted are Hanabi and SMAX")
        peer, legal_moves = found

        def action(state: Any) -> Any:
            legal = jax.vmap(legal_moves)(state)
            return {
                a: draw(env, legal[a][:, None].astype(bool), keys[0])[:, 0] for a in peer.agents
            }

        def step(keys: Any, state: Any, actions: Any) -> Any:
            out = jax.vmap(peer.step)(keys, state, actions)
            return out, jax.vmap(legal_moves)(out[1])

        _, state = jax.jit(jax.vmap(peer.reset))(keys)
        return jax.jit(step)(keys, state, jax.jit(action)(state))

    start = time.perf_counter()
    jax.block_until_ready(ours() if side == "arenas" else theirs())
    return time.perf_counter() - start


def main(
    envs: Annotated[tuple[str, ...], tyro.conf.arg(metavar="ID")] = ENVS,
    num_envs: int = 1024,
    repeats: int = 3,
    side: Literal["both", "arenas", "jaxmarl"] = "both",
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Seconds from import to the first step, against JaxMARL.

    Args:
        envs: ids of Hanabi or SMAX.
        num_envs: copies.
        repeats: processes of each side.
        side: one side alone is measured once, in this process.
        json_: print JSON instead of a table.
    """
    if side != "both":
        for id in envs:
            print(json.dumps(first_step(id, num_envs, side)))
        return 0
    console = rich.console.Console(stderr=json_, width=100)
    console.print(machine())
    shown = rich.table.Table(title=f"First step of {num_envs} copies", box=rich.box.SIMPLE)
    for name in ("", "arenas s", "jaxmarl s", "arenas / jaxmarl"):
        shown.add_column(name, justify="right" if name else "left", no_wrap=True)
    rows = []
    for id in envs:
        seconds: dict[str, list[float]] = {s: [] for s in SIDES}
        for _ in range(repeats):
            for name in SIDES:
                command = [sys.executable, __file__, "--envs", id, "--side", name]
                command += ["--num-envs", str(num_envs)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(done.stderr.strip(), file=sys.stderr)
                    return done.returncode
                seconds[name].append(json.loads(done.stdout.splitlines()[-1]))
        row = Row(id, *(statistics.median(seconds[s]) for s in SIDES))
        rows.append(dataclasses.asdict(row) | {"ratio": row.ratio})
        shown.add_row(id, f"{row.arenas:.1f}", f"{row.jaxmarl:.1f}", f"{row.ratio:.2f}")
    console.print(shown)
    if json_:
        print(json.dumps({"machine": machine(), "num_envs": num_envs, "results": rows}, indent=1))
    return 0


@dataclasses.dataclass
class Row:
    """Medians of one environment, in seconds."""

    id: str
    arenas: float
    jaxmarl: float

    @property
    def ratio(self) -> float:
        """Arenas' share of JaxMARL's time."""
        return self.arenas / self.jaxmarl


if __name__ == "__main__":
    command(main)

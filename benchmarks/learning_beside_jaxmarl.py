"""The learning curve of SMAX 3m beside JaxMARL's own, with the settings that JaxMARL publishes.

    python benchmarks/learning_beside_jaxmarl.py --jaxmarl PATH/TO/JaxMARL --out runs/beside

trains our IPPO, and JaxMARL's ``ippo_rnn_smax`` on its own environment, with the same settings but
for the number of steps, over which both lower the step size; a run for each seed and side, one
after the other. The curve is the share of battles won, and the return, among the episodes that end
in the course of training. Kept are ``OUT/curves.json``, after each run, and ``OUT/curves.png``; a
run that is in the file is not made again. How JaxMARL's scripts are found: train_speed.py --help.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np
import rich.console
import tyro
from timing import command, machine, table
from train_speed import GAMES, SCRIPTS, find, load, theirs

from arenas._files import make_folder, write_atomically
from arenas.agents.ppo.config import Config, resolve
from arenas.agents.ppo.records import METRICS
from arenas.agents.ppo.train import train
from arenas.interop.jaxmarl import import_jaxmarl

ENV = "smax-3m-v0"
SIDES = ("arenas", "jaxmarl")
POINTS = 20
"""The curve is shown as means over so many pieces of the training, of equal length."""

Curve = list[list[float]]
"""By update: environment steps, share of ended battles that were won, their mean return."""


def our_curve(config: Config, seed: int, folder: Path) -> Curve:
    """Train as ``arenas train`` does, and read what it wrote."""
    train(ENV, config, folder, seed=seed, resume=True)
    rows = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    # Its return is that of each seat, and all of a team have the same.
    return [[r["steps"], r["win_rate"], r["return"][0]] for r in rows if r["episodes"]]


def their_curve(config: Config, seed: int, scripts: Path) -> Curve:
    """Train by JaxMARL's script, and keep what it would log."""
    script = load(scripts / f"{SCRIPTS[ENV]}.py")
    logged: list[dict[str, Any]] = []
    script.wandb.log = lambda row: logged.append({k: np.asarray(v) for k, v in row.items()})
    run = jax.jit(theirs(ENV, config, config.updates, script, logging=True))
    jax.block_until_ready(run(jax.random.PRNGKey(seed)))
    jax.effects_barrier()
    rows = sorted(logged, key=lambda row: float(row["env_step"]))
    # It counts updates from 0, and logs after each.
    curve = [
        [float(r["env_step"]) + config.steps_per_update, float(r["win_rate"]), float(r["returns"])]
        for r in rows
    ]
    return [point for point in curve if not np.isnan(point[1])]


def pieces(curve: Curve, steps: int) -> np.ndarray:
    """Means over :data:`POINTS` pieces of the training: ``[pieces, 3]``, as in the curve."""
    x = np.array(curve)
    piece = np.minimum((x[:, 0] - 1) * POINTS // steps, POINTS - 1)
    return np.stack([x[piece == i].mean(0) for i in range(POINTS)])


def main(
    jaxmarl: Path | None = None,
    steps: int = 2_000_000,
    seeds: tuple[int, ...] = (0, 1, 2),
    sides: tuple[Literal["arenas", "jaxmarl"], ...] = SIDES,
    out: Path = Path("runs") / "beside",
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """The learning curve of SMAX 3m beside JaxMARL's own.

    Args:
        jaxmarl: a checkout of JaxMARL's repository.
        steps: of each run.
        seeds: of both sides.
        sides: which to train now; the curves are drawn once the file has all runs of both.
        out: folder that the curves are kept in.
        json_: print the curves' pieces as JSON.
    """
    scripts = find(jaxmarl)
    import_jaxmarl()
    config = resolve(ENV, GAMES[ENV], {"steps": steps, "evaluations": 1})
    steps = config.updates * config.steps_per_update
    file = make_folder(out) / "curves.json"
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"runs": {}}
    kept |= {"machine": machine(), "steps": steps, "settings": dataclasses.asdict(config)}
    for seed in seeds:
        for side in sides:
            name = f"{side}-{steps}-{seed}"
            if name in kept["runs"]:
                continue
            begun = time.perf_counter()
            if side == "arenas":
                curve = our_curve(config, seed, out / name)
            else:
                curve = their_curve(config, seed, scripts)
            seconds = time.perf_counter() - begun
            kept["runs"][name] = {"side": side, "seed": seed, "seconds": seconds, "curve": curve}
            write_atomically(file, json.dumps(kept) + "\n")
            print(f"{name}: {curve[-1][1]:.3f} won at the end, {seconds:.0f} s", flush=True)
    if missing := {f"{side}-{steps}-{s}" for s in seeds for side in SIDES} - set(kept["runs"]):
        print(f"not drawn: {file} has no {', '.join(sorted(missing))}")
        return
    found = {
        side: np.stack([pieces(kept["runs"][f"{side}-{steps}-{s}"]["curve"], steps) for s in seeds])
        for side in SIDES
    }
    draw(found, out / "curves.png")
    if json_:
        print(json.dumps({side: x.tolist() for side, x in found.items()}))
        return
    lines = table(
        f"{ENV}, {len(seeds)} seeds a side: battles won (return), mean and range of the seeds",
        ("steps", "arenas", "jaxmarl"),
    )
    for i in range(POINTS):
        cells = []
        for x in found.values():
            wins, returns = x[:, i, 1], x[:, i, 2]
            span = f"{wins.min():.3f} to {wins.max():.3f}"
            cells.append(f"{wins.mean():.3f} ({returns.mean():.3f}), {span}")
        lines.add_row(f"{found['arenas'][0, i, 0]:,.0f}", *cells)
    rich.console.Console(width=120).print(lines)


def draw(found: dict[str, np.ndarray], path: Path) -> None:
    """The curves of all seeds, and each side's mean."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    for axis, column, label in zip(axes, (1, 2), ("battles won", "return"), strict=True):
        for (side, x), color in zip(found.items(), ("#0072b2", "#d55e00"), strict=True):
            for each in x:
                axis.plot(each[:, 0], each[:, column], color=color, alpha=0.3, linewidth=1)
            axis.plot(x[0, :, 0], x[:, :, column].mean(0), color=color, linewidth=2, label=side)
        axis.set_xlabel("environment steps")
        axis.set_ylabel(label)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    command(main)

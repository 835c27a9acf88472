"""Proofs that the learner learns: each game's baseline, three seeds, against a bar set before.

    python benchmarks/learning.py --only smax-3m hanabi-very-small
    python benchmarks/learning.py --report

trains what is named (or all) into runs/proofs/NAME/SEED, judges the agent on fresh episodes, and
adds a line to docs/results/learning_runs.jsonl; a run that was interrupted goes on. ``--report``
writes the table and the curves of docs/results/learning.md from these lines, without training.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import command, machine

import arenas
from arenas._files import make_folder, write_atomically
from arenas.agents.ppo.config import PRESETS, resolve
from arenas.agents.ppo.evaluate import Evaluation
from arenas.agents.ppo.games import load_opponents
from arenas.agents.ppo.records import EVALUATIONS, METRICS
from arenas.agents.ppo.train import train
from arenas.cli import output
from arenas.errors import UnknownName

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # toys: the games of the tests

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "results"
LINES = DOCS / "learning_runs.jsonl"
FIRST_TEST_SEED = 4_000_000_000
"""Of the episodes that judge; neither training nor its evaluations see them."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """Something to be learnt.

    Attributes:
        name: of the proof.
        env: the environment.
        what: what is measured, for people.
        bar: what it must reach; None where the finding is that it is not learnt.
        judge: the measure, from the evaluation's result.
        given: hyper-parameters beside the preset.
        algorithm: ippo or mappo.
        judged_on: the environment that judges, where it is another than that of training.
        episodes: that judge.
        gpu: it takes a GPU, and is trained only where it is named.
    """

    name: str
    env: str
    what: str
    bar: float | None
    judge: Callable[[dict[str, Any]], float]
    given: dict[str, Any] = dataclasses.field(default_factory=dict)
    algorithm: str = "ippo"
    judged_on: str = ""
    episodes: int = 1000
    gpu: bool = False


def share_of(best: float) -> Callable[[dict[str, Any]], float]:
    """The mean return as a share of the best possible one."""
    return lambda result: result["return"] / best


def won(result: dict[str, Any]) -> float:
    """The share of episodes won."""
    return result["win_rate"]


BOTS = ("constant,action=2", "copy", "cycle", "beat-last", "frequency")
"""Each can be beaten in every throw but the first few, by who sees the joint throws."""

FAST_SMAX = {
    "network": "mlp",
    "layers": 2,
    "head": False,
    "hidden": 128,
    "num_envs": 256,
    "rollout": 32,
    "lr": 1e-3,
    "clip": 0.2,
    "minibatches": 4,
    "epochs": 4,
    "max_grad_norm": 0.5,
    "entropy": 0.03,
    "entropy_final": 0.001,
    "gae_lambda": 0.95,
    "greedy": False,
}
"""No memory, which costs most of JaxMARL's setting on a CPU, and more entropy at first."""

TINY = {"hidden": 32, "layers": 1, "num_envs": 64, "lr": 3e-3, "evaluations": 5}


@functools.cache
def astar_return(size: int) -> float:
    """The follower's mean return where colorgrid/astar holds both seats of the symmetric game."""
    env = f"colorgrid-v0,size={size},max_steps=128"
    played = arenas.play(env, ["colorgrid/astar"] * 2, episodes=200, seed=0, record=False)
    return float(np.mean([episode.returns[1] for episode in played]))


def share_of_astar(size: int) -> Callable[[dict[str, Any]], float]:
    """The follower's return, as a share of :func:`astar_return`."""
    return lambda result: result["return_by_seat"][1] / astar_return(size)


BEGIN, END = "<!-- learning.py: begin -->", "<!-- learning.py: end -->"

PROOFS = (
    *(
        Proof(
            f"rrps-{bot.split(',')[0]}",
            "rrps-v0",
            "return, as a share of 1,000 throws won",
            0.9,
            share_of(1000.0),
            {
                "opponents": (f"rrps/{bot}",),
                "eval_against": (f"rrps/{bot}",),
                "steps": 256_000,
                "evaluations": 4,
                "eval_episodes": 32,
            },
            episodes=100,
        )
        for bot in BOTS
    ),
    *(
        Proof(
            f"matrix-{game}",
            f"toys:Matrix,game={game}",
            f"return, as a share of {best:g}",
            1.0,
            share_of(best),
            TINY | {"steps": 64 * 8 * 60, "rollout": 8},
        )
        for game, best in (("dilemma", 1.0), ("coordination", 10.0))
    ),
    Proof(
        "nim",
        "toys:Nim,random_pile=False",
        "won against the perfect player, as a share of the half that can be",
        1.0,
        lambda result: 2 * result["win_rate"],
        TINY | {"steps": 64 * 32 * 100, "rollout": 32, "eval_against": ("toys:PerfectNim",)},
    ),
    Proof(
        "hanabi-very-small",
        "hanabi-very-small-lenient-v0",
        "score, as a share of 5; a lost game scores its fireworks",
        0.9,
        share_of(5.0),
        episodes=4000,
    ),
    Proof(
        "smax-3m", "smax-3m-v0", "won", 0.9, won, FAST_SMAX | {"steps": 8_000_000, "greedy": True}
    ),
    Proof("smax-2s3z", "smax-2s3z-v0", "won", 0.8, won, FAST_SMAX | {"steps": 3_000_000}),
    Proof("fightladder-cpu-3", "fightladder-v0", "rounds won against cpu-3", 0.8, won),
    *(
        Proof(
            f"colorgrid-{size}-{kind}",
            # A wrong block costs half of what the right one brings, so that to take one at random
            # neither pays nor costs: else all that is learnt at first is to stand by a wall.
            f"colorgrid-{variant}v0,size={size},max_steps=128,block_penalty_coef=0.5",
            "the follower's return, as a share of astar's in the symmetric game",
            bar,
            share_of_astar(size),
            {"evaluations": 5, "eval_episodes": 64, **settings},
            judged_on=f"colorgrid-{variant}v0,size={size},max_steps=128",
            episodes=256,
            gpu=size == 32,
        )
        for size, settings in (
            (8, {"steps": 2_000_000}),
            (32, {"steps": 8_000_000, "num_envs": 512, "window": 8}),
        )
        for kind, variant, bar in (("symmetric", "", 0.8), ("asymmetric", "asymmetric-", None))
    ),
    Proof(
        "fightladder-pixels",
        "fightladder-ladder-v0,level=3,observation_type=pixels",
        "matches of the best of three won against cpu-3, from pictures",
        0.8,
        won,
        PRESETS["fightladder-pixels-v0"]
        | {"steps": 10_000_000, "num_envs": 512, "rollout": 64, "evaluations": 3},
        gpu=True,
    ),
)


def judge(proof: Proof, seed: int, folder: Path) -> dict[str, Any]:
    """Train (or go on), and judge the agent as it is at the end on fresh episodes."""
    env = arenas.make(proof.env)
    game = env.spec.game if env.spec else ""
    config = resolve(env.spec.id if env.spec else "", game, proof.given)
    place = folder / proof.name / str(seed)
    shown = ["python", "benchmarks/learning.py", "--only", proof.name, "--seeds", str(seed)]
    with output.progress() as bar:
        task = bar.add_task(f"{proof.name}, seed {seed}", total=config.updates)
        [agent] = train(
            proof.env,
            config,
            place,
            algorithm=proof.algorithm,
            seed=seed,
            resume=True,
            command=shown,
            progress=lambda row: bar.update(task, completed=row["update"]),
        )
    names = config.eval_against or config.opponents
    if proof.judged_on:
        env = arenas.make(proof.judged_on)
    loaded: Any = arenas.load_agent(str(agent), env)
    evaluation = Evaluation(
        env, loaded, proof.episodes, load_opponents(env, names), config.sides, FIRST_TEST_SEED
    )
    result = evaluation(loaded.params)
    last = json.loads((place / METRICS).read_text().splitlines()[-1])
    curve = [json.loads(x) for x in (place / EVALUATIONS).read_text().splitlines()]
    return {
        "proof": proof.name,
        "seed": seed,
        "value": proof.judge(result),
        "result": result,
        "steps": last["steps"],
        "seconds": last["seconds"],
        "machine": machine(),
        "curve": [[row["steps"], proof.judge(row)] for row in curve],
        "command": " ".join(shown),
    }


def read() -> dict[tuple[str, int], dict[str, Any]]:
    """The newest line of each proof and seed."""
    rows = [json.loads(x) for x in LINES.read_text().splitlines()] if LINES.exists() else []
    return {(row["proof"], row["seed"]): row for row in rows}


def main(
    only: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0, 1, 2),
    out: Path = ROOT / "runs" / "proofs",
    report: bool = False,
) -> int:
    """Train what is named, and keep the results.

    Args:
        only: names of proofs; all that need no GPU by default.
        seeds: of the training runs.
        out: where the runs lie.
        report: write the table and curves from what is kept, and train nothing.
    """
    known = {proof.name: proof for proof in PROOFS}
    for name in only:
        if name not in known:
            raise UnknownName("proof", name, known)
    if not report:
        make_folder(out)
        for proof in [known[n] for n in only] or [p for p in PROOFS if not p.gpu]:
            for seed in seeds:
                row = judge(proof, seed, out)
                kept = read() | {(proof.name, seed): row}
                write_atomically(LINES, "".join(json.dumps(x) + "\n" for x in kept.values()))
                print(f"{proof.name} seed {seed}: {row['value']:.3f} in {row['seconds']:.0f} s")
    rows = read()
    write_section(rows)
    draw(rows)
    failed = [
        f"{name} seed {seed}"
        for (name, seed), row in rows.items()
        if (bar := known[name].bar) is not None and row["value"] < bar
    ]
    if failed:
        print(f"under their bar: {', '.join(failed)}")
    return 1 if failed else 0


def write_section(rows: dict[tuple[str, int], dict[str, Any]]) -> None:
    """The table in docs/results/learning.md, between its marks."""
    lines = [
        "| proof | environment | measure | bar | seeds' values | steps | seconds each |",
        "|:--|:--|:--|--:|:--|--:|:--|",
    ]
    for proof in PROOFS:
        mine = [row for (name, _), row in sorted(rows.items()) if name == proof.name]
        if not mine:
            continue
        values = ", ".join(f"{row['value']:.3f}" for row in mine)
        seconds = ", ".join(f"{row['seconds']:,.0f}" for row in mine)
        steps = " / ".join(dict.fromkeys(f"{row['steps']:,}" for row in mine))
        bar = "–" if proof.bar is None else f"{proof.bar:g}"
        lines.append(
            f"| {proof.name} | `{proof.env}` | {proof.what} | {bar} | {values} | "
            f"{steps} | {seconds} |"
        )
    page = DOCS / "learning.md"
    text = page.read_text() if page.exists() else "# Learning\n"
    if BEGIN not in text:
        text += f"\n## What is learnt\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join(lines)
    write_atomically(page, f"{before}{BEGIN}\n\n{table}\n\n![curves](learning.png)\n\n{END}{after}")


def draw(rows: dict[tuple[str, int], dict[str, Any]]) -> None:
    """The curves of the evaluations in the course of training, a panel for each proof."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    shown = [p for p in PROOFS if any(name == p.name for name, _ in rows)]
    columns = 4
    height = -(-len(shown) // columns)
    figure, axes = plt.subplots(height, columns, figsize=(14, 2.6 * height), squeeze=False)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    for axis, proof in zip(axes.flat, shown, strict=False):
        for (name, seed), row in sorted(rows.items()):
            if name == proof.name:
                x, y = zip(*row["curve"], strict=True)
                axis.plot(x, y, marker=".", label=f"seed {seed}")
        if proof.bar is not None:
            axis.axhline(proof.bar, color="grey", linestyle=":", label="bar")
        axis.set_title(proof.name, fontsize=10)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        low, high = axis.get_ylim()
        axis.set_ylim(min(0, low), max(1, high))
    axes[0, 0].legend(fontsize=8)
    figure.supxlabel("environment steps", fontsize=9)
    figure.tight_layout()
    figure.savefig(DOCS / "learning.png", dpi=90)


if __name__ == "__main__":
    command(main)

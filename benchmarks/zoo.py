"""Put a trained agent into the zoo that ships with the package, judged on fresh episodes.

    python benchmarks/zoo.py --name smax-3m --run runs/3m
    python benchmarks/zoo.py --name fightladder --run runs/fight --against fightladder/cpu-5

copies the run's agent to arenas/agents/zoo/NAME, and writes the result into its card. ``--half``
keeps parameters in half precision, and judges them so.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from timing import command, machine, share_interval

import arenas
from arenas._files import make_folder, write_atomically
from arenas.agents import zoo
from arenas.agents.ppo.evaluate import Evaluation
from arenas.agents.ppo.export import CARD, PARAMS
from arenas.agents.ppo.games import load_opponents
from arenas.agents.ppo.records import read_settings
from arenas.errors import BadArgument
from arenas.evaluation.seeds import first_episode

FIRST_SEED = first_episode("test")
LARGEST = 500_000
"""Bytes of parameters; the zoo is meant to stay small."""


def interval(result: dict[str, Any]) -> list[float]:
    """95 % interval: of the share won by Wilson's score, else of the mean return."""
    if result["win_rate"] is not None:
        return list(share_interval(result["win_rate"], result["episodes"]))
    half = 1.96 * result["return_error"]
    return [result["return"] - half, result["return"] + half]


def main(
    name: str,
    run: Path,
    agent: str = "agent",
    env: str | None = None,
    against: tuple[str, ...] = (),
    episodes: int = 1000,
    half: bool = False,
) -> int:
    """Judge an agent and put it into the zoo.

    Args:
        name: in the zoo.
        run: folder of the training run.
        agent: which folder of it: agent (as it was at the end) or best.
        env: where it is judged; by default, where it was trained.
        against: whom it meets; by default, itself in all seats.
        episodes: that judge it.
        half: keep parameters in half precision.
    """
    env_id = env or read_settings(run)["environment"]
    game = arenas.make(env_id)
    source = run / agent
    params = (source / PARAMS).read_bytes()
    if half:
        arrays = safetensors.numpy.load(params)
        params = safetensors.numpy.save({n: x.astype(np.float16) for n, x in arrays.items()})
    if len(params) > LARGEST:
        raise BadArgument(f"{source} has {len(params):,} bytes; accepted are at most {LARGEST:,}")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        (kept / PARAMS).write_bytes(params)
        shutil.copyfile(source / CARD, kept / CARD)
        loaded: Any = arenas.load_agent(str(kept), game)
    opponents = load_opponents(game, against)
    result = Evaluation(game, loaded, episodes, opponents, first_seed=FIRST_SEED)(loaded.params)
    low, high = interval(result)
    if result["win_rate"] is None:
        words = f"return {result['return']:.4g} ({low:.4g} to {high:.4g})"
    else:
        words = f"wins {result['win_rate']:.1%} ({low:.1%} to {high:.1%})"
    words += f" of {result['episodes']} episodes" if result["win_rate"] is not None else ""
    words += f" against {', '.join(against)}" if against else ""
    card = json.loads((source / CARD).read_text())
    card["training"]["judged"] = {
        "environment": env_id,
        "against": list(against),
        "first_seed": FIRST_SEED,
        "interval": [low, high],
        "machine": machine(),
        "words": words,
        **result,
    }
    place = make_folder(zoo.FOLDER / name)
    write_atomically(place / PARAMS, params)
    write_atomically(place / CARD, json.dumps(card, indent=2) + "\n")
    print(f"zoo/{name}: {words}")
    return 0


if __name__ == "__main__":
    command(main)

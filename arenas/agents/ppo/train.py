"""A training run: a folder with its configuration, metrics, and the exported agent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import arenas
from arenas._files import make_folder, write_atomically
from arenas.agents.ppo import export
from arenas.agents.ppo.config import Algorithm, Config, to_json
from arenas.agents.ppo.learner import Learner
from arenas.errors import BadArgument


def train(
    env_id: str,
    config: Config,
    folder: str | os.PathLike[str],
    *,
    algorithm: Algorithm = "ippo",
    seed: int = 0,
    command: Sequence[str] = (),
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Train, and export the agent; interrupted by Ctrl-C, export what was learnt so far.

    Args:
        env_id: the environment, such as ``smax-3m-v0``.
        config: hyper-parameters.
        folder: new or empty; gets ``config.json``, ``metrics.jsonl`` (a line for each update) and
            ``agent/``.
        algorithm: ``ippo`` or ``mappo``.
        seed: the same seed gives the same agent, on CPU bit for bit.
        command: kept in the agent's card.
        progress: told the metrics of each update.

    Returns:
        The exported agent's folder.

    Raises:
        BadArgument: the folder is in use; an environment or option that training does not accept.
        KeyboardInterrupt: after the export.
    """
    env = arenas.make(env_id)
    learner = Learner(env, config, algorithm)
    place = make_folder(folder)
    if (place / "config.json").exists():
        raise BadArgument(f"{place} holds a run already; name another folder")
    run = {"environment": env_id, "algorithm": algorithm, "seed": seed, **to_json(config)}
    write_atomically(place / "config.json", json.dumps(run, indent=2) + "\n")
    state = jax.jit(learner.init)(jax.random.key(arenas.rollout.check_seed(seed)))
    done, interrupted, start = 0, False, time.monotonic()
    with (place / "metrics.jsonl").open("w", buffering=1) as lines:
        try:
            while done < config.updates:
                state, metrics = learner.run(state, 1)
                row = {n: _plain(x[0]) for n, x in jax.device_get(metrics).items()}
                done += 1
                seconds = time.monotonic() - start
                row |= {"update": done, "steps": done * config.steps_per_update}
                row["seconds"] = round(seconds, 3)
                lines.write(json.dumps(row) + "\n")
                if progress:
                    progress(row)
        except KeyboardInterrupt:
            interrupted = True
    training = {
        "command": " ".join(command),
        "algorithm": algorithm,
        "seed": seed,
        "steps": done * config.steps_per_update,
        "seconds": round(time.monotonic() - start, 1),
        "interrupted": interrupted,
        "config": to_json(config),
    }
    agent = export.save(
        place / "agent",
        env,
        learner.spec,
        state.params["policy"],
        greedy=config.greedy,
        training=training,
    )
    if interrupted:
        raise KeyboardInterrupt
    return agent


def _plain(x: Any) -> Any:
    return np.asarray(x, np.float64).round(6).tolist()

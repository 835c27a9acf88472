"""What a run's folder holds as JSON: its settings, and a line for each update and evaluation.

Importing this imports no jax.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arenas._files import write_atomically
from arenas.agents.ppo.config import Algorithm, Config, to_json
from arenas.errors import BadArgument, BadFile

CONFIG, METRICS, EVALUATIONS = "config.json", "metrics.jsonl", "evaluations.jsonl"


def settings(
    env_id: str, config: Config, algorithm: Algorithm, seed: int, seeds: int
) -> dict[str, Any]:
    """What ``config.json`` holds: all that decides what a run computes."""
    return {
        "environment": env_id,
        "algorithm": algorithm,
        "seed": seed,
        "seeds": seeds,
        **to_json(config),
    }


def read_settings(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What a run's ``config.json`` holds.

    Raises:
        BadFile: it is missing or damaged.
    """
    path = Path(folder) / CONFIG
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadFile(f"{path} is not the configuration of a run: {error}") from error
    if not isinstance(found, dict) or "environment" not in found:
        raise BadFile(f"{path} is not the configuration of a run")
    return found


def check_same(folder: Path, given: Mapping[str, Any]) -> None:
    """Raise unless a run was started with these settings.

    Raises:
        BadArgument: with others; names the first that differs.
        BadFile: what it was started with cannot be read.
    """
    # An earlier version knew fewer hyper-parameters; their defaults are what it did.
    stored = {**to_json(Config()), **read_settings(folder)}
    for name in {**stored, **given}:
        if stored.get(name) != given.get(name):
            raise BadArgument(
                f"{folder} was started with {name} = {stored.get(name)!r}, and {given.get(name)!r} "
                "is given; a run goes on with its own configuration"
            )


def rows(
    metrics: Mapping[str, np.ndarray],
    config: Config,
    seeds: Sequence[int],
    count: int,
    done: int,
    seconds: float,
) -> Iterator[dict[str, Any]]:
    """The metrics of each update and seed, as JSON holds them.

    Args:
        metrics: as :meth:`arenas.agents.ppo.learner.Learner.run` returns them.
        config: of the run.
        seeds: of the run.
        count: number of updates.
        done: updates made before.
        seconds: that training has taken so far.
    """
    for update in range(count):
        for i, seed in enumerate(seeds):
            pick = (i, update) if len(seeds) > 1 else (update,)
            row: dict[str, Any] = {"seed": seed, "update": done + update + 1}
            row |= {"steps": (done + update + 1) * config.steps_per_update}
            row["seconds"] = seconds
            for name, values in metrics.items():
                value = _plain(values[pick])
                if name.endswith("_against"):
                    value = dict(zip(config.opponents, value, strict=True))
                row[name] = value
            yield row


def _plain(x: Any) -> Any:
    """A number or list of numbers; None for what is no number."""
    if np.ndim(x):
        return [_plain(y) for y in x]
    return round(float(x), 6) if np.isfinite(x) else None


def last_evaluation(folder: Path, seed: int) -> dict[str, Any] | None:
    """The newest evaluation of a seed; None before the first."""
    found = [json.loads(x) for x in (folder / EVALUATIONS).read_text().splitlines()]
    mine = [r for r in found if r["seed"] == seed]
    return mine[-1] if mine else None


def forget_after(path: Path, update: int) -> None:
    """Drop the lines of updates after this one, which will be made again; and half a line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["update"] > update:
                continue
        except (ValueError, KeyError, TypeError):
            continue
        kept.append(line + "\n")
    write_atomically(path, "".join(kept))

"""The agents of training runs, and what they score on episodes that they never met."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import arenas
from arenas.agent import DeviceAgent
from arenas.env import Env
from arenas.errors import ArenasError, BadArgument, BadFile
from arenas.evaluation.schedule import seatings
from arenas.match import DeviceMatches, play

CARD = "agent.json"


def find_agents(pattern: str) -> list[Path]:
    """The exported agents that a path or pattern names, sorted.

    A run's folder stands for the agents in it as they were at its end: ``agent``, ``agent-SEED``.

    Raises:
        BadArgument: there is none.
    """
    found: list[Path] = []
    for name in sorted(glob.glob(pattern)) or [pattern]:
        inside = sorted(glob.glob(os.path.join(glob.escape(name), "agent*", CARD)))
        here = [os.path.join(name, CARD)] if os.path.isfile(os.path.join(name, CARD)) else inside
        found += [Path(card).parent for card in here]
    if not found:
        raise BadArgument(f"no exported agent at {pattern!r}: a folder with {CARD}, or a run's")
    return found


def read_card(agent: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``agent.json`` says.

    Raises:
        BadFile: it cannot be read.
    """
    path = Path(agent) / CARD
    try:
        card = json.loads(path.read_text())
        environment(card)
        dict(card["training"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile(f"{path} is not the card of an agent: {error!r}") from error
    return card


def environment(card: Mapping[str, Any]) -> str:
    """The environment that an agent was trained on, as :func:`arenas.make` takes it."""
    at = card["environment"]
    arguments = "".join(f",{k}={v}" for k, v in at["arguments"].items())
    return f"{at['id']}{arguments}"


def refuse_copies(algorithm: str, cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse two agents of one run: they are no two draws of what an algorithm gives.

    Raises:
        BadArgument: names them.
    """
    seen: dict[tuple[str, Any], str] = {}
    for agent, card in cards.items():
        key = (environment(card), card["training"].get("seed"))
        if key[1] is not None and key in seen:
            raise BadArgument(
                f"{algorithm}: {seen[key]} and {agent} were both trained with seed {key[1]} on "
                f"{key[0]}; give one agent of each run"
            )
        seen[key] = agent


def score_agents(
    env_name: str,
    agents: Sequence[str | os.PathLike[str]],
    opponents: Sequence[str],
    seeds: range,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Mean returns of agents, each by itself or against given opponents.

    All agents play the same episodes: the same seeds, and against an opponent every seating.

    Args:
        env_name: the environment.
        agents: folders.
        opponents: names of agents; without any, an agent holds all seats.
        seeds: of the episodes.
        progress: called with numbers of episodes.

    Returns:
        ``[len(agents), tasks]``: a task for each opponent, or one. Mean over the episodes and the
        agent's seats, as a share of the game's declared range of returns, from 0 to 1, where it
        declares one; else the return itself.

    Raises:
        ArenasError: an agent failed, or cannot play this environment.
    """
    env = arenas.make(env_name)
    tell = progress or (lambda _: None)
    mine = [arenas.load_agent(os.fspath(a), env) for a in agents]
    others = [arenas.load_agent(name, env) for name in opponents]
    tasks = [len(mine) + o for o in range(len(others))] or [None]
    players = [*mine, *others]
    rows = [
        (a, t, seats, seed)
        for a in range(len(mine))
        for t, other in enumerate(tasks)
        for seats in seatings(a, a if other is None else other, env.num_agents, env.teams)
        for seed in seeds
    ]
    if isinstance(env, Env) and all(isinstance(p, DeviceAgent) for p in players):
        matches = DeviceMatches(env, [p for p in players if isinstance(p, DeviceAgent)])
        episodes = matches.play(
            [seats for _, _, seats, _ in rows], [s for *_, s in rows], record=False, progress=tell
        )
    else:
        names = [*(os.fspath(a) for a in agents), *opponents]
        episodes = (_on_host(env_name, [names[i] for i in s], seed, tell) for _, _, s, seed in rows)
    sums, counts = np.zeros((len(mine), len(tasks))), np.zeros((len(mine), len(tasks)))
    for (a, t, seats, seed), episode in zip(rows, episodes, strict=True):
        if episode.returns is None:
            assert episode.forfeit is not None
            raise ArenasError(
                f"{episode.agents[episode.forfeit.seat]} failed in the episode with seed {seed}: "
                f"{episode.forfeit.reason}"
            )
        held = [r for r, who in zip(episode.returns, seats, strict=True) if who == a]
        sums[a, t] += np.mean(held)
        counts[a, t] += 1
    scores = sums / counts
    if env.return_range is None:
        return scores
    low, high = env.return_range
    return (scores - low) / (high - low)


def _on_host(env_name: str, names: Sequence[str], seed: int, tell: Callable[[float], None]) -> Any:
    [episode] = play(env_name, names, episodes=1, seed=seed, record=False)
    tell(1)
    return episode


def task_names(env_name: str, opponents: Sequence[str]) -> list[str]:
    """Names of the tasks that :func:`score_agents` scores."""
    return [f"{env_name} against {name}" for name in opponents] or [env_name]

"""``arenas match``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import tyro

import arenas
from arenas.cli import output
from arenas.errors import BadArgument


def command(
    env: tyro.conf.Positional[str],
    agents: tuple[str, ...],
    episodes: int = 1,
    seed: int = 0,
    record: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    policies: bool = False,
    move_timeout: float = 60.0,
    json: bool = False,
) -> None:
    """Play a match between agents, and record it.

    Args:
        env: the environment, such as rrps-v0 or colorgrid-v0,size=8.
        agents: one for each seat, in seat order, or one for each team in a game of teams.
        episodes: how many; their seeds count on from --seed.
        seed: of the first episode.
        record: write a replay to this file; with several episodes, to FILE with a number before
            its ending.
        policies: record the probabilities and values of agents that tell them, too; arenas replay
            shows them. Takes about twice the time of those agents.
        move_timeout: seconds that an agent may take to answer; 0 for no limit.
        json: print JSON.
    """
    from arenas.evaluation.workers import Task, Workers
    from arenas.match import Episode, by_seat
    from arenas.replay import Replay
    from arenas.rollout import check_seed

    check_seed(seed)
    if episodes < 1:
        raise BadArgument(f"--episodes is {episodes}; accepted are integers from 1")
    if policies and record is None:
        raise BadArgument("--policies needs --record FILE: it says what is recorded")
    if record is not None and not record.parent.is_dir():
        raise BadArgument(f"cannot write {record}: no folder {record.parent}")
    game = arenas.make(env)
    # In a game of teams, the first seats of the teams stand for all, where one agent holds a team.
    shown_seats = range(game.num_agents)
    if game.teams is not None and len(agents) == max(game.teams) + 1:
        shown_seats = [game.teams.index(team) for team in range(len(agents))]
    agents = by_seat(game, agents)
    for name in dict.fromkeys(agents):
        arenas.registry.resolve(arenas.registry.agents, name)
    tasks = [Task(i, agents, (seed + i) % 2**32, True, policies) for i in range(episodes)]
    played: dict[int, Episode] = {}
    with output.progress() as bar, Workers(env, {}, 1, move_timeout or None) as workers:
        shown = bar.add_task("playing", total=episodes)
        for task, episode in workers.run(tasks):
            played[task.number] = episode
            if record is not None and episode.actions is not None:
                Replay.of(episode).save(_numbered(record, task.number, episodes))
            bar.advance(shown)
    rows = [_row(played[i]) for i in range(episodes)]
    if json:
        output.print_json({"environment": env, "agents": list(agents), "episodes": rows})
        return
    lines = output.table(
        env,
        "seed",
        *(f"{game.agents[seat]}: {agents[seat]}" for seat in shown_seats),
        "steps",
        "end",
        right=("seed", "steps"),
    )
    for r in rows:
        returns = ["–" if r["returns"] is None else f"{r['returns'][i]:g}" for i in shown_seats]
        end = r["outcome"]
        if r["forfeit"]:
            end += f": {game.agents[r['forfeit']['seat']]}: {r['forfeit']['reason']}"
        lines.add_row(str(r["seed"]), *returns, str(r["length"]), end)
    console = output.console()
    console.print(lines)
    if record is not None:
        for i in range(episodes):
            path = _numbered(record, i, episodes)
            if played[i].actions is None:
                console.print(f"not recorded: {path} (its actions went with the agent's process)")
            else:
                console.print(f"recorded: {path}", highlight=False, markup=False)


def _numbered(path: Path, number: int, count: int) -> Path:
    return path if count == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def _row(episode: Any) -> dict[str, Any]:
    fields = ("seed", "returns", "length", "outcome", "forfeit", "checksum")
    whole = dataclasses.asdict(dataclasses.replace(episode, actions=None, policies=None))
    return {name: whole[name] for name in fields}

"""``arenas crossplay``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import tyro

from arenas.cli import EXIT_INTERRUPTED, output
from arenas.errors import BadArgument


def command(
    env: tyro.conf.Positional[str],
    agents: tuple[str, ...],
    partners: tuple[str, ...] = (),
    episodes: int = 100,
    seed: int = 0,
    jobs: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = None,
    move_timeout: float = 60.0,
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    json: bool = False,
) -> int:
    """Score cooperation: self-play against cross-play, and with held-out partners.

    Agents are those of independent training runs, such as the seeds of one command:

      arenas train ippo --env hanabi-very-small-v0 --seeds 4 --out runs/hanabi

      arenas crossplay hanabi-very-small-v0 --agents runs/hanabi/agent-*

      --partners hanabi/piers hanabi/iggi --episodes 500 --out results

    The gap says how much of the score in self-play rests on conventions that other runs do not
    share. All cells are played on the same seeds. Intervals are over agents: three or more are
    needed for that of the gap. Interrupted with --out, the same command plays what is missing.

    Args:
        env: the environment, such as hanabi-v0 or colorgrid-shared-asymmetric-v0.
        agents: names or folders, each once, of independent training runs.
        partners: agents that nobody trained with, each of which meets every agent.
        episodes: for each seating.
        seed: the same seed gives the same results.
        jobs: worker processes for agents that run on the host.
        move_timeout: seconds that an agent may take to answer; 0 for no limit.
        out: keep everything here: episodes.db, crossplay.json, CSV files, replays.
        json: print JSON.
    """
    from arenas._files import make_folder
    from arenas.evaluation.crossplay import CrossPlayMatches
    from arenas.evaluation.store import Store

    if move_timeout < 0:
        raise BadArgument(f"--move-timeout is {move_timeout}; accepted are seconds from 0")
    matches = CrossPlayMatches(
        env,
        agents,
        partners,
        episodes=episodes,
        seed=seed,
        jobs=jobs,
        move_timeout=move_timeout or None,
    )
    with tempfile.TemporaryDirectory(prefix="arenas-") as scratch:
        folder = make_folder(out if out is not None else scratch)
        with Store(os.fspath(folder / "episodes.db")) as rows:
            missing = matches.missing(rows)
            try:
                with output.progress() as bar:
                    total = matches.total
                    task = bar.add_task("playing", total=total, completed=total - missing)
                    matches.play(rows, lambda n: bar.advance(task, n))
            except KeyboardInterrupt:
                done = matches.total - matches.missing(rows)
                again = "the same command plays the rest" if out else "use --out to keep them"
                output.warn(f"interrupted: {done} of {matches.total} episodes played; {again}")
                return EXIT_INTERRUPTED
            results = matches.results(rows)
            files = matches.export(results, rows, folder) if out is not None else []
    if json:
        output.print_json(results.as_json())
        return 0
    _show(results, files, matches.ordered)
    return 0


def _show(results: Any, files: list[Path], ordered: bool) -> None:
    console = output.console()
    numbers = [str(i) for i in range(1, len(results.agents) + 1)]
    seats = ""
    if len(results.agents) > 1:
        seats = "row in the first seat, column in the second" if ordered else "in every seating"
    title = f"Cross-play: mean return, {results.settings['environment']}"
    lines = output.table(f"{title}; {seats}" if seats else title, "", "agent", *numbers)
    for number, name, row in zip(numbers, results.agents, results.matrix.tolist(), strict=True):
        lines.add_row(number, name, *map(output.number, row))
    console.print(lines)
    if results.partners:
        lines = output.table("Held-out partners", "partner", *numbers, "mean", "95 % interval")
        for p in results.partners:
            lines.add_row(
                p.name, *map(output.number, p.scores), output.number(p.score.mean), span(p.score)
            )
            for seat, scores in p.by_seat.items():
                lines.add_row(f"  as {seat}", *map(output.number, scores))
        console.print(lines)
    lines = output.table("", "", "mean", "95 % interval", right=("mean",))
    for name, score in (
        ("self-play", results.self_play),
        ("cross-play", results.cross_play),
        ("gap", results.gap),
        ("with held-out partners", results.with_partners),
    ):
        if score is not None:
            lines.add_row(name, output.number(score.mean), span(score))
    console.print(lines)
    if results.left_out:
        console.print(f"{results.left_out} episodes were left out: somebody forfeited.")
    if files:
        kept = ", ".join(map(str, files))
        console.print(f"Kept in: {kept}", markup=False, highlight=False)


def span(score: Any) -> str:
    """An interval in words; a dash where there is none."""
    if score.low is None:
        return "–"
    return f"{output.number(score.low)} to {output.number(score.high)}"

"""``arenas tournament``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from arenas.cli import EXIT_INTERRUPTED, output
from arenas.errors import ArenasError, BadArgument

WIDEST_TABLE = 16
"""A payoff table of more agents is left to the files."""


def command(
    env: tyro.conf.Positional[str],
    agents: tuple[str, ...],
    episodes: int = 10,
    schedule: Literal["round-robin", "swiss", "active"] = "round-robin",
    rounds: Annotated[
        int | None, tyro.conf.arg(help_behavior_hint="(default: log2 of the number of agents)")
    ] = None,
    width: Annotated[
        float | None,
        tyro.conf.arg(help_behavior_hint="(default: active a tenth of the field, others never)"),
    ] = None,
    seed: int = 0,
    backend: Literal["local", "ray"] = "local",
    jobs: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = None,
    move_timeout: float = 60.0,
    memory: float = 8.0,
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    store: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None,
    record: int = 1,
    report: bool = True,
    json: bool = False,
) -> int:
    """Play a tournament, and show standings with confidence intervals and the payoff table.

      arenas tournament rrps-v0 --agents rrps/greenberg rrps/copybot random --out results

      arenas tournament rrps-v0 --agents ... --schedule active --width 3 --out results

    In a round robin every pair of agents plays in every seating, itself included. Of a large field
    --schedule swiss lets agents of like scores meet, and --schedule active spends episodes where
    places are still uncertain; both show places with intervals, whomever an agent met.

    An agent that crashes, exits, gives an illegal action, exceeds --move-timeout or --memory
    forfeits that episode, and the tournament goes on. Interrupted and started again with the same
    arguments, it plays only what is missing; with more --episodes or --agents it goes on from what
    was played.

    Args:
        env: the environment, such as rrps-v0 or colorgrid-v0,size=8.
        agents: each once: names (see: arenas agents), or module:name of your own. One alone meets
            itself.
        episodes: for each seating of each pair (swiss: in each round; active: as in a round robin,
            which it never exceeds).
        schedule: who meets whom.
        rounds: of a Swiss tournament.
        width: stop once every agent's 95 % interval of places spans so many places or fewer.
        seed: the same seed gives the same results, whatever --jobs and --backend.
        backend: where agents of the host play: processes of this machine, or a Ray cluster
            (RAY_ADDRESS names it; else one is started here).
        jobs: worker processes for agents that run on the host.
        move_timeout: seconds that an agent may take to answer; 0 for no limit.
        memory: gigabytes that the agents in a worker process may allocate; 0 for no limit.
        out: keep every episode here: episodes.db (SQLite), CSV and JSON files, replays, and
            report.html to look at.
        store: keep the episodes in this database instead, PostgreSQL perhaps: an SQLAlchemy URL
            such as postgresql+psycopg://user@host/ladder. Several tournaments may write at once.
        record: keep a replay of the first so many episodes of each seating.
        report: the page in --out is made at the end; without, only by arenas report DIR.
        json: print JSON.
    """
    from arenas._files import make_folder
    from arenas.evaluation.store import Store
    from arenas.evaluation.tournament import Tournament

    if move_timeout < 0:
        raise BadArgument(f"--move-timeout is {move_timeout}; accepted are seconds from 0")
    if memory < 0:
        raise BadArgument(f"--memory is {memory}; accepted are gigabytes from 0")
    tournament = Tournament(
        env,
        agents,
        episodes=episodes,
        seed=seed,
        jobs=jobs,
        move_timeout=move_timeout or None,
        record=record,
        schedule=schedule,
        rounds=rounds,
        width=width,
        backend=backend,
        memory=memory or None,
    )
    with tempfile.TemporaryDirectory(prefix="arenas-") as scratch:
        folder = make_folder(out if out is not None else scratch)
        with Store(store or os.fspath(folder / "episodes.db")) as rows:
            played = len(tournament.played(rows))
            interrupted = False
            try:
                with output.progress() as bar:
                    task = bar.add_task("playing", total=tournament.most, completed=played)
                    tournament.play(rows, lambda n: bar.advance(task, n))
            except KeyboardInterrupt:
                interrupted = True
            results = tournament.results(rows)
            files = tournament.export(results, rows, folder) if out is not None else []
            if json:
                output.print_json(results.as_json())
            else:
                _show(results, tournament, files, rows.name)
        if out is not None and report and results.rows and not interrupted:
            _report(folder, store, quiet=json)
    if interrupted:
        kept = len(results.rows)
        again = "the same command plays the rest" if out or store else "use --out to keep them"
        output.warn(f"interrupted: {kept} of {kept + results.missing} episodes played; {again}")
        return EXIT_INTERRUPTED
    return 0


def _report(folder: Path, store: str | None, quiet: bool) -> None:
    """Make the page; whatever hinders it, what was played is kept."""
    from arenas.evaluation import report as reports

    try:
        with output.progress() as bar:
            bar.columns = (*bar.columns[:2], *bar.columns[3:])  # no count of episodes
            task = bar.add_task("reporting", total=1.0)
            made = reports.gather(folder, store, progress=lambda share: bar.advance(task, share))
        files = reports.write(made, folder)
    except ArenasError as error:
        output.warn(f"no report: {error}")
        return
    if not quiet:
        output.console().print(f"The report: {files[0]}", markup=False, highlight=False)


def _show(results: Any, tournament: Any, files: list[Path], store: str) -> None:
    console = output.console()
    contest = tournament.spec.kind == "competitive"
    columns = ["", "agent", "return", "±95 %", "self-play"]
    columns += ["won", "drawn", "lost"] if contest else []
    columns += ["episodes", "forfeits"]
    lines = output.table(
        f"Standings: {tournament.spec.id}", *columns, right=tuple(set(columns) - {"agent"})
    )
    for place, s in enumerate(results.standings, 1):
        contested = [str(s.wins), str(s.draws), str(s.losses)] if contest else []
        lines.add_row(
            str(place),
            s.agent,
            output.number(s.mean),
            output.number(s.half_width),
            output.number(s.self_play),
            *contested,
            str(s.episodes),
            str(s.forfeits),
        )
    console.print(lines)
    if results.places:
        _show_places(console, results)
    if any(s.half_width is None for s in results.standings):
        console.print("Intervals need two episodes or more of every pair.\n", style="dim")
    _show_payoffs(console, results, bool(files))
    if results.population:
        _show_population(console, results.population)
    for s in results.standings:
        if s.forfeits:
            reasons = {
                row.forfeit.reason
                for _, row in results.rows
                if row.forfeit and row.agents[row.forfeit.seat] == s.agent
            }
            first = sorted(reasons)[0]
            more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
            console.print(
                f"{s.agent} forfeited {s.forfeits}: {first}{more}", markup=False, highlight=False
            )
    if files:
        kept = [store, *(str(f) for f in files)]
        console.print("Kept in: " + ", ".join(kept), markup=False, highlight=False)


def _show_places(console: Any, results: Any) -> None:
    columns = ("", "strength", "places, 95 %")
    lines = output.table(
        "Places by strength (Bradley-Terry)", "", "agent", *columns[1:], right=columns
    )
    for place, p in enumerate(results.places, 1):
        lines.add_row(str(place), p.agent, f"{p.strength:+.0f}", f"{p.first}–{p.last}")
    console.print(lines)
    widest = max(p.last - p.first for p in results.places)
    width = results.settings["width"]
    if width is not None and widest > width and not results.missing:
        console.print(
            f"The widest interval spans {widest} places, not {width:g}: all episodes of the "
            "schedule were played; more --episodes narrow it.\n",
            style="dim",
        )


def _show_payoffs(console: Any, results: Any, in_files: bool) -> None:
    names = results.table.agents
    if len(names) > WIDEST_TABLE:
        where = "payoffs.csv" if in_files else "--json, or --out DIR"
        console.print(f"The payoff table of {len(names)} agents: see {where}.\n", style="dim")
        return
    order = [names.index(s.agent) for s in results.standings]
    numbers = [str(i) for i in range(1, len(names) + 1)]
    lines = output.table(
        "Payoffs: mean return of the row's agent against the column's",
        "",
        "agent",
        *numbers,
        right=("", *numbers),
    )
    for place, i in enumerate(order, 1):
        cells = [output.number(results.table.mean[i, j]) for j in order]
        lines.add_row(str(place), names[i], *cells)
    console.print(lines)


def _show_population(console: Any, population: list[dict[str, Any]]) -> None:
    metrics = ("PopReturn", "WithinPopExpl", "AggScore")
    lines = output.table(
        "Within this population, itself included",
        "",
        "agent",
        *metrics,
        "nemesis",
        right=("", *metrics),
    )
    for place, p in enumerate(population, 1):
        lines.add_row(str(place), p["agent"], *(output.number(p[m]) for m in metrics), p["nemesis"])
    console.print(lines)

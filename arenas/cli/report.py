"""``arenas report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from arenas.cli import output


def command(
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")],
    samples: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: all)")] = None,
    bootstrap: int = 200,
    seed: int = 0,
    store: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None,
    json: bool = False,
) -> int:
    """Make a tournament's report: a page to look at, and its tables as CSV, JSON and LaTeX.

      arenas tournament rrps-v0 --agents ... --out results    makes one at its end

      arenas report results                                   makes it again from the episodes

    DIR/report.html needs nothing else: standings with intervals, the payoff table, a sample replay
    of each pairing to watch in place, ratings side by side, alpha-Rank's graph, and how all of it
    was computed. What arenas exploit, crossplay and compare wrote with --out DIR/NAME is shown,
    too.

    Args:
        folder: what arenas tournament --out DIR made.
        samples: pairings whose sample replay is in the page, neighbours in the standings first; 0
            for none. All together have 8 MB, so that of many each is cut.
        bootstrap: samples for the intervals of ratings.
        seed: of the bootstrap.
        store: the tournament's --store, where it had one.
        json: print all numbers as JSON.
    """
    from arenas.evaluation import report as reports

    with output.progress() as bar:
        bar.columns = (*bar.columns[:2], *bar.columns[3:])  # no count of episodes
        task = bar.add_task("reporting", total=1.0)
        report = reports.gather(
            folder,
            store,
            samples=samples,
            bootstrap=bootstrap,
            seed=seed,
            progress=lambda share: bar.advance(task, share),
        )
    files = reports.write(report, folder)
    if json:
        output.print_json(report.as_json())
    else:
        console = output.console()
        console.print(f"The report: {files[0]}", markup=False, highlight=False)
        listed = ", ".join(f.name for f in files[1:])
        console.print(f"Beside it: {listed}", markup=False, highlight=False)
    return 0

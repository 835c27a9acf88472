"""What the subcommands print with: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from typing import Any

import rich.box
import rich.console
import rich.progress
import rich.status
import rich.table


def console() -> rich.console.Console:
    """Standard output. Piped, it is as wide as its content, so that no cell is cut."""
    if sys.stdout.isatty():
        return rich.console.Console()
    return rich.console.Console(width=10_000, soft_wrap=True)


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> rich.table.Table:
    """An empty table; ``right`` names the columns of numbers."""
    new = rich.table.Table(
        title=title or None, title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD
    )
    for column in columns:
        new.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return new


def print_json(value: Any) -> None:
    """One JSON value, indented."""
    print(json.dumps(value, indent=2))


def progress(unit: str = "episodes") -> rich.progress.Progress:
    """A bar with count and time left, on standard error; silent where that is no terminal."""
    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TextColumn("left"),
        rich.progress.TimeRemainingColumn(),
        console=rich.console.Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def working(what: str) -> rich.status.Status:
    """A sign that something goes on, on standard error; use it by ``with``."""
    return rich.console.Console(stderr=True).status(what)


def number(value: float | None) -> str:
    """A number in a few digits; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def warn(message: str) -> None:
    """A line on standard error."""
    print(f"arenas: {message}", file=sys.stderr)

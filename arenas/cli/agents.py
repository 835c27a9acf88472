"""``arenas agents``."""

from __future__ import annotations

from typing import Annotated, Any

import tyro

from arenas import registry
from arenas.cli import output


def command(
    env: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: all games)")] = "",
    search: str = "",
    json: bool = False,
) -> None:
    """List the agents.

    Args:
        env: show only those that play this environment.
        search: show only names and summaries that contain this.
        json: print JSON.
    """
    game = registry.resolve(registry.envs, env)[0].game if env else None
    rows: list[dict[str, Any]] = [
        {
            "name": s.name,
            "game": s.game,
            "runs_on": s.kind,
            "summary": s.summary,
            "paper": s.paper,
            "arguments": dict(s.kwargs),
        }
        for s in registry.agents.listed()
        if game is None or s.game in ("*", game)
    ]
    families = [
        {"prefix": f.prefix, "summary": f.summary}
        for f in registry.agents.families.values()
        if not f.listed and (game is None or f.prefix.startswith(f"{game}/"))
    ]
    rows = [r for r in rows if search.lower() in f"{r['name']} {r['summary']}".lower()]
    if json:
        output.print_json({"agents": rows, "families": families})
        return
    shown = output.table("Agents", "name", "plays", "runs on", "summary")
    for r in rows:
        shown.add_row(
            r["name"], "any game" if r["game"] == "*" else r["game"], r["runs_on"], r["summary"]
        )
    console = output.console()
    console.print(shown)
    for family in families:
        console.print(f"[bold]{family['prefix']}NAME[/bold]  {family['summary']}", highlight=False)

"""``arenas envs``."""

from __future__ import annotations

from typing import Any

from arenas import registry
from arenas.cli import output


def command(search: str = "", all: bool = False, json: bool = False) -> None:
    """List the environments.

    Args:
        search: show only ids, summaries and papers that contain this.
        all: also list every name of JaxMARL and OpenSpiel (imports them; some seconds).
        json: print JSON.
    """
    rows = [_row(spec) for spec in registry.envs.values()]
    families = [
        {"prefix": f.prefix, "summary": f.summary, **({"names": _names(f)} if all else {})}
        for f in registry.envs.families.values()
    ]
    rows = [r for r in rows if search.lower() in " ".join(map(str, r.values())).lower()]
    if json:
        output.print_json({"environments": rows, "families": families})
        return
    shown = output.table(
        "Environments", "id", "players", "kind", "moves", "horizon", "summary", right=("horizon",)
    )
    for r in rows:
        moves = "in turn" if r["turn_based"] else "at once"
        horizon = "" if r["horizon"] is None else f"{r['horizon']:,}"
        shown.add_row(r["id"], str(r["players"]), r["kind"], moves, horizon, r["summary"])
    console = output.console()
    console.print(shown)
    for family in families:
        console.print(f"[bold]{family['prefix']}NAME[/bold]  {family['summary']}", highlight=False)
        for name in family.get("names", []):
            if search.lower() in name.lower():
                console.print(f"  {family['prefix']}{name}", highlight=False, markup=False)
    console.print("\nMake one with arenas.make(id); papers and arguments: --json", highlight=False)


def _names(family: registry.Family) -> list[str]:
    return list(registry.load(family.names)())


def _row(spec: registry.EnvSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "game": spec.game,
        "players": spec.players,
        "kind": spec.kind,
        "turn_based": spec.turn_based,
        "horizon": spec.horizon,
        "summary": spec.summary,
        "paper": spec.paper,
        "arguments": dict(spec.kwargs),
    }

"""``arenas rank``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import tyro

from arenas.cli import output
from arenas.errors import BadArgument, UnknownName

DEFAULT = ("return", "elo", "alpharank", "popscore", "meanrank")

SIDE_BY_SIDE = 20
"""Of a larger field only so many agents are shown in one table; files and --json have all."""


def command(
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")],
    by: str = ",".join(DEFAULT),
    bootstrap: Annotated[
        int | None, tyro.conf.arg(help_behavior_hint="(default: what each rating needs)")
    ] = None,
    confidence: float = 0.95,
    seed: int = 0,
    alpha: float = math.inf,
    store: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None,
    explain: bool = False,
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    json: bool = False,
) -> None:
    """Rate the agents of a tournament, by several methods side by side, with intervals.

      arenas tournament rrps-v0 --agents rrps/greenberg rrps/copybot random --out results

      arenas rank results --by elo,alpharank,nash,popscore

    The ratings: elo, elo-return, openskill, alpharank, nash, popreturn, popexpl, popscore,
    meanrank, return. Rankings disagree by nature, since each answers a question of its own;
    --explain says which, and where each is from. Intervals are by bootstrap over episodes. Nash
    averaging needs an extra: pip install 'arenas[evaluation]'.

    Args:
        folder: what arenas tournament --out DIR made.
        by: ratings, with commas between them; or all.
        bootstrap: samples for the intervals; 0 for no intervals.
        confidence: of the intervals.
        seed: of the bootstrap.
        alpha: of alpharank: how surely the better agent takes the worse one's place.
        store: the tournament's --store, where it had one.
        explain: say what each rating means, with its settings and its source.
        csv: write all ratings to this file: rating, place, agent, value, lower, upper.
        json: print JSON.
    """
    from arenas._files import write_atomically
    from arenas.evaluation import payoffs
    from arenas.evaluation.ratings import METHODS, CannotRate, rate

    names = list(METHODS) if by == "all" else [n.strip() for n in by.split(",") if n.strip()]
    for name in names:
        if name not in METHODS:
            raise UnknownName("rating", name, METHODS)
    if not names:
        raise BadArgument(f"no ratings in {by!r}; accepted are {', '.join(METHODS)}")
    field = payoffs.load(folder, store)
    ratings, refused = [], {}
    with output.progress() as bar:
        bar.columns = (*bar.columns[:2], *bar.columns[3:])  # no count of episodes
        for name in dict.fromkeys(names):
            samples = METHODS[name].bootstrap if bootstrap is None else bootstrap
            task = bar.add_task(name, total=samples)
            settings = {"alpha": alpha} if name == "alpharank" else {}
            try:
                rating = rate(
                    field,
                    name,
                    bootstrap=bootstrap,
                    confidence=confidence,
                    seed=seed,
                    progress=lambda n, task=task: bar.advance(task, n),
                    **settings,
                )
            except CannotRate as error:
                refused[name] = str(error)
                continue
            ratings.append(rating)
    if not ratings:
        raise CannotRate("; ".join(dict.fromkeys(refused.values())))
    table = field.table()
    if csv is not None:
        write_atomically(csv, _csv(ratings))
    if json:
        output.print_json(_as_json(field, table, ratings, refused))
    else:
        _show(field, table, ratings, explain)
    for name, reason in refused.items():
        output.warn(f"{name} left out: {reason}")


def _as_json(field: Any, table: Any, ratings: list[Any], refused: dict[str, str]) -> Any:
    from arenas.evaluation.formats import plain

    return plain(
        {
            "environment": field.environment,
            "arguments": field.arguments,
            "episodes": len(field.unit),
            "ratings": [r.as_json() for r in ratings],
            "left_out": refused,
            "payoff": {
                **_cells(table),
                "variance_cut_by_pairing": table.variance_cut(),
                "by_seat": [_cells(t) for t in field.seat_tables()],
            },
        }
    )


def _cells(table: Any) -> dict[str, Any]:
    half = table.half_width()
    return {
        "agents": list(table.agents),
        "mean": table.mean.tolist(),
        "variance": table.variance.tolist(),
        "half_width": half.tolist(),
        "episodes": table.count.tolist(),
    }


def _csv(ratings: list[Any]) -> str:
    from arenas.evaluation.formats import csv_text

    return csv_text(
        ["rating", "place", "agent", "value", "lower", "upper"],
        [
            [r.by, place, row["agent"], row["value"], row["lower"], row["upper"]]
            for r in ratings
            for place, row in enumerate(r.rows(), 1)
        ],
    )


def _show(field: Any, table: Any, ratings: list[Any], explain: bool) -> None:
    console = output.console()
    arguments = "".join(f",{k}={v}" for k, v in field.arguments.items())
    title = f"Ratings: {field.environment}{arguments}, {len(field.unit)} episodes"
    columns = [r.by for r in ratings]
    lines = output.table(title, "", "agent", *columns, right=("", *columns))
    first = list(map(int, ratings[0].order()))
    for place, i in enumerate(first[:SIDE_BY_SIDE], 1):
        lines.add_row(str(place), field.agents[i], *(_cell(r, i) for r in ratings))
    console.print(lines)
    if len(first) > SIDE_BY_SIDE:
        console.print(
            f"The first {SIDE_BY_SIDE} of {len(first)} by {ratings[0].by}; --csv and --json have "
            "all.\n",
            style="dim",
        )
    cut = table.variance_cut()
    if cut is not None:
        change = "Variance that a pair's payoffs lose by seatings sharing their seed"
        console.print(f"{change}: {cut[0]:.0%} ± {cut[1]:.0%}.", highlight=False)
    notes = dict.fromkeys(f"{r.by}: {note}" for r in ratings for note in r.notes)
    for note in notes:
        console.print(note, highlight=False, markup=False)
    if explain:
        for r in ratings:
            console.print(f"\n{r.by}: {r.title}", style="bold", markup=False)
            settings = ", ".join(f"{k} {v}" for k, v in r.settings.items() if v is not None)
            for line in (r.explanation, f"{r.interval}. {settings}.", f"Source: {r.citation}."):
                console.print(line, highlight=False, markup=False)


def _cell(rating: Any, i: int) -> str:
    """The place by this rating, the value and its interval."""
    place = list(map(int, rating.order())).index(i) + 1
    text = output.number(float(rating.values[i]))
    if rating.lower[i] == rating.lower[i]:
        low, high = (output.number(float(x[i])) for x in (rating.lower, rating.upper))
        text += f" [{low}, {high}]"
    return f"{text} #{place}"

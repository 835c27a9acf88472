"""What the benchmarks share: the command line, the machine's name, and timing sides in turns."""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import rich.box
import rich.table
import tyro
from scipy import stats

from arenas import _machine
from arenas.errors import ArenasError


def machine() -> str:
    """What this runs on, and the versions of Python and JAX."""
    import jax

    return f"{_machine.machine()}, Python {platform.python_version()}, jax {jax.__version__}"


def table(title: str | None, names: Iterable[str]) -> rich.table.Table:
    """An empty table of numbers; the column without a name says whose they are."""
    empty = rich.table.Table(title=title, box=rich.box.SIMPLE, title_justify="left")
    for name in names:
        empty.add_column(name, justify="right" if name else "left", no_wrap=True)
    return empty


def print_json(results: Iterable[Any], **more: Any) -> None:
    """Results, which are dataclasses, with the machine's name and more JSON values."""
    rows = [dataclasses.asdict(r) for r in results]
    print(json.dumps({"machine": machine(), "results": rows, **more}, indent=1))


def share_interval(share: float, count: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of ``count`` cases (Wilson 1927).

    Written out, since scipy's takes whole numbers of successes, and a draw is a half.
    """
    z = float(stats.norm.ppf(0.975))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return middle - half, middle + half


def once(run: Callable[[], Any]) -> float:
    """Seconds of one call; ``run`` returns when its work is done."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turns(
    sides: Mapping[str, Callable[[], Any]], repeats: int, seconds: float
) -> dict[str, list[float]]:
    """Calls a second of each side, measured ``repeats`` times in alternating order.

    What disturbs the machine disturbs the sides alike: they take turns, the order is reversed from
    repeat to repeat, and each turn lasts at least ``seconds``.

    Args:
        sides: by name; each call returns when its work is done, and is warmed up already.
        repeats: turns of each side.
        seconds: least duration of a turn.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name in list(sides)[:: 1 if repeat % 2 == 0 else -1]:
            calls, spent = 0, 0.0
            while spent < seconds:
                spent += once(sides[name])
                calls += 1
            rates[name].append(calls / spent)
    return rates


def command(main: Callable[..., int | None]) -> None:
    """Run a script's ``main`` from the command line.

    Bad input exits with 2 and its reason, Ctrl-C that the script leaves to us with 130.
    """
    try:
        sys.exit(tyro.cli(main))
    except ArenasError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)

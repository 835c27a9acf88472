"""What the benchmarks share: the command line, the machine's name, and timing sides in turns."""

from __future__ import annotations

import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import tyro

from arenas.errors import ArenasError


def machine() -> str:
    """The processor, how many of its cores are ours, and the accelerator if JAX has one."""
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    text = f"{cores()}-core {model}, Python {platform.python_version()}"
    import jax

    devices = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    return f"{text}, jax {jax.__version__}" + (f", {', '.join(devices)}" if devices else "")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    """Run a benchmark's ``main`` from the command line; bad input exits with 2 and its reason."""
    try:
        sys.exit(tyro.cli(main))
    except ArenasError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

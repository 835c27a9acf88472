"""What constructors of games accept, and what they say of anything else.

Arguments that are checked here are typed as what is meant or ``Any``, so that the message for the
user comes from here, and not from a type checker while tests run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from arenas.env import require

Whole = int | Any
Number = float | Any
Flag = bool | Any
Choice = str | Any

LARGEST = 2**31 - 1


def is_whole(value: Any) -> bool:
    """An integer, Python's or NumPy's, and not a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole(name: str, value: Any, low: int, high: int = LARGEST) -> int:
    """``value``, if it is an integer from ``low`` to ``high``; else :class:`BadArgument`."""
    require(
        is_whole(value) and low <= value <= high,
        f"{name} is {value!r}; accepted are integers from {low} to {high}",
    )
    return int(value)


def number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """``value``, if it is a finite number from ``low`` to ``high``; else :class:`BadArgument`."""
    bounds = [f" from {low:g}"] * (low > -math.inf) + [f" up to {high:g}"] * (high < math.inf)
    given = isinstance(value, float | np.floating) or is_whole(value)
    require(
        bool(given and math.isfinite(value) and low <= value <= high),
        f"{name} is {value!r}; accepted are finite numbers{''.join(bounds)}",
    )
    return float(value)


def flag(name: str, value: Any) -> bool:
    """``value``, if it is True or False; else :class:`BadArgument`."""
    require(isinstance(value, bool), f"{name} is {value!r}; accepted are True and False")
    return value


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """``value``, if it is known; else :class:`BadArgument`."""
    accepted = ", ".join(map(repr, known))
    require(
        isinstance(value, str) and value in known,
        f"{name} is {value!r}; accepted are {accepted}",
    )
    return value

"""Evaluators: schedules, the store of what was played, tournaments, payoff tables, ratings."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arenas.evaluation.payoffs import Outcomes, PayoffTable, Standing
    from arenas.evaluation.ratings import Rating, rate
    from arenas.evaluation.store import Store
    from arenas.evaluation.tournament import Results, Tournament

_LAZY = {
    "Outcomes": "arenas.evaluation.payoffs",
    "PayoffTable": "arenas.evaluation.payoffs",
    "Standing": "arenas.evaluation.payoffs",
    "Rating": "arenas.evaluation.ratings",
    "rate": "arenas.evaluation.ratings",
    "Store": "arenas.evaluation.store",
    "Results": "arenas.evaluation.tournament",
    "Tournament": "arenas.evaluation.tournament",
}

__all__ = [
    "Outcomes",
    "PayoffTable",
    "Rating",
    "Results",
    "Standing",
    "Store",
    "Tournament",
    "rate",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that a worker process loads no statistics and no database.
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'arenas.evaluation' has no attribute {name!r}")

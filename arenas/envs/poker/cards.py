"""Dealing, by chance or as given."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from arenas.env import require


def dealt_cards(key: Any, given: Any, cards: int, dealt: int) -> Array:
    """The cards dealt, uint8 ``[dealt]``: the given ones, or others drawn from ``cards``."""
    if given is None:
        return jax.random.permutation(key, cards)[:dealt].astype(jnp.uint8)
    given = jnp.asarray(given)
    require(
        given.shape == (dealt,) and bool(jnp.issubdtype(given.dtype, jnp.integer)),
        f"deck has shape {given.shape} and dtype {given.dtype}; accepted are {dealt} integers",
    )
    return given.astype(jnp.uint8)


def given_cards(options: dict[str, Any], cards: int, dealt: int) -> dict[str, Any]:
    """The reset option ``deck`` on the host, checked.

    Raises:
        BadArgument: not ``dealt`` different cards of ``cards``.
    """
    if options.get("deck") is None:
        return {}
    given = np.asarray(options["deck"])
    require(
        given.shape == (dealt,)
        and given.dtype.kind in "iu"
        and len(set(given.tolist())) == dealt
        and set(given.tolist()) <= set(range(cards)),
        f"deck is {given.tolist()!r}; accepted are {dealt} different integers from 0 to "
        f"{cards - 1}",
    )
    return {"deck": given.astype(np.uint8)}

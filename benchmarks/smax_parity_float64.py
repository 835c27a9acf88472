"""smax_parity.py in float64: what is left of the differences when rounding is not.

    python benchmarks/smax_parity_float64.py

Both libraries name float32 and int32; here those names stand for the 64-bit types, which is
why this is a script of its own.
"""

from __future__ import annotations

import os

os.environ["JAX_ENABLE_X64"] = "1"

import gymnasium  # noqa: F401  (imported before the names change, as they are used there)
import jax.numpy as jnp
import jaxmarl  # noqa: F401
import jaxtyping  # noqa: F401
import numpy as np

np.float32 = np.float64  # type: ignore[misc]
jnp.float32, jnp.int32 = jnp.float64, jnp.int64

import smax_parity  # noqa: E402


def main(
    scenarios: tuple[str, ...] = ("8m", "25m", "27m_vs_30m"), parts: int = 4, seed: int = 0
) -> None:
    """Print the largest differences in each scenario.

    Args:
        scenarios: names.
        parts: each is 60 steps of as many battles as smax_parity.py plays side by side.
        seed: of everything.
    """
    for name in scenarios:
        copies = smax_parity.copies_of(name)
        found = [smax_parity.compare(name, copies, seed * 1000 + i) for i in range(parts)]
        steps = sum(f.position.size for f in found)
        position = max(f.position.max() for f in found)
        assert found[0].position.dtype == np.float64
        print(f"{name}: {steps:,} steps, positions differ by at most {position:.1e}", flush=True)


if __name__ == "__main__":
    from timing import command

    command(main)

"""Gradients of two 3×3 convolutions: the library's against one product of shifted images.

    python benchmarks/convolution_speed.py

The gradients are taken in a loop, as training takes them. On CPU that is what makes the difference.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import rich.console
from flax import nnx
from timing import command, in_turns, machine, table

from arenas.agents.ppo.networks import convolve


def loop(apply: Callable[[nnx.Conv, Any], Any], images: Any, steps: int) -> Callable[[], None]:
    """``steps`` steps of gradient descent in one compiled program, warmed up."""
    first = nnx.Conv(images.shape[-1], 16, (3, 3), rngs=nnx.Rngs(0))
    second = nnx.Conv(16, 32, (3, 3), rngs=nnx.Rngs(1))
    graph, params = nnx.split((first, second))

    def loss(params: Any) -> Any:
        a, b = nnx.merge(graph, params)
        return jnp.square(nnx.relu(apply(b, nnx.relu(apply(a, images))))).mean()

    def step(params: Any, _: None) -> Any:
        slope = jax.grad(loss)(params)
        return jax.tree.map(lambda p, s: p - 1e-3 * s, params, slope), None

    program = jax.jit(lambda params: jax.lax.scan(step, params, None, length=steps)[0])

    def run() -> None:
        jax.block_until_ready(program(params))

    run()
    return run


def main(
    images: int = 1024, size: int = 8, channels: int = 5, steps: int = 4, repeats: int = 3
) -> None:
    """Seconds of a loop of gradients.

    Args:
        images: in a batch.
        size: height and width.
        channels: of an image.
        steps: in one compiled loop.
        repeats: turns of each side.
    """
    batch = jax.random.normal(jax.random.key(0), (images, size, size, channels))
    sides = {"the library's": lambda layer, x: layer(x), "one product": convolve}
    runs = {name: loop(apply, batch, steps) for name, apply in sides.items()}
    rates = in_turns(runs, repeats, 0.01)
    numbers = table(f"{steps} gradients of {images} images", ("", "seconds", "shortest", "longest"))
    for name, values in rates.items():
        seconds = [1 / v for v in values]
        shown = (statistics.median(seconds), min(seconds), max(seconds))
        numbers.add_row(name, *(f"{x:.2f}" for x in shown))
    console = rich.console.Console(width=100)
    console.print(machine())
    console.print(numbers)


if __name__ == "__main__":
    command(main)

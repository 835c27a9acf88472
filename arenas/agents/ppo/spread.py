"""One run's work on several devices: copies of the environment and decisions are divided.

Each device steps its part of the copies and computes the gradient of its part of every minibatch;
parameters are on all of them, and gradients are added up. What is computed is what one device
would compute, up to the rounding of sums. Source: data parallelism as in Hessel et al. 2021,
"Podracer architectures for scalable Reinforcement Learning" (arXiv 2104.06272), with the
randomness of one device.

On a CPU the devices are threads of this process, which JAX makes when it starts. Two are faster
than one with two threads: the products of a recurrent cell's single steps are too small to divide.
"""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from arenas.errors import BadArgument

DEVICES = "devices"
"""Name of the axis of devices."""

FOREVER = 10**9
"""Seconds that devices wait for each other: who stops the process for a night wants it to go on.
XLA's CPU devices otherwise end the process after 40."""


def request(devices: int) -> None:
    """Ask JAX for so many CPU devices; without effect where it runs already."""
    if devices > 1:
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", devices)


def mesh(devices: int) -> Mesh | None:
    """The first so many devices; None for one alone.

    Raises:
        BadArgument: there are fewer.
    """
    if devices == 1:
        return None
    there = jax.devices()
    if len(there) < devices:
        kind = there[0].platform
        message = f"devices is {devices}; accepted here are at most {len(there)} ({kind})"
        if kind == "cpu":
            message += (
                "; jax.config.update('jax_num_cpu_devices', N) makes more on a CPU, before "
                "anything is computed"
            )
        raise BadArgument(message)
    return Mesh(np.array(there[:devices]), (DEVICES,))


def options(mesh: Mesh | None) -> dict[str, Any]:
    """For ``jax.jit``: how a program on these devices is compiled."""
    if mesh is None or mesh.devices.flat[0].platform != "cpu":
        return {}
    return {"compiler_options": {"xla_cpu_collective_call_terminate_timeout_seconds": FOREVER}}


def over(mesh: Mesh, x: Any, length: int, axis: int) -> NamedSharding:
    """Where an array lies: divided along ``axis`` where that has this length, else on all devices.

    Args:
        mesh: the devices.
        x: an array, or its shape and type.
        length: that is divided, where the devices do so evenly; 0: none.
        axis: of the array.
    """
    if length and length % mesh.size == 0 and x.ndim > axis and x.shape[axis] == length:
        return NamedSharding(mesh, PartitionSpec(*[None] * axis, DEVICES))
    return NamedSharding(mesh, PartitionSpec())

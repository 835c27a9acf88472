"""What this runs on, for records and benchmarks."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """How many cores are ours, the processor, and the accelerators if JAX has any."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    import jax

    devices = {d.device_kind for d in jax.devices() if d.platform != "cpu"}
    return ", ".join([f"{cores()}-core {model}", *sorted(devices)])


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

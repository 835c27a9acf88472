"""Types are checked while tests run, and compiled programs are kept between runs."""

import os
import pathlib

import pytest

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# By environment variables, so that commands and workers that tests start share the programs too.
# All are kept, however small: check_env runs hundreds of single operations without jit, each of
# which every process would compile for itself.
CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# XLA compiles in under half the processor time, and the programs of these tests run as fast: LLVM's
# first level instead of its third, and the older of two ways to make code of fused loops.
QUICK = (
    "--xla_backend_optimization_level=1",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_llvm_disable_expensive_passes=true",
)
os.environ["XLA_FLAGS"] = " ".join([*QUICK, os.environ.get("XLA_FLAGS", "")]).strip()

import checked  # noqa: E402

checked.install("arenas")


@pytest.fixture(autouse=True)
def _compiled_as_asked(request, monkeypatch):
    """``@pytest.mark.unoptimized``: compiled in half the time again, to programs that run slower.

    For tests whose programs run for a moment, and whose rule no rounding decides; with the commands
    that they start. ``unoptimized(False)`` takes one test out of a file that is marked.
    """
    marker = request.node.get_closest_marker("unoptimized")
    if marker is None or False in marker.args:
        yield
        return
    import jax

    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def pytest_configure(config):
    """Two workers share the cache: one may read what the other is writing, and compiles instead."""
    config.addinivalue_line(
        "filterwarnings", "ignore:Error reading persistent compilation cache entry:UserWarning"
    )

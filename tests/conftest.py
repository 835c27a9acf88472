"""Types are checked while tests run, and compiled programs are kept between runs."""

import os
import pathlib

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# By environment variables, so that commands and workers that tests start share the programs too.
# All are kept, however small: check_env runs hundreds of single operations without jit, each of
# which every process would compile for itself.
CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Two, as `arenas train --devices 2` makes them; what does not ask for the second does not notice.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")

# Most tests compile more than they run: LLVM's lowest level and the older of two ways to make code
# of fused loops take a quarter of the processor time, for programs that run up to three times as
# long. What XLA itself does to a program stays as users have it.
QUICK = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_llvm_disable_expensive_passes=true",
)
os.environ["XLA_FLAGS"] = " ".join([*QUICK, os.environ.get("XLA_FLAGS", "")]).strip()

import checked  # noqa: E402

checked.install("arenas")


def pytest_configure(config):
    """Two workers share the cache: one may read what the other is writing, and compiles instead."""
    config.addinivalue_line(
        "filterwarnings", "ignore:Error reading persistent compilation cache entry:UserWarning"
    )

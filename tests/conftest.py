"""Types are checked while tests run, and compiled programs are kept between runs."""

import os
import pathlib

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from jaxtyping import install_import_hook

install_import_hook("arenas", "beartype.beartype")

import jax  # noqa: E402  (after the hook)

CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "jax"
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

"""Importing is cheap, checked in fresh processes."""

import subprocess
import sys

import pytest

HEAVY = ("jax", "jaxmarl", "pyspiel", "pygame", "matplotlib", "numpy", "gymnasium", "sqlalchemy")


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_arenas_loads_no_heavy_library():
    assert not set(HEAVY) & modules_after("import arenas")


def test_looking_up_a_name_loads_no_heavy_library():
    loaded = modules_after("import arenas; arenas.registry.envs['rrps-v0']; dir(arenas)")
    assert not set(HEAVY) & loaded


@pytest.mark.parametrize(
    "args",
    [["--help"], ["--version"], ["envs"], ["agents"], ["envs", "--json"], ["match", "--help"]],
)
def test_the_light_commands_load_no_heavy_library(args):
    code = f"import arenas.cli\ntry: arenas.cli.main({args!r})\nexcept SystemExit: pass"
    assert not set(HEAVY) & modules_after(code)


def test_every_public_name_is_there():
    import arenas

    for name in arenas.__all__:
        assert getattr(arenas, name) is not None
    assert set(arenas.__all__) <= set(dir(arenas))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        arenas.nonsense  # noqa: B018

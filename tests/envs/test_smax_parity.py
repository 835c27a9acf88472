"""SMAX's step against JaxMARL's from the same states with the same draws, in reduced form.

The full run, over all scenarios, is benchmarks/smax_parity.py.
"""

import importlib.util
import pathlib

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "smax_parity.py"
spec = importlib.util.spec_from_file_location("smax_parity", SCRIPT)
assert spec
assert spec.loader
parity = importlib.util.module_from_spec(spec)
spec.loader.exec_module(parity)

CASES = {
    "2s3z": {},
    "5m_vs_6m": {"see_enemy_actions": False, "walls_cause_death": False},
    "smacv2_5_units": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_step_is_jaxmarls(name):
    found = parity.compare(name, copies=48, steps=50, **CASES[name])
    for what in ("health", "cooldown", "reward", "observation", "world_state"):
        tolerance = 2e-5 if what in ("observation", "world_state") else 1e-5
        assert getattr(found, what).max() <= tolerance, what
    # Where units crowd, pushing multiplies float32's rounding; one step in some thousands.
    assert (found.position > 1e-5).mean() < 1e-3
    assert found.position.max() < 1e-4
    assert not found.mask.any()
    assert not found.end.any()
    # What is set apart is little, and what is compared does happen.
    assert found.edge.mean() < 0.1
    assert found.wall.any() == CASES[name].get("walls_cause_death", True)
    assert np.isfinite(found.position).all()

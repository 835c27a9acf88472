"""Checkpoints: what was saved comes back bit for bit, and what is damaged is refused."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from arenas.agents.ppo.checkpoint import Checkpoints
from arenas.errors import BadFile


def state(number):
    return {
        "x": jnp.arange(5, dtype=jnp.float32) / 3 + number,
        "flags": jnp.array([True, False]),
        "small": jnp.int8(number),
        "empty": jnp.zeros((3, 0)),
        "key": jax.random.key(number),
        "keys": jax.random.split(jax.random.key(number), 3),
    }


def same(a, b):
    def one(x, y):
        assert x.dtype == y.dtype
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_array_equal(x, y)

    jax.tree.map(one, a, b)


def kept(folder):
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit())


def test_the_last_and_the_best_are_kept_and_the_last_comes_back_bit_for_bit(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last is None
        for update, score in ((1, 0.5), (2, 3.0), (3, 1.0), (4, None)):
            checkpoints.save(update, state(update), {"seconds": 0.1 * update}, score)
    assert kept(tmp_path) == [2, 4]
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last == 4
        checkpoints.save(4, state(9), {})  # there is one of this update already
        found, about = checkpoints.restore(state(0))
    same(found, state(4))
    assert about == {"seconds": 0.4}


def test_a_checkpoint_half_written_is_not_there(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1), {})
    half = tmp_path / "2.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "state").write_text("half")
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last == 1
        same(checkpoints.restore(state(0))[0], state(1))


def test_damaged_and_foreign_checkpoints_are_refused(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1), {})
        for other in ({**state(0), "x": jnp.zeros(6)}, {**state(0), "y": jnp.zeros(6)}):
            with pytest.raises(BadFile, match="does not fit this run: .* is another"):
                checkpoints.restore(other)
        for file in (tmp_path / "1" / "state").rglob("*"):
            if file.is_file():
                file.write_bytes(file.read_bytes()[:3])
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(BadFile, match="cannot be read"):
        checkpoints.restore(state(0))
    gc.collect()  # reads left hanging would complain here

"""Networks: the recurrent cell and its derivative against Flax's, and how observations are read."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import arenas
from arenas.agents.ppo import networks
from arenas.agents.ppo.config import resolve
from arenas.agents.ppo.learner import Learner
from arenas.agents.ppo.networks import GRU, convolve
from arenas.errors import BadArgument

STEPS, SEATS, FEATURES, HIDDEN = 7, 5, 3, 8
CELL = linen.GRUCell(HIDDEN)
GRAPH = nnx.split(GRU(FEATURES, HIDDEN, nnx.Rngs(0)))[0]
RNG = np.random.default_rng(2)


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


PARAMS = {
    "w": normal(FEATURES, 3 * HIDDEN),
    "u": normal(HIDDEN, 3 * HIDDEN),
    "b": normal(3 * HIDDEN),
    "b_n": normal(HIDDEN),
}
X, START = normal(STEPS, SEATS, FEATURES), normal(SEATS, HIDDEN)
FRESH, ACTING = RNG.random((STEPS, SEATS)) < 0.3, RNG.random((STEPS, SEATS)) < 0.7
# Every output has a weight of its own in the loss, so that no two derivatives can change places.
WEIGHTS = normal(SEATS, HIDDEN), normal(STEPS, SEATS, HIDDEN)


def ours(params: Any, x: Any, start: Any) -> Any:
    return nnx.merge(GRAPH, params)(x, start, FRESH, ACTING)


def flax_cell(params: Any, x: Any, start: Any) -> Any:
    """A plain loop over steps: Flax's cell from a state that is reset, and kept by who waits."""
    cell: dict[str, Any] = {}
    for i, gate in enumerate("rzn"):
        part = slice(i * HIDDEN, (i + 1) * HIDDEN)
        cell["i" + gate] = {"kernel": params["w"][:, part], "bias": params["b"][part]}
        cell["h" + gate] = {"kernel": params["u"][:, part]}
    cell["hn"]["bias"] = params["b_n"]
    h, every = start, []
    for t in range(STEPS):
        before = jnp.where(FRESH[t][:, None], 0.0, h)
        after = CELL.apply({"params": cell}, before, x[t])[0]
        every.append(after)
        h = jnp.where(ACTING[t][:, None], after, before)
    return h, jnp.stack(every)


def loss(outputs: Any) -> Any:
    return sum((w * jnp.sin(y)).sum() for w, y in zip(WEIGHTS, outputs, strict=True))


def slopes(unroll: Any) -> Any:
    return jax.jit(jax.grad(lambda *a: loss(unroll(*a)), argnums=(0, 1, 2)))(PARAMS, X, START)


def test_the_recurrent_unroll_is_flax_cell_step_by_step_reset_where_an_episode_begins():
    for mine, theirs in zip(ours(PARAMS, X, START), flax_cell(PARAMS, X, START), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_recurrent_derivative_is_automatic_differentiation_of_flax_cell():
    mine, theirs = slopes(ours), slopes(flax_cell)
    assert jax.tree.structure(mine) == jax.tree.structure(theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), mine, theirs)


@pytest.mark.parametrize("name", ["u", "b_n"])
def test_the_recurrent_derivative_is_the_change_of_the_loss_along_a_direction(name: str):
    way, step = normal(*PARAMS[name].shape), 1e-2
    ends = [loss(ours(PARAMS | {name: PARAMS[name] + s * way}, X, START)) for s in (step, -step)]
    slope = (slopes(ours)[0][name] * way).sum()
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), slope, rtol=2e-2)


def test_several_seeds_at_once_have_the_derivative_of_each():
    starts = jnp.stack([START, 2 * START])
    one = jax.grad(lambda s: loss(ours(PARAMS, X, s)))
    np.testing.assert_allclose(jax.vmap(one)(starts), np.stack([one(s) for s in starts]), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_convolution_by_one_product_is_that_of_the_library_and_so_is_its_derivative(stride):
    layer = nnx.Conv(3, 4, (3, 3), stride, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(4.0)
    x = jax.random.normal(jax.random.key(1), (2, 5, 4, 3))

    def loss(layer, x, apply):
        return jnp.sin(apply(layer, x)).sum()

    def by_product(layer, x):
        return convolve(layer, x, stride)

    np.testing.assert_allclose(by_product(layer, x), layer(x), atol=1e-5)
    ours, theirs = (
        nnx.grad(loss, argnums=(0, 1))(layer, x, apply) for apply in (by_product, lambda m, x: m(x))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours, theirs)


def test_a_centred_image_has_the_own_cell_in_the_middle_and_a_wall_around_the_grid():
    height, width, window = 3, 4, 2
    image = RNG.integers(1, 9, (2, height, width, 2)).astype(np.float32)
    own = np.zeros((2, height, width))
    own[0, 0, 3], own[1, 2, 1] = 1, 1
    seen = networks.centred(np.concatenate([image, own[..., None]], -1), np.eye(3)[2], window)
    for i, (y, x) in enumerate(((0, 3), (2, 1))):
        for dy in range(-window, window + 1):
            for dx in range(-window, window + 1):
                *planes, mine, wall = seen[i, window + dy, window + dx]
                row, column = y + dy, x + dx
                if 0 <= row < height and 0 <= column < width:
                    assert (planes == image[i, row, column]).all()
                    assert (mine, wall) == (dy == dx == 0, 0)
                else:
                    just_outside = -1 <= row <= height and -1 <= column <= width
                    assert not any(planes)
                    assert (mine, wall) == (0, just_outside)


def test_each_group_centres_on_the_plane_that_is_given_for_it():
    env = arenas.make("colorgrid-v0", size=6)
    assert isinstance(env, arenas.Env)
    config = resolve("", "", {"centre": (3, 4), "sharing": "separate", "num_envs": 2, "window": 1})
    learner = Learner(env, config)
    groups = jax.eval_shape(learner.init, jax.random.key(0)).groups
    assert len(groups) == 2
    places = [
        networks.build(learner.spec, jax.random.key(0), group)[1]["place"] for group in (0, 1)
    ]
    np.testing.assert_array_equal(places, [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])


@pytest.mark.parametrize("centre", [(3,), (3, 5), (-1, 4)])
def test_planes_to_centre_on_that_do_not_fit_are_refused(centre):
    env = arenas.make("colorgrid-v0", size=6)
    assert isinstance(env, arenas.Env)
    config = resolve("", "", {"centre": centre, "sharing": "separate"})
    with pytest.raises(BadArgument, match="accepted are none, or, .* 2 of its planes, .* 0 to 4"):
        Learner(env, config)


def test_three_numbers_of_a_goal_weigh_as_much_as_a_picture_at_first():
    """Orthogonal rows of one length: the goal's by themselves, whatever lies beside them."""
    leaves = networks.describe(arenas.make("colorgrid-v0").observation_space)
    spec = networks.Spec(leaves, 4, "mlp", 16, 1, False, ())
    kernel = networks.build(spec, jax.random.key(0))[1]["dense"][0]["kernel"]
    goal, picture = kernel[:3], kernel[3:]
    np.testing.assert_allclose(goal @ goal.T, 2 * np.eye(3), atol=1e-5)
    np.testing.assert_allclose(picture.T @ picture, 2 * np.eye(16), atol=1e-4)

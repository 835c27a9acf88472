"""Networks: an encoder of observations, an optional recurrent cell, and heads.

Written so that a whole rollout goes through in large matrix products: of the recurrent cell, only
the product with the hidden state runs step by step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from jaxtyping import Array, Bool, Float

from arenas.env import AnyArray
from arenas.errors import BadArgument, BadFile

orthogonal = nnx.initializers.orthogonal


@dataclasses.dataclass(frozen=True)
class Leaf:
    """How one array of an observation is read.

    Attributes:
        path: of the array in the observation's pytree, as JAX writes it.
        shape: of one seat's array.
        classes: number of values of an integer that becomes a one-hot; 0 for numbers as they are.
        scale: numbers are multiplied by this; 1/255 for bytes.
    """

    path: str
    shape: tuple[int, ...]
    classes: int = 0
    scale: float = 1.0

    @property
    def image(self) -> bool:
        """Whether convolutions read it."""
        return len(self.shape) == 3

    @property
    def planes(self) -> int:
        """Channels of an image."""
        return _channels_last(self.shape)[2]

    @property
    def size(self) -> int:
        """Numbers that it becomes, flat."""
        return int(np.prod(self.shape)) * (self.classes or 1)


def describe(space: gymnasium.Space[Any]) -> tuple[Leaf, ...]:
    """How observations of this space are read, in the order of JAX's leaves.

    Raises:
        BadArgument: a kind of space that networks do not read.
    """

    def tree(space: Any) -> Any:
        if isinstance(space, gymnasium.spaces.Dict):
            return {n: tree(s) for n, s in space.spaces.items()}
        if isinstance(space, gymnasium.spaces.Tuple):
            return tuple(tree(s) for s in space.spaces)
        return space

    def leaf(path: Any, space: Any) -> Leaf:
        where = jax.tree_util.keystr(path)
        if isinstance(space, Discrete):
            return Leaf(where, (), int(space.n))
        if isinstance(space, MultiDiscrete):
            return Leaf(where, space.shape, int(space.nvec.max()))
        if isinstance(space, Box | MultiBinary):
            is_bytes = isinstance(space, Box) and space.dtype == np.uint8 and space.high.max() > 31
            return Leaf(where, tuple(space.shape), 0, 1 / 255 if is_bytes else 1.0)
        raise BadArgument(f"networks do not read observations of {space}")

    spaces = jax.tree_util.tree_leaves_with_path(tree(space))
    return tuple(leaf(path, s) for path, s in spaces)


@dataclasses.dataclass(frozen=True)
class Spec:
    """Everything that decides a network's parameters; kept in an exported agent.

    Attributes:
        leaves: the observation.
        actions: number of actions; 0 for a network of values alone.
        kind: mlp, cnn or gru.
        hidden: width.
        layers: dense layers of the encoder.
        head: hidden layers before the policy and the value.
        channels: filters of each convolution.
        stride: cells from one place of a convolution to the next, the same for all.
        value: whether it has a value head.
        auxiliary: number of classes that a further head tells apart; 0 without one.
        centre: planes of images that hold a one in a single cell, the seat's own: one plane for
            each group of parameters. Images are shifted so that this cell lies in the middle.
            Empty: they are read as they are.
        window: cells that a centred image reaches to each side.
    """

    leaves: tuple[Leaf, ...]
    actions: int
    kind: str
    hidden: int
    layers: int
    head: bool
    channels: tuple[int, ...]
    value: bool = True
    auxiliary: int = 0
    centre: tuple[int, ...] = ()
    window: int = 7
    stride: int = 1

    @property
    def recurrent(self) -> bool:
        """Whether it has a memory."""
        return self.kind == "gru"

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(values: Any) -> Spec:
        """The inverse of :meth:`to_json`.

        Raises:
            BadFile: these are not the fields of a network.
        """
        try:
            leaves = tuple(
                Leaf(x["path"], tuple(x["shape"]), x["classes"], x["scale"])
                for x in values["leaves"]
            )
            rest = {n: v for n, v in values.items() if n != "leaves"}
            tuples = {n: tuple(rest[n]) for n in ("channels", "centre") if n in rest}
            return Spec(leaves=leaves, **{**rest, **tuples})
        except (KeyError, TypeError) as error:
            raise BadFile(f"the network is not described as expected: {error}") from error


class GRU(nnx.Module):
    """A gated recurrent unit, as Flax's ``GRUCell`` defines it, over whole sequences.

    Cho et al. 2014 (arXiv 1406.1078): ``r, z = sigmoid(W x + U h)``,
    ``n = tanh(W x + r (U h + b))``, ``h' = (1 − z) n + z h``.
    """

    def __init__(self, inputs: int, hidden: int, rngs: nnx.Rngs) -> None:
        self.hidden = hidden
        w = nnx.initializers.lecun_normal()(rngs.params(), (inputs, 3 * hidden))
        u = [orthogonal()(rngs.params(), (hidden, hidden)) for _ in range(3)]
        self.w, self.u = nnx.Param(w), nnx.Param(jnp.concatenate(u, axis=1))
        self.b, self.b_n = nnx.Param(jnp.zeros(3 * hidden)), nnx.Param(jnp.zeros(hidden))

    def __call__(
        self,
        x: Float[AnyArray, "steps seats features"],
        h: Float[AnyArray, "seats hidden"],
        fresh: Bool[AnyArray, "steps seats"],
        acting: Bool[AnyArray, "steps seats"],
    ) -> tuple[Array, Array]:
        """The last hidden state, and all, ``[T, M, H]``.

        Args:
            x: inputs.
            h: hidden state before the first step.
            fresh: the step's input is the first of a new episode: the state is reset before it.
            acting: elsewhere the state stays as it is.
        """
        seats, n = h.shape
        flat = x.reshape(-1, x.shape[-1])  # one large product, not one of every step
        w, b = _thirds(self.w[...]), _thirds(self.b[...])
        gates = tuple((flat @ w[i] + b[i]).reshape(-1, seats, n) for i in range(3))
        return _unroll(gates, jnp.asarray(h), self.u[...], self.b_n[...], fresh, acting)


def _thirds(x: Array) -> list[Array]:
    return jnp.split(x, 3, axis=-1)


def _states(
    gates: Any, h: Array, u: Array, b_n: Array, fresh: Any, acting: Any
) -> tuple[Array, Array, Any]:
    """The last hidden state, all, and what their derivative reads, each ``[T, M, H]``."""

    def step(h: Array, now: Any) -> Any:
        (gate_r, gate_z, gate_n), fresh, acting = now
        h = jnp.where(fresh[:, None], 0.0, h)
        inner_r, inner_z, inner_n = _thirds(h @ u)
        r = jax.nn.sigmoid(gate_r + inner_r)
        z = jax.nn.sigmoid(gate_z + inner_z)
        inner_n = inner_n + b_n
        new = jnp.tanh(gate_n + r * inner_n)
        after = new + z * (h - new)
        return jnp.where(acting[:, None], after, h), (after, (h, r, z, inner_n, new))

    last, (all_, read) = jax.lax.scan(step, h, (gates, fresh, acting))
    return last, all_, read


@jax.custom_vjp
def _unroll(
    gates: Any, h: Array, u: Array, b_n: Array, fresh: Any, acting: Any
) -> tuple[Array, Array]:
    """The recurrence, from the inputs' part of the three gates, ``[T, M, H]`` each.

    Its derivative is written out because automatic differentiation adds up that of ``u`` step by
    step, in small products: here it is one product after the scan, and the scan computes the
    gates' derivatives and that of the state only.
    """
    return _states(gates, h, u, b_n, fresh, acting)[:2]


def _unroll_forward(gates: Any, h: Array, u: Array, b_n: Array, fresh: Any, acting: Any) -> Any:
    last, all_, read = _states(gates, h, u, b_n, fresh, acting)
    return (last, all_), (read, u, fresh, acting)


def _unroll_backward(kept: Any, slopes: Any) -> Any:
    read, u, fresh, acting = kept
    # Three products instead of one of the gates side by side: putting them side by side at every
    # step costs more than it saves.
    back_r, back_z, back_n = (x.T for x in _thirds(u))

    def step(d_out: Array, now: Any) -> Any:
        d, (h, r, z, inner_n, new), fresh, acting = now
        goes_on = acting[:, None]
        d = d + jnp.where(goes_on, d_out, 0.0)
        d_n = d * (1.0 - z) * (1.0 - new * new)
        d_z = d * (h - new) * z * (1.0 - z)
        d_r = d_n * inner_n * r * (1.0 - r)
        d_inner = d_n * r
        d_h = d_r @ back_r + d_z @ back_z + d_inner @ back_n + d * z
        d_h = d_h + jnp.where(goes_on, 0.0, d_out)
        return jnp.where(fresh[:, None], 0.0, d_h), (d_r, d_z, d_n, d_inner)

    d_last, d_all = slopes
    d_h, (d_r, d_z, d_n, d_inner) = jax.lax.scan(
        step, d_last, (d_all, read, fresh, acting), reverse=True
    )
    states = read[0].reshape(-1, u.shape[0]).T
    d_u = [states @ x.reshape(-1, u.shape[0]) for x in (d_r, d_z, d_inner)]
    return (d_r, d_z, d_n), d_h, jnp.concatenate(d_u, axis=1), d_inner.sum((0, 1)), None, None


_unroll.defvjp(_unroll_forward, _unroll_backward)


class Outputs(nnx.Module):
    """The last layers of a policy or a value: one, or two with ``head``."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, scale: float, head: bool, rngs: nnx.Rngs
    ) -> None:
        self.inner = (
            nnx.Linear(inputs, hidden, kernel_init=orthogonal(2.0), rngs=rngs) if head else None
        )
        self.last = nnx.Linear(
            hidden if head else inputs, outputs, kernel_init=orthogonal(scale), rngs=rngs
        )

    def __call__(self, x: Array) -> Array:
        """``[..., outputs]``."""
        flat = x.reshape(-1, x.shape[-1])
        flat = self.last(flat if self.inner is None else nnx.relu(self.inner(flat)))
        return flat.reshape(*x.shape[:-1], -1)


def _by_part(parts: Sequence[int]) -> Any:
    """An initializer of the first layer, orthogonal for each array of the observation by itself.

    Beside a picture of a thousand numbers, the three of a goal would else hardly count, and nothing
    of what they decide together would be there to be strengthened.
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        keys = [key] if len(parts) == 1 else jax.random.split(key, len(parts))
        rows = [
            orthogonal(2**0.5)(k, (n, shape[1]), dtype) for k, n in zip(keys, parts, strict=True)
        ]
        return jnp.concatenate(rows)

    return init


class Network(nnx.Module):
    """A policy and a value, or one of them, of what a seat observes. See :class:`Spec`."""

    def __init__(self, spec: Spec, rngs: nnx.Rngs) -> None:
        self.spec = spec
        leaves = [_centred(x, spec) for x in spec.leaves]
        images = [x for x in leaves if x.image] if spec.kind != "mlp" else []
        parts = [x.size for x in leaves if x not in images]
        planes = [x.planes for x in spec.leaves if x.image]
        # Not learnt. It lies with the parameters because it is another for each group of them.
        self.place = nnx.Param(jnp.zeros(planes[0])) if spec.centre else None
        convolutions: list[Any] = []
        for leaf in images:
            height, width, channels = _channels_last(leaf.shape)
            stack = []
            for filters in spec.channels:
                init, stride = orthogonal(2**0.5), spec.stride
                stack.append(
                    nnx.Conv(channels, filters, (3, 3), stride, kernel_init=init, rngs=rngs)
                )
                channels = filters
                height, width = -(-height // stride), -(-width // stride)
            convolutions.append(nnx.List(stack))
            parts.append(height * width * channels)
        self.convolutions = nnx.List(convolutions)
        dense, size = [], sum(parts)
        for i in range(spec.layers):
            init = orthogonal(2**0.5) if i else _by_part(parts)
            dense.append(nnx.Linear(size, spec.hidden, kernel_init=init, rngs=rngs))
            size = spec.hidden
        self.dense = nnx.List(dense)
        self.gru = GRU(size, spec.hidden, rngs) if spec.recurrent else None
        size = spec.hidden if spec.recurrent else size

        def out(outputs: int, scale: float) -> Outputs | None:
            if not outputs:
                return None
            return Outputs(size, spec.hidden, outputs, scale, spec.head, rngs)

        self.policy = out(spec.actions, 0.01)
        self.value = out(int(spec.value), 1.0)
        self.auxiliary = out(spec.auxiliary, 1.0)

    def initial(self, seats: int) -> Array:
        """The memory at the start: ``[M, hidden]``, or ``[M, 0]`` without one."""
        return jnp.zeros((seats, self.spec.hidden if self.spec.recurrent else 0), jnp.float32)

    def __call__(
        self, observation: Any, memory: Array, fresh: Array, acting: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The memory afterwards; ``logits`` ``[T, M, K]``, ``value`` ``[T, M]`` and ``auxiliary``
        ``[T, M, classes]``, those that the network has.

        Args:
            observation: arrays ``[T, M, ...]``.
            memory: ``[M, H]`` before the first step.
            fresh: ``[T, M]``, the observation is the first of an episode.
            acting: ``[T, M]``, whose memory goes on.
        """
        x = self._encoded(observation, fresh.shape)
        if self.gru is not None:
            memory, x = self.gru(x, memory, fresh, acting)
        answers = {}
        if self.policy is not None:
            answers["logits"] = self.policy(x)
        if self.value is not None:
            answers["value"] = self.value(x)[..., 0]
        if self.auxiliary is not None:
            answers["auxiliary"] = self.auxiliary(x)
        return memory, answers

    def _encoded(self, observation: Any, batch: Sequence[int]) -> Array:
        flat, images = [], []
        arrays = jax.tree.leaves(observation)
        for leaf, array in zip(self.spec.leaves, arrays, strict=True):
            if leaf.classes:
                one_hot = jax.nn.one_hot(array, leaf.classes, dtype=jnp.float32)
                flat.append(one_hot.reshape(*batch, -1))
                continue
            array = jnp.asarray(array).astype(jnp.float32)
            array = array if leaf.scale == 1.0 else array * leaf.scale
            if leaf.image and (self.spec.kind != "mlp" or self.place is not None):
                first = _channels_last(leaf.shape) != leaf.shape
                array = jnp.moveaxis(array, -3, -1) if first else array
                if self.place is not None:
                    place = jax.lax.stop_gradient(self.place[...])
                    array = centred(array, place, self.spec.window)
            if leaf.image and self.spec.kind != "mlp":
                images.append(array)
            else:
                flat.append(array.reshape(*batch, -1))
        for image, stack in zip(images, self.convolutions, strict=True):
            y = image.reshape(-1, *image.shape[2:])
            for layer in stack:
                y = nnx.relu(convolve(layer, y, self.spec.stride))
            flat.append(y.reshape(*batch, -1))
        x = flat[0] if len(flat) == 1 else jnp.concatenate(flat, axis=-1)
        x = x.reshape(-1, x.shape[-1])  # one product of a matrix, not a batch of small ones
        for layer in self.dense:
            x = nnx.relu(layer(x))
        return x.reshape(*batch, -1)


def centred(
    image: Float[AnyArray, "*batch height width planes"],
    place: Float[AnyArray, " planes"],
    window: int,
) -> Float[Array, "*batch side side planes+1"]:
    """Images shifted so that one cell lies in the middle; ``side`` is ``2 window + 1``.

    Args:
        image: numbers.
        place: how much each plane counts in telling the cell: where their sum is largest.
        window: cells to each side of the middle.

    Returns:
        The same planes, 0 outside the image, and one more that is 1 in the cells just outside.
    """
    *batch, height, width, planes = image.shape
    flat = jnp.asarray(image).reshape(-1, height, width, planes)
    cell = jnp.argmax((flat @ place).reshape(-1, height * width), axis=1)
    padded = jnp.pad(flat, ((0, 0), (window, window), (window, window), (0, 0)))
    edge = jnp.pad(jnp.zeros((height, width)), 1, constant_values=1.0)
    wall = jnp.pad(edge, window - 1)
    side, wide = 2 * window + 1, width + 2 * window
    offsets = (jnp.arange(side)[:, None] * wide + jnp.arange(side)).reshape(-1)
    corner = cell // width * wide + cell % width
    where = corner[:, None] + offsets
    seen = jnp.take_along_axis(padded.reshape(len(flat), -1, planes), where[..., None], axis=1)
    seen = jnp.concatenate([seen, wall.reshape(-1)[where][..., None]], axis=-1)
    return seen.reshape(*batch, side, side, planes + 1)


def _centred(leaf: Leaf, spec: Spec) -> Leaf:
    """How the array is read after images were centred."""
    if not spec.centre or not leaf.image:
        return leaf
    side = 2 * spec.window + 1
    return dataclasses.replace(leaf, shape=(side, side, leaf.planes + 1))


def convolve(
    layer: nnx.Conv, x: Float[AnyArray, "images height width channels"], stride: int = 1
) -> Float[Array, "images rows columns filters"]:
    """What ``layer``, a 3×3 convolution with zeros around and this stride, answers.

    On CPU by one product with the nine shifted images side by side: inside a loop, as all of
    training is, XLA's own convolution on CPU and its derivatives took 32 times as long
    (``benchmarks/convolution_speed.py``; docs/results/learning.md).
    """
    if jax.default_backend() != "cpu" or layer.bias is None:
        return layer(jnp.asarray(x))
    images, height, width, channels = x.shape
    # As much before as after, or one more after: where XLA puts the zeros of a strided convolution.
    zeros = [max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in (height, width)]
    padded = jnp.pad(x, ((0, 0), *((n // 2, n - n // 2) for n in zeros), (0, 0)))
    rows, columns = -(-height // stride), -(-width // stride)

    def shifted(i: int, j: int) -> Array:
        bottom, right = i + stride * (rows - 1) + 1, j + stride * (columns - 1) + 1
        return padded[:, i:bottom:stride, j:right:stride]

    seen = jnp.concatenate([shifted(i, j) for i in range(3) for j in range(3)], axis=-1)
    y = seen.reshape(-1, 9 * channels) @ layer.kernel[...].reshape(9 * channels, -1)
    return (y + layer.bias[...]).reshape(images, rows, columns, -1)


def _channels_last(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``(height, width, channels)``: the channels are the shorter of the first and last axes."""
    a, b, c = shape
    return (b, c, a) if a < c else (a, b, c)


def build(spec: Spec, seed: Any, group: int = 0) -> tuple[Any, Any]:
    """The network's structure and fresh parameters, a dictionary of arrays.

    Args:
        spec: the network.
        seed: of the parameters.
        group: which of the groups of parameters they are; decides the plane of ``spec.centre``.
    """
    network = Network(spec, nnx.Rngs(params=seed))
    if network.place is not None:
        planes = network.place[...].shape[0]
        network.place[...] = jax.nn.one_hot(spec.centre[group], planes)
    graph, params = nnx.split(network)
    return graph, nnx.to_pure_dict(params)


def structure(spec: Spec) -> Any:
    """The network's structure alone; makes no parameters."""
    abstract = nnx.eval_shape(lambda: Network(spec, nnx.Rngs(params=0)))
    return nnx.split(abstract)[0]


def apply(
    graph: Any, params: Any, observation: Any, memory: Any, fresh: Any, acting: Any
) -> tuple[Any, dict[str, Any]]:
    """:meth:`Network.__call__` with these parameters."""
    return nnx.merge(graph, params)(observation, memory, fresh, acting)

"""Advantages and the objective of proximal policy optimisation, as pure functions.

Sources: Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage
Estimation" (arXiv 1506.02438); Schulman et al. 2017, "Proximal Policy Optimization Algorithms"
(arXiv 1707.06347). ``T`` steps of ``M`` seats (of all parallel environments).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from arenas.env import AnyArray


class Advantages(NamedTuple):
    """What the decisions of a rollout were worth.

    Attributes:
        advantage: ``[T, M]``; 0 where the seat did not act.
        target: ``[T, M]``, what the value should have been.
        weight: ``[T, M]``, 1 for decisions whose outcome is known, else 0.
    """

    advantage: Float[Array, "steps seats"]
    target: Float[Array, "steps seats"]
    weight: Float[Array, "steps seats"]


def advantages(
    reward: Float[AnyArray, "steps seats"],
    value: Float[AnyArray, "steps seats"],
    acting: Bool[AnyArray, "steps seats"],
    terminated: Bool[AnyArray, "steps seats"],
    truncated: Bool[AnyArray, "steps seats"],
    final_value: Float[AnyArray, "steps seats"],
    bootstrap: Bool[AnyArray, "steps seats"],
    last_value: Float[AnyArray, " seats"],
    last_acting: Bool[AnyArray, " seats"],
    gamma: float,
    gae_lambda: float,
) -> Advantages:
    r"""Generalised advantage estimation between a seat's own decisions.

    A seat that decides at step ``t`` and next at step ``u`` of the same episode earns
    :math:`R = \sum_{k=t}^{u-1} \gamma^{k-t} r_k`, and

    .. math:: \delta = R + \gamma^{u-t} V_u - V_t, \quad A_t = \delta + \gamma^{u-t} \lambda A_u

    where both act at every step, these are the usual formulas. After a termination ``V_u`` and
    ``A_u`` are 0; after a truncation ``V_u`` is ``final_value``, the value of the observation that
    the last step led to, and ``A_u`` is 0. A decision whose outcome is not known, because the
    rollout ended before the seat's next one, or because the episode was truncated where
    ``bootstrap`` is False, gets the weight 0.

    Args:
        reward: for the step made from here.
        value: of the observation that the seat decided on; not read where it did not act.
        acting: who decided.
        terminated: the step ended the episode by the rules.
        truncated: the step was the last before the limit.
        final_value: read where ``truncated`` and ``bootstrap``.
        bootstrap: whether ``final_value`` is to be believed.
        last_value: of the observation after the rollout; read where ``last_acting``.
        last_acting: who decides on it.
        gamma: discount per step.
        gae_lambda: 0 for one decision ahead, 1 for whole returns.
    """

    def step(
        later: tuple[Array, ...], now: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Advantages]:
        earned, next_value, next_advantage, known = later  # all discounted to the step after now
        reward, value, acting, terminated, truncated, final_value, bootstrap = now
        ended = terminated | truncated
        cut = truncated & ~terminated
        earned = jnp.where(ended, 0.0, earned)
        next_advantage = jnp.where(ended, 0.0, next_advantage)
        next_value = jnp.where(ended, jnp.where(cut & bootstrap, final_value, 0.0), next_value)
        known = jnp.where(ended, terminated | bootstrap, known)
        earned = reward + gamma * earned
        next_value = gamma * next_value
        next_advantage = gamma * next_advantage
        outcome = earned + next_value - value
        advantage = jnp.where(known, outcome + gae_lambda * next_advantage, 0.0)
        mine = Advantages(
            jnp.where(acting, advantage, 0.0), value + advantage, (acting & known) * 1.0
        )
        later = (
            jnp.where(acting, 0.0, earned),
            jnp.where(acting, value, next_value),
            jnp.where(acting, advantage, next_advantage),
            acting | known,
        )
        return later, mine

    zeros = jnp.zeros_like(jnp.asarray(last_value))
    start = (zeros, jnp.where(last_acting, last_value, 0.0), zeros, jnp.asarray(last_acting))
    steps: Any = (reward, value, acting, terminated, truncated, final_value, bootstrap)
    steps = tuple(jnp.asarray(x) for x in steps)
    return jax.lax.scan(step, start, steps, reverse=True, unroll=8)[1]


def masked_logits(
    logits: Float[AnyArray, "*batch actions"], action_mask: Bool[AnyArray, "*batch actions"]
) -> Float[Array, "*batch actions"]:
    """Logits in which illegal actions have probability 0, exactly, in float32."""
    return jnp.where(action_mask, logits, jnp.finfo(jnp.float32).min)


def log_probability(
    logits: Float[AnyArray, "*batch actions"], action: Int[AnyArray, "*batch"]
) -> Float[Array, "*batch"]:
    """Logarithm of the probability of ``action``, ``[...]``, under ``logits``, ``[..., K]``."""
    chosen = jnp.arange(logits.shape[-1]) == jnp.asarray(action)[..., None]
    # A sum over a one-hot instead of a gather, whose derivative is a scatter.
    picked = jnp.where(chosen, logits, 0.0).sum(-1)
    return picked - jax.nn.logsumexp(logits, axis=-1)


def entropy(logits: Float[AnyArray, "*batch actions"]) -> Float[Array, "*batch"]:
    """Entropy in nats of the distribution with these (masked) logits."""
    log_p = jax.nn.log_softmax(logits, axis=-1)
    p = jnp.exp(log_p)
    return -jnp.where(p > 0, p * log_p, 0.0).sum(-1)


def weighted_mean(
    x: Float[AnyArray, "*batch"], weight: Float[AnyArray, "*batch"], axis: str | None = None
) -> Array:
    """Mean of ``x`` where ``weight`` is 1; 0 where it is nowhere.

    Args:
        x: numbers.
        weight: 1 where they count, else 0.
        axis: of devices that the entries are divided among, as ``jax.shard_map`` names it; then
            this is the device's part of the mean over all, which is the sum of these parts.
    """
    count = jnp.asarray(weight).sum()
    count = count if axis is None else jax.lax.psum(count, axis)
    return (x * weight).sum() / jnp.maximum(count, 1.0)


def normalized(
    advantage: Float[AnyArray, "*batch"],
    weight: Float[AnyArray, "*batch"],
    axis: str | None = None,
) -> Float[Array, "*batch"]:
    """Advantages scaled to mean 0 and deviation 1 over the entries of weight 1, on all devices of
    ``axis``.
    """

    def mean(x: Array) -> Array:
        part = weighted_mean(x, weight, axis)
        return part if axis is None else jax.lax.psum(part, axis)

    centred = advantage - mean(jnp.asarray(advantage))
    deviation = jnp.sqrt(mean(jnp.square(centred)))
    return jnp.asarray(centred / (deviation + 1e-8))


class Losses(NamedTuple):
    """Parts of the objective, means over the decisions of a minibatch, or a device's part of these
    means; see :func:`weighted_mean`.
    """

    policy: Array
    value: Array
    entropy: Array
    kl: Array  # from the policy that played, estimated as mean(ratio − 1 − log ratio)
    clipped: Array  # share of decisions whose ratio was beyond the clip


def ppo(
    logits: Float[AnyArray, "*batch actions"],
    value: Float[AnyArray, "*batch"],
    action: Int[AnyArray, "*batch"],
    old_log_probability: Float[AnyArray, "*batch"],
    old_value: Float[AnyArray, "*batch"],
    advantage: Float[AnyArray, "*batch"],
    target: Float[AnyArray, "*batch"],
    weight: Float[AnyArray, "*batch"],
    clip: float,
    *,
    clip_value: bool,
    axis: str | None = None,
) -> Losses:
    """The clipped surrogate objective, the (clipped) value loss, and the entropy.

    Args:
        logits: masked, of the present parameters.
        value: of the present parameters.
        action: that was taken.
        old_log_probability: of it, when it was taken.
        old_value: when it was taken.
        advantage: normalised where that is wanted.
        target: of the value.
        weight: 1 where the entry counts, else 0.
        clip: epsilon.
        clip_value: take the worse of the value's loss and that of the value moved at most
            ``clip`` from the old one.
        axis: of devices that the decisions are divided among.
    """

    def mean(x: Array) -> Array:
        return weighted_mean(x, weight, axis)

    log_ratio = log_probability(logits, action) - old_log_probability
    # What does not count must not overflow either: 0 × inf is no number.
    log_ratio = jnp.where(jnp.asarray(weight) > 0, log_ratio, 0.0)
    ratio = jnp.exp(log_ratio)
    surrogate = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)
    error = jnp.square(value - target)
    if clip_value:
        near = old_value + jnp.clip(value - old_value, -clip, clip)
        error = jnp.maximum(error, jnp.square(near - target))
    return Losses(
        policy=-mean(surrogate),
        value=0.5 * mean(error),
        entropy=mean(entropy(logits)),
        kl=mean(ratio - 1.0 - log_ratio),
        clipped=mean((jnp.abs(ratio - 1.0) > clip) * 1.0),
    )


class Prediction(NamedTuple):
    """How well a head tells classes apart, means as in :class:`Losses`."""

    loss: Array  # cross-entropy in nats
    accuracy: Array  # share of decisions where the likeliest class is the true one


def prediction(
    logits: Float[AnyArray, "*batch classes"],
    truth: Int[AnyArray, "*batch"],
    weight: Float[AnyArray, "*batch"],
    axis: str | None = None,
) -> Prediction:
    """Cross-entropy and accuracy of ``logits``, ``[..., C]``, where ``weight`` is 1; ``axis`` as
    :func:`ppo` has it.
    """
    right = (jnp.asarray(logits).argmax(-1) == truth) * 1.0
    return Prediction(
        loss=-weighted_mean(log_probability(logits, truth), weight, axis),
        accuracy=weighted_mean(right, weight, axis),
    )

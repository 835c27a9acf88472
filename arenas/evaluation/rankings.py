"""Rankings of a payoff table by game theory: alpha-Rank and Nash averaging, OpenSpiel's and many
tables at once.
"""

from __future__ import annotations

import math

import numpy as np

from arenas.errors import ArenasError


class CannotRate(ArenasError, ValueError):
    """A method does not apply to this field, or not yet; says why."""


def alpha_rank(
    payoff: np.ndarray,
    alpha: float = math.inf,
    m: int = 50,
    epsilon: float = 0.01,
    selection: str = "local",
) -> np.ndarray:
    """``[n]``: the stationary distribution of one population's alpha-Rank, by OpenSpiel.

    Args:
        payoff: ``[n, n]``, mean return of the row agent against the column agent.
        alpha: intensity of selection; inf for its limit, in which the better always wins.
        m: size of the population; without effect at infinite alpha.
        epsilon: at infinite alpha, how often the worse agent takes over all the same.
        selection: ``local``, where fitness is the payoff against the other agent, or ``global``,
            where it is that against the whole population. Without effect at infinite alpha.

    Raises:
        CannotRate: OpenSpiel's numbers overflow or are not unique, as with a large finite alpha.
    """
    from open_spiel.python.egt import alpharank

    infinite = math.isinf(alpha)
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            _, _, mass, _, _ = alpharank.compute(
                [np.asarray(payoff, np.float64)],
                m=m,
                alpha=1 if infinite else alpha,  # type: ignore[arg-type]
                use_inf_alpha=infinite,
                inf_alpha_eps=epsilon,
                use_local_selection_model=selection == "local",
            )
    except ValueError as error:
        raise CannotRate(f"alpha-Rank at alpha={alpha:g}: {error}; give alpha=inf") from error
    if not np.isfinite(mass).all():
        raise CannotRate(f"alpha-Rank overflows at alpha={alpha:g}; give a smaller one, or inf")
    return np.asarray(mass)


def alpha_rank_batch(
    payoff: np.ndarray,
    alpha: float = math.inf,
    m: int = 50,
    epsilon: float = 0.01,
    selection: str = "local",
) -> np.ndarray:
    """``[B, n]``: :func:`alpha_rank` of many tables ``[B, n, n]`` at once, for the bootstrap.

    The same numbers as array arithmetic, about a thousand times as fast, and without overflow, so
    that any alpha is accepted. The stationary distribution is found by the elimination of
    Grassmann, Taksar and Heyman 1985, which subtracts nothing and so is exact for chains that are
    almost reducible.
    """
    n = payoff.shape[-1]
    mine = np.swapaxes(payoff, -1, -2)  # [s, r]: what r gets from s, as an intruder among s
    if math.isinf(alpha):
        same = np.isclose(mine, payoff, atol=1e-14)
        fixation = np.where(same, 0.5, np.where(mine > payoff, 1 - epsilon, epsilon))
    elif selection == "local":
        u = alpha * (mine - payoff)
        size = np.maximum(np.abs(u), 1e-300)
        up = np.expm1(-size) / np.expm1(-m * size)
        down = up * np.exp(np.maximum(-(m - 1) * size, -300))
        fixation = np.where(np.abs(u) <= 1e-14, 1 / m, np.where(u > 0, up, down))
    else:
        own = np.diagonal(payoff, axis1=-2, axis2=-1)
        # The sum over sizes of the product of ratios, in logarithms.
        total, product = np.zeros(payoff.shape), np.zeros(payoff.shape)
        for r in range(1, m):
            intruder = ((r - 1) * own[..., None, :] + (m - r) * mine) / (m - 1)
            resident = ((m - r - 1) * own[..., :, None] + r * payoff) / (m - 1)
            product = product - alpha * (intruder - resident)
            total = np.logaddexp(total, product)
        fixation = np.exp(np.maximum(-total, -300))
    chain = fixation * ~np.eye(n, dtype=bool) / (n - 1)
    for k in range(n - 1, 0, -1):
        leaves = chain[..., k, :k].sum(-1)[..., None]
        chain[..., :k, k] /= leaves
        chain[..., :k, :k] += chain[..., :k, k, None] * chain[..., k, None, :k]
    mass = np.zeros(payoff.shape[:-1])
    mass[..., 0] = 1
    for k in range(1, n):
        mass[..., k] = (mass[..., :k] * chain[..., :k, k]).sum(-1)
    return mass / mass.sum(-1, keepdims=True)


def nash_average(payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nash averaging of a payoff table, by OpenSpiel.

    Measured tables are not antisymmetric to the last digit, and games need not be zero-sum: what is
    averaged is half the difference of the two agents' payoffs, by the largest of them.

    OpenSpiel's solver of maximum entropy fails on one in a hundred tables whose equilibrium lies on
    an edge. There the equilibrium is that of a linear program; measured tables have only one.

    Args:
        payoff: ``[n, n]``, mean return of the row agent against the column agent; the diagonal is
            not read.

    Returns:
        The maximum-entropy Nash equilibrium ``[n]`` of the game of choosing an agent, and every
        agent's lead over it ``[n]``, in returns: half the expected difference.

    Raises:
        CannotRate: cvxpy is not installed.
    """
    try:
        from cvxpy.error import SolverError
    except ImportError as error:
        raise CannotRate("Nash averaging needs cvxpy: pip install 'arenas[evaluation]'") from error
    import pyspiel
    from open_spiel.python.algorithms.nash_averaging import nash_averaging

    lead, scale = _leads(np.asarray(payoff, np.float64))
    largest = scale.item()
    scaled = lead / largest
    try:
        mass, _ = nash_averaging(pyspiel.create_matrix_game(scaled, -scaled))
    except (SolverError, AttributeError):  # no solution has no reshape
        mass = _equilibrium(scaled)
    mass = np.maximum(np.asarray(mass, np.float64).ravel(), 0)
    mass /= mass.sum()
    values = lead @ mass
    return mass, np.where(np.abs(values) < 1e-6 * largest, 0.0, values)  # the solver's tolerance


def nash_average_batch(payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`nash_average` of many tables ``[B, n, n]``, for the bootstrap: ``[B, n]`` each.

    A table of noisy means has one equilibrium, which needs no entropy to be chosen. Those who play
    in it have a lead of 0 over it, which gives it once they are known: and that they are is seen
    from all others' leads, which are below 0. So a linear program is solved for few tables, and
    who plays there is tried on all. A table with several equilibria is left to OpenSpiel.
    """
    payoff, which = np.unique(payoff, axis=0, return_inverse=True)
    lead, largest = _leads(payoff)
    scaled = lead / largest
    mass = np.zeros(payoff.shape[:2])
    left = np.arange(len(payoff))
    alone = 0  # tables in a row in which others play than in all that are left
    while len(left):
        some = left if alone < _LONERS else left[:1]
        found, single = _equilibria(scaled[some], _equilibrium(scaled[some[0]]) > _PLAYS)
        alone = alone + 1 if single.sum() < 2 else 0
        if not single[0]:
            found[0], single[0] = nash_average(payoff[some[0]])[0], True
        mass[some[single]] = found[single]
        left = left[~np.isin(left, some[single])]
    values = (lead @ mass[..., None])[..., 0]
    values[np.abs(values) < 1e-6 * largest[..., 0]] = 0.0  # the solver's tolerance
    which = which.ravel()  # some versions of NumPy give it more axes
    return mass[which], values[which]


_LONERS = 5
"""After so many tables in a row whose members play in no other (of a large field), it is no longer
tried whether they do."""

_PLAYS = 1e-7
"""The least share of a mixture that is no rounding, and the least lead, of tables within 1."""


def _leads(payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``[..., n, n]``, half the difference of two agents' payoffs, and the largest of each table.

    Exactly antisymmetric, whatever the rounding.
    """
    lead = np.triu((payoff - np.swapaxes(payoff, -1, -2)) / 2, 1)
    lead = lead - np.swapaxes(lead, -1, -2)
    largest = np.abs(lead).max((-2, -1), keepdims=True)
    return lead, np.where(largest > 0, largest, 1.0)


def _equilibria(lead: np.ndarray, playing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures of these agents that are even among them, ``[B, n]``, and where such a one is the
    only equilibrium, ``[B]``: all of them play in it, they are even in no other, and all others
    lose to it.
    """
    inside = np.flatnonzero(playing)
    among = lead[:, inside][:, :, inside]
    _, sizes, vectors = np.linalg.svd(among)
    mixture = vectors[:, -1]  # for which the leads vanish, if any
    mixture = mixture / np.where(mixture.sum(-1) == 0, 1.0, mixture.sum(-1))[:, None]
    mass = np.zeros(lead.shape[:2])
    mass[:, inside] = mixture
    over = (lead @ mass[..., None])[..., 0]
    even = (np.abs(over[:, playing]) < _PLAYS).all(-1)
    others = (over[:, ~playing] < -_PLAYS).all(-1)
    alone = sizes[:, -2] > _PLAYS if len(inside) > 1 else np.ones(len(lead), bool)
    return mass, even & others & alone & (mixture > _PLAYS).all(-1)


def _equilibrium(lead: np.ndarray) -> np.ndarray:
    """A mixture ``[n]`` that no agent leads; ``lead`` is antisymmetric, so there is one."""
    from scipy.optimize import linprog

    n = len(lead)
    found = linprog(
        np.zeros(n),
        A_ub=lead,
        b_ub=np.full(n, 1e-9),
        A_eq=np.ones((1, n)),
        b_eq=[1.0],
    )
    if not found.success:
        raise CannotRate(f"no equilibrium was found: {found.message}")
    return found.x

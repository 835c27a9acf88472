"""Players of Kuhn and Leduc poker, who state the probabilities of what they do."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from arenas.agent import PolicyAgent
from arenas.env import require
from arenas.envs import _checks
from arenas.envs.poker import kuhn, leduc
from arenas.envs.poker.kuhn import Kuhn
from arenas.envs.poker.leduc import Leduc

JACK, QUEEN, KING = range(3)


class KuhnPlayer(PolicyAgent):
    """Bets with probability ``bet[situation, card]``.

    The situations: 0 nothing was said, 1 the other passed, 2 the other bet at once, 3 the other bet
    after a pass. Cards: jack, queen, king.

    Args:
        env: the environment.
        bet: ``[4, 3]``.
    """

    def __init__(self, env: Any, bet: Any) -> None:
        require(isinstance(env.unwrapped, Kuhn), f"{env!r} is not Kuhn poker")
        self.bet = np.asarray(bet, np.float32)

    def probabilities(self, params, carry, observation, action_mask):
        card = jnp.argmax(jnp.asarray(observation)[2:5])
        said = jnp.asarray(observation)[5:].reshape(kuhn.MOST_ACTIONS, 2)  # was it a pass, a bet
        first, second = said[0].sum() > 0, said[1].sum() > 0
        situation = jnp.where(second, 3, jnp.where(first, jnp.where(said[0, 1] > 0, 2, 1), 0))
        bet = jnp.asarray(self.bet)[situation, card]
        return carry, jnp.stack([1.0 - bet, bet])


class KuhnEquilibrium(KuhnPlayer):
    """An equilibrium of Kuhn 1950: it loses 1/18 a deal in the first seat, wins it in the second.

    Args:
        env: the environment.
        alpha: how often a jack bluffs at first, 0 to 1/3; each value is an equilibrium.
    """

    def __init__(self, env: Any, alpha: _checks.Number = 1 / 3) -> None:
        alpha = _checks.number("alpha", alpha, 0.0, 1 / 3)
        super().__init__(
            env,
            [
                [alpha, 0, 3 * alpha],
                [1 / 3, 0, 1],
                [0, 1 / 3, 1],
                [0, alpha + 1 / 3, 1],
            ],
        )


class KuhnHonest(KuhnPlayer):
    """Bets and calls with the king, never else: it never bluffs, and is bluffed."""

    def __init__(self, env: Any) -> None:
        super().__init__(env, [[0, 0, 1]] * 4)


class LeducHonest(PolicyAgent):
    """Plays what its cards are worth, and never bluffs.

    Raises with a king or a pair, folds a jack without a pair against a raise, and calls else.
    """

    def __init__(self, env: Any) -> None:
        require(isinstance(env.unwrapped, Leduc), f"{env!r} is not Leduc poker")

    def probabilities(self, params, carry, observation, action_mask):
        seen = jnp.asarray(observation)
        own, public = (seen[i : i + leduc.CARDS] for i in (2, 2 + leduc.CARDS))
        rank = jnp.argmax(own) // 2
        pair = (public.sum() > 0) & (jnp.argmax(public) // 2 == rank)
        wanted = jnp.where(
            pair | (rank == KING),
            jnp.where(action_mask[leduc.RAISE], leduc.RAISE, leduc.CALL),
            jnp.where((rank == JACK) & action_mask[leduc.FOLD], leduc.FOLD, leduc.CALL),
        )
        return carry, (jnp.arange(3) == wanted).astype(jnp.float32)


def cfr(env: Any, iterations: _checks.Whole = 100) -> PolicyAgent:
    """The average policy of CFR+ (Tammelin 2014, arXiv 1407.5042), by OpenSpiel, as an agent.

    It nears an equilibrium with ``iterations``. The same number gives the same agent; Leduc takes
    some seconds to load.

    Args:
        env: Kuhn or Leduc poker.
        iterations: from 1.
    """
    import pyspiel

    from arenas.interop.open_spiel import load_game
    from arenas.interop.open_spiel_policies import tabular_agent

    iterations = _checks.whole("iterations", iterations, 1)
    game = load_game(env.unwrapped.open_spiel)
    solver = pyspiel.CFRPlusSolver(game)
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    return tabular_agent(env, solver.tabular_average_policy())

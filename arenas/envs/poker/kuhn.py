"""Kuhn poker: three cards, one bet.

Source: Kuhn 1950, "A Simplified Two-Person Poker" (Contributions to the Theory of Games 1); rules,
actions and observation as OpenSpiel's ``kuhn_poker``.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int8, Int32, PRNGKeyArray, UInt8

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, struct
from arenas.envs.poker.cards import dealt_cards, given_cards

PASS, BET = 0, 1
NONE = -1  # in the place of an action that was not made yet
CARDS = 3
MOST_ACTIONS = 3


@struct
class KuhnState(State):
    """Two cards and what was said; whose turn it is follows from ``steps``."""

    cards: UInt8[AnyArray, "*batch 2"]  # of each player: 0 jack, 1 queen, 2 king
    actions: Int8[AnyArray, "*batch 3"]  # PASS, BET or NONE


def showdown(state: KuhnState) -> Array:
    """1 for the player with the higher card, −1 for the other: int32 ``[2]``."""
    higher = jnp.asarray(state.cards[0] > state.cards[1])
    return jnp.where(higher, jnp.array([1, -1]), jnp.array([-1, 1]))


def stakes(state: KuhnState) -> Int32[Array, " players"]:
    """Chips that each player has put in: the ante, and one for a bet."""
    bets = jnp.asarray(state.actions) == BET  # players take turns, the first one first
    return 1 + jnp.stack([bets[0] | bets[2], bets[1]]).astype(jnp.int32)


def is_over(state: KuhnState) -> Array:
    """Both passed, or a bet was answered."""
    first, second, third = state.actions
    answered = (second != NONE) & ((first == BET) | (second == PASS))
    return answered | (third != NONE)


def winnings(state: KuhnState) -> Int32[Array, " players"]:
    """What each player has won when it is over: who put in less has folded."""
    put = stakes(state)
    folded = jnp.where(put[0] < put[1], jnp.array([-1, 1]), jnp.array([1, -1]))
    return jnp.where(put[0] == put[1], showdown(state), folded) * put.min()


class Kuhn(Env[KuhnState]):
    """Kuhn poker for two.

    Each player antes one chip and is dealt one card of jack, queen and king. ``player_0`` passes or
    bets a chip, then ``player_1``; a bet is answered by a bet, which calls it, or a pass, which
    folds. So after pass and bet, ``player_0`` answers.

    **Actions**: 0 pass, 1 bet; both are legal always.

    **Observation** ``[2, 11]``, float32, all that the seat knows: its number (2, one-hot), its card
    (3, one-hot), and for each of three actions made whether it was a pass and whether a bet.

    **Reward**: 0, and at the end the chips won, −2 to 2.

    **End**: terminated when both have passed or a bet is answered; never truncated.

    **Info**: ``stakes``, the chips that each player has put in, int32 ``[2]``.

    ``reset(key, deck=[2, 0])`` deals given cards: 0 jack, 1 queen, 2 king, ``player_0``'s first.

    Example:
        >>> import arenas
        >>> env = arenas.make_host("kuhn-v0")
        >>> timestep = env.reset(seed=0, deck=[2, 0])  # king against jack
        >>> env.step([1, 0]).acting.tolist()
        [False, True]
        >>> env.step([0, 1]).reward.tolist()  # the bet is called
        [2.0, -2.0]
    """

    agents = ("player_0", "player_1")
    action_space = gymnasium.spaces.Discrete(2)
    action_labels = ("pass", "bet")
    observation_space = gymnasium.spaces.Box(0.0, 1.0, (2 + CARDS + 2 * MOST_ACTIONS,), np.float32)
    return_range = (-2.0, 2.0)
    open_spiel = "kuhn_poker"

    def _initial(self, key: PRNGKeyArray, deck: Any = None) -> KuhnState:
        return KuhnState(
            **NOT_STARTED,
            cards=dealt_cards(key, deck, CARDS, 2),
            actions=jnp.full(MOST_ACTIONS, NONE, jnp.int8),
        )

    def _concrete_reset_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return given_cards(options, CARDS, 2)

    def _transition(
        self, key: PRNGKeyArray, state: KuhnState, action: Int32[Array, " agents"]
    ) -> Transition[KuhnState]:
        actions = (
            jnp.asarray(state.actions).at[state.steps].set(action[state.steps % 2].astype(jnp.int8))
        )
        new = state.replace(actions=actions)
        over = is_over(new)
        return Transition(new, winnings(new) * over, over, {"stakes": stakes(new)})

    def _acting(self, state: KuhnState) -> Bool[Array, " agents"]:
        return jnp.arange(2) == jnp.asarray(state.steps) % 2

    def _observation(self, state: KuhnState) -> Array:
        said = jnp.asarray(state.actions)[:, None] == jnp.array([PASS, BET])
        public = jnp.broadcast_to(said.reshape(-1), (2, 2 * MOST_ACTIONS))
        own = jax.nn.one_hot(state.cards, CARDS)
        return jnp.concatenate([jnp.eye(2), own, public], axis=1).astype(jnp.float32)

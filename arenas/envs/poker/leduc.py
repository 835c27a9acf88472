"""Leduc poker: six cards, two rounds of betting, a public card between them.

Source: Southey et al. 2005, "Bayes' Bluff: Opponent Modelling in Poker" (UAI); rules, actions and
observation as OpenSpiel's ``leduc_poker``.
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

FOLD, CALL, RAISE = 0, 1, 2
NONE = -1  # in the place of an action that was not made yet
CARDS = 6  # two suits of jack, queen and king; the rank of a card is card // 2
ANTE = 1
RAISES = (2, 4)  # chips of a raise, by round
MOST_RAISES = 2  # in a round, of both players together
MOST_ACTIONS = 4  # in a round: call, raise, raise, call


@struct
class LeducState(State):
    """Three cards and what was said; all else follows."""

    cards: UInt8[AnyArray, "*batch 3"]  # of each player, and the public one
    actions: Int8[AnyArray, "*batch 2 4"]  # by round: FOLD, CALL, RAISE or NONE


def said(state: LeducState) -> Int32[Array, " rounds"]:
    """How many actions were made in each round."""
    return (jnp.asarray(state.actions) != NONE).sum(1)


def last(state: LeducState) -> Array:
    """The last action of each round, NONE before the first: int8 ``[2]``."""
    actions, count = jnp.asarray(state.actions), said(state)
    at = jnp.maximum(count - 1, 0)
    return jnp.where(count > 0, jnp.take_along_axis(actions, at[:, None], 1)[:, 0], NONE)


def rounds_over(state: LeducState) -> Bool[Array, " rounds"]:
    """Whether each round's betting is complete: a call that opens it leaves it open."""
    return (last(state) == CALL) & (said(state) > 1)


def betting_round(state: LeducState) -> Array:
    """0 or 1."""
    return rounds_over(state)[0].astype(jnp.int32)


def to_act(state: LeducState) -> Array:
    """Whose turn it is; ``player_0`` opens both rounds."""
    return said(state)[betting_round(state)] % 2


def folded(state: LeducState) -> Array:
    """Whether somebody has folded."""
    return (jnp.asarray(state.actions) == FOLD).any()


def is_over(state: LeducState) -> Array:
    """Somebody has folded, or the second round is complete."""
    return folded(state) | rounds_over(state)[1]


def stakes(state: LeducState) -> Int32[Array, " players"]:
    """Chips that each player has put in: at a call or a raise, those of all raises up to it."""
    actions = jnp.asarray(state.actions)
    raises = jnp.cumsum(actions == RAISE, axis=1)  # [round, action]
    paid = (actions == CALL) | (actions == RAISE)
    mine = (jnp.arange(MOST_ACTIONS) % 2)[None] == jnp.arange(2)[:, None]  # [player, action]
    matched = jnp.where(mine[:, None] & paid[None], raises[None], 0).max(2)  # [player, round]
    return ANTE + (matched * jnp.array(RAISES)).sum(1)


def showdown(state: LeducState) -> Array:
    """1 for the better hand, −1 for the other, 0 for equal ones: int32 ``[2]``.

    A pair with the public card is best; else the higher rank.
    """
    rank = jnp.asarray(state.cards, jnp.int32) // 2
    strength = rank[:2] + 3 * (rank[:2] == rank[2])
    return jnp.sign(strength - strength[::-1])


def winnings(state: LeducState) -> Int32[Array, " players"]:
    """What each player has won when it is over."""
    put = stakes(state)
    other_folded = jnp.sign(put - put[::-1])  # who folds has not matched the last raise
    return jnp.where(folded(state), other_folded, showdown(state)) * put.min()


class Leduc(Env[LeducState]):
    """Leduc poker for two.

    Each player antes one chip and is dealt one of six cards: two suits of jack, queen and king.
    After a round of betting a public card is turned, and a second round follows. In each, up to two
    raises may be made, of 2 chips in the first and 4 in the second; ``player_0`` opens both. At the
    showdown a pair with the public card wins, else the higher rank; equal hands share.

    **Actions**: 0 fold, 1 call (or check), 2 raise. Folding is legal against a raise only, raising
    while fewer than two raises were made in the round. An illegal action stands for the
    lowest-numbered legal one.

    **Observation** ``[2, 30]``, float32, all that the seat knows: its number (2, one-hot), its card
    (6, one-hot), the public card (6, one-hot; zeros before it is turned), and for each of four
    actions in each of two rounds whether it was a call and whether a raise.

    **Reward**: 0, and at the end the chips won, −13 to 13.

    **End**: terminated by a fold, or after the second round; never truncated.

    **Info**: ``stakes``, the chips that each player has put in, int32 ``[2]``.

    ``reset(key, deck=[4, 0, 5])`` deals given cards, 0 to 5, of rank ``card // 2`` (jack, queen,
    king): ``player_0``'s, ``player_1``'s, and the public one.

    Example:
        >>> import arenas
        >>> env = arenas.make_host("leduc-v0")
        >>> timestep = env.reset(seed=0, deck=[4, 0, 5])
        >>> env.step([2, 0]).action_mask[1].tolist()  # after a raise everything is legal
        [True, True, True]
        >>> env.step([0, 0]).reward.tolist()  # fold
        [1.0, -1.0]
    """

    agents = ("player_0", "player_1")
    action_space = gymnasium.spaces.Discrete(3)
    action_labels = ("fold", "call", "raise")
    observation_space = gymnasium.spaces.Box(
        0.0, 1.0, (2 + 2 * CARDS + 2 * 2 * MOST_ACTIONS,), np.float32
    )
    return_range = (-13.0, 13.0)
    open_spiel = "leduc_poker"

    def _initial(self, key: PRNGKeyArray, deck: Any = None) -> LeducState:
        return LeducState(
            **NOT_STARTED,
            cards=dealt_cards(key, deck, CARDS, 3),
            actions=jnp.full((2, MOST_ACTIONS), NONE, jnp.int8),
        )

    def _concrete_reset_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return given_cards(options, CARDS, 3)

    def _transition(
        self, key: PRNGKeyArray, state: LeducState, action: Int32[Array, " agents"]
    ) -> Transition[LeducState]:
        now = betting_round(state)
        actions = (
            jnp.asarray(state.actions)
            .at[now, said(state)[now]]
            .set(action[to_act(state)].astype(jnp.int8))
        )
        new = state.replace(actions=actions)
        over = is_over(new)
        return Transition(new, winnings(new) * over, over, {"stakes": stakes(new)})

    def _acting(self, state: LeducState) -> Bool[Array, " agents"]:
        return jnp.arange(2) == to_act(state)

    def _action_mask(self, state: LeducState) -> Bool[Array, "agents actions"]:
        now = betting_round(state)
        raises = (jnp.asarray(state.actions)[now] == RAISE).sum()
        legal = jnp.stack([last(state)[now] == RAISE, jnp.bool_(True), raises < MOST_RAISES])
        return jnp.broadcast_to(legal, (2, 3))

    def _observation(self, state: LeducState) -> Array:
        spoken = jnp.asarray(state.actions).reshape(-1)[:, None] == jnp.array([CALL, RAISE])
        public = jax.nn.one_hot(state.cards[2], CARDS) * rounds_over(state)[0]
        shared = jnp.broadcast_to(jnp.concatenate([public, spoken.reshape(-1)]), (2, 22))
        own = jax.nn.one_hot(state.cards[:2], CARDS)
        return jnp.concatenate([jnp.eye(2), own, shared], axis=1).astype(jnp.float32)

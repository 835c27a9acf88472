"""Reading an observation: the vector of :mod:`arenas.envs.hanabi.encoding`, with names and shapes.

Shapes are in ``P`` players, ``O`` others (``P − 1``, in order of seat after the observing one),
``H`` cards of a full hand, ``C`` colours and ``R`` ranks. Cards of a hand lie oldest first. Where
a field speaks of all players, the observing one comes first.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from arenas.env import AnyArray
from arenas.envs.hanabi.encoding import Layout
from arenas.errors import BadShape

MOVES = ("play", "discard", "hint color", "hint rank")
"""Kinds of moves, in the order in which the last move is encoded."""


class LastMove(NamedTuple):
    """The last move that a player made; all False before the first.

    What does not belong to its kind is all False: a hint has no card, a discard no target.
    """

    player: Bool[Array, " P"]  # who made it
    kind: Bool[Array, " 4"]  # which of MOVES
    target: Bool[Array, " P"]  # who was given the hint
    color: Bool[Array, " C"]  # hinted
    rank: Bool[Array, " R"]  # hinted
    touched: Bool[Array, " H"]  # cards of the target that the hint was about
    slot: Bool[Array, " H"]  # of the card that was played or discarded
    card: Bool[Array, "C R"]  # played or discarded
    scored: Bool[Array, ""]  # the card was played successfully
    token: Bool[Array, ""]  # and earned an information token, as the last rank of a colour does


class View(NamedTuple):
    """What one seat sees."""

    hands: Bool[Array, "O H C R"]  # cards of the others, one-hot; all False where a card is missing
    missing: Bool[Array, " P"]  # who holds fewer than H cards
    deck: Int32[Array, ""]  # cards left to draw
    fireworks: Int32[Array, " C"]  # height of each colour, 0 to R
    information_tokens: Int32[Array, ""]
    life_tokens: Int32[Array, ""]
    discards: Int32[Array, "C R"]  # how many of each card were discarded
    last: LastMove
    possible: Bool[Array, "P H C R"]
    """Cards that hints leave possible; all False where no card is held. In the ``v0_belief``
    encoding, those of which every copy was played or discarded are not possible either."""
    named_color: Bool[Array, "P H C"]  # the colour that a hint named, one-hot
    named_rank: Bool[Array, "P H R"]  # the rank that a hint named, one-hot


def view(layout: Layout, observation: AnyArray) -> View:
    """An observation with names.

    Args:
        layout: of the game that was observed.
        observation: ``[layout.size]``, in either encoding and any dtype; what is not zero is set.

    Raises:
        BadShape: another length than the layout's.
    """
    if observation.shape != (layout.size,):
        raise BadShape(
            f"observation has shape {observation.shape}; accepted is ({layout.size},), the "
            f"encoding of {layout.rules}"
        )
    bits = jnp.asarray(observation) != 0
    rules = layout.rules
    cards = (rules.colors, rules.ranks)
    part = {name: bits[where] for name, where in layout.sections.items()}
    # Flags of a rank's copies lie side by side, the first ones set.
    discards = part["discards"].reshape(rules.colors, -1)
    borders = itertools.pairwise(itertools.accumulate(rules.copies, initial=0))
    knowledge = part["knowledge"].reshape(rules.players, rules.hand_size, layout.card_knowledge)
    possible, named_color, named_rank = jnp.split(
        knowledge, [rules.kinds, rules.kinds + rules.colors], axis=-1
    )
    return View(
        hands=part["hands"].reshape(-1, rules.hand_size, *cards),
        missing=part["missing_cards"],
        deck=_count(part["deck"]),
        fireworks=(part["fireworks"].reshape(cards) * jnp.arange(1, rules.ranks + 1)).sum(axis=1),
        information_tokens=_count(part["information_tokens"]),
        life_tokens=_count(part["life_tokens"]),
        discards=jnp.stack([_count(discards[:, a:b]) for a, b in borders], axis=1),
        last=LastMove(
            player=part["last_player"],
            kind=part["last_move"],
            target=part["last_target"],
            color=part["last_color"],
            rank=part["last_rank"],
            touched=part["last_touched"],
            slot=part["last_slot"],
            card=part["last_card"].reshape(cards),
            scored=part["last_effect"][0],
            token=part["last_effect"][1],
        ),
        possible=possible.reshape(*possible.shape[:-1], *cards),
        named_color=named_color,
        named_rank=named_rank,
    )


def _count(bits: Bool[Array, "*shape n"]) -> Int32[Array, "*shape"]:
    return bits.sum(axis=-1, dtype=jnp.int32)

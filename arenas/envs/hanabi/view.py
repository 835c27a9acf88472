"""Reading an observation: the Hanabi Learning Environment's canonical vector, with names.

Source of the layout: the canonical encoder of the Hanabi Learning Environment (Bard et al. 2020,
*The Hanabi Challenge*, arXiv 1902.00506), which OpenSpiel's ``hanabi`` gives as observation tensor.
Shapes are in ``P`` players, ``O`` others (``P − 1``, in order of seat after the observing one),
``H`` cards of a full hand, ``C`` colours and ``R`` ranks. Cards of a hand lie oldest first. Where a
section speaks of all players, the observing one comes first.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from arenas.env import AnyArray, require
from arenas.errors import BadShape

SIZES = ("players", "colors", "ranks", "hand_size", "max_information_tokens", "max_life_tokens")
"""Attributes of a Hanabi game that decide the layout of its observations."""
MOVES = ("play", "discard", "hint color", "hint rank")
"""Kinds of moves, in the order in which the last move is encoded."""


class LastMove(NamedTuple):
    """The last move that a player made; all False and zero before the first.

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
    short: Bool[Array, " P"]  # who holds fewer than H cards
    deck: Int32[Array, ""]  # cards left to draw
    fireworks: Int32[Array, " C"]  # height of each colour, 0 to R
    information: Int32[Array, ""]  # tokens left
    lives: Int32[Array, ""]  # tokens left
    discards: Int32[Array, "C R"]  # how many of each card were discarded
    last: LastMove
    plausible: Bool[Array, "P H C R"]  # what hints leave possible; all False where none is held
    color_hinted: Bool[Array, "P H C"]  # the colour that a hint named, one-hot
    rank_hinted: Bool[Array, "P H R"]  # the rank that a hint named, one-hot


class Layout(NamedTuple):
    """The sizes of a game of Hanabi, and what follows from them alone."""

    players: int
    colors: int
    ranks: int
    hand_size: int
    max_information_tokens: int
    max_life_tokens: int

    @classmethod
    def of(cls, game: Any) -> Layout:
        """The layout of the observations of a game that has the attributes :data:`SIZES`."""
        missing = [name for name in SIZES if not hasattr(game, name)]
        require(not missing, f"{game!r} is not a game of Hanabi: it has no {', '.join(missing)}")
        return cls(*(int(getattr(game, name)) for name in SIZES))

    @property
    def copies(self) -> tuple[int, ...]:
        """How many cards of each rank a colour has: three of the first, one of the last, two."""
        return tuple(
            3 if rank == 0 else 1 if rank == self.ranks - 1 else 2 for rank in range(self.ranks)
        )

    @property
    def deck_size(self) -> int:
        """Cards left to draw after the deal."""
        return self.colors * sum(self.copies) - self.players * self.hand_size

    @property
    def sections(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the sections of the vector, in its order."""
        p, c, r, h = self.players, self.colors, self.ranks, self.hand_size
        return (
            (p - 1, h, c, r),  # hands
            (p,),  # short
            (self.deck_size,),
            (c, r),  # fireworks
            (self.max_information_tokens,),
            (self.max_life_tokens,),
            (c, sum(self.copies)),  # discards
            (p,),  # last move: player
            (len(MOVES),),
            (p,),  # target
            (c,),
            (r,),
            (h,),  # touched
            (h,),  # slot
            (c, r),  # card
            (2,),  # scored, token
            (p, h, c * r + c + r),  # knowledge
        )

    @property
    def size(self) -> int:
        """Length of an observation: 658 for the full game of two players."""
        return sum(math.prod(shape) for shape in self.sections)


def view(layout: Layout, observation: Bool[AnyArray, " n"] | AnyArray) -> View:
    """An observation with names.

    Args:
        layout: the sizes of the game.
        observation: ``[layout.size]``, of zeros and ones in any dtype.

    Raises:
        BadShape: another length than this layout's.
    """
    if observation.shape != (layout.size,):
        raise BadShape(
            f"observation has shape {observation.shape}; accepted is ({layout.size},), the "
            f"canonical encoding of {layout}"
        )
    bits = jnp.asarray(observation) != 0
    parts, start = [], 0
    for shape in layout.sections:
        length = math.prod(shape)
        parts.append(bits[start : start + length].reshape(shape))
        start += length
    hands, short, deck, fireworks, information, lives, discards, *last, flags, knowledge = parts
    cards, hinted = layout.colors * layout.ranks, layout.colors * layout.ranks + layout.colors
    # The copies of a rank are flags next to each other, set from the first on.
    ends = [sum(layout.copies[: rank + 1]) for rank in range(layout.ranks)]
    ranks = [discards[:, end - n : end] for end, n in zip(ends, layout.copies, strict=True)]
    return View(
        hands=hands,
        short=short,
        deck=deck.sum(dtype=jnp.int32),
        fireworks=(fireworks * jnp.arange(1, layout.ranks + 1)).sum(axis=1, dtype=jnp.int32),
        information=information.sum(dtype=jnp.int32),
        lives=lives.sum(dtype=jnp.int32),
        discards=jnp.stack([rank.sum(axis=1, dtype=jnp.int32) for rank in ranks], axis=1),
        last=LastMove(*last, scored=flags[0], token=flags[1]),
        plausible=knowledge[..., :cards].reshape(
            layout.players, layout.hand_size, layout.colors, layout.ranks
        ),
        color_hinted=knowledge[..., cards:hinted],
        rank_hinted=knowledge[..., hinted:],
    )

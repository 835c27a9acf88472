"""The rules of Hanabi, as pure functions of a position.

Those of the Hanabi Learning Environment (Bard et al. 2020), to the letter.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int8, Int32, PRNGKeyArray, UInt8, UInt16

from arenas.env import AnyArray, State, struct

COLORS = ("red", "yellow", "green", "white", "blue")


@dataclasses.dataclass(frozen=True)
class Rules:
    """The numbers that make a variant, and what follows from them.

    A card is a number, ``color × ranks + rank``, both from 0. ``no_card`` stands where there is
    none.
    """

    players: int
    colors: int
    ranks: int
    hand_size: int
    max_information_tokens: int
    max_life_tokens: int

    @property
    def copies(self) -> tuple[int, ...]:
        """Cards of each rank in one colour: three of the lowest, one of the highest, else two."""
        return (3, *[2] * (self.ranks - 2), *[1] * (self.ranks > 1))

    @property
    def kinds(self) -> int:
        """Different cards."""
        return self.colors * self.ranks

    @property
    def no_card(self) -> int:
        return self.kinds

    @property
    def cards(self) -> int:
        """Cards in the game."""
        return self.colors * sum(self.copies)

    @property
    def sorted_deck(self) -> np.ndarray:
        """All cards in ascending order, uint8 ``[cards]``."""
        of_color = np.repeat(np.arange(self.ranks), self.copies)
        return (
            (np.arange(self.colors)[:, None] * self.ranks + of_color).reshape(-1).astype(np.uint8)
        )

    @property
    def dealt(self) -> int:
        """Cards in the players' hands at the start."""
        return self.players * self.hand_size

    @property
    def no_op(self) -> int:
        """The last action, which does nothing; the moves come before it."""
        return 2 * self.hand_size + (self.players - 1) * (self.colors + self.ranks)

    @property
    def longest_game(self) -> int:
        """No game has more moves.

        Each card of the deck is drawn after a discard or play, and everyone has one more turn after
        the last. A hint before that costs a token: one of those at the start, or earned by a
        discard that was not the last to draw.
        """
        deck = self.cards - self.dealt
        if deck == 0:
            return self.players
        return 2 * deck + self.max_information_tokens - 1 + self.players


@struct
class HanabiState(State):
    """Who holds and knows what. Seats are absolute, slot 0 holds a hand's oldest card."""

    deck: UInt8[AnyArray, "*batch cards"]  # the cards in the order in which they are dealt
    deck_size: UInt8[AnyArray, "*batch"]  # how many of them, at the end, are not dealt yet
    hands: UInt8[AnyArray, "*batch players slots"]  # cards; no_card in an empty slot
    knowledge: UInt16[AnyArray, "*batch players slots"]
    """What hints told of each card: the bits of :func:`traits` that it may have, and
    ``NAMED_COLOR`` and ``NAMED_RANK`` if a hint named them. 0 in an empty slot."""
    fireworks: UInt8[AnyArray, "*batch colors"]  # how many cards of each colour were played
    discards: UInt16[AnyArray, "*batch colors"]
    """A bit for each card of a colour, lowest rank first; of those of one rank, the lowest bits say
    how many were discarded."""
    information_tokens: UInt8[AnyArray, "*batch"]
    life_tokens: UInt8[AnyArray, "*batch"]
    turns_left: UInt8[AnyArray, "*batch"]  # counted down once the deck is empty
    player: Int8[AnyArray, "*batch"]  # the seat to move
    last_action: UInt8[AnyArray, "*batch"]  # of the seat before; the no-op before the first move
    last_card: UInt8[AnyArray, "*batch"]  # what was played or discarded, or no_card
    last_effect: UInt8[AnyArray, "*batch"]
    """After a hint, a bit for each slot that it touched. After a play, ``SCORED`` and
    ``EARNED_TOKEN``."""


SCORED, EARNED_TOKEN = 1, 2
NAMED_COLOR, NAMED_RANK = 1 << 10, 1 << 11


class Move(NamedTuple):
    """An action, taken apart."""

    discards: Array  # bool []
    plays: Array  # bool []
    hints: Array  # bool []
    slot: Array  # int32 [], of the card discarded or played
    offset: Array  # int32 [], how many seats after the mover the one who is told sits
    trait: Array  # int32 [], bit number in traits() of what is told


def shuffled(rules: Rules, key: PRNGKeyArray) -> UInt8[Array, " cards"]:
    """The deck in a random order, by Fisher and Yates.

    A choice among ``m`` cards is the integer part of ``m · word / 2³²``, whose probabilities are
    right to ``2⁻³²``; so the order of 50 cards differs from a uniform one by under 3·10⁻⁷ in total
    variation.
    """
    words = jax.random.bits(key, (rules.cards,))

    def swap(place: Array, deck: Array) -> Array:
        left = (rules.cards - place).astype(jnp.uint32)
        high, low = words[place] >> 16, words[place] & 0xFFFF
        other = place + ((high * left + (low * left >> 16)) >> 16).astype(jnp.int32)
        return deck.at[place].set(deck[other]).at[other].set(deck[place])

    return jax.lax.fori_loop(0, rules.cards - 1, swap, jnp.asarray(rules.sorted_deck))


def card_traits(rules: Rules) -> np.ndarray:
    """Two bits of each card: 1 << color, and 1 << (colors + rank); uint16 ``[kinds]``."""
    color, rank = np.divmod(np.arange(rules.kinds), rules.ranks)
    return (np.left_shift(1, color) | np.left_shift(1, rules.colors + rank)).astype(np.uint16)


def traits(rules: Rules, cards: UInt8[Array, "*shape"]) -> UInt16[Array, "*shape"]:
    """:func:`card_traits` of these cards; 0 for no card."""
    color = (cards // rules.ranks).astype(jnp.uint16)
    rank = (cards % rules.ranks).astype(jnp.uint16)
    bits = (jnp.uint16(1) << color) | (jnp.uint16(1 << rules.colors) << rank)
    return jnp.where(cards < rules.no_card, bits, jnp.uint16(0))


def unknown(rules: Rules) -> int:
    """Knowledge of a card of which nothing was told."""
    return (1 << (rules.colors + rules.ranks)) - 1


def take_apart(rules: Rules, action: Int32[Array, ""]) -> Move:
    """What an action means; actions are in the Learning Environment's order."""
    others = rules.players - 1
    color_hint = action - 2 * rules.hand_size
    rank_hint = color_hint - others * rules.colors
    by_color = rank_hint < 0
    return Move(
        discards=action < rules.hand_size,
        plays=(action >= rules.hand_size) & (color_hint < 0),
        hints=(color_hint >= 0) & (action < rules.no_op),
        slot=action % rules.hand_size,
        offset=1 + jnp.where(by_color, color_hint // rules.colors, rank_hint // rules.ranks),
        trait=jnp.where(
            by_color, color_hint % rules.colors, rules.colors + rank_hint % rules.ranks
        ),
    )


def legal_moves(rules: Rules, state: HanabiState) -> Bool[Array, "players actions"]:
    """What each seat may do if it is its turn.

    Discards while an information token can be earned; plays always, since the seat to move holds a
    full hand until its last turn; hints while there is a token, about what the other holds.
    """
    held = jnp.bitwise_or.reduce(traits(rules, jnp.asarray(state.hands)), axis=1)  # [players]
    told = jnp.where(state.information_tokens > 0, held, 0)
    discard = jnp.full(rules.hand_size, state.information_tokens < rules.max_information_tokens)
    play = jnp.ones(rules.hand_size, bool)
    rows = []
    for seat in range(rules.players):
        others = [told[(seat + i) % rules.players] for i in range(1, rules.players)]
        color = [(x >> np.arange(rules.colors, dtype=np.uint16)) & 1 == 1 for x in others]
        ranks = np.arange(rules.colors, rules.colors + rules.ranks, dtype=np.uint16)
        rank = [(x >> ranks) & 1 == 1 for x in others]
        rows += [discard, play, *color, *rank, jnp.zeros(1, bool)]
    return jnp.concatenate(rows).reshape(rules.players, rules.no_op + 1)


def score(fireworks: UInt8[Array, " colors"]) -> Int32[Array, ""]:
    """Cards played."""
    return fireworks.astype(jnp.int32).sum()


def add_discard(
    rules: Rules,
    discards: UInt16[Array, " colors"],
    card: UInt8[Array, ""],
    wanted: Bool[Array, ""],
) -> UInt16[Array, " colors"]:
    """The discard pile with one more card, if wanted: the next bit of its kind is set."""
    first = np.cumsum((0, *rules.copies))  # bit of a rank's first card
    lowest = np.array([1 << i for i in first[:-1]], np.uint16)
    field = np.array([(1 << j) - (1 << i) for i, j in itertools.pairwise(first)], np.uint16)
    color, rank = card // rules.ranks, card % rules.ranks
    here = np.arange(rules.ranks) == rank
    one = jnp.where(here, lowest, 0).sum(dtype=jnp.uint16)
    bits = jnp.where(here, field, 0).sum(dtype=jnp.uint16)
    more = discards | ((((discards & bits) << 1) | one) & bits)
    return jnp.where((np.arange(rules.colors) == color) & wanted, more, discards)


def apply(rules: Rules, state: HanabiState, action: Int32[Array, ""]) -> HanabiState:
    """The position after a legal move of the seat to move, and the draw that follows it."""
    move = take_apart(rules, action)
    hands, knowledge = jnp.asarray(state.hands), jnp.asarray(state.knowledge)
    player = state.player.astype(jnp.int32)
    removes = move.discards | move.plays
    card = jnp.where(
        removes, hands.reshape(-1)[player * rules.hand_size + move.slot], rules.no_card
    ).astype(jnp.uint8)

    # The card that leaves the hand: to the fireworks, or to the discards.
    color, rank = card // rules.ranks, card % rules.ranks
    colors = np.arange(rules.colors)
    height = jnp.where(colors == color, state.fireworks, 0).sum(dtype=jnp.uint8)
    scored = move.plays & (height == rank)
    fireworks = state.fireworks + ((colors == color) & scored).astype(jnp.uint8)
    discards = add_discard(rules, jnp.asarray(state.discards), card, removes & ~scored)
    life_tokens = state.life_tokens - (move.plays & ~scored).astype(jnp.uint8)
    earned = move.discards | (scored & (rank == rules.ranks - 1))
    earned &= state.information_tokens < rules.max_information_tokens
    information_tokens = (
        state.information_tokens + earned.astype(jnp.uint8) - move.hints.astype(jnp.uint8)
    )

    # The end: nobody draws after it.
    turns_left = state.turns_left - (state.deck_size == 0).astype(jnp.uint8)
    new = state.replace(fireworks=fireworks, life_tokens=life_tokens, turns_left=turns_left)
    draws = removes & (state.deck_size > 0) & ~is_over(rules, new)
    top = jax.lax.dynamic_index_in_dim(
        jnp.asarray(state.deck), rules.cards - state.deck_size.astype(jnp.int32), keepdims=False
    )
    drawn = jnp.where(draws, top, rules.no_card).astype(jnp.uint8)
    fresh = jnp.where(draws, unknown(rules), 0).astype(jnp.uint16)

    # The mover's later cards move down a slot, and the drawn one takes the last.
    seats, slots = np.arange(rules.players)[:, None], np.arange(rules.hand_size)
    shifts = (seats == player) & removes & (slots >= move.slot)
    new_hands = jnp.where(shifts, shifted(hands, drawn), hands)
    # What a hint names, the cards that it touches have, and the others do not.
    trait = jnp.uint16(1) << move.trait.astype(jnp.uint16)
    colors_told = (1 << rules.colors) - 1
    by_color = move.trait < rules.colors
    family = jnp.where(by_color, colors_told, unknown(rules) - colors_told).astype(jnp.uint16)
    named = trait | jnp.where(by_color, NAMED_COLOR, NAMED_RANK).astype(jnp.uint16)
    told = (seats == (player + move.offset) % rules.players) & move.hints
    touched = told & (traits(rules, hands) & trait > 0)
    knowledge = jnp.where(
        touched,
        (knowledge & ~family) | named,
        jnp.where(
            told, knowledge & ~trait, jnp.where(shifts, shifted(knowledge, fresh), knowledge)
        ),
    )
    touched_slots = jnp.where(touched, np.uint8(1) << slots.astype(np.uint8), 0).sum(
        dtype=jnp.uint8
    )
    effect = touched_slots + (scored * SCORED + (move.plays & earned) * EARNED_TOKEN)
    return new.replace(
        deck_size=state.deck_size - draws.astype(jnp.uint8),
        hands=new_hands,
        knowledge=knowledge,
        discards=discards,
        information_tokens=information_tokens,
        player=((player + 1) % rules.players).astype(jnp.int8),
        last_action=action.astype(jnp.uint8),
        last_card=card,
        last_effect=effect.astype(jnp.uint8),
    )


def shifted(rows: Array, last: Array) -> Array:
    """Each row moved down by one, with ``last`` at its end."""
    return jnp.concatenate([rows[:, 1:], jnp.full_like(rows[:, :1], last)], axis=1)


def is_over(rules: Rules, state: HanabiState) -> Bool[Array, ""]:
    """No lives are left, all fireworks are complete, or everyone had a turn after the last draw."""
    perfect = (state.fireworks == rules.ranks).all()
    return (state.life_tokens == 0) | perfect | (state.turns_left == 0)

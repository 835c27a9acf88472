"""What a player of Hanabi sees, as a vector: the Learning Environment's canonical encoding.

A vector is thousands of bits of a few small integers, and most of the time of a step if it is made
bit by bit. It is written here as words of 16 bits, and for each word the features that ask for bits
of it. Features of neighbouring words are made in one flat loop of at least ``LOOP`` features, which
compilers turn into wide vector code; shorter ones they unroll into scalar code.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, UInt8, UInt16

from arenas.env import AnyArray
from arenas.envs.hanabi.rules import (
    EARNED_TOKEN,
    NAMED_COLOR,
    NAMED_RANK,
    SCORED,
    HanabiState,
    Rules,
    card_traits,
    take_apart,
    traits,
)

LOOP = 48

WORD = 16  # bits


class Word(NamedTuple):
    """Sixteen bits, and the features that are read from them."""

    value: Any  # uint16 []
    tests: np.ndarray  # uint16 [features]: a feature is 1 if the word has all bits of its test


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything is in an observation.

    In every vector, players are counted from the one who observes. Cards are one-hot over
    ``color × ranks + rank``, counters are thermometers (1 1 0 0 for two of four).
    """

    rules: Rules

    @functools.cached_property
    def sections(self) -> dict[str, slice]:
        """The parts, by name, in order."""
        rules = self.rules
        sizes = {
            "hands": (rules.players - 1) * rules.hand_size * rules.kinds,
            "missing_cards": rules.players,
            "deck": rules.cards - rules.dealt,
            "fireworks": rules.kinds,
            "information_tokens": rules.max_information_tokens,
            "life_tokens": rules.max_life_tokens,
            "discards": rules.cards,
            "last_player": rules.players,
            "last_move": 4,
            "last_target": rules.players,
            "last_color": rules.colors,
            "last_rank": rules.ranks,
            "last_touched": rules.hand_size,
            "last_slot": rules.hand_size,
            "last_card": rules.kinds,
            "last_effect": 2,
            "knowledge": rules.players * rules.hand_size * self.card_knowledge,
        }
        ends = np.cumsum(list(sizes.values())).tolist()
        return {n: slice(e - s, e) for (n, s), e in zip(sizes.items(), ends, strict=True)}

    @property
    def card_knowledge(self) -> int:
        """Size of the knowledge of one card: which it may be, and which traits a hint named."""
        return self.rules.kinds + self.rules.colors + self.rules.ranks

    @property
    def size(self) -> int:
        """Size of a vector, ``F``."""
        return self.sections["knowledge"].stop

    def canonical(self, state: HanabiState) -> UInt8[Array, "players features"]:
        """The encoding of the Learning Environment and OpenSpiel, bit for bit."""
        rules = self.rules
        knowledge = jnp.asarray(state.knowledge)
        tests = self._knowledge_tests
        known = [
            features([Word(knowledge[player, slot], tests) for slot in range(rules.hand_size)])
            for player in range(rules.players)
        ]
        return self._vectors(state, known)

    def v0_belief(self, state: HanabiState) -> Float32[Array, "players features"]:
        """JaxMARL's variant: the bits of the cards that are possible are probabilities.

        Those of a card drawn from all cards neither played nor discarded, given the hints (the
        V0 belief of Foerster et al. 2019, Bayesian Action Decoder).
        """
        rules = self.rules
        gone = jnp.stack([x.sum() for x in self._per_kind(state)])
        played = np.arange(rules.ranks) < jnp.asarray(state.fireworks)[:, None]
        copies = np.tile(rules.copies, rules.colors)
        left = (copies - gone - played.reshape(-1)).astype(jnp.float32)

        tests = jnp.asarray(self._knowledge_tests)
        bits = (jnp.asarray(state.knowledge)[..., None] & tests) == tests
        possible, named = jnp.split(bits.astype(jnp.float32), [rules.kinds], axis=-1)
        weight = possible * left
        total = weight.sum(axis=-1, keepdims=True)
        belief = weight / jnp.where(total > 0, total, 1.0)  # 0 in an empty slot
        known = jnp.concatenate([belief, named], axis=-1).reshape(rules.players, -1)
        return self._vectors(state, [[row] for row in known])

    def _vectors(self, state: HanabiState, known: list[list[Array]]) -> Array:
        """All seats' vectors, given what is known of each player's cards."""
        rules = self.rules
        players = rules.players
        cards = traits(rules, jnp.asarray(state.hands))
        card_tests = card_traits(rules)
        hands = [
            features([Word(cards[player, slot], card_tests) for slot in range(rules.hand_size)])
            for player in range(players)
        ]
        missing = (jnp.asarray(state.hands) == rules.no_card).any(axis=1)
        board = self._board(state)
        move, mover, target = self._last_move(state)
        parts: list[Array] = []
        for seat in range(players):
            order = [(seat + i) % players for i in range(players)]
            who = features(
                [
                    Word(pack([missing[other] for other in order]), bits(players)),
                    *board,
                    Word(
                        pack(
                            [
                                *(mover == other for other in order),
                                *move,
                                *(target == other for other in order),
                            ]
                        ),
                        bits(2 * players + len(move)),
                    ),
                    *self._last_effect(state),
                ]
            )
            for other in order[1:]:
                parts += hands[other]
            parts += who
            for other in order:
                parts += known[other]
        dtype = known[0][0].dtype
        flat = jnp.concatenate([part.astype(dtype) for part in parts])
        return flat.reshape(players, self.size)

    def _board(self, state: HanabiState) -> list[Word]:
        rules = self.rules
        fireworks = jnp.asarray(state.fireworks)
        discards = jnp.asarray(state.discards)
        top = (jnp.uint16(1) << fireworks.astype(jnp.uint16)) >> 1
        per_color = sum(rules.copies)
        return [
            *thermometer(state.deck_size, rules.cards - rules.dealt),
            *(Word(top[color], bits(rules.ranks)) for color in range(rules.colors)),
            *thermometer(state.information_tokens, rules.max_information_tokens),
            *thermometer(state.life_tokens, rules.max_life_tokens),
            *(Word(discards[color], bits(per_color)) for color in range(rules.colors)),
        ]

    def _last_move(self, state: HanabiState) -> tuple[list[Array], Array, Array]:
        """Its kind, who made it (-1 before the first), and whom a hint told (else -1)."""
        rules = self.rules
        move = take_apart(rules, jnp.asarray(state.last_action, jnp.int32))
        mover = (state.player.astype(jnp.int32) - 1) % rules.players
        target = jnp.where(move.hints, (mover + move.offset) % rules.players, -1)
        by_color = move.hints & (move.trait < rules.colors)
        kind = [move.plays, move.discards, by_color, move.hints & ~by_color]
        return kind, jnp.where(state.last_action != rules.no_op, mover, -1), target

    def _last_effect(self, state: HanabiState) -> list[Word]:
        rules = self.rules
        move = take_apart(rules, jnp.asarray(state.last_action, jnp.int32))
        effect = jnp.asarray(state.last_effect, jnp.uint16)
        trait = jnp.where(move.hints, jnp.uint16(1) << move.trait.astype(jnp.uint16), 0)
        touched = jnp.where(move.hints, effect, 0)
        slot = jnp.where(
            move.plays | move.discards, jnp.uint16(1) << move.slot.astype(jnp.uint16), 0
        )
        return [
            Word(trait.astype(jnp.uint16), bits(rules.colors + rules.ranks)),
            Word(touched.astype(jnp.uint16), bits(rules.hand_size)),
            Word(slot.astype(jnp.uint16), bits(rules.hand_size)),
            Word(traits(rules, jnp.asarray(state.last_card)), card_traits(rules)),
            Word(
                jnp.where(move.plays, effect, 0).astype(jnp.uint16),
                np.array([SCORED, EARNED_TOKEN], np.uint16),
            ),
        ]

    def _per_kind(self, state: HanabiState) -> list[Array]:
        """Bits of the discard pile, for each kind of card."""
        first = np.cumsum((0, *self.rules.copies)).tolist()
        pile = jnp.asarray(state.discards, jnp.int32)[:, None] >> np.arange(first[-1]) & 1
        return [row[i:j] for row in pile for i, j in itertools.pairwise(first)]

    @functools.cached_property
    def _knowledge_tests(self) -> np.ndarray:
        """Bits of a card's knowledge: its possible traits; and with a flag, the named ones."""
        rules = self.rules
        flags = [NAMED_COLOR] * rules.colors + [NAMED_RANK] * rules.ranks
        named = bits(rules.colors + rules.ranks) | np.array(flags, np.uint16)
        return np.concatenate([card_traits(rules), named])


def bits(count: int) -> np.ndarray:
    """1, 2, 4, ...; uint16."""
    return np.left_shift(1, np.arange(count)).astype(np.uint16)


def pack(values: list[Any]) -> UInt16[Array, ""]:
    """A word of these bools, the first in its lowest bit."""
    word = jnp.uint16(0)
    for i, value in enumerate(values):
        word |= jnp.where(value, np.uint16(1 << i), np.uint16(0))
    return word


def thermometer(count: AnyArray, size: int) -> list[Word]:
    """``size`` features, of which the first ``count`` are 1."""
    words = []
    for start in range(0, size, WORD):
        width = min(WORD, size - start)
        filled = jnp.clip(jnp.asarray(count, jnp.int32) - start, 0, width)
        words.append(Word(((1 << filled) - 1).astype(jnp.uint16), bits(width)))
    return words


def features(words: list[Word]) -> list[UInt8[Array, " features"]]:
    """The features of all words in order, 0 or 1, in pieces."""
    pieces, group, length = [], [], 0
    for i, word in enumerate(words):
        group.append(word)
        length += len(word.tests)
        rest = sum(len(w.tests) for w in words[i + 1 :])
        if (length >= LOOP and rest >= LOOP) or (group and rest == 0):
            pieces.append(_features(group))
            group, length = [], 0
            if rest == 0:
                break
    return pieces


def _features(group: list[Word]) -> UInt8[Array, " features"]:
    tests = np.concatenate([word.tests for word in group])
    owner = np.repeat(np.arange(len(group)), [len(word.tests) for word in group])
    found = jnp.zeros(len(tests), jnp.uint16)
    for i, word in enumerate(group):
        found |= word.value & np.where(owner == i, tests, 0).astype(np.uint16)
    return (found == tests).astype(jnp.uint8)

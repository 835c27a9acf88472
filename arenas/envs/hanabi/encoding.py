"""What a player of Hanabi sees, as a vector: the Learning Environment's canonical encoding.

Every seat's vector is a concatenation of flat comparisons of the state's small integers, which
compiles to wide vector code on CPU; what all seats see alike is compared once.
"""

from __future__ import annotations

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, UInt8

from arenas.env import AnyArray
from arenas.envs.hanabi.rules import (
    EARNED_TOKEN,
    SCORED,
    HanabiState,
    Rules,
    take_apart,
)


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
        knowledge = _has(
            jnp.asarray(state.knowledge)[..., None], jnp.asarray(self._knowledge_bits())
        )
        return self._vectors(state, knowledge.astype(jnp.uint8))

    def v0_belief(self, state: HanabiState) -> Float32[Array, "players features"]:
        """JaxMARL's variant: the bits of the cards that are possible are probabilities.

        Those of a card drawn from all cards neither played nor discarded, given the hints (the
        V0 belief of Foerster et al. 2019, Bayesian Action Decoder).
        """
        rules = self.rules
        copies = np.tile(rules.copies, rules.colors)
        gone = self._discarded(state).astype(jnp.int32)
        per_kind = jnp.stack(
            [x.sum() for x in jnp.split(gone, np.cumsum(copies)[:-1].tolist())]
        ) + (np.arange(rules.ranks) < jnp.asarray(state.fireworks)[:, None]).reshape(-1)
        left = (copies - per_kind).astype(jnp.float32)

        bits = _has(jnp.asarray(state.knowledge)[..., None], jnp.asarray(self._knowledge_bits()))
        possible, named = jnp.split(bits.astype(jnp.float32), [rules.kinds], axis=-1)
        weight = possible * left
        total = weight.sum(axis=-1, keepdims=True)
        belief = weight / jnp.where(total > 0, total, 1.0)  # 0 in an empty slot
        return self._vectors(state, jnp.concatenate([belief, named], axis=-1))

    def _vectors(self, state: HanabiState, knowledge: Array) -> Array:
        """All seats' vectors, given the knowledge of all cards ``[players, slots, ...]``."""
        rules = self.rules
        players = rules.players
        cards = jnp.asarray(state.hands)
        hands = (cards[..., None] == np.arange(rules.kinds, dtype=np.uint8)).reshape(players, -1)
        missing = (cards == rules.no_card).any(axis=1)
        common = self._board(state)
        mover, target, rest = self._last_move(state)
        knowledge = knowledge.reshape(players, -1)
        parts = []
        for seat in range(players):
            order = [(seat + i) % players for i in range(players)]
            parts += [
                *(hands[other] for other in order[1:]),
                *(missing[other][None] for other in order),
                *common,
                jnp.asarray(order) == mover,
                rest[0],
                jnp.asarray(order) == target,
                *rest[1:],
                *(knowledge[other] for other in order),
            ]
        flat = jnp.concatenate([part.astype(knowledge.dtype) for part in parts])
        return flat.reshape(players, self.size)

    def _board(self, state: HanabiState) -> list[AnyArray]:
        rules = self.rules
        fireworks = jnp.asarray(state.fireworks)[:, None] == np.arange(1, rules.ranks + 1)
        return [
            np.arange(rules.cards - rules.dealt) < state.deck_size,
            fireworks.reshape(-1),
            np.arange(rules.max_information_tokens) < state.information_tokens,
            np.arange(rules.max_life_tokens) < state.life_tokens,
            self._discarded(state),
        ]

    def _discarded(self, state: HanabiState) -> Array:
        """A bit for each card, in ascending order; of equal ones, the first are set first."""
        per_color = sum(self.rules.copies)
        bits = np.left_shift(1, np.arange(per_color)).astype(np.uint16)
        return (jnp.asarray(state.discards)[:, None] & bits > 0).reshape(-1)

    def _last_move(self, state: HanabiState) -> tuple[Array, Array, list[AnyArray]]:
        """Who moved (-1 before the first move), whom a hint told (else -1), and all else."""
        rules = self.rules
        moved = state.last_action != rules.no_op
        move = take_apart(rules, jnp.asarray(state.last_action, jnp.int32))
        mover = (state.player.astype(jnp.int32) - 1) % rules.players
        target = jnp.where(move.hints, (mover + move.offset) % rules.players, -1)
        removes = move.plays | move.discards
        trait = jnp.where(move.hints, move.trait, -1)
        by_color = move.hints & (trait < rules.colors)
        slots = np.arange(rules.hand_size)
        touched = jnp.where(move.hints, state.last_effect, 0)
        played = jnp.where(move.plays, state.last_effect, 0)
        rest = [
            jnp.stack([move.plays, move.discards, by_color, move.hints & ~by_color]),
            np.arange(rules.colors + rules.ranks) == trait,
            touched & np.left_shift(1, slots).astype(np.uint8) > 0,
            (slots == move.slot) & removes,
            np.arange(rules.kinds) == state.last_card,
            played & np.array([SCORED, EARNED_TOKEN], np.uint8) > 0,
        ]
        return jnp.where(moved, mover, -1), target, rest

    def _knowledge_bits(self) -> np.ndarray:
        """The bits of a card's knowledge that each feature asks for, uint32."""
        rules = self.rules
        color, rank = np.divmod(np.arange(rules.kinds), rules.ranks)
        possible = np.left_shift(1, color) | np.left_shift(1, rules.colors + rank)
        traits = rules.colors + rules.ranks
        named = np.left_shift(1, np.arange(traits, 2 * traits))
        return np.concatenate([possible, named]).astype(np.uint32)


def _has(word: Array, bits: Array) -> Array:
    return word & bits == bits

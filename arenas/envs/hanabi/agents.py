"""Scripted players of Hanabi, as device agents that read one seat's observation.

Sources. Walton-Rivers, Williams, Bartle, Perez-Liebana and Lucas 2017, *Evaluating and modelling
Hanabi-playing agents* (arXiv 1704.07069), and the same authors' engine of the Hanabi competitions
of 2018 and 2019, describe a player as a list of rules, of which the first that applies acts. They
took *internal* and *outer* from Osawa 2015 (*Solving Hanabi*) and *van-den-bergh* from van den
Bergh, Hommelberg, Kosters and Spieksma 2016 (*Aspects of the cooperative card game Hanabi*). Names
in italics are theirs.

What the sources leave open, here for all players:

* Cards of a hand lie oldest first, as the Learning Environment keeps them; "the first card" is the
  oldest. Of equally good cards the oldest is taken. (The engine puts a new card in the slot of the
  old one and goes by slot.)
* Knowledge is all that the hints say, what a hint did not touch included. A colour or rank is
  known once the hints leave one only. (With ``observation="v0_belief"``, "the hints" stand for the
  hints and the cards that were played and discarded.)
* What an own card can be is what the hints leave, less the cards of which every copy is in sight;
  probabilities weigh the rest by the copies not in sight. A card is *useless* when it can never be
  played: its rank is on the firework, or every copy of it or of a rank before it was discarded.
* "Anyone" is asked in order of seat after the acting player; rules of one other player mean the
  next.
* Hints need a token and discards a token to win. Where no rule applies, the lowest-numbered legal
  action is taken.
"""

from __future__ import annotations

import fractions
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt32

from arenas.agent import DeviceAgent
from arenas.env import require
from arenas.envs.hanabi.encoding import Layout
from arenas.envs.hanabi.game import Hanabi
from arenas.envs.hanabi.view import view

NONE = -1
"""What a rule that does not apply answers."""


class Turn:
    """What the acting player knows, as its rules ask for it.

    A set of cards is a bit mask, bit ``color · R + rank``: at most 25 bits, so that whole hands are
    compared in a few integer operations. ``O``, ``H``, ``C``, ``R`` as in
    :mod:`arenas.envs.hanabi.view`.

    Attributes:
        own: the sets that the hints leave for the own cards, oldest first; 0 where there is none.
        held: the card that each other player holds, as a set of one; 0 where there is none.
        believed: the sets that the hints leave their owners for these.
        playable: the cards that would score now.
        useless: the cards that cannot score any more.
        unseen: the cards of which at least one copy, two and three are not in sight.
    """

    own: Int32[Array, " H"]
    held: Int32[Array, "O H"]
    believed: Int32[Array, "O H"]
    playable: Int32[Array, ""]
    useless: Int32[Array, ""]
    unseen: tuple[Int32[Array, ""], ...]

    def __init__(self, layout: Layout, observation: Any, key: Array) -> None:
        self.rules, self._key = layout.rules, key
        rules, seen = layout.rules, view(layout, observation)
        self.information_tokens, self.life_tokens = seen.information_tokens, seen.life_tokens
        self.deck, self.fireworks = seen.deck, seen.fireworks

        sets = self.set_of(seen.possible)
        self.own, self.believed, self.held = sets[0], sets[1:], self.set_of(seen.hands)

        rank, height = jnp.arange(rules.ranks), seen.fireworks[:, None]
        copies = jnp.array(rules.copies)
        ahead = rank >= height
        lost = ahead & (seen.discards == copies)
        reachable = ahead & (jnp.cumsum(lost, axis=1) == 0)
        unseen = copies - seen.discards - ~ahead - seen.hands.sum(axis=(0, 1), dtype=jnp.int32)
        self.playable = self.set_of(rank == height)
        self.useless = self.set_of(~reachable)
        self.unseen = tuple(self.set_of(unseen > n) for n in range(max(rules.copies)))

        # The mask of one card has its index as the number of bits below it.
        index = jax.lax.population_count(self.held - 1)
        self.color, self.rank = index // rules.ranks, index % rules.ranks
        self.of_color = ((1 << rules.ranks) - 1) << (self.color * rules.ranks)
        self.of_rank = sum(1 << (c * rules.ranks) for c in range(rules.colors)) << self.rank
        self.knows_color = (self.believed & ~self.of_color) == 0
        self.knows_rank = (self.believed & ~self.of_rank) == 0

    def set_of(self, cards: Bool[Array, "*shape C R"]) -> Int32[Array, "*shape"]:
        """The set of the cards that are marked."""
        bits = 1 << jnp.arange(self.rules.kinds)
        return (cards.reshape(*cards.shape[:-2], -1) * bits).sum(axis=-1, dtype=jnp.int32)

    def copies(self, cards: Int32[Array, "*shape"]) -> Int32[Array, "*shape"]:
        """How many copies of these cards are not in sight."""
        return sum((jax.lax.population_count(cards & u) for u in self.unseen), jnp.int32(0))

    @functools.cached_property
    def bits(self) -> UInt32[Array, ""]:
        """Random bits. One draw serves all rules, since one of them acts."""
        return jax.random.bits(self._key)

    @functools.cached_property
    def coin(self) -> Bool[Array, ""]:
        """True half the time."""
        return (self.bits & 1) == 1

    def random_card(self, hand: Int32[Array, " H"]) -> Bool[Array, " H"]:
        """Marks one of the cards of a hand, each with the same probability."""
        there = hand != 0
        count = jnp.maximum(there.sum(), 1).astype(jnp.uint32)
        return there & (jnp.cumsum(there) == 1 + ((self.bits >> 1) % count).astype(jnp.int32))

    # Actions, or NONE ------------------------------------------------------------------------

    def play(self, marked: Bool[Array, " H"]) -> Int32[Array, ""]:
        """Play the first marked card of those held."""
        return _first(marked & (self.own != 0), self.rules.hand_size + self._slots)

    def discard(self, marked: Bool[Array, " H"]) -> Int32[Array, ""]:
        """Discard the first marked card of those held."""
        allowed = self.information_tokens < self.rules.max_information_tokens
        return _first(marked & (self.own != 0) & allowed, self._slots)

    def hint(self, marked: Bool[Array, "O H"], by_rank: Bool[Array, ...]) -> Int32[Array, ""]:
        """Tell the first player with a marked card about it: its rank, or else its colour."""
        told = jnp.where(by_rank, self.hint_rank(self.rank), self.hint_color(self.color))
        return _first(marked & (self.held != 0) & (self.information_tokens > 0), told)

    def hint_color(self, color: Int32[Array, "any n"]) -> Int32[Array, "O n"]:
        """The actions that tell each other player these colours."""
        other = jnp.arange(self.rules.players - 1)[:, None]
        return 2 * self.rules.hand_size + other * self.rules.colors + color

    def hint_rank(self, rank: Int32[Array, "any n"]) -> Int32[Array, "O n"]:
        """The actions that tell each other player these ranks."""
        others = self.rules.players - 1
        before = 2 * self.rules.hand_size + others * self.rules.colors
        return before + jnp.arange(others)[:, None] * self.rules.ranks + rank

    @property
    def _slots(self) -> Int32[Array, " H"]:
        return jnp.arange(self.rules.hand_size)

    @property
    def next_player(self) -> Bool[Array, "O 1"]:
        """Marks the cards of the next player."""
        return jnp.arange(self.rules.players - 1)[:, None] == 0


def _first(marked: Bool[Array, "*shape"], action: Int32[Array, "*shape"]) -> Int32[Array, ""]:
    """The action at the first mark, or NONE."""
    most = 1 << 10  # more than there are actions
    order = jnp.arange(marked.size).reshape(marked.shape) * most + action
    first = jnp.where(marked, order, marked.size * most).min()
    return jnp.where(first < marked.size * most, first % most, NONE).astype(jnp.int32)


# Rules: the action, or NONE where they do not apply ----------------------------------------------

Rule = Callable[[Turn], Array]
Condition = Callable[[Turn], Array]


def when(condition: Condition, rule: Rule, otherwise: Rule | None = None) -> Rule:
    """*IfRule*: the rule under a condition, and another one (or none) without."""

    def apply(turn: Turn) -> Array:
        return jnp.where(condition(turn), rule(turn), otherwise(turn) if otherwise else NONE)

    return apply


def lives_to_spare(turn: Turn) -> Array:
    """A misplay would not end the game."""
    return turn.life_tokens > 1


def deck_is_empty(turn: Turn) -> Array:
    """The last round has begun."""
    return turn.deck == 0


def few_tokens(turn: Turn) -> Array:
    """Fewer than four information tokens are left."""
    return turn.information_tokens < 4


def play_safe(turn: Turn) -> Array:
    """*PlaySafeCard*: the first card that is playable whatever it is."""
    return turn.play(turn.copies(turn.own & ~turn.playable) == 0)


def play_probably_safe(threshold: str) -> Rule:
    """*PlayProbablySafeCard*: the likeliest to be playable, if as likely as this."""
    return lambda turn: turn.play(_likeliest(turn, turn.playable, threshold))


def discard_useless(turn: Turn) -> Array:
    """*OsawaDiscard*: the first card that is useless whatever it is."""
    return turn.discard(turn.copies(turn.own & ~turn.useless) == 0)


def discard_probably_useless(threshold: str) -> Rule:
    """*DiscardProbablyUselessCard*: the likeliest to be useless, if as likely as this."""
    return lambda turn: turn.discard(_likeliest(turn, turn.useless, threshold))


def _likeliest(turn: Turn, wanted: Int32[Array, ""], threshold: str) -> Bool[Array, " H"]:
    """Marks the own cards that are likeliest to be among these; none, if under the threshold.

    In integers throughout: a ratio's rounding would decide between equal cards, and at 3/5.
    """
    least = fractions.Fraction(threshold)
    good, all_ = turn.copies(turn.own & wanted), turn.copies(turn.own)
    best = (good[:, None] * all_ >= good * all_[:, None]).all(axis=1)
    return best & (good * least.denominator >= all_ * least.numerator)


def discard_oldest(turn: Turn) -> Array:
    """*DiscardOldestFirst*: the card that was held longest."""
    return turn.discard(turn.own != 0)


def discard_randomly(turn: Turn) -> Array:
    """*DiscardRandomly*: any card, each with the same probability."""
    return turn.discard(turn.random_card(turn.own))


def tell_useful(turn: Turn) -> Array:
    """*TellAnyoneAboutUsefulCard*: the first playable card of which the owner does not know all.

    Its rank, unless that is known; then its colour.
    """
    unknown = ~(turn.knows_rank & turn.knows_color)
    return turn.hint(((turn.held & turn.playable) != 0) & unknown, ~turn.knows_rank)


def tell_next_useful(turn: Turn) -> Array:
    """*TellPlayableCardOuter*: as :func:`tell_useful`, to the next player only."""
    unknown = ~(turn.knows_rank & turn.knows_color) & turn.next_player
    return turn.hint(((turn.held & turn.playable) != 0) & unknown, ~turn.knows_rank)


def tell_next_playable(turn: Turn) -> Array:
    """*TellPlayableCard*: the next player's first playable card, known or not; a coin decides what.

    Rank and colour have the same probability.
    """
    return turn.hint(((turn.held & turn.playable) != 0) & turn.next_player, turn.coin)


def tell_sure(turn: Turn) -> Array:
    """The first playable card that one hint lets its owner play for sure, who could not before.

    Sure by the hints alone. Its rank, if that does it; else its colour.
    """
    blocked = turn.believed & ~turn.playable
    by_rank, by_color = (blocked & turn.of_rank) == 0, (blocked & turn.of_color) == 0
    useful = ((turn.held & turn.playable) != 0) & (blocked != 0)
    return turn.hint(useful & (by_rank | by_color), by_rank)


def tell_useless(turn: Turn) -> Array:
    """*TellAnyoneAboutUselessCard*: the first useless card of which the owner does not know all.

    Its rank, unless that is known; then its colour.
    """
    unknown = ~(turn.knows_rank & turn.knows_color)
    return turn.hint(((turn.held & turn.useless) != 0) & unknown, ~turn.knows_rank)


def tell_dispensable(turn: Turn) -> Array:
    """*TellDispensable*: the first card that one hint shows its owner to be useless.

    The colour, where its firework is complete; else the rank, where all fireworks have it; else
    what is missing of a useless card of which the owner knows one of the two.
    """
    ranks, height = jnp.arange(turn.rules.ranks), turn.fireworks[:, None]
    complete = turn.set_of(jnp.broadcast_to(height == turn.rules.ranks, (height.size, ranks.size)))
    passed = turn.set_of(jnp.broadcast_to(ranks < height.min(), (height.size, ranks.size)))
    color = ~turn.knows_color & ((turn.held & complete) != 0)
    rank = ~turn.knows_rank & ((turn.held & passed) != 0)
    rest = (turn.knows_color ^ turn.knows_rank) & ((turn.held & turn.useless) != 0)
    by_rank = ~color & (rank | ~turn.knows_rank)
    return turn.hint(color | rank | rest, by_rank)


def tell_unknown(turn: Turn) -> Array:
    """*TellUnknown*: the next player's first card that is not known: its colour, else its rank."""
    unknown = ~(turn.knows_rank & turn.knows_color) & turn.next_player
    return turn.hint(unknown, turn.knows_color)


def tell_randomly(turn: Turn) -> Array:
    """*TellRandomly*: any card of the next player, and a coin decides what of it."""
    return turn.hint(turn.next_player & turn.random_card(turn.held[0]), turn.coin)


def tell_most(turn: Turn) -> Array:
    """*TellMostInformation* (new): the hint about the most cards of which it was not known.

    Of equals the first: by player, ranks before colours, low before high.
    """
    ranks, colors = jnp.arange(turn.rules.ranks), jnp.arange(turn.rules.colors)
    new_rank = (turn.held != 0) & ~turn.knows_rank
    new_color = (turn.held != 0) & ~turn.knows_color
    by_rank = ((turn.rank[..., None] == ranks) & new_rank[..., None]).sum(axis=1)
    by_color = ((turn.color[..., None] == colors) & new_color[..., None]).sum(axis=1)
    cards = jnp.concatenate([by_rank, by_color], axis=1)
    actions = [turn.hint_rank(ranks[None]), turn.hint_color(colors[None])]
    most = (cards == cards.max()) & (cards > 0) & (turn.information_tokens > 0)
    return _first(most, jnp.concatenate(actions, axis=1))


# Players -----------------------------------------------------------------------------------------


class RulePlayer(DeviceAgent):
    """A player that does what the first rule of its list says that applies."""

    rules: tuple[Rule, ...]

    def __init__(self, env: Any) -> None:
        game = getattr(env, "env", env).unwrapped  # a host environment holds the game as `env`
        require(isinstance(game, Hanabi), f"{env!r} is not Hanabi, which this agent plays")
        self.layout: Layout = game.layout

    def act(self, params, carry, observation, action_mask, key):
        turn = Turn(self.layout, observation, key)
        mask = jnp.asarray(action_mask)
        lowest = jnp.argmax(mask).astype(jnp.int32)
        action = lowest
        for rule in reversed(self.rules):
            ruled = rule(turn)
            action = jnp.where(ruled == NONE, action, ruled)
        # In a seat that does not act, the rules speak of an action that is not theirs to take.
        legal = (mask & (jnp.arange(mask.size) == action)).any()
        return carry, jnp.where(legal, action, lowest)


class Cautious(RulePlayer):
    """Never risks a life: plays what it knows to be playable, and helps others to know.

    Our own; deterministic. Its hints make a card surely playable where one hint can.
    """

    rules = (play_safe, tell_sure, tell_useful, discard_useless, discard_oldest, tell_most)


class IGGI(RulePlayer):
    """*IGGI* (Walton-Rivers et al. 2017): never risks a life, and discards predictably.

    The engine's first rule, *PlayIfCertain*, is left out: what it plays is safe, and *PlaySafeCard*
    follows it. *TellRandomly* ends the list in the engine, where a discard is not allowed.
    """

    rules = (play_safe, tell_useful, discard_useless, discard_oldest, tell_randomly)


class Piers(RulePlayer):
    """*Piers* (Walton-Rivers et al. 2017): *IGGI* that takes risks while it has lives to lose.

    It plays what is playable with a probability of at least 0.6, and anything, the likeliest first,
    once the deck is empty; short of tokens, it tells others which cards they can discard.
    """

    rules = (
        when(
            lambda turn: lives_to_spare(turn) & deck_is_empty(turn),
            play_probably_safe("0"),
        ),
        play_safe,
        when(lives_to_spare, play_probably_safe("0.6")),
        tell_useful,
        when(few_tokens, tell_dispensable),
        discard_useless,
        discard_oldest,
        tell_randomly,
        discard_randomly,
    )


class Internal(RulePlayer):
    """*Internal-state* (Osawa 2015): remembers what it was told, and not what it told others."""

    rules = (play_safe, discard_useless, tell_next_playable, tell_randomly, discard_randomly)


class Outer(RulePlayer):
    """*Outer-state* (Osawa 2015): remembers also what others were told, and tells them more."""

    rules = (play_safe, discard_useless, tell_next_useful, tell_unknown, discard_randomly)


class Flawed(RulePlayer):
    """*Flawed* (Walton-Rivers et al. 2017): plays at a probability of 0.25, and hints at random.

    Made to be understood: it does well with partners who tell it what it must not play.
    """

    rules = (
        play_safe,
        play_probably_safe("0.25"),
        tell_randomly,
        discard_useless,
        discard_oldest,
        discard_randomly,
    )


class VanDenBergh(RulePlayer):
    """The best rules of van den Bergh et al. 2016, as Walton-Rivers et al. 2017 give them.

    *TellAnyoneAboutUselessCard* does not apply to cards of which everything is known: there the
    engine repeats the colour.
    """

    rules = (
        when(lives_to_spare, play_probably_safe("0.6"), play_safe),
        discard_probably_useless("1"),
        tell_useful,
        tell_useless,
        tell_most,
        discard_probably_useless("0"),
    )

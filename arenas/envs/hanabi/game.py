"""Hanabi: players see every hand but their own, and tell each other what to play.

Source: Bard et al. 2020, "The Hanabi Challenge: A New Frontier for AI Research" (Artificial
Intelligence 280), and its Hanabi Learning Environment. The rules are in
:mod:`arenas.envs.hanabi.rules`, what players see in :mod:`arenas.envs.hanabi.encoding`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int32, PRNGKeyArray

from arenas.env import NOT_STARTED, Env, Transition, require
from arenas.envs import _checks
from arenas.envs._checks import Choice, Whole
from arenas.envs.hanabi.encoding import Layout
from arenas.envs.hanabi.rules import (
    COLORS,
    HanabiState,
    Rules,
    apply,
    is_over,
    legal_moves,
    score,
    shuffled,
    unknown,
)

MOST_TOKENS = 100  # of a kind; counters are uint8


class Hanabi(Env[HanabiState]):
    """Hanabi for 2 to 5 players, with the rules and the encoding of the Learning Environment.

    **Seats** ``player_0`` to ``player_{players-1}``, who act in turn, ``player_0`` first; everyone
    sees every position.

    **Actions**, ``H`` = hand size, ``n`` = players: ``0..H-1`` discard the card in a slot;
    ``H..2H-1`` play it; then hint a colour, for each other player in order of seat after the acting
    one and each colour; then hint a rank likewise; last a no-op for the seats that do not act,
    never legal for the one that does. An illegal action stands for the lowest-numbered legal one.

    **Observation** ``[A, F]``, F = 658 for two players: see :class:`Layout`. Bits, uint8,
    as the Learning Environment and OpenSpiel give them (``observation="canonical"``); or float32
    with probabilities of the cards in the knowledge block, as JaxMARL (``"v0_belief"``).

    **Reward**, the same for all: the change of the score, which is the number of cards played.
    With ``scoring="strict"`` a game that is lost scores 0, so losing the last life costs all that
    was scored; with ``"lenient"`` it keeps its fireworks.

    **End.** Terminated when no lives are left, when all fireworks are complete, or when everyone
    had a turn after the last card was drawn. Never truncated: see :attr:`Rules.longest_game`.

    **Info**: ``score``, ``information_tokens``, ``life_tokens``, ``deck_size`` after the move,
    int32 [].

    ``reset(key, deck=...)`` plays a given deck, ``[cards]`` integers: card ``color × ranks + rank``
    (both from 0; colours red, yellow, green, white, blue), the first card dealt first. Player 0's
    hand is dealt first, slot 0 to the last, then player 1's, and so on; then cards are drawn from
    the front of the rest.

    Args:
        players: 2 to 5.
        colors: 1 to 5.
        ranks: 1 to 5.
        hand_size: 1 to 5; None is 5 for two or three players, 4 for more.
        max_information_tokens: hints at the start and at most, 0 to 100.
        max_life_tokens: wrong plays that end the game, 1 to 100.
        scoring: ``"strict"`` or ``"lenient"``.
        observation: ``"canonical"`` or ``"v0_belief"``.

    Example:
        >>> import arenas, jax
        >>> env = arenas.make("hanabi-v0")
        >>> state, timestep = env.reset(jax.random.key(0))
        >>> timestep.observation.shape
        (2, 658)
        >>> env.action_labels[5], env.action_labels[12]
        ('play:0', 'hint:+1:green')
    """

    def __init__(
        self,
        *,
        players: Whole = 2,
        colors: Whole = 5,
        ranks: Whole = 5,
        hand_size: Whole | None = None,
        max_information_tokens: Whole = 8,
        max_life_tokens: Whole = 3,
        scoring: Choice = "strict",
        observation: Choice = "canonical",
    ) -> None:
        players = _checks.whole("players", players, 2, 5)
        if hand_size is None:
            hand_size = 5 if players < 4 else 4
        self.rules = rules = Rules(
            players=players,
            colors=_checks.whole("colors", colors, 1, len(COLORS)),
            ranks=_checks.whole("ranks", ranks, 1, 5),
            hand_size=_checks.whole("hand_size", hand_size, 1, 5),
            max_information_tokens=_checks.whole(
                "max_information_tokens", max_information_tokens, 0, MOST_TOKENS
            ),
            max_life_tokens=_checks.whole("max_life_tokens", max_life_tokens, 1, MOST_TOKENS),
        )
        require(
            rules.dealt <= rules.cards,
            f"{players} hands of {hand_size} cards need {rules.dealt} cards; {rules.colors} colors "
            f"and {rules.ranks} ranks have {rules.cards}",
        )
        self.scoring = _checks.one_of("scoring", scoring, ("strict", "lenient"))
        self.observation = _checks.one_of("observation", observation, ("canonical", "v0_belief"))
        self.layout = Layout(rules)
        self.agents = tuple(f"player_{i}" for i in range(players))
        self.no_op = rules.no_op
        self.action_space = gymnasium.spaces.Discrete(rules.no_op + 1)
        self.action_labels = _labels(rules)
        dtype = np.uint8 if self.observation == "canonical" else np.float32
        self.observation_space = gymnasium.spaces.Box(0, 1, (self.layout.size,), dtype)
        self.return_range = (0.0, float(rules.kinds))

    def _initial(self, key: PRNGKeyArray, deck: Any = None) -> HanabiState:
        rules = self.rules
        if deck is None:
            deck = shuffled(rules, key)
        deck = jnp.asarray(deck)
        require(
            deck.shape == (rules.cards,) and bool(jnp.issubdtype(deck.dtype, jnp.integer)),
            f"deck has shape {deck.shape} and dtype {deck.dtype}; accepted are {rules.cards} "
            "integers",
        )
        deck = deck.astype(jnp.uint8)
        hands = deck[: rules.dealt].reshape(rules.players, rules.hand_size)
        return HanabiState(
            **NOT_STARTED,
            deck=deck,
            deck_size=jnp.uint8(rules.cards - rules.dealt),
            hands=hands,
            knowledge=jnp.full(hands.shape, unknown(rules), jnp.uint16),
            fireworks=jnp.zeros(rules.colors, jnp.uint8),
            discards=jnp.zeros(rules.colors, jnp.uint16),
            information_tokens=jnp.uint8(rules.max_information_tokens),
            life_tokens=jnp.uint8(rules.max_life_tokens),
            turns_left=jnp.uint8(rules.players),
            player=jnp.int8(0),
            last_action=jnp.uint8(rules.no_op),
            last_card=jnp.uint8(rules.no_card),
            last_effect=jnp.uint8(0),
        )

    def _concrete_reset_options(self, options: dict[str, Any]) -> dict[str, Any]:
        if options.get("deck") is None:
            return {}
        given = np.asarray(options["deck"])
        rules = self.rules
        require(
            given.shape == (rules.cards,)
            and given.dtype.kind in "iu"
            and np.array_equal(np.sort(given), rules.sorted_deck),
            f"deck is {given.tolist()!r}; accepted are {rules.cards} integers, color × "
            f"{rules.ranks} + rank, with each rank as often as the game has it in each colour: "
            f"a permutation of {rules.sorted_deck.tolist()}",
        )
        return {"deck": given.astype(np.uint8)}

    def _transition(
        self, key: PRNGKeyArray, state: HanabiState, action: Int32[Array, " agents"]
    ) -> Transition[HanabiState]:
        new = apply(self.rules, state, action[state.player])
        before, now = score(jnp.asarray(state.fireworks)), score(jnp.asarray(new.fireworks))
        if self.scoring == "strict":
            now = jnp.where(new.life_tokens == 0, 0, now)
        info = {
            "score": now,
            "information_tokens": new.information_tokens.astype(jnp.int32),
            "life_tokens": new.life_tokens.astype(jnp.int32),
            "deck_size": new.deck_size.astype(jnp.int32),
        }
        reward = jnp.full(self.num_agents, now - before, jnp.float32)
        return Transition(new, reward, is_over(self.rules, new), info)

    def _action_mask(self, state: HanabiState) -> Bool[Array, "agents actions"]:
        return legal_moves(self.rules, state)

    def _acting(self, state: HanabiState) -> Bool[Array, " agents"]:
        return np.arange(self.num_agents) == state.player

    def _observation(self, state: HanabiState) -> Array:
        if self.observation == "canonical":
            return self.layout.canonical(state)
        return self.layout.v0_belief(state)


def _labels(rules: Rules) -> tuple[str, ...]:
    offsets = range(1, rules.players)
    return (
        *(f"discard:{slot}" for slot in range(rules.hand_size)),
        *(f"play:{slot}" for slot in range(rules.hand_size)),
        *(f"hint:+{i}:{color}" for i in offsets for color in COLORS[: rules.colors]),
        *(f"hint:+{i}:{rank + 1}" for i in offsets for rank in range(rules.ranks)),
        "no-op",
    )

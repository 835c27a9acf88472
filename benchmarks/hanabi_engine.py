"""IGGI and Piers with the choices of their authors' engine, as plain Python: a check by simulation.

Where :mod:`arenas.envs.hanabi.agents` departs from the engine of Walton-Rivers et al., this does as
the engine does. A new card takes the slot of the old one, and rules go by slot; what a hint did not
touch is no knowledge; a card is discarded as useless by the engine's narrower conditions. It shares
no code with Arenas, the rules of the game included, so that its scores tell what these choices are
worth, and whether both play the same players.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import random

RANKS = range(1, 6)
COPIES = {1: 3, 2: 2, 3: 2, 4: 2, 5: 1}
CARDS = [(color, rank) for color in range(5) for rank in RANKS]
Move = tuple[str, int, int]  # play or discard: slot, 0; color or rank: player, value


@dataclasses.dataclass
class Held:
    """A card, what hints said of it, and when it was drawn."""

    card: tuple[int, int]
    drawn: int
    color: int | None = None
    rank: int | None = None


class Game:
    """A game of copies of one player."""

    def __init__(self, players: int, risks: bool, rng: random.Random) -> None:
        self.risks, self.rng, self.players = risks, rng, players
        self.deck = [card for card in CARDS for _ in range(COPIES[card[1]])]
        rng.shuffle(self.deck)
        size = 5 if players < 4 else 4
        self.hands: list[list[Held | None]] = [
            [Held(self.deck.pop(), 0) for _ in range(size)] for _ in range(players)
        ]
        self.fireworks, self.discards = [0] * 5, collections.Counter()
        self.tokens, self.lives, self.me = 8, 3, 0

    def play(self) -> int:
        """The score, with the fireworks of a lost game."""
        turns_left = self.players
        for turn in itertools.count(1):
            turns_left -= not self.deck
            self.make(self.choose(), turn)
            self.me = (self.me + 1) % self.players
            if self.lives == 0 or turns_left == 0 or sum(self.fireworks) == 25:
                return sum(self.fireworks)
        raise AssertionError

    def make(self, move: Move, turn: int) -> None:
        kind, where, value = move
        if kind in ("color", "rank"):
            self.tokens -= 1
            for held in self.cards(where):
                if held.card[kind == "rank"] == value:
                    setattr(held, kind, value)
            return
        held = self.hands[self.me][where]
        assert held is not None
        color, rank = held.card
        if kind == "play" and self.playable(held.card):
            self.fireworks[color] = rank
            self.tokens = min(8, self.tokens + (rank == 5))
        else:
            self.discards[held.card] += 1
            self.lives -= kind == "play"
            self.tokens += kind == "discard"
        self.hands[self.me][where] = Held(self.deck.pop(), turn) if self.deck else None

    def cards(self, player: int) -> list[Held]:
        return [held for held in self.hands[player] if held]

    @property
    def others(self) -> list[int]:
        return [(self.me + i) % self.players for i in range(1, self.players)]

    def playable(self, card: tuple[int, int]) -> bool:
        return self.fireworks[card[0]] + 1 == card[1]

    def choose(self) -> Move:
        seen = collections.Counter(h.card for other in self.others for h in self.cards(other))
        unseen = [
            card
            for card in CARDS
            for _ in range(
                COPIES[card[1]]
                - self.discards[card]
                - (self.fireworks[card[0]] >= card[1])
                - seen[card]
            )
        ]
        own = {slot: held for slot, held in enumerate(self.hands[self.me]) if held}
        could = {
            slot: [c for c in unseen if h.color in (None, c[0]) and h.rank in (None, c[1])]
            for slot, h in own.items()
        }
        chance = {slot: sum(map(self.playable, c)) / len(c) for slot, c in could.items()}
        likeliest = max(chance, key=lambda slot: (chance[slot], slot))
        if self.risks and self.lives > 1 and not self.deck:
            return "play", likeliest, 0
        if safe := [slot for slot in chance if chance[slot] == 1]:
            return "play", safe[0], 0
        if self.risks and self.lives > 1 and chance[likeliest] >= 0.6:
            return "play", likeliest, 0
        if self.tokens and (move := self.tell_useful()):
            return move
        if self.risks and 0 < self.tokens < 4 and (move := self.tell_dispensable()):
            return move
        if self.tokens < 8:
            useless = [slot for slot in own if self.useless(own[slot], could[slot])]
            oldest = min(own, key=lambda slot: own[slot].drawn)
            return "discard", useless[0] if useless else oldest, 0
        kind = self.rng.choice(["color", "rank"])
        told = self.rng.choice(self.cards(self.others[0]))
        return kind, self.others[0], told.card[kind == "rank"]

    def tell_useful(self) -> Move | None:
        for other in self.others:
            for held in self.cards(other):
                if self.playable(held.card) and held.rank is None:
                    return "rank", other, held.card[1]
                if self.playable(held.card) and held.color is None:
                    return "color", other, held.card[0]
        return None

    def tell_dispensable(self) -> Move | None:
        for other in sorted(self.others):
            for held in self.cards(other):
                color, rank = held.card
                if held.color is None and self.fireworks[color] == 5:
                    return "color", other, color
                if held.rank is None and rank <= min(self.fireworks):
                    return "rank", other, rank
                if (held.color is None) != (held.rank is None) and self.fireworks[color] > rank:
                    missing = ("color", color) if held.color is None else ("rank", rank)
                    return missing[0], other, missing[1]
        return None

    def useless(self, held: Held, could: list[tuple[int, int]]) -> bool:
        if held.color is None:
            return held.rank is not None and held.rank <= min(self.fireworks)
        height = self.fireworks[held.color]
        lost = [r for r in RANKS if r > height and self.discards[held.color, r] == COPIES[r]]
        if lost and min(rank for _, rank in could) >= lost[0]:
            return True
        return height == 5 if held.rank is None else height > held.rank


def scores(players: int, risks: bool, games: int, seed: int) -> list[int]:
    """Scores of IGGI (of Piers, with ``risks``) in self-play."""
    rng = random.Random(seed)
    return [Game(players, risks, rng).play() for _ in range(games)]

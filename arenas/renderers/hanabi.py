"""Hanabi's drawing: a table with hands and what was told of them, fireworks, and the log in words.

What hints told is common knowledge, and shown for every hand in every view. A seat's view hides the
ranks and colours of its own cards, except where the hints leave one only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arenas.envs.hanabi.rules import COLORS, NAMED_COLOR, NAMED_RANK, SCORED, Rules
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    BLUE,
    FAINT,
    GREEN,
    GROUND,
    INK,
    PANEL,
    SEATS,
    VERMILION,
    WHITE,
    YELLOW,
    Item,
    Line,
    Number,
    Polygon,
    Rect,
    Scene,
    Text,
    circle,
)
from arenas.renderers.symbols import blend, fitted, symbol, unwrapped

PAINT = (VERMILION, YELLOW, GREEN, "#f4f4f4", BLUE)
ON_PAINT = (WHITE, "#161b22", WHITE, "#161b22", WHITE)  # legible on it
SHAPES = ("triangle", "star", "square", "circle", "diamond")
"""The five colours as painted, and a shape for each: red, yellow, green, white, blue."""

BACK = "#3a4658"
LOG = 698.0  # where the log begins
LOG_WIDTH = 238.0
LINES = 15  # of the log
SLOT = 118  # from one card of a hand to the next
ROOMY = 150  # in higher rows there is room below the cards for what was told of them


class Move(NamedTuple):
    """One move, in words."""

    seat: int
    words: str
    which: str  # of the cards in the hand, counted from the oldest
    card: int  # played or discarded, or -1
    kind: str  # play, misplay, discard, hint
    told: int  # who was given the hint, or -1
    color: int  # named by the hint, or -1


class HanabiDrawing(Drawing):
    """The table as everyone sees it, or as one player does, whose own cards lie face down."""

    fps = 1.5

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        self.game = unwrapped(film.env)
        self.rules: Rules = self.game.rules
        self._log: list[Move | None] = [None]  # by moment, what led there
        self._row = 412 / self.rules.players
        self._copies = self.rules.copies
        self._first = np.cumsum((0, *self._copies))

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The table after ``t`` moves."""
        self._read(t)
        items: list[Item] = [
            Text(24, 36, "Hanabi", 22, INK, bold=True),
            Text(936, 36, f"move {t}", 15, FAINT, "end"),
        ]
        items += self._tokens(t)
        items += self._fireworks(t)
        items += self._discards(t)
        for player in range(self.rules.players):
            items += self._hand(t, player, seat)
        return Scene(GROUND, tuple(items + self._logged(t)))

    def events(self, t: int) -> list[Event]:
        """Cards played, misplays, the last copy of a card thrown away, and the end."""
        self._read(t)
        move, moment, before = self._log[t], self.film.moments[t], self.film.moments[t - 1]
        if move is None:
            return []
        found = []
        who = self.film.env.agents[move.seat]
        if move.kind == "play":
            found.append(Event(t, "firework", f"{self._name(move.card)} played", move.seat))
        elif move.kind == "misplay":
            text = f"{who} misplays {self._name(move.card)}"
            found.append(Event(t, "misplay", text, move.seat))
        if move.kind in ("misplay", "discard") and self._is_lost(t, move.card):
            found.append(Event(t, "lost", f"the last {self._name(move.card)} is gone", move.seat))
        if moment.state.deck_size == 0 and before.state.deck_size > 0:
            found.append(Event(t, "deck", "the deck is empty: the last round"))
        if moment.timestep.terminated:
            lost = " (no lives left)" if moment.state.life_tokens == 0 else ""
            score = int(moment.timestep.info["score"])
            found.append(Event(t, "end", f"the end: score {score}{lost}"))
        return found

    # Moves in words ------------------------------------------------------------------------------

    def _name(self, card: int) -> str:
        color, rank = divmod(card, self.rules.ranks)
        return f"{COLORS[color]} {rank + 1}"

    def _read(self, t: int) -> None:
        """Go through the moments up to ``t`` that were not read yet."""
        rules, moments = self.rules, self.film.moments
        for i in range(len(self._log), t + 1):
            state, seat = moments[i].state, int(moments[i - 1].state.player)
            action = int(state.last_action)
            if action < 2 * rules.hand_size:
                card = int(state.last_card)
                slot = action % rules.hand_size + 1
                if action < rules.hand_size:
                    kind, verb = "discard", "discards"
                elif int(state.last_effect) & SCORED:
                    kind, verb = "play", "plays"
                else:
                    kind, verb = "misplay", "misplays"
                words = f"{verb} {self._name(card)}"
                self._log.append(Move(seat, words, f"card {slot}", card, kind, -1, -1))
                continue
            hint, others = action - 2 * rules.hand_size, rules.players - 1
            by_color = hint < others * rules.colors
            size = rules.colors if by_color else rules.ranks
            offset, what = divmod(hint - (0 if by_color else others * rules.colors), size)
            told = (seat + 1 + offset) % rules.players
            cards = [str(s + 1) for s in range(rules.hand_size) if int(state.last_effect) >> s & 1]
            name = COLORS[what] if by_color else f"rank {what + 1}"
            words = f"tells {self._short(told)} {name}"
            which = f"card{'s' * (len(cards) > 1)} {', '.join(cards)}"
            self._log.append(Move(seat, words, which, -1, "hint", told, what if by_color else -1))

    def _short(self, seat: int) -> str:
        return f"P{seat}"

    def _count(self, t: int, card: int) -> int:
        """How many copies of a card were discarded."""
        color, rank = divmod(card, self.rules.ranks)
        bits = int(self.film.moments[t].state.discards[color])
        field = (1 << int(self._copies[rank])) - 1
        return (bits >> int(self._first[rank]) & field).bit_count()

    def _is_lost(self, t: int, card: int) -> bool:
        """Whether all copies were discarded."""
        return self._count(t, card) == self._copies[card % self.rules.ranks]

    # The table -----------------------------------------------------------------------------------

    def _tokens(self, t: int) -> list[Item]:
        """Hints, lives, cards to draw, and the score."""
        state, rules = self.film.moments[t].state, self.rules
        hints, lives = int(state.information_tokens), int(state.life_tokens)
        items: list[Item] = [Rect(24, 56, 650, 48, PANEL, radius=8)]

        def pips(x: Number, word: str, there: int, most: int, shape: str, color: str) -> float:
            items.append(Text(x, 80, word, 15, FAINT))
            x += 12 + 9 * len(word)
            if most <= 8:
                for i in range(most):
                    full = i < there
                    items.append(symbol(shape, x + 16 * i, 80.0, 6.5, color if full else "#333e4d"))
                return x + 16 * most
            items.append(symbol(shape, x, 80.0, 6.5, color))
            items.append(Text(x + 14, 80, f"{there} of {most}", 15, INK))
            return x + 90

        x = pips(38.0, "hints", hints, rules.max_information_tokens, "circle", "#8fd0ff")
        x = pips(max(x + 16, 240.0), "lives", lives, rules.max_life_tokens, "star", "#ff9d6c")
        items.append(Text(max(x + 16, 372.0), 80, "deck", 15, FAINT))
        x = max(x + 16, 372.0) + 46
        deck = int(state.deck_size)
        for i in range(min(3, deck)):
            items.append(Rect(x + 3 * i, 68 - 2 * i, 18, 26, BACK, INK, 1, 3))
        items.append(Text(x + 34, 80, str(deck), 18, INK, bold=True))
        if deck == 0 and not self.film.moments[t].timestep.terminated:
            items.append(Text(x + 54, 80, f"{int(state.turns_left)} turns left", 14, INK))
        score = int(np.sum(state.fireworks))
        text = f"{score}"
        lost = lives == 0 and self.game.scoring == "strict"
        items.append(Text(618, 80, text, 26, FAINT if lost else INK, "end", bold=True))
        items.append(Text(624, 82, f"/ {rules.kinds}", 15, FAINT))
        if lost:
            items.append(Line(((584, 80), (620, 80)), VERMILION, 3))
        return items

    def _fireworks(self, t: int) -> list[Item]:
        """A column for each colour, as high as it was played."""
        state, rules, move = self.film.moments[t].state, self.rules, self._log[t]
        items: list[Item] = []
        for color in range(rules.colors):
            x, height = 24 + 74.0 * color, int(state.fireworks[color])
            new = move is not None and move.kind == "play" and move.card // rules.ranks == color
            items.append(Rect(x, 114, 66, 88, PANEL, PAINT[color] if new else "", 2, 8))
            if height:
                items += self._card(x + 5, 118.0, 56.0, 66.0, color, height - 1)
            else:
                items.append(
                    symbol(SHAPES[color], x + 33, 150.0, 13.0, blend(PAINT[color], PANEL, 0.3))
                )
            for rank in range(rules.ranks):
                left = x + 5 + 56 / rules.ranks * rank
                full = rank < height
                items.append(
                    Rect(left, 189, 56 / rules.ranks - 2, 7, PAINT[color] if full else "#333e4d")
                )
        return items

    def _discards(self, t: int) -> list[Item]:
        """How many of each card were discarded; crossed where none is left."""
        rules = self.rules
        items: list[Item] = [
            Rect(402, 114, 272, 88, PANEL, radius=8),
            Text(414, 128, "discards", 14, FAINT),
        ]
        for rank in range(rules.ranks):
            items.append(Text(500 + 36 * rank, 128, str(rank + 1), 14, FAINT, "middle"))
        for color in range(rules.colors):
            y = 142 + 12.5 * color
            items.append(symbol(SHAPES[color], 424.0, y, 5.0, PAINT[color]))
            for rank in range(rules.ranks):
                count = self._count(t, color * rules.ranks + rank)
                copies = self._copies[rank]
                gone = count == copies
                for i in range(count):
                    x = 500 + 36 * rank + 10 * (i - (count - 1) / 2)
                    items.append(symbol(SHAPES[color], x, y, 4.0, PAINT[color]))
                if gone:
                    x, half = 500 + 36 * rank, 5 + 5 * count
                    items.append(Line(((x - half, y), (x + half, y)), "#ff6b5e", 2))
        return items

    def _card(
        self, x: Number, y: Number, width: Number, height: Number, color: int, rank: int
    ) -> list[Item]:
        """A card, face up; −1 for a colour or rank that is not known."""
        face = PAINT[color] if color >= 0 else BACK
        ink = ON_PAINT[color] if color >= 0 else INK
        items: list[Item] = [Rect(x, y, width, height, face, "#0b0f14", 1.5, 6)]
        size = min(height * 0.42, width * 0.62)
        middle = x + width / 2
        if color >= 0:
            items.append(symbol(SHAPES[color], middle, y + height * 0.3, size * 0.36, ink))
        else:
            items.append(Text(middle, y + height * 0.3, "?", size * 0.8, FAINT, "middle"))
        number = str(rank + 1) if rank >= 0 else "?"
        items.append(
            Text(
                middle, y + height * 0.72, number, size, ink if rank >= 0 else FAINT, "middle", True
            )
        )
        return items

    def card_place(self, player: int, slot: int) -> tuple[float, float, float, float]:
        """Where a card of a hand lies: left, top, width and height."""
        room, cards = self._row, self.rules.hand_size
        below = room > ROOMY
        height = 122.0 if below else min(84.0, room - 24)
        step = 109 if cards > 4 else SLOT
        left = 124 + (550 - 10 - SLOT * cards) / 2 * (cards < 4) + step * slot
        top = 214 + room * player + (room - 8 - height) / 2 - 20 * below
        return left, top, round(height * 0.66, 1), height

    def _hand(self, t: int, player: int, seat: int | None) -> list[Item]:
        """A player's cards, oldest first, each with what its owner was told of it."""
        moment, rules, move = self.film.moments[t], self.rules, self._log[t]
        state, room = moment.state, self._row
        top, color = 214 + room * player, SEATS[player % len(SEATS)]
        acts = bool(moment.timestep.acting[player])
        mine = seat == player
        items: list[Item] = [
            Rect(24, top, 650, room - 8, PANEL, color if mine else "", 2, 8),
            Rect(24, top, 6, room - 8, color, radius=3),
        ]
        middle = top + (room - 8) / 2
        name, agent = self.film.env.agents[player], self.film.agents[player]
        caption = [(name.replace("player_", "player "), 15, color, True)]
        if agent != name:
            caption.append((fitted(agent.split("/")[-1], 86.0, 13.0), 13, FAINT, False))
        if mine and not (acts and room < 90):  # where four lines have no room
            caption.append(("this seat", 13, INK, False))
        if acts:
            caption.append(("to move", 13, INK, False))
        for i, (text, size, fill, bold) in enumerate(caption):
            y = middle + 19 * (i - (len(caption) - 1) / 2)
            items.append(Text(40, y, text, size, fill, bold=bold))
        if acts:
            items.append(Polygon(((8, middle - 8), (20, middle), (8, middle + 8)), color))
        below = room > ROOMY
        touched = 0
        if move is not None and move.told == player:
            touched = int(state.last_effect)
        for slot in range(rules.hand_size):
            card, known = int(state.hands[player, slot]), int(state.knowledge[player, slot])
            x, y, width, height = self.card_place(player, slot)
            if card == rules.no_card:
                items.append(Rect(x, y, width, height, "", "#333e4d", 1, 6))
                continue
            colors = [c for c in range(rules.colors) if known >> c & 1]
            ranks = [r for r in range(rules.ranks) if known >> (rules.colors + r) & 1]
            shown, rank = divmod(card, rules.ranks)
            if mine:  # what follows from the hints, which the drawing reads and not the card
                shown = colors[0] if len(colors) == 1 else -1
                rank = ranks[0] if len(ranks) == 1 else -1
            items += self._card(x, y, width, height, shown, rank)
            if touched >> slot & 1:
                items.append(Rect(x - 3, y - 3, width + 6, height + 6, "", WHITE, 2.5, 8))
            if below:
                items += self._told(x, y + height + 8, 5, colors, ranks, known)
            else:
                items += self._told(x + width + 5, middle - 31, 3, colors, ranks, known)
        return items

    def _told(
        self, x: Number, y: Number, columns: int, colors: list[int], ranks: list[int], known: int
    ) -> list[Item]:
        """What the hints leave of a card: symbols of its colours, and its ranks.

        On a lighter ground where a hint named the colour or the rank.
        """
        rules = self.rules
        items: list[Item] = []
        wide = 12.5 if columns == 3 else 16.0
        height = 33 if columns == 3 else 19
        for row, (there, most, named) in enumerate(
            ((colors, rules.colors, NAMED_COLOR), (ranks, rules.ranks, NAMED_RANK))
        ):
            begin = y + height * row
            if known & named:
                items.append(
                    Rect(x - 2, begin - 1, wide * columns + 1, height - 2, "#465468", radius=4)
                )
            for i in range(most):
                px = x + wide / 2 + wide * (i % columns)
                py = begin + 7 + 15 * (i // columns)
                if i not in there:
                    items.append(circle(px, py, 1.4, "#4a5665"))
                elif row == 0:
                    items.append(symbol(SHAPES[i], px, py, 4.6, PAINT[i]))
                else:
                    items.append(Text(px, py, str(i + 1), 13, INK, "middle"))
        return items

    def _logged(self, t: int) -> list[Item]:
        """The last moves in words, the newest above."""
        items: list[Item] = [
            Rect(LOG - 12, 56, LOG_WIDTH + 12, 560, PANEL, radius=8),
            Text(LOG, 76, "moves, the newest first", 14, FAINT),
        ]
        for i, n in enumerate(range(t, max(0, t - LINES), -1)):
            move = self._log[n]
            assert move is not None
            y = 102 + 34.5 * i
            newest = i == 0
            color = SEATS[move.seat % len(SEATS)]
            items.append(Text(LOG, y, f"{n}", 13, FAINT))
            items.append(Text(LOG + 26, y, self._short(move.seat), 14, color, bold=True))
            ink = INK if newest else "#b9c4d0"
            colors = (move.card // self.rules.ranks, move.color)
            color = next((c for c in colors if c >= 0), -1)
            if color >= 0:
                items.append(symbol(SHAPES[color], LOG + 60, y, 6.0, PAINT[color]))
            else:
                items.append(circle(LOG + 60, y, 5.0, "", FAINT, 1.5))
            if move.kind == "misplay":
                items.append(symbol("cross", LOG + LOG_WIDTH - 14, y, 6.0, "#ff6b5e"))
            items.append(Text(LOG + 74, y, move.words, 14, ink))
            items.append(Text(LOG + 74, y + 15, move.which, 13, FAINT))
        return items

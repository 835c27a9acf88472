"""The drawing of Kuhn's and Leduc poker: a table with cards, chips, and what was said in words.

A seat's view shows the other's card once both are laid open, and never after somebody folded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from arenas.envs.poker import kuhn, leduc
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    FAINT,
    GROUND,
    INK,
    PANEL,
    SEATS,
    WHITE,
    YELLOW,
    Item,
    Number,
    Polygon,
    Rect,
    Scene,
    Text,
    circle,
)
from arenas.renderers.symbols import blend, fitted, signed, symbol, unwrapped

BACK = "#3a4658"
RANKS = ("J", "Q", "K")
SUITS = (("diamond", "#b23a1e"), ("circle", "#1b222c"))
"""Shape and colour of Leduc's two suits; Kuhn's cards are of the second."""
FELT = blend("#2f6b52", GROUND, 0.55)
CARD = (132.0, 186.0)
LEFTS = (96.0, 732.0)  # of the players' cards
PILE = 10  # chips in a column


class Table(NamedTuple):
    """How things stand.

    Attributes:
        cards: of each player: rank, and index in :data:`SUITS`.
        public: the card of both, or None where the game has none.
        turned: the public card lies open.
        put: chips that each player has put in.
        folded: the player who has, or None.
        over: nothing is left to say.
    """

    cards: tuple[tuple[int, int], ...]
    public: tuple[int, int] | None
    turned: bool
    put: tuple[int, ...]
    folded: int | None
    over: bool


def table_of(state: Any) -> Table:
    """How things stand in a state of either game."""
    state = jax.tree.map(jnp.asarray, state)  # as the rules take it
    if isinstance(state, kuhn.KuhnState):
        put = tuple(np.asarray(kuhn.stakes(state)).tolist())
        over = bool(kuhn.is_over(state))
        folded = int(np.argmin(put)) if over and put[0] != put[1] else None
        return Table(tuple((int(c), 1) for c in state.cards), None, False, put, folded, over)
    assert isinstance(state, leduc.LeducState)
    put = tuple(np.asarray(leduc.stakes(state)).tolist())
    *cards, public = ((int(c) // 2, int(c) % 2) for c in state.cards)
    folded = int(np.argmin(put)) if bool(leduc.folded(state)) else None
    turned = bool(leduc.rounds_over(state)[0])
    return Table(tuple(cards), public, turned, put, folded, bool(leduc.is_over(state)))


class PokerDrawing(Drawing):
    """The table as everyone sees it, or as one player does."""

    fps = 1.0

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        kuhns = isinstance(unwrapped(film.env), kuhn.Kuhn)
        self._title = "Kuhn poker" if kuhns else "Leduc poker"
        self._tables: list[Table] = []

    def _table(self, t: int) -> Table:
        for i in range(len(self._tables), t + 1):
            self._tables.append(table_of(self.film.moments[i].state))
        return self._tables[t]

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The table after ``t`` actions."""
        table = self._table(t)
        items: list[Item] = [
            Text(24, 36, self._title, 22, INK, bold=True),
            Text(936, 36, f"action {t}", 15, FAINT, "end"),
            Rect(24, 60, 912, 372, FELT, "#0b0f14", 3, 70),
        ]
        shown_down = table.over and table.folded is None
        for player, left in enumerate(LEFTS):
            seen = seat in (None, player) or shown_down
            items += self._player(t, player, left, seat == player)
            items += self._card(left, 120.0, table.cards[player] if seen else None)
            if table.folded == player:
                items.append(Rect(left, 120, *CARD, GROUND + "cc", radius=10))
                items.append(Text(left + CARD[0] / 2, 213, "folds", 22, INK, "middle", bold=True))
            items += self._chips(table.put[player], 300.0 if player == 0 else 660.0, player)
        if table.public is not None:
            items += self._card(414.0, 120.0, table.public if table.turned else None)
            items.append(Text(480, 322, "for both", 14, INK, "middle"))
        items.append(Text(480, 374, f"{sum(table.put)} in the pot", 18, INK, "middle", bold=True))
        items += self._result(t)
        return Scene(GROUND, tuple(items + self._said(t)))

    def events(self, t: int) -> list[Event]:
        """Raises and bets, folds, the public card, and the end."""
        before, now = self._table(t - 1), self._table(t)
        seat, word = self._action(t)
        name = self.film.env.agents[seat]
        found = []
        if word in ("bet", "raise"):
            found.append(Event(t, word, f"{name}: {word}", seat))
        if now.turned and not before.turned:
            found.append(Event(t, "card", "the card for both is turned"))
        if now.over:
            found.append(Event(t, "end", self._ending(t)))
        return found

    # Words ---------------------------------------------------------------------------------------

    def _action(self, t: int) -> tuple[int, str]:
        """Who acted in the step that led to ``t``, and what was said."""
        moment = self.film.moments[t]
        seat = int(np.argmax(moment.acted))
        assert moment.action is not None
        return seat, (self.film.env.action_labels or ())[int(moment.action[seat])]

    def _ending(self, t: int) -> str:
        reward = self.film.moments[t].timestep.reward
        folds = self._table(t).folded is not None
        if not reward.any():
            return "equal hands: nobody wins"
        winner = int(np.argmax(reward))
        how = "the other folds" if folds else "the better hand"
        return f"{self.film.env.agents[winner]} wins {float(reward.max()):g}: {how}"

    def _result(self, t: int) -> list[Item]:
        if not self._table(t).over:
            return []
        return [Text(480, 404, self._ending(t), 18, YELLOW, "middle", bold=True)]

    def _said(self, t: int) -> list[Item]:
        """What was said, in turn."""
        items: list[Item] = [
            Rect(24, 448, 912, 172, PANEL, radius=8),
            Text(40, 468, "said", 14, FAINT),
        ]
        for i in range(1, t + 1):
            column, row = divmod(i - 1, 4)
            seat, word = self._action(i)
            x, y = 40 + 440 * column, 496 + 32 * row
            items += [
                Text(x, y, str(i), 14, FAINT),
                circle(x + 34, y, 6.0, SEATS[seat]),
                Text(x + 50, y, f"{self.film.env.agents[seat]}: {word}", 17, INK, bold=i == t),
            ]
            if self._table(i).turned and not self._table(i - 1).turned:
                items.append(Text(x + 230, y, "the card is turned", 14, FAINT))
        return items

    # Things --------------------------------------------------------------------------------------

    def _player(self, t: int, player: int, left: Number, mine: bool) -> list[Item]:
        moment, color = self.film.moments[t], SEATS[player]
        name, agent = self.film.env.agents[player], self.film.agents[player]
        middle = left + CARD[0] / 2
        words = name + (" (this seat)" if mine else "")
        items: list[Item] = [Text(middle, 88, words, 17, color, "middle", bold=True)]
        if agent != name:
            items.append(Text(middle, 108, fitted(agent, 200.0, 14.0), 14, INK, "middle"))
        if bool(moment.timestep.acting[player]) and not moment.timestep.terminated:
            items.append(Polygon(((middle - 9, 332), (middle + 9, 332), (middle, 318)), YELLOW))
            items.append(Text(middle, 346, "to act", 15, YELLOW, "middle", bold=True))
        elif moment.timestep.terminated:
            won = signed(float(moment.returns[player]))
            items.append(Text(middle, 340, won, 26, INK, "middle", bold=True))
        return items

    def _card(self, x: Number, y: Number, card: tuple[int, int] | None) -> list[Item]:
        """A card, face down where it is None."""
        width, height = CARD
        if card is None:
            return [
                Rect(x, y, width, height, BACK, "#0b0f14", 2, 10),
                Rect(x + 10, y + 10, width - 20, height - 20, "", FAINT, 1.5, 6),
                Text(x + width / 2, y + height / 2, "?", 54, FAINT, "middle", bold=True),
            ]
        rank, suit = card
        shape, color = SUITS[suit]
        return [
            Rect(x, y, width, height, WHITE, "#0b0f14", 2, 10),
            Text(x + width / 2, y + 70, RANKS[rank], 60, color, "middle", bold=True),
            symbol(shape, x + width / 2, y + 142.0, 20.0, color),
        ]

    def _chips(self, count: int, x: Number, player: int) -> list[Item]:
        """A pile for what a player has put in, and its number."""
        items: list[Item] = []
        for i in range(count):
            column, row = divmod(i, PILE)
            items.append(
                Rect(x - 17 + 38 * column, 300 - 12 * row, 34, 10, SEATS[player], "#0b0f14", 1.5, 4)
            )
        items.append(Text(x, 330, str(count), 18, INK, "middle", bold=True))
        return items

"""What keys and the mouse mean to who plays a game in a window: a menu of actions for any, and
controls of their own for some.
"""

from __future__ import annotations

import abc
import heapq
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import numpy as np
import pygame

from arenas.envs.hanabi.rules import COLORS
from arenas.errors import BadArgument
from arenas.renderers.panel import panel
from arenas.renderers.scene import (
    BLACK,
    FAINT,
    INK,
    SKY,
    SMALLEST_TEXT,
    STAGE,
    WHITE,
    YELLOW,
    Ellipse,
    Item,
    Line,
    Number,
    Rect,
    Text,
    line,
)
from arenas.renderers.text import action_words, game_name
from arenas.renderers.window import (
    HOVERED,
    PANEL_WIDTH,
    RAISED,
    facts_items,
    fit,
    text_width,
    within,
)

if TYPE_CHECKING:
    from arenas.renderers.play import Play

Keys = tuple[tuple[str, str], ...]

POOL = "1234567890qwertyuiopasdfghjklzxcvbnm"
"""Keys of actions that have none of their own."""

ROWS = 20
"""Actions in a column of the menu."""

FEW = 6
"""So many actions or fewer have large buttons."""


class Controls(abc.ABC):
    """What keys and the mouse mean in a game.

    Args:
        play: the window's life, whose ``film`` shows how things stand.
        seats: that people hold.

    Attributes:
        live: the game goes on by itself, whatever the person does.
        keys: key and meaning, for the help on screen.
    """

    live: bool = False
    keys: Keys = ()

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        self.play, self.seats = play, tuple(seats)

    @abc.abstractmethod
    def handle(self, event: pygame.event.Event) -> None:
        """What happened in the window."""

    @abc.abstractmethod
    def choose(self, seat: int, mask: np.ndarray) -> Any:
        """The action of this seat; None as long as the person has not chosen."""

    def back(self) -> bool:
        """Put away what was begun, such as a choice, on Esc; whether there was anything."""
        return False

    def over_stage(self) -> list[Item]:
        """What is drawn over the picture."""
        return []

    def panel_items(self) -> list[Item]:
        """What stands beside the picture."""
        film = self.play.film
        return facts_items(panel(film, len(film) - 1, self.play.view), film)


class Menu(Controls):
    """Any game of numbered actions: one key each, or a click on its name."""

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        super().__init__(play, seats)
        env = play.env
        if isinstance(env.action_space, gymnasium.spaces.Box):
            raise BadArgument(
                f"{game_name(env)} takes vectors as actions, which no key gives; "
                "people play games of numbered actions, and fightladder-v0's buttons"
            )
        self._asked: int | None = None
        self._mask = np.zeros(env.num_actions, bool)
        self._chosen: int | None = None
        self._page = 0
        self._mouse = (-1.0, -1.0)
        self._places: list[tuple[float, float, float, float, int]] = []
        self.words = [self.name(w) for w in action_words(env, range(env.num_actions))]
        self.key_of = self._keys()
        self.keys = (
            ("a key or a click", "the action beside it"),
            *((("PgUp PgDn", "more actions"),) if env.num_actions > 2 * ROWS else ()),
        )

    def name(self, label: str) -> str:
        """An action's name in the menu."""
        return label

    def order(self) -> list[int]:
        """Actions in the order in which keys are given out."""
        return list(range(len(self.words)))

    def _keys(self) -> dict[int, str]:
        first = [w[:1].lower() for w in self.words]
        if len(set(first)) == len(first) and all(c.isalpha() for c in first):
            return dict(enumerate(first))
        actions = [a for a in self.order() if a != self.play.env.no_op]
        return dict(zip(actions, POOL, strict=False))

    def handle(self, event: pygame.event.Event) -> None:
        if event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN):
            self._mouse = self.play.screen.logical(event.pos)
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            for *place, action in self._places:
                if within(self._mouse, place):
                    self._take(action)
        elif event.type == pygame.KEYDOWN:
            if event.key in (pygame.K_PAGEUP, pygame.K_PAGEDOWN):
                self._page += 1 if event.key == pygame.K_PAGEDOWN else -1
            for action, key in self.key_of.items():
                if event.unicode.lower() == key:
                    self._take(action)

    def _take(self, action: int) -> None:
        if self._asked is None:
            return
        if self._mask[action]:
            self._chosen = action
        else:
            self.play.say(f"{self.words[action]} is not legal now")

    def choose(self, seat: int, mask: np.ndarray) -> int | None:
        self._asked, self._mask = seat, mask
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            self._asked = None
        return chosen

    def panel_items(self) -> list[Item]:
        film = self.play.film
        moment = film.moments[-1]
        left, right = 18.0, PANEL_WIDTH - 18.0
        items: list[Item] = [
            Text(left, 28, fit(game_name(film.env), right - left, 18, True), 18, INK, bold=True)
        ]
        y = 56.0
        for seat, name in enumerate(film.env.agents):
            who = name if film.agents[seat] == name else f"{name}: {film.agents[seat]}"
            mine = seat in self.seats
            score = f"{moment.returns[seat]:.4g}".replace("-", "−")
            room = right - left - text_width(score, 14) - 10
            items += [
                Text(left, y, fit(who, room, 14, mine), 14, INK if mine else FAINT, bold=mine),
                Text(right, y, score, 14, INK, "end"),
            ]
            y += 20
        y += 12
        self._places = []
        if self._asked is None:
            acting = moment.timestep.acting
            who = [n for n, acts in zip(film.env.agents, acting, strict=True) if acts]
            words = f"{', '.join(who)} to act" if who else "the end"
            return [*items, Text(left, y, fit(words, right - left, 15), 15, FAINT)]
        name = film.env.agents[self._asked]
        items.append(Text(left, y, fit(f"{name} to act", right - left, 15, True), 15, YELLOW,
                          bold=True))  # fmt: skip
        return items + self._menu(y + 24)

    def _menu(self, top: Number) -> list[Item]:
        legal = [a for a in self.order() if self._mask[a]]
        high, letters = (44, 18) if len(legal) <= FEW else (25, 14)
        rows = min(ROWS, int((STAGE[1] - top - 8) // high))
        columns = 1 if len(legal) <= rows else 2
        size = rows * columns
        pages = max(1, -(-len(legal) // size))
        self._page %= pages
        width = (PANEL_WIDTH - 24) / columns
        items: list[Item] = []
        for i, action in enumerate(legal[self._page * size : (self._page + 1) * size]):
            column, row = divmod(i, rows)
            x, y = 12 + column * width, top + high * row
            place = (STAGE[0] + x, y - 11, width - 4, high - 2)
            self._places.append((*place, action))
            fill = HOVERED if within(self._mouse, place) else RAISED
            items.append(Rect(x, y - 11, width - 4, high - 2, fill, "", 1, 5))
            key, middle, margin = self.key_of.get(action, ""), y - 12 + high / 2, 2 * letters
            items.append(Text(x + letters, middle, key.upper(), letters, YELLOW, "middle", True))
            words = fit(self.words[action], width - margin - 8, letters)
            items.append(Text(x + margin, middle, words, letters, INK))
        return items


_ARROWS = {
    pygame.K_UP: "up",
    pygame.K_DOWN: "down",
    pygame.K_LEFT: "left",
    pygame.K_RIGHT: "right",
}
_WASD = {pygame.K_w: "up", pygame.K_s: "down", pygame.K_a: "left", pygame.K_d: "right"}


class Choice(NamedTuple):
    """What can be done with a card.

    Attributes:
        words: its name.
        key: that does it while the card is chosen.
        action: its number.
        touched: the cards that it is about, by player and place in the hand.
    """

    words: str
    key: str
    action: int
    touched: tuple[tuple[int, int], ...]


class HanabiTable(Menu):
    """Cards are chosen by a click or the arrows: one's own to play or discard them, those of others
    to tell their colour or rank. Or by the menu: the first digits play, the next discard, letters
    tell.
    """

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        super().__init__(play, seats)
        labels = play.env.action_labels or ()
        self._number = {label: action for action, label in enumerate(labels)}
        self._card: tuple[int, int] | None = None  # the one chosen: player, place in the hand
        self.keys = (
            ("click on a card", "play, discard, or tell of it"),
            ("← ↑ ↓ →", "choose a card"),
            ("Enter, Backspace", "do the first, the second"),
            ("a key or a click", "the action beside it"),
        )

    def name(self, label: str) -> str:
        kind, _, rest = label.partition(":")
        if kind in ("play", "discard") and rest.isdigit():
            return f"{kind} card {int(rest) + 1}"
        if kind == "hint":
            whom, _, what = rest.partition(":")
            told = (self.seats[0] + int(whom)) % self.play.env.num_agents
            return f"tell P{told} {what}"
        return label

    def order(self) -> list[int]:
        kinds = ("play", "discard", "tell")
        kind = [w.split()[0] for w in self.words]
        known = [a for k in kinds for a in range(len(kind)) if kind[a] == k]
        return known + [a for a in range(len(kind)) if a not in known]

    def _table(self) -> Any:
        from arenas.renderers.hanabi import HanabiDrawing

        drawing: Any = self.play.film.drawing
        assert isinstance(drawing, HanabiDrawing)
        return drawing

    def _hands(self) -> np.ndarray:
        """Cards by player and place, the oldest first."""
        return np.asarray(self.play.film.moments[-1].state.hands)

    def _there(self, player: int, slot: int) -> bool:
        hands, rules = self._hands(), self._table().rules
        inside = 0 <= player < rules.players and 0 <= slot < rules.hand_size
        return inside and int(hands[player, slot]) != rules.no_card

    def _cards(self) -> list[tuple[int, int]]:
        return [c for c in np.ndindex(self._hands().shape) if self._there(*c)]

    def _card_at(self, at: tuple[float, float]) -> tuple[int, int] | None:
        """The card that lies there; None while it is another player's turn."""
        cards = self._cards() if self._asked is not None else []
        return next((c for c in cards if within(at, self._table().card_place(*c))), None)

    def choices(self, player: int, slot: int) -> list[Choice]:
        """What this seat can do with a card: two things, in the order in which they are shown."""
        rules, hands, seat = self._table().rules, self._hands(), self.seats[0]
        if player == seat:  # whatever is on it
            one = ((player, slot),)
            return [
                Choice("play", "Enter", self._number[f"play:{slot}"], one),
                Choice("discard", "Backspace", self._number[f"discard:{slot}"], one),
            ]
        color, rank = divmod(int(hands[player, slot]), rules.ranks)
        mine = [c for c in self._cards() if c[0] == player]
        whom = f"hint:+{(player - seat) % rules.players}"
        found = []
        for key, what, index, value in (
            ("Enter", COLORS[color], 0, color),
            ("Backspace", str(rank + 1), 1, rank),
        ):
            touched = tuple(c for c in mine if divmod(int(hands[c]), rules.ranks)[index] == value)
            action = self._number[f"{whom}:{what}"]
            found.append(Choice(f"tell {what}", key, action, touched))
        return found

    def _choice_places(self) -> list[tuple[tuple[float, float, float, float], Choice]]:
        """Where the choices of the chosen card stand: below it, or above where there is no room."""
        if self._card is None or self._asked is None or not self._there(*self._card):
            return []
        x, y, width, height = self._table().card_place(*self._card)
        wide, high = 170.0, 30.0
        top = y + height + 6
        if top + 2 * high > STAGE[1] - 4:
            top = y - 6 - 2 * high
        left = min(max(4.0, x + width / 2 - wide / 2), STAGE[0] - wide - 4)
        choices = self.choices(*self._card)
        return [((left, top + i * high, wide, high - 2), c) for i, c in enumerate(choices)]

    def handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            at = self.play.screen.logical(event.pos)
            choice = next((c for place, c in self._choice_places() if within(at, place)), None)
            if choice is not None:
                self._take(choice.action)
                return
            if within(at, (0, 0, *STAGE)):
                card = self._card_at(at)
                self._card = card if card != self._card else None
        elif event.type == pygame.KEYDOWN and self._asked is not None:
            if event.key in _ARROWS:
                self._walk(_ARROWS[event.key])
                return
            does = {pygame.K_RETURN: 0, pygame.K_KP_ENTER: 0, pygame.K_BACKSPACE: 1,
                    pygame.K_DELETE: 1}.get(event.key)  # fmt: skip
            if does is not None:
                places = self._choice_places()
                if places:
                    self._take(places[does][1].action)
                return
        super().handle(event)

    def _walk(self, way: str) -> None:
        """Choose the next card in this direction; the first of one's own hand at the start."""
        cards = self._cards()
        if self._card not in cards:
            mine = [c for c in cards if c[0] == self.seats[0]]
            self._card = (mine or cards or [None])[0]
            return
        (player, slot), rules = self._card, self._table().rules
        player = (player + {"up": -1, "down": 1}.get(way, 0)) % rules.players
        hand = [s for p, s in cards if p == player]
        slot += {"left": -1, "right": 1}.get(way, 0)
        if hand:
            self._card = (player, min(max(slot, hand[0]), hand[-1]))

    def back(self) -> bool:
        put_away, self._card = self._card is not None, None
        return put_away

    def choose(self, seat: int, mask: np.ndarray) -> int | None:
        action = super().choose(seat, mask)
        if action is not None:
            self._card = None
        return action

    def over_stage(self) -> list[Item]:
        def around(card: tuple[int, int], color: str, thickness: float) -> Item:
            x, y, width, height = self._table().card_place(*card)
            return Rect(x - 4, y - 4, width + 8, height + 8, "", color, thickness, 9)

        items: list[Item] = []
        places = self._choice_places()
        chosen = next((c for place, c in places if within(self._mouse, place)), None)
        hovered = self._card_at(self._mouse) if chosen is None else None
        if hovered is not None and hovered != self._card:
            items.append(around(hovered, SKY, 2.5))
        if places and self._card is not None:
            items += [around(c, WHITE, 3.0) for c in (chosen.touched if chosen else ())]
            items.append(around(self._card, YELLOW, 3.5))
        for (x, y, width, height), choice in places:
            legal = bool(self._mask[choice.action])
            fill, ink, faint = RAISED, INK if legal else FAINT, FAINT
            if choice is chosen and legal:
                fill, ink, faint = YELLOW, BLACK, BLACK
            items += [
                Rect(x, y, width, height, fill, YELLOW if legal else FAINT, 1.5, 5),
                Text(x + 10, y + height / 2, choice.words, 15, ink, bold=legal),
                Text(x + width - 10, y + height / 2, choice.key, SMALLEST_TEXT, faint, "end"),
            ]
        return items


def cheapest_way(
    costs: np.ndarray, start: tuple[int, int], goal: tuple[int, int]
) -> list[tuple[int, int]]:
    """The cells ``(x, y)`` from start to goal whose costs add to least; none where no way leads.

    Dijkstra's algorithm (1959), with the distance to the goal as what is left at least (A*).

    Args:
        costs: ``[height, width]``, of entering a cell; from 1, infinite where it cannot be.
        start: is in the list.
        goal: is in the list.
    """
    height, width = costs.shape

    def left(x: int, y: int) -> int:
        return abs(x - goal[0]) + abs(y - goal[1])

    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    ahead: list[Any] = [(left(*start), 0.0, start, None)]
    while ahead:
        _, spent, cell, origin = heapq.heappop(ahead)
        if cell in before:
            continue
        before[cell] = origin
        if cell == goal:
            way = [cell]
            while (came := before[way[-1]]) is not None:
                way.append(came)
            return way[::-1]
        for dx, dy in ((0, 1), (0, -1), (-1, 0), (1, 0)):
            x, y = cell[0] + dx, cell[1] + dy
            if 0 <= x < width and 0 <= y < height and (x, y) not in before:
                cost = spent + float(costs[y, x])
                if math.isfinite(cost):
                    heapq.heappush(ahead, (cost + left(x, y), cost, (x, y), cell))
    return []


class Grid(Menu):
    """A step in a direction for each press; steps while a key is held; or, by a click on the grid,
    all the steps to a place.
    """

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        super().__init__(play, seats)
        self.keys = (
            ("← ↑ ↓ → or W A S D", "a step; hold for more"),
            ("click on the grid", "go there, around blocks"),
            ("a click", "an action"),
        )
        self.key_of = {a: "↑↓←→"[a] for a in range(4)}
        self._held: list[str] = []
        self._goal: tuple[int, int] | None = None
        self._way: list[tuple[int, int]] = []  # from where the agent stands to the goal
        self._next = 0.0

    def _board(self) -> Any:
        from arenas.renderers.colorgrid import ColorGridDrawing

        drawing: Any = self.play.film.drawing
        assert isinstance(drawing, ColorGridDrawing)
        return drawing

    def handle(self, event: pygame.event.Event) -> None:
        way = {**_ARROWS, **_WASD}.get(getattr(event, "key", 0))
        if event.type == pygame.KEYDOWN:
            self.back()
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            x, y = self.play.screen.logical(event.pos)
            if within((x, y), (0, 0, *STAGE)):
                self._goal = self._board().cell_at(x, y)
                self._way, self._next = [], 0.0
        if way is None:
            super().handle(event)
        elif event.type == pygame.KEYDOWN:
            self._held = [*(w for w in self._held if w != way), way]
            self._take(self.words.index(way))
            self._next = time.monotonic() + 0.25
        elif event.type == pygame.KEYUP:
            self._held = [w for w in self._held if w != way]

    def back(self) -> bool:
        stops, self._goal, self._way = self._goal is not None, None, []
        return stops

    def _walked(self, seat: int) -> str:
        """The next step to the place that was clicked; empty where there is none to make."""
        if self._goal is None:
            return ""
        state = self.play.film.moments[-1].state
        here = (int(state.position[seat][0]), int(state.position[seat][1]))
        if here == self._goal:
            self.back()
            return ""
        stuck = bool(self._way) and here == self._way[0]  # another agent was in the way
        self._way = self._way[1:] if here in self._way[1:2] else []
        costs = self._costs(state, seat, stuck)
        if len(self._way) < 2 or costs[self._way[1][::-1]] > 1:
            self._way = cheapest_way(costs, here, self._goal)
        if not self._way:
            self.back()
            self.play.say("no way leads there")
            return ""
        (x0, y0), (x1, y1) = self._way[:2]
        return {(0, 1): "up", (0, -1): "down", (-1, 0): "left", (1, 0): "right"}[x1 - x0, y1 - y0]

    def _costs(self, state: Any, seat: int, stuck: bool) -> np.ndarray:
        """What it costs to enter a cell, ``[height, width]``.

        Blocks are walked around wherever a way is left, and other agents once they were met, as
        they mostly walk on.
        """
        from arenas.envs.colorgrid.game import COLORS, EMPTY

        cells = np.asarray(state.cells)
        last = len(COLORS) + (len(state.position) if stuck else 0)
        costs = np.where((cells != EMPTY) & (cells <= last), float(cells.size), 1.0)
        region = self._board().game.regions[seat]
        costs[:, : region.left] = costs[:, region.right :] = math.inf
        return costs

    def choose(self, seat: int, mask: np.ndarray) -> int | None:
        now = time.monotonic()
        if now >= self._next:
            way = self._held[-1] if self._held else self._walked(seat)
            if way:
                self._asked, self._mask = seat, mask
                self._take(self.words.index(way))
                self._next = now + 1 / self.play.film.drawing.fps / self.play.speed
        return super().choose(seat, mask)

    def over_stage(self) -> list[Item]:
        board = self._board()
        items: list[Item] = []
        r = max(0.5 * board.cell, 6.0)
        hovered = board.cell_at(*self._mouse)
        if hovered is not None and self._asked is not None:
            x, y = board.middle(*hovered)
            items.append(Rect(x - r, y - r, 2 * r, 2 * r, "", SKY, 1.5, 2))
        if self._goal is not None:
            x, y = board.middle(*self._goal)
            if len(self._way) > 1:
                items.append(Line(tuple(board.middle(*c) for c in self._way), YELLOW, 1.5))
            items.append(Rect(x - r, y - r, 2 * r, 2 * r, "", YELLOW, 2.5, 2))
        return items


_PUNCHES_KICKS = ("LP", "MP", "HP", "LK", "MK", "HK")


def _fight_keys(moves: dict[int, str], attacks: str, specials: str) -> dict[int, str]:
    found = dict(moves)
    found |= {pygame.key.key_code(k): a for k, a in zip(attacks, _PUNCHES_KICKS, strict=True)}
    found |= {pygame.key.key_code(k): f"special-{i + 1}" for i, k in enumerate(specials)}
    return found


class Fight(Controls):
    """A fighting game on a keyboard: directions are held, attacks are pressed.

    The game asks once a step, eight frames by default. An attack pressed since then is made in the
    next step, with the direction that is held. Specials face the opponent.
    """

    live = True

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        super().__init__(play, seats)
        if len(self.seats) > 1:
            maps = [
                _fight_keys(_WASD, "fghvbn", "rty"),
                _fight_keys(_ARROWS, "uiojkl", "789"),
            ]
            self.keys = (
                ("W A S D", "left: move, jump, crouch"),
                ("F G H", "punch"),
                ("V B N", "kick"),
                ("R T Y", "specials"),
                ("← ↑ ↓ →", "right: move, jump, crouch"),
                ("U I O", "punch"),
                ("J K L", "kick"),
                ("7 8 9", "specials"),
            )
        else:
            maps = [_fight_keys({**_WASD, **_ARROWS}, "uiojkl", "789")]
            self.keys = (
                ("W A S D or arrows", "move, jump, crouch; back blocks"),
                ("U I O", "light, medium, heavy punch"),
                ("J K L", "kick"),
                ("7 8 9", "specials"),
            )
        self._maps = dict(zip(self.seats, maps, strict=False))
        self._held: dict[int, list[str]] = {seat: [] for seat in self.seats}
        self._pressed: dict[int, str] = dict.fromkeys(self.seats, "")

    def handle(self, event: pygame.event.Event) -> None:
        if event.type not in (pygame.KEYDOWN, pygame.KEYUP):
            return
        for seat, keys in self._maps.items():
            what = keys.get(event.key)
            if what is None:
                continue
            held = [w for w in self._held[seat] if w != what]
            if event.type == pygame.KEYDOWN:
                held.append(what)
                if what not in _ARROWS.values():
                    self._pressed[seat] = what
            self._held[seat] = held

    def choose(self, seat: int, mask: np.ndarray) -> Any:
        held, pressed = self._held[seat], self._pressed[seat]
        self._pressed[seat] = ""
        env = self.play.env
        labels = env.action_labels or ()
        up_down = ("up" in held) - ("down" in held)
        right_left = ("right" in held) - ("left" in held)
        if isinstance(env.action_space, gymnasium.spaces.Box):
            return self._pad(up_down, right_left, held, pressed)
        if pressed.startswith("special"):
            special = f"{pressed}-{'right' if self._faces_right(seat) else 'left'}"
            if special in labels:
                return labels.index(special)
            pressed = ""
        parts = [("down", "", "up")[up_down + 1], ("left", "", "right")[right_left + 1]]
        direction = "-".join(p for p in parts if p)
        label = "+".join(p for p in (direction, pressed) if p) or "neutral"
        return labels.index(label)

    def _pad(self, up_down: int, right_left: int, held: list[str], pressed: str) -> np.ndarray:
        """The buttons of the pad, held for the whole step."""
        names = dict(zip(_PUNCHES_KICKS, ("Y", "X", "L", "B", "A", "R"), strict=True))
        down = {names[w] for w in [*held, pressed] if w in names}
        down |= {
            {1: "UP", -1: "DOWN"}.get(up_down, ""),
            {1: "RIGHT", -1: "LEFT"}.get(right_left, ""),
        }
        labels = self.play.env.action_labels or ()
        return np.array([label in down for label in labels], np.float32)

    def _faces_right(self, seat: int) -> bool:
        state = self.play.film.moments[-1].state
        fighter = getattr(state, "match", state).fighter(seat)
        return int(np.asarray(fighter.facing)) > 0


class Commands(Controls):
    """A team of SMAX, commanded: units are selected, and told where to go or whom to attack.

    Units without an order shoot at the closest opponent in range, and else stand.
    """

    live = True
    keys = (
        ("click, drag", "select; Shift adds"),
        ("right click", "attack, or go there"),
        ("Shift + right click", "go, shoot on the way"),
        ("A", "all"),
        ("0 … 9", "the unit of this number"),
        ("H", "stop"),
        ("Space", "pause; orders go on"),
    )

    def __init__(self, play: Play, seats: Sequence[int]) -> None:
        super().__init__(play, seats)
        if isinstance(play.env.action_space, gymnasium.spaces.Box):
            raise BadArgument(
                "people command SMAX by its discrete actions; leave action_type=continuous out"
            )
        game: Any = getattr(play.env, "env", play.env)
        self._allies: int = game.unwrapped.num_allies
        self.selected: set[int] = set(self.seats)
        self.orders: dict[int, tuple[str, Any]] = {}
        self._drag: tuple[float, float] | None = None
        self._at = (0.0, 0.0)

    def _state(self) -> Any:
        return self.play.film.moments[-1].state

    def _view(self) -> Any:
        """The part of the map that is in the picture."""
        from arenas.renderers import smax

        drawing: Any = self.play.film.drawing
        assert isinstance(drawing, smax.SmaxDrawing)
        return drawing.view(len(self.play.film) - 1, self.play.view)

    def _places(self) -> np.ndarray:
        return self._view().place(np.asarray(self._state().position))

    def _mine(self, unit: int) -> bool:
        return (unit < self._allies) == (self.seats[0] < self._allies)

    def _unit_at(self, x: Number, y: Number, mine: bool) -> int | None:
        alive = np.asarray(self._state().health) > 0
        distances = np.hypot(*(self._places() - (x, y)).T)
        near = [u for u in np.argsort(distances) if alive[u] and self._mine(int(u)) == mine]
        return int(near[0]) if near and distances[near[0]] <= 16 else None

    def handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.KEYDOWN:
            if event.key == pygame.K_a:
                self.selected = set(self.seats)
            elif event.key == pygame.K_h:
                self.orders |= dict.fromkeys(self.selected, ("stop", None))
            elif event.unicode.isdigit():
                number = int(event.unicode)
                self.selected = set(self.seats[number : number + 1])
        elif event.type == pygame.MOUSEMOTION:
            self._at = self.play.screen.logical(event.pos)
        elif event.type == pygame.MOUSEBUTTONDOWN:
            self._at = self.play.screen.logical(event.pos)
            if self._at[0] >= STAGE[0] or self._at[1] >= STAGE[1]:
                return
            if event.button == 1:
                self._drag = self._at
            elif event.button == 3:
                self._order(*self._at)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == 1 and self._drag:
            self._at = self.play.screen.logical(event.pos)
            self._select(*self._drag, *self._at)
            self._drag = None

    def _select(self, x0: Number, y0: Number, x1: Number, y1: Number) -> None:
        adds = bool(pygame.key.get_mods() & pygame.KMOD_SHIFT)
        if abs(x1 - x0) + abs(y1 - y0) < 8:
            unit = self._unit_at(x1, y1, mine=True)
            found = {unit} & set(self.seats) if unit is not None else set()
        else:
            low, high = (min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))
            places = self._places()
            alive = np.asarray(self._state().health) > 0
            inside = ((places >= low) & (places <= high)).all(axis=1) & alive
            found = {seat for seat in self.seats if inside[seat]}
        self.selected = self.selected | found if adds else found

    def _order(self, x: Number, y: Number) -> None:
        from arenas.envs.smax.scenarios import MAP_SIZE

        target = self._unit_at(x, y, mine=False)
        if target is not None:
            order: tuple[str, Any] = ("attack", target)
        else:
            shoots = bool(pygame.key.get_mods() & pygame.KMOD_SHIFT)
            spot = np.clip(self._view().map(x, y), 0.5, MAP_SIZE - 0.5)
            order = ("advance" if shoots else "go", spot)
        self.orders |= dict.fromkeys(self.selected, order)

    def choose(self, seat: int, mask: np.ndarray) -> int:
        from arenas.envs.smax.scenarios import NUM_MOVES, STOP

        state = self._state()
        position, health = np.asarray(state.position), np.asarray(state.health)
        kind, goal = self.orders.get(seat, ("", None))

        def attack(unit: int) -> int:
            number = unit - self._allies if seat < self._allies else self._allies - 1 - unit
            return NUM_MOVES + number

        if kind == "stop":
            return STOP
        if kind == "attack":
            if health[goal] <= 0:
                self.orders.pop(seat)
            elif mask[attack(goal)]:
                return attack(goal)
            else:
                return self._toward(position[goal] - position[seat])
        if kind != "go":  # shoot at the closest in range
            others = [u for u in range(len(health)) if not self._mine(u) and mask[attack(u)]]
            if others:
                away = [float(np.hypot(*(position[u] - position[seat]))) for u in others]
                return attack(others[int(np.argmin(away))])
        if kind in ("go", "advance"):
            way = goal - position[seat]
            if np.abs(way).max() > 1.2:
                return self._toward(way)
            self.orders.pop(seat)
        return STOP

    @staticmethod
    def _toward(way: np.ndarray) -> int:
        from arenas.envs.smax.scenarios import DOWN, LEFT, RIGHT, UP

        if abs(way[0]) > abs(way[1]):
            return RIGHT if way[0] > 0 else LEFT
        return UP if way[1] > 0 else DOWN

    def over_stage(self) -> list[Item]:
        places, alive = self._places().tolist(), np.asarray(self._state().health) > 0
        items: list[Item] = []
        for seat in sorted(self.selected):
            if not alive[seat]:
                continue
            x, y = places[seat]
            items.append(Ellipse(x, y, 14, 14, "", WHITE, 1.5))
            kind, goal = self.orders.get(seat, ("", None))
            if kind == "attack":
                to_x, to_y = places[goal]
                items.append(line(x, y, to_x, to_y, "#ff8f6b", 1.0))
            elif kind in ("go", "advance"):
                to_x, to_y = self._view().place(goal).tolist()
                items.append(line(x, y, to_x, to_y, "#bfe6ff", 1.0))
        if self._drag is not None:
            (x0, y0), (x1, y1) = self._drag, self._at
            items.append(
                Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0), "#ffffff22", SKY, 1)
            )
        return items


CONTROLS: dict[str, type[Controls]] = {
    "colorgrid": Grid,
    "fightladder": Fight,
    "hanabi": HanabiTable,
    "smax": Commands,
}
"""By game; the others are played by :class:`Menu`."""


def register_controls(game: str, controls: type[Controls]) -> None:
    """Give a game controls of its own; others are played by :class:`Menu`.

    Args:
        game: the ``game`` of the environment's registry entry.
        controls: the class.
    """
    CONTROLS[game] = controls

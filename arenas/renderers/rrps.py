"""The drawing of repeated rock-paper-scissors: two hands, the score, and the pattern of throws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arenas.envs.rrps.game import Rules
from arenas.renderers.film import Drawing, Event, Film
from arenas.renderers.scene import (
    BLUE,
    FAINT,
    GREEN,
    GROUND,
    INK,
    ORANGE,
    PANEL,
    PURPLE,
    SKY,
    SMALLEST_TEXT,
    VERMILION,
    WHITE,
    YELLOW,
    Item,
    Line,
    Number,
    Rect,
    Scene,
    Text,
    circle,
)
from arenas.renderers.symbols import Curves, blend, fitted, signed, symbol, unwrapped

PLAYERS = (SKY, ORANGE)
SHAPES = ("circle", "square", "cross", "drop", "triangle", "diamond", "star", "hexagon")
PAINT = (PURPLE, WHITE, VERMILION, BLUE, YELLOW, GREEN, SKY, ORANGE)
"""A shape and a colour for each of the first eight throws: rock, paper, scissors, water, ..."""

VERBS = {(0, 2): "blunts", (1, 0): "covers", (2, 1): "cut"}
"""What a winning throw does to the loser's."""

ROWS = 4  # of the history
ROW = 40  # throws in a row
LEAD = 100
"""A lead counts as taken once it is worth the episode's length over so many throws."""
STREAK = 10  # throws won one after another that are worth a mark
OUTLINE = "#0b0f14"


class RrpsDrawing(Drawing):
    """Everything is open after a throw, so all seats see the same.

    A seat's view marks the throws that its observation holds (``recall``).
    """

    fps = 4.0

    def __init__(self, film: Film) -> None:
        super().__init__(film)
        self.rules: Rules = unwrapped(film.env).rules
        self._names = self.rules.labels or tuple(str(i) for i in range(self.rules.num_throws))
        self._throws: list[tuple[int, int]] = []  # joint throws
        self._earned: list[float] = []  # what each earned seat 0
        self._counts = [np.zeros((2, self.rules.num_throws), int)]  # by moment
        self._score = [0.0]  # of seat 0, by moment
        self._leader = 0  # 1 while seat 0 has taken the lead, -1 while seat 1 has
        self._streak = 0  # throws won in a row, negative for seat 1
        self._events: list[list[Event]] = [[]]
        self._curves = Curves((92.0, 516.0, 836.0, 100.0), self.rules.throws, PLAYERS)
        self._curves.add((0.0, 0.0))

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """Both hands, the scores, the last throws, and the score through the episode."""
        self._read(t)
        # First what stays or grows: viewers keep the picture of what a scene begins with alike.
        items: list[Item] = [
            Text(24, 38, "Repeated rock-paper-scissors", 22, INK, bold=True),
            Text(24, 496, "score", 14, FAINT),
        ]
        items += self._history(t, seat)
        items += self._curves.items(t)
        for player in range(2):
            items += self._player(t, player, mine=player == seat)
        items += self._verdict(t)
        items.append(Text(936, 38, f"throw {t} of {self.rules.throws}", 15, FAINT, "end"))
        return Scene(GROUND, tuple(items))

    def events(self, t: int) -> list[Event]:
        """Changes of the lead, long runs of wins, and tenths of a long episode.

        So a thousand throws have some tens of marks, however they went: a lead counts once it is
        worth the hundredth part of all throws, won by the largest payoff.
        """
        self._read(t)
        return self._events[t]

    def _read(self, t: int) -> None:
        """Go through the moments up to ``t`` that were not read yet."""
        rules = self.rules
        largest = float(np.abs(rules.matrix).max())
        enough = largest * max(1.0, rules.throws / LEAD)
        for i in range(len(self._score), t + 1):
            action = self.film.moments[i].action
            assert action is not None
            a, b = (int(x) for x in action)
            earned = float(rules.matrix[a, b])
            self._throws.append((a, b))
            self._earned.append(earned)
            counts = self._counts[-1].copy()
            counts[[0, 1], [a, b]] += 1
            self._counts.append(counts)
            score = self._score[-1] + earned
            self._score.append(score)
            self._curves.add((score, -score))

            found: list[Event] = []
            side = 0 if not score else 1 if score > 0 else -1
            if side != self._leader and abs(score) >= enough:
                self._leader = side
                player = 0 if side > 0 else 1
                who = self.film.env.agents[player]
                found.append(Event(i, "lead", f"{who} leads by {2 * abs(score):g}", player))
            won = 0 if not earned else 1 if earned > 0 else -1
            self._streak = self._streak + won if won * self._streak > 0 else won
            if abs(self._streak) == STREAK:
                player = 0 if won > 0 else 1
                who = self.film.env.agents[player]
                found.append(Event(i, "streak", f"{who} wins {STREAK} in a row", player))
            if i == rules.throws:
                found.append(Event(i, "end", f"final score {signed(score)}, {signed(-score)}"))
            elif rules.throws >= 100 and i % (rules.throws // 10) == 0:
                found.append(Event(i, "tenth", f"throw {i}: {signed(score)}, {signed(-score)}"))
            self._events.append(found)

    # The two players -----------------------------------------------------------------------------

    def _player(self, t: int, player: int, mine: bool) -> list[Item]:
        left = 24.0 if player == 0 else 560.0
        width, color = 376.0, PLAYERS[player]
        near, far = (
            (left + 18, left + width - 18) if player == 0 else (left + width - 18, left + 18)
        )
        inward, outward = ("start", "end") if player == 0 else ("end", "start")
        name, agent = self.film.env.agents[player], self.film.agents[player]
        score = self._score[t] if player == 0 else -self._score[t]
        items: list[Item] = [
            Rect(left, 58, width, 250, PANEL, color if mine else "", 2, 10),
            Text(near, 82, name + (" (this seat)" if mine else ""), 17, color, inward, True),
            Text(far, 86, signed(score), 30, INK, outward, True),
        ]
        if agent != name:
            items.append(Text(near, 104, fitted(agent, 230.0, 14.0), 14, FAINT, inward))
        x, flip = (left + 170, 1) if player == 0 else (left + width - 170, -1)
        if t == 0:
            items += _hand("ready", x, 182.0, flip, blend(color, PANEL, 0.35))
            items.append(Text(left + width / 2, 246, "ready", 15, FAINT, "middle"))
        else:
            throw = self._throws[t - 1][player]
            items += self._thrown(throw, x, 182.0, flip, color)
            items.append(
                Text(left + width / 2, 246, self._names[throw], 15, INK, "middle", bold=True)
            )
        return items + list(self._shares(t, player, left + 18, width - 36))

    def _thrown(self, throw: int, x: Number, y: Number, flip: int, color: str) -> list[Item]:
        name = self._names[throw]
        if name in HANDS:
            return _hand(name, x, y, flip, color)
        text = Text(x + 20 * flip, y, name, 44, OUTLINE, "middle", bold=True)
        return [circle(x + 20 * flip, y, 46.0, color, OUTLINE, 3.0), text]

    def _shares(self, t: int, player: int, x: Number, width: Number) -> Iterator[Item]:
        """How often each throw was made, as a bar cut into shares."""
        counts = self._counts[t][player].tolist()
        if len(counts) > len(SHAPES):
            return
        step = width / len(counts)
        for i, count in enumerate(counts):
            share = count / max(1, t)
            left = x + i * step
            yield symbol(SHAPES[i], left + 8, 276.0, 7.0, PAINT[i])
            yield Text(left + 22, 276, f"{share:.0%}", 14, FAINT)
            yield Rect(left, 290, step - 10, 6, GROUND, radius=3)
            if count:
                yield Rect(left, 290, round((step - 10) * share, 1), 6, PAINT[i], radius=3)

    def _verdict(self, t: int) -> list[Item]:
        """Between the hands: who won this throw, and what it is worth."""
        if t == 0:
            return []
        (a, b), earned = self._throws[t - 1], self._earned[t - 1]
        if not earned:
            return [Text(480, 184, "draw", 24, INK, "middle", bold=True)]
        winner, (won, lost) = (0, (a, b)) if earned > 0 else (1, (b, a))
        verb = VERBS.get((won, lost), "beats") if self.rules.labels else "beats"
        color = PLAYERS[winner]
        lines = [
            Text(480, 120 + 22 * i, word, 16, FAINT, "middle")
            for i, word in enumerate((self._names[won], verb, self._names[lost]))
        ]
        tip = (432, 210) if winner == 0 else (528, 210)
        tail = 96 if winner == 0 else -96
        arrow = [
            Line((tip, (tip[0] + tail, 210)), color, 4),
            Line(((tip[0] + tail / 6, 202), tip, (tip[0] + tail / 6, 218)), color, 4),
        ]
        return [*lines, *arrow, Text(480, 240, f"+{abs(earned):g}", 26, color, "middle", True)]

    # What was thrown so far ----------------------------------------------------------------------

    def _history(self, t: int, seat: int | None) -> list[Item]:
        """The last throws in rows of forty: seat 0's above seat 1's, the winner's ground tinted."""
        few = self.rules.num_throws <= 99
        row = ROW if few else 2 * ROW // 3
        cell = 836 / row
        items: list[Item] = []
        first = max(0, (t - 1) // row - ROWS + 1) * row
        tints = [blend(color, GROUND, 0.42) for color in PLAYERS]
        for r in range(ROWS):
            top, start = 322 + 40 * r, first + r * row
            width = min(row, self.rules.throws - start) * cell
            if width <= 0:
                break
            items.append(Text(82, top + 17, f"{start + 1}", 14, FAINT, "end"))
            items.append(Rect(92, top, width, 34, "#1b222c", radius=3))
        recalled: list[Item] = []
        for i in range(first, t):
            r, column = divmod(i - first, row)
            x, top = round(92 + column * cell, 1), 322 + 40 * r
            earned = self._earned[i]
            if earned:
                y = top if earned > 0 else top + 17
                items.append(Rect(x, y, cell, 17, tints[0 if earned > 0 else 1]))
            for player, throw in enumerate(self._throws[i]):
                items.append(self._small(throw, x + cell / 2, top + 8.5 + 17 * player))
            if seat is not None and i >= t - self.rules.recall:
                recalled.append(Rect(x, top, cell, 34, "", PLAYERS[seat], 1.5, 3))
        return items + recalled

    def _small(self, throw: int, x: Number, y: Number) -> Item:
        if self.rules.num_throws <= len(SHAPES):
            return symbol(SHAPES[throw], x, y, 5.5, PAINT[throw])
        return Text(x, y, str(throw), SMALLEST_TEXT, INK, "middle")


# Hands -------------------------------------------------------------------------------------------
#
# Strokes with round ends, pointing to the right, in pixels around the palm's middle: points and
# thickness. Later ones lie over earlier ones.

_PALM = (((-14, -16), (-14, 16), (16, 16), (16, -16), (-14, -16)), 46)
REACH = 168
"""From the palm's middle to the sleeve's begin, at the edge of the player's panel."""
DROPS = ((58, 58), (106, 48), (96, 70))
_CURLED = tuple((((24, y), (38, y)), 24) for y in (-30, -10, 10, 30))

HANDS = {
    "rock": (_PALM, *_CURLED, (((-14, -34), (20, -14)), 22)),
    "paper": (
        (((-12, -36), (30, -62)), 22),
        *((((20, y), (100 - abs(y + 8) / 2.2, y * 1.25)), 22) for y in (-30, -10, 10, 30)),
        _PALM,
    ),
    "scissors": (
        (((18, -20), (104, -48)), 22),
        (((18, -4), (106, 16)), 22),
        _PALM,
        *_CURLED[2:],
        (((-10, -30), (22, 10)), 20),
    ),
    "water": (
        _PALM,
        *((((26, y), (60 + y / 2, y + 8), (74 + y / 2, y + 34)), 20) for y in (-28, -10, 8, 26)),
        (((-12, -32), (26, -44)), 20),
    ),
    "ready": (_PALM, *_CURLED, (((-14, -34), (20, -14)), 22)),
}


def _hand(name: str, x: Number, y: Number, flip: int, color: str) -> list[Item]:
    """A hand in a glove of this colour; with ``flip`` −1 it points to the left."""
    sleeve, end = x - flip * REACH, x - flip * 14
    left, width = min(sleeve, end), abs(end - sleeve)
    items: list[Item] = [
        Rect(left, y - 26, width, 52, color),
        Line(((sleeve, y - 26), (end, y - 26)), OUTLINE, 3),
        Line(((sleeve, y + 26), (end, y + 26)), OUTLINE, 3),
    ]
    for points, thickness in HANDS[name]:
        way = tuple((round(x + flip * px, 1), round(y + py, 1)) for px, py in points)
        items.append(Line(way, OUTLINE, thickness + 5))
        items.append(Line(way, color, thickness))
    cuff = ((x - flip * 62, y - 24), (x - flip * 62, y + 24))
    items.append(Line(cuff, OUTLINE, 14))
    items.append(Line(cuff, INK, 9))
    if name == "water":
        items += [symbol("drop", x + flip * px, y + py, 7.0, BLUE, WHITE) for px, py in DROPS]
    return items

"""The window: a film with its controls, its scrub bar and the facts beside it.

Everything in it lies on :data:`SIZE` logical pixels, is drawn as a scene like the games, and is
scaled to the window's real size.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pygame

from arenas.errors import ArenasError, BadArgument
from arenas.renderers.film import Event, Film
from arenas.renderers.panel import badge, command, panel
from arenas.renderers.pygame_backend import Painter, font
from arenas.renderers.scene import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GROUND,
    INK,
    ORANGE,
    PANEL,
    PURPLE,
    SEATS,
    SKY,
    SMALLEST_TEXT,
    STAGE,
    VERMILION,
    YELLOW,
    Item,
    Number,
    Polygon,
    Rect,
    Scene,
    Text,
    circle,
    line,
)
from arenas.renderers.text import game_name

SIZE = (1280, 720)
"""Width and height of the window in logical pixels: stage, panel to its right, controls below."""
PANEL_WIDTH = SIZE[0] - STAGE[0]
BAR_HEIGHT = SIZE[1] - STAGE[1]
SPEEDS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FPS = 60

RAISED, HOVERED = "#2d3744", "#3a4757"
"""What can be clicked, and what the mouse is over."""
MARKS = (VERMILION, SKY, YELLOW, GREEN, PURPLE, ORANGE, BLUE)
"""Colours of kinds of events on the scrub bar."""

KEYS = (
    ("Space", "play or pause"),
    ("← →", "a step back or forward; with Shift, ten"),
    (", .", "a picture back or forward"),
    ("Home End", "the start, the end"),
    ("[ ]", "the event before or after"),
    ("↓ ↑", "slower, faster"),
    ("S", "the next seat's view; with Shift, the one before"),
    ("0 … 9", "everything, or what the 1st to 9th seat sees"),
    ("N P", "the next or previous replay"),
    ("B", "several replays side by side, or one after another"),
    ("C", "copy the command that plays it again"),
    ("I", "the panel's beginning, or further down (mouse wheel too)"),
    ("F", "full screen"),
    ("?", "this help"),
    ("Esc Q", "close"),
)
TRACK = (24.0, 18.0, SIZE[0] - 48.0)
"""The scrub bar within the controls: left, middle and width."""


class NoDisplay(ArenasError):
    """A window was asked for, and there is no display to show it on."""


def has_display() -> bool:
    """Whether a window can be shown, or was asked of SDL's dummy driver; starts it."""
    if pygame.display.get_init():
        return True
    chosen = os.environ.get("SDL_VIDEODRIVER", "")
    unix = sys.platform not in ("win32", "darwin")
    if unix and not (chosen or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # SDL would find the same, with complaints of libraries on standard error
    try:
        pygame.display.init()
    except pygame.error:
        return False
    if pygame.display.get_driver() in ("offscreen", "dummy") and not chosen:
        pygame.display.quit()
        return False
    return True


def no_display() -> NoDisplay:
    """What to raise where there is none."""
    return NoDisplay(
        "there is no display to open a window on; without one, arenas replay FILE writes --html, "
        "--gif, --mp4 and --png files, and prints with --text"
    )


class Screen:
    """The window itself: opened once, closed at the end, and closed by ``with``.

    Args:
        title: of the window.
        size: logical size.
        scale: pixels per logical pixel at the start; what fits the display where None.

    Raises:
        NoDisplay: there is none.
    """

    def __init__(
        self, title: str, size: tuple[int, int] = SIZE, scale: float | None = None
    ) -> None:
        if not has_display():
            raise no_display()
        self.size = size
        if scale is None:
            scale = self._fitting()
        real = (round(size[0] * scale), round(size[1] * scale))
        try:
            self.surface = pygame.display.set_mode(real, pygame.RESIZABLE)
        except pygame.error as error:
            raise NoDisplay(f"the display shows no window: {error}") from error
        pygame.display.set_caption(title)
        pygame.key.set_repeat(300, 40)
        self._whole, self._before = False, real

    def _fitting(self) -> float:
        sizes = pygame.display.get_desktop_sizes()
        if not sizes or not sizes[0][0]:
            return 1.0
        room = min(sizes[0][0] * 0.95 / self.size[0], sizes[0][1] * 0.9 / self.size[1])
        return max(0.4, min(room, 1.0) if room < 1.9 else 1.5)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the window."""
        pygame.display.quit()

    def place(self) -> tuple[float, float, float]:
        """Where the logical pixels lie: x and y of their origin, and the scale."""
        self.surface = pygame.display.get_surface() or self.surface
        width, height = self.surface.get_size()
        scale = min(width / self.size[0], height / self.size[1])
        return (width - self.size[0] * scale) / 2, (height - self.size[1] * scale) / 2, scale

    def logical(self, position: Sequence[Number]) -> tuple[float, float]:
        """A place in the window in logical pixels."""
        x, y, scale = self.place()
        return (position[0] - x) / scale, (position[1] - y) / scale

    def full_screen(self) -> None:
        """To the whole display, or back."""
        self._whole = not self._whole
        if self._whole:
            self._before = self.surface.get_size()
            self.surface = pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        else:
            self.surface = pygame.display.set_mode(self._before, pygame.RESIZABLE)


@functools.cache
def _sdl() -> ctypes.CDLL | None:
    """The SDL that pygame runs on."""
    home = Path(pygame.__file__).parent
    bundled = ("../pygame.libs/libSDL2-2*", ".dylibs/libSDL2-2*", "SDL2.dll")
    found = [str(f) for name in bundled for f in home.glob(name)]
    for name in (*found, ctypes.util.find_library("SDL2")):
        if name:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(name)
    return None


def to_clipboard(text: str) -> bool:
    """Put a text into the clipboard; whether it is there.

    By SDL itself: pygame's own module puts nothing there on X11 without a window manager.
    """
    sdl = _sdl()
    if sdl is None or not pygame.display.get_init():
        return False
    return sdl.SDL_SetClipboardText(text.encode()) == 0 and from_clipboard() == text


def from_clipboard() -> str:
    """The text in the clipboard, empty where there is none."""
    sdl = _sdl()
    if sdl is None or not pygame.display.get_init():
        return ""
    sdl.SDL_GetClipboardText.restype = ctypes.c_void_p
    pointer = sdl.SDL_GetClipboardText()
    text = ctypes.string_at(pointer).decode(errors="replace") if pointer else ""
    sdl.SDL_free(ctypes.c_void_p(pointer))
    return text


class StageWindow:
    """The picture alone, for environments that show themselves while they are stepped.

    Args:
        title: of the window.

    Raises:
        NoDisplay: there is none.
    """

    def __init__(self, title: str) -> None:
        self._screen: Screen | None = Screen(title, STAGE)
        self._painter = Painter()
        self._next = 0.0

    def show(self, film: Film) -> None:
        """Show the last moment of a film, and wait until the one before was seen long enough.

        Closed by its user, the window stays closed, and nothing waits any more.
        """
        if self._screen is None or not pygame.display.get_init():
            return
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()
            return
        x, y, scale = self._screen.place()
        t = len(film) - 1
        seen = pygame.display.get_driver() != "dummy"  # what nobody sees waits for nobody
        scenes = film.drawing.between(t) if seen else [film.drawing.scene(t)]
        step = 1 / film.drawing.fps if seen else 0.0
        start = max(time.monotonic(), self._next)
        for i, scene in enumerate(scenes):
            due = start + step * i / len(scenes)
            time.sleep(max(0.0, due - time.monotonic()))
            self._painter.paint(scene, self._screen.surface, x, y, scale)
            pygame.display.flip()
            pygame.event.pump()
        self._next = start + step

    def close(self) -> None:
        """Close the window."""
        if self._screen is not None:
            self._screen.close()
        self._screen = None


def within(at: Sequence[Number], place: Sequence[Number]) -> bool:
    """Whether a point lies in a rectangle of left, top, width and height."""
    left, top, width, height = place
    return left <= at[0] < left + width and top <= at[1] < top + height


class Button(NamedTuple):
    """Something to click in the window.

    Attributes:
        x: of its upper left corner, logical pixels of the window.
        y: likewise.
        width: in logical pixels.
        height: likewise.
        act: what it does.
        tip: what it is, for people.
    """

    x: float
    y: float
    width: float
    height: float
    act: Callable[[], Any]
    tip: str

    def holds(self, x: Number, y: Number) -> bool:
        """Whether a place lies in it."""
        return within((x, y), (self.x, self.y, self.width, self.height))


class Player:
    """What a window with films does and shows; :meth:`run` is its life.

    Args:
        films: what to show; at least one.
        seat: show what this seat could see.
        speed: of :data:`SPEEDS`.
        side_by_side: several films at once.
        playing: whether it plays from the start.
        screen: the window; opened here where None.

    Raises:
        NoDisplay: there is none.
        BadArgument: no film, or a seat that a film does not have.

    Attributes:
        clock: the time that is shown, in steps; between two steps, a picture on the way.
        active: index of the film that controls and panel are about.
    """

    def __init__(
        self,
        films: Sequence[Film],
        *,
        seat: int | None = None,
        speed: Number = 1.0,
        side_by_side: bool = False,
        playing: bool = True,
        screen: Screen | None = None,
    ) -> None:
        if not films:
            raise BadArgument("nothing to show: give at least one replay")
        for film in films:
            film.scene(0, seat)  # refuses an empty film, and a seat that is none
        self.films, self.active, self.seat = list(films), 0, seat
        self.speed, self.together, self.playing = speed, side_by_side, playing
        self.clock, self.helping, self.open = 0.0, False, True
        self.screen = screen or Screen(f"Arenas: {game_name(films[0].env)}")
        self._painters = [Painter() for _ in films]
        self._panel, self._bar, self._over = Painter(), Painter(), Painter()
        self._between: dict[int, tuple[tuple[int, int | None], list[Scene]]] = {}
        self._buttons: list[Button] = []
        self._mouse = (-1.0, -1.0)
        self._dragging = False
        self._scroll = 0
        self._said, self._said_until = "", 0.0
        self._dirty = True

    # What is shown ------------------------------------------------------------------------------

    @property
    def film(self) -> Film:
        """The film that controls and panel are about."""
        return self.films[self.active]

    @property
    def last(self) -> int:
        """The last step, of the longest film where several are shown."""
        shown = self.films if self.together else [self.film]
        return max(len(film) for film in shown) - 1

    @property
    def t(self) -> int:
        """The step shown; between two steps, the later one."""
        return min(math.ceil(self.clock - 1e-6), len(self.film) - 1)

    def scene(self, index: int) -> Scene:
        """The picture of a film at the present time."""
        film = self.films[index]
        clock = min(self.clock, len(film) - 1)
        t = math.ceil(clock - 1e-6)
        seat = self.seat
        if seat is not None and seat >= film.env.num_agents:
            seat = None
        kept = self._between.get(index)
        if kept is None or kept[0] != (t, seat):
            kept = self._between[index] = ((t, seat), film.drawing.between(t, seat))
        scenes = kept[1]
        passed = 1.0 - (t - clock)
        return scenes[min(len(scenes), max(1, math.ceil(passed * len(scenes) - 1e-6))) - 1]

    # What can be done ---------------------------------------------------------------------------

    def seek(self, step: Number) -> None:
        """Show this step; the nearest there is."""
        self.clock = min(max(0.0, step), float(self.last))

    def step(self, count: int) -> None:
        """Some steps on, or back, from the step that is shown or under way; and pause."""
        self.playing = False
        base = math.floor(self.clock + 1e-6) if count > 0 else math.ceil(self.clock - 1e-6)
        self.seek(base + count)

    def picture(self, count: int) -> None:
        """One picture on or back, for games that show several a step; and pause."""
        self.playing = False
        t = max(1, self.t if count < 0 else math.floor(self.clock + 1e-6) + 1)
        pieces = len(self.film.drawing.between(min(t, len(self.film) - 1), self.seat))
        self.seek(round(self.clock * pieces + count) / pieces)

    def event(self, way: int) -> None:
        """To the next event, or the one before; and pause."""
        self.playing = False
        steps = sorted({e.step for e in self.film.seen_events(self.seat)})
        if way > 0:
            ahead = [s for s in steps if s > self.clock + 1e-6]
            if ahead:
                self.seek(ahead[0])
        else:
            behind = [s for s in steps if s < self.clock - 1e-6]
            self.seek(behind[-1] if behind else 0)

    def toggle(self) -> None:
        """Play or pause; at the end, from the start."""
        self.playing = not self.playing
        if self.playing and self.clock >= self.last:
            self.clock = 0.0

    def faster(self, way: int) -> None:
        """The next speed of :data:`SPEEDS`, or the one before."""
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[min(max(nearest + way, 0), len(SPEEDS) - 1)]

    def show_seat(self, seat: int | None) -> None:
        """Show what this seat could see, or everything; ignored where there is no such seat."""
        if seat is None or seat < self.film.env.num_agents:
            self.seat, self._scroll = seat, 0

    def next_seat(self, way: int) -> None:
        """The next view, everything being one of them."""
        views = [None, *range(self.film.env.num_agents)]
        place = views.index(self.seat) if self.seat in views else 0
        self.show_seat(views[(place + way) % len(views)])

    def turn_to(self, index: int) -> None:
        """Show another film, or have the controls be about it; ignored where there is none."""
        if not 0 <= index < len(self.films) or index == self.active:
            return
        self.active, self._scroll = index, 0
        if not self.together:
            self.clock, self.playing = 0.0, True
        if self.seat is not None and self.seat >= self.film.env.num_agents:
            self.seat = None

    def set_together(self, together: bool) -> None:
        """Several films side by side, or one."""
        self.together = together and len(self.films) > 1
        self.seek(self.clock)

    def copy(self) -> None:
        """The command that plays the episode again, to the clipboard, and printed."""
        words = command(self.film)
        if not words:
            self.say("no command plays this one again")
            return
        print(words, flush=True)
        if to_clipboard(words):
            self.say(f"copied: {words}")
        else:
            self.say(f"printed, as there is no clipboard: {words}")

    def scroll(self, lines: int) -> None:
        """The panel, by lines."""
        self._scroll = max(0, self._scroll + lines)

    def say(self, text: str) -> None:
        """A line over the picture, for some seconds."""
        self._said, self._said_until = text, time.monotonic() + 4.0

    def close(self) -> None:
        """End :meth:`run`."""
        self.open = False

    # Events of the window -----------------------------------------------------------------------

    def handle(self, event: pygame.event.Event) -> None:
        """What a key, the mouse or the window does."""
        self._dirty = True
        if event.type == pygame.QUIT:
            self.close()
        elif event.type == pygame.KEYDOWN:
            self.key(event)
        elif event.type == pygame.MOUSEMOTION:
            self._mouse = self.screen.logical(event.pos)
            if self._dragging:
                self._scrub(self._mouse[0])
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._mouse = self.screen.logical(event.pos)
            self._press(*self._mouse)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
            self._dragging = False
        elif event.type == pygame.MOUSEWHEEL:
            if self._mouse[0] > STAGE[0] and self._mouse[1] < STAGE[1]:
                self.scroll(-3 * event.y)
            else:
                self.step(-event.y)

    def key(self, event: pygame.event.Event) -> None:
        """What a key does."""
        shift = bool(event.mod & pygame.KMOD_SHIFT)
        if event.mod & (pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META):
            return
        typed = event.unicode
        if typed == "?" or event.key in (pygame.K_F1, pygame.K_h):
            self.helping = not self.helping
            return
        if self.helping and event.key == pygame.K_ESCAPE:
            self.helping = False
            return
        acts: dict[Any, Callable[[], Any]] = {
            pygame.K_SPACE: self.toggle,
            pygame.K_LEFT: lambda: self.step(-10 if shift else -1),
            pygame.K_RIGHT: lambda: self.step(10 if shift else 1),
            pygame.K_COMMA: lambda: self.picture(-1),
            pygame.K_PERIOD: lambda: self.picture(1),
            pygame.K_HOME: lambda: self.seek(0),
            pygame.K_END: lambda: self.seek(self.last),
            pygame.K_UP: lambda: self.faster(1),
            pygame.K_DOWN: lambda: self.faster(-1),
            pygame.K_s: lambda: self.next_seat(-1 if shift else 1),
            pygame.K_n: lambda: self.turn_to(self.active + 1),
            pygame.K_p: lambda: self.turn_to(self.active - 1),
            pygame.K_b: lambda: self.set_together(not self.together),
            pygame.K_c: self.copy,
            pygame.K_i: lambda: self.scroll(-self._scroll if shift else 10),
            pygame.K_f: self.screen.full_screen,
            pygame.K_ESCAPE: self.close,
            pygame.K_q: self.close,
        }
        by_letter: dict[str, Callable[[], Any]] = {  # which layouts put on other keys
            "[": lambda: self.event(-1),
            "]": lambda: self.event(1),
            "+": lambda: self.faster(1),
            "-": lambda: self.faster(-1),
        }
        if typed in by_letter:
            by_letter[typed]()
        elif event.key in acts:
            acts[event.key]()
        elif typed.isdigit() and len(typed) == 1:
            self.show_seat(int(typed) - 1 if int(typed) else None)

    def _press(self, x: Number, y: Number) -> None:
        if self.helping:
            self.helping = False
            return
        for button in self._buttons:
            if button.holds(x, y):
                button.act()
                return
        if abs(y - (STAGE[1] + TRACK[1])) <= 16:
            self.playing = False
            self._dragging = True
            near = self._near(x)
            self._scrub(self._track_x(near.step) if near and y < STAGE[1] + TRACK[1] - 5 else x)
            return
        if self.together:
            for i, (left, top, scale) in enumerate(self._stages()):
                if left <= x < left + STAGE[0] * scale and top <= y < top + STAGE[1] * scale:
                    self.turn_to(i)

    def _scrub(self, x: Number) -> None:
        left, _, width = TRACK
        self.seek(round((x - left) / width * self.last))

    def _track_x(self, step: Number) -> float:
        left, _, width = TRACK
        return left + width * step / max(1, self.last)

    def _near(self, x: Number) -> Event | None:
        """The event that is marked near a place of the scrub bar."""
        near = [e for e in self.film.seen_events(self.seat) if abs(self._track_x(e.step) - x) < 6]
        return min(near, key=lambda e: abs(self._track_x(e.step) - x), default=None)

    # Its life -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Show it until the window is closed."""
        ticker = pygame.time.Clock()
        ticker.tick(FPS)
        while self.open:
            moved = self.playing
            self.advance(ticker.tick(FPS) / 1000)
            events = pygame.event.get()
            if not (moved or events or self._dirty or self._said):
                events = [e for e in (pygame.event.wait(200),) if e.type != pygame.NOEVENT]
                ticker.tick()
            for event in events:
                self.handle(event)
            if self._said and time.monotonic() > self._said_until:
                self._said, self._dirty = "", True
            if moved or events or self._dirty:
                self.draw()
                pygame.display.flip()

    def advance(self, seconds: Number) -> None:
        """Time goes on, where it plays; after the end of a film, the next is shown."""
        if not self.playing:
            return
        # A pause of the machine is no reason to jump.
        self.clock += min(seconds, 0.25) * self.film.drawing.fps * self.speed
        if self.clock < self.last:
            return
        self.clock = float(self.last)
        if not self.together and self.active + 1 < len(self.films):
            self.turn_to(self.active + 1)
        else:
            self.playing = False
        self._dirty = True

    # Drawing ------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Paint the window."""
        self._dirty = False
        x, y, scale = self.screen.place()
        surface = self.screen.surface
        if x >= 1 or y >= 1:
            surface.fill(BLACK)
        shown = range(len(self.films)) if self.together else [self.active]
        if self.together:
            area = pygame.Rect(x, y, SIZE[0] * scale, STAGE[1] * scale)
            surface.fill(GROUND, area)
        for index, (left, top, part) in zip(shown, self._stages(), strict=True):
            self._painters[index].paint(
                self.scene(index), surface, x + left * scale, y + top * scale, part * scale
            )
        self._buttons = []
        if not self.together:
            self._panel.paint(
                Scene(PANEL, tuple(self.panel_items())),
                *(surface, x + STAGE[0] * scale, y, scale, (PANEL_WIDTH, STAGE[1])),
            )
        self._bar.paint(
            Scene("#1b222b", tuple(self.bar_items())),
            *(surface, x, y + STAGE[1] * scale, scale, (SIZE[0], BAR_HEIGHT)),
        )
        self._over.items(self._overlay(), surface, x, y, scale)

    def _stages(self) -> list[tuple[float, float, float]]:
        """Left, top and scale of each film's stage in the window."""
        if not self.together:
            return [(0.0, 0.0, 1.0)]
        count = len(self.films)
        columns = min(
            range(1, count + 1),
            key=lambda c: -min(SIZE[0] / c / STAGE[0], STAGE[1] / -(-count // c) / STAGE[1]),
        )
        rows = -(-count // columns)
        room = SIZE[0] / columns, STAGE[1] / rows
        scale = min((room[0] - 8) / STAGE[0], (room[1] - 28) / STAGE[1])
        places = []
        for i in range(count):
            row, column = divmod(i, columns)
            left = column * room[0] + (room[0] - STAGE[0] * scale) / 2
            top = row * room[1] + 24 + (room[1] - 24 - STAGE[1] * scale) / 2
            places.append((left, top, scale))
        return places

    def panel_items(self) -> list[Item]:
        """What stands beside the stage."""
        return facts_items(panel(self.film, self.t, self.seat), self.film, self._scroll)

    def _button(
        self, x: Number, width: Number, act: Callable[[], Any], tip: str, off: bool = False
    ) -> list[Item]:
        """A button of the lower row, which starts at ``x``; its ground."""
        top, height = 36.0, 34.0
        self._buttons.append(Button(x, STAGE[1] + top, width, height, act, tip))
        mouse = self._buttons[-1].holds(*self._mouse)
        fill = HOVERED if mouse and not off else RAISED
        return [Rect(x, top, width, height, fill, "", 1, 6)]

    def bar_items(self) -> list[Item]:
        """The controls: scrub bar, and buttons below it."""
        items = self._track_items()
        icons = (
            (self.event, -1, "the event before", ((-1, 8), (8, 8))),
            (self.step, -1, "a step back", ((-1, 8),)),
            (None, 0, "pause" if self.playing else "play", ()),
            (self.step, 1, "a step forward", ((1, -8),)),
            (self.event, 1, "the next event", ((1, -8), (-8, -8))),
        )
        x = 24.0
        for act, way, tip, shape in icons:
            width = 44.0 if act is None else 36.0
            doing = self.toggle if act is None else functools.partial(act, way)
            items += self._button(x, width, doing, tip)
            middle = x + width / 2
            if act is None:
                items += _pause(middle, 53) if self.playing else [_triangle(middle, 53, 1, 10)]
            else:
                offset = -5 if len(shape) > 1 else 0
                for i in range(len(shape)):
                    items.append(_triangle(middle + offset + 10 * i, 53, way, 7))
                if len(shape) == 1:
                    bar = middle - 8 * way
                    items.append(Rect(bar - 1.5, 46, 3, 14, INK))
            x += width + 6
        x += 8
        said = f"step {self.t} / {len(self.film) - 1}"
        items.append(Text(x, 53, said, 16, INK))
        x += max(130.0, text_width(said, 16) + 16)
        items += self._button(x, 28, lambda: self.faster(-1), "slower")
        items.append(Text(x + 14, 53, "−", 18, INK, "middle"))
        items.append(Text(x + 60, 53, f"{self.speed:g}×", 16, INK, "middle"))
        items += self._button(x + 92, 28, lambda: self.faster(1), "faster")
        items.append(Text(x + 106, 53, "+", 18, INK, "middle"))
        x += 134
        items += self._chooser(
            x, 190, self._seat_word(), self.next_seat, "what is shown", self.film.env.num_agents
        )
        x += 204
        if len(self.films) > 1:
            items += self._chooser(
                *(x, 124, f"{self.active + 1} of {len(self.films)}"),
                *(lambda way: self.turn_to(self.active + way), "replay", 2),
            )
            tip = "one after another" if self.together else "side by side"
            items += self._button(x + 132, 36, lambda: self.set_together(not self.together), tip)
            fill = SKY if self.together else ""
            items += [Rect(x + 140 + 11 * i, 45, 9, 16, fill, INK, 1.5) for i in (0, 1)]
            x += 176
        right = SIZE[0] - 24.0
        items += self._button(right - 34, 34, self._help, "keys (?)")
        items.append(Text(right - 17, 53, "?", 18, INK, "middle", True))
        words = fit(badge(self.film), right - 50 - x - 20, SMALLEST_TEXT)
        width = text_width(words, SMALLEST_TEXT) + 20
        items += self._button(
            right - 44 - width, width, self.copy, "copy the command that plays it again (C)"
        )
        items.append(Text(right - 44 - width / 2, 53, words, SMALLEST_TEXT, FAINT, "middle"))
        return items

    def _help(self) -> None:
        self.helping = not self.helping

    def _seat_word(self) -> str:
        if self.seat is None:
            return "everything"
        return f"{self.film.env.agents[self.seat]} sees"

    def _chooser(
        self, x: Number, width: Number, word: str, turn: Callable[[int], Any], tip: str, count: int
    ) -> list[Item]:
        """A word between two arrows."""
        items = self._button(x, 28, lambda: turn(-1), tip, count < 1)
        items.append(_triangle(x + 14, 53, -1, 6))
        items += self._button(x + width - 28, 28, lambda: turn(1), tip, count < 1)
        items.append(_triangle(x + width - 14, 53, 1, 6))
        room = width - 64
        items.append(Text(x + width / 2, 53, fit(word, room, 14), 14, INK, "middle"))
        return items

    def _track_items(self) -> list[Item]:
        left, middle, width = TRACK
        x = self._track_x(min(self.clock, self.last))
        items: list[Item] = [
            Rect(left, middle - 3, width, 6, RAISED, "", 1, 3),
            Rect(left, middle - 3, x - left, 6, SKY, "", 1, 3),
        ]
        kinds = sorted({e.kind for e in self.film.seen_events(self.seat)})
        seen: set[tuple[int, str]] = set()
        for event in self.film.seen_events(self.seat):
            at = round(self._track_x(event.step))
            if (at, event.kind) in seen:
                continue
            seen.add((at, event.kind))
            row = kinds.index(event.kind)
            items.append(Rect(at - 1, 3, 2.5, 10, MARKS[row % len(MARKS)]))
        items.append(circle(x, middle, 8, INK, GROUND, 2))
        return items

    def _overlay(self) -> list[Item]:
        items: list[Item] = []
        if self.together:
            for i, (left, top, scale) in enumerate(self._stages()):
                film = self.films[i]
                words = fit(f"{i + 1}  {badge(film)}", STAGE[0] * scale - 8, SMALLEST_TEXT)
                fill = INK if i == self.active else FAINT
                items.append(
                    Text(left + 4, top - 12, words, SMALLEST_TEXT, fill, bold=i == self.active)
                )
        x, y = self._mouse
        if STAGE[1] <= y < STAGE[1] + 32 and (near := self._near(x)):
            label = f"step {near.step}: {near.label}"
            items += note(label, min(max(x, 90), SIZE[0] - 90), STAGE[1] - 14)
        for button in self._buttons:
            if button.holds(x, y) and button.tip:
                room = text_width(button.tip, 14) / 2 + 16
                at = min(max(button.x + button.width / 2, room), SIZE[0] - room)
                items += note(button.tip, at, button.y - 18)
        if self._said:
            items += note(fit(self._said, SIZE[0] - 80, 14), SIZE[0] / 2, STAGE[1] - 18)
        if self.helping:
            items += help_items("Keys", KEYS)
        return items


# Pieces that the window and playing share -------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: Number, bold: bool = False) -> float:
    """Width of a text in logical pixels."""
    return float(font(max(1, round(size)), bold).size(text)[0])


@functools.lru_cache(maxsize=4096)
def fit(text: str, room: Number, size: Number, bold: bool = False) -> str:
    """A text, cut with an ellipsis where it is wider than ``room`` logical pixels."""
    if text_width(text, size, bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle] + "…", size, bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


def note(text: str, x: Number, y: Number, size: Number = 14) -> list[Item]:
    """A line on a ground of its own, around a middle."""
    width = text_width(text, size) + 20
    return [
        Rect(x - width / 2, y - 14, width, 28, "#0b0e12ee", FAINT, 1, 6),
        Text(x, y, text, size, INK, "middle"),
    ]


def help_items(title: str, keys: Iterable[tuple[str, str]]) -> list[Item]:
    """A table of keys over the window."""
    rows = list(keys)
    names = max(text_width(k, 15, True) for k, _ in rows)
    width = 64 + names + max(text_width(w, 15) for _, w in rows)
    height = 76 + 26 * len(rows)
    left, top = (SIZE[0] - width) / 2, max(8.0, (STAGE[1] - height) / 2)
    items: list[Item] = [
        Rect(0, 0, SIZE[0], SIZE[1], "#0b0e1299"),
        Rect(left, top, width, height, PANEL, FAINT, 1, 12),
        Text(left + 24, top + 30, title, 20, INK, bold=True),
    ]
    for i, (key, what) in enumerate(rows):
        y = top + 68 + 26 * i
        items.append(Text(left + 24, y, key, 15, YELLOW, bold=True))
        items.append(Text(left + 40 + names, y, what, 15, INK))
    return items


def _triangle(x: Number, y: Number, way: int, r: Number) -> Item:
    return Polygon(
        ((x - way * r * 0.8, y - r), (x + way * r * 0.8, y), (x - way * r * 0.8, y + r)), INK
    )


def _pause(x: Number, y: Number) -> list[Item]:
    return [Rect(x - 8, y - 9, 5, 18, INK), Rect(x + 3, y - 9, 5, 18, INK)]


def facts_items(facts: dict[str, Any], film: Film, scroll: int = 0) -> list[Item]:
    """The panel's facts as items, on a stage :data:`PANEL_WIDTH` wide and as high as the games'.

    Args:
        facts: of :func:`arenas.renderers.panel.panel`.
        film: what they are about.
        scroll: rows that are left out at the top, where more seats are told than fit.
    """
    left, right = 18.0, PANEL_WIDTH - 18.0
    room = right - left
    limit = f" of at most {facts['limit']}" if facts["limit"] else ""
    items: list[Item] = [
        Text(left, 28, fit(game_name(film.env), room, 18, True), 18, INK, bold=True),
        Text(left, 52, f"step {facts['step']}{limit}", 14, FAINT),
    ]
    if facts["end"]:
        items.append(Text(right, 52, facts["end"], 14, YELLOW, "end", True))
    bottom = STAGE[1] - 10.0
    events = facts["events"][:3]
    bottom -= 20 * len(events)
    items += [
        Text(left, bottom + 12 + 20 * i, fit(f"• {words}", room, 14), 14, YELLOW)
        for i, words in enumerate(events)
    ]
    seats = facts["seats"]
    if len(seats) > 5:
        return items + _seat_table(seats, 76.0, bottom, scroll)
    top = 70.0
    height = (bottom - top) / max(1, len(seats))
    for i, seat in enumerate(seats):
        items += _seat_card(seat, top + i * height, height - 8, scroll)
    return items


def _signed(value: float | None, sign: bool = True) -> str:
    if value is None:
        return "–"
    text = f"{value:+.4g}" if sign else f"{value:.4g}"
    return text.replace("-", "−")


def _seat_card(seat: dict[str, Any], top: Number, height: Number, scroll: int) -> list[Item]:
    left, right = 18.0, PANEL_WIDTH - 18.0
    room = right - left
    color = SEATS[seat["seat"] % len(SEATS)]
    who = "" if seat["agent"] == seat["name"] else seat["agent"]
    name = fit(seat["name"], room * 0.45, 15, True)
    items: list[Item] = [
        line(left, top - 2, right, top - 2, "#39434f", 1),
        circle(left + 5, top + 15, 5, color),
        Text(left + 18, top + 15, name, 15, INK, bold=True),
        Text(
            *(right, top + 15, fit(who, room - 30 - text_width(name, 15, True), 14), 14),
            *(FAINT, "end"),
        ),
        Text(left, top + 37, "return", SMALLEST_TEXT, FAINT),
        Text(left + 52, top + 37, _signed(seat["return"], False), 15, INK, bold=True),
        Text(left + 138, top + 37, "reward", SMALLEST_TEXT, FAINT),
        Text(left + 194, top + 37, _signed(seat["reward"]), 15, INK, bold=True),
    ]
    y, end = top + 59, top + height

    def row(label: str, words: str, fill: str = INK) -> None:
        nonlocal y
        if y + 8 <= end:
            items.append(Text(left, y, label, SMALLEST_TEXT, FAINT))
            items.append(Text(left + 52, y, fit(words, room - 52, 14), 14, fill))
            y += 20

    if seat["value"] is not None:
        row("value", _signed(seat["value"], False))
    if seat["did"] is not None:
        row("did", seat["did"])
    if seat["chose"] is not None:
        row("now", seat["chose"], YELLOW)
    elif seat["acts"]:
        row("now", "to act", YELLOW)
    if seat["probabilities"]:
        rows = seat["probabilities"]
        fits = max(0, int((end - y + 8) // 19))
        first = min(scroll, max(0, len(rows) - fits))
        for word, probability in rows[first : first + fits]:
            chosen = word == seat["chose"]
            items += [
                Text(left, y, fit(word, 118, SMALLEST_TEXT, chosen), SMALLEST_TEXT,
                     YELLOW if chosen else INK, bold=chosen),
                Rect(left + 124, y - 5, 110, 10, "#0f141a"),
                Rect(left + 124, y - 5, 110 * probability, 10, YELLOW if chosen else color),
                Text(right, y, f"{100 * probability:.1f} %", SMALLEST_TEXT, INK, "end"),
            ]  # fmt: skip
            y += 19
        return items
    if seat["legal"]:
        items += _legal_items(seat, y, end, scroll)
    return items


def _legal_items(seat: dict[str, Any], y: Number, end: Number, scroll: int) -> list[Item]:
    """The legal actions, one after another in lines, the chosen one marked."""
    left, right = 18.0, PANEL_WIDTH - 18.0
    lines: list[list[str]] = [[]]
    x = left + 52
    for word in seat["legal"]:
        width = text_width(word, SMALLEST_TEXT, word == seat["chose"]) + 14
        if lines[-1] and x + width > right:
            lines.append([])
            x = left + 52
        lines[-1].append(word)
        x += width
    fits = max(0, int((end - y + 8) // 18))
    first = min(scroll, max(0, len(lines) - fits))
    shown = lines[first : first + fits]
    items: list[Item] = [Text(left, y, "legal", SMALLEST_TEXT, FAINT)] if shown else []
    for i, words in enumerate(shown):
        x = left + 52
        left_out = first + fits < len(lines) and i == len(shown) - 1
        for word in ["…", f"{len(seat['legal'])} in all (I)"] if left_out else words:
            chosen = word == seat["chose"]
            fill = YELLOW if chosen else FAINT
            items.append(Text(x, y, word, SMALLEST_TEXT, fill, bold=chosen))
            x += text_width(word, SMALLEST_TEXT, chosen) + 14
        y += 18
    return items


def _seat_table(
    seats: list[dict[str, Any]], top: Number, bottom: Number, scroll: int
) -> list[Item]:
    """A row for each seat, where they are many."""
    left, right = 18.0, PANEL_WIDTH - 18.0
    items: list[Item] = [
        Text(left + 86, top, "did", SMALLEST_TEXT, FAINT),
        Text(left + 180, top, "now", SMALLEST_TEXT, FAINT),
        Text(right, top, "return", SMALLEST_TEXT, FAINT, "end"),
    ]
    fits = int((bottom - top - 24) // 18)
    first = min(scroll, max(0, len(seats) - fits))
    for i, seat in enumerate(seats[first : first + fits]):
        y = top + 20 + 18 * i
        color = SEATS[seat["seat"] % len(SEATS)]
        size = SMALLEST_TEXT
        items += [
            Rect(left - 8, y - 6, 3, 12, color),
            Text(left, y, fit(seat["name"], 80, size), size, INK),
            Text(left + 86, y, fit(seat["did"] or "–", 88, size), size, FAINT),
            Text(left + 180, y, fit(seat["chose"] or "–", 62, size), size, YELLOW),
            Text(right, y, _signed(seat["return"], False), size, INK, "end"),
        ]
    if first + fits < len(seats):
        more = f"{first + 1} to {first + fits} of {len(seats)} seats; I or the wheel for more"
        items.append(Text(left, bottom - 2, more, SMALLEST_TEXT, FAINT))
    return items

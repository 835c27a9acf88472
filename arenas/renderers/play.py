"""People hold seats: a window in which they watch and act, while agents hold the others.

A person is a host agent like any other, so that matches, forfeits and records are those of
:func:`arenas.match.play_episode`. What keys and the mouse mean depends on the game
(:mod:`arenas.renderers.controls`).
"""

from __future__ import annotations

import math
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any

import numpy as np
import pygame

from arenas.agent import HostAgent
from arenas.errors import BadArgument
from arenas.host import HostEnv
from arenas.match import Episode, LeftTheGame, play_episode
from arenas.renderers.controls import CONTROLS, Keys, Menu
from arenas.renderers.film import Film
from arenas.renderers.panel import HUMAN
from arenas.renderers.pygame_backend import Painter
from arenas.renderers.scene import (
    FAINT,
    INK,
    PANEL,
    SMALLEST_TEXT,
    STAGE,
    YELLOW,
    Item,
    Number,
    Scene,
    Text,
)
from arenas.renderers.text import game_name
from arenas.renderers.window import (
    BAR_HEIGHT,
    FPS,
    PANEL_WIDTH,
    SIZE,
    Player,
    Screen,
    help_items,
    note,
    text_width,
)

THINKS = 0.3
"""Seconds of thought after which the window says who thinks."""


class Thinker(HostAgent):
    """An agent that thinks beside the window, which answers meanwhile.

    Args:
        play: the window's life.
        agent: is called as ever, and in the same order, only from another thread.
    """

    def __init__(self, play: Play, agent: HostAgent) -> None:
        self.play, self.agent, self.name = play, agent, agent.name

    def watch(self, env: HostEnv) -> None:
        self.play.begin()
        self.play.wait_for(self.name, self.agent.watch, env)

    def reset(self, seat: int, seed: int) -> None:
        self.play.wait_for(self.name, self.agent.reset, seat, seed)

    def tell(self, observation: Any, action_mask: np.ndarray) -> tuple[np.ndarray, float] | None:
        return self.play.wait_for(self.name, self.agent.tell, observation, action_mask)

    def act(self, observation: Any, action_mask: np.ndarray) -> Any:
        return self.play.wait_for(self.name, self.agent.act, observation, action_mask)


class Worker:
    """One thread that makes calls, one at a time; it ends with the program, whatever it does.

    The standard library's pools wait for theirs at the program's end: a person who left would sit
    before a closed window until the agent has thought to its end.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._live, name="agents", daemon=True).start()

    def _live(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function, arguments = call
            try:
                future.set_result(function(*arguments))
            except BaseException as error:  # SystemExit too: an agent that exits forfeits
                future.set_exception(error)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call it there."""
        future: Future[Any] = Future()
        self._calls.put((future, function, arguments))
        return future

    def close(self) -> None:
        """End the thread after the calls that are under way."""
        self._calls.put(None)


class Person(HostAgent):
    """Somebody in front of the window, in one seat."""

    def __init__(self, play: Play) -> None:
        self.play, self.name = play, HUMAN

    def reset(self, seat: int, seed: int) -> None:
        self._seat = seat
        self.play.begin()

    def act(self, observation: Any, action_mask: np.ndarray) -> Any:
        return self.play.ask(self._seat, action_mask)


class Play:
    """An episode that people play in a window.

    Args:
        env: is reset first.
        agents: host agents by seat; None where a person sits.
        seed: of the episode.
        screen: the window.
        speed: 1 is the game's own, for games that go on by themselves and for others' moves.

    Raises:
        BadArgument: people cannot play this game, or hold no seat of it.

    Attributes:
        film: the episode so far.
        view: the seat whose view is shown, None for everything.
    """

    def __init__(
        self,
        env: HostEnv,
        agents: Sequence[HostAgent | None],
        seed: int,
        *,
        screen: Screen,
        speed: Number = 1.0,
    ) -> None:
        self.env, self.screen, self.seed, self.speed = env, screen, seed, speed
        self.people = [seat for seat, agent in enumerate(agents) if agent is None]
        if not self.people:
            raise BadArgument("nobody plays: a person holds at least one seat")
        self.agents = [Person(self) if a is None else Thinker(self, a) for a in agents]
        self._worker: Worker | None = None
        game = env.spec.game if env.spec else ""
        alone = len(self.people) == 1 and game != "fightladder"
        self.view = self.people[0] if alone and env.num_agents > 1 else None
        self.film = Film(env, tuple(a.name for a in self.agents), seed)
        self.controls = CONTROLS.get(game, Menu)(self, self.people)
        self.helping = self.paused = self.leaving = self.interrupted = False
        self._stage, self._panel, self._bar, self._over = (Painter() for _ in range(4))
        self._gone = False
        self._thinks: tuple[str, float] | None = None  # who, and for how many seconds
        self._said, self._said_until = "", 0.0
        self._ticker = pygame.time.Clock()
        pygame.key.set_repeat()  # what is held is known

    def run(self) -> Episode:
        """Play it to its end, or until the person leaves, who forfeits it then.

        After Ctrl-C ``interrupted`` is True.
        """

        def stop(*_: Any) -> None:
            if self.interrupted:  # once more: whatever an agent is doing
                raise KeyboardInterrupt
            self.interrupted = True

        before: Any = None
        try:
            before = signal.signal(signal.SIGINT, stop)
        except ValueError:  # not in the main thread: Ctrl-C goes where it goes
            stop = None  # type: ignore[assignment]
        self._worker = Worker()
        try:
            return play_episode(self.env, self.agents, self.seed, policies=True, after=self.after)
        finally:
            self._worker.close()
            if stop is not None:
                signal.signal(signal.SIGINT, before)

    # What the match calls -----------------------------------------------------------------------

    def begin(self) -> None:
        """The episode has begun; called for every seat."""
        if not len(self.film):
            self.film.add()
            self._ticker.tick()

    def wait_for(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call something of an agent in the other thread, while the window goes on.

        Raises:
            LeftTheGame: a person has left meanwhile. The agent is not waited for.
            BadArgument: it needs the main thread, as handlers of signals do.
        """
        assert self._worker is not None
        future = self._worker.submit(function, *arguments)
        begun = drawn = time.monotonic()
        while not future.done():
            wait([future], timeout=0.01)  # whatever it raises belongs to whoever asks below
            now = time.monotonic()
            # Most answer at once. Drawing takes time from an agent that thinks in Python.
            if not future.done() and now - drawn > 0.05:
                drawn = now
                self._pump()
                self._thinks = (name, now - begun)
                self._draw(self._scene())
        self._thinks = None
        try:
            return future.result()
        except ValueError as error:
            if "main thread" not in str(error):
                raise
            raise BadArgument(
                f"{name} sets a handler of signals in {function.__name__}, which Python allows in "
                "the main thread only; agents think in another one beside the window. It can be "
                "set where the agent is made, or the match played with 'arenas match'"
            ) from error

    def ask(self, seat: int, mask: np.ndarray) -> Any:
        """The action of a person, who may take all the time there is.

        Raises:
            LeftTheGame: the person has left.
        """
        while True:
            self._pump()
            if not self._stopped():
                action = self.controls.choose(seat, mask)
                if action is not None:
                    return action
            self._draw(self._scene())
            self._ticker.tick(FPS)

    def after(self, action: Sequence[Any]) -> None:
        """A step was made: show it, for as long as it lasts."""
        self.film.add(action)
        t = len(self.film) - 1
        drawing = self.film.drawing
        scenes = drawing.between(t, self.view)
        acting = self.env.timestep.acting if self.env.timestep is not None else ()
        mine = any(acts and seat in self.people for seat, acts in enumerate(acting))
        if not self.controls.live and mine:
            scenes = scenes[-1:]
            self._draw(scenes[0])
            return
        lasts = 1 / drawing.fps / self.speed
        end = time.monotonic() + lasts
        for i, scene in enumerate(scenes):
            due = end - lasts * (len(scenes) - 1 - i) / len(scenes)
            shown = False
            # Of a step that is late, single pictures are left out, but not the last one.
            while not shown or time.monotonic() < due:
                if shown or i == len(scenes) - 1 or time.monotonic() < due:
                    self._pump(leave=False)
                    self._draw(scene)
                    self._ticker.tick(FPS if self.speed <= 4 else 0)
                shown = True

    def _stopped(self) -> bool:
        return self.paused or self.helping or self.leaving

    def _scene(self) -> Scene:
        return self.film.drawing.scene(len(self.film) - 1, self.view)

    # The window ---------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line over the picture, for some seconds."""
        self._said, self._said_until = text, time.monotonic() + 3.0

    def _pump(self, leave: bool = True) -> None:
        """Take in what happened in the window."""
        for event in pygame.event.get():
            self.handle(event)
        if leave and self.interrupted:
            raise LeftTheGame(self.people[0], "interrupted by Ctrl-C")
        if leave and self._gone:
            raise LeftTheGame(self.people[0], "left the game")

    def handle(self, event: pygame.event.Event) -> None:
        """What a key, the mouse or the window does."""
        if event.type == pygame.QUIT:
            self._gone = True
            return
        if event.type == pygame.KEYDOWN:
            if event.key == pygame.K_ESCAPE:
                if self.helping:
                    self.helping = False
                elif not self.controls.back():
                    self._gone, self.leaving = self.leaving, True
                return
            self.leaving = False
            if event.unicode == "?" or event.key == pygame.K_F1:
                self.helping = not self.helping
                return
            if event.key == pygame.K_SPACE and self.controls.live:
                self.paused = not self.paused
                return
            if event.key == pygame.K_F11:
                self.screen.full_screen()
                return
            if self.helping:
                self.helping = False
                return
        self.controls.handle(event)

    def _draw(self, scene: Scene) -> None:
        x, y, scale = self.screen.place()
        surface = self.screen.surface
        self._stage.paint(scene, surface, x, y, scale)
        self._over.items(self.controls.over_stage(), surface, x, y, scale)
        self._panel.paint(
            Scene(PANEL, tuple(self.controls.panel_items())),
            *(surface, x + STAGE[0] * scale, y, scale, (PANEL_WIDTH, STAGE[1])),
        )
        self._bar.paint(
            Scene("#1b222b", tuple(self._bar_items())),
            *(surface, x, y + STAGE[1] * scale, scale, (SIZE[0], BAR_HEIGHT)),
        )
        over: list[Item] = []
        for i, words in enumerate(self.notes()):
            over += note(words, STAGE[0] / 2, STAGE[1] - 24 - 36 * i, 16)
        if self.leaving:
            over += note("leave? Esc again; any other key goes on", STAGE[0] / 2, 300, 20)
        if self.helping:
            over += help_items("Keys", self._all_keys())
        self._over.items(over, surface, x, y, scale)
        pygame.display.flip()

    def notes(self) -> list[str]:
        """Lines over the picture, the lowest first."""
        lines = []
        if self._thinks is not None and self._thinks[1] > THINKS:
            name, seconds = self._thinks
            lines.append(f"{name} is thinking" + (f" ({seconds:.0f} s)" if seconds >= 3 else ""))
        if self._said and time.monotonic() < self._said_until:
            lines.append(self._said)
        if self.paused:
            lines.append("paused: Space goes on")
        return lines

    def _all_keys(self) -> Keys:
        menu = isinstance(self.controls, Menu)
        own = (
            ()
            if not menu
            else tuple(
                (key.upper(), self.controls.words[action])  # type: ignore[attr-defined]
                for action, key in list(self.controls.key_of.items())[:16]  # type: ignore[attr-defined]
            )
        )
        pause = (("Space", "pause"),) if self.controls.live else ()
        more = (*pause, ("F11", "full screen"), ("?", "this help"), ("Esc Esc", "leave"))
        return (
            *self.controls.keys,
            *own,
            *(m for m in more if m[0] not in dict(self.controls.keys)),
        )

    def _bar_items(self) -> list[Item]:
        """The keys, in rows below the picture."""
        items: list[Item] = []
        x, y = 20.0, 22.0
        live = (("Space", "pause"),) if self.controls.live else ()
        keys = dict((*live, *self.controls.keys, ("?", "all keys"), ("Esc", "leave")))
        for key, what in keys.items():
            size = 14.0
            wide = text_width(key, size, True) + text_width(what, size) + 34
            if x + wide > SIZE[0] - 10:
                x, y = 20.0, y + 24
            items.append(Text(x, y, key, size, YELLOW, bold=True))
            items.append(Text(x + text_width(key, size, True) + 8, y, what, size, INK))
            x += wide
        if y <= 46:
            words = f"{game_name(self.env)} · seed {self.seed} · step {self.env.steps}"
            items.append(Text(20, 66, words, SMALLEST_TEXT, FAINT))
        return items


def result(episode: Episode, film: Film) -> str:
    """How it ended, in a line."""
    if episode.forfeit is not None:
        who = film.env.agents[episode.forfeit.seat]
        return f"{who} ({film.agents[episode.forfeit.seat]}) forfeits: {episode.forfeit.reason}"
    returns = episode.returns or ()
    scores = [f"{name} {r:.4g}" for name, r in zip(film.env.agents, returns, strict=True)]
    shown = ", ".join(scores[:5]) + (" …" if len(scores) > 5 else "")
    return f"{episode.outcome}: {shown}"


def watch_again(play: Play, told: str, show: Callable[[Player], None] | None = None) -> None:
    """After the end: the film, to look at until the window is closed."""
    if not len(play.film):
        return
    pygame.key.set_repeat(300, 40)
    player = Player([play.film], seat=play.view, playing=False, screen=play.screen)
    player.seek(math.inf)
    player.say(told)
    (show or Player.run)(player)

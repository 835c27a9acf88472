"""A film: an episode's situations one after the other, and the game's drawing of each.

A film is made from a replay, or grows while an episode is played. What every viewer shows comes
from it: scenes, events to mark, and the side panel's facts.
"""

from __future__ import annotations

import abc
import dataclasses
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from arenas._version import __version__
from arenas.env import TimeStep
from arenas.errors import BadArgument
from arenas.host import HostEnv
from arenas.renderers.scene import FAINT, GROUND, INK, Item, Scene, Text
from arenas.renderers.text import render_text

if TYPE_CHECKING:
    from arenas.match import Policies
    from arenas.replay import Replay


@dataclasses.dataclass(frozen=True)
class Moment:
    """The situation after some number of steps.

    Attributes:
        state: the game's state, NumPy arrays.
        timestep: what the agents see of it.
        action: the joint action ``[A]`` or ``[A, K]`` that led here; None at the start. Entries of
            seats that did not act mean nothing.
        acted: bool ``[A]``, whose action led here; all False at the start.
        returns: float32 ``[A]``, the sum of rewards so far.
        text: the situation in words (``render_text``) where the game is drawn so, else empty.
    """

    state: Any
    timestep: TimeStep
    action: np.ndarray | None
    acted: np.ndarray
    returns: np.ndarray
    text: str


@dataclasses.dataclass(frozen=True)
class Event:
    """Something worth jumping to.

    Attributes:
        step: index of the moment in which it is first seen.
        kind: a word, such as ``death``, ``hit``, ``firework``, ``round`` or ``goal``; events of one
            kind are marked alike.
        label: for people, short.
        seat: whose event it is, or None.
        unseen: seats whose view does not show it, as it tells what they do not know.
    """

    step: int
    kind: str
    label: str
    seat: int | None = None
    unseen: tuple[int, ...] = ()


class Drawing(abc.ABC):
    """How a game is drawn: from moments of a film to scenes. One object draws one film.

    Args:
        film: what is drawn; may grow afterwards.
    """

    def __init__(self, film: Film) -> None:
        self.film = film

    @abc.abstractmethod
    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The picture after ``t`` steps.

        Args:
            t: index of a moment of the film. Earlier moments may be read (trails, logs), later ones
                never: while an episode is played there are none.
            seat: show what the agent in this seat could see; None shows everything.
        """

    def events(self, t: int) -> list[Event]:
        """What happened in the step that led to moment ``t``; nothing at the start."""
        return []

    def between(self, t: int, seat: int | None = None, every: int = 1) -> list[Scene]:
        """Pictures between moments ``t - 1`` and ``t``, for games whose steps last several frames.

        The last is that of moment ``t`` itself; other games have that one only.

        Args:
            t: as for :meth:`scene`.
            seat: likewise.
            every: take every so many of the frames, counted back from the last.
        """
        return [self.scene(t, seat)]

    sees_all: bool = False
    """Whether each seat sees everything, so that no view hides anything from it; a page then holds
    one view's pictures instead of all."""

    fps: float = 4.0
    """Steps a second at which the game is usually watched."""


class TextDrawing(Drawing):
    """Any game without a drawing of its own: the situation in words."""

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The lines of ``render_text``; with a ``seat``, its observation in numbers instead.

        The words may tell what a seat does not know, so a seat is shown what it is given.
        """
        moment = self.film.moments[t]
        lines = moment.text.splitlines()
        if seat is not None:
            import jax

            seen = jax.tree.map(lambda x: np.asarray(x)[seat], moment.timestep.observation)
            numbers = np.array2string(
                np.asarray(jax.tree.leaves(seen)[0]), precision=3, threshold=400, max_line_width=100
            )
            lines = [lines[0], f"{self.film.env.agents[seat]} observes", *numbers.splitlines()]
        room = 34
        if len(lines) > room:
            lines = [*lines[: room - 1], f"… and {len(lines) - room + 1} lines more"]
        items: list[Item] = [Text(24, 28, lines[0], 18, INK, bold=True)]
        items += [Text(24, 56 + 17 * i, line, 14, FAINT) for i, line in enumerate(lines[1:])]
        return Scene(GROUND, tuple(items))


_DRAWINGS: dict[str, type[Drawing] | str] = {
    "colorgrid": "arenas.renderers.colorgrid:ColorGridDrawing",
    "fightladder": "arenas.renderers.fightladder:FightLadderDrawing",
    "hanabi": "arenas.renderers.hanabi:HanabiDrawing",
    "kuhn": "arenas.renderers.poker:PokerDrawing",
    "leduc": "arenas.renderers.poker:PokerDrawing",
    "rrps": "arenas.renderers.rrps:RrpsDrawing",
    "smax": "arenas.renderers.smax:SmaxDrawing",
}


def register_renderer(game: str, drawing: type[Drawing] | str) -> None:
    """Draw this game with ``drawing``.

    Args:
        game: the ``game`` of the environment's registry entry.
        drawing: a class, or ``"module:Class"``, loaded when the game is first drawn.
    """
    _DRAWINGS[game] = drawing


def drawing_of(film: Film) -> Drawing:
    """The drawing of the film's game; :class:`TextDrawing` where it has none."""
    spec = film.env.spec
    found = _DRAWINGS.get(spec.game if spec else "", TextDrawing)
    if isinstance(found, str):
        module, name = found.split(":")
        found = getattr(importlib.import_module(module), name)
    assert not isinstance(found, str)
    return found(film)


class Film:
    """An episode to look at.

    Args:
        env: the environment; has been reset. :meth:`add` takes its present situation.
        agents: names by seat, for captions.
        seed: of the episode, or None.

    Attributes:
        env: the environment; its ``state`` is that of the last moment added.
        moments: the situations so far, from the start.
        events: what happened, in order.
        drawing: of the game.
        policies: what agents told of their choices, where that was recorded.
        version: of Arenas, that played the episode.
    """

    def __init__(
        self, env: HostEnv, agents: tuple[str, ...] | None = None, seed: int | None = None
    ) -> None:
        self.env, self.seed = env, seed
        self.agents = env.agents if agents is None else agents
        self.moments: list[Moment] = []
        self.events: list[Event] = []
        self.policies: Policies | None = None
        self.version = __version__
        self.drawing = drawing_of(self)

    def __len__(self) -> int:
        return len(self.moments)

    def add(self, action: Any = None) -> Moment:
        """Take the environment's present situation as the next moment.

        Args:
            action: the joint action that led to it; None at the start.
        """
        timestep = self.env.timestep
        if timestep is None:
            raise BadArgument("no episode: call reset before it is drawn")
        seats = self.env.num_agents
        before = self.moments[-1] if self.moments else None
        returns = np.asarray(timestep.reward, np.float32)
        moment = Moment(
            state=self.env.state(),
            timestep=timestep,
            action=None if action is None else np.asarray(action),
            acted=np.asarray(np.zeros(seats, bool) if before is None else before.timestep.acting),
            returns=returns if before is None else before.returns + returns,
            text=render_text(self.env) if isinstance(self.drawing, TextDrawing) else "",
        )
        self.moments.append(moment)
        if before is not None:
            self.events += self.drawing.events(len(self.moments) - 1)
        return moment

    def seen_events(self, seat: int | None = None) -> list[Event]:
        """The events that a seat's view shows; all of them for None."""
        return [e for e in self.events if seat not in e.unseen]

    def scene(self, t: int, seat: int | None = None) -> Scene:
        """The picture after ``t`` steps; negative numbers count from the end.

        Raises:
            BadArgument: no such step or seat.
        """
        if not -len(self) <= t < len(self):
            raise BadArgument(f"step {t} is not in the episode; accepted are 0 to {len(self) - 1}")
        if seat is not None and not 0 <= seat < self.env.num_agents:
            raise BadArgument(f"seat {seat}; accepted are 0 to {self.env.num_agents - 1}")
        return self.drawing.scene(t % len(self), seat)

    @classmethod
    def of(cls, replay: Replay, progress: Callable[[int, int], None] | None = None) -> Film:
        """The film of a recorded episode, played again from its seed and actions.

        Args:
            replay: the episode.
            progress: told how many moments are there, and of how many.

        Raises:
            ReplayMismatch: the environment answers otherwise than when it was recorded.
            UnknownName: an environment that is not installed here.
        """
        film: Film | None = None
        for env, _, action in replay.steps():
            if film is None:
                film = cls(env, replay.episode.agents, replay.episode.seed)
                film.policies = replay.episode.policies
                film.version = replay.arenas_version
            film.add(action)
            if progress:
                progress(len(film), replay.episode.length + 1)
        assert film is not None
        return film

"""One host environment seen from its seats: what the PettingZoo and Gymnasium views share."""

from __future__ import annotations

import ast
import copy
import weakref
from typing import Any, Literal

import gymnasium
import numpy as np

from arenas import registry
from arenas.env import Env, TimeStep
from arenas.errors import BadArgument, EpisodeOver, UnknownName
from arenas.host import HostEnv, JaxHost, as_host
from arenas.renderers.text import game_name, render_text

MaskIn = Literal["info", "observation"]
RENDER_MODES = ["human", "rgb_array", "ansi"]
RENDER_FPS = 4
"""Steps a second in ``"human"`` mode, where the game's drawing says nothing else."""


class Seats:
    """An episode on the host, with every seat's observation, mask and information by itself.

    Copying and pickling keep the episode: a copy starts the same seed and makes the same steps.

    Args:
        id: an environment's id, an :class:`arenas.Env` or an :class:`arenas.HostEnv`.
        kwargs: arguments of the environment, with an id only.
        render_mode: ``None``, ``"human"`` (a window; prints where there is no display),
            ``"rgb_array"`` (returns pictures) or ``"ansi"`` (returns text).
        flatten: turn observations into one vector each, in Gymnasium's order.
        mask_in: where legal actions are given: each agent's ``info``, or an observation
            ``{"observation": ..., "action_mask": ...}``.
        max_cycles: truncate episodes after so many steps, if the game does not end them before.

    Raises:
        UnknownName: no such id, argument, render mode or place for masks.
        BadArgument: a value that is not accepted.
    """

    def __init__(
        self,
        id: str | Env[Any] | HostEnv,
        kwargs: dict[str, Any],
        *,
        render_mode: str | None = None,
        flatten: bool = False,
        mask_in: MaskIn = "info",
        max_cycles: int | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise UnknownName("render_mode", str(render_mode), RENDER_MODES)
        if mask_in not in ("info", "observation"):
            raise UnknownName("mask_in", str(mask_in), ("info", "observation"))
        if not isinstance(id, str) and kwargs:
            raise BadArgument(f"arguments {sorted(kwargs)} need an id, not an environment object")
        self.host = _host(id, kwargs)
        self.render_mode, self.flatten, self.mask_in = render_mode, flatten, mask_in
        self.max_cycles = max_cycles
        self._made_by = (id, kwargs)
        self._history: list[np.ndarray] = []
        self.seed: int | None = None
        self._options: dict[str, Any] = {}
        self._timestep: TimeStep | None = None
        self._shown: TimeStep | None = None  # what "human" mode has shown already
        self._view = View(self.host) if render_mode in ("human", "rgb_array") else None

        self.names = list(self.host.agents)
        if mask_in == "observation" and not self.discrete:
            raise BadArgument(
                "mask_in='observation' needs numbered actions; this environment's actions are "
                f"{self.host.action_space}"
            )
        # Each seat has space objects of its own, so that seeding one does not seed the others.
        self.observation_spaces = {name: self._observation_space() for name in self.names}
        self.action_spaces = {name: copy.deepcopy(self.host.action_space) for name in self.names}
        everyone = gymnasium.spaces.Tuple([self.host.observation_space] * len(self.names))
        self._state_parts = everyone
        self.state_space = gymnasium.spaces.flatten_space(everyone)

    @property
    def max_cycles(self) -> int | None:
        """The cut of this view; the game's own limit, if lower, comes first."""
        return self._max_cycles

    @max_cycles.setter
    def max_cycles(self, value: int | None) -> None:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 1):
            raise BadArgument(f"max_cycles is {value!r}; accepted are integers from 1, and None")
        self._max_cycles = value

    @property
    def discrete(self) -> bool:
        """Actions are numbers, not vectors."""
        return isinstance(self.host.action_space, gymnasium.spaces.Discrete)

    @property
    def turn_based(self) -> bool:
        """Not every seat acts in every step, as far as is known without playing."""
        if self.host.spec is not None:
            return self.host.spec.turn_based
        if isinstance(self.host, JaxHost):
            return type(self.host.env.unwrapped)._acting is not Env._acting
        return True

    @property
    def title(self) -> str:
        """The id as PettingZoo writes names: ``colorgrid_v0``."""
        spec = self.host.spec
        return spec.id.replace("-", "_") if spec else game_name(self.host)

    def metadata(self, *, is_parallelizable: bool) -> dict[str, Any]:
        """PettingZoo's and Gymnasium's metadata."""
        return {
            "name": self.title,
            "render_modes": list(RENDER_MODES),
            "render_fps": RENDER_FPS if self._view is None else self._view.fps,
            "is_parallelizable": is_parallelizable,
        }

    @property
    def started(self) -> bool:
        """An episode was started, and may have ended."""
        return self._timestep is not None

    @property
    def timestep(self) -> TimeStep:
        """The latest, with this view's cut.

        Raises:
            EpisodeOver: no episode was started.
        """
        if self._timestep is None:
            raise EpisodeOver("no episode is going on: call reset first")
        return self._timestep

    # Playing ------------------------------------------------------------------------------------

    def reset(self, seed: int, options: dict[str, Any] | None = None) -> None:
        """Start the episode with this seed, and with those options that the game has.

        Others are ignored, because PettingZoo's and Gymnasium's wrappers hand on what they are
        given; with a warning where the game has options, since one may be misspelt.
        """
        accepted = self.host.reset_options
        own = {n: v for n, v in (options or {}).items() if n in accepted}
        for name in sorted(set(options or {}) - set(own)):
            if accepted:
                gymnasium.logger.warn(
                    f"reset option {name!r} is ignored; {self.title} has {', '.join(accepted)}"
                )
        self._timestep = self.host.reset(seed, **own)
        self.seed, self._options = int(seed), own
        self._history, self._shown = [], None
        if self._view is not None:
            self._view.begin(self.seed)
        if self.render_mode == "human":
            self.render()

    def seat(self, name: Any) -> int:
        """The index of the seat with this name.

        Raises:
            UnknownName: no agent of this environment.
        """
        if name not in self.names:
            raise UnknownName("agent", str(name), self.names)
        return self.names.index(name)

    @property
    def acting(self) -> list[str]:
        """Agents whose action the next step reads."""
        return [n for n, acts in zip(self.names, self.timestep.acting, strict=True) if acts]

    def step(self, actions: dict[str, Any]) -> None:
        """Make one transition, of legal actions by name; all acting agents must be named.

        Raises:
            UnknownName: an action for somebody who has no seat.
            BadArgument: no action for somebody who acts.
            IllegalAction: the rules forbid an action now; nothing has changed.
            BadShape: not an action.
            EpisodeOver: no episode is going on.
        """
        for name in actions:
            self.seat(name)
        missing = [name for name in self.acting if name not in actions]
        if missing:
            raise BadArgument(
                f"no action for {', '.join(missing)}; a step needs one for each of: "
                f"{', '.join(self.acting)}"
            )
        dtype = np.int64 if self.discrete else self.host.action_space.dtype
        joint = np.zeros((len(self.names), *self.host.action_shape), dtype)
        for name in self.acting:
            seat = self.seat(name)
            self.host.check_legal(seat, actions[name])
            joint[seat] = actions[name]
        self._make(joint)
        if self.render_mode == "human":
            self.render()

    def _make(self, joint: np.ndarray) -> None:
        timestep = self.host.step(joint)
        self._history.append(joint)
        if self._view is not None:
            self._view.add(joint)
        cut = self._max_cycles is not None and self.host.steps >= self._max_cycles
        if cut and not timestep.terminated:
            timestep = timestep.replace(
                truncated=np.asarray(True),
                acting=np.zeros_like(timestep.acting),
                action_mask=np.broadcast_to(self.host.waiting_mask, timestep.action_mask.shape),
            )
        self._timestep = timestep

    @property
    def over(self) -> bool:
        """The episode has ended."""
        return bool(self.timestep.terminated or self.timestep.truncated)

    # What a seat sees ---------------------------------------------------------------------------

    def _observation_space(self) -> gymnasium.Space[Any]:
        space = copy.deepcopy(self.host.observation_space)
        if self.flatten:
            space = gymnasium.spaces.flatten_space(space)
        if self.mask_in == "info":
            return space
        mask = gymnasium.spaces.Box(0, 1, (self.host.num_actions,), np.int8)
        return gymnasium.spaces.Dict({"observation": space, "action_mask": mask})

    def raw_observation(self, seat: int) -> Any:
        """This seat's observation, as the environment's own space has it; a copy."""
        return select(self.host.observation_space, self.timestep.observation, seat)

    def observation(self, seat: int) -> Any:
        """This seat's observation, as :attr:`observation_spaces` has it; a copy."""
        observation = self.raw_observation(seat)
        if self.flatten:
            observation = gymnasium.spaces.flatten(self.host.observation_space, observation)
        if self.mask_in == "info":
            return observation
        return {"observation": observation, "action_mask": self.mask(seat)}

    def mask(self, seat: int) -> np.ndarray:
        """Legal actions as Gymnasium's ``sample(mask)`` wants them: int8 ``[K]``."""
        return np.asarray(self.timestep.action_mask[seat]).astype(np.int8)

    def info(self, seat: int) -> dict[str, Any]:
        """What the environment logs for this seat, and ``action_mask`` and ``acting``.

        Arrays with an entry for each agent are split; others are given to all.
        """
        agents = len(self.names)
        info = {}
        for name, value in self.timestep.info.items():
            array = np.asarray(value)
            split = array.ndim > 0 and array.shape[0] == agents
            info[name] = _plain(np.asarray(array[seat]) if split else array)
        if self.discrete:
            info["action_mask"] = self.mask(seat)
        info["acting"] = bool(self.timestep.acting[seat])
        return info

    def state(self) -> np.ndarray:
        """All observations in one vector, in the order of the seats."""
        parts = tuple(self.raw_observation(seat) for seat in range(len(self.names)))
        return gymnasium.spaces.flatten(self._state_parts, parts)  # type: ignore[return-value]

    def render(self) -> str | np.ndarray | None:
        """The present situation: text in ``"ansi"`` mode, a picture in ``"rgb_array"`` mode.

        A picture is uint8 ``[720, 1080, 3]``. In ``"human"`` mode, which renders by itself, the
        window shows each situation once, as long as a step lasts.

        Raises:
            EpisodeOver: no episode was started; in ``"rgb_array"`` mode only.
        """
        if self.render_mode is None:
            gymnasium.logger.warn(
                "render() without a render_mode does nothing; give render_mode='human', "
                "'rgb_array' or 'ansi' when making the environment"
            )
            return None
        if self.render_mode == "ansi":
            return render_text(self.host)
        assert self._view is not None
        if self.render_mode == "rgb_array":
            if not self.started:
                raise EpisodeOver("no episode is going on: call reset before render")
            return self._view.picture()
        if self._shown is not self.host.timestep:
            self._shown = self.host.timestep
            if not self._view.show():
                print(render_text(self.host), flush=True)
        return None

    def close(self) -> None:
        """Free what the environment and its window hold."""
        if self._view is not None:
            self._view.close()
        self.host.close()

    # Copies -------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("host", "_timestep", "_shown", "_view"):
            del state[name]
        made_by, kwargs = state["_made_by"]
        if isinstance(made_by, Env):  # compiled programs cannot be copied, and need not be
            made_by = copy.copy(made_by)
            vars(made_by).pop("_host_programs", None)  # type: ignore[attr-defined]
            state["_made_by"] = made_by, kwargs
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.host, self._timestep, self._shown = _host(*self._made_by), None, None
        drawn = self.render_mode in ("human", "rgb_array")
        self._view = View(self.host) if drawn else None
        if self.seed is not None:
            history = self._history
            self._timestep, self._history = self.host.reset(self.seed, **self._options), []
            if self._view is not None:
                self._view.begin(self.seed)
            for joint in history:
                self._make(joint)
            self._shown = self.host.timestep


class View:
    """An episode as pictures, in arrays and in a window.

    Args:
        host: what is shown.
    """

    def __init__(self, host: HostEnv) -> None:
        from arenas.renderers.film import Film

        self._host, self._film = host, Film(host)
        self._pictures: Any = None
        self._window: Any = None
        self._no_window = False

    @property
    def fps(self) -> float:
        """Steps a second at which the game is usually watched."""
        return self._film.drawing.fps

    def begin(self, seed: int | None) -> None:
        """An episode was started."""
        from arenas.renderers.film import Film

        self._film = Film(self._host, seed=seed)
        self._film.add()

    def add(self, action: np.ndarray) -> None:
        """A step was made."""
        self._film.add(action)

    def picture(self) -> np.ndarray:
        """The present situation, uint8 ``[720, 1080, 3]``."""
        if self._pictures is None:
            from arenas.renderers.pygame_backend import Pictures

            self._pictures = Pictures(720)
        return self._pictures.array(self._film.scene(-1))

    def show(self) -> bool:
        """Show the present situation in a window; whether there is one.

        Without a display there is none, which is told once. A window that is closed by its user
        stays so.
        """
        if self._no_window or not len(self._film):
            return False
        if self._window is None:
            from arenas.renderers.window import NoDisplay, StageWindow

            try:
                self._window = StageWindow(f"Arenas: {game_name(self._host)}")
            except NoDisplay:
                self._no_window = True
                gymnasium.logger.warn(
                    "render_mode='human' prints, since there is no display for a window; "
                    "'rgb_array' gives pictures without one"
                )
                return False
        self._window.show(self._film)
        return True

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
        self._window = None


def select(space: gymnasium.Space[Any], observation: Any, seat: int) -> Any:
    """One seat's part of a joint observation, as a member of ``space``; a copy."""
    if isinstance(space, gymnasium.spaces.Dict):
        return {name: select(s, observation[name], seat) for name, s in space.spaces.items()}
    if isinstance(space, gymnasium.spaces.Tuple):
        return tuple(select(s, o, seat) for s, o in zip(space.spaces, observation, strict=True))
    if isinstance(space, gymnasium.spaces.Discrete):
        return np.int64(observation[seat])
    return np.array(observation[seat])


def _plain(array: np.ndarray) -> Any:
    """Numbers as Python's, arrays as copies."""
    return array.item() if array.ndim == 0 else np.array(array)


_shared: weakref.WeakValueDictionary[tuple[str, str], Env[Any]] = weakref.WeakValueDictionary()


def _host(id: str | Env[Any] | HostEnv, kwargs: dict[str, Any]) -> HostEnv:
    """A host environment of its own; those of one id and arguments share compiled programs."""
    if not isinstance(id, str):
        return as_host(id)
    arguments = repr(sorted(kwargs.items()))
    try:
        ast.literal_eval(arguments)
    except (ValueError, SyntaxError):  # an object whose text does not tell its value
        return registry.make_host(id, **kwargs)
    if (env := _shared.get((id, arguments))) is not None:
        return JaxHost(env)
    host = registry.make_host(id, **kwargs)
    if type(host) is JaxHost:
        _shared[id, arguments] = host.env
    return host

"""OpenSpiel's games as host environments, and OpenSpiel's bots as agents.

Importing this imports pyspiel.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
import pyspiel

from arenas.agent import HostAgent
from arenas.env import TimeStep
from arenas.errors import BadArgument, UnknownName
from arenas.host import HostEnv
from arenas.registry import AgentSpec, EnvSpec, build

with contextlib.suppress(ImportError):  # games in Python; some of them need more packages
    import open_spiel.python.games  # noqa: F401

VIEWS = ("observation", "information_state")

_PAPER = "https://arxiv.org/abs/1908.09453"
_KINDS = {
    pyspiel.GameType.Utility.ZERO_SUM: "competitive",
    pyspiel.GameType.Utility.CONSTANT_SUM: "competitive",
    pyspiel.GameType.Utility.IDENTICAL: "cooperative",
    pyspiel.GameType.Utility.GENERAL_SUM: "mixed",
}


@contextlib.contextmanager
def _refusals(what: str) -> Iterator[None]:
    """OpenSpiel's errors as :class:`BadArgument`, without what it writes to standard error."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    except Exception as error:  # its C++ side raises more than SpielError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadArgument(f"{what}: {reason}") from error
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


# Games -------------------------------------------------------------------------------------------


def env_names() -> tuple[str, ...]:
    """Names of the games that load without arguments and can be played, in order."""
    games = {t.short_name: t for t in pyspiel.registered_games()}
    mean_field = pyspiel.GameType.Dynamics.MEAN_FIELD
    return tuple(
        sorted(n for n, t in games.items() if t.default_loadable and t.dynamics != mean_field)
    )


def load_game(game_string: str) -> pyspiel.Game:
    """The OpenSpiel game that a game string names, such as ``kuhn_poker(players=3)``.

    Raises:
        UnknownName: no game of this name; names the nearest.
        BadArgument: OpenSpiel refuses the arguments, with its reason; or it is a mean-field game.
    """
    name = game_string.partition("(")[0].strip()
    if name not in pyspiel.registered_names():
        raise UnknownName("game of OpenSpiel", name, pyspiel.registered_names())
    with _refusals(f"OpenSpiel does not load {game_string!r}"):
        game = pyspiel.load_game(game_string)
    if game.get_type().dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise BadArgument(
            f"{game_string!r} is a mean-field game, which has no seats to fill; accepted are "
            "sequential and simultaneous games"
        )
    return game


def env_spec(game_string: str) -> EnvSpec:
    """The entry of an OpenSpiel game, behind ``open_spiel/``; errors as :func:`load_game`."""
    game = load_game(game_string)
    kind = game.get_type()
    players = game.num_players()
    return EnvSpec(
        id=f"open_spiel/{game_string}",
        entry_point=functools.partial(open_spiel_env, game_string),
        game="open_spiel",
        summary=f"{kind.long_name}, as OpenSpiel plays it.",
        players=players,
        kind="single-agent" if players == 1 else _KINDS[kind.utility],  # type: ignore[arg-type]
        turn_based=kind.dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL,
        horizon=game.max_game_length(),
        paper=_PAPER,
    )


def open_spiel_env(game_string: str, /, *, observation: str | None = None) -> OpenSpielEnv:
    """The environment of an OpenSpiel game.

    Args:
        game_string: OpenSpiel's, such as ``goofspiel(players=3,num_cards=5)``.
        observation: see :class:`OpenSpielEnv`.
    """
    return OpenSpielEnv(load_game(game_string), observation)


class OpenSpielEnv(HostEnv):
    """A sequential or simultaneous game of OpenSpiel, on the host.

    Made by ``arenas.make("open_spiel/<game string>")``.

    * **Observation**: OpenSpiel's ``observation_tensor``, float32 of its own shape, where the game
      has one, else its ``information_state_tensor``, which remembers all that the seat has seen.
    * **Acting**: the player to move; in a simultaneous node everyone who has a legal action. A
      sequential game may hold simultaneous nodes, and the other way round.
    * **Reward**: what the step added to OpenSpiel's ``returns()``, chance that follows included.
    * **Chance** is played between the steps. Explicit: the first outcome at which the cumulated
      probability exceeds a uniform number of ``numpy.random.default_rng(seed)``, the episode's
      seed. Sampled inside OpenSpiel: by the game's own generator, seeded with the episode's seed
      where the game has a parameter for it.
    * Episodes end by the rules only; ``spec.horizon`` is OpenSpiel's ``max_game_length``.

    Args:
        game: OpenSpiel's game.
        observation: ``"observation"`` or ``"information_state"``; None takes the first that the
            game provides.

    Attributes:
        game: OpenSpiel's game.
        spiel_state: OpenSpiel's live state, which nobody else may change; None before a reset.

    Raises:
        BadArgument: the game provides no tensor (of that kind).

    Example:
        >>> import arenas
        >>> env = arenas.make("open_spiel/tic_tac_toe")
        >>> timestep = env.reset(seed=0)
        >>> env.step([4, 0]).acting.tolist()  # the second entry is not read
        [False, True]
    """

    def __init__(self, game: pyspiel.Game, observation: str | None = None) -> None:
        kind = game.get_type()
        provided = [
            v
            for v, has in zip(
                VIEWS,
                (kind.provides_observation_tensor, kind.provides_information_state_tensor),
                strict=True,
            )
            if has
        ]
        if observation is not None and observation not in VIEWS:
            raise UnknownName("observation", observation, VIEWS)
        if (observation or "observation") not in provided and not (
            observation is None and provided
        ):
            has = " and ".join(provided) or "neither"
            raise BadArgument(
                f"OpenSpiel's {kind.short_name!r} provides {has} as a tensor; agents need "
                f"{observation or 'one of ' + ', '.join(VIEWS)}"
            )
        self.game = game
        self.observation = observation or provided[0]
        of_view = self.observation + "_tensor"
        with _refusals(f"OpenSpiel's {kind.short_name!r} is not playable"):
            self._shape = tuple(getattr(game, of_view + "_shape")())
            self._tensor = getattr(pyspiel.State, of_view)
            self.return_range = (float(game.min_utility()), float(game.max_utility()))
        if game.num_distinct_actions() < 1:
            raise BadArgument(f"OpenSpiel's {kind.short_name!r} has no numbered actions")
        self.agents = tuple(f"player_{p}" for p in range(game.num_players()))
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, self._shape, np.float32)
        self.action_space = gymnasium.spaces.Discrete(game.num_distinct_actions())
        parameters = kind.parameter_specification
        self._seed_parameter = next((n for n in ("rng_seed", "seed") if n in parameters), None)
        self.spiel_state: Any = None

    def _reset(self, seed: int) -> TimeStep:
        self._seed = seed
        self._chance = np.random.default_rng(seed)
        self.spiel_state = self._initial_state(seed)
        self._play_chance()
        self._returns = np.zeros(self.num_agents)
        return self._timestep()

    def _step(self, action: np.ndarray) -> TimeStep:
        if self.spiel_state.is_simultaneous_node():
            self.spiel_state.apply_actions([int(a) for a in action])
        else:
            self.spiel_state.apply_action(int(action[self.spiel_state.current_player()]))
        self._play_chance()
        return self._timestep()

    def _initial_state(self, seed: int) -> Any:
        """A first state, before any chance; sampled chance inside the game follows the seed."""
        kind = self.game.get_type()
        parameters = self.game.get_parameters()
        sampled = kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC
        if sampled and self._seed_parameter is not None:
            parameters[self._seed_parameter] = seed % 2**31
        elif not kind.short_name.startswith("python_"):
            return self.game.new_initial_state()
        # A Python game's observer may keep what an earlier episode wrote: each has its own.
        return pyspiel.load_game(kind.short_name, parameters).new_initial_state()

    def _play_chance(self) -> None:
        while self.spiel_state.is_chance_node():
            outcomes, probabilities = zip(*self.spiel_state.chance_outcomes(), strict=True)
            cumulated = np.cumsum(probabilities)
            drawn = np.searchsorted(cumulated, self._chance.random() * cumulated[-1], "right")
            self.spiel_state.apply_action(outcomes[int(drawn)])

    def _timestep(self) -> TimeStep:
        state = self.spiel_state
        over = state.is_terminal()
        mask = np.ones((self.num_agents, self.num_actions), bool)
        acting = np.zeros(self.num_agents, bool)
        if not over:
            for player in self._to_act():
                legal = state.legal_actions(player)
                if legal:
                    if legal[-1] >= self.num_actions:
                        raise BadArgument(
                            f"{self.game.get_type().short_name!r} lets {self.agents[player]} take "
                            f"action {legal[-1]}, beyond the {self.num_actions} that it declares"
                        )
                    acting[player] = True
                    mask[player] = False
                    mask[player, legal] = True
        returns = np.array(state.returns())
        reward = (returns - self._returns).astype(np.float32)
        self._returns = returns
        return TimeStep(
            observation=np.stack([self._view(p) for p in range(self.num_agents)]),
            action_mask=mask,
            reward=reward,
            terminated=np.array(over),
            truncated=np.array(False),
            acting=acting,
            info={},
        )

    def _to_act(self) -> Sequence[int]:
        if self.spiel_state.is_simultaneous_node():
            return range(self.num_agents)
        return (self.spiel_state.current_player(),)

    def _view(self, player: int) -> np.ndarray:
        return np.asarray(self._tensor(self.spiel_state, player), np.float32).reshape(self._shape)

    def state(self) -> dict[str, np.ndarray]:
        """The position: ``history``, all actions and chance outcomes so far; ``seed``, uint32; and
        ``returns``, float64 ``[A]``. :meth:`rebuild` makes OpenSpiel's state of it.
        """
        return {
            "history": np.array(self.spiel_state.history(), np.int64),
            "returns": self._returns,
            "seed": np.array(self._seed, np.uint32),
        }

    def rebuild(self, state: dict[str, Any]) -> Any:
        """OpenSpiel's state at the position that :meth:`state` returned."""
        rebuilt = self._initial_state(int(state["seed"]))
        left = [int(a) for a in state["history"]]
        while left:
            if rebuilt.is_simultaneous_node():
                rebuilt.apply_actions(left[: self.num_agents])
                left = left[self.num_agents :]
            else:
                rebuilt.apply_action(left.pop(0))
        return rebuilt

    def action_label(self, seat: int, action: int) -> str:
        """OpenSpiel's word for an action of a seat in the present position."""
        return self.spiel_state.action_to_string(seat, int(action))


# Bots --------------------------------------------------------------------------------------------

BotFactory = Callable[[int, int], Any]  # seat and seed to OpenSpiel's bot


def _positive(**numbers: Any) -> None:
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 1:
            raise BadArgument(f"{name} is {value!r}; accepted are integers from 1")


def _uniform_random(env: OpenSpielEnv) -> BotFactory:
    return lambda seat, seed: pyspiel.make_uniform_random_bot(seat, seed)


def _mcts(
    env: OpenSpielEnv,
    simulations: int = 1000,
    rollouts: int = 1,
    uct_c: float = 2.0,
    memory_mb: int = 1000,
    solve: bool = True,
) -> BotFactory:
    kind = env.game.get_type()
    if kind.information != pyspiel.GameType.Information.PERFECT_INFORMATION:
        raise BadArgument(
            f"mcts would see what is hidden in {kind.short_name!r}; accepted are games of perfect "
            "information; for others there is open_spiel/ismcts"
        )
    _positive(simulations=simulations, rollouts=rollouts, memory_mb=memory_mb)
    return lambda seat, seed: pyspiel.MCTSBot(
        env.game,
        pyspiel.RandomRolloutEvaluator(rollouts, seed),
        uct_c,
        simulations,
        memory_mb,
        solve,
        seed,
        False,
    )


def _ismcts(
    env: OpenSpielEnv,
    simulations: int = 1000,
    rollouts: int = 1,
    uct_c: float = 2.0,
    world_samples: int = -1,
) -> BotFactory:
    kind = env.game.get_type()
    if (
        kind.information != pyspiel.GameType.Information.IMPERFECT_INFORMATION
        or kind.dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL
    ):
        raise BadArgument(
            f"ismcts does not play {kind.short_name!r}; accepted are sequential games of imperfect "
            "information; for perfect information there is open_spiel/mcts"
        )
    _positive(simulations=simulations, rollouts=rollouts)
    first = env.game.new_initial_state()
    while first.is_chance_node():
        first.apply_action(first.chance_outcomes()[0][0])
    with _refusals(f"ismcts does not play {kind.short_name!r}"):
        first.resample_from_infostate(first.current_player(), lambda: 0.5)
    return lambda seat, seed: pyspiel.ISMCTSBot(
        seed,
        pyspiel.RandomRolloutEvaluator(rollouts, seed),
        uct_c,
        simulations,
        world_samples,
        pyspiel.ISMCTSFinalPolicyType.MAX_VISIT_COUNT,
        not kind.provides_information_state_string,
        False,
    )


def _fixed_action_preference(env: OpenSpielEnv, actions: Any = ()) -> BotFactory:
    numbers = actions if isinstance(actions, list | tuple) else (actions,)
    if not all(isinstance(a, int) and 0 <= a < env.num_actions for a in numbers):
        raise BadArgument(
            f"actions is {actions!r}; accepted are integers from 0 to {env.num_actions - 1}"
        )
    given = {"actions": ":".join(map(str, numbers))} if numbers else {}
    return lambda seat, seed: pyspiel.load_bot("fixed_action_preference", env.game, seat, given)


def _uniform_restricted_actions(env: OpenSpielEnv, policy_name: str) -> BotFactory:
    if env.game.get_type().short_name != "universal_poker":
        raise BadArgument("uniform_restricted_actions plays universal_poker only")
    given = {"policy_name": policy_name}
    return lambda seat, seed: pyspiel.load_bot("uniform_restricted_actions", env.game, seat, given)


def _simple_gin_rummy(env: OpenSpielEnv) -> BotFactory:
    if env.game.get_type().short_name != "gin_rummy":
        raise BadArgument("simple_gin_rummy plays gin_rummy only")
    parameters = env.game.get_parameters()
    sizes = {n: parameters[n] for n in ("hand_size", "num_ranks", "num_suits")}
    return lambda seat, seed: pyspiel.make_simple_gin_rummy_bot(sizes, seat)


_BOTS: dict[str, tuple[Callable[..., BotFactory], str]] = {
    "uniform_random": (_uniform_random, "Uniform over the legal actions."),
    "mcts": (_mcts, "Monte Carlo tree search, for sequential games of perfect information."),
    "ismcts": (_ismcts, "Information-set MCTS, for sequential games of imperfect information."),
    "fixed_action_preference": (
        _fixed_action_preference,
        "The first legal one of its actions; the lowest legal action by default.",
    ),
    "uniform_restricted_actions": (
        _uniform_restricted_actions,
        "Universal poker only: one of OpenSpiel's restricted policies.",
    ),
    "simple_gin_rummy": (_simple_gin_rummy, "Gin rummy only: knocks as soon as it can."),
}


def agent_names() -> tuple[str, ...]:
    """Names of OpenSpiel's bots that need nothing but OpenSpiel."""
    return tuple(_BOTS)


def agent_spec(name: str) -> AgentSpec:
    """The entry of an OpenSpiel bot, behind ``open_spiel/``.

    Raises:
        UnknownName: no bot of this name; names the nearest.
    """
    if name not in _BOTS:
        raise UnknownName("bot of OpenSpiel", name, _BOTS)
    return AgentSpec(
        name=f"open_spiel/{name}",
        entry_point=functools.partial(_bot, name),
        game="open_spiel",
        summary=_BOTS[name][1],
        kind="host",
        paper=_PAPER,
    )


def _bot(name: str, env: Any, /, **kwargs: Any) -> OpenSpielBot:
    if not isinstance(env, OpenSpielEnv):
        raise BadArgument(f"open_spiel/{name} plays environments of OpenSpiel, not {env!r}")
    factory = build(_BOTS[name][0], f"open_spiel/{name}", env, **kwargs)
    with _refusals(f"OpenSpiel's bot {name!r} does not play this game"):
        factory(0, 0)
    return OpenSpielBot(env, factory)


class OpenSpielBot(HostAgent):
    """A bot of OpenSpiel. A fresh one plays each episode, from the seat's seed.

    OpenSpiel's bots read the game's state, so it plays in the environment that it last saw:
    :meth:`watch`, or the one that it was made with.

    Attributes:
        bot: OpenSpiel's bot of this episode.
    """

    def __init__(self, env: OpenSpielEnv, factory: BotFactory) -> None:
        self._env, self._factory = env, factory

    def watch(self, env: HostEnv) -> None:
        """Play in this environment.

        Raises:
            BadArgument: it is not one of OpenSpiel.
        """
        if not isinstance(env, OpenSpielEnv):
            raise BadArgument(f"{self.name} plays environments of OpenSpiel, not {env!r}")
        self._env = env

    def reset(self, seat: int, seed: int) -> None:
        self._seat = seat
        self.bot = self._factory(seat, seed % 2**31)  # OpenSpiel's seeds are C++ ints

    def act(self, observation: Any, action_mask: np.ndarray) -> int:
        return int(self.bot.step(self._env.spiel_state))

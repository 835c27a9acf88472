"""FightLadder: the environment around a fight."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int16, Int32, PRNGKeyArray

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, require, struct
from arenas.envs._checks import Choice, Whole, one_of, whole
from arenas.envs.fightladder import controls, fight, observation, pixels
from arenas.envs.fightladder.characters import NAMES
from arenas.envs.fightladder.controls import ActionType
from arenas.envs.fightladder.fight import Fighter

Rewards = Literal["benchmark", "zero_sum"]
ObservationType = Literal["state", "pixels"]
RANDOM = "random"
FULL_HEALTH = 176  # of the reward's formula, as published
WINS_NEEDED = 2

_HEALTH = np.arange(257)
# 176^((health + 1) / 177), for every health that a character may have; a table, so that every
# machine gives the same number.
_VALUE = (FULL_HEALTH ** ((_HEALTH + 1) / (FULL_HEALTH + 1))).astype(np.float32)


@struct
class FightState(State):
    """A match: both fighters, the clock and the round."""

    fighters: Int16[AnyArray, "*batch 2 fields"]  # rows of fight.Fighter
    clock: Int16[AnyArray, "*batch"]  # frames left in this round
    round: Int16[AnyArray, "*batch"]  # from 0

    def fighter(self, seat: int) -> Fighter:
        """One side by name of its fields, int16 arrays ``[*batch]``."""
        return Fighter(*(self.fighters[..., seat, i] for i in range(fight.NUM_FIELDS)))


@struct
class PixelState(FightState):
    """A match, and what is drawn of its last frames."""

    history: Int16[AnyArray, "*batch kept seen"]  # rows of pixels.seen, the last one is now


class FightLadder(Env[FightState]):
    """Two fighters on a stage 288 units wide; see docs/envs/fightladder.md.

    **Observation**, ``state``: float32 ``[D]``, the seat's own fighter first, then the other
    (:mod:`arenas.envs.fightladder.observation` names every number). ``pixels``: uint8
    ``[100, 128, 3]``, the frames 8 and 4 frames ago and now, in greys, one in each channel; a seat
    sees itself brighter than the other (:mod:`arenas.envs.fightladder.pixels`).

    **Action**: see :mod:`arenas.envs.fightladder.controls`. ``transformed``: 9 directions × 7
    attacks, then three specials facing right and three facing left. ``plain``: without the
    specials, which are then found by their inputs. ``buttons``: a box of 12 numbers, each a button
    of the pad, held where it is over a half. An action lasts ``frame_skip`` frames.

    **Reward**, ``benchmark``: 3 × damage dealt − damage taken in a step; at a round's end the
    winner gets 3 × 176^((own health + 1)/177), the loser loses 176^((winner's health + 1)/177),
    and after a draw each gets 1; all × 0.001 (Li et al. 2024, FightLadder). ``zero_sum``: +1, 0 or
    −1 at the end of a round.

    **Termination**: the round's end by a knock-out or the clock, after 99 seconds; of a match, two
    rounds won. A drawn round counts as won by both, so a match has three rounds at most, and is
    drawn where both reach two.

    ``info``: ``health`` ``[2]``, ``wins`` ``[2]`` (rounds), ``round_over`` (bool), ``score``
    ``[2]`` (1 for who won the episode, 0.5 each for a draw, zeros before the end).

    Args:
        characters: two names of :data:`NAMES`, or ``"random"`` for any; or one for both.
        rounds: 1, or 3 for the best of three.
        action_type: ``"transformed"``, ``"plain"`` or ``"buttons"``.
        rewards: ``"benchmark"`` or ``"zero_sum"``.
        frame_skip: frames for which an action lasts, 60 a second.
        observation_type: ``"state"``, numbers, or ``"pixels"``.

    Raises:
        BadArgument: an argument that is not accepted.

    Example:
        >>> import arenas, jax
        >>> env = arenas.make("fightladder-v0", characters=("asano", "hex"))
        >>> state, timestep = jax.jit(env.reset)(jax.random.key(0))
        >>> state, timestep = jax.jit(env.step)(jax.random.key(1), state, jax.numpy.array([4, 25]))
        >>> timestep.info["health"].tolist()
        [176, 160]
    """

    agents = ("left", "right")

    def __init__(
        self,
        characters: Any = RANDOM,
        rounds: Whole = 1,
        action_type: ActionType | Choice = "transformed",
        rewards: Rewards | Choice = "benchmark",
        frame_skip: Whole = 8,
        observation_type: ObservationType | Choice = "state",
    ) -> None:
        self.characters = check_characters(characters)
        require(rounds in (1, 3), f"rounds is {rounds!r}; accepted are 1 and 3, the best of three")
        self.rounds = int(rounds)
        self.action_type: ActionType = one_of(
            "action_type", action_type, ("transformed", "plain", "buttons")
        )  # type: ignore[assignment]
        self.rewards = one_of("rewards", rewards, ("benchmark", "zero_sum"))
        least = controls.MACRO_FRAMES if self.action_type == "transformed" else 1
        self.frame_skip = whole("frame_skip", frame_skip, least, 60)
        self.key_table = controls.key_table(self.frame_skip)
        if self.action_type == "buttons":
            self.action_space = gymnasium.spaces.Box(
                0, 1, (len(controls.BUTTON_NAMES),), np.float32
            )
        else:
            count = (
                controls.NUM_TRANSFORMED
                if self.action_type == "transformed"
                else controls.NUM_PLAIN
            )
            self.action_space = gymnasium.spaces.Discrete(count)
        self.action_labels = controls.labels(self.action_type)
        self.pixels = one_of("observation_type", observation_type, ("state", "pixels")) == "pixels"
        self.observation_space = pixels.SPACE if self.pixels else observation.SPACE
        if self.rewards == "zero_sum":
            most = 1.0 if self.rounds == 1 else 2.0
            self.return_range = (-most, most)

    # The contract ---------------------------------------------------------------------------------

    def _initial(self, key: PRNGKeyArray, characters: Any = None) -> FightState:
        if characters is None:
            drawn = jax.random.randint(key, (2,), 0, len(NAMES))
            fixed = np.array([NAMES.index(n) if n != RANDOM else -1 for n in self.characters])
            chosen = jnp.where(fixed >= 0, fixed, drawn)
        else:
            chosen = jnp.asarray(characters)
            require(chosen.shape == (2,), f"characters has shape {chosen.shape}; accepted is (2,)")
        start: dict[str, Any] = {
            **NOT_STARTED,
            "fighters": fight.fresh(chosen.astype(jnp.int32)),
            "clock": jnp.int16(fight.ROUND_FRAMES),
            "round": jnp.int16(0),
        }
        if not self.pixels:
            return FightState(**start)
        return PixelState(**start, history=pixels.still(start["fighters"], start["clock"]))

    def _concrete_reset_options(self, options: dict[str, Any]) -> dict[str, Any]:
        if options.get("characters") is None:
            return {}
        given = options["characters"]
        names = check_characters(given)
        require(
            RANDOM not in names,
            f"characters is {given!r}; accepted at reset are {', '.join(NAMES)}, one name for both "
            "or a pair",
        )
        return {"characters": np.array([NAMES.index(n) for n in names], np.int32)}

    def keys(self, state: FightState, action: Array) -> Int32[Array, "2 frames"]:
        """The keys that both hold in each frame of a step."""
        return jnp.stack([self.keys_of(state, seat, action[seat]) for seat in (0, 1)])

    def keys_of(self, state: FightState, seat: int, action: Array) -> Int32[Array, " frames"]:
        """The keys that one seat holds in each frame of a step."""
        if self.action_type == "buttons":
            bits = jnp.where(action > 0.5, controls.BUTTON_KEYS, 0).sum()
            return jnp.broadcast_to(bits, self.frame_skip).astype(jnp.int32)
        character = state.fighters[seat, Fighter._fields.index("character")].astype(jnp.int32)
        return jnp.asarray(self.key_table)[character, action].astype(jnp.int32)

    def _transition(
        self, key: PRNGKeyArray, state: FightState, action: Array
    ) -> Transition[FightState]:
        return self.play(state, self.keys(state, action))

    def play(self, state: FightState, keys: Int32[Array, "2 frames"]) -> Transition[FightState]:
        """A step in which both hold these keys; the ladder's opponent needs no action space."""
        state = self.next_round(state)
        a, b = fight.unpack(state.fighters, 0), fight.unpack(state.fighters, 1)
        stats = fight.stats_of(a), fight.stats_of(b)

        def tick(i: Any, carry: Any) -> Any:
            old, film = carry
            new = fight.tick(old, stats, keys, i)
            return new, None if film is None else film.at[i].set(pixels.seen(*new))

        before = jnp.stack([a.health, b.health])
        start = (a, b, state.clock.astype(jnp.int32))
        film = jnp.zeros((self.frame_skip, pixels.NUM_SEEN), jnp.int16) if self.pixels else None
        (a, b, clock), film = jax.lax.fori_loop(0, self.frame_skip, tick, (start, film))
        health = jnp.stack([a.health, b.health])
        over = (health == 0).any() | (clock == 0)
        ahead = health - health[::-1]
        won = over & (ahead >= 0)  # a draw is a round for both
        a, b = a._replace(wins=a.wins + won[0]), b._replace(wins=b.wins + won[1])
        wins = jnp.stack([a.wins, b.wins])
        last = over if self.rounds == 1 else (wins >= WINS_NEEDED).any()
        standing = wins - wins[::-1]
        score = jnp.where(last, (1 + jnp.sign(standing)) / 2, 0).astype(jnp.float32)
        new = state.replace(
            fighters=fight.pack(a, b),
            clock=clock.astype(jnp.int16),
        )
        if isinstance(new, PixelState):
            film = film.at[-1].set(pixels.seen(a, b, clock))  # who won is known now
            new = new.replace(history=jnp.concatenate([new.history, film])[-pixels.KEPT :])
        info = {"health": health, "wins": wins, "round_over": over, "score": score}
        return Transition(new, self._reward(before, health, over), last, info)

    def begun(
        self, key: PRNGKeyArray, state: FightState, action: Array
    ) -> tuple[FightState, Int32[Array, "2 frames"]]:
        """How the step that :meth:`step` makes with the same arguments begins.

        Returns:
            The match, in the round that the step is in, and the keys that both hold in each of its
            frames: what :func:`arenas.envs.fightladder.fight.film` shows frame by frame.
        """
        keys = self.keys(state, action)
        return self.next_round(state), keys

    def next_round(self, state: FightState) -> FightState:
        """The same match, with both fighters at the start again where a round has ended."""
        if self.rounds == 1:
            return state
        column = {n: i for i, n in enumerate(Fighter._fields)}
        health = state.fighters[:, column["health"]]
        over = (health == 0).any() | (state.clock == 0)
        again = fight.fresh(state.fighters[:, column["character"]].astype(jnp.int32))
        kept = np.arange(fight.NUM_FIELDS) == column["wins"]
        again = jnp.where(kept, state.fighters, again)
        state = state.replace(
            fighters=jnp.where(over, again, state.fighters),
            clock=jnp.where(over, fight.ROUND_FRAMES, state.clock).astype(jnp.int16),
            round=state.round + over.astype(jnp.int16),
        )
        if isinstance(state, PixelState):
            start = pixels.still(state.fighters, state.clock)
            state = state.replace(history=jnp.where(over, start, state.history))
        return state

    def _reward(self, before: Array, health: Array, over: Array) -> Array:
        ahead = jnp.sign(health - health[::-1])
        if self.rewards == "zero_sum":
            return jnp.where(over, ahead, 0).astype(jnp.float32)
        taken = (before - health).astype(jnp.float32)
        value = jnp.asarray(_VALUE)[health]
        end = jnp.where(ahead > 0, 3 * value, jnp.where(ahead < 0, -value[::-1], 1))
        return (3 * taken[::-1] - taken + jnp.where(over, end, 0)) * jnp.float32(0.001)

    def _observation(self, state: FightState) -> Any:
        if isinstance(state, PixelState):
            return pixels.observation(
                state.history, state.fighters[:, Fighter._fields.index("character")]
            )
        return observation.vector(state.fighters, state.clock, state.round)


def check_characters(given: Any) -> tuple[str, str]:
    """Two names, or ``"random"``, from what a user gave.

    Raises:
        BadArgument: it is none.
    """
    names = (given, given) if isinstance(given, str) else tuple(given) if _is_pair(given) else None
    accepted = f"{', '.join(NAMES)} and {RANDOM}, one name for both or a pair"
    require(names is not None, f"characters is {given!r}; accepted are {accepted}")
    assert names is not None
    for name in names:
        one_of("characters", name, (*NAMES, RANDOM))
    return names  # type: ignore[return-value]


def _is_pair(given: Any) -> bool:
    return isinstance(given, list | tuple | np.ndarray) and len(given) == 2

"""The ladder: one player against the computer, match after match, at rising level."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int16, Int32, PRNGKeyArray

from arenas.env import NOT_STARTED, AnyArray, Env, State, Transition, struct
from arenas.envs._checks import Choice, Whole, one_of, whole
from arenas.envs.fightladder import controls, cpu, observation
from arenas.envs.fightladder.characters import NAMES
from arenas.envs.fightladder.controls import ActionType
from arenas.envs.fightladder.fight import Fighter
from arenas.envs.fightladder.game import RANDOM, FightLadder, FightState, ObservationType, Rewards
from arenas.envs.fightladder.styles import LEVELS

STAGES = len(NAMES)
STAGE_LEVELS = tuple(1 + (len(LEVELS) - 1) * s // (STAGES - 1) for s in range(STAGES))
"""Level of the opponent at each stage: 1 at the first, 8 at the last."""
HARDEST = len(LEVELS)
_CHARACTER = Fighter._fields.index("character")


@struct
class LadderState(State):
    """A run."""

    match: FightState
    carry: cpu.Carry  # the opponent's memory
    stage: Int16[AnyArray, "*batch"]  # matches before this one
    level: Int16[AnyArray, "*batch"]  # the opponent's, from 1
    won: Bool[AnyArray, "*batch"]  # this match is won, and the next step begins another


class Ladder(Env[LadderState]):
    """Climb twelve computer opponents, each a best-of-three match; see docs/envs/fightladder.md.

    The opponents are the twelve characters in the order of :data:`NAMES`, at the levels of
    :data:`STAGE_LEVELS`. With ``opponent`` or ``level`` it is one match instead of a climb.

    **Observation**, **action** and **reward** are those of the left seat of
    :class:`~arenas.envs.fightladder.game.FightLadder`; the computer holds the right one.

    **Termination**: the first match that is not won ends the run, and so does the last match. A
    drawn match counts as lost: the climb goes on over opponents that were beaten.

    ``info``: ``stage`` (matches before the one just played, from 0), ``matches_won``, ``won`` (all
    of them), ``opponent`` (its character, an index of :data:`NAMES`), ``level`` (from 1),
    ``match_over``, and of the match ``health`` ``[2]``, ``wins`` ``[2]`` (rounds; one's own first)
    and ``round_over``.

    Args:
        character: the player's, a name of :data:`NAMES`, or ``"random"``.
        opponent: a character, or ``"random"``: one match against it.
        level: of the opponent, 1 to 8: one match against it. With an opponent alone it is 8, and
            with a level alone the opponent is random.
        action_type: the player's.
        rewards: as for FightLadder.
        frame_skip: frames for which an action lasts, the opponent's too; 5 at least.
        observation_type: ``"state"`` or ``"pixels"``.

    Raises:
        BadArgument: an argument that is not accepted.

    Example:
        >>> import arenas, jax
        >>> env = arenas.make("fightladder-ladder-v0", character="juno")
        >>> state, timestep = jax.jit(env.reset)(jax.random.key(0))
        >>> state, timestep = jax.jit(env.step)(jax.random.key(1), state, jax.numpy.array([25]))
        >>> int(timestep.info["level"]), int(timestep.info["matches_won"])
        (1, 0)
    """

    agents = ("player",)

    def __init__(
        self,
        character: Choice = RANDOM,
        opponent: Choice | None = None,
        level: Whole | None = None,
        action_type: ActionType | Choice = "transformed",
        rewards: Rewards | Choice = "benchmark",
        frame_skip: Whole = 8,
        observation_type: ObservationType | Choice = "state",
    ) -> None:
        self.character = one_of("character", character, (*NAMES, RANDOM))
        climbs = opponent is None and level is None
        self.stages = STAGES if climbs else 1
        self.opponent = one_of(
            "opponent", RANDOM if opponent is None else opponent, (*NAMES, RANDOM)
        )
        self.levels = (
            STAGE_LEVELS
            if climbs
            else (whole("level", HARDEST if level is None else level, 1, HARDEST),)
        )
        # The opponent enters specials too, whatever the player's action type.
        skip = whole("frame_skip", frame_skip, controls.MACRO_FRAMES, 60)
        self.fight = FightLadder(
            rounds=3,
            action_type=action_type,
            rewards=rewards,
            frame_skip=skip,
            observation_type=observation_type,
        )
        self.action_space = self.fight.action_space
        self.action_labels = self.fight.action_labels
        self.observation_space = self.fight.observation_space

    def _match(self, key: PRNGKeyArray, mine: AnyArray, theirs: AnyArray) -> FightState:
        match = self.fight._initial(key, characters=jnp.stack([mine, theirs]).astype(jnp.int32))
        return jax.tree.map(jnp.asarray, match)

    def _initial(self, key: PRNGKeyArray) -> LadderState:
        drawn = jax.random.randint(key, (2,), 0, len(NAMES))
        mine, theirs = (
            drawn[i] if name == RANDOM else jnp.int32(NAMES.index(name))
            for i, name in enumerate((self.character, self.opponent))
        )
        if self.stages > 1:
            theirs = jnp.int32(0)
        return LadderState(
            **NOT_STARTED,
            match=self._match(key, mine, theirs),
            carry=cpu.start(),
            stage=jnp.int16(0),
            level=jnp.int16(self.levels[0]),
            won=jnp.zeros((), bool),
        )

    def _next_match(self, key: PRNGKeyArray, state: LadderState) -> LadderState:
        """The same run, at the next opponent where the last match was won."""
        stage = state.stage + state.won.astype(jnp.int16)
        mine = state.match.fighters[0, _CHARACTER].astype(jnp.int32)
        new = self._match(key, mine, stage.astype(jnp.int32)), cpu.start()
        match, carry = jax.tree.map(
            lambda n, o: jnp.where(state.won, n, o), new, (state.match, state.carry)
        )
        level = jnp.asarray(np.array(self.levels, np.int16))[stage]
        return state.replace(match=match, carry=carry, stage=stage, level=level)

    def opponents_keys(
        self, key: PRNGKeyArray, state: LadderState
    ) -> tuple[cpu.Carry, Int32[Array, " frames"]]:
        """What the computer remembers, and the keys that it holds in each frame of a step."""
        view = observation.view(state.match.fighters, state.match.clock, 1)
        bits = jax.random.bits(key, (2,), jnp.uint32)
        style = state.level.astype(jnp.int32) - 1
        carry, action = cpu.act(style, state.carry, view, bits, self.fight.frame_skip)
        return carry, jnp.asarray(self.fight.key_table)[view.own.character, action].astype(
            jnp.int32
        )

    def _begun(
        self, key: PRNGKeyArray, state: LadderState, action: Array
    ) -> tuple[LadderState, cpu.Carry, Int32[Array, "2 frames"]]:
        if self.stages > 1:
            state = self._next_match(key, state)
        mine = self.fight.keys_of(state.match, 0, action[0])
        carry, theirs = self.opponents_keys(key, state)
        return state, carry, jnp.stack([mine, theirs])

    def begun(
        self, key: PRNGKeyArray, state: LadderState, action: Array
    ) -> tuple[FightState, Int32[Array, "2 frames"]]:
        """How a step begins; as :meth:`FightLadder.begun`."""
        state, _, keys = self._begun(key, state, action)
        return self.fight.next_round(state.match), keys

    def _transition(
        self, key: PRNGKeyArray, state: LadderState, action: Array
    ) -> Transition[LadderState]:
        state, carry, keys = self._begun(key, state, action)
        answer = self.fight.play(state.match, keys)
        over = jnp.asarray(answer.terminated)
        won = over & (answer.info["score"][0] == 1)
        matches_won = state.stage.astype(jnp.int32) + won
        info = {
            "stage": state.stage.astype(jnp.int32),
            "matches_won": matches_won,
            "won": matches_won == self.stages,
            "opponent": state.match.fighters[1, _CHARACTER].astype(jnp.int32),
            "level": state.level.astype(jnp.int32),
            "match_over": over,
            **{name: answer.info[name] for name in ("health", "wins", "round_over")},
        }
        new = state.replace(match=answer.state, carry=carry, won=won)
        last = over & (~won | info["won"])
        return Transition(new, answer.reward[:1], last, info)

    def _observation(self, state: LadderState) -> Any:
        return jax.tree.map(lambda x: x[:1], self.fight._observation(state.match))

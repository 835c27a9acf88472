"""How deep FightLadder is: levels, characters, players of one idea, and what specials do.

    python benchmarks/fightladder_depth.py            # writes the part of the results page
    python benchmarks/fightladder_depth.py levels     # prints one part

All rounds are played by the scripted players, thousands at once, each part as one program.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from arenas.envs.fightladder import controls, cpu, fight, observation
from arenas.envs.fightladder.game import FightLadder

RANDOM = len(cpu.STYLES)  # index of the random player, after the styles
STYLE_NAMES = (*cpu.STYLE_NAMES, "random")
SLOTS = 1024
FIELD = {name: i for i, name in enumerate(fight.Fighter._fields)}
env = FightLadder()


def _act(style: Any, carry: Any, view: Any, bits: Any) -> Any:
    carry, action = cpu.act(jnp.minimum(style, RANDOM - 1), carry, view, bits)
    chance = (bits[0] % np.uint32(controls.NUM_TRANSFORMED)).astype(jnp.int32)
    return carry, jnp.where(style == RANDOM, chance, action)


@jax.jit
def play(key: Any, styles: Any, characters: Any, rounds: Any) -> tuple[Any, Any]:
    """Let each slot play so many rounds: int32 ``[slots, 3]`` won, lost, drawn; and their steps.

    Args:
        key: randomness.
        styles: int32 ``[slots, 2]``.
        characters: int32 ``[slots, 2]``.
        rounds: how many, one number.
    """
    count = styles.shape[0]
    first = jax.vmap(lambda k, c: env.reset(k, characters=c)[0])(
        jax.random.split(key, count), characters
    )
    empty = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, 2, *x.shape)), cpu.start())

    def one(state: Any, carries: Any, style: Any, bits: Any) -> Any:
        carries = [jax.tree.map(lambda x, s=seat: x[s], carries) for seat in (0, 1)]
        views = [observation.view(state.fighters, state.clock, seat) for seat in (0, 1)]
        acted = [_act(style[s], carries[s], views[s], bits[s]) for s in (0, 1)]
        action = jnp.stack([a for _, a in acted])
        carries = jax.tree.map(lambda *x: jnp.stack(x), *[c for c, _ in acted])
        answer = env._transition(key, state, action)
        return answer.state, carries, answer.terminated, answer.info["score"]

    def body(loop: Any) -> Any:
        n, state, carries, result, length = loop
        bits = jax.random.bits(jax.random.fold_in(key, n), (count, 2, 2), jnp.uint32)
        state, carries, over, score = jax.vmap(one)(state, carries, styles, bits)
        counts = over & (result.sum(1) < rounds)
        kinds = jnp.stack([score[:, 0] == 1, score[:, 1] == 1, score[:, 0] == 0.5], 1)
        length += result.sum(1) < rounds
        result += (kinds & counts[:, None]).astype(jnp.int32)

        def anew(old: Any, new: Any) -> Any:
            return jnp.where(over.reshape(-1, *([1] * (old.ndim - 1))), new, old)

        state = jax.tree.map(anew, state, first)
        carries = jax.tree.map(anew, carries, empty)
        return n + 1, state, carries, result, length

    zero = jnp.zeros(count, jnp.int32)
    start = (jnp.int32(0), first, empty, jnp.zeros((count, 3), jnp.int32), zero)
    _, _, _, result, length = jax.lax.while_loop(
        lambda loop: (loop[3].sum(1) < rounds).any(), body, start
    )
    return result, length


FRAMES = 8
frame_env = FightLadder(action_type="buttons", frame_skip=1)
SOURCES = ("normals", "throws", "special 1", "special 2", "special 3")


def _pad(keys: Any) -> Any:
    """Keys as the pad's buttons, float32 ``[12]``: a fight frame by frame."""
    return ((keys & jnp.asarray(controls.BUTTON_KEYS)) != 0).astype(jnp.float32)


@jax.jit
def sources(key: Any, styles: Any, characters: Any) -> tuple[Any, Any, Any]:
    """Play one round in each slot, frame by frame, and say what did the harm.

    Returns:
        int32 ``[slots, 2, moves]``, harm done by each seat with each move; the same for the last
        blow of a knock-out; and how often each move began.
    """
    count = styles.shape[0]
    moves = cpu.NUM_MOVES
    first = jax.vmap(lambda k, c: frame_env.reset(k, characters=c)[0])(
        jax.random.split(key, count), characters
    )
    empty = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, 2, *x.shape)), cpu.start())

    def one(state: Any, carries: Any, style: Any, bits: Any, tally: Any) -> Any:
        carries = [jax.tree.map(lambda x, s=seat: x[s], carries) for seat in (0, 1)]
        views = [observation.view(state.fighters, state.clock, seat) for seat in (0, 1)]
        acted = [_act(style[s], carries[s], views[s], bits[s]) for s in (0, 1)]
        keys = env.keys(state, jnp.stack([a for _, a in acted]))
        carries = jax.tree.map(lambda *x: jnp.stack(x), *[c for c, _ in acted])

        def tick(i: Any, loop: Any) -> Any:
            state, harm, last, begun = loop
            pads = jnp.stack([_pad(keys[s, i]) for s in (0, 1)])
            new, _ = frame_env.step(key, state, pads)
            old_f, f = state.fighters.astype(jnp.int32), new.fighters.astype(jnp.int32)

            def column(table: Any, name: str) -> Any:
                return table[:, FIELD[name]]

            lost = (column(old_f, "health") - column(f, "health"))[::-1]  # by who did it
            gone = (column(old_f, "ball_life") > 0) & (column(f, "ball_life") == 0)
            ball = gone & (column(f, "hits") <= column(old_f, "hits"))
            own = jnp.where(
                column(f, "move") < cpu.FIRST_STAND, column(old_f, "move"), column(f, "move")
            )  # whoever is hit in the same frame was making its move until then
            move = jnp.where(ball, column(old_f, "ball_move"), own)
            by = (move[:, None] == np.arange(moves)).astype(jnp.int32)
            knocked_out = (column(f, "health") == 0)[::-1] & (lost > 0)
            anew = (column(f, "move") != column(old_f, "move")) & ~state.terminated
            starts = (column(f, "move")[:, None] == np.arange(moves)) & anew[:, None]
            return (
                new,
                harm + by * lost[:, None],
                last + by * knocked_out[:, None],
                begun + starts,
            )

        state, *tally = jax.lax.fori_loop(0, FRAMES, tick, (state, *tally))
        return state, carries, tuple(tally)

    def body(loop: Any) -> Any:
        n, state, carries, tally = loop
        bits = jax.random.bits(jax.random.fold_in(key, n), (count, 2, 2), jnp.uint32)
        return (n + 1, *jax.vmap(one)(state, carries, styles, bits, tally))

    zeros = jnp.zeros((count, 2, moves), jnp.int32)
    start = (jnp.int32(0), first, empty, (zeros, zeros, zeros))
    *_, tally = jax.lax.while_loop(lambda loop: ~loop[1].terminated.all(), body, start)
    return tally

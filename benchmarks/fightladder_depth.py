"""How deep FightLadder is: levels, characters, players of one idea, and what specials do.

    python benchmarks/fightladder_depth.py --write      # the part "Depth" of the results page
    python benchmarks/fightladder_depth.py levels ladder --rounds 100      # prints some parts

All rounds are played by the scripted players, thousands at once; one program plays all styles and
characters. Win rates count a draw as half, and their intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from timing import command, share_interval

from arenas.envs.fightladder import controls, cpu, fight, observation, styles
from arenas.envs.fightladder.characters import CHARACTERS, NAMES
from arenas.envs.fightladder.game import FightLadder
from arenas.envs.fightladder.ladder import Ladder
from arenas.envs.fightladder.moves import NUM_MOVES, SUB, Kind
from arenas.errors import BadArgument, UnknownName

RANDOM = len(styles.STYLES)  # index of the random player, after the styles
STYLE_NAMES = (*styles.STYLE_NAMES, "random")
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


# What did the harm --------------------------------------------------------------------------------

FRAMES = 8
frame_env = FightLadder(action_type="buttons", frame_skip=1)


class Harm(NamedTuple):
    """What happened in each slot's round."""

    done: Any  # int32 [slots, 2, moves]: harm that each seat did with each move
    last: Any  # the same, of the last blow of a knock-out
    begun: Any  # how often each began each move
    hits: Any  # [slots, 2]: the most hits in one combination
    combined: Any  # [slots, 2]: the most harm in one combination


def _pad(keys: Any) -> Any:
    """Keys as the pad's buttons, float32 ``[12]``: a fight frame by frame."""
    return ((keys & jnp.asarray(controls.BUTTON_KEYS)) != 0).astype(jnp.float32)


@jax.jit
def harm(key: Any, styles: Any, characters: Any) -> Harm:
    """Play one round in each slot, frame by frame, and say what did the harm."""
    count = styles.shape[0]
    moves = np.arange(NUM_MOVES)
    first = jax.vmap(lambda k, c: frame_env.reset(k, characters=c)[0])(
        jax.random.split(key, count), characters
    )
    empty = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, 2, *x.shape)), cpu.start())

    def one(state: Any, carries: Any, style: Any, bits: Any, tally: Harm, now: Any) -> Any:
        carries = [jax.tree.map(lambda x, s=seat: x[s], carries) for seat in (0, 1)]
        views = [observation.view(state.fighters, state.clock, seat) for seat in (0, 1)]
        acted = [_act(style[s], carries[s], views[s], bits[s]) for s in (0, 1)]
        keys = env.keys(state, jnp.stack([a for _, a in acted]))
        carries = jax.tree.map(lambda *x: jnp.stack(x), *[c for c, _ in acted])

        def tick(i: Any, loop: Any) -> Any:
            state, tally, now = loop
            pads = jnp.stack([_pad(keys[s, i]) for s in (0, 1)])
            new, _ = frame_env.step(key, state, pads)
            before, after = state.fighters.astype(jnp.int32), new.fighters.astype(jnp.int32)
            was = {name: before[:, i] for name, i in FIELD.items()}
            is_ = {name: after[:, i] for name, i in FIELD.items()}
            lost = (was["health"] - is_["health"])[::-1]  # by who did it
            ball = (
                (was["projectile_life"] > 0)
                & (is_["projectile_life"] == 0)
                & (is_["hits"] <= was["hits"])
            )
            # Whoever is hit in the same frame was making its move until then.
            own = jnp.where(is_["move"] < Kind.STAND_LP, was["move"], is_["move"])
            by = jnp.where(ball, was["projectile_move"], own)[:, None] == moves
            out = (is_["health"] == 0)[::-1] & (lost > 0)
            anew = (is_["move"] != was["move"]) & ~state.terminated
            now = jnp.where(is_["combo"][::-1] == 0, 0, now + lost)
            tally = Harm(
                tally.done + by * lost[:, None],
                tally.last + by * out[:, None],
                tally.begun + ((is_["move"][:, None] == moves) & anew[:, None]),
                jnp.maximum(tally.hits, is_["combo"][::-1]),
                jnp.maximum(tally.combined, now),
            )
            return new, tally, now

        state, tally, now = jax.lax.fori_loop(0, FRAMES, tick, (state, tally, now))
        return state, carries, tally, now

    def body(loop: Any) -> Any:
        n, state, carries, tally, now = loop
        bits = jax.random.bits(jax.random.fold_in(key, n), (count, 2, 2), jnp.uint32)
        return (n + 1, *jax.vmap(one)(state, carries, styles, bits, tally, now))

    table, pair = jnp.zeros((count, 2, NUM_MOVES), jnp.int32), jnp.zeros((count, 2), jnp.int32)
    start = (jnp.int32(0), first, empty, Harm(table, table, table, pair, pair), pair)
    final = jax.lax.while_loop(lambda loop: ~loop[1].terminated.all(), body, start)
    return final[3]


@jax.jit
def climb(key: Any, styles: Any) -> Any:
    """Matches won in one run of the ladder by a player of each of these styles, int32."""
    ladder = Ladder()

    def run(key: Any, style: Any) -> Any:
        def going(loop: Any) -> Any:
            return ~loop[0].terminated

        def body(loop: Any) -> Any:
            state, carry, n, _ = loop
            k = jax.random.fold_in(key, n)
            view = observation.view(state.match.fighters, state.match.clock, 0)
            carry, action = _act(style, carry, view, jax.random.bits(k, (2,), jnp.uint32))
            state, timestep = ladder.step(jax.random.fold_in(k, 1), state, action[None])
            return state, carry, n + 1, timestep.info["matches_won"]

        start = (ladder.reset(key)[0], cpu.start(), jnp.int32(0), jnp.int32(0))
        return jax.lax.while_loop(going, body, start)[3]

    return jax.vmap(run)(jax.random.split(key, styles.shape[0]), styles)


@jax.jit
def repeat(character: Any, at: Any, patterns: Any, period: Any) -> Any:
    """The most hits in one combination that repeated actions make on a fighter that does nothing.

    Args:
        character: of who acts; it stands in reach, with its charges held.
        at: x of the other.
        patterns: int32 ``[n, 3]``, actions.
        period: how many of them count.
    """
    first = env.reset(jax.random.key(0), characters=jnp.stack([character, 0 * character]))[0]
    fighters = first.fighters
    for seat, name, value in (
        (0, "x", at - 32 * SUB),
        (1, "x", at),
        (0, "charge_left", fight.FOREVER),
        (0, "charge_down", fight.FOREVER),
    ):
        fighters = fighters.at[seat, FIELD[name]].set(jnp.asarray(value, jnp.int16))
    first = first.replace(fighters=fighters)

    def one(pattern: Any) -> Any:
        def step(loop: Any, n: Any) -> Any:
            state, most = loop
            action = jnp.stack([pattern[n % period], 0])
            state = env._transition(jax.random.key(0), state, action).state
            return (state, jnp.maximum(most, state.fighters[1, FIELD["combo"]])), None

        return jax.lax.scan(step, (first, jnp.int16(0)), jnp.arange(24))[0][1]

    return jax.vmap(one)(patterns)


# Tables -------------------------------------------------------------------------------------------


def rate_of(result: np.ndarray) -> float:
    """Rate of wins in ``[won, lost, drawn]``, a draw half a win."""
    return float((result[0] + result[2] / 2) / result.sum())


def told(result: np.ndarray) -> str:
    """A rate with its interval, in percent."""
    low, high = share_interval(rate_of(result), result.sum())
    return f"{100 * rate_of(result):.1f} ({100 * low:.1f} to {100 * high:.1f})"


def pairs_played(pairs: Any, rounds: int, seed: int, *, of_characters: int | None = None) -> Any:
    """``[won, lost, drawn]`` of the first of each pair, half of the rounds on each side.

    Args:
        pairs: of styles; of characters, where a style is given.
        rounds: for each pair.
        seed: randomness.
        of_characters: the style of both, if pairs are of characters; else characters are drawn.
    """
    rng = np.random.default_rng(seed)
    each = max(2, min(rounds, -(-SLOTS // len(pairs)) // 2 * 2))  # slots for a pair, an even number
    repeats = -(-rounds // each)
    both = np.repeat(np.asarray(pairs, np.int32), each, axis=0)
    swapped = np.arange(len(both)) % 2 == 1
    both[swapped] = both[swapped][:, ::-1]
    total = np.zeros((len(both), 3), np.int64)
    for r in range(repeats):
        if of_characters is None:
            styles = both
            characters = rng.integers(0, len(NAMES), both.shape).astype(np.int32)
        else:
            characters, styles = both, np.full_like(both, of_characters)
        result, _ = play(jax.random.key(seed * 1000 + r), styles, characters, 1)
        total += np.asarray(result)
    total[swapped] = total[swapped][:, [1, 0, 2]]
    return total.reshape(len(pairs), each, 3).sum(1)


def square(count: int, pairs: Any, results: Any) -> np.ndarray:
    """Results ``[count, count, 3]`` of pairs, and the other way round."""
    table = np.zeros((count, count, 3), np.int64)
    for (i, j), result in zip(pairs, results, strict=True):
        table[i, j] += result
        if i != j:
            table[j, i] += result[[1, 0, 2]]
    return table


def markdown(names: Any, table: np.ndarray, extra: Any = None, title: str = "") -> list[str]:
    """Rates of wins in percent, rows against columns, and a last column."""
    head = [title, *names, *([extra[0]] if extra else [])]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for i, name in enumerate(names):
        cells = [
            f"{100 * rate_of(table[i, j]):.0f}" if table[i, j].sum() else ""
            for j in range(len(names))
        ]
        lines.append("| " + " | ".join([name, *cells, *([extra[1][i]] if extra else [])]) + " |")
    return lines


def levels(rounds: int) -> list[str]:
    """Levels against each other."""
    count = len(styles.LEVELS)
    pairs = [(i, j) for i in range(count) for j in range(i)]
    table = square(count, pairs, pairs_played(pairs, rounds, 1))
    below = ["", *(told(table[i, i - 1]) for i in range(1, count))]
    extra = ("against the level below", below)
    names = [style.name for style in styles.LEVELS]
    steps = [rate_of(table[i, i - 1]) for i in range(1, count)]
    return [
        "### Levels",
        "",
        f"Rounds won, in percent, row against column; characters drawn at random; {rounds} "
        "rounds a pair, half on each side.",
        "",
        *markdown(names, table, extra),
        "",
        f"Level 8 beats level 1 in {told(table[-1, 0])} % (target: over 95). The smallest step "
        f"from a level to the next is {100 * min(steps):.1f} % (target: over 55).",
    ]


def cycle_of(table: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """The three that beat each other in a circle whose weakest lower bound is highest."""
    count = len(table)
    lower = np.array(
        [
            [share_interval(rate_of(table[i, j]), table[i, j].sum())[0] for j in range(count)]
            for i in range(count)
        ]
    )
    return max(
        (min(lower[i, j], lower[j, k], lower[k, i]), (i, j, k))
        for i in range(count)
        for j in range(count)
        for k in range(count)
        if len({i, j, k}) == 3
    )


def characters(rounds: int, style: str = "cpu-8") -> list[str]:
    """Characters against each other, at equal level."""
    count = len(NAMES)
    pairs = [(i, j) for i in range(count) for j in range(i, count)]
    index = styles.STYLE_NAMES.index(style)
    table = square(count, pairs, pairs_played(pairs, rounds, 2, of_characters=index))
    field = [table[i][np.arange(count) != i].sum(0) for i in range(count)]
    low, (i, j, k) = cycle_of(table)
    edges = ", ".join(
        f"{NAMES[a]} beats {NAMES[b]} in {told(table[a, b])} %" for a, b in ((i, j), (j, k), (k, i))
    )
    best = max(range(count), key=lambda c: rate_of(field[c]))
    worst = min(range(count), key=lambda c: rate_of(field[c]))
    drawn = sum(f[2] for f in field) / sum(f.sum() for f in field)
    circular = "is not transitive" if low > 0.5 else "shows no cycle beyond chance"
    return [
        f"### Characters, both {style}",
        "",
        f"Rounds won, in percent, row against column; {rounds} rounds a pair, half on each side.",
        "",
        *markdown(NAMES, table, ("against the field", [told(f) for f in field])),
        "",
        f"The strongest against the field is {NAMES[best]} with {told(field[best])} % (target: at "
        f"most 65), the weakest {NAMES[worst]} with {told(field[worst])} %. Drawn: "
        f"{100 * drawn:.2f} %. The table {circular}: {edges}.",
    ]


def ideas(rounds: int) -> list[str]:
    """Players of a single idea against each other and the highest level."""
    names = [*(style.name for style in styles.IDEAS), "random", "cpu-8"]
    indices = [STYLE_NAMES.index(name) for name in names]
    local = [(i, j) for i in range(len(names)) for j in range(i)]
    results = pairs_played([(indices[i], indices[j]) for i, j in local], rounds, 3)
    table = square(len(names), local, results)
    lines, single = [], len(names) - 1
    for i in range(single):
        others = [j for j in range(single) if j != i]
        counter = max(others, key=lambda j: rate_of(table[j, i]))
        beats = sum(rate_of(table[i, j]) > 0.5 for j in others)
        lines.append(
            f"| {names[i]} | {names[counter]} | {told(table[counter, i])} | {beats} of "
            f"{len(others)} |"
        )
    return [
        "### Players of a single idea",
        "",
        f"Rounds won, in percent, row against column; characters drawn at random; {rounds} "
        "rounds a pair, half on each side.",
        "",
        *markdown(names, table),
        "",
        "| Player | its counter | which wins, in percent of rounds | beats of the other ideas |",
        "|---|---|---|---|",
        *lines,
    ]


def specials(rounds: int, style: str = "cpu-8") -> list[str]:
    """What does the harm when the highest level plays itself, and how long combinations are."""
    index = styles.STYLE_NAMES.index(style)
    pairs = np.array([(i, j) for i in range(len(NAMES)) for j in range(len(NAMES))], np.int32)
    both = np.tile(pairs, (max(1, rounds // len(pairs)), 1))
    tally = jax.tree.map(np.asarray, harm(jax.random.key(4), np.full_like(both, index), both))
    groups = (
        ("normal attacks", range(Kind.STAND_LP, Kind.THROW)),
        ("throws", range(Kind.THROWING, Kind.THROWING + 1)),
        ("first special", range(Kind.SPECIAL_1_LIGHT, Kind.SPECIAL_2_LIGHT)),
        ("second special", range(Kind.SPECIAL_2_LIGHT, Kind.SPECIAL_3_LIGHT)),
        ("third special", range(Kind.SPECIAL_3_LIGHT, NUM_MOVES)),
    )
    lines = ["| | begun a round | harm, percent | knock-outs, percent |", "|---|---|---|---|"]
    for name, kinds in groups:
        parts = [x[..., list(kinds)].sum() for x in (tally.begun, tally.done, tally.last)]
        lines.append(
            f"| {name} | {parts[0] / tally.begun.shape[0] / 2:.1f} | "
            f"{100 * parts[1] / tally.done.sum():.0f} | {100 * parts[2] / tally.last.sum():.0f} |"
        )
    special = slice(Kind.SPECIAL_1_LIGHT, NUM_MOVES)
    share = tally.done[..., special].sum() / tally.done.sum()
    ended = tally.last[..., special].sum() / tally.last.sum()
    each = []
    for c, name in enumerate(NAMES):
        mine = both == c
        done, begun = tally.done[mine], tally.begun[mine]
        cells = []
        for slot, move in enumerate(CHARACTERS[c].specials):
            kinds = slice(Kind.SPECIAL_1_LIGHT + 3 * slot, Kind.SPECIAL_1_LIGHT + 3 * slot + 3)
            cells.append(
                f"{move.name}: {begun[:, kinds].sum() / mine.sum():.1f}, "
                f"{100 * done[:, kinds].sum() / done.sum():.0f} %"
            )
        if not any(m.grab for s in CHARACTERS[c].specials for m in s.moves):
            grabbed = 100 * done[:, Kind.THROWING].sum() / done.sum()
            each.append(f"| {name} | " + " | ".join(cells) + f" | {grabbed:.0f} % |")
        else:
            grabbed = 100 * done[:, Kind.THROWING].sum() / done.sum()
            each.append(
                f"| {name} | " + " | ".join(cells) + f" | {grabbed:.0f} %, by specials too |"
            )
    hits = np.bincount(tally.hits.reshape(-1))
    return [
        f"### What does the harm, both {style}",
        "",
        f"{len(both)} rounds, all pairs of characters, counted frame by frame. A special that "
        "grabs counts as a throw here, since both end in the same hold.",
        "",
        *lines,
        "",
        f"Specials do {100 * share:.0f} % of the harm and end {100 * ended:.0f} % of the rounds "
        "that a knock-out ends.",
        "",
        "How often a round each character begins each special, and its share of the harm:",
        "",
        "| | first | second | third | throws |",
        "|---|---|---|---|---|",
        *each,
        "",
        f"The longest combination of {2 * len(both)} fighters' rounds had {len(hits) - 1} hits; "
        f"half of them had no longer one than {int(np.median(tally.hits))}. The most harm in one "
        f"was {tally.combined.max()} points.",
    ]


def ladder(rounds: int) -> list[str]:
    """How far players climb."""
    names = ("random", "cpu-1", "cpu-3", "cpu-5", "cpu-7", "cpu-8", "zoner", "rushdown")
    runs = max(16, SLOTS // 2 // len(names))
    styles = np.repeat([STYLE_NAMES.index(name) for name in names], runs).astype(np.int32)
    won = np.asarray(climb(jax.random.key(5), styles)).reshape(len(names), runs)
    lines = [
        f"| {name} | {w.mean():.1f} | {w.min()} to {w.max()} | {100 * (w == 12).mean():.0f} |"
        for name, w in zip(names, won, strict=True)
    ]
    return [
        "### The ladder",
        "",
        f"Matches won of twelve by scripted players, {runs} runs each with a random character.",
        "",
        "| Player | mean | from, to | percent that won all |",
        "|---|---|---|---|",
        *lines,
    ]


def repetitions(rounds: int) -> list[str]:
    """Whether repeating itself makes a combination without end."""
    words = controls.labels("transformed")
    away = ("left", "up-left", "down-right")
    kept = [
        i
        for i, word in enumerate(words)
        if not word.startswith(away) and not (word.startswith("special") and "left" in word)
    ]
    most: list[tuple[int, str]] = []
    for period in (2, 3):
        patterns = np.array(list(itertools.product(kept, repeat=period)), np.int32)
        patterns = np.pad(patterns, ((0, 0), (0, 3 - period)))
        for at in (0, fight.STAGE - 17 * SUB):
            for c, name in enumerate(NAMES):
                hits = np.asarray(repeat(jnp.int32(c), jnp.int32(at), patterns, period))
                best = patterns[hits.argmax()][:period]
                most.append((int(hits.max()), f"{name}: {', '.join(words[a] for a in best)}"))
    hits, example = max(most)
    return [
        "### Repetitions",
        "",
        f"All pairs and triples of {len(kept)} actions (those that lead away are left out), each "
        "repeated for 24 steps by each character on a fighter that does nothing, in the middle of "
        f"the stage and in the corner. The longest combination had {hits} hits ({example}).",
    ]


PARTS = {
    "levels": levels,
    "characters": characters,
    "ideas": ideas,
    "specials": specials,
    "repetitions": repetitions,
    "ladder": ladder,
}
PAGE = Path(__file__).parent.parent / "docs" / "results" / "fightladder.md"
HEADING = "## Depth"


def put_into_page(text: str) -> None:
    """Put the part into the page, in place of an older one."""
    page = PAGE.read_text() if PAGE.exists() else "# FightLadder: measured\n"
    before, found, rest = page.partition(f"{HEADING}\n")
    after = ""
    if found:
        start = rest.find("\n## ")
        after = rest[start + 1 :] if start >= 0 else ""
    PAGE.write_text(f"{before.rstrip()}\n\n{text}\n" + (f"\n{after}" if after else ""))


def main(
    parts: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PART")] = (),
    rounds: int = 400,
    write: bool = False,
) -> None:
    """Play FightLadder's players against each other, and print what it says of the game's depth.

    Args:
        parts: levels, characters, ideas, specials, repetitions, ladder; all, if none is given.
        rounds: for each pair.
        write: put it into docs/results/fightladder.md; takes all parts.
    """
    for part in parts:
        if part not in PARTS:
            raise UnknownName("part", part, list(PARTS))
    if write and parts:
        raise BadArgument(f"write is given with the parts {', '.join(parts)}; it takes all parts")
    begun = time.time()
    lines = [
        HEADING,
        "",
        f"By `python benchmarks/fightladder_depth.py --write --rounds {rounds}`: scripted "
        "players (docs/envs/fightladder_players.md), the default environment of one round. A draw "
        "counts as half a win; intervals are Wilson's at 95 %.",
    ]
    for name, part in PARTS.items():
        if not parts or name in parts:
            lines += ["", *part(max(rounds, 1008) if name == "specials" else rounds)]
            print(f"{name}: {time.time() - begun:.0f} s", flush=True)
    text = "\n".join(lines)
    if write:
        put_into_page(text)
    else:
        print(text)


if __name__ == "__main__":
    command(main)

"""Our Hanabi against OpenSpiel's and JaxMARL's, at every step of many games.

    python benchmarks/hanabi_parity.py --games 20000 --rule-games 2000

Games are played here, in batches, and every position is recorded; then other implementations play
the same decks and moves. **OpenSpiel** (the Hanabi Learning Environment's code) is compared at
every position: who is to move, the legal moves, the observation vector of every player, the
rewards, the end, and the returns, strict and lenient; all must be equal, bit for bit. OpenSpiel has
no no-op: its action numbers are ours without the last, which must be illegal for the seat to move
and alone legal for the others. **JaxMARL** is compared likewise, with ``observation="v0_belief"``.

Writes ``docs/results/hanabi.md``. Without ``--write`` it prints only.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import os
import pathlib
import re
import time
from typing import Any

import numpy as np

RESULTS = pathlib.Path(__file__).parent.parent / "docs" / "results" / "hanabi.md"
BATCH = 256
VARIANTS = ("hanabi-v0", "hanabi-small-v0", "hanabi-very-small-v0")
PLAYERS = (2, 3, 4, 5)
RULE_BASED = {
    "hanabi-v0": ("hanabi/cautious", "hanabi/iggi", "hanabi/piers"),
    "hanabi-small-v0": ("hanabi/piers",),
    "hanabi-very-small-v0": ("hanabi/iggi",),
}
BELIEF_TOLERANCE = 1e-6


@dataclasses.dataclass
class Games:
    """``N`` games, padded to ``T`` moves; position 0 is the start.

    Attributes:
        deck: ``[N, cards]``.
        length: ``[N]``, moves made.
        action: ``[N, T]``, of the seat to move.
        acting: ``[N, T + 1, A]``.
        mask: ``[N, T + 1, A, K]``.
        observation: ``[N, T + 1, A, F]``.
        reward: ``[N, T + 1, A]``; of the move that led to the position.
        terminated: ``[N, T + 1]``.
        fireworks: ``[N]``, cards played by the end.
    """

    deck: np.ndarray
    length: np.ndarray
    action: np.ndarray
    acting: np.ndarray
    mask: np.ndarray
    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    fireworks: np.ndarray

    def __len__(self) -> int:
        return len(self.deck)

    def part(self, rows: slice) -> Games:
        """Some of the games."""
        fields = {f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)}
        return Games(**fields)


Counts = collections.Counter
"""``games``, ``moves``, ``positions``, and mismatches by what differed."""


def mismatches(counts: Counts) -> dict[str, int]:
    """What differed, and how often."""
    return {k: n for k, n in counts.items() if k not in ("games", "moves", "positions")}


# Ours --------------------------------------------------------------------------------------------


def player(env: Any, agents: str) -> Any:
    """``(init, act)`` of all seats at once.

    ``random`` draws from the legal moves: with probability ``chance`` uniformly from all, else from
    those that play no card, where there are such. Other names are those of device agents.
    """
    import jax
    import jax.numpy as jnp

    import arenas

    seats = jnp.arange(env.num_agents)
    if agents == "random":
        hand = env.rules.hand_size
        plays = np.isin(np.arange(env.num_actions), np.arange(hand, 2 * hand))

        def draw(carry: Any, timestep: Any, key: Any, chance: Any) -> Any:
            key_play, key_draw = jax.random.split(key)
            others = timestep.action_mask & ~plays
            narrow = others.any(axis=1, keepdims=True) & ~jax.random.bernoulli(key_play, chance)
            mask = jnp.where(narrow, others, timestep.action_mask)
            draws = jax.random.uniform(key_draw, mask.shape)
            return carry, jnp.argmax(jnp.where(mask, draws, -1.0), axis=1)

        return lambda key: (), draw

    agent = arenas.load_agent(agents, env)

    def start(key: Any) -> Any:
        return jax.vmap(agent.init)(jax.random.split(key, env.num_agents), seats)

    def act(carry: Any, timestep: Any, key: Any, chance: Any) -> Any:
        keys = jax.random.split(key, env.num_agents)
        return jax.vmap(agent.act, (None, 0, 0, 0, 0))(
            agent.params, carry, timestep.observation, timestep.action_mask, keys
        )

    return start, act


@functools.cache
def programs(id: str, players: int, agents: str, observation: str, batch: int) -> Any:
    """The environment, and a compiled run of ``batch`` games from a key and ``chance``."""
    import jax
    import jax.numpy as jnp

    import arenas

    env = arenas.make(id, players=players, observation=observation)
    start, act = player(env, agents)

    def game(key: Any, chance: Any) -> Any:
        key_start, key_agents, key_moves = jax.random.split(key, 3)
        state, first = env.reset(key_start)

        def move(carry: Any, key: Any) -> Any:
            state, timestep, memory = carry
            key_act, key_step = jax.random.split(key)
            memory, action = act(memory, timestep, key_act, chance)
            chosen = action[state.player]
            state, timestep = env.step(key_step, state, action)
            return (state, timestep, memory), (chosen.astype(jnp.int16), timestep)

        keys = jax.random.split(key_moves, env.rules.longest_game)
        (last, _, _), (action, rest) = jax.lax.scan(move, (state, first, start(key_agents)), keys)
        all_steps = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)
        return {
            "deck": state.deck,
            "length": last.steps,
            "action": action,
            "acting": all_steps.acting,
            "mask": all_steps.action_mask,
            "observation": all_steps.observation,
            "reward": all_steps.reward,
            "terminated": all_steps.terminated,
            "fireworks": last.fireworks.astype(jnp.int32).sum(),
        }

    def run(key: Any, chance: Any) -> Any:
        return jax.vmap(game, (0, None))(jax.random.split(key, batch), chance)

    return env, jax.jit(run)


LATE = 1 / 8
"""How often ``random-late`` may play a card."""


def play(
    id: str, players: int, agents: str, seed: int, observation: str, batch: int = BATCH
) -> tuple[Any, Games]:
    """The environment, and ``batch`` games of it.

    ``agents`` is ``random``, uniform over the legal moves; ``random-late``, which plays cards so
    seldom that its games live to see the deck run out; or the name of a device agent for all seats.
    """
    import jax

    name, chance = ("random", LATE) if agents == "random-late" else (agents, 1.0)
    env, run = programs(id, players, name, observation, batch)
    return env, Games(**jax.device_get(run(jax.random.key(seed), chance)))


# OpenSpiel ---------------------------------------------------------------------------------------


def open_spiel_name(rules: Any) -> str:
    """OpenSpiel's name of a variant."""
    names = ("players", "colors", "ranks", "hand_size", "max_information_tokens", "max_life_tokens")
    return f"hanabi({','.join(f'{n}={getattr(rules, n)}' for n in names)})"


def against_open_spiel(name: str, games: Games) -> Counts:
    """Play these games on OpenSpiel, and count what differs."""
    import pyspiel

    game = pyspiel.load_game(name)
    counts: Counts = Counts(games=len(games))
    for i in range(len(games)):
        _replay_on_open_spiel(game, games, i, counts)
    return counts


def _replay_on_open_spiel(game: Any, games: Games, i: int, counts: Counts) -> None:
    state = game.new_initial_state()
    deck = iter(games.deck[i].tolist())
    players = game.num_players()
    no_op = game.num_distinct_actions()
    returns = np.zeros(players)
    for t in range(int(games.length[i]) + 1):
        while state.is_chance_node():
            state.apply_action(next(deck))
        counts["positions"] += 1
        seen = np.array([state.observation_tensor(p) for p in range(players)])
        over = state.is_terminal()
        returns += games.reward[i, t]
        counts["observation"] += not np.array_equal(seen, games.observation[i, t])
        counts["end"] += over != games.terminated[i, t]
        counts["reward"] += t > 0 and not np.array_equal(state.rewards(), games.reward[i, t])
        counts["return"] += not np.array_equal(state.returns(), returns)
        acting = np.arange(players) == (-1 if over else state.current_player())
        counts["acting"] += not np.array_equal(acting, games.acting[i, t])
        legal = np.zeros((players, no_op + 1), bool)
        legal[~acting, no_op] = True
        if not over:
            legal[acting, state.legal_actions()] = True
        counts["legal moves"] += not np.array_equal(legal, games.mask[i, t])
        if over or t == games.length[i]:
            counts["end"] += not (over and t == games.length[i])
            break
        counts["moves"] += 1
        state.apply_action(int(games.action[i, t]))
    built = re.search(r"Fireworks: ([^\n]*)", str(state))
    assert built
    heights = [int(word[1:]) for word in built.group(1).split()]
    counts["lenient return"] += sum(heights) != games.fireworks[i]


# JaxMARL -----------------------------------------------------------------------------------------


@functools.cache
def jaxmarl_program(rules: Any) -> Any:
    """A compiled replay of one batch on JaxMARL: decks and actions to all that is compared."""
    import jax
    import jax.numpy as jnp
    import jaxmarl

    peer = jaxmarl.make(
        "hanabi",
        num_agents=rules.players,
        num_colors=rules.colors,
        num_ranks=rules.ranks,
        hand_size=rules.hand_size,
        max_info_tokens=rules.max_information_tokens,
        max_life_tokens=rules.max_life_tokens,
        num_cards_of_rank=np.array(rules.copies),
    )

    def stacked(by_agent: Any) -> Any:
        return jnp.stack([by_agent[a] for a in peer.agents])

    def game(deck: Any, actions: Any) -> Any:
        deck = deck.astype(jnp.int32)
        pairs = jnp.stack([deck // rules.ranks, deck % rules.ranks], axis=1)
        observation, state = peer.reset_from_deck_of_pairs(pairs)
        first = (stacked(observation), stacked(peer.get_legal_moves(state)))

        def move(state: Any, action: Any) -> Any:
            joint = {a: action.astype(jnp.int32) for a in peer.agents}
            observation, state, reward, done, _ = peer.step_env(jax.random.key(0), state, joint)
            state = jax.tree.map(lambda x, s: x.astype(s.dtype), state, shapes)
            legal = stacked(peer.get_legal_moves(state))
            rest = (reward["__all__"], done["__all__"], state.score)
            return state, (stacked(observation), legal, *rest)

        shapes = jax.eval_shape(
            lambda s: peer.step_env(jax.random.key(0), s, {a: jnp.int32(0) for a in peer.agents})[
                1
            ],
            state,
        )
        state = jax.tree.map(lambda x, s: x.astype(s.dtype), state, shapes)
        return first, jax.lax.scan(move, state, actions)[1]

    return jax.jit(jax.vmap(game))


def against_jaxmarl(env: Any, games: Games) -> tuple[Counts, float]:
    """Play these games on JaxMARL: what differs, and the furthest that a belief is off."""
    import jax

    rules, deck = env.rules, env.layout.sections["deck"]
    run = jaxmarl_program(rules)
    first, rest = jax.device_get(run(games.deck, games.action))
    counts: Counts = Counts(games=len(games))
    furthest = 0.0
    for i in range(len(games)):
        length = int(games.length[i])
        counts["moves"] += length
        counts["positions"] += length + 1
        for t in range(length + 1):
            if t == 0:
                observation, legal = first[0][i], first[1][i]
                reward, done = 0.0, False
            else:
                observation, legal, reward, done, _ = (x[i, t - 1] for x in rest)
            off = float(np.abs(observation - games.observation[i, t]).max())
            dealt_after_end = t == length and games.observation[i, t, 0, deck].any()
            kind = "observation after the end" if dealt_after_end else "observation"
            counts[kind] += not off <= BELIEF_TOLERANCE
            if off <= BELIEF_TOLERANCE:
                furthest = max(furthest, off)
            if t < length:
                counts["legal moves"] += not np.array_equal(legal > 0, games.mask[i, t])
            counts["reward"] += not (reward == games.reward[i, t]).all()
            counts["end"] += bool(done) != bool(games.terminated[i, t])
    return counts, furthest


# The full runs -----------------------------------------------------------------------------------


@dataclasses.dataclass
class Row:
    """One line of a table."""

    id: str
    players: int
    agents: str
    counts: Counts
    furthest: float = 0.0


Job = tuple[str, int, str, int]  # id, players, agents, games


def shared(jobs: list[tuple[str, int, str]], total: int) -> list[Job]:
    """Each job with its share of ``total`` games; all equal, the first ones larger by one."""
    return [(*job, total // len(jobs) + (i < total % len(jobs))) for i, job in enumerate(jobs)]


def run_open_spiel(jobs: list[Job], seed: int) -> list[Row]:
    """Each job, played here and replayed in other processes."""
    workers = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    rows = []
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        for id, players, agents, total in jobs:
            waiting: list[Any] = []
            counts: Counts = Counts()
            for batch in itertools.count():
                left = total - batch * BATCH
                if left <= 0:
                    break
                env, games = play(id, players, agents, seed + batch, "canonical")
                games = games.part(slice(0, min(left, BATCH)))
                name = open_spiel_name(env.rules)
                waiting.append(pool.submit(against_open_spiel, name, games))
                while len(waiting) > 2 * workers:
                    counts.update(waiting.pop(0).result())
            for done in waiting:
                counts.update(done.result())
            rows.append(Row(id, players, agents, counts))
            print(rows[-1], flush=True)
    return rows


def run_jaxmarl(jobs: list[Job], seed: int) -> list[Row]:
    """Each job against JaxMARL; its strict scores are ours."""
    rows = []
    for id, players, agents, total in jobs:
        counts, furthest = Counts(), 0.0
        for batch in range(-(-total // BATCH)):
            env, games = play(id, players, agents, seed + batch, "v0_belief")
            rows_wanted = min(BATCH, total - batch * BATCH)
            found, off = against_jaxmarl(env, games.part(slice(0, rows_wanted)))
            counts.update(found)
            furthest = max(furthest, off)
        rows.append(Row(id, players, agents, counts, furthest))
        print(rows[-1], flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """The rows in Markdown, with their sum."""
    lines = [
        "| variant | players | agents | games | moves | positions compared | mismatches |",
        "|:--|--:|:--|--:|--:|--:|:--|",
    ]

    def line(cells: list[str], counts: Counts) -> str:
        found = {k: n for k, n in mismatches(counts).items() if n}
        text = ", ".join(f"{k}: {n:,}" for k, n in found.items()) or "0"
        sizes = [f"{counts[k]:,}" for k in ("games", "moves", "positions")]
        return "| " + " | ".join([*cells, *sizes, text]) + " |"

    for row in rows:
        lines.append(line([f"`{row.id}`", str(row.players), row.agents], row.counts))
    total: Counts = Counts()
    for row in rows:
        total.update(row.counts)
    lines.append(line(["**all**", "", ""], total))
    return "\n".join(lines)


def main(
    games: int = 20_000,
    rule_games: int = 2_000,
    late_games: int = 2_000,
    jaxmarl_games: int = 4_000,
    seed: int = 0,
    write: bool = False,
) -> None:
    """Our Hanabi against OpenSpiel's and JaxMARL's.

    Args:
        games: of uniformly random legal moves, against OpenSpiel.
        rule_games: of rule-based players, against OpenSpiel.
        late_games: of random legal moves that seldom play a card, against OpenSpiel.
        jaxmarl_games: against JaxMARL, of each kind in equal parts.
        seed: of the games.
        write: write ``docs/results/hanabi.md``.
    """
    import importlib.metadata

    from timing import machine

    start = time.perf_counter()
    settings = [(id, n) for id in VARIANTS for n in PLAYERS]
    ruled = [(id, n, agent) for id, n in settings for agent in RULE_BASED[id]]
    spiel_jobs = [
        *shared([(*s, "random") for s in settings], games),
        *shared([(*s, "random-late") for s in settings], late_games),
        *shared(ruled, rule_games),
    ]
    peers = [(*s, kind) for s in settings for kind in ("random", "random-late")]
    peers += [("hanabi-v0", n, "hanabi/iggi") for n in (2, 5)]
    spiel = run_open_spiel(spiel_jobs, seed)
    marl = run_jaxmarl(shared(peers, jaxmarl_games), seed)
    minutes = (time.perf_counter() - start) / 60
    versions = {n: importlib.metadata.version(n) for n in ("open_spiel", "jaxmarl")}
    furthest = max(row.furthest for row in marl)
    text = TEXT.format(
        command=(
            f"python benchmarks/hanabi_parity.py --games {games} --rule-games {rule_games} "
            f"--late-games {late_games} --jaxmarl-games {jaxmarl_games} --seed {seed} --write"
        ),
        machine=machine(),
        minutes=f"{minutes:.0f}",
        open_spiel=versions["open_spiel"],
        jaxmarl=versions["jaxmarl"],
        spiel=table(spiel),
        marl=table(marl),
        furthest=f"{furthest:.1g}",
        tolerance=f"{BELIEF_TOLERANCE:g}",
    )
    print(text)
    if write:
        RESULTS.write_text(text)


TEXT = """# Hanabi against OpenSpiel and JaxMARL

```
{command}
```

{machine}; {minutes} minutes. OpenSpiel {open_spiel}, JaxMARL {jaxmarl}.

Games are played by Arenas in batches; the others play the same decks and moves. `random` is uniform
over the legal moves; its games are mostly lost before the deck is out. `random-late` may play a
card in one turn of eight only, so that most of its games end after the last card was drawn. A
position is one point in time, with all players' views.

## OpenSpiel

Compared at every position, bit for bit: who is to move, the legal moves, the observation vector of
every player, the rewards, the end, the return so far; and at the end the fireworks, which are the
lenient score. OpenSpiel has no no-op: its action numbers are ours without the last, which must be
illegal for the seat to move and alone legal for the others.

{spiel}

## JaxMARL

Compared at every position: legal moves (with the no-op), the observation vector of every agent with
`observation="v0_belief"` (within {tolerance}; the furthest was {furthest}), rewards and end.
JaxMARL deals a card after the move that ends a game, where the Learning Environment and we do not:
its observations after such an end, with cards left in the deck, differ by that card and are counted
apart. Where the deal leaves no card (five players of very small Hanabi), it ends games at another
move than OpenSpiel, with whom ours agree.

{marl}
"""


if __name__ == "__main__":
    from timing import command

    command(main)

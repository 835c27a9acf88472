"""``arenas compare``."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from arenas.cli import output
from arenas.errors import BadArgument

UNDECIDED = 1
"""Exit status where --until-decided needs more runs than there are."""

ALGORITHMS = ("ippo", "mappo")


def command(
    sources: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="SOURCE")],
    opponents: tuple[str, ...] = (),
    episodes: int = 100,
    until_decided: bool = False,
    group: int = 5,
    groups: int = 5,
    alpha: float = 0.05,
    phase: Literal["test", "tune"] = "test",
    first_seed: Annotated[
        int | None, tyro.conf.arg(help_behavior_hint="(default: the first that is for the phase)")
    ] = None,
    allow_training_seeds: bool = False,
    bootstrap: int = 10_000,
    confidence: float = 0.95,
    interval: Literal["corrected", "percentile"] = "corrected",
    seed: int = 0,
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    json: bool = False,
) -> int:
    """Compare algorithms by several runs of each, and say when there are enough.

    A source is one of:

      NAME=PATTERN   exported agents of an algorithm, trained with different seeds: NAME='runs/a-*'

      NAME='ippo --env ID ...'   what follows arenas train, with --until-decided: runs are made

      FILE.csv   scores of your own, with the columns algorithm, task, run, score

    Shown are the interquartile mean and others with bootstrap intervals, stratified by task, and
    the probability that one algorithm's run scores more than another's. With --until-decided
    AdaStop looks at the runs in groups and says which algorithms differ; undecided, the exit
    status is 1. Both --group and --groups must be chosen before the first run.

      arenas compare ippo='runs/ippo-*' mappo='runs/mappo-*' --episodes 200

      arenas compare a='ippo --env rrps-v0 --steps 100000' b='ippo --env rrps-v0 --steps 100000
      --lr 0.003' --opponents rrps/copy --until-decided --out lr

    Episodes for reporting have seeds that no training draws from, and that no choice was made by:
    other seeds are refused. To choose hyper-parameters, use --phase tune.

    Args:
        sources: what to compare.
        opponents: agents to play against, each a task of its own, in every seat; without any an
            agent holds all seats.
        episodes: for each task and seating; the same for all.
        until_decided: look with AdaStop, and make runs until all is decided.
        group: runs of each algorithm between two looks of AdaStop.
        groups: looks at most.
        alpha: AdaStop's chance of any false difference.
        phase: test, to report; or tune, to choose hyper-parameters on seeds that are kept for it.
        first_seed: of the episodes.
        allow_training_seeds: evaluate on seeds that agents were trained with or chosen by.
        bootstrap: samples for the intervals.
        confidence: of the intervals.
        interval: corrected for few runs; or plain percentiles of the bootstrap, as rliable has
            them, to set beside published ones. These are too narrow with few runs.
        seed: of the bootstrap and of AdaStop's permutations.
        out: write comparison.json, scores.csv and profiles.csv here; made runs go here too, and are
            not made again.
        json: print JSON.
    """
    from arenas.evaluation import comparisons, seeds
    from arenas.evaluation.formats import csv_text

    if episodes < 1:
        raise BadArgument(f"--episodes is {episodes}; accepted are integers from 1")
    start = seeds.first_episode(phase) if first_seed is None else first_seed
    drawn = range(start, start + episodes)
    if start < 0 or drawn.stop > 2**32:
        raise BadArgument(f"--first-seed is {start}; accepted are seeds from 0 to {2**32 - 1}")
    given = _Given(sources, opponents, drawn, phase, allow_training_seeds)
    decide: dict[str, Any] = {"group": group, "groups": groups, "alpha": alpha, "seed": seed}
    verdict = None
    if given.trained:
        if not until_decided or out is None:
            raise BadArgument("to make runs, give --until-decided and --out DIR")
        verdict = comparisons.AdaStop(list(given.trained), **decide)
        scores, tasks = _train(given, verdict, out, phase)
    else:
        scores, tasks = given.scores()
        if until_decided:
            verdict = _look(comparisons.AdaStop(list(scores), **decide), scores, tasks)
    result = comparisons.compare(
        scores, tasks, bootstrap=bootstrap, confidence=confidence, interval=interval, seed=seed
    )
    shown = result.as_json()
    shown["episodes"] = None if given.csv else {"first_seed": start, "count": episodes}
    shown["phase"], shown["allow_training_seeds"] = phase, allow_training_seeds
    if verdict is not None:
        shown["adastop"] = _verdict(verdict)
    if out is not None:
        _write(out, result, shown, csv_text)
    if json:
        output.print_json(shown)
    else:
        _show(result, verdict, given, out)
    return UNDECIDED if verdict is not None and verdict.undecided else 0


class _Given:
    """The sources, checked before anything is played."""

    def __init__(
        self,
        sources: tuple[str, ...],
        opponents: tuple[str, ...],
        drawn: range,
        phase: str,
        allowed: bool,
    ) -> None:
        from arenas.evaluation import runs, seeds

        self.opponents, self.drawn, self.csv = opponents, drawn, ()
        self.agents: dict[str, dict[Path, dict[str, Any]]] = {}
        self.trained: dict[str, list[str]] = {}
        if not sources:
            raise BadArgument("nothing to compare; accepted: NAME=PATTERN, or FILE.csv")
        if len(sources) == 1 and sources[0].endswith(".csv"):
            self.csv = sources
            return
        for source in sources:
            name, equals, what = source.partition("=")
            if not (name and equals and what):
                raise BadArgument(f"{source!r} is no source; accepted: NAME=PATTERN, or a FILE.csv")
            if name in self.agents or name in self.trained:
                raise BadArgument(f"{name} is given twice")
            if what.split()[0] in ALGORITHMS:
                self.trained[name] = shlex.split(what)
            else:
                self.agents[name] = {a: runs.read_card(a) for a in runs.find_agents(what)}
        if self.trained and self.agents:
            raise BadArgument("runs to be made and runs that are there cannot be compared at once")
        for name, cards in self.agents.items():
            by_name = {str(a): card for a, card in cards.items()}
            runs.refuse_copies(name, by_name)
            if not allowed:
                seeds.refuse_training_seeds(drawn, by_name, phase)  # type: ignore[arg-type]
        if self.trained and not allowed:
            seeds.refuse_training_seeds(drawn, {}, phase)  # type: ignore[arg-type]

    def scores(self) -> tuple[Any, tuple[str, ...]]:
        """Of each algorithm, ``[runs, tasks]``; and the tasks."""
        from arenas.evaluation import comparisons, runs

        if self.csv:
            return comparisons.read_scores(self.csv[0])
        by_env: dict[str, list[tuple[str, Path]]] = {}
        for name, cards in self.agents.items():
            for agent, card in cards.items():
                by_env.setdefault(runs.environment(card), []).append((name, agent))
        cells: dict[tuple[str, str, str], float] = {}
        for env, listed in by_env.items():
            found = evaluate(env, [a for _, a in listed], self.opponents, self.drawn)
            names = runs.task_names(env, self.opponents)
            for (name, agent), line in zip(listed, found, strict=True):
                for task, score in zip(names, line, strict=True):
                    cells[name, task, str(agent)] = float(score)
        return comparisons.tabulated(cells)


def evaluate(env: str, agents: list[Path], opponents: tuple[str, ...], drawn: range) -> Any:
    """Score agents, with a bar."""
    import arenas
    from arenas.evaluation import runs, schedule

    game = arenas.make(env)
    sides = len(schedule.seatings(0, int(bool(opponents)), game.num_agents, game.teams))
    total = len(agents) * max(1, len(opponents)) * sides * len(drawn)
    with output.progress() as bar:
        task = bar.add_task("evaluating", total=total)
        return runs.score_agents(env, agents, opponents, drawn, lambda n: bar.advance(task, n))


def _look(test: Any, scores: Any, tasks: tuple[str, ...]) -> Any:
    """AdaStop's verdict on runs that are there."""
    while test.undecided:
        need = (test.looks + 1) * test.group
        if any(len(scores[name]) < need for name in test.undecided):
            break
        taken = {n: s.mean(axis=1) for n, s in scores.items()}
        test.look({n: s[:need] if n in test.undecided else s for n, s in taken.items()})
    return test


def _train(given: _Given, test: Any, out: Path, phase: str) -> tuple[Any, tuple[str, ...]]:
    """Make runs until AdaStop has decided; their scores by task."""
    import numpy as np

    from arenas._files import make_folder
    from arenas.evaluation import runs, seeds

    make_folder(out)
    taken: dict[str, list[Any]] = {name: [] for name in given.trained}
    env: set[str] = set()

    def run(name: str, first: int, count: int) -> list[float]:
        output.warn(f"{name}: runs {first + 1} to {first + count}")
        at = seeds.first_run(phase) + first  # type: ignore[arg-type]
        agents = train_runs(given.trained[name], out / f"{name}-{at}", at, count)
        env.update(runs.environment(runs.read_card(a)) for a in agents)
        if len(env) > 1:
            raise BadArgument(
                f"AdaStop compares on one environment; given are {', '.join(sorted(env))}"
            )
        found = evaluate(next(iter(env)), agents, given.opponents, given.drawn)
        taken[name] += list(found)
        return [float(x) for x in found.mean(axis=1)]

    def told(test: Any) -> None:
        output.warn(f"look {test.looks} of {test.groups}: {_told(test)}")

    test.follow(run, told)
    scores = {name: np.stack(lines) for name, lines in taken.items()}
    return scores, tuple(runs.task_names(next(iter(env)), given.opponents))


def train_runs(words: list[str], folder: Path, first: int, count: int) -> list[Path]:
    """Train with these words after ``arenas train``, or take what was trained; the agents."""
    from arenas.cli import parse, train
    from arenas.evaluation import runs

    taken = [w for w in words if w.split("=")[0] in ("--out", "--seed", "--seeds", "--resume")]
    if taken:
        raise BadArgument(f"{taken[0]} is chosen by arenas compare; leave it out")
    agents = [folder / f"agent-{s}" for s in range(first, first + count)]
    whole = all((a / runs.CARD).exists() for a in agents) and not any(
        runs.read_card(a)["training"].get("interrupted") for a in agents
    )
    if not whole:
        again = ["--resume"] if (folder / "config.json").exists() else []
        words = [*words, "--seed", str(first), "--seeds", str(count), "--out", str(folder), *again]
        with contextlib.redirect_stdout(sys.stderr):
            parse(train.command, "train", words)
    return agents


def _told(test: Any) -> str:
    sign = {"larger": ">", "smaller": "<", "equal": "=", "continue": "?"}
    return ", ".join(f"{d.first} {sign[d.verdict]} {d.second}" for d in test.decisions)


def _verdict(test: Any) -> dict[str, Any]:
    return {
        "decisions": [
            {"first": d.first, "second": d.second, "verdict": d.verdict} for d in test.decisions
        ],
        "looks": test.looks,
        "undecided": list(test.undecided),
        "settings": {
            "group": test.group,
            "groups": test.groups,
            "alpha": test.alpha,
            "permutations": test.permutations,
            "seed": test.seed,
        },
    }


def _write(out: Path, result: Any, shown: Any, csv_text: Any) -> None:
    import json

    from arenas._files import make_folder, write_atomically
    from arenas.evaluation import comparisons

    make_folder(out)
    write_atomically(out / "comparison.json", json.dumps(shown, indent=2) + "\n")
    lines = comparisons.score_lines(result.scores, result.tasks)
    write_atomically(out / "scores.csv", csv_text(["algorithm", "task", "run", "score"], lines))
    write_atomically(
        out / "profiles.csv",
        csv_text(
            ["algorithm", "threshold", "fraction", "lower", "upper"],
            [
                [name, *line]
                for name, p in result.profiles.items()
                for line in zip(result.thresholds.tolist(), *p.tolist(), strict=True)
            ],
        ),
    )


def _show(result: Any, verdict: Any, given: _Given, out: Path | None) -> None:
    from arenas.evaluation.comparisons import AGGREGATES, INTERVALS

    console = output.console()

    def cell(e: Any) -> str:
        return f"{output.number(e.value)} [{output.number(e.lower)}, {output.number(e.upper)}]"

    title = f"{len(result.tasks)} task{'s' * (len(result.tasks) > 1)}: " + "; ".join(result.tasks)
    named = [name.replace("_", " ") for name in AGGREGATES]
    lines = output.table(title, "algorithm", "runs", *named, right=("runs", *named))
    for name, each in result.aggregates.items():
        cells = [cell(each[a]) for a in AGGREGATES]
        lines.add_row(name, str(len(result.scores[name])), *cells)
    console.print(lines)
    if result.improvement:
        lines = output.table(
            "Probability that a run of the row's algorithm scores more than one of the column's",
            "",
            *result.scores,
            right=tuple(result.scores),
        )
        for a in result.scores:
            pairs = [result.improvement.get((a, b)) for b in result.scores]
            lines.add_row(a, *("" if e is None else cell(e) for e in pairs))
        console.print(lines)
    console.print(f"Intervals: {INTERVALS[result.settings['interval']]}.", highlight=False)
    if verdict is not None:
        console.print(
            f"AdaStop after {verdict.looks} of {verdict.groups} looks: {_told(verdict)}",
            markup=False,
            highlight=False,
        )
        if verdict.undecided:
            need = (verdict.looks + 1) * verdict.group
            console.print(
                f"Undecided: {', '.join(verdict.undecided)}. The next look needs {need} runs of "
                "each.",
                markup=False,
                highlight=False,
            )
    if out is not None:
        console.print(f"Kept in: {out}", markup=False, highlight=False)

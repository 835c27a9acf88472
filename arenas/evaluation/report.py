"""A tournament's report: one self-contained page, and its tables as CSV, JSON and LaTeX.

Everything is computed again from the rows of the store, and from what other commands left in the
tournament's folder or a folder within it: ``exact.json``, ``exploit.json`` and ``nemesis.json``
(``arenas exploit``), ``crossplay.json`` (``arenas crossplay``) and ``comparison.json`` (``arenas
compare``).
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import arenas
from arenas import registry
from arenas._files import write_atomically
from arenas.errors import ArenasError, BadArgument
from arenas.evaluation import payoffs
from arenas.evaluation.formats import csv_text, latex_table, plain
from arenas.evaluation.payoffs import Outcomes, PayoffTable, Standing
from arenas.evaluation.ratings import METHODS, CannotRate, Rating, rate
from arenas.evaluation.schedule import Fixture
from arenas.evaluation.store import Row, Store
from arenas.evaluation.tournament import replay_name

MOST_BYTES = 8_000_000
"""Characters of all sample replays in the page, so that it opens at once and can be sent. What
exceeds it at :data:`LEAST_STEPS` steps each is left out, and named."""

MOST_STEPS = 12_000
"""Steps of all samples together, unless each then had fewer than :data:`LEAST_STEPS`: so a page is
made in a minute, whatever was played."""

LEAST_STEPS = 24
"""Steps that a sample shows at least."""

BOOTSTRAP = 200
"""Samples for the intervals of ratings; ``arenas rank`` takes as many as each method needs."""

ATTACHMENTS = (
    "exact.json",
    "exploit.json",
    "nemesis.json",
    "crossplay.json",
    "comparison.json",
)
"""Files of other commands that the report shows."""

Tell = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A recorded episode of a pairing.

    Attributes:
        agents: by seat.
        seed: of the episode.
        blob: the film, for ``ArenasPlayer.mount``.
        shown: steps in it.
        length: steps of the whole episode.
        file: the replay's path in the folder, or None.
    """

    agents: tuple[str, ...]
    seed: int
    blob: str
    shown: int
    length: int
    file: str | None


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a report shows.

    Attributes:
        settings: of the tournament.
        spec: of the environment.
        standings: best first.
        table: of payoffs.
        ratings: by all methods that apply.
        left_out: why the others do not apply, by name.
        episodes: rows.
        forfeits: rows that a forfeit ended.
        lengths: shortest, mean and longest episode, in steps.
        missing: scheduled episodes that were not played when the tournament ended.
        attachments: what other commands left: the kind, the path, and the content.
        samples: by the indices of the two agents, the smaller first.
        without: why other pairings that met have no sample, likewise.
        played_by: versions of Arenas that played.
        software: versions of what made this report.
    """

    settings: dict[str, Any]
    spec: registry.EnvSpec
    standings: list[Standing]
    table: PayoffTable
    ratings: list[Rating]
    left_out: dict[str, str]
    episodes: int
    forfeits: int
    lengths: tuple[int, float, int]
    missing: int
    attachments: list[tuple[str, str, Any]]
    samples: dict[tuple[int, int], Sample]
    without: dict[tuple[int, int], str]
    played_by: list[str]
    software: dict[str, str]

    def order(self) -> list[int]:
        """Indices of the agents, best standing first."""
        return [self.table.agents.index(s.agent) for s in self.standings]

    def as_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``; what is undefined becomes None."""
        return plain(
            {
                "settings": self.settings,
                "episodes": self.episodes,
                "forfeits": self.forfeits,
                "missing_episodes": self.missing,
                "standings": [dataclasses.asdict(s) for s in self.standings],
                "payoff": {
                    **self.table.as_json(),
                    "variance_cut_by_pairing": self.table.variance_cut(),  # with half its interval
                },
                "ratings": [r.as_json() for r in self.ratings],
                "left_out": self.left_out,
                "attachments": [{"kind": k, "file": f} for k, f, _ in self.attachments],
                "played_by_arenas": self.played_by,
                "software": self.software,
                "methods": methods_text(self),
            }
        )


def gather(
    folder: str | os.PathLike[str],
    store: str | None = None,
    *,
    samples: int | None = None,
    bootstrap: int = BOOTSTRAP,
    seed: int = 0,
    progress: Tell | None = None,
) -> Report:
    """Compute what a report shows.

    Args:
        folder: as ``arenas tournament --out`` made it.
        store: the database, where the tournament had its own.
        samples: pairings whose sample replay is packed at most, neighbours in the standings first;
            all by default.
        bootstrap: samples for the intervals of ratings.
        seed: of the bootstrap.
        progress: called with shares of the work, 1 in all.

    Raises:
        BadFile: not a tournament's folder.
        BadArgument: a negative number; nothing was played.
    """
    for name, value in (("samples", samples), ("bootstrap", bootstrap)):
        if value is not None and value < 0:
            raise BadArgument(f"{name} is {value}; accepted are integers from 0")
    tell = progress or (lambda _: None)
    folder = Path(folder)
    content = payoffs.read_results(folder)
    settings = content["settings"]
    spec, _ = registry.resolve(registry.envs, settings["environment"])
    names = tuple(settings["agents"])
    with payoffs.open_store(folder, store) as rows_of:
        every = rows_of.rows(settings["environment"], settings["arguments"])
        field = payoffs.outcomes(names, every, settings["environment"], settings["arguments"])
        rows = [r for r in every if _pair(r, names) is not None]
        if not rows:
            raise BadArgument(f"{rows_of.name} holds no episode of this tournament's agents")
        fixtures = [_fixture(r, names) for r in rows]
        table = field.table()
        standings = payoffs.standings(table, fixtures, rows)
        ratings, left_out = _ratings(field, bootstrap, seed, lambda x: tell(0.4 * x))
        order = [names.index(s.agent) for s in standings]
        packed, without = _samples(
            folder, settings, rows, rows_of, order, samples, lambda x: tell(0.6 * x)
        )
        played_by = rows_of.versions(settings["environment"], settings["arguments"])
    lengths = [r.length for r in rows]
    return Report(
        settings=settings,
        spec=spec,
        standings=standings,
        table=table,
        ratings=ratings,
        left_out=left_out,
        episodes=len(rows),
        forfeits=sum(r.forfeit is not None for r in rows),
        lengths=(min(lengths), float(np.mean(lengths)), max(lengths)),
        missing=int(content.get("missing_episodes") or 0),
        attachments=list(_attachments(folder)),
        samples=packed,
        without=without,
        played_by=played_by,
        software=_software(),
    )


def write(report: Report, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``report.html`` and the tables into the tournament's folder.

    Returns:
        The files, the page first.
    """
    from arenas.evaluation.page import html_page

    folder = Path(folder)
    files = {
        "report.html": html_page(report),
        "report.json": json.dumps(report.as_json(), indent=2) + "\n",
        "methods.txt": methods_text(report) + "\n",
        **_tables(report),
    }
    for name, text in files.items():
        write_atomically(folder / name, text)
    return [folder / name for name in files]


def _pair(row: Row, names: Sequence[str]) -> tuple[str, ...] | None:
    """The one or two agents of an episode; None for one of others, or of three and more."""
    held = tuple(dict.fromkeys(row.agents))
    return held if len(held) <= 2 and set(held) <= set(names) else None


def _fixture(row: Row, names: Sequence[str]) -> Fixture:
    seats = tuple(names.index(a) for a in row.agents)
    return Fixture((min(seats), max(seats)), seats, 0, row.seed)


def _ratings(
    field: Outcomes, bootstrap: int, seed: int, tell: Tell
) -> tuple[list[Rating], dict[str, str]]:
    ratings, left_out = [], {}
    for name in METHODS:
        tell(1 / len(METHODS))
        samples = min(bootstrap, METHODS[name].bootstrap)
        with warnings.catch_warnings(record=True) as said:  # a solver's doubts are for the reader
            warnings.simplefilter("always")
            try:
                rating = rate(field, name, bootstrap=samples, seed=seed)
            except CannotRate as error:
                left_out[name] = str(error)
                continue
        notes = dict.fromkeys(f"A library warned: {str(w.message).strip()}" for w in said)
        ratings.append(dataclasses.replace(rating, notes=(*rating.notes, *notes)))
    return ratings, left_out


def _attachments(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """What other commands left in the folder or one within it: kind, path, content.

    A file that cannot be read is passed over: it is not this command's.
    """
    for name in ATTACHMENTS:
        for path in [folder / name, *sorted(folder.glob(f"*/{name}"))]:
            try:
                content = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            if isinstance(content, dict):
                yield name.removesuffix(".json"), path.relative_to(folder).as_posix(), content


def _software() -> dict[str, str]:
    found = {"Arenas": arenas.__version__, "Python": platform.python_version()}
    for name in ("jax", "numpy", "scipy", "openskill", "open_spiel"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


# Sample replays ----------------------------------------------------------------------------------


def _samples(
    folder: Path,
    settings: dict[str, Any],
    rows: Sequence[Row],
    store: Store,
    order: Sequence[int],
    most: int | None,
    tell: Tell,
) -> tuple[dict[tuple[int, int], Sample], dict[tuple[int, int], str]]:
    """Films of recorded episodes, one for each pairing, and why the others have none.

    Each is cut to an even share of the steps and bytes that those before it have left.
    """
    names = settings["agents"]
    place = {agent: i for i, agent in enumerate(order)}
    recorded = set(store.recorded(settings["environment"], settings["arguments"]))
    first: dict[tuple[int, int], Row] = {}
    without: dict[tuple[int, int], str] = {}
    for row in rows:
        seats = [names.index(a) for a in row.agents]
        pair = (min(seats), max(seats))
        if (row.agents, row.seed) in recorded:
            first.setdefault(pair, row)
        without[pair] = "no episode was recorded"

    def nearness(pair: tuple[int, int]) -> tuple[int, int]:
        a, b = sorted(place[i] for i in pair)
        return b - a, a

    # Neighbours before those further apart; self-play after the pairs.
    chosen = sorted(first, key=lambda p: (p[0] == p[1], nearness(p)))
    without |= dict.fromkeys(chosen, "fewer were asked for (--samples)")
    chosen = chosen[:most]
    env = arenas.make_host(settings["environment"], **settings["arguments"]) if chosen else None
    samples: dict[tuple[int, int], Sample] = {}
    steps, room = MOST_STEPS, MOST_BYTES
    for k, pair in enumerate(chosen):
        left, row = len(chosen) - k, first[pair]
        data = store.replay(settings["environment"], settings["arguments"], row.agents, row.seed)
        assert data is not None
        sample = _film(env, data, row, max(LEAST_STEPS, steps // left), room // left)
        if sample is None:
            without[pair] = "its episode plays otherwise in this version"
        elif len(sample.blob) > room:
            full = f"the page holds {MOST_BYTES / 1e6:g} MB of replays"
            without |= dict.fromkeys(chosen[k:], full)
            tell(left / len(chosen))
            break
        else:
            file = f"replays/{replay_name(row.agents, row.seed)}"
            found = file if (folder / file).exists() else None
            samples[pair] = dataclasses.replace(sample, file=found)
            steps, room = steps - sample.shown, room - len(sample.blob)
            del without[pair]
        tell(1 / len(chosen))
    if not chosen:
        tell(1)
    return samples, without


def _film(env: Any, data: bytes, row: Row, most: int, room: int) -> Sample | None:
    """The first steps of a replay, as the browser plays them; None where it plays otherwise now.

    Args:
        env: of the tournament.
        data: the replay.
        row: its record.
        most: steps.
        room: characters; exceeded where even :data:`LEAST_STEPS` do not fit.
    """
    from arenas.renderers.film import Film
    from arenas.renderers.html import blob
    from arenas.replay import Replay

    try:
        replay = Replay.from_bytes(data)
        assert replay.episode.actions is not None
        while True:
            env.reset(replay.episode.seed)
            film = Film(env, replay.episode.agents, replay.episode.seed)
            film.add()
            for action in replay.episode.actions[:most]:
                env.step(action)
                film.add(action)
            shown, packed = len(film) - 1, blob(film, seats=())
            if len(packed) <= room or shown <= LEAST_STEPS:
                return Sample(row.agents, row.seed, packed, shown, row.length, None)
            most = max(LEAST_STEPS, int(0.95 * shown * room / len(packed)))
    except ArenasError:
        return None


# Tables ------------------------------------------------------------------------------------------


def _tables(report: Report) -> dict[str, str]:
    """The tables that the tournament itself does not write, as CSV, and all of them as LaTeX."""
    names = report.table.agents
    order = report.order()
    rated = report.ratings
    columns = ["agent"]
    for rating in rated:
        columns += [rating.by, f"{rating.by}_lower", f"{rating.by}_upper"]
    lines = [
        [
            names[i],
            *(float(x) for r in rated for x in (r.values[i], r.lower[i], r.upper[i])),
        ]
        for i in order
    ]
    half = report.table.half_width()
    return {
        "ratings.csv": csv_text(columns, lines),
        "payoffs_half_width.csv": csv_text(
            ["agent", *names], [[n, *row] for n, row in zip(names, half.tolist(), strict=True)]
        ),
        "standings.tex": latex_table(
            ["agent", "return", "±", "self-play", "won", "drawn", "lost"],
            [
                [s.agent, s.mean, s.half_width, s.self_play, s.wins, s.draws, s.losses]
                for s in report.standings
            ],
            f"Standings of {report.spec.id}: mean return with or against the others, "
            "half of the 95 % interval, and contested episodes.",
        ),
        "ratings.tex": latex_table(
            ["agent", *(r.title for r in rated)],
            [[names[i], *(_with_interval(r, i) for r in rated)] for i in order],
            f"Ratings of the agents in {report.spec.id}, with their intervals.",
        ),
        "payoffs.tex": latex_table(
            ["agent", *(str(k) for k in range(1, len(order) + 1))],
            [
                [f"{k}. {names[i]}", *(report.table.mean[i, j] for j in order)]
                for k, i in enumerate(order, 1)
            ],
            f"Mean return in {report.spec.id} of the row's agent with or against the column's.",
        ),
    }


def _with_interval(rating: Rating, agent: int) -> str:
    # Plus zero, so that there are no negative zeros.
    value, low, high = (float(x[agent]) + 0.0 for x in (rating.values, rating.lower, rating.upper))
    return f"{value:.4g}" if np.isnan(low) else f"{value:.4g} [{low:.4g}, {high:.4g}]"


# Methods -----------------------------------------------------------------------------------------


def methods_text(report: Report) -> str:
    """How the numbers were made, with every setting and source, ready for a paper's appendix."""
    return "\n\n".join(_methods(report))


def _methods(report: Report) -> Iterator[str]:
    s, table = report.settings, report.table
    n = len(table.agents)
    counts = table.count[~np.eye(n, dtype=bool)] if n > 1 else table.count.reshape(-1)
    arguments = ", ".join(f"{k}={v!r}" for k, v in s["arguments"].items())
    env = f"{s['environment']}" + (f" ({arguments})" if arguments else "")
    source = f" (source: {report.spec.paper})" if report.spec.paper else ""
    schedule = s.get("schedule", "round-robin")
    timeout = s.get("move_timeout")
    yield (
        f"Games. {n} agents played {env}{source} in a {schedule} tournament of Arenas "
        f"{', '.join(report.played_by)}. Pairs of agents met in every way to share the seats, "
        "on the same seeds, so that luck of the start falls to both. "
        f"{s['episodes_per_seating']} episodes were planned for each seating, from seed "
        f"{s['seed']}; {report.episodes:,} episodes are in the tables, "
        f"{_between(int(counts.min()), int(counts.max()))} paired ones for each pair, of "
        f"{_between(report.lengths[0], report.lengths[2])} steps (mean {report.lengths[1]:.4g}). "
        + (f"{report.missing:,} planned ones are missing. " if report.missing else "")
        + (f"An agent had {timeout:g} s for an action. " if timeout else "No limit of time. ")
        + f"{report.forfeits:,} episodes ended by a forfeit"
        + ("; those without defined returns are left out of means." if report.forfeits else ".")
        + _others(s)
    )
    cut = table.variance_cut()
    yield (
        "Payoffs. What is averaged is a paired episode: the mean over its seatings. Intervals of "
        "cells are 95 % by Student's t; those of the standings 95 % by the t distribution with "
        "Welch and Satterthwaite's degrees of freedom, each opponent weighing the same."
        + (
            f" Pairing on seeds takes {cut[0]:.0%} ± {cut[1]:.0%} of the variance that a seed of "
            "its own for each seating would leave."
            if cut is not None
            else ""
        )
    )
    for rating in report.ratings:
        settings = ", ".join(f"{k} = {v}" for k, v in rating.settings.items() if v is not None)
        notes = " ".join(rating.notes)
        yield (
            f"{rating.title}. {rating.explanation} {rating.interval[:1].upper()}"
            f"{rating.interval[1:]}. Settings: {settings}. {notes + ' ' if notes else ''}Source: "
            f"{rating.citation}."
        )
    if report.left_out:
        reasons = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in report.left_out.items())
        yield f"Ratings left out. {reasons}."
    yield from _attached_methods(report)
    papers = {}
    for name in table.agents:
        try:
            # By its registered name alone: a name from a file must not import a module.
            agent = registry.agents.find(registry.parse(name)[0])
        except ArenasError:
            continue
        if agent.paper:
            papers.setdefault(agent.paper, []).append(name)
    if papers:
        listed = "; ".join(f"{', '.join(names)}: {paper}" for paper, names in papers.items())
        yield f"Agents. {listed}."
    software = ", ".join(f"{name} {version}" for name, version in report.software.items())
    yield f"Software. This report was made with {software}."


def _others(settings: dict[str, Any]) -> str:
    """Whatever else names the tournament."""
    told = (
        "environment", "arguments", "agents", "episodes_per_seating", "seed", "schedule",
        "move_timeout", "arenas_version",
    )  # fmt: skip
    rest = {k: v for k, v in settings.items() if k not in told and v is not None}
    if not rest:
        return ""
    return " Further settings: " + ", ".join(f"{k} = {v}" for k, v in rest.items()) + "."


def _attached_methods(report: Report) -> Iterator[str]:
    texts = {
        "exact": (
            "Exploitability, exactly. Best responses to the agent's tabular policy in every seat, "
            "by OpenSpiel (Lanctot et al. 2019, arXiv:1908.09453); exploitability is NashConv "
            "divided by the number of seats."
        ),
        "exploit": (
            "Exploitability, from below. A best response was trained by PPO (Schulman et al. 2017, "
            "arXiv:1707.06347) against the frozen agent and judged on fresh episodes in every "
            "seat; intervals are 95 % by Student's t. It is a lower bound: a better exploiter may "
            "exist (approximate best responses as in Timbers et al. 2022, IJCAI)."
        ),
        "nemesis": (
            "Nemesis. The member of a population that takes most from an agent (Lanctot et al. "
            "2023, arXiv:2303.03196), with 95 % intervals that hold for all members at once "
            "(Šidák 1967, Journal of the American Statistical Association 62)."
        ),
        "crossplay": (
            "Cross-play. Agents of independent training runs play together without having met "
            "(Hu et al. 2020, Other-Play, ICML). 95 % intervals over agents and episodes by the "
            "jackknife (Efron and Stein 1981, Annals of Statistics 9) and Student's t."
        ),
    }
    for kind, file, content in report.attachments:
        text = texts.get(kind)
        if text is None:
            intervals = content.get("intervals")  # of a comparison made by an older version, none
            how = f" Intervals: {intervals}." if intervals else ""
            text = f"Comparison.{how} {content.get('citation', '')}."
        settings = content.get("settings")
        named = f" Settings: {json.dumps(settings)}." if settings else ""
        yield f"{text} From {file}.{named}"


def _between(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"

"""Episodes with given agents in given seats, played where the agents live and kept as rows."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import arenas
from arenas import registry
from arenas.agent import DeviceAgent
from arenas.env import Env
from arenas.errors import BadArgument
from arenas.evaluation.store import Row, Store, canonical
from arenas.evaluation.workers import Task, Workers
from arenas.match import DeviceMatches, Episode
from arenas.replay import Replay

COMMIT_SECONDS = 1.0
"""Rows wait at most this long before they are written."""

Tell = Callable[[float], None]


@dataclasses.dataclass(frozen=True)
class Lineup:
    """One episode to play.

    Attributes:
        agents: name of the agent in each seat.
        seed: of the episode.
        record: whether to keep a replay.
    """

    agents: tuple[str, ...]
    seed: int
    record: bool = False


class Lineups:
    """Plays lineups, device agents in one compiled program, others in watched processes.

    Started again on the same store, it plays what is missing.

    Args:
        env: the environment's id, with arguments if any.
        names: the agents that lineups may name.
        jobs: worker processes for episodes with host agents; default all cores.
        move_timeout: seconds that an agent may take to answer; None for no limit.

    Raises:
        ArenasError: an unknown environment or agent, a bad argument.
    """

    def __init__(
        self,
        env: str,
        names: Iterable[str],
        *,
        jobs: int | None = None,
        move_timeout: float | None = 60.0,
    ) -> None:
        self.jobs = (os.cpu_count() or 1) if jobs is None else jobs
        if self.jobs < 1:
            raise BadArgument(f"jobs is {jobs}; accepted are integers from 1")
        if move_timeout is not None and not move_timeout > 0:
            raise BadArgument(f"move timeout is {move_timeout}; accepted are seconds above 0")
        self.move_timeout = move_timeout
        self.spec, self.env_kwargs = registry.resolve(registry.envs, env)
        canonical(self.env_kwargs)
        self.env_name, self.env = env, arenas.make(env)
        self.on_device: dict[str, DeviceAgent] = {}
        for name in dict.fromkeys(names):
            spec, _ = registry.resolve(registry.agents, name)
            if isinstance(self.env, Env) and spec.kind == "device":
                agent = arenas.load_agent(name, self.env)
                if isinstance(agent, DeviceAgent):
                    self.on_device[name] = agent
            elif spec.game not in ("*", self.spec.game):
                raise BadArgument(f"agent {name!r} plays {spec.game!r}, not {self.spec.game!r}")

    def rows(self, lineups: Sequence[Lineup], store: Store) -> list[Row | None]:
        """The row of each lineup; None where it was not played yet."""
        found = {(r.agents, r.seed): r for r in store.rows(self.spec.id, self.env_kwargs)}
        return [found.get((x.agents, x.seed)) for x in lineups]

    def play(self, lineups: Sequence[Lineup], store: Store, progress: Tell | None = None) -> None:
        """Play the lineups that have no row yet, and write them.

        Whatever ends it early, Ctrl-C included, what was played is written first.

        Args:
            lineups: what to play; others with the same agents and seed are the same episode.
            store: where the rows are, and go.
            progress: called with numbers of episodes, as they are made.
        """
        tell = progress or (lambda _: None)
        played = self.rows(lineups, store)
        missing = [x for x, row in zip(lineups, played, strict=True) if row is None]
        device = [x for x in missing if set(x.agents) <= set(self.on_device)]
        host = [x for x in missing if not set(x.agents) <= set(self.on_device)]
        self._write(store, self._on_device(device, tell))
        self._write(store, self._on_host(host, tell))

    def replay(self, lineup: Lineup, store: Store) -> bytes | None:
        """The replay kept of a lineup, or None."""
        return store.replay(self.spec.id, self.env_kwargs, lineup.agents, lineup.seed)

    def _on_device(self, lineups: Sequence[Lineup], tell: Tell) -> Iterator[tuple[Episode, bool]]:
        if not lineups:
            return
        names = sorted({n for x in lineups for n in x.agents})
        matches = DeviceMatches(self.env, [self.on_device[n] for n in names])
        seats = [[names.index(n) for n in x.agents] for x in lineups]
        keep, seeds = [x.record for x in lineups], [x.seed for x in lineups]
        yield from zip(matches.play(seats, seeds, record=keep, progress=tell), keep, strict=True)
        if not (self.env.max_steps or self.spec.horizon):
            tell(len(lineups))

    def _on_host(self, lineups: Sequence[Lineup], tell: Tell) -> Iterator[tuple[Episode, bool]]:
        if not lineups:
            return
        tasks = [Task(i, x.agents, x.seed, x.record) for i, x in enumerate(lineups)]
        jobs = min(self.jobs, len(tasks))
        with Workers(self.env_name, {}, jobs, self.move_timeout) as workers:
            for task, episode in workers.run(tasks):
                tell(1)
                yield episode, task.record

    def _write(self, store: Store, episodes: Iterable[tuple[Episode, bool]]) -> None:
        waiting: list[tuple[Episode, bytes | None]] = []
        last = time.monotonic()
        try:
            for episode, keep in episodes:
                recorded = keep and episode.actions is not None
                waiting.append((episode, Replay.of(episode).to_bytes() if recorded else None))
                if time.monotonic() - last > COMMIT_SECONDS:
                    store.add(waiting)
                    waiting, last = [], time.monotonic()
        finally:
            store.add(waiting)


def side_means(rows: Sequence[Row | None], seats: Any) -> np.ndarray:
    """Mean return of these seats in each row, float64 ``[N]``; NaN where a row has no returns."""
    return np.array(
        [
            np.nan if row is None or row.returns is None else np.mean(np.array(row.returns)[seats])
            for row in rows
        ],
        np.float64,
    )

"""Episodes with given agents in given seats, played where the agents live and kept as rows."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import arenas
from arenas import registry
from arenas.agent import DeviceAgent
from arenas.env import Env
from arenas.errors import BadArgument, UnknownName
from arenas.evaluation.store import Row, Store, canonical
from arenas.evaluation.workers import BACKENDS, MEMORY, Task, make_workers
from arenas.match import DeviceMatches, Episode, acts_on_device
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


Play = Callable[[Sequence[Lineup]], list[Row]]


class Lineups:
    """Plays lineups, device agents in one compiled program, others in watched processes.

    Started again on the same store, it plays what is missing.

    Args:
        env: the environment's id, with arguments if any.
        names: the agents that lineups may name.
        jobs: worker processes for episodes with host agents; default all cores.
        move_timeout: seconds that an agent may take to answer; None for no limit.
        backend: where they are played, ``local`` or ``ray``.
        memory: gigabytes (10⁹ bytes) that the host agents of an episode may allocate; None for no
            limit.

    Attributes:
        on_device: the agents that play in the compiled program, by name.
        workers: the processes of host agents, while a sitting has any.

    Raises:
        ArenasError: an unknown environment, agent or backend, a bad argument.
    """

    def __init__(
        self,
        env: str,
        names: Iterable[str],
        *,
        jobs: int | None = None,
        move_timeout: float | None = 60.0,
        backend: str = "local",
        memory: float | None = MEMORY,
    ) -> None:
        if backend not in BACKENDS:
            raise UnknownName("backend", backend, BACKENDS)
        if memory is not None and not memory > 0:
            raise BadArgument(f"memory is {memory}; accepted are gigabytes above 0")
        if move_timeout is not None and not move_timeout > 0:
            raise BadArgument(f"move timeout is {move_timeout}; accepted are seconds above 0")
        if jobs is not None and jobs < 1:
            raise BadArgument(f"jobs is {jobs}; accepted are integers from 1")
        self.jobs, self.move_timeout = jobs, move_timeout
        self.backend, self.memory = backend, memory
        self.spec, self.env_kwargs = registry.resolve(registry.envs, env)
        canonical(self.env_kwargs)
        self.env_name, self.env = env, arenas.make(env)
        self.on_device = self._loaded(tuple(dict.fromkeys(names)))
        self.workers: Any = None
        self._matches: DeviceMatches | None = None
        self._players: list[str] = []

    def _loaded(self, names: Sequence[str]) -> dict[str, DeviceAgent]:
        """The device agents among these."""
        found = {}
        for name in names:
            spec, _ = registry.resolve(registry.agents, name)
            if isinstance(self.env, Env) and spec.kind == "device":
                agent = arenas.load_agent(name, self.env)
                if isinstance(agent, DeviceAgent):
                    found[name] = agent
            elif spec.game not in ("*", self.spec.game):
                raise BadArgument(f"agent {name!r} plays {spec.game!r}, not {self.spec.game!r}")
        if not found or not isinstance(self.env, Env):
            return {}
        # One that does not act as it must would take the others' program down with it; on the host
        # it forfeits.
        acts = acts_on_device(self.env, list(found.values()))
        return {n: a for (n, a), fine in zip(found.items(), acts, strict=True) if fine}

    def rows(self, lineups: Sequence[Lineup], store: Store) -> list[Row | None]:
        """The row of each lineup; None where it was not played yet."""
        found = self.found(store)
        return [found.get((x.agents, x.seed)) for x in lineups]

    def found(self, store: Store) -> dict[tuple[tuple[str, ...], int], Row]:
        """All rows of this environment, by agents and seed."""
        return {(r.agents, r.seed): r for r in store.rows(self.spec.id, self.env_kwargs)}

    def play(self, lineups: Sequence[Lineup], store: Store, progress: Tell | None = None) -> None:
        """Play the lineups that have no row yet, and write them.

        Whatever ends it early, Ctrl-C included, what was played is written first.

        Args:
            lineups: what to play; others with the same agents and seed are the same episode.
            store: where the rows are, and go.
            progress: called with numbers of episodes, as they are made.
        """
        played = self.rows(lineups, store)
        with self.sitting(store, progress) as play:
            play([x for x, row in zip(lineups, played, strict=True) if row is None])

    @contextlib.contextmanager
    def sitting(
        self, store: Store, progress: Tell | None = None, everyone: bool = False
    ) -> Iterator[Play]:
        """For rounds that are not all known at first: the same processes and programs serve all.

        Args:
            store: where the rows go; what was played is written, whatever ends it early.
            progress: called with numbers of episodes, as they are made.
            everyone: later rounds may name device agents that the first does not.

        Yields:
            A function that plays lineups, writes them and returns their rows.
        """
        tell = progress or (lambda _: None)

        def play(lineups: Sequence[Lineup]) -> list[Row]:
            device = [x for x in lineups if set(x.agents) <= set(self.on_device)]
            host = [x for x in lineups if not set(x.agents) <= set(self.on_device)]
            rows = _written(store, self._device_episodes(device, everyone, tell))
            return rows + _written(store, self._host_episodes(host, stack, tell))

        with contextlib.ExitStack() as stack:
            try:
                yield play
            finally:
                self.workers = self._matches = None

    def replay(self, lineup: Lineup, store: Store) -> bytes | None:
        """The replay kept of a lineup, or None."""
        return store.replay(self.spec.id, self.env_kwargs, lineup.agents, lineup.seed)

    def _device_episodes(
        self, lineups: Sequence[Lineup], everyone: bool, tell: Tell
    ) -> Iterator[tuple[Episode, bool]]:
        if not lineups:
            return
        names = {n for x in lineups for n in x.agents}
        if self._matches is None or not names <= set(self._players):
            again = self._matches is not None
            self._players = sorted(self.on_device if everyone or again else names)
            self._matches = DeviceMatches(self.env, [self.on_device[n] for n in self._players])
        # Mixed, as the program gives all agents of a kind room for the most seats that one of them
        # holds in a piece: an agent's episodes stand side by side in a schedule.
        order = np.random.default_rng(0).permutation(len(lineups))
        lineups = [lineups[i] for i in order]
        index = {name: i for i, name in enumerate(self._players)}
        seats = [[index[n] for n in x.agents] for x in lineups]
        keep, seeds = [x.record for x in lineups], [x.seed for x in lineups]
        yield from zip(
            self._matches.play(seats, seeds, record=keep, progress=tell), keep, strict=True
        )
        if not (self.env.max_steps or self.spec.horizon):
            tell(len(lineups))

    def _host_episodes(
        self, lineups: Sequence[Lineup], stack: contextlib.ExitStack, tell: Tell
    ) -> Iterator[tuple[Episode, bool]]:
        if not lineups:
            return
        if self.workers is None:
            made = make_workers(
                self.backend, self.env_name, {}, self.jobs, self.move_timeout, self.memory
            )
            self.workers = stack.enter_context(made)
        tasks = [Task(i, x.agents, x.seed, x.record) for i, x in enumerate(lineups)]
        for task, episode in self.workers.run(tasks):
            tell(1)
            yield episode, task.record


def _written(store: Store, episodes: Iterable[tuple[Episode, bool]]) -> list[Row]:
    """Rows of these episodes, written as they come, with a replay where it is to be kept."""
    rows: list[Row] = []
    waiting: list[tuple[Episode, bytes | None]] = []
    last = time.monotonic()
    try:
        for episode, keep in episodes:
            recorded = keep and episode.actions is not None
            waiting.append((episode, Replay.of(episode).to_bytes() if recorded else None))
            rows.append(Row.of(episode))
            if time.monotonic() - last > COMMIT_SECONDS:
                ready, waiting = waiting, []
                store.add(ready)
                last = time.monotonic()
    finally:
        store.add(waiting)
    return rows


def side_means(rows: Sequence[Row | None], seats: Any) -> np.ndarray:
    """Mean return of these seats in each row, float64 ``[N]``; NaN where a row has no returns."""
    return np.array(
        [
            np.nan if row is None or row.returns is None else np.mean(np.array(row.returns)[seats])
            for row in rows
        ],
        np.float64,
    )

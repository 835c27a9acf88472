"""Episodes on a Ray cluster: the same tasks, so the same records, as in local processes.

Each of Ray's actors supervises one worker process as :mod:`arenas.evaluation.workers` does, so that
an agent fails here as it fails there. An actor or a node that dies takes nothing with it that was
finished: its open tasks are played by another.
"""

from __future__ import annotations

import collections
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from arenas.errors import ArenasError, BadArgument
from arenas.evaluation.workers import Task, Workers

if TYPE_CHECKING:
    from arenas.match import Episode

LOSSES = 10
"""How often a task may be lost with the process or node that played it, and how many actors may die
one after the other, none giving a sign of life; more is no accident."""

_AHEAD = 2  # tasks given to an actor, so that it never waits for the driver


class RayWorkers:
    """As :class:`arenas.evaluation.workers.Workers`, on the nodes of a Ray cluster.

    The cluster is the one this process is connected to, or that ``RAY_ADDRESS`` names, or that runs
    on this machine; else one is started here, and stopped at the end. On its nodes the same Arenas
    must be installed, and agents must be found under the same names.

    Args:
        env_id: the environment.
        env_kwargs: its arguments.
        jobs: number of actors, each on one core; default all cores of the cluster.
        move_timeout: seconds that an agent may take to answer once, to start an episode, or to be
            loaded; None for no limit.
        memory: gigabytes that the agents in a process may allocate; None for no limit.

    Raises:
        BadArgument: Ray is not installed, or its cluster is not to be reached.
    """

    def __init__(
        self,
        env_id: str,
        env_kwargs: dict[str, Any],
        jobs: int | None = None,
        move_timeout: float | None = None,
        memory: float | None = None,
    ) -> None:
        Workers(env_id, env_kwargs, jobs or 1, move_timeout, memory)  # refuses what it would
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray  # pyright: ignore[reportMissingImports]
            import ray.exceptions  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise BadArgument("the backend ray needs Ray: pip install 'arenas[ray]'") from error
        self._ray: Any = ray
        self._started = not ray.is_initialized()
        if self._started:
            try:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[0]
                raise BadArgument(f"cannot reach a Ray cluster: {reason}") from error
        self._jobs = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        player: Any = ray.remote(num_cpus=1, max_restarts=0)(_Player)
        # Agents of the user's own lie where this process finds them, on this machine at least.
        self._make = lambda: player.remote(sys.path, env_id, env_kwargs, move_timeout, memory)
        self._tasks: dict[Any, list[Task]] = {}  # by actor: given, and not finished
        self._calls: dict[Any, tuple[Any, Task | None]] = {}  # by reference; None: has it begun?
        self._ready: set[Any] = set()
        # A node takes all its actors with it: only one made after the last loss counts as another.
        self._losses, self._in_a_row = 0, 0
        self._made_after: dict[Any, int] = {}  # by actor, which loss

    def __enter__(self) -> RayWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._tasks:
            self._ray.kill(actor)
        self._tasks, self._calls, self._ready, self._made_after = {}, {}, set(), {}
        if self._started:
            self._ray.shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Episode]]:
        """Play the tasks, and yield each with its record as it is done, in any order.

        Raises:
            ArenasError: an agent or the environment cannot be made as named, or actors keep dying.
        """
        waiting = collections.deque(tasks)
        lost: collections.Counter[int] = collections.Counter()
        self._in_a_row = 0
        while waiting or any(self._tasks.values()):
            while len(self._tasks) < min(self._jobs, len(waiting)):
                actor = self._make()
                self._tasks[actor] = []
                self._made_after[actor] = self._losses
                self._calls[actor.begin.remote()] = (actor, None)
            # One that waits for a free core gets no tasks: others may be done with all meanwhile.
            for actor in self._ready:
                given = self._tasks[actor]
                while waiting and len(given) < _AHEAD:
                    if given and len(waiting) < len(self._ready):
                        break  # the last tasks go to whoever is free
                    task = waiting.popleft()
                    given.append(task)
                    self._calls[actor.play.remote(task)] = (actor, task)
            done, _ = self._ray.wait(list(self._calls), num_returns=1)
            for call in done:
                actor, task = self._calls.pop(call)
                try:
                    episode = self._ray.get(call)
                except self._ray.exceptions.RayTaskError as error:
                    raise ArenasError(str(error.cause)) from error
                except self._ray.exceptions.RayError as error:
                    self._lost(actor, waiting, lost, error)
                    break
                self._in_a_row = 0
                if task is None:
                    self._ready.add(actor)
                else:
                    self._tasks[actor].remove(task)
                    yield task, episode

    def _lost(
        self,
        actor: Any,
        waiting: collections.deque[Task],
        lost: collections.Counter[int],
        error: Exception,
    ) -> None:
        """Forget a dead actor, and put its open tasks back."""
        self._ready.discard(actor)
        open_tasks = self._tasks.pop(actor)
        self._calls = {ref: x for ref, x in self._calls.items() if x[0] != actor}
        waiting.extendleft(reversed(open_tasks))
        lost.update(t.number for t in open_tasks[:1])  # the first was being played
        if self._made_after.pop(actor) == self._losses:
            self._losses += 1
            self._in_a_row += 1
        if self._in_a_row > LOSSES or any(lost[t.number] >= LOSSES for t in open_tasks):
            reason = str(error).strip().splitlines()[0]
            raise ArenasError(f"processes of the Ray cluster keep ending: {reason}") from error


class _Player:
    """An actor: the supervisor of one worker process."""

    def __init__(self, path: list[str], *settings: Any) -> None:
        sys.path.extend(p for p in path if p not in sys.path)
        env_id, env_kwargs, move_timeout, memory = settings
        self._workers = Workers(env_id, env_kwargs, 1, move_timeout, memory)

    def begin(self) -> None:
        """Answers once it runs."""

    def pid(self) -> int:
        """The actor's process."""
        return os.getpid()

    def play(self, task: Task) -> Episode:
        """The record of one task."""
        [(_, episode)] = list(self._workers.run([task]))
        return episode

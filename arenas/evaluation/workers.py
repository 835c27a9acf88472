"""Episodes in worker processes that are watched from outside.

A worker plays one episode at a time and shows in shared memory whose agent is thinking, and since
when. The supervisor reads that: an agent over its time is killed with its worker and forfeits; an
agent that takes the process down is played once more, in a process of its own, since something else
may have killed it, and forfeits if it happens again. So is one that runs out of the memory that its
process may allocate: another may have left too little. Results depend on the tasks alone, never on
the number of workers.

Nothing here imports jax until a worker plays, so that workers of games without it start fast.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
import multiprocessing as mp
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from arenas.errors import ArenasError, BadArgument, UnknownName

if TYPE_CHECKING:
    from arenas.match import Episode

ATTEMPTS = 2
"""How often a task may take its process down before the agent that was thinking is blamed."""

START_ATTEMPTS = 3
"""How often a worker may die without an agent at fault, on one task, before the run is given up."""

BACKENDS = ("local", "ray")

MEMORY = 8.0
"""Gigabytes that agents may allocate in a process, by default."""

_OUT_OF_MEMORY = 77  # a worker's exit code
_AHEAD = 3  # tasks waiting in a worker's pipe, so that it never waits for the supervisor
_IDLE = -1


@dataclasses.dataclass(frozen=True)
class Task:
    """One episode to play.

    Attributes:
        number: names the task; results come with it.
        agents: names by seat.
        seed: of the episode.
        record: keep actions and checksum.
        policies: keep what agents tell of their choices.
        again: it ended with its process before: see which agent holds the memory.
    """

    number: int
    agents: tuple[str, ...]
    seed: int
    record: bool = False
    policies: bool = False
    again: bool = False


def make_workers(
    backend: str,
    env_id: str,
    env_kwargs: dict[str, Any],
    jobs: int | None = None,
    move_timeout: float | None = None,
    memory: float | None = None,
) -> Any:
    """Processes of this machine (``local``), or of a cluster (``ray``), that play episodes.

    Args:
        backend: which.
        env_id: the environment.
        env_kwargs: its arguments.
        jobs: number of processes; by default one for each core, of the cluster with ``ray``.
        move_timeout: as :class:`Workers` has it.
        memory: as :class:`Workers` has it.

    Returns:
        A context manager with the method :meth:`Workers.run`.

    Raises:
        BadArgument: Ray is not installed or not there.
        UnknownName: no such backend.
    """
    if backend == "ray":
        from arenas.evaluation.cluster import RayWorkers

        return RayWorkers(env_id, env_kwargs, jobs, move_timeout, memory)
    if backend != "local":
        raise UnknownName("backend", backend, BACKENDS)
    return Workers(env_id, env_kwargs, jobs or os.cpu_count() or 1, move_timeout, memory)


class Workers:
    """A pool of processes that play episodes of one environment.

    Use as a context manager: leaving it ends the processes, whatever they are doing.

    Args:
        env_id: the environment.
        env_kwargs: its arguments.
        jobs: number of processes.
        move_timeout: seconds that an agent may take to answer once, to start an episode, or to be
            loaded; None for no limit.
        memory: gigabytes (10⁹ bytes) that the agents in a process may allocate, beyond what the
            environment takes; None for no limit. Held by Linux alone (``RLIMIT_DATA``).
    """

    def __init__(
        self,
        env_id: str,
        env_kwargs: dict[str, Any],
        jobs: int,
        move_timeout: float | None = None,
        memory: float | None = None,
    ) -> None:
        if jobs < 1:
            raise BadArgument(f"jobs is {jobs}; accepted are integers from 1")
        if move_timeout is not None and not move_timeout > 0:
            raise BadArgument(f"move timeout is {move_timeout}; accepted are seconds above 0")
        if memory is not None and not memory > 0:
            raise BadArgument(f"memory is {memory}; accepted are gigabytes above 0")
        self._env = (env_id, env_kwargs)
        self._timeout, self._memory = move_timeout, memory
        self._context = mp.get_context("spawn")
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Episode]]:
        """Play the tasks, and yield each with its record as it is done, in any order.

        Raises:
            ArenasError: an agent or the environment cannot be made as named, or workers keep dying
                with no agent at fault.
        """
        waiting = collections.deque(tasks)
        again: collections.deque[Task] = collections.deque()
        deaths: collections.Counter[int] = collections.Counter()
        unblamed: collections.Counter[int] = collections.Counter()
        while waiting or again or any(w.tasks for w in self._workers):
            while len(self._workers) < self._jobs and (again or len(self._workers) < len(waiting)):
                self._workers.append(_Worker(self._context, self._env, self._memory))
                if again:  # where nobody played before
                    self._workers[-1].give(again.popleft())
            for worker in self._workers:
                while waiting and len(worker.tasks) < _AHEAD:
                    if worker.tasks and len(waiting) < self._jobs:
                        break  # the last tasks go to whoever is free
                    worker.give(waiting.popleft())
            for worker in self._wait():
                yield from worker.finished()
                if worker.alive():
                    continue
                self._workers.remove(worker)
                task, seat, step = worker.at_work()
                if task is None:  # died between tasks, or while it started
                    blamed = None
                    if worker.tasks:
                        task = worker.tasks[0]
                elif worker.timed_out:
                    blamed = f"took longer than {self._timeout:g} s to move at step {step}"
                elif seat == _IDLE:
                    blamed = None
                else:
                    deaths[task.number] += 1
                    blamed = f"its process ended ({worker.end()}) at step {step}"
                    if deaths[task.number] < ATTEMPTS:
                        again.append(dataclasses.replace(task, again=True))
                        waiting.extendleft(t for t in reversed(worker.tasks) if t is not task)
                        continue
                left = [t for t in worker.tasks if not (blamed and t is task)]
                waiting.extendleft(reversed(left))
                if blamed and task:
                    yield task, self._forfeit(task, seat, blamed, step)
                elif task:
                    unblamed[task.number] += 1
                    if unblamed[task.number] >= START_ATTEMPTS:
                        raise ArenasError(
                            f"workers keep ending ({worker.end()}) with no agent at fault, "
                            f"while they play {' against '.join(task.agents)}"
                        )

    def _wait(self) -> list[_Worker]:
        """The workers that have something to say, or died, or were killed for their time."""
        pause = 0.5 if self._timeout is None else min(0.5, self._timeout / 4)
        sources: list[Any] = [w.results for w in self._workers]
        sources += [w.process.sentinel for w in self._workers]
        ready = set(multiprocessing.connection.wait(sources, pause))
        found = []
        now = time.monotonic()
        for worker in self._workers:
            late = self._timeout is not None and 0 < worker.thinking_since() < now - self._timeout
            if late:
                worker.stop_late(now - float(self._timeout or 0))
            if late or worker.results in ready or not worker.alive():
                found.append(worker)
        return found

    def _forfeit(self, task: Task, seat: int, reason: str, step: int) -> Episode:
        import arenas

        env = arenas.make_host(self._env[0], **self._env[1])
        return _forfeited(env, task, seat, reason, step)


def _forfeited(env: Any, task: Task, seat: int, reason: str, step: int) -> Episode:
    from arenas.match import Episode, Forfeit, forfeit_returns

    return Episode(
        env_id=env.spec.id if env.spec else "",
        env_kwargs=dict(env.kwargs),
        agents=task.agents,
        seed=task.seed,
        returns=forfeit_returns(env, seat, [0.0] * env.num_agents),
        length=step,
        outcome="forfeit",
        forfeit=Forfeit(seat, reason),
    )


def _allocated() -> int:
    """Bytes of private memory that this process may write to; 0 where Linux does not tell."""
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024


def _limit(allowed: float) -> None:
    """Let this process allocate so many bytes in all."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if allowed != math.inf and (most == resource.RLIM_INFINITY or allowed < most):
        resource.setrlimit(resource.RLIMIT_DATA, (int(allowed), most))
    else:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


@contextlib.contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Hold Ctrl-C back: what is started meanwhile never hears it, and we do afterwards.

    A worker ignores Ctrl-C once it runs; until then, while it imports, it would die of it, loudly.
    The signal is blocked for the worker, which inherits that; but another thread of ours, that of a
    progress bar, may still take it, and Python then runs the handler in the main thread, in the
    middle of a start: so the handler waits, too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started here, because it lets Ctrl-C through again once it has started.
    multiprocessing.resource_tracker.ensure_running()
    came: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    replaced = main and callable(handler)
    if replaced:
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if replaced:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            signal.raise_signal(signal.SIGINT)


class _Worker:
    """One process as its supervisor sees it."""

    def __init__(self, context: Any, env: tuple[str, dict[str, Any]], memory: float | None) -> None:
        tasks_out, self._tasks_in = context.Pipe(duplex=False)
        self.results, results_in = context.Pipe(duplex=False)
        # What the worker is doing: task number, seat that thinks, step, and since when.
        self._now = context.RawArray("q", [_IDLE, _IDLE, 0])
        self._since = context.RawArray("d", [0.0])
        self.tasks: collections.deque[Task] = collections.deque()  # given, and not finished
        self.timed_out = False
        self.process = context.Process(
            target=_work,
            args=(env, memory, tasks_out, results_in, self._now, self._since),
            name="arenas-worker",
            daemon=True,
        )
        with _ctrl_c_held():
            self.process.start()
        tasks_out.close()
        results_in.close()

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # it died: the supervisor will see that
            self._tasks_in.send(task)

    def finished(self) -> list[tuple[Task, Episode]]:
        """The records that have arrived."""
        done = []
        while True:
            try:
                if not self.results.poll():
                    return done
                number, episode, error = self.results.recv()
            except (EOFError, OSError):
                return done
            if error is not None:
                raise ArenasError(error)
            task = next(t for t in self.tasks if t.number == number)
            self.tasks.remove(task)
            done.append((task, episode))

    def thinking_since(self) -> float:
        return self._since[0]

    def at_work(self) -> tuple[Task | None, int, int]:
        """What it was doing when it died: the task, the seat that thought (or -1), the step."""
        number, seat, step = self._now
        thinking = seat if self.thinking_since() else _IDLE
        return next((t for t in self.tasks if t.number == number), None), thinking, step

    def stop_late(self, started_before: float) -> None:
        """Kill it for its time, unless the agent has answered meanwhile."""
        os.kill(self.process.pid or 0, signal.SIGSTOP)
        if 0 < self._since[0] < started_before:
            self.timed_out = True
            self.kill()
        else:
            os.kill(self.process.pid or 0, signal.SIGCONT)

    def alive(self) -> bool:
        return self.process.is_alive()

    def end(self) -> str:
        self.process.join()
        code = self.process.exitcode or 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self._tasks_in.close()


def _work(
    env_named: tuple[str, dict[str, Any]],
    memory: float | None,
    tasks: Connection,
    results: Connection,
    now: Any,
    since: Any,
) -> None:
    """A worker's life: play what comes, until the supervisor is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    silence = os.open(os.devnull, os.O_RDWR)  # what agents print is nobody's protocol
    for stream in (0, 1, 2):
        os.dup2(silence, stream)

    import arenas
    from arenas.agent import HostedAgent, as_host_agent
    from arenas.match import Watch, play_episode

    class Shown(Watch):
        def begin(self, seat: int, step: int) -> None:
            now[2] = step
            now[1] = seat
            if held:
                before[0] = _allocated()
            since[0] = time.monotonic()

        def end(self) -> None:
            since[0] = 0.0
            if held:
                held[now[1]] += _allocated() - before[0]

        def failed(self, error: BaseException) -> None:
            if isinstance(error, MemoryError):
                raise error  # who is to blame is not known yet

    watch = Shown()
    held: list[int] = []  # bytes that each seat's agent allocated, where that is asked
    before = [0]
    loaded: dict[tuple[str, int], Any] = {}
    try:
        env = arenas.make_host(env_named[0], **env_named[1])
        env.reset(0)  # compiles, where that takes time
    except Exception as error:
        _report(results, (_IDLE, None, f"{env_named[0]}: {error}"))
        return
    allowed = math.inf if memory is None else _allocated() + memory * 1e9
    _limit(allowed)

    def seated(task: Task) -> list[Any] | Episode:
        agents = []
        for seat, name in enumerate(task.agents):
            place = (name, task.agents[:seat].count(name))  # an agent beside itself needs two
            first = loaded.get((name, 0))
            if place not in loaded and isinstance(first, HostedAgent):
                loaded[place] = first.twin()
            if place not in loaded:
                watch.begin(seat, 0)
                try:
                    agent = arenas.load_agent(name, env)
                except (ArenasError, MemoryError):
                    raise
                except (Exception, SystemExit) as error:
                    reason = f"does not load: {type(error).__name__}: {error}"
                    return _forfeited(env, task, seat, reason, 0)
                finally:
                    watch.end()
                loaded[place] = _ready(as_host_agent(agent), env, seat)
            agents.append(loaded[place])
        return agents

    while True:
        try:
            task = tasks.recv()
        except (EOFError, OSError):
            return
        now[0] = task.number
        held[:] = [0] * len(task.agents) if task.again else []
        try:
            players = seated(task)
            if not isinstance(players, list):
                episode = players
            else:
                episode = play_episode(
                    env,
                    players,
                    task.seed,
                    watch=watch,
                    record=task.record,
                    policies=task.policies,
                )
        except MemoryError:
            if not task.again:  # who played here before may hold it: see in a fresh process
                since[0] = time.monotonic()  # dies as if an agent were thinking
                os._exit(_OUT_OF_MEMORY)
            _limit(math.inf)
            loaded.clear()
            most = max(range(len(held)), key=lambda seat: held[seat])
            reason = f"allocated more than the {memory or 0:g} GB that it may"
            episode = _forfeited(env, task, most, reason, now[2])
            _report(results, (task.number, episode, None))
            _limit(allowed)
            continue
        except Exception as error:
            _report(results, (task.number, None, f"{' against '.join(task.agents)}: {error}"))
            return
        _report(results, (task.number, episode, None))
        now[0] = _IDLE


def _ready(agent: Any, env: Any, seat: int) -> Any:
    """Compile a device agent before the clock runs: compilation is not thinking."""
    from arenas.agent import HostedAgent

    if isinstance(agent, HostedAgent):
        import jax

        timestep = env.timestep
        with contextlib.suppress(Exception):  # it fails again when it plays, and forfeits
            agent.reset(seat, 0)
            seen = jax.tree.map(lambda x: x[seat], timestep.observation)
            agent.act(seen, timestep.action_mask[seat])
    return agent


def _report(results: Connection, message: tuple[int, Any, str | None]) -> None:
    try:
        results.send(message)
    except OSError:
        sys.exit(1)  # nobody listens any more


def _end_with_parent() -> None:
    parent = mp.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)

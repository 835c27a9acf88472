import os
import re
import signal
import sys
import threading
import time

import pytest

from arenas.errors import ArenasError, BadArgument
from arenas.evaluation import workers as workers_module
from arenas.evaluation.workers import Task, Workers

ENV = ("rrps-v0", {"throws": 5})


def play(*agents, timeout=None, jobs=1, seeds=(1,), memory=None):
    tasks = [Task(i, agents, seed, True) for i, seed in enumerate(seeds)]
    with Workers(*ENV, jobs, timeout, memory) as workers:
        return [e for _, e in sorted(workers.run(tasks), key=lambda x: x[0].number)]


def test_a_task_gives_the_record_of_its_episode():
    [episode] = play("hostile:Honest", "rrps/paper")
    assert episode.returns == (-5.0, 5.0)
    assert episode.actions.tolist() == [[0, 1]] * 5
    assert (episode.length, episode.outcome, episode.forfeit) == (5, "terminated", None)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("hostile:Raises,at=2", "RuntimeError: no idea what to play"),
        ("hostile:Exits,at=2", "exited with 3"),
        ("hostile:Dies,at=2", r"its process ended \(exit code 5\) at step 2"),
        ("hostile:Killed,at=2", r"its process ended \(killed by SIGKILL\) at step 2"),
        ("hostile:OutOfRange,at=2", "action 17 is out of range; accepted are 0 to 2"),
        ("hostile:Nan,at=2", "action nan is not an integer"),
        ("hostile:WrongShape,at=2", "is not an integer"),
        ("hostile:Nothing,at=2", "action None is not an integer"),
        ("hostile:FailsInInit", "does not load: RuntimeError: no weights"),
        ("hostile_device:Nan", "nan.* is not an integer"),
        ("hostile_device:WrongShape", "is not an integer"),
        ("hostile_device:Raises", "RuntimeError: no idea what to compile"),
    ],
)
def test_an_agent_that_fails_forfeits_with_its_reason(agent, reason):
    episode, again = play("rrps/paper", agent, seeds=(1, 2))
    assert episode.outcome == again.outcome == "forfeit"
    assert episode.forfeit.seat == 1
    assert episode.returns == (5.0, -5.0)
    assert re.search(reason, episode.forfeit.reason)
    assert episode.length == (0 if "Init" in agent or "device" in agent else 2)


@pytest.mark.parametrize(
    "agent",
    ["hostile:Hangs,at=2", "hostile:HangsHard", "hostile:HangsInReset", "hostile:HangsInInit"],
)
def test_an_agent_over_its_time_is_stopped_from_outside(agent):
    start = time.monotonic()
    [episode] = play(agent, "rrps/rock", timeout=1.0)
    assert episode.forfeit.seat == 0
    assert "took longer than 1 s" in episode.forfeit.reason
    assert episode.returns == (-5.0, 5.0)
    assert time.monotonic() - start < 60


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA is Linux's")


@linux
def test_an_agent_that_allocates_without_bound_forfeits():
    episode, again = play("rrps/paper", "hostile:Hoards,at=2", seeds=(1, 2), memory=0.3)
    assert episode.forfeit.seat == again.forfeit.seat == 1
    assert episode.forfeit.reason == "allocated more than the 0.3 GB that it may"
    assert (episode.returns, episode.length) == ((5.0, -5.0), 2)


@linux
def test_memory_that_another_agent_kept_is_not_charged_to_who_needs_it_next():
    """One leaks 320 of 500 MB, the other needs 220 for a moment, in the same process."""
    tasks = [
        Task(0, ("hostile:Leaks", "rrps/rock"), 1),
        *(Task(i, ("hostile:Needs", "rrps/paper"), i) for i in (1, 2)),
        *(Task(i, ("hostile:Leaks", "hostile:Needs"), i) for i in (3, 4, 5)),
    ]
    with Workers("rrps-v0", {"throws": 20}, 1, None, 0.5) as workers:
        done = {t.number: e for t, e in workers.run(tasks)}
    assert [done[i].outcome for i in (0, 1, 2)] == ["terminated"] * 3
    assert done[1].returns == (-20.0, 20.0)
    assert {done[i].forfeit.seat for i in (3, 4, 5)} == {0}  # Needs asked last, Leaks holds it
    assert "allocated more than" in done[3].forfeit.reason


def test_a_failure_leaves_the_other_episodes_as_they_were():
    pairs = [("hostile:Dies,at=1", "rrps/rock"), ("rrps/copy", "rrps/paper")]
    tasks = [Task(i, pairs[i % 2], i // 2) for i in range(8)]
    with Workers(*ENV, 2) as workers:
        done = {t.number: e for t, e in workers.run(tasks)}
    assert sorted(done) == list(range(8))
    assert {done[i].outcome for i in range(0, 8, 2)} == {"forfeit"}
    assert {done[i].returns for i in range(1, 8, 2)} == {(-1.0, 1.0)}


def test_what_an_agent_prints_disturbs_nothing(capfd):
    [episode] = play("hostile:Prints", "hostile:Prints")
    assert episode.returns == (0.0, 0.0)
    assert capfd.readouterr() == ("", "")


def test_a_worker_killed_by_someone_else_costs_no_episode_and_no_blame():
    """The agent was innocently thinking when its process was killed: it is asked again."""
    tasks = [Task(i, ("rrps/iocainebot", "rrps/greenberg"), i) for i in range(12)]
    with Workers("rrps-v0", {}, 2) as workers:
        played = []
        for task, episode in workers.run(tasks):
            played.append((task.number, episode))
            if len(played) in (1, 4):
                os.kill(workers._workers[0].process.pid, signal.SIGKILL)
    assert sorted(n for n, _ in played) == list(range(12))
    assert {e.outcome for _, e in played} == {"terminated"}


def test_an_agent_that_refuses_its_arguments_ends_the_run_with_its_message():
    with pytest.raises(ArenasError, match="level is 9; accepted are 1 to 3"):
        play("hostile:RefusesInInit,level=9", "rrps/rock")


def test_the_records_do_not_depend_on_the_number_of_workers():
    agents = ("rrps/randbot", "random")
    one, two = (play(*agents, jobs=jobs, seeds=range(10)) for jobs in (1, 2))
    assert [(e.returns, e.checksum) for e in one] == [(e.returns, e.checksum) for e in two]
    assert len({e.checksum for e in one}) > 1


@pytest.mark.parametrize(
    "settings", [(0,), (1, 0.0), (1, -1.0), (1, float("nan")), (1, None, 0.0), (1, None, -2.0)]
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(BadArgument, match="accepted"):
        Workers(*ENV, *settings)


def test_ctrl_c_while_a_worker_starts_does_not_reach_it():
    with Workers(*ENV, 1, None) as workers:
        episodes = workers.run([Task(0, ("rrps/rock", "rrps/paper"), 1)])
        start = workers_module._Worker.__init__

        def interrupted(worker, *args):
            start(worker, *args)
            os.kill(worker.process.pid, signal.SIGINT)  # it imports now
            started.append(worker.process.pid)

        started = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workers_module._Worker, "__init__", interrupted)
            [(_, episode)] = list(episodes)
    assert episode.returns == (-5.0, 5.0)
    assert len(started) == 1  # it was not started again


def test_ctrl_c_that_another_thread_takes_waits_for_the_end_of_a_start():
    done = threading.Event()
    threading.Thread(target=done.wait, daemon=True).start()  # takes what the main thread blocks
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    came = []
    try:
        with workers_module._ctrl_c_held():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
            came.append("held")
    except KeyboardInterrupt:
        came.append("heard")
    finally:
        signal.signal(signal.SIGINT, before)
        done.set()
    assert came == ["held", "heard"]

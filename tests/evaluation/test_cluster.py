"""The backend on Ray, where Ray is installed."""

import contextlib
import importlib
import os
import signal
import sqlite3
import sys
import warnings

import pytest

from arenas.errors import ArenasError, BadArgument
from arenas.evaluation import Store, Tournament
from arenas.evaluation.workers import Task, Workers, make_workers

ENV = ("rrps-v0", {"throws": 20})
TASKS = [
    *(Task(i, ("rrps/randbot", "rrps/copy"), i, True) for i in range(12)),
    *(Task(i, ("rrps/rock", "hostile:Dies,at=2"), i) for i in range(12, 14)),
]


def test_without_ray_the_backend_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadArgument, match=r"pip install 'arenas\[ray\]'"):
        make_workers("ray", *ENV)


@pytest.fixture(scope="module")
def nodes():
    """A cluster: a head without room for matches, and a node with room for two."""
    ray = pytest.importorskip("ray", reason="no Ray: pip install 'arenas[ray]'")
    from ray.cluster_utils import Cluster

    quick = {  # a node that says nothing for a second is dead; by default it takes 20
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 200,
        "health_check_failure_threshold": 5,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes = Cluster(True, head_node_args={"num_cpus": 0, "_system_config": quick})
        nodes.add_node(num_cpus=2)
        ray.init(nodes.address, log_to_driver=False, logging_level="error")
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture
def cluster(nodes):
    return importlib.import_module("ray")


def table(store):
    with contextlib.closing(sqlite3.connect(store)) as db:
        query = "select agents, seed, returns, length, outcome, checksum from episodes"
        return sorted(db.execute(query).fetchall())


@pytest.mark.filterwarnings("ignore")
def test_an_actor_that_is_killed_costs_nothing_and_the_records_are_those_of_local_workers(cluster):
    with Workers(*ENV, 1) as workers:
        local = {t.number: e for t, e in workers.run(TASKS)}
    remote = {}
    killed = []
    with make_workers("ray", *ENV, 2) as workers:
        for task, episode in workers.run(TASKS):
            assert task.number not in remote
            remote[task.number] = episode
            if not killed:
                actor = next(a for a in workers._tasks if workers._tasks[a])
                killed.append(cluster.get(actor.pid.remote()))
                os.kill(killed[0], signal.SIGKILL)
    assert sorted(remote) == sorted(local)
    for number, here in local.items():
        there = remote[number]
        assert (there.returns, there.checksum, there.forfeit) == (
            here.returns,
            here.checksum,
            here.forfeit,
        )
    assert "its process ended (exit code 5)" in remote[12].forfeit.reason


@pytest.mark.filterwarnings("ignore")
def test_a_tournament_on_ray_has_the_rows_of_a_local_one(cluster, tmp_path):
    agents = ["rrps/randbot", "rrps/rock"]
    rows = {}
    for backend in ("local", "ray"):
        tournament = Tournament("rrps-v0,throws=20", agents, episodes=2, jobs=1, backend=backend)
        with Store(tmp_path / f"{backend}.db") as store:
            tournament.play(store)
        rows[backend] = table(tmp_path / f"{backend}.db")
    assert rows["ray"] == rows["local"]
    assert len(rows["ray"]) == 8


@pytest.mark.filterwarnings("ignore")
def test_an_agent_that_refuses_its_arguments_ends_the_run_with_its_message(cluster):
    tasks = [Task(0, ("hostile:RefusesInInit,level=9", "rrps/rock"), 0)]
    with (
        make_workers("ray", *ENV, 1) as workers,
        pytest.raises(ArenasError, match="level is 9; accepted are 1 to 3"),
    ):
        list(workers.run(tasks))


@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_in_a_tournament_costs_no_match(nodes, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("arenas.evaluation.cluster.LOSSES", 2)  # its three actors are one loss
    doomed = nodes.add_node(num_cpus=3)
    agents = ["rrps/randbot", "rrps/copy"]
    settings = {"episodes": 60, "record": 1}
    tournament = Tournament("rrps-v0,throws=20", agents, **settings, backend="ray")
    open_tasks = []

    def kill_the_node_when_all_play(_):
        workers = tournament.lineups.workers
        if not open_tasks and workers and len(workers._ready) == 5:
            open_tasks.extend(t.number for given in workers._tasks.values() for t in given)
            nodes.remove_node(doomed, allow_graceful=False)

    with Store(tmp_path / "ray.db") as store:
        tournament.play(store, kill_the_node_when_all_play)
        assert not tournament.missing(store)
    assert len(open_tasks) > 4
    with Store(tmp_path / "local.db") as store:
        Tournament("rrps-v0,throws=20", agents, **settings, jobs=1).play(store)
    rows = table(tmp_path / "ray.db")
    assert rows == table(tmp_path / "local.db")
    assert len(rows) == len({r[:2] for r in rows}) == 4 * 60

"""Tournaments whose processes are killed, and two at once, on SQLite and on a real PostgreSQL.

Afterwards every match is there exactly once, and the table is that of an undisturbed run.
``benchmarks/chaos.py`` does the same with 2,000 matches.
"""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa
from postgres import server  # noqa: F401

from arenas.errors import ArenasError, BadArgument
from arenas.evaluation import Store, Tournament
from arenas.evaluation import store as store_module
from arenas.match import Episode

ENV = "rrps-v0,throws=20"
AGENTS = ["rrps/rock", "rrps/copy", "rrps/randbot"]
EPISODE = Episode("rrps-v0", {"throws": 5}, ("a", "b"), 1, (2.0, -2.0), 5, "terminated")
DRIVER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from arenas.evaluation import Store, Tournament
tournament = Tournament(sys.argv[2], sys.argv[4:], episodes=20, jobs=2)
def played(_):
    print("played", flush=True)
    time.sleep(0.02)  # else a fast machine has played all before the driver is killed
with Store(sys.argv[3]) as store:
    tournament.play(store, played)
"""


def table(where):
    remote = "://" in str(where)  # its database has no encoding: psycopg must be told
    settings = {"client_encoding": "utf8"} if remote else {}
    engine = sa.create_engine(where if remote else f"sqlite:///{where}", connect_args=settings)
    query = "select agents, seed, returns, length, outcome, checksum from episodes"
    with engine.connect() as db:
        rows = sorted(tuple(r) for r in db.execute(sa.text(query)))
    engine.dispose()
    return rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    where = tmp_path_factory.mktemp("undisturbed") / "episodes.db"
    tournament = Tournament(ENV, AGENTS, episodes=20, jobs=1)
    with Store(where) as store:
        tournament.play(store)
    rows = table(where)
    assert len(rows) == len({r[:2] for r in rows}) == 20 * 9
    return rows


def driver(where):
    """Another process that plays the tournament into this store, and says so for each match."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [sys.executable, "-c", DRIVER, here, ENV, str(where), *AGENTS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_drivers_and_workers_that_are_killed_lose_no_match(undisturbed, tmp_path, monkeypatch):
    where = tmp_path / "episodes.db"
    first = driver(where)
    for _ in range(40):
        assert first.stdout.readline() == "played\n"
    time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    monkeypatch.setattr("arenas.evaluation.lineups.COMMIT_SECONDS", 0.0)
    tournament = Tournament(ENV, AGENTS, episodes=20, jobs=2)
    killed = []

    def kill_a_worker(_):
        played.append(1)
        if len(played) in (5, 40):
            victim = tournament.lineups.workers._workers[len(killed)]
            os.kill(victim.process.pid, signal.SIGKILL)
            killed.append(victim.process.pid)

    played = []
    with Store(where) as store:
        tournament.play(store, kill_a_worker)
        assert not tournament.missing(store)
    assert len(killed) == 2
    assert table(where) == undisturbed


def test_connections_that_are_killed_lose_no_match(undisturbed, server, monkeypatch):  # noqa: F811
    """Once by kill -9 of the server's process, once by an administrator.

    The first makes all of PostgreSQL start again, and refuse connections meanwhile.
    """
    monkeypatch.setattr("arenas.evaluation.lineups.COMMIT_SECONDS", 0.0)
    url = server.database("killed")
    tournament = Tournament(ENV, AGENTS, episodes=20, jobs=2)
    played = []
    kills = []

    def kill_the_connection(_):
        played.append(1)
        if len(played) == 20:
            kills.append(os.kill(server.connections("killed")[0], signal.SIGKILL))
        if len(played) == 100:
            kills.append(server.terminate("killed"))

    with Store(url) as store:
        tournament.play(store, kill_the_connection)
    assert len(kills) == 2
    assert table(url) == undisturbed


def test_two_tournaments_write_into_one_server_at_once(undisturbed, server):  # noqa: F811
    """The same tournament twice, from tables not made yet, beside one with another seed."""
    url = server.database("shared")
    failed = []

    def play(seed):
        try:
            with Store(url) as store:
                Tournament(ENV, AGENTS, episodes=20, seed=seed, jobs=1).play(store)
        except BaseException as error:
            failed.append(error)

    other = driver(url)
    threads = [threading.Thread(target=play, args=(seed,)) for seed in (0, 1)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    other.communicate()
    assert other.returncode == 0
    assert failed == []
    rows = table(url)
    assert len(rows) == len({r[:2] for r in rows}) == 2 * len(undisturbed)
    assert set(undisturbed) < set(rows)


def test_a_row_comes_back_from_postgresql_as_it_was_written(server):  # noqa: F811
    names = tuple(f"a/path/of/some/length/to/an/exported/agent-{i % 2}" for i in range(57))
    many = dataclasses.replace(EPISODE, agents=names, returns=(0.1,) * 57, seed=4_000_000_000)
    with Store(server.database("rows")) as store:
        store.add([(EPISODE, b"\0replay"), (many, None)])
        store.add([(dataclasses.replace(EPISODE, length=1), None)])
        rows = store.rows("rrps-v0", {"throws": 5})
        assert [(r.agents, r.seed, r.returns, r.length) for r in rows] == [
            (("a", "b"), 1, (2.0, -2.0), 5),
            (names, 4_000_000_000, (0.1,) * 57, 5),
        ]
        assert store.replay("rrps-v0", {"throws": 5}, ("a", "b"), 1) == b"\0replay"


def test_a_server_that_stays_away_is_named_without_the_password(server, monkeypatch):  # noqa: F811
    url = server.database("away", password="secret")
    with Store(url) as store:
        monkeypatch.setattr(store_module, "RETRY_SECONDS", 0.5)
        server.drop("away")
        with pytest.raises(ArenasError, match="cannot write to the store postgres") as caught:
            store.add([(EPISODE, None)])
    assert "secret" not in str(caught.value)
    with pytest.raises(BadArgument, match="cannot open the store"):
        Store(url)

import dataclasses
import sqlite3
import threading

import pytest

from arenas.errors import ArenasError, BadArgument, BadFile
from arenas.evaluation.store import Store, canonical
from arenas.match import Episode, Forfeit

EPISODE = Episode(
    env_id="rrps-v0",
    env_kwargs={"throws": 5},
    agents=("a", "b"),
    seed=4_000_000_000,
    returns=(2.0, -2.0),
    length=5,
    outcome="terminated",
)


def test_a_row_gives_back_what_was_written(tmp_path):
    lost = dataclasses.replace(
        EPISODE, seed=1, returns=None, outcome="forfeit", forfeit=Forfeit(1, "hung; «x»")
    )
    with Store(tmp_path / "s.db") as store:
        store.add([(EPISODE, None), (lost, b"\0replay")])
    with Store(tmp_path / "s.db") as store:
        first, second = store.rows("rrps-v0", {"throws": 5})
        assert (first.agents, first.seed, first.returns) == (("a", "b"), 4_000_000_000, (2.0, -2.0))
        assert first.forfeit is None
        assert (second.returns, second.forfeit) == (None, Forfeit(1, "hung; «x»"))
        assert store.replay("rrps-v0", {"throws": 5}, ("a", "b"), 1) == b"\0replay"
        assert store.rows("rrps-v0", {}) == []


def test_the_same_episode_is_kept_once_and_the_first_wins(tmp_path):
    with Store(tmp_path / "s.db") as store:
        store.add([(EPISODE, None)])
        store.add([(dataclasses.replace(EPISODE, returns=(0.0, 0.0)), None)] * 2)
        [row] = store.rows("rrps-v0", {"throws": 5})
        assert row.returns == (2.0, -2.0)


def test_arguments_are_one_whatever_their_order():
    assert canonical({"b": 1, "a": [2]}) == canonical({"a": [2], "b": 1})
    with pytest.raises(BadArgument, match="cannot be recorded"):
        canonical({"a": object()})


def test_two_writers_at_once_lose_nothing(tmp_path):
    def write(offset):
        with Store(tmp_path / "s.db") as store:
            for i in range(50):
                store.add([(dataclasses.replace(EPISODE, seed=offset + i), None)])

    threads = [threading.Thread(target=write, args=(o,)) for o in (0, 25)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with Store(tmp_path / "s.db") as store:
        assert sorted(r.seed for r in store.rows("rrps-v0", {"throws": 5})) == list(range(75))


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    Store(tmp_path / "s.db").close()
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("update arenas_meta set value = '99' where key = 'schema_version'")
    db.close()
    with pytest.raises(BadFile, match=r"newer Arenas \(schema 99\).*install a newer one"):
        Store(tmp_path / "s.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "s.db").write_text("my thesis, the only copy\n" * 50)
    with pytest.raises(BadFile, match="not a database"):
        Store(tmp_path / "s.db")
    assert (tmp_path / "s.db").read_text().startswith("my thesis")


def test_another_programs_episodes_are_not_taken_for_ours(tmp_path):
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("create table episodes (title text)")
    db.close()
    with pytest.raises(BadFile, match="not a store of Arenas"):
        Store(tmp_path / "s.db")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nonsense://x", "no driver for"),
        ("://", "neither a path nor a database URL"),
        ("/proc/nowhere/s.db", "cannot write into /proc/nowhere"),
    ],
)
def test_a_place_that_cannot_be_is_named(where, message):
    with pytest.raises(BadArgument, match=message):
        Store(where)


def test_a_password_is_not_shown():
    with pytest.raises(ArenasError) as caught:
        Store("nonsense://me:secret@host/x")
    assert "secret" not in str(caught.value)

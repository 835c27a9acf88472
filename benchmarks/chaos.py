"""A tournament of 2,000 matches whose processes are killed, against one that is left alone.

    python benchmarks/chaos.py

In turns, by ``kill -9``: the driver, one of its workers, and the server's process for its
connection to PostgreSQL (the server is the tests' own, started from Debian's package; without it
the store is SQLite). Whenever the driver has died it is started again. Afterwards every match must
be there exactly once, and the table must be that of the undisturbed run.
"""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from timing import command

ENV = "rrps-v0,throws=50"
AGENTS = ("rrps/rock", "rrps/copy", "rrps/randbot", "rrps/frequency")
DRIVER = """
import sys
from arenas.evaluation import Store, Tournament
with Store(sys.argv[1]) as store:
    Tournament(sys.argv[2], sys.argv[4:], episodes=int(sys.argv[3]), jobs=2).play(store)
"""
COUNT = "select count(*) from episodes"
ROWS = "select agents, seed, returns, length, outcome from episodes"


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query; none where the server is away or the table is not made yet."""
    settings = {"client_encoding": "utf8"} if url.startswith("postgres") else {}
    engine = sa.create_engine(url, connect_args=settings)
    try:
        with engine.connect() as db:
            return sorted(tuple(r) for r in db.execute(sa.text(query)))
    except sa.exc.DBAPIError:
        return []
    finally:
        engine.dispose()


def start(url: str, episodes: int) -> subprocess.Popen[bytes]:
    """A driver; its workers are its children."""
    return subprocess.Popen([sys.executable, "-c", DRIVER, url, ENV, str(episodes), *AGENTS])


def workers_of(driver: int) -> list[int]:
    """The children of a process that play, by Linux's /proc."""
    children = Path(f"/proc/{driver}/task/{driver}/children").read_text().split()
    return [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]


def main(episodes: int = 125, pause: float = 5.0, seed: int = 0) -> int:
    """Kill, and compare.

    Args:
        episodes: of each of the 16 seatings.
        pause: seconds between two kills, on average; a driver needs some to start, and to play on.
        seed: of when, and who.
    """
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import postgres

    rng = random.Random(seed)
    kills: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="pg") as folder, contextlib.ExitStack() as stack:
        programs = postgres.installed()
        server = None
        if programs:
            server = postgres.Server(programs, folder)
            stack.callback(server.stop)
        calm, wild = (
            server.database(name) if server else f"sqlite:///{folder}/{name}.db"
            for name in ("calm", "wild")
        )
        began = time.perf_counter()
        assert start(calm, episodes).wait() == 0
        undisturbed = time.perf_counter() - began
        driver = start(wild, episodes)
        while True:
            seen = asked(wild, COUNT)
            time.sleep(pause * rng.uniform(0.5, 1.5))
            if driver.poll() is not None:
                if driver.returncode == 0:
                    break
                driver = start(wild, episodes)
                continue
            if asked(wild, COUNT) in ([], [(0,)], seen):
                continue  # it has only begun: kill while it plays, or it never comes to an end
            victim = rng.choice(["driver", "worker", "connection"])
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, AssertionError):
                if victim == "driver":
                    pid = driver.pid
                elif victim == "worker":
                    pid = rng.choice(workers_of(driver.pid) or [0])
                else:
                    pid = rng.choice((server.connections("wild") if server else []) or [0])
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    kills[victim] += 1
        one, other = asked(calm, ROWS), asked(wild, ROWS)
    distinct = len({r[:2] for r in other})
    same = one == other and distinct == len(other) == 16 * episodes
    print(f"store: {'PostgreSQL' if server else 'SQLite'}; undisturbed: {undisturbed:.0f} s")
    print("killed: " + ", ".join(f"{n} × {what}" for what, n in sorted(kills.items())))
    print(f"rows: {len(other)}, distinct: {distinct}, as undisturbed: {one == other}")
    return 0 if same else 1


if __name__ == "__main__":
    command(main)

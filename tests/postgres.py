"""A PostgreSQL server of the tests' own, from Debian's package; skips by name where there is none.

Nothing is taken from or left to a server that may run on this machine: its files, its socket and
its port are in a temporary folder.
"""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest


class Server:
    """A running server.

    Args:
        programs: folder of initdb and pg_ctl.
        folder: for data and socket; no longer than a socket's path may be.
    """

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, self.account)
        data = os.path.join(folder, "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "arenas", "--no-sync", "--no-locale")
        options = f"-c listen_addresses= -k {folder} -c fsync=off -c max_connections=20"
        self.run("pg_ctl", "-D", data, "-l", f"{data}/log", "-w", "-o", options, "start")

    def run(self, program, *arguments):
        command = [os.path.join(self.programs, program), *arguments]
        user = {"user": self.account} if os.geteuid() == 0 else {}
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, **user)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def sql(self, command):
        return self.run("psql", "-h", self.folder, "-U", "arenas", "-Atc", command, "postgres")

    def database(self, name, password="none"):
        """The URL of a new database."""
        self.sql(f"create database {name}")
        return f"postgresql+psycopg://arenas:{password}@/{name}?host={self.folder}"

    def drop(self, name):
        self.sql(f"drop database {name} with (force)")

    def connections(self, name):
        """Processes of the server that serve connections to a database."""
        query = f"select pid from pg_stat_activity where datname = '{name}'"
        return [int(pid) for pid in self.sql(query).split()]

    def terminate(self, name):
        """End the connections to a database, as an administrator does."""
        query = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        return self.sql(query)

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")


def installed():
    """The folder of the newest server's programs, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


@pytest.fixture(scope="module")
def server():
    programs = installed()
    if programs is None:
        pytest.skip("no PostgreSQL: Debian's package postgresql is not installed")
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'arenas[postgres]'")
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        started = Server(programs, folder)
        try:
            yield started
        finally:
            started.stop()

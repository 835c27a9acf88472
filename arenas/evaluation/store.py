"""Rows of everything that is played, in SQL: SQLite by default, any SQLAlchemy URL where asked.

An episode is identified by its environment, agents by seat and seed; writing one twice keeps the
first. Tables, rankings and plots are computed from rows, and can be computed again.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite

import arenas
from arenas._files import make_folder
from arenas.errors import ArenasError, BadArgument, BadFile
from arenas.match import Episode, Forfeit

SCHEMA_VERSION = 1

RETRY_SECONDS = 60.0
"""A server that went away is waited for so long: it may only be starting again."""

_MAKING_TABLES = 0x4172656E  # names a lock of PostgreSQL: its IF NOT EXISTS is not safe from others

T = TypeVar("T")

_log = logging.getLogger("arenas")

_tables = sa.MetaData()
_meta = sa.Table(
    "arenas_meta",
    _tables,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_episodes = sa.Table(
    "episodes",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("env_id", sa.String(255), nullable=False),
    sa.Column("env_kwargs", sa.Text, nullable=False),  # canonical JSON
    sa.Column("agents", sa.Text, nullable=False),  # JSON list of names by seat
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("returns", sa.Text),  # JSON list by seat; null where a forfeit leaves it undefined
    sa.Column("length", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),  # terminated, truncated, forfeit
    sa.Column("forfeit_seat", sa.Integer),
    sa.Column("forfeit_reason", sa.Text),
    sa.Column("checksum", sa.String(64)),
    sa.Column("arenas_version", sa.String(32), nullable=False),
    sa.Column("played_at", sa.String(32), nullable=False),  # UTC, ISO 8601
    sa.Column("replay", sa.LargeBinary),  # a replay file's bytes, where asked for
    sa.UniqueConstraint("env_id", "env_kwargs", "agents", "seed", name="one_row_an_episode"),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One stored episode; the fields are those of :class:`arenas.match.Episode`."""

    agents: tuple[str, ...]
    seed: int
    returns: tuple[float, ...] | None
    length: int
    outcome: str
    forfeit: Forfeit | None

    @classmethod
    def of(cls, episode: Episode) -> Row:
        """What reading the episode back gives."""
        e = episode
        return cls(tuple(e.agents), e.seed, e.returns, e.length, e.outcome, e.forfeit)


class Store:
    """Episodes in a database.

    Args:
        where: a path of a SQLite file, or an SQLAlchemy URL such as
            ``postgresql+psycopg://user@host/ladder``.

    Raises:
        BadArgument: it cannot be opened or made; says why, without the password.
        BadFile: not a store of Arenas, or from a newer version.
    """

    def __init__(self, where: str | os.PathLike[str]) -> None:
        text = os.fspath(where)
        try:
            url = sa.make_url(text if "://" in text else f"sqlite:///{text}")
        except exc.ArgumentError as error:
            raise BadArgument(f"store {text!r} is neither a path nor a database URL") from error
        self.name = url.render_as_string(hide_password=True) if "://" in text else text
        if url.drivername.startswith("sqlite") and url.database:
            make_folder(Path(url.database).parent)
        # A database in "SQL_ASCII" would have psycopg give bytes for text.
        settings = {"client_encoding": "utf8"} if "+psycopg" in url.drivername else {}
        try:
            self._engine = sa.create_engine(url, connect_args=settings)
        except (ImportError, exc.NoSuchModuleError) as error:
            hint = " (pip install 'arenas[postgres]')" if "postgres" in url.drivername else ""
            raise BadArgument(f"no driver for {self.name}: {error}{hint}") from error
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _tune_sqlite)
        try:
            self._open()
        except exc.SQLAlchemyError as error:
            reason = _reason(error)
            kind = BadFile if "not a database" in reason else BadArgument
            raise kind(f"cannot open the store {self.name}: {reason}") from error

    def _open(self) -> None:
        inspector = sa.inspect(self._engine)
        names = set(inspector.get_table_names())
        if names and _meta.name not in names and "episodes" in names:
            raise BadFile(f"{self.name} is not a store of Arenas")
        with self._engine.begin() as db:
            if self._engine.dialect.name == "postgresql":
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
            for table in _tables.sorted_tables:  # another writer may be making them just now
                db.execute(sa.schema.CreateTable(table, if_not_exists=True))
            version = {"key": "schema_version", "value": str(SCHEMA_VERSION)}
            db.execute(self._insert(_meta), version)
            query = sa.select(_meta.c.value).where(_meta.c.key == "schema_version")
            found = int(db.execute(query).scalar_one())
        if found > SCHEMA_VERSION:
            raise BadFile(
                f"{self.name} was written by a newer Arenas (schema {found}); this one "
                f"({arenas.__version__}) reads up to {SCHEMA_VERSION}: install a newer one"
            )

    def _insert(self, table: sa.Table) -> Any:
        dialect = self._engine.dialect.name
        if dialect == "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        if dialect == "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        raise BadArgument(f"{self.name}: accepted databases are SQLite and PostgreSQL")

    def _patiently(self, work: Callable[[sa.Connection], T], what: str) -> T:
        """Do ``work`` in a transaction, again where the connection to a server was lost.

        It may be done twice, where the loss hid that it succeeded: writing a row twice keeps one.

        Raises:
            ArenasError: the database refused, or did not come back.
        """
        give_up = time.monotonic() + RETRY_SECONDS
        pause = 0.1
        while True:
            try:
                with self._engine.begin() as db:
                    return work(db)
            except exc.SQLAlchemyError as error:
                if not self._lost(error) or time.monotonic() + pause > give_up:
                    raise ArenasError(
                        f"cannot {what} the store {self.name}: {_reason(error)}"
                    ) from error
                _log.warning("%s: %s; trying again", self.name, _reason(error))
            time.sleep(pause)
            pause = min(2.0, 2.0 * pause)

    def _lost(self, error: exc.SQLAlchemyError) -> bool:
        """Whether the connection broke, or a server refuses any just now."""
        if self._engine.dialect.name == "sqlite":
            return False
        return isinstance(error, exc.OperationalError | exc.InterfaceError) or bool(
            getattr(error, "connection_invalidated", False)
        )

    def add(self, episodes: Iterable[tuple[Episode, bytes | None]]) -> None:
        """Write episodes, each with its replay's bytes or None, in one transaction.

        Raises:
            ArenasError: the database refused, or was away for a minute; nothing of this call is
            written.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        rows = [
            {
                "env_id": e.env_id,
                "env_kwargs": canonical(e.env_kwargs),
                "agents": json.dumps(e.agents),
                "seed": e.seed,
                "returns": None if e.returns is None else json.dumps(e.returns),
                "length": e.length,
                "outcome": e.outcome,
                "forfeit_seat": e.forfeit.seat if e.forfeit else None,
                "forfeit_reason": e.forfeit.reason if e.forfeit else None,
                "checksum": e.checksum,
                "arenas_version": arenas.__version__,
                "played_at": now,
                "replay": replay,
            }
            for e, replay in episodes
        ]
        if not rows:
            return
        self._patiently(lambda db: db.execute(self._insert(_episodes), rows), "write to")

    def rows(self, env_id: str, env_kwargs: dict[str, Any]) -> list[Row]:
        """All episodes of an environment, in the order of their writing."""
        c = _episodes.c
        query = (
            sa.select(
                c.agents, c.seed, c.returns, c.length, c.outcome, c.forfeit_seat, c.forfeit_reason
            )
            .where(c.env_id == env_id, c.env_kwargs == canonical(env_kwargs))
            .order_by(c.id)
        )
        found = self._patiently(lambda db: db.execute(query).all(), "read from")
        return [
            Row(
                agents=tuple(json.loads(r.agents)),
                seed=r.seed,
                returns=None if r.returns is None else tuple(json.loads(r.returns)),
                length=r.length,
                outcome=r.outcome,
                forfeit=None
                if r.forfeit_seat is None
                else Forfeit(r.forfeit_seat, r.forfeit_reason),
            )
            for r in found
        ]

    def replay(
        self, env_id: str, env_kwargs: dict[str, Any], agents: Sequence[str], seed: int
    ) -> bytes | None:
        """The replay kept for an episode, or None."""
        c = _episodes.c
        query = sa.select(c.replay).where(
            c.env_id == env_id,
            c.env_kwargs == canonical(env_kwargs),
            c.agents == json.dumps(list(agents)),
            c.seed == seed,
        )
        return self._patiently(lambda db: db.execute(query).scalar_one_or_none(), "read from")

    def recorded(
        self, env_id: str, env_kwargs: dict[str, Any]
    ) -> list[tuple[tuple[str, ...], int]]:
        """The agents and seeds of an environment's episodes whose replays were kept."""
        c = _episodes.c
        query = (
            sa.select(c.agents, c.seed)
            .where(c.env_id == env_id, c.env_kwargs == canonical(env_kwargs))
            .where(c.replay.is_not(None))
            .order_by(c.id)
        )
        with self._engine.connect() as db:
            return [(tuple(json.loads(r.agents)), r.seed) for r in db.execute(query)]

    def versions(self, env_id: str, env_kwargs: dict[str, Any]) -> list[str]:
        """The versions of Arenas that played an environment's episodes, sorted."""
        c = _episodes.c
        query = (
            sa.select(c.arenas_version)
            .where(c.env_id == env_id, c.env_kwargs == canonical(env_kwargs))
            .distinct()
        )
        with self._engine.connect() as db:
            return sorted(db.execute(query).scalars())

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def canonical(kwargs: dict[str, Any]) -> str:
    """Arguments as JSON that is equal whenever they are.

    Raises:
        BadArgument: a value that JSON cannot hold, so that no record could name it.
    """
    try:
        return json.dumps(kwargs, sort_keys=True, separators=(",", ":"))
    except TypeError as error:
        raise BadArgument(
            f"environment arguments {kwargs!r} cannot be recorded: {error}"
        ) from error


def _reason(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _tune_sqlite(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA journal_mode=WAL")  # readers and one writer do not wait
    connection.execute("PRAGMA synchronous=NORMAL")

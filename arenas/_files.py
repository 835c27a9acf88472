"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arenas.errors import BadArgument


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file beside its place and move it there.

    Raises:
        BadArgument: it cannot be written; says where and why.
    """
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            temporary = file.name
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise BadArgument(f"cannot write {path}: {error.strerror}") from error


@contextlib.contextmanager
def written_beside(path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """A temporary file beside ``path``, for what others write; moved there at the end.

    Left by an exception, it is taken away, and what was at ``path`` stays.

    Args:
        path: where the file will lie.
        suffix: of the temporary file's name, for those who tell a format by it.

    Raises:
        BadArgument: it cannot be written; says where and why.
    """
    path = Path(path)
    temporary = None
    try:
        handle, name = tempfile.mkstemp(suffix, path.name, path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise BadArgument(f"cannot write {path}: {error.strerror}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder that can be written into.

    Raises:
        BadArgument: it cannot be made or written into; says why.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise BadArgument(f"cannot write into {path}: {error.strerror}") from error
    return path

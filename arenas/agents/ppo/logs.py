"""Where a run's metrics go besides ``metrics.jsonl``: TensorBoard, and Weights & Biases.

Both are extras: nothing here imports them before it is asked to. A run that was resumed goes on in
the same curves.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from arenas._files import make_folder, write_atomically
from arenas.errors import BadArgument

TENSORBOARD_FOLDER = "tensorboard"
WANDB_ID = "wandb-id"
"""The file with the id under which Weights & Biases knows the run."""


@runtime_checkable
class Log(Protocol):
    """Something that metrics are written to."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Write the metrics of one update; what was written survives the process.

        Args:
            row: numbers, or lists of numbers, by name; ``"steps"`` is the x axis.
        """

    def close(self) -> None:
        """Finish; nothing is written afterwards."""


def open_logs(
    folder: Path,
    config: Mapping[str, Any],
    *,
    tensorboard: bool | None = None,
    wandb: str | None = None,
    resume_from: int = 0,
) -> list[Log]:
    """The logs of a run that starts, or goes on.

    Args:
        folder: the run's.
        config: the run's, JSON values; Weights & Biases shows it.
        tensorboard: write events into ``folder/tensorboard``; None: if its extra is installed.
        wandb: log to this project of Weights & Biases; None: do not. ``WANDB_MODE`` and its other
            variables are respected.
        resume_from: the steps of the checkpoint that the run goes on from: what was written of
            later ones is replaced. 0 for a run that starts.

    Raises:
        BadArgument: an extra that is asked for is not installed, Weights & Biases refuses, or the
            folder cannot be written.
    """
    if wandb == "":
        raise BadArgument("the project of Weights & Biases has no name")
    if tensorboard is None:
        tensorboard = importlib.util.find_spec("tensorboardX") is not None
    if tensorboard:
        _import("tensorboardX.event_file_writer", "tensorboard", "EventsWriter")
    if wandb is not None:
        _import("wandb", "wandb", "init")
    logs: list[Log] = []
    if tensorboard:
        logs.append(TensorBoardLog(folder / TENSORBOARD_FOLDER, purge_from=resume_from + 1))
    if wandb is not None:
        try:
            logs.append(WandbLog(folder, wandb, config))
        except BaseException:
            for log in logs:
                log.close()
            raise
    return logs


class TensorBoardLog:
    """TensorBoard events: an event for each row, written when ``write`` returns.

    tensorboardX's ``SummaryWriter`` queues events for a thread, so a process that is killed after
    a checkpoint would leave a gap before it that the resumed run does not write again; and it names
    files by the second, so a run resumed within one would overwrite. Hence its parts are used here.

    Args:
        folder: for the event files; a run that is resumed adds another one.
        purge_from: readers forget events at this step and later ones that other files hold.
    """

    def __init__(self, folder: Path, *, purge_from: int) -> None:
        files = importlib.import_module("tensorboardX.event_file_writer")
        self._event = importlib.import_module("tensorboardX.proto.event_pb2")
        self._summary = importlib.import_module("tensorboardX.proto.summary_pb2").Summary
        make_folder(folder)
        number = len(list(folder.glob("events.out.tfevents.*")))
        self._file = files.EventsWriter(str(folder / "events"), f".{number}")
        start = self._event.SessionLog(status=self._event.SessionLog.START)
        self._add(step=purge_from, session_log=start)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; ``steps`` is its step."""
        values = [
            self._summary.Value(tag=name, simple_value=value)
            for name, value in numbers(row)
            if name != "steps"
        ]
        self._add(step=int(row["steps"]), summary=self._summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, **fields: Any) -> None:
        self._file.write_event(self._event.Event(wall_time=time.time(), **fields))
        self._file.flush()


class WandbLog:
    """A run of Weights & Biases, under an id that the run's folder keeps.

    Its history only grows: of a run that was resumed, rows of steps that it has already are left
    out. Offline it cannot tell, and each process writes all of its rows.

    Args:
        folder: the run's.
        project: the name of the project.
        config: shown with the run.

    Raises:
        BadArgument: it refuses, as where nobody is logged in.
    """

    def __init__(self, folder: Path, project: str, config: Mapping[str, Any]) -> None:
        library = importlib.import_module("wandb")
        file = make_folder(folder) / WANDB_ID
        if new := not file.exists():
            write_atomically(file, uuid.uuid4().hex[:12] + "\n")
        try:
            self._run = library.init(
                project=project,
                id=file.read_text().strip(),
                resume="allow",
                name=folder.resolve().name if new else None,  # it may have been renamed there
                dir=str(folder),
                config=dict(config),
            )
        except library.errors.Error as error:
            raise BadArgument(
                f"Weights & Biases refuses: {error}; run `wandb login`, or set WANDB_MODE=offline "
                "and send the run later by `wandb sync`"
            ) from error
        self._next = self._run.step if self._run.resumed else 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; ``steps`` is its step."""
        steps = int(row["steps"])
        if steps >= self._next:
            self._run.log(dict(numbers(row)), step=steps, commit=True)

    def close(self) -> None:
        """Send the rest, and end the run."""
        self._run.finish()


def numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a row by name, those of lists as ``return/0``, ``return/1``, ...

    None, for what was not measured, is left out.
    """
    for name, value in row.items():
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple):
            value = {str(i): entry for i, entry in enumerate(value)}
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", number) for inner, number in numbers(value))
        elif value is not None:
            yield name, float(value)


def _import(module: str, extra: str, needs: str) -> None:
    """Raise unless the module is installed and has what is needed of it.

    A folder named ``wandb`` in the working directory, such as its own runs leave there, imports
    too, as an empty package.
    """
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        why = str(error)
    else:
        if hasattr(found, needs):
            return
        why = f"{module} has no {needs!r}"
    library = module.partition(".")[0]
    raise BadArgument(
        f"{library} is asked for, and is not installed ({why}): pip install 'arenas[{extra}]'"
    )

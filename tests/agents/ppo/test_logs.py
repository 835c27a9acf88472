"""TensorBoard's files, read by a reader of our own, and what Weights & Biases is told."""

import json
import math
import os
import struct
import subprocess
import sys
import types

import numpy as np
import pytest

from arenas.agents.ppo.logs import TensorBoardLog, numbers, open_logs
from arenas.errors import BadArgument

CONFIG = {"environment": "rrps-v0", "rate": 0.001}


def row(steps, **values):
    return {"update": steps // 10, "steps": steps, "seconds": 0.5, **values}


# A reader of event files: records of a length, its checksum, an Event, its checksum ---------------


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data: bytes):
    """The records of a file. One that was cut off at the end is left out, as readers do."""
    place = 0
    while len(data) - place >= 12:
        (length,) = struct.unpack_from("<Q", data, place)
        assert struct.unpack_from("<I", data, place + 8)[0] == masked(data[place : place + 8])
        body = data[place + 12 : place + 12 + length]
        place += 12 + length + 4
        if place > len(data):
            return
        assert struct.unpack_from("<I", data, place - 4)[0] == masked(body)
        yield body


def fields(message: bytes):
    """``(number, value)`` of a protocol buffer's fields, values as they lie there."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        length = {1: 8, 5: 4}.get(kind) or varint()
        yield tag >> 3, message[place : place + length]
        place += length


def events(folder):
    """Events of all files in the order of their names, as TensorBoard takes them.

    Numbers of fields, from TensorFlow's event.proto and summary.proto. Event: 1 wall time, 2 step,
    3 file version, 5 summary, 7 session log (1 status). Summary: 1 value (1 tag, 2 number).
    """
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        for record in records(file.read_bytes()):
            event = dict(fields(record))
            values = {}
            for _, value in fields(event.get(5, b"")):
                parts = dict(fields(value))
                values[parts[1].decode()] = struct.unpack("<f", parts.get(2, bytes(4)))[0]
            yield {
                "time": struct.unpack("<d", event[1])[0],
                "step": event.get(2, 0),
                "version": event.get(3, b"").decode(),
                "status": dict(fields(event[7]))[1] if 7 in event else None,
                "values": values,
            }


def curves(folder):
    """``{tag: {step: value}}`` as TensorBoard shows it: a start forgets its step and later ones."""
    shown = {}
    for event in events(folder):
        if event["status"] == 1:  # START
            for curve in shown.values():
                for step in [s for s in curve if s >= event["step"]]:
                    del curve[step]
        for tag, value in event["values"].items():
            shown.setdefault(tag, {})[event["step"]] = value
    return shown


def test_the_reader_knows_the_checksum():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C's definition


# TensorBoard --------------------------------------------------------------------------------------


def test_metrics_become_events_at_their_steps(tmp_path):
    [log] = open_logs(tmp_path, CONFIG, tensorboard=True)
    log.write(row(10, loss=0.25, **{"return": [1.5, -1.5]}, win_rate=None))
    log.write(row(300_000_000_000, loss=np.float32(-2), **{"return": [0.0, 3.0]}, win_rate=0.75))
    log.close()
    first, *_ = events(tmp_path / "tensorboard")
    assert first["version"] == "brain.Event:2"
    assert curves(tmp_path / "tensorboard") == {
        "update": {10: 1.0, 300_000_000_000: np.float32(3e10)},
        "seconds": {10: 0.5, 300_000_000_000: 0.5},
        "loss": {10: 0.25, 300_000_000_000: -2.0},
        "return/0": {10: 1.5, 300_000_000_000: 0.0},
        "return/1": {10: -1.5, 300_000_000_000: 3.0},
        "win_rate": {300_000_000_000: 0.75},
    }
    times = [e["time"] for e in events(tmp_path / "tensorboard")]
    assert times == sorted(times)
    assert abs(times[0] - os.stat(tmp_path / "tensorboard").st_mtime) < 60


def test_a_metric_that_is_no_number_any_more_is_shown_as_such(tmp_path):
    [log] = open_logs(tmp_path, CONFIG, tensorboard=True)
    log.write(row(1, loss=math.nan, scale=math.inf))
    log.close()
    shown = curves(tmp_path / "tensorboard")
    assert math.isnan(shown["loss"][1])
    assert shown["scale"][1] == math.inf


def test_a_resumed_run_replaces_what_came_after_its_checkpoint(tmp_path):
    """Two processes within one second: neither overwrites the other's file."""
    [log] = open_logs(tmp_path, CONFIG, tensorboard=True)
    for steps in (10, 20, 30, 40):
        log.write(row(steps, loss=steps))
    log.close()
    [log] = open_logs(tmp_path, CONFIG, tensorboard=True, resume_from=20)
    log.write(row(30, loss=-30))
    log.close()
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
    assert curves(tmp_path / "tensorboard")["loss"] == {10: 10, 20: 20, 30: -30}


def test_a_run_that_starts_over_replaces_everything(tmp_path):
    for sign in (1, -1):
        [log] = open_logs(tmp_path, CONFIG, tensorboard=True)
        log.write(row(10, loss=sign))
        if sign > 0:
            log.write(row(20, loss=sign))
        log.close()
    assert curves(tmp_path / "tensorboard")["loss"] == {10: -1}


def test_what_was_written_outlives_a_killed_process(tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from arenas.agents.ppo.logs import open_logs\n"
        "[log] = open_logs(pathlib.Path(sys.argv[1]), {}, tensorboard=True)\n"
        "log.write({'steps': 10, 'loss': 1.0})\n"
        "log.write({'steps': 20, 'loss': 2.0})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert done.returncode == -9
    assert curves(tmp_path / "tensorboard")["loss"] == {10: 1.0, 20: 2.0}
    [file] = (tmp_path / "tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[:-3])  # killed in the midst of the last record
    [log] = open_logs(tmp_path, CONFIG, tensorboard=True, resume_from=10)
    log.write(row(20, loss=3))
    log.close()
    assert curves(tmp_path / "tensorboard")["loss"] == {10: 1.0, 20: 3.0}


def test_tensorboard_is_written_where_it_is_installed_unless_it_is_switched_off(
    tmp_path, monkeypatch
):
    [log] = open_logs(tmp_path, CONFIG)
    assert isinstance(log, TensorBoardLog)
    log.close()
    assert open_logs(tmp_path / "off", CONFIG, tensorboard=False) == []
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # importing it fails, as if missing
    assert open_logs(tmp_path / "missing", CONFIG) == []
    assert not (tmp_path / "off").exists() and not (tmp_path / "missing").exists()


def test_tensorboard_asked_for_and_missing_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    with pytest.raises(BadArgument, match=r"pip install 'arenas\[tensorboard\]'"):
        open_logs(tmp_path, CONFIG, tensorboard=True)


def test_rows_flatten_to_numbers_by_name():
    nested = {"a": [1, [2, None]], "b": {"c": np.arange(2)}, "d": True, "e": None, "f": np.int8(7)}
    assert dict(numbers(nested)) == {
        "a/0": 1,
        "a/1/0": 2,
        "b/c/0": 0,
        "b/c/1": 1,
        "d": 1,
        "f": 7,
    }
    with pytest.raises(ValueError, match="could not convert"):
        dict(numbers({"a": "text"}))


# Weights & Biases ---------------------------------------------------------------------------------


class Service(types.ModuleType):
    """A module named ``wandb`` with the service behind it: runs by id, histories that only grow.

    It refuses what the service refuses: to go back in a history, and who is not logged in.
    """

    def __init__(self, logged_in=True):
        super().__init__("wandb")
        self.logged_in, self.runs, self.asked = logged_in, {}, []
        self.errors = types.SimpleNamespace(Error=type("Error", (Exception,), {}))

    def init(self, **settings):
        if not self.logged_in:
            raise self.errors.Error("No API key configured.")
        self.asked.append(settings)
        known = settings["id"] in self.runs
        assert not known or settings["resume"] == "allow"
        return Run(self.runs.setdefault(settings["id"], {}), known)


class Run:
    def __init__(self, history, resumed):
        self.history, self.resumed, self.finished = history, resumed, False

    @property
    def step(self):
        """Of the next row."""
        return max(self.history, default=-1) + 1

    def log(self, data, step, commit):
        assert not self.finished
        assert commit
        assert step >= self.step, "steps must be monotonically increasing"
        self.history[step] = data

    def finish(self):
        self.finished = True


@pytest.fixture
def service(monkeypatch):
    service = Service()
    monkeypatch.setitem(sys.modules, "wandb", service)
    return service


def opened(folder, **options):
    return open_logs(folder, CONFIG, tensorboard=False, **options)


def test_metrics_are_sent_to_the_project_with_the_configuration(tmp_path, service):
    folder = tmp_path / "rrps-ippo-0"
    [log] = opened(folder, wandb="games")
    log.write(row(10, loss=0.5, **{"return": [1.0, 2.0]}, win_rate=None))
    log.close()
    assert log._run.finished
    [asked] = service.asked
    assert (asked["project"], asked["name"], asked["config"]) == ("games", "rrps-ippo-0", CONFIG)
    assert asked["dir"] == str(folder)
    sent = {"update": 1, "steps": 10, "seconds": 0.5, "loss": 0.5, "return/0": 1, "return/1": 2}
    assert list(service.runs.values()) == [{10: sent}]
    assert json.loads(json.dumps(sent)) == sent


def test_a_resumed_run_is_the_same_run_there_and_sends_what_is_missing(tmp_path, service):
    for resume_from, rows in ((0, (10, 20, 30)), (10, (20, 30, 40))):
        [log] = opened(tmp_path, wandb="games", resume_from=resume_from)
        for steps in rows:
            log.write(row(steps, loss=steps + resume_from))
        log.close()
    [history] = service.runs.values()
    assert {step: sent["loss"] for step, sent in history.items()} == {
        10: 10,
        20: 20,
        30: 30,
        40: 50,
    }
    first, second = service.asked
    assert first["id"] == second["id"]
    assert second["name"] is None, "whoever renamed the run there keeps the name"


def test_runs_of_two_folders_are_two_runs(tmp_path, service):
    for name in ("one", "two"):
        [log] = opened(tmp_path / name, wandb="games")
        log.close()
    assert len(service.runs) == 2


def test_who_is_not_logged_in_is_told_what_to_do(tmp_path, service):
    service.logged_in = False
    with pytest.raises(BadArgument, match=r"No API key configured.*wandb login.*WANDB_MODE"):
        open_logs(tmp_path, CONFIG, tensorboard=True, wandb="games")
    assert not curves(tmp_path / "tensorboard")


@pytest.mark.parametrize("found", [None, types.ModuleType("wandb")], ids=["missing", "a folder"])
def test_weights_and_biases_asked_for_and_missing_names_the_extra(tmp_path, monkeypatch, found):
    monkeypatch.setitem(sys.modules, "wandb", found)
    with pytest.raises(BadArgument, match=r"pip install 'arenas\[wandb\]'"):
        opened(tmp_path / "run", wandb="games")
    assert not (tmp_path / "run").exists()


def test_a_project_needs_a_name(tmp_path):
    with pytest.raises(BadArgument, match="no name"):
        opened(tmp_path, wandb="")

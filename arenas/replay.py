"""The replay file: what was played, enough to show it again exactly.

Layout, little-endian: ``ARENASRP``, format version (uint16), length of the body (uint64), SHA-256
of the body, and the body, zlib-compressed. Unpacked it is the length of a JSON header (uint32), the
header, and the actions as raw numbers in the order of the header's ``shape``. The file holds no
observations and no states: the environment computes them again from the seed and the actions.

Version 2 adds what agents told of their choices: after the actions, the probabilities as float16
in the order of the header's ``policies`` and the values as float32. Files without it are written as
version 1, which older versions of Arenas read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

import arenas
from arenas import registry
from arenas._files import write_atomically
from arenas.env import Env, TimeStep
from arenas.errors import ArenasError, BadFile
from arenas.host import HostEnv, JaxHost
from arenas.match import Episode, Forfeit, Policies

MAGIC = b"ARENASRP"
VERSION = 2
_PREFIX = struct.Struct("<8sHQ32s")
_LARGEST_BODY = 1 << 30  # unpacked; a damaged length must not exhaust memory


_games: OrderedDict[tuple[str, str], Env[Any]] = OrderedDict()
"""The last environments of replays, by id and arguments; the programs of each are kept with it."""


class ReplayMismatch(ArenasError):
    """Playing a replay again gave something else than what it records."""


@dataclasses.dataclass(frozen=True)
class Replay:
    """One recorded episode.

    Attributes:
        episode: what was played; has actions and a checksum.
        arenas_version: the version of Arenas that played it.
        jax_version: the version of JAX that played it, or None where none took part.
    """

    episode: Episode
    arenas_version: str
    jax_version: str | None = None

    @classmethod
    def of(cls, episode: Episode) -> Replay:
        """A replay of an episode that was just played here.

        Raises:
            ValueError: the episode was played without ``record``.
        """
        if episode.actions is None or (episode.checksum is None and episode.forfeit is None):
            raise ValueError("the episode was played without record=True: it has no actions")
        import jax

        return cls(episode, arenas.__version__, jax.__version__)

    # The file ------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file's content."""
        e = self.episode
        assert e.actions is not None
        actions = np.ascontiguousarray(_smallest(e.actions))
        header = {
            "environment": {"id": e.env_id, "kwargs": e.env_kwargs},
            "agents": list(e.agents),
            "seed": e.seed,
            "returns": None if e.returns is None else list(e.returns),
            "length": e.length,
            "outcome": e.outcome,
            "forfeit": None if e.forfeit is None else dataclasses.asdict(e.forfeit),
            "checksum": e.checksum,
            "dtype": actions.dtype.newbyteorder("<").str,
            "shape": list(actions.shape),
            "arenas": self.arenas_version,
            "jax": self.jax_version,
        }
        if e.policies is not None:
            header["policies"] = list(e.policies.probabilities.shape)
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        raw = actions.astype(actions.dtype.newbyteorder("<"), copy=False).tobytes()
        if e.policies is not None:
            raw += e.policies.probabilities.astype("<f2").tobytes()
            raw += e.policies.values.astype("<f4").tobytes()
        body = zlib.compress(struct.pack("<I", len(text)) + text + raw, 9)
        digest = hashlib.sha256(body).digest()
        version = 1 if e.policies is None else 2
        return _PREFIX.pack(MAGIC, version, len(body), digest) + body

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the replay") -> Replay:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            BadFile: not a replay, damaged, truncated, or from a newer version.
        """
        if data[:8] != MAGIC[: len(data[:8])] or not data:
            raise BadFile(f"{name} is not a replay of Arenas")
        if len(data) < _PREFIX.size:
            raise BadFile(f"{name} is truncated: {len(data)} bytes, a header has {_PREFIX.size}")
        _, version, length, digest = _PREFIX.unpack_from(data)
        if version > VERSION:
            raise BadFile(
                f"{name} has format version {version}; this Arenas ({arenas.__version__}) reads up "
                f"to {VERSION}: install a newer one"
            )
        body = data[_PREFIX.size :]
        if len(body) < length:
            raise BadFile(f"{name} is truncated: {len(body)} of {length} bytes of its body")
        if len(body) > length or hashlib.sha256(body).digest() != digest:
            raise BadFile(f"{name} is damaged: its checksum does not match")
        try:
            return cls._unpack(body)
        except (zlib.error, ValueError, KeyError, TypeError, struct.error) as error:
            raise BadFile(f"{name} is damaged: {error!r}") from error

    @classmethod
    def _unpack(cls, body: bytes) -> Replay:
        unzip = zlib.decompressobj()
        plain = unzip.decompress(body, _LARGEST_BODY)
        if not unzip.eof:
            raise ValueError(f"it unpacks to more than {_LARGEST_BODY} bytes")
        (size,) = struct.unpack_from("<I", plain)
        header = json.loads(plain[4 : 4 + size])
        dtype = np.dtype(header["dtype"])
        if dtype.hasobject:
            raise ValueError(f"actions of dtype {dtype}")
        count = math.prod(header["shape"])
        actions = np.frombuffer(plain, dtype, count, 4 + size).reshape(header["shape"])
        end = 4 + size + actions.nbytes
        policies = None
        if "policies" in header:
            policies, end = _policies(plain, end, header["policies"], actions.shape[:2])
        if end != len(plain):
            raise ValueError(f"{len(plain) - end} bytes after its end")
        wide = np.float32 if dtype.kind == "f" else np.int32
        forfeit = header["forfeit"]
        episode = Episode(
            env_id=str(header["environment"]["id"]),
            env_kwargs=dict(header["environment"]["kwargs"]),
            agents=tuple(str(a) for a in header["agents"]),
            seed=int(header["seed"]),
            returns=None if header["returns"] is None else tuple(map(float, header["returns"])),
            length=int(header["length"]),
            outcome=str(header["outcome"]),
            forfeit=None if forfeit is None else Forfeit(int(forfeit["seat"]), forfeit["reason"]),
            actions=actions.astype(wide),
            checksum=header["checksum"],
            policies=policies,
        )
        return cls(episode, str(header["arenas"]), header["jax"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all.

        Raises:
            BadArgument: it cannot be written there; says why.
        """
        write_atomically(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Replay:
        """Read a file.

        Raises:
            BadFile: it cannot be read, is not a replay, is damaged or from a newer version.
        """
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise BadFile(f"cannot read {os.fspath(path)}: {error.strerror}") from error
        return cls.from_bytes(data, os.fspath(path))

    # Playing it again ----------------------------------------------------------------------------

    def env(self) -> HostEnv:
        """The environment that it was played in, on the host.

        Replays of one environment share its compiled programs: they are the most of the time.
        """
        e = self.episode
        key = (e.env_id, json.dumps(e.env_kwargs, sort_keys=True))
        known = _games.get(key)
        if known is not None and known.spec is registry.resolve(registry.envs, e.env_id)[0]:
            _games.move_to_end(key)
            return JaxHost(known)
        host = arenas.make_host(e.env_id, **e.env_kwargs)
        if isinstance(host, JaxHost):
            _games[key] = host.env
            if len(_games) > 4:
                _games.popitem(last=False)
        return host

    def steps(self) -> Iterator[tuple[HostEnv, TimeStep, np.ndarray | None]]:
        """Play it again: the environment, its time step, and the joint action that led there.

        The first has no action. The environment is the same object each time; its ``state()`` is
        the present one.

        Raises:
            ReplayMismatch: a recorded action is illegal now, or the episode ends early.
        """
        env = self.env()
        timestep = env.reset(self.episode.seed)
        yield env, timestep, None
        assert self.episode.actions is not None
        for t, action in enumerate(self.episode.actions):
            try:
                timestep = env.step(action)
            except ArenasError as error:
                raise ReplayMismatch(f"step {t + 1}: {error}") from error
            yield env, timestep, action

    def verify(self) -> None:
        """Play it again, and compare returns, length, end and the final state.

        Raises:
            ReplayMismatch: names everything that differs.
        """
        e = self.episode
        total = np.zeros(len(e.agents), np.float32)
        env = timestep = None
        for env, timestep, _ in self.steps():
            if timestep.reward.shape != total.shape:
                raise ReplayMismatch(
                    f"{len(e.agents)} agents recorded, {env.num_agents} seats in the environment"
                )
            total += timestep.reward
        assert env is not None
        assert timestep is not None
        found: list[str] = []

        def compare(what: str, recorded: Any, now: Any) -> None:
            if recorded != now:
                found.append(f"{what}: recorded {recorded}, now {now}")

        compare("length", e.length, env.steps)
        if e.forfeit is None:
            ends = {True: "terminated", False: "truncated" if timestep.truncated else "unfinished"}
            compare("outcome", e.outcome, ends[bool(timestep.terminated)])
            compare("returns", e.returns, tuple(float(r) for r in total))
        if e.checksum is not None:
            compare("final state", e.checksum, env.checksum())
        if found:
            played = f"played with Arenas {self.arenas_version}, JAX {self.jax_version}"
            raise ReplayMismatch("; ".join(found) + f" ({played})")


def _policies(
    plain: bytes, start: int, shape: list[int], steps: tuple[int, ...]
) -> tuple[Policies, int]:
    """What agents told, and where it ends."""
    if len(shape) != 3 or tuple(shape[:2]) != steps:
        raise ValueError(f"policies of shape {shape} for actions of {steps}")
    count = math.prod(shape)
    probabilities = np.frombuffer(plain, "<f2", count, start).reshape(shape)
    start += probabilities.nbytes
    values = np.frombuffer(plain, "<f4", math.prod(steps), start).reshape(steps)
    told = Policies(probabilities.astype(np.float32), values.astype(np.float32))
    return told, start + values.nbytes


def _smallest(actions: np.ndarray) -> np.ndarray:
    """Integer actions in the smallest unsigned type that holds them."""
    if actions.dtype.kind not in "iu":
        return actions
    if actions.size and actions.min() < 0:
        return actions.astype(np.int32)
    largest = int(actions.max()) if actions.size else 0
    return actions.astype(np.min_scalar_type(largest))

"""Names of environments and agents, and how they are made. Importing this does not import jax.

An environment is named ``game-variant-vN``; the version rises when what it computes changes, never
for speed. Arguments follow after commas: ``colorgrid-v0,size=8``. ``module:id`` imports a module
that registers the id first, or has it as an attribute. Other distributions register through the
entry-point groups ``arenas.envs`` and ``arenas.agents``: each entry is an :class:`EnvSpec` or
:class:`AgentSpec`, or an iterable of such; or a class or function, registered under the entry's
own name.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import importlib.metadata
import inspect
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from arenas.errors import BadArgument, UnknownName

if TYPE_CHECKING:
    from arenas.agent import Agent
    from arenas.env import Env
    from arenas.host import HostEnv

Kind = Literal["competitive", "cooperative", "mixed", "single-agent", "unknown"]
Api = Literal["arenas", "pettingzoo", "pettingzoo-aec", "gymnasium", "jaxmarl"]
APIS = ("arenas", "pettingzoo", "pettingzoo-aec", "gymnasium", "jaxmarl")


@dataclasses.dataclass(frozen=True)
class EnvSpec:
    """An environment's entry.

    Attributes:
        id: ``game-variant-vN``.
        entry_point: ``"module:attribute"`` or the callable itself: called with keyword arguments,
            it returns an :class:`arenas.Env` or an :class:`arenas.HostEnv`.
        game: the family it belongs to; agents, drawings and reports are found by it.
        summary: one line.
        kwargs: arguments that make this variant.
        players: number of seats; a range as text where an argument decides.
        kind: what the players are to each other.
        turn_based: one seat acts at a time.
        horizon: the longest possible episode in steps, or None.
        paper: the source.
        host: a faster equal of the environment on the host (same arguments), or None.
    """

    id: str
    entry_point: str | Callable[..., Any]
    game: str = ""
    summary: str = ""
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    players: int | str = "?"
    kind: Kind = "unknown"
    turn_based: bool = False
    horizon: int | None = None
    paper: str = ""
    host: str | Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        return self.id


@dataclasses.dataclass(frozen=True)
class AgentSpec:
    """An agent's entry.

    Attributes:
        name: ``game/agent``, or a bare name for agents that play everything.
        entry_point: ``"module:attribute"`` or the callable itself: called with the environment and
            keyword arguments, it returns an :class:`arenas.DeviceAgent` or
            :class:`arenas.HostAgent`.
        game: the game that it plays, ``*`` for all.
        summary: one line.
        kind: where it runs.
        kwargs: arguments that make this agent.
        paper: the source.
    """

    name: str
    entry_point: str | Callable[..., Any]
    game: str = "*"
    summary: str = ""
    kind: Literal["device", "host"] = "device"
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    paper: str = ""


@dataclasses.dataclass(frozen=True)
class Family:
    """Names of another library behind a prefix, such as ``open_spiel/``.

    Attributes:
        prefix: ``"open_spiel/"``.
        entry_point: ``"module:attribute"``, called with the rest of the name; returns the spec.
        names: ``"module:attribute"``, called without arguments; returns the known rests.
        summary: one line.
        listed: whether lists show each of its names beside the registered ones.
    """

    prefix: str
    entry_point: str
    names: str
    summary: str
    listed: bool = False


SpecT = TypeVar("SpecT", EnvSpec, AgentSpec)


class Catalogue(Mapping[str, SpecT], Generic[SpecT]):
    """Registered entries by name: Arenas' own, then those of other distributions.

    Other distributions are looked up at the first use that needs them. One that fails to load is
    reported as a warning and does not take the others down.
    """

    def __init__(self, what: str, group: str, spec_type: type[SpecT]) -> None:
        self._what, self._group, self._spec_type = what, group, spec_type
        self._specs: dict[str, SpecT] = {}
        self.families: dict[str, Family] = {}
        self._loaded = False

    def add(self, spec: SpecT) -> None:
        """Register an entry.

        Raises:
            BadArgument: the name is malformed, or taken by another entry.
        """
        self._check_name(spec.name)
        if self._specs.get(spec.name, spec) != spec:
            raise BadArgument(f"{self._what} {spec.name!r} is registered already")
        self._specs[spec.name] = spec

    def _check_name(self, name: str) -> None:
        if self._spec_type is EnvSpec:
            accepted, form = r"([\w.-]+/)?[\w.-]+-v\d+", "'game-v0' or 'namespace/game-v0'"
        else:
            accepted, form = r"([\w.-]+/)?[\w.-]+", "'game/agent' or 'agent'"
        if not re.fullmatch(accepted, name):
            raise BadArgument(f"{self._what} name {name!r} is not accepted; write it as {form}")

    def add_family(self, family: Family) -> None:
        """Register names behind a prefix."""
        self.families[family.prefix] = family

    def listed(self) -> list[SpecT]:
        """All registered entries, and those of families that are listed."""
        own = [f for f in self.families.values() if f.listed]
        return [*self.values(), *(self.find(f.prefix + n) for f in own for n in load(f.names)())]

    def find(self, name: str) -> SpecT:
        """The entry of this name.

        Raises:
            UnknownName: nobody registered it; names the nearest.
        """
        for family in self.families.values():
            if name.startswith(family.prefix) and name not in self._specs:
                return load(family.entry_point)(name.removeprefix(family.prefix))
        if name not in self._specs:
            self._load_entry_points()
        if name not in self._specs:
            hint = f"(see: arenas {self._what.split()[0]}s)"
            known = [*self._specs, *(f.prefix + "..." for f in self.families.values())]
            raise UnknownName(self._what, name, known, hint)
        return self._specs[name]

    def unregistered(self, entry_point: str) -> SpecT:
        """An entry for ``"module:attribute"``, which is its name."""
        if self._spec_type is EnvSpec:
            return EnvSpec(id=entry_point, entry_point=entry_point, game=entry_point)  # type: ignore[return-value]
        return AgentSpec(name=entry_point, entry_point=entry_point, kind=_runs_on(entry_point))  # type: ignore[return-value]

    def _load_entry_points(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for entry in importlib.metadata.entry_points(group=self._group):
            try:
                self._add_loaded(entry.name, entry.load())
            except Exception as error:  # another distribution's fault must not hide the rest
                where = entry.dist.name if entry.dist else entry.value
                warnings.warn(
                    f"{self._what} {entry.name!r} of {where} does not load: {error}", stacklevel=3
                )

    def _add_loaded(self, name: str, found: Any) -> None:
        if isinstance(found, self._spec_type):
            self.add(found)
        elif isinstance(found, Iterable):
            for spec in found:
                self.add(spec)
        elif self._spec_type is EnvSpec:
            self.add(EnvSpec(id=name, entry_point=found, game=_game(name)))  # type: ignore[arg-type]
        else:
            spec = AgentSpec(
                name=name, entry_point=found, game=_agents_game(name), kind=_runs_on(found)
            )
            self.add(spec)  # type: ignore[arg-type]

    def __getitem__(self, name: str) -> SpecT:
        return self.find(name)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self.find(name))
        except UnknownName:
            return False

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(sorted(self._specs))

    def __len__(self) -> int:
        self._load_entry_points()
        return len(self._specs)


envs: Catalogue[EnvSpec] = Catalogue("env id", "arenas.envs", EnvSpec)
agents: Catalogue[AgentSpec] = Catalogue("agent", "arenas.agents", AgentSpec)


def register(id: str, entry_point: str | Callable[..., Any], **metadata: Any) -> EnvSpec:
    """Register an environment.

    Args:
        id: ``game-v0``, or ``namespace/game-v0``.
        entry_point: ``"module:attribute"``, or the callable itself.
        metadata: the other fields of :class:`EnvSpec`.
    """
    metadata.setdefault("game", _game(id))
    spec = _spec(EnvSpec, id=id, entry_point=entry_point, **metadata)
    envs.add(spec)
    return spec


def register_agent(name: str, entry_point: str | Callable[..., Any], **metadata: Any) -> AgentSpec:
    """Register an agent; ``metadata`` are the other fields of :class:`AgentSpec`."""
    metadata.setdefault("game", _agents_game(name))
    metadata.setdefault("kind", "device" if isinstance(entry_point, str) else _runs_on(entry_point))
    spec = _spec(AgentSpec, name=name, entry_point=entry_point, **metadata)
    agents.add(spec)
    return spec


def _game(env_id: str) -> str:
    return re.sub(r"-v\d+$", "", env_id)


def _agents_game(name: str) -> str:
    return name.split("/")[0] if "/" in name else "*"


def _runs_on(entry_point: str | Callable[..., Any]) -> Literal["device", "host"]:
    """Where an agent of this class runs; the host, where it is no class that says so."""
    from arenas.agent import DeviceAgent

    made_by = load(entry_point)
    return "device" if isinstance(made_by, type) and issubclass(made_by, DeviceAgent) else "host"


def _spec(spec_type: type[SpecT], **fields: Any) -> SpecT:
    known = [f.name for f in dataclasses.fields(spec_type)]
    for name in fields:
        if name not in known:
            raise UnknownName(f"field of {spec_type.__name__}", name, known)
    return spec_type(**fields)


def load(entry_point: str | Callable[..., Any]) -> Callable[..., Any]:
    """What ``"module:attribute"`` names.

    Raises:
        BadArgument: it cannot be imported; says why.
    """
    if callable(entry_point):
        return entry_point
    module, _, attribute = entry_point.partition(":")
    try:
        return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise BadArgument(f"cannot import {entry_point!r}: {error}") from error


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``"name,key=value,..."``; values are Python literals, and text where they are not.

    Commas inside brackets or quotes separate nothing, as in OpenSpiel's names and in tuples.

    Raises:
        BadArgument: an argument without ``=``.
    """
    name, *arguments = _split_at_commas(text)
    kwargs: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key.strip().isidentifier():
            raise BadArgument(
                f"{argument!r} in {text!r} is not an argument; write name,key=value,key=value"
            )
        try:
            kwargs[key.strip()] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            kwargs[key.strip()] = {"true": True, "false": False, "none": None}.get(
                value.lower(), value
            )
    return name.strip(), kwargs


def _split_at_commas(text: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth <= 0:
            parts.append("")
            continue
        parts[-1] += c
    return parts


def resolve(catalogue: Catalogue[SpecT], text: str) -> tuple[SpecT, dict[str, Any]]:
    """The entry and arguments that a text names: ``[module:]name[,key=value...]``.

    With a module, the name is one that it registers when imported, or an attribute of it: a class
    or function that makes the environment or agent, registered or not. An agent may also be the
    folder of an exported one.
    """
    name, kwargs = parse(text)
    if catalogue is agents and os.path.isfile(os.path.join(name, "agent.json")):
        exported = AgentSpec(
            name=name, entry_point="arenas.agents.ppo.export:load", kwargs={"path": name}
        )
        return exported, kwargs  # type: ignore[return-value]
    module, colon, rest = name.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z_][\w.]*", module):
        return catalogue.find(name), kwargs
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise BadArgument(f"cannot import {module!r} of {text!r}: {error}") from error
    if callable(getattr(imported, rest, None)):
        return catalogue.unregistered(name), kwargs
    try:
        return catalogue.find(rest), kwargs
    except UnknownName as error:
        raise BadArgument(
            f"{text!r}: module {module!r} has no {rest!r}, and registers no such name"
        ) from error


def build(factory: Callable[..., Any], what: str, /, *args: Any, **kwargs: Any) -> Any:
    """``factory(*args, **kwargs)``, with unknown arguments named and the accepted ones listed."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return factory(*args, **kwargs)
    parameters = list(signature.parameters.values())[len(args) :]
    if all(p.kind is not p.VAR_KEYWORD for p in parameters):
        known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
        for name in kwargs:
            if name not in known:
                accepted = ", ".join(known) or "none"
                raise UnknownName(
                    f"argument of {what}", name, known, f"(accepted arguments: {accepted})"
                )
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadArgument(f"{what}: {error}") from error
    return factory(*args, **kwargs)


def make(id: str, /, *, api: Api | str = "arenas", debug: bool = False, **kwargs: Any) -> Any:
    """Make an environment by its id.

    Args:
        id: ``"rrps-v0"``, ``"colorgrid-v0,size=8"``, ``"my.module:mine-v0"``,
            ``"jaxmarl/MPE_simple_spread_v3"``, ``"open_spiel/kuhn_poker"``.
        api: the interface to speak: ``arenas`` (an :class:`arenas.Env`, or an
            :class:`arenas.HostEnv` where a game runs on the host only), ``pettingzoo`` (parallel),
            ``pettingzoo-aec``, ``gymnasium`` (the other seats held by agents) or ``jaxmarl``.
        debug: check under jit, with checkify, that actions are legal, no finished episode is
            stepped, and observations and rewards are finite.
        kwargs: arguments of the environment; they win over those in ``id``.

    Raises:
        UnknownName: no such id or argument; names the nearest.
        BadArgument: a value that the environment does not accept.
    """
    if api not in APIS:
        raise UnknownName("api", api, APIS)
    if api == "gymnasium":
        return load("arenas.interop.gymnasium:single_agent_env")(id, **kwargs)
    if api == "pettingzoo":
        return load("arenas.interop.pettingzoo:parallel_env")(id, **kwargs)
    if api == "pettingzoo-aec":
        return load("arenas.interop.pettingzoo:aec_env")(id, **kwargs)
    env = _make(id, kwargs)
    if debug or api == "jaxmarl":
        from arenas.env import Env

        if not isinstance(env, Env):
            wanted = f"api={api!r}" if api == "jaxmarl" else "debug=True"
            raise BadArgument(f"{id!r} runs on the host only; {wanted} needs one that runs in JAX")
    if debug:
        env = load("arenas.debug:CheckedEnv")(env)
    if api == "jaxmarl":
        return load("arenas.interop.jaxmarl:to_jaxmarl")(env)
    return env


def make_host(id: str, /, **kwargs: Any) -> HostEnv:
    """Make an environment that runs on the host, step by step, with every input checked.

    Uses the game's own faster host form where it has one; the trajectories are the same.
    """
    from arenas.host import as_host

    spec, given = resolve(envs, id)
    if spec.host is None:
        return as_host(_make(id, kwargs))
    given |= kwargs
    return _finish(build(load(spec.host), spec.id, **{**spec.kwargs, **given}), spec, given)


def _make(id: str, kwargs: dict[str, Any]) -> Env[Any] | HostEnv:
    spec, given = resolve(envs, id)
    given |= kwargs
    env = build(load(spec.entry_point), spec.id, **{**spec.kwargs, **given})
    return _finish(env, spec, given)


def _finish(env: Any, spec: EnvSpec, kwargs: dict[str, Any]) -> Any:
    env.spec, env.kwargs = spec, kwargs
    return env


def load_agent(name: str, env: Any) -> Agent:
    """Make the agent of this name for an environment.

    Args:
        name: ``"random"``, ``"rrps/greenberg"``, ``"rrps/constant,action=1"``,
            ``"my.module:mine"``, or the folder of an exported agent.
        env: the environment that it will play, or its id.

    Raises:
        UnknownName: no such agent; names the nearest.
        BadArgument: it plays another game.
    """
    if isinstance(env, str):
        env = make(env)
    spec, kwargs = resolve(agents, name)
    game = env.spec.game if env.spec else "?"
    if spec.game not in ("*", game):
        raise BadArgument(f"agent {spec.name!r} plays {spec.game!r}, not {game!r}")
    agent = build(load(spec.entry_point), spec.name, env, **{**spec.kwargs, **kwargs})
    agent.name = name
    return agent

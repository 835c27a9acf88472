"""``arenas train``."""

from __future__ import annotations

import dataclasses
import sys
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from arenas import registry
from arenas.agents.ppo import config as hyper
from arenas.agents.ppo import records
from arenas.cli import output
from arenas.errors import BadArgument

NO = "no_"
"""What is true or false is two flags, that of its name and one that begins with this."""


def _options() -> Any:
    """The hyper-parameters as flags that are None, or False of two, where they are not given."""
    types = typing.get_type_hints(hyper.Config)
    fields = []
    for field in dataclasses.fields(hyper.Config):
        default = "none" if field.default in ((), "") else field.default
        hint = f"(default: {default}, or the game's preset)"
        if types[field.name] is bool:
            hint = f"(default: {_flag(field.name, bool(field.default))}, or the game's preset)"
            fields += [
                _field(field.name, bool, False, hint),
                _field(f"{NO}{field.name}", bool, False, hint, help="the opposite."),
            ]
        else:
            fields.append(_field(field.name, types[field.name] | None, None, hint))
    made = dataclasses.make_dataclass("Options", fields, frozen=True)
    made.__doc__ = hyper.Config.__doc__
    return made


def _field(name: str, kind: Any, default: Any, hint: str, **about: Any) -> tuple[str, Any, Any]:
    arg = tyro.conf.arg(help_behavior_hint=hint, **about)
    return name, Annotated[kind, arg], dataclasses.field(default=default)


def _flag(name: str, value: bool) -> str:
    return f"--{'' if value else NO}{name}".replace("_", "-")


def given_options(options: Any) -> dict[str, Any]:
    """The hyper-parameters that are given."""
    values = vars(options)
    given: dict[str, Any] = {}
    for field in dataclasses.fields(hyper.Config):
        value, other = values[field.name], values.get(f"{NO}{field.name}")
        if other is not None:
            value = _either(field.name, value, other)
        if value is not None:
            given[field.name] = value
    return given


def _either(name: str, yes: bool, no: bool) -> bool | None:
    """What two flags say, None where neither is given."""
    if yes and no:
        flags = f"{_flag(name, True)} and {_flag(name, False)}"
        raise BadArgument(f"{flags} are given; accepted is one of them")
    return yes if yes or no else None


if typing.TYPE_CHECKING:
    Options = Any
else:
    Options = _options()

IF_INSTALLED = "(default: if the extra is installed)"


def command(
    algorithm: tyro.conf.Positional[Literal["ippo", "mappo"]],
    options: tyro.conf.OmitArgPrefixes[Options],
    env: str | None = None,
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    seed: int | None = None,
    seeds: int | None = None,
    resume: bool = False,
    tensorboard: Annotated[bool, tyro.conf.arg(help_behavior_hint=IF_INSTALLED)] = False,
    no_tensorboard: Annotated[bool, tyro.conf.arg(help_behavior_hint=IF_INSTALLED)] = False,
    wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT")] = None,
    json: bool = False,
) -> None:
    """Train an agent by PPO, in self-play, as a team or against given agents, and export it.

    Every hyper-parameter is a flag; what is not given is the game's preset, which is printed, or
    the default. The exported agent is the folder DIR/agent, which plays wherever an agent is named:

      arenas train ippo --env smax-3m-v0 --steps 1000000 --out runs/3m

      arenas train ippo --env rrps-v0 --opponents rrps/copy rrps/cycle --self-play 0.25

      arenas tournament rrps-v0 --agents runs/rrps/agent rrps/copy

    Ctrl-C writes a checkpoint and exports what was learnt so far. A run that was interrupted or
    killed goes on from its last checkpoint:

      arenas train ippo --resume --out runs/3m

    Args:
        algorithm: ippo values what each seat observes, mappo what all observe together, or the
            world state where the game has one.
        options: hyper-parameters.
        env: the environment, such as smax-3m-v0 or colorgrid-v0,size=8.
        out: the run's folder, new or empty: config.json, metrics.jsonl, evaluations.jsonl,
            checkpoints, agent (at the end), best (by evaluation); by default
            runs/ENV-ALGORITHM-SEED.
        seed: the same seed gives the same agent (default: 0).
        seeds: train so many agents at once, with seeds from SEED on (default: 1).
        resume: go on with the run in DIR; its configuration need not be given again.
        tensorboard: write TensorBoard events.
        no_tensorboard: the opposite.
        wandb: log to this project of Weights & Biases (extra).
        json: print the result as JSON.
    """
    given = given_options(options)
    own = {
        n: v for n, v in (("environment", env), ("seed", seed), ("seeds", seeds)) if v is not None
    }
    stored: dict[str, Any] = {}
    if resume and out and (out / records.CONFIG).exists():
        stored = records.read_settings(out)
    elif env is None:
        raise BadArgument(
            "no environment is named; accepted: --env ID, or --resume with --out DIR of a run"
        )
    run = {"environment": env, "seed": 0, "seeds": 1, **stored, **own}
    spec, _ = registry.resolve(registry.envs, run["environment"])
    if stored:
        names = [f.name for f in dataclasses.fields(hyper.Config)]
        config = hyper.from_json({n: v for n, v in {**stored, **given}.items() if n in names})
    else:
        config = hyper.resolve(spec.id, spec.game, given)
        preset = hyper.preset(spec.id, spec.game, given)
        if preset and not json:
            output.warn(f"preset of {spec.game}: {_as_flags(preset)}")
    folder = out or Path("runs") / f"{spec.id}-{algorithm}-{run['seed']}"
    if (folder / records.CONFIG).exists() and not resume:
        raise BadArgument(f"{folder} holds a run already; give --resume, or another --out")
    from arenas.agents.ppo.train import train

    last: dict[str, Any] = {}
    evaluated: dict[int, dict[str, Any]] = {}
    with output.progress() as bar:
        bar.columns = (*bar.columns[:2], *bar.columns[3:])  # no count of episodes
        task = bar.add_task("compiling", total=config.updates)

        def tell(row: dict[str, Any]) -> None:
            if row.get("evaluation"):
                evaluated[row["seed"]] = {n: x for n, x in row.items() if n != "evaluation"}
                bar.console.print(told(row, run["seeds"]), highlight=False, markup=False)
                return
            last.update({n: x for n, x in row.items() if x is not None})
            bar.update(task, completed=row["update"], description=progress_text(last))

        agents = train(
            run["environment"],
            config,
            folder,
            algorithm=algorithm,
            seed=run["seed"],
            seeds=run["seeds"],
            resume=resume,
            command=["arenas", *sys.argv[1:]],
            tensorboard=_either("tensorboard", tensorboard, no_tensorboard),
            wandb=wandb,
            progress=tell,
        )
    if json:
        result = {"agents": [str(a) for a in agents], "last": last}
        output.print_json({**result, "evaluations": list(evaluated.values())})
    else:
        for agent in agents:
            output.console().print(f"agent: {agent}", highlight=False, markup=False)


def _as_flags(preset: dict[str, Any]) -> str:
    words = []
    for name, value in preset.items():
        if isinstance(value, bool):
            words.append(_flag(name, value))
            continue
        several = value if isinstance(value, tuple | list) else [value]
        words.append(" ".join([f"--{name.replace('_', '-')}", *map(str, several)]))
    return " ".join(words)


def progress_text(row: dict[str, Any]) -> str:
    speed = row["steps"] / max(row["seconds"], 1e-9)
    text = f"{row['steps']:,} steps, {speed:,.0f}/s"
    returns = [x for x in row.get("return", []) if x is not None]
    if returns:
        text += f", return {sum(returns) / len(returns):.3g}"
    if "win_rate" in row:
        text += f", won {row['win_rate']:.0%}"
    return text


def told(row: dict[str, Any], seeds: int) -> str:
    text = f"evaluated at {row['steps']:,} steps" + (f", seed {row['seed']}" if seeds > 1 else "")
    text += f": return {row['return']:.3g}"
    if row["return_error"] is not None:
        text += f" ± {1.96 * row['return_error']:.2g}"
    if row["win_rate"] is not None:
        text += f", won {row['win_rate']:.0%}"
    text += f" of {row['episodes']} episodes"
    if row.get("unfinished"):
        text += f", {row['unfinished']} of which had not ended after {row['longest']:,} steps"
    return text

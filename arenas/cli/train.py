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
from arenas.cli import output
from arenas.errors import BadArgument


def _options() -> Any:
    """The hyper-parameters as flags that are None where they are not given."""
    types = typing.get_type_hints(hyper.Config)
    fields = []
    for field in dataclasses.fields(hyper.Config):
        default = "none" if field.default in ((), "") else field.default
        hint = tyro.conf.arg(help_behavior_hint=f"(default: {default}, or the game's preset)")
        kind = Annotated[types[field.name] | None, hint]
        fields.append((field.name, kind, dataclasses.field(default=None)))
    made = dataclasses.make_dataclass("Options", fields, frozen=True)
    made.__doc__ = hyper.Config.__doc__
    return made


if typing.TYPE_CHECKING:
    Options = Any
else:
    Options = _options()


def command(
    algorithm: tyro.conf.Positional[Literal["ippo", "mappo"]],
    env: str,
    options: tyro.conf.OmitArgPrefixes[Options],
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Train an agent by PPO in self-play or as a team, and export it.

    All seats learn, with shared parameters. Every hyper-parameter is a flag; what is not given is
    the game's preset, which is printed, or the default. The exported agent is the folder
    DIR/agent, which plays wherever an agent is named:

      arenas train ippo --env smax-3m-v0 --steps 1000000 --out runs/3m

      arenas tournament rrps-v0 --agents runs/rrps/agent rrps/copy

    Ctrl-C exports what was learnt so far.

    Args:
        algorithm: ippo values what each seat observes, mappo what all observe together.
        env: the environment, such as smax-3m-v0 or colorgrid-v0,size=8.
        options: hyper-parameters.
        out: the run's folder, new or empty: config.json, metrics.jsonl, agent; by default
            runs/ENV-ALGORITHM-SEED.
        seed: the same seed gives the same agent.
        json: print the result as JSON.
    """
    spec, _ = registry.resolve(registry.envs, env)
    given = {n: v for n, v in vars(options).items() if v is not None}
    config = hyper.resolve(spec.id, spec.game, given)
    preset = {n: v for n, v in hyper.preset(spec.id, spec.game).items() if n not in given}
    if preset and not json:
        shown = " ".join(f"--{n.replace('_', '-')} {v}" for n, v in preset.items())
        output.warn(f"preset of {spec.game}: {shown}")
    folder = out or Path("runs") / f"{spec.id}-{algorithm}-{seed}"
    if (folder / "config.json").exists():
        raise BadArgument(f"{folder} holds a run already; give another --out")
    from arenas.agents.ppo.train import train

    last: dict[str, Any] = {}
    with output.progress() as bar:
        bar.columns = (*bar.columns[:2], *bar.columns[3:])  # no count of episodes
        task = bar.add_task("compiling", total=config.updates)

        def tell(row: dict[str, Any]) -> None:
            last.update(row)
            mean = sum(row["return"]) / len(row["return"])
            speed = row["steps"] / max(row["seconds"], 1e-9)
            text = f"{row['steps']:,} steps, {speed:,.0f}/s, return {mean:.3g}"
            if row["win_rate"]:
                text += f", won {row['win_rate']:.0%}"
            bar.update(task, advance=1, description=text)

        agent = train(
            env,
            config,
            folder,
            algorithm=algorithm,
            seed=seed,
            command=["arenas", *sys.argv[1:]],
            progress=tell,
        )
    if json:
        output.print_json({"agent": str(agent), "last": last})
    else:
        output.console().print(f"agent: {agent}", highlight=False, markup=False)

"""Training throughput, against JaxMARL's own training scripts in the same process.

    python benchmarks/train_speed.py --jaxmarl PATH/TO/JaxMARL

Both sides train from the start with the same network, environments, steps, epochs and minibatches:
those that JaxMARL publishes for ``ippo_rnn_smax`` (here on 3m) and ``ippo_ff_hanabi``. A run is
``--updates`` updates in one compiled call that begins with fresh parameters and environments; what
it takes to compile it is apart. The sides take turns; reported are environment steps a second (a
step of one copy, with all its agents, is one), medians over ``--repeats`` turns of at least
``--seconds``, and their ratio; and the lowest, median and highest ratio of two turns that followed
each other, which tells what of the spread is the machine's.

JaxMARL's scripts are not in its wheel: ``--jaxmarl`` names a checkout of its repository
(github.com/FLAIROx/JaxMARL), or a folder with the scripts. They import distrax, hydra and
omegaconf, and wandb. Where wandb, hydra or omegaconf is missing, an empty module takes its place:
the first would only log, the others only read the command line. distrax has part in the work, and
must be installed. JaxMARL's scripts call back to the host once an update to log; ``--logging off``
takes this call out, which tells what it costs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import pathlib
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import jax
import rich.console
import rich.table
import tyro
from timing import command, in_turns, machine, print_json, table

import arenas
from arenas.agents.ppo import spread
from arenas.agents.ppo.config import Config, resolve
from arenas.agents.ppo.learner import Learner
from arenas.errors import BadArgument
from arenas.interop.jaxmarl import import_jaxmarl

SCRIPTS = {"smax-3m-v0": "ippo_rnn_smax", "hanabi-v0": "ippo_ff_hanabi"}
GAMES = {"smax-3m-v0": "smax", "hanabi-v0": "hanabi"}
# What the scripts' published YAML says and Config has no word for.
ONLY_THEIRS: dict[str, dict[str, Any]] = {
    "smax-3m-v0": {
        "MAP_NAME": "3m",
        "SCALE_CLIP_EPS": False,
        "OBS_WITH_AGENT_ID": True,
        "ENV_KWARGS": {
            "see_enemy_actions": True,
            "walls_cause_death": True,
            "attack_mode": "closest",
        },
    },
    "hanabi-v0": {"ENV_NAME": "hanabi", "ENV_KWARGS": {}},
}
ABSENT_IS_FINE = ("wandb", "hydra", "omegaconf")


@dataclasses.dataclass
class Result:
    """One side of one comparison.

    Attributes:
        env: our environment's id.
        side: who trains.
        steps_per_second: median.
        lowest: of the repeats.
        highest: of the repeats.
        compile_seconds: tracing and compiling the run.
        ratio: our median over this one: above 1, Arenas is faster.
        ratios: the same of the turns that followed each other, lowest, median and highest.
    """

    env: str
    side: str
    steps_per_second: float
    lowest: float
    highest: float
    compile_seconds: float
    ratio: float
    ratios: tuple[float, float, float]


def compiled(train: Callable[[Any], Any]) -> tuple[Callable[[], Any], float]:
    """A run of ``train`` from a key, and the seconds that it took to compile."""
    key = jax.random.PRNGKey(0)
    start = time.perf_counter()
    program = jax.jit(train).lower(key).compile()
    seconds = time.perf_counter() - start

    def run() -> None:
        jax.block_until_ready(program(key))
        jax.effects_barrier()  # the last call to the host belongs to the run

    run()
    return run, seconds


def ours(id: str, config: Config, updates: int) -> Callable[[Any], Any]:
    """Our training, from a key to the state and metrics."""
    env = arenas.make(id)
    assert isinstance(env, arenas.Env)
    learner = Learner(env, config)
    return lambda key: learner._run(learner.init(key), updates, updates)


def theirs(
    id: str, config: Config, updates: int, script: Any, logging: bool
) -> Callable[[Any], Any]:
    """JaxMARL's training with the same settings, from a key to the state.

    Args:
        id: our environment's.
        config: the settings.
        updates: of one run.
        script: from :func:`load`.
        logging: whether it calls back to the host once an update.
    """
    settings = {
        "LR": config.lr,
        "NUM_ENVS": config.num_envs,
        "NUM_STEPS": config.rollout,
        "TOTAL_TIMESTEPS": config.steps_per_update * updates,
        "UPDATE_EPOCHS": config.epochs,
        "NUM_MINIBATCHES": config.minibatches,
        "GAMMA": config.gamma,
        "GAE_LAMBDA": config.gae_lambda,
        "CLIP_EPS": config.clip,
        "ENT_COEF": config.entropy,
        "VF_COEF": config.value,
        "MAX_GRAD_NORM": config.max_grad_norm,
        "ANNEAL_LR": config.anneal_lr,
        "GRU_HIDDEN_DIM": config.hidden,
        "FC_DIM_SIZE": config.hidden,
        "ACTIVATION": "relu",
        "SEED": 0,
    }
    train = script.make_train(settings | ONLY_THEIRS[id])
    if logging:
        return train

    def silent(key: Any) -> Any:
        call = jax.experimental.io_callback
        jax.experimental.io_callback = lambda *args, **kwargs: None
        try:
            return train(key)
        finally:
            jax.experimental.io_callback = call

    return silent


def find(folder: pathlib.Path | None) -> pathlib.Path:
    """Where JaxMARL's scripts lie.

    Raises:
        BadArgument: they are not there.
    """
    wanted = [f"{s}.py" for s in SCRIPTS.values()]
    if folder is None:
        raise BadArgument(
            "--jaxmarl is not given; accepted is a checkout of github.com/FLAIROx/JaxMARL, whose "
            f"baselines/IPPO holds {' and '.join(wanted)} (they are not in its wheel), or "
            "--against none, which measures Arenas alone"
        )
    for place in (folder / "baselines" / "IPPO", folder):
        if all((place / name).exists() for name in wanted):
            return place
    raise BadArgument(
        f"--jaxmarl is {str(folder)!r}, which has no {' and '.join(wanted)}, neither in "
        "baselines/IPPO nor itself; accepted is a checkout of JaxMARL's repository"
    )


def load(path: pathlib.Path) -> Any:
    """The script as a module."""
    with stand_ins():
        if importlib.util.find_spec("distrax") is None:
            raise BadArgument(f"{path.name} needs distrax, which is not installed: pip install it")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Modules that the scripts import and a measurement does not need, where they are missing."""

    def nothing(*args: Any, **kwargs: Any) -> None:
        """Logs nothing."""

    def undecorated(*args: Any, **kwargs: Any) -> Any:
        return lambda function: function

    empty = {
        "wandb": {"init": nothing, "log": nothing},
        "hydra": {"main": undecorated},
        "omegaconf": {"OmegaConf": None},
    }
    missing = [n for n in ABSENT_IS_FINE if importlib.util.find_spec(n) is None]
    for name in missing:
        module = types.ModuleType(name)
        vars(module).update(empty[name])
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def measure(
    id: str,
    config: Config,
    scripts: pathlib.Path | None,
    logging: bool,
    updates: int,
    repeats: int,
    seconds: float,
) -> list[Result]:
    """One environment; the first result is ours."""
    trains = {"arenas": ours(id, config, updates)}
    if config.devices > 1:
        alone = dataclasses.replace(config, devices=1)
        trains["arenas, 1 device"] = ours(id, alone, updates)
    if scripts is not None:
        trains[f"jaxmarl {SCRIPTS[id]}"] = theirs(
            id, config, updates, load(scripts / f"{SCRIPTS[id]}.py"), logging
        )
    runs, compile_seconds = {}, {}
    for name, train in trains.items():
        runs[name], compile_seconds[name] = compiled(train)
    steps = config.steps_per_update * updates
    rates = in_turns(runs, repeats, seconds)
    per_second = {n: [r * steps for r in rates[n]] for n in rates}
    first = statistics.median(per_second["arenas"])

    def ratios(values: list[float]) -> tuple[float, float, float]:
        each = [a / b for a, b in zip(per_second["arenas"], values, strict=True)]
        return min(each), statistics.median(each), max(each)

    return [
        Result(
            env=id,
            side=name,
            steps_per_second=statistics.median(values),
            lowest=min(values),
            highest=max(values),
            compile_seconds=compile_seconds[name],
            ratio=first / statistics.median(values),
            ratios=ratios(values),
        )
        for name, values in per_second.items()
    ]


def main(
    envs: Annotated[tuple[Literal["smax-3m-v0", "hanabi-v0"], ...], tyro.conf.arg(metavar="ID")] = (
        "smax-3m-v0",
        "hanabi-v0",
    ),
    jaxmarl: pathlib.Path | None = None,
    against: Literal["jaxmarl", "none"] = "jaxmarl",
    logging: Literal["on", "off"] = "on",
    num_envs: int | None = None,
    rollout: int | None = None,
    devices: int = 1,
    updates: int = 2,
    repeats: int = 7,
    seconds: float = 1.0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Training throughput, against JaxMARL's own training scripts in the same process.

    Args:
        envs: which of the two games.
        jaxmarl: a checkout of JaxMARL's repository.
        against: whom to compare with; ``none`` measures Arenas alone.
        logging: whether JaxMARL's scripts call back to log.
        num_envs: copies of the environment; the published number without it.
        rollout: steps between updates; the published number without it.
        devices: that our side divides its work among, as ``arenas train --devices``; with
            several, it is measured on one as well.
        updates: of one run.
        repeats: turns of each side.
        seconds: least duration of a turn.
        json_: print JSON instead of tables.
    """
    scripts = find(jaxmarl) if against == "jaxmarl" else None
    spread.request(devices)
    if scripts is not None:
        import_jaxmarl()
    console = rich.console.Console(stderr=json_, width=100)
    console.print(machine())
    results: list[Result] = []
    for id in envs:
        given = {n: v for n, v in {"num_envs": num_envs, "rollout": rollout}.items() if v}
        given["devices"] = devices
        config = resolve(id, GAMES[id], given)
        # Step sizes are lowered over the run's own length on both sides.
        config = dataclasses.replace(config, steps=config.steps_per_update * updates).check()
        found = measure(id, config, scripts, logging == "on", updates, repeats, seconds)
        results += found
        if not json_:
            console.print(shown(found, config))
            console.file.flush()
    if json_:
        print_json(results)


def shown(results: list[Result], config: Config) -> rich.table.Table:
    """The sides of one comparison."""
    title = f"{results[0].env}: {config.num_envs} copies, {config.rollout} steps an update"
    title += f", {config.devices} devices" if config.devices > 1 else ""
    numbers = table(
        title, ("", "env steps/s", "lowest", "highest", "compile s", "arenas ×", "by turn")
    )
    for r in results:
        numbers.add_row(
            r.side,
            f"{r.steps_per_second:,.0f}",
            f"{r.lowest:,.0f}",
            f"{r.highest:,.0f}",
            f"{r.compile_seconds:.1f}",
            f"{r.ratio:.2f}",
            " ".join(f"{x:.2f}" for x in r.ratios),
        )
    return numbers


if __name__ == "__main__":
    command(main)

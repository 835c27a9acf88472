"""A training run: a folder with its configuration, metrics, checkpoints and agents."""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import arenas
from arenas._files import make_folder, write_atomically
from arenas._machine import machine
from arenas.agents.ppo import export, records, spread
from arenas.agents.ppo.checkpoint import Checkpoints
from arenas.agents.ppo.config import Algorithm, Config, to_json
from arenas.agents.ppo.evaluate import Evaluation
from arenas.agents.ppo.games import load_opponents
from arenas.agents.ppo.learner import Learner, Learning
from arenas.agents.ppo.logs import open_logs
from arenas.agents.ppo.records import CONFIG, EVALUATIONS, METRICS
from arenas.env import Env
from arenas.errors import BadArgument
from arenas.rollout import check_seed

SECONDS_BETWEEN_CHECKPOINTS = 60.0
STEPS_PER_CALL = 4096
"""Environment steps that one call of the program makes at least, between which metrics stream."""


class Run:
    """The learner, the evaluation and the agents of a run; :func:`train` makes and runs one.

    Args:
        env: the environment.
        config: hyper-parameters.
        folder: of the run.
        algorithm: ``ippo`` or ``mappo``.
        seeds: those that are trained at once.
    """

    def __init__(
        self,
        env: Env[Any],
        config: Config,
        folder: Path,
        algorithm: Algorithm,
        seeds: Sequence[int],
    ) -> None:
        self.env, self.config, self.algorithm = env, config, algorithm
        self.folder, self.seeds = folder, list(seeds)
        self.learner = Learner(env, config, algorithm, load_opponents(env, config.opponents))
        self.origin: dict[str, Any] | None = None
        """Where the parameters that training began with come from; None where they were fresh."""
        self._evaluation: Evaluation | None = None

    # The agents of a state ----------------------------------------------------------------------

    def params(self, state: Learning, index: int) -> Any:
        """What an exported agent needs of the seed with this index."""
        groups = [g.params["policy"] for g in state.groups]
        if len(self.seeds) > 1:
            groups = jax.tree.map(lambda x: x[index], groups)
        return groups[0] if len(groups) == 1 else tuple(groups)

    @property
    def group_of(self) -> tuple[int, ...]:
        """For each seat, which parameters it plays with; empty where all play with the same."""
        seating = self.learner.seating
        return seating.group_of if len(seating.rows) > 1 else ()

    def place(self, name: str, index: int) -> Path:
        """The folder of an agent: ``agent``, or ``agent-SEED`` where there are several."""
        several = f"-{self.seeds[index]}" if len(self.seeds) > 1 else ""
        return self.folder / f"{name}{several}"

    def export(self, name: str, index: int, state: Learning, about: Mapping[str, Any]) -> Path:
        """Write the agent of one seed."""
        training = {
            "algorithm": self.algorithm,
            "seed": self.seeds[index],
            "machine": machine(),
            **about,
            "config": to_json(self.config),
        }
        return export.save(
            self.place(name, index),
            self.env,
            self.learner.spec,
            jax.device_get(self.params(state, index)),
            greedy=self.config.greedy,
            training=training,
            group_of=self.group_of,
        )

    # Running ------------------------------------------------------------------------------------

    def first_state(self, begin: bool = True) -> Learning:
        """The state before the first update, with a leading axis where there are several seeds.

        Args:
            begin: with the parameters of ``config.start``, if it names an agent; else of the right
                shapes alone.
        """
        start = self.start if begin else None
        keys = [jax.random.key(seed) for seed in self.seeds]
        if len(keys) == 1:
            return jax.jit(self.learner.init)(keys[0], start)
        return jax.jit(jax.vmap(self.learner.init, in_axes=(0, None)))(jnp.stack(keys), start)

    @functools.cached_property
    def start(self) -> tuple[Any, ...] | None:
        """The parameters of ``config.start``, for each group of seats; None without an agent.

        Raises:
            UnknownName: there is no such agent.
            BadFile: it is damaged.
            BadArgument: it has another network than this run.
        """
        if not self.config.start:
            return None
        agent = arenas.load_agent(self.config.start, self.env)
        if not isinstance(agent, export.LearnedAgent):
            raise BadArgument(f"start is {self.config.start!r}; accepted are exported agents")
        groups = agent.params if agent.group_of else (agent.params,)
        own, other = self.learner.spec.to_json(), agent.spec.to_json()
        own["groups"], other["groups"] = len(self.learner.seating.rows), len(groups)
        for name, value in own.items():
            if other[name] != value:
                raise BadArgument(
                    f"start is {self.config.start!r}, whose network has {name} = {other[name]!r}; "
                    f"accepted is that of this run, {value!r}"
                )
        kept = ("command", "seed", "steps", "machine", "start")
        self.origin = {n: agent.training[n] for n in kept if n in agent.training}
        return groups

    def evaluation(self) -> Evaluation:
        """The evaluation of this run; compiled at its first use."""
        if self._evaluation is None:
            names = self.config.eval_against or self.config.opponents
            spec = self.env.spec
            if not names and spec and spec.kind == "competitive":
                names = ("random",)
            shape = jax.eval_shape(self.learner.init, jax.random.key(0))
            groups = tuple(g.params["policy"] for g in shape.groups)
            agent = export.LearnedAgent(
                self.env,
                self.learner.spec,
                groups if self.group_of else groups[0],
                greedy=self.config.greedy,
                group_of=self.group_of,
            )
            self._evaluation = Evaluation(
                self.env,
                agent,
                self.config.eval_episodes,
                load_opponents(self.env, names),
                self.config.sides,
            )
        return self._evaluation

    def evaluate(self, state: Learning) -> list[dict[str, Any]]:
        """The evaluation's results for each seed."""
        evaluation = self.evaluation()
        # Fetched, so that it plays on one device, whatever training was spread over.
        groups = (jax.device_get(self.params(state, i)) for i in range(len(self.seeds)))
        return [evaluation(params) for params in groups]


def train(
    env_id: str,
    config: Config,
    folder: str | os.PathLike[str],
    *,
    algorithm: Algorithm = "ippo",
    seed: int = 0,
    seeds: int = 1,
    resume: bool = False,
    command: Sequence[str] = (),
    tensorboard: bool | None = None,
    wandb: str | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> list[Path]:
    """Train, and export the agents; interrupted by Ctrl-C, export what was learnt so far.

    The folder gets ``config.json``; ``metrics.jsonl``, a line for each update, and
    ``evaluations.jsonl``, a line for each evaluation, with the ``seed`` each belongs to;
    ``checkpoints/``, the last and the best; ``agent/``, as it is at the end, and ``best/``, as it
    was when it was evaluated best. With several seeds these are ``agent-SEED/`` and ``best-SEED/``.

    Args:
        env_id: the environment, such as ``smax-3m-v0``.
        config: hyper-parameters.
        folder: new or empty, or with ``resume`` that of a run.
        algorithm: ``ippo`` or ``mappo``.
        seed: the same seed gives the same agent, on CPU bit for bit.
        seeds: how many agents to train at once, from ``seed`` on.
        resume: go on from the last checkpoint where there is one. On CPU the result is that of a
            run which was never interrupted, bit for bit.
        command: kept in the agent's card.
        tensorboard: write TensorBoard events; by default if its extra is installed.
        wandb: log to this project of Weights & Biases.
        progress: told a row of metrics after each update, and, with the key ``evaluation``, after
            each evaluation.

    Returns:
        The folders of the exported agents.

    Raises:
        BadArgument: the folder holds a run and is not to be resumed, or is to be, with another
            configuration; an environment or option that training does not accept.
        BadFile: the checkpoint is damaged.
        KeyboardInterrupt: after the export.
    """
    if seeds < 1:
        raise BadArgument(f"seeds is {seeds}; accepted are integers from 1")
    trained = [check_seed(seed + i) for i in range(seeds)]
    spread.request(config.devices)
    settings = records.settings(env_id, config, algorithm, seed, seeds)
    place = Path(folder)
    begun = (place / CONFIG).exists()
    if begun and not resume:
        raise BadArgument(f"{place} holds a run already; resume it, or name another folder")
    if begun:
        records.check_same(place, settings)
    run = Run(arenas.make(env_id), config, place, algorithm, trained)
    if not begun:
        _ = run.start  # what is wrong with it is said before there is a folder
    make_folder(place)
    if not begun:
        write_atomically(place / CONFIG, json.dumps(settings, indent=2) + "\n")
    with ExitStack() as stack:
        checkpoints = stack.enter_context(Checkpoints(place / "checkpoints"))
        state = run.first_state(begin=checkpoints.last is None)
        about: dict[str, Any] = {"seconds": 0.0, "best": [None] * seeds, "start": run.origin}
        done = checkpoints.last or 0
        if checkpoints.last is not None:
            state, about = checkpoints.restore(state)
            run.origin = about.get("start")
        logs = open_logs(
            place,
            settings,
            tensorboard=tensorboard,
            wandb=wandb,
            resume_from=done * config.steps_per_update,
        )
        for log in logs:
            stack.callback(log.close)
        lines = {}
        for name in (METRICS, EVALUATIONS):
            records.forget_after(place / name, done)
            lines[name] = stack.enter_context((place / name).open("a", buffering=1))

        def tell(name: str, row: dict[str, Any]) -> None:
            lines[name].write(json.dumps(row) + "\n")
            several = f"seed-{row['seed']}/" if seeds > 1 else ""
            kind = "evaluation/" if name == EVALUATIONS else ""
            shown = {n: x for n, x in row.items() if n not in ("seed", "steps")}
            for log in logs:
                log.write(
                    {f"{several}{kind}{n}": x for n, x in shown.items()} | {"steps": row["steps"]}
                )
            if progress:
                progress({**row, "evaluation": True} if kind else row)

        start, saved = time.monotonic() - about["seconds"], time.monotonic()
        marks = _marks(config)
        room = max(1, min(config.updates, STEPS_PER_CALL // config.steps_per_update))
        stopping = stack.enter_context(_ctrl_c_noted())
        while done < config.updates and not stopping.is_set():
            until = min((m for m in marks if m > done), default=config.updates)
            count = min(room, until - done)
            state, metrics = run.learner.run(state, count, room=room, seeds=seeds > 1)
            seconds = round(time.monotonic() - start, 3)
            for row in records.rows(metrics, config, trained, count, done, seconds):
                tell(METRICS, row)
            done += count
            score = None
            if done in marks:
                results = run.evaluate(state)
                for i, result in enumerate(results):
                    row = {"seed": run.seeds[i], "update": done}
                    row |= {"steps": done * config.steps_per_update, "seconds": seconds, **result}
                    tell(EVALUATIONS, row)
                    if about["best"][i] is None or result["return"] > about["best"][i]:
                        about["best"][i] = result["return"]
                        run.export("best", i, state, _provenance(run, command, done, start, result))
                score = float(np.mean([r["return"] for r in results]))
            if score is not None or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                about["seconds"] = time.monotonic() - start
                checkpoints.save(done, state, about, score)
                saved = time.monotonic()
        about["seconds"] = time.monotonic() - start
        checkpoints.save(done, state, about)
        agents = []
        for i in range(seeds):
            provenance = _provenance(
                run, command, done, start, records.last_evaluation(place, trained[i])
            )
            agents.append(run.export("agent", i, state, provenance))
        if done < config.updates:
            raise KeyboardInterrupt
    return agents


def _marks(config: Config) -> set[int]:
    """The updates after which the agent is evaluated; the last one is always among them."""
    n = min(config.evaluations, config.updates)
    return {math.ceil(config.updates * (i + 1) / n) for i in range(n)}


def _provenance(
    run: Run, command: Sequence[str], done: int, start: float, evaluation: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "command": " ".join(command),
        **({"start": run.origin} if run.origin else {}),
        "steps": done * run.config.steps_per_update,
        "seconds": round(time.monotonic() - start, 1),
        "interrupted": done < run.config.updates,
        "evaluation": evaluation,
    }


@contextmanager
def _ctrl_c_noted() -> Iterator[threading.Event]:
    """Set at the first Ctrl-C, so that the update in progress is finished; the second raises."""
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: Any) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)

"""Teach a smaller network to play as an exported agent does, and export it.

    python benchmarks/distil.py --teacher runs/hanabi/agent --env hanabi-v0 --out runs/hanabi-small
    python benchmarks/zoo.py --name hanabi --run runs/hanabi-small --env hanabi-v0 --half

The student begins with the teacher's most telling units, what the others added fitted to them by
least squares. Then it learns the teacher's policy and value in games in which, more and more, it
decides itself, so that it learns what to do where its own play leads. Ctrl-C ends early and exports
what was learnt. The same seed gives the same agent on CPU.

Sources: Rusu et al. 2016, "Policy Distillation" (arXiv 1511.06295); Ross, Gordon and Bagnell 2011,
"A Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning"
(DAgger, arXiv 1011.0686); for the beginning, He, Zhang and Sun 2017, "Channel Pruning for
Accelerating Very Deep Neural Networks" (arXiv 1707.06168).
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array
from timing import command, machine

import arenas
from arenas.agents.ppo import export, losses, networks
from arenas.agents.ppo.evaluate import Evaluation
from arenas.agents.ppo.games import Games, Playing, Seating
from arenas.cli import output
from arenas.env import Env, struct
from arenas.errors import BadArgument
from arenas.rollout import check_seed

STEPS_TO_FIT = 100
"""Steps of the teacher's games, in all copies, that the student's beginning is fitted on."""
UPDATES_PER_CALL = 100
VALUE_WEIGHT = 0.3
"""Of the value's squared error, in variances of the teacher's value, beside the policy's loss."""
METRICS = ("kl", "agreement", "value_error", "decisions", "returned", "episodes")


@struct
class Learning:
    """Everything that the student's lessons go on from."""

    params: Any
    optimizer: Any
    playing: Playing
    value_variance: Array  # float32 [], of what the teacher says where it plays
    update: Array  # int32 [], lessons given


class Distillation:
    """A teacher, a student, and the games in which the one shows the other what it would do.

    Each step of all copies is a lesson: the seats whose turn it is are asked, and the student takes
    one step of adam towards the teacher's probabilities (cross-entropy) and value.

    Args:
        env: the environment; the teacher holds or could hold every seat.
        teacher: an agent without memory, one network for all seats.
        hidden: units of each of the student's layers, of which it has as many as the teacher.
        copies: of the environment.
        updates: lessons in all, over which the step size falls to 0.
        lr: step size of the first.
        alone: share of the lessons after which the student decides everything; before, its share
            of decisions rises from 0.

    Raises:
        BadArgument: a teacher or width that it does not accept.
    """

    def __init__(
        self,
        env: Env[Any],
        teacher: Any,
        hidden: int,
        copies: int,
        updates: int,
        lr: float,
        alone: float,
    ) -> None:
        if not isinstance(teacher, export.LearnedAgent):
            raise BadArgument(f"teacher is {teacher!r}; accepted are exported agents")
        known = teacher.spec
        if known.kind != "mlp" or known.centre or teacher.group_of or not known.value:
            raise BadArgument(
                "the teacher has a memory, convolutions, centred images, several networks or no "
                "value; accepted are agents of one mlp with a value"
            )
        if not 1 <= hidden <= known.hidden:
            raise BadArgument(
                f"hidden is {hidden}; accepted are 1 to {known.hidden}, what the teacher has"
            )
        self.env, self.teacher, self.copies, self.updates = env, teacher, copies, updates
        self.lr, self.alone = lr, alone
        # A layer that only the policy has would halve what the layers below it may weigh.
        self.spec = dataclasses.replace(
            known, hidden=hidden, layers=known.layers + known.head, head=False, auxiliary=0
        )
        self.graph = networks.structure(self.spec)
        self.teacher_graph = networks.structure(known)
        self.games = Games(env, Seating(env, copies))
        self.turns = bool(env.spec and env.spec.turn_based)
        self.optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
        self.run = jax.jit(self._run)

    # What is seen and said ----------------------------------------------------------------------

    def _asked(self, playing: Playing) -> tuple[Array, Any, Array, Array]:
        """Flat seats ``[M]``, their observations and masks, and whether they decide.

        In turn-based games one seat of each copy, else all of them.
        """
        agents = self.env.num_agents
        if self.turns:
            rows = playing.acting.argmax(-1) + agents * jnp.arange(self.copies)
        else:
            rows = jnp.arange(agents * self.copies)
        view = (
            self.games.own(playing.seen),
            playing.mask.reshape(-1, playing.mask.shape[-1]),
            playing.acting.reshape(-1),
        )
        return (rows, *jax.tree.map(lambda x: x[rows], view))

    def _answers(self, graph: Any, params: Any, observation: Any, mask: Array) -> Any:
        """Logits ``[M, K]`` and values ``[M]``."""
        no = jnp.zeros((1, len(mask)), bool)
        seen = jax.tree.map(lambda x: x[None], observation)
        _, said = networks.apply(graph, params, seen, jnp.zeros((len(mask), 0)), no, ~no)
        return losses.masked_logits(said["logits"][0], mask), said["value"][0]

    def _decide(self, logits: Array, key: Array) -> Array:
        if self.teacher.greedy:
            return logits.argmax(-1).astype(jnp.int32)
        return jax.random.categorical(key, logits).astype(jnp.int32)

    def _play(self, playing: Playing, rows: Array, action: Array) -> tuple[Playing, Array, Array]:
        """The games one step later, the sum of returns of those that ended, and their number."""
        joint = jnp.zeros(self.copies * self.env.num_agents, jnp.int32).at[rows].set(action)
        playing, timestep, returns, _ = self.games.step(playing, [joint], jax.random.key(0))
        ended = timestep.terminated | timestep.truncated
        return playing, jnp.where(ended, returns.mean(-1), 0.0).sum(), ended.sum()

    # The beginning ------------------------------------------------------------------------------

    def init(self, key: Array) -> Learning:
        """The student before its first lesson: the teacher, narrowed."""
        first, draws, after = jax.random.split(key, 3)
        start = jax.jit(self.games.start)
        shown = jax.device_get(jax.jit(self._shown)(start(first), draws))
        decides, layers, logits, value = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), shown)
        layers, logits, value = jax.tree.map(lambda x: x[decides], (layers, logits, value))
        params = narrowed(self.teacher.params, layers, logits, value, self.spec.hidden)
        return Learning(
            params=params,
            optimizer=self.optimizer.init(params),
            playing=start(after),
            value_variance=jnp.maximum(value.var(), 1e-6),
            update=jnp.zeros((), jnp.int32),
        )

    def _shown(self, playing: Playing, key: Array) -> Any:
        """Of the teacher's games: who decides, its layers, logits and values, ``[T, M, ...]``."""

        def step(playing: Playing, key: Array) -> Any:
            rows, observation, mask, decides = self._asked(playing)
            leaves = zip(self.spec.leaves, jax.tree.leaves(observation), strict=True)
            x = jnp.concatenate([_flat(leaf, x) for leaf, x in leaves], -1)
            layers = []
            for layer in hidden_layers(self.teacher.params):
                x = jax.nn.relu(x @ layer["kernel"] + layer["bias"])
                layers.append(x)
            last = self.teacher.params["policy"]["last"]
            logits = x @ last["kernel"] + last["bias"]
            legal, value = self._answers(self.teacher_graph, self.teacher.params, observation, mask)
            playing, *_ = self._play(playing, rows, self._decide(legal, key))
            return playing, (decides, layers, logits, value)

        return jax.lax.scan(step, playing, jax.random.split(key, STEPS_TO_FIT))[1]

    # Lessons ------------------------------------------------------------------------------------

    def _run(self, state: Learning, key: Array, count: Any) -> tuple[Learning, dict[str, Array]]:
        """So many lessons; sums of ``METRICS`` over their decisions, and over ended episodes."""

        def one(_: Any, carry: Any) -> Any:
            state, sums = carry
            state, new = self._lesson(state, jax.random.fold_in(key, state.update))
            return state, {n: sums[n] + new[n] for n in sums}

        return jax.lax.fori_loop(0, count, one, (state, {n: jnp.zeros(()) for n in METRICS}))

    def _lesson(self, state: Learning, key: Array) -> tuple[Learning, dict[str, Array]]:
        whose, theirs, own = jax.random.split(key, 3)
        rows, observation, mask, decides = self._asked(state.playing)
        target, target_value = self._answers(
            self.teacher_graph, self.teacher.params, observation, mask
        )
        weight = decides / jnp.maximum(decides.sum(), 1)

        def loss(params: Any) -> Any:
            logits, value = self._answers(self.graph, params, observation, mask)
            apart = divergence(target, logits)
            error = (value - target_value) ** 2 / state.value_variance
            total = (weight * (apart + VALUE_WEIGHT * error)).sum()
            return total, (logits, apart, error)

        slope, (logits, apart, error) = jax.grad(loss, has_aux=True)(state.params)
        step, optimizer = self.optimizer.update(slope, state.optimizer)
        done = state.update / self.updates
        rate = self.lr * (1.0 - done)
        params = jax.tree.map(lambda p, s: p - rate * s, state.params, step)
        by_student = jax.random.uniform(whose, rows.shape) * self.alone < done
        action = jnp.where(by_student, self._decide(logits, own), self._decide(target, theirs))
        playing, returned, episodes = self._play(state.playing, rows, action)
        after = dataclasses.replace(
            state, params=params, optimizer=optimizer, playing=playing, update=state.update + 1
        )
        same = logits.argmax(-1) == target.argmax(-1)
        sums = {
            "kl": (decides * apart).sum(),
            "agreement": (decides * same).sum(),
            "value_error": (decides * error).sum(),
            "decisions": decides.sum(),
            "returned": returned,
            "episodes": episodes,
        }
        return after, sums


def divergence(of: Array, by: Array) -> Array:
    """Kullback-Leibler divergence in nats of (masked) logits ``by`` from ``of``, ``[..., K]``."""
    log_p, log_q = jax.nn.log_softmax(of, axis=-1), jax.nn.log_softmax(by, axis=-1)
    p = jnp.exp(log_p)
    return (p * jnp.where(p > 0, log_p - log_q, 0.0)).sum(-1)


def _flat(leaf: networks.Leaf, x: Array) -> Array:
    """``[M, F]``: how an mlp reads an array of the observation."""
    if leaf.classes:
        return jax.nn.one_hot(x, leaf.classes).reshape(len(x), -1)
    return x.reshape(len(x), -1) * jnp.float32(leaf.scale)


def hidden_layers(params: Any) -> list[Any]:
    """The layers of an mlp from the observation to what the last one of its policy reads."""
    layers = [params["dense"][i] for i in sorted(params["dense"])]
    inner = params["policy"].get("inner")
    return [*layers, inner] if inner else layers


def most_telling(x: np.ndarray, outgoing: np.ndarray, count: int) -> np.ndarray:
    """Units by which the others are best foretold, one after the other (pivoted Cholesky).

    Args:
        x: of each unit in many positions, ``[P, units]``.
        outgoing: ``[units, next]``, the weights with which it is read.
        count: how many.
    """
    scale = np.linalg.norm(outgoing, axis=1)
    left = np.cov(x.T.astype(np.float64)) * np.outer(scale, scale)
    kept = []
    for _ in range(count):
        best = int(left.diagonal().argmax())
        kept.append(best)
        left -= np.outer(left[best], left[best]) / max(left[best, best], 1e-12)
        left[best] = left[:, best] = 0.0
        left[best, best] = -1.0  # never again
    return np.array(kept)


def fitted(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The linear layer that makes ``y`` ``[P, outputs]`` of ``x`` ``[P, inputs]``, by ridge."""
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1).astype(np.float64)
    gram = rows.T @ rows
    gram += np.eye(len(gram)) * 1e-6 * gram.trace() / len(gram)
    w = np.linalg.solve(gram, rows.T @ y).astype(np.float32)
    return {"kernel": w[:-1], "bias": w[-1]}


def narrowed(
    params: Any, layers: list[np.ndarray], logits: np.ndarray, value: np.ndarray, hidden: int
) -> Any:
    """Parameters of an mlp without layers of its policy alone, that answers much as a wider one.

    Args:
        params: of the wider one.
        layers: what its layers answer in many positions, each ``[P, units]``.
        logits: ``[P, K]``.
        value: ``[P]``.
        hidden: units to keep of each layer.
    """
    wide = hidden_layers(params)
    kept: list[np.ndarray] = []
    outgoing = np.asarray(params["policy"]["last"]["kernel"])
    for layer, x in reversed(list(zip(wide, layers, strict=True))):
        kept.insert(0, most_telling(x, outgoing, hidden))
        outgoing = np.asarray(layer["kernel"])[:, kept[0]]
    first = {n: np.asarray(w)[..., kept[0]] for n, w in wide[0].items()}
    dense, x = {0: first}, layers[0][:, kept[0]]
    for i in range(1, len(wide)):
        whole = layers[i - 1] @ np.asarray(wide[i]["kernel"]) + np.asarray(wide[i]["bias"])
        dense[i] = fitted(x, whole[:, kept[i]])
        x = np.maximum(x @ dense[i]["kernel"] + dense[i]["bias"], 0.0)
    heads = {"policy": {"last": fitted(x, logits)}, "value": {"last": fitted(x, value[:, None])}}
    return jax.tree.map(jnp.asarray, {"dense": dense, **heads})


def learnt(lessons: Distillation, state: Learning, key: Array) -> Learning:
    """After all lessons, or those before Ctrl-C, with progress shown."""
    copies, started = lessons.copies, time.monotonic()
    with output.progress("steps") as bar:
        task = bar.add_task("learning", total=lessons.updates * copies)
        try:
            for done in range(0, lessons.updates, UPDATES_PER_CALL):
                count = min(UPDATES_PER_CALL, lessons.updates - done)
                after, sums = lessons.run(state, key, count)
                sums = {n: float(x) for n, x in sums.items()}  # waits for the lessons to end
                state, steps = after, (done + count) * copies
                told = ", ".join(f"{n} {sums[n] / sums['decisions']:.4f}" for n in METRICS[:3])
                if sums["episodes"]:
                    told += f", return {sums['returned'] / sums['episodes']:.2f}"
                bar.update(task, completed=steps, description=told)
                if bar.disable and done % (10 * UPDATES_PER_CALL) == 0:  # no terminal
                    print(f"{steps} steps, {time.monotonic() - started:.0f} s: {told}", flush=True)
        except KeyboardInterrupt:
            print("interrupted; what was learnt is kept", file=sys.stderr)
    return state


def main(
    teacher: str,
    env: str,
    out: Path,
    hidden: int = 256,
    steps: int = 8_000_000,
    copies: int = 1024,
    lr: float = 1e-3,
    alone: float = 0.25,
    seed: int = 0,
    episodes: int = 1000,
) -> int:
    """Teach a smaller network, and export it to OUT/agent.

    Args:
        teacher: any exported agent of one mlp: a name or folder.
        env: where both play; the student plays as the teacher does, on all seats.
        out: folder for the agent.
        hidden: units of each layer.
        steps: environment steps to learn from, in all copies together.
        copies: games played at once; as many decisions make one step of adam.
        lr: its step size at first; it falls to 0.
        alone: share of the steps after which the student makes all decisions.
        seed: the same seed gives the same agent.
        episodes: that the result is evaluated on, by seeds for tuning.
    """
    game = arenas.make(env)
    master = arenas.load_agent(teacher, game)
    if not 1 <= copies <= steps:
        raise BadArgument(f"copies is {copies}; accepted are 1 to {steps}, the number of steps")
    lessons = Distillation(game, master, hidden, copies, steps // copies, lr, alone)
    begin, key = jax.random.split(jax.random.key(check_seed(seed)))
    started = time.monotonic()
    state = learnt(lessons, lessons.init(begin), key)
    seconds, done = time.monotonic() - started, int(state.update)
    student = export.LearnedAgent(game, lessons.spec, state.params, greedy=master.greedy)
    result = Evaluation(game, student, episodes)(state.params)
    origin = ("command", "seed", "steps", "seconds", "interrupted", "machine", "start", "judged")
    place = export.save(
        out / "agent",
        game,
        lessons.spec,
        jax.device_get(state.params),
        greedy=master.greedy,
        training={
            "algorithm": "distillation",
            "seed": seed,
            "machine": machine(),
            "command": " ".join(["python benchmarks/distil.py", *sys.argv[1:]]),
            "teacher": {n: master.training[n] for n in origin if n in master.training},
            "steps": done * copies,
            "seconds": round(seconds, 1),
            "interrupted": done < lessons.updates,
            "evaluation": result,
        },
    )
    print(f"{place}: return {result['return']:.4g} ± {1.96 * (result['return_error'] or 0):.2g}")
    return 0


if __name__ == "__main__":
    command(main)

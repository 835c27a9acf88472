"""Hyper-parameters of the learner: documented fields, and presets per game as data.

Importing this imports neither jax nor flax, so that ``arenas train --help`` answers at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, Literal

from arenas.errors import BadArgument, UnknownName

Algorithm = Literal["ippo", "mappo"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides what a training run computes.

    Attributes:
        steps: environment steps to train for, over all parallel environments; rounded down to
            whole updates.
        num_envs: environments stepped in parallel.
        rollout: steps of each environment between two updates.
        epochs: passes over a rollout.
        minibatches: gradient steps of a pass.
        lr: Adam's step size.
        anneal_lr: lower the step size linearly to 0 at the end.
        adam_eps: Adam's epsilon.
        gamma: discount per environment step.
        gae_lambda: lambda of generalised advantage estimation.
        clip: epsilon of PPO's clipped ratio.
        clip_value: limit the change of values by the same epsilon.
        entropy: weight of the entropy bonus.
        entropy_final: its weight at the end, reached linearly; the same where negative.
        value: weight of the value loss.
        max_grad_norm: gradients are scaled down to this global norm.
        normalize: scale the advantages of a minibatch to mean 0 and deviation 1.
        reward_scale: rewards are multiplied by this before learning; reported returns are not.
        devices: that divide the environments and each minibatch among them, and compute what one
            would, up to rounding: GPUs, or on a CPU threads, where 2 are faster with large or
            recurrent networks, and idle cores.
        network: mlp, cnn (convolutions over observations of rank 3) or gru (recurrent; with
            convolutions where an observation has rank 3).
        hidden: width of the layers.
        layers: dense layers before the heads or the recurrent cell.
        head: a hidden layer of its own for the policy and for the values.
        channels: filters of each 3×3 convolution, in cnn and gru.
        stride: cells from one place of a convolution to the next; with 2 each halves the image.
        centre: planes of an image that mark the own cell, one for each group of parameters: images
            are shifted so that it lies in the middle, and what is learnt in one place holds in all.
        window: cells that a centred image reaches to each side of the middle.
        greedy: the exported agent takes the likeliest action; else it samples.
        start: an exported agent of the same network, with whose parameters training begins; empty:
            with fresh ones.
        sharing: whose parameters are the same: shared (of all seats), teams (of a team's seats;
            where a game has no teams, as separate) or separate (none).
        critic: what mappo's critic sees: observations (of all seats), state (the game's world
            state), or auto (the state where the game has one).
        opponents: names of agents to train against, spread evenly over the environments and the
            sides that the learner takes; none: all seats learn.
        self_play: share of the environments, where there are opponents, in which all seats learn.
        sides: where there are opponents, the sides that the learner takes: teams, or seats where
            the game has no teams, from 0; none: each in turn.
        auxiliary: what a further head of the network learns to predict: opponent (which one is
            met), or something that the game hides, such as ColorGrid's goal; empty: nothing.
        auxiliary_weight: weight of that head's loss.
        evaluations: how often the agent is evaluated in the course of the run; the best is kept.
        eval_episodes: episodes of each evaluation. Where the environment has no step limit, one
            that has not ended after 100,000 steps counts as it stands there.
        eval_against: agents that the evaluation meets; none: the opponents; without these random,
            where the game is competitive, else the agent alone in all seats.
    """

    steps: int = 1_000_000
    num_envs: int = 64
    rollout: int = 128
    epochs: int = 4
    minibatches: int = 4
    lr: float = 2.5e-4
    anneal_lr: bool = True
    adam_eps: float = 1e-5
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    clip_value: bool = True
    entropy: float = 0.01
    entropy_final: float = -1.0
    value: float = 0.5
    max_grad_norm: float = 0.5
    normalize: bool = True
    reward_scale: float = 1.0
    devices: int = 1
    network: Literal["mlp", "cnn", "gru"] = "mlp"
    hidden: int = 128
    layers: int = 2
    head: bool = False
    channels: tuple[int, ...] = (16, 32)
    stride: int = 1
    centre: tuple[int, ...] = ()
    window: int = 7
    greedy: bool = True
    start: str = ""
    sharing: Literal["shared", "teams", "separate"] = "shared"
    critic: Literal["auto", "observations", "state"] = "auto"
    opponents: tuple[str, ...] = ()
    self_play: float = 0.0
    sides: tuple[int, ...] = ()
    auxiliary: str = ""
    auxiliary_weight: float = 0.1
    evaluations: int = 10
    eval_episodes: int = 128
    eval_against: tuple[str, ...] = ()

    @property
    def steps_per_update(self) -> int:
        """Environment steps of one update, over all parallel environments."""
        return self.num_envs * self.rollout

    @property
    def updates(self) -> int:
        """Number of updates of the run."""
        return self.steps // self.steps_per_update

    def check(self) -> Config:
        """Itself, if every value is accepted.

        Raises:
            BadArgument: one is not; says what was given and what is accepted.
        """
        for name, low in _LEAST.items():
            value = getattr(self, name)
            if value < low:
                raise BadArgument(f"{name} is {value}; accepted are numbers from {low:g}")
        for name in ("gamma", "gae_lambda", "self_play"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise BadArgument(f"{name} is {value}; accepted are numbers from 0 to 1")
        for name in ("lr", "clip", "max_grad_norm", "adam_eps", "reward_scale"):
            value = getattr(self, name)
            if not value > 0:
                raise BadArgument(f"{name} is {value}; accepted are numbers above 0")
        for field in dataclasses.fields(self):
            choices = _CHOICES.get(field.name)
            value = getattr(self, field.name)
            if choices and value not in choices:
                raise UnknownName(field.name, str(value), choices)
        if self.self_play and not self.opponents:
            raise BadArgument("self_play is a share beside opponents; name some, or leave it out")
        if self.sides and not self.opponents:
            raise BadArgument("sides are taken against opponents; name some, or leave them out")
        if not self.channels or min(self.channels) < 1:
            raise BadArgument(f"channels are {self.channels}; accepted are integers from 1")
        if self.num_envs % self.devices:
            raise BadArgument(
                f"num_envs is {self.num_envs}, and devices is {self.devices}; accepted is what "
                "divides the environments evenly"
            )
        if self.updates < 1:
            raise BadArgument(
                f"steps is {self.steps}, less than one update: num_envs × rollout is "
                f"{self.steps_per_update}"
            )
        return self


_LEAST: dict[str, float] = {
    "num_envs": 1,
    "rollout": 1,
    "epochs": 1,
    "minibatches": 1,
    "devices": 1,
    "entropy": 0,
    "value": 0,
    "hidden": 1,
    "layers": 0,
    "window": 1,
    "stride": 1,
    "auxiliary_weight": 0,
    "evaluations": 0,
    "eval_episodes": 1,
}
_CHOICES = {
    "network": ("mlp", "cnn", "gru"),
    "sharing": ("shared", "teams", "separate"),
    "critic": ("auto", "observations", "state"),
}

# Much entropy first: against a player that folds to raises, to raise seldom does not pay yet.
_POKER: dict[str, Any] = {
    "num_envs": 128,
    "rollout": 16,
    "lr": 1e-3,
    "gamma": 1.0,
    "gae_lambda": 1.0,
    "clip_value": False,
    "entropy": 0.3,
    "entropy_final": 0.05,
    "greedy": False,
    "eval_episodes": 512,
}

PRESETS: dict[str, dict[str, Any]] = {
    "rrps": {
        "steps": 2_000_000,
        "network": "gru",
        "hidden": 32,
        "layers": 1,
        "num_envs": 64,
        "rollout": 100,
        "minibatches": 4,
        "lr": 2e-3,
        "gamma": 0.9,
        "clip_value": False,
        "greedy": False,
        "eval_against": (
            "rrps/rock",
            "rrps/copy",
            "rrps/cycle",
            "rrps/beat-last",
            "rrps/frequency",
        ),
    },
    "fightladder": {
        "steps": 3_000_000,
        "num_envs": 192,
        "rollout": 128,
        "hidden": 128,
        "layers": 2,
        "minibatches": 8,
        "lr": 1e-3,
        "opponents": ("fightladder/cpu-1", "fightladder/cpu-2", "fightladder/cpu-3"),
        "eval_against": ("fightladder/cpu-3",),
        "greedy": False,
    },
    # Played alone, against the computer that the environment holds.
    "fightladder-ladder-v0": {"opponents": (), "eval_against": ()},
    "fightladder-pixels-v0": {
        "network": "cnn",
        "channels": (16, 32, 32, 32),
        "stride": 2,
        "layers": 1,
        "num_envs": 64,
        # Scripted players read numbers; the ladder's computer is met from pictures too.
        "opponents": (),
        "eval_against": (),
    },
    # Both seats see the same planes, so parameters of both would not know whom they move.
    "colorgrid": {
        "steps": 2_000_000,
        "sharing": "separate",
        "network": "mlp",
        "centre": (3, 4),
        "hidden": 128,
        "layers": 2,
        "num_envs": 128,
        "rollout": 32,
        "minibatches": 4,
        "lr": 1e-3,
        "gamma": 0.9,
        "gae_lambda": 0.9,
        "entropy_final": 0.001,
        "greedy": False,
    },
    "colorgrid-leader": {"centre": (3,)},
    "hanabi": {
        "steps": 20_000_000,
        "network": "mlp",
        "hidden": 512,
        "layers": 1,
        "head": True,
        "num_envs": 1024,
        "rollout": 128,
        "lr": 5e-4,
        "anneal_lr": False,
    },
    # Entropy first: else it learns to stop playing while nothing is lost yet.
    "hanabi-very-small": {
        "steps": 5_000_000,
        "hidden": 128,
        "layers": 2,
        "num_envs": 256,
        "rollout": 32,
        "lr": 1e-3,
        "anneal_lr": True,
        "gamma": 1.0,
        "clip_value": False,
        "entropy": 0.05,
        "entropy_final": 0.002,
        "eval_episodes": 512,
    },
    "kuhn": {**_POKER, "steps": 300_000, "hidden": 64},
    "leduc": {**_POKER, "steps": 1_000_000, "reward_scale": 0.2},
    # JaxMARL's published settings of ippo_rnn_smax (arXiv 2311.10090).
    "smax": {
        "steps": 10_000_000,
        "network": "gru",
        "hidden": 128,
        "layers": 1,
        "head": True,
        "num_envs": 128,
        "rollout": 128,
        "lr": 4e-3,
        "clip": 0.05,
        "max_grad_norm": 0.25,
    },
}
"""Values that differ from the defaults, by game, and on top of that by what an id begins with."""


def preset(env_id: str, game: str, given: Collection[str] = ()) -> dict[str, Any]:
    """The values that this environment's preset sets; empty where there is none.

    Args:
        env_id: the environment.
        game: its game.
        given: names of hyper-parameters that are given, before which the preset yields: in these,
            and with other opponents in whom the evaluation meets.
    """
    values: dict[str, Any] = {}
    for name, own in PRESETS.items():
        if name == game or (name.startswith(f"{game}-") and env_id.startswith(name)):
            values |= own
    yields = {*given, *(["eval_against"] if "opponents" in given else [])}
    return {n: v for n, v in values.items() if n not in yields}


def resolve(env_id: str, game: str, given: Mapping[str, Any]) -> Config:
    """The configuration of a run: defaults, then the game's preset, then what was given.

    Raises:
        UnknownName: no such hyper-parameter.
        BadArgument: a value that is not accepted.
    """
    known = [f.name for f in dataclasses.fields(Config)]
    for name in given:
        if name not in known:
            raise UnknownName("hyper-parameter", name, known)
    return Config(**{**preset(env_id, game, given), **given}).check()


def from_json(values: Mapping[str, Any]) -> Config:
    """A configuration from its JSON form (:func:`to_json`).

    Raises:
        UnknownName: it has a hyper-parameter that this version does not know.
    """
    known = [f.name for f in dataclasses.fields(Config)]
    for name in values:
        if name not in known:
            raise UnknownName("hyper-parameter", name, known)
    tuples: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    return Config(**tuples).check()


def to_json(config: Config) -> dict[str, Any]:
    """The configuration as JSON holds it."""
    return {n: list(v) if isinstance(v, tuple) else v for n, v in vars(config).items()}

"""Train Stable-Baselines3's PPO on an environment of Arenas, and enter it into a tournament.

The PettingZoo environment gets its other seats held by scripted players, drawn anew for each
episode; SuperSuit makes it a vector environment, on which Stable-Baselines3 trains. The policy is
kept as weights (safetensors) beside a JSON file: Stable-Baselines3's own files are pickles, which
run whatever code they hold. From them it is an agent of Arenas, anywhere that agents are named:

    pip install 'arenas[sb3]'
    python examples/sb3_supersuit.py --out runs/sb3
    PYTHONPATH=examples arenas match rrps-v0,throws=100,recall=2 \
      --agents sb3_supersuit:Sb3Agent,path=runs/sb3 rrps/rotatebot --episodes 10
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import rich.console
import rich.progress
import safetensors.torch
import stable_baselines3
import supersuit
import torch
import tyro
from pettingzoo.utils import BaseParallelWrapper
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecMonitor

import arenas
from arenas.agent import as_host_agent
from arenas.evaluation import Store, Tournament

CARD, WEIGHTS = "sb3.json", "policy.safetensors"
MODULE = Path(__file__).stem


class Against(BaseParallelWrapper):
    """A PettingZoo environment with one agent left: scripted players hold the other seats.

    Args:
        env: from ``arenas.parallel_env``.
        id: its id, for which the players are made.
        opponents: names of players; one of them, drawn anew, holds the other seats of an episode.
    """

    def __init__(self, env: Any, id: str, opponents: tuple[str, ...]) -> None:
        super().__init__(env)
        self.id, self.opponents = id, opponents
        self.possible_agents = env.possible_agents[:1]
        self.others = env.possible_agents[1:]
        self.made: dict[Any, Any] = {}  # at the first use: copies of this wrapper start without

    @property
    def agents(self) -> list[str]:
        """The agent that learns, while an episode goes on."""
        return [a for a in self.env.agents if a in self.possible_agents]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start an episode against the next opponent; its draw follows from the episode's seed."""
        observations, infos = self.env.reset(seed=seed, options=options)
        draws = np.random.default_rng(self.env.episode_seed)
        name = self.opponents[draws.integers(len(self.opponents))]
        self.players = {}
        for seat, other in enumerate(self.others, 1):
            if (name, other) not in self.made:
                self.made[name, other] = as_host_agent(arenas.load_agent(name, self.id))
            player = self.players[other] = self.made[name, other]
            player.watch(self.env.seats.host)
            player.reset(seat, int(draws.integers(2**32)))
        return self.own(observations), self.own(infos)

    def step(self, actions: dict[str, Any]) -> Any:
        """One step: the learner's action is given, the others' are asked for."""
        seats, timestep = self.env.seats, self.env.seats.timestep
        joint = dict(actions)
        for seat, other in enumerate(self.others, 1):
            if timestep.acting[seat]:
                view = seats.raw_observation(seat)
                joint[other] = int(self.players[other].act(view, timestep.action_mask[seat]))
        return tuple(self.own(given) for given in self.env.step(joint))

    def own(self, by_agent: dict[str, Any]) -> dict[str, Any]:
        """The learner's entries."""
        return {a: by_agent[a] for a in self.possible_agents if a in by_agent}


class Sb3Agent(arenas.HostAgent):
    """A policy that was trained here.

    Args:
        env: what it will play, with the observations and actions that it was trained on.
        path: of the folder that :func:`save` wrote.
    """

    def __init__(self, env: Any, path: str) -> None:
        torch.set_num_threads(1)  # the network is tiny, and tournaments run in several processes
        card = json.loads((Path(path) / CARD).read_text())
        self.space = env.observation_space
        self.policy = new_policy(self.space, env.action_space, card["layers"])
        self.policy.load_state_dict(safetensors.torch.load_file(Path(path) / WEIGHTS))
        self.policy.set_training_mode(False)

    def reset(self, seat: int, seed: int) -> None:
        """Start an episode: the same seed draws the same actions."""
        self.random = np.random.default_rng(seed)

    def act(self, observation: Any, action_mask: np.ndarray) -> int:
        """An action drawn from the policy, among the legal ones."""
        chances = self.probabilities(observation) * action_mask
        return int(self.random.choice(len(chances), p=chances / chances.sum()))

    def probabilities(self, observation: Any) -> np.ndarray:
        """What the policy makes of one observation: a probability for each action."""
        seen = torch.as_tensor(gymnasium.spaces.flatten(self.space, observation)[None])
        with torch.no_grad():
            return self.policy.get_distribution(seen).distribution.probs[0].double().numpy()


def new_policy(observations: Any, actions: Any, layers: list[int]) -> ActorCriticPolicy:
    """Stable-Baselines3's policy of fully connected layers, with fresh weights."""
    return ActorCriticPolicy(
        gymnasium.spaces.flatten_space(observations), actions, lambda _: 0.0, net_arch=layers
    )


def save(policy: ActorCriticPolicy, env_id: str, layers: list[int], folder: Path) -> None:
    """Write the policy as an agent: its weights, and what it takes to build it again."""
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(policy.state_dict(), folder / WEIGHTS)
    card = {
        "environment": env_id,
        "layers": layers,
        "stable_baselines3": stable_baselines3.__version__,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")


def vector_env(env_id: str, opponents: tuple[str, ...], envs: int, seed: int) -> VecMonitor:
    """The environment as Stable-Baselines3 takes it."""
    env = Against(arenas.parallel_env(env_id, flatten=True), env_id, opponents)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    vector = supersuit.concat_vec_envs_v1(
        vector, envs, num_cpus=0, base_class="stable_baselines3"
    )  # in this process: JAX runs threads, and a process with threads should not fork
    # SuperSuit's vector environment has no seed(), which PPO(seed=...) would call. Episodes that
    # are reset without a seed go on in the sequence that this one begins.
    vector.venv.reset(seed=seed)
    return VecMonitor(vector)


def bar_on_stderr() -> rich.progress.Progress:
    """A progress bar beside the output."""
    return rich.progress.Progress(console=rich.console.Console(stderr=True))


class Progress(BaseCallback):
    """A bar on standard error: steps, return of the last episodes, time left."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def _on_training_start(self) -> None:
        self.bar = bar_on_stderr()
        self.bar.start()
        self.task = self.bar.add_task("training", total=self.steps)

    def _on_step(self) -> bool:
        returns = [e["r"] for e in self.model.ep_info_buffer or ()]
        text = f"training: return {np.mean(returns):.1f}" if returns else "training"
        self.bar.update(self.task, completed=self.num_timesteps, description=text)
        return True

    def _on_training_end(self) -> None:
        self.bar.stop()


def main(
    env: str = "rrps-v0,throws=100,recall=2",
    opponents: tuple[str, ...] = (
        "rrps/rotatebot",
        "rrps/copybot",
        "rrps/rockbot",
        "rrps/switchbot",
    ),
    entrants: tuple[str, ...] = ("random", "rrps/freqbot2"),
    out: Path = Path("runs/sb3"),
    steps: int = 100_000,
    envs: int = 16,
    episodes: int = 10,
    layers: tuple[int, ...] = (64, 64),
    seed: int = 0,
) -> None:
    """Train Stable-Baselines3's PPO through SuperSuit, and enter the result into a tournament.

    Args:
        env: the environment, with numbered actions that are all legal always: this PPO knows no
            masks.
        opponents: players that it trains against, one in each episode; they enter too.
        entrants: further players of the tournament, which it has not met.
        out: the folder of the agent and of the tournament's results.
        steps: of training, in all environments together.
        envs: environments that are stepped in turn.
        episodes: of the tournament, for each seating of each pair.
        layers: sizes of the network's hidden layers.
        seed: the same seed gives the same agent on the same machine.
    """
    if (out / CARD).exists():  # its rows, kept under the same name, would count for the new one
        raise SystemExit(f"{out} holds an agent already; give another --out")
    torch.set_num_threads(1)
    set_random_seed(seed)
    model = stable_baselines3.PPO(
        "MlpPolicy",
        vector_env(env, opponents, envs, seed),
        n_steps=128,
        batch_size=256,
        learning_rate=1e-3,
        ent_coef=0.01,
        gamma=0.5,
        policy_kwargs={"net_arch": list(layers)},
        device="cpu",
    )
    model.learn(steps, callback=Progress(steps))
    save(model.policy, env, list(layers), out)
    print(f"agent: {out}")

    ours = f"{MODULE}:Sb3Agent,path={out}"
    tournament = Tournament(env, [ours, *opponents, *entrants], episodes=episodes, seed=seed)
    with Store(f"{out}/episodes.db") as store, bar_on_stderr() as bar:
        task = bar.add_task("tournament", total=len(tournament.missing(store)))
        tournament.play(store, lambda played: bar.advance(task, played))
        results = tournament.results(store)
        tournament.export(results, store, out)
    print(f"{'agent':40} return  ± 95 %  won/drawn/lost")
    for line in results.standings:
        half = line.half_width or float("nan")
        record = f"{line.wins}/{line.draws}/{line.losses}"
        print(f"{line.agent:40} {line.mean:6.1f}  {half:6.1f}  {record}")


if __name__ == "__main__":
    tyro.cli(main)

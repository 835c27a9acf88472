"""check_env finds each way of breaking the contract, says where, and passes sound games."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toys
from gymnasium.spaces import Box, Discrete

import arenas
from arenas.env import NOT_STARTED, Env, State, Transition, struct
from arenas.errors import BadArgument, ContractViolation, UnknownName
from arenas.renderers import text
from arenas.testing import check_env


@pytest.mark.parametrize("game", [toys.Race, toys.Nim, toys.NimWithPass, toys.Aim, toys.Counter])
def test_a_sound_environment_passes(game):
    check_env(game(), max_steps=6)


@pytest.mark.slow
@pytest.mark.parametrize("id", toys.IDS)
def test_every_registered_environment_keeps_the_contract(id):
    check_env(arenas.make(id, **toys.small(id)))


def test_ids_are_checked_by_name(register):
    register("toys/nim-v0", toys.Nim, players=2, turn_based=True)
    check_env("toys/nim-v0,pile=5", seeds=(3,), max_steps=4)


@pytest.fixture
def register(monkeypatch):
    """Register an environment for the length of a test."""

    def add(id, entry_point, **metadata):
        spec = arenas.registry.EnvSpec(id=id, entry_point=entry_point, **metadata)
        monkeypatch.setitem(arenas.registry.envs._specs, id, spec)

    return add


# Environments that break the contract ------------------------------------------------------------


@struct
class LineState(State):
    at: jax.Array  # int32 []


class Line(Env[LineState]):
    """A sound base for what follows: both agents see how many steps were made, at most 6."""

    agents = ("walker_0", "walker_1")
    observation_space = Box(0, 6, (2,), np.float32)
    action_space = Discrete(2)
    max_steps = 5

    def _initial(self, key):
        return LineState(at=jnp.int32(0), **NOT_STARTED)

    def _transition(self, key, state, action):
        reward = jnp.asarray([1.0, -1.0])
        return Transition(state.replace(at=state.at + 1), reward, False, {"at": state.at})

    def _observation(self, state):
        return jnp.broadcast_to(state.at.astype(jnp.float32), (2, 2))


class NaNObservation(Line):
    def _observation(self, state):
        right = super()._observation(state)
        return right.at[1, 0].set(jnp.where(state.at == 3, jnp.nan, right[1, 0]))


class WrongShape(Line):
    def _observation(self, state):
        return jnp.broadcast_to(state.at.astype(jnp.float32), (2, 3))


class WrongDtype(Line):
    def _observation(self, state):
        return super()._observation(state).astype(jnp.float16)


class OutsideTheSpace(Line):
    def _observation(self, state):
        return super()._observation(state).at[0, 1].multiply(2)


class TerminatedAndTruncated(Line):
    def _step(self, key, state, action, *, may_be_over):
        state, timestep = super()._step(key, state, action, may_be_over=may_be_over)
        over = timestep.truncated
        return state.replace(terminated=over), timestep.replace(terminated=over)


FIVE = {
    NaNObservation: r"observation at index \(0,\) is nan, which is not finite "
    r"\(seed 0, step 3, agent 'walker_1'\)",
    WrongShape: r"observation has shape \(2, 3\), not \(2, 2\), one per agent \(seed 0, step 0\)",
    WrongDtype: r"observation has dtype float16, not float32 \(seed 0, step 0\)",
    OutsideTheSpace: r"observation at index \(1,\) is 8.0, which is outside Box\(.*\) "
    r"\(seed 0, step 4, agent 'walker_0'\)",
    TerminatedAndTruncated: r"terminated and truncated are both True \(seed 0, step 5\)",
}
"""The five that PettingZoo's test lets pass, and what is said of each."""


@pytest.mark.parametrize("broken", FIVE)
def test_what_pettingzoo_lets_pass_is_caught(broken):
    toys.pettingzoo_test.parallel_api_test(arenas.parallel_env(broken()), num_cycles=20)
    with pytest.raises(ContractViolation, match=FIVE[broken]):
        check_env(broken())


class InfiniteObservation(Line):
    observation_space = Box(-np.inf, np.inf, (2,), np.float32)

    def _observation(self, state):
        return super()._observation(state) + jnp.where(state.at == 2, jnp.inf, 0)


class NotADictionary(Line):
    observation_space = toys.Nim().observation_space


class NaNReward(Line):
    def _transition(self, key, state, action):
        whole = super()._transition(key, state, action)
        return whole._replace(reward=whole.reward * jnp.where(state.at == 1, jnp.nan, 1))


class RewardAtTheReset(Line):
    def reset(self, key, **options):
        state, timestep = super().reset(key)
        return state, timestep.replace(reward=timestep.reward + 1)


class EmptyMask(Line):
    def _action_mask(self, state):
        return jnp.asarray([[True, False], [False, True]]) & (state.at < 4)


class MaskOfASeatThatWaits(toys.Nim):
    def _timestep(self, state, reward, info):
        timestep = super()._timestep(state, reward, info)
        return timestep.replace(action_mask=self._action_mask(state))


class NoOpAmongOthers(toys.NimWithPass):
    def _timestep(self, state, reward, info):
        timestep = super()._timestep(state, reward, info)
        return timestep.replace(action_mask=timestep.action_mask | ~timestep.acting[:, None])


class KeepsWhatAWaitingSeatPasses(toys.Nim):
    def _transition(self, key, state, action):
        made = super()._transition(key, state, action)
        return made._replace(info={**made.info, "passed": action})


class NobodyActs(Line):
    def _acting(self, state):
        return jnp.asarray([True, True]) & (state.at != 2)


class ActingAfterTheEnd(Line):
    def _step(self, key, state, action, *, may_be_over):
        state, timestep = super()._step(key, state, action, may_be_over=may_be_over)
        return state, timestep.replace(acting=jnp.ones(2, bool))


class GoesOnAfterTheEnd(Line):
    def step(self, key, state, action):
        new, timestep = super().step(key, state, action)
        return new.replace(at=state.at + 1), timestep


class RewardsAfterTheEnd(Line):
    def step(self, key, state, action):
        new, timestep = super().step(key, state, action)
        return new, timestep.replace(reward=jnp.ones(2))


class Unlimited(Line):
    observation_space = Box(0, 99, (2,), np.float32)

    def _step(self, key, state, action, *, may_be_over):
        state, timestep = super()._step(key, state, action, may_be_over=may_be_over)
        no = jnp.zeros((), bool)
        acting = jnp.ones(2, bool)
        return state.replace(truncated=no), timestep.replace(truncated=no, acting=acting)


class InfoAppears(Line):
    def reset(self, key, **options):
        state, timestep = super().reset(key)
        return state, timestep.replace(info={})


class InfoDisappears(Line):
    def reset(self, key, **options):
        state, timestep = super().reset(key)
        return state, timestep.replace(info={**timestep.info, "won": jnp.zeros(2)})


class InfoChangesItsDtype(Line):
    def reset(self, key, **options):
        state, timestep = super().reset(key)
        return state, timestep.replace(info={"at": jnp.zeros((), jnp.float32)})


class StateChangesItsDtype(Line):
    def _transition(self, key, state, action):
        whole = super()._transition(key, state, action)
        return whole._replace(state=whole.state.replace(at=whole.state.at + 0.5))

    def _observation(self, state):
        return jnp.broadcast_to(jnp.float32(1), (2, 2))

    def step(self, key, state, action):
        return self.step_unfinished(key, state, action)


class DoesNotCountSteps(Line):
    def _step(self, key, state, action, *, may_be_over):
        new, timestep = super()._step(key, state, action, may_be_over=may_be_over)
        return new.replace(steps=state.steps), timestep


class Nondeterministic(Line):
    """Draws from NumPy's generator at every step."""

    def _transition(self, key, state, action):
        whole = super()._transition(key, state, action)
        drawn = jax.pure_callback(
            lambda _: np.float32(np.random.default_rng().random()),
            jax.ShapeDtypeStruct((), jnp.float32),
            state.at,
            vmap_method="sequential",
        )
        return whole._replace(reward=whole.reward * drawn)


class DecidedWhenTraced(Line):
    """Draws from NumPy's generator, once for each compiled program."""

    def _transition(self, key, state, action):
        whole = super()._transition(key, state, action)
        return whole._replace(reward=whole.reward * np.float32(np.random.default_rng().random()))


class AnotherUnderVmap(Line):
    def _transition(self, key, state, action):
        @jax.custom_batching.custom_vmap
        def scale(x):
            return x

        @scale.def_vmap
        def _(axis_size, in_batched, x):
            return x * 1.0001, in_batched[0]

        whole = super()._transition(key, state, action)
        return whole._replace(reward=scale(whole.reward * (state.at + 1)))


class BranchesInPython(Line):
    def _transition(self, key, state, action):
        if action[0] == 1:
            state = state.replace(at=state.at)
        return super()._transition(key, state, action)


class IllegalActionsLeaveTheSpace(toys.Nim):
    def _legal(self, state, action):
        return action


class TakesAnyShape(Line):
    def _step(self, key, state, action, *, may_be_over):
        return super()._step(key, state, jnp.zeros(2, jnp.int32), may_be_over=may_be_over)


class AgentsInAList(Line):
    agents = ["walker_0", "walker_1"]  # type: ignore[assignment]  # noqa: RUF012


class TheSameNameTwice(Line):
    agents = ("walker", "walker")


class UnboundedActions(Line):
    action_space = Box(-np.inf, np.inf, (2,), np.float32)


class ActionsFromOne(Line):
    action_space = Discrete(2, start=1)


class NoWordForAnAction(Line):
    action_labels = ("left",)


class NoSteps(Line):
    max_steps = 0


BROKEN = {
    InfiniteObservation: r"observation at index \(0,\) is inf, .*not finite \(seed 0, step 2",
    NotADictionary: r"observation is a ndarray, not a dictionary of \['mine', 'pile'\]",
    NaNReward: r"reward is nan, not finite \(seed 0, step 2, agent 'walker_0'\)",
    RewardAtTheReset: r"reward at the reset is \[1. 1.\], not zeros",
    EmptyMask: r"action_mask has no legal action \(seed 0, step 4, agent 'walker_0'\)",
    MaskOfASeatThatWaits: r"action_mask of a seat that does not act is not all True",
    NoOpAmongOthers: r"mask of a seat that does not act is not True for no_op 3 alone",
    KeepsWhatAWaitingSeatPasses: r"the action of a seat that does not act is read: .*passed",
    NobodyActs: r"nobody is acting, and the episode is not over \(seed 0, step 2\)",
    ActingAfterTheEnd: r"somebody is acting after the end \(seed 0, step 5\)",
    GoesOnAfterTheEnd: r"a step after the end changes the state: .at is 6 against 5",
    RewardsAfterTheEnd: r"reward of a step after the end is \[1. 1.\]",
    Unlimited: r"goes on after max_steps = 5 steps; it must be truncated",
    InfoAppears: r"info\['at'\] was not there at the reset \(seed 0, step 1",
    InfoDisappears: r"info\['won'\] was there at the reset and is not now",
    InfoChangesItsDtype: r"info\['at'\] is int32\[\], and was float32\[\] at the reset",
    StateChangesItsDtype: r"state.at is float32\[\], and was int32\[\] at the reset",
    DoesNotCountSteps: r"state.steps is 0 after 1 steps",
    Nondeterministic: r"the same seed and actions give another trajectory: .reward is",
    DecidedWhenTraced: r"under vmap the trajectory differs|without jit the result differs",
    AnotherUnderVmap: r"under vmap the trajectory differs from the single environment's: .reward",
    BranchesInPython: r"reset under jit raises TracerBoolConversionError \(seed 0, step 0\)",
    IllegalActionsLeaveTheSpace: r"action_mask has no legal action \(seed \d, step \d, "
    r"after an action that is (out of range|masked)",
    TakesAnyShape: r"an action with one agent more is accepted; it must raise BadShape",
    AgentsInAList: r"agents is \['walker_0', 'walker_1'\]; it must be a tuple of names",
    TheSameNameTwice: r"agents \('walker', 'walker'\) are not all different",
    UnboundedActions: r"action_space is Box\(.*must be Discrete, or a bounded float Box of rank 1",
    ActionsFromOne: r"action_space starts at 1; it must start at 0",
    NoWordForAnAction: r"1 action_labels for 2 actions",
    NoSteps: r"max_steps is 0; it must be an integer from 1, or None",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_environment_is_caught(broken):
    with pytest.raises(ContractViolation, match=BROKEN[broken]):
        check_env(broken())


def test_the_base_of_the_broken_environments_is_sound():
    check_env(Line())


# Host environments -------------------------------------------------------------------------------


class TakesIllegalActions(toys.Counter):
    def step(self, action):
        return super().step(np.clip(action, 0, 3))


class ChangesBeforeItRaises(toys.Counter):
    def _checked(self, action):
        self._at += 1
        action = super()._checked(action)
        self._at -= 1
        return action


class StepsOn(toys.Counter):
    def step(self, action):
        last = self.timestep
        if last is not None and last.terminated:
            return last
        return super().step(action)


class Forgetful(toys.Counter):
    """Does not start over at a reset."""

    games = 0

    def _reset(self, seed):
        super()._reset(seed)
        self.games += 1
        self._at = self.games % 2
        return self._timestep(0.0)


BROKEN_HOSTS = {
    TakesIllegalActions: r"an action that is out of range is accepted; it must raise IllegalAction",
    ChangesBeforeItRaises: r"an action that is out of range raises, but changes the state",
    StepsOn: r"a step after the end is accepted; it must raise EpisodeOver",
    Forgetful: r"the same seed and actions give another trajectory",
}


@pytest.mark.parametrize("broken", BROKEN_HOSTS)
def test_a_broken_host_environment_is_caught(broken):
    with pytest.raises(ContractViolation, match=BROKEN_HOSTS[broken]):
        check_env(broken(), seeds=(0,))


class FasterAndWrong(toys.Counter):
    """Claims to be Line on the host."""

    agents = Line.agents
    observation_space = Line.observation_space
    action_space = Line.action_space
    max_steps = Line.max_steps

    def __init__(self):
        self._env = arenas.host.JaxHost(Line())

    def _reset(self, seed):
        return self._env.reset(seed)

    def _step(self, action):
        timestep = self._env.step(action)
        return timestep.replace(reward=timestep.reward * (1 if self._env.steps < 3 else 2))

    def state(self):
        return self._env.state()


def test_a_host_form_that_differs_is_caught(register):
    register("toys/line-v0", Line, host=FasterAndWrong)
    message = r"the host form differs from the JAX environment: .reward is \[ ?2., -2.\] .*step 3"
    with pytest.raises(ContractViolation, match=message):
        check_env("toys/line-v0", seeds=(0,))


class RoundsOtherwiseOnTheHost(FasterAndWrong):
    def _step(self, action):
        timestep = self._env.step(action)
        return timestep.replace(reward=np.nextafter(timestep.reward, np.float32(9)))


def test_a_tolerance_allows_for_rounding_and_no_more(register):
    register("toys/line-v0", Line, host=RoundsOtherwiseOnTheHost)
    with pytest.raises(ContractViolation, match="the host form differs"):
        check_env("toys/line-v0", seeds=(0,))
    check_env("toys/line-v0", seeds=(0,), tolerance=1e-6)
    register("toys/line-v0", Line, host=FasterAndWrong)
    with pytest.raises(ContractViolation, match="the host form differs"):
        check_env("toys/line-v0", seeds=(0,), tolerance=1e-6)


def test_bad_arguments_are_refused():
    with pytest.raises(BadArgument, match="seeds is empty"):
        check_env(Line(), seeds=())
    with pytest.raises(BadArgument, match="max_steps is 0"):
        check_env(Line(), max_steps=0)
    with pytest.raises(BadArgument, match=r"tolerance is -1\.0"):
        check_env(Line(), tolerance=-1.0)
    with pytest.raises(BadArgument, match="seed is -1"):
        check_env(Line(), seeds=(-1,))
    with pytest.raises(BadArgument, match="is not an environment"):
        check_env(object())
    with pytest.raises(UnknownName, match="unknown env id"):
        check_env("nobody-v0")


def test_the_guide_to_adding_an_environment_runs(monkeypatch):
    monkeypatch.setattr(arenas.registry.envs, "_specs", dict(arenas.registry.envs._specs))
    monkeypatch.setattr(text, "_drawings", dict(text._drawings))
    guide = pathlib.Path(__file__).parent.parent / "docs" / "add_an_environment.md"
    names = {}
    for block in re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL):
        exec(compile(block, str(guide), "exec"), names)
    host = arenas.make_host("nim-v0,pile=3")
    host.reset(0)
    assert text.render_text(host).endswith("\no o o ")
    assert host.step([2, 0]).reward.tolist() == [1, -1]

"""The device and the host are two paths to one record."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Aim, Counter, Nim, Race

import arenas
from arenas.agent import DeviceAgent, HostedAgent
from arenas.errors import BadArgument
from arenas.host import as_host
from arenas.match import DeviceMatches, alike, forfeit_returns, play, play_episode
from arenas.registry import EnvSpec


class Sevens(arenas.HostAgent):
    """Remembers what it was given, and always takes the last legal action."""

    def __init__(self):
        self.seen, self.seeds = [], []

    def reset(self, seat, seed):
        self.seat = seat
        self.seeds.append(seed)

    def act(self, observation, action_mask):
        self.seen.append(observation)
        return int(np.flatnonzero(action_mask)[-1])


class Memory(arenas.DeviceAgent):
    """Its actions depend on its seat, its key and how often it has acted."""

    def __init__(self, name):
        self.name = name

    def init(self, key, seat):
        import jax

        return {"acts": seat, "lucky": jax.random.randint(key, (), 0, 3)}

    def act(self, params, carry, observation, action_mask, key):
        import jax

        noise = jax.random.randint(key, (), 0, 2)
        wanted = (carry["acts"] + carry["lucky"] + noise) % len(action_mask)
        return {**carry, "acts": carry["acts"] + 1}, wanted * action_mask[wanted]


class Reckless(Memory):
    """Takes any number now and then, legal or not."""

    def __init__(self, name, numbers):
        super().__init__(name)
        self.numbers = numbers

    def act(self, params, carry, observation, action_mask, key):
        carry, action = super().act(params, carry, observation, action_mask, key)
        which, now = jax.random.split(key)
        number = jnp.asarray(self.numbers)[jax.random.randint(which, (), 0, len(self.numbers))]
        return carry, jnp.where(jax.random.uniform(now) < 0.2, number, action)


class WildAim(DeviceAgent):
    """Leaves the box now and then, or is no number."""

    name = "wild"

    def act(self, params, carry, observation, action_mask, key):
        which = jax.random.randint(key, (), 0, 8)
        far = jnp.asarray([jnp.nan, jnp.inf, -1e9, *[0.0] * 5], jnp.float32)[which]
        return carry, jnp.zeros(action_mask.shape, jnp.float32).at[-1].set(far)


def on_host(env, players):
    """Plays lineups of these device agents on the host, each compiled once."""
    ready = [HostedAgent(p) for p in players]
    host = as_host(env)
    return lambda held, seed: play_episode(host, [ready[i].twin() for i in held], seed)


def same(first, second):
    assert first.actions.dtype == second.actions.dtype
    assert np.array_equal(first.actions, second.actions)
    fields = ("env_id", "agents", "seed", "returns", "length", "outcome", "checksum", "forfeit")
    for name in fields:
        assert getattr(first, name) == getattr(second, name), name


@pytest.mark.parametrize("env", [Race(), Race(max_steps=None), Nim(), Aim()], ids=repr)
def test_the_host_and_the_device_give_the_same_records(env):
    players = [arenas.load_agent("random", env)]
    if not isinstance(env, Aim):
        players.append(Memory("memory"))
    seats = [[(i + k) % len(players) for k in range(env.num_agents)] for i in range(12)]
    seeds = list(range(100, 112))
    # Pieces of five: the last is padded, and agents hold other seats in each.
    device = list(DeviceMatches(env, players, batch=5).play(seats, seeds))
    assert len({e.checksum for e in device}) > 3
    played = on_host(env, players)
    for episode, held, seed in zip(device, seats, seeds, strict=True):
        same(episode, played(held, seed))


@pytest.mark.parametrize("env", [Race(), Nim(), Aim()], ids=repr)
def test_an_illegal_action_is_forfeited_on_the_device_as_on_the_host(env):
    box = isinstance(env, Aim)
    wild = WildAim() if box else Reckless("reckless", [-1, 0, 1, 2, env.num_actions])
    players = [arenas.load_agent("random", env), wild]
    seats = [[(i + k) % 2 for k in range(env.num_agents)] for i in range(24)]
    device = list(DeviceMatches(env, players, batch=10).play(seats, range(24)))
    forfeits = [e.forfeit for e in device if e.forfeit]
    assert 5 < len(forfeits) < 24
    assert {f.seat for f in forfeits} == set(range(env.num_agents))
    assert len({f.reason for f in forfeits}) > 2
    assert len({e.length for e in device if e.forfeit}) > 2
    played = on_host(env, players)
    for seed, (episode, held) in enumerate(zip(device, seats, strict=True)):
        same(episode, played(held, seed))


class Throws(DeviceAgent):
    """Throws what its parameter says."""

    def __init__(self, throw):
        self.name, self.params = f"throws-{throw}", jnp.int32(throw)

    def act(self, params, carry, observation, action_mask, key):
        return carry, params


class ThrowsOwn(Throws):
    """The same, by a constant of its program."""

    def act(self, params, carry, observation, action_mask, key):
        return carry, jnp.int32(int(self.name[-1]))


def test_agents_that_differ_in_parameters_only_are_one_kind_and_each_plays_by_its_own():
    env = arenas.make("rrps-v0", throws=4)
    field = [Throws(0), ThrowsOwn(1), Throws(2), ThrowsOwn(0), Throws(1)]
    assert alike(env, field) == [[0, 2, 4], [1], [3]]
    pairs = [(a, b) for a in range(5) for b in range(5)]
    played = DeviceMatches(env, field, batch=7).play(pairs, range(len(pairs)), record=False)
    throws = [0, 1, 2, 0, 1]  # paper, 1, beats rock, 0, and so on round
    for (a, b), episode in zip(pairs, played, strict=True):
        won = {0: 0.0, 1: 4.0, 2: -4.0}[(throws[a] - throws[b]) % 3]
        assert episode.returns == (won, -won)


class Network(DeviceAgent):
    """Chooses by the last bit of floats, so that the order in which they are added decides."""

    name = "network"

    def __init__(self, env):
        size = env.observation_space.shape[0]
        self.params = jnp.asarray(np.random.default_rng(0).normal(size=(size, 64)), jnp.float32)

    def act(self, params, carry, observation, action_mask, key):
        hidden = jnp.tanh(observation.astype(jnp.float32) @ params)
        bits = jax.lax.bitcast_convert_type((hidden @ params.T).sum(), jnp.uint32)
        legal = jnp.argsort(~action_mask, stable=True)  # legal actions first
        return carry, legal[bits % action_mask.sum().astype(jnp.uint32)].astype(jnp.int32)


def test_a_match_does_not_depend_on_how_many_are_played_beside_it():
    env = arenas.make("hanabi-very-small-v0")
    many = list(DeviceMatches(env, [Network(env)]).play([[0, 0]] * 70, range(70)))
    few = list(DeviceMatches(env, [Network(env)]).play([[0, 0]] * 3, range(3)))
    for one, other in zip(few, many, strict=False):
        assert (one.returns, one.checksum) == (other.returns, other.checksum)
        np.testing.assert_array_equal(one.actions, other.actions)


def test_a_match_of_several_episodes_counts_its_seeds_on():
    env = Nim()
    agents = [arenas.load_agent("random", env), Memory("memory")]
    together = play(env, agents, episodes=3, seed=4_294_967_294)
    assert [e.seed for e in together] == [4_294_967_294, 4_294_967_295, 0]
    for episode in together:
        same(episode, play(env, agents, seed=episode.seed)[0])


def test_only_the_acting_seat_is_asked():
    first, second = Sevens(), Sevens()
    [episode] = play(Nim(pile=9, random_pile=False), [first, second])
    assert episode.actions[:, 0].tolist() == [2, 0, 2]  # takes 3, then the other, then 3
    assert episode.actions[:, 1].tolist() == [0, 2, 0]
    assert episode.returns == (1.0, -1.0)
    assert (len(first.seen), len(second.seen)) == (2, 1)
    assert [int(o["pile"]) for o in first.seen] == [9, 3]
    assert first.seen[0]["mine"].tolist() == [1]
    assert first.seeds != second.seeds


def test_an_environment_of_the_host_is_played_too():
    [episode] = play(Counter(), [Sevens()], seed=3)
    assert (episode.length, episode.outcome) == (5, "terminated")
    assert episode.returns == (1.0,)  # of 0, 1, 2, 3, 0 only the three is what it says


def test_truncation_is_an_outcome_of_its_own():
    [episode] = play(Race(goal=100, max_steps=4), ["random"] * 3)
    assert (episode.outcome, episode.length) == ("truncated", 4)


@pytest.mark.parametrize(
    ("agents", "settings", "message"),
    [
        (["random"], {}, "1 agents given; .* has 3 seats: runner_0, runner_1, runner_2"),
        (["random"] * 3, {"episodes": 0}, "episodes is 0"),
        (["random"] * 3, {"seed": 2**32}, "accepted are integers from 0 to 4294967295"),
        ([Sevens()] * 3, {}, "one host agent object holds two seats"),
    ],
)
def test_a_match_that_cannot_be_is_refused(agents, settings, message):
    with pytest.raises(BadArgument, match=message):
        play(Race(), agents, **settings)


def test_a_forfeit_keeps_what_was_played_until_then():
    class Quits(Sevens):
        def act(self, observation, action_mask):
            if len(self.seen) == 2:
                raise ValueError("lost the thread")
            return super().act(observation, action_mask)

    episode = play_episode(as_host(Race(goal=50)), [Sevens(), Quits(), Sevens()], 1)
    assert (episode.outcome, episode.length) == ("forfeit", 2)
    assert episode.forfeit.seat == 1
    assert "ValueError: lost the thread (line" in episode.forfeit.reason
    assert episode.actions.shape == (2, 3)
    assert episode.returns is None  # Race declares no range of returns


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("competitive", (10.0, -10.0, 10.0)),
        ("cooperative", (-10.0, -10.0, -10.0)),
        ("mixed", (1.0, -10.0, 3.0)),
    ],
)
def test_failing_never_pays(kind, expected):
    env = Race()
    env.spec = EnvSpec(id="race-v0", entry_point=Race, kind=kind)
    env.return_range = (-10.0, 10.0)
    assert forfeit_returns(env, 1, [1.0, 2.0, 3.0]) == expected

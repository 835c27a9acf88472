import dataclasses
import hashlib
import json
import struct
import zlib

import numpy as np
import pytest

import arenas
from arenas.agent import as_host_agents
from arenas.errors import BadArgument, BadFile
from arenas.match import Forfeit, play_episode
from arenas.replay import MAGIC, VERSION, Replay, ReplayMismatch

ENV = "rrps-v0,throws=40"


@pytest.fixture(scope="module")
def replay():
    [episode] = arenas.play(ENV, ["rrps/randbot", "random"], seed=7)
    return Replay.of(episode)


def test_a_file_gives_back_what_was_recorded(replay, tmp_path):
    replay.save(tmp_path / "a.replay")
    again = Replay.load(tmp_path / "a.replay")
    assert np.array_equal(again.episode.actions, replay.episode.actions)
    assert again.episode.actions.dtype == replay.episode.actions.dtype
    for one in (replay, again):
        assert one.arenas_version == arenas.__version__
    plain = [dataclasses.replace(r.episode, actions=None) for r in (replay, again)]
    assert plain[0] == plain[1]
    assert [p.name for p in tmp_path.iterdir()] == ["a.replay"]


def test_a_thousand_throws_take_less_than_a_kilobyte():
    [episode] = arenas.play("rrps-v0", ["rrps/randbot", "random"], seed=1)
    assert len(Replay.of(episode).to_bytes()) < 1024  # of 2,000 throws at 1.58 bits: 396 bytes


def test_a_forfeit_is_recorded_and_verifies(tmp_path):
    from hostile import Raises

    from arenas.agent import as_host_agent

    env = arenas.make_host(ENV)
    agents = [Raises(env, at=5), as_host_agent(arenas.load_agent("rrps/paper", env))]
    replay = Replay.of(play_episode(env, agents, 3))
    replay.save(tmp_path / "f.replay")
    again = Replay.load(tmp_path / "f.replay")
    assert again.episode.forfeit == replay.episode.forfeit
    assert isinstance(again.episode.forfeit, Forfeit)
    again.verify()


def test_playing_it_again_goes_through_every_step(replay):
    steps = list(replay.steps())
    assert len(steps) == 41
    assert steps[0][2] is None
    rewards = sum(t.reward for _, t, _ in steps)
    assert tuple(rewards.tolist()) == replay.episode.returns
    replay.verify()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"returns": (99.0, -99.0)}, "returns: recorded"),
        ({"checksum": "0" * 64}, "final state: recorded 000"),
        ({"length": 39}, "length: recorded 39, now 40"),
        ({"outcome": "truncated"}, "outcome: recorded truncated, now terminated"),
        ({"env_kwargs": {"throws": 50}}, "outcome: recorded terminated, now unfinished"),
        ({"env_kwargs": {"throws": 30}}, "step 31: the episode is over"),
        ({"agents": ("a", "b", "c")}, "3 agents recorded, 2 seats"),
    ],
)
def test_anything_that_differs_fails_loudly(replay, change, named):
    wrong = dataclasses.replace(replay, episode=dataclasses.replace(replay.episode, **change))
    with pytest.raises(ReplayMismatch, match=named):
        Replay.from_bytes(wrong.to_bytes()).verify()


def test_one_changed_action_fails_loudly(replay):
    actions = replay.episode.actions.copy()
    actions[-1, 0] = (actions[-1, 0] + 1) % 3
    episode = dataclasses.replace(replay.episode, actions=actions)
    with pytest.raises(ReplayMismatch, match="final state"):
        dataclasses.replace(replay, episode=episode).verify()


@pytest.fixture(scope="module")
def told():
    """A match whose first agent tells its probabilities, and whose second does not."""
    env = arenas.make_host(ENV)
    names = ("random", "rrps/randbot")
    agents = as_host_agents([arenas.load_agent(n, env) for n in names])
    return Replay.of(play_episode(env, agents, 5, policies=True))


def test_what_agents_tell_of_their_choices_is_kept(told, replay):
    again = Replay.from_bytes(told.to_bytes()).episode.policies
    assert again.probabilities.shape == (40, 2, 3) and again.values.shape == (40, 2)
    assert again.probabilities[:, 0] == pytest.approx(1 / 3, abs=1e-3)
    assert np.isnan(again.probabilities[:, 1]).all() and np.isnan(again.values).all()
    assert struct.unpack_from("<8sH", told.to_bytes())[1] == 2
    assert struct.unpack_from("<8sH", replay.to_bytes())[1] == 1  # older versions read it
    assert Replay.from_bytes(replay.to_bytes()).episode.policies is None
    told.verify()


def test_being_asked_changes_no_choice(told):
    [plain] = arenas.play(ENV, ["random", "rrps/randbot"], seed=5)
    assert np.array_equal(plain.actions, told.episode.actions)


def test_every_cut_of_a_file_is_refused(replay):
    whole = replay.to_bytes()
    for length in range(0, len(whole), 7):
        with pytest.raises(BadFile, match="truncated|not a replay"):
            Replay.from_bytes(whole[:length])


def test_every_changed_byte_is_found(replay):
    whole = replay.to_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x41
        with pytest.raises(BadFile):
            Replay.from_bytes(bytes(damaged))


def _file(body: bytes, version: int = VERSION) -> bytes:
    digest = hashlib.sha256(body).digest()
    return struct.pack("<8sHQ32s", MAGIC, version, len(body), digest) + body


def test_a_newer_format_says_so(replay):
    with pytest.raises(BadFile, match="format version 9; .* install a newer one"):
        Replay.from_bytes(_file(b"whatever", version=9))


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        {"environment": {"id": "rrps-v0", "kwargs": {}}},
        {"dtype": "|O", "shape": [1]},
        {"dtype": "no such", "shape": [1]},
    ],
)
def test_a_well_wrapped_file_with_nonsense_inside_is_refused(replay, header):
    text = json.dumps(header).encode()
    body = zlib.compress(struct.pack("<I", len(text)) + text + b"\0" * 8)
    with pytest.raises(BadFile, match="damaged"):
        Replay.from_bytes(_file(body))


def test_a_place_that_cannot_be_written_is_named(replay):
    with pytest.raises(BadArgument, match="cannot write /proc/none/a.replay"):
        replay.save("/proc/none/a.replay")


def test_a_failed_write_leaves_the_old_file(replay, tmp_path, monkeypatch):
    path = tmp_path / "a.replay"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadArgument, match="No space left"):
        replay.save(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.replay"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadFile, match="cannot read .*none.replay: No such file"):
        Replay.load(tmp_path / "none.replay")


def test_an_episode_without_actions_is_no_replay():
    [episode] = arenas.play(ENV, ["rrps/rock", "rrps/rock"], record=False)
    with pytest.raises(ValueError, match="without record=True"):
        Replay.of(episode)


def test_replays_of_one_environment_share_its_programs():
    env = "colorgrid-v0,size=(7,5),block_density=0.3,max_steps=3"
    one, other = (
        Replay.of(arenas.play(env, ["random", "random"], seed=seed)[0]) for seed in (1, 2)
    )
    kwargs = {**one.episode.env_kwargs, "max_steps": 4}
    longer = dataclasses.replace(one, episode=dataclasses.replace(one.episode, env_kwargs=kwargs))
    assert one.env() is not other.env()
    assert one.env().env is other.env().env
    assert longer.env().env is not one.env().env
    first, second = one.steps(), other.steps()  # two at a time, step by step
    states = [(next(first)[0].checksum(), next(second)[0].checksum()) for _ in range(4)]
    assert states[-1] == (one.episode.checksum, other.episode.checksum)

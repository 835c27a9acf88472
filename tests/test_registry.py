import subprocess
import sys
from pathlib import Path

import pytest

import arenas
from arenas import registry
from arenas.errors import BadArgument, UnknownName
from arenas.registry import AgentSpec, Catalogue, EnvSpec, parse

THIRD_PARTY = Path(__file__).parent / "third_party"


@pytest.mark.parametrize(
    ("text", "name", "kwargs"),
    [
        ("rrps-v0", "rrps-v0", {}),
        ("x-v0,size=8,density=0.05", "x-v0", {"size": 8, "density": 0.05}),
        ("x-v0,a=none,b=True,c=false", "x-v0", {"a": None, "b": True, "c": False}),
        ("x-v0,d=word,e='3'", "x-v0", {"d": "word", "e": "3"}),
        ("x-v0,size=(8, 4),n=[1,2]", "x-v0", {"size": (8, 4), "n": [1, 2]}),
        ("open_spiel/g(a=f(),b=2),s='a,b'", "open_spiel/g(a=f(),b=2)", {"s": "a,b"}),
        ("open_spiel/g(a=f(),b=2)", "open_spiel/g(a=f(),b=2)", {}),
    ],
)
def test_arguments_follow_the_name_after_commas(text, name, kwargs):
    assert parse(text) == (name, kwargs)


@pytest.mark.parametrize("text", ["x-v0,size", "x-v0,=3", "x-v0,a b=3", "x-v0,"])
def test_what_is_no_argument_is_refused(text):
    with pytest.raises(BadArgument, match="write name,key=value"):
        parse(text)


def test_an_unknown_id_suggests_the_nearest():
    with pytest.raises(
        UnknownName, match="unknown env id 'colrgrid-v0'; did you mean 'colorgrid-v0'"
    ):
        arenas.make("colrgrid-v0")
    with pytest.raises(UnknownName, match="did you mean 'rrps/greenberg'"):
        arenas.load_agent("rrps/grenberg", "rrps-v0")
    with pytest.raises(UnknownName, match="did you mean 'pettingzoo'"):
        arenas.make("rrps-v0", api="petingzoo")


def test_an_unknown_argument_lists_the_accepted_ones():
    with pytest.raises(
        UnknownName, match=r"'throw'; did you mean 'throws'.*accepted arguments: throws"
    ):
        arenas.make("rrps-v0", throw=3)
    with pytest.raises(UnknownName, match="accepted arguments"):
        arenas.load_agent("rrps/constant,act=1", "rrps-v0")


def test_an_agent_of_another_game_is_refused():
    with pytest.raises(BadArgument, match="plays 'rrps', not 'colorgrid'"):
        arenas.load_agent("rrps/rock", "colorgrid-v0")


def test_a_name_is_taken_once():
    specs = Catalogue("env id", "nothing", EnvSpec)
    spec = EnvSpec(id="new-v0", entry_point="a:b")
    specs.add(spec)
    specs.add(spec)
    with pytest.raises(BadArgument, match="'new-v0' is registered already"):
        specs.add(EnvSpec(id="new-v0", entry_point="c:d"))
    assert list(specs) == ["new-v0"]


@pytest.mark.parametrize("name", ["unversioned", "two words-v0", "a/b/c-v0", "", "x-v"])
def test_an_id_has_a_version(name):
    with pytest.raises(BadArgument, match="write it as 'game-v0'"):
        registry.register(name, "a:b")


def test_an_unknown_field_of_an_entry_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'players'"):
        registry.register("new-v0", "a:b", player=2)


def test_an_entry_that_cannot_be_imported_says_why():
    with pytest.raises(BadArgument, match="cannot import 'no_such_module:x'"):
        registry.load("no_such_module:x")
    with pytest.raises(BadArgument, match="cannot import 'arenas.env:Nothing'"):
        registry.load("arenas.env:Nothing")


def test_every_entry_has_its_metadata_and_can_be_made():
    own = [s for s in registry.envs.values() if str(s.entry_point).startswith("arenas.")]
    assert len(own) >= 10
    for spec in own:
        assert spec.summary, spec
        assert spec.paper, spec
        assert spec.kind != "unknown", spec
        env = arenas.make(spec.id)
        if isinstance(spec.players, str):  # a range, where an argument decides
            low, high = map(int, spec.players.split("-"))
            assert low <= env.num_agents <= high
            assert arenas.make(spec.id, players=high).num_agents == high
        else:
            assert env.num_agents == spec.players
        assert (env.max_steps or spec.horizon) == spec.horizon
        assert env.spec is spec
    assert all(agent.summary for agent in registry.agents.values())


def test_kwargs_win_over_the_arguments_in_the_name():
    env = arenas.make("rrps-v0,throws=5", throws=7)
    assert env.kwargs == {"throws": 7}


def test_a_name_may_be_an_attribute_of_a_module():
    env = arenas.make("toys:Nim,pile=5")
    assert env.spec.id == "toys:Nim"
    assert env.pile == 5
    assert arenas.make(env.spec.id).pile == 9
    agent = arenas.load_agent("hostile:Honest", "rrps-v0")
    assert agent.name == "hostile:Honest"
    with pytest.raises(BadArgument, match="module 'toys' has no 'Chess'"):
        arenas.make("toys:Chess")
    with pytest.raises(BadArgument, match="cannot import 'no_such'"):
        arenas.make("no_such:thing-v0")


def test_importing_a_module_may_register_the_name(tmp_path, monkeypatch):
    (tmp_path / "brings_games.py").write_text(
        "import arenas\narenas.register('brought-v0', 'toys:Nim', summary='s')\n"
        "arenas.register_agent('brought/calm', 'hostile:Honest', kind='host')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert arenas.make("brings_games:brought-v0").spec.id == "brought-v0"
    assert arenas.load_agent("brings_games:brought/calm", "brought-v0").at == 0
    for specs, name in ((registry.envs, "brought-v0"), (registry.agents, "brought/calm")):
        del specs._specs[name]


def test_an_installed_distribution_brings_games_and_agents(tmp_path):
    """A real installation by pip, and Arenas in a fresh process beside it."""
    build = tmp_path / "source"
    build.mkdir()
    for file in THIRD_PARTY.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            target = build / file.relative_to(THIRD_PARTY)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", site, build], check=True, timeout=300)
    code = (
        "import arenas, sys, warnings\n"
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        "    print('coin-v0' in arenas.registry.envs, arenas.registry.envs['coin-v0'].players)\n"
        "print([str(w.message) for w in seen if 'broken-v0' in str(w.message)] != [])\n"
        "print(arenas.make('direct-v0', throws=4).throws)\n"
        "[e] = arenas.play('coin-v0', ['coin/heads', 'coin/heads'])\n"
        "print(e.returns, arenas.registry.agents['coin/heads'].kind)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.split("\n") == ["True 2", "True", "4", "(3.0, -3.0) device", ""], done.stderr


def test_an_agents_kind_is_read_off_its_class():
    spec = registry.agents.unregistered("hostile:Honest")
    assert spec == AgentSpec(name="hostile:Honest", entry_point="hostile:Honest", kind="host")
    assert registry.agents.unregistered("arenas.agents.uniform:RandomAgent").kind == "device"

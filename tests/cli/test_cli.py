"""The command as a person runs it, with its messages and exit codes.

In a process of its own where the process matters: signals, terminals, pipes, the folder it is in.
"""

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
SLOW_BOTS = ["rrps/greenberg", "rrps/iocainebot", "rrps/phasenbott", "rrps/biopic"]


def start(*args, cwd=None, sleep="0", **options):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what we start would inherit it
    env = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "JAX_COMPILATION_CACHE_DIR": str(HERE.parent / ".cache" / "jax"),
        "COLUMNS": "120",
        "SLEEP": sleep,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "arenas", *map(str, args)],
        env=env,
        cwd=cwd,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def interrupt(process):
    """Ctrl-C; exit code, output and errors. Whoever does not obey within a minute is killed."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def arenas(*args, cwd=None):
    process = start(*args, cwd=cwd)
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in out + err
    return process.returncode, out, err


def test_help_teaches(ok):
    out = ok("--help")
    for word in ("tournament", "replay", "examples:", "arenas match rrps-v0"):
        assert word in out
    assert "every seating" in ok("tournament", "--help")


def test_environments_and_agents_are_listed_for_people_and_scripts(ok):
    assert "colorgrid-v0" in ok("envs")
    listed = json.loads(ok("envs", "--json"))
    rrps = next(e for e in listed["environments"] if e["id"] == "rrps-v0")
    assert (rrps["players"], rrps["kind"], rrps["turn_based"], rrps["horizon"]) == (
        2,
        "competitive",
        False,
        1000,
    )
    assert {f["prefix"] for f in listed["families"]} == {"jaxmarl/", "open_spiel/"}
    agents = json.loads(ok("agents", "--env", "rrps-v0", "--json"))["agents"]
    names = {a["name"] for a in agents}
    assert {"rrps/greenberg", "random", "rrps/rock"} <= names
    assert not [n for n in names if n.startswith("colorgrid/")]
    assert "rrps/greenberg" in ok("agents", "--search", "green")


def test_the_names_of_other_libraries_are_listed_on_demand(ok):
    out = ok("envs", "--all")
    for name in ("jaxmarl/SMAX", "jaxmarl/hanabi", "open_spiel/kuhn_poker"):
        assert name in out
    json.loads(ok("envs", "--all", "--json"))


def test_a_match_is_recorded_verified_and_printed(ok, tmp_path):
    file = tmp_path / "game.replay"
    out = ok("match", "rrps-v0,throws=20", "--agents", "rrps/rockbot", "rrps/paper", "--seed", 7,
             "--record", file)  # fmt: skip
    assert "terminated" in out and "recorded:" in out and "-20" in out
    assert "verified" in ok("replay", file, "--verify")
    text = ok("replay", file, "--text")
    assert "player_0 rock, player_1 paper; reward -1 1" in text
    shown = json.loads(ok("replay", file, "--verify", "--text", "--json"))
    assert shown["verified"] and shown["seed"] == 7 and len(shown["steps"]) == 21
    assert shown["returns"] == [-20, 20]


def test_several_episodes_are_recorded_by_number(ok, tmp_path):
    out = json.loads(ok("match", "colorgrid-v0,size=8,max_steps=20", "--agents", "random", "random",
             "--episodes", 2, "--record", tmp_path / "g.replay", "--json"))  # fmt: skip
    assert [e["outcome"] for e in out["episodes"]] == ["truncated"] * 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g-0.replay", "g-1.replay"]
    assert "verified" in ok("replay", tmp_path / "g-1.replay", "--verify")


def test_a_replay_that_differs_exits_with_1_and_says_what(cli, tmp_path):
    from arenas import Replay, play

    [episode] = play("rrps-v0,throws=9", ["rrps/rock", "rrps/paper"])
    object.__setattr__(episode, "returns", (9.0, -9.0))
    Replay.of(episode).save(tmp_path / "lie.replay")
    code, _, err = cli("replay", tmp_path / "lie.replay", "--verify")
    assert code == 1
    assert "does not verify: returns: recorded (9.0, -9.0), now (-9.0, 9.0)" in err


def test_a_tournament_shows_standings_payoffs_and_where_things_lie(ok, tmp_path):
    args = ("tournament", "rrps-v0,throws=30", "--agents", "rrps/rock", "rrps/copybot", "random",
            "--episodes", 2, "--jobs", 2)  # fmt: skip
    out = ok(*args, "--out", tmp_path / "t")
    for word in ("Standings", "±95 %", "Payoffs", "AggScore", "episodes.db", "results.json"):
        assert word in out
    assert (
        json.loads(ok(*args, "--json"))["standings"]
        == json.loads((tmp_path / "t" / "results.json").read_text())["standings"]
    )
    assert {p.name for p in (tmp_path / "t").iterdir()} >= {
        "episodes.db",
        "results.json",
        "standings.csv",
        "payoffs.csv",
        "episodes.csv",
        "population.csv",
        "replays",
    }


def test_a_store_may_be_a_url(ok, tmp_path):
    ok("tournament", "rrps-v0,throws=5", "--agents", "rrps/rock", "random",
       "--store", f"sqlite:///{tmp_path}/ladder.db")  # fmt: skip
    with sqlite3.connect(tmp_path / "ladder.db") as db:
        assert db.execute("select count(*) from episodes").fetchone() == (40,)
    db.close()


SLEEPER = """
import os, time
from arenas import HostAgent
class Sleeper(HostAgent):
    def __init__(self, env): pass
    def reset(self, seat, seed): time.sleep(float(os.environ.get("SLEEP", 0)))
    def act(self, observation, action_mask): return 0
"""


def test_ctrl_c_keeps_what_was_played_and_the_same_command_plays_the_rest(tmp_path):
    # One of them sleeps in the first run, so that it lasts however fast the machine is.
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    agents = ("sleeper:Sleeper", "rrps/rock", "rrps/copy", "rrps/cycle")
    args = ("tournament", "rrps-v0,throws=5", "--agents", *agents, "--episodes", 8, "--jobs", 1)
    process = start(*args, "--out", tmp_path / "t", cwd=tmp_path, start_new_session=True, sleep="1")
    database = tmp_path / "t" / "episodes.db"

    def rows():
        if not database.exists():
            return 0
        with sqlite3.connect(database) as db:
            tables = db.execute("select name from sqlite_master where name='episodes'").fetchall()
            found = db.execute("select count(*) from episodes").fetchone()[0] if tables else 0
        db.close()
        return found

    deadline = time.monotonic() + 120
    while rows() == 0 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    code, out, err = interrupt(process)
    assert code == 130
    assert "Traceback" not in out + err
    assert "the same command plays the rest" in err
    kept = rows()
    assert 0 < kept < 128
    assert json.loads((tmp_path / "t" / "results.json").read_text())["missing_episodes"] > 0
    code, _, err = arenas(*args, "--out", tmp_path / "t", cwd=tmp_path)
    assert code == 0, err
    assert rows() == 4 * 4 * 8
    json_text = (tmp_path / "t" / "results.json").read_text()
    assert json.loads(json_text)["missing_episodes"] == 0


def test_a_terminal_gets_a_progress_bar_with_the_time_left(tmp_path):
    parent, child = pty.openpty()
    process = start(
        "tournament", "rrps-v0", "--agents", *SLOW_BOTS[:2], "--episodes", 5, "--jobs", 1,
        stdout=subprocess.PIPE, stderr=child,
    )  # fmt: skip
    os.close(child)
    seen = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    out, _ = process.communicate(timeout=60)
    os.close(parent)
    assert process.returncode == 0
    assert b"20/20 episodes" in seen and b"left" in seen
    assert "Standings" in out and "playing" not in out


def test_an_agent_of_ones_own_is_named_by_its_module(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from arenas import HostAgent\n"
        "class Paper(HostAgent):\n"
        "    def __init__(self, env): pass\n"
        "    def reset(self, seat, seed): pass\n"
        "    def act(self, observation, action_mask): return 1\n"
    )
    code, out, err = arenas("match", "rrps-v0,throws=8", "--agents", "mine:Paper", "rrps/rock",
                            "--json", cwd=tmp_path)  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["episodes"][0]["returns"] == [8, -8]


def test_an_agent_that_never_returns_forfeits_and_is_named(ok):
    out = ok("tournament", "rrps-v0,throws=5", "--agents", "rrps/rock", "hostile:Hangs,at=2",
             "--episodes", 1, "--move-timeout", 0.5, "--jobs", 2)  # fmt: skip
    assert "hostile:Hangs,at=2 forfeited 3: took longer than 0.5 s to move at step 2" in out


ROCKS = ("--agents", "rrps/rock", "rrps/paper")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["tournamnt"], "unknown command 'tournamnt'; did you mean 'tournament'?"),
        (["match", "rps-v0", *ROCKS], "did you mean 'rrps-v0'"),
        (["match", "rrps-v0,throw=3", *ROCKS], "did you mean 'throws'"),
        (["match", "rrps-v0,throws=0", *ROCKS], "throws is 0; accepted"),
        (["match", "rrps-v0,throws", *ROCKS], "write name,key=value"),
        (["match", "rrps-v0", "--agents", "rrps/rok", "random"], "did you mean 'rrps/rock'"),
        (["match", "rrps-v0", "--agents", "random"], "1 agents given; rrps-v0 has 2 seats"),
        (["match", "rrps-v0", *ROCKS, "--episodes", "0"], "--episodes is 0; accepted"),
        (["match", "rrps-v0", *ROCKS, "--seed", "-1"], "accepted are integers from 0"),
        (["match", "rrps-v0", *ROCKS, "--record", "/no/x.replay"], "no folder /no"),
        (["match", "colorgrid-v0", *ROCKS], "plays 'rrps', not 'colorgrid'"),
        (["tournament", "rrps-v0", *ROCKS, "--episodes", "0"], "episodes is 0; accepted"),
        (["tournament", "rrps-v0", *ROCKS, "rrps/rock"], "named twice: rrps/rock"),
        (["tournament", "rrps-v0", *ROCKS, "--jobs", "0"], "jobs is 0; accepted"),
        (["tournament", "rrps-v0", *ROCKS, "--move-timeout", "-1"], "accepted are seconds from 0"),
        (["tournament", "rrps-v0", *ROCKS, "--out", "/proc/x"], "cannot write into /proc/x"),
        (["tournament", "rrps-v0", *ROCKS, "--store", "mysqll://x"], "no driver for mysqll://x"),
        (["replay", "/no/such.replay"], "cannot read /no/such.replay"),
        (["replay", __file__], "is not a replay of Arenas"),
        (["agents", "--env", "rrsp-v0"], "did you mean 'rrps-v0'"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_is_accepted(cli, args, message):
    code, out, err = cli(*args)
    assert code == 2
    assert message in err
    assert out == ""


def test_a_process_exits_with_2_as_well():
    code, out, err = arenas("tournamnt")
    assert (code, out) == (2, "")
    assert "did you mean 'tournament'?" in err


@pytest.mark.parametrize(
    "args", [["match"], ["match", "rrps-v0"], ["tournament", "rrps-v0", "--episode", "x", *ROCKS]]
)
def test_missing_and_malformed_options_exit_with_2(cli, args):
    code, _, err = cli(*args)
    assert code == 2
    assert err


def test_a_reader_that_leaves_early_is_no_error():
    process = start("envs", "--json", stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()

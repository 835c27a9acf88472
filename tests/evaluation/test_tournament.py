import json
import sqlite3

import numpy as np
import pytest

import arenas
from arenas.errors import ArenasError
from arenas.evaluation import Store, Tournament

AGENTS = ["rrps/randbot", "rrps/copy", "random", "rrps/rock"]


def run(folder, agents=AGENTS, env="rrps-v0", **settings):
    tournament = Tournament(env, agents, **{"episodes": 2, **settings})
    with Store(folder / "episodes.db") as store:
        tournament.play(store)
        results = tournament.results(store)
        tournament.export(results, store, folder)
    return results


def table(folder):
    with sqlite3.connect(folder / "episodes.db") as db:
        rows = db.execute("select agents, seed, returns, length, outcome from episodes")
        found = sorted(rows.fetchall())
    db.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    run(folder, jobs=1, record=1)
    return folder


def test_constant_agents_get_the_payoffs_of_the_game(tmp_path):
    results = run(tmp_path, ["rrps/rock", "rrps/paper", "rrps/scissors"], "rrps-v0,throws=10")
    assert results.table.mean.tolist() == [[0, -10, 10], [10, 0, -10], [-10, 10, 0]]
    assert {s.mean for s in results.standings} == {0.0}
    assert results.missing == 0


def test_two_workers_give_the_same_rows_as_one(undisturbed, tmp_path):
    run(tmp_path, jobs=2)
    assert table(tmp_path) == table(undisturbed)
    assert len(table(tmp_path)) == 4 * 4 * 2


def test_another_seed_gives_other_rows(undisturbed, tmp_path):
    run(tmp_path, ["rrps/randbot", "rrps/rock"], seed=1)
    assert not set(table(tmp_path)) & set(table(undisturbed))


@pytest.mark.parametrize("after", [1, 19, 25])
def test_interrupted_and_started_again_it_plays_only_what_is_missing(undisturbed, tmp_path, after):
    tournament = Tournament("rrps-v0", AGENTS, episodes=2, jobs=2, record=1)
    made = [0.0]

    def interrupt(episodes):
        made[0] += episodes
        if made[0] >= after:
            raise KeyboardInterrupt

    with Store(tmp_path / "episodes.db") as store:
        with pytest.raises(KeyboardInterrupt):
            tournament.play(store, interrupt)
        left = len(tournament.missing(store))
        assert left == 32 if after == 1 else 0 < left <= 14  # 18 run on the device, first
        counted = []
        tournament.play(store, counted.append)
        assert sum(counted) == pytest.approx(left)
        assert not tournament.missing(store)
    assert table(tmp_path) == table(undisturbed)


def test_more_episodes_go_on_from_what_was_played(undisturbed, tmp_path):
    run(tmp_path, episodes=1)
    before = set(table(tmp_path))
    run(tmp_path, episodes=2)
    assert before < set(table(tmp_path))
    assert table(tmp_path) == table(undisturbed)


def test_an_agent_that_dies_forfeits_and_the_others_results_are_as_without_it(
    undisturbed, tmp_path
):
    results = run(tmp_path, [*AGENTS, "hostile:Dies,at=3"], jobs=2, episodes=1)
    others = [row for row in table(tmp_path) if "hostile" not in row[0]]
    assert len(others) == 4 * 4
    assert set(others) < set(table(undisturbed))
    line = next(s for s in results.standings if s.agent.startswith("hostile"))
    assert line.forfeits == 2 * 4 + 1
    assert line.losses == 2 * 4
    assert line.mean == -1000
    assert results.missing == 0


def test_a_device_agent_that_does_not_act_in_the_games_shape_forfeits_alone(tmp_path):
    agents = ["random", "hostile_device:WrongShape", "hostile_device:Nan"]
    results = run(tmp_path, agents, "rrps-v0,throws=5", episodes=1, jobs=1)
    forfeits = {s.agent: s.forfeits for s in results.standings}
    assert forfeits["random"] == 0
    # Of its four with others and one with itself; between the two of them the first seat fails.
    assert forfeits[agents[1]] + forfeits[agents[2]] == 4 + 2 + 2
    [own] = [r for _, r in results.rows if set(r.agents) == {"random"}]
    assert own.outcome == "terminated"


PLACES = ["rrps/rock", "hostile:Beats,level=3", "hostile:Beats,level=1", "hostile:Beats,level=2"]


@pytest.mark.parametrize("plan", ["swiss", "active"])
def test_a_field_is_ranked_by_who_beats_whom_and_goes_on_where_it_was_interrupted(plan, tmp_path):
    tournament = Tournament(
        "rrps-v0,throws=20",
        PLACES,
        episodes=6 if plan == "active" else 3,
        schedule=plan,
        jobs=1,
        **({"rounds": 3} if plan == "swiss" else {}),
    )
    made = []

    def interrupt(_):
        made.append(1)
        if len(made) == 15:
            raise KeyboardInterrupt

    with Store(tmp_path / "a.db") as store, Store(tmp_path / "b.db") as other:
        with pytest.raises(KeyboardInterrupt):
            tournament.play(store, interrupt)
        assert tournament.results(store).missing > 0
        tournament.play(store)
        results = tournament.results(store)
        tournament.play(other)
        assert tournament.results(other).as_json() == results.as_json()
    assert results.missing == 0
    assert [p.agent for p in results.places] == [PLACES[1], PLACES[3], PLACES[2], PLACES[0]]
    assert len(results.rows) <= tournament.most
    tournament.export(results, store, tmp_path)
    assert (tmp_path / "places.csv").read_text().startswith("agent,strength,first,last\n")


def test_a_round_robin_stops_once_places_are_known(tmp_path):
    settings = {"episodes": 30, "jobs": 1, "width": 0.0}
    results = run(tmp_path, ["rrps/rock", "rrps/paper"], "rrps-v0,throws=3", **settings)
    assert results.missing == 0
    assert len(results.rows) < 30 * 4
    assert [(p.agent, p.first, p.last) for p in results.places] == [
        ("rrps/paper", 1, 1),
        ("rrps/rock", 2, 2),
    ]


def test_the_files_hold_what_the_rows_say(undisturbed):
    results = json.loads((undisturbed / "results.json").read_text())
    assert results["missing_episodes"] == 0
    agents = results["payoff"]["agents"]
    assert agents == AGENTS
    mean = np.zeros((4, 4))
    for names, _, returns, _, _ in table(undisturbed):
        a, b = (agents.index(n) for n in json.loads(names))
        first, second = json.loads(returns)
        mean[a, b] += first / (4 if a != b else 2)
        mean[b, a] += second / (4 if a != b else 2)
    off = ~np.eye(4, dtype=bool)
    assert np.allclose(np.array(results["payoff"]["mean"])[off], mean[off])
    lines = (undisturbed / "episodes.csv").read_text().splitlines()
    assert len(lines) == 1 + 32
    assert (undisturbed / "standings.csv").read_text().startswith("agent,mean,half_width")
    assert "PopReturn" in str(results["population"])


def test_the_replays_that_were_asked_for_are_kept_and_verify(undisturbed):
    files = sorted((undisturbed / "replays").iterdir())
    assert len(files) == 16
    for file in files[:4]:
        arenas.Replay.load(file).verify()


@pytest.mark.parametrize(
    ("env", "agents", "settings", "message"),
    [
        ("rps-v0", AGENTS, {}, "did you mean 'rrps-v0'"),
        ("rrps-v0", ["rrps/rok"], {}, "did you mean 'rrps/rock'"),
        ("rrps-v0,throw=3", AGENTS, {}, "did you mean 'throws'"),
        ("rrps-v0", ["colorgrid/astar", "random"], {}, "plays 'colorgrid', not 'rrps'"),
        ("rrps-v0", ["random", "random"], {}, "named twice"),
        ("rrps-v0", [], {}, "no agents"),
        ("rrps-v0", AGENTS, {"episodes": 0}, "episodes is 0"),
        ("rrps-v0", AGENTS, {"jobs": 0}, "jobs is 0"),
        ("rrps-v0", AGENTS, {"seed": -1}, "accepted are integers from 0 to 4294967295"),
        ("rrps-v0", AGENTS, {"move_timeout": 0.0}, "accepted are seconds above 0"),
        ("rrps-v0", AGENTS, {"record": -1}, "record is -1"),
        ("rrps-v0", AGENTS, {"schedule": "knockout"}, "unknown schedule 'knockout'; known: active"),
        ("rrps-v0", AGENTS, {"backend": "rey"}, "did you mean 'ray'"),
        ("rrps-v0", AGENTS, {"rounds": 3}, "with the schedule swiss"),
        ("rrps-v0", AGENTS, {"schedule": "swiss", "rounds": 0}, "rounds is 0"),
        ("rrps-v0", AGENTS, {"width": -1.0}, "accepted are numbers of places from 0"),
        ("rrps-v0", AGENTS, {"memory": 0.0}, "accepted are gigabytes above 0"),
        ("hanabi-very-small-v0", ["random"], {"schedule": "active"}, "accepted is round-robin"),
        ("rrps-v0", ["random"], {"schedule": "active"}, "places need two"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_starts(env, agents, settings, message):
    with pytest.raises(ArenasError, match=message):
        Tournament(env, agents, **settings)

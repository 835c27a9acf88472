"""Cross-play: scores by hand, intervals by simulation."""

import json

import numpy as np
import pytest
from scipy import stats

import arenas
from arenas.errors import BadArgument
from arenas.evaluation.crossplay import CrossPlayMatches, jackknife, scores
from arenas.evaluation.store import Store

COORDINATION = "toys:Matrix,game=coordination"
AGENTS = ["toys:Always", "toys:Always,action=0", "toys:Always,action=1"]
PARTNER = "toys:Always,action=-1"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossplay")
    matches = CrossPlayMatches(COORDINATION, AGENTS, [PARTNER], episodes=3, seed=4)
    with Store(folder / "episodes.db") as store:
        assert matches.missing(store) == matches.total == (9 + 3 * 2) * 3
        matches.play(store)
        assert matches.missing(store) == 0
        results = matches.results(store)
        yield matches, results, matches.export(results, store, folder), folder


def test_scores_of_the_coordination_game(played):
    # Two do the first action (10 together), one the second (5 with itself), apart they get 0.
    _, results, _, _ = played
    np.testing.assert_array_equal(results.matrix, [[10, 10, 0], [10, 10, 0], [0, 0, 5]])
    assert results.self_play.mean == pytest.approx(25 / 3)
    assert results.cross_play.mean == pytest.approx(20 / 6)
    assert results.gap.mean == pytest.approx(25 / 3 - 20 / 6)
    [partner] = results.partners
    assert partner.scores == (0, 0, 5)
    assert partner.by_seat == {"row": (0, 0, 5), "column": (0, 0, 5)}
    assert results.with_partners.mean == pytest.approx(5 / 3)
    assert results.episodes == 3
    assert results.left_out == 0


def test_its_interval_is_the_jackknifes(played):
    _, results, _, _ = played
    # Without either of the first two: 7.5 - 0 left; without the last: 10 - 10.
    without = np.array([7.5, 7.5, 0.0])
    error = np.sqrt(2 / 3 * ((without - 5) ** 2).sum())
    half = stats.t.ppf(0.975, 2) * error
    np.testing.assert_allclose(
        [results.gap.low, results.gap.high], [results.gap.mean - half, results.gap.mean + half]
    )


def test_files_hold_what_was_computed(played):
    matches, results, files, folder = played
    saved = json.loads((folder / "crossplay.json").read_text())
    assert saved["matrix"] == results.matrix.tolist()
    assert saved["gap"]["mean"] == results.gap.mean
    assert (folder / "crossplay.csv").read_text().splitlines()[1] == f"{AGENTS[0]},10.0,10.0,0.0"
    assert [f.name for f in files] == ["crossplay.json", "crossplay.csv", "partners.csv"]
    assert len(list((folder / "replays").iterdir())) == len(matches.lineups)
    replay = arenas.Replay.load(folder / "replays" / "agents-2-0.replay")
    replay.verify()
    assert replay.episode.agents == (AGENTS[2], AGENTS[0])


def test_with_more_seats_a_pair_shares_them_in_every_way(tmp_path):
    matches = CrossPlayMatches("toys:Race,max_steps=2", AGENTS[1:], episodes=1)
    assert len(matches.lineups) == 1 + 6 + 1
    with Store(tmp_path / "a.db") as store:
        matches.play(store)
        results = matches.results(store)
    assert results.matrix[0, 1] == results.matrix[1, 0]
    assert results.matrix[0, 0] < results.matrix[0, 1] < results.matrix[1, 1]  # walkers gain more
    assert results.gap.low is None  # two agents


def test_leader_and_follower_are_told_apart(tmp_path):
    env = "colorgrid-shared-asymmetric-v0,size=8,max_steps=20"
    matches = CrossPlayMatches(env, ["colorgrid/astar", "random"], ["colorgrid/greedy"], episodes=2)
    with Store(tmp_path / "a.db") as store:
        matches.play(store)
        results = matches.results(store)
        rows = store.rows("colorgrid-shared-asymmetric-v0", {"size": 8, "max_steps": 20})
    assert len(rows) == 2 * (4 + 2 * 2)

    def played(leader, follower):
        return np.mean([r.returns for r in rows if r.agents == (leader, follower)])

    assert results.matrix[0, 1] == pytest.approx(played("colorgrid/astar", "random"))
    assert results.matrix[1, 0] == pytest.approx(played("random", "colorgrid/astar"))
    assert results.matrix[0, 1] > results.matrix[1, 0]  # only the leader sees what is wanted
    [partner] = results.partners
    np.testing.assert_allclose(
        [partner.by_seat["leader"], partner.by_seat["follower"]],
        [
            [played("colorgrid/greedy", a) for a in results.agents],
            [played(a, "colorgrid/greedy") for a in results.agents],
        ],
    )
    np.testing.assert_allclose(partner.scores, np.mean([*partner.by_seat.values()], 0))


def test_allies_of_another_kind_share_a_team_in_every_way(tmp_path):
    agents, partner = ["zoo/smax-3m", "smax/heuristic"], "random"
    matches = CrossPlayMatches("smax-3m-v0", agents, [partner], episodes=1)
    with Store(tmp_path / "a.db") as store:
        matches.play(store)
        results = matches.results(store)
        rows = store.rows("smax-3m-v0", {})
    assert len(rows) == 2 + 3 * 6

    def mixed(*names):
        return np.mean([np.mean(r.returns) for r in rows if set(r.agents) == set(names)])

    both = mixed(*agents)
    np.testing.assert_allclose(
        results.matrix, [[mixed(agents[0]), both], [both, mixed(agents[1])]], rtol=1e-6
    )
    [found] = results.partners
    np.testing.assert_allclose(found.scores, [mixed(a, partner) for a in agents], rtol=1e-6)
    assert found.by_seat == {}
    assert max(found.scores) < results.cross_play.mean  # random allies are no help


def test_of_single_agents_it_is_students_interval():
    values = np.random.default_rng(1).normal(size=7)
    mine = jackknife(lambda kept: values[kept].mean(keepdims=True), 7)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose([mine.low, mine.high], theirs)
    alone = jackknife(lambda kept: values[kept].mean(keepdims=True), 1)
    assert (alone.low, alone.high) == (None, None)


@pytest.mark.parametrize(("agents", "episodes", "noise"), [(5, 30, 0.3), (8, 10, 3.0)])
def test_intervals_cover_the_truth_over_agents_and_episodes(agents, episodes, noise):
    rng = np.random.default_rng(2)
    hits = np.zeros(3)
    runs = 300
    for _ in range(runs):
        skill = rng.normal(size=agents)
        own = 10 + skill + rng.normal(size=agents)
        both = rng.normal(size=(agents, agents))
        cells = 6 + skill[:, None] / 2 + skill / 2 + both + both.T
        np.fill_diagonal(cells, own)
        luck = rng.normal(size=episodes)  # of the deck, the same in all cells
        values = cells[..., None] + luck + noise * rng.normal(size=(agents, agents, episodes))
        for i, (score, truth) in enumerate(zip(scores(values), (10, 6, 4), strict=True)):
            hits[i] += score.low <= truth <= score.high
    assert (hits / runs > 0.92).all(), hits / runs
    assert (hits / runs < 1).all(), hits / runs


def test_what_does_not_cooperate_is_refused():
    with pytest.raises(BadArgument, match="competitive"):
        CrossPlayMatches("kuhn-v0", ["random"])
    with pytest.raises(BadArgument, match="named twice"):
        CrossPlayMatches(COORDINATION, ["random"], ["random"])
    with pytest.raises(BadArgument, match="one seat"):
        CrossPlayMatches("toys:Counter", ["random"])

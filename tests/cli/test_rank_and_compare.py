"""``arenas rank`` and ``arenas compare`` as a person runs them."""

import csv
import json

import numpy as np
import pytest

import arenas
from arenas.agents.ppo import export, networks
from arenas.cli import compare
from arenas.evaluation import Store, Tournament
from arenas.evaluation.schedule import round_robin

ENV = "rrps-v0,throws=4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tournament of three constant agents: each beats one and loses to one."""
    at = tmp_path_factory.mktemp("tournament")
    tournament = Tournament(ENV, ["rrps/rock", "rrps/paper", "rrps/scissors"], episodes=2, jobs=1)
    with Store(at / "episodes.db") as store:
        tournament.play(store)
        tournament.export(tournament.results(store), store, at)
    return at


def test_a_tournament_is_rated_by_several_methods_side_by_side(folder, cli, tmp_path):
    file = tmp_path / "ratings.csv"
    status, out, _ = cli("rank", folder, "--by", "alpharank,popscore,nash", "--csv", file)
    assert status == 0
    assert "rrps/rock" in out and "0.333" in out
    lines = list(csv.DictReader(file.read_text().splitlines()))
    assert [x["rating"] for x in lines] == ["alpharank"] * 3 + ["popscore"] * 3 + ["nash"] * 3
    assert {float(x["value"]) for x in lines[3:6]} == {-4.0}
    status, out, _ = cli("rank", folder, "--by", "return,elo", "--explain")
    assert "Bradley and Terry 1952" in out and "seed 0" in out


def test_ratings_as_json_with_the_payoffs_of_every_seat(folder, cli):
    status, out, _ = cli("rank", folder, "--by", "return", "--json", "--bootstrap", 5)
    told = json.loads(out)
    assert status == 0 and told["episodes"] == 18
    assert told["ratings"][0]["settings"]["bootstrap"] == 5
    assert told["payoff"]["mean"] == [[0, -4, 4], [4, 0, -4], [-4, 4, 0]]
    assert len(told["payoff"]["by_seat"]) == 2
    assert told["payoff"]["by_seat"][0]["mean"] == told["payoff"]["mean"]


def test_what_cannot_be_rated_is_refused_with_what_can(folder, cli, tmp_path):
    assert "did you mean 'elo'" in cli("rank", folder, "--by", "eloo")[2]
    status, _, err = cli("rank", tmp_path)
    assert status == 2 and "is no tournament's folder" in err
    file = tmp_path / "results.json"
    file.write_text((folder / "results.json").read_text())
    assert "has no episodes.db" in cli("rank", tmp_path)[2]


def exported(folder, seed):
    """An untrained agent, as training exports it."""
    env = arenas.make(ENV)
    spec = networks.Spec(
        leaves=networks.describe(env.observation_space),
        actions=env.num_actions,
        kind="mlp",
        hidden=4,
        layers=1,
        head=False,
        channels=(),
    )
    import jax

    params = networks.build(spec, jax.random.key(seed))[1]
    return export.save(
        folder, env, spec, params, greedy=False, training={"seed": seed, "interrupted": False}
    )


def test_runs_are_compared_on_test_seeds_and_other_seeds_are_refused(cli, tmp_path):
    for name in "ab":
        for seed in range(2):
            exported(tmp_path / f"{name}-{seed}" / "agent", seed)
    sources = [f"{name}={tmp_path}/{name}-*" for name in "ab"]
    out_at = tmp_path / "out"
    at = ("--opponents", "rrps/rock", "--episodes", 4, "--bootstrap", 20, "--out", out_at)
    status, out, err = cli("compare", *sources, *at, "--json")
    told = json.loads(out)
    assert status == 0, err
    assert told["tasks"] == [f"{ENV} against rrps/rock"]
    assert told["episodes"] == {"first_seed": 1_000_000_000, "count": 4}
    assert told["scores"]["a"] == told["scores"]["b"]  # the same agents
    assert told["probability_of_improvement"][0]["value"] == 0.5
    assert json.loads((out_at / "comparison.json").read_text()) == told
    assert told["settings"]["interval"] == "corrected" and "Hesterberg 2015" in told["intervals"]
    from_file = ("compare", out_at / "scores.csv", "--bootstrap", 20)
    assert json.loads(cli(*from_file, "--json")[1])["aggregates"] == told["aggregates"]
    plain = " ".join(cli(*from_file, "--interval", "percentile")[1].split())
    assert "as in rliable; too narrow with few runs" in plain
    # By hand: the mean of both seatings over the same episodes, from 0 to 1.
    agent = tmp_path / "a-0" / "agent"
    first = arenas.play(ENV, [str(agent), "rrps/rock"], episodes=4, seed=1_000_000_000)
    second = arenas.play(ENV, ["rrps/rock", str(agent)], episodes=4, seed=1_000_000_000)
    mean = np.mean([e.returns[0] for e in first] + [e.returns[1] for e in second])
    assert told["scores"]["a"][0][0] == pytest.approx((mean + 4) / 8)

    assert "trained with seed 0" in cli("compare", *sources, "--first-seed", 0)[2]
    status, _, err = cli("compare", *sources, "--first-seed", 3_000_000_000)
    assert status == 2 and "for tuning" in err
    exported(tmp_path / "a-9", 0)
    assert "give one agent of each run" in cli("compare", sources[0])[2]


def test_until_decided_makes_runs_on_seeds_of_the_phase_and_stops_at_a_decision(
    cli, tmp_path, monkeypatch
):
    made = []

    def train_runs(words, folder, first, count):
        made.append((words, first, count))
        return [folder / f"agent-{s}" for s in range(first, first + count)]

    def evaluate(env, agents, opponents, drawn):
        better = 1.0 if "b-" in str(agents[0]) else 0.0
        return np.array([[better + int(a.name.split("-")[1]) % 7 / 100] for a in agents])

    monkeypatch.setattr(compare, "train_runs", train_runs)
    monkeypatch.setattr(compare, "evaluate", evaluate)
    from arenas.evaluation import runs

    monkeypatch.setattr(
        runs, "read_card", lambda _: {"environment": {"id": ENV, "arguments": {}}, "training": {}}
    )
    words = "ippo --env rrps-v0"
    args = ("compare", f"a={words}", f"b={words} --lr 0.1", "--until-decided", "--groups", 4)
    status, out, _ = cli(*args, "--out", tmp_path, "--json")
    told = json.loads(out)["adastop"]
    assert status == 0
    assert told["decisions"] == [{"first": "a", "second": "b", "verdict": "smaller"}]
    assert told["looks"] < 4 and told["undecided"] == []
    assert made[:2] == [
        (["ippo", "--env", "rrps-v0"], 500_000_000, 5),
        (["ippo", "--env", "rrps-v0", "--lr", "0.1"], 500_000_000, 5),
    ]
    assert "give --until-decided and --out" in cli("compare", f"a={words}", f"b={words}")[2]


def test_too_few_runs_are_undecided(cli, tmp_path):
    file = tmp_path / "scores.csv"
    lines = [f"{a},x,{r},{r / 10}" for a in "ab" for r in range(6)]
    file.write_text("algorithm,task,run,score\n" + "\n".join(lines))
    status, out, _ = cli("compare", file, "--until-decided", "--bootstrap", 5)
    assert status == compare.UNDECIDED
    assert "a ? b" in out and "The next look needs 10 runs of each." in out


def test_training_words_that_compare_chooses_are_refused(tmp_path):
    with pytest.raises(arenas.errors.BadArgument, match="--seed is chosen by arenas compare"):
        compare.train_runs(["ippo", "--seed", "3"], tmp_path, 0, 1)


def test_the_schedule_is_not_needed_to_rate(folder):
    """Rows are paired by their seeds alone, as any schedule gives them."""
    from arenas.evaluation import payoffs

    field = payoffs.load(folder)
    fixtures = round_robin(field.agents, 2, 2, 0)
    with Store(folder / "episodes.db") as store:
        rows = store.rows("rrps-v0", {"throws": 4})
    table = payoffs.payoff_table(field.agents, fixtures, rows)
    assert np.array_equal(table.mean, field.table().mean)
    assert np.array_equal(table.count, field.table().count)

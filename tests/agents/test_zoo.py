"""Agents of the zoo: each plays as well as its card says, and says how it was made."""

import math

import pytest

import arenas
from arenas.agents import zoo
from arenas.agents.ppo.evaluate import Evaluation
from arenas.agents.ppo.games import load_opponents

EPISODES = 64


@pytest.mark.parametrize("name", zoo.names())
def test_a_card_says_how_the_agent_was_trained_and_judged(name):
    card = zoo.card(name)
    training = card["training"]
    assert training["command"].startswith(("arenas train", "python benchmarks/"))
    assert training["steps"] > 0 and training["machine"] and training["seed"] >= 0
    judged = training["judged"]
    assert judged["episodes"] >= 1000
    low, high = judged["interval"]
    score = judged["return"] if judged["win_rate"] is None else judged["win_rate"]
    assert low <= score <= high


def test_the_zoo_is_small():
    sizes = [sum(f.stat().st_size for f in (zoo.FOLDER / n).iterdir()) for n in zoo.names()]
    assert max(sizes) < 510_000 and sum(sizes) < 10_000_000


def test_every_game_has_an_agent():
    games = {zoo.card(name)["environment"]["game"] for name in zoo.names()}
    assert games >= {"colorgrid", "fightladder", "hanabi", "rrps", "smax"}


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.names())
def test_an_agent_scores_what_its_card_says(name):
    judged = zoo.card(name)["training"]["judged"]
    env = arenas.make(judged["environment"])
    agent = arenas.load_agent(f"zoo/{name}", env)
    opponents = load_opponents(env, judged["against"])
    got = Evaluation(env, agent, EPISODES, opponents, first_seed=77)(agent.params)
    n = got["episodes"]
    if judged["win_rate"] is None:
        error = math.hypot(got["return_error"] or 0.0, judged["return_error"])
        assert abs(got["return"] - judged["return"]) <= 4 * error + 1e-6
    else:
        # Four deviations of the share that the card's interval allows, at the most likely end.
        low, high = judged["interval"]
        nearest = min(max(got["win_rate"], low), high)
        assert abs(got["win_rate"] - nearest) <= 4 * math.sqrt(nearest * (1 - nearest) / n) + 1 / n


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(arenas.errors.UnknownName, match="smax-3m"):
        arenas.load_agent("zoo/smax-3", "smax-3m-v0")

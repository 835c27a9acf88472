"""SMAX's conic observation against JaxMARL's, where JaxMARL's faults do not matter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from smax_states import NAMES, battles, oracle, their_state

from arenas.envs.smax.conic import ROOM, SECTIONS, SIZE, conic, section_of
from arenas.envs.smax.observation import OWN_FEATURES, UNIT_FEATURES
from arenas.envs.smax.scenarios import SCENARIOS
from arenas.envs.smax.units import SIGHT_RANGE

COUNT = 200
ORDER = ("position", "health", "unit_type", "cooldown", "last_movement", "last_attack")


@functools.cache
def _ours(name, observers, see_enemy_actions=True):
    observe = functools.partial(
        conic,
        num_allies=SCENARIOS[name].num_allies,
        observers=observers,
        see_enemy_actions=see_enemy_actions,
    )
    return jax.jit(jax.vmap(lambda battle: observe(*(battle[k] for k in ORDER))))


@functools.cache
def _theirs(name, see_enemy_actions=True):
    env = oracle(name, observation_type="conic", see_enemy_actions=see_enemy_actions)

    def observe(state):
        seen = env.get_obs(state)
        return jnp.stack([seen[agent] for agent in env.agents])

    return jax.jit(jax.vmap(observe))


def _sections(observation):
    """``[..., sections, room, features]``."""
    seen = observation[..., : -len(OWN_FEATURES)]
    return seen.reshape(*seen.shape[:-1], SECTIONS, ROOM, len(UNIT_FEATURES))


def _near_a_border(battle):
    """``[count, U]``: somebody is so near to a section's border or to the sight range that
    float32 decides.
    """
    position = battle["position"].astype(float)
    away = position[:, None] - position[:, :, None]
    angle = np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) * SECTIONS
    sight = SIGHT_RANGE[battle["unit_type"]][..., None]
    distance = np.linalg.norm(away, axis=-1)
    near = (np.abs(angle - np.round(angle)) < 1e-4) | (np.abs(distance - sight) < 1e-5)
    return (near & ~np.eye(near.shape[-1], dtype=bool)).any(-1)


def _without_unit_0(battle):
    """Unit 0 far from everyone, everyone else alive but for some observers who see nothing."""
    position = battle["position"].copy()
    position[:, 0] = 500
    return battle | {"position": position}


@pytest.mark.parametrize("name", NAMES)
def test_with_unit_0_out_of_sight_and_all_alive_it_is_jaxmarls(name):
    battle = _without_unit_0(battles(name, COUNT, seed=0, deaths=0))
    units = battle["health"].shape[1]
    ours = np.asarray(_ours(name, units)(battle))
    theirs = np.asarray(_theirs(name)(their_state(battle)))
    assert ours.shape == theirs.shape == (COUNT, units, SIZE)
    clear = ~_near_a_border(battle)
    assert clear.mean() > 0.99
    np.testing.assert_allclose(ours[clear], theirs[clear], atol=1e-5)
    assert (_sections(ours)[..., 1, 0] > 0).any(), "no section is full: the test shows nothing"


def test_actions_of_opponents_can_be_hidden_as_in_jaxmarl():
    battle = _without_unit_0(battles("2s3z", COUNT, seed=1, deaths=0))
    clear = ~_near_a_border(battle)
    ours = np.asarray(_ours("2s3z", 10, see_enemy_actions=False)(battle))
    theirs = np.asarray(_theirs("2s3z", see_enemy_actions=False)(their_state(battle)))
    np.testing.assert_allclose(ours[clear], theirs[clear], atol=1e-5)
    assert (ours != np.asarray(_ours("2s3z", 10)(battle))).any()


def _marines(*positions, dead=()):
    """A battle of ``3m``: the given positions, the others far away from all."""
    battle = battles("3m", 1, seed=0, deaths=0)
    corners = [(1, 31), (31, 31), (31, 1), (1, 1)]
    battle["position"][0] = [*positions, *corners][:6]
    battle["health"][0, list(dead)] = 0
    return battle


def _seen_by(battle, observer):
    """``{section: relative positions}``, in order of room."""
    sections = _sections(np.asarray(_ours("3m", 6)(battle))[0, observer])
    return {
        s: [room[1:3].tolist() for room in sections[s] if room[0] > 0]
        for s in range(SECTIONS)
        if (sections[s, :, 0] > 0).any()
    }


def test_unit_0_is_seen():
    battle = _marines((13, 11), (10, 10), (30, 20))
    [(section, [place])] = _seen_by(battle, 1).items()
    assert section == 17  # 18.4 degrees above +x, where section 16 begins
    np.testing.assert_allclose(place, np.array([3, 1]) / 9, atol=1e-6)


def test_jaxmarl_never_shows_unit_0():
    battle = _marines((13, 11), (10, 10), (30, 20))
    assert not _sections(np.asarray(_theirs("3m")(their_state(battle))))[0, 1].any()


def test_the_dead_are_not_seen_and_take_no_room():
    places = ((10, 10), (13, 11), (13.1, 11.1), (13.2, 11.2))
    assert len(_seen_by(_marines(*places), 0)[17]) == ROOM
    seen = _seen_by(_marines(*places, dead=[1]), 0)[17]
    np.testing.assert_allclose(seen, [(3.1 / 9, 1.1 / 9), (3.2 / 9, 1.2 / 9)], atol=1e-6)
    theirs = np.asarray(_theirs("3m")(their_state(_marines(*places, dead=[1]))))
    np.testing.assert_allclose(_sections(theirs)[0, 0, 17, 0, 1:3], [3 / 9, 1 / 9], atol=1e-6)


def test_the_dead_see_nothing_not_even_themselves():
    battle = _marines((10, 10), (13, 11), dead=[0])
    assert not np.asarray(_ours("3m", 6)(battle))[0, 0].any()


@pytest.mark.parametrize(
    ("place", "sections"),
    [((13, 10), (15, 16)), ((7, 10), (31, 0)), ((10, 13), (23, 24)), ((10, 7), (7, 8))],
)
def test_a_unit_exactly_on_a_border_is_in_one_of_the_two_sections(place, sections):
    [(section, _)] = _seen_by(_marines((10, 10), place), 0).items()
    assert section in sections


def test_jaxmarl_shows_nobody_on_a_border():
    battle = _marines((10, 10), (13, 10))
    assert not _sections(np.asarray(_theirs("3m")(their_state(battle))))[0, 0].any()


def test_of_three_in_a_section_the_first_two_in_unit_order_are_seen():
    battle = _marines((10, 10), (16, 12), (13, 11), (11.5, 10.5))
    seen = _seen_by(battle, 0)[17]
    np.testing.assert_allclose(seen, [(6 / 9, 2 / 9), (3 / 9, 1 / 9)], atol=1e-6)


def test_sections_are_those_of_the_arctangent():
    rng = np.random.default_rng(0)
    dx, dy = rng.normal(size=(2, 20_000)).astype(np.float32)
    turns = (np.arctan2(dy.astype(float), dx) + np.pi) / (2 * np.pi) * SECTIONS
    clear = np.abs(turns - np.round(turns)) > 1e-4
    assert clear.mean() > 0.99
    section = np.asarray(section_of(dx, dy))
    assert (section == np.floor(turns))[clear].all()
    assert set(section) == set(range(SECTIONS))


def test_the_first_units_alone_can_observe():
    battle = battles("5m_vs_6m", COUNT, seed=2)
    np.testing.assert_array_equal(
        _ours("5m_vs_6m", 5)(battle), np.asarray(_ours("5m_vs_6m", 11)(battle))[:, :5]
    )

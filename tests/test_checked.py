"""The checks of types and shapes that the tests run under do find what is wrong."""

import numpy as np
import pytest

import arenas
from arenas.rollout import agent_seed, select_rows


def test_a_wrong_type_is_found():
    with pytest.raises(Exception, match="agent_seed"):
        agent_seed("no number", 0)


def test_a_wrong_shape_is_found():
    with pytest.raises(Exception, match="select_rows"):
        select_rows(np.zeros((3, 2), bool), np.zeros((3, 2)), np.ones((3, 2)))


def test_a_dataclass_with_a_field_of_a_wrong_shape_is_found():
    env = arenas.make("rrps-v0")
    assert type(env).__module__.startswith("arenas.")
    with pytest.raises(Exception, match=r"TimeStep.*"):
        arenas.TimeStep(
            observation=0,
            reward=np.zeros((2, 2), np.float32),
            terminated=np.zeros((), bool),
            truncated=np.zeros((), bool),
            acting=np.ones(2, bool),
            action_mask=np.ones((2, 3), bool),
            info={},
        )

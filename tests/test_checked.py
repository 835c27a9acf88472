"""The checks of types and shapes that the tests run under do find what is wrong."""

import dataclasses

import checked
import numpy as np
import pytest
from jaxtyping import Float

from arenas.rollout import agent_seed, select_rows


def test_a_wrong_type_is_found():
    with pytest.raises(Exception, match="agent_seed"):
        agent_seed("no number", 0)


def test_a_wrong_shape_is_found():
    with pytest.raises(Exception, match="select_rows"):
        select_rows(np.zeros((3, 2), bool), np.zeros((3, 2)), np.ones((3, 2)))


@checked.check_fields
@dataclasses.dataclass
class Pair:
    """A class with shapes, checked as those of the package are."""

    first: Float[np.ndarray, " rows"]
    second: Float[np.ndarray, " rows"]


def test_a_dataclass_with_a_field_of_a_wrong_shape_is_found():
    Pair(np.ones(2), np.ones(2))
    with pytest.raises(Exception, match="second"):
        Pair(np.ones(2), np.ones(3))


def test_after_many_calls_one_in_twenty_is_checked():
    for _ in range(checked.FIRST):
        Pair(np.ones(2), np.ones(2))
    found = 0
    for _ in range(5 * checked.ONE_IN):
        try:
            Pair(np.ones(2), np.ones(3))
        except Exception:
            found += 1
    assert found == 5

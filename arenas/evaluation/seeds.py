"""Which seeds are for what, so that nothing is judged on what it was made with.

The seeds of episodes fall into three ranges that do not meet:

* ``TRAINING``, from 0: seeds of training runs. A run draws all its episodes from the key of its
  own seed; the episode with that seed draws from the same key.
* ``TESTING``, from 1,000,000,000: episodes that results are reported on.
* ``TUNING``, from 3,000,000,000: episodes that choices are made by. ``arenas train`` evaluates on
  these as it goes, and by them picks the best of a run; hyper-parameters are compared on them too.

Training runs are split likewise: runs that choose hyper-parameters have seeds from 0, runs whose
results are reported from ``FIRST_TEST_RUN``. Source: Patterson et al. 2024, "Empirical Design in
Reinforcement Learning", Journal of Machine Learning Research 25 (318).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from arenas.errors import BadArgument

TRAINING = range(1_000_000_000)
TESTING = range(1_000_000_000, 3_000_000_000)
TUNING = range(3_000_000_000, 2**32)
FIRST_TEST_RUN = 500_000_000

Phase = Literal["test", "tune"]


def first_episode(phase: Phase) -> int:
    """The first seed of the episodes that a phase evaluates on."""
    return TESTING[0] if phase == "test" else TUNING[0]


def first_run(phase: Phase) -> int:
    """The first seed of the training runs of a phase."""
    return FIRST_TEST_RUN if phase == "test" else TRAINING[0]


def refuse_training_seeds(
    episodes: range, cards: Mapping[str, Mapping[str, Any]], phase: Phase = "test"
) -> None:
    """Refuse to evaluate on episodes that agents were trained with or, to report, chosen by.

    Args:
        episodes: seeds of the episodes.
        cards: what ``agent.json`` says of each agent, by name.
        phase: to tune, the seeds for it are accepted.

    Raises:
        BadArgument: names the seeds and what they were used for.
    """
    tuned = range(max(episodes.start, TUNING.start), min(episodes.stop, TUNING.stop))
    if len(tuned) and phase == "test":
        raise BadArgument(
            f"episodes with seeds {tuned[0]} to {tuned[-1]} are for tuning: training evaluates on "
            f"them and picks its best agent by them; accepted for reporting are seeds from "
            f"{TESTING[0]} to {TESTING[-1]}"
        )
    for name, card in cards.items():
        seed = card.get("training", {}).get("seed")
        if seed is not None and seed in episodes:
            raise BadArgument(
                f"{name} was trained with seed {seed}, which is among the episodes {episodes[0]} "
                f"to {episodes[-1]}; accepted for reporting are seeds from {TESTING[0]} to "
                f"{TESTING[-1]}"
            )

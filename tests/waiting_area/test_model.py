"""Two hundred things happen at random, and the waiting area is after each what a plain model says (R29)."""

import pytest

from tests.factories.house import House
from tests.factories.waiting import Told
from tests.waiting_area.walk import Walk

STEPS, IN_THE_PLAIN_SUITE, SEEDS = 200, 5, 50


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, marks=[pytest.mark.faults] if seed >= IN_THE_PLAIN_SUITE else [])
        for seed in range(SEEDS)
    ],
)
def test_waiting_area_is_what_the_model_says(
    seed: int, rynek: House, markt: House, beating: None, told: Told
) -> None:
    walk = Walk(seed, rynek, markt)

    walk.take_steps(STEPS)

    # The walk went about; refusals are part of it.
    assert len(walk.outcomes) > 12

"""What counts of a measured effect, against the formula and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.abtest.evidence import count_on


@settings(max_examples=50, deadline=None)
@given(effect=st.floats(-1, 1), reach=st.floats(0.001, 1))
def test_an_unproven_effect_shrinks_towards_nothing_and_never_turns(effect, reach) -> None:
    found = count_on(effect, effect - reach, effect + reach)
    assert found.unproven == (abs(effect) <= reach)
    if found.unproven:
        assert abs(found.effect) <= abs(effect)
        assert found.effect * effect >= 0
    else:
        assert found.effect == effect


def test_half_the_width_of_the_interval_in_errors_gives_the_known_share() -> None:
    # An effect at the end of a 95% interval has z 1.96: 1 - 1 / 3.8415 of it counts.
    assert count_on(0.0196, 0.0, 0.0392).effect == pytest.approx(0.0196 * (1 - 1 / 3.841459))


def test_counting_on_less_misses_by_less_where_most_effects_are_small() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.5, 4000)
    seen = truth + rng.normal(size=4000)
    counted = np.array([count_on(x, x - 1.96, x + 1.96).effect for x in seen])
    assert np.mean((counted - truth) ** 2) < 0.65 * np.mean((seen - truth) ** 2)
